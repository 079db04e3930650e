# SPDX-License-Identifier: Apache-2.0
"""What happens in votes, brought to webhooks and notices by the composition root: who is told, and who is not."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from gathering import Gathering
from maillon.kit.notices import EVERY_MEMBER, table
from maillon.kit.webhooks import Receiver, Webhooks
from maillon.kit.webhooks import table as messages
from maillon.main import News
from maillon.services.notices import words
from maillon.services.people import Actor

JOINED = {"1": 0, "2": 1_600_000_000, "3": 0}


class Register:
    """Organisations 1, 2 and 3 are members; nobody of 3 has an account here, and 4 is suspended."""

    def active(self, _connection: object, organisations: list[str], since: datetime.datetime) -> set[str]:
        return {one for one in organisations if one in JOINED and JOINED[one] <= since.timestamp()}


@pytest.fixture
def news(gathering: Gathering, people: dict[str, Actor]) -> News:
    assert people
    box = gathering.box
    webhooks = Webhooks(box.store, box.clock, box.encryption, [Receiver("https://receiver.example", bytes(32))])
    return News(webhooks, box.notices, box.people, Register(), "http://portal.test")  # type: ignore[arg-type]


def tell(gathering: Gathering, news: News, kind: str, **data: Any) -> list[tuple[str | None, str]]:
    """Stage the news; every notice there is then, as organisation and text."""
    now = int(gathering.box.clock.now().timestamp())
    with gathering.box.store.transaction() as connection:
        news.stage(connection, kind, 12, "once", now, data)
    with gathering.box.store.read() as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.number)).all()
    read = [gathering.box.notices.read(row) for row in rows]
    return [(one.organisation, words.text(one, "fr", {})) for one in read if one is not None]


def test_a_proposal_is_told_once_for_every_member(gathering: Gathering, news: News) -> None:
    for _ in range(2):
        told = tell(gathering, news, "vote.proposed", title=None, opens=1_700_000_000, closes=1_700_000_000)
    ((organisation, text),) = told
    assert organisation == EVERY_MEMBER
    assert text.startswith("La proposition 12 se votera du 14 novembre 2023")
    with gathering.box.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(messages)) == 1


def test_a_proposal_whose_title_comes_later_is_one_notice_with_its_title(gathering: Gathering, news: News) -> None:
    data = {"opens": 1_700_000_000, "closes": 1_700_000_000}
    with gathering.box.store.transaction() as connection:
        now = int(gathering.box.clock.now().timestamp())
        news.stage(connection, "vote.proposed", 12, "once", now, data | {"title": None}, to_people=False)
    with gathering.box.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(messages)) == 1
    for title, said in ((None, "Mis au vote\u00a0: proposition 12"), ("Accueillir", "Mis au vote\u00a0: Accueillir")):
        assert len(tell(gathering, news, "vote.proposed", title=title, **data)) == 1
        with gathering.box.store.read() as connection:
            notice = gathering.box.notices.read(connection.execute(sa.select(table)).one())
            assert connection.scalar(sa.select(sa.func.count()).select_from(messages)) == 1
        assert notice is not None
        assert words.title(notice, "fr", {}) == said


def test_who_has_spoken_is_not_asked_again_and_who_is_not_here_is_not_asked(gathering: Gathering, news: News) -> None:
    closing = {"title": "Accueillir", "opens": 1, "closes": 1_700_000_000}
    # Whoever joined after the proposal has no voice in it.
    assert tell(gathering, news, "vote.closing", **closing, proposed=1_599_999_999, spoken=[1]) == []
    told = tell(gathering, news, "vote.closing", **closing, proposed=1_600_000_000, spoken=[1])
    assert [organisation for organisation, _ in told] == ["2"]
    told = tell(gathering, news, "vote.closing", **closing, proposed=1_600_000_000, spoken=[])
    assert [organisation for organisation, _ in told] == ["2", "1"]


def test_an_execution_that_fails_again_and_again_is_told_once_a_day(gathering: Gathering, news: News) -> None:
    data = {"title": "T", "reason": "members: caller is not governance"}
    now = 86_400 * 20_000 + 80_000
    gathering.box.clock.time = datetime.datetime.fromtimestamp(now, datetime.UTC)
    with gathering.box.store.transaction() as connection:
        for happened in (now - 600, now - 300, now - 86_400):
            news.stage(connection, "vote.execution-failed", 12, f"12:{happened}", happened, data)
    with gathering.box.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 2


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("vote.opened", {"title": "T", "opens": 1, "closes": 2}, "On peut prendre position"),
        ("vote.recorded", {"title": "T", "sha256": "ab", "passed": True}, "est clos\u00a0: Adopté."),
        ("vote.recorded", {"title": "T", "sha256": "ab", "passed": False}, "est clos\u00a0: Non adopté."),
        ("vote.executed", {"title": "T", "block": 3}, "est fait"),
        ("vote.execution-failed", {"title": "T", "reason": "members: caller is not governance"}, "l’a refusé"),
    ],
)
def test_every_event_has_its_words(
    gathering: Gathering, news: News, kind: str, data: dict[str, Any], said: str
) -> None:
    ((_, text),) = tell(gathering, news, kind, **data)
    assert said in text
    assert "members: caller" not in text or kind != "vote.execution-failed"
