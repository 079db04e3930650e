# SPDX-License-Identifier: Apache-2.0
"""Lets the tests of this folder import the EVM they share, and the program that compiles the contracts."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

for folder in (HERE, HERE.parents[1] / "contracts"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
