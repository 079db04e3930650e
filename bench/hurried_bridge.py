# SPDX-License-Identifier: Apache-2.0
"""A bridge that waits for no second between blocks, so that a long chain is made in minutes. Run by snapshot.py.

Its chain's time runs ahead of the clock; what is stored of a block, and read again, is what it always is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvloop

from maillon.kit import logs
from maillon.network.__main__ import run_bridge
from maillon.network.bridge import Bridge
from maillon.network.configuration import NodeHome
from maillon.network.rules import Parent


class Hurried(Bridge):
    """Proposes at once."""

    async def _pace(self, head: Parent) -> None:
        pass


if __name__ == "__main__":
    logs.configure("info")
    uvloop.run(run_bridge(NodeHome(Path(sys.argv[1])), Hurried))
