# SPDX-License-Identifier: Apache-2.0
"""One platform with something on it, and a real browser to look at it with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal_atlas import Example, make_example
from running_platform import Running, start


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("portal") / "home")
    yield running
    assert running.stop() == 0, "".join(running.errors)
    for stream in (running.process.stdout, running.process.stderr):
        assert stream is not None
        stream.close()


@pytest.fixture(scope="session")
def example(portal: Running, tmp_path_factory: pytest.TempPathFactory) -> Example:
    return make_example(portal, tmp_path_factory.mktemp("example"))
