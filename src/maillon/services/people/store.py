# SPDX-License-Identifier: Apache-2.0
"""The tables of people, and the few things done to them. Callers bring the transaction; nothing here commits.

What tells who somebody is stands encrypted, bound to its row and column. Addresses and provider subjects are found by a
keyed digest. Of every token, code and ticket only the SHA-256 is kept: each holds 112 random bits or more.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import secrets
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from maillon.kit.encryption import Encryption
from maillon.kit.errors import CiphertextUnreadable
from maillon.kit.store import metadata
from maillon.services.people.errors import StaleList
from maillon.services.people.model import (
    OFFICE,
    Grant,
    Invitation,
    PasskeyRecord,
    PeoplePage,
    Person,
    Profile,
    Role,
    SessionKind,
    SessionRecord,
)

_KEPT_IN_ORDER: Final = 20_000
"""People of all lists that are kept in order; a few megabytes."""


def _person(*, nullable: bool = False) -> Column[str]:
    owner = ForeignKey("people_person.id", ondelete="CASCADE")
    return Column("person", String(24), owner, nullable=nullable, index=True)


PERSON: Final = Table(
    "people_person",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("address", LargeBinary(32), nullable=False, unique=True),
    Column("profile", LargeBinary, nullable=False),
    Column("password", LargeBinary),
    Column("otp", LargeBinary),
    Column("otp_step", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)
RECOVERY: Final = Table(
    "people_recovery_code", metadata, Column("digest", LargeBinary(32), primary_key=True), _person()
)
PASSKEY: Final = Table(
    "people_passkey",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    _person(),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("label", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("used", BigInteger),
)
IDENTITY: Final = Table(
    "people_identity",
    metadata,
    Column("subject", LargeBinary(32), primary_key=True),
    _person(),
    Column("provider", String(40), nullable=False),
    Column("created", BigInteger, nullable=False),
)
SESSION: Final = Table(
    "people_session",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    _person(),
    Column("kind", String(10), nullable=False),
    Column("label", LargeBinary, nullable=False),
    Column("methods", String(80), nullable=False),
    Column("authenticated", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)
ROLE: Final = Table(
    "people_role",
    metadata,
    Column("person", String(24), ForeignKey("people_person.id", ondelete="CASCADE"), primary_key=True),
    Column("organisation", String(80), primary_key=True, index=True),
    Column("role", String(20), primary_key=True),
    Column("granted", BigInteger, nullable=False),
    Column("granted_by", String(200), nullable=False),
)
INVITATION: Final = Table(
    "people_invitation",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("organisation", String(80), nullable=False, index=True),
    Column("roles", String(200), nullable=False),
    Column("address", LargeBinary),
    Column("invited_by", String(200), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", BigInteger),
    Column("revoked", BigInteger),
)
TICKET: Final = Table(
    "people_ticket",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("purpose", String(20), nullable=False),
    _person(nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("expires", BigInteger, nullable=False),
)
CHANGE: Final = Table(
    "people_change",
    metadata,
    Column("organisation", String(80), primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""How often who belongs to an organisation, or what one of them is called, has changed; no row for never."""
