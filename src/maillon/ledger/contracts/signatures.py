# SPDX-License-Identifier: Apache-2.0
# Written by contracts/build.py: change contracts/signatures.vy and run it again.
"""Signatures, as calls and events.

Verifies what the EVM has no precompile for: an Ed25519 signature (RFC 8032) over a digest of 32 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from maillon.ledger.abi import Call, decode, encode
from maillon.ledger.port import Address

SLOTS: Final[MappingProxyType[str, int]] = MappingProxyType({})
"""Storage variable → its base slot."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """Verifies what the EVM has no precompile for: an Ed25519 signature (RFC 8032) over a digest of 32 bytes."""

    address: Address

    def interface_id(self) -> Call[bytes]:
        """The one name this contract may be listed under."""
        return Call(self.address, bytes.fromhex("eb5a7056"), lambda data: decode(("bytes32",), data)[0])

    def verify(self, public_key: bytes, digest: bytes, signature: bytes) -> Call[bool]:
        """Whether an Ed25519 signature over a digest is valid."""
        return Call(
            self.address,
            bytes.fromhex("de12c640") + encode(("bytes32", "bytes32", "bytes"), (public_key, digest, signature)),
            lambda data: decode(("bool",), data)[0],
        )
