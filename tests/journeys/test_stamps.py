# SPDX-License-Identifier: Apache-2.0
"""Time stamps as a stranger gets them: openssl asks, the server answers over HTTP, openssl checks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from running_platform import Running


def openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", "ts", *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.openssl
def test_openssl_asks_a_running_server_and_accepts_its_stamp(platform: Running, tmp_path: Path) -> None:
    (tmp_path / "minutes").write_text("what is stamped")
    asked = openssl(tmp_path, "-query", "-data", "minutes", "-sha512", "-cert", "-out", "query")
    assert asked.returncode == 0, asked.stderr
    answer = httpx.post(
        f"{platform.url}/tsa",
        content=(tmp_path / "query").read_bytes(),
        headers={"Content-Type": "application/timestamp-query"},
        timeout=60,
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/timestamp-reply")
    (tmp_path / "reply").write_bytes(answer.content)
    certificate = httpx.get(f"{platform.url}/tsa/certificate", timeout=60)
    assert certificate.headers["content-type"] == "application/pkix-cert"
    authority = x509.load_der_x509_certificate(certificate.content)
    (tmp_path / "authority.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    accepted = openssl(tmp_path, "-verify", "-queryfile", "query", "-in", "reply", "-CAfile", "authority.pem")
    assert "Verification: OK" in accepted.stdout, accepted.stderr
    (tmp_path / "minutes").write_text("something else")
    refused = openssl(tmp_path, "-verify", "-data", "minutes", "-in", "reply", "-CAfile", "authority.pem")
    assert refused.returncode
    assert "Verification: FAILED" in refused.stdout + refused.stderr
