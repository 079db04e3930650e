# SPDX-License-Identifier: Apache-2.0
"""Notices: each is seen by whom it concerns and by nobody else, read once, and written to whoever wants it."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from gathering import Gathering
from maillon.kit.encryption import Encryption
from maillon.kit.errors import StoreUnavailable
from maillon.kit.notices import EVERY_MEMBER, FRESH, KEPT, KINDS, Kind, Mail, Notices, Sayings, register, table
from maillon.services.members.letters import APPLICATION_WAITS, STATUS_CHANGED, WHY_IT_WAITS
from maillon.services.notices import rules, words
from maillon.services.notices.errors import InvalidChoice, UnknownNotice
from maillon.services.notices.service import READERS_AT_ONCE
from maillon.services.notices.store import CHOICE, READ
from maillon.services.people import NOBODY, OFFICE, Actor
from maillon.services.people.errors import LogInNeeded, NotAllowed
from maillon.services.people.letters import KEY_EXPIRING
from maillon.services.votes.letters import CLOSING, EXECUTED, PROPOSED, notice_words
from people_box import OTHER_PASSWORD, PASSWORD

VOTE = notice_words(12, {"title": "Accueillir les associations", "opens": 1_700_000_000, "closes": 1_700_600_000})
STATUS = {"status": {"fr": "suspendue", "en": "suspended"}, "former": {"fr": "membre", "en": "member"}}


def tell(gathering: Gathering, kind: Kind, key: str = "1", organisation: str = EVERY_MEMBER) -> None:
    said = STATUS if kind is STATUS_CHANGED else VOTE
    with gathering.box.store.transaction() as connection:
        gathering.box.notices.stage(connection, kind, key, said, organisation=organisation)


def kinds(gathering: Gathering, actor: Actor) -> list[str]:
    return [seen.notice.kind.name for seen in gathering.service.notices(actor).notices]


def test_a_vote_concerns_those_who_vote_in_every_member(gathering: Gathering, people: dict[str, Actor]) -> None:
    tell(gathering, PROPOSED)
    for name, seen in (("mayor", 1), ("delegate", 1), ("eve", 1), ("clerk", 0), ("ada", 0)):
        assert gathering.service.unread(people[name]) == seen, name
        assert len(kinds(gathering, people[name])) == seen
    assert gathering.service.unread(NOBODY) == 0
    # Whoever is no member any more is told of votes no more.
    gathering.members = {"2"}
    assert gathering.service.unread(people["mayor"]) == 0
    assert gathering.service.unread(people["eve"]) == 1


def test_what_concerns_an_organisation_is_seen_there_alone(gathering: Gathering, people: dict[str, Actor]) -> None:
    tell(gathering, STATUS_CHANGED, organisation="1")
    tell(gathering, KEY_EXPIRING, organisation="1")
    assert kinds(gathering, people["mayor"]) == ["key.expiring", "organisation.status"]
    assert kinds(gathering, people["clerk"]) == ["organisation.status"]
    assert kinds(gathering, people["eve"]) == []
    with gathering.box.store.transaction() as connection:
        gathering.box.notices.stage(
            connection,
            APPLICATION_WAITS,
            "a",
            {"name": "Ambrun", "why": WHY_IT_WAITS["submitted"], "application": "ab12"},
            organisation=OFFICE,
        )
    assert kinds(gathering, people["ada"]) == ["application.waiting"]
    assert "application.waiting" not in kinds(gathering, people["mayor"])


def test_whoever_applies_a_thousand_times_fills_no_mailbox(gathering: Gathering, people: dict[str, Actor]) -> None:
    box, most = gathering.box, APPLICATION_WAITS.letters_an_hour
    assert most is not None

    def apply(first: int, count: int) -> None:
        with box.store.transaction() as connection:
            for number in range(first, first + count):
                said = {"name": f"Ville {number}", "why": WHY_IT_WAITS["submitted"], "application": f"{number:x}"}
                box.notices.stage(connection, APPLICATION_WAITS, str(number), said, organisation=OFFICE)

    apply(0, most + 15)
    # Whoever goes on where another stopped counts what stands there, and not what they sent themselves.
    assert gathering.service._write_some() is not None
    gathering.service.write_letters()
    letters = box.letters("ada@office.example")
    assert len(letters) == most
    # They are carried in no order; the newest of those that are written says that no more come.
    (last,) = [letter for letter in letters if "dernière lettre de ce genre pour une heure" in letter]
    assert f"Ville {most - 1} " in last
    # The portal has them all.
    assert kinds(gathering, people["ada"]) == ["application.waiting"] * 20
    assert gathering.service.unread(people["ada"]) == most + 15
    # What is told of others is another thing, and an hour later there are letters again.
    tell(gathering, STATUS_CHANGED, organisation=OFFICE)
    gathering.service.write_letters()
    assert len(box.letters("ada@office.example")) == most + 1
    box.clock.advance(3_600)
    apply(1_000, 1)
    gathering.service.write_letters()
    assert "Ville 1000" in box.letters("ada@office.example")[-1]


def test_a_role_that_was_taken_takes_its_notices_along(gathering: Gathering, people: dict[str, Actor]) -> None:
    box = gathering.box
    tell(gathering, PROPOSED)
    box.people.change_roles(people["mayor"], "1", people["delegate"].person or "", ["member"])
    assert kinds(gathering, people["delegate"]) == ["role.changed"]
    (told,) = gathering.service.notices(people["delegate"]).notices
    called = {"1": "Commune d’Ambrun"}
    assert words.title(told.notice, "fr", called) == "Vos rôles ont changé\u00a0: Commune d’Ambrun"
    assert words.text(told.notice, "en", called) == "Your roles now: member."
    # Changing them to what they are, or one's own, is no news.
    box.people.change_roles(people["mayor"], "1", people["delegate"].person or "", ["member"])
    box.people.change_roles(people["mayor"], "1", people["mayor"].person or "", ["administrator", "member"])
    assert kinds(gathering, people["delegate"]) == ["role.changed"]
    assert kinds(gathering, people["mayor"]) == ["vote.proposed"]


def test_what_was_before_an_account_is_no_news_to_it(gathering: Gathering, people: dict[str, Actor]) -> None:
    tell(gathering, PROPOSED)
    gathering.box.clock.advance(60)
    late, _, _ = gathering.box.member(people["ada"], "1", "late@1.example", "delegate")
    assert kinds(gathering, late) == []
    tell(gathering, PROPOSED, "2")
    assert kinds(gathering, late) == ["vote.proposed"]


def test_a_notice_is_read_by_each_for_themselves(gathering: Gathering, people: dict[str, Actor]) -> None:
    for key in "abc":
        tell(gathering, PROPOSED, key)
    page = gathering.service.notices(people["mayor"])
    first = page.notices[-1].notice.number
    assert gathering.service.mark_read(people["mayor"], [first]) == 1
    assert gathering.service.mark_read(people["mayor"], [first]) == 0
    assert gathering.service.unread(people["mayor"]) == 2
    assert gathering.service.unread(people["delegate"]) == 3
    unread = gathering.service.notices(people["mayor"], unread_only=True)
    assert first not in [seen.notice.number for seen in unread.notices]
    # What came after the page was drawn is not marked with it.
    newest = page.notices[0].notice.number
    tell(gathering, PROPOSED, "d")
    assert gathering.service.mark_all_read(people["mayor"], newest) == 2
    assert gathering.service.unread(people["mayor"]) == 1


def test_nobody_marks_or_learns_of_what_is_not_theirs(gathering: Gathering, people: dict[str, Actor]) -> None:
    tell(gathering, STATUS_CHANGED, organisation="1")
    tell(gathering, PROPOSED)
    theirs = gathering.service.notices(people["mayor"]).notices
    hidden, common = theirs[1].notice.number, theirs[0].notice.number
    for number in (hidden, 999_999):
        with pytest.raises(UnknownNotice, match=str(number)):
            gathering.service.mark_read(people["eve"], [common, number])
    # All or nothing.
    assert gathering.service.unread(people["eve"]) == 1
    assert gathering.service.mark_all_read(people["eve"], 2**62) == 1
    with gathering.box.store.read() as connection:
        assert connection.scalar(sa.select(READ.c.notice).where(READ.c.notice == hidden)) is None
    key, _ = gathering.box.people.make_key(people["mayor"], "1", "billing", ["notary:write"], None)
    program = Actor(key=key, organisation="1", scopes=frozenset({"notary:write"}))
    for ask in (gathering.service.notices, gathering.service.choices):
        with pytest.raises(NotAllowed):
            ask(program)  # type: ignore[operator]
        with pytest.raises(LogInNeeded):
            ask(NOBODY)  # type: ignore[operator]


def test_pages_follow_each_other_without_a_gap(gathering: Gathering, people: dict[str, Actor]) -> None:
    for key in range(7):
        tell(gathering, PROPOSED, str(key))
    seen: list[int] = []
    before = None
    while True:
        page = gathering.service.notices(people["mayor"], 3, before)
        seen += [one.notice.number for one in page.notices]
        if (before := page.next) is None:
            break
    assert len(seen) == 7
    assert seen == sorted(seen, reverse=True)


def test_counting_ends_somewhere(gathering: Gathering, people: dict[str, Actor]) -> None:
    for key in range(rules.COUNTED + 3):
        tell(gathering, PROPOSED, str(key))
    assert gathering.service.unread(people["mayor"]) == rules.COUNTED


# Letters and choices.


def test_a_letter_goes_to_whoever_has_not_declined_it(gathering: Gathering, people: dict[str, Actor]) -> None:
    box = gathering.box
    gathering.service.choose(people["delegate"], {"vote.proposed": False})
    tell(gathering, PROPOSED)
    assert gathering.service.write_letters() == 2
    box.outbox.deliver()
    assert sorted(letter["To"] for letter in box.office.letters) == ["eve@2.example", "mayor@1.example"]
    (letter,) = box.office.to("mayor@1.example")
    assert letter["Subject"] == "Mis au vote\u00a0: Accueillir les associations"
    assert letter["List-Unsubscribe"] == "<http://localhost:8400/fr/account/notices>"
    lines = letter.get_content().splitlines()
    assert "http://localhost:8400/fr/votes/12" in lines
    assert "http://localhost:8400/fr/account/notices" in lines
    # Never twice.
    assert gathering.service.write_letters() == 0


def test_a_letter_that_must_be_asked_for_goes_to_whoever_did(gathering: Gathering, people: dict[str, Actor]) -> None:
    tell(gathering, EXECUTED)
    assert gathering.service.write_letters() == 0
    gathering.service.choose(people["eve"], {"vote.executed": True})
    tell(gathering, EXECUTED, "2")
    assert gathering.service.write_letters() == 1
    gathering.box.outbox.deliver()
    assert [letter["To"] for letter in gathering.box.office.letters] == ["eve@2.example"]
    assert gathering.service.unread(people["mayor"]) == 2  # the portal has it either way


def test_nobody_who_cannot_see_a_notice_is_written_it(gathering: Gathering, people: dict[str, Actor]) -> None:
    assert people
    gathering.members = {"2"}
    tell(gathering, PROPOSED)
    tell(gathering, CLOSING, organisation="1")
    assert gathering.service.write_letters() == 3
    gathering.box.outbox.deliver()
    written = sorted(
        (letter["To"], letter["Subject"].partition("\u00a0")[0]) for letter in gathering.box.office.letters
    )
    assert written == [
        ("delegate@1.example", "Plus qu’un jour pour voter"),
        ("eve@2.example", "Mis au vote"),
        ("mayor@1.example", "Plus qu’un jour pour voter"),
    ]


def test_many_readers_are_written_a_few_at_a_time(
    gathering: Gathering, people: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maillon.services.notices.service.READERS_AT_ONCE", 1)
    tell(gathering, PROPOSED)
    assert READERS_AT_ONCE > 1
    # A crash between two leaves a part written: the next start goes on there.
    some = gathering.service._write_some()
    assert some is not None
    assert some[1] == 1
    gathering.box.outbox.deliver()
    assert len(gathering.box.office.letters) == 1
    assert gathering.service.write_letters() == 2
    gathering.box.outbox.deliver()
    to = [letter["To"] for letter in gathering.box.office.letters]
    assert sorted(to) == ["delegate@1.example", "eve@2.example", "mayor@1.example"]
    assert len(people) == 5


def test_a_notice_that_cannot_be_written_holds_up_no_other(
    gathering: Gathering, people: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert people
    tell(gathering, PROPOSED, "broken")
    with gathering.box.store.transaction() as connection:
        (whole,) = connection.scalars(sa.select(table.c.words)).all()
        connection.execute(table.update().values(words=bytes(whole)[:-1] + bytes([bytes(whole)[-1] ^ 1])))
    tell(gathering, PROPOSED, "whole")
    assert gathering.service.write_letters() == 3
    # Once it can be read again, it is written.
    with gathering.box.store.transaction() as connection:
        connection.execute(table.update().where(table.c.written_to.is_not(None)).values(words=whole))
    assert gathering.service.write_letters() == 3

    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr("maillon.services.notices.store.next_to_write", away)
    with pytest.raises(StoreUnavailable):
        gathering.service.write_letters()


def test_the_writer_walks_by_itself(
    gathering: Gathering, people: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert people
    monkeypatch.setattr("maillon.services.notices.service._ROUND", 0.05)
    gathering.service.start()
    try:
        tell(gathering, PROPOSED)
        until = time.monotonic() + 60
        while gathering.box.outbox.counts()[0] < 3 and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        gathering.service.stop()
    assert gathering.box.outbox.counts() == (3, 0)


def test_choices_are_those_one_can_make(gathering: Gathering, people: dict[str, Actor]) -> None:
    by_name = {choice.kind.name: choice for choice in gathering.service.choices(people["clerk"])}
    assert "vote.proposed" not in by_name
    assert by_name["organisation.status"].mail
    assert by_name["account.changed"].fixed
    assert by_name["account.changed"].mail
    office = {choice.kind.name for choice in gathering.service.choices(people["ada"])}
    assert {"application.waiting", "key.expiring", "account.changed"} <= office
    assert "vote.proposed" not in office
    assert not {"application.waiting"} & set(by_name)
    found = {choice.kind.name: choice.mail for choice in gathering.service.choose(people["eve"], {"vote.opened": True})}
    assert found["vote.opened"]
    assert found["vote.proposed"]
    for wanted in ({"account.changed": False}, {"vote.nothing": True}):
        with pytest.raises(InvalidChoice):
            gathering.service.choose(people["eve"], {**wanted, "vote.proposed": False})
    assert {c.kind.name: c.mail for c in gathering.service.choices(people["eve"])}["vote.proposed"]
    # What cannot be declined may be said yes to: a form that shows it is no error.
    gathering.service.choose(people["eve"], {"account.changed": True})


def test_a_change_of_how_one_logs_in_is_told_and_written_whatever_was_chosen(
    gathering: Gathering, people: dict[str, Actor]
) -> None:
    box = gathering.box
    box.people.change_password(people["clerk"], PASSWORD, OTHER_PASSWORD)
    assert kinds(gathering, people["clerk"]) == ["account.changed"]
    assert len(box.letters("clerk@1.example")) == 1
    assert gathering.service.write_letters() == 0
    assert kinds(gathering, people["mayor"]) == []
    box.people.ask_new_address(people["clerk"], "new@1.example")
    assert kinds(gathering, people["clerk"]) == ["account.address", "account.changed"]


def test_an_invitation_is_told_to_whoever_has_an_account(gathering: Gathering, people: dict[str, Actor]) -> None:
    gathering.box.people.invite(people["eve"], "2", "clerk@1.example", ["member"], "fr")
    gathering.box.people.invite(people["eve"], "2", "unknown@1.example", ["member"], "fr")
    assert kinds(gathering, people["clerk"]) == ["invitation.received"]
    (told,) = gathering.service.notices(people["clerk"]).notices
    assert words.title(told.notice, "en", {"2": "Bank"}) == "You are invited to join Bank"
    assert gathering.service.write_letters() == 0  # the invitation itself is its letter


def test_a_key_that_ends_soon_is_told_once(gathering: Gathering, people: dict[str, Actor]) -> None:
    box = gathering.box
    box.people.make_key(people["mayor"], "1", "billing", ["notary:write"], 30)
    box.people.make_key(people["mayor"], "1", "short", ["notary:write"], 3)
    revoked, _ = box.people.make_key(people["mayor"], "1", "revoked", ["notary:write"], 30)
    box.people.revoke_key(people["mayor"], "1", revoked)
    rotated, _ = box.people.make_key(people["mayor"], "1", "rotated", ["notary:write"], 365)
    box.people.rotate_key(people["mayor"], "1", rotated)  # its successor is there: nobody has to do anything
    box.clock.advance(3600)
    box.people.keep_house()
    assert kinds(gathering, people["mayor"]) == []
    box.clock.advance(datetime.timedelta(days=24).total_seconds())
    box.people.keep_house()
    box.people.keep_house()
    assert kinds(gathering, people["mayor"]) == ["key.expiring"]
    (told,) = gathering.service.notices(people["mayor"]).notices
    assert words.title(told.notice, "en", {}) == "The API key billing expires soon"
    assert words.page(told.notice, "en") == "/en/organisations/1/keys"
    assert kinds(gathering, people["delegate"]) == []


# What is kept, and for how long.


def test_notices_are_forgotten_after_ninety_days(gathering: Gathering, people: dict[str, Actor]) -> None:
    tell(gathering, PROPOSED)
    number = gathering.service.notices(people["mayor"]).notices[0].notice.number
    gathering.service.mark_read(people["mayor"], [number])
    gathering.box.clock.advance(KEPT.total_seconds())
    gathering.box.people.keep_house()
    assert len(kinds(gathering, people["mayor"])) == 1
    gathering.box.clock.advance(1)
    gathering.box.people.keep_house()
    assert kinds(gathering, people["mayor"]) == []
    with gathering.box.store.read() as connection:
        assert connection.execute(sa.select(READ)).all() == []


def test_somebody_takes_their_notices_along_and_is_erased_with_them(
    gathering: Gathering, people: dict[str, Actor]
) -> None:
    box = gathering.box
    box.people.change_password(people["clerk"], PASSWORD, OTHER_PASSWORD)
    tell(gathering, STATUS_CHANGED, organisation="1")
    numbers = [seen.notice.number for seen in gathering.service.notices(people["clerk"]).notices]
    gathering.service.mark_read(people["clerk"], numbers)
    gathering.service.choose(people["clerk"], {"organisation.status": False})
    taken = box.people.export(people["clerk"])
    assert [one["kind"] for one in taken["notices"]] == ["account.changed"]
    assert taken["notices_read"] == sorted(numbers)
    assert taken["notices_by_mail"] == {"organisation.status": False}
    box.people.erase(people["clerk"])
    with box.store.read() as connection:
        for kept in (READ, CHOICE):
            assert connection.execute(sa.select(kept)).all() == []
        assert connection.scalars(sa.select(table.c.kind)).all() == ["organisation.status"]
    assert gathering.service.unread(people["clerk"]) == 0


def test_words_stand_encrypted_and_are_encrypted_again(gathering: Gathering, people: dict[str, Actor]) -> None:
    tell(gathering, PROPOSED)
    with gathering.box.store.read() as connection:
        (sealed,) = connection.scalars(sa.select(table.c.words)).all()
    assert b"associations" not in bytes(sealed)
    ring = [("00000002", bytes(range(32, 64))), ("00000001", bytes(range(32)))]
    newer = Notices(gathering.box.clock, Encryption(ring, bytes(32)))
    with gathering.box.store.transaction() as connection:
        assert newer.encrypt_again(connection) == 1
        assert newer.encrypt_again(connection) == 0
    gathering.service._notices = newer
    (told,) = gathering.service.notices(people["mayor"]).notices
    assert told.notice.words["title"] == "Accueillir les associations"


# Staging.


def test_what_happened_once_is_told_once(gathering: Gathering, people: dict[str, Actor]) -> None:
    tell(gathering, PROPOSED)
    tell(gathering, PROPOSED)
    assert gathering.service.unread(people["mayor"]) == 1
    now = int(gathering.box.clock.now().timestamp())
    with gathering.box.store.transaction() as connection:
        for ago in (FRESH.total_seconds() + 1, FRESH.total_seconds()):
            gathering.box.notices.stage(
                connection, PROPOSED, f"old {ago}", VOTE, organisation=EVERY_MEMBER, happened=now - int(ago)
            )
    assert gathering.service.unread(people["mayor"]) == 2


def test_a_deed_that_is_undone_leaves_no_notice(gathering: Gathering, people: dict[str, Actor]) -> None:
    def undone() -> None:
        with gathering.box.store.transaction() as connection:
            gathering.box.notices.stage(connection, PROPOSED, "1", VOTE, organisation=EVERY_MEMBER)
            raise RuntimeError("the deed failed")

    with pytest.raises(RuntimeError):
        undone()
    assert gathering.service.unread(people["mayor"]) == 0


def test_a_notice_is_told_to_whom_its_kind_is_for(gathering: Gathering) -> None:
    with gathering.box.store.transaction() as connection:
        for who in ({"person": "ab"}, {}, {"person": "ab", "organisation": "1"}):
            with pytest.raises(ValueError, match="organisation"):
                gathering.box.notices.stage(connection, PROPOSED, "1", VOTE, **who)


@pytest.fixture
def strange() -> Iterator[Kind]:
    """A kind of a program that is newer, or was: a service that is no more."""
    sayings = Sayings("Strange", "Strange", "Strange")
    kind = Kind("strange.thing", Mail.UNLESS_DECLINED, {"fr": sayings, "en": sayings}, "", frozenset({"administrator"}))
    yield register(kind)
    KINDS.pop("strange.thing", None)


def test_a_kind_nobody_knows_any_more_is_not_shown_and_stops_nothing(
    gathering: Gathering, people: dict[str, Actor], strange: Kind
) -> None:
    tell(gathering, strange, organisation="1")
    assert kinds(gathering, people["mayor"]) == ["strange.thing"]
    del KINDS["strange.thing"]
    tell(gathering, PROPOSED)
    assert kinds(gathering, people["mayor"]) == ["vote.proposed"]
    assert gathering.service.unread(people["mayor"]) == 1
    assert gathering.service.write_letters() == 3
    with pytest.raises(ValueError, match="two kinds"):
        register(Kind("vote.proposed", Mail.ALWAYS, {}, ""))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_its_words_in_both_languages(kind: str) -> None:
    found = KINDS[kind]
    assert set(found.sayings) == {"fr", "en"}
    french, english = found.sayings["fr"], found.sayings["en"]
    for said in (french.meaning, french.title, english.meaning, english.title):
        assert "\n" not in said
        assert said[0].isupper() or said.startswith("{")
    assert found.name.partition(".")[2]
