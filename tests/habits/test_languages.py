# SPDX-License-Identifier: Apache-2.0
"""Both languages are complete: every sentence a reader may be shown has its French, and none stays that nobody says."""

from __future__ import annotations

import re
from collections import Counter
from importlib import resources

import jinja2
import pytest

import sentences
from maillon.evidence import errors
from maillon.kit.language import say
from maillon.kit.problems import REGISTRY
from maillon.kit.reasons import REASONS

_PLACE = re.compile(r"%\(\w+\)s|\{\d\}")
ABSTRACT = {errors.EvidenceError, errors.Invalid, errors.Undecided}
FRAGMENTS = {"commitment", "commitments", "digest"}
"""Words that stand as values in other sentences."""


@pytest.fixture(scope="module")
def french() -> dict[str, str]:
    return sentences.french()


def test_every_sentence_has_its_french(french: dict[str, str]) -> None:
    missing = sorted(sentence for sentence in sentences.all_sentences() if not french.get(sentence))
    assert missing == [], "`just messages` prints them as the catalogue wants them"


def test_the_catalogue_says_nothing_the_code_does_not(french: dict[str, str]) -> None:
    assert sorted(set(french) - sentences.all_sentences() - FRAGMENTS) == []


def test_no_sentence_has_its_french_twice() -> None:
    """Of two the reader of the catalogue takes one, and says nothing of the other."""
    written = (resources.files("maillon.kit") / "locale/fr/LC_MESSAGES/messages.po").read_text()
    stated = re.findall(r'^((?:msgctxt .*\n)?msgid ".*"\n(?:".*"\n)*)', written, re.MULTILINE)
    assert len(stated) > 1000
    assert [sentence for sentence, times in Counter(stated).items() if times > 1] == []


def test_the_sentences_are_found_where_they_stand() -> None:
    assert "Notarise a file" in sentences.of_templates()
    assert "Too many requests" in sentences.of_problem_types()
    assert "the log has no entry {0}: its next one will be {1}" in sentences.of_refusals()
    assert "this page takes writes from its own site only" in sentences.of_refusals()
    assert {"signed by {0}", "a size above {0}", "another signature", "none"} <= sentences.of_findings()


def test_titles_of_refusals_end_without_a_full_stop(french: dict[str, str]) -> None:
    """Pages set them as headings, and commands say more after a colon."""
    assert sentences.of_problem_types()  # registers every kind
    titles = {kind.title for kind in REGISTRY.values()}
    assert len(titles) > 100
    assert [title for title in titles if title.endswith(".") or french[title].endswith(".")] == []


def test_every_reason_to_doubt_a_receipt_is_explained() -> None:
    classes = {value for value in vars(errors).values() if isinstance(value, type)}
    assert classes - ABSTRACT == set(REASONS)


def test_placeholders_are_the_same_in_both(french: dict[str, str]) -> None:
    for english, text in french.items():
        assert sorted(_PLACE.findall(english)) == sorted(_PLACE.findall(text)), english


def test_french_punctuation_never_hangs_alone_on_a_line(french: dict[str, str]) -> None:
    assert [text for text in french.values() if re.search(r" [:;!?»]| %(?![(])|« |\d \d{3}", text)] == []
    assert [text for text in french.values() if "'" in text] == [], "an apostrophe is ’"


@pytest.mark.parametrize(
    ("english", "expected"),
    [
        (
            "the log has no entry 7: its next one will be 3",
            "le registre n’a pas d’inscription 7\u00a0: la prochaine sera la 3",
        ),
        ("the log has no entry 7", "le registre n’a pas d’inscription 7"),
        ("commitments number 2 has 3 digits, not 64", "engagements, numéro 2\u00a0: 3 chiffres au lieu de 64"),
        ("Too many requests", "Trop de requêtes"),
        ("more than 2/3 of 9", "plus de 2/3 de 9"),
    ],
)
def test_a_sentence_with_values_is_said_with_them(english: str, expected: str) -> None:
    assert say("fr", english) == expected
    assert say("en", english) == english


def test_what_the_catalogue_does_not_know_is_not_said() -> None:
    assert say("fr", "an unheard-of sentence") is None
    assert say("fr", "reference " + "x" * 5000) is None


def test_templates_compile_and_carry_no_inline_script_or_style() -> None:
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    for path in sorted((sentences.KIT / "templates").glob("*.html")):
        text = path.read_text()
        environment.parse(text)
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)", text), path
