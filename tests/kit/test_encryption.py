# SPDX-License-Identifier: Apache-2.0
"""Encryption at rest: reads what it wrote, for the place it was written for, under the keys of the home alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.kit.encryption import LOOKUP_RING, RING, Encryption
from maillon.kit.errors import CiphertextUnreadable, KeyUnreadable
from maillon.kit.keys import Keys

ONE = Encryption([("00000001", bytes(range(32)))], bytes(32))
OTHER = Encryption([("00000001", bytes(32))], bytes(range(32)))


@given(st.binary(max_size=500), st.text(max_size=50))
def test_what_was_encrypted_is_read_again(plaintext: bytes, context: str) -> None:
    ciphertext = ONE.encrypt(plaintext, context)
    assert ONE.decrypt(ciphertext, context) == plaintext
    assert len(plaintext) < 8 or plaintext not in ciphertext


@given(st.binary(max_size=100), st.data())
def test_one_changed_bit_anywhere_is_refused(plaintext: bytes, data: st.DataObject) -> None:
    ciphertext = bytearray(ONE.encrypt(plaintext, "person:1"))
    place = data.draw(st.integers(0, len(ciphertext) - 1))
    ciphertext[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CiphertextUnreadable):
        ONE.decrypt(bytes(ciphertext), "person:1")


def test_a_value_moved_to_another_row_is_refused() -> None:
    with pytest.raises(CiphertextUnreadable, match="another place"):
        ONE.decrypt(ONE.encrypt(b"a@b.example", "person:1"), "person:2")


def test_the_same_key_id_with_another_key_reads_nothing() -> None:
    with pytest.raises(CiphertextUnreadable):
        OTHER.decrypt(ONE.encrypt(b"x", "c"), "c")


@pytest.mark.parametrize("length", [0, 1, 5, 17, 32])
def test_what_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(CiphertextUnreadable):
        ONE.decrypt(ONE.encrypt(b"x" * 40, "c")[:length], "c")


def test_equal_values_look_different_and_are_found_by_their_digest() -> None:
    assert ONE.encrypt(b"x", "c") != ONE.encrypt(b"x", "c")
    assert ONE.lookup("x", "c") == ONE.lookup("x", "c") != ONE.lookup("x", "d")
    assert ONE.lookup("x", "c") != OTHER.lookup("x", "c")


def test_a_ring_rotates_and_forgets(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    before = Encryption.open(keys)
    old = before.encrypt(b"x", "c")
    keys.extend_ring(RING)
    during = Encryption.open(keys)
    assert during.decrypt(old, "c") == b"x"
    assert not during.is_current(old)
    new = during.encrypt(b"x", "c")
    assert during.is_current(new)
    assert keys.shorten_ring(RING) == 1
    after = Encryption.open(keys)
    assert after.decrypt(new, "c") == b"x"
    with pytest.raises(CiphertextUnreadable, match="lacks"):
        after.decrypt(old, "c")
    assert after.lookup("x", "c") == before.lookup("x", "c")


@pytest.mark.parametrize("content", [b"", b"zz 00\n", b"00000001 abcd\n", b"\xff\n"])
def test_a_damaged_ring_is_named(tmp_path: Path, content: bytes) -> None:
    keys = Keys(tmp_path / "keys")
    path = tmp_path / "keys" / f"{LOOKUP_RING}.ring"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnreadable, match=r"lookup\.ring"):
        Encryption.open(keys)
