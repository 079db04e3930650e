# SPDX-License-Identifier: Apache-2.0
"""The export of votes: what a recount needs, in one file, as the chain gives it. Pure; docs/formats/votes.md.

Logs are kept raw, with topics and data, so that anyone can fetch them elsewhere (`eth_getLogs`) and compare, and so
that decoding is the reader's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from maillon.ledger.abi import NotDecodable
from maillon.ledger.contracts import governance, members
from maillon.ledger.port import Address, Event, Height, TransactionHash
from maillon.services.votes.errors import InvalidExport
from maillon.services.votes.model import Statutes, Terms
from maillon.services.votes.recount import Dated, Founding, Standing

TYPE: Final = "maillon.votes-export.v1"
MAXIMUM_FILE: Final = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OtherRegister:
    """The contract to which votes led the name Members from the first, and when."""

    address: Address
    block: int
    time: int
    """Unix time in seconds of that block."""


@dataclass(frozen=True, slots=True)
class Export:
    """Everything a recount reads."""

    network: str
    chain_id: int
    governance: Address
    members: Address
    height: int
    """The last block it covers."""
    founding: Founding
    events: Sequence[tuple[Event, int]]
    """Each log with the time of its block, in the order of the chain."""
    successors: Sequence[Address] = ()
    """To which the Directory led the name Governance since block zero, in their order."""
    unread: Sequence[Address] = ()
    """Those of them whose code is another law: their events are not in it, and their votes are not counted."""
    other_register: OtherRegister | None = None
    """Where the name Members led next: who votes, and with what weight, is what that one says, so that the export ends
    before."""

    def to_json(self) -> bytes:
        """The file."""
        document = {
            "type": TYPE,
            "network": self.network,
            "chain_id": self.chain_id,
            "governance": "0x" + self.governance.hex(),
            "successors": ["0x" + address.hex() for address in self.successors],
            "unread": ["0x" + address.hex() for address in self.unread],
            "members": "0x" + self.members.hex(),
            "other_register": None
            if self.other_register is None
            else {**asdict(self.other_register), "address": "0x" + self.other_register.address.hex()},
            "height": self.height,
            "founding": {
                "statutes": asdict(self.founding.statutes),
                "organisations": [
                    {"number": number, **asdict(standing)} for number, standing in self.founding.organisations.items()
                ],
            },
            "events": [
                {
                    "contract": "0x" + event.contract.hex(),
                    "topics": ["0x" + topic.hex() for topic in event.topics],
                    "data": "0x" + event.data.hex(),
                    "block": int(event.height),
                    "log": event.position,
                    "transaction": "0x" + event.transaction.hex(),
                    "time": time,
                }
                for event, time in self.events
            ],
        }
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def parse(cls, data: bytes) -> Export:
        """Read the file. Raises `InvalidExport`."""
        if len(data) > MAXIMUM_FILE:
            raise InvalidExport(f"an export has at most {MAXIMUM_FILE} bytes")
        try:
            document = orjson.loads(data)
            if document["type"] != TYPE:
                raise InvalidExport(f"the file is not of the type {TYPE}")
            return cls(
                network=str(document["network"]),
                chain_id=int(document["chain_id"]),
                governance=Address(_bytes(document["governance"], 20)),
                members=Address(_bytes(document["members"], 20)),
                height=int(document["height"]),
                founding=_founding(document["founding"]),
                events=[_event(each) for each in document["events"]],
                # Files that were written before there could be any have none of these.
                successors=[Address(_bytes(each, 20)) for each in document.get("successors", ())],
                unread=[Address(_bytes(each, 20)) for each in document.get("unread", ())],
                other_register=_other_register(document.get("other_register")),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidExport(f"the export cannot be read: {error}") from None

    def dated(self) -> list[Dated]:
        """The events, decoded, in the order of the chain. Raises `InvalidExport`."""
        read: dict[Address, tuple[Callable[[Event], Any], int]] = {self.members: (members.decode_event, 0)}
        for succession, address in enumerate((self.governance, *self.successors)):
            if address not in self.unread:
                read[address] = (governance.decode_event, succession)
        found = []
        before = (-1, -1)
        for event, time in self.events:
            place = (int(event.height), event.position)
            if place <= before:
                raise InvalidExport("the events of the export are not in the order of the chain")
            before = place
            if event.contract not in read:
                raise InvalidExport("the export has an event of a contract it does not name")
            decode, succession = read[event.contract]
            try:
                decoded = decode(event)
            except NotDecodable as error:
                raise InvalidExport(f"an event of the export cannot be read: {error}") from None
            if decoded is not None:
                found.append(Dated(decoded, time, f"block {event.height}, log {event.position}", succession))
        return found


@dataclass(frozen=True, slots=True)
class Difference:
    """Something of which one export says otherwise than another."""

    lacking: int | None
    """Which of the two has not got it, 1 or 2; None where each says something of its own."""
    what: str


def differences(first: Export, second: Export) -> list[Difference]:
    """What one export has and the other has not, up to the last block that both cover. Raises `InvalidExport`."""
    if first.chain_id != second.chain_id:
        raise InvalidExport(f"the exports are of two chains, {first.chain_id} and {second.chain_id}")
    found = [
        Difference(None, what)
        for what, one, other in (
            ("the address of Governance", first.governance, second.governance),
            ("the address of Members", first.members, second.members),
            ("the contracts that took the name Governance", *_successors(first, second)),
            ("the contract that took the name Members", *_other_registers(first, second)),
            ("the statutes of block zero", first.founding.statutes, second.founding.statutes),
        )
        if one != other
    ]
    one, other = dict(first.founding.organisations), dict(second.founding.organisations)
    found += [
        Difference(_lacking(number, one, other), f"organisation {number} in block zero")
        for number in sorted(one.keys() | other.keys())
        if one.get(number) != other.get(number)
    ]
    until = min(first.height, second.height)
    here, there = _placed(first, until), _placed(second, until)
    for place in sorted(here.keys() | there.keys()):
        if here.get(place) != there.get(place):
            whose, (event, _time) = (first, here[place]) if place in here else (second, there[place])
            what = f"block {place[0]}, log {place[1]}: {_called(whose, event)}"
            found.append(Difference(_lacking(place, here, there), what))
    return found


def _successors(first: Export, second: Export) -> tuple[list[Address], list[Address]]:
    """Those of either, as many as both can have."""
    many = min(len(first.successors), len(second.successors)) if first.height != second.height else None
    return list(first.successors[:many]), list(second.successors[:many])


def _other_registers(first: Export, second: Export) -> tuple[OtherRegister | None, OtherRegister | None]:
    """Those of either; none of one that was made before the other's, and names none."""
    one, other = first.other_register, second.other_register
    if (one is None and other is not None and first.height < other.block) or (
        other is None and one is not None and second.height < one.block
    ):
        return None, None
    return one, other


