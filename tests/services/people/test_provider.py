# SPDX-License-Identifier: Apache-2.0
"""An identity provider shaped like ProConnect, running for real on loopback, that can be told to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from pydantic import SecretStr, ValidationError

from maillon.kit.settings import Provider as ProviderSettings
from maillon.services.people.entrance import Returned
from maillon.services.people.errors import (
    AddressTaken,
    InvalidInvitation,
    LastWayIn,
    ProviderRefused,
    StaleStep,
    Unavailable,
    UnknownIdentity,
)
from maillon.services.people.provider import Provider
from people_box import URL, Box

CLIENT, SECRET = "maillon", "a shared secret of thirty-two bytes"


class ProConnect:
    """Authorization code with PKCE, signed ID token, signed userinfo, levels, and the issuer in the answer."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
        self.claims: dict[str, Any] = {
            "sub": "f81d4fae", "email": "ada@office.example", "given_name": "Ada", "usual_name": "Martin",
            "acr": "eidas1",
        }  # fmt: skip
        self.id_token: dict[str, Any] = {}
        """What the ID token says otherwise than it should; None for a claim it lacks."""
        self.userinfo: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.signed_with: Any = None
        self.algorithm = "RS256"
        self.asked: dict[str, str] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def visit(self, location: str) -> dict[str, str]:
        """What a person does there: log in, and come back with an answer."""
        self.asked = dict(parse_qsl(urlsplit(location).query))
        code = secrets.token_hex(8)
        self.codes[code] = self.asked
        return {"code": code, "state": self.asked["state"], "iss": self.issuer}

    def _sign(self, claims: dict[str, Any]) -> str:
        kept = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            parts = [json.dumps(part).encode() for part in ({"alg": "none"}, kept)]
            return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
        return jwt.encode({"alg": self.algorithm, "kid": "one"}, kept, self.signed_with or self.key)

    def _tokens(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"] or form.get("client_secret") != SECRET:
            return 400, {"error": "invalid_grant"}
        now = int(self.box.clock.now().timestamp())
        claims = {
            "iss": self.issuer, "sub": self.claims["sub"], "aud": CLIENT, "exp": now + 60, "iat": now,
            "nonce": asked["nonce"], "acr": self.claims["acr"],
        }  # fmt: skip
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self._sign(claims | self.id_token)}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                issuer = provider.issuer
                if self.path == "/.well-known/openid-configuration":
                    document = {
                        "issuer": issuer,
                        "authorization_endpoint": f"{issuer}/authorize",
                        "token_endpoint": f"{issuer}/token",
                        "jwks_uri": f"{issuer}/jwks",
                        "userinfo_endpoint": f"{issuer}/userinfo",
                        "authorization_response_iss_parameter_supported": True,
                    } | provider.metadata
                    self.answer(200, json.dumps(document).encode())
                elif self.path == "/jwks":
                    keys = KeySet([provider.key]).as_dict(private=False)
                    self.answer(200, json.dumps(keys).encode())
                elif self.path == "/userinfo":
                    claims = provider.claims | {"iss": issuer, "aud": CLIENT} | provider.userinfo
                    self.answer(200, provider._sign(claims).encode(), "application/jwt")
                else:
                    self.answer(404, b"{}")

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                status, document = provider._tokens({name: values[0] for name, values in form.items()})
                self.answer(status, json.dumps(document).encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def proconnect(box: Box) -> Iterator[ProConnect]:
    made = ProConnect(box)
    settings = ProviderSettings(
        id="proconnect", name="ProConnect", issuer=made.issuer, client_id=CLIENT, client_secret=SecretStr(SECRET),
        scope="openid given_name usual_name email", acr="eidas1 eidas2", client_authentication="client_secret_post",
        addresses_verified=True,
    )  # fmt: skip
    box.providers["proconnect"] = Provider(settings, box.clock, f"{URL}/log-in/callback")
    box.people = box.make()
    yield made
    box.providers["proconnect"].close()
    made.stop()


def go(box: Box, proconnect: ProConnect, invitation: str = "", **change: str) -> Returned:
    """Leave and come back, with an answer that may be changed on the way."""
    location, binding = box.people.depart("proconnect", "fr", "/fr/account", code=invitation)
    return box.people.return_from_provider(proconnect.visit(location) | change, binding, "Firefox, Linux", None)


def test_somebody_joins_and_logs_in_with_a_provider(box: Box, proconnect: ProConnect) -> None:
    joined = go(box, proconnect, box.first())
    assert joined.opened is not None
    assert len(joined.opened.recovery_codes) == 10
    ada = box.actor(joined.opened)
    assert ada.name == "Ada Martin"
    again = go(box, proconnect)
    assert again.opened is not None
    assert box.actor(again.opened).person == ada.person
    assert proconnect.asked["code_challenge_method"] == "S256"
    assert proconnect.asked["acr_values"] == "eidas1 eidas2"
    assert proconnect.asked["redirect_uri"] == f"{URL}/log-in/callback"


def test_nobody_is_known_by_address_alone(box: Box, proconnect: ProConnect) -> None:
    box.administrator()
    with pytest.raises(UnknownIdentity):
        go(box, proconnect)


def test_an_invitation_stays_bound_to_its_address(box: Box, proconnect: ProConnect) -> None:
    ada, _, _ = box.administrator()
    box.people.invite(ada, "velle", "clerk@velle.example", ["member"], "fr")
    with pytest.raises(InvalidInvitation):
        go(box, proconnect, box.code("clerk@velle.example"))
    proconnect.claims["email"] = "Clerk@Velle.example"
    assert go(box, proconnect, box.code("clerk@velle.example")).opened


def test_an_address_nobody_verified_joins_nothing(box: Box, proconnect: ProConnect) -> None:
    proconnect.userinfo = {"email_verified": False}
    with pytest.raises(ProviderRefused, match="no e-mail address"):
        go(box, proconnect, box.first())


def test_an_account_that_exists_is_not_taken_over(box: Box, proconnect: ProConnect) -> None:
    ada, _, _ = box.administrator()
    box.people.invite(ada, "velle", "ada@office.example", ["member"], "fr")
    with pytest.raises(AddressTaken):
        go(box, proconnect, box.code("ada@office.example"))


@pytest.mark.parametrize(
    ("what", "claims"),
    [
        ("another issuer", {"iss": "https://evil.example"}),
        ("no issuer", {"iss": None}),
        ("another audience", {"aud": "somebody-else"}),
        ("one audience more", {"aud": [CLIENT, "somebody-else"]}),
        ("no audience", {"aud": None}),
        ("another party", {"azp": "somebody-else"}),
        ("another nonce", {"nonce": "another"}),
        ("no nonce", {"nonce": None}),
        ("expired", {"exp": 1_700_000_000}),
        ("without an end", {"exp": None}),
        ("without a beginning", {"iat": None}),
        ("of the future", {"nbf": 4_000_000_000}),
        ("another level", {"acr": "eidas0"}),
        ("no level", {"acr": None}),
        ("nobody", {"sub": ""}),
        ("no subject", {"sub": None}),
        ("another subject", {"sub": "somebody-else"}),
    ],
)
def test_an_id_token_that_says_otherwise_is_refused(
    box: Box, proconnect: ProConnect, what: str, claims: dict[str, Any]
) -> None:
    proconnect.id_token = claims
    with pytest.raises(ProviderRefused):
        go(box, proconnect, box.first())


def test_an_unsigned_token_is_refused(box: Box, proconnect: ProConnect) -> None:
    proconnect.algorithm = "none"
    with pytest.raises(ProviderRefused):
        go(box, proconnect, box.first())


def test_a_token_signed_with_the_shared_secret_is_refused(box: Box, proconnect: ProConnect) -> None:
    proconnect.algorithm, proconnect.signed_with = "HS256", OctKey.import_key(SECRET)
    with pytest.raises(ProviderRefused):
        go(box, proconnect, box.first())


def test_a_token_of_another_key_is_refused(box: Box, proconnect: ProConnect) -> None:
    proconnect.signed_with = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
    with pytest.raises(ProviderRefused):
        go(box, proconnect, box.first())


def test_a_provider_may_change_its_key(box: Box, proconnect: ProConnect) -> None:
    go(box, proconnect, box.first())
    proconnect.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
    box.clock.advance(61)
    assert go(box, proconnect).opened


@pytest.mark.parametrize(
    "claims", [{"sub": "somebody-else"}, {"aud": "somebody-else"}, {"iss": "https://evil.example"}]
)
def test_userinfo_about_somebody_else_is_refused(box: Box, proconnect: ProConnect, claims: dict[str, str]) -> None:
    proconnect.userinfo = claims
    with pytest.raises(ProviderRefused):
        go(box, proconnect, box.first())


def test_a_state_is_good_once_in_its_browser_and_for_a_while(box: Box, proconnect: ProConnect) -> None:
    location, binding = box.people.depart("proconnect", "fr", "/", code=box.first())
    answer = proconnect.visit(location)
    box.people.return_from_provider(answer, binding, "", None)
    with pytest.raises(StaleStep):
        box.people.return_from_provider(proconnect.visit(location), binding, "", None)
    location, _ = box.people.depart("proconnect", "fr", "/")
    with pytest.raises(StaleStep, match="another browser"):
        box.people.return_from_provider(proconnect.visit(location), "another", "", None)
    location, binding = box.people.depart("proconnect", "fr", "/")
    box.clock.advance(600)
    with pytest.raises(StaleStep):
        box.people.return_from_provider(proconnect.visit(location), binding, "", None)


def test_an_answer_of_another_provider_is_refused(box: Box, proconnect: ProConnect) -> None:
    with pytest.raises(ProviderRefused, match="another provider"):
        go(box, proconnect, box.first(), iss="https://evil.example")
    location, binding = box.people.depart("proconnect", "fr", "/")
    answer = proconnect.visit(location)
    del answer["iss"]
    with pytest.raises(ProviderRefused, match="another provider"):
        box.people.return_from_provider(answer, binding, "", None)


@pytest.mark.parametrize("change", [{"error": "access_denied"}, {"code": ""}, {"code": "injected"}])
def test_a_refusal_or_a_foreign_code_opens_nothing(box: Box, proconnect: ProConnect, change: dict[str, str]) -> None:
    with pytest.raises(ProviderRefused):
        go(box, proconnect, box.first(), **change)


def test_a_code_of_another_departure_is_refused(box: Box, proconnect: ProConnect) -> None:
    stolen = proconnect.visit(box.people.depart("proconnect", "fr", "/")[0])["code"]
    with pytest.raises(ProviderRefused):
        go(box, proconnect, box.first(), code=stolen)


def test_a_configuration_of_another_issuer_is_refused(box: Box, proconnect: ProConnect) -> None:
    proconnect.metadata = {"issuer": "https://evil.example"}
    with pytest.raises(ProviderRefused, match="another issuer"):
        box.people.depart("proconnect", "fr", "/")


def test_a_provider_that_is_away_is_not_a_refusal(box: Box, proconnect: ProConnect) -> None:
    location, binding = box.people.depart("proconnect", "fr", "/")
    answer = proconnect.visit(location)
    proconnect.server.shutdown()
    proconnect.server.server_close()
    with pytest.raises(Unavailable):
        box.people.return_from_provider(answer, binding, "", None)


def test_a_provider_is_linked_and_unlinked_by_its_owner(box: Box, proconnect: ProConnect) -> None:
    ada, _, _ = box.administrator()
    location, binding = box.people.depart("proconnect", "fr", "/fr/account", actor=ada)
    returned = box.people.return_from_provider(proconnect.visit(location), binding, "", None)
    assert returned.opened is None
    assert box.people.account(ada).identities[0][0] == "proconnect"
    logged_in = go(box, proconnect)
    assert logged_in.opened is not None
    assert box.actor(logged_in.opened).person == ada.person
    eve, _, _ = box.member(ada, "velle", "eve@velle.example")
    location, binding = box.people.depart("proconnect", "fr", "/", actor=eve)
    with pytest.raises(ProviderRefused, match="another account"):
        box.people.return_from_provider(proconnect.visit(location), binding, "", None)
    box.people.remove_identity(ada, "proconnect")
    with pytest.raises(UnknownIdentity):
        go(box, proconnect)


def test_the_last_way_in_stays(box: Box, proconnect: ProConnect) -> None:
    joined = go(box, proconnect, box.first())
    assert joined.opened is not None
    with pytest.raises(LastWayIn):
        box.people.remove_identity(box.actor(joined.opened), "proconnect")


async def test_a_browser_goes_and_comes_back(box: Box, proconnect: ProConnect) -> None:
    go(box, proconnect, box.first())
    async with box.browser() as browser:
        away = await browser.get("/fr/log-in/with/proconnect?next=/fr/explain")
        assert away.headers["location"].startswith(proconnect.issuer)
        back = await browser.get("/log-in/callback", params=proconnect.visit(away.headers["location"]))
        assert back.headers["location"] == "/fr/explain"
        assert (await browser.get("/v1/me")).json()["name"] == "Ada Martin"
        again = await browser.get("/log-in/callback", params=proconnect.visit(away.headers["location"]))
        assert again.status_code == 409
    async with box.browser() as stranger:
        away = await stranger.get("/fr/log-in/with/proconnect")
        stranger.cookies.clear()
        assert (
            await stranger.get("/log-in/callback", params=proconnect.visit(away.headers["location"]))
        ).status_code == 409


@pytest.mark.parametrize(
    "issuer", ["http://idp.example", "https://user@idp.example", "idp.example", "https://idp.example/?a"]
)
def test_an_issuer_is_an_encrypted_address(issuer: str) -> None:
    with pytest.raises(ValidationError):
        ProviderSettings(id="x", name="X", issuer=issuer, client_id="a", client_secret=SecretStr("b"))
