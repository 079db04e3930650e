# SPDX-License-Identifier: Apache-2.0
"""A node that knows nothing of what its validator key signed follows the chain until it is certain that nobody votes.

Certain means: level with the others, and twenty blocks in a row without our vote. It then may vote from two heights
above the newest block on, of which nobody has asked it anything yet.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httpx
import orjson
import structlog

from maillon.evidence.consensus import BLOCK_ID_FLAG_COMMIT
from maillon.network.configuration import Plan
from maillon.network.rules import address_of_key
from maillon.network.signatures import LOOK_BACK, sign_from

INTERVAL: Final = 1.0
_log = structlog.get_logger(__name__)


class Watcher:
    """Watches one chain for one validator key."""

    def __init__(self, plan: Plan, http: httpx.AsyncClient) -> None:
        self._plan = plan
        self._http = http
        self._url = f"http://127.0.0.1:{plan.settings.consensus_rpc_port}"
        self._address = address_of_key(plan.identity.validator_key).hex()
        self._clear: dict[int, bool] = {}
        """Height → whether our vote is not in its commit."""

    async def run(self) -> int:
        """Until the key may vote: the height from which on, which is written down. Raises `NodeUnusable`."""
        _log.info("watching before voting", validator=self._address)
        while True:
            height = await self._certain()
            if height is not None:
                sign_from(self._plan.home.last_signature_file, height + 2, 0)
                _log.info("nobody votes with our key: it may vote", height=height + 2)
                return height + 2
            await asyncio.sleep(INTERVAL)

    async def _certain(self) -> int | None:
        """The newest height, when the last blocks up to it came without our vote; None while that is not so."""
        try:
            status = (await self._ask("/status"))["sync_info"]
            newest = int(status["latest_block_height"])
            if status["catching_up"] or newest <= LOOK_BACK:
                return None
            recent = range(newest - LOOK_BACK + 1, newest + 1)
            for height in recent:
                if height not in self._clear:
                    self._clear[height] = await self._came_without_us(height)
            self._clear = {height: self._clear[height] for height in recent}
        except (httpx.HTTPError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return None  # CometBFT is starting, or ends: it is asked again
        return newest if all(self._clear.values()) else None

    async def _came_without_us(self, height: int) -> bool:
        commit = (await self._ask(f"/commit?height={height}"))["signed_header"]["commit"]
        return not any(
            vote["block_id_flag"] == BLOCK_ID_FLAG_COMMIT and vote["validator_address"].lower() == self._address
            for vote in commit["signatures"]
        )

    async def _ask(self, path: str) -> Any:
        return orjson.loads((await self._http.get(self._url + path)).content)["result"]
