# SPDX-License-Identifier: Apache-2.0
"""The time-stamp authority against OpenSSL's own client, and against requests it must refuse."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest
from asn1crypto import core, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from maillon.evidence.hashing import sha256
from maillon.evidence.timestamp import Stamp, verify_stamp
from maillon.kit.clock import FixedClock
from maillon.kit.keys import Keys
from maillon.services.notary.authority import POLICY, Authority
from maillon.services.notary.errors import Fatal, TimeUnavailable


@pytest.fixture
def made(tmp_path: Path, clock: FixedClock) -> Authority:
    key, certificate = Keys(tmp_path / "keys").authority("test", clock.now())
    (tmp_path / "authority.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return Authority(key, certificate, clock, tmp_path / "authority.time")


def openssl(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", "ts", *arguments], cwd=directory, capture_output=True, text=True, check=False)


def query(directory: Path, *options: str) -> bytes:
    (directory / "data").write_bytes(b"what is stamped")
    result = openssl(directory, "-query", "-out", "request", *options)
    assert result.returncode == 0, result.stderr
    return (directory / "request").read_bytes()


@pytest.mark.parametrize("nonce", [[], ["-no_nonce"]], ids=["nonce", "no-nonce"])
@pytest.mark.parametrize("certificate", [[], ["-cert"]], ids=["without", "certificate"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.openssl
def test_openssl_accepts_our_stamps(
    tmp_path: Path, made: Authority, nonce: list[str], certificate: list[str], algorithm: str
) -> None:
    request = query(tmp_path, "-data", "data", f"-{algorithm}", *nonce, *certificate)
    (tmp_path / "reply").write_bytes(made.answer(request))
    anchors = ["-CAfile", "authority.pem", *([] if certificate else ["-untrusted", "authority.pem"])]
    moment = str(int(datetime.datetime(2026, 11, 24, 13, tzinfo=datetime.UTC).timestamp()))
    for what in (["-queryfile", "request"], ["-data", "data"]):
        verdict = openssl(tmp_path, "-verify", *what, "-in", "reply", *anchors, "-attime", moment)
        assert "Verification: OK" in verdict.stdout, verdict.stderr
    (tmp_path / "data").write_bytes(b"something else")
    assert openssl(tmp_path, "-verify", "-data", "data", "-in", "reply", *anchors, "-attime", moment).returncode


@pytest.mark.openssl
def test_openssl_accepts_a_stamp_of_a_digest(tmp_path: Path, made: Authority) -> None:
    digest = sha256(b"only its digest is known").hex()
    request = query(tmp_path, "-digest", digest, "-sha256", "-cert", "-tspolicy", POLICY)
    (tmp_path / "reply").write_bytes(made.answer(request))
    verdict = openssl(
        tmp_path, "-verify", "-digest", digest, "-in", "reply", "-CAfile", "authority.pem",
        "-attime", str(int(datetime.datetime(2026, 11, 24, 13, tzinfo=datetime.UTC).timestamp())),
    )  # fmt: skip
    assert "Verification: OK" in verdict.stdout, verdict.stderr


def refusal(reply: bytes) -> tuple[str, set[str]]:
    status = tsp.PKIStatusInfo.load(core.Sequence.load(reply).contents)
    return status["status"].native, status["fail_info"].native


@pytest.mark.parametrize(
    ("options", "failure"),
    [(["-sha1"], "bad_alg"), (["-md5"], "bad_alg"), (["-sha256", "-tspolicy", "1.2.3.4"], "unaccepted_policy")],
)
@pytest.mark.openssl
def test_what_openssl_may_ask_and_is_refused(tmp_path: Path, made: Authority, options: list[str], failure: str) -> None:
    assert refusal(made.answer(query(tmp_path, "-data", "data", *options))) == ("rejection", {failure})


@pytest.mark.openssl
def test_what_is_no_request_is_refused(tmp_path: Path, made: Authority) -> None:
    good = query(tmp_path, "-data", "data", "-sha256", "-cert")
    for end in range(len(good)):
        assert refusal(made.answer(good[:end])) == ("rejection", {"bad_data_format"})
    assert refusal(made.answer(good + b"\0")) == ("rejection", {"bad_data_format"})
    assert refusal(made.answer(b"\x30\x80" + good[2:] + b"\0\0"))[0] == "rejection"
    version = good.replace(b"\x02\x01\x01", b"\x02\x01\x02", 1)
    assert refusal(made.answer(version)) == ("rejection", {"bad_request"})
    extended = b"\x30" + bytes((good[1] + 2,)) + good[2:] + b"\xa0\x00"
    assert refusal(made.answer(extended)) == ("rejection", {"unaccepted_extensions"})
    wrong = good.replace(b"\x04\x20", b"\x04\x1f", 1)
    assert refusal(made.answer(wrong))[0] == "rejection"


@pytest.mark.openssl
def test_serial_numbers_never_repeat_and_times_are_whole_seconds(
    tmp_path: Path, made: Authority, clock: FixedClock
) -> None:
    clock.advance(0.5)
    seen = set()
    again = Authority(made._key, x509.load_der_x509_certificate(made.certificate), clock, tmp_path / "authority.time")
    for authority in (made, again):
        for number in range(50):
            token = authority.stamp(sha256(bytes((number,))))
            stamp = Stamp.parse(token)
            verify_stamp(stamp, sha256(bytes((number,))), [made.certificate])
            assert stamp.time.microsecond == 0
            info = tsp.TimeStampResp.load(authority.answer(query(tmp_path, "-data", "data", "-sha256")))
            content = info["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
            seen.add(content["serial_number"].native)
    assert len(seen) == 100


@pytest.mark.openssl
def test_a_clock_that_goes_back_stamps_nothing(tmp_path: Path, made: Authority, clock: FixedClock) -> None:
    made.stamp(bytes(32))
    clock.advance(-1)
    made.stamp(bytes(32))
    clock.advance(-30)
    with pytest.raises(TimeUnavailable, match="already stamped"):
        made.stamp(bytes(32))
    assert refusal(made.answer(query(tmp_path, "-data", "data", "-sha256"))) == ("rejection", {"time_not_available"})
    restarted = Authority(
        made._key, x509.load_der_x509_certificate(made.certificate), clock, tmp_path / "authority.time"
    )
    with pytest.raises(TimeUnavailable):
        restarted.stamp(bytes(32))
    clock.advance(60)
    assert restarted.stamp(bytes(32))


def test_a_damaged_time_is_not_guessed_at(tmp_path: Path, made: Authority, clock: FixedClock) -> None:
    (tmp_path / "authority.time").write_text("soon")
    certificate = x509.load_der_x509_certificate(made.certificate)
    with pytest.raises(Fatal, match="does not hold a time"):
        Authority(made._key, certificate, clock, tmp_path / "authority.time")


def test_a_certificate_for_other_uses_is_refused(clock: FixedClock) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now())
        .not_valid_after(clock.now() + datetime.timedelta(days=1))
    )
    with pytest.raises(Fatal, match="no extended key usage"):
        Authority(key, builder.sign(key, hashes.SHA256()), clock)
    usage = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING, x509.ExtendedKeyUsageOID.SERVER_AUTH])
    with pytest.raises(Fatal, match="timeStamping alone"):
        Authority(key, builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), clock)
