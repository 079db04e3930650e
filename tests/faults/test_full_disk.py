# SPDX-License-Identifier: Apache-2.0
"""`maillon up` on a disk that is really full: what comes is refused with 503, and what was acknowledged is kept.

Once on a file system of a few megabytes, where mounting one is permitted, and once with the system's own limit on the
size of a file, which no file of the process may pass. Room is made while it runs, and it goes on by itself.
"""

from __future__ import annotations

import resource
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from maillon.evidence.hashing import Algorithm, Digest, sha256
from maillon.evidence.receipt import Receipt, complete, verify
from maillon.evidence.trust import TrustAnchors
from running_platform import Running, maillon, start

BATCH: Final = 5_000
MOST: Final = 2_000
"""Batches after which a disk that should be full is not."""
ROOM: Final = 40 * 1024 * 1024
"""Bytes of the small file system: what a start needs, and a few batches."""
LARGEST: Final = 6 * 1024 * 1024
"""Bytes of the largest file, in the other case."""


class Client:
    """Appends commitments to digests it keeps, until it is refused."""

    def __init__(self, running: Running) -> None:
        self.http = httpx.Client(
            base_url=running.url, headers={"Authorization": f"Bearer {running.key}"}, timeout=120, trust_env=False
        )
        self.salt = secrets.token_bytes(32)
        self.acknowledged: dict[int, Digest] = {}

    def batch(self) -> httpx.Response:
        digests = [Digest(Algorithm.SHA2_256, secrets.token_bytes(32)) for _ in range(BATCH)]
        commitments = [sha256(self.salt + digest.value).hex() for digest in digests]
        answer = self.http.post("/v1/notary/batches", json={"commitments": commitments})
        if answer.status_code == 201:
            first = answer.json()["first"]
            for index, digest in enumerate(digests, first):
                assert index not in self.acknowledged, "an index was given twice"
                self.acknowledged[index] = digest
        return answer

    def until_refused(self) -> httpx.Response:
        for _ in range(MOST):
            answer = self.batch()
            if answer.status_code != 201:
                return answer
        pytest.fail("the disk was never full")

    def until_taken(self) -> None:
        """Room was made: at most one refusal that was under way is left."""
        for _ in range(20):
            if self.batch().status_code == 201:
                return
        pytest.fail("it does not go on although there is room")

    def receipts(self, trust: TrustAnchors) -> None:
        """Whole receipts of every 997th entry that was acknowledged, and of the last: they verify."""
        indexes = sorted(self.acknowledged)
        assert indexes == list(range(len(indexes))), "an index that was refused is taken"
        for index in {*indexes[::997], indexes[-1]}:
            for _ in range(6):
                answer = self.http.get(f"/v1/notary/entries/{index}/receipt", params={"wait": 30})
                if answer.status_code != 202:
                    break
            assert answer.status_code == 200, answer.text
            digest = self.acknowledged[index]
            verify(Receipt.parse(complete(answer.json(), digest, self.salt)), digest, trust)


def refused_then_goes_on(home: Path, fill: Callable[[Running], None], make_room: Callable[[Running], None]) -> None:
    running = start(home)
    client = Client(running)
    try:
        assert client.batch().status_code == 201
        fill(running)
        refused = client.until_refused()
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json"), refused.text
        assert refused.json()["type"] == "/problems/unavailable"
        assert "Retry-After" in refused.headers
        # It goes on answering, and refusing, for as long as there is no room.
        assert client.http.get("/health/live").status_code == 200
        assert client.until_refused().status_code == 503
        make_room(running)
        client.until_taken()
        trust = TrustAnchors.parse((home / "trust.json").read_bytes())
        client.receipts(trust)
        assert client.http.get("/health").json()["status"] == "ready"
        assert running.stop() == 0, "".join(running.errors)
        assert "Traceback" not in "".join(running.errors)
    finally:
        client.http.close()
        running.close()
    again = start(home)
    client.http = httpx.Client(base_url=again.url, timeout=120, trust_env=False)
    try:
        client.receipts(trust)
        assert again.stop() == 0, "".join(again.errors)
    finally:
        client.http.close()
        again.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system; where mounting is not permitted the test is skipped and says why."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a tmpfs is not permitted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_without_room(small_disk: Path) -> None:
    def make_room(_running: Running) -> None:
        subprocess.run(["mount", "-o", f"remount,size={16 * ROOM}", str(small_disk)], check=True)

    refused_then_goes_on(small_disk / "home", lambda _running: None, make_room)


def test_a_limit_on_the_size_of_files(home: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def fill(running: Running) -> None:
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (LARGEST, hard))

    def make_room(running: Running) -> None:
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (hard, hard))

    refused_then_goes_on(home, fill, make_room)


def resized(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def test_receipts_without_room_are_written_once_there_is(small_disk: Path, home: Path, tmp_path: Path) -> None:
    """The command says so and ends with status 1; the same command later writes the rest, and enters nothing twice."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.txt").write_text(f"minutes {number}")
    resized(small_disk, 128 * 1024)
    running = start(home)
    notarise = ("notarise", str(folder), "--out", str(small_disk / "out"), "--home", str(home), "--url", running.url)
    try:
        done = maillon(*notarise)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        resized(small_disk, ROOM)
        done = maillon(*notarise)
        assert done.returncode == 0, done.stdout + done.stderr
        receipts = sorted((small_disk / "out").rglob("*.receipt.json"))
        assert len(receipts) == 60
        trust = TrustAnchors.parse((home / "trust.json").read_bytes())
        for receipt in receipts:
            content = (folder / receipt.name.removesuffix(".receipt.json")).read_bytes()
            verify(Receipt.parse(receipt.read_bytes()), Digest(Algorithm.SHA2_256, sha256(content)), trust)
        assert httpx.get(f"{running.url}/health").json()["log"]["entries"] == 60
        assert running.stop() == 0, "".join(running.errors)
    finally:
        running.close()


def test_a_backup_without_room_leaves_nothing_half_written(small_disk: Path, home: Path) -> None:
    running = start(home)
    try:
        assert running.stop() == 0
    finally:
        running.close()
    resized(small_disk, 128 * 1024)
    archive = small_disk / "backup.tar.gz"
    done = maillon("backup", str(archive), "--home", str(home))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(small_disk.iterdir()) == []
    resized(small_disk, ROOM)
    done = maillon("backup", str(archive), "--home", str(home))
    assert done.returncode == 0, done.stderr
    assert list(small_disk.iterdir()) == [archive]
