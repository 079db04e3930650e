# SPDX-License-Identifier: Apache-2.0
"""A node of a release to come, which pins newer engines and is else the same. Run in place of node_process.py.

next_release.py HOME ENGINES [BRIDGE]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import node_process
from maillon.network import engines, supervisor

NEXT_GETH: Final = replace(engines.GETH, version="1.17.10", sum="h1:b3WO+xux3pItpm13kqT5Xddv01zOxBFZxQgk/Ate4/M=")
NEXT_COMETBFT: Final = replace(
    engines.COMETBFT, version="0.38.26", sum="h1:MIPYgOSvyyiN1jo3SZljKy4ZXqs896aQnj3pQFfUmaE="
)


def install(folder: Path) -> Path:
    """Build the engines of that release where they are not: some minutes, once for this user."""
    pinned, engines.ENGINES = engines.ENGINES, (NEXT_COMETBFT, NEXT_GETH)  # type: ignore[misc, assignment]
    try:
        engines.install(folder, lambda message: sys.stderr.write(message + "\n"), {})
    finally:
        engines.ENGINES = pinned  # type: ignore[misc]
    return folder


if __name__ == "__main__":
    supervisor.GETH, supervisor.COMETBFT = NEXT_GETH, NEXT_COMETBFT  # type: ignore[misc]
    node_process.main(*sys.argv[1:])
