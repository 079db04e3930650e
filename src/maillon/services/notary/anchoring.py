# SPDX-License-Identifier: Apache-2.0
"""From a published checkpoint to ready receipts: anchor on the ledger, prove, stamp, record.

Follows the log at its own pace: while the ledger is away checkpoints go on, and the newest one is anchored when it is
back; the first anchored checkpoint that covers an entry serves its receipt. Every move may be repeated.
"""

from __future__ import annotations

import asyncio
import dataclasses

from maillon.evidence.hashing import sha256
from maillon.kit.errors import StoreUnavailable as KitUnavailable
from maillon.kit.store import Store
from maillon.services.notary import store as tables
from maillon.services.notary.authority import Authority
from maillon.services.notary.contract import LogContract
from maillon.services.notary.errors import StoreUnavailable
from maillon.services.notary.log import Boundary, Faults, no_faults
from maillon.services.notary.model import CheckpointRecord
from maillon.services.notary.published import Published


class Anchoring:
    """Anchors the newest checkpoint. One at a time; belongs to one event loop."""

    def __init__(
        self,
        store: Store,
        published: Published,
        contract: LogContract,
        authority: Authority,
        faults: Faults = no_faults,
    ) -> None:
        self._store = store
        self._published = published
        self._contract = contract
        self._authority = authority
        self._faults = faults

    async def step(self) -> CheckpointRecord | None:
        """Anchor the newest checkpoint if it is not: the complete record, None when there was nothing to do.

        Raises an `Unavailable` to be tried again, or `LogForked`.
        """
        record = await asyncio.to_thread(self._newest)
        if record is None or record.height is not None:
            return None
        height = await self._contract.anchor(record.size, record.root)
        # A crash here: the ledger has the anchor and we have no record of it. The next attempt asks the contract
        # first, finds size and root, and goes on from that block.
        self._faults(Boundary.ANCHORED)

        anchor = await self._contract.prove(height)
        return await asyncio.to_thread(self._complete, dataclasses.replace(record, height=height, anchor=anchor))

    def _newest(self) -> CheckpointRecord | None:
        try:
            with self._store.read() as session:
                return tables.newest_checkpoint(session)
        except KitUnavailable as error:
            raise StoreUnavailable("the newest checkpoint could not be read") from error

    def _complete(self, record: CheckpointRecord) -> CheckpointRecord:
        # A stamp made before a crash is taken again: one checkpoint has one stamp.
        token = self._published.stamp(record.size)
        if token is None:
            token = self._authority.stamp(sha256(record.note.encode()))
            self._published.write_stamp(record.size, token)
        # A crash here: the stamp lies beside the log and the database does not know. The next attempt finds it.
        self._faults(Boundary.STAMPED)

        complete = dataclasses.replace(record, stamp=token)
        try:
            with self._store.transaction() as session:
                tables.record_anchor(session, complete)
        except KitUnavailable as error:
            raise StoreUnavailable("the anchor could not be recorded") from error
        # From here on the receipts of all entries under this checkpoint are ready.
        return complete
