# SPDX-License-Identifier: Apache-2.0
"""The other side of the API: files in, receipts out. Files never leave the machine; neither do digests nor salts.

`Notariser` walks, hashes and hands batches to a thread that journals, sends, waits for the evidence, makes the
inclusion proofs itself from the log's tiles and writes the receipts. What a batch's receipts share is encoded once.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import orjson

from maillon.evidence.checkpoint import Checkpoint
from maillon.evidence.entry import SALT_LENGTH
from maillon.evidence.errors import EvidenceError, FileChanged
from maillon.evidence.merkle import inclusion_proof, leaf_hash, verify_inclusion
from maillon.evidence.note import Note
from maillon.evidence.receipt import TYPE, Receipt, verify
from maillon.evidence.tiles import HASH_LENGTH, TileReader
from maillon.evidence.trust import TrustAnchors
from maillon.services.notary.errors import NotaryError
from maillon.services.notary.journal import Batch, Item, Journal

SUFFIX: Final = ".receipt.json"
BATCH: Final = 10_000
"""Files sent together. Of the order of a second's work, so that sending and hashing overlap."""
_CHUNK = 1024 * 1024
_MAXIMUM_RECEIPT = 4 * 1024 * 1024


class ServerRefused(NotaryError):
    """The server says no: the message is its own, with its advice."""


class ServerUnreachable(NotaryError):
    """The server did not answer, or not in time. What was begun is resumed by the next run."""


class EvidenceRefused(NotaryError):
    """What the server gave does not verify: it is broken or dishonest. No receipt was written."""


# Files.


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file, or why there is none to read."""

    path: str
    relative: str
    """Its path within the argument it was found under."""
    refused: str | None = None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _walk_directory(root: str, within: str) -> Iterator[Found]:
    try:
        with os.scandir(root) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Found(root, within, _reason(error))
        return
    for entry in listed:
        relative = f"{within}/{entry.name}" if within else entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk_directory(entry.path, relative)
            elif entry.is_symlink() and Path(entry.path).is_dir():
                # Following it could walk in circles; what it shows is notarised where it is.
                yield Found(entry.path, relative, "a symbolic link to a directory is not followed")
            elif entry.name.endswith(SUFFIX):
                continue
            elif stat.S_ISREG(entry.stat().st_mode):
                yield Found(entry.path, relative)
            else:
                yield Found(entry.path, relative, "neither a file nor a directory")
        except OSError as error:
            yield Found(entry.path, relative, _reason(error))


def walk(arguments: Sequence[str]) -> Iterator[Found]:
    """Every regular file under the arguments, in order. Names may be of any bytes (surrogateescape)."""
    for argument in arguments:
        try:
            mode = Path(argument).stat().st_mode
        except OSError as error:
            yield Found(argument, Path(argument).name, _reason(error))
            continue
        if stat.S_ISDIR(mode):
            yield from _walk_directory(argument, "")
        elif stat.S_ISREG(mode):
            yield Found(argument, Path(argument).name)
        else:
            yield Found(argument, Path(argument).name, "neither a file nor a directory")


def _state(descriptor: int) -> tuple[int, int, int]:
    state = os.fstat(descriptor)
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns


def hash_file(path: str, progress: Callable[[int], None] | None = None) -> bytes:
    """SHA-256 of a file of any size in constant memory. Raises `FileChanged` when it changed meanwhile, `OSError`."""
    # Without O_NONBLOCK a pipe put in the file's place would hang us.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        before = _state(descriptor)
        state = hashlib.sha256()
        length = 0
        while chunk := os.read(descriptor, _CHUNK):
            state.update(chunk)
            length += len(chunk)
            if progress is not None and len(chunk) == _CHUNK:
                progress(length)
        if _state(descriptor) != before or length != before[0]:
            raise FileChanged("the file changed while it was read: notarise it again when nobody writes to it")
        return state.digest()
    finally:
        os.close(descriptor)


def has_receipt(path: str, digest: bytes) -> bool:
    """Whether there is a readable receipt of that digest at `path`."""
    try:
        with Path(path).open("rb") as file:
            receipt = Receipt.parse(file.read(_MAXIMUM_RECEIPT))
    except (OSError, EvidenceError):
        return False
    return receipt.digest.value == digest


# The server.


class Server:
    """The notary's API, as a client meets it. Raises `ServerRefused` and `ServerUnreachable`."""

    def __init__(self, url: str, key: str | None, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=60.0, transport=transport)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise ServerUnreachable(f"{self.url} does not answer: {error}. Is it running? `maillon up`") from error
        if answer.status_code in (429, 502, 503, 504):
            raise ServerUnreachable(f"{self.url} cannot do it at the moment: {_detail(answer)}")
        return answer

    def append(self, batch: Batch) -> list[int]:
        """The index of each entry of the batch."""
        payloads = [item.entry().payload.hex() for item in batch.items]
        document: dict[str, Any]
        if batch.is_public:
            document = {"digests": {"algorithm": "sha2-256", "values": payloads}}
        else:
            document = {"commitments": payloads}
        headers = {"Content-Type": "application/json"}
        if batch.resumed:
            # Whether the first attempt arrived is unknown, maybe for longer than answers are kept for their key.
            document["deduplicate"] = True
        else:
            headers["Idempotency-Key"] = batch.name
        answer = self._ask("POST", "/v1/notary/batches", content=orjson.dumps(document), headers=headers)
        if answer.status_code not in (200, 201):
            raise ServerRefused(_detail(answer))
        result = answer.json()
        first: int = result["first"]
        indexes: list[int] = result.get("indexes") or list(range(first, first + len(batch.items)))
        if len(indexes) != len(batch.items):
            raise EvidenceRefused("the server gave another number of indexes than entries were sent")
        return indexes

    def evidence(self, index: int, patience: int) -> dict[str, Any]:
        """The evidence that covers an entry, waiting for it about `patience` times ten seconds."""
        for _ in range(patience):
            answer = self._ask("GET", "/v1/notary/evidence", params={"index": index, "wait": 10})
            if answer.status_code == 200:
                document: dict[str, Any] = orjson.loads(answer.content)
                return document
            if answer.status_code != 202:
                raise ServerRefused(_detail(answer))
        raise ServerUnreachable("the log is not being anchored: the entries are kept; run the command again later")

    def tile(self, path: str) -> bytes:
        """A file of the log; the partial tile that was dropped is cut from the full one (C2SP tlog-tiles)."""
        answer = self._ask("GET", f"/log/{path}")
        whole, partial, width = path.partition(".p/")
        if answer.status_code == 404 and partial:
            answer = self._ask("GET", f"/log/{whole}")
            if answer.status_code == 200:
                return answer.content[: int(width) * HASH_LENGTH]
        if answer.status_code != 200:
            raise ServerRefused(_detail(answer))
        return answer.content


