# SPDX-License-Identifier: Apache-2.0
"""The doors of votes over HTTP: what they show, what they refuse, and every attack through each of them."""

from __future__ import annotations

import datetime
import html
import json
import re
from collections.abc import AsyncIterator, Collection, Sequence
from xml.etree import ElementTree

import httpx
import pytest
import pytest_asyncio
from assembly import GOVERN, REGISTER, member
from contract_evm import STRANGER
from fastapi import FastAPI, Request
from test_service import TEXT, Instance, Names

from maillon.kit import problems
from maillon.kit.errors import AccessDenied, KitError
from maillon.kit.page import JsonAddress, Renderer
from maillon.kit.store import Store
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.genesis import CREDITS
from maillon.services.people import LogInFirst
from maillon.services.votes import VotesError
from maillon.services.votes.api import router
from maillon.services.votes.export import Export
from maillon.services.votes.model import Position, ProposedCall
from maillon.services.votes.pages import pages
from maillon.services.votes.recount import recount
from maillon.services.votes.store import RECORD

SITE = {"Origin": "http://portal.test"}


class OnlyOne:
    """Whoever says so in a header is the delegate of organisation 1, and of no other."""

    async def organisations(self, request: Request) -> Sequence[int]:
        return [1] if request.headers.get("x-delegate") == "1" else []

    async def log_in(self, request: Request) -> str | None:
        return None if request.headers.get("x-delegate") else "/fr/log-in?next=here"

    async def require(self, request: Request, organisation: int) -> str:
        if request.headers.get("x-delegate") == "ended":
            raise LogInFirst("/fr/log-in?again=1")
        if request.headers.get("x-delegate") is None:
            raise AccessDenied("nobody is logged in", authenticated=False)
        if request.headers["x-delegate"] != str(organisation):
            raise AccessDenied("they have no role in that organisation", authenticated=True)
        return "person:1"


@pytest_asyncio.fixture
async def instance(store: Store) -> Instance:
    made = Instance(store)
    await made.service.catch_up()
    return made


@pytest_asyncio.fixture
async def http(instance: Instance) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    renderer = Renderer()
    problems.install(app, VotesError, KitError, present=renderer.problem)
    app.include_router(router(instance.service, OnlyOne(), instance.once))
    app.include_router(pages(instance.service, renderer, "http://portal.test", "tests", OnlyOne()))
    app.add_middleware(JsonAddress)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as made:
        yield made


@pytest_asyncio.fixture
async def vote(instance: Instance) -> int:
    """An open vote on suspending organisation 6, beside a call nobody can read."""
    suspended = REGISTER.suspend(6)
    number = await instance.propose(
        (ProposedCall(suspended.to, suspended.data), ProposedCall(REGISTER.address, b"\1\2\3\4"))
    )
    instance.wait(2)
    return number


@pytest.mark.asyncio
async def test_a_proposal_is_shown_in_both_languages(http: httpx.AsyncClient, vote: int) -> None:
    french = (await http.get(f"/v1/votes/{vote}", headers={"Accept-Language": "fr"})).json()
    english = (await http.get(f"/v1/votes/{vote}")).json()
    assert french["title"] == english["title"] == "Porter le quorum à la moitié"
    assert french["calls"][0]["in_words"] == "Fondatrice n° 6 ferait l’objet d’une suspension, jusqu’à un autre vote."
    assert english["calls"][0]["changes"] == [
        {
            "what": "Status of Fondatrice n° 6",
            "before": "active member",
            "after": "suspended",
            "same": False,
            "known": True,
        }
    ]
    assert english["calls"][1]["warning"] == "unknown-function"
    assert english["sentence"].startswith("As things stand it does not pass: it lacks 2 more votes of any kind")
    for path in (f"/fr/votes/{vote}", "/fr/votes", f"/fr/votes/{vote}/cast?position=for", "/fr/votes/rules"):
        page = await http.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert '<html lang="fr"' in page.text


@pytest.mark.asyncio
async def test_the_page_of_a_vote_says_that_votes_are_open_and_who_has_voted(
    http: httpx.AsyncClient, instance: Instance, vote: int
) -> None:
    await instance.service.cast(3, vote, Position.FOR, "person:3")
    for language, said in (
        ("en", "A secret ballot does not belong on a ledger"),
        ("fr", "Un vote à bulletin secret n’a pas sa place dans un registre"),
    ):
        page = (await http.get(f"/{language}/votes/{vote}", headers={"Accept": "text/html"})).text
        assert said in page
        assert "Fondatrice n° 3" in page
        assert "Fondatrice n° 2" not in page, "who has not voted is not among those who have"
        why = (await http.get(f"/{language}/votes/recount", headers={"Accept": "text/html"})).text
        assert {"en": "Why votes are open", "fr": "Pourquoi les votes sont ouverts"}[language] in why


@pytest.mark.asyncio
async def test_an_act_is_prepared_word_for_word_and_byte_for_byte(http: httpx.AsyncClient, vote: int) -> None:
    asked = {"act": "cast", "proposal": vote, "position": "object", "reason": "Trop tôt."}
    prepared = (await http.post("/v1/votes/acts", json=asked)).json()
    import hashlib

    expected = GOVERN.cast(vote, Position.OBJECT, hashlib.sha256("Trop tôt.".encode()).digest())
    assert prepared["data"] == "0x" + expected.data.hex()
    assert prepared["to"].lower() == "0x" + expected.to.hex()
    assert prepared["says"]["fr"].startswith("Vous signez pour votre organisation\u00a0: objection motivée")
    assert prepared["text"] == "Trop tôt."


