# SPDX-License-Identifier: Apache-2.0
"""Who founds a network, and under which law it begins: the part of block zero that people decide.

`Founding` is a frozen value with a JSON form, described in docs/formats/genesis.md. `make_genesis` runs it: every
organisation, account, validator, node and rule in it is entered by the contracts themselves, which refuse what their
law refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

import orjson

from maillon.ledger.errors import LedgerError
from maillon.ledger.port import Address

TYPE: Final = "maillon.founding.v1"
MAX_FILE: Final = 4 * 1024 * 1024
MAX_ORGANISATIONS: Final = 256
"""Those who are there in block zero; later ones are admitted."""

SCOPES: Final[Mapping[str, int]] = {
    "admin": 1,
    "vote": 2,
    "operate": 4,
    "publish": 8,
    "officer": 16,
    "admission officer": 32,
    "verifier": 64,
}
"""Scopes and offices of `Members`, as bits."""
ALL_SCOPES: Final = sum(SCOPES.values())

KINDS: Final = ("company", "small company", "university", "administration", "association", "other")
"""Kinds of organisation, by their number in `Members`."""

HEXADECIMAL: Final = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2})*)")
DAY: Final = 86_400
GWEI: Final = 10**9
TIERS: Final = 8

Value = TypeVar("Value")


class InvalidFounding(LedgerError):
    """What was asked for cannot found a network; the message says which field and why."""


def _check(name: str, condition: bool, reason: str) -> None:
    if not condition:
        raise InvalidFounding(f"founding: {name}: {reason}")


@dataclass(frozen=True, slots=True)
class FoundingAccount:
    """An account of a founder. The first one of an organisation is its first admin, and receives its credits."""

    address: Address
    scopes: int
    """Bits of `SCOPES`."""
    label: bytes = bytes(32)
    """Opaque; never a person's name."""

    def __post_init__(self) -> None:
        _check("address", len(self.address) == 20 and any(self.address), "not an address of 20 bytes")
        _check("scopes", 0 <= self.scopes <= ALL_SCOPES, "unknown scope")
        _check("label", len(self.label) == 32, "not 32 bytes")


@dataclass(frozen=True, slots=True)
class FoundingNode:
    """A node of a founder, by its two public keys."""

    execution_key: bytes
    """secp256k1, 64 bytes: the enode identifier."""
    consensus_id: bytes
    """CometBFT's node identifier, 20 bytes."""

    def __post_init__(self) -> None:
        _check("execution_key", len(self.execution_key) == 64, "not 64 bytes")
        _check("consensus_id", len(self.consensus_id) == 20, "not 20 bytes")


@dataclass(frozen=True, slots=True)
class FoundingOrganisation:
    """A founding member. Its number is its place in the list, from 1."""

    scheme: str
    """The kind of legal identifier: `siren`, `lei`, `euid`, …"""
    identifier: str
    legal_name: str
    kind: int
    """Index in `KINDS`."""
    country: str
    """ISO 3166-1, two capital letters."""
    accounts: tuple[FoundingAccount, ...]
    tier: int = 0
    college: int = 0
    did: str = ""
    validators: tuple[bytes, ...] = ()
    """Ed25519 public keys."""
    nodes: tuple[FoundingNode, ...] = ()

    def __post_init__(self) -> None:
        _check("scheme", self.scheme.isascii() and 0 < len(self.scheme) <= 32, "not 1 to 32 characters of ASCII")
        _check("identifier", self.identifier.isascii() and 0 < len(self.identifier) <= 64, "not 1 to 64 of ASCII")
        _check("legal_name", 0 < len(self.legal_name.encode()) <= 160, "not 1 to 160 bytes of UTF-8")
        _check("kind", 0 <= self.kind < len(KINDS), f"not one of {', '.join(KINDS)}")
        _check("country", re.fullmatch("[A-Z]{2}", self.country) is not None, "not two capital letters")
        _check("did", len(self.did.encode()) <= 160, "longer than 160 bytes")
        _check("accounts", bool(self.accounts) and self.accounts[0].scopes & 1 == 1, "the first must be an admin")
        _check("validators", all(len(key) == 32 for key in self.validators), "an Ed25519 key has 32 bytes")


