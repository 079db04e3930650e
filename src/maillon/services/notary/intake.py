# SPDX-License-Identifier: Apache-2.0
"""Group commit: requests that arrive within a few milliseconds share one durable transaction, which gives the indexes.

While one group is being committed the next one gathers, so the slower the disk, the larger the groups. Nothing is
acknowledged before its transaction is durable; when the transaction fails, the whole group is told so and no index was
used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from sqlalchemy.engine import Connection

from maillon.evidence.entry import payload_length
from maillon.kit.errors import StoreUnavailable as KitUnavailable
from maillon.kit.store import Store
from maillon.services.notary import store as tables
from maillon.services.notary.answers import Answers, Outcome
from maillon.services.notary.errors import Refused, Stopping, StoreUnavailable, Unavailable
from maillon.services.notary.log import Boundary, Faults, no_faults
from maillon.services.notary.model import Append, Appended, Submission
from maillon.services.notary.rules import MAXIMUM_BATCH, leaf_hashes, lookup_key, split

MAXIMUM_WAITING = 2_000_000
"""Entries gathered in memory before further ones are turned away."""


class _Group:
    """Requests that will share one transaction, and what became of them."""

    __slots__ = ("appends", "done", "entries", "failure", "outcomes")

    def __init__(self) -> None:
        self.appends: list[Append] = []
        self.entries = 0
        self.done = asyncio.Event()
        self.outcomes: list[Outcome] = []
        self.failure: Unavailable | None = None


class Known:
    """Entries appended but not under a checkpoint yet, by their bytes: what `notary_lookup` cannot find yet."""

    def __init__(self) -> None:
        self._from = 0
        self._to = 0
        self._entries: dict[bytes, int] = {}

    def refresh(self, session: Connection, size: int, next_index: int) -> None:
        """Read what was appended since the last time, and forget all once most of it is under a checkpoint."""
        if size > self._to or size - self._from > MAXIMUM_BATCH:
            self._entries.clear()
            self._from = self._to = size
        if next_index > self._to:
            for submission in tables.pending(session, self._to):
                self.add(submission)
            self._to = next_index

    def add(self, submission: Submission) -> None:
        """Remember the entries of a submission, the first of equals."""
        kind = bytes((submission.kind,))
        for index, payload in enumerate(split(submission.kind, submission.payloads), submission.first):
            self._entries.setdefault(kind + payload, index)

    def forget(self) -> None:
        """After a transaction that may not have happened."""
        self._from = self._to = 0
        self._entries.clear()

    def find(self, entry: bytes) -> int | None:
        """The index of an entry, None when it is not among these."""
        return self._entries.get(entry)


class Intake:
    """Where appends wait for their transaction. Belongs to one event loop; the transaction runs in one thread.

    `leaves` gives, for a session and the size of the log in it, what finds the leaf hash of an entry by its index.
    """

    def __init__(
        self,
        store: Store,
        leaves: Callable[[Connection, int], Callable[[int], bytes]],
        answers: Answers,
        appended: Callable[[], None],
        *,
        gather: float = 0.003,
        faults: Faults = no_faults,
    ) -> None:
        self._store = store
        self._leaves = leaves
        self._answers = answers
        self._appended = appended
        self._gather = gather
        self._faults = faults
        self._known = Known()
        self._open = _Group()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._writer = ThreadPoolExecutor(1, "notary-writer")

    async def append(self, append: Append) -> Appended:
        """Durable when this returns. Raises a `Refused`, or an `Unavailable` when nothing was kept."""
        group = self._open
        if self._stopping:
            raise Stopping("the notary is being stopped: send the request again in a moment")
        if group.entries > MAXIMUM_WAITING:
            raise StoreUnavailable("more entries are waiting than can be kept: send the request again in a moment")
        position = len(group.appends)
        group.appends.append(append)
        group.entries += append.count
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain())
        # An event and not a shared future: a caller that goes away must not cancel the others.
        await group.done.wait()
        if group.failure is not None:
            raise type(group.failure)(str(group.failure)) from group.failure
        outcome = group.outcomes[position]
        if isinstance(outcome, Refused):
            raise outcome
        return outcome

    async def stop(self) -> None:
        """Take no more, commit what waits."""
        self._stopping = True
        while self._task is not None:
            await asyncio.shield(self._task)
        self._writer.shutdown()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._open.appends:
                await asyncio.sleep(self._gather)
                group, self._open = self._open, _Group()
                try:
                    group.outcomes = await loop.run_in_executor(self._writer, self._commit, group.appends)
                    self._appended()
                except Unavailable as error:
                    group.failure = error
                except BaseException:
                    group.failure = StoreUnavailable("the entries could not be kept; nothing was acknowledged")
                    raise
                finally:
                    group.done.set()
        finally:
            self._task = None

    def _commit(self, appends: list[Append]) -> list[Outcome]:
        try:
            with self._store.transaction() as session:
                outcomes = self._assign(session, appends)
        except KitUnavailable as error:
            # Whether it happened is unknown; nobody is told it did. Entries kept all the same are entries nobody
            # waits for: harmless, and found again by their Idempotency-Key.
            self._known.forget()
            raise StoreUnavailable("the database did not take the entries; nothing was acknowledged") from error
        # A crash here: the entries are durable and in their place, and their senders do not know. Sent again with the
        # same Idempotency-Key they get the same answer.
        self._faults(Boundary.APPENDED)
        return outcomes

    def _assign(self, session: Connection, appends: list[Append]) -> list[Outcome]:
        head = tables.lock_head(session)
        answered, repeats = self._answers.find(session, appends)
        made: dict[int, Outcome] = {}
        deeds: list[tuple[str, str | None, int, int]] = []
        index = head.next_index
        submissions: list[Submission] = []
        plain: dict[tuple[str, str | None, int], list[int]] = {}
        searching: list[int] = []
        for position, append in enumerate(appends):
            if position in answered or position in repeats:
                continue
            if append.deduplicate:
                searching.append(position)
            else:
                plain.setdefault((append.subject, append.organisation, append.kind), []).append(position)
        # Entries of one subject and kind become one row and one line of the audit trail, whatever order they came in:
        # requests that wait together have no order among themselves.
        for (subject, organisation, kind), positions in plain.items():
            first = index
            for position in positions:
                made[position] = Appended(index, appends[position].count)
                index += appends[position].count
            payloads = b"".join([appends[position].payloads for position in positions])
            submissions.append(Submission(first, index - first, kind, payloads))
            deeds.append((subject, organisation, first, index - first))
        if searching:
            self._known.refresh(session, head.size, head.next_index)
            for submission in submissions:
                self._known.add(submission)
        for position in searching:
            outcome, added = self._deduplicate(session, appends[position], head.size, index)
            made[position] = outcome
            if added is not None:
                submissions.append(added)
                self._known.add(added)
                index += added.count
                asked = appends[position]
                deeds.append((asked.subject, asked.organisation, added.first, added.count))
        tables.insert_submissions(session, submissions, index)
        self._answers.audit(session, deeds)
        self._answers.keep(session, appends, made)
        outcomes = answered | made
        return [outcomes[repeats.get(position, position)] for position in range(len(appends))]

    def _deduplicate(
        self, session: Connection, append: Append, size: int, index: int
    ) -> tuple[Appended, Submission | None]:
        """Give each payload the index it has, or a new one from `index` on."""
        kind = bytes((append.kind,))
        leaves = leaf_hashes(append.kind, append.payloads)
        candidates = tables.candidates(session, leaves)
        # In the order of the log: each tile is read once, however the batch is shuffled.
        leaf_of = self._leaves(session, size)
        known = {old: leaf_of(old) for old in sorted(chain.from_iterable(candidates.values()))}
        indexes: list[int] = []
        fresh: list[bytes] = []
        mine: dict[bytes, int] = {}
        for leaf, payload in zip(leaves, split(append.kind, append.payloads), strict=True):
            entry = kind + payload
            found = next((old for old in candidates.get(lookup_key(leaf), ()) if known[old] == leaf), None)
            if found is None:
                found = self._known.find(entry)
            if found is None:
                found = mine.get(entry)
            if found is None:
                found = mine[entry] = index + len(fresh)
                fresh.append(payload)
            indexes.append(found)
        appended = Appended(index if fresh else indexes[0], len(fresh), tuple(indexes))
        if not fresh:
            return appended, None
        assert len(fresh[0]) == payload_length(append.kind)
        return appended, Submission(index, len(fresh), append.kind, b"".join(fresh))
