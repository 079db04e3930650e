# SPDX-License-Identifier: Apache-2.0
"""How long from the command to the ready line, and how much memory: a new home, then the same home again.

Once more with the demonstration, as a newcomer starts it: to the ready line of a new home, which is filled afterwards,
and of the same home when it is full.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from machine import resident_mib
from platform_process import running
from running_platform import settled

RUNS = 5


def with_demonstration() -> dict[str, float]:
    """A new home that is filled, and its second start."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        with running(home, demo=True) as platform:
            cold, memory = platform.seconds_to_ready, resident_mib(platform.process.pid)
            settled(platform.url)
        with running(home, demo=True) as platform:
            return {
                "cold_seconds_to_ready_with_demonstration": round(cold, 2),
                "resident_mib_when_ready_with_demonstration": memory,
                "second_seconds_to_ready_with_demonstration": round(platform.seconds_to_ready, 2),
            }


def main() -> None:
    """Five new homes, each started twice."""
    cold: list[float] = []
    second: list[float] = []
    memory: list[float] = []
    stop: list[float] = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as directory:
            home = Path(directory) / "home"
            with running(home) as platform:
                cold.append(platform.seconds_to_ready)
                memory.append(resident_mib(platform.process.pid))
                began = time.perf_counter()
            stop.append(time.perf_counter() - began)
            with running(home) as platform:
                second.append(platform.seconds_to_ready)
    figures = {
        "cold_seconds_to_ready": round(statistics.median(cold), 2),
        "second_seconds_to_ready": round(statistics.median(second), 2),
        "resident_mib_when_ready": statistics.median(memory),
        "seconds_to_stop": round(statistics.median(stop), 2),
        **with_demonstration(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
