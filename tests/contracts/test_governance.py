# SPDX-License-Identifier: Apache-2.0
"""Governance: LAW 3. What passed by the statutes is done, whole, once, and nothing else is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import pytest
from contract_evm import (
    FOUNDERS,
    NOBODY,
    OWNER,
    PUBLISHER,
    STEWARD,
    STRANGER,
    VERIFIER,
    Evm,
    Outcome,
    Refused,
    account,
    consent,
    member,
    refused,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maillon.evidence.hashing import keccak256
from maillon.ledger.abi import Call, constructor, decode, decode_revert
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.anchors import Anchors
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.governance import (
    ExecutionFailed,
    Governance,
    Lacking,
    PositionTaken,
    PositionWithdrawn,
    ProposalExecuted,
    Proposed,
    ProxyGiven,
    ProxyRevoked,
    StatutesChanged,
    VoterRestored,
    VoterStruck,
    decode_event,
)
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network
from maillon.ledger.founding import SANDBOX_STATUTES, Statutes, Terms
from maillon.ledger.genesis import _STATUTES, ADMISSIONS, ANCHORS, DIRECTORY, GOVERNANCE, MEMBERS, NETWORK, name_word
from maillon.ledger.port import Address
from maillon.ledger.signing import Account

admissions, anchors, directory = Admissions(ADMISSIONS), Anchors(ANCHORS), Directory(DIRECTORY)
governance, members, network = Governance(GOVERNANCE), Members(MEMBERS), Network(NETWORK)
TEXT, REASON = hashlib.sha256(b"texte").digest(), hashlib.sha256(b"raison").digest()
ORDINARY, CONSTITUTIONAL, EMERGENCY = 1, 2, 3
FOR, AGAINST, ABSTAIN, OBJECT = 1, 2, 3, 4
ANNOUNCED, OPEN, REFUSED, WAITING, EXECUTABLE, EXECUTED, EXPIRED = range(1, 8)
KEY = Account(b"\x11" * 32)
FLAG = anchors.set_verifier(VERIFIER, True)
"""A call only the seat may make, whose effect is easily seen."""
Calls = tuple[tuple[Address, bytes], ...]


def seated() -> Evm:
    """Governance has the seat."""
    evm = Evm()
    evm.send(directory.offer_governance(GOVERNANCE), STEWARD)
    evm.send(governance.take_seat(), STRANGER)
    return evm


@pytest.fixture
def evm() -> Evm:
    return seated()


@dataclass
class Vote:
    """A proposal, with what executing it needs."""

    number: int
    calls: Calls


def propose(evm: Evm, *calls: Call[Any], kind: int = ORDINARY, by: int = 1, opens: int = 5, window: int = 60) -> Vote:
    listed = tuple((call.to, call.data) for call in calls)
    times = (evm.time + opens, evm.time + opens + window)
    outcome = evm.send(governance.propose(kind, TEXT, listed, *times), member(by))
    return Vote(outcome.answer, listed)


def opened(evm: Evm, *calls: Call[Any], kind: int = ORDINARY, by: int = 1) -> Vote:
    vote = propose(evm, *calls, kind=kind, by=by)
    evm.next_block(5)
    return vote


def cast(evm: Evm, vote: Vote, positions: dict[int, int]) -> None:
    for number, position in positions.items():
        evm.send(governance.cast(vote.number, position, REASON), member(number))


def passed(evm: Evm, *calls: Call[Any], kind: int = ORDINARY, by: int = 1) -> Vote:
    """Everybody for, closed, and waited."""
    vote = opened(evm, *calls, kind=kind, by=by)
    cast(evm, vote, dict.fromkeys(range(1, 7), FOR))
    evm.next_block(60 + 20)
    return vote


def execute(evm: Evm, vote: Vote, sender: Address = STRANGER) -> list[Any]:
    return [decode_event(event) for event in evm.send(governance.execute(vote.number, vote.calls), sender).events]


def state(evm: Evm, vote: Vote) -> int:
    return int(evm.ask(governance.state_of(vote.number)))


def lacking(evm: Evm, vote: Vote) -> Lacking:
    whole = evm.ask(governance.missing(vote.number))[0]
    assert whole.college == 8
    return whole


# The way of a proposal.


def test_what_passed_is_done_by_anybody(evm: Evm) -> None:
    vote = opened(evm, FLAG)
    cast(evm, vote, {1: FOR, 2: FOR, 3: AGAINST})
    evm.next_block(60)
    assert state(evm, vote) == WAITING
    evm.next_block(10)
    assert state(evm, vote) == EXECUTABLE
    seen = evm.send(governance.execute(vote.number, vote.calls), STRANGER)
    assert seen.answer is True
    assert decode_event(seen.events[-1]) == ProposalExecuted(vote.number, STRANGER)
    assert evm.ask(anchors.is_verifier(VERIFIER))
    assert state(evm, vote) == EXECUTED


def test_a_proposal_is_announced_with_everything_in_it(evm: Evm) -> None:
    times = (evm.time + 5, evm.time + 65)
    listed = ((FLAG.to, FLAG.data),)
    outcome = evm.send(governance.propose(ORDINARY, TEXT, listed, *times), OWNER)
    change = evm.ask(members.change_count())
    ends = times[1] + 10
    expires = ends + SANDBOX_STATUTES.expiry
    expected = Proposed(1, 1, ORDINARY, TEXT, listed, *times, ends, expires, evm.block, change, 1)
    assert [decode_event(event) for event in outcome.events] == [expected]
    held = evm.ask(governance.proposal_of(1))
    assert (held.kind, held.proposer, held.text_hash, held.opens, held.closes) == (ORDINARY, 1, TEXT, *times)
    assert (held.snapshot_block, held.snapshot_time, held.executed) == (evm.block, evm.time, False)
    assert state(evm, Vote(1, listed)) == ANNOUNCED
    assert evm.ask(governance.open_proposals()) == (1,)
    assert evm.ask(governance.proposal_count()) == 1
    assert state(evm, Vote(2, ())) == 0
    assert evm.ask(governance.missing(2)) == ()


def test_only_a_vote_delegate_proposes_and_casts(evm: Evm) -> None:
    vote = opened(evm)
    for caller in (STRANGER, PUBLISHER, STEWARD, NOBODY):
        with refused("governance: caller is not a vote delegate of an active member"):
            evm.send(governance.propose(ORDINARY, TEXT, (), evm.time + 5, evm.time + 65), caller)
        with refused("governance: caller is not a vote delegate of an active member"):
            evm.send(governance.cast(vote.number, FOR, REASON), caller)


@pytest.mark.parametrize(
    ("kind", "opens", "window", "reason"),
    [
        (0, 5, 60, "governance: unknown kind"),
        (4, 5, 60, "governance: unknown kind"),
        (ORDINARY, -1, 60, "governance: opens too early or too late"),
        (ORDINARY, 61 * 86_400, 60, "governance: opens too early or too late"),
        (ORDINARY, 5, 59, "governance: window is too short or too long"),
        (ORDINARY, 5, 61 * 86_400, "governance: window is too short or too long"),
    ],
)
def test_times_and_kinds_are_bounded(evm: Evm, kind: int, opens: int, window: int, reason: str) -> None:
    with refused(reason):
        propose(evm, kind=kind, opens=opens, window=window)


def test_a_proposal_has_a_text_and_code_to_call(evm: Evm) -> None:
    with refused("governance: text is empty"):
        evm.send(governance.propose(ORDINARY, bytes(32), (), evm.time + 5, evm.time + 65), OWNER)
    with refused("governance: target has no code"):
        propose(evm, Call(STRANGER, b"", bytes))


def test_open_votes_are_bounded(evm: Evm) -> None:
    propose(evm)
    propose(evm)
    with refused("governance: proposer has two open votes"):
        propose(evm)
    evm.next_block(65)
    propose(evm)
    assert len(evm.ask(governance.open_proposals())) == 1, "those that closed make room"


# 3.1: the snapshot.


def test_who_joins_later_does_not_count(evm: Evm) -> None:
    """Not even within the very block of the proposal."""
    evm = Evm()
    vote = propose(evm)
    application = (b"siren".ljust(32, b"\0"), "130025265", "Tard venue", 0, b"FR", "")
    signature = consent(evm, KEY, identifier="130025265")
    organisation = evm.send(members.apply(application, KEY.address, bytes(32), signature), OWNER).answer
    evm.send(members.admit(organisation, 0, 0), STEWARD)
    evm.send(members.set_scopes(KEY.address, 3, bytes(32)), KEY.address)
    assert evm.ask(governance.tally_of(vote.number, 8)).total == 6
    evm.next_block(5)
    with refused("governance: not in the snapshot"):
        evm.send(governance.cast(vote.number, FOR, REASON), KEY.address)
    later = propose(evm)
    assert evm.ask(governance.tally_of(later.number, 8)).total == 7


def test_who_joined_just_before_counts(evm: Evm) -> None:
    evm = Evm()
    evm.send(members.suspend(6), STEWARD)
    before = propose(evm)
    evm.send(members.reinstate(6), STEWARD)
    after = propose(evm)
    evm.next_block(5)
    assert [evm.ask(governance.tally_of(vote.number, 8)).total for vote in (before, after)] == [5, 6]
    with refused("governance: not in the snapshot"):
        evm.send(governance.cast(before.number, FOR, REASON), member(6))
    evm.send(governance.cast(after.number, FOR, REASON), member(6))


def test_who_is_suspended_since_counts_in_neither_number() -> None:
    evm = Evm()
    vote = opened(evm)
    cast(evm, vote, {1: FOR, 2: AGAINST})
    evm.send(members.suspend(2), STEWARD)
    evm.send(members.suspend(3), STEWARD)
    tally = evm.ask(governance.tally_of(vote.number, 8))
    assert (tally.total, tally.in_favour, tally.against) == (4, 1, 0)
    assert evm.ask(governance.ballot_of(vote.number, 2)).struck
    with refused("governance: caller is not a vote delegate of an active member"):
        evm.send(governance.cast(vote.number, AGAINST, REASON), member(2))


def told(outcome: Outcome) -> list[Any]:
    """What Governance said, of all that was said."""
    return [event for event in map(decode_event, outcome.events) if event is not None]


def test_who_is_reinstated_before_the_close_counts_again() -> None:
    evm = Evm()
    vote = opened(evm)
    cast(evm, vote, {1: FOR, 2: AGAINST})
    for number in (2, 3):
        evm.send(members.suspend(number), STEWARD)
    # What it had said itself stands again; who had said nothing has a voice again. In the same transaction.
    assert told(evm.send(members.reinstate(2), STEWARD)) == [VoterRestored(vote.number, 2, 1, 0, AGAINST)]
    assert told(evm.send(members.reinstate(3), STEWARD)) == [VoterRestored(vote.number, 3, 1, 0, 0)]
    tally = evm.ask(governance.tally_of(vote.number, 8))
    assert (tally.total, tally.in_favour, tally.against) == (6, 1, 1)
    cast(evm, vote, {2: FOR, 3: FOR})
    assert evm.ask(governance.tally_of(vote.number, 8)).in_favour == 3
    assert evm.send(governance.reconcile(2), STRANGER).events == (), "nobody comes back twice"


def test_officers_take_no_vote_away_for_longer_than_their_suspension() -> None:
    evm = Evm()
    vote = propose(evm, window=9 * 86_400)
    evm.next_block(5)
    cast(evm, vote, {5: FOR})
    for officer in (2, 3):
        evm.send(admissions.suspend(5, b"\1" * 32), member(officer))
        evm.send(admissions.suspend(6, b"\2" * 32), member(officer))
    assert evm.ask(governance.tally_of(vote.number, 8)).total == 4
    evm.next_block(7 * 86_400 + 1)
    # The end of a suspension is no transaction: the numbers change when somebody says so, and voting says so.
    assert evm.ask(governance.tally_of(vote.number, 8)).total == 4
    assert told(evm.send(governance.reconcile(5), STRANGER)) == [VoterRestored(vote.number, 5, 1, 0, FOR)]
    said = told(evm.send(governance.cast(vote.number, AGAINST, REASON), member(6)))
    assert said == [
        VoterRestored(vote.number, 6, 1, 0, 0),
        PositionTaken(vote.number, 6, AGAINST, 0, 1, 0, REASON),
    ]
    tally = evm.ask(governance.tally_of(vote.number, 8))
    assert (tally.total, tally.in_favour, tally.against) == (6, 1, 1)


def test_nobody_comes_back_after_the_close() -> None:
    evm = Evm()
    vote = opened(evm)
    cast(evm, vote, {1: FOR, 2: AGAINST})
    evm.send(members.suspend(2), STEWARD)
    evm.next_block(60)
    before = evm.ask(governance.tally_of(vote.number, 8))
    assert told(evm.send(members.reinstate(2), STEWARD)) == []
    assert told(evm.send(governance.reconcile(2), STRANGER)) == []
    assert evm.ask(governance.tally_of(vote.number, 8)) == before


def test_what_a_proxy_cast_does_not_come_back_and_the_proxy_can_be_used_again() -> None:
    evm = Evm()
    vote = opened(evm)
    evm.send(governance.give_proxy(vote.number, 2), OWNER)
    evm.send(governance.cast_for(vote.number, 1, FOR, REASON), member(2))
    evm.send(members.suspend(1), STEWARD)
    assert told(evm.send(members.reinstate(1), STEWARD)) == [VoterRestored(vote.number, 1, 1, 0, 0)]
    assert evm.ask(governance.tally_of(vote.number, 8)).in_favour == 0
    evm.send(governance.cast_for(vote.number, 1, FOR, REASON), member(2))
    assert evm.ask(governance.proxies_used(vote.number, 2)) == 1
    assert evm.ask(governance.tally_of(vote.number, 8)).in_favour == 1


# What calls would meet.


def rehearsed(evm: Evm, kind: int, calls: tuple[Any, ...], sender: Address = STRANGER) -> tuple[int, int, bytes]:
    """What a rehearsal says; that it changes nothing is checked each time."""
    evm.state.persist()
    before = evm.state.state_root
    with pytest.raises(Refused) as caught:
        evm.send(governance.rehearse(kind, calls), sender)
    evm.state.persist()
    assert evm.state.state_root == before
    made, gas, reason = decode(("uint256", "uint256", "bytes"), caught.value.data)
    return made, gas, reason


def test_a_rehearsal_says_what_an_execution_would_meet_and_leaves_nothing() -> None:
    evm = seated()
    suspend, again = members.suspend(6), members.reinstate(5)
    calls = ((suspend.to, suspend.data), (again.to, again.data), (suspend.to, suspend.data))
    made, gas, reason = rehearsed(evm, ORDINARY, calls)
    assert (made, decode_revert(reason).reason) == (1, "members: not suspended")
    assert gas > 50_000
    assert rehearsed(evm, ORDINARY, calls[:1])[::2] == (1, b"")
    assert rehearsed(evm, ORDINARY, ())[::2] == (0, b"")
    assert rehearsed(evm, ORDINARY, ((STRANGER, b"\1\2\3\4"),))[::2] == (0, b"")
    assert evm.ask(members.is_active(6))


def test_a_rehearsal_knows_its_kind_and_only_the_three() -> None:
    evm = Evm()
    change = governance.set_statutes(SANDBOX_STATUTES.as_argument())
    calls = ((change.to, change.data),)
    made, _, reason = rehearsed(evm, ORDINARY, calls)
    assert (made, decode_revert(reason).reason) == (0, "governance: not constitutional")
    assert rehearsed(evm, CONSTITUTIONAL, calls)[::2] == (1, b"")
    assert evm.ask(governance.statutes_version()) == 1
    for kind in (0, 4):
        with refused("governance: unknown kind"):
            evm.send(governance.rehearse(kind, calls), STRANGER)


def test_no_rehearsal_in_an_execution_and_none_in_another() -> None:
    evm = Evm()
    inner = governance.rehearse(ORDINARY, ())
    (failed,) = execute(evm, passed(evm, inner, kind=CONSTITUTIONAL))
    assert isinstance(failed, ExecutionFailed)
    made, _, _ = rehearsed(evm, ORDINARY, ((inner.to, inner.data),))
    assert made == 0


def test_being_struck_is_told_and_needs_a_reason() -> None:
    evm = Evm()
    vote = opened(evm)
    cast(evm, vote, {2: FOR})
    assert evm.send(governance.reconcile(2), STRANGER).events == (), "an active member is not struck by anybody"
    seen = [decode_event(event) for event in evm.send(members.exclude(2), STEWARD).events]
    assert [event for event in seen if event is not None] == [VoterStruck(vote.number, 2, 1, 0)]
    assert evm.send(governance.reconcile(2), STRANGER).events == ()
    assert evm.send(governance.reconcile(99), STRANGER).events == ()


def test_what_closed_is_final() -> None:
    evm = Evm()
    vote = opened(evm, FLAG)
    cast(evm, vote, {1: FOR, 2: FOR, 3: AGAINST})
    evm.next_block(60)
    before = evm.ask(governance.tally_of(vote.number, 8))
    for number in (1, 2):
        evm.send(members.suspend(number), STEWARD)
    assert evm.ask(governance.tally_of(vote.number, 8)) == before
    assert state(evm, vote) == WAITING


def test_weights_and_colleges_are_those_of_the_snapshot() -> None:
    evm = Evm()
    vote = propose(evm)
    evm.send(members.classify(1, 0, 7, 3, b"FR"), STEWARD)
    evm.next_block(5)
    cast(evm, vote, {1: FOR})
    assert evm.ask(governance.tally_of(vote.number, 0)).in_favour == 1
    assert evm.ask(governance.tally_of(vote.number, 3)).total == 0
    later = propose(evm)
    assert evm.ask(governance.tally_of(later.number, 3)).total == 1


# 3.2: positions and proxies.


def test_one_position_for_an_organisation_the_last_one_counts(evm: Evm) -> None:
    vote = opened(evm)
    for position in (FOR, FOR, AGAINST, ABSTAIN, OBJECT, FOR):
        seen = evm.send(governance.cast(vote.number, position, REASON), OWNER)
        assert [decode_event(event) for event in seen.events] == [
            PositionTaken(vote.number, 1, position, 0, 1, 0, REASON)
        ]
        tally = evm.ask(governance.tally_of(vote.number, 8))
        counted = (tally.in_favour, tally.against, tally.abstaining, tally.objecting)
        assert counted == tuple(int(position == each) for each in range(1, 5))
        assert tally.total == 6
    evm.send(members.add_account(KEY.address, 2, bytes(32), consent(evm, KEY, 1)), OWNER)
    evm.send(governance.cast(vote.number, AGAINST, REASON), KEY.address)
    assert evm.ask(governance.tally_of(vote.number, 8)).in_favour == 0, "two delegates, one vote"


def test_what_is_no_position_is_refused(evm: Evm) -> None:
    vote = opened(evm)
    for position in (0, 5, 2**256 - 1):
        with refused("governance: unknown position"):
            evm.send(governance.cast(vote.number, position, REASON), OWNER)
    with refused("governance: an objection needs a reason"):
        evm.send(governance.cast(vote.number, OBJECT, bytes(32)), OWNER)


def test_positions_are_taken_while_the_vote_is_open(evm: Evm) -> None:
    vote = propose(evm)
    with refused("governance: vote is not open"):
        evm.send(governance.cast(vote.number, FOR, REASON), OWNER)
    evm.next_block(64)
    evm.send(governance.cast(vote.number, FOR, REASON), OWNER)
    evm.next_block(1)
    for number in (vote.number, 99):
        with refused("governance: vote is not open"):
            evm.send(governance.cast(number, AGAINST, REASON), OWNER)


def test_a_proxy_for_one_vote(evm: Evm) -> None:
    vote = opened(evm)
    given = evm.send(governance.give_proxy(vote.number, 2), OWNER)
    closes = evm.ask(governance.proposal_of(vote.number)).closes
    assert [decode_event(event) for event in given.events] == [ProxyGiven(1, 2, vote.number, closes)]
    assert evm.ask(governance.holder_of(vote.number, 1)) == 2
    seen = evm.send(governance.cast_for(vote.number, 1, AGAINST, REASON), member(2))
    assert [decode_event(event) for event in seen.events] == [PositionTaken(vote.number, 1, AGAINST, 2, 1, 0, REASON)]
    assert evm.ask(governance.proxies_used(vote.number, 2)) == 1
    revoked = evm.send(governance.revoke_proxy(vote.number), OWNER)
    assert [decode_event(event) for event in revoked.events] == [
        PositionWithdrawn(vote.number, 1),
        ProxyRevoked(1, 2, vote.number),
    ]
    assert evm.ask(governance.tally_of(vote.number, 8)).against == 0
    assert evm.ask(governance.proxies_used(vote.number, 2)) == 0
    with refused("governance: proxy was not given to you"):
        evm.send(governance.cast_for(vote.number, 1, AGAINST, REASON), member(2))
    with refused("governance: no proxy to revoke"):
        evm.send(governance.revoke_proxy(vote.number), OWNER)


def test_a_direct_vote_beats_a_proxy(evm: Evm) -> None:
    vote = opened(evm)
    evm.send(governance.give_proxy(vote.number, 2), OWNER)
    evm.send(governance.cast_for(vote.number, 1, AGAINST, REASON), member(2))
    evm.send(governance.cast(vote.number, FOR, REASON), OWNER)
    tally = evm.ask(governance.tally_of(vote.number, 8))
    assert (tally.in_favour, tally.against) == (1, 0)
    with refused("governance: a direct vote beats a proxy"):
        evm.send(governance.cast_for(vote.number, 1, AGAINST, REASON), member(2))
    evm.send(governance.revoke_proxy(vote.number), OWNER)
    assert evm.ask(governance.tally_of(vote.number, 8)).in_favour == 1, "its own position stays"


def test_a_standing_proxy(evm: Evm) -> None:
    first, second = opened(evm), propose(evm, opens=1)
    until = evm.time + 30
    given = evm.send(governance.give_standing_proxy(2, until), OWNER)
    assert [decode_event(event) for event in given.events] == [ProxyGiven(1, 2, 0, until)]
    evm.next_block(1)
    for vote in (first, second):
        evm.send(governance.cast_for(vote.number, 1, FOR, REASON), member(2))
    evm.send(governance.give_proxy(second.number, 3), OWNER)
    assert evm.ask(governance.holder_of(second.number, 1)) == 3, "the proxy for one vote goes before"
    revoked = evm.send(governance.revoke_standing_proxy(), OWNER)
    assert [type(decode_event(event)) for event in revoked.events] == [PositionWithdrawn, ProxyRevoked]
    with refused("governance: no proxy to revoke"):
        evm.send(governance.revoke_standing_proxy(), OWNER)


def test_a_standing_proxy_ends_and_what_was_cast_stays(evm: Evm) -> None:
    vote = opened(evm)
    evm.send(governance.give_standing_proxy(2, evm.time + 5), OWNER)
    evm.send(governance.cast_for(vote.number, 1, FOR, REASON), member(2))
    evm.next_block(5)
    with refused("governance: proxy was not given to you"):
        evm.send(governance.cast_for(vote.number, 1, AGAINST, REASON), member(2))
    assert evm.ask(governance.tally_of(vote.number, 8)).in_favour == 1
    with refused("governance: period is over"):
        evm.send(governance.give_standing_proxy(2, evm.time), OWNER)


def test_proxies_are_limited_for_a_holder(evm: Evm) -> None:
    vote = opened(evm)
    for number in (1, 3, 4):
        evm.send(governance.give_standing_proxy(2, evm.time + 50), member(number))
    with refused("governance: too many proxies"):
        evm.send(governance.give_standing_proxy(2, evm.time + 50), member(5))
    with refused("governance: too many proxies"):
        evm.send(governance.give_proxy(vote.number, 2), member(5))
    evm.send(governance.revoke_standing_proxy(), member(4))
    evm.send(governance.give_proxy(vote.number, 2), member(5))
    evm.send(governance.give_standing_proxy(2, evm.time + 50), member(6))
    for number in (1, 3, 5):
        evm.send(governance.cast_for(vote.number, number, FOR, REASON), member(2))
    with refused("governance: too many proxies"):
        evm.send(governance.cast_for(vote.number, 6, FOR, REASON), member(2))
    evm.send(governance.cast_for(vote.number, 1, AGAINST, REASON), member(2))


def test_what_is_no_proxy(evm: Evm) -> None:
    vote, emergency = opened(evm), opened(evm, kind=EMERGENCY)
    with refused("governance: holder is the giver"):
        evm.send(governance.give_proxy(vote.number, 1), OWNER)
    with refused("governance: holder is not active"):
        evm.send(governance.give_proxy(vote.number, 99), OWNER)
    with refused("governance: vote is not open"):
        evm.send(governance.give_proxy(99, 2), OWNER)
    with refused("governance: no proxies in an emergency"):
        evm.send(governance.give_proxy(emergency.number, 2), OWNER)
    evm.send(governance.give_standing_proxy(2, evm.time + 50), OWNER)
    with refused("governance: no proxies in an emergency"):
        evm.send(governance.cast_for(emergency.number, 1, FOR, REASON), member(2))
    with refused("governance: proxy was not given to you"):
        evm.send(governance.cast_for(vote.number, 1, FOR, REASON), member(3))


def test_a_proxy_of_who_is_struck_is_worth_nothing() -> None:
    evm = Evm()
    vote = opened(evm)
    evm.send(governance.give_proxy(vote.number, 2), OWNER)
    evm.send(governance.cast_for(vote.number, 1, FOR, REASON), member(2))
    evm.send(members.suspend(1), STEWARD)
    assert evm.ask(governance.proxies_used(vote.number, 2)) == 0
    with refused("governance: giver is not active"):
        evm.send(governance.cast_for(vote.number, 1, FOR, REASON), member(2))
    evm.send(governance.give_proxy(vote.number, 4), member(3))
    evm.send(members.suspend(4), STEWARD)
    with refused("governance: caller is not a vote delegate of an active member"):
        evm.send(governance.cast_for(vote.number, 3, FOR, REASON), member(4))
    evm.send(members.reinstate(4), STEWARD)
    evm.send(governance.cast_for(vote.number, 3, FOR, REASON), member(4))
    assert evm.ask(governance.tally_of(vote.number, 8)).total == 5


def test_a_holder_without_a_voice_of_its_own_takes_nobody_s(evm: Evm) -> None:
    evm.send(members.suspend(2), GOVERNANCE)
    vote = propose(evm)
    evm.send(members.reinstate(2), GOVERNANCE)
    evm.next_block(5)
    evm.send(governance.give_proxy(vote.number, 2), member(3))
    with refused("governance: holder has no vote here"):
        evm.send(governance.cast_for(vote.number, 3, FOR, REASON), member(2))


# 3.3: quorum and majorities; constitutional matters.


@pytest.mark.parametrize(
    ("kind", "positions", "expected"),
    [
        (ORDINARY, {1: FOR}, REFUSED),  # a quarter of six is two
        (ORDINARY, {1: FOR, 2: ABSTAIN}, WAITING),
        (ORDINARY, {1: FOR, 2: AGAINST}, REFUSED),  # a tie
        (ORDINARY, {1: FOR, 2: OBJECT}, REFUSED),  # objecting counts as against
        (ORDINARY, {1: FOR, 2: FOR, 3: AGAINST}, WAITING),
        (ORDINARY, {1: ABSTAIN, 2: ABSTAIN}, REFUSED),  # nobody for
        (ORDINARY, {}, REFUSED),
        (CONSTITUTIONAL, {1: FOR, 2: FOR}, REFUSED),  # half of six is three
        (CONSTITUTIONAL, {1: FOR, 2: FOR, 3: AGAINST}, WAITING),  # exactly two thirds
        (CONSTITUTIONAL, {1: FOR, 2: FOR, 3: FOR, 4: AGAINST, 5: AGAINST}, REFUSED),
        (EMERGENCY, {1: FOR, 2: FOR}, REFUSED),
        (EMERGENCY, {1: FOR, 2: FOR, 3: AGAINST}, EXECUTABLE),  # it does not wait
    ],
)
def test_quorum_and_majority(evm: Evm, kind: int, positions: dict[int, int], expected: int) -> None:
    vote = opened(evm, kind=kind)
    cast(evm, vote, positions)
    evm.next_block(60)
    assert state(evm, vote) == expected
    whole = lacking(evm, vote)
    assert (whole.quorum + whole.majority == 0) == (expected != REFUSED)


def amended(evm: Evm, statutes: Statutes) -> None:
    vote = passed(evm, governance.set_statutes(statutes.as_argument()), kind=CONSTITUTIONAL)
    assert isinstance(execute(evm, vote)[0], StatutesChanged)


def test_the_majority_in_each_college() -> None:
    evm = Evm()
    for number in (4, 5):
        evm.send(members.classify(number, 0, 0, 1, b"FR"), STEWARD)
    evm.send(members.classify(6, 0, 0, 2, b"FR"), STEWARD)
    evm.send(directory.offer_governance(GOVERNANCE), STEWARD)
    evm.send(governance.take_seat(), STRANGER)
    amended(evm, replace(SANDBOX_STATUTES, by_college=True))
    vote = opened(evm)
    cast(evm, vote, {1: FOR, 2: FOR, 3: FOR, 4: FOR, 5: AGAINST})
    assert evm.ask(governance.missing(vote.number)) == (
        Lacking(8, 0, 0, 1),
        Lacking(0, 0, 0, 0),
        Lacking(1, 0, 1, 0),
        Lacking(2, 1, 1, 1),
    )
    cast(evm, vote, {5: ABSTAIN, 6: FOR})
    evm.next_block(60)
    assert state(evm, vote) == WAITING


def test_a_vote_is_judged_by_the_statutes_it_was_made_under(evm: Evm) -> None:
    strict = replace(SANDBOX_STATUTES, ordinary=Terms(10_000, 9, 10, 60, 10), weights=(5, *(1,) * 7))
    change = opened(evm, governance.set_statutes(strict.as_argument()), kind=CONSTITUTIONAL)
    cast(evm, change, dict.fromkeys(range(1, 7), FOR))
    evm.next_block(60)
    before = propose(evm, window=100)
    evm.next_block(20)
    execute(evm, change)
    after = propose(evm)
    assert evm.ask(governance.statutes_version()) == 2
    assert evm.ask(governance.statutes_of(1)).by_college is False
    assert [evm.ask(governance.proposal_of(vote.number)).statutes for vote in (before, after)] == [1, 2]
    assert [lacking(evm, vote).quorum for vote in (before, after)] == [2, 30]
    evm.next_block(5)
    cast(evm, before, {1: FOR, 2: FOR})
    assert lacking(evm, before) == Lacking(8, 0, 0, 4)


@pytest.mark.parametrize("kind", [ORDINARY, EMERGENCY])
def test_what_is_constitutional_needs_a_constitutional_vote(evm: Evm, kind: int) -> None:
    matters = [
        governance.set_statutes(SANDBOX_STATUTES.as_argument()),
        governance.take_seat(),
        directory.offer_governance(STRANGER),
        network.set_minimum(5),
        *(directory.point(name_word(name), ANCHORS) for name in ("Governance", "Members", "Directory", "Network")),
    ]
    for call in matters:
        with refused("governance: a constitutional matter"):
            propose(evm, call, kind=kind)
        with refused("governance: a constitutional matter"):
            propose(evm, FLAG, call, kind=kind)
    for number, call in enumerate((directory.point(name_word("Anchors"), ANCHORS), network.set_limit(1, 2))):
        propose(evm, call, kind=kind, by=1 + number)


def test_a_constitutional_vote_does_what_is_constitutional(evm: Evm) -> None:
    vote = passed(evm, network.set_minimum(5), directory.offer_governance(STRANGER), kind=CONSTITUTIONAL)
    execute(evm, vote)
    assert evm.ask(network.minimum()) == 5
    evm.send(directory.accept_governance(), STRANGER)
    assert evm.ask(directory.governance()) == STRANGER


def test_the_target_asks_too(evm: Evm) -> None:
    """What an ordinary vote slips past the look at its calls, the target refuses: here a Network listed later."""
    evm = Evm()
    other = evm.deploy(constructor("network", ("address",), (DIRECTORY,)), STEWARD, account(88))
    vote = propose(evm, Network(other).set_minimum(7))
    evm.send(directory.point(name_word("Network"), other), STEWARD)
    evm.send(directory.offer_governance(GOVERNANCE), STEWARD)
    evm.send(governance.take_seat(), STRANGER)
    evm.next_block(5)
    cast(evm, vote, {1: FOR, 2: FOR})
    evm.next_block(75)
    failed = execute(evm, vote)[-1]
    assert isinstance(failed, ExecutionFailed)
    assert b"network: not constitutional" in failed.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ordinary": Terms(10_001, 1, 2, 60, 10)}, "governance: quorum over everybody"),
        ({"ordinary": Terms(0, 2, 2, 60, 10)}, "governance: majority over everybody"),
        ({"ordinary": Terms(0, 51, 101, 60, 10)}, "governance: majority over everybody"),
        ({"ordinary": Terms(0, 49, 100, 60, 10)}, "governance: majority under half"),
        ({"ordinary": Terms(0, 1, 2, 0, 10)}, "governance: window out of bounds"),
        ({"ordinary": Terms(0, 1, 2, 60 * 86_400 + 1, 10)}, "governance: window out of bounds"),
        ({"emergency": Terms(0, 1, 2, 60, 60 * 86_400 + 1)}, "governance: lock out of bounds"),
        ({"constitutional": Terms(0, 1, 2, 60, 10)}, "governance: constitutional lock must be longer"),
        ({"notice": 60 * 86_400 + 1}, "governance: notice out of bounds"),
        ({"expiry": 59}, "governance: expiry out of bounds"),
        ({"proxies": 17}, "governance: too many proxies"),
        ({"weights": (0, *(1,) * 7)}, "governance: weight out of bounds"),
        ({"weights": (1_001, *(1,) * 7)}, "governance: weight out of bounds"),
    ],
)
def test_statutes_under_which_nothing_could_be_decided_are_refused(
    evm: Evm, changes: dict[str, Any], reason: str
) -> None:
    statutes = replace(SANDBOX_STATUTES, **changes).as_argument()
    with refused(reason):
        evm.deploy(constructor("governance", ("address", _STATUTES), (DIRECTORY, statutes)), STEWARD, account(89))


def test_only_a_vote_changes_the_statutes(evm: Evm) -> None:
    for caller in (STEWARD, OWNER, STRANGER):
        with refused("governance: only a vote"):
            evm.send(governance.set_statutes(SANDBOX_STATUTES.as_argument()), caller)


# 3.4: the time lock; all or nothing; a failure leaves its reason.


def test_nothing_is_done_early_late_or_unpassed(evm: Evm) -> None:
    vote = opened(evm, FLAG)
    steps = [(0, OPEN), (59, OPEN), (1, WAITING), (9, WAITING), (1, EXECUTABLE), (SANDBOX_STATUTES.expiry, EXPIRED)]
    cast(evm, vote, dict.fromkeys(range(1, 7), FOR))
    for seconds, expected in steps:
        if seconds:
            evm.next_block(seconds)
        assert state(evm, vote) == expected
        if expected != EXECUTABLE:
            with refused("governance: not executable"):
                execute(evm, vote)
    refused_vote = opened(evm, FLAG)
    cast(evm, refused_vote, {1: AGAINST, 2: AGAINST})
    evm.next_block(70)
    with refused("governance: not executable"):
        execute(evm, refused_vote)
    with refused("governance: not executable"):
        execute(evm, Vote(99, ()))


def test_a_constitutional_lock_is_longer(evm: Evm) -> None:
    vote = opened(evm, kind=CONSTITUTIONAL)
    cast(evm, vote, dict.fromkeys(range(1, 7), FOR))
    evm.next_block(60 + 19)
    assert state(evm, vote) == WAITING
    evm.next_block(1)
    assert state(evm, vote) == EXECUTABLE


def test_other_calls_are_not_done(evm: Evm) -> None:
    vote = passed(evm, FLAG)
    for calls in ((), (*vote.calls, *vote.calls), ((FLAG.to, FLAG.data + b"\0"),)):
        with refused("governance: other calls"):
            execute(evm, Vote(vote.number, calls))


def test_all_calls_or_none(evm: Evm) -> None:
    failing = anchors.set_verifier(NOBODY, True)
    vote = passed(evm, FLAG, failing)
    for _ in range(2):
        seen = execute(evm, vote)
        assert len(seen) == 1, "the event of the call that succeeded is undone too"
        assert isinstance(seen[0], ExecutionFailed)
        assert b"anchors: verifier is nobody" in seen[0].reason
        assert seen[0].reason == evm.ask(governance.failure_of(vote.number))
        assert not evm.ask(anchors.is_verifier(VERIFIER))
        assert state(evm, vote) == EXECUTABLE
    evm.next_block(SANDBOX_STATUTES.expiry)
    assert state(evm, vote) == EXPIRED


def test_what_failed_can_be_done_when_its_reason_is_gone(evm: Evm) -> None:
    """A proposal that no longer applies says why; when it applies again it is done."""
    vote = passed(evm, members.reinstate(2))
    assert b"members: not suspended" in execute(evm, vote)[0].reason
    other = passed(evm, members.suspend(2), by=3)
    execute(evm, other)
    execute(evm, vote)
    assert state(evm, vote) == EXECUTED


def test_too_little_gas_changes_nothing(evm: Evm) -> None:
    vote = passed(evm, members.suspend(2))
    outcome = evm.send(governance.execute(vote.number, vote.calls), STRANGER, gas=2_000_000)
    assert outcome.answer is False
    assert state(evm, vote) == EXECUTABLE
    execute(evm, vote)
    assert not evm.ask(members.is_active(2))


# 3.5: at most once; nothing comes back in.


def test_what_was_done_is_not_done_again(evm: Evm) -> None:
    vote = passed(evm, FLAG)
    execute(evm, vote)
    evm.next_block()
    for caller in (STRANGER, OWNER):
        with refused("governance: not executable"):
            execute(evm, vote, caller)


def test_a_call_cannot_come_back_in(evm: Evm) -> None:
    inner = passed(evm, FLAG)
    again = governance.execute(inner.number, inner.calls)
    perform = governance.perform(inner.number, inner.calls)
    for number, call in enumerate((again, perform)):
        vote = passed(evm, call, kind=CONSTITUTIONAL, by=2 + number)
        assert isinstance(execute(evm, vote)[0], ExecutionFailed)
    # Through somebody else's code: a contract that calls what stands behind its code, and does not mind a refusal.
    hostile = account(90)
    data = again.data
    code = b"\x61" + len(data).to_bytes(2, "big") + bytes.fromhex("60305f3960205f61") + len(data).to_bytes(2, "big")
    code += bytes.fromhex("5f5f73") + GOVERNANCE + bytes.fromhex("5af15000")
    evm.state.set_code(hostile, code.ljust(0x30, b"\0") + data)
    vote = passed(evm, Call(hostile, b"\x00", bytes), by=4)
    assert execute(evm, vote) == [ProposalExecuted(vote.number, STRANGER)]
    assert state(evm, inner) == EXECUTABLE
    assert not evm.ask(anchors.is_verifier(VERIFIER))
    execute(evm, inner)


def test_nobody_performs_but_an_execution(evm: Evm) -> None:
    vote = passed(evm, FLAG)
    for caller in (STRANGER, OWNER, STEWARD):
        with refused("governance: only in an execution"):
            evm.send(governance.perform(vote.number, vote.calls), caller)
    assert evm.ask(governance.executing_kind()) == 0


def test_the_seat_is_taken_when_it_is_offered() -> None:
    evm = Evm()
    with refused("directory: seat was not offered to you"):
        evm.send(governance.take_seat(), STRANGER)
    assert evm.ask(directory.governance()) == STEWARD
    vote = passed(evm, FLAG)
    assert b"anchors: caller is not governance" in execute(evm, vote)[0].reason, (
        "before it has the seat it has no power"
    )
    assert evm.ask(governance.interface_id()) == name_word("Governance")
    assert evm.ask(governance.directory()) == DIRECTORY


def test_there_is_no_governance_without_a_directory(evm: Evm) -> None:
    code = constructor("governance", ("address", _STATUTES), (NOBODY, SANDBOX_STATUTES.as_argument()))
    with refused("governance: directory is nowhere"):
        evm.deploy(code, STEWARD, account(89))


def test_the_hash_of_calls_is_that_of_their_encoding(evm: Evm) -> None:
    from eth_abi.abi import encode

    vote = propose(evm, FLAG)
    listed = [("0x" + to.hex(), data) for to, data in vote.calls]
    assert evm.ask(governance.proposal_of(vote.number)).calls_hash == keccak256(encode(["(address,bytes)[]"], [listed]))


# 3.7: `missing` is true, whatever happens.

terms = st.builds(
    lambda quorum, fraction: Terms(quorum, *fraction, 60, 10),
    st.integers(0, 10_000),
    st.sampled_from([(1, 2), (2, 3), (3, 4), (51, 100), (99, 100)]),
)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    terms,
    st.lists(st.integers(1, 5), min_size=8, max_size=8),
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4)), max_size=10),
    st.lists(st.integers(0, 7), min_size=6, max_size=6),
)
def test_what_is_missing_is_exactly_what_is_missing(
    ordinary: Terms, weights: list[int], acts: list[tuple[int, int]], tiers: list[int]
) -> None:
    """With exactly that weight added in favour the vote passes, with one less it does not."""
    evm = Evm()
    for number, tier in zip(FOUNDERS, tiers, strict=True):
        evm.send(members.classify(number, 0, tier, 0, b"FR"), STEWARD)
    at = account(91)
    statutes = replace(SANDBOX_STATUTES, ordinary=ordinary, weights=tuple(weights))
    evm.deploy(constructor("governance", ("address", _STATUTES), (DIRECTORY, statutes.as_argument())), STEWARD, at)
    evm.send(directory.point(name_word("Governance"), at), STEWARD)
    here = Governance(at)
    number = evm.send(here.propose(ORDINARY, TEXT, (), evm.time + 5, evm.time + 65), OWNER).answer
    evm.next_block(5)
    weight = {voter: weights[tier] for voter, tier in zip(FOUNDERS, tiers, strict=True)}
    position: dict[int, int] = {}
    for voter, act in acts:
        if voter not in weight:
            continue
        if act == 0 and len(weight) > 1:
            evm.send(members.suspend(voter), STEWARD)
            del weight[voter]
            position.pop(voter, None)
        elif act:
            evm.send(here.cast(number, act, REASON), member(voter))
            position[voter] = act

    def passes(added: int) -> bool:
        total = sum(weight.values())
        in_favour = sum(weight[voter] for voter, act in position.items() if act == FOR) + added
        against = sum(weight[voter] for voter, act in position.items() if act in (AGAINST, OBJECT))
        present = sum(weight[voter] for voter in position) + added
        majority = in_favour * ordinary.denominator >= ordinary.numerator * (in_favour + against) > 0
        return present * 10_000 >= ordinary.quorum * total and majority and in_favour > against

    (whole,) = evm.ask(here.missing(number))
    needed = max(whole.quorum, whole.majority)
    assert whole.undecided == sum(weight.values()) - sum(weight[voter] for voter in position)
    assert passes(needed)
    assert needed == 0 or not passes(needed - 1)
    evm.next_block(60)
    assert (evm.ask(here.state_of(number)) == WAITING) == (needed == 0)
