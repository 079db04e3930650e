# SPDX-License-Identifier: Apache-2.0
"""What members are told of their credits, in both languages: a notice of the portal and, unless declined, a letter."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from maillon.kit.language import LANGUAGES, say_number
from maillon.kit.notices import Kind, Mail, Sayings, Word, register
from maillon.ledger.fees import CREDIT
from maillon.services.credits.model import LowCredits

CREDITS_LOW: Final = register(
    Kind(
        "credits.low",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Il reste peu de crédits à votre organisation",
                "{organisation}\u00a0: il reste peu de crédits",
                "Il lui en reste {left}, moins d’un dixième de ce qu’une période donne ({allowance}). "
                "Les prochains arrivent au bloc {block}, vers le {refill}. Sans crédits, elle ne peut plus agir.",
            ),
            "en": Sayings(
                "Your organisation has few credits left",
                "{organisation} has few credits left",
                "It has {left} left, less than a tenth of what a period grants ({allowance}). "
                "The next come in block {block}, about {refill}. Without credits it can do nothing more.",
            ),
        },
        "credits/{organisation}",
        frozenset({"administrator", "delegate"}),
    )
)


def notice_words(low: LowCredits) -> dict[str, Word]:
    """The words of a notice."""
    return {
        "left": {language: say_number(Decimal(low.balance) / CREDIT, language) for language in LANGUAGES},
        "allowance": {language: say_number(Decimal(low.allowance) / CREDIT, language) for language in LANGUAGES},
        "block": {language: say_number(low.refill.block, language) for language in LANGUAGES},
        "refill": int(low.refill.moment.timestamp()),
    }
