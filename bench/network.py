# SPDX-License-Identifier: Apache-2.0
"""Four validators and their load on one machine: ERC-20 transfers to fresh accounts, offered at several rates.

Everything is durable as in operation, and every process of the four nodes shares the machine with the sender.
Transfers are signed beforehand, as those who send them would on machines of their own. They are spread over the nodes
in batches, and counted in the blocks afterwards, from a pool that was empty before the first of them: whoever else
sent something would be seen. What a full pool refuses is given again once there is room, so that *lost* means taken
and in no block. Submit to final is the time from giving a transaction to a node until that node shows its receipt: a
block there is final.

Then one of four is killed and stays dead under load, comes back, and a node whose data are gone replays the whole
chain from the others, which is what a newcomer does.

    bench/network.py [VALIDATORS] [SECONDS]

More than four validators on two cores say how far one machine carries them, not what a network of machines does: for
them, only the first part is run. What an idle chain grows by, and a join by snapshot: bench/snapshot.py.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import json
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "contracts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import build

from local_network import FINAL_WITHIN, LocalNetwork, LocalNode, engines_folder, until
from maillon.evidence.hashing import keccak256
from maillon.ledger.abi import encode
from maillon.ledger.port import Address
from maillon.ledger.signing import Account, DynamicFeeTransaction
from maillon.network.configuration import NodeSettings

SENDERS = 40
BATCH = 25
SUPPLY = 10**24
TRANSFER = keccak256(b"transfer(address,uint256)")[:4]
GWEI = 10**9
RATES = (600, 900, 1_800)
"""Transfers offered a second: the mark, what we aim for, and three times the mark."""
ATTEMPTS = 5
DRAINED_WITHIN = 600
"""Seconds in which everything that was taken is in blocks: far more than the backlog of the highest rate needs."""
BACK_WITHIN = 600
"""Seconds in which a node is back with the others: the replay of the whole chain is the longest."""


class Sender:
    """An account that signs its own sequence of transfers, all given to one node."""

    def __init__(self, network: LocalNetwork, number: int, token: Address) -> None:
        self.account = Account((1000 + number).to_bytes(32, "big"))
        self.node = network.nodes[number % network.count]
        """Which node it gives its transfers to."""
        self._chain_id = network.chain_id
        self._token = token
        self.nonce = 0

    def sign(self) -> bytes:
        """A transfer to an account nobody used before."""
        receiver = keccak256(self.account.address + self.nonce.to_bytes(8, "big"))[:20]
        data = TRANSFER + encode(("address", "uint256"), (receiver, 1))
        signed = DynamicFeeTransaction(
            self._chain_id, self.nonce, GWEI, 1000 * GWEI, 80_000, self._token, 0, data
        ).sign(self.account)
        self.nonce += 1
        return signed.raw


class Refusal(str):
    """What a node said in place of a result."""

    __slots__ = ()


async def call(client: httpx.AsyncClient, url: str, requests: list[tuple[str, list[Any]]]) -> list[Any]:
    """A batch of calls; their results in the order asked, a `Refusal` for what was refused."""
    body = orjson.dumps([{"jsonrpc": "2.0", "id": n, "method": m, "params": p} for n, (m, p) in enumerate(requests)])
    for attempt in itertools.count(1):
        try:
            answer = await client.post(url, content=body, headers={"content-type": "application/json"})
            break
        except httpx.TransportError:
            # geth may close an idle connection at the moment it is used again; the same is asked anew.
            if attempt == ATTEMPTS:
                raise
    found = {each["id"]: _result(each, again=attempt > 1) for each in orjson.loads(answer.content)}
    return [found.get(number, Refusal("no answer")) for number in range(len(requests))]


def _result(answer: dict[str, Any], *, again: bool) -> Any:
    """The result, or a `Refusal`; of what was given twice, one may say that it had arrived the first time."""
    if "error" not in answer:
        return answer["result"]
    message = str(answer["error"].get("message"))
    arrived = again and any(words in message for words in ("already known", "nonce too low"))
    return True if arrived else Refusal(message)


def address_of(node: LocalNode) -> str:
    """Where geth itself answers: what is measured is the network, and not its gateways."""
    return f"http://127.0.0.1:{node.settings.execution_rpc_port}"


def settle(network: LocalNetwork, nodes: Sequence[LocalNode]) -> None:
    """Wait until nothing waits in any of these nodes' pools: what a phase counts is its own."""

    def waiting() -> int:
        found = 0
        for node in nodes:
            body = {"jsonrpc": "2.0", "id": 1, "method": "txpool_status", "params": []}
            status = node.client.post(address_of(node), json=body).json()["result"]
            found += int(status["pending"], 16) + int(status["queued"], 16)
        return found

    assert until(lambda: waiting() == 0, DRAINED_WITHIN), f"{waiting()} transactions wait in pools"
    network.wait_height(max(node.height() for node in nodes), nodes, DRAINED_WITHIN)


