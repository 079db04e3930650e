# SPDX-License-Identifier: Apache-2.0
"""What the verbs about people share: collaborators, the decision, counted tries, steps, sessions, letters, the trail.

Each verb is one transaction, called from a thread: nothing here is asynchronous.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from maillon.kit.access import Access
from maillon.kit.audit import Deed, record
from maillon.kit.clock import Clock
from maillon.kit.idempotency import Answer, fingerprint, keep
from maillon.kit.mail import Outbox
from maillon.kit.notices import Notices
from maillon.kit.store import Store
from maillon.services.people import rules
from maillon.services.people.errors import (
    InvalidOrganisation,
    LogInNeeded,
    MadeAlready,
    PasskeyRefused,
    StaleStep,
    TooManyAttempts,
    UnknownPerson,
)
from maillon.services.people.letters import ACCOUNT_CHANGED, CHANGES, letter
from maillon.services.people.model import (
    OFFICE,
    Action,
    Actor,
    Decision,
    Person,
    Role,
    SessionKind,
    SessionRecord,
    Target,
)
from maillon.services.people.passwords import (
    Passwords,
    new_recovery_codes,
)
from maillon.services.people.store import PeopleStore, new_code, new_id

if TYPE_CHECKING:
    from maillon.services.people.passkeys import Passkeys
    from maillon.services.people.provider import Provider

MAXIMUM_LABEL = 80
_NAMED = 10
"""How many people are named who could grant what was refused."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A second factor about to be set up: what the application reads, and the step that ends it."""

    step: str
    secret: str
    address: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has begun. The token is shown this once; recovery codes too, when there are new ones."""

    token: str
    session: SessionRecord
    recovery_codes: tuple[str, ...] = ()


class Foundation:
    """What every verb stands on. Safe to share between threads."""

    def __init__(  # noqa: PLR0917 - the collaborators
        self,
        store: Store,
        people: PeopleStore,
        clock: Clock,
        outbox: Outbox,
        notices: Notices,
        access: Access,
        *,
        passwords: Passwords,
        public_url: str,
        network: str,
        providers: Mapping[str, Provider],
        session_idle: datetime.timedelta,
        session_life: datetime.timedelta,
    ) -> None:
        self._store = store
        self._people = people
        self._clock = clock
        self._outbox = outbox
        self._notices = notices
        self._access = access
        self._passwords = passwords
        self._public_url = public_url
        self._url = public_url.rstrip("/")
        self._network = network
        self.providers = dict(providers)
        self._idle = session_idle
        self._life = session_life
        self._kept_elsewhere: dict[str, Callable[[Connection, str], Any]] = {}
        self._names: Callable[[Collection[str]], Mapping[str, str]] | None = None

    @cached_property
    def _passkeys(self) -> Passkeys:
        # Made for the first who uses one: the library takes a tenth of a second to load, of each start.
        from maillon.services.people.passkeys import Passkeys

        return Passkeys(self._public_url, self._network)

    def name_organisations(self, names: Callable[[Collection[str]], Mapping[str, str]]) -> None:
        """Have organisations called by what another service knows of them: here they are ids. Called from threads.

        From then on there are none but those it has a name for, and the office.
        """
        self._names = names

    def also_keeps(self, name: str, rows: Callable[[Connection, str], Any]) -> None:
        """Have what another service keeps of a person in what they take with them, under a name."""
        self._kept_elsewhere[name] = rows

    def called(self, organisations: Collection[str]) -> dict[str, str]:
        """What organisations are called; those nobody has a name for are left out."""
        return {} if self._names is None else dict(self._names(organisations))

    def within(self, actor: Actor, action: Action, text: str) -> str:
        """The organisation in which they may. Raises `NotAllowed`, and `InvalidOrganisation` where there is none."""
        organisation = rules.parse_organisation(text)
        self.require(actor, action, Target("organisation", organisation))
        if organisation != actor.organisation and organisation not in actor.roles:
            self._require_known(organisation)
        return organisation

    def _require_known(self, organisation: str) -> None:
        """Raise `InvalidOrganisation` where there is none; for whoever may know."""
        known = organisation == OFFICE or self._names is None
        if not known and organisation not in self.called([organisation]):
            raise InvalidOrganisation(f"nobody knows an organisation {organisation}")

    def decide(self, actor: Actor, action: Action, target: Target) -> Decision:
        """Whether they may, and every reason why."""
        return rules.decide(actor, action, target, self._clock.now())

    def require(self, actor: Actor, action: Action, target: Target) -> None:
        """Raise `NotAllowed`, with every reason, unless they may; `LogInNeeded` for nobody."""
        decision = self.decide(actor, action, target)
        if actor.is_nobody:
            raise LogInNeeded("nobody is logged in, and no key was sent")
        if not decision.allowed:
            raise rules.refusal(self.explained(actor, action, target, actor))

    def explained(self, actor: Actor, action: Action, target: Target, reader: Actor | None) -> Decision:
        """The same as `decide`, in words: organisations by their names, for whoever reads why.

        Who could grant it is called by name where the reader may see the people of that organisation; no reader is
        whoever runs this instance, and may.
        """
        now = self._clock.now()
        decision = rules.decide(actor, action, target, now, self._in_words)
        remedy = decision.remedy
        if remedy is None or remedy.organisation is None:
            return decision
        of = Target("organisation", remedy.organisation)
        if reader is not None and not rules.decide(reader, rules.PEOPLE_READ, of, now).allowed:
            return decision
        with self._store.read() as connection:
            found = self._people.holders(connection, of.id, [Role.ADMINISTRATOR], "", _NAMED)
        names = tuple(sorted(person.profile.name for person in found))
        return dataclasses.replace(decision, remedy=dataclasses.replace(remedy, people=names))

    def _in_words(self, organisation: str) -> str:
        if organisation == OFFICE:
            return "the network’s office"
        return self.called([organisation]).get(organisation, organisation)

    def _self(self, actor: Actor, action: Action) -> str:
        """The person acting on their own account. Raises `NotAllowed`."""
        self.require(actor, action, Target("person", actor.person or ""))
        assert actor.person is not None
        return actor.person

    def _known(self, connection: Connection, person: str) -> Person:
        found = self._people.person(connection, person)
        if found is None:
            raise UnknownPerson("there is no such person here")
        return found

    @contextlib.contextmanager
    def _counted(self, subject: str) -> Iterator[Connection]:
        """Count a try before it is made, so that many at once are counted too. Raises `TooManyAttempts`."""
        now = self._clock.now()
        with self._store.transaction() as connection:
            failures, last = self._people.failures(connection, subject)
            if now.timestamp() < last + rules.waiting_seconds(failures):
                raise TooManyAttempts("too many wrong tries in a row")
            self._people.count_failure(connection, subject, now)
            yield connection

    def claim(self, connection: Connection, actor: Actor, form: str | None) -> None:
        """Take the number of a form, which makes its secret once, however often it is sent. Raises `MadeAlready`.

        None where no form asks. Nothing of the secret is kept.
        """
        if form is None:
            return
        answer, now = Answer(200, b""), int(self._clock.now().timestamp())
        try:
            with connection.begin_nested():
                keep(connection, actor.tag, f"form:{form}", fingerprint("POST", "form", b""), answer, now)
        except IntegrityError:
            raise MadeAlready("this form was sent before") from None

    def _new_step(self, connection: Connection, purpose: str, body: dict[str, Any], person: str | None = None) -> str:
        code = new_code()
        self._people.insert_ticket(connection, purpose, code, body, self._clock.now() + rules.STEP_LIFE, person)
        return code

    def _challenge(self, purpose: str, step: str, person: str | None) -> tuple[bytes, dict[str, Any]]:
        """The challenge of a ceremony, which is over with this, whatever comes of it. Raises `StaleStep`."""
        with self._store.transaction() as connection:
            found = self._people.take_ticket(connection, purpose, step[:100], self._clock.now())
        if found is None or found[0] != person:
            raise StaleStep("the step is not open")
        return bytes.fromhex(found[1]["challenge"]), found[1]

    def _begin(  # noqa: PLR0917 - the members of a session
        self,
        connection: Connection,
        person: str,
        methods: Collection[str],
        label: str,
        old_token: str | None,
        recovery_codes: Sequence[str] = (),
        *,
        kind: SessionKind = SessionKind.BROWSER,
    ) -> Opened:
        """A new session under a new token; the one the browser held before ends, so that none can be fixed on it."""
        now = self._clock.now()
        token = ("ml_" if kind is SessionKind.COMMAND else "") + new_code() + new_code()
        if old_token:
            before = self._people.session_of(connection, old_token[:100])
            if before is not None:
                self._people.delete_sessions(connection, before.person, only=before.id)
        life = rules.COMMAND_LIFE if kind is SessionKind.COMMAND else self._life
        made = SessionRecord(
            new_id(), person, kind, label[:MAXIMUM_LABEL], frozenset(methods), now, now, now, now + life
        )
        self._people.insert_session(connection, made, token)
        self._people.touch_person(connection, person, now)
        door = "command" if kind is SessionKind.COMMAND else "portal"
        self._record(connection, door, "session", "begun", f"person:{person}", None, " ".join(sorted(methods)))
        return Opened(token, made, tuple(recovery_codes))

    def _new_recovery_codes(self, connection: Connection, person: str) -> tuple[str, ...]:
        codes = new_recovery_codes()
        self._people.set_recovery_codes(connection, person, codes)
        return tuple(codes)

    def _tell(self, connection: Connection, person: str, change: str) -> None:
        """Letter and notice to the owner about a change of how they log in: a thief cannot make it silently."""
        profile = self._known(connection, person).profile
        link = f"{self._url}/{profile.language}/forgot"
        written = letter("changed", profile, network=self._network, what=CHANGES[change][profile.language], link=link)
        self._outbox.stage(connection, secrets.token_hex(16), written)
        self._notices.stage(connection, ACCOUNT_CHANGED, new_code(), {"what": CHANGES[change]}, person=person)

    def _record(  # noqa: PLR0917 - the members of a deed
        self,
        connection: Connection,
        source: str,
        subject: str,
        action: str,
        actor: str,
        organisation: str | None,
        detail: str = "",
    ) -> None:
        record(connection, [Deed(self._clock.now(), source, subject, action, actor, detail, organisation)])

    def _insert_passkey(
        self, connection: Connection, person: str, made: Any, label: str, now: datetime.datetime
    ) -> None:
        if self._people.passkey(connection, made.credential) is not None:
            raise PasskeyRefused("this passkey is registered already")
        self._people.insert_passkey(
            connection, person, made.credential, made.public_key, made.sign_count, label[:MAXIMUM_LABEL], now
        )


def door_of(actor: Actor) -> str:
    """Through which door: programs come through the API, people through the portal."""
    return "api" if actor.key is not None else "command" if actor.kind is SessionKind.COMMAND else "portal"