@pytest.mark.asyncio
async def test_a_delegate_confirms_and_the_kept_key_signs(http: httpx.AsyncClient, vote: int) -> None:
    page = await http.get(f"/fr/votes/{vote}/cast?position=for", headers={"x-delegate": "1", "Accept": "text/html"})
    assert "Confirmer et signer" in page.text
    signed = (await http.get(f"/fr/votes/{vote}/cast.json?position=for", headers={"x-delegate": "1"})).json()["signed"]
    done = await http.post(
        "/fr/votes/acts", data={"organisation": "1", "signed": signed}, headers={**SITE, "x-delegate": "1"}
    )
    assert (done.status_code, done.headers["location"]) == (303, f"/fr/votes/{vote}?done=cast")
    page = (await http.get(done.headers["location"], headers={"x-delegate": "1", "Accept": "text/html"})).text
    assert "Votre position est dans la chaîne" in page
    assert re.search(r"<dt>Fondatrice n° 1</dt><dd><strong>pour</strong>", page)
    assert re.search(r'value="for" required checked', page)
    # Whoever is nobody's delegate is told so, and reads no position as theirs.
    page = (await http.get(f"/fr/votes/{vote}", headers={"x-delegate": "9", "Accept": "text/html"})).text
    assert "Votre position est dans la chaîne" not in page
    assert "<dt>Fondatrice n° 1</dt>" not in page
    assert "checked" not in page
    assert "Vous n’êtes délégué d’aucune organisation" in page
    positions = (await http.get(f"/v1/votes/{vote}/positions")).json()
    assert [(each["organisation"]["number"], each["position"]) for each in positions["positions"]] == [(1, "for")]


@pytest.mark.asyncio
async def test_a_proposal_goes_through_the_form(http: httpx.AsyncClient, instance: Instance) -> None:
    fields = {
        "act": "Members.suspend",
        "organisation": "6",
        "kind": "ordinary",
        "text": TEXT,
        "opens": "2026-01-01T10:00",
        "closes": "2026-01-02T10:00",
    }
    preview = await http.post("/en/votes/propose", data=fields, headers={**SITE, "Accept": "text/html"})
    assert preview.status_code == 200
    assert "would be suspended" in preview.text
    assert "Status of Fondatrice n° 6" in preview.text
    wrong = await http.post("/en/votes/propose.json", data={**fields, "organisation": "-1"}, headers=SITE)
    assert wrong.status_code == 422
    assert wrong.json()["refused"] == f"organisation is a whole number up to {2**48}"


HTML = {"Accept": "text/html"}


@pytest.mark.asyncio
async def test_whoever_is_not_logged_in_is_told_where_and_loses_nothing(http: httpx.AsyncClient, vote: int) -> None:
    delegate = {**HTML, "x-delegate": "1"}
    for path in (f"votes/{vote}", f"votes/{vote}/cast?position=for", "votes/propose", "votes/proxies/1"):
        assert 'href="/fr/log-in?next=here"' in (await http.get(f"/fr/{path}", headers=HTML)).text, path
        assert "/fr/log-in?next=here" not in (await http.get(f"/fr/{path}", headers=delegate)).text, path
    act = {"act": "propose", "kind": "ordinary", "text": TEXT, "calls": [], "opens": 1, "closes": 2}
    form = {"organisation": "1", "signed": json.dumps(act)}
    page = await http.post("/fr/votes/acts", data=form, headers={**SITE, **HTML, "x-delegate": "ended"})
    # The text is on that page alone: it stays there.
    assert page.status_code == 409
    assert TEXT.split("\n", maxsplit=1)[0] in page.text
    assert "/fr/log-in?again=1" in page.text


@pytest.mark.asyncio
async def test_a_reason_that_is_none_comes_back_beside_its_field(http: httpx.AsyncClient, vote: int) -> None:
    for reason, error in (("", "Une objection"), ("Trop\u202etôt", "U+202E")):
        asked = {"position": "object", "reason": reason}
        page = await http.get(f"/fr/votes/{vote}/cast", params=asked, headers={**HTML, "x-delegate": "1"})
        assert page.status_code == 422
        assert re.search(r'value="object" required checked', page.text)
        said = re.search(r'id="reason-error">([^<]+)', page.text)
        assert said is not None
        assert error in said[1]
        assert f'<a href="#cast">{said[1]}</a>' in page.text
        assert f">{reason}</textarea>" in page.text
    kept = await http.get(f"/fr/votes/{vote}/cast?position=object&reason=Trop", headers={**HTML, "x-delegate": "1"})
    assert kept.status_code == 200


