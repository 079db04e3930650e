# SPDX-License-Identifier: Apache-2.0
# Written by contracts/build.py: change contracts/governance.vy and run it again.
"""Governance, as calls and events.

Where members decide. A proposal is the hash of a text and the calls it would make; organisations take positions; what
passed waits, and then anybody executes it, all of it or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

from maillon.ledger.abi import Call, decode, encode, nothing, read_event
from maillon.ledger.port import Address, Event

SLOTS: Final[MappingProxyType[str, int]] = MappingProxyType(
    {
        "_proposals": 0,
        "proposal_count": 1,
        "_tallies": 2,
        "_ballots": 3,
        "_open": 4,
        "statutes_version": 37,
        "_statutes": 38,
        "_standing_proxies": 39,
        "_givers": 40,
        "_proxies": 41,
        "_proxies_given": 42,
        "proxies_used": 43,
        "failure_of": 44,
    }
)
"""Storage variable → its base slot."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Answer of `proposal_of`."""

    kind: int
    statutes: int
    proposer: int
    text_hash: bytes
    calls_hash: bytes
    opens: int
    closes: int
    executable_from: int
    expires: int
    snapshot_block: int
    snapshot_time: int
    snapshot_change: int
    executed: bool


@dataclass(frozen=True, slots=True)
class Lacking:
    """Answer of `missing`."""

    college: int
    quorum: int
    majority: int
    undecided: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Answer of `tally_of`."""

    total: int
    in_favour: int
    against: int
    abstaining: int
    objecting: int


@dataclass(frozen=True, slots=True)
class Ballot:
    """Answer of `ballot_of`."""

    position: int
    holder: int
    weight: int
    college: int
    struck: bool


@dataclass(frozen=True, slots=True)
class Statutes:
    """Answer of `statutes_of`."""

    terms: tuple[tuple[Any, ...], ...]
    notice: int
    expiry: int
    proxies: int
    by_college: bool
    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Proposed:
    """Event `Proposed`.

    `Proposed(uint256, uint256, uint256, bytes32, (address, bytes)[], uint256, uint256, uint256, uint256, uint256,
    uint256, uint256)`.
    """

    TOPIC: ClassVar[bytes] = bytes.fromhex("d62e0e2262024b305e7681a41d263cf4932c32171dbc19232323692c4d397557")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("uint256", True),
        ("uint256", True),
        ("bytes32", False),
        ("(address,bytes)[]", False),
        ("uint256", False),
        ("uint256", False),
        ("uint256", False),
        ("uint256", False),
        ("uint256", False),
        ("uint256", False),
        ("uint256", False),
    )

    proposal: int
    proposer: int
    kind: int
    text_hash: bytes
    calls: tuple[tuple[Any, ...], ...]
    opens: int
    closes: int
    executable_from: int
    expires: int
    snapshot_block: int
    snapshot_change: int
    statutes: int

    @classmethod
    def decode(cls, event: Event) -> Proposed:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class PositionTaken:
    """Event `PositionTaken(uint256,uint256,uint256,uint256,uint256,uint256,bytes32)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("f2360f018f964e693658a4abb58159b009e248b7f97c4cef2d40af40f77e1344")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("uint256", True),
        ("uint256", False),
        ("uint256", True),
        ("uint256", False),
        ("uint256", False),
        ("bytes32", False),
    )

    proposal: int
    organisation: int
    position: int
    holder: int
    weight: int
    college: int
    reason_hash: bytes

    @classmethod
    def decode(cls, event: Event) -> PositionTaken:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class PositionWithdrawn:
    """Event `PositionWithdrawn(uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("d3718980210939f0662ae2ed1184933872ef164d78a93e0b7a507ca367de7e1c")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("uint256", True))

    proposal: int
    organisation: int

    @classmethod
    def decode(cls, event: Event) -> PositionWithdrawn:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class VoterStruck:
    """Event `VoterStruck(uint256,uint256,uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("ab82f9cec379ddd478321c2e9824b22b0084ef1602bf2a894634b2723b1998b0")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("uint256", True),
        ("uint256", False),
        ("uint256", False),
    )

    proposal: int
    organisation: int
    weight: int
    college: int

    @classmethod
    def decode(cls, event: Event) -> VoterStruck:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class VoterRestored:
    """Event `VoterRestored(uint256,uint256,uint256,uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("e5b29164784ef2039f1f6a5b7731f3eef86f493e1941f84f7eeebc5146795a6c")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("uint256", True),
        ("uint256", False),
        ("uint256", False),
        ("uint256", False),
    )

    proposal: int
    organisation: int
    weight: int
    college: int
    position: int

    @classmethod
    def decode(cls, event: Event) -> VoterRestored:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class ProxyGiven:
    """Event `ProxyGiven(uint256,uint256,uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("83037a4fbda5077e6a7314a1977b6258c56ee15690092f98541cdaf5209860dd")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("uint256", True),
        ("uint256", True),
        ("uint256", False),
    )

    giver: int
    holder: int
    proposal: int
    until: int

    @classmethod
    def decode(cls, event: Event) -> ProxyGiven:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class ProxyRevoked:
    """Event `ProxyRevoked(uint256,uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("bd18031b3b8ec5f7641f39fe4d203f60a68785dcfb0e01a7fbd469c708cf2b77")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("uint256", True), ("uint256", True))

    giver: int
    holder: int
    proposal: int

    @classmethod
    def decode(cls, event: Event) -> ProxyRevoked:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class ProposalExecuted:
    """Event `ProposalExecuted(uint256,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("9c85b616f29fca57a17eafe71cf9ff82ffef41766e2cf01ea7f8f7878dd3ec24")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("address", True))

    proposal: int
    executor: Address

    @classmethod
    def decode(cls, event: Event) -> ProposalExecuted:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class ExecutionFailed:
    """Event `ExecutionFailed(uint256,address,bytes)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("be44d5fa8dc3a120b4aca06d60a76b2005f165b171106890c13ea8d26267e61e")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("address", True), ("bytes", False))

    proposal: int
    executor: Address
    reason: bytes

    @classmethod
    def decode(cls, event: Event) -> ExecutionFailed:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class StatutesChanged:
    """Event `StatutesChanged`.

    `StatutesChanged(uint256, ((uint256, uint256, uint256, uint256, uint256)[3], uint256, uint256, uint256, bool,
    uint256[8]))`.
    """

    TOPIC: ClassVar[bytes] = bytes.fromhex("25a6f9c4e9224e6f26caf042d3e366ecbd1b20b2645eaa5d5b4e4bac3fae19b7")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("((uint256,uint256,uint256,uint256,uint256)[3],uint256,uint256,uint256,bool,uint256[8])", False),
    )

    version: int
    statutes: tuple[Any, ...]

    @classmethod
    def decode(cls, event: Event) -> StatutesChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


