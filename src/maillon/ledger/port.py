# SPDX-License-Identifier: Apache-2.0
"""The port to a chain: five verbs, and the one question that makes evidence.

Two engines keep these promises, siblings that do not know each other: the embedded one and any Ethereum node.
`tests/conformance` runs one suite over both. Start here, then read one engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NewType, Protocol

Address = NewType("Address", bytes)
"""Twenty bytes."""

TransactionHash = NewType("TransactionHash", bytes)
"""Thirty-two bytes: Keccak-256 of the signed transaction."""

Height = NewType("Height", int)
"""The number of a block, from 0 at genesis."""


@dataclass(frozen=True, slots=True)
class Event:
    """One log of one contract, as the chain keeps it."""

    contract: Address
    topics: tuple[bytes, ...]
    data: bytes
    height: Height
    position: int
    """Index of the log within its block: (height, position) orders all events and never changes."""
    transaction: TransactionHash


@dataclass(frozen=True, slots=True)
class TransactionReceipt:
    """What became of a transaction once it was final."""

    transaction: TransactionHash
    height: Height
    succeeded: bool
    gas_used: int
    contract: Address | None
    """The address made, when the transaction deployed a contract."""
    events: tuple[Event, ...]


class Signer(Protocol):
    """An account that can sign for itself. The key never leaves it."""

    @property
    def address(self) -> Address:
        """The account's address."""

    def sign_hash(self, digest: bytes) -> tuple[int, int, int]:
        """(y parity, r, s) over a 32-byte Keccak digest, with s in the lower half (EIP-2)."""


class Ledger(Protocol):
    """A chain we can ask, instruct and follow.

    Final means final: neither engine ever takes a block back. `send` returns once the transaction is durably
    accepted for ordering, not once it is final; `wait` returns once it is final. Engines choose nonces and fees
    and retry what is safe to retry; callers never do. Safe to share between tasks of one event loop.
    Everything raises `Rejected` when the law says no and `Unavailable` when it could not be asked.
    """

    async def call(self, to: Address, data: bytes, at: Height | None = None) -> bytes:
        """The answer of a contract in the state after block `at` (the newest when None). Reverts raise `Reverted`."""

    async def send(self, to: Address | None, data: bytes, signer: Signer) -> TransactionHash:
        """Sign, order and durably accept one transaction; `to` None deploys."""

    async def wait(self, sent: TransactionHash, timeout: float = 30.0) -> TransactionReceipt:  # noqa: ASYNC109 - the promise is about the chain's time, in seconds
        """The receipt once final. `Reverted` when it was included and failed; `Unavailable` after `timeout` seconds."""

    def events(self, of: Address, since: Height, until: Height | None = None) -> AsyncIterator[Event]:
        """Every event of a contract from block `since` on, in order; ends at `until`, or follows the head when None."""

    async def head(self) -> Height:
        """The newest final height."""


@dataclass(frozen=True, slots=True)
class StateProof:
    """Storage of one contract, proved up to the validators' signatures: the anchor part of a receipt."""

    height: Height
    proof: dict[str, Any]
    """The answer of `eth_getProof` (EIP-1186), slots as 32-byte hex."""
    header: bytes
    """RLP of the EVM header of `height`."""
    consensus: dict[str, Any]
    """`{"header", "commit"}` of CometBFT height `height` + 1, as its `/commit` writes them."""
    validators: list[dict[str, Any]]
    """The validator set that signed, as CometBFT's `/validators` writes it."""
    updates: list[dict[str, Any]]
    """Light blocks leading from the genesis set to that one; empty while the set never changed."""


class Prover(Protocol):
    """Where proofs come from. Separate from `Ledger`: an ordinary endpoint can serve calls and yet prove nothing."""

    async def prove(self, contract: Address, slots: Sequence[int], at: Height) -> StateProof:
        """Prove storage slots as of block `at`; raises `Unavailable` while the commit of `at` + 1 is not there."""
