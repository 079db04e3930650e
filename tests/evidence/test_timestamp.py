# SPDX-License-Identifier: Apache-2.0
"""A token against whoever alters it: nothing that is signed can be changed, and only a fit certificate signs."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest
import workshop
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_workshop import Stamping

from maillon.evidence.errors import (
    EvidenceError,
    StampCertificateRefused,
    StampImprintMismatch,
    StampSignatureMismatch,
    Unreadable,
)
from maillon.evidence.hashing import sha256
from maillon.evidence.timestamp import MAXIMUM_TOKEN, Stamp, verify_stamp

TOKEN = workshop.stamp(b"message", workshop.TIME)
AUTHORITY = workshop.authority()[1]
EXPECTED = Stamp.parse(TOKEN)


def test_a_token_tells_its_time() -> None:
    verify_stamp(EXPECTED, sha256(b"message"), [AUTHORITY])
    assert EXPECTED.time == datetime.datetime.fromtimestamp(workshop.TIME, datetime.UTC)


@settings(max_examples=400)
@given(st.integers(0, len(TOKEN) * 8 - 1))
def test_a_flipped_bit_is_refused_or_changes_nothing(bit: int) -> None:
    altered = bytearray(TOKEN)
    altered[bit // 8] ^= 1 << bit % 8
    try:
        stamp = Stamp.parse(bytes(altered))
        verify_stamp(stamp, sha256(b"message"), [AUTHORITY])
    except EvidenceError:
        return
    # The envelope has bytes nobody signs; what the token says is what the authority said.
    assert stamp == EXPECTED


@given(st.binary(max_size=300))
def test_noise_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        Stamp.parse(data)


def test_cut_short_or_too_large() -> None:
    for data in (b"", TOKEN[:-1], TOKEN + b"\0", bytes(MAXIMUM_TOKEN + 1)):
        with pytest.raises(Unreadable):
            Stamp.parse(data)


def test_other_bytes_and_other_authorities() -> None:
    with pytest.raises(StampImprintMismatch):
        verify_stamp(EXPECTED, sha256(b"another"), [AUTHORITY])
    for authorities in ([], [workshop.authority("stranger")[1]]):
        with pytest.raises(StampCertificateRefused):
            verify_stamp(EXPECTED, sha256(b"message"), authorities)
    verify_stamp(EXPECTED, sha256(b"message"), [workshop.authority("stranger")[1], AUTHORITY])


def test_an_altered_signature() -> None:
    with pytest.raises(StampSignatureMismatch):
        verify_stamp(Stamp.parse(TOKEN[:-1] + bytes([TOKEN[-1] ^ 1])), sha256(b"message"), [AUTHORITY])


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
        verify_stamp(Stamp.parse(token), sha256(b"message"), [certificate])


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa", "ed25519"])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_keys_and_digests(kind: str, digest: str) -> None:
    stamping = Stamping(kind=kind, digest=digest)
    token, certificate = stamping.token(), stamping.certificate()
    verify_stamp(Stamp.parse(token), sha256(b"message"), [certificate])
    assert Stamp.parse(token).serial == 77
    with pytest.raises(StampSignatureMismatch):
        verify_stamp(Stamp.parse(token[:-1] + bytes([token[-1] ^ 1])), sha256(b"message"), [certificate])
    other = {"sha256": "sha384", "sha384": "sha512", "sha512": "sha256"}[digest]
    if kind == "rsa":
        # rsaEncryption alone says nothing of the digest: it is the one of the content.
        plain = Stamping(kind=kind, digest=digest, signing="rsassa_pkcs1v15")
        verify_stamp(Stamp.parse(plain.token()), sha256(b"message"), [certificate])
    if kind != "ed25519":
        wrong = Stamping(kind=kind, digest=digest, sign_with=other)
        with pytest.raises(StampSignatureMismatch):
            verify_stamp(Stamp.parse(wrong.token()), sha256(b"message"), [certificate])


@settings(max_examples=400)
@given(st.data())
def test_no_alteration_raises_anything_but_ours(data: st.DataObject) -> None:
    altered = bytearray(TOKEN)
    for _ in range(data.draw(st.integers(1, 4))):
        place, length = data.draw(st.integers(0, len(altered) - 1)), data.draw(st.integers(0, 8))
        altered[place : place + length] = data.draw(st.binary(max_size=8))
        if not altered:
            altered = bytearray(TOKEN[:1])
    try:
        stamp = Stamp.parse(bytes(altered))
        verify_stamp(stamp, sha256(b"message"), [AUTHORITY])
    except EvidenceError:
        return
    assert stamp == EXPECTED


@pytest.mark.parametrize("authority", [b"", b"certificate", AUTHORITY[:-1], AUTHORITY + b"\0"])
def test_an_authority_that_is_no_certificate(authority: bytes) -> None:
    # The token names it by its hash, so it is the one asked for.
    token = Stamping(named=authority).token() if authority else TOKEN
    with pytest.raises(Unreadable if authority else StampCertificateRefused):
        verify_stamp(Stamp.parse(token), sha256(b"message"), [authority])


OPENSSL = """
[tsa]
default_tsa = authority
[authority]
serial = serial
default_policy = 1.3.6.1.4.1.99999.2
other_policies = 1.3.6.1.4.1.99999.3
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
[req]
distinguished_name = name
[name]
[extensions]
extendedKeyUsage = critical,timeStamping
"""


@pytest.mark.openssl
@pytest.mark.parametrize(
    ("key", "digest"),
    [
        (("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), "sha256"),
        (("ec", "-pkeyopt", "ec_paramgen_curve:P-384"), "sha384"),
        (("rsa:2048",), "sha512"),
    ],
    ids=["P-256", "P-384", "RSA"],
)
def test_tokens_made_by_openssl_now(key: tuple[str, ...], digest: str, tmp_path: Path) -> None:
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "ts.cnf").write_text(OPENSSL)
    (tmp_path / "serial").write_text("01\n")
    (tmp_path / "message").write_bytes(b"message")
    made = ("-keyout", "key.pem", "-out", "certificate.pem", "-days", "30", "-subj", "/CN=openssl")
    openssl("req", "-x509", "-config", "ts.cnf", "-extensions", "extensions", "-nodes", "-newkey", *key, *made)
    openssl("x509", "-in", "certificate.pem", "-outform", "DER", "-out", "certificate.der")
    certificate = (tmp_path / "certificate.der").read_bytes()
    for wanted in ((), ("-cert",)):
        openssl("ts", "-query", "-config", "ts.cnf", "-data", "message", "-sha256", *wanted, "-out", "query")
        signing = ("-inkey", "key.pem", "-signer", "certificate.pem", f"-{digest}")
        openssl("ts", "-reply", "-config", "ts.cnf", "-queryfile", "query", *signing, "-token_out", "-out", "token")
        token = (tmp_path / "token").read_bytes()
        stamp = Stamp.parse(token)
        verify_stamp(stamp, sha256(b"message"), [certificate])
        assert stamp.policy == "1.3.6.1.4.1.99999.2"
        with pytest.raises(StampImprintMismatch):
            verify_stamp(Stamp.parse(token), sha256(b"another"), [certificate])
        with pytest.raises(StampCertificateRefused):
            verify_stamp(Stamp.parse(token), sha256(b"message"), [AUTHORITY])


@pytest.mark.openssl
def test_openssl_verifies_ours(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(TOKEN)
    (tmp_path / "message").write_bytes(b"message")
    pem = x509.load_der_x509_certificate(AUTHORITY).public_bytes(Encoding.PEM)
    (tmp_path / "certificate.pem").write_bytes(pem)
    command = ["openssl", "ts", "-verify", "-token_in", "-in", "token", "-data", "message", "-partial_chain"]
    moment = ["-attime", str(workshop.TIME), "-CAfile", "certificate.pem", "-untrusted", "certificate.pem"]
    subprocess.run([*command, *moment], cwd=tmp_path, check=True, capture_output=True)
