# SPDX-License-Identifier: Apache-2.0
"""Anchors: LAW 4. Sizes never shrink, no fork is anchored, one pair of slots proves the newest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from contract_evm import NOBODY, ORIGIN, OWNER, PUBLISHER, STEWARD, STRANGER, VERIFIER, Evm, account, member, refused

from maillon.evidence.checkpoint import log_id
from maillon.evidence.hashing import keccak256
from maillon.ledger.abi import constructor
from maillon.ledger.contracts import anchors as declared
from maillon.ledger.contracts.anchors import (
    Anchored,
    Anchors,
    ForeignAnchored,
    LogRegistered,
    Newest,
    OwnershipAccepted,
    OwnershipOffered,
    VerifierSet,
    decode_event,
)
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.members import Members
from maillon.ledger.genesis import ANCHORS, DIRECTORY, MEMBERS, name_word
from maillon.ledger.port import Address

LOG = log_id(ORIGIN)
FOREIGN = hashlib.sha256(b"neighbour.example/log").digest()
ROOT, FORK = b"\x01" * 32, b"\x02" * 32
CASES = json.loads((Path(__file__).resolve().parents[2] / "vectors/anchor-slots.json").read_text())["cases"]
EMPTY = Newest(0, bytes(32), 0, 0)
anchors = Anchors(ANCHORS)
directory = Directory(DIRECTORY)
members = Members(MEMBERS)


@pytest.fixture
def evm() -> Evm:
    return Evm()


def verifying(evm: Evm, verifier: Address = VERIFIER) -> Evm:
    evm.send(anchors.set_verifier(verifier, True), STEWARD)
    return evm


# 4.1: a log is a name owned by an organisation, whose publish delegates anchor it.


def test_the_notarys_log_is_owned_from_genesis(evm: Evm) -> None:
    assert evm.ask(anchors.owner_of(LOG)) == 1
    assert evm.ask(anchors.directory()) == DIRECTORY
    assert evm.ask(anchors.interface_id()) == name_word("Anchors")


def test_an_unowned_log_is_registered(evm: Evm) -> None:
    outcome = evm.send(anchors.register(FOREIGN), member(2))
    assert [decode_event(event) for event in outcome.events] == [LogRegistered(FOREIGN, 2)]
    assert evm.ask(anchors.owner_of(FOREIGN)) == 2


def test_an_owned_log_is_not(evm: Evm) -> None:
    for caller in (STRANGER, OWNER, member(2)):
        with refused("anchors: log has an owner"):
            evm.send(anchors.register(LOG), caller)
    with refused("anchors: log is empty"):
        evm.send(anchors.register(bytes(32)), OWNER)


def test_only_publish_delegates_register(evm: Evm) -> None:
    evm.send(members.set_scopes(PUBLISHER, 7, bytes(32)), OWNER)
    for caller in (STRANGER, STEWARD, PUBLISHER, NOBODY):
        with refused("anchors: caller is not a publish delegate of an active member"):
            evm.send(anchors.register(FOREIGN), caller)


def test_publish_delegates_of_the_owner_anchor(evm: Evm) -> None:
    assert evm.ask(anchors.is_publisher(LOG, PUBLISHER))
    assert evm.ask(anchors.is_publisher(LOG, OWNER))
    evm.send(anchors.anchor(LOG, 1, ROOT), PUBLISHER)
    outcome = evm.send(anchors.anchor(LOG, 2, FORK), OWNER)
    assert [decode_event(event) for event in outcome.events] == [Anchored(LOG, 2, FORK, evm.block, evm.time)]
    assert evm.ask(anchors.newest(LOG)) == Newest(2, FORK, evm.block, evm.time)


def test_nobody_else_anchors(evm: Evm) -> None:
    evm.send(members.set_scopes(PUBLISHER, 7, bytes(32)), OWNER)
    for caller in (STRANGER, STEWARD, PUBLISHER, VERIFIER, member(2), NOBODY):
        assert not evm.ask(anchors.is_publisher(LOG, caller))
        with refused("anchors: caller is not a publisher"):
            evm.send(anchors.anchor(LOG, 1, ROOT), caller)
    assert evm.ask(anchors.newest(LOG)) == EMPTY


def test_a_suspended_owner_does_not_anchor_and_its_anchors_stay(evm: Evm) -> None:
    """2.4: suspension stops publication, and never touches evidence already given."""
    evm.send(anchors.anchor(LOG, 1, ROOT), PUBLISHER)
    before = evm.ask(anchors.newest(LOG))
    evm.send(members.suspend(1), STEWARD)
    with refused("anchors: caller is not a publisher"):
        evm.send(anchors.anchor(LOG, 2, FORK), PUBLISHER)
    assert evm.ask(anchors.newest(LOG)) == before
    evm.send(members.reinstate(1), STEWARD)
    evm.send(anchors.anchor(LOG, 2, FORK), PUBLISHER)


def test_a_log_without_owner_has_no_publisher(evm: Evm) -> None:
    for caller in (NOBODY, STRANGER, OWNER):
        assert not evm.ask(anchors.is_publisher(FOREIGN, caller))
        with refused("anchors: caller is not a publisher"):
            evm.send(anchors.anchor(FOREIGN, 1, ROOT), caller)


def test_a_log_changes_hands_in_two_steps(evm: Evm) -> None:
    offered = evm.send(anchors.offer_ownership(LOG, 2), OWNER)
    assert [decode_event(event) for event in offered.events] == [OwnershipOffered(LOG, 1, 2)]
    assert evm.ask(anchors.owner_of(LOG)) == 1
    assert evm.ask(anchors.pending_owner_of(LOG)) == 2
    accepted = evm.send(anchors.accept_ownership(LOG), member(2))
    assert [decode_event(event) for event in accepted.events] == [OwnershipAccepted(LOG, 1, 2)]
    assert evm.ask(anchors.owner_of(LOG)) == 2
    assert evm.ask(anchors.pending_owner_of(LOG)) == 0
    evm.send(anchors.anchor(LOG, 1, ROOT), member(2))
    for former in (OWNER, PUBLISHER):
        assert not evm.ask(anchors.is_publisher(LOG, former))


@pytest.mark.parametrize("caller", [STRANGER, PUBLISHER, member(2), NOBODY])
def test_only_an_admin_of_the_owner_offers(evm: Evm, caller: Address) -> None:
    with refused("anchors: caller is not governance"):
        evm.send(anchors.offer_ownership(LOG, 2), caller)


def test_a_vote_offers_the_log_of_an_owner_that_is_gone(evm: Evm) -> None:
    evm.send(members.exclude(1), STEWARD)
    with refused("anchors: caller is not governance"):
        evm.send(anchors.offer_ownership(LOG, 2), OWNER)
    evm.send(anchors.offer_ownership(LOG, 2), STEWARD)
    evm.send(anchors.accept_ownership(LOG), member(2))
    assert evm.ask(anchors.owner_of(LOG)) == 2


def test_a_log_is_not_given_to_nobody_nor_taken(evm: Evm) -> None:
    with refused("anchors: successor is nobody"):
        evm.send(anchors.offer_ownership(LOG, 0), OWNER)
    with refused("anchors: unknown log"):
        evm.send(anchors.offer_ownership(FOREIGN, 2), OWNER)
    for caller in (STRANGER, member(2), OWNER):
        with refused("anchors: log was not offered to you"):
            evm.send(anchors.accept_ownership(LOG), caller)
    evm.send(anchors.offer_ownership(LOG, 2), OWNER)
    evm.send(anchors.offer_ownership(LOG, 1), OWNER)
    with refused("anchors: log was not offered to you"):
        evm.send(anchors.accept_ownership(LOG), member(2))


def test_an_offer_of_one_log_is_not_an_offer_of_another(evm: Evm) -> None:
    evm.send(anchors.register(FOREIGN), OWNER)
    evm.send(anchors.offer_ownership(FOREIGN, 2), OWNER)
    with refused("anchors: log was not offered to you"):
        evm.send(anchors.accept_ownership(LOG), member(2))


# 4.1: size never shrinks; the same size with another root is refused.


def test_sizes_grow(evm: Evm) -> None:
    for size in (1, 2, 1_000_000, 2**64 - 1):
        evm.send(anchors.anchor(LOG, size, ROOT), OWNER)
        assert evm.ask(anchors.newest(LOG)).size == size
        evm.next_block()


@pytest.mark.parametrize("size", [1, 9])
def test_sizes_do_not_shrink(evm: Evm, size: int) -> None:
    evm.send(anchors.anchor(LOG, 10, ROOT), OWNER)
    for root in (ROOT, FORK):
        with refused("anchors: size shrinks"):
            evm.send(anchors.anchor(LOG, size, root), OWNER)
    assert evm.ask(anchors.newest(LOG)) == Newest(10, ROOT, evm.block, evm.time)


def test_a_fork_cannot_be_anchored(evm: Evm) -> None:
    evm.send(anchors.anchor(LOG, 10, ROOT), OWNER)
    with refused("anchors: same size, another root"):
        evm.send(anchors.anchor(LOG, 10, FORK), OWNER)
    assert evm.ask(anchors.newest(LOG)).root == ROOT


def test_saying_it_again_changes_nothing(evm: Evm) -> None:
    evm.send(anchors.anchor(LOG, 10, ROOT), OWNER)
    first = evm.ask(anchors.newest(LOG))
    evm.next_block(60)
    assert evm.send(anchors.anchor(LOG, 10, ROOT), OWNER).events == ()
    assert evm.ask(anchors.newest(LOG)) == first


def test_nothing_is_not_anchored(evm: Evm) -> None:
    with refused("anchors: size is zero"):
        evm.send(anchors.anchor(LOG, 0, ROOT), OWNER)
    with refused("anchors: root is zero"):
        evm.send(anchors.anchor(LOG, 1, bytes(32)), OWNER)


# 4.2: the newest anchor stands in one pair of slots.


def test_one_pair_of_slots(evm: Evm) -> None:
    """docs/formats/contracts.md, "Where an anchor is stored": what every verifier computes."""
    base = declared.SLOTS["_anchors"]
    assert base == 0
    slot = int.from_bytes(keccak256(base.to_bytes(32, "big") + LOG), "big")
    assert (evm.state.get_storage(ANCHORS, slot), evm.state.get_storage(ANCHORS, slot + 1)) == (0, 0)
    for size in (7, 2**64 - 1):
        evm.next_block()
        evm.send(anchors.anchor(LOG, size, ROOT), OWNER)
        assert evm.state.get_storage(ANCHORS, slot).to_bytes(32, "big") == ROOT
        assert evm.state.get_storage(ANCHORS, slot + 1) == size << 128 | evm.block << 64 | evm.time


def test_older_anchors_live_in_events(evm: Evm) -> None:
    seen = []
    for size in (1, 5, 9):
        seen += [decode_event(event) for event in evm.send(anchors.anchor(LOG, size, ROOT), OWNER).events]
        evm.next_block()
    assert [event.size for event in seen if isinstance(event, Anchored)] == [1, 5, 9]
    assert evm.ask(anchors.newest(LOG)).size == 9


# 4.3: foreign anchors are a space of their own, each with the verifier that accepted it.


def test_a_verifier_accepts_foreign_anchors(evm: Evm) -> None:
    outcome = evm.send(anchors.set_verifier(VERIFIER, True), STEWARD)
    assert [decode_event(event) for event in outcome.events] == [VerifierSet(VERIFIER, True)]
    assert evm.ask(anchors.is_verifier(VERIFIER))
    outcome = evm.send(anchors.anchor_foreign(FOREIGN, 5, ROOT), VERIFIER)
    expected = ForeignAnchored(VERIFIER, FOREIGN, 5, ROOT, evm.block, evm.time)
    assert [decode_event(event) for event in outcome.events] == [expected]
    assert evm.ask(anchors.newest_foreign(VERIFIER, FOREIGN)) == Newest(5, ROOT, evm.block, evm.time)


def test_foreign_anchors_are_apart(evm: Evm) -> None:
    verifying(evm).send(anchors.anchor_foreign(LOG, 5, ROOT), VERIFIER)
    assert evm.ask(anchors.newest(LOG)) == EMPTY
    evm.send(anchors.anchor(LOG, 3, FORK), OWNER)
    assert evm.ask(anchors.newest_foreign(VERIFIER, LOG)).size == 5


def test_nobody_else_accepts_them(evm: Evm) -> None:
    verifying(evm).send(anchors.set_verifier(VERIFIER, False), STEWARD)
    for caller in (STRANGER, OWNER, STEWARD, VERIFIER):
        with refused("anchors: caller is not a verifier"):
            evm.send(anchors.anchor_foreign(FOREIGN, 1, ROOT), caller)


def test_only_governance_names_verifiers(evm: Evm) -> None:
    for caller in (STRANGER, OWNER, VERIFIER, NOBODY):
        with refused("anchors: caller is not governance"):
            evm.send(anchors.set_verifier(caller, True), caller)
    with refused("anchors: verifier is nobody"):
        evm.send(anchors.set_verifier(NOBODY, True), STEWARD)


def test_verifiers_follow_the_seat(evm: Evm) -> None:
    evm.send(directory.offer_governance(OWNER), STEWARD)
    evm.send(directory.accept_governance(), OWNER)
    with refused("anchors: caller is not governance"):
        evm.send(anchors.set_verifier(VERIFIER, True), STEWARD)
    evm.send(anchors.set_verifier(VERIFIER, True), OWNER)


def test_the_same_law_holds_for_each_verifier_alone(evm: Evm) -> None:
    other = account(50)
    verifying(verifying(evm), other).send(anchors.anchor_foreign(FOREIGN, 2**64 - 1, FORK), other)
    evm.send(anchors.anchor_foreign(FOREIGN, 5, ROOT), VERIFIER)
    with refused("anchors: size shrinks"):
        evm.send(anchors.anchor_foreign(FOREIGN, 4, ROOT), VERIFIER)
    with refused("anchors: same size, another root"):
        evm.send(anchors.anchor_foreign(FOREIGN, 5, FORK), VERIFIER)
    with refused("anchors: size is zero"):
        evm.send(anchors.anchor_foreign(FOREIGN, 0, FORK), VERIFIER)
    with refused("anchors: log is empty"):
        evm.send(anchors.anchor_foreign(bytes(32), 5, FORK), VERIFIER)
    assert evm.send(anchors.anchor_foreign(FOREIGN, 5, ROOT), VERIFIER).events == ()
    assert evm.ask(anchors.newest_foreign(other, FOREIGN)).size == 2**64 - 1


def test_what_was_accepted_stays_readable(evm: Evm) -> None:
    verifying(evm).send(anchors.anchor_foreign(FOREIGN, 5, ROOT), VERIFIER)
    evm.send(anchors.set_verifier(VERIFIER, False), STEWARD)
    assert evm.ask(anchors.newest_foreign(VERIFIER, FOREIGN)).size == 5


def test_there_are_no_anchors_without_a_directory(evm: Evm) -> None:
    with refused("anchors: directory is nowhere"):
        evm.deploy(constructor("anchors", ("address",), (NOBODY,)), STEWARD, account(60))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["origin"])
def test_slots_are_those_of_the_vectors(evm: Evm, case: dict[str, str]) -> None:
    log, root = log_id(case["origin"]), bytes.fromhex(case["root"])
    assert log.hex() == case["log_id"]
    evm.context._block_number, evm.context._timestamp = int(case["block"]), int(case["time"])
    if evm.ask(anchors.owner_of(log)) == 0:
        evm.send(anchors.register(log), OWNER)
    evm.send(anchors.anchor(log, int(case["size"]), root), OWNER)
    assert evm.state.get_storage(ANCHORS, int(case["root_slot"], 16)) == int.from_bytes(root)
    assert evm.state.get_storage(ANCHORS, int(case["position_slot"], 16)) == int(case["position"], 16)
