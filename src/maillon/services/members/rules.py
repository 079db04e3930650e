# SPDX-License-Identifier: Apache-2.0
"""The law of admission as pure functions: what a form may say, where an application may go, how long it is kept.

The policy itself (kinds, countries, tiers, evidence) is data on the chain, which a vote changes; `missing_evidence`
reads it as the contract does. Nothing here reads a clock, a file or a database.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from maillon.kit.access import ADMINISTER, MEMBERS_MANAGE
from maillon.kit.countries import COUNTRIES
from maillon.kit.mailbox import parse_mailbox
from maillon.services.members import errors, identifiers, names
from maillon.services.members.model import (
    AdmissionRule,
    Application,
    ApplicationForm,
    ApplicationState,
    Contact,
    Evidence,
    Identifier,
    Kind,
    Scope,
    Status,
)
from maillon.services.people import Action, Role, register

MAXIMUM_MESSAGE: Final = 2_000
MAXIMUM_NOTE: Final = 2_000
CONTACT_KEPT: Final = datetime.timedelta(days=30)
"""After a refusal or a withdrawal, until contact, message and documents are destroyed: as long as an appeal takes."""
DOCUMENTS_KEPT: Final = datetime.timedelta(days=90)
"""After an admission, until the same: the register and the chain say from then on what there is to say."""
IDLE_KEPT: Final = datetime.timedelta(days=180)
"""Without an answer of the applicant, until an incomplete application counts as withdrawn."""
REQUEST_LIFE: Final = datetime.timedelta(days=1)
"""After an officer asked for a suspension, until no second one can join any more (`Admissions.suspend`)."""
BOTH_OF_ONE_MEMBER: Final = "admissions: both officers are of one member"
"""What `Admissions.suspend` says to a second officer of the first one's organisation."""
INVITATION_LIFE: Final = datetime.timedelta(days=30)

_S = ApplicationState
EDGES: Final[Mapping[ApplicationState, frozenset[ApplicationState]]] = MappingProxyType(
    {
        _S.SUBMITTED: frozenset({_S.INCOMPLETE, _S.ACCEPTED, _S.REFUSED, _S.WITHDRAWN}),
        _S.INCOMPLETE: frozenset({_S.SUBMITTED, _S.REFUSED, _S.WITHDRAWN}),
        # Until the chain has it: a transaction that failed is sent again, or the office changes its mind.
        _S.ACCEPTED: frozenset({_S.PRESENTED, _S.INCOMPLETE, _S.REFUSED}),
        # From here on the chain decides, and not the office.
        _S.PRESENTED: frozenset({_S.ADMITTED, _S.REFUSED}),
        # An appeal: the office takes it up again.
        _S.REFUSED: frozenset({_S.SUBMITTED}),
        _S.ADMITTED: frozenset(),
        _S.WITHDRAWN: frozenset(),
    }
)
"""Where an application may go from each state."""
OPEN: Final = frozenset({_S.SUBMITTED, _S.INCOMPLETE, _S.ACCEPTED, _S.PRESENTED})
"""States in which nobody else may apply for the same legal person."""
BY_APPLICANT: Final = frozenset({_S.SUBMITTED, _S.INCOMPLETE})
"""States in which the applicant may add documents, answer and withdraw."""

