# SPDX-License-Identifier: Apache-2.0
"""The user guides keep their word: commands, options, pages and headings they name exist, in both languages alike."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import typer

from maillon.commands import application
from maillon.kit.guides import GUIDES, heading_id, read_guide
from maillon.kit.language import LANGUAGES, Language
from portal_atlas import ATLAS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/guides"
COMMAND = re.compile(r"maillon ((?:[a-z-]+ ?)+)")
OPTION = re.compile(r"(--[a-z-]+)")
LINK = re.compile(r"\]\(([^)]+)\)")
ANYWHERE = ("/verifier.html",)


def text(language: str, name: str) -> str:
    return (FOLDER / language / f"{name}.md").read_text(encoding="utf-8")


@cache
def tree() -> Any:
    """Every command. Made once: it takes longer than all that is asked of it."""
    return typer.main.get_command(application())


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words lead to, and what of them is left for its arguments."""
    found = tree()
    while words and words[0] in getattr(found, "commands", {}):
        found = found.commands[words.pop(0)]
    return found, words


@pytest.mark.parametrize("name", GUIDES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_and_option_exists(language: str, name: str) -> None:
    shown = re.findall(r"^ {4}(maillon .*)$|`(maillon [^`]+)`", text(language, name), re.MULTILINE)
    assert shown, "a guide without a command"
    for block, inline in shown:
        line = (block or inline).partition("  #")[0]
        words = COMMAND.match(line)
        assert words is not None, line
        command, _rest = command_of(words[1].split())
        assert not hasattr(command, "commands"), f"{line}: there is no such command"
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert set(OPTION.findall(line)) <= known, f"{line}: the command takes {sorted(known)}"
        # A bare name is a mention; with anything after it, it is a line to run, which lacks nothing.
        if words[0].strip() != line.strip():
            required = [set(each.opts) for each in command.params if each.required and each.param_type_name == "option"]
            assert all(names & set(OPTION.findall(line)) for names in required), f"{line}: it needs {required}"


FOR_PEOPLE = ("members", "people", "votes", "webhooks")
"""Groups of commands whose every one is for somebody a guide is written for."""


def commands_below(command: Any, name: str) -> list[str]:
    """The names of every command there is below one."""
    below = getattr(command, "commands", None)
    if below is None:
        return [name]
    return [one for word, each in below.items() for one in commands_below(each, f"{name} {word}")]


def in_no_guide(commands: list[str], language: str) -> list[str]:
    every = "".join(text(language, name) for name in GUIDES)
    return [name for name in commands if not re.search(rf"maillon {re.escape(name)}(?![\w-])", every)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_for_people_is_in_a_guide(language: str) -> None:
    found = [name for group in FOR_PEOPLE for name in commands_below(tree().commands[group], group)]
    assert len(found) > 35
    assert in_no_guide(found, language) == []
    assert in_no_guide(["votes brak", "votes abolish"], language) == ["votes brak", "votes abolish"]


@pytest.mark.parametrize("name", GUIDES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_exists_in_the_language_of_the_guide(language: Language, name: str) -> None:
    known = {sight.path.partition("?")[0] for sight in ATLAS if sight.status == 200}
    links = LINK.findall(text(language, name))
    assert links, "a guide without a page"
    for link in links:
        if link in ANYWHERE:
            continue
        path, _, heading = link.partition("#")
        assert path.startswith(f"/{language}/"), link
        assert path[4:] in known, f"{link}: the atlas has no such page"
        if heading:
            target = text(language, path.rsplit("/", 1)[1])
            assert heading in [heading_id(each) for each in re.findall(r"^#+ (.*)$", target, re.MULTILINE)], link


@pytest.mark.parametrize("name", GUIDES)
def test_both_languages_have_the_same_parts(name: str) -> None:
    def parts(language: str) -> list[str]:
        return re.findall(r"^(#+) ", text(language, name), re.MULTILINE)

    assert parts("fr") == parts("en")


@pytest.mark.parametrize("name", GUIDES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_they_render_without_anything_raw(language: Language, name: str) -> None:
    guide = read_guide(language, name)
    assert guide.title
    assert "<h2 id=" in guide.html
    assert "<script" not in guide.html
    assert "**" not in guide.html
    for table in re.findall(r"<table.*?</table>", guide.html, re.DOTALL):
        columns = re.findall(r'<th scope="col">(.*?)</th>', table)
        for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)[1:]:
            assert re.findall(r"<th scope=\"row\"|<td data-l=\"(.*?)\"", row) == ["", *columns[1:]]


def lines_to_run(markdown: str) -> list[str]:
    return [line.strip() for line in re.findall(r"^ {4}(maillon .*)$", markdown, re.MULTILINE)]


def lines_shown(rendered: str) -> list[str]:
    blocks = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", rendered, re.DOTALL)
    lines = [line for block in blocks for line in unescape(re.sub(r"<[^>]+>", "", block)).splitlines()]
    return [line.strip() for line in lines if line.startswith("maillon ")]


@pytest.mark.parametrize("name", GUIDES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_to_run_stands_in_a_block_of_its_own(language: Language, name: str) -> None:
    """Indented right behind a list, it would run on in the list's last item."""
    assert lines_shown(read_guide(language, name).html) == lines_to_run(text(language, name))


def test_a_line_that_runs_on_in_a_paragraph_is_found() -> None:
    assert lines_shown("<ol><li>Refuse.<p>maillon members queue</p></li></ol>") == []
    assert lines_to_run("1. Refuse.\n\n    maillon members queue\n") == ["maillon members queue"]


# What French sets apart by a no-break space; in code a space is a space.
_UNBOUND = re.compile(r" [:;!?»]|« ")
_CODE = re.compile(r"^ {4}.*$|`[^`]*`|\]\([^)]*\)", re.MULTILINE)


def unbound(markdown: str) -> list[str]:
    return [line for line in _CODE.sub("", markdown).splitlines() if _UNBOUND.search(line)]


@pytest.mark.parametrize("name", GUIDES)
def test_french_binds_its_signs_to_the_word_before(name: str) -> None:
    assert unbound(text("fr", name)) == []
    assert unbound("Votez : c’est tout.\n    maillon votes list  # ; rien\nVotez\u00a0: `a ;`.") == [
        "Votez : c’est tout."
    ]


def test_a_guide_that_names_what_is_not_there_is_found() -> None:
    command, rest = command_of(["votes", "abolish"])
    assert hasattr(command, "commands")
    assert rest == ["abolish"]
