# SPDX-License-Identifier: Apache-2.0
"""Votes over the real contracts and both databases: followed, read again, prepared, signed with a kept key."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import json
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from assembly import FOUNDERS, GOVERN, REGISTER, STATUTES, Assembly, AssemblyLedger, member
from contract_evm import CHAIN_ID, STEWARD, account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_recount import do, steps

from maillon.kit.clock import FixedClock
from maillon.kit.encryption import Encryption
from maillon.kit.idempotency import Once, SealedAnswers
from maillon.kit.store import Store, metadata
from maillon.ledger.abi import Call
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.contracts.members import Members
from maillon.ledger.genesis import CREDITS, DIRECTORY
from maillon.ledger.port import Address, Signer
from maillon.ledger.signing import checksum
from maillon.services.votes import store as tables
from maillon.services.votes import texts
from maillon.services.votes.acts import Fact, RawAct
from maillon.services.votes.contract import VotesContract, word
from maillon.services.votes.errors import (
    GovernanceMoved,
    InvalidExport,
    InvalidPosition,
    InvalidProposal,
    InvalidText,
    LedgerUnavailable,
    NoRecord,
    NotNotarised,
    Refused,
    RefusedByLaw,
    RegisterMoved,
    UnknownProposal,
)
from maillon.services.votes.export import Export, differences
from maillon.services.votes.following import Follower
from maillon.services.votes.model import OF_ONE, Position, ProposalKind, ProposedCall, State, own_number
from maillon.services.votes.recount import recount
from maillon.services.votes.rules import add_up
from maillon.services.votes.service import TEXT_AWAITED, VotesService
from other_contracts import governance, members, of_another_law

TEXT = "Porter le quorum à la moitié\n\nParce que trois sur dix, c’est trop peu."


class KeptKey:
    """An account of the EVM, which checks no signature: who sends is who is said to."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def sign_hash(self, digest: bytes) -> tuple[int, int, int]:
        raise AssertionError(f"nothing is signed here: {digest.hex()}")


class KeyElsewhere(Refused):
    """The register keeps no key of that organisation."""


class Names:
    """The register, as far as votes ask: founders have names, and 7 keeps its key for itself."""

    async def legal_names(self, organisations: Collection[int]) -> Mapping[int, str]:
        return {number: f"Fondatrice n° {number}" for number in organisations if number in FOUNDERS}

    async def organisations(self, statuses: Collection[int]) -> Mapping[int, str]:
        return await self.legal_names(FOUNDERS) if 2 in statuses else {}

    async def signer(self, organisation: int) -> Signer:
        if organisation == 7:
            raise KeyElsewhere("no key kept here")
        return KeptKey(member(organisation))


class MemoryNotary:
    """The notary's log as votes see it: it can be away, before or after an entry."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.away = ""

    async def enter(self, digest: bytes) -> int:
        if self.away == "before":
            raise NotNotarised("the log is away")
        if digest not in self.entries:
            self.entries.append(digest)
        if self.away == "after":
            raise NotNotarised("the answer was lost")
        return self.entries.index(digest)

    async def receipt(self, entry: int, digest: bytes) -> bytes | None:
        return b"receipt" if self.entries[entry] == digest else None


class Instance:
    """A service over an assembly, whose clock is the chain's."""

    def __init__(self, store: Store, name: str = "plain") -> None:
        self.assembly = Assembly(name)
        self.ledger = AssemblyLedger(self.assembly)
        self.clock = FixedClock(datetime.datetime.fromtimestamp(self.assembly.time, datetime.UTC))
        self.store = store
        self.contract = VotesContract(self.ledger, DIRECTORY, self.ledger.time_of, self.ledger.code_of)
        self.notary = MemoryNotary()
        self.once = Once(store, self.clock, SealedAnswers(Encryption([("00000001", bytes(32))], bytes(32))))
        self.service = VotesService(
            store, self.contract, Names(), self.clock, network="tests", chain_id=CHAIN_ID, notary=self.notary
        )

    def wait(self, seconds: int) -> None:
        self.ledger.pass_time(seconds)
        self.clock.time = datetime.datetime.fromtimestamp(self.assembly.time, datetime.UTC)

    async def propose(self, calls: tuple[ProposedCall, ...] = (), by: int = 1, **changes: Any) -> int:
        asked: dict[str, Any] = {"kind": ProposalKind.ORDINARY, "text": TEXT, "opens": 1, "closes": 61} | changes
        now = self.assembly.time
        return await self.service.propose(
            by,
            asked["kind"],
            asked["text"],
            calls,
            "person:1",
            opens=now + asked["opens"],
            closes=now + asked["closes"],
        )

    async def propose_elsewhere(self, text: str) -> int:
        """Put something to the vote without this instance, which learns the digest of its text from the chain."""
        opens = self.assembly.time + 86_400
        digest = texts.digest(texts.parse_proposal_text(text))
        self.ledger.include(GOVERN.propose(int(ProposalKind.ORDINARY), digest, (), opens, opens + 60), member(1))
        self.wait(0)
        await self.service.catch_up()
        return (await self.service.proposals(limit=1))[0].row.proposal.number

    def rows(self) -> list[tuple[Any, ...]]:
        with self.store.read() as session:
            return list(tables.dump_read_model(session))


