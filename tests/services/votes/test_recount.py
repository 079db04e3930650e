# SPDX-License-Identifier: Apache-2.0
"""The mirror of the law against the law itself: every vote counted from events, in whatever state chance reaches."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from assembly import FOUNDERS, GOVERN, REGISTER, Assembly, founding, member
from contract_evm import STEWARD, STRANGER, Refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maillon.ledger.contracts.governance import (
    PositionTaken,
    PositionWithdrawn,
    ProposalExecuted,
    Proposed,
    ProxyRevoked,
    StatutesChanged,
    VoterRestored,
    VoterStruck,
)
from maillon.ledger.contracts.members import Classified, StatusChanged
from maillon.services.votes.errors import Contradiction
from maillon.services.votes.model import Lacking, Position, State
from maillon.services.votes.recount import Dated, Recounted, recount
from maillon.services.votes.rules import add_up, missing, outlook

TEXT = b"\x17" * 32
REASON = b"\x29" * 32
numbers = st.sampled_from(FOUNDERS)
proposals = st.integers(1, 3)
steps = st.one_of(
    st.tuples(st.just("propose"), numbers, st.integers(1, 3), st.integers(0, 20)),
    st.tuples(st.just("cast"), proposals, numbers, st.integers(0, 5)),
    st.tuples(st.just("cast"), proposals, numbers, st.integers(1, 2)),
    st.tuples(st.just("cast_for"), proposals, numbers, numbers, st.integers(1, 4)),
    st.tuples(st.just("give"), proposals, numbers, numbers),
    st.tuples(st.just("stand"), numbers, numbers, st.integers(1, 90)),
    st.tuples(st.just("revoke"), st.integers(0, 3), numbers),
    st.tuples(st.just("suspend"), numbers),
    st.tuples(st.just("reinstate"), numbers),
    st.tuples(st.just("exclude"), numbers),
    st.tuples(st.just("classify"), numbers, st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.just("execute"), proposals),
    st.tuples(st.just("wait"), st.integers(1, 40)),
)


def do(assembly: Assembly, verb: str, *values: int) -> None:
    """One step; what the law refuses leaves everything as it was."""
    now = assembly.time
    if verb == "wait":
        assembly.next_block(values[0])
        return
    calls: dict[str, Any] = {
        "propose": lambda: (
            GOVERN.propose(values[1], TEXT, (), now + values[2], now + values[2] + 60),
            member(values[0]),
        ),
        "cast": lambda: (GOVERN.cast(values[0], values[2], REASON), member(values[1])),
        "cast_for": lambda: (GOVERN.cast_for(values[0], values[1], values[3], REASON), member(values[2])),
        "give": lambda: (GOVERN.give_proxy(values[0], values[2]), member(values[1])),
        "stand": lambda: (GOVERN.give_standing_proxy(values[1], now + values[2]), member(values[0])),
        "revoke": lambda: (
            GOVERN.revoke_proxy(values[0]) if values[0] else GOVERN.revoke_standing_proxy(),
            member(values[1]),
        ),
        "suspend": lambda: (REGISTER.suspend(values[0]), STEWARD),
        "reinstate": lambda: (REGISTER.reinstate(values[0]), STEWARD),
        "exclude": lambda: (REGISTER.exclude(values[0]), STEWARD),
        "classify": lambda: (REGISTER.classify(values[0], 0, values[1], values[2], b"FR"), STEWARD),
        "execute": lambda: (GOVERN.execute(values[0], ()), STRANGER),
    }
    with contextlib.suppress(Refused):
        assembly.send(*calls[verb]())


def as_ours(lacking: Any) -> Lacking:
    college = None if lacking.college == 8 else lacking.college
    return Lacking(college, lacking.quorum, lacking.majority, lacking.undecided)


def check_against_the_contract(assembly: Assembly, counted: Recounted) -> None:
    """Tallies, ballots, what is missing and the state: the same in both."""
    number = counted.proposal.number
    for college in (0, 1, 2, 7):
        asked = assembly.ask(GOVERN.tally_of(number, college))
        ours = counted.count.tallies.get(college)
        found = (0, 0, 0, 0, 0) if ours is None else tuple(getattr(ours, name) for name in ours.__slots__)
        assert found == tuple(getattr(asked, name) for name in asked.__slots__)
    for organisation, ballot in counted.count.ballots.items():
        asked = assembly.ask(GOVERN.ballot_of(number, organisation))
        assert (ballot.position or 0, ballot.holder, ballot.weight, ballot.college, ballot.struck) == tuple(
            getattr(asked, name) for name in asked.__slots__
        )
    terms = counted.statutes.terms_of(counted.proposal.kind)
    lacks = missing(counted.count.tallies, terms, by_college=counted.statutes.by_college)
    assert lacks == tuple(map(as_ours, assembly.ask(GOVERN.missing(number))))
    assert counted.state(assembly.time) == assembly.ask(GOVERN.state_of(number))


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["plain", "weighted"]), st.lists(steps, min_size=8, max_size=40))
def test_a_recount_is_what_the_contract_counts(name: str, todo: list[tuple[Any, ...]]) -> None:
    assembly = Assembly(name)
    do(assembly, "propose", 1, 1, 5)
    do(assembly, "wait", 6)
    for step in todo:
        do(assembly, *step)
        for counted in assembly.recount.votes().values():
            check_against_the_contract(assembly, counted)
    assert recount(founding(name), assembly.events) == assembly.recount.votes()


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["plain", "weighted"]),
    st.integers(1, 3),
    st.lists(steps.filter(lambda step: step[0] not in ("wait", "propose")), max_size=25),
)
def test_out_of_reach_is_what_the_contract_does_not_let_pass(name: str, kind: int, todo: list[tuple[Any, ...]]) -> None:
    """The outlook's one prophecy: whether everybody who has no position yet could make it pass alone."""
    assembly = Assembly(name)
    do(assembly, "propose", 1, kind, 5)
    do(assembly, "wait", 6)
    for step in todo:
        do(assembly, *step)
    before = assembly.recount.votes()[1]
    found = outlook(before.proposal, before.statutes, before.count.tallies, executed=before.executed, now=assembly.time)
    assert found.state is State.OPEN
    for number in FOUNDERS:
        ballot = before.count.ballots.get(number)
        if ballot is None or ballot.position is None:
            # Members suspended later than the snapshot cannot cast; they were struck, and count in neither number.
            with contextlib.suppress(Refused):
                assembly.send(GOVERN.cast(1, Position.FOR, bytes(32)), member(number))
    after = assembly.recount.votes()[1]
    assert add_up(after.count.tallies.values()).undecided == 0
    do(assembly, "wait", 60)
    passed = assembly.ask(GOVERN.state_of(1)) in (State.WAITING, State.EXECUTABLE)
    assert passed == (not found.out_of_reach)


