# SPDX-License-Identifier: Apache-2.0
"""One's own account: how one logs in, address, name; taking one's data, and being erased.

A change of how somebody logs in is told to them by letter, in its transaction: a thief cannot make it silently.
"""

from __future__ import annotations

import datetime
import secrets
from dataclasses import dataclass
from typing import Any

from maillon.kit.audit import newest
from maillon.kit.page import moment
from maillon.services.people import rules
from maillon.services.people.errors import (
    AddressTaken,
    InvalidAddress,
    InvalidInvitation,
    LastWayIn,
    StaleStep,
    UnknownKey,
    UnknownPerson,
    WrongCode,
    WrongCredentials,
)
from maillon.services.people.foundation import Enrolment, Foundation
from maillon.services.people.letters import ADDRESS_ASKED, letter
from maillon.services.people.model import (
    Actor,
    Grant,
    Language,
    PasskeyRecord,
    Person,
    Profile,
    SessionRecord,
)
from maillon.services.people.passwords import (
    check_otp,
    new_otp_secret,
    otp_address,
)
from maillon.services.people.store import new_code


@dataclass(frozen=True, slots=True)
class Account:
    """Everything the page of one's account shows."""

    person: Person
    roles: list[Grant]
    sessions: list[SessionRecord]
    passkeys: list[PasskeyRecord]
    identities: list[tuple[str, datetime.datetime]]
    recovery_codes: int


