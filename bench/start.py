# SPDX-License-Identifier: Apache-2.0
"""How long from the command to the ready line, and how much memory: a new home, then the same home again."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from machine import resident_mib
from platform_process import running

RUNS = 5


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
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