@pytest.mark.asyncio
async def test_nothing_is_signed_in_a_vote_that_is_not_open(
    http: httpx.AsyncClient, instance: Instance, vote: int
) -> None:
    announced = await instance.propose(by=2, opens=50, closes=120)
    delegate = {**HTML, "x-delegate": "1"}
    answer = await http.get(f"/en/votes/{announced}/cast?position=for", headers=delegate)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/en/votes/{announced}?done=not-open")
    assert (
        "Nothing can be signed in this vote now" in (await http.get(answer.headers["location"], headers=delegate)).text
    )
    # A proxy for it can be given.
    assert (await http.get(f"/en/votes/proxies/give/sign?giver=1&holder=3&proposal={announced}")).status_code == 200
    signed = (await http.get(f"/en/votes/{vote}/cast.json?position=for", headers=delegate)).json()["signed"]
    instance.wait(100)
    for act in (ACT, {"act": "give-proxy", "holder": 3, "proposal": vote}):
        answer = await http.post("/v1/votes/acts", json=act)
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/vote-not-open")
    # What was read before the close is refused in words, on the page of the vote.
    late = await http.post("/fr/votes/acts", data={"organisation": "1", "signed": signed}, headers={**SITE, **delegate})
    assert late.status_code == 409
    assert "La loi de la chaîne refuse cet acte" in late.text
    assert f'action="/fr/votes/{vote}/cast"' not in late.text


@pytest.mark.asyncio
async def test_what_the_law_refuses_of_a_proposal_keeps_its_text(http: httpx.AsyncClient, instance: Instance) -> None:
    delegate = {**HTML, "x-delegate": "1"}
    assert "has two open votes" not in (await http.get("/en/votes/propose", headers=delegate)).text
    for _ in range(2):
        await instance.propose()
    assert "Fondatrice n° 1 has two open votes" in (await http.get("/en/votes/propose", headers=delegate)).text
    now = instance.assembly.time
    act = {"act": "propose", "kind": "ordinary", "text": TEXT, "calls": [], "opens": now + 5, "closes": now + 100}
    form = {"organisation": "1", "signed": json.dumps(act)}
    page = await http.post("/en/votes/acts", data=form, headers={**SITE, **delegate})
    assert page.status_code == 409
    assert "proposer has two open votes" in page.text
    assert TEXT.split("\n", maxsplit=1)[0] in page.text
    assert "Confirm and sign" in page.text


@pytest.mark.asyncio
async def test_a_proxy_is_chosen_by_name_and_its_errors_stand_at_their_fields(
    http: httpx.AsyncClient, instance: Instance, vote: int
) -> None:
    delegate = {**HTML, "x-delegate": "1"}
    page = (await http.get(f"/en/votes/proxies/1?proposal={vote}", headers=delegate)).text
    assert '<option value="3">Fondatrice n° 3</option>' in page
    assert '<option value="1">' not in page.partition('id="proposal"')[0]
    assert f'<option value="{vote}" selected>' in page
    assert "Every vote, until a date" in page
    year = datetime.datetime.fromtimestamp(instance.assembly.time, datetime.UTC).year
    for wrong, field in (
        ({"holder": "999", "until": f"{year + 1}-01-01T10:00"}, "holder"),
        ({"holder": "abc", "until": f"{year + 1}-01-01T10:00"}, "holder"),
        ({"holder": "1", "until": f"{year + 1}-01-01T10:00"}, "holder"),
        ({"holder": "3"}, "until"),
        ({"holder": "3", "until": f"{year - 1}-01-01T10:00"}, "until"),
        ({"holder": "3", "proposal": "999"}, "proposal"),
        ({"holder": "3", "proposal": "x"}, "proposal"),
    ):
        answer = await http.get("/en/votes/proxies/give/sign", params={"giver": "1", **wrong}, headers=delegate)
        assert answer.status_code in (404, 422), wrong
        assert re.findall(r'class="error" id="(\w+)-error"', answer.text) == [field], wrong
        assert "Proxies of Fondatrice n° 1" in answer.text
    asked = {"giver": "1", "holder": "3", "proposal": str(vote)}
    signed = (await http.get("/en/votes/proxies/give/sign.json", params=asked, headers=delegate)).json()["signed"]
    done = await http.post("/en/votes/acts", data={"organisation": "1", "signed": signed}, headers={**SITE, **delegate})
    assert (done.status_code, done.headers["location"]) == (303, "/en/votes/proxies/1?done=given")
    page = (await http.get(done.headers["location"], headers=delegate)).text
    assert "The proxy is given" in page
    assert f'<strong>Fondatrice n° 3</strong>, <a href="/en/votes/{vote}">' in page
    assert "Fondatrice n° 3 may take it as a proxy" in (await http.get(f"/en/votes/{vote}", headers=delegate)).text
    assert (await http.get("/en/votes/proxies/999", headers=delegate)).status_code == 404
    # The list of votes leads there, and to the brake, which says whom it stops.
    page = (await http.get("/en/votes", headers=delegate)).text
    for address in ("/en/votes/proxies/1", "/en/votes/brake/sign"):
        assert f'href="{address}"' in page
    said = html.unescape((await http.get("/fr/votes/brake/sign", headers=delegate)).text)
    assert "les contrats de publication qui l’interrogent sous leur nom" in said
    assert "Aucun de ceux du bloc zéro ne l’interroge" in said
    assert "/en/votes/proxies/1" not in (await http.get("/en/votes", headers=HTML)).text


