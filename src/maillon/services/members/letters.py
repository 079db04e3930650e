# SPDX-License-Identifier: Apache-2.0
"""What applicants are written, and what members and the office are told, in both languages.

The code of an application stands in its first letter alone. Applicants have no account yet: their letters are no
notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from maillon.kit.language import Language
from maillon.kit.notices import Kind, Mail, Sayings, register
from maillon.services.members.model import Scope, Status
from maillon.services.people import Role

LETTERS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "received": {
        "fr": (
            "Votre demande d’adhésion est arrivée",
            """Bonjour,

Votre demande d’adhésion à {network} est arrivée. Le secrétariat la lit et vous écrit.

Pour la suivre, y ajouter une pièce ou la retirer, ouvrez cette page :
{link}

et copiez-y ce code, que vous êtes seul à connaître :
{code}

Si ce n’était pas vous, ouvrez la page avec ce code et effacez la demande.
""",
        ),
        "en": (
            "Your application has arrived",
            """Hello,

Your application to join {network} has arrived. The office reads it and writes to you.

To follow it, add a document or withdraw it, open this page:
{link}

and copy this code into it, which you alone know:
{code}

If it was not you, open the page with this code and erase the application.
""",
        ),
    },
    "incomplete": {
        "fr": (
            "Il manque quelque chose à votre demande",
            """Bonjour,

Pour poursuivre votre demande d’adhésion à {network}, le secrétariat vous demande :

{reason}

Répondez sur cette page, avec le code de votre demande :
{link}
""",
        ),
        "en": (
            "Your application lacks something",
            """Hello,

To go on with your application to join {network}, the office asks you:

{reason}

Answer on this page, with the code of your application:
{link}
""",
        ),
    },
    "refused": {
        "fr": (
            "Votre demande n’est pas retenue",
            """Bonjour,

Votre demande d’adhésion à {network} n’est pas retenue.

{reason}

Vous pouvez demander qu’elle soit relue, dans les trente jours, sur cette page, avec le code de votre demande :
{link}
""",
        ),
        "en": (
            "Your application was refused",
            """Hello,

Your application to join {network} was refused.

{reason}

You can ask that it be looked at again, within thirty days, on this page, with the code of your application:
{link}
""",
        ),
    },
    "admitted": {
        "fr": (
            "Bienvenue parmi les membres",
            """Bonjour,

Votre organisation est membre de {network}. Une autre lettre vous invite à ouvrir votre compte :
vous en serez la première personne qui administre.

Ce qui s’est passé reste visible sur cette page, avec le code de votre demande :
{link}
""",
        ),
        "en": (
            "Welcome among the members",
            """Hello,

Your organisation is a member of {network}. Another letter invites you to open your account: you
will be its first administrator.

