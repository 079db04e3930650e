# SPDX-License-Identifier: Apache-2.0
"""RFC 3161 time-stamp tokens: that one speaks of these bytes, at what time, and that a trusted authority signed it.

Reading is asn1crypto's, signatures are `cryptography`'s. The token is verified as RFC 5652 (CMS), RFC 3161 section
2.4.2 and RFC 5816 (ESSCertIDv2) ask; the certificate is compared with those trusted, not chained to some root.
"""

from __future__ import annotations

import datetime
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from maillon.evidence.errors import (
    StampCertificateRefused,
    StampImprintMismatch,
    StampSignatureMismatch,
    UnknownAlgorithm,
    Unreadable,
)
from maillon.evidence.hashing import sha256

MAXIMUM_TOKEN = 64 * 1024
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_SIGNATURES: dict[str, tuple[type, str | None]] = {
    "sha256_ecdsa": (ec.EllipticCurvePublicKey, "sha256"),
    "sha384_ecdsa": (ec.EllipticCurvePublicKey, "sha384"),
    "sha512_ecdsa": (ec.EllipticCurvePublicKey, "sha512"),
    "rsassa_pkcs1v15": (rsa.RSAPublicKey, None),
    "sha256_rsa": (rsa.RSAPublicKey, "sha256"),
    "sha384_rsa": (rsa.RSAPublicKey, "sha384"),
    "sha512_rsa": (rsa.RSAPublicKey, "sha512"),
    "ed25519": (ed25519.Ed25519PublicKey, None),
}
"""Signature algorithms: the kind of key, and the digest, where None is the signer's digest algorithm (RFC 5754)."""
_TIME = re.compile(rb"[0-9]{14}(?:\.[0-9]*[1-9])?Z")
"""The one form of RFC 3161 section 2.4.2: UTC, with seconds, no zeros at the end of a fraction."""
_TIME_STAMPING = x509.oid.ExtendedKeyUsageOID.TIME_STAMPING


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a verified token says."""

    time: datetime.datetime
    """UTC."""
    serial: int
    policy: str
    authority: bytes
    """The certificate that signed, DER."""


def _token(data: bytes) -> tuple[Any, bytes]:
    """The one signer, and the encoded TSTInfo."""
    if len(data) > MAXIMUM_TOKEN:
        raise Unreadable(f"a time-stamp token has at most {MAXIMUM_TOKEN} bytes")
    try:
        content = cms.ContentInfo.load(data, strict=True)
        if content["content_type"].native != "signed_data":
            raise Unreadable("a time-stamp token is CMS SignedData")
        signed = content["content"]
        encapsulated = signed["encap_content_info"]
        if encapsulated["content_type"].native != "tst_info" or len(signed["signer_infos"]) != 1:
            raise Unreadable("a time-stamp token holds one TSTInfo and one signature")
        signer = signed["signer_infos"][0]
        return signer, bytes(encapsulated["content"].contents)
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable(f"the time-stamp token is not DER of that form: {error}") from None


def _attributes(signer: Any) -> dict[str, Any]:
    """Signed attributes by name, each with one value."""
    found: dict[str, Any] = {}
    for attribute in signer["signed_attrs"]:
        name = attribute["type"].native
        if name in found or len(attribute["values"]) != 1:
            raise Unreadable("a signed attribute stands twice, or has not one value")
        found[name] = attribute["values"][0]
    return found


def _check_signature(
    certificate: x509.Certificate, signature: bytes, message: bytes, signing: str, digest: str
) -> None:
    """Verify by the algorithm the signer states; `digest` is the one of its content."""
    if signing not in _SIGNATURES:
        raise UnknownAlgorithm(f"the time stamp is signed by {signing}, unknown here")
    kind, own_digest = _SIGNATURES[signing]
    algorithm = _HASHES[own_digest or digest]()
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnknownAlgorithm(f"the authority's key is of a kind unknown here: {error}") from None
    if not isinstance(key, kind):
        raise StampSignatureMismatch(
            "the time stamp is signed by an algorithm of another kind of key",
            expected=f"one for {type(key).__name__}",
            found=signing,
        )
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            raise UnknownAlgorithm("the authority's key is of a kind unknown here")
    except InvalidSignature:
        raise StampSignatureMismatch(
            "the signature of the time stamp is false", expected="a signature of the authority", found="another"
        ) from None


def _check_certificate(certificate: x509.Certificate, time: datetime.datetime) -> None:
    """RFC 3161 section 2.3: extended key usage critical, and time stamping alone; valid at the time stamped."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (ValueError, x509.DuplicateExtension) as error:
        raise Unreadable(f"the extensions of the authority's certificate are not readable: {error}") from None
    except x509.ExtensionNotFound:
        raise StampCertificateRefused(
            "the certificate is not for time stamping", expected="extended key usage timeStamping", found="none"
        ) from None
    if not usage.critical or list(usage.value) != [_TIME_STAMPING]:
        raise StampCertificateRefused(
            "the certificate is not for time stamping alone",
            expected="critical, timeStamping only",
            found=f"critical={usage.critical}, {len(list(usage.value))} usages",
        )
    if not certificate.not_valid_before_utc <= time <= certificate.not_valid_after_utc:
        raise StampCertificateRefused(
            "the certificate was not valid at the time stamped",
            expected=f"{certificate.not_valid_before_utc} to {certificate.not_valid_after_utc}",
            found=str(time),
        )


