# SPDX-License-Identifier: Apache-2.0
"""What can go wrong when credits are asked about, or asked for."""

from __future__ import annotations

from typing import ClassVar


class CreditsError(Exception):
    """Base of everything this service raises on purpose."""

    slug: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    advice: ClassVar[str]


class UnknownMember(CreditsError):
    """No active member has this number: nobody grants it credits."""

    slug = "unknown-credits"
    status = 404
    title = "No active member has this number"
    advice = "The directory of members names them; one that was suspended or left is granted nothing."


class NotAnAccount(CreditsError):
    """The text is not an account."""

    slug = "not-an-account"
    status = 422
    title = "This is not an account"
    advice = "An account is 0x and 40 hexadecimal digits, as a wallet shows it."


class NoFaucet(CreditsError):
    """This network gives nothing to whoever asks."""

    slug = "no-faucet"
    status = 404
    title = "Only a sandbox gives credits away"
    advice = "On a network members are granted credits in each period, and can send some to one another."


class FaucetEmpty(CreditsError):
    """The sandbox cannot give now: the account has enough, or the sandbox's own account has not."""

    slug = "faucet-refused"
    status = 409
    title = "The sandbox gives this account nothing now"
    advice = "An account is filled up to ten credits; ask again once it has used some."


class CreditsUnavailable(CreditsError):
    """The ledger did not answer."""

    slug = "credits-unavailable"
    status = 503
    title = "The ledger does not answer, so credits are not known"
    advice = "Try again in a moment."
