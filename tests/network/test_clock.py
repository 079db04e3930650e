# SPDX-License-Identifier: Apache-2.0
"""One validator's clock is a minute off, both ways: blocks keep the others' time, and the doctor finds who is wrong.

CometBFT is built once more, from its pinned source and with Go's own standard library but for one line of `time.Now`:
no library that is loaded in front of a program changes what a Go program takes the time to be. The bridge's clock is
moved alike. geth makes nothing of its own clock: the time of a block is given to it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from local_network import LocalNetwork, until
from maillon.network.doctor import WRONG, diagnose, examine
from maillon.network.engines import COMETBFT
from maillon.network.toolchain import find_go

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
OFF: Final = 60
NOW: Final = re.compile(r"func Now\(\) Time \{\n\tsec, nsec, mono := \w+\(\)\n")
"""In Go's time/time.go: where the system's clock is read."""
SHIFT: Final = """package time

import "syscall"

var shift = readShift()

func readShift() (seconds int64) {
	text, _ := syscall.Getenv("CLOCK_AHEAD")
	for _, digit := range text {
		if digit >= '0' && digit <= '9' {
			seconds = 10*seconds + int64(digit-'0')
		}
	}
	if len(text) > 0 && text[0] == '-' {
		seconds = -seconds
	}
	return
}
"""


@pytest.fixture(scope="module")
def network(engine_programs: Path) -> Iterator[LocalNetwork]:
    """Four validators."""
    with tempfile.TemporaryDirectory(prefix="maillon-") as folder, LocalNetwork(Path(folder), engine_programs) as made:
        made.start()
        yield made


@pytest.fixture(scope="module")
def mistaken(engine_programs: Path) -> Iterator[Path]:
    """A CometBFT whose clock is as many seconds ahead as CLOCK_AHEAD in its environment says."""
    with tempfile.TemporaryDirectory(prefix="maillon-clock-") as made:
        folder = Path(made)
        go = find_go(engine_programs, sys.stderr.write)
        root = subprocess.run([go, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
        package = Path(root) / "src" / "time"
        text, found = NOW.subn(lambda match: match[0] + "\tsec += shift\n", (package / "time.go").read_text())
        assert found == 1, "this Go reads its clock elsewhere"
        (folder / "time.go").write_text(text)
        (folder / "shift.go").write_text(SHIFT)
        replaced = {str(package / name): str(folder / name) for name in ("time.go", "shift.go")}
        overlay = folder / "overlay.json"
        overlay.write_text(json.dumps({"Replace": replaced}))
        done = subprocess.run(
            [go, "install", "-trimpath", "-p", "2", f"-overlay={overlay}", f"{COMETBFT.package}@v{COMETBFT.version}"],
            env=os.environ | {"GOBIN": str(folder), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"},
            capture_output=True, text=True, check=False, cwd=folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        yield folder / "cometbft"


@pytest.mark.parametrize("seconds", [OFF, -OFF], ids=["ahead", "behind"])
async def test_a_clock_a_minute_off(
    network: LocalNetwork, mistaken: Path, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, others = network.nodes[3], network.nodes[:3]
    victim.stop()
    settings = victim.settings
    victim.home.lay_out(dataclasses.replace(settings, cometbft=str(mistaken)))
    victim.bridge = HERE / "wrong_clock_bridge.py"
    monkeypatch.setenv("CLOCK_AHEAD", str(seconds))
    network.start([victim])
    try:
        network.send(victim, 1)
        network.grow(12, network.nodes)
        assert until(lambda: victim.address in others[0].signers(), 240), "it is not heard"
        # Twelve blocks hold some of its own proposals. Their time is the median of the votes: nobody's alone.
        block = others[0].rpc("eth_getBlockByNumber", "latest", False)
        assert abs(int(block["timestamp"], 16) - time.time()) < OFF / 2
        facts = await examine(victim.home, network.engines)
        # The doctor runs on the machine whose clock is wrong.
        health = dataclasses.replace(facts.health, now=facts.health.now + seconds)
        findings = diagnose(dataclasses.replace(facts, health=health))
        finding = next(found for found in findings if found.name == "clock")
        assert finding.state == WRONG
        assert ("ahead of" if seconds > 0 else "behind") in finding.words
    finally:
        victim.stop()
        victim.home.lay_out(settings)
        victim.bridge = None
        monkeypatch.delenv("CLOCK_AHEAD")
        network.start([victim])
    network.grow(2, network.nodes)
    network.check_same()