APPLICATION_REVIEW: Final = register(
    Action("application:review", "read applications", "instance", frozenset({Role.ADMINISTRATOR, Role.DELEGATE}),
           ADMINISTER)
)  # fmt: skip
APPLICATION_DECIDE: Final = register(
    Action("application:decide", "ask, refuse, admit and rename", "instance",
           frozenset({Role.ADMINISTRATOR, Role.DELEGATE}), ADMINISTER, fresh=True)
)  # fmt: skip
MEMBER_SUSPEND: Final = register(
    Action(
        "member:suspend", "ask for a suspension", "instance", frozenset({Role.ADMINISTRATOR}), ADMINISTER, fresh=True
    )
)
MEMBER_READ: Final = register(
    Action("member:read", "see one’s organisation from inside", "organisation", frozenset(Role), MEMBERS_MANAGE,
           office=True)
)  # fmt: skip
MEMBER_CHANGE: Final = register(
    Action("member:change", "change accounts, scopes and identifier of one’s organisation", "organisation",
           frozenset({Role.ADMINISTRATOR}), MEMBERS_MANAGE, fresh=True)
)  # fmt: skip
MEMBER_INVITE: Final = register(
    Action("member:invite", "invite an organisation to join", "organisation",
           frozenset({Role.ADMINISTRATOR, Role.DELEGATE}), MEMBERS_MANAGE, fresh=True)
)  # fmt: skip
MEMBER_LEAVE: Final = register(
    Action("member:leave", "leave the alliance", "organisation", frozenset({Role.ADMINISTRATOR}), MEMBERS_MANAGE,
           fresh=True)
)  # fmt: skip

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.name.lower().replace("_", "-"): kind for kind in Kind})
STATUSES: Final[Mapping[str, Status]] = MappingProxyType({status.name.lower(): status for status in Status})
SCOPE_NAMES: Final[Mapping[str, Scope]] = MappingProxyType(
    {scope.name.lower().replace("_", "-"): scope for scope in Scope if scope.name}
)
EVIDENCE_NAMES: Final[Mapping[str, Evidence]] = MappingProxyType(
    {evidence.name.lower(): evidence for evidence in Evidence if evidence.name}
)
_ACCOUNT = re.compile(r"0x[0-9a-fA-F]{40}")
_CONSENT = re.compile(r"0x[0-9a-fA-F]{130}")
_CASE = re.compile(r"[0-9a-f]{64}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
FIELDS: Final = frozenset(
    {"scheme", "identifier", "legal_name", "kind", "country", "contact_name", "contact_address", "language", "message"}
)
"""The members of an application; no other is read."""


def names_of(flags: int, table: Mapping[str, Any]) -> list[str]:
    """The words for a set of bits, in the order of the law."""
    return [name for name, flag in table.items() if flag & flag.value and flags & flag]


def word_of(kind: Kind) -> str:
    """A kind as programs write it."""
    return kind.name.lower().replace("_", "-")


def parse_kind(text: str) -> Kind:
    """A kind by its word. Raises `UnknownKind`."""
    found = KINDS.get(text.strip().lower())
    if found is None:
        raise errors.UnknownKind
    return found


def parse_country(text: str) -> str:
    """Two capital letters. Raises `UnknownCountry`."""
    code = text.strip().upper()
    if code not in COUNTRIES:
        raise errors.UnknownCountry
    return code


def parse_text(text: str, maximum: int) -> str:
    """Plain text of several lines: NFC, no control characters, at most so many characters. Raises `TextTooLong`."""
    plain = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    plain = "".join(c for c in plain if c in "\n\t" or unicodedata.category(c)[0] != "C").strip()
    if len(plain) > maximum:
        raise errors.TextTooLong(len(plain), maximum)
    return plain


def parse_reason(text: str) -> str:
    """A reason, which is never empty. Raises `TextMissing` or `TextTooLong`."""
    reason = parse_text(text, MAXIMUM_NOTE)
    if not reason:
        raise errors.TextMissing
    return reason


def parse_did(text: str) -> str:
    """A decentralised identifier, or nothing. Raises `InvalidDid`."""
    did = text.strip()
    if not (did == "" or (did.startswith("did:") and did.isascii() and did.isprintable() and len(did) <= 160)):
        raise errors.InvalidDid
    return did


def parse_case(text: str) -> bytes:
    """The case of a suspension: 64 hexadecimal digits. Raises `UnknownCase`."""
    if _CASE.fullmatch(text) is None:
        raise errors.UnknownCase
    return bytes.fromhex(text)


def parse_contact(name: str, address: str, language: str) -> Contact:
    """Whom to write to. Raises `InvalidContactName` or `InvalidContactAddress`."""
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    if not 0 < len(plain) <= 100 or any(unicodedata.category(c)[0] == "C" for c in plain):
        raise errors.InvalidContactName
    mailbox = parse_mailbox(address)
    if mailbox is None:
        raise errors.InvalidContactAddress
    chosen: Literal["fr", "en"] = "fr" if language == "fr" else "en"
    return Contact(plain, mailbox, chosen)


_Value = TypeVar("_Value")


def parse_application(fields: Mapping[str, str]) -> ApplicationForm:
    """A form, read whole: every fault is found at once. Raises `InvalidApplication` with all of them."""
    faults: list[errors.Refused] = []

    def read(make: Callable[[], _Value]) -> _Value | None:
        try:
            return make()
        except errors.Refused as fault:
            faults.append(fault)
            return None

    scheme = read(lambda: identifiers.parse_scheme(fields.get("scheme", "")))
    identifier = None if scheme is None else read(lambda: identifiers.parse(scheme, fields.get("identifier", "")))
    name = read(lambda: names.parse_name(fields.get("legal_name", "")))
    kind = read(lambda: parse_kind(fields.get("kind", "")))
    country = read(lambda: parse_country(fields.get("country", "")))
    message = read(lambda: parse_text(fields.get("message", ""), MAXIMUM_MESSAGE))
    contact = None
    for make in (
        lambda: parse_contact(fields.get("contact_name", ""), "a@a.aa", "en"),
        lambda: parse_contact("-", fields.get("contact_address", ""), "en"),
    ):
        read(make)
    if identifier is not None and country is not None:
        read(lambda: check_country(identifier, country))
    if faults:
        raise errors.InvalidApplication(tuple(faults))
    contact = parse_contact(fields["contact_name"], fields["contact_address"], fields.get("language", ""))
    assert identifier is not None
    assert name is not None
    assert kind is not None
    assert country is not None
    assert message is not None
    return ApplicationForm(identifier, name, kind, country, contact, message)


def parse_invited(fields: Mapping[str, str]) -> tuple[Identifier, str]:
    """Whom a member invites: a legal person and its name. Raises a `Refused`."""
    scheme = identifiers.parse_scheme(fields.get("scheme", ""))
    return identifiers.parse(scheme, fields.get("identifier", "")), names.parse_name(fields.get("legal_name", ""))


def parse_address(text: str) -> bytes:
    """An account: 0x and 40 hexadecimal digits. Raises `UnknownAccount`."""
    if _ACCOUNT.fullmatch(text) is None:
        raise errors.UnknownAccount
    return bytes.fromhex(text[2:])


def check_country(identifier: Identifier, country: str) -> None:
    """The register of an identifier is in the country given. Raises `CountryMismatch`.

    France's overseas countries are in the register of France, and have codes of their own.
    """
    found = identifiers.country(identifier)
    if found is None or found == country:
        return
    if found == "FR" and country in {"BL", "GF", "GP", "MC", "MF", "MQ", "NC", "PF", "PM", "RE", "WF", "YT"}:
        return
    raise errors.CountryMismatch(found, country)


def check_edge(application: Application, state: ApplicationState, actor: str) -> None:
    """An application may go there by this actor: the chain alone decides on who stands there. Raises `WrongState`."""
    by_ledger = application.state is ApplicationState.PRESENTED or state is ApplicationState.PRESENTED
    appeal = application.state is ApplicationState.REFUSED
    fits = (actor == "ledger") == by_ledger and (not appeal or actor == "applicant")
    if state not in EDGES[application.state] or not fits:
        raise errors.WrongState(application.state.value)


def missing_evidence(rule: AdmissionRule, seen: Evidence, offices: Scope) -> list[str]:
    """What the rule asks for and is not there: classes of evidence, and a signature; nothing when it admits."""
    missing = names_of(rule.evidence & ~seen, EVIDENCE_NAMES)
    if not rule.offices & offices:
        missing.append("signature")
    return missing


def parse_label(text: str) -> str:
    """An account's label. Raises `InvalidLabel`: it is public for ever, and names no person."""
    label = text.strip().lower()
    if _LABEL.fullmatch(label) is None:
        raise errors.InvalidLabel
    return label


def parse_consent(text: str) -> bytes:
    """The signature of an account's consent: 65 bytes in hexadecimal. Raises `InvalidConsent`."""
    if _CONSENT.fullmatch(text.strip()) is None:
        raise errors.InvalidConsent
    return bytes.fromhex(text.strip()[2:])


def parse_scopes(words: Sequence[str]) -> Scope:
    """Scopes an organisation gives, by their words; none is a value too. Raises `UnknownScope`."""
    scopes = Scope(0)
    for word in words:
        scope = SCOPE_NAMES.get(word)
        if scope is None or scope > Scope.PUBLISH:
            raise errors.UnknownScope(word[:20])
        scopes |= scope
    return scopes


def is_expired(application: Application, now: datetime.datetime) -> bool:
    """Whether contact, message and documents have no reason left to be kept."""
    kept = {
        ApplicationState.REFUSED: CONTACT_KEPT,
        ApplicationState.WITHDRAWN: CONTACT_KEPT,
        ApplicationState.ADMITTED: DOCUMENTS_KEPT,
    }.get(application.state)
    return kept is not None and now >= application.changed + kept


def is_abandoned(application: Application, now: datetime.datetime) -> bool:
    """Whether the applicant was asked for something, and has been silent since."""
    return application.state is ApplicationState.INCOMPLETE and now >= application.changed + IDLE_KEPT
