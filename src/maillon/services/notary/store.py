# SPDX-License-Identifier: Apache-2.0
"""The notary's tables and the few things done to them. Callers bring the transaction; nothing here commits.

`notary_head` is one row: locking it makes whoever holds it the one writer, on SQLite and on PostgreSQL alike.
`notary_submission` holds entries from acknowledgement to publication, one row for many entries; `notary_checkpoint`
the newest checkpoint and every anchored one; `notary_lookup` finds entries by eight bytes of their leaf hash.
All but the submissions are rebuilt from the log and the chain by `reindex`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text, delete, insert, select, update
from sqlalchemy.engine import Connection

from maillon.kit.store import metadata
from maillon.services.notary.errors import LostRace
from maillon.services.notary.model import CheckpointRecord, Head, Submission
from maillon.services.notary.rules import lookup_keys

HEAD: Final = Table(
    "notary_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("next_index", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
)
SUBMISSION: Final = Table(
    "notary_submission",
    metadata,
    Column("first_index", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("payloads", LargeBinary, nullable=False),
)
CHECKPOINT: Final = Table(
    "notary_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("height", BigInteger, nullable=True),
    Column("anchor", Text, nullable=True),
    Column("stamp", LargeBinary, nullable=True),
)
LOOKUP: Final = Table(
    "notary_lookup",
    metadata,
    Column("prefix", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

_KEYS_IN_ONE_QUESTION = 5_000
"""Under the number of parameters either database takes."""


def read_head(session: Connection) -> Head:
    """The head as of this transaction."""
    row = session.execute(select(HEAD.c.next_index, HEAD.c.size)).one()
    return Head(row.next_index, row.size)


def lock_head(session: Connection) -> Head:
    """The head, held until this transaction ends: nobody else gives indexes meanwhile."""
    # An update of nothing: it takes the write lock at once on SQLite, and the row's lock on PostgreSQL.
    session.execute(update(HEAD).values(next_index=HEAD.c.next_index))
    return read_head(session)


def insert_submissions(session: Connection, submissions: Sequence[Submission], next_index: int) -> None:
    """Keep entries and move the head past them. Only under `lock_head`."""
    if submissions:
        rows = [{"first_index": s.first, "count": s.count, "kind": s.kind, "payloads": s.payloads} for s in submissions]
        session.execute(insert(SUBMISSION), rows)
        session.execute(update(HEAD).values(next_index=next_index))


def pending(session: Connection, since: int, entries: int | None = None) -> list[Submission]:
    """Submissions from index `since` on, in order: about `entries` of them, at least one, all when None."""
    statement = select(SUBMISSION).where(SUBMISSION.c.first_index >= since).order_by(SUBMISSION.c.first_index)
    if entries is not None:
        # Bounded by index rather than by row, since a row holds up to 100,000 entries.
        statement = statement.where(SUBMISSION.c.first_index < since + entries)
    return [
        Submission(first, count, kind, bytes(payloads)) for first, count, kind, payloads in session.execute(statement)
    ]


def submission_of(session: Connection, index: int) -> Submission | None:
    """The submission that holds this entry, None when it was published and dropped."""
    statement = select(SUBMISSION).where(SUBMISSION.c.first_index <= index)
    row = session.execute(statement.order_by(SUBMISSION.c.first_index.desc()).limit(1)).first()
    if row is None:
        return None
    first, count, kind, payloads = row
    return Submission(first, count, kind, bytes(payloads)) if index < first + count else None


def drop_submissions(session: Connection, size: int) -> None:
    """Forget the entries under a published checkpoint: the log has them."""
    session.execute(delete(SUBMISSION).where(SUBMISSION.c.first_index < size))


def insert_lookup(session: Connection, first: int, leaves: Sequence[bytes]) -> None:
    """Make entries findable. The largest write of all: it goes to the driver directly."""
    rows = sorted(zip(lookup_keys(leaves), range(first, first + len(leaves)), strict=True))
    if not rows:
        return
    if session.dialect.name == "postgresql":
        driver = cast("Any", session.connection.dbapi_connection)
        with driver.cursor() as cursor, cursor.copy("COPY notary_lookup (prefix, entry) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        session.exec_driver_sql("INSERT INTO notary_lookup (prefix, entry) VALUES (?, ?)", rows)


def candidates(session: Connection, leaves: Sequence[bytes]) -> dict[int, list[int]]:
    """Lookup key → indexes, ascending, that may be these leaves: whoever asks compares the entries themselves."""
    found: dict[int, list[int]] = {}
    keys = sorted(set(lookup_keys(leaves)))
    for at in range(0, len(keys), _KEYS_IN_ONE_QUESTION):
        part = keys[at : at + _KEYS_IN_ONE_QUESTION]
        statement = select(LOOKUP.c.prefix, LOOKUP.c.entry).where(LOOKUP.c.prefix.in_(part)).order_by(LOOKUP.c.entry)
        for prefix, entry in session.execute(statement):
            found.setdefault(prefix, []).append(entry)
    return found


def commit_checkpoint(session: Connection, old_size: int, record: CheckpointRecord, leaves: Sequence[bytes]) -> None:
    """Move the head's size from `old_size`, which must still be there: `LostRace` otherwise."""
    moved = session.execute(update(HEAD).where(HEAD.c.size == old_size).values(size=record.size))
    if moved.rowcount != 1:
        raise LostRace(f"the log is no longer of size {old_size}: another process extends it too")
    insert_checkpoint(session, record)
    insert_lookup(session, old_size, leaves)