@pytest.mark.asyncio
async def test_of_too_many_to_choose_among_one_is_named_by_its_number(
    http: httpx.AsyncClient, vote: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_many(_names: Names, _statuses: Collection[int]) -> None:
        return None

    monkeypatch.setattr(Names, "organisations", too_many)
    delegate = {**HTML, "x-delegate": "1"}
    for page in (f"/en/votes/proxies/1?proposal={vote}", "/en/votes/propose?act=Members.suspend"):
        text = (await http.get(page, headers=delegate)).text
        assert "Its number in the register" in text
        assert "Fondatrice n° 3</option>" not in text
    for holder, status in (("3", 200), ("999", 422), ("abc", 422), ("1", 422)):
        asked = {"giver": "1", "holder": holder, "proposal": str(vote)}
        answer = await http.get("/en/votes/proxies/give/sign", params=asked, headers=delegate)
        assert answer.status_code == status, holder
        assert (f'value="{holder}" maxlength="15" required' in answer.text) == (status == 422)


@pytest.mark.asyncio
async def test_what_is_wrong_with_a_proposal_stands_at_its_field(http: httpx.AsyncClient) -> None:
    good = {"act": "resolution", "kind": "ordinary", "text": TEXT, "opens": "2026-01-01T10:00"}
    for wrong, field, said in (
        ({"closes": "2025-01-01T10:00"}, "closes", "A vote opens before it closes"),
        ({"closes": "soon"}, "closes", "A moment is written as"),
        ({"closes": "2026-01-02T10:00", "text": ""}, "text", "The first line of the text"),
    ):
        page = await http.post("/en/votes/propose", data={**good, **wrong}, headers={**SITE, **HTML})
        assert page.status_code == 422
        assert re.findall(r'class="error" id="(\w+)-error"', page.text) == [field]
        assert f'<p><a href="#{field}">{said}' in page.text
    page = (await http.get("/en/votes/propose?act=Members.suspend", headers=HTML)).text
    assert '<option value="6">Fondatrice n° 6</option>' in page
    assert (
        "curl -o votes.json http://portal.test/v1/votes/export"
        in (await http.get("/en/votes/recount", headers=HTML)).text
    )


@pytest.mark.asyncio
async def test_a_rule_of_admission_is_chosen_and_not_typed(http: httpx.AsyncClient) -> None:
    chosen: dict[str, str | list[str]] = {
        "act": "Admissions.set_rule", "organisation_kind": "4", "country": "FR", "offices": "32",
        "evidence": ["1", "2"], "tier": "1", "college": "0", "kind": "ordinary", "text": TEXT,
        "opens": "2026-01-01T10:00", "closes": "2026-01-02T10:00",
    }  # fmt: skip
    form = (await http.get("/fr/votes/propose?act=Admissions.set_rule", headers=HTML)).text
    assert '<option value="DE">Allemagne</option>' in form
    preview = await http.post("/fr/votes/propose", data=chosen, headers={**SITE, **HTML})
    assert preview.status_code == 200
    assert "associations (France)" in preview.text
    seen = ("l’inscription au registre public", "que la personne qui candidate peut parler pour l’organisation")
    assert ", ".join(seen) in preview.text
    nothing = {name: value for name, value in chosen.items() if name != "evidence"}
    assert (await http.post("/fr/votes/propose", data=nothing, headers={**SITE, **HTML})).status_code == 200
    for name, value in (("country", "XX"), ("tier", "8"), ("college", "-1"), ("organisation_kind", "6")):
        wrong = await http.post("/fr/votes/propose", data={**chosen, name: value}, headers={**SITE, **HTML})
        assert wrong.status_code == 422, name
        assert re.findall(r'class="error" id="(\w+)-error"', wrong.text) == [name]
        # What was chosen stands as it was.
        assert re.findall(r'name="evidence" value="(\d)" checked', wrong.text) == ["1", "2"]
        assert '<option value="32" selected>' in wrong.text
    unknown = await http.post("/fr/votes/propose", data={**chosen, "evidence": ["1", "x"]}, headers={**SITE, **HTML})
    assert unknown.status_code == 422


STATUTES = {
    "ordinary_quorum": "25", "ordinary_majority": "1/2", "ordinary_window": "1 min", "ordinary_lock": "10 s",
    "constitutional_quorum": "50", "constitutional_majority": "2/3", "constitutional_window": "1 min",
    "constitutional_lock": "20 s", "emergency_quorum": "33.34", "emergency_majority": "2/3",
    "emergency_window": "30 s", "emergency_lock": "0 s", "notice": "0 s", "expiry": "1 min", "proxies": "2",
    "by_college": "no", **{f"weight_{tier}": "1" for tier in range(8)},
}  # fmt: skip
"""Those of the assembly, as they are typed in English."""
MOMENTS = {"text": TEXT, "opens": "2026-01-01T10:00", "closes": "2026-01-02T10:00"}


def begun(page: str) -> dict[str, str]:
    """What stands in the fields of a form."""
    fields = re.findall(r'<input class="control" value="([^"]*)" id="\w+" name="(\w+)"', page)
    return {name: value for value, name in fields}


@pytest.mark.asyncio
async def test_statutes_begin_from_those_in_force_and_one_value_is_changed(http: httpx.AsyncClient) -> None:
    english = (await http.get("/en/votes/propose?act=Governance.set_statutes", headers=HTML)).text
    assert {**begun(english), "by_college": "no"} == STATUTES
    assert '<option value="no" selected>' in english
    assert 'value="constitutional" required checked' in english
    french = (await http.get("/fr/votes/propose?act=Governance.set_statutes", headers=HTML)).text
    assert begun(french)["emergency_quorum"] == "33,34"
    # Each language reads what it wrote, and the other's too.
    sent = {"act": "Governance.set_statutes", "kind": "constitutional", **STATUTES, **MOMENTS}
    for language, changed in (("en", {}), ("fr", begun(french))):
        data = sent | changed | {"notice": "2 j 12 h"}
        page = await http.post(f"/{language}/votes/propose.json", data=data, headers=SITE)
        assert page.status_code == 200, page.text
        (call,) = page.json()["calls"]
        assert [(row["before"], row["after"]) for row in call["changes"] if not row["same"]] == [
            {"en": ("none at all", "2 days and 12 hours"), "fr": ("aucun", "2 jours et 12 heures")}[language]
        ]
        assert page.json()["prospect"]["rehearsal"]["in_words"]


@pytest.mark.asyncio
async def test_statutes_that_cannot_be_are_refused_at_their_field(http: httpx.AsyncClient) -> None:
    sent = {"act": "Governance.set_statutes", "kind": "constitutional", **STATUTES, **MOMENTS}
    for name, values in {
        "ordinary_quorum": ("", "100.01", "25.123", "-1", "half"),
        "constitutional_majority": ("", "1/3", "3/3", "2/101", "66"),
        "ordinary_window": ("", "0 s", "61 d", "14", "d", "14 weeks"),
        "emergency_lock": ("61 d", "soon"),
        "constitutional_lock": ("10 s", "9 s"),
        "notice": ("1441 h",),
        "expiry": ("59 s", "366 d"),
        "proxies": ("17", "-1", ""),
        "by_college": ("perhaps", ""),
        "weight_7": ("0", "1001", "x"),
        "kind": ("ordinary", "emergency"),
    }.items():
        for value in values:
            page = await http.post("/en/votes/propose", data=sent | {name: value}, headers={**SITE, **HTML})
            assert page.status_code == 422, (name, value)
            assert re.findall(r'class="error" id="(\w+)-error"', page.text) == [name], (name, value)
            assert f'<a href="#{name}">' in page.text
            assert page.text.count(f'id="{name}"') == 1
            # Nothing else of what was typed is lost.
            kept = begun(page.text)
            assert {each: kept[each] for each in kept if each != name} == {
                each: STATUTES[each] for each in STATUTES if each not in (name, "by_college")
            }


@pytest.mark.asyncio
async def test_offices_are_ticked_and_a_member_is_classified_anew(http: httpx.AsyncClient) -> None:
    appoint = {"act": "Members.appoint", "kind": "ordinary", "account": "0x" + member(2).hex(), **MOMENTS}
    for ticked, after in ((["16", "64"], "officer and verifier of credentials"), ([], "no office")):
        page = await http.post("/en/votes/propose.json", data={**appoint, "appointed": ticked}, headers=SITE)
        assert page.status_code == 200, page.text
        (call,) = page.json()["calls"]
        assert call["arguments"] == {"account": "0x" + member(2).hex(), "offices": sum(map(int, ticked))}
        assert [row["after"] for row in call["changes"]] == [after]
    for name, wrong in (("account", {"account": "0x12"}), ("appointed", {"appointed": ["8"]})):
        page = await http.post("/en/votes/propose", data=appoint | wrong, headers={**SITE, **HTML})
        assert page.status_code == 422
        assert re.findall(r'class="error" id="(\w+)-error"', page.text) == [name]
    anew = {
        "act": "Members.classify", "kind": "ordinary", "organisation": "3", "organisation_kind": "4", "tier": "2",
        "college": "1", "country": "DE", **MOMENTS,
    }  # fmt: skip
    page = await http.post("/en/votes/propose.json", data=anew, headers=SITE)
    assert page.status_code == 200, page.text
    changes = page.json()["calls"][0]["changes"]
    assert [row["after"] for row in changes] == ["association", "Germany", "2", "1"]
    for name, value in (("country", ""), ("country", "ZZ"), ("tier", "8"), ("organisation_kind", "6")):
        page = await http.post("/en/votes/propose", data=anew | {name: value}, headers={**SITE, **HTML})
        assert page.status_code == 422
        assert re.findall(r'class="error" id="(\w+)-error"', page.text) == [name]


@pytest.mark.asyncio
async def test_a_validator_is_set_aside_by_its_key(http: httpx.AsyncClient) -> None:
    key = "0x" + "11" * 32
    aside = {"act": "Network.set_power", "kind": "ordinary", "public_key": key, "power": "0", **MOMENTS}
    page = await http.post("/en/votes/propose.json", data=aside, headers=SITE)
    assert page.status_code == 200, page.text
    assert page.json()["calls"][0]["arguments"] == {"public_key": key, "power": 0}
    for name, value in (("public_key", key[:-2]), ("public_key", "11" * 33), ("power", "1001"), ("power", "-1")):
        wrong = await http.post("/en/votes/propose", data=aside | {name: value}, headers={**SITE, **HTML})
        assert wrong.status_code == 422
        assert re.findall(r'class="error" id="(\w+)-error"', wrong.text) == [name]


# Attacks.

ACT = {"act": "cast", "proposal": 1, "position": "for"}


@pytest.mark.asyncio
async def test_nobody_acts_for_an_organisation_that_is_not_theirs(http: httpx.AsyncClient, vote: int) -> None:
    acts: list[dict[str, object]] = [
        ACT,
        {"act": "propose", "kind": "ordinary", "text": TEXT, "calls": [], "opens": 1, "closes": 2},
        {"act": "execute", "proposal": 1},
        {"act": "give-proxy", "holder": 3, "proposal": 1},
        {"act": "revoke-proxy"},
        {"act": "brake"},
    ]
    for act in acts:
        for delegate, status in ((None, 401), ("1", 403), ("0", 403), ("2 ", 403)):
            headers = {} if delegate is None else {"x-delegate": delegate}
            refused = await http.post("/v1/votes/organisations/2/acts", json=act, headers=headers)
            assert refused.status_code == status, (act, delegate)
            form = {"organisation": "2", "signed": json.dumps(act)}
            page = await http.post("/fr/votes/acts", data=form, headers={**SITE, **headers})
            assert page.status_code == status
    assert (await http.get(f"/v1/votes/{vote}/positions")).json()["total"] == 0


@pytest.mark.asyncio
async def test_another_site_cannot_make_a_browser_sign(http: httpx.AsyncClient, vote: int) -> None:
    form = {"organisation": "1", "signed": json.dumps(ACT)}
    for headers in ({}, {"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        for path in ("/fr/votes/acts", "/fr/votes/propose"):
            refused = await http.post(path, data=form, headers={**headers, "x-delegate": "1"})
            assert refused.status_code == 403, (path, headers)
    assert (await http.get(f"/v1/votes/{vote}/positions")).json()["total"] == 0


@pytest.mark.asyncio
async def test_reading_a_page_signs_nothing(http: httpx.AsyncClient, instance: Instance, vote: int) -> None:
    before = instance.assembly.block
    for path in ("cast?position=for", "cast?position=against&giver=2", "execute"):
        await http.get(f"/fr/votes/{vote}/{path}", headers={"x-delegate": "1"})
    assert instance.assembly.block == before


@pytest.mark.asyncio
async def test_a_proposal_that_is_sent_again_is_made_once(http: httpx.AsyncClient, instance: Instance) -> None:
    now = instance.assembly.time
    act = {"act": "propose", "kind": "ordinary", "text": "Charte", "calls": [], "opens": now + 60, "closes": now + 120}
    headers = {"x-delegate": "1", "Idempotency-Key": "charter"}
    path = "/v1/votes/organisations/1/acts"
    sent = [await http.post(path, json=act, headers=headers) for _ in range(2)]
    assert [one.status_code for one in sent] == [200, 200]
    assert sent[0].json() == sent[1].json()
    assert len((await http.get("/v1/votes")).json()["proposals"]) == 1
    assert (await http.post(path, json=act | {"text": "Other"}, headers=headers)).status_code == 422
    # Whoever may no longer act is not told either.
    refused = await http.post("/v1/votes/organisations/2/acts", json=act, headers=headers)
    assert refused.status_code == 403


@pytest.mark.asyncio
async def test_the_law_answers_double_votes_early_executions_and_late_ones(
    http: httpx.AsyncClient, instance: Instance, vote: int
) -> None:
    headers = {"x-delegate": "1"}
    path = "/v1/votes/organisations/1/acts"
    for _ in range(2):
        assert (await http.post(path, json=ACT, headers=headers)).status_code == 200
    tally = (await http.get(f"/v1/votes/{vote}")).json()["tally"]
    assert (tally["in_favour"], tally["undecided"]) == (1, 6)
    early = await http.post(path, json={"act": "execute", "proposal": vote}, headers=headers)
    assert early.status_code == 409
    assert early.json()["type"] == "/problems/refused-by-law"
    assert early.json()["detail"] == "the chain refuses it: governance: not executable"
    instance.wait(100)
    late = await http.post(path, json=ACT, headers=headers)
    assert late.status_code == 409
    assert "vote is not open" in late.json()["detail"]
    instance.wait(10_000)
    expired = await http.post(path, json={"act": "execute", "proposal": vote}, headers=headers)
    assert expired.status_code == 409


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "act",
    [
        {},
        {"act": "abolish"},
        {"act": "cast", "proposal": 1, "position": "for", "organisation": 2},
        {"act": "cast", "proposal": "1", "position": "for"},
        {"act": "cast", "proposal": 0, "position": "for"},
        {"act": "cast", "proposal": 2**60, "position": "for"},
        {"act": "cast", "proposal": 1, "position": "maybe"},
        {"act": "cast", "proposal": 1, "position": "object"},
        {"act": "propose", "kind": "ordinary", "text": "", "calls": [], "opens": 1, "closes": 2},
        {"act": "propose", "kind": "royal", "text": "x", "calls": [], "opens": 1, "closes": 2},
        {"act": "propose", "kind": "ordinary", "text": "x", "calls": [{"target": "0x1", "data": "0x"}], "opens": 1,
         "closes": 2},
        {"act": "propose", "kind": "ordinary", "text": "x", "calls": [], "opens": 2, "closes": 1},
    ],
)  # fmt: skip
async def test_what_is_no_act_is_refused(http: httpx.AsyncClient, vote: int, act: dict[str, object]) -> None:
    answer = await http.post("/v1/votes/acts", json=act)
    assert answer.status_code == 422, answer.text
    done = await http.post("/v1/votes/organisations/1/acts", json=act, headers={"x-delegate": "1"})
    assert done.status_code == 422


@pytest.mark.asyncio
async def test_numbers_that_are_none_are_unknown_votes(http: httpx.AsyncClient, vote: int) -> None:
    for name in ("0", "999", "01", "-1", "1e3", "\u0661", "x", "9" * 40, "1%00"):
        page = await http.get(f"/fr/votes/{name}")
        assert page.status_code == 404, name
    assert (await http.get("/v1/votes/999")).status_code == 404
    assert (await http.get("/v1/votes/x")).status_code in (404, 422)


@pytest.mark.asyncio
async def test_a_script_in_a_text_or_a_reason_is_only_text(http: httpx.AsyncClient, instance: Instance) -> None:
    evil = '<script>alert(1)</script>\n\n"><img src=x onerror=alert(1)>'
    number = await instance.propose(text=evil)
    instance.wait(2)
    await instance.service.cast(2, number, Position.OBJECT, "person:2", reason="<b onclick=x>non</b>")
    for path in (f"/fr/votes/{number}", "/fr/votes", f"/fr/votes/{number}/cast?position=for&reason=%3Cscript%3E"):
        page = (await http.get(path, headers={"Accept": "text/html"})).text
        assert "<script>" not in page
        assert "<img src=x" not in page
        assert "<b onclick" not in page
    answer = await http.get("/feeds/fr/votes.atom")
    again = await http.get("/feeds/fr/votes.atom", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    feed = answer.content
    titles = [each.text for each in ElementTree.fromstring(feed).iter("{http://www.w3.org/2005/Atom}title")]  # noqa: S314 - our own feed
    assert "<script>alert(1)</script>" in titles


@pytest.mark.asyncio
async def test_a_text_too_long_is_not_held(http: httpx.AsyncClient, vote: int) -> None:
    assert (await http.post("/v1/votes/texts", content=b"x" * 100_000)).status_code == 413
    assert (await http.post("/v1/votes/texts", content=b"\xff\xfe")).status_code == 422
    assert (await http.post("/v1/votes/texts", content=b"of no proposal")).status_code == 422


@pytest.mark.asyncio
async def test_the_export_is_counted_by_whoever_has_it(http: httpx.AsyncClient, instance: Instance, vote: int) -> None:
    instance.ledger.include(GOVERN.cast(vote, Position.FOR, bytes(32)), member(2))
    instance.ledger.include(GOVERN.execute(vote, ()), STRANGER)
    written = (await http.get("/v1/votes/export")).content
    read = Export.parse(written)
    assert recount(read.founding, read.dated()) == instance.assembly.recount.votes()


@pytest.mark.asyncio
async def test_what_is_read_is_known_again_in_its_language_until_it_changes(
    http: httpx.AsyncClient, instance: Instance, vote: int
) -> None:
    changing = ["/v1/votes", f"/v1/votes/{vote}", f"/v1/votes/{vote}/positions", "/v1/votes/export"]
    tags = {}
    for path in (*changing, "/v1/votes/statutes", "/v1/votes/proxies/1"):
        first = await http.get(path, headers={"Accept-Language": "fr"})
        assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
        tags[path] = {"If-None-Match": first.headers["etag"]}
        again = await http.get(path, headers={"Accept-Language": "fr", **tags[path]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers.get("vary") == (None if path.endswith("export") else "Accept-Language")
    english = await http.get(f"/v1/votes/{vote}", headers=tags[f"/v1/votes/{vote}"])
    assert (english.status_code, english.headers["content-language"]) == (200, "en")
    await instance.service.cast(2, vote, Position.FOR, "person:1")
    for path in changing:
        changed = await http.get(path, headers={"Accept-Language": "fr", **tags[path]})
        assert (changed.status_code, {"If-None-Match": changed.headers["etag"]} == tags[path]) == (200, False), path
    instance.wait(130)
    await instance.service.keep_records()
    record = await http.get(f"/v1/votes/{vote}/record")
    assert record.headers["content-disposition"].startswith("attachment")
    again = await http.get(f"/v1/votes/{vote}/record", headers={"If-None-Match": record.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.asyncio
async def test_the_feed_changes_when_a_vote_opens_and_closes(http: httpx.AsyncClient, instance: Instance) -> None:
    async def updated() -> tuple[str, ...]:
        feed = ElementTree.fromstring((await http.get("/feeds/en/votes.atom")).content)  # noqa: S314 - our own feed
        return tuple(each.text or "" for each in feed.iter("{http://www.w3.org/2005/Atom}updated"))

    def said(seconds: int) -> tuple[str, ...]:
        """Of the feed, and of its one entry."""
        return (datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(),) * 2

    number = await instance.propose()
    shown = (await instance.service.proposal(number)).proposal
    assert instance.service.now() < shown.opens
    announced = await updated()
    assert announced < said(shown.opens)
    instance.wait(shown.opens - instance.service.now())
    assert await updated() == said(shown.opens)
    instance.wait(shown.closes - instance.service.now())
    assert await updated() == said(shown.closes)


@pytest.mark.asyncio
async def test_dates_stand_in_a_calendar(http: httpx.AsyncClient, instance: Instance, vote: int) -> None:
    answer = await http.get("/feeds/fr/votes.ics")
    body = answer.text
    assert body.startswith("BEGIN:VCALENDAR\r\n")
    assert body.count("BEGIN:VEVENT") == 1
    assert all(len(line.encode()) <= 75 for line in body.split("\r\n"))
    assert f"UID:vote-{vote}@portal.test" in body
    # It is stamped with its last change, and known again whatever the hour until there is another.
    shown = (await instance.service.proposal(vote)).proposal

    def stamp(seconds: int) -> str:
        return f"\r\nDTSTAMP:{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y%m%dT%H%M%SZ}\r\n"

    assert stamp(shown.opens) in body
    has = {"If-None-Match": answer.headers["etag"]}
    instance.clock.time += datetime.timedelta(seconds=1)
    again = await http.get("/feeds/fr/votes.ics", headers=has)
    assert (again.status_code, again.headers["etag"]) == (304, answer.headers["etag"])
    instance.clock.time += datetime.timedelta(seconds=shown.closes - instance.service.now())
    changed = await http.get("/feeds/fr/votes.ics", headers=has)
    assert changed.status_code == 200
    assert stamp(shown.closes) in changed.text


@pytest.mark.asyncio
async def test_a_record_says_what_changes_and_once_executed_by_whom(
    http: httpx.AsyncClient, instance: Instance
) -> None:
    html = {"Accept": "text/html"}
    dearer = Credits(CREDITS).set_floor_tip(2 * 10**9)
    refused = await instance.propose((ProposedCall(dearer.to, dearer.data),))
    passed = await instance.propose(by=2)
    instance.wait(2)
    for organisation in (1, 2, 3):
        await instance.service.cast(organisation, passed, Position.FOR, "person:1")
    instance.wait(130)
    await instance.service.keep_records()
    page = (await http.get(f"/fr/votes/{refused}/record", headers=html)).text
    assert "<del>1 Gwei</del>" in page
    assert "<ins>2 Gwei</ins>" in page
    assert "Exécutée le" not in page
    closed = datetime.datetime.fromtimestamp(instance.assembly.time, datetime.UTC)
    instance.clock.time = closed - datetime.timedelta(seconds=60)
    assert "Anybody can execute it from" in (await http.get(f"/en/votes/{passed}/record", headers=html)).text
    instance.clock.time = closed
    page = (await http.get(f"/en/votes/{passed}/record", headers=html)).text
    assert "Anybody can execute it" not in page
    assert "nobody can any more" in page


@pytest.mark.asyncio
async def test_the_record_of_what_was_executed_says_when_and_by_whom(
    http: httpx.AsyncClient, instance: Instance
) -> None:
    html = {"Accept": "text/html"}
    number = await instance.propose(closes=70)
    instance.wait(2)
    for organisation in (1, 2, 3):
        await instance.service.cast(organisation, number, Position.FOR, "person:1")
    instance.wait(80)
    await instance.service.execute(2, number, "person:2")
    instance.wait(120)
    await instance.service.keep_records()
    for address in (f"/en/votes/{number}/record", f"/en/votes/{number}"):
        page = (await http.get(address, headers=html)).text
        assert "It passed and was executed." in page
        assert re.search(r"Executed on \w+ .* in block [\d,]+ by Fondatrice n° 2, with the account 0x", page)
        assert "What the proposal changed" in page
        assert "Anybody can execute it" not in page
    executed = (await http.get(f"/en/votes/{number}/record.json")).json()["executed"]
    assert executed["organisation"] == {"number": 2, "legal_name": "Fondatrice n° 2"}


@pytest.mark.asyncio
async def test_a_record_of_many_positions_is_read_page_by_page_and_whole_as_json(
    http: httpx.AsyncClient, instance: Instance, store: Store
) -> None:
    number = await instance.propose()
    instance.wait(2)
    await instance.service.cast(1, number, Position.OBJECT, "person:1", reason="Trop tôt.")
    instance.wait(120)
    await instance.service.keep_records()
    document = json.loads((await instance.service.record(number))[0])
    # A record of sixty, made of the one there is: seven founders cannot fill a page.
    [said] = document["positions"]
    document["positions"] = [
        said | {"organisation": {"number": each, "legal_name": f"Commune {each:03}"}, "reason": None}
        for each in range(1, 61)
    ]
    document["positions"][59] |= {"by_proxy_of": {"number": 1, "legal_name": "Fondatrice n° 1"}, "weight": 3}
    with store.transaction() as session:
        session.execute(
            RECORD.update().where(RECORD.c.proposal == number).values(document=json.dumps(document).encode())
        )
    address, html = f"/fr/votes/{number}/record", {"Accept": "text/html"}
    shown = []
    for offset in (0, 25, 50):
        page = (await http.get(f"{address}?offset={offset}", headers=html)).text
        shown.append(re.findall(r"Commune \d{3}", page))
        assert (f'href="{address}?offset={offset + 25}"' in page) == (offset < 50)
        assert (f'btn--small" href="{address}">' in page) == (offset > 0)
        assert "60 en tout" in page
    assert [len(one) for one in shown] == [25, 25, 10]
    assert [name for names in shown for name in names] == [f"Commune {each:03}" for each in range(1, 61)]
    assert "par procuration, Fondatrice n° 1" in page
    # Beyond the last there is nothing, and nobody says that nobody voted.
    beyond = (await http.get(f"{address}?offset=75", headers=html)).text
    assert "Commune" not in beyond
    assert "60 en tout" in beyond
    assert (await http.get(f"{address}?offset=-1", headers=html)).status_code == 422
    # A program has it whole, wherever it asks.
    for path in (f"{address}.json?offset=25", f"/v1/votes/{number}/record"):
        answer = (await http.get(path)).json()
        assert len(answer.get("record", answer)["positions"]) == 60
