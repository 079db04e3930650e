# SPDX-License-Identifier: Apache-2.0
"""Passkeys: W3C WebAuthn level 3, through one library, for one relying party.

A passkey must verify its user (by PIN, finger or face), so that it is both factors at once.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from maillon.services.people.errors import PasskeyRefused

MAXIMUM_ANSWER = 16_384


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What is kept of a registration."""

    credential: bytes
    public_key: bytes
    sign_count: int


class Passkeys:
    """Ceremonies of one site. `public_url` is where its readers find it: its host is the relying party."""

    def __init__(self, public_url: str, name: str) -> None:
        parts = urlsplit(public_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._party = parts.hostname or "localhost"
        self._name = name

    def registration(self, user: str, account: str, name: str, known: list[bytes]) -> tuple[str, bytes]:
        """Options for `navigator.credentials.create`, as JSON, and their challenge."""
        challenge = secrets.token_bytes(32)
        options = webauthn.generate_registration_options(
            rp_id=self._party,
            rp_name=self._name,
            user_id=user.encode(),
            user_name=account,
            user_display_name=name,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=credential) for credential in known],
        )
        return options_to_json(options), challenge

    def registered(self, answer: str, challenge: bytes) -> NewPasskey:
        """The passkey an answer registers. Raises `PasskeyRefused`."""
        try:
            verified = webauthn.verify_registration_response(
                credential=_document(answer),
                expected_challenge=challenge,
                expected_rp_id=self._party,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise PasskeyRefused(f"the passkey was not registered: {error}") from None
        return NewPasskey(verified.credential_id, verified.credential_public_key, verified.sign_count)

    def authentication(self) -> tuple[str, bytes]:
        """Options for `navigator.credentials.get`: any passkey of this site, so that nobody is named beforehand."""
        challenge = secrets.token_bytes(32)
        options = webauthn.generate_authentication_options(
            rp_id=self._party, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
        )
        return options_to_json(options), challenge

    @staticmethod
    def credential_of(answer: str) -> bytes:
        """Which passkey an answer says it is. Raises `PasskeyRefused`."""
        try:
            return base64url_to_bytes(str(_document(answer)["id"]))
        except (KeyError, ValueError) as error:
            raise PasskeyRefused(f"the answer names no passkey: {error}") from None

    def authenticated(self, answer: str, challenge: bytes, public_key: bytes, sign_count: int) -> int:
        """Check an answer; its new sign count. Raises `PasskeyRefused`, also for a count that does not grow.

        A count that stands still or falls, once it was above zero, tells of a copied authenticator (section 6.1.1).
        """
        try:
            verified = webauthn.verify_authentication_response(
                credential=_document(answer),
                expected_challenge=challenge,
                expected_rp_id=self._party,
                expected_origin=self._origin,
                credential_public_key=public_key,
                credential_current_sign_count=sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise PasskeyRefused(f"the passkey does not verify: {error}") from None
        return int(verified.new_sign_count)


def _document(answer: str) -> dict[str, Any]:
    if len(answer) > MAXIMUM_ANSWER:
        raise PasskeyRefused(f"a passkey's answer has at most {MAXIMUM_ANSWER} characters")
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise PasskeyRefused(f"a passkey's answer is JSON: {error}") from None
    if not isinstance(document, dict):
        raise PasskeyRefused("a passkey's answer is a JSON object")
    return document
