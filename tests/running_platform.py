# SPDX-License-Identifier: Apache-2.0
"""A real platform in a process of its own, started and stopped as an operator would, and its command line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[1]
READY_WITHIN = 180
"""Seconds after which a start has failed: far more than it needs on a busy machine."""
STOPPED_WITHIN = 120
"""The same of a stop, which may be that of a whole network."""
SETTLED_WITHIN = 900
"""Seconds after which the demonstration will not be complete any more."""


@dataclass
class Running:
    """A `maillon up`, ready."""

    home: Path
    url: str
    process: subprocess.Popen[str]
    errors: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return (self.home / "api-key").read_text().strip()

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        self.process.send_signal(with_signal)
        return self.process.wait(STOPPED_WITHIN)

    def close(self) -> None:
        """Whatever became of it, nothing of it is left."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


def environment() -> dict[str, str]:
    # Where the engines are built is the machine's business, not a setting of the platform that is tried.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MAILLON_") or name == "MAILLON_ENGINES"
    }
    return kept | {"PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "120"}


def maillon(
    *arguments: str, timeout: float = 300, adding: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with something added to its environment."""
    return subprocess.run(
        [sys.executable, "-m", "maillon", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env=environment() | dict(adding or {}),
    )


def stopped_while(moment: str, number: int, *arguments: str) -> None:
    """Send a signal to a start as it says that it is at `moment`; it ends well, and says nothing of its insides."""
    process = subprocess.Popen(
        [sys.executable, "-m", "maillon", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    # One that never says it is ended, and fails the test.
    watchdog = threading.Timer(READY_WITHIN + STOPPED_WITHIN, process.kill)
    watchdog.start()
    try:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line == f"{moment} …\n":
                break
        process.send_signal(number)
        _, errors = process.communicate()
    finally:
        watchdog.cancel()
    assert process.returncode == 0, "".join(said) + errors
    assert said[-1] == f"{moment} …\n", "".join(said)
    assert "Traceback" not in errors


def settled(url: str) -> None:
    """Wait until the demonstration there is complete; some of its votes end by time alone."""
    until = time.monotonic() + SETTLED_WITHIN
    while (demo := httpx.get(f"{url}/health", timeout=60).json()["demo"])["state"] != "complete":
        if demo["state"] == "stopped" or time.monotonic() > until:
            raise RuntimeError(f"the demonstration is not complete: {demo}")
        time.sleep(1)


def start(
    home: Path,
    *arguments: str,
    command: Sequence[str] = ("up", "--port", "0", "--no-demo"),
    within: float = READY_WITHIN,
    program: Sequence[str] = ("-m", "maillon"),
) -> Running:
    """Start on a free port and wait for the ready line; `program` is what Python runs."""
    process = subprocess.Popen(
        [sys.executable, *program, *command, "--home", str(home), "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []
    stderr = process.stderr
    threading.Thread(target=lambda: errors.extend(stderr), daemon=True).start()
    watchdog = threading.Timer(within, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
    finally:
        watchdog.cancel()
    if not line:
        process.wait(10)
        pytest.fail(f"it ended with {process.returncode} before it was ready: {''.join(errors)}")
    return Running(home, json.loads(line)["ready"], process, errors)


def delegated(platform: Running, number: int, gateway: str, node: Path) -> None:
    """Make the platform's notary a publish delegate of a member, by its operator's key in the home of its node."""
    consent = maillon("consent", str(number), "--ledger", gateway, "--home", str(platform.home))
    (command,) = re.findall(r"node delegate (0x[0-9a-fA-F]{40}) --consent (0x[0-9a-f]+)", consent.stdout)
    home = ("--home", str(node))
    given = maillon("node", "delegate", command[0], "--consent", command[1], "--credits", "10", *home)
    assert given.returncode == 0, given.stdout + given.stderr


def notarised(platform: Running, file: Path) -> Path:
    """The receipt of a file, which lies beside it."""
    done = maillon("notarise", str(file), "--json", "--home", str(platform.home), "--url", platform.url, timeout=300)
    assert done.returncode == 0, done.stderr
    return file.with_name(file.name + ".receipt.json")


def verified(receipt: Path, file: Path, trust: Path) -> None:
    """Every step of the receipt holds, by these anchors and without any server."""
    held = maillon("verify", str(receipt), str(file), "--trust", str(trust), "--json")
    assert held.returncode == 0, held.stdout + held.stderr
    report = json.loads(held.stdout)
    assert [step["state"] for step in report["steps"]] == ["ok"] * 9


Start = Callable[..., Running]
