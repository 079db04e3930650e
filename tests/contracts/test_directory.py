# SPDX-License-Identifier: Apache-2.0
"""The Directory: LAW 1. A name leads somewhere, for ever; only the seat moves it, and it changes hands in two steps."""

from __future__ import annotations

import pytest
from contract_evm import NOBODY, OWNER, STEWARD, STRANGER, Evm, Refused, account, genesis, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from maillon.ledger.abi import constructor
from maillon.ledger.contracts.directory import Directory, GovernanceAccepted, GovernanceOffered, Pointed, decode_event
from maillon.ledger.genesis import ANCHORS, DIRECTORY, SYSTEM, name_word
from maillon.ledger.port import Address

DIRECTORY_NAME = name_word("Directory")
ANCHORS_NAME = name_word("Anchors")
NEW_ANCHORS = account(100)
directory = Directory(DIRECTORY)


@pytest.fixture
def evm() -> Evm:
    return Evm()


def answering(word: bytes) -> bytes:
    """Runtime code that answers any call with these bytes, at most 32."""
    return b"\x7f" + word.ljust(32, b"\0") + bytes.fromhex("5f52") + bytes([0x60, len(word)]) + bytes.fromhex("5ff3")


def with_new_anchors(evm: Evm) -> Address:
    return evm.deploy(constructor("anchors", ("address",), (DIRECTORY,)), STEWARD, NEW_ANCHORS)


# 1.1: a name leads to an address and a version; only the seat moves it.


def test_genesis_lists_the_system_contracts(evm: Evm) -> None:
    count = evm.ask(directory.name_count())
    names = [evm.ask(directory.name_at(place)) for place in range(count + 1)]
    assert names == [*(name_word(name) for name in SYSTEM), bytes(32)]
    for name, address in SYSTEM.items():
        assert evm.ask(directory.lookup(name_word(name))) == address
        assert evm.ask(Directory(address).interface_id()) == name_word(name)
    assert evm.ask(directory.version_of(ANCHORS_NAME)) == 1
    assert evm.ask(directory.governance()) == STEWARD
    assert evm.ask(directory.interface_id()) == DIRECTORY_NAME


def test_the_seat_moves_a_name(evm: Evm) -> None:
    target = with_new_anchors(evm)
    outcome = evm.send(directory.point(ANCHORS_NAME, target), STEWARD)
    assert [decode_event(event) for event in outcome.events] == [Pointed(ANCHORS_NAME, target, 2, ANCHORS)]
    assert evm.ask(directory.lookup(ANCHORS_NAME)) == target
    assert evm.ask(directory.version_of(ANCHORS_NAME)) == 2
    assert evm.ask(directory.name_count()) == len(SYSTEM)


@pytest.mark.parametrize("caller", [STRANGER, OWNER, NOBODY, DIRECTORY, ANCHORS])
def test_nobody_else_moves_a_name(evm: Evm, caller: Address) -> None:
    target = with_new_anchors(evm)
    with refused("directory: caller is not governance"):
        evm.send(directory.point(ANCHORS_NAME, target), caller)
    assert evm.ask(directory.lookup(ANCHORS_NAME)) == ANCHORS


def test_a_new_name_is_listed_once(evm: Evm) -> None:
    name = name_word("Projects")
    evm.state.set_code(account(101), answering(name))
    evm.state.set_code(account(102), answering(name))
    evm.send(directory.point(name, account(101)), STEWARD)
    evm.send(directory.point(name, account(102)), STEWARD)
    assert evm.ask(directory.name_count()) == len(SYSTEM) + 1
    assert evm.ask(directory.name_at(len(SYSTEM))) == name


# 1.2: history is kept; a name is never left pointing nowhere.


def test_history_is_kept(evm: Evm) -> None:
    target = with_new_anchors(evm)
    evm.next_block()
    moved = evm.block
    evm.send(directory.point(ANCHORS_NAME, target), STEWARD)
    evm.next_block()
    first, second = evm.ask(directory.period(ANCHORS_NAME, 1)), evm.ask(directory.period(ANCHORS_NAME, 2))
    assert (first.target, first.since, first.until) == (ANCHORS, 0, moved)
    assert (second.target, second.since, second.until) == (target, moved, 0)
    assert evm.ask(directory.lookup_at(ANCHORS_NAME, moved - 1)) == ANCHORS
    assert evm.ask(directory.lookup_at(ANCHORS_NAME, moved)) == target
    assert evm.ask(directory.lookup_at(ANCHORS_NAME, 2**256 - 1)) == target


@pytest.mark.parametrize("version", [0, 2, 2**256 - 1])
def test_there_is_no_other_history(evm: Evm, version: int) -> None:
    with refused("directory: unknown version"):
        evm.ask(directory.period(ANCHORS_NAME, version))


def test_an_unknown_name_leads_nowhere_and_says_so(evm: Evm) -> None:
    with refused("directory: unknown name"):
        evm.ask(directory.lookup(name_word("anchors")))
    with refused("directory: unknown name"):
        evm.ask(directory.lookup_at(name_word("anchors"), 1))


def test_a_name_was_unknown_before_it_came(evm: Evm) -> None:
    name = name_word("Projects")
    evm.state.set_code(account(101), answering(name))
    evm.send(directory.point(name, account(101)), STEWARD)
    assert evm.ask(directory.lookup_at(name, evm.block)) == account(101)
    with refused("directory: unknown name then"):
        evm.ask(directory.lookup_at(name, evm.block - 1))


def test_moving_a_name_to_where_it_is_would_falsify_history(evm: Evm) -> None:
    with refused("directory: name leads there already"):
        evm.send(directory.point(ANCHORS_NAME, ANCHORS), STEWARD)


