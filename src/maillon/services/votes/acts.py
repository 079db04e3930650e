# SPDX-License-Identifier: Apache-2.0
"""What a proposal would do: its calls read against the committed artifacts, and a before-and-after table of each.

A call is read only when it is exactly what its function takes: the same arguments, encoded again, must give the same
bytes. Everything else stays raw, with the reason, and is shown as such: nothing here guesses. What the chain holds now
comes as facts; calls of one proposal happen one after the other, so the second is set against what the first leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from operator import mul
from types import MappingProxyType
from typing import Any, Final

from maillon.ledger.abi import NotDecodable, NotEncodable, artifact, decode, encode
from maillon.ledger.port import Address
from maillon.services.votes.model import ProposedCall
from maillon.services.votes.recount import read_statutes

CONTRACTS: Final = MappingProxyType(
    {
        name: name.lower()
        for name in ("Directory", "Governance", "Members", "Admissions", "Network", "Credits", "Anchors", "Brake")
    }
)
"""Name in the Directory → its artifact."""

Book = Mapping[Address, str]
"""Address → name: where the Directory leads now, and the Directory itself."""

Fact = tuple[Any, ...]
"""A question to the chain: its name, then its arguments. `contract.VotesContract.facts` answers them."""


class Unread(StrEnum):
    """Why a call is shown raw."""

    UNKNOWN_TARGET = "unknown-target"
    """The Directory leads nowhere that is this address."""
    UNKNOWN_FUNCTION = "unknown-function"
    """The contract of that name has no such function: the call would fail."""
    UNUSUAL_ENCODING = "unusual-encoding"
    """The arguments are not written the one way they are: what the contract would read is not shown as certain."""


@dataclass(frozen=True, slots=True)
class RawAct:
    """A call shown as it is."""

    call: ProposedCall
    reason: Unread
    contract: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """A call that was read."""

    call: ProposedCall
    contract: str
    """Its name in the Directory."""
    function: str
    arguments: Mapping[str, Any]

    @property
    def key(self) -> str:
        """contract.function."""
        return f"{self.contract}.{self.function}"

    def leads_elsewhere(self, name: str) -> bool:
        """Whether it leads that name of the Directory to a contract."""
        return self.key == "Directory.point" and directory_name(self.arguments["name"]) == name


class Unit(StrEnum):
    """How a value is said."""

    NUMBER = "number"
    YES_NO = "yes-no"
    SECONDS = "seconds"
    PARTS = "parts"
    """Ten-thousandths."""
    FRACTION = "fraction"
    """(numerator, denominator)."""
    ADDRESS = "address"
    KEY = "key"
    TEXT = "text"
    STATUS = "status"
    """(status, suspended until)."""
    KIND = "kind"
    COUNTRY = "country"
    OFFICES = "offices"
    """Whose signature is enough: any of them."""
    HELD = "held"
    """Offices of an account: all of them."""
    CLASSES = "classes"
    """Bits, as the numbers of those that are set."""
    GWEI = "gwei"
    """A count of Gwei."""
    WEI = "wei"
    NOTHING = "nothing"
    """There is none."""


@dataclass(frozen=True, slots=True)
class Value:
    """Something with its unit."""

    unit: Unit
    raw: Any = None


NONE: Final = Value(Unit.NOTHING)


@dataclass(frozen=True, slots=True)
class Change:
    """One row: what, of whom or what, before, after. `before` is None when the chain could not be asked."""

    what: str
    """A name of `words.WHAT`."""
    about: tuple[Any, ...]
    """What completes the name: an organisation's number, a tier, a name of the Directory, …"""
    before: Value | None
    after: Value

    @property
    def is_none(self) -> bool:
        """Whether nothing would change."""
        return self.before == self.after


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    names: tuple[str, ...]
    types: tuple[str, ...]


@cache
def _functions(contract: str) -> Mapping[bytes, _Function]:
    """Selector → function, of a contract of the package."""
    made = artifact(CONTRACTS[contract])
    found = {}
    for entry in made.abi:
        if entry["type"] == "function":
            types = tuple(_canonical(part) for part in entry["inputs"])
            selector = made.selectors[f"{entry['name']}({','.join(types)})"]
            names = tuple(part["name"] for part in entry["inputs"])
            found[selector] = _Function(entry["name"], names, types)
    return MappingProxyType(found)


