# SPDX-License-Identifier: Apache-2.0
"""A real process, killed at each boundary of the log: nothing acknowledged is lost, and the log stays consistent.

The victim appends and prints each index it was given; at the boundary it sends itself SIGKILL. It is then started again
without the fault, and everything is checked against what it had printed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from maillon.evidence.checkpoint import Checkpoint
from maillon.evidence.merkle import Frontier, leaf_hash
from maillon.evidence.note import Note
from maillon.evidence.tiles import decode_bundle, encode_bundle
from maillon.services.notary.log import Boundary
from maillon.services.notary.published import Published

VICTIM = r"""
import asyncio, json, os, signal, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
home, database, boundary, which = Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])

import datetime
from conftest import MemoryContract, Box
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from maillon.evidence.note import NoteSigner
from maillon.kit.clock import SystemClock
from maillon.kit.keys import Keys
from maillon.kit.store import Store
from maillon.services.notary import Authority
from maillon.services.notary.contract import AnchoredCheckpoint
from maillon.services.notary.model import Append

class FileContract(MemoryContract):
    # A ledger that survives us, as a real one does.
    def __init__(self):
        super().__init__()
        self.file = home / "ledger.json"
        if self.file.exists():
            rows = json.loads(self.file.read_text())
            self.anchored = [AnchoredCheckpoint(s, bytes.fromhex(r), h) for s, r, h in rows]

    async def anchor(self, size, root):
        height = await super().anchor(size, root)
        self.file.with_suffix(".new").write_text(json.dumps([(a.size, a.root.hex(), a.height) for a in self.anchored]))
        self.file.with_suffix(".new").replace(self.file)
        return height

crossed = 0

def fault(crossing):
    global crossed
    if crossing == boundary:
        crossed += 1
        if crossed == which:
            os.kill(os.getpid(), signal.SIGKILL)

async def main():
    store = Store.open(database)
    key, certificate = Keys(home / "keys").authority("test", datetime.datetime.now(datetime.UTC))
    authority = Authority(key, certificate, SystemClock(), home / "authority.time")
    signer = NoteSigner("log.test", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    async with Box(store, home / "log", signer, authority, FileContract()).run(faults=fault, interval=0.01) as service:
        for number in range(30):
            payloads = os.urandom(32 * 20)
            appended = await service.append(Append(0, payloads, 20, "victim"))
            print(json.dumps([appended.first, payloads.hex()]), flush=True)
            if number % 4 == 0:
                assert await service.wait_anchored(appended.first, 20)
        assert await service.wait_anchored(appended.first + 19, 20)
        assert service.halted is None
    store.close()

asyncio.run(main())
"""


def run(home: Path, database: str, boundary: str, which: int = 1) -> tuple[int, dict[int, bytes]]:
    """Run the victim: its exit status, and every entry it was acknowledged."""
    beside = Path(__file__).resolve().parents[1] / "services" / "notary"
    finished = subprocess.run(
        [sys.executable, "-c", VICTIM, str(beside), str(home), database, boundary, str(which)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode in (0, -signal.SIGKILL), finished.stderr
    acknowledged: dict[int, bytes] = {}
    for line in finished.stdout.splitlines():
        first, payloads = json.loads(line)
        data = bytes.fromhex(payloads)
        for offset in range(20):
            assert first + offset not in acknowledged, "an index was given twice"
            acknowledged[first + offset] = b"\x00" + data[32 * offset : 32 * offset + 32]
    return finished.returncode, acknowledged


def published_entries(home: Path) -> list[bytes]:
    """Every entry of the log, after checking that tiles, bundles and checkpoint are of one tree."""
    published = Published(home / "log")
    note = published.checkpoint()
    assert note is not None
    checkpoint = Checkpoint.parse(Note.parse(note).text)
    entries: list[bytes] = []
    for number in range(-(-checkpoint.size // 256)):
        bundle = published.bundle(number, checkpoint.size)
        assert decode_bundle(encode_bundle(bundle)) == bundle
        entries += bundle
    leaves = [leaf_hash(entry) for entry in entries]
    assert len(leaves) == checkpoint.size
    assert Frontier().extend(leaves).root() == checkpoint.root
    reader = published.reader(checkpoint.size)
    assert b"".join(leaves) == b"".join(reader.tile(0, number) for number in range(-(-checkpoint.size // 256)))
    assert not list((home / "log" / "staging").iterdir())
    return entries


@pytest.mark.parametrize("which", [1, 3])
@pytest.mark.parametrize("boundary", list(Boundary))
def test_killed_at_a_boundary_nothing_acknowledged_is_lost(
    tmp_path: Path, database_url: str, boundary: Boundary, which: int
) -> None:
    status, before = run(tmp_path, database_url, boundary, which)
    assert status == -signal.SIGKILL, "the boundary was never crossed"
    status, after = run(tmp_path, database_url, "none")
    assert status == 0
    entries = published_entries(tmp_path)
    for index, entry in (before | after).items():
        assert entries[index] == entry
    assert not before.keys() & after.keys()


def test_killed_again_and_again(tmp_path: Path, database_url: str) -> None:
    acknowledged: dict[int, bytes] = {}
    for boundary in Boundary:
        status, more = run(tmp_path, database_url, boundary, 2)
        assert status == -signal.SIGKILL
        assert not acknowledged.keys() & more.keys()
        acknowledged |= more
    status, more = run(tmp_path, database_url, "none")
    assert status == 0
    entries = published_entries(tmp_path)
    for index, entry in (acknowledged | more).items():
        assert entries[index] == entry
