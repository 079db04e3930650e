# SPDX-License-Identifier: Apache-2.0
"""What the facade needs of a chain, and nothing more: the embedded `Chain` satisfies it without knowing us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from maillon.ledger.embedded.model import (
    Block,
    CallRequest,
    CallResult,
    ConsensusRecord,
    Included,
    Log,
    LogFilter,
    PoolContent,
    Receipt,
    Tag,
    Transaction,
)
from maillon.ledger.port import Address, Height, TransactionHash


class ServedChain(Protocol):
    """Synchronous and safe to share between threads; what each member means stands in embedded/chain.py."""

    chain_id: int
    tip_floor: int

    def offer(self, raw: bytes) -> Future[TransactionHash]:
        """Accept a signed transaction; the future resolves once it is on disk."""

    def subscribe(self, callback: Callable[[Block], None]) -> Callable[[], None]:
        """Each sealed block, from another thread; returns how to stop."""

    def subscribe_pending(self, callback: Callable[[Transaction], None]) -> Callable[[], None]:
        """Each admitted transaction, from another thread; returns how to stop."""

    def pending_count(self) -> int:
        """Transactions waiting."""

    def pending_nonce(self, address: Address) -> int:
        """The next nonce after what waits."""

    def pool_content(self) -> PoolContent:
        """Everything that waits."""

    def head(self) -> Block:
        """The newest block."""

    def block(self, which: Height | int | bytes | Tag) -> Block | None:
        """By number, hash or tag."""

    def transactions(self, number: Height | int) -> tuple[Transaction, ...]:
        """Of a block, in order."""

    def transaction(self, transaction_hash: bytes) -> Included | None:
        """By hash, sealed or waiting."""

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """By transaction hash."""

    def receipts(self, number: Height | int) -> tuple[Receipt, ...]:
        """Of a block, in order."""

    def logs(self, wanted: LogFilter) -> Iterator[Log]:
        """Matching logs in order."""

    def next_base_fee(self, number: Height | int | None = None) -> int:
        """Of the block after `number`, wei per gas."""

    def balance(self, address: Address, height: Height | int | None = None) -> int:
        """Wei."""

    def nonce(self, address: Address, height: Height | int | None = None) -> int:
        """Transactions sent."""

    def code(self, address: Address, height: Height | int | None = None) -> bytes:
        """The contract's code."""

    def storage(self, address: Address, slot: int, height: Height | int | None = None) -> int:
        """The value of a slot."""

    def call(self, request: CallRequest, height: Height | int | None = None, time_limit: float = 5.0) -> CallResult:
        """Execute without consequence."""

    def estimate_gas(self, request: CallRequest, height: Height | int | None = None, time_limit: float = 5.0) -> int:
        """The least gas limit with which it succeeds."""

    def proof(self, address: Address, slots: Sequence[int], height: Height | int | None = None) -> dict[str, Any]:
        """The answer of `eth_getProof`."""

    def consensus(self, height: int) -> ConsensusRecord:
        """CometBFT height `height`."""
