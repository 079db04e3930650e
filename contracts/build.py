# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001 - a script beside the contracts it compiles, not a package
"""Compile the contracts and write what is committed of them: artifacts and typed handles.

    python contracts/build.py

The compiler is needed here and in the tests, never to run: artifacts live in the package, and
tests/contracts/test_build.py compiles again and compares. A new contract is its file.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import orjson
import vyper
from vyper.compiler import CompilerData
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.output import (
    build_abi_output,
    build_bytecode_output,
    build_bytecode_runtime_output,
    build_devdoc,
    build_layout_output,
    build_method_identifiers_output,
    build_userdoc,
)
from vyper.semantics.types.subscriptable import DArrayT
from vyper.semantics.types.user import StructT

from maillon.evidence.hashing import keccak256

HERE: Final = Path(__file__).resolve().parent
PACKAGE: Final = HERE.parent / "src" / "maillon" / "ledger"
ARTIFACTS: Final = PACKAGE / "artifacts"
HANDLES: Final = PACKAGE / "contracts"
CONTRACTS: Final = tuple(sorted(path.stem for path in HERE.glob("*.vy")))


def artifact_of(path: Path) -> dict[str, Any]:
    """Compile one file; everything a program or a stranger who wants to check the build needs to know."""
    bundle = FilesystemInputBundle([HERE])
    source = bundle.load_file(path.relative_to(HERE))
    compiled = CompilerData(source, input_bundle=bundle)
    return {
        "name": path.stem,
        "compiler": f"vyper {vyper.__version__}",
        "source": path.relative_to(HERE.parent).as_posix(),
        "source_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "abi": build_abi_output(compiled),
        # The compiler drops leading zeros: approve(address,uint256) would be 0x95ea7b3.
        "method_identifiers": {
            signature: f"0x{int(selector, 16):08x}"
            for signature, selector in build_method_identifiers_output(compiled).items()
        },
        # The ABI forgets the names of structs; handles need them.
        "structs": {
            function.name: name
            for function in compiled.global_ctx.exposed_functions
            if (name := _struct(function.return_type)) is not None
        },
        "layout": build_layout_output(compiled),
        "documentation": {"user": build_userdoc(compiled), "developer": build_devdoc(compiled)},
        "bytecode": build_bytecode_output(compiled),
        "bytecode_runtime": build_bytecode_runtime_output(compiled),
    }


def written(artifact: dict[str, Any]) -> bytes:
    """The bytes of an artifact's file."""
    return orjson.dumps(artifact, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


class Handle:
    """Writes the Python module of one contract from its artifact."""

    def __init__(self, artifact: dict[str, Any]) -> None:
        self.artifact = artifact
        self.name = _camel(artifact["name"])
        self.notices = artifact["documentation"]["user"].get("methods", {})
        # The compiler keeps no words for public variables; ours stand in the comment above each.
        self.variables = {
            name: notice for notice, name in _VARIABLE.findall((HERE.parent / artifact["source"]).read_text())
        }
        self.answers: set[str] = set()
        self.classes: list[str] = []
        """Source of the answer classes, in the order in which functions need them."""

    def source(self) -> str:
        """The whole module, as the formatter leaves it."""
        abi = self.artifact["abi"]
        events = [entry for entry in abi if entry["type"] == "event"]
        methods = [self._method(entry) for entry in abi if entry["type"] == "function"]
        parts = [
            *self.classes,
            *(self._event(entry) for entry in events),
            *([self._reader(events)] if events else []),
            self._class(),
            *methods,
        ]
        text = "\n\n".join([self._head("\n".join(parts)), *parts])
        ruff = Path(sys.executable).with_name("ruff")
        command = [str(ruff), "format", "--config", str(HERE.parent / "pyproject.toml"), "-"]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603 - the pinned compiler

    def _notice(self) -> str:
        return str(self.artifact["documentation"]["user"]["notice"])

    def _head(self, body: str) -> str:
        """The module's docstring, what the rest of it uses, and the slots."""
        slots = {name: place["slot"] for name, place in self.artifact["layout"].get("storage_layout", {}).items()}
        return f'''# SPDX-License-Identifier: Apache-2.0
# Written by contracts/build.py: change {self.artifact["source"]} and run it again.
{_quoted(f"{self.name}, as calls and events. {self._notice()}", 0)}

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import {_used(("Any", "ClassVar", "Final"), body)}

from maillon.ledger.abi import {_used(("Call", "decode", "encode", "nothing", "read_event"), body)}
from maillon.ledger.port import {_used(("Address", "Event"), body)}

SLOTS: Final[MappingProxyType[str, int]] = MappingProxyType({slots!r})
"""Storage variable → its base slot."""
'''

    def _class(self) -> str:
        opening = f"@dataclass(frozen=True, slots=True)\nclass {self.name}:\n{_quoted(self._notice())}\n\n"
        return opening + "    address: Address\n"

    def _answer(self, function: dict[str, Any]) -> tuple[str, str]:
        """The type of an answer, and the expression that reads it."""
        outputs = function["outputs"]
        if not outputs:
            return "None", "nothing"
        kinds = _tuple_of(_kind(output) for output in outputs)
        kind = outputs[0]["type"]
        if kind == "tuple":
            name = self._answer_class(function["name"], outputs[0]["components"])
            return name, f"lambda data: {name}(*decode({kinds}, data)[0])"
        if kind == "tuple[]":
            name = self._answer_class(function["name"], outputs[0]["components"])
            return f"tuple[{name}, ...]", f"lambda data: tuple({name}(*each) for each in decode({kinds}, data)[0])"
        return _python(outputs[0]), f"lambda data: decode({kinds}, data)[0]"

    def _answer_class(self, function: str, components: list[dict[str, Any]]) -> str:
        """One class for each struct that a function answers."""
        name = str(self.artifact["structs"][function])
        if name not in self.answers:
            self.answers.add(name)
            fields = "".join(f"    {part['name']}: {_python(part)}\n" for part in components)
            self.classes.append(
                f"@dataclass(frozen=True, slots=True)\nclass {name}:\n{_quoted(f'Answer of `{function}`.')}\n\n{fields}"
            )
        return name

    def _method(self, function: dict[str, Any]) -> str:
        names = [entry["name"] or f"key_{place}" for place, entry in enumerate(function["inputs"])]
        names = [KEYS[place] if name.startswith("arg") else name for place, name in enumerate(names)]
        signature = f"{function['name']}({','.join(_kind(entry) for entry in function['inputs'])})"
        selector = self.artifact["method_identifiers"][signature][2:]
        documented = self.notices.get(signature, {}).get("notice") or self.variables[function["name"]]
        arguments = "".join(
            f", {name}: {_python(entry)}" for name, entry in zip(names, function["inputs"], strict=True)
        )
        answer, reader = self._answer(function)
        data = f'bytes.fromhex("{selector}")'
        if names:
            kinds = _tuple_of(_kind(entry) for entry in function["inputs"])
            data += f" + encode({kinds}, {_expressions(names)})"
        return (
            f"    def {function['name']}(self{arguments}) -> Call[{answer}]:\n{_quoted(documented, 8)}\n"
            f"        return Call(self.address, {data}, {reader})\n"
        )

    def _event(self, event: dict[str, Any]) -> str:
        signature = f"{event['name']}({','.join(_kind(entry) for entry in event['inputs'])})"
        shape = _expressions([f"({_kind(entry)!r}, {entry['indexed']})" for entry in event["inputs"]])
        fields = "".join(f"    {entry['name']}: {_python(entry)}\n" for entry in event["inputs"])
        return f'''@dataclass(frozen=True, slots=True)
class {event["name"]}:
{_quoted(_words_of_event(event["name"], signature))}

    TOPIC: ClassVar[bytes] = bytes.fromhex("{keccak256(signature.encode()).hex()}")
    SHAPE: ClassVar[tuple[tuple[str, bool], ...]] = {shape}

{fields}
    @classmethod
    def decode(cls, event: Event) -> {event["name"]}:
        """Read one log. Raises `NotDecodable` when it is another event."""
        return cls(*read_event(event, cls.TOPIC, cls.SHAPE))
'''

    def _reader(self, events: list[dict[str, Any]]) -> str:
        union = " | ".join(event["name"] for event in events)
        table = ", ".join(f"{event['name']}.TOPIC: {event['name']}" for event in events)
        return f'''EVENTS: Final[MappingProxyType[bytes, Any]] = MappingProxyType({{{table}}})
"""Topic → class."""


def decode_event(event: Event) -> {union} | None:
    """Read one log of this contract; None for an event it does not declare. Raises `NotDecodable`."""
    known = EVENTS.get(event.topics[0]) if event.topics else None
    decoded: {union} | None = known.decode(event) if known else None
    return decoded
'''


_VARIABLE: Final = re.compile(r"^(?=# @notice (.+)\n(\w+): public\()", re.MULTILINE)

KEYS: Final = ("key", "second_key", "third_key")
"""Names for the arguments of a public variable's getter, which have none."""


def _used(names: tuple[str, ...], body: str) -> str:
    """The names to import: those that stand in the module, and `Final`, with which it begins."""
    return ", ".join(name for name in names if name == "Final" or re.search(rf"\b{name}\b", body))


def _struct(answer: Any) -> str | None:
    """The name of the struct a function answers, or of those in the array it answers."""
    each = answer.value_type if isinstance(answer, DArrayT) else answer
    return str(each._id) if isinstance(each, StructT) else None  # noqa: SLF001 - the compiler has no other name for it


def _words_of_event(name: str, signature: str) -> str:
    """The signature; one too long for a line may break after its commas."""
    words = f"Event `{signature}`."
    return words if len(words) <= LONGEST else f"Event `{name}`. `{signature.replace(',', ', ')}`."


LONGEST: Final = 110
"""Of what stands in the first line of a docstring."""


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _quoted(text: str, indent: int = 4) -> str:
    """A docstring: its first sentence, then the rest in lines as long as ours."""
    margin = " " * indent
    summary, stop, rest = " ".join(text.split()).partition(". ")
    if not rest:
        return f'{margin}"""{summary}"""'
    lines = textwrap.wrap(rest, 118 - indent)
    body = "\n".join(margin + line for line in lines)
    return f'{margin}"""{summary}{stop.rstrip()}\n\n{body}\n{margin}"""'


def _tuple_of(kinds: Iterable[str]) -> str:
    """A tuple's source; the comma only where one element needs it, since the formatter takes it as a wish."""
    return _expressions([repr(kind) for kind in kinds])


def _expressions(parts: list[str]) -> str:
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def _kind(entry: dict[str, Any]) -> str:
    """The canonical type, tuples written out."""
    if not entry["type"].startswith("tuple"):
        return str(entry["type"])
    return f"({','.join(_kind(part) for part in entry['components'])}){entry['type'][len('tuple') :]}"


def _python(entry: dict[str, Any]) -> str:
    """The Python type of an ABI type."""
    kind = entry["type"]
    if kind.endswith("]"):
        return f"tuple[{_python({**entry, 'type': kind[: kind.rindex('[')]})}, ...]"
    if kind == "tuple":
        return "tuple[Any, ...]"
    return next(python for prefix, python in PYTHON_TYPES if kind.startswith(prefix))


PYTHON_TYPES: Final = (
    ("address", "Address"),
    ("bool", "bool"),
    ("bytes", "bytes"),
    ("string", "str"),
    ("uint", "int"),
    ("int", "int"),
)


def main() -> None:
    """Write every file anew."""
    for name in CONTRACTS:
        artifact = artifact_of(HERE / f"{name}.vy")
        (ARTIFACTS / f"{name}.json").write_bytes(written(artifact))
        (HANDLES / f"{name}.py").write_text(Handle(artifact).source())


if __name__ == "__main__":
    main()
