# SPDX-License-Identifier: Apache-2.0
"""One verb for each thing somebody can do in a vote, and everything a reader may ask.

Every act is prepared first, with the sentence that says what is signed; then a wallet signs it elsewhere, or a key that
the instance keeps signs it here. The chain decides either way. Belongs to one event loop; the database is asked from
threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import orjson
import structlog
from sqlalchemy.engine import Connection

from maillon.kit.audit import Deed, record
from maillon.kit.clock import Clock
from maillon.kit.errors import KitError
from maillon.kit.errors import StoreUnavailable as KitUnavailable
from maillon.kit.language import Language
from maillon.kit.store import Store
from maillon.ledger.errors import LedgerError
from maillon.ledger.port import Address, Signer, TransactionReceipt
from maillon.services.votes import store as tables
from maillon.services.votes import texts
from maillon.services.votes.acts import Act, Book, Effects, RawAct, effects, organisations_of, questions, read
from maillon.services.votes.contract import Prepared, VotesContract, reason_in_words
from maillon.services.votes.errors import (
    InvalidPosition,
    InvalidProposal,
    InvalidText,
    NoRecord,
    NotNotarised,
    Unavailable,
    UnknownProposal,
)
from maillon.services.votes.export import Export
from maillon.services.votes.following import Announcer, Follower, tell_people, title_here
from maillon.services.votes.model import (
    Cost,
    Executed,
    NamedGovernance,
    Outlook,
    Position,
    Proposal,
    ProposalKind,
    ProposedCall,
    Proxy,
    Rehearsal,
    State,
    Statutes,
    Tally,
    numbered,
    succession_of,
)
from maillon.services.votes.printed import print_record
from maillon.services.votes.record import make_record
from maillon.services.votes.rules import CASTING_GAS, MOST_OF_ONE, add_up, executing_gas, outlook
from maillon.services.votes.store import BallotRow, ProposalRow
from maillon.services.votes.words import Words

PAGE: Final = 25
FOLLOW_EVERY: Final = 1.0
"""Seconds between two looks at the chain."""
DAY: Final = 86_400
_REMEMBERED: Final = 512
_STILL_TO_COME: Final = frozenset({State.ANNOUNCED, State.OPEN, State.WAITING, State.EXECUTABLE})
"""States in which it matters whether the calls could be made."""
TEXT_AWAITED: Final = 600
"""Seconds people are not yet told of a proposal whose text has not come: it is sent when the chain names it."""
_SETTLED: Final = 60
"""Seconds after the close before a record is made."""
logger = structlog.get_logger("maillon.votes")
_Answer = TypeVar("_Answer")


class Register(Protocol):
    """What votes ask of the register of members."""

    async def legal_names(self, organisations: Collection[int]) -> Mapping[int, str]:
        """Legal names by number; unknown ones are left out."""

    async def organisations(self, statuses: Collection[int]) -> Mapping[int, str] | None:
        """Legal names by number of those of these statuses, in the order of names; None of too many to choose among."""

    async def signer(self, organisation: int) -> Signer:
        """The organisation's account that may vote and whose key is kept here. Raises a refusal of the register."""


class Notary(Protocol):
    """Where records are notarised. The notary stands above votes; the composition root joins the two."""

    async def enter(self, digest: bytes) -> int:
        """Enter a SHA-256 digest in the log, once; the index of its entry."""

    async def receipt(self, entry: int, digest: bytes) -> bytes | None:
        """Its receipt, None while it is not ready."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A proposal in a list."""

    row: ProposalRow
    title: str | None
    """None while nobody has sent the text."""
    outlook: Outlook
    tally: Tally
    """All together."""
    governance: NamedGovernance
    """Where the vote is taken."""
    former: bool
    """Whether votes are taken elsewhere now."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything about one proposal."""

    row: ProposalRow
    text: str | None
    outlook: Outlook
    statutes: Statutes
    tallies: Mapping[int, Tally]
    effects: Sequence[Effects]
    height: int
    """The block at which it was read."""
    rehearsal: Rehearsal | None
    """What its calls meet now; None when it has none, when its time has passed, and when that cannot be told."""
    cost: Cost | None
    """What saying yes costs; None once its time has passed."""
    set_against: int
    """The block whose state its effects are set against."""
    execution: Executed | None
    """Who executed it and when; None when nobody has."""
    governance: NamedGovernance
    """Where the vote is taken."""
    former: bool
    """Whether votes are taken elsewhere now."""

    @property
    def proposal(self) -> Proposal:
        """The proposal itself."""
        return self.row.proposal

    @property
    def title(self) -> str | None:
        """The first line of its text."""
        return None if self.text is None else texts.title_of(self.text)


