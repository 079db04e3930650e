# SPDX-License-Identifier: Apache-2.0
# Written by contracts/build.py: change contracts/credits.vy and run it again.
"""Credits, as calls and events.

How much of the network each member may use. It says what validators pay to members' accounts in every period, and the
least fee they ask of everybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

from maillon.ledger.abi import Call, decode, encode, nothing, read_event
from maillon.ledger.port import Address, Event

SLOTS: Final[MappingProxyType[str, int]] = MappingProxyType({"floor_tip": 0, "_allowances": 1})
"""Storage variable → its base slot."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Answer of `grants`."""

    account: Address
    amount: int


@dataclass(frozen=True, slots=True)
class AllowancesChanged:
    """Event `AllowancesChanged(uint256[8])`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("4505ee99523623cea37c92b2096ec62d59880160731f07c22be2f59e18f6a16e")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256[8]", False),)

    allowances: tuple[int, ...]

    @classmethod
    def decode(cls, event: Event) -> AllowancesChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class FloorTipChanged:
    """Event `FloorTipChanged(uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("d6cb170e37ad2ac2984c73999a53274cdb46c283331356efc7c07c3ca5c33cb1")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", False),)

    floor_tip: int

    @classmethod
    def decode(cls, event: Event) -> FloorTipChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


EVENTS: Final[MappingProxyType[bytes, Any]] = MappingProxyType(
    {AllowancesChanged.TOPIC: AllowancesChanged, FloorTipChanged.TOPIC: FloorTipChanged}
)
"""Topic → class."""


def decode_event(event: Event) -> AllowancesChanged | FloorTipChanged | None:
    """Read one log of this contract; None for an event it does not declare. Raises `NotDecodable`."""
    known = EVENTS.get(event.topics[0]) if event.topics else None
    decoded: AllowancesChanged | FloorTipChanged | None = known.decode(event) if known else None
    return decoded


@dataclass(frozen=True, slots=True)
class Credits:
    """How much of the network each member may use.

    It says what validators pay to members' accounts in every period, and the least fee they ask of everybody.
    """

    address: Address

    def set_allowances(self, allowances: tuple[int, ...]) -> Call[None]:
        """Change what members are granted in a period.

        Only the governance seat.
        """
        return Call(self.address, bytes.fromhex("ece6de5b") + encode(("uint256[8]",), (allowances,)), nothing)

    def set_floor_tip(self, floor_tip: int) -> Call[None]:
        """Change the least priority fee.

        Only the governance seat, and within bounds that no vote can leave.
        """
        return Call(self.address, bytes.fromhex("1d72bc48") + encode(("uint256",), (floor_tip,)), nothing)

    def interface_id(self) -> Call[bytes]:
        """The one name this contract may be listed under."""
        return Call(self.address, bytes.fromhex("eb5a7056"), lambda data: decode(("bytes32",), data)[0])

    def grants(self, period: int) -> Call[tuple[Grant, ...]]:
        """Whom the block that begins a period pays: block `period * period_length()`, asked of its parent's state."""
        return Call(
            self.address,
            bytes.fromhex("0c0debea") + encode(("uint256",), (period,)),
            lambda data: tuple(Grant(*each) for each in decode(("(address,uint256)[]",), data)[0]),
        )

    def allowance_of(self, tier: int) -> Call[int]:
        """What votes decided for a tier."""
        return Call(
            self.address,
            bytes.fromhex("1df3b90a") + encode(("uint256",), (tier,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def scaled_allowances(self) -> Call[tuple[int, ...]]:
        """What a member of each tier is granted, as things stand.

        It is less than its allowance when all together would exceed `capacity`.
        """
        return Call(self.address, bytes.fromhex("b0d86396"), lambda data: decode(("uint256[8]",), data)[0])

    def capacity(self) -> Call[int]:
        """The most that is granted in a period to all together: half of what its blocks can carry at the floor tip."""
        return Call(self.address, bytes.fromhex("5cfc1a51"), lambda data: decode(("uint256",), data)[0])

    def directory(self) -> Call[Address]:
        """Where the system contracts are listed; its governance sets allowances and the floor tip."""
        return Call(self.address, bytes.fromhex("c41c2f24"), lambda data: decode(("address",), data)[0])

    def period_length(self) -> Call[int]:
        """How long a period is, in blocks.

        It never changes: a period that began could be paid twice.
        """
        return Call(self.address, bytes.fromhex("ec11980d"), lambda data: decode(("uint256",), data)[0])

    def block_gas(self) -> Call[int]:
        """How much gas a block can carry."""
        return Call(self.address, bytes.fromhex("5d3a941d"), lambda data: decode(("uint256",), data)[0])

    def floor_tip(self) -> Call[int]:
        """The least priority fee of every transaction: wei for each gas."""
        return Call(self.address, bytes.fromhex("5a44d0a9"), lambda data: decode(("uint256",), data)[0])
