# SPDX-License-Identifier: Apache-2.0
"""The audit trail: who did what, written in the transaction of the deed, tagged source:subject:action."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maillon.kit.store import metadata

table = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("tag", sa.String(120), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("organisation", sa.String(80), index=True),
)


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing somebody did. No secret, and nothing about a natural person, belongs in `detail`."""

    time: datetime.datetime
    source: str
    """Through which door: api, portal, command, system."""
    subject: str
    """What kind of thing: entry, batch, key."""
    action: str
    """In the past tense: appended, created, revoked."""
    actor: str
    detail: str = ""
    organisation: str | None = None
    """Whose administrators may read of it; None for what concerns the instance alone."""

    @property
    def tag(self) -> str:
        """source:subject:action."""
        return f"{self.source}:{self.subject}:{self.action}"


def record(connection: Connection, deeds: Iterable[Deed]) -> None:
    """Write deeds in the caller's transaction: they are on disk if and only if what they tell is."""
    rows = [
        {
            "time": int(deed.time.timestamp()),
            "tag": deed.tag,
            "actor": deed.actor,
            "detail": deed.detail,
            "organisation": deed.organisation,
        }
        for deed in deeds
    ]
    if rows:
        connection.execute(table.insert(), rows)


def newest(
    connection: Connection,
    limit: int = 50,
    before: int | None = None,
    *,
    organisation: str | None = None,
    actor: str | None = None,
) -> list[tuple[int, Deed]]:
    """The newest deeds with their numbers, newest first; `before` continues a listing, the others narrow it."""
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.id < before)
    if organisation is not None:
        query = query.where(table.c.organisation == organisation)
    if actor is not None:
        query = query.where(table.c.actor == actor)
    found = []
    for row in connection.execute(query):
        source, subject, action = row.tag.split(":")
        time = datetime.datetime.fromtimestamp(row.time, datetime.UTC)
        found.append((int(row.id), Deed(time, source, subject, action, row.actor, row.detail, row.organisation)))
    return found
