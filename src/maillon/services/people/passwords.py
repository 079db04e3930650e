# SPDX-License-Identifier: Apache-2.0
"""Passwords (Argon2id), codes of authenticator applications (TOTP), recovery codes."""

from __future__ import annotations

import base64
import datetime
import secrets
import threading

import argon2
import pyotp

from maillon.services.people.rules import OTP_PERIOD, OTP_SKEW, matching_step, normal_password

RECOVERY_CODES = 10
_RECOVERY_LENGTH = 24
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


class Passwords:
    """Makes and checks hashes, a few at once: each takes 64 MiB for as long as it is computed (RFC 9106 section 4)."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None, at_once: int = 2) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._turn = threading.BoundedSemaphore(at_once)
        self._nobody = _unmatched(self._hasher)

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with self._turn:
            return self._hasher.hash(normal_password(password))

    def matches(self, kept: str | None, password: str) -> bool:
        """Whether this is it. Without a hash the same work is done, and the answer is no."""
        with self._turn:
            try:
                self._hasher.verify(kept or self._nobody, normal_password(password)[:1000])
            except argon2.exceptions.VerifyMismatchError:
                return False
        return kept is not None

    def is_dated(self, kept: str) -> bool:
        """Whether it was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(kept)


def _unmatched(hasher: argon2.PasswordHasher) -> str:
    """What no password matches, and takes the work of one to find out: random bytes where a hash would stand.

    Hashing a random password says the same, for a tenth of a second and 64 MiB of every start (RFC 9106 section 3.1).
    """

    def encoded(length: int) -> str:
        return base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")

    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return (
        f"$argon2id$v={argon2.low_level.ARGON2_VERSION}${costs}${encoded(hasher.salt_len)}${encoded(hasher.hash_len)}"
    )


def new_otp_secret() -> str:
    """160 random bits in base32 (RFC 4226 section 4)."""
    return pyotp.random_base32()


def otp_address(secret: str, account: str, issuer: str) -> str:
    """What an authenticator application reads from the QR code."""
    return pyotp.TOTP(secret, interval=OTP_PERIOD).provisioning_uri(name=account, issuer_name=issuer)


def check_otp(secret: str, code: str, now: datetime.datetime, last: int | None) -> int | None:
    """The period of the code, or None: wrong, too far off, or not later than the last one used."""
    totp = pyotp.TOTP(secret, interval=OTP_PERIOD)
    current = int(now.timestamp()) // OTP_PERIOD
    given = code.replace(" ", "")
    steps = range(current - OTP_SKEW, current + OTP_SKEW + 1)
    # Every period is compared, whichever matches, in constant time.
    return matching_step(
        [(step, secrets.compare_digest(totp.at(step * OTP_PERIOD), given)) for step in steps if given.isascii()], last
    )


def new_recovery_codes() -> list[str]:
    """Ten codes of 24 characters, 118 random bits each, so that a plain digest of them tells nothing."""
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
    return [normal_recovery_code(code) for code in codes]


def normal_recovery_code(text: str) -> str:
    """A code as it was made, however it was typed."""
    plain = "".join(character for character in text.lower() if character.isalnum())
    return "-".join(plain[at : at + 4] for at in range(0, len(plain), 4))


def new_user_code() -> str:
    """Eight letters to read here and type there (RFC 8628 section 6.1): no vowels, no look-alikes."""
    letters = "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def normal_user_code(text: str) -> str:
    """The same, however it was typed."""
    plain = "".join(character for character in text.upper() if character.isalpha())
    return f"{plain[:4]}-{plain[4:]}"
