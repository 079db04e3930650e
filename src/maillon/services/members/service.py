# SPDX-License-Identifier: Apache-2.0
"""One verb for each thing somebody can do: read the directory, apply, review, and act for one's organisation.

What is private belongs to this instance, what is law to the chain, and an application crosses from one to the other in
`carry`, whose steps can each be repeated. Belongs to one event loop; the database is asked from threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar

import structlog
from sqlalchemy.engine import Connection

from maillon.kit.audit import Deed, record
from maillon.kit.clock import Clock
from maillon.kit.errors import KitError
from maillon.kit.idempotency import Once
from maillon.kit.language import LANGUAGES, Language
from maillon.kit.mail import Letter, Outbox
from maillon.kit.notices import Notices, Word
from maillon.kit.store import Store
from maillon.kit.webhooks import Webhooks
from maillon.ledger.abi import Call
from maillon.ledger.contracts.members import Members
from maillon.ledger.errors import LedgerError
from maillon.ledger.port import Address, Signer
from maillon.ledger.signing import Account
from maillon.services.members import errors, rules
from maillon.services.members import store as tables
from maillon.services.members.acts import AnyAct, encode
from maillon.services.members.consent import Consent, Invitation
from maillon.services.members.contract import MembersContract
from maillon.services.members.documents import MAXIMUM_DOCUMENTS, CheckedDocument, check_document
from maillon.services.members.identifiers import legal_person, shown
from maillon.services.members.letters import APPLICATION_WAITS, WHY_IT_WAITS, letter
from maillon.services.members.model import (
    AccountRecord,
    AdmissionRule,
    Application,
    ApplicationForm,
    ApplicationState,
    Case,
    DocumentRecord,
    Evidence,
    HistoryEntry,
    Identifier,
    Operation,
    Organisation,
    RollEntry,
    Scope,
    SimilarName,
    Status,
    Step,
)
from maillon.services.members.names import ComparedName, compared, mixed_scripts, parse_name, plain, similar
from maillon.services.members.register import Register
from maillon.services.members.store import Filter, PrivateStore, new_code
from maillon.services.members.vouchers import Voucher, check_voucher, parse_voucher, signed_voucher, signer_of
from maillon.services.members.words import Words
from maillon.services.people import OFFICE, PeopleService, Role

FIRST_LABEL: Final = "administration-1"
"""Of the account an instance makes for an applicant."""
FOLLOW_EVERY: Final = 1.0
"""Seconds between two looks at the chain."""
_OFFICES: Final = Scope.OFFICER | Scope.ADMISSION_OFFICER | Scope.VERIFIER
PAGE: Final = 20
MAXIMUM_PAGE: Final = 200
logger = structlog.get_logger("maillon.members")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class DirectoryPage:
    """A page of the directory, and the figures beside it."""

    organisations: tuple[Organisation, ...]
    total: int
    next: int | None
    """Continue after this organisation; None at the end."""
    facets: Mapping[str, Mapping[Any, int]]
    height: int
    """The block the page was read at."""


@dataclass(frozen=True, slots=True)
class OrganisationPage:
    """Everything public about an organisation."""

    organisation: Organisation
    accounts: tuple[AccountRecord, ...]
    history: tuple[HistoryEntry, ...]
    height: int


@dataclass(frozen=True, slots=True)
class ApplicationFile:
    """Everything about one application, for the applicant or for the office."""

    application: Application
    steps: tuple[Step, ...]
    documents: tuple[DocumentRecord, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """An application as the office sees it, with what may be wrong with it."""

    file: ApplicationFile
    similar: tuple[SimilarName, ...]
    mixed_scripts: tuple[str, ...]
    same_person: tuple[Organisation, ...]
    """Organisations of the chain that are this legal person: departed, refused, or under another identifier."""
    rule: AdmissionRule | None
    missing: tuple[str, ...]
    """What the rule still asks for; empty when it admits as things stand."""


class Purse(Protocol):
    """Where an account that is about to act has its credits from, when no period grants them."""

    async def fill(self, account: Address) -> None:
        """See that an account can act. Raises a `LedgerError`."""


class MembersService:
    """Members, for one instance. `start` follows the chain, `stop` ends that."""

    def __init__(  # noqa: PLR0917 - the collaborators
        self,
        store: Store,
        private: PrivateStore,
        contract: MembersContract,
        people: PeopleService,
        outbox: Outbox,
        notices: Notices,
        webhooks: Webhooks,
        clock: Clock,
        *,
        office: Signer,
        public_url: str,
        network: str,
        purse: Purse | None = None,
    ) -> None:
        self._purse = purse
        self._store = store
        self._private = private
        self._contract = contract
        self._register = Register(store, contract, notices, webhooks, public_url.rstrip("/"))
        self._people = people
        self._outbox = outbox
        self._notices = notices
        self._clock = clock
        self._office = office
        self._url = public_url.rstrip("/")
        self._network = network
        self.once = Once(store, clock, private.answers)
        """Who answers writes that are sent again."""
        self._names: tuple[int, list[ComparedName]] = (-1, [])
        self._task: asyncio.Task[None] | None = None
        self._failure: str | None = None
        self._moved_to: Address | None = None
        self._settling = asyncio.Lock()
        self._adding = asyncio.Lock()

    # Life.

    async def start(self) -> None:
        """Begin to follow the chain."""
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End; what was being read is read again at the next start."""
        if self._task is not None:
            self._stopping.set()
            await self._task
            self._task = None

    async def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._register.catch_up()
                await self.notice_move()
                if self._moved_to is None:
                    await self._settle()
                self._failure = None
            except (errors.MembersError, KitError) as error:
                self._failure = str(error)
                logger.warning("register-not-followed", reason=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FOLLOW_EVERY):
                    await self._stopping.wait()

    @property
    def failure(self) -> str | None:
        """Why the chain is not followed at the moment; None while it is."""
        return self._failure

    @property
    def moved_to(self) -> Address | None:
        """The contract that is the register now, where that is not the one read here; None where it is."""
        return self._moved_to

    @property
    def unfollowed(self) -> str | None:
        """That it is, in words; None where it is not."""
        if self._moved_to is None:
            return None
        return (
            f"the Directory leads Members to 0x{self._moved_to.hex()}, which is not read: the former register can be "
            "read here, and nothing of it can be signed"
        )

    async def notice_move(self) -> None:
        """Ask the Directory whether that is so. Raises an `Unavailable`."""
        before, self._moved_to = self._moved_to, await self._contract.moved_to()
        if self._moved_to is not None and before is None:
            logger.warning("register moved", successor="0x" + self._moved_to.hex())

    async def reindex(self) -> int:
        """Make the read model anew from the chain; how many organisations it knows then."""
        await self._register.rebuild()
        return len(await self._read(tables.legal_names))

    async def catch_up(self) -> int:
        """Read what the chain has said since; the height reached."""
        return await self._register.catch_up()

    async def _read(self, question: Callable[..., _Answer], *arguments: Any) -> _Answer:
        def ask() -> _Answer:
            with self._store.read() as session:
                return question(session, *arguments)

        return await asyncio.to_thread(ask)

    async def _write(self, deed: Callable[[Connection], _Answer]) -> _Answer:
        def work() -> _Answer:
            with self._store.transaction() as session:
                return deed(session)

        return await asyncio.to_thread(work)

    def _record(  # noqa: PLR0917 - the columns of the trail
        self, session: Connection, subject: str, action: str, actor: str, detail: str, organisation: int | None = None
    ) -> None:
        """A line of the audit trail, in the transaction of what it tells."""
        whose = None if organisation is None else str(organisation)
        record(session, [Deed(self._clock.now(), "members", subject, action, actor, detail, whose)])

    # The directory.

    async def directory(self, wanted: Filter, limit: int = PAGE, after: int | None = None) -> DirectoryPage:
        """Organisations by name. Raises `UnknownOrganisation` when `after` is none."""
        now = self._clock.now()
        limit = max(1, min(limit, MAXIMUM_PAGE))

        def read(session: Connection) -> DirectoryPage:
            place = None if after is None else tables.cursor_of(session, after)
            if after is not None and place is None:
                raise errors.UnknownOrganisation
            found = tables.directory(session, wanted, now, limit + 1, place)
            counted = tables.facets(session, wanted, now)
            page = tuple(found[:limit])
            following = page[-1].number if len(found) > limit else None
            return DirectoryPage(page, counted["total"]["total"], following, counted, tables.read_height(session))

        return await self._read(read)

    async def count(self, wanted: Filter) -> int:
        """How many organisations a filter shows."""
        return await self._read(tables.count_organisations, wanted, self._clock.now())

    async def organisation(self, number: int) -> OrganisationPage:
        """One organisation with its accounts and history. Raises `UnknownOrganisation`."""

        def read(session: Connection) -> OrganisationPage:
            found = tables.organisation_of(session, number)
            if found is None:
                raise errors.UnknownOrganisation
            return OrganisationPage(
                found,
                tuple(tables.accounts_of(session, number, past=True)),
                tuple(tables.history_of(session, number, 100)),
                tables.read_height(session),
            )

        return await self._read(read)

    async def operation(self, number: int) -> Operation:
        """What an organisation operates. Raises `UnknownOrganisation`, `NoRegister`, an `Unavailable`."""
        page = await self.organisation(number)
        return await self._contract.operation(number, page.organisation.tier)

    async def names_of(self, numbers: Sequence[int]) -> dict[int, str]:
        """Legal names by number, for pages that name organisations."""
        return dict(await self._read(tables.legal_names, set(numbers)))

    def called(self, organisations: Collection[str]) -> dict[str, str]:
        """Legal names by number as text, for whom an organisation is an id. Called from threads."""
        wanted = {int(one) for one in organisations if one.isascii() and one.isdigit()}
        if not wanted:
            return {}
        with self._store.read() as session:
            return {str(number): name for number, name in tables.legal_names(session, wanted)}

    def active(self, session: Connection, organisations: Collection[str], since: datetime.datetime) -> set[str]:
        """Which of these, numbers as text, have all their rights now and are members since that moment or longer.

        In the caller's transaction.
        """
        now = self._clock.now()
        return {
            str(one.number)
            for one in self._known(session, organisations)
            if one.is_active(now) and one.joined is not None and one.joined <= since
        }

    def present(self, session: Connection, organisations: Collection[str]) -> set[str]:
        """Which of these, numbers as text, are members now, suspended or not; in the caller's transaction."""
        there = (Status.ACTIVE, Status.SUSPENDED)
        return {str(one.number) for one in self._known(session, organisations) if one.status in there}

    @staticmethod
    def _known(session: Connection, organisations: Collection[str]) -> list[Organisation]:
        numbers = [int(one) for one in organisations if one.isascii() and one.isdigit() and len(one) < 10]
        return tables.organisations_of(session, numbers)

    async def roll(self, after: int, limit: int) -> list[RollEntry]:
        """Members by number, after one, suspended by officers or not, with where their credits go."""
        return await self._read(tables.roll, after, limit)

    async def accounts_of(self, organisation: int) -> list[bytes]:
        """The accounts that act for an organisation now."""
        return [each.address for each in await self._read(tables.accounts_of, organisation)]

    async def news(self, limit: int = 50) -> list[HistoryEntry]:
        """Admissions and departures, newest first."""
        return await self._read(tables.history_of, None, limit, ("StatusChanged", "Founded"))

    async def member_of(self, account: bytes, height: int) -> int | None:
        """For whom an account was acting at the end of a block, as far as the chain was read."""
        return await self._read(tables.member_of, account, height)

    async def rules_in_force(self) -> list[AdmissionRule]:
        """How each kind of organisation is admitted without a vote."""
        return await self._read(tables.rules_in_force)

    async def height(self) -> int:
        """The newest block that was read."""
        return await self._read(tables.read_height)

    # Applying.

    async def apply(self, fields: Mapping[str, str], invitation: str = "") -> tuple[ApplicationFile, str]:
        """Keep an application; it, and the code that follows it, shown this once and sent by letter.

        Raises `InvalidApplication`, `InvalidVoucher`, `IdentifierTaken`.
        """
        form = rules.parse_application(fields)
        voucher, inviter = (None, None) if not invitation.strip() else await self._vouched(invitation, form)
        code = new_code()
        now = self._clock.now()
        evidence = Evidence(0) if voucher is None else Evidence.INVITATION
        # The account an applicant will act with, unless it brings its own: made now, kept encrypted.
        account_secret = secrets.token_bytes(32)

        def keep(session: Connection) -> str:
            self._check_unknown(session, form)
            if voucher is not None and not self._private.use_voucher(session, voucher.digest, now):
                raise errors.InvalidVoucher("was used before")
            identifier = self._private.insert_application(session, form, code, evidence, inviter, now)
            self._private.insert_step(session, identifier, ApplicationState.SUBMITTED, "applicant", form.message, now)
            address = Account(account_secret).address
            self._private.insert_key(session, address, account_secret, now, application=identifier)
            self._tell(session, form.contact, "received", code=code, reason="")
            self._tell_office(session, identifier, form.legal_name, "submitted")
            self._record(session, "application", "submitted", "applicant", identifier)
            return identifier

        identifier = await self._write(keep)
        self._outbox.wake()
        return await self._file(identifier), code

    def _check_unknown(self, session: Connection, form: ApplicationForm) -> None:
        """A legal person that is a member, or applies on the chain, does not apply again. Raises `IdentifierTaken`."""
        for known in tables.organisations_of_person(session, form.identifier):
            again = known.status in (Status.DEPARTED, Status.EXCLUDED) and known.identifier == form.identifier
            if not again:
                raise errors.IdentifierTaken(shown(form.identifier))

    async def _vouched(self, text: str, form: ApplicationForm) -> tuple[Voucher, int]:
        voucher = parse_voucher(text)
        digest = await self._digest_of(voucher)
        signer = check_voucher(voucher, digest, form, self._clock.now())
        inviter = await self._contract.acting(signer, Scope.ADMIN)
        if inviter is None:
            raise errors.InvalidVoucher("was not signed by an administrator of an active member")
        return voucher, inviter

    async def _digest_of(self, voucher: Voucher) -> bytes:
        said = (voucher.identifier, voucher.legal_name, voucher.nonce, voucher.expires)
        return (await self._contract.invitation(*said)).digest

    async def _file(self, identifier: str) -> ApplicationFile:
        def read(session: Connection) -> ApplicationFile:
            found = self._private.application(session, identifier)
            if found is None:
                raise errors.UnknownApplication
            return self._file_of(session, found)

        return await self._read(read)

    def _file_of(self, session: Connection, application: Application) -> ApplicationFile:
        return ApplicationFile(
            application,
            tuple(self._private.steps(session, application.id)),
            tuple(self._private.documents(session, application.id)),
        )

    async def follow(self, code: str) -> ApplicationFile:
        """An application, for whoever holds its code. Raises `UnknownApplication`."""

        def read(session: Connection) -> ApplicationFile:
            return self._file_of(session, self._of_code(session, code))

        return await self._read(read)

    def _of_code(self, session: Connection, code: str) -> Application:
        found = self._private.application_of_code(session, code[:100])
        if found is None:
            raise errors.UnknownApplication
        return found

    async def add_document(self, code: str, name: str, media_type: str, content: bytes) -> DocumentRecord:
        """Keep a document with an application. Raises `InvalidDocument`, `WrongState`, `UnknownApplication`."""
        checked: CheckedDocument = await asyncio.to_thread(check_document, name, media_type, content)

        def keep(session: Connection) -> DocumentRecord:
            application = self._locked(session, self._of_code(session, code).id)
            if application.state not in rules.BY_APPLICANT:
                raise errors.WrongState(application.state.value)
            if len(self._private.documents(session, application.id)) >= MAXIMUM_DOCUMENTS:
                raise errors.TooManyDocuments(MAXIMUM_DOCUMENTS)
            kept = self._private.insert_document(
                session, application.id, checked.name, checked.type.media_type, checked.content, self._clock.now()
            )
            self._record(session, "document", "received", "applicant", f"{application.id} {kept.digest.hex()}")
            return kept

        return await self._write(keep)

    def _locked(self, session: Connection, identifier: str) -> Application:
        found = self._private.application(session, identifier, lock=True)
        if found is None:
            raise errors.UnknownApplication
        return found

    async def answer(self, code: str, message: str) -> ApplicationFile:
        """Answer what the office asked for: the application waits for it again. Raises `WrongState`, `TextTooLong`."""
        note = rules.parse_text(message, rules.MAXIMUM_NOTE)
        return await self._by_applicant(code, ApplicationState.SUBMITTED, "answered", note)

    async def withdraw(self, code: str) -> ApplicationFile:
        """End one's application. Raises `WrongState`."""
        return await self._by_applicant(code, ApplicationState.WITHDRAWN, "withdrawn", "")

    async def appeal(self, code: str, reason: str) -> ApplicationFile:
        """Ask that a refusal be looked at again, by others of the office. Raises `WrongState`, `TextMissing`."""
        return await self._by_applicant(code, ApplicationState.SUBMITTED, "appealed", rules.parse_reason(reason))

    async def _by_applicant(self, code: str, state: ApplicationState, action: str, note: str) -> ApplicationFile:
        def work(session: Connection) -> str:
            application = self._locked(session, self._of_code(session, code).id)
            was = ApplicationState.REFUSED if action == "appealed" else None
            if (was is not None and application.state is not was) or (
                was is None and application.state is ApplicationState.REFUSED
            ):
                raise errors.WrongState(application.state.value)
            self._move(session, application, state, "applicant", action, note)
            if action in WHY_IT_WAITS:
                self._tell_office(session, application.id, application.legal_name, action)
            return application.id

        return await self._file(await self._write(work))

    def _move(  # noqa: PLR0917 - the columns
        self,
        session: Connection,
        application: Application,
        state: ApplicationState,
        actor: str,
        action: str,
        note: str,
        **values: Any,
    ) -> None:
        """Another state with its step and its line of the trail. Raises `WrongState`."""
        rules.check_edge(application, state, actor)
        now = self._clock.now()
        self._private.move(session, application, state, now, **values)
        side = "applicant" if actor == "applicant" else "ledger" if actor == "ledger" else "office"
        self._private.insert_step(session, application.id, state, side, note, now)
        self._record(session, "application", action, actor, application.id, application.organisation)

    def _tell(self, session: Connection, contact: Any, kind: str, **values: str) -> None:
        """A letter to the applicant, staged with what it tells of."""
        if contact is None:
            return
        words = {"network": self._network, "link": f"{self._url}/{contact.language}/application"} | values
        subject, text = letter(kind, contact.language, words)
        self._outbox.stage(session, secrets.token_hex(16), Letter(contact.address, subject, text))

    def _tell_office(self, session: Connection, application: str, name: str, why: str) -> None:
        """A notice to those who decide, staged with what it tells of."""
        words: dict[str, Word] = {"name": name, "why": WHY_IT_WAITS[why], "application": application}
        self._notices.stage(session, APPLICATION_WAITS, secrets.token_hex(16), words, organisation=OFFICE)

    # Reviewing.

    async def queue(
        self, states: Sequence[ApplicationState], limit: int = PAGE, after: str | None = None
    ) -> list[Application]:
        """Applications in these states, oldest first."""

        def read(session: Connection) -> list[Application]:
            place = None
            if after is not None:
                last = self._private.application(session, after)
                if last is None:
                    raise errors.UnknownApplication
                place = (int(last.submitted.timestamp()), last.id)
            return self._private.applications(session, states, max(1, min(limit, MAXIMUM_PAGE)), place)

        return await self._read(read)

    async def _compared(self) -> list[ComparedName]:
        """Every name prepared for comparing, made again when the chain has moved."""
        height = await self.height()
        if self._names[0] != height:
            known = {one.organisation: one for one in self._names[1]}
            names = await self._read(tables.legal_names)
            kept = [known.get(number) for number, _ in names]
            made = [
                old if old is not None and old.name == name else compared(number, name)
                for (number, name), old in zip(names, kept, strict=True)
            ]
            self._names = (height, made)
        return self._names[1]

    async def review(self, identifier: str) -> Review:
        """An application with what may be wrong with it. Raises `UnknownApplication`."""
        file = await self._file(identifier)
        application = file.application
        found = await self.names_like(application.legal_name, application.organisation)
        same = await self._read(tables.organisations_of_person, application.identifier)
        rule = await self._contract.rule_of(application.kind, application.country)
        missing: tuple[str, ...] = ("vote",)
        if rule is not None:
            missing = tuple(rules.missing_evidence(rule, application.evidence, await self._offices()))
        return Review(
            file,
            tuple(found),
            tuple(sorted(mixed_scripts(application.legal_name))),
            tuple(one for one in same if one.number != application.organisation),
            rule,
            missing,
        )

    async def office(self) -> tuple[Address, Scope]:
        """The account of this instance, and the offices it holds now."""
        return self._office.address, await self._offices()

    async def names_like(self, legal_name: str, but: int | None) -> list[SimilarName]:
        """Organisations whose names could be taken for this one, but for the one that shall bear it."""
        others = [one for one in await self._compared() if one.organisation != but]
        return list(await asyncio.to_thread(similar, legal_name, others))

    async def _offices(self) -> Scope:
        """The offices the account of this instance holds now."""
        return await self._contract.scopes_in_force(self._office.address) & _OFFICES

    async def document(self, application: str, identifier: str, actor: str) -> tuple[str, bytes]:
        """A document's name and content; the trail says who read it. Raises `UnknownDocument`."""

        def read(session: Connection) -> tuple[str, bytes]:
            found = self._private.document(session, application, identifier)
            if found is None:
                raise errors.UnknownDocument
            self._record(session, "document", "read", actor, f"{application} {identifier}")
            return found

        return await self._write(read)

    async def own_document(self, code: str, identifier: str) -> tuple[str, bytes]:
        """One's own document back. Raises `UnknownApplication`, `UnknownDocument`."""
        file = await self.follow(code)
        return await self.document(file.application.id, identifier, "applicant")

    async def ask_for_more(self, identifier: str, reason: str, actor: str) -> ApplicationFile:
        """Tell the applicant what is missing. Raises `WrongState`, `TextMissing`."""
        note = rules.parse_reason(reason)
        return await self._by_office(identifier, ApplicationState.INCOMPLETE, "asked", "incomplete", note, actor)

    async def refuse(self, identifier: str, reason: str, actor: str) -> ApplicationFile:
        """Refuse with a reason the applicant reads, and may appeal. Raises `WrongState`, `TextMissing`."""
        note = rules.parse_reason(reason)
        return await self._by_office(identifier, ApplicationState.REFUSED, "refused", "refused", note, actor)

    async def _by_office(  # noqa: PLR0917 - the columns
        self, identifier: str, state: ApplicationState, action: str, kind: str, note: str, actor: str
    ) -> ApplicationFile:  # fmt: skip
        def work(session: Connection) -> None:
            application = self._locked(session, identifier)
            self._move(session, application, state, actor, action, note)
            self._tell(session, application.contact, kind, reason=note)

        await self._write(work)
        self._outbox.wake()
        return await self._file(identifier)

    async def accept(self, identifier: str, seen: Evidence, actor: str) -> ApplicationFile:
        """Answer for having seen the evidence, and enter the applicant on the chain.

        When the rule in force admits it, it is a member on return; else it is presented, and a vote decides. Raises
        `WrongState`, `NoOffice`, `RefusedByLedger`, `Unavailable`; then `carry` goes on where this stopped.
        """
        if not await self._offices() & Scope.ADMISSION_OFFICER:
            raise errors.NoOffice("0x" + self._office.address.hex())

        def work(session: Connection) -> None:
            application = self._locked(session, identifier)
            if application.state is ApplicationState.SUBMITTED:
                # stage: what is about to be sent to the chain. A crash behind this commit leaves it accepted, and the
                # next `carry` asks the chain what it has before it sends anything.
                self._private.change_evidence(session, identifier, application.evidence | seen)
                self._move(session, application, ApplicationState.ACCEPTED, actor, "accepted", "")
            elif application.state in (ApplicationState.ACCEPTED, ApplicationState.PRESENTED):
                self._private.change_evidence(session, identifier, application.evidence | seen)
            else:
                raise errors.WrongState(application.state.value)

        await self._write(work)
        return await self.carry(identifier)

    async def carry(self, identifier: str) -> ApplicationFile:
        """Bring an accepted application as far as the law allows. Safe to repeat after any failure."""
        file = await self._file(identifier)
        application = file.application
        if application.state is ApplicationState.ACCEPTED:
            application = await self._present(application)
        if application.state is ApplicationState.PRESENTED:
            await self._admit(application)
        await self.catch_up()
        await self._settle()
        return await self._file(identifier)

    async def _present(self, application: Application) -> Application:
        kept = await self._read(self._private.key_of_application, application.id)
        if kept is None or application.contact is None:
            raise errors.WrongState(application.state.value)
        form = ApplicationForm(
            application.identifier,
            application.legal_name,
            application.kind,
            application.country,
            application.contact,
            application.message,
        )
        # commit, on the chain: found again by its identifier if we crash before we have written its number.
        known = await self._contract.organisation_by_identifier(application.identifier)
        if known is None:
            number = await self._contract.present(form, Account(kept[1]), FIRST_LABEL, self._office)
        else:
            number = known
            await self.catch_up()
            before = await self._read(tables.organisation_of, number)
            if before is not None and before.status in (Status.DEPARTED, Status.EXCLUDED):
                await self._contract.present_again(number, self._office)

        def work(session: Connection) -> Application:
            # publish: the number is known here too.
            locked = self._locked(session, application.id)
            if locked.state is ApplicationState.ACCEPTED:
                self._move(session, replace(locked, organisation=number), ApplicationState.PRESENTED, "ledger",
                           "presented", "", organisation=number)  # fmt: skip
                self._private.assign_key(session, application.id, number)
            return self._locked(session, application.id)

        return await self._write(work)

    async def _admit(self, application: Application) -> None:
        """Admit by the rule in force, when it admits; nothing otherwise: a vote decides."""
        assert application.organisation is not None
        rule = await self._contract.rule_of(application.kind, application.country)
        if rule is None or rules.missing_evidence(rule, application.evidence, await self._offices()):
            return
        await self.catch_up()
        known = await self._read(tables.organisation_of, application.organisation)
        if known is None or known.status is not Status.APPLIED:
            return
        commitment = await self._evidence_hash(application)
        await self._contract.admit_by_rule(
            application.organisation, application.evidence.value, commitment, self._office
        )

    async def _evidence_hash(self, application: Application) -> bytes:
        """A salted commitment to what was seen: the application's own id is random, and destroyed with it."""
        documents = await self._read(self._private.documents, application.id)
        seen = hashlib.sha256(application.id.encode())
        for document in documents:
            seen.update(document.digest)
        return seen.digest()

    async def _settle(self) -> None:
        """What the chain has decided about applicants of this instance: members get their first administrator."""
        # Whoever follows the chain and whoever has just admitted come here at once: one of them invites.
        async with self._settling:
            await self._settle_all()

    async def _settle_all(self) -> None:
        for application in await self.queue([ApplicationState.PRESENTED], MAXIMUM_PAGE):
            assert application.organisation is not None
            organisation = await self._read(tables.organisation_of, application.organisation)
            if organisation is None:
                continue
            if organisation.status is Status.ACTIVE:
                if application.contact is not None:
                    # A crash behind this invites again: twice is better than never.
                    await asyncio.to_thread(
                        self._people.invite_for,
                        "office",
                        str(application.organisation),
                        application.contact.address,
                        {Role.ADMINISTRATOR, Role.DELEGATE},
                        application.contact.language,
                    )
                await self._write(self._decided(application.id, ApplicationState.ADMITTED, "admitted"))
            elif organisation.status is Status.REFUSED:
                await self._write(self._decided(application.id, ApplicationState.REFUSED, "refused"))

    def _decided(self, identifier: str, state: ApplicationState, word: str) -> Callable[[Connection], None]:
        def work(session: Connection) -> None:
            application = self._locked(session, identifier)
            if application.state is ApplicationState.PRESENTED:
                self._move(session, application, state, "ledger", word, "")
                self._tell(session, application.contact, word, reason="")

        return work

    async def admission_proposal(self, identifier: str, tier: int, college: int) -> tuple[Address, bytes]:
        """What a vote executes to admit an applicant that no rule admits: target and data of one call."""
        file = await self._file(identifier)
        number = file.application.organisation
        if file.application.state is not ApplicationState.PRESENTED or number is None:
            raise errors.WrongState(file.application.state.value)
        call = self._contract.admission_call(await self._contract.members_address(), number, tier, college)
        return call.to, call.data

    # What an organisation does for itself.

    async def signer(self, number: int, scope: Scope) -> Account:
        """The organisation's key that is kept here and may do this. Raises `KeyNotKept`, `Unavailable`."""
        secret = await self._read(self._secret_of, number, scope)
        if secret is None:
            raise errors.KeyNotKept(" ".join(rules.names_of(scope, rules.SCOPE_NAMES)))
        account = Account(secret)
        await self._fill(account.address)
        return account

    def _secret_of(self, session: Connection, number: int, scope: Scope) -> bytes | None:
        kept = self._private.keys_of(session, number)
        for account in tables.accounts_of(session, number):
            if account.scopes & scope == scope and account.address in kept:
                return self._private.key(session, account.address)
        return None

    async def keeps_key_of(self, number: int) -> bool:
        """Whether a key that administers the organisation is kept here."""
        return await self._read(self._secret_of, number, Scope.ADMIN) is not None

    async def _fill(self, account: Address) -> None:
        """See that an account has credits, where no period grants them. Raises `Unavailable`."""
        if self._purse is not None:
            try:
                await self._purse.fill(account)
            except LedgerError as error:
                raise errors.LedgerUnavailable(f"the ledger could not be asked: {error}") from error

    async def leave(self, number: int, actor: str) -> OrganisationPage:
        """Leave the alliance. Raises `KeyNotKept`, `RefusedByLedger`, `Unavailable`."""
        await self._contract.leave(await self.signer(number, Scope.ADMIN))
        return await self._done(number, "organisation", "left", actor, "")

    async def _done(self, number: int, subject: str, action: str, actor: str, detail: str) -> OrganisationPage:
        """The chain has done it: its line in the trail, and what it looks like now."""
        await self._write(lambda session: self._record(session, subject, action, actor, detail, number))
        await self.catch_up()
        return await self.organisation(number)

    async def add_account(self, number: int, scopes: Scope, label: str, actor: str) -> OrganisationPage:
        """A new account that acts for the organisation, its key kept here.

        Raises `KeyNotKept`, `InvalidLabel`, `RefusedByLedger`, `Unavailable`.
        """
        rules.parse_label(label)
        await self.signer(number, Scope.ADMIN)
        # One at a time: an account that was offered is offered again until the chain has it.
        async with self._adding:
            account, consent = await self.offer_account(number)
            return await self.add_consenting(number, account, scopes, label, consent, actor)

    async def offer_account(self, number: int) -> tuple[Address, bytes]:
        """An account whose key is kept here, and its consent to act for an organisation that has yet to add it.

        The same again while it is not added. Raises `UnknownOrganisation`, `Unavailable`.
        """
        page = await self.organisation(number)
        now = self._clock.now()

        def work(session: Connection) -> Account:
            added = {account.address for account in tables.accounts_of(session, number, past=True)}
            waiting = min(self._private.keys_of(session, number) - added, default=None)
            secret = None if waiting is None else self._private.key(session, waiting)
            if secret is not None:
                return Account(secret)
            made = Account(fresh := secrets.token_bytes(32))
            # stage: the key is kept before the chain knows the account; a crash leaves one to be offered again.
            self._private.insert_key(session, made.address, fresh, now, organisation=number)
            return made

        account = await self._write(work)
        return account.address, await self._contract.consent(page.organisation.identifier, account)

    async def consent_to_sign(self, number: int, account: bytes) -> Consent:
        """What an account whose key is elsewhere signs to act for an organisation. Raises `UnknownOrganisation`."""
        page = await self.organisation(number)
        return await self._contract.consent_to_sign(page.organisation.identifier, Address(account))

    async def add_consenting(  # noqa: PLR0917 - what is entered on the chain
        self, number: int, account: bytes, scopes: Scope, label: str, consent: bytes, actor: str
    ) -> OrganisationPage:
        """Let an account act for the organisation that has signed that it will, wherever its key is.

        Raises as `add_account`; what is no signature of the account is `RefusedByLedger`.
        """
        plain_label = rules.parse_label(label)
        signer = await self.signer(number, Scope.ADMIN)
        await self._contract.add_consenting(Address(account), scopes, plain_label, consent, signer)
        await self._fill(Address(account))
        return await self._done(number, "account", "added", actor, "0x" + account.hex())

    async def set_scopes(
        self, number: int, account: bytes, scopes: Scope, label: str, actor: str
    ) -> OrganisationPage:  # fmt: skip
        """Change what an account may do. Raises as `add_account`."""
        signer = await self.signer(number, Scope.ADMIN)
        await self._contract.set_scopes(Address(account), scopes, rules.parse_label(label), signer)
        return await self._done(number, "account", "changed", actor, "0x" + account.hex())

    async def remove_account(self, number: int, account: bytes, actor: str) -> OrganisationPage:
        """Let an account act no more, and destroy its key if it is kept here. Raises as `add_account`."""
        signer = await self.signer(number, Scope.ADMIN)
        await self._contract.remove_account(Address(account), signer)
        # clean: the chain has let it go; a crash before this leaves a key that opens nothing.
        await self._write(lambda session: self._private.delete_key(session, account))
        return await self._done(number, "account", "removed", actor, "0x" + account.hex())

    async def set_credit_account(self, number: int, account: bytes, actor: str) -> OrganisationPage:
        """Choose which of the organisation's accounts its credits are paid to. Raises as `add_account`."""
        await self._contract.set_credit_account(Address(account), await self.signer(number, Scope.ADMIN))
        return await self._done(number, "account", "credited", actor, "0x" + account.hex())

    async def set_did(self, number: int, did: str, actor: str) -> OrganisationPage:
        """Say which decentralised identifier is the organisation's. Raises as `add_account`."""
        text = rules.parse_did(did)
        await self._contract.set_did(text, await self.signer(number, Scope.ADMIN))
        return await self._done(number, "organisation", "did-changed", actor, text)

    async def prepare(self, number: int, act: AnyAct) -> tuple[Call[Any], dict[Language, str]]:
        """An act for whoever holds a key elsewhere, and what it means. Raises `UnknownOrganisation`, a `Refused`."""
        name = (await self.organisation(number)).organisation.legal_name
        call = encode(Members(await self._contract.members_address()), act)
        return call, {language: Words(language).signs(act, name) for language in LANGUAGES}

    @property
    def chain_id(self) -> int:
        """Of the network the register is on."""
        return self._contract.chain_id

    async def kept_accounts(self, number: int) -> set[bytes]:
        """The accounts whose keys this instance keeps."""
        return await self._read(self._private.keys_of, number)

    async def invite(self, number: int, form: Mapping[str, str], actor: str) -> str:
        """A signed invitation for an organisation to join. Raises a `Refused`, `KeyNotKept`."""
        identifier, name = rules.parse_invited(form)
        signer = await self.signer(number, Scope.ADMIN)
        asked = await self._invitation(identifier, name)
        voucher = Voucher.sign(identifier, name, asked.nonce, asked.expires, asked.digest, signer)
        return await self._signed(number, voucher, actor)

    async def _invitation(self, identifier: Identifier, name: str) -> Invitation:
        expires = int((self._clock.now() + rules.INVITATION_LIFE).timestamp())
        return await self._contract.invitation(identifier, name, secrets.randbits(128), expires)

    async def _signed(self, number: int, voucher: Voucher, actor: str) -> str:
        detail = str(voucher.identifier)
        await self._write(lambda session: self._record(session, "invitation", "signed", actor, detail, number))
        return voucher.text

    async def prepare_invitation(
        self, number: int, form: Mapping[str, str]
    ) -> tuple[Invitation, dict[Language, str]]:  # fmt: skip
        """An invitation for whoever holds a key, and what it means. Raises `UnknownOrganisation`, a `Refused`."""
        identifier, invited = rules.parse_invited(form)
        name = (await self.organisation(number)).organisation.legal_name
        said = {language: Words(language).invites(identifier, invited, name) for language in LANGUAGES}
        return await self._invitation(identifier, invited), said

    async def take_invitation(  # noqa: PLR0917 - what is signed
        self, number: int, form: Mapping[str, str], nonce: str, expires: str, signature: str, actor: str
    ) -> str:
        """An invitation that was signed elsewhere. Raises a `Refused`, `NotAdministrator` among them."""
        identifier, name = rules.parse_invited(form)
        voucher = signed_voucher(identifier, name, nonce, expires, signature)
        signer = signer_of(voucher, await self._digest_of(voucher))
        if await self._contract.acting(signer, Scope.ADMIN) != number:
            raise errors.NotAdministrator
        return await self._signed(number, voucher, actor)

    # What officers do.

    async def suspend(self, number: int, reason: str, actor: str) -> tuple[OrganisationPage, bytes]:
        """Ask for a suspension of seven days; it begins when an officer of another organisation asks the same.

        The reason stays here; the chain has its salted hash, the case. Raises `NoOffice`, `RefusedByLedger`.
        """
        text = rules.parse_reason(reason)
        if not await self._offices() & Scope.OFFICER:
            raise errors.NoOffice("0x" + self._office.address.hex())
        salt = secrets.token_bytes(32)
        case = hashlib.sha256(salt + text.encode()).digest()
        now = self._clock.now()
        # stage: a case whose reason nobody could show later would be worth nothing.
        kept = Case(case, number, now, salt, text, "")
        await self._write(lambda session: self._private.insert_case(session, kept))
        await self._contract.suspend(number, case, self._office)
        return await self._done(number, "organisation", "suspension-asked", actor, case.hex()), case

    async def second_suspension(self, number: int, case: bytes, actor: str) -> OrganisationPage:
        """Ask, as the second officer, what the first asked in a case.

        Where the first was the account of this instance too, the law takes it as asked again, and suspends nobody.
        Raises `NoOffice`, `SameMember`, `RefusedByLedger`.
        """
        if not await self._offices() & Scope.OFFICER:
            raise errors.NoOffice("0x" + self._office.address.hex())
        try:
            await self._contract.suspend(number, case, self._office)
        except errors.RefusedByLedger as refused:
            if refused.reason == rules.BOTH_OF_ONE_MEMBER:
                raise errors.SameMember from refused
            raise
        await self.catch_up()
        suspended = not (await self.organisation(number)).organisation.is_active(self._clock.now())
        return await self._done(
            number, "organisation", "suspended" if suspended else "suspension-asked", actor, case.hex()
        )

    async def is_asked_by_colleague(self, case: bytes) -> bool:
        """Whether another officer of the organisation this instance signs for asked in a case: it cannot join that."""
        officer = await self._contract.officer_of(case)
        if officer is None or officer == self._office.address:
            return False
        own = await self._contract.acting(self._office.address, Scope.OFFICER)
        return own is not None and own == await self._contract.acting(officer, Scope.OFFICER)

    async def cases(self, number: int) -> list[Case]:
        """The suspensions of an organisation asked for here, newest first, with their reasons."""
        return await self._read(self._private.cases, number)

    async def appeal_suspension(self, number: int, case: bytes, text: str, actor: str) -> None:
        """Answer a suspension in the name of one's organisation. Raises `UnknownCase`, `TextMissing`."""
        appeal = rules.parse_reason(text)

        def work(session: Connection) -> None:
            if not self._private.write_appeal(session, number, case, appeal):
                raise errors.UnknownCase
            self._record(session, "suspension", "appealed", actor, case.hex(), number)

        await self._write(work)

    async def rename(self, number: int, legal_name: str, actor: str) -> OrganisationPage:
        """Enter the new legal name of an organisation, as an admission officer. Raises `InvalidName`, `NoOffice`."""
        name = parse_name(legal_name)
        if not await self._offices() & Scope.ADMISSION_OFFICER:
            raise errors.NoOffice("0x" + self._office.address.hex())
        await self._contract.rename(number, name, self._office)
        return await self._done(number, "organisation", "renamed", actor, "")

    # Retention, export, erasure.

    async def keep_house(self) -> int:
        """Destroy what has no reason left to be kept, and end what was abandoned; how many applications it touched."""
        now = self._clock.now()

        def work(session: Connection) -> int:
            touched = 0
            for application in self._private.kept_since(session, now - rules.CONTACT_KEPT):
                if rules.is_expired(application, now):
                    self._private.forget(session, application.id)
                    self._record(session, "application", "forgotten", "system", application.id)
                    touched += 1
                elif rules.is_abandoned(application, now):
                    self._move(session, application, ApplicationState.WITHDRAWN, "system", "abandoned", "")
                    touched += 1
            return touched

        return await self._write(work)

    async def export(self, code: str) -> dict[str, Any]:
        """Everything kept about an application, as data, for whoever holds its code."""
        file = await self.follow(code)
        return export_document(file)

    async def erase(self, code: str) -> None:
        """Withdraw, if it is still open to its applicant, and destroy contact, message, notes and documents at once.

        What stays names a legal person only. Raises `WrongState` while the chain is being told.
        """

        def work(session: Connection) -> None:
            application = self._locked(session, self._of_code(session, code).id)
            if application.state in rules.BY_APPLICANT:
                self._move(session, application, ApplicationState.WITHDRAWN, "applicant", "withdrawn", "")
            elif application.state in (ApplicationState.ACCEPTED, ApplicationState.PRESENTED):
                # Whoever is being admitted must be reachable; after the decision they may be forgotten at once.
                raise errors.WrongState(application.state.value)
            self._private.forget(session, application.id)
            self._record(session, "application", "erased", "applicant", application.id)

        await self._write(work)

    async def encrypt_again(self) -> int:
        """Encrypt everything with the newest key; how many values."""
        return await self._write(self._private.encrypt_again)


