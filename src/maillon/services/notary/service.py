# SPDX-License-Identifier: Apache-2.0
"""One verb for each thing somebody can do with the notary, and the two tasks that turn entries into receipts.

Belongs to one event loop. The database and the disk are asked from threads; the sequencer has one of its own.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import orjson
import structlog
from sqlalchemy.engine import Connection

from maillon.evidence.entry import Entry
from maillon.evidence.errors import EvidenceError
from maillon.evidence.hashing import Digest, sha256
from maillon.evidence.merkle import Frontier, inclusion_proof, leaf_hash, verify_inclusion
from maillon.evidence.note import NoteSigner
from maillon.evidence.receipt import TYPE
from maillon.evidence.tiles import WIDTH, tile_path
from maillon.kit import metrics
from maillon.kit.clock import Clock
from maillon.kit.errors import StoreUnavailable as KitUnavailable
from maillon.kit.store import Store
from maillon.services.notary import store as tables
from maillon.services.notary.anchoring import Anchoring
from maillon.services.notary.answers import Answers
from maillon.services.notary.authority import Authority
from maillon.services.notary.contract import LogContract
from maillon.services.notary.errors import (
    DamagedLog,
    Fatal,
    Halted,
    LogInconsistent,
    StoreUnavailable,
    Unavailable,
    UnknownEntry,
)
from maillon.services.notary.intake import Intake
from maillon.services.notary.log import Faults, Log, no_faults
from maillon.services.notary.model import (
    Append,
    Appended,
    CheckpointRecord,
    EntryReport,
    EntryState,
    Head,
    LogStatus,
)
from maillon.services.notary.published import Published
from maillon.services.notary.rules import entry_state, lookup_key, retry_delay

logger = structlog.get_logger("maillon.notary")

_REMEMBERED = 256
"""Anchored checkpoints whose evidence is kept in memory."""
_LOOK_AGAIN = 0.5
"""Seconds after which a waiting reader asks the database: another process may have anchored."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    low: int
    size: int
    body: bytes


def evidence_body(record: CheckpointRecord) -> bytes:
    """What all receipts under one anchored checkpoint share, as the API gives it."""
    assert record.stamp is not None
    return orjson.dumps(
        {
            "size": record.size,
            "checkpoint": record.note,
            "anchor": record.anchor,
            "timestamp": base64.b64encode(record.stamp).decode(),
        }
    )