EVENTS: Final[MappingProxyType[bytes, Any]] = MappingProxyType(
    {
        Proposed.TOPIC: Proposed,
        PositionTaken.TOPIC: PositionTaken,
        PositionWithdrawn.TOPIC: PositionWithdrawn,
        VoterStruck.TOPIC: VoterStruck,
        VoterRestored.TOPIC: VoterRestored,
        ProxyGiven.TOPIC: ProxyGiven,
        ProxyRevoked.TOPIC: ProxyRevoked,
        ProposalExecuted.TOPIC: ProposalExecuted,
        ExecutionFailed.TOPIC: ExecutionFailed,
        StatutesChanged.TOPIC: StatutesChanged,
    }
)
"""Topic → class."""


def decode_event(
    event: Event,
) -> (
    Proposed
    | PositionTaken
    | PositionWithdrawn
    | VoterStruck
    | VoterRestored
    | ProxyGiven
    | ProxyRevoked
    | ProposalExecuted
    | ExecutionFailed
    | StatutesChanged
    | None
):
    """Read one log of this contract; None for an event it does not declare. Raises `NotDecodable`."""
    known = EVENTS.get(event.topics[0]) if event.topics else None
    decoded: (
        Proposed
        | PositionTaken
        | PositionWithdrawn
        | VoterStruck
        | VoterRestored
        | ProxyGiven
        | ProxyRevoked
        | ProposalExecuted
        | ExecutionFailed
        | StatutesChanged
        | None
    ) = known.decode(event) if known else None
    return decoded


