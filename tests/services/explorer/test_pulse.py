# SPDX-License-Identifier: Apache-2.0
"""How it goes, in one word: each state from what shows it, the gravest first; and a page when the ledger is away."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any, cast

import pytest

from maillon.kit.clock import FixedClock
from maillon.ledger.errors import Unavailable
from maillon.services.explorer import ExplorerService
from maillon.services.explorer.model import BlockSummary, Pulse
from maillon.services.explorer.rules import PATIENCE, pulse
from maillon.services.notary import LogStatus, NotaryService

NOW = datetime.datetime(2026, 11, 3, 12, tzinfo=datetime.UTC)
BLOCK = BlockSummary(7, "0x" + "11" * 32, NOW, 1, 21_000, 30_000_000, anchors=True)
QUIET = LogStatus("log.test", "key", 5, 5, 5, 7, None, None)
BUSY = replace(QUIET, next_index=6)


@pytest.mark.parametrize(
    ("head", "log", "halted", "waited", "expected"),
    [
        (BLOCK, QUIET, False, 0, Pulse.IDLE),
        (BLOCK, BUSY, False, 1, Pulse.SEALING),
        (BLOCK, BUSY, False, PATIENCE + 1, Pulse.BEHIND),
        (BLOCK, replace(BUSY, anchoring_failure="away"), False, 0, Pulse.BEHIND),
        (BLOCK, replace(QUIET, failure="disk"), False, 0, Pulse.BEHIND),
        (replace(BLOCK, number=0), replace(QUIET, next_index=0, size=0, anchored_size=0), False, 0, Pulse.STARTING),
        (None, QUIET, False, 0, Pulse.AWAY),
        (None, replace(BUSY, anchoring_failure="away"), False, 99, Pulse.AWAY),
        (None, replace(QUIET, failure="forked"), True, 0, Pulse.HALTED),
    ],
)
def test_each_state_is_told_from_the_others(
    head: BlockSummary | None, log: LogStatus, halted: bool, waited: float, expected: Pulse
) -> None:
    assert pulse(head, log, halted, waited) == expected


class Log:
    """A notary that says what it is told to."""

    def __init__(self) -> None:
        self.now = QUIET
        self.halted: str | None = None
        self.asked = 0

    async def status(self) -> LogStatus:
        self.asked += 1
        return self.now


class Chain:
    """Ethereum JSON-RPC of one block, that can be away."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[str] = []

    async def __call__(self, method: str, *_parameters: Any) -> Any:
        self.asked.append(method)
        if self.away:
            raise Unavailable("no answer")
        if method == "eth_blockNumber":
            return "0x0"
        return {"number": "0x0", "hash": "0x" + "22" * 32, "timestamp": "0x1", "transactions": [], "gasUsed": "0x0",
                "gasLimit": "0x1"}  # fmt: skip


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def explorer(log: Log, chain: Chain, clock: FixedClock) -> ExplorerService:
    return ExplorerService(chain, cast("NotaryService", log), "test", clock)


async def test_a_ledger_that_does_not_answer_is_a_state_and_the_log_is_still_told(
    explorer: ExplorerService, chain: Chain
) -> None:
    chain.away = True
    state = await explorer.state()
    assert state.pulse == Pulse.AWAY
    assert state.head is None
    assert state.newest == ()
    assert state.entries == 5


async def test_entries_that_wait_too_long_are_told_and_forgiven_once_anchored(
    explorer: ExplorerService, log: Log, clock: FixedClock
) -> None:
    log.now = BUSY
    assert (await explorer.state()).pulse == Pulse.SEALING
    clock.advance(PATIENCE + 2)
    assert (await explorer.state()).pulse == Pulse.BEHIND
    log.now = replace(BUSY, next_index=9, anchored_size=6)
    clock.advance(2)
    assert (await explorer.state()).pulse == Pulse.SEALING
    log.now = replace(BUSY, anchored_size=6, size=6)
    clock.advance(2)
    state = await explorer.state()
    assert state.pulse == Pulse.STARTING
    assert state.waiting == 0


async def test_many_readers_share_one_reading_and_final_blocks_are_asked_once(
    explorer: ExplorerService, log: Log, chain: Chain, clock: FixedClock
) -> None:
    first = await explorer.state()
    assert await explorer.state() is first
    assert log.asked == 1
    clock.advance(2)
    again = await explorer.state()
    assert again.read > first.read
    assert chain.asked.count("eth_getBlockByNumber") == 1
