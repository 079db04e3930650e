# SPDX-License-Identifier: Apache-2.0
"""An authenticator in a few lines, which can also be told to lie: W3C WebAuthn level 3, sections 6 and 7."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import bytes_to_base64url

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class SoftwareAuthenticator:
    """One passkey, P-256."""

    def __init__(self, origin: str, party: str) -> None:
        self.origin = origin
        self.party = party
        self.credential = secrets.token_bytes(32)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.count = 0
        self.flags = USER_PRESENT | USER_VERIFIED

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        document = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(document).encode()

    def _authenticator_data(self, flags: int, attested: bytes = b"") -> bytes:
        party = hashlib.sha256(self.party.encode()).digest()
        return party + struct.pack(">BI", flags, self.count) + attested

    def create(self, options: dict[str, Any]) -> str:
        """What `navigator.credentials.create` gives, as JSON."""
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + struct.pack(">H", len(self.credential)) + self.credential + cbor2.dumps(cose)
        data = self._authenticator_data(self.flags | ATTESTED, attested)
        statement = {"fmt": "none", "attStmt": {}, "authData": data}
        client_data = self._client_data("webauthn.create", options)
        return self._answer(
            clientDataJSON=bytes_to_base64url(client_data), attestationObject=bytes_to_base64url(cbor2.dumps(statement))
        )

    def get(self, options: dict[str, Any], kind: str = "webauthn.get") -> str:
        """What `navigator.credentials.get` gives, as JSON."""
        self.count += 1
        data, client_data = self._authenticator_data(self.flags), self._client_data(kind, options)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            clientDataJSON=bytes_to_base64url(client_data),
            authenticatorData=bytes_to_base64url(data),
            signature=bytes_to_base64url(signature),
        )

    def _answer(self, **response: str) -> str:
        name = bytes_to_base64url(self.credential)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
