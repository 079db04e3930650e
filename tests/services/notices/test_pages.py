# SPDX-License-Identifier: Apache-2.0
"""The pages of notices as a browser without scripts meets them, the API, and both as the wrong reader does."""

from __future__ import annotations

import re

import httpx
import pytest

from gathering import Gathering
from maillon.kit.errors import StoreUnavailable
from maillon.kit.notices import EVERY_MEMBER, Kind
from maillon.services.members.letters import STATUS_CHANGED
from maillon.services.people import Actor
from maillon.services.people.foundation import Opened
from maillon.services.votes.letters import PROPOSED, notice_words
from people_box import routes_of

STATUS = {"status": {"fr": "suspendue", "en": "suspended"}, "former": {"fr": "membre", "en": "member"}}
LINK = r'class="account-link" href="/../notices"[^>]*>\w+(?: <span class="count" aria-hidden="true">(\S+)</span>)?'
HOSTILE = '<script>alert("1")</script> {number} {organisation}\r\nBcc: everybody@1.example'


def tell(
    gathering: Gathering, kind: Kind, key: str = "1", organisation: str = EVERY_MEMBER, title: str = "Un titre"
) -> None:
    said = STATUS if kind is STATUS_CHANGED else notice_words(12, {"title": title, "opens": 1, "closes": 2})
    with gathering.box.store.transaction() as connection:
        gathering.box.notices.stage(connection, kind, key, said, organisation=organisation)


def numbers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="notice-(\d+)"', page)]


def count(page: str) -> str | None:
    found = re.search(LINK, page)
    return None if found is None else found[1] or "0"


async def test_somebody_reads_their_notices_without_a_script(gathering: Gathering, opened: dict[str, Opened]) -> None:
    tell(gathering, STATUS_CHANGED, organisation="1")
    tell(gathering, PROPOSED)
    async with gathering.browser(opened["mayor"]) as browser:
        page = await browser.get("/fr/notices")
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        assert count(page.text) == "2"
        newest, oldest = numbers(page.text)
        assert "Mis au vote\u00a0: Un titre" in page.text
        assert 'href="/fr/votes/12"' in page.text
        marked = await browser.post("/fr/notices/read", data={"number": str(oldest), "show": "unread"})
        assert (marked.status_code, marked.headers["location"]) == (303, "/fr/notices?show=unread")
        left = await browser.get("/en/notices?show=unread")
        assert numbers(left.text) == [newest]
        assert count(left.text) == "1"
        # A reader's number stands on every page of the account, too.
        assert count((await browser.get("/en/account")).text) == "1"
        await browser.post("/fr/notices/read", data={"until": str(newest)})
        done = await browser.get("/en/notices?show=unread")
        assert numbers(done.text) == []
        assert "You have read everything." in done.text
        assert count(done.text) == "0"
        whole = (await browser.get("/en/notices.json")).json()
    assert [one["number"] for one in whole["notices"]] == [newest, oldest]
    assert whole["unread"] == 0
    assert whole["notices"][0]["title"] == "Put to the vote: Un titre"
    assert whole["notices"][0]["organisation"] is None


async def test_a_public_page_shows_the_number_to_its_reader_alone(
    gathering: Gathering, opened: dict[str, Opened]
) -> None:
    tell(gathering, PROPOSED)
    async with gathering.browser() as nobody:
        page = await nobody.get("/fr/log-in")
        assert count(page.text) is None
        assert (await nobody.get("/fr/log-in", headers={"Cookie": "maillon=stolen"})).status_code == 200
    async with gathering.browser(opened["clerk"]) as clerk:
        assert count((await clerk.get("/fr/log-in")).text) == "0"


