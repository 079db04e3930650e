# SPDX-License-Identifier: Apache-2.0
"""Signatures: Ed25519 in the EVM agrees with libcrypto, and is stricter where RFC 8032 leaves a choice."""

from __future__ import annotations

import hashlib

import pytest
from contract_evm import Evm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maillon.ledger.contracts.signatures import Signatures
from maillon.ledger.genesis import SIGNATURES, name_word

signatures = Signatures(SIGNATURES)
EVM = Evm()
FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
DIGEST = hashlib.sha256(b"digest").digest()
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC, SIGNATURE = KEY.public_key().public_bytes_raw(), KEY.sign(DIGEST)


def verify(public: bytes, digest: bytes, signature: bytes) -> bool:
    return bool(EVM.ask(signatures.verify(public, digest, signature)))


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_what_libcrypto_signs_is_valid(secret: bytes, digest: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(secret)
    assert verify(key.public_key().public_bytes_raw(), digest, key.sign(digest))


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 1023))
def test_a_changed_bit_is_noticed(bit: int) -> None:
    changed = bytearray(PUBLIC + SIGNATURE + DIGEST)
    changed[bit // 8] ^= 1 << bit % 8
    assert not verify(bytes(changed[:32]), bytes(changed[96:]), bytes(changed[32:96]))


def test_it_costs_what_a_join_can_pay() -> None:
    outcome = EVM.send(signatures.verify(PUBLIC, DIGEST, SIGNATURE), bytes(19) + b"\x01")
    assert outcome.answer is True
    assert outcome.gas < 700_000


@pytest.mark.parametrize("length", [0, 1, 32, 63])
def test_a_signature_has_64_bytes(length: int) -> None:
    assert not verify(PUBLIC, DIGEST, SIGNATURE[:length])


def test_a_signature_has_one_form() -> None:
    """S plus the order is the same number modulo the order: RFC 8032 refuses it, and so do we."""
    shifted = (int.from_bytes(SIGNATURE[32:], "little") + ORDER).to_bytes(32, "little")
    assert not verify(PUBLIC, DIGEST, SIGNATURE[:32] + shifted)


SMALL = [
    (1).to_bytes(32, "little"),
    (FIELD - 1).to_bytes(32, "little"),
    bytes(32),
    (1 << 255).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]
"""Points whose order divides eight: for these keys anybody could sign."""


@pytest.mark.parametrize("public", SMALL)
def test_keys_of_small_order_are_refused(public: bytes) -> None:
    """With S = 0 and R neutral, the equation of a cofactorless verifier holds for one in eight challenges."""
    for number in range(4):
        digest = hashlib.sha256(bytes([number])).digest()
        assert not verify(public, digest, (1).to_bytes(32, "little") + bytes(32))


@pytest.mark.parametrize(
    "public",
    [
        FIELD.to_bytes(32, "little"),
        (FIELD + 1).to_bytes(32, "little"),
        (1 | 1 << 255).to_bytes(32, "little"),
        (2).to_bytes(32, "little"),
        b"\xff" * 32,
    ],
)
def test_what_is_no_point_or_not_its_one_encoding_is_refused(public: bytes) -> None:
    assert not verify(public, DIGEST, SIGNATURE)


def test_it_answers_to_its_name() -> None:
    assert EVM.ask(signatures.interface_id()) == name_word("Signatures")
