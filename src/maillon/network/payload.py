# SPDX-License-Identifier: Apache-2.0
"""An execution payload between its three forms: a frozen value, the bytes the validators vote on, and the Engine API.

The bytes are one RLP list, so that a transaction costs its own bytes and no more; a long one is packed (RFC 1950),
because zeros cost a quarter of the gas of other bytes and would else take four times as long to carry.
docs/formats/network.md has the table. Engine API: execution-apis, `engine/prague.md` and `engine/osaka.md`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from maillon.evidence.errors import Unreadable
from maillon.evidence.rlp import Item, decode_list, encode, to_integer
from maillon.network.errors import ExecutionUnavailable, PayloadUnreadable

MAXIMUM_PAYLOAD: Final = 10 * 1024 * 1024
"""Bytes of one payload before it is packed. geth builds no block over 8 MiB (EIP-7934), so whatever it builds fits."""
PLAIN: Final = 1024 * 1024
"""Bytes up to which a payload is not packed: it is carried in half a second, and ordinary blocks stay below."""
PACKED: Final = 3 * 1024 * 1024
"""Bytes a packed payload of a block of 100,000,000 gas never reaches, whatever it carries: 2.5 MB of bytes that are not
zero (EIP-7623: 40 gas each, 10 for a zero), 2.9 MB of the mixture that packs worst."""
MAXIMUM_WITHDRAWALS: Final = 4096
MAXIMUM_REQUESTS: Final = 16
_FIELDS: Final = 18
_BLOOM: Final = 256
_ZLIB: Final = b"\x78"
"""The first byte of what is packed. That of an RLP list is at least 0xc0."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Credits given to an account by the protocol itself (EIP-4895). The amount is in gwei."""

    index: int
    address: bytes
    amount: int

    def to_engine(self) -> dict[str, str]:
        """As the Engine API writes it. There is no beacon chain here: the validator index is always 0."""
        return {
            "index": hex(self.index),
            "validatorIndex": "0x0",
            "address": "0x" + self.address.hex(),
            "amount": hex(self.amount),
        }


