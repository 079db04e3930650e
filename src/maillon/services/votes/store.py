# SPDX-License-Identifier: Apache-2.0
"""The tables of votes and what is done to them. Callers bring the transaction; nothing here commits.

All but `votes_text`, `votes_record` and `votes_printed` is read from the chain's events and is made again by `reindex`,
row for row. Texts and reasons are what people sent whose digests the chain names; records are documents this instance
has had notarised; printed records are made of them once, so that their digest stays when the typesetter changes, and
once more when what was decided is executed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from maillon.kit.store import metadata
from maillon.ledger.port import Address
from maillon.services.votes.model import (
    OF_ONE,
    Ballot,
    NamedGovernance,
    Position,
    Proposal,
    ProposalKind,
    ProposedCall,
    Proxy,
    Statutes,
    Tally,
    Terms,
)

CURSOR: Final = Table(
    "votes_cursor",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("height", BigInteger, nullable=False),
)
GOVERNANCE: Final = Table(
    "votes_governance",
    metadata,
    Column("succession", Integer, primary_key=True, autoincrement=False),
    Column("address", LargeBinary(20), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("read", Boolean, nullable=False),
)
STATUTES: Final = Table(
    "votes_statutes",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
)
PROPOSAL: Final = Table(
    "votes_proposal",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Integer, nullable=False),
    Column("statutes", Integer, nullable=False),
    Column("proposer", BigInteger, nullable=False),
    Column("text_hash", LargeBinary(32), nullable=False, index=True),
    Column("calls", Text, nullable=False),
    Column("opens", BigInteger, nullable=False),
    Column("closes", BigInteger, nullable=False),
    Column("executable_from", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("transaction", LargeBinary(32), nullable=False),
    Column("executed_height", BigInteger),
    Column("executed_time", BigInteger),
    Column("executed_transaction", LargeBinary(32)),
    Column("failure", LargeBinary),
    Column("failure_height", BigInteger),
    Index("ix_votes_proposal_closes", "closes"),
)
TALLY: Final = Table(
    "votes_tally",
    metadata,
    Column("proposal", BigInteger, primary_key=True, autoincrement=False),
    Column("college", Integer, primary_key=True, autoincrement=False),
    Column("total", BigInteger, nullable=False),
    Column("in_favour", BigInteger, nullable=False),
    Column("against", BigInteger, nullable=False),
    Column("abstaining", BigInteger, nullable=False),
    Column("objecting", BigInteger, nullable=False),
)
BALLOT: Final = Table(
    "votes_ballot",
    metadata,
    Column("proposal", BigInteger, primary_key=True, autoincrement=False),
    Column("organisation", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, nullable=False),
    Column("holder", BigInteger, nullable=False),
    Column("weight", BigInteger, nullable=False),
    Column("college", Integer, nullable=False),
    Column("struck", Boolean, nullable=False),
    Column("reason_hash", LargeBinary(32), nullable=False, index=True),
    Column("height", BigInteger, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("transaction", LargeBinary(32), nullable=False),
    Index("ix_votes_ballot_order", "proposal", "height", "place"),
)
PROXY: Final = Table(
    "votes_proxy",
    metadata,
    Column("giver", BigInteger, primary_key=True, autoincrement=False),
    Column("proposal", BigInteger, primary_key=True, autoincrement=False),
    Column("holder", BigInteger, nullable=False, index=True),
    Column("until", BigInteger, nullable=False),
)
TEXT: Final = Table(
    "votes_text",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("text", Text, nullable=False),
)
RECORD: Final = Table(
    "votes_record",
    metadata,
    Column("proposal", BigInteger, primary_key=True, autoincrement=False),
    Column("document", LargeBinary, nullable=False),
    Column("entry", BigInteger),
)
PRINTED: Final = Table(
    "votes_printed",
    metadata,
    Column("proposal", BigInteger, primary_key=True, autoincrement=False),
    Column("language", String(2), primary_key=True),
    Column("document", LargeBinary, nullable=False),
)
_READ_MODEL = (CURSOR, GOVERNANCE, STATUTES, PROPOSAL, TALLY, BALLOT, PROXY)
_AT_ONCE = 5_000
EVERYBODY: Final = 100_000
"""More than there can be members."""


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal, and what became of it."""

    proposal: Proposal
    time: int
    transaction: bytes
    executed_height: int | None
    executed_time: int | None
    executed_transaction: bytes | None
    failure: bytes | None
    """What the newest failing execution reverted with."""
    failure_height: int | None

    @property
    def executed(self) -> bool:
        """Whether it was executed."""
        return self.executed_height is not None


