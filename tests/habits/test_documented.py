# SPDX-License-Identifier: Apache-2.0
"""Nothing a user can reach is without its words: commands, settings, routes, problems, contract functions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from maillon.commands import application

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = sorted((ROOT / "src/maillon/ledger/artifacts").glob("*.json"))
FIXED_COMMANDS = ["up", "notarise", "verify", "status", "reindex", "backup", "restore"]


def test_the_page_of_figures_is_made_of_them(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "bench", tmp_path / "bench")
    (tmp_path / "docs").mkdir()
    subprocess.run([sys.executable, str(tmp_path / "bench/run.py"), "--page"], check=True)
    assert (tmp_path / "docs/measured.md").read_text() == (ROOT / "docs/measured.md").read_text()
    assert "not measured |" not in (ROOT / "docs/measured.md").read_text()


def figures_of(script: str) -> set[str]:
    """The names of what a measurement gives, asking each thing twice where it asks many times."""
    made = subprocess.run(
        [sys.executable, str(ROOT / f"bench/{script}.py")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MAILLON_BENCH_REQUESTS": "2"},
    )
    return set(json.loads(made.stdout.splitlines()[-1]))


@pytest.mark.parametrize("script", ["evidence", "members"])
def test_a_short_measurement_still_gives_its_figures(script: str) -> None:
    published = json.loads((ROOT / "bench/results.json").read_text())[script]["figures"]
    assert figures_of(script) == published.keys()


def test_every_page_of_a_full_consortium_is_still_measured() -> None:
    """Which pages are the slowest differs from one run to the next: only the figures that are always said are held."""
    always = {f"processor_p95_ms of {page}" for page in ("members", "votes-all", "vote-of-everybody")}
    assert figures_of("portal") >= always | {"worst_processor_p95_ms", "worst_weight_kb"}


def maillon(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "maillon", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "PYTHONPATH": str(ROOT / "src")},
    )


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda path: path.stem)
def test_every_contract_function_and_event_has_its_words(artifact: Path) -> None:
    page = (ROOT / "docs/formats/contracts.md").read_text()
    document = json.loads(artifact.read_text())
    names = {item["name"] for item in document["abi"] if item["type"] in ("function", "event")}
    assert names
    missing = sorted(name for name in names if f"`{name}" not in page)
    assert not missing, f"docs/formats/contracts.md says nothing of {missing}"


@pytest.mark.parametrize("command", FIXED_COMMANDS)
def test_every_command_takes_the_common_options(command: str) -> None:
    shown = maillon(command, "--help")
    assert shown.returncode == 0, shown.stderr
    for option in ("--json", "--home", "--url"):
        assert option in shown.stdout, f"maillon {command} lacks {option}"


ASKS_NO_SERVER = {
    "verify": "answers without the program's other parts, and is asked above",
    "engine install": "for every home of this machine",
    "network founding": "of files that are named",
    "network create": "of files that are named",
    "votes recount": "of a file that is named",
}
"""Commands without a server or data directory to choose; those of `node` have a directory and no platform to ask."""


def commands_of(command: Any, name: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every command below one: its words, and its options."""
    if hasattr(command, "commands"):
        for word, below in command.commands.items():
            yield from commands_of(below, f"{name} {word}".strip())
    else:
        yield name, {option for parameter in command.params for option in parameter.opts}


def test_every_command_of_the_tree_takes_them_too() -> None:
    found = dict(commands_of(get_command(application())))
    assert len(found) > 50
    assert found.keys() >= ASKS_NO_SERVER.keys()
    for name, options in found.items():
        wanted = {"--json"} if name in ASKS_NO_SERVER else {"--json", "--home", "--url"}
        if name.startswith("node "):
            wanted.discard("--url")
        if name != "verify":
            assert options >= wanted, f"maillon {name} lacks {wanted - options}"


def test_an_unknown_command_is_refused() -> None:
    assert maillon("publish").returncode != 0


def test_every_command_is_in_the_operating_pages() -> None:
    shown = maillon("--help").stdout
    commands = re.findall(r"^[│ ]+([a-z]+) {2,}\S", shown, re.MULTILINE)
    assert set(FIXED_COMMANDS) <= set(commands), shown
    pages = "".join(page.read_text() for page in (ROOT / "docs/operating").glob("*.md"))
    pages += (ROOT / "README.md").read_text()
    missing = [command for command in commands if f"maillon {command}" not in pages]
    assert not missing


def test_the_commands_of_the_readme_exist() -> None:
    page = (ROOT / "README.md").read_text()
    named = set(re.findall(r"^ {4}\./maillon ([a-z]+)", page, re.MULTILINE))
    assert named >= {"up", "notarise", "verify"}
    for command in named:
        assert maillon(command, "--help").returncode == 0
