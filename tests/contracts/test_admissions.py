# SPDX-License-Identifier: Apache-2.0
"""Admissions and Brake: LAW 2.3 and 3.6. A rule is data, and officers can only stop, for a time."""

from __future__ import annotations

from typing import Any

import pytest
from contract_evm import (
    NOBODY,
    OWNER,
    PUBLISHER,
    STEWARD,
    STRANGER,
    Evm,
    account,
    consent,
    member,
    refused,
)

from maillon.ledger.abi import constructor
from maillon.ledger.contracts import admissions as declared
from maillon.ledger.contracts import brake as brake_declared
from maillon.ledger.contracts.admissions import Admissions, Decision, Rule
from maillon.ledger.contracts.brake import Brake, BrakeEngaged, BrakePulled, Pulls
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.contracts.members import Members, StatusChanged, SuspendedUntil
from maillon.ledger.contracts.members import decode_event as decode_member
from maillon.ledger.genesis import ADMISSIONS, BRAKE, DIRECTORY, GOVERNANCE, MEMBERS, SYSTEM, name_word
from maillon.ledger.signing import Account

admissions, brake, members = Admissions(ADMISSIONS), Brake(BRAKE), Members(MEMBERS)
KEY = Account(b"\x11" * 32)
CASE, FILE = b"\x0c" * 32, b"\x0f" * 32
DAY = 86_400


@pytest.fixture
def evm() -> Evm:
    return Evm()


def applied(evm: Evm, country: bytes = b"FR", kind: int = 0, identifier: str = "130025265") -> int:
    application = (b"siren".ljust(32, b"\0"), identifier, "Candidate", kind, country, "")
    signature = consent(evm, KEY, identifier=identifier)
    return int(evm.send(members.apply(application, KEY.address, bytes(32), signature), OWNER).answer)


def seen(outcome: Any, decode: Any) -> list[Any]:
    return [event for event in map(decode, outcome.events) if event is not None]


# 2.3: the rule in force, a pure function of kind, country, evidence and office.


def test_a_rule_admits(evm: Evm) -> None:
    organisation = applied(evm)
    outcome = evm.send(admissions.admit_by_rule(organisation, 0b111, FILE), member(6))
    expected = declared.AdmittedByRule(organisation, member(6), 0b111, FILE)
    assert seen(outcome, declared.decode_event) == [expected]
    assert StatusChanged(organisation, 1, 2) in seen(outcome, decode_member)
    assert evm.ask(members.standing(organisation)).tier == 1
    with refused("members: not an applicant"):
        evm.send(admissions.admit_by_rule(organisation, 0b111, FILE), member(6))


@pytest.mark.parametrize(
    ("asked", "admitted"),
    [
        ((0, b"FR", 0b11, 32), (1, 0)),
        ((0, b"FR", 0b11, 64), (1, 0)),
        ((0, b"FR", 0b1011, 96), (1, 0)),
        ((0, b"FR", 0b01, 96), None),
        ((0, b"FR", 0b11, 0), None),
        ((0, b"FR", 0b11, 16), None),
        ((0, b"CH", 0b111, 32), (2, 1)),
        ((0, b"CH", 0b111, 64), None),
        ((0, b"CH", 0b011, 32), None),
        ((1, b"FR", 0b111, 96), None),
        ((99, b"FR", 0b111, 96), None),
    ],
)
def test_the_rule_is_a_function(evm: Evm, asked: tuple[int, bytes, int, int], admitted: tuple[int, int] | None) -> None:
    expected = Decision(admitted is not None, *(admitted or (0, 0)))
    for _ in range(2):
        assert evm.ask(admissions.decide(*asked)) == expected
        evm.next_block(DAY)


def test_only_an_office_admits_by_the_rule(evm: Evm) -> None:
    organisation = applied(evm)
    for caller in (OWNER, STRANGER, STEWARD, member(2), KEY.address):
        with refused("admissions: caller has no office"):
            evm.send(admissions.admit_by_rule(organisation, 0b11, FILE), caller)
    evm.send(members.suspend(6), STEWARD)
    with refused("admissions: caller has no office"):
        evm.send(admissions.admit_by_rule(organisation, 0b11, FILE), member(6))
    with refused("admissions: the rule does not admit"):
        evm.send(admissions.admit_by_rule(organisation, 0b01, FILE), member(5))
    with refused("admissions: the rule does not admit"):
        evm.send(admissions.admit_by_rule(applied_again(evm), 0b11, FILE), member(5))


def applied_again(evm: Evm) -> int:
    """An applicant of a kind without a rule."""
    key = Account(b"\x12" * 32)
    application = (b"siren".ljust(32, b"\0"), "A9", "Autre", 5, b"FR", "")
    return int(
        evm.send(members.apply(application, key.address, bytes(32), consent(evm, key, identifier="A9")), OWNER).answer
    )


