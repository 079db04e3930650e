# SPDX-License-Identifier: Apache-2.0
"""The tables of members, and the few things done to them. Callers bring the transaction; nothing here commits.

Two kinds, which never mix. The read model (`members_organisation`, `_account`, `_history`, `_rule`, `_head`) says what
the chain says and is made anew by `reindex`. Private business (`members_application`, `_step`, `_document`, `_case`,
`_voucher`) and kept keys (`members_key`) exist here alone; what tells who somebody is stands encrypted, bound to its
row and column.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from maillon.kit.encryption import Encryption
from maillon.kit.idempotency import SealedAnswers
from maillon.kit.store import metadata
from maillon.services.members.errors import IdentifierTaken
from maillon.services.members.identifiers import legal_person, shown
from maillon.services.members.model import (
    AccountRecord,
    AdmissionRule,
    Application,
    ApplicationForm,
    ApplicationState,
    Case,
    Contact,
    DocumentRecord,
    Evidence,
    HistoryEntry,
    Identifier,
    Kind,
    Organisation,
    RollEntry,
    Scope,
    Status,
    Step,
)
from maillon.services.members.names import plain
from maillon.services.members.rules import OPEN

_AT_ONCE: Final = 500
"""Values of one statement."""
HEAD: Final = Table(
    "members_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("height", BigInteger, nullable=False),
)
ORGANISATION: Final = Table(
    "members_organisation",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("scheme", String(32), nullable=False),
    Column("identifier", String(64), nullable=False),
    Column("person", String(100), nullable=False, index=True),
    Column("legal_name", Text, nullable=False),
    Column("sort_name", Text, nullable=False, index=True),
    Column("kind", Integer, nullable=False),
    Column("country", String(2), nullable=False),
    Column("tier", Integer, nullable=False),
    Column("college", Integer, nullable=False),
    Column("status", Integer, nullable=False),
    Column("suspended_until", BigInteger, nullable=False),
    Column("did", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("credit_account", LargeBinary(20)),
    Column("applied", BigInteger, nullable=False),
    Column("joined", BigInteger),
    Column("search", Text, nullable=False),
)
ACCOUNT: Final = Table(
    "members_account",
    metadata,
    Column("address", LargeBinary(20), primary_key=True),
    Column("since_height", BigInteger, primary_key=True, autoincrement=False),
    Column("since_position", Integer, primary_key=True, autoincrement=False),
    Column("until_height", BigInteger),
    Column("organisation", Integer, nullable=False, index=True),
    Column("scopes", Integer, nullable=False),
    Column("label", String(66), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger),
)
HISTORY: Final = Table(
    "members_history",
    metadata,
    Column("height", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("organisation", Integer, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("event", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Column("transaction", LargeBinary(32), nullable=False),
    Index("ix_members_history_organisation_height", "organisation", "height"),
)
RULE: Final = Table(
    "members_rule",
    metadata,
    Column("kind", Integer, primary_key=True, autoincrement=False),
    Column("country", String(2), primary_key=True),
    Column("offices", Integer, nullable=False),
    Column("evidence", BigInteger, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("college", Integer, nullable=False),
)
APPLICATION: Final = Table(
    "members_application",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("code", LargeBinary(32), nullable=False, unique=True),
    Column("state", String(20), nullable=False, index=True),
    # The legal person while the application is open, else nothing: two applications for one cannot both be.
    Column("open_person", String(100), unique=True),
    Column("scheme", String(32), nullable=False),
    Column("identifier", String(64), nullable=False),
    Column("legal_name", Text, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("country", String(2), nullable=False),
    Column("private", LargeBinary),
    Column("evidence", Integer, nullable=False),
    Column("invited_by", Integer),
    Column("organisation", Integer, index=True),
    Column("submitted", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
)
STEP: Final = Table(
    "members_step",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "application",
        String(24),
        ForeignKey("members_application.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("time", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("actor", String(20), nullable=False),
    Column("note", LargeBinary),
)
DOCUMENT: Final = Table(
    "members_document",
    metadata,
    Column("id", String(24), primary_key=True),
    Column(
        "application",
        String(24),
        ForeignKey("members_application.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("name", LargeBinary, nullable=False),
    Column("media_type", String(60), nullable=False),
    Column("size", Integer, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("received", BigInteger, nullable=False),
)
VOUCHER: Final = Table(
    "members_voucher",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("used", BigInteger, nullable=False),
)
KEY: Final = Table(
    "members_key",
    metadata,
    Column("address", LargeBinary(20), primary_key=True),
    Column("application", String(24), index=True),
    Column("organisation", Integer, index=True),
    Column("secret", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
)
CASE: Final = Table(
    "members_case",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("organisation", Integer, nullable=False, index=True),
    Column("time", BigInteger, nullable=False),
    Column("reason", LargeBinary, nullable=False),
    Column("appeal", LargeBinary),
)
READ_MODEL: Final = (HEAD, ORGANISATION, ACCOUNT, HISTORY, RULE)
_EVERYWHERE = ""
"""The country of a rule for every country without its own."""


def new_id() -> str:
    """24 hexadecimal digits nobody guesses."""
    return secrets.token_hex(12)


def new_code() -> str:
    """What its holder shows to follow an application: 160 random bits, in groups people can copy."""
    digits = secrets.token_hex(20)
    return "-".join(digits[place : place + 8] for place in range(0, 40, 8))


def digest(code: str) -> bytes:
    """What is kept of a code."""
    return hashlib.sha256("".join(code.lower().split()).replace("-", "").encode()).digest()


def _seconds(moment: datetime.datetime) -> int:
    return int(moment.timestamp())


def _moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


# The read model.


def read_height(session: Connection) -> int:
    """The newest block the read model has seen; -1 before the first."""
    found = session.execute(select(HEAD.c.height)).scalar_one_or_none()
    return -1 if found is None else int(found)


def advance(session: Connection, height: int, until: int) -> bool:
    """Move the read model on, from -1 for the first time; False when another process was faster.

    First thing in its transaction: whoever moves the one row holds it until the end, on either database.
    """
    if height >= 0:
        return session.execute(update(HEAD).where(HEAD.c.height == height).values(height=until)).rowcount == 1
    try:
        with session.begin_nested():
            session.execute(insert(HEAD).values(id=1, height=until))
    except IntegrityError:
        return False
    return True


def clear_read_model(session: Connection) -> None:
    """Forget what `reindex` makes anew; private business stays."""
    for table in READ_MODEL:
        session.execute(delete(table))


def dump_read_model(session: Connection) -> Iterator[tuple[Any, ...]]:
    """Every row of what `reindex` makes anew, in order, for comparing."""
    for table in READ_MODEL:
        for row in session.execute(select(table).order_by(*table.primary_key.columns)):
            yield (table.name, *row)


def insert_organisation(
    session: Connection, organisation: Organisation, search: str, credit_account: bytes | None = None
) -> None:
    """A new organisation of the chain."""
    session.execute(
        insert(ORGANISATION).values(
            number=organisation.number,
            scheme=organisation.identifier.scheme,
            identifier=organisation.identifier.value,
            person=str(legal_person(organisation.identifier)),
            legal_name=organisation.legal_name,
            sort_name=plain(organisation.legal_name),
            kind=organisation.kind.value,
            country=organisation.country,
            tier=organisation.tier,
            college=organisation.college,
            status=organisation.status.value,
            suspended_until=0,
            did=organisation.did,
            roles=str(organisation.roles),
            credit_account=credit_account,
            applied=_seconds(organisation.applied),
            joined=None if organisation.joined is None else _seconds(organisation.joined),
            search=search,
        )
    )


def change_organisation(session: Connection, number: int, **values: Any) -> None:
    """Something about an organisation is different."""
    session.execute(update(ORGANISATION).where(ORGANISATION.c.number == number).values(values))


def search_text(session: Connection, number: int) -> str:
    """What an organisation is found by so far."""
    return str(session.execute(select(ORGANISATION.c.search).where(ORGANISATION.c.number == number)).scalar_one())


def insert_history(session: Connection, entry: HistoryEntry) -> None:
    """Something happened."""
    session.execute(
        insert(HISTORY).values(
            height=entry.height,
            position=entry.position,
            organisation=entry.organisation,
            time=_seconds(entry.time),
            event=entry.event,
            detail=orjson.dumps(dict(entry.detail), option=orjson.OPT_SORT_KEYS).decode(),
            transaction=entry.transaction,
        )
    )


def open_account(session: Connection, account: AccountRecord, height: int, position: int) -> None:
    """An account belongs to an organisation from here on."""
    session.execute(
        insert(ACCOUNT).values(
            address=account.address,
            since_height=height,
            since_position=position,
            organisation=account.organisation,
            scopes=account.scopes.value,
            label=account.label,
            since=_seconds(account.since),
        )
    )


def change_account(session: Connection, address: bytes, scopes: Scope, label: str) -> None:
    """An account may do something else."""
    session.execute(
        update(ACCOUNT)
        .where(ACCOUNT.c.address == address, ACCOUNT.c.until_height.is_(None))
        .values(scopes=scopes.value, label=label)
    )


def close_account(session: Connection, address: bytes, height: int, time: datetime.datetime) -> None:
    """An account belongs to nobody any more."""
    session.execute(
        update(ACCOUNT)
        .where(ACCOUNT.c.address == address, ACCOUNT.c.until_height.is_(None))
        .values(until_height=height, until=_seconds(time))
    )


def member_of(session: Connection, address: bytes, height: int) -> int | None:
    """For whom an account was acting at the end of a block: the answer of the contract's `member_of`."""
    statement = (
        select(ACCOUNT.c.organisation)
        .where(
            ACCOUNT.c.address == address,
            ACCOUNT.c.since_height <= height,
            or_(ACCOUNT.c.until_height.is_(None), ACCOUNT.c.until_height > height),
        )
        .order_by(ACCOUNT.c.since_height.desc(), ACCOUNT.c.since_position.desc())
        .limit(1)
    )
    found = session.execute(statement).scalar_one_or_none()
    return None if found is None else int(found)


