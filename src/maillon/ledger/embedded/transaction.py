# SPDX-License-Identifier: Apache-2.0
"""Signed bytes → a transaction with its sender, and the rules that need no state.

Three envelopes are read: legacy with EIP-155, access list (EIP-2930), dynamic fee (EIP-1559). Refusals use geth's
words, because wallets and libraries match on them.
"""

from __future__ import annotations

from typing import Final

from coincurve import PublicKey

from maillon.evidence.errors import Unreadable
from maillon.evidence.hashing import keccak256
from maillon.evidence.rlp import Item, decode_list, encode, to_integer
from maillon.ledger.embedded.model import ACCESS_LIST, DYNAMIC_FEE, LEGACY, AccessList, Transaction
from maillon.ledger.errors import (
    GasLimitExceeded,
    IntrinsicGasTooLow,
    InvalidTransaction,
    Underpriced,
    WrongChain,
)
from maillon.ledger.port import Address, TransactionHash

MAXIMUM_SIZE: Final = 128 * 1024
"""Bytes of one signed transaction, as geth's pool has it."""
MAXIMUM_INIT_CODE: Final = 49_152
"""EIP-3860."""
TRANSACTION_GAS: Final = 2**24
"""Gas limit of one transaction at most (EIP-7825): what one may keep the only sealer busy with."""
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_GAS_TRANSACTION, _GAS_CREATE, _GAS_ZERO, _GAS_OTHER = 21_000, 32_000, 4, 16
_GAS_ADDRESS, _GAS_SLOT, _GAS_INIT_WORD, _GAS_FLOOR = 2_400, 1_900, 2, 10
_FIELDS: Final = {LEGACY: 9, ACCESS_LIST: 11, DYNAMIC_FEE: 12}


def decode_transaction(raw: bytes, sender: Address | None = None) -> Transaction:
    """Read a signed transaction and recover who signed it; `sender` skips the recovery for bytes we checked before.

    Raises `InvalidTransaction`: not RLP, another type, a malleable or impossible signature (EIP-2), no chain id.
    """
    if len(raw) > MAXIMUM_SIZE:
        raise InvalidTransaction(f"oversized data: transaction size {len(raw)}, limit {MAXIMUM_SIZE}")
    if not raw:
        raise InvalidTransaction("typed transaction too short")
    type_id = raw[0] if raw[0] < 0xC0 else LEGACY
    if type_id not in _FIELDS or (raw[0] < 0xC0 and type_id == LEGACY):
        raise InvalidTransaction("transaction type not supported")
    try:
        return _read(raw, type_id, sender)
    except Unreadable as error:
        raise InvalidTransaction(f"rlp: {error}") from error


def _read(raw: bytes, type_id: int, sender: Address | None) -> Transaction:
    fields = decode_list(raw if type_id == LEGACY else raw[1:], "a transaction")
    if len(fields) != _FIELDS[type_id]:
        raise Unreadable(f"a transaction of type {type_id} has {_FIELDS[type_id]} fields, this one {len(fields)}")
    v = to_integer(fields[-3], "v", 8)
    r, s = to_integer(fields[-2], "r"), to_integer(fields[-1], "s")
    rest = list(fields)
    if type_id == LEGACY:
        if v < 35:
            raise InvalidTransaction("only replay-protected (EIP-155) transactions allowed over RPC")
        chain_id, parity = (v - 35) // 2, (v - 35) % 2
        signed = encode([*fields[:6], encode_integer(chain_id), b"", b""])
    else:
        if v > 1:
            raise InvalidTransaction("invalid transaction v, r, s values")
        chain_id, parity = to_integer(rest.pop(0), "a chain id", 8), v
        signed = bytes([type_id]) + encode(fields[:-3])
    nonce = to_integer(rest.pop(0), "a nonce", 8)
    tip = to_integer(rest.pop(0), "a gas price")
    cap = to_integer(rest.pop(0), "a fee cap") if type_id == DYNAMIC_FEE else tip
    gas = to_integer(rest.pop(0), "a gas limit", 8)
    to = _bytes(rest.pop(0), "a recipient")
    if len(to) not in (0, 20):
        raise Unreadable("a recipient has 20 bytes, or none")
    value = to_integer(rest.pop(0), "a value")
    data = _bytes(rest.pop(0), "data")
    access_list = _access_list(rest.pop(0)) if type_id != LEGACY else ()
    if sender is None:
        sender = _recover(signed, parity, r, s)
    return Transaction(
        TransactionHash(keccak256(raw)),
        raw,
        type_id,
        chain_id,
        nonce,
        gas,
        tip,
        cap,
        to,
        value,
        data,
        access_list,
        v,
        r,
        s,
        sender,
        intrinsic_gas(to, data, access_list),
    )


