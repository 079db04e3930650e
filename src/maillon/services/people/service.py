# SPDX-License-Identifier: Apache-2.0
"""The service: its verbs joined, who is acting, and what the operator and the clock do."""

from __future__ import annotations

import datetime
from collections.abc import Collection

from sqlalchemy.engine import Connection

from maillon.kit.access import KeyRecord
from maillon.kit.notices import EVERY_MEMBER, Word
from maillon.services.people import rules
from maillon.services.people.account import OwnAccount
from maillon.services.people.entrance import Entrance
from maillon.services.people.errors import (
    UnknownAction,
    UnknownKey,
    UnknownPerson,
)
from maillon.services.people.letters import KEY_EXPIRING
from maillon.services.people.model import (
    NOBODY,
    Actor,
    Decision,
    Grant,
    Person,
    Role,
    SessionKind,
)
from maillon.services.people.organisations import Organisations
from maillon.services.people.trail import Trail

_SEEN_EVERY = datetime.timedelta(minutes=1)


class PeopleService(Entrance, OwnAccount, Organisations, Trail):
    """Everything a person can do here: `entrance`, `joining`, `account`, `organisations` and `trail` have it."""

    def actor_of_token(self, token: str, kind: SessionKind, *, used: bool = True) -> Actor:
        """Who is in the session of a token; `NOBODY` when there is no such session, or it has ended.

        A look that is not the person's own doing leaves the session as idle as it was (`used`).
        """
        if len(token) > 100:
            return NOBODY
        now = self._clock.now()
        with self._store.read() as connection:
            found = self._people.session_of(connection, token)
            if found is None or found.kind is not kind:
                return NOBODY
            if not found.created <= now < rules.session_end(kind, found.seen, found.expires, self._idle):
                return NOBODY
            person = self._people.person(connection, found.person)
            grants = self._people.roles(connection, found.person)
        assert person is not None  # the foreign key ends sessions with their person
        if used and now - found.seen >= _SEEN_EVERY:
            with self._store.transaction() as connection:
                self._people.touch_session(connection, found.id, now)
                self._people.touch_person(connection, found.person, now)
        return Actor(
            person=person.id,
            name=person.profile.name,
            session=found.id,
            kind=kind,
            authenticated=found.authenticated,
            roles=_by_organisation(grants),
        )

    def actor_of_key(self, authorization: bytes) -> Actor:
        """Which key an Authorization header carries. Raises `NotAllowed`."""
        subject = self._access.subject(authorization)
        return Actor(key=subject.key_id, name=subject.name, organisation=subject.organisation, scopes=subject.scopes)

    def explain(
        self, subject: str, action: str, target: str, known_as: str = "", reader: Actor | None = None
    ) -> Decision:
        """The decision about a person or key by its tag (person:ID, key:ID), as if it acted now; see `explained`.

        A person is called by name where the target is an organisation of theirs, else as the asker knows them. Raises
        `UnknownPerson`, `UnknownKey`, `UnknownAction`, or `InvalidOrganisation` for a target that is none.
        """
        known = rules.ACTIONS.get(action)
        if known is None:
            raise UnknownAction(f"there is no action {action[:100]!r}; docs/operating/people.md lists them")
        aim = rules.parse_target(target)
        if aim.kind == "organisation":
            self._require_known(aim.id)
        kind, _, identifier = subject.partition(":")
        now = self._clock.now()
        with self._store.read() as connection:
            if kind == "person":
                person = self._people.person(connection, identifier)
                if person is None:
                    raise UnknownPerson(f"there is no person {identifier[:40]!r}")
                roles = _by_organisation(self._people.roles(connection, identifier))
                name = person.profile.name if aim.id in roles else known_as
                actor = Actor(person=person.id, name=name, roles=roles, authenticated=now)
            elif kind == "key":
                found = [key for key in self._access.list(connection) if key.id == identifier]
                if not found or found[0].revoked is not None or (found[0].expires or now) < now:
                    raise UnknownKey(f"there is no key {identifier[:40]!r} in force")
                actor = Actor(key=identifier, organisation=found[0].organisation, scopes=found[0].scopes)
            else:
                raise UnknownPerson("a subject is person:ID or key:ID")
        return self.explained(actor, known, aim, reader)

    def subject_of(self, actor: Actor, text: str, target: str) -> str:
        """The tag of whom a question is about: oneself for nothing, a tag as it is, else somebody of the target.

        People are found by name or address among those of an organisation whose decisions the actor may have
        explained. Raises `NotAllowed`, `UnknownAction` for a target that is none, and `UnknownPerson` where nobody is
        called so, or several are.
        """
        said = text.strip()
        if said in ("", actor.tag):
            return actor.tag
        aim = rules.parse_target(target)
        self.require(actor, rules.DECISION_EXPLAIN, aim)
        if said.startswith(("person:", "key:")):
            return said
        with self._store.read() as connection:
            found = self._people.people_of(connection, aim.id, tuple(said.casefold().split())[:10], None, 2)
        if found.total != 1:
            raise UnknownPerson("nobody of the organisation is called so, or several are")
        return f"person:{found.people[0][0].id}"

    def everybody(self) -> list[tuple[Person, list[Grant]]]:
        """Every person with their roles, by name: for the operator, who owns database and keys."""
        with self._store.read() as connection:
            return self._people.everybody(connection)

    def keep_house(self) -> None:
        """Forget what has ended: docs/operating/people.md has the table."""
        now = self._clock.now()
        with self._store.transaction() as connection:
            self._people.forget_ended(connection, now, self._idle)
            ended = self._people.ended_invitations(connection, now - rules.INVITATIONS_KEPT)
            self._people.forget_addresses_of(connection, ended)
            self._outbox.forget(connection)
            self._notices.forget(connection)
            for key in self._access.ending(connection, now + rules.KEY_WARNING):
                self._warn(connection, key)
            idle = self._people.idle_persons(connection, now - rules.IDLE_PERSONS_KEPT)
        for person in idle:
            self.erase_person(person, "system", "system")

    def _warn(self, connection: Connection, key: KeyRecord) -> None:
        """Tell the administrators of a key that it ends soon; once, unless a rotation gives it another end."""
        if key.organisation is None or key.expires is None or key.expires - key.created <= rules.KEY_WARNING:
            return  # who makes a key for a week knows its end
        until = int(key.expires.timestamp())
        words: dict[str, Word] = {"name": key.subject, "until": until}
        self._notices.stage(connection, KEY_EXPIRING, f"{key.id}:{until}", words, organisation=key.organisation)

    # What notices ask, in their transaction.

    def reader(self, connection: Connection, person: str) -> tuple[Person, dict[str, frozenset[Role]]] | None:
        """Somebody with their roles by organisation; None for whoever is not known."""
        found = self._people.person(connection, person)
        return None if found is None else (found, _by_organisation(self._people.roles(connection, person)))

    def readers(
        self, connection: Connection, organisation: str, roles: Collection[str], after: str, limit: int
    ) -> list[Person]:
        """People with one of these roles in an organisation (`EVERY_MEMBER`: any but the office), by id, after one."""
        wanted = None if organisation == EVERY_MEMBER else organisation
        return self._people.holders(connection, wanted, roles, after, limit)

    def hold_administrators(self, connection: Connection, organisation: str) -> bool:
        """Whether anybody administers an organisation; who does stays so, and whoever asks waits, until it commits."""
        return bool(self._people.administrators(connection, organisation))

    def organisations_with(self, connection: Connection, roles: Collection[str]) -> list[str]:
        """Organisations in which somebody here has one of these roles."""
        return self._people.organisations_with(connection, roles)

    def encrypt_again(self) -> int:
        """Encrypt with the newest key whatever an older one encrypted; how many values."""
        with self._store.transaction() as connection:
            changed = self._people.encrypt_again(connection) + self._outbox.encrypt_again(connection)
            return changed + self._notices.encrypt_again(connection)


def _by_organisation(grants: Collection[Grant]) -> dict[str, frozenset[Role]]:
    found: dict[str, set[Role]] = {}
    for grant in grants:
        found.setdefault(grant.organisation, set()).add(grant.role)
    return {organisation: frozenset(roles) for organisation, roles in found.items()}
