# SPDX-License-Identifier: Apache-2.0
"""When blocks were made. Beside the port, which knows heights only."""

from __future__ import annotations

from maillon.ledger.errors import Unavailable
from maillon.ledger.sending import Ask


class BlockTimes:
    """Asked of the endpoint beside the port; blocks never change, and whoever asks again remembers."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def __call__(self, height: int) -> int:
        """Unix time in seconds of a block; raises a `LedgerError`."""
        block = await self._ask("eth_getBlockByNumber", hex(height), False)
        if block is None:
            raise Unavailable(f"the endpoint does not know block {height}")
        return int(block["timestamp"], 16)