def _canonical(part: Mapping[str, Any]) -> str:
    """A type as selectors are made of it (ABI specification, "Handling tuple types")."""
    kind = str(part["type"])
    if kind.startswith("tuple"):
        inner = ",".join(_canonical(each) for each in part["components"])
        return f"({inner}){kind.removeprefix('tuple')}"
    return kind


def read(call: ProposedCall, book: Book) -> Act | RawAct:
    """What a call is. Never raises: what cannot be read is said to be raw, and why."""
    contract = book.get(call.target)
    if contract is None or contract not in CONTRACTS:
        return RawAct(call, Unread.UNKNOWN_TARGET, contract)
    function = _functions(contract).get(call.data[:4])
    if function is None:
        return RawAct(call, Unread.UNKNOWN_FUNCTION, contract)
    try:
        values = decode(function.types, call.data[4:])
        again = encode(function.types, values)
    except (NotDecodable, NotEncodable):
        return RawAct(call, Unread.UNUSUAL_ENCODING, contract)
    if again != call.data[4:]:
        return RawAct(call, Unread.UNUSUAL_ENCODING, contract)
    return Act(call, contract, function.name, MappingProxyType(dict(zip(function.names, values, strict=True))))


def write(contract: str, function: str, arguments: Sequence[Any], book: Book) -> ProposedCall:
    """The call of a function, the other way round. Raises `KeyError` for an unknown one, `NotEncodable`."""
    target = next(address for address, name in book.items() if name == contract)
    for selector, known in _functions(contract).items():
        if known.name == function:
            return ProposedCall(target, selector + encode(known.types, arguments))
    raise KeyError(f"{contract} has no function {function}")


# What each act asks, and what it changes.


class _Table:
    """Facts as the calls of a proposal change them one after the other, and the rows that says."""

    def __init__(self, facts: Mapping[Fact, Any]) -> None:
        self._facts = dict(facts)
        self.rows: list[Change] = []

    def get(self, *fact: Any) -> Any:
        """What a fact is now; None when it could not be asked."""
        return self._facts.get(fact)

    def set(self, value: Any, *fact: Any) -> None:
        """What it would be."""
        self._facts[fact] = value

    def forget(self, name: str, first: Any) -> None:
        """Facts of this name that begin so, but with something after it, can no longer be told."""
        self._facts = {fact: value for fact, value in self._facts.items() if fact[:2] != (name, first) or not fact[2]}

    def row(self, what: str, about: tuple[Any, ...], before: Value | None, after: Value) -> None:
        """One row."""
        self.rows.append(Change(what, about, before, after))

    def change(self, what: str, about: tuple[Any, ...], unit: Unit, after: Any, *fact: Any) -> None:
        """One fact with one value becomes another."""
        before = self.get(*fact)
        self.row(what, about, None if before is None else Value(unit, before), Value(unit, after))
        self.set(after, *fact)


@dataclass(frozen=True, slots=True)
class _Effect:
    """What one function asks, and does."""

    asks: Callable[[Mapping[str, Any]], Iterable[Fact]]
    does: Callable[[Mapping[str, Any], _Table], None]


@dataclass(frozen=True, slots=True)
class StandingFact:
    """What `Members` says of an organisation."""

    status: int
    kind: int
    tier: int
    college: int
    country: str
    suspended_until: int


@dataclass(frozen=True, slots=True)
class RuleFact:
    """What `Admissions` says of a kind and a country; the rule that is in force, or none."""

    defined: bool
    offices: int = 0
    evidence: int = 0
    tier: int = 0
    college: int = 0


_APPLIED, _ACTIVE, _SUSPENDED, _REFUSED, _EXCLUDED = 1, 2, 3, 5, 6


def _standing_asked(arguments: Mapping[str, Any]) -> Iterable[Fact]:
    yield ("standing", arguments["organisation"])


