# SPDX-License-Identifier: Apache-2.0
"""What members are told of a vote, in both languages: the portal's notices and, for whoever wants it, letters.

Who follows by program is told the same events by webhook (`docs/formats/webhooks.md`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from maillon.kit.language import LANGUAGES, say
from maillon.kit.notices import Kind, Mail, Sayings, Word, register

_WHO_VOTES: Final = frozenset({"administrator", "delegate"})
_VOTE: Final = "votes/{number}"

PROPOSED: Final = register(
    Kind(
        "vote.proposed",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Une proposition est mise au vote",
                "Mis au vote\u00a0: {title}",
                "La proposition {number} se votera du {opens} au {closes}.",
            ),
            "en": Sayings(
                "A proposal is put to the vote",
                "Put to the vote: {title}",
                "Proposal {number} will be voted on from {opens} to {closes}.",
            ),
        },
        _VOTE,
        _WHO_VOTES,
    )
)
OPENED: Final = register(
    Kind(
        "vote.opened",
        Mail.IF_ASKED,
        {
            "fr": Sayings(
                "Un vote s’ouvre",
                "Le vote est ouvert\u00a0: {title}",
                "On peut prendre position sur la proposition {number} jusqu’au {closes}.",
            ),
            "en": Sayings(
                "A vote opens",
                "The vote is open: {title}",
                "Positions on proposal {number} can be taken until {closes}.",
            ),
        },
        _VOTE,
        _WHO_VOTES,
    )
)
CLOSING: Final = register(
    Kind(
        "vote.closing",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Un vote se clôt dans un jour, et votre organisation n’a pas pris position",
                "Plus qu’un jour pour voter\u00a0: {title}",
                "Votre organisation n’a pas pris position sur la proposition {number}. Le vote se clôt le {closes}.",
            ),
            "en": Sayings(
                "A vote closes within a day, and your organisation has taken no position",
                "A day left to vote: {title}",
                "Your organisation has taken no position on proposal {number}. The vote closes on {closes}.",
            ),
        },
        _VOTE,
        _WHO_VOTES,
    )
)
RECORDED: Final = register(
    Kind(
        "vote.recorded",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Un vote est clos, et son procès-verbal est fait",
                "{outcome}\u00a0: {title}",
                "Le vote sur la proposition {number} est clos\u00a0: {outcome}. Son procès-verbal est fait.",
            ),
            "en": Sayings(
                "A vote has closed, and its record is made",
                "{outcome}: {title}",
                "The vote on proposal {number} has closed: {outcome}. Its record is made.",
            ),
        },
        "votes/{number}/record",
        _WHO_VOTES,
    )
)
EXECUTED: Final = register(
    Kind(
        "vote.executed",
        Mail.IF_ASKED,
        {
            "fr": Sayings(
                "Ce qui a été adopté est exécuté",
                "Exécuté\u00a0: {title}",
                "Ce que la proposition {number} décidait est fait.",
            ),
            "en": Sayings(
                "What passed is executed",
                "Executed: {title}",
                "What proposal {number} decided is done.",
            ),
        },
        _VOTE,
        _WHO_VOTES,
    )
)
NOT_EXECUTED: Final = register(
    Kind(
        "vote.execution-failed",
        Mail.IF_ASKED,
        {
            "fr": Sayings(
                "Ce qui a été adopté n’a pas pu être exécuté",
                "Non exécuté\u00a0: {title}",
                "Quelqu’un a voulu exécuter la proposition {number}, et un contrat l’a refusé\u00a0: {reason}.",
            ),
            "en": Sayings(
                "What passed could not be executed",
                "Not executed: {title}",
                "Somebody tried to execute proposal {number}, and a contract refused: {reason}.",
            ),
        },
        _VOTE,
        _WHO_VOTES,
    )
)
"""By the names the events have in webhooks too."""
_OUTCOMES: Final[Mapping[bool, Word]] = {
    True: {"fr": "Adopté", "en": "Passed"},
    False: {"fr": "Non adopté", "en": "Not passed"},
}


def notice_words(number: int, data: Mapping[str, Any]) -> dict[str, Word]:
    """The words of a notice, from what is told of a proposal."""
    untitled: Word = {"fr": f"proposition {number}", "en": f"proposal {number}"}
    words: dict[str, Word] = {"number": str(number), "title": data.get("title") or untitled}
    words |= {name: data[name] for name in ("opens", "closes") if name in data}
    if "passed" in data:
        words["outcome"] = _OUTCOMES[data["passed"]]
    if "reason" in data:
        words["reason"] = {language: say(language, data["reason"]) or data["reason"] for language in LANGUAGES}
    return words
