# SPDX-License-Identifier: Apache-2.0
"""The law of voting as pure functions: majorities, states, what is missing, and a recount by anyone.

These mirror `contracts/governance.vy` and never decide: tests compare them with the contract in every state they reach.
They are what makes a sentence about a vote true, and what lets somebody who trusts no platform count again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from maillon.services.votes.model import (
    COLLEGES,
    Lacking,
    Outlook,
    Proposal,
    ProposedCall,
    State,
    Statutes,
    Tally,
    Terms,
)

PARTS = 10_000
"""Parts of a quorum."""
MOST_OF_ONE = 2
"""How many votes of one proposer may be open at once."""
CASTING_GAS = 125_000
"""About what taking a first position costs; `contracts/gas.json` has the exact figure of one."""
_EXECUTING_GAS = 95_000
"""About what `execute` costs beside its calls: finding that it passed, and keeping that it was done."""
_GAS_OF_A_BYTE = 10
"""About what a byte of the calls costs: as data (EIP-2028; many are zero), in memory, hashed."""


def executing_gas(calls: Iterable[ProposedCall], rehearsed: int) -> int:
    """About what executing calls costs, given what they took when they were rehearsed."""
    size = sum(160 + len(call.data) for call in calls)
    return 21_000 + _EXECUTING_GAS + _GAS_OF_A_BYTE * size + rehearsed


def add_up(tallies: Iterable[Tally]) -> Tally:
    """All colleges together."""
    total = in_favour = against = abstaining = objecting = 0
    for tally in tallies:
        total += tally.total
        in_favour += tally.in_favour
        against += tally.against
        abstaining += tally.abstaining
        objecting += tally.objecting
    return Tally(total, in_favour, against, abstaining, objecting)


def quorum_needed(total: int, terms: Terms) -> int:
    """What weight must take a position: the quorum's part of the total, rounded up."""
    return -(-total * terms.quorum // PARTS)


def favour_needed(opposed: int, terms: Terms) -> int:
    """What weight in favour is enough against this opposition: the fraction of the kind, and more than a tie."""
    share = terms.denominator - terms.numerator
    return max(-(-terms.numerator * opposed // share), opposed + 1)


def has_majority(tally: Tally, terms: Terms) -> bool:
    """The majority as the statutes write it: so many of those for and against are for, and a tie refuses."""
    decided = tally.in_favour + tally.opposed
    return tally.in_favour * terms.denominator >= terms.numerator * decided and tally.in_favour > tally.opposed


def lacking(tally: Tally, terms: Terms, college: int | None) -> Lacking:
    """What a college, or all together (None), still lacks."""
    return Lacking(
        college=college,
        quorum=max(0, quorum_needed(tally.total, terms) - tally.present),
        majority=max(0, favour_needed(tally.opposed, terms) - tally.in_favour),
        undecided=tally.undecided,
    )


def missing(tallies: Mapping[int, Tally], terms: Terms, *, by_college: bool) -> tuple[Lacking, ...]:
    """What a proposal lacks: all together, then each college that has a vote, if the statutes count by college."""
    answers = [lacking(add_up(tallies.values()), terms, None)]
    if by_college:
        for college in range(COLLEGES):
            tally = tallies.get(college, Tally())
            if tally.total:
                answers.append(lacking(tally, terms, college))
    return tuple(answers)


def state(proposal: Proposal, lacks: Iterable[Lacking], *, executed: bool, now: int) -> State:
    """Where a proposal is at a time."""
    if executed:
        return State.EXECUTED
    if now < proposal.opens:
        return State.ANNOUNCED
    if now < proposal.closes:
        return State.OPEN
    if not all(each.nothing for each in lacks):
        return State.REFUSED
    if now < proposal.executable_from:
        return State.WAITING
    return State.EXECUTABLE if now < proposal.expires else State.EXPIRED


def outlook(
    proposal: Proposal,
    statutes: Statutes,
    tallies: Mapping[int, Tally],
    *,
    executed: bool,
    now: int,
    failure: str | None = None,
) -> Outlook:
    """Everything that can be said of a proposal at a time."""
    lacks = missing(tallies, statutes.terms_of(proposal.kind), by_college=statutes.by_college)
    return Outlook(
        state=state(proposal, lacks, executed=executed, now=now),
        kind=proposal.kind,
        lacking=tuple(each for each in lacks if not each.nothing),
        # Each vote in favour helps its college and the whole, so what suffices for each suffices for all at once.
        out_of_reach=any(each.majority > each.undecided for each in lacks),
        opens=proposal.opens,
        closes=proposal.closes,
        executable_from=proposal.executable_from,
        expires=proposal.expires,
        failure=failure,
    )
