# SPDX-License-Identifier: Apache-2.0
"""Signing: an account over libsecp256k1, and the EIP-1559 transaction as bytes.

Nothing here imports an EVM. The encoding is of one fixed shape (EIP-1559, EIP-2718 type 2, empty access list), so that
a sender can sign tens of thousands of transactions a second on one core.
"""

from __future__ import annotations

from dataclasses import dataclass

from coincurve import PrivateKey, PublicKey

from maillon.evidence.errors import Unreadable
from maillon.evidence.hashing import keccak256
from maillon.evidence.rlp import decode_list, encode, to_integer
from maillon.ledger.errors import InvalidTransaction
from maillon.ledger.port import Address, Signer, TransactionHash

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1 (SEC 2, section 2.4.1)."""

MAXIMUM_TRANSACTION = 128 * 1024
"""Bytes of one signed transaction: geth's own limit."""


class Account:
    """An account that holds its key in memory and signs with it. `repr` shows the address only."""

    __slots__ = ("_address", "_key")

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError(f"a secp256k1 private key has 32 bytes, not {len(key)}")
        self._key = PrivateKey(key)
        self._address = address_of(self._key.public_key.format(compressed=False))

    @classmethod
    def random(cls) -> Account:
        """A new account from the operating system's randomness."""
        return cls(PrivateKey().secret)

    @property
    def address(self) -> Address:
        """The account's address."""
        return self._address

    def sign_hash(self, digest: bytes) -> tuple[int, int, int]:
        """(y parity, r, s) over a 32-byte Keccak digest; RFC 6979 nonce, s in the lower half (EIP-2)."""
        if len(digest) != 32:
            raise ValueError(f"a Keccak digest has 32 bytes, not {len(digest)}")
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[64], int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")

    def __repr__(self) -> str:
        return f"Account({checksum(self._address)})"


def address_of(public_key: bytes) -> Address:
    """The address of an uncompressed public key (65 bytes): the last 20 bytes of its Keccak digest."""
    return Address(keccak256(public_key[1:])[12:])


def checksum(address: Address) -> str:
    """The address as people write it, mixed case (EIP-55)."""
    text = address.hex()
    digest = keccak256(text.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(mark, 16) > 7 else letter for letter, mark in zip(text, digest, strict=False)
    )


@dataclass(frozen=True, slots=True)
class DynamicFeeTransaction:
    """An EIP-1559 transaction before it is signed. Amounts in wei."""

    chain_id: int
    nonce: int
    tip: int
    """`maxPriorityFeePerGas`."""
    fee: int
    """`maxFeePerGas`, tip included."""
    gas: int
    to: Address | None
    """None deploys `data`."""
    value: int
    data: bytes

    def _fields(self) -> list[object]:
        return [
            self.chain_id,
            self.nonce,
            self.tip,
            self.fee,
            self.gas,
            self.to or b"",
            self.value,
            self.data,
            [],
        ]

    def signing_hash(self) -> bytes:
        """What the account signs: Keccak-256 of `0x02 ‖ rlp(fields)` (EIP-1559)."""
        return keccak256(b"\x02" + encode(self._fields()))

    def sign(self, signer: Signer) -> SignedTransaction:
        """The signed bytes and their hash."""
        parity, r, s = signer.sign_hash(self.signing_hash())
        raw = b"\x02" + encode([*self._fields(), parity, r, s])
        return SignedTransaction(raw, TransactionHash(keccak256(raw)))


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Bytes ready for `eth_sendRawTransaction`, and the hash the chain will know them by."""

    raw: bytes
    hash: TransactionHash


def sender_and_nonce(raw: bytes) -> tuple[Address, int]:
    """Who signed an EIP-1559 transaction, and its nonce; raises `InvalidTransaction`."""
    if len(raw) > MAXIMUM_TRANSACTION or raw[:1] != b"\x02":
        raise InvalidTransaction("not an EIP-1559 transaction")
    try:
        fields = decode_list(raw[1:], "a transaction")
        if len(fields) != 12:
            raise InvalidTransaction(f"an EIP-1559 transaction has 12 fields, this one {len(fields)}")
        nonce = to_integer(fields[1], "a nonce", 8)
        parity, r, s = (to_integer(field, "a signature") for field in fields[9:])
    except Unreadable as error:
        raise InvalidTransaction(str(error)) from error
    return recover(keccak256(b"\x02" + encode(fields[:9])), parity, r, s), nonce


def recover(digest: bytes, parity: int, r: int, s: int) -> Address:
    """The address whose key made this signature; raises `InvalidTransaction` (also for s in the upper half, EIP-2)."""
    if parity not in (0, 1) or not 0 < r < CURVE_ORDER or not 0 < s <= CURVE_ORDER // 2:
        raise InvalidTransaction("invalid transaction v, r, s values")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        return address_of(PublicKey.from_signature_and_message(signature, digest, hasher=None).format(compressed=False))
    except ValueError as error:
        raise InvalidTransaction("invalid transaction v, r, s values") from error
