# SPDX-License-Identifier: Apache-2.0
"""Any node read through the port, by programs that run outside an instance: which engine that takes is said here."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from maillon.ledger.node import NodeLedger


@contextlib.asynccontextmanager
async def reading(url: str) -> AsyncIterator[NodeLedger]:
    """The ledger behind an Ethereum JSON-RPC endpoint, for as long as it is read. Raises `Unavailable`."""
    ledger = await NodeLedger.connect(url)
    try:
        yield ledger
    finally:
        await ledger.close()