def replace_rule(session: Connection, rule: AdmissionRule | None, kind: Kind, country: str | None) -> None:
    """Another rule for a kind and a country; None for none any more."""
    place = country or _EVERYWHERE
    session.execute(delete(RULE).where(RULE.c.kind == kind.value, RULE.c.country == place))
    if rule is not None:
        session.execute(
            insert(RULE).values(
                kind=kind.value,
                country=place,
                offices=rule.offices.value,
                evidence=rule.evidence.value,
                tier=rule.tier,
                college=rule.college,
            )
        )


def rules_in_force(session: Connection) -> list[AdmissionRule]:
    """Every rule of the chain."""
    return [
        AdmissionRule(
            Kind(row.kind), row.country or None, Scope(row.offices), Evidence(row.evidence), row.tier, row.college
        )
        for row in session.execute(select(RULE).order_by(RULE.c.kind, RULE.c.country))
    ]


def _organisation(row: Any) -> Organisation:
    return Organisation(
        number=row.number,
        identifier=Identifier(row.scheme, row.identifier),
        legal_name=row.legal_name,
        kind=Kind(row.kind),
        country=row.country,
        tier=row.tier,
        college=row.college,
        status=Status(row.status),
        suspended_until=_moment(row.suspended_until) if row.suspended_until else None,
        did=row.did,
        roles=int(row.roles),
        applied=_moment(row.applied),
        joined=None if row.joined is None else _moment(row.joined),
    )


