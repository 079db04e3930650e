# SPDX-License-Identifier: Apache-2.0
"""The client on real files: receipts, refusals, resuming, and nothing notarised twice."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from maillon.evidence.errors import FileChanged
from maillon.evidence.hashing import Digest
from maillon.evidence.receipt import complete
from maillon.services.notary import NotaryService, client
from maillon.services.notary import reading as module
from maillon.services.notary.client import (
    EvidenceRefused,
    Notariser,
    ReceiptNotWritten,
    Server,
    ServerRefused,
    ServerUnreachable,
    Summary,
)
from maillon.services.notary.files import hash_file, walk
from maillon.services.notary.journal import Item, Journal, JournalDamaged


class Bridge(httpx.BaseTransport):
    """Carries a thread's requests to the application in the event loop; `cut` breaks answers on their way back."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._loop = asyncio.get_running_loop()
        self.cut: Callable[[httpx.Request], bool] = lambda _request: False
        self.sent = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        asked = self._http.request(
            request.method, str(request.url), content=request.read(), headers=dict(request.headers)
        )
        answer = asyncio.run_coroutine_threadsafe(asked, self._loop).result(60)
        if self.cut(request):
            raise httpx.ReadError("cut")
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class Desk:
    """A client's machine: a directory of files, a journal, a way to the server."""

    def __init__(self, root: Path, http: httpx.AsyncClient) -> None:
        self.files = root / "files"
        self.files.mkdir()
        self.root = root
        self.bridge = Bridge(http)
        self.server = Server("http://notary.test", {"Authorization": http.headers["authorization"]}, self.bridge)

    async def notarise(self, *arguments: Path, **options: Any) -> Summary:
        # A run of its own each time, as a process would be: what it holds of the journal goes with it.
        journal = Journal(self.root / "client")
        notariser = Notariser(self.server, journal, **options)
        try:
            return await asyncio.to_thread(notariser.run, [str(path) for path in arguments or (self.files,)])
        finally:
            journal.close()

    def write(self, name: str | bytes, data: bytes = b"content") -> Path:
        path = self.files / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


@pytest.fixture
async def desk(tmp_path: Path, http: httpx.AsyncClient) -> Desk:
    return Desk(tmp_path, http)


def receipt_file(path: Path) -> Path:
    return Path(f"{path}.receipt.json")


