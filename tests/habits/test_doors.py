# SPDX-License-Identifier: Apache-2.0
"""Every door of a whole instance, as nobody, and as an administrator, a key and a log-in of another organisation.

A route that is added is walked too, and must refuse them, or stand in one of the two lists below: what anybody may do,
and what everybody does with what is their own. Every door that writes is walked again as whoever may use it, whose
browser another site's page has made ask.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa

from alliance import fields
from maillon.kit.access import ORGANISATION_SCOPES
from maillon.kit.settings import Settings
from maillon.kit.store import metadata
from maillon.main import Application, exclusive_home
from maillon.services.people import OFFICE, Actor, Role
from maillon.services.people.model import Profile, SessionKind
from people_box import routes_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOT = Path(__file__).resolve().parents[2]
URL = "http://localhost:8400"
OURS, THEIRS = "1", "2"
"""The organisation that is to be safe, and that of whoever comes."""
ADDRESS = "mayor@ours.example"


def paths(text: str) -> list[str]:
    """Addresses of routes, apart by spaces."""
    return text.split()


ANYBODY = {
    "GET": [
        "/",
        "/design",
        "/health",
        "/health/live",
        "/health/ready",
        "/log-in/callback",
        "/log/checkpoint",
        "/log/tile/{path:path}",
        "/metrics",
        "/problems/{slug}",
        "/static/{address:path}",
        "/tsa/certificate",
        "/verifier.html",
        "/feeds/{language}/members.atom",
        "/feeds/{language}/votes.atom",
        "/feeds/{language}/votes.ics",
        "/v1/accounts/{address}/member",
        "/v1/applications/mine",
        "/v1/credits",
        "/v1/credits/members/{number}",
        "/v1/members",
        "/v1/members/rules",
        "/v1/members/{number}",
        "/v1/members/{number}/consents/{address}",
        "/v1/members/{number}/nodes",
        "/v1/notary/entries",
        "/v1/notary/entries/{id}",
        "/v1/notary/entries/{id}/receipt",
        "/v1/notary/evidence",
        "/v1/state",
        "/v1/trust",
        "/v1/votes",
        "/v1/votes/export",
        "/v1/votes/proxies/{organisation}",
        "/v1/votes/statutes",
        "/v1/votes/{number}",
        "/v1/votes/{number}/positions",
        "/v1/votes/{number}/record",
        "/v1/votes/{number}/record/receipt",
        "/{language}/",
        "/{language}/application",
        "/{language}/apply",
        "/{language}/blocks",
        "/{language}/blocks/{name}",
        "/{language}/confirm",
        "/{language}/credits",
        "/{language}/credits/{number}",
        "/{language}/design",
        "/{language}/design/refusals/{slug}",
        "/{language}/entries",
        "/{language}/entries/{name}",
        "/{language}/forgot",
        "/{language}/guides",
        "/{language}/guides/{name}",
        "/{language}/join",
        "/{language}/log-in",
        "/{language}/log-in/with/{provider}",
        "/{language}/members",
        "/{language}/members/{number}",
        "/{language}/notarise",
        "/{language}/problems",
        "/{language}/problems/{slug}",
        "/{language}/receipts",
        "/{language}/reset",
        "/{language}/transactions/{name}",
        "/{language}/verify",
        "/{language}/votes",
        "/{language}/votes/brake/sign",
        "/{language}/votes/propose",
        "/{language}/votes/proxies/give/sign",
        "/{language}/votes/proxies/revoke/sign",
        "/{language}/votes/proxies/{organisation}",
        "/{language}/votes/recount",
        "/{language}/votes/rules",
        "/{language}/votes/{name}",
        "/{language}/votes/{name}/cast",
        "/{language}/votes/{name}/execute",
        "/{language}/votes/{name}/record",
        "/{language}/votes/{name}/record.pdf",
    ],
    "POST": [
        "/tsa",
        "/v1/applications",
        "/v1/applications/mine/answer",
        "/v1/applications/mine/appeal",
        "/v1/applications/mine/documents",
        "/v1/applications/mine/withdrawal",
        "/v1/credits/faucet",
        "/v1/join",
        "/v1/join/code",
        "/v1/login",
        "/v1/login/code",
        "/v1/login/device",
        "/v1/login/token",
        "/v1/members/{number}/acts",
        "/v1/votes/acts",
        "/v1/votes/texts",
        "/{language}/application",
        "/{language}/application/document",
        "/{language}/application/documents",
        "/{language}/apply",
        "/{language}/confirm",
        "/{language}/credits",
        "/{language}/forgot",
        "/{language}/join",
        "/{language}/join/code",
        "/{language}/join/passkey",
        "/{language}/join/passkey/answer",
        "/{language}/log-in",
        "/{language}/log-in/code",
        "/{language}/log-in/passkey",
        "/{language}/log-in/passkey/answer",
        "/{language}/notarise",
        "/{language}/reset",
        "/{language}/verify",
        "/{language}/votes/propose",
    ],
    "DELETE": ["/v1/applications/mine"],
}
"""What is public, what a code opens, and what comes before one is known. `votes/propose` and `acts` only prepare."""
ONES_OWN = {
    "GET": [
        "/v1/decisions",
        "/v1/me",
        "/v1/notices",
        "/v1/notices/choices",
        "/{language}/account",
        "/{language}/account/notices",
        "/{language}/account/providers/{provider}",
        "/{language}/device",
        "/{language}/explain",
        "/{language}/notices",
    ],
    "POST": [
        "/v1/invitations/acceptance",
        "/v1/notary/entries",
        "/v1/notary/batches",
        "/v1/notices/read",
        "/{language}/account/address",
        "/{language}/account/authenticator",
        "/{language}/account/authenticator/code",
        "/{language}/account/erasure",
        "/{language}/account/export",
        "/{language}/account/name",
        "/{language}/account/notices",
        "/{language}/account/passkeys",
        "/{language}/account/passkeys/answer",
        "/{language}/account/passkeys/{passkey}/removal",
        "/{language}/account/password",
        "/{language}/account/providers/{provider}/removal",
        "/{language}/account/recovery-codes",
        "/{language}/account/sessions/end",
        "/{language}/account/sessions/{session}/end",
        "/{language}/device",
        "/{language}/log-out",
        "/{language}/notices/read",
    ],
    "PUT": ["/v1/notices/choices"],
    "DELETE": ["/v1/login"],
}
"""What somebody does as themselves: an object of others is not found (`services/people/test_pages.py`)."""
REASON = {"reason": "a reason"}
BODIES: dict[str, dict[str, Any]] = {
    "acceptance": {"evidence": ["register"]},
    "accounts": {"scopes": ["vote"], "label": "a"},
    "acts": {"act": "brake"},
    "appeal": REASON,
    "credit-account": {"account": "0x" + "11" * 20},
    "did": {"did": ""},
    "invitations": {"address": "x@evil.example", "roles": ["administrator"]},
    "keys": {"name": "x", "scopes": ["notary:write"]},
    "name": {"legal_name": "Other"},
    "choices": {"mail": {"vote-opened": False}},
    "read": {"numbers": [1]},
    "refusal": REASON,
    "request": REASON,
    "roles": {"roles": ["member"]},
    "webhooks": {"url": "https://evil.example/"},
    "suspension": REASON,
}
"""Good bodies, by the last part of the address: what is refused is whoever asks."""
INVITING = {"scheme": "siren", "identifier": "552 032 534", "legal_name": "x"}
WHOLLY: dict[str, dict[str, Any]] = {
    "/v1/members/{number}/invitations": INVITING,
    "/v1/invitations/acceptance": {"code": "0" * 32},
}
"""Good bodies of routes that end as another does."""
FORMS: list[dict[str, str]] = [
    {
        "act": act,
        "url": "https://evil.example/",
        "organisation": OURS,
        "label": "a",
        "account": "0x" + "11" * 20,
        "did": "did:web:a.example",
        "confirmed": "yes",
        **INVITING,
    }
    | {"address": "x@evil.example", "role": "member", "name": "x", "scope": "notary:write", "reason": "r", "text": "t"}
    for act in ("leave", "did", "invite", "add", "wallet", "change", "credits", "remove", "refuse", "accept", "brake")
]
VOLATILE = {
    *("people_session", "people_attempt", "idempotency"),
    *("mail_outbox", "notice"),
    *("members_head", "votes_cursor", "notary_head", "notary_checkpoint", "notary_submission"),
}
"""Tables that change by being asked, as letters are carried, and as the chain and the log go on. An entry waits in
`notary_submission` until the log has it; its line in the trail stays."""
SEEN = {"last_used", "seen"}
"""Columns that say when somebody was here."""


@dataclass(frozen=True)
class Whole:
    """An instance with something of everything that is one organisation's own, and who comes for it."""

    application: Application
    names: dict[str, str]
    comers: dict[str, httpx.AsyncClient]
    signed_in: dict[str, str]
    """What the browsers of the people keep: the mayor's of this organisation, Ada's of the office."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Whole]:
    home = tmp_path_factory.mktemp("doors") / "home"
    with exclusive_home(home):
        made = await Application.open(Settings(home=home, rate_limit=100_000, log_in_rate=100_000, demo=False))
        await made.start()
        await made.members.catch_up()
        people = made.people
        opened = {}
        with made.store.transaction() as connection:
            for name, organisation in (("mayor", OURS), ("eve", THEIRS), ("ada", OFFICE)):
                person = name.encode().hex().ljust(20, "0")
                profile = Profile(ADDRESS if name == "mayor" else f"{name}@evil.example", name.title(), "fr")
                people._people.insert_person(connection, person, profile, made.clock.now())
                people._people.replace_roles(connection, person, organisation, list(Role), "system", made.clock.now())
                opened[name] = people._begin(connection, person, {"passkey"}, "Firefox, Linux", None)
            _, stolen = made.access.create(connection, "theirs", ORGANISATION_SCOPES, None, THEIRS)
        actors = {name: people.actor_of_token(one.token, SessionKind.BROWSER) for name, one in opened.items()}
        names = await _belongings(made, actors["mayor"])
        device, user = people.begin_device("laptop")
        people.allow_device(actors["eve"], user)
        token = people.finish_device(device).token
        transport = httpx.ASGITransport(made.create_app(), raise_app_exceptions=False)
        site = {"Origin": URL, "Sec-Fetch-Site": "same-origin"}
        headers: dict[str, dict[str, str]] = {
            "nobody": site,
            "browser": site | {"Cookie": f"maillon={opened['eve'].token}"},
            "key": {"Authorization": f"Bearer {stolen}"},
            "command": {"Authorization": f"Bearer {token}"},
        }
        comers = {
            name: httpx.AsyncClient(transport=transport, base_url=URL, headers=own) for name, own in headers.items()
        }
        yield Whole(made, names, comers, {name: one.token for name, one in opened.items()})
        for one in comers.values():
            await one.aclose()
        await made.stop()


async def _belongings(made: Application, mayor: Actor) -> dict[str, str]:
    """A person, a key, an invitation, a trail, and an application with a document: their names."""
    key, _ = made.people.make_key(mayor, OURS, "billing", ["notary:write"], None)
    webhook, _ = made.organisation_webhooks.add(mayor, OURS, "https://receiver.ours.example/", [])
    sent = made.people.invite(mayor, OURS, "late@ours.example", ["member"], "fr")
    file, code = await made.members.apply(fields())
    content = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
    kept = await made.members.add_document(code, "extract.pdf", "application/pdf", content)
    assert mayor.person is not None
    return {
        "organisation": OURS,
        "number": OURS,
        "person": mayor.person,
        "key": key,
        "invitation": sent.id,
        "webhook": webhook,
        "first": "1",
        "identifier": file.application.id,
        "document": kept.id,
        "case": "ab" * 32,
        "address": "0x" + "11" * 20,
        "language": "en",
    }


def rows_of(made: Application) -> dict[str, list[Any]]:
    """Everything the database holds that nobody changes by asking."""
    with made.store.read() as connection:
        return {
            table.name: sorted(
                map(repr, connection.execute(sa.select(*(c for c in table.c if c.name not in SEEN))).all())
            )
            for table in metadata.sorted_tables
            if table.name not in VOLATILE
        }


def walked(made: Application) -> list[tuple[str, str]]:
    """Every method and address of the instance, but those of the two lists."""
    every = {(method, route.path) for route in routes_of(made.create_app()) for method in route.methods or ()}
    free = {(method, path) for group in (ANYBODY, ONES_OWN) for method, paths in group.items() for path in paths}
    assert free - every == set(), "the lists name what is no route"
    return sorted(every - free)


def body_for(path: str) -> dict[str, Any]:
    """A good body of a route of the API."""
    last = path.rpartition("/")[2] if not path.endswith("}") else path.split("/")[-2]
    return WHOLLY.get(path) or BODIES.get(last, {})


async def ask(client: httpx.AsyncClient, method: str, path: str, names: dict[str, str]) -> list[httpx.Response]:
    """What is answered; a form is sent with each thing its buttons could say."""
    address = re.sub(r"\{(\w+)[^}]*\}", lambda found: names[found[1]], path)
    if path.endswith("/proposal"):
        address += "?tier=1&college=0"
    if method in ("GET", "HEAD"):
        return [await client.request(method, address, headers={"Accept": "text/html"})]
    if path.startswith("/v1/"):
        return [await client.request(method, address, json=body_for(path))]
    return [await client.request(method, address, data=form) for form in FORMS]


async def test_whoever_is_no_member_of_it_is_refused_at_every_door(whole: Whole) -> None:
    doors = walked(whole.application)
    assert len(doors) >= 40
    before, standing = rows_of(whole.application), (await whole.comers["nobody"].get(f"/v1/members/{OURS}")).json()
    open_to = []
    for method, path in doors:
        for comer, client in whole.comers.items():
            for answer in await ask(client, method, path, whole.names):
                refused = {401, 403} if comer in ("nobody", "key", "command") else {403}
                to_log_in = answer.status_code == 303 and "/log-in?next=" in answer.headers["location"]
                if answer.status_code not in refused and not (comer == "nobody" and to_log_in):
                    open_to.append((comer, method, path, answer.status_code))
                assert ADDRESS not in answer.text
    assert open_to == []
    after = rows_of(whole.application)
    assert {name for name, rows in before.items() if rows != after[name]} == set()
    assert (await whole.comers["nobody"].get(f"/v1/members/{OURS}")).json()["accounts"] == standing["accounts"]
    assert (await whole.comers["nobody"].get(f"/v1/members/{OURS}")).json()["status"] == "active"


async def test_a_door_that_stood_open_would_be_found(whole: Whole) -> None:
    """The walk itself: what is public is answered to all of them."""
    for comer, client in whole.comers.items():
        (answer,) = await ask(client, "GET", "/v1/members/{number}", whole.names)
        assert answer.status_code == 200, comer


async def test_a_log_in_writes_in_the_log_in_the_name_of_its_organisation(whole: Whole) -> None:
    entered = await whole.comers["command"].post("/v1/notary/entries", json={"commitment": "ab" * 32})
    assert entered.status_code == 201, entered.text
    with whole.application.store.read() as connection:
        trail = metadata.tables["audit"]
        row = connection.execute(sa.select(trail).where(trail.c.tag == "api:entry:appended")).one()
    eve = b"eve".hex().ljust(20, "0")
    assert (row.actor, row.organisation) == (f"person:{eve}", THEIRS)
    # In a browser's cookie it is no credential of a program, and an ended one is none at all.
    refused = await whole.comers["browser"].post("/v1/notary/entries", json={"commitment": "cd" * 32})
    assert refused.status_code == 401
    ended = {"Authorization": "Bearer ml_" + "0" * 43}
    refused = await whole.comers["nobody"].post("/v1/notary/entries", json={"commitment": "cd" * 32}, headers=ended)
    assert refused.status_code == 401
    assert "maillon login" in refused.json()["detail"]


FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "a sandboxed frame": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "an old browser": {"Origin": "https://evil.example"},
    "a neighbour under the same domain": {"Origin": "http://evil.localhost:8400", "Sec-Fetch-Site": "same-site"},
    "our host at another port": {"Origin": "http://localhost:8401", "Sec-Fetch-Site": "same-site"},
    "our name as a prefix": {"Origin": f"{URL}.evil.example"},
    "an address somebody typed": {"Sec-Fetch-Site": "none"},
    "a browser that says nothing": {},
}
"""What a browser says of a request that did not come from a page of ours (Fetch Metadata, RFC 6454)."""
CHANGES_NOTHING = {"/{language}/verify"}
"""A form that is worked out and kept nowhere, whoever sends it."""


def browser_of(whole: Whole, name: str) -> httpx.AsyncClient:
    """A browser somebody, or nobody, is signed in with, which says nothing of where a request comes from."""
    transport = httpx.ASGITransport(whole.application.create_app(), raise_app_exceptions=False)
    headers = {"Accept": "application/json"}
    if name != "nobody":
        headers["Cookie"] = f"maillon={whole.signed_in[name]}"
    return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers)


def is_other_site(answer: httpx.Response) -> bool:
    """Refused because it did not come from a page of ours."""
    return answer.status_code == 403 and answer.json().get("type") == "/problems/other-site"


def filled(path: str, names: dict[str, str]) -> str:
    """The address of a route; what is not a name of the instance is one of nothing."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: names.get(found[1], "0" * 20), path)


