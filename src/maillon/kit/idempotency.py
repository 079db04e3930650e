# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys: the same key and request give the first answer again. Answers are kept for a week, per subject.

The notary writes its answer in the transaction of the deed, so that no crash comes between. Everybody else answers
through `Once`: deed, then answer. A crash between the two leaves a deed whose answer nobody has, and the request sent
again does it again; what the chain refuses twice, it then refuses.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from weakref import WeakValueDictionary

import orjson
import sqlalchemy as sa
from fastapi import Header, Request
from sqlalchemy.engine import Connection
from starlette.responses import Response

from maillon.kit.clock import Clock
from maillon.kit.encryption import Encryption
from maillon.kit.errors import IdempotencyConflict
from maillon.kit.store import Store, metadata

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


Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,200}$",
        description="The same key and body get the first answer again, for a week.",
    ),
]
"""What a route that creates something takes; `Once` answers by it."""
_SEALED: Final = "members:"
"""Before the subjects of answers that are kept encrypted; by the name of the service that first kept any."""


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


def keep(connection: Connection, subject: str, key: str, request: bytes, answer: Answer, now: int) -> None:  # noqa: PLR0917 - a row of its table
    """Keep the answer, in the transaction of what it tells."""
    connection.execute(
        table.insert().values(
            subject=subject, key=key, request=request, status=answer.status, answer=answer.body, created=now
        )
    )


def forget(connection: Connection, now: int) -> int:
    """Forget answers older than they need be kept; how many."""
    return connection.execute(table.delete().where(table.c.created < now - KEPT)).rowcount


class SealedAnswers:
    """Answers kept encrypted: they say who applies, and keys and codes that are shown this once."""

    def __init__(self, encryption: Encryption) -> None:
        self._encryption = encryption

    def find(self, connection: Connection, subject: str, key: str, request: bytes) -> Answer | None:
        """The first answer to a request, or None. Raises `IdempotencyConflict`, `CiphertextUnreadable`."""
        found = find(connection, _SEALED + subject, key, request)
        if found is None:
            return None
        return Answer(found.status, self._encryption.decrypt(found.body, _context(_SEALED + subject, key)))

    def keep(  # noqa: PLR0917 - what a kept answer is
        self, connection: Connection, subject: str, key: str, request: bytes, answer: Answer, now: int
    ) -> None:
        """Keep the first answer; one that is there already stays."""
        if find(connection, _SEALED + subject, key, request) is None:
            sealed = self._encryption.encrypt(answer.body, _context(_SEALED + subject, key))
            keep(connection, _SEALED + subject, key, request, Answer(answer.status, sealed), now)

    def forget_of(self, connection: Connection, identifier: str) -> None:
        """Forget what was answered of the thing with this `id`."""
        for row in self._rows(connection):
            if orjson.loads(self._opened(row)).get("id") == identifier:
                connection.execute(table.delete().where(*_same(row)))

    def encrypt_again(self, connection: Connection) -> int:
        """Encrypt with the newest key whatever an older one encrypted; how many values."""
        old = [row for row in self._rows(connection) if not self._encryption.is_current(bytes(row.answer))]
        for row in old:
            again = self._encryption.encrypt(self._opened(row), _context(row.subject, row.key))
            connection.execute(table.update().where(*_same(row)).values(answer=again))
        return len(old)

    @staticmethod
    def _rows(connection: Connection) -> Sequence[Any]:
        """Those of a week: what is older is forgotten."""
        return connection.execute(sa.select(table).where(table.c.subject.startswith(_SEALED, autoescape=True))).all()

    def _opened(self, row: Any) -> bytes:
        return self._encryption.decrypt(bytes(row.answer), _context(row.subject, row.key))


def _context(subject: str, key: str) -> str:
    return f"idempotency.answer:{subject}:{key}"


def _same(row: Any) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.subject == row.subject, table.c.key == row.key


class Once:
    """Answers a write with an Idempotency-Key once: the same key and body get the first answer again."""

    def __init__(self, store: Store, clock: Clock, answers: SealedAnswers) -> None:
        self._store = store
        self._clock = clock
        self._answers = answers
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def answer(
        self,
        request: Request,
        key: str | None,
        subject: str,
        work: Callable[[], Awaitable[tuple[int, Any]]],
        body: bytes | None = None,
    ) -> Response:
        """The answer of `work` (status and document), or the one it gave this subject before.

        The body is given where it was read already, within its limit. What was done is not undone when keeping its
        answer fails. Of two at once in this process the second waits.
        """
        if key is None:
            status, document = await work()
            return Response(orjson.dumps(document), status, None, "application/json")
        body = await request.body() if body is None else body
        asked = fingerprint(request.method, f"{request.url.path}?{request.url.query}".rstrip("?"), body)
        turn = self._turns.setdefault((subject, key), asyncio.Lock())
        async with turn:
            before = await self.before(subject, key, asked)
            if before is not None:
                return Response(before.body, before.status, {"Idempotency-Replayed": "true"}, "application/json")
            status, document = await work()
            made = orjson.dumps(document)
            await self.keep(subject, key, asked, Answer(status, made))
        return Response(made, status, None, "application/json")

    async def before(self, subject: str, key: str, asked: bytes) -> Answer | None:
        """What was answered to this request before. Raises `IdempotencyConflict`."""

        def work() -> Answer | None:
            with self._store.read() as connection:
                return self._answers.find(connection, subject, key, asked)

        return await asyncio.to_thread(work)

    async def keep(self, subject: str, key: str, asked: bytes, answer: Answer) -> None:
        """Keep an answer for who asks again."""

        def work() -> None:
            with self._store.transaction() as connection:
                now = int(self._clock.now().timestamp())
                self._answers.keep(connection, subject, key, asked, answer, now)

        await asyncio.to_thread(work)
