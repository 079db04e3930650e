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

SLOTS: Final = MappingProxyType(
    {
        "_anchors": 0,
        "owner_of": 1,
        "pending_owner_of": 2,
        "tenure_of": 3,
        "_publishers": 4,
        "is_verifier": 5,
        "_foreign": 6,
    }
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
    """Event `LogRegistered(bytes32,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("8f35045495cfbf0a2ae5b31098f7e87fc0ab936697d5d746bb64eccd63c34522")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("bytes32", True), ("address", True))

    log_id: bytes
    owner: Address

    @classmethod
    def decode(cls, event: Event) -> LogRegistered:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class OwnershipOffered:
    """Event `OwnershipOffered(bytes32,address,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("82b250fee9227304b3ee8ff433b6ed5c2f033d2d4e1437d7ae922c20a76bd83d")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("bytes32", True), ("address", True), ("address", True))

    log_id: bytes
    owner: Address
    successor: Address

    @classmethod
    def decode(cls, event: Event) -> OwnershipOffered:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class OwnershipAccepted:
    """Event `OwnershipAccepted(bytes32,address,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("eb63590dfeeb857dd492977d1545ce23f3741adccd1807c2c97defe257d9997c")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("bytes32", True), ("address", True), ("address", True))

    log_id: bytes
    former: Address
    owner: Address

    @classmethod
    def decode(cls, event: Event) -> OwnershipAccepted:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class PublisherSet:
    """Event `PublisherSet(bytes32,address,bool)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("7b1cfdc6e28483e03f6e64c9d735eeac9630aa7abd046040693275cc7de1e196")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("bytes32", True), ("address", True), ("bool", False))

    log_id: bytes
    publisher: Address
    allowed: bool

    @classmethod
    def decode(cls, event: Event) -> PublisherSet:
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
        PublisherSet.TOPIC: PublisherSet,
        Anchored.TOPIC: Anchored,
        VerifierSet.TOPIC: VerifierSet,
        ForeignAnchored.TOPIC: ForeignAnchored,
    }
)
"""Topic → class."""


def decode_event(
    event: Event,
) -> (
    LogRegistered
    | OwnershipOffered
    | OwnershipAccepted
    | PublisherSet
    | Anchored
    | VerifierSet
    | ForeignAnchored
    | None
):
    """Read one log of this contract; None for an event it does not declare. Raises `NotDecodable`."""
    known = EVENTS.get(event.topics[0]) if event.topics else None
    decoded: (
        LogRegistered
        | OwnershipOffered
        | OwnershipAccepted
        | PublisherSet
        | Anchored
        | VerifierSet
        | ForeignAnchored
        | None
    ) = known.decode(event) if known else None
    return decoded


@dataclass(frozen=True, slots=True)
class Anchors:
    """The newest state of every transparency log, kept where one storage proof shows it."""

    address: Address

    def register(self, log_id: bytes) -> Call[None]:
        """Become the owner of a log nobody owns."""
        return Call(self.address, bytes.fromhex("e1fa8e84") + encode(("bytes32",), (log_id,)), nothing)

    def offer_ownership(self, log_id: bytes, successor: Address) -> Call[None]:
        """Offer a log.

        Nothing changes until the successor accepts.
        """
        return Call(
            self.address, bytes.fromhex("fdab26de") + encode(("bytes32", "address"), (log_id, successor)), nothing
        )

    def accept_ownership(self, log_id: bytes) -> Call[None]:
        """Take the log that was offered to the caller.

        Publishers of the former owner are publishers no more.
        """
        return Call(self.address, bytes.fromhex("ea10f907") + encode(("bytes32",), (log_id,)), nothing)

    def set_publisher(self, log_id: bytes, publisher: Address, allowed: bool) -> Call[None]:
        """Let an account anchor a log, or stop it.

        The owner always may.
        """
        return Call(
            self.address,
            bytes.fromhex("4e36971c") + encode(("bytes32", "address", "bool"), (log_id, publisher, allowed)),
            nothing,
        )

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

    def owner_of(self, key: bytes) -> Call[Address]:
        """Who owns a log; zero for an unknown log."""
        return Call(
            self.address,
            bytes.fromhex("66f89a23") + encode(("bytes32",), (key,)),
            lambda data: decode(("address",), data)[0],
        )

    def pending_owner_of(self, key: bytes) -> Call[Address]:
        """To whom a log is offered; zero when to nobody."""
        return Call(
            self.address,
            bytes.fromhex("addf283f") + encode(("bytes32",), (key,)),
            lambda data: decode(("address",), data)[0],
        )

    def tenure_of(self, key: bytes) -> Call[int]:
        """How many owners a log has had; publishers are those of the present one."""
        return Call(
            self.address,
            bytes.fromhex("97ca4ac5") + encode(("bytes32",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def is_verifier(self, key: Address) -> Call[bool]:
        """Who may accept anchors of other networks."""
        return Call(
            self.address,
            bytes.fromhex("c0d558d5") + encode(("address",), (key,)),
            lambda data: decode(("bool",), data)[0],
        )
