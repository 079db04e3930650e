# SPDX-License-Identifier: Apache-2.0
"""Signed notes (C2SP signed-note): a text, a blank line, and one line for each signature.

Only Ed25519 signatures (type 0x01) are made and verified. Those of others are kept and ignored, as the format asks.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from maillon.evidence.errors import NoteSignatureMismatch, NoteUnsigned, Unreadable
from maillon.evidence.hashing import parse_base64, sha256

MAXIMUM_NOTE = 64 * 1024
MAXIMUM_SIGNATURES = 100
_ED25519 = b"\x01"
_MARK = "\N{EM DASH} "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
"""All of them but the newline."""


def _key_hash(name: str, key: bytes) -> bytes:
    """The first four bytes of SHA-256(name ‖ newline ‖ type ‖ key)."""
    return sha256(name.encode() + b"\n" + _ED25519 + key)[:4]


def check_name(name: str) -> None:
    """Raise `Unreadable` of what cannot be the name of a key (C2SP signed-note)."""
    if not name or "+" in name or any(character < " " or character.isspace() for character in name):
        raise Unreadable(f"a key's name is not empty and has neither space nor plus sign: {name[:80]!r}")


class NoteSigner:
    """A key that signs notes under a name."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        check_name(name)
        self.name = name
        self._key = key
        self._public = key.public_key().public_bytes_raw()

    @property
    def verifier_key(self) -> str:
        """The key as verifiers are told it: name, key hash and key, joined by plus signs."""
        key = base64.b64encode(_ED25519 + self._public).decode()
        return f"{self.name}+{_key_hash(self.name, self._public).hex()}+{key}"

    def sign(self, text: str) -> str:
        """The whole note: the text, which must end in a newline, and our signature. The same text, the same note."""
        if not text.endswith("\n"):
            raise Unreadable("the text of a note ends in a newline")
        signature = _key_hash(self.name, self._public) + self._key.sign(text.encode())
        return f"{text}\n{_MARK}{self.name} {base64.b64encode(signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A public key that notes are checked against."""

    name: str
    key: bytes

    @classmethod
    def parse(cls, text: str) -> NoteVerifier:
        """From its written form; raises `Unreadable` when the parts contradict each other."""
        name, separator, rest = text.partition("+")
        written_hash, second, encoded = rest.partition("+")
        check_name(name)
        data = parse_base64(encoded, "the verifier key")
        if not separator or not second or data[:1] != _ED25519 or len(data) != 33:
            raise Unreadable("a verifier key is NAME+HASH+KEY with an Ed25519 key")
        if _key_hash(name, data[1:]).hex() != written_hash:
            raise Unreadable("the verifier key does not have the hash it states")
        return cls(name, data[1:])

    @property
    def key_hash(self) -> bytes:
        """Four bytes that stand in each signature line, to find the key by."""
        return _key_hash(self.name, self.key)


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line."""

    name: str
    key_hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note, parsed and **not yet verified**."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, note: str) -> Note:
        """Split text and signatures; raises `Unreadable`."""
        if len(note) > MAXIMUM_NOTE:
            raise Unreadable(f"a note has at most {MAXIMUM_NOTE} characters")
        if _CONTROL.search(note):
            raise Unreadable("a note has no control characters but newlines")
        try:
            note.encode()
        except UnicodeEncodeError:
            raise Unreadable("a note is Unicode text") from None
        head, separator, tail = note.rpartition("\n\n")
        lines = tail.split("\n")
        if not separator or lines.pop() or not lines:
            raise Unreadable("a note is a text, a blank line and signature lines, each ending in a newline")
        if len(lines) > MAXIMUM_SIGNATURES:
            raise Unreadable(f"a note has at most {MAXIMUM_SIGNATURES} signatures")
        signatures = []
        for line in lines:
            name, space, encoded = line.removeprefix(_MARK).partition(" ")
            if not line.startswith(_MARK) or not space:
                raise Unreadable("a signature line is an em dash, a name and base64")
            check_name(name)
            data = parse_base64(encoded, "a note's signature")
            if len(data) < 5:
                raise Unreadable("a note's signature is shorter than its key hash")
            signatures.append(NoteSignature(name, data[:4], data[4:]))
        return cls(head + "\n", tuple(signatures))

    def verify(self, verifier: NoteVerifier) -> None:
        """Raise unless this key signed the text.

        `NoteUnsigned` when no line bears its name and hash, `NoteSignatureMismatch` when one does and is false.
        """
        signed = False
        for signature in self.signatures:
            if signature.name != verifier.name or signature.key_hash != verifier.key_hash:
                continue
            try:
                Ed25519PublicKey.from_public_bytes(verifier.key).verify(signature.signature, self.text.encode())
            except InvalidSignature:
                raise NoteSignatureMismatch(
                    f"the signature under the name {verifier.name} is false",
                    expected=f"a signature of key {verifier.key_hash.hex()}",
                    found="another signature",
                ) from None
            signed = True
        if not signed:
            raise NoteUnsigned(
                f"{verifier.name} did not sign this note",
                expected=f"{verifier.name} {verifier.key_hash.hex()}",
                found=", ".join(f"{s.name} {s.key_hash.hex()}" for s in self.signatures)[:400],
            )