class OwnAccount(Foundation):
    """What somebody does with their own account."""

    def account(self, actor: Actor) -> Account:
        """Everything about oneself. Raises `NotAllowed`."""
        person = self._self(actor, rules.ACCOUNT_READ)
        now = self._clock.now()
        with self._store.read() as connection:
            known = self._people.person(connection, person)
            if known is None:
                raise UnknownPerson("this account was erased")
            sessions = [
                found
                for found in self._people.sessions(connection, person)
                if now < rules.session_end(found.kind, found.seen, found.expires, self._idle)
            ]
            return Account(
                known,
                self._people.roles(connection, person),
                sessions,
                [passkey for _, passkey in self._people.passkeys(connection, person)],
                self._people.identities(connection, person),
                self._people.recovery_codes_left(connection, person),
            )

    def change_name(self, actor: Actor, name: str, language: Language) -> None:
        """Be called otherwise, or be written to in the other language."""
        person = self._self(actor, rules.ACCOUNT_READ)
        wanted = rules.parse_name(name)
        with self._store.transaction() as connection:
            known = self._known(connection, person)
            self._people.replace_profile(connection, person, Profile(known.profile.address, wanted, language))
            self._record(connection, "portal", "person", "renamed", actor.tag, None)

    def change_password(self, actor: Actor, old: str, new: str) -> None:
        """A new password for whoever knows the old one; every other session ends. Raises `WrongCredentials`."""
        person = self._self(actor, rules.ACCOUNT_CHANGE)
        with self._counted(f"change:{person}") as connection:
            known, kept = self._known(connection, person), self._people.password(connection, person)
        if not self._passwords.matches(kept, old):
            raise WrongCredentials("the old password is not right")
        rules.check_password(new, (known.profile.address, known.profile.name, self._network))
        hashed = self._passwords.hash(new)
        with self._store.transaction() as connection:
            self._people.forgive(connection, f"change:{person}")
            self._people.set_password(connection, person, hashed)
            self._people.delete_sessions(connection, person, but=actor.session)
            self._record(connection, "portal", "password", "changed", actor.tag, None)
            self._tell(connection, person, "password")
        self._outbox.wake()

    def begin_authenticator(self, actor: Actor) -> Enrolment:
        """A new secret for the authenticator application; the old one holds until a code of the new one is given."""
        person = self._self(actor, rules.ACCOUNT_CHANGE)
        secret = new_otp_secret()
        with self._store.transaction() as connection:
            address = self._known(connection, person).profile.address
            step = self._new_step(connection, "authenticator", {"otp": secret, "address": address}, person)
        return Enrolment(step, secret, otp_address(secret, address, self._network))

    def finish_authenticator(self, actor: Actor, step: str, code: str) -> None:
        """The new application holds from now on. Raises `WrongCode` or `StaleStep`."""
        person = self._self(actor, rules.ACCOUNT_CHANGE)
        now = self._clock.now()
        with self._counted(f"second:{person}"):
            pass
        with self._store.transaction() as connection:
            found = self._people.read_ticket(connection, "authenticator", step, now)
            if found is None or found[0] != person:
                raise StaleStep("the step is not open")
            used = check_otp(found[1]["otp"], code[:12], now, None)
            if used is None:
                raise WrongCode("the code is not that of the application")
            self._people.take_ticket(connection, "authenticator", step, now)
            self._people.forgive(connection, f"second:{person}")
            self._people.set_otp(connection, person, found[1]["otp"], used)
            self._record(connection, "portal", "authenticator", "changed", actor.tag, None)
            self._tell(connection, person, "authenticator")
        self._outbox.wake()

    def renew_recovery_codes(self, actor: Actor, form: str | None = None) -> tuple[str, ...]:
        """Ten new codes; the old ones are worthless. Raises `MadeAlready` when the same form asks again."""
        person = self._self(actor, rules.ACCOUNT_CHANGE)
        with self._store.transaction() as connection:
            self.claim(connection, actor, form)
            codes = self._new_recovery_codes(connection, person)
            self._record(connection, "portal", "recovery-code", "renewed", actor.tag, None)
            self._tell(connection, person, "recovery")
        self._outbox.wake()
        return codes

    def add_passkey_options(self, actor: Actor) -> tuple[str, str]:
        """Options for `navigator.credentials.create`, and the step that takes the answer."""
        person = self._self(actor, rules.ACCOUNT_CHANGE)
        with self._store.transaction() as connection:
            profile = self._known(connection, person).profile
            known = [credential for credential, _ in self._people.passkeys(connection, person)]
            options, challenge = self._passkeys.registration(person, profile.address, profile.name, known)
            return options, self._new_step(connection, "add-passkey", {"challenge": challenge.hex()}, person)

    def add_passkey(self, actor: Actor, step: str, answer: str, label: str) -> None:
        """One more passkey. Raises `PasskeyRefused` or `StaleStep`."""
        person = self._self(actor, rules.ACCOUNT_CHANGE)
        challenge, _ = self._challenge("add-passkey", step, person)
        made = self._passkeys.registered(answer, challenge)
        with self._store.transaction() as connection:
            self._insert_passkey(connection, person, made, label, self._clock.now())
            self._record(connection, "portal", "passkey", "added", actor.tag, None)
            self._tell(connection, person, "passkey-added")
        self._outbox.wake()

    def remove_passkey(self, actor: Actor, name: str) -> None:
        """One passkey less. Raises `LastWayIn` or `UnknownKey`."""
        person = self._self(actor, rules.ACCOUNT_CHANGE)
        with self._store.transaction() as connection:
            known = self._known(connection, person)
            passkeys = self._people.passkeys(connection, person)
            found = [credential for credential, passkey in passkeys if passkey.id == name]
            if not found:
                raise UnknownKey("there is no such passkey of yours")
            if len(passkeys) == 1 and not known.has_password and not self._people.identities(connection, person):
                raise LastWayIn("it is the last passkey of an account without a password")
            self._people.delete_passkey(connection, found[0])
            self._record(connection, "portal", "passkey", "removed", actor.tag, None)
            self._tell(connection, person, "passkey-removed")
        self._outbox.wake()

    def remove_identity(self, actor: Actor, provider: str) -> None:
        """A provider vouches for oneself no longer. Raises `LastWayIn` or `UnknownKey`."""
        person = self._self(actor, rules.ACCOUNT_CHANGE)
        with self._store.transaction() as connection:
            known = self._known(connection, person)
            others = {name for name, _ in self._people.identities(connection, person)} - {provider}
            if not (known.has_password or others or self._people.passkeys(connection, person)):
                raise LastWayIn("no other way to log in would be left")
            if not self._people.delete_identities(connection, person, provider):
                raise UnknownKey("this provider is not linked")
            self._record(connection, "portal", "identity", "removed", actor.tag, None)
            self._tell(connection, person, "identity-removed")
        self._outbox.wake()

    def ask_new_password(self, address: str) -> None:
        """A letter with a code, if there is such an account; nobody is told whether there is."""
        try:
            parsed = rules.parse_address(address)
        except InvalidAddress:
            return
        with self._store.transaction() as connection:
            person = self._people.person_of_address(connection, parsed)
            code = new_code()
            # The ticket of nobody is made and encrypted too, and taken back: the same work for the same answer.
            expires = self._clock.now() + rules.CONFIRMATION_LIFE
            self._people.insert_ticket(connection, "reset", code, {}, expires, None if person is None else person.id)
            profile = Profile(parsed, "", "fr") if person is None else person.profile
            link = f"{self._url}/{profile.language}/reset#{code}"
            written = letter("reset", profile, network=self._network, link=link, code=code)
            if person is None:
                self._people.take_ticket(connection, "reset", code, self._clock.now())
            else:
                self._outbox.stage(connection, secrets.token_hex(16), written)
        self._outbox.wake()

    def set_new_password(self, code: str, password: str) -> None:
        """A new password by a code from a letter; every session ends, and the second factor is still asked for.

        Raises `InvalidInvitation` or `WeakPassword`.
        """
        code = code.strip()[:100]
        now = self._clock.now()
        with self._store.read() as connection:
            found = self._people.read_ticket(connection, "reset", code, now)
            if found is None or found[0] is None:
                raise InvalidInvitation("the code is unknown, used or has expired")
            profile = self._known(connection, found[0]).profile
        rules.check_password(password, (profile.address, profile.name, self._network))
        hashed = self._passwords.hash(password)
        with self._store.transaction() as connection:
            if self._people.take_ticket(connection, "reset", code, now) is None:
                raise InvalidInvitation("the code was used at the same time")
            self._people.set_password(connection, found[0], hashed)
            self._people.delete_sessions(connection, found[0])
            self._record(connection, "portal", "password", "reset", f"person:{found[0]}", None)
            self._tell(connection, found[0], "password")
        self._outbox.wake()

    def ask_new_address(self, actor: Actor, address: str) -> None:
        """Letters to both: the new address confirms, the old one may stop or undo it for a week.

        Whether somebody else has the new address is told to nobody but its reader.
        """
        person, parsed = self._self(actor, rules.ACCOUNT_CHANGE), rules.parse_address(address)
        now = self._clock.now()
        with self._store.transaction() as connection:
            profile = self._known(connection, person).profile
            confirm, stop = new_code(), new_code()
            until = now + rules.INVITATION_LIFE
            body = {"address": parsed}
            self._people.insert_ticket(connection, "new-address", confirm, body, now + rules.CONFIRMATION_LIFE, person)
            self._people.insert_ticket(connection, "old-address", stop, {"address": profile.address}, until, person)
            page = f"{self._url}/{profile.language}/confirm"
            asked = letter(
                "address-confirm",
                Profile(parsed, profile.name, profile.language),
                network=self._network,
                link=f"{page}#{confirm}",
                code=confirm,
            )
            warned = letter(
                "address-stop",
                profile,
                network=self._network,
                link=f"{page}#{stop}",
                code=stop,
                until=moment(until, profile.language),
            )
            for written in (asked, warned):
                self._outbox.stage(connection, secrets.token_hex(16), written)
            self._notices.stage(connection, ADDRESS_ASKED, new_code(), {}, person=person)
            self._record(connection, "portal", "address", "change-asked", actor.tag, None)
        self._outbox.wake()

    def confirm_address(self, code: str) -> bool:
        """Use a code from either letter; True when the address changed, False when the old one was kept or came back.

        Raises `InvalidInvitation`, and `AddressTaken` to the reader of the new address alone.
        """
        code = code.strip()[:100]
        now = self._clock.now()
        with self._store.transaction() as connection:
            changes = self._people.take_ticket(connection, "new-address", code, now)
            stops = None if changes else self._people.take_ticket(connection, "old-address", code, now)
            found = changes or stops
            if found is None or found[0] is None:
                raise InvalidInvitation("the code is unknown, used or has expired")
            person, address = found[0], found[1]["address"]
            profile = self._known(connection, person).profile
            holder = self._people.person_of_address(connection, address)
            if holder is not None and holder.id != person:
                raise AddressTaken("the address has an account")
            self._people.replace_profile(connection, person, Profile(address, profile.name, profile.language))
            if stops:
                self._people.delete_tickets(connection, person)
                self._people.delete_sessions(connection, person)
            action = "changed" if changes else "change-stopped"
            self._record(connection, "portal", "address", action, f"person:{person}", None)
        return changes is not None

    # Data rights.

    def export(self, actor: Actor) -> dict[str, Any]:
        """Everything kept about oneself, as one document; secrets excepted, since they are no information."""
        person = self._self(actor, rules.ACCOUNT_EXPORT)
        account = self.account(actor)
        with self._store.transaction() as connection:
            deeds = newest(connection, 10_000, actor=f"person:{person}")
            notices = self._notices.of_person(connection, person)
            elsewhere = {name: rows(connection, person) for name, rows in self._kept_elsewhere.items()}
            self._record(connection, "portal", "person", "exported", actor.tag, None)
        profile = account.person.profile
        return {
            "type": "maillon.person.v1",
            "id": person,
            "profile": {"address": profile.address, "name": profile.name, "language": profile.language},
            "created": account.person.created,
            "seen": account.person.seen,
            "password": account.person.has_password,
            "authenticator": account.person.has_authenticator,
            "recovery_codes_left": account.recovery_codes,
            "roles": [
                {"organisation": grant.organisation, "role": grant.role, "since": grant.granted, "by": grant.granted_by}
                for grant in account.roles
            ],
            "sessions": [
                {
                    "label": found.label,
                    "kind": found.kind,
                    "begun": found.created,
                    "used": found.seen,
                    "ends": found.expires,
                }
                for found in account.sessions
            ],
            "passkeys": [{"label": key.label, "added": key.created, "used": key.used} for key in account.passkeys],
            "providers": [{"provider": name, "linked": since} for name, since in account.identities],
            "trail": [{"time": deed.time, "tag": deed.tag, "organisation": deed.organisation} for _, deed in deeds],
            "notices": [
                {"time": told.created, "kind": told.kind.name, "organisation": told.organisation, "words": told.words}
                for told in notices
            ],
            **elsewhere,
        }

    def erase(self, actor: Actor) -> None:
        """Forget oneself and everything of one's own. The trail keeps an id that leads to nobody."""
        person = self._self(actor, rules.ACCOUNT_ERASE)
        self.erase_person(person, actor.tag)

    def erase_person(self, person: str, by: str, source: str = "portal") -> None:
        """The same, asked for by the operator or by the retention rules. Raises `UnknownPerson`."""
        with self._store.transaction() as connection:
            address = self._known(connection, person).profile.address
            organisations = sorted({grant.organisation for grant in self._people.roles(connection, person)})
            self._people.forget_invitations_to(connection, address, self._clock.now())
            self._notices.forget_person(connection, person)
            self._people.delete_person(connection, person)
            self._record(connection, source, "person", "erased", by, None, person)
            for organisation in organisations:
                self._record(connection, source, "person", "left", by, organisation, person)
