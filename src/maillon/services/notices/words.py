# SPDX-License-Identifier: Apache-2.0
"""A notice in words, and the letter made of it: the same sentences on the page and on paper, in both languages."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from maillon.kit.language import Language
from maillon.kit.mail import Letter
from maillon.kit.notices import EVERY_MEMBER, Notice, Word
from maillon.kit.page import moment
from maillon.services.people import OFFICE

_SPACE: Final = re.compile(r"[^\S\u00a0\u202f]+")
_OFFICE: Final[Mapping[Language, str]] = {"fr": "le secrétariat du réseau", "en": "the office of the network"}
_LETTER: Final[Mapping[Language, str]] = {
    "fr": "Bonjour,\n\n{text}\n\n{link}\n\n--\nVous recevez ce message parce qu’il concerne votre organisation "
    "ou votre compte sur {network}.\nPour choisir ce que vous recevez par courriel :\n{choices}\n",
    "en": "Hello,\n\n{text}\n\n{link}\n\n--\nYou read this because it concerns your organisation or your account at "
    "{network}.\nYou choose here what you are written about:\n{choices}\n",
}


_LAST: Final[Mapping[Language, str]] = {
    "fr": "\n\nC’est la dernière lettre de ce genre pour une heure\u00a0: ce qui suit se lit sur le portail.",
    "en": "\n\nThis is the last letter of its kind for an hour: what follows is read in the portal.",
}


def _said(word: Word, language: Language) -> str:
    if isinstance(word, int):
        return moment(datetime.datetime.fromtimestamp(word, datetime.UTC), language)
    return word if isinstance(word, str) else word[language]


def _values(notice: Notice, language: Language, called: Mapping[str, str]) -> dict[str, str]:
    # What others wrote stays on one line; no-break spaces, which stand in numbers, stay too.
    values = {name: _SPACE.sub(" ", _said(word, language)).strip() for name, word in notice.words.items()}
    organisation = notice.organisation
    if organisation is not None and organisation != EVERY_MEMBER:
        values["organisation"] = _OFFICE[language] if organisation == OFFICE else called.get(organisation, organisation)
    return values


def title(notice: Notice, language: Language, called: Mapping[str, str]) -> str:
    """One line."""
    return notice.kind.sayings[language].title.format_map(_values(notice, language, called))


def text(notice: Notice, language: Language, called: Mapping[str, str]) -> str:
    """What is to be known."""
    return notice.kind.sayings[language].text.format_map(_values(notice, language, called))


def page(notice: Notice, language: Language) -> str | None:
    """The address of the page it leads to, within this site; None where it leads nowhere."""
    if not notice.kind.page:
        return None
    values = {name: quote(word) for name, word in notice.words.items() if isinstance(word, str)}
    values["organisation"] = quote(notice.organisation or "")
    return f"/{language}/{notice.kind.page.format_map(values)}"


def choices_page(url: str, language: Language) -> str:
    """Where people choose."""
    return f"{url}/{language}/account/notices"


def letter(  # noqa: PLR0917 - who is written what, from where
    notice: Notice,
    address: str,
    language: Language,
    called: Mapping[str, str],
    url: str,
    network: str,
    *,
    last: bool = False,
) -> Letter:
    """The notice as a letter, with where to choose that it shall not come; the last of its kind for an hour says so."""
    where = page(notice, language) or f"/{language}/notices"
    choices = choices_page(url, language)
    body = _LETTER[language].format(
        text=text(notice, language, called) + (_LAST[language] if last else ""),
        link=f"{url}{where}",
        network=network,
        choices=choices,
    )
    return Letter(address, title(notice, language, called), body, choices)
