# SPDX-License-Identifier: Apache-2.0
"""The worked examples work: each is compiled, deployed and used as its comments say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import build
import pytest
from contract_evm import ORIGIN, OWNER, PUBLISHER, STEWARD, STRANGER, Evm, Refused, account, genesis, member, refused

from maillon.evidence.checkpoint import log_id
from maillon.evidence.hashing import keccak256
from maillon.ledger.abi import Call, artifact, constructor, decode, encode
from maillon.ledger.contracts.anchors import Anchors
from maillon.ledger.contracts.brake import Brake
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.members import Members
from maillon.ledger.genesis import ANCHORS, BRAKE, DIRECTORY, MEMBERS, SYSTEM, name_word
from maillon.ledger.port import Address

brake, members = Brake(BRAKE), Members(MEMBERS)
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
    log, anchors = log_id("shared"), Anchors(ANCHORS)
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


# 3.6: from the pull to what is not published, in a contract that asks the brake.


@pytest.fixture
def board(evm: Evm) -> Calls:
    """A publication contract, listed under its name as a vote would."""
    calls = example(evm, "notice_board", ("address",), (DIRECTORY,))
    evm.send(Directory(DIRECTORY).point(name_word("NoticeBoard"), HERE), STEWARD)
    return calls


NOTICE = b"\x0e" * 32


def published(evm: Evm, board: Calls) -> None:
    """A notice is, now."""
    (told,) = evm.send(board("publish(bytes32)", NOTICE), PUBLISHER).events
    assert told.contract == HERE
    assert told.topics == (keccak256(b"NoticePublished(uint256,bytes32)"), (1).to_bytes(32, "big"), NOTICE)


def stopped(evm: Evm, board: Calls) -> None:
    """None is, now."""
    with refused("notice_board: publication is stopped"):
        evm.send(board("publish(bytes32)", NOTICE), PUBLISHER)


def pulled(evm: Evm) -> None:
    """Officers of three members engage the brake."""
    for number in (2, 3, 4):
        evm.send(members.set_scopes(member(number), 1, bytes(32)), member(number))
        evm.send(brake.pull(), member(number))


def test_the_brake_stops_what_asks_it_and_ends_by_itself(evm: Evm, board: Calls) -> None:
    published(evm, board)
    pulled(evm)
    stopped(evm, board)
    evm.send(Anchors(ANCHORS).anchor(LOG, 1, b"r" * 32), OWNER)  # what never pauses goes on
    # 1. To the last second; then it has expired, by nobody's act, and publication is resumed.
    evm.next_block(72 * 3_600 - 1)
    stopped(evm, board)
    evm.next_block(1)
    published(evm, board)
    # 2. Nobody pulls it again, until thirty days after it was pulled.
    with refused("brake: was used within thirty days"):
        evm.send(brake.pull(), member(2))
    published(evm, board)
    evm.next_block(27 * 86_400)
    for number in (2, 3, 4):
        evm.send(brake.pull(), member(number))
    stopped(evm, board)


def test_two_officers_stop_nobody(evm: Evm, board: Calls) -> None:
    for number in (2, 3):
        evm.send(members.set_scopes(member(number), 1, bytes(32)), member(number))
        evm.send(brake.pull(), member(number))
    published(evm, board)


def test_a_paused_board_refuses_strangers_for_their_own_reason(evm: Evm, board: Calls) -> None:
    pulled(evm)
    for sender in (STRANGER, STEWARD, member(2)):
        with refused("notice_board: caller is not a publish delegate of an active member"):
            evm.send(board("publish(bytes32)", NOTICE), sender)


def test_a_board_asks_whatever_is_the_brake_now(evm: Evm, board: Calls) -> None:
    """A vote that gives the name to another brake releases it."""
    pulled(evm)
    another = evm.deploy(constructor("brake", ("address",), (DIRECTORY,)), STEWARD, account(122))
    evm.send(Directory(DIRECTORY).point(name_word("Brake"), another), STEWARD)
    published(evm, board)


def test_no_contract_of_block_zero_asks_the_brake() -> None:
    """What the signing page, docs/trust.md and the guides say of it. The board's code shows what asking looks like."""
    asks = artifact("brake").selectors["is_paused(bytes32)"]
    assert asks in bytes.fromhex(build.artifact_of(build.HERE / "mocks/notice_board.vy")["bytecode_runtime"][2:])
    assert [name for name in SYSTEM if asks in genesis().alloc[SYSTEM[name]].code] == ["Brake"]


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