@dataclass(frozen=True, slots=True)
class BallotRow:
    """What an organisation said, where and when."""

    organisation: int
    ballot: Ballot
    reason_hash: bytes
    height: int
    time: int
    transaction: bytes


# How far it was read.


def read_height(session: Connection) -> int:
    """The newest block read; -1 before the first."""
    found = session.execute(select(CURSOR.c.height)).scalar_one_or_none()
    return -1 if found is None else int(found)


def advance(session: Connection, height: int, until: int) -> bool:
    """Move the read model on, from -1 for the first time; False when another process was faster.

    First thing in its transaction: whoever moves the one row holds it until the end, on either database.
    """
    if height >= 0:
        return session.execute(update(CURSOR).where(CURSOR.c.height == height).values(height=until)).rowcount == 1
    try:
        with session.begin_nested():
            session.execute(insert(CURSOR).values(id=1, height=until))
    except IntegrityError:
        return False
    return True


def clear_read_model(session: Connection) -> None:
    """Forget what `reindex` makes anew."""
    for table in _READ_MODEL:
        session.execute(delete(table))


def dump_read_model(session: Connection) -> Iterator[tuple[Any, ...]]:
    """Every row of it in order, for comparing."""
    for table in _READ_MODEL:
        for row in session.execute(select(table).order_by(*table.primary_key.columns)):
            yield (table.name, *row)


# Where votes are taken, and were.


def governances(session: Connection) -> tuple[NamedGovernance, ...]:
    """Every contract that the name Governance led to, that of block zero first; none before the first look."""
    rows = session.execute(select(GOVERNANCE).order_by(GOVERNANCE.c.succession))
    return tuple(NamedGovernance(row.succession, Address(bytes(row.address)), row.version, row.read) for row in rows)


def write_governances(session: Connection, named: Sequence[NamedGovernance]) -> None:
    """Keep them as they are now."""
    session.execute(delete(GOVERNANCE))
    session.execute(insert(GOVERNANCE), [asdict(each) for each in named])


# Statutes.


def insert_statutes(session: Connection, version: int, statutes: Statutes) -> None:
    """Keep one version."""
    session.execute(insert(STATUTES).values(version=version, document=json.dumps(asdict(statutes))))


def statutes_of(session: Connection) -> dict[int, Statutes]:
    """Every version."""
    return {row.version: _statutes(json.loads(row.document)) for row in session.execute(select(STATUTES))}


def _statutes(document: dict[str, Any]) -> Statutes:
    ordinary, constitutional, emergency = (Terms(**terms) for terms in document.pop("terms"))
    weights = tuple(document.pop("weights"))
    return Statutes(terms=(ordinary, constitutional, emergency), weights=weights, **document)


# Proposals.


def insert_proposal(session: Connection, proposal: Proposal, time: int, transaction: bytes) -> None:
    """Keep a proposal."""
    calls = [["0x" + call.target.hex(), "0x" + call.data.hex()] for call in proposal.calls]
    session.execute(
        insert(PROPOSAL).values(
            number=proposal.number,
            kind=int(proposal.kind),
            statutes=proposal.statutes,
            proposer=proposal.proposer,
            text_hash=proposal.text_hash,
            calls=json.dumps(calls),
            opens=proposal.opens,
            closes=proposal.closes,
            executable_from=proposal.executable_from,
            expires=proposal.expires,
            height=proposal.snapshot_block,
            time=time,
            transaction=transaction,
        )
    )


