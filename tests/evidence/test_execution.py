# SPDX-License-Identifier: Apache-2.0
"""The header of an execution block: each field has its form, and the hash is over all of them."""

from __future__ import annotations

import pytest
import workshop
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence import rlp
from maillon.evidence.errors import Unreadable
from maillon.evidence.execution import MAXIMUM_HEADER, ExecutionHeader
from maillon.evidence.hashing import keccak256

STATE = workshop.seed("state")
DATA = workshop.execution_header(STATE, 41, workshop.TIME)
FIELDS = rlp.decode_list(DATA, "a header")


def test_what_it_says() -> None:
    header = ExecutionHeader.decode(DATA)
    assert header == ExecutionHeader(keccak256(DATA), workshop.seed("parent"), STATE, 41, workshop.TIME)


@given(st.integers(0, len(DATA) * 8 - 1))
def test_a_flipped_bit_is_another_header_or_none(bit: int) -> None:
    altered = bytearray(DATA)
    altered[bit // 8] ^= 1 << bit % 8
    try:
        assert ExecutionHeader.decode(bytes(altered)).hash != keccak256(DATA)
    except Unreadable:
        return


@pytest.mark.parametrize("position", range(21))
def test_every_field_is_looked_at(position: int) -> None:
    for wrong in ([], [b"\1"], b"\0\1" if position in {7, 8, 9, 10, 11, 15, 17, 18} else bytes(33)):
        fields = [*FIELDS[:position], wrong, *FIELDS[position + 1 :]]
        with pytest.raises(Unreadable):
            ExecutionHeader.decode(rlp.encode(fields))


def test_other_lists_are_no_header() -> None:
    for fields in ([], FIELDS[:20], [*FIELDS, b""]):
        with pytest.raises(Unreadable, match="21 fields"):
            ExecutionHeader.decode(rlp.encode(fields))
    for data in (b"", b"\x80", DATA + b"\0", DATA[:-1], bytes(MAXIMUM_HEADER + 1)):
        with pytest.raises(Unreadable):
            ExecutionHeader.decode(data)
