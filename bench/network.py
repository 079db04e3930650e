# SPDX-License-Identifier: Apache-2.0
"""Four validators and their load on one machine: ERC-20 transfers to fresh accounts, offered at several rates.

Everything is durable as in operation, and every process of the four nodes shares the machine with the sender.
Transfers are signed while they are sent, spread over the nodes in batches, and counted in the blocks afterwards. Submit
to final is the time from giving a transaction to a node until that node shows its receipt: a block there is final.

Then one of four is killed and stays dead under load, comes back, and a node whose data are gone replays the whole
chain from the others, which is what a newcomer does.

    bench/network.py [VALIDATORS] [SECONDS]

More than four validators on two cores say how far one machine carries them, not what a network of machines does: for
them, only the first part is run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "contracts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import build

from local_network import LocalNetwork, LocalNode, engines_folder
from maillon.evidence.hashing import keccak256
from maillon.ledger.abi import encode
from maillon.ledger.port import Address
from maillon.ledger.signing import Account, DynamicFeeTransaction

SENDERS = 40
BATCH = 25
SUPPLY = 10**24
TRANSFER = keccak256(b"transfer(address,uint256)")[:4]
GWEI = 10**9


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


async def call(client: httpx.AsyncClient, url: str, requests: list[tuple[str, list[Any]]]) -> list[Any]:
    """A batch of calls; their results."""
    body = [{"jsonrpc": "2.0", "id": n, "method": m, "params": p} for n, (m, p) in enumerate(requests)]
    answer = await client.post(url, content=orjson.dumps(body), headers={"content-type": "application/json"})
    return [each.get("result") for each in orjson.loads(answer.content)]


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
    deadline = time.monotonic() + 120
    while node.rpc("eth_getTransactionReceipt", hashes[-1]) is None and time.monotonic() < deadline:
        time.sleep(0.2)
    return token, senders


async def offer(network: LocalNetwork, senders: list[Sender], rate: int, seconds: float) -> dict[str, Any]:
    """Offer so many transfers a second, then wait until all are in blocks."""
    node = network.nodes[0]
    first = node.height()
    sent = 0
    async with httpx.AsyncClient(timeout=60) as client:
        began = time.monotonic()
        waiting: set[asyncio.Task[Any]] = set()
        turn = 0
        while (elapsed := time.monotonic() - began) < seconds:
            if sent >= rate * elapsed:
                await asyncio.sleep(0.005)
                continue
            sender = senders[turn % len(senders)]
            turn += 1
            batch = [("eth_sendRawTransaction", ["0x" + sender.sign().hex()]) for _ in range(BATCH)]
            url = f"http://127.0.0.1:{sender.node.settings.execution_rpc_port}"
            task = asyncio.create_task(call(client, url, batch))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            sent += BATCH
        offered = time.monotonic() - began
        refused = sum(result is None for batch in await asyncio.gather(*waiting) for result in batch)
    blocks: list[int] = []
    mined = 0
    height = first
    deadline = time.monotonic() + 180
    last = time.monotonic()
    while mined < sent - refused and time.monotonic() < deadline:
        count = node.rpc("eth_getBlockTransactionCountByNumber", hex(height + 1))
        if count is None:
            await asyncio.sleep(0.1)
            continue
        height += 1
        blocks.append(int(count, 16))
        mined += blocks[-1]
        last = time.monotonic()
    full = blocks[1:-1]
    return {
        "offered_per_second": round(sent / offered),
        "mined_per_second": round(mined / (last - began)),
        "lost": sent - refused - mined,
        "refused": refused,
        "blocks": len(blocks),
        "largest_block": max(blocks, default=0),
        "empty_blocks_while_transactions_waited": sum(count == 0 for count in full),
    }


async def final_times(senders: list[Sender], rate: int, seconds: float) -> dict[str, float]:
    """Submit to final, one transaction at a time of each sender."""
    times: list[float] = []

    async def one(client: httpx.AsyncClient, sender: Sender) -> None:
        url = f"http://127.0.0.1:{sender.node.settings.execution_rpc_port}"
        began = time.monotonic()
        (sent,) = await call(client, url, [("eth_sendRawTransaction", ["0x" + sender.sign().hex()])])
        while time.monotonic() - began < 60:
            # geth may close an idle connection at the moment it is used again; the question is asked anew.
            with contextlib.suppress(httpx.TransportError):
                (receipt,) = await call(client, url, [("eth_getTransactionReceipt", [sent])])
                if receipt is not None:
                    times.append(time.monotonic() - began)
                    return
            await asyncio.sleep(0.05)

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=400)) as client:
        began = time.monotonic()
        tasks = []
        while (elapsed := time.monotonic() - began) < seconds:
            if len(tasks) >= rate * elapsed:
                await asyncio.sleep(0.002)
                continue
            tasks.append(asyncio.create_task(one(client, senders[len(tasks) % len(senders)])))
        await asyncio.gather(*tasks)
    ordered = statistics.quantiles(times, n=100)
    return {
        "submit_to_final_p50_seconds": round(ordered[49], 2),
        "submit_to_final_p95_seconds": round(ordered[94], 2),
        "samples": len(times),
    }


def size_of(node: LocalNode) -> int:
    """Bytes of a node's data."""
    return sum(file.stat().st_size for file in node.home.path.rglob("*") if file.is_file())


