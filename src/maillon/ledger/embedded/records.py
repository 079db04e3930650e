# SPDX-License-Identifier: Apache-2.0
"""How blocks, transactions and receipts are written in the store and hashed into the header: RLP, spelled out once.

docs/formats/embedded-ledger.md describes the same. Reading trusts what we wrote: what does not decode is
 `CorruptStore`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from maillon.evidence.errors import Unreadable
from maillon.evidence.hashing import keccak256, sha256
from maillon.evidence.rlp import Item, decode, encode
from maillon.evidence.trie import EMPTY_TRIE_ROOT
from maillon.ledger.embedded.model import Block, Log, Receipt, Transaction
from maillon.ledger.errors import CorruptStore
from maillon.ledger.port import Address, Height, TransactionHash

COINBASE: Final = Address(bytes(20))
EXTRA_DATA: Final = b"maillon"
NO_UNCLES: Final = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
NO_REQUESTS: Final = sha256(b"")
_HASH_LENGTH: Final = 32
RawLog = tuple[Address, tuple[bytes, ...], bytes]


@lru_cache(maxsize=4096)
def _bloom_bits(value: bytes) -> int:
    """The three bits an address or topic sets (yellow paper, 4.3.1)."""
    digest = keccak256(value)
    bits = 0
    for start in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[start : start + 2], "big") & 2047)
    return bits


def bloom_number(logs: Sequence[RawLog]) -> int:
    """The logs bloom as an integer, so that blooms join by `|`."""
    bits = 0
    for address, topics, _data in logs:
        bits |= _bloom_bits(address)
        for topic in topics:
            bits |= _bloom_bits(topic)
    return bits


def bloom_bytes(bits: int) -> bytes:
    """The 256 bytes of the header and of receipts."""
    return bits.to_bytes(256, "big")


def encode_header(
    *,
    parent_hash: bytes,
    state_root: bytes,
    transactions_root: bytes,
    receipts_root: bytes,
    bloom: bytes,
    number: int,
    gas_limit: int,
    gas_used: int,
    timestamp: int,
    base_fee: int,
    requests_hash: bytes,
) -> bytes:
    """RLP of the 21 fields of a Prague header after the merge; what is not an argument is the same in every block."""
    return encode(
        [
            parent_hash,
            NO_UNCLES,
            COINBASE,
            state_root,
            transactions_root,
            receipts_root,
            bloom,
            0,
            number,
            gas_limit,
            gas_used,
            timestamp,
            EXTRA_DATA,
            bytes(32),
            bytes(8),
            base_fee,
            EMPTY_TRIE_ROOT,
            0,
            0,
            bytes(32),
            requests_hash,
        ]
    )


def block_of(header: bytes, size: int, transactions: tuple[TransactionHash, ...]) -> Block:
    """The block of an encoded header."""
    fields = decode(header)
    assert isinstance(fields, list)
    (parent, state, sent, receipts, bloom) = (_bytes(fields[place]) for place in (0, 3, 4, 5, 6))
    number, gas_limit, gas_used, timestamp, base_fee = (_integer(fields[place]) for place in (8, 9, 10, 11, 15))
    return Block(
        Height(number),
        keccak256(header),
        parent,
        state,
        sent,
        receipts,
        bloom,
        gas_limit,
        gas_used,
        timestamp,
        base_fee,
        header,
        size,
        transactions,
    )


def block_size(header: bytes, transactions: Sequence[Transaction]) -> int:
    """Bytes of the whole block as RLP: header, transactions, no uncles, no withdrawals."""
    sent = sum(len(t.raw if t.type_id == 0 else encode(t.raw)) for t in transactions)
    body = len(header) + _list_size(sent) + 2
    return _list_size(body)


def _list_size(payload: int) -> int:
    return payload + (1 if payload < 56 else 1 + (payload.bit_length() + 7) // 8)


def encode_block(block: Block) -> bytes:
    """The store's record of a block."""
    return encode([block.header, block.size, b"".join(block.transactions)])


def decode_block(record: bytes) -> Block:
    """From the store; raises `CorruptStore`."""
    try:
        fields = decode(record)
        assert isinstance(fields, list)
        hashes = _bytes(fields[2])
        sent = tuple(TransactionHash(hashes[at : at + 32]) for at in range(0, len(hashes), _HASH_LENGTH))
        return block_of(_bytes(fields[0]), _integer(fields[1]), sent)
    except (Unreadable, IndexError, AssertionError) as error:
        raise CorruptStore(f"a block of the store cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class ReceiptRecord:
    """What is kept of a transaction's outcome; block and place are its key."""

    type_id: int
    sender: Address
    to: bytes
    contract: Address | None
    succeeded: bool
    gas_used: int
    cumulative_gas_used: int
    effective_gas_price: int
    first_log: int
    """Index within the block of its first log."""
    logs: tuple[RawLog, ...]

    def consensus_bytes(self, bloom: bytes) -> bytes:
        """What the receipts root is made of (EIP-2718)."""
        body = encode([int(self.succeeded), self.cumulative_gas_used, bloom, self.logs])
        return body if self.type_id == 0 else bytes([self.type_id]) + body

    def encode(self) -> bytes:
        """The store's record."""
        return encode(
            [
                self.type_id,
                self.sender,
                self.to,
                self.contract or b"",
                int(self.succeeded),
                self.gas_used,
                self.cumulative_gas_used,
                self.effective_gas_price,
                self.first_log,
                self.logs,
            ]
        )

    @classmethod
    def decode(cls, record: bytes) -> ReceiptRecord:
        """From the store; raises `CorruptStore`."""
        try:
            fields = decode(record)
            assert isinstance(fields, list)
            logs = fields[9]
            assert isinstance(logs, list)
            contract = _bytes(fields[3])
            return cls(
                _integer(fields[0]),
                Address(_bytes(fields[1])),
                _bytes(fields[2]),
                Address(contract) if contract else None,
                bool(_integer(fields[4])),
                _integer(fields[5]),
                _integer(fields[6]),
                _integer(fields[7]),
                _integer(fields[8]),
                tuple(_log(log) for log in logs),
            )
        except (Unreadable, IndexError, AssertionError) as error:
            raise CorruptStore(f"a receipt of the store cannot be read: {error}") from error

    def receipt(self, block: Block, position: int) -> Receipt:
        """With its place in the chain."""
        transaction = block.transactions[position]
        logs = tuple(
            Log(
                address,
                topics,
                data,
                block.number,
                block.hash,
                transaction,
                position,
                self.first_log + at,
                block.timestamp,
            )
            for at, (address, topics, data) in enumerate(self.logs)
        )
        return Receipt(
            transaction,
            block.number,
            block.hash,
            position,
            self.type_id,
            self.sender,
            self.to,
            self.contract,
            self.succeeded,
            self.gas_used,
            self.cumulative_gas_used,
            self.effective_gas_price,
            bloom_bytes(bloom_number(self.logs)),
            logs,
        )


def _log(item: Item) -> RawLog:
    assert isinstance(item, list)
    topics = item[1]
    assert isinstance(topics, list)
    return Address(_bytes(item[0])), tuple(_bytes(topic) for topic in topics), _bytes(item[2])


def _bytes(item: Item) -> bytes:
    assert isinstance(item, bytes)
    return item


def _integer(item: Item) -> int:
    return int.from_bytes(_bytes(item), "big")
