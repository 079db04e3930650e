# SPDX-License-Identifier: Apache-2.0
"""A payload has one list of bytes: what decodes encodes to the same, packed where it is long; all else is refused."""

from __future__ import annotations

import dataclasses
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence.rlp import encode
from maillon.network.errors import ExecutionUnavailable, PayloadUnreadable
from maillon.network.payload import MAXIMUM_PAYLOAD, PACKED, PLAIN, Payload, Withdrawal

WORD = st.binary(min_size=32, max_size=32)
ADDRESS = st.binary(min_size=20, max_size=20)
NUMBER = st.integers(0, 2**64 - 1)
WITHDRAWALS = st.lists(st.builds(Withdrawal, NUMBER, ADDRESS, NUMBER), max_size=5).map(tuple)
PAYLOADS = st.builds(
    Payload,
    parent_hash=WORD,
    fee_recipient=ADDRESS,
    state_root=WORD,
    receipts_root=WORD,
    logs_bloom=st.binary(min_size=256, max_size=256),
    prev_randao=WORD,
    number=NUMBER,
    gas_limit=NUMBER,
    gas_used=NUMBER,
    timestamp=NUMBER,
    extra_data=st.binary(max_size=32),
    base_fee=st.integers(0, 2**256 - 1),
    hash=WORD,
    transactions=st.lists(st.binary(max_size=300), max_size=6).map(tuple),
    withdrawals=WITHDRAWALS,
    blob_gas_used=NUMBER,
    excess_blob_gas=NUMBER,
    requests=st.lists(st.binary(max_size=100), max_size=3).map(tuple),
)


LONG = Payload(
    parent_hash=bytes(32),
    fee_recipient=bytes(20),
    state_root=bytes(32),
    receipts_root=bytes(32),
    logs_bloom=bytes(256),
    prev_randao=bytes(32),
    number=1,
    gas_limit=100_000_000,
    gas_used=100_000_000,
    timestamp=1,
    extra_data=b"maillon",
    base_fee=7,
    hash=bytes(32),
    transactions=(bytes(2 * PLAIN),),
    withdrawals=(),
    blob_gas_used=0,
    excess_blob_gas=100,
    requests=(),
)


@given(PAYLOADS)
def test_bytes_and_value_are_inverse(payload: Payload) -> None:
    assert Payload.decode(payload.encode()) == payload


@given(PAYLOADS)
def test_the_engine_api_gives_it_back(payload: Payload) -> None:
    document, requests = payload.to_engine()
    assert Payload.from_engine(document, requests) == payload


@given(PAYLOADS, st.data())
def test_changed_bytes_are_another_payload_or_none(payload: Payload, data: st.DataObject) -> None:
    encoded = bytearray(payload.encode())
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    changed = bytes(encoded)
    try:
        decoded = Payload.decode(changed)
    except PayloadUnreadable:
        return
    assert decoded != payload
    assert decoded.encode() == changed


@given(st.binary(max_size=400))
def test_garbage_is_refused_as_unreadable_and_nothing_else(garbage: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        Payload.decode(garbage)


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\xc1" * 200_000,
        encode([]),
        encode([b""] * 18),
        encode([[]] * 18),
        b"\xfb\xff\xff\xff\xff",
        b"\xc0" + bytes(MAXIMUM_PAYLOAD),
        zlib.compress(bytes(MAXIMUM_PAYLOAD + 1)),
        zlib.compress(bytes(2**30)),
        LONG.encode()[:-1],
        LONG.encode() + b"\0",
        zlib.compress(encode([b""] * 18)),
        b"\x78\x9c" + bytes(100),
    ],
    ids=[
        "empty",
        "nested",
        "no-fields",
        "empty-fields",
        "lists",
        "long-length",
        "too-large",
        "packed-too-large",
        "packed-bomb",
        "packed-cut",
        "packed-more",
        "packed-short",
        "packed-garbage",
    ],
)
def test_hostile_bytes_are_refused(hostile: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        Payload.decode(hostile)


@given(PAYLOADS, st.binary(min_size=1, max_size=20))
def test_nothing_may_follow(payload: Payload, more: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        Payload.decode(payload.encode() + more)


@pytest.mark.parametrize("zeros", [0.0, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0])
def test_what_a_block_may_carry_fits_a_line(zeros: float) -> None:
    """As many bytes as 100,000,000 gas pay for (EIP-7623) and a block may have (EIP-7934), this part of them zeros."""
    chance = random.Random(7)
    size = min(int(100_000_000 / (10 * zeros + 40 * (1 - zeros))), 8 * 1024 * 1024)
    kept = bytes(0 if value < 256 * zeros else 0xFF for value in range(256))
    drawn, mask = (
        int.from_bytes(chance.randbytes(size).translate(table)) for table in (bytes([1, *range(1, 256)]), kept)
    )
    content = (drawn & mask).to_bytes(size)
    pieces = tuple(content[start : start + 125_000] for start in range(0, size, 125_000))
    payload = dataclasses.replace(LONG, transactions=pieces)
    encoded = payload.encode()
    assert len(encoded) <= PACKED
    assert Payload.decode(encoded) == payload
    assert zeros < 1 or len(encoded) < 100_000
    assert zeros > 0 or encoded[0] >= 0xC0, "what does not become shorter is carried as it is"


def test_a_short_payload_is_not_packed() -> None:
    short, long = (dataclasses.replace(LONG, transactions=(bytes(size),)).encode() for size in (PLAIN // 2, PLAIN))
    assert short[0] >= 0xC0
    assert long[0] == 0x78


def test_an_engine_that_answers_something_else_is_not_a_refusal() -> None:
    with pytest.raises(ExecutionUnavailable):
        Payload.from_engine({"parentHash": 3}, [])