def test_a_vote_changes_the_rule(evm: Evm) -> None:
    rule = (True, 0, 0, 0, 0)
    outcome = evm.send(admissions.set_rule(0, b"FR", rule), STEWARD)
    assert seen(outcome, declared.decode_event) == [declared.RuleChanged(0, b"FR", *rule)]
    assert evm.ask(admissions.rule_of(0, b"FR")) == Rule(*rule)
    assert not evm.ask(admissions.decide(0, b"FR", 2**256 - 1, 2**256 - 1)).admitted, "nobody's signature"
    evm.send(admissions.set_rule(0, b"FR", (False, 0, 0, 0, 0)), STEWARD)
    assert evm.ask(admissions.rule_of(0, b"FR")) == Rule(True, 96, 0b11, 1, 0), "the rule of every country again"
    for caller in (OWNER, member(5), STRANGER):
        with refused("admissions: caller is not governance"):
            evm.send(admissions.set_rule(0, b"FR", rule), caller)
    wrong = [(6, rule, "admissions: unknown kind"), (0, (True, 16, 0, 0, 0), "admissions: unknown office")]
    wrong += [(0, (True, 32, 0, 8, 0), "admissions: unknown tier or college")]
    wrong += [(0, (True, 32, 0, 0, 8), "admissions: unknown tier or college")]
    for kind, each, reason in wrong:
        with refused(reason):
            evm.send(admissions.set_rule(kind, b"FR", each), STEWARD)


def test_an_impostor_of_admissions_admits_nobody(evm: Evm) -> None:
    organisation = applied(evm)
    other = evm.deploy(constructor("admissions", ("address",), (DIRECTORY,)), STEWARD, account(80))
    with refused("members: caller is not governance"):
        evm.send(members.admit(organisation, 0, 0), other)
    with refused("members: caller is not admissions"):
        evm.send(members.suspend_until(1, evm.time + 5), other)


# 2.3: two officers of two organisations, seven days, once for a case.


def suspended(evm: Evm, organisation: int = 1, case: bytes = CASE, officers: tuple[int, int] = (2, 3)) -> Any:
    evm.send(admissions.suspend(organisation, case), member(officers[0]))
    return evm.send(admissions.suspend(organisation, case), member(officers[1]))


def test_two_officers_suspend_for_seven_days(evm: Evm) -> None:
    first = evm.send(admissions.suspend(1, CASE), member(2))
    assert seen(first, declared.decode_event) == [declared.SuspensionRequested(1, CASE, member(2))]
    assert evm.ask(members.is_active(1))
    outcome = evm.send(admissions.suspend(1, CASE), member(3))
    until = evm.time + 7 * DAY
    assert seen(outcome, declared.decode_event) == [
        declared.SuspendedByOfficers(1, CASE, (member(2), member(3)), until)
    ]
    assert SuspendedUntil(1, until) in seen(outcome, decode_member)
    assert not evm.ask(members.is_active(1))
    assert evm.ask(members.acting(OWNER, 0)) == 0
    assert evm.ask(members.active_count()) == 5
    assert sum(map(sum, evm.ask(members.census()))) == 5
    assert evm.ask(admissions.request_of(CASE)).done
    assert evm.ask(admissions.suspended_at(1)) == evm.time
    evm.next_block(7 * DAY - 1)
    assert not evm.ask(members.is_active(1))
    evm.next_block(1)
    assert evm.ask(members.is_active(1)), "it ends by itself"
    assert evm.ask(members.active_count()) == sum(map(sum, evm.ask(members.census()))) == 6


def test_one_officer_is_not_two(evm: Evm) -> None:
    for _ in range(2):
        evm.send(admissions.suspend(1, CASE), member(2))
    assert evm.ask(members.is_active(1))
    evm.next_block(DAY + 1)
    evm.send(admissions.suspend(1, CASE), member(3))
    assert evm.ask(members.is_active(1)), "the first asked too long ago"
    evm.send(members.appoint(member(3), 0), STEWARD)
    evm.send(admissions.suspend(1, CASE), member(4))
    assert evm.ask(members.is_active(1)), "the first is no officer any more"
    evm.send(admissions.suspend(1, CASE), member(2))
    assert not evm.ask(members.is_active(1))