What happened stays visible on this page, with the code of your application:
{link}
""",
        ),
    },
}

_EVERYBODY: Final = frozenset(Role)
_ADMINISTRATORS: Final = frozenset({Role.ADMINISTRATOR})
APPLICATION_WAITS: Final = register(
    Kind(
        "application.waiting",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Une demande d’adhésion attend le secrétariat",
                "Une demande attend\u00a0: {name}",
                "{why} La demande déposée pour {name} attend que le secrétariat la lise.",
            ),
            "en": Sayings(
                "An application waits for the office",
                "An application waits: {name}",
                "{why} The application of {name} waits for the office to read it.",
            ),
        },
        "office/applications/{application}",
        frozenset({Role.ADMINISTRATOR, Role.DELEGATE}),
        office=True,
        # Whoever fills the form in brings it about, from as many addresses as they please.
        letters_an_hour=10,
    )
)
WHY_IT_WAITS: Final[Mapping[str, Mapping[Language, str]]] = {
    "submitted": {"fr": "Elle vient d’être déposée.", "en": "It has just arrived."},
    "answered": {"fr": "Ce qui manquait a été fourni.", "en": "What was missing has been answered."},
    "appealed": {"fr": "Un recours demande qu’elle soit relue.", "en": "An appeal asks that it be looked at again."},
}
STATUS_CHANGED: Final = register(
    Kind(
        "organisation.status",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Le statut de votre organisation a changé",
                "{organisation}\u00a0: {status}",
                "Le statut de votre organisation dans l’alliance est désormais\u00a0: {status}. "
                "Il était\u00a0: {former}.",
            ),
            "en": Sayings(
                "The status of your organisation has changed",
                "{organisation}: {status}",
                "In the alliance your organisation is now: {status}. It was: {former}.",
            ),
        },
        "members/{organisation}",
        _EVERYBODY,
    )
)
STATUSES: Final[Mapping[Status, Mapping[Language, str]]] = {
    Status.UNKNOWN: {"fr": "inconnue", "en": "unknown"},
    Status.APPLIED: {"fr": "demande déposée", "en": "applied"},
    Status.ACTIVE: {"fr": "membre", "en": "member"},
    Status.SUSPENDED: {"fr": "suspendue", "en": "suspended"},
    Status.EXCLUDED: {"fr": "exclue", "en": "excluded"},
    Status.DEPARTED: {"fr": "sortie de l’alliance", "en": "departed"},
    Status.REFUSED: {"fr": "refusée", "en": "refused"},
}
SUSPENDED: Final = register(
    Kind(
        "organisation.suspended",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Des membres du bureau suspendent votre organisation pour un temps",
                "{organisation} est suspendue",
                "Deux membres du bureau l’ont suspendue jusqu’au {until}. Sa page dit comment répondre.",
            ),
            "en": Sayings(
                "Officers suspend your organisation for a time",
                "{organisation} is suspended",
                "Two officers have suspended your organisation until {until}. Its page says how to answer.",
            ),
        },
        "organisations/{organisation}/register",
        _EVERYBODY,
    )
)
ACCOUNT_ADDED: Final = register(
    Kind(
        "delegate.added",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Un compte de plus agit pour votre organisation dans la chaîne",
                "Un compte de plus agit pour {organisation}",
                "Le compte {account} peut à présent\u00a0: {scopes}.",
            ),
            "en": Sayings(
                "One more account acts for your organisation on the chain",
                "One more account acts for {organisation}",
                "The account {account} may now: {scopes}.",
            ),
        },
        "organisations/{organisation}/register",
        _ADMINISTRATORS,
    )
)
SCOPES_CHANGED: Final = register(
    Kind(
        "delegate.changed",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Ce qu’un compte peut pour votre organisation a changé",
                "Un compte qui agit pour {organisation} a d’autres pouvoirs",
                "Le compte {account} peut à présent\u00a0: {scopes}.",
            ),
            "en": Sayings(
                "What an account may for your organisation has changed",
                "An account of {organisation} has other scopes",
                "The account {account} may now: {scopes}.",
            ),
        },
        "organisations/{organisation}/register",
        _ADMINISTRATORS,
    )
)
ACCOUNT_REMOVED: Final = register(
    Kind(
        "delegate.removed",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Un compte n’agit plus pour votre organisation",
                "Un compte n’agit plus pour {organisation}",
                "Le compte {account} ne peut plus rien signer pour votre organisation.",
            ),
            "en": Sayings(
                "An account no longer acts for your organisation",
                "An account no longer acts for {organisation}",
                "The account {account} can sign nothing for your organisation any more.",
            ),
        },
        "organisations/{organisation}/register",
        _ADMINISTRATORS,
    )
)
_SCOPES: Final[Mapping[Scope, Mapping[Language, str]]] = {
    Scope.ADMIN: {"fr": "administrer", "en": "administer"},
    Scope.VOTE: {"fr": "voter", "en": "vote"},
    Scope.OPERATE: {"fr": "exploiter des nœuds", "en": "operate nodes"},
    Scope.PUBLISH: {"fr": "publier", "en": "publish"},
}
_OTHERS: Final[Mapping[Language, str]] = {"fr": "exercer une fonction", "en": "act in an office"}
_NOTHING: Final[Mapping[Language, str]] = {"fr": "rien", "en": "nothing"}


def scopes_in_words(scopes: Scope) -> dict[Language, str]:
    """What an account may, in both languages."""
    languages: tuple[Language, ...] = ("fr", "en")
    said = {}
    for language in languages:
        words = [names[language] for scope, names in _SCOPES.items() if scopes & scope]
        if scopes & ~Scope(sum(_SCOPES)):
            words.append(_OTHERS[language])
        said[language] = ", ".join(words) or _NOTHING[language]
    return said


def letter(kind: str, language: Literal["fr", "en"], words: Mapping[str, str]) -> tuple[str, str]:
    """Subject and text. Raises `KeyError` for a kind that is none."""
    subject, text = LETTERS[kind][language]
    return subject, text.format_map(words)
