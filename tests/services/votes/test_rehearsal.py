# SPDX-License-Identifier: Apache-2.0
"""What is said before a vote of what would happen after it: whether the calls would be accepted, and what they cost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from assembly import FOUNDERS, GOVERN, REGISTER, STATUTES, member
from contract_evm import STEWARD, STRANGER, VERIFIER
from fastapi import FastAPI
from test_service import Instance

from maillon.kit import problems
from maillon.kit.page import JsonAddress, Renderer
from maillon.kit.store import Store
from maillon.ledger.abi import Call
from maillon.ledger.contracts.anchors import Anchors
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.errors import Reverted
from maillon.ledger.genesis import ANCHORS, CREDITS, DIRECTORY, GOVERNANCE
from maillon.services.votes import VotesError
from maillon.services.votes.acts import RawAct, Unread
from maillon.services.votes.api import router
from maillon.services.votes.errors import LedgerUnavailable
from maillon.services.votes.model import Cost, Position, ProposalKind, ProposedCall, State
from maillon.services.votes.pages import pages
from maillon.services.votes.rules import CASTING_GAS
from maillon.services.votes.words import Words

ROOT = Path(__file__).resolve().parents[3]


def calls(*made: object) -> tuple[ProposedCall, ...]:
    return tuple(ProposedCall(call.to, call.data) for call in made)  # type: ignore[attr-defined]


@pytest_asyncio.fixture
async def instance(store: Store) -> Instance:
    """Governance has the seat here: what is rehearsed is what would be done."""
    made = Instance(store)
    made.ledger.include(Directory(DIRECTORY).offer_governance(GOVERNANCE), STEWARD)
    made.ledger.include(GOVERN.take_seat(), STRANGER)
    await made.service.catch_up()
    return made


@pytest_asyncio.fixture
async def http(instance: Instance) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    renderer = Renderer()
    problems.install(app, VotesError, present=renderer.problem)
    app.include_router(router(instance.service))
    app.include_router(pages(instance.service, renderer, "http://portal.test", "tests"))
    app.add_middleware(JsonAddress)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as made:
        yield made


@pytest.mark.asyncio
async def test_what_would_apply_is_said_to_and_then_does(instance: Instance, http: httpx.AsyncClient) -> None:
    async def said(language: str) -> str:
        answer = await http.get(f"/v1/votes/{number}", headers={"Accept-Language": language})
        return str(answer.json()["calls"][0]["in_words"])

    number = await instance.propose(calls(REGISTER.suspend(6), REGISTER.suspend(5)))
    shown = await instance.service.proposal(number)
    assert shown.outlook.state is State.ANNOUNCED
    assert shown.rehearsal is not None
    assert shown.rehearsal.applies
    assert (
        Words("fr").rehearsal(shown.rehearsal).startswith("Essayés sur le dernier bloc, tous ses appels sont acceptés")
    )
    assert instance.assembly.ask(REGISTER.is_active(6)), "nothing was done by trying"
    assert await said("en") == "Fondatrice n° 6 would be suspended until another vote."
    instance.wait(2)
    for organisation in (1, 2, 3):
        await instance.service.cast(organisation, number, Position.FOR, "person:1")
    instance.wait(80)
    assert await instance.service.execute(1, number, "person:1")
    shown = await instance.service.proposal(number)
    assert (shown.rehearsal, shown.cost) == (None, None), "what was done is rehearsed no more"
    # The chain here keeps no older states: what is so by now was so already.
    assert (await said("en")).startswith("Fondatrice n° 6 was suspended until another vote.")
    assert (await said("fr")).startswith("Fondatrice n° 6 a fait l’objet d’une suspension, jusqu’à un autre vote.")


@pytest.mark.asyncio
async def test_what_no_longer_applies_says_why_in_both_languages(instance: Instance, http: httpx.AsyncClient) -> None:
    number = await instance.propose(calls(REGISTER.suspend(5), REGISTER.suspend(6)))
    assert (await instance.service.proposal(number)).rehearsal is not None
    # Another vote, or the member itself, was faster.
    instance.ledger.include(REGISTER.leave(), member(6))
    await instance.service.catch_up()
    french = (await http.get(f"/v1/votes/{number}", headers={"Accept-Language": "fr"})).json()
    english = (await http.get(f"/v1/votes/{number}")).json()
    assert english["rehearsal"] == {
        "applies": False,
        "refused_call": 2,
        "reason": "members: not active",
        "in_words": "Tried on the newest block, call 2 is refused, and then none is done: members: not active.",
    }
    assert french["rehearsal"]["in_words"] == (
        "Essayé sur le dernier bloc, l’appel 2 est refusé, et alors aucun n’est fait\u00a0: "
        "l’organisation n’est pas un membre actif."
    )
    assert english["cost"]["executing_gas"] is None
    instance.wait(2)
    for path in (f"/fr/votes/{number}", f"/fr/votes/{number}/cast?position=for"):
        page = (await http.get(path, headers={"Accept": "text/html"})).text
        assert "En l’état, elle ne peut pas être exécutée" in page
        assert "Voter coûte à votre organisation environ 125" in page
    # It passes all the same, is tried, fails, and the page says so in the reader's words.
    for organisation in (1, 2, 3):
        await instance.service.cast(organisation, number, Position.FOR, "person:1")
    instance.wait(80)
    assert not await instance.service.execute(1, number, "person:1")
    sentence = (await http.get(f"/v1/votes/{number}", headers={"Accept-Language": "fr"})).json()["sentence"]
    assert sentence.endswith("l’organisation n’est pas un membre actif.")


@pytest.mark.asyncio
async def test_the_cost_told_is_about_the_cost_paid(instance: Instance) -> None:
    statutes = STATUTES["plain"].as_argument()
    proposed = (
        (ProposalKind.ORDINARY, calls(Anchors(ANCHORS).set_verifier(VERIFIER, True))),
        (ProposalKind.ORDINARY, calls(REGISTER.suspend(6), REGISTER.suspend(7))),
        (ProposalKind.CONSTITUTIONAL, calls(Governance(GOVERNANCE).set_statutes(statutes))),
        (ProposalKind.ORDINARY, calls(*(Anchors(ANCHORS).set_verifier(bytes([n]) * 20, True) for n in range(1, 17)))),
    )
    for organisation, (kind, made) in enumerate(proposed, 1):
        number = await instance.propose(made, by=organisation, kind=kind)
        instance.wait(2)
        for voter in FOUNDERS[:5]:
            await instance.service.cast(voter, number, Position.FOR, "person:1")
        instance.wait(85)
        shown = await instance.service.proposal(number)
        assert shown.outlook.state is State.EXECUTABLE
        assert shown.cost is not None
        assert shown.cost.executing is not None
        prepared = await instance.service.prepare_execution(number)
        sent = instance.ledger.include(Call(prepared.to, prepared.data, bytes), STRANGER)
        paid = (await instance.ledger.wait(sent)).gas_used
        assert 0.8 * paid < shown.cost.executing < 1.25 * paid, (number, paid, shown.cost.executing)


def test_casting_costs_about_what_is_written_of_it() -> None:
    exact = json.loads((ROOT / "contracts/gas.json").read_bytes())["governance.cast, first"]
    assert abs(CASTING_GAS - exact) < exact / 10


@pytest.mark.asyncio
async def test_a_change_of_allowances_says_what_all_receive_together(instance: Instance) -> None:
    now = [instance.assembly.ask(Credits(CREDITS).allowance_of(tier)) for tier in range(8)]
    (effect,) = await instance.service.effects(calls(Credits(CREDITS).set_allowances((10, 20, 30, 0, 0, 0, 0, 0))))
    row = effect.changes[-1]
    assert row.what == "allowances"
    # Three of tier 0, two of tier 1, two of tier 2.
    assert row.before is not None
    assert (row.before.raw, row.after.raw) == (3 * now[0] + 2 * now[1] + 2 * now[2], 3 * 10 + 2 * 20 + 2 * 30)
    assert Words("fr").what(row) == "Crédits d’une période, tous les membres actuels ensemble"


def test_money_is_spoken_of_as_far_as_it_is_known() -> None:
    raw = RawAct(ProposedCall(STRANGER, b"\1\2\3\4"), Unread.UNKNOWN_TARGET)
    cost = Cost(125_000, 250_400, 2_000_000_001)
    voting, executing, money = Words("en").cost(cost, [raw])
    assert voting == (
        "Voting costs your organisation about 125,000 units of gas, 250,001 Gwei of credits at the present price."
    )
    assert executing.endswith("about 250,000 units of gas, 500,801 Gwei of credits at the present price, once.")
    assert money.startswith("Its calls carry no money. What a contract that could not be read does")
    resolution = Words("en").cost(Cost(125_000, None, None), [])
    assert resolution == [
        "Voting costs your organisation about 125,000 units of gas.",
        "It moves no money: calls carry none, and the contracts it calls have none.",
    ]


@pytest.mark.asyncio
async def test_a_resolution_has_nothing_to_try_and_a_chain_without_rehearsals_says_so(
    instance: Instance, http: httpx.AsyncClient
) -> None:
    resolution = (await http.get(f"/v1/votes/{await instance.propose()}")).json()
    assert resolution["rehearsal"] is None
    assert resolution["cost"]["executing_gas"] is None
    number = await instance.propose(calls(REGISTER.suspend(6)), by=2)
    asked = instance.ledger.call

    async def without(to: bytes, data: bytes, at: object = None) -> bytes:
        # An older Governance has no such function, and refuses without a word.
        if data[:4] == GOVERN.rehearse(1, ()).data[:4]:
            raise Reverted("execution reverted", b"")
        return await asked(to, data, at)  # type: ignore[arg-type]

    instance.ledger.call = without  # type: ignore[method-assign, assignment]
    told = (await http.get(f"/v1/votes/{number}")).json()
    assert told["rehearsal"]["applies"] is None
    assert told["rehearsal"]["in_words"] == "Its calls cannot be tried on this network before they are executed."


@pytest.mark.asyncio
async def test_an_unreachable_chain_is_not_a_refused_call(instance: Instance) -> None:
    instance.ledger.away = True
    with pytest.raises(LedgerUnavailable):
        await instance.contract.rehearse(ProposalKind.ORDINARY, calls(REGISTER.suspend(6)))
