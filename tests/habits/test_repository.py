# SPDX-License-Identifier: Apache-2.0
"""The repository as a newcomer meets it: licences, names, lock files, documents that keep their word."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN_NAMES = re.compile(r"(?:^|[_/])(?:utils?|helpers?|misc|manager|common|stuff)(?:[_./]|$)|\d\.py$")
LOCK_FILES = sorted((ROOT / "requirements").glob("*.lock"))


def tracked(*patterns: str) -> list[Path]:
    """Every file git would hand to a newcomer."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_every_source_names_its_licence() -> None:
    marked = ("# SPDX-License-Identifier: Apache-2.0", "#!")
    missing = [
        str(path.relative_to(ROOT))
        for path in tracked("*.py", "*.vy", "*.vyi")
        if "SPDX-License-Identifier: Apache-2.0" not in path.read_text()[:200]
    ]
    assert not missing, f"the first lines lack {marked[0]!r}: {missing}"
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")


def test_no_file_has_a_name_that_says_nothing() -> None:
    offending = [
        name for path in tracked("*.py", "*.vy") if FORBIDDEN_NAMES.search(name := path.relative_to(ROOT).as_posix())
    ]
    assert not offending, f"name these for what they hold: {offending}"


@pytest.mark.parametrize("name", ["src/kit/utils.py", "src/helpers/a.py", "api2.py", "session_manager.py"])
def test_the_check_of_names_can_fail(name: str) -> None:
    assert FORBIDDEN_NAMES.search(name)


@pytest.mark.parametrize("lock", LOCK_FILES, ids=lambda path: path.name)
def test_lock_files_pin_with_hashes_and_name_no_host(lock: Path) -> None:
    text = lock.read_text()
    requirements = re.findall(
        r"^[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^]]*\])?==\S+.*(?:\n {4}--hash=.*)*", text, re.MULTILINE
    )
    assert requirements, "a lock file that locks nothing"
    unpinned = [requirement.split()[0] for requirement in requirements if "--hash=sha256:" not in requirement]
    assert not unpinned, f"no hash: {unpinned}"
    assert "://" not in text
    assert "--index-url" not in text


def test_npm_locks_do_not_say_where_packages_came_from() -> None:
    offending = [
        str(path.relative_to(ROOT)) for path in tracked("*package-lock.json") if '"resolved"' in path.read_text()
    ]
    assert not offending


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    stated = {
        re.split(r"[\[<>=!~ ]", requirement, maxsplit=1)[0]
        for requirement in [*project["dependencies"], *project["optional-dependencies"]["development"]]
    }
    page = (ROOT / "docs/decisions/dependencies.md").read_text()
    explained = set(re.findall(r"^\| ([a-z0-9-]+) \|(?:[^|\n]+\|){3}$", page, re.MULTILINE)) - {"dependency"}
    assert stated == explained, f"only in one of the two: {sorted(stated ^ explained)}"


def test_every_exception_of_the_linter_has_its_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text().split("[tool.ruff.lint]")[1].split("[tool.ruff.lint.pydocstyle]")[0]
    bare = [line for line in lines.splitlines() if re.match(r'\s+"[A-Z]+\d+",', line) and "#" not in line]
    assert not bare
    places = [path for folder in ("src", "tests", "bench", "contracts") for path in (ROOT / folder).rglob("*.py")]
    unsaid = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in places
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"# noqa(?!: [A-Z0-9]+(?:, [A-Z0-9]+)* - \S)", line)
    ]
    assert not [each for each in unsaid if not each.startswith("tests/habits/test_repository.py")]


def test_no_document_knows_a_machine() -> None:
    of_a_machine = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/")
    offending = [
        str(path.relative_to(ROOT))
        for path in tracked("*.md", "*.py", "*.toml", "*.json", "*.lock", "maillon", "test", ".ci/run")
        if path != Path(__file__) and of_a_machine.search(path.read_text(errors="replace"))
    ]
    assert not offending, f"a path of a machine in {offending}"


def test_every_path_the_tour_names_exists() -> None:
    page = (ROOT / "docs/tour.md").read_text()
    named = list(re.findall(r"`([a-z][\w./-]+/[\w./-]*)`", page))
    assert len(named) > 10
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)} → {target}"
        # Guides lead to pages of the portal: tests/habits/test_guides.py follows them.
        for page in tracked("*.md")
        if "guides" not in page.parts
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_decisions_have_one_shape() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    numbers = [page.name[:4] for page in pages]
    assert numbers == [f"{number:04}" for number in range(1, len(pages) + 1)], (
        "numbered from 0001, without gap or repeat"
    )
    for page in pages:
        text = page.read_text()
        for heading in ("**Context.**", "**Decision.**", "**Consequences.**", "**Considered.**", "**Kept by**"):
            assert heading in text, f"{page.name} lacks {heading}"


def test_vectors_are_data() -> None:
    import json

    files = sorted((ROOT / "vectors").rglob("*.json"))
    assert files
    for path in files:
        json.loads(path.read_text())


@pytest.mark.parametrize("name", ["maillon", "test", "requirements/install.sh", ".ci/run"])
def test_scripts_are_short_and_for_any_posix_shell(name: str) -> None:
    script = ROOT / name
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
    text = script.read_text()
    bash = re.findall(r"\[\[|\blocal\b|\bfunction\b|\bsource\b|<<<|&>|\$'|\bpipefail\b|\bdeclare\b", text)
    assert not bash, f"only some shells know {bash}"
    if name != "requirements/install.sh":
        assert text.startswith("#!/bin/sh\n")
        assert len(text.splitlines()) < 30
        assert script.stat().st_mode & 0o111 == 0o111


def test_continuous_integration_runs_what_a_newcomer_runs() -> None:
    (command,) = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("exec ")]
    assert command == 'exec "$(dirname -- "$0")/../test"'