@dataclass(frozen=True, slots=True)
class Said:
    """What an organisation said in a vote, with its reason."""

    row: BallotRow
    reason: str | None


def _taken_by(named: Sequence[NamedGovernance], number: int) -> tuple[NamedGovernance, bool]:
    """Where a vote is taken, and whether votes are taken elsewhere now."""
    found = next(each for each in named if each.succession == succession_of(number))
    return found, found.version != max(each.version for each in named)


def _settled_at(row: ProposalRow, state: State) -> int | None:
    """The block whose state what a proposal does is set against; None for the newest.

    What was executed is set against what it met, and not against itself; what will never be done, against what the
    chain said when it was proposed: what happened since has nothing to do with it.
    """
    if row.executed_height is not None:
        return row.executed_height - 1
    return row.proposal.snapshot_block if state in (State.REFUSED, State.EXPIRED) else None


class VotesService:
    """Votes, for one instance. `start` follows the chain, `stop` ends that."""

    def __init__(
        self,
        store: Store,
        contract: VotesContract,
        register: Register,
        clock: Clock,
        *,
        network: str,
        chain_id: int,
        notary: Notary | None = None,
        announcer: Announcer | None = None,
    ) -> None:
        self._notary = notary
        self._announcer = announcer
        self._store = store
        self._contract = contract
        self._register = register
        self._clock = clock
        self._network = network
        self.chain_id = chain_id
        self._follower = Follower(store, contract, announcer)
        self._height = -1
        self._reminded: set[tuple[str, int]] = set()
        self._effects: dict[tuple[int, int, bool], tuple[Effects, ...]] = {}
        self._prospects: dict[tuple[int, int], tuple[Rehearsal | None, Cost]] = {}
        self._executions: dict[int, Executed] = {}
        self._task: asyncio.Task[None] | None = None
        self._failure: str | None = None
        self._unfollowed: str | None = None
        self._register_moved_to: Address | None = None
        self._printing = asyncio.Lock()

    # Life.

    async def start(self) -> None:
        """Begin to follow the chain."""
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def stop(self) -> None:
        """End that."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _follow(self) -> None:
        while True:
            try:
                await self.catch_up()
                await self.keep_records()
                await self.remind()
                await self.notice_move()
            except (Unavailable, KitError, LedgerError, NotNotarised) as error:
                if self._failure is None:
                    logger.warning("votes not followed", reason=str(error))
                self._failure = str(error)
            except Exception as error:
                # A fault of ours: a task that ends in silence would follow nothing any more, and nobody would be told.
                logger.exception("votes not followed")
                self._failure = type(error).__name__
            else:
                self._failure = None
            await asyncio.sleep(FOLLOW_EVERY)

    @property
    def failure(self) -> str | None:
        """Why the chain could not be followed just now; None while it is."""
        return self._failure

    @property
    def unfollowed(self) -> str | None:
        """That the Directory names a Governance whose votes are not read; None while it does not."""
        return self._unfollowed

    @property
    def register_moved_to(self) -> Address | None:
        """The contract that says who votes now, where that is not the register that is read; None where it is."""
        return self._register_moved_to

    async def notice_move(self) -> None:
        """Ask the Directory whether that is so, and where the register is. Raises `Unavailable`."""
        self._register_moved_to = await self._contract.moved_to()
        seat = await self._contract.seat()
        before, self._unfollowed = self._unfollowed, None
        if not seat.read:
            self._unfollowed = (
                f"the Directory leads Governance to 0x{seat.address.hex()}, whose code this program does not know: its "
                "votes are not read, and nothing can be proposed here; earlier votes can be read"
            )
            if before is None:
                logger.warning("governance moved", successor="0x" + seat.address.hex())

    async def catch_up(self) -> int:
        """Read what is new on the chain; the height reached. Raises `Unavailable`."""
        self._height = await self._follower.catch_up()
        return self._height

    async def reindex(self) -> int:
        """Make the read model anew from the chain; the height reached. Raises `Unavailable`."""
        self._height = await self._follower.rebuild()
        return self._height

    async def _read(self, question: Callable[..., _Answer], *arguments: Any) -> _Answer:
        def ask() -> _Answer:
            with self._store.read() as session:
                return question(session, *arguments)

        try:
            return await asyncio.to_thread(ask)
        except KitUnavailable as error:
            raise Unavailable(f"the database is not available: {error}") from error

    async def _write(self, change: Callable[[Connection], None]) -> None:
        def do() -> None:
            with self._store.transaction() as session:
                change(session)

        try:
            await asyncio.to_thread(do)
        except KitUnavailable as error:
            raise Unavailable(f"the database is not available: {error}") from error

    def now(self) -> int:
        """The time by which states are told, Unix time in seconds."""
        return int(self._clock.now().timestamp())

    # Reading.

    def _outlook(
        self, row: ProposalRow, statutes: Mapping[int, Statutes], tallies: Mapping[int, Tally], now: int
    ) -> Outlook:
        failure = None if row.failure is None else reason_in_words(row.failure)
        return outlook(
            row.proposal, statutes[row.proposal.statutes], tallies, executed=row.executed, now=now, failure=failure
        )

    async def proposals(self, which: str = "all", before: int | None = None, limit: int = PAGE) -> list[Listed]:
        """Proposals, newest first: "all", "open" (announced included), "closed" or "executed"."""
        now = self.now()

        def ask(session: Connection) -> list[Listed]:
            rows = tables.proposals(session, which, now, limit, before)
            counts = tables.tallies_of(session, [row.proposal.number for row in rows])
            statutes = tables.statutes_of(session)
            named = tables.governances(session)
            known = tables.texts(session, [row.proposal.text_hash for row in rows])
            listed = []
            for row in rows:
                text = known.get(row.proposal.text_hash)
                tallies = counts[row.proposal.number]
                listed.append(
                    Listed(
                        row,
                        None if text is None else texts.title_of(text),
                        self._outlook(row, statutes, tallies, now),
                        add_up(tallies.values()),
                        *_taken_by(named, row.proposal.number),
                    )
                )
            return listed

        return await self._read(ask)

    async def unread(self) -> NamedGovernance | None:
        """Where votes are taken now, where those are not read; None where they are."""
        named = await self._read(tables.governances)
        newest = max(named, key=lambda each: each.version, default=None)
        return None if newest is None or newest.read else newest

    async def counts(self) -> dict[str, int]:
        """How many proposals there are: open, closed, executed."""
        return await self._read(tables.count_proposals, self.now())

    async def proposal(self, number: int) -> Shown:
        """One proposal. Raises `UnknownProposal`, `Unavailable`."""
        now = self.now()

        def ask(
            session: Connection,
        ) -> tuple[ProposalRow, str | None, Statutes, dict[int, Tally], Outlook, int, tuple[NamedGovernance, bool]]:
            row = tables.proposal_of(session, number)
            if row is None:
                raise UnknownProposal(f"there is no proposal {number}")
            tallies = tables.tallies_of(session, [number])[number]
            statutes = tables.statutes_of(session)
            text = tables.texts(session, [row.proposal.text_hash]).get(row.proposal.text_hash)
            found = self._outlook(row, statutes, tallies, now)
            taken_by = _taken_by(tables.governances(session), number)
            return row, text, statutes[row.proposal.statutes], tallies, found, tables.read_height(session), taken_by

        row, text, statutes, tallies, found, height, taken_by = await self._read(ask)
        at = _settled_at(row, found.state)
        rehearsal, cost = None, None
        if found.state in _STILL_TO_COME:
            rehearsal, cost = await self._prospect(row.proposal, height)
        effects_met = await self._effects_of(row.proposal, height, at)
        return Shown(
            row,
            text,
            found,
            statutes,
            tallies,
            effects_met,
            height,
            rehearsal,
            cost,
            height if at is None else at,
            await self._execution_of(row),
            *taken_by,
        )

    async def execution(self, number: int) -> Executed | None:
        """Who executed a proposal and when; None when nobody has. Raises `Unavailable`."""
        row = await self._read(tables.proposal_of, number)
        return None if row is None else await self._execution_of(row)

    async def _execution_of(self, row: ProposalRow) -> Executed | None:
        """The same, remembered: it happens once."""
        number, height = row.proposal.number, row.executed_height
        if height is None:
            return None
        if number not in self._executions:
            self._executions[number] = await self._contract.execution(number, height)
            while len(self._executions) > _REMEMBERED:
                self._executions.pop(next(iter(self._executions)))
        return self._executions[number]

    async def _prospect(self, proposal: Proposal, height: int) -> tuple[Rehearsal | None, Cost]:
        """Whether it could be done now, and what saying yes costs; remembered until the next block."""
        key = (proposal.number, height)
        if key not in self._prospects:
            self._prospects[key] = await self.prospect(proposal.kind, proposal.calls, proposal.number)
            while len(self._prospects) > _REMEMBERED:
                self._prospects.pop(next(iter(self._prospects)))
        return self._prospects[key]

    async def prospect(
        self, kind: ProposalKind, calls: Sequence[ProposedCall], number: int | None = None
    ) -> tuple[Rehearsal | None, Cost]:
        """Whether calls could be made now, and what saying yes to them costs. Raises `Unavailable`.

        They are those of the proposal of that number, or of one to be made.
        """
        rehearsal = await self._contract.rehearse(kind, calls, number) if calls else None
        executing = None if rehearsal is None or not rehearsal.applies else executing_gas(calls, rehearsal.gas)
        return rehearsal, Cost(CASTING_GAS, executing, await self._contract.gas_price())

    async def _effects_of(self, proposal: Proposal, height: int, at: int | None) -> tuple[Effects, ...]:
        """What the calls would change from where the chain stands, or stood; remembered until the next block."""
        # What the newest block said may be newer than the height read: it is not what that height says for good.
        key = (proposal.number, height if at is None else at, at is None)
        if key not in self._effects:
            self._effects[key] = await self.effects(proposal.calls, at)
            while len(self._effects) > _REMEMBERED:
                self._effects.pop(next(iter(self._effects)))
        return self._effects[key]

    async def effects(self, calls: Sequence[ProposedCall], at: int | None = None) -> tuple[Effects, ...]:
        """What calls would change now, or after a block. What could not be asked is shown as such.

        Raises `Unavailable`.
        """
        if not calls:
            return ()
        book = await self._contract.book(at)
        acts: list[Act | RawAct] = [read(call, book) for call in calls]
        return effects(acts, await self._contract.facts(questions(acts), at))

    async def book(self) -> Book:
        """Address → name of the contracts that votes reach. Raises `Unavailable`."""
        return await self._contract.book()

    async def said(self, number: int, offset: int = 0, limit: int = PAGE) -> tuple[list[Said], int]:
        """What organisations said in a vote, newest first, and how many there are."""

        def ask(session: Connection) -> tuple[list[Said], int]:
            rows = tables.ballots(session, number, limit, offset)
            reasons = tables.texts(session, [row.reason_hash for row in rows if any(row.reason_hash)])
            return [Said(row, reasons.get(row.reason_hash)) for row in rows], tables.count_ballots(session, number)

        return await self._read(ask)

    async def ballot(self, number: int, organisation: int) -> BallotRow | None:
        """What one organisation said in a vote."""
        return await self._read(tables.ballot_of, number, organisation)

    async def proxies(self, organisation: int) -> list[Proxy]:
        """What an organisation gave and holds now."""
        return await self._read(tables.proxies_of, organisation, self.now())

    async def proxy(self, number: int, giver: int) -> Proxy | None:
        """By which proxy an organisation is represented in a vote, that for this vote before the standing one."""
        found = {each.proposal: each for each in await self.proxies(giver) if each.giver == giver}
        return found.get(number) or found.get(numbered(succession_of(number), 0))

    async def proposing_no_more(self, organisations: Collection[int]) -> list[int]:
        """Those that have as many open votes as one may: the chain takes no other proposal of theirs now."""
        since = numbered(await self.succession(), 0)
        opened = await self._read(tables.proposers, since, self.now())
        return [each for each in organisations if opened.count(each) >= MOST_OF_ONE]

    async def statutes(self) -> tuple[int, Statutes]:
        """The newest statutes, and their version."""
        found = await self._read(tables.statutes_of)
        succession = await self.succession()
        versions = [version for version in found if succession_of(version) == succession]
        if not versions:
            raise Unavailable("the chain has not been read yet")
        return max(versions), found[max(versions)]

    async def succession(self) -> int:
        """Of which Governance new votes are, as far as they are read."""
        return (await self._seat()).succession

    async def _seat(self) -> NamedGovernance:
        """Where votes are taken now, as far as they are read."""
        read = [each for each in await self._read(tables.governances) if each.read]
        if not read:
            raise Unavailable("the chain has not been read yet")
        return max(read, key=lambda each: each.version)

    async def legal_names(self, organisations: Collection[int]) -> Mapping[int, str]:
        """Legal names by number."""
        return await self._register.legal_names(organisations)

    async def organisations(self, statuses: Collection[int]) -> Mapping[int, str] | None:
        """Legal names by number of those of these statuses, in the order of names; None of too many to choose among."""
        return await self._register.organisations(statuses)

    async def export(self) -> Export:
        """Everything a recount needs, asked of the chain and not of the read model. Raises `Unavailable`."""
        return await self._contract.export(self._network, self.chain_id)

    # Records.

    async def keep_records(self) -> int:
        """Make the record of every vote that closed, and notarise it; how many were made or entered.

        stage: the record is made from the read model; commit: it is kept, once, and never made again; publish: its
        digest is entered in the log, which enters no digest twice, so that a crash before its index is kept enters it
        again at the same place; clean: the index is kept, and there is nothing more to do.
        """
        if self._notary is None:
            return 0
        # A minute after the close no block can carry a position any more whose time is before it.
        waiting: list[tuple[int, bytes | None]] = await self._read(tables.unrecorded, self.now() - _SETTLED)
        for number, kept in waiting:
            document = await self._make_record(number) if kept is None else kept
            entry = await self._notary.enter(hashlib.sha256(document).digest())
            await self._write(lambda session, n=number, e=entry: tables.write_entry(session, n, e))  # type: ignore[misc]
        return len(waiting)

    async def remind(self) -> int:
        """Announce votes that have opened, those that close within a day, and proposals whose text does not come.

        How many times it was done.

        Each once for ever: the announcement has a key, and whatever carries it knows that it was there already. What
        this process announced it remembers, so that nothing is written where nothing is new.
        """
        if self._announcer is None:
            return 0
        now = self.now()
        due: dict[tuple[str, int], tuple[int, dict[str, Any]]] = {}
        for number, proposed, opens, closes in await self._read(tables.moments, now, DAY):
            told = {"proposed": proposed, "opens": opens, "closes": closes}
            if now - DAY < opens <= now < closes:
                due["vote.opened", number] = (opens, told)
            # A vote of a day or less is told of when it opens, and again a day before its close would be at once.
            if closes - DAY <= now < closes and closes - opens > DAY:
                due["vote.closing", number] = (closes - DAY, told)
        untitled = {
            ("vote.proposed", row.proposal.number): row
            for row in await self._read(tables.untitled, now - DAY, now - TEXT_AWAITED)
        }
        new = {key: value for key, value in due.items() if key not in self._reminded}
        waited_for = [row for key, row in untitled.items() if key not in self._reminded]
        if not new and not waited_for:
            return 0

        def announce(session: Connection) -> None:
            assert self._announcer is not None
            for row in waited_for:
                tell_people(session, self._announcer, row)
            for (kind, number), (happened, told) in new.items():
                data = told | {"title": title_here(session, number)}
                if kind == "vote.closing":
                    data |= {"spoken": tables.spoken(session, number)}
                self._announcer.stage(session, kind, number, f"{number}:{happened}", happened, data)

        await self._write(announce)
        self._announcer.wake()
        self._reminded = {*(key for key in self._reminded if key in due), *new, *untitled}
        return len(new) + len(waited_for)

    async def _make_record(self, number: int) -> bytes:
        def ask(
            session: Connection,
        ) -> tuple[ProposalRow, Mapping[bytes, str], Statutes, dict[int, Tally], list[BallotRow], NamedGovernance]:
            row = tables.proposal_of(session, number)
            assert row is not None  # it was listed
            rows = tables.ballots(session, number, tables.EVERYBODY)
            digests = [row.proposal.text_hash, *(each.reason_hash for each in rows if any(each.reason_hash))]
            statutes = tables.statutes_of(session)[row.proposal.statutes]
            governance, _ = _taken_by(tables.governances(session), number)
            tallies = tables.tallies_of(session, [number])[number]
            return row, tables.texts(session, digests), statutes, tallies, rows, governance

        row, known, statutes, tallies, rows, governance = await self._read(ask)
        # As the chain stood when it was proposed: what was executed before this is made does not change what was voted.
        effects_then = await self.effects(row.proposal.calls, row.proposal.snapshot_block)
        involved = {row.proposal.proposer, *(n for each in rows for n in (each.organisation, each.ballot.holder))}
        involved |= {number for effect in effects_then for number in organisations_of(effect.act)}
        names = await self._register.legal_names(involved - {0})

        def name(organisation: int) -> str:
            return names.get(organisation, f"#{organisation}")

        document = make_record(
            row,
            known.get(row.proposal.text_hash),
            statutes,
            tallies,
            [(each, known.get(each.reason_hash)) for each in rows],
            effects=effects_then,
            governance=governance.address,
            network=self._network,
            chain_id=self.chain_id,
            name=name,
        )
        digest = hashlib.sha256(document).hexdigest()

        def keep(session: Connection) -> None:
            tables.insert_record(session, number, document, None)
            if self._announcer is not None:
                passed = orjson.loads(document)["passed"]
                told = {"sha256": digest, "passed": passed, "title": title_here(session, number)}
                self._announcer.stage(session, "vote.recorded", number, digest, row.proposal.closes, told)

        await self._write(keep)
        if self._announcer is not None:
            self._announcer.wake()
        return document

    async def record(self, number: int) -> tuple[bytes, int | None]:
        """The record of a closed vote, and its place in the log. Raises `NoRecord`."""
        found = await self._read(tables.record_of, number)
        if found is None:
            raise NoRecord(f"there is no record of proposal {number} here")
        return found

    async def receipt(self, number: int) -> bytes:
        """The receipt of a record. Raises `NoRecord` while there is none."""
        document, entry = await self.record(number)
        found = None
        if self._notary is not None and entry is not None:
            found = await self._notary.receipt(entry, hashlib.sha256(document).digest())
        if found is None:
            raise NoRecord(f"the receipt of the record of proposal {number} is not ready yet")
        return found

    async def printed(self, number: int, language: Language) -> bytes:
        """The record as a PDF, with the record and its receipt inside. Raises `NoRecord` while there is no receipt.

        Made when first asked for, and kept: its digest stays, and printing costs nothing the second time. Of what was
        executed it is made once more, and says by whom.
        """
        kept: bytes | None = await self._read(tables.printed_of, number, language)
        if kept is not None:
            return kept
        # One at a time: whoever asks for many records waits, and takes the time of nobody else.
        async with self._printing:
            # Somebody before us in the line may have asked for the same.
            kept = await self._read(tables.printed_of, number, language)
            if kept is not None:
                return kept
            document, receipt = (await self.record(number))[0], await self.receipt(number)
            execution = await self.execution(number)
            made = await asyncio.to_thread(print_record, document, receipt, Words(language), execution)
            found = [made]

            def keep(session: Connection) -> None:
                row = tables.proposal_of(session, number)
                # What was executed while it was being printed is printed again by whoever asks next.
                if row is not None and row.executed == (execution is not None):
                    found.append(tables.insert_printed(session, number, language, made))

            await self._write(keep)
        return found[-1]

    # Texts.

    async def add_text(self, text: str) -> bytes:
        """Keep a text whose digest the chain names; its digest. Raises `InvalidText`: anything else is not kept."""
        digest = texts.digest(text)
        if len(text) > texts.MAXIMUM_TEXT:
            raise InvalidText(f"the text has at most {texts.MAXIMUM_TEXT} characters")

        def keep(session: Connection) -> None:
            if not tables.is_named(session, digest):
                raise InvalidText(f"no proposal and no reason on the chain has the digest {digest.hex()}")
            tables.insert_text(session, digest, text)
            if self._announcer is not None:
                for row in tables.of_text(session, digest):
                    tell_people(session, self._announcer, row)

        await self._write(keep)
        return digest

    async def _keep_text(self, text: str) -> bytes:
        """Keep a text before the chain names it, for the act that will."""
        digest = texts.digest(text)
        await self._write(lambda session: tables.insert_text(session, digest, text))
        return digest

    # Preparing.

    async def prepare_position(
        self, number: int, position: Position, reason: str = "", giver: int | None = None
    ) -> tuple[Prepared, str]:
        """Taking a position, for oneself or for who gave a proxy; with the reason in its one form."""
        made = texts.parse_reason(reason)
        if position is Position.OBJECT and not made:
            raise InvalidPosition("an objection needs a reason")
        reason_hash = texts.digest(made) if made else bytes(32)
        if giver is None:
            return await self._contract.cast(number, position, reason_hash), made
        return await self._contract.cast_for(number, giver, position, reason_hash), made

    async def prepare_proposal(
        self, kind: ProposalKind, text: str, calls: Sequence[ProposedCall], opens: int, closes: int
    ) -> tuple[Prepared, str]:
        """Putting something to the vote; with the text in its one form. Raises `InvalidProposal`, `InvalidText`."""
        made = texts.parse_proposal_text(text)
        if not opens < closes:
            raise InvalidProposal("a vote opens before it closes", "closes")
        if len(calls) > 16 or any(len(call.data) > 2048 for call in calls):
            raise InvalidProposal("a proposal makes at most 16 calls of at most 2048 bytes")
        return await self._contract.propose(kind, texts.digest(made), calls, opens, closes), made

    async def prepare_proxy(self, number: int, holder: int, until: int = 0) -> Prepared:
        """Giving a proxy for one vote, or until a time for every vote when the number is 0."""
        return await self._contract.give_proxy(number, holder, until)

    async def prepare_revocation(self, number: int) -> Prepared:
        """Revoking the proxy for one vote, or the standing one when the number is 0."""
        return await self._contract.revoke_proxy(number)

    async def prepare_execution(self, number: int) -> Prepared:
        """Doing what was decided. Raises `UnknownProposal`."""
        shown = await self.proposal(number)
        return await self._contract.execute(number, shown.proposal.calls)

    async def prepare_brake(self) -> Prepared:
        """Pulling the emergency brake."""
        return await self._contract.pull_brake()

    # Acting with a key that is kept here.

    async def _act(
        self, organisation: int, prepared: Prepared, actor: str, deed: tuple[str, str, str]
    ) -> TransactionReceipt:
        signer = await self._register.signer(organisation)
        receipt = await self._contract.sign(prepared, signer)
        # The chain has it: a crash here loses the line in the trail, and the chain itself still says who signed.
        subject, action, detail = deed
        await self._write(
            lambda session: record(
                session,
                [Deed(self._clock.now(), "votes", subject, action, actor, detail, str(organisation))],
            )
        )
        await self.catch_up()
        return receipt

    async def cast(
        self,
        organisation: int,
        number: int,
        position: Position,
        actor: str,
        *,
        reason: str = "",
        giver: int | None = None,
    ) -> TransactionReceipt:
        """Take a position for an organisation. Raises a `Refused` or an `Unavailable`."""
        await self.proposal(number)
        prepared, made = await self.prepare_position(number, position, reason, giver)
        if made:
            await self._keep_text(made)
        detail = f"proposal {number}, {position.word}" + ("" if giver is None else f", for organisation {giver}")
        return await self._act(organisation, prepared, actor, ("position", "taken", detail))

    async def propose(
        self,
        organisation: int,
        kind: ProposalKind,
        text: str,
        calls: Sequence[ProposedCall],
        actor: str,
        *,
        opens: int,
        closes: int,
    ) -> int:
        """Put something to the vote; its number. Raises a `Refused` or an `Unavailable`."""
        prepared, made = await self.prepare_proposal(kind, text, calls, opens, closes)
        # stage: the text is kept before the chain names it; a crash leaves a text of no proposal, which is nothing.
        digest = await self._keep_text(made)
        receipt = await self._act(organisation, prepared, actor, ("proposal", "made", f"text {digest.hex()}"))
        number: int | None = await self._read(tables.made_in, receipt.transaction)
        if number is None:
            raise Unavailable("the proposal is on the chain, and not yet read back from it")
        return number

    async def give_proxy(
        self, organisation: int, number: int, holder: int, actor: str, until: int = 0
    ) -> TransactionReceipt:
        """Give a proxy. Raises a `Refused` or an `Unavailable`."""
        prepared = await self.prepare_proxy(number, holder, until)
        detail = f"to organisation {holder}, " + (f"proposal {number}" if number else f"until {until}")
        return await self._act(organisation, prepared, actor, ("proxy", "given", detail))

    async def revoke_proxy(self, organisation: int, number: int, actor: str) -> TransactionReceipt:
        """Revoke a proxy. Raises a `Refused` or an `Unavailable`."""
        prepared = await self.prepare_revocation(number)
        detail = f"proposal {number}" if number else "standing"
        return await self._act(organisation, prepared, actor, ("proxy", "revoked", detail))

    async def execute(self, organisation: int, number: int, actor: str) -> bool:
        """Do what was decided; whether it was done. Raises a `Refused` or an `Unavailable`."""
        prepared = await self.prepare_execution(number)
        await self._act(organisation, prepared, actor, ("proposal", "executed", f"proposal {number}"))
        return (await self.proposal(number)).outlook.state is State.EXECUTED

    async def pull_brake(self, organisation: int, actor: str) -> TransactionReceipt:
        """Pull the emergency brake. Raises a `Refused` or an `Unavailable`."""
        return await self._act(organisation, await self.prepare_brake(), actor, ("brake", "pulled", ""))
