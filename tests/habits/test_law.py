# SPDX-License-Identifier: Apache-2.0
"""Every line of the law has its test, and contracts/GUIDELINES.md says what of the contracts has none.

    PYTHONPATH=src python tests/habits/test_law.py

writes that table again from the sources of contracts and tests.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LAW = ROOT / "docs/formats/law.md"
TESTS = sorted((ROOT / "tests/contracts").glob("test_*.py"))
NUMBERS = re.compile(r"\b([1-5]\.[1-9])\b")
SAID = re.compile(r"(?:LAW )?[1-5]\.[1-9](?:(?:,| and) [1-5]\.[1-9])*[:.]")
"""How a heading's comment, or a test's docstring, begins to name lines."""


def lines_of_the_law() -> list[str]:
    return re.findall(r"^\| ([1-5]\.[1-9]) \| \S", LAW.read_text(), re.MULTILINE)


def named(source: str) -> Iterator[tuple[str, str]]:
    """Line of the law → a test that names it: in its docstring (`LAW 3.5.`, `2.4: …`) or its heading (`# 2.3: …`)."""
    headings = [
        (number, NUMBERS.findall(said[0]))
        for number, text in enumerate(source.splitlines(), start=1)
        if text.startswith("# ") and (said := SAID.match(text[2:]))
    ]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            above = [lines for place, lines in headings if place < node.lineno]
            said = SAID.match(ast.get_docstring(node) or "")
            for line in {*(above[-1] if above else ()), *(NUMBERS.findall(said[0]) if said else ())}:
                yield line, node.name


def test_every_line_of_the_law_is_named_by_a_test() -> None:
    lines = lines_of_the_law()
    counts = [sum(line[0] == section for line in lines) for section in "12345"]
    assert lines == [f"{section}.{line}" for section, count in enumerate(counts, 1) for line in range(1, count + 1)]
    assert counts == [3, 6, 8, 3, 5]
    found = {line for path in TESTS for line, _test in named(path.read_text())}
    assert found <= set(lines), "a line there is not"
    assert not set(lines) - found, "no test of tests/contracts names these lines"


def test_a_line_without_a_test_is_noticed() -> None:
    source = (
        "# 2.5: a heading under which nothing stands.\n"
        "# 3.1: another.\n"
        "def test_a():\n    pass\n"
        "def test_b():\n    '''LAW 3.8 and 5.5. Both; and not 4.1.'''\n"
        "def helper():\n    '''4.2: no test.'''\n"
    )
    assert set(named(source)) == {("3.1", "test_a"), ("3.1", "test_b"), ("3.8", "test_b"), ("5.5", "test_b")}


CONTRACTS = sorted((ROOT / "contracts").glob("*.vy"))
GUIDELINES = ROOT / "contracts/GUIDELINES.md"
HEADING = "## What is tested, and what is not\n"
ATTACKS = ("test_together.py", "test_consortium.py")


def called(path: Path) -> set[tuple[str, str]]:
    """Contract and function of each call a file of tests makes through a typed handle, `Members(MEMBERS).leave()`."""
    tree = ast.parse(path.read_text())
    stems = {contract.stem.capitalize(): contract.stem for contract in CONTRACTS}

    def contract_of(value: ast.expr) -> str | None:
        return stems.get(value.func.id) if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else None

    handles: dict[str, str] = {}
    assigned = [
        (target, node.value) for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets
    ]
    for sides in assigned:
        targets, values = (side.elts if isinstance(side, ast.Tuple) else [side] for side in sides)
        for target, value in zip(targets, values, strict=False):
            if isinstance(target, ast.Name) and (contract := contract_of(value)):
                handles[target.id] = contract
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            held = node.value
            contract = handles.get(held.id) if isinstance(held, ast.Name) else contract_of(held)
            if contract:
                found.add((contract, node.attr))
    return found


def words(path: Path) -> set[str]:
    """Every text and every name that stands in a file of tests."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    # Of a text with places for values, its constant parts too: `f"{name}: directory is nowhere"`.
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return (
        texts
        | {node.id for node in nodes if isinstance(node, ast.Name)}
        | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    )