# Each thing an altered export could say.


@pytest.fixture
def events() -> Iterator[list[Dated]]:
    """A vote in which organisation 2 gave organisation 3 its proxy, 4 was suspended, and it was executed."""
    assembly = Assembly()
    for step in (
        ("propose", 1, 1, 0),
        ("give", 1, 2, 3),
        ("cast", 1, 1, 1),
        ("cast_for", 1, 2, 3, 1),
        ("cast", 1, 3, 4),
        ("suspend", 4),
        ("wait", 71),
        ("execute", 1),
    ):
        do(assembly, *step)
    assert assembly.recount.votes()[1].executed
    return assembly.events


def altered(events: list[Dated], kind: type, **change: Any) -> list[Dated]:
    """The events with the first of a kind changed, or its time."""
    place = next(number for number, dated in enumerate(events) if isinstance(dated.event, kind))
    time = change.pop("time", events[place].time)
    return [*events[:place], Dated(replace(events[place].event, **change), time), *events[place + 1 :]]


def without(events: list[Dated], kind: type) -> list[Dated]:
    return [dated for dated in events if not isinstance(dated.event, kind)]


def test_an_honest_export_is_counted(events: list[Dated]) -> None:
    counted = recount(founding("plain"), events)[1]
    assert add_up(counted.count.tallies.values()).in_favour == 2
    assert counted.count.ballots[4].struck
    assert counted.count.ballots[2].holder == 3


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (Proposed, {"proposal": 2}, "proposal 2 follows"),
        (Proposed, {"statutes": 2}, "was not in force"),
        (Proposed, {"proposer": 99}, "was not an active member"),
        (PositionTaken, {"proposal": 9}, "no proposal 9"),
        (PositionTaken, {"organisation": 99}, "has no vote"),
        (PositionTaken, {"weight": 1000}, "its weight and college were 1 and 0"),
        (PositionTaken, {"college": 1}, "its weight and college were 1 and 0"),
        (PositionTaken, {"position": 9}, "is no position"),
        (PositionTaken, {"holder": 5}, "no proxy"),
        (PositionTaken, {"time": 0}, "was not open"),
        (PositionTaken, {"time": 2**40}, "was not open"),
        (VoterStruck, {"organisation": 5}, "could not be struck"),
        (ProposalExecuted, {"time": 0}, "could not be executed"),
        (ProposalExecuted, {"proposal": 4}, "no proposal 4"),
        (StatusChanged, {"former": 3}, "had status 2, not 3"),
        (StatusChanged, {"organisation": 99}, "never applied"),
    ],
)
def test_an_altered_export_contradicts_itself(
    events: list[Dated], kind: type, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(Contradiction, match=says):
        recount(founding("plain"), altered(events, kind, **change))


def test_a_vote_taken_away_is_seen_when_it_decided(events: list[Dated]) -> None:
    with pytest.raises(Contradiction, match="could not be executed"):
        recount(founding("plain"), without(events, PositionTaken))


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (StatutesChanged(7, ()), "version 7"),
        (PositionWithdrawn(1, 1), "nothing cast by proxy"),
        (ProxyRevoked(1, 2, 0), "had given organisation 2 no proxy"),
        (Classified(99, 0, 0, 0, b"FR"), "never applied"),
        (VoterStruck(1, 4, 1, 1), "could not be struck"),
        (VoterRestored(1, 4, 1, 1, 4), "could not come back"),
        (VoterRestored(1, 1, 1, 0, 1), "could not come back"),
    ],
)
def test_an_event_that_could_not_be_is_refused(events: list[Dated], event: Any, says: str) -> None:
    with pytest.raises(Contradiction, match=says):
        recount(founding("plain"), [*events, Dated(event, events[-1].time, "block 9, log 0")])


