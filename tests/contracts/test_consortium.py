# SPDX-License-Identifier: Apache-2.0
"""The consortium attacked together: hypothesis plays every member, a model in Python says what the law allows.

Double votes, votes of the departed, early, late and repeated executions, calls that fail, proxies after the close, the
last member leaving: exactly what the law allows succeeds, and every number that people and validators read is the
model's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from contract_evm import FOUNDERS, STEWARD, STRANGER, VALIDATORS, Evm, Refused, account, member
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from maillon.ledger.abi import Call
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.anchors import Anchors
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.governance import ExecutionFailed, Governance, ProposalExecuted, decode_event
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network
from maillon.ledger.founding import SANDBOX_STATUTES, Terms
from maillon.ledger.genesis import ADMISSIONS, ANCHORS, CREDITS, GOVERNANCE, MEMBERS, NETWORK
from maillon.ledger.port import Address

admissions, governance, members = Admissions(ADMISSIONS), Governance(GOVERNANCE), Members(MEMBERS)
network, quota = Network(NETWORK), Credits(CREDITS)
COUNTER = account(95)
"""Counts how often it was called: what is executed twice shows."""
REASON = b"\x0b" * 32
APPLIED, ACTIVE, SUSPENDED, DEPARTED, EXCLUDED = 1, 2, 3, 4, 6
FAILING = Anchors(ANCHORS).set_verifier(STRANGER, True)
"""Governance does not hold the seat here, so this call is refused whenever it is executed."""
AGENDAS: tuple[tuple[tuple[Address, bytes], ...], ...] = (
    (),
    ((COUNTER, b""),),
    ((COUNTER, b""), (COUNTER, b"\x01")),
    ((COUNTER, b""), (FAILING.to, FAILING.data)),
)
TERMS = dict(
    enumerate((SANDBOX_STATUTES.ordinary, SANDBOX_STATUTES.constitutional, SANDBOX_STATUTES.emergency), start=1)
)
organisations = st.sampled_from(list(FOUNDERS))


@dataclass
class Poll:
    """A proposal, as the law sees it."""

    kind: int
    proposer: int
    agenda: int
    opens: int
    closes: int
    voters: set[int]
    positions: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Organisation → position, and who cast it as a proxy or 0."""
    struck: dict[int, int] = field(default_factory=dict)
    """Who stopped being active and has not come back → what it had said itself, or 0."""
    executed: bool = False

    @property
    def terms(self) -> Terms:
        return TERMS[self.kind]

    def count(self, *positions: int) -> int:
        return sum(position in positions for position, _ in self.positions.values())

    def passes(self) -> bool:
        in_favour, against = self.count(1), self.count(2, 4)
        quorum = len(self.positions) * 10_000 >= self.terms.quorum * len(self.voters)
        enough = in_favour * self.terms.denominator >= self.terms.numerator * (in_favour + against)
        return quorum and enough and in_favour > against

    def state(self, now: int) -> int:
        if self.executed:
            return 6
        if now < self.closes:
            return 1 if now < self.opens else 2
        if not self.passes():
            return 3
        if now < self.closes + self.terms.lock:
            return 4
        return 5 if now < self.closes + self.terms.lock + SANDBOX_STATUTES.expiry else 7


