# SPDX-License-Identifier: Apache-2.0
"""SIGKILL to a real process at each boundary of the embedded ledger: all it acknowledged is there, nothing half."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from embedded_network import accounts_of_tests, genesis_of_tests, key_of_tests

from maillon.evidence.consensus import SignedHeader
from maillon.evidence.document import Fields
from maillon.kit.clock import SystemClock
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.port import Address

PROGRAM = Path(__file__).with_name("embedded_process.py")
TESTS = PROGRAM.parents[1]
# What both processes share stands beside the tests of the embedded ledger; see conftest.py.
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{TESTS / 'ledger' / 'embedded'}:{TESTS.parent / 'src'}"}
THERE = Address(b"\x77" * 20)


def check(home: Path, heard: list[str]) -> None:
    """Open what the dead process left, compare it with what it had said, and go on with it."""
    admitted = [bytes.fromhex(line.split()[1]) for line in heard if line.startswith("admitted")]
    sealed = [line.split()[1:] for line in heard if line.startswith("sealed")]
    chain = Chain.open(home, genesis_of_tests(), key_of_tests(), SystemClock())
    try:
        for number, block_hash in sealed:
            block = chain.block(int(number))
            assert block is not None
            assert block.hash.hex() == block_hash
        for transaction_hash in admitted:
            found = chain.transaction(transaction_hash)
            assert found is not None, "an acknowledged transaction is gone"
            assert (found.block is None) == (chain.receipt(transaction_hash) is None)
        for number in range(chain.head().number + 1):
            block = chain.block(number)
            assert block is not None
            assert len(chain.receipts(number)) == len(chain.transactions(number)) == len(block.transactions)
            record = chain.consensus(number + 1)
            signed = SignedHeader.from_json(Fields({"header": record.header, "commit": record.commit}, "signed"))
            assert signed.header.app_hash == block.hash
        waiting = chain.pending_count()
        in_blocks = chain.balance(THERE)
        assert waiting + in_blocks >= len(admitted)
        while chain.pending_count():
            assert chain.seal() is not None
        assert chain.balance(THERE) == waiting + in_blocks == chain.nonce(accounts_of_tests()[0].address)
    finally:
        chain.close()


def killed_at(home: Path, boundary: str, occurrence: int) -> list[str]:
    """Run the process until it kills itself there; what it had acknowledged."""
    run = subprocess.run(
        [sys.executable, str(PROGRAM), str(home), boundary, str(occurrence)],
        capture_output=True,
        timeout=60,
        env=ENVIRONMENT,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr.decode()
    return run.stdout.decode().splitlines()


@pytest.mark.parametrize(
    "boundary",
    [
        "format: before commit",
        "format: after commit",
        "genesis: before commit",
        "genesis: after commit",
        "admission: before commit",
        "admission: after commit",
        "block: executed",
        "block: before commit",
        "block: after commit",
        "block: pool cleaned",
    ],
)
def test_everything_acknowledged_survives_a_kill(tmp_path: Path, boundary: str) -> None:
    heard: list[str] = []
    # A second life dies at the same place: recovery is ordinary operation.
    lives = (1,) if boundary.startswith(("format", "genesis")) else (2, 3)
    for occurrence in lives:
        heard += killed_at(tmp_path, boundary, occurrence)
    check(tmp_path, heard)


def test_everything_acknowledged_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    heard: list[str] = []
    chance = random.Random(4)
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(tmp_path), "never", "1"],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        assert process.stdout is not None
        heard.extend(process.stdout.readline().strip() for _line in range(chance.randrange(5, 40)))
        process.kill()
        heard += [line for line in process.stdout.read().splitlines(keepends=False) if len(line.split()[-1]) == 64]
        process.stdout.close()
        process.wait()
    check(tmp_path, heard)
