# SPDX-License-Identifier: Apache-2.0
"""RFC 3161 time-stamp tokens: that one speaks of these bytes, at what time, and that a trusted authority signed it.

Signatures are `cryptography`'s. The token is verified as RFC 5652 (CMS), RFC 3161 section
2.4.2 and RFC 5816 (ESSCertIDv2) ask; the certificate is compared with those trusted, not chained to some root.
"""

from __future__ import annotations

import datetime
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from maillon.evidence import der
from maillon.evidence.der import (
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    SET,
    Element,
    Walk,
    context,
    dotted,
    integer,
    is_true,
)
from maillon.evidence.errors import (
    StampCertificateRefused,
    StampImprintMismatch,
    StampSignatureMismatch,
    UnknownAlgorithm,
    Unreadable,
)
from maillon.evidence.hashing import sha256

MAXIMUM_TOKEN = 64 * 1024
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_KEY_IDENTIFIER = 0x80
"""SubjectKeyIdentifier, implicitly tagged."""
_SHA256 = "2.16.840.1.101.3.4.2.1"
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    _SHA256: hashes.SHA256,
    "2.16.840.1.101.3.4.2.2": hashes.SHA384,
    "2.16.840.1.101.3.4.2.3": hashes.SHA512,
}
_SIGNATURES: dict[str, tuple[type, type[hashes.HashAlgorithm] | None]] = {
    "1.2.840.10045.4.3.2": (ec.EllipticCurvePublicKey, hashes.SHA256),
    "1.2.840.10045.4.3.3": (ec.EllipticCurvePublicKey, hashes.SHA384),
    "1.2.840.10045.4.3.4": (ec.EllipticCurvePublicKey, hashes.SHA512),
    "1.2.840.113549.1.1.1": (rsa.RSAPublicKey, None),
    "1.2.840.113549.1.1.11": (rsa.RSAPublicKey, hashes.SHA256),
    "1.2.840.113549.1.1.12": (rsa.RSAPublicKey, hashes.SHA384),
    "1.2.840.113549.1.1.13": (rsa.RSAPublicKey, hashes.SHA512),
    "1.3.101.112": (ed25519.Ed25519PublicKey, None),
}
"""Signature algorithms: the kind of key, and the digest, where None is the signer's digest algorithm (RFC 5754)."""
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_MINIMUM_RSA, _MAXIMUM_RSA = 2048, 16_384
"""Bits of a modulus: below it can be factored, above a verification takes seconds."""
_TIME = re.compile(rb"[0-9]{14}(?:\.[0-9]{0,5}[1-9])?Z")
"""The one form of RFC 3161 section 2.4.2: UTC, with seconds, at most six digits of a fraction, the last not zero."""
_TIME_STAMPING = x509.oid.ExtendedKeyUsageOID.TIME_STAMPING


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a token says, nothing of it believed before `verify_stamp`. Algorithms by their object identifiers."""

    info: bytes
    """TSTInfo as it was digested."""
    policy: str
    imprint_algorithm: str
    imprint: bytes
    serial: int
    time: datetime.datetime
    """UTC."""
    critical: bool
    """Whether TSTInfo has a critical extension: none is known here."""
    digest_algorithm: str
    signature_algorithm: str
    signature: bytes
    content_type: str
    message_digest: bytes
    certificate_algorithm: str
    certificate_hash: bytes
    message: bytes
    """What is signed: the attributes, as a SET OF (RFC 5652 section 5.4)."""

    @classmethod
    def parse(cls, data: bytes) -> Stamp:
        """Read a token, in DER and of the form of docs/formats/timestamp.md; raises `Unreadable`."""
        if len(data) > MAXIMUM_TOKEN:
            raise Unreadable(f"a time-stamp token has at most {MAXIMUM_TOKEN} bytes")
        outer = Walk(der.read(data, SEQUENCE))
        if dotted(outer.take(OBJECT_IDENTIFIER)) != _SIGNED_DATA:
            raise Unreadable("a time-stamp token is CMS SignedData")
        signed = Walk(outer.take(context(0)).only(SEQUENCE))
        outer.end()
        signed.take(INTEGER)  # version
        signed.take(SET)  # digest algorithms
        content = Walk(signed.take(SEQUENCE))
        signed.perhaps(context(0))  # certificates
        signed.perhaps(context(1))  # revocation lists
        signers = signed.take(SET).parts
        signed.end()
        if dotted(content.take(OBJECT_IDENTIFIER)) != _TST_INFO:
            raise Unreadable("a time-stamp token holds one TSTInfo")
        info = content.take(context(0)).only(OCTET_STRING).body
        content.end()
        if len(signers) != 1 or signers[0].tag != SEQUENCE:
            raise Unreadable("a time-stamp token has one signer")
        walk = Walk(der.read(info, SEQUENCE))
        walk.take(INTEGER)  # version
        policy = dotted(walk.take(OBJECT_IDENTIFIER))
        imprint = Walk(walk.take(SEQUENCE))
        imprint_algorithm, imprint_value = _algorithm(imprint.take(SEQUENCE)), imprint.take(OCTET_STRING).body
        imprint.end()
        serial = integer(walk.take(INTEGER))
        time = _time(walk.take(GENERALIZED_TIME))
        for tag in (SEQUENCE, BOOLEAN, INTEGER, context(0)):  # accuracy, ordering, nonce, the authority's name
            walk.perhaps(tag)
        extensions = walk.perhaps(context(1))
        walk.end()
        critical = [_is_critical(each) for each in extensions.parts] if extensions else []
        signer = Walk(signers[0])
        signer.take(INTEGER)  # version
        # The signer's identifier proves nothing: the signing certificate does.
        if signer.perhaps(SEQUENCE) is None:
            signer.take(_KEY_IDENTIFIER)
        digest_algorithm = _algorithm(signer.take(SEQUENCE))
        attributes = signer.take(context(0))
        signature_algorithm = _algorithm(signer.take(SEQUENCE))
        signature = signer.take(OCTET_STRING).body
        signer.perhaps(context(1))  # unsigned attributes
        signer.end()
        values = _attributes(attributes)
        certificate = _signing_certificate(_attribute(values, _SIGNING_CERTIFICATE_V2, SEQUENCE))
        return cls(
            info,
            policy,
            imprint_algorithm,
            imprint_value,
            serial,
            time,
            any(critical),
            digest_algorithm,
            signature_algorithm,
            signature,
            dotted(_attribute(values, _CONTENT_TYPE, OBJECT_IDENTIFIER)),
            _attribute(values, _MESSAGE_DIGEST, OCTET_STRING).body,
            *certificate,
            bytes([SET]) + attributes.encoded[1:],
        )


def _algorithm(read: Element) -> str:
    """The identifier of an algorithm; its parameters are not read."""
    walk = Walk(read)
    name = dotted(walk.take(OBJECT_IDENTIFIER))
    if len(walk.left) > 1:
        raise Unreadable("an algorithm of a time-stamp token has more than its parameters")
    return name


def _time(read: Element) -> datetime.datetime:
    if not _TIME.fullmatch(read.body):
        raise Unreadable("the time stamped is not written as RFC 3161 asks, in UTC with seconds")
    text = read.body.decode()
    calendar, _, fraction = text.removesuffix("Z").partition(".")
    parts = (calendar[:4], *(calendar[place : place + 2] for place in range(4, 14, 2)), fraction.ljust(6, "0"))
    try:
        return datetime.datetime(*(int(part) for part in parts), tzinfo=datetime.UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        raise Unreadable(f"no such time: {text}") from None


def _is_critical(read: Element) -> bool:
    """Whether an extension of TSTInfo is critical. Its contents are not read."""
    if read.tag != SEQUENCE:
        raise Unreadable("an extension of a time stamp is a sequence")
    walk = Walk(read)
    walk.take(OBJECT_IDENTIFIER)
    stated = walk.perhaps(BOOLEAN)
    walk.take(OCTET_STRING)
    walk.end()
    return stated is not None and is_true(stated)


def _attributes(read: Element) -> dict[str, Element]:
    """Signed attributes by their identifier: each once, and with one value."""
    found: dict[str, Element] = {}
    for attribute in read.parts:
        if attribute.tag != SEQUENCE:
            raise Unreadable("a signed attribute is a sequence")
        walk = Walk(attribute)
        name = dotted(walk.take(OBJECT_IDENTIFIER))
        values = walk.take(SET).parts
        walk.end()
        if name in found or len(values) != 1:
            raise Unreadable("a signed attribute stands twice, or has not one value")
        found[name] = values[0]
    return found


def _attribute(attributes: dict[str, Element], name: str, tag: int) -> Element:
    value = attributes.get(name)
    if value is None or value.tag != tag:
        raise Unreadable(f"the time-stamp token lacks the signed attribute {name}")
    return value


def _signing_certificate(read: Element) -> tuple[str, bytes]:
    """Algorithm and hash of the first ESSCertIDv2 (RFC 5816): the certificate that signed."""
    walk = Walk(read)
    certificates = walk.take(SEQUENCE).parts
    walk.perhaps(SEQUENCE)  # policies
    walk.end()
    if not certificates or certificates[0].tag != SEQUENCE:
        raise Unreadable("the time-stamp token names no signing certificate")
    first = Walk(certificates[0])
    stated = first.perhaps(SEQUENCE)
    found = first.take(OCTET_STRING).body
    first.perhaps(SEQUENCE)  # issuer and serial number
    first.end()
    return _SHA256 if stated is None else _algorithm(stated), found


def _is_known_rsa(key: rsa.RSAPublicKey) -> bool:
    exponent = key.public_numbers().e
    return _MINIMUM_RSA <= key.key_size <= _MAXIMUM_RSA and 2 < exponent < 2**64 and exponent % 2 == 1


def _check_signature(certificate: x509.Certificate, stamp: Stamp) -> None:
    """Verify by the algorithm the signer states."""
    signing = stamp.signature_algorithm
    if signing not in _SIGNATURES:
        raise UnknownAlgorithm(f"the time stamp is signed by {signing}, unknown here")
    kind, own_digest = _SIGNATURES[signing]
    algorithm = (own_digest or _HASHES[stamp.digest_algorithm])()
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnknownAlgorithm(f"the authority's key is of a kind unknown here: {error}") from None
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, _CURVES):
        raise UnknownAlgorithm(
            f"the authority's key is on {key.curve.name}: only P-256, P-384 and P-521 are known here"
        )
    if isinstance(key, rsa.RSAPublicKey) and not _is_known_rsa(key):
        raise UnknownAlgorithm(f"an RSA key of {key.key_size} bits or of its exponent is not known here")
    if not isinstance(key, kind):
        raise StampSignatureMismatch(
            "the time stamp is signed by an algorithm of another kind of key",
            expected=f"one for {type(key).__name__}",
            found=signing,
        )
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(stamp.signature, stamp.message, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(stamp.signature, stamp.message, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(stamp.signature, stamp.message)
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


def verify_stamp(stamp: Stamp, message_digest: bytes, authorities: Sequence[bytes]) -> None:
    """Raise unless it stamps this SHA-256 digest and one of the authorities (certificates, DER) signed it.

    1. The imprint is the digest expected (`StampImprintMismatch`).
    2. The signed attributes are of this TSTInfo: content type and message digest (`StampSignatureMismatch`).
    3. They name the certificate that signed (ESSCertIDv2), and it is one of those trusted
       (`StampCertificateRefused`).
    4. The signature over the attributes verifies (`StampSignatureMismatch`).
    5. That certificate is for time stamping, and was valid then (`StampCertificateRefused`).
    """
    if stamp.critical:
        raise UnknownAlgorithm("the time stamp has a critical extension unknown here")
    # Step 1.
    if stamp.imprint_algorithm != _SHA256 or not hmac.compare_digest(stamp.imprint, message_digest):
        raise StampImprintMismatch(
            "the time stamp is of other bytes",
            expected=f"sha256 {message_digest.hex()}",
            found=f"{stamp.imprint_algorithm} {stamp.imprint.hex()}",
        )
    # Step 2.
    if stamp.digest_algorithm not in _HASHES or stamp.certificate_algorithm != _SHA256:
        raise UnknownAlgorithm(
            f"the time stamp uses {stamp.digest_algorithm} and {stamp.certificate_algorithm}: unknown here"
        )
    digest = hashes.Hash(_HASHES[stamp.digest_algorithm]())
    digest.update(stamp.info)
    found = digest.finalize()
    if stamp.content_type != _TST_INFO or found != stamp.message_digest:
        raise StampSignatureMismatch(
            "the signed attributes are of another content", expected=stamp.message_digest.hex(), found=found.hex()
        )
    # Step 3.
    authority = next((trusted for trusted in authorities if sha256(trusted) == stamp.certificate_hash), None)
    if authority is None:
        raise StampCertificateRefused(
            "no trusted authority made this time stamp",
            expected=" or ".join(sha256(trusted).hex() for trusted in authorities) or "an authority",
            found=stamp.certificate_hash.hex(),
        )
    # Step 4.
    try:
        certificate = x509.load_der_x509_certificate(authority)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unreadable(f"the trusted authority's certificate is not readable: {error}") from None
    _check_signature(certificate, stamp)
    # Step 5.
    _check_certificate(certificate, stamp.time)