def test_two_officers_of_one_member_are_not_two(evm: Evm) -> None:
    """docs/decisions/0043: whoever has two offices of one member has one voice."""
    for colleague in (OWNER, PUBLISHER):
        evm.send(members.appoint(colleague, 16), STEWARD)
    evm.send(admissions.suspend(6, CASE), OWNER)
    asked = evm.ask(admissions.request_of(CASE))
    with refused("admissions: both officers are of one member"):
        evm.send(admissions.suspend(6, CASE), PUBLISHER)
    assert evm.ask(members.is_active(6))
    assert evm.ask(admissions.request_of(CASE)) == asked, "a colleague gives the first one no other day either"
    evm.next_block(5)
    evm.send(admissions.suspend(6, CASE), OWNER)
    evm.next_block(DAY)
    outcome = evm.send(admissions.suspend(6, CASE), member(2))
    assert declared.SuspendedByOfficers(6, CASE, (OWNER, member(2)), evm.time + 7 * DAY) in seen(
        outcome, declared.decode_event
    ), "one of another member, within a day of the last time the first one asked"
    assert not evm.ask(members.is_active(6))


def test_a_colleague_asks_anew_once_the_first_request_is_over(evm: Evm) -> None:
    for colleague in (OWNER, PUBLISHER):
        evm.send(members.appoint(colleague, 16), STEWARD)
    evm.send(admissions.suspend(6, CASE), OWNER)
    evm.next_block(DAY + 1)
    outcome = evm.send(admissions.suspend(6, CASE), PUBLISHER)
    assert seen(outcome, declared.decode_event) == [declared.SuspensionRequested(6, CASE, PUBLISHER)]
    with refused("admissions: both officers are of one member"):
        evm.send(admissions.suspend(6, CASE), OWNER)
    evm.send(members.appoint(PUBLISHER, 0), STEWARD)
    evm.send(admissions.suspend(6, CASE), OWNER)
    assert evm.ask(admissions.request_of(CASE)).officer == OWNER, "the first is no officer any more"
    assert evm.ask(members.is_active(6))


def test_officers_may_not_all(evm: Evm) -> None:
    for caller in (OWNER, PUBLISHER, STRANGER, STEWARD, member(5)):
        with refused("admissions: caller is not an officer"):
            evm.send(admissions.suspend(1, CASE), caller)
    with refused("admissions: nobody judges their own"):
        evm.send(admissions.suspend(2, CASE), member(2))
    with refused("admissions: case is empty"):
        evm.send(admissions.suspend(1, bytes(32)), member(2))
    with refused("admissions: not active"):
        evm.send(admissions.suspend(99, CASE), member(2))
    evm.send(admissions.suspend(1, CASE), member(2))
    with refused("admissions: case of another"):
        evm.send(admissions.suspend(6, CASE), member(3))


def test_once_for_a_case_and_only_a_vote_makes_it_last(evm: Evm) -> None:
    suspended(evm)
    with refused("admissions: not active"):
        evm.send(admissions.suspend(1, b"\x0d" * 32), member(2))
    evm.next_block(7 * DAY)
    with refused("admissions: suspended too recently"):
        evm.send(admissions.suspend(1, b"\x0d" * 32), member(2))
    evm.next_block(23 * DAY)
    with refused("admissions: case was used"):
        evm.send(admissions.suspend(1, CASE), member(2))
    suspended(evm, case=b"\x0d" * 32)
    evm.send(members.suspend(1), STEWARD)
    evm.next_block(8 * DAY)
    assert not evm.ask(members.is_active(1))


def test_a_vote_ends_what_officers_began(evm: Evm) -> None:
    suspended(evm)
    evm.send(members.reinstate(1), STEWARD)
    assert evm.ask(members.is_active(1))
    with refused("members: not suspended"):
        evm.send(members.reinstate(1), STEWARD)
    assert evm.ask(members.standing(1)).suspended_until == 0


def test_officers_cannot_empty_the_consortium(evm: Evm) -> None:
    """They suspend eight at once at most, and somebody always remains."""
    for number in range(2, 7):
        if number not in (2, 3):
            suspended(evm, number, bytes([number]) * 32)
    suspended(evm, 1)
    assert evm.ask(members.active_count()) == 2
    evm.send(members.appoint(member(2), 0), STEWARD)
    evm.send(members.exclude(2), STEWARD)
    assert evm.ask(members.active_count()) == 1
    with refused("members: nobody would remain"):
        evm.send(members.suspend(3), STEWARD)


def test_officers_do_not_suspend_for_longer(evm: Evm) -> None:
    for until in (evm.time, evm.time + 7 * DAY + 1):
        with refused("members: not within seven days"):
            evm.send(members.suspend_until(1, until), ADMISSIONS)


# 3.6: the brake.


def engaged(evm: Evm) -> Any:
    for number in (2, 3):
        evm.send(brake.pull(), member(number))
    return evm.send(brake.pull(), member(4))