def test_who_comes_back_brings_what_it_had_and_nothing_else() -> None:
    assembly = Assembly()
    for step in (("propose", 1, 1, 5), ("wait", 6), ("cast", 1, 4, 4), ("suspend", 4)):
        do(assembly, *step)
    struck = assembly.recount.votes()[1].count
    assert (struck.ballots[4].counted, struck.ballots[4].position) == (None, Position.OBJECT)
    do(assembly, "reinstate", 4)
    again = assembly.recount.votes()[1].count
    assert again.ballots[4].counted is Position.OBJECT
    assert add_up(again.tallies.values()).total == add_up(struck.tallies.values()).total + 1
    for change in ({"weight": 2}, {"college": 7}, {"position": 1}):
        with pytest.raises(Contradiction, match="with what it had"):
            recount(founding("plain"), altered(assembly.events, VoterRestored, **change))
    with pytest.raises(Contradiction, match="could not come back"):
        recount(founding("plain"), altered(assembly.events, VoterRestored, time=2**40))


def test_a_direct_vote_beats_a_proxy_in_the_recount_too() -> None:
    assembly = Assembly()
    for step in (("propose", 1, 1, 0), ("give", 1, 2, 3), ("cast_for", 1, 2, 3, 1), ("cast", 1, 2, 2)):
        do(assembly, *step)
    first = next(dated for dated in assembly.events if isinstance(dated.event, PositionTaken))
    with pytest.raises(Contradiction, match="which no proxy replaces"):
        recount(founding("plain"), [*assembly.events, first])


def test_more_proxies_than_the_statutes_allow_are_seen() -> None:
    assembly = Assembly()
    for step in (
        ("propose", 1, 1, 0),
        ("give", 1, 2, 3),
        ("give", 1, 4, 3),
        ("cast_for", 1, 2, 3, 1),
        ("cast_for", 1, 4, 3, 1),
    ):
        do(assembly, *step)
    strict = replace(founding("plain"), statutes=replace(founding("plain").statutes, proxies=1))
    assert recount(founding("plain"), assembly.events)
    with pytest.raises(Contradiction, match="all the proxies"):
        recount(strict, assembly.events)
