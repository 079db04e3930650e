# SPDX-License-Identifier: Apache-2.0
"""What is said of credits. Frozen; amounts in wei, 10^18 to a credit, prices in wei per gas."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final

TRANSFER_GAS: Final = 21_000
"""What the plainest transaction uses."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """The highest price there can be, however full the blocks become."""

    blocks: int
    """How many blocks from now."""
    price: int

    @property
    def transfer(self) -> int:
        """What a transfer costs then."""
        return TRANSFER_GAS * self.price


@dataclass(frozen=True, slots=True)
class Price:
    """What gas costs: the base fee, which rises while blocks are over half full, and the floor tip, which is law."""

    base_fee: int
    """Of the next block."""
    floor_tip: int
    at_most: tuple[AtMost, ...]

    @property
    def now(self) -> int:
        """For each gas, in the next block."""
        return self.base_fee + self.floor_tip

    @property
    def transfer(self) -> int:
        """What a transfer costs in the next block."""
        return TRANSFER_GAS * self.now


@dataclass(frozen=True, slots=True)
class Refill:
    """The next grant."""

    period: int
    """Blocks between two."""
    block: int
    blocks: int
    """Until then."""
    moment: datetime.datetime
    """About when, at the pace of the newest blocks."""


@dataclass(frozen=True, slots=True)
class MemberCredits:
    """One member."""

    organisation: int
    legal_name: str
    tier: int
    account: str | None
    """Which the member has chosen for its credits, else the first that acts for it; None where none does."""
    chosen: bool
    """Whether it has chosen one: to no other grants go."""
    balance: int
    """Of that account."""
    allowance: int
    """In a period, as things stand."""
    suspended: bool


@dataclass(frozen=True, slots=True)
class LowCredits:
    """A member that has little left of what a period grants."""

    organisation: int
    balance: int
    allowance: int
    refill: Refill
    turn: int
    """In one turn it is told once: `rules.turn`."""
    time: int
    """Of the block whose state it was read in; Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class DelegateCredits:
    """An account that acts for a member, and pays for what it does from what it was sent."""

    account: str
    balance: int


@dataclass(frozen=True, slots=True)
class Spending:
    """What left an account: fees, and what it sent to others."""

    hours: float
    """Over how long it was seen."""
    spent: int
    granted: int
    a_day: int
    days_left: float | None
    """At this pace, without another grant; None when nothing was spent."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Everybody, a page at a time, and the price."""

    read: datetime.datetime
    head: int
    price: Price
    refill: Refill | None
    """None where nothing is granted by blocks: an embedded ledger."""
    members: tuple[MemberCredits, ...]
    next: int | None
    faucet: bool


@dataclass(frozen=True, slots=True)
class MemberView:
    """One member, whole."""

    member: MemberCredits
    delegates: tuple[DelegateCredits, ...]
    spending: Spending | None
    """None when the ledger keeps no older state, or is too young to tell."""
    price: Price
    refill: Refill | None
    read: datetime.datetime