async def test_no_form_of_any_page_is_taken_from_another_site(whole: Whole) -> None:
    routes = list(routes_of(whole.application.create_app()))
    forms = {one.path for one in routes if "POST" in (one.methods or ()) and one.path.startswith("/{language}/")}
    assert len(forms) > 45
    assert forms > CHANGES_NOTHING
    before, taken = rows_of(whole.application), []
    # The mayor's browser may do all of it; nobody's is asked too: it shall not be logged in as somebody else, or apply.
    for name in ("mayor", "nobody"):
        async with browser_of(whole, name) as browser:
            for path in sorted(forms - CHANGES_NOTHING):
                for whence, headers in FOREIGN.items():
                    bodies: list[dict[str, Any]] = [{"data": FORMS[0]}]
                    if whence == "another site":
                        # What a page may send elsewhere without asking first: also these two kinds of a form, and text.
                        bodies += [{"files": {"document": b"%PDF-1.7"}}, {"content": b'{"commitments": []}'}]
                    for body in bodies:
                        answer = await browser.post(filled(path, whole.names), headers=headers, **body)
                        unknown = name == "nobody" and answer.status_code == 401
                        if not is_other_site(answer) and not unknown:
                            taken.append((name, path, whence, answer.status_code, answer.text[:200]))
    assert taken == []
    assert rows_of(whole.application) == before


