# SPDX-License-Identifier: Apache-2.0
"""The port over the embedded chain: the five verbs and the proof, in one event loop, with a sealer at work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from embedded_network import EMIT, REFUSE, STORE, Network

from maillon.evidence.execution import ExecutionHeader
from maillon.ledger.embedded.engine import EmbeddedLedger
from maillon.ledger.embedded.model import Block
from maillon.ledger.embedded.sealer import CONFIRMATIONS, Sealer
from maillon.ledger.errors import CorruptStore, InsufficientFunds, NotFound, Reverted, Unavailable
from maillon.ledger.port import Height, Ledger, Prover, TransactionHash


@pytest.fixture
async def ledger(network: Network) -> AsyncIterator[EmbeddedLedger]:
    engine = EmbeddedLedger(network.chain)
    yield engine
    await engine.close()


@pytest.fixture
async def sealer(network: Network, ledger: EmbeddedLedger) -> AsyncIterator[Sealer]:
    working = Sealer(network.chain, interval=0.02)
    working.start()
    yield working
    await asyncio.to_thread(working.stop)


async def test_it_is_a_ledger_and_a_prover(ledger: EmbeddedLedger) -> None:
    one: Ledger = ledger
    other: Prover = ledger
    assert await one.head() == 0
    assert other is not None


async def test_send_wait_call_events_and_prove(network: Network, ledger: EmbeddedLedger, sealer: Sealer) -> None:
    contract = network.deploy(EMIT)
    account = network.accounts[0]
    sent = await ledger.send(contract, (5).to_bytes(32, "big"), account)
    receipt = await ledger.wait(sent)
    assert receipt.succeeded
    assert receipt.events[0].data == (5).to_bytes(32, "big")
    assert await ledger.head() >= receipt.height
    found = [event async for event in ledger.events(contract, Height(0), receipt.height)]
    assert found == list(receipt.events)
    store = network.deploy(STORE)
    done = await ledger.wait(await ledger.send(store, (9).to_bytes(32, "big"), account))
    proof = await ledger.prove(store, [0], done.height)
    assert proof.proof["storageProof"][0]["value"] == "0x9"
    assert ExecutionHeader.decode(proof.header).number == done.height
    assert proof.consensus["header"]["height"] == str(done.height + 1)
    assert proof.updates == []
    with pytest.raises(NotFound):
        await ledger.prove(store, [0], Height(99))


async def test_events_follow_the_head(network: Network, ledger: EmbeddedLedger, sealer: Sealer) -> None:
    contract = await asyncio.to_thread(network.deploy, EMIT)

    async def first(count: int) -> list[bytes]:
        found: list[bytes] = []
        async for event in ledger.events(contract, Height(0)):
            found.append(event.data)
            if len(found) == count:
                break
        return found

    following = asyncio.create_task(first(3))
    for number in range(3):
        await ledger.wait(await ledger.send(contract, number.to_bytes(32, "big"), network.accounts[1]))
    assert await following == [number.to_bytes(32, "big") for number in range(3)]


async def test_parallel_senders_of_one_account_all_arrive(
    network: Network, ledger: EmbeddedLedger, sealer: Sealer
) -> None:
    contract = await asyncio.to_thread(network.deploy, EMIT)
    account = network.accounts[2]
    sent = await asyncio.gather(*(ledger.send(contract, n.to_bytes(32, "big"), account) for n in range(40)))
    receipts = await asyncio.gather(*(ledger.wait(one) for one in sent))
    assert all(receipt.succeeded for receipt in receipts)
    assert network.chain.nonce(account.address) == 40


async def test_refusals(network: Network, ledger: EmbeddedLedger, sealer: Sealer) -> None:
    refuse = await asyncio.to_thread(network.deploy, REFUSE)
    with pytest.raises(Reverted, match="nope") as error:
        await ledger.call(refuse, b"")
    assert error.value.reason == "nope"
    with pytest.raises(Reverted, match="nope"):
        await ledger.send(refuse, b"", network.accounts[0])
    with pytest.raises(InsufficientFunds):
        await ledger.send(network.accounts[0].address, b"", network.accounts[4])
    failed = await asyncio.to_thread(network.send, 0, refuse)
    with pytest.raises(Reverted, match="nope"):
        await ledger.wait(failed)


async def test_wait_ends(ledger: EmbeddedLedger) -> None:
    with pytest.raises(Unavailable, match="not sealed"):
        await ledger.wait(TransactionHash(b"\1" * 32), timeout=0.05)


async def test_empty_blocks_confirm_the_last_transaction_and_then_the_chain_stands_still(
    network: Network, ledger: EmbeddedLedger, sealer: Sealer
) -> None:
    seen: list[int] = []
    confirmed = threading.Semaphore(0)

    def sealed(block: Block) -> None:
        seen.append(len(block.transactions))
        if seen[-CONFIRMATIONS:] == [0] * CONFIRMATIONS:
            confirmed.release()

    network.chain.subscribe(sealed)
    for _ in range(2):
        assert (await ledger.wait(await asyncio.to_thread(network.send, 0, network.accounts[1].address))).succeeded
        assert await asyncio.to_thread(confirmed.acquire, timeout=60)
    assert seen == [1, *[0] * CONFIRMATIONS] * 2


async def test_sealing_goes_on_after_the_disk_refused(open_network: Callable[..., Network]) -> None:
    refusals = 2

    def boundary(name: str) -> None:
        nonlocal refusals
        if name == "block: before commit" and refusals:
            refusals -= 1
            raise OSError(28, "No space left on device")

    network = open_network(boundary=boundary)
    ledger = EmbeddedLedger(network.chain)
    sealer = Sealer(network.chain, interval=0.02)
    sealer.start()
    sent = await asyncio.to_thread(network.send, 0, network.accounts[1].address)
    assert (await ledger.wait(sent)).succeeded
    assert refusals == 0
    await asyncio.to_thread(sealer.stop)
    await ledger.close()


async def test_sealing_ends_and_says_so_when_the_store_is_damaged(open_network: Callable[..., Network]) -> None:
    def boundary(name: str) -> None:
        if name == "block: before commit":
            raise CorruptStore("the store is damaged: a page")

    network = open_network(boundary=boundary)
    told: asyncio.Queue[CorruptStore] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    sealer = Sealer(network.chain, interval=0.02)

    def damaged(error: CorruptStore) -> None:
        loop.call_soon_threadsafe(told.put_nowait, error)

    sealer.start(damaged)
    await asyncio.to_thread(network.send, 0, network.accounts[1].address)
    async with asyncio.timeout(60):
        assert "a page" in str(await told.get())
    assert network.chain.head().number == 0
    await asyncio.to_thread(sealer.stop)


async def test_an_admission_a_full_disk_refuses_is_said_in_a_line(
    open_network: Callable[..., Network], caplog: pytest.LogCaptureFixture
) -> None:
    refusals = 1

    def boundary(name: str) -> None:
        nonlocal refusals
        if name == "admission: before commit" and refusals:
            refusals -= 1
            raise OSError(28, "No space left on device")

    network = open_network(boundary=boundary)
    with pytest.raises(Unavailable, match="No space left"):
        await asyncio.to_thread(network.send, 0, network.accounts[1].address)
    (said,) = [record for record in caplog.records if "admissions" in record.getMessage()]
    assert "No space left" in said.getMessage()
    assert not said.exc_info
    # There is room again.
    assert await asyncio.to_thread(network.send, 0, network.accounts[1].address)
