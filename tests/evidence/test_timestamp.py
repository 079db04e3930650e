# SPDX-License-Identifier: Apache-2.0
"""A token against whoever alters it: nothing that is signed can be changed, and only a fit certificate signs."""

from __future__ import annotations

import datetime

import pytest
import workshop
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from maillon.evidence.errors import (
    EvidenceError,
    StampCertificateRefused,
    StampImprintMismatch,
    StampSignatureMismatch,
    Unreadable,
)
from maillon.evidence.hashing import sha256
from maillon.evidence.timestamp import MAXIMUM_TOKEN, verify_token

TOKEN = workshop.stamp(b"message", workshop.TIME)
AUTHORITY = workshop.authority()[1]
EXPECTED = verify_token(TOKEN, sha256(b"message"), [AUTHORITY])


def test_a_token_tells_its_time() -> None:
    assert EXPECTED.time == datetime.datetime.fromtimestamp(workshop.TIME, datetime.UTC)
    assert EXPECTED.authority == AUTHORITY


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(TOKEN) * 8 - 1))
def test_a_flipped_bit_is_refused_or_changes_nothing(bit: int) -> None:
    altered = bytearray(TOKEN)
    altered[bit // 8] ^= 1 << bit % 8
    try:
        stamp = verify_token(bytes(altered), sha256(b"message"), [AUTHORITY])
    except EvidenceError:
        return
    # The envelope has bytes nobody signs; what the token says is what the authority said.
    assert stamp == EXPECTED


@given(st.binary(max_size=300))
def test_noise_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        verify_token(data, sha256(b"message"), [AUTHORITY])


def test_cut_short_or_too_large() -> None:
    for data in (b"", TOKEN[:-1], TOKEN + b"\0", bytes(MAXIMUM_TOKEN + 1)):
        with pytest.raises(Unreadable):
            verify_token(data, sha256(b"message"), [AUTHORITY])


def test_other_bytes_and_other_authorities() -> None:
    with pytest.raises(StampImprintMismatch):
        verify_token(TOKEN, sha256(b"another"), [AUTHORITY])
    for authorities in ([], [workshop.authority("stranger")[1]]):
        with pytest.raises(StampCertificateRefused):
            verify_token(TOKEN, sha256(b"message"), authorities)
    verify_token(TOKEN, sha256(b"message"), [workshop.authority("stranger")[1], AUTHORITY])


def test_an_altered_signature() -> None:
    with pytest.raises(StampSignatureMismatch):
        verify_token(TOKEN[:-1] + bytes([TOKEN[-1] ^ 1]), sha256(b"message"), [AUTHORITY])


USAGE = x509.oid.ExtendedKeyUsageOID


@pytest.mark.parametrize(
    ("usages", "critical", "until"),
    [
        ([USAGE.TIME_STAMPING], False, 2036),
        ([USAGE.TIME_STAMPING, USAGE.CODE_SIGNING], True, 2036),
        ([USAGE.CODE_SIGNING], True, 2036),
        ([], True, 2036),
        ([USAGE.TIME_STAMPING], True, 2025),
    ],
)
def test_a_certificate_that_is_not_fit(
    usages: list[x509.ObjectIdentifier], critical: bool, until: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = workshop.authority()
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "unfit")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(8)
        .not_valid_before(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(until, 1, 1, tzinfo=datetime.UTC))
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    monkeypatch.setattr(workshop, "authority", lambda _="authority": (key, certificate))
    token = workshop.stamp(b"message", workshop.TIME)
    with pytest.raises(StampCertificateRefused):
        verify_token(token, sha256(b"message"), [certificate])
