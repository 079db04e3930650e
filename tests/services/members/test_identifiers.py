# SPDX-License-Identifier: Apache-2.0
"""Legal identifiers: the vectors, and what must hold of any text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence.hashing import keccak256
from maillon.services.members import errors
from maillon.services.members.identifiers import (
    country,
    example,
    guess,
    identifier_hash,
    legal_person,
    parse,
    parse_scheme,
    public_source,
    scheme_word,
    shown,
)
from maillon.services.members.model import Identifier, Scheme

VECTORS = json.loads(Path("vectors/members/identifiers.json").read_text())
ON_CHAIN = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,63}")
"""The alphabet of the contract."""


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: f"{vector['scheme']}:{vector['typed']}")
def test_a_good_identifier_gets_its_normal_form(vector: dict[str, Any]) -> None:
    read = parse(Scheme(vector["scheme"]), vector["typed"])
    assert read.value == vector["value"]
    assert identifier_hash(read).hex() == vector["hash"]
    assert country(read) == vector["country"]
    assert str(legal_person(read)) == vector["legal_person"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: f"{vector['scheme']}:{vector['typed']}")
def test_a_wrong_identifier_is_refused_with_its_reason(vector: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidIdentifier) as refused:
        parse(Scheme(vector["scheme"]), vector["typed"])
    assert type(refused.value).__name__ == vector["reason"]
    assert str(refused.value)


def test_the_vectors_hold_every_scheme_and_every_country_of_vies() -> None:
    assert {vector["scheme"] for vector in VECTORS["valid"]} == set(Scheme)
    assert {vector["scheme"] for vector in VECTORS["refused"]} == set(Scheme)
    prefixes = {vector["value"][:2] for vector in VECTORS["valid"] if vector["scheme"] == "vat"}
    assert len(prefixes) == 28


@pytest.mark.parametrize("scheme", Scheme)
def test_the_examples_shown_are_good(scheme: Scheme) -> None:
    assert parse(scheme, example(scheme))


@given(st.sampled_from(VECTORS["valid"]), st.data())
def test_reading_again_what_was_read_or_shown_changes_nothing(vector: dict[str, Any], data: st.DataObject) -> None:
    read = parse(Scheme(vector["scheme"]), vector["typed"])
    assert parse(Scheme(read.scheme), read.value) == read
    assert parse(Scheme(read.scheme), shown(read)) == read
    place = data.draw(st.integers(0, len(read.value)))
    assert parse(Scheme(read.scheme), read.value[:place].lower() + "\u00a0" + read.value[place:]) == read


@given(st.sampled_from(Scheme), st.text(max_size=120))
def test_any_text_is_refused_or_fits_the_chain(scheme: Scheme, text: str) -> None:
    try:
        read = parse(scheme, text)
    except errors.InvalidIdentifier:
        return
    assert ON_CHAIN.fullmatch(read.value)


@pytest.mark.parametrize("scheme", [Scheme.SIREN, Scheme.SIRET, Scheme.LEI])
@given(data=st.data())
def test_one_wrong_digit_is_always_found(scheme: Scheme, data: st.DataObject) -> None:
    valid = [v["value"] for v in VECTORS["valid"] if v["scheme"] == scheme and not v["value"].startswith("356000000")]
    value = data.draw(st.sampled_from(valid))
    places = [place for place, character in enumerate(value) if character.isdigit()]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != value[place]]))
    with pytest.raises(errors.IdentifierCheckDigit):
        parse(scheme, value[:place] + other + value[place + 1 :])


@given(st.integers(0, 99_999_999))
def test_french_identifiers_of_one_legal_person_are_one(number: int) -> None:
    body = f"{number:08}"
    siren = next(body + digit for digit in "0123456789" if _is_siren(body + digit))
    expected = Identifier(Scheme.SIREN, siren)
    key = (12 + 3 * (int(siren) % 97)) % 97
    for scheme, text in ((Scheme.SIREN, siren), (Scheme.VAT, f"FR{key:02}{siren}"), (Scheme.EUID, f"FR7501.{siren}")):
        assert legal_person(parse(scheme, text)) == expected


def _is_siren(text: str) -> bool:
    try:
        parse(Scheme.SIREN, text)
    except errors.IdentifierCheckDigit:
        return False
    return True


def test_the_hash_is_over_the_padded_scheme_and_the_value() -> None:
    word = b"siren" + bytes(27)
    assert scheme_word(Scheme.SIREN) == word
    assert identifier_hash(Identifier(Scheme.SIREN, "552032534")) == keccak256(word + b"552032534")


def test_a_scheme_is_known_by_its_name_alone() -> None:
    assert parse_scheme(" SIREN ") is Scheme.SIREN
    for text in ("", "duns", "siren\x00", "x" * 10_000):
        with pytest.raises(errors.UnknownScheme):
            parse_scheme(text)


def test_a_typed_number_is_recognised_for_searching() -> None:
    assert guess("552 032 534") == [Identifier(Scheme.SIREN, "552032534")]
    assert [found.scheme for found in guess("FR7501.552032534")] == [Scheme.EUID]
    assert guess("Banque Cormoran") == []


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: f"{vector['scheme']}:{vector['typed']}")
def test_everyone_can_check_it_at_its_source(vector: dict[str, Any]) -> None:
    read = parse(Scheme(vector["scheme"]), vector["typed"])
    source = public_source(read)
    assert source.url.startswith("https://")
    assert source.is_direct == (read.value in source.url)
