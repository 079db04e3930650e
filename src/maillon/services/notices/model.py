# SPDX-License-Identifier: Apache-2.0
"""The nouns: what somebody sees, what they are shown of it, and what they chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from maillon.kit.notices import Kind, Notice


@dataclass(frozen=True, slots=True)
class Sight:
    """Which notices somebody sees."""

    person: str
    since: int
    """Unix time in seconds at which their account was made: what was before is not news to them."""
    organisations: Mapping[str, frozenset[str]]
    """By organisation, the kinds their roles there let them see."""
    members: frozenset[str]
    """Kinds that concern every member, which their roles in a present member let them see."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A notice as one person has it."""

    notice: Notice
    read: bool


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Some notices, newest first."""

    notices: tuple[Seen, ...]
    next: int | None
    """Continue below this number; None at the end."""
    unread: int
    """How many are unread in all, `rules.COUNTED` at most."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether a kind of notice is written to somebody as well."""

    kind: Kind
    mail: bool
    fixed: bool
    """Whether it cannot be declined."""