def with_one_dead(network: LocalNetwork, senders: list[Sender], rate: int, seconds: float) -> dict[str, Any]:
    """Throughput while one validator is dead, and how long it takes to be back with the others after its start."""
    *living, victim = network.nodes[: network.count]
    victim.kill_all()
    former = {sender: sender.node for sender in senders}
    for number, sender in enumerate(senders):
        sender.node = living[number % len(living)]
    found = asyncio.run(offer(network, senders, rate, seconds))
    began = time.monotonic()
    network.start([victim])
    while victim.height() < living[0].height():
        time.sleep(0.05)
    missed = found["blocks"]
    for sender, node in former.items():
        sender.node = node
    return {
        "one_dead_mined_per_second": found["mined_per_second"],
        "one_dead_lost": found["lost"],
        "back_after_missing_blocks": missed,
        "back_seconds": round(time.monotonic() - began, 1),
    }


def recovery(network: LocalNetwork) -> float:
    """Seconds from SIGKILL of a whole node, started again at once, until it has every block the others have."""
    *living, victim = network.nodes[: network.count]
    began = time.monotonic()
    victim.kill_all()
    network.start([victim])
    while victim.height() < living[0].height():
        time.sleep(0.05)
    return round(time.monotonic() - began, 1)


def replay(network: LocalNetwork, transfers: int) -> dict[str, float]:
    """A node without data gets the whole chain from the others and executes it, while they go on."""
    *living, victim = network.nodes[: network.count]
    victim.stop()
    for directory in (victim.home.execution, victim.home.consensus / "data"):
        shutil.rmtree(directory)
    victim.home.lay_out(victim.settings)
    began = time.monotonic()
    network.start([victim])
    while victim.height() < living[0].height():
        time.sleep(0.05)
    seconds = time.monotonic() - began
    return {
        "replay_blocks": victim.height(),
        "replay_seconds": round(seconds, 1),
        "replay_blocks_per_second": round(victim.height() / seconds, 1),
        "replay_transfers_per_second": round(transfers / seconds),
    }


def idle(network: LocalNetwork, seconds: float) -> dict[str, float]:
    """Blocks and bytes of a network nobody uses."""
    node = network.nodes[0]
    first, before, began = node.height(), size_of(node), time.monotonic()
    time.sleep(seconds)
    grown, passed = size_of(node) - before, time.monotonic() - began
    return {
        "idle_blocks_per_second": round((node.height() - first) / passed, 2),
        "idle_gigabytes_per_year": round(grown / passed * 365 * 86_400 / 1e9, 2),
    }


def main(validators: int = 4, seconds: float = 60) -> None:
    """Print the figures as one line of JSON."""
    figures: dict[str, Any] = {"validators": validators, "seconds_of_load": seconds}
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engines_folder(), validators) as network,
    ):
        began = time.monotonic()
        network.start()
        figures["seconds_to_ready"] = round(time.monotonic() - began, 1)
        _token, senders = prepare(network)
        figures |= asyncio.run(final_times(senders, 100, min(seconds, 20)))
        before, transfers = size_of(network.nodes[0]), 0
        for rate in (600, 900, 1_800):
            found = asyncio.run(offer(network, senders, rate, seconds))
            print(rate, json.dumps(found), file=sys.stderr)
            figures |= {f"offered_{rate}_{name}": value for name, value in found.items()}
            transfers += round(found["offered_per_second"] * seconds) - found["lost"] - found["refused"]
        figures["bytes_of_a_node_per_transfer"] = round((size_of(network.nodes[0]) - before) / transfers)
        if validators == 4:
            figures |= with_one_dead(network, senders, 900, min(seconds, 30))
            figures["one_dead_share"] = round(
                figures["one_dead_mined_per_second"] / figures["offered_900_mined_per_second"], 2
            )
            figures["recovery_after_kill_seconds"] = recovery(network)
            figures |= idle(network, min(seconds, 30))
            figures |= replay(network, transfers)
        network.check_same()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
