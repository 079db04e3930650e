# SPDX-License-Identifier: Apache-2.0
"""From trusted validators to those of a later block, through the changes between them (CometBFT light client).

Two ways, as in CometBFT's specification: *adjacent*, when the trusted header names the next set; *skipping*, when more
than a third of the trusted power signed the later header, so that at least one honest trusted validator did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from maillon.evidence.consensus import (
    MAXIMUM_VALIDATORS,
    SignedHeader,
    Validator,
    ValidatorSet,
    verify_commit,
    verify_validators,
)
from maillon.evidence.document import Fields
from maillon.evidence.errors import HeaderMismatch, Invalid, ValidatorSetMismatch

MAXIMUM_UPDATES = 200


@dataclass(frozen=True, slots=True)
class LightBlock:
    """A signed header with the validators that signed it."""

    signed: SignedHeader
    validators: ValidatorSet

    @classmethod
    def from_json(cls, fields: Fields) -> LightBlock:
        """From `{header, commit, validators}`; raises `Unreadable`."""
        validators = ValidatorSet(fields.each("validators", MAXIMUM_VALIDATORS, Validator.from_json))
        return cls(SignedHeader.from_json(fields), validators)

    def to_json(self) -> dict[str, Any]:
        """The inverse."""
        return self.signed.to_json() | {"validators": [validator.to_json() for validator in self.validators.validators]}


@dataclass(frozen=True, slots=True)
class Trusted:
    """What we rely on: the validators of `height`, and, after a step, the hash of those of the next height."""

    height: int
    validators: ValidatorSet
    next_validators_hash: bytes | None = None

    @classmethod
    def after(cls, block: LightBlock) -> Trusted:
        """What a block that was verified leaves to rely on."""
        header = block.signed.header
        return cls(header.height, block.validators, header.next_validators_hash)


def verify_step(trusted: Trusted, block: LightBlock, chain_id: str) -> None:
    """Raise `Invalid` of some kind unless `block` follows from what is trusted.

    1. It is later than what we trust, or the very height whose validators we trust.
    2. Its header names the validators it comes with.
    3. At the trusted height it is the trusted set; at the next, the set the trusted header names, when we have that
       header. Further on, it is the trusted set, or more than a third of the trusted power signed it.
    4. More than two thirds of its own validators signed it.
    """
    header = block.signed.header
    # Step 1.
    if header.height < trusted.height:
        raise HeaderMismatch(
            "the header is older than what is trusted", expected=f"at least {trusted.height}", found=str(header.height)
        )
    # Step 2.
    verify_validators(header, block.validators)
    # Step 3.
    current = trusted.validators.hash()
    announced = {trusted.height: current, trusted.height + 1: trusted.next_validators_hash}.get(header.height)
    if announced is not None:
        # Known beforehand: a third of the old power cannot put another set here.
        if header.validators_hash != announced:
            raise ValidatorSetMismatch(
                "the validators are not those announced for this height",
                expected=announced.hex(),
                found=header.validators_hash.hex(),
            )
    elif header.validators_hash != current:
        verify_commit(block.signed, chain_id, trusted.validators, (1, 3))
    # Step 4.
    verify_commit(block.signed, chain_id, block.validators)


class Ascent:
    """The way from what is trusted to a height, in as few steps as the changes of validators allow, by halving.

    `wanted` is the height whose block to `take` next, None at the end; `steps` are the blocks that were needed, the
    last of them that of the height. Where blocks come from is the caller's.
    """

    def __init__(self, trusted: Trusted, height: int, chain_id: str) -> None:
        self._trusted = trusted
        self._chain_id = chain_id
        self._targets = [height]
        self.steps: list[LightBlock] = []

    @property
    def wanted(self) -> int | None:
        """The height to give the block of."""
        return self._targets[-1] if self._targets else None

    def take(self, block: LightBlock) -> None:
        """The block of the wanted height. Raises `Invalid` when no block lies between and it does not follow."""
        try:
            verify_step(self._trusted, block, self._chain_id)
        except Invalid:
            middle = (self._trusted.height + self._targets[-1]) // 2
            if middle in (self._trusted.height, self._targets[-1]):
                raise
            self._targets.append(middle)
        else:
            self._trusted = Trusted.after(block)
            self._targets.pop()
            self.steps.append(block)


def verify_chain(trusted: Trusted, updates: Sequence[LightBlock], final: LightBlock, chain_id: str) -> None:
    """Follow every update, then the final block. No update is the ordinary case: the set never changed."""
    for update in updates:
        verify_step(trusted, update, chain_id)
        trusted = Trusted.after(update)
    verify_step(trusted, final, chain_id)
