# SPDX-License-Identifier: Apache-2.0
"""Credits that run low: who is told, of what, and how often; and who is not."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from typing import Any, cast

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from maillon.kit.clock import FixedClock
from maillon.kit.encryption import Encryption
from maillon.kit.language import LANGUAGES, Language
from maillon.kit.notices import FRESH, Mail, Notices
from maillon.kit.notices import table as notices_table
from maillon.kit.store import Store
from maillon.kit.webhooks import Receiver, Webhooks
from maillon.kit.webhooks import table as messages
from maillon.ledger.errors import Unavailable
from maillon.ledger.fees import CREDIT
from maillon.main import CreditNews
from maillon.services.credits import CreditsContract, CreditsService, rules
from maillon.services.credits.contract import Terms
from maillon.services.credits.errors import CreditsUnavailable
from maillon.services.credits.letters import CREDITS_LOW, notice_words
from maillon.services.credits.model import LowCredits, Refill
from maillon.services.members.model import RollEntry
from maillon.services.notices import words
from maillon.services.people.model import Profile, Role
from maillon.services.people.store import PeopleStore

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
TIER = 3
amounts = st.integers(0, 10**24)


def account(number: int) -> bytes:
    return number.to_bytes(20, "big")


class Network:
    """A chain that grants: blocks a second apart, balances by member, contract, register and announcer in one."""

    def __init__(self, period: int = 100, head: int = 1_000) -> None:
        self.period, self.head, self.away = period, head, False
        self.balances: dict[int, int] = {}
        self.entries: list[RollEntry] = []
        self.readers_here = {1, 2, 3, 4, 5}
        self.told: list[LowCredits] = []
        self.asked: list[str] = []
        self.service = CreditsService(
            cast("CreditsContract", self), self.ask, self, FixedClock(NOW), None, grants=True, announcer=self
        )

    def member(self, number: int, balance: int, *, suspended: int = 0, chosen: bool = True) -> None:
        self.balances[number] = balance
        self.entries = [entry for entry in self.entries if entry.organisation != number]
        entry = RollEntry(
            number, f"Member {number}", TIER, account(number) if chosen else None, account(number), suspended
        )
        self.entries = sorted([*self.entries, entry], key=lambda one: one.organisation)

    async def ask(self, method: str, *parameters: Any) -> Any:
        self.asked.append(method)
        if self.away:
            raise Unavailable("nobody answers")
        if method == "eth_getBalance":
            assert parameters[1] == hex(self.head), "read in another state than the rest"
            return hex(self.balances[int(parameters[0], 16)])
        number = self.head if parameters[0] == "latest" else int(parameters[0], 16)
        return {"number": hex(number), "timestamp": hex(number), "gasUsed": "0x0", "gasLimit": "0x64",
                "baseFeePerGas": "0x7"}  # fmt: skip

    async def terms(self, _at: int) -> Terms:
        return Terms(10**9, self.period, [0, 0, 0, 100 * CREDIT, 0, 0, 0, 0])

    async def roll(self, after: int, limit: int) -> list[RollEntry]:
        return [entry for entry in self.entries if entry.organisation > after][:limit]

    async def accounts_of(self, _organisation: int) -> list[bytes]:
        return []

    def readers(self) -> Collection[int]:
        return self.readers_here

    def tell(self, found: Sequence[LowCredits]) -> None:
        self.told += found

    async def look(self) -> list[int]:
        """Who is told now."""
        before = len(self.told)
        assert await self.service.tell_low() == len(self.told) - before
        return [low.organisation for low in self.told[before:]]


@given(amounts, amounts)
def test_few_is_less_than_a_tenth_of_what_a_period_grants(balance: int, allowance: int) -> None:
    assert rules.runs_low(balance, allowance) is (10 * balance < allowance)
    assert not rules.runs_low(balance, 0), "who is granted none has never few"


@given(st.integers(0, 10**9), st.integers(1, 10**7))
def test_a_turn_is_a_period_and_a_day_where_periods_are_shorter(head: int, period: int) -> None:
    later = head + max(period, 86_400)
    assert rules.turn(later, period) > rules.turn(head, period)
    first = head // max(period, 86_400 // period * period) * max(period, 86_400 // period * period)
    assert rules.turn(first, period) == rules.turn(head, period), "within a turn it is the same"
    assert rules.turn(first + max(period, 43_200) - 1, period) <= rules.turn(first, period) + 1


async def test_who_has_few_left_is_told_and_nobody_else() -> None:
    network = Network()
    network.member(1, 10 * CREDIT - 1)
    network.member(2, 10 * CREDIT)
    network.member(3, 0, suspended=network.head + 1)
    network.member(4, 0, chosen=False)
    network.member(5, 0, suspended=network.head)
    network.member(6, 0)  # nobody of it is here
    assert await network.look() == [1, 5]
    low = network.told[0]
    assert (low.balance, low.allowance, low.time) == (10 * CREDIT - 1, 100 * CREDIT, network.head)
    assert low.refill.block == 1_100


async def test_it_is_told_once_in_a_turn_and_again_in_the_next() -> None:
    network = Network(period=100_000, head=100_000)
    network.member(1, 0)
    network.member(2, 50 * CREDIT)
    assert await network.look() == [1]
    network.head += 99_999
    network.member(2, 0)
    network.asked.clear()
    assert await network.look() == [2]
    assert network.asked.count("eth_getBalance") == 1, "who was told is not asked for again"
    assert await network.look() == []
    network.head += 1
    network.member(1, 100 * CREDIT)
    assert await network.look() == [2]


async def test_members_of_many_pages_are_all_looked_at() -> None:
    network = Network()
    network.readers_here = {1, 500, 501, 1_000, 1_001}
    for number in range(1, 1_002):
        network.member(number, 0)
    assert await network.look() == [1, 500, 501, 1_000, 1_001]


async def test_nothing_is_asked_where_nobody_reads_or_nothing_is_granted() -> None:
    network = Network()
    network.member(1, 0)
    network.readers_here = set()
    assert await network.look() == []
    sandbox = CreditsService(
        cast("CreditsContract", network), network.ask, network, FixedClock(NOW), None, grants=False, announcer=network
    )
    assert await sandbox.tell_low() == 0
    assert network.asked == []


async def test_a_ledger_that_is_away_is_asked_again() -> None:
    network = Network()
    network.member(1, 0)
    network.away = True
    with pytest.raises(CreditsUnavailable):
        await network.service.tell_low()
    network.away = False
    assert await network.look() == [1]


# What becomes of it


LOW = LowCredits(
    1, CREDIT * 1234567 // 1000, 20_000 * CREDIT, Refill(100, 12_345, 45, NOW), 7, int(NOW.timestamp())
)  # fmt: skip


class Here:
    """People of an organisation, as roles stand in the database."""

    def __init__(self, rows: PeopleStore) -> None:
        self.organisations_with = rows.organisations_with


@pytest.fixture
def told(store: Store, clock: FixedClock) -> tuple[CreditNews, Notices, PeopleStore]:
    encryption = Encryption([("00000001", bytes(32))], bytes(32))
    notices, rows = Notices(clock, encryption), PeopleStore(encryption)
    webhooks = Webhooks(store, clock, encryption, [Receiver("https://receiver.example", bytes(32))])
    return CreditNews(store, webhooks, notices, cast("Any", Here(rows)), "http://portal.test"), notices, rows


def kept(store: Store) -> tuple[int, int]:
    """How many notices there are, and how many messages."""
    with store.read() as session:
        count = sa.select(sa.func.count())
        return (
            session.scalar(count.select_from(notices_table)) or 0,
            session.scalar(count.select_from(messages)) or 0,
        )


def test_the_same_turn_is_one_notice_and_one_message(
    store: Store, clock: FixedClock, told: tuple[CreditNews, Notices, PeopleStore]
) -> None:
    news, notices, _ = told
    clock.time = NOW
    for _ in range(2):
        news.tell([LOW])
    assert kept(store) == (1, 1)
    with store.read() as session:
        row = session.execute(sa.select(notices_table)).one()
        body = orjson.loads(session.execute(sa.select(messages.c.body)).scalar_one())
    notice = notices.read(row)
    assert notice is not None
    assert (notice.organisation, row.written_to) == ("1", ""), "a letter to whoever has not declined waits"
    assert words.page(notice, "fr") == "/fr/credits/1"
    assert body["type"] == "credits.low"
    assert body["data"] == {
        "organisation": 1, "left": "1234.567", "allowance": "20000", "refill": 12_345,
        "pages": {language: f"http://portal.test/{language}/credits/1" for language in LANGUAGES},
    }  # fmt: skip
    news.tell([LowCredits(1, 0, LOW.allowance, LOW.refill, LOW.turn + 1, LOW.time)])
    assert kept(store) == (2, 2)


def test_the_webhooks_of_others_are_told_nothing_of_it(
    store: Store, clock: FixedClock, told: tuple[CreditNews, Notices, PeopleStore]
) -> None:
    clock.time = NOW
    webhooks = Webhooks(store, clock, Encryption([("00000001", bytes(32))], bytes(32)))
    with store.transaction() as session:
        own, other = (webhooks.add(session, one, "https://receiver.example/", [])[0] for one in ("1", "2"))
    told[0].tell([LOW])
    with store.read() as session:
        receivers = set(session.scalars(sa.select(messages.c.receiver)))
    assert own in receivers
    assert other not in receivers
    assert len(receivers) == 2, "and the operator’s"


def test_what_was_low_long_ago_is_told_to_nobody(
    store: Store, clock: FixedClock, told: tuple[CreditNews, Notices, PeopleStore]
) -> None:
    clock.time = NOW + FRESH + datetime.timedelta(seconds=1)
    told[0].tell([LOW])
    assert kept(store) == (0, 0)


def test_it_is_read_by_those_who_administer_or_act(
    store: Store, clock: FixedClock, told: tuple[CreditNews, Notices, PeopleStore]
) -> None:
    news, _, rows = told
    with store.transaction() as session:
        for number, (organisation, role) in enumerate(
            (("1", Role.ADMINISTRATOR), ("2", Role.MEMBER), ("3", Role.DELEGATE), ("office", Role.ADMINISTRATOR))
        ):
            person = str(number).rjust(20, "0")
            rows.insert_person(session, person, Profile(f"{number}@member.example", "A", "fr"), clock.now())
            rows.replace_roles(session, person, organisation, [role], "system", clock.now())
    assert news.readers() == {1, 3}
    assert CREDITS_LOW.roles == {"administrator", "delegate"}
    assert (CREDITS_LOW.mail, CREDITS_LOW.office) == (Mail.UNLESS_DECLINED, False)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "Il lui en reste 1\u202f234,567, moins d’un dixième de ce qu’une période donne (20\u202f000)."),
        ("en", "It has 1,234.567 left, less than a tenth of what a period grants (20,000)."),
    ],
)
def test_its_words_say_what_is_left_and_when_the_next_come(
    store: Store, clock: FixedClock, told: tuple[CreditNews, Notices, PeopleStore], language: Language, said: str
) -> None:
    clock.time = NOW
    told[0].tell([LOW])
    with store.read() as session:
        notice = told[1].read(session.execute(sa.select(notices_table)).one())
    assert notice is not None
    assert said in words.text(notice, language, {})
    assert ("12\u202f345" if language == "fr" else "12,345") in words.text(notice, language, {})
    assert "Mairie" in words.title(notice, language, {"1": "Mairie"})
    assert set(notice_words(LOW)) == {"left", "allowance", "block", "refill"}
