# SPDX-License-Identifier: Apache-2.0
"""The record of a closed vote (procès-verbal): one document, made once, notarised, and never changed. Pure.

It says what was proposed, by which rules it was judged, who said what and where on the chain each position stands, and
what came of it. Whoever holds it can check its digest against its receipt, and each line of it against the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

import orjson

from maillon.kit.language import LANGUAGES, Language
from maillon.ledger.port import Address
from maillon.ledger.signing import checksum
from maillon.services.votes.acts import Effects, Value
from maillon.services.votes.model import Lacking, Statutes, Tally, own_number
from maillon.services.votes.rules import add_up, missing
from maillon.services.votes.store import BallotRow, ProposalRow
from maillon.services.votes.words import Words

TYPE: Final = "maillon.vote-record.v1"


def make_record(
    row: ProposalRow,
    text: str | None,
    statutes: Statutes,
    tallies: dict[int, Tally],
    said: Sequence[tuple[BallotRow, str | None]],
    *,
    effects: Sequence[Effects],
    governance: Address,
    network: str,
    chain_id: int,
    name: Callable[[int], str],
) -> bytes:
    """The record's bytes: UTF-8 JSON with its members in alphabetical order, indented, a line feed at the end.

    `governance` is where the vote was taken; `effects` are what its calls would have changed as the chain stood when it
    was proposed.
    """
    proposal = row.proposal
    terms = statutes.terms_of(proposal.kind)
    lacks = missing(tallies, terms, by_college=statutes.by_college)
    document: dict[str, Any] = {
        "type": TYPE,
        "network": network,
        "chain_id": chain_id,
        "proposal": {
            "number": proposal.number,
            "governance": checksum(governance),
            "kind": proposal.kind.word,
            "proposer": _organisation(proposal.proposer, name),
            "text": text,
            "text_hash": proposal.text_hash.hex(),
            "calls": [_call(effect, name) for effect in effects],
            "opens": proposal.opens,
            "closes": proposal.closes,
            "executable_from": proposal.executable_from,
            "expires": proposal.expires,
            "block": proposal.snapshot_block,
            "transaction": "0x" + row.transaction.hex(),
        },
        "rules": {
            "statutes": own_number(proposal.statutes),
            "quorum": terms.quorum,
            "numerator": terms.numerator,
            "denominator": terms.denominator,
            "by_college": statutes.by_college,
            "weights": list(statutes.weights),
        },
        "count": asdict(add_up(tallies.values())),
        "colleges": {str(college): asdict(tally) for college, tally in sorted(tallies.items())},
        "passed": all(each.nothing for each in lacks),
        "lacked": [_lacking(each) for each in lacks if not each.nothing],
        "positions": [_position(each, reason, name) for each, reason in said],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _call(effect: Effects, name: Callable[[int], str]) -> dict[str, Any]:
    call = effect.act.call
    both = {language: Words(language, name).calling(effect.names) for language in LANGUAGES}

    def value(found: Value | None) -> dict[Language, str] | None:
        return None if found is None else {language: words.value(found) for language, words in both.items()}

    return {
        "target": checksum(call.target),
        "data": "0x" + call.data.hex(),
        "in_words": {language: words.act(effect.act, effect.changes) for language, words in both.items()},
        "changes": [
            {
                "what": {language: words.what(change) for language, words in both.items()},
                "before": value(change.before),
                "after": value(change.after),
            }
            for change in effect.changes
        ],
    }


def _organisation(number: int, name: Callable[[int], str]) -> dict[str, Any]:
    return {"number": number, "legal_name": name(number)}


def _lacking(each: Lacking) -> dict[str, Any]:
    return {"college": each.college, "quorum": each.quorum, "majority": each.majority}


def _position(row: BallotRow, reason: str | None, name: Callable[[int], str]) -> dict[str, Any]:
    ballot = row.ballot
    return {
        "organisation": _organisation(row.organisation, name),
        "position": None if ballot.counted is None else ballot.counted.word,
        "by_proxy_of": _organisation(ballot.holder, name) if ballot.holder else None,
        "weight": ballot.weight,
        "college": ballot.college,
        "struck": ballot.struck,
        "reason": reason,
        "reason_hash": row.reason_hash.hex() if any(row.reason_hash) else None,
        "block": row.height,
        "time": row.time,
        "transaction": "0x" + row.transaction.hex(),
    }
