# SPDX-License-Identifier: Apache-2.0
"""One platform with something on it, and a real browser to look at it with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal_atlas import Example, make_example, platform_of_another_law, platform_of_the_atlas
from running_platform import Running


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with platform_of_the_atlas(tmp_path_factory.mktemp("portal")) as running:
        yield running


@pytest.fixture(scope="session")
def example(portal: Running, tmp_path_factory: pytest.TempPathFactory) -> Example:
    return make_example(portal, tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="session")
def another_law(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Example]]:
    with platform_of_another_law(tmp_path_factory.mktemp("another-law")) as running:
        yield running