async def test_every_form_is_looked_at_when_a_page_of_ours_sent_it(whole: Whole) -> None:
    """The walk itself can fail: with the right word of the browser no form is refused for where it came from."""
    own = {"Origin": URL, "Sec-Fetch-Site": "same-origin"}
    async with browser_of(whole, "nobody") as browser:
        for route in routes_of(whole.application.create_app()):
            if "POST" in (route.methods or ()) and route.path.startswith("/{language}/"):
                answer = await browser.post(filled(route.path, whole.names), headers=own, data={"nothing": ""})
                assert not is_other_site(answer), route.path
                assert answer.status_code < 500, (route.path, answer.text)


async def test_no_write_of_the_api_is_taken_from_another_site_by_its_cookie(whole: Whole) -> None:
    public = {(method, path) for method, paths in ANYBODY.items() for path in paths}
    writes = sorted(
        (method, one.path)
        for one in routes_of(whole.application.create_app())
        for method in set(one.methods or ()) - {"GET", "HEAD"}
        if one.path.startswith("/v1/") and (method, one.path) not in public
    )
    assert len(writes) > 20
    before, taken = rows_of(whole.application), []
    async with browser_of(whole, "mayor") as browser:
        for method, path in writes:
            content = json.dumps(body_for(path)).encode()
            for whence, headers in FOREIGN.items():
                for kind in ("application/json", "text/plain"):
                    sent = headers | {"Content-Type": kind}
                    answer = await browser.request(method, filled(path, whole.names), content=content, headers=sent)
                    # 401: the route takes keys and log-ins of programs alone, which no browser sends by itself;
                    # 422: JSON is not read of what does not say that it is, and a form cannot say so.
                    known = {401, 422} if kind == "text/plain" else {401}
                    if not is_other_site(answer) and answer.status_code not in known:
                        taken.append((method, path, whence, kind, answer.status_code, answer.text[:200]))
    assert taken == []
    assert rows_of(whole.application) == before


