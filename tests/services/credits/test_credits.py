# SPDX-License-Identifier: Apache-2.0
"""Credits: what follows from blocks, and what a real sandbox and a real network say of them."""

from __future__ import annotations

import asyncio
import datetime
import json
import re
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from local_network import ACCOUNTS, LocalNetwork
from maillon import main
from maillon.commands import application
from maillon.kit.clock import FixedClock, SystemClock
from maillon.kit.settings import load
from maillon.kit.throttle import Throttle
from maillon.ledger.abi import ask
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.members import Members
from maillon.ledger.errors import Unavailable
from maillon.ledger.fees import CREDIT, credits_text
from maillon.ledger.genesis import DIRECTORY, name_word
from maillon.ledger.node import NodeLedger
from maillon.main import Application
from maillon.services.credits import CreditsContract, CreditsService, rules
from maillon.services.credits.api import member_document, router
from maillon.services.credits.contract import Terms
from maillon.services.credits.errors import NoFaucet, NotAnAccount, UnknownMember
from maillon.services.members.model import RollEntry

GWEI = 10**9
NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
amounts = st.integers(0, 10**24)


# What follows from blocks


@pytest.mark.parametrize(
    ("base_fee", "used", "limit", "following"),
    [
        (1000, 50, 100, 1000),
        (1000, 100, 100, 1125),
        (1000, 0, 100, 875),
        (1000, 75, 100, 1062),
        (7, 100, 100, 8),
        (7, 0, 100, 7),
        (7, 51, 100, 8),
        (5, 0, 0, 5),
    ],
)
def test_the_next_base_fee_is_that_of_eip_1559(base_fee: int, used: int, limit: int, following: int) -> None:
    assert rules.next_base_fee(base_fee, used, limit) == following


@given(st.integers(1, 10**12), st.integers(0, 100), st.lists(st.integers(0, 100), min_size=60, max_size=60))
def test_no_blocks_make_the_price_higher_than_was_said(base_fee: int, used: int, later: list[int]) -> None:
    price = rules.price(base_fee, used, 100, GWEI)
    fee = price.base_fee
    highest = {each.blocks: each.price for each in price.at_most}
    assert highest[1] == price.now
    for blocks, gas in enumerate(later, start=1):
        if blocks in highest:
            assert fee + GWEI <= highest[blocks]
        fee = rules.next_base_fee(fee, gas, 100)


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_credits_are_given_at_the_next_multiple_of_the_period(head: int, period: int) -> None:
    found = rules.refill(head, period, 1.0, NOW)
    assert found.block % period == 0
    assert 0 < found.blocks <= period
    assert found.block == head + found.blocks


@given(amounts, amounts, amounts)
def test_what_left_an_account_is_never_less_than_nothing(before: int, granted: int, after: int) -> None:
    found = rules.spending(before, granted, after, rules.DAY)
    assert found is not None
    assert found.spent == found.a_day == max(0, before + granted - after)
    assert (found.days_left is None) is (found.a_day == 0)


