# SPDX-License-Identifier: Apache-2.0
"""Strict JSON and the texts inside it; digests and entries, which are read from there."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence.document import Fields, ethereum_bytes, read
from maillon.evidence.entry import Entry, commitment, payload_length, public
from maillon.evidence.errors import Unreadable, WrongLength
from maillon.evidence.hashing import Algorithm, Digest, digest_of, keccak256, parse_base64, parse_hexadecimal


def fields(text: str) -> Fields:
    return read(text.encode(), "the document")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "1", '"text"', "null", '{"a":1,"a":1}', '{"a":NaN}', '{"a":1.0}', '{"a":1e3}', '{"a":%s}' % ("1" * 20)],
)
def test_documents_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        fields(text)


def test_documents_that_are_not_utf_8_or_too_large() -> None:
    with pytest.raises(Unreadable):
        read(b'{"a":"\xff"}', "the document")
    with pytest.raises(Unreadable):
        read('{"a":1}'.encode("utf-16"), "the document")
    with pytest.raises(Unreadable):
        read(b"{} ", "the document", maximum=2)


def test_members_are_asked_for_by_type_once_and_none_is_left() -> None:
    document = fields('{"n":5,"t":"x","d":"7","q":"0x0a","l":[1],"o":{}}')
    assert document.integer("n") == 5
    assert document.text("t") == "x"
    assert document.decimal("d") == 7
    assert document.quantity("q") == 10
    assert document.list("l", 1) == [1]
    document.fields("o").end()
    document.end()
    with pytest.raises(Unreadable, match="lacks n"):
        document.integer("n")
    with pytest.raises(Unreadable, match="unknown here"):
        fields('{"n":5}').end()


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("integer", ['"5"', "true", "-1", "9223372036854775808", "null"]),
        ("text", ["5", "null", '"\\udfff"', "[]"]),
        ("decimal", ["5", '"05"', '"+5"', '"5 "', '"\\u0665"', '""', '"9223372036854775808"', '"-1"']),
        ("quantity", ['"5"', '"0x"', '"0xA"', '"0x%s"' % ("1" * 65), "5"]),
        ("hexadecimal", ['"0"', '"AA"', '"0x00"', '"\\u0660\\u0660"', "0"]),
        ("ethereum", ['"00"', '"0x0"', '"0xAA"', '"0x00 "', "0"]),
        ("encoded", ['"A"', '"AA"', '"AB=="', '"AA==\\n"', '"_w=="', '"\\u00e9"', "0"]),
        ("fields", ["[]", '"x"', "null"]),
    ],
)
def test_members_of_another_type_are_refused(method: str, values: list[str]) -> None:
    for value in values:
        with pytest.raises(Unreadable):
            getattr(fields(f'{{"a":{value}}}'), method)("a")


def test_lists_have_limits() -> None:
    with pytest.raises(Unreadable):
        fields('{"a":[1,2]}').list("a", 1)
    with pytest.raises(Unreadable):
        fields('{"a":[1]}').each("a", 1, lambda item: item)


@given(st.binary(max_size=100))
def test_each_writing_of_bytes_comes_back(data: bytes) -> None:
    assert parse_base64(base64.b64encode(data).decode(), "it") == data
    assert parse_hexadecimal(data.hex(), "it") == data
    assert ethereum_bytes("0x" + data.hex(), "it") == data
    document = json.dumps({"a": base64.b64encode(data).decode(), "b": data.hex(), "c": data[:32].hex().upper()})
    assert fields(document).encoded("a") == data
    assert fields(document).hexadecimal("b") == data
    assert fields(document).cometbft("c", (len(data[:32]),)) == data[:32]


@given(st.text(max_size=12))
def test_only_the_canonical_base64_is_read(text: str) -> None:
    try:
        data = parse_base64(text, "it")
    except Unreadable:
        return
    assert base64.b64encode(data).decode() == text


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_a_digest_does_not_depend_on_the_pieces(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    for algorithm, reference in zip(Algorithm, (hashlib.sha256, hashlib.sha384, hashlib.sha512), strict=True):
        digest = digest_of(chunks, algorithm)
        assert digest.value == reference(whole).digest()
        assert Digest.parse(algorithm.value, digest.value.hex()) == digest


def test_keccak_is_the_one_before_the_standard() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@given(st.binary(min_size=32, max_size=32), st.sampled_from(list(Algorithm)), st.binary(max_size=20))
def test_an_entry_binds_salt_and_digest(salt: bytes, algorithm: Algorithm, content: bytes) -> None:
    digest = digest_of([content], algorithm)
    entry = commitment(salt, digest)
    assert entry.encode() == b"\x00" + hashlib.sha256(salt + digest.value).digest()
    assert Entry.decode(entry.encode()) == entry
    assert not entry.is_public
    assert public(digest).is_public
    assert public(digest).digest() == digest
    assert len(public(digest).payload) == payload_length(public(digest).kind)
    other = bytes([salt[0] ^ 1]) + salt[1:]
    assert commitment(other, digest) != entry
    with pytest.raises(WrongLength):
        commitment(salt[:-1], digest)


@given(st.binary(max_size=80))
def test_bytes_are_an_entry_in_one_way_or_none(data: bytes) -> None:
    try:
        entry = Entry.decode(data)
    except Unreadable:
        return
    assert entry.encode() == data


def test_kinds_unknown_here() -> None:
    with pytest.raises(Unreadable):
        payload_length(9)
