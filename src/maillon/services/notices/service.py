# SPDX-License-Identifier: Apache-2.0
"""One verb for each thing a person does with notices, and the writer of the letters that are made of them.

The order of writes of the letters:
stage and commit: the notice, by whoever tells of it (`maillon.kit.notices`);
publish: `write_letters` takes the oldest notice, considers its next readers, stages a letter to each who wants one and
writes down how far it has come, in one transaction: a crash before it repeats nothing, after it the next few follow;
clean: once no reader is left, the notice is done with, and stays to be shown.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import structlog
from sqlalchemy.engine import Connection

from maillon.kit.clock import Clock
from maillon.kit.errors import KitError, StoreUnavailable
from maillon.kit.mail import Outbox
from maillon.kit.notices import EVERY_MEMBER, FRESH, Notice, Notices
from maillon.kit.store import Store
from maillon.services.notices import rules
from maillon.services.notices import store as tables
from maillon.services.notices.errors import UnknownNotice
from maillon.services.notices.model import Choice, NoticePage, Seen, Sight
from maillon.services.notices.words import letter
from maillon.services.people import OFFICE, Action, Actor, PeopleService, Role, Target

READERS_AT_ONCE: Final = 100
"""Readers considered in one transaction, so that nobody else waits long for the database."""
LETTERS_AHEAD: Final = 200
"""Letters that may wait for the courier before more are staged: a code somebody waits for is not behind thousands."""
_ROUND: Final = 5.0
_HOUR: Final = 3_600
logger = structlog.get_logger("maillon.notices")
Members = Callable[[Connection, Collection[str]], Collection[str]]
"""Which of these organisations are members now."""


class NoticesService:
    """Notices of one instance. Safe to share between threads."""

    def __init__(  # noqa: PLR0917 - the collaborators
        self,
        store: Store,
        notices: Notices,
        people: PeopleService,
        outbox: Outbox,
        clock: Clock,
        members: Members,
        *,
        public_url: str,
        network: str,
    ) -> None:
        self._store = store
        self._notices = notices
        self._people = people
        self._outbox = outbox
        self._clock = clock
        self._members = members
        self._url = public_url.rstrip("/")
        self._network = network
        self._stopping = threading.Event()
        self._writer: threading.Thread | None = None
        people.also_keeps("notices_read", tables.read_by)
        people.also_keeps("notices_by_mail", tables.chosen)

    # What somebody sees.

    def _self(self, actor: Actor, action: Action) -> str:
        self._people.require(actor, action, Target("person", actor.person or ""))
        assert actor.person is not None
        return actor.person

    def _sight(self, connection: Connection, person: str) -> tuple[Sight, Mapping[str, frozenset[Role]]]:
        """What a person sees, and their roles by organisation."""
        known = self._people.reader(connection, person)
        if known is None:  # erased while this was asked
            return Sight(person, 2**62, {}, frozenset()), {}
        found, roles = known
        present = set(self._members(connection, [one for one in roles if one != OFFICE]))
        as_member = {role for organisation, held in roles.items() if organisation in present for role in held}
        sight = Sight(
            person,
            int(found.created.timestamp()),
            {organisation: rules.kinds_for(held) for organisation, held in roles.items()},
            rules.kinds_for(as_member),
        )
        return sight, roles

    def unread(self, actor: Actor) -> int:
        """How many notices they have not read, `rules.COUNTED` at most; none for whoever is no person."""
        if actor.person is None:
            return 0
        with self._store.read() as connection:
            return tables.unread(connection, self._sight(connection, actor.person)[0], rules.COUNTED)

    def notices(
        self, actor: Actor, limit: int = rules.PAGE, before: int | None = None, *, unread_only: bool = False
    ) -> NoticePage:
        """A page of one's notices, newest first. Raises `NotAllowed`."""
        person = self._self(actor, rules.NOTICES_READ)
        limit = max(1, min(limit, rules.MAXIMUM_PAGE))
        with self._store.read() as connection:
            sight, _ = self._sight(connection, person)
            rows = tables.notices(connection, sight, limit + 1, before, unread_only=unread_only)
            unread = tables.unread(connection, sight, rules.COUNTED)
        shown = rows[:limit]
        read = [(self._notices.read(row), was_read) for row, was_read in shown]
        seen = tuple(Seen(notice, was_read) for notice, was_read in read if notice is not None)
        return NoticePage(seen, shown[-1][0].number if len(rows) > limit else None, unread)

    def called(self, notices: Collection[Seen]) -> dict[str, str]:
        """What the organisations of notices are called."""
        return self._people.called({seen.notice.organisation for seen in notices if seen.notice.organisation})

    def mark_read(self, actor: Actor, numbers: Collection[int]) -> int:
        """Mark notices as read; how many were not. Raises `UnknownNotice` for one that is not theirs, `NotAllowed`."""
        person = self._self(actor, rules.NOTICES_READ)
        wanted = set(numbers)
        with self._store.transaction() as connection:
            sight, _ = self._sight(connection, person)
            unknown = wanted - tables.sees(connection, sight, wanted)
            if unknown:
                raise UnknownNotice(f"there is no notice {min(unknown)} for you")
            return tables.mark(connection, sight, wanted, max(wanted, default=0))

    def mark_all_read(self, actor: Actor, until: int) -> int:
        """Mark every notice up to one as read, so that none is that came since; how many were not."""
        person = self._self(actor, rules.NOTICES_READ)
        with self._store.transaction() as connection:
            return tables.mark(connection, self._sight(connection, person)[0], None, until)

    # What somebody chose.

    def choices(self, actor: Actor) -> tuple[Choice, ...]:
        """Every kind that can concern them, and whether it is written to them. Raises `NotAllowed`."""
        person = self._self(actor, rules.NOTICES_CHOOSE)
        with self._store.read() as connection:
            return rules.choices(self._sight(connection, person)[1], tables.chosen(connection, person))

    def choose(self, actor: Actor, wanted: Mapping[str, bool]) -> tuple[Choice, ...]:
        """Choose whether these kinds are written by mail. Raises `InvalidChoice`, `NotAllowed`."""
        person = self._self(actor, rules.NOTICES_CHOOSE)
        rules.check_choices(wanted)
        with self._store.transaction() as connection:
            tables.choose(connection, person, wanted)
        return self.choices(actor)

    # The letters.

    def write_letters(self) -> int:
        """Stage the letters of every notice that has some left, until enough are on their way; how many were staged.

        Raises `StoreUnavailable`. A notice that cannot be written is left for the next time, and holds up no other.
        """
        staged, since = 0, 0
        while not self._stopping.is_set() and self._outbox.due(LETTERS_AHEAD) < LETTERS_AHEAD:
            some = self._write_some(since)
            if some is None:
                break
            number, letters = some
            if letters is None:
                since = number + 1
            else:
                staged += letters
                self._outbox.wake()
        return staged

    def _write_some(self, since: int = 0) -> tuple[int, int | None] | None:
        """The letters of the first notice from a number on to its next readers: its number, and how many.

        None when no notice waits, and for how many when they could not be written.
        """
        with self._store.read() as connection:
            number = tables.next_to_write(connection, since)
        if number is None:
            return None
        try:
            with self._store.transaction() as connection:
                row = tables.to_write(connection, number)
                if row is None:  # another process was faster
                    return number, 0
                if row.created < int(self._clock.now().timestamp()) - FRESH.total_seconds():
                    # It stands in the portal; a letter so late would tell of what is over.
                    tables.written(connection, number, None)
                    return number, 0
                notice = self._notices.read(row)
                if notice is None:  # of a kind of a newer program: its letters are not ours to write
                    tables.written(connection, number, None)
                    return number, 0
                return number, self._write(connection, row, notice)
        except Exception as error:
            if isinstance(error, StoreUnavailable):
                raise
            # Whatever it is: one notice must not hold up the others.
            # By its class alone: what it says may quote the notice.
            logger.warning("notice not written", notice=number, reason=type(error).__name__)
            return number, None

    def _write(self, connection: Connection, row: Any, notice: Notice) -> int:
        most, before = notice.kind.letters_an_hour, 0
        if most is not None:
            # Counted by what stands there and not by what was sent: whoever goes on after a crash counts the same.
            before = tables.told_before(connection, row, _HOUR)
            if before >= most:
                tables.written(connection, notice.number, None)
                return 0
        if notice.person is not None:
            known = self._people.reader(connection, notice.person)
            readers, last = [] if known is None else [known[0]], None
        else:
            assert notice.organisation is not None  # one or the other is said
            of = notice.organisation
            readers = self._people.readers(connection, of, notice.kind.roles, row.written_to, READERS_AT_ONCE)
            last = readers[-1].id if len(readers) == READERS_AT_ONCE else None
        chosen = tables.chosen_of(connection, notice.kind.name, [reader.id for reader in readers])
        called = self._people.called({notice.organisation} if notice.organisation else ())
        staged = 0
        for reader in readers:
            if not rules.is_written(notice.kind, chosen.get(reader.id)) or not self._concerns(
                connection, notice, reader.id
            ):
                continue
            profile = reader.profile
            made = letter(
                notice, profile.address, profile.language, called, self._url, self._network, last=before + 1 == most
            )
            name = hashlib.sha256(bytes(row.key) + reader.id.encode()).hexdigest()[:32]
            self._outbox.stage(connection, name, made)
            staged += 1
        tables.written(connection, notice.number, last)
        return staged

    def _concerns(self, connection: Connection, notice: Notice, person: str) -> bool:
        """Whether somebody who has a fitting role somewhere would see it in the portal."""
        if notice.organisation != EVERY_MEMBER or notice.person is not None:
            return True
        return notice.kind.name in self._sight(connection, person)[0].members

    def start(self) -> None:
        """Write letters now and again, until `stop`."""
        self._writer = threading.Thread(target=self._walk, name="notices", daemon=True)
        self._writer.start()

    def _walk(self) -> None:
        while not self._stopping.wait(_ROUND):
            try:
                self.write_letters()
            except KitError as error:  # the database is away: the next round tries again
                logger.warning("round ended early", reason=str(error))
            except Exception as error:  # noqa: BLE001 - a thread that ends in silence would write nothing any more
                logger.error("round failed", reason=type(error).__name__)  # noqa: TRY400 - it may quote a notice

    def stop(self) -> None:
        """Let the writer finish the few letters in hand."""
        self._stopping.set()
        if self._writer is not None:
            self._writer.join()
