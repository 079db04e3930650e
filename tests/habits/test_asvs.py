# SPDX-License-Identifier: Apache-2.0
"""The checklist of the OWASP ASVS: a line for each requirement of levels 1 and 2, nothing named that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/operating/asvs.md"
STANDARD: dict[str, str] = json.loads((Path(__file__).parent / "asvs-5.0.0.json").read_text())["sections"]
LEVELS = {
    f"{section}.{place}": int(level) for section, levels in STANDARD.items() for place, level in enumerate(levels, 1)
}
"""Every requirement of the standard in its order, and the lowest level that asks for it."""
PLACES = list(LEVELS)


def _file(name: str) -> Path:
    tests = ROOT / "tests"
    return tests / name if name.endswith(".py") else tests / f"services/people/test_{name}.py"


def rows(page: str) -> list[str]:
    """The lines of its tables, without their heads."""
    return [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| requirement")]


def numbered(page: str) -> set[str]:
    """The requirements its lines stand for; `1.2.6 to 1.2.8` is all between. Raises ValueError for a number of none."""
    found: set[str] = set()
    for line in rows(page):
        for first, last in re.findall(r"(\d+\.\d+\.\d+)(?: to (\d+\.\d+\.\d+))?", line.split("|")[1]):
            begin, end = PLACES.index(first), PLACES.index(last or first)
            if begin > end:
                raise ValueError(f"{first} to {last} goes backwards")
            found.update(PLACES[begin : end + 1])
    return found


def without_line(page: str) -> list[str]:
    """What levels 1 and 2 ask for and no line of the page stands for."""
    found = numbered(page)
    return [place for place, level in LEVELS.items() if level < 3 and place not in found]


def gone(page: str) -> list[str]:
    """Tests, files of tests and pages that are named and are not there."""
    missing = [
        f"{name}::{test}"
        for name, test in re.findall(r"`([a-z_/.]+)::(test_\w+)`", page)
        if not _file(name).exists() or not re.search(rf"def {test}\(", _file(name).read_text())
    ]
    missing += [
        name
        for name in re.findall(r"`([a-z_/]+\.py)`", page)
        if not any(list((ROOT / top).rglob(name)) for top in ("src", "tests")) and not (ROOT / name).exists()
    ]
    folders = ("", "docs", "docs/operating", "docs/formats")
    missing += [
        name
        for name in re.findall(r"[\w./-]+\.md\b", page)
        if not any((ROOT / folder / name).exists() for folder in folders)
    ]
    return missing


def test_the_list_is_the_whole_standard() -> None:
    # Its own count: 70 requirements of level 1, 183 more of level 2, 92 more of level 3, in 17 chapters.
    assert [list(LEVELS.values()).count(level) for level in (1, 2, 3)] == [70, 183, 92]
    assert {int(section.split(".")[0]) for section in STANDARD} == set(range(1, 18))


def test_every_requirement_of_levels_one_and_two_has_a_line() -> None:
    assert without_line(PAGE.read_text()) == []


def test_a_line_that_is_taken_out_is_missed() -> None:
    page = PAGE.read_text()
    for place in ("6.8.3", "11.4.4", "17.2.3"):
        kept = [line for line in page.splitlines() if not (line.startswith("| ") and place in numbered(line))]
        assert place in without_line("\n".join(kept))
    with pytest.raises(ValueError, match=r"6\.8\.5"):
        numbered("| 6.8.5 a requirement nobody wrote | held |")


def test_what_the_checklist_names_exists() -> None:
    page = PAGE.read_text()
    assert len(re.findall(r"`[a-z_/.]+::test_\w+`", page)) > 100
    assert gone(page) == []
    assert gone("`pages::test_of_nobody` `journeys/test_of_nothing.py` nowhere.md") == [
        "pages::test_of_nobody",
        "journeys/test_of_nothing.py",
        "nowhere.md",
    ]


def test_every_line_has_a_test_or_a_reason() -> None:
    lines = rows(PAGE.read_text())
    assert len(lines) > 100
    assert [line for line in lines if len(cells := line.strip("|").split("|")) != 2 or len(cells[1].strip()) < 8] == []
