# SPDX-License-Identifier: Apache-2.0
"""Which nonce is next, for parallel senders, across gaps and restarts.

The choice: nothing is written down, the chain itself is the memory. A transaction that was accepted is counted by
`eth_getTransactionCount(…, "pending")`, also after a restart of ours; one that was reserved but never accepted left no
trace, and its nonce is free. A file of reservations could only disagree with that. In one process reservations are kept
in memory, so that parallel senders never meet; what was signed is kept until the chain has passed it, so that a nonce
whose fate is unknown is offered again with the very same bytes, never with others.
Several processes should use accounts of their own; when they share one, the loser of a nonce asks again.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from maillon.ledger.errors import PoolFull
from maillon.ledger.port import Address

MAXIMUM_UNSETTLED: Final = 10_000
"""Signed transactions of one account kept until they are final."""

RECHECK: Final = 5.0
"""Seconds between two looks at whether the node still holds what was signed; at once when something is in doubt."""

Count = Callable[[Address], Awaitable[int]]
"""A transaction count of an account."""


@dataclass(slots=True)
class _Account:
    next: int | None = None
    """The nonce after every one handed out; None until the chain was asked."""
    free: list[int] = field(default_factory=list)
    """Handed out, given back, and under `next`: a heap."""
    reserved: set[int] = field(default_factory=set)
    signed: dict[int, bytes] = field(default_factory=dict)
    checked: float = field(default_factory=time.monotonic)
    in_doubt: bool = False
    asking: asyncio.Future[int] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Nonces:
    """The nonces of the accounts that send from this process, on one event loop."""

    def __init__(self, pending: Count, final: Count) -> None:
        """`pending` counts what waits without a gap as well, `final` only what is in blocks."""
        self._pending = pending
        self._final = final
        self._accounts: dict[Address, _Account] = {}

    async def reserve(self, address: Address) -> int:
        """The next nonce, ours until it is `sent` or `released`; raises what asking the chain raises, or `PoolFull`."""
        account = self._accounts.setdefault(address, _Account())
        if account.next is None:
            count = await self._first(account, address)
            if account.next is None:  # others who waited for the same answer may have begun
                account.next = count
        if len(account.signed) >= MAXIMUM_UNSETTLED:
            self._settle(account, await self._final(address))
            if len(account.signed) >= MAXIMUM_UNSETTLED:
                raise PoolFull(f"{MAXIMUM_UNSETTLED} transactions of this account wait already")
        # Nothing is awaited from here on: two senders never take the same.
        if account.free:
            nonce = heapq.heappop(account.free)
        else:
            nonce = account.next
            account.next += 1
        account.reserved.add(nonce)
        return nonce

    async def _first(self, account: _Account, address: Address) -> int:
        """Ask the chain once for all who begin together, and let them go on in the same moment: one batch."""
        if account.asking is None or account.asking.done():
            account.asking = asyncio.ensure_future(self._pending(address))
        return await asyncio.shield(account.asking)

    def sent(self, address: Address, nonce: int, raw: bytes, *, certain: bool = True) -> None:
        """These bytes were accepted, or may have been: from now on this nonce means them."""
        account = self._accounts[address]
        account.in_doubt = account.in_doubt or not certain
        account.reserved.discard(nonce)
        account.signed[nonce] = raw

    def released(self, address: Address, nonce: int) -> bool:
        """It was certainly not accepted. True when later nonces are out, which now wait for this one to be used."""
        account = self._accounts[address]
        account.reserved.discard(nonce)
        account.signed.pop(nonce, None)
        if account.next is not None and nonce == account.next - 1:
            account.next = nonce
            while account.free and account.next - 1 in account.free:  # what was given back just before it
                account.free.remove(account.next - 1)
                heapq.heapify(account.free)
                account.next -= 1
            return False
        heapq.heappush(account.free, nonce)
        return True

    async def taken(self, address: Address, nonce: int) -> None:
        """Somebody else used this nonce: ask the chain, and go on after whatever it knows."""
        account = self._accounts[address]
        async with account.lock:
            account.reserved.discard(nonce)
            account.signed.pop(nonce, None)
            count = await self._pending(address)
            # The chain may count a moment behind: the nonce is gone in any case.
            account.next = max(account.next or 0, count, nonce + 1)
            account.free = [each for each in account.free if each >= count]
            heapq.heapify(account.free)

    async def unsettled(self, address: Address) -> dict[int, bytes]:
        """Signed bytes the node does not hold, by their nonces in order: to be offered again as they are.

        Asked of the node only when something is in doubt, or now and then: a node may lose its pool.
        """
        account = self._accounts.get(address)
        if account is None or not account.signed:
            return {}
        if not account.in_doubt and time.monotonic() - account.checked < RECHECK:
            return {}
        async with account.lock:
            self._settle(account, await self._final(address))
            pending = await self._pending(address)
            account.in_doubt = False
            account.checked = time.monotonic()
            return {nonce: account.signed[nonce] for nonce in sorted(account.signed) if nonce >= pending}

    @staticmethod
    def _settle(account: _Account, final: int) -> None:
        for nonce in [each for each in account.signed if each < final]:
            del account.signed[nonce]
