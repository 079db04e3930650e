# SPDX-License-Identifier: Apache-2.0
"""Signing agrees with an independent implementation, and refuses what is not a signature."""

import pytest
from coincurve import PrivateKey
from eth_account import Account as Reference
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence.rlp import decode_list, encode
from maillon.ledger.errors import InvalidTransaction
from maillon.ledger.port import Address
from maillon.ledger.signing import (
    CURVE_ORDER,
    Account,
    DynamicFeeTransaction,
    checksum,
    recover,
    sender_and_nonce,
)

KEY = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
transactions = st.builds(
    DynamicFeeTransaction,
    chain_id=st.integers(1, 2**53 - 1),
    nonce=st.integers(0, 2**32),
    tip=st.integers(0, 2**64),
    fee=st.integers(2**64, 2**65),
    gas=st.integers(21_000, 2**32),
    to=st.none() | st.binary(min_size=20, max_size=20).map(Address),
    value=st.integers(0, 2**90),
    data=st.binary(max_size=300),
)


@given(transactions)
def test_every_transaction_is_the_reference_implementations(transaction: DynamicFeeTransaction) -> None:
    fields = {
        "type": 2,
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "maxPriorityFeePerGas": transaction.tip,
        "maxFeePerGas": transaction.fee,
        "gas": transaction.gas,
        "value": transaction.value,
        "data": transaction.data,
    }
    if transaction.to is not None:
        fields["to"] = transaction.to
    reference = Reference.sign_transaction(fields, KEY)
    ours = transaction.sign(Account(KEY))
    assert ours.raw == bytes(reference.raw_transaction)
    assert ours.hash == bytes(reference.hash)
    assert sender_and_nonce(ours.raw) == (Account(KEY).address, transaction.nonce)


def test_the_address_and_its_checksum() -> None:
    account = Account(KEY)
    assert checksum(account.address) == Reference.from_key(KEY).address
    assert KEY.hex() not in repr(account)
    assert checksum(Address(bytes.fromhex("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"))) == (
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # EIP-55's own example
    )


@given(st.binary(min_size=32, max_size=32))
def test_signatures_are_in_the_lower_half_and_lead_back(digest: bytes) -> None:
    account = Account.random()
    parity, r, s = account.sign_hash(digest)
    assert s <= CURVE_ORDER // 2
    assert recover(digest, parity, r, s) == account.address
    with pytest.raises(InvalidTransaction):
        recover(digest, 1 - parity, r, CURVE_ORDER - s)


@pytest.mark.parametrize(("parity", "r", "s"), [(2, 1, 1), (0, 0, 1), (0, 1, 0), (0, CURVE_ORDER, 1), (0, 5, 1)])
def test_what_is_no_signature_is_refused(parity: int, r: int, s: int) -> None:
    with pytest.raises(InvalidTransaction):
        recover(b"\x01" * 32, parity, r, s)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_or_read(raw: bytes) -> None:
    with pytest.raises(InvalidTransaction):
        sender_and_nonce(b"\x02" + raw)


def test_a_transaction_of_the_wrong_shape_is_refused() -> None:
    raw = DynamicFeeTransaction(7, 0, 1, 2, 21_000, None, 0, b"").sign(Account(KEY)).raw
    with pytest.raises(InvalidTransaction):
        sender_and_nonce(raw[1:])
    with pytest.raises(InvalidTransaction):
        sender_and_nonce(b"\x02" + encode(decode_list(raw[1:], "it")[:-1]))
    with pytest.raises(InvalidTransaction):
        sender_and_nonce(raw + b"\x00")


def test_a_key_or_digest_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Account(b"\x01" * 31)
    with pytest.raises(ValueError, match="32 bytes"):
        Account(PrivateKey().secret).sign_hash(b"\x01")
