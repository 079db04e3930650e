# SPDX-License-Identifier: Apache-2.0
"""Files sealed with a passphrase: opened by it alone, unaltered, and asking for no more than is reasonable."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from maillon.kit.errors import PassphraseRefused, SealedFileUnreadable
from maillon.kit.passphrase import read_passphrase, seal, unseal

WORDS = "correct horse battery staple"
FILE = seal(b"the keys", WORDS, {"organisation": "City of Light"})


def test_what_was_sealed_is_opened_by_its_passphrase_alone() -> None:
    assert unseal(FILE, WORDS) == (b"the keys", {"organisation": "City of Light"})
    assert b"the keys" not in FILE
    assert seal(b"the keys", WORDS, {"organisation": "City of Light"}) != FILE, "salt and nonce are new each time"
    with pytest.raises(PassphraseRefused, match="another one"):
        unseal(FILE, WORDS + "s")


def test_a_key_costs_what_is_recommended_and_any_reader_makes_the_same() -> None:
    document = json.loads(FILE)
    asked = document["argon2id"]
    # RFC 9106 section 4, the second recommendation: 3 passes over 64 MiB in 4 lanes.
    assert asked["passes"] >= 3
    assert asked["memory"] >= 64 * 1024
    assert asked["lanes"] == 4
    assert len(bytes.fromhex(asked["salt"])) == 16
    # As docs/formats/sealed-file.md says it, with nothing of ours.
    key = hash_secret_raw(
        WORDS.encode(),
        bytes.fromhex(asked["salt"]),
        asked["passes"],
        asked["memory"],
        asked["lanes"],
        hash_len=32,
        type=Type.ID,
        version=0x13,
    )
    sealed = base64.b64decode(document.pop("sealed"))
    said = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert AESGCM(key).decrypt(bytes.fromhex(document["nonce"]), sealed, said) == b"the keys"


@pytest.mark.parametrize("passphrase", ["", "eleven char", "x" * 1025])
def test_a_passphrase_of_another_length_is_refused(passphrase: str) -> None:
    with pytest.raises(PassphraseRefused, match="12"):
        seal(b"the keys", passphrase, {})


def changed(name: str, value: Any, within: str | None = None) -> bytes:
    document = json.loads(FILE)
    (document if within is None else document[within])[name] = value
    return json.dumps(document).encode()


def test_what_is_said_in_clear_cannot_be_altered() -> None:
    for file in (
        changed("organisation", "Another", "about"),
        changed("nonce", "00" * 12),
        changed("passes", 5, "argon2id"),
        changed("sealed", "A" * 64),
    ):
        with pytest.raises(PassphraseRefused, match="altered"):
            unseal(file, WORDS)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"[]",
        b"{",
        changed("type", "maillon.sealed-file.v2"),
        changed("more", 1),
        changed("about", {"organisation": 3}),
        changed("about", []),
        changed("argon2id", 3),
        changed("memory", 2**31, "argon2id"),
        changed("memory", True, "argon2id"),
        changed("passes", 10_000, "argon2id"),
        changed("lanes", 0, "argon2id"),
        changed("salt", "zz", "argon2id"),
        changed("salt", "00", "argon2id"),
        changed("nonce", 7),
        changed("sealed", "*"),
    ],
)
def test_what_is_no_sealed_file_is_unreadable(file: bytes) -> None:
    with pytest.raises(SealedFileUnreadable):
        unseal(file, WORDS)


def test_a_passphrase_is_read_from_a_file_its_owner_alone_reads(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text(f"{WORDS}\r\nand a second line\n")
    file.chmod(0o644)
    with pytest.raises(PassphraseRefused, match="chmod"):
        read_passphrase(file)
    file.chmod(0o600)
    assert read_passphrase(file) == WORDS
    with pytest.raises(PassphraseRefused, match="cannot be read"):
        read_passphrase(tmp_path / "absent")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(PassphraseRefused, match="cannot be read"):
        read_passphrase(file)