async def test_pages_of_notices_follow_each_other(gathering: Gathering, opened: dict[str, Opened]) -> None:
    for key in range(23):
        tell(gathering, PROPOSED, str(key))
    async with gathering.browser(opened["mayor"]) as browser:
        first = await browser.get("/en/notices")
        link = re.search(r'rel="next" href="([^"]+)"', first.text)
        assert link
        second = await browser.get(link[1])
        assert len(numbers(first.text)) == 20
        assert len(numbers(second.text)) == 3
        assert min(numbers(first.text)) > max(numbers(second.text))
        assert 'rel="next"' not in second.text
        for wrong in ("before=0", "before=x", f"before={2**70}"):
            assert (await browser.get(f"/en/notices?{wrong}")).status_code == 422


async def test_what_others_wrote_is_text_and_nothing_else(gathering: Gathering, opened: dict[str, Opened]) -> None:
    tell(gathering, PROPOSED, title=HOSTILE)
    async with gathering.browser(opened["mayor"]) as browser:
        page = await browser.get("/en/notices")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "{number} {organisation} Bcc:" in page.text
    gathering.service.write_letters()
    gathering.box.outbox.deliver()
    letter = gathering.box.office.to("mayor@1.example")[0]
    assert letter["Bcc"] is None
    assert "<script>" in letter["Subject"]


async def test_choices_are_kept_by_a_form(gathering: Gathering, opened: dict[str, Opened]) -> None:
    async with gathering.browser(opened["eve"]) as browser:
        page = await browser.get("/fr/account/notices")
        shown = re.search(r'name="shown" value="([^"]+)"', page.text)
        assert shown
        assert "account.changed" not in shown[1]
        assert "application.waiting" not in shown[1]  # she does not decide on any
        offered = re.findall(r'name="mail" value="([^"]+)"', page.text)
        assert sorted(offered) == sorted(shown[1].split()), "what is not offered would be declined by whoever chooses"
        assert {"credits.low", "webhook.off"} <= set(offered)
        ticked = re.findall(r'name="mail" value="([^"]+)" checked', page.text)
        assert "vote.proposed" in ticked
        assert "vote.opened" not in ticked
        answer = await browser.post("/fr/account/notices", data={"shown": shown[1], "mail": ["vote.opened"]})
        assert answer.headers["location"] == "/fr/account/notices?done=chosen"
        after = await browser.get(answer.headers["location"])
        assert re.findall(r'name="mail" value="([^"]+)" checked', after.text) == ["vote.opened"]
        assert "Votre choix est gardé." in after.text
        listed = (await browser.get("/fr/account/notices.json")).json()["choices"]
        assert {one["kind"] for one in listed if one["fixed"]} == {
            "account.address", "account.changed", "invitation.received"
        }  # fmt: skip
        refused = await browser.post("/fr/account/notices", data={"shown": "account.changed"})
        assert refused.status_code == 422
        assert "Ce choix de lettres ne peut pas être fait" in refused.text


async def test_the_api_says_the_same(gathering: Gathering, people: dict[str, Actor], opened: dict[str, Opened]) -> None:
    assert people
    tell(gathering, STATUS_CHANGED, organisation="1")
    tell(gathering, PROPOSED)
    async with gathering.browser(opened["mayor"]) as browser:
        found = (await browser.get("/v1/notices?unread=true&limit=1")).json()
        assert found["unread"] == 2
        (one,) = found["notices"]
        assert (one["kind"], one["title"], one["read"]) == ("vote.proposed", "Put to the vote: Un titre", False)
        rest = (await browser.get(f"/v1/notices?before={found['next']}", headers={"Accept-Language": "fr"})).json()
        assert rest["notices"][0]["title"] == "1\u00a0: suspendue"
        assert rest["next"] is None
        assert (await browser.post("/v1/notices/read", json={"numbers": [one["number"]]})).json() == {"marked": 1}
        assert (await browser.post("/v1/notices/read", json={"until": one["number"]})).json() == {"marked": 1}
        chosen = await browser.put("/v1/notices/choices", json={"mail": {"vote.proposed": False}})
        assert {c["kind"]: c["mail"] for c in chosen.json()["choices"]}["vote.proposed"] is False
        assert (await browser.get("/v1/notices/choices")).json() == chosen.json()
        bodies = (
            ("POST", "read", {}), ("POST", "read", {"numbers": [1], "until": 1}), ("POST", "read", {"numbers": []}),
            ("POST", "read", {"numbers": list(range(1, 300))}), ("POST", "read", {"until": 0}),
            ("POST", "read", {"until": 1, "person": "x"}), ("PUT", "choices", {"mail": {}}),
            ("PUT", "choices", {"mail": {"vote.proposed": "no"}}), ("PUT", "choices", {"mail": {"x": True}}),
            ("PUT", "choices", {"mail": {"account.changed": False}}),
        )  # fmt: skip
        for method, path, body in bodies:
            answer = await browser.request(method, f"/v1/notices/{path}", json=body)
            assert answer.status_code == 422, (path, body, answer.text)


