# SPDX-License-Identifier: Apache-2.0
"""The rules every validator computes alike: pure functions of the parent's state and of the proposal. Consensus code.

A rule here that the engine's builder does not share could halt the chain; that is why a proposer runs all of
`check_payload` on its own payload first, and proposes the empty one when it is refused. And because contracts feed
these rules, every view of a contract may be unusable: no contract can stop the chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from maillon.evidence.errors import Unreadable
from maillon.evidence.hashing import sha256
from maillon.evidence.rlp import to_integer
from maillon.ledger.fees import DEFAULT_FLOOR_TIP
from maillon.network.errors import ProposalRefused
from maillon.network.payload import Payload, Withdrawal

FEE_RECIPIENT: Final = bytes(20)
"""Nobody: fees are burnt."""
PREV_RANDAO: Final = bytes(32)
"""There is no beacon chain to give randomness; contracts must not expect any."""
PARENT_BEACON_ROOT: Final = bytes(32)
EXTRA_DATA: Final = b"maillon"
"""geth would write its version and operating system here."""

MINIMUM_VALIDATORS: Final = 4
"""The fewest that survive the fault of one; once reached, never fewer."""
MAXIMUM_VALIDATORS: Final = 64
MAXIMUM_POWER: Final = 2**40

GRANTS_A_BLOCK: Final = 2048
MINIMUM_PERIOD: Final = 1
MAXIMUM_PERIOD: Final = 10_000_000
"""Blocks between two grants of credits."""

BLOB_TRANSACTION: Final = 3
EXCESS_BLOB_GAS: Final = 100
"""Of block zero, and so of every block: without blobs it never changes (EIP-4844).

Not zero. From a base fee of 17 wei on, EIP-7918 has the engine divide by the most blobs a block can hold, which is none
here: a few full blocks would have stopped every engine for good. It asks first whether the base fee's share is above
the price of a blob; with this excess and an update fraction of 1 that price is e¹⁰⁰ wei a unit of blob gas, which no
base fee reaches that anybody could pay.
"""
_KNOWN_TYPES: Final = frozenset({1, 2, 4})
_LEGACY_FROM: Final = 0xC0
"""The first byte of a legacy transaction is that of an RLP list (EIP-2718)."""
_TIP_FIELDS: Final = {0: (1, 1), 1: (2, 2), 2: (2, 3), 4: (2, 3)}
"""Type → places of the greatest tip and the greatest fee among a transaction's fields."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The block a proposal builds on: the newest final one."""

    hash: bytes
    number: int
    timestamp: int
    gas_limit: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What the contracts say, in the parent's state, about the next block."""

    withdrawals: tuple[Withdrawal, ...] = ()
    floor_tip: int = DEFAULT_FLOOR_TIP


ValidatorView = Mapping[bytes, int]
"""Ed25519 key → power."""


# Time


def timestamp(parent: Parent, proposal_seconds: int) -> int:
    """Seconds of the next block: exactly this, and nothing else.

    The proposal's time is the median of the last commit's votes, the same for whoever checks it, so nobody's clock is
    asked. One dishonest proposer moved the chain's time two days ahead where only `newPayload` checked it.
    """
    return max(parent.timestamp + 1, proposal_seconds)


# Credits


def is_grant_height(number: int, period_length: int | None) -> bool:
    """Whether this block gives credits. None, or an absurd length, gives none."""
    return (
        period_length is not None and MINIMUM_PERIOD <= period_length <= MAXIMUM_PERIOD and number % period_length == 0
    )


def withdrawals(number: int, grants: Sequence[tuple[bytes, int]] | None) -> tuple[Withdrawal, ...]:
    """The withdrawals of block `number`, from (account, gwei) as the contract lists them.

    None, or more than a block carries, gives none: half a list would be a list nobody voted for.
    """
    if grants is None or len(grants) > GRANTS_A_BLOCK:
        return ()
    return tuple(
        Withdrawal(number * GRANTS_A_BLOCK + position, account, amount)
        for position, (account, amount) in enumerate(grants)
        if 0 < amount < 2**64 and len(account) == 20
    )


# Transactions


def effective_tip(transaction: bytes, base_fee: int) -> int:
    """Wei per gas above the base fee that a transaction pays (EIP-1559); negative when it does not cover it.

    Raises `ProposalRefused` for a blob transaction (there is nowhere to keep blobs), an unknown type, or bytes that
    are no transaction.
    """
    first = transaction[0] if transaction else 0
    kind, start = (0, 0) if first >= _LEGACY_FROM else (first, 1)
    if kind == BLOB_TRANSACTION:
        raise ProposalRefused("transaction type", "no blobs", kind)
    if start and kind not in _KNOWN_TYPES:
        raise ProposalRefused("transaction type", "0, 1, 2 or 4", kind)
    tip_place, fee_place = _TIP_FIELDS[kind]
    try:
        fields = _leading_fields(transaction, start, fee_place + 1)
        tip = to_integer(fields[tip_place], "a tip")
        fee = to_integer(fields[fee_place], "a fee")
    except Unreadable as error:
        raise ProposalRefused("transaction", "a signed transaction", str(error)) from error
    return fee - base_fee if kind in {0, 1} else min(tip, fee - base_fee)


