# SPDX-License-Identifier: Apache-2.0
"""Where data lives: found without loading anything, since the verifier asks too."""

from __future__ import annotations

import os
from pathlib import Path


def default_home() -> Path:
    """MAILLON_HOME, else ~/.maillon."""
    return Path(os.environ.get("MAILLON_HOME") or "~/.maillon").expanduser()
