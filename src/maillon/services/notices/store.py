# SPDX-License-Identifier: Apache-2.0
"""The tables of notices beside the kit's own: who has read what, and who chose what. Callers bring the transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    String,
    Table,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from maillon.kit.notices import EVERY_MEMBER, KINDS
from maillon.kit.notices import table as NOTICE  # noqa: N812 - a table, like those below
from maillon.kit.store import metadata
from maillon.services.notices.model import Sight

READ: Final = Table(
    "notices_read",
    metadata,
    Column("person", String(24), ForeignKey("people_person.id", ondelete="CASCADE"), primary_key=True),
    Column("notice", BigInteger, ForeignKey("notice.number", ondelete="CASCADE"), primary_key=True, index=True),
)
CHOICE: Final = Table(
    "notices_choice",
    metadata,
    Column("person", String(24), ForeignKey("people_person.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("mail", Boolean, nullable=False),
)


def _visible(sight: Sight) -> ColumnElement[bool]:
    ways = [NOTICE.c.person == sight.person]
    if sight.members:
        ways.append(and_(NOTICE.c.organisation == EVERY_MEMBER, NOTICE.c.kind.in_(sight.members)))
    for organisation, kinds in sight.organisations.items():
        ways.append(
            and_(NOTICE.c.person.is_(None), NOTICE.c.organisation == organisation, NOTICE.c.kind.in_(sorted(kinds)))
        )
    # A kind of a program that was, or will be: there are no words for it.
    return and_(NOTICE.c.created >= sight.since, NOTICE.c.kind.in_(sorted(KINDS)), or_(*ways))


def _is_read(person: str) -> ColumnElement[bool]:
    return select(READ.c.notice).where(READ.c.person == person, READ.c.notice == NOTICE.c.number).exists()


def notices(
    session: Connection, sight: Sight, limit: int, before: int | None, *, unread_only: bool
) -> list[tuple[Any, bool]]:
    """What somebody sees, newest first, each with whether it was read."""
    read = _is_read(sight.person)
    query = select(NOTICE, read.label("was_read")).where(_visible(sight))
    if unread_only:
        query = query.where(~read)
    if before is not None:
        query = query.where(NOTICE.c.number < before)
    rows = session.execute(query.order_by(NOTICE.c.number.desc()).limit(limit))
    return [(row, bool(row.was_read)) for row in rows]


def unread(session: Connection, sight: Sight, most: int) -> int:
    """How many notices somebody has not read, counting no further than `most`."""
    found = select(NOTICE.c.number).where(_visible(sight), ~_is_read(sight.person)).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def mark(session: Connection, sight: Sight, numbers: Collection[int] | None, until: int) -> int:
    """Mark unread notices as read, those of the numbers or all up to one; how many were unread."""
    query = select(NOTICE.c.number).where(_visible(sight), ~_is_read(sight.person), NOTICE.c.number <= until)
    if numbers is not None:
        query = query.where(NOTICE.c.number.in_(list(numbers)))
    # In one order: two windows that mark the same wait for each other and do not lock each other out.
    found = list(session.scalars(query.order_by(NOTICE.c.number)))
    for number in found:
        try:
            with session.begin_nested():
                session.execute(insert(READ).values(person=sight.person, notice=number))
        except IntegrityError:  # read in two windows at once, or forgotten just now
            continue
    return len(found)


def sees(session: Connection, sight: Sight, numbers: Collection[int]) -> set[int]:
    """Which of these notices somebody sees."""
    query = select(NOTICE.c.number).where(_visible(sight), NOTICE.c.number.in_(list(numbers)))
    return set(session.scalars(query))


def chosen(session: Connection, person: str) -> dict[str, bool]:
    """What somebody chose, by kind."""
    rows = session.execute(
        select(CHOICE.c.kind, CHOICE.c.mail).where(CHOICE.c.person == person).order_by(CHOICE.c.kind)
    )
    return {row.kind: row.mail for row in rows}


def chosen_of(session: Connection, kind: str, persons: Iterable[str]) -> dict[str, bool]:
    """What these people chose for a kind; whoever did not choose is left out."""
    query = select(CHOICE.c.person, CHOICE.c.mail).where(CHOICE.c.kind == kind, CHOICE.c.person.in_(list(persons)))
    return {row.person: row.mail for row in session.execute(query)}


def choose(session: Connection, person: str, wanted: Mapping[str, bool]) -> None:
    """Keep choices; others stay as they are."""
    for kind, mail in sorted(wanted.items()):
        mine = (CHOICE.c.person == person) & (CHOICE.c.kind == kind)
        if session.execute(update(CHOICE).where(mine).values(mail=mail)).rowcount:
            continue
        try:
            with session.begin_nested():
                session.execute(insert(CHOICE).values(person=person, kind=kind, mail=mail))
        except IntegrityError:  # a double click: the other one was faster
            session.execute(update(CHOICE).where(mine).values(mail=mail))


def read_by(session: Connection, person: str) -> list[int]:
    """The numbers of the notices somebody has read."""
    return list(session.scalars(select(READ.c.notice).where(READ.c.person == person).order_by(READ.c.notice)))


def told_before(session: Connection, row: Any, seconds: int) -> int:
    """How many notices of a kind an organisation was told in so many seconds up to this one, which is not counted."""
    same = (NOTICE.c.kind == row.kind) & (NOTICE.c.organisation == row.organisation) & (NOTICE.c.number < row.number)
    query = select(func.count()).select_from(NOTICE).where(same, NOTICE.c.created > row.created - seconds)
    return session.scalar(query) or 0


def next_to_write(session: Connection, since: int) -> int | None:
    """The first notice from a number on whose letters are not all considered; None when there is none."""
    query = select(NOTICE.c.number).where(NOTICE.c.written_to.is_not(None), NOTICE.c.number >= since)
    return session.scalar(query.order_by(NOTICE.c.number).limit(1))


def to_write(session: Connection, number: int) -> Any:
    """That notice, its row held; None when its letters have been considered meanwhile."""
    query = select(NOTICE).where(NOTICE.c.written_to.is_not(None), NOTICE.c.number == number)
    return session.execute(query.with_for_update()).one_or_none()


def written(session: Connection, number: int, last: str | None) -> None:
    """Letters of a notice are considered up to this reader; None when they all are."""
    session.execute(update(NOTICE).where(NOTICE.c.number == number).values(written_to=last))
