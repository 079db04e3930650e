# SPDX-License-Identifier: Apache-2.0
"""A payload has one encoding: what decodes encodes to the same bytes, and every other byte string is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence.rlp import encode
from maillon.network.errors import ExecutionUnavailable, PayloadUnreadable
from maillon.network.payload import MAXIMUM_PAYLOAD, Payload, Withdrawal

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
        bytes(MAXIMUM_PAYLOAD + 1),
    ],
    ids=["empty", "nested", "no-fields", "empty-fields", "lists", "long-length", "too-large"],
)
def test_hostile_bytes_are_refused(hostile: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        Payload.decode(hostile)


@given(PAYLOADS, st.binary(min_size=1, max_size=20))
def test_nothing_may_follow(payload: Payload, more: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        Payload.decode(payload.encode() + more)


def test_an_engine_that_answers_something_else_is_not_a_refusal() -> None:
    with pytest.raises(ExecutionUnavailable):
        Payload.from_engine({"parentHash": 3}, [])
