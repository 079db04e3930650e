# SPDX-License-Identifier: Apache-2.0
"""Writes abci.py from abci.proto, with the hash of its source, so that a test can tell when it is stale.

    python src/maillon/network/generate.py

Needs grpcio-tools, which the development dependencies bring; running needs the committed file only.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE / "abci.proto"
GENERATED = HERE / "abci.py"


def source_hash() -> str:
    """SHA-256 of the definitions, as the generated file's last line names it."""
    return hashlib.sha256(SOURCE.read_bytes()).hexdigest()


def main() -> None:
    """Run the protobuf compiler."""
    from importlib.resources import files

    well_known = files("grpc_tools") / "_proto"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE}", f"-I{well_known}"]
    with tempfile.TemporaryDirectory() as folder:
        outputs = [f"--python_out={folder}", f"--pyi_out={folder}"]
        subprocess.run([*command, *outputs, SOURCE.name], check=True, cwd=HERE)  # noqa: S603 - the compiler of the environment
        for ending in (".py", ".pyi"):
            text = (Path(folder) / f"abci_pb2{ending}").read_text().rstrip()
            marked = f"# SPDX-License-Identifier: Apache-2.0\n{text}\n\n# source-sha256: {source_hash()}\n"
            GENERATED.with_suffix(ending).write_text(marked)


if __name__ == "__main__":
    main()
