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


def test_every_line_has_a_test_or_a_reason() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "requirement" not in line]
    assert len(lines) > 50
    assert [
        line for line in lines if len(line.strip("|").split("|")) != 2 or not line.strip("|").split("|")[1].strip()
    ] == []
