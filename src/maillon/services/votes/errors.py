# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with votes: one class for each situation.

*Refused* is the request's own fault, or the law's answer to it. *Unavailable* is ours: the same request may pass later.
*Contradiction* is evidence against whoever gave it: an export whose events cannot all be true.
"""

from __future__ import annotations

from typing import ClassVar


class VotesError(Exception):
    """Base of everything this service raises on purpose."""


class Refused(VotesError):
    """The request cannot be served as it is. `slug` names the problem page, `advice` says what to do."""

    slug = "votes-refused"
    status = 422
    title = "This cannot be done in this vote"
    advice = "Correct what is named; docs/formats/votes.md describes every request."
    headers: ClassVar[dict[str, str]] = {}


class UnknownProposal(Refused):
    """No proposal has that number."""

    slug = "unknown-proposal"
    status = 404
    title = "There is no such proposal"
    advice = "Proposals are numbered from 1; the list of votes shows them all."


class NoRecord(Refused):
    """The vote has not closed, or its record is being made and notarised."""

    slug = "no-vote-record"
    status = 404
    title = "There is no record of this vote yet"
    advice = "A record is made a minute after the close, and its receipt some seconds later."


class InvalidProposal(Refused):
    """What is to be proposed is not complete, or cannot be written on the chain."""

    slug = "invalid-proposal"
    title = "The proposal is not complete"
    advice = "Give a kind, a text whose first line is its title, and the times between which the vote is open."

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


class InvalidPosition(Refused):
    """A position is none of the four, or an objection gives no reason."""

    slug = "invalid-position"
    title = "The position cannot be taken like this"
    advice = "Positions are for, against, abstain and object; an objection needs a reason."


class VoteNotOpen(Refused):
    """Nothing can be signed in this vote now: it has not opened, or it has closed."""

    slug = "vote-not-open"
    status = 409
    title = "This vote is not open"
    advice = "The page of the vote says when it opens, or that it has closed."


class GovernanceMoved(Refused):
    """A vote led the name Governance to a contract of another code, which is another law than the one known here."""

    slug = "governance-moved"
    status = 409
    title = "Votes are taken by another contract"
    advice = "Earlier votes are still read here. Nothing is proposed here until a version that knows the other law."


class RegisterMoved(Refused):
    """A vote led the name Members to another contract: who votes, and with what weight, is what that one says."""

    slug = "register-moved"
    status = 409
    title = "The register of members is another contract now"
    advice = "The former register is still read here. What changes the new one is sent to that contract by other means."


class InvalidProxy(Refused):
    """A proxy cannot be given like this."""

    slug = "invalid-proxy"
    title = "The proxy cannot be given like this"
    advice = "Choose a member that is not the organisation itself, and a vote or a date to come."

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(reason)
        self.field = field


class UnknownVoter(Refused):
    """No organisation has that number."""

    slug = "unknown-voter"
    status = 404
    title = "There is no such organisation"
    advice = "Organisations are numbered from 1; the directory of members shows them all."


class InvalidAct(Refused):
    """What was to be signed is not an act of votes."""

    slug = "invalid-act"
    title = "This is not an act of votes"
    advice = "Go back to the page of the vote and choose again; docs/formats/votes.md describes each act."


class InvalidText(Refused):
    """A text is empty, too long, or not the one whose digest stands on the chain."""

    slug = "invalid-text"
    title = "The text cannot be kept"
    advice = "Send the very text whose SHA-256 digest the proposal or the objection names, in UTF-8."


class InvalidExport(Refused):
    """A file is not an export of votes that this program can read."""

    slug = "invalid-export"
    title = "This is not an export of votes"
    advice = "Export it again with maillon votes export, or see docs/formats/votes.md."


class RefusedByLaw(Refused):
    """The contract refuses the act; its own words say why."""

    slug = "refused-by-law"
    status = 409
    title = "The law of the chain refuses this act"
    advice = (
        "Nothing was changed. The reason is the contract's own; the page of the proposal shows where the vote stands."
    )

    @property
    def reason(self) -> str:
        """The contract's own words."""
        return str(self).removeprefix("the chain refuses it: ")


class Contradiction(VotesError):
    """The events of an export contradict each other, or what the contract answered: somebody altered them."""


class Unavailable(VotesError):
    """It could not be done now; nothing was changed, and the same request may pass later."""

    slug = "unavailable"
    status = 503
    title = "This cannot be done at the moment"
    advice = "Nothing was changed. Try again in a few seconds."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class LedgerUnavailable(Unavailable):
    """The chain could not be asked, or did not answer in time."""


class NotNotarised(VotesError):
    """The log did not take a record now; it is entered at the next round."""
