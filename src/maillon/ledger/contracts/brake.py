# SPDX-License-Identifier: Apache-2.0
# Written by contracts/build.py: change contracts/brake.vy and run it again.
"""Brake, as calls and events.

The emergency brake: it can only stop publication, never change anything, and ends by itself. Three officers of three
organisations, or a third of the members, engage it for 72 hours, once in 30 days.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

from maillon.ledger.abi import Call, decode, encode, nothing, read_event
from maillon.ledger.port import Address, Event

SLOTS: Final[MappingProxyType[str, int]] = MappingProxyType(
    {"paused_until": 0, "round_since": 1, "_officers": 2, "_pulls": 6, "_pulled_in": 2055}
)
"""Storage variable → its base slot."""


@dataclass(frozen=True, slots=True)
class Pulls:
    """Answer of `pulls`."""

    officers: int
    members: int


@dataclass(frozen=True, slots=True)
class BrakePulled:
    """Event `BrakePulled(uint256,address,bool)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("7fd3da80d9f7c3fec160db611698ca2984348f5d569f4c42bf617dba32652fb3")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("address", True), ("bool", False))

    organisation: int
    account: Address
    as_officer: bool

    @classmethod
    def decode(cls, event: Event) -> BrakePulled:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class BrakeEngaged:
    """Event `BrakeEngaged(uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("5938d9ce7c0b59684ed24cca3181e76de0877fec6df626a24be1bad20d91f67a")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", False),)

    until: int

    @classmethod
    def decode(cls, event: Event) -> BrakeEngaged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


EVENTS: Final[MappingProxyType[bytes, Any]] = MappingProxyType(
    {BrakePulled.TOPIC: BrakePulled, BrakeEngaged.TOPIC: BrakeEngaged}
)
"""Topic → class."""


def decode_event(event: Event) -> BrakePulled | BrakeEngaged | None:
    """Read one log of this contract; None for an event it does not declare. Raises `NotDecodable`."""
    known = EVENTS.get(event.topics[0]) if event.topics else None
    decoded: BrakePulled | BrakeEngaged | None = known.decode(event) if known else None
    return decoded


@dataclass(frozen=True, slots=True)
class Brake:
    """The emergency brake: it can only stop publication, never change anything, and ends by itself.

    Three officers of three organisations, or a third of the members, engage it for 72 hours, once in 30 days.
    """

    address: Address

    def pull(self) -> Call[None]:
        """Pull the brake for one's organisation, as an officer or as a vote delegate.

        A pull counts for a day.
        """
        return Call(self.address, bytes.fromhex("329eb839"), nothing)

    def interface_id(self) -> Call[bytes]:
        """The one name this contract may be listed under."""
        return Call(self.address, bytes.fromhex("eb5a7056"), lambda data: decode(("bytes32",), data)[0])

    def is_paused(self, name: bytes) -> Call[bool]:
        """Whether the contract of a name must not publish now."""
        return Call(
            self.address,
            bytes.fromhex("04fdce1d") + encode(("bytes32",), (name,)),
            lambda data: decode(("bool",), data)[0],
        )

    def pulls(self) -> Call[Pulls]:
        """How many have pulled in the present round."""
        return Call(
            self.address, bytes.fromhex("8588e534"), lambda data: Pulls(*decode(("(uint256,uint256)",), data)[0])
        )

    def directory(self) -> Call[Address]:
        """Where the system contracts are listed."""
        return Call(self.address, bytes.fromhex("c41c2f24"), lambda data: decode(("address",), data)[0])

    def paused_until(self) -> Call[int]:
        """Until when publication is stopped: Unix time in seconds, 0 for never yet."""
        return Call(self.address, bytes.fromhex("ae32305b"), lambda data: decode(("uint256",), data)[0])

    def round_since(self) -> Call[int]:
        """When the present round of pulling began: Unix time in seconds."""
        return Call(self.address, bytes.fromhex("7ee6b2da"), lambda data: decode(("uint256",), data)[0])