def _status(status: int) -> _Effect:
    def does(arguments: Mapping[str, Any], table: _Table) -> None:
        organisation = arguments["organisation"]
        before = table.get("standing", organisation)
        shown = None if before is None else Value(Unit.STATUS, (before.status, before.suspended_until))
        table.row("status", (organisation,), shown, Value(Unit.STATUS, (status, 0)))
        if before is not None:
            after = StandingFact(status, before.kind, before.tier, before.college, before.country, 0)
            table.set(after, "standing", organisation)

    return _Effect(_standing_asked, does)


def _classified(arguments: Mapping[str, Any], table: _Table, *, admitted: bool) -> None:
    organisation = arguments["organisation"]
    before = table.get("standing", organisation)
    status = (_ACTIVE, 0) if admitted else None
    if admitted:
        shown = None if before is None else Value(Unit.STATUS, (before.status, before.suspended_until))
        table.row("status", (organisation,), shown, Value(Unit.STATUS, status))
    rows = [("tier", Unit.NUMBER, arguments["tier"]), ("college", Unit.NUMBER, arguments["college"])]
    if not admitted:
        rows[:0] = [
            ("kind", Unit.KIND, arguments["kind"]),
            ("country", Unit.COUNTRY, _country(arguments["country"])),
        ]
    for what, unit, after in rows:
        old = None if before is None else Value(unit, getattr(before, what))
        table.row(what, (organisation,), old, Value(unit, after))
    if before is not None:
        changed = {what: after for what, _, after in rows}
        known = StandingFact(
            _ACTIVE if admitted else before.status,
            changed.get("kind", before.kind),
            changed["tier"],
            changed["college"],
            changed.get("country", before.country),
            0 if admitted else before.suspended_until,
        )
        table.set(known, "standing", organisation)


def _country(letters: bytes) -> str:
    return letters.decode("latin-1").strip("\0")


def directory_name(word: bytes) -> str:
    """A name of the Directory as text; hexadecimal when it is none."""
    text = word.rstrip(b"\0")
    return text.decode() if text.isascii() and text.decode().isprintable() and text else "0x" + word.hex()


def _pointed(arguments: Mapping[str, Any], table: _Table) -> None:
    name = arguments["name"]
    before = table.get("name", name)
    shown = None if before is None else Value(Unit.ADDRESS, before) if any(before) else NONE
    table.row("name", (directory_name(name),), shown, Value(Unit.ADDRESS, arguments["target"]))
    table.set(arguments["target"], "name", name)


def _seat_offered(arguments: Mapping[str, Any], table: _Table) -> None:
    before = table.get("pending_governance")
    shown = None if before is None else Value(Unit.ADDRESS, before) if any(before) else NONE
    table.row("seat", (), shown, Value(Unit.ADDRESS, arguments["successor"]))
    table.set(arguments["successor"], "pending_governance")


_KINDS = ("ordinary", "constitutional", "emergency")


def _statutes_set(arguments: Mapping[str, Any], table: _Table) -> None:
    before, after = table.get("statutes"), read_statutes(arguments["statutes"])
    for place, kind in enumerate(_KINDS):
        old = None if before is None else before.terms[place]
        new = after.terms[place]
        for what, unit, take in (
            ("quorum", Unit.PARTS, lambda terms: terms.quorum),
            ("majority", Unit.FRACTION, lambda terms: (terms.numerator, terms.denominator)),
            ("window", Unit.SECONDS, lambda terms: terms.window),
            ("lock", Unit.SECONDS, lambda terms: terms.lock),
        ):
            table.row(what, (kind,), None if old is None else Value(unit, take(old)), Value(unit, take(new)))
    for what, unit in (("notice", Unit.SECONDS), ("expiry", Unit.SECONDS), ("proxies", Unit.NUMBER),
                       ("by_college", Unit.YES_NO)):  # fmt: skip
        shown = None if before is None else Value(unit, getattr(before, what))
        table.row(what, (), shown, Value(unit, getattr(after, what)))
    for tier, weight in enumerate(after.weights):
        shown = None if before is None else Value(Unit.NUMBER, before.weights[tier])
        table.row("weight", (tier,), shown, Value(Unit.NUMBER, weight))
    table.set(after, "statutes")


def _rule_asked(arguments: Mapping[str, Any]) -> Iterable[Fact]:
    yield ("rule", arguments["kind"], _country(arguments["country"]))
    yield ("rule", arguments["kind"], "")


