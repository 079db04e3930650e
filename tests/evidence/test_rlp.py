# SPDX-License-Identifier: Apache-2.0
"""RLP against the `rlp` package, and every encoding that is not the one of its value refused."""

from __future__ import annotations

from typing import Any

import pytest
import rlp as reference
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence import rlp
from maillon.evidence.errors import Unreadable

STRINGS = st.binary(max_size=80) | st.binary(min_size=31, max_size=33)
ITEMS = st.recursive(STRINGS, lambda inner: st.lists(inner, max_size=6), max_leaves=30)


def as_lists(item: Any) -> Any:
    return item if isinstance(item, bytes) else [as_lists(part) for part in item]


@given(ITEMS)
def test_the_reference_reads_and_writes_the_same(item: Any) -> None:
    encoded = rlp.encode(item)
    assert encoded == reference.encode(item)
    assert rlp.decode(encoded) == as_lists(reference.decode(encoded)) == item


@given(st.binary(max_size=200))
def test_what_is_read_is_written_back_byte_for_byte(data: bytes) -> None:
    # Strictness in one line: no two byte strings mean one item.
    try:
        item = rlp.decode(data)
    except Unreadable:
        return
    assert rlp.encode(item) == data


@given(ITEMS, st.data())
def test_a_changed_byte_is_refused_or_another_item(item: Any, data: st.DataObject) -> None:
    encoded = bytearray(rlp.encode(item))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        assert rlp.decode(bytes(encoded)) != item
    except Unreadable:
        return


@given(st.integers(0, 2**256 - 1))
def test_integers(number: int) -> None:
    encoded = rlp.encode(number)
    assert encoded == reference.encode(number)
    assert rlp.to_integer(rlp.decode(encoded), "it") == number


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        ("", "cut short"),
        ("8100", "single byte"),
        ("817f", "single byte"),
        ("b800", "leading zero"),
        ("b801ff", "short length"),
        ("b837" + "00" * 55, "short length"),
        ("b90038" + "00" * 56, "leading zero"),
        ("b8", "cut short"),
        ("bf0100000000000000", "cut short|longer"),
        ("bfffffffffffffffff", "longer"),
        ("83abcd", "longer"),
        ("c3830000", "longer"),
        ("c28200", "longer"),
        ("c1c1", "longer"),
        ("f801c0", "short length"),
        ("f800", "leading zero"),
        ("c000", "after"),
        ("0101", "after"),
        ("c28100", "single byte"),
    ],
)
def test_every_other_encoding_is_refused(encoded: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        rlp.decode(bytes.fromhex(encoded))


def nested(depth: int) -> bytes:
    data = b"\xc0"
    for _ in range(depth - 1):
        data = rlp.encode([rlp.decode(data)]) if len(data) < 10 else bytes([0xC0 + len(data)]) + data
    return data


def test_nesting_is_bounded() -> None:
    rlp.decode(nested(rlp.MAXIMUM_DEPTH))
    for depth in (rlp.MAXIMUM_DEPTH + 1, 50):
        with pytest.raises(Unreadable, match="nested deeper"):
            rlp.decode(nested(depth))


def test_a_length_of_the_whole_is_not_one_of_the_part() -> None:
    # The inner string claims bytes that exist, but behind the list that holds it.
    with pytest.raises(Unreadable, match="longer"):
        rlp.decode(bytes.fromhex("c28301" + "0203"))


def test_integers_have_one_form() -> None:
    for item in (b"\0", b"\0\1", [], [b"\1"], b"\1" * 33):
        with pytest.raises(Unreadable):
            rlp.to_integer(item, "it")
    with pytest.raises(Unreadable):
        rlp.to_integer(b"\1" * 9, "it", 8)
    assert rlp.to_integer(b"", "it") == 0


def test_what_is_not_bytes_integers_or_lists_is_not_encoded() -> None:
    for item in ("text", bytearray(b"bytes"), ["text"], None, {1: 2}):
        with pytest.raises(TypeError):
            rlp.encode(item)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="negative"):
        rlp.encode(-1)
    assert rlp.encode((1, [b"", 0])) == bytes.fromhex("c401c28080")


def test_a_list_is_asked_for() -> None:
    assert rlp.decode_list(b"\xc0", "it") == []
    with pytest.raises(Unreadable, match="it is an RLP list"):
        rlp.decode_list(b"\x80", "it")
