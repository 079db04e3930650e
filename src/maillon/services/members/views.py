# SPDX-License-Identifier: Apache-2.0
"""What both doors show: organisations, applications and rules as plain documents, the same for a page and a program."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson
from babel import Locale

from maillon.kit.language import Language
from maillon.ledger.port import Address
from maillon.ledger.signing import checksum
from maillon.services.members import identifiers, rules
from maillon.services.members.model import (
    AccountRecord,
    AdmissionRule,
    Application,
    Case,
    HistoryEntry,
    Identifier,
    Operation,
    Organisation,
    Scope,
    SimilarName,
    Status,
    ValidatorSeat,
)
from maillon.services.members.service import ApplicationFile, DirectoryPage, Review, export_document

_LARGEST: Final = 22.0
"""Radius of the disc of the country with the most members, in the map's units."""


def moved_document(successor: Address | None) -> str | None:
    """The contract that is the register now, where that is not the one that is read."""
    return None if successor is None else checksum(successor)


def identifier_document(identifier: Identifier) -> dict[str, Any]:
    """An identifier, as it is hashed and as people read it, with where to check it."""
    source = identifiers.public_source(identifier)
    return {
        "scheme": identifier.scheme,
        "value": identifier.value,
        "label": identifiers.label(identifier.scheme),
        "shown": identifiers.shown(identifier),
        "hash": "0x" + identifiers.identifier_hash(identifier).hex(),
        "checked": source is not None,
        "source": None if source is None else {"name": source.name, "url": source.url, "direct": source.is_direct},
    }


def status_word(organisation: Organisation, now: datetime.datetime) -> str:
    """Its status by its word; officers' suspension is one too."""
    if organisation.status is Status.ACTIVE and not organisation.is_active(now):
        return "suspended"
    return organisation.status.name.lower()


def organisation_document(organisation: Organisation, now: datetime.datetime) -> dict[str, Any]:
    """An organisation as the chain has it."""
    briefly = organisation.status is Status.ACTIVE and not organisation.is_active(now)
    return {
        "number": organisation.number,
        "legal_name": organisation.legal_name,
        "seal": seal(organisation.legal_name),
        "identifier": identifier_document(organisation.identifier),
        "kind": rules.word_of(organisation.kind),
        "country": organisation.country,
        "tier": organisation.tier,
        "college": organisation.college,
        "status": status_word(organisation, now),
        "suspended_until": organisation.suspended_until if briefly else None,
        "did": organisation.did or None,
        "roles": str(organisation.roles),
        "applied": organisation.applied,
        "joined": organisation.joined,
    }


def seal(name: str) -> str:
    """Two letters of a name: of its first two words that begin with a capital."""
    capitals = [word[0] for word in name.replace("-", " ").split() if word[0].isalpha() and word[0].isupper()]
    letters = "".join(capitals[:2]) or name[:2]
    return letters.upper()


def account_document(account: AccountRecord, *, kept: bool = False) -> dict[str, Any]:
    """An account, what it may do, and whether its key is kept here."""
    return {
        "address": "0x" + account.address.hex(),
        "label": account.label,
        "scopes": rules.names_of(account.scopes, rules.SCOPE_NAMES),
        "since": account.since,
        "until": account.until,
        "kept": kept,
    }


def seat_word(seat: ValidatorSeat) -> str:
    """What a validator's key is doing, in a word."""
    if seat.power == seat.target:
        return "signing" if seat.power else "set-aside"
    if seat.target == 0:
        return "leaving"
    return "changing" if seat.power else "joining"


def operation_document(operation: Operation) -> dict[str, Any]:
    """What an organisation operates of the network."""
    return {
        "nodes": [
            {"execution_key": "0x" + node.execution_key.hex(), "consensus_id": node.consensus_id.hex()}
            for node in operation.nodes
        ],
        "node_count": operation.node_count,
        "node_limit": operation.node_limit,
        "validators": [
            {
                "public_key": "0x" + seat.public_key.hex(),
                "power": seat.power,
                "target": seat.target,
                "state": seat_word(seat),
            }
            for seat in operation.validators
        ],
        "validator_limit": operation.validator_limit,
        "block": operation.height,
    }


def case_document(case: Case) -> dict[str, Any]:
    """A suspension that was asked for here: why, and what its organisation answers."""
    return {"case": case.digest.hex(), "time": case.time, "reason": case.reason, "appeal": case.appeal}


def history_document(entry: HistoryEntry) -> dict[str, Any]:
    """A line of an organisation's history."""
    detail = dict(entry.detail)
    if entry.event == "StatusChanged":
        detail = {"former": Status(detail["former"]).name.lower(), "status": Status(detail["status"]).name.lower()}
    elif entry.event in ("AccountAdded", "ScopesChanged"):
        detail["scopes"] = rules.names_of(Scope(int(detail["scopes"])), rules.SCOPE_NAMES)
        del detail["label"]
    elif entry.event == "SuspendedUntil":
        detail["until"] = datetime.datetime.fromtimestamp(int(detail["until"]), datetime.UTC)
    return {
        "organisation": entry.organisation,
        "event": entry.event,
        "block": entry.height,
        "position": entry.position,
        "time": entry.time,
        "detail": detail,
        "transaction": "0x" + entry.transaction.hex() if any(entry.transaction) else None,
    }


