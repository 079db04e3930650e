# SPDX-License-Identifier: Apache-2.0
"""Recursive Length Prefix (Ethereum yellow paper, appendix B): strict, bounded decoding, and encoding.

Only the one canonical encoding of each value is accepted, so that two byte strings never mean the same thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from maillon.evidence.errors import Unreadable

Item: TypeAlias = "bytes | list[Item]"

MAXIMUM_DEPTH = 16
_HASH = 0xA0
"""The prefix of a string of 32 bytes."""


def _length(data: bytes, position: int, size: int, end: int) -> int:
    """A length written in `size` bytes before `end`, in the shortest form only."""
    written = data[position : position + size]
    if position + size > end or written[0] == 0:
        raise Unreadable("RLP: a length is cut short or has a leading zero")
    length = int.from_bytes(written, "big")
    if length < 56:
        raise Unreadable("RLP: a short length in the long form")
    return length


def _decode(data: bytes, position: int, end: int, depth: int) -> tuple[Item, int]:
    if position >= end:
        raise Unreadable("RLP: cut short")
    prefix = data[position]
    position += 1
    if prefix < 0x80:
        return bytes([prefix]), position
    is_list = prefix >= 0xC0
    short = prefix - (0xC0 if is_list else 0x80)
    length = short
    if short > 55:
        length = _length(data, position, short - 55, end)
        position += short - 55
    stop = position + length
    if stop > end:
        raise Unreadable("RLP: an item is longer than what holds it")
    if not is_list:
        if length == 1 and data[position] < 0x80:
            raise Unreadable("RLP: a single byte in the long form")
        return data[position:stop], stop
    if depth == MAXIMUM_DEPTH:
        raise Unreadable(f"RLP: lists nested deeper than {MAXIMUM_DEPTH}")
    items: list[Item] = []
    while position < stop:
        if data[position] == _HASH and position + 33 <= stop:
            # Most of what tries hold, without the general way.
            items.append(data[position + 1 : position + 33])
            position += 33
            continue
        item, position = _decode(data, position, stop, depth + 1)
        items.append(item)
    return items, stop


def decode(data: bytes) -> Item:
    """The one item these bytes encode; raises `Unreadable`."""
    item, end = _decode(data, 0, len(data), 0)
    if end != len(data):
        raise Unreadable("RLP: bytes after the item")
    return item


def decode_list(data: bytes, what: str) -> list[Item]:
    """The same, for what must be a list."""
    item = decode(data)
    if not isinstance(item, list):
        raise Unreadable(f"{what} is an RLP list")
    return item


def _prefixed(offset: int, payload: bytes) -> bytes:
    if len(payload) < 56:
        return bytes([offset + len(payload)]) + payload
    length = len(payload).to_bytes((len(payload).bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(length)]) + length + payload


def encode(item: bytes | int | Sequence[object]) -> bytes:
    """The encoding of bytes, of a non-negative integer (big-endian, zero is empty), or of a sequence of these."""
    if isinstance(item, bytes):
        if len(item) == 32:
            return b"\xa0" + item
        return item if len(item) == 1 and item[0] < 0x80 else _prefixed(0x80, item)
    if isinstance(item, int):
        if item < 0:
            raise ValueError("RLP has no negative numbers")
        return encode(item.to_bytes((item.bit_length() + 7) // 8, "big"))
    if not isinstance(item, (list, tuple)):
        # A text, or a bytearray, would pass for a list of its members.
        raise TypeError(f"RLP encodes bytes, integers and lists, not {type(item).__name__}")
    return _prefixed(0xC0, b"".join([encode(part) for part in item]))


def to_integer(item: Item, what: str, maximum_length: int = 32) -> int:
    """A big-endian integer without leading zeros; raises `Unreadable`, naming `what`."""
    if isinstance(item, list) or len(item) > maximum_length or item[:1] == b"\x00":
        raise Unreadable(f"{what} is not a canonical integer")
    return int.from_bytes(item, "big")
