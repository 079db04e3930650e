# SPDX-License-Identifier: Apache-2.0
"""The pages as a browser meets them, and as an attacker does."""

from __future__ import annotations

import datetime
import html
import re
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from maillon.kit import idempotency
from maillon.kit.audit import Deed, record
from maillon.kit.callers import BehindProxies, read_network
from maillon.services.people import rules
from maillon.services.people.model import Invitation, Role, SessionKind
from maillon.services.people.pages import agent_label
from maillon.services.people.store import new_code, new_id
from people_box import PASSWORD, URL, Box, routes_of

STEP = re.compile(r'name="step" value="([^"]+)"')
SECRET = re.compile(r"<code>((?:[A-Z2-7]{4} ?)+)</code>")
NUMBER = re.compile(r'name="form" value="([^"]+)"')
EMPTY = {"nothing": ""}
"""A form without fields still says that it is a form."""
ORGANISATION_PAGES = ["people", "keys", "trail"]


async def joined(box: Box, browser: httpx.AsyncClient) -> httpx.Response:
    form = {"code": box.first(), "address": "ada@office.example", "name": "Ada Martin", "password": PASSWORD}
    page = await browser.post("/fr/join", data=form | {"way": "password"})
    assert page.status_code == 200, page.text
    secret = SECRET.search(page.text)
    step = STEP.search(page.text)
    assert secret
    assert step
    code = box.otp(secret[1].replace(" ", ""))
    return await browser.post("/fr/join/code", data={"step": step[1], "code": code})


async def test_somebody_joins_logs_out_and_in_again(box: Box, browser: httpx.AsyncClient) -> None:
    shown = await joined(box, browser)
    codes = re.findall(r"<li><code>([^<]+)</code></li>", shown.text)
    assert len(codes) == 10
    account = await browser.get("/fr/account")
    assert "Ada Martin" in account.text
    assert account.headers["cache-control"] == "no-store"
    out = await browser.post("/fr/log-out", data=EMPTY)
    assert out.status_code == 303
    assert (await browser.get("/fr/account")).headers["location"] == "/fr/log-in?next=/fr/account"
    form = {"address": "ada@office.example", "password": PASSWORD, "next": "/fr/account"}
    step = STEP.search((await browser.post("/fr/log-in", data=form)).text)
    assert step
    entered = await browser.post("/fr/log-in/code", data={"step": step[1], "code": codes[0], "next": "/fr/account"})
    assert entered.headers["location"] == "/fr/account"
    assert (await browser.get("/fr/account")).status_code == 200


async def test_the_cookie_is_closed_to_scripts_and_other_sites(box: Box, browser: httpx.AsyncClient) -> None:
    cookie = (await joined(box, browser)).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


async def test_a_token_fixed_beforehand_is_not_taken_over(box: Box, browser: httpx.AsyncClient) -> None:
    browser.cookies.set("maillon", "fixed-by-somebody-else", "localhost.local", "/")
    await joined(box, browser)
    assert box.people.actor_of_token("fixed-by-somebody-else", SessionKind.BROWSER).is_nobody
    assert browser.cookies.get("maillon") != "fixed-by-somebody-else"


def writes(box: Box) -> list[str]:
    routes = routes_of(box.fresh_app())
    return sorted(route.path for route in routes if "POST" in (route.methods or ()) and "language" in route.path)


def filled(path: str, **values: str) -> str:
    values = {"language": "fr", "organisation": "velle"} | values
    return re.sub(r"\{(\w+)\}", lambda name: values.get(name[1], "0" * 20), path)


async def test_no_page_takes_a_write_from_another_site(box: Box) -> None:
    _, opened, _ = box.administrator()
    forged: list[dict[str, str]] = [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": ""},
        {"Origin": URL, "Sec-Fetch-Site": "same-site"},
    ]
    paths = writes(box)
    assert len(paths) > 30
    async with box.browser(opened) as browser:
        for path in paths:
            for headers in forged:
                answer = await browser.post(filled(path), data={"sure": "yes"}, headers=headers)
                assert answer.status_code == 403, (path, headers)
    assert box.actor(opened)


async def test_the_api_takes_no_write_of_another_site_with_a_cookie(box: Box) -> None:
    _, opened, _ = box.administrator()
    async with box.browser(opened) as browser:
        body = {"address": "eve@evil.example", "roles": ["administrator"]}
        path = "/v1/organisations/office/invitations"
        forged = await browser.post(
            path, json=body, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        )
        assert forged.status_code == 403
        assert (await browser.post(path, json=body)).status_code == 201


