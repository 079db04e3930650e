# SPDX-License-Identifier: Apache-2.0
"""A box of people over each database, its mail server, and a browser nobody is logged in with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from maillon.kit.clock import FixedClock
from maillon.kit.store import Store
from people_box import Box
from post_office import PostOffice


@pytest.fixture
def office() -> Iterator[tuple[PostOffice, str]]:
    opened = PostOffice()
    yield opened, opened.start()
    opened.stop()


@pytest.fixture
def box(store: Store, clock: FixedClock, office: tuple[PostOffice, str]) -> Box:
    return Box(store, clock, *office)


@pytest.fixture
async def browser(box: Box) -> AsyncIterator[httpx.AsyncClient]:
    async with box.browser() as client:
        yield client
