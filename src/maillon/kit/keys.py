# SPDX-License-Identifier: Apache-2.0
"""The keys an instance signs with, in files only their owner can read. Made at the first start, never logged.

They are not encrypted at rest in this version: docs/trust.md says what their thief gains.
"""

from __future__ import annotations

import datetime
import os
import re
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from maillon.kit.errors import HomeUnusable, KeyUnreadable

_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_RING_LINE = re.compile(r"[0-9a-f]{8} [0-9a-f]{64}")
_VALIDITY = datetime.timedelta(days=3650)


def write_private(path: Path, data: bytes) -> None:
    """Write a file only its owner can read, whole or not at all, and on disk when this returns."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise HomeUnusable(f"{path} cannot be written: {error.strerror}") from error


class Keys:
    """The keys in one directory. Of a `complete` one none is made anew: a missing key is lost (`KeyUnreadable`)."""

    def __init__(self, directory: Path, *, complete: bool = False) -> None:
        self._directory = directory
        self._complete = complete
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeUnusable(f"{directory} cannot be made: {error.strerror}") from error

    def _read(self, name: str) -> bytes | None:
        path = self._directory / name
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise KeyUnreadable(f"{path} can be read by others: chmod 600 {path}, and ask who did")
                return file.read(65_536)
        except FileNotFoundError:
            if self._complete:
                raise KeyUnreadable(f"{path} is gone: restore it from a backup; no other can take its place") from None
            return None
        except OSError as error:
            raise KeyUnreadable(f"{path} cannot be read: {error.strerror}") from error

    def _ed25519(self, name: str) -> Ed25519PrivateKey:
        data = self._read(name)
        if data is None:
            key = Ed25519PrivateKey.generate()
            write_private(self._directory / name, _pem(key))
            return key
        loaded = _load(data, self._directory / name)
        if not isinstance(loaded, Ed25519PrivateKey):
            raise KeyUnreadable(f"{self._directory / name} is not an Ed25519 key")
        return loaded

    def log_key(self) -> Ed25519PrivateKey:
        """Signs the checkpoints of the log."""
        return self._ed25519("log.pem")

    def validator_key(self) -> Ed25519PrivateKey:
        """Signs the commits of the embedded ledger."""
        return self._ed25519("validator.pem")

    def authority(self, name: str, now: datetime.datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """Key and certificate of the time-stamp authority: P-256, extended key usage time stamping alone, critical."""
        data = self._read("authority.pem")
        if data is None:
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = _authority_certificate(key, name, now)
            # One file, so that a crash cannot leave a key without its certificate.
            pem = _pem(key) + certificate.public_bytes(serialization.Encoding.PEM)
            write_private(self._directory / "authority.pem", pem)
            return key, certificate
        loaded = _load(data, self._directory / "authority.pem")
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise KeyUnreadable(f"{self._directory / 'authority.pem'} is not a P-256 key")
        try:
            return loaded, x509.load_pem_x509_certificate(data)
        except ValueError as error:
            raise KeyUnreadable(f"{self._directory / 'authority.pem'} holds no certificate: {error}") from None

    def account(self, name: str) -> bytes:
        """The 32-byte secret of a ledger account (secp256k1)."""
        data = self._read(f"account-{name}.hex")
        if data is None:
            secret = (secrets.randbelow(_SECP256K1_ORDER - 1) + 1).to_bytes(32, "big")
            write_private(self._directory / f"account-{name}.hex", secret.hex().encode() + b"\n")
            return secret
        try:
            secret = bytes.fromhex(data.decode().strip())
        except ValueError:
            secret = b""
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < _SECP256K1_ORDER:
            raise KeyUnreadable(f"{self._directory / f'account-{name}.hex'} is not a secp256k1 secret")
        return secret

    def ring(self, name: str) -> list[tuple[str, bytes]]:
        """The symmetric keys of a ring, (id of 8 digits, 32 bytes), newest first; the first is made when missing."""
        data = self._read(f"{name}.ring")
        if data is None:
            self.extend_ring(name)
            return self.ring(name)
        found = []
        for line in data.decode("ascii", "replace").splitlines():
            identifier, _, secret = line.partition(" ")
            if _RING_LINE.fullmatch(line) is None:
                raise KeyUnreadable(f"{self._directory / f'{name}.ring'} holds a line that is not an id and a key")
            found.append((identifier, bytes.fromhex(secret)))
        if not found:
            raise KeyUnreadable(f"{self._directory / f'{name}.ring'} is empty")
        return found

    def extend_ring(self, name: str) -> str:
        """Put a new key first in a ring; its id. Older keys stay, to read what they encrypted."""
        identifier = secrets.token_hex(4)
        older = self._read(f"{name}.ring") or b""
        line = f"{identifier} {secrets.token_bytes(32).hex()}\n".encode()
        write_private(self._directory / f"{name}.ring", line + older)
        return identifier

    def shorten_ring(self, name: str) -> int:
        """Destroy every key of a ring but the newest; how many. What they encrypted is unreadable from now on."""
        newest, *older = self.ring(name)
        write_private(self._directory / f"{name}.ring", f"{newest[0]} {newest[1].hex()}\n".encode())
        return len(older)


def _pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load(data: bytes, path: Path) -> object:
    try:
        return serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnreadable(f"{path} is not a private key: {error}") from None


def _authority_certificate(key: ec.EllipticCurvePrivateKey, name: str, now: datetime.datetime) -> x509.Certificate:
    """A certificate the authority signs for itself (RFC 3161 section 2.3): trust comes from the anchors, not a root."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name[:40]} time-stamp authority")])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _VALIDITY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
