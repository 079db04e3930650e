# SPDX-License-Identifier: Apache-2.0
"""The people, keys and trail of an organisation, which is an id here."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection

from maillon.kit.access import ORGANISATION_SCOPES, KeyRecord
from maillon.kit.audit import Deed, newest
from maillon.services.people import rules
from maillon.services.people.errors import (
    InvalidInvitation,
    InvalidKeyLife,
    InvalidKeyName,
    InvalidKeyScopes,
    LastAdministrator,
    UnknownKey,
    UnknownPerson,
)
from maillon.services.people.foundation import Foundation, door_of
from maillon.services.people.letters import ROLES_CHANGED, roles_in_words
from maillon.services.people.model import (
    Actor,
    Invitation,
    PeoplePage,
    Role,
)
from maillon.services.people.store import new_code

_NAMED = re.compile(r"\b[0-9a-f]{16,24}\b")
"""Ids of people and keys, where the detail of a deed has one."""
PAGE = 25
"""People on one page, and keys."""
DEEDS = 50
"""Lines of the trail on one page."""
MAXIMUM_INVITATIONS = 200
"""Of the newest invitations, how many are shown."""
MAXIMUM_CURSOR = 1_000
"""Characters of where a page of people ended: the longest name, encrypted."""
MAXIMUM_KEY_NAME = 200
"""Characters."""
MAXIMUM_KEY_DAYS = 3650
KEY_OVERLAP = datetime.timedelta(days=7)
"""How long a rotated key goes on beside its successor, unless another time is asked for."""


class Organisations(Foundation):
    """What administrators do for an organisation."""

    def people_of(
        self, actor: Actor, organisation: str, query: str = "", after: str | None = None, limit: int = PAGE
    ) -> PeoplePage:
        """Its people with their roles, by name, from where another page ended; with a query, those it finds.

        Raises `StaleList` for an `after` that no page has given, `NotAllowed`.
        """
        organisation = self.within(actor, rules.PEOPLE_READ, organisation)
        words = tuple(query.casefold().split())[:10]
        with self._store.read() as connection:
            return self._people.people_of(connection, organisation, words, after, limit)

    def invitations_of(self, actor: Actor, organisation: str) -> list[Invitation]:
        """Its newest invitations. Raises `NotAllowed`."""
        organisation = self.within(actor, rules.PEOPLE_READ, organisation)
        with self._store.read() as connection:
            return self._people.invitations(connection, organisation, MAXIMUM_INVITATIONS)

    def open_invitations_of(self, actor: Actor, organisation: str) -> tuple[list[Invitation], int]:
        """The newest of its invitations that are open, and how many are in all. Raises `NotAllowed`."""
        organisation = self.within(actor, rules.PEOPLE_READ, organisation)
        now = self._clock.now()
        with self._store.read() as connection:
            newest = self._people.invitations(connection, organisation, PAGE, open_at=now)
            return newest, self._people.count_open_invitations(connection, organisation, now)

    def change_roles(self, actor: Actor, organisation: str, person: str, roles: Collection[str]) -> None:
        """These roles for this person of the organisation, and no others; none at all lets them go.

        Raises `UnknownPerson` for whoever has no role there, and `LastAdministrator`.
        """
        organisation = self.within(actor, rules.PEOPLE_CHANGE, organisation)
        wanted = rules.parse_roles(roles)
        with self._store.transaction() as connection:
            held = [grant for grant in self._people.roles(connection, person) if grant.organisation == organisation]
            if not held:
                raise UnknownPerson("there is no such person in this organisation")
            administrators = self._people.administrators(connection, organisation)
            if administrators == {person} and Role.ADMINISTRATOR not in wanted:
                raise LastAdministrator(f"{organisation} would have no administrator")
            self._people.replace_roles(connection, person, organisation, wanted, actor.tag, self._clock.now())
            if person != actor.person and wanted != {grant.role for grant in held}:
                roles = {"roles": roles_in_words(wanted)}
                self._notices.stage(
                    connection, ROLES_CHANGED, new_code(), roles, person=person, organisation=organisation
                )
            said = f"{person}: {' '.join(sorted(wanted)) or 'none'}"
            self._record(connection, door_of(actor), "role", "changed", actor.tag, organisation, said)

    def revoke_invitation(self, actor: Actor, organisation: str, invitation: str) -> None:
        """Withdraw an open invitation. Raises `InvalidInvitation`."""
        organisation = self.within(actor, rules.PEOPLE_INVITE, organisation)
        with self._store.transaction() as connection:
            if not self._people.revoke_invitation(connection, organisation, invitation, self._clock.now()):
                raise InvalidInvitation("there is no such invitation that is open")
            self._record(connection, door_of(actor), "invitation", "revoked", actor.tag, organisation, invitation)

    def keys_of(
        self, actor: Actor, organisation: str, after: str | None = None, limit: int | None = None
    ) -> list[KeyRecord]:
        """The API keys of an organisation, newest first; so many of them, from after one of them on."""
        organisation = self.within(actor, rules.KEY_READ, organisation)
        with self._store.read() as connection:
            return self._access.list(connection, organisation, limit, after)

    def make_key(  # noqa: PLR0917 - the members of a key
        self,
        actor: Actor,
        organisation: str,
        name: str,
        scopes: Collection[str],
        days: int | None,
        form: str | None = None,
    ) -> tuple[str, str]:
        """A new API key of an organisation, (id, key): shown this once.

        Raises `InvalidKeyName`, `InvalidKeyScopes`, `InvalidKeyLife`, and `MadeAlready` when the same form asks again.
        """
        organisation = self.within(actor, rules.KEY_CHANGE, organisation)
        now = self._clock.now()
        name = name.strip()
        if not 0 < len(name) <= MAXIMUM_KEY_NAME:
            raise InvalidKeyName(f"the name of a key has 1 to {MAXIMUM_KEY_NAME} characters")
        if not scopes or not set(scopes) <= set(ORGANISATION_SCOPES):
            raise InvalidKeyScopes(f"scopes of a key are among {', '.join(ORGANISATION_SCOPES)}")
        if days is not None and not 1 <= days <= MAXIMUM_KEY_DAYS:
            raise InvalidKeyLife(f"a key lives 1 to {MAXIMUM_KEY_DAYS} days")
        expires = None if days is None else now + datetime.timedelta(days=days)
        with self._store.transaction() as connection:
            self.claim(connection, actor, form)
            made = self._access.create(connection, name, scopes, expires, organisation)
            self._record(connection, door_of(actor), "key", "created", actor.tag, organisation, made[0])
        return made

    def rotate_key(
        self,
        actor: Actor,
        organisation: str,
        key: str,
        overlap: datetime.timedelta = KEY_OVERLAP,
        form: str | None = None,
    ) -> tuple[str, str]:
        """The successor of a key, (id, key); the old one goes on for the overlap.

        Raises `UnknownKey`, and `MadeAlready` when the same form asks again.
        """
        organisation = self.within(actor, rules.KEY_CHANGE, organisation)
        with self._store.transaction() as connection:
            self.claim(connection, actor, form)
            made = self._access.rotate(connection, key, overlap, organisation)
            if made is None:
                raise UnknownKey("there is no such key in force")
            self._record(connection, door_of(actor), "key", "rotated", actor.tag, organisation, f"{key} {made[0]}")
        return made

    def revoke_key(self, actor: Actor, organisation: str, key: str) -> None:
        """A key is worthless from now on. Raises `UnknownKey`."""
        organisation = self.within(actor, rules.KEY_CHANGE, organisation)
        with self._store.transaction() as connection:
            if not self._access.revoke(connection, key, organisation):
                raise UnknownKey("there is no such key in force")
            self._record(connection, door_of(actor), "key", "revoked", actor.tag, organisation, key)

    def trail_of(
        self, actor: Actor, organisation: str, before: int | None = None
    ) -> tuple[list[tuple[int, Deed]], dict[str, str]]:
        """What was done in an organisation, newest first; and by tag, the names of its people and keys in it."""
        organisation = self.within(actor, rules.TRAIL_READ, organisation)
        with self._store.read() as connection:
            deeds = newest(connection, DEEDS, before, organisation=organisation)
            words = {word for _, deed in deeds for word in (deed.actor.partition(":")[2], *_NAMED.findall(deed.detail))}
            names = self._people.names_of(connection, organisation, words)
            keys = self._access.list(connection, organisation)
        found = {f"person:{person}": name for person, name in names.items()}
        return deeds, found | {f"key:{key.id}": key.subject for key in keys if key.id in words}
