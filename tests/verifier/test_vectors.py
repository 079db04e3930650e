# SPDX-License-Identifier: Apache-2.0
"""The vectors of `vectors/`, put to the JavaScript verifier by Node's own test runner; and its words."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from javascript_verifier import ROOT
from npm_packages import NODE

FILES = sorted((ROOT / "verifier/tests").glob("*.test.js"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_every_test_of_the_javascript_verifier(file: Path) -> None:
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=tap", file], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"^# pass (\d+)$", done.stdout, re.MULTILINE)[0]) > 0
