# SPDX-License-Identifier: Apache-2.0
"""The invented alliance: identifiers that are right and nobody's, people who exist in it, texts the doors take."""

from __future__ import annotations

from pathlib import Path

import pytest

from maillon.demo.errors import DemoError
from maillon.demo.filling import Demo
from maillon.demo.model import Organisation, Vote, call_of, read_consortium
from maillon.ledger.genesis import SYSTEM
from maillon.services.members.identifiers import parse
from maillon.services.members.model import Scheme
from maillon.services.members.rules import KINDS, check_country, parse_application
from maillon.services.people.rules import check_password, parse_address
from maillon.services.votes.acts import Act, read
from maillon.services.votes.model import Position, ProposedCall
from maillon.services.votes.texts import parse_proposal_text, parse_reason

CONSORTIUM = read_consortium()
UNASSIGNED = {
    "siren": "00000",  # INSEE gives none below 005 000 000
    "siret": "00000",
    "lei": "ZZZZ",  # no local operating unit of GLEIF
    "euid": ("NLZZZ.", "DEZ0000."),  # no register of BRIS
}
KEYS = {organisation.key for organisation in CONSORTIUM.organisations}
JOINED = {organisation.key for organisation in CONSORTIUM.organisations if organisation.joins}


@pytest.mark.parametrize("organisation", CONSORTIUM.organisations, ids=lambda each: each.key)
def test_every_organisation_could_apply_and_is_nobody(organisation: Organisation) -> None:
    identifier = parse(Scheme(organisation.scheme), organisation.identifier)
    assert identifier.value == organisation.identifier
    assert identifier.value.startswith(UNASSIGNED[organisation.scheme])
    check_country(identifier, organisation.country)
    person = organisation.people[0]
    parse_application(
        {
            "scheme": organisation.scheme,
            "identifier": organisation.identifier,
            "legal_name": organisation.legal_name,
            "kind": organisation.kind,
            "country": organisation.country,
            "contact_name": person.name,
            "contact_address": person.address,
            "language": person.language,
            "message": organisation.message,
        }
    )


def test_there_is_one_of_every_kind_and_nobody_twice() -> None:
    assert {organisation.kind for organisation in CONSORTIUM.organisations} == set(KINDS)
    assert len(JOINED) >= 12
    identifiers = [organisation.identifier for organisation in CONSORTIUM.organisations]
    assert len(set(identifiers)) == len(identifiers)
    people = [person.address for each in CONSORTIUM.organisations for person in each.people]
    people += [person.address for person in CONSORTIUM.office]
    assert len(set(people)) == len(people)
    # RFC 2606: nobody has an address there.
    assert all(parse_address(address).endswith(".example") for address in people)


def test_nobody_of_the_demonstration_administers_the_office() -> None:
    assert all("administrator" not in person.roles for person in CONSORTIUM.office)


@pytest.mark.parametrize("vote", CONSORTIUM.votes, ids=lambda each: each.key)
def test_every_vote_is_made_by_members_in_words_the_doors_take(vote: Vote) -> None:
    assert parse_proposal_text(vote.text) == vote.text
    assert {vote.proposer, *vote.positions, *vote.proxies, *vote.proxies.values()} <= JOINED
    for position, reason in vote.positions.values():
        assert position in {each.word for each in Position}
        assert parse_reason(reason) == reason
        assert reason or position != "object"
    book = {address: name for name, address in SYSTEM.items()}
    for name in vote.calls:
        for call in call_of(name, CONSORTIUM.alliance, {"fundacion": 14}):
            assert isinstance(read(ProposedCall(call.to, call.data), book), Act)


def test_votes_end_in_every_way() -> None:
    assert {vote.outcome for vote in CONSORTIUM.votes} == {"executed", "refused", "open"}


def test_documents_are_of_members_and_have_names_of_their_own() -> None:
    files = [document.file for document in CONSORTIUM.documents]
    assert len(set(files)) == len(files)
    assert {document.organisation for document in CONSORTIUM.documents} <= JOINED


def test_a_home_without_one_has_not_begun(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    assert not demo.begun
    assert demo.progress.state == "waiting"
    assert demo.people() == []
    check_password("kx7dm-9mfp2-hq4wz-8nabc", ("Camille Aubin",))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"done": []}', b'{"done": 7, "complete": true}', b"\xff"]
)
def test_a_damaged_state_is_named_and_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/state.json").write_bytes(content)
    with pytest.raises(DemoError, match="remove it to end the demonstration"):
        Demo(tmp_path)


async def test_a_fault_in_the_background_is_told_and_the_instance_still_stops_cleanly(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = Demo(home)

    async def failing(_url: str) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(demo, "fill", failing)
    demo.begin("http://127.0.0.1:1")
    assert demo._task is not None
    await demo._task
    await demo.stop()
    assert demo.progress.state == "stopped"
    assert "no space left" in demo.progress.about