@pytest_asyncio.fixture
async def instance(store: Store) -> Instance:
    made = Instance(store)
    await made.service.catch_up()
    return made


@pytest.mark.asyncio
async def test_a_vote_from_proposal_to_execution(instance: Instance) -> None:
    suspended = REGISTER.suspend(6)
    number = await instance.propose((ProposedCall(suspended.to, suspended.data),))
    instance.wait(2)
    for organisation in (1, 2, 3):
        await instance.service.cast(organisation, number, Position.FOR, "person:1")
    await instance.service.cast(4, number, Position.OBJECT, "person:4", reason="Trop tôt.")
    shown = await instance.service.proposal(number)
    assert shown.title == "Porter le quorum à la moitié"
    assert shown.outlook.state is State.OPEN
    assert add_up(shown.tallies.values()).in_favour == 3
    (effect,) = shown.effects
    assert [change.what for change in effect.changes] == ["status"]
    said, total = await instance.service.said(number)
    assert total == 4
    assert (said[0].row.organisation, said[0].reason) == (4, "Trop tôt.")
    instance.wait(80)
    # The seat is the steward's in this assembly: the call is refused, and the reason kept.
    assert not await instance.service.execute(2, number, "person:2")
    shown = await instance.service.proposal(number)
    assert shown.outlook.failure == "members: caller is not governance"
    assert shown.outlook.state is State.EXECUTABLE


SUCCESSOR = Address(b"\x5e" * 20)
SAME_LAW = governance(STATUTES["weighted"])
OTHER_LAW = of_another_law("Governance")


def called(one: Call[Any]) -> ProposedCall:
    return ProposedCall(one.to, one.data)


def lead(instance: Instance, to: Address) -> None:
    """Lead the name Governance there: the steward holds the seat in this assembly, and does what a vote would."""
    instance.ledger.include(Directory(DIRECTORY).point(word("Governance"), to), STEWARD)
    instance.wait(0)


async def votes_of_two(instance: Instance) -> tuple[int, int]:
    """A vote that is open on the Governance of block zero, and the second one of its successor, announced."""
    old = await instance.propose()
    instance.wait(2)
    await instance.service.cast(1, old, Position.FOR, "person:1")
    assert [each.former for each in await instance.service.proposals()] == [False]
    instance.ledger.deploy(SAME_LAW, SUCCESSOR)
    # Somebody proposes there before the name leads there: it is a vote of the same members, and read once it does.
    opens = instance.assembly.time + 20
    instance.ledger.include(Governance(SUCCESSOR).propose(1, bytes([1]) * 32, (), opens, opens + 60), member(2))
    await instance.service.catch_up()
    assert [each.row.proposal.number for each in await instance.service.proposals()] == [old]
    lead(instance, SUCCESSOR)
    await instance.service.catch_up()
    new = await instance.propose((called(REGISTER.suspend(6)),), by=3, opens=20, closes=90)
    return old, new


@pytest.mark.asyncio
async def test_a_governance_of_the_same_law_that_succeeds_is_read(instance: Instance) -> None:
    service = instance.service
    old, new = await votes_of_two(instance)
    await service.notice_move()
    assert (service.unfollowed, await service.unread()) == (None, None)
    listed = {each.row.proposal.number: each for each in await service.proposals()}
    assert list(listed) == [new, OF_ONE + 1, old]
    assert (new, own_number(new)) == (OF_ONE + 2, 2)
    assert [(each.governance.address, each.former) for each in listed.values()] == [
        (SUCCESSOR, False),
        (SUCCESSOR, False),
        (GOVERN.address, True),
    ]
    # Each vote is judged by the statutes of its own contract, and those in force are the successor's.
    version, statutes = await service.statutes()
    assert (version, statutes.by_college) == (OF_ONE + 1, True)
    assert (await service.proposal(new)).statutes == statutes
    assert not (await service.proposal(old)).statutes.by_college
    # How many votes a member has open is asked of the contract that takes them.
    await instance.propose(by=3, opens=20, closes=90)
    assert await service.proposing_no_more([1, 3]) == [3]
    # Led back, votes are taken as before, and numbered on.
    lead(instance, GOVERN.address)
    assert await instance.propose(by=4) == old + 1
    assert (await service.statutes())[0] == 1
    assert [each.former for each in await service.proposals()] == [True, True, True, False, False]


