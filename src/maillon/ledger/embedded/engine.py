# SPDX-License-Identifier: Apache-2.0
"""The port over an embedded chain: `Ledger` and `Prover`, asynchronous, with one task's patience.

Work on the CPU happens in threads, so that the event loop stays responsive; waiting is told by the chain, never polled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from maillon.ledger.embedded.chain import Chain
from maillon.ledger.embedded.model import Block, CallRequest, Log, LogFilter, Receipt
from maillon.ledger.embedded.transaction import TRANSACTION_GAS
from maillon.ledger.errors import AlreadyKnown, NonceTooLow, NotFound, Rejected, Reverted, Unavailable
from maillon.ledger.port import (
    Address,
    Event,
    Height,
    Signer,
    StateProof,
    TransactionHash,
    TransactionReceipt,
)
from maillon.ledger.reverts import reverted
from maillon.ledger.signing import DynamicFeeTransaction

_T = TypeVar("_T")
_THREADS: Final = 2
_BLOCKS_AT_ONCE: Final = 1_000
"""How many blocks of events are read in one go."""
_ATTEMPTS: Final = 5
"""How often a nonce is chosen anew when another sender of the same account was faster."""


class EmbeddedLedger:
    """`Ledger` and `Prover` over a chain of this process. Belongs to one event loop."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="maillon-ledger")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sealed = asyncio.Event()
        self._unsubscribe: Callable[[], None] | None = None

    async def close(self) -> None:
        """Stop listening to the chain, which stays open."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        self._threads.shutdown(wait=False)

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _listen(self) -> None:
        """Have each sealed block wake whoever waits in this loop."""
        if self._unsubscribe is None:
            self._loop = asyncio.get_running_loop()
            self._unsubscribe = self._chain.subscribe(self._announce)

    def _announce(self, _block: Block) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        # Those who wait hold this event; those who come later get the next.
        self._sealed.set()
        self._sealed = asyncio.Event()

    async def call(self, to: Address, data: bytes, at: Height | None = None) -> bytes:
        """The answer of a contract in the state after block `at`; raises `Reverted`, `NotFound`, `Unavailable`."""
        result = await self._run(lambda: self._chain.call(CallRequest(to, data), at))
        if result.reverted:
            raise reverted(result.output)
        if result.error is not None:
            raise Reverted(result.error)
        return result.output

    async def send(self, to: Address | None, data: bytes, signer: Signer) -> TransactionHash:
        """Sign, order and durably accept one transaction. Raises `Rejected`: `Reverted` when it would fail now."""
        return await asyncio.wrap_future(await self._run(lambda: self._offer(to, data, signer)))

    def _offer(self, to: Address | None, data: bytes, signer: Signer) -> Future[TransactionHash]:
        chain = self._chain
        block_gas = chain.head().gas_limit
        gas = chain.estimate_gas(CallRequest(to, data, signer.address))
        refusal: Rejected | None = None
        for _attempt in range(_ATTEMPTS):
            transaction = DynamicFeeTransaction(
                chain_id=chain.chain_id,
                nonce=chain.pending_nonce(signer.address),
                tip=chain.tip_floor,
                # Twice the base fee outlasts five full blocks; what is not needed is not taken.
                fee=2 * chain.next_base_fee() + chain.tip_floor,
                # The state may be another by then: a quarter more, of which only what is used is paid.
                gas=min(gas * 5 // 4, block_gas, TRANSACTION_GAS),
                to=to,
                value=0,
                data=data,
            )
            try:
                return chain.offer(transaction.sign(signer).raw, replace=False)
            except (NonceTooLow, AlreadyKnown) as error:
                refusal = error
        raise refusal or Unavailable("no nonce could be chosen")

    async def wait(self, sent: TransactionHash, timeout: float = 30.0) -> TransactionReceipt:  # noqa: ASYNC109 - the port's
        """The receipt once sealed. `Reverted` when it failed there; `Unavailable` after `timeout` seconds."""
        self._listen()
        try:
            async with asyncio.timeout(timeout):
                while True:
                    sealed = self._sealed
                    receipt = await self._run(lambda: self._chain.receipt(sent))
                    if receipt is not None:
                        break
                    await sealed.wait()
        except TimeoutError:
            raise Unavailable(f"transaction 0x{sent.hex()} was not sealed within {timeout} seconds") from None
        if not receipt.succeeded:
            raise await self._run(lambda: self._why(receipt))
        return TransactionReceipt(
            receipt.transaction,
            receipt.number,
            receipt.succeeded,
            receipt.gas_used,
            receipt.contract,
            tuple(_event(log) for log in receipt.logs),
        )

    def _why(self, receipt: Receipt) -> Reverted:
        """The reason a transaction failed, asked of the state before its block."""
        included = self._chain.transaction(receipt.transaction)
        if included is None:
            raise NotFound(f"transaction 0x{receipt.transaction.hex()} has a receipt and no body")
        failed = included.transaction
        request = CallRequest(Address(failed.to) if failed.to else None, failed.data, failed.sender, failed.value)
        result = self._chain.call(request, receipt.number - 1)
        return reverted(result.output) if result.reverted else Reverted(result.error or "execution reverted")

    async def events(self, of: Address, since: Height, until: Height | None = None) -> AsyncIterator[Event]:
        """Every event of a contract from block `since` on, in order; ends at `until`, or follows the head when None."""
        self._listen()
        first: int = since
        while until is None or first <= until:
            sealed = self._sealed
            head = self._chain.head().number
            last = min(head, first + _BLOCKS_AT_ONCE - 1, head if until is None else until)
            if last >= first:
                wanted = LogFilter(Height(first), Height(last), (of,))
                for log in await self._run(lambda wanted=wanted: list(self._chain.logs(wanted))):  # type: ignore[misc]
                    yield _event(log)
                first = last + 1
            else:
                await sealed.wait()

    async def head(self) -> Height:
        """The newest block, which is final."""
        return self._chain.head().number

    async def prove(self, contract: Address, slots: Sequence[int], at: Height) -> StateProof:
        """Prove storage slots as of block `at`; raises `NotFound` for a block that is not there."""
        return await self._run(lambda: self._prove(contract, slots, at))

    def _prove(self, contract: Address, slots: Sequence[int], at: Height) -> StateProof:
        block = self._chain.block(at)
        if block is None:
            raise NotFound(f"block {at} not found: the newest is {self._chain.head().number}")
        signed = self._chain.consensus(at + 1)
        return StateProof(
            at,
            self._chain.proof(contract, slots, at),
            block.header,
            {"header": signed.header, "commit": signed.commit},
            signed.validators,
            [],
        )


def _event(log: Log) -> Event:
    return Event(log.address, log.topics, log.data, log.number, log.position, log.transaction)
