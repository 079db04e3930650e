# SPDX-License-Identifier: Apache-2.0
"""A small town joins, gets its people in, takes part in a vote that changes the admission rule, and leaves.

In a real browser, in both languages, in one of them without any script, and by the command line alone. The platform's
clock is moved while a vote is open: what a vote needs is time, and nothing here is written as if it had passed. With
MAILLON_SCREENS set to a folder, each page met is left there as a picture, on three widths.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from post_office import PostOffice
from running_platform import Start
from town import Town, person, platform_with_clock
from town_by_commands import Founders, by_commands
from town_in_a_browser import in_a_browser


@pytest.fixture(
    params=[("fr", True), ("en", True), ("en", False)],
    ids=["fr", "en", "en-without-scripts"],
)
def town(request: pytest.FixtureRequest, starting: Start, tmp_path: Path) -> Iterator[Town]:
    clock = tmp_path / "clock"
    language, scripts = request.param
    return Town(platform_with_clock(starting, tmp_path / "home", clock), clock, language, scripts)


@pytest.fixture
def office(browser: Browser, town: Town) -> Iterator[Page]:
    yield from person(browser, town)


@pytest.fixture
def mayor(browser: Browser, town: Town) -> Iterator[Page]:
    yield from person(browser, town)


@pytest.fixture
def secretary(browser: Browser, town: Town) -> Iterator[Page]:
    yield from person(browser, town)


def test_a_small_town_in_a_browser(town: Town, office: Page, mayor: Page, secretary: Page, tmp_path: Path) -> None:
    in_a_browser(town, office, mayor, secretary, tmp_path, Founders(f"{town.platform.url}/rpc"))


# The command line alone.


@pytest.fixture
def mail() -> Iterator[PostOffice]:
    """A real mail server on loopback."""
    opened = PostOffice()
    yield opened
    opened.stop()


def test_a_small_town_by_the_command_line_alone(tmp_path: Path, starting: Start, mail: PostOffice) -> None:
    clock = tmp_path / "clock"
    town = Town(platform_with_clock(starting, tmp_path / "home", clock, smtp=mail.start()), clock, "fr")
    by_commands(town, mail, tmp_path, Founders(f"{town.platform.url}/rpc"))
