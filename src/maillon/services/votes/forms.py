# SPDX-License-Identifier: Apache-2.0
"""What people type into the form of a proposal, read into calls and times. Pure; every refusal says what to correct."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from maillon.kit.countries import COUNTRIES
from maillon.ledger.abi import NotEncodable
from maillon.ledger.port import Address
from maillon.services.votes.acts import Book, write
from maillon.services.votes.errors import InvalidProposal, InvalidProxy
from maillon.services.votes.model import Position, ProposalKind, ProposedCall

ZONE: Final = "Europe/Paris"
MAXIMUM_RAW: Final = 80_000
_HEXADECIMAL = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_CLASSES: Final = frozenset({"1", "2", "4", "8"})
"""Classes of evidence, each as the bit it is."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing an act needs. `kind` decides how it is asked and read."""

    name: str
    kind: str
    """organisation, tier, college, organisation_kind, country, offices, evidence, directory_name, address or gwei."""


_ORGANISATION = (Field("organisation", "organisation"),)
_CLASS = (Field("tier", "tier"), Field("college", "college"))
COMMON: Final[Mapping[str, tuple[Field, ...]]] = {
    "resolution": (),
    "Members.admit": (*_ORGANISATION, *_CLASS),
    "Members.suspend": _ORGANISATION,
    "Members.reinstate": _ORGANISATION,
    "Members.exclude": _ORGANISATION,
    "Admissions.set_rule": (
        # Not "kind": that is the proposal's own, in the same form.
        Field("organisation_kind", "organisation_kind"),
        Field("country", "country"),
        Field("offices", "offices"),
        Field("evidence", "evidence"),
        *_CLASS,
    ),
    "Directory.point": (Field("name", "directory_name"), Field("target", "address")),
    "Credits.set_floor_tip": (Field("floor_tip", "gwei"),),
    "raw": (Field("calls", "raw"),),
}
"""Acts that have a form of their own, with their fields; `raw` takes any call as it is."""
_APPLIED, ACTIVE, _SUSPENDED = 1, 2, 3
WHO: Final[Mapping[str, tuple[int, ...]]] = {
    "Members.admit": (_APPLIED,),
    "Members.suspend": (ACTIVE,),
    "Members.reinstate": (_SUSPENDED,),
    "Members.exclude": (ACTIVE, _SUSPENDED),
}
"""Of which status in the register the organisation of an act is."""


def read_fields(sent: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What was typed, a text for each field; the classes of evidence that are ticked, as the one number they make."""
    typed = {name: values[-1] for name, values in sent.items()}
    ticked = sent.get("evidence", ())
    if all(each in _CLASSES for each in ticked):
        typed["evidence"] = str(sum(map(int, set(ticked))))
    return typed


def parse_number(name: str, text: str, most: int) -> int:
    """A whole number up to a bound. Raises `InvalidProposal`."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18 and int(digits) <= most):
        raise InvalidProposal(f"{name} is a whole number up to {most}")
    return int(digits)


def parse_address(text: str) -> Address:
    """An address of 20 bytes after 0x. Raises `InvalidProposal`."""
    word = text.strip()
    if len(word) != 42 or not _HEXADECIMAL.fullmatch(word):
        raise InvalidProposal("an address is 0x and 40 hexadecimal digits")
    return Address(bytes.fromhex(word[2:]))


def _country(text: str) -> bytes:
    word = text.strip().upper()
    if word and word not in COUNTRIES:
        raise InvalidProposal("choose a country, or every country without a rule of its own")
    return word.encode().ljust(2, b"\0")


def _name(text: str) -> bytes:
    word = text.strip()
    if not (word.isascii() and word.isalnum() and len(word) <= 32):
        raise InvalidProposal("a name of the Directory is 1 to 32 letters and digits")
    return word.encode().ljust(32, b"\0")


_PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "organisation": lambda text: parse_number("organisation", text, 2**48),
    "tier": lambda text: parse_number("tier", text, 7),
    "college": lambda text: parse_number("college", text, 7),
    "organisation_kind": lambda text: parse_number("kind", text, 5),
    "country": _country,
    "offices": lambda text: parse_number("offices", text, 96),
    "evidence": lambda text: parse_number("evidence", text, 2**53),
    "directory_name": _name,
    "address": parse_address,
    "gwei": lambda text: parse_number("Gwei", text, 1_000) * 10**9,
}


