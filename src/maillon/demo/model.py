# SPDX-License-Identifier: Apache-2.0
"""Who is in the demonstration and what they do, read from `consortium.json`. Frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import orjson

from maillon.ledger.abi import Call
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.members import Members
from maillon.ledger.founding import GWEI, SCOPES
from maillon.ledger.genesis import ADMISSIONS, CREDITS, MEMBERS

_ASSOCIATION: Final = 4
"""The kind of associations in `Members`."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented."""

    name: str
    address: str
    language: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Organisation:
    """An invented organisation, and how far it comes."""

    key: str
    scheme: str
    identifier: str
    legal_name: str
    kind: str
    country: str
    admission: str
    """rule: admitted by it; vote: waits for a vote; waits: for the office; asked: for its own answer; leaves."""
    message: str
    people: tuple[Person, ...]

    @property
    def joins(self) -> bool:
        """Whether the rule admits it, so that its people join."""
        return self.admission in ("rule", "leaves")


@dataclass(frozen=True, slots=True)
class Document:
    """A public document of an organisation."""

    organisation: str
    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Vote:
    """What is put to the vote, and who says what."""

    key: str
    proposer: str
    text: str
    calls: tuple[str, ...]
    opens: int
    """Seconds from now; 0 is as soon as the statutes allow."""
    lasts: int
    """Seconds; 0 is as short as the statutes allow."""
    outcome: str
    """executed, refused or open."""
    positions: Mapping[str, tuple[str, str]]
    """Organisation → position and reason."""
    proxies: Mapping[str, str]
    """Giver → holder, who says the same for both."""

    @property
    def title(self) -> str:
        """The first line of the text."""
        return self.text.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Consortium:
    """All of it."""

    alliance: str
    organisations: tuple[Organisation, ...]
    office: tuple[Person, ...]
    documents: tuple[Document, ...]
    votes: tuple[Vote, ...]


def _person(given: list[str]) -> Person:
    name, address, language, roles = given
    return Person(name, address, language, tuple(roles.split()))


def _position(given: Any) -> tuple[str, str]:
    return (given, "") if isinstance(given, str) else (given[0], given[1])


def read_consortium() -> Consortium:
    """The consortium of this version."""
    document = orjson.loads(files("maillon.demo").joinpath("consortium.json").read_bytes())
    return Consortium(
        document["alliance"],
        tuple(
            Organisation(**{**each, "people": tuple(map(_person, each["people"]))})
            for each in document["organisations"]
        ),
        tuple(map(_person, document["office"])),
        tuple(Document(**each) for each in document["documents"]),
        tuple(
            Vote(
                **{
                    **each,
                    "calls": tuple(each["calls"]),
                    "positions": {who: _position(said) for who, said in each["positions"].items()},
                    "proxies": each.get("proxies", {}),
                }
            )
            for each in document["votes"]
        ),
    )


def call_of(name: str, alliance: str, numbers: Mapping[str, int]) -> tuple[Call[Any], ...]:
    """What a proposal of the demonstration calls, by the word `consortium.json` has for it."""
    if name == "name-the-office":
        members = Members(MEMBERS)
        return members.rename(1, f"{alliance}, secrétariat"), members.classify(1, _ASSOCIATION, 0, 0, b"FR")
    if name == "rule-for-associations":
        rule = (True, SCOPES["admission officer"], 3, 1, 0)
        return (Admissions(ADMISSIONS).set_rule(_ASSOCIATION, b"\0\0", rule),)
    if name == "double-the-floor":
        return (Credits(CREDITS).set_floor_tip(2 * GWEI),)
    assert name == "admit-the-foundation", name
    return (Members(MEMBERS).admit(numbers["fundacion"], 1, 0),)