def _detail(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        return f"{problem['title']}: {problem['detail']} {problem.get('advice', '')}".strip()
    except (ValueError, KeyError, TypeError):
        return f"the server answered {answer.status_code}"


# Receipts.


class Scribe:
    """Writes receipts under one anchored checkpoint. Everything they share is encoded once."""

    def __init__(self, evidence: dict[str, Any], read: Callable[[str], bytes]) -> None:
        self._checkpoint = Checkpoint.parse(Note.parse(evidence["checkpoint"]).text)
        self._reader = TileReader(self._checkpoint.size, read)
        self._nodes: dict[tuple[int, int], bytes] = {}
        shared = {name: evidence[name] for name in ("checkpoint", "anchor", "timestamp")}
        self._shared = json.dumps(shared, separators=(",", ":"), ensure_ascii=False).encode()[1:] + b"\n"

    def _node(self, level: int, index: int) -> bytes:
        known = self._nodes.get((level, index))
        if known is None:
            known = self._nodes[level, index] = self._reader.node(level, index)
        return known

    def receipt(self, item: Item, index: int) -> bytes:
        """The whole receipt. Raises `EvidenceError` when the log does not hold the entry at that index."""
        size = self._checkpoint.size
        proof = inclusion_proof(index, size, self._node)
        verify_inclusion(leaf_hash(item.entry().encode()), index, size, proof, self._checkpoint.root)
        hashes = ",".join([f'"{node.hex()}"' for node in proof])
        entry = '"public",' if item.salt is None else f'"commitment","salt":"{item.salt.hex()}",'
        own = (
            f'{{"type":"{TYPE}","digest":{{"algorithm":"sha2-256","value":"{item.digest.hex()}"}},'
            f'"entry":{{"kind":{entry}"index":{index}}},"inclusion":{{"proof":[{hashes}]}},'
        )
        return own.encode() + self._shared


def write_receipt(path: str, data: bytes) -> None:
    """Whole or not at all. Brought to the disk with its batch, by the journal."""
    temporary = Path(f"{path}.new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
    except FileNotFoundError:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
    temporary.replace(path)


# The whole job.


class Watcher(Protocol):
    """Told how far it has come."""

    def __call__(self, *, found: int, hashed: int, written: int) -> None:
        """Cheap: called for every file."""


@dataclass
class Summary:
    """What became of the files."""

    notarised: int = 0
    resumed: int = 0
    skipped: int = 0
    """They have their receipt already."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(path, reason)."""

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "notarised": self.notarised,
            "resumed": self.resumed,
            "skipped": self.skipped,
            "refused": [{"path": path, "reason": reason} for path, reason in self.refused],
        }


class Notariser:
    """Notarises files. `out` None puts each receipt beside its file."""

    def __init__(
        self,
        server: Server,
        journal: Journal,
        *,
        out: str | None = None,
        publicly: bool = False,
        again: bool = False,
        trust: TrustAnchors | None = None,
        patience: int = 12,
        batch: int = BATCH,
    ) -> None:
        self._server = server
        self._journal = journal
        self._out = out
        self._public = publicly
        self._again = again
        self._trust = trust
        self._patience = patience
        self._batch = batch
        self._targets: dict[str, str] = {}
        self.summary = Summary()

    def run(self, arguments: Sequence[str], watch: Watcher | None = None) -> Summary:
        """Everything under the arguments. Raises what `Server` raises; the next run resumes what was sent."""
        summary = self.summary
        with ThreadPoolExecutor(1, "notarise") as sender:
            # One batch on its way while the next is hashed, never more: memory stays bounded.
            sending: Future[None] | None = None
            for batch in self._journal.unfinished(self._server.url):
                self._deliver(batch)
                summary.resumed += len(batch.items)
            items: list[Item] = []
            found = hashed = 0
            for file in walk(arguments):
                found += 1
                item = self._prepare(file)
                if item is not None:
                    items.append(item)
                    hashed += 1
                if len(items) >= self._batch:
                    if sending is not None:
                        sending.result()
                    sending = sender.submit(self._send, items)
                    items = []
                if watch is not None:
                    watch(found=found, hashed=hashed, written=summary.notarised)
            if sending is not None:
                sending.result()
            if items:
                self._send(items)
            if watch is not None:
                watch(found=found, hashed=hashed, written=summary.notarised)
        return summary

    def _prepare(self, file: Found) -> Item | None:
        """Hash a file and draw its salt; None when there is nothing to notarise."""
        if file.refused is not None:
            self.summary.refused.append((file.path, file.refused))
            return None
        target = (file.path if self._out is None else f"{self._out}/{file.relative}") + SUFFIX
        try:
            digest = hash_file(file.path)
        except FileChanged as error:
            self.summary.refused.append((file.path, str(error)))
            return None
        except OSError as error:
            self.summary.refused.append((file.path, _reason(error)))
            return None
        former = self._targets.setdefault(target, file.path)
        if former != file.path:
            self.summary.refused.append((file.path, f"its receipt would replace that of {former}"))
            return None
        if not self._again and has_receipt(target, digest):
            self.summary.skipped += 1
            return None
        return Item(file.path, str(Path(target).absolute()), digest, None if self._public else os.urandom(SALT_LENGTH))

    def _send(self, items: list[Item]) -> None:
        batch = self._journal.begin(self._server.url, items)
        # A crash from here on: the next run finds the batch, salts and all, and delivers it.
        self._deliver(batch)

    def _deliver(self, batch: Batch) -> None:
        indexes = self._server.append(batch)
        evidence = self._server.evidence(max(indexes), self._patience)
        try:
            scribe = Scribe(evidence, self._server.tile)
            self._check(scribe.receipt(batch.items[0], indexes[0]))
            for item, index in zip(batch.items, indexes, strict=True):
                data = scribe.receipt(item, index)
                try:
                    write_receipt(item.receipt, data)
                except OSError as error:
                    # The batch stays in the journal, with the salt: the next run writes what is missing.
                    raise ServerRefused(f"{item.receipt} cannot be written: {_reason(error)}") from error
                self.summary.notarised += 1
        except EvidenceError as error:
            raise EvidenceRefused(f"what the server gave does not verify: {error}") from error
        self._journal.finish(batch)

    def _check(self, receipt: bytes) -> None:
        """One whole verification for each batch, where there are anchors: they share all but their own entry."""
        if self._trust is not None:
            parsed = Receipt.parse(receipt)
            verify(parsed, parsed.digest, self._trust)
