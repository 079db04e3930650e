# SPDX-License-Identifier: Apache-2.0
"""The header of an Ethereum block (Prague and Osaka: 21 RLP fields): its hash, and the fields evidence needs."""

from __future__ import annotations

from dataclasses import dataclass

from maillon.evidence.errors import Unreadable
from maillon.evidence.hashing import keccak256
from maillon.evidence.rlp import Item, decode_list, to_integer

MAXIMUM_HEADER = 2048
_FIELDS = 21
_YEAR_10000 = 253_402_300_800
"""Later times have no calendar date, and no chain will see them."""
_LENGTHS = {0: 32, 1: 32, 2: 20, 3: 32, 4: 32, 5: 32, 6: 256, 13: 32, 14: 8, 16: 32, 19: 32, 20: 32}
"""Bytes of each field that has a fixed length, by position."""
_INTEGERS = {7: 32, 8: 8, 9: 8, 10: 8, 11: 8, 15: 32, 17: 8, 18: 8}
"""The most bytes of each field that is a number: difficulty, number, gas, time, base fee, blob gas."""
_EXTRA_DATA, _MAXIMUM_EXTRA_DATA = 12, 32


@dataclass(frozen=True, slots=True)
class ExecutionHeader:
    """What a block header says, with the hash that commits to all of it."""

    hash: bytes
    parent_hash: bytes
    state_root: bytes
    number: int
    timestamp: int
    """Seconds since 1970."""

    @classmethod
    def decode(cls, data: bytes) -> ExecutionHeader:
        """From its RLP; raises `Unreadable`."""
        if len(data) > MAXIMUM_HEADER:
            raise Unreadable(f"a header has at most {MAXIMUM_HEADER} bytes")
        fields = decode_list(data, "a header")
        if len(fields) != _FIELDS:
            raise Unreadable(f"a header has {_FIELDS} fields, this one {len(fields)}")
        for position, length in _LENGTHS.items():
            if _bytes(fields[position]) != length:
                raise Unreadable(f"field {position} of a header has {length} bytes")
        parent, root = fields[0], fields[3]
        assert isinstance(parent, bytes) and isinstance(root, bytes)  # noqa: PT018 - measured just above
        if not 0 <= _bytes(fields[_EXTRA_DATA]) <= _MAXIMUM_EXTRA_DATA:
            raise Unreadable(f"the extra data of a header has at most {_MAXIMUM_EXTRA_DATA} bytes")
        numbers = {
            position: to_integer(fields[position], f"field {position} of a header", maximum)
            for position, maximum in _INTEGERS.items()
        }
        number, time = numbers[8], numbers[11]
        if time >= _YEAR_10000:
            raise Unreadable("a block time after the year 9999")
        return cls(keccak256(data), parent, root, number, time)


def _bytes(item: Item) -> int:
    """The length of a byte string, -1 of a list."""
    return -1 if isinstance(item, list) else len(item)
