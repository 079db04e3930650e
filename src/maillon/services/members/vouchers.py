# SPDX-License-Identifier: Apache-2.0
"""Signed invitations: a member's administrator vouches that an organisation is invited. Pure; the text is one word.

The text is base64url (RFC 4648 section 5, no padding) of a JSON object: `organisation` (scheme:value), `legal_name`,
`nonce` (decimal), `expires` (Unix time), `signature` (r, s, v in hexadecimal) over the EIP-712 struct
`Invitation(bytes32 organisation,string legalName,uint256 nonce,uint256 expires)`.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
from dataclasses import dataclass

import orjson
from coincurve import PublicKey

from maillon.ledger.port import Address, Signer
from maillon.ledger.signing import address_of
from maillon.services.members.errors import InvalidIdentifier, InvalidName, InvalidVoucher
from maillon.services.members.identifiers import legal_person, parse, parse_scheme
from maillon.services.members.model import ApplicationForm, Identifier
from maillon.services.members.names import parse_name

MAXIMUM_TEXT = 2_000
_MEMBERS = {"organisation", "legal_name", "nonce", "expires", "signature"}
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@dataclass(frozen=True, slots=True)
class Voucher:
    """A signed invitation, read."""

    identifier: Identifier
    legal_name: str
    nonce: int
    expires: int
    """Unix time in seconds."""
    signature: bytes
    """r, s, v: 65 bytes."""

    @property
    def digest(self) -> bytes:
        """What is kept of one that was used: its nonce names it, whatever else of its text is changed."""
        return hashlib.sha256(self.nonce.to_bytes(32, "big")).digest()

    @property
    def text(self) -> str:
        """The word that is handed on."""
        body = orjson.dumps(
            {
                "organisation": str(self.identifier),
                "legal_name": self.legal_name,
                "nonce": str(self.nonce),
                "expires": self.expires,
                "signature": self.signature.hex(),
            }
        )
        return base64.urlsafe_b64encode(body).rstrip(b"=").decode()

    @classmethod
    def sign(  # noqa: PLR0917 - the members of the struct
        cls, identifier: Identifier, legal_name: str, nonce: int, expires: int, digest: bytes, signer: Signer
    ) -> Voucher:  # fmt: skip
        """A new one."""
        parity, r, s = signer.sign_hash(digest)
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((27 + parity,))
        return cls(identifier, legal_name, nonce, expires, signature)


def parse_voucher(text: str) -> Voucher:
    """A signed invitation from its text. Raises `InvalidVoucher`."""
    word = "".join(text.split())
    if len(word) > MAXIMUM_TEXT:
        raise InvalidVoucher("is too long to be one")
    try:
        document = orjson.loads(base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True))
        if not isinstance(document, dict) or set(document) != _MEMBERS:
            raise InvalidVoucher("is not complete")
        scheme, _, value = str(document["organisation"]).partition(":")
        identifier = parse(parse_scheme(scheme), value)
        name = parse_name(str(document["legal_name"]))
    except (binascii.Error, orjson.JSONDecodeError, ValueError, InvalidIdentifier, InvalidName):
        raise InvalidVoucher("cannot be read") from None
    if not isinstance(document["expires"], int):
        raise InvalidVoucher("cannot be read")
    return signed_voucher(
        identifier, name, str(document["nonce"]), str(document["expires"]), str(document["signature"])
    )


def signed_voucher(identifier: Identifier, legal_name: str, nonce: str, expires: str, signature: str) -> Voucher:
    """A signed invitation from what was signed: decimal numbers, hexadecimal bytes. Raises `InvalidVoucher`."""
    try:
        number, end, signed = int(nonce), int(expires), bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        raise InvalidVoucher("cannot be read") from None
    if not (0 <= number < 2**256 and 0 <= end < 2**40 and len(signed) == 65):
        raise InvalidVoucher("cannot be read")
    return Voucher(identifier, legal_name, number, end, signed)


def check_voucher(voucher: Voucher, digest: bytes, form: ApplicationForm, now: datetime.datetime) -> Address:
    """Who signed an invitation that fits an application. Raises `InvalidVoucher`.

    1. It has not expired. 2. It is for this legal person. 3. It names it as the application does. 4. Its signature is
    one, and has one form only (s in the lower half, EIP-2). Whether the signer acts for a member is the chain's to say.
    """
    if now.timestamp() >= voucher.expires:
        raise InvalidVoucher("has expired")
    if legal_person(voucher.identifier) != legal_person(form.identifier):
        raise InvalidVoucher("is for another organisation")
    if voucher.legal_name != form.legal_name:
        raise InvalidVoucher("names the organisation otherwise than the application does")
    return signer_of(voucher, digest)


def signer_of(voucher: Voucher, digest: bytes) -> Address:
    """Who signed an invitation: step 4 of `check_voucher` alone. Raises `InvalidVoucher`."""
    s = int.from_bytes(voucher.signature[32:64], "big")
    if voucher.signature[64] not in (27, 28) or s > _HALF_ORDER:
        raise InvalidVoucher("has no signature of a form the ledger knows")
    recoverable = voucher.signature[:64] + bytes((voucher.signature[64] - 27,))
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception:  # noqa: BLE001 - the library's own classes say no more than this
        raise InvalidVoucher("has no valid signature") from None
    return address_of(key.format(compressed=False))
