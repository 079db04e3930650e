# SPDX-License-Identifier: Apache-2.0
"""The nouns: persons, sessions, roles, invitations, and who is acting."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

OFFICE = "office"
"""The organisation that stands for the instance itself: its administrators run it."""

Language = Literal["fr", "en"]


class Role(StrEnum):
    """What a person is in an organisation."""

    ADMINISTRATOR = "administrator"
    """Looks after its people and keys, and reads its trail."""
    DELEGATE = "delegate"
    """Acts for it on the ledger."""
    MEMBER = "member"
    """Belongs to it, and notarises in its name."""


class SessionKind(StrEnum):
    """Where somebody is logged in."""

    BROWSER = "browser"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a person: no more than logging in and writing to them needs. Encrypted at rest."""

    address: str
    """E-mail, as `rules.parse_address` gives it."""
    name: str
    language: Language


@dataclass(frozen=True, slots=True)
class Person:
    """A natural person with an account here."""

    id: str
    profile: Profile
    created: datetime.datetime
    seen: datetime.datetime
    has_password: bool
    has_authenticator: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """A role somebody has in an organisation."""

    person: str
    organisation: str
    role: Role
    granted: datetime.datetime
    granted_by: str


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some of the people of an organisation, by name."""

    people: tuple[tuple[Person, tuple[Grant, ...]], ...]
    """With their roles there."""
    total: int
    """How many fit what was asked, on every page."""
    next: str | None
    """The person after whom the next page begins; None on the last."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session as its owner sees it: everything but the token."""

    id: str
    person: str
    kind: SessionKind
    label: str
    methods: frozenset[str]
    authenticated: datetime.datetime
    created: datetime.datetime
    seen: datetime.datetime
    expires: datetime.datetime


@dataclass(frozen=True, slots=True)
class PasskeyRecord:
    """A passkey as its owner sees it."""

    id: str
    """16 hexadecimal digits of the credential id's SHA-256."""
    label: str
    created: datetime.datetime
    used: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as the administrators of its organisation see it."""

    id: str
    organisation: str
    roles: frozenset[Role]
    address: str | None
    """None once it was forgotten, and for the first administrator, who says it."""
    invited_by: str
    created: datetime.datetime
    expires: datetime.datetime
    used: datetime.datetime | None
    revoked: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is acting, as far as one request has shown: a person in a session, a program with a key, or nobody."""

    person: str | None = None
    name: str = ""
    session: str | None = None
    kind: SessionKind | None = None
    authenticated: datetime.datetime | None = None
    """When the person last showed who they are."""
    roles: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    """Organisation id → roles."""
    key: str | None = None
    organisation: str | None = None
    """The one organisation a key belongs to; None for a key of the instance."""
    scopes: frozenset[str] = frozenset()

    @property
    def is_nobody(self) -> bool:
        """Whether nothing at all was shown."""
        return self.person is None and self.key is None

    @property
    def tag(self) -> str:
        """How the audit trail names them: never by what could identify a natural person outside this database."""
        if self.person is not None:
            return f"person:{self.person}"
        return f"key:{self.key}" if self.key is not None else "nobody"


NOBODY = Actor()

TargetKind = Literal["organisation", "person", "instance"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is acted on."""

    kind: TargetKind
    id: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind


@dataclass(frozen=True, slots=True)
class Action:
    """Something one may do, and who may."""

    name: str
    """subject:verb."""
    meaning: str
    on: TargetKind
    roles: frozenset[Role] = frozenset()
    """Roles in the target organisation that may."""
    scope: str | None = None
    """The scope with which a key of the organisation may."""
    fresh: bool = False
    """Whether a person must have shown who they are a short while ago."""
    office: bool = False
    """Whether administrators of the office may, for any organisation."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One link of the chain that leads to a decision."""

    name: str
    """Stable, for programs and translations."""
    holds: bool
    text: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """Who could grant what was refused, as a sentence."""

    text: str
    organisation: str | None = None
    """Whose administrators could; None where it is not theirs to grant."""
    people: tuple[str, ...] = ()
    """Their names, for a reader who may see the people of that organisation."""


@dataclass(frozen=True, slots=True)
class Decision:
    """May they: the answer, and every reason in order. The last one decided."""

    allowed: bool
    actor: str
    action: str
    target: str
    reasons: tuple[Reason, ...]
    remedy: Remedy | None = None
    """Of a refusal, where somebody could grant it."""

    def document(self) -> dict[str, Any]:
        """Why, for programs: `reasons`, and `remedy` where there is one."""
        reasons = [{"name": link.name, "holds": link.holds, "text": link.text} for link in self.reasons]
        if self.remedy is None:
            return {"reasons": reasons}
        return {"reasons": reasons, "remedy": {"text": self.remedy.text, "people": list(self.remedy.people)}}

    def __str__(self) -> str:
        return "; ".join(reason.text for reason in self.reasons)