async def test_nothing_is_written_by_reading(whole: Whole) -> None:
    """A link, an image or a frame of another site makes a browser read: of every route, as whoever may write there."""
    before = rows_of(whole.application)
    names = whole.names | {"name": "1"}
    async with browser_of(whole, "mayor") as browser:
        for route in routes_of(whole.application.create_app()):
            if "GET" in (route.methods or ()):
                for method in ("GET", "HEAD"):
                    answer = await browser.request(method, filled(route.path, names), headers=FOREIGN["another site"])
                    assert answer.status_code < 500 or answer.status_code == 503, (route.path, answer.text)
    assert rows_of(whole.application) == before


LEAVES: dict[str, set[str]] = {
    "POST /v1/notary/entries": {"entry:appended"},
    "POST /v1/notary/batches": {"entry:appended"},
    "POST /{language}/notarise": {"entry:appended"},
    "PUT /v1/organisations/{organisation}/people/{person}/roles": {"role:changed"},
    "POST /v1/organisations/{organisation}/invitations": {"invitation:sent"},
    "DELETE /v1/organisations/{organisation}/invitations/{invitation}": {"invitation:revoked"},
    "POST /v1/organisations/{organisation}/keys": {"key:created"},
    "POST /v1/organisations/{organisation}/keys/{key}/rotation": {"key:rotated"},
    "DELETE /v1/organisations/{organisation}/keys/{key}": {"key:revoked"},
    "POST /v1/organisations/{organisation}/webhooks": {"webhook:added"},
    "POST /v1/organisations/{organisation}/webhooks/{webhook}/rotation": {"webhook:rotated"},
    "POST /v1/organisations/{organisation}/webhooks/{webhook}/test": {"webhook:tested"},
    "POST /v1/organisations/{organisation}/webhooks/{webhook}/resumption": {"webhook:resumed"},
    "DELETE /v1/organisations/{organisation}/webhooks/{webhook}": {"webhook:removed"},
    "POST /v1/login/token": {"session:begun"},
    "POST /v1/login/code": {"session:begun"},
    "POST /v1/join/code": {"person:joined", "session:begun"},
    "POST /v1/invitations/acceptance": {"person:joined"},
    "DELETE /v1/login": {"session:ended"},
    "POST /{language}/log-in": {"session:begun"},
    "POST /{language}/log-in/code": {"session:begun"},
    "POST /{language}/log-in/passkey/answer": {"session:begun", "passkey:refused"},
    "POST /{language}/log-out": {"session:ended"},
    "POST /{language}/join": {"person:joined"},
    "POST /{language}/join/code": {"person:joined", "session:begun"},
    "POST /{language}/join/passkey/answer": {"person:joined", "session:begun"},
    "POST /{language}/reset": {"password:reset"},
    "POST /{language}/confirm": {"address:changed"},
    "POST /{language}/account/name": {"person:renamed"},
    "POST /{language}/account/password": {"password:changed"},
    "POST /{language}/account/address": {"address:change-asked"},
    "POST /{language}/account/authenticator/code": {"authenticator:changed"},
    "POST /{language}/account/recovery-codes": {"recovery-code:renewed"},
    "POST /{language}/account/passkeys/answer": {"passkey:added"},
    "POST /{language}/account/passkeys/{passkey}/removal": {"passkey:removed"},
    "POST /{language}/account/providers/{provider}/removal": {"identity:removed"},
    "POST /{language}/account/sessions/end": {"session:all-ended"},
    "POST /{language}/account/sessions/{session}/end": {"session:ended"},
    "POST /{language}/account/export": {"person:exported"},
    "POST /{language}/account/erasure": {"person:erased", "person:left"},
    "POST /{language}/device": {"command-line:allowed"},
    "POST /{language}/organisations/{organisation}/people/{person}/roles": {"role:changed"},
    "POST /{language}/organisations/{organisation}/invitations": {"invitation:sent"},
    "POST /{language}/organisations/{organisation}/invitations/{invitation}/revocation": {"invitation:revoked"},
    "POST /{language}/organisations/{organisation}/keys": {"key:created"},
    "POST /{language}/organisations/{organisation}/keys/{key}/rotation": {"key:rotated"},
    "POST /{language}/organisations/{organisation}/keys/{key}/revocation": {"key:revoked"},
    "POST /{language}/organisations/{organisation}/webhooks": {"webhook:added"},
    "POST /{language}/organisations/{organisation}/webhooks/{webhook}/rotation": {"webhook:rotated"},
    "POST /{language}/organisations/{organisation}/webhooks/{webhook}/test": {"webhook:tested"},
    "POST /{language}/organisations/{organisation}/webhooks/{webhook}/resumption": {"webhook:resumed"},
    "POST /{language}/organisations/{organisation}/webhooks/{webhook}/removal": {"webhook:removed"},
    "POST /v1/applications": {"application:submitted"},
    "DELETE /v1/applications/mine": {"application:withdrawn", "application:erased"},
    "POST /v1/applications/mine/documents": {"document:received"},
    "POST /v1/applications/mine/answer": {"application:answered"},
    "POST /v1/applications/mine/withdrawal": {"application:withdrawn"},
    "POST /v1/applications/mine/appeal": {"application:appealed"},
    "POST /v1/applications/{identifier}/request": {"application:asked"},
    "POST /v1/applications/{identifier}/refusal": {"application:refused"},
    "POST /v1/applications/{identifier}/acceptance": {"application:accepted", "application:presented"},
    "POST /v1/members/{number}/suspension": {"organisation:suspension-asked", "organisation:suspended"},
    "PUT /v1/members/{number}/name": {"organisation:renamed"},
    "POST /v1/members/{number}/accounts": {"account:added"},
    "PUT /v1/members/{number}/accounts/{address}": {"account:changed"},
    "DELETE /v1/members/{number}/accounts/{address}": {"account:removed"},
    "PUT /v1/members/{number}/credit-account": {"account:credited"},
    "PUT /v1/members/{number}/did": {"organisation:did-changed"},
    "PUT /v1/members/{number}/suspensions/{case}/appeal": {"suspension:appealed"},
    "POST /v1/members/{number}/invitations": {"invitation:signed"},
    "POST /v1/members/{number}/departure": {"organisation:left"},
    "POST /{language}/apply": {"application:submitted"},
    "POST /{language}/application": {"application:answered", "application:withdrawn", "application:appealed"},
    "POST /{language}/application/documents": {"document:received"},
    "POST /{language}/office/applications/{identifier}": {"application:accepted", "application:refused"},
    "POST /{language}/office/members/{number}": {"organisation:suspension-asked", "organisation:renamed"},
    "POST /{language}/organisations/{number}/register": {"account:added", "organisation:left", "invitation:signed"},
    "POST /v1/votes/organisations/{organisation}/acts": {"position:taken", "proposal:made", "brake:pulled"},
    "POST /{language}/votes/acts": {"position:taken", "proposal:made", "brake:pulled"},
}
"""What each write leaves in the trail, subject:action."""
LEAVES_NOTHING: dict[str, str] = {
    "POST /tsa": "a stamp is handed out, and nothing is kept",
    "POST /v1/login": "the first half: the second opens a session, and is in the trail",
    "POST /v1/join": "the first half: the second makes the account, and is in the trail",
    "POST /v1/login/device": "a question nobody has answered: who answers it is in the trail",
    "POST /{language}/log-in/passkey": "a challenge for whoever asks",
    "POST /{language}/join/passkey": "a challenge for whoever asks",
    "POST /{language}/account/passkeys": "a challenge: the answer adds the passkey",
    "POST /{language}/account/authenticator": "a secret nothing is opened by before its first code",
    "POST /{language}/forgot": "anybody may ask: the owner is written a letter, and changes the password by it",
    "POST /v1/notices/read": "what somebody has read is nobody else's",
    "POST /{language}/notices/read": "what somebody has read is nobody else's",
    "PUT /v1/notices/choices": "which letters somebody wants is nobody else's",
    "POST /{language}/account/notices": "which letters somebody wants is nobody else's",
    "POST /v1/members/{number}/acts": "words and a call to sign: nothing is done",
    "POST /v1/votes/acts": "words and a call to sign: nothing is done",
    "POST /{language}/votes/propose": "words and a call to sign: nothing is done",
    "POST /{language}/application/document": "an applicant reads what is their own",
    "POST /v1/votes/texts": "the chain names its digest, and who proposed it",
    "POST /v1/credits/faucet": "a transaction of the sandbox, which the chain keeps for ever",
    "POST /{language}/credits": "a transaction of the sandbox, which the chain keeps for ever",
    "POST /{language}/verify": "worked out, and kept nowhere",
}
"""Why a write leaves no line in the trail."""


