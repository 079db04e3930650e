# SPDX-License-Identifier: Apache-2.0
"""One shape for each service, one direction of imports: the linter's own verdict, and proof that it can say no."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from maillon.ledger import genesis

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "src/maillon/services"
SHAPE = ["__init__", "errors", "model", "rules", "contract", "store", "service", "api", "pages", "commands"]
LACKING = {
    "explorer": {"contract", "store", "commands"},
    "people": {"contract"},
    "credits": {"store"},
    "notices": {"contract"},
}
"""The parts a service truly has not, each with its reason in the service's front door."""


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=directory,
        env={"PYTHONPATH": str(directory / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def services() -> list[str]:
    return sorted(path.parent.name for path in SERVICES.glob("*/__init__.py"))


def test_there_are_services() -> None:
    assert {"notary", "explorer"} <= set(services())


@pytest.mark.parametrize("service", services())
def test_a_service_has_every_part(service: str) -> None:
    present = {path.stem for path in (SERVICES / service).glob("*.py")}
    missing = set(SHAPE) - present - LACKING.get(service, set())
    assert not missing


@pytest.mark.parametrize("service", services())
def test_a_front_door_tells_its_story(service: str) -> None:
    text = (SERVICES / service / "__init__.py").read_text()
    story = text.split('"""')[1]
    assert len(story.strip().splitlines()) >= 4


def test_imports_point_down() -> None:
    verdict = lint(ROOT)
    assert verdict.returncode == 0, verdict.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("evidence/merkle.py", "import maillon.kit.clock"),
        ("kit/clock.py", "import maillon.ledger.port"),
        ("ledger/node.py", "import maillon.ledger.embedded.chain"),
        ("services/notary/rules.py", "import maillon.services.notary.service"),
        ("services/explorer/service.py", "import maillon.services.notary.store"),
        ("evidence/merkle.py", "import socket"),
    ],
)
def test_the_linter_can_say_no(tmp_path: Path, module: str, line: str) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    broken = tmp_path / "src/maillon" / module
    broken.write_text(broken.read_text() + f"\n{line}\n")
    verdict = lint(tmp_path)
    assert verdict.returncode == 1, verdict.stdout
    assert "BROKEN" in verdict.stdout


def test_only_the_composition_root_names_an_engine() -> None:
    naming = [
        path.relative_to(ROOT / "src/maillon").as_posix()
        for path in (ROOT / "src/maillon").rglob("*.py")
        if not path.is_relative_to(ROOT / "src/maillon/ledger")
        and ("maillon.ledger.embedded" in path.read_text() or "maillon.ledger.node" in path.read_text())
    ]
    assert naming == ["main.py"]


ROOTS = {"main.py", "commands.py", "operations.py", "backups.py"}
"""What puts the services together: it alone may reach behind their front doors."""


def behind_front_doors(path: Path) -> list[str]:
    """Modules of services this file imports that are neither its own service's nor a front door."""
    own = path.relative_to(ROOT / "src/maillon").parts[:2]
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            *above, service, inner = [*module.split(".")[:4], "", ""][:4]
            if above == ["maillon", "services"] and (SERVICES / service / f"{inner}.py").exists():
                found += [module] if own != ("services", service) else []
    return found


def test_services_meet_at_their_front_doors() -> None:
    reaching = {
        path.relative_to(ROOT / "src/maillon").as_posix(): behind
        for path in (ROOT / "src/maillon").rglob("*.py")
        if (behind := behind_front_doors(path))
    }
    assert set(reaching) == ROOTS, reaching


KNOWING = {
    "demo/model.py": {"ADMISSIONS", "CREDITS", "MEMBERS"},  # the sandbox that this program has just made
    "main.py": {"ANCHORS"},  # pinned by the trust anchors, docs/decisions/0034
    "services/explorer/rules.py": {"ANCHORS"},  # a label, and nothing is asked of it
}
"""Who knows where a system contract of block zero stands, beside the Directory, where everybody begins."""


def test_contracts_are_found_through_the_directory() -> None:
    """LAW 1.1: block zero alone knows its addresses; whoever else acts asks each time where a contract is now."""
    addresses = {
        name
        for name, value in vars(genesis).items()
        if name.isupper() and isinstance(value, bytes) and len(value) == 20
    }
    assert addresses >= {"ADMISSIONS", "ANCHORS", "CREDITS", "DIRECTORY", "GOVERNANCE", "MEMBERS", "NETWORK"}
    found: dict[str, set[str]] = {}
    for path in (ROOT / "src/maillon").rglob("*.py"):
        if path.name in ("genesis.py", "founding.py"):
            continue
        text = path.read_text()
        names = {
            alias.name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.ImportFrom) and node.module == "maillon.ledger.genesis"
            for alias in node.names
        }
        written = {name for name in addresses if getattr(genesis, name).hex() in text.lower()}
        if known := (names & addresses - {"DIRECTORY"}) | written:
            found[path.relative_to(ROOT / "src/maillon").as_posix()] = known
    assert found == KNOWING
