# SPDX-License-Identifier: Apache-2.0
"""The chain: what is admitted, sealed, kept and read. Synchronous and safe to share between threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maillon.kit.clock import Clock
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
from maillon.ledger.genesis import Genesis
from maillon.ledger.port import Address, Height, TransactionHash


class Chain:
    """One chain in one home. Made by `open`; every read answers for any past height."""

    chain_id: int
    genesis: Genesis
    tip_floor: int
    """Wei per gas every transaction must offer as tip: law in the pool and in blocks."""

    @classmethod
    def open(
        cls, home: Path, genesis: Genesis, validator_key: Ed25519PrivateKey, clock: Clock, tip_floor: int = 10**9
    ) -> Chain:
        """Open or create `home`/ledger. Raises `StoreInUse`, `CorruptStore`, `NewerStore`, `Unavailable`."""
        raise NotImplementedError

    def close(self) -> None:
        """Release the store; everything acknowledged is on disk already."""

    # Writing

    def admit(self, raw: bytes) -> TransactionHash:
        """Accept a signed transaction; on disk when this returns. Raises subclasses of `Rejected`, or `Unavailable`."""
        raise NotImplementedError

    def offer(self, raw: bytes) -> Future[TransactionHash]:
        """The same without waiting for the disk: raises `Rejected` at once, the future resolves when it is durable.

        For event loops: `await asyncio.wrap_future(chain.offer(raw))`.
        """
        raise NotImplementedError

    def seal(self) -> Block | None:
        """Make one block of what the pool holds, or None when nothing can go in."""
        raise NotImplementedError

    def subscribe(self, callback: Callable[[Block], None]) -> Callable[[], None]:
        """Call back with each sealed block, from the sealing thread, in order; returns how to stop.

        In asyncio: `chain.subscribe(lambda block: loop.call_soon_threadsafe(queue.put_nowait, block))`.
        """
        raise NotImplementedError

    def subscribe_pending(self, callback: Callable[[Transaction], None]) -> Callable[[], None]:
        """Call back with each admitted transaction once durable, from the journal's thread; returns how to stop."""
        raise NotImplementedError

    # The pool

    def pending_count(self) -> int:
        """Transactions waiting, those behind a gap included."""
        raise NotImplementedError

    def pending_nonce(self, address: Address) -> int:
        """The next nonce of the account after what waits without a gap."""
        raise NotImplementedError

    def pool_content(self) -> PoolContent:
        """Everything that waits."""
        raise NotImplementedError

    # Blocks

    def head(self) -> Block:
        """The newest block, which is final."""
        raise NotImplementedError

    def block(self, which: Height | int | bytes | Tag) -> Block | None:
        """By number, hash or tag; None when there is none."""
        raise NotImplementedError

    def height(self, which: Height | int | Tag | None = None) -> Height:
        """The number a tag means; raises `NotFound` for a number past the head."""
        raise NotImplementedError

    def transactions(self, number: Height | int) -> tuple[Transaction, ...]:
        """The transactions of a block in order, senders known."""
        raise NotImplementedError

    def transaction(self, transaction_hash: bytes) -> Included | None:
        """By hash, sealed or waiting."""
        raise NotImplementedError

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """By transaction hash; None unless sealed."""
        raise NotImplementedError

    def receipts(self, number: Height | int) -> tuple[Receipt, ...]:
        """All receipts of a block in order."""
        raise NotImplementedError

    def logs(self, wanted: LogFilter) -> Iterator[Log]:
        """Matching logs in order, through the index of addresses and topics."""
        raise NotImplementedError

    def next_base_fee(self, number: Height | int | None = None) -> int:
        """The base fee, wei per gas, of the block after `number` (EIP-1559, floor 7)."""
        raise NotImplementedError

    # State, as of after block `height` (None: the newest)

    def balance(self, address: Address, height: Height | int | None = None) -> int:
        """Wei."""
        raise NotImplementedError

    def nonce(self, address: Address, height: Height | int | None = None) -> int:
        """Transactions sent, or contracts made."""
        raise NotImplementedError

    def code(self, address: Address, height: Height | int | None = None) -> bytes:
        """The contract's code; empty when it is none."""
        raise NotImplementedError

    def storage(self, address: Address, slot: int, height: Height | int | None = None) -> int:
        """The value of a storage slot; 0 when never set."""
        raise NotImplementedError

    def call(self, request: CallRequest, height: Height | int | None = None, time_limit: float = 5.0) -> CallResult:
        """Execute without consequence. Raises `Unavailable` after `time_limit` seconds; a failing call is a result."""
        raise NotImplementedError

    def estimate_gas(
        self, request: CallRequest, height: Height | int | None = None, time_limit: float = 5.0
    ) -> int:
        """The least gas limit with which it succeeds, by bisection; raises `Reverted`, `InsufficientFunds`, ..."""
        raise NotImplementedError

    # Evidence

    def proof(self, address: Address, slots: Sequence[int], height: Height | int | None = None) -> dict[str, Any]:
        """The answer of `eth_getProof` (EIP-1186), keys as 32-byte hex."""
        raise NotImplementedError

    def consensus(self, height: int) -> ConsensusRecord:
        """CometBFT height `height`, which commits to block `height` - 1; raises `NotFound`."""
        raise NotImplementedError