@pytest.mark.asyncio
async def test_what_is_signed_in_a_vote_goes_to_its_contract(instance: Instance) -> None:
    service = instance.service
    old, new = await votes_of_two(instance)
    prepared, _ = await service.prepare_position(old, Position.FOR)
    assert (prepared.to, prepared.data) == (GOVERN.address, GOVERN.cast(1, 1, bytes(32)).data)
    await service.cast(2, old, Position.AGAINST, "person:2")
    await service.give_proxy(5, old, 2, "person:5")
    await service.give_proxy(4, new, 2, "person:4")
    # A standing proxy is given where votes are taken, and is none for those of before.
    await service.give_proxy(6, 0, 3, "person:6", until=instance.assembly.time + 10_000)
    assert [each.proposal for each in await service.proxies(6)] == [OF_ONE]
    assert await service.proxy(new, 6) == (await service.proxies(6))[0]
    assert await service.proxy(old, 6) is None
    instance.wait(21)
    await service.cast(1, new, Position.FOR, "person:1")
    await service.cast(2, new, Position.FOR, "person:2", giver=4)
    assert ((await service.said(new))[1], (await service.said(old))[1]) == (2, 2)
    await service.revoke_proxy(4, new, "person:4")
    await service.revoke_proxy(6, 0, "person:6")
    assert await service.proxies(6) == []
    # The steward has the seat in this assembly: each contract is asked what it would meet itself.
    rehearsed = (await service.proposal(new)).rehearsal
    assert rehearsed is not None
    assert rehearsed.reason == "members: caller is not governance"
    with pytest.raises(UnknownProposal):
        await service.give_proxy(5, 2 * OF_ONE + 1, 2, "person:5")


@pytest.mark.asyncio
async def test_votes_of_two_contracts_are_recorded_and_counted_again(instance: Instance) -> None:
    service = instance.service
    old, new = await votes_of_two(instance)
    instance.wait(21)
    await service.cast(1, new, Position.FOR, "person:1")
    await service.cast(2, new, Position.OBJECT, "person:2", reason="Trop tôt.")
    instance.wait(200)
    await service.catch_up()
    assert await service.keep_records() == 3
    written = {each: json.loads((await service.record(each))[0]) for each in (old, new)}
    assert written[old]["proposal"]["governance"] == checksum(GOVERN.address)
    assert written[new]["proposal"]["governance"] == checksum(SUCCESSOR)
    assert written[new]["rules"]["statutes"] == 1
    rows = instance.rows()
    await service.reindex()
    assert instance.rows() == rows
    # A recount from the export's bytes counts every vote as the read model has it.
    export = Export.parse((await service.export()).to_json())
    assert (export.successors, export.unread) == ([SUCCESSOR], [])
    counted = recount(export.founding, export.dated())
    assert sorted(counted) == [old, OF_ONE + 1, new]
    for number, vote in counted.items():
        shown = await service.proposal(number)
        assert (vote.proposal, vote.statutes) == (shown.proposal, shown.statutes)
        assert vote.count.tallies == shown.tallies
    # An export that keeps one of the contracts to itself does not say the same.
    hidden = replace(export, successors=[], events=[one for one in export.events if one[0].contract != SUCCESSOR])
    said = [each.what for each in differences(export, hidden)]
    assert "the contracts that took the name Governance" in said
    with pytest.raises(InvalidExport, match="a contract it does not name"):
        replace(export, successors=[]).dated()


