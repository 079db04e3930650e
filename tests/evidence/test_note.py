# SPDX-License-Identifier: Apache-2.0
"""Notes and checkpoints: what is signed verifies, whatever it says, and nothing near it does."""

from __future__ import annotations

import pytest
import workshop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence.checkpoint import Checkpoint, log_id
from maillon.evidence.errors import EvidenceError, NoteSignatureMismatch, NoteUnsigned, Unreadable, WrongLength
from maillon.evidence.note import MAXIMUM_NOTE, MAXIMUM_SIGNATURES, Note, NoteSigner, NoteVerifier

KEY = Ed25519PrivateKey.from_private_bytes(workshop.seed("log"))
SIGNER = NoteSigner(workshop.ORIGIN, KEY)
VERIFIER = NoteVerifier.parse(SIGNER.verifier_key)
NOTE = SIGNER.sign(Checkpoint(workshop.ORIGIN, 300, bytes(32)).text())

lines = st.text(st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)


@given(st.lists(lines, min_size=1, max_size=8))
def test_any_text_comes_back_verified(text: list[str]) -> None:
    whole = "\n".join(text) + "\n"
    note = Note.parse(SIGNER.sign(whole))
    assert note.text == whole
    note.verify(VERIFIER)


@given(st.integers(0, len(NOTE.encode()) * 8 - 1))
def test_no_flipped_bit_verifies(bit: int) -> None:
    altered = bytearray(NOTE.encode())
    altered[bit // 8] ^= 1 << bit % 8
    try:
        text = altered.decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(EvidenceError):
        Note.parse(text).verify(VERIFIER)


def test_a_note_of_another_key_is_unsigned_and_a_false_line_is_worse() -> None:
    other = NoteSigner(workshop.ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    text = Note.parse(NOTE).text
    with pytest.raises(NoteUnsigned):
        Note.parse(other.sign(text)).verify(VERIFIER)
    both = NOTE + other.sign(text).split("\n\n")[1]
    Note.parse(both).verify(VERIFIER)
    Note.parse(both).verify(NoteVerifier.parse(other.verifier_key))
    elsewhere = SIGNER.sign(text + "more\n").split("\n\n")[1]
    for lying in (NOTE + elsewhere, text + "\n" + elsewhere + NOTE.split("\n\n")[1]):
        with pytest.raises(NoteSignatureMismatch):
            Note.parse(lying).verify(VERIFIER)


def test_the_same_text_is_the_same_note() -> None:
    assert SIGNER.sign("text\n") == SIGNER.sign("text\n")


@pytest.mark.parametrize("name", ["", "with space", "with+plus", "with\ttab", "no\N{NO-BREAK SPACE}break"])
def test_names_that_cannot_be_written(name: str) -> None:
    with pytest.raises(Unreadable):
        NoteSigner(name, KEY)


def test_a_text_without_its_newline_is_not_signed() -> None:
    with pytest.raises(Unreadable):
        SIGNER.sign("text")


def test_limits() -> None:
    line = NOTE.split("\n\n")[1]
    Note.parse("text\n\n" + line * MAXIMUM_SIGNATURES)
    with pytest.raises(Unreadable, match="signatures"):
        Note.parse("text\n\n" + line * (MAXIMUM_SIGNATURES + 1))
    with pytest.raises(Unreadable, match="characters"):
        Note.parse("x" * (MAXIMUM_NOTE + 1))
    with pytest.raises(Unreadable, match="Unicode"):
        Note.parse("\ud800\n\n" + line)


@given(st.text(max_size=200))
def test_noise_is_unreadable_or_unsigned(text: str) -> None:
    with pytest.raises((Unreadable, NoteUnsigned)):
        Note.parse(text).verify(VERIFIER)
    with pytest.raises((Unreadable, WrongLength)):
        Checkpoint.parse(text)


@given(lines, st.integers(0, 2**62), st.binary(min_size=32, max_size=32), st.lists(lines, max_size=3))
def test_checkpoints_come_back(origin: str, size: int, root: bytes, extensions: list[str]) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 1, bytes(32), ()),
        ("two\nlines", 1, bytes(32), ()),
        ("origin", -1, bytes(32), ()),
        ("origin", 2**62 + 1, bytes(32), ()),
        ("origin", 1, bytes(31), ()),
        ("origin", 1, bytes(32), ("",)),
        ("origin", 1, bytes(32), ("two\nlines",)),
    ],
)
def test_a_checkpoint_that_could_not_be_read_back_is_not_made(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(Unreadable):
        Checkpoint(origin, size, root, extensions)


def test_the_name_of_a_log_on_the_ledger() -> None:
    assert log_id("maillon.example/vectors") == workshop.sha256(b"maillon.example/vectors")
