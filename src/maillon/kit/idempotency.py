# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys: the same key and request give the first answer again, also after a crash.

The answer is written in the transaction of the deed. Answers are kept for a day and longer, per subject.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maillon.kit.errors import IdempotencyConflict
from maillon.kit.store import metadata

MAXIMUM_KEY = 200
KEPT = 7 * 24 * 3600
"""Seconds an answer is kept at least."""

table = sa.Table(
    "idempotency",
    metadata,
    sa.Column("subject", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("request", sa.LargeBinary(32), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("answer", sa.LargeBinary, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time."""

    status: int
    body: bytes


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """What makes two requests the same."""
    return hashlib.sha256(f"{method} {path}\n".encode() + body).digest()


def find(connection: Connection, subject: str, key: str, request: bytes) -> Answer | None:
    """The first answer, or None; raises `IdempotencyConflict` when the key was used for another request."""
    row = connection.execute(sa.select(table).where(table.c.subject == subject, table.c.key == key)).one_or_none()
    if row is None:
        return None
    if bytes(row.request) != request:
        raise IdempotencyConflict(f"the idempotency key {key!r} was used for another request; choose a new one")
    return Answer(int(row.status), bytes(row.answer))


def keep(connection: Connection, subject: str, key: str, request: bytes, answer: Answer, now: int) -> None:  # noqa: PLR0917
    """Keep the answer, in the transaction of what it tells."""
    connection.execute(
        table.insert().values(
            subject=subject, key=key, request=request, status=answer.status, answer=answer.body, created=now
        )
    )


def forget(connection: Connection, now: int) -> int:
    """Forget answers older than they need be kept; how many."""
    return connection.execute(table.delete().where(table.c.created < now - KEPT)).rowcount