def organisation_of(session: Connection, number: int) -> Organisation | None:
    """An organisation by its number."""
    row = session.execute(select(ORGANISATION).where(ORGANISATION.c.number == number)).one_or_none()
    return None if row is None else _organisation(row)


def organisations_of(session: Connection, numbers: Sequence[int]) -> list[Organisation]:
    """Organisations by number; unknown ones are left out."""
    found = []
    for at in range(0, len(numbers), _AT_ONCE):
        query = select(ORGANISATION).where(ORGANISATION.c.number.in_(numbers[at : at + _AT_ONCE]))
        found += [_organisation(row) for row in session.execute(query)]
    return found


def organisations_of_person(session: Connection, identifier: Identifier) -> list[Organisation]:
    """Every organisation of the chain that is this legal person."""
    statement = select(ORGANISATION).where(ORGANISATION.c.person == str(legal_person(identifier)))
    return [_organisation(row) for row in session.execute(statement.order_by(ORGANISATION.c.number))]


@dataclass(frozen=True, slots=True)
class Filter:
    """What a reader of the directory asked for; empty sets ask for nothing."""

    words: tuple[str, ...] = ()
    kinds: frozenset[Kind] = frozenset()
    countries: frozenset[str] = frozenset()
    statuses: frozenset[Status] = frozenset()


