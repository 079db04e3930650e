# SPDX-License-Identifier: Apache-2.0
"""Platforms for journeys: one to share, and as many of one's own as a test needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from running_platform import Running, Start, start


@pytest.fixture
def starting() -> Iterator[Start]:
    """Start platforms; those still running at the end are killed."""
    running: list[Running] = []

    def begin(home: Path, *arguments: str, **how: Any) -> Running:
        made = start(home, *arguments, **how)
        running.append(made)
        return made

    yield begin
    for platform in running:
        platform.close()


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One platform for the tests that only use it."""
    running = start(tmp_path_factory.mktemp("platform") / "home")
    yield running
    assert running.stop() == 0, "".join(running.errors)
    running.close()
