# SPDX-License-Identifier: Apache-2.0
"""Lets the tests of this folder share what the tests of the embedded ledger are made of."""

from __future__ import annotations

import sys
from pathlib import Path

SHARED = str(Path(__file__).resolve().parents[1] / "ledger" / "embedded")
if SHARED not in sys.path:
    sys.path.insert(0, SHARED)
