# SPDX-License-Identifier: Apache-2.0
"""Logs are one JSON object a line, and a disk without room for one ends nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import structlog
from maillon.kit import logs
logs.configure("info")
for number in range(10_000):
    structlog.get_logger("tests").info("said", number=number)
structlog.get_logger("tests").debug("not said")
print("alive")
"""


ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
"""As on a machine where nobody asked Python to hold nothing back."""


def run(stderr: Path) -> subprocess.CompletedProcess[str]:
    with stderr.open("w") as file:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            check=False,
            timeout=300,
            env=ENVIRONMENT,
        )


def test_a_line_is_an_object(tmp_path: Path) -> None:
    assert run(tmp_path / "log").returncode == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["number"] for line in lines] == list(range(10_000))
    assert {(line["event"], line["level"]) for line in lines} == {("said", "info")}


def test_a_full_disk_ends_nobody() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    done = run(full)
    assert done.returncode == 0
    assert done.stdout == "alive\n"
