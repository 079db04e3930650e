# SPDX-License-Identifier: Apache-2.0
"""Network: LAW 5.1 and 5.2. Keys are proven and used once; the set changes slowly and never falls below four."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

import pytest
from coincurve import PrivateKey
from contract_evm import NODE, OWNER, PUBLISHER, STEWARD, STRANGER, VALIDATORS, Evm, Refused, member, refused
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maillon.ledger.abi import Call
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import (
    MinimumChanged,
    Network,
    Node,
    NodeAdded,
    NodeLimitsChanged,
    NodeRemoved,
    Seat,
    Validator,
    ValidatorChanged,
    ValidatorLimitChanged,
    ValidatorQueued,
    decode_event,
)
from maillon.ledger.genesis import DIRECTORY, MEMBERS, NETWORK, name_word
from maillon.ledger.port import Address
from maillon.ledger.signing import Account
from maillon.network.registration import NODE_KEY, VALIDATOR_KEY, digest_to_sign

members, network = Members(MEMBERS), Network(NETWORK)
EPOCH = 100


@pytest.fixture
def evm() -> Evm:
    return Evm()


def key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"key %d" % number).digest())


def public(number: int) -> bytes:
    return key(number).public_key().public_bytes_raw()


def joining(evm: Evm, number: int, organisation: int) -> Call[None]:
    digest = evm.ask(network.validator_digest(organisation))
    return network.join(public(number), key(number).sign(digest))


def events(evm: Evm, call: Call[Any], sender: Address) -> list[Any]:
    return [event for event in map(decode_event, evm.send(call, sender).events) if event is not None]


def powers(evm: Evm) -> dict[bytes, int]:
    found = evm.ask(network.validators())
    assert len({each.public_key for each in found}) == len(found) <= 64
    assert all(each.power >= 1 for each in found)
    assert sum(each.power for each in found) == evm.ask(network.total_power())
    return {each.public_key: each.power for each in found}


def next_epoch(evm: Evm) -> None:
    evm.context._block_number += EPOCH
    evm.next_block()


# 5.1: who joins, and with which key.


def test_the_founders_validate(evm: Evm) -> None:
    assert evm.ask(network.validators()) == tuple(Validator(key, 1, number) for number, key in VALIDATORS.items())
    assert evm.ask(network.founded())
    assert evm.ask(network.minimum()) == 4
    assert evm.ask(network.interface_id()) == name_word("Network")
    assert evm.ask(network.directory()) == DIRECTORY
    for call in (network.found_validator(6, public(6)), network.found_node(6, b"\x01" * 64, b"\x01" * 20)):
        with refused("network: founding is over"):
            evm.send(call, STEWARD)


def test_a_member_joins_with_a_proven_key(evm: Evm) -> None:
    seen = events(evm, joining(evm, 6, 6), member(6))
    assert seen == [ValidatorQueued(public(6), 6, 0, 1), ValidatorChanged(public(6), 6, 1, 1)]
    assert evm.ask(network.validators())[-1] == Validator(public(6), 1, 6)
    assert evm.ask(network.seat_of(public(6))) == Seat(6, 1, 1, False)
    assert evm.ask(network.keys_of(6)) == (public(6),)
    assert evm.ask(network.budget()) == 0


def test_a_key_is_proven_for_one_organisation_chain_and_purpose(evm: Evm) -> None:
    right = evm.ask(network.validator_digest(6))
    wrong = [evm.ask(network.validator_digest(5)), evm.ask(network.node_digest(6)), bytes(32)]
    evm.context._chain_id += 1
    wrong.append(evm.ask(network.validator_digest(6)))
    evm.context._chain_id -= 1
    assert len({right, *wrong}) == 5
    for digest in wrong:
        with refused("network: key is not proven"):
            evm.send(network.join(public(6), key(6).sign(digest)), member(6))
    with refused("network: key is not proven"):
        evm.send(network.join(public(7), key(6).sign(right)), member(6))


def test_only_an_operate_delegate_of_an_active_member(evm: Evm) -> None:
    for caller in (STRANGER, PUBLISHER, STEWARD):
        with refused("network: caller is not an operate delegate of an active member"):
            evm.send(joining(evm, 6, 6), caller)
    evm.send(members.suspend(6), STEWARD)
    with refused("network: caller is not an operate delegate of an active member"):
        evm.send(joining(evm, 6, 6), member(6))


def test_a_key_once_used_is_never_accepted_again(evm: Evm) -> None:
    evm.send(joining(evm, 6, 6), member(6))
    next_epoch(evm)
    evm.send(network.leave(public(6)), member(6))
    assert public(6) not in powers(evm)
    next_epoch(evm)
    for organisation in (6, 1):
        with refused("network: key was used"):
            evm.send(joining(evm, 6, organisation), member(organisation))
    with refused("network: key is not yours"):
        evm.send(network.resume(public(6)), member(6))
    evm.send(joining(evm, 7, 6), member(6))


def test_one_validator_of_an_organisation_unless_a_vote_says_otherwise(evm: Evm) -> None:
    with refused("network: too many validators of one organisation"):
        evm.send(joining(evm, 6, 1), OWNER)
    assert events(evm, network.set_limit(1, 2), STEWARD) == [ValidatorLimitChanged(1, 2)]
    evm.send(joining(evm, 6, 1), OWNER)
    assert evm.ask(network.limit_of(1)) == 2
    assert evm.ask(network.limit_of(2)) == 1
    with refused("network: too many validators of one organisation"):
        evm.send(joining(evm, 7, 1), OWNER)
    for limit in (0, 9):
        with refused("network: limit out of bounds"):
            evm.send(network.set_limit(1, limit), STEWARD)


def test_power_changes_by_vote_alone_and_slowly(evm: Evm) -> None:
    seen = events(evm, network.set_power(VALIDATORS[1], 4), STEWARD)
    assert seen == [ValidatorQueued(VALIDATORS[1], 1, 1, 4), ValidatorChanged(VALIDATORS[1], 1, 2, 4)]
    for expected in (3, 4, 4):
        next_epoch(evm)
        evm.send(network.advance(), STRANGER)
        assert powers(evm)[VALIDATORS[1]] == expected
    assert evm.ask(network.queue()) == ()
    with refused("network: unknown key"):
        evm.send(network.set_power(public(9), 1), STEWARD)
    with refused("network: too much power"):
        evm.send(network.set_power(VALIDATORS[1], 1001), STEWARD)
    for call in (
        network.set_power(VALIDATORS[1], 1),
        network.retire(VALIDATORS[1]),
        network.set_limit(1, 2),
        network.set_minimum(5),
        network.set_node_limits((1,) * 8),
    ):
        with refused("network: caller is not governance"):
            evm.send(call, OWNER)


def test_nobody_touches_the_key_of_another(evm: Evm) -> None:
    for call in (network.leave(VALIDATORS[1]), network.resume(VALIDATORS[1])):
        with refused("network: key is not yours"):
            evm.send(call, member(2))
    with refused("network: key was not set aside"):
        evm.send(network.resume(VALIDATORS[1]), OWNER)


# 5.1: the queue.


def test_less_than_a_third_moves_in_an_epoch(evm: Evm) -> None:
    evm.send(network.leave(VALIDATORS[1]), OWNER)
    assert len(powers(evm)) == 4
    evm.send(joining(evm, 6, 6), member(6))
    assert len(powers(evm)) == 4, "a third of five would be moved"
    evm.next_block()
    evm.send(network.advance(), STRANGER)
    assert len(powers(evm)) == 4
    next_epoch(evm)
    evm.send(network.advance(), STRANGER)
    assert public(6) in powers(evm)


def test_four_remain(evm: Evm) -> None:
    for number in range(1, 6):
        evm.send(network.leave(VALIDATORS[number]), member(number))
        next_epoch(evm)
        evm.send(network.advance(), STRANGER)
    assert len(powers(evm)) == 4
    assert set(evm.ask(network.queue())) == set(powers(evm))
    evm.send(joining(evm, 6, 6), member(6))
    next_epoch(evm)
    evm.send(network.advance(), STRANGER)
    assert len(powers(evm)) == 4, "one came, so one could go"
    assert public(6) in powers(evm)


def test_a_vote_raises_the_least_number_and_never_lowers_it_below_four(evm: Evm) -> None:
    assert events(evm, network.set_minimum(5), STEWARD) == [MinimumChanged(5)]
    evm.send(network.leave(VALIDATORS[1]), OWNER)
    assert len(powers(evm)) == 5
    for minimum in (0, 3, 65):
        with refused("network: minimum out of bounds"):
            evm.send(network.set_minimum(minimum), STEWARD)


def test_the_validator_of_a_suspended_member_is_set_aside_and_comes_back(evm: Evm) -> None:
    seen = events(evm, members.suspend(1), STEWARD)
    assert seen == [ValidatorQueued(VALIDATORS[1], 1, 1, 0), ValidatorChanged(VALIDATORS[1], 1, 0, 0)]
    evm.send(members.reinstate(1), STEWARD)
    next_epoch(evm)
    evm.send(network.resume(VALIDATORS[1]), OWNER)
    assert powers(evm)[VALIDATORS[1]] == 1


def test_who_is_reinstated_in_time_stays(evm: Evm) -> None:
    evm.send(members.suspend(1), STEWARD)
    evm.send(members.suspend(2), STEWARD)
    assert VALIDATORS[2] in powers(evm), "the queue has not let it go"
    evm.send(members.reinstate(2), STEWARD)
    evm.send(network.resume(VALIDATORS[2]), member(2))
    next_epoch(evm)
    evm.send(network.advance(), STRANGER)
    assert VALIDATORS[2] in powers(evm)
    assert evm.ask(network.queue()) == ()


def test_who_departs_gives_its_key_up(evm: Evm) -> None:
    evm.send(members.leave(), OWNER)
    assert evm.ask(network.seat_of(VALIDATORS[1])) == Seat(1, 0, 0, True)
    assert evm.ask(network.keys_of(1)) == ()


def test_who_is_suspended_while_queued_does_not_come(evm: Evm) -> None:
    evm.send(network.leave(VALIDATORS[1]), OWNER)
    evm.send(joining(evm, 6, 6), member(6))
    evm.send(members.suspend(6), STEWARD)
    next_epoch(evm)
    evm.send(network.advance(), STRANGER)
    assert public(6) not in powers(evm)
    assert evm.send(network.reconcile(2), STRANGER).events == (), "an active member is left alone"
    assert evm.send(network.reconcile(99), STRANGER).events == ()


acts = st.lists(
    st.tuples(
        st.sampled_from(["leave", "power", "suspend", "reinstate", "resume", "epoch", "advance"]), st.integers(1, 5)
    ),
    max_size=25,
)


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(acts, st.integers(0, 9))
def test_the_set_changes_slowly_whatever_happens(steps: list[tuple[str, int]], strength: int) -> None:
    """Between two epochs less than a third of the power has moved; four always remain; views answer."""
    evm = Evm()
    began, total = powers(evm), 5
    for verb, number in steps:
        public_key = VALIDATORS[number]
        calls: dict[str, tuple[Call[Any], Address]] = {
            "leave": (network.leave(public_key), member(number)),
            "power": (network.set_power(public_key, strength), STEWARD),
            "suspend": (members.suspend(number), STEWARD),
            "reinstate": (members.reinstate(number), STEWARD),
            "resume": (network.resume(public_key), member(number)),
            "advance": (network.advance(), STRANGER),
        }
        if verb == "epoch":
            next_epoch(evm)
            began, total = powers(evm), evm.ask(network.total_power())
        else:
            with contextlib.suppress(Refused):
                evm.send(*calls[verb])
        now = powers(evm)
        moved = sum(abs(now.get(each, 0) - began.get(each, 0)) for each in now.keys() | began.keys())
        assert 3 * moved < total
        assert len(now) >= 4
        queued = evm.ask(network.queue())
        assert len(set(queued)) == len(queued)
        for each in VALIDATORS.values():
            seat = evm.ask(network.seat_of(each))
            assert (seat.power != seat.target) == (each in queued)
            assert seat.power == now.get(each, 0)


# 5.2: nodes.

MACHINE = PrivateKey(b"\x31" * 32)
ENODE = MACHINE.public_key.format(compressed=False)[1:]


@pytest.mark.parametrize("organisation", [1, 6, 2**200])
def test_an_operator_makes_the_digests_without_asking_anybody(evm: Evm, organisation: int) -> None:
    named = (evm.context.chain_id, network.address, organisation)
    assert digest_to_sign(NODE_KEY, *named) == evm.ask(network.node_digest(organisation))
    assert digest_to_sign(VALIDATOR_KEY, *named) == evm.ask(network.validator_digest(organisation))


def adding(evm: Evm, organisation: int, number: int = 50) -> Call[None]:
    digest = evm.ask(network.node_digest(organisation))
    parity, r, s = Account(MACHINE.secret).sign_hash(digest)
    proof = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity])
    return network.add_node(ENODE, proof, public(number), key(number).sign(digest))


def test_the_founders_nodes_are_let_in(evm: Evm) -> None:
    assert evm.ask(network.nodes()) == (Node(NODE.execution_key, NODE.consensus_id, 1),)


def test_a_member_adds_a_node_with_proven_keys(evm: Evm) -> None:
    consensus_id = hashlib.sha256(public(50)).digest()[:20]
    assert events(evm, adding(evm, 2), member(2)) == [NodeAdded(2, consensus_id, ENODE)]
    assert evm.ask(network.nodes())[-1] == Node(ENODE, consensus_id, 2)
    assert evm.ask(network.node_count_of(2)) == 1
    assert evm.ask(network.is_used(consensus_id))


def test_keys_of_nodes_are_proven_and_used_once(evm: Evm) -> None:
    call = adding(evm, 2)
    with refused("network: execution key is not proven"):
        evm.send(call, member(3))
    digest = evm.ask(network.node_digest(2))
    parity, r, s = Account(MACHINE.secret).sign_hash(digest)
    proof = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity])
    with refused("network: consensus key is not proven"):
        evm.send(network.add_node(ENODE, proof, public(50), key(51).sign(digest)), member(2))
    with refused("network: execution key is not proven"):
        evm.send(network.add_node(ENODE, bytes(65), public(50), key(50).sign(digest)), member(2))
    for wrong in (ENODE[:63], b""):
        with refused("network: key has another length"):
            evm.send(network.add_node(wrong, proof, public(50), key(50).sign(digest)), member(2))
    evm.send(call, member(2))
    evm.send(network.remove_node(ENODE), member(2))
    for organisation, number in ((2, 50), (2, 51), (3, 51)):
        with refused("network: key was used"):
            evm.send(adding(evm, organisation, number), member(organisation))


def test_nodes_are_bounded_by_tier(evm: Evm) -> None:
    assert events(evm, network.set_node_limits((0, 5, 5, 5, 5, 5, 5, 5)), STEWARD) == [
        NodeLimitsChanged((0, 5, 5, 5, 5, 5, 5, 5))
    ]
    assert evm.ask(network.node_limits(1)) == 5
    with refused("network: too many nodes for the tier"):
        evm.send(adding(evm, 2), member(2))
    evm.send(members.classify(2, 0, 1, 0, b"FR"), STEWARD)
    evm.send(adding(evm, 2), member(2))
    with refused("network: limit out of bounds"):
        evm.send(network.set_node_limits((257,) * 8), STEWARD)


def test_a_node_is_removed_by_its_own(evm: Evm) -> None:
    evm.send(adding(evm, 2), member(2))
    with refused("network: node is not yours"):
        evm.send(network.remove_node(NODE.execution_key), member(2))
    seen = events(evm, network.remove_node(NODE.execution_key), OWNER)
    assert seen == [NodeRemoved(1, NODE.consensus_id, NODE.execution_key)]
    assert [node.execution_key for node in evm.ask(network.nodes())] == [ENODE]
    evm.send(network.remove_node(ENODE), member(2))
    assert evm.ask(network.nodes()) == ()
    for call in (network.remove_node(ENODE), network.clear_node(ENODE)):
        with refused("network: unknown node"):
            evm.send(call, member(2))


def test_the_nodes_of_a_suspended_member_are_dropped_and_come_back(evm: Evm) -> None:
    evm.send(members.suspend(1), STEWARD)
    assert evm.ask(network.nodes()) == ()
    with refused("network: caller is not governance"):
        evm.send(network.clear_node(NODE.execution_key), STRANGER)
    evm.send(members.reinstate(1), STEWARD)
    assert len(evm.ask(network.nodes())) == 1


def test_the_nodes_of_who_is_gone_make_room(evm: Evm) -> None:
    evm.send(members.exclude(1), STEWARD)
    evm.send(network.clear_node(NODE.execution_key), STRANGER)
    assert evm.ask(network.node_count_of(1)) == 0
