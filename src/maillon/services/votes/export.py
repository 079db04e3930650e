# SPDX-License-Identifier: Apache-2.0
"""The export of votes: what a recount needs, in one file, as the chain gives it. Pure; docs/formats/votes.md.

Logs are kept raw, with topics and data, so that anyone can fetch them elsewhere (`eth_getLogs`) and compare, and so
that decoding is the reader's own.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def to_json(self) -> bytes:
        """The file."""
        document = {
            "type": TYPE,
            "network": self.network,
            "chain_id": self.chain_id,
            "governance": "0x" + self.governance.hex(),
            "members": "0x" + self.members.hex(),
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
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidExport(f"the export cannot be read: {error}") from None

    def dated(self) -> list[Dated]:
        """The events, decoded, in the order of the chain. Raises `InvalidExport`."""
        read = {self.governance: governance.decode_event, self.members: members.decode_event}
        found = []
        before = (-1, -1)
        for event, time in self.events:
            place = (int(event.height), event.position)
            if place <= before:
                raise InvalidExport("the events of the export are not in the order of the chain")
            before = place
            if event.contract not in read:
                raise InvalidExport("the export has an event of a contract it does not name")
            try:
                decoded = read[event.contract](event)
            except NotDecodable as error:
                raise InvalidExport(f"an event of the export cannot be read: {error}") from None
            if decoded is not None:
                found.append(Dated(decoded, time, f"block {event.height}, log {event.position}"))
        return found


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