def writing(whole: Whole) -> set[str]:
    """Every route that is no reading, as method and address."""
    return {
        f"{method} {route.path}"
        for route in routes_of(whole.application.create_app())
        for method in set(route.methods or ()) - {"GET", "HEAD", "OPTIONS"}
    }


async def test_every_write_says_what_it_leaves_in_the_trail(whole: Whole) -> None:
    every = writing(whole)
    described = {
        f"{method.upper()} {path}"
        for path, methods in whole.application.create_app().openapi()["paths"].items()
        for method in methods
        if method in ("post", "put", "patch", "delete")
    }
    assert described <= every
    assert set(LEAVES) & set(LEAVES_NOTHING) == set()
    assert every - set(LEAVES) - set(LEAVES_NOTHING) == set(), "a write the trail knows nothing of"
    assert set(LEAVES) | set(LEAVES_NOTHING) == every, "the tables name what is no route"
    code = "".join(file.read_text() for file in (ROOT / "src/maillon/services").rglob("*.py"))
    named = {word for tags in LEAVES.values() for tag in tags for word in tag.split(":")}
    assert [word for word in sorted(named) if f'"{word}"' not in code] == []


@dataclass
class Trail:
    """Writes that are tried, and what each of them leaves."""

    whole: Whole
    names: dict[str, str]

    def _newest(self) -> list[str]:
        trail = metadata.tables["audit"]
        with self.whole.application.store.read() as connection:
            return list(connection.execute(sa.select(trail.c.tag).order_by(trail.c.id)).scalars())

    async def leaves(self, client: httpx.AsyncClient, route: str, **sent: Any) -> httpx.Response:
        method, _, path = route.partition(" ")
        before = len(self._newest())
        answer = await client.request(method, filled(path, self.names), **sent)
        assert answer.status_code < 400, (route, answer.text)
        left = {tag.partition(":")[2] for tag in self._newest()[before:]}
        assert left & LEAVES[route], (route, left)
        return answer


