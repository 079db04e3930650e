# SPDX-License-Identifier: Apache-2.0
# Written by contracts/build.py: change contracts/admissions.vy and run it again.
"""Admissions, as calls and events.

How an applicant becomes a member without a vote, and how officers stop a member until there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

from maillon.ledger.abi import Call, decode, encode, nothing, read_event
from maillon.ledger.port import Address, Event

SLOTS: Final[MappingProxyType[str, int]] = MappingProxyType({"_rules": 0, "_requests": 1, "suspended_at": 2})
"""Storage variable → its base slot."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Answer of `rule_of`."""

    defined: bool
    offices: int
    evidence: int
    tier: int
    college: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Answer of `decide`."""

    admitted: bool
    tier: int
    college: int


@dataclass(frozen=True, slots=True)
class Request:
    """Answer of `request_of`."""

    organisation: int
    officer: Address
    time: int
    done: bool


@dataclass(frozen=True, slots=True)
class RuleChanged:
    """Event `RuleChanged(uint256,bytes2,bool,uint256,uint256,uint256,uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("6cd1ac50cfc1a80b0dcc5099c35702dfcd5c52e0d4cb2bf1c6300dfcb2b01221")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("bytes2", True),
        ("bool", False),
        ("uint256", False),
        ("uint256", False),
        ("uint256", False),
        ("uint256", False),
    )

    kind: int
    country: bytes
    defined: bool
    offices: int
    evidence: int
    tier: int
    college: int

    @classmethod
    def decode(cls, event: Event) -> RuleChanged:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class AdmittedByRule:
    """Event `AdmittedByRule(uint256,address,uint256,bytes32)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("238f5b383defdcbe0dcff594339021b306eb4da4cc6d4a6690e110f4a5be64b1")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("address", True),
        ("uint256", False),
        ("bytes32", False),
    )

    organisation: int
    officer: Address
    evidence: int
    evidence_hash: bytes

    @classmethod
    def decode(cls, event: Event) -> AdmittedByRule:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class SuspensionRequested:
    """Event `SuspensionRequested(uint256,bytes32,address)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("5127f95ba015e762f32d5a5e2b6f231147d7187608371feb80704f6628aede09")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (("uint256", True), ("bytes32", True), ("address", True))

    organisation: int
    case_id: bytes
    officer: Address

    @classmethod
    def decode(cls, event: Event) -> SuspensionRequested:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


@dataclass(frozen=True, slots=True)
class SuspendedByOfficers:
    """Event `SuspendedByOfficers(uint256,bytes32,address[2],uint256)`."""

    TOPIC: ClassVar[bytes] = bytes.fromhex("64da7749dacb0ad8b327d8cef6bd57f0b3d12248900cf5ec11e27ac3b3759196")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("uint256", True),
        ("bytes32", True),
        ("address[2]", False),
        ("uint256", False),
    )

    organisation: int
    case_id: bytes
    officers: tuple[Address, ...]
    until: int

    @classmethod
    def decode(cls, event: Event) -> SuspendedByOfficers:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))


EVENTS: Final[MappingProxyType[bytes, Any]] = MappingProxyType(
    {
        RuleChanged.TOPIC: RuleChanged,
        AdmittedByRule.TOPIC: AdmittedByRule,
        SuspensionRequested.TOPIC: SuspensionRequested,
        SuspendedByOfficers.TOPIC: SuspendedByOfficers,
    }
)
"""Topic → class."""


def decode_event(event: Event) -> RuleChanged | AdmittedByRule | SuspensionRequested | SuspendedByOfficers | None:
    """Read one log of this contract; None for an event it does not declare. Raises `NotDecodable`."""
    known = EVENTS.get(event.topics[0]) if event.topics else None
    decoded: RuleChanged | AdmittedByRule | SuspensionRequested | SuspendedByOfficers | None = (
        known.decode(event) if known else None
    )
    return decoded


@dataclass(frozen=True, slots=True)
class Admissions:
    """How an applicant becomes a member without a vote, and how officers stop a member until there is one."""

    address: Address

    def set_rule(self, kind: int, country: bytes, rule: tuple[Any, ...]) -> Call[None]:
        """Change the rule.

        Only the governance seat.
        """
        return Call(
            self.address,
            bytes.fromhex("bdaea86a")
            + encode(("uint256", "bytes2", "(bool,uint256,uint256,uint256,uint256)"), (kind, country, rule)),
            nothing,
        )

    def admit_by_rule(self, organisation: int, evidence: int, evidence_hash: bytes) -> Call[None]:
        """Admit an applicant by the rule in force, as an admission officer or a verifier who saw the evidence."""
        return Call(
            self.address,
            bytes.fromhex("b2cbddde")
            + encode(("uint256", "uint256", "bytes32"), (organisation, evidence, evidence_hash)),
            nothing,
        )

    def suspend(self, organisation: int, case_id: bytes) -> Call[None]:
        """Ask, as an officer, that a member be suspended for seven days.

        When an officer of another organisation asks the same within a day, it is. Once for a case, and once in thirty
        days for a member; only a vote makes it last longer.
        """
        return Call(
            self.address, bytes.fromhex("9fdda7cd") + encode(("uint256", "bytes32"), (organisation, case_id)), nothing
        )

    def interface_id(self) -> Call[bytes]:
        """The one name this contract may be listed under."""
        return Call(self.address, bytes.fromhex("eb5a7056"), lambda data: decode(("bytes32",), data)[0])

    def rule_of(self, kind: int, country: bytes) -> Call[Rule]:
        """The rule that is in force for a kind and a country."""
        return Call(
            self.address,
            bytes.fromhex("49f3ba99") + encode(("uint256", "bytes2"), (kind, country)),
            lambda data: Rule(*decode(("(bool,uint256,uint256,uint256,uint256)",), data)[0]),
        )

    def decide(self, kind: int, country: bytes, evidence: int, offices: int) -> Call[Decision]:
        """What the rule in force says.

        It depends on nothing but these four and on the rule.
        """
        return Call(
            self.address,
            bytes.fromhex("54295077")
            + encode(("uint256", "bytes2", "uint256", "uint256"), (kind, country, evidence, offices)),
            lambda data: Decision(*decode(("(bool,uint256,uint256)",), data)[0]),
        )

    def request_of(self, case_id: bytes) -> Call[Request]:
        """What officers asked for in a case."""
        return Call(
            self.address,
            bytes.fromhex("5118ad2a") + encode(("bytes32",), (case_id,)),
            lambda data: Request(*decode(("(uint256,address,uint256,bool)",), data)[0]),
        )

    def directory(self) -> Call[Address]:
        """Where the system contracts are listed; its governance sets the rule."""
        return Call(self.address, bytes.fromhex("c41c2f24"), lambda data: decode(("address",), data)[0])

    def suspended_at(self, key: int) -> Call[int]:
        """When officers last suspended an organisation: Unix time in seconds, 0 for never."""
        return Call(
            self.address,
            bytes.fromhex("a630abaa") + encode(("uint256",), (key,)),
            lambda data: decode(("uint256",), data)[0],
        )
