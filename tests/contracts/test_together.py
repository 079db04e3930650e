# SPDX-License-Identifier: Apache-2.0
"""Directory and Anchors attacked together: hypothesis plays every account, a model in Python says what must hold."""

from __future__ import annotations

from typing import Any

import pytest
from contract_evm import NOBODY, ORIGIN, OWNER, PUBLISHER, STEWARD, STRANGER, VERIFIER, Evm, Refused, account, member
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from maillon.evidence.checkpoint import log_id
from maillon.ledger.abi import Call
from maillon.ledger.contracts.anchors import Anchored, Anchors, ForeignAnchored, decode_event
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.genesis import ANCHORS, DIRECTORY, SYSTEM, name_word
from maillon.ledger.port import Address

anchors = Anchors(ANCHORS)
directory = Directory(DIRECTORY)
PEOPLE = (STEWARD, OWNER, PUBLISHER, VERIFIER, STRANGER, member(2), NOBODY)
ADMIN_OF = {OWNER: 1, member(2): 2}
PUBLISHES_FOR = {OWNER: 1, PUBLISHER: 1, member(2): 2}
LOGS = (log_id(ORIGIN), log_id("another"), bytes(32))
ROOTS = (b"\x01" * 32, b"\x02" * 32, bytes(32))
NAMES = (name_word("Directory"), name_word("Anchors"), name_word("Projects"), bytes(32))
TARGETS = (DIRECTORY, ANCHORS, STRANGER, NOBODY, account(80), account(81), account(82))

# Account 0 is nobody: it holds no key, so it never calls.
callers = st.sampled_from(PEOPLE[:-1])
people = st.sampled_from(PEOPLE)
logs = st.sampled_from(LOGS)
roots = st.sampled_from(ROOTS)
sizes = st.one_of(st.integers(0, 4), st.just(2**64 - 1))
Key = tuple[Any, ...]


def answering(word: bytes) -> bytes:
    return b"\x7f" + word + bytes.fromhex("5f5260205ff3")


