# SPDX-License-Identifier: Apache-2.0
"""Every sentence a reader may be shown: of templates, words, problem types, refusals and findings of the verifier.

Run as a program it prints what the French catalogue lacks, ready to be completed: `just messages >> …/messages.po`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

SOURCE = Path(__file__).resolve().parents[1] / "src"
KIT = SOURCE / "maillon/kit"
CATALOGUE = KIT / "locale/fr/LC_MESSAGES/messages.po"
_VALUE = re.compile(r"0x\{\d\}|\{\d\}|sha256|timeStamping")
DOORS = {"Problem": 1, "AccessDenied": 0, "IdempotencyConflict": 0, "StoreUnavailable": 0}
"""Errors of the kit that are shown, and which of their arguments is the sentence."""


def of_templates() -> set[str]:
    """What the templates say."""
    found: set[str] = set()
    for path in sorted((KIT / "templates").glob("*.html")):
        for _line, message, _comments, _context in extract_from_file("jinja2", path):
            found.update((message,) if isinstance(message, str) else filter(None, message))
    return found


def of_problem_types() -> set[str]:
    """Titles and advice of every problem type."""
    import_module("maillon.main")
    registry = import_module("maillon.kit.problems").REGISTRY
    found = {sentence for kind in registry.values() for sentence in (kind.title, kind.advice)}
    # Errors of services may carry their sentence in their class, with named places.
    for path in sorted((SOURCE / "maillon/services").glob("*/errors.py")):
        for value in vars(import_module(".".join(path.relative_to(SOURCE).with_suffix("").parts))).values():
            if isinstance(value, type) and getattr(value, "slug", None) in registry:
                found |= {getattr(value, "message", ""), getattr(value, "title", ""), getattr(value, "advice", "")}
    return found - {""}


def of_reasons() -> set[str]:
    """What each reason of the verifier means."""
    reasons = import_module("maillon.kit.reasons").REASONS
    return {sentence for reason in reasons.values() for sentence in (reason.sentence, reason.advice)}


def template(node: ast.expr) -> str | None:
    """A text of the source with `{0}`, `{1}` … where its values stand; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    made, place = "", 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            made += str(part.value)
        else:
            made += f"{{{place}}}"
            place += 1
    return made


def _shown_errors() -> dict[str, int]:
    """Names of the errors whose sentence is shown to readers: those a door makes a problem of."""
    shown = dict(DOORS)
    for path in sorted((SOURCE / "maillon/services").glob("*/errors.py")):
        module = import_module(".".join(path.relative_to(SOURCE).with_suffix("").parts))
        shown |= {name: 0 for name, value in vars(module).items() if isinstance(value, type) and hasattr(value, "slug")}
    return shown


def of_refusals() -> set[str]:
    """What errors say that become problem details. The command line and its client speak English."""
    shown = _shown_errors()
    paths = [*KIT.glob("*.py"), *(SOURCE / "maillon/services").glob("*/*.py"), SOURCE / "maillon/main.py"]
    found: set[str] = set()
    for path in paths:
        if path.name in ("commands.py", "client.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                called = node.exc.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                place = shown.get(name)
                if place is not None and place < len(node.exc.args):
                    found.add(template(node.exc.args[place]) or "")
            # The chain of a decision: Reason(name, whether it holds, sentence).
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason" and len(node.args) == 3:
                found.add(template(node.args[2]) or "")
            # Who could grant what was refused: Remedy(sentence, organisation).
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Remedy":
                found.add(template(node.args[0]) or "")
            # The doors also say what the framework refuses.
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "detail":
                found.add(template(node.value) or "")
    return found - {""}


def _words(text: str) -> bool:
    return re.search(r"[A-Za-z]{2}", _VALUE.sub("", text)) is not None


def _texts(node: ast.expr) -> Iterator[str]:
    """The whole texts of an expression, not the pieces they are made of."""
    if (text := template(node)) is not None:
        yield text
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and not isinstance(child, ast.Attribute):
            yield from _texts(child)


def of_findings() -> set[str]:
    """What the verifier compared, expected and found, where that is more than a value."""
    found: set[str] = set()
    for path in sorted((SOURCE / "maillon/evidence").glob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in ("expected", "found"):
                found.update(_texts(node.value))
        if path.name == "receipt.py":
            steps = next(
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "_CHECKS"
            )
            assert isinstance(steps, ast.Tuple)
            names = {item.id for item in steps.elts if isinstance(item, ast.Name)}
            for function in ast.walk(tree):
                if isinstance(function, ast.FunctionDef) and function.name in names:
                    for node in ast.walk(function):
                        if isinstance(node, ast.Return) and node.value is not None:
                            found.update(_texts(node.value))
    return {text for text in found if _words(text)}


def of_words() -> set[str]:
    """What services say in words of their own: the messages in `words.py` and `printed.py`."""
    found: set[str] = set()
    services = SOURCE / "maillon/services"
    for path in sorted((*services.glob("*/words.py"), *services.glob("*/printed.py"))):
        spoken = extract_from_file("python", path, keywords={"say": None, "counted": (2, 3), "turned": (1, 2)})
        for _line, message, _comments, _context in spoken:
            found.update((message,) if isinstance(message, str) else filter(None, message))
    return found


def of_contracts() -> set[str]:
    """What contracts refuse with, and what is said of a refusal without a reason. Vyper keeps no list of them."""
    found: set[str] = set()
    for path in sorted((SOURCE.parent / "contracts").glob("*.vy")):
        found.update(re.findall(rf'"({path.stem}: [^"]+)"', path.read_text()))
    abi = import_module("maillon.ledger.abi")
    return found | set(abi.PANICS.values()) | {"panic 0x{0}: {1}", "reverted without a reason", "reverted with 0x{0}"}


def of_actions() -> set[str]:
    """What each action means of which a decision is asked, what it is done to, and the roles of which it takes one."""
    import_module("maillon.main")
    rules = import_module("maillon.services.people.rules")
    actions = rules.ACTIONS.values()
    meanings = {one.meaning for one in actions} | set(rules.OBJECTS.values())
    return meanings | {rules.one_of(one.roles) for one in actions if len(one.roles) > 1}


def all_sentences() -> set[str]:
    """Everything that needs its French."""
    shown = of_templates() | of_words() | of_problem_types() | of_actions()
    return shown | of_contracts() | of_reasons() | of_refusals() | of_findings()


def french() -> dict[str, str]:
    """The French catalogue."""
    found: dict[str, str] = {}
    with CATALOGUE.open("rb") as source:
        for message in read_po(source, locale="fr"):
            if message.id:
                # A plural has its forms in the same order in both languages.
                several = isinstance(message.id, tuple)
                found.update(
                    zip(message.id, message.string, strict=True) if several else [(message.id, message.string)]
                )
    return found


if __name__ == "__main__":
    known = french()
    for sentence in sorted(all_sentences()):
        if not known.get(sentence):
            quoted = sentence.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            flag = "#, python-format\n" if "%(" in sentence else ""
            sys.stdout.write(f'\n{flag}msgid "{quoted}"\nmsgstr ""\n')
