# SPDX-License-Identifier: Apache-2.0
"""Logging in. Whatever takes an address or a password does the same work whether or not there is an account.

A password is checked between two transactions, so that none is held while it is computed: the try is counted before,
and forgiven after.
"""

from __future__ import annotations

import datetime
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from maillon.services.people import rules
from maillon.services.people.errors import (
    InvalidAddress,
    LoginPending,
    PasskeyRefused,
    ProviderRefused,
    StaleStep,
    UnknownIdentity,
    WrongCode,
    WrongCredentials,
)
from maillon.services.people.foundation import MAXIMUM_LABEL, Opened, door_of
from maillon.services.people.joining import Joining
from maillon.services.people.model import (
    NOBODY,
    Actor,
    Language,
    Profile,
    SessionKind,
)
from maillon.services.people.passwords import (
    check_otp,
    new_user_code,
    normal_recovery_code,
    normal_user_code,
)
from maillon.services.people.store import digest, new_code


@dataclass(frozen=True, slots=True)
class Returned:
    """Somebody came back from a provider: logged in, or with something else done."""

    opened: Opened | None
    language: Language
    target: str


class Entrance(Joining):
    """Logging in and out: by password and code, passkey, provider; and command lines."""

    def begin_log_in(self, address: str, password: str) -> str:
        """Check address and password; the code of the step that asks for the second factor.

        Raises `WrongCredentials`, for any reason, or `TooManyAttempts`.
        """
        try:
            parsed = rules.parse_address(address)
        except InvalidAddress:
            parsed = address[:254].lower()
        subject = f"password:{parsed}"
        with self._counted(subject) as connection:
            person = self._people.person_of_address(connection, parsed)
            kept = None if person is None else self._people.password(connection, person.id)
        if not self._passwords.matches(kept, password) or person is None:
            raise WrongCredentials("address and password do not belong together")
        with self._store.transaction() as connection:
            self._people.forgive(connection, subject)
            if kept is not None and self._passwords.is_dated(kept):
                self._people.set_password(connection, person.id, self._passwords.hash(password))
            return self._new_step(connection, "second-factor", {}, person.id)

    def finish_log_in(
        self,
        step: str,
        code: str,
        label: str,
        old_token: str | None,
        *,
        kind: SessionKind = SessionKind.BROWSER,
    ) -> Opened:
        """Check the second factor, and begin a session in place of any old one.

        The code is of the authenticator application, or a recovery code. Raises `WrongCode`, `StaleStep` or
        `TooManyAttempts`; a wrong code leaves the step open.
        """
        with self._store.read() as connection:
            found = self._people.read_ticket(connection, "second-factor", step, self._clock.now())
        if found is None or found[0] is None:
            raise StaleStep("the step is not open")
        person = found[0]
        with self._counted(f"second:{person}"):
            pass
        with self._store.transaction() as connection:
            now = self._clock.now()
            method = self._check_second(connection, person, code, now)
            if method is None:
                raise WrongCode("the code is wrong, too old, or was used")
            if self._people.take_ticket(connection, "second-factor", step, now) is None:
                raise StaleStep("the step is not open")
            self._people.forgive(connection, f"second:{person}")
            opened = self._begin(connection, person, {"password", method}, label, old_token, kind=kind)
            if method == "recovery":
                self._tell(connection, person, "recovery-used")
        self._outbox.wake()
        return opened

    def _check_second(self, connection: Connection, person: str, code: str, now: datetime.datetime) -> str | None:
        if self._people.use_recovery_code(connection, person, normal_recovery_code(code[:40])):
            return "recovery"
        known = self._people.otp(connection, person)
        if known is None:
            return None
        step = check_otp(known[0], code[:12], now, known[1])
        if step is None:
            return None
        self._people.use_otp_step(connection, person, step)
        return "otp"

    def passkey_options(self) -> tuple[str, str]:
        """Options for `navigator.credentials.get`, and the code of the step that takes the answer."""
        options, challenge = self._passkeys.authentication()
        with self._store.transaction() as connection:
            return options, self._new_step(connection, "passkey", {"challenge": challenge.hex()})

    def log_in_with_passkey(self, step: str, answer: str, label: str, old_token: str | None) -> Opened:
        """Check a passkey's answer, and begin a session. Raises `StaleStep` or `PasskeyRefused`."""
        challenge = self._challenge("passkey", step, None)[0]
        credential = self._passkeys.credential_of(answer)
        now = self._clock.now()
        refused: PasskeyRefused | None = None
        with self._store.transaction() as connection:
            known = self._people.passkey(connection, credential)
            if known is None:
                raise PasskeyRefused("this passkey is not known here")
            person, public_key, sign_count = known
            try:
                count = self._passkeys.authenticated(answer, challenge, public_key, sign_count)
            except PasskeyRefused as error:
                # Written even though it is refused: a count that falls is the trace of a copied authenticator.
                self._record(connection, "portal", "passkey", "refused", f"person:{person}", None)
                refused = error
            else:
                self._people.use_passkey(connection, credential, count, now)
                opened = self._begin(connection, person, {"passkey"}, label, old_token)
        if refused is not None:
            raise refused
        return opened

    def log_out(self, actor: Actor) -> None:
        """End this session."""
        if actor.person is None or actor.session is None:
            return
        with self._store.transaction() as connection:
            self._people.delete_sessions(connection, actor.person, only=actor.session)
            self._record(connection, door_of(actor), "session", "ended", actor.tag, None)

    def end_session(self, actor: Actor, session: str) -> None:
        """End one of one's own sessions; another person's is left alone."""
        person = self._self(actor, rules.SESSION_END)
        with self._store.transaction() as connection:
            if self._people.delete_sessions(connection, person, only=session):
                self._record(connection, "portal", "session", "ended", actor.tag, None)

    def end_sessions(self, actor: Actor, *, keep_this: bool = False) -> int:
        """Log out everywhere, command lines too; how many sessions ended."""
        person = self._self(actor, rules.SESSION_END)
        with self._store.transaction() as connection:
            ended = self._people.delete_sessions(connection, person, but=actor.session if keep_this else None)
            self._record(connection, "portal", "session", "all-ended", actor.tag, None)
        return ended

    def log_out_person(self, person: str, by: str) -> int:
        """End every session of somebody: for the operator. How many ended. Raises `UnknownPerson`."""
        with self._store.transaction() as connection:
            self._known(connection, person)
            ended = self._people.delete_sessions(connection, person)
            self._record(connection, "command", "session", "all-ended", by, None, person)
        return ended

    # Identity providers.

    def depart(
        self, provider: str, language: Language, target: str, *, code: str = "", actor: Actor = NOBODY
    ) -> tuple[str, str]:
        """Send somebody to a provider: (address, binding); the binding is kept by the browser alone.

        With the code of an invitation they join, with an actor the provider is linked, else they log in.
        """
        found = self.providers.get(provider)
        if found is None:
            raise ProviderRefused("there is no such provider")
        person = None if actor.person is None else self._self(actor, rules.ACCOUNT_CHANGE)
        if code:
            self.invitation(code)
        state, binding = new_code(), new_code()
        departure = found.depart(state)
        body = {
            "provider": provider,
            "nonce": departure.nonce,
            "verifier": departure.verifier,
            "binding": digest(binding).hex(),
            "language": language,
            "target": target,
            "code": code.strip(),
        }
        with self._store.transaction() as connection:
            self._people.insert_ticket(connection, "provider", state, body, self._clock.now() + rules.STEP_LIFE, person)
        return departure.location, binding

    def return_from_provider(
        self, answer: Mapping[str, str], binding: str, label: str, old_token: str | None
    ) -> Returned:
        """Somebody comes back with an answer. The state is good once, and in the browser that left alone.

        Raises `StaleStep`, `ProviderRefused`, `UnknownIdentity`, `InvalidInvitation`, `AddressTaken`, `Unavailable`.
        """
        now = self._clock.now()
        with self._store.transaction() as connection:
            found = self._people.take_ticket(connection, "provider", answer.get("state", "")[:100], now)
        if found is None:
            raise StaleStep("nobody left with this state, or it was used")
        person, body = found
        if not hmac.compare_digest(digest(binding).hex(), body["binding"]):
            raise StaleStep("another browser left with this state")
        provider = self.providers[body["provider"]]
        arrival = provider.arrive(answer, body["nonce"], body["verifier"])
        name, issuer = body["provider"], arrival.issuer
        if person is not None:
            with self._store.transaction() as connection:
                if self._people.person_of_identity(connection, issuer, arrival.subject) not in (None, person):
                    raise ProviderRefused("the provider vouches for another account here")
                if self._people.person_of_identity(connection, issuer, arrival.subject) is None:
                    self._people.insert_identity(connection, person, name, issuer, arrival.subject, now)
                    self._record(connection, "portal", "identity", "added", f"person:{person}", None)
                    self._tell(connection, person, "identity-added")
            self._outbox.wake()
            return Returned(None, body["language"], body["target"])
        with self._store.transaction() as connection:
            known = self._people.person_of_identity(connection, issuer, arrival.subject)
            if known is not None:
                opened = self._begin(connection, known, {"provider"}, label, old_token)
                return Returned(opened, body["language"], body["target"])
        if not body["code"]:
            raise UnknownIdentity("nobody here is linked to this identity")
        return self._join_with_provider(body, arrival.address, arrival.name, arrival.subject, label, old_token)

    def _join_with_provider(  # noqa: PLR0917 - what the provider said
        self,
        body: Mapping[str, Any],
        address: str | None,
        name: str | None,
        subject: str,
        label: str,
        old_token: str | None,
    ) -> Returned:
        if address is None:
            raise ProviderRefused("the provider vouches for no e-mail address")
        parsed = rules.parse_address(address)
        profile = Profile(parsed, rules.parse_name(name or parsed.partition("@")[0]), body["language"])
        provider = self.providers[body["provider"]]
        with self._joined(body["code"], profile) as (connection, person):
            self._people.insert_identity(
                connection, person, body["provider"], provider.settings.issuer, subject, self._clock.now()
            )
            codes = self._new_recovery_codes(connection, person)
            opened = self._begin(connection, person, {"provider"}, label, old_token, codes)
        return Returned(opened, body["language"], body["target"])

    # The command line.

    def begin_device(self, label: str) -> tuple[str, str]:
        """A command line wants to log in: (device code, user code), as in RFC 8628."""
        device, user = new_code(), new_user_code()
        expires = self._clock.now() + rules.STEP_LIFE
        shown = rules.one_line(label)[:MAXIMUM_LABEL]
        with self._store.transaction() as connection:
            self._people.insert_ticket(connection, "device", device, {}, expires)
            self._people.insert_ticket(connection, "device-user", user, {"device": device, "label": shown}, expires)
        return device, user

    def device_label(self, user_code: str) -> str:
        """Which command line shows this code. Raises `StaleStep`."""
        with self._store.read() as connection:
            found = self._people.read_ticket(
                connection, "device-user", normal_user_code(user_code[:20]), self._clock.now()
            )
        if found is None:
            raise StaleStep("no command line waits with this code")
        return str(found[1]["label"])

    def allow_device(self, actor: Actor, user_code: str) -> str:
        """Log the command line in that shows this code; its label. Raises `StaleStep`."""
        person = self._self(actor, rules.SESSION_ALLOW)
        now = self._clock.now()
        with self._store.transaction() as connection:
            found = self._people.take_ticket(connection, "device-user", normal_user_code(user_code[:20]), now)
            waiting = None if found is None else self._people.take_ticket(connection, "device", found[1]["device"], now)
            if found is None or waiting is None:
                raise StaleStep("no command line waits with this code")
            body = {"label": found[1]["label"]}
            self._people.insert_ticket(
                connection, "device-allowed", found[1]["device"], body, now + rules.STEP_LIFE, person
            )
            self._record(connection, "portal", "command-line", "allowed", actor.tag, None)
        return str(found[1]["label"])

    def finish_device(self, device_code: str) -> Opened:
        """The command line asks again.

        Raises `LoginPending` until somebody has confirmed, `StaleStep` when it is over.
        """
        now = self._clock.now()
        with self._store.transaction() as connection:
            found = self._people.take_ticket(connection, "device-allowed", device_code[:100], now)
            if found is not None and found[0] is not None:
                return self._begin(
                    connection, found[0], {"confirmed"}, found[1]["label"], None, kind=SessionKind.COMMAND
                )
            if self._people.read_ticket(connection, "device", device_code[:100], now) is not None:
                raise LoginPending("nobody has confirmed yet")
        raise StaleStep("the code has expired, or was used")
