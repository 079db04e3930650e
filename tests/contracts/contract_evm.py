# SPDX-License-Identifier: Apache-2.0
"""A py-evm state that starts from a genesis: calls of typed handles, events, refusals, gas, one block after another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from maillon.ledger.abi import Call, decode_revert
from maillon.ledger.genesis import EMPTY_TRIE, Genesis, make_genesis
from maillon.ledger.port import Address, Event, Height, TransactionHash

os.environ.setdefault("ECC_BACKEND_CLASS", "eth_keys.backends.CoinCurveECCBackend")

from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague.state import PragueState
from eth.vm.message import Message
from eth.vm.transaction_context import BaseTransactionContext

CHAIN_ID = 7_700_000_123
TIME = 1_764_000_000
ORIGIN = "maillon.example/log"


def account(number: int) -> Address:
    return Address(bytes(18) + b"\xac" + bytes([number]))


STEWARD, OWNER, PUBLISHER, VERIFIER, STRANGER = (account(number) for number in range(1, 6))
NOBODY = Address(bytes(20))


@cache
def genesis() -> Genesis:
    return make_genesis("tests", CHAIN_ID, TIME, [b"v" * 32], {STEWARD: 10**18}, STEWARD, {ORIGIN: OWNER})


class Refused(Exception):
    """The contract said no; the message is its reason."""

    def __init__(self, reason: str, gas: int) -> None:
        super().__init__(reason)
        self.gas = gas


@dataclass(frozen=True)
class Outcome:
    answer: Any
    events: tuple[Event, ...]
    gas: int
    """What a transaction with this call would be charged."""


class Evm:
    def __init__(self) -> None:
        self.context = ExecutionContext(
            bytes(20), TIME, 0, 0, bytes(32), 100_000_000, (), CHAIN_ID, base_fee_per_gas=7, excess_blob_gas=0
        )
        self.state = PragueState(AtomicDB(), self.context, EMPTY_TRIE)
        for address, held in genesis().alloc.items():
            self.state.set_balance(address, held.balance)
            self.state.set_nonce(address, held.nonce)
            self.state.set_code(address, held.code)
            for slot, word in held.storage.items():
                self.state.set_storage(address, slot, word)
        self.next_block()

    @property
    def block(self) -> int:
        return int(self.context.block_number)

    @property
    def time(self) -> int:
        return int(self.context.timestamp)

    def next_block(self, seconds: int = 1) -> None:
        self.context._block_number += 1
        self.context._timestamp += seconds
        self._settle()

    def send(self, call: Call[Any], sender: Address) -> Outcome:
        """Run a call for good. Raises `Refused` with the contract's words."""
        message = Message(50_000_000, call.to, sender, 0, call.data, self.state.get_code(call.to))
        return self._run(self.state.computation_class.apply_message, message, call)

    def ask(self, call: Call[Any], sender: Address = STRANGER) -> Any:
        """Run a call that may change nothing."""
        message = Message(50_000_000, call.to, sender, 0, call.data, self.state.get_code(call.to), is_static=True)
        return self._run(self.state.computation_class.apply_message, message, call).answer

    def deploy(self, code: bytes, sender: Address, at: Address) -> Address:
        message = Message(50_000_000, b"", sender, 0, b"", code, create_address=at)
        self._run(self.state.computation_class.apply_create_message, message, Call(at, code, bytes))
        return at

    def _run(self, apply: Any, message: Message, call: Call[Any]) -> Outcome:
        for warm in (message.sender, call.to, self.context.coinbase):
            self.state.mark_address_warm(warm)
        context = BaseTransactionContext(gas_price=0, origin=message.sender)
        computation = apply(self.state, message, context)
        # Entries carry the counter of the computation; here their order is enough.
        events = tuple(
            Event(
                Address(address),
                tuple(topic.to_bytes(32, "big") for topic in topics),
                data,
                Height(self.block),
                position,
                TransactionHash(bytes(32)),
            )
            for position, (address, topics, data) in enumerate(computation.get_log_entries())
        )
        self._settle()
        charged = _charged(computation, call.data)
        if computation.is_error:
            raise Refused(str(decode_revert(computation.output)), charged)
        return Outcome(call.decode(computation.output), events, charged)

    def _settle(self) -> None:
        """What the end of a transaction does: nothing is warm any more."""
        self.state.lock_changes()
        self.state.clear_transient_storage()


def _charged(computation: Any, data: bytes) -> int:
    """Intrinsic gas, execution, refunds of at most a fifth (EIP-3529), and the floor for data (EIP-7623)."""
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    used = 21_000 + 4 * tokens + computation.get_gas_used()
    used -= min(computation.get_gas_refund(), used // 5)
    return int(max(used, 21_000 + 10 * tokens))


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """The block must end in exactly this refusal."""
    with pytest.raises(Refused) as caught:
        yield
    assert str(caught.value) == reason
