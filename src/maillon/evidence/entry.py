# SPDX-License-Identifier: Apache-2.0
"""What is logged for one file: a salted commitment, or its plain digest.

An entry is one kind byte and a payload (docs/formats/log.md). A commitment is SHA-256(salt ‖ digest) with 32 random
bytes of salt: it reveals nothing, and whoever destroys the salt has erased the link to the file.
"""

from __future__ import annotations

from dataclasses import dataclass

from maillon.evidence.errors import Unreadable, WrongLength
from maillon.evidence.hashing import Algorithm, Digest, sha256

COMMITMENT = 0x00
SALT_LENGTH = 32

_PUBLIC_KINDS = {Algorithm.SHA2_256: 0x01, Algorithm.SHA2_384: 0x02, Algorithm.SHA2_512: 0x03}
_LENGTHS = {COMMITMENT: 32} | {kind: algorithm.length for algorithm, kind in _PUBLIC_KINDS.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log. Raises `Unreadable` for an unknown kind, `WrongLength` for a payload of another length."""

    kind: int
    payload: bytes

    def __post_init__(self) -> None:
        if self.kind not in _LENGTHS:
            raise Unreadable(f"entries of kind {self.kind} are unknown here")
        if len(self.payload) != _LENGTHS[self.kind]:
            raise WrongLength(
                f"an entry of kind {self.kind} carries {_LENGTHS[self.kind]} bytes, not {len(self.payload)}"
            )

    def encode(self) -> bytes:
        """The bytes the tree hashes and the log serves."""
        return bytes([self.kind]) + self.payload

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        """The inverse of `encode`."""
        if not data:
            raise Unreadable("an entry has at least its kind byte")
        return cls(data[0], data[1:])

    @property
    def is_public(self) -> bool:
        """Whether the payload is a plain digest, findable by anyone who holds the file."""
        return self.kind != COMMITMENT

    def digest(self) -> Digest | None:
        """The plain digest of a public entry, None for a commitment."""
        for algorithm, kind in _PUBLIC_KINDS.items():
            if kind == self.kind:
                return Digest(algorithm, self.payload)
        return None


def payload_length(kind: int) -> int:
    """Bytes of the payload of that kind; raises `Unreadable` for an unknown one."""
    if kind not in _LENGTHS:
        raise Unreadable(f"entries of kind {kind} are unknown here")
    return _LENGTHS[kind]


def commitment(salt: bytes, digest: Digest) -> Entry:
    """The salted entry of a digest; raises `WrongLength` unless the salt has 32 bytes."""
    if len(salt) != SALT_LENGTH:
        raise WrongLength(f"a salt has {SALT_LENGTH} bytes, not {len(salt)}")
    return Entry(COMMITMENT, sha256(salt + digest.value))


def public(digest: Digest) -> Entry:
    """The plain entry of a digest."""
    return Entry(_PUBLIC_KINDS[digest.algorithm], digest.value)
