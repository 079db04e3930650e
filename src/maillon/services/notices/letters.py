# SPDX-License-Identifier: Apache-2.0
"""What the people of an organisation are told of its webhooks, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from maillon.kit.language import Language
from maillon.kit.notices import Kind, Mail, Sayings, register
from maillon.services.people import Role

WEBHOOK_OFF: Final = register(
    Kind(
        "webhook.off",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Un webhook de votre organisation est mis de côté",
                "Webhook mis de côté\u00a0: {address}",
                "Plus rien ne lui est dit\u00a0: {reason}. La page des webhooks permet de le reprendre.",
            ),
            "en": Sayings(
                "A webhook of your organisation is set aside",
                "Webhook set aside: {address}",
                "It is told nothing more: {reason}. The page of webhooks resumes it.",
            ),
        },
        "organisations/{organisation}/webhooks",
        frozenset({Role.ADMINISTRATOR}),
        office=None,
    )
)
_REASONS: Final[Mapping[str, Mapping[Language, str]]] = {
    "address": {
        "fr": "son nom ne mène à aucune adresse publique",
        "en": "its name leads to no public address",
    },
    "certificate": {"fr": "son certificat n’est pas valable", "en": "its certificate is not valid"},
    "time": {"fr": "il n’a pas répondu en quinze secondes", "en": "it did not answer within fifteen seconds"},
    "connection": {"fr": "la connexion n’a pas pu s’établir", "en": "no connection could be made"},
    "departed": {
        "fr": "l’organisation est partie, ou a été exclue",
        "en": "the organisation left, or was excluded",
    },
}


def reason_in_words(reason: str) -> Mapping[Language, str]:
    """Why a webhook took nothing, as `maillon.kit.webhooks` calls it."""
    status = reason.removeprefix("status ")
    if status != reason:
        return {"fr": f"il a répondu {status}", "en": f"it answered {status}"}
    return _REASONS[reason]
