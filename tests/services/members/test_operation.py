# SPDX-License-Identifier: Apache-2.0
"""What a member operates of the network, asked of the real contracts: nodes, validators, and what is allowed."""

from __future__ import annotations

import asyncio

import pytest
from contract_evm import CHAIN_ID, NODE, OWNER, STEWARD, VALIDATORS, Evm, Refused, member
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maillon.ledger.abi import Call
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network
from maillon.ledger.errors import Reverted
from maillon.ledger.genesis import DIRECTORY, MEMBERS, NETWORK
from maillon.ledger.port import Address, Height
from maillon.services.members.contract import MembersContract
from maillon.services.members.model import Node, ValidatorSeat
from maillon.services.members.views import operation_document, seat_word

members, network = Members(MEMBERS), Network(NETWORK)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()


class EvmLedger:
    """The two verbs of the port that asking takes, over an EVM."""

    def __init__(self, evm: Evm) -> None:
        self.evm = evm

    async def call(self, to: Address, data: bytes, at: Height | None = None) -> bytes:
        assert at in (None, await self.head()), "everything is asked of one block"
        try:
            answer: bytes = self.evm.attempt(Call(to, data, bytes))
        except Refused as error:
            raise Reverted(f"execution reverted: {error}", error.data, str(error)) from None
        return answer

    async def head(self) -> Height:
        return Height(self.evm.block - 1)


@pytest.fixture
def evm() -> Evm:
    return Evm()


@pytest.fixture
def contract(evm: Evm) -> MembersContract:
    async def no_times(height: int) -> int:
        raise AssertionError(f"nobody asks when block {height} was")

    return MembersContract(EvmLedger(evm), DIRECTORY, no_times, CHAIN_ID)  # type: ignore[arg-type]


async def test_a_member_sees_its_own_nodes_and_validators_and_what_it_may_have(
    evm: Evm, contract: MembersContract
) -> None:
    first = await contract.operation(1, 0)
    assert first.nodes == (Node(NODE.execution_key, NODE.consensus_id),)
    assert first.validators == (ValidatorSeat(VALIDATORS[1], 1, 1),)
    assert (first.node_count, first.node_limit, first.validator_limit) == (1, 2, 1)
    second = await contract.operation(2, 7)
    assert (second.nodes, second.node_count, second.node_limit) == ((), 0, 8)
    nobody = await contract.operation(999, 0)
    assert (nobody.nodes, nobody.validators) == ((), ())
    evm.send(network.join(PUBLIC, KEY.sign(evm.ask(network.validator_digest(6)))), member(6))
    assert (await contract.operation(6, 0)).validators == (ValidatorSeat(PUBLIC, 1, 1),)


async def test_the_nodes_of_everybody_are_read_once_a_block(
    evm: Evm, contract: MembersContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    answering = EvmLedger.call

    async def counted(ledger: EvmLedger, to: Address, data: bytes, at: Height | None = None) -> bytes:
        asked.append(data)
        return await answering(ledger, to, data, at)

    monkeypatch.setattr(EvmLedger, "call", counted)
    await asyncio.gather(*(contract.operation(number, 0) for number in (1, 2, 1)))
    assert asked.count(network.nodes().data) == 1
    evm.send(network.remove_node(NODE.execution_key), OWNER)
    evm.next_block()
    assert (await contract.operation(1, 0)).nodes == ()
    assert asked.count(network.nodes().data) == 2


async def test_a_suspended_member_keeps_its_places_and_none_is_let_in(evm: Evm, contract: MembersContract) -> None:
    evm.send(members.suspend(1), STEWARD)
    evm.next_block()
    found = await contract.operation(1, 0)
    assert (found.nodes, found.node_count) == ((), 1)
    assert [seat_word(seat) for seat in found.validators] in (["leaving"], ["set-aside"])
    evm.send(members.reinstate(1), STEWARD)
    evm.next_block()
    assert len((await contract.operation(1, 0)).nodes) == 1


@pytest.mark.parametrize(
    ("power", "target", "word"),
    [
        (1, 1, "signing"),
        (0, 1, "joining"),
        (1, 0, "leaving"),
        (1, 3, "changing"),
        (3, 1, "changing"),
        (0, 0, "set-aside"),
    ],
)
def test_what_a_key_is_doing_has_a_word(power: int, target: int, word: str) -> None:
    assert seat_word(ValidatorSeat(bytes(32), power, target)) == word


async def test_a_document_names_keys_and_no_address_of_a_machine(contract: MembersContract) -> None:
    document = operation_document(await contract.operation(1, 0))
    assert set(document["nodes"][0]) == {"execution_key", "consensus_id"}
    assert document["validators"][0]["public_key"] == "0x" + VALIDATORS[1].hex()
    assert document["validators"][0]["state"] == "signing"
