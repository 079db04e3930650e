# SPDX-License-Identifier: Apache-2.0
"""People in the terminal, against a server over HTTP: who joins and logs in there, and the trail that is read there."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import Result
from typer.testing import CliRunner

from conversation import Answer, Conversation, converse
from maillon.kit import audit
from maillon.kit.keys import write_private
from maillon.kit.server import listen
from maillon.services.people import Actor
from maillon.services.people.commands import commands
from maillon.services.people.model import SessionKind
from people_box import OTHER_PASSWORD, PASSWORD, Box


class Log:
    """A log that has a receipt for whatever was entered."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    async def enter(self, digest: bytes) -> int:
        self.entries.append(digest)
        return len(self.entries) - 1

    async def receipt(self, entry: int, digest: bytes) -> bytes | None:
        assert self.entries[entry] == digest
        return json.dumps({"digest": digest.hex()}).encode()


@contextlib.asynccontextmanager
async def served(box: Box) -> AsyncIterator[str]:
    """A server; its address."""
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(box.fresh_app(), log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@contextlib.asynccontextmanager
async def logged_in(box: Box, actor: Actor, home: Path) -> AsyncIterator[str]:
    """A server, and in the home the token of `maillon login` at it."""
    device, user = box.people.begin_device("laptop")
    box.people.allow_device(actor, user)
    token = box.people.finish_device(device).token
    async with served(box) as url:
        write_private(home / "login.json", json.dumps({"token": token, "server": url}).encode())
        yield url


async def test_the_trail_is_read_listed_and_saved(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILLON_API_KEY", raising=False)
    ada, _, _ = box.administrator()
    box.people.make_key(ada, "office", "billing", ["notary:write"], None)
    async with logged_in(box, ada, tmp_path) as url:
        box.clock.advance(86_400)
        while box.people.close_days():
            pass
        box.people.notary = Log()
        await box.people.enter_days()

        async def run(*arguments: str) -> Result:
            options = ["--url", url, "--home", str(tmp_path)]
            return await asyncio.to_thread(CliRunner().invoke, commands, ["audit", *arguments, *options])

        shown = await run("office")
        assert shown.exit_code == 0, shown.output
        assert "2026-03-01 12:0" in shown.stdout
        assert "portal:key:" in shown.stdout
        deeds = json.loads((await run("office", "--json")).stdout)["deeds"]
        older = json.loads((await run("office", "--before", str(deeds[0]["number"]), "--json")).stdout)["deeds"]
        assert older == deeds[1:]
        (listed,) = json.loads((await run("office", "--documents", "--json")).stdout)["documents"]
        first = str(listed["first"])
        saved = await run("office", "--save", first, "--to", str(tmp_path), "--json")
        name = tmp_path / f"trail-office-{first}.json"
        receipt = name.with_name(f"{name.name}.receipt.json")
        assert json.loads(saved.stdout)["files"] == [str(name), str(receipt)]
        assert json.loads(receipt.read_bytes())["digest"] == hashlib.sha256(name.read_bytes()).hexdigest()
        nowhere = await run("office", "--save", first, "--to", str(tmp_path / "nowhere"))
        assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (2, True)
        assert (await run("office", "--save", "999999", "--to", str(tmp_path))).exit_code == 1
        assert (await run("velle")).exit_code == 1, "a trail of others"
        # Altered, the document is refused; the receipt is still had, and shows what was notarised.
        name.unlink()
        receipt.unlink()
        with box.store.transaction() as session:
            session.execute(audit.table.update().values(actor="person:somebody"))
        refused = await run("office", "--save", first, "--to", str(tmp_path))
        assert refused.exit_code == 1
        assert "altered" in refused.stderr
        assert receipt.exists()
        assert not name.exists()


ADDRESS = "ada@office.example"


def secret_on(screen: str) -> str:
    """The secret of the application that is being set up."""
    found = re.search(r"secret ((?:[A-Z2-7]{1,4} ?)+)", screen)
    assert found is not None, screen
    return found[1].replace(" ", "")


async def talk(url: str, home: Path, *command: str, answers: list[tuple[str, Answer]]) -> Conversation:
    arguments = [*command, "--url", url, "--home", str(home), "--json"]
    return await asyncio.to_thread(converse, arguments, answers)


async def test_somebody_joins_and_logs_in_at_a_terminal_which_shows_no_secret(box: Box, tmp_path: Path) -> None:
    code, home = box.first(), tmp_path / "home"
    async with served(box) as url:
        joined = await talk(
            url,
            home,
            *("join", "--name", "Ada Martin"),
            answers=[
                # The link of the letter, as it is.
                ("code of the invitation: ", f"https://ledger.example/fr/join#{code}"),
                ("e-mail address:", ADDRESS),
                ("new password: ", PASSWORD),
                ("new password again: ", PASSWORD),
                ("code: ", lambda screen: box.otp(secret_on(screen))),
            ],
        )
        assert joined.status == 0, joined.screen + joined.output
        assert f"what you type goes to {url}" in joined.screen
        document = json.loads(joined.output)
        assert (document["server"], len(document["recovery_codes"])) == (url, 10)
        assert (home / "login.json").stat().st_mode & 0o777 == 0o600
        secret = secret_on(joined.screen)
        assert ADDRESS in joined.screen, "what is no secret is seen"
        for hidden in (code, PASSWORD, box.otp(secret)):
            assert hidden not in joined.screen + joined.output
        # Another machine of the same person; the first code is not right.
        box.clock.advance(60)
        other = tmp_path / "other"
        logged = await talk(
            url,
            other,
            *("login", "--no-browser", "--address", ADDRESS),
            answers=[("password: ", PASSWORD), ("code: ", "000000"), ("code: ", box.otp(secret))],
        )
        assert logged.status == 0, logged.screen + logged.output
        assert PASSWORD not in logged.screen + logged.output
        who = await asyncio.to_thread(
            CliRunner().invoke, commands, ["whoami", "--url", url, "--home", str(other), "--json"]
        )
        assert json.loads(who.stdout)["roles"] == {"office": ["administrator"]}
        # Whoever has an account takes an invitation with it, and is asked for nothing else.
        ada = box.people.actor_of_token(json.loads((other / "login.json").read_text())["token"], SessionKind.COMMAND)
        box.people.invite(ada, "velle", ADDRESS, ["member"], "fr")
        taken = await talk(url, other, "join", answers=[("code of the invitation: ", box.code(ADDRESS))])
        assert json.loads(taken.output) == {"server": url, "organisation": "velle"}
        again = await talk(url, other, "join", answers=[("code of the invitation: ", box.code(ADDRESS))])
        assert (again.status, "not valid" in again.screen + again.output) == (1, True)


async def test_what_is_wrong_at_a_terminal_logs_nobody_in(box: Box, tmp_path: Path) -> None:
    box.administrator()
    login = ("login", "--no-browser", "--address", ADDRESS)
    async with served(box) as url:
        wrong = await talk(url, tmp_path, *login, answers=[("password: ", OTHER_PASSWORD)])
        assert (wrong.status, "not right" in wrong.screen + wrong.output) == (1, True)
        guessed = await talk(url, tmp_path, *login, answers=[("password: ", PASSWORD), *[("code: ", "000000")] * 3])
        assert (guessed.status, "code is not right" in guessed.screen + guessed.output) == (1, True)
        unknown = await talk(
            url,
            tmp_path,
            *("join", "--address", ADDRESS, "--name", "Ada"),
            answers=[("code of the invitation: ", "0" * 32), ("password: ", PASSWORD), ("again: ", PASSWORD)],
        )
        assert (unknown.status, "not valid" in unknown.screen + unknown.output) == (1, True)
    assert not (tmp_path / "login.json").exists()


@pytest.mark.parametrize("command", [("join",), ("login", "--no-browser")])
async def test_no_secret_goes_where_others_could_read_it(command: tuple[str, ...], tmp_path: Path) -> None:
    asked = await talk("http://ledger.example", tmp_path, *command, answers=[])
    assert (asked.status, "has no TLS" in asked.screen + asked.output) == (1, True)
    for secret in ("--password", "--code", PASSWORD):
        refused = await talk("https://ledger.example", tmp_path, *command, secret, answers=[])
        assert refused.status == 2