def _conditions(wanted: Filter, now: datetime.datetime, *, without: str = "") -> list[Any]:
    columns = ORGANISATION.c
    conditions: list[Any] = [columns.search.contains(word, autoescape=True) for word in wanted.words]
    if wanted.kinds and without != "kind":
        conditions.append(columns.kind.in_([kind.value for kind in wanted.kinds]))
    if wanted.countries and without != "country":
        conditions.append(columns.country.in_(sorted(wanted.countries)))
    if wanted.statuses and without != "status":
        briefly = and_(columns.status == Status.ACTIVE.value, columns.suspended_until > _seconds(now))
        chosen: list[Any] = [
            columns.status.in_([s.value for s in wanted.statuses if s is not Status.ACTIVE]),
        ]
        if Status.ACTIVE in wanted.statuses:
            chosen.append(and_(columns.status == Status.ACTIVE.value, columns.suspended_until <= _seconds(now)))
        if Status.SUSPENDED in wanted.statuses:
            chosen.append(briefly)
        conditions.append(or_(*chosen))
    return conditions


def directory(
    session: Connection, wanted: Filter, now: datetime.datetime, limit: int, after: tuple[str, int] | None = None
) -> list[Organisation]:
    """Organisations by name, from after one on: a page of the directory."""
    columns = ORGANISATION.c
    statement = select(ORGANISATION).where(*_conditions(wanted, now))
    if after is not None:
        name, number = after
        statement = statement.where(
            or_(columns.sort_name > name, and_(columns.sort_name == name, columns.number > number))
        )
    statement = statement.order_by(columns.sort_name, columns.number).limit(limit)
    return [_organisation(row) for row in session.execute(statement)]


def cursor_of(session: Connection, number: int) -> tuple[str, int] | None:
    """The place of an organisation in the directory's order."""
    name = session.execute(select(ORGANISATION.c.sort_name).where(ORGANISATION.c.number == number)).scalar_one_or_none()
    return None if name is None else (str(name), number)


def count_organisations(session: Connection, wanted: Filter, now: datetime.datetime) -> int:
    """How many organisations a filter shows."""
    statement = select(func.count()).select_from(ORGANISATION).where(*_conditions(wanted, now))
    return int(session.execute(statement).scalar_one())


def facets(session: Connection, wanted: Filter, now: datetime.datetime) -> dict[str, dict[Any, int]]:
    """How many organisations each choice of a filter would show, the other filters kept; and `total`."""
    columns = ORGANISATION.c
    found: dict[str, dict[Any, int]] = {}
    for name, column in (("kind", columns.kind), ("country", columns.country)):
        statement = select(column, func.count()).where(*_conditions(wanted, now, without=name)).group_by(column)
        found[name] = {key: int(count) for key, count in session.execute(statement)}
    suspended = columns.suspended_until > _seconds(now)
    statuses: dict[Any, int] = {}
    statement = (
        select(columns.status, suspended, func.count())
        .where(*_conditions(wanted, now, without="status"))
        .group_by(columns.status, suspended)
    )
    for status, briefly, count in session.execute(statement):
        key = Status.SUSPENDED.value if status == Status.ACTIVE.value and briefly else status
        statuses[key] = statuses.get(key, 0) + int(count)
    found["status"] = statuses
    found["total"] = {"total": count_organisations(session, wanted, now)}
    return found