@pytest.mark.asyncio
async def test_a_governance_of_another_law_is_named_and_not_read(instance: Instance) -> None:
    service = instance.service
    number = await instance.propose()
    instance.wait(2)
    await service.cast(1, number, Position.FOR, "person:1")
    await service.notice_move()
    assert service.unfollowed is None
    lead(instance, instance.ledger.deploy(OTHER_LAW, SUCCESSOR))
    await service.catch_up()
    await service.notice_move()
    said = service.unfollowed
    assert said is not None
    assert "0x" + SUCCESSOR.hex() in said
    unread = await service.unread()
    assert unread is not None
    assert unread.address == SUCCESSOR
    # Earlier votes are read, and what is signed in them goes to their contract; nothing new is proposed.
    shown = await service.proposal(number)
    assert (shown.title, shown.former) == ("Porter le quorum à la moitié", True)
    await service.cast(2, number, Position.FOR, "person:2")
    assert (await service.statutes())[0] == 1
    for act in (instance.propose(by=3), service.give_proxy(3, 0, 2, "person:3", until=2**40)):
        with pytest.raises(GovernanceMoved, match=SUCCESSOR.hex()):
            await act
    # Calls to a law that is not known are told as they are, in no words of ours.
    (told,) = await service.effects([called(Governance(SUCCESSOR).set_statutes(STATUTES["plain"].as_argument()))])
    assert isinstance(told.act, RawAct)
    rows = instance.rows()
    await service.reindex()
    assert instance.rows() == rows
    export = Export.parse((await service.export()).to_json())
    assert export.unread == [SUCCESSOR]
    assert list(recount(export.founding, export.dated())) == [number]
    # Led back, votes are taken as before.
    lead(instance, GOVERN.address)
    await instance.propose(by=3)
    await service.notice_move()
    assert service.unfollowed is None
    assert await service.unread() is None


@pytest.mark.asyncio
async def test_when_the_register_moves_votes_are_read_and_counted_until_then(instance: Instance) -> None:
    service = instance.service
    number = await instance.propose()
    instance.wait(2)
    await service.cast(1, number, Position.FOR, "person:1")
    whole = await service.export()
    assert whole.other_register is None
    instance.ledger.deploy(members(), SUCCESSOR)
    instance.ledger.include(Directory(DIRECTORY).point(word("Members"), SUCCESSOR), STEWARD)
    moved_in = instance.assembly.block
    instance.wait(0)
    await service.catch_up()
    await service.notice_move()
    assert service.register_moved_to == SUCCESSOR
    # What was voted is read as before, and nothing is prepared that another register decides.
    shown = await service.proposal(number)
    assert add_up(shown.tallies.values()).in_favour > 0
    for act in (
        service.prepare_position(number, Position.FOR),
        service.cast(2, number, Position.FOR, "person:2"),
        service.give_proxy(3, number, 2, "person:3"),
        service.revoke_proxy(3, number, "person:3"),
        instance.propose(by=3),
    ):
        with pytest.raises(RegisterMoved, match=SUCCESSOR.hex()):
            await act
    # Nor are calls to it told in the words of the law we know.
    (told,) = await service.effects([called(Members(SUCCESSOR).suspend(2))])
    assert isinstance(told.act, RawAct)
    rows = instance.rows()
    await service.reindex()
    assert instance.rows() == rows
    # The export ends before, and says so; a recount is of the register it has, and an older export agrees with it.
    export = Export.parse((await service.export()).to_json())
    assert export.other_register is not None
    assert (export.other_register.address, export.height) == (SUCCESSOR, export.other_register.block - 1)
    assert whole.height <= export.height < moved_in
    assert recount(export.founding, export.dated())[number].count.tallies == shown.tallies
    assert differences(export, whole) == []
    later = replace(export, other_register=None, height=export.height + 10)
    assert [each.what for each in differences(export, later)] == ["the contract that took the name Members"]


@pytest.mark.asyncio
async def test_a_law_that_was_not_known_is_read_from_its_beginning_once_it_is(instance: Instance) -> None:
    await instance.propose()
    lead(instance, instance.ledger.deploy(SAME_LAW, SUCCESSOR))

    async def another(address: Address) -> bytes:
        return await instance.ledger.code_of(address) + address

    unknown = VotesContract(instance.ledger, DIRECTORY, instance.ledger.time_of, another)
    earlier = VotesService(instance.store, unknown, Names(), instance.clock, network="tests", chain_id=CHAIN_ID)
    await earlier.catch_up()
    assert await earlier.unread() is not None
    opens = instance.assembly.time + 20
    instance.ledger.include(Governance(SUCCESSOR).propose(1, bytes([1]) * 32, (), opens, opens + 60), member(2))
    await earlier.catch_up()
    assert len(await earlier.proposals()) == 1
    instance.wait(1)
    await instance.service.catch_up()
    assert await instance.service.unread() is None
    rows = instance.rows()
    await instance.service.reindex()
    assert instance.rows() == rows
    assert len(await instance.service.proposals()) == 2