ATTEMPT: Final = Table(
    "people_attempt",
    metadata,
    Column("subject", LargeBinary(32), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last", BigInteger, nullable=False),
)


def new_id() -> str:
    """A name nobody can guess the next of."""
    return secrets.token_hex(10)


def new_code() -> str:
    """192 random bits, as text that survives a letter."""
    return secrets.token_urlsafe(24)


def digest(secret: str) -> bytes:
    """What is kept of a secret of enough random bits."""
    return hashlib.sha256(secret.encode()).digest()


def passkey_name(credential: bytes) -> str:
    """The short name of a passkey."""
    return hashlib.sha256(credential).hexdigest()[:16]


def _moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _moment_or_none(seconds: int | None) -> datetime.datetime | None:
    return None if seconds is None else _moment(seconds)


def _seconds(moment: datetime.datetime) -> int:
    return int(moment.timestamp())


@dataclass(frozen=True, slots=True)
class _Named:
    """Somebody as a list is ordered and searched by."""

    name: str
    """Casefolded."""
    person: str
    address: str
    sealed: bytes
    """The encrypted profile both were read from."""


class PeopleStore:
    """Rows into nouns and back, through the encryption.

    Names are encrypted and no index orders them. The people of an organisation are therefore decrypted once, kept in
    order with the version of `CHANGE` they were read at, and read again when it is another: whatever changes roles or
    profiles moves it in the same transaction, so that a list that is kept is the one that stands in the database.
    """

    def __init__(self, encryption: Encryption) -> None:
        self._encryption = encryption
        self._ordered: OrderedDict[str, tuple[int, Sequence[_Named]]] = OrderedDict()
        self._ordering = threading.Lock()

    # Persons.

    def address_key(self, address: str) -> bytes:
        """By which a person is found."""
        return self._encryption.lookup(address, "people_person.address")

    def insert_person(self, session: Connection, identifier: str, profile: Profile, now: datetime.datetime) -> None:
        """Keep a new person."""
        session.execute(
            insert(PERSON).values(
                id=identifier,
                address=self.address_key(profile.address),
                profile=self._seal_profile(identifier, profile),
                created=_seconds(now),
                seen=_seconds(now),
            )
        )

    def _seal_profile(self, identifier: str, profile: Profile) -> bytes:
        document = {"address": profile.address, "name": profile.name, "language": profile.language}
        return self._encryption.encrypt(orjson.dumps(document), f"people_person.profile:{identifier}")

    def replace_profile(self, session: Connection, identifier: str, profile: Profile) -> None:
        """Write a profile anew, and how its owner is found."""
        session.execute(
            update(PERSON)
            .where(PERSON.c.id == identifier)
            .values(address=self.address_key(profile.address), profile=self._seal_profile(identifier, profile))
        )
        self._change(session, self._organisations_of(session, identifier))

    def person(self, session: Connection, identifier: str) -> Person | None:
        """A person by id."""
        row = session.execute(select(PERSON).where(PERSON.c.id == identifier)).one_or_none()
        return None if row is None else self._to_person(row)

    def person_of_address(self, session: Connection, address: str) -> Person | None:
        """A person by address."""
        query = select(PERSON).where(PERSON.c.address == self.address_key(address))
        row = session.execute(query).one_or_none()
        return None if row is None else self._to_person(row)

    def people_of(
        self, session: Connection, organisation: str, words: tuple[str, ...], after: str | None, limit: int
    ) -> PeoplePage:
        """People with a role in an organisation whose name or address has every word (casefolded), by name.

        `after` is the `next` of another page, whoever has come or gone since. Raises `StaleList` for any other text.
        """
        place = None if after is None else self._place(organisation, after)
        found = self._by_name(session, organisation)
        if words:
            found = [one for one in found if all(word in one.name or word in one.address for word in words)]
        start = 0 if place is None else bisect_right(found, place, key=lambda one: (one.name, one.person))
        shown = found[start : start + limit]
        wanted = [one.person for one in shown]
        grants: dict[str, list[Grant]] = {person: [] for person in wanted}
        query = select(ROLE).where(ROLE.c.organisation == organisation, ROLE.c.person.in_(wanted)).order_by(ROLE.c.role)
        for row in session.execute(query):
            grants[row.person].append(_to_grant(row))
        people = {
            row.id: self._to_person(row) for row in session.execute(select(PERSON).where(PERSON.c.id.in_(wanted)))
        }
        more = start + limit < len(found)
        return PeoplePage(
            tuple((people[one], tuple(grants[one])) for one in wanted),
            len(found),
            self._cursor(organisation, shown[-1]) if more else None,
        )

    def _by_name(self, session: Connection, organisation: str) -> Sequence[_Named]:
        """Everybody with a role in an organisation, by name."""
        # Before the rows: whatever changes behind this question is of a newer version, and is read then.
        version = session.scalar(select(CHANGE.c.version).where(CHANGE.c.organisation == organisation)) or 0
        with self._ordering:
            kept = self._ordered.get(organisation)
            if kept is not None:
                self._ordered.move_to_end(organisation)
        if kept is not None and kept[0] == version:
            return kept[1]
        known = {} if kept is None else {one.person: one for one in kept[1]}
        members = select(ROLE.c.person).where(ROLE.c.organisation == organisation)
        found = []
        for person, profile in session.execute(select(PERSON.c.id, PERSON.c.profile).where(PERSON.c.id.in_(members))):
            sealed, same = bytes(profile), known.get(person)
            if same is None or same.sealed != sealed:
                document = orjson.loads(self._encryption.decrypt(sealed, f"people_person.profile:{person}"))
                same = _Named(document["name"].casefold(), person, document["address"], sealed)
            found.append(same)
        found.sort(key=lambda one: (one.name, one.person))
        with self._ordering:
            self._ordered[organisation] = (version, found)
            while len(self._ordered) > 1 and sum(len(each[1]) for each in self._ordered.values()) > _KEPT_IN_ORDER:
                self._ordered.popitem(last=False)
        return found

    def _change(self, session: Connection, organisations: Iterable[str]) -> None:
        """The people of these are others, or called otherwise. In one order, so that no two wait for each other."""
        for organisation in sorted(set(organisations)):
            moved = update(CHANGE).where(CHANGE.c.organisation == organisation).values(version=CHANGE.c.version + 1)
            if session.execute(moved).rowcount == 0:
                try:
                    with session.begin_nested():
                        session.execute(insert(CHANGE).values(organisation=organisation, version=1))
                except IntegrityError:  # somebody else's first change came at the same time
                    session.execute(moved)
            # Who is erased shall not wait in memory for the next reader.
            with self._ordering:
                self._ordered.pop(organisation, None)

    def _organisations_of(self, session: Connection, person: str) -> list[str]:
        return list(session.scalars(select(ROLE.c.organisation).where(ROLE.c.person == person).distinct()))

    def _cursor(self, organisation: str, last: _Named) -> str:
        """Where a page ended. Encrypted, because it holds a name and stands in an address."""
        sealed = self._encryption.encrypt(orjson.dumps([last.name, last.person]), _cursor_context(organisation))
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def _place(self, organisation: str, cursor: str) -> tuple[str, str]:
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            name, person = orjson.loads(self._encryption.decrypt(sealed, _cursor_context(organisation)))
        except (ValueError, CiphertextUnreadable):
            raise StaleList("it is none of this list, or the keys of the instance were renewed since") from None
        return name, person

    def names_of(self, session: Connection, organisation: str, persons: Collection[str]) -> dict[str, str]:
        """What those of these persons are called who have a role in an organisation."""
        members = select(ROLE.c.person).where(ROLE.c.organisation == organisation, ROLE.c.person.in_(persons))
        rows = session.execute(select(PERSON).where(PERSON.c.id.in_(members)))
        return {row.id: self._to_person(row).profile.name for row in rows}

    def everybody(self, session: Connection) -> list[tuple[Person, list[Grant]]]:
        """Every person with their roles, by name."""
        grants: dict[str, list[Grant]] = {}
        for row in session.execute(select(ROLE).order_by(ROLE.c.organisation, ROLE.c.role)):
            grants.setdefault(row.person, []).append(_to_grant(row))
        people = sorted(
            (self._to_person(row) for row in session.execute(select(PERSON))),
            key=lambda person: person.profile.name.casefold(),
        )
        return [(person, grants.get(person.id, [])) for person in people]

    def _to_person(self, row: Any) -> Person:
        document = orjson.loads(self._encryption.decrypt(bytes(row.profile), f"people_person.profile:{row.id}"))
        profile = Profile(document["address"], document["name"], document["language"])
        return Person(
            row.id, profile, _moment(row.created), _moment(row.seen), row.password is not None, row.otp is not None
        )

    def delete_person(self, session: Connection, identifier: str) -> None:
        """Forget a person, and by the foreign keys everything that is theirs."""
        self._change(session, self._organisations_of(session, identifier))
        session.execute(delete(PERSON).where(PERSON.c.id == identifier))

    def idle_persons(self, session: Connection, before: datetime.datetime) -> list[str]:
        """Persons without a role whom nobody has seen since."""
        query = select(PERSON.c.id).where(PERSON.c.seen < _seconds(before))
        return list(session.scalars(query.where(PERSON.c.id.not_in(select(ROLE.c.person)))))

    def touch_person(self, session: Connection, identifier: str, now: datetime.datetime) -> None:
        """They were here."""
        session.execute(update(PERSON).where(PERSON.c.id == identifier).values(seen=_seconds(now)))

    # Passwords and second factors.

    def password(self, session: Connection, identifier: str) -> str | None:
        """The hash of a password."""
        sealed = session.scalar(select(PERSON.c.password).where(PERSON.c.id == identifier))
        if sealed is None:
            return None
        return self._encryption.decrypt(bytes(sealed), f"people_person.password:{identifier}").decode()

    def set_password(self, session: Connection, identifier: str, password: str | None) -> None:
        """Keep the hash of a password; None for none."""
        context = f"people_person.password:{identifier}"
        sealed = None if password is None else self._encryption.encrypt(password.encode(), context)
        session.execute(update(PERSON).where(PERSON.c.id == identifier).values(password=sealed))

    def otp(self, session: Connection, identifier: str) -> tuple[str, int | None] | None:
        """The secret of the authenticator application (base32), and the last period whose code was used.

        The row is held until the transaction ends, so that one code cannot be used twice at the same time.
        """
        query = select(PERSON.c.otp, PERSON.c.otp_step).where(PERSON.c.id == identifier).with_for_update()
        row = session.execute(query).one_or_none()
        if row is None or row.otp is None:
            return None
        return self._encryption.decrypt(bytes(row.otp), f"people_person.otp:{identifier}").decode(), row.otp_step

    def set_otp(self, session: Connection, identifier: str, secret: str | None, step: int | None) -> None:
        """Keep a secret and the period of the code that showed it arrived."""
        sealed = (
            None if secret is None else self._encryption.encrypt(secret.encode(), f"people_person.otp:{identifier}")
        )
        session.execute(update(PERSON).where(PERSON.c.id == identifier).values(otp=sealed, otp_step=step))

    def use_otp_step(self, session: Connection, identifier: str, step: int) -> None:
        """This period's code, and every earlier one, is used."""
        session.execute(update(PERSON).where(PERSON.c.id == identifier).values(otp_step=step))

    def set_recovery_codes(self, session: Connection, identifier: str, codes: Iterable[str]) -> None:
        """These codes, in place of all others."""
        session.execute(delete(RECOVERY).where(RECOVERY.c.person == identifier))
        session.execute(insert(RECOVERY), [{"digest": digest(code), "person": identifier} for code in codes])

    def use_recovery_code(self, session: Connection, identifier: str, code: str) -> bool:
        """Use a code up; False when it is none of theirs."""
        query = delete(RECOVERY).where(RECOVERY.c.person == identifier, RECOVERY.c.digest == digest(code))
        return session.execute(query).rowcount == 1

    def recovery_codes_left(self, session: Connection, identifier: str) -> int:
        """How many are left."""
        query = select(func.count()).select_from(RECOVERY).where(RECOVERY.c.person == identifier)
        return session.scalar(query) or 0

    # Passkeys and identities.

    def insert_passkey(  # noqa: PLR0917 - the members of a row
        self,
        session: Connection,
        person: str,
        credential: bytes,
        public_key: bytes,
        sign_count: int,
        label: str,
        now: datetime.datetime,
    ) -> None:
        """Keep a passkey."""
        context = f"people_passkey.label:{passkey_name(credential)}"
        session.execute(
            insert(PASSKEY).values(
                id=credential,
                person=person,
                public_key=public_key,
                sign_count=sign_count,
                label=self._encryption.encrypt(label.encode(), context),
                created=_seconds(now),
            )
        )

    def passkey(self, session: Connection, credential: bytes) -> tuple[str, bytes, int] | None:
        """Owner, public key and sign count of a credential, its row held until the transaction ends."""
        query = select(PASSKEY).where(PASSKEY.c.id == credential).with_for_update()
        row = session.execute(query).one_or_none()
        return None if row is None else (row.person, bytes(row.public_key), row.sign_count)

    def passkeys(self, session: Connection, person: str) -> list[tuple[bytes, PasskeyRecord]]:
        """The passkeys of a person, oldest first, with their credential ids."""
        rows = session.execute(select(PASSKEY).where(PASSKEY.c.person == person).order_by(PASSKEY.c.created))
        found = []
        for row in rows:
            name = passkey_name(bytes(row.id))
            label = self._encryption.decrypt(bytes(row.label), f"people_passkey.label:{name}").decode()
            record = PasskeyRecord(name, label, _moment(row.created), _moment_or_none(row.used))
            found.append((bytes(row.id), record))
        return found

    def use_passkey(self, session: Connection, credential: bytes, sign_count: int, now: datetime.datetime) -> None:
        """It was used, and its counter stands there now."""
        change = {"sign_count": sign_count, "used": _seconds(now)}
        session.execute(update(PASSKEY).where(PASSKEY.c.id == credential).values(change))

    def delete_passkey(self, session: Connection, credential: bytes) -> None:
        """Forget a passkey."""
        session.execute(delete(PASSKEY).where(PASSKEY.c.id == credential))

    def _subject_key(self, issuer: str, subject: str) -> bytes:
        return self._encryption.lookup(f"{issuer}\0{subject}", "people_identity.subject")

    def insert_identity(  # noqa: PLR0917 - the members of a row
        self, session: Connection, person: str, provider: str, issuer: str, subject: str, now: datetime.datetime
    ) -> None:
        """A provider vouches for this person from now on."""
        key = self._subject_key(issuer, subject)
        session.execute(insert(IDENTITY).values(subject=key, person=person, provider=provider, created=_seconds(now)))

    def person_of_identity(self, session: Connection, issuer: str, subject: str) -> str | None:
        """For whom the provider vouches."""
        query = select(IDENTITY.c.person).where(IDENTITY.c.subject == self._subject_key(issuer, subject))
        return session.scalar(query)

    def identities(self, session: Connection, person: str) -> list[tuple[str, datetime.datetime]]:
        """Providers that vouch for a person, and since when."""
        query = select(IDENTITY.c.provider, IDENTITY.c.created).where(IDENTITY.c.person == person)
        return [(row.provider, _moment(row.created)) for row in session.execute(query.order_by(IDENTITY.c.created))]

    def delete_identities(self, session: Connection, person: str, provider: str) -> int:
        """A provider vouches for this person no longer; how many links there were."""
        query = delete(IDENTITY).where(IDENTITY.c.person == person, IDENTITY.c.provider == provider)
        return session.execute(query).rowcount

    # Sessions.

    def insert_session(self, session: Connection, record: SessionRecord, token: str) -> None:
        """Keep a session, and of its token the digest."""
        session.execute(
            insert(SESSION).values(
                id=record.id,
                digest=digest(token),
                person=record.person,
                kind=record.kind.value,
                label=self._encryption.encrypt(record.label.encode(), f"people_session.label:{record.id}"),
                methods=" ".join(sorted(record.methods)),
                authenticated=_seconds(record.authenticated),
                created=_seconds(record.created),
                seen=_seconds(record.seen),
                expires=_seconds(record.expires),
            )
        )

    def session_of(self, session: Connection, token: str) -> SessionRecord | None:
        """The session of a token."""
        row = session.execute(select(SESSION).where(SESSION.c.digest == digest(token))).one_or_none()
        return None if row is None else self._to_session(row)

    def sessions(self, session: Connection, person: str) -> list[SessionRecord]:
        """The sessions of a person, last used first."""
        query = select(SESSION).where(SESSION.c.person == person).order_by(SESSION.c.seen.desc(), SESSION.c.id)
        return [self._to_session(row) for row in session.execute(query)]

    def _to_session(self, row: Any) -> SessionRecord:
        label = self._encryption.decrypt(bytes(row.label), f"people_session.label:{row.id}").decode()
        return SessionRecord(
            row.id,
            row.person,
            SessionKind(row.kind),
            label,
            frozenset(row.methods.split()),
            _moment(row.authenticated),
            _moment(row.created),
            _moment(row.seen),
            _moment(row.expires),
        )

    def touch_session(self, session: Connection, identifier: str, now: datetime.datetime) -> None:
        """It was used."""
        session.execute(update(SESSION).where(SESSION.c.id == identifier).values(seen=_seconds(now)))

    def delete_sessions(
        self, session: Connection, person: str, *, only: str | None = None, but: str | None = None
    ) -> int:
        """End the sessions of a person: all, one, or all but one; how many."""
        query = delete(SESSION).where(SESSION.c.person == person)
        if only is not None:
            query = query.where(SESSION.c.id == only)
        if but is not None:
            query = query.where(SESSION.c.id != but)
        return session.execute(query).rowcount

    # Roles and invitations.

    def roles(self, session: Connection, person: str) -> list[Grant]:
        """The roles of a person."""
        query = select(ROLE).where(ROLE.c.person == person).order_by(ROLE.c.organisation, ROLE.c.role)
        return [_to_grant(row) for row in session.execute(query)]

    def replace_roles(  # noqa: PLR0917 - the members of a row
        self,
        session: Connection,
        person: str,
        organisation: str,
        roles: Iterable[Role],
        by: str,
        now: datetime.datetime,
    ) -> None:
        """These roles in this organisation, and no others."""
        session.execute(delete(ROLE).where(ROLE.c.person == person, ROLE.c.organisation == organisation))
        rows = [
            {
                "person": person,
                "organisation": organisation,
                "role": role.value,
                "granted": _seconds(now),
                "granted_by": by,
            }
            for role in sorted(roles)
        ]
        if rows:
            session.execute(insert(ROLE), rows)
        self._change(session, [organisation])

    def administrators(self, session: Connection, organisation: str) -> set[str]:
        """Who administers an organisation; their rows are held until the transaction ends."""
        query = select(ROLE.c.person).where(
            ROLE.c.organisation == organisation, ROLE.c.role == Role.ADMINISTRATOR.value
        )
        return set(session.scalars(query.with_for_update()))

    def holders(
        self, session: Connection, organisation: str | None, roles: Iterable[str], after: str, limit: int
    ) -> list[Person]:
        """People with one of these roles in an organisation, or in any but the office, by id, after one."""
        held = select(ROLE.c.person).where(ROLE.c.role.in_(list(roles)))
        of = ROLE.c.organisation != OFFICE if organisation is None else ROLE.c.organisation == organisation
        query = select(PERSON).where(PERSON.c.id.in_(held.where(of)), PERSON.c.id > after)
        return [self._to_person(row) for row in session.execute(query.order_by(PERSON.c.id).limit(limit))]

    def organisations_with(self, session: Connection, roles: Iterable[str]) -> list[str]:
        """Organisations in which somebody has one of these roles."""
        query = select(ROLE.c.organisation).where(ROLE.c.role.in_(list(roles))).distinct()
        return list(session.scalars(query.order_by(ROLE.c.organisation)))

    def insert_invitation(self, session: Connection, invitation: Invitation, code: str) -> None:
        """Keep an invitation, and of its code the digest."""
        context = f"people_invitation.address:{invitation.id}"
        address = None if invitation.address is None else self._encryption.encrypt(invitation.address.encode(), context)
        session.execute(
            insert(INVITATION).values(
                id=invitation.id,
                digest=digest(code),
                organisation=invitation.organisation,
                roles=" ".join(sorted(invitation.roles)),
                address=address,
                invited_by=invitation.invited_by,
                created=_seconds(invitation.created),
                expires=_seconds(invitation.expires),
            )
        )

    def invitation_of(self, session: Connection, code: str) -> Invitation | None:
        """The invitation of a code, its row held until the transaction ends: it is used once."""
        query = select(INVITATION).where(INVITATION.c.digest == digest(code)).with_for_update()
        row = session.execute(query).one_or_none()
        return None if row is None else self._to_invitation(row)

    def invitations(
        self,
        session: Connection,
        organisation: str,
        limit: int | None = None,
        *,
        open_at: datetime.datetime | None = None,
    ) -> list[Invitation]:
        """The invitations of an organisation, newest first; with a moment, those that are open then."""
        columns = INVITATION.c
        query = select(INVITATION).where(columns.organisation == organisation)
        if open_at is not None:
            query = query.where(*_open_at(open_at))
        rows = session.execute(query.order_by(columns.created.desc(), columns.id).limit(limit))
        return [self._to_invitation(row) for row in rows]

    def count_open_invitations(self, session: Connection, organisation: str, moment: datetime.datetime) -> int:
        """How many of its invitations are open then."""
        query = select(func.count()).where(INVITATION.c.organisation == organisation, *_open_at(moment))
        return session.scalar(query) or 0

    def _to_invitation(self, row: Any) -> Invitation:
        address = None
        if row.address is not None:
            context = f"people_invitation.address:{row.id}"
            address = self._encryption.decrypt(bytes(row.address), context).decode()
        return Invitation(
            row.id,
            row.organisation,
            frozenset(Role(role) for role in row.roles.split()),
            address,
            row.invited_by,
            _moment(row.created),
            _moment(row.expires),
            _moment_or_none(row.used),
            _moment_or_none(row.revoked),
        )

    def use_invitation(self, session: Connection, identifier: str, now: datetime.datetime) -> None:
        """It is used."""
        session.execute(update(INVITATION).where(INVITATION.c.id == identifier).values(used=_seconds(now)))

    def revoke_invitation(
        self, session: Connection, organisation: str, identifier: str, now: datetime.datetime
    ) -> bool:
        """Withdraw an invitation of this organisation; False when there is none that is open."""
        query = update(INVITATION).where(
            INVITATION.c.id == identifier,
            INVITATION.c.organisation == organisation,
            INVITATION.c.used.is_(None),
            INVITATION.c.revoked.is_(None),
        )
        return session.execute(query.values(revoked=_seconds(now))).rowcount == 1

    def forget_addresses_of(self, session: Connection, invitations: Iterable[str]) -> None:
        """Forget to whom these invitations went."""
        session.execute(update(INVITATION).where(INVITATION.c.id.in_(list(invitations))).values(address=None))

    def forget_invitations_to(self, session: Connection, address: str, now: datetime.datetime) -> None:
        """Withdraw what invites somebody, and forget their address in every invitation, of whichever organisation.

        An invitation without an address is good for whoever has its code: none is left open. Addresses are encrypted
        each in its own way, so that every one that is still known is read; thirty days after its end it is not.
        """
        columns = INVITATION.c
        rows = session.execute(select(INVITATION).where(columns.address.is_not(None))).all()
        found = [row.id for row in rows if self._to_invitation(row).address == address]
        still_open = columns.id.in_(found) & columns.used.is_(None) & columns.revoked.is_(None)
        session.execute(update(INVITATION).where(still_open).values(revoked=_seconds(now)))
        self.forget_addresses_of(session, found)

    def ended_invitations(self, session: Connection, before: datetime.datetime) -> list[str]:
        """Invitations that ended before then and still say to whom they went."""
        moment = _seconds(before)
        ended = (INVITATION.c.expires < moment) | (INVITATION.c.used < moment) | (INVITATION.c.revoked < moment)
        return list(session.scalars(select(INVITATION.c.id).where(ended, INVITATION.c.address.is_not(None))))

    # Tickets: steps of a longer process, each good once.

    def insert_ticket(  # noqa: PLR0917 - the members of a row
        self,
        session: Connection,
        purpose: str,
        code: str,
        body: dict[str, Any],
        expires: datetime.datetime,
        person: str | None = None,
    ) -> None:
        """Keep what the next step needs, under the digest of the code that will bring it."""
        key = digest(code)
        sealed = self._encryption.encrypt(orjson.dumps(body), f"people_ticket.body:{key.hex()}")
        values = {"digest": key, "purpose": purpose, "person": person, "body": sealed, "expires": _seconds(expires)}
        session.execute(insert(TICKET).values(values))

    def read_ticket(
        self, session: Connection, purpose: str, code: str, now: datetime.datetime
    ) -> tuple[str | None, dict[str, Any]] | None:
        """Owner and body of an open ticket, its row held until the transaction ends."""
        key = digest(code)
        query = select(TICKET).where(TICKET.c.digest == key, TICKET.c.purpose == purpose).with_for_update()
        row = session.execute(query).one_or_none()
        if row is None or row.expires <= _seconds(now):
            return None
        body = orjson.loads(self._encryption.decrypt(bytes(row.body), f"people_ticket.body:{key.hex()}"))
        return row.person, body

    def take_ticket(
        self, session: Connection, purpose: str, code: str, now: datetime.datetime
    ) -> tuple[str | None, dict[str, Any]] | None:
        """The same, and the ticket is gone: whoever comes second finds nothing."""
        found = self.read_ticket(session, purpose, code, now)
        gone = session.execute(delete(TICKET).where(TICKET.c.digest == digest(code), TICKET.c.purpose == purpose))
        return found if gone.rowcount == 1 else None

    def delete_tickets(self, session: Connection, person: str) -> None:
        """Every process of this person's is over."""
        session.execute(delete(TICKET).where(TICKET.c.person == person))

    # Attempts.

    def attempt_key(self, subject: str) -> bytes:
        """By which wrong tries are counted: an account or an address, unreadable."""
        return self._encryption.lookup(subject, "people_attempt.subject")

    def failures(self, session: Connection, subject: str) -> tuple[int, int]:
        """Wrong tries in a row, and when the last one was."""
        row = session.execute(select(ATTEMPT).where(ATTEMPT.c.subject == self.attempt_key(subject))).one_or_none()
        return (0, 0) if row is None else (int(row[1]), int(row[2]))

    def count_failure(self, session: Connection, subject: str, now: datetime.datetime) -> None:
        """One more."""
        key = self.attempt_key(subject)
        change = {"count": ATTEMPT.c.count + 1, "last": _seconds(now)}
        counted = update(ATTEMPT).where(ATTEMPT.c.subject == key).values(change)
        if session.execute(counted).rowcount == 0:
            try:
                with session.begin_nested():
                    session.execute(insert(ATTEMPT).values(subject=key, count=1, last=_seconds(now)))
            except IntegrityError:  # somebody else's first try came at the same time
                session.execute(counted)

    def forgive(self, session: Connection, subject: str) -> None:
        """Start counting again."""
        session.execute(delete(ATTEMPT).where(ATTEMPT.c.subject == self.attempt_key(subject)))

    # Retention and rotation.

    def forget_ended(self, session: Connection, now: datetime.datetime, browser_idle: datetime.timedelta) -> None:
        """Forget sessions and tickets that have ended, and tries of yesterday."""
        seconds = _seconds(now)
        idle = (SESSION.c.kind == SessionKind.BROWSER.value) & (SESSION.c.seen < seconds - browser_idle.total_seconds())
        session.execute(delete(SESSION).where((SESSION.c.expires <= seconds) | idle))
        session.execute(delete(TICKET).where(TICKET.c.expires <= seconds))
        session.execute(delete(ATTEMPT).where(ATTEMPT.c.last < seconds - 24 * 3600))

    def encrypt_again(self, session: Connection) -> int:
        """Encrypt with the newest key whatever an older one encrypted; how many values."""
        columns: list[tuple[Table, str, tuple[str, ...], Callable[[Any], str]]] = [
            (PERSON, "id", ("profile", "password", "otp"), str),
            (PASSKEY, "id", ("label",), lambda identifier: passkey_name(bytes(identifier))),
            (SESSION, "id", ("label",), str),
            (INVITATION, "id", ("address",), str),
            (TICKET, "digest", ("body",), lambda identifier: bytes(identifier).hex()),
        ]
        changed = 0
        for table, key, names, name_of in columns:
            for row in session.execute(select(table.c[key], *(table.c[name] for name in names))).all():
                values = {}
                for name in names:
                    sealed = getattr(row, name)
                    if sealed is not None and not self._encryption.is_current(bytes(sealed)):
                        context = f"{table.name}.{name}:{name_of(row[0])}"
                        plain = self._encryption.decrypt(bytes(sealed), context)
                        values[name] = self._encryption.encrypt(plain, context)
                if values:
                    session.execute(update(table).where(table.c[key] == row[0]).values(values))
                    changed += len(values)
        return changed


def _open_at(moment: datetime.datetime) -> tuple[ColumnElement[bool], ...]:
    columns = INVITATION.c
    return columns.used.is_(None), columns.revoked.is_(None), columns.expires > _seconds(moment)


def _cursor_context(organisation: str) -> str:
    return f"people_page.next:{organisation}"


def _to_grant(row: Any) -> Grant:
    return Grant(row.person, row.organisation, Role(row.role), _moment(row.granted), row.granted_by)
