# SPDX-License-Identifier: Apache-2.0
"""The nouns: identifiers, organisations, applications, documents. Frozen values, no behaviour.

The numbers of kinds, statuses, scopes and offices are those of the contract (contracts/interfaces/IMembers.vyi).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag, StrEnum
from typing import Any, Final, Literal


class Scheme(StrEnum):
    """Who gave a legal identifier, and how it is written."""

    SIREN = "siren"
    """The French legal person: nine digits, the last one by Luhn (INSEE)."""
    SIRET = "siret"
    """One of its establishments: SIREN and five digits."""
    EUID = "euid"
    """The European unique identifier of companies: country, register, number (Regulation (EU) 2021/1042, annex 9)."""
    LEI = "lei"
    """The legal entity identifier: twenty characters, the last two by ISO 7064 mod 97-10 (ISO 17442)."""
    VAT = "vat"
    """A value-added-tax number of a Member State, with its prefix (Directive 2006/112/EC article 215)."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A legal identifier in its normal form: capitals, digits, and . - _ within; `identifiers.parse` makes it."""

    scheme: str
    """A `Scheme`, for those we can check. The chain may hold others: whoever presents an applicant answers for it."""
    value: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


@dataclass(frozen=True, slots=True)
class PublicSource:
    """Where anyone checks an identifier."""

    name: str
    url: str
    is_direct: bool
    """Whether the address leads to the entry; otherwise the identifier is typed there."""


class Kind(IntEnum):
    """What an organisation is."""

    COMPANY = 0
    SMALL_COMPANY = 1
    EDUCATION = 2
    ADMINISTRATION = 3
    ASSOCIATION = 4
    OTHER = 5


class Likeness(StrEnum):
    """How a name resembles another."""

    SAME = "same"
    """The same letters, whatever their case, accents and spaces."""
    CONFUSABLE = "confusable"
    """Other letters that look the same (UTS 39)."""
    CLOSE = "close"
    """A letter or a word apart."""


@dataclass(frozen=True, slots=True)
class SimilarName:
    """A name somebody else bears, as the reviewer is shown it."""

    organisation: int
    name: str
    likeness: Likeness
    score: float
    """From 0 to 1; 1 for the same and for what looks the same."""


class Status(IntEnum):
    """What an organisation is to the alliance. Officers' suspension is beside it: `Organisation.suspended_until`."""

    UNKNOWN = 0
    APPLIED = 1
    ACTIVE = 2
    SUSPENDED = 3
    DEPARTED = 4
    REFUSED = 5
    EXCLUDED = 6


class Scope(IntFlag):
    """What an account may do for its organisation; the last three are offices, which only votes give."""

    ADMIN = 1
    VOTE = 2
    OPERATE = 4
    PUBLISH = 8
    OFFICER = 16
    ADMISSION_OFFICER = 32
    VERIFIER = 64


SCOPES: Final = Scope.ADMIN | Scope.VOTE | Scope.OPERATE | Scope.PUBLISH
"""Those an organisation gives by itself."""


class Evidence(IntFlag):
    """What was seen before an admission; the rule in force asks for some of it. The numbers are on the chain."""

    REGISTER = 1
    """The entry in the public register of its country."""
    MANDATE = 2
    """That whoever applies may speak for the organisation."""
    INVITATION = 4
    """A member's signed invitation."""
    CREDENTIAL = 8
    """A credential whose signature, issuer and status hold."""


class ApplicationState(StrEnum):
    """Where an application stands. The edges are `rules.EDGES`."""

    SUBMITTED = "submitted"
    """Waits for the office."""
    INCOMPLETE = "incomplete"
    """Waits for the applicant: the office asked for something."""
    ACCEPTED = "accepted"
    """The office has seen the evidence; the applicant is being entered on the chain."""
    PRESENTED = "presented"
    """Stands on the chain as an applicant; without a rule that admits it, a vote decides."""
    ADMITTED = "admitted"
    """A member."""
    REFUSED = "refused"
    """By the office, with a reason; it may be appealed, and a vote may still admit."""
    WITHDRAWN = "withdrawn"
    """By the applicant."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to write to. Personal: encrypted at rest, and forgotten some time after the end."""

    name: str
    address: str
    language: Literal["fr", "en"]


