# SPDX-License-Identifier: Apache-2.0
"""The read model, made from the chain's events and nothing else: following and rebuilding are the same code.

The order of writes:
stage: the events of a range of blocks are read, with what they do not carry asked for;
commit: one transaction applies them and says how far it has come; a crash before it changes nothing, and the range is
read again; after it, the next range begins behind;
publish and clean: nothing. The chain has published already, and what was staged was memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from sqlalchemy.engine import Connection

from maillon.kit.store import Store
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
from maillon.services.votes import store as tables
from maillon.services.votes.contract import Found, VotesContract, reason_in_words
from maillon.services.votes.model import Ballot, NamedGovernance, Position, Proposal, Proxy, Statutes, Tally
from maillon.services.votes.recount import moved, read_proposal, read_statutes
from maillon.services.votes.texts import title_of

BLOCKS_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Staged:
    found: Found
    totals: Mapping[int, int] | None = None
    """Of a new proposal: what each college weighed at its snapshot."""


class Announcer(Protocol):
    """Who tells others of what happened. The composition root joins it to whatever carries the news."""

    def stage(  # noqa: PLR0917 - what happened, to what, when
        self,
        session: Connection,
        kind: str,
        number: int,
        key: str,
        happened: int,
        data: Mapping[str, Any],
        *,
        to_people: bool = True,
    ) -> None:
        """Keep the news of a proposal in the transaction of what it tells of; `key` names what happened, for ever.

        Programs are told at once, people too unless they will be told later, of the same under the same key.
        """

    def wake(self) -> None:
        """There may be news: after the commit."""


class Follower:
    """Follows the chain. One at a time: called again and again, and by whoever has just changed it."""

    def __init__(self, store: Store, contract: VotesContract, announcer: Announcer | None = None) -> None:
        self._store = store
        self._announcer = announcer
        self._contract = contract
        self._lock = asyncio.Lock()

    async def catch_up(self) -> int:
        """Read what is new; the height reached. Raises `Unavailable`."""
        async with self._lock:
            head = await self._contract.head()
            height = await asyncio.to_thread(self._height)
            if height < 0:
                # Block zero has state and no events: its statutes are asked for.
                statutes = await self._contract.statutes(1)
                await asyncio.to_thread(self._found, statutes, (await self._contract.named())[:1])
                height = 0
            while height < head:
                until = min(head, height + BLOCKS_AT_ONCE)
                named, known = await self._contract.named(), await asyncio.to_thread(self._read)
                # Votes may have been taken before a contract got the name, or before this program knew its law.
                anew = {each.succession for each in named if each.read and each.succession} - known
                staged = await self._stage(height + 1, until, anew)
                await asyncio.to_thread(self._commit, staged, height, until, named)
                if staged and self._announcer is not None:
                    self._announcer.wake()
                height = until
            return height

    async def rebuild(self) -> int:
        """Forget the read model and read the chain from its beginning; the height reached."""
        async with self._lock:
            await asyncio.to_thread(self._clear)
        return await self.catch_up()

    def _height(self) -> int:
        with self._store.read() as session:
            return tables.read_height(session)

    def _read(self) -> set[int]:
        with self._store.read() as session:
            return {each.succession for each in tables.governances(session) if each.read}

    def _clear(self) -> None:
        with self._store.transaction() as session:
            tables.clear_read_model(session)

    def _found(self, statutes: Statutes, named: Sequence[NamedGovernance]) -> None:
        with self._store.transaction() as session:
            if tables.advance(session, -1, 0):
                tables.write_governances(session, named)
                tables.insert_statutes(session, 1, statutes)

    async def _stage(self, since: int, until: int, anew: Collection[int]) -> list[_Staged]:
        found = await self._contract.events(since, until, anew)
        staged = []
        for each in found:
            if isinstance(each.event, Proposed):
                # Asked of the end of the range, which every node still has, and made whole by who left or came back
                # within it.
                totals = dict(await self._contract.totals(each.event.proposal, until))
                for other in found:
                    told = other.event
                    if isinstance(told, VoterStruck | VoterRestored) and told.proposal == each.event.proposal:
                        weight = told.weight if isinstance(told, VoterStruck) else -told.weight
                        totals[told.college] = totals.get(told.college, 0) + weight
                staged.append(_Staged(each, totals))
            else:
                staged.append(_Staged(each))
        return staged

    def _commit(self, staged: list[_Staged], height: int, until: int, named: Sequence[NamedGovernance]) -> None:
        with self._store.transaction() as session:
            if not tables.advance(session, height, until):
                # Another process follows the same chain into the same database, and was faster.
                return
            if named != tables.governances(session):
                tables.write_governances(session, named)
            for each in staged:
                _apply(session, each)
                if self._announcer is not None and (news := _NEWS.get(type(each.found.event))) is not None:
                    kind, tell = news
                    found = each.found
                    key = f"{found.raw.height}:{found.raw.position}:{found.raw.transaction.hex()}"
                    number, happened = found.event.proposal, found.time
                    told = tell(found) | {"title": title_here(session, number)}
                    to_people = True
                    if isinstance(found.event, Proposed):
                        # Who signed with a wallet or a key file sends the text once the chain names it: people are
                        # told when it is there (`announce_text`), or when it has been waited for (`remind`).
                        key, to_people = proposed_key(number), told["title"] is not None
                    self._announcer.stage(session, kind, number, key, happened, told, to_people=to_people)


def proposed_key(number: int) -> str:
    """What names the making of a proposal for ever: the chain numbers it once."""
    return f"proposal {number}"


def tell_people(session: Connection, announcer: Announcer, row: tables.ProposalRow) -> None:
    """Tell people of a proposal by what is known now: programs were told when it was made."""
    number = row.proposal.number
    told = _of_proposal(row.proposal) | {"title": title_here(session, number)}
    announcer.stage(session, "vote.proposed", number, proposed_key(number), row.time, told)


def title_here(session: Connection, number: int) -> str | None:
    """What a proposal is called; None while nobody has sent its text, which the chain does not have."""
    row = tables.proposal_of(session, number)
    text = None if row is None else tables.texts(session, [row.proposal.text_hash]).get(row.proposal.text_hash)
    return None if text is None else title_of(text)


def _apply(session: Connection, staged: _Staged) -> None:
    step = _STEPS.get(type(staged.found.event))
    if step is not None:
        step(session, staged)


def _proposed(session: Connection, staged: _Staged) -> None:
    assert staged.totals is not None
    proposal = read_proposal(staged.found.event)
    tables.insert_proposal(session, proposal, staged.found.time, staged.found.raw.transaction)
    for college, total in sorted(staged.totals.items()):
        tables.write_tally(session, proposal.number, college, Tally(total))


def _move(session: Connection, staged: _Staged, before: Ballot, after: Ballot, reason_hash: bytes) -> None:
    """The weight of an organisation from one position to another; it leaves and enters the total as it is struck."""
    event, raw = staged.found.event, staged.found.raw
    tally = tables.tallies_of(session, [event.proposal])[event.proposal].get(before.college, Tally())
    tally = moved(tally, before.weight, before.counted, after.counted)
    tally = replace(tally, total=tally.total + before.weight * (before.struck - after.struck))
    tables.write_tally(session, event.proposal, before.college, tally)
    row = tables.BallotRow(event.organisation, after, reason_hash, int(raw.height), staged.found.time, raw.transaction)
    tables.write_ballot(session, event.proposal, row, raw.position)


def _taken(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    known = tables.ballot_of(session, event.proposal, event.organisation)
    before = known.ballot if known is not None else Ballot(None, 0, event.weight, event.college)
    after = replace(before, position=Position(event.position), holder=event.holder)
    _move(session, staged, before, after, event.reason_hash)


def _withdrawn(session: Connection, staged: _Staged) -> None:
    known = tables.ballot_of(session, staged.found.event.proposal, staged.found.event.organisation)
    assert known is not None  # only what was cast can be withdrawn
    _move(session, staged, known.ballot, replace(known.ballot, position=None, holder=0), bytes(32))


def _struck(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    known = tables.ballot_of(session, event.proposal, event.organisation)
    before = known.ballot if known is not None else Ballot(None, 0, event.weight, event.college)
    after = before.struck_out()
    _move(session, staged, before, after, known.reason_hash if known is not None and after.position else bytes(32))


def _restored(session: Connection, staged: _Staged) -> None:
    known = tables.ballot_of(session, staged.found.event.proposal, staged.found.event.organisation)
    assert known is not None  # only who was struck comes back
    _move(session, staged, known.ballot, replace(known.ballot, struck=False), known.reason_hash)


def _given(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    tables.write_proxy(session, Proxy(event.giver, event.holder, event.proposal, event.until))


def _revoked(session: Connection, staged: _Staged) -> None:
    tables.remove_proxy(session, staged.found.event.giver, staged.found.event.proposal)


def _executed(session: Connection, staged: _Staged) -> None:
    found = staged.found
    tables.record_execution(session, found.event.proposal, int(found.raw.height), found.time, found.raw.transaction)
    # What was printed before says that it can be executed.
    tables.remove_printed(session, found.event.proposal)


def _failed(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    tables.record_failure(session, event.proposal, int(staged.found.raw.height), event.reason)


def _statutes_changed(session: Connection, staged: _Staged) -> None:
    event = staged.found.event
    tables.insert_statutes(session, event.version, read_statutes(event.statutes))


_STEPS: Final[Mapping[type, Callable[[Connection, _Staged], None]]] = {
    Proposed: _proposed,
    PositionTaken: _taken,
    PositionWithdrawn: _withdrawn,
    VoterStruck: _struck,
    VoterRestored: _restored,
    ProxyGiven: _given,
    ProxyRevoked: _revoked,
    ProposalExecuted: _executed,
    ExecutionFailed: _failed,
    StatutesChanged: _statutes_changed,
}
"""What each event changes."""


def _place(found: Found) -> dict[str, Any]:
    return {"block": int(found.raw.height), "transaction": "0x" + found.raw.transaction.hex()}


def _tell_proposal(found: Found) -> dict[str, Any]:
    return _of_proposal(read_proposal(found.event)) | _place(found)


def _of_proposal(proposal: Proposal) -> dict[str, Any]:
    return {
        "kind": proposal.kind.word,
        "proposer": proposal.proposer,
        "text_hash": proposal.text_hash.hex(),
        "opens": proposal.opens,
        "closes": proposal.closes,
    }


_NEWS: Final[Mapping[type, tuple[str, Callable[[Found], dict[str, Any]]]]] = {
    Proposed: ("vote.proposed", _tell_proposal),
    ProposalExecuted: ("vote.executed", _place),
    ExecutionFailed: (
        "vote.execution-failed",
        lambda found: {"reason": reason_in_words(found.event.reason), **_place(found)},
    ),
}
"""What others are told of."""
