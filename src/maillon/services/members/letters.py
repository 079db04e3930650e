# SPDX-License-Identifier: Apache-2.0
"""What applicants are written, in both languages. The code of an application stands in its first letter alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

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


def letter(kind: str, language: Literal["fr", "en"], words: Mapping[str, str]) -> tuple[str, str]:
    """Subject and text. Raises `KeyError` for a kind that is none."""
    subject, text = LETTERS[kind][language]
    return subject, text.format_map(words)
