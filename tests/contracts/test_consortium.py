# SPDX-License-Identifier: Apache-2.0
"""The consortium attacked together: hypothesis plays every member, a model in Python says what the law allows.

Double votes, votes of the departed, early, late and repeated executions, calls that fail or come back in, proxies after
the close, officers who are none or of one member, a brake pulled twice, administration handed over, the last member
leaving: exactly what the law allows succeeds, and every number that people and validators read is the model's. However
a run went, it ends with a vote that everybody still there carries, and that is executed.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from contract_evm import FOUNDERS, STEWARD, STRANGER, VALIDATORS, Evm, Refused, account, consent, member
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from maillon.ledger.abi import Call
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.anchors import Anchors
from maillon.ledger.contracts.brake import Brake, Pulls
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.governance import ExecutionFailed, Governance, ProposalExecuted, decode_event
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network
from maillon.ledger.founding import SANDBOX_STATUTES, Terms
from maillon.ledger.genesis import ADMISSIONS, ANCHORS, BRAKE, CREDITS, GOVERNANCE, MEMBERS, NETWORK, name_word
from maillon.ledger.port import Address
from maillon.ledger.signing import Account

admissions, governance, members = Admissions(ADMISSIONS), Governance(GOVERNANCE), Members(MEMBERS)
network, quota, brake = Network(NETWORK), Credits(CREDITS), Brake(BRAKE)
COUNTER = account(95)
"""Counts how often it was called: what is executed twice shows."""
REASON = b"\x0b" * 32
APPLIED, ACTIVE, SUSPENDED, DEPARTED, EXCLUDED = 1, 2, 3, 4, 6
FAILING = Anchors(ANCHORS).set_verifier(STRANGER, True)
"""Governance does not hold the seat here, so this call is refused whenever it is executed."""
RETURNING = account(96)
"""Executes the second proposal, if it may, from within an execution, and does not mind a refusal."""
WEIGHED = dataclasses.replace(SANDBOX_STATUTES, by_college=True, weights=(1, 2, 5, 1, 1, 1, 1, 1))
AGENDAS: tuple[tuple[tuple[Address, bytes], ...], ...] = (
    (),
    ((COUNTER, b""),),
    ((COUNTER, b""), (COUNTER, b"\x01")),
    ((COUNTER, b""), (FAILING.to, FAILING.data)),
    ((RETURNING, b""), (COUNTER, b"")),
    ((GOVERNANCE, governance.set_statutes(WEIGHED.as_argument()).data),),
)
FAILS, STATUTES = 3, 5
COUNTS = (0, 1, 2, 0, 1, 0)
"""How often each agenda calls the counter, when it is executed."""
TERMS = dict(
    enumerate((SANDBOX_STATUTES.ordinary, SANDBOX_STATUTES.constitutional, SANDBOX_STATUTES.emergency), start=1)
)
DAY = 86_400
COLLEAGUE = Account(b"\x2c" * 32)
OFFICERS = {member(number): number for number in (2, 3, 4)} | {COLLEAGUE.address: 2}
"""Who holds the office, and of which organisation: the second one has two."""
organisations = st.sampled_from(list(FOUNDERS))
SECOND, THIRD, FOURTH = member(2), member(3), member(4)
pairs = st.sampled_from(
    [
        *((SECOND, THIRD), (THIRD, FOURTH), (FOURTH, COLLEAGUE.address)),
        *((SECOND, COLLEAGUE.address), (COLLEAGUE.address, SECOND), (THIRD, THIRD)),
        *((member(1), FOURTH), (SECOND, STRANGER)),
    ]
)
"""Of two organisations; of one; one officer twice; with somebody who is none."""


def returning_code() -> bytes:
    """Calls Governance with what stands behind the code."""
    data = governance.execute(2, AGENDAS[1]).data
    length = len(data).to_bytes(2, "big")
    code = b"\x61" + length + bytes.fromhex("60305f3960205f61") + length + bytes.fromhex("5f5f73") + GOVERNANCE
    return (code + bytes.fromhex("5af15000")).ljust(0x30, b"\0") + data


def spare(number: int) -> Address:
    """To whom an organisation hands its administration over, and from whom it comes back."""
    return account(130 + number)


@dataclass
class Poll:
    """A proposal, as the law sees it."""

    kind: int
    proposer: int
    agenda: int
    opens: int
    closes: int
    voters: set[int]
    weight: dict[int, int]
    """Organisation → its weight at the snapshot, and below its college."""
    college: dict[int, int]
    by_college: bool
    positions: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Organisation → position, and who cast it as a proxy or 0."""
    struck: dict[int, int] = field(default_factory=dict)
    """Who stopped being active and has not come back → what it had said itself, or 0."""
    executed: bool = False

    @property
    def terms(self) -> Terms:
        return TERMS[self.kind]

    def total(self, college: int | None = None) -> int:
        return sum(self.weight[number] for number in self.voters if college in (None, self.college[number]))

    def count(self, *positions: int, college: int | None = None) -> int:
        return sum(
            self.weight[number]
            for number, (position, _) in self.positions.items()
            if position in positions and college in (None, self.college[number])
        )

    def parts(self) -> list[int | None]:
        """All together, then each college that counts."""
        colleges = {self.college[number] for number in self.voters} if self.by_college else set()
        return [None, *sorted(colleges)]

    def carries(self, college: int | None) -> bool:
        in_favour, against = self.count(1, college=college), self.count(2, 4, college=college)
        present = self.count(1, 2, 3, 4, college=college)
        quorum = present * 10_000 >= self.terms.quorum * self.total(college)
        enough = in_favour * self.terms.denominator >= self.terms.numerator * (in_favour + against)
        return quorum and enough and in_favour > against

    def passes(self) -> bool:
        return all(map(self.carries, self.parts()))

    def used(self, holder: int, but: int) -> int:
        """How many proxies somebody uses, without one giver's."""
        return sum(by == holder and giver != but for giver, (_, by) in self.positions.items())

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
        self.evm.state.set_code(RETURNING, returning_code())
        self.evm.send(members.add_account(COLLEAGUE.address, 2, bytes(32), consent(self.evm, COLLEAGUE, 2)), member(2))
        self.evm.send(members.appoint(COLLEAGUE.address, 16), STEWARD)
        self.statutes = SANDBOX_STATUTES
        self.tier = dict.fromkeys(FOUNDERS, 0)
        self.college = dict.fromkeys(FOUNDERS, 0)
        self.admin = {number: member(number) for number in FOUNDERS}
        self.offered: dict[int, tuple[Address, Address]] = {}
        self.status = dict.fromkeys(FOUNDERS, ACTIVE)
        self.until = dict.fromkeys(FOUNDERS, 0)
        self.rested = dict.fromkeys(FOUNDERS, 0)
        self.polls: list[Poll] = []
        self.proxies: dict[tuple[int, int], int] = {}
        self.standing: dict[int, tuple[int, int]] = {}
        """Giver → holder, and until when."""
        self.round_since = self.paused_until = 0
        self.pulled_as_officers: list[int] = []
        self.pulled: list[int] = []
        self.counted = 0
        self.cases = 0

    @initialize(weighed=st.booleans())
    def found(self, weighed: bool) -> None:
        """Half of the runs weigh votes by tier and ask each college."""
        if weighed:
            self.carry(2, STATUTES)
            self.statutes = WEIGHED
            for number in FOUNDERS:
                self.classify(number, number % 3, number % 2)

    @rule(number=organisations, tier=st.integers(0, 2), college=st.integers(0, 1))
    def classify(self, number: int, tier: int, college: int) -> None:
        """A vote does; proposals keep what was at their snapshot."""
        self.evm.send(members.classify(number, 0, tier, college, b"FR"), STEWARD)
        self.tier[number], self.college[number] = tier, college

    def active(self) -> set[int]:
        return {number for number in FOUNDERS if self.status[number] == ACTIVE and self.until[number] <= self.evm.time}

    def attempt(self, call: Call[Any], caller: Address, lawful: bool) -> tuple[Any, ...] | None:
        """Exactly what the law allows succeeds; a refusal says which contract refused."""
        if lawful:
            return self.evm.send(call, caller).events
        with pytest.raises(Refused, match=r"^(governance|members|admissions|brake): "):
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

    @rule(by=organisations, kind=st.sampled_from([1, 1, 2, 3]), agenda=st.integers(0, 4))
    def propose(self, by: int, kind: int, agenda: int) -> None:
        now = self.evm.time
        window = TERMS[kind].window
        call = governance.propose(kind, REASON, AGENDAS[agenda], now + 1, now + 1 + window)
        own = sum(poll.proposer == by and now < poll.closes for poll in self.polls)
        if self.attempt(call, member(by), by in self.active() and own < 2) is not None:
            weight = {number: self.statutes.weights[self.tier[number]] for number in FOUNDERS}
            self.polls.append(
                Poll(
                    kind,
                    by,
                    agenda,
                    now + 1,
                    now + 1 + window,
                    self.active(),
                    weight,
                    dict(self.college),
                    self.statutes.by_college,
                )
            )

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
        held += len(self.lasting(holder))
        lawful = {giver, holder} <= self.active() and giver != holder and held < SANDBOX_STATUTES.proxies
        lawful = lawful and poll.kind != 3 and self.evm.time < poll.closes
        if self.attempt(governance.give_proxy(number, holder), member(giver), lawful) is not None:
            self.withdraw(poll, giver, self.proxies.get((giver, number), 0))
            self.proxies[giver, number] = holder

    def lasting(self, holder: int) -> set[int]:
        """Whose standing proxy somebody has now."""
        return {giver for giver, (other, until) in self.standing.items() if other == holder and self.evm.time < until}

    def holder_of(self, giver: int, number: int) -> int:
        """A proxy for one vote goes before a standing one."""
        holder, until = self.standing.get(giver, (0, 0))
        return self.proxies.get((giver, number), holder if self.evm.time < until else 0)

    @rule(giver=organisations, holder=organisations, seconds=st.sampled_from([0, 30, 90, 40 * DAY]))
    def give_standing_proxy(self, giver: int, holder: int, seconds: int) -> None:
        lawful = {giver, holder} <= self.active() and giver != holder and seconds > 0
        lawful = lawful and len(self.lasting(holder) - {giver}) < self.statutes.proxies
        until = self.evm.time + seconds
        if self.attempt(governance.give_standing_proxy(holder, until), member(giver), lawful) is not None:
            self.end_standing(giver)
            self.standing[giver] = (holder, until)

    @rule(giver=organisations)
    def revoke_standing_proxy(self, giver: int) -> None:
        lawful = giver in self.active() and giver in self.standing
        if self.attempt(governance.revoke_standing_proxy(), member(giver), lawful) is not None:
            self.end_standing(giver)

    def end_standing(self, giver: int) -> None:
        """What was cast with it in open votes is withdrawn, but where a proxy for that vote stands."""
        holder, _ = self.standing.pop(giver, (0, 0))
        for number, poll in enumerate(self.polls, start=1):
            if (giver, number) not in self.proxies:
                self.withdraw(poll, giver, holder)

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
        number = data.draw(st.integers(1, len(self.polls)))
        if self.proxies and data.draw(st.booleans()):
            giver, number = data.draw(st.sampled_from(sorted(self.proxies)))
            by = self.proxies[giver, number]
        elif self.standing and data.draw(st.booleans()):
            giver = data.draw(st.sampled_from(sorted(self.standing)))
            by = self.standing[giver][0]
        poll = self.polls[number - 1]
        direct = (giver in poll.positions and poll.positions[giver][1] == 0) or poll.struck.get(giver, 0) != 0
        lawful = self.votes(poll, giver) and self.votes(poll, by) and not direct
        lawful = lawful and poll.kind != 3 and self.holder_of(giver, number) == by
        lawful = lawful and poll.used(by, giver) < self.statutes.proxies
        if self.attempt(governance.cast_for(number, giver, position, REASON), member(by), lawful) is not None:
            self.back(poll, by)
            self.back(poll, giver)
            poll.positions[giver] = (position, by)

    @precondition(lambda self: self.polls)
    @rule(data=st.data())
    def execute(self, data: st.DataObject) -> None:
        self.execute_one(data.draw(st.integers(1, len(self.polls))))

    def execute_one(self, number: int) -> None:
        poll = self.polls[number - 1]
        lawful = poll.state(self.evm.time) == 5
        events = self.attempt(governance.execute(number, AGENDAS[poll.agenda]), STRANGER, lawful)
        if events is not None:
            told = decode_event(events[-1])
            assert isinstance(told, ExecutionFailed if poll.agenda == FAILS else ProposalExecuted)
            poll.executed = poll.agenda != FAILS
            self.counted += COUNTS[poll.agenda]
            REACHED[type(told)] += 1

    @rule(kind=st.sampled_from([1, 2, 3]), agenda=st.integers(1, 4))
    def carry(self, kind: int, agenda: int) -> None:
        """What chance seldom does: a proposal that everybody is for, and executes."""
        self.propose(min(self.active()), kind, agenda)
        if self.polls and self.polls[-1].opens > self.evm.time:
            number, poll = len(self.polls), self.polls[-1]
            self.evm.next_block(1)
            for voter in sorted(self.active()):
                self.evm.send(governance.cast(number, 1, REASON), member(voter))
                poll.positions[voter] = (1, 0)
            self.evm.next_block(poll.closes + poll.terms.lock - self.evm.time)
            assert poll.state(self.evm.time) == 5
            self.execute_one(number)

    def teardown(self) -> None:
        """LAW 3.4: whatever happened, those still there decide, and what they decide is done."""
        self.evm.next_block(31 * DAY)
        before = self.counted
        self.carry(1, 1)
        assert self.counted == before + 1 == self.evm.state.get_storage(COUNTER, 0)

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
            "leave": (members.leave(), self.admin[number], active and bool(others), DEPARTED),
            "again": (members.apply_again(number), self.admin[number], status in (DEPARTED, EXCLUDED), APPLIED),
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

    @rule(number=organisations, pair=pairs)
    def officers_suspend(self, number: int, pair: tuple[Address, Address]) -> None:
        """Two accounts ask for one suspension: only officers of two other organisations begin it."""
        first, second = pair
        self.cases += 1
        call = admissions.suspend(number, self.cases.to_bytes(32, "big"))
        standing = {each: OFFICERS.get(each) for each in (first, second)}
        may = {each: of in self.active() and of != number for each, of in standing.items()}
        can_be = number in self.active() and self.evm.time >= self.rested[number]
        asked = self.attempt(call, first, can_be and may[first]) is not None
        joins = not asked or first == second or standing[first] != standing[second]
        done = self.attempt(call, second, can_be and may[second] and joins) is not None
        if asked and done and first != second:
            self.until[number] = self.evm.time + 7 * DAY
            self.rested[number] = self.evm.time + 30 * DAY
            self.lost(number)

    @rule(by=organisations)
    def pull_the_brake(self, by: int) -> None:
        now, over = self.evm.time, self.evm.time > self.round_since + DAY
        as_officers, pulled = ([], []) if over else (self.pulled_as_officers, self.pulled)
        officer = member(by) in OFFICERS and by not in as_officers
        rested = self.paused_until == 0 or self.paused_until + 27 * DAY <= now
        lawful = by in self.active() and rested and (officer or by not in pulled)
        if self.attempt(brake.pull(), member(by), lawful) is None:
            return
        self.round_since = now if over else self.round_since
        self.pulled_as_officers = [each for each in as_officers if each in self.active()] if officer else as_officers
        self.pulled_as_officers += [by] if officer else []
        self.pulled = pulled if by in pulled else [*pulled, by]
        third = 3 * len(self.active() & set(self.pulled)) >= len(self.active())
        if len(self.pulled_as_officers) == 3 or third:
            self.paused_until, self.round_since = now + 3 * DAY, 0
            self.pulled_as_officers, self.pulled = [], []

    @rule(number=organisations, rightly=st.booleans())
    def offer_administration(self, number: int, rightly: bool) -> None:
        both = {member(number), spare(number)}
        holder = self.admin[number]
        (other,) = both - {holder}
        caller = holder if rightly else other
        if self.attempt(members.offer_admin(other), caller, rightly and number in self.active()) is not None:
            self.offered[number] = (holder, other)

    @rule(number=organisations, rightly=st.booleans())
    def accept_administration(self, number: int, rightly: bool) -> None:
        former, successor = self.offered.get(number, (None, spare(number)))
        caller = successor if rightly else STRANGER
        lawful = rightly and number in self.active() and former == self.admin[number]
        if self.attempt(members.accept_admin(number, bytes(32)), caller, lawful) is not None:
            self.admin[number] = caller
            del self.offered[number]

    @rule(number=st.integers(0, 9))
    def reconcile(self, number: int) -> None:
        """Anybody may, and it changes nothing that the law does not say."""
        self.evm.send(governance.reconcile(number), STRANGER)
        self.evm.send(network.reconcile(number), STRANGER)
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
            parts = poll.parts()
            for part in parts:
                tally = self.evm.ask(governance.tally_of(number, 8 if part is None else part))
                counts = tuple(poll.count(position, college=part) for position in range(1, 5))
                assert (tally.in_favour, tally.against, tally.abstaining, tally.objecting) == counts
                assert tally.total == poll.total(part)
            assert self.evm.ask(governance.state_of(number)) == poll.state(self.evm.time)
            lacking = self.evm.ask(governance.missing(number))
            assert [each.college for each in lacking] == [8 if part is None else part for part in parts]
            assert [each.quorum + each.majority == 0 for each in lacking] == [poll.carries(part) for part in parts]

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
            assert self.evm.ask(members.acting(member(number), 14)) == (number if number in active else 0)
            (other,) = {member(number), spare(number)} - {self.admin[number]}
            assert self.evm.ask(members.acting(self.admin[number], 1)) == (number if number in active else 0)
            assert self.evm.ask(members.acting(other, 1)) == 0
            assert self.evm.ask(members.admin_count(number)) == 1

    @invariant()
    def the_brake_stops_for_as_long_as_it_may(self) -> None:
        paused = self.evm.time < self.paused_until
        assert self.evm.ask(brake.is_paused(name_word("NoticeBoard"))) == paused
        assert not self.evm.ask(brake.is_paused(name_word("Governance")))
        over = self.evm.time > self.round_since + DAY
        expected = Pulls(0, 0) if over else Pulls(len(self.pulled_as_officers), len(self.pulled))
        assert self.evm.ask(brake.pulls()) == expected

    @invariant()
    def validators_read_what_they_can_use(self) -> None:
        found = self.evm.ask(network.validators())
        assert 4 <= len(found) <= 64
        assert len({each.public_key for each in found}) == len(found)
        granted = {grant.account for grant in self.evm.ask(quota.grants((self.evm.block + 1) // 3_600))}
        assert granted == {member(number) for number in self.active()}
        nodes = {node.organisation for node in self.evm.ask(network.nodes())}
        assert nodes == ({1} & self.active())


REACHED: Counter[type] = Counter()
"""How often something was executed, or failed, in a run."""


def attack(examples: int, steps: int) -> None:
    REACHED.clear()
    run_state_machine_as_test(
        Attack,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert REACHED[ProposalExecuted] >= examples, "each run ends with one"


def test_the_consortium() -> None:
    attack(8, 25)


@pytest.mark.long
def test_the_consortium_for_longer() -> None:
    attack(60, 60)
    assert REACHED[ExecutionFailed], "a call that fails was reached too"