def test_a_few_minutes_are_no_day() -> None:
    assert rules.spending(10, 0, 5, 599) is None
    half = rules.spending(10 * CREDIT, 0, 8 * CREDIT, rules.DAY // 2)
    assert half is not None
    assert (half.a_day, half.days_left, half.hours) == (4 * CREDIT, 2.0, 12.0)


def test_grants_are_found_among_withdrawals() -> None:
    account = "0x" + "aa" * 20
    blocks = [
        {
            "withdrawals": [
                {"address": account.upper().replace("0X", "0x"), "amount": "0x2"},
                {"address": "0x", "amount": "0x9"},
            ]
        },
        {"withdrawals": []},
        {},
    ]
    assert rules.granted_to(account, blocks) == 2 * GWEI


@pytest.mark.parametrize("text", ["", "0x", "aa" * 20, "0x" + "g" * 40, "0x" + "a" * 41, "0x" + "٣" * 40])
def test_what_is_no_account_is_refused(text: str) -> None:
    with pytest.raises(NotAnAccount):
        rules.parse_account(text)
    assert rules.parse_account(f" 0x{'AB' * 20}\n") == "0x" + "ab" * 20


@given(amounts)
def test_an_amount_is_said_exactly(wei: int) -> None:
    text = credits_text(wei)
    whole, _, part = text.partition(".")
    assert int(whole) * CREDIT + int(part.ljust(18, "0") or 0) == wei
    assert "e" not in text.lower()


# What is read of a chain


class Chain:
    """Blocks made at these moments; counts what it is asked."""

    def __init__(self, moments: Sequence[int], balances: dict[str, int] | None = None) -> None:
        self._moments = moments
        self.balances = balances or {}
        self.asked = 0

    async def __call__(self, method: str, *parameters: Any) -> Any:
        self.asked += 1
        if method == "eth_getBalance":
            return hex(self.balances[parameters[0]])
        assert method == "eth_getBlockByNumber"
        number = len(self._moments) - 1 if parameters[0] == "latest" else int(parameters[0], 16)
        return {
            "number": hex(number), "timestamp": hex(self._moments[number]), "gasUsed": "0x0", "gasLimit": "0x64",
            "baseFeePerGas": "0x7",
        }  # fmt: skip


class Told:
    """A contract and a register that say what they were told."""

    def __init__(self, *entries: RollEntry) -> None:
        self._entries = entries

    async def terms(self, _at: int) -> Terms:
        return Terms(GWEI, 100, [CREDIT] * 8)

    async def roll(self, after: int, limit: int) -> list[RollEntry]:
        return [entry for entry in self._entries if entry.organisation > after][:limit]

    async def accounts_of(self, _organisation: int) -> list[bytes]:
        return [b"\xaa" * 20]


def reading(chain: Chain, told: Told, clock: FixedClock | None = None) -> CreditsService:
    return CreditsService(cast("CreditsContract", told), chain, told, clock or FixedClock(NOW), None, grants=False)


@given(st.lists(st.integers(0, 4000), min_size=0, max_size=300), st.integers(-10, 100_000))
def test_the_block_of_a_moment_is_found_however_uneven_the_chain(pauses: list[int], moment: int) -> None:
    moments = list(accumulate([0, *pauses]))
    chain = Chain(moments)

    async def find() -> int:
        found = await reading(chain, Told())._block_at(moment, await chain("eth_getBlockByNumber", "latest"))
        return int(found["number"], 16)

    number = asyncio.run(find())
    if moment < moments[-1]:  # a day before the head, which is what is asked
        if moment < 0:  # before there was a chain
            assert number == 0
        else:
            assert moments[number] <= moment < moments[number + 1]
        assert chain.asked <= 3 + 2 * len(moments).bit_length()


async def test_an_even_chain_of_a_year_is_asked_a_few_times() -> None:
    chain = Chain(range(365 * rules.DAY))
    head = await chain("eth_getBlockByNumber", "latest")
    found = await reading(chain, Told())._block_at(int(head["timestamp"], 16) - rules.DAY, head)
    assert int(head["number"], 16) - int(found["number"], 16) == rules.DAY
    assert chain.asked < 8


async def test_who_has_chosen_no_account_has_what_its_first_one_has_and_pages_follow() -> None:
    account = "0x" + "bb" * 20
    chain = Chain(range(10), {account: 3 * CREDIT, "0x" + "aa" * 20: 1})
    entries = [
        RollEntry(2, "Member 2", 1, b"\xbb" * 20, b"\xaa" * 20, 0),
        RollEntry(3, "Member 3", 1, None, b"\xaa" * 20, 0),
        RollEntry(9, "Member 9", 1, None, None, 0),
    ]
    service = reading(chain, Told(*entries))
    page = await service.overview(0, size=2)
    assert [(one.organisation, one.account, one.chosen, one.balance) for one in page.members] == [
        (2, account, True, 3 * CREDIT), (3, "0x" + "aa" * 20, False, 1),
    ]  # fmt: skip
    assert page.next == 3
    rest = await service.overview(3, size=2)
    assert [(one.organisation, one.account, one.balance) for one in rest.members] == [(9, None, 0)]
    assert rest.next is None
    alone = member_document(await service.member(9))
    assert (alone["member"]["account"], alone["member"]["chosen"], alone["spending"]) == (None, False, None)
    with pytest.raises(UnknownMember):
        await service.member(4)


async def test_credits_are_known_again_until_there_is_a_block() -> None:
    moments, clock = list(range(10)), FixedClock(NOW)
    chain = Chain(moments, {"0x" + "aa" * 20: CREDIT})
    service = reading(chain, Told(RollEntry(2, "Member 2", 1, None, b"\xaa" * 20, 0)), clock)
    app = FastAPI()
    app.include_router(router(service, Throttle(clock, 1)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://instance") as http:
        for path in ("/v1/credits", "/v1/credits/members/2"):
            first = await http.get(path)
            assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
            has = {"If-None-Match": first.headers["etag"]}
            clock.time += datetime.timedelta(seconds=1)
            again = await http.get(path, headers=has)
            assert (again.status_code, again.content) == (304, b"")
            moments.append(len(moments))
            chain.balances["0x" + "aa" * 20] += 1
            changed = await http.get(path, headers=has)
            assert (changed.status_code, changed.headers["etag"] == first.headers["etag"]) == (200, False)
            assert changed.json()["read"] > first.json()["read"]


# A sandbox


@pytest.fixture
async def sandbox(home: Path) -> AsyncIterator[httpx.AsyncClient]:
    instance = await Application.open(load(home=home))
    try:
        await instance.start()
        await instance.members.catch_up()
        transport = httpx.ASGITransport(instance.create_app(), client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://instance") as client:
            yield client
    finally:
        await instance.stop()


async def test_a_sandbox_gives_and_says_what_is_left(sandbox: httpx.AsyncClient) -> None:
    account = "0x" + "5a" * 20
    before = (await sandbox.get("/v1/credits")).json()
    assert before["faucet"] is True
    assert before["refill"] is None
    assert before["members"][0]["organisation"] == 1
    assert before["price"]["transfers_a_credit"] == CREDIT // (21_000 * (GWEI + 7))
    given_ = (await sandbox.post("/v1/credits/faucet", json={"account": account})).json()
    assert given_["given"] == "10"
    again = await sandbox.post("/v1/credits/faucet", json={"account": account})
    assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "faucet-refused")
    wrong = await sandbox.post("/v1/credits/faucet", json={"account": "nobody"})
    assert wrong.status_code == 422
    for _ in range(6):
        last = await sandbox.post("/v1/credits/faucet", json={"account": account})
    assert last.status_code == 429
    member = (await sandbox.get("/v1/credits/members/1")).json()
    assert float(member["member"]["left"]) > 1000
    assert member["spending"] is None, "the ledger is minutes old"
    assert (await sandbox.get("/v1/credits/members/77")).status_code == 404


async def test_the_page_gives_too_and_refuses_other_sites(sandbox: httpx.AsyncClient) -> None:
    own, account = {"origin": "http://instance", "accept": "text/html"}, "0x" + "5b" * 20
    done = await sandbox.post("/en/credits", data={"account": account}, headers=own)
    assert "The credits are there." in done.text
    assert done.headers["cache-control"] == "no-store"
    refused = await sandbox.post("/fr/credits", data={"account": "<b>"}, headers=own)
    assert refused.status_code == 422
    assert "&lt;b&gt;" in refused.text
    assert "Ce n’est pas un compte" in refused.text
    foreign = await sandbox.post("/en/credits", data={"account": account}, headers={"origin": "http://elsewhere"})
    assert foreign.status_code == 403


async def test_pages_align_what_is_left_and_say_nothing_of_what_is_not_known(sandbox: httpx.AsyncClient) -> None:
    for language, point in (("en", r"\."), ("fr", ",")):
        page = (await sandbox.get(f"/{language}/credits")).text
        left = re.findall(r'data-l="(?:Credits left|Crédits restants)"><span class="num">(.*?)</span>', page)
        assert left
        assert all(re.fullmatch(rf"[\d,\u202f]+{point}\d{{3}}", one) for one in left), left
    last = await sandbox.get("/en/credits?after=99")
    assert "No member here." in last.text
    assert 'class="pages"' not in last.text
    assert 'class="pages"' in page
    assert "used in a day" not in (await sandbox.get("/en/credits/1")).text


# A network


class Roll:
    """The register, as the contract itself says it."""

    def __init__(self, node: NodeLedger) -> None:
        self._node = node

    async def _members(self) -> Members:
        return Members(await ask(self._node, Directory(DIRECTORY).lookup(name_word("Members"))))

    async def roll(self, after: int, limit: int) -> list[RollEntry]:
        entries = await ask(self._node, (await self._members()).roll())
        return [
            RollEntry(
                one.organisation, f"Member {one.organisation}", one.tier, one.credit_account, None, one.suspended_until
            )
            for one in sorted(entries, key=lambda entry: entry.organisation)
            if one.organisation > after
        ][:limit]

    async def accounts_of(self, organisation: int) -> list[bytes]:
        return [each.account for each in await ask(self._node, (await self._members()).delegates_of(organisation))]


@pytest.fixture
async def service(consortium: LocalNetwork) -> AsyncIterator[CreditsService]:
    node = await NodeLedger.connect(consortium.nodes[2].url)

    yield CreditsService(CreditsContract(node, DIRECTORY), node.ask, Roll(node), SystemClock(), None, grants=True)
    await node.close()


async def test_a_network_says_when_it_refills_and_what_is_left(service: CreditsService) -> None:
    found = await service.overview()
    assert [member.organisation for member in found.members] == [1, 2, 3, 4]
    assert found.refill is not None
    assert found.refill.block == 3600
    assert found.price.now >= GWEI
    assert all(member.balance > 0 and member.allowance > 0 for member in found.members)
    second = await service.member(2)
    assert second.member.legal_name == "Member 2"
    assert second.member.account in {delegate.account for delegate in second.delegates}
    with pytest.raises(UnknownMember):
        await service.member(9)
    with pytest.raises(NoFaucet):
        await service.give("0x" + "aa" * 20)


async def test_what_a_member_sends_is_seen_as_used(consortium: LocalNetwork, service: CreditsService) -> None:
    node = consortium.nodes[3]
    before = (await service.member(4)).member.balance
    ledger = await NodeLedger.connect(node.url)
    await main.transfer(ledger.ask, ledger, node.identity.account, ACCOUNTS[6].address, CREDIT)
    await ledger.close()
    after = (await service.member(4)).member.balance
    assert CREDIT < before - after < CREDIT + CREDIT // 100


async def test_a_ledger_that_is_away_is_said(home: Path) -> None:
    instance = await Application.open(load(home=home))
    try:

        async def away(*_arguments: Any) -> Any:
            raise Unavailable("nobody answers")

        instance.credits._ask = away
        transport = httpx.ASGITransport(instance.create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://instance") as client:
            answer = await client.get("/v1/credits")
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (503, "credits-unavailable")
    finally:
        await instance.stop()


def test_the_command_says_when_no_server_answers() -> None:
    done = CliRunner().invoke(application(), ["credits", "--url", "http://127.0.0.1:9", "--json"])
    assert done.exit_code == 2
    assert "maillon up" in json.loads(done.stdout)["error"]


async def test_the_command_rounds_as_the_page_does(sandbox: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a thousandth, for people; to the last wei for programs."""
    documents = {}
    for path in ("", "/members/1"):
        documents[path] = (await sandbox.get(f"/v1/credits{path}")).json()
    exact = "1234.567890123456789"
    documents[""]["members"][0]["left"] = documents["/members/1"]["member"]["left"] = exact

    def get(url: str, **_: Any) -> httpx.Response:
        return httpx.Response(200, json=documents[url.partition("/v1/credits")[2]])

    monkeypatch.setattr(httpx, "get", get)
    for arguments in ([], ["1"]):
        said = CliRunner().invoke(application(), ["credits", *arguments])
        assert said.exit_code == 0, said.output
        assert "1,234.568" in said.stdout
        assert "567890" not in said.stdout
        assert exact in CliRunner().invoke(application(), ["credits", *arguments, "--json"]).stdout
