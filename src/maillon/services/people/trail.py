# SPDX-License-Identifier: Apache-2.0
"""The trail, notarised daily: what was done in an organisation cannot be told differently later without being seen.

Once a day is over, what was done since the document before goes into one for each organisation, and one for what
concerns the instance alone. Each names the digest of the one before, so that none can be left out, and carries a salt,
so that its digest tells nothing; `docs/formats/trail.md` describes it. Documents are not kept: the trail is, and they
are made of it again whenever they are asked for, and compared with the digest that was notarised.

stage: a row for each document, with its digest; commit; publish: the digest goes into the log, and where it stands
there into its row. A crash before the commit leaves nothing; one after it leaves rows the log does not have yet, which
the next round enters: the log takes a digest once.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import secrets
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, func, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from maillon.kit import audit
from maillon.kit.store import metadata
from maillon.services.people import rules
from maillon.services.people.errors import TrailAltered, TrailNotNotarised, UnknownTrailDocument
from maillon.services.people.foundation import Foundation
from maillon.services.people.model import Actor, Target

TYPE: Final = "maillon.trail.v1"
SETTLED: Final = datetime.timedelta(minutes=10)
"""How long after midnight a day is closed: whatever was being written then has been committed."""
MAXIMUM_DEEDS: Final = 50_000
"""In the documents that are made at once; a day of more has several of an organisation."""
SUBJECT: Final = "trail"
"""Who enters the documents in the log, as the trail calls it."""
PAGE: Final = 31
"""Documents on one page."""
_INSTANCE: Final = ""
"""The organisation of deeds that concern the instance alone, as the table has it."""

TRAIL: Final = Table(
    "people_trail",
    metadata,
    Column("organisation", String(80), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("day", String(10), nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("previous", LargeBinary(32)),
    Column("digest", LargeBinary(32), nullable=False),
    Column("entry", BigInteger),
    Index("ix_people_trail_last", "last"),
)


class Notary(Protocol):
    """Where digests are entered. The notary stands above people; the composition root joins the two."""

    async def enter(self, digest: bytes) -> int:
        """Enter a digest publicly, once; its index. Raises `TrailNotNotarised`."""

    async def receipt(self, entry: int, digest: bytes) -> bytes | None:
        """The whole receipt, None while it is not ready."""


@dataclass(frozen=True, slots=True)
class TrailDocument:
    """The document of a day, without what is in it."""

    first: int
    """The number of its first deed, by which it is named."""
    last: int
    day: datetime.date
    """UTC: what it tells was done until the end of that day."""
    count: int
    digest: bytes
    """SHA-256 of the document."""
    entry: int | None
    """Where the log has it; None before it is there."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What a document is made of, beside the deeds."""

    organisation: str
    first: int
    last: int
    day: str
    salt: bytes
    previous: bytes | None


