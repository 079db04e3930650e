# SPDX-License-Identifier: Apache-2.0
"""The committed file is what its sources and the locked libraries make, to the byte."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import npm_packages
from javascript_verifier import FILE, ROOT


def test_building_again_gives_the_same_file(tmp_path: Path) -> None:
    packages = npm_packages.install(ROOT / "verifier", "verifier")
    shutil.copytree(ROOT / "verifier", tmp_path / "verifier", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(FILE.parent, tmp_path / "src/maillon/kit/static")
    (tmp_path / "verifier/node_modules").symlink_to(packages / "node_modules")
    command = [npm_packages.NODE, tmp_path / "verifier/build.js", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    page = tmp_path / "verifier/source/page/page.html"
    page.write_text(page.read_text().replace("<main", "<main class=other"))
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