async def test_every_route_is_closed_to_nobody_to_keys_and_to_other_sites(
    gathering: Gathering, people: dict[str, Actor], opened: dict[str, Opened]
) -> None:
    """All routes of notices, as they stand in the application."""
    _, key = gathering.box.people.make_key(people["mayor"], "1", "billing", ["notary:write"], None)
    routes = [route for route in routes_of(gathering.app()) if "notices" in route.path]
    assert len(routes) == 8
    forged = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    bodies = {"read": {"until": 1}, "choices": {"mail": {"vote.proposed": False}}}
    async with gathering.browser() as nobody, gathering.browser(opened["mayor"]) as mayor:
        for route in routes:
            path = route.path.replace("{language}", "fr")
            (method,) = (route.methods or set()) - {"HEAD"}
            body = {"json": bodies.get(path.rpartition("/")[2])} if path.startswith("/v1") else {"data": {"until": "1"}}
            options = body if method != "GET" else {}
            answer = await nobody.request(method, path, **options)  # type: ignore[arg-type]
            if path.startswith("/v1"):
                assert answer.status_code == 401, path
            else:
                assert answer.headers["location"].startswith("/fr/log-in?next="), path
            by_key = await nobody.request(method, path, headers={"Authorization": f"Bearer {key}"}, **options)  # type: ignore[arg-type]
            assert by_key.status_code in (401, 403), path
            if method != "GET":
                from_elsewhere = await mayor.request(method, path, headers=forged, **options)  # type: ignore[arg-type]
                assert from_elsewhere.status_code == 403, path


async def test_no_route_shows_or_marks_what_is_anothers(
    gathering: Gathering, people: dict[str, Actor], opened: dict[str, Opened]
) -> None:
    """As the member of another organisation, by every way a number can be sent."""
    tell(gathering, STATUS_CHANGED, organisation="1")
    number = gathering.service.notices(people["mayor"]).notices[0].notice.number
    async with gathering.browser(opened["eve"]) as eve:
        for path in ("/fr/notices", f"/fr/notices?before={number + 1}", f"/v1/notices?before={number + 1}"):
            assert "suspendue" not in (await eve.get(path)).text
        assert (await eve.post("/fr/notices/read", data={"number": str(number)})).status_code == 404
        assert (await eve.post("/v1/notices/read", json={"numbers": [number]})).status_code == 404
        assert (await eve.post("/v1/notices/read", json={"until": number})).json() == {"marked": 0}
        for wrong in ("x", "0", "-1", "9" * 30, "\uff11"):
            assert (await eve.post("/fr/notices/read", data={"number": wrong})).status_code == 422
    assert gathering.service.unread(people["mayor"]) == 1


async def test_pages_are_shown_without_the_number_while_the_database_is_away(
    gathering: Gathering, opened: dict[str, Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> int:
        raise StoreUnavailable("away")

    monkeypatch.setattr(gathering.service, "unread", away)
    async with gathering.browser(opened["mayor"]) as browser:
        page: httpx.Response = await browser.get("/fr/log-in")
    assert page.status_code == 200
    assert count(page.text) is None
