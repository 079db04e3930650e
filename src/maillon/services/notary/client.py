# SPDX-License-Identifier: Apache-2.0
"""The other side of the API: files in, receipts out. Files never leave the machine; neither do digests nor salts.

`Notariser` reads files, sends batches, waits for the evidence and writes the receipts, all at once and each in its
order; several batches share a checkpoint. What a kill leaves undone is in the journal.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol, Self, TypeVar

import httpx
import orjson

from maillon.evidence.entry import SALT_LENGTH
from maillon.evidence.errors import EvidenceError
from maillon.evidence.receipt import Receipt, verify
from maillon.evidence.tiles import HASH_LENGTH
from maillon.evidence.trust import TrustAnchors
from maillon.services.notary.errors import NotaryError
from maillon.services.notary.files import reason, walk
from maillon.services.notary.journal import Batch, Item, Journal
from maillon.services.notary.reading import Hashed, Reader
from maillon.services.notary.scribe import Scribe, write_receipt

_T = TypeVar("_T")
Sent = tuple[Batch, list[int]]
"""A batch and the index of each of its entries."""
BATCH: Final = 10_000
"""Files sent together."""
FIRST_BATCH: Final = 500
"""The first is small, so that its checkpoint is made while others are still being read."""
UNDER_WAY: Final = 8
"""Batches between being sent and having their receipts on the disk, at most: memory stays bounded."""
_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""What stands against every receipt; anything else is the fault of one place."""
_NEXT: Final = "its entry is logged and its salt kept, and the next run writes it once it can"
_POLL: Final = 10
"""Seconds one question for evidence waits."""


class ServerRefused(NotaryError):
    """The server says no: the message is its own, with its advice."""


class ServerUnreachable(NotaryError):
    """The server did not answer, or not in time. What was begun is resumed by the next run."""


class ReceiptNotWritten(NotaryError):
    """The disk refuses. The entries are logged and their salts kept: the next run writes what is missing."""


class EvidenceRefused(NotaryError):
    """What the server gave does not verify: it is broken or dishonest. No receipt was written."""


# The server.


class Server:
    """The notary's API, as a client meets it. Raises `ServerRefused` and `ServerUnreachable`."""

    def __init__(
        self, url: str, authorization: Mapping[str, str], transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, headers=authorization, timeout=60.0, transport=transport)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **options)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise ServerUnreachable(f"{self.url} does not answer: {error}. Is `maillon up` running?") from error
        if (
            answer.status_code == httpx.codes.TOO_MANY_REQUESTS
            or answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
        ):
            raise ServerUnreachable(f"{self.url} cannot do it at the moment: {_detail(answer)}")
        return answer

    def append(self, batch: Batch) -> list[int]:
        """The index of each entry of the batch."""
        payloads = [item.payload().hex() for item in batch.items]
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
        result = _document(answer)
        first, indexes = result.get("first"), result.get("indexes")
        if indexes is None and type(first) is int:
            indexes = list(range(first, first + len(batch.items)))
        if not isinstance(indexes, list) or len(indexes) != len(batch.items) or {type(i) for i in indexes} != {int}:
            raise _stranger(answer)
        return indexes

    def evidence(self, index: int, patience: int) -> dict[str, Any]:
        """The evidence that covers an entry, waiting for it about `patience` times ten seconds."""
        for _ in range(patience):
            answer = self._ask("GET", "/v1/notary/evidence", params={"index": index, "wait": _POLL})
            if answer.status_code == 200:
                return _document(answer)
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


def _document(answer: httpx.Response) -> dict[str, Any]:
    """The object an answer holds; raises `ServerUnreachable` when it holds none."""
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise _stranger(answer) from error
    if not isinstance(document, dict):
        raise _stranger(answer)
    return document


def _detail(answer: httpx.Response) -> str:
    """What problem details say; raises `ServerUnreachable` when the answer is none."""
    problem = _document(answer)
    if not {"title", "detail"} <= problem.keys():
        raise _stranger(answer)
    return f"{problem['title']}: {problem['detail']} {problem.get('advice', '')}".strip()


