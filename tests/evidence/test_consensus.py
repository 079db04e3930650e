# SPDX-License-Identifier: Apache-2.0
"""A commit is worth the power that signed it, and not a vote more: for any powers, rounds, absences and repetitions."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_workshop import Voting, members, validator_key
from workshop import CHAIN

from maillon.evidence.consensus import (
    MAXIMUM_TOTAL_POWER,
    MAXIMUM_VALIDATORS,
    BlockId,
    Commit,
    CommitSignature,
    ConsensusHeader,
    Instant,
    SignedHeader,
    Validator,
    ValidatorSet,
    verify_commit,
    verify_validators,
    vote_sign_bytes,
)
from maillon.evidence.document import Fields
from maillon.evidence.errors import (
    CommitSignatureMismatch,
    HeaderMismatch,
    InsufficientPower,
    Unreadable,
    ValidatorSetMismatch,
)
from maillon.evidence.hashing import sha256

NAMES = "bcdefg"
POWERS = st.fixed_dictionaries({name: st.integers(1, 1000) for name in NAMES})
CHOICE = st.lists(st.sampled_from(("commit", "nil", "absent")), min_size=len(NAMES), max_size=len(NAMES))


def with_signatures(signed: SignedHeader, signatures: list[CommitSignature]) -> SignedHeader:
    return dataclasses.replace(signed, commit=dataclasses.replace(signed.commit, signatures=tuple(signatures)))


@given(POWERS, CHOICE, st.integers(0, 2**31 - 1))
def test_it_holds_when_more_than_two_thirds_signed_and_only_then(
    powers: dict[str, int], choice: list[str], round_number: int
) -> None:
    signers = "".join(name for name, made in zip(NAMES, choice, strict=True) if made == "commit")
    nil = "".join(name for name, made in zip(NAMES, choice, strict=True) if made == "nil")
    voting = Voting(voters=NAMES, powers=powers, signers=signers, nil=nil, round=round_number)
    signed, voters = voting.signed(), members(NAMES, powers)
    verify_validators(signed.header, voters)
    if 3 * sum(powers[name] for name in signers) > 2 * sum(powers.values()):
        verify_commit(signed, CHAIN, voters)
    else:
        with pytest.raises(InsufficientPower):
            verify_commit(signed, CHAIN, voters)


@given(st.lists(st.sampled_from(range(4)), max_size=12))
def test_nobody_counts_twice(places: list[int]) -> None:
    signed, voters = Voting().signed(), members("bcde")
    repeated = with_signatures(signed, [signed.commit.signatures[place] for place in places])
    if len(set(places)) >= 3:
        verify_commit(repeated, CHAIN, voters)
    else:
        with pytest.raises(InsufficientPower):
            verify_commit(repeated, CHAIN, voters)


@given(st.integers(0, 2), st.integers(0, 511))
def test_each_bit_of_a_vote_that_counts_matters(place: int, bit: int) -> None:
    signed, voters = Voting().signed(), members("bcde")
    votes = list(signed.commit.signatures)
    altered = bytearray(votes[place].signature)
    altered[bit // 8] ^= 1 << bit % 8
    votes[place] = dataclasses.replace(votes[place], signature=bytes(altered))
    with pytest.raises(CommitSignatureMismatch):
        verify_commit(with_signatures(signed, votes), CHAIN, voters)


@pytest.mark.parametrize(
    "name", [field.name for field in dataclasses.fields(ConsensusHeader) if field.name not in ("chain_id", "height")]
)
def test_each_field_of_the_header_is_signed(name: str) -> None:
    signed, voters = Voting().signed(), members("bcde")
    value = getattr(signed.header, name)
    other: object
    if isinstance(value, bytes):
        other = bytes([value[0] ^ 1]) + value[1:]
    elif isinstance(value, int):
        other = value + 1
    elif isinstance(value, Instant):
        other = Instant(value.seconds, value.nanoseconds + 1)
    else:
        other = BlockId()
    changed = dataclasses.replace(signed.header, **{name: other})
    with pytest.raises(HeaderMismatch):
        verify_commit(SignedHeader(changed, signed.commit), CHAIN, voters)


def test_a_vote_of_another_block_round_height_or_chain_is_false() -> None:
    signed, voters = Voting().signed(), members("bcde")
    commit = signed.commit
    key = validator_key("b")
    address = sha256(key.public_key().public_bytes_raw())[:20]
    place = next(number for number, vote in enumerate(commit.signatures) if vote.validator_address == address)
    moment = Instant(1)
    for chain, height, round_number, block_id in (
        ("another", 5, 0, commit.block_id),
        (CHAIN, 6, 0, commit.block_id),
        (CHAIN, 5, 1, commit.block_id),
        (CHAIN, 5, 0, BlockId(bytes(32), 1, commit.block_id.parts_hash)),
        (CHAIN, 5, 0, BlockId(commit.block_id.hash, 1, bytes(32))),
        (CHAIN, 5, 0, BlockId(commit.block_id.hash, 2, commit.block_id.parts_hash)),
        (CHAIN, 5, 0, BlockId()),
    ):
        votes = list(commit.signatures)
        vote = key.sign(vote_sign_bytes(chain, height, round_number, block_id, moment))
        # First in the list, so that it is examined before the others are enough.
        votes.insert(0, CommitSignature(2, address, moment, vote))
        del votes[place + 1]
        with pytest.raises(CommitSignatureMismatch):
            verify_commit(with_signatures(signed, votes), CHAIN, voters)


def test_a_sealer_alone() -> None:
    # What the embedded ledger does: a header, its own vote, and both read back from their JSON.
    signed, voters = Voting(voters="b", height=1).signed(), members("b")
    read = SignedHeader.from_json(Fields(signed.to_json(), "it"))
    assert read == signed
    verify_commit(read, CHAIN, voters)
    with pytest.raises(InsufficientPower):
        verify_commit(with_signatures(signed, []), CHAIN, voters)


def test_what_the_next_header_says_of_the_last_commit() -> None:
    commit = Voting(signers="bc", nil="d").signed().commit
    assert len({commit.hash(), Voting().signed().commit.hash(), Commit(1, 0, BlockId(), ()).hash()}) == 3
    assert Commit(1, 0, BlockId(), ()).hash() == sha256(b"")
    # An absent validator stands there with Go's zero time, as CometBFT encodes it.
    absent = next(vote for vote in commit.signatures if vote.flag == 1)
    assert absent.encode() == bytes.fromhex("08011a0b088092b8c398feffffff01")


@given(st.integers(-62_135_596_800, 253_402_300_799), st.integers(0, 999_999_999))
def test_times_are_read_as_they_are_written(seconds: int, nanoseconds: int) -> None:
    instant = Instant(seconds, nanoseconds)
    text = str(instant)
    assert Instant.parse(text) == instant
    assert not text.endswith("0Z") or "." not in text
    whole = datetime.datetime.fromisoformat(text.partition(".")[0].removesuffix("Z") + "+00:00")
    assert whole == datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "2026-05-28", "2026-05-28T20:26:40", "2026-05-28t20:26:40Z", "2026-05-28T20:26:60Z", "2026-05-28T24:00:00Z",
     "2026-13-01T00:00:00Z", "2026-05-28T20:26:40.Z", "2026-05-28T20:26:40,5Z", "0000-01-01T00:00:00Z",
     "\u0662\u0660\u0662\u0666-05-28T20:26:40Z", " 2026-05-28T20:26:40Z", "2026-05-28T20:26:40Z\n"],
)  # fmt: skip
def test_other_times_are_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        Instant.parse(text)


def key_number(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_a_set_has_limits() -> None:
    # Keys are only hashed here: any 32 bytes do.
    ValidatorSet(tuple(Validator(key_number(number), 1) for number in range(MAXIMUM_VALIDATORS)))
    for validators in (
        (),
        tuple(Validator(key_number(number), 1) for number in range(MAXIMUM_VALIDATORS + 1)),
        (Validator(bytes(32), 1), Validator(bytes(32), 2)),
        (Validator(bytes(32), MAXIMUM_TOTAL_POWER), Validator(key_number(1), 1)),
    ):
        with pytest.raises(Unreadable):
            ValidatorSet(validators)


@given(POWERS, st.permutations(NAMES))
def test_the_order_of_a_set_is_power_then_address(powers: dict[str, int], order: list[str]) -> None:
    voters = members("".join(order), powers)
    assert voters.hash() == members(NAMES, powers).hash()
    keys = [(-validator.power, validator.address) for validator in voters.validators]
    assert keys == sorted(keys)
    shuffled = ValidatorSet(voters.validators[::-1])
    with pytest.raises(ValidatorSetMismatch):
        verify_validators(Voting(voters=NAMES, powers=powers).header(), shuffled)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_a_key_that_is_no_point_is_an_error_of_ours(key: bytes, signature: bytes) -> None:
    voters = ValidatorSet((Validator(key, 1),))
    signed = Voting(voters="b").signed()
    vote = dataclasses.replace(
        signed.commit.signatures[0], validator_address=Validator(key, 1).address, signature=signature
    )
    # The few points of small order verify signatures nobody made: such a key is one whose secret is published.
    with contextlib.suppress(CommitSignatureMismatch):
        verify_commit(with_signatures(signed, [vote]), CHAIN, voters)
