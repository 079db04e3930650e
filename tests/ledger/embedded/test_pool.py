# SPDX-License-Identifier: Apache-2.0
"""The pool's limits, and what it hands to a block."""

from __future__ import annotations

import pytest
from embedded_network import GWEI, Network, accounts_of_tests
from hypothesis import given
from hypothesis import strategies as st

from maillon.ledger.embedded import pool as pool_module
from maillon.ledger.embedded.execution import BlockExecution, Outcome
from maillon.ledger.embedded.model import Transaction
from maillon.ledger.embedded.pool import Pool
from maillon.ledger.embedded.transaction import decode_transaction
from maillon.ledger.errors import InsufficientFunds, PoolFull
from maillon.ledger.port import Address
from maillon.ledger.signing import DynamicFeeTransaction

THERE = Address(b"\x77" * 20)
RICH = 10**30


def transaction(sender: int, nonce: int, tip: int = GWEI) -> Transaction:
    unsigned = DynamicFeeTransaction(
        chain_id=7, nonce=nonce, tip=tip, fee=100 * GWEI, gas=21_000, to=THERE, value=0, data=b""
    )
    return decode_transaction(unsigned.sign(accounts_of_tests()[sender]).raw)


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "MAXIMUM_PER_ACCOUNT", 2)
    monkeypatch.setattr(pool_module, "MAXIMUM_WAITING", 3)
    pool = Pool()
    for nonce in range(2):
        pool.add(transaction(0, nonce), 0, RICH)
    with pytest.raises(PoolFull, match="account limit exceeded"):
        pool.add(transaction(0, 2), 0, RICH)
    pool.add(transaction(1, 0), 0, RICH)
    with pytest.raises(PoolFull, match="txpool is full"):
        pool.add(transaction(2, 0), 0, RICH)
    assert len(pool) == 3


def test_what_waits_must_be_paid_for_together() -> None:
    cost = pool_module.maximum_cost(transaction(0, 0))
    pool = Pool()
    pool.add(transaction(0, 0), 0, 2 * cost - 1)
    with pytest.raises(InsufficientFunds, match="queued cost"):
        pool.add(transaction(0, 1), 0, 2 * cost - 1)


ENTRIES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(1, 9)), max_size=12, unique_by=lambda entry: entry[:2]
)


@given(ENTRIES)
def test_a_selection_keeps_nonces_in_order_and_skips_gaps(entries: list[tuple[int, int, int]]) -> None:
    pool = Pool()
    for sender, nonce, tip in entries:
        pool.add(transaction(sender, nonce, tip * GWEI), 0, RICH)
    selection = pool.select(7, GWEI)
    chosen: list[Transaction] = []
    while (one := selection.next(10**9)) is not None:
        chosen.append(one)
        selection.included(one)
    nonces: dict[Address, int] = {}
    for one in chosen:
        assert one.nonce == nonces.get(one.sender, 0)
        nonces[one.sender] = one.nonce + 1
    assert {sender: pool.pending_nonce(sender) for sender in nonces} == nonces
    pool.sealed(chosen, 1)
    assert len(pool) == len(entries) - len(chosen)


def test_a_transaction_that_breaks_the_evm_is_held_back(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    poison = network.send(0, THERE)
    good = network.send(1, THERE)
    apply = BlockExecution.apply

    def breaking(self: BlockExecution, one: Transaction) -> Outcome:
        if one.hash == poison:
            raise RuntimeError("a fault of the EVM's implementation")
        return apply(self, one)

    monkeypatch.setattr(BlockExecution, "apply", breaking)
    block = network.chain.seal()
    assert block is not None
    assert block.transactions == (good,)
    assert network.chain.transaction(poison) is not None
    monkeypatch.undo()
    after = network.chain.seal()
    assert after is not None
    assert after.transactions == (poison,)
