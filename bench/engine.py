# SPDX-License-Identifier: Apache-2.0
"""One geth alone: what a machine can do at most, so that the figures of a network on it can be compared with others'.

The same geth as a node's, started with the same options, is driven through its Engine API as a bridge drives it: build,
new payload, choose head. There is no consensus, no gossip and nobody to wait for: a block follows the one before at
once. Transfers are signed beforehand and given to it as fast as it takes them, meanwhile, never more than a few blocks'
worth ahead. Everything is durable as in operation. The processor's time is geth's own, and comparable even on a machine
that others use at the same time.

    bench/engine.py [TRANSFERS]
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from local_network import READY_WITHIN, LocalNetwork, LocalNode, engines_folder, until
from maillon.evidence.hashing import keccak256
from maillon.network import rules
from maillon.network.configuration import NodeSettings
from maillon.network.execution import Execution, Socket
from maillon.network.rules import Parent
from maillon.network.supervisor import plan_of
from network import BATCH, SENDERS, Refusal, Sender, address_of, call, prepare

AHEAD = 6_000
"""Transfers geth has taken and not mined at most: some three full blocks."""
KECCAK_SECONDS = 1.0


class Driver:
    """Makes one block after the other, as a bridge would that is alone."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self.mined = self.blocks = self.largest = 0
        self.building = self.checking = 0.0
        """Seconds the engine built for, and checked."""
        self._more = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        head = await self._execution.head()
        while True:
            # The first block is empty: before it geth knows of no transaction whether it is there or not.
            while head.number and not await self._execution.has_transactions():  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.01)
            began = loop.time()
            payload = await self._execution.build(head, rules.timestamp(head, int(time.time())), (), None)
            built = loop.time()
            status, why = await self._execution.new_payload(payload)
            if status != "VALID":
                raise RuntimeError(f"block {payload.number}: {status} {why}")
            self.checking += loop.time() - built
            self.building += built - began
            await self._execution.choose_head(payload.hash)
            head = Parent(payload.hash, payload.number, payload.timestamp, payload.gas_limit)
            self.mined += len(payload.transactions)
            self.blocks += bool(payload.transactions)
            self.largest = max(self.largest, len(payload.transactions))
            self._more.set()

    async def until_mined(self, count: int) -> None:
        """Wait until so many are in blocks."""
        while self.mined < count:
            self._more.clear()
            await self._more.wait()


def processor_seconds(process: int) -> float:
    """What a process used of the processor, its threads together."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def keccak_a_second() -> int:
    """Bare Keccak-256 in one process, of processor time: how fast the machine is."""
    data, done, began = bytes(32), 0, time.process_time()
    while time.process_time() - began < KECCAK_SECONDS:
        for _ in range(1000):
            data = keccak256(data)
        done += 1000
    return round(done / (time.process_time() - began))


async def give(node: LocalNode, sender_batches: list[list[str]], driver: Driver) -> None:
    """Hand every batch over, in order, while the engine is not too far behind."""
    taken = 0
    before = driver.mined
    async with httpx.AsyncClient(timeout=60) as client:
        for batch in sender_batches:
            await driver.until_mined(before + taken - AHEAD)
            answers = await call(client, address_of(node), [("eth_sendRawTransaction", [raw]) for raw in batch])
            refused = [str(answer) for answer in answers if isinstance(answer, Refusal)]
            if refused:
                raise RuntimeError(f"geth refused a transfer: {refused[0]}")
            taken += len(batch)
        await driver.until_mined(before + taken)


async def measure(network: LocalNetwork, node: LocalNode, process: int, transfers: int) -> dict[str, float]:
    """Drive the geth that runs there; the figures."""
    socket = Socket(node.home.execution_socket)
    driver = Driver(Execution(socket))
    driving = asyncio.create_task(driver.run())
    try:
        preparing = asyncio.create_task(asyncio.to_thread(prepare, network))
        await asyncio.wait([driving, preparing], return_when=asyncio.FIRST_COMPLETED)
        if driving.done():
            driving.result()
        _token, senders = await preparing
        batches = [signed(senders[turn % SENDERS]) for turn in range(transfers // BATCH)]
        driver.blocks = driver.largest = 0
        driver.building = driver.checking = 0.0
        used, began = processor_seconds(process), time.monotonic()
        done, _ = await asyncio.wait(
            [driving, asyncio.create_task(give(node, batches, driver))], return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()
        seconds, used = time.monotonic() - began, processor_seconds(process) - used
    finally:
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        await socket.close()
    mined = transfers // BATCH * BATCH
    return {
        "transfers": mined,
        "mined_per_second": round(mined / seconds),
        "blocks": driver.blocks,
        "largest_block": driver.largest,
        "building_milliseconds_a_block": round(1000 * driver.building / driver.blocks),
        "checking_milliseconds_a_block": round(1000 * driver.checking / driver.blocks),
        "processor_milliseconds_a_transfer": round(1000 * used / mined, 2),
        "keccak_per_second": keccak_a_second(),
    }


def signed(sender: Sender) -> list[str]:
    """The sender's next batch."""
    return ["0x" + sender.sign().hex() for _ in range(BATCH)]


async def main(transfers: int = 30_000) -> None:
    """Print the figures as one line of JSON."""
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engines_folder(), 1, cache=NodeSettings("").cache) as network,
    ):
        (node,) = network.nodes
        # There is no gateway either.
        node.url = address_of(node)
        plan = plan_of(node.home, network.engines)
        plan.write()
        process = await asyncio.create_subprocess_exec(
            *plan.initialise_execution(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        if await process.wait():
            raise RuntimeError("geth could not write block zero")
        bound = [shutil.which("setpriv") or "setpriv", "--pdeathsig", "TERM", "--"]
        with (node.home.logs / "execution.log").open("wb") as log:
            geth = await asyncio.create_subprocess_exec(*bound, *plan.execution_command(), stdout=log, stderr=log)
        try:
            answers = until(lambda: node.height() == 0, READY_WITHIN)
            if not answers:
                raise RuntimeError((node.home.logs / "execution.log").read_text()[-2000:])
            figures = await measure(network, node, geth.pid, transfers)
        finally:
            geth.terminate()
            await geth.wait()
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main(*(int(argument) for argument in sys.argv[1:])))
