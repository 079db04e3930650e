# SPDX-License-Identifier: Apache-2.0
"""Following validators as they change: whatever the changes, a step holds exactly when CometBFT's rule says so."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_workshop import POWER, Voting, members
from workshop import CHAIN

from maillon.evidence.document import Fields
from maillon.evidence.errors import InsufficientPower, Invalid, Unreadable, ValidatorSetMismatch
from maillon.evidence.light import LightBlock, Trusted, verify_chain, verify_step

NAMES = "bcdefgh"
SETS = st.sets(st.sampled_from(NAMES), min_size=1).map(lambda names: "".join(sorted(names)))
POWERS = st.fixed_dictionaries({name: st.integers(1, 100) for name in NAMES})


def power(names: set[str], powers: dict[str, int]) -> int:
    return sum(powers[name] for name in names)


@settings(max_examples=300)
@given(SETS, SETS, SETS, POWERS, POWERS)
def test_a_skipping_step_holds_when_enough_of_both_signed(
    old: str, new: str, signing: str, old_powers: dict[str, int], new_powers: dict[str, int]
) -> None:
    signers = set(new) & set(signing)
    trusted = Trusted(10, members(old, old_powers))
    block = Voting(90, new, new_powers, signers="".join(signers)).block()
    same = trusted.validators == block.validators
    enough_old = same or 3 * power(signers & set(old), old_powers) > power(set(old), old_powers)
    enough_new = 3 * power(signers, new_powers) > 2 * power(set(new), new_powers)
    if enough_old and enough_new:
        verify_step(trusted, block, CHAIN)
    else:
        with pytest.raises(InsufficientPower):
            verify_step(trusted, block, CHAIN)


@given(SETS, SETS, SETS, st.booleans())
def test_the_next_height_has_the_set_announced(old: str, announced: str, comes: str, known: bool) -> None:
    first = Voting(10, old, following=announced)
    trusted = Trusted(10, members(old), first.header().next_validators_hash if known else None)
    block = Voting(11, comes).block()
    overlap = POWER * len(set(comes) & set(old))
    holds = comes == announced if known else comes == old or 3 * overlap > POWER * len(old)
    if holds:
        verify_step(trusted, block, CHAIN)
    else:
        with pytest.raises(ValidatorSetMismatch if known else InsufficientPower):
            verify_step(trusted, block, CHAIN)


@settings(max_examples=40)
@given(st.lists(st.tuples(SETS, st.integers(1, 3)), min_size=1, max_size=10))
def test_a_chain_holds_when_each_of_its_steps_does(changes: list[tuple[str, int]]) -> None:
    height, blocks = 1, []
    for position, (names, step) in enumerate(changes):
        height += step
        following = changes[position + 1][0] if position + 1 < len(changes) and changes[position + 1][1] == 1 else None
        blocks.append(Voting(height, names, following=following).block())
    first = trusted = Trusted(1, members(changes[0][0]))
    try:
        for block in blocks:
            verify_step(trusted, block, CHAIN)
            trusted = Trusted.after(block)
    except Invalid as error:
        with pytest.raises(type(error)):
            verify_chain(first, blocks[:-1], blocks[-1], CHAIN)
    else:
        verify_chain(first, blocks[:-1], blocks[-1], CHAIN)


def test_what_is_trusted_after_a_step_is_that_block() -> None:
    voting = Voting(90, following="bcdf")
    verify_step(Trusted(1, members("bcde")), voting.block(), CHAIN)
    assert Trusted.after(voting.block()) == Trusted(90, members("bcde"), members("bcdf").hash())


def test_a_third_of_the_old_cannot_rewrite_a_height_that_is_known() -> None:
    # Two of four sign another set for the very height that is trusted, and its new members all do.
    with pytest.raises(ValidatorSetMismatch):
        verify_step(Trusted(10, members("bcde")), Voting(10, "bcfg").block(), CHAIN)
    verify_step(Trusted(10, members("bcde")), Voting(11, "bcfg").block(), CHAIN)


def test_a_light_block_is_read_as_it_is_written() -> None:
    block = Voting().block()
    assert LightBlock.from_json(Fields(block.to_json(), "it")) == block
    for lacking in ("header", "commit", "validators"):
        document = block.to_json()
        del document[lacking]
        with pytest.raises(Unreadable):
            LightBlock.from_json(Fields(document, "it"))
    with pytest.raises(Unreadable):
        LightBlock.from_json(Fields(block.to_json() | {"more": 1}, "it"))
