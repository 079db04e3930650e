# SPDX-License-Identifier: Apache-2.0
"""What a consortium in its fifth year has, written into the tables of the services that read it from the chain."""

from __future__ import annotations

import datetime
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from sqlalchemy.engine import Connection

from maillon.kit.access import Access
from maillon.kit.audit import Deed, record
from maillon.kit.encryption import Encryption
from maillon.kit.keys import Keys
from maillon.kit.store import Store
from maillon.services.members import names
from maillon.services.members import store as members
from maillon.services.members.model import (
    ApplicationForm,
    ApplicationState,
    Contact,
    Evidence,
    Identifier,
    Kind,
    Organisation,
    Status,
)
from maillon.services.people.model import Invitation, Profile, Role, SessionKind, SessionRecord
from maillon.services.people.store import PeopleStore, new_code, new_id
from maillon.services.votes import store as votes
from maillon.services.votes.model import Ballot, Position, Proposal, ProposalKind, Tally
from maillon.services.votes.texts import digest
from moved_clock import MovedClock

MEMBERS, PEOPLE, VOTES = 2_000, 5_000, 1_000
KEYS, APPLICATIONS, DEEDS = 2_000, 2_000, 100_000
LAST_CLOSED = VOTES - 20
CLOSED = 500
"""A closed vote in which everybody took a position, as in the newest, which is open."""
ONE_MEMBER = 1_500
"""The member one of whose administrators is logged in."""
PARTS = ("Commune de", "Banque", "Université", "Port de", "Laiterie", "Hôpital", "Ateliers", "Département de la")
PLACES = ("Velle", "Lorne", "Ambrun", "Kermadec", "Vézanne", "Brévanne", "Cormoran", "Ysoline", "Oosterwede", "Lornau")


def insert_members(session: Connection, first: int = 1) -> None:
    """The read model, as a chain with so many members would have made it; `first` where some stand there already."""
    chance = random.Random(1)
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    countries = ["FR"] * 20 + ["DE", "NL", "BE", "IT", "ES", "PT", "GR", "DK", "CH"]
    for number in range(first, MEMBERS + 1):
        name = f"{chance.choice(PARTS)} {chance.choice(PLACES)}-sur-{chance.choice(PLACES)} {number}"
        organisation = Organisation(
            number, Identifier("siren", f"{number:09}"), name, Kind(number % 6), chance.choice(countries), 1, 0,
            Status.ACTIVE if number % 20 else Status.SUSPENDED, None, "", 0, now, now,
        )  # fmt: skip
        search = f"{names.plain(name)} {number:09} {organisation.country.lower()} france"
        members.insert_organisation(session, organisation, search, number.to_bytes(20, "big"))


def insert_votes(session: Connection, now: int, first: int = 1) -> None:
    """Votes of a consortium in its fifth year; `first` where some stand there already. Two are everybody's."""
    for number in range(first, VOTES + 1):
        text = f"Proposition {number}\n\n" + "Parce que. " * 100
        votes.insert_text(session, digest(text), text)
        closes = now + 3_600 if number > LAST_CLOSED else now - number
        proposal = Proposal(
            number, ProposalKind.ORDINARY, 1, number % MEMBERS + 1, digest(text), (), closes - 86_400, closes,
            closes + 3_600, closes + 90_000, number
        )  # fmt: skip
        votes.insert_proposal(session, proposal, closes - 90_000, number.to_bytes(32, "big"))
        votes.write_tally(session, number, 0, Tally(MEMBERS, 900, 300, 100, 10))
    reason = "Parce que nos communes en ont besoin, et que personne d’autre ne le fera. " * 3
    votes.insert_text(session, digest(reason), reason)
    for number, last in ((VOTES, now - 60), (CLOSED, now - CLOSED - 60)):
        for member in range(1, MEMBERS + 1):
            said = (Position.OBJECT, digest(reason)) if member % 4 == 0 else (Position.FOR, bytes(32))
            row = votes.BallotRow(
                member, Ballot(said[0], 0, 1, 0), said[1], member, last, member.to_bytes(32, "big")
            )  # fmt: skip
            votes.write_ballot(session, number, row, 0)


def insert_people(session: Connection, home: Path) -> str:
    """Everybody has a role in the office and in an organisation; what the browser of one keeps who administers one."""
    keys, clock = Keys(home / "keys", complete=True), MovedClock()
    encryption, access = Encryption.open(keys), Access(Store.__new__(Store), clock)
    people, now = PeopleStore(encryption), clock.now()
    for number in range(PEOPLE):
        person, name = new_id(), f"{name_of(number)} {number}"
        people.insert_person(session, person, Profile(f"person.{number}@member.example", name, "fr"), now)
        place = str(number * 2 // 5 + 1)
        people.replace_roles(session, person, place, (Role.ADMINISTRATOR, Role.DELEGATE), "system", now)
        people.replace_roles(session, person, "office", (Role.MEMBER,), "system", now)
        begun = SessionRecord(new_id(), person, SessionKind.BROWSER, "Firefox, Linux", frozenset({"passkey"}), now, now,
                              now, now + datetime.timedelta(hours=8))  # fmt: skip
        code = new_code()
        people.insert_session(session, begun, code)
        if place == str(ONE_MEMBER):
            token = code
    for number in range(300):
        sent = Invitation(new_id(), "office", frozenset({Role.MEMBER}), f"guest.{number}@member.example", "system",
                          now, now + datetime.timedelta(days=7), None, None)  # fmt: skip
        people.insert_invitation(session, sent, new_code())
    for number in range(KEYS):
        access.create(session, f"program {number}", ["notary:write"], None, str(number + 1))
    for _ in range(200):
        access.create(session, "program of the office", ["notary:write"], None, "office")
    record(session, (
        Deed(now, "api", "entry", "appended", "key:0123456789abcdef", f"index {number}, count 1",
             "office" if number % 10 == 0 else str(number % MEMBERS + 1))
        for number in range(DEEDS)
    ))  # fmt: skip
    private = members.PrivateStore(encryption)
    for number in range(APPLICATIONS):
        form = ApplicationForm(
            Identifier("siren", f"9{number:08}"), f"Commune de Velle {number}", Kind.ADMINISTRATION, "FR",
            Contact("Ada Martin", f"ada.{number}@member.example", "fr"), "",
        )  # fmt: skip
        application = private.insert_application(session, form, new_code(), Evidence(0), None, now)
        found = private.application(session, application)
        assert found is not None
        state = ApplicationState.SUBMITTED if number % 4 == 0 else ApplicationState.ADMITTED
        private.move(session, found, state, now)
        private.insert_step(session, application, ApplicationState.SUBMITTED, "applicant", "", now)
    return token


def name_of(number: int) -> str:
    """A person's name."""
    first = ("Ada", "Zoé", "Léa", "Noé", "Théo", "Inès", "Chloé", "Gaël")
    last = ("Martin", "Bernard", "Petit", "Durand", "Leroy", "Moreau", "Simon", "Laurent", "Garcia")
    return f"{first[number % len(first)]} {last[number // len(first) % len(last)]}"
