# SPDX-License-Identifier: Apache-2.0
"""Who calls `advance`: one validator's node at a time, only when it would move something, and once in its turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.ledger.contracts.network import Network
from maillon.ledger.genesis import NETWORK
from maillon.ledger.signing import sender_and_nonce
from maillon.network.errors import ExecutionUnavailable
from maillon.network.execution import CallRefused, Socket
from maillon.network.housekeeping import TURN, QueueKeeper, whose_turn
from maillon.network.identity import Identity
from maillon.network.registry import Constitution, ListedValidator, Registry

KEYS = st.sets(st.binary(min_size=32, max_size=32), min_size=1, max_size=64)
OTHER = b"\xff" * 32


@given(st.integers(0, 10**9), KEYS)
def test_everybody_has_a_turn_and_nobody_two(first: int, keys: set[bytes]) -> None:
    turns = [whose_turn(number, keys) for number in range(first, first + TURN * len(keys))]
    assert {key: turns.count(key) for key in keys} == dict.fromkeys(keys, TURN)


@dataclass
class Chain:
    """What a node's engine answers, as far as the queue asks it."""

    number: int = 0
    moves: bool = True
    asked: list[str] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    refusal: str = ""

    async def call(self, method: str, *parameters: Any, within: float = 30) -> Any:
        del within
        self.asked.append(method)
        if method == "eth_getBlockByNumber":
            return {"hash": "0x" + "11" * 32, "number": hex(self.number), "baseFeePerGas": "0x7"}
        if method == "eth_simulateV1":
            (call,) = parameters[0]["blockStateCalls"][0]["calls"]
            assert (call["to"], call["input"]) == ("0x" + NETWORK.hex(), "0x" + Network(NETWORK).advance().data.hex())
            logs = [{"address": call["to"]}] if self.moves else []
            return [{"calls": [{"status": "0x1", "logs": logs, "gasUsed": hex(90_000)}]}]
        if method == "eth_getTransactionCount":
            return "0x2a"
        assert method == "eth_sendRawTransaction"
        if self.refusal:
            raise CallRefused(method, -32000, self.refusal)
        self.sent.append(bytes.fromhex(parameters[0][2:]))
        return "0x" + "22" * 32


@dataclass
class Law:
    """One constitution, whatever the block."""

    validators: tuple[ListedValidator, ...] | None
    contract: bytes | None = NETWORK

    async def at(self, block_hash: bytes) -> Constitution:
        assert block_hash == b"\x11" * 32
        return Constitution(self.validators, None, None, 3 * 10**9, None, self.contract)


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return Identity(tmp_path / "keys")


def keeper(identity: Identity, chain: Chain, *keys: bytes, contract: bytes | None = NETWORK) -> QueueKeeper:
    plan = cast(
        "Any", SimpleNamespace(identity=identity, network=SimpleNamespace(genesis=SimpleNamespace(chain_id=77)))
    )
    law = Law(tuple(ListedValidator(key, 1, number) for number, key in enumerate(keys, 1)) or None, contract)
    return QueueKeeper(plan, cast("Socket", chain), cast("Registry", law))


async def test_in_its_turn_a_node_moves_the_queue_once(identity: Identity) -> None:
    chain = Chain()
    kept = keeper(identity, chain, identity.validator_key, OTHER)
    own = sorted((identity.validator_key, OTHER)).index(identity.validator_key)
    for chain.number in range(4 * TURN):
        await kept._round()
    assert len(chain.sent) == 2, "once in each of its two turns of four"
    assert sender_and_nonce(chain.sent[0]) == (identity.account.address, 42)
    assert (3 * 10**9).to_bytes(4, "big") in chain.sent[0], "it pays the floor tip in force"
    chain.sent.clear()
    chain.number = (own + 1) * TURN
    await kept._round()
    assert not chain.sent, "it is the other's turn"


async def test_what_would_move_nothing_is_not_sent(identity: Identity) -> None:
    chain = Chain(moves=False)
    await keeper(identity, chain, identity.validator_key)._round()
    assert "eth_simulateV1" in chain.asked
    assert not chain.sent


@pytest.mark.parametrize("reason", ["no validator", "another's", "no list", "no contract"])
async def test_who_has_no_turn_asks_nothing(identity: Identity, reason: str) -> None:
    chain = Chain()
    keys = {"another's": (OTHER,), "no validator": (OTHER,), "no list": ()}.get(reason, (identity.validator_key,))
    await keeper(identity, chain, *keys, contract=None if reason == "no contract" else NETWORK)._round()
    assert chain.asked == ["eth_getBlockByNumber"]


async def test_a_node_without_credits_leaves_it_to_the_next(identity: Identity) -> None:
    chain = Chain(refusal="insufficient funds for gas * price + value")
    kept = keeper(identity, chain, identity.validator_key)
    with pytest.raises(CallRefused):
        await kept._round()
    asked = len(chain.asked)
    await kept._round()
    assert chain.asked[asked:] == ["eth_getBlockByNumber"], "it tries once in a turn"


async def test_an_engine_that_answers_something_else_is_no_answer(identity: Identity) -> None:
    class Odd(Chain):
        async def call(self, method: str, *parameters: Any, within: float = 30) -> Any:
            return [] if method == "eth_simulateV1" else await super().call(method, *parameters, within=within)

    with pytest.raises(ExecutionUnavailable):
        await keeper(identity, Odd(), identity.validator_key)._round()
