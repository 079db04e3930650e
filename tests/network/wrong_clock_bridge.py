# SPDX-License-Identifier: Apache-2.0
"""A bridge whose clock is as many seconds ahead as CLOCK_AHEAD says. Run by test_clock.py."""

from __future__ import annotations

import asyncio
import datetime
import os
import sys
from pathlib import Path
from typing import Any

from maillon.kit import logs
from maillon.kit.clock import Clock, SystemClock
from maillon.network.__main__ import run_bridge
from maillon.network.bridge import Bridge
from maillon.network.configuration import NodeHome


class WrongClock(SystemClock):
    """The system's, moved."""

    def __init__(self, seconds: int) -> None:
        self._off = datetime.timedelta(seconds=seconds)

    def now(self) -> datetime.datetime:
        return super().now() + self._off


class Mistaken(Bridge):
    """Reads that clock."""

    clock: Clock

    def __init__(self, *collaborators: Any, **named: Any) -> None:
        super().__init__(*collaborators, **named)
        self._clock = self.clock


if __name__ == "__main__":
    logs.configure("info")
    Mistaken.clock = WrongClock(int(os.environ["CLOCK_AHEAD"]))
    asyncio.run(run_bridge(NodeHome(Path(sys.argv[1])), Mistaken))
