# SPDX-License-Identifier: Apache-2.0
"""What somebody must do on the chain and nobody in particular: keep the contract's queue of validators moving.

The law lets less than a third of the power change in an epoch, and a contract does nothing by itself: once the next
epoch has begun somebody has to call `advance`. Anybody may. So that it depends on nobody, the validators' own nodes do
it and pay for it, in turns all of them compute alike: a node that is down, or has no credits, loses its turn, and the
next one's comes a few blocks later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final

import structlog

from maillon.ledger.contracts.network import Network
from maillon.ledger.fees import floor_tip
from maillon.ledger.port import Address
from maillon.ledger.signing import DynamicFeeTransaction
from maillon.network.configuration import Plan
from maillon.network.errors import ExecutionUnavailable
from maillon.network.execution import CallRefused, Socket
from maillon.network.registry import Registry

INTERVAL: Final = 2.0
"""Seconds between two looks at the chain."""
TURN: Final = 8
"""Blocks of one node's turn: several times what a transaction takes to be final."""
MAXIMUM_GAS: Final = 16_000_000
"""Under what a transaction may use (EIP-7825): a full queue of 64 stays below."""
_log = structlog.get_logger(__name__)


def whose_turn(number: int, validators: Collection[bytes]) -> bytes:
    """The key of the validator whose node keeps house at this block. `validators` are keys, one at least."""
    return sorted(validators)[number // TURN % len(validators)]


class QueueKeeper:
    """Calls `advance` in this node's turn, when that would move a power."""

    def __init__(self, plan: Plan, socket: Socket, registry: Registry) -> None:
        self._plan = plan
        self._socket = socket
        self._registry = registry
        self._sent_in: int | None = None
        """The turn in which a transaction was sent: one is enough, and it may be on its way still."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._round()
            except ExecutionUnavailable as error:
                _log.info("the queue waits for the execution engine", reason=str(error))
            except CallRefused as refusal:
                # The next validator's turn comes: no credits, most likely.
                _log.warning("the queue of validators could not be moved by this node", reason=str(refusal))
            await asyncio.sleep(INTERVAL)

    async def _round(self) -> None:
        head = await self._socket.call("eth_getBlockByNumber", "latest", False, within=5)
        number = int(head["number"], 16)
        async with asyncio.timeout(10):
            try:
                constitution = await self._registry.at(bytes.fromhex(head["hash"][2:]))
            except TimeoutError as error:
                raise ExecutionUnavailable("no state at the head") from error
        validators, contract = constitution.validator_view(), constitution.network_contract
        if not validators or contract is None or self._sent_in == number // TURN:
            return
        if whose_turn(number, validators) != self._plan.identity.validator_key:
            return
        gas = await self._would_move(Address(contract))
        if gas is not None:
            self._sent_in = number // TURN
            await self._send(Address(contract), gas, floor_tip(constitution.floor_tip), int(head["baseFeePerGas"], 16))

    async def _would_move(self, contract: Address) -> int | None:
        """The gas `advance` would use in the next block; None when nothing would come of it.

        The contract itself says so, by the events it would leave: a second reading of its law here could differ.
        """
        call = {"from": self._own, "to": "0x" + contract.hex(), "input": "0x" + Network(contract).advance().data.hex()}
        blocks = await self._socket.call("eth_simulateV1", {"blockStateCalls": [{"calls": [call]}]}, "latest")
        try:
            outcome = blocks[0]["calls"][0]
            if outcome["status"] != "0x1" or not outcome["logs"]:
                return None
            return int(outcome["gasUsed"], 16)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ExecutionUnavailable(f"eth_simulateV1 answers something else: {error!r}") from error

    async def _send(self, contract: Address, used: int, tip: int, base_fee: int) -> None:
        nonce = await self._socket.call("eth_getTransactionCount", self._own, "pending")
        transaction = DynamicFeeTransaction(
            chain_id=self._plan.network.genesis.chain_id,
            nonce=int(nonce, 16),
            tip=tip,
            fee=2 * base_fee + tip,
            # What is given back at the end must be there first (EIP-3529: at most a fifth).
            gas=min(2 * used + 50_000, MAXIMUM_GAS),
            to=contract,
            value=0,
            data=Network(contract).advance().data,
        ).sign(self._plan.identity.account)
        sent: Any = await self._socket.call("eth_sendRawTransaction", "0x" + transaction.raw.hex())
        _log.info("the queue of validators moves", transaction=sent)

    @property
    def _own(self) -> str:
        return "0x" + self._plan.identity.account.address.hex()