@dataclass(frozen=True, slots=True)
class Payload:
    """Everything a block of the execution chain is made of. Numbers are as in the header; the base fee in wei."""

    parent_hash: bytes
    fee_recipient: bytes
    state_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    prev_randao: bytes
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    base_fee: int
    hash: bytes
    transactions: tuple[bytes, ...]
    withdrawals: tuple[Withdrawal, ...]
    blob_gas_used: int
    excess_blob_gas: int
    requests: tuple[bytes, ...]
    """Execution requests (EIP-7685), which the Engine API carries beside the payload."""

    def encode(self) -> bytes:
        """The bytes the validators vote on."""
        plain = encode(
            [
                self.parent_hash,
                self.fee_recipient,
                self.state_root,
                self.receipts_root,
                self.logs_bloom,
                self.prev_randao,
                self.number,
                self.gas_limit,
                self.gas_used,
                self.timestamp,
                self.extra_data,
                self.base_fee,
                self.hash,
                self.transactions,
                [[each.index, each.address, each.amount] for each in self.withdrawals],
                self.blob_gas_used,
                self.excess_blob_gas,
                self.requests,
            ]
        )
        if len(plain) <= PLAIN:
            return plain
        packed = zlib.compress(plain, level=1)
        return packed if len(packed) < len(plain) else plain

    @classmethod
    def decode(cls, data: bytes) -> Payload:
        """The inverse; strict, so that `encode` of the answer is `data` where it is not packed.

        Raises `PayloadUnreadable`.
        """
        plain = _unpacked(data)
        if len(plain) > MAXIMUM_PAYLOAD:
            raise PayloadUnreadable(f"over {MAXIMUM_PAYLOAD} bytes")
        try:
            fields = decode_list(plain, "a payload")
            if len(fields) != _FIELDS:
                raise PayloadUnreadable(f"a payload has {_FIELDS} fields, this one {len(fields)}")
            return cls(
                parent_hash=_fixed(fields[0], 32, "the parent"),
                fee_recipient=_fixed(fields[1], 20, "the fee recipient"),
                state_root=_fixed(fields[2], 32, "the state root"),
                receipts_root=_fixed(fields[3], 32, "the receipts root"),
                logs_bloom=_fixed(fields[4], _BLOOM, "the logs bloom"),
                prev_randao=_fixed(fields[5], 32, "the randao"),
                number=to_integer(fields[6], "the number", 8),
                gas_limit=to_integer(fields[7], "the gas limit", 8),
                gas_used=to_integer(fields[8], "the gas used", 8),
                timestamp=to_integer(fields[9], "the timestamp", 8),
                extra_data=_text(fields[10], 32, "the extra data"),
                base_fee=to_integer(fields[11], "the base fee"),
                hash=_fixed(fields[12], 32, "the hash"),
                transactions=_texts(fields[13], MAXIMUM_PAYLOAD, "the transactions"),
                withdrawals=_withdrawals(fields[14]),
                blob_gas_used=to_integer(fields[15], "the blob gas used", 8),
                excess_blob_gas=to_integer(fields[16], "the excess blob gas", 8),
                requests=_texts(fields[17], MAXIMUM_REQUESTS, "the requests"),
            )
        except Unreadable as error:
            raise PayloadUnreadable(str(error)) from error
        except RecursionError as error:
            raise PayloadUnreadable("nested too deep") from error

    def to_engine(self) -> tuple[dict[str, Any], list[str]]:
        """`ExecutionPayloadV3` and the execution requests, as `engine_newPayloadV4` takes them."""
        payload = {
            "parentHash": "0x" + self.parent_hash.hex(),
            "feeRecipient": "0x" + self.fee_recipient.hex(),
            "stateRoot": "0x" + self.state_root.hex(),
            "receiptsRoot": "0x" + self.receipts_root.hex(),
            "logsBloom": "0x" + self.logs_bloom.hex(),
            "prevRandao": "0x" + self.prev_randao.hex(),
            "blockNumber": hex(self.number),
            "gasLimit": hex(self.gas_limit),
            "gasUsed": hex(self.gas_used),
            "timestamp": hex(self.timestamp),
            "extraData": "0x" + self.extra_data.hex(),
            "baseFeePerGas": hex(self.base_fee),
            "blockHash": "0x" + self.hash.hex(),
            "transactions": ["0x" + transaction.hex() for transaction in self.transactions],
            "withdrawals": [each.to_engine() for each in self.withdrawals],
            "blobGasUsed": hex(self.blob_gas_used),
            "excessBlobGas": hex(self.excess_blob_gas),
        }
        return payload, ["0x" + request.hex() for request in self.requests]

    @classmethod
    def from_engine(cls, payload: Mapping[str, Any], requests: Sequence[str]) -> Payload:
        """From the answer of `engine_getPayloadV5`. Raises `ExecutionUnavailable` when it is not a payload."""
        try:
            return cls(
                parent_hash=_data(payload["parentHash"]),
                fee_recipient=_data(payload["feeRecipient"]),
                state_root=_data(payload["stateRoot"]),
                receipts_root=_data(payload["receiptsRoot"]),
                logs_bloom=_data(payload["logsBloom"]),
                prev_randao=_data(payload["prevRandao"]),
                number=int(payload["blockNumber"], 16),
                gas_limit=int(payload["gasLimit"], 16),
                gas_used=int(payload["gasUsed"], 16),
                timestamp=int(payload["timestamp"], 16),
                extra_data=_data(payload["extraData"]),
                base_fee=int(payload["baseFeePerGas"], 16),
                hash=_data(payload["blockHash"]),
                transactions=tuple(_data(each) for each in payload["transactions"]),
                withdrawals=tuple(
                    Withdrawal(int(each["index"], 16), _data(each["address"]), int(each["amount"], 16))
                    for each in payload["withdrawals"]
                ),
                blob_gas_used=int(payload["blobGasUsed"], 16),
                excess_blob_gas=int(payload["excessBlobGas"], 16),
                requests=tuple(_data(each) for each in requests),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ExecutionUnavailable(f"the engine's payload cannot be read: {error!r}") from error


def _unpacked(data: bytes) -> bytes:
    """The RLP list; one byte over the maximum of what is longer."""
    if data[:1] != _ZLIB:
        return data
    unpacking = zlib.decompressobj()
    try:
        plain = unpacking.decompress(data, MAXIMUM_PAYLOAD + 1)
    except zlib.error as error:
        raise PayloadUnreadable(f"it cannot be unpacked: {error}") from None
    if len(plain) <= MAXIMUM_PAYLOAD and (not unpacking.eof or unpacking.unused_data):
        raise PayloadUnreadable("what is packed ends too early, or something follows it")
    if len(plain) <= PLAIN:
        raise PayloadUnreadable(f"a payload of {len(plain)} bytes is not packed")
    return plain


def _data(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError("not hexadecimal data")
    return bytes.fromhex(text[2:])


def _text(item: Item, most: int, what: str) -> bytes:
    if isinstance(item, list) or len(item) > most:
        raise PayloadUnreadable(f"{what} is not up to {most} bytes")
    return item


def _fixed(item: Item, length: int, what: str) -> bytes:
    if isinstance(item, list) or len(item) != length:
        raise PayloadUnreadable(f"{what} is not {length} bytes")
    return item


def _texts(item: Item, most: int, what: str) -> tuple[bytes, ...]:
    if not isinstance(item, list) or len(item) > most:
        raise PayloadUnreadable(f"{what} are not a list of at most {most}")
    return tuple(_text(each, MAXIMUM_PAYLOAD, what) for each in item)


def _withdrawals(item: Item) -> tuple[Withdrawal, ...]:
    if not isinstance(item, list) or len(item) > MAXIMUM_WITHDRAWALS:
        raise PayloadUnreadable(f"the withdrawals are not a list of at most {MAXIMUM_WITHDRAWALS}")
    found = []
    for each in item:
        if not isinstance(each, list) or len(each) != 3:
            raise PayloadUnreadable("a withdrawal has three fields")
        found.append(
            Withdrawal(
                to_integer(each[0], "a withdrawal's index", 8),
                _fixed(each[1], 20, "a withdrawal's account"),
                to_integer(each[2], "a withdrawal's amount", 8),
            )
        )
    return tuple(found)
