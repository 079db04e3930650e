# SPDX-License-Identifier: Apache-2.0
"""What people type into the form of a proposal, read into calls and times. Pure; every refusal says what to correct."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from maillon.kit.countries import COUNTRIES
from maillon.kit.language import Language
from maillon.ledger.abi import NotEncodable
from maillon.ledger.port import Address
from maillon.services.votes.acts import Book, write
from maillon.services.votes.errors import InvalidProposal, InvalidProxy
from maillon.services.votes.model import Position, ProposalKind, ProposedCall, Statutes

ZONE: Final = "Europe/Paris"
MAXIMUM_RAW: Final = 80_000
_HEXADECIMAL = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_TICKED: Final[Mapping[str, frozenset[str]]] = {
    "evidence": frozenset({"1", "2", "4", "8"}),
    "appointed": frozenset({"16", "32", "64"}),
}
"""Classes of evidence and offices of an account, each as the bit it is."""
_DAY: Final = 86_400
_UNITS: Final[Mapping[str, int]] = {"d": _DAY, "j": _DAY, "h": 3_600, "min": 60, "s": 1}
_LENGTH = re.compile(r"([0-9]{1,9})\s*(d|j|h|min|s)\b\s*")
_PERCENT = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]{1,2}))?\s*%?")
_FRACTION = re.compile(r"([0-9]{1,3})\s*/\s*([0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing an act needs. `kind` decides how it is asked and read."""

    name: str
    kind: str
    """A name of `_PARSERS`, or raw."""
    group: str = ""
    """With which others it is shown."""


_ORGANISATION = (Field("organisation", "organisation"),)
_CLASS = (Field("tier", "tier"), Field("college", "college"))
_TERMS: Final = ("quorum", "majority", "window", "lock")
_STATUTES = (
    *(Field(f"{kind.word}_{name}", name, kind.word) for kind in ProposalKind for name in _TERMS),
    Field("notice", "notice", "all"),
    Field("expiry", "expiry", "all"),
    Field("proxies", "proxies", "all"),
    Field("by_college", "yes_no", "all"),
    *(Field(f"weight_{tier}", "weight", "weights") for tier in range(8)),
)
COMMON: Final[Mapping[str, tuple[Field, ...]]] = {
    "resolution": (),
    "Members.admit": (*_ORGANISATION, *_CLASS),
    "Members.suspend": _ORGANISATION,
    "Members.reinstate": _ORGANISATION,
    "Members.exclude": _ORGANISATION,
    "Members.classify": (
        *_ORGANISATION,
        Field("organisation_kind", "organisation_kind"),
        *_CLASS,
        Field("country", "home_country"),
    ),
    "Members.appoint": (Field("account", "account"), Field("appointed", "appointed")),
    "Governance.set_statutes": _STATUTES,
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
    "Network.set_power": (Field("public_key", "validator_key"), Field("power", "power")),
    "raw": (Field("calls", "raw"),),
}
"""Acts that have a form of their own, with their fields; `raw` takes any call as it is."""
_APPLIED, ACTIVE, _SUSPENDED = 1, 2, 3
WHO: Final[Mapping[str, tuple[int, ...]]] = {
    "Members.admit": (_APPLIED,),
    "Members.suspend": (ACTIVE,),
    "Members.reinstate": (_SUSPENDED,),
    "Members.exclude": (ACTIVE, _SUSPENDED),
    "Members.classify": (_APPLIED, ACTIVE, _SUSPENDED),
}
"""Of which status in the register the organisation of an act is."""


