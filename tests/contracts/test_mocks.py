# SPDX-License-Identifier: Apache-2.0
"""The worked examples work: each is compiled, deployed and used as its comments say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import build
import pytest
from contract_evm import ORIGIN, OWNER, PUBLISHER, STEWARD, STRANGER, Evm, Refused, account, refused

from maillon.evidence.checkpoint import log_id
from maillon.ledger.abi import Call, constructor, decode, encode
from maillon.ledger.contracts.anchors import Anchors
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.members import Members
from maillon.ledger.genesis import ANCHORS, DIRECTORY, MEMBERS, name_word
from maillon.ledger.port import Address

LOG = log_id(ORIGIN)
HERE = account(120)
Calls = Callable[..., Call[Any]]


@pytest.fixture
def evm() -> Evm:
    return Evm()


def example(evm: Evm, name: str, types: tuple[str, ...], values: tuple[Any, ...], sender: Address = STEWARD) -> Calls:
    """Deploy a worked example; what comes back makes calls from a signature, arguments, and the types of the answer."""
    compiled = build.artifact_of(build.HERE / "mocks" / f"{name}.vy")
    evm.deploy(bytes.fromhex(compiled["bytecode"][2:]) + encode(types, values), sender, HERE)

    def call(signature: str, *arguments: Any, answers: tuple[str, ...] = ()) -> Call[Any]:
        kinds = [kind for kind in signature[signature.index("(") + 1 : -1].split(",") if kind]
        selector = bytes.fromhex(compiled["method_identifiers"][signature][2:])
        return Call(HERE, selector + encode(kinds, arguments), lambda data: decode(answers, data))

    return call


def test_a_reader_follows_the_name(evm: Evm) -> None:
    reader = example(evm, "directory_reader", ("address",), (DIRECTORY,))
    evm.send(Anchors(ANCHORS).anchor(LOG, 42, b"r" * 32), OWNER)
    size = reader("anchored_size(bytes32)", LOG, answers=("uint64",))
    assert evm.ask(size) == (42,)
    moved = evm.deploy(constructor("anchors", ("address",), (DIRECTORY,)), STEWARD, account(121))
    evm.send(Directory(DIRECTORY).point(name_word("Anchors"), moved), STEWARD)
    assert evm.ask(size) == (0,), "the new contract starts empty"


def test_two_operators_anchor_together(evm: Evm) -> None:
    log, anchors, members = log_id("shared"), Anchors(ANCHORS), Members(MEMBERS)
    shared = example(evm, "shared_log", ("address", "bytes32", "address[2]"), (ANCHORS, log, (OWNER, PUBLISHER)))
    held = evm.ask(members.identifier_of(1))
    digest = evm.ask(members.consent_digest(evm.ask(members.identifier_hash(held.scheme, held.value)), HERE))
    for operator in (OWNER, PUBLISHER):
        with refused("members: account does not consent"):
            evm.send(members.add_account(HERE, 8, bytes(32), b""), OWNER)
        for _ in range(2):
            evm.send(shared("agree(bytes32)", digest), operator)
    evm.send(members.add_account(HERE, 8, bytes(32), b""), OWNER)
    evm.send(shared("take()"), STRANGER)
    state = shared("state(uint64,bytes32)", 5, b"r" * 32)
    for again in range(2):
        assert evm.send(state, OWNER).events == (), f"one operator alone, time {again + 1}"
    assert evm.ask(anchors.newest(log)).size == 0
    evm.send(state, PUBLISHER)
    assert evm.ask(anchors.newest(log)).size == 5
    for call in (state, shared("agree(bytes32)", digest)):
        with refused("shared_log: caller is not an operator"):
            evm.send(call, STRANGER)
    evm.send(shared("state(uint64,bytes32)", 4, b"s" * 32), OWNER)
    with refused("anchors: size shrinks"):
        evm.send(shared("state(uint64,bytes32)", 4, b"s" * 32), PUBLISHER)


def test_two_operators_are_two(evm: Evm) -> None:
    with pytest.raises(Refused, match="shared_log: two operators are one"):
        example(evm, "shared_log", ("address", "bytes32", "address[2]"), (ANCHORS, LOG, (OWNER, OWNER)))


def test_a_token_moves(evm: Evm) -> None:
    token = example(evm, "token", ("uint256",), (1_000,), OWNER)
    balance = "balanceOf(address)"
    assert evm.send(token("transfer(address,uint256)", STRANGER, 400, answers=("bool",)), OWNER).answer == (True,)
    evm.send(token("approve(address,uint256)", PUBLISHER, 100, answers=("bool",)), STRANGER)
    take = "transferFrom(address,address,uint256)"
    evm.send(token(take, STRANGER, STEWARD, 100, answers=("bool",)), PUBLISHER)
    held = [evm.ask(token(balance, who, answers=("uint256",)))[0] for who in (OWNER, STRANGER, STEWARD)]
    assert held == [600, 300, 100]
    with refused("token: allowance is exceeded"):
        evm.send(token(take, STRANGER, STEWARD, 1, answers=("bool",)), PUBLISHER)
    with refused("token: balance is exceeded"):
        evm.send(token("transfer(address,uint256)", OWNER, 301, answers=("bool",)), STRANGER)
    with refused("token: receiver is nobody"):
        evm.send(token("transfer(address,uint256)", bytes(20), 1, answers=("bool",)), OWNER)
