# SPDX-License-Identifier: Apache-2.0
"""Encryption at rest: what the database keeps about people is unreadable without the keys of `keys/`.

AES-256-GCM (NIST SP 800-38D) with a random nonce. A ciphertext is one byte of version, four of key id, twelve of
nonce, then what AES-GCM gives. Its associated data are those first bytes and a context, the place it was encrypted for,
so that a value moved to another row or column is refused. New values use the newest key of the ring; every key of the
ring reads. Looking up an encrypted value goes through a keyed digest of its own key, which does not rotate.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from maillon.kit.errors import CiphertextUnreadable
from maillon.kit.keys import Keys

RING = "encryption"
LOOKUP_RING = "lookup"
_VERSION = b"\x01"
_ID, _NONCE, _TAG = 4, 12, 16


class Encryption:
    """Encrypts and finds. Safe to share between threads."""

    def __init__(self, ring: list[tuple[str, bytes]], lookup: bytes) -> None:
        self._newest = bytes.fromhex(ring[0][0])
        self._ciphers = {bytes.fromhex(identifier): AESGCM(key) for identifier, key in ring}
        self._lookup = lookup

    @classmethod
    def open(cls, keys: Keys) -> Encryption:
        """Over the rings of a home, made when missing. Raises `KeyUnreadable`."""
        return cls(keys.ring(RING), keys.ring(LOOKUP_RING)[0][1])

    def encrypt(self, plaintext: bytes, context: str) -> bytes:
        """The ciphertext, for this context alone. A key is good for 2^32 of them: rotate long before."""
        head = _VERSION + self._newest
        nonce = secrets.token_bytes(_NONCE)
        return head + nonce + self._ciphers[self._newest].encrypt(nonce, plaintext, head + context.encode())

    def decrypt(self, ciphertext: bytes, context: str) -> bytes:
        """The plaintext; raises `CiphertextUnreadable` when it was altered, moved, or its key is gone."""
        start = 1 + _ID
        if ciphertext[:1] != _VERSION or len(ciphertext) < start + _NONCE + _TAG:
            raise CiphertextUnreadable(f"{context} is not encrypted in a way this program knows")
        cipher = self._ciphers.get(ciphertext[1:start])
        if cipher is None:
            raise CiphertextUnreadable(
                f"{context} is encrypted with key {ciphertext[1:start].hex()}, which keys/{RING}.ring lacks: "
                "restore keys/ from the backup the database belongs to"
            )
        nonce, body = ciphertext[start : start + _NONCE], ciphertext[start + _NONCE :]
        try:
            return cipher.decrypt(nonce, body, ciphertext[:start] + context.encode())
        except InvalidTag:
            raise CiphertextUnreadable(f"{context} was altered, or encrypted for another place") from None

    def is_current(self, ciphertext: bytes) -> bool:
        """Whether the newest key encrypted it."""
        return ciphertext[1 : 1 + _ID] == self._newest

    def lookup(self, text: str, context: str) -> bytes:
        """32 bytes by which an encrypted text is found again (HMAC-SHA256); without the key they tell nothing."""
        return hmac.digest(self._lookup, f"{context}\0{text}".encode(), hashlib.sha256)
