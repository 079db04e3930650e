# SPDX-License-Identifier: Apache-2.0
"""What a unit of gas costs: the floor contracts set, and what clients are told to pay, the same at every door. Pure.

And how what is paid, or left to pay with, is said: in credits.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from maillon.ledger.founding import GWEI

CREDIT: Final = 10**18
"""Wei to a credit."""
DEFAULT_FLOOR_TIP: Final = GWEI
"""Wei per gas every transaction pays at least, where no contract says otherwise."""
MAXIMUM_FLOOR_TIP: Final = 1000 * GWEI
"""More would keep out even the vote that lowers it again."""
_ROOM: Final = 127
"""Per cent of the next base fee: two full blocks raise it by at most 26.6 (EIP-1559)."""


def floor_tip(said: int | None) -> int:
    """The floor in force, wei per gas, from what the contract says: None when it says nothing usable."""
    return said if said is not None and 0 <= said <= MAXIMUM_FLOOR_TIP else DEFAULT_FLOOR_TIP


def credits_text(wei: int) -> str:
    """An amount in credits, exact, without an exponent."""
    text = format(Decimal(wei) / CREDIT, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def gas_price(next_base_fee: int, floor_tip: int) -> int:
    """`eth_gasPrice`, wei: the next base fee with two full blocks of room, and the floor tip."""
    return -(-next_base_fee * _ROOM // 100) + floor_tip
