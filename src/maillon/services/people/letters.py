# SPDX-License-Identifier: Apache-2.0
"""What people are written and shown, in both languages.

A code stands in the letter and after # in the link, where no server,
log or other site ever sees it; who reads without a script copies it into the page.
"""

from __future__ import annotations

from collections.abc import Collection

from maillon.kit.language import Language
from maillon.kit.mail import Letter
from maillon.kit.notices import Kind, Mail, Sayings, register
from maillon.services.people.model import Profile, Role

LETTERS: dict[str, dict[str, tuple[str, str]]] = {
    "invitation": {
        "fr": (
            "Vous êtes invité à rejoindre {organisation}",
            "Bonjour,\n\nVous êtes invité à rejoindre {organisation} sur {network}.\n\nOuvrez cette adresse d’ici au "
            "{until} :\n{link}\n\nSi la page le demande, copiez-y ce code :\n{code}\n\nSi vous n’attendiez pas cette "
            "invitation, ne faites rien : elle s’éteint seule.\n",
        ),
        "en": (
            "You are invited to join {organisation}",
            "Hello,\n\nYou are invited to join {organisation} at {network}.\n\nOpen this address before {until}:\n"
            "{link}\n\nIf the page asks for it, copy this code into it:\n{code}\n\nIf you did not expect this "
            "invitation, do nothing: it ends by itself.\n",
        ),
    },
    "reset": {
        "fr": (
            "Un nouveau mot de passe",
            "Bonjour,\n\nUn nouveau mot de passe a été demandé pour votre compte sur {network}.\n\nOuvrez cette "
            "adresse dans l’heure :\n{link}\n\nSi la page le demande, copiez-y ce code :\n{code}\n\nSi ce n’était pas "
            "vous, ne faites rien : rien n’est changé.\n",
        ),
        "en": (
            "A new password",
            "Hello,\n\nA new password was asked for on your account at {network}.\n\nOpen this address within the "
            "hour:\n{link}\n\nIf the page asks for it, copy this code into it:\n{code}\n\nIf it was not you, do "
            "nothing: nothing has changed.\n",
        ),
    },
    "address-confirm": {
        "fr": (
            "Confirmez votre nouvelle adresse",
            "Bonjour,\n\nCette adresse doit devenir celle de votre compte sur {network}.\n\nOuvrez cette page dans "
            "l’heure :\n{link}\n\nSi la page le demande, copiez-y ce code :\n{code}\n\nSi ce n’était pas vous, ne "
            "faites rien.\n",
        ),
        "en": (
            "Confirm your new address",
            "Hello,\n\nThis address is to become that of your account at {network}.\n\nOpen this page within the "
            "hour:\n{link}\n\nIf the page asks for it, copy this code into it:\n{code}\n\nIf it was not you, do "
            "nothing.\n",
        ),
    },
    "address-stop": {
        "fr": (
            "L’adresse de votre compte va changer",
            "Bonjour,\n\nUne autre adresse doit remplacer celle-ci pour votre compte sur {network}. Si c’était vous, "
            "ne faites rien.\n\nSinon, ouvrez cette page d’ici au {until} : le compte garde ou retrouve cette "
            "adresse, et toutes ses sessions se terminent.\n{link}\n\nSi la page le demande, copiez-y ce code :\n"
            "{code}\n",
        ),
        "en": (
            "The address of your account is about to change",
            "Hello,\n\nAnother address is to replace this one on your account at {network}. If it was you, do nothing."
            "\n\nIf not, open this page before {until}: the account keeps or gets back this address, and all its "
            "sessions end.\n{link}\n\nIf the page asks for it, copy this code into it:\n{code}\n",
        ),
    },
    "changed": {
        "fr": (
            "Votre façon de vous connecter a changé",
            "Bonjour,\n\nSur votre compte de {network} : {what}. Si c’était vous, ne faites rien. Sinon, écrivez à la "
            "personne qui administre votre organisation, et demandez un nouveau mot de passe :\n{link}\n",
        ),
        "en": (
            "How you log in has changed",
            "Hello,\n\nOn your account at {network}: {what}. If it was you, do nothing. If not, write to whoever "
            "administers your organisation, and ask for a new password:\n{link}\n",
        ),
    },
}
CHANGES: dict[str, dict[Language, str]] = {
    "password": {"fr": "le mot de passe a été changé", "en": "the password was changed"},
    "authenticator": {"fr": "l’application de codes a été changée", "en": "the authenticator application was changed"},
    "recovery": {"fr": "de nouveaux codes de secours ont été faits", "en": "new recovery codes were made"},
    "recovery-used": {"fr": "un code de secours a été utilisé", "en": "a recovery code was used"},
    "passkey-added": {"fr": "une clé d’accès a été ajoutée", "en": "a passkey was added"},
    "passkey-removed": {"fr": "une clé d’accès a été retirée", "en": "a passkey was removed"},
    "identity-added": {"fr": "un fournisseur d’identité a été relié", "en": "an identity provider was linked"},
    "identity-removed": {"fr": "un fournisseur d’identité a été délié", "en": "an identity provider was unlinked"},
}