def prepare(network: LocalNetwork) -> tuple[Address, list[Sender]]:
    """Deploy the token, and give every sender tokens and credits."""
    owner = network.nodes[0].identity.account
    code = bytes.fromhex(build.artifact_of(build.HERE / "mocks" / "token.vy")["bytecode"][2:])
    made = network.instruct(None, code + encode(("uint256",), (SUPPLY,)), owner)
    assert made.contract is not None
    token = Address(made.contract)
    senders = [Sender(network, number, token) for number in range(SENDERS)]
    node = network.nodes[0]
    nonce = int(node.rpc("eth_getTransactionCount", "0x" + owner.address.hex(), "pending"), 16)
    hashes = []
    for sender in senders:
        gift = TRANSFER + encode(("address", "uint256"), (sender.account.address, 10**9))
        for to, value, data in ((sender.account.address, 10**22, b""), (token, 0, gift)):
            signed = DynamicFeeTransaction(network.chain_id, nonce, GWEI, 1000 * GWEI, 100_000, to, value, data)
            hashes.append(node.rpc("eth_sendRawTransaction", "0x" + signed.sign(owner).raw.hex()))
            nonce += 1
    assert until(lambda: node.rpc("eth_getTransactionReceipt", hashes[-1]), FINAL_WITHIN), "the senders have nothing"
    return token, senders


@dataclass(frozen=True)
class Seen:
    """A block of a phase."""

    transactions: int
    taken: int
    """How many transactions of the phase the nodes had taken when it was seen."""
    moment: float


def empty_ones(blocks: Sequence[Seen]) -> int:
    """Blocks without transactions although some had been taken when the block below was seen, and were in none."""
    found = mined = 0
    for below, block in itertools.pairwise(blocks):
        mined += below.transactions
        found += block.transactions == 0 and below.taken > mined
    return found


class Phase:
    """Transfers given to nodes, and what was seen of them; the senders' own order is kept."""

    def __init__(self, client: httpx.AsyncClient, senders: Sequence[Sender], node: LocalNode) -> None:
        self.client = client
        self.taken = self.refused = 0
        self.again: list[tuple[str, str]] = []
        """(node, transaction) of what was refused."""
        self.blocks: list[Seen] = []
        self._node = node
        # Each batch comes to the node after the one before it: none waits there for its predecessors.
        self._turns = {sender: asyncio.Lock() for sender in senders}

    async def give(self, sender: Sender, batch: Sequence[str]) -> None:
        """A sender's next batch, once the one before was taken."""
        async with self._turns[sender]:
            await self.post(address_of(sender.node), batch)

    async def post(self, url: str, batch: Sequence[str]) -> None:
        """Hand transactions over; refused ones are kept."""
        answers = await call(self.client, url, [("eth_sendRawTransaction", [raw]) for raw in batch])
        left = [(url, raw) for raw, answer in zip(batch, answers, strict=True) if isinstance(answer, Refusal)]
        self.taken += len(batch) - len(left)
        self.refused += len(left)
        self.again += left

    async def watch(self, height: int) -> None:
        """Count the blocks after this height, until cancelled."""
        url = address_of(self._node)
        while True:
            (count,) = await call(self.client, url, [("eth_getBlockTransactionCountByNumber", [hex(height + 1)])])
            if count is None:
                await asyncio.sleep(0.05)
                continue
            height += 1
            self.blocks.append(Seen(int(count, 16), self.taken, time.monotonic()))

    @property
    def mined(self) -> int:
        """How many are in blocks."""
        return sum(block.transactions for block in self.blocks)


