# SPDX-License-Identifier: Apache-2.0
"""Bytes sealed with a passphrase, for files that leave the machine.

Argon2id (RFC 9106) makes a key of the passphrase, AES-256-GCM (NIST SP 800-38D) seals with it; what is said of the
content in clear is sealed too, as associated data. docs/formats/sealed-file.md describes the file.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from maillon.kit.errors import PassphraseRefused, SealedFileUnreadable

TYPE: Final = "maillon.sealed-file.v1"
MINIMUM_LENGTH: Final = 12
"""Characters. The file may be attacked for years by whoever finds it."""
MAXIMUM_LENGTH: Final = 1024
MAXIMUM_FILE: Final = 64 * 1024 * 1024
_MEMORY: Final = 128 * 1024
"""KiB: twice what RFC 9106 section 4 asks of machines with little memory."""
_PASSES: Final = 4
_LANES: Final = 4
_LIMITS: Final = {"memory": (8 * 1024, 1024 * 1024), "passes": (1, 16), "lanes": (1, 16)}
"""What a file may ask of whoever opens it: a hostile one must not take all the memory there is."""
_FIELDS: Final = frozenset({"type", "about", "argon2id", "nonce", "sealed"})


def seal(content: bytes, passphrase: str, about: Mapping[str, str]) -> bytes:
    """The file. `about` stands in it in clear. Raises `PassphraseRefused` when the passphrase is too short."""
    _check(passphrase)
    head: dict[str, Any] = {
        "type": TYPE,
        "about": dict(about),
        "argon2id": {
            "memory": _MEMORY,
            "passes": _PASSES,
            "lanes": _LANES,
            "salt": secrets.token_hex(16),
        },
        "nonce": secrets.token_hex(12),
    }
    cipher = AESGCM(_key(passphrase, head["argon2id"]))
    sealed = cipher.encrypt(bytes.fromhex(head["nonce"]), content, _associated(head))
    document = head | {"sealed": base64.b64encode(sealed).decode()}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def unseal(file: bytes, passphrase: str) -> tuple[bytes, dict[str, str]]:
    """(content, what is said of it).

    1. The file is one of ours, and asks for no more than is reasonable (`SealedFileUnreadable`).
    2. The passphrase opens it, and nothing of it was altered; which of the two fails cannot be told
       (`PassphraseRefused`).
    """
    # Step 1.
    head, sealed = _parse(file)
    # Step 2.
    try:
        cipher = AESGCM(_key(passphrase, head["argon2id"]))
        return cipher.decrypt(bytes.fromhex(head["nonce"]), sealed, _associated(head)), head["about"]
    except InvalidTag:
        raise PassphraseRefused("the passphrase is another one, or the file was altered") from None


def read_passphrase(path: Path) -> str:
    """The first line of a file. Raises `PassphraseRefused` when it cannot be read or others can read it too."""
    try:
        if path.is_file() and path.stat().st_mode & 0o077:
            raise PassphraseRefused(f"{path} can be read by others: chmod 600 {path}")
        with path.open("rb") as file:
            line = file.readline(4 * MAXIMUM_LENGTH + 2)
        return line.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise PassphraseRefused(f"{path} cannot be read: {error}") from error


def _check(passphrase: str) -> None:
    if not MINIMUM_LENGTH <= len(passphrase) <= MAXIMUM_LENGTH:
        raise PassphraseRefused(f"a passphrase has {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters; six words are good")


def _key(passphrase: str, parameters: Mapping[str, Any]) -> bytes:
    return hash_secret_raw(
        passphrase.encode(),
        bytes.fromhex(parameters["salt"]),
        time_cost=parameters["passes"],
        memory_cost=parameters["memory"],
        parallelism=parameters["lanes"],
        hash_len=32,
        type=Type.ID,
    )


def _associated(head: Mapping[str, Any]) -> bytes:
    return orjson.dumps(dict(head), option=orjson.OPT_SORT_KEYS)


def _parse(file: bytes) -> tuple[dict[str, Any], bytes]:
    if len(file) > MAXIMUM_FILE:
        raise SealedFileUnreadable(f"the file is larger than {MAXIMUM_FILE} bytes")
    try:
        document = orjson.loads(file)
    except orjson.JSONDecodeError as error:
        raise SealedFileUnreadable(f"the file is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("type") != TYPE or set(document) != _FIELDS:
        raise SealedFileUnreadable(f"the file is not of the type {TYPE}")
    about, parameters = document["about"], document["argon2id"]
    if not isinstance(about, dict) or not all(isinstance(value, str) for value in about.values()):
        raise SealedFileUnreadable("about: names and texts")
    if not isinstance(parameters, dict) or set(parameters) != {*_LIMITS, "salt"}:
        raise SealedFileUnreadable("argon2id: memory, passes, lanes and salt")
    for name, (least, most) in _LIMITS.items():
        if type(parameters[name]) is not int or not least <= parameters[name] <= most:
            raise SealedFileUnreadable(f"argon2id: {name}: a number from {least} to {most}")
    try:
        lengths = (len(bytes.fromhex(parameters["salt"])), len(bytes.fromhex(document["nonce"])))
        sealed = base64.b64decode(document.pop("sealed"), validate=True)
    except (ValueError, TypeError) as error:
        raise SealedFileUnreadable(f"salt, nonce or sealed: {error}") from error
    if lengths != (16, 12):
        raise SealedFileUnreadable("a salt has 16 bytes and a nonce 12")
    return document, sealed