def parse_proxy(
    giver: int | None, holder: str, proposal: str, until: str, *, members: Collection[int], now: int
) -> tuple[int, int | None, int]:
    """To whom, for which proposal or none, until when where it is for every vote. Raises `InvalidProxy`."""
    number = holder.strip()
    if not (number.isascii() and number.isdigit() and len(number) <= 15 and int(number) in members):
        raise InvalidProxy("choose the member that may take the position", "holder")
    if int(number) == giver:
        raise InvalidProxy("an organisation holds no proxy of its own", "holder")
    vote = proposal.strip() or "0"
    if not (vote.isascii() and vote.isdigit() and len(vote) <= 15):
        raise InvalidProxy("choose a vote, or every vote until a date", "proposal")
    if int(vote):
        return int(number), int(vote), 0
    try:
        ends = parse_moment(until)
    except InvalidProposal:
        raise InvalidProxy("a proxy for every vote ends at a date: say which", "until") from None
    if ends <= now:
        raise InvalidProxy("this date has passed", "until")
    return int(number), None, ends


def parse_raw(text: str) -> tuple[ProposedCall, ...]:
    """One call a line: the target's address, a space, the data in hexadecimal. Raises `InvalidProposal`."""
    if len(text) > MAXIMUM_RAW:
        raise InvalidProposal("raw calls have at most 80000 characters")
    calls = []
    for line in text.splitlines():
        if not line.strip():
            continue
        target, _, data = line.strip().partition(" ")
        if not _HEXADECIMAL.fullmatch(data.strip()):
            raise InvalidProposal("a raw call is an address, a space, and its data in hexadecimal after 0x")
        calls.append(ProposedCall(parse_address(target), bytes.fromhex(data.strip()[2:])))
    return tuple(calls)


@contextlib.contextmanager
def _at(field: str) -> Iterator[None]:
    """What is wrong within is wrong with this field."""
    try:
        yield
    except InvalidProposal as error:
        raise InvalidProposal(str(error), field) from None


def _value(field: Field, text: str) -> object:
    with _at(field.name):
        return _PARSERS[field.kind](text)


def parse_calls(act: str, fields: Mapping[str, str], book: Book) -> tuple[ProposedCall, ...]:
    """The calls of an act that has a form. Raises `InvalidProposal`."""
    if act not in COMMON:
        raise InvalidProposal("this act has no form: write its call raw")
    if act == "resolution":
        return ()
    if act == "raw":
        with _at("calls"):
            return parse_raw(fields.get("calls", ""))
    values = [_value(field, fields.get(field.name, "")) for field in COMMON[act]]
    if act == "Admissions.set_rule":
        kind, country, offices, evidence, tier, college = values
        values = [kind, country, (offices != 0, offices, evidence, tier, college)]
    contract, _, function = act.partition(".")
    if contract not in book.values():
        raise InvalidProposal(f"this network has no contract of the name {contract}")
    try:
        return (write(contract, function, values, book),)
    except NotEncodable as error:
        raise InvalidProposal(f"the act cannot be written: {error}") from None


def parse_kind(name: str) -> ProposalKind:
    """A kind of proposal by its word. Raises `InvalidProposal`."""
    for kind in ProposalKind:
        if kind.word == name:
            return kind
    raise InvalidProposal("the kind of a proposal is ordinary, constitutional or emergency")


def parse_position(name: str) -> Position | None:
    """A position by its word; None for another word."""
    return next((position for position in Position if position.word == name), None)


def parse_moment(text: str, field: str = "") -> int:
    """A local date and time, as a browser's field writes it: Unix time. Raises `InvalidProposal`."""
    try:
        local = datetime.datetime.strptime(text.strip()[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=ZoneInfo(ZONE))
    except ValueError:
        raise InvalidProposal("a moment is written as 2026-12-31T18:00", field) from None
    return int(local.timestamp())


def local_moment(seconds: int) -> str:
    """The other way round."""
    return datetime.datetime.fromtimestamp(seconds, ZoneInfo(ZONE)).strftime("%Y-%m-%dT%H:%M")
