# SPDX-License-Identifier: Apache-2.0
"""The trail notarised daily: nothing is left out, told twice or altered unseen; a crash is gone on from."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from maillon.evidence.errors import EvidenceError
from maillon.evidence.hashing import Algorithm, Digest
from maillon.evidence.receipt import Receipt, verify
from maillon.kit import audit
from maillon.kit.access import ADMINISTER
from maillon.kit.clock import FixedClock
from maillon.kit.settings import Settings
from maillon.main import Application, exclusive_home
from maillon.services.people import trail
from maillon.services.people.errors import NotAllowed, TrailAltered, TrailNotNotarised, UnknownTrailDocument
from maillon.services.people.model import Actor
from people_box import Box

OPERATOR = Actor(key="0011223344556677", name="operator", scopes=frozenset({ADMINISTER}))
DAY = 24 * 3600


class Log:
    """A log that takes a digest once, and can be away."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.away = False

    async def enter(self, digest: bytes) -> int:
        if self.away:
            raise TrailNotNotarised("the log is away")
        if digest not in self.entries:
            self.entries.append(digest)
        return self.entries.index(digest)

    async def receipt(self, entry: int, digest: bytes) -> bytes | None:
        return b"receipt of " + digest if self.entries[entry] == digest else None


def fresh(box: Box, actor: Actor) -> Actor:
    """They have just shown again who they are."""
    return replace(actor, authenticated=box.clock.now())


def close(box: Box) -> int:
    made = 0
    while one := box.people.close_days():
        made += one
    return made


def deeds_of(box: Box, organisation: str | None) -> list[int]:
    """The numbers of an organisation's deeds, as the table has them."""
    with box.store.read() as session:
        query = select(audit.table.c.id).where(audit.table.c.organisation.is_not_distinct_from(organisation))
        return list(session.scalars(query.order_by(audit.table.c.id)))


def told(box: Box, organisation: str | None) -> list[dict[str, Any]]:
    """Its documents, oldest first, each checked against the digest that was kept."""
    found = []
    for one in reversed(box.people.documents_of(OPERATOR, organisation)):
        listed, content = box.people.document_of(OPERATOR, organisation, one.first)
        assert listed == one
        assert hashlib.sha256(content).digest() == one.digest
        document = json.loads(content)
        assert content == json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert len(document["deeds"]) == one.count
        found.append(document)
    return found


