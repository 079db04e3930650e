# SPDX-License-Identifier: Apache-2.0
"""What the port promises: the embedded engine, the same chain over real HTTP, and a network of four validators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from eth_abi import encode

from maillon.evidence.consensus import SignedHeader, Validator, ValidatorSet, verify_commit
from maillon.evidence.document import Fields
from maillon.evidence.errors import EvidenceError
from maillon.evidence.execution import ExecutionHeader
from maillon.evidence.hashing import keccak256
from maillon.evidence.trie import prove_account, prove_slot
from maillon.ledger.embedded.engine import EmbeddedLedger
from maillon.ledger.errors import InsufficientFunds, NotFound, Rejected, Reverted, Unavailable
from maillon.ledger.node import NodeLedger
from maillon.ledger.port import Address, Event, Height, TransactionHash
from maillon.ledger.signing import Account

STORED = keccak256(b"Stored(address,uint256)")
VALUE = keccak256(b"value()")[:4]


def store(value: int) -> bytes:
    return keccak256(b"store(uint256)")[:4] + value.to_bytes(32, "big")


@dataclass(frozen=True)
class Door:
    """A chain to try: where it answers, and its name in consensus."""

    http: str
    consensus_chain_id: str
    chain: Any = None
    """The embedded chain itself, asked without a door."""


@pytest.fixture(params=["embedded", "node", "network"])
def door(request: pytest.FixtureRequest) -> Door:
    if request.param == "network":
        network = request.getfixturevalue("consortium")
        # Not the node the blocks are asked of in other tests: any of the four must do.
        return Door(network.nodes[3].url, network.consensus_chain_id)
    served = request.getfixturevalue("served")
    chain = served.chain if request.param == "embedded" else None
    return Door(served.http, served.chain.genesis.consensus_chain_id, chain)


@pytest.fixture
async def ledger(door: Door) -> AsyncIterator[Any]:
    engine = await NodeLedger.connect(door.http) if door.chain is None else EmbeddedLedger(door.chain)
    yield engine
    await engine.close()


@pytest.fixture
def account() -> Account:
    return Account((6).to_bytes(32, "big"))


@pytest.fixture
async def contract(ledger: Any, account: Account, probe: dict[str, Any]) -> Address:
    made = await ledger.wait(await ledger.send(None, bytes.fromhex(probe["bytecode"][2:]), account))
    assert made.contract is not None
    return Address(made.contract)


async def test_a_transaction_is_sent_final_and_read(ledger: Any, account: Account, contract: Address) -> None:
    before = await ledger.head()
    sent = await ledger.send(contract, store(5), account)
    receipt = await ledger.wait(sent)
    assert receipt.succeeded
    assert receipt.transaction == sent
    assert before < receipt.height <= await ledger.head()
    assert receipt.gas_used > 21_000
    assert receipt.contract is None
    topic = bytes(12) + account.address
    expected = Event(contract, (STORED, topic), (5).to_bytes(32, "big"), receipt.height, 0, sent)
    assert receipt.events == (expected,)
    assert int.from_bytes(await ledger.call(contract, VALUE), "big") == 5
    assert int.from_bytes(await ledger.call(contract, VALUE, receipt.height), "big") == 5


async def test_the_past_answers(ledger: Any, account: Account, contract: Address) -> None:
    first = await ledger.wait(await ledger.send(contract, store(1), account))
    second = await ledger.wait(await ledger.send(contract, store(2), account))
    assert int.from_bytes(await ledger.call(contract, VALUE, first.height), "big") == 1
    assert int.from_bytes(await ledger.call(contract, VALUE, second.height), "big") == 2
    with pytest.raises(NotFound):
        await ledger.call(contract, VALUE, Height(10**9))


async def test_a_revert_says_why_and_takes_no_nonce(ledger: Any, account: Account, contract: Address) -> None:
    with pytest.raises(Reverted) as refusal:
        await ledger.call(contract, store(13))
    assert refusal.value.reason == "thirteen is refused"
    with pytest.raises(Reverted) as refusal:
        await ledger.send(contract, store(13), account)
    assert refusal.value.reason == "thirteen is refused"
    with pytest.raises(Reverted) as refusal:
        await ledger.send(contract, store(2000), account)
    custom = keccak256(b"TooBig(uint256,uint256)")[:4] + encode(["uint256", "uint256"], [2000, 1000])
    assert (refusal.value.reason, refusal.value.data) == (None, custom)
    assert (await ledger.wait(await ledger.send(contract, store(6), account))).succeeded


async def test_parallel_senders_of_one_account_all_arrive_once(
    ledger: Any, account: Account, contract: Address
) -> None:
    since = Height(await ledger.head() + 1)
    sent = await asyncio.gather(*(ledger.send(contract, store(value), account) for value in range(100, 130)))
    assert len(set(sent)) == 30
    receipts = await asyncio.gather(*(ledger.wait(each) for each in sent))
    assert all(receipt.succeeded for receipt in receipts)
    until = Height(max(receipt.height for receipt in receipts))
    events = [event async for event in ledger.events(contract, since, until)]
    assert sorted(int.from_bytes(event.data, "big") for event in events) == list(range(100, 130))
    assert [(event.height, event.position) for event in events] == sorted((e.height, e.position) for e in events)


async def test_a_new_engine_goes_on_where_the_former_stopped(
    ledger: Any, door: Door, account: Account, contract: Address
) -> None:
    """Nothing is remembered but by the chain: another sender's transactions, and a restart, change nothing."""
    other = await NodeLedger.connect(door.http)
    try:
        for value in (1, 2, 3):
            await other.send(contract, store(value), account)
            await ledger.send(contract, store(value + 20), account)
        receipt = await ledger.wait(await ledger.send(contract, store(99), account))
    finally:
        await other.close()
    assert int.from_bytes(await ledger.call(contract, VALUE, receipt.height), "big") == 99


