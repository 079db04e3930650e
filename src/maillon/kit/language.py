# SPDX-License-Identifier: Apache-2.0
"""French and English: which one a reader asked for, and how a sentence made without knowing it is said in it.

Code speaks English. Pages say their own words through gettext; what is raised or found where no reader is known (a
refusal, a finding of the verifier) is plain English text with values in it, and is said again here, at the door: the
catalogue holds such a sentence with `{0}`, `{1}` … where its values stand, in the order they appear in the source, or
with `%(name)s` where the source names them.
Evidence and services thus never know a language; `tests/habits/test_languages.py` finds a sentence without its French.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from fastapi import Request

Language = Literal["fr", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("fr", "en")
_LOCALE = Path(str(resources.files("maillon.kit"))) / "locale"
_PLACE = re.compile(r"(\{\d\}|%\(\w+\)s)")
_MAXIMUM_SENTENCE = 4096
"""Longer text is no sentence of ours, and is not searched."""


@cache
def _catalogue(language: Language) -> Catalog:
    with (_LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as source:
        return read_po(source, locale=language)


@cache
def translations(language: Language) -> NullTranslations:
    """The catalogue of a language, compiled from its .po as it is read; English is what the code says."""
    if language == "en":
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, _catalogue(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


class Messages:
    """The messages of the catalogue in one language, for what says them with values of its own."""

    def __init__(self, language: Language) -> None:
        self._catalogue = translations(language)

    def say(self, message: str, **values: Any) -> str:
        """A message of the catalogue with its values."""
        said = self._catalogue.gettext(message)
        return said % values if values else said


@cache
def _sentences(language: Language) -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """The whole sentences, and those with values, the most particular first."""
    whole: dict[str, str] = {}
    patterns: list[tuple[int, re.Pattern[str], str]] = []
    for message in _catalogue(language):
        if not message.id or not message.string or not isinstance(message.id, str):
            continue
        parts = _PLACE.split(message.id)
        if len(parts) == 1:
            whole[message.id] = str(message.string)
            continue
        # split gives text, place, text, place, … text. A place that comes twice holds one value.
        pattern, names = "", dict[str, str]()
        for number, part in enumerate(parts):
            if number % 2 == 0:
                pattern += re.escape(part)
            elif part in names:
                pattern += f"(?P={names[part]})"
            else:
                names[part] = _group(part)
                pattern += f"(?P<{names[part]}>.*?)"
        literal = sum(map(len, parts[::2]))
        patterns.append((literal, re.compile(pattern, re.DOTALL), str(message.string)))
    patterns.sort(key=lambda item: -item[0])
    return whole, [(pattern, said) for _length, pattern, said in patterns]


def _group(place: str) -> str:
    """What a place is called in a pattern."""
    return "v" + re.sub(r"\W|s$", "", place)


def say(language: Language, sentence: str) -> str | None:
    """An English sentence of ours in a language; None when the catalogue does not know it. Values are kept as they are.

    A value that is itself a sentence of the catalogue is said again too.
    """
    if language == "en":
        return sentence
    if len(sentence) > _MAXIMUM_SENTENCE:
        return None
    whole, patterns = _sentences(language)
    if sentence in whole:
        return whole[sentence]
    for pattern, said in patterns:
        found = pattern.fullmatch(sentence)
        if found is not None:
            values = {name: say(language, value) or value for name, value in found.groupdict().items()}
            parts = enumerate(_PLACE.split(said))
            return "".join(values[_group(part)] if number % 2 else part for number, part in parts)
    return None


@lru_cache(maxsize=10_000)
def say_number(value: float | Decimal, language: Language) -> str:
    """A number with its thousands apart. Remembered: a page says the same few again and again, and saying is slow."""
    return str(format_decimal(value, locale=language))


def _of_address(path: str) -> Language | None:
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return "fr" if first == "fr" else "en" if first == "en" else None


def _accepted(header: str) -> Language | None:
    """The language of ours that weighs most in an Accept-Language header (RFC 9110 section 12.5.4)."""
    weighed: list[tuple[float, Language]] = []
    for part in header.lower().split(","):
        tag, _, parameter = part.strip().partition(";")
        name = tag.strip().split("-")[0]
        if name not in LANGUAGES:
            continue
        quality = re.fullmatch(r"\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", parameter) if parameter else None
        weight = float(quality[1]) if quality else 0.0 if parameter else 1.0
        weighed.append((weight, "fr" if name == "fr" else "en"))
    best = max(weighed, key=lambda item: item[0], default=None)  # the first of equals
    return best[1] if best is not None and best[0] > 0 else None


def reader_language(request: Request) -> Language:
    """For a page: the language of its address, else what the browser weighs most, else French."""
    return _of_address(request.url.path) or _accepted(request.headers.get("accept-language", "")) or "fr"


def program_language(request: Request) -> Language:
    """For a program: the language of the address, else one it asked for, else English."""
    return _of_address(request.url.path) or _accepted(request.headers.get("accept-language", "")) or "en"
