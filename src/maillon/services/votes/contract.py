# SPDX-License-Identifier: Apache-2.0
"""`Governance` on the chain, found through the Directory, through the port: reading it, and preparing what is signed.

Nothing here signs by itself: every act is first a `Prepared`, which a wallet, a command line or a key kept by the
instance signs. What the chain refuses is `RefusedByLaw` with its own words; what could not be asked is
`LedgerUnavailable`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from maillon.ledger.abi import Call as ContractCall
from maillon.ledger.abi import NotDecodable, ask, decode, decode_revert
from maillon.ledger.contracts import governance as governance_events
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.anchors import Anchors
from maillon.ledger.contracts.brake import Brake
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.governance import Governance, ProposalExecuted
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network
from maillon.ledger.errors import LedgerError, Rejected, Reverted
from maillon.ledger.port import Address, Event, Height, Ledger, Signer, TransactionReceipt
from maillon.services.votes.acts import CONTRACTS, Book, Fact, RuleFact, StandingFact
from maillon.services.votes.errors import (
    GovernanceMoved,
    LedgerUnavailable,
    RefusedByLaw,
    RegisterMoved,
    UnknownProposal,
)
from maillon.services.votes.export import Export, OtherRegister
from maillon.services.votes.model import (
    Executed,
    NamedGovernance,
    Position,
    ProposalKind,
    ProposedCall,
    Rehearsal,
    Statutes,
    numbered,
    own_number,
    succession_of,
)
from maillon.services.votes.recount import Founding, Standing, read_statutes, renumbered

NOBODY: Final = Address(bytes(20))
_Answer = TypeVar("_Answer")


class BlockTimes(Protocol):
    """When blocks were made. Beside the port, which knows heights only."""

    def __call__(self, height: int) -> Awaitable[int]:
        """Unix time in seconds of a block; raises a `LedgerError`."""


class Codes(Protocol):
    """What code stands where. Beside the port, which only asks it."""

    def __call__(self, address: Address) -> Awaitable[bytes]:
        """The code of a contract; raises a `LedgerError`."""


class GasPrice(Protocol):
    """What gas costs now. Beside the port, whose engines choose fees by themselves."""

    def __call__(self) -> Awaitable[int]:
        """Wei for a unit of gas; raises a `LedgerError`."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An act before it is signed: a transaction to be made by an account of the organisation."""

    to: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """One event, where and when it stands: as the chain keeps it, and decoded."""

    raw: Event
    event: Any
    """Its proposals and statutes are numbered among those of every Governance."""
    time: int
    """Unix time in seconds of its block."""


