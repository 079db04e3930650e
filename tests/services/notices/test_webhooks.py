# SPDX-License-Identifier: Apache-2.0
"""The webhooks of an organisation through its doors: who may, what is shown, and what happens by itself."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from gathering import Gathering
from listener import Listener
from maillon.kit import audit
from maillon.kit.access import ADMINISTER
from maillon.kit.notices import KINDS
from maillon.kit.settings import Settings
from maillon.kit.webhooks import PAUSES, read_secret, sign
from maillon.kit.webhooks import table as messages
from maillon.main import Application, rotate_encryption
from maillon.services.credits.letters import CREDITS_LOW
from maillon.services.members.register import _MESSAGES
from maillon.services.notices import rules, words
from maillon.services.notices.errors import (
    InvalidWebhookAddress,
    InvalidWebhookKinds,
    TooManyWebhooks,
    UnknownWebhook,
)
from maillon.services.notices.letters import reason_in_words
from maillon.services.people import NOBODY, Actor
from maillon.services.people.errors import LogInNeeded, MadeAlready, NotAllowed
from maillon.services.people.foundation import Opened
from maillon.services.votes.letters import EXECUTED
from people_box import routes_of

ROOT = Path(__file__).resolve().parents[3]
API = "/v1/organisations/1/webhooks"
PAGE = "/en/organisations/1/webhooks"
NOTHING = {"nothing": ""}
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def tags(gathering: Gathering) -> list[tuple[str, str, str | None]]:
    """What the trail has of webhooks: tag, actor, organisation."""
    with gathering.box.store.read() as connection:
        rows = connection.execute(sa.select(audit.table).order_by(audit.table.c.id))
        return [(row.tag, row.actor, row.organisation) for row in rows if ":webhook:" in row.tag]


def happen(gathering: Gathering, kind: str = "vote.proposed", key: str = "1") -> None:
    with gathering.box.store.transaction() as connection:
        now = int(gathering.box.clock.now().timestamp())
        gathering.told.stage(connection, kind, key, now, {"number": 1})


def test_the_list_of_events_is_that_of_the_page_and_of_the_program() -> None:
    page = (ROOT / "docs/formats/webhooks.md").read_text()
    described = set(re.findall(r"^\| `([a-z.-]+\.[a-z-]+)` \|", page, re.MULTILINE)) | {CREDITS_LOW.name}
    assert f"\n`{CREDITS_LOW.name}`, told to" in page
    assert EXECUTED.name in KINDS
    votes = {name for name in KINDS if name.startswith("vote.")}
    assert described == set(rules.EVENTS) == votes | {name for name, _ in _MESSAGES.values()} | {CREDITS_LOW.name}


def test_an_administrator_adds_one_and_their_program_is_told(
    gathering: Gathering, people: dict[str, Actor], listener: Listener
) -> None:
    identifier, secret = gathering.webhooks.add(people["mayor"], "1", listener.url, ["vote.closing", "vote.proposed"])
    happen(gathering)
    assert gathering.told.deliver() == 1
    ((headers, body),) = listener.heard
    expected = sign(read_secret(secret), headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == expected
    (seen,) = gathering.webhooks.of(people["mayor"], "1")
    assert (seen.id, seen.kinds) == (identifier, ("vote.closing", "vote.proposed"))
    assert tags(gathering) == [("portal:webhook:added", people["mayor"].tag, "1")]


def test_nobody_else_sees_or_changes_them(gathering: Gathering, people: dict[str, Actor], listener: Listener) -> None:
    webhooks = gathering.webhooks
    identifier, _ = webhooks.add(people["mayor"], "1", listener.url, [])
    _, key = gathering.box.people.make_key(people["mayor"], "1", "billing", ["people:manage", "members:manage"], None)
    by_key = gathering.box.people.actor_of_key(f"Bearer {key}".encode())
    for actor in (people["eve"], people["ada"], people["clerk"], people["delegate"], by_key, NOBODY):
        asked: list[tuple[Callable[..., object], tuple[object, ...]]] = [
            (webhooks.of, ()),
            (webhooks.add, (listener.url, [])),
            (webhooks.rotate, (identifier,)),
            (webhooks.resume, (identifier,)),
            (webhooks.test, (identifier,)),
            (webhooks.remove, (identifier,)),
        ]
        for verb, said in asked:
            with pytest.raises((NotAllowed, LogInNeeded)):
                verb(actor, "1", *said)
    # In her own organisation, by an id that is another's.
    for change in (webhooks.rotate, webhooks.resume, webhooks.test, webhooks.remove):
        with pytest.raises(UnknownWebhook):
            change(people["eve"], "2", identifier)
    assert [one.id for one in webhooks.of(people["mayor"], "1")] == [identifier]
    assert len(tags(gathering)) == 1


def test_the_operator_sees_and_removes_them_by_a_key_of_the_instance(
    gathering: Gathering, people: dict[str, Actor], listener: Listener
) -> None:
    identifier, _ = gathering.webhooks.add(people["mayor"], "1", listener.url, [])
    operator = Actor(key="0011223344556677", name="operator", scopes=frozenset({ADMINISTER}))
    assert [one.id for one in gathering.webhooks.of(operator, "1")] == [identifier]
    gathering.webhooks.remove(operator, "1", identifier)
    assert gathering.webhooks.of(people["mayor"], "1") == []
    assert tags(gathering)[-1] == ("api:webhook:removed", operator.tag, "1")


def test_changing_them_asks_who_it_is_anew_and_seeing_them_does_not(
    gathering: Gathering, opened: dict[str, Opened], listener: Listener
) -> None:
    gathering.box.clock.advance(16 * 60)
    mayor = gathering.box.actor(opened["mayor"])
    assert gathering.webhooks.of(mayor, "1") == []
    with pytest.raises(NotAllowed):
        gathering.webhooks.add(mayor, "1", listener.url, [])


@pytest.mark.parametrize(
    "url", ["", "http://receiver.example/", "https://10.0.0.1/", "https://a@b.example/", "ftp://x"]
)
def test_what_is_no_address_is_refused(gathering: Gathering, people: dict[str, Actor], url: str) -> None:
    with pytest.raises(InvalidWebhookAddress):
        gathering.webhooks.add(people["mayor"], "1", url, [])
    assert tags(gathering) == []


def test_five_are_enough_and_one_that_is_removed_makes_room(
    gathering: Gathering, people: dict[str, Actor], listener: Listener
) -> None:
    mayor, webhooks = people["mayor"], gathering.webhooks
    made = [webhooks.add(mayor, "1", listener.url, [])[0] for _ in range(rules.MAXIMUM_WEBHOOKS)]
    with pytest.raises(TooManyWebhooks):
        webhooks.add(mayor, "1", listener.url, [])
    webhooks.add(people["eve"], "2", listener.url, [])
    webhooks.remove(mayor, "1", made[2])
    webhooks.add(mayor, "1", listener.url, [])


def test_two_at_once_make_no_sixth(gathering: Gathering, people: dict[str, Actor], listener: Listener) -> None:
    """Whoever comes second counts what the first has made: on PostgreSQL it would count what was before else."""
    mayor, webhooks, store = people["mayor"], gathering.webhooks, gathering.box.store
    for _ in range(rules.MAXIMUM_WEBHOOKS - 1):
        webhooks.add(mayor, "1", listener.url, [])
    with ThreadPoolExecutor(1) as threads:
        with store.transaction() as connection:
            assert gathering.box.people.hold_administrators(connection, "1")
            second = threads.submit(webhooks.add, mayor, "1", listener.url, [])
            # SQLite has one writer at a time; PostgreSQL says who waits for a lock.
            waits = sa.text("SELECT 1" if store.is_sqlite else "SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not second.done() and not connection.scalar(waits):
                pass
            gathering.told.add(connection, "1", listener.url, [])
        with pytest.raises(TooManyWebhooks):
            second.result()


def test_one_whose_organisation_leaves_is_in_the_trail(
    gathering: Gathering, people: dict[str, Actor], listener: Listener
) -> None:
    gathering.webhooks.add(people["mayor"], "1", listener.url, [])
    with gathering.box.store.transaction() as connection:
        gathering.told.depart(connection, "1", int(gathering.box.clock.now().timestamp()))
    assert tags(gathering)[-1] == ("system:webhook:set-aside", "system", "1")
    (seen,) = gathering.service.notices(people["mayor"]).notices
    assert words.text(seen.notice, "en", {}).startswith("It is told nothing more: the organisation left")


def test_unknown_events_are_refused_and_all_of_them_are_everything(
    gathering: Gathering, people: dict[str, Actor], listener: Listener
) -> None:
    with pytest.raises(InvalidWebhookKinds):
        gathering.webhooks.add(people["mayor"], "1", listener.url, ["vote.proposed", "vote.abolished"])
    gathering.webhooks.add(people["mayor"], "1", listener.url, list(rules.EVENTS))
    assert gathering.webhooks.of(people["mayor"], "1")[0].kinds == ()


def test_one_that_is_gone_is_told_to_those_who_manage_it(
    gathering: Gathering, people: dict[str, Actor], listener: Listener
) -> None:
    mayor = people["mayor"]
    identifier, _ = gathering.webhooks.add(mayor, "1", listener.url, [])
    listener.status = 410
    happen(gathering)
    gathering.told.deliver()
    (seen,) = gathering.service.notices(mayor).notices
    assert seen.notice.kind.name == "webhook.off"
    assert words.text(seen.notice, "en", {}).startswith("It is told nothing more: it answered 410.")
    assert "Webhook mis de côté" in words.title(seen.notice, "fr", {})
    assert words.page(seen.notice, "en") == PAGE
    for name in ("delegate", "clerk", "eve", "ada"):
        assert gathering.service.unread(people[name]) == 0
    assert gathering.service.write_letters() == 1
    (letter,) = gathering.box.letters("mayor@1.example")
    assert "410" in letter
    assert tags(gathering)[-1] == ("system:webhook:set-aside", "system", "1")
    (webhook,) = gathering.webhooks.of(mayor, "1")
    assert rules.state_of(webhook) == "off"
    gathering.webhooks.resume(mayor, "1", identifier)
    (webhook,) = gathering.webhooks.of(mayor, "1")
    assert rules.state_of(webhook) == "new"


@pytest.mark.parametrize("reason", ["status 503", "address", "certificate", "time", "connection", "departed"])
def test_every_reason_has_its_words(reason: str) -> None:
    said = reason_in_words(reason)
    assert said["fr"] != said["en"]


def test_a_state_says_what_became_of_the_last_message(
    gathering: Gathering, people: dict[str, Actor], listener: Listener
) -> None:
    def state() -> str:
        return rules.state_of(gathering.webhooks.of(people["mayor"], "1")[0])

    gathering.webhooks.add(people["mayor"], "1", listener.url, [])
    assert state() == "new"
    listener.status = 503
    happen(gathering)
    gathering.told.deliver()
    assert state() == "refusing"
    gathering.box.clock.advance(PAUSES[0])
    listener.status = 200
    gathering.told.deliver()
    assert state() == "taking"


def test_those_nobody_administers_any_more_are_forgotten(
    gathering: Gathering, people: dict[str, Actor], listener: Listener
) -> None:
    for name, organisation in (("mayor", "1"), ("eve", "2")):
        gathering.webhooks.add(people[name], organisation, listener.url, [])
    happen(gathering)
    assert gathering.webhooks.forget_unled() == 0
    assert people["mayor"].person is not None
    gathering.box.people.erase_person(people["mayor"].person, "operator", "command")
    assert gathering.webhooks.forget_unled() == 1
    with gathering.box.store.read() as connection:
        assert gathering.told.organisations(connection) == ["2"]
        assert len(connection.execute(sa.select(messages)).all()) == 1
    assert tags(gathering)[-1] == ("system:webhook:removed", "system", "1")


async def test_a_page_without_a_script_does_it_all(
    gathering: Gathering, opened: dict[str, Opened], listener: Listener
) -> None:
    async with gathering.browser(opened["mayor"]) as browser:
        empty = await browser.get(PAGE)
        assert empty.status_code == 200
        assert 'href="/en/organisations/1/webhooks"' in empty.text
        form = {"url": f"{listener.url}&token=unshown", "kind": ["vote.proposed"], "form": "1"}
        made = await browser.post(PAGE, data=form)
        assert made.status_code == 200
        (secret,) = set(SECRET.findall(made.text))
        again = await browser.post(PAGE, data=form)
        assert again.status_code == 409
        assert SECRET.search(again.text) is None
        shown = await browser.get(PAGE)
        assert "unshown" not in shown.text
        assert SECRET.search(shown.text) is None
        (identifier,) = set(re.findall(r"/webhooks/([0-9a-f]{16})/test", shown.text))
        tested = await browser.post(f"{PAGE}/{identifier}/test", data=NOTHING)
        assert (tested.status_code, tested.headers["location"]) == (303, f"{PAGE}?done=tested")
        assert "A test is on its way." in (await browser.get(tested.headers["location"])).text
        assert await asyncio.to_thread(gathering.told.deliver) == 1
        ((_, body),) = listener.heard
        told = json.loads(body)
        assert (told["type"], told["data"]["organisation"]) == ("webhook.test", 1)
        rotated = await browser.post(f"{PAGE}/{identifier}/rotation", data={"form": "2"})
        assert set(SECRET.findall(rotated.text)) - {secret}
        assert (await browser.post(f"{PAGE}/{identifier}/rotation", data={"form": "2"})).status_code == 409
        listener.status = 410
        happen(gathering)
        await asyncio.to_thread(gathering.told.deliver)
        aside = await browser.get("/fr/organisations/1/webhooks")
        assert "Mis de côté" in aside.text
        assert "il a répondu 410" in aside.text
        resumed = await browser.post(f"{PAGE}/{identifier}/resumption", data=NOTHING)
        assert "told again" in (await browser.get(resumed.headers["location"])).text
        assert "Set aside" not in (await browser.get(PAGE)).text
        assert (await browser.post(f"{PAGE}/{identifier}/removal", data=NOTHING)).headers[
            "location"
        ] == f"{PAGE}?done=removed"
        assert (await browser.post(f"{PAGE}/{identifier}/removal", data=NOTHING)).status_code == 404
        trail = await browser.get("/en/organisations/1/trail")
        for said in ("A webhook was added", "got another secret", "was set aside", "was resumed", "was removed"):
            assert said in trail.text
        assert SECRET.search(trail.text) is None


async def test_what_is_wrong_stands_beside_what_was_typed(gathering: Gathering, opened: dict[str, Opened]) -> None:
    async with gathering.browser(opened["mayor"]) as browser:
        typed = {"url": "http://receiver.example/<b>", "kind": ["vote.closing"], "form": "1"}
        refused = await browser.post(PAGE, data=typed)
        assert refused.status_code == 422
        assert "The address of the webhook cannot be used" in refused.text
        assert 'value="http://receiver.example/&lt;b&gt;"' in refused.text
        assert re.search(r'value="vote.closing" checked', refused.text)
        assert (await browser.post(PAGE, data={"url": "https://receiver.example/"})).status_code == 422
        # The number of a refused form is good still.
        good = await browser.post(PAGE, data={"url": "https://receiver.example/", "form": "1"})
        assert good.status_code == 200


async def test_the_api_does_the_same_once(gathering: Gathering, opened: dict[str, Opened], listener: Listener) -> None:
    async with gathering.browser(opened["mayor"]) as browser:
        body, once = {"url": listener.url, "kinds": ["vote.proposed"]}, {"Idempotency-Key": "a"}
        made = [await browser.post(API, json=body, headers=once) for _ in range(2)]
        assert made[0].status_code == 201
        assert made[0].content == made[1].content
        identifier, secret = made[0].json()["id"], made[0].json()["secret"]
        assert SECRET.fullmatch(secret)
        listed = (await browser.get(API)).json()
        assert listed["most"] == 5
        (one,) = listed["webhooks"]
        assert (one["id"], one["kinds"], one["state"]) == (identifier, ["vote.proposed"], "new")
        assert "secret" not in one
        place = f"{API}/{identifier}"
        tested = await browser.post(f"{place}/test")
        assert tested.status_code == 202
        await asyncio.to_thread(gathering.told.deliver)
        assert listener.heard[0][0]["webhook-id"] == tested.json()["message"]
        rotated = await browser.post(f"{place}/rotation", headers={"Idempotency-Key": "b"})
        assert rotated.status_code == 201
        assert rotated.json()["secret"] != secret
        assert (await browser.post(f"{place}/resumption")).status_code == 204
        for wrong in (
            {},
            {"url": 1},
            {"url": "https://x.example", "kinds": "all"},
            {"url": "https://x.example", "x": 1},
        ):
            assert (await browser.post(API, json=wrong)).status_code == 422
        assert (await browser.post(API, json={"url": "https://x.example", "kinds": ["x"]})).status_code == 422
        assert (await browser.delete(place)).status_code == 204
        assert (await browser.delete(place)).status_code == 404
    with gathering.box.store.read() as connection:
        every = " ".join(row.detail for row in connection.execute(sa.select(audit.table)))
    assert SECRET.search(every) is None
    assert "127.0.0.1" not in every


async def test_tests_have_a_rate(gathering: Gathering, opened: dict[str, Opened], listener: Listener) -> None:
    async with gathering.browser(opened["mayor"]) as browser:
        identifier = (await browser.post(API, json={"url": listener.url})).json()["id"]
        answers = [(await browser.post(f"{API}/{identifier}/test")).status_code for _ in range(4)]
        assert answers == [202, 202, 202, 429]
        assert (await browser.post(f"{PAGE}/{identifier}/test", data=NOTHING)).status_code == 429


async def test_every_route_is_closed_to_nobody_to_others_and_to_other_sites(
    gathering: Gathering, opened: dict[str, Opened], people: dict[str, Actor], listener: Listener
) -> None:
    identifier, _ = gathering.webhooks.add(people["mayor"], "1", listener.url, [])
    routes = [route for route in routes_of(gathering.app()) if "/webhooks" in route.path]
    assert len(routes) == 12
    forged = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    async with (
        gathering.browser() as nobody,
        gathering.browser(opened["eve"]) as eve,
        gathering.browser(opened["mayor"]) as mayor,
    ):
        for route in routes:
            path = route.path.format(language="en", organisation="1", webhook=identifier)
            (method,) = (route.methods or set()) - {"HEAD"}
            sent = {"json": {"url": listener.url}} if path.startswith("/v1") else {"data": {"form": "9"}}
            options = sent if method == "POST" else {}
            assert (await nobody.request(method, path, **options)).status_code in (401, 303), path  # type: ignore[arg-type]
            assert (await eve.request(method, path, **options)).status_code == 403, path  # type: ignore[arg-type]
            if method != "GET":
                from_elsewhere = await mayor.request(method, path, headers=forged, **options)  # type: ignore[arg-type]
                assert from_elsewhere.status_code == 403, path
    assert len(gathering.webhooks.of(people["mayor"], "1")) == 1


def test_the_same_form_makes_one(gathering: Gathering, people: dict[str, Actor], listener: Listener) -> None:
    gathering.webhooks.add(people["mayor"], "1", listener.url, [], "7")
    with pytest.raises(MadeAlready):
        gathering.webhooks.add(people["mayor"], "1", listener.url, [], "7")
    assert len(gathering.webhooks.of(people["mayor"], "1")) == 1


async def test_a_new_key_of_the_home_reads_what_the_old_one_encrypted(home: Path) -> None:
    settings = Settings(home=home, demo=False)
    application = await Application.open(settings)
    with application.store.transaction() as connection:
        made = application.webhooks.add(connection, "1", "https://receiver.example/hook", [])
    await application.stop()
    assert rotate_encryption(settings) >= 1
    application = await Application.open(settings)
    try:
        with application.store.read() as connection:
            (seen,) = application.webhooks.of(connection, "1")
        assert (seen.id, seen.address) == (made[0], "receiver.example/hook")
        # Nobody administers organisation 1 here.
        assert application.organisation_webhooks.forget_unled() == 1
    finally:
        await application.stop()
