# SPDX-License-Identifier: Apache-2.0
"""No network at all: the command verifies a receipt where there is no way out, not even to this machine itself."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from running_platform import environment

EXAMPLE = Path(__file__).resolve().parents[2] / "vectors/ledger"
INTERFACES = """
import socket
print(*(name for _, name in socket.if_nameindex()))
try:
    socket.create_connection(("127.0.0.1", 9), 1)
except OSError as error:
    print(error.errno)
"""


@pytest.fixture
def unplugged() -> list[str]:
    """Before a command: what makes it run in a network namespace of its own, in which nothing is switched on."""
    if shutil.which("unshare") is None:
        pytest.skip("network namespaces need unshare: apt install util-linux")
    entrance = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--"]
    tried = subprocess.run([*entrance, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this machine allows no network namespaces: {tried.stderr.strip()}")
    return entrance


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment())


def test_a_receipt_verifies_without_any_network(unplugged: list[str], tmp_path: Path) -> None:
    alone = run(*unplugged, sys.executable, "-c", INTERFACES)
    assert alone.stdout.split() == ["lo", str(errno.ENETUNREACH)], "the namespace has a way out"

    receipt, trust = EXAMPLE / "minutes.txt.receipt.json", EXAMPLE / "trust.json"
    verify = [*unplugged, sys.executable, "-m", "maillon", "verify", str(receipt)]
    held = run(*verify, str(EXAMPLE / "minutes.txt"), "--trust", str(trust), "--json")
    assert held.returncode == 0, held.stdout + held.stderr
    assert json.loads(held.stdout)["verdict"] == "valid"

    other = tmp_path / "minutes.txt"
    other.write_text("What was never decided.\n")
    refused = run(*verify, str(other), "--trust", str(trust), "--json")
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert json.loads(refused.stdout)["verdict"] == "invalid"