def export_document(file: ApplicationFile) -> dict[str, Any]:
    """An application as data: all that is known of it, documents by name and digest."""
    one = file.application
    contact = one.contact
    return {
        "id": one.id,
        "state": one.state.value,
        "identifier": {"scheme": one.identifier.scheme, "value": one.identifier.value},
        "legal_person": str(legal_person(one.identifier)),
        "legal_name": one.legal_name,
        "kind": rules.word_of(one.kind),
        "country": one.country,
        "contact": None
        if contact is None
        else {"name": contact.name, "address": contact.address, "language": contact.language},
        "message": one.message,
        "evidence": rules.names_of(one.evidence, rules.EVIDENCE_NAMES),
        "invited_by": one.invited_by,
        "organisation": one.organisation,
        "submitted": one.submitted,
        "changed": one.changed,
        "steps": [
            {"time": step.time, "state": step.state.value, "actor": step.actor, "note": step.note}
            for step in file.steps
        ],
        "documents": [
            {
                "id": document.id,
                "name": document.name,
                "media_type": document.media_type,
                "size": document.size,
                "sha256": document.digest.hex(),
                "received": document.received,
            }
            for document in file.documents
        ],
    }


def words_of(text: str) -> tuple[str, ...]:
    """What is typed into the directory's search field, as it is compared."""
    return tuple(plain(text[:200]).split()[:8])
