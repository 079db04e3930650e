# SPDX-License-Identifier: Apache-2.0
"""A gathering over each database, its mail server, and people of an office and two organisations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gathering import Gathering
from maillon.kit.clock import FixedClock
from maillon.kit.store import Store
from maillon.services.people import OFFICE, Actor, Role
from maillon.services.people.foundation import Opened
from maillon.services.people.model import Profile
from people_box import PASSWORD, Box
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
    box, made = gathering.box, {}
    with box.store.transaction() as connection:
        for name, organisation, role in (
            ("ada", OFFICE, Role.ADMINISTRATOR),
            ("mayor", "1", Role.ADMINISTRATOR),
            ("delegate", "1", Role.DELEGATE),
            ("clerk", "1", Role.MEMBER),
            ("eve", "2", Role.ADMINISTRATOR),
        ):
            person = name.encode().hex().ljust(20, "0")
            profile = Profile(f"{name}@{organisation}.example", name.title(), "fr")
            box.rows.insert_person(connection, person, profile, box.clock.now())
            box.rows.set_password(connection, person, box.hasher.hash(PASSWORD))
            box.rows.replace_roles(connection, person, organisation, [role], "system", box.clock.now())
            made[name] = box.people._begin(connection, person, {"passkey"}, "Firefox, Linux", None)
    return made


@pytest.fixture
def people(gathering: Gathering, opened: dict[str, Opened]) -> dict[str, Actor]:
    return {name: gathering.box.actor(session) for name, session in opened.items()}
