# SPDX-License-Identifier: Apache-2.0
"""Our log on the ledger: `Anchors` through the port. Knows neither the log's files nor the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from maillon.evidence.checkpoint import log_id
from maillon.evidence.receipt import root_slot
from maillon.ledger.abi import ask, instruct
from maillon.ledger.contracts.anchors import SLOTS, Anchored, Anchors
from maillon.ledger.errors import LedgerError
from maillon.ledger.port import Address, Height, Ledger, Prover, Signer
from maillon.services.notary.errors import AnchorUnavailable, LogForked


@dataclass(frozen=True, slots=True)
class AnchoredCheckpoint:
    """A checkpoint as the ledger knows it."""

    size: int
    root: bytes
    height: Height


class LogContract:
    """The log of one origin in `Anchors`, written by one account."""

    def __init__(self, ledger: Ledger, prover: Prover, anchors: Address, signer: Signer, origin: str) -> None:
        self._ledger = ledger
        self._prover = prover
        self._anchors = Anchors(anchors)
        self._signer = signer
        self._log = log_id(origin)
        self._slot = root_slot(SLOTS["_anchors"], self._log)
        self._known = False

    async def newest(self) -> AnchoredCheckpoint | None:
        """The newest checkpoint anchored, None before the first. Raises `AnchorUnavailable`."""
        try:
            newest = await ask(self._ledger, self._anchors.newest(self._log))
        except LedgerError as error:
            raise AnchorUnavailable(f"the ledger could not be asked: {error}") from error
        return AnchoredCheckpoint(newest.size, newest.root, Height(newest.block)) if newest.size else None

    async def anchor(self, size: int, root: bytes) -> Height:
        """Anchor a checkpoint: the block that holds it. Safe to repeat when the outcome of the last call is unknown.

        Raises `AnchorUnavailable`, and `LogForked` when the ledger holds another root, or a larger size.
        """
        try:
            if not self._known:
                # After a start, or a failure of unknown outcome: the checkpoint may be there already.
                before = await self._prepare(size, root)
                if before is not None:
                    self._known = True
                    return before
            self._known = False
            sent = await instruct(self._ledger, self._anchors.anchor(self._log, size, root), self._signer)
            receipt = await self._ledger.wait(sent)
        except LedgerError as error:
            raise AnchorUnavailable(f"the checkpoint could not be anchored: {error}") from error
        self._known = True
        return receipt.height

    async def register(self) -> None:
        """Let our organisation own the log's identifier, if nobody does. Raises `AnchorUnavailable`."""
        try:
            await self._register()
        except LedgerError as error:
            raise AnchorUnavailable(f"the log could not be registered: {error}") from error

    async def _register(self) -> None:
        if await ask(self._ledger, self._anchors.owner_of(self._log)) == 0:
            registered = await instruct(self._ledger, self._anchors.register(self._log), self._signer)
            await self._ledger.wait(registered)

    async def _prepare(self, size: int, root: bytes) -> Height | None:
        await self._register()
        newest = await ask(self._ledger, self._anchors.newest(self._log))
        if newest.size > size or (newest.size == size and newest.root != root):
            raise LogForked(
                f"the ledger holds size {newest.size} and root {newest.root.hex()} for this log, ours has size {size} "
                f"and root {root.hex()}: the log was restored from an older copy, or two servers write it"
            )
        return Height(newest.block) if newest.size == size else None

    async def prove(self, height: Height) -> dict[str, Any]:
        """The receipt's `anchor` part: both slots of the newest anchor as of a block. Raises `AnchorUnavailable`."""
        try:
            proved = await self._prover.prove(self._anchors.address, (self._slot, self._slot + 1), height)
        except LedgerError as error:
            raise AnchorUnavailable(f"the anchor could not be proved: {error}") from error
        return {
            "proof": proved.proof,
            "header": "0x" + proved.header.hex(),
            "consensus": proved.consensus,
            "validators": proved.validators,
            "updates": proved.updates,
        }

    async def history(self) -> AsyncIterator[AnchoredCheckpoint]:
        """Every checkpoint ever anchored, oldest first. Raises `AnchorUnavailable`."""
        try:
            until = await self._ledger.head()
            async for event in self._ledger.events(self._anchors.address, Height(0), until):
                if event.topics[:1] != (Anchored.TOPIC,):
                    continue
                anchored = Anchored.decode(event)
                if anchored.log_id == self._log:
                    yield AnchoredCheckpoint(anchored.size, anchored.root, event.height)
        except LedgerError as error:
            raise AnchorUnavailable(f"the events of the ledger could not be read: {error}") from error