@dataclass(frozen=True, slots=True)
class Terms:
    """How one kind of proposal passes."""

    quorum: int
    """Which part of the weight must take a position, in ten-thousandths."""
    numerator: int
    denominator: int
    """Which part of those for and against must be for; a tie never is enough."""
    window: int
    """How long a vote is open at least, in seconds."""
    lock: int
    """How long what passed waits before it can be executed, in seconds."""


@dataclass(frozen=True, slots=True)
class Statutes:
    """The parameters every vote starts under. `Governance` keeps them within bounds."""

    ordinary: Terms = Terms(2_500, 1, 2, 7 * DAY, 2 * DAY)
    constitutional: Terms = Terms(5_000, 2, 3, 14 * DAY, 7 * DAY)
    emergency: Terms = Terms(3_334, 2, 3, 6 * 3_600, 0)
    notice: int = 7 * DAY
    """How long before it opens a vote is announced at least, in seconds; emergencies need none."""
    expiry: int = 30 * DAY
    """How long what passed can be executed, in seconds."""
    proxies: int = 3
    """How many a holder can use in one vote."""
    by_college: bool = False
    """Whether quorum and majority must be reached in each college."""
    weights: tuple[int, ...] = (1,) * TIERS
    """How much a vote weighs, by tier."""

    def __post_init__(self) -> None:
        _check("weights", len(self.weights) == TIERS, f"not {TIERS} numbers")

    def as_argument(self) -> tuple[Any, ...]:
        """As `Governance` takes them."""
        terms = tuple(_values(each) for each in (self.ordinary, self.constitutional, self.emergency))
        return (terms, self.notice, self.expiry, self.proxies, self.by_college, self.weights)


@dataclass(frozen=True, slots=True)
class AdmissionRule:
    """Whom an officer or verifier can admit without a vote."""

    kind: int
    """Index in `KINDS`."""
    country: str
    """Two capital letters, or nothing for every country without a rule of its own."""
    offices: int
    """Whose signature admits: 32 an admission officer's, 64 a verifier's, 96 either."""
    evidence: int
    """The classes of evidence that must all have been seen, as bits."""
    tier: int = 0
    college: int = 0

    def __post_init__(self) -> None:
        _check("kind", 0 <= self.kind < len(KINDS), f"not one of {', '.join(KINDS)}")
        _check("country", re.fullmatch("([A-Z]{2})?", self.country) is not None, "not two capital letters")

    def as_arguments(self) -> tuple[int, bytes, tuple[Any, ...]]:
        """As `Admissions.set_rule` takes it."""
        rule = (True, self.offices, self.evidence, self.tier, self.college)
        return self.kind, self.country.encode().ljust(2, b"\0"), rule