def _lacking(key: Any, one: Mapping[Any, Any], other: Mapping[Any, Any]) -> int | None:
    return 1 if key not in one else 2 if key not in other else None


def _placed(export: Export, until: int) -> dict[tuple[int, int], tuple[Event, int]]:
    return {
        (int(event.height), event.position): (event, time) for event, time in export.events if event.height <= until
    }


def _called(export: Export, event: Event) -> str:
    """An event by its name, with the numbers it is about."""
    read = members.decode_event if event.contract == export.members else governance.decode_event
    try:
        decoded = read(event)
    except NotDecodable:
        decoded = None
    if decoded is None:
        return "an event that cannot be read"
    about = [
        f"{name} {getattr(decoded, name)}"
        for name in ("proposal", "organisation", "giver", "holder", "position", "status", "version")
        if getattr(decoded, name, None)
    ]
    return " ".join([type(decoded).__name__, *about])


def _bytes(text: str, length: int | None = None) -> bytes:
    if not text.startswith("0x"):
        raise ValueError("bytes are written in hexadecimal after 0x")
    found = bytes.fromhex(text[2:])
    if length is not None and len(found) != length:
        raise ValueError(f"{text[:80]} has not {length} bytes")
    return found


def _founding(document: dict[str, Any]) -> Founding:
    written = dict(document["statutes"])
    ordinary, constitutional, emergency = (Terms(**terms) for terms in written.pop("terms"))
    weights = tuple(written.pop("weights"))
    statutes = Statutes(terms=(ordinary, constitutional, emergency), weights=weights, **written)
    organisations = {}
    for each in document["organisations"]:
        standing = dict(each)
        number = int(standing.pop("number"))
        organisations[number] = Standing(**standing)
    return Founding(statutes, organisations)


def _event(document: dict[str, Any]) -> tuple[Event, int]:
    event = Event(
        contract=Address(_bytes(document["contract"], 20)),
        topics=tuple(_bytes(topic, 32) for topic in document["topics"]),
        data=_bytes(document["data"]),
        height=Height(int(document["block"])),
        position=int(document["log"]),
        transaction=TransactionHash(_bytes(document["transaction"], 32)),
    )
    return event, int(document["time"])


def _other_register(document: Any) -> OtherRegister | None:
    if document is None:
        return None
    return OtherRegister(Address(_bytes(document["address"], 20)), int(document["block"]), int(document["time"]))
