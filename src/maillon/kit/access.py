# SPDX-License-Identifier: Apache-2.0
"""Who may do what: scoped API keys, of which only a digest is kept, and decisions that explain themselves.

A key is `mk_` and 32 random bytes; its SHA-256 finds it. Checked keys are remembered for a few seconds, so that a hot
route need not ask the database; revoking in this process forgets at once, in another within those seconds.

A key belongs to an organisation, or to the instance. Rotating makes its successor and lets the old key live a while
longer, so that programs can change over without a gap. Whether a key may act on an organisation is decided where roles
are known; here are only its scopes.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maillon.kit.clock import Clock
from maillon.kit.errors import AccessDenied
from maillon.kit.store import Store, metadata

NOTARY_WRITE = "notary:write"
ADMINISTER = "admin"
PEOPLE_MANAGE = "people:manage"
MEMBERS_MANAGE = "members:manage"
SCOPES = {
    NOTARY_WRITE: "append entries and batches to the log",
    PEOPLE_MANAGE: "invite people and change their roles",
    MEMBERS_MANAGE: "change the organisation's accounts, invite organisations, leave",
    ADMINISTER: "manage keys, read the audit trail",
}
ORGANISATION_SCOPES = tuple(scope for scope in SCOPES if scope != ADMINISTER)
"""What a key of an organisation may hold: never the instance itself."""
REMEMBERED = 5.0
"""Seconds a checked key is remembered."""
_MAXIMUM_HEADER = 200
_MAXIMUM_REMEMBERED = 10_000

table = sa.Table(
    "api_key",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("scopes", sa.String(400), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.BigInteger),
    sa.Column("last_used", sa.BigInteger),
    sa.Column("revoked", sa.BigInteger),
    sa.Column("organisation", sa.String(80), index=True),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who acts, and what they may do."""

    name: str
    scopes: frozenset[str]
    key_id: str
    organisation: str | None = None
    """Whose key it is; None for the instance's own."""
    person: str | None = None
    """Who logged in, in place of a key."""

    @property
    def tag(self) -> str:
        """How the trail calls it: by its id, since the name is whatever somebody chose."""
        return f"key:{self.key_id}" if self.person is None else f"person:{self.person}"

    def require(self, scope: str) -> None:
        """Raise `AccessDenied` unless the scope is held; the administrator holds all."""
        if scope not in self.scopes and ADMINISTER not in self.scopes:
            held = ", ".join(sorted(self.scopes)) or "none"
            raise AccessDenied(
                f"this needs the scope {scope}; key {self.key_id} of {self.name} has {held}", authenticated=True
            )


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as its owner sees it: everything but the key."""

    id: str
    subject: str
    scopes: frozenset[str]
    created: datetime.datetime
    expires: datetime.datetime | None
    last_used: datetime.datetime | None
    revoked: datetime.datetime | None
    organisation: str | None


def _moment(seconds: int | None) -> datetime.datetime | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _record(row: Any) -> KeyRecord:
    return KeyRecord(
        row.id,
        row.subject,
        frozenset(row.scopes.split()),
        datetime.datetime.fromtimestamp(row.created, datetime.UTC),
        _moment(row.expires),
        _moment(row.last_used),
        _moment(row.revoked),
        row.organisation,
    )


class Access:
    """API keys of one instance. Safe to share between threads."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._remembered: dict[bytes, tuple[Subject, float]] = {}
        self._used: dict[str, int] = {}

    def create(
        self,
        connection: Connection,
        subject: str,
        scopes: Collection[str],
        expires: datetime.datetime | None = None,
        organisation: str | None = None,
    ) -> tuple[str, str]:
        """A new key: (id, key). The key is shown this once and cannot be read again. Raises `ValueError`."""
        unknown = set(scopes) - set(SCOPES if organisation is None else ORGANISATION_SCOPES)
        if unknown or not scopes or not 0 < len(subject) <= 200:
            raise ValueError(f"a key has a subject and scopes among {', '.join(SCOPES)}")
        identifier = secrets.token_hex(8)
        key = "mk_" + secrets.token_urlsafe(32)
        connection.execute(
            table.insert().values(
                id=identifier,
                digest=hashlib.sha256(key.encode()).digest(),
                subject=subject,
                scopes=" ".join(sorted(scopes)),
                created=int(self._clock.now().timestamp()),
                expires=None if expires is None else int(expires.timestamp()),
                organisation=organisation,
            )
        )
        return identifier, key

    def rotate(
        self, connection: Connection, identifier: str, overlap: datetime.timedelta, organisation: str | None = None
    ) -> tuple[str, str] | None:
        """The successor of a key, (id, key), with its subject, scopes and length of life; None when none is in force.

        The old key goes on for the overlap, or until its own end if that is sooner.
        """
        now = self._clock.now()
        query = sa.select(table).where(
            table.c.id == identifier, table.c.organisation.is_not_distinct_from(organisation)
        )
        row = connection.execute(query.with_for_update()).one_or_none()
        if row is None or row.revoked is not None or (row.expires is not None and row.expires <= now.timestamp()):
            return None
        life = None if row.expires is None else now + datetime.timedelta(seconds=row.expires - row.created)
        made = self.create(connection, row.subject, row.scopes.split(), life, organisation)
        end = int((now + overlap).timestamp())
        end = end if row.expires is None else min(end, row.expires)
        connection.execute(table.update().where(table.c.id == identifier).values(expires=end))
        with self._lock:
            self._remembered.clear()
        return made

    def list(
        self,
        connection: Connection,
        organisation: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[KeyRecord]:
        """Every key, or every key of an organisation, newest first; so many of them, from after one of them on."""
        query = sa.select(table).order_by(table.c.created.desc(), table.c.id).limit(limit)
        if organisation is not None:
            query = query.where(table.c.organisation == organisation)
        made = None if after is None else connection.scalar(sa.select(table.c.created).where(table.c.id == after))
        if made is not None:
            older = (table.c.created < made) | ((table.c.created == made) & (table.c.id > after))
            query = query.where(older)
        return [_record(row) for row in connection.execute(query)]

    def ending(self, connection: Connection, before: datetime.datetime) -> Sequence[KeyRecord]:
        """Keys of organisations that are in force now, end before then, and have no successor."""
        now, then = int(self._clock.now().timestamp()), int(before.timestamp())
        next_ = table.alias()
        successor = sa.select(next_.c.id).where(
            next_.c.organisation == table.c.organisation,
            next_.c.subject == table.c.subject,
            next_.c.revoked.is_(None),
            next_.c.created >= table.c.created,
            next_.c.id != table.c.id,
            sa.or_(next_.c.expires.is_(None), next_.c.expires >= then),
        )
        query = sa.select(table).where(
            table.c.organisation.is_not(None),
            table.c.revoked.is_(None),
            table.c.expires > now,
            table.c.expires < then,
            ~successor.exists(),
        )
        return [_record(row) for row in connection.execute(query.order_by(table.c.expires, table.c.id))]

    def revoke(self, connection: Connection, identifier: str, organisation: str | None = None) -> bool:
        """Make a key worthless from now on; False when there is no such key, or it was revoked before.

        With an organisation, a key of that organisation alone.
        """
        query = table.update().where(table.c.id == identifier, table.c.revoked.is_(None))
        if organisation is not None:
            query = query.where(table.c.organisation == organisation)
        changed = connection.execute(query.values(revoked=int(self._clock.now().timestamp()))).rowcount
        with self._lock:
            self._remembered.clear()
        return bool(changed)

    def check(self, authorization: bytes | None, scope: str) -> Subject:
        """The subject of an Authorization header, if it may; raises `AccessDenied`. May ask the database."""
        subject = self.subject(authorization)
        subject.require(scope)
        return subject

    def subject(self, authorization: bytes | None) -> Subject:
        """Whose key an Authorization header carries, whatever its scopes; raises `AccessDenied`."""
        if authorization is None:
            raise AccessDenied("no API key: send Authorization: Bearer mk_…", authenticated=False)
        scheme, _, key = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or len(authorization) > _MAXIMUM_HEADER:
            raise AccessDenied("the Authorization header is not Bearer and an API key", authenticated=False)
        digest = hashlib.sha256(key.strip()).digest()
        now = self._clock.now().timestamp()
        known = self._remembered.get(digest)
        if known is not None and known[1] > now > known[1] - 2 * REMEMBERED:
            self._used[known[0].key_id] = int(now)
            return known[0]
        with self.store.read() as connection:
            row = connection.execute(sa.select(table).where(table.c.digest == digest)).one_or_none()
        if row is None:
            raise AccessDenied("this API key is not known here", authenticated=False)
        if row.revoked is not None:
            raise AccessDenied(f"API key {row.id} was revoked", authenticated=False)
        if row.expires is not None and row.expires <= now:
            raise AccessDenied(f"API key {row.id} has expired", authenticated=False)
        subject = Subject(row.subject, frozenset(row.scopes.split()), row.id, row.organisation)
        until = now + REMEMBERED if row.expires is None else min(now + REMEMBERED, row.expires)
        with self._lock:
            if len(self._remembered) >= _MAXIMUM_REMEMBERED:
                self._remembered.clear()
            self._remembered[digest] = (subject, until)
        self._used[row.id] = int(now)
        return subject

    def write_last_use(self) -> None:
        """Write when keys were last used; called now and then, since one write for each request would be too many."""
        with self._lock:
            used, self._used = self._used, {}
        if used:
            with self.store.transaction() as connection:
                for identifier, moment in used.items():
                    connection.execute(table.update().where(table.c.id == identifier).values(last_used=moment))