async def test_every_route_of_an_organisation_is_closed_to_the_member_of_another(box: Box) -> None:
    """All routes, as they stand in the application: one that is added is walked too."""
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    _, eve, _ = box.member(ada, "ambrun", "eve@ambrun.example")
    key, _ = box.people.make_key(mayor, "velle", "billing", ["notary:write"], None)
    sent = box.people.invite(mayor, "velle", "late@velle.example", ["member"], "fr")
    names = {"person": mayor.person or "", "key": key, "invitation": sent.id, "first": "1"}
    bodies: dict[str, Any] = {
        "roles": {"roles": ["member"]},
        "invitations": {"address": "x@evil.example", "roles": ["administrator"]},
        "keys": {"name": "x", "scopes": ["notary:write"]},
        "rotation": {},
    }
    with box.store.read() as connection:
        before = box.access.list(connection)
    walked = 0
    async with box.browser(eve) as browser:
        for route in routes_of(box.fresh_app()):
            if "{organisation}" not in route.path:
                continue
            path = filled(route.path, **names)
            for method in route.methods or ():
                form = {"address": "x@evil.example", "role": "member", "name": "x", "scope": "notary:write"}
                body = {"json": bodies.get(path.rpartition("/")[2])} if path.startswith("/v1") else {"data": form}
                options = body if method in ("POST", "PUT") else {}
                answer = await browser.request(method, path, **options)
                assert answer.status_code == 403, (method, path, answer.status_code)
                assert "mayor" not in answer.text
                walked += 1
    assert walked >= 18
    with box.store.read() as connection:
        assert box.access.list(connection) == before
    assert box.people.people_of(mayor, "velle").total == 1


async def test_every_page_of_somebody_asks_who_is_there(box: Box, browser: httpx.AsyncClient) -> None:
    for path in ("account", "device", "explain", *(f"organisations/velle/{page}" for page in ORGANISATION_PAGES)):
        answer = await browser.get(f"/en/{path}")
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/en/log-in?next=/en/")
        as_json = await browser.get(f"/en/{path}.json")
        assert as_json.status_code == 401, path


async def test_who_had_to_log_in_comes_back_to_the_very_page(box: Box, browser: httpx.AsyncClient) -> None:
    _, opened, _ = box.administrator()
    asked = "/fr/organisations/office/people?q=ada&after=abc"
    sent = (await browser.get(asked)).headers["location"]
    assert sent == "/fr/log-in?next=/fr/organisations/office/people%3Fq%3Dada%26after%3Dabc"
    target = re.search(r'name="next" value="([^"]+)"', (await browser.get(sent)).text)
    assert target
    assert html.unescape(target[1]) == asked
    form = {"address": "ada@office.example", "password": PASSWORD, "next": asked}
    step = STEP.search((await browser.post("/fr/log-in", data=form)).text)
    assert step
    done = {"step": step[1], "code": opened.recovery_codes[0], "next": asked}
    assert (await browser.post("/fr/log-in/code", data=done)).headers["location"] == asked
    # A write comes back to the page its form stood on, as it stood; a query that is too long is left out.
    headers = {"Referer": f"{URL}{asked}"}
    browser.cookies.clear()
    back = await browser.post("/fr/organisations/office/invitations", data=EMPTY, headers=headers)
    assert back.headers["location"] == f"{sent}&unsent=1"
    assert "Votre session était terminée." in (await browser.get(back.headers["location"])).text
    assert "n’a pas été fait" not in (await browser.get(sent)).text, "nothing was sent"
    long = await browser.get(f"/fr/organisations/office/people?q={'a' * 501}")
    assert long.status_code in (303, 422)
    assert "aaaa" not in long.headers.get("location", "")


async def test_whoever_changes_the_language_to_log_in_goes_on_in_it(browser: httpx.AsyncClient) -> None:
    for asked, goes_on in (
        ("/fr/organisations/1/people?q=ada", "/en/organisations/1/people?q=ada"),
        ("/en/account", "/en/account"),
        ("/verifier.html", "/verifier.html"),
        ("/frame", "/frame"),
    ):
        shown = await browser.get("/en/log-in", params={"next": asked})
        target = re.search(r'name="next" value="([^"]+)"', shown.text)
        assert target
        assert html.unescape(target[1]) == goes_on