ACCOUNT_CHANGED = register(
    Kind(
        "account.changed",
        Mail.ALWAYS,
        {
            "fr": Sayings(
                "Votre façon de vous connecter a changé",
                "Votre façon de vous connecter a changé",
                "Sur votre compte\u00a0: {what}. Si ce n’était pas vous, changez votre mot de passe, terminez les "
                "sessions que vous ne connaissez pas, et écrivez à la personne qui administre votre organisation.",
            ),
            "en": Sayings(
                "How you log in has changed",
                "How you log in has changed",
                "On your account: {what}. If it was not you, change your password, end the sessions you do not know, "
                "and write to whoever administers your organisation.",
            ),
        },
        "account",
    )
)
ADDRESS_ASKED = register(
    Kind(
        "account.address",
        Mail.ALWAYS,
        {
            "fr": Sayings(
                "L’adresse de votre compte va changer",
                "L’adresse de votre compte va changer",
                "Une autre adresse doit remplacer celle de votre compte. Si ce n’était pas vous, la lettre envoyée à "
                "l’adresse actuelle permet de tout arrêter pendant une semaine.",
            ),
            "en": Sayings(
                "The address of your account is about to change",
                "The address of your account is about to change",
                "Another address is to replace that of your account. If it was not you, the letter sent to the present "
                "address stops it all, for a week.",
            ),
        },
        "account",
    )
)
INVITED = register(
    Kind(
        "invitation.received",
        Mail.ALWAYS,
        {
            "fr": Sayings(
                "Vous êtes invité à rejoindre une organisation",
                "Vous êtes invité à rejoindre {organisation}",
                "La lettre d’invitation a le code qui l’accepte, jusqu’au {until}.",
            ),
            "en": Sayings(
                "You are invited to join an organisation",
                "You are invited to join {organisation}",
                "The letter of invitation has the code that accepts it, until {until}.",
            ),
        },
        "join",
    )
)
ROLES_CHANGED = register(
    Kind(
        "role.changed",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Vos rôles dans une organisation ont changé",
                "Vos rôles ont changé\u00a0: {organisation}",
                "Vos rôles à présent\u00a0: {roles}.",
            ),
            "en": Sayings(
                "Your roles in an organisation have changed",
                "Your roles have changed: {organisation}",
                "Your roles now: {roles}.",
            ),
        },
        "account",
    )
)
KEY_EXPIRING = register(
    Kind(
        "key.expiring",
        Mail.UNLESS_DECLINED,
        {
            "fr": Sayings(
                "Une clé d’API de votre organisation expire bientôt",
                "La clé d’API «\u00a0{name}\u00a0» expire bientôt",
                "Elle ne sera plus valable à partir du {until}. Une rotation en crée une "
                "nouvelle\u00a0; l’ancienne reste valable un temps.",
            ),
            "en": Sayings(
                "An API key of your organisation expires soon",
                "The API key {name} expires soon",
                "It is worthless from {until}. A rotation makes the next one, and the old one goes on a while.",
            ),
        },
        "organisations/{organisation}/keys",
        frozenset({Role.ADMINISTRATOR}),
        office=None,
    )
)
"""What is shown in the portal; account and invitation beside their letters above, which carry the codes."""
_ROLES: dict[Role, dict[str, str]] = {
    Role.ADMINISTRATOR: {"fr": "administrateur", "en": "administrator"},
    Role.DELEGATE: {"fr": "délégué", "en": "delegate"},
    Role.MEMBER: {"fr": "membre", "en": "member"},
}
_NONE = {"fr": "aucun", "en": "none"}


def roles_in_words(roles: Collection[Role]) -> dict[Language, str]:
    """Roles in both languages; none is said too."""
    languages: tuple[Language, ...] = ("fr", "en")
    return {each: ", ".join(_ROLES[role][each] for role in sorted(roles)) or _NONE[each] for each in languages}


def letter(kind: str, profile: Profile, **words: str) -> Letter:
    """A letter in the reader's language. Raises `KeyError` for a kind or a word that is missing."""
    subject, text = LETTERS[kind][profile.language]
    return Letter(profile.address, subject.format_map(words), text.format_map(words))
