# SPDX-License-Identifier: Apache-2.0
"""One judge for all questions, and the workshop of the evidence tests, importable by its name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from javascript_verifier import ROOT, Judge
from npm_packages import NODE

sys.path.insert(0, str(Path(__file__).parents[1] / "evidence"))


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    command = [NODE, ROOT / "verifier/tests/judge.js"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Judge(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0
