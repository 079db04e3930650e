# SPDX-License-Identifier: Apache-2.0
"""Trust anchors: the few public facts a receipt is checked against, in one small file (docs/formats/trust.md).

Whoever gives you false anchors can give you false receipts: take them from a source of your own and keep them.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from maillon.evidence.consensus import MAXIMUM_VALIDATORS, Validator, ValidatorSet
from maillon.evidence.document import Fields, read
from maillon.evidence.errors import MissingAnchor, UnknownVersion, Unreadable
from maillon.evidence.note import NoteVerifier

TYPE = "maillon.trust.v1"


@dataclass(frozen=True, slots=True)
class LedgerAnchor:
    """A ledger: its names, its validators at one height, and where `Anchors` keeps the newest checkpoint of a log."""

    chain_id: str
    """CometBFT's chain id, which every validator signs."""
    evm_chain_id: int
    height: int
    """The consensus height at which `validators` voted."""
    validators: ValidatorSet
    anchors_address: bytes
    anchors_slot: int
    """The slot of the map from log to newest anchor."""


@dataclass(frozen=True, slots=True)
class LogAnchor:
    """A log: its origin, and the key that signs its checkpoints."""

    origin: str
    key: str

    @property
    def verifier(self) -> NoteVerifier:
        """The key, parsed."""
        return NoteVerifier.parse(self.key)


def _log(fields: Fields) -> LogAnchor:
    log = LogAnchor(fields.text("origin", 400), fields.text("key", 600))
    fields.end()
    NoteVerifier.parse(log.key)
    return log


def _authority(fields: Fields) -> bytes:
    certificate = fields.encoded("certificate", 16_384)
    fields.end()
    return certificate


@dataclass(frozen=True, slots=True)
class TrustAnchors:
    """Everything a verifier relies on."""

    network: str
    ledger: LedgerAnchor
    logs: tuple[LogAnchor, ...]
    authorities: tuple[bytes, ...]
    """Certificates of time-stamp authorities, DER."""

    @classmethod
    def parse(cls, data: bytes) -> TrustAnchors:
        """From the file's bytes; raises `Unreadable` or `UnknownVersion`."""
        fields = read(data, "the trust anchors")
        kind = fields.text("type")
        if kind != TYPE:
            raise UnknownVersion(f"trust anchors of type {kind[:80]!r} are unknown here; known: {TYPE}")
        network = fields.text("network", 200)
        ledger = fields.fields("ledger")
        anchors = ledger.fields("anchors")
        anchor = LedgerAnchor(
            ledger.text("chain_id", 50),
            ledger.integer("evm_chain_id", 1, 2**53 - 1),
            ledger.integer("height", 1),
            ValidatorSet(ledger.each("validators", MAXIMUM_VALIDATORS, Validator.from_json)),
            anchors.ethereum("address", 20),
            anchors.integer("slot", 0, 2**32),
        )
        anchors.end()
        ledger.end()
        logs = fields.each("logs", 1000, _log)
        authorities = fields.each("authorities", 100, _authority)
        fields.end()
        if len({log.origin for log in logs}) != len(logs):
            raise Unreadable("the trust anchors name a log twice")
        return cls(network, anchor, logs, authorities)

    def to_json(self) -> bytes:
        """The file's bytes."""
        document = {
            "type": TYPE,
            "network": self.network,
            "ledger": {
                "chain_id": self.ledger.chain_id,
                "evm_chain_id": self.ledger.evm_chain_id,
                "height": self.ledger.height,
                "validators": [validator.to_json() for validator in self.ledger.validators.validators],
                "anchors": {"address": "0x" + self.ledger.anchors_address.hex(), "slot": self.ledger.anchors_slot},
            },
            "logs": [{"origin": log.origin, "key": log.key} for log in self.logs],
            "authorities": [{"certificate": base64.b64encode(item).decode()} for item in self.authorities],
        }
        return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"

    def log(self, origin: str) -> LogAnchor:
        """The log of that origin; raises `MissingAnchor`: of a log nobody vouched for nothing can be told."""
        for log in self.logs:
            if log.origin == origin:
                return log
        raise MissingAnchor(
            f"the trust anchors of {self.network} know no log {origin!r}: this receipt is of another network, or the "
            "anchors are older than the log"
        )
