# SPDX-License-Identifier: Apache-2.0
# Written by contracts/build.py: change contracts/directory.vy and run it again.
"""Directory, as calls and events.

Where the system contracts are: a name leads to one contract, with a version and its whole history.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

from maillon.ledger.abi import Call, decode, encode, nothing, read_event
from maillon.ledger.port import Address, Event

SLOTS: Final[MappingProxyType[str, int]] = MappingProxyType(
    {"governance": 0, "pending_governance": 1, "name_count": 2, "name_at": 3, "version_of": 4, "_periods": 5}
)
"""Storage variable → its base slot."""


@dataclass(frozen=True, slots=True)
class Period:
    """Answer of `period`."""

    target: Address
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Pointed:
    """Event `Pointed(bytes32,address,uint256,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("2907a1a294b4b460a17e95caebc916fd2637b6931daa8bd90e06ee13784e2ffc")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("bytes32", True),
        ("address", True),
        ("uint256", False),
        ("address", False),
    )

    name: bytes
    target: Address
    version: int
    previous: Address

    @classmethod
    def decode(cls, event: Event) -> Pointed:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class GovernanceOffered:
    """Event `GovernanceOffered(address,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("e2cf19bc3a4f7edc3e0765e015d6e4000adcfb25d192641c89d4d2c4e3849be3")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("address", True), ("address", True))

    holder: Address
    successor: Address

    @classmethod
    def decode(cls, event: Event) -> GovernanceOffered:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class GovernanceAccepted:
    """Event `GovernanceAccepted(address,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("6a6d1ba684804417c9f9397574713c5d48626964e9c276d705d2788475adec3d")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("address", True), ("address", True))

    former: Address
    holder: Address

    @classmethod
    def decode(cls, event: Event) -> GovernanceAccepted:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


EVENTS: Final[MappingProxyType[bytes, Any]] = MappingProxyType(
    {Pointed.TOPIC: Pointed, GovernanceOffered.TOPIC: GovernanceOffered, GovernanceAccepted.TOPIC: GovernanceAccepted}
)
"""Topic → class."""


def decode_event(event: Event) -> Pointed | GovernanceOffered | GovernanceAccepted | None:
    """Read one log of this contract; None for an event it does not declare. Raises `NotDecodable`."""
    known = EVENTS.get(event.topics[0]) if event.topics else None
    decoded: Pointed | GovernanceOffered | GovernanceAccepted | None = known.decode(event) if known else None
    return decoded


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the system contracts are: a name leads to one contract, with a version and its whole history."""

    address: Address

    def point(self, name: bytes, target: Address) -> Call[None]:
        """Lead a name to a contract: a new name, or the next version of a known one."""
        return Call(self.address, bytes.fromhex("1295bd08") + encode(("bytes32", "address"), (name, target)), nothing)

    def offer_governance(self, successor: Address) -> Call[None]:
        """Offer the seat.

        Nothing changes until the successor accepts.
        """
        return Call(self.address, bytes.fromhex("cfdbb9e7") + encode(("address",), (successor,)), nothing)

    def accept_governance(self) -> Call[None]:
        """Take the seat that was offered to the caller."""
        return Call(self.address, bytes.fromhex("a7dbff3e"), nothing)

    def interface_id(self) -> Call[bytes]:
        """The one name this contract may be listed under."""
        return Call(self.address, bytes.fromhex("eb5a7056"), lambda data: decode(("bytes32",), data)[0])

    def lookup(self, name: bytes) -> Call[Address]:
        """Where a system contract is now."""
        return Call(
            self.address,
            bytes.fromhex("f39ec1f7") + encode(("bytes32",), (name,)),
            lambda data: decode(("address",), data)[0],
        )

    def lookup_at(self, name: bytes, number: int) -> Call[Address]:
        """Where a system contract was at the end of a block."""
        return Call(
            self.address,
            bytes.fromhex("9c5eeecf") + encode(("bytes32", "uint256"), (name, number)),
            lambda data: decode(("address",), data)[0],
        )

    def period(self, name: bytes, version: int) -> Call[Period]:
        """One step of a name's history."""
        return Call(
            self.address,
            bytes.fromhex("cf2a5021") + encode(("bytes32", "uint256"), (name, version)),
            lambda data: Period(*decode(("(address,uint256,uint256)",), data)[0]),
        )

    def governance(self) -> Call[Address]:
        """Who may point names."""
        return Call(self.address, bytes.fromhex("5aa6e675"), lambda data: decode(("address",), data)[0])

    def pending_governance(self) -> Call[Address]:
        """To whom the seat is offered; zero when to nobody."""
        return Call(self.address, bytes.fromhex("c66eb0a2"), lambda data: decode(("address",), data)[0])

    def name_count(self) -> Call[int]:
        """How many names there are."""
        return Call(self.address, bytes.fromhex("d524b89e"), lambda data: decode(("uint256",), data)[0])

    def name_at(self, key: int) -> Call[bytes]:
        """The names in the order in which they first appeared, from 0."""
        return Call(
            self.address,
            bytes.fromhex("c52d8930") + encode(("uint256",), (key,)),
            lambda data: decode(("bytes32",), data)[0],
        )

    def version_of(self, key: bytes) -> Call[int]:
        """How many contracts a name has had; 0 for an unknown name.

        The newest one has this version.
        """
        return Call(
            self.address,
            bytes.fromhex("620656cf") + encode(("bytes32",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )
