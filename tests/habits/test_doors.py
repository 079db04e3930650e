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
    "suspension": REASON,
}
"""Good bodies, by the last part of the address: what is refused is whoever asks."""
INVITING = {"scheme": "siren", "identifier": "552 032 534", "legal_name": "x"}
FORMS: list[dict[str, str]] = [
    {
        "act": act,
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
    return INVITING if path == "/v1/members/{number}/invitations" else BODIES.get(last, {})


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
