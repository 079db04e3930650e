# SPDX-License-Identifier: Apache-2.0
"""What is kept of a password: what guessing it costs whoever has the database, and that it is taken as it was typed."""

from __future__ import annotations

import argon2
import pytest

from maillon.services.people.passwords import Passwords
from maillon.services.people.rules import MAXIMUM_PASSWORD, check_password

TYPED = "Rivière sèche, 3 ponts"


def test_a_hash_costs_what_is_recommended() -> None:
    kept = argon2.extract_parameters(Passwords().hash(TYPED))
    # RFC 9106 section 4, the second recommendation. It is the library's default, and has to stay ours.
    assert kept.type is argon2.Type.ID
    assert kept.version == 0x13
    assert (kept.time_cost, kept.memory_cost, kept.parallelism) == (3, 64 * 1024, 4)
    assert kept.salt_len >= 16
    assert kept.hash_len >= 32


def test_a_password_is_taken_as_it_was_typed() -> None:
    passwords = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    kept = passwords.hash(TYPED)
    assert passwords.matches(kept, TYPED)
    # The same letters of a keyboard that joins an accent to its letter afterwards are the same password.
    assert passwords.matches(kept, TYPED.replace("è", "e\N{COMBINING GRAVE ACCENT}"))
    for other in (TYPED.lower(), TYPED + " ", " " + TYPED, TYPED[:-1], TYPED.replace("è", "e")):
        assert not passwords.matches(kept, other), other
    longest = ("brume et gravier " * 20)[:MAXIMUM_PASSWORD]
    kept = passwords.hash(longest)
    assert passwords.matches(kept, longest)
    assert not passwords.matches(kept, longest[:-1]), "the end counts too"


class _Watched(argon2.PasswordHasher):
    """Remembers what it was asked to compare with."""

    def __init__(self) -> None:
        super().__init__(time_cost=2, memory_cost=64, parallelism=2, salt_len=20, hash_len=40)
        self.compared: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - the library's word
        """As the library does."""
        self.compared.append(str(hash))
        return super().verify(hash, password)


def test_somebody_unknown_takes_as_much_work_as_anybody() -> None:
    hasher = _Watched()
    passwords = Passwords(hasher)
    kept = passwords.hash(TYPED)
    assert not passwords.matches(None, TYPED)
    assert passwords.matches(kept, TYPED)
    instead, known = hasher.compared
    assert known == kept
    assert argon2.extract_parameters(instead) == argon2.extract_parameters(kept)
    assert Passwords(hasher).matches(None, TYPED) is False
    assert hasher.compared[-1] != instead, "another each time: nobody can know a password that matches it"


@pytest.mark.parametrize(
    "password",
    [
        "vertigemontagnelampe",
        "VERTIGEMONTAGNELAMPE",
        "8 5 1 9 4 7 2 0 6 3 3 1",
        "橋の下を流れる静かな水の音",
        "🌧🧱🦆🍋🚪🪵🧶🎺🪁🛶🥄🧭",
    ],
)
def test_any_composition_is_taken(password: str) -> None:
    check_password(password, ["Camille Aubin"])