async def test_tabs_lead_where_one_may_go(box: Box) -> None:
    ada, adas, _ = box.administrator()
    mayor, mayors, _ = box.member(ada, "velle", "mayor@velle.example")
    _, delegates, _ = box.member(mayor, "velle", "delegate@velle.example", "delegate")
    for opened, organisation, page, sections in (
        (adas, "office", "people", ["people", "keys", "trail"]),
        (adas, "velle", "people", ["people"]),
        (mayors, "velle", "keys", ["people", "keys", "trail"]),
        (delegates, "velle", "trail", ["trail"]),
    ):
        async with box.browser(opened) as browser:
            shown = await browser.get(f"/fr/organisations/{organisation}/{page}")
            assert shown.status_code == 200
            tabs = re.search(r'aria-label="Pages de l’organisation">(.*?)</nav>', shown.text)
            assert tabs
            assert [
                one
                for one in re.findall(r'href="[^"]*/(\w+)"', tabs[1])
                if one not in ("register", "nodes", "webhooks")
            ] == sections
            for name in sections:
                led_to = await browser.get(f"/fr/organisations/{organisation}/{name}")
                assert led_to.status_code == 200, (organisation, name)


async def test_every_open_invitation_is_counted(box: Box) -> None:
    ada, adas, _ = box.administrator()
    now = box.clock.now()
    with box.store.transaction() as connection:
        for number in range(230):
            sent = Invitation(new_id(), "velle", frozenset({Role.MEMBER}), f"guest.{number}@velle.example", ada.tag,
                              now, now + datetime.timedelta(days=7 if number else -1), None, None)  # fmt: skip
            box.rows.insert_invitation(connection, sent, new_code())
    async with box.browser(adas) as browser:
        shown = await browser.get("/en/organisations/velle/people")
        assert "and 204 older ones" in shown.text
        assert len(re.findall(r"/invitations/[0-9a-f]+/revocation", shown.text)) == 25
        document = (await browser.get("/en/organisations/velle/people.json")).json()
        assert (len(document["invitations"]), document["more_invitations"]) == (25, 204)


async def test_a_page_of_people_that_none_gave_is_refused(box: Box) -> None:
    _, adas, _ = box.administrator()
    async with box.browser(adas) as browser:
        refused = await browser.get("/fr/organisations/office/people?after=nobody")
        assert refused.status_code == 404
        assert "Recommencez par la première page de la liste." in refused.text


async def test_one_never_reaches_the_account_of_another(box: Box) -> None:
    ada, adas, _ = box.administrator()
    _, eve, _ = box.member(ada, "ambrun", "eve@ambrun.example")
    async with box.browser(eve) as browser:
        await browser.post(f"/fr/account/sessions/{adas.session.id}/end", data=EMPTY)
        assert box.actor(adas)
        assert "ada@office.example" not in (await browser.get("/fr/account")).text


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"])
async def test_logging_in_leads_to_no_other_site(box: Box, browser: httpx.AsyncClient, target: str) -> None:
    _, opened, _ = box.administrator()
    shown = await browser.get("/fr/log-in", params={"next": target})
    assert set(re.findall(r'(?:name="next" value|data-next)="([^"]*)"', shown.text)) == {"/fr/account"}
    repeated = [link for link in re.findall(r'href="([^"]*)"', shown.text) if "evil" in link]
    own = re.compile(r"/(?:fr|en)/log-in(?:\.json)?\?next=")
    assert all(own.match(link) for link in repeated), "the page itself, in either language and as data, and no other"
    form = {"address": "ada@office.example", "password": PASSWORD, "next": target}
    step = STEP.search((await browser.post("/fr/log-in", data=form)).text)
    assert step
    code = opened.recovery_codes[0]
    entered = await browser.post("/fr/log-in/code", data={"step": step[1], "code": code, "next": target})
    assert entered.headers["location"] == "/fr/account"


async def test_what_is_typed_is_never_run(box: Box) -> None:
    script = "<script>alert(1)</script>"
    enrolment = box.people.join_with_password(box.first(), "ada@office.example", f'"{script}', PASSWORD, "fr")
    opened = box.people.finish_join(enrolment.step, box.otp(enrolment.secret), script, None)
    async with box.browser(opened) as browser:
        form = {"name": script, "scope": "notary:write", "form": "1"}
        assert (await browser.post("/fr/organisations/office/keys", data=form)).status_code == 200
        for path in (
            "account",
            "organisations/office/people",
            "organisations/office/keys",
            "organisations/office/trail",
        ):
            page = await browser.get(f"/fr/{path}")
            assert page.status_code == 200
            assert script not in page.text, path
            assert "unsafe" not in page.headers["content-security-policy"]
        for path in (f"log-in?next=/{script}", f"explain?subject={script}&action={script}&target={script}"):
            assert script not in (await browser.get(f"/fr/{path}")).text
        typed = await browser.post("/fr/log-in", data={"address": script, "password": script})
        assert script not in typed.text
        joining = await browser.post(
            "/fr/join", data={"code": script, "name": script, "address": script, "way": "password"}
        )
        assert script not in joining.text


