# SPDX-License-Identifier: Apache-2.0
# Written by contracts/build.py: change contracts/network.vy and run it again.
"""Network, as calls and events.

Which keys sign blocks, and which nodes are let in. Every validator reads it in the state of each block's parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

from maillon.ledger.abi import Call, decode, encode, nothing, read_event
from maillon.ledger.port import Address, Event

SLOTS: Final[MappingProxyType[str, int]] = MappingProxyType(
    {
        "_seated": 0,
        "_seats": 65,
        "_queue": 66,
        "_keys_of": 131,
        "_limit_of": 132,
        "minimum": 133,
        "founded": 134,
        "total_power": 135,
        "_epoch": 136,
        "_epoch_power": 137,
        "_epoch_moved": 138,
        "_execution_keys": 139,
        "_machines": 652,
        "is_used": 653,
        "node_count_of": 654,
        "node_limits": 655,
    }
)
"""Storage variable → its base slot."""


@dataclass(frozen=True, slots=True)
class Validator:
    """Answer of `validators`."""

    public_key: bytes
    power: int
    organisation: int


@dataclass(frozen=True, slots=True)
class Node:
    """Answer of `nodes`."""

    execution_key: bytes
    consensus_id: bytes
    organisation: int


@dataclass(frozen=True, slots=True)
class Seat:
    """Answer of `seat_of`."""

    organisation: int
    power: int
    target: int
    retired: bool


@dataclass(frozen=True, slots=True)
class ValidatorQueued:
    """Event `ValidatorQueued(bytes32,uint256,uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("876ee199ceeee92bbed10135c24092dcdd45498154b3cfb948ed4e4c47c4fcf6")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("bytes32", True),
        ("uint256", True),
        ("uint256", False),
        ("uint256", False),
    )

    public_key: bytes
    organisation: int
    power: int
    target: int

    @classmethod
    def decode(cls, event: Event) -> ValidatorQueued:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class ValidatorChanged:
    """Event `ValidatorChanged(bytes32,uint256,uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("2643bdbb2bbaec67b1b5d33017e5d5062da8fa2835bb43c801f7c740b1e30cc8")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("bytes32", True),
        ("uint256", True),
        ("uint256", False),
        ("uint256", False),
    )

    public_key: bytes
    organisation: int
    power: int
    target: int

    @classmethod
    def decode(cls, event: Event) -> ValidatorChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class NodeAdded:
    """Event `NodeAdded(uint256,bytes20,bytes)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("f5a5a3c388228af38d805f5bb906f75754d931b3e2fc5ab3dc911f588510eb25")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("bytes20", True), ("bytes", False))

    organisation: int
    consensus_id: bytes
    execution_key: bytes

    @classmethod
    def decode(cls, event: Event) -> NodeAdded:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class NodeRemoved:
    """Event `NodeRemoved(uint256,bytes20,bytes)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("e23b575d2662a23039d6567542ecddf1614a3dfd052ee670cad012b905d89efa")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("bytes20", True), ("bytes", False))

    organisation: int
    consensus_id: bytes
    execution_key: bytes

    @classmethod
    def decode(cls, event: Event) -> NodeRemoved:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class MinimumChanged:
    """Event `MinimumChanged(uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("7029fae995f80800a592cde33418278bc33a405a8f17446401a1472bbaf63738")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", False),)

    minimum: int

    @classmethod
    def decode(cls, event: Event) -> MinimumChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class ValidatorLimitChanged:
    """Event `ValidatorLimitChanged(uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("97d33320e8d28b14b60300766478ed55d7df4c1cf8806b7ef46fe426802f1ccc")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("uint256", False))

    organisation: int
    limit: int

    @classmethod
    def decode(cls, event: Event) -> ValidatorLimitChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class NodeLimitsChanged:
    """Event `NodeLimitsChanged(uint256[8])`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("904e5185e2d5a475d477d2e47a2b8da009e02e40f036ffe8ccd71ac36d119cb7")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256[8]", False),)

    limits: tuple[int, ...]

    @classmethod
    def decode(cls, event: Event) -> NodeLimitsChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


EVENTS: Final[MappingProxyType[bytes, Any]] = MappingProxyType(
    {
        ValidatorQueued.TOPIC: ValidatorQueued,
        ValidatorChanged.TOPIC: ValidatorChanged,
        NodeAdded.TOPIC: NodeAdded,
        NodeRemoved.TOPIC: NodeRemoved,
        MinimumChanged.TOPIC: MinimumChanged,
        ValidatorLimitChanged.TOPIC: ValidatorLimitChanged,
        NodeLimitsChanged.TOPIC: NodeLimitsChanged,
    }
)
"""Topic → class."""


def decode_event(
    event: Event,
) -> (
    ValidatorQueued
    | ValidatorChanged
    | NodeAdded
    | NodeRemoved
    | MinimumChanged
    | ValidatorLimitChanged
    | NodeLimitsChanged
    | None
):
    """Read one log of this contract; None for an event it does not declare. Raises `NotDecodable`."""
    known = EVENTS.get(event.topics[0]) if event.topics else None
    decoded: (
        ValidatorQueued
        | ValidatorChanged
        | NodeAdded
        | NodeRemoved
        | MinimumChanged
        | ValidatorLimitChanged
        | NodeLimitsChanged
        | None
    ) = known.decode(event) if known else None
    return decoded


@dataclass(frozen=True, slots=True)
class Network:
    """Which keys sign blocks, and which nodes are let in.

    Every validator reads it in the state of each block's parent.
    """

    address: Address

    def found_validator(self, organisation: int, public_key: bytes) -> Call[None]:
        """Seat a validator of a founding organisation, in block zero only."""
        return Call(
            self.address,
            bytes.fromhex("c977385e") + encode(("uint256", "bytes32"), (organisation, public_key)),
            nothing,
        )

    def found_node(self, organisation: int, execution_key: bytes, consensus_id: bytes) -> Call[None]:
        """Let a node of a founding organisation in, in block zero only."""
        return Call(
            self.address,
            bytes.fromhex("94a7d97e")
            + encode(("uint256", "bytes", "bytes20"), (organisation, execution_key, consensus_id)),
            nothing,
        )

    def join(self, public_key: bytes, signature: bytes) -> Call[None]:
        """Become a validator, as an operate delegate of an active member.

        The key is queued.
        """
        return Call(
            self.address, bytes.fromhex("33d67c4f") + encode(("bytes32", "bytes"), (public_key, signature)), nothing
        )

    def leave(self, public_key: bytes) -> Call[None]:
        """Give a validator key up for good, as an operate delegate.

        It signs until the queue has let it go.
        """
        return Call(self.address, bytes.fromhex("5265303c") + encode(("bytes32",), (public_key,)), nothing)

    def resume(self, public_key: bytes) -> Call[None]:
        """Come back with a key that was set aside, as an operate delegate of a member that is active again."""
        return Call(self.address, bytes.fromhex("fa7a2962") + encode(("bytes32",), (public_key,)), nothing)

    def set_power(self, public_key: bytes, power: int) -> Call[None]:
        """Give a validator another power, 0 to set it aside.

        Only the governance seat. The change is queued.
        """
        return Call(
            self.address, bytes.fromhex("940b8f3c") + encode(("bytes32", "uint256"), (public_key, power)), nothing
        )

    def retire(self, public_key: bytes) -> Call[None]:
        """Make a validator give its key up for good.

        Only the governance seat.
        """
        return Call(self.address, bytes.fromhex("1f2b6f23") + encode(("bytes32",), (public_key,)), nothing)

    def set_limit(self, organisation: int, limit: int) -> Call[None]:
        """Say how many validators an organisation can have.

        Only the governance seat. Those it has stay.
        """
        return Call(
            self.address, bytes.fromhex("62196339") + encode(("uint256", "uint256"), (organisation, limit)), nothing
        )

    def set_minimum(self, minimum: int) -> Call[None]:
        """Say how many validators stay at least.

        Only a constitutional vote, or the seat before Governance took it.
        """
        return Call(self.address, bytes.fromhex("3d00fd53") + encode(("uint256",), (minimum,)), nothing)

    def set_node_limits(self, limits: tuple[int, ...]) -> Call[None]:
        """Say how many nodes an organisation can have, by tier.

        Only the governance seat. Those there are stay.
        """
        return Call(self.address, bytes.fromhex("c5df6973") + encode(("uint256[8]",), (limits,)), nothing)

    def add_node(
        self, execution_key: bytes, execution_signature: bytes, consensus_key: bytes, consensus_signature: bytes
    ) -> Call[None]:
        """Let a node in, as an operate delegate of an active member."""
        return Call(
            self.address,
            bytes.fromhex("a60ad012")
            + encode(
                ("bytes", "bytes", "bytes32", "bytes"),
                (execution_key, execution_signature, consensus_key, consensus_signature),
            ),
            nothing,
        )

    def remove_node(self, execution_key: bytes) -> Call[None]:
        """Let a node in no more, as an operate delegate.

        Its keys are never accepted again.
        """
        return Call(self.address, bytes.fromhex("ec16c1b3") + encode(("bytes",), (execution_key,)), nothing)

    def clear_node(self, execution_key: bytes) -> Call[None]:
        """Make room: take a node from the list whose organisation has departed or was excluded.

        Anybody may, and the governance seat may for any node.
        """
        return Call(self.address, bytes.fromhex("38af0c90") + encode(("bytes",), (execution_key,)), nothing)

    def reconcile(self, organisation: int) -> Call[None]:
        """Let the validators of an organisation that is not active now leave, as fast as the queue allows."""
        return Call(self.address, bytes.fromhex("f68b84f7") + encode(("uint256",), (organisation,)), nothing)

    def advance(self) -> Call[None]:
        """Move the powers of queued keys as far as this epoch allows.

        Anybody may, at any time.
        """
        return Call(self.address, bytes.fromhex("ea105ac7"), nothing)

    def interface_id(self) -> Call[bytes]:
        """The one name this contract may be listed under."""
        return Call(self.address, bytes.fromhex("eb5a7056"), lambda data: decode(("bytes32",), data)[0])

    def validators(self) -> Call[tuple[Validator, ...]]:
        """Who signs blocks."""
        return Call(
            self.address,
            bytes.fromhex("ca1e7819"),
            lambda data: tuple(Validator(*each) for each in decode(("(bytes32,uint256,uint256)[]",), data)[0]),
        )

    def nodes(self) -> Call[tuple[Node, ...]]:
        """Whose connections are accepted: the nodes of every active organisation."""
        return Call(
            self.address,
            bytes.fromhex("5db82fa0"),
            lambda data: tuple(Node(*each) for each in decode(("(bytes,bytes20,uint256)[]",), data)[0]),
        )

    def queue(self) -> Call[tuple[bytes, ...]]:
        """The keys whose power is about to change, in the order in which it will."""
        return Call(self.address, bytes.fromhex("e10d29ee"), lambda data: decode(("bytes32[]",), data)[0])

    def seat_of(self, public_key: bytes) -> Call[Seat]:
        """What is known of a validator key."""
        return Call(
            self.address,
            bytes.fromhex("c316e4d7") + encode(("bytes32",), (public_key,)),
            lambda data: Seat(*decode(("(uint256,uint256,uint256,bool)",), data)[0]),
        )

    def keys_of(self, organisation: int) -> Call[tuple[bytes, ...]]:
        """The validator keys of an organisation that it has not given up."""
        return Call(
            self.address,
            bytes.fromhex("3d43dcd7") + encode(("uint256",), (organisation,)),
            lambda data: decode(("bytes32[]",), data)[0],
        )

    def limit_of(self, organisation: int) -> Call[int]:
        """How many validators an organisation can have."""
        return Call(
            self.address,
            bytes.fromhex("217650b4") + encode(("uint256",), (organisation,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def budget(self) -> Call[int]:
        """How much power can still move in this epoch."""
        return Call(self.address, bytes.fromhex("ed01bf29"), lambda data: decode(("uint256",), data)[0])

    def validator_digest(self, organisation: int) -> Call[bytes]:
        """What a validator key signs to be proven."""
        return Call(
            self.address,
            bytes.fromhex("de163e66") + encode(("uint256",), (organisation,)),
            lambda data: decode(("bytes32",), data)[0],
        )

    def node_digest(self, organisation: int) -> Call[bytes]:
        """What both keys of a node sign to be proven."""
        return Call(
            self.address,
            bytes.fromhex("d8758969") + encode(("uint256",), (organisation,)),
            lambda data: decode(("bytes32",), data)[0],
        )

    def directory(self) -> Call[Address]:
        """Where the system contracts are listed; its governance changes powers and limits."""
        return Call(self.address, bytes.fromhex("c41c2f24"), lambda data: decode(("address",), data)[0])

    def minimum(self) -> Call[int]:
        """How many validators stay at least, once they were reached."""
        return Call(self.address, bytes.fromhex("52d6804d"), lambda data: decode(("uint256",), data)[0])

    def founded(self) -> Call[bool]:
        """Whether four validators were reached."""
        return Call(self.address, bytes.fromhex("4e3fa467"), lambda data: decode(("bool",), data)[0])

    def total_power(self) -> Call[int]:
        """The sum of all powers."""
        return Call(self.address, bytes.fromhex("09d3bce5"), lambda data: decode(("uint256",), data)[0])

    def is_used(self, key: bytes) -> Call[bool]:
        """Whether a CometBFT node identifier was ever used."""
        return Call(
            self.address,
            bytes.fromhex("4555c3f9") + encode(("bytes20",), (key,)),
            lambda data: decode(("bool",), data)[0],
        )

    def node_count_of(self, key: int) -> Call[int]:
        """How many nodes an organisation has."""
        return Call(
            self.address,
            bytes.fromhex("bca28406") + encode(("uint256",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )

    def node_limits(self, key: int) -> Call[int]:
        """How many nodes an organisation can have, by tier."""
        return Call(
            self.address,
            bytes.fromhex("82756203") + encode(("uint256",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )
