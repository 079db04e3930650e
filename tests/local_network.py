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
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import pytest
import vyper

from maillon.evidence.hashing import keccak256, sha256
from maillon.ledger.abi import Call, ask, encode
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.errors import Reverted
from maillon.ledger.founding import GWEI, SANDBOX_STATUTES, Founding, Terms
from maillon.ledger.genesis import GOVERNANCE, name_word, random_chain_id
from maillon.ledger.node import NodeLedger
from maillon.ledger.port import Address, Height, TransactionReceipt
from maillon.ledger.signing import Account, DynamicFeeTransaction, checksum
from maillon.network import consortium, engines, toolchain
from maillon.network.configuration import NodeHome
from maillon.network.definition import NetworkDefinition, found, founding_of
from maillon.network.errors import EngineUnusable
from maillon.network.identity import NodeCard
from maillon.network.rules import address_of_key

TESTS = Path(__file__).parent
READY_WITHIN = 180
"""Seconds after which a start has failed: far more than it needs on a busy machine."""
PARTS = ("execution", "bridge", "consensus", "gateway")
FINAL_WITHIN = 120
"""Seconds in which a transaction is final: far more than the second it takes on an idle machine."""
NAME = "Network of tests"
THERE = Address(b"\x78" * 20)
"""Where transfers of tests go."""
CREDITS = 10**24
ACCOUNTS = tuple(Account(number.to_bytes(32, "big")) for number in range(1, 9))
"""Keys anyone can guess: only networks made for one test run credit them."""
ORDINARY, CONSTITUTIONAL = 1, 2
"""Kinds of proposals."""
VOTE, VOTE_LOCK = 12, 1
"""Seconds a vote is open at least, and what passed waits at most, where votes govern a network of tests."""
HURRIED = replace(
    SANDBOX_STATUTES,
    ordinary=Terms(2_500, 1, 2, VOTE, 0),
    constitutional=Terms(5_000, 2, 3, VOTE, VOTE_LOCK),
)
WITHOUT = set(os.environ.get("MAILLON_TEST_WITHOUT", "").split())


Answer = TypeVar("Answer")


def governed(cards: Sequence[NodeCard]) -> Founding:
    """Votes decide from block zero on, quickly, and credits are granted every five blocks."""
    return replace(founding_of(cards), statutes=HURRIED, governed=True, period_length=5)


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


def signer_program(engine_programs: Path) -> Path:
    """CometBFT's own remote signer, of the module the pinned CometBFT is built from; built now where it is not."""
    program = engine_programs / "tests" / "priv_val_server"
    if not program.exists():
        package = f"{engines.COMETBFT.module}/cmd/{program.name}@v{engines.COMETBFT.version}"
        go = toolchain.find_go(engine_programs, lambda message: sys.stderr.write(message + "\n"))
        made = os.environ | {"GOBIN": str(program.parent), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
        subprocess.run([go, "install", "-trimpath", "-p", "2", package], check=True, env=made, timeout=1200)
    return program


@dataclass
class LocalNode:
    """One node: its directory, and its processes while it runs."""

    home: NodeHome
    engines: Path
    program: Path = TESTS / "node_process.py"
    bridge: Path | None = None
    entrance: Sequence[str] = ()
    """Before its command: what makes it run elsewhere, as in another network namespace."""
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
            *self.entrance,
            "setpriv",
            "--pdeathsig",
            "TERM",
            "--",
            sys.executable,
            str(self.program),
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
            status = None if self.process is None else self.process.poll()
            pytest.fail(f"{self.home.path} is not ready (it said {said!r}, status {status}):\n{self.ends()}")

    def pids(self) -> dict[str, int]:
        """The processes of the parts, as the supervisor last started them."""
        found: dict[str, int] = {}
        for line in self.log.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError, KeyError):
                entry = json.loads(line)
                if entry["event"] == "started":
                    found[entry["part"]] = entry["process"]
        return found

    def ends(self) -> str:
        """What its supervisor and its parts said last, for a failure to show."""
        logs = [self.log, *sorted(self.home.logs.glob("*.log"))]
        return "\n".join(f"{log.name}:\n" + "\n".join(log.read_text().splitlines()[-8:]) for log in logs)

    def kill(self, part: str) -> None:
        """SIGKILL to one process."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pids()[part], signal.SIGKILL)

    def kill_supervisor(self) -> None:
        """SIGKILL to the supervisor alone; the kernel tells its parts."""
        assert self.process is not None
        self.process.kill()
        self._end()

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
        blocks = self.ask_all("eth_getBlockByNumber", [[hex(height), False] for height in range(first, last + 1)])
        return [block["hash"] for block in blocks]

    def receipts(self, sent: Sequence[str]) -> list[Any]:
        """What became of each transaction here; None where it is in no block."""
        return self.ask_all("eth_getTransactionReceipt", [[each] for each in sent])

    def ask_all(self, method: str, parameters: Sequence[Sequence[object]]) -> list[Any]:
        """One method, asked with each of these parameters, a hundred at once."""
        found: list[Any] = []
        for start in range(0, len(parameters), 100):
            requests = [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": list(each)}
                for number, each in enumerate(parameters[start : start + 100])
            ]
            answers = until(lambda requests=requests: self._batch(requests), 60)  # type: ignore[misc]
            assert answers, f"{self.url} takes no more questions"
            found += [answer["result"] for answer in answers]
        return found

    def _batch(self, requests: Sequence[dict[str, object]]) -> list[Any]:
        """The answers, in order; none while the gateway says that this address has asked enough for now."""
        answer = self.client.post(self.url, json=requests)
        return [] if answer.status_code == httpx.codes.TOO_MANY_REQUESTS else list(answer.json())

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"{self.url}/health").json()
        return found

    def alarms(self) -> dict[str, str]:
        """The alarms raised now; none while the bridge does not answer."""
        bridge = self.health()["bridge"]
        return {} if bridge is None else dict(bridge["alarms"])

    @property
    def address(self) -> str:
        """Its validator's address in consensus."""
        return address_of_key(self.identity.validator_key).hex()

    def voters(self) -> dict[str, int]:
        """Address → power of those who are to sign the newest height."""
        found = self.ask_consensus("validators?per_page=100")["validators"]
        return {entry["address"].lower(): int(entry["voting_power"]) for entry in found}

    def signers(self) -> set[str]:
        """The addresses of those whose signatures the newest block carries: who was in time, if not among the first."""
        newest = int(self.ask_consensus("status")["sync_info"]["latest_block_height"])
        # Of the newest height this node has what it saw first, two thirds; of the one before, what the chain keeps.
        signatures = self.ask_consensus(f"commit?height={newest - 1}")["signed_header"]["commit"]["signatures"]
        return {vote["validator_address"].lower() for vote in signatures if vote["signature"]}


