# SPDX-License-Identifier: Apache-2.0
"""The trail in the terminal, against a server over HTTP: read, its documents listed, and one saved with its receipt."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import Result
from typer.testing import CliRunner

from maillon.kit import audit
from maillon.kit.keys import write_private
from maillon.kit.server import listen
from maillon.services.people import Actor
from maillon.services.people.commands import commands
from people_box import Box


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
async def logged_in(box: Box, actor: Actor, home: Path) -> AsyncIterator[str]:
    """A server, and in the home the token of `maillon login` at it."""
    device, user = box.people.begin_device("laptop")
    box.people.allow_device(actor, user)
    token = box.people.finish_device(device).token
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    write_private(home / "login.json", json.dumps({"token": token, "server": url}).encode())
    server = uvicorn.Server(uvicorn.Config(box.fresh_app(), log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield url
    finally:
        server.should_exit = True
        await serving


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