def verify_token(token: bytes, message_digest: bytes, authorities: Sequence[bytes]) -> Stamp:
    """Raise unless the token stamps this SHA-256 digest and one of the authorities (certificates, DER) signed it.

    1. The imprint is the digest expected (`StampImprintMismatch`).
    2. The signed attributes are of this TSTInfo: content type and message digest (`StampSignatureMismatch`).
    3. They name the certificate that signed (ESSCertIDv2), and it is one of those trusted
       (`StampCertificateRefused`).
    4. The signature over the attributes verifies (`StampSignatureMismatch`).
    5. That certificate is for time stamping, and was valid then (`StampCertificateRefused`).
    """
    signer, info_bytes = _token(token)
    try:
        info = tsp.TSTInfo.load(info_bytes, strict=True)
        imprint = info["message_imprint"]
        imprint_algorithm = imprint["hash_algorithm"]["algorithm"].native
        imprint_value = imprint["hashed_message"].native
        time: datetime.datetime = info["gen_time"].native
        written_time: bytes = info["gen_time"].contents
        # The attributes are signed as a SET OF, and stand in the token under an implicit tag (RFC 5652 section 5.4).
        # Taken before they are read: what has been read is encoded anew, which costs more than all other steps.
        message = b"\x31" + signer["signed_attrs"].dump()[1:]
        digest_algorithm = signer["digest_algorithm"]["algorithm"].native
        attributes = _attributes(signer)
        stated_digest = attributes["message_digest"].native
        stated_type = attributes["content_type"].native
        certificate_hash = attributes["signing_certificate_v2"]["certs"][0]
        certificate_digest = certificate_hash["cert_hash"].native
        certificate_algorithm = certificate_hash["hash_algorithm"]["algorithm"].native
        signature = signer["signature"].native
        signing = signer["signature_algorithm"]["algorithm"].native
        extensions = info["extensions"].native or []
        stamp_serial, policy = info["serial_number"].native, info["policy"].native
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise Unreadable(f"the time-stamp token lacks what RFC 3161 asks: {error}") from None
    if not _TIME.fullmatch(written_time) or not isinstance(time, datetime.datetime):
        raise Unreadable("the time stamped is not written as RFC 3161 asks, in UTC with seconds")
    if any(extension["critical"] for extension in extensions):
        raise UnknownAlgorithm("the time stamp has a critical extension unknown here")
    # Step 1.
    if imprint_algorithm != "sha256" or not hmac.compare_digest(imprint_value, message_digest):
        raise StampImprintMismatch(
            "the time stamp is of other bytes",
            expected=f"sha256 {message_digest.hex()}",
            found=f"{imprint_algorithm} {imprint_value.hex()}",
        )
    # Step 2.
    if digest_algorithm not in _HASHES or certificate_algorithm != "sha256":
        raise UnknownAlgorithm(f"the time stamp uses {digest_algorithm} and {certificate_algorithm}: unknown here")
    digest = hashes.Hash(_HASHES[digest_algorithm]())
    digest.update(info_bytes)
    found = digest.finalize()
    if stated_type != "tst_info" or found != stated_digest:
        raise StampSignatureMismatch(
            "the signed attributes are of another content", expected=stated_digest.hex(), found=found.hex()
        )
    # Step 3.
    authority = next((trusted for trusted in authorities if sha256(trusted) == certificate_digest), None)
    if authority is None:
        raise StampCertificateRefused(
            "no trusted authority made this time stamp",
            expected=" or ".join(sha256(trusted).hex() for trusted in authorities) or "an authority",
            found=certificate_digest.hex(),
        )
    # Step 4.
    try:
        certificate = x509.load_der_x509_certificate(authority)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unreadable(f"the trusted authority's certificate is not readable: {error}") from None
    _check_signature(certificate, signature, message, signing, digest_algorithm)
    # Step 5.
    _check_certificate(certificate, time)
    return Stamp(time, stamp_serial, policy, authority)
