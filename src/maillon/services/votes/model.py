# SPDX-License-Identifier: Apache-2.0
"""The nouns of voting: proposals, what they would do, positions, counts, statutes. Frozen values.

Organisations and proposals are numbered from 1 by the chain; times are Unix times in seconds, as contracts compare
them; a weight is how much the vote of an organisation counts, 1 unless the statutes say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from maillon.ledger.port import Address, TransactionHash

COLLEGES = 8
"""Colleges are numbers below this."""
OF_ONE = 1_000_000
"""How many numbers the votes of one Governance have here: those of the next one are numbered on from there."""


def numbered(succession: int, number: int) -> int:
    """What a proposal, or a version of statutes, of a Governance has as its number among those of all of them.

    Each contract counts from 1, and a vote can lead the name to another one. Those of block zero's keep their number.
    """
    return OF_ONE * succession + number


def own_number(number: int) -> int:
    """Its number on its contract; 0 for what is of no vote."""
    return number % OF_ONE


def succession_of(number: int) -> int:
    """Of which Governance it is: 0 for that of block zero, 1 for the next."""
    return number // OF_ONE


@dataclass(frozen=True, slots=True)
class NamedGovernance:
    """A contract to which the Directory leads the name Governance, or did."""

    succession: int
    """0 for that of block zero, 1 for the next one it was led to."""
    address: Address
    version: int
    """The newest version of the name that leads to it: of the highest one is where votes are taken."""
    read: bool
    """Whether its code is that of block zero's: the law this program knows. Votes of another are not read."""


class _Word(IntEnum):
    """A number on the chain that has a word."""

    @property
    def word(self) -> str:
        """How it is written in requests and answers."""
        return self.name.lower()


class ProposalKind(_Word):
    """What a proposal is, which decides its quorum, majority and delays."""

    ORDINARY = 1
    CONSTITUTIONAL = 2
    EMERGENCY = 3


class Position(_Word):
    """What an organisation says to a proposal."""

    FOR = 1
    AGAINST = 2
    ABSTAIN = 3
    OBJECT = 4
    """Against, with a reason."""


class State(_Word):
    """Where a proposal is on its way. It depends on the time alone once the vote has closed."""

    ANNOUNCED = 1
    OPEN = 2
    REFUSED = 3
    WAITING = 4
    """It passed, and its delay runs."""
    EXECUTABLE = 5
    EXECUTED = 6
    EXPIRED = 7
    """It passed, and nobody executed it in time."""


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a kind of proposal is judged."""

    quorum: int
    """Which part of the weight must take a position, in ten-thousandths."""
    numerator: int
    denominator: int
    """Which part of those for and against must be for; a tie is never enough."""
    window: int
    """Least seconds a vote is open."""
    lock: int
    """Seconds between close and execution."""


@dataclass(frozen=True, slots=True)
class Statutes:
    """The rules of voting, in one version."""

    terms: tuple[Terms, Terms, Terms]
    """Ordinary, constitutional, emergency."""
    notice: int
    """Least seconds between proposing and opening, emergencies excepted."""
    expiry: int
    """Seconds during which what passed can be executed."""
    proxies: int
    """How many proxies a holder can use in one vote."""
    by_college: bool
    """Whether quorum and majority must be reached in each college as well."""
    weights: tuple[int, ...]
    """What the vote of an organisation weighs, by tier."""

    def terms_of(self, kind: ProposalKind) -> Terms:
        """The terms of a kind of proposal."""
        return self.terms[kind - 1]


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """One call a proposal makes when it is executed. No value is ever sent."""

    target: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as it was made. Nothing of it ever changes."""

    number: int
    kind: ProposalKind
    statutes: int
    """The version of the statutes it is judged by."""
    proposer: int
    text_hash: bytes
    """SHA-256 of the text people read."""
    calls: tuple[ProposedCall, ...]
    opens: int
    closes: int
    executable_from: int
    expires: int
    snapshot_block: int
    """The block in which it was made: who votes, and with what weight, is what the register said at that moment."""


