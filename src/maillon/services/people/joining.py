# SPDX-License-Identifier: Apache-2.0
"""Joining: nobody has an account without an invitation, and none is used up unless somebody joins."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Collection, Iterator

from sqlalchemy.engine import Connection

from maillon.kit.page import moment
from maillon.services.people import rules
from maillon.services.people.errors import (
    AddressTaken,
    InvalidInvitation,
    InvalidRoles,
    StaleStep,
    WrongCode,
)
from maillon.services.people.foundation import Enrolment, Foundation, Opened, door_of
from maillon.services.people.letters import INVITED, letter
from maillon.services.people.model import (
    OFFICE,
    Actor,
    Invitation,
    Language,
    Profile,
    Role,
    SessionKind,
)
from maillon.services.people.passwords import (
    check_otp,
    new_otp_secret,
    otp_address,
)
from maillon.services.people.store import digest, new_code, new_id


class Joining(Foundation):
    """Invitations, and who follows them."""

    def invite(
        self, actor: Actor, organisation: str, address: str, roles: Collection[str], language: Language
    ) -> Invitation:
        """Invite whoever reads this address, by letter; the invitation is good once, for a week, for this address."""
        organisation = self.within(actor, rules.PEOPLE_INVITE, organisation)
        parsed, wanted = rules.parse_address(address), rules.parse_roles(roles)
        return self.invite_for(actor.tag, organisation, parsed, wanted, language, door_of(actor))

    def invite_for(  # noqa: PLR0917 - whom, where and how
        self,
        by: str,
        organisation: str,
        address: str,
        roles: Collection[Role],
        language: Language,
        door: str = "system",
    ) -> Invitation:
        """The same for a service that has decided by itself: a member was admitted and needs an administrator."""
        if not roles:
            raise InvalidRoles("an invitation gives at least one role")
        office = {"fr": f"le secrétariat de {self._network}", "en": f"the office of {self._network}"}[language]
        called = office if organisation == OFFICE else self.called([organisation]).get(organisation, organisation)
        with self._store.transaction() as connection:
            invitation, code = self._insert_invitation(connection, by, organisation, address, roles)
            words = {
                "organisation": called,
                "network": self._network,
                "until": moment(invitation.expires, language),
                "link": f"{self._url}/{language}/join#{code}",
                "code": code,
            }
            self._outbox.stage(
                connection, secrets.token_hex(16), letter("invitation", Profile(address, "", language), **words)
            )
            known = self._people.person_of_address(connection, address)
            if known is not None:
                until = {"until": int(invitation.expires.timestamp())}
                self._notices.stage(
                    connection, INVITED, invitation.id, until, person=known.id, organisation=organisation
                )
            self._record(connection, door, "invitation", "sent", by, organisation, invitation.id)
        self._outbox.wake()
        return invitation

    def invite_first_administrator(self) -> str | None:
        """The code with which the first administrator of the instance joins; None when there is one already.

        Each call makes the earlier code worthless.
        """
        now = self._clock.now()
        with self._store.transaction() as connection:
            if self._people.administrators(connection, OFFICE):
                return None
            for earlier in self._people.invitations(connection, OFFICE, open_at=now):
                self._people.revoke_invitation(connection, OFFICE, earlier.id, now)
            invitation, code = self._insert_invitation(connection, "system", OFFICE, None, {Role.ADMINISTRATOR})
            self._record(connection, "system", "invitation", "made", "system", OFFICE, invitation.id)
        return code

    def _insert_invitation(
        self, connection: Connection, by: str, organisation: str, address: str | None, roles: Collection[Role]
    ) -> tuple[Invitation, str]:
        now, code = self._clock.now(), new_code()
        expires = now + rules.INVITATION_LIFE
        invitation = Invitation(new_id(), organisation, frozenset(roles), address, by, now, expires, None, None)
        self._people.insert_invitation(connection, invitation, code)
        return invitation, code

    def invitation(self, code: str) -> Invitation:
        """What an invitation offers. Raises `InvalidInvitation`."""
        with self._store.read() as connection:
            return self._open_invitation(connection, code)

    def _open_invitation(self, connection: Connection, code: str) -> Invitation:
        found = self._people.invitation_of(connection, code.strip()[:100])
        if found is None or found.used is not None or found.revoked is not None:
            raise InvalidInvitation("the code is unknown, used or withdrawn")
        if not found.created <= self._clock.now() < found.expires:
            raise InvalidInvitation("the invitation has expired")
        return found

    def _newcomer(self, code: str, address: str, name: str, language: Language) -> tuple[Invitation, Profile]:
        invitation = self.invitation(code)
        profile = Profile(rules.parse_address(address), rules.parse_name(name), language)
        if invitation.address is not None and invitation.address != profile.address:
            raise InvalidInvitation("the invitation is for another address")
        return invitation, profile

    def join_with_password(self, code: str, address: str, name: str, password: str, language: Language) -> Enrolment:
        """The first half of joining with a password; nothing is kept of it unless the second factor follows."""
        _, profile = self._newcomer(code, address, name, language)
        rules.check_password(password, (profile.address, profile.name, self._network))
        secret = new_otp_secret()
        body = {
            "code": code.strip(),
            "address": profile.address,
            "name": profile.name,
            "language": language,
            "password": self._passwords.hash(password),
            "otp": secret,
        }
        with self._store.transaction() as connection:
            step = self._new_step(connection, "join", body)
        return Enrolment(step, secret, otp_address(secret, profile.address, self._network))

    def enrolment(self, step: str) -> Enrolment:
        """The second factor being set up in a step that is still open. Raises `StaleStep`."""
        with self._store.read() as connection:
            for purpose in ("join", "authenticator"):
                found = self._people.read_ticket(connection, purpose, step, self._clock.now())
                if found is not None:
                    body = found[1]
                    return Enrolment(step, body["otp"], otp_address(body["otp"], body["address"], self._network))
        raise StaleStep("the step is not open")

    def finish_join(
        self,
        step: str,
        otp: str,
        label: str,
        old_token: str | None,
        *,
        kind: SessionKind = SessionKind.BROWSER,
    ) -> Opened:
        """The second half: the first code of the application makes the account and uses the invitation up."""
        now = self._clock.now()
        with self._store.read() as connection:
            found = self._people.read_ticket(connection, "join", step, now)
        if found is None:
            raise StaleStep("the step is not open")
        body = found[1]
        with self._counted(f"join:{digest(step).hex()}"):
            pass
        used = check_otp(body["otp"], otp[:12], now, None)
        if used is None:
            raise WrongCode("the code is not that of the application")
        profile = Profile(body["address"], body["name"], body["language"])
        with self._joined(body["code"], profile, kind=kind) as (connection, person):
            if self._people.take_ticket(connection, "join", step, now) is None:
                raise StaleStep("the step is not open")
            self._people.set_password(connection, person, body["password"])
            self._people.set_otp(connection, person, body["otp"], used)
            codes = self._new_recovery_codes(connection, person)
            return self._begin(connection, person, {"password", "otp"}, label, old_token, codes, kind=kind)

    def join_passkey_options(self, code: str, address: str, name: str, language: Language) -> tuple[str, str]:
        """Options for `navigator.credentials.create` of a newcomer, and the step that takes the answer."""
        _, profile = self._newcomer(code, address, name, language)
        person = new_id()
        options, challenge = self._passkeys.registration(person, profile.address, profile.name, [])
        body = {
            "challenge": challenge.hex(),
            "person": person,
            "code": code.strip(),
            "address": profile.address,
            "name": profile.name,
            "language": language,
        }
        with self._store.transaction() as connection:
            return options, self._new_step(connection, "join-passkey", body)

    def join_with_passkey(self, step: str, answer: str, label: str, old_token: str | None) -> Opened:
        """Check the new passkey; it makes the account and uses the invitation up."""
        challenge, body = self._challenge("join-passkey", step, None)
        made = self._passkeys.registered(answer, challenge)
        profile = Profile(body["address"], body["name"], body["language"])
        now = self._clock.now()
        with self._joined(body["code"], profile, body["person"]) as (connection, person):
            self._insert_passkey(connection, person, made, label, now)
            codes = self._new_recovery_codes(connection, person)
            return self._begin(connection, person, {"passkey"}, label, old_token, codes)

    @contextlib.contextmanager
    def _joined(
        self, code: str, profile: Profile, identifier: str | None = None, *, kind: SessionKind = SessionKind.BROWSER
    ) -> Iterator[tuple[Connection, str]]:
        """A new person, in the transaction that uses their invitation up.

        Raises `InvalidInvitation` or `AddressTaken`.
        """
        person, now = identifier or new_id(), self._clock.now()
        with self._store.transaction() as connection:
            invitation = self._open_invitation(connection, code)
            if invitation.address is not None and invitation.address != profile.address:
                raise InvalidInvitation("the invitation is for another address")
            if self._people.person_of_address(connection, profile.address) is not None:
                raise AddressTaken("the address has an account")
            self._people.use_invitation(connection, invitation.id, now)
            self._people.insert_person(connection, person, profile, now)
            self._people.replace_roles(
                connection, person, invitation.organisation, invitation.roles, invitation.invited_by, now
            )
            door = "command" if kind is SessionKind.COMMAND else "portal"
            self._record(connection, door, "person", "joined", f"person:{person}", invitation.organisation, person)
            yield connection, person

    def accept(self, actor: Actor, code: str) -> str:
        """Somebody who has an account takes an invitation to their address; the organisation it is of."""
        person = self._self(actor, rules.ACCOUNT_READ)
        now = self._clock.now()
        with self._store.transaction() as connection:
            invitation = self._open_invitation(connection, code)
            known = self._people.person(connection, person)
            if known is None or (invitation.address is not None and invitation.address != known.profile.address):
                raise InvalidInvitation("the invitation is for another address")
            held = {
                grant.role
                for grant in self._people.roles(connection, person)
                if grant.organisation == invitation.organisation
            }
            self._people.use_invitation(connection, invitation.id, now)
            self._people.replace_roles(
                connection, person, invitation.organisation, held | invitation.roles, invitation.invited_by, now
            )
            self._record(connection, door_of(actor), "person", "joined", actor.tag, invitation.organisation, person)
        return invitation.organisation
