# SPDX-License-Identifier: Apache-2.0
"""The notary's nouns: what is appended, what is answered, what a checkpoint becomes. Frozen values, no behaviour.

Indexes count from 0 and are identifiers: the entry of index 7 is the eighth leaf of the tree, for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class EntryState(StrEnum):
    """How far an entry has come. It only ever moves forward."""

    PENDING = "pending"
    """Durable and in its place, not yet under a checkpoint."""
    LOGGED = "logged"
    """Under a published checkpoint, not yet anchored."""
    ANCHORED = "anchored"
    """Under a checkpoint anchored on the ledger and stamped: the receipt is ready."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's name for one write: the same name and body give the first answer again."""

    value: str
    fingerprint: bytes
    """SHA-256 of method, path and body."""


@dataclass(frozen=True, slots=True)
class Append:
    """One request to append, read and checked: entries of one kind, payloads one after the other."""

    kind: int
    payloads: bytes
    count: int
    subject: str
    """Who asks, by an id and never by a name that somebody chose: keys of idempotency are the subject's own."""
    deduplicate: bool = False
    idempotency: IdempotencyKey | None = None
    organisation: str | None = None
    """In whose name; None for the instance's own."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append became, once durable."""

    first: int
    count: int
    """Entries added; 0 when everything asked for was there already."""
    indexes: tuple[int, ...] | None = None
    """With `deduplicate`: the index of each payload in the order asked, old or new. None: `first`, `first` + 1, …"""

    @property
    def index(self) -> int:
        """The index of the first payload."""
        return self.first if self.indexes is None else self.indexes[0]


@dataclass(frozen=True, slots=True)
class Submission:
    """Entries as the database holds them from acknowledgement to publication."""

    first: int
    count: int
    kind: int
    payloads: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log stands: the next index to give, and the size under the newest checkpoint."""

    next_index: int
    size: int


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A checkpoint as the database holds it."""

    size: int
    root: bytes
    note: str
    height: int | None = None
    """The block that anchored it; None while it is not."""
    anchor: dict[str, Any] | None = None
    """The receipt's `anchor` part."""
    stamp: bytes | None = None
    """DER TimeStampToken over SHA-256 of the note."""


@dataclass(frozen=True, slots=True)
class EntryReport:
    """What is known of one entry."""

    index: int
    state: EntryState
    kind: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class LogStatus:
    """The notary at a glance, for pages, health and metrics."""

    origin: str
    verifier_key: str
    next_index: int
    size: int
    anchored_size: int
    anchored_height: int | None
    failure: str | None
    """Why the sequencer stopped, when it did."""
    anchoring_failure: str | None
    """Why the newest attempt to anchor failed, when it did."""
