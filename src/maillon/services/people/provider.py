# SPDX-License-Identifier: Apache-2.0
"""An OpenID Connect provider as we meet it: discovery, the way there, and what is checked on the way back.

OpenID Connect Core 1.0 with PKCE (RFC 7636) and the issuer in the answer (RFC 9207). The profile of ProConnect is
supported: userinfo as a signed token, and a level of assurance that can be asked for.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from maillon.kit.clock import Clock
from maillon.kit.settings import Provider as ProviderSettings
from maillon.services.people.errors import ProviderRefused, Unavailable

_ALGORITHMS: Final = ("ES256", "ES384", "RS256", "PS256", "EdDSA")
"""Signatures only: neither none nor a shared secret."""
_LEEWAY: Final = 30
_KNOWN_FOR: Final = 3600
_MAXIMUM: Final = 262_144


@dataclass(frozen=True, slots=True)
class Departure:
    """What is kept while somebody is at the provider."""

    location: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """For whom the provider vouches."""

    issuer: str
    subject: str
    address: str | None
    """Only when the provider says that it was verified, or vouches for every address it gives."""
    name: str | None


class Provider:
    """One provider. Safe to share between threads."""

    def __init__(self, settings: ProviderSettings, clock: Clock, callback: str) -> None:
        self.settings = settings
        self._clock = clock
        self._callback = callback
        self._http = httpx.Client(timeout=10, follow_redirects=False, headers={"Accept": "application/json"})
        self._lock = threading.Lock()
        self._metadata: tuple[dict[str, Any], float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def depart(self, state: str) -> Departure:
        """Where to send the browser. Raises `Unavailable`."""
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self._callback,
            "scope": self.settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if self.settings.acr:
            asked["acr_values"] = self.settings.acr
        endpoint = self._endpoint("authorization_endpoint")
        joint = "&" if "?" in endpoint else "?"
        return Departure(f"{endpoint}{joint}{urlencode(asked)}", nonce, verifier)

    def arrive(self, answer: Mapping[str, str], nonce: str, verifier: str) -> Arrival:
        """Check what the browser brought back. Raises `ProviderRefused` or `Unavailable`.

        1. The answer is of this provider and no refusal. 2. The code is changed for tokens, with the PKCE verifier.
        3. The ID token is signed by a key of the provider. 4. It says issuer, audience, nonce and times that fit.
        5. It has the level of assurance that was asked for. 6. Userinfo, when there is any, is of the same subject.
        """
        metadata = self._discover()
        # 1. RFC 9207 section 2.4: an issuer that is given must fit, and must be given where it is announced.
        issuer = answer.get("iss")
        announced = metadata.get("authorization_response_iss_parameter_supported") is True
        if (issuer is not None or announced) and issuer != self.settings.issuer:
            raise ProviderRefused("the answer comes from another provider")
        if "error" in answer:
            raise ProviderRefused(f"the provider says {answer['error'][:100]!r}")
        if not answer.get("code"):
            raise ProviderRefused("the answer carries no code")
        # 2.
        tokens = self._tokens(answer["code"], verifier)
        # 3. and 4.
        claims = self._claims(tokens.get("id_token"), nonce=nonce)
        # 5.
        if self.settings.acr and claims.get("acr") not in self.settings.acr.split():
            raise ProviderRefused(f"the provider vouches at level {claims.get('acr')!r}, not {self.settings.acr}")
        # 6.
        claims |= self._userinfo(metadata, tokens, claims["sub"])
        return self._arrival(claims)

    def _arrival(self, claims: Mapping[str, Any]) -> Arrival:
        address = claims.get("email")
        verified = claims.get("email_verified", self.settings.addresses_verified) is True
        given, family = claims.get("given_name"), claims.get("usual_name") or claims.get("family_name")
        name = claims.get("name") or " ".join(part for part in (given, family) if isinstance(part, str)) or None
        return Arrival(
            self.settings.issuer,
            claims["sub"],
            address if verified and isinstance(address, str) else None,
            name if isinstance(name, str) else None,
        )

    def _tokens(self, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": verifier,
            "client_id": self.settings.client_id,
        }
        auth = None
        if self.settings.client_authentication == "client_secret_post":
            form["client_secret"] = self.settings.client_secret.get_secret_value()
        else:
            auth = (self.settings.client_id, self.settings.client_secret.get_secret_value())
        with _reachable():
            answer = self._http.post(self._endpoint("token_endpoint"), data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)
        if answer.status_code >= 500:
            raise Unavailable("the identity provider failed")
        if answer.status_code != 200:
            raise ProviderRefused(f"the provider refuses the code with status {answer.status_code}")
        return _json(answer)

    def _claims(self, token: object, *, nonce: str | None) -> dict[str, Any]:
        """The claims of a token of this provider for us. Raises `ProviderRefused`."""
        if not isinstance(token, str) or len(token) > _MAXIMUM:
            raise ProviderRefused("the provider gave no ID token")
        try:
            decoded = self._decode(token)
            expected: dict[str, Any] = {
                "iss": {"essential": True, "value": self.settings.issuer},
                "sub": {"essential": True},
                "aud": {"essential": True, "value": self.settings.client_id},
            }
            if nonce is not None:
                expected |= {
                    "exp": {"essential": True},
                    "iat": {"essential": True},
                    "nonce": {"essential": True, "value": nonce},
                }
            now = int(self._clock.now().timestamp())
            jwt.JWTClaimsRegistry(now=now, leeway=_LEEWAY, **expected).validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderRefused(f"the token does not verify: {error}") from None
        claims = dict(decoded.claims)
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        # OpenID Connect Core section 3.1.3.7, steps 3 to 5: no audience we do not trust, and issued to us.
        if (
            audiences != [self.settings.client_id]
            or claims.get("azp", self.settings.client_id) != self.settings.client_id
        ):
            raise ProviderRefused("the token was made for somebody else too")
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise ProviderRefused("the token names nobody")
        return claims

    def _decode(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, self._key_set(), algorithms=list(_ALGORITHMS))
        except JoseError:
            # The provider may have changed its keys since we asked: ask once more, once a minute at most.
            renewed = self._key_set(older_than=60)
            return jwt.decode(token, renewed, algorithms=list(_ALGORITHMS))

    def _userinfo(self, metadata: Mapping[str, Any], tokens: Mapping[str, Any], subject: str) -> dict[str, Any]:
        endpoint, token = metadata.get("userinfo_endpoint"), tokens.get("access_token")
        if not isinstance(endpoint, str) or not isinstance(token, str):
            return {}
        with _reachable():
            answer = self._http.get(self._checked(endpoint), headers={"Authorization": f"Bearer {token}"})
        if answer.status_code != 200:
            raise ProviderRefused(f"userinfo was answered with status {answer.status_code}")
        if answer.headers.get("content-type", "").startswith("application/jwt"):
            # ProConnect signs it; section 5.3.2 asks for issuer and audience then.
            claims = self._claims(answer.text.strip(), nonce=None)
        else:
            claims = _json(answer)
        if claims.get("sub") != subject:
            raise ProviderRefused("userinfo is about somebody else")
        return {name: claims[name] for name in claims if name not in ("iss", "aud", "exp", "iat", "nonce", "acr")}

    def _discover(self) -> dict[str, Any]:
        now = self._clock.now().timestamp()
        with self._lock:
            if self._metadata is not None and 0 <= now - self._metadata[1] < _KNOWN_FOR:
                return self._metadata[0]
        with _reachable():
            found = self._http.get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.status_code != 200:
            raise Unavailable("the identity provider's configuration is not to be had")
        metadata = _json(found)
        if metadata.get("issuer") != self.settings.issuer:
            raise ProviderRefused("the provider's configuration names another issuer")
        with self._lock:
            self._metadata = (metadata, now)
        return metadata

    def _endpoint(self, name: str) -> str:
        endpoint = self._discover().get(name)
        if not isinstance(endpoint, str):
            raise ProviderRefused(f"the provider's configuration lacks {name}")
        return self._checked(endpoint)

    def _checked(self, address: str) -> str:
        """An address of the provider's: encrypted, or where the issuer itself is on this machine."""
        if urlsplit(address).scheme != "https" and urlsplit(self.settings.issuer).scheme == "https":
            raise ProviderRefused("the provider's configuration names an address without encryption")
        return address

    def _key_set(self, older_than: float = _KNOWN_FOR) -> KeySet:
        now = self._clock.now().timestamp()
        with self._lock:
            if self._keys is not None and 0 <= now - self._keys[1] < older_than:
                return self._keys[0]
        with _reachable():
            found = self._http.get(self._endpoint("jwks_uri"))
        if found.status_code != 200:
            raise Unavailable("the identity provider's keys are not to be had")
        keys = KeySet.import_key_set(_json(found))  # type: ignore[arg-type]
        with self._lock:
            self._keys = (keys, now)
        return keys


@contextlib.contextmanager
def _reachable() -> Iterator[None]:
    """Network errors in our words."""
    try:
        yield
    except httpx.HTTPError as error:
        raise Unavailable(f"the identity provider does not answer: {type(error).__name__}") from error


def _json(answer: httpx.Response) -> dict[str, Any]:
    if len(answer.content) > _MAXIMUM:
        raise ProviderRefused("the provider's answer is too long")
    try:
        document = answer.json()
    except ValueError:
        raise ProviderRefused("the provider's answer is not JSON") from None
    if not isinstance(document, dict):
        raise ProviderRefused("the provider's answer is not a JSON object")
    return document