def _leading_fields(data: bytes, start: int, count: int) -> list[bytes]:
    """The first `count` fields of an RLP list, all of them short numbers: the rest of a transaction is not looked at.

    A whole decoding of each transaction would cost a full block more than its execution.
    """
    if len(data) <= start or data[start] < _LEGACY_FROM:
        raise Unreadable("a transaction is not a list")
    position = start + 1 if data[start] <= 0xF7 else start + 1 + data[start] - 0xF7
    fields = []
    for _ in range(count):
        if position >= len(data):
            raise Unreadable("a transaction is cut short")
        prefix = data[position]
        if prefix < 0x80:
            fields.append(data[position : position + 1])
            position += 1
            continue
        end = position + 1 + prefix - 0x80
        if prefix > 0x80 + 32 or end > len(data):
            raise Unreadable("a field of a transaction is not a number")
        fields.append(data[position + 1 : end])
        position = end
    return fields


# The whole payload


def check_payload(payload: Payload, parent: Parent, proposal_seconds: int, terms: Terms) -> None:
    """Raise `ProposalRefused` unless an honest proposer could have made the payload. Then the engine executes it.

    1. It follows the parent, by number and hash.
    2. Its time is the one time there is.
    3. Fees go to nobody, randomness is none, the extra data names no machine.
    4. The gas limit is the network's: by Ethereum's own rule a proposer could move it by a 1,024th each block.
    5. No blobs: none of their gas is used, and its excess is that of block zero.
    6. Credits are given to exactly those the contract lists, in its order.
    7. Every transaction is of a known type and pays the floor tip.
    """
    # Step 1.
    _equal("number", parent.number + 1, payload.number)
    _equal("parent", parent.hash, payload.parent_hash)
    # Step 2.
    _equal("timestamp", timestamp(parent, proposal_seconds), payload.timestamp)
    # Step 3.
    _equal("fee recipient", FEE_RECIPIENT, payload.fee_recipient)
    _equal("randao", PREV_RANDAO, payload.prev_randao)
    _equal("extra data", EXTRA_DATA, payload.extra_data)
    # Step 4.
    _equal("gas limit", parent.gas_limit, payload.gas_limit)
    # Step 5.
    _equal("blob gas used", 0, payload.blob_gas_used)
    _equal("excess blob gas", EXCESS_BLOB_GAS, payload.excess_blob_gas)
    # Step 6.
    _equal("withdrawals", terms.withdrawals, payload.withdrawals)
    # Step 7.
    for transaction in payload.transactions:
        tip = effective_tip(transaction, payload.base_fee)
        if tip < terms.floor_tip:
            raise ProposalRefused("floor tip", f"at least {terms.floor_tip} wei", tip)


def _equal(rule: str, expected: object, found: object) -> None:
    if expected != found:
        raise ProposalRefused(rule, expected, found)


# Validators


def usable_validators(entries: Sequence[tuple[bytes, int]] | None) -> dict[bytes, int] | None:
    """The contract's list as key → power; None when it cannot be a validator set.

    None: it reverted, is empty or over 64 long, repeats a key, has the key of all zeros, or a power outside 1 to 2⁴⁰.
    """
    if entries is None or not 0 < len(entries) <= MAXIMUM_VALIDATORS:
        return None
    view = dict(entries)
    if len(view) != len(entries) or any(len(key) != 32 or not any(key) for key in view):
        return None
    return view if all(0 < power <= MAXIMUM_POWER for power in view.values()) else None


def address_of_key(key: bytes) -> bytes:
    """A validator's address in consensus: the first twenty bytes of SHA-256 of its key."""
    return sha256(key)[:20]


def next_validators(current: ValidatorView, wanted: ValidatorView | None) -> dict[bytes, int]:
    """The set one height later, on the way from `current` to `wanted`; an unusable wish changes nothing.

    * A set that has four members or more never has fewer.
    * Less than a third of the current power changes, in sum, at one height: light clients can follow by skipping, and
      no single block hands the network over. Larger changes take several heights, in an order all compute alike:
      increases and newcomers first, then decreases and departures, by key.
    * Below four members nothing protects anyone yet, and the wish is taken whole.
    """
    if wanted is None or dict(wanted) == dict(current):
        return dict(current)
    if len(current) < MINIMUM_VALIDATORS:
        return dict(wanted)
    budget = (sum(current.values()) - 1) // 3
    following = dict(current)
    for key in sorted(wanted):
        rise = wanted[key] - following.get(key, 0)
        if rise > 0 and budget > 0:
            # A newcomer is one more member, and the list may be full of those who are leaving.
            if key not in following and len(following) >= MAXIMUM_VALIDATORS:
                continue
            step = min(rise, budget)
            following[key] = following.get(key, 0) + step
            budget -= step
    # Whom the floor of four keeps, it keeps whole.
    leaving = sorted(key for key in following if key not in wanted)[: max(0, len(following) - MINIMUM_VALIDATORS)]
    for key in [*(key for key in sorted(wanted) if key in following), *leaving]:
        step = min(max(0, following[key] - wanted.get(key, 0)), budget)
        following[key] -= step
        budget -= step
    return {key: power for key, power in following.items() if power}


def changes(before: ValidatorView, after: ValidatorView) -> list[tuple[bytes, int]]:
    """What consensus is told: (key, new power) of each difference, by key; power 0 removes.

    Only differences: removing a key that is not in the set stops CometBFT for good.
    """
    changed = {key: power for key, power in after.items() if before.get(key) != power}
    gone = {key: 0 for key in before if key not in after}
    return sorted((changed | gone).items())