async def offer(
    network: LocalNetwork, senders: list[Sender], rate: int, seconds: float, nodes: Sequence[LocalNode]
) -> dict[str, Any]:
    """Offer so many transfers a second, then wait until all are in blocks; `nodes` are those that live."""
    settle(network, nodes)
    signed = collections.deque(
        (sender, ["0x" + sender.sign().hex() for _ in range(BATCH)])
        for sender, _ in zip(itertools.cycle(senders), range(math.ceil(rate * seconds / BATCH)), strict=False)
    )
    async with httpx.AsyncClient(timeout=60) as client:
        phase = Phase(client, senders, nodes[0])
        watching = asyncio.create_task(phase.watch(nodes[0].height()))
        began = time.monotonic()
        giving: list[asyncio.Task[None]] = []
        while signed and (elapsed := time.monotonic() - began) < seconds:
            if len(giving) * BATCH >= rate * elapsed:
                await asyncio.sleep(0.005)
                continue
            giving.append(asyncio.create_task(phase.give(*signed.popleft())))
            # What was given before is to be on its way meanwhile.
            await asyncio.sleep(0)
        given = len(giving) * BATCH
        for sender, batch in signed:
            # There was no time for them: their numbers are free again.
            sender.nonce -= len(batch)
        await asyncio.gather(*giving)
        offered, refused = time.monotonic() - began, phase.refused
        deadline = time.monotonic() + DRAINED_WITHIN
        while phase.mined < given and time.monotonic() < deadline:
            assert not watching.done(), watching.exception()
            chosen, phase.again[:] = phase.again[:BATCH], phase.again[BATCH:]
            for url, raw in chosen:
                await phase.post(url, [raw])
            await asyncio.sleep(0.1)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    full = [block for block in phase.blocks if block.transactions]
    return {
        "offered_per_second": round(given / offered),
        "mined": phase.mined,
        "mined_per_second": round(phase.mined / (full[-1].moment - began)),
        "lost": phase.taken - phase.mined,
        "refused_by_a_full_pool": refused,
        "blocks": len(phase.blocks),
        "largest_block": max(block.transactions for block in full),
        "empty_blocks_while_transactions_waited": empty_ones(phase.blocks),
    }


async def final_times(
    network: LocalNetwork, senders: list[Sender], rate: int, seconds: float, nodes: Sequence[LocalNode]
) -> dict[str, float]:
    """Submit to final: each transaction is given to a node, and final when that node has a block with it.

    Blocks are asked for, and no receipts: a question for each transaction that waits would be the greater load.
    """
    settle(network, nodes)
    waiting: dict[str, dict[str, float]] = {node.url: {} for node in nodes}
    times: list[float] = []
    given = asyncio.Event()
    order = {sender: asyncio.Lock() for sender in senders}

    async def watch(client: httpx.AsyncClient, node: LocalNode, height: int) -> None:
        url = address_of(node)
        while waiting[node.url] or not given.is_set():
            (block,) = await call(client, url, [("eth_getBlockByNumber", [hex(height + 1), False])])
            if block is None:
                await asyncio.sleep(0.05)
                continue
            height, now = height + 1, time.monotonic()
            sent = (waiting[node.url].pop(each, None) for each in block["transactions"])
            times.extend(now - began for began in sent if began is not None)

    async def give(client: httpx.AsyncClient, sender: Sender) -> None:
        url = address_of(sender.node)
        async with order[sender]:
            raw = sender.sign()
            waiting[sender.node.url]["0x" + keccak256(raw).hex()] = time.monotonic()
            (taken,) = await call(client, url, [("eth_sendRawTransaction", ["0x" + raw.hex()])])
        assert not isinstance(taken, Refusal), f"refused at a hundred a second: {taken}"

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=400)) as client:
        watching = [asyncio.create_task(watch(client, node, node.height())) for node in nodes]
        began = time.monotonic()
        giving: list[asyncio.Task[None]] = []
        while (elapsed := time.monotonic() - began) < seconds:
            if len(giving) >= rate * elapsed:
                await asyncio.sleep(0.002)
                continue
            giving.append(asyncio.create_task(give(client, senders[len(giving) % len(senders)])))
            await asyncio.sleep(0)
        await asyncio.gather(*giving)
        offered = time.monotonic() - began
        given.set()
        async with asyncio.timeout(FINAL_WITHIN):
            await asyncio.gather(*watching)
    ordered = statistics.quantiles(times, n=100)
    return {
        "submit_to_final_p50_seconds": round(ordered[49], 2),
        "submit_to_final_p95_seconds": round(ordered[94], 2),
        "submit_to_final_samples": len(times),
        "submit_to_final_offered_per_second": round(len(times) / offered),
    }


