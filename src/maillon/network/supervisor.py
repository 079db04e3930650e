# SPDX-License-Identifier: Apache-2.0
"""One supervisor per node: it starts execution, bridge, consensus and gateway in that order, and again when one ends.

Whatever depends on a process that ended is stopped before it comes back: a bridge has a stale head when geth restarts
below it, and only CometBFT's own start repairs that, by replay. So an ordinary start and a recovery are the same code.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import orjson
import structlog

from maillon.kit.errors import KitError
from maillon.network import abci
from maillon.network.application import ask
from maillon.network.configuration import NodeHome, Plan
from maillon.network.engines import COMETBFT, GETH, installed
from maillon.network.errors import ExecutionUnavailable, NodeDown, NodeUnusable
from maillon.network.execution import CallRefused, Execution, Socket, forget_stateless
from maillon.network.housekeeping import QueueKeeper
from maillon.network.peers import PeerKeeper
from maillon.network.registry import Registry
from maillon.network.watch import Watcher

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds between two starts of a process that keeps ending; doubled from the first to this."""
STEADY: Final = 60.0
"""A process that lived so long begins again with the first pause."""
READY_POLL: Final = 0.1
LEFT_WITHIN: Final = 120.0
"""Seconds in which the processes of a supervisor that was killed have ended: geth writes what it holds in memory."""
LOG_SIZE: Final = 64 * 1024 * 1024
"""A log larger than this is set aside at the start of its process, and the one set aside before is dropped."""
HALTED: Final = b"CONSENSUS FAILURE!!!"
"""What CometBFT 0.38 says when its consensus has ended for good (`consensus/state.go`): its process stays."""
_REASON: Final = 300
"""Bytes of what it says with it that are repeated."""
_READ: Final = 65_536
_log = structlog.get_logger(__name__)

Ready = Callable[[], Awaitable[bool]]


@dataclass
class Part:
    """One process of a node."""

    name: str
    command: Sequence[str]
    ready: Ready
    ready_within: float
    stop_within: float
    """Seconds it gets to end by itself; geth writes what it holds in memory."""
    process: asyncio.subprocess.Process | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    restarts: int = 0
    """How often it ended, did not get ready or halted, and was started again; not because another had to be."""
    fresh: bool = False
    """Whether it has not been ready since it was started."""
    halts: bytes = b""
    """What its process says when it has stopped working and stays; nothing where none does such a thing."""
    follower: asyncio.Task[None] | None = None
    """Reads what a process says that may halt."""

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.returncode is None


