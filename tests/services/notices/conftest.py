# SPDX-License-Identifier: Apache-2.0
"""A gathering over each database, its mail server, and people of an office and two organisations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gathering import Gathering
from maillon.kit.clock import FixedClock
from maillon.kit.store import Store
from maillon.services.people import Actor
from maillon.services.people.foundation import Opened
from people_box import Box
from post_office import PostOffice


@pytest.fixture
def office() -> Iterator[tuple[PostOffice, str]]:
    opened = PostOffice()
    yield opened, opened.start()
    opened.stop()


@pytest.fixture
def gathering(store: Store, clock: FixedClock, office: tuple[PostOffice, str]) -> Gathering:
    return Gathering(Box(store, clock, *office))


@pytest.fixture
def opened(gathering: Gathering) -> dict[str, Opened]:
    """The sessions of Ada of the office, a mayor, a delegate and a clerk of 1, and Eve of 2."""
    box = gathering.box
    ada, session, _ = box.administrator()
    made = {"ada": session}
    for name, organisation, role in (
        ("mayor", "1", "administrator"),
        ("delegate", "1", "delegate"),
        ("clerk", "1", "member"),
        ("eve", "2", "administrator"),
    ):
        made[name] = box.member(ada, organisation, f"{name}@{organisation}.example", role)[1]
    box.outbox.deliver()
    box.office.letters.clear()
    return made


@pytest.fixture
def people(gathering: Gathering, opened: dict[str, Opened]) -> dict[str, Actor]:
    return {name: gathering.box.actor(session) for name, session in opened.items()}
