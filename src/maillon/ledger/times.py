# SPDX-License-Identifier: Apache-2.0
"""When blocks were made, and what code stands where. Beside the port, which knows neither."""

from __future__ import annotations

from maillon.ledger.errors import Unavailable
from maillon.ledger.port import Address
from maillon.ledger.sending import Ask, hexadecimal


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


class Codes:
    """Asked of the endpoint beside the port; the code of a contract never changes, and whoever asks again remembers."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def __call__(self, address: Address) -> bytes:
        """The code at an address, empty where there is none; raises a `LedgerError`."""
        answer: str = await self._ask("eth_getCode", hexadecimal(address), "latest")
        return bytes.fromhex(answer[2:])