@settings(max_examples=15)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_every_past_block_is_answered(steps: list[int]) -> None:
    """Moves any number of blocks apart, several in one block too: the past is what stood at the end of each block."""
    evm = Evm()
    stood: dict[int, Address] = {}
    for number, blocks in enumerate(steps):
        for _ in range(blocks):
            stood[evm.block] = evm.ask(directory.lookup(ANCHORS_NAME))
            evm.next_block()
        evm.state.set_code(account(110 + number), answering(ANCHORS_NAME))
        evm.send(directory.point(ANCHORS_NAME, account(110 + number)), STEWARD)
        stood[evm.block] = account(110 + number)
    for block, target in stood.items():
        assert evm.ask(directory.lookup_at(ANCHORS_NAME, block)) == target


# 1.3: the target answers its interface.


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (b"", "directory: target has no code"),
        (bytes.fromhex("00"), "directory: target does not answer"),
        (bytes.fromhex("5f5ffd"), "directory: target does not answer"),
        (bytes.fromhex("fe"), "directory: target does not answer"),
        (bytes.fromhex("5b5f56"), "directory: target does not answer"),
        (bytes.fromhex("60405ff3"), "directory: target does not answer"),
        (bytes.fromhex("611000" + "5ff3"), "directory: target does not answer"),
        (answering(ANCHORS_NAME[:31]), "directory: target does not answer"),
        (answering(bytes(32)), "directory: target answers to another name"),
        (answering(DIRECTORY_NAME), "directory: target answers to another name"),
        (answering(b"anchors"[:7].ljust(32, b"\0")), "directory: target answers to another name"),
        (bytes.fromhex("ef0100") + ANCHORS, "directory: target only delegates"),
        # The right answer, in a refusal.
        (answering(ANCHORS_NAME)[:-1] + b"\xfd", "directory: target does not answer"),
        # Writing, even of a good answer, fails in a static call.
        (bytes.fromhex("60015f55") + answering(ANCHORS_NAME), "directory: target does not answer"),
    ],
)
def test_code_that_does_not_answer_is_refused(evm: Evm, code: bytes, reason: str) -> None:
    evm.state.set_code(account(103), code)
    with refused(reason):
        evm.send(directory.point(ANCHORS_NAME, account(103)), STEWARD)
    assert evm.ask(directory.lookup(ANCHORS_NAME)) == ANCHORS


def test_code_that_answers_is_accepted(evm: Evm) -> None:
    evm.state.set_code(account(103), answering(ANCHORS_NAME))
    evm.send(directory.point(ANCHORS_NAME, account(103)), STEWARD)
    assert evm.ask(directory.lookup(ANCHORS_NAME)) == account(103)


def test_the_empty_name_is_no_name(evm: Evm) -> None:
    evm.state.set_code(account(103), answering(bytes(32)))
    with refused("directory: name is empty"):
        evm.send(directory.point(bytes(32), account(103)), STEWARD)


def test_a_target_cannot_burn_the_voters_gas(evm: Evm) -> None:
    evm.state.set_code(account(103), bytes.fromhex("5b5f56"))  # loops for ever
    with pytest.raises(Refused) as caught:
        evm.send(directory.point(ANCHORS_NAME, account(103)), STEWARD)
    assert caught.value.gas < 21_000 + 50_000 + 20_000


# The seat.


def test_the_seat_changes_hands_in_two_steps(evm: Evm) -> None:
    offered = evm.send(directory.offer_governance(OWNER), STEWARD)
    assert [decode_event(event) for event in offered.events] == [GovernanceOffered(STEWARD, OWNER)]
    assert evm.ask(directory.governance()) == STEWARD
    assert evm.ask(directory.pending_governance()) == OWNER
    accepted = evm.send(directory.accept_governance(), OWNER)
    assert [decode_event(event) for event in accepted.events] == [GovernanceAccepted(STEWARD, OWNER)]
    assert evm.ask(directory.governance()) == OWNER
    assert evm.ask(directory.pending_governance()) == NOBODY
    with refused("directory: caller is not governance"):
        evm.send(directory.offer_governance(STEWARD), STEWARD)


def test_the_seat_is_not_given_to_nobody(evm: Evm) -> None:
    with refused("directory: successor is nobody"):
        evm.send(directory.offer_governance(NOBODY), STEWARD)


def test_nobody_takes_what_was_not_offered(evm: Evm) -> None:
    for caller in (STRANGER, STEWARD):
        with refused("directory: seat was not offered to you"):
            evm.send(directory.accept_governance(), caller)
    with refused("directory: caller is not governance"):
        evm.send(directory.offer_governance(STRANGER), STRANGER)


def test_an_offer_can_be_replaced_and_withdrawn(evm: Evm) -> None:
    evm.send(directory.offer_governance(STRANGER), STEWARD)
    evm.send(directory.offer_governance(STEWARD), STEWARD)
    with refused("directory: seat was not offered to you"):
        evm.send(directory.accept_governance(), STRANGER)
    evm.send(directory.accept_governance(), STEWARD)
    assert evm.ask(directory.governance()) == STEWARD


def test_an_offer_is_accepted_once(evm: Evm) -> None:
    evm.send(directory.offer_governance(OWNER), STEWARD)
    evm.send(directory.accept_governance(), OWNER)
    with refused("directory: seat was not offered to you"):
        evm.send(directory.accept_governance(), OWNER)


def test_there_is_no_directory_without_a_seat(evm: Evm) -> None:
    with refused("directory: governance is nobody"):
        evm.deploy(constructor("directory", ("address",), (NOBODY,)), STEWARD, account(105))
    assert genesis().alloc[DIRECTORY].code
