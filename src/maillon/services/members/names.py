# SPDX-License-Identifier: Apache-2.0
"""Legal names: read, and compared with those others bear. Pure.

A name must look like what it is: what does not show or turns the direction of reading is refused; scripts mixed in one
name and letters that look like others are shown to whoever reviews the application, who decides (UTS 39).
`unicode.json` is Unicode's own data, under the licence beside it.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from importlib.resources import files
from typing import Final

import orjson

from maillon.services.members.errors import NameEmpty, NameHidden, NameMarks, NameTooLong
from maillon.services.members.identifiers import shown_character
from maillon.services.members.model import Likeness, SimilarName

MAXIMUM_NAME: Final = 160
"""Bytes of UTF-8 the contract keeps."""
_MAXIMUM_MARKS: Final = 2
"""Accents upon one letter: Vietnamese needs two."""
_CLOSE: Final = 0.86
"""From this ratio on two names are shown side by side."""
_SHOWN: Final = 5
_LEGAL_FORMS: Final = frozenset(
    {
        "ab",
        "ag",
        "aps",
        "as",
        "asbl",
        "bv",
        "bvba",
        "ei",
        "eirl",
        "eurl",
        "ev",
        "gie",
        "gmbh",
        "kft",
        "ltd",
        "nv",
        "ou",
        "oy",
        "oyj",
        "plc",
        "sa",
        "sarl",
        "sas",
        "sasu",
        "sc",
        "sci",
        "scic",
        "scop",
        "se",
        "sl",
        "snc",
        "spa",
        "spzoo",
        "srl",
        "sro",
        "vof",
        "vzw",
    }
)
"""Words that say what an organisation is and tell two of them hardly apart."""
_WITHOUT_SCRIPT: Final = frozenset({"Zyyy", "Zinh"})
_TOGETHER: Final = (
    frozenset({"Latn", "Hani", "Hira", "Kana"}),
    frozenset({"Latn", "Hani", "Bopo"}),
    frozenset({"Latn", "Hani", "Hang"}),
)
"""Scripts that one language writes together (UTS 39, section 5.2, highly restrictive)."""


@dataclass(frozen=True, slots=True)
class _Tables:
    """Unicode's data in the form that is looked up."""

    prototypes: dict[int, str]
    starts: tuple[int, ...]
    ranges: tuple[tuple[int, str], ...]
    """Last code point and script of the range that begins at the start of the same place."""
    ignorable: frozenset[str]


@cache
def _tables() -> _Tables:
    document = orjson.loads(files("maillon.services.members").joinpath("unicode.json").read_bytes())
    prototypes = {}
    for line in document["confusables"]:
        source, *target = line.split()
        prototypes[int(source, 16)] = "".join(chr(int(point, 16)) for point in target)
    starts, ranges = [], []
    for line in document["scripts"]:
        bounds, script = line.split()
        first, last = (int(bound, 16) for bound in bounds.split("-"))
        starts.append(first)
        ranges.append((last, script))
    ignorable: set[str] = set()
    for line in document["ignorable"]:
        first, last = (int(bound, 16) for bound in line.split("-"))
        # The plane of tags has thousands that are not assigned, and so are refused already.
        ignorable.update(chr(point) for point in range(first, min(last, 0xFFFF) + 1))
    return _Tables(prototypes, tuple(starts), tuple(ranges), frozenset(ignorable))


def parse_name(text: str) -> str:
    """A legal name: composed (NFC), with single spaces, at most 160 bytes. Raises an `InvalidName`."""
    if len(text) > 4 * MAXIMUM_NAME:
        raise NameTooLong(len(text), MAXIMUM_NAME)
    tables = _tables()
    for character in text:
        # C: controls, formats (among them the direction overrides), surrogates, private and unassigned characters.
        category = unicodedata.category(character)
        hidden = category.startswith("C") or category in ("Zl", "Zp") or character in tables.ignorable
        if hidden and character not in "\t\r\n":
            raise NameHidden(shown_character(character))
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not any(unicodedata.category(character)[0] in "LN" for character in name):
        raise NameEmpty
    _check_marks(name)
    length = len(name.encode())
    if length > MAXIMUM_NAME:
        raise NameTooLong(length, MAXIMUM_NAME)
    return name


