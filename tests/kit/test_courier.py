# SPDX-License-Identifier: Apache-2.0
"""The courier goes on, whatever a round of his met."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from maillon.kit.clock import FixedClock
from maillon.kit.courier import CLAIM, Courier
from maillon.kit.errors import StoreUnavailable
from maillon.kit.mail import table
from maillon.kit.store import Store


def stage(store: Store, *identifiers: str) -> None:
    with store.transaction() as connection:
        for identifier in identifiers:
            row = {"id": identifier, "letter": b"", "created": 0, "attempts": 0, "due": 0}
            connection.execute(table.insert().values(row))


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), ZeroDivisionError("nobody foresaw it")])
def test_a_round_that_failed_is_not_the_last(store: Store, clock: FixedClock, failure: Exception) -> None:
    failed, carried = threading.Event(), threading.Event()

    def carry(row: sa.Row[Any]) -> bool:
        if row.id == "1":
            failed.set()
            raise failure
        carried.set()
        with store.transaction() as connection:
            connection.execute(table.delete().where(table.c.id == row.id))
        return True

    courier = Courier("test", store, clock, table, table.c.failed.is_(None), carry)
    stage(store, "1")
    courier.start()
    try:
        courier.wake()
        assert failed.wait(60)
        stage(store, "2")
        courier.wake()
        assert carried.wait(60)
    finally:
        courier.stop()


def test_stopping_waits_for_the_row_in_hand_alone(store: Store, clock: FixedClock) -> None:
    begun, go_on = threading.Event(), threading.Event()
    carried = []

    def carry(row: sa.Row[Any]) -> bool:
        begun.set()
        assert go_on.wait(60)
        carried.append(row.id)
        return True

    courier = Courier("test", store, clock, table, table.c.failed.is_(None), carry)
    stage(store, "1", "2", "3")
    courier.start()
    courier.wake()
    assert begun.wait(60)
    stopping = threading.Thread(target=courier.stop)
    stopping.start()
    while not courier._stopping:
        threading.Event().wait(0.01)
    go_on.set()
    stopping.join(60)
    assert carried == ["1"]


def test_a_row_in_hand_is_nobody_elses_until_its_claim_ends(store: Store, clock: FixedClock) -> None:
    attempts = []

    def carry(row: sa.Row[Any]) -> bool:
        attempts.append((row.id, row.attempts))
        assert another.deliver() == 0, "the claim holds"
        return False

    courier = Courier("test", store, clock, table, table.c.failed.is_(None), carry)
    another = Courier("another", store, clock, table, table.c.failed.is_(None), lambda _: True)
    stage(store, "1")
    assert courier.deliver() == 0
    clock.advance(CLAIM - 1)
    assert courier.deliver() == 0
    clock.advance(1)
    assert courier.deliver() == 0
    assert attempts == [("1", 0), ("1", 1)]


def test_what_is_waited_for_no_more_is_not_carried(store: Store, clock: FixedClock) -> None:
    courier = Courier("test", store, clock, table, table.c.failed.is_(None), lambda _: pytest.fail("carried"))
    stage(store, "1")
    courier.change("1", failed=1)
    assert courier.deliver() == 0


def test_several_walkers_never_carry_to_one_receiver_at_a_time(store: Store, clock: FixedClock) -> None:
    """The id stands for the receiver of letters, which have none: of webhooks `test_webhooks.py` shows it."""
    together = threading.Barrier(3, timeout=60)

    def carry(row: sa.Row[Any]) -> bool:
        together.wait()  # passed once three are on their way at the same time
        courier.change(row.id, failed=1)
        return True

    courier = Courier("test", store, clock, table, table.c.failed.is_(None), carry, to="id", walkers=3)
    stage(store, "1", "2", "3")
    courier.start()
    courier.wake()
    courier.stop()
    assert not together.broken
