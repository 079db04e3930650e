# SPDX-License-Identifier: Apache-2.0
"""The largest consortium: LAW 3.8 and 5.5. Every view of the bridge, and every act of a vote, costs bounded gas."""

from __future__ import annotations

import hashlib

import pytest
from contract_evm import (
    FOUNDERS,
    OWNER,
    STEWARD,
    STRANGER,
    TIME,
    VALIDATORS,
    Evm,
    consent,
    crowd,
    crowd_account,
    genesis,
    member,
    refused,
    storage_of_member,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maillon.ledger.contracts.anchors import Anchors
from maillon.ledger.contracts.brake import Brake
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.governance import Governance, ProposalExecuted, decode_event
from maillon.ledger.contracts.members import Members, NoticeFailed
from maillon.ledger.contracts.members import decode_event as decode_member
from maillon.ledger.contracts.network import Network
from maillon.ledger.genesis import ANCHORS, BRAKE, CREDITS, DIRECTORY, GOVERNANCE, MEMBERS, NETWORK, name_word
from maillon.ledger.signing import Account

brake, directory, governance = Brake(BRAKE), Directory(DIRECTORY), Governance(GOVERNANCE)
members, network, quota = Members(MEMBERS), Network(NETWORK), Credits(CREDITS)
FULL = 2048
BLOCK = 100_000_000
BRIDGE = 25_000_000
"""What a validator spends on one view, half of what a node allows a call."""
REASON = b"\x0b" * 32


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@pytest.fixture(scope="module")
def full() -> Evm:
    """2,048 members, 64 validators, 256 nodes. The tests of this page add to it, in any order."""
    evm = Evm()
    crowd(evm, FULL)
    # Entered as founders', so that no proof is needed: what a view costs does not depend on how a key came.
    evm.context._block_number, evm.context._timestamp = 0, TIME
    for number in range(7, 7 + 64 - len(VALIDATORS)):
        evm.send(network.found_validator(number, digest(f"validator {number}")), STEWARD)
    for number in range(7, 7 + 255):
        key = digest(f"node {number}") + digest(f"half {number}")
        evm.send(network.found_node(number, key, digest(f"identifier {number}")[:20]), STEWARD)
    with refused("network: all places are taken"):
        evm.send(network.found_node(300, digest("node") + digest("half"), digest("identifier")[:20]), STEWARD)
    evm.next_block()
    late = Ed25519PrivateKey.from_private_bytes(b"\x13" * 32)
    proof = late.sign(evm.ask(network.validator_digest(6)))
    with refused("network: all seats are taken"):
        evm.send(network.join(late.public_key().public_bytes_raw(), proof), member(6))
    return evm


def test_what_is_written_is_what_founding_writes() -> None:
    """The crowd is honest: for a real founder the same words stand in the same slots."""
    stored = genesis().alloc[MEMBERS].storage
    # Accounts of organisation 1 were two; from the second on each founder took two changes of standing.
    for number in FOUNDERS:
        expected = storage_of_member(number, member(number), 0, 2 * number)
        found = {slot: stored.get(slot, 0) for slot in expected}
        account_slots = [slot for slot, word in expected.items() if word == number << 64 | 15]
        for slot in account_slots:
            assert found.pop(slot) & ~0x70 == expected.pop(slot), "but for its office"
        assert found == expected


# 5.5: the views of the bridge, at the largest size.


def test_validators_at_the_maximum(full: Evm) -> None:
    outcome = full.send(network.validators(), STRANGER)
    assert len(outcome.answer) == 64
    assert outcome.gas < BRIDGE


def test_nodes_at_the_maximum(full: Evm) -> None:
    outcome = full.send(network.nodes(), STRANGER)
    assert len(outcome.answer) == 256
    assert outcome.gas < BRIDGE


def test_grants_at_the_maximum(full: Evm) -> None:
    outcome = full.send(quota.grants((full.block + 1) // 3_600), STRANGER)
    assert len(outcome.answer) == FULL
    assert len({grant.account for grant in outcome.answer}) == FULL
    assert outcome.gas < BRIDGE


def test_the_floor_tip_and_the_census(full: Evm) -> None:
    assert full.send(quota.floor_tip(), STRANGER).gas < 30_000
    assert sum(map(sum, full.ask(members.census()))) == full.ask(members.active_count()) == FULL


def test_the_register_takes_no_more(full: Evm) -> None:
    application = (b"siren".ljust(32, b"\0"), "130025265", "Candidate", 0, b"FR", "")
    key = Account(b"\x11" * 32)
    signature = consent(full, key, identifier="130025265")
    applied = full.send(members.apply(application, key.address, bytes(32), signature), OWNER).answer
    with refused("members: all places are taken"):
        full.send(members.admit(applied, 0, 0), STEWARD)
    assert len(full.ask(members.roll())) == FULL


# 3.8: acts of a vote, and its numbers, when everybody takes part.


def test_two_thousand_vote_and_it_is_executed() -> None:
    """Everybody takes a position. Every act is small; counting and executing does not depend on how many took part."""
    evm = Evm()
    crowd(evm, 2_000)
    evm.send(directory.offer_governance(GOVERNANCE), STEWARD)
    evm.send(governance.take_seat(), STRANGER)
    call = Anchors(ANCHORS).set_verifier(STRANGER, True)
    calls = ((call.to, call.data),)
    proposed = evm.send(governance.propose(1, REASON, calls, evm.time + 5, evm.time + 65), OWNER)
    assert proposed.gas < 3_000_000
    evm.next_block(5)
    costs = [
        evm.send(governance.cast(1, 1 + number % 3 % 2, REASON), crowd_account(number)).gas
        for number in range(7, 2_001)
    ]
    costs += [evm.send(governance.cast(1, 1, REASON), member(number)).gas for number in FOUNDERS]
    assert len(costs) == 2_000
    assert max(costs) < 250_000
    counted = evm.send(governance.missing(1), STRANGER)
    assert (counted.answer[0].quorum, counted.answer[0].majority, counted.answer[0].undecided) == (0, 0, 0)
    assert counted.gas < 150_000
    evm.next_block(75)
    executed = evm.send(governance.execute(1, calls), STRANGER)
    assert ProposalExecuted(1, STRANGER) in [decode_event(event) for event in executed.events]
    assert counted.gas + executed.gas < BLOCK // 100


def test_leaving_with_every_vote_open_and_every_seat_taken(full: Evm) -> None:
    """The notice to Governance and Network fits what Members gives it, at the worst moment."""
    for place in range(32):
        kind, account = (1, crowd_account(100 + place // 2)) if place < 24 else (3, crowd_account(200 + place // 2))
        full.send(governance.propose(kind, REASON, (), full.time + 5, full.time + 605), account)
    for kind in (1, 3):
        with refused("governance: too many open votes"):
            full.send(governance.propose(kind, REASON, (), full.time + 5, full.time + 605), crowd_account(300))
    full.next_block(5)
    leaver = 7
    for proposal in full.ask(governance.open_proposals()):
        full.send(governance.cast(proposal, 1, REASON), crowd_account(leaver))
    assert len(full.ask(governance.open_proposals())) == 32
    for number in range(8, 28):
        full.send(network.set_power(digest(f"validator {number}"), 0), STEWARD)
    left = full.send(members.leave(), crowd_account(leaver))
    assert left.gas < BLOCK // 10
    assert not [event for event in map(decode_member, left.events) if isinstance(event, NoticeFailed)]
    assert {full.ask(governance.tally_of(proposal, 8)).total for proposal in range(1, 33)} == {FULL - 1}
    assert full.ask(network.seat_of(digest(f"validator {leaver}"))).retired


def test_the_brake_at_the_maximum() -> None:
    evm = Evm()
    crowd(evm, FULL)
    for number in range(7, 7 + 682):
        evm.send(brake.pull(), crowd_account(number))
    last = evm.send(brake.pull(), OWNER)
    assert evm.ask(brake.is_paused(name_word("Projects")))
    assert last.gas < BLOCK // 10