@dataclass(frozen=True, slots=True)
class Governance:
    """Where members decide.

    A proposal is the hash of a text and the calls it would make; organisations take positions; what passed waits, and
    then anybody executes it, all of it or nothing.
    """

    address: Address

    def propose(
        self, kind: int, text_hash: bytes, calls: tuple[tuple[Any, ...], ...], opens: int, closes: int
    ) -> Call[int]:
        """Put something to the vote, as a vote delegate of an active member.

        The snapshot is this very moment.
        """
        return Call(
            self.address,
            bytes.fromhex("95e97c7c")
            + encode(
                ("uint256", "bytes32", "(address,bytes)[]", "uint256", "uint256"),
                (kind, text_hash, calls, opens, closes),
            ),
            lambda data: decode(("uint256",), data)[0],
        )

    def cast(self, proposal: int, position: int, reason_hash: bytes) -> Call[None]:
        """Take a position for one's organisation, as a vote delegate.

        It can be changed until the close; it replaces what a proxy cast.
        """
        return Call(
            self.address,
            bytes.fromhex("c5876bf3") + encode(("uint256", "uint256", "bytes32"), (proposal, position, reason_hash)),
            nothing,
        )

    def cast_for(self, proposal: int, giver: int, position: int, reason_hash: bytes) -> Call[None]:
        """Take a position for an organisation that gave its proxy, as a vote delegate of the holder."""
        return Call(
            self.address,
            bytes.fromhex("fb63d18c")
            + encode(("uint256", "uint256", "uint256", "bytes32"), (proposal, giver, position, reason_hash)),
            nothing,
        )

    def give_proxy(self, proposal: int, holder: int) -> Call[None]:
        """Let another member take one's position in one vote, as a vote delegate.

        It replaces a proxy given before.
        """
        return Call(
            self.address, bytes.fromhex("ef3f664f") + encode(("uint256", "uint256"), (proposal, holder)), nothing
        )

    def give_standing_proxy(self, holder: int, until: int) -> Call[None]:
        """Let another member take one's position in every vote of a period, as a vote delegate.

        It replaces a standing proxy given before; a proxy for one vote goes before it.
        """
        return Call(self.address, bytes.fromhex("a72fd10a") + encode(("uint256", "uint256"), (holder, until)), nothing)

    def revoke_proxy(self, proposal: int) -> Call[None]:
        """Take back the proxy for one vote, and what was cast with it if the vote is open."""
        return Call(self.address, bytes.fromhex("8faa87ac") + encode(("uint256",), (proposal,)), nothing)

    def revoke_standing_proxy(self) -> Call[None]:
        """Take back the standing proxy, and what was cast with it in votes that are open."""
        return Call(self.address, bytes.fromhex("df330ac8"), nothing)

    def reconcile(self, organisation: int) -> Call[None]:
        """Strike an organisation that is not active now from every open vote, or let one that is active again back in.

        Struck, it counts in neither number; back, it has the position it had taken itself.
        """
        return Call(self.address, bytes.fromhex("f68b84f7") + encode(("uint256",), (organisation,)), nothing)

    def execute(self, proposal: int, calls: tuple[tuple[Any, ...], ...]) -> Call[bool]:
        """Do what was decided, all of it or nothing; anybody may.

        When a call fails, its reason is kept, and the proposal can be executed until it expires.
        """
        return Call(
            self.address,
            bytes.fromhex("343bb252") + encode(("uint256", "(address,bytes)[]"), (proposal, calls)),
            lambda data: decode(("bool",), data)[0],
        )

    def perform(self, proposal: int, calls: tuple[tuple[Any, ...], ...]) -> Call[None]:
        """The calls of a proposal, one after the other.

        Only `execute` of this contract, once for each time.
        """
        return Call(
            self.address,
            bytes.fromhex("092df4bd") + encode(("uint256", "(address,bytes)[]"), (proposal, calls)),
            nothing,
        )

    def rehearse(self, kind: int, calls: tuple[tuple[Any, ...], ...]) -> Call[None]:
        """What calls would meet if a proposal of a kind made them now.

        It always reverts, so that nothing stays: with the ABI encoding of how many calls were made, the gas they
        took, and what the next one reverted with.
        """
        return Call(
            self.address, bytes.fromhex("cb81cf8c") + encode(("uint256", "(address,bytes)[]"), (kind, calls)), nothing
        )

    def set_statutes(self, statutes: tuple[Any, ...]) -> Call[None]:
        """Change the statutes, for proposals made from now on.

        Only a constitutional proposal of this contract.
        """
        return Call(
            self.address,
            bytes.fromhex("14aa37fc")
            + encode(
                ("((uint256,uint256,uint256,uint256,uint256)[3],uint256,uint256,uint256,bool,uint256[8])",), (statutes,)
            ),
            nothing,
        )

    def take_seat(self) -> Call[None]:
        """Take the governance seat of the Directory when it was offered to this contract.

        Anybody may say so.
        """
        return Call(self.address, bytes.fromhex("05bf0f85"), nothing)

    def interface_id(self) -> Call[bytes]:
        """The one name this contract may be listed under."""
        return Call(self.address, bytes.fromhex("eb5a7056"), lambda data: decode(("bytes32",), data)[0])

    def proposal_of(self, proposal: int) -> Call[Proposal]:
        """A proposal."""
        return Call(
            self.address,
            bytes.fromhex("4da7aa5a") + encode(("uint256",), (proposal,)),
            lambda data: Proposal(
                *decode(
                    (
                        "(uint256,uint256,uint256,bytes32,bytes32,uint256,uint256,uint256,uint256,uint256,uint256,uint256,bool)",
                    ),
                    data,
                )[0]
            ),
        )

    def state_of(self, proposal: int) -> Call[int]:
        """Where a proposal is on its way."""
        return Call(
            self.address,
            bytes.fromhex("605ae471") + encode(("uint256",), (proposal,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def missing(self, proposal: int) -> Call[tuple[Lacking, ...]]:
        """What a proposal still lacks to pass: all zero when it passes as things stand.

        After the close it is final.
        """
        return Call(
            self.address,
            bytes.fromhex("b114daa4") + encode(("uint256",), (proposal,)),
            lambda data: tuple(Lacking(*each) for each in decode(("(uint256,uint256,uint256,uint256)[]",), data)[0]),
        )

    def tally_of(self, proposal: int, college: int) -> Call[Tally]:
        """The count of a vote."""
        return Call(
            self.address,
            bytes.fromhex("b8edf519") + encode(("uint256", "uint256"), (proposal, college)),
            lambda data: Tally(*decode(("(uint256,uint256,uint256,uint256,uint256)",), data)[0]),
        )

    def ballot_of(self, proposal: int, organisation: int) -> Call[Ballot]:
        """The position of an organisation, and what it weighs."""
        return Call(
            self.address,
            bytes.fromhex("a4087e32") + encode(("uint256", "uint256"), (proposal, organisation)),
            lambda data: Ballot(*decode(("(uint256,uint256,uint256,uint256,bool)",), data)[0]),
        )

    def holder_of(self, proposal: int, giver: int) -> Call[int]:
        """Who may now take the position of an organisation in a vote as its proxy."""
        return Call(
            self.address,
            bytes.fromhex("32c835d5") + encode(("uint256", "uint256"), (proposal, giver)),
            lambda data: decode(("uint256",), data)[0],
        )

    def statutes_of(self, version: int) -> Call[Statutes]:
        """The statutes, as they were or are."""
        return Call(
            self.address,
            bytes.fromhex("3c35b13c") + encode(("uint256",), (version,)),
            lambda data: Statutes(
                *decode(
                    ("((uint256,uint256,uint256,uint256,uint256)[3],uint256,uint256,uint256,bool,uint256[8])",), data
                )[0]
            ),
        )

    def open_proposals(self) -> Call[tuple[int, ...]]:
        """The proposals that are announced or open now."""
        return Call(self.address, bytes.fromhex("1a07594d"), lambda data: decode(("uint256[]",), data)[0])

    def directory(self) -> Call[Address]:
        """Where the system contracts are listed."""
        return Call(self.address, bytes.fromhex("c41c2f24"), lambda data: decode(("address",), data)[0])

    def proposal_count(self) -> Call[int]:
        """How many proposals there were; they are numbered from 1."""
        return Call(self.address, bytes.fromhex("9c5f8184"), lambda data: decode(("uint256",), data)[0])

    def statutes_version(self) -> Call[int]:
        """The version of the statutes in force, from 1."""
        return Call(self.address, bytes.fromhex("544310ab"), lambda data: decode(("uint256",), data)[0])

    def proxies_used(self, key: int, second_key: int) -> Call[int]:
        """How many proxies a holder has used: proposal, holder."""
        return Call(
            self.address,
            bytes.fromhex("5bf98a1c") + encode(("uint256", "uint256"), (key, second_key)),
            lambda data: decode(("uint256",), data)[0],
        )

    def failure_of(self, key: int) -> Call[bytes]:
        """Why the last execution of a proposal failed: what the failing call reverted with, at most 256 bytes."""
        return Call(
            self.address,
            bytes.fromhex("94bae1c5") + encode(("uint256",), (key,)),
            lambda data: decode(("bytes",), data)[0],
        )

    def executing_kind(self) -> Call[int]:
        """Of which kind the proposal is that is being executed at this very moment; 0 for none."""
        return Call(self.address, bytes.fromhex("b3962748"), lambda data: decode(("uint256",), data)[0])
