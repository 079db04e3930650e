# SPDX-License-Identifier: Apache-2.0
"""Legal identifiers: read, checked, brought to the one form that is hashed, and led to their public source. Pure.

Two people who type the same identifier differently get the same value: separators go, letters become capitals, the
prefixes of Greece become one. What only looks like it (digits of another script, look-alike letters) is refused, never
repaired. The check digits are python-stdnum's; docs/formats/members.md describes every form for another program.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stdnum import lei
from stdnum.eu import vat
from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError
from stdnum.fr import siren, siret

from maillon.evidence.hashing import keccak256
from maillon.services.members.errors import (
    IdentifierCharacters,
    IdentifierCheckDigit,
    IdentifierLength,
    IdentifierOfPerson,
    IdentifierShape,
    InvalidIdentifier,
    SchemeMissing,
    UnknownScheme,
)
from maillon.services.members.model import Identifier, PublicSource, Scheme

MAXIMUM_VALUE: Final = 64
"""Characters the contract keeps."""
MAXIMUM_TYPED: Final = 100
"""Characters that are read at all: more is no identifier, however it is grouped."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How one scheme is written."""

    label: str
    example: str
    dropped: str
    """Separators people type, beside spaces."""
    length: int | None
    check: Callable[[str], str]


_EUID = re.compile(r"([A-Z]{2})([A-Z0-9]{2,20})\.([A-Z0-9](?:[A-Z0-9._-]{0,38}[A-Z0-9])?)")
_PREFIXES: Final = frozenset(state.upper() for state in vat.MEMBER_STATES if state != "gr") | {"EL"}
"""Those of VIES: the 27, with EL for Greece, and XI for Northern Ireland."""
_REGISTERS: Final = _PREFIXES - {"XI"} | {"IS", "LI", "NO"}
"""The countries of the interconnected business registers: the European Economic Area."""
_OF_PERSONS: Final = re.compile(r"ES[0-9KLMXYZ].*|BG[0-9]{10}|CZ[0-9]{9,10}|LV[0-3][0-9]{10}")
"""VAT numbers made of a natural person's civil number: DNI and NIE, EGN, rodné číslo, personas kods."""


def _check_euid(value: str) -> str:
    """A register's number may have a slash (Romania), which the chain's alphabet lacks: it becomes a hyphen."""
    value = value.replace("/", "-")
    if value.startswith("GR"):
        value = "EL" + value[2:]
    parts = _EUID.fullmatch(value)
    if parts is None or parts[1] not in _REGISTERS:
        raise IdentifierShape("EUID", _FORMS[Scheme.EUID].example)
    if parts[1] == "FR":
        # The French register numbers companies by their SIREN.
        siren.validate(parts[3])
    return value


def _check_vat(value: str) -> str:
    if value.startswith("GR"):
        value = "EL" + value[2:]
    if value[:2] not in _PREFIXES:
        # Among them the one-stop-shop's EU and IM: they name a declaration, not a legal person.
        raise IdentifierShape("VAT", _FORMS[Scheme.VAT].example)
    value = str(vat.validate(value))
    if _OF_PERSONS.fullmatch(value):
        raise IdentifierOfPerson("VAT")
    return value


_FORMS: Final[dict[Scheme, _Form]] = {
    Scheme.SIREN: _Form("SIREN", "552 032 534", ".-", 9, siren.validate),
    Scheme.SIRET: _Form("SIRET", "130 025 265 00013", ".-", 14, siret.validate),
    Scheme.EUID: _Form("EUID", "FR7501.552032534", "", None, _check_euid),
    Scheme.LEI: _Form("LEI", "506700GE1G29325QX363", "-", 20, lei.validate),
    Scheme.VAT: _Form("VAT", "FR 27 552 032 534", ".-", None, _check_vat),
}


def parse_scheme(text: str) -> Scheme:
    """A scheme by its name. Raises `UnknownScheme`."""
    try:
        return Scheme(text.strip().lower())
    except ValueError:
        raise (UnknownScheme(text[:20]) if text else SchemeMissing()) from None


def parse(scheme: Scheme, text: str) -> Identifier:
    """An identifier as people write it, in its normal form. Raises an `InvalidIdentifier` that says what is wrong."""
    form = _FORMS[scheme]
    if len(text) > MAXIMUM_TYPED:
        raise IdentifierLength(form.label, form.length or MAXIMUM_VALUE, len(text))
    # Spaces of every width, which tables and word processors put between groups.
    value = "".join(c for c in text if unicodedata.category(c) != "Zs" and c not in form.dropped and c not in "\t\r\n")
    strange = next((c for c in value if not (c.isascii() and (c.isalnum() or c in "./_-"))), None)
    if strange is not None:
        raise IdentifierCharacters(form.label, shown_character(strange))
    value = value.upper()
    if form.length is not None and len(value) != form.length:
        raise IdentifierLength(form.label, form.length, len(value))
    try:
        value = form.check(value)
    except InvalidChecksum:
        raise IdentifierCheckDigit(form.label) from None
    except InvalidLength:
        raise IdentifierLength(form.label, len(_bare(form.example)), len(value)) from None
    except ValidationError:
        raise IdentifierShape(form.label, form.example) from None
    if not 0 < len(value) <= MAXIMUM_VALUE:
        raise IdentifierLength(form.label, MAXIMUM_VALUE, len(value))
    return Identifier(scheme.value, value)


def is_checked(identifier: Identifier) -> bool:
    """Whether this is an identifier as `parse` makes it: the chain holds what others entered too."""
    try:
        return parse(Scheme(identifier.scheme), identifier.value) == identifier
    except (ValueError, InvalidIdentifier):
        return False


def _bare(text: str) -> str:
    return text.replace(" ", "")


def shown_character(character: str) -> str:
    """A character nobody can mistake: its number and its name, never itself alone."""
    return f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"


def guess(text: str) -> list[Identifier]:
    """Every identifier a typed text could be: for searching."""
    found = []
    for scheme in Scheme:
        try:
            found.append(parse(scheme, text))
        except InvalidIdentifier:
            continue
    return found


def label(scheme: str) -> str:
    """What people call it."""
    known = {form.value: _FORMS[form].label for form in Scheme}
    return known.get(scheme, scheme.upper())


def example(scheme: Scheme) -> str:
    """One that is well formed."""
    return _FORMS[scheme].example


def shown(identifier: Identifier) -> str:
    """As people read it: digits in groups."""
    value = identifier.value
    if not is_checked(identifier):
        return value
    if identifier.scheme in (Scheme.SIREN, Scheme.SIRET):
        return " ".join(part for part in (value[:3], value[3:6], value[6:9], value[9:]) if part)
    if identifier.scheme == Scheme.LEI:
        return " ".join(value[place : place + 4] for place in range(0, 20, 4))
    return value


def scheme_word(scheme: str) -> bytes:
    """The scheme as the contract writes it: its name in ASCII, then zeros, 32 bytes."""
    return scheme.encode("ascii").ljust(32, b"\0")


def identifier_hash(identifier: Identifier) -> bytes:
    """Its key in the contract: Keccak-256 of the scheme's 32 bytes followed by the value."""
    return keccak256(scheme_word(identifier.scheme) + identifier.value.encode("ascii"))


def legal_person(identifier: Identifier) -> Identifier:
    """The legal person behind an identifier, as far as the number itself tells: a SIREN, else the identifier itself.

    A SIREN stands in an establishment's SIRET, in a French VAT number and in a French company's EUID.
    Two identifiers of one legal person are one applicant.
    """
    number = None
    if not is_checked(identifier):
        return identifier
    if identifier.scheme == Scheme.SIRET:
        number = identifier.value[:9]
    elif identifier.scheme == Scheme.VAT and identifier.value.startswith("FR"):
        number = identifier.value[4:]
    elif identifier.scheme == Scheme.EUID and identifier.value.startswith("FR"):
        number = identifier.value.partition(".")[2]
    if number is None or not siren.is_valid(number):
        # Monaco's VAT numbers begin with FR too, and hold no SIREN.
        return identifier
    return Identifier(Scheme.SIREN.value, number)


def country(identifier: Identifier) -> str | None:
    """The country an identifier is of (ISO 3166-1), None when it does not tell."""
    if identifier.scheme in (Scheme.SIREN, Scheme.SIRET):
        return "FR"
    if identifier.scheme == Scheme.LEI:
        return None
    return {"EL": "GR", "XI": "GB"}.get(identifier.value[:2], identifier.value[:2])


def public_source(identifier: Identifier) -> PublicSource | None:
    """Where anyone checks it; None for one we cannot check ourselves. No address is ever asked by this program."""
    value = identifier.value
    if not is_checked(identifier):
        return None
    if identifier.scheme == Scheme.SIREN:
        return PublicSource("INSEE Sirene", f"https://annuaire-entreprises.data.gouv.fr/entreprise/{value}", True)
    if identifier.scheme == Scheme.SIRET:
        return PublicSource("INSEE Sirene", f"https://annuaire-entreprises.data.gouv.fr/etablissement/{value}", True)
    if identifier.scheme == Scheme.LEI:
        return PublicSource("GLEIF", f"https://search.gleif.org/#/record/{value}", True)
    if identifier.scheme == Scheme.EUID:
        page = "topics/registers-business-insolvency-land/business-registers-search-company-eu_en"
        return PublicSource("BRIS", f"https://e-justice.europa.eu/{page}", False)
    return PublicSource("VIES", "https://ec.europa.eu/taxation_customs/vies/", False)
