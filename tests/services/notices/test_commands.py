# SPDX-License-Identifier: Apache-2.0
"""`maillon notices` and `maillon webhooks`, as a person who is logged in, against the real doors and a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import Result
from typer.testing import CliRunner

from gathering import Gathering
from listener import Listener
from maillon.kit.keys import write_private
from maillon.kit.notices import EVERY_MEMBER
from maillon.kit.server import listen
from maillon.services.notices.commands import notices, webhooks
from maillon.services.people import Actor
from maillon.services.votes.letters import PROPOSED, notice_words


@contextlib.asynccontextmanager
async def logged_in(gathering: Gathering, actor: Actor, home: Path) -> AsyncIterator[str]:
    """A server, and in the home the token of `maillon login` at it."""
    device, user = gathering.box.people.begin_device("laptop")
    gathering.box.people.allow_device(actor, user)
    token = gathering.box.people.finish_device(device).token
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    write_private(home / "login.json", json.dumps({"token": token, "server": url}).encode())
    server = uvicorn.Server(uvicorn.Config(gathering.app(), log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield url
    finally:
        server.should_exit = True
        await serving


async def test_notices_are_listed_read_and_chosen(
    gathering: Gathering, people: dict[str, Actor], tmp_path: Path
) -> None:
    words = notice_words(12, {"title": "Accueillir", "opens": 1, "closes": 2})
    with gathering.box.store.transaction() as connection:
        for key in "ab":
            gathering.box.notices.stage(connection, PROPOSED, key, words, organisation=EVERY_MEMBER)
    home = tmp_path
    async with logged_in(gathering, people["mayor"], home) as url:

        async def run(*arguments: str) -> Result:
            options = ["--url", url, "--home", str(home)]
            return await asyncio.to_thread(CliRunner().invoke, notices, [*arguments, *options])

        shown = await run("list")
        assert shown.exit_code == 0, shown.output
        assert "Put to the vote" in " ".join(shown.stdout.split())
        first = json.loads((await run("list", "--limit", "1", "--json")).stdout)
        assert first["unread"] == 2
        number = first["notices"][0]["number"]
        more = await run("list", "--limit", "1")
        assert f"maillon notices list --before {number}" in more.stdout
        rest = json.loads((await run("list", "--before", str(number), "--json")).stdout)
        assert len(rest["notices"]) == 1
        assert "marked as read: 1" in (await run("read", str(number))).stdout
        assert json.loads((await run("read", "--until", str(number), "--json")).stdout) == {"marked": 1}
        assert json.loads((await run("list", "--unread", "--json")).stdout)["notices"] == []
        refused = await run("read", "999999")
        assert refused.exit_code == 1
        assert "999999" in refused.stderr
        chosen = await run("choices", "--mail", "vote.opened", "--no-mail", "vote.proposed", "--json")
        by_kind = {one["kind"]: one["mail"] for one in json.loads(chosen.stdout)["choices"]}
        assert by_kind["vote.opened"]
        assert not by_kind["vote.proposed"]
        assert "vote.opened" in (await run("choices")).stdout
        assert (await run("choices", "--no-mail", "account.changed")).exit_code == 1


async def test_webhooks_are_added_tried_and_removed(
    gathering: Gathering, people: dict[str, Actor], tmp_path: Path
) -> None:
    listener = Listener()
    async with logged_in(gathering, people["mayor"], tmp_path) as url:

        async def run(*arguments: str) -> Result:
            options = ["--url", url, "--home", str(tmp_path)]
            return await asyncio.to_thread(CliRunner().invoke, webhooks, [*arguments, *options])

        added = await run("add", "1", listener.url, "--kind", "vote.closing")
        assert added.exit_code == 0, added.output
        identifier, secret = added.stdout.split()
        assert secret.startswith("whsec_")
        assert (await run("test", "1", identifier)).stdout.startswith("on its way: msg_")
        assert await asyncio.to_thread(gathering.told.deliver) == 1
        listed = await run("list", "1", "--json")
        (one,) = json.loads(listed.stdout)["webhooks"]
        assert (one["id"], one["kinds"], one["state"]) == (identifier, ["vote.closing"], "taking")
        assert secret not in listed.stdout
        assert "taking" in (await run("list", "1")).stdout
        other = json.loads((await run("rotate", "1", identifier, "--json")).stdout)
        assert (other["id"], other["secret"] != secret) == (identifier, True)
        assert "told again" in (await run("resume", "1", identifier)).stdout
        refused = await run("add", "1", "http://receiver.example/")
        assert (refused.exit_code, "cannot be used" in refused.stderr) == (1, True)
        assert "removed" in (await run("remove", "1", identifier)).stdout
        gone = await run("remove", "1", identifier)
        assert (gone.exit_code, "no such webhook" in gone.stderr) == (1, True)
        assert (await run("list", "2")).exit_code == 1
    listener.close()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["read"], 2, "--until"),
        (["read", "1", "--until", "2"], 2, "--until"),
        (["choices", "--mail", "x", "--no-mail", "x"], 2, "both"),
        (["list"], 1, "maillon login"),
    ],
)
def test_what_cannot_be_asked_is_said(arguments: list[str], status: int, said: str, tmp_path: Path) -> None:
    options = ["--url", "http://127.0.0.1:9", "--home", str(tmp_path)]
    done = CliRunner().invoke(notices, [*arguments, *options])
    assert done.exit_code == status, done.output
    assert said in done.stderr


def test_a_server_that_is_away_is_no_refusal(tmp_path: Path) -> None:
    write_private(tmp_path / "login.json", b'{"token": "ml_x", "server": "http://127.0.0.1:9"}')
    done = CliRunner().invoke(notices, ["list", "--url", "http://127.0.0.1:9", "--home", str(tmp_path), "--json"])
    assert done.exit_code == 2
    assert "does not answer" in json.loads(done.stdout)["error"]