def encode_integer(value: int) -> bytes:
    """Big-endian without leading zeros, as RLP has integers."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _bytes(item: Item, what: str) -> bytes:
    if isinstance(item, list):
        raise Unreadable(f"{what} is a byte string")
    return item


def _access_list(item: Item) -> AccessList:
    if not isinstance(item, list):
        raise Unreadable("an access list is a list")
    entries: list[tuple[Address, tuple[int, ...]]] = []
    for entry in item:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[1], list):
            raise Unreadable("an access list's entry is an address and a list of slots")
        address = _bytes(entry[0], "an address")
        slots = [_bytes(slot, "a slot") for slot in entry[1]]
        if len(address) != 20 or any(len(slot) != 32 for slot in slots):
            raise Unreadable("an access list's address has 20 bytes, its slots 32")
        entries.append((Address(address), tuple(int.from_bytes(slot, "big") for slot in slots)))
    return tuple(entries)


def _recover(signed: bytes, parity: int, r: int, s: int) -> Address:
    if not 0 < s <= _HALF_ORDER or r == 0:
        raise InvalidTransaction("invalid transaction v, r, s values")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        key = PublicKey.from_signature_and_message(signature, keccak256(signed), hasher=None)
    except ValueError as error:
        # libsecp256k1 says so when no point fits the signature.
        raise InvalidTransaction("invalid sender") from error
    return Address(keccak256(key.format(compressed=False)[1:])[12:])


def intrinsic_gas(to: bytes, data: bytes, access_list: AccessList) -> int:
    """Gas before the first instruction, without the words of init code (yellow paper; EIP-2028, EIP-2930)."""
    zeros = data.count(0)
    slots = sum(len(entry[1]) for entry in access_list)
    return (
        _GAS_TRANSACTION
        + (0 if to else _GAS_CREATE)
        + zeros * _GAS_ZERO
        + (len(data) - zeros) * _GAS_OTHER
        + len(access_list) * _GAS_ADDRESS
        + slots * _GAS_SLOT
    )


def minimum_gas(transaction: Transaction) -> tuple[int, int]:
    """(intrinsic gas with init code words, floor of EIP-7623): a gas limit under either is refused."""
    words = 0 if transaction.to else (len(transaction.data) + 31) // 32 * _GAS_INIT_WORD
    zeros = transaction.data.count(0)
    tokens = zeros + (len(transaction.data) - zeros) * 4
    return transaction.intrinsic_gas + words, _GAS_TRANSACTION + tokens * _GAS_FLOOR


def check_transaction(transaction: Transaction, chain_id: int, block_gas: int) -> None:
    """The rules that need no state, in geth's order and words. Raises a `Rejected`."""
    if transaction.chain_id != chain_id:
        raise WrongChain(f"invalid chain id for signer: have {transaction.chain_id} want {chain_id}")
    if not transaction.to and len(transaction.data) > MAXIMUM_INIT_CODE:
        raise InvalidTransaction(
            f"max initcode size exceeded: code size {len(transaction.data)}, limit {MAXIMUM_INIT_CODE}"
        )
    if transaction.gas > TRANSACTION_GAS:
        raise GasLimitExceeded(f"transaction gas limit too high (cap: {TRANSACTION_GAS}, tx: {transaction.gas})")
    if transaction.gas > block_gas:
        raise GasLimitExceeded(f"exceeds block gas limit: tx gas {transaction.gas}, block gas limit {block_gas}")
    if transaction.max_fee_per_gas < transaction.max_priority_fee_per_gas:
        raise InvalidTransaction(
            "max priority fee per gas higher than max fee per gas: "
            f"maxPriorityFeePerGas: {transaction.max_priority_fee_per_gas}, maxFeePerGas: {transaction.max_fee_per_gas}"
        )
    if transaction.nonce >= 2**64 - 1:
        raise InvalidTransaction("nonce has max value")
    intrinsic, floor = minimum_gas(transaction)
    if transaction.gas < intrinsic:
        raise IntrinsicGasTooLow(f"intrinsic gas too low: gas {transaction.gas}, minimum needed {intrinsic}")
    if transaction.gas < floor:
        raise IntrinsicGasTooLow(
            f"insufficient gas for floor data gas cost: gas {transaction.gas}, minimum needed {floor}"
        )


def check_tip(transaction: Transaction, tip_floor: int) -> None:
    """The rule that comes after those of `check_transaction`, and follows the state. Raises `Underpriced`."""
    if transaction.max_priority_fee_per_gas < tip_floor:
        raise Underpriced(
            "transaction gas price below minimum: "
            f"gas tip cap {transaction.max_priority_fee_per_gas}, minimum needed {tip_floor}"
        )