def legal_names(session: Connection, numbers: Collection[int] | None = None) -> list[tuple[int, str]]:
    """Number and name of organisations: of those asked for, or of every one, for comparing."""
    statement = select(ORGANISATION.c.number, ORGANISATION.c.legal_name).order_by(ORGANISATION.c.number)
    if numbers is not None:
        # A number the column cannot hold is nobody's, and no error of the database.
        statement = statement.where(ORGANISATION.c.number.in_([one for one in numbers if 0 < one < 2**31]))
    return [(int(number), str(name)) for number, name in session.execute(statement)]


def roll(session: Connection, after: int, limit: int) -> list[RollEntry]:
    """Every organisation whose status is active, by number, after one: the answer of the contract's `roll`."""
    columns = ORGANISATION.c
    first = select(ACCOUNT.c.address).where(ACCOUNT.c.organisation == columns.number, ACCOUNT.c.until_height.is_(None))
    first = first.order_by(ACCOUNT.c.since_height, ACCOUNT.c.since_position).limit(1)
    statement = select(
        columns.number,
        columns.legal_name,
        columns.tier,
        columns.credit_account,
        columns.suspended_until,
        first.correlate(ORGANISATION).scalar_subquery().label("first_account"),
    ).where(columns.status == Status.ACTIVE.value, columns.number > after)
    return [
        RollEntry(
            row.number,
            row.legal_name,
            row.tier,
            None if row.credit_account is None else bytes(row.credit_account),
            None if row.first_account is None else bytes(row.first_account),
            row.suspended_until,
        )
        for row in session.execute(statement.order_by(columns.number).limit(limit))
    ]


def accounts_of(session: Connection, organisation: int, *, past: bool = False) -> list[AccountRecord]:
    """The accounts of an organisation, oldest first; with `past`, those that stopped too."""
    statement = select(ACCOUNT).where(ACCOUNT.c.organisation == organisation)
    if not past:
        statement = statement.where(ACCOUNT.c.until_height.is_(None))
    rows = session.execute(statement.order_by(ACCOUNT.c.since_height, ACCOUNT.c.since_position))
    return [
        AccountRecord(
            bytes(row.address),
            row.organisation,
            Scope(row.scopes),
            row.label,
            _moment(row.since),
            None if row.until is None else _moment(row.until),
        )
        for row in rows
    ]


def _history(row: Any) -> HistoryEntry:
    return HistoryEntry(
        row.organisation,
        row.height,
        row.position,
        _moment(row.time),
        row.event,
        orjson.loads(row.detail),
        bytes(row.transaction),
    )


def history_of(
    session: Connection, organisation: int | None, limit: int, events: Sequence[str] = ()
) -> list[HistoryEntry]:
    """What happened to an organisation, or to all, newest first."""
    statement = select(HISTORY).order_by(HISTORY.c.height.desc(), HISTORY.c.position.desc()).limit(limit)
    if organisation is not None:
        statement = statement.where(HISTORY.c.organisation == organisation)
    if events:
        statement = statement.where(HISTORY.c.event.in_(events))
    return [_history(row) for row in session.execute(statement)]


# Private business.