def insert_checkpoint(session: Connection, record: CheckpointRecord) -> None:
    """Keep a checkpoint."""
    session.execute(
        insert(CHECKPOINT),
        [
            {
                "size": record.size,
                "root": record.root,
                "note": record.note,
                "height": record.height,
                "anchor": None if record.anchor is None else json.dumps(record.anchor, separators=(",", ":")),
                "stamp": record.stamp,
            }
        ],
    )


def record_anchor(session: Connection, record: CheckpointRecord) -> None:
    """The checkpoint is anchored and stamped: its entries have receipts. Older ones never anchored are superseded."""
    session.execute(
        update(CHECKPOINT)
        .where(CHECKPOINT.c.size == record.size)
        .values(height=record.height, anchor=json.dumps(record.anchor, separators=(",", ":")), stamp=record.stamp)
    )
    session.execute(delete(CHECKPOINT).where(CHECKPOINT.c.size < record.size, CHECKPOINT.c.height.is_(None)))


def _record(row: Any) -> CheckpointRecord:
    return CheckpointRecord(
        row.size,
        bytes(row.root),
        row.note,
        row.height,
        None if row.anchor is None else json.loads(row.anchor),
        None if row.stamp is None else bytes(row.stamp),
    )


def checkpoint_of(session: Connection, size: int) -> CheckpointRecord | None:
    """The checkpoint of exactly that size."""
    row = session.execute(select(CHECKPOINT).where(CHECKPOINT.c.size == size)).first()
    return None if row is None else _record(row)


def newest_checkpoint(session: Connection) -> CheckpointRecord | None:
    """The newest checkpoint, anchored or not."""
    row = session.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(1)).first()
    return None if row is None else _record(row)


def newest_anchored(session: Connection) -> CheckpointRecord | None:
    """The newest checkpoint that is anchored and stamped."""
    statement = select(CHECKPOINT).where(CHECKPOINT.c.height.is_not(None)).order_by(CHECKPOINT.c.size.desc()).limit(1)
    row = session.execute(statement).first()
    return None if row is None else _record(row)


def anchored_covering(session: Connection, index: int) -> CheckpointRecord | None:
    """The first anchored checkpoint that covers an entry: always the same one, whenever it is asked."""
    statement = (
        select(CHECKPOINT)
        .where(CHECKPOINT.c.size > index, CHECKPOINT.c.height.is_not(None))
        .order_by(CHECKPOINT.c.size)
        .limit(1)
    )
    row = session.execute(statement).first()
    return None if row is None else _record(row)


def checkpoints(session: Connection, limit: int, below: int | None = None) -> list[CheckpointRecord]:
    """Checkpoints, newest first, from below a size on: for pages."""
    statement = select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(limit)
    if below is not None:
        statement = statement.where(CHECKPOINT.c.size < below)
    return [_record(row) for row in session.execute(statement)]


def clear_read_model(session: Connection) -> None:
    """Forget what `reindex` makes anew. Submissions stay: until they are published nothing else has them."""
    session.execute(delete(LOOKUP))
    session.execute(delete(CHECKPOINT))


def set_head(session: Connection, head: Head) -> None:
    """Replace the head, for `reindex`."""
    session.execute(delete(HEAD))
    session.execute(insert(HEAD), [{"id": 1, "next_index": head.next_index, "size": head.size}])


def dump_read_model(session: Connection) -> Iterator[tuple[Any, ...]]:
    """Every row of what `reindex` makes anew, in order, for comparing."""
    for table in (HEAD, CHECKPOINT, LOOKUP):
        for row in session.execute(select(table).order_by(*table.primary_key.columns)):
            yield (table.name, *row)