@pytest.fixture
def trail(whole: Whole) -> Trail:
    return Trail(whole, dict(whole.names))


OWN_SITE = {"Origin": URL, "Sec-Fetch-Site": "same-origin"}


async def test_what_an_administrator_does_is_in_the_trail(whole: Whole, trail: Trail) -> None:
    api, page = "/v1/organisations/{organisation}", "/{language}/organisations/{organisation}"
    async with browser_of(whole, "mayor") as mayor:
        mayor.headers.update(OWN_SITE)
        sent: dict[str, Any] = {"address": "new@ours.example", "roles": ["member"]}
        trail.names["invitation"] = (await trail.leaves(mayor, f"POST {api}/invitations", json=sent)).json()["id"]
        await trail.leaves(mayor, f"DELETE {api}/invitations/{{invitation}}")
        await trail.leaves(mayor, f"POST {page}/invitations", data={"address": "newer@ours.example", "role": "member"})
        sent = {"name": "x", "scopes": ["notary:write"]}
        trail.names["key"] = (await trail.leaves(mayor, f"POST {api}/keys", json=sent)).json()["id"]
        rotated = await trail.leaves(mayor, f"POST {api}/keys/{{key}}/rotation", json={"days": 1})
        await trail.leaves(mayor, f"DELETE {api}/keys/{{key}}")
        trail.names["key"] = rotated.json()["id"]
        await trail.leaves(mayor, f"POST {page}/keys/{{key}}/rotation", data={"days": "1", "form": "1"})
        await trail.leaves(mayor, f"POST {page}/keys/{{key}}/revocation", data={"form": "2"})
        key = {"name": "y", "scope": "notary:write", "days": "9", "form": "3"}
        await trail.leaves(mayor, f"POST {page}/keys", data=key)
        hook = {"url": "https://receiver.ours.example/", "form": "4"}
        for place, sent in ((api, {"json": {"url": hook["url"]}}), (page, {"data": hook | {"form": "5"}})):
            made = await trail.leaves(mayor, f"POST {place}/webhooks", **sent)
            if place == api:
                trail.names["webhook"] = made.json()["id"]
            form = {} if place == api else {"data": {"form": "6"}}
            await trail.leaves(mayor, f"POST {place}/webhooks/{{webhook}}/rotation", **form)
            await trail.leaves(mayor, f"POST {place}/webhooks/{{webhook}}/test", **form)
            await trail.leaves(mayor, f"POST {place}/webhooks/{{webhook}}/resumption", **form)
        await trail.leaves(mayor, f"POST {page}/webhooks/{{webhook}}/removal", data={"form": "7"})
        trail.names["webhook"] = whole.names["webhook"]
        await trail.leaves(mayor, f"DELETE {api}/webhooks/{{webhook}}")
        held = [str(role) for role in Role]
        await trail.leaves(mayor, f"PUT {api}/people/{{person}}/roles", json={"roles": held})
        await trail.leaves(mayor, f"POST {page}/people/{{person}}/roles", data={"role": held})


async def test_what_is_notarised_is_in_the_trail(whole: Whole, trail: Trail) -> None:
    command = whole.comers["command"]
    await trail.leaves(command, "POST /v1/notary/entries", json={"commitment": "ef" * 32})
    await trail.leaves(command, "POST /v1/notary/batches", json={"commitments": ["fe" * 32]})
    await trail.leaves(whole.comers["nobody"], "POST /{language}/notarise", json={"commitments": ["dc" * 32]})


async def test_the_way_of_an_application_is_in_the_trail(whole: Whole, trail: Trail) -> None:
    form = {"scheme": "siren", "identifier": "000 001 784", "legal_name": "Velle", "kind": "administration"}
    form |= {"country": "FR", "contact_name": "Zoé", "contact_address": "zoe@velle.example"}
    content = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
    mine = "/v1/applications/mine"
    async with browser_of(whole, "ada") as ada, browser_of(whole, "nobody") as applicant:
        ada.headers.update(OWN_SITE)
        made = (await trail.leaves(applicant, "POST /v1/applications", json=form)).json()
        trail.names["identifier"] = made["id"]
        applicant.headers["Application-Code"] = made["code"]
        sent: dict[str, Any] = {"params": {"name": "a.pdf"}, "headers": {"Content-Type": "application/pdf"}}
        await trail.leaves(applicant, f"POST {mine}/documents", content=content, **sent)
        await trail.leaves(ada, "POST /v1/applications/{identifier}/request", json=REASON)
        await trail.leaves(applicant, f"POST {mine}/answer", json={"text": "there"})
        await trail.leaves(ada, "POST /v1/applications/{identifier}/refusal", json=REASON)
        await trail.leaves(applicant, f"POST {mine}/appeal", json=REASON)
        await trail.leaves(applicant, f"POST {mine}/withdrawal")
        await trail.leaves(applicant, f"DELETE {mine}")


async def test_what_people_do_with_their_account_is_in_the_trail(whole: Whole, trail: Trail) -> None:
    account = "POST /{language}/account"
    device, user = whole.application.people.begin_device("laptop")
    async with browser_of(whole, "mayor") as mayor, browser_of(whole, "nobody") as laptop:
        mayor.headers.update(OWN_SITE)
        await trail.leaves(mayor, "POST /{language}/device", data={"code": user, "sure": "yes"})
        begun = await trail.leaves(laptop, "POST /v1/login/token", json={"device_code": device})
        laptop.headers["Authorization"] = f"Bearer {begun.json()['token']}"
        await trail.leaves(laptop, "DELETE /v1/login")
        await trail.leaves(mayor, f"{account}/name", data={"name": "Mayor", "written_in": "fr"})
        await trail.leaves(mayor, f"{account}/address", data={"address": "mayor.new@ours.example"})
        await trail.leaves(mayor, f"{account}/export", data={"nothing": ""})
        await trail.leaves(mayor, f"{account}/sessions/end", data={"nothing": ""})