class PrivateStore:
    """Applications, documents and kept keys, encrypted on their way in."""

    def __init__(self, encryption: Encryption) -> None:
        self._encryption = encryption
        self.answers = SealedAnswers(encryption)
        """Of who asked before: they may say who applies, and the code that is said once."""

    def _seal(self, text: str, context: str) -> bytes:
        return self._encryption.encrypt(text.encode(), context)

    def _open(self, sealed: Any, context: str) -> str:
        return self._encryption.decrypt(bytes(sealed), context).decode()

    def insert_application(  # noqa: PLR0917 - the columns
        self,
        session: Connection,
        form: ApplicationForm,
        code: str,
        evidence: Evidence,
        invited_by: int | None,
        now: datetime.datetime,
    ) -> str:
        """A new application; its id. Raises `IdentifierTaken` when one is open for the legal person."""
        identifier, person = new_id(), str(legal_person(form.identifier))
        private = {
            "name": form.contact.name,
            "address": form.contact.address,
            "language": form.contact.language,
            "message": form.message,
        }
        taken = select(APPLICATION.c.id).where(APPLICATION.c.open_person == person)
        if session.execute(taken).first() is not None:
            raise IdentifierTaken(shown(form.identifier))
        try:
            with session.begin_nested():
                session.execute(
                    insert(APPLICATION).values(
                        id=identifier,
                        code=digest(code),
                        state=ApplicationState.SUBMITTED.value,
                        open_person=person,
                        scheme=form.identifier.scheme,
                        identifier=form.identifier.value,
                        legal_name=form.legal_name,
                        kind=form.kind.value,
                        country=form.country,
                        private=self._seal(orjson.dumps(private).decode(), f"members_application.private:{identifier}"),
                        evidence=evidence.value,
                        invited_by=invited_by,
                        submitted=_seconds(now),
                        changed=_seconds(now),
                    )
                )
        except IntegrityError:
            # Between our look and our write another process took the same one.
            raise IdentifierTaken(shown(form.identifier)) from None
        return identifier

    def _application(self, row: Any) -> Application:
        contact, message = None, ""
        if row.private is not None:
            private = orjson.loads(self._open(row.private, f"members_application.private:{row.id}"))
            contact = Contact(private["name"], private["address"], private["language"])
            message = private["message"]
        return Application(
            id=row.id,
            state=ApplicationState(row.state),
            identifier=Identifier(row.scheme, row.identifier),
            legal_name=row.legal_name,
            kind=Kind(row.kind),
            country=row.country,
            contact=contact,
            message=message,
            evidence=Evidence(row.evidence),
            invited_by=row.invited_by,
            organisation=row.organisation,
            submitted=_moment(row.submitted),
            changed=_moment(row.changed),
        )

    def application(self, session: Connection, identifier: str, *, lock: bool = False) -> Application | None:
        """An application by its id; locked, nobody else changes it until the transaction ends."""
        statement = select(APPLICATION).where(APPLICATION.c.id == identifier)
        row = session.execute(statement.with_for_update() if lock else statement).one_or_none()
        return None if row is None else self._application(row)

    def application_of_code(self, session: Connection, code: str) -> Application | None:
        """An application by the code its applicant holds."""
        row = session.execute(select(APPLICATION).where(APPLICATION.c.code == digest(code))).one_or_none()
        return None if row is None else self._application(row)

    def applications(
        self,
        session: Connection,
        states: Sequence[ApplicationState],
        limit: int,
        after: tuple[int, str] | None = None,
    ) -> list[Application]:
        """Applications in these states, oldest first, from after one on."""
        columns = APPLICATION.c
        statement = select(APPLICATION).where(columns.state.in_([state.value for state in states]))
        if after is not None:
            submitted, identifier = after
            statement = statement.where(
                or_(columns.submitted > submitted, and_(columns.submitted == submitted, columns.id > identifier))
            )
        rows = session.execute(statement.order_by(columns.submitted, columns.id).limit(limit))
        return [self._application(row) for row in rows]

    def move(
        self,
        session: Connection,
        application: Application,
        state: ApplicationState,
        now: datetime.datetime,
        **values: Any,
    ) -> None:
        """Another state, once its edge was checked. An appeal raises `IdentifierTaken` when another one is open."""
        person = str(legal_person(application.identifier)) if state in OPEN else None
        statement = update(APPLICATION).where(APPLICATION.c.id == application.id)
        try:
            with session.begin_nested():
                session.execute(
                    statement.values(state=state.value, changed=_seconds(now), open_person=person, **values)
                )
        except IntegrityError:
            raise IdentifierTaken(shown(application.identifier)) from None

    def change_evidence(self, session: Connection, identifier: str, evidence: Evidence) -> None:
        """What the office has seen by now."""
        session.execute(update(APPLICATION).where(APPLICATION.c.id == identifier).values(evidence=evidence.value))

    def insert_step(  # noqa: PLR0917 - the columns
        self,
        session: Connection,
        application: str,
        state: ApplicationState,
        actor: str,
        note: str,
        now: datetime.datetime,
    ) -> None:
        """Something happened to an application."""
        sealed = self._seal(note, f"members_step.note:{application}") if note else None
        session.execute(
            insert(STEP).values(
                application=application, time=_seconds(now), state=state.value, actor=actor, note=sealed
            )
        )

    def steps(self, session: Connection, application: str) -> list[Step]:
        """What happened to an application, oldest first."""
        rows = session.execute(select(STEP).where(STEP.c.application == application).order_by(STEP.c.id))
        return [
            Step(
                _moment(row.time),
                ApplicationState(row.state),
                row.actor,
                "" if row.note is None else self._open(row.note, f"members_step.note:{application}"),
            )
            for row in rows
        ]

    def insert_document(  # noqa: PLR0917 - the columns
        self, session: Connection, application: str, name: str, media_type: str, content: bytes, now: datetime.datetime
    ) -> DocumentRecord:
        """Keep a document that was checked."""
        identifier = new_id()
        record = DocumentRecord(
            identifier, application, name, media_type, len(content), hashlib.sha256(content).digest(), now
        )
        session.execute(
            insert(DOCUMENT).values(
                id=identifier,
                application=application,
                name=self._seal(name, f"members_document.name:{identifier}"),
                media_type=media_type,
                size=len(content),
                digest=record.digest,
                content=self._encryption.encrypt(content, f"members_document.content:{identifier}"),
                received=_seconds(now),
            )
        )
        return record

    def documents(self, session: Connection, application: str) -> list[DocumentRecord]:
        """The documents of an application, oldest first."""
        columns = [column for column in DOCUMENT.c if column.name != "content"]
        statement = select(*columns).where(DOCUMENT.c.application == application)
        return [
            DocumentRecord(
                row.id,
                row.application,
                self._open(row.name, f"members_document.name:{row.id}"),
                row.media_type,
                row.size,
                bytes(row.digest),
                _moment(row.received),
            )
            for row in session.execute(statement.order_by(DOCUMENT.c.received, DOCUMENT.c.id))
        ]

    def document(self, session: Connection, application: str, identifier: str) -> tuple[str, bytes] | None:
        """A document's name and content."""
        statement = select(DOCUMENT).where(DOCUMENT.c.id == identifier, DOCUMENT.c.application == application)
        row = session.execute(statement).one_or_none()
        if row is None:
            return None
        content = self._encryption.decrypt(bytes(row.content), f"members_document.content:{identifier}")
        return self._open(row.name, f"members_document.name:{identifier}"), content

    def forget(self, session: Connection, application: str) -> int:
        """Destroy contact, message, notes and documents; how many documents. What stays names a legal person only."""
        session.execute(update(APPLICATION).where(APPLICATION.c.id == application).values(private=None))
        session.execute(update(STEP).where(STEP.c.application == application).values(note=None))
        self.answers.forget_of(session, application)
        return session.execute(delete(DOCUMENT).where(DOCUMENT.c.application == application)).rowcount

    def kept_since(self, session: Connection, before: datetime.datetime) -> list[Application]:
        """Applications that still hold something private and have not changed since a time."""
        statement = select(APPLICATION).where(
            APPLICATION.c.private.is_not(None), APPLICATION.c.changed <= _seconds(before)
        )
        return [self._application(row) for row in session.execute(statement.order_by(APPLICATION.c.changed))]

    def use_voucher(self, session: Connection, voucher: bytes, now: datetime.datetime) -> bool:
        """Use a signed invitation up; False when it was used before."""
        try:
            with session.begin_nested():
                session.execute(insert(VOUCHER).values(digest=voucher, used=_seconds(now)))
        except IntegrityError:
            return False
        return True

    # Suspensions.

    def insert_case(self, session: Connection, case: Case) -> None:
        """Keep the reason of a suspension, with the salt that makes its digest."""
        session.execute(
            insert(CASE).values(
                digest=case.digest,
                organisation=case.organisation,
                time=_seconds(case.time),
                reason=self._seal(case.salt.hex() + case.reason, f"members_case.reason:{case.digest.hex()}"),
            )
        )

    def cases(self, session: Connection, organisation: int) -> list[Case]:
        """The suspensions of an organisation that were asked for here, newest first."""
        rows = session.execute(select(CASE).where(CASE.c.organisation == organisation).order_by(CASE.c.time.desc()))
        found = []
        for row in rows:
            digits = bytes(row.digest).hex()
            opened = self._open(row.reason, f"members_case.reason:{digits}")
            appeal = "" if row.appeal is None else self._open(row.appeal, f"members_case.appeal:{digits}")
            found.append(
                Case(
                    bytes(row.digest),
                    organisation,
                    _moment(row.time),
                    bytes.fromhex(opened[:64]),
                    opened[64:],
                    appeal,
                )
            )
        return found

    def write_appeal(self, session: Connection, organisation: int, case: bytes, appeal: str) -> bool:
        """Keep what a suspended organisation says; False when there is no such case of its."""
        sealed = self._seal(appeal, f"members_case.appeal:{case.hex()}")
        statement = update(CASE).where(CASE.c.digest == case, CASE.c.organisation == organisation)
        return session.execute(statement.values(appeal=sealed)).rowcount == 1

    # Kept keys.

    def insert_key(
        self,
        session: Connection,
        address: bytes,
        secret: bytes,
        now: datetime.datetime,
        *,
        application: str | None = None,
        organisation: int | None = None,
    ) -> None:
        """Keep an account's secret for its organisation."""
        session.execute(
            insert(KEY).values(
                address=address,
                application=application,
                organisation=organisation,
                secret=self._encryption.encrypt(secret, f"members_key.secret:{address.hex()}"),
                created=_seconds(now),
            )
        )

    def key(self, session: Connection, address: bytes) -> bytes | None:
        """The secret of an account that is kept here."""
        row = session.execute(select(KEY.c.secret).where(KEY.c.address == address)).one_or_none()
        if row is None:
            return None
        return self._encryption.decrypt(bytes(row.secret), f"members_key.secret:{address.hex()}")

    def key_of_application(self, session: Connection, application: str) -> tuple[bytes, bytes] | None:
        """The account made for an applicant and its secret."""
        row = session.execute(select(KEY.c.address).where(KEY.c.application == application)).first()
        if row is None:
            return None
        address = bytes(row.address)
        secret = self.key(session, address)
        assert secret is not None
        return address, secret

    def keys_of(self, session: Connection, organisation: int) -> set[bytes]:
        """The accounts of an organisation whose secrets are kept here."""
        statement = select(KEY.c.address).where(KEY.c.organisation == organisation)
        return {bytes(address) for (address,) in session.execute(statement)}

    def assign_key(self, session: Connection, application: str, organisation: int) -> None:
        """The applicant stands on the chain: its key is its organisation's."""
        session.execute(update(KEY).where(KEY.c.application == application).values(organisation=organisation))

    def delete_key(self, session: Connection, address: bytes) -> None:
        """Destroy a secret that acts for nobody any more."""
        session.execute(delete(KEY).where(KEY.c.address == address))

    def encrypt_again(self, session: Connection) -> int:
        """Encrypt with the newest key whatever an older one encrypted; how many values."""
        changed = self.answers.encrypt_again(session)
        for table, columns in (
            (APPLICATION, ("private",)),
            (DOCUMENT, ("name", "content")),
            (KEY, ("secret",)),
            (STEP, ("note",)),
            (CASE, ("reason", "appeal")),
        ):
            place = table.c.application if table is STEP else next(iter(table.primary_key.columns))
            key = next(iter(table.primary_key.columns))
            for name, where in session.execute(select(key, place)).all():
                row = session.execute(select(*(table.c[column] for column in columns)).where(key == name)).one()
                label = bytes(where).hex() if isinstance(where, bytes | memoryview) else str(where)
                values = {}
                for column in columns:
                    sealed = getattr(row, column)
                    if sealed is not None and not self._encryption.is_current(bytes(sealed)):
                        context = f"{table.name}.{column}:{label}"
                        values[column] = self._encryption.encrypt(
                            self._encryption.decrypt(bytes(sealed), context), context
                        )
                if values:
                    session.execute(update(table).where(key == name).values(values))
                    changed += len(values)
        return changed
