# SPDX-License-Identifier: Apache-2.0
"""Admitted transactions onto disk, many with one fsync, off the caller's thread.

What arrives while one group is being written makes the next group: a lone transaction waits for one fsync, a flood
shares it among thousands. What a risen floor dropped goes out with the group that follows: until then whoever opens the
store finds the same floor, and leaves it out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition, Thread

from maillon.ledger.embedded.model import Transaction
from maillon.ledger.embedded.pool import Replaced
from maillon.ledger.embedded.store import PLACES, POOL, Store, Writing, number_key
from maillon.ledger.errors import LedgerError, Unavailable
from maillon.ledger.port import TransactionHash

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Offer:
    transaction: Transaction
    order: int
    replaced: Replaced | None
    done: Future[TransactionHash]


class Journal:
    """One thread that writes groups of admissions."""

    def __init__(
        self,
        store: Store,
        accepted: Callable[[Transaction], None],
        failed: Callable[[Transaction, Replaced | None], None],
    ) -> None:
        self._store = store
        self._accepted = accepted
        self._failed = failed
        self._waiting: list[_Offer] = []
        self._dropped: list[int] = []
        self._condition = Condition()
        self._closing = False
        self._thread = Thread(target=self._run, name="maillon-journal", daemon=True)
        self._thread.start()

    def append(self, transaction: Transaction, order: int, replaced: Replaced | None) -> Future[TransactionHash]:
        """Have it written; the future resolves once it is on disk, or raises `Unavailable`."""
        done: Future[TransactionHash] = Future()
        # A caller that gave up does not take the transaction back: it may be on disk already.
        done.set_running_or_notify_cancel()
        with self._condition:
            if self._closing:
                raise Unavailable("the ledger is closing")
            self._waiting.append(_Offer(transaction, order, replaced, done))
            self._condition.notify()
        return done

    def drop(self, orders: Iterable[int]) -> None:
        """Have these forgotten no later than anything that is appended from now on is written."""
        with self._condition:
            self._dropped.extend(orders)

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._closing)
                group, self._waiting = self._waiting, []
                dropped, self._dropped = self._dropped, []
            if not group:
                return
            self._write(group, dropped)

    def _write(self, group: list[_Offer], dropped: list[int]) -> None:
        def change(writing: Writing) -> None:
            for offer in group:
                if offer.replaced is not None:
                    writing.delete(POOL, number_key(offer.replaced.order))
                # Sealed while it waited for us: the block is its acknowledgement, and nothing would clean it up.
                if writing.get(PLACES, offer.transaction.hash) is None:
                    record = offer.transaction.sender + offer.transaction.raw
                    writing.put(POOL, number_key(offer.order), record)
            # Last, for what was dropped while it waited for us.
            for order in dropped:
                writing.delete(POOL, number_key(order))

        try:
            self._store.write("admission", change)
        except LedgerError as error:
            # A full disk is no fault of ours: its words say all there is. Of a damaged store every detail counts.
            _log.error(
                "%d admissions are not written: %s", len(group), error, exc_info=not isinstance(error, Unavailable)
            )
            self.drop(dropped)
            # The last first, so that a chain of replacements unwinds to the one on disk.
            for offer in reversed(group):
                self._failed(offer.transaction, offer.replaced)
                offer.done.set_exception(error)
            return
        for offer in group:
            offer.done.set_result(offer.transaction.hash)
            self._accepted(offer.transaction)