def next_base_fee(block: dict[str, Any]) -> int:
    """EIP-1559: an eighth more at most when the block was over half full, an eighth less when it was empty."""
    base, used, target = (int(block["baseFeePerGas"], 16), int(block["gasUsed"], 16), int(block["gasLimit"], 16) // 2)
    if used > target:
        return base + max(base * (used - target) // target // 8, 1)
    return base - base * (target - used) // target // 8


@dataclass
class LocalNetwork:
    """Nodes of one network. A context: whatever happens inside, nothing is left running."""

    folder: Path
    engines: Path
    count: int = 4
    others: int = 0
    founding: Callable[[Sequence[NodeCard]], Founding] = founding_of
    hosts: Sequence[str] = ()
    """Where each node is reached; loopback for all when empty."""
    cache: int = consortium.CACHE
    nodes: list[LocalNode] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    """Every transaction a node took from `send`."""

    def __enter__(self) -> Self:
        now = int(time.time())
        homes = consortium.lay_out(
            *(self.folder, self.count, NAME, now),
            define=self._define,
            others=self.others,
            hosts=self.hosts,
            cache=self.cache,
        )
        self.nodes = [LocalNode(home, self.engines) for home in homes]
        self.chain_id = homes[0].network().genesis.chain_id
        self.consensus_chain_id = homes[0].network().genesis.consensus_chain_id
        return self

    def _define(self, cards: Sequence[NodeCard]) -> NetworkDefinition:
        funded = [(account.address, CREDITS) for account in ACCOUNTS]
        founding = self.founding(cards)
        return found(NAME, random_chain_id(), int(time.time()), cards, consortium.CREDITS, funded, founding)

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

    def wait_height(self, height: int, nodes: Sequence[LocalNode] | None = None, within: float = 300) -> None:
        """Until every node has the block."""
        chosen = self.nodes[: self.count] if nodes is None else nodes
        reached = until(lambda: all(node.height() >= height for node in chosen), within)
        assert reached, f"block {height} not within {within} s: {[node.height() for node in chosen]}"

    def grow(self, blocks: int, nodes: Sequence[LocalNode] | None = None, within: float = 300) -> int:
        """Until so many more blocks are there; the new height."""
        chosen = self.nodes[: self.count] if nodes is None else nodes
        target = max(node.height() for node in chosen) + blocks
        self.wait_height(target, chosen, within)
        return target

    def check_same(self, nodes: Sequence[LocalNode] | None = None) -> None:
        """The same block hash at every height everywhere, and every acknowledged transaction in one of them."""
        chosen = self.nodes[: self.count] if nodes is None else nodes

        def missing() -> list[str]:
            found = chosen[0].receipts(self.acknowledged)
            return [sent for sent, receipt in zip(self.acknowledged, found, strict=True) if receipt is None]

        assert until(lambda: not missing(), 240), f"taken, and in no block: {missing()}"
        top = chosen[0].height()
        self.wait_height(top, chosen)
        chains = [node.hashes(0, top) for node in chosen]
        for height, hashes in enumerate(zip(*chains, strict=True)):
            assert len(set(hashes)) == 1, f"a fork at {height}: {hashes}"
        receipts = [node.receipts(self.acknowledged) for node in chosen]
        for sent, each in zip(self.acknowledged, zip(*receipts, strict=True), strict=True):
            assert all(each), f"{sent} is missing somewhere"
            assert len({receipt["blockHash"] for receipt in each}) == 1
            assert {receipt["status"] for receipt in each} == {"0x1"}

    # The chain

    def send(self, node: LocalNode, key: int, to: bytes = THERE) -> str:
        """Give a transfer to a node, which takes it; its hash. It is looked for in every `check_same` from then on."""
        sent = str(node.rpc("eth_sendRawTransaction", self.transfer(node, ACCOUNTS[key], Address(to))))
        self.acknowledged.append(sent)
        return sent

    def transfer(
        self, node: LocalNode, account: Account, to: Address = THERE, tip: int = GWEI, wei: int = 1, *, ahead: int = 0
    ) -> str:
        """A signed transfer, the account's next as this node sees it, or one that leaves out so many before it."""
        nonce = int(node.rpc("eth_getTransactionCount", checksum(account.address), "pending"), 16) + ahead
        made = DynamicFeeTransaction(self.chain_id, nonce, tip, 100 * GWEI, 21_000, to, wei, b"")
        return "0x" + made.sign(account).raw.hex()

    def mined(self, node: LocalNode, sent: str, within: float = 240) -> bool:
        """Whether the transaction is in a block within that time."""
        return bool(until(lambda: node.rpc("eth_getTransactionReceipt", sent), within))

    def instruct(self, to: Address | None, data: bytes, account: Account, node: int = 0) -> TransactionReceipt:
        """Send a transaction and wait until it is final."""

        async def work(ledger: NodeLedger) -> TransactionReceipt:
            return await ledger.wait(await ledger.send(to, data, account), FINAL_WITHIN)

        return self._with_ledger(work, node)

    def do(self, call: Call[Any], account: Account) -> TransactionReceipt:
        """Call a contract in a transaction and wait until it is final."""
        return self.instruct(call.to, call.data, account)

    def ask(self, call: Call[Answer], at: Height | None = None) -> Answer:
        """Ask a contract in the state after a block, the newest when None."""
        return self._with_ledger(lambda ledger: ask(ledger, call, at))

    def give(self, to: Address, wei: int) -> None:
        """Credits from an account of the tests, as one member may hand another."""
        node = self.nodes[0]
        sent = node.rpc("eth_sendRawTransaction", self.transfer(node, ACCOUNTS[6], to, wei=wei))
        assert self.mined(node, sent)

    def _with_ledger(self, work: Callable[[NodeLedger], Coroutine[Any, Any, Answer]], node: int = 0) -> Answer:
        async def connected() -> Answer:
            ledger = await NodeLedger.connect(self.nodes[node].url)
            try:
                return await work(ledger)
            finally:
                await ledger.close()

        return asyncio.run(connected())

    def time(self) -> int:
        """Of the newest block, in seconds."""
        return int(self.nodes[0].rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def decide(self, *calls: Call[Any], kind: int = ORDINARY) -> None:
        """Have the founders put these calls to the vote, all be in favour, and execute them when they passed.

        On a machine too busy for a short vote a longer one is held, as people would.
        """
        acts = [(call.to, call.data) for call in calls]
        for longer in (1, 3):
            try:
                self._hold_vote(acts, kind, longer)
            except Reverted as error:
                sys.stderr.write(f"a vote could not be held: {error}\n")
            else:
                return
        self._hold_vote(acts, kind, 9)

    def _hold_vote(self, acts: Sequence[tuple[Address, bytes]], kind: int, longer: int) -> None:
        governance = Governance(GOVERNANCE)
        founders = [node.identity.account for node in self.nodes[: self.count]]
        opens = self.time() + 8 * longer
        closes = opens + VOTE * longer
        self.do(governance.propose(kind, sha256(b"a text of tests"), tuple(acts), opens, closes), founders[0])
        proposal = self.ask(governance.proposal_count())
        assert until(lambda: self.time() >= opens, 120)

        async def all_in_favour(ledger: NodeLedger) -> None:
            call = governance.cast(proposal, 1, bytes(32))
            sent = await asyncio.gather(*(ledger.send(call.to, call.data, founder) for founder in founders))
            await asyncio.gather(*(ledger.wait(each, FINAL_WITHIN) for each in sent))

        self._with_ledger(all_in_favour)
        assert until(lambda: self.time() > closes + VOTE_LOCK, 300)
        self.do(governance.execute(proposal, tuple(acts)), founders[1])
        assert self.ask(governance.proposal_of(proposal)).executed, self.ask(governance.failure_of(proposal))

    def deploy_registry(self, name: str) -> Registry:
        """A registry of tests that answers to that name; the chain follows it once a vote leads the name to it."""
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
