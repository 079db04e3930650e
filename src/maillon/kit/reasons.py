# SPDX-License-Identifier: Apache-2.0
"""What each reason of the verifier means, for whoever holds the receipt: one sentence, and what to do.

Evidence says exactly what it compared, in the words of its formats; this table says it to the village clerk. Every
class of `maillon.evidence.errors` that can end a verification stands here, kept by `tests/habits/test_languages.py`.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any, Final

from maillon.evidence import errors
from maillon.evidence.errors import EvidenceError
from maillon.evidence.receipt import Report
from maillon.kit.language import Language, say
from maillon.kit.page import moment

_ORIGINAL: Final = "Ask whoever gave you the receipt for the original."
_ANCHORS: Final = "Check it where it was made, or with the trust anchors that came with it."
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")
_NEWER: Final = "Check it with a newer version of this program."


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, in English; `say` gives it in another language."""

    sentence: str
    advice: str


REASONS: Final[dict[type[EvidenceError], Reason]] = {
    errors.Unreadable: Reason("The receipt is truncated, altered, or is not a receipt.", _ORIGINAL),
    errors.WrongLength: Reason("A value of the receipt does not have the length it should.", _ORIGINAL),
    errors.UnknownAlgorithm: Reason("The receipt uses an algorithm this program does not know.", _NEWER),
    errors.UnknownVersion: Reason("The receipt is of a form this program does not know.", _NEWER),
    errors.MissingAnchor: Reason(
        "The receipt comes from a log or network this program has no trust anchor for.", _ANCHORS
    ),
    errors.FileChanged: Reason("The file changed while it was read.", "Close what writes to it, then check it again."),
    errors.DigestMismatch: Reason(
        "The file is not the one this receipt was made for.",
        "Choose the original file, in exactly its original form.",
    ),
    errors.InclusionMismatch: Reason("The log does not hold this entry.", _ORIGINAL),
    errors.ConsistencyMismatch: Reason(
        "The log was rewritten between two checkpoints.", "Keep both checkpoints: together they prove it."
    ),
    errors.NoteUnsigned: Reason("The log did not sign this checkpoint.", _ORIGINAL),
    errors.NoteSignatureMismatch: Reason("The signature of the log is false.", _ORIGINAL),
    errors.CheckpointMismatch: Reason("The checkpoint is of another log, or older than the entry.", _ORIGINAL),
    errors.StateProofMismatch: Reason("The proof of the anchor does not hold together.", _ORIGINAL),
    errors.StorageMismatch: Reason("The ledger anchors something else than this checkpoint.", _ORIGINAL),
    errors.StateRootMismatch: Reason("The block holds another state than the one proved.", _ORIGINAL),
    errors.AppHashMismatch: Reason("The validators sealed another block.", _ORIGINAL),
    errors.HeaderMismatch: Reason("The header is of another chain or height, or is not the one signed.", _ORIGINAL),
    errors.ValidatorSetMismatch: Reason("The validators are not those the chain knows.", _ORIGINAL),
    errors.CommitSignatureMismatch: Reason("The signature of a validator is false.", _ORIGINAL),
    errors.InsufficientPower: Reason("Too few validators signed the block.", _ORIGINAL),
    errors.StampImprintMismatch: Reason("The time stamp is of another checkpoint.", _ORIGINAL),
    errors.StampSignatureMismatch: Reason("The signature of the time stamp is false.", _ORIGINAL),
    errors.StampCertificateRefused: Reason(
        "The time stamp is signed by a certificate that was not fit for it.", _ORIGINAL
    ),
    errors.StampTimeContradicted: Reason(
        "The time stamped and the time of the block contradict each other.", _ORIGINAL
    ),
}
"""Every class that can end a verification, abstract ones excepted."""


def reason(error: EvidenceError) -> Reason:
    """Why a verification ended; raises `KeyError` for an error no verification raises."""
    return next(REASONS[kind] for kind in type(error).__mro__ if kind in REASONS)


def _read(written: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(written).replace(tzinfo=datetime.UTC)


def reported(report: Report, language: Language) -> dict[str, Any]:
    """A report for a reader: its JSON with every finding in the reader's language, and the reason it ended beside it.

    Moments in a finding are said as pages say them.

    Names of steps, states and error types stay as they are: programs rely on them.
    """
    document = report.to_json()
    why = None if report.error is None else reason(report.error)
    for step in document["steps"]:
        for name in ("compared", "expected", "found"):
            if name in step:
                # Values alone are the same in every language; where the verification ended, the reason is said.
                ended = why is not None and name == "compared" and step["state"] in ("bad", "unknown")
                fallback = why.sentence if why is not None and ended else step[name]
                said = say(language, step[name]) or say(language, fallback) or fallback
                step[name] = _TIME.sub(lambda found: moment(_read(found[1]), language), said)
    if why is not None:
        sentence = say(language, why.sentence) or why.sentence
        message = document["error"]["message"]
        document["error"] |= {
            "message": say(language, message) or sentence,
            "reason": sentence,
            "advice": say(language, why.advice) or why.advice,
        }
    return document