def _rule_set(arguments: Mapping[str, Any], table: _Table) -> None:
    kind, country = arguments["kind"], _country(arguments["country"])
    written = RuleFact(*arguments["rule"])
    # A country without a rule of its own has that of every country.
    general = table.get("rule", kind, "")
    after = general if country and not written.defined and general is not None else written
    before = table.get("rule", kind, country)
    rows: tuple[tuple[str, Unit, Callable[[RuleFact], Any]], ...] = (
        ("rule_admits", Unit.YES_NO, lambda rule: rule.defined and rule.offices != 0),
        ("rule_offices", Unit.OFFICES, lambda rule: rule.offices),
        ("rule_evidence", Unit.CLASSES, lambda rule: rule.evidence),
        ("rule_tier", Unit.NUMBER, lambda rule: rule.tier),
        ("rule_college", Unit.NUMBER, lambda rule: rule.college),
    )
    for number, (what, unit, take) in enumerate(rows):
        old = None if before is None else NONE if number and not before.defined else Value(unit, take(before))
        new = NONE if number and not after.defined else Value(unit, take(after))
        table.row(what, (kind, country), old, new)
    table.set(after, "rule", kind, country)
    if not country:
        # Which countries had no rule of their own is not asked: what the general rule means for them is unsure now.
        table.forget("rule", kind)


def _offices_asked(arguments: Mapping[str, Any]) -> Iterable[Fact]:
    yield ("offices", arguments["account"])


def _appointed(arguments: Mapping[str, Any], table: _Table) -> None:
    account = arguments["account"]
    table.change("offices", (account,), Unit.HELD, arguments["offices"], "offices", account)


def _admin_installed(arguments: Mapping[str, Any], table: _Table) -> None:
    organisation = arguments["organisation"]
    before = table.get("admins", organisation)
    shown = None if before is None else Value(Unit.ADDRESS, before) if before else NONE
    table.row("admins", (organisation,), shown, Value(Unit.ADDRESS, (arguments["account"],)))
    table.set((arguments["account"],), "admins", organisation)


def _power_set(arguments: Mapping[str, Any], table: _Table) -> None:
    key = arguments["public_key"]
    table.change("power", (key,), Unit.NUMBER, arguments["power"], "power", key)


def _retired(arguments: Mapping[str, Any], table: _Table) -> None:
    key = arguments["public_key"]
    table.change("power", (key,), Unit.NUMBER, 0, "power", key)
    table.change("retired", (key,), Unit.YES_NO, True, "retired", key)


def _by_tier(what: str, unit: Unit, argument: str) -> _Effect:
    def asks(_arguments: Mapping[str, Any]) -> Iterable[Fact]:
        return ((what, tier) for tier in range(8))

    def does(arguments: Mapping[str, Any], table: _Table) -> None:
        for tier, after in enumerate(arguments[argument]):
            table.change(what, (tier,), unit, after, what, tier)

    return _Effect(asks, does)


def _single(what: str, unit: Unit, argument: str, about: tuple[str, ...] = ()) -> _Effect:
    """One fact, named by some of the arguments, set to another."""

    def asks(arguments: Mapping[str, Any]) -> Iterable[Fact]:
        yield (what, *(arguments[name] for name in about))

    def does(arguments: Mapping[str, Any], table: _Table) -> None:
        names = tuple(arguments[name] for name in about)
        table.change(what, names, unit, arguments[argument], what, *names)

    return _Effect(asks, does)


def _allowances_asked(_arguments: Mapping[str, Any]) -> Iterable[Fact]:
    yield from (("allowance", tier) for tier in range(8))
    yield ("census",)


def _allowances_set(arguments: Mapping[str, Any], table: _Table) -> None:
    census = table.get("census")
    before = [table.get("allowance", tier) for tier in range(8)]
    for tier, after in enumerate(arguments["allowances"]):
        table.change("allowance", (tier,), Unit.GWEI, after, "allowance", tier)
    if census is not None:
        old = None if None in before else sum(map(mul, census, before))
        new = sum(map(mul, census, arguments["allowances"]))
        table.row("allowances", (), None if old is None else Value(Unit.GWEI, old), Value(Unit.GWEI, new))


