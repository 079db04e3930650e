# SPDX-License-Identifier: Apache-2.0
"""Texts that the chain knows by their digest alone: what is proposed, and why somebody objects. Pure.

A text is UTF-8 in normal form C, lines end in one line feed, and its first line is its title. Its digest is SHA-256 of
those bytes, so that whoever holds the text can check that it is the one that was voted on.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Final

from maillon.services.votes.errors import InvalidText

MAXIMUM_TEXT: Final = 20_000
"""Characters of a proposal."""
MAXIMUM_REASON: Final = 1_000
MAXIMUM_TITLE: Final = 120
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Categories of characters that do not show, or change how others do: nobody votes on what they cannot see."""


def normal(text: str) -> str:
    """A text in the one form its digest is made of. Raises `InvalidText`."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    made = "\n".join(line.rstrip() for line in lines).strip("\n")
    for character in made:
        if character != "\n" and unicodedata.category(character) in _HIDDEN:
            raise InvalidText(f"the text has a character that does not show: U+{ord(character):04X}")
    return made


def digest(text: str) -> bytes:
    """What the chain names it by."""
    return hashlib.sha256(text.encode()).digest()


def parse_proposal_text(text: str) -> str:
    """The text of a proposal. Raises `InvalidText`."""
    made = normal(text)
    if not title_of(made):
        raise InvalidText("the first line of the text is its title, and is empty")
    if len(title_of(made)) > MAXIMUM_TITLE:
        raise InvalidText(f"the title, its first line, has at most {MAXIMUM_TITLE} characters")
    if len(made) > MAXIMUM_TEXT:
        raise InvalidText(f"the text has at most {MAXIMUM_TEXT} characters")
    return made


def parse_reason(text: str) -> str:
    """Why somebody takes a position; may be empty. Raises `InvalidText`."""
    made = normal(text)
    if len(made) > MAXIMUM_REASON:
        raise InvalidText(f"a reason has at most {MAXIMUM_REASON} characters")
    return made


def title_of(text: str) -> str:
    """The first line."""
    return text.split("\n", 1)[0].strip()


def body_of(text: str) -> str:
    """Everything after it."""
    _, _, rest = text.partition("\n")
    return rest.strip("\n")
