# SPDX-License-Identifier: Apache-2.0
"""The sequencer: turns durable submissions into a published checkpoint, in four moves with a crash allowed between any.

    stage    one file with everything the step will publish, on the disk; nobody sees it
    commit   the database moves the log's size from the old to the new: the step has happened
    publish  tiles, bundles, then the checkpoint become visible
    clean    they are brought to the disk, the staging file goes, the submissions are dropped

Starting runs the same `_publish` and `_clean` over what it finds staged: recovery is ordinary operation. Anything that
fails leaves the log unloaded, and the next step begins by recovering, whether the failed move happened or not.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from maillon.evidence.checkpoint import Checkpoint
from maillon.evidence.errors import EvidenceError
from maillon.evidence.merkle import EMPTY_ROOT, leaf_hash
from maillon.evidence.note import Note, NoteSigner, NoteVerifier
from maillon.evidence.tiles import decode_bundle
from maillon.kit.errors import StoreUnavailable as KitUnavailable
from maillon.kit.store import Store
from maillon.services.notary import store as tables
from maillon.services.notary.errors import LogInconsistent, StoreUnavailable
from maillon.services.notary.growth import Edge, grow
from maillon.services.notary.model import CheckpointRecord
from maillon.services.notary.published import Published, Staged
from maillon.services.notary.rules import ENTRIES_PER_CHECKPOINT


class Boundary(StrEnum):
    """The places where `tests/faults/test_notary.py` kills the process."""

    APPENDED = "appended"
    STAGED = "staged"
    COMMITTED = "committed"
    PUBLISHED = "published"
    CLEANED = "cleaned"
    ANCHORED = "anchored"
    STAMPED = "stamped"


class Faults(Protocol):
    """Told of each boundary as it is crossed. The real one does nothing."""

    def __call__(self, boundary: Boundary) -> None:
        """May raise, or end the process."""


def no_faults(boundary: Boundary) -> None:
    """Cross every boundary."""
    del boundary


class Log:
    """The one writer of a log. Used by one thread; readers use `Published`."""

    def __init__(self, store: Store, published: Published, signer: NoteSigner, faults: Faults = no_faults) -> None:
        self._store = store
        self._published = published
        self._signer = signer
        self._faults = faults
        self._edge: Edge | None = None
        self.size = 0
        """Entries under the newest published checkpoint, as of the last step or recovery."""

    @property
    def origin(self) -> str:
        """The log's name, the first line of its checkpoints."""
        return self._signer.name

    def step(self) -> CheckpointRecord | None:
        """One step over what is new: the checkpoint made, None when there was nothing.

        Raises `StoreUnavailable` or `OSError` when the disk or the database did not play along, and a `Fatal` when
        going on would contradict what was published. After any of them the next call recovers first.
        """
        edge = self._edge if self._edge is not None else self.recover()
        # Taken away for the time of the step: whatever fails below, the next step starts from what is on the disk.
        self._edge = None
        try:
            with self._store.read() as session:
                new = tables.pending(session, edge.size, ENTRIES_PER_CHECKPOINT)
        except KitUnavailable as error:
            raise StoreUnavailable("the new entries could not be read") from error
        if not new:
            self._edge = edge
            return None
        growth = grow(edge, new)
        record = self.checkpoint(growth.edge.size, growth.edge.root())
        step = Staged(edge.size, record.size, record.note, growth.files)

        self._published.stage(step)
        # A crash here: the size in the database is still the old one, so the step never happened. Its entries are in
        # the submissions, and the next start removes the file. Nobody saw the signature.
        self._faults(Boundary.STAGED)

        self._commit(edge.size, record, growth.leaves)
        # A crash here: the step has happened and nobody has seen it. The next start finds the staged file under the
        # size in the database and publishes it.
        self._faults(Boundary.COMMITTED)

        self._publish(step)
        # A crash here: some or all of the files are visible, maybe not on the disk. The staged file still is; the
        # next start publishes the very same bytes again.
        self._faults(Boundary.PUBLISHED)

        self._clean(step)
        # A crash here: nothing is left to do.
        self._faults(Boundary.CLEANED)

        self._edge = growth.edge
        self.size = record.size
        return record

    def checkpoint(self, size: int, root: bytes) -> CheckpointRecord:
        """The checkpoint of that size and root, signed: the same two always make the same note (Ed25519)."""
        return CheckpointRecord(size, root, self._signer.sign(Checkpoint(self.origin, size, root).text()))

    def _commit(self, old_size: int, record: CheckpointRecord, leaves: list[bytes]) -> None:
        try:
            with self._store.transaction() as session:
                tables.commit_checkpoint(session, old_size, record, leaves)
        except KitUnavailable as error:
            # It may have happened all the same: recovery asks the database.
            raise StoreUnavailable("the checkpoint could not be committed") from error

    def _publish(self, step: Staged, *, newest: bool = True) -> None:
        self._published.publish(step, newest=newest)

    def _clean(self, step: Staged) -> None:
        # In this order: the staged file and the submissions may go only once the published files are on the disk.
        self._published.settle(step)
        try:
            with self._store.transaction() as session:
                tables.drop_submissions(session, step.size)
        except KitUnavailable as error:
            raise StoreUnavailable("published submissions could not be dropped") from error
        self._published.unstage(step.size)

    def recover(self) -> Edge:
        """Bring disk and database together after whatever happened, and load the edge of the tree.

        Raises `LogInconsistent` when they disagree in a way no crash explains.
        """
        try:
            with self._store.read() as session:
                head = tables.read_head(session)
                record = tables.checkpoint_of(session, head.size) if head.size else None
        except KitUnavailable as error:
            raise StoreUnavailable("the head of the log could not be read") from error
        for step in self._published.staged():
            if step.size > head.size:
                self._published.unstage(step.size)
                continue
            self._publish(step, newest=step.size == head.size)
            self._clean(step)
        self._check(head.size, record)
        self._edge = self._load(head.size, EMPTY_ROOT if record is None else record.root)
        self.size = head.size
        return self._edge

    def _check(self, size: int, record: CheckpointRecord | None) -> None:
        note = self._published.checkpoint()
        if size == 0 and note is None:
            return
        if record is None or note is None:
            raise LogInconsistent(
                f"the database says {size} entries, the log has {'no' if note is None else 'a'} checkpoint: restore "
                "both from one backup, or run `maillon reindex` if the log is the right one"
            )
        if note != record.note:
            published = self.verify_note(note)
            raise LogInconsistent(
                f"the log is published with {published.size} entries, the database says {size}: restore both from one "
                "backup, or run `maillon reindex` if the log is the right one"
            )

    def verify_note(self, note: str) -> Checkpoint:
        """Our own checkpoint from its note; raises `LogInconsistent` unless our key signed it for our origin."""
        try:
            parsed = Note.parse(note)
            parsed.verify(NoteVerifier.parse(self._signer.verifier_key))
            checkpoint = Checkpoint.parse(parsed.text)
        except EvidenceError as error:
            raise LogInconsistent(f"the published checkpoint does not verify: {error}") from error
        if checkpoint.origin != self.origin:
            raise LogInconsistent(f"the published checkpoint is of {checkpoint.origin!r}, this log is {self.origin!r}")
        return checkpoint

    def _load(self, size: int, root: bytes) -> Edge:
        try:
            edge = Edge.load(size, self._published.read, decode_bundle)
        except (OSError, EvidenceError) as error:
            raise LogInconsistent(f"a tile at the edge of the log cannot be read: {error}") from error
        if edge.root() != root:
            raise LogInconsistent("the tiles of the log do not lead to the root of its checkpoint: restore the log")
        # The next step writes these entries again, in a wider bundle: a damaged one would spread.
        if b"".join(leaf_hash(entry[2:]) for entry in edge.bundle) != (edge.tiles[0] if edge.tiles else b""):
            raise LogInconsistent(
                "the entries at the edge of the log do not lead to the root of its checkpoint: restore the log"
            )
        return edge