class Attack(RuleBasedStateMachine):
    """The model holds statuses, positions and proxies as the law states them; the contracts must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.evm = Evm()
        self.evm.state.set_code(COUNTER, bytes.fromhex("5f546001015f5500"))
        self.status = dict.fromkeys(FOUNDERS, ACTIVE)
        self.until = dict.fromkeys(FOUNDERS, 0)
        self.rested = dict.fromkeys(FOUNDERS, 0)
        self.polls: list[Poll] = []
        self.proxies: dict[tuple[int, int], int] = {}
        self.counted = 0
        self.cases = 0

    def active(self) -> set[int]:
        return {number for number in FOUNDERS if self.status[number] == ACTIVE and self.until[number] <= self.evm.time}

    def attempt(self, call: Call[Any], caller: Address, lawful: bool) -> tuple[Any, ...] | None:
        """Exactly what the law allows succeeds; a refusal says which contract refused."""
        if lawful:
            return self.evm.send(call, caller).events
        with pytest.raises(Refused, match=r"^(governance|members|admissions): "):
            self.evm.send(call, caller)
        return None

    def lost(self, number: int) -> None:
        """Who stops being active is in neither number of what has not closed."""
        for poll in self.polls:
            if self.evm.time < poll.closes and number in poll.voters:
                poll.voters.remove(number)
                position, holder = poll.positions.pop(number, (0, 0))
                poll.struck[number] = 0 if holder else position

    def back(self, poll: Poll, number: int) -> None:
        """Who is active again before the close is in both numbers again, once somebody says so."""
        if self.evm.time < poll.closes and number in poll.struck:
            poll.voters.add(number)
            if position := poll.struck.pop(number):
                poll.positions[number] = (position, 0)

    @rule(seconds=st.sampled_from([1, 5, 30, 61, 8 * 86_400, 31 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.evm.next_block(seconds)

    @rule(by=organisations, kind=st.sampled_from([1, 1, 2, 3]), agenda=st.integers(0, 3))
    def propose(self, by: int, kind: int, agenda: int) -> None:
        now = self.evm.time
        window = TERMS[kind].window
        call = governance.propose(kind, REASON, AGENDAS[agenda], now + 1, now + 1 + window)
        own = sum(poll.proposer == by and now < poll.closes for poll in self.polls)
        if self.attempt(call, member(by), by in self.active() and own < 2) is not None:
            self.polls.append(Poll(kind, by, agenda, now + 1, now + 1 + window, self.active()))

    def votes(self, poll: Poll, number: int) -> bool:
        return number in self.active() and number in poll.voters | set(poll.struck) and poll.state(self.evm.time) == 2

    @precondition(lambda self: self.polls)
    @rule(data=st.data(), by=organisations, position=st.integers(0, 5))
    def cast(self, data: st.DataObject, by: int, position: int) -> None:
        number = data.draw(st.integers(1, len(self.polls)))
        poll = self.polls[number - 1]
        lawful = self.votes(poll, by) and 1 <= position <= 4
        if self.attempt(governance.cast(number, position, REASON), member(by), lawful) is not None:
            self.back(poll, by)
            poll.positions[by] = (position, 0)

    @precondition(lambda self: self.polls)
    @rule(data=st.data(), giver=organisations, holder=organisations)
    def give_proxy(self, data: st.DataObject, giver: int, holder: int) -> None:
        number = data.draw(st.integers(1, len(self.polls)))
        poll = self.polls[number - 1]
        held = sum(other == holder and of != giver for (of, vote), other in self.proxies.items() if vote == number)
        lawful = {giver, holder} <= self.active() and giver != holder and held < SANDBOX_STATUTES.proxies
        lawful = lawful and poll.kind != 3 and self.evm.time < poll.closes
        if self.attempt(governance.give_proxy(number, holder), member(giver), lawful) is not None:
            self.withdraw(poll, giver, self.proxies.get((giver, number), 0))
            self.proxies[giver, number] = holder

    def withdraw(self, poll: Poll, giver: int, holder: int) -> None:
        if holder and poll.positions.get(giver, (0, 0))[1] == holder and self.evm.time < poll.closes:
            del poll.positions[giver]

    @precondition(lambda self: self.proxies)
    @rule(data=st.data())
    def revoke_proxy(self, data: st.DataObject) -> None:
        giver, number = data.draw(st.sampled_from(sorted(self.proxies)))
        if self.attempt(governance.revoke_proxy(number), member(giver), giver in self.active()) is not None:
            self.withdraw(self.polls[number - 1], giver, self.proxies.pop((giver, number)))

    @precondition(lambda self: self.polls)
    @rule(data=st.data(), giver=organisations, by=organisations, position=st.integers(1, 4))
    def cast_for(self, data: st.DataObject, giver: int, by: int, position: int) -> None:
        if self.proxies and data.draw(st.booleans()):
            giver, number = data.draw(st.sampled_from(sorted(self.proxies)))
            by = self.proxies[giver, number]
        else:
            number = data.draw(st.integers(1, len(self.polls)))
        poll = self.polls[number - 1]
        direct = (giver in poll.positions and poll.positions[giver][1] == 0) or poll.struck.get(giver, 0) != 0
        lawful = self.votes(poll, giver) and self.votes(poll, by) and not direct
        lawful = lawful and self.proxies.get((giver, number)) == by
        if self.attempt(governance.cast_for(number, giver, position, REASON), member(by), lawful) is not None:
            self.back(poll, by)
            self.back(poll, giver)
            poll.positions[giver] = (position, by)

    @precondition(lambda self: self.polls)
    @rule(data=st.data())
    def execute(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, len(self.polls)))
        poll = self.polls[number - 1]
        lawful = poll.state(self.evm.time) == 5
        events = self.attempt(governance.execute(number, AGENDAS[poll.agenda]), STRANGER, lawful)
        if events is not None:
            told = decode_event(events[-1])
            assert isinstance(told, ExecutionFailed if poll.agenda == 3 else ProposalExecuted)
            poll.executed = poll.agenda != 3
            self.counted += poll.agenda if poll.executed else 0

    @rule(number=organisations, verb=st.sampled_from(["suspend", "reinstate", "exclude", "leave", "again", "admit"]))
    def membership(self, number: int, verb: str) -> None:
        status, active = self.status[number], number in self.active()
        others = self.active() - {number}
        calls: dict[str, tuple[Call[Any], Address, bool, int]] = {
            "suspend": (members.suspend(number), STEWARD, status == ACTIVE and bool(others), SUSPENDED),
            "reinstate": (
                members.reinstate(number),
                STEWARD,
                status == SUSPENDED or (status == ACTIVE and not active),
                ACTIVE,
            ),
            "exclude": (members.exclude(number), STEWARD, status in (ACTIVE, SUSPENDED) and bool(others), EXCLUDED),
            "leave": (members.leave(), member(number), active and bool(others), DEPARTED),
            "again": (members.apply_again(number), member(number), status in (DEPARTED, EXCLUDED), APPLIED),
            "admit": (members.admit(number, 0, 0), STEWARD, status == APPLIED, ACTIVE),
        }
        call, caller, lawful, after = calls[verb]
        if self.attempt(call, caller, lawful) is not None:
            self.status[number], self.until[number] = after, 0
            if after in (SUSPENDED, EXCLUDED, DEPARTED):
                self.lost(number)
            if verb == "reinstate":
                for poll in self.polls:
                    self.back(poll, number)

    @rule(number=organisations)
    def officers_suspend(self, number: int) -> None:
        acting = [officer for officer in (2, 3, 4) if officer in self.active() and officer != number]
        if len(acting) < 2 or number not in self.active() or self.evm.time < self.rested[number]:
            return
        self.cases += 1
        case = self.cases.to_bytes(32, "big")
        self.evm.send(admissions.suspend(number, case), member(acting[0]))
        self.evm.send(admissions.suspend(number, case), member(acting[1]))
        self.until[number] = self.evm.time + 7 * 86_400
        self.rested[number] = self.evm.time + 30 * 86_400
        self.lost(number)

    @rule(number=st.integers(0, 9))
    def reconcile(self, number: int) -> None:
        """Anybody may, and it changes nothing that the law does not say."""
        for contract in (governance, network):
            self.evm.send(contract.reconcile(number), STRANGER)
        for poll in self.polls:
            if number in self.active():
                self.back(poll, number)

    @rule(epochs=st.integers(0, 2), number=st.sampled_from(list(VALIDATORS)))
    def the_network_moves(self, epochs: int, number: int) -> None:
        self.evm.context._block_number += 100 * epochs
        self.evm.next_block(1)
        self.evm.send(network.advance(), STRANGER)
        seat = self.evm.ask(network.seat_of(VALIDATORS[number]))
        if number in self.active() and seat.target == 0 and not seat.retired:
            self.evm.send(network.resume(VALIDATORS[number]), member(number))

    @invariant()
    def every_vote_is_counted_as_the_law_says(self) -> None:
        for number, poll in enumerate(self.polls, start=1):
            tally = self.evm.ask(governance.tally_of(number, 8))
            counts = tuple(poll.count(position) for position in range(1, 5))
            assert (tally.in_favour, tally.against, tally.abstaining, tally.objecting) == counts
            assert tally.total == len(poll.voters)
            assert self.evm.ask(governance.state_of(number)) == poll.state(self.evm.time)
            (whole,) = self.evm.ask(governance.missing(number))
            assert (whole.quorum + whole.majority == 0) == poll.passes()

    @invariant()
    def what_passed_was_done_once(self) -> None:
        assert self.evm.state.get_storage(COUNTER, 0) == self.counted

    @invariant()
    def somebody_always_belongs(self) -> None:
        active = self.active()
        assert active
        assert self.evm.ask(members.active_count()) == len(active)
        assert sum(map(sum, self.evm.ask(members.census()))) == len(active)
        for number in FOUNDERS:
            assert self.evm.ask(members.acting(member(number), 15)) == (number if number in active else 0)

    @invariant()
    def validators_read_what_they_can_use(self) -> None:
        found = self.evm.ask(network.validators())
        assert 4 <= len(found) <= 64
        assert len({each.public_key for each in found}) == len(found)
        granted = {grant.account for grant in self.evm.ask(quota.grants((self.evm.block + 1) // 3_600))}
        assert granted == {member(number) for number in self.active()}
        nodes = {node.organisation for node in self.evm.ask(network.nodes())}
        assert nodes == ({1} & self.active())


Attack.TestCase.settings = settings(max_examples=8, stateful_step_count=25, suppress_health_check=list(HealthCheck))
TestConsortium = Attack.TestCase