def abi(stem: str, kind: str) -> list[dict[str, Any]]:
    document = json.loads((ROOT / f"src/maillon/ledger/artifacts/{stem}.json").read_bytes())
    return [entry for entry in document["abi"] if entry["type"] == kind]


def lacking(stem: str) -> dict[str, tuple[int, list[str]]]:
    """Kind of test → how many things of a contract it could be made of, and those of which it is not."""
    said = set[str]().union(*map(words, TESTS))
    functions = [entry["name"] for entry in abi(stem, "function")]
    acts = [entry["name"] for entry in abi(stem, "function") if entry["stateMutability"] == "nonpayable"]
    reasons = sorted(set(re.findall(rf'"{stem}(: [^"]+)"', (ROOT / f"contracts/{stem}.vy").read_text())))
    events = [entry["name"] for entry in abi(stem, "event")]
    measured = {name.split(",")[0] for name in json.loads((ROOT / "contracts/gas.json").read_bytes())}

    def without(names: list[str], tested: set[str]) -> tuple[int, list[str]]:
        return len(names), sorted(set(names) - tested)

    def of(paths: Iterator[Path]) -> set[str]:
        return {name for path in paths for contract, name in called(path) if contract == stem}

    return {
        "called": without(functions, of(iter(TESTS))),
        "refusals": without(
            [reason[2:] for reason in reasons],
            {reason[2:] for reason in reasons if {reason, stem + reason} & said},
        ),
        "events": without(events, said),
        "attacked together": without(acts, of(path for path in TESTS if path.name in ATTACKS)),
        "gas reviewed": without(acts, {name.partition(".")[2] for name in measured if name.startswith(f"{stem}.")}),
    }


def matrix() -> str:
    """The section of contracts/GUIDELINES.md."""
    found = {path.stem: lacking(path.stem) for path in CONTRACTS}
    kinds = list(next(iter(found.values())))
    rows = [f"| contract | {' | '.join(kinds)} |", "|---|" + "---|" * len(kinds)]
    for stem, cells in found.items():
        counted = [f"{total - len(absent)} of {total}" for total, absent in cells.values()]
        rows.append(f"| `{stem}` | {' | '.join(counted)} |")
    absent = [
        f"* `{stem}`, {kind}: `{'`, `'.join(names)}`"
        for stem, cells in found.items()
        for kind, (_total, names) in cells.items()
        if names
    ]
    return "\n".join([INTRODUCTION, *rows, "", "Not tested so:", "", *absent, ""])


INTRODUCTION = """
`PYTHONPATH=src python tests/habits/test_law.py` writes this from the sources of `tests/contracts`; a test compares.
*Called*: a test calls the function through its typed handle. *Refusals*, *events*: a test names the reason, the event.
*Attacked together*: of functions that change, those that a stateful test plays. *Gas reviewed*: those in `gas.json`.
That something is named does not say that it is tested well. Nothing here is proven symbolically.
"""


def test_the_guidelines_say_what_is_not_tested() -> None:
    assert GUIDELINES.read_text().partition(HEADING)[2] == matrix(), "run tests/habits/test_law.py"


def test_what_nobody_tests_is_named(tmp_path: Path) -> None:
    path = tmp_path / "test_some.py"
    path.write_text(
        "directory, here = Directory(DIRECTORY), 1\ndirectory.lookup(1)\nAnchors(ANCHORS).anchor()\nhere.point()\n"
    )
    assert called(path) == {("directory", "lookup"), ("anchors", "anchor")}
    assert "DIRECTORY" in words(path)


if __name__ == "__main__":
    GUIDELINES.write_text(GUIDELINES.read_text().partition(HEADING)[0] + HEADING + matrix())
