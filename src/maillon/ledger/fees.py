# SPDX-License-Identifier: Apache-2.0
"""What a client is told to pay, the same at every door. Pure."""

from __future__ import annotations

from typing import Final

_ROOM: Final = 127
"""Per cent of the next base fee: two full blocks raise it by at most 26.6 (EIP-1559)."""


def gas_price(next_base_fee: int, floor_tip: int) -> int:
    """`eth_gasPrice`, wei: the next base fee with two full blocks of room, and the floor tip."""
    return -(-next_base_fee * _ROOM // 100) + floor_tip