class Attack(RuleBasedStateMachine):
    """The model holds rights and sizes as the law states them; the contracts must agree after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.evm = Evm()
        for number, name in enumerate((NAMES[1], NAMES[2], NAMES[2])):
            self.evm.state.set_code(account(80 + number), answering(name))
        self.answers = dict(zip(TARGETS, (NAMES[0], NAMES[1], None, None, NAMES[1], NAMES[2], NAMES[2]), strict=True))
        self.seat, self.seat_offered = STEWARD, NOBODY
        self.owners: dict[bytes, int] = {LOGS[0]: 1}
        self.offered: dict[bytes, int] = {}
        self.verifiers: set[Address] = set()
        self.newest: dict[Key, tuple[int, bytes]] = {}
        self.history: dict[bytes, list[Address]] = {NAMES[0]: [DIRECTORY], NAMES[1]: [ANCHORS]}

    def attempt(self, call: Call[Any], caller: Address, lawful: bool) -> tuple[Any, ...] | None:
        """Exactly what the law allows succeeds; a refusal changes nothing and says which contract refused."""
        if lawful:
            return self.evm.send(call, caller).events
        with pytest.raises(Refused, match=r"^(anchors|directory): "):
            self.evm.send(call, caller)
        return None

    @rule(blocks=st.integers(1, 3))
    def time_passes(self, blocks: int) -> None:
        for _ in range(blocks):
            self.evm.next_block()

    @rule(log=logs, caller=callers)
    def register(self, log: bytes, caller: Address) -> None:
        lawful = log != bytes(32) and log not in self.owners and caller in PUBLISHES_FOR
        if self.attempt(anchors.register(log), caller, lawful) is not None:
            self.owners[log] = PUBLISHES_FOR[caller]

    @rule(log=logs, caller=callers, successor=st.integers(0, 3))
    def offer(self, log: bytes, caller: Address, successor: int) -> None:
        admin = ADMIN_OF.get(caller) == self.owners.get(log)
        lawful = log in self.owners and (admin or caller == self.seat) and successor != 0
        if self.attempt(anchors.offer_ownership(log, successor), caller, lawful) is not None:
            self.offered[log] = successor

    @rule(log=logs, caller=callers)
    def accept(self, log: bytes, caller: Address) -> None:
        lawful = log in self.offered and self.offered[log] == ADMIN_OF.get(caller)
        if self.attempt(anchors.accept_ownership(log), caller, lawful) is not None:
            self.owners[log] = self.offered.pop(log)

    def grows(self, key: Key, size: int, root: bytes) -> bool:
        former_size, former_root = self.newest.get(key, (0, bytes(32)))
        return size > 0 and root != bytes(32) and (size > former_size or (size, root) == (former_size, former_root))

    def anchored(self, key: Key, size: int, root: bytes, events: tuple[Any, ...] | None) -> None:
        if events is None:
            return
        repeated = self.newest.get(key) == (size, root)
        decoded = [decode_event(event) for event in events]
        assert len(decoded) == (0 if repeated else 1)
        for event in decoded:
            assert isinstance(event, Anchored | ForeignAnchored)
            assert (event.size, event.root, event.block, event.time) == (size, root, self.evm.block, self.evm.time)
        self.newest[key] = (size, root)

    @rule(log=logs, caller=callers, size=sizes, root=roots)
    def anchor(self, log: bytes, caller: Address, size: int, root: bytes) -> None:
        allowed = log in self.owners and PUBLISHES_FOR.get(caller) == self.owners[log]
        lawful = allowed and self.grows((log,), size, root)
        self.anchored((log,), size, root, self.attempt(anchors.anchor(log, size, root), caller, lawful))

    @rule(caller=callers, verifier=people, allowed=st.booleans())
    def set_verifier(self, caller: Address, verifier: Address, allowed: bool) -> None:
        lawful = caller == self.seat and verifier != NOBODY
        if self.attempt(anchors.set_verifier(verifier, allowed), caller, lawful) is not None:
            (self.verifiers.add if allowed else self.verifiers.discard)(verifier)

    @rule(log=logs, caller=callers, size=sizes, root=roots)
    def anchor_foreign(self, log: bytes, caller: Address, size: int, root: bytes) -> None:
        lawful = caller in self.verifiers and log != bytes(32) and self.grows((caller, log), size, root)
        events = self.attempt(anchors.anchor_foreign(log, size, root), caller, lawful)
        self.anchored((caller, log), size, root, events)

    @rule(caller=callers, name=st.sampled_from(NAMES), to=st.sampled_from(TARGETS))
    def point(self, caller: Address, name: bytes, to: Address) -> None:
        known = self.history.get(name, [NOBODY])
        lawful = caller == self.seat and name != bytes(32) and self.answers[to] == name and known[-1] != to
        if self.attempt(directory.point(name, to), caller, lawful) is not None:
            self.history.setdefault(name, []).append(to)

    @rule(caller=callers, successor=people)
    def offer_seat(self, caller: Address, successor: Address) -> None:
        lawful = caller == self.seat and successor != NOBODY
        if self.attempt(directory.offer_governance(successor), caller, lawful) is not None:
            self.seat_offered = successor

    @rule(caller=callers)
    def accept_seat(self, caller: Address) -> None:
        if self.attempt(directory.accept_governance(), caller, caller == self.seat_offered) is not None:
            self.seat, self.seat_offered = caller, NOBODY

    @invariant()
    def every_name_leads_to_code_that_answers_to_it(self) -> None:
        # The system contracts that this attack does not move are listed beside these.
        names = {name_word(name) for name in SYSTEM} | self.history.keys()
        assert self.evm.ask(directory.name_count()) == len(names)
        for name, targets in self.history.items():
            found = self.evm.ask(directory.lookup(name))
            assert found == targets[-1]
            assert self.evm.ask(Directory(found).interface_id()) == name
            assert self.evm.ask(directory.version_of(name)) == len(targets)
            assert self.evm.ask(directory.period(name, len(targets))).until == 0

    @invariant()
    def seats_are_held_by_whom_the_law_says(self) -> None:
        assert self.evm.ask(directory.governance()) == self.seat != NOBODY
        for log in LOGS:
            assert self.evm.ask(anchors.owner_of(log)) == self.owners.get(log, 0)

    @invariant()
    def anchors_are_the_largest_accepted(self) -> None:
        for log in LOGS:
            found = self.evm.ask(anchors.newest(log))
            assert (found.size, found.root) == self.newest.get((log,), (0, bytes(32)))
            for verifier in PEOPLE:
                found = self.evm.ask(anchors.newest_foreign(verifier, log))
                assert (found.size, found.root) == self.newest.get((verifier, log), (0, bytes(32)))


Attack.TestCase.settings = settings(max_examples=12, stateful_step_count=40, suppress_health_check=list(HealthCheck))
TestAttack = Attack.TestCase
