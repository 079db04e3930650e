# SPDX-License-Identifier: Apache-2.0
"""The operating pages against the program: every setting with its default and words, every refusal, every action."""

from __future__ import annotations

import re
from pathlib import Path

import maillon.main
from maillon.kit.problems import REGISTRY
from maillon.kit.settings import Settings
from maillon.services.people.rules import ACTIONS

ROOT = Path(__file__).resolve().parents[2]


def rows(page: str) -> dict[str, list[str]]:
    """The rows of the page's tables, by the name in their first cell."""
    text = (ROOT / "docs/operating" / page).read_text()
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = re.fullmatch(r"`([a-z0-9_-]+)`", cells[0])
        if line.startswith("|") and name:
            assert name[1] not in found, f"{page} has two rows for {name[1]}"
            found[name[1]] = cells
    return found


def test_every_setting_stands_in_the_table_as_it_is() -> None:
    table = rows("settings.md")
    assert set(table) == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        _, environment, default, meaning = table[name]
        assert environment == f"`MAILLON_{name.upper()}`"
        assert meaning == field.description
        if name != "home" and field.default is not None:
            assert default == f"`{field.default}`"


def test_every_problem_type_stands_in_the_table_with_its_status() -> None:
    assert maillon.main.Application
    table = rows("errors.md")
    assert {slug: str(kind.status) for slug, kind in REGISTRY.items()} == {
        slug: cells[1] for slug, cells in table.items()
    }


def test_every_action_says_what_it_means_and_stands_in_the_page_of_people() -> None:
    assert maillon.main.Application
    page = (ROOT / "docs/operating/people.md").read_text()
    assert ACTIONS
    for action in ACTIONS.values():
        assert action.meaning
        assert f"`{action.name}`" in page
        if action.on == "person":
            assert not action.roles
            assert action.scope is None
