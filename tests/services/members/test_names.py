# SPDX-License-Identifier: Apache-2.0
"""Legal names: what is read, what is refused, and whom a name could be taken for."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.services.members import errors
from maillon.services.members.model import Likeness
from maillon.services.members.names import (
    MAXIMUM_NAME,
    compared,
    mixed_scripts,
    parse_name,
    script_of,
    scripts,
    similar,
    skeleton,
)

VECTORS = json.loads(Path("vectors/members/names.json").read_text())
CYRILLIC_A = "\u0430"


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: ascii(vector["typed"]))
def test_a_name_is_composed_and_its_spaces_are_single(vector: dict[str, str]) -> None:
    assert parse_name(vector["typed"]) == vector["name"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: ascii(vector["typed"])[:40])
def test_a_name_that_hides_something_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(errors.InvalidName) as refused:
        parse_name(vector["typed"])
    assert type(refused.value).__name__ == vector["reason"]
    assert str(refused.value).isprintable()


@given(st.text(max_size=200))
def test_any_text_is_refused_or_shows_what_it_is(text: str) -> None:
    try:
        name = parse_name(text)
    except errors.InvalidName:
        return
    assert 0 < len(name.encode()) <= MAXIMUM_NAME
    assert parse_name(name) == name
    assert not [c for c in name if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")]


@pytest.mark.parametrize("vector", VECTORS["skeletons"], ids=lambda vector: ascii(vector["text"]))
def test_the_skeleton_is_that_of_unicode(vector: dict[str, str]) -> None:
    assert skeleton(vector["text"]) == vector["skeleton"]


@given(st.text())
def test_a_skeleton_is_its_own(text: str) -> None:
    once = skeleton(text)
    assert unicodedata.is_normalized("NFD", once)
    assert skeleton(unicodedata.normalize("NFC", text)) == once


@pytest.mark.parametrize("vector", VECTORS["likenesses"], ids=lambda vector: ascii(vector["other"]))
def test_names_that_could_be_taken_for_each_other_are_found(vector: dict[str, Any]) -> None:
    there = similar(vector["name"], [compared(1, vector["other"])])
    back = similar(vector["other"], [compared(1, vector["name"])])
    assert [one.likeness.value for one in there] == ([vector["likeness"]] if vector["likeness"] else [])
    assert [one.likeness for one in there] == [one.likeness for one in back]


def test_the_most_alike_comes_first_and_five_are_shown() -> None:
    others = ["Banque Cormorans", f"B{CYRILLIC_A}nque Cormoran", "BANQUE CORMORAN", "Banque Cormoraan", "Port de Lorne"]
    others += [f"Banque Cormoran {letter}" for letter in "XYZ"]
    found = similar("Banque Cormoran", [compared(number, name) for number, name in enumerate(others, 1)])
    assert [one.likeness for one in found[:3]] == [Likeness.SAME, Likeness.CONFUSABLE, Likeness.CLOSE]
    assert len(found) == 5


def test_mixed_scripts_are_seen_and_languages_that_mix_are_not() -> None:
    assert mixed_scripts(f"B{CYRILLIC_A}nque") == {"Latn", "Cyrl"}
    for name in (
        "Banque 42 & Fils",
        "\u0411\u044a\u043b\u0433\u0430\u0440\u0438\u044f",
        "\u682a\u5f0f\u4f1a\u793e\u30a2 A",
    ):
        assert mixed_scripts(name) == frozenset()
    assert scripts("\u00c9cole n\u00ba 3") == {"Latn"}


@pytest.mark.parametrize(
    ("character", "script"),
    [("A", "Latn"), ("\u03b1", "Grek"), ("\u0430", "Cyrl"), ("1", "Zyyy"), ("\u0301", "Zinh"), ("\U000e0fff", "Zzzz")],
)
def test_the_script_of_a_character_is_that_of_unicode(character: str, script: str) -> None:
    assert script_of(character) == script


def test_the_licence_of_the_data_stands_beside_it() -> None:
    folder = Path("src/maillon/services/members")
    assert json.loads((folder / "unicode.json").read_text())["licence"].startswith("Unicode-3.0")
    assert "UNICODE LICENSE V3" in (folder / "unicode-LICENSE.txt").read_text()
