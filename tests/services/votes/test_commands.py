# SPDX-License-Identifier: Apache-2.0
"""`maillon votes record`, against the real doors behind a real socket: what it writes, and when it writes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
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
from maillon.services.votes import VotesError
from maillon.services.votes import store as tables
from maillon.services.votes.api import router
from maillon.services.votes.commands import votes
from maillon.services.votes.pages import pages

NOBODY = "http://127.0.0.1:9"


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
    app.include_router(router(instance.service, OnlyOne()))
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
