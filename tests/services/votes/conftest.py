# SPDX-License-Identifier: Apache-2.0
"""Lets these tests import what they share, and the EVM that the tests of the contracts made."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

for folder in (HERE, HERE.parents[1] / "contracts"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
