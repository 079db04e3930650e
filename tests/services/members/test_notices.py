# SPDX-License-Identifier: Apache-2.0
"""What people are told of members: the office of applications, an organisation of its standing and accounts."""

from __future__ import annotations

import asyncio
import datetime

import orjson
import pytest
import sqlalchemy as sa

from alliance import OTHER_OFFICE, OTHER_SIREN, Alliance, a_form, fields
from listener import KEY, Listener
from maillon.kit.clock import FixedClock
from maillon.kit.encryption import Encryption
from maillon.kit.notices import FRESH, Notices, table
from maillon.kit.store import Store
from maillon.kit.webhooks import DEPARTED, PAUSES, Receiver, Webhooks, receivers, sign
from maillon.kit.webhooks import table as messages
from maillon.services.members.letters import scopes_in_words
from maillon.services.members.model import Kind, Scheme, Scope
from maillon.services.members.register import Register
from maillon.services.members.service import MembersService
from maillon.services.notices import words

BANK_NUMBER, TOWN_NUMBER = 2, 3


def told(store: Store, notices: Notices, organisation: str) -> list[tuple[str, str]]:
    """Kind and text of every notice of an organisation, oldest first."""
    with store.read() as session:
        query = sa.select(table).where(table.c.organisation == organisation)
        rows = session.execute(query.order_by(table.c.number)).all()
    read = [notices.read(row) for row in rows]
    return [(one.kind.name, words.text(one, "en", {})) for one in read if one is not None]


async def test_the_office_is_told_of_what_waits_for_it(service: MembersService, store: Store, notices: Notices) -> None:
    file, code = await service.apply(fields(legal_name="Ambrun"))
    identifier = file.application.id
    await service.ask_for_more(identifier, "The mandate, please", "person:1")
    await service.answer(code, "Here it is")
    await service.refuse(identifier, "Not this year", "person:1")
    await service.appeal(code, "Why not?")
    await service.withdraw(code)
    waits = "The application of Ambrun waits for the office to read it."
    assert told(store, notices, "office") == [
        ("application.waiting", f"It has just arrived. {waits}"),
        ("application.waiting", f"What was missing has been answered. {waits}"),
        ("application.waiting", f"An appeal asks that it be looked at again. {waits}"),
    ]
    with store.read() as session:
        (row, *_) = session.execute(sa.select(table)).all()
    notice = notices.read(row)
    assert notice is not None
    assert words.page(notice, "fr") == f"/fr/office/applications/{identifier}"


async def test_an_organisation_is_told_of_its_standing_and_its_accounts(
    alliance: Alliance, service: MembersService, store: Store, notices: Notices, clock: FixedClock
) -> None:
    form = a_form(Scheme.SIREN, OTHER_SIREN, "Autre bureau", Kind.ASSOCIATION)
    await alliance.enter(form, OTHER_OFFICE, scopes=Scope.OFFICER)
    await service.catch_up()
    before = len(told(store, notices, str(BANK_NUMBER)))
    _, case = await service.suspend(BANK_NUMBER, "Clé compromise", "person:1")
    assert told(store, notices, str(BANK_NUMBER))[before:] == []  # asked for, and not suspended yet
    service._office = OTHER_OFFICE
    await service.second_suspension(BANK_NUMBER, case, "person:2")
    ((kind, text),) = told(store, notices, str(BANK_NUMBER))[before:]
    assert kind == "organisation.suspended"
    assert "Two officers have suspended your organisation until" in text
    assert "Clé compromise" not in text
    # The other office was admitted: its status, and its first account.
    rows = told(store, notices, "3")
    assert ("organisation.status", "In the alliance your organisation is now: member. It was: applied.") in rows
    assert any(kind == "delegate.added" for kind, _ in rows)
    # Programs are told of the same, and not of the reason either.
    with store.read() as session:
        bodies = [bytes(body) for body in session.execute(sa.select(messages.c.body)).scalars()]
    (told_programs,) = [one["data"] for one in map(orjson.loads, bodies) if one["type"] == "organisation.suspended"]
    assert told_programs["organisation"] == BANK_NUMBER
    assert told_programs["until"] > clock.now().timestamp()
    assert not any("compromise" in body.decode() for body in bodies)


@pytest.mark.lived
async def test_who_leaves_is_told_of_it_and_of_nothing_more(
    alliance: Alliance, store: Store, notices: Notices, webhooks: Webhooks
) -> None:
    with store.transaction() as session:
        for number in (TOWN_NUMBER, BANK_NUMBER):
            webhooks.add(session, str(number), "https://receiver.example/", ["organisation.status"])
        # They were made before the alliance's history, which is read now.
        session.execute(receivers.update().values(since=0))
    await Register(store, alliance.contract, notices, webhooks, "https://maillon.example").catch_up()
    with store.read() as session:
        ((town,), (bank,)) = (webhooks.of(session, str(number)) for number in (TOWN_NUMBER, BANK_NUMBER))
        bodies = session.scalars(sa.select(messages.c.body).where(messages.c.receiver == town.id))
        told = [orjson.loads(body)["data"] for body in bodies]
    assert (town.reason, town.off is not None) == (DEPARTED, True)
    assert bank.off is None
    of_town = [one["status"] for one in told if one["organisation"] == TOWN_NUMBER]
    assert "departed" in of_town
    assert "applied" not in of_town, "it asks again, which its webhooks are not told of"


