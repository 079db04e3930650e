# SPDX-License-Identifier: Apache-2.0
"""The notary: one transparency log, anchored on the ledger and stamped, from which anyone gets a receipt.

A digest, or a salted commitment to one, is appended; the append is acknowledged once it is durable, and its place in
the log is its name for ever. About once a second, while there is something new, the log makes a checkpoint, publishes
it with its tiles, anchors it on the ledger, has it stamped, and every entry under it has its receipt.

Read `model`, then `rules`, `growth` (the tree, pure), `log` (the order of writes and what a crash means at each
boundary), `service` (what a member can do). Doors: `api`, `pages`, `commands`; `client` is the other side of `api`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maillon.services.notary.authority import Authority
    from maillon.services.notary.contract import LogContract
    from maillon.services.notary.errors import Fatal, NotaryError, Refused, Unavailable, UnknownEntry
    from maillon.services.notary.model import CheckpointRecord, EntryReport, EntryState, LogStatus
    from maillon.services.notary.service import NotaryService, public_digest

__all__ = [
    "Authority",
    "CheckpointRecord",
    "EntryReport",
    "EntryState",
    "Fatal",
    "LogContract",
    "LogStatus",
    "NotaryError",
    "NotaryService",
    "Refused",
    "Unavailable",
    "UnknownEntry",
    "public_digest",
]

_HOMES = {
    "Authority": "authority",
    "LogContract": "contract",
    "Fatal": "errors",
    "NotaryError": "errors",
    "Refused": "errors",
    "Unavailable": "errors",
    "UnknownEntry": "errors",
    "CheckpointRecord": "model",
    "EntryReport": "model",
    "EntryState": "model",
    "LogStatus": "model",
    "NotaryService": "service",
    "public_digest": "service",
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `maillon verify` passes through this door and must not pay for the server behind it.
    if name not in _HOMES:
        raise AttributeError(f"the notary has no {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