async def test_events_follow_the_head(ledger: Any, account: Account, contract: Address) -> None:
    since = await ledger.head()

    async def first_two() -> list[int]:
        found: list[int] = []
        async for event in ledger.events(contract, since):
            found.append(int.from_bytes(event.data, "big"))
            if len(found) == 2:
                break
        return found

    following = asyncio.create_task(first_two())
    await ledger.wait(await ledger.send(contract, store(31), account))
    await ledger.wait(await ledger.send(contract, store(32), account))
    assert await asyncio.wait_for(following, 20) == [31, 32]


async def test_who_has_no_credits_is_refused(ledger: Any, contract: Address) -> None:
    with pytest.raises(InsufficientFunds):
        await ledger.send(contract, store(1), Account.random())


async def test_waiting_for_nothing_ends(ledger: Any) -> None:
    with pytest.raises(Unavailable):
        await ledger.wait(TransactionHash(b"\x07" * 32), timeout=0.3)


async def test_storage_is_proved_up_to_the_validators(
    ledger: Any, door: Door, account: Account, contract: Address
) -> None:
    at = (await ledger.wait(await ledger.send(contract, store(77), account))).height
    proof = await ledger.prove(contract, [0, 5], at)
    assert proof.height == at
    assert proof.updates == []
    header = ExecutionHeader.decode(proof.header)
    assert header.number == at
    nodes = [bytes.fromhex(node[2:]) for node in proof.proof["accountProof"]]
    proved = prove_account(header.state_root, contract, nodes)
    assert proved is not None
    storage = proof.proof["storageProof"]
    paths = [[bytes.fromhex(node[2:]) for node in entry["proof"]] for entry in storage]
    assert [prove_slot(proved.storage_root, slot, path) for slot, path in zip((0, 5), paths, strict=True)] == [77, 0]
    signed = SignedHeader.from_json(Fields(proof.consensus, "the consensus"))
    assert (signed.header.height, signed.header.app_hash) == (at + 1, header.hash)
    voters = ValidatorSet(tuple(Validator.from_json(Fields(entry, "a validator")) for entry in proof.validators))
    verify_commit(signed, door.consensus_chain_id, voters)
    with pytest.raises(EvidenceError):
        verify_commit(signed, "another-chain", voters)
    with pytest.raises((NotFound, Unavailable, Rejected)):
        await ledger.prove(contract, [0], Height(at + 10**6))
