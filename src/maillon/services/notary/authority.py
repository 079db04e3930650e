# SPDX-License-Identifier: Apache-2.0
"""The time-stamp authority: RFC 3161 requests in, replies out, with ESSCertIDv2 (RFC 5816).

A reply is assembled from parts encoded once, so that a stamp costs one signature and little else. Times are whole
seconds and never go back: a clock that does is refused; the newest time given is kept for the next start.
Weak and unknown digests, policies and extensions are refused in the PKIStatusInfo, as section 2.4.2 asks.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from maillon.services.notary.errors import Fatal, TimeUnavailable

POLICY: Final = "2.25.280049496787617078264360512398088980262"
"""The policy under which this authority stamps: docs/operating/notary.md. Made from a UUID (X.667), nobody else's."""

_SEQUENCE, _SET, _INTEGER, _OCTETS, _OBJECT, _BOOLEAN = 0x30, 0x31, 0x02, 0x04, 0x06, 0x01
_CONTEXT = 0xA0

_SHA256 = bytes.fromhex("608648016503040201")
_ACCEPTED: Final = {_SHA256: 32, bytes.fromhex("608648016503040202"): 48, bytes.fromhex("608648016503040203"): 64}
"""SHA-256, SHA-384 and SHA-512: their object identifiers and lengths."""

BAD_ALGORITHM, BAD_REQUEST, BAD_DATA_FORMAT, TIME_NOT_AVAILABLE = 0, 2, 5, 14
UNACCEPTED_POLICY, UNACCEPTED_EXTENSION, SYSTEM_FAILURE = 15, 16, 25
"""Bits of PKIFailureInfo (RFC 3161 section 2.4.2)."""

_FLOOR_EVERY = 5.0
"""Seconds between two writes of the newest time given."""


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Now, with its zone."""


class _Malformed(Exception):
    """The request is refused: the bit of PKIFailureInfo, and why."""

    def __init__(self, failure: int, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def _encode(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + _length(len(content)) + content


def _integer(value: int) -> bytes:
    return _encode(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _object(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    content = bytearray()
    for number in (first * 40 + second, *rest):
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.append(0x80 | number & 0x7F)
        content += bytes(reversed(septets))
    return _encode(_OBJECT, bytes(content))


_DATA = _object("1.2.840.113549.1.9.16.1.4")
_SIGNED_DATA = _object("1.2.840.113549.1.7.2")
_CONTENT_TYPE = _object("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = _object("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE = _object("1.2.840.113549.1.9.16.2.47")
_SHA256_ALGORITHM = _encode(_SEQUENCE, _encode(_OBJECT, _SHA256) + b"\x05\x00")
_ECDSA_SHA256 = _encode(_SEQUENCE, _object("1.2.840.10045.4.3.2"))
_GRANTED = _encode(_SEQUENCE, _integer(0))
_ACCURACY = _encode(_SEQUENCE, _integer(1))


class _Reader:
    """Strict DER, one element after the other: definite shortest lengths, nothing left over."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def peek(self) -> int | None:
        return self._data[self._at] if self._at < len(self._data) else None

    def take(self, tag: int, what: str) -> bytes:
        """The content of the next element, which must bear this tag."""
        return self.take_whole(tag, what)[1]

    def take_whole(self, tag: int, what: str) -> tuple[bytes, bytes]:
        """The next element as written, and its content."""
        data, start = self._data, self._at
        if self.peek() != tag or start + 2 > len(data):
            raise _Malformed(BAD_DATA_FORMAT, f"the request lacks {what}")
        size, begin = data[start + 1], start + 2
        if size & 0x80:
            octets = size & 0x7F
            if not 1 <= octets <= 3:
                raise _Malformed(BAD_DATA_FORMAT, f"the length of {what} is not DER")
            size = int.from_bytes(data[begin : begin + octets], "big")
            begin += octets
            if size < 0x80 or size >> (8 * (octets - 1)) == 0:
                raise _Malformed(BAD_DATA_FORMAT, f"the length of {what} is not the shortest")
        end = begin + size
        if end > len(data):
            raise _Malformed(BAD_DATA_FORMAT, f"{what} is cut short")
        self._at = end
        return data[start:end], data[begin:end]

    def finish(self, what: str) -> None:
        if self._at != len(self._data):
            raise _Malformed(BAD_DATA_FORMAT, f"{what} has more than it should")