def _optional(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _proposal(row: Any) -> ProposalRow:
    calls = tuple(
        ProposedCall(Address(bytes.fromhex(target[2:])), bytes.fromhex(data[2:]))
        for target, data in json.loads(row.calls)
    )
    return ProposalRow(
        Proposal(
            number=row.number,
            kind=ProposalKind(row.kind),
            statutes=row.statutes,
            proposer=row.proposer,
            text_hash=bytes(row.text_hash),
            calls=calls,
            opens=row.opens,
            closes=row.closes,
            executable_from=row.executable_from,
            expires=row.expires,
            snapshot_block=row.height,
        ),
        row.time,
        bytes(row.transaction),
        row.executed_height,
        row.executed_time,
        _optional(row.executed_transaction),
        _optional(row.failure),
        row.failure_height,
    )


def proposal_of(session: Connection, number: int) -> ProposalRow | None:
    """One proposal."""
    row = session.execute(select(PROPOSAL).where(PROPOSAL.c.number == number)).one_or_none()
    return None if row is None else _proposal(row)


def _narrowed(statement: Select[Any], which: str, now: int) -> Select[Any]:
    if which == "open":
        return statement.where(PROPOSAL.c.closes > now)
    if which == "closed":
        return statement.where(PROPOSAL.c.closes <= now)
    if which == "executed":
        return statement.where(PROPOSAL.c.executed_height.is_not(None))
    return statement


def proposals(session: Connection, which: str, now: int, limit: int, before: int | None = None) -> list[ProposalRow]:
    """Proposals, newest first: all, open (announced included), closed or executed; below a number."""
    statement = _narrowed(select(PROPOSAL), which, now).order_by(PROPOSAL.c.number.desc()).limit(limit)
    if before is not None:
        statement = statement.where(PROPOSAL.c.number < before)
    return [_proposal(row) for row in session.execute(statement)]


def proposers(session: Connection, since: int, now: int) -> list[int]:
    """Who made each proposal that has not closed, of the Governance whose votes are numbered on from there."""
    made = select(PROPOSAL.c.proposer).where(PROPOSAL.c.number >= since, PROPOSAL.c.number < since + OF_ONE)
    return list(session.scalars(_narrowed(made, "open", now)))


def made_in(session: Connection, transaction: bytes) -> int | None:
    """The newest proposal that a transaction made."""
    made = select(func.max(PROPOSAL.c.number)).where(PROPOSAL.c.transaction == transaction)
    found = session.execute(made).scalar_one()
    return None if found is None else int(found)


def moments(session: Connection, now: int, day: int) -> list[tuple[int, int, int, int]]:
    """Proposals that opened within the last day, or close within the next: (number, proposed, opens, closes)."""
    opened = (PROPOSAL.c.opens <= now) & (PROPOSAL.c.opens > now - day)
    closing = (PROPOSAL.c.closes > now) & (PROPOSAL.c.closes <= now + day)
    columns = select(PROPOSAL.c.number, PROPOSAL.c.time, PROPOSAL.c.opens, PROPOSAL.c.closes)
    rows = session.execute(columns.where(opened | closing).order_by(PROPOSAL.c.number))
    return [(row.number, row.time, row.opens, row.closes) for row in rows]


def untitled(session: Connection, since: int, until: int) -> list[ProposalRow]:
    """Proposals made in a stretch of time whose text nobody has sent."""
    made = (PROPOSAL.c.time > since) & (PROPOSAL.c.time <= until)
    known = select(TEXT.c.hash).where(TEXT.c.hash == PROPOSAL.c.text_hash).exists()
    rows = session.execute(select(PROPOSAL).where(made, ~known).order_by(PROPOSAL.c.number))
    return [_proposal(row) for row in rows]


def of_text(session: Connection, digest: bytes) -> list[ProposalRow]:
    """The proposals that have this text."""
    rows = session.execute(select(PROPOSAL).where(PROPOSAL.c.text_hash == digest).order_by(PROPOSAL.c.number))
    return [_proposal(row) for row in rows]


def spoken(session: Connection, number: int) -> list[int]:
    """The organisations that have taken a position, or let one be taken for them."""
    query = select(BALLOT.c.organisation).where(BALLOT.c.proposal == number, BALLOT.c.position != 0)
    return list(session.scalars(query.order_by(BALLOT.c.organisation)))


def count_proposals(session: Connection, now: int) -> dict[str, int]:
    """How many there are of each."""
    return {
        which: int(session.execute(_narrowed(select(func.count()).select_from(PROPOSAL), which, now)).scalar_one())
        for which in ("open", "closed", "executed")
    }


def record_execution(session: Connection, number: int, height: int, time: int, transaction: bytes) -> None:
    """It was executed."""
    session.execute(
        update(PROPOSAL)
        .where(PROPOSAL.c.number == number)
        .values(executed_height=height, executed_time=time, executed_transaction=transaction)
    )


def record_failure(session: Connection, number: int, height: int, reason: bytes) -> None:
    """An attempt to execute it failed."""
    session.execute(update(PROPOSAL).where(PROPOSAL.c.number == number).values(failure=reason, failure_height=height))


# Counting.


def tallies_of(session: Connection, numbers: Collection[int]) -> dict[int, dict[int, Tally]]:
    """The counts of some proposals, by college."""
    found: dict[int, dict[int, Tally]] = {number: {} for number in numbers}
    if numbers:
        for row in session.execute(select(TALLY).where(TALLY.c.proposal.in_(numbers))):
            tally = Tally(row.total, row.in_favour, row.against, row.abstaining, row.objecting)
            found[row.proposal][row.college] = tally
    return found


def write_tally(session: Connection, number: int, college: int, tally: Tally) -> None:
    """One count as it is now."""
    here = (TALLY.c.proposal == number) & (TALLY.c.college == college)
    if session.execute(update(TALLY).where(here).values(**asdict(tally))).rowcount == 0:
        session.execute(insert(TALLY).values(proposal=number, college=college, **asdict(tally)))


def _ballot(row: Any) -> BallotRow:
    position = Position(row.position) if row.position else None
    ballot = Ballot(position, row.holder, row.weight, row.college, bool(row.struck))
    return BallotRow(row.organisation, ballot, bytes(row.reason_hash), row.height, row.time, bytes(row.transaction))


def ballot_of(session: Connection, number: int, organisation: int) -> BallotRow | None:
    """What an organisation said; None when it said nothing and was not struck."""
    here = (BALLOT.c.proposal == number) & (BALLOT.c.organisation == organisation)
    row = session.execute(select(BALLOT).where(here)).one_or_none()
    return None if row is None else _ballot(row)


def write_ballot(session: Connection, number: int, row: BallotRow, place: int) -> None:
    """What an organisation says now."""
    values = {
        "position": int(row.ballot.position or 0),
        "holder": row.ballot.holder,
        "weight": row.ballot.weight,
        "college": row.ballot.college,
        "struck": row.ballot.struck,
        "reason_hash": row.reason_hash,
        "height": row.height,
        "place": place,
        "time": row.time,
        "transaction": row.transaction,
    }
    here = (BALLOT.c.proposal == number) & (BALLOT.c.organisation == row.organisation)
    if session.execute(update(BALLOT).where(here).values(**values)).rowcount == 0:
        session.execute(insert(BALLOT).values(proposal=number, organisation=row.organisation, **values))


def ballots(session: Connection, number: int, limit: int, offset: int = 0) -> list[BallotRow]:
    """What was said in a vote, newest first."""
    statement = (
        select(BALLOT)
        .where(BALLOT.c.proposal == number)
        .order_by(BALLOT.c.height.desc(), BALLOT.c.place.desc())
        .limit(limit)
        .offset(offset)
    )
    return [_ballot(row) for row in session.execute(statement)]


def count_ballots(session: Connection, number: int) -> int:
    """How many organisations said something, or were struck."""
    statement = select(func.count()).select_from(BALLOT).where(BALLOT.c.proposal == number)
    return int(session.execute(statement).scalar_one())


# Proxies.


def write_proxy(session: Connection, proxy: Proxy) -> None:
    """A proxy given, in place of one given before."""
    remove_proxy(session, proxy.giver, proxy.proposal)
    session.execute(
        insert(PROXY).values(giver=proxy.giver, proposal=proxy.proposal, holder=proxy.holder, until=proxy.until)
    )


def remove_proxy(session: Connection, giver: int, proposal: int) -> None:
    """A proxy revoked."""
    session.execute(delete(PROXY).where(PROXY.c.giver == giver, PROXY.c.proposal == proposal))


def proxies_of(session: Connection, organisation: int, now: int) -> list[Proxy]:
    """What an organisation gave and holds, as far as it lasts."""
    statement = (
        select(PROXY)
        .where((PROXY.c.giver == organisation) | (PROXY.c.holder == organisation), PROXY.c.until > now)
        .order_by(PROXY.c.proposal, PROXY.c.giver)
    )
    return [Proxy(row.giver, row.holder, row.proposal, row.until) for row in session.execute(statement)]


# Texts.


def insert_text(session: Connection, digest: bytes, text: str) -> None:
    """Keep a text under its digest; the same again changes nothing."""
    if session.execute(select(TEXT.c.hash).where(TEXT.c.hash == digest)).first() is None:
        session.execute(insert(TEXT).values(hash=digest, text=text))


def texts(session: Connection, digests: Sequence[bytes]) -> Mapping[bytes, str]:
    """Texts by their digests; those nobody sent are left out."""
    found: dict[bytes, str] = {}
    for at in range(0, len(digests), _AT_ONCE):
        statement = select(TEXT).where(TEXT.c.hash.in_(digests[at : at + _AT_ONCE]))
        found |= {bytes(row.hash): row.text for row in session.execute(statement)}
    return found


def is_named(session: Connection, digest: bytes) -> bool:
    """Whether the chain names this digest: as a proposal's text, or as a reason."""
    for statement in (
        select(PROPOSAL.c.number).where(PROPOSAL.c.text_hash == digest),
        select(BALLOT.c.proposal).where(BALLOT.c.reason_hash == digest),
    ):
        if session.execute(statement.limit(1)).first() is not None:
            return True
    return False


# Records.


def insert_record(session: Connection, number: int, document: bytes, entry: int | None) -> None:
    """Keep the record of a vote, and where the notary has it."""
    session.execute(insert(RECORD).values(proposal=number, document=document, entry=entry))


def unrecorded(session: Connection, before: int) -> list[tuple[int, bytes | None]]:
    """Votes closed before a time whose record is not in the log, oldest first: with the record, if it is made."""
    statement = (
        select(PROPOSAL.c.number, RECORD.c.document)
        .select_from(PROPOSAL.outerjoin(RECORD, RECORD.c.proposal == PROPOSAL.c.number))
        .where(PROPOSAL.c.closes <= before, RECORD.c.entry.is_(None))
        .order_by(PROPOSAL.c.number)
        .limit(100)
    )
    return [(row.number, None if row.document is None else bytes(row.document)) for row in session.execute(statement)]


def record_of(session: Connection, number: int) -> tuple[bytes, int | None] | None:
    """The record of a vote, and where the notary has it."""
    row = session.execute(select(RECORD).where(RECORD.c.proposal == number)).one_or_none()
    return None if row is None else (bytes(row.document), row.entry)


def write_entry(session: Connection, number: int, entry: int) -> None:
    """The notary has it."""
    session.execute(update(RECORD).where(RECORD.c.proposal == number).values(entry=entry))


def insert_printed(session: Connection, number: int, language: str, document: bytes) -> bytes:
    """Keep a printed record; the one kept before, where another process was faster."""
    try:
        with session.begin_nested():
            session.execute(insert(PRINTED).values(proposal=number, language=language, document=document))
    except IntegrityError:
        return printed_of(session, number, language) or document
    return document


def remove_printed(session: Connection, number: int) -> None:
    """Forget the printed records of a vote: they are made again when asked for."""
    session.execute(delete(PRINTED).where(PRINTED.c.proposal == number))


def printed_of(session: Connection, number: int, language: str) -> bytes | None:
    """The printed record of a vote in a language; None while nobody has asked for it."""
    here = (PRINTED.c.proposal == number) & (PRINTED.c.language == language)
    found = session.execute(select(PRINTED.c.document).where(here)).scalar_one_or_none()
    return None if found is None else bytes(found)
