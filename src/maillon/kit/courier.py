# SPDX-License-Identifier: Apache-2.0
"""The courier of an outbox: it claims what is due, one at a time, hands it over, and comes back until nothing waits.

A row is claimed for two minutes in a transaction of its own. A crash after it means that the row is due again when the
claim ends, in any process: handed over twice perhaps, never not at all. Where rows have a receiver who can be slow,
several walkers go at once, and no two of them to the same receiver.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
import structlog

from maillon.kit.clock import Clock
from maillon.kit.errors import KitError
from maillon.kit.store import Store

CLAIM: Final = 120
"""Seconds one process has to hand over a row before another may."""
_ROUND: Final = 10.0
logger = structlog.get_logger("maillon.courier")


class Courier:
    """Carries the rows of one outbox, a table with `id`, `attempts` and `due`. Safe to share between threads.

    `waiting` says which rows are still to be carried. `carry` is given a row as it was before this attempt, hands it
    over, writes down what came of it with `change` or by deleting it, and answers whether it was taken. With `to`, the
    column that names a receiver, `walkers` threads carry, and one row at a time to each receiver.
    """

    def __init__(  # noqa: PLR0917 - what it carries, and with what
        self,
        name: str,
        store: Store,
        clock: Clock,
        table: sa.Table,
        waiting: sa.ColumnElement[bool],
        carry: Callable[[sa.Row[Any]], bool],
        *,
        to: str | None = None,
        walkers: int = 1,
    ) -> None:
        self._name = name
        self._store = store
        self._clock = clock
        self._table = table
        self._waiting = waiting
        self._carry = carry
        self._to = to
        self._walkers = walkers
        self._claiming = threading.Lock()
        self._in_hand: set[str] = set()
        """Receivers somebody is on the way to."""
        self._wake = threading.Event()
        self._stopping = False
        self._threads: list[threading.Thread] = []

    def deliver(self) -> int:
        """Carry every row that is due, or as many until `stop`; how many were taken.

        Raises `KitError` when the database is away.
        """
        taken = 0
        while not self._stopping and (row := self._claim()) is not None:
            try:
                taken += self._carry(row)
            finally:
                self._let_go(row)
        return taken

    def _claim(self) -> sa.Row[Any] | None:
        columns = self._table.c
        now = int(self._clock.now().timestamp())
        # One walker claims at a time: the next one sees to whom this one goes.
        with self._claiming:
            with self._store.transaction() as connection:
                due = sa.select(self._table).where(self._waiting, columns.due <= now)
                if self._to is not None and self._in_hand:
                    due = due.where(columns[self._to].not_in(sorted(self._in_hand)))
                row = connection.execute(due.order_by(columns.due, columns.id).limit(1).with_for_update()).first()
                if row is not None:
                    claim = {"due": now + CLAIM, "attempts": row.attempts + 1}
                    connection.execute(self._table.update().where(columns.id == row.id).values(claim))
            if row is not None and self._to is not None:
                self._in_hand.add(getattr(row, self._to))
        return row

    def _let_go(self, row: sa.Row[Any]) -> None:
        if self._to is not None:
            with self._claiming:
                self._in_hand.discard(getattr(row, self._to))

    def change(self, identifier: str, **values: object) -> None:
        """Write down what came of an attempt."""
        with self._store.transaction() as connection:
            connection.execute(self._table.update().where(self._table.c.id == identifier).values(values))

    def wake(self) -> None:
        """There may be a row: called after the commit that staged one."""
        self._wake.set()

    def start(self) -> None:
        """Walk in threads: when woken, and every ten seconds."""
        self._threads = [
            threading.Thread(target=self._walk, name=self._name, daemon=True) for _ in range(self._walkers)
        ]
        for thread in self._threads:
            thread.start()

    def _walk(self) -> None:
        while not self._stopping:
            self._wake.wait(_ROUND)
            self._wake.clear()
            if not self._stopping:
                self._go_round()
        # Another who waits still may have had the word to end taken from it.
        self._wake.set()

    def _go_round(self) -> None:
        try:
            self.deliver()
        except KitError as error:  # the database is away: the next round tries again
            logger.warning("round ended early", courier=self._name, reason=str(error))
        except Exception as error:  # noqa: BLE001 - a thread that ends in silence would carry nothing any more
            # By its class alone: what it says may quote what was carried. The row in hand is due again when its claim
            # ends, and the next round begins with the others.
            logger.error("round failed", courier=self._name, reason=type(error).__name__)  # noqa: TRY400 - a traceback would say what is carried

    def stop(self) -> None:
        """Finish the rows in hand."""
        self._stopping = True
        self._wake.set()
        for thread in self._threads:
            thread.join()
