# SPDX-License-Identifier: Apache-2.0
# Written by contracts/build.py: change contracts/anchors.vy and run it again.
"""Anchors, as calls and events.

The newest state of every transparency log, kept where one storage proof shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

from maillon.ledger.abi import Call, decode, encode, nothing, read_event
from maillon.ledger.port import Address, Event

SLOTS: Final[MappingProxyType[str, int]] = MappingProxyType(
    {"_anchors": 0, "owner_of": 1, "pending_owner_of": 2, "is_verifier": 3, "_foreign": 4}
)
"""Storage variable → its base slot."""


@dataclass(frozen=True, slots=True)
class Newest:
    """Answer of `newest`."""

    size: int
    root: bytes
    block: int
    time: int


@dataclass(frozen=True, slots=True)
class LogRegistered:
    """Event `LogRegistered(bytes32,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("2273d3acded827962487ccaf2e616d7d0a98931966d6658fdc71eec89ecb640c")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("bytes32", True), ("uint256", True))

    log_id: bytes
    owner: int

    @classmethod
    def decode(cls, event: Event) -> LogRegistered:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class OwnershipOffered:
    """Event `OwnershipOffered(bytes32,uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("af1bb48708e01b4cbb9c4a128fc021491861cf0ee0bf344f41996b2c5e39dec0")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("bytes32", True), ("uint256", True), ("uint256", True))

    log_id: bytes
    owner: int
    successor: int

    @classmethod
    def decode(cls, event: Event) -> OwnershipOffered:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class OwnershipAccepted:
    """Event `OwnershipAccepted(bytes32,uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("a571affb716eae420c0febe742333f50d25cf628401658f4557b54e9064343a9")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("bytes32", True), ("uint256", True), ("uint256", True))

    log_id: bytes
    former: int
    owner: int

    @classmethod
    def decode(cls, event: Event) -> OwnershipAccepted:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class Anchored:
    """Event `Anchored(bytes32,uint64,bytes32,uint64,uint64)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("7b96a662b59e6ac6cbeedc0820eee0939c5431804bde0624d29a82bcb82f15e2")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("bytes32", True),
        ("uint64", False),
        ("bytes32", False),
        ("uint64", False),
        ("uint64", False),
    )

    log_id: bytes
    size: int
    root: bytes
    block: int
    time: int

    @classmethod
    def decode(cls, event: Event) -> Anchored:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class VerifierSet:
    """Event `VerifierSet(address,bool)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("7a6dd775b9b6aa6ebde6f0c51172ef328eb9658e095364751705f28234e7257c")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("address", True), ("bool", False))

    verifier: Address
    allowed: bool

    @classmethod
    def decode(cls, event: Event) -> VerifierSet:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class ForeignAnchored:
    """Event `ForeignAnchored(address,bytes32,uint64,bytes32,uint64,uint64)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("a6c67d902b1a4ba4ba44ee7387d6291419f709f91661da11e3ad58930b0f7f0e")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("address", True),
        ("bytes32", True),
        ("uint64", False),
        ("bytes32", False),
        ("uint64", False),
        ("uint64", False),
    )

    verifier: Address
    foreign_id: bytes
    size: int
    root: bytes
    block: int
    time: int

    @classmethod
    def decode(cls, event: Event) -> ForeignAnchored:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


EVENTS: Final[MappingProxyType[bytes, Any]] = MappingProxyType(
    {
        LogRegistered.TOPIC: LogRegistered,
        OwnershipOffered.TOPIC: OwnershipOffered,
        OwnershipAccepted.TOPIC: OwnershipAccepted,
        Anchored.TOPIC: Anchored,
        VerifierSet.TOPIC: VerifierSet,
        ForeignAnchored.TOPIC: ForeignAnchored,
    }
)
"""Topic → class."""


def decode_event(
    event: Event,
) -> LogRegistered | OwnershipOffered | OwnershipAccepted | Anchored | VerifierSet | ForeignAnchored | None:
    """Read one log of this contract; None for an event it does not declare. Raises `NotDecodable`."""
    known = EVENTS.get(event.topics[0]) if event.topics else None
    decoded: LogRegistered | OwnershipOffered | OwnershipAccepted | Anchored | VerifierSet | ForeignAnchored | None = (
        known.decode(event) if known else None
    )
    return decoded


@dataclass(frozen=True, slots=True)
class Anchors:
    """The newest state of every transparency log, kept where one storage proof shows it."""

    address: Address

    def register(self, log_id: bytes) -> Call[None]:
        """Make one's organisation the owner of a log nobody owns, as a publish delegate."""
        return Call(self.address, bytes.fromhex("e1fa8e84") + encode(("bytes32",), (log_id,)), nothing)

    def offer_ownership(self, log_id: bytes, successor: int) -> Call[None]:
        """Offer a log to another organisation, as an admin of its owner.

        The governance seat may for an owner that is not there to do it. Nothing changes until the successor accepts.
        """
        return Call(
            self.address, bytes.fromhex("d379d7ce") + encode(("bytes32", "uint256"), (log_id, successor)), nothing
        )

    def accept_ownership(self, log_id: bytes) -> Call[None]:
        """Take a log that was offered to one's organisation, as an admin.

        The delegates of the former owner are its publishers no more.
        """
        return Call(self.address, bytes.fromhex("ea10f907") + encode(("bytes32",), (log_id,)), nothing)

    def anchor(self, log_id: bytes, size: int, root: bytes) -> Call[None]:
        """Anchor the newest state of a log."""
        return Call(
            self.address,
            bytes.fromhex("70c127c6") + encode(("bytes32", "uint64", "bytes32"), (log_id, size, root)),
            nothing,
        )

    def set_verifier(self, verifier: Address, allowed: bool) -> Call[None]:
        """Let an account or contract accept anchors of other networks, or stop it.

        Only the Directory's governance.
        """
        return Call(self.address, bytes.fromhex("65f2c1b4") + encode(("address", "bool"), (verifier, allowed)), nothing)

    def anchor_foreign(self, foreign_id: bytes, size: int, root: bytes) -> Call[None]:
        """State, as a verifier, that another network's log or chain has come this far."""
        return Call(
            self.address,
            bytes.fromhex("c6d91a6c") + encode(("bytes32", "uint64", "bytes32"), (foreign_id, size, root)),
            nothing,
        )

    def interface_id(self) -> Call[bytes]:
        """The one name this contract may be listed under."""
        return Call(self.address, bytes.fromhex("eb5a7056"), lambda data: decode(("bytes32",), data)[0])

    def newest(self, log_id: bytes) -> Call[Newest]:
        """The newest anchor of a log."""
        return Call(
            self.address,
            bytes.fromhex("99f29055") + encode(("bytes32",), (log_id,)),
            lambda data: Newest(*decode(("(uint64,bytes32,uint64,uint64)",), data)[0]),
        )

    def newest_foreign(self, verifier: Address, foreign_id: bytes) -> Call[Newest]:
        """The newest anchor of another network that a verifier accepted."""
        return Call(
            self.address,
            bytes.fromhex("205c2036") + encode(("address", "bytes32"), (verifier, foreign_id)),
            lambda data: Newest(*decode(("(uint64,bytes32,uint64,uint64)",), data)[0]),
        )

    def is_publisher(self, log_id: bytes, account: Address) -> Call[bool]:
        """Whether an account may anchor a log now."""
        return Call(
            self.address,
            bytes.fromhex("d249b955") + encode(("bytes32", "address"), (log_id, account)),
            lambda data: decode(("bool",), data)[0],
        )

    def directory(self) -> Call[Address]:
        """Where the system contracts are listed; its governance decides who verifies foreign anchors."""
        return Call(self.address, bytes.fromhex("c41c2f24"), lambda data: decode(("address",), data)[0])

    def owner_of(self, key: bytes) -> Call[int]:
        """Which organisation owns a log; zero for an unknown log."""
        return Call(
            self.address,
            bytes.fromhex("66f89a23") + encode(("bytes32",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def pending_owner_of(self, key: bytes) -> Call[int]:
        """To which organisation a log is offered; zero when to nobody."""
        return Call(
            self.address,
            bytes.fromhex("addf283f") + encode(("bytes32",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def is_verifier(self, key: Address) -> Call[bool]:
        """Who may accept anchors of other networks."""
        return Call(
            self.address,
            bytes.fromhex("c0d558d5") + encode(("address",), (key,)),
            lambda data: decode(("bool",), data)[0],
        )