@dataclass(frozen=True, slots=True)
class Founding:
    """Everything people decide before block zero."""

    organisations: tuple[FoundingOrganisation, ...]
    statutes: Statutes = Statutes()
    rules: tuple[AdmissionRule, ...] = ()
    allowances: tuple[int, ...] = tuple(20_000_000 << tier for tier in range(TIERS))
    """Gwei in a period, by tier. At a floor tip of one gwei, a Gwei is a unit of gas."""
    floor_tip: int = GWEI
    """Wei."""
    period_length: int = 3_600
    """Blocks between two grants of credits; it never changes."""
    governed: bool = False
    """Whether votes decide from block zero on. Otherwise the steward holds the seat until it hands it over."""

    def __post_init__(self) -> None:
        count = len(self.organisations)
        _check("organisations", 1 <= count <= MAX_ORGANISATIONS, f"not 1 to {MAX_ORGANISATIONS}")
        _check("allowances", len(self.allowances) == TIERS, f"not {TIERS} numbers")

    @property
    def validators(self) -> tuple[bytes, ...]:
        """The keys of every validator, in the order of the organisations."""
        return tuple(key for organisation in self.organisations for key in organisation.validators)

    def to_json(self) -> bytes:
        """The file: UTF-8 JSON, indented, keys in a fixed order; `parse` of it gives an equal value."""
        document = {
            "type": TYPE,
            "governed": self.governed,
            "organisations": [_organisation_document(each) for each in self.organisations],
            "statutes": _plain(self.statutes),
            "rules": [
                {**_plain(rule), "kind": KINDS[rule.kind], "offices": _names(rule.offices)} for rule in self.rules
            ],
            "allowances": list(self.allowances),
            "floor_tip": self.floor_tip,
            "period_length": self.period_length,
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def parse(cls, data: bytes) -> Founding:
        """Read the file. Raises `InvalidFounding` naming the first field that is wrong, unknown or missing."""
        _check("file", len(data) <= MAX_FILE, f"larger than {MAX_FILE} bytes")
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise InvalidFounding(f"founding: not JSON: {error}") from error
        names = tuple(field.name for field in fields(cls))
        found = _object("file", document, ("type", *names))
        _check("type", found["type"] == TYPE, f"expected {TYPE!r}, found {found['type']!r}")
        return cls(
            organisations=_list("organisations", found["organisations"], _read_organisation),
            statutes=_read_statutes(found["statutes"]),
            rules=_list("rules", found["rules"], _read_rule),
            allowances=_list("allowances", found["allowances"], lambda each: _integer("allowances", each)),
            floor_tip=_integer("floor_tip", found["floor_tip"]),
            period_length=_integer("period_length", found["period_length"]),
            governed=_boolean("governed", found["governed"]),
        )


SANDBOX_STATUTES: Final = Statutes(
    ordinary=Terms(2_500, 1, 2, 60, 10),
    constitutional=Terms(5_000, 2, 3, 60, 20),
    emergency=Terms(3_334, 2, 3, 30, 0),
    notice=0,
)
"""The same law in a hurry: a vote of the sandbox takes minutes."""


def sandbox(
    steward: Address, publishers: Iterable[Address], validators: Sequence[bytes], *, governed: bool = False
) -> Founding:
    """One organisation for trying: the steward may do everything, the others publish.

    Where it is `governed`, what needs a vote needs one here too: the steward's organisation is then the only voter.
    """
    others = sorted(set(publishers) - {steward})
    accounts = [FoundingAccount(steward, ALL_SCOPES), *(FoundingAccount(each, SCOPES["publish"]) for each in others)]
    organisation = FoundingOrganisation(
        scheme="sandbox",
        identifier="SANDBOX",
        legal_name="Sandbox",
        kind=KINDS.index("other"),
        country="FR",
        accounts=tuple(accounts),
        validators=tuple(validators),
    )
    # Whoever stands in a public register (evidence 1) is admitted by the steward, so that joining can be tried at once.
    rules = tuple(AdmissionRule(kind, "", SCOPES["admission officer"], 1, tier=1) for kind in range(len(KINDS)))
    return Founding((organisation,), statutes=SANDBOX_STATUTES, rules=rules, governed=governed)


def _values(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, field.name) for field in fields(value))


def _plain(value: Any) -> dict[str, Any]:
    """A value of numbers and texts, as JSON writes it."""
    document = {}
    for field in fields(value):
        held = getattr(value, field.name)
        document[field.name] = list(held) if isinstance(held, tuple) else _plain(held) if _is_terms(held) else held
    return document


def _is_terms(value: object) -> bool:
    return isinstance(value, Terms)


def _names(scopes: int) -> list[str]:
    return [name for name, bit in SCOPES.items() if scopes & bit]


def _organisation_document(organisation: FoundingOrganisation) -> dict[str, Any]:
    return {
        "scheme": organisation.scheme,
        "identifier": organisation.identifier,
        "legal_name": organisation.legal_name,
        "kind": KINDS[organisation.kind],
        "country": organisation.country,
        "tier": organisation.tier,
        "college": organisation.college,
        "did": organisation.did,
        "accounts": [
            {"address": "0x" + each.address.hex(), "scopes": _names(each.scopes), "label": each.label.hex()}
            for each in organisation.accounts
        ],
        "validators": [key.hex() for key in organisation.validators],
        "nodes": [
            {"execution_key": node.execution_key.hex(), "consensus_id": node.consensus_id.hex()}
            for node in organisation.nodes
        ],
    }