def requests_document(history: Sequence[HistoryEntry], now: datetime.datetime) -> list[dict[str, Any]]:
    """Requests for a suspension that a second officer can still join, newest first: for a day, and until it begins."""
    found: dict[str, dict[str, Any]] = {}
    for entry in history:
        if entry.event == "SuspendedByOfficers":
            break  # newest first: what was asked before it is over
        if entry.event == "SuspensionRequested" and entry.time > now - rules.REQUEST_LIFE:
            case = str(entry.detail["case_id"]).removeprefix("0x")
            found.setdefault(case, {"case": case, "officer": entry.detail["officer"], "time": entry.time})
    return list(found.values())


def similar_document(one: SimilarName) -> dict[str, Any]:
    """A name another could be taken for."""
    return {
        "organisation": one.organisation,
        "legal_name": one.name,
        "likeness": one.likeness.value,
        "score": round(one.score, 2),
    }


def rule_document(rule: AdmissionRule) -> dict[str, Any]:
    """How a kind is admitted without a vote."""
    return {
        "kind": rules.word_of(rule.kind),
        "country": rule.country,
        "offices": rules.names_of(rule.offices, rules.SCOPE_NAMES),
        "evidence": rules.names_of(rule.evidence, rules.EVIDENCE_NAMES),
        "tier": rule.tier,
        "college": rule.college,
    }


def application_document(file: ApplicationFile) -> dict[str, Any]:
    """An application with its steps and documents."""
    document = export_document(file)
    document["identifier"] = identifier_document(file.application.identifier)
    return document


def summary_document(application: Application) -> dict[str, Any]:
    """A line of the office's queue."""
    return {
        "id": application.id,
        "state": application.state.value,
        "legal_name": application.legal_name,
        "seal": seal(application.legal_name),
        "identifier": identifier_document(application.identifier),
        "kind": rules.word_of(application.kind),
        "country": application.country,
        "organisation": application.organisation,
        "invited_by": application.invited_by,
        "submitted": application.submitted,
        "changed": application.changed,
    }


def review_document(review: Review, now: datetime.datetime) -> dict[str, Any]:
    """An application as the office sees it."""
    return application_document(review.file) | {
        "similar": [similar_document(one) for one in review.similar],
        "mixed_scripts": list(review.mixed_scripts),
        "same_person": [organisation_document(one, now) for one in review.same_person],
        "rule": None if review.rule is None else rule_document(review.rule),
        "missing": list(review.missing),
    }


def facets_document(page: DirectoryPage) -> dict[str, dict[str, int]]:
    """How many organisations each choice would show, by its word."""
    kinds, statuses = page.facets["kind"], page.facets["status"]
    return {
        "kind": {word: kinds.get(kind.value, 0) for word, kind in rules.KINDS.items()},
        "country": dict(sorted(page.facets["country"].items(), key=lambda item: (-item[1], item[0]))),
        "status": {
            word: statuses.get(status.value, 0)
            for word, status in rules.STATUSES.items()
            if status is not Status.UNKNOWN
        },
    }


def script_names(codes: Sequence[str], language: Language) -> list[str]:
    """The scripts of ISO 15924 in a language; one it has no name for by its code."""
    named = Locale(language).scripts
    return [str(named.get(code, code)) for code in codes]


@cache
def _europe() -> Mapping[str, Any]:
    document: Mapping[str, Any] = orjson.loads(files("maillon.services.members").joinpath("europe.json").read_bytes())
    return document


def map_document(countries: Mapping[str, int]) -> dict[str, Any]:
    """The map of Europe with a disc for each country that has organisations, and how many are elsewhere."""
    europe = _europe()
    most = max((count for code, count in countries.items() if code in europe["centres"]), default=1)
    pins = [
        {
            "country": code,
            "count": count,
            "x": europe["centres"][code][0],
            "y": europe["centres"][code][1],
            "radius": round(max(6.0, _LARGEST * (count / most) ** 0.5), 1),
        }
        for code, count in countries.items()
        if code in europe["centres"]
    ]
    return {
        "width": europe["width"],
        "height": europe["height"],
        "land": "".join(path for code, path in europe["land"].items() if code not in countries),
        "home": "".join(path for code, path in europe["land"].items() if code in countries),
        "pins": sorted(pins, key=lambda pin: -int(pin["count"])),
        "elsewhere": sum(count for code, count in countries.items() if code not in europe["centres"]),
    }
