# SPDX-License-Identifier: Apache-2.0
"""Transactions as other libraries sign them are read with the sender they mean; anything bent is refused."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account as LocalAccount
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence.rlp import decode, encode
from maillon.ledger.embedded.transaction import decode_transaction, minimum_gas
from maillon.ledger.errors import InvalidTransaction

LOCAL = LocalAccount.from_key(bytes([9]) * 32)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
COMMON: dict[str, Any] = {"chainId": 7_700_000_042, "nonce": 3, "gas": 50_000, "value": 4, "data": "0x0102"}
LISTED = [{"address": "0x" + "11" * 20, "storageKeys": ["0x" + "22" * 32, "0x" + "33" * 32]}]
TO = "0x" + "77" * 20
KINDS: list[dict[str, Any]] = [
    {"to": TO, "gasPrice": 10},
    {"gasPrice": 10},
    {"to": TO, "gasPrice": 10, "type": 1, "accessList": LISTED},
    {"to": TO, "maxFeePerGas": 20, "maxPriorityFeePerGas": 5, "accessList": LISTED},
    {"to": TO, "maxFeePerGas": 20, "maxPriorityFeePerGas": 5},
]


@pytest.mark.parametrize("kind", KINDS)
def test_three_types_are_read(kind: dict[str, Any]) -> None:
    signed = LOCAL.sign_transaction(COMMON | kind)
    read = decode_transaction(bytes(signed.raw_transaction))
    assert read.hash == bytes(signed.hash)
    assert "0x" + read.sender.hex() == LOCAL.address.lower()
    assert (read.chain_id, read.nonce, read.gas, read.value, read.data) == (7_700_000_042, 3, 50_000, 4, b"\1\2")
    assert (read.r, read.s, read.v) == (signed.r, signed.s, signed.v)
    assert read.effective_gas_price(7) == (10 if "gasPrice" in kind else 12)
    slots = 2 if "accessList" in kind else 0
    base = 21_000 + 32 + (0 if "to" in kind else 32_000)
    assert read.intrinsic_gas == base + (2_400 + slots * 1_900 if slots else 0)
    assert minimum_gas(read)[1] == 21_000 + 80


def test_the_other_half_of_the_curve_is_refused() -> None:
    raw = bytes(LOCAL.sign_transaction(COMMON | KINDS[4]).raw_transaction)
    fields = decode(raw[1:])
    assert isinstance(fields, list)
    parity, s = fields[-3], fields[-1]
    assert isinstance(s, bytes)
    bent = [*fields[:-3], b"" if parity else b"\1", fields[-2], ORDER - int.from_bytes(s, "big")]
    with pytest.raises(InvalidTransaction, match="invalid transaction v, r, s"):
        decode_transaction(b"\2" + encode(bent))


def test_without_a_chain_id_it_is_refused() -> None:
    fields = [0, 10, 21_000, bytes(20), 0, b"", 27, 1, 1]
    with pytest.raises(InvalidTransaction, match="replay-protected"):
        decode_transaction(encode(fields))


def test_oversized_data_is_refused() -> None:
    with pytest.raises(InvalidTransaction, match="oversized data"):
        decode_transaction(b"\2" * 131_073)


@given(st.binary(max_size=300))
def test_noise_is_refused_and_never_breaks(noise: bytes) -> None:
    for prefix in (b"", b"\1", b"\2"):
        with pytest.raises(InvalidTransaction):
            decode_transaction(prefix + noise)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_never_keeps_the_sender(position: int, bit: int) -> None:
    raw = bytearray(LOCAL.sign_transaction(COMMON | KINDS[3]).raw_transaction)
    raw[position % len(raw)] ^= 1 << bit
    try:
        read = decode_transaction(bytes(raw))
    except InvalidTransaction:
        return
    assert "0x" + read.sender.hex() != LOCAL.address.lower()
