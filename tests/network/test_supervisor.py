# SPDX-License-Identifier: Apache-2.0
"""The supervisor over processes that do nothing: whatever ends, with whatever else at once, all of it comes back."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog.testing

from local_network import PARTS
from maillon.network.configuration import NodeHome, NodeSettings
from maillon.network.errors import NodeUnusable
from maillon.network.execution import CallRefused, Socket, forget_stateless
from maillon.network.supervisor import Part, Supervisor

SLEEP = ("sleep", "600")


def supervisor(folder: Path) -> Supervisor:
    """One whose parts are ready as soon as those they depend on run."""
    home = NodeHome(folder / "node")
    home.lay_out(NodeSettings("City"))
    (home.execution / "geth" / "chaindata").mkdir(parents=True)
    network = SimpleNamespace(genesis=SimpleNamespace(chain_id=77), nodes=())
    identity = SimpleNamespace(execution_key=b"", consensus_id=b"", validator_key=b"")
    plan = SimpleNamespace(
        home=home, settings=home.settings(), network=network, identity=identity, write=lambda: None, watches=False,
        write_consensus=lambda: None,
        execution_command=lambda: SLEEP, consensus_command=lambda: SLEEP,
    )  # fmt: skip
    made = Supervisor(cast("Any", plan), SLEEP)

    def ready(position: int) -> Callable[[], Awaitable[bool]]:
        async def asked() -> bool:
            return all(part.running for part in made.parts[:position])

        return asked

    made.parts = [Part(name, SLEEP, ready(position), 30, 5, pause=0.01) for position, name in enumerate(PARTS)]
    return made


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)


def processes(made: Supervisor) -> dict[str, int]:
    return {part.name: part.process.pid for part in made.parts if part.process is not None and part.running}


async def broken(made: Supervisor, breaking: Callable[[], Awaitable[None]]) -> None:
    running = asyncio.create_task(made.run())
    try:
        await asyncio.wait_for(made.ready.wait(), 60)
        await breaking()
    finally:
        made.stopping.set()
        await asyncio.wait_for(running, 60)
    assert not processes(made), "something was left running"


@pytest.mark.parametrize("killed", [each for count in range(1, 5) for each in combinations(PARTS, count)], ids="-".join)
async def test_what_is_killed_comes_back(tmp_path: Path, killed: Sequence[str]) -> None:
    """In every order in which the ends of processes killed together can be noticed: they are killed one by one, too."""
    made = supervisor(tmp_path)

    async def kill() -> None:
        for order in (killed, tuple(reversed(killed))):
            before = processes(made)
            for name in order:
                os.kill(before[name], signal.SIGKILL)
                await asyncio.sleep(0)
            await until(lambda before=before: len(now := processes(made)) == 4 and not _same(now, before, killed))
            after = processes(made)
            first = PARTS.index(min(killed, key=PARTS.index))
            for name in PARTS[first:3]:
                assert after[name] != before[name], f"{name} depends on what ended, and was not started again"
            for name in PARTS[:first]:
                assert after[name] == before[name]

    await broken(made, kill)


def _same(now: dict[str, int], before: dict[str, int], names: Sequence[str]) -> bool:
    return any(now[name] == before[name] for name in names)


@pytest.mark.parametrize(("earlier", "later"), list(combinations(PARTS[:3], 2)), ids=str)
async def test_what_ends_while_another_is_waited_for_comes_back(tmp_path: Path, earlier: str, later: str) -> None:
    """A bridge that is killed takes CometBFT with it; whose end is noticed first must not matter."""
    made = supervisor(tmp_path)
    noticed = made.parts[PARTS.index(later)]
    noticed.pause = 0.5

    async def kill() -> None:
        before = processes(made)
        os.kill(before[later], signal.SIGKILL)
        await until(lambda: noticed.restarts == 1)
        os.kill(before[earlier], signal.SIGKILL)
        await until(lambda: len(now := processes(made)) == 4 and not _same(now, before, (earlier, later)))

    await broken(made, kill)


async def test_a_process_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    made = supervisor(tmp_path)
    bridge = made.parts[1]

    async def lose_and_find() -> None:
        bridge.command = ("/nowhere/at/all",)
        os.kill(processes(made)["bridge"], signal.SIGKILL)
        await until(lambda: not bridge.running)
        await asyncio.sleep(0.1)
        bridge.command = SLEEP
        await until(lambda: len(processes(made)) == 4)

    await broken(made, lose_and_find)


async def test_a_process_that_says_it_has_halted_is_started_again(tmp_path: Path) -> None:
    """It is there, answers and does nothing; it says so in two pieces, and where its log has no room for it."""
    made = supervisor(tmp_path)
    consensus, others = made.parts[2], (*made.parts[:2], made.parts[3])
    consensus.halts = b"HAS HALTED"
    log = made.plan.home.logs / "consensus.log"
    full = tmp_path / "full"
    full.symlink_to("/dev/full")

    async def halt() -> None:
        for where, event in ((log, "read message: EOF"), (full, "no space left on device")):
            begun = tmp_path / f"begun-{where.name}"
            said = f"echo 'all is well'; printf 'consensus HAS HA'; touch {begun}; sleep 0.2; echo 'LTED: {event}'"
            consensus.command = ("sh", "-c", f"test -e {begun} && exec sleep 600; {said}; exec sleep 600")
            log.unlink()
            log.symlink_to(where) if where != log else log.touch()
            before, restarts = processes(made), consensus.restarts
            with structlog.testing.capture_logs() as told:
                os.kill(before["consensus"], signal.SIGKILL)
                await until(lambda restarts=restarts: consensus.restarts == restarts + 2 and len(processes(made)) == 4)
            halted = [each for each in told if each["event"] == "halted"]
            assert [each["part"] for each in halted] == ["consensus"]
            assert event in halted[0]["reason"]
            now = processes(made)
            assert all(now[part.name] == before[part.name] for part in others), "more than what had halted was stopped"

    await broken(made, halt)


async def test_what_a_process_says_is_in_its_log(tmp_path: Path) -> None:
    """All of it, in its order, more than a pipe holds; and what it says as it ends."""
    made = supervisor(tmp_path)
    consensus = made.parts[2]
    consensus.halts = b"HAS HALTED"
    done = tmp_path / "done"
    loop = f"seq 1 50000; trap 'echo the end; exit' TERM; touch {done}; while :; do sleep 0.05; done"
    consensus.command = ("sh", "-c", loop)

    async def listen() -> None:
        await until(done.exists)
        assert consensus.restarts == 0

    await broken(made, listen)
    said = (made.plan.home.logs / "consensus.log").read_text()
    assert said.splitlines() == [*(str(number) for number in range(1, 50_001)), "the end"]


async def test_what_a_killed_supervisor_left_ends_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started beside it; where it does not end, that is said and nothing is started at all."""
    made = supervisor(tmp_path)
    left = os.open(made.plan.home.processes_file, os.O_RDWR | os.O_CREAT)
    fcntl.flock(left, fcntl.LOCK_EX)
    monkeypatch.setattr("maillon.network.supervisor.LEFT_WITHIN", 0.3)
    with pytest.raises(NodeUnusable, match="no supervisor started here watches"):
        await made.run()
    assert not processes(made)
    monkeypatch.setattr("maillon.network.supervisor.LEFT_WITHIN", 60)
    with structlog.testing.capture_logs() as said:
        running = asyncio.create_task(made.run())
        await until(lambda: any("former supervisor" in each["event"] for each in said))
        assert not processes(made)
        os.close(left)
        await asyncio.wait_for(made.ready.wait(), 60)
    # Its own parts hold the lock from now on, whatever becomes of itself.
    os.close(made._held)
    other = os.open(made.plan.home.processes_file, os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    made._held = os.dup(other)
    made.stopping.set()
    await asyncio.wait_for(running, 60)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


async def test_a_keeper_that_fails_is_said_at_once_and_starts_again(tmp_path: Path) -> None:
    made = supervisor(tmp_path)
    started, ended = 0, asyncio.Event()

    async def fails() -> None:
        nonlocal started
        started += 1
        if started <= 2:
            raise ZeroDivisionError("nobody foresaw it")
        await asyncio.Event().wait()

    async def done() -> None:
        ended.set()

    made._keepers = {"fails": fails, "done": done}
    with structlog.testing.capture_logs() as said:

        async def watch() -> None:
            before = processes(made)
            await until(lambda: started == 3)
            await ended.wait()
            failures = [each for each in said if each["event"] == "housekeeping failed"]
            assert [(each["keeper"], each["log_level"]) for each in failures] == [("fails", "error")] * 2
            assert "ZeroDivisionError" in failures[0]["reason"]
            assert processes(made) == before, "the node itself goes on"

        await broken(made, watch)
    assert started == 3, "one that ended by itself is not started again, and one that is cancelled neither"


class Engine:
    """An engine that kept blocks up to `known` and has the states of those up to `head`."""

    def __init__(self, head: int, known: int) -> None:
        self.head, self.known, self.refused = head, known, False

    async def call(self, method: str, *parameters: Any, **_within: float) -> Any:
        if method == "debug_setHead":
            if self.refused:
                raise CallRefused(method, -32000, "not now")
            self.known = int(parameters[0], 16)
            return None
        assert method == "eth_getBlockByNumber"
        number = self.head if parameters[0] == "latest" else int(parameters[0], 16)
        block = {"hash": "0x" + f"{number:064x}", "number": hex(number), "timestamp": "0x1", "gasLimit": "0x1"}
        return block if number <= self.known else None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("head", "known", "again"), [(7, 7, False), (0, 0, False), (7, 8, False), (7, 135, False), (0, 1, True)]
)
async def test_blocks_without_state_are_forgotten(head: int, known: int, again: bool) -> None:
    engine = Engine(head, known)
    assert await forget_stateless(cast("Socket", engine)) is again
    assert engine.known == head
    assert not await forget_stateless(cast("Socket", engine)), "once is enough"


@pytest.mark.asyncio
async def test_an_engine_that_does_not_forget_is_not_ready() -> None:
    engine = Engine(7, 9)
    engine.refused = True
    with pytest.raises(CallRefused):
        await forget_stateless(cast("Socket", engine))