@pytest.mark.asyncio
async def test_a_resolution_is_executed_and_its_table_stays_true(instance: Instance) -> None:
    number = await instance.propose()
    instance.wait(2)
    for organisation in (1, 2, 3):
        await instance.service.cast(organisation, number, Position.FOR, "person:1")
    instance.wait(80)
    assert (await instance.service.proposal(number)).execution is None
    with instance.store.transaction() as session:
        for each in (number, number + 1):
            tables.insert_printed(session, each, "fr", b"to be executed")
    assert await instance.service.execute(1, number, "person:1")
    with instance.store.read() as session:
        # What was printed before its execution is printed again; of no other vote.
        assert tables.printed_of(session, number, "fr") is None
        assert tables.printed_of(session, number + 1, "fr") is not None
    shown = await instance.service.proposal(number)
    assert shown.outlook.state is State.EXECUTED
    assert shown.row.executed_height is not None
    assert shown.set_against == shown.row.executed_height - 1
    done = shown.execution
    assert done is not None
    assert (done.height, done.time) == (shown.row.executed_height, shown.row.executed_time)
    assert (done.account, done.organisation, done.legal_name) == (member(1), 1, "Fondatrice n° 1")
    with pytest.raises(RefusedByLaw, match="not executable"):
        await instance.service.execute(1, number, "person:1")


@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(["plain", "weighted"]), todo=st.lists(steps, min_size=10, max_size=30))
def test_following_step_by_step_and_reading_again_give_the_same_rows(
    name: str, todo: list[tuple[Any, ...]], store: Store
) -> None:
    with store.transaction() as session:  # one database for all examples: each begins with an empty one
        for table in reversed(metadata.sorted_tables):
            if table.name.startswith("votes_"):
                session.execute(table.delete())
    instance = Instance(store, name)

    async def scenario() -> None:
        assembly = instance.assembly
        sent = assembly.send

        def include(call: Any, sender: Address) -> Any:
            assembly.send = sent  # type: ignore[method-assign]
            try:
                return instance.ledger.include(call, sender)
            finally:
                assembly.send = include  # type: ignore[method-assign, assignment]

        assembly.send = include  # type: ignore[method-assign, assignment]
        for place, step in enumerate([("propose", 1, 1, 5), ("wait", 6), *todo]):
            do(assembly, *step)
            if step[0] == "wait":
                instance.ledger._times[assembly.block] = assembly.time
            if place % 3 == 0:
                await instance.service.catch_up()
        await instance.service.catch_up()
        rows = instance.rows()
        counted = assembly.recount.votes()
        for number, vote in counted.items():
            shown = await instance.service.proposal(number)
            assert shown.tallies == vote.count.tallies
            for organisation, ballot in vote.count.ballots.items():
                row = await instance.service.ballot(number, organisation)
                assert row is not None
                assert row.ballot == ballot
        await instance.service.reindex()
        assert instance.rows() == rows
        # And an export of the same chain is counted the same, from its bytes alone.
        written = (await instance.service.export()).to_json()
        read = Export.parse(written)
        assert recount(read.founding, read.dated()) == counted

    asyncio.run(scenario())


@pytest.mark.asyncio
async def test_proxies_are_given_used_and_revoked(instance: Instance) -> None:
    number = await instance.propose()
    instance.wait(2)
    await instance.service.give_proxy(2, number, 3, "person:2")
    assert [(each.giver, each.holder) for each in await instance.service.proxies(3)] == [(2, 3)]
    await instance.service.cast(3, number, Position.FOR, "person:3", giver=2)
    found = await instance.service.ballot(number, 2)
    assert found is not None
    assert (found.ballot.position, found.ballot.holder) == (Position.FOR, 3)
    await instance.service.revoke_proxy(2, number, "person:2")
    found = await instance.service.ballot(number, 2)
    assert found is not None
    assert found.ballot.position is None
    assert await instance.service.proxies(3) == []


@pytest.mark.asyncio
async def test_a_closed_vote_has_one_record_and_its_receipt(instance: Instance) -> None:
    number = await instance.propose()
    instance.wait(2)
    await instance.service.cast(1, number, Position.FOR, "person:1")
    await instance.service.cast(4, number, Position.OBJECT, "person:4", reason="Trop tôt.")
    instance.wait(60)
    # Closed, and not settled yet.
    assert await instance.service.keep_records() == 0
    with pytest.raises(NoRecord):
        await instance.service.record(number)
    instance.wait(60)
    # The log is away, then takes the entry and its answer is lost: the record is one and the same, entered once.
    for away in ("before", "after"):
        instance.notary.away = away
        with pytest.raises(NotNotarised):
            await instance.service.keep_records()
        kept, entry = await instance.service.record(number)
        assert entry is None
        with pytest.raises(NoRecord, match="not ready"):
            await instance.service.receipt(number)
    instance.notary.away = ""
    assert await instance.service.keep_records() == 1
    document, entry = await instance.service.record(number)
    assert (document, entry) == (kept, 0)
    assert instance.notary.entries == [hashlib.sha256(document).digest()]
    assert await instance.service.receipt(number) == b"receipt"
    assert await instance.service.keep_records() == 0
    written = json.loads(document)
    assert written["passed"] is False
    assert written["count"] == {
        "total": 7, "in_favour": 1, "against": 0, "abstaining": 0, "objecting": 1
    }  # fmt: skip
    assert [
        (each["organisation"]["legal_name"], each["position"], each["reason"]) for each in written["positions"]
    ] == [
        ("Fondatrice n° 4", "object", "Trop tôt."),
        ("Fondatrice n° 1", "for", None),
    ]
    # Reading the chain anew changes no record.
    await instance.service.reindex()
    assert await instance.service.record(number) == (document, 0)


