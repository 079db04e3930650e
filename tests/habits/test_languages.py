# SPDX-License-Identifier: Apache-2.0
"""Both languages are complete: every message of the pages has its French, and nothing the pages no longer say stays."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

KIT = Path("src/maillon/kit")
CATALOGUE = KIT / "locale/fr/LC_MESSAGES/messages.po"
_PLACE = re.compile(r"%\(\w+\)s")


def said() -> set[str]:
    """Every message the templates say."""
    found: set[str] = set()
    for path in sorted((KIT / "templates").glob("*.html")):
        for _line, message, _comments, _context in extract_from_file("jinja2", path):
            found.update((message,) if isinstance(message, str) else message)
    return found


@pytest.fixture(scope="module")
def french() -> dict[str, str]:
    with CATALOGUE.open("rb") as source:
        catalogue = read_po(source, locale="fr")
    assert not [message.id for message in catalogue if message.id and message.fuzzy]
    return {str(message.id): str(message.string) for message in catalogue if message.id}


def test_every_message_of_the_pages_has_its_french(french: dict[str, str]) -> None:
    assert sorted(message for message in said() if not french.get(message)) == []


def test_placeholders_are_the_same_in_both(french: dict[str, str]) -> None:
    for english, text in french.items():
        assert sorted(_PLACE.findall(english)) == sorted(_PLACE.findall(text)), english


def test_french_punctuation_never_hangs_alone_on_a_line(french: dict[str, str]) -> None:
    assert [text for text in french.values() if re.search(r" [:;!?]", text)] == []


def test_templates_compile_and_carry_no_inline_script_or_style() -> None:
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    for path in sorted((KIT / "templates").glob("*.html")):
        text = path.read_text()
        environment.parse(text)
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)", text), path
