# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001 - a script beside the contracts it compiles, not a package
"""Compile the contracts and write what is committed of them: artifacts and typed handles.

    python contracts/build.py

The compiler is needed here and in the tests, never to run: artifacts live in the package, and
tests/contracts/test_build.py compiles again and compares. A new contract is its file and one line in `CONTRACTS`.
"""

from __future__ import annotations

import hashlib
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
    build_layout_output,
    build_method_identifiers_output,
)

CONTRACTS: Final = ("directory", "anchors")

HERE: Final = Path(__file__).resolve().parent
PACKAGE: Final = HERE.parent / "src" / "maillon" / "ledger"
ARTIFACTS: Final = PACKAGE / "artifacts"
HANDLES: Final = PACKAGE / "contracts"


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
        "method_identifiers": build_method_identifiers_output(compiled),
        "layout": build_layout_output(compiled),
        "bytecode": build_bytecode_output(compiled),
        "bytecode_runtime": build_bytecode_runtime_output(compiled),
    }


def written(artifact: dict[str, Any]) -> bytes:
    """The bytes of an artifact's file."""
    return orjson.dumps(artifact, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def main() -> None:
    """Write every file anew."""
    for name in CONTRACTS:
        artifact = artifact_of(HERE / f"{name}.vy")
        (ARTIFACTS / f"{name}.json").write_bytes(written(artifact))


if __name__ == "__main__":
    main()