class Trail(Foundation):
    """Closing days, and reading them."""

    notary: Notary | None = None
    _closed: datetime.date | None = None
    """The day before which everything stands in documents, as far as this process has looked."""

    def close_days(self) -> int:
        """Put what was done until midnight into documents, once that is settled; how many were made.

        It is called again until there are none: each time a bounded number of deeds is taken.
        """
        today = (self._clock.now() - SETTLED).date()
        if today == self._closed:
            return 0
        midnight = int(datetime.datetime.combine(today, datetime.time(), datetime.UTC).timestamp())
        day = (today - datetime.timedelta(days=1)).isoformat()
        try:
            with self._store.transaction() as connection:
                made = self._close(connection, day, midnight)
        except IntegrityError:  # another process of this instance was faster: its documents are the same
            return 0
        if not made:
            self._closed = today
        return made

    def _close(self, connection: Connection, day: str, midnight: int) -> int:
        deeds = audit.table.c
        done = connection.scalar(select(func.max(TRAIL.c.last))) or 0
        first = connection.scalar(select(func.min(deeds.id)).where(deeds.id > done))
        taken = (deeds.id > done) & (deeds.id < (first or 0) + MAXIMUM_DEEDS)
        until = connection.scalar(select(func.max(deeds.id)).where(taken, deeds.time < midnight))
        if until is None:
            return 0
        # That the documents of the day before were entered is told with the next deed, and is no reason for a document.
        others = select(deeds.id).where(taken, deeds.id <= until, deeds.actor != SUBJECT).limit(1)
        if connection.scalar(others) is None:
            return 0
        owner = func.coalesce(deeds.organisation, _INSTANCE)
        query = select(owner, func.min(deeds.id), func.max(deeds.id), func.count())
        found = connection.execute(query.where(deeds.id > done, deeds.id <= until).group_by(owner)).all()
        for organisation, begins, ends, count in found:
            salt, columns = secrets.token_bytes(16), TRAIL.c
            newest = select(columns.digest).where(columns.organisation == organisation)
            previous = connection.scalar(newest.order_by(columns.first.desc()).limit(1))
            part = _Part(organisation, begins, ends, day, salt, previous)
            digest = hashlib.sha256(self._document(connection, part)).digest()
            connection.execute(insert(TRAIL).values(asdict(part) | {"count": count, "digest": digest}))
        return len(found)

    async def enter_days(self) -> int:
        """Have the log take the documents it does not have yet; how many. Raises `TrailNotNotarised`."""
        if self.notary is None:
            return 0
        waiting = await asyncio.to_thread(self._waiting)
        for organisation, first, digest in waiting:
            entry = await self.notary.enter(digest)
            await asyncio.to_thread(self._entered, organisation, first, entry)
        return len(waiting)

    def _waiting(self) -> list[tuple[str, int, bytes]]:
        with self._store.read() as connection:
            query = select(TRAIL.c.organisation, TRAIL.c.first, TRAIL.c.digest).where(TRAIL.c.entry.is_(None))
            return [(row[0], row[1], bytes(row[2])) for row in connection.execute(query.order_by(TRAIL.c.last))]

    def _entered(self, organisation: str, first: int, entry: int) -> None:
        with self._store.transaction() as connection:
            row = (TRAIL.c.organisation == organisation) & (TRAIL.c.first == first)
            connection.execute(update(TRAIL).where(row).values(entry=entry))

    def _document(self, connection: Connection, part: _Part) -> bytes:
        columns = audit.table.c
        whose = columns.organisation == part.organisation
        if part.organisation == _INSTANCE:
            whose = columns.organisation.is_(None)
        query = select(audit.table).where(whose, columns.id >= part.first, columns.id <= part.last)
        document = {
            "type": TYPE,
            "organisation": part.organisation or None,
            "day": part.day,
            "salt": part.salt.hex(),
            "previous": None if part.previous is None else part.previous.hex(),
            "deeds": [
                {"number": deed.id, "time": deed.time, "tag": deed.tag, "actor": deed.actor, "detail": deed.detail}
                for deed in connection.execute(query.order_by(columns.id))
            ],
        }
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)

    def _may_read(self, actor: Actor, organisation: str | None) -> str:
        """Whose trail, as the table has it. Raises `NotAllowed`."""
        if organisation is None:
            self.require(actor, rules.INSTANCE_OPERATE, Target("instance"))
            return _INSTANCE
        return self.within(actor, rules.TRAIL_READ, organisation)

    def documents_of(
        self, actor: Actor, organisation: str | None, before: int | None = None, limit: int = PAGE
    ) -> list[TrailDocument]:
        """The documents of an organisation, or of the instance, newest first. Raises `NotAllowed`."""
        place = self._may_read(actor, organisation)
        query = select(TRAIL).where(TRAIL.c.organisation == place).order_by(TRAIL.c.first.desc()).limit(limit)
        if before is not None:
            query = query.where(TRAIL.c.first < before)
        with self._store.read() as connection:
            return [_to_document(row) for row in connection.execute(query)]

    def document_of(self, actor: Actor, organisation: str | None, first: int) -> tuple[TrailDocument, bytes]:
        """A document by the number of its first deed, made again, and the same as was notarised.

        Raises `NotAllowed`, `UnknownTrailDocument`, and `TrailAltered` when the trail says something else now.
        """
        place = self._may_read(actor, organisation)
        with self._store.read() as connection:
            row = _row_of(connection, place, first)
            previous = None if row.previous is None else bytes(row.previous)
            part = _Part(row.organisation, row.first, row.last, row.day, bytes(row.salt), previous)
            content = self._document(connection, part)
        found = _to_document(row)
        if hashlib.sha256(content).digest() != found.digest:
            raise TrailAltered(f"deeds {found.first} to {found.last} are told differently than they were notarised")
        return found, content

    async def receipt_of(self, actor: Actor, organisation: str | None, first: int) -> tuple[TrailDocument, bytes]:
        """A document and its receipt, which stands whatever the trail says now: it is of what was notarised.

        Raises `NotAllowed`, `UnknownTrailDocument`, and `TrailNotNotarised` while it is not ready.
        """

        def ask() -> TrailDocument:
            place = self._may_read(actor, organisation)
            with self._store.read() as connection:
                return _to_document(_row_of(connection, place, first))

        found = await asyncio.to_thread(ask)
        receipt = None
        if self.notary is not None and found.entry is not None:
            receipt = await self.notary.receipt(found.entry, found.digest)
        if receipt is None:
            raise TrailNotNotarised("the log does not have this document yet")
        return found, receipt


def _row_of(connection: Connection, place: str, first: int) -> Any:
    """Raises `UnknownTrailDocument`."""
    query = select(TRAIL).where(TRAIL.c.organisation == place, TRAIL.c.first == first)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise UnknownTrailDocument(f"no document begins with deed {first}")
    return row


def _to_document(row: Any) -> TrailDocument:
    day = datetime.date.fromisoformat(row.day)
    return TrailDocument(row.first, row.last, day, row.count, bytes(row.digest), row.entry)
