# SPDX-License-Identifier: Apache-2.0
"""DER has one form for each value: what another library writes is read, and every other way to write it is refused."""

from __future__ import annotations

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence import der
from maillon.evidence.errors import Unreadable


@given(st.integers())
def test_numbers_are_those_of_another_library(number: int) -> None:
    encoded = core.Integer(number).dump()
    assert der.integer(der.read(encoded, der.INTEGER)) == number


@given(st.integers(0, 2), st.lists(st.integers(0, 2**40), min_size=1, max_size=8))
def test_identifiers_are_those_of_another_library(top: int, rest: list[int]) -> None:
    rest[0] = rest[0] if top == 2 else rest[0] % 40
    name = ".".join(map(str, (top, *rest)))
    encoded = core.ObjectIdentifier(name).dump()
    assert der.dotted(der.read(encoded, der.OBJECT_IDENTIFIER)) == name


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_sequences_are_those_of_another_library(parts: list[bytes]) -> None:
    encoded = core.SequenceOf(parts, spec=core.OctetString).dump()
    walk = der.Walk(der.read(encoded, der.SEQUENCE))
    assert [walk.take(der.OCTET_STRING).body for _ in parts] == parts
    walk.end()


@pytest.mark.parametrize(
    ("why", "encoded"),
    [
        ("nothing", ""),
        ("a tag alone", "30"),
        ("cut short", "300201"),
        ("bytes after it", "050000"),
        ("no length", "30800000"),
        ("a length in a longer form than it needs", "048105" + "00" * 5),
        ("a length with a zero before it", "04820080" + "00" * 128),
        ("a length of five bytes", "04850000000001" + "00"),
        ("a tag number above 30", "1f2000"),
        ("a number with a zero before it", "02020001"),
        ("a negative number with ff before it", "0202ff80"),
        ("a number of no bytes", "0200"),
        ("a truth of 01", "010101"),
        ("a truth of two bytes", "0102ffff"),
        ("an identifier with a zero before a number", "06032a8001"),
        ("an identifier cut short", "06022a86"),
        ("an identifier of nothing", "0600"),
        ("a primitive sequence", "1000"),
        ("a constructed text of bytes", "2400"),
        ("too deep", "".join(f"30{2 * inner:02x}" for inner in range(39, -1, -1))),
        ("inside", "3003020101"[:-2] + "0200"),
        ("inside a tagged element", "a0040202" + "0001"),
    ],
)
def test_every_other_form_is_refused(why: str, encoded: str) -> None:
    data = bytes.fromhex(encoded)
    with pytest.raises(Unreadable):
        der.read(data, data[0] if data else der.SEQUENCE)


@given(st.binary(max_size=60))
def test_noise_is_der_or_unreadable(data: bytes) -> None:
    try:
        read = der.read(data, data[0] if data else der.SEQUENCE)
    except Unreadable:
        return
    assert read.encoded == data


def test_a_walk_takes_in_order() -> None:
    walk = der.Walk(der.read(bytes.fromhex("3005" + "020101" + "0500"), der.SEQUENCE))
    assert walk.perhaps(der.SEQUENCE) is None
    assert der.integer(walk.take(der.INTEGER)) == 1
    with pytest.raises(Unreadable):
        walk.end()
    with pytest.raises(Unreadable):
        walk.take(der.INTEGER)


@pytest.mark.parametrize("held", ["", "020101020101", "0500"])
def test_an_explicit_tag_holds_one_element_of_its_type(held: str) -> None:
    data = bytes.fromhex(held)
    tagged = der.read(bytes([0xA0, len(data)]) + data, der.context(0))
    with pytest.raises(Unreadable):
        tagged.only(der.INTEGER)
    one = der.read(bytes.fromhex("a003020107"), der.context(0))
    assert der.integer(one.only(der.INTEGER)) == 7
