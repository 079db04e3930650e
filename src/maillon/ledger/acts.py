# SPDX-License-Identifier: Apache-2.0
"""An act before it is signed: what a server prepares for a wallet or a command line, the same for every service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from maillon.kit.language import Language
from maillon.ledger.port import Address
from maillon.ledger.signing import checksum


class Act(Protocol):
    """A transaction to be made by whoever signs it."""

    @property
    def to(self) -> Address:
        """The contract."""

    @property
    def data(self) -> bytes:
        """What is called, and with what."""


def prepared_document(prepared: Act, chain_id: int, says: Mapping[Language, str]) -> dict[str, Any]:
    """An act before it is signed: what a wallet is given, and what it signs in words."""
    return {
        "chain_id": chain_id,
        "to": checksum(prepared.to),
        "data": "0x" + prepared.data.hex(),
        "value": "0x0",
        "says": dict(says),
    }
