# SPDX-License-Identifier: Apache-2.0
"""Applications in the database alone: what is kept, what is readable there, what is destroyed, on both databases."""

from __future__ import annotations

import asyncio
import datetime

import pytest
import sqlalchemy as sa

from alliance import Alliance, Letters, fields
from maillon.kit.audit import newest
from maillon.kit.clock import FixedClock
from maillon.kit.encryption import Encryption
from maillon.kit.errors import IdempotencyConflict
from maillon.kit.idempotency import Answer
from maillon.kit.keys import Keys
from maillon.kit.mail import Outbox
from maillon.kit.store import Store
from maillon.services.members import errors, rules
from maillon.services.members import store as tables
from maillon.services.members.model import ApplicationState
from maillon.services.members.service import MembersService
from maillon.services.members.store import PrivateStore

PLAIN_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
SECRETS = (b"Camille", b"camille.aubin", b"912", b"Extrait", b"/Catalog", b"Il manque")


def everything(store: Store) -> bytes:
    """Every value of every table of ours, as the database has it."""
    found = []
    with store.read() as session:
        for name in sorted(table for table in sa.inspect(session).get_table_names() if table.startswith("members_")):
            for row in session.execute(sa.select(sa.text("*")).select_from(sa.table(name))):
                found += [bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row]
    return b"\0".join(found)


async def test_an_application_is_kept_unreadable_and_read_back(
    store: Store, service: MembersService, letters: Letters, outbox: Outbox
) -> None:
    file, code = await service.apply(fields())
    assert file.application.state is ApplicationState.SUBMITTED
    await service.add_document(code, "Extrait.pdf", "application/pdf", PLAIN_PDF)
    await service.ask_for_more(file.application.id, "Il manque le mandat.", "person:1")
    at_rest = everything(store)
    assert not [secret for secret in (*SECRETS, code.encode(), code.replace("-", "").encode()) if secret in at_rest]
    again = await service.follow(code.upper().replace("-", " "))
    assert again.application.contact is not None
    assert again.application.contact.address == "camille.aubin@ambrun.example"
    assert [step.note for step in again.steps] == ["Nous sommes 912.", "Il manque le mandat."]
    assert await service.own_document(code, again.documents[0].id) == ("Extrait.pdf", PLAIN_PDF)
    outbox.deliver()
    assert [letter["To"] for letter in letters.sent] == ["camille.aubin@ambrun.example"] * 2
    texts = [letter.get_content() for letter in letters.sent]
    assert sum(code in text for text in texts) == 1
    assert sum("Il manque le mandat." in text for text in texts) == 1


async def test_an_application_goes_its_way(service: MembersService, store: Store) -> None:
    file, code = await service.apply(fields())
    identifier = file.application.id
    with pytest.raises(errors.WrongState):
        await service.appeal(code, "why")
    await service.ask_for_more(identifier, "Le mandat", "person:1")
    with pytest.raises(errors.WrongState):
        await service.ask_for_more(identifier, "Le mandat", "person:1")
    await service.answer(code, "Le voici")
    await service.refuse(identifier, "Pas un membre possible", "person:1")
    with pytest.raises(errors.WrongState):
        await service.answer(code, "Mais si")
    with pytest.raises(errors.WrongState):
        await service.add_document(code, "a.pdf", "", PLAIN_PDF)
    with pytest.raises(errors.TextMissing):
        await service.appeal(code, "  ")
    await service.appeal(code, "Relisez")
    ended = await service.withdraw(code)
    assert [step.state.value for step in ended.steps] == [
        "submitted", "incomplete", "submitted", "refused", "submitted", "withdrawn",
    ]  # fmt: skip
    for deed in (service.withdraw(code), service.refuse(identifier, "x", "person:1")):
        with pytest.raises(errors.WrongState):
            await deed
    with store.read() as session:
        trail = [deed.tag for _, deed in newest(session, 20)]
    assert "members:application:appealed" in trail
    assert all("Camille" not in str(deed) for deed in trail)


