# SPDX-License-Identifier: Apache-2.0
"""What is written beside the entries in their transaction: first answers for idempotency keys, and the audit trail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maillon.kit import audit, idempotency
from maillon.kit.clock import Clock
from maillon.services.notary.errors import IdempotencyConflict, Refused
from maillon.services.notary.model import Append, Appended

Outcome = Appended | Refused

_KEYS_IN_ONE_QUESTION = 5_000


def _encode(appended: Appended) -> bytes:
    document = {"first": appended.first, "count": appended.count, "indexes": appended.indexes}
    return json.dumps(document, separators=(",", ":")).encode()


def _decode(data: bytes) -> Appended:
    document = json.loads(data)
    indexes = document["indexes"]
    return Appended(document["first"], document["count"], None if indexes is None else tuple(indexes))


class Answers:
    """Idempotency and audit for a whole group of appends at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def find(self, connection: Connection, appends: Sequence[Append]) -> tuple[dict[int, Outcome], dict[int, int]]:
        """Positions answered already, and positions that repeat an earlier one of the same group."""
        first: dict[tuple[str, str], int] = {}
        outcomes: dict[int, Outcome] = {}
        repeats: dict[int, int] = {}
        for position, append in enumerate(appends):
            if append.idempotency is None:
                continue
            known = first.setdefault((append.subject, append.idempotency.value), position)
            if known == position:
                continue
            if _fingerprint(appends[known]) == append.idempotency.fingerprint:
                repeats[position] = known
            else:
                outcomes[position] = _conflict(append.idempotency.value)
        keys = sorted({key for _, key in first})
        table = idempotency.table
        for at in range(0, len(keys), _KEYS_IN_ONE_QUESTION):
            asked = keys[at : at + _KEYS_IN_ONE_QUESTION]
            for row in connection.execute(sa.select(table).where(table.c.key.in_(asked))):
                found = first.get((row.subject, row.key))
                if found is None:
                    continue
                same = bytes(row.request) == _fingerprint(appends[found])
                outcomes[found] = _decode(bytes(row.answer)) if same else _conflict(row.key)
        return outcomes, repeats

    def keep(self, connection: Connection, appends: Sequence[Append], outcomes: Mapping[int, Outcome]) -> None:
        """Keep the answers of these positions, which were made in this transaction."""
        now = int(self._clock.now().timestamp())
        rows = []
        for position, outcome in outcomes.items():
            key = appends[position].idempotency
            if key is not None and isinstance(outcome, Appended):
                rows.append(
                    {
                        "subject": appends[position].subject,
                        "key": key.value,
                        "request": key.fingerprint,
                        "status": 201,
                        "answer": _encode(outcome),
                        "created": now,
                    }
                )
        if rows:
            connection.execute(idempotency.table.insert(), rows)

    def audit(self, connection: Connection, appended: Sequence[tuple[str, str | None, int, int]]) -> None:
        """One line for each (subject, organisation, first index, count): every entry is under exactly one."""
        now = self._clock.now()
        audit.record(
            connection,
            [
                audit.Deed(now, "api", "entry", "appended", subject, f"index {first}, count {count}", organisation)
                for subject, organisation, first, count in appended
            ],
        )


def _fingerprint(append: Append) -> bytes:
    assert append.idempotency is not None
    return append.idempotency.fingerprint


def _conflict(key: str) -> IdempotencyConflict:
    return IdempotencyConflict(f"the Idempotency-Key {key!r} was used for another request")
