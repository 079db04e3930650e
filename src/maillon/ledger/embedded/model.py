# SPDX-License-Identifier: Apache-2.0
"""The nouns of the embedded chain, frozen: hashes, addresses and data are bytes, amounts wei, times whole seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from maillon.ledger.port import Address, Height, TransactionHash

Tag = Literal["latest", "pending", "finalized", "safe", "earliest"]
"""The block tags of the Ethereum JSON-RPC. The newest block is final, so all but `earliest` mean the same block."""

LEGACY, ACCESS_LIST, DYNAMIC_FEE = 0, 1, 2
"""Transaction types accepted (EIP-155, EIP-2930, EIP-1559); blobs (3) and set-code (4) are refused."""

_NOBODY: Final = Address(bytes(20))

AccessList = tuple[tuple[Address, tuple[int, ...]], ...]
"""EIP-2930: addresses, each with storage slots."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed transaction. Field names of the second half are those py-evm's executor reads."""

    hash: TransactionHash
    raw: bytes
    """As it was signed and sent (EIP-2718 envelope)."""
    type_id: int
    chain_id: int
    nonce: int
    gas: int
    max_priority_fee_per_gas: int
    """The tip offered, wei per gas; of types 0 and 1 the gas price."""
    max_fee_per_gas: int
    """The most paid per gas, tip and base fee together; of types 0 and 1 the gas price."""
    to: bytes
    """Twenty bytes, or empty when it deploys."""
    value: int
    data: bytes
    access_list: AccessList
    v: int
    """As signed: of type 0 with EIP-155's chain id in it, of others the y parity."""
    r: int
    s: int
    sender: Address
    intrinsic_gas: int
    """Gas before the first instruction, without the words of init code, which py-evm takes itself (EIP-3860)."""

    @property
    def gas_price(self) -> int:
        """The price per gas of types 0 and 1; the cap of type 2."""
        return self.max_fee_per_gas

    @property
    def y_parity(self) -> int:
        """0 or 1 (EIP-2718)."""
        return self.v if self.type_id else (self.v + 1) % 2

    def effective_gas_price(self, base_fee: int) -> int:
        """What each gas costs in a block of that base fee (EIP-1559)."""
        return min(self.max_fee_per_gas, base_fee + self.max_priority_fee_per_gas)

    def effective_tip(self, base_fee: int) -> int:
        """The tip per gas that is left in a block of that base fee; negative when the cap is under it."""
        return min(self.max_fee_per_gas - base_fee, self.max_priority_fee_per_gas)


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block: final from the moment it exists."""

    number: Height
    hash: bytes
    parent_hash: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    gas_limit: int
    gas_used: int
    timestamp: int
    base_fee: int
    header: bytes
    """RLP of the 21 header fields (Prague); its Keccak-256 is the hash."""
    size: int
    """Bytes of the whole block as RLP."""
    transactions: tuple[TransactionHash, ...]


@dataclass(frozen=True, slots=True)
class Included:
    """A transaction with its place: block and position are None while it waits in the pool."""

    transaction: Transaction
    block: Block | None
    position: int | None


@dataclass(frozen=True, slots=True)
class Log:
    """An event of a contract, with its place in the chain."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    number: Height
    block_hash: bytes
    transaction: TransactionHash
    transaction_position: int
    position: int
    """Index of the log within its block."""
    timestamp: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction."""

    transaction: TransactionHash
    number: Height
    block_hash: bytes
    position: int
    type_id: int
    sender: Address
    to: bytes
    """Empty when it deployed."""
    contract: Address | None
    """The address made, when it deployed (also when that failed)."""
    succeeded: bool
    gas_used: int
    cumulative_gas_used: int
    effective_gas_price: int
    logs_bloom: bytes
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What to execute without a signature; `to` None runs `data` as init code. Gas 0 means the cap."""

    to: Address | None = None
    data: bytes = b""
    sender: Address = _NOBODY
    value: int = 0
    gas: int = 0
    gas_price: int = 0
    """What GASPRICE answers; nothing is deducted."""
    access_list: AccessList = ()


@dataclass(frozen=True, slots=True)
class CallResult:
    """How a call ended."""

    output: bytes
    """What it returned; of a revert the revert data."""
    gas_used: int
    error: str | None
    """None, or why it failed in geth's words: "execution reverted", "out of gas", ..."""
    logs: tuple[tuple[bytes, tuple[bytes, ...], bytes], ...] = ()
    """(address, topics, data) of each event it would emit."""
    accessed: AccessList = ()
    """Addresses and slots it touched (eth_createAccessList)."""

    @property
    def reverted(self) -> bool:
        """Whether a contract refused by REVERT: then `output` says why."""
        return self.error == "execution reverted"


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which logs, as `eth_getLogs` asks: both bounds included; empty means any.

    `topics[i]` None is any topic at place i, otherwise one of those given.
    """

    since: Height
    until: Height
    addresses: Sequence[Address] = ()
    topics: Sequence[Sequence[bytes] | None] = ()


@dataclass(frozen=True, slots=True)
class PoolContent:
    """What waits: by sender and nonce, those that can go into the next block and those behind a gap."""

    pending: dict[Address, tuple[Transaction, ...]]
    queued: dict[Address, tuple[Transaction, ...]]


@dataclass(frozen=True, slots=True)
class ConsensusRecord:
    """CometBFT's view of one height, in its JSON: `signed_header` of `/commit`, and the set that signed."""

    header: dict[str, Any]
    commit: dict[str, Any]
    validators: list[dict[str, Any]]