class NotaryService:
    """The notary of one instance. `start` before anything else, `stop` at the end."""

    def __init__(  # noqa: PLR0917 - the collaborators, in the order they depend on each other
        self,
        store: Store,
        directory: Path,
        signer: NoteSigner,
        authority: Authority,
        contract: LogContract,
        clock: Clock,
        *,
        interval: float = 1.0,
        linger: float = 0.004,
        faults: Faults = no_faults,
    ) -> None:
        self.store = store
        self.published = Published(directory)
        self.authority = authority
        self.signer = signer
        self._contract = contract
        self._log = Log(store, self.published, signer, faults)
        self._anchoring = Anchoring(store, self.published, contract, authority, faults)
        self._linger = linger
        self._interval = interval
        self._faults = faults
        self._answers = Answers(clock)
        self._sequencer = ThreadPoolExecutor(1, "notary-sequencer")
        self._tasks: list[asyncio.Task[None]] = []
        self._intake: Intake | None = None
        self._failure: str | None = None
        self._anchoring_failure: str | None = None
        self._halted: str | None = None
        self._size = 0
        self._anchored_size = 0
        self._recent: deque[_Evidence] = deque(maxlen=_REMEMBERED)

    # Life.

    async def start(self) -> None:
        """Recover whatever the last end left, and begin. Raises a `Fatal` or an `Unavailable`."""
        self._new = asyncio.Event()
        self._fresh = asyncio.Event()
        self._anchored = asyncio.Event()
        self._stopping = asyncio.Event()
        self._leaving = False
        loop = asyncio.get_running_loop()
        edge = await loop.run_in_executor(self._sequencer, self._log.recover)
        self._size = edge.size
        anchored = await asyncio.to_thread(self._read, tables.newest_anchored)
        self._anchored_size = 0 if anchored is None else anchored.size
        self._intake = Intake(
            self.store, self._leaf_reader, self._answers, self._new.set, gather=self._linger, faults=self._faults
        )
        self._new.set()
        self._fresh.set()
        self._tasks = [loop.create_task(self._sequence()), loop.create_task(self._anchor())]

    def answer_waiting(self) -> None:
        """Answer whoever waits for a receipt with what there is: we are about to end, and they may ask again."""
        self._leaving = True
        self._anchored.set()

    async def stop(self) -> None:
        """Acknowledge what was taken, make a last checkpoint of it, end. Anchoring catches up at the next start."""
        if self._intake is None:
            return
        await self._intake.stop()
        self._stopping.set()
        self._new.set()
        self._fresh.set()
        sequence, anchor = self._tasks
        await sequence
        anchor.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await anchor
        self._sequencer.shutdown()

    async def _pause(self, seconds: float) -> None:
        """Wait, or less when the service is being stopped."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._stopping.wait()

    async def _sequence(self) -> None:
        """A checkpoint about every interval while there is something new."""
        loop = asyncio.get_running_loop()
        while True:
            await self._new.wait()
            self._new.clear()
            if self._halted is not None:
                return
            began = loop.time()
            try:
                record = await loop.run_in_executor(self._sequencer, self._log.step)
            except Fatal as error:
                self._halt(error)
                return
            except (Unavailable, OSError) as error:
                self._failure = str(error)
                logger.warning("checkpoint-failed", reason=str(error))
                self._new.set()
            else:
                self._failure = None
                if self._log.size != self._size:
                    # By this step, or by a recovery that published what a failed one had committed.
                    self._size = self._log.size
                    metrics.log_size.set(self._size)
                    self._fresh.set()
                if record is not None:
                    metrics.checkpoint_seconds.observe(loop.time() - began)
                    # What came during the step, or was too much for one, is found by looking once more.
                    self._new.set()
                elif self._stopping.is_set():
                    return
            if self._stopping.is_set() and self._failure is not None:
                return
            await self._pause(began + self._interval - loop.time())

    async def _anchor(self) -> None:
        """Anchor the newest checkpoint whenever there is one that is not."""
        failures = 0
        while not self._stopping.is_set():
            try:
                if failures or not self._anchored_size:
                    await self._contract.register()
                await self._fresh.wait()
                self._fresh.clear()
                if self._halted is not None:
                    return
                record = await self._anchoring.step()
            except Fatal as error:
                self._halt(error)
                return
            except (Unavailable, OSError) as error:
                failures += 1
                self._anchoring_failure = str(error)
                logger.warning("anchoring-failed", reason=str(error), failures=failures)
                self._fresh.set()
                await self._pause(retry_delay(failures))
            else:
                failures = 0
                self._anchoring_failure = None
                if record is not None:
                    self._remember(record)

    def _halt(self, error: Fatal) -> None:
        """Stop both tasks, whichever found the contradiction. The reason stays, whatever the other one still does."""
        self._halted = str(error)
        self._new.set()
        self._fresh.set()
        logger.error("log-halted", reason=str(error))

    def _remember(self, record: CheckpointRecord) -> None:
        self._recent.append(_Evidence(self._anchored_size, record.size, evidence_body(record)))
        self._anchored_size = record.size
        metrics.anchored_size.set(record.size)
        self._anchored.set()
        self._anchored = asyncio.Event()

    # Writing.

    async def append(self, append: Append) -> Appended:
        """Append entries: durable, and in their place for ever, on return. Raises `Refused` or `Unavailable`."""
        if self._halted is not None:
            raise Halted(f"the log has halted: {self._halted}")
        if self._intake is None:
            raise Unavailable("the notary has not started yet")
        appended = await self._intake.append(append)
        metrics.appended.inc(appended.count)
        return appended

    def stamp(self, request: bytes) -> bytes:
        """The RFC 3161 reply to a request, refusals included."""
        reply = self.authority.answer(request)
        metrics.stamps.inc()
        return reply

    # Reading.

    def _read(self, question: Any, *arguments: Any) -> Any:
        try:
            with self.store.read() as session:
                return question(session, *arguments)
        except KitUnavailable as error:
            raise StoreUnavailable(str(error)) from error

    def _entry_bytes(self, session: Connection, index: int, size: int) -> bytes:
        """One encoded entry, wherever it is by now."""
        if index < size:
            with contextlib.suppress(FileNotFoundError, IndexError, EvidenceError):
                return self.published.entry(index, size)
        submission = tables.submission_of(session, index)
        if submission is None:
            # Between our two looks it was published and dropped.
            size = tables.read_head(session).size
            if index >= size:
                raise UnknownEntry(f"the log has no entry {index}")
            try:
                return self.published.entry(index, size)
            except (EvidenceError, FileNotFoundError, IndexError) as error:
                raise DamagedLog(f"entry {index} cannot be read from the files of the log: {error}") from error
        length = len(submission.payloads) // submission.count
        at = (index - submission.first) * length
        return bytes((submission.kind,)) + submission.payloads[at : at + length]

    def _leaf_reader(self, session: Connection, size: int) -> Callable[[int], bytes]:
        """What finds the leaf hash of an entry wherever it is by now; neighbours in a row cost one reading together."""
        tile = lru_cache(1)(partial(self.published.leaves, size=size))

        def leaf_of(index: int) -> bytes:
            if index < size:
                with contextlib.suppress(FileNotFoundError, IndexError, EvidenceError):
                    return tile(index // WIDTH)[index % WIDTH]
            return leaf_hash(self._entry_bytes(session, index, size))

        return leaf_of

    def _report(self, session: Connection, index: int) -> EntryReport:
        head = tables.read_head(session)
        if index >= head.next_index:
            raise UnknownEntry(f"the log has no entry {index}: its next one will be {head.next_index}")
        entry = Entry.decode(self._entry_bytes(session, index, head.size))
        anchored = self._anchored_size
        if index >= anchored and tables.anchored_covering(session, index) is not None:
            anchored = index + 1
        return EntryReport(index, entry_state(index, head.size, anchored), entry.kind, entry.payload)

    async def entry(self, index: int) -> EntryReport:
        """What is known of an entry; raises `UnknownEntry`."""
        report: EntryReport = await asyncio.to_thread(self._read, self._report, index)
        return report

    def _find(self, session: Connection, entry: Entry) -> list[int]:
        encoded = entry.encode()
        head = tables.read_head(session)
        leaf = leaf_hash(encoded)
        candidates = tables.candidates(session, [leaf]).get(lookup_key(leaf), [])
        found = [index for index in candidates if self._entry_bytes(session, index, head.size) == encoded]
        for submission in tables.pending(session, head.size):
            if submission.kind != entry.kind:
                continue
            length = len(entry.payload)
            at = submission.payloads.find(entry.payload)
            while at >= 0:
                if at % length == 0:
                    found.append(submission.first + at // length)
                at = submission.payloads.find(entry.payload, at + 1)
        return found

    async def find(self, entry: Entry) -> list[int]:
        """Every index of a public entry, oldest first; raises `UnknownEntry` when there is none."""
        found: list[int] = await asyncio.to_thread(self._read, self._find, entry)
        if not found:
            raise UnknownEntry("nobody has notarised this digest publicly here")
        return found

    async def evidence(self, index: int) -> bytes | None:
        """The evidence of the first anchored checkpoint that covers an entry, as JSON; None while there is none."""
        for known in reversed(self._recent):
            if known.low <= index < known.size:
                return known.body
        record = await asyncio.to_thread(self._read, tables.anchored_covering, index)
        return None if record is None else evidence_body(record)

    def _half(self, index: int) -> dict[str, Any] | None:
        record: CheckpointRecord | None = self._read(tables.anchored_covering, index)
        if record is None:
            if index >= self._read(tables.read_head).next_index:
                raise UnknownEntry(f"the log has no entry {index}")
            return None
        assert record.stamp is not None
        try:
            encoded = self.published.entry(index, record.size)
            public = Entry.decode(encoded).is_public
            proof = inclusion_proof(index, record.size, self.published.reader(record.size).node)
            # A receipt lasts for decades, and a disk forgets: it leaves only when it holds.
            verify_inclusion(leaf_hash(encoded), index, record.size, proof, record.root)
        except (EvidenceError, FileNotFoundError, IndexError) as error:
            raise DamagedLog(f"the files of the log do not prove entry {index}: {error}") from error
        return {
            "type": TYPE,
            "entry": {"kind": "public" if public else "commitment", "index": index},
            "inclusion": {"proof": [node.hex() for node in proof]},
            "checkpoint": record.note,
            "anchor": record.anchor,
            "timestamp": base64.b64encode(record.stamp).decode(),
        }

    async def receipt(self, index: int) -> dict[str, Any] | None:
        """The server's half of a receipt, without digest and salt; None while not ready. May raise `UnknownEntry`."""
        return await asyncio.to_thread(self._half, index)

    async def wait_anchored(self, index: int, seconds: float) -> bool:
        """Wait until an entry's receipt is ready, so many seconds at most, less when we end; whether it is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while index >= self._anchored_size:
            if await asyncio.to_thread(self._read, tables.anchored_covering, index) is not None:
                return True
            remaining = until - loop.time()
            if remaining <= 0 or self._leaving:
                return False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(remaining, _LOOK_AGAIN)):
                    await self._anchored.wait()
        return True

    async def checkpoints(self, limit: int = 20, below: int | None = None) -> list[CheckpointRecord]:
        """Checkpoints, newest first."""
        found: list[CheckpointRecord] = await asyncio.to_thread(self._read, tables.checkpoints, limit, below)
        return found

    async def status(self) -> LogStatus:
        """The notary at a glance."""
        head: Head = await asyncio.to_thread(self._read, tables.read_head)
        anchored: CheckpointRecord | None = await asyncio.to_thread(self._read, tables.newest_anchored)
        return LogStatus(
            self.signer.name,
            self.signer.verifier_key,
            head.next_index,
            head.size,
            0 if anchored is None else anchored.size,
            None if anchored is None else anchored.height,
            self._halted or self._failure,
            self._anchoring_failure,
        )

    @property
    def halted(self) -> str | None:
        """Why the log takes no more entries, None while it does: for readiness."""
        return self._halted

    # Examining and rebuilding.

    async def examine(self) -> tuple[int, int]:
        """Compare files, database and ledger with each other, whole: (entries published, of which anchored).

        Only while the service is not started. Raises `LogInconsistent` where they contradict each other.
        """
        edge = await asyncio.to_thread(self._log.recover)
        history = [anchored async for anchored in self._contract.history()]
        if history and history[-1].size > edge.size:
            raise LogInconsistent(f"the chain anchors {history[-1].size} entries, the log holds {edge.size}")
        await asyncio.to_thread(self._compare, edge.size, {a.size: a.root for a in history} | {edge.size: edge.root()})
        return edge.size, history[-1].size if history else 0

    def _compare(self, size: int, roots: dict[int, bytes]) -> None:
        """Every entry is under its tile, and the entries lead to each of these roots (size → root)."""
        tree = Frontier()
        for number in range(-(-size // WIDTH)):
            leaves = self._leaves(number, size)
            first = number * WIDTH
            for cut in sorted(at for at in roots if first < at <= first + len(leaves)):
                tree = tree.extend(leaves[tree.size - first : cut - first])
                if tree.root() != roots[cut]:
                    raise LogInconsistent(f"the first {cut} entries of the log have another root than was signed")
            tree = tree.extend(leaves[tree.size - first :])

    def _leaves(self, number: int, size: int) -> list[bytes]:
        """The leaf hashes of a bundle, which its tile must hold, too."""
        leaves = [leaf_hash(entry) for entry in self.published.bundle(number, size)]
        width = min(WIDTH, size - number * WIDTH)
        if b"".join(leaves) != self.published.read(tile_path(0, number, width)):
            raise LogInconsistent(f"bundle {number} is not what its tile says: restore HOME/log")
        return leaves

    async def reindex(self) -> int:
        """Make the read model anew from the log's files and the chain's events: how many entries can be found again.

        Only while the service is not started. Raises `LogInconsistent` when log and chain contradict each other.
        """
        note = self.published.checkpoint()
        history = [anchored async for anchored in self._contract.history()]
        records: list[CheckpointRecord] = []
        size = 0
        if note is not None:
            newest = self._log.verify_note(note)
            size = newest.size
            if history and history[-1].size > size:
                raise LogInconsistent(f"the chain anchors {history[-1].size} entries, the log holds {size}: restore it")
            for anchored in history:
                checkpoint = self._log.checkpoint(anchored.size, anchored.root)
                token = self.published.stamp(anchored.size)
                if token is None:
                    token = self.authority.stamp(sha256(checkpoint.note.encode()))
                    self.published.write_stamp(anchored.size, token)
                anchor = await self._contract.prove(anchored.height)
                records.append(
                    CheckpointRecord(checkpoint.size, checkpoint.root, checkpoint.note, anchored.height, anchor, token)
                )
            if not records or records[-1].size != size:
                records.append(CheckpointRecord(size, newest.root, note))
        elif history:
            raise LogInconsistent("the chain has anchors of this log, but its files are gone: restore HOME/log")
        await asyncio.to_thread(self._rebuild, size, records)
        return size

    def _rebuild(self, size: int, records: list[CheckpointRecord]) -> None:
        with self.store.transaction() as session:
            tables.lock_head(session)
            tables.clear_read_model(session)
            for record in records:
                tables.insert_checkpoint(session, record)
            for number in range(-(-size // WIDTH)):
                tables.insert_lookup(session, number * WIDTH, self._leaves(number, size))
            tables.drop_submissions(session, size)
            tables.set_head(session, Head(max(size, self._next(session, size)), size))

    @staticmethod
    def _next(session: Connection, size: int) -> int:
        waiting = tables.pending(session, size)
        return waiting[-1].first + waiting[-1].count if waiting else size


def public_digest(report: EntryReport) -> Digest | None:
    """The plain digest of a public entry, None for a commitment."""
    try:
        return Entry(report.kind, report.payload).digest()
    except EvidenceError as error:
        raise LogInconsistent(f"entry {report.index} is not one this log makes") from error


__all__ = ["EntryState", "NotaryService", "evidence_body", "public_digest"]