def read_fields(sent: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What was typed, a text for each field; of what is ticked, the one number it makes."""
    typed = {name: values[-1] for name, values in sent.items()}
    for name, bits in _TICKED.items():
        ticked = sent.get(name, ())
        if all(each in bits for each in ticked):
            typed[name] = str(sum(map(int, set(ticked))))
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


def _home_country(text: str) -> bytes:
    if text.strip().upper() not in COUNTRIES:
        raise InvalidProposal("choose a country")
    return _country(text)


def _offices(text: str) -> int:
    offices = parse_number("offices", text, 112)
    if offices % 16:
        raise InvalidProposal("choose offices among officer, admission officer and verifier")
    return offices


def _quorum(text: str) -> int:
    """Ten-thousandths."""
    found = _PERCENT.fullmatch(text.strip())
    parts = -1 if found is None else 100 * int(found[1]) + int((found[2] or "0").ljust(2, "0"))
    if not 0 <= parts <= 10_000:
        raise InvalidProposal("a quorum is 0 to 100 percent, with at most two decimals")
    return parts


def _majority(text: str) -> tuple[int, int]:
    found = _FRACTION.fullmatch(text.strip())
    numerator, denominator = (0, 1) if found is None else (int(found[1]), int(found[2]))
    if not numerator < denominator <= 100 or 2 * numerator < denominator:
        raise InvalidProposal("a majority is a fraction from 1/2 to less than one, with a denominator up to 100")
    return numerator, denominator


def _length(text: str, least: int, most: int) -> int:
    """Seconds, within bounds. Raises `InvalidProposal`."""
    word, place, seconds = text.strip(), 0, 0
    while found := _LENGTH.match(word, place):
        seconds, place = seconds + int(found[1]) * _UNITS[found[2]], found.end()
    if not word or place < len(word):
        raise InvalidProposal("a length of time is a number and its unit, as 14 d, 12 h, 30 min or 1 d 12 h")
    if not least <= seconds <= most:
        raise InvalidProposal(f"this length of time is from {least} seconds to {most // _DAY} days")
    return seconds


def _weight(text: str) -> int:
    with contextlib.suppress(InvalidProposal):
        if weight := parse_number("weight", text, 1_000):
            return weight
    raise InvalidProposal("a vote weighs 1 to 1000")


def _proxies(text: str) -> int:
    with contextlib.suppress(InvalidProposal):
        return parse_number("proxies", text, 16)
    raise InvalidProposal("a member uses 0 to 16 proxies in one vote")


def _validator_key(text: str) -> bytes:
    word = text.strip()
    if len(word) != 66 or not _HEXADECIMAL.fullmatch(word):
        raise InvalidProposal("a validator’s key is 0x and 64 hexadecimal digits")
    return bytes.fromhex(word[2:])


def _power(text: str) -> int:
    with contextlib.suppress(InvalidProposal):
        return parse_number("power", text, 1_000)
    raise InvalidProposal("a power is 0, which sets aside, to 1000")


def _yes_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise InvalidProposal("say yes or no")
    return text == "yes"


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
    "home_country": _home_country,
    "account": parse_address,
    "appointed": _offices,
    "quorum": _quorum,
    "majority": _majority,
    "window": lambda text: _length(text, 1, 60 * _DAY),
    "lock": lambda text: _length(text, 0, 60 * _DAY),
    "notice": lambda text: _length(text, 0, 60 * _DAY),
    "expiry": lambda text: _length(text, 60, 365 * _DAY),
    "proxies": _proxies,
    "yes_no": _yes_no,
    "weight": _weight,
    "validator_key": _validator_key,
    "power": _power,
}


def _length_text(seconds: int, language: Language) -> str:
    """A length of time as it is typed."""
    parts = []
    for unit in ("j" if language == "fr" else "d", "h", "min", "s"):
        count, seconds = divmod(seconds, _UNITS[unit])
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def begin(act: str, statutes: Statutes, language: Language) -> dict[str, str]:
    """What stands in the fields of an act before anybody types: of the statutes, those in force."""
    if act != "Governance.set_statutes":
        return {}
    begun: dict[str, str] = {}
    for kind in ProposalKind:
        terms = statutes.terms_of(kind)
        whole, rest = divmod(terms.quorum, 100)
        decimals = f"{',' if language == 'fr' else '.'}{rest:02}".rstrip("0") if rest else ""
        begun |= {
            f"{kind.word}_quorum": f"{whole}{decimals}",
            f"{kind.word}_majority": f"{terms.numerator}/{terms.denominator}",
            f"{kind.word}_window": _length_text(terms.window, language),
            f"{kind.word}_lock": _length_text(terms.lock, language),
        }
    return begun | {
        "notice": _length_text(statutes.notice, language),
        "expiry": _length_text(statutes.expiry, language),
        "proxies": str(statutes.proxies),
        "by_college": "yes" if statutes.by_college else "no",
        **{f"weight_{tier}": str(weight) for tier, weight in enumerate(statutes.weights)},
    }


def _statutes(values: Sequence[Any]) -> tuple[Any, ...]:
    """Statutes as the ABI takes them, of the values of `_STATUTES`. Raises `InvalidProposal`."""
    terms = [tuple(values[4 * place : 4 * place + 4]) for place in range(3)]
    locks = [lock for _quorum, _majority, _window, lock in terms]
    if locks[1] <= locks[0]:
        raise InvalidProposal(
            "what is constitutional waits longer than what is ordinary before it is executed", "constitutional_lock"
        )
    notice, expiry, proxies, by_college, *weights = values[12:]
    flat = tuple((quorum, *majority, window, lock) for quorum, majority, window, lock in terms)
    return flat, notice, expiry, proxies, by_college, tuple(weights)


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
    elif act == "Governance.set_statutes":
        values = [_statutes(values)]
    contract, _, function = act.partition(".")
    if contract not in book.values():
        raise InvalidProposal(f"this network has no contract of the name {contract}")
    try:
        return (write(contract, function, values, book),)
    except NotEncodable as error:
        raise InvalidProposal(f"the act cannot be written: {error}") from None


def usual_kind(act: str) -> ProposalKind:
    """Of which kind a proposal of an act is, unless somebody says otherwise."""
    return ProposalKind.CONSTITUTIONAL if act == "Governance.set_statutes" else ProposalKind.ORDINARY


def parse_kind(name: str, act: str = "") -> ProposalKind:
    """A kind of proposal by its word; statutes are changed by one alone. Raises `InvalidProposal`."""
    for kind in ProposalKind:
        if kind.word == name:
            if act == "Governance.set_statutes" and kind is not ProposalKind.CONSTITUTIONAL:
                raise InvalidProposal("the statutes are changed by a constitutional proposal alone", "kind")
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