def _admitted(arguments: Mapping[str, Any], table: _Table) -> None:
    _classified(arguments, table, admitted=True)


def _reclassified(arguments: Mapping[str, Any], table: _Table) -> None:
    _classified(arguments, table, admitted=False)


EFFECTS: Final[Mapping[str, _Effect]] = MappingProxyType(
    {
        "Directory.point": _Effect(lambda a: [("name", a["name"])], _pointed),
        "Directory.offer_governance": _Effect(lambda _: [("pending_governance",)], _seat_offered),
        "Governance.set_statutes": _Effect(lambda _: [("statutes",)], _statutes_set),
        "Admissions.set_rule": _Effect(_rule_asked, _rule_set),
        "Members.admit": _Effect(_standing_asked, _admitted),
        "Members.refuse": _status(_REFUSED),
        "Members.suspend": _status(_SUSPENDED),
        "Members.reinstate": _status(_ACTIVE),
        "Members.exclude": _status(_EXCLUDED),
        "Members.apply_again": _status(_APPLIED),
        "Members.classify": _Effect(_standing_asked, _reclassified),
        "Members.set_roles": _single("roles", Unit.CLASSES, "roles", ("organisation",)),
        "Members.appoint": _Effect(_offices_asked, _appointed),
        "Members.install_admin": _Effect(lambda a: [("admins", a["organisation"])], _admin_installed),
        "Members.rename": _single("legal_name", Unit.TEXT, "legal_name", ("organisation",)),
        "Network.set_power": _Effect(lambda a: [("power", a["public_key"])], _power_set),
        "Network.retire": _Effect(lambda a: [("power", a["public_key"]), ("retired", a["public_key"])], _retired),
        "Network.set_limit": _single("limit", Unit.NUMBER, "limit", ("organisation",)),
        "Network.set_minimum": _single("minimum", Unit.NUMBER, "minimum"),
        "Network.set_node_limits": _by_tier("node_limit", Unit.NUMBER, "limits"),
        "Credits.set_allowances": _Effect(_allowances_asked, _allowances_set),
        "Credits.set_floor_tip": _single("floor_tip", Unit.WEI, "floor_tip"),
        "Anchors.set_verifier": _single("verifier", Unit.YES_NO, "allowed", ("verifier",)),
    }
)
"""Every act with a table: what votes alone can change. Others are shown by function and arguments."""


@dataclass(frozen=True, slots=True)
class Effects:
    """A call, and its rows."""

    act: Act | RawAct
    changes: tuple[Change, ...] = field(default=())
    names: Mapping[int, str] = field(default_factory=dict)
    """What the organisations it names are called before it; those the chain could not tell are left out."""


def organisations_of(act: Act | RawAct) -> list[int]:
    """Organisations that a call names."""
    if isinstance(act, RawAct):
        return []
    return [value for name, value in act.arguments.items() if name == "organisation"]


def questions(acts: Iterable[Act | RawAct]) -> tuple[Fact, ...]:
    """What must be asked of the chain to show these acts, each once."""
    asked: dict[Fact, None] = {}
    for act in acts:
        asked.update(dict.fromkeys(("legal_name", organisation) for organisation in organisations_of(act)))
        effect = EFFECTS.get(act.key) if isinstance(act, Act) else None
        if effect is not None and isinstance(act, Act):
            asked.update(dict.fromkeys(effect.asks(act.arguments)))
    return tuple(asked)


def effects(acts: Sequence[Act | RawAct], facts: Mapping[Fact, Any]) -> tuple[Effects, ...]:
    """Each act with its before-and-after rows; those that change nothing stay, and are said to."""
    table = _Table(facts)
    found = []
    for act in acts:
        table.rows = []
        called = {number: table.get("legal_name", number) for number in organisations_of(act)}
        effect = EFFECTS.get(act.key) if isinstance(act, Act) else None
        if effect is not None and isinstance(act, Act):
            effect.does(act.arguments, table)
        names = MappingProxyType({number: name for number, name in called.items() if name})
        found.append(Effects(act, tuple(table.rows), names))
    return tuple(found)