async def test_a_form_assigns_nothing_it_does_not_show(box: Box) -> None:
    ada, _, _ = box.administrator()
    box.people.invite(ada, "velle", "clerk@velle.example", ["member"], "fr")
    extra = {"role": "administrator", "roles": "administrator", "organisation": "office", "person": ada.person or ""}
    async with box.browser() as browser:
        form = {"code": box.code("clerk@velle.example"), "address": "clerk@velle.example", "name": "Clerk"}
        page = await browser.post("/fr/join", data=form | {"password": PASSWORD, "way": "password"} | extra)
        secret, step = SECRET.search(page.text), STEP.search(page.text)
        assert secret
        assert step
        code = box.otp(secret[1].replace(" ", ""))
        await browser.post("/fr/join/code", data={"step": step[1], "code": code} | extra)
        who = (await browser.get("/v1/me")).json()
        assert who["roles"] == {"velle": ["member"]}
        await browser.post("/fr/account/name", data={"name": "Clerk", "written_in": "en"} | extra)
        assert (await browser.get("/v1/me")).json()["roles"] == {"velle": ["member"]}


@pytest.mark.parametrize(
    ("path", "method", "body"),
    [
        ("invitations", "POST", {"address": "a@b.example", "roles": ["member"], "organisation": "office"}),
        ("keys", "POST", {"name": "x", "scopes": ["notary:write"], "organisation": "office"}),
        ("keys", "POST", {"name": "x", "scopes": ["admin"]}),
        ("invitations", "POST", {"address": "a@b.example", "roles": []}),
        ("invitations", "POST", {"address": "a@b.example", "roles": ["king"]}),
        ("invitations", "POST", {"address": "nobody", "roles": ["member"]}),
    ],
)
async def test_the_api_refuses_members_it_does_not_name(box: Box, path: str, method: str, body: dict[str, Any]) -> None:
    _, opened, _ = box.administrator()
    async with box.browser(opened) as browser:
        answer = await browser.request(method, f"/v1/organisations/office/{path}", json=body)
        assert answer.status_code == 422


async def test_the_same_page_whether_or_not_there_is_an_account(box: Box, browser: httpx.AsyncClient) -> None:
    box.administrator()
    for path in ("log-in", "forgot"):
        pages = []
        for address in ("ada@office.example", "eve@office.example"):
            answer = await browser.post(f"/en/{path}", data={"address": address, "password": "wrong password here"})
            pages.append((answer.status_code, answer.text.replace(address, "")))
        assert pages[0] == pages[1], path


async def test_one_address_tries_so_often_a_minute(box: Box) -> None:
    async with box.browser(a_minute=3) as browser:
        statuses = [
            (await browser.post("/en/log-in", data={"address": f"a{n}@b.example", "password": "x"})).status_code
            for n in range(5)
        ]
    assert statuses == [401, 401, 401, 429, 429]


def test_there_are_three_ways_in(box: Box) -> None:
    """By passkey, by password and code, by provider: docs/decisions/0045 says why not by wallet."""
    steps = {route.path.partition("/log-in")[2] for route in routes_of(box.fresh_app()) if "}/log-in" in route.path}
    assert steps == {"", "/code", "/passkey", "/passkey/answer", "/with/{provider}"}


async def test_behind_a_proxy_one_attacker_locks_nobody_else_out(box: Box) -> None:
    app = box.fresh_app(a_minute=3)
    app.add_middleware(BehindProxies, trusted=[read_network("127.0.0.1")])
    async with box.browser(app=app) as browser:

        async def tried(heard: str) -> int:
            sent = {"address": "ada@office.example", "password": "x"}
            return (await browser.post("/en/log-in", data=sent, headers={"X-Forwarded-For": heard})).status_code

        # Whatever the attacker writes itself stands left of what the proxy heard.
        assert [await tried(f"192.0.2.{n}, 203.0.113.9") for n in range(5)] == [401, 401, 401, 429, 429]
        assert await tried("198.51.100.1") == 401