def test_every_deed_stands_in_one_document_and_each_names_the_one_before(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    assert close(box) == 0  # the day is not over
    for _ in range(3):
        box.clock.advance(DAY)
        box.people.make_key(fresh(box, mayor), "velle", "billing", ["notary:write"], None)
    assert close(box) > 0
    assert close(box) == 0
    box.clock.advance(DAY)
    box.member(fresh(box, ada), "ambrun", "other@ambrun.example")
    assert close(box) == 1  # of velle, what was done on the third day
    box.clock.advance(DAY + 1)
    assert close(box) > 0
    for organisation in ("velle", "ambrun", "office", None):
        documents = told(box, organisation)
        numbers = [deed["number"] for document in documents for deed in document["deeds"]]
        assert numbers == deeds_of(box, organisation)
        previous = None
        for document, kept in zip(documents, reversed(box.people.documents_of(OPERATOR, organisation)), strict=True):
            assert document["previous"] == previous
            assert document["organisation"] == organisation
            previous = kept.digest.hex()


def test_a_day_is_closed_when_what_was_being_written_is(box: Box) -> None:
    ada, _, _ = box.administrator()
    night = box.clock.now().replace(hour=23, minute=59, second=0)
    box.clock.advance((night - box.clock.now()).total_seconds())
    box.people.invite(fresh(box, ada), "velle", "mayor@velle.example", ["member"], "fr")
    box.clock.advance(5 * 60)
    assert close(box) == 0
    box.clock.advance(10 * 60)
    assert close(box) > 0


def test_that_documents_were_entered_makes_none_by_itself(box: Box) -> None:
    ada, _, _ = box.administrator()
    box.clock.advance(DAY)
    assert close(box) > 0
    entered = audit.Deed(box.clock.now(), "api", "entry", "appended", trail.SUBJECT, "index 1, count 1")
    with box.store.transaction() as connection:
        audit.record(connection, [entered])
    box.clock.advance(2 * DAY)
    assert close(box) == 0
    box.people.make_key(fresh(box, ada), "office", "billing", ["notary:write"], None)
    box.clock.advance(2 * DAY)
    assert close(box) > 0
    assert trail.SUBJECT in {deed["actor"] for document in told(box, None) for deed in document["deeds"]}


def test_much_of_one_day_makes_several_documents(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "MAXIMUM_DEEDS", 3)
    ada, _, _ = box.administrator()
    for number in range(7):
        box.people.make_key(ada, "office", f"program {number}", ["notary:write"], None)
    box.clock.advance(DAY)
    close(box)
    documents = told(box, "office")
    assert len(documents) > 1
    assert {document["day"] for document in documents} == {"2026-03-01"}
    assert [deed["number"] for one in documents for deed in one["deeds"]] == deeds_of(box, "office")


@pytest.mark.parametrize("change", ["altered", "removed", "added"])
def test_what_is_told_differently_is_not_handed_out(box: Box, change: str) -> None:
    ada, _, _ = box.administrator()
    for number in range(3):
        box.people.make_key(ada, "office", f"program {number}", ["notary:write"], None)
    box.clock.advance(DAY)
    close(box)
    one = box.people.documents_of(OPERATOR, "office")[0]
    box.people.document_of(OPERATOR, "office", one.first)
    table = audit.table
    with box.store.transaction() as session:
        middle = sorted(deeds_of(box, "office"))[1]
        if change == "altered":
            session.execute(table.update().where(table.c.id == middle).values(actor="person:somebody"))
        elif change == "removed":
            session.execute(table.delete().where(table.c.id == middle))
        else:
            session.execute(table.update().where(table.c.organisation.is_(None)).values(organisation="office"))
    with pytest.raises(TrailAltered):
        box.people.document_of(OPERATOR, "office", one.first)


async def test_a_receipt_stands_whatever_the_trail_says_now(box: Box) -> None:
    box.administrator()
    box.clock.advance(DAY)
    close(box)
    box.people.notary = Log()
    await box.people.enter_days()
    one = box.people.documents_of(OPERATOR, "office")[0]
    with box.store.transaction() as session:
        session.execute(audit.table.update().values(actor="person:somebody"))
    with pytest.raises(TrailAltered):
        box.people.document_of(OPERATOR, "office", one.first)
    # It convicts whoever altered the trail: it is of the digest that was notarised.
    found, receipt = await box.people.receipt_of(OPERATOR, "office", one.first)
    assert (found, receipt) == (box.people.documents_of(OPERATOR, "office")[0], b"receipt of " + one.digest)
    with pytest.raises(UnknownTrailDocument):
        await box.people.receipt_of(OPERATOR, "office", 999)


async def test_a_log_that_was_away_takes_them_later_and_once(box: Box) -> None:
    ada, _, _ = box.administrator()
    box.clock.advance(DAY)
    made = close(box)
    assert await box.people.enter_days() == 0  # nobody notarises here
    log = Log()
    box.people.notary, log.away = log, True
    one = box.people.documents_of(OPERATOR, "office")[0]
    with pytest.raises(TrailNotNotarised):
        await box.people.enter_days()
    with pytest.raises(TrailNotNotarised):
        await box.people.receipt_of(OPERATOR, "office", one.first)
    log.away = False
    # A crash after the log took one, and before its row knew: it is the same entry the next time.
    await log.enter(one.digest)
    assert await box.people.enter_days() == made
    assert await box.people.enter_days() == 0
    assert len(log.entries) == made
    found, receipt = await box.people.receipt_of(OPERATOR, "office", one.first)
    assert (found.entry, receipt) == (0, b"receipt of " + one.digest)
    assert ada.person is not None


def test_who_reads_it(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    delegate, _, _ = box.member(mayor, "velle", "delegate@velle.example", "delegate")
    clerk, _, _ = box.member(mayor, "velle", "clerk@velle.example", "member")
    box.clock.advance(DAY)
    close(box)
    for actor, organisation in ((delegate, "velle"), (mayor, "velle"), (ada, None), (ada, "office")):
        one = box.people.documents_of(actor, organisation)[0]
        box.people.document_of(actor, organisation, one.first)
    for actor, organisation in (
        (clerk, "velle"),
        (delegate, "office"),
        (delegate, None),
        (mayor, None),
        (ada, "velle"),
    ):
        with pytest.raises(NotAllowed):
            box.people.documents_of(actor, organisation)
        with pytest.raises(NotAllowed):
            box.people.document_of(actor, organisation, 1)
    # A document of another organisation is none of this one's.
    foreign = box.people.documents_of(ada, "office")[0]
    with pytest.raises(UnknownTrailDocument):
        box.people.document_of(delegate, "velle", foreign.first)


async def test_documents_are_listed_page_after_page(box: Box) -> None:
    _, adas, _ = box.administrator()
    with box.store.transaction() as connection:
        for place in ("office", ""):
            for number in range(1, 2 * trail.PAGE + 2):
                connection.execute(
                    trail.TRAIL.insert().values(
                        organisation=place, first=number, last=number, day="2026-01-01", count=number, salt=bytes(16),
                        digest=bytes(32), entry=number,
                    )
                )  # fmt: skip
    for name in ("documents", "instance"):
        listed, more, pages = [], "", 0
        async with box.browser(adas) as browser:
            while pages < 5:
                address = f"/en/organisations/office/trail{more}"
                found = (await browser.get(address.replace("trail", "trail.json"))).json()
                shown = await browser.get(address)
                assert shown.status_code == 200
                pages += 1
                listed += [one["deeds"] for one in found[name]["items"]]
                # Each of the lists goes on alone.
                other = found[{"documents": "instance", "instance": "documents"}[name]]
                assert (other is None, "deeds" in found["shown"]) == (pages > 1, pages == 1)
                if found[name]["next"] is None:
                    break
                more = f"?{name}={found[name]['next']}"
                assert f'rel="next" href="/en/organisations/office/trail{more}"' in shown.text
        assert pages == 3
        assert listed == list(range(2 * trail.PAGE + 1, 0, -1))
    async with box.browser(adas) as browser:
        assert "No older document." in (await browser.get("/en/organisations/office/trail?documents=1")).text
        assert (await browser.get("/en/organisations/office/trail?documents=0")).status_code == 422


async def test_its_receipt_verifies_with_the_networks_anchors_alone(tmp_path: Path) -> None:
    """The whole of it, with the real log: from the deed of starting, which made the first key, to the verdict."""
    home = tmp_path / "home"
    with exclusive_home(home):
        application = await Application.open(Settings(home=home, demo=False))
        await application.start()
        try:
            people, now = application.people, application.clock.now()
            people._clock = FixedClock(now + datetime.timedelta(days=2))
            while people.close_days():
                pass
            assert await people.enter_days() > 0
            first = people.documents_of(OPERATOR, None)[0].first
            async with asyncio.timeout(120):
                while True:
                    try:
                        _, receipt = await people.receipt_of(OPERATOR, None, first)
                        break
                    except TrailNotNotarised:
                        await asyncio.sleep(0.1)
            key = {"Authorization": f"Bearer {(home / 'api-key').read_text().strip()}"}
            transport = httpx.ASGITransport(application.create_app())
            async with httpx.AsyncClient(transport=transport, base_url="http://portal.test", headers=key) as http:
                listed = (await http.get("/v1/audit/documents")).json()["documents"]
                assert [one["first"] for one in listed] == [first]
                content = (await http.get(f"/v1/audit/documents/{first}")).content
                assert (await http.get(f"/v1/audit/documents/{first}/receipt")).content == receipt
                assert (await http.get(f"/v1/audit/documents/{first + 1}")).status_code == 404
                assert (await http.get("/v1/audit/documents", headers={"Authorization": ""})).status_code == 401
        finally:
            await application.stop()
    digest = Digest(Algorithm.SHA2_256, hashlib.sha256(content).digest())
    verify(Receipt.parse(receipt), digest, application.trust)
    altered = Digest(Algorithm.SHA2_256, hashlib.sha256(content + b" ").digest())
    with pytest.raises(EvidenceError):
        verify(Receipt.parse(receipt), altered, application.trust)
