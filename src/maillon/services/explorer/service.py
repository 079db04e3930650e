# SPDX-License-Identifier: Apache-2.0
"""One verb for each thing a reader can ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

from maillon.kit.clock import Clock
from maillon.ledger.errors import Unavailable
from maillon.services.explorer import rules
from maillon.services.explorer.errors import Unknown
from maillon.services.explorer.model import BlockSummary, BlockView, NetworkState, TransactionView
from maillon.services.notary import NotaryService

HOME_BLOCKS = 16
"""Links of the chain on the home page."""
FRESH = 1.0
"""Seconds one reading of the state is shown to all who ask: many watch the same page."""
_REMEMBERED = 1024
"""Blocks kept in memory: they are final, and the newest are asked for again and again."""


class Ask(Protocol):
    """Ethereum JSON-RPC, wherever it is answered."""

    def __call__(self, method: str, *parameters: Any) -> Awaitable[Any]:
        """The result; raises `Unavailable` when there was no answer."""


class ExplorerService:
    """Reads the ledger and the log."""

    def __init__(self, ask: Ask, notary: NotaryService, network: str, clock: Clock) -> None:
        self._ask = ask
        self._notary = notary
        self._network = network
        self._clock = clock
        self._blocks: dict[int, BlockSummary] = {}
        self._state: NetworkState | None = None
        self._reading = asyncio.Lock()
        self._waiting: tuple[int, float] | None = None
        """The anchored size when entries were first seen waiting beyond it, and when that was."""

    async def _head(self) -> int:
        return int(await self._ask("eth_blockNumber"), 16)

    async def _summaries(self, newest: int, count: int) -> list[BlockSummary]:
        """So many blocks down from `newest`, newest first."""
        return [
            found
            for number in range(newest, max(-1, newest - count), -1)
            if (found := await self._summary(number)) is not None
        ]

    async def _summary(self, number: int) -> BlockSummary | None:
        known = self._blocks.get(number)
        if known is not None:
            return known
        block = await self._ask("eth_getBlockByNumber", hex(number), True)
        if block is None:
            return None
        while len(self._blocks) >= _REMEMBERED:
            del self._blocks[next(iter(self._blocks))]
        self._blocks[number] = rules.summary(block)
        return self._blocks[number]

    async def state(self) -> NetworkState:
        """The home page's figures, at most a second old. A ledger that does not answer is a state, not an error."""
        async with self._reading:
            now = self._clock.now()
            if self._state is None or not 0 <= (now - self._state.read).total_seconds() < FRESH:
                self._state = await self._read_state()
            return self._state

    async def _read_state(self) -> NetworkState:
        log = await self._notary.status()
        try:
            newest = await self._summaries(await self._head(), HOME_BLOCKS)
        except Unavailable:
            newest = []
        now = self._clock.now()
        if log.next_index == log.anchored_size:
            self._waiting = None
        elif self._waiting is None or self._waiting[0] != log.anchored_size:
            self._waiting = (log.anchored_size, now.timestamp())
        waited = 0.0 if self._waiting is None else now.timestamp() - self._waiting[1]
        head = newest[0] if newest else None
        return NetworkState(
            network=self._network,
            read=now,
            pulse=rules.pulse(head, log, self._notary.halted is not None, waited),
            head=head,
            newest=tuple(reversed(newest)),
            entries=log.next_index,
            size=log.size,
            anchored_size=log.anchored_size,
            anchored_height=log.anchored_height,
            failure=log.failure or log.anchoring_failure,
        )

    async def blocks(self, before: int | None = None) -> list[BlockSummary]:
        """A page of blocks, newest first; `before` continues a listing."""
        head = await self._head()
        newest = head if before is None else min(head, before - 1)
        return await self._summaries(newest, rules.PAGE) if newest >= 0 else []

    async def block(self, name: str) -> BlockView:
        """A block by number or hash; raises `Unknown`."""
        parsed = rules.parse_block_name(name)
        if isinstance(parsed, int):
            found = await self._ask("eth_getBlockByNumber", hex(parsed), True)
        else:
            found = await self._ask("eth_getBlockByHash", parsed, True)
        if found is None:
            raise Unknown(f"the ledger has no block {name}")
        return rules.block_view(found)

    async def transaction(self, name: str) -> TransactionView:
        """A transaction by hash; raises `Unknown` until it is in a block."""
        parsed = rules.parse_hash(name)
        item, receipt = await asyncio.gather(
            self._ask("eth_getTransactionByHash", parsed), self._ask("eth_getTransactionReceipt", parsed)
        )
        if item is None or receipt is None:
            raise Unknown(f"the ledger has no transaction {name}")
        block = await self._ask("eth_getBlockByNumber", item["blockNumber"], False)
        return rules.transaction_view(item, receipt, block)
