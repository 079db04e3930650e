# SPDX-License-Identifier: Apache-2.0
"""Documents on paper: values set in type as PDF that is read aloud as well as it is printed, and carries its evidence.

What comes out conforms to PDF/A-3a (ISO 19005-3: fonts inside, tagged, files attached) and to PDF/UA-1 (ISO 14289-1);
the typesetter refuses to write anything that does not. The same values give the same bytes. Nothing is fetched, and no
font of the machine is used. Values reach a template as data and never as its language, so that no text can become a
command; a character the typeface lacks is shown by its number.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import orjson

_TEMPLATES: Final = resources.files("maillon.kit") / "print"
_STANDARDS: Final = ("a-3a", "ua-1")
REPERTOIRE: Final = (
    (0x20, 0x7E),
    (0xA0, 0xAC),
    (0xAE, 0x24F),
    (0x384, 0x38A),
    (0x38E, 0x3A1),
    (0x3A3, 0x3FF),
    (0x400, 0x482),
    (0x48A, 0x4FF),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2027),
    (0x202F, 0x2040),
    (0x2044, 0x2052),
    (0x20A0, 0x20BF),
    (0x2190, 0x22FF),
    (0x25A0, 0x25FF),
)
"""First and last of the characters that the typefaces inside the typesetter have: European scripts and signs."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the document. `source` says whether the document was made from it (ISO 19005-3, AFRelationship)."""

    name: str
    text: str
    media_type: str
    description: str
    source: bool = False


def displayable(text: str) -> str:
    """A text with every character the typefaces lack replaced by its number, as in [U+1F916]."""
    return "".join(
        character
        if character == "\n" or any(first <= ord(character) <= last for first, last in REPERTOIRE)
        else f"[U+{ord(character):04X}]"
        for character in text
    )


def _prepared(value: Any) -> Any:
    if isinstance(value, str):
        return displayable(value)
    if isinstance(value, Mapping):
        return {name: _prepared(each) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [_prepared(each) for each in value]
    return value


def typeset(
    template: str,
    document: Mapping[str, Any],
    *,
    language: str,
    dated: datetime.datetime,
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """The document as PDF. `template` is a file of `kit/print`, `dated` the date the document says it has."""
    # Imported here: the typesetter is large, and only whoever prints needs it.
    import typst

    day = dated.astimezone(datetime.UTC)
    values = {
        "document": _prepared(document),
        "language": language,
        "dated": [day.year, day.month, day.day, day.hour, day.minute, day.second],
        # As they are, character for character: these are files, and nothing is displayed of them.
        "attachments": [
            {
                "name": each.name,
                "text": each.text,
                "media_type": each.media_type,
                "description": each.description,
                "relationship": "source" if each.source else "supplement",
            }
            for each in attachments
        ],
    }
    made = typst.compile(
        (_TEMPLATES / template).read_bytes(),
        format="pdf",
        ignore_system_fonts=True,
        pdf_standards=list(_STANDARDS),
        sys_inputs={"values": orjson.dumps(values).decode()},
        timestamp=int(day.timestamp()),
    )
    assert isinstance(made, bytes)  # one document, and no folder to write it to
    return made
