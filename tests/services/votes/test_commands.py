# SPDX-License-Identifier: Apache-2.0
"""`maillon votes …`, against the real doors behind a real socket: what is written and printed, and what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from assembly import REGISTER
from click.testing import Result
from fastapi import FastAPI
from test_doors import OnlyOne
from test_service import Instance
from typer.testing import CliRunner

from maillon.kit import problems
from maillon.kit.errors import KitError
from maillon.kit.page import Renderer
from maillon.kit.server import listen
from maillon.kit.store import Store
from maillon.ledger.port import Address
from maillon.services.votes import VotesError, commands
from maillon.services.votes import store as tables
from maillon.services.votes.api import router
from maillon.services.votes.commands import _TAKES, votes
from maillon.services.votes.export import Export
from maillon.services.votes.forms import COMMON
from maillon.services.votes.model import Position, ProposedCall
from maillon.services.votes.pages import pages
from maillon.services.votes.recount import Standing

NOBODY = "http://127.0.0.1:9"
TITLES = ("Given to", "Held for")


@pytest_asyncio.fixture
async def instance(tmp_path: Path) -> AsyncIterator[Instance]:
    store = Store.open(f"sqlite:///{tmp_path / 'database'}")
    made = Instance(store)
    await made.service.catch_up()
    yield made
    store.close()


@contextlib.asynccontextmanager
async def served(instance: Instance) -> AsyncIterator[str]:
    app, renderer = FastAPI(), Renderer()
    problems.install(app, VotesError, KitError, present=renderer.problem)
    app.include_router(router(instance.service, OnlyOne(), instance.once))
    app.include_router(pages(instance.service, renderer, "http://portal.test", "tests", OnlyOne()))
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, votes, ["record", *arguments])


async def say(*arguments: str) -> str:
    """What a command prints, on a terminal that is wide enough for its tables."""
    done = await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, votes, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


async def closed(instance: Instance) -> int:
    number = await instance.propose()
    instance.wait(200)
    return number


@pytest.mark.asyncio
async def test_the_record_is_written_with_its_receipt_beside_it(instance: Instance, tmp_path: Path) -> None:
    number = await closed(instance)
    await instance.service.keep_records()
    document, _ = await instance.service.record(number)
    out = tmp_path / "minutes.json"
    async with served(instance) as url:
        done = await run(str(number), "--out", str(out), "--url", url)
        as_data = await run(str(number), "--out", str(out), "--url", url, "--json")
    assert done.exit_code == 0, done.output
    assert out.read_bytes() == document
    receipt = tmp_path / "minutes.json.receipt.json"
    assert receipt.read_bytes() == b"receipt"
    assert json.loads(as_data.stdout) == {
        "files": [{"file": str(out), "bytes": len(document)}, {"file": str(receipt), "bytes": 7}]
    }


@pytest.mark.asyncio
async def test_the_pdf_is_written_in_the_language_asked_for(instance: Instance, tmp_path: Path) -> None:
    number = await closed(instance)
    await instance.service.keep_records()
    with instance.store.transaction() as session:
        for language in ("fr", "en"):
            tables.insert_printed(session, number, language, b"%PDF " + language.encode())
    out = tmp_path / "minutes.pdf"
    async with served(instance) as url:
        for language in ("fr", "en"):
            done = await run(str(number), "--out", str(out), "--language", language, "--url", url)
            assert done.exit_code == 0, done.output
            assert out.read_bytes() == b"%PDF " + language.encode()


@pytest.mark.asyncio
async def test_what_is_not_there_is_refused_and_nothing_is_written(instance: Instance, tmp_path: Path) -> None:
    number = await closed(instance)
    out = tmp_path / "minutes.json"
    before = names(tmp_path)
    async with served(instance) as url:
        early = await run(str(number), "--out", str(out), "--url", url)
        unknown = await run("999", "--out", str(out), "--url", url, "--json")
        instance.notary.away = "before"
        with pytest.raises(Exception, match="away"):
            await instance.service.keep_records()
        # The record is made, and its receipt is not: one without the other would not be evidence.
        half = await run(str(number), "--out", str(out), "--url", url)
    for answer in (early, unknown, half):
        assert answer.exit_code == 1, answer.output
    assert "record" in json.loads(unknown.stdout)["error"]
    assert "not ready" in half.stderr
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["1", "--out", "minutes.txt", "--url", NOBODY], "a .json or a .pdf"),
        (["1", "--out", "minutes.pdf", "--language", "de", "--url", NOBODY], "fr and en"),
        (["1", "--url", NOBODY], "no answer"),
    ],
)
def test_wrong_usage_and_a_server_that_is_away_are_told_apart_from_a_refusal(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(votes, ["record", *arguments])
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.asyncio
async def test_a_file_that_cannot_be_written_is_said(instance: Instance, tmp_path: Path) -> None:
    number = await closed(instance)
    await instance.service.keep_records()
    async with served(instance) as url:
        done = await run(str(number), "--out", str(tmp_path / "nowhere" / "minutes.json"), "--url", url)
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--act", "Members.abolish"], "those are Members.admit, Members.suspend"),
        (["--act", "resolution"], "no act with fields"),
        (["--act", "Members.admit", "--set", "organisation=3"], "missing for tier, college. Members.admit takes"),
        (["--act", "Members.admit"], "organisation (a number); tier (0 to 7); college (0 to 7)"),
        (["--act", "Members.suspend", "--set", "member=3"], "Members.suspend takes organisation (a number)"),
        (["--act", "Members.suspend", "--set", "organisation"], "written field=value"),
        (["--act", "Members.suspend", "--set", "organisation=3", "--set", "organisation=4"], "is set twice"),
        (["--set", "organisation=3"], "say which with --act"),
        (["--act", "Members.suspend", "--set", "organisation=3", "--call", f"0x{'00' * 20} 0x"], "not by both"),
        (["--act", "Members.suspend", "--set", "organisation=3"], "no answer"),
        (["--act", "Governance.set_statutes", "--set", "notice=2 d"], "by a constitutional proposal alone"),
        (["--act", "Governance.set_statutes", "--kind", "constitutional"], "missing for ordinary_quorum"),
        (["--act", "Governance.set_statutes", "--kind", "constitutional", "--set", "notice=2 d"], "no answer"),
    ],
)
def test_an_act_that_is_not_complete_names_its_fields_and_asks_no_server(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    text = tmp_path / "proposal.txt"
    text.write_text("Suspendre")
    key = tmp_path / "key"
    done = CliRunner().invoke(votes, ["propose", str(text), "--key", str(key), "--url", NOBODY, *arguments])
    assert done.exit_code == 2, done.output
    assert said in done.stderr


def test_every_field_of_a_form_is_described_for_a_terminal() -> None:
    kinds = {field.kind for name, fields in COMMON.items() if "." in name for field in fields}
    assert kinds == set(_TAKES)


@pytest.mark.asyncio
async def test_a_vote_is_shown_with_what_it_lacks_costs_and_meets_and_with_who_voted(instance: Instance) -> None:
    suspended = REGISTER.suspend(6)
    number = await instance.propose((ProposedCall(suspended.to, suspended.data),))
    instance.wait(2)
    async with served(instance) as url:
        place = (str(number), "--url", url)
        nobody = await say("show", *place)
        await instance.service.give_proxy(2, number, 3, "person:2")
        await instance.service.cast(3, number, Position.FOR, "person:3", giver=2)
        await instance.service.cast(4, number, Position.OBJECT, "person:4", reason="Trop tôt.")
        shown = await say("show", *place)
        as_data = json.loads(await say("show", *place, "--json"))
    assert "Nobody has taken a position." in nobody
    assert "Quorum: lacks 2. 0 of 7 votes have taken a position; it takes 2, abstentions counted." in nobody
    assert "Quorum: reached." in shown
    assert "Majority: lacks 1." in shown
    (row,) = [line.split("  ") for line in shown.splitlines() if line.startswith("Status of Fondatrice")]
    assert [cell.strip() for cell in row if cell.strip()] == ["Status of Fondatrice n° 6", "active member", "suspended"]
    # In this assembly the seat is the steward's: the law would refuse it, and the terminal says so as the page does.
    assert as_data["rehearsal"]["in_words"] in shown
    assert "is refused" in as_data["rehearsal"]["in_words"]
    for sentence in as_data["cost"]["in_words"]:
        assert sentence in shown
    (by_proxy,) = [line for line in shown.splitlines() if line.startswith("Fondatrice n° 2 ")]
    assert "Fondatrice n° 3" in by_proxy
    (objecting,) = [line for line in shown.splitlines() if line.startswith("Fondatrice n° 4 ")]
    assert "Trop tôt." in objecting
    assert "positions" not in as_data


@pytest.mark.asyncio
async def test_the_positions_of_all_are_shown_however_many_answers_they_take(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await instance.propose()
    instance.wait(2)
    for organisation in (1, 2, 3):
        await instance.service.cast(organisation, number, Position.FOR, f"person:{organisation}")
    monkeypatch.setattr(commands, "_POSITIONS_AT_ONCE", 2)
    async with served(instance) as url:
        shown = await say("show", str(number), "--url", url)
    found = [line.split("  ")[0] for line in shown.splitlines() if line.startswith("Fondatrice n°")]
    assert found == ["Fondatrice n° 3", "Fondatrice n° 2", "Fondatrice n° 1"]


@pytest.mark.asyncio
async def test_a_list_says_that_there_is_more_and_goes_on(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    for organisation in (1, 2, 3):
        await instance.propose(by=organisation, text=f"Proposition {organisation}")
    monkeypatch.setattr(commands, "_LISTED_AT_ONCE", 2)
    async with served(instance) as url:
        first = await say("list", "--show", "all", "--url", url)
        rest = await say("list", "--show", "all", "--before", "2", "--url", url)
        as_data = json.loads(await say("list", "--show", "all", "--url", url, "--json"))
    assert "Proposition 3" in first
    assert "Proposition 1" not in first
    assert first.splitlines()[-1] == "There are more: maillon votes list --show all --before 2"
    assert "Proposition 1" in rest
    assert "Proposition 2" not in rest
    assert "There are more" not in rest
    assert as_data["next"] == 2


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "together"), [("plain", True), ("weighted", False)])
async def test_the_statutes_are_said_in_words(tmp_path: Path, name: str, together: bool) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'database'}")
    made = Instance(store, name)
    await made.service.catch_up()
    async with served(made) as url:
        said = await say("rules", "--url", url)
        as_data = json.loads(await say("rules", "--url", url, "--json"))
    store.close()
    assert as_data["version"] == 1
    assert said.startswith("Version 1 of the statutes.")
    assert ("All members count together." in said) is together
    assert ("in each college too" in said) is not together
    if together:
        (row,) = [line.split("  ") for line in said.splitlines() if line.startswith("constitutional")]
        cells = [cell.strip() for cell in row if cell.strip()]
        assert cells == ["constitutional", "50%", "2/3", "1 minute", "20 seconds"]
        assert "more than half" in said
        assert "within: 1 minute." in said
        assert "at most: 2;" in said
    else:
        assert "for at least: 5 seconds;" in said
        assert "tier 2: 5" in said


@pytest.mark.asyncio
async def test_proxies_given_and_held_are_told_apart(instance: Instance) -> None:
    number = await instance.propose(closes=500)
    await instance.service.give_proxy(2, number, 3, "person:2")
    await instance.service.give_proxy(3, 0, 4, "person:3", instance.assembly.time + 86_400)
    async with served(instance) as url:
        said = await say("proxies", "3", "--url", url)
        nobody = await say("proxies", "5", "--url", url)
        as_data = json.loads(await say("proxies", "3", "--url", url, "--json"))
    lines = said.splitlines()
    given, held = (next(place for place, line in enumerate(lines) if line.startswith(title)) for title in TITLES)
    assert lines[given + 1].startswith("Fondatrice n° 4")
    assert "every vote" in lines[given + 1]
    assert lines[held + 1].startswith("Fondatrice n° 2")
    assert f"proposal {number}" in lines[held + 1]
    assert nobody == "Organisation 5 gave no proxy, and holds none.\n"
    assert len(as_data["proxies"]) == 2


async def decided(instance: Instance) -> Export:
    """A vote that three were for and one against, and one that did not pass."""
    number = await instance.propose()
    losing = await instance.propose(by=2)
    instance.wait(2)
    for organisation in (1, 2, 3):
        await instance.service.cast(organisation, number, Position.FOR, "person:1")
    for organisation in (4, 5):
        await instance.service.cast(organisation, losing, Position.AGAINST, "person:4")
    instance.wait(200)
    return await instance.service.export()


def counted(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(votes, ["recount", *arguments])


@pytest.mark.asyncio
async def test_a_server_that_leaves_out_a_losing_vote_is_caught_by_comparing(
    instance: Instance, tmp_path: Path
) -> None:
    whole = await decided(instance)
    mine, server = tmp_path / "mine.json", tmp_path / "server.json"
    mine.write_bytes(whole.to_json())
    server.write_bytes(whole.to_json())
    same = counted(str(mine), "--compare", str(server))
    assert same.exit_code == 0, same.output
    assert f"Up to block {whole.height} both say the same." in same.stdout
    # Without those who were against, and without all of the second vote, the export still agrees with itself.
    events = [
        each
        for each, dated in zip(whole.events, whole.dated(), strict=True)
        if getattr(dated.event, "proposal", 0) != 2
    ]
    assert len(whole.events) - len(events) == 3
    server.write_bytes(replace(whole, events=events).to_json())
    assert counted(str(server)).exit_code == 0
    for first, second, lacking in ((mine, server, 2), (server, mine, 1)):
        told = counted(str(first), "--compare", str(second))
        assert told.exit_code == 1
        assert told.stdout.count(f"not in {server}") == 3
        assert "Proposed proposal 2" in told.stdout
        assert "PositionTaken proposal 2 organisation 5 position 2" in told.stdout
        as_data = json.loads(counted(str(first), "--compare", str(second), "--json").stdout)
        assert [each["lacking"] for each in as_data["compared"]["differences"]] == [lacking] * 3


@pytest.mark.asyncio
async def test_what_two_exports_say_otherwise_is_named(instance: Instance, tmp_path: Path) -> None:
    whole = await decided(instance)
    mine, server = tmp_path / "mine.json", tmp_path / "server.json"
    mine.write_bytes(whole.to_json())
    last, time = whole.events[-1]
    others = {
        "the statutes of block zero: not the same": replace(
            whole, founding=replace(whole.founding, statutes=replace(whole.founding.statutes, proxies=9))
        ),
        f"organisation 8 in block zero: not in {mine}": replace(
            whole,
            founding=replace(whole.founding, organisations={**whole.founding.organisations, 8: Standing(2)}),
        ),
        "the address of Members: not the same": replace(whole, members=Address(b"\7" * 20)),
        "position 2: not the same": replace(whole, events=[*whole.events[:-1], (last, time + 1)]),
    }
    for said, other in others.items():
        server.write_bytes(other.to_json())
        told = counted(str(mine), "--compare", str(server))
        assert told.exit_code == 1, said
        assert said in told.stdout
    # An older export says less, and nothing else: what it does not cover is not compared.
    server.write_bytes(replace(whole, height=int(last.height) - 1, events=whole.events[:-1]).to_json())
    assert counted(str(mine), "--compare", str(server)).exit_code == 0
    server.write_bytes(replace(whole, chain_id=whole.chain_id + 1).to_json())
    assert "of two chains" in counted(str(mine), "--compare", str(server)).stderr
    assert counted(str(mine), "--compare", str(tmp_path / "none")).exit_code == 2
