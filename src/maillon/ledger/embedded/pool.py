# SPDX-License-Identifier: Apache-2.0
"""Transactions waiting: by account and nonce, gaps allowed, dearest first.

Purely in memory; the chain journals what is admitted here. Every method is called under the chain's lock.
Limits and the price of a replacement are geth's defaults, except that nothing admitted is evicted for something dearer:
it was acknowledged. Only a floor that rises drops what offers less, as geth does.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from maillon.ledger.embedded.model import PoolContent, Transaction
from maillon.ledger.errors import (
    AlreadyKnown,
    InsufficientFunds,
    NonceTooHigh,
    NonceTooLow,
    PoolFull,
    Underpriced,
)
from maillon.ledger.port import Address

MAXIMUM_WAITING: Final = 20_000
"""Transactions in the pool."""
MAXIMUM_BYTES: Final = 64 * 1024 * 1024
"""Bytes in the pool: large transactions count for what they hold."""
MAXIMUM_PER_ACCOUNT: Final = 5_000
"""Of one account."""
MAXIMUM_GAP: Final = 1_024
"""How far a nonce may lie beyond the account's next."""
REPLACEMENT_PERCENT: Final = 110
"""What both prices of a replacement are of the old ones at least."""

LIGHT_GAS: Final = 2_000_000
"""Gas limit up to which a transaction is light: py-evm executes as much in about a second, whatever it does."""
_REMEMBERED_SERVED: Final = 10_000
"""Accounts whose last turn is remembered."""


@dataclass(slots=True)
class _Queue:
    """What one account waits with."""

    next_nonce: int
    """The account's nonce in the newest state."""
    pending_nonce: int
    """The first nonce no waiting transaction without a gap has."""
    by_nonce: dict[int, Transaction] = field(default_factory=dict)
    cost: int = 0
    """Wei all of them may cost together."""

    def advance(self) -> None:
        while self.pending_nonce in self.by_nonce:
            self.pending_nonce += 1


@dataclass(frozen=True, slots=True)
class Replaced:
    """A transaction that gave way to a dearer one of the same nonce."""

    transaction: Transaction
    order: int
    """Its key in the journal."""


def maximum_cost(transaction: Transaction) -> int:
    """Wei a transaction may take from its sender at most."""
    return transaction.gas * transaction.max_fee_per_gas + transaction.value


