# SPDX-License-Identifier: Apache-2.0
"""What to pay: answers of which no client's default is ever under the tip floor, and no array ever incomplete.

The floor makes the credits a quota, and the base fee handles congestion alone. A zero reward on an idle chain would
make clients offer less than the floor and be refused; a null makes wallets hang.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

from maillon.ledger.embedded.model import Block
from maillon.ledger.facade.chain import ServedChain
from maillon.ledger.fees import gas_price

MAXIMUM_BLOCKS: Final = 1_024
MAXIMUM_PERCENTILES: Final = 100
REMEMBERED_BLOCKS: Final = 4_096


class Fees:
    """Fee answers over a chain. Safe to share between threads."""

    def __init__(self, chain: ServedChain) -> None:
        self._chain = chain
        self._tips: OrderedDict[int, tuple[tuple[int, int], ...]] = OrderedDict()
        self._lock = Lock()

    def tip(self) -> int:
        """`eth_maxPriorityFeePerGas`, wei: the floor, because the base fee is what orders a full chain."""
        return self._chain.tip_floor

    def gas_price(self) -> int:
        """`eth_gasPrice`, wei."""
        return gas_price(self._chain.next_base_fee(), self._chain.tip_floor)

    def history(self, count: int, newest: Block, percentiles: Sequence[float]) -> dict[str, Any]:
        """`eth_feeHistory` of `count` blocks up to `newest`: always complete, every reward at least the floor."""
        count = min(count, MAXIMUM_BLOCKS, newest.number + 1)
        oldest = newest.number - count + 1
        blocks = [self._block(number) for number in range(oldest, newest.number + 1)]
        base_fees = [block.base_fee for block in blocks] + [self._chain.next_base_fee(newest.number)]
        return {
            "oldestBlock": hex(max(oldest, 0)),
            "reward": [[hex(tip) for tip in self._rewards(block, percentiles)] for block in blocks],
            "baseFeePerGas": [hex(fee) for fee in base_fees],
            "gasUsedRatio": [block.gas_used / block.gas_limit for block in blocks],
            "baseFeePerBlobGas": ["0x1"] * (count + 1),
            "blobGasUsedRatio": [0.0] * count,
        }

    def _block(self, number: int) -> Block:
        block = self._chain.block(number)
        assert block is not None, f"block {number} is under the head and yet not there"
        return block

    def _rewards(self, block: Block, percentiles: Sequence[float]) -> list[int]:
        """The tips paid at these percentiles of the gas used, as geth computes them, and never under the floor."""
        floor = self._chain.tip_floor
        paid = self._paid(block) if percentiles else ()
        if not paid:
            return [floor] * len(percentiles)
        rewards: list[int] = []
        place, so_far = 0, paid[0][1]
        for percentile in percentiles:
            threshold = block.gas_used * percentile / 100
            while so_far < threshold and place < len(paid) - 1:
                place += 1
                so_far += paid[place][1]
            rewards.append(max(paid[place][0], floor))
        return rewards

    def _paid(self, block: Block) -> tuple[tuple[int, int], ...]:
        """(tip, gas used at that tip), ascending; blocks never change, so this is computed once."""
        with self._lock:
            known = self._tips.get(block.number)
        if known is not None:
            return known
        gas_by_tip: dict[int, int] = {}
        for receipt in self._chain.receipts(block.number):
            tip = receipt.effective_gas_price - block.base_fee
            gas_by_tip[tip] = gas_by_tip.get(tip, 0) + receipt.gas_used
        paid = tuple(sorted(gas_by_tip.items()))
        with self._lock:
            self._tips[block.number] = paid
            while len(self._tips) > REMEMBERED_BLOCKS:
                self._tips.popitem(last=False)
        return paid
