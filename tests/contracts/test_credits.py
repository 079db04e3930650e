# SPDX-License-Identifier: Apache-2.0
"""Credits: LAW 5.3 and 5.4. A quota is a pure function of tiers, statuses and statutes, and blocks can carry it."""

from __future__ import annotations

from typing import Any

import pytest
from contract_evm import FOUNDERS, NOBODY, OWNER, PUBLISHER, STEWARD, STRANGER, Evm, account, member, refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maillon.ledger.abi import constructor
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.credits import AllowancesChanged, Credits, FloorTipChanged, Grant, decode_event
from maillon.ledger.contracts.members import Members
from maillon.ledger.founding import GWEI
from maillon.ledger.genesis import ADMISSIONS, CREDITS, DIRECTORY, MEMBERS, name_word

quota, members = Credits(CREDITS), Members(MEMBERS)
LENGTH = 3_600
ARGUMENTS = ("address", "uint256", "uint256", "uint256", "uint256[8]")


@pytest.fixture
def evm() -> Evm:
    return Evm()


def granted(evm: Evm) -> dict[bytes, int]:
    """What the block after this one would pay, if it began a period."""
    found = evm.ask(quota.grants((evm.block + 1) // LENGTH))
    assert len({grant.account for grant in found}) == len(found)
    return {grant.account: grant.amount for grant in found}


# 5.3: grants, a pure function of tiers, statuses and statutes.


def test_each_member_is_granted_the_allowance_of_its_tier(evm: Evm) -> None:
    assert granted(evm) == {member(number): 20_000_000 for number in FOUNDERS}
    evm.send(members.classify(1, 0, 3, 0, b"FR"), STEWARD)
    evm.send(members.set_credit_account(PUBLISHER), OWNER)
    assert granted(evm)[PUBLISHER] == evm.ask(quota.allowance_of(3)) == 160_000_000
    assert OWNER not in granted(evm)
    assert evm.ask(quota.period_length()) == LENGTH
    assert evm.ask(quota.interface_id()) == name_word("Credits")
    assert evm.ask(quota.directory()) == DIRECTORY
    assert evm.ask(quota.block_gas()) == 100_000_000


def test_it_is_asked_of_the_parent_of_the_block_that_begins_a_period(evm: Evm) -> None:
    evm.context._block_number = 2 * LENGTH - 2
    assert [len(evm.ask(quota.grants(period))) for period in (0, 1, 2, 3)] == [0, 6, 0, 0]
    evm.next_block()
    assert [len(evm.ask(quota.grants(period))) for period in (0, 1, 2, 3)] == [0, 0, 6, 0]
    assert evm.ask(quota.grants(2**256 - 1)) == ()


def test_who_is_not_active_is_granted_nothing(evm: Evm) -> None:
    evm.send(members.suspend(1), STEWARD)
    evm.send(members.exclude(2), STEWARD)
    evm.send(members.suspend_until(3, evm.time + 60), ADMISSIONS)
    assert set(granted(evm)) == {member(number) for number in (4, 5, 6)}
    evm.next_block(60)
    assert set(granted(evm)) == {member(number) for number in (3, 4, 5, 6)}
    assert evm.ask(Admissions(ADMISSIONS).suspended_at(3)) == 0


def test_it_depends_on_nothing_else(evm: Evm) -> None:
    """Not on balances, nor on who asks, nor on when."""
    before = granted(evm)
    for number in FOUNDERS:
        evm.state.set_balance(member(number), 10**24)
    evm.state.set_balance(CREDITS, 10**24)
    evm.next_block(86_400)
    assert granted(evm) == before


def test_a_member_without_a_credit_account_is_passed_over(evm: Evm) -> None:
    evm.send(members.set_credit_account(PUBLISHER), OWNER)
    evm.send(members.remove_account(PUBLISHER), OWNER)
    assert len(granted(evm)) == 5


# 5.3 and 5.4: what a vote changes, and within which bounds.


def test_a_vote_changes_allowances_and_the_floor_tip(evm: Evm) -> None:
    for call, expected in (
        (quota.set_allowances((5, *(0,) * 7)), AllowancesChanged((5, *(0,) * 7))),
        (quota.set_floor_tip(7), FloorTipChanged(7)),
    ):
        with refused("credits: caller is not governance"):
            evm.send(call, OWNER)
        assert [decode_event(event) for event in evm.send(call, STEWARD).events] == [expected]
    assert set(granted(evm).values()) == {5}
    assert evm.ask(quota.floor_tip()) == 7
    evm.send(quota.set_allowances((0,) * 8), STEWARD)
    assert granted(evm) == {}
    with refused("credits: unknown tier"):
        evm.ask(quota.allowance_of(8))
    with refused("credits: allowance out of bounds"):
        evm.send(quota.set_allowances((10**18 + 1, *(0,) * 7)), STEWARD)


@pytest.mark.parametrize("tip", [0, 1_000 * GWEI + 1, 2**256 - 1])
def test_the_floor_tip_has_hard_bounds(evm: Evm, tip: int) -> None:
    with refused("credits: floor tip out of bounds"):
        evm.send(quota.set_floor_tip(tip), STEWARD)
    for allowed in (1, 1_000 * GWEI):
        evm.send(quota.set_floor_tip(allowed), STEWARD)
        assert evm.ask(quota.floor_tip()) == allowed


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.integers(0, 10**18), min_size=8, max_size=8),
    st.integers(1, 1_000 * GWEI),
    st.lists(st.integers(0, 7), min_size=6, max_size=6),
)
def test_the_sum_stays_within_what_blocks_can_carry(allowances: list[int], tip: int, tiers: list[int]) -> None:
    evm = Evm()
    for number, tier in zip(FOUNDERS, tiers, strict=True):
        evm.send(members.classify(number, 0, tier, 0, b"FR"), STEWARD)
    evm.send(quota.set_floor_tip(tip), STEWARD)
    evm.send(quota.set_allowances(tuple(allowances)), STEWARD)
    capacity = LENGTH * 100_000_000 * tip // (2 * GWEI)
    assert evm.ask(quota.capacity()) == capacity
    wanted = sum(allowances[tier] for tier in tiers)
    found = granted(evm)
    assert sum(found.values()) <= min(capacity, wanted)
    assert all(amount >= 1 for amount in found.values())
    scaled = evm.ask(quota.scaled_allowances())
    for number, tier in zip(FOUNDERS, tiers, strict=True):
        fair = allowances[tier] if wanted <= capacity else allowances[tier] * capacity // wanted
        assert found.get(member(number), 0) == scaled[tier] == fair


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((NOBODY, 1, 1, 1), "credits: directory is nowhere"),
        ((DIRECTORY, 0, 1, 1), "credits: period out of bounds"),
        ((DIRECTORY, 1_000_001, 1, 1), "credits: period out of bounds"),
        ((DIRECTORY, 1, 0, 1), "credits: gas of a block out of bounds"),
        ((DIRECTORY, 1, 10**9 + 1, 1), "credits: gas of a block out of bounds"),
        ((DIRECTORY, 1, 1, 0), "credits: floor tip out of bounds"),
    ],
)
def test_what_cannot_begin(evm: Evm, values: tuple[Any, ...], reason: str) -> None:
    with refused(reason):
        evm.deploy(constructor("credits", ARGUMENTS, (*values, (1,) * 8)), STRANGER, account(83))


def test_a_grant_is_in_gwei() -> None:
    """EIP-4895; at a floor tip of one gwei a Gwei is a unit of gas."""
    assert Grant(OWNER, 20_000_000).amount * GWEI == 20_000_000 * 10**9
