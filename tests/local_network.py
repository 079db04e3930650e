# SPDX-License-Identifier: Apache-2.0
"""A real consortium for tests: every node its own processes on loopback, killed and restarted at will."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import vyper

from maillon.evidence.hashing import keccak256
from maillon.ledger.abi import artifact, encode
from maillon.ledger.genesis import DIRECTORY, name_word
from maillon.ledger.node import NodeLedger
from maillon.ledger.port import Address, TransactionReceipt
from maillon.ledger.signing import Account
from maillon.network import consortium, engines
from maillon.network.configuration import NodeHome
from maillon.network.errors import EngineUnusable

TESTS = Path(__file__).parent
READY_WITHIN = 180
"""Seconds after which a start has failed: far more than it needs on a busy machine."""
PARTS = ("execution", "bridge", "consensus", "gateway")
CREDITS = 10**24
ACCOUNTS = tuple(Account(number.to_bytes(32, "big")) for number in range(1, 9))
"""Keys anyone can guess: only networks made for one test run credit them."""
WITHOUT = set(os.environ.get("MAILLON_TEST_WITHOUT", "").split())


def engines_folder() -> Path:
    """Where the engines are, built now where they are not: some minutes, once for this user."""
    if "engines" in WITHOUT:
        pytest.skip("MAILLON_TEST_WITHOUT=engines: no real network was tried")
    folder = engines.default_folder()
    try:
        engines.install(folder, lambda message: sys.stderr.write(message + "\n"), {})
    except EngineUnusable as error:
        pytest.fail(f"the engines cannot be had here, so no real network is tested: {error}")
    return folder


@dataclass
class LocalNode:
    """One node: its directory, and its processes while it runs."""

    home: NodeHome
    engines: Path
    bridge: Path | None = None
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.settings = self.home.settings()
        self.identity = self.home.identity()
        self.url = f"http://127.0.0.1:{self.settings.gateway_port}"
        self.consensus = f"http://127.0.0.1:{self.settings.consensus_rpc_port}"
        # One client for all questions: making one reads every certificate of the machine.
        self.client = httpx.Client(timeout=30)

    @property
    def log(self) -> Path:
        return self.home.path / "supervisor.log"

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAILLON_")}
        # It ends when the tests end, however they do.
        command = [
            "setpriv",
            "--pdeathsig",
            "TERM",
            "--",
            sys.executable,
            str(TESTS / "node_process.py"),
            str(self.home.path),
            str(self.engines),
        ]
        command += [str(self.bridge)] if self.bridge else []
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment | {"PYTHONPATH": f"{TESTS.parent / 'src'}:{TESTS}"},
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Until every part answers; its log when it does not."""
        assert self.process is not None
        assert self.process.stdout is not None
        stdout = self.process.stdout
        os.set_blocking(stdout.fileno(), False)
        said = until(lambda: stdout.readline() or self.process is None or self.process.poll() is not None, READY_WITHIN)
        if said != "ready\n":
            tail = "".join(self.log.read_text().splitlines(keepends=True)[-30:])
            pytest.fail(f"{self.home.path} is not ready:\n{tail}")

    def pids(self) -> dict[str, int]:
        """The processes of the parts, as the supervisor last started them."""
        found: dict[str, int] = {}
        for line in self.log.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError, KeyError):
                entry = json.loads(line)
                if entry["event"] == "started":
                    found[entry["part"]] = entry["process"]
        return found

    def kill(self, part: str) -> None:
        """SIGKILL to one process."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pids()[part], signal.SIGKILL)

    def kill_all(self) -> None:
        """SIGKILL to the supervisor and every part, as when the machine loses power; not to anything else."""
        if self.process is None:
            return
        self.process.kill()
        self._end()
        for part in self.pids():
            self.kill(part)
        until(lambda: not any(running(pid) for pid in self.pids().values()), 20)

    def stop(self) -> None:
        """As an operator does."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill_all()
        else:
            self._end()

    def _end(self) -> None:
        process, self.process = self.process, None
        assert process is not None
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()

    def rpc(self, method: str, *parameters: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        answer = self.client.post(self.url, json=body).json()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def ask_consensus(self, path: str) -> Any:
        return self.client.get(f"{self.consensus}/{path}").json()["result"]

    def height(self) -> int:
        """The newest block, -1 while the node does not answer."""
        try:
            return int(self.rpc("eth_blockNumber"), 16)
        except (httpx.HTTPError, RuntimeError, ValueError, KeyError):
            return -1

    def hash_at(self, height: int) -> str:
        return str(self.rpc("eth_getBlockByNumber", hex(height), False)["hash"])

    def hashes(self, first: int, last: int) -> list[str]:
        """The hashes of these blocks, both included."""
        found: list[str] = []
        for start in range(first, last + 1, 100):
            requests = [
                {"jsonrpc": "2.0", "id": height, "method": "eth_getBlockByNumber", "params": [hex(height), False]}
                for height in range(start, min(last, start + 99) + 1)
            ]
            answers = self.client.post(self.url, json=requests).json()
            found += [answer["result"]["hash"] for answer in answers]
        return found

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"{self.url}/health").json()
        return found