def only_officers(evm: Evm) -> Evm:
    """A third of six is two; so that only their offices count, the officers do not vote."""
    for number in (2, 3, 4):
        evm.send(members.set_scopes(member(number), 1, bytes(32)), member(number))
    return evm


PUBLISHING = name_word("Projects")


def test_three_officers_stop_publication_for_72_hours(evm: Evm) -> None:
    outcome = engaged(only_officers(evm))
    until = evm.time + 72 * 3600
    assert seen(outcome, brake_declared.decode_event) == [BrakePulled(4, member(4), True), BrakeEngaged(until)]
    assert evm.ask(brake.is_paused(PUBLISHING))
    evm.next_block(72 * 3600 - 1)
    assert evm.ask(brake.is_paused(PUBLISHING))
    evm.next_block(1)
    assert not evm.ask(brake.is_paused(PUBLISHING)), "it ends by itself"
    assert evm.ask(brake.paused_until()) == until


def test_a_third_of_the_members_stop_it_too(evm: Evm) -> None:
    assert seen(evm.send(brake.pull(), OWNER), brake_declared.decode_event) == [BrakePulled(1, OWNER, False)]
    assert not evm.ask(brake.is_paused(PUBLISHING))
    assert evm.ask(brake.pulls()) == Pulls(0, 1)
    evm.send(brake.pull(), member(5))
    assert evm.ask(brake.is_paused(PUBLISHING))


@pytest.mark.parametrize("name", SYSTEM)
def test_what_decides_is_never_paused(evm: Evm, name: str) -> None:
    engaged(only_officers(evm))
    assert not evm.ask(brake.is_paused(name_word(name)))


def test_the_brake_is_used_once_in_thirty_days(evm: Evm) -> None:
    engaged(only_officers(evm))
    evm.next_block(30 * DAY - 1)
    with refused("brake: was used within thirty days"):
        evm.send(brake.pull(), member(2))
    evm.next_block(1)
    engaged(evm)
    assert evm.ask(brake.is_paused(PUBLISHING))


def test_who_may_not_pull(evm: Evm) -> None:
    for caller in (STRANGER, STEWARD, PUBLISHER, NOBODY):
        with refused("brake: caller is neither an officer nor a vote delegate"):
            evm.send(brake.pull(), caller)
    only_officers(evm).send(brake.pull(), member(2))
    with refused("brake: already pulled"):
        evm.send(brake.pull(), member(2))


def test_pulls_are_forgotten_after_a_day(evm: Evm) -> None:
    evm.send(brake.pull(), OWNER)
    evm.next_block(DAY + 1)
    assert evm.ask(brake.pulls()) == Pulls(0, 0)
    evm.send(brake.pull(), member(5))
    assert not evm.ask(brake.is_paused(PUBLISHING))


def test_those_who_left_are_no_third(evm: Evm) -> None:
    for number in (2, 3):
        evm.send(members.suspend(number), STEWARD)
    evm.send(brake.pull(), OWNER)
    for number in (2, 3):
        evm.send(members.reinstate(number), STEWARD)
    evm.send(members.suspend(1), STEWARD)
    evm.send(brake.pull(), member(5))
    assert evm.ask(brake.pulls()) == Pulls(0, 2)
    assert not evm.ask(brake.is_paused(PUBLISHING)), "two pulled of five, but one of them is suspended"


def test_officers_who_left_make_room(evm: Evm) -> None:
    only_officers(evm)
    for number in (2, 3):
        evm.send(brake.pull(), member(number))
    evm.send(members.suspend(2), STEWARD)
    evm.send(brake.pull(), member(4))
    assert not evm.ask(brake.is_paused(PUBLISHING))


def test_the_brake_changes_nothing_else(evm: Evm) -> None:
    engaged(only_officers(evm))
    governance = Governance(GOVERNANCE)
    assert evm.send(governance.propose(1, FILE, (), evm.time + 5, evm.time + 65), OWNER).answer == 1
    evm.send(members.leave(), OWNER)


@pytest.mark.parametrize("name", ["members", "admissions", "brake", "network"])
def test_there_is_none_without_a_directory(evm: Evm, name: str) -> None:
    with refused(f"{name}: directory is nowhere"):
        evm.deploy(constructor(name, ("address",), (NOBODY,)), STEWARD, account(81))


def test_they_answer_to_their_names(evm: Evm) -> None:
    assert evm.ask(admissions.interface_id()) == name_word("Admissions")
    assert evm.ask(brake.interface_id()) == name_word("Brake")
    assert evm.ask(admissions.directory()) == evm.ask(brake.directory()) == DIRECTORY
    assert evm.ask(brake.round_since()) == 0
