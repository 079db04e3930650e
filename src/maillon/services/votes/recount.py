# SPDX-License-Identifier: Apache-2.0
"""The recount: every vote counted again from the chain's events alone, by the law, believing no answer of a contract.

Anyone can do it offline, from an export or from events fetched elsewhere. Each event is also held against the law: a
position of an organisation without a vote, after the close, under a proxy nobody gave, or of another weight than its
tier's is a `Contradiction`. Block zero leaves no events, so what the founders wrote into it is given beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from maillon.ledger.contracts.governance import (
    ExecutionFailed,
    PositionTaken,
    PositionWithdrawn,
    ProposalExecuted,
    Proposed,
    ProxyGiven,
    ProxyRevoked,
    StatutesChanged,
    VoterRestored,
    VoterStruck,
)
from maillon.ledger.contracts.members import Classified, OrganisationApplied, StatusChanged, SuspendedUntil
from maillon.ledger.port import Address
from maillon.services.votes.errors import Contradiction
from maillon.services.votes.model import (
    Ballot,
    Count,
    Position,
    Proposal,
    ProposalKind,
    ProposedCall,
    State,
    Statutes,
    Tally,
    Terms,
    numbered,
)
from maillon.services.votes.rules import missing, state

_APPLIED, _ACTIVE = 1, 2
_OF_THE_REGISTER = (OrganisationApplied, Classified, StatusChanged, SuspendedUntil)


@dataclass(frozen=True, slots=True)
class Standing:
    """What an organisation was at one moment, as far as votes ask."""

    status: int
    tier: int = 0
    college: int = 0
    suspended_until: int = 0
    """Unix time until which officers suspended it."""

    def is_active(self, now: int) -> bool:
        """Whether it has all the rights of a member."""
        return self.status == _ACTIVE and self.suspended_until <= now


@dataclass(frozen=True, slots=True)
class Founding:
    """What block zero holds and no event tells."""

    statutes: Statutes
    """Version 1."""
    organisations: Mapping[int, Standing]


@dataclass(frozen=True, slots=True)
class Dated:
    """An event, decoded, with the time of its block. `place` says where it stands, for messages."""

    event: Any
    time: int
    place: str = ""
    succession: int = 0
    """Of which Governance it is; of no account for an event of the register, which they all ask."""


@dataclass(frozen=True, slots=True)
class Recounted:
    """One vote, counted again."""

    proposal: Proposal
    statutes: Statutes
    count: Count
    executed: bool

    def state(self, now: int) -> State:
        """Where it is at a time."""
        lacks = missing(
            self.count.tallies, self.statutes.terms_of(self.proposal.kind), by_college=self.statutes.by_college
        )
        return state(self.proposal, lacks, executed=self.executed, now=now)


@dataclass(slots=True)
class _Vote:
    proposal: Proposal
    statutes: Statutes
    roll: dict[int, Standing]
    """Who has a vote: the snapshot."""
    tallies: dict[int, Tally]
    ballots: dict[int, Ballot] = field(default_factory=dict)
    executed: bool = False


def read_statutes(values: tuple[Any, ...]) -> Statutes:
    """Statutes as the ABI gives them."""
    terms, notice, expiry, proxies, by_college, weights = values
    ordinary, constitutional, emergency = (Terms(*each) for each in terms)
    return Statutes((ordinary, constitutional, emergency), notice, expiry, proxies, by_college, tuple(weights))


def read_proposal(event: Proposed) -> Proposal:
    """A proposal as its event tells it."""
    return Proposal(
        number=event.proposal,
        kind=ProposalKind(event.kind),
        statutes=event.statutes,
        proposer=event.proposer,
        text_hash=event.text_hash,
        calls=tuple(ProposedCall(Address(target), data) for target, data in event.calls),
        opens=event.opens,
        closes=event.closes,
        executable_from=event.executable_from,
        expires=event.expires,
        snapshot_block=event.snapshot_block,
    )


def renumbered(of: Any, succession: int) -> Any:
    """A proposal, or an event of a Governance, with its numbers among those of all of them."""
    numbers = {
        name: numbered(succession, getattr(of, name))
        for name in ("number", "proposal", "statutes", "version")
        if isinstance(getattr(of, name, None), int)
    }
    return replace(of, **numbers) if numbers and succession else of


def moved(tally: Tally, weight: int, before: Position | None, after: Position | None) -> Tally:
    """A tally after a weight went from one position to another; None is no position."""
    sums = {
        Position.FOR: tally.in_favour,
        Position.AGAINST: tally.against,
        Position.ABSTAIN: tally.abstaining,
        Position.OBJECT: tally.objecting,
    }
    if before is not None:
        sums[before] -= weight
    if after is not None:
        sums[after] += weight
    return Tally(tally.total, *sums.values())


class Recount:
    """The law, applied to one event of one Governance after another. Feed it in the order of the chain.

    Block zero holds the statutes of the first; one that came later, `succeeding`, tells its own in its first event.
    """

    def __init__(self, founding: Founding, *, succeeding: bool = False) -> None:
        self._register = dict(founding.organisations)
        self._statutes = {} if succeeding else {1: founding.statutes}
        self._votes: dict[int, _Vote] = {}
        self._standing_proxies: dict[int, tuple[int, int]] = {}
        """Giver → holder, until."""
        self._proxies: dict[tuple[int, int], int] = {}
        """Proposal, giver → holder."""
        self._steps: dict[type, Callable[[Any, int], None]] = {
            OrganisationApplied: self._applied,
            Classified: self._classified,
            StatusChanged: self._status_changed,
            SuspendedUntil: self._suspended,
            StatutesChanged: self._statutes_changed,
            Proposed: self._proposed,
            PositionTaken: self._taken,
            PositionWithdrawn: self._withdrawn,
            VoterStruck: self._struck,
            VoterRestored: self._restored,
            ProxyGiven: self._given,
            ProxyRevoked: self._revoked,
            ProposalExecuted: self._done,
            ExecutionFailed: self._failed,
        }

    def take(self, dated: Dated) -> None:
        """Apply one event; other events of the two contracts change no vote. Raises `Contradiction`."""
        step = self._steps.get(type(dated.event))
        if step is not None:
            try:
                step(dated.event, dated.time)
            except Contradiction as error:
                raise Contradiction(f"{dated.place}: {error}" if dated.place else str(error)) from None

    def votes(self) -> dict[int, Recounted]:
        """Every vote as counted so far."""
        return {
            number: Recounted(
                vote.proposal, vote.statutes, Count(dict(vote.tallies), dict(vote.ballots)), vote.executed
            )
            for number, vote in self._votes.items()
        }

    # The register.

    def _applied(self, event: OrganisationApplied, _now: int) -> None:
        # Who applies again is known already, and had its change of status told by itself.
        self._register.setdefault(event.organisation, Standing(_APPLIED))

    def _classified(self, event: Classified, _now: int) -> None:
        known = self._known(event.organisation)
        self._register[event.organisation] = replace(known, tier=event.tier, college=event.college)

    def _status_changed(self, event: StatusChanged, _now: int) -> None:
        known = self._known(event.organisation)
        if known.status != event.former:
            raise Contradiction(f"organisation {event.organisation} had status {known.status}, not {event.former}")
        self._register[event.organisation] = replace(known, status=event.status, suspended_until=0)

    def _suspended(self, event: SuspendedUntil, _now: int) -> None:
        known = self._known(event.organisation)
        self._register[event.organisation] = replace(known, suspended_until=event.until)

    def _known(self, organisation: int) -> Standing:
        found = self._register.get(organisation)
        if found is None:
            raise Contradiction(f"organisation {organisation} never applied")
        return found

    def _is_active(self, organisation: int, now: int) -> bool:
        return self._register.get(organisation, Standing(0)).is_active(now)

    # Proposals and positions.

    def _statutes_changed(self, event: StatutesChanged, _now: int) -> None:
        if event.version != len(self._statutes) + 1:
            raise Contradiction(f"version {event.version} of the statutes follows version {len(self._statutes)}")
        self._statutes[event.version] = read_statutes(event.statutes)

    def _proposed(self, event: Proposed, now: int) -> None:
        proposal = read_proposal(event)
        if proposal.number != len(self._votes) + 1:
            raise Contradiction(f"proposal {proposal.number} follows proposal {len(self._votes)}")
        if proposal.statutes != len(self._statutes):
            raise Contradiction(f"version {proposal.statutes} of the statutes was not in force")
        if not self._is_active(proposal.proposer, now):
            raise Contradiction(f"organisation {proposal.proposer} was not an active member when it proposed")
        statutes = self._statutes[proposal.statutes]
        roll = {number: one for number, one in self._register.items() if one.is_active(now)}
        totals: Counter[int] = Counter()
        for one in roll.values():
            totals[one.college] += statutes.weights[one.tier]
        tallies = {college: Tally(total) for college, total in totals.items()}
        self._votes[proposal.number] = _Vote(proposal, statutes, roll, tallies)

    def _vote(self, number: int) -> _Vote:
        found = self._votes.get(number)
        if found is None:
            raise Contradiction(f"there is no proposal {number}")
        return found

    def _ballot(self, vote: _Vote, organisation: int) -> Ballot:
        found = vote.ballots.get(organisation)
        if found is not None:
            return found
        then = vote.roll.get(organisation)
        if then is None:
            raise Contradiction(f"organisation {organisation} has no vote on proposal {vote.proposal.number}")
        return Ballot(None, 0, vote.statutes.weights[then.tier], then.college)

    def _move(self, vote: _Vote, organisation: int, before: Ballot, after: Ballot) -> None:
        tally = vote.tallies[before.college]
        vote.tallies[before.college] = moved(tally, before.weight, before.counted, after.counted)
        vote.ballots[organisation] = after

    def _taken(self, event: PositionTaken, now: int) -> None:
        vote = self._vote(event.proposal)
        ballot = self._ballot(vote, event.organisation)
        who = f"organisation {event.organisation} on proposal {event.proposal}"
        if not vote.proposal.opens <= now < vote.proposal.closes:
            raise Contradiction(f"{who}: the vote was not open")
        if ballot.struck:
            raise Contradiction(f"{who}: it was struck from the vote before")
        if (event.weight, event.college) != (ballot.weight, ballot.college):
            raise Contradiction(f"{who}: its weight and college were {ballot.weight} and {ballot.college}")
        if not self._is_active(event.organisation, now):
            raise Contradiction(f"{who}: it was not active")
        if event.holder:
            self._check_holder(vote, ballot, event, now)
        self._move(vote, event.organisation, ballot, replace(ballot, position=_position(event), holder=event.holder))

    def _check_holder(self, vote: _Vote, ballot: Ballot, event: PositionTaken, now: int) -> None:
        who = f"organisation {event.organisation} on proposal {event.proposal}"
        number = vote.proposal.number
        if vote.proposal.kind is ProposalKind.EMERGENCY:
            raise Contradiction(f"{who}: there are no proxies in an emergency")
        if ballot.position is not None and not ballot.holder:
            raise Contradiction(f"{who}: it had taken a position itself, which no proxy replaces")
        if self._holder_of(number, event.organisation, now) != event.holder:
            raise Contradiction(f"{who}: it had given organisation {event.holder} no proxy")
        own = self._ballot(vote, event.holder)
        if own.struck or not self._is_active(event.holder, now):
            raise Contradiction(f"{who}: the holder, organisation {event.holder}, had no vote")
        used = sum(
            1 for giver, other in vote.ballots.items() if other.holder == event.holder and giver != event.organisation
        )
        if used + 1 > vote.statutes.proxies:
            raise Contradiction(f"{who}: organisation {event.holder} had used all the proxies the statutes allow")

    def _holder_of(self, proposal: int, giver: int, now: int) -> int:
        holder = self._proxies.get((proposal, giver), 0)
        if not holder:
            holder, until = self._standing_proxies.get(giver, (0, 0))
            holder = holder if now < until else 0
        return holder

    def _withdrawn(self, event: PositionWithdrawn, now: int) -> None:
        vote = self._vote(event.proposal)
        ballot = self._ballot(vote, event.organisation)
        if not ballot.holder or now >= vote.proposal.closes:
            raise Contradiction(f"organisation {event.organisation}: nothing cast by proxy could be withdrawn")
        self._move(vote, event.organisation, ballot, replace(ballot, position=None, holder=0))

    def _struck(self, event: VoterStruck, now: int) -> None:
        vote = self._vote(event.proposal)
        ballot = self._ballot(vote, event.organisation)
        if ballot.struck or now >= vote.proposal.closes or self._is_active(event.organisation, now):
            raise Contradiction(f"organisation {event.organisation} could not be struck from proposal {event.proposal}")
        self._move(vote, event.organisation, ballot, ballot.struck_out())
        tally = vote.tallies[ballot.college]
        vote.tallies[ballot.college] = replace(tally, total=tally.total - ballot.weight)

    def _restored(self, event: VoterRestored, now: int) -> None:
        vote = self._vote(event.proposal)
        ballot = self._ballot(vote, event.organisation)
        who = f"organisation {event.organisation} on proposal {event.proposal}"
        if not ballot.struck or now >= vote.proposal.closes or not self._is_active(event.organisation, now):
            raise Contradiction(f"{who}: it could not come back")
        if (event.weight, event.college, event.position) != (ballot.weight, ballot.college, ballot.position or 0):
            raise Contradiction(f"{who}: it comes back with what it had, and nothing else")
        tally = vote.tallies[ballot.college]
        vote.tallies[ballot.college] = replace(tally, total=tally.total + ballot.weight)
        self._move(vote, event.organisation, ballot, replace(ballot, struck=False))

    def _given(self, event: ProxyGiven, now: int) -> None:
        if event.giver == event.holder or not self._is_active(event.giver, now):
            raise Contradiction(f"organisation {event.giver} could not give organisation {event.holder} a proxy")
        if event.proposal:
            self._proxies[event.proposal, event.giver] = event.holder
        else:
            self._standing_proxies[event.giver] = (event.holder, event.until)

    def _revoked(self, event: ProxyRevoked, _now: int) -> None:
        if event.proposal:
            held = self._proxies.pop((event.proposal, event.giver), 0)
        else:
            held, _ = self._standing_proxies.pop(event.giver, (0, 0))
        if held != event.holder:
            raise Contradiction(f"organisation {event.giver} had given organisation {event.holder} no proxy")

    # Execution.

    def _check_executable(self, number: int, now: int) -> _Vote:
        vote = self._vote(number)
        recounted = Recounted(vote.proposal, vote.statutes, Count(vote.tallies, vote.ballots), vote.executed)
        found = recounted.state(now)
        if found is not State.EXECUTABLE:
            raise Contradiction(f"proposal {number} was {found.word}, and could not be executed")
        return vote

    def _done(self, event: ProposalExecuted, now: int) -> None:
        self._check_executable(event.proposal, now).executed = True

    def _failed(self, event: ExecutionFailed, now: int) -> None:
        self._check_executable(event.proposal, now)


def _position(event: PositionTaken) -> Position:
    try:
        return Position(event.position)
    except ValueError:
        raise Contradiction(f"{event.position} is no position") from None


def recount(founding: Founding, events: Iterable[Dated]) -> dict[int, Recounted]:
    """Every vote, by its number, counted from the chain's events in their order. Raises `Contradiction`."""
    listed = list(events)
    votes: dict[int, Recounted] = {}
    for succession in sorted({0, *(dated.succession for dated in listed)}):
        counting = Recount(founding, succeeding=succession > 0)
        for dated in listed:
            if dated.succession == succession or isinstance(dated.event, _OF_THE_REGISTER):
                counting.take(dated)
        for vote in counting.votes().values():
            proposal = renumbered(vote.proposal, succession)
            votes[proposal.number] = replace(vote, proposal=proposal)
    return votes
