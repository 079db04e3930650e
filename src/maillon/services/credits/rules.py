# SPDX-License-Identifier: Apache-2.0
"""What follows from blocks: prices to come, the next grant, a day's spending. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Any, Final

from maillon.services.credits.errors import NotAnAccount
from maillon.services.credits.model import AtMost, Price, Refill, Spending

HORIZONS: Final = (1, 10, 60)
"""Blocks ahead for which the highest price is said."""
PAGE: Final = 25
DAY: Final = 86_400
LEAST_SEEN: Final = 600
"""Seconds a spending must have been seen to be called a day's pace."""
MOST_GRANTS: Final = 400
"""Grants looked up for one day's spending; more would ask the ledger too much, and the figure is left out."""
LOW_PART: Final = 10
"""A member with less than this part of an allowance, a tenth, has few credits left."""
_BLOCKS_A_DAY: Final = 86_400
"""At a block a second, which is the network's pace."""
_DENOMINATOR: Final = 8
"""A base fee changes by an eighth at most (EIP-1559)."""
_ACCOUNT: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def next_base_fee(base_fee: int, gas_used: int, gas_limit: int) -> int:
    """The base fee of the block after this one (EIP-1559)."""
    target = gas_limit // 2
    if not target or gas_used == target:
        return base_fee
    change = base_fee * abs(gas_used - target) // target // _DENOMINATOR
    return base_fee + max(change, 1) if gas_used > target else base_fee - change


def price(base_fee: int, gas_used: int, gas_limit: int, floor_tip: int) -> Price:
    """Prices from the newest block: what the next costs exactly, later ones at most."""
    following = next_base_fee(base_fee, gas_used, gas_limit)
    highest, found = following, []
    for blocks in range(1, max(HORIZONS) + 1):
        if blocks in HORIZONS:
            found.append(AtMost(blocks, highest + floor_tip))
        highest = next_base_fee(highest, gas_limit, gas_limit)
    return Price(following, floor_tip, tuple(found))


def refill(head: int, period: int, seconds_a_block: float, now: datetime.datetime) -> Refill:
    """The next block that grants: the next multiple of the period."""
    block = (head // period + 1) * period
    blocks = block - head
    return Refill(period, block, blocks, now + datetime.timedelta(seconds=blocks * seconds_a_block))


def runs_low(balance: int, allowance: int) -> bool:
    """Whether a member has few credits left; one that is granted none has never few."""
    return balance * LOW_PART < allowance


def turn(head: int, period: int) -> int:
    """The turn a block is in, within which a member is told once that its credits run low.

    A turn is a period, and as many whole periods as fit into a day where they are shorter: nobody is written to hourly.
    """
    return head // (period * max(1, _BLOCKS_A_DAY // period))


def spending(before: int, granted: int, after: int, seconds: int) -> Spending | None:
    """What left an account between two states; None when too little time lies between them."""
    if seconds < LEAST_SEEN:
        return None
    # What others sent to it cannot be told from a grant's absence: it lowers the figure, and never below nothing.
    spent = max(0, before + granted - after)
    a_day = spent * DAY // seconds
    return Spending(seconds / 3600, spent, granted, a_day, after / a_day if a_day else None)


def granted_to(account: str, blocks: Sequence[Any]) -> int:
    """What blocks granted an account (EIP-4895 withdrawals), in wei."""
    return sum(
        int(withdrawal["amount"], 16) * 10**9
        for block in blocks
        for withdrawal in block.get("withdrawals") or ()
        if withdrawal["address"].lower() == account
    )


def parse_account(text: str) -> str:
    """An account in lower case. Raises `NotAnAccount`."""
    stripped = text.strip()
    if _ACCOUNT.fullmatch(stripped) is None:
        raise NotAnAccount(f"{stripped[:80]!r} is not 0x and 40 hexadecimal digits")
    return stripped.lower()