@dataclass
class LocalNetwork:
    """Nodes of one network. A context: whatever happens inside, nothing is left running."""

    folder: Path
    engines: Path
    count: int = 4
    others: int = 0
    nodes: list[LocalNode] = field(default_factory=list)

    def __enter__(self) -> Self:
        funded = [(account.address, CREDITS) for account in ACCOUNTS]
        homes = consortium.lay_out(
            self.folder, self.count, "Network of tests", int(time.time()), funded, others=self.others
        )
        self.nodes = [LocalNode(home, self.engines) for home in homes]
        self.chain_id = homes[0].network().genesis.chain_id
        self.consensus_chain_id = homes[0].network().genesis.consensus_chain_id
        return self

    def __exit__(self, *_error: object) -> None:
        for node in self.nodes:
            if node.process is not None:
                node.process.terminate()
        for node in self.nodes:
            node.stop()
            node.client.close()

    def start(self, nodes: Sequence[LocalNode] | None = None) -> None:
        chosen = self.nodes[: self.count] if nodes is None else nodes
        for node in chosen:
            node.start()
        for node in chosen:
            node.wait_ready()

    def wait_height(self, height: int, nodes: Sequence[LocalNode] | None = None, within: float = 120) -> None:
        """Until every node has the block."""
        chosen = self.nodes[: self.count] if nodes is None else nodes
        reached = until(lambda: all(node.height() >= height for node in chosen), within)
        assert reached, f"block {height} not within {within} s: {[node.height() for node in chosen]}"

    def grow(self, blocks: int, nodes: Sequence[LocalNode] | None = None, within: float = 120) -> int:
        """Until so many more blocks are there; the new height."""
        chosen = self.nodes[: self.count] if nodes is None else nodes
        target = max(node.height() for node in chosen) + blocks
        self.wait_height(target, chosen, within)
        return target

    def check_same(self, nodes: Sequence[LocalNode] | None = None) -> None:
        """The same block hash at every height everywhere, and the chain's time is not ahead of the clock."""
        chosen = self.nodes[: self.count] if nodes is None else nodes
        top = min(node.height() for node in chosen)
        self.wait_height(top, chosen)
        chains = [node.hashes(0, top) for node in chosen]
        for height, hashes in enumerate(zip(*chains, strict=True)):
            assert len(set(hashes)) == 1, f"a fork at {height}: {hashes}"

    # The chain

    def instruct(self, to: Address | None, data: bytes, account: Account, node: int = 0) -> TransactionReceipt:
        """Send a transaction and wait until it is final."""

        async def work() -> TransactionReceipt:
            ledger = await NodeLedger.connect(self.nodes[node].url)
            try:
                return await ledger.wait(await ledger.send(to, data, account), 60)
            finally:
                await ledger.close()

        return asyncio.run(work())

    def point(self, name: str, target: Address) -> None:
        """Lead a name of the Directory to a contract, by the seat of governance: the first founder's account."""
        call = artifact("directory").selectors["point(bytes32,address)"]
        data = call + encode(("bytes32", "address"), (name_word(name), target))
        self.instruct(DIRECTORY, data, self.nodes[0].identity.account)

    def deploy_registry(self, name: str) -> Registry:
        """A registry of tests under that name; the chain follows it from the next blocks on."""
        source = (TESTS / "network" / "registry.vy").read_text()
        code = bytes.fromhex(vyper.compile_code(source, output_formats=["bytecode"])["bytecode"][2:])
        made = self.instruct(None, code + name_word(name), ACCOUNTS[7])
        assert made.contract is not None
        return Registry(self, Address(made.contract))


@dataclass
class Registry:
    """The registry of tests on a network."""

    network: LocalNetwork
    address: Address

    def call(self, signature: str, *values: object) -> TransactionReceipt:
        kinds = _kinds(signature)
        data = keccak256(signature.encode())[:4] + encode(kinds, values)
        return self.network.instruct(self.address, data, ACCOUNTS[7])

    def set_validators(self, entries: Sequence[tuple[bytes, int, int]]) -> None:
        self.call("set_validators((bytes32,uint256,uint256)[])", list(entries))

    def set_nodes(self, nodes: Sequence[LocalNode]) -> None:
        entries = [
            (node.identity.execution_key, node.identity.consensus_id, number) for number, node in enumerate(nodes, 1)
        ]
        self.call("set_nodes((bytes,bytes20,uint256)[])", entries)


def _kinds(signature: str) -> list[str]:
    inner = signature[signature.index("(") + 1 : -1]
    return [inner] if inner.startswith("(") else [kind for kind in inner.split(",") if kind]


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"


def until(condition: Callable[[], Any], within: float, pause: float = 0.1) -> Any:
    """Poll until the condition gives something true, which is returned; what it gave last when time is up."""
    deadline = time.monotonic() + within
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(pause)
    return found
