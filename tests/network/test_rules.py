# SPDX-License-Identifier: Apache-2.0
"""The rules all validators compute alike: what they promise, for every input a contract or a proposer can choose."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence.rlp import encode
from maillon.ledger import fees
from maillon.ledger.founding import GWEI
from maillon.ledger.port import Address
from maillon.ledger.signing import Account, DynamicFeeTransaction
from maillon.network import rules
from maillon.network.errors import ProposalRefused
from maillon.network.payload import Payload, Withdrawal
from maillon.network.rules import Parent, Terms

KEYS = st.binary(min_size=32, max_size=32).filter(any)
POWERS = st.integers(1, rules.MAXIMUM_POWER)
SMALL = st.integers(1, 12)
SETS = st.dictionaries(KEYS, SMALL, min_size=1, max_size=12)
ANY_POWERS = st.dictionaries(KEYS, POWERS, min_size=1, max_size=12)
PARENT = Parent(b"\x01" * 32, 41, 1_000, 100_000_000)
SENDER = Account((7).to_bytes(32, "big"))


def signed(tip: int = GWEI, fee: int = 100 * GWEI) -> bytes:
    return DynamicFeeTransaction(77, 0, tip, fee, 21_000, Address(b"\x02" * 20), 1, b"").sign(SENDER).raw


def payload(**changed: object) -> Payload:
    good = Payload(
        parent_hash=PARENT.hash,
        fee_recipient=rules.FEE_RECIPIENT,
        state_root=b"\x03" * 32,
        receipts_root=b"\x04" * 32,
        logs_bloom=bytes(256),
        prev_randao=rules.PREV_RANDAO,
        number=42,
        gas_limit=PARENT.gas_limit,
        gas_used=21_000,
        timestamp=1_001,
        extra_data=rules.EXTRA_DATA,
        base_fee=7,
        hash=b"\x05" * 32,
        transactions=(signed(),),
        withdrawals=(),
        blob_gas_used=0,
        excess_blob_gas=rules.EXCESS_BLOB_GAS,
        requests=(),
    )
    return dataclasses.replace(good, **changed)  # type: ignore[arg-type]


# Time


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_time_rises_and_is_never_before_the_proposal(parent_time: int, proposal: int) -> None:
    parent = dataclasses.replace(PARENT, timestamp=parent_time)
    found = rules.timestamp(parent, proposal)
    assert found > parent_time
    assert found >= proposal
    assert found in {parent_time + 1, proposal}


# Payloads


def test_an_honest_payload_passes() -> None:
    rules.check_payload(payload(), PARENT, 900, Terms())
    rules.check_payload(payload(timestamp=5_000), PARENT, 5_000, Terms())


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("number", {"number": 43}),
        ("parent", {"parent_hash": b"\x09" * 32}),
        ("timestamp", {"timestamp": 1_002}),
        ("timestamp", {"timestamp": 1_000}),
        ("fee recipient", {"fee_recipient": b"\xee" * 20}),
        ("randao", {"prev_randao": b"\x01" * 32}),
        ("extra data", {"extra_data": b"geth"}),
        ("gas limit", {"gas_limit": 100_000_001}),
        ("blob gas used", {"blob_gas_used": 131_072}),
        ("excess blob gas", {"excess_blob_gas": 0}),
        ("withdrawals", {"withdrawals": (Withdrawal(0, b"\xee" * 20, 10**9),)}),
        ("floor tip", {"transactions": (signed(), signed(tip=GWEI - 1))}),
        ("floor tip", {"base_fee": 99 * GWEI + 1}),
        ("transaction type", {"transactions": (b"\x03" + signed()[1:],)}),
        ("transaction type", {"transactions": (b"\x05" + signed()[1:],)}),
        ("transaction type", {"transactions": (b"",)}),
        ("transaction", {"transactions": (b"\x02\xc0",)}),
        ("transaction", {"transactions": (signed()[:9],)}),
    ],
)
def test_each_rule_refuses_by_name(rule: str, changed: dict[str, object]) -> None:
    with pytest.raises(ProposalRefused) as refusal:
        rules.check_payload(payload(**changed), PARENT, 900, Terms())
    assert refusal.value.rule == rule


def test_missing_credits_are_refused_as_foreign_ones_are() -> None:
    terms = Terms(withdrawals=rules.withdrawals(42, [(b"\x02" * 20, 5)]))
    with pytest.raises(ProposalRefused, match="withdrawals"):
        rules.check_payload(payload(), PARENT, 900, terms)
    rules.check_payload(payload(withdrawals=terms.withdrawals), PARENT, 900, terms)


@given(st.binary(max_size=120), st.integers(0, 2**64))
def test_no_bytes_break_the_reading_of_a_tip(transaction: bytes, base_fee: int) -> None:
    with contextlib.suppress(ProposalRefused):
        assert isinstance(rules.effective_tip(transaction, base_fee), int)


@given(st.integers(0, 2**100), st.integers(0, 2**100), st.integers(0, 2**64))
def test_the_tip_is_what_the_standard_says(tip: int, fee: int, base_fee: int) -> None:
    assert rules.effective_tip(signed(tip, fee), base_fee) == min(tip, fee - base_fee)
    legacy = encode([0, fee, 21_000, b"\x02" * 20, 0, b"", 27, 1, 1])
    assert rules.effective_tip(legacy, base_fee) == fee - base_fee
    listed = b"\x01" + encode([77, 0, fee, 21_000, b"\x02" * 20, 0, b"", [], 0, 1, 1])
    assert rules.effective_tip(listed, base_fee) == fee - base_fee


# Credits


@given(
    st.integers(0, 10**9), st.lists(st.tuples(st.binary(min_size=20, max_size=20), st.integers(0, 2**70)), max_size=20)
)
def test_withdrawals_are_those_of_the_list(number: int, grants: list[tuple[bytes, int]]) -> None:
    found = rules.withdrawals(number, grants)
    assert [(each.address, each.amount) for each in found] == [g for g in grants if 0 < g[1] < 2**64]
    indices = [each.index for each in found]
    assert indices == sorted(set(indices))


def test_no_list_and_too_long_a_list_give_nothing() -> None:
    assert rules.withdrawals(5, None) == ()
    assert rules.withdrawals(5, [(b"\x02" * 20, 1)] * (rules.GRANTS_A_BLOCK + 1)) == ()


@given(st.one_of(st.none(), st.integers(0, 2**256 - 1)))
def test_the_floor_can_always_be_paid(said: int | None) -> None:
    assert 0 <= fees.floor_tip(said) <= fees.MAXIMUM_FLOOR_TIP


@given(st.integers(0, 10**9), st.one_of(st.none(), st.integers(0, 2**256 - 1)))
def test_no_period_divides_by_zero(number: int, period: int | None) -> None:
    if rules.is_grant_height(number, period):
        assert period is not None
        assert number % period == 0


# Validators


@pytest.mark.parametrize(
    "absurd",
    [
        None,
        [],
        [(b"\x01" * 32, 1), (b"\x01" * 32, 1)],
        [(bytes(32), 1)],
        [(b"\x01" * 32, 0)],
        [(b"\x01" * 32, rules.MAXIMUM_POWER + 1)],
        [(b"\x01" * 31, 1)],
        [(number.to_bytes(32, "big"), 1) for number in range(1, 66)],
    ],
    ids=["reverted", "empty", "repeated", "zero-key", "no-power", "overflow", "short", "too-many"],
)
def test_an_absurd_list_is_no_set(absurd: list[tuple[bytes, int]] | None) -> None:
    assert rules.usable_validators(absurd) is None


@given(ANY_POWERS)
def test_an_unusable_wish_changes_nothing(current: dict[bytes, int]) -> None:
    assert rules.next_validators(current, None) == current


@given(ANY_POWERS, ANY_POWERS)
def test_one_step_keeps_the_promises(current: dict[bytes, int], wanted: dict[bytes, int]) -> None:
    following = rules.next_validators(current, wanted)
    assert rules.usable_validators(list(following.items())) is not None
    if len(current) >= rules.MINIMUM_VALIDATORS:
        assert len(following) >= rules.MINIMUM_VALIDATORS
        moved = sum(abs(following.get(key, 0) - current.get(key, 0)) for key in current | following)
        assert 3 * moved < sum(current.values())
    # Nobody gets more than the larger of what it has and what is wanted, and nobody unasked comes in.
    for key, power in following.items():
        assert power <= max(current.get(key, 0), wanted.get(key, 0))
    # What consensus is told leads from one set to the other, and removes only who is there.
    told = dict(rules.changes(current, following))
    assert all(key in current for key, power in told.items() if power == 0)
    assert {k: p for k, p in (current | told).items() if p} == following


@given(SETS, SETS)
def test_steps_arrive(current: dict[bytes, int], wanted: dict[bytes, int]) -> None:
    reached = current
    for _ in range(400):
        following = rules.next_validators(reached, wanted)
        if following == reached:
            break
        reached = following
    assert reached == rules.next_validators(reached, wanted)
    for key, power in wanted.items():
        assert reached[key] == power
    if len(wanted) >= rules.MINIMUM_VALIDATORS or len(current) < rules.MINIMUM_VALIDATORS:
        assert reached == wanted


@given(ANY_POWERS, ANY_POWERS, st.randoms(use_true_random=False))
def test_the_order_of_a_list_changes_nothing(
    current: dict[bytes, int], wanted: dict[bytes, int], random: object
) -> None:
    shuffled = list(wanted.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert rules.next_validators(current, dict(shuffled)) == rules.next_validators(current, wanted)


def test_removing_one_of_four_keeps_it_whole() -> None:
    four = {bytes([n]) * 32: 10 for n in range(1, 5)}
    three = dict(list(four.items())[:3])
    assert rules.next_validators(four, three) == four


def test_replacing_one_of_four_takes_two_heights() -> None:
    four = {bytes([n]) * 32: 1 for n in range(1, 5)}
    wanted = dict(list(four.items())[1:]) | {b"\x09" * 32: 1}
    first = rules.next_validators(four, wanted)
    assert first == four | {b"\x09" * 32: 1}
    assert rules.next_validators(first, wanted) == wanted
