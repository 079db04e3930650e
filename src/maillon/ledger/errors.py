# SPDX-License-Identifier: Apache-2.0
"""What can go wrong when we speak to a chain.

*Rejected* is the law saying no: asking again changes nothing. *Unavailable* is not having been able to ask:
nothing is known, and asking again may help. The two never share a class.
"""

from __future__ import annotations

from typing import ClassVar


class LedgerError(Exception):
    """Base of everything the ledger raises on purpose."""


class Rejected(LedgerError):
    """The chain's rules refuse the transaction or the call; the message is the one its clients expect."""


class InvalidTransaction(Rejected):
    """The bytes are not a signed transaction this chain understands."""


class WrongChain(Rejected):
    """The transaction was signed for another chain id (EIP-155)."""


class NonceTooLow(Rejected):
    """The nonce was used by a transaction already in a block."""


class NonceTooHigh(Rejected):
    """The nonce is so far ahead that the pool will not hold the transaction."""


class AlreadyKnown(Rejected):
    """The very same transaction is waiting already."""


class Underpriced(Rejected):
    """The tip is under the floor, or does not outbid the transaction it would replace."""


class InsufficientFunds(Rejected):
    """The account's credits do not cover value plus gas."""


class IntrinsicGasTooLow(Rejected):
    """The gas limit is under what the transaction costs before its first instruction."""


class GasLimitExceeded(Rejected):
    """The gas limit is over what one block carries."""


class PoolFull(Rejected):
    """The pool, or this account's share of it, is full; later may succeed with the same transaction."""


class Reverted(Rejected):
    """A contract refused. Carries the revert data, and the reason where it decodes (Error(string), Panic)."""

    def __init__(self, message: str, data: bytes = b"", reason: str | None = None) -> None:
        super().__init__(message)
        self.data = data
        self.reason = reason


class Unavailable(LedgerError):
    """The chain could not be asked, or did not answer in time: nothing is known of the outcome."""

    slug = "ledger-unavailable"
    status = 503
    title = "The ledger does not answer"
    advice = "What is in the log is kept. Try again in a few seconds."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class NotFound(LedgerError):
    """No such block, transaction or state on this chain."""


class CorruptStore(LedgerError):
    """The store contradicts itself; it must be restored, not guessed at."""


class NewerStore(LedgerError):
    """The store was written by a newer version of this program."""


class StoreInUse(LedgerError):
    """Another process holds the store of this home."""