async def test_what_matters_sends_to_log_in_again_and_back(box: Box) -> None:
    _, opened, _ = box.administrator()
    box.clock.advance(rules.FRESH.total_seconds())
    async with box.browser(opened) as browser:
        answer = await browser.post(
            "/fr/account/password", data={"old": PASSWORD}, headers={"Referer": f"{URL}/fr/account"}
        )
        assert answer.headers["location"] == "/fr/log-in?next=/fr/account&again=1&unsent=1"
        shown = (await browser.get(answer.headers["location"])).text
        assert "c’est vous" in shown
        assert "Ce que vous avez envoyé n’a pas été fait." in shown
        assert "Votre session était terminée." not in shown


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_every_page_stands_in_both_languages_and_as_data(box: Box, language: str) -> None:
    ada, opened, _ = box.administrator()
    box.member(ada, "velle", "mayor@velle.example")
    box.people.invite(ada, "office", "late@office.example", ["member"], "fr")
    box.people.make_key(ada, "office", "billing", ["notary:write"], 30)
    own = ["account", "account?done=password", "device", "explain", "log-in", "join", "forgot", "reset", "confirm"]
    own += [f"organisations/office/{page}" for page in ORGANISATION_PAGES]
    own += [f"explain?subject={ada.tag}&action=people:read&target=organisation:velle"]
    async with box.browser(opened) as browser:
        for path in own:
            page = await browser.get(f"/{language}/{path}")
            assert page.status_code == 200, path
            assert f'<html lang="{language}">' in page.text
            data = await browser.get(f"/{language}/{path}", headers={"Accept": "application/json"})
            assert data.headers["content-type"] == "application/json"
            assert data.headers["cache-control"] == "no-store"


async def test_a_key_is_shown_once(box: Box) -> None:
    _, opened, _ = box.administrator()
    async with box.browser(opened) as browser:
        form = {"name": "billing", "scope": "notary:write", "form": "1"}
        made = await browser.post("/en/organisations/office/keys", data=form)
        key = re.search(r"mk_[\w-]+", made.text)
        assert key
        assert key[0] not in (await browser.get("/en/organisations/office/keys")).text
        who = await browser.get("/v1/me", headers={"Authorization": f"Bearer {key[0]}"})
        assert who.json()["organisation"] == "office"


def number_of(page: httpx.Response) -> dict[str, str]:
    """What tells this form from its like."""
    found = set(NUMBER.findall(page.text))
    assert len(found) == 1, page.text
    return {"form": found.pop()}


async def test_a_program_that_asks_again_gets_the_same_key_and_sends_no_second_letter(box: Box) -> None:
    _, opened, _ = box.administrator()
    key = {"name": "billing", "scopes": ["notary:write"]}
    invited = {"address": "clerk@office.example", "roles": ["member"]}
    async with box.browser(opened) as browser:

        async def twice(path: str, body: dict[str, Any]) -> list[httpx.Response]:
            headers = {"Idempotency-Key": path.replace("/", "-")}
            address = f"/v1/organisations/office{path}"
            return [await browser.post(address, json=body, headers=headers) for _ in range(2)]

        made = await twice("/keys", key)
        assert [one.status_code for one in made] == [201, 201]
        assert made[0].json() == made[1].json()
        rotated = await twice(f"/keys/{made[0].json()['id']}/rotation", {"days": 1})
        assert rotated[0].json() == rotated[1].json() != made[0].json()
        sent = await twice("/invitations", invited)
        assert sent[0].json() == sent[1].json()
        listed = (await browser.get("/v1/organisations/office/keys")).json()["keys"]
        assert {one["id"] for one in listed} == {made[0].json()["id"], rotated[0].json()["id"]}
        invitations = (await browser.get("/v1/organisations/office/invitations")).json()["invitations"]
        assert sent[0].json() in invitations
    assert len(box.letters("clerk@office.example")) == 1
    with box.store.read() as connection:
        kept = b"".join(bytes(row.answer) for row in connection.execute(sa.select(idempotency.table)))
    assert kept
    assert made[0].json()["key"].encode() not in kept
    assert b"clerk@office.example" not in kept


async def test_a_form_sent_again_makes_no_second_key(box: Box) -> None:
    """As a reload does, which sends the same form; the page that answers has a form that makes another."""
    _, opened, _ = box.administrator()
    page = "/en/organisations/office/keys"

    async def count() -> int:
        return len((await browser.get(f"{page}.json")).json()["keys"])

    async with box.browser(opened) as browser:
        shown = await browser.get(page)
        form = {"name": "billing", "scope": "notary:write"} | number_of(shown)
        wrong = await browser.post(page, data=form | {"scope": "admin"})
        assert wrong.status_code == 422, "what made nothing may be corrected"
        made = await browser.post(page, data=form)
        again = await browser.post(page, data=form)
        assert (made.status_code, again.status_code, await count()) == (200, 409, 1)
        assert "shown that once" in again.text
        assert "mk_" in made.text
        assert "mk_" not in again.text
        (key,) = (await browser.get(f"{page}.json")).json()["keys"]
        rotation = {"days": "7"} | number_of(again)
        first = await browser.post(f"{page}/{key['id']}/rotation", data=rotation)
        second = await browser.post(f"{page}/{key['id']}/rotation", data=rotation)
        assert (first.status_code, second.status_code, await count()) == (200, 409, 2)
        assert (await browser.post(page, data=form | number_of(second))).status_code == 200
        assert await count() == 3
        without = await browser.post(page, data={"name": "billing", "scope": "notary:write"})
        assert (without.status_code, await count()) == (409, 3)