def size_of(node: LocalNode) -> int:
    """Bytes of a node's chain: what it keeps for good, in execution and in consensus."""
    roots = (node.home.execution / "geth" / "chaindata", node.home.consensus / "data")
    kept = (file for root in roots for file in root.rglob("*") if file.is_file() and "cs.wal" not in file.parts)
    return sum(file.stat().st_size for file in kept)


def back(network: LocalNetwork, node: LocalNode, living: Sequence[LocalNode]) -> float:
    """Start a node; seconds until it has every block the others have."""
    began = time.monotonic()
    network.start([node])
    reached = until(lambda: node.height() >= living[0].height(), BACK_WITHIN, pause=0.05)
    assert reached, f"the node is at {node.height()} and the others at {living[0].height()}"
    return time.monotonic() - began


def with_one_dead(network: LocalNetwork, senders: list[Sender], rate: int, seconds: float) -> dict[str, Any]:
    """Throughput while one validator is dead, and how long it takes to be back with the others after its start."""
    *living, victim = network.nodes[: network.count]
    settle(network, network.nodes[: network.count])
    victim.kill_all()
    former = {sender: sender.node for sender in senders}
    for number, sender in enumerate(senders):
        sender.node = living[number % len(living)]
    found = asyncio.run(offer(network, senders, rate, seconds, living))
    seconds_back = back(network, victim, living)
    for sender, node in former.items():
        sender.node = node
    return {f"one_dead_{name}": value for name, value in found.items()} | {
        "back_after_missing_blocks": found["blocks"],
        "back_seconds": round(seconds_back, 1),
    }


def recovery(network: LocalNetwork) -> float:
    """Seconds from SIGKILL of a whole node, started again at once, until it has every block the others have."""
    *living, victim = network.nodes[: network.count]
    began = time.monotonic()
    victim.kill_all()
    back(network, victim, living)
    return round(time.monotonic() - began, 1)


def replay(network: LocalNetwork, transfers: int) -> dict[str, float]:
    """A node without data gets the whole chain from the others and executes it, while they go on."""
    *living, victim = network.nodes[: network.count]
    victim.stop()
    for directory in (victim.home.execution, victim.home.consensus / "data"):
        shutil.rmtree(directory)
    victim.home.lay_out(victim.settings)
    seconds = back(network, victim, living)
    blocks = victim.height()
    return {
        "replay_blocks": blocks,
        "replay_seconds": round(seconds, 1),
        "replay_blocks_per_second": round(blocks / seconds, 1),
        "replay_transfers_per_second": round(transfers / seconds),
    }


def idle(network: LocalNetwork, seconds: float) -> float:
    """Blocks a second of a network nobody uses."""
    node = network.nodes[0]
    first, began = node.height(), time.monotonic()
    time.sleep(seconds)
    return round((node.height() - first) / (time.monotonic() - began), 2)


def main(validators: int = 4, seconds: float = 60) -> None:
    """Print the figures as one line of JSON."""
    figures: dict[str, Any] = {"validators": validators, "seconds_of_load": seconds}
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engines_folder(), validators, cache=NodeSettings("").cache) as network,
    ):
        began = time.monotonic()
        network.start()
        figures["seconds_to_ready"] = round(time.monotonic() - began, 1)
        _token, senders = prepare(network)
        nodes = network.nodes[: network.count]
        figures |= asyncio.run(final_times(network, senders, 100, min(seconds, 20), nodes))
        before, transfers = size_of(nodes[0]), 0
        for rate in RATES:
            found = asyncio.run(offer(network, senders, rate, seconds, nodes))
            print(rate, json.dumps(found), file=sys.stderr)
            figures |= {f"offered_{rate}_{name}": value for name, value in found.items()}
            transfers += found["mined"]
        figures["offered_1800_share"] = round(
            figures["offered_1800_mined_per_second"] / figures["offered_900_mined_per_second"], 2
        )
        figures["bytes_of_a_node_per_transfer"] = round((size_of(nodes[0]) - before) / transfers)
        if validators == 4:
            figures |= with_one_dead(network, senders, 900, min(seconds, 30))
            figures["one_dead_share"] = round(
                figures["one_dead_mined_per_second"] / figures["offered_900_mined_per_second"], 2
            )
            figures["recovery_after_kill_seconds"] = recovery(network)
            figures["idle_blocks_per_second"] = idle(network, min(seconds, 30))
            figures |= replay(network, transfers)
        figures["own_proposals_refused"] = sum(
            node.health()["bridge"]["counts"].get("own proposals refused", 0) for node in nodes
        )
        network.check_same()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