class _Request:
    """A time-stamp request, read: RFC 3161 section 2.4.1."""

    __slots__ = ("certificates", "imprint", "nonce")

    def __init__(self, data: bytes, policy: bytes) -> None:
        outer = _Reader(data)
        request = _Reader(outer.take(_SEQUENCE, "its outer sequence"))
        outer.finish("the request")
        if request.take(_INTEGER, "its version") != b"\x01":
            raise _Malformed(BAD_REQUEST, "only version 1 is known")
        self.imprint, imprint = request.take_whole(_SEQUENCE, "its message imprint")
        self._check_imprint(imprint)
        if request.peek() == _OBJECT and request.take_whole(_OBJECT, "its policy")[0] != policy:
            raise _Malformed(UNACCEPTED_POLICY, "this authority stamps under one policy only")
        self.nonce = b""
        if request.peek() == _INTEGER:
            self.nonce, value = request.take_whole(_INTEGER, "its nonce")
            if not 1 <= len(value) <= 64 or (len(value) > 1 and value[0] in (0, 255) and (value[0] ^ value[1]) < 0x80):
                raise _Malformed(BAD_DATA_FORMAT, "the nonce is not a DER integer of at most 64 bytes")
        self.certificates = False
        if request.peek() == _BOOLEAN:
            if request.take(_BOOLEAN, "certReq") != b"\xff":
                raise _Malformed(BAD_DATA_FORMAT, "certReq is written only when true, as FF")
            self.certificates = True
        if request.peek() == _CONTEXT:
            raise _Malformed(UNACCEPTED_EXTENSION, "no extension is known")
        request.finish("the request")

    @staticmethod
    def _check_imprint(content: bytes) -> None:
        imprint = _Reader(content)
        algorithm = _Reader(imprint.take(_SEQUENCE, "the digest's algorithm"))
        identifier = algorithm.take(_OBJECT, "the digest's algorithm")
        if algorithm.peek() == 0x05:
            algorithm.take(0x05, "the algorithm's parameters")
        algorithm.finish("the digest's algorithm")
        digest = imprint.take(_OCTETS, "the digest")
        imprint.finish("the message imprint")
        if identifier not in _ACCEPTED:
            raise _Malformed(BAD_ALGORITHM, "the digest must be SHA-256, SHA-384 or SHA-512")
        if len(digest) != _ACCEPTED[identifier]:
            raise _Malformed(BAD_DATA_FORMAT, "the digest has not the length of its algorithm")


