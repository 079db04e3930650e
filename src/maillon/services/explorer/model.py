# SPDX-License-Identifier: Apache-2.0
"""What the explorer shows: blocks and transactions as people read them. Frozen."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """One row of a list of blocks."""

    number: int
    hash: str
    time: datetime.datetime
    transactions: int
    gas_used: int
    gas_limit: int
    anchors: bool
    """Whether the log is anchored here."""

    @property
    def share(self) -> float:
        """How full it is, from 0 to 1."""
        return self.gas_used / self.gas_limit if self.gas_limit else 0.0

    @property
    def length(self) -> int:
        """How long its link is drawn: 0 to 12, by what it carries."""
        return min(12, self.transactions)


@dataclass(frozen=True, slots=True)
class TransactionSummary:
    """One row of a list of transactions."""

    hash: str
    block: int
    sender: str
    recipient: str | None
    """None: it deployed a contract."""
    contract: str | None
    """The name of the system contract it called, if it did."""
    value: int
    """Wei."""


@dataclass(frozen=True, slots=True)
class BlockView:
    """One block."""

    summary: BlockSummary
    parent: str
    state_root: str
    base_fee: int
    transactions: tuple[TransactionSummary, ...]


@dataclass(frozen=True, slots=True)
class TransactionView:
    """One transaction and what became of it."""

    summary: TransactionSummary
    time: datetime.datetime
    succeeded: bool
    gas_used: int
    price: int
    """Wei per gas."""
    nonce: int
    data: str
    created: str | None
    events: int


class Pulse(StrEnum):
    """How it goes, in one word, the gravest first."""

    HALTED = "halted"
    """The log stopped rather than contradict itself."""
    AWAY = "away"
    """The ledger does not answer; the log goes on."""
    BEHIND = "behind"
    """Entries wait longer than they should to be anchored."""
    STARTING = "starting"
    """The log is taking its place on a new ledger."""
    SEALING = "sealing"
    """Entries are on their way."""
    IDLE = "idle"
    """Everything entered is anchored."""


@dataclass(frozen=True, slots=True)
class NetworkState:
    """The home page's figures, with the time they were read."""

    network: str
    read: datetime.datetime
    pulse: Pulse
    head: BlockSummary | None
    """None while the ledger does not answer."""
    newest: tuple[BlockSummary, ...]
    """Oldest first."""
    entries: int
    size: int
    anchored_size: int
    anchored_height: int | None
    failure: str | None

    @property
    def waiting(self) -> int:
        """Entries not yet anchored."""
        return self.entries - self.anchored_size