@dataclass(frozen=True, slots=True)
class Executed:
    """That a proposal was executed, and by whom."""

    height: int
    time: int
    """Unix time in seconds of its block."""
    transaction: TransactionHash
    account: Address
    """Who sent the transaction."""
    organisation: int
    """To whom the account belonged then; 0 for nobody."""
    legal_name: str | None
    """What that organisation was called before it; None when the chain could not tell."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The count of one college, or of all: weights."""

    total: int = 0
    """Of the snapshot, without those struck since who have not come back."""
    in_favour: int = 0
    against: int = 0
    abstaining: int = 0
    objecting: int = 0
    """Counts as against."""

    @property
    def present(self) -> int:
        """Who has taken a position."""
        return self.in_favour + self.against + self.abstaining + self.objecting

    @property
    def undecided(self) -> int:
        """Who has not."""
        return self.total - self.present

    @property
    def opposed(self) -> int:
        """Against, with a reason or without."""
        return self.against + self.objecting


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one organisation said in one vote."""

    position: Position | None
    holder: int
    """Who cast it as a proxy; 0 when the organisation did itself."""
    weight: int
    college: int
    struck: bool = False
    """Whether it stopped being active while the vote was open, and has not come back: it counts in neither number then.

    `position` is what it had said itself: that stands again if it comes back before the close.
    """

    @property
    def counted(self) -> Position | None:
        """The position that counts now."""
        return None if self.struck else self.position

    def struck_out(self) -> Ballot:
        """Out of the vote: what a proxy cast is gone, what it said itself waits for it."""
        return replace(self, position=None if self.holder else self.position, holder=0, struck=True)


@dataclass(frozen=True, slots=True)
class Lacking:
    """What one college, or all together, still lacks."""

    college: int | None
    """None for all together."""
    quorum: int
    """What weight must still take a position."""
    majority: int
    """What weight must still be added in favour, if nobody changes position."""
    undecided: int
    """What weight has not taken a position."""

    @property
    def nothing(self) -> bool:
        """Whether it lacks nothing."""
        return self.quorum == 0 and self.majority == 0


@dataclass(frozen=True, slots=True)
class Count:
    """A whole vote, counted."""

    tallies: Mapping[int, Tally]
    """By college; one that never had a voter is not there."""
    ballots: Mapping[int, Ballot]
    """By organisation; one that took no position and was not struck is not there."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What can be said of a proposal now: everything the sentence is made from, and nothing else."""

    state: State
    kind: ProposalKind
    lacking: tuple[Lacking, ...]
    """All together, then each college that counts; only those that lack something."""
    out_of_reach: bool
    """Whether those who have not taken a position could not make it pass, even all in favour."""
    opens: int
    closes: int
    executable_from: int
    expires: int
    failure: str | None = None
    """Why the newest attempt to execute it failed."""

    @property
    def passes(self) -> bool:
        """Whether it passes as things stand; once the vote has closed, whether it passed."""
        return not self.lacking


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What calls met when they were tried on the newest block, from the seat and in order, and undone."""

    calls: int
    made: int
    """How many of them were accepted, before the first that was not."""
    gas: int
    """What those and the refused one took."""
    reason: str | None
    """Why the next one was refused, in the contract's words; None when all were accepted."""

    @property
    def applies(self) -> bool:
        """Whether all of it could be done as things stand."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Cost:
    """What saying yes costs, as far as gas goes. About: both depend a little on what stands there already."""

    casting: int
    """Gas of taking a position, once for each organisation that does."""
    executing: int | None
    """Gas of executing it, once for all; None where that could not be told."""
    price: int | None
    """Wei for a unit of gas now; None where it could not be asked."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy in force, or that was."""

    giver: int
    holder: int
    proposal: int
    """0 for every vote of a period."""
    until: int


@dataclass(frozen=True, slots=True)
class Execution:
    """An attempt to execute a proposal."""

    succeeded: bool
    height: int
    transaction: TransactionHash
    reason: str | None = None
    """What the failing call reverted with, in words."""