@dataclass(frozen=True, slots=True)
class ApplicationForm:
    """What an applicant says, read and checked."""

    identifier: Identifier
    legal_name: str
    kind: Kind
    country: str
    """ISO 3166-1, two capital letters."""
    contact: Contact
    message: str


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document of an application, without its content."""

    id: str
    application: str
    name: str
    media_type: str
    size: int
    digest: bytes
    """SHA-256 of the content."""
    received: datetime.datetime


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to an application."""

    time: datetime.datetime
    state: ApplicationState
    actor: str
    """applicant, office, ledger: never a person."""
    note: str
    """What was written to the other side; empty when nothing was, or when it was forgotten."""


@dataclass(frozen=True, slots=True)
class Application:
    """An application as this instance keeps it."""

    id: str
    state: ApplicationState
    identifier: Identifier
    legal_name: str
    kind: Kind
    country: str
    contact: Contact | None
    """None once it was forgotten."""
    message: str
    evidence: Evidence
    """What was seen so far."""
    invited_by: int | None
    """The member whose signed invitation came with it."""
    organisation: int | None
    """Its number on the chain, once presented."""
    submitted: datetime.datetime
    changed: datetime.datetime


@dataclass(frozen=True, slots=True)
class Case:
    """Why officers suspended an organisation. The chain has `digest`, SHA-256 of salt and reason."""

    digest: bytes
    organisation: int
    time: datetime.datetime
    salt: bytes
    reason: str
    appeal: str
    """What the organisation says to it; empty for nothing."""


@dataclass(frozen=True, slots=True)
class AdmissionRule:
    """How a kind of organisation is admitted without a vote, as the chain has it."""

    kind: Kind
    country: str | None
    """None for every country without a rule of its own."""
    offices: Scope
    """Whose signature admits."""
    evidence: Evidence
    """All of which must have been seen."""
    tier: int
    college: int


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation as the chain has it."""

    number: int
    identifier: Identifier
    legal_name: str
    kind: Kind
    country: str
    tier: int
    college: int
    status: Status
    suspended_until: datetime.datetime | None
    """Until when officers suspend it, whatever its status; perhaps in the past."""
    did: str
    roles: int
    applied: datetime.datetime
    joined: datetime.datetime | None
    """When it last became a member; None before."""

    def is_active(self, now: datetime.datetime) -> bool:
        """Whether it is a member with all its rights."""
        return self.status is Status.ACTIVE and (self.suspended_until is None or self.suspended_until <= now)


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account that acts for an organisation."""

    address: bytes
    organisation: int
    scopes: Scope
    label: str
    """Opaque: never a person's name."""
    since: datetime.datetime
    until: datetime.datetime | None
    """When it stopped; None while it acts."""


@dataclass(frozen=True, slots=True)
class RollEntry:
    """A member as the periods' grants know it."""

    organisation: int
    legal_name: str
    tier: int
    credit_account: bytes | None
    """Where its credits go; None while it has chosen none."""
    first_account: bytes | None
    """Of those that act for it, the one that has the longest."""
    suspended_until: int
    """Unix time in seconds; 0 for a member that is not."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Something that happened to an organisation, as the chain tells it."""

    organisation: int
    height: int
    position: int
    time: datetime.datetime
    event: str
    """The name of the contract's event."""
    detail: Mapping[str, Any]
    transaction: bytes


@dataclass(frozen=True, slots=True)
class Node:
    """A machine whose connections the others accept: known by its keys, wherever it stands."""

    execution_key: bytes
    """Of geth: 64 bytes, the public key of its enode address."""
    consensus_id: bytes
    """Of CometBFT: 20 bytes."""


@dataclass(frozen=True, slots=True)
class ValidatorSeat:
    """A key that signs blocks, or will, or did."""

    public_key: bytes
    """Ed25519, 32 bytes."""
    power: int
    """Of its signature now; 0 for none."""
    target: int
    """What the power moves to, slowly enough for the network."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What an organisation operates of the network, in the state after a block."""

    nodes: tuple[Node, ...]
    """Those that are accepted now: none while the organisation is not active."""
    node_count: int
    """Those it registered and has not removed."""
    node_limit: int
    """Of its tier."""
    validators: tuple[ValidatorSeat, ...]
    validator_limit: int
    height: int