@pytest.mark.parametrize("code", ["", "0", "x" * 500, "00000000-00000000-00000000-00000000-00000000"])
async def test_a_code_that_is_none_opens_nothing(service: MembersService, code: str) -> None:
    await service.apply(fields())
    questions = (service.follow(code), service.withdraw(code), service.erase(code), service.own_document(code, "1"))
    for question in questions:
        with pytest.raises(errors.UnknownApplication):
            await question


async def test_one_legal_person_applies_once_whatever_number_it_gives(service: MembersService) -> None:
    _, code = await service.apply(fields())
    for scheme, value in (("siren", "552032534"), ("vat", "FR27552032534"), ("euid", "FR7501.552032534")):
        with pytest.raises(errors.IdentifierTaken):
            await service.apply(fields(scheme=scheme, identifier=value))
    await service.withdraw(code)
    await service.apply(fields(scheme="vat", identifier="FR27552032534"))
    with pytest.raises(errors.IdentifierTaken):
        await service.apply(fields())


async def test_two_at_the_same_moment_are_one(service: MembersService) -> None:
    answers = await asyncio.gather(*(service.apply(fields()) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, tuple) for one in answers) == 1
    assert sum(isinstance(one, errors.IdentifierTaken) for one in answers) == 3


async def test_an_appeal_waits_while_another_applies(service: MembersService) -> None:
    file, code = await service.apply(fields())
    await service.refuse(file.application.id, "non", "person:1")
    await service.apply(fields())
    with pytest.raises(errors.IdentifierTaken):
        await service.appeal(code, "si")


async def test_a_member_does_not_apply_again(alliance: Alliance, service: MembersService) -> None:
    await service.catch_up()
    with pytest.raises(errors.IdentifierTaken):
        await service.apply(fields(scheme="siren", identifier="130025265"))
    with pytest.raises(errors.IdentifierTaken):
        await service.apply(fields(scheme="siret", identifier="13002526500013"))


async def test_documents_have_a_number_they_do_not_pass(service: MembersService) -> None:
    _, code = await service.apply(fields())
    for number in range(10):
        await service.add_document(code, f"{number}.pdf", "", PLAIN_PDF)
    with pytest.raises(errors.TooManyDocuments):
        await service.add_document(code, "11.pdf", "", PLAIN_PDF)


async def test_another_s_document_is_not_found(service: MembersService) -> None:
    _, code = await service.apply(fields())
    kept = await service.add_document(code, "a.pdf", "", PLAIN_PDF)
    other, code_of_other = await service.apply(fields(scheme="lei", identifier="506700GE1G29325QX363", country="NL"))
    with pytest.raises(errors.UnknownDocument):
        await service.own_document(code_of_other, kept.id)
    with pytest.raises(errors.UnknownDocument):
        await service.document(other.application.id, kept.id, "person:1")


async def test_what_has_no_reason_left_is_destroyed_and_nothing_before(
    store: Store, service: MembersService, clock: FixedClock
) -> None:
    file, code = await service.apply(fields())
    await service.add_document(code, "Extrait.pdf", "", PLAIN_PDF)
    await service.refuse(file.application.id, "Il manque tout", "person:1")
    clock.advance(rules.CONTACT_KEPT.total_seconds() - 1)
    assert await service.keep_house() == 0
    clock.advance(1)
    assert await service.keep_house() == 1
    left = await service.follow(code)
    assert left.application.contact is None
    assert left.documents == ()
    assert [step.note for step in left.steps] == ["", ""]
    assert left.application.legal_name == "Commune de Saint-Ambrun-sur-Velle"
    assert await service.keep_house() == 0
    assert b"members_document" not in everything(store)


