# SPDX-License-Identifier: Apache-2.0
"""One verb for each thing a reader can ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

from maillon.kit.clock import Clock
from maillon.services.explorer import rules
from maillon.services.explorer.errors import Unknown
from maillon.services.explorer.model import BlockSummary, BlockView, NetworkState, TransactionView
from maillon.services.notary import NotaryService

HOME_BLOCKS = 16
"""Links of the chain on the home page."""


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

    async def _head(self) -> int:
        return int(await self._ask("eth_blockNumber"), 16)

    async def _summaries(self, newest: int, count: int) -> list[BlockSummary]:
        """So many blocks down from `newest`, newest first."""
        numbers = range(newest, max(-1, newest - count), -1)
        blocks = await asyncio.gather(*(self._ask("eth_getBlockByNumber", hex(number), True) for number in numbers))
        return [rules.summary(block) for block in blocks if block is not None]

    async def state(self) -> NetworkState:
        """The home page's figures."""
        head = await self._head()
        newest = await self._summaries(head, HOME_BLOCKS)
        log = await self._notary.status()
        return NetworkState(
            network=self._network,
            read=self._clock.now(),
            head=newest[0],
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