def _object(name: str, value: object, names: tuple[str, ...]) -> dict[str, Any]:
    """An object with exactly these fields: a field we do not know may be one that matters."""
    if not isinstance(value, dict):
        raise InvalidFounding(f"founding: {name}: not an object")
    wrong = sorted(set(names) ^ set(value))
    _check(name, not wrong, f"unknown or missing: {', '.join(wrong)}")
    return value


def _list(name: str, value: object, read: Callable[[object], Value]) -> tuple[Value, ...]:
    if not isinstance(value, list):
        raise InvalidFounding(f"founding: {name}: not a list")
    return tuple(read(each) for each in value)


def _integer(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidFounding(f"founding: {name}: not an integer")
    _check(name, 0 <= value < 2**64, "not an unsigned 64-bit integer")
    return value


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidFounding(f"founding: {name}: not true or false")
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidFounding(f"founding: {name}: not a string")
    return value


def _bytes(name: str, value: object) -> bytes:
    match = HEXADECIMAL.fullmatch(_text(name, value))
    if match is None:
        raise InvalidFounding(f"founding: {name}: not hexadecimal")
    return bytes.fromhex(match[1])


def _kind(value: object) -> int:
    name = _text("kind", value)
    _check("kind", name in KINDS, f"{name!r} is not one of {', '.join(KINDS)}")
    return KINDS.index(name)


def _scope(value: object) -> int:
    name = _text("scopes", value)
    _check("scopes", name in SCOPES, f"{name!r} is not one of {', '.join(SCOPES)}")
    return SCOPES[name]


def _scopes(value: object) -> int:
    return sum(set(_list("scopes", value, _scope)))


def _read_organisation(value: object) -> FoundingOrganisation:
    found = _object("organisations", value, tuple(field.name for field in fields(FoundingOrganisation)))
    return FoundingOrganisation(
        scheme=_text("scheme", found["scheme"]),
        identifier=_text("identifier", found["identifier"]),
        legal_name=_text("legal_name", found["legal_name"]),
        kind=_kind(found["kind"]),
        country=_text("country", found["country"]),
        accounts=_list("accounts", found["accounts"], _read_account),
        tier=_integer("tier", found["tier"]),
        college=_integer("college", found["college"]),
        did=_text("did", found["did"]),
        validators=_list("validators", found["validators"], lambda each: _bytes("validators", each)),
        nodes=_list("nodes", found["nodes"], _read_node),
    )


def _read_account(value: object) -> FoundingAccount:
    found = _object("accounts", value, ("address", "scopes", "label"))
    address = Address(_bytes("address", found["address"]))
    return FoundingAccount(address, _scopes(found["scopes"]), _bytes("label", found["label"]))


def _read_node(value: object) -> FoundingNode:
    found = _object("nodes", value, ("execution_key", "consensus_id"))
    return FoundingNode(_bytes("execution_key", found["execution_key"]), _bytes("consensus_id", found["consensus_id"]))


def _read_statutes(value: object) -> Statutes:
    found = _object("statutes", value, tuple(field.name for field in fields(Statutes)))
    return Statutes(
        ordinary=_read_terms("ordinary", found["ordinary"]),
        constitutional=_read_terms("constitutional", found["constitutional"]),
        emergency=_read_terms("emergency", found["emergency"]),
        notice=_integer("notice", found["notice"]),
        expiry=_integer("expiry", found["expiry"]),
        proxies=_integer("proxies", found["proxies"]),
        by_college=_boolean("by_college", found["by_college"]),
        weights=_list("weights", found["weights"], lambda each: _integer("weights", each)),
    )


def _read_terms(name: str, value: object) -> Terms:
    names = tuple(field.name for field in fields(Terms))
    found = _object(name, value, names)
    return Terms(*(_integer(each, found[each]) for each in names))


def _read_rule(value: object) -> AdmissionRule:
    found = _object("rules", value, tuple(field.name for field in fields(AdmissionRule)))
    return AdmissionRule(
        kind=_kind(found["kind"]),
        country=_text("country", found["country"]),
        offices=_scopes(found["offices"]),
        evidence=_integer("evidence", found["evidence"]),
        tier=_integer("tier", found["tier"]),
        college=_integer("college", found["college"]),
    )