class Pool:
    """What waits for a block."""

    def __init__(self) -> None:
        self._accounts: dict[Address, _Queue] = {}
        self._order: dict[bytes, int] = {}
        """Transaction hash → order of arrival, its key in the journal."""
        self._by_hash: dict[bytes, Transaction] = {}
        self._bytes = 0
        self._next_order = 0
        self._served: dict[Address, int] = {}
        """The newest block with a transaction of an account: whoever waited longer goes first."""

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, transaction_hash: bytes) -> bool:
        return transaction_hash in self._order

    def order_of(self, transaction_hash: bytes) -> int | None:
        """Its key in the journal, or None when it does not wait."""
        return self._order.get(transaction_hash)

    def find(self, transaction_hash: bytes) -> Transaction | None:
        """The waiting transaction of that hash."""
        return self._by_hash.get(transaction_hash)

    def pending_nonce(self, address: Address) -> int | None:
        """The account's next nonce after what waits without a gap; None when it waits with nothing."""
        queue = self._accounts.get(address)
        return queue.pending_nonce if queue else None

    def add(
        self, transaction: Transaction, nonce: int, balance: int, *, replace: bool = True
    ) -> tuple[int, Replaced | None]:
        """Take a transaction of an account that has `nonce` and `balance`: (its order of arrival, what it replaced).

        Raises `AlreadyKnown`, `NonceTooLow`, `NonceTooHigh`, `InsufficientFunds`, `Underpriced` or `PoolFull`.
        """
        if transaction.hash in self._order:
            raise AlreadyKnown("already known")
        if transaction.nonce < nonce:
            raise NonceTooLow(f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
        if transaction.nonce > nonce + MAXIMUM_PER_ACCOUNT + MAXIMUM_GAP:
            raise NonceTooHigh(f"nonce too high: next nonce {nonce}, tx nonce {transaction.nonce}")
        queue = self._accounts.get(transaction.sender) or _Queue(nonce, nonce)
        if transaction.nonce > queue.pending_nonce + MAXIMUM_GAP:
            raise NonceTooHigh(f"nonce too high: next nonce {queue.pending_nonce}, tx nonce {transaction.nonce}")
        old = queue.by_nonce.get(transaction.nonce)
        if old is not None and not replace:
            raise AlreadyKnown(f"nonce {transaction.nonce} waits already")
        _check_funds(transaction, queue, old, balance)
        if old is not None:
            _check_outbids(transaction, old)
        elif len(self._order) >= MAXIMUM_WAITING or self._bytes + len(transaction.raw) > MAXIMUM_BYTES:
            raise PoolFull("txpool is full")
        elif len(queue.by_nonce) >= MAXIMUM_PER_ACCOUNT:
            raise PoolFull(f"account limit exceeded: {MAXIMUM_PER_ACCOUNT} transactions of one account wait")
        replaced = Replaced(old, self._order[old.hash]) if old else None
        self._insert(transaction, queue, old)
        return self._order[transaction.hash], replaced

    def restore(self, transaction: Transaction, nonce: int, order: int) -> None:
        """Put back what the journal holds; it was admitted once, so nothing is refused."""
        queue = self._accounts.get(transaction.sender) or _Queue(nonce, nonce)
        following = max(self._next_order, order + 1)
        self._next_order = order
        self._insert(transaction, queue, queue.by_nonce.get(transaction.nonce))
        self._next_order = following

    def _insert(self, transaction: Transaction, queue: _Queue, old: Transaction | None) -> None:
        self._accounts[transaction.sender] = queue
        if old is not None:
            self._forget(old, queue)
        queue.by_nonce[transaction.nonce] = transaction
        queue.cost += maximum_cost(transaction)
        queue.advance()
        self._order[transaction.hash] = self._next_order
        self._by_hash[transaction.hash] = transaction
        self._bytes += len(transaction.raw)
        self._next_order += 1

    def _forget(self, transaction: Transaction, queue: _Queue) -> None:
        del queue.by_nonce[transaction.nonce]
        queue.cost -= maximum_cost(transaction)
        self._bytes -= len(transaction.raw)
        del self._order[transaction.hash]
        del self._by_hash[transaction.hash]

    def withdraw(self, transaction: Transaction) -> None:
        """Take out one that will be in no block: it could not be journalled, or the floor rose above it."""
        queue = self._accounts.get(transaction.sender)
        if queue is None or queue.by_nonce.get(transaction.nonce) is not transaction:
            return
        self._forget(transaction, queue)
        queue.pending_nonce = min(queue.pending_nonce, transaction.nonce)
        if not queue.by_nonce:
            del self._accounts[transaction.sender]

    def drop_under(self, tip_floor: int) -> list[int]:
        """Take out what offers a smaller tip; its keys in the journal. What comes after waits for those nonces."""
        dropped = [each for each in self._by_hash.values() if each.max_priority_fee_per_gas < tip_floor]
        orders = [self._order[each.hash] for each in dropped]
        for each in dropped:
            self.withdraw(each)
        return orders

    def sealed(self, transactions: Iterable[Transaction], number: int) -> None:
        """Take out what block `number` now holds."""
        for transaction in transactions:
            # Put at the end of the dictionary, so that its first ones are those served longest ago.
            self._served.pop(transaction.sender, None)
            self._served[transaction.sender] = number
            queue = self._accounts.get(transaction.sender)
            if queue is None:
                continue
            queue.next_nonce = transaction.nonce + 1
            # A replacement may have come in while the block was being made: its nonce is used up, too.
            waiting = queue.by_nonce.get(transaction.nonce)
            if waiting is not None:
                self._forget(waiting, queue)
            queue.pending_nonce = max(queue.pending_nonce, queue.next_nonce)
            queue.advance()
            if not queue.by_nonce:
                del self._accounts[transaction.sender]
        while len(self._served) > _REMEMBERED_SERVED:
            del self._served[next(iter(self._served))]

    def select(self, base_fee: int, tip_floor: int) -> Selection:
        """What could go into a block of that base fee, in the order `Selection` describes."""
        ready = {
            address: [queue.by_nonce[nonce] for nonce in range(queue.next_nonce, queue.pending_nonce)]
            for address, queue in self._accounts.items()
            if queue.pending_nonce > queue.next_nonce
        }
        served = {address: self._served.get(address, -1) for address in ready}
        return Selection(ready, dict(self._order), served, base_fee, tip_floor)

    def content(self) -> PoolContent:
        """Everything that waits, copied."""
        pending: dict[Address, tuple[Transaction, ...]] = {}
        queued: dict[Address, tuple[Transaction, ...]] = {}
        for address, queue in self._accounts.items():
            waiting = sorted(queue.by_nonce.items())
            before = tuple(transaction for nonce, transaction in waiting if nonce < queue.pending_nonce)
            behind = tuple(transaction for nonce, transaction in waiting if nonce >= queue.pending_nonce)
            if before:
                pending[address] = before
            if behind:
                queued[address] = behind
        return PoolContent(pending, queued)


def _check_funds(transaction: Transaction, queue: _Queue, old: Transaction | None, balance: int) -> None:
    cost = maximum_cost(transaction)
    if cost > balance:
        raise InsufficientFunds(
            f"insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {cost - balance}"
        )
    queued = queue.cost - (maximum_cost(old) if old else 0)
    if queued + cost > balance:
        raise InsufficientFunds(
            f"insufficient funds for gas * price + value: balance {balance}, queued cost {queued}, tx cost {cost}, "
            f"overshot {queued + cost - balance}"
        )


def _check_outbids(new: Transaction, old: Transaction) -> None:
    tip = new.max_priority_fee_per_gas * 100 >= old.max_priority_fee_per_gas * REPLACEMENT_PERCENT
    cap = new.max_fee_per_gas * 100 >= old.max_fee_per_gas * REPLACEMENT_PERCENT
    if not (tip and cap):
        raise Underpriced("replacement transaction underpriced")


class Selection:
    """The candidates of one block, until none fits.

    Light ones before heavy ones, then the dearest, then the account whose last turn is longest ago, then the first
    come; each account in the order of its nonces. So a heavy or a busy account delays the others by one transaction
    of its own at most, however many it has waiting.
    """

    def __init__(
        self,
        ready: dict[Address, list[Transaction]],
        order: dict[bytes, int],
        served: dict[Address, int],
        base_fee: int,
        tip_floor: int,
    ) -> None:
        self._ready = {address: iter(transactions) for address, transactions in ready.items()}
        self._order = order
        self._served = served
        self._turns = max(served.values(), default=-1)
        self._base_fee = base_fee
        self._tip_floor = tip_floor
        self._light: list[_Candidate] = []
        self._heavy: list[_Candidate] = []
        self.priced_out = False
        """Whether a candidate waits only for the base fee to fall: then even an empty block brings it nearer."""
        for address in self._ready:
            self._push(address)

    def _push(self, address: Address) -> None:
        transaction = next(self._ready[address], None)
        if transaction is None:
            return
        tip = transaction.effective_tip(self._base_fee)
        # One under the floor holds back the account's later ones: their nonces come after it.
        if tip >= self._tip_floor:
            heap = self._light if transaction.gas <= LIGHT_GAS else self._heavy
            heapq.heappush(heap, (-tip, self._served[address], self._order[transaction.hash], transaction))
        else:
            self.priced_out = True

    def next(self, gas: int, *, only_heavy: bool = False) -> Transaction | None:
        """The next candidate that needs at most `gas`; one that needs more holds its account back."""
        for heap in (self._heavy,) if only_heavy else (self._light, self._heavy):
            while heap:
                transaction = heapq.heappop(heap)[-1]
                if transaction.gas <= gas:
                    return transaction
        return None

    def included(self, transaction: Transaction) -> None:
        """It went in, so its account's next one may follow; without this call the account is held back."""
        self._turns += 1
        self._served[transaction.sender] = self._turns
        self._push(transaction.sender)


_Candidate = tuple[int, int, int, Transaction]
"""Tip (negative), the account's last turn, order of arrival."""