@dataclass
class Supervisor:
    """Runs one node until told to stop."""

    plan: Plan
    bridge_command: Sequence[str] = ()
    """In place of the ordinary bridge: tests run one with other rules."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    parts: list[Part] = field(default_factory=list)
    since: float = field(default_factory=time.time)
    _held: int = -1
    """A descriptor of the lock on this node's processes, which each of them inherits."""

    def __post_init__(self) -> None:
        home, settings = self.plan.home, self.plan.settings
        program = [sys.executable, "-P", "-m", "maillon.network"]
        bridge = list(self.bridge_command) or [*program, "bridge", str(home.path)]
        self._socket = Socket(home.execution_socket)
        self._http = httpx.AsyncClient(timeout=2)
        registry = Registry(Execution(self._socket))
        self._keepers: dict[str, Callable[[], Awaitable[None]]] = {
            "peers": PeerKeeper(self.plan, self._socket, registry, self._http, self.restart_consensus).run,
            "queue": QueueKeeper(self.plan, self._socket, registry).run,
            "watch": self._watch,
            "telling": self._tell,
        }
        rpc = f"http://127.0.0.1:{settings.consensus_rpc_port}/status"
        self.parts = [
            Part("execution", self.plan.execution_command(), self._execution_ready, 120, 60),
            Part("bridge", bridge, self._bridge_ready, 60, 5),
            # Its RPC answers once everything it knew is replayed, which may be much: no end is set to that.
            Part(
                "consensus", self.plan.consensus_command(), lambda: self._answers(rpc), float("inf"), 15, halts=HALTED
            ),
        ]
        if settings.gateway_port:
            address = f"http://127.0.0.1:{settings.gateway_port}/health/live"
            command = [*program, "gateway", str(home.path)]
            self.parts.append(Part("gateway", command, lambda: self._answers(address), 60, 5))

    async def run(self) -> None:
        """Start everything and keep it running; ends after `stopping` is set, with everything stopped.

        Raises `NodeUnusable`.
        """
        self._held = os.open(self.plan.home.processes_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await self._take_over()
            if not self.stopping.is_set():
                await self._keep_running()
        finally:
            os.close(self._held)

    async def _take_over(self) -> None:
        """Wait until nothing of a supervisor that was killed runs. Raises `NodeUnusable` when something goes on.

        The kernel tells its parts to end, which takes seconds. Ours must not run beside them: they would ask the former
        engine, lose their socket to the former bridge, and a CometBFT might read what its key signed last before the
        former one has signed for the last time. The lock is held as long as any process has inherited it.
        """
        loop = asyncio.get_running_loop()
        deadline, said = loop.time() + LEFT_WITHIN, False
        while not self.stopping.is_set():
            try:
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if loop.time() > deadline:
                    raise NodeUnusable(
                        f"processes of this node run that no supervisor started here watches: end those that have "
                        f"{self.plan.home.processes_file} open (fuser names them), then start again"
                    ) from None
            else:
                return
            if not said:
                said = True
                _log.warning("the processes of a former supervisor end first")
            await asyncio.sleep(READY_POLL)

    async def _keep_running(self) -> None:
        self.plan.write()
        await self._initialise()
        keepers = [asyncio.create_task(self._keep(name, keeper)) for name, keeper in self._keepers.items()]
        try:
            while not self.stopping.is_set():
                if await self._start_all():
                    self.ready.set()
                    await self._one_to_end()
        finally:
            for keeper in keepers:
                keeper.cancel()
            # Whatever became of them, nothing is left running.
            await asyncio.gather(*keepers, return_exceptions=True)
            await self._stop_from(0)
            await asyncio.gather(*(part.follower for part in self.parts if part.follower is not None))
            await self._socket.close()
            await self._http.aclose()

    async def _keep(self, name: str, keeper: Callable[[], Awaitable[None]]) -> None:
        """Run what is done beside the parts; when it fails say so, and do it again after a pause, longer each time."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while True:
            began = loop.time()
            try:
                await keeper()
            except Exception as error:  # noqa: BLE001 - whatever it is: the node would run on, and nobody would know
                _log.error("housekeeping failed", keeper=name, reason=repr(error))
            else:
                return
            if loop.time() - began > STEADY:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _watch(self) -> None:
        """Where the validator key's past is not known: watch, then start CometBFT again with the key."""
        if self.plan.watches:
            await Watcher(self.plan, self._http).run()
            await self.restart_consensus()

    async def _tell(self) -> None:
        """Say on a socket of ours what nobody else knows: since when this node runs, and what had to be started again.

        A socket and no file: what is said is of now, and a full disk keeps nobody from hearing it.
        """
        path = self.plan.home.supervisor_socket
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._say, str(path))
        try:
            path.chmod(0o600)
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            path.unlink(missing_ok=True)

    async def _say(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(orjson.dumps({"since": self.since, "restarts": {part.name: part.restarts for part in self.parts}}))
        writer.close()

    async def _initialise(self) -> None:
        """Write block zero, where it is not there."""
        if (self.plan.home.execution / "geth" / "chaindata").exists():
            return
        command = self.plan.initialise_execution()
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await process.communicate()
        if process.returncode:
            raise NodeUnusable(f"geth could not write block zero: {errors.decode(errors='replace')[-500:]}")

    async def _start_all(self) -> bool:
        """Start what does not run, in order, each when the one before is ready; False when one was not.

        Every part is looked at each time: two that end together are seen to end one after the other, in any order.
        """
        for position, part in enumerate(self.parts):
            if self.stopping.is_set():
                return False
            if not part.running:
                # The gateway depends on nobody's start: it waits for what it asks.
                await self._stop_from(position + 1, but="gateway")
                await self._start(part)
            if not await self._is_ready(part):
                _log.error("not ready", part=part.name, log=str(self._log_file(part)))
                if all(other.running for other in self.parts[:position]):
                    part.restarts += 1
                await self._stop_from(position)
                await self._pause(part)
                return False
        return True

    async def _start(self, part: Part) -> None:
        """Start a part. A machine that cannot now, as when its disk is full, is asked again after a pause."""
        try:
            await self._spawn(part)
        except (OSError, KitError, NodeUnusable) as error:
            _log.error("not started", part=part.name, reason=str(error))

    async def _spawn(self, part: Part) -> None:
        if part.name == "consensus":
            self.plan.write_consensus()
        log = self._log_file(part)
        if log.exists() and log.stat().st_size > LOG_SIZE:
            log.replace(log.with_suffix(".before.log"))
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            part.process = await asyncio.create_subprocess_exec(
                *_bound_to_us(part.command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if part.halts else descriptor,
                stderr=asyncio.subprocess.STDOUT if part.halts else descriptor,
                # A group of its own: Ctrl-C reaches us alone, and we stop the parts in order.
                start_new_session=True,
                pass_fds=(self._held,),
            )
        finally:
            os.close(descriptor)
        if part.process.stdout is not None:
            part.follower = asyncio.create_task(self._follow(part, part.process, part.process.stdout, log))
        part.started = asyncio.get_running_loop().time()
        part.fresh = True
        _log.info("started", part=part.name, process=part.process.pid)

    async def _follow(
        self, part: Part, process: asyncio.subprocess.Process, said: asyncio.StreamReader, log: Path
    ) -> None:
        """Write what a process says to its log, until it ends, and stop it when it says that it has halted.

        Nothing else shows it: the process is there and answers as before. And its log cannot be read for it, as a full
        disk is what makes CometBFT halt, and then nothing comes into the log.
        """
        before, stopping = b"", None
        while chunk := await said.read(_READ):
            # What it says while there is no room is lost, and it runs on.
            with contextlib.suppress(OSError), log.open("ab", buffering=0) as file:
                file.write(chunk)
            read = before + chunk
            _, halted, reason = read.partition(part.halts)
            before = read[-len(part.halts) :]
            # Where another runs already this one has ended: its last words are read after it.
            if halted and stopping is None and part.process is process:
                _log.error("halted", part=part.name, reason=reason[:_REASON].decode(errors="replace"))
                # What waits for its end starts it again. It goes on to say things while it ends.
                stopping = asyncio.create_task(self._stop(part))
        if stopping is not None:
            await stopping

    async def _is_ready(self, part: Part) -> bool:
        deadline = asyncio.get_running_loop().time() + part.ready_within
        while part.running and not self.stopping.is_set():
            if await part.ready():
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            # A part that died before this one came up ends the wait: nothing gets ready without its engine.
            if any(not other.running for other in self.parts[: self.parts.index(part)]):
                return False
            await asyncio.sleep(READY_POLL)
        return False

    async def _one_to_end(self) -> None:
        """Wait until a part ends, or we are to stop; then a while, longer each time the same one ends soon."""
        ends = {
            asyncio.create_task(part.process.wait()): position
            for position, part in enumerate(self.parts)
            if part.process is not None
        }
        stop = asyncio.create_task(self.stopping.wait())
        done, pending = await asyncio.wait([*ends, stop], return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        positions = sorted(ends[task] for task in done if task in ends)
        if self.stopping.is_set() or not positions:
            return
        for part in (self.parts[position] for position in positions):
            assert part.process is not None
            _log.error("ended", part=part.name, status=part.process.returncode, log=str(self._log_file(part)))
            part.restarts += 1
        await self._stop_from(positions[0] + 1, but="gateway")
        await self._pause(self.parts[positions[0]])

    async def _pause(self, part: Part) -> None:
        lived = asyncio.get_running_loop().time() - part.started
        if lived > STEADY:
            part.pause = FIRST_PAUSE
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(part.pause):
                await self.stopping.wait()
        part.pause = min(part.pause * 2, LONGEST_PAUSE)

    async def _stop_from(self, first: int, but: str = "") -> None:
        """Stop the parts from this one on, the last first."""
        for part in reversed(self.parts[first:]):
            if part.name != but:
                await self._stop(part)

    async def _stop(self, part: Part) -> None:
        process = part.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(part.stop_within):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def restart_consensus(self) -> None:
        """Stop CometBFT, which cuts every peer; the main loop starts it again."""
        consensus = next(part for part in self.parts if part.name == "consensus")
        consensus.pause = FIRST_PAUSE
        await self._stop(consensus)

    def _log_file(self, part: Part) -> Path:
        return self.plan.home.logs / f"{part.name}.log"

    # Readiness

    async def _execution_ready(self) -> bool:
        execution = self.parts[0]
        try:
            if await self._socket.call("eth_chainId", within=5) != hex(self.plan.network.genesis.chain_id):
                return False
            # Only now: whatever moves its head waits for it to be ready.
            again = execution.fresh and await forget_stateless(self._socket)
        except (ExecutionUnavailable, CallRefused):
            return False
        execution.fresh = False
        if again:
            await self._stop(execution)
        return not again

    async def _bridge_ready(self) -> bool:
        try:
            await ask(self.plan.home.bridge_socket, abci.Request(echo=abci.Echo(message="ready")))
        except NodeDown:
            return False
        return True

    async def _answers(self, url: str) -> bool:
        try:
            return (await self._http.get(url)).status_code == 200
        except httpx.HTTPError:
            return False


def _bound_to_us(command: Sequence[str]) -> list[str]:
    """The command, told to end when we do: a supervisor that is killed leaves no engine behind it."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--", *command] if setpriv else list(command)


def plan_of(home: NodeHome, engines: Path) -> Plan:
    """Read a node's directory. Raises `NodeUnusable`, `InvalidNetwork` or `EngineUnusable`."""
    settings = home.settings()
    identity = home.identity()
    return Plan(
        home=home,
        settings=settings,
        network=home.network(),
        identity=identity,
        geth=installed(GETH, engines, settings.geth),
        cometbft=installed(COMETBFT, engines, settings.cometbft),
        sentries=home.sentries(),
    )


async def run_until_signal(supervisors: Sequence[Supervisor], ready: Callable[[], Awaitable[None]]) -> None:
    """Run nodes until SIGINT or SIGTERM; `ready` is awaited once all are. Raises what a supervisor raises."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for supervisor in supervisors:
            supervisor.stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    running = [asyncio.create_task(supervisor.run()) for supervisor in supervisors]

    async def all_ready() -> None:
        for supervisor in supervisors:
            await supervisor.ready.wait()

    waiting = asyncio.create_task(all_ready())
    try:
        await asyncio.wait([*running, waiting], return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            await ready()
        await asyncio.gather(*running)
    finally:
        waiting.cancel()
        stop()
        await asyncio.gather(*running, return_exceptions=True)