def _stranger(answer: httpx.Response) -> ServerUnreachable:
    return ServerUnreachable(f"{answer.url} answered {answer.status_code}, and not as a notary does: is it one?")


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
    """Of these, begun by an earlier run."""
    skipped: int = 0
    """They had their receipt before this run."""
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
        self._resumed: set[str] = set()
        """Receipts of what an earlier run began."""
        self._unwritten: set[str] = set()
        """Where receipts belong and could not be written: their entries are logged."""
        self._scribe: Scribe | None = None
        self.summary = Summary()

    def run(self, arguments: Sequence[str], watch: Watcher | None = None) -> Summary:
        """Everything under the arguments. Raises what `Server` raises; the next run resumes what was sent."""
        summary = self.summary
        with _Pipeline(self._send, self._write, self._settle) as pipeline:
            for unfinished in self._journal.unfinished(self._server.url):
                pipeline.begin(partial(_same, unfinished))
                summary.resumed += len(unfinished.items)
                self._resumed.update(item.receipt for item in unfinished.items)
            # What an earlier run left is finished before anybody looks which files have their receipt.
            pipeline.finish()
            items: list[Item] = []
            found = hashed = 0
            size = min(FIRST_BATCH, self._batch)
            for file in Reader(self._out, again=self._again).read(walk(arguments)):
                found += 1
                item = self._item(file)
                if item is not None:
                    items.append(item)
                    hashed += 1
                if len(items) >= size:
                    pipeline.begin(partial(self._journal.begin, self._server.url, items))
                    items, size = [], self._batch
                if watch is not None:
                    watch(found=found, hashed=hashed, written=summary.notarised)
            if items:
                pipeline.begin(partial(self._journal.begin, self._server.url, items))
            pipeline.finish()
            if watch is not None:
                watch(found=found, hashed=hashed, written=summary.notarised)
        return summary

    def _item(self, file: Hashed) -> Item | None:
        """Draw a file's salt; None when there is nothing to notarise."""
        if file.refused is not None:
            self.summary.refused.append((file.path, file.refused))
            return None
        if file.receipt in self._unwritten:
            # Logged by an earlier run, and said: once is enough.
            return None
        former = self._targets.get(file.receipt)
        if former is not None:
            if os.path.abspath(former) != os.path.abspath(file.path):  # noqa: PTH100 - as bytes, links unresolved
                self.summary.refused.append((file.path, f"its receipt would replace that of {former}"))
            # Named twice: once is enough.
            return None
        self._targets[file.receipt] = file.path
        if file.has_receipt:
            self.summary.skipped += file.receipt not in self._resumed
            return None
        return Item(file.path, file.receipt, file.digest, None if self._public else os.urandom(SALT_LENGTH))

    def _send(self, batch: Batch) -> Sent:
        # A crash from here on: the next run finds the batch, salts and all, and delivers it.
        return batch, self._server.append(batch)

    def _write(self, sent: Sent) -> Batch:
        batch, indexes = sent
        try:
            scribe = self._scribe
            if scribe is None or max(indexes) >= scribe.size:
                evidence = self._server.evidence(max(indexes), self._patience)
                scribe = self._scribe = Scribe(evidence, self._server.tile)
                self._check(next(scribe.receipts(batch.items[:1], indexes[:1])))
            for item, data in zip(batch.items, scribe.receipts(batch.items, indexes), strict=True):
                try:
                    write_receipt(item.receipt, data)
                except OSError as error:
                    if error.errno in _DISK:
                        # The batch stays in the journal, with the salts: the next run writes what is missing.
                        raise ReceiptNotWritten(
                            f"{item.receipt} cannot be written: {reason(error)}; {_NEXT}"
                        ) from error
                    self._unwritten.add(item.receipt)
                    self.summary.refused.append((item.path, f"{item.receipt}: {reason(error)}; {_NEXT}"))
                else:
                    self.summary.notarised += 1
        except EvidenceError as error:
            raise EvidenceRefused(f"what the server gave does not verify: {error}") from error
        return batch

    def _settle(self, batch: Batch) -> None:
        # A crash here: the receipts may not be on the disk. The journal still has the batch.
        try:
            self._journal.finish(batch, [item for item in batch.items if item.receipt in self._unwritten])
        except OSError as error:
            raise ReceiptNotWritten(f"the receipts cannot be brought to the disk: {reason(error)}; {_NEXT}") from error

    def _check(self, receipt: bytes) -> None:
        """One receipt of each checkpoint is read, and verified where there are anchors: all share all but the entry."""
        parsed = Receipt.parse(receipt)
        if self._trust is not None:
            verify(parsed, parsed.digest, self._trust)


class _Pipeline:
    """Batches on their way: sent, written, brought to the disk, each move in a thread of its own and in order."""

    def __init__(
        self,
        send: Callable[[Batch], Sent],
        write: Callable[[Sent], Batch],
        settle: Callable[[Batch], None],
    ) -> None:
        self._moves = (send, write, settle)
        self._threads = [ThreadPoolExecutor(1, f"notarise-{name}") for name in ("send", "write", "settle")]
        self._under_way: deque[Future[None]] = deque()
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None and self._failure is None:
            # Whatever has not begun does not begin: the journal knows what was sent.
            self._failure = ServerUnreachable("stopped before the end.")
        for threads in self._threads:
            threads.shutdown()

    def begin(self, batch: Callable[[], Batch]) -> None:
        """Start with a batch, once few enough are under way. Raises what an earlier one ran into."""
        while len(self._under_way) >= UNDER_WAY:
            self._under_way.popleft().result()
        send, write, settle = self._moves
        sending, writing, settling = self._threads
        sent = sending.submit(self._move, lambda: send(batch()))
        written = writing.submit(self._move, lambda: write(sent.result()))
        self._under_way.append(settling.submit(self._move, lambda: settle(written.result())))

    def finish(self) -> None:
        """Wait for all. Raises what one of them ran into."""
        while self._under_way:
            self._under_way.popleft().result()

    def _move(self, work: Callable[[], _T]) -> _T:
        """None begins once one has failed."""
        if self._failure is not None:
            raise self._failure
        try:
            return work()
        except Exception as error:
            self._failure = self._failure or error
            raise


def _same(batch: Batch) -> Batch:
    return batch