@pytest.mark.lived
async def test_programs_are_told_what_became_of_an_organisation_until_they_take_it(
    alliance: Alliance, store: Store, notices: Notices, clock: FixedClock
) -> None:
    listener = Listener()
    try:
        webhooks = Webhooks(
            store, clock, Encryption([("00000001", bytes(32))], bytes(32)), [Receiver(listener.url, KEY)], private=True
        )
        await Register(store, alliance.contract, notices, webhooks, "https://maillon.example").catch_up()
        waiting, _ = webhooks.counts()
        listener.status = 503
        assert await asyncio.to_thread(webhooks.deliver) == 0
        clock.advance(PAUSES[0])
        listener.status = 204
        assert await asyncio.to_thread(webhooks.deliver) == waiting
        assert webhooks.counts() == (0, 0)
        # Read anew, the same chain tells nobody again.
        register = Register(store, alliance.contract, notices, webhooks, "https://maillon.example")
        await register.rebuild()
        assert webhooks.counts() == (0, 0)
    finally:
        listener.close()
    (refused, *taken) = listener.heard
    assert refused[1] == taken[0][1], "the oldest is tried until it is taken, and the others after it"
    assert len(taken) == waiting > 1
    for headers, body in taken:
        assert headers["webhook-signature"] == sign(KEY, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    told_of = [orjson.loads(body) for _, body in taken]
    town = sorted(
        (one for one in told_of if one["data"]["organisation"] == TOWN_NUMBER), key=lambda one: one["timestamp"]
    )
    assert {one["type"] for one in town} == {
        *("organisation.applied", "organisation.status", "delegate.added", "delegate.changed", "delegate.removed")
    }
    assert [(one["data"]["former"], one["data"]["status"]) for one in town if one["type"] == "organisation.status"] == [
        ("applied", "active"),
        ("active", "suspended"),
        ("suspended", "active"),
        ("active", "departed"),
        ("departed", "applied"),
    ]
    (changed,) = [one["data"] for one in town if one["type"] == "delegate.changed"]
    assert changed["scopes"] == ["admin", "vote"]
    assert changed["pages"]["fr"] == f"https://maillon.example/fr/members/{TOWN_NUMBER}"
    assert all(one["data"]["legal_name"] for one in town)
    assert all(one["data"]["block"] > 0 and one["data"]["transaction"].startswith("0x") for one in town)


@pytest.mark.lived
async def test_a_chain_read_anew_tells_nobody_of_last_year(
    alliance: Alliance, service: MembersService, store: Store, notices: Notices, clock: FixedClock
) -> None:
    del alliance
    await service.catch_up()
    first = told(store, notices, "3")
    assert {"delegate.added", "delegate.changed", "delegate.removed"} <= {kind for kind, _ in first}
    await service.reindex()
    assert told(store, notices, "3") == first
    with store.transaction() as session:
        session.execute(table.delete())
    clock.advance(FRESH.total_seconds() + 86_400)
    await service.reindex()
    assert told(store, notices, "3") == []


@pytest.mark.parametrize(
    ("scopes", "french", "english"),
    [
        (Scope(0), "rien", "nothing"),
        (Scope.VOTE, "voter", "vote"),
        (Scope.ADMIN | Scope.PUBLISH, "administrer, publier", "administer, publish"),
        (Scope.VOTE | Scope.OFFICER, "voter, exercer une fonction", "vote, act in an office"),
    ],
)
def test_scopes_are_said_in_both_languages(scopes: Scope, french: str, english: str) -> None:
    assert scopes_in_words(scopes) == {"fr": french, "en": english}


async def test_members_now_are_told_from_those_that_were(
    alliance: Alliance, service: MembersService, store: Store
) -> None:
    form = a_form(Scheme.SIREN, OTHER_SIREN, "Autre bureau", Kind.ASSOCIATION)
    await alliance.enter(form, OTHER_OFFICE, scopes=Scope.OFFICER)
    _, case = await service.suspend(BANK_NUMBER, "Clé compromise", "person:1")
    service._office = OTHER_OFFICE
    await service.second_suspension(BANK_NUMBER, case, "person:2")
    asked = ["1", str(BANK_NUMBER), "999", "office", "velle", "\uff11"]
    with store.read() as session:
        assert service.present(session, asked) == {"1", str(BANK_NUMBER)}
        now = service._clock.now() + datetime.timedelta(days=1)  # the chain of tests runs a little ahead
        assert service.active(session, asked, now) == {"1"}
        assert service.active(session, asked, now - datetime.timedelta(days=36_500)) == set()
