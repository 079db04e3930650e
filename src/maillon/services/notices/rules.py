# SPDX-License-Identifier: Apache-2.0
"""The law of notices as pure functions: who sees which, and to whom one is written as well."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from maillon.kit.language import Language
from maillon.kit.notices import KINDS, Kind, Mail
from maillon.kit.webhooks import Webhook
from maillon.services.notices.errors import InvalidChoice, InvalidWebhookKinds
from maillon.services.notices.model import Choice
from maillon.services.people import OFFICE, Action, Role, register

PAGE: Final = 20
MAXIMUM_PAGE: Final = 100
COUNTED: Final = 100
"""Unread notices beyond this are not counted: the page says so many and more."""
MARKED_AT_ONCE: Final = 200
NOTICES_READ: Final = register(Action("notices:read", "see one’s notices, and mark them as read", "person"))
NOTICES_CHOOSE: Final = register(Action("notices:choose", "choose which notices are written by mail", "person"))
_ADMINISTRATOR: Final = frozenset({Role.ADMINISTRATOR})
WEBHOOKS_READ: Final = register(
    Action("webhooks:read", "see the webhooks of an organisation", "organisation", _ADMINISTRATOR)
)
WEBHOOKS_MANAGE: Final = register(
    Action("webhooks:manage", "add, test, resume and remove webhooks", "organisation", _ADMINISTRATOR, fresh=True)
)
MAXIMUM_WEBHOOKS: Final = 5
"""Of one organisation."""
TESTS_A_MINUTE: Final = 10
"""From one address: whoever owns the tested one need not have asked for it."""
EVENTS: Final[Mapping[str, Mapping[Language, str]]] = {
    "vote.proposed": {"fr": "Une proposition est mise au vote", "en": "Something is put to the vote"},
    "vote.opened": {"fr": "Un vote s’ouvre", "en": "A vote opens"},
    "vote.closing": {"fr": "Il reste un jour à un vote", "en": "A vote has a day left"},
    "vote.recorded": {"fr": "Un vote est clos, et son procès-verbal est fait", "en": "A vote closed, with its record"},
    "vote.executed": {"fr": "Ce qui a été adopté est exécuté", "en": "What passed is executed"},
    "vote.execution-failed": {
        "fr": "Ce qui a été adopté n’a pas pu être exécuté",
        "en": "What passed could not be executed",
    },
    "organisation.applied": {"fr": "Une organisation demande à entrer", "en": "An organisation applies"},
    "organisation.status": {
        "fr": "Une organisation est admise, suspendue, exclue, ou part",
        "en": "An organisation is admitted, suspended, excluded, or leaves",
    },
    "organisation.suspended": {
        "fr": "Deux officiers suspendent une organisation pour un temps",
        "en": "Two officers suspend an organisation for a time",
    },
    "delegate.added": {
        "fr": "Un compte peut agir pour une organisation",
        "en": "An account may act for an organisation",
    },
    "delegate.changed": {
        "fr": "Ce qu’un compte peut faire pour une organisation change",
        "en": "What an account may do for an organisation changes",
    },
    "delegate.removed": {
        "fr": "Un compte n’agit plus pour une organisation",
        "en": "An account acts for an organisation no more",
    },
    "credits.low": {
        "fr": "Les crédits de votre organisation baissent",
        "en": "The credits of your organisation run low",
    },
}
"""What programs are told of (`docs/formats/webhooks.md`), and how it is called where one chooses."""


def kinds_for(roles: Collection[Role]) -> frozenset[str]:
    """The kinds of an organisation's notices that somebody with these roles there sees."""
    return frozenset(kind.name for kind in KINDS.values() if kind.roles & set(roles))


def is_written(kind: Kind, chosen: bool | None) -> bool:
    """Whether a notice goes out as a letter too; `chosen` is None while nobody chose.

    Letters that always go out are written by who tells of them, never from the notice.
    """
    if kind.mail is Mail.ALWAYS:
        return False
    return kind.mail is Mail.UNLESS_DECLINED if chosen is None else chosen


def choices(roles: Mapping[str, Collection[Role]], chosen: Mapping[str, bool]) -> tuple[Choice, ...]:
    """Every kind that can concern somebody with these roles by organisation, and whether it is written to them."""

    def concerns(kind: Kind) -> bool:
        held = (held for one, held in roles.items() if kind.office in (None, one == OFFICE))
        return not kind.roles or any(kind.roles & set(some) for some in held)

    return tuple(
        Choice(kind, kind.mail is Mail.ALWAYS or is_written(kind, chosen.get(name)), kind.mail is Mail.ALWAYS)
        for name, kind in KINDS.items()
        if concerns(kind)
    )


def check_choices(wanted: Mapping[str, bool]) -> None:
    """Raise `InvalidChoice` for a kind that is none, or that cannot be declined."""
    for name, mail in wanted.items():
        kind = KINDS.get(name)
        if kind is None:
            raise InvalidChoice(f"there is no kind of notice {name[:60]!r}")
        if kind.mail is Mail.ALWAYS and not mail:
            raise InvalidChoice(f"letters about {name} always come")


def parse_events(names: Collection[str]) -> tuple[str, ...]:
    """Events by their names; every one of them is none. Raises `InvalidWebhookKinds`."""
    unknown = sorted(set(names) - EVENTS.keys())
    if unknown:
        raise InvalidWebhookKinds(f"there is no event {unknown[0][:60]!r}")
    chosen = tuple(name for name in EVENTS if name in names)
    return () if len(chosen) == len(EVENTS) else chosen


def state_of(webhook: Webhook) -> str:
    """`off` (set aside), `refusing` (told again later), `taking`, or `new`, which was told nothing yet."""
    if webhook.off is not None:
        return "off"
    if webhook.refused is not None and (webhook.taken is None or webhook.refused > webhook.taken):
        return "refusing"
    return "new" if webhook.taken is None else "taking"