async def test_an_applicant_who_is_silent_is_let_go(service: MembersService, clock: FixedClock) -> None:
    file, code = await service.apply(fields())
    await service.ask_for_more(file.application.id, "Le mandat", "person:1")
    clock.advance(rules.IDLE_KEPT.total_seconds())
    assert await service.keep_house() == 1
    assert (await service.follow(code)).application.state is ApplicationState.WITHDRAWN
    clock.advance(rules.CONTACT_KEPT.total_seconds())
    await service.keep_house()
    assert (await service.follow(code)).application.contact is None


async def test_an_applicant_takes_everything_and_has_it_erased(store: Store, service: MembersService) -> None:
    file, code = await service.apply(fields())
    await service.add_document(code, "Extrait.pdf", "", PLAIN_PDF)
    taken = await service.export(code)
    assert taken["contact"] == {"name": "Camille Aubin", "address": "camille.aubin@ambrun.example", "language": "fr"}
    assert taken["documents"][0]["name"] == "Extrait.pdf"
    assert taken["steps"][0]["note"] == "Nous sommes 912."
    await service.erase(code)
    with store.read() as session:
        rows = session.execute(sa.select(tables.APPLICATION.c.private, tables.STEP.c.note).select_from(
            tables.APPLICATION.join(tables.STEP))).all()  # fmt: skip
        assert {value for row in rows for value in row} == {None}
        assert session.execute(sa.select(sa.func.count()).select_from(tables.DOCUMENT)).scalar_one() == 0
    assert (await service.export(code))["contact"] is None
    assert file.application.id == (await service.export(code))["id"]


async def test_another_key_of_the_ring_reads_and_the_old_one_may_go(
    tmp_path_factory: pytest.TempPathFactory, store: Store, service: MembersService
) -> None:
    keys = Keys(tmp_path_factory.mktemp("ring"))
    service._private = PrivateStore(Encryption.open(keys))
    file, code = await service.apply(fields())
    await service.add_document(code, "Extrait.pdf", "", PLAIN_PDF)
    answer, asked = Answer(201, b'{"id": "%s"}' % file.application.id.encode()), bytes(32)
    with store.transaction() as session:
        service._private.answers.keep(session, "applicant", "again", asked, answer, 0)
    keys.extend_ring("encryption")
    newer = PrivateStore(Encryption.open(keys))
    with store.transaction() as session:
        # Contact and message, the note, name and content of the document, the secret of the account, a kept answer.
        assert newer.encrypt_again(session) == 6
        assert newer.encrypt_again(session) == 0
    keys.shorten_ring("encryption")
    service._private = PrivateStore(Encryption.open(keys))
    assert (await service.export(code))["contact"]["name"] == "Camille Aubin"
    with store.read() as session:
        kept = service._private.answers
        assert kept.find(session, "applicant", "again", asked) == answer
        assert kept.find(session, "another", "again", asked) is None
        with pytest.raises(IdempotencyConflict):
            kept.find(session, "applicant", "again", bytes(31) + b"\1")
    assert await service.document(file.application.id, (await service.follow(code)).documents[0].id, "person:1") == (
        "Extrait.pdf",
        PLAIN_PDF,
    )


async def test_the_queue_is_oldest_first_and_goes_on(service: MembersService, clock: FixedClock) -> None:
    made = []
    for scheme, value, country in (
        ("siren", "552032534", "FR"),
        ("lei", "506700GE1G29325QX363", "NL"),
        ("vat", "EL094259216", "GR"),
    ):
        file, _ = await service.apply(fields(scheme=scheme, identifier=value, country=country))
        made.append(file.application.id)
        clock.advance(datetime.timedelta(seconds=2).total_seconds())
    states = [ApplicationState.SUBMITTED]
    assert [one.id for one in await service.queue(states)] == made
    assert [one.id for one in await service.queue(states, 1, made[0])] == [made[1]]
    with pytest.raises(errors.UnknownApplication):
        await service.queue(states, 1, "f" * 24)