async def test_a_key_that_is_refused_keeps_what_was_typed_and_says_which_field(box: Box) -> None:
    _, opened, _ = box.administrator()
    page, good = "/en/organisations/office/keys", {"name": "billing", "scope": "people:manage", "days": "30"}
    for wrong, said, marked in (
        ({"days": "soon"}, "The days are not a number", "life"),
        ({"days": "3651"}, "The days are not a number", "life"),
        ({"name": " "}, "The name of the key", "name"),
        ({"scope": "admin"}, "must be able to do something", None),
    ):
        async with box.browser(opened) as browser:
            answer = await browser.post(page, data=good | {"form": "1"} | wrong)
            assert answer.status_code == 422, wrong
            assert said in answer.text, wrong
            invalid = [one for one in re.findall(r"<input[^>]*>", answer.text) if "aria-invalid" in one]
            assert [re.findall(r' id="([^"]+)"', one) for one in invalid] == ([[marked]] if marked else [])
            assert all(re.search(r' aria-describedby="[^"]*\brefusal"', one) for one in invalid)
            assert answer.text.count('id="refusal"') == 1
            typed = good | wrong
            for name in ("name", "days"):
                assert re.search(f'name="{name}"[^>]* value="{typed[name]}"', answer.text), (wrong, name)
            checked = re.findall(r'name="scope" value="([^"]+)" checked', answer.text)
            assert checked == [one for one in [typed["scope"]] if one != "admin"]
    async with box.browser(opened) as browser:
        assert (await browser.post(page, data=good | {"form": "1"})).status_code == 200


async def test_an_organisation_there_is_not_has_no_people_and_no_letters(box: Box) -> None:
    """Only what is known by name is one, once something names them; the office may read of the others."""
    ada, adas, _ = box.administrator()
    box.people.name_organisations(lambda asked: {one: "Alliance" for one in asked if one == "1"})
    async with box.browser(adas) as browser:
        for organisation, status in (("1", 200), ("office", 200), ("999", 404), ("velle", 404)):
            shown = await browser.get(f"/en/organisations/{organisation}/people")
            assert shown.status_code == status, organisation
            form = {"address": f"mayor@{organisation}.example", "role": "administrator"}
            sent = await browser.post(f"/en/organisations/{organisation}/invitations", data=form)
            assert sent.status_code == (303 if status == 200 else 404), organisation
            assert bool(box.letters(form["address"])) == (status == 200), organisation
            question = {"action": "people:read", "target": f"organisation:{organisation}"}
            answer = await browser.get("/en/explain", params=question)
            assert ("Yes, they may." in answer.text) == (status == 200), organisation
    eve = box.member(ada, "1", "eve@ambrun.example")[1]
    async with box.browser(eve) as browser:
        for organisation in ("999", "office"):
            hidden = await browser.get(f"/en/organisations/{organisation}/people")
            assert hidden.status_code == 403, "a stranger is not told which there are"
        refused = await browser.get("/en/organisations/office/keys")
        assert "they have no role in the network’s office" in refused.text
        assert 'href="/en/explain"' in refused.text


async def test_questions_are_asked_and_answered_by_name(box: Box) -> None:
    ada, adas, _ = box.administrator()
    box.people.name_organisations(lambda asked: {one: "Velle" for one in asked if one == "5"})
    mayor, mayors, _ = box.member(ada, "5", "mayor@velle.example")
    box.member(mayor, "5", "clerk@velle.example", "member")
    question = {"action": "key:change", "target": "organisation:5"}
    async with box.browser(mayors) as browser:
        for subject, said in (
            ("", ["Yes, they may.", "this is Mayor", "they are administrator of Velle"]),
            ("clerk", ["No, they may not.", "this is Clerk", "it takes administrator of Velle; they are member"]),
            ("clerk@velle.example", ["No, they may not."]),
            ("velle.example", ["There is no such person here"]),
            ("Nobody At All", ["There is no such person here"]),
        ):
            page = await browser.get("/en/explain", params=question | {"subject": subject})
            assert [sentence for sentence in said if sentence not in page.text] == [], subject
        assert "person:" not in re.sub(r'"[^"]*"', "", page.text)
    async with box.browser(adas) as browser:
        foreign = await browser.get("/en/explain", params=question | {"subject": "clerk"})
        assert foreign.status_code == 403, "decisions about the people of another organisation are its own"
        itself = await browser.get("/en/explain", params={"action": "people:read", "target": "organisation:5"})
        assert "this is Ada Martin" in itself.text
        own = await browser.get("/en/explain", params=question | {"subject": "clerk", "target": "organisation:office"})
        assert "There is no such person here" in own.text


