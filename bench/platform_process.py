# SPDX-License-Identifier: Apache-2.0
"""One platform of our own for a measurement: a new home, a free port, started and stopped as an operator would."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1] / "maillon"
"""What people start, not the module behind it."""


@dataclass
class Platform:
    """A running `maillon up`."""

    home: Path
    port: int
    process: subprocess.Popen[str]
    seconds_to_ready: float

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        """The first API key."""
        return (self.home / "api-key").read_text().strip()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(home: Path, *arguments: str, demo: bool = False) -> Iterator[Platform]:
    """Start the platform on `home`, wait for its ready line, and stop it with SIGTERM at the end.

    A new home stays empty, or is filled with the demonstration while the platform runs.
    """
    port = free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        [PROGRAM, "up", "--demo" if demo else "--no-demo", "--home", home, "--port", str(port), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready "):
            break
    else:
        raise RuntimeError(f"it ended with {process.wait()} before it was ready")
    try:
        yield Platform(home, port, process, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