def visible(text: str) -> str:
    """A text others wrote, with a mark in place of whatever does not show or turns the direction of reading."""
    ignorable = _tables().ignorable
    return "".join(
        "\ufffd"
        if unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp") or c in ignorable
        else c
        for c in text
    )


def _check_marks(name: str) -> None:
    run = _MAXIMUM_MARKS
    for character in unicodedata.normalize("NFD", name):
        run = run + 1 if unicodedata.category(character) == "Mn" else 0
        if run > _MAXIMUM_MARKS:
            raise NameMarks(shown_character(character))


def script_of(character: str) -> str:
    """The script of a character by its four letters of ISO 15924: Latn, Grek, Cyrl; Zyyy for what all share."""
    tables = _tables()
    point = ord(character)
    place = bisect_right(tables.starts, point) - 1
    if place < 0 or point > tables.ranges[place][0]:
        return "Zzzz"
    return tables.ranges[place][1]


def scripts(name: str) -> frozenset[str]:
    """The scripts a name is written in, without what all scripts share."""
    return frozenset(map(script_of, name)) - _WITHOUT_SCRIPT


def mixed_scripts(name: str) -> frozenset[str]:
    """The scripts of a name when they do not belong together, else nothing: for the reviewer to see."""
    found = scripts(name)
    if len(found) < 2 or any(found <= together for together in _TOGETHER):
        return frozenset()
    return found


def skeleton(text: str) -> str:
    """What a text looks like (UTS 39, section 4): two texts with one skeleton cannot be told apart by eye.

    Never shown, stored or compared with anything but another skeleton of the same Unicode version.
    """
    tables = _tables()
    decomposed = unicodedata.normalize("NFD", text)
    mapped = "".join(tables.prototypes.get(ord(c), c) for c in decomposed if c not in tables.ignorable)
    return unicodedata.normalize("NFD", mapped)


def plain(text: str) -> str:
    """Without case, accents, punctuation and legal form: what people remember of a name."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c if c.isalnum() else " " for c in folded if unicodedata.category(c) != "Mn")
    words = letters.split()
    kept = [word for word in words if word not in _LEGAL_FORMS]
    return " ".join(kept or words)


@dataclass(frozen=True, slots=True)
class ComparedName:
    """A name with all it is compared by, so that many are compared with one quickly."""

    organisation: int
    name: str
    plain: str
    looks: frozenset[str]


def compared(organisation: int, name: str) -> ComparedName:
    """Prepare a name for comparing. Capital and small letters have different doubles, so both are looked at."""
    looks = {skeleton(text).casefold() for text in (name, name.casefold(), plain(name))}
    return ComparedName(organisation, name, plain(name), frozenset(looks))


def similar(name: str, others: Iterable[ComparedName]) -> Sequence[SimilarName]:
    """The names that could be taken for this one, most alike first, five at most."""
    ours = compared(0, name)
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(ours.plain)
    found = []
    for other in others:
        if other.plain == ours.plain:
            found.append(SimilarName(other.organisation, other.name, Likeness.SAME, 1.0))
        elif other.looks & ours.looks:
            found.append(SimilarName(other.organisation, other.name, Likeness.CONFUSABLE, 1.0))
        else:
            matcher.set_seq1(other.plain)
            if matcher.real_quick_ratio() >= _CLOSE and matcher.quick_ratio() >= _CLOSE:
                score = matcher.ratio()
                if score >= _CLOSE:
                    found.append(SimilarName(other.organisation, other.name, Likeness.CLOSE, score))
    order = list(Likeness)
    return sorted(found, key=lambda one: (order.index(one.likeness), -one.score, one.organisation))[:_SHOWN]