@pytest.mark.parametrize(
    ("agent", "label"),
    [("Mozilla/5.0 (X11; Linux) Firefox/140.0", "Firefox, Linux"), ("Firefox/1", "Firefox"), ("Linux", "Linux"),
     ("curl/8.5", ""), ("", "")],
)  # fmt: skip
def test_a_browser_is_called_by_what_it_says(agent: str, label: str) -> None:
    assert agent_label(agent) == label


async def test_the_trail_is_told_in_words_and_its_codes_stay_data(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, mayors, _ = box.member(ada, "velle", "mayor@velle.example")
    clerk, _, _ = box.member(mayor, "velle", "clerk@velle.example", "member")
    key, _ = box.people.make_key(mayor, "velle", "billing", ["notary:write"], None)
    box.people.change_roles(mayor, "velle", clerk.person or "", ["delegate"])
    now = box.clock.now()
    with box.store.transaction() as connection:
        record(connection, [
            Deed(now, "votes", "proxy", "given", f"key:{key}", "to organisation 3, proposal 6", "velle"),
            Deed(now, "api", "entry", "appended", f"key:{key}", "index 41, count 3", "velle"),
            Deed(now, "members", "account", "added", mayor.tag, "0x" + "ab" * 20, "velle"),
            Deed(now, "api", "thing", "done", "system", "in its own way", "velle"),
        ])  # fmt: skip
    async with box.browser(mayors) as browser:
        french, english = [(await browser.get(f"/{one}/organisations/velle/trail")).text for one in ("fr", "en")]
        data = (await browser.get("/en/organisations/velle/trail.json")).json()["deeds"]
    for said in ("A key was made", "billing", "Somebody joined", "A proxy was given", ">Vote 6</a>",
                 ">Entry 41</a> and 2 more", "An account was added", "Clerk (delegate)",
                 "<code>api:<wbr>thing:<wbr>done</code>"):  # fmt: skip
        assert said in english, said
    for said in ("Une clé a été faite", "Une procuration a été donnée", "Clerk (délégué)"):
        assert said in french, said
    for raw in ("portal:key", "abababab", "organisation 3", mayor.person or "", "in its own way"):
        assert raw not in english, raw
    told = {(deed["tag"], deed["detail"]) for deed in data}
    assert ("portal:key:created", key) in told
    assert ("members:account:added", "0x" + "ab" * 20) in told


async def test_a_number_is_the_own_of_whoever_was_given_it(box: Box) -> None:
    ada, adas, _ = box.administrator()
    _, mayors, _ = box.member(ada, "velle", "mayor@velle.example")
    form = {"name": "billing", "scope": "notary:write", "form": "1"}
    for opened, organisation in ((adas, "office"), (mayors, "velle")):
        async with box.browser(opened) as browser:
            assert (await browser.post(f"/en/organisations/{organisation}/keys", data=form)).status_code == 200


async def test_a_form_sent_again_makes_no_other_recovery_codes(box: Box) -> None:
    _, opened, _ = box.administrator()
    async with box.browser(opened) as browser:
        form = number_of(await browser.get("/fr/account"))
        shown = await browser.post("/fr/account/recovery-codes", data=form)
        codes = re.findall(r"<li><code>([^<]+)</code></li>", shown.text)
        assert len(codes) == 10
        again = await browser.post("/fr/account/recovery-codes", data=form)
        assert again.status_code == 409
        assert re.findall(r"<li><code>", again.text) == []
        other = number_of(again)
        assert other != form
        log_in = {"address": "ada@office.example", "password": PASSWORD}
        step = STEP.search((await browser.post("/fr/log-in", data=log_in)).text)
        assert step
        entered = await browser.post("/fr/log-in/code", data={"step": step[1], "code": codes[0]})
        assert entered.status_code == 303, "the codes that were shown hold"
        assert (await browser.post("/fr/account/recovery-codes", data=other)).status_code == 200


async def test_the_erased_are_logged_out(box: Box) -> None:
    _, opened, _ = box.administrator()
    async with box.browser(opened) as browser:
        assert (await browser.post("/fr/account/erasure", data=EMPTY)).headers["location"] == "/fr/account#erase"
        assert (await browser.post("/fr/account/export", data=EMPTY)).json()["type"] == "maillon.person.v1"
        await browser.post("/fr/account/erasure", data={"sure": "yes"})
        assert (await browser.get("/fr/account")).status_code == 303


async def test_a_command_line_is_confirmed_in_two_steps(box: Box) -> None:
    _, opened, _ = box.administrator()
    async with box.browser(opened) as browser, box.browser() as program:
        begun = (await program.post("/v1/login/device", json={"label": "ada@laptop"})).json()
        asked = await program.post("/v1/login/token", json={"device_code": begun["device_code"]})
        assert asked.status_code == 428
        first = await browser.post("/en/device", data={"code": begun["user_code"]})
        assert "ada@laptop wants to act as you" in first.text
        await browser.post("/en/device", data={"code": begun["user_code"], "sure": "yes"})
        token = (await program.post("/v1/login/token", json={"device_code": begun["device_code"]})).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await program.get("/v1/me", headers=bearer)).json()["name"] == "Ada Martin"
        assert (await program.delete("/v1/login", headers=bearer)).status_code == 204
        assert (await program.get("/v1/me", headers=bearer)).status_code == 401


