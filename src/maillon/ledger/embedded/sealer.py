# SPDX-License-Identifier: Apache-2.0
"""When to seal: as soon as something waits, at most once a second; then a few empty blocks, and the chain stands still.

The EVM's clock counts whole seconds and rises by one with each block, so a faster chain would run into the future.

Clients begin to watch for a next block after they have looked for their transaction (ethers), or wait for several
on top of it: on a chain that stood still right after that block they would wait for ever.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from maillon.ledger.embedded.chain import Chain
from maillon.ledger.embedded.model import Transaction
from maillon.ledger.errors import CorruptStore, Unavailable

INTERVAL: Final = 1.0
"""Seconds between two blocks at least."""
CONFIRMATIONS: Final = 5
"""Empty blocks after the last one with transactions: a client that awaits six confirmations gets them."""
_EMPTY_AFTER: Final = 2
"""Intervals after which an empty block follows. What comes about once in an interval, as the notary's anchors do, would
otherwise find that an empty block has just been made, and wait another interval for its own."""
_logger = logging.getLogger(__name__)


class Sealer:
    """A thread that seals. Start it once the chain is open; stop it before the chain is closed."""

    def __init__(self, chain: Chain, interval: float = INTERVAL, confirmations: int = CONFIRMATIONS) -> None:
        self._chain = chain
        self._when_damaged: Callable[[CorruptStore], None] | None = None
        self._interval = interval
        self._confirmations = confirmations
        self._wake = Event()
        self._stopped = Event()
        self._unsubscribe = chain.subscribe_pending(self._admitted)
        self._thread = Thread(target=self._run, name="maillon-sealer", daemon=True)

    def start(self, when_damaged: Callable[[CorruptStore], None] | None = None) -> None:
        """Begin; what waited before begins with the first block.

        `when_damaged` is told, in the sealer's thread, that it will seal no more.
        """
        self._when_damaged = when_damaged
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """Finish the block under way and end."""
        self._unsubscribe()
        self._stopped.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _admitted(self, _transaction: Transaction) -> None:
        self._wake.set()

    def _run(self) -> None:
        last = float("-inf")
        owed = 0
        while True:
            self._wake.wait(max(0.0, last + _EMPTY_AFTER * self._interval - time.monotonic()) if owed else None)
            self._stopped.wait(max(0.0, last + self._interval - time.monotonic()))
            if self._stopped.is_set():
                return
            # Cleared before sealing: what is admitted meanwhile wakes us again.
            self._wake.clear()
            last = time.monotonic()
            try:
                block = self._chain.seal(also_empty=owed > 0)
            except Unavailable as error:
                # A full disk, most likely. Nothing was lost; it is tried again until there is room.
                _logger.warning("a block could not be written; trying again: %s", error)
                self._wake.set()
                continue
            except CorruptStore as error:
                _logger.error("sealing has stopped: %s", error)  # noqa: TRY400 - the page, not the line, is at fault
                if self._when_damaged is not None:
                    self._when_damaged(error)
                return
            if block is not None and block.transactions:
                owed = self._confirmations
            elif owed:
                owed -= 1
            if block is not None and self._chain.pending_count():
                self._wake.set()
