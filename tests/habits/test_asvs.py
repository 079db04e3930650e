# SPDX-License-Identifier: Apache-2.0
"""The checklist of the OWASP ASVS names tests that exist: a line whose test is gone is found."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/operating/asvs.md"


def _file(name: str) -> Path:
    tests = ROOT / "tests"
    return tests / name if name.endswith(".py") else tests / f"services/people/test_{name}.py"


def named() -> set[tuple[str, str]]:
    """File and test of every line."""
    return set(re.findall(r"`([a-z_/.]+)::(test_\w+)`", PAGE.read_text()))


def test_every_test_of_the_checklist_exists() -> None:
    found = named()
    assert len(found) > 40
    missing = [
        f"{name}::{test}"
        for name, test in sorted(found)
        if not _file(name).exists() or not re.search(rf"def {test}\(", _file(name).read_text())
    ]
    assert missing == []


SECTIONS = (5, 4, 7, 4, 4, 8, 6, 4, 2, 7, 7, 3, 4, 3, 4, 5, 3)
"""How many sections each chapter of the ASVS 5.0 has, from 1."""
ONLY_LEVEL_THREE = {"3.1", "3.6", "11.7", "15.4"}
"""Sections without a line of levels 1 and 2."""


def test_every_chapter_and_section_is_there() -> None:
    written = set()
    for line in PAGE.read_text().splitlines():
        if line.startswith("| "):
            cell = line.split("|")[1]
            for first, last in re.findall(r"(\d+\.\d+)(?:\.\d+)?(?: to (\d+\.\d+)\.\d+)?", cell):
                chapter, section = first.split(".")
                until = int(last.split(".")[1]) if last else int(section)
                written |= {f"{chapter}.{number}" for number in range(int(section), until + 1)}
    wanted = {f"{chapter}.{section}" for chapter, count in enumerate(SECTIONS, 1) for section in range(1, count + 1)}
    assert sorted(wanted - written - ONLY_LEVEL_THREE) == []


def test_every_line_has_a_test_or_a_reason() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "requirement" not in line]
    assert len(lines) > 50
    assert [
        line for line in lines if len(line.strip("|").split("|")) != 2 or not line.strip("|").split("|")[1].strip()
    ] == []