async def test_decisions_explain_themselves(box: Box) -> None:
    ada, opened, _ = box.administrator()
    mayor, mayors, _ = box.member(ada, "velle", "mayor@velle.example")
    question = {"subject": mayor.tag, "action": "key:change", "target": "organisation:velle"}
    async with box.browser(mayors) as browser:
        own = (await browser.get("/v1/decisions", params=question)).json()
        assert own["allowed"]
        assert [reason["name"] for reason in own["reasons"]] == ["identified", "role", "fresh"]
        refused = await browser.get(
            "/v1/decisions", params=question | {"subject": ada.tag, "target": "organisation:office"}
        )
        assert refused.status_code == 403
    async with box.browser(opened) as browser:
        page = await browser.get("/en/explain", params=question | {"target": "organisation:office"})
        assert "No, they may not." in page.text
        assert "they have no role in the network’s office" in page.text
        asked = (await browser.get("/fr/explain")).text
        assert '<option value="key:change">créer, renouveler et révoquer des clés</option>' in asked
        assert '<option value="organisation:office">Le secrétariat du réseau</option>' in asked
        wrong = await browser.get("/en/explain", params=question | {"action": "fly"})
        assert wrong.status_code in (403, 422)
        # The answer repeats what was asked in words, and by its name for programs; reasons say it in words alone.
        assert "<p>make, rotate and revoke keys <code>key:change</code></p>" in page.text
        for language, said in (
            ("en", "“make, rotate and revoke keys” is done to an organisation, not to an account"),
            ("fr", "« créer, renouveler et révoquer des clés » porte sur une organisation, pas sur un compte"),
        ):
            elsewhere = await browser.get(f"/{language}/explain", params=question | {"subject": "", "target": ada.tag})
            assert said in elsewhere.text.replace("\N{NO-BREAK SPACE}", " ")


async def test_a_refusal_says_who_could_grant_it_and_names_them_to_who_may_know(box: Box) -> None:
    ada, opened, _ = box.administrator()
    _, mayors, _ = box.member(ada, "velle", "mayor@velle.example")
    _, members, _ = box.member(ada, "velle", "zoe@velle.example", "member")
    wanted = "/fr/organisations/velle/people"
    html = {"Accept": "text/html"}
    async with box.browser(members) as zoe, box.browser(opened) as office, box.browser(mayors) as mayor:
        # 1. Who may not see the people of the organisation reads which role, and whose it is to give.
        refused = await zoe.get(wanted, headers=html)
        assert (refused.status_code, refused.headers["cache-control"]) == (403, "no-store")
        assert "peut donner le rôle\u00a0: administrateur." in refused.text
        assert "Ce sont" not in refused.text
        asked = {"action": "people:change", "target": "organisation:velle"}
        remedy = (await zoe.get("/v1/decisions", params=asked)).json()["remedy"]
        assert remedy == {"text": "An administrator of velle can give the role: administrator.", "people": []}
        # 2. Who may see them reads their names too: in the problem, and in the page “Why”.
        key = {"name": "x", "scopes": ["notary:write"]}
        problem = (
            await office.post("/v1/organisations/velle/keys", json=key, headers={"Accept": "application/json"})
        ).json()
        assert problem["type"] == "/problems/not-allowed"
        assert problem["remedy"]["people"] == [(await mayor.get("/v1/me")).json()["name"]]
        page = await office.get("/en/explain", params={"action": "key:change", "target": "organisation:velle"})
        assert f"They are: {problem['remedy']['people'][0]}." in page.text
        # 3. What is allowed has none, and nobody could grant the account of another.
        assert "remedy" not in (await mayor.get("/v1/decisions", params=asked)).json()
        other = {"action": "account:change", "target": f"person:{ada.person}"}
        assert "remedy" not in (await mayor.get("/v1/decisions", params=other)).json()