@pytest.mark.asyncio
async def test_a_record_says_what_would_change_as_the_chain_stood_when_it_was_proposed(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []
    facts = instance.contract.facts

    async def archived(questions: Iterable[Fact], at: int | None = None) -> dict[Fact, Any]:
        asked.append(at)
        return await facts(questions, at) | ({} if at is None else {("legal_name", 3): "Fondatrice d’alors"})

    renamed, dearer = REGISTER.rename(3, "Neuve"), Credits(CREDITS).set_floor_tip(2 * 10**9)
    calls = tuple(ProposedCall(each.to, each.data) for each in (renamed, dearer))
    number = await instance.propose(calls)
    snapshot = (await instance.service.proposal(number)).proposal.snapshot_block
    instance.wait(62)
    # By the time the record is made the register has its new name.
    instance.ledger.include(renamed, STEWARD)
    instance.wait(120)
    monkeypatch.setattr(instance.contract, "facts", archived)
    assert await instance.service.keep_records() == 1
    assert asked == [snapshot]
    document, _ = await instance.service.record(number)
    name, fee = json.loads(document)["proposal"]["calls"]
    assert name["in_words"]["en"] == "The register would call Fondatrice d’alors “Neuve”."
    assert [(each["before"]["en"], each["after"]["en"]) for each in name["changes"]] == [
        ("Fondatrice d’alors", "Neuve")
    ]
    assert [(each["what"]["en"], each["before"]["en"], each["after"]["en"]) for each in fee["changes"]] == [
        ("Least fee for a unit of gas", "1 Gwei", "2 Gwei")
    ]
    # The page of a vote that did not pass is set against the same block.
    shown = await instance.service.proposal(number)
    assert shown.outlook.state is State.REFUSED
    assert shown.set_against == snapshot
    assert shown.effects[0].names == {3: "Fondatrice d’alors"}


@pytest.mark.asyncio
async def test_two_followers_of_one_database_apply_each_block_once(instance: Instance, store: Store) -> None:
    number = await instance.propose()
    instance.wait(2)
    for organisation in (1, 2, 3, 4):
        instance.ledger.include(GOVERN.cast(number, 1, bytes(32)), member(organisation))
    # From the first block on, all at once; then each range is committed by one of them.
    with store.transaction() as session:
        tables.clear_read_model(session)
    followers = [Follower(store, instance.contract) for _ in range(3)]
    await asyncio.gather(*(follower.catch_up() for follower in followers))
    tally = add_up((await instance.service.proposal(number)).tallies.values())
    assert (tally.total, tally.in_favour) == (7, 4)
    followed = instance.rows()
    await instance.service.reindex()
    assert instance.rows() == followed


def test_who_moves_the_head_holds_it_until_the_end(store: Store) -> None:
    """A second process waits for the first, and finds the head moved: on PostgreSQL it would read the old one else."""
    with store.transaction() as session:
        assert tables.advance(session, -1, 0)
        assert not tables.advance(session, 7, 8)
    entered, moved = threading.Event(), []

    def second() -> None:
        entered.set()
        with store.transaction() as session:
            moved.append(tables.advance(session, 0, 5))

    other = threading.Thread(target=second)
    with store.transaction() as session:
        assert tables.advance(session, 0, 5)
        other.start()
        assert entered.wait(30)
    other.join(30)
    assert moved == [False]
    with store.transaction() as session:
        assert not tables.advance(session, -1, 0)
        assert tables.read_height(session) == 5


class Heard:
    """Who is told, in a test: what was staged, once it is committed."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, str, dict[str, Any]]] = []
        self.people: list[tuple[str, int, Any]] = []
        self.woken = 0

    def stage(
        self,
        _session: Any,
        kind: str,
        number: int,
        key: str,
        _happened: int,
        data: Mapping[str, Any],
        *,
        to_people: bool = True,
    ) -> None:
        self.told.append((kind, number, key, dict(data)))
        if to_people:
            self.people.append((kind, number, data.get("title")))

    def wake(self) -> None:
        self.woken += 1


@pytest.mark.asyncio
async def test_what_happens_is_told_once_for_ever_under_one_key(store: Store) -> None:
    instance, heard = Instance(store), Heard()
    instance.service._announcer = instance.service._follower._announcer = heard
    await instance.service.catch_up()
    suspended = REGISTER.suspend(6)
    number = await instance.propose((ProposedCall(suspended.to, suspended.data),))
    instance.wait(2)
    for organisation in (1, 2, 3):
        await instance.service.cast(organisation, number, Position.FOR, "person:1")
    instance.wait(80)
    assert not await instance.service.execute(1, number, "person:1")
    instance.wait(60)
    await instance.service.keep_records()
    assert [(kind, of) for kind, of, _, _ in heard.told] == [
        ("vote.proposed", number), ("vote.execution-failed", number), ("vote.recorded", number)
    ]  # fmt: skip
    assert heard.told[0][3]["kind"] == "ordinary"
    assert heard.told[1][3]["reason"] == "members: caller is not governance"
    document, _ = await instance.service.record(number)
    title = TEXT.partition("\n")[0]
    assert heard.told[2][3] == {"sha256": hashlib.sha256(document).hexdigest(), "passed": True, "title": title}
    assert heard.woken
    # Read anew, the same is said under the same keys: whoever carries it knows that it was.
    keys = [key for kind, _, key, _ in heard.told if kind != "vote.recorded"]
    heard.told.clear()
    await instance.service.reindex()
    assert [key for _, _, key, _ in heard.told] == keys


@pytest.mark.asyncio
async def test_people_are_told_of_a_proposal_by_its_title_once_it_is_known(store: Store) -> None:
    """A wallet, or another instance, brings the text after the chain has named it, or never."""
    instance, heard = Instance(store), Heard()
    instance.service._announcer = instance.service._follower._announcer = heard
    await instance.service.catch_up()
    late, never = (texts.parse_proposal_text(text) for text in ("Accueillir tous\n\nToutes.\n", "Jamais envoyé\n"))
    one = await instance.propose_elsewhere(late)
    other = await instance.propose_elsewhere(never)
    # Programs are told at once; people wait for the title.
    assert [(kind, number, data["title"]) for kind, number, _, data in heard.told] == [
        ("vote.proposed", one, None), ("vote.proposed", other, None)
    ]  # fmt: skip
    assert heard.people == []
    await instance.service.add_text(late)
    assert heard.people == [("vote.proposed", one, "Accueillir tous")]
    # What does not come is waited for, and then said to be unknown; once.
    instance.wait(TEXT_AWAITED - 5)
    assert await instance.service.remind() == 0
    instance.wait(10)
    assert await instance.service.remind() == 1
    assert await instance.service.remind() == 0
    assert heard.people[1:] == [("vote.proposed", other, None)]
    # When it comes after all, the same is said again under the same key, with its title.
    await instance.service.add_text(never)
    assert heard.people[2:] == [("vote.proposed", other, "Jamais envoyé")]
    assert len({key for _, number, key, _ in heard.told if number == other}) == 1


@pytest.mark.asyncio
async def test_a_vote_that_opens_and_one_that_closes_soon_are_told_once(store: Store) -> None:
    instance, heard = Instance(store), Heard()
    instance.service._announcer = instance.service._follower._announcer = heard
    await instance.service.catch_up()
    short = await instance.propose(opens=100, closes=200)
    long = await instance.propose(opens=100, closes=300_000)
    heard.told.clear()
    assert await instance.service.remind() == 0
    instance.wait(101)
    assert await instance.service.remind() == 2
    assert [(kind, of) for kind, of, _, _ in heard.told] == [("vote.opened", short), ("vote.opened", long)]
    assert heard.told[0][3]["title"] == TEXT.partition("\n")[0]
    assert await instance.service.remind() == 0
    await instance.service.cast(3, long, Position.AGAINST, "person:3")
    await instance.service.cast(2, long, Position.FOR, "person:2")
    heard.told.clear()
    instance.wait(300_000 - 86_400 - 100)
    # What opened more than a day ago is no news; what closes within a day is, with whoever has spoken.
    assert await instance.service.remind() == 1
    ((kind, of, key, data),) = heard.told
    assert (kind, of, data["spoken"]) == ("vote.closing", long, [2, 3])
    # Another process, or this one started again, says it under the same key.
    instance.service._reminded.clear()
    assert await instance.service.remind() == 1
    assert [told[2] for told in heard.told] == [key, key]
    instance.wait(86_400)
    instance.service._reminded.clear()
    assert await instance.service.remind() == 0


# Attacks and refusals.


@pytest.mark.asyncio
async def test_a_second_vote_replaces_the_first_and_never_adds(instance: Instance) -> None:
    number = await instance.propose()
    instance.wait(2)
    for position in (Position.FOR, Position.FOR, Position.AGAINST):
        await instance.service.cast(1, number, position, "person:1")
    tally = add_up((await instance.service.proposal(number)).tallies.values())
    assert (tally.present, tally.in_favour, tally.against) == (1, 0, 1)


@pytest.mark.asyncio
async def test_what_the_law_refuses_changes_nothing(instance: Instance) -> None:
    number = await instance.propose(opens=20, closes=81)
    before = instance.rows()
    with pytest.raises(RefusedByLaw, match="vote is not open"):
        await instance.service.cast(1, number, Position.FOR, "person:1")
    with pytest.raises(RefusedByLaw, match="not executable"):
        await instance.service.execute(1, number, "person:1")
    with pytest.raises(RefusedByLaw, match="no proxy to revoke"):
        await instance.service.revoke_proxy(1, number, "person:1")
    instance.wait(20)
    with pytest.raises(RefusedByLaw, match="proxy was not given to you"):
        await instance.service.cast(3, number, Position.FOR, "person:3", giver=2)
    await instance.service.catch_up()
    assert [row for row in instance.rows() if row[0] != "votes_cursor"] == [
        row for row in before if row[0] != "votes_cursor"
    ]


@pytest.mark.asyncio
async def test_what_cannot_be_is_refused_before_the_chain_is_asked(instance: Instance) -> None:
    with pytest.raises(UnknownProposal):
        await instance.service.proposal(9)
    with pytest.raises(InvalidPosition):
        await instance.service.prepare_position(1, Position.OBJECT, "  ")
    with pytest.raises(InvalidProposal):
        await instance.service.prepare_proposal(ProposalKind.ORDINARY, TEXT, (), 10, 10)
    with pytest.raises(InvalidProposal):
        await instance.service.prepare_proposal(ProposalKind.ORDINARY, TEXT, (ProposedCall(STEWARD, b""),) * 17, 1, 2)
    for text in ("", "x" * 121, "title\n" + "x" * 20_000, "safe\u202etitle", "a\0b"):
        with pytest.raises(InvalidText):
            await instance.service.prepare_proposal(ProposalKind.ORDINARY, text, (), 1, 2)


@pytest.mark.asyncio
async def test_a_key_that_is_not_kept_here_is_not_used(instance: Instance) -> None:
    number = await instance.propose()
    with pytest.raises(KeyElsewhere):
        await instance.service.cast(7, number, Position.FOR, "person:7")


@pytest.mark.asyncio
async def test_a_text_is_kept_only_when_the_chain_names_it(instance: Instance) -> None:
    outsider = "Fait ailleurs\n\nPar un autre outil."
    with pytest.raises(InvalidText, match="no proposal and no reason"):
        await instance.service.add_text(outsider)
    now = instance.assembly.time
    digest = hashlib.sha256(outsider.encode()).digest()
    instance.ledger.include(GOVERN.propose(1, digest, (), now + 1, now + 61), member(2))
    await instance.service.catch_up()
    assert (await instance.service.proposal(1)).text is None
    assert await instance.service.add_text(outsider) == digest
    assert (await instance.service.proposal(1)).title == "Fait ailleurs"


@pytest.mark.asyncio
async def test_an_unreachable_chain_is_not_a_refusal(instance: Instance) -> None:
    number = await instance.propose()
    instance.ledger.away = True
    with pytest.raises(LedgerUnavailable):
        await instance.service.cast(1, number, Position.FOR, "person:1")
    with pytest.raises(LedgerUnavailable):
        await instance.service.catch_up()
    # What was read stays readable.
    assert (await instance.service.proposals())[0].row.proposal.number == number


@pytest.mark.asyncio
async def test_lists_are_narrowed_and_continued(instance: Instance) -> None:
    for organisation in (1, 2, 3):
        await instance.propose(by=organisation)
    assert await instance.service.counts() == {"open": 3, "closed": 0, "executed": 0}
    first = await instance.service.proposals(limit=2)
    assert [each.row.proposal.number for each in first] == [3, 2]
    rest = await instance.service.proposals(limit=2, before=2)
    assert [each.row.proposal.number for each in rest] == [1]
    instance.wait(100)
    assert await instance.service.proposals("open") == []
    assert len(await instance.service.proposals("closed")) == 3
    assert await instance.service.proposals("executed") == []


def test_the_steward_is_no_member() -> None:
    assert STEWARD not in {member(number) for number in FOUNDERS}
    assert account(21) == member(1)
