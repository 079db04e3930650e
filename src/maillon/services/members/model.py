# SPDX-License-Identifier: Apache-2.0
"""The nouns: identifiers, organisations, applications, documents. Frozen values, no behaviour.

The numbers of kinds, statuses, scopes and offices are those of the contract (contracts/interfaces/IMembers.vyi).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


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

    scheme: Scheme
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