def receipt_of(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(receipt_file(path).read_bytes())
    return document


async def entries(service: NotaryService) -> int:
    return (await service.status()).next_index


async def test_each_file_gets_its_receipt(desk: Desk, service: NotaryService) -> None:
    names = [b"a.txt", b"deep/er/b", "é.txt".encode(), b"latin-\xe9", b"new\nline", b"empty"]
    paths = [desk.write(name, name * number) for number, name in enumerate(names)]
    summary = await desk.notarise()
    assert (summary.notarised, summary.refused) == (len(names), [])
    for path in paths:
        document = receipt_of(path)
        assert document["digest"]["value"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert len(document["entry"]["salt"]) == 64
    assert not list((desk.root / "client").iterdir())
    assert {receipt_of(path)["entry"]["index"] for path in paths} == set(range(len(names)))


async def test_the_receipt_is_the_one_the_server_would_make(desk: Desk, service: NotaryService) -> None:
    paths = [desk.write(f"{number}") for number in range(300)]
    await desk.notarise(batch=70)
    compared = 0
    for path in paths[::37]:
        written = receipt_file(path).read_bytes()
        document = json.loads(written)
        half = await service.receipt(document["entry"]["index"])
        assert half is not None
        digest = Digest.parse("sha2-256", document["digest"]["value"])
        if document["checkpoint"] == half["checkpoint"]:
            compared += 1
            assert complete(half, digest, bytes.fromhex(document["entry"]["salt"])) == written
    assert compared


async def test_no_file_is_notarised_twice_unless_asked(desk: Desk, service: NotaryService) -> None:
    path = desk.write("a")
    desk.write("b")
    await desk.notarise()
    again = await desk.notarise()
    assert (again.notarised, again.skipped) == (0, 2)
    path.write_bytes(b"changed")
    assert (await desk.notarise()).notarised == 1
    assert (await desk.notarise(again=True)).notarised == 2
    receipt_file(path).write_text("{}")
    assert (await desk.notarise()).notarised == 1
    assert await entries(service) == 6


async def test_receipts_elsewhere_and_two_that_would_collide(desk: Desk) -> None:
    one, two = desk.write("x/same", b"1"), desk.write("y/same", b"2")
    out = desk.root / "out"
    summary = await desk.notarise(desk.files, out=str(out))
    assert summary.notarised == 2
    assert (out / "x/same.receipt.json").exists()
    summary = await desk.notarise(one, two, out=str(out))
    assert summary.notarised == 1
    assert "would replace" in summary.refused[0][1]


async def test_public_digests_can_be_found(desk: Desk, http: httpx.AsyncClient) -> None:
    path = desk.write("law", b"for all to see")
    await desk.notarise(publicly=True)
    assert receipt_of(path)["entry"] == {"kind": "public", "index": 0}
    digest = hashlib.sha256(b"for all to see").hexdigest()
    assert (await http.get(f"/v1/notary/entries?digest={digest}")).status_code == 200


async def test_what_cannot_be_read_is_said_and_the_rest_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("good")
    (desk.files / "loop").symlink_to("loop")
    (desk.files / "up").symlink_to(desk.files)
    os.mkfifo(desk.files / "pipe")
    growing = desk.write("growing")

    def hash_or_change(path: str) -> bytes:
        if path == str(growing):
            raise FileChanged("the file changed while it was read")
        return hash_file(path)

    monkeypatch.setattr(module, "hash_file", hash_or_change)
    summary = await desk.notarise(desk.files, desk.root / "absent")
    assert summary.notarised == 1
    reasons = {Path(path).name: reason for path, reason in summary.refused}
    assert set(reasons) == {"loop", "up", "pipe", "growing", "absent"}
    assert "symbolic" in reasons["loop"]
    assert "not followed" in reasons["up"]


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(bytes(3 * 1024 * 1024))
    read = os.read

    def growing(descriptor: int, size: int) -> bytes:
        if path.stat().st_size < 4 * 1024 * 1024:
            with path.open("ab") as file:
                file.write(bytes(1024 * 1024))
        return read(descriptor, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "read", growing)
        with pytest.raises(FileChanged):
            hash_file(str(path))
    assert hash_file(str(path)) == hashlib.sha256(path.read_bytes()).digest()


async def test_a_file_named_twice_is_notarised_once(desk: Desk, service: NotaryService) -> None:
    path = desk.write("a")
    summary = await desk.notarise(path, desk.files, path)
    assert (summary.notarised, summary.refused) == (1, [])
    assert await entries(service) == 1


async def test_two_runs_at_once_leave_each_other_their_batches(desk: Desk, service: NotaryService) -> None:
    """What a living run has under way is not resumed by another."""
    paths = [desk.write(f"{number}") for number in range(6)]
    living = Journal(desk.root / "client")
    items = [Item(str(p), f"{p}.receipt.json", hash_file(str(p)), os.urandom(32)) for p in paths[:3]]
    batch = living.begin(desk.server.url, items)
    assert (await desk.notarise(*paths[3:])).resumed == 0
    assert await entries(service) == 3
    living.close()
    summary = await desk.notarise()
    assert (summary.resumed, summary.skipped) == (3, 3)
    assert await entries(service) == 6
    assert batch.name not in str(list((desk.root / "client").iterdir()))


async def test_a_receipt_without_a_place_stops_no_other_and_is_written_later(
    desk: Desk, service: NotaryService
) -> None:
    path, other = desk.write("a"), desk.write("b")
    receipt_file(path).mkdir()
    for resumed in (0, 1):
        summary = await desk.notarise()
        assert (summary.notarised, summary.resumed, summary.skipped) == (1 - resumed, resumed, resumed)
        ((refused, why),) = summary.refused
        assert (refused, "Is a directory" in why) == (str(path), True)
    assert receipt_of(other)["digest"]["value"] == hashlib.sha256(other.read_bytes()).hexdigest()
    (kept,) = (desk.root / "client").iterdir()
    assert [row[0] for row in json.loads(kept.read_text())["items"]] == [str(path)]
    receipt_file(path).rmdir()
    # A run killed in the middle of a receipt leaves a part of it.
    receipt_file(path).write_bytes(b'{"type":"maillon.rec')
    assert (await desk.notarise()).resumed == 1
    assert receipt_of(path)["digest"]["value"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert await entries(service) == 2
    assert not list((desk.root / "client").iterdir())


async def test_a_disk_without_room_for_receipts_stops_the_run(
    desk: Desk, service: NotaryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [desk.write("a"), desk.write("b")]

    def full(_path: str, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(client, "write_receipt", full)
        with pytest.raises(ReceiptNotWritten, match="No space left on device"):
            await desk.notarise()
    assert (await desk.notarise()).resumed == 2
    assert [receipt_of(path)["entry"]["kind"] for path in paths] == ["commitment"] * 2
    assert await entries(service) == 2


def test_a_large_file_is_read_in_constant_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    tracemalloc.start()
    hash_file(str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_receipts_are_not_notarised(tmp_path: Path) -> None:
    (tmp_path / "a.receipt.json").write_text("{}")
    assert list(walk([str(tmp_path)])) == []


@pytest.mark.parametrize("path", ["/v1/notary/batches", "/v1/notary/evidence", "/log/"])
async def test_cut_off_anywhere_the_next_run_resumes(desk: Desk, service: NotaryService, path: str) -> None:
    paths = [desk.write(f"{number}") for number in range(20)]
    desk.bridge.cut = lambda request: request.url.path.startswith(path)
    with pytest.raises(ServerUnreachable):
        await desk.notarise()
    assert not any(receipt_file(path).exists() for path in paths)
    desk.bridge.cut = lambda _request: False
    summary = await desk.notarise()
    assert (summary.resumed, summary.skipped) == (20, 0)
    assert await entries(service) == 20
    assert all(receipt_of(path) for path in paths)
    assert not list((desk.root / "client").iterdir())


async def test_an_answer_that_does_not_verify_writes_no_receipt(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.write("a")
    desk.write("b")
    monkeypatch.setattr(Server, "append", lambda _server, batch: list(range(len(batch.items), 0, -1)))
    await desk.bridge._http.post("/v1/notary/batches", json={"commitments": ["00" * 32] * 3})
    with pytest.raises(EvidenceRefused):
        await desk.notarise()
    assert not receipt_file(path).exists()


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b'{"server":"http://notary.test","items":[]}',
        b'{"server":"http://notary.test","items":[["a","b"]]}',
        b'{"server":"http://notary.test","items":[["a","b","00",null]]}',
        b'{"server":"http://notary.test","items":[["a","b","' + b"00" * 32 + b'","00"]]}',
        b'{"server":"http://notary.test","items":[["a","b",7,null]]}',
        b"[" * 100_000,
    ],
    ids=lambda value: value[:60].decode("ascii", "backslashreplace"),
)
def test_a_damaged_journal_is_named_and_left(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "a").write_bytes(b"a")
    left = tmp_path / "client" / "0123.batch"
    left.parent.mkdir()
    left.write_bytes(damaged)
    # Nobody answers there: nothing is sent before what was left is read.
    server = Server("http://notary.test", {}, httpx.MockTransport(lambda _request: pytest.fail("asked")))
    with pytest.raises(JournalDamaged, match=r"0123\.batch is damaged .* remove it"):
        Notariser(server, Journal(tmp_path / "client")).run([str(tmp_path / "a")])
    assert left.read_bytes() == damaged


def test_a_batch_is_found_again_whatever_bytes_its_names_are_of(tmp_path: Path) -> None:
    names = [os.fsdecode(raw) for raw in (b"caf\xe9", b"\xff\xfe", "é".encode(), b"two\nlines", b"[[[[")]
    items = [Item(name, f"{name}.receipt.json", bytes([place]) * 32, bytes(32)) for place, name in enumerate(names)]
    killed = Journal(tmp_path)
    killed.begin("http://notary.test", items)
    killed.close()
    (found,) = Journal(tmp_path).unfinished("http://notary.test")
    assert list(found.items) == items


APPENDED = b'{"first":0,"count":1}'


@pytest.mark.parametrize(
    ("appended", "evidence"),
    [
        (b"", b""),
        (b"<html>", b""),
        (b"[]", b""),
        (b"7", b""),
        (b"{}", b""),
        (b'{"first":"0"}', b""),
        (b'{"first":true}', b""),
        (b'{"first":0,"indexes":[]}', b""),
        (b'{"first":0,"indexes":["a"]}', b""),
        (b'{"first":0,"indexes":{"0":0}}', b""),
        (b'{"indexes":[-1]}', b'{"checkpoint":"none"}'),
        (APPENDED, b"<html>"),
        (APPENDED, b"[]"),
        (APPENDED, b"{}"),
        (APPENDED, b'{"checkpoint":7,"anchor":{},"timestamp":{}}'),
        (APPENDED, b'{"checkpoint":"\xff"}'),
    ],
)
def test_what_is_no_notary_gets_nothing_written(tmp_path: Path, appended: bytes, evidence: bytes) -> None:
    """Whatever listens there instead: a class of ours says so, and the batch is kept for the real one."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, content=appended)
        return httpx.Response(200, content=evidence)

    (tmp_path / "a").write_bytes(b"a")
    server = Server("http://notary.test", {}, httpx.MockTransport(answer))
    with pytest.raises((ServerUnreachable, EvidenceRefused)):
        Notariser(server, Journal(tmp_path / "client"), patience=1).run([str(tmp_path / "a")])
    assert not receipt_file(tmp_path / "a").exists()
    assert len(list((tmp_path / "client").glob("*.batch"))) == 1


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (302, b"", ServerUnreachable),
        (404, b"not here", ServerUnreachable),
        (403, b"[]", ServerUnreachable),
        (500, b'{"title":"We failed","detail":"ours"}', ServerUnreachable),
        (503, b'{"title":"Not now","detail":"later"}', ServerUnreachable),
        (422, b'{"title":"No","detail":"because"}', ServerRefused),
    ],
)
def test_a_refusal_is_told_from_a_server_that_could_not(
    tmp_path: Path, status: int, content: bytes, error: type[Exception]
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    server = Server(
        "http://notary.test", None, httpx.MockTransport(lambda _request: httpx.Response(status, content=content))
    )
    with pytest.raises(error):
        Notariser(server, Journal(tmp_path / "client")).run([str(tmp_path / "a")])


async def test_a_server_that_refuses_says_why(desk: Desk) -> None:
    desk.write("a")
    desk.server = Server("http://notary.test", {"Authorization": "Bearer mk_wrong"}, desk.bridge)
    with pytest.raises(ServerRefused, match="not known here"):
        await desk.notarise()
