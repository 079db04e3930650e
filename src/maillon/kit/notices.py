# SPDX-License-Identifier: Apache-2.0
"""Notices: what concerns a person or their organisation, kept with the deed it tells of and shown in the portal.

One list, `KINDS`, holds every event people are told of: who reads it, in which words, and whether it is written to them
by mail too. Services register their kinds and stage a notice in the transaction of the deed. The order of writes:
stage: the notice is written with the deed; a crash before the commit leaves neither. A notice has one key for ever:
staged again (a read model made anew, a title known since), it is the notice that is there, in the words said last.
commit: both exist, or neither does, and the portal shows it from here on.
publish: letters are staged from it, a few readers at a time, each few in one transaction with how far it has come; a
crash between two goes on where it stood, and no letter is staged twice, since its name is made of notice and reader.
clean: the notice is forgotten ninety days later, read or not.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from maillon.kit.clock import Clock
from maillon.kit.encryption import Encryption
from maillon.kit.language import Language
from maillon.kit.store import metadata

EVERY_MEMBER: Final = "*"
"""In place of an organisation: whatever concerns every member alike is kept once."""
KEPT: Final = datetime.timedelta(days=90)
FRESH: Final = datetime.timedelta(days=7)
"""After which what happened is news no more: a read model made anew tells nobody of last year."""
_LONGEST: Final = 300
"""Characters of one word: names and titles of others are cut there."""

table = sa.Table(
    "notice",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("key", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("person", sa.String(24), index=True),
    sa.Column("organisation", sa.String(80), index=True),
    sa.Column("words", sa.LargeBinary, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False, index=True),
    sa.Column("written_to", sa.String(24), index=True),
)
"""`written_to` is the last reader whose letter was considered, empty before the first; null once all were."""


class Mail(StrEnum):
    """Whether a kind of notice is written by mail too."""

    ALWAYS = "always"
    """By whoever tells of it, in the transaction of the deed: it carries a code, or no thief may outrun it."""
    UNLESS_DECLINED = "unless-declined"
    """To whoever has not said no."""
    IF_ASKED = "if-asked"
    """To whoever has said yes."""


@dataclass(frozen=True, slots=True)
class Sayings:
    """What is said of a kind in one language. In `title` and `text`, {organisation} is its name, {…} a word staged."""

    meaning: str
    """The kind itself, where people choose."""
    title: str
    """One line: the notice's heading, and the subject of its letter."""
    text: str


@dataclass(frozen=True, slots=True)
class Kind:
    """An event people are told of."""

    name: str
    """subject.what, as in webhooks."""
    mail: Mail
    sayings: Mapping[Language, Sayings]
    page: str
    """Where it leads, after the language; {organisation} is its id, {…} a text staged. Empty for nowhere."""
    roles: frozenset[str] = frozenset()
    """Who of an organisation reads it; none for what is told to one person."""
    office: bool | None = False
    """Whether the organisation is the office (True), a member (False) or either (None): who need choose about it."""
    letters_an_hour: int | None = None
    """Of how many notices an hour letters are written to an organisation, where strangers bring them about."""


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a kind known, once. Raises `ValueError` on another of its name."""
    if KINDS.setdefault(kind.name, kind) != kind:
        raise ValueError(f"two kinds of notices are called {kind.name}")
    return kind


Word = str | int | Mapping[Language, str]
"""A text, a moment (Unix time in seconds), or what is said differently in each language."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened, for one person or for an organisation."""

    number: int
    kind: Kind
    person: str | None
    organisation: str | None
    words: Mapping[str, Word]
    created: datetime.datetime


class Notices:
    """Keeps notices. Safe to share between threads; callers bring the transaction."""

    def __init__(self, clock: Clock, encryption: Encryption) -> None:
        self._clock = clock
        self._encryption = encryption

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def stage(
        self,
        connection: Connection,
        kind: Kind,
        key: str,
        words: Mapping[str, Word],
        *,
        person: str | None = None,
        organisation: str | None = None,
        happened: int | None = None,
    ) -> None:
        """Keep a notice in the caller's transaction; `key` names what happened, once for ever.

        It is for a person, who reads what concerns `organisation`, or for those of the organisation whose roles the
        kind names. What happened longer than `FRESH` ago (`happened`, Unix time in seconds) is told to nobody. Staged
        again, a notice takes these words: what could not be said at first is said from now on.
        """
        if bool(kind.roles) is (person is not None) or (person is None and organisation is None):
            raise ValueError(f"{kind.name} is told to {'an organisation' if kind.roles else 'a person'}")
        now = self._now()
        if happened is not None and happened < now - FRESH.total_seconds():
            return
        digest = hashlib.sha256(f"{kind.name}:{person}:{organisation}:{key}".encode()).digest()
        cut = {name: word[:_LONGEST] if isinstance(word, str) else word for name, word in words.items()}
        said = self._encryption.encrypt(orjson.dumps(cut), _context(digest))
        if connection.execute(table.update().where(table.c.key == digest).values(words=said)).rowcount:
            return
        kept = table.insert().values(
            key=digest,
            kind=kind.name,
            person=person,
            organisation=organisation,
            words=said,
            created=now,
            written_to=None if kind.mail is Mail.ALWAYS else "",
        )
        # Another process that sees the same may have been faster.
        with contextlib.suppress(IntegrityError), connection.begin_nested():
            connection.execute(kept)

    def read(self, row: Any) -> Notice | None:
        """The notice of a row; None for a kind this program does not know any more."""
        kind = KINDS.get(row.kind)
        if kind is None:
            return None
        words = orjson.loads(self._encryption.decrypt(bytes(row.words), _context(bytes(row.key))))
        created = datetime.datetime.fromtimestamp(row.created, datetime.UTC)
        return Notice(row.number, kind, row.person, row.organisation, words, created)

    def of_person(self, connection: Connection, person: str) -> list[Notice]:
        """Everything kept for one person alone, newest first."""
        query = sa.select(table).where(table.c.person == person).order_by(table.c.number.desc())
        return [notice for row in connection.execute(query).all() if (notice := self.read(row)) is not None]

    @staticmethod
    def forget_person(connection: Connection, person: str) -> None:
        """Forget what was for one person alone: they are erased."""
        connection.execute(table.delete().where(table.c.person == person))

    def forget(self, connection: Connection) -> int:
        """Forget what is older than ninety days; how many."""
        before = self._now() - int(KEPT.total_seconds())
        return connection.execute(table.delete().where(table.c.created < before)).rowcount

    def encrypt_again(self, connection: Connection) -> int:
        """Encrypt with the newest key what an older one encrypted; how many."""
        changed = 0
        for row in connection.execute(sa.select(table.c.number, table.c.key, table.c.words)).all():
            if not self._encryption.is_current(bytes(row.words)):
                context = _context(bytes(row.key))
                again = self._encryption.encrypt(self._encryption.decrypt(bytes(row.words), context), context)
                connection.execute(table.update().where(table.c.number == row.number).values(words=again))
                changed += 1
        return changed


def _context(digest: bytes) -> str:
    return f"notice.words:{digest.hex()}"
