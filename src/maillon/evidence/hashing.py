# SPDX-License-Identifier: Apache-2.0
"""Digests: the few hash functions evidence is made of, and a value that knows which one made it.

SHA-2 is FIPS 180-4; Keccak-256 is the function Ethereum uses, with the padding before FIPS 202.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import sha3

from maillon.evidence.errors import UnknownAlgorithm, Unreadable, WrongLength

_HEXADECIMAL = re.compile(r"[0-9a-f]*", re.ASCII)


class Algorithm(StrEnum):
    """The digest algorithms a receipt may name, as they are written there."""

    SHA2_256 = "sha2-256"
    SHA2_384 = "sha2-384"
    SHA2_512 = "sha2-512"

    @property
    def length(self) -> int:
        """Bytes of a digest."""
        return {"sha2-256": 32, "sha2-384": 48, "sha2-512": 64}[self.value]

    @classmethod
    def parse(cls, name: str) -> Algorithm:
        """The algorithm of that name; raises `UnknownAlgorithm`."""
        try:
            return cls(name)
        except ValueError:
            known = ", ".join(algorithm.value for algorithm in cls)
            raise UnknownAlgorithm(f"digest algorithm {name[:40]!r} is unknown here; known: {known}") from None


def parse_hexadecimal(text: str, what: str, length: int | None = None) -> bytes:
    """Bytes of a lower-case hexadecimal text without prefix; raises `Unreadable` or `WrongLength`, naming `what`."""
    if length is not None and len(text) != 2 * length:
        raise WrongLength(f"{what} must have {2 * length} hexadecimal digits, it has {len(text)}")
    if len(text) % 2 or not _HEXADECIMAL.fullmatch(text):
        raise Unreadable(f"{what} is not lower-case hexadecimal")
    return bytes.fromhex(text)


def parse_base64(text: str, what: str) -> bytes:
    """Bytes of a base64 text (RFC 4648 section 4), padded, in its one canonical form; raises `Unreadable`.

    Decoders elsewhere ignore the unused bits of the last character; then two texts would be one signature.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(f"{what} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Unreadable(f"{what} is not the canonical base64 of its bytes")
    return data


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of some bytes, with the algorithm that made it. Raises `WrongLength` when the two disagree."""

    algorithm: Algorithm
    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != self.algorithm.length:
            raise WrongLength(
                f"a {self.algorithm.value} digest has {self.algorithm.length} bytes, this one {len(self.value)}"
            )

    @classmethod
    def parse(cls, algorithm: str, value: str) -> Digest:
        """A digest from its two texts; raises `UnknownAlgorithm`, `WrongLength` or `Unreadable`."""
        known = Algorithm.parse(algorithm)
        return cls(known, parse_hexadecimal(value, f"a {known.value} digest", known.length))

    def __str__(self) -> str:
        return f"{self.algorithm.value}:{self.value.hex()}"


def digest_of(chunks: Iterable[bytes], algorithm: Algorithm = Algorithm.SHA2_256) -> Digest:
    """The digest of bytes that arrive in pieces; memory does not grow with them."""
    state = hashlib.new(algorithm.value.replace("sha2-", "sha"))
    for chunk in chunks:
        state.update(chunk)
    return Digest(algorithm, state.digest())


def sha256(data: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it, 32 bytes."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest
