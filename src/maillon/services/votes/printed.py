# SPDX-License-Identifier: Apache-2.0
"""The record of a closed vote on paper: a PDF that people read, with the record and its receipt inside. Pure.

What is notarised is the record, byte for byte; the PDF says the same in words and carries both files, so that whoever
is handed the paper alone can take them out and check them anywhere. docs/formats/votes.md says where each part stands.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from maillon.kit.typesetting import Attachment, typeset
from maillon.services.votes.acts import Unit, Value
from maillon.services.votes.model import Executed, Lacking, Outlook, Position, ProposalKind, State, Tally
from maillon.services.votes.texts import body_of, title_of
from maillon.services.votes.words import Words

_MOST_DATA = 256
"""Bytes of a call that are printed whole; of more, the digest, and the record attached has them."""


def file_names(number: int) -> tuple[str, str]:
    """What the record and its receipt are called, inside and outside the PDF."""
    return f"vote-{number}.record.json", f"vote-{number}.record.json.receipt.json"


def print_record(record: bytes, receipt: bytes, words: Words, execution: Executed | None = None) -> bytes:
    """The PDF of a record and its receipt; it also says who executed what was decided, once somebody has.

    The same values give the same PDF.
    """
    written = orjson.loads(record)
    proposal = written["proposal"]
    named, receipt_named = file_names(proposal["number"])
    return typeset(
        "vote_record.typ",
        _document(written, hashlib.sha256(record).hexdigest(), orjson.loads(receipt), words, execution),
        language=words.language,
        dated=datetime.datetime.fromtimestamp(proposal["closes"], datetime.UTC),
        attachments=(
            Attachment(named, record.decode(), "application/json", words.say("The record of the vote"), source=True),
            Attachment(receipt_named, receipt.decode(), "application/json", words.say("The receipt of the record")),
        ),
    )


def _kind(word: str) -> ProposalKind:
    return next(kind for kind in ProposalKind if kind.word == word)


def _position(word: str | None) -> Position | None:
    return next((position for position in Position if position.word == word), None)


def _document(
    record: Mapping[str, Any],
    digest: str,
    receipt: Mapping[str, Any],
    words: Words,
    execution: Executed | None,
) -> dict[str, Any]:
    proposal = record["proposal"]
    number, text = proposal["number"], proposal["text"]
    subject = title_of(text) if text is not None else words.say("Proposal %(number)s", number=number)
    heading = words.say("Record of the vote on proposal %(number)s", number=number)
    return {
        "title": f"{heading}: {subject}",
        "heading": heading,
        "subject": subject,
        "network": record["network"],
        "running": heading,
        "digest_short": f"SHA-256 {digest[:16]}…",
        # The typesetter counts pages: it is given what stands before, between and behind the two numbers.
        "page": words.say("Page %(n)s of %(total)s", n="\0", total="\0").split("\0"),
        "outcome": words.say("Passed") if record["passed"] else words.say("Not passed"),
        "result": result_of(record, words, execution),
        "lead": words.say(
            "Record of the vote held from %(opens)s to %(closes)s.",
            opens=words.when(proposal["opens"]),
            closes=words.when(proposal["closes"]),
        ),
        "facts": [
            {"name": words.say("Kind"), "value": words.kind(_kind(proposal["kind"]))},
            {"name": words.say("Made by"), "value": proposal["proposer"]["legal_name"]},
            {"name": words.say("In block"), "value": words.number(proposal["block"])},
            # Records made before a vote could be taken by another contract do not name theirs.
            *([{"name": words.say("Contract"), "value": taken}] if (taken := proposal.get("governance")) else []),
            {"name": words.say("Network"), "value": f"{record['network']}, {record['chain_id']}"},
        ],
        "tally": _tally(record, words),
        "text": {
            "title": words.say("The text"),
            "note": words.say("This instance was never given the text; its digest is in the record.")
            if text is None
            else None,
            "paragraphs": [paragraph.split("\n") for paragraph in body_of(text or "").split("\n\n") if paragraph],
        },
        "calls": {
            "title": words.say("What the proposal changes")
            if execution is None
            else words.say("What the proposal changed"),
            "note": words.say(
                "Set against what the chain said in block %(block)s, when it was proposed.",
                block=words.number(proposal["block"]),
            ),
            "head": [words.say("What"), words.say("Before"), words.say("After")],
            "none": words.say("It calls no contract: it is a resolution, whose text is what is decided."),
            "items": [_call(call, words) for call in proposal["calls"]],
        },
        "positions": _positions(record, words),
        "evidence": _evidence(record, digest, receipt, words),
    }


def result_of(
    record: Mapping[str, Any], words: Words, execution: Executed | None = None, now: int | None = None
) -> str:
    """What came of the vote, as the record says it, and of what was decided: by whom it was executed.

    Where nobody has, until when it can be, or, for whoever says what time it is, that it no longer can.
    """
    proposal = record["proposal"]
    state = State.WAITING if record["passed"] else State.REFUSED
    if execution is not None:
        state = State.EXECUTED
    elif record["passed"] and now is not None and now >= proposal["expires"]:
        state = State.EXPIRED
    said = words.sentence(
        Outlook(
            state=state,
            kind=_kind(proposal["kind"]),
            lacking=tuple(Lacking(each["college"], each["quorum"], each["majority"], 0) for each in record["lacked"]),
            out_of_reach=False,
            opens=proposal["opens"],
            closes=proposal["closes"],
            executable_from=proposal["executable_from"],
            expires=proposal["expires"],
        )
    )
    return said if execution is None else f"{said} {words.executed(execution)}"


def says_of(call: Mapping[str, Any], words: Words) -> str:
    """What a record says of a call in words; records of before said nothing."""
    return str(call.get("in_words", {}).get(words.language, words.say("A contract is called.")))


def changes_of(call: Mapping[str, Any], words: Words) -> list[dict[str, Any]]:
    """The rows of a record's call: what, before and after; none in records of before."""
    return [
        {
            "what": change["what"][words.language],
            "before": words.value(None) if change["before"] is None else change["before"][words.language],
            "after": change["after"][words.language],
            "same": change["before"] == change["after"],
        }
        for change in call.get("changes", ())
    ]


def _tally(record: Mapping[str, Any], words: Words) -> dict[str, Any]:
    rules = record["rules"]

    def row(name: str, tally: Tally) -> list[str]:
        sums = (
            tally.in_favour,
            tally.against,
            tally.objecting,
            tally.abstaining,
            tally.undecided,
            tally.total,
        )
        return [name, *map(words.number, sums)]

    rows = [row(words.say("All together"), Tally(**record["count"]))]
    if rules["by_college"]:
        rows += [
            row(words.say("College %(n)s", n=college), Tally(**tally))
            for college, tally in record["colleges"].items()
            if tally["total"]
        ]
    majority = words.value(Value(Unit.FRACTION, (rules["numerator"], rules["denominator"])))
    lines = [
        words.say(
            "Quorum: %(quorum)s of the votes that can be cast; majority: %(majority)s of those for and against. "
            "Statutes, version %(version)s.",
            quorum=words.value(Value(Unit.PARTS, rules["quorum"])),
            majority=majority,
            version=rules["statutes"],
        )
    ]
    if rules["by_college"]:
        lines.append(words.say("Quorum and majority must be reached in each college too."))
    return {
        "title": words.say("Count"),
        "head": [
            words.say("Votes"),
            words.say("For"),
            words.say("Against"),
            words.say("Objecting"),
            words.say("Abstaining"),
            words.say("Not taken"),
            words.say("In all"),
        ],
        "rows": rows,
        "rules": lines,
    }


def _call(call: Mapping[str, Any], words: Words) -> dict[str, Any]:
    data = bytes.fromhex(call["data"][2:])
    shown = {"name": words.say("Raw data"), "value": call["data"], "code": True}
    if len(data) > _MOST_DATA:
        shown = {
            "name": words.say("Raw data, its SHA-256 digest"),
            "value": hashlib.sha256(data).hexdigest(),
            "code": True,
        }
    return {
        "says": says_of(call, words),
        "changes": [
            [
                row["what"],
                row["before"],
                words.say("%(value)s, unchanged", value=row["after"]) if row["same"] else row["after"],
            ]
            for row in changes_of(call, words)
        ],
        "facts": [{"name": words.say("Contract"), "value": call["target"], "code": True}, shown],
    }


def _positions(record: Mapping[str, Any], words: Words) -> dict[str, Any]:
    rows = []
    for each in record["positions"]:
        said = words.position(_position(each["position"]))
        if each["struck"]:
            said = words.say("left the vote: no longer an active member")
        elif each["by_proxy_of"] is not None:
            said += ", " + words.say("by proxy, %(name)s", name=each["by_proxy_of"]["legal_name"])
        reason = each["reason"] or (words.say("known elsewhere, by its digest") if each["reason_hash"] else "")
        rows.append(
            [
                each["organisation"]["legal_name"],
                said,
                words.number(each["weight"]),
                reason,
                words.when(each["time"]),
            ]
        )
    return {
        "title": words.say("Who has voted"),
        "none": words.say("Nobody took a position."),
        "note": words.say("Votes are open: who said what is public. The last position of each counts; newest first."),
        "head": [
            words.say("Organisation"),
            words.say("Position"),
            words.say("Votes"),
            words.say("Reason"),
            words.say("When"),
        ],
        "rows": rows,
    }


def _evidence(record: Mapping[str, Any], digest: str, receipt: Mapping[str, Any], words: Words) -> dict[str, Any]:
    named, receipt_named = file_names(record["proposal"]["number"])
    block = int(receipt["anchor"]["consensus"]["header"]["height"]) - 1
    return {
        "title": words.say("Evidence"),
        "paragraphs": [
            words.say(
                "What counts is the record: a file attached to this document, %(file)s. Beside it, %(receipt)s shows "
                "without any server that the record existed, in exactly this form, when the validators of the network "
                "sealed block %(block)s.",
                file=named,
                receipt=receipt_named,
                block=words.number(block),
            ),
            words.say(
                "Take both files out of this document (your reader lists them as attachments) and drop them on the "
                "offline verifier, or run the command below. A character shown as [U+…] is one this typeface lacks; "
                "the record has it."
            ),
        ],
        "facts": [
            {"name": words.say("SHA-256 of the record"), "value": digest, "code": True},
            {"name": words.say("Entry of the log"), "value": words.number(receipt["entry"]["index"])},
            {"name": words.say("Log"), "value": receipt["checkpoint"].split("\n", 1)[0]},
            {"name": words.say("Anchored in block"), "value": words.number(block)},
        ],
        "command": f"maillon verify {receipt_named} {named}",
    }