def _check_certificate(certificate: x509.Certificate) -> None:
    """RFC 3161 section 2.3: exactly one extended key usage, time stamping, and critical."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        raise Fatal("the authority's certificate has no extended key usage: make a new one") from None
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise Fatal("the authority's certificate must have the critical extended key usage timeStamping alone")


def _refusal(failure: int, reason: str) -> bytes:
    """A reply without token: status rejection, why in words, and the bit that says why to programs."""
    octets = bytearray(failure // 8 + 1)
    octets[failure // 8] = 0x80 >> (failure % 8)
    bits = bytes((7 - failure % 8,)) + bytes(octets)
    text = _encode(_SEQUENCE, _encode(0x0C, reason.encode()))
    return _encode(_SEQUENCE, _encode(_SEQUENCE, _integer(2) + text + _encode(0x03, bits)))


class Authority:
    """Stamps. Thread-safe; `floor` is the file that keeps the newest time given across restarts."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, clock: Clock, floor: Path | None = None
    ) -> None:
        _check_certificate(certificate)
        self.certificate = certificate.public_bytes(Encoding.DER)
        self._key = key
        self._algorithm = ec.ECDSA(hashes.SHA256())
        self._clock = clock
        self._lock = threading.Lock()
        self._floor_file = floor
        self._newest = self._read_floor()
        self._floor_written = self._newest
        self._time = b""
        # Unique across restarts and processes without a write for each stamp: 63 random bits chosen at this start,
        # then a counter. RFC 3161 section 2.4.2 asks clients to take serial numbers of up to 160 bits.
        self._serial = secrets.randbits(63) << 64
        self._policy = _object(POLICY)
        issuer = certificate.issuer.public_bytes()
        self._signer = _encode(_SEQUENCE, issuer + _integer(certificate.serial_number))
        issuer_serial = _encode(
            _SEQUENCE, _encode(_SEQUENCE, _encode(0xA4, issuer)) + _integer(certificate.serial_number)
        )
        # ESSCertIDv2 (RFC 5816): the default algorithm, SHA-256, is left out in DER.
        identified = _encode(_SEQUENCE, _encode(_OCTETS, hashlib.sha256(self.certificate).digest()) + issuer_serial)
        signing = _encode(_SEQUENCE, _encode(_SEQUENCE, identified))
        self._attributes = (
            _encode(_SEQUENCE, _CONTENT_TYPE + _encode(_SET, _DATA)),
            _encode(_SEQUENCE, _SIGNING_CERTIFICATE + _encode(_SET, signing)),
        )
        self._certificates = _encode(_CONTEXT, self.certificate)

    def _read_floor(self) -> int:
        if self._floor_file is None:
            return 0
        try:
            return int(self._floor_file.read_text())
        except FileNotFoundError:
            return 0
        except ValueError:
            raise Fatal(
                f"{self._floor_file} does not hold a time: restore it, or remove it if the clock is right"
            ) from None

    def _write_floor(self, second: int) -> None:
        """Keep the newest time given. A crash before the rename loses at most `_FLOOR_EVERY` seconds of it."""
        if self._floor_file is None:
            return
        self._floor_file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._floor_file.with_name(self._floor_file.name + ".new")
        temporary.write_text(f"{second}\n")
        temporary.replace(self._floor_file)
        self._floor_written = second

    def _next(self) -> tuple[bytes, int]:
        """The time as encoded GeneralizedTime in whole seconds, and a serial number; raises `TimeUnavailable`."""
        second = int(self._clock.now().timestamp())
        with self._lock:
            if second < self._newest:
                # One second of slewing is repeated, not refused: the time given still never goes back.
                if self._newest - second > 1:
                    newest = datetime.fromtimestamp(self._newest, UTC).isoformat()
                    raise TimeUnavailable(f"the clock stands before {newest}, a time already stamped: correct it")
                second = self._newest
            if second > self._newest or not self._time:
                self._newest = second
                moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=second)
                self._time = _encode(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())
                if second - self._floor_written >= _FLOOR_EVERY:
                    self._write_floor(second)
            self._serial += 1
            return self._time, self._serial

    def _token(self, imprint: bytes, nonce: bytes, *, certificates: bool) -> bytes:
        """A TimeStampToken: SignedData over TSTInfo (RFC 3161 section 2.4.2, RFC 5652 section 5)."""
        time, serial = self._next()
        info = _encode(
            _SEQUENCE, b"\x02\x01\x01" + self._policy + imprint + _integer(serial) + time + _ACCURACY + nonce
        )
        digest = _encode(_SEQUENCE, _MESSAGE_DIGEST + _encode(_SET, _encode(_OCTETS, hashlib.sha256(info).digest())))
        # DER orders the members of a SET by their encoding: these differ in their second byte, their length.
        attributes = b"".join(sorted((*self._attributes, digest)))
        signature = self._key.sign(_encode(_SET, attributes), self._algorithm)
        signer = _encode(
            _SEQUENCE,
            b"\x02\x01\x01"
            + self._signer
            + _SHA256_ALGORITHM
            + _encode(_CONTEXT, attributes)
            + _ECDSA_SHA256
            + _encode(_OCTETS, signature),
        )
        signed = _encode(
            _SEQUENCE,
            b"\x02\x01\x03"
            + _encode(_SET, _SHA256_ALGORITHM)
            + _encode(_SEQUENCE, _DATA + _encode(_CONTEXT, _encode(_OCTETS, info)))
            + (self._certificates if certificates else b"")
            + _encode(_SET, signer),
        )
        return _encode(_SEQUENCE, _SIGNED_DATA + _encode(_CONTEXT, signed))

    def stamp(self, sha256_digest: bytes) -> bytes:
        """A token over a SHA-256 digest, its certificate enclosed; raises `TimeUnavailable`."""
        imprint = _encode(_SEQUENCE, _SHA256_ALGORITHM + _encode(_OCTETS, sha256_digest))
        return self._token(imprint, b"", certificates=True)

    def answer(self, request: bytes) -> bytes:
        """The TimeStampResp to a TimeStampReq, both DER. A bad request does not raise: the reply says what is wrong."""
        try:
            asked = _Request(request, self._policy)
            token = self._token(asked.imprint, asked.nonce, certificates=asked.certificates)
        except _Malformed as refused:
            return _refusal(refused.failure, refused.reason)
        except TimeUnavailable as error:
            return _refusal(TIME_NOT_AVAILABLE, str(error))
        except OSError as error:
            # The floor could not be written (full disk, read-only home): no stamp that a restart could contradict.
            return _refusal(SYSTEM_FAILURE, f"the authority cannot keep its time: {os.strerror(error.errno or 0)}")
        return _encode(_SEQUENCE, _GRANTED + token)