def word(name: str) -> bytes:
    """A name as the Directory keeps it."""
    return name.encode("ascii").ljust(32, b"\0")


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Errors of the ledger in our words: the law said no, or it could not be asked."""
    try:
        yield
    except Reverted as error:
        raise RefusedByLaw(f"the chain refuses it: {error.reason or error}") from error
    except Rejected as error:
        raise RefusedByLaw(f"the chain refuses it: {error}") from error
    except LedgerError as error:
        raise LedgerUnavailable(f"the ledger could not be asked: {error}") from error


class VotesContract:
    """Asks `Governance` and its neighbours."""

    def __init__(
        self, ledger: Ledger, directory: Address, times: BlockTimes, codes: Codes, price: GasPrice | None = None
    ) -> None:
        self._ledger = ledger
        self._price = price
        self._directory = Directory(directory)
        self._times = times
        self._codes = codes
        self._known_times: dict[int, int] = {}
        self._named: tuple[NamedGovernance, ...] = ()
        self._register: Members | None = None

    async def _ask(self, call: ContractCall[_Answer], at: int | None = None) -> _Answer:
        with translated():
            return await ask(self._ledger, call, None if at is None else Height(at))

    # Where things are.

    async def book(self, at: int | None = None) -> Book:
        """Address → name, of every contract that votes reach: where the Directory led after a block, and itself."""
        found = {self._directory.address: "Directory"}
        for name in CONTRACTS:
            if name == "Directory" or not await self._ask(self._directory.version_of(word(name))):
                continue
            # The Directory keeps its history, so that no old state is needed.
            lookup = self._directory.lookup(word(name))
            address = await self._ask(lookup if at is None else self._directory.lookup_at(word(name), at))
            # Calls of a law that is not known here are not told in the words of ours, nor is another register asked.
            if name == "Governance":
                told = any(each.read for each in await self.named() if each.address == address)
            else:
                told = name != "Members" or address == (await self.register()).address
            if told:
                found[address] = name
        return found

    async def named(self) -> tuple[NamedGovernance, ...]:
        """Every contract to which the Directory leads the name Governance, or did, that of block zero first."""
        name = word("Governance")
        versions = await self._ask(self._directory.version_of(name))
        if not versions:
            raise LedgerUnavailable("the Directory knows no Governance")
        if versions == max((each.version for each in self._named), default=0):
            return self._named
        # The Directory keeps its history, so that no old state is needed; what it says of the past never changes.
        newest = {(await self._ask(self._directory.period(name, each))).target: each for each in range(1, versions + 1)}
        with translated():
            codes = {address: await self._codes(address) for address in newest}
        if not all(codes.values()):
            # A name leads to code. Behind one address can be several nodes, and the one asked for it may be late.
            raise LedgerUnavailable("the node does not have the code that the Directory names")
        law = codes[next(iter(newest))]
        self._named = tuple(
            NamedGovernance(succession, address, version, codes[address] == law)
            for succession, (address, version) in enumerate(newest.items())
        )
        return self._named

    async def seat(self) -> NamedGovernance:
        """Where votes are taken now, whether or not they are read."""
        return max(await self.named(), key=lambda each: each.version)

    async def governance(self, number: int | None = None) -> Governance:
        """The contract of a vote, or of statutes, by their number; where votes are taken now for None.

        Raises `UnknownProposal` where none has that number, and `GovernanceMoved` where the law there is another.
        """
        if number is None:
            found = await self.seat()
            if not found.read:
                address = found.address.hex()
                raise GovernanceMoved(f"votes are taken by 0x{address}, whose code this program does not know")
            return Governance(found.address)
        for each in await self.named():
            if each.read and each.succession == succession_of(number):
                return Governance(each.address)
        raise UnknownProposal(f"there is no proposal {number}")

    async def register(self) -> Members:
        """The register that is read, where the name Members led first: no other one has its history."""
        if self._register is None:
            # The Directory keeps its history, so that no old state is needed; what it says of the past never changes.
            self._register = Members((await self._ask(self._directory.period(word("Members"), 1))).target)
        return self._register

    async def moved_to(self) -> Address | None:
        """The contract that is the register now, where that is not the one that is read; None where it is."""
        now = await self._ask(self._directory.lookup(word("Members")))
        return None if now == (await self.register()).address else now

    async def _other_register(self) -> OtherRegister | None:
        """Where the name Members led next, if it ever did."""
        name = word("Members")
        if await self._ask(self._directory.version_of(name)) < 2:
            return None
        next_one = await self._ask(self._directory.period(name, 2))
        return OtherRegister(next_one.target, next_one.since, await self.time_of(next_one.since))

    # Following.

    async def head(self) -> int:
        """The newest block."""
        with translated():
            return int(await self._ledger.head())

    async def time_of(self, height: int) -> int:
        """When a block was made."""
        if height not in self._known_times:
            with translated():
                self._known_times[height] = await self._times(height)
            if len(self._known_times) > 10_000:
                self._known_times.pop(next(iter(self._known_times)))
        return self._known_times[height]

    async def events(self, since: int, until: int, anew: Collection[int] = ()) -> list[Found]:
        """Every event of the contracts that are read from one block to another in order; of some from the beginning.

        `anew` are their successions.
        """
        found = []
        for each in await self.named():
            if each.read:
                begun = 1 if each.succession in anew else since
                for raw in await self._logs(each.address, begun, until):
                    decoded = governance_events.decode_event(raw)
                    if decoded is not None:
                        event = renumbered(decoded, each.succession)
                        found.append(Found(raw, event, await self.time_of(int(raw.height))))
        return sorted(found, key=lambda each: (each.raw.height, each.raw.position))

    async def _logs(self, contract: Address, since: int, until: int) -> list[Event]:
        with translated():
            return [event async for event in self._ledger.events(contract, Height(since), Height(until))]

    # Reading.

    async def totals(self, proposal: int, at: int) -> dict[int, int]:
        """By college, the weight of a vote after a block; colleges without any are left out."""
        governance = await self.governance(proposal)
        found = {}
        for college in range(8):
            total = (await self._ask(governance.tally_of(own_number(proposal), college), at)).total
            if total:
                found[college] = total
        return found

    async def statutes(self, version: int) -> Statutes:
        """The statutes in one version."""
        governance = await self.governance(version)
        answer = await self._ask(governance.statutes_of(own_number(version)))
        return read_statutes(
            (answer.terms, answer.notice, answer.expiry, answer.proxies, answer.by_college, answer.weights)
        )

    async def statutes_version(self) -> int:
        """The version in force."""
        version = await self._ask((await self.governance()).statutes_version())
        return numbered((await self.seat()).succession, version)

    async def founding(self) -> Founding:
        """What block zero holds. The register keeps every standing, so the present state answers for it."""
        members = await self.register()
        organisations: dict[int, Standing] = {}
        while True:
            number = len(organisations) + 1
            standing = await self._ask(members.standing_at_block(number, 0))
            if standing.status == 0:
                break
            organisations[number] = Standing(standing.status, standing.tier, standing.college, standing.suspended_until)
        return Founding(await self.statutes(1), organisations)

    async def export(self, network: str, chain_id: int) -> Export:
        """Everything a recount needs, asked of the chain alone. Raises `Unavailable`."""
        other = await self._other_register()
        height = await self.head() if other is None else other.block - 1
        members, (first, *successors) = (await self.register()).address, await self.named()
        logs = await self._logs(members, 1, height)
        for each in (first, *successors):
            logs += await self._logs(each.address, 1, height) if each.read else []
        logs.sort(key=lambda event: (event.height, event.position))
        return Export(
            network=network,
            chain_id=chain_id,
            governance=first.address,
            members=members,
            height=height,
            founding=await self.founding(),
            events=[(event, await self.time_of(int(event.height))) for event in logs],
            successors=[each.address for each in successors],
            unread=[each.address for each in successors if not each.read],
            other_register=other,
        )

    async def acting(self, account: Address) -> int:
        """The organisation an account votes for now, or 0. Raises `RegisterMoved`."""
        await self._check_register()
        return await self._ask((await self.register()).acting(account, 2))

    async def ballot(self, proposal: int, organisation: int) -> tuple[int, bool]:
        """What an organisation weighs in a vote, 0 for no vote, and whether it was struck."""
        answer = await self._ask((await self.governance(proposal)).ballot_of(own_number(proposal), organisation))
        return answer.weight, answer.struck

    async def facts(self, questions: Iterable[Fact], at: int | None = None) -> dict[Fact, Any]:
        """What the chain says after a block; what it cannot answer is left out, and shown as such."""
        book = {name: address for address, name in (await self.book(at)).items()}
        answers: dict[Fact, Any] = {}
        for name, *about in questions:
            # A node that no longer has the state of an old block is away for this question alone.
            away = (LedgerUnavailable,) if at is not None else ()
            with contextlib.suppress(RefusedByLaw, NotDecodable, KeyError, *away):
                answers[name, *about] = await _READERS[name](_Asked(self._ask, book, at), *about)
        return answers

    async def execution(self, proposal: int, height: int) -> Executed:
        """Who executed a proposal in a block. Raises `Unavailable`."""
        for raw in await self._logs((await self.governance(proposal)).address, height, height):
            event = governance_events.decode_event(raw)
            if isinstance(event, ProposalExecuted) and event.proposal == own_number(proposal):
                break
        else:
            raise LedgerUnavailable(f"the ledger does not say who executed proposal {proposal}")
        account = event.executor
        register = await self.register()
        # Who executed what leads the name elsewhere was somebody in the register of before.
        then = await self._ask(self._directory.lookup_at(word("Members"), height - 1))
        organisation = await self._ask(register.member_of(account, height)) if then == register.address else 0
        name = ("legal_name", organisation)
        known = await self.facts([name], height - 1) if organisation else {}
        return Executed(height, await self.time_of(height), raw.transaction, account, organisation, known.get(name))

    async def rehearse(
        self, kind: ProposalKind, calls: Sequence[ProposedCall], proposal: int | None = None
    ) -> Rehearsal | None:
        """What calls meet on the newest block, made by the contract of a vote, or where votes are taken now.

        None where the law of the chain has no rehearsals. A contract that votes have left is refused what only the seat
        may do, and that is so.
        """
        pairs = tuple((call.target, call.data) for call in calls)
        tried = (await self.governance(proposal)).rehearse(int(kind), pairs)
        try:
            await self._ledger.call(tried.to, tried.data)
        except Reverted as error:
            found = error.data
        except LedgerError as error:
            raise LedgerUnavailable(f"the ledger could not be asked: {error}") from error
        else:
            return None
        # An answer is whole words; a refusal of the law has four bytes before them.
        if len(found) % 32:
            return None
        try:
            made, gas, reason = decode(("uint256", "uint256", "bytes"), found)
        except NotDecodable:
            return None
        return Rehearsal(len(calls), made, gas, None if made == len(calls) else reason_in_words(reason))

    async def gas_price(self) -> int | None:
        """Wei for a unit of gas now; None where nobody can be asked. Raises `LedgerUnavailable`."""
        if self._price is None:
            return None
        with translated():
            return await self._price()

    # Preparing.

    async def _check_register(self) -> None:
        """Raises `RegisterMoved` where who votes, and for whom, is what another register says."""
        if (other := await self.moved_to()) is not None:
            raise RegisterMoved(f"the register of members is now 0x{other.hex()}, which is not read here")

    async def _prepare(self, call: ContractCall[Any]) -> Prepared:
        """What only a member may do. Raises `RegisterMoved`."""
        await self._check_register()
        return _prepared(call)

    async def cast(self, proposal: int, position: Position, reason_hash: bytes) -> Prepared:
        """Take a position."""
        return await self._prepare(
            (await self.governance(proposal)).cast(own_number(proposal), int(position), reason_hash)
        )

    async def cast_for(self, proposal: int, giver: int, position: Position, reason_hash: bytes) -> Prepared:
        """Take a position by proxy."""
        governance = await self.governance(proposal)
        return await self._prepare(governance.cast_for(own_number(proposal), giver, int(position), reason_hash))

    async def give_proxy(self, proposal: int, holder: int, until: int) -> Prepared:
        """Give a proxy: for one vote, or for every vote of a period when `proposal` is 0."""
        governance = await self.governance(proposal or None)
        made: ContractCall[Any] = (
            governance.give_proxy(own_number(proposal), holder)
            if proposal
            else governance.give_standing_proxy(holder, until)
        )
        return await self._prepare(made)

    async def revoke_proxy(self, proposal: int) -> Prepared:
        """Revoke the proxy of one vote, or the standing one when `proposal` is 0."""
        governance = await self.governance(proposal or None)
        made: ContractCall[Any] = (
            governance.revoke_proxy(own_number(proposal)) if proposal else governance.revoke_standing_proxy()
        )
        return await self._prepare(made)

    async def propose(
        self, kind: ProposalKind, text_hash: bytes, calls: Sequence[ProposedCall], opens: int, closes: int
    ) -> Prepared:
        """Put something to the vote."""
        pairs = tuple((call.target, call.data) for call in calls)
        return await self._prepare((await self.governance()).propose(int(kind), text_hash, pairs, opens, closes))

    async def execute(self, proposal: int, calls: Sequence[ProposedCall]) -> Prepared:
        """Do what was decided; anybody may, so that no register is asked."""
        pairs = tuple((call.target, call.data) for call in calls)
        return _prepared((await self.governance(proposal)).execute(own_number(proposal), pairs))

    async def pull_brake(self) -> Prepared:
        """Pull the emergency brake."""
        return await self._prepare(Brake(await self._ask(self._directory.lookup(word("Brake")))).pull())

    async def sign(self, prepared: Prepared, signer: Signer) -> TransactionReceipt:
        """Sign with a key that is here, send, and wait until it is final."""
        with translated():
            return await self._ledger.wait(await self._ledger.send(prepared.to, prepared.data, signer))


def _prepared(call: ContractCall[Any]) -> Prepared:
    return Prepared(call.to, call.data)


def reason_in_words(data: bytes) -> str:
    """What a failing call reverted with."""
    return str(decode_revert(data))


# What each fact asks.


@dataclass(frozen=True, slots=True)
class _Asked:
    """Asks for one fact: of which contracts, after which block."""

    ask: Callable[..., Awaitable[Any]]
    book: Mapping[str, Address]
    at: int | None

    async def __call__(self, call: ContractCall[_Answer]) -> _Answer:
        answer: _Answer = await self.ask(call, self.at)
        return answer


_Reader = Callable[..., Awaitable[Any]]


async def _standing(asked: _Asked, organisation: int) -> StandingFact:
    found = await asked(Members(asked.book["Members"]).standing(organisation))
    country = found.country.decode("latin-1").strip("\0")
    return StandingFact(found.status, found.kind, found.tier, found.college, country, found.suspended_until)


async def _name(asked: _Asked, name: bytes) -> Address:
    directory = Directory(asked.book["Directory"])
    if not await asked(directory.version_of(name)):
        return NOBODY
    return await asked(directory.lookup(name))


async def _census(asked: _Asked) -> tuple[int, ...]:
    """How many members each tier has."""
    by_college = await asked(Members(asked.book["Members"]).census())
    return tuple(map(sum, zip(*by_college, strict=True)))


async def _statutes(asked: _Asked) -> Statutes:
    governance = Governance(asked.book["Governance"])
    found = await asked(governance.statutes_of(await asked(governance.statutes_version())))
    return read_statutes((found.terms, found.notice, found.expiry, found.proxies, found.by_college, found.weights))


async def _rule(asked: _Asked, kind: int, country: str) -> RuleFact:
    found = await asked(Admissions(asked.book["Admissions"]).rule_of(kind, country.encode("latin-1").ljust(2, b"\0")))
    return RuleFact(found.defined, found.offices, found.evidence, found.tier, found.college)


async def _admins(asked: _Asked, organisation: int) -> tuple[Address, ...]:
    delegates = await asked(Members(asked.book["Members"]).delegates_of(organisation))
    return tuple(sorted(each.account for each in delegates if each.scopes & 1))


def _one(
    name: str, call: Callable[..., ContractCall[Any]], take: Callable[[Any], Any] = lambda answer: answer
) -> _Reader:
    """A fact that is the answer of one call of one contract."""

    async def read(asked: _Asked, *about: Any) -> Any:
        return take(await asked(call(asked.book[name], *about)))

    return read


_READERS: Final[Mapping[str, _Reader]] = {
    "census": _census,
    "standing": _standing,
    "name": _name,
    "pending_governance": _one("Directory", lambda at: Directory(at).pending_governance()),
    "statutes": _statutes,
    "rule": _rule,
    "admins": _admins,
    "roles": _one("Members", lambda at, organisation: Members(at).roles_of(organisation)),
    "legal_name": _one("Members", lambda at, organisation: Members(at).legal_name_of(organisation)),
    "offices": _one("Members", lambda at, account: Members(at).scopes_of(account), lambda scopes: scopes & 112),
    "power": _one("Network", lambda at, key: Network(at).seat_of(key), lambda seat: seat.target),
    "retired": _one("Network", lambda at, key: Network(at).seat_of(key), lambda seat: seat.retired),
    "limit": _one("Network", lambda at, organisation: Network(at).limit_of(organisation)),
    "minimum": _one("Network", lambda at: Network(at).minimum()),
    "node_limit": _one("Network", lambda at, tier: Network(at).node_limits(tier)),
    "allowance": _one("Credits", lambda at, tier: Credits(at).allowance_of(tier)),
    "floor_tip": _one("Credits", lambda at: Credits(at).floor_tip()),
    "verifier": _one("Anchors", lambda at, account: Anchors(at).is_verifier(account)),
}
