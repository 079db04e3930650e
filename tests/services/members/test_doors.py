# SPDX-License-Identifier: Apache-2.0
"""The doors of members over a whole instance: who may, what is refused, and how a document leaves."""

from __future__ import annotations

import datetime
import html
import json
import re
import shlex
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa

from alliance import fields
from maillon.kit import idempotency
from maillon.kit.page import moment
from maillon.kit.settings import Settings
from maillon.ledger.contracts.members import Members
from maillon.ledger.genesis import MEMBERS
from maillon.ledger.port import Address
from maillon.ledger.signing import Account
from maillon.main import Application, exclusive_home
from maillon.services.members.contract import MembersContract
from maillon.services.members.errors import RefusedByLedger
from maillon.services.members.model import HistoryEntry, Identifier, Scheme
from maillon.services.members.service import MembersService
from maillon.services.members.views import requests_document
from maillon.services.members.vouchers import Voucher
from maillon.services.people import OFFICE, Role
from maillon.services.people.model import Profile

pytestmark = pytest.mark.asyncio(loop_scope="module")
PLAIN_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
OURS = {"Origin": "http://maillon.test"}
REASON = {"reason": "a reason"}
ID = "0" * 24
ACCOUNT = "0x" + "11" * 20
SIRENS = ["000004002", "000005009", "000006007", "000007005", "000008003", "000009001"]
OF_OFFICE: list[tuple[str, str, Any]] = [
    ("GET", "/v1/applications", None),
    ("GET", f"/v1/applications/{ID}", None),
    ("GET", f"/v1/applications/{ID}/documents/{ID}", None),
    ("GET", f"/v1/applications/{ID}/proposal?tier=1&college=0", None),
    ("POST", f"/v1/applications/{ID}/request", REASON),
    ("POST", f"/v1/applications/{ID}/refusal", REASON),
    ("POST", f"/v1/applications/{ID}/acceptance", {"evidence": ["register"]}),
    ("POST", "/v1/members/1/suspension", REASON),
    ("PUT", "/v1/members/1/name", {"legal_name": "Other"}),
]
OF_MEMBER: list[tuple[str, str, Any]] = [
    ("POST", "/v1/members/1/accounts", {"scopes": [], "label": "a"}),
    ("PUT", f"/v1/members/1/accounts/{ACCOUNT}", {"scopes": [], "label": "a"}),
    ("DELETE", f"/v1/members/1/accounts/{ACCOUNT}", None),
    ("PUT", "/v1/members/1/credit-account", {"account": ACCOUNT}),
    ("PUT", "/v1/members/1/did", {"did": ""}),
    ("POST", "/v1/members/1/invitations", {"scheme": "siren", "identifier": "1", "legal_name": "x"}),
    ("GET", "/v1/members/1/suspensions", None),
    ("PUT", f"/v1/members/1/suspensions/{'0' * 64}/appeal", REASON),
    ("POST", "/v1/members/1/departure", None),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def instance(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Application]:
    home = tmp_path_factory.mktemp("doors") / "home"
    with exclusive_home(home):
        made = await Application.open(Settings(home=home, rate_limit=10_000))
        await made.start()
        await made.members.catch_up()
        yield made
        await made.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(instance: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(instance.create_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://maillon.test") as client:
        yield client


def key(instance: Application, organisation: str | None, scope: str) -> dict[str, str]:
    with instance.store.transaction() as session:
        _, made = instance.access.create(session, "test", [scope], None, organisation)
    return {"Authorization": f"Bearer {made}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def applied(http: httpx.AsyncClient) -> dict[str, Any]:
    made = await http.post("/v1/applications", json=fields())
    assert made.status_code == 201, made.text
    return dict(made.json())


@pytest.mark.parametrize(("method", "path", "body"), OF_OFFICE + OF_MEMBER, ids=lambda value: str(value)[:50])
async def test_nobody_and_the_wrong_member_are_refused_everywhere(
    http: httpx.AsyncClient, instance: Application, method: str, path: str, body: Any
) -> None:
    assert (await http.request(method, path, json=body)).status_code == 401
    wrong = key(instance, "2", "members:manage")
    assert (await http.request(method, path, json=body, headers=wrong)).status_code == 403
    lesser = key(instance, "1", "notary:write")
    assert (await http.request(method, path, json=body, headers=lesser)).status_code == 403
    if (method, path, body) in OF_OFFICE:
        own = key(instance, "1", "members:manage")
        assert (await http.request(method, path, json=body, headers=own)).status_code == 403


@pytest.mark.parametrize("path", ["office/applications", f"office/applications/{ID}", "organisations/1/register"])
async def test_a_page_of_others_asks_to_log_in(http: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST"):
        if method == "POST" and path == "office/applications":
            continue
        page = await http.request(method, f"/fr/{path}", headers={"Accept": "text/html"} | OURS, data={"act": "leave"})
        assert page.status_code == 303
        assert page.headers["location"].startswith("/fr/log-in?next=")


@pytest.mark.parametrize("act", [{}, {"act": "destroy"}, {"act": "accept "}], ids=["none", "unknown", "almost"])
async def test_a_form_that_does_not_say_what_to_do_does_nothing(
    http: httpx.AsyncClient, instance: Application, applied: dict[str, Any], act: dict[str, str]
) -> None:
    """A missing word is none that accepts an application, or adds an account."""
    people, person = instance.people, act.get("act", "none").encode().hex().ljust(20, "0")[:20]
    with instance.store.transaction() as connection:
        profile = Profile(f"{person}@ambrun.example", "Ada Martin", "fr")
        people._people.insert_person(connection, person, profile, instance.clock.now())
        for organisation in ("1", OFFICE):
            people._people.replace_roles(connection, person, organisation, list(Role), "system", instance.clock.now())
        session = people._begin(connection, person, {"passkey"}, "Firefox, Linux", None)
    browser = OURS | {"Accept": "text/html", "Cookie": f"maillon={session.token}"}
    operator = key(instance, None, "admin")
    before = (await http.get("/v1/members/1")).json()["accounts"]
    for path in (f"office/applications/{applied['id']}", "organisations/1/register"):
        given = act | {"scope": "vote", "label": "desk", "evidence": "register"}
        page = await http.post(f"/fr/{path}", data=given, headers=browser)
        assert page.status_code == 422, (path, page.status_code, page.text[-500:])
        assert "Cette page ne fait pas cela" in page.text
    assert (await http.get("/v1/members/1")).json()["accounts"] == before
    assert (await http.get(f"/v1/applications/{applied['id']}", headers=operator)).json()["state"] == "submitted"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def officer(instance: Application) -> dict[str, str]:
    """The browser of an administrator of the office, who has just logged in."""
    people, person = instance.people, "0f" * 10
    with instance.store.transaction() as connection:
        profile = Profile("office@ambrun.example", "Maud Ferrand", "fr")
        people._people.insert_person(connection, person, profile, instance.clock.now())
        people._people.replace_roles(connection, person, OFFICE, list(Role), "system", instance.clock.now())
        session = people._begin(connection, person, {"passkey"}, "Firefox, Linux", None)
    return OURS | {"Accept": "text/html", "Cookie": f"maillon={session.token}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def member(http: httpx.AsyncClient, instance: Application) -> str:
    """A member that is not the office's own."""
    made = await http.post("/v1/applications", json=fields(identifier="000003004", legal_name="Ville du Rhune"))
    path, seen = f"/v1/applications/{made.json()['id']}/acceptance", {"evidence": ["register"]}
    admitted = await http.post(path, json=seen, headers=key(instance, None, "admin"))
    assert admitted.json()["state"] == "admitted", admitted.text
    return str(admitted.json()["organisation"])


async def test_the_office_renames_after_it_has_read_what_it_signs(
    http: httpx.AsyncClient, officer: dict[str, str], member: str
) -> None:
    page = f"/en/office/members/{member}"
    assert "Ville du Rhune" in (await http.get(page, headers=officer)).text
    new = {"act": "rename", "legal_name": "Val-de-Rhune"}
    # 1. The sentence, and nothing signed.
    said = await http.post(page, data=new, headers=officer)
    assert "Ville du Rhune is called Val-de-Rhune from now on" in said.text
    assert (await http.get(f"/v1/members/{member}")).json()["legal_name"] == "Ville du Rhune"
    assert (
        "Ville du Rhune s’appelle désormais Val-de-Rhune"
        in (await http.post(page.replace("/en/", "/fr/"), data=new, headers=officer)).text
    )
    # 2. What hides something is refused before, and what is no act does nothing.
    for wrong in ({"act": "rename", "legal_name": "Rhune\u202e"}, {"act": "rename"}, {"act": "erase"}, {}):
        refused = await http.post(page, data=wrong | {"confirmed": "yes"}, headers=officer)
        assert refused.status_code == 422, refused.text
    # 3. Confirmed, it is done. Of the office's own member the law lets a vote alone do it.
    done = await http.post(page, data=new | {"confirmed": "yes"}, headers=officer)
    assert done.headers["location"] == f"{page}?done=renamed"
    assert (await http.get(f"/v1/members/{member}")).json()["legal_name"] == "Val-de-Rhune"
    own = await http.post("/en/office/members/1", data=new | {"confirmed": "yes"}, headers=officer)
    assert own.status_code == 409
    assert (await http.get("/v1/members/1")).json()["legal_name"] != "Val-de-Rhune"


async def always(_service: MembersService, _case: bytes) -> bool:
    return True


async def of_one_member(*_arguments: object) -> None:
    raise RefusedByLedger("admissions: both officers are of one member")


async def test_the_office_asks_for_a_suspension_after_it_has_read_what_it_signs(
    http: httpx.AsyncClient,
    instance: Application,
    officer: dict[str, str],
    member: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, asked = f"/en/office/members/{member}", {"act": "suspend", "reason": "Its keys are public."}

    async def requests() -> list[str]:
        history = (await http.get(f"/v1/members/{member}")).json()["history"]
        return [one["detail"]["case_id"][2:] for one in history if one["event"] == "SuspensionRequested"]

    # 1. The sentence, and nothing signed; without a reason there is nothing to sign.
    said = await http.post(page, data=asked, headers=officer)
    assert "is to be suspended for seven days" in said.text
    assert "Its keys are public." in said.text
    assert (await http.post(page, data={"act": "suspend", "confirmed": "yes"}, headers=officer)).status_code == 422
    assert await requests() == []
    # 2. Confirmed, it is asked for; nobody is suspended by one officer.
    done = await http.post(page, data=asked | {"confirmed": "yes"}, headers=officer)
    assert done.headers["location"] == f"{page}?done=asked"
    (case,) = await requests()
    shown = (await http.get(page, headers=officer)).text
    assert case in shown
    assert 'value="second"' not in shown, "nobody joins their own"
    assert (await http.get(f"/v1/members/{member}")).json()["status"] == "active"
    # 3. As the second officer: in words first; a case that is none is refused.
    assert case in (await http.post(page, data={"act": "second", "case": case}, headers=officer)).text
    assert (await http.post(page, data={"act": "second", "case": "zz"}, headers=officer)).status_code == 404
    again = await http.post(page, data={"act": "second", "case": case, "confirmed": "yes"}, headers=officer)
    assert again.headers["location"] == f"{page}?done=asked", "the law takes the same officer as asking again"
    # 4. A colleague's request has words instead of a button, and joining it elsewhere is refused in words.
    monkeypatch.setattr(MembersService, "is_asked_by_colleague", always)
    for language, says in (
        ("en", "An officer of your own organisation asked: the second must be of another member."),
        ("fr", "Un membre du bureau de votre propre organisation l’a demandée\u00a0: le second doit être d’une autre"),
    ):
        shown = html.unescape((await http.get(page.replace("/en/", f"/{language}/"), headers=officer)).text)
        assert says in shown
        assert 'value="second"' not in shown
    monkeypatch.setattr(MembersContract, "suspend", of_one_member)
    for language, says in (("en", "asked for this suspension: the second"), ("fr", "le second doit être d’une autre")):
        confirmed = {"act": "second", "case": case, "confirmed": "yes"}
        refused = await http.post(page.replace("/en/", f"/{language}/"), data=confirmed, headers=officer)
        assert (refused.status_code, says in html.unescape(refused.text)) == (409, True)
    answer = await http.post(f"/v1/members/{member}/suspension", json={"case": case},
                             headers=key(instance, None, "admin"))  # fmt: skip
    assert answer.json()["type"].endswith("/same-member")
    # 5. Another's request has the button.
    entry = HistoryEntry(int(member), 2**40, 0, instance.clock.now(), "SuspensionRequested",
                         {"case_id": "0x" + "5a" * 32, "officer": ACCOUNT}, bytes(32))  # fmt: skip
    assert [one["case"] for one in requests_document([entry], instance.clock.now())] == ["5a" * 32]
    later = instance.clock.now() + datetime.timedelta(days=2)
    assert requests_document([entry], later) == []


async def test_the_office_accepts_after_it_has_read_what_it_signs(
    http: httpx.AsyncClient, instance: Application, officer: dict[str, str]
) -> None:
    operator, refusals = key(instance, None, "admin"), []
    for number, (name, evidence, says) in enumerate(
        (
            ("Ville de Larne", ["register"], "of Ville de Larne it has seen: the entry in the public register;"),
            ("Ville de Sorde", [], "Ville de Sorde stands on the chain as an applicant."),
        )
    ):
        made = (await http.post("/v1/applications", json=fields(identifier=SIRENS[number], legal_name=name))).json()
        page, told = f"/en/office/applications/{made['id']}", f"/v1/applications/{made['id']}"
        asked: dict[str, Any] = {"act": "accept", "evidence": evidence}
        # 1. The sentence, and nothing signed: the application can still be refused.
        said = html.unescape((await http.post(page, data=asked, headers=officer)).text)
        assert says in said
        assert 'name="confirmed" value="yes"' in said
        assert said.count('name="evidence"') == len(evidence)
        assert (await http.get(told, headers=operator)).json()["state"] == "submitted"
        # 2. Confirmed, it is done as it was said.
        done = await http.post(page, data=asked | {"confirmed": "yes"}, headers=officer)
        assert done.headers["location"] == f"{page}?done=accepted"
        assert (await http.get(told, headers=operator)).json()["state"] == ("admitted" if evidence else "presented")
        refusals.append(await http.post(page, data=asked, headers=officer))
    # 3. A member is accepted no more; of an applicant on the chain nothing is signed while the rule asks for more.
    assert [one.status_code for one in refusals] == [409, 200]
    assert "Nothing is signed" in refusals[1].text
    cyrillic = fields(identifier=SIRENS[5], legal_name="Ville de S\u043erde")
    mixed = (await http.post("/v1/applications", json=cyrillic)).json()
    for language, says in (("en", "letters of: Cyrillic, Latin."), ("fr", "lettres de\u00a0: cyrillique, latin.")):
        review = await http.get(f"/{language}/office/applications/{mixed['id']}", headers=officer)
        assert says in html.unescape(review.text)
        assert "Cyrl" not in review.text
        signing = f"/{language}/office/applications/{mixed['id']}"
        before = (await http.post(signing, data={"act": "accept", "evidence": "register"}, headers=officer)).text
        assert says in html.unescape(before), "it is said again before anything is signed"
        assert 'name="confirmed" value="yes"' in before
    wrong = await http.post(page, data={"act": "accept", "evidence": "rumour"}, headers=officer)
    assert wrong.status_code == 422


async def test_a_document_that_is_too_large_leaves_the_applicant_on_the_page(http: httpx.AsyncClient) -> None:
    made = await http.post("/v1/applications", json=fields(identifier=SIRENS[2], legal_name="Ville de Mauve"))
    code, browser = made.json()["code"], OURS | {"Accept": "text/html"}
    for size, status, says in ((6, 413, "Extrait.pdf\u00a0: 5 Mo au plus."), (0, 200, "La pièce est arrivée")):
        content = PLAIN_PDF.replace(b"\nendobj", b" " * (size * 2**20) + b"\nendobj")
        file = {"document": ("Extrait.pdf", content, "application/pdf")}
        page = await http.post("/fr/application/documents", data={"code": code}, files=file, headers=browser)
        assert page.status_code == status, page.text[:500]
        assert says in html.unescape(page.text)
        assert f'name="code" value="{code}"' in page.text
    assert page.text.count("Extrait.pdf</th>") + page.text.count("Extrait.pdf<br>") == 1


async def test_what_is_wrong_is_said_once_and_in_the_words_of_people(
    http: httpx.AsyncClient, officer: dict[str, str]
) -> None:
    browser = OURS | {"Accept": "text/html"}
    wrong = (await http.post("/en/application", data={"act": "show", "code": "none"}, headers=browser)).text
    assert wrong.count("There is no such application") == 1
    assert "Check its code" in wrong
    unknown = (await http.get(f"/en/office/applications/{ID}", headers=officer)).text
    assert "the office finds every application in its list" in unknown
    empty = html.unescape((await http.post("/en/apply", data={"scheme": ""}, headers=browser)).text)
    assert "Choose the kind of identifier." in empty
    assert "called" not in empty
    other = html.unescape((await http.post("/en/apply", data={"scheme": "duns"}, headers=browser)).text)
    assert "There is no kind of identifier called duns" in other
    for path in ("members?after=zzz", f"members?q={'x' * 500}"):
        page = await http.get(f"/en/{path}", headers=browser)
        assert page.status_code == 422
        assert "Check the address" in page.text
        assert "members are not" not in page.text
        told = (await http.get(f"/en/{path}", headers={"Accept": "application/json"})).json()
        assert [one["at"] for one in told["errors"]] == ["query/after" if "after" in path else "query/q"]


async def test_whoever_loads_the_page_with_the_code_again_sees_it_again(
    http: httpx.AsyncClient, instance: Application
) -> None:
    browser = OURS | {"Accept": "text/html"}
    form = fields(identifier=SIRENS[4], legal_name="Ville de Brenne", contact_address="jean@exämple.fr")
    form["once"] = token((await http.get("/en/apply", headers=browser)).text)
    pages = [(await http.post("/en/apply", data=form, headers=browser)) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    codes = {found for page in pages for found in re.findall(r'name="code" value="([^"]+)"', page.text)}
    assert len(codes) == 1
    assert "jean@xn--exmple-cua.fr" in pages[1].text
    # Another form, a second page or none is another application, and the organisation applies already.
    for changed in ({"message": "Nous sommes 913."}, {"once": token((await http.get("/en/apply")).text)}, {"once": ""}):
        again = await http.post("/en/apply", data=form | changed, headers=browser)
        assert again.status_code == 409, again.text[:200]
        assert codes.isdisjoint(re.findall(r"[A-Z0-9-]{20,}", again.text))
    # Erased, its code is kept nowhere.
    await http.post("/en/application", data={"act": "erase", "code": codes.pop()}, headers=browser)
    with instance.store.read() as session:
        subjects = session.execute(sa.select(idempotency.table.c.key)).scalars().all()
    assert not [key for key in subjects if key.startswith(form["once"])]


def token(page: str) -> str:
    return re.findall(r'name="once" value="([0-9a-f]{32})"', page)[0]


async def test_the_directory_counts_members_apart_and_leads_to_countries(http: httpx.AsyncClient) -> None:
    page = (await http.get("/en/members?q=ville")).text
    facets = (await http.get("/en/members.json?q=ville")).json()["facets"]
    members = facets["status"]["active"] + facets["status"]["suspended"]
    total = sum(facets["status"].values())
    assert members < total
    assert re.search(rf"{total} organisations, of them members: {members}</h2>", page)
    assert '<a href="/en/members?q=ville&amp;country=FR">France</a>' in page
    assert "of them members" not in (await http.get("/en/members?status=active")).text


async def test_what_has_no_name_of_its_own_is_said_in_words(http: httpx.AsyncClient) -> None:
    page = html.unescape((await http.get("/en/members/1")).text)
    assert "SANDBOX SANDBOX" not in page
    assert ">SANDBOX</span>" in page
    assert ">without a label</th>" in page
    assert ">SIREN" in (await http.get("/en/members")).text


async def test_who_left_may_nothing_any_more_and_its_page_says_since_when(
    http: httpx.AsyncClient, instance: Application
) -> None:
    operator, seen = key(instance, None, "admin"), {"evidence": ["register"]}
    made = (await http.post("/v1/applications", json=fields(identifier=SIRENS[3], legal_name="Ville de Thure"))).json()
    admitted = await http.post(f"/v1/applications/{made['id']}/acceptance", json=seen, headers=operator)
    number = admitted.json()["organisation"]
    page = f"/en/members/{number}"
    assert "Nothing any more" not in (await http.get(page)).text
    assert (await http.get(f"{page}.json")).json()["left"] is None
    assert (await http.post(f"/v1/members/{number}/departure", headers=operator)).status_code == 200
    assert "Nothing any more" in (await http.get(page)).text
    left = datetime.datetime.fromisoformat((await http.get(f"{page}.json")).json()["left"])
    assert f"<dt>Left</dt><dd>{moment(left, 'en')}</dd>" in (await http.get(page)).text


async def test_the_office_pages_of_members_are_for_the_office_alone(
    http: httpx.AsyncClient, instance: Application, member: str
) -> None:
    people, person = instance.people, "1f" * 10
    with instance.store.transaction() as connection:
        profile = Profile("mayor@ambrun.example", "Camille Aubin", "fr")
        people._people.insert_person(connection, person, profile, instance.clock.now())
        people._people.replace_roles(connection, person, member, list(Role), "system", instance.clock.now())
        session = people._begin(connection, person, {"passkey"}, "Firefox, Linux", None)
    mayor = OURS | {"Accept": "text/html", "Cookie": f"maillon={session.token}"}
    page = f"/fr/office/members/{member}"
    assert (await http.get(page, headers=mayor)).status_code == 403
    for act in ("rename", "suspend", "second"):
        given = {"act": act, "legal_name": "Mienne", "reason": "x", "case": "00" * 32, "confirmed": "yes"}
        assert (await http.post(page, data=given, headers=mayor)).status_code == 403
        assert (await http.post(page, data=given, headers=OURS | {"Accept": "text/html"})).status_code == 303
    assert "office/members" not in (await http.get(f"/fr/organisations/{member}/register", headers=mayor)).text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def steward(instance: Application) -> dict[str, str]:
    """The browser of an administrator of the sandbox's own organisation, whose key this instance keeps nowhere."""
    people, person = instance.people, "2f" * 10
    with instance.store.transaction() as connection:
        profile = Profile("steward@ambrun.example", "Ada Martin", "fr")
        people._people.insert_person(connection, person, profile, instance.clock.now())
        people._people.replace_roles(connection, person, "1", list(Role), "system", instance.clock.now())
        session = people._begin(connection, person, {"passkey"}, "Firefox, Linux", None)
    return OURS | {"Accept": "text/html", "Cookie": f"maillon={session.token}"}


async def test_an_act_of_the_register_is_said_and_prepared_for_a_key_elsewhere(
    http: httpx.AsyncClient, officer: dict[str, str], steward: dict[str, str]
) -> None:
    page, before = "/en/organisations/1/register", (await http.get("/v1/members/1")).json()
    account = before["accounts"][0]["address"]
    for given, says, called in (
        ({"act": "did", "did": "did:web:a.example"}, "identifier of Sandbox is did:web:a.example",
         Members(MEMBERS).set_did("did:web:a.example")),
        ({"act": "leave"}, "Sandbox leaves the alliance", Members(MEMBERS).leave()),
        ({"act": "remove", "account": account}, "acts for Sandbox no more",
         Members(MEMBERS).remove_account(Address(bytes.fromhex(account[2:])))),
    ):  # fmt: skip
        shown = await http.post(page, data=given, headers=steward)
        assert shown.status_code == 200, shown.text
        assert says in shown.text
        assert "0x" + called.data.hex() in shown.text
        assert "FILE" in shown.text
        # No key of this organisation is kept here: the page offers none, and confirming signs nothing.
        assert 'name="confirmed"' not in shown.text
        assert (await http.post(page, data=given | {"confirmed": "yes"}, headers=steward)).status_code == 409
    # Nothing was signed; what is no act, or cannot be, is refused, and so is whoever may not.
    assert (await http.get("/v1/members/1")).json()["history"] == before["history"]
    for wrong, status in (
        ({"act": "add"}, 422),
        ({"act": "add", "label": "desk-1", "scope": "officer"}, 422),
        ({"act": "did", "did": "a.example"}, 422),
        ({"act": "remove"}, 404),
        ({"act": "wallet", "label": "desk-1"}, 404),
        ({"act": "wallet", "label": "desk-1", "account": account, "consent": "0x00"}, 422),
    ):
        assert (await http.post(page, data=wrong, headers=steward)).status_code == status
    refused = await http.post(page, data={"act": "leave"}, headers=officer)
    assert refused.status_code == 403
    prepared = await http.post("/v1/members/1/acts", json={"act": "leave"})
    assert prepared.json()["data"] == "0x" + Members(MEMBERS).leave().data.hex()
    for body in ({"act": "leave", "more": 1}, {"act": "exclude"}, {"act": "did", "did": "a.example"}):
        assert (await http.post("/v1/members/1/acts", json=body)).status_code == 422
    assert (await http.post("/v1/members/999/acts", json={"act": "leave"})).status_code == 404


def inputs(text: str, holds: str) -> dict[str, Any]:
    """The hidden fields of the form that holds some text, as a browser sends them."""
    found = next(one for one in re.findall(r"<form.*?</form>", text, re.DOTALL) if holds in one)
    given: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found):
        given.setdefault(name, []).append(html.unescape(value))
    return given


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def administrator(instance: Application, member: str) -> dict[str, str]:
    """The browser of an administrator of that member, whose key is kept here."""
    people, person = instance.people, "3f" * 10
    with instance.store.transaction() as connection:
        profile = Profile("first@ambrun.example", "Camille Aubin", "fr")
        people._people.insert_person(connection, person, profile, instance.clock.now())
        people._people.replace_roles(connection, person, member, list(Role), "system", instance.clock.now())
        session = people._begin(connection, person, {"passkey"}, "Firefox, Linux", None)
    return OURS | {"Accept": "text/html", "Cookie": f"maillon={session.token}"}


async def test_an_act_of_the_register_is_signed_with_the_kept_key_when_its_page_is_confirmed(
    http: httpx.AsyncClient, member: str, administrator: dict[str, str]
) -> None:
    page, address = f"/en/organisations/{member}/register", f"/v1/members/{member}"

    async def accounts() -> dict[str, list[str]]:
        shown = (await http.get(address)).json()["accounts"]
        return {one["label"]: one["scopes"] for one in shown if one["until"] is None}

    before = await accounts()
    # 1. A new account: the page names it, and its key waits here; asked again, the same account is offered.
    asked = {"act": "add", "label": "Desk-1", "scope": ["vote", "publish"]}
    said = await http.post(page, data=asked, headers=administrator)
    assert "called desk-1, acts for" in said.text
    assert "and may: vote, publish." in said.text
    form = inputs(said.text, 'name="confirmed"')
    assert inputs((await http.post(page, data=asked, headers=administrator)).text, 'name="confirmed"') == form
    assert await accounts() == before
    assert (await http.post(page, data=form, headers=administrator)).headers["location"].endswith("done=added")
    assert await accounts() == before | {"desk-1": ["vote", "publish"]}
    # Once it acts, it is offered no more, and what was confirmed twice is done once.
    (account,) = form["account"]
    other = inputs((await http.post(page, data=asked, headers=administrator)).text, 'name="confirmed"')["account"]
    assert other != [account]
    assert (await http.post(page, data=form, headers=administrator)).status_code == 409
    # 2. Each other act: said, then signed when that very form comes back; a word in place of yes signs nothing.
    for given, done in (
        ({"act": "change", "account": account, "label": "desk-2", "scope": "vote"}, "changed"),
        ({"act": "credits", "account": account}, "credits"),
        ({"act": "did", "did": "did:web:a.example"}, "did"),
    ):
        history = (await http.get(address)).json()["history"]
        maybe = await http.post(page, data=given | {"confirmed": "no"}, headers=administrator)
        assert maybe.status_code == 200
        assert (await http.get(address)).json()["history"] == history
        signed = await http.post(page, data=inputs(maybe.text, 'name="confirmed"'), headers=administrator)
        assert signed.headers["location"].endswith(f"done={done}"), signed.text
        assert (await http.get(address)).json()["history"] != history
    # 3. It is removed.
    away = await http.post(page, data={"act": "remove", "account": account}, headers=administrator)
    await http.post(page, data=inputs(away.text, 'name="confirmed"'), headers=administrator)
    assert await accounts() == before


async def test_an_invitation_is_signed_with_the_kept_key_or_by_who_administers(
    http: httpx.AsyncClient, instance: Application, member: str, administrator: dict[str, str]
) -> None:
    page = f"/en/organisations/{member}/register"
    # 1. Nothing is signed before it is confirmed; then the page shows its word.
    whom = {"act": "invite", "scheme": "siren", "identifier": "000 004 200", "legal_name": "Cercle du Rhune"}
    read = await http.post(page, data=whom, headers=administrator)
    assert "invites Cercle du Rhune (SIREN 000 004 200) to join" in read.text
    shown = await http.post(page, data=inputs(read.text, 'name="confirmed"'), headers=administrator)
    assert "Hand this word on" in shown.text
    # 2. A signature of somebody else's, or what is none, makes no invitation.
    identifier = Identifier(Scheme.SIREN, "000004200")
    asked_of = await instance.members._contract.invitation(identifier, whom["legal_name"], 1, 2_000_000_000)
    stranger = Voucher.sign(identifier, whom["legal_name"], 1, 2_000_000_000, asked_of.digest, Account(bytes([7]) * 32))
    wrong = whom | {"nonce": "1", "expires": "2000000000"}
    for signature, status in (("0x" + stranger.signature.hex(), 409), ("0x11", 422), ("x", 422)):
        refused = await http.post(page, data=wrong | {"signature": signature}, headers=administrator)
        assert refused.status_code == status, refused.text
    # 3. What was typed is text: for the page, for the wallet, for a shell.
    name = "L'eau\"'><b>$(id)</b> & fils"
    odd = (await http.post(page, data=whom | {"legal_name": name}, headers=administrator)).text
    assert "<b>" not in odd
    typed, command = re.search(r'data-typed="([^"]*)"', odd), re.search(r'data-copy="(maillon [^"]*)"', odd)
    assert typed is not None
    assert command is not None
    assert json.loads(html.unescape(typed[1]))["message"]["legalName"] == name
    assert shlex.split(html.unescape(command[1]))[-3:] == [name, "--key", "FILE"]


async def test_no_member_of_a_body_is_assigned_by_accident(http: httpx.AsyncClient) -> None:
    for more in ({"state": "admitted"}, {"evidence": 15}, {"organisation": 1}, {"invited_by": 1}):
        assert (await http.post("/v1/applications", json=fields() | more)).status_code == 422


async def test_a_form_says_every_fault_at_once(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/applications", json=fields(identifier="552032543", kind="empire"))
    assert answer.status_code == 422
    assert {fault["at"] for fault in answer.json()["errors"]} == {"identifier", "kind"}
    page = await http.post("/fr/apply", data=fields(legal_name="Ban\u202eque"), headers=OURS)
    assert page.status_code == 422
    assert "U+202E" in page.text
    assert "\u202e" not in page.text.replace("&#8238;", "").split("<form")[0]


async def test_a_write_is_answered_once(http: httpx.AsyncClient) -> None:
    body = fields(scheme="lei", identifier="506700GE1G29325QX363", country="NL")
    sent = [await http.post("/v1/applications", json=body, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [one.status_code for one in sent] == [201, 201]
    assert sent[0].json()["code"] == sent[1].json()["code"]
    other = await http.post("/v1/applications", json=body | {"kind": "other"}, headers={"Idempotency-Key": "one"})
    assert other.status_code == 422
    assert (await http.post("/v1/applications", json=body)).status_code == 409


async def test_an_answer_kept_for_who_asks_again_is_unreadable_and_erased_with_its_application(
    http: httpx.AsyncClient, instance: Application
) -> None:
    def kept() -> list[bytes]:
        with instance.store.read() as session:
            rows = session.execute(sa.select(idempotency.table).where(idempotency.table.c.key == "again")).all()
        return [bytes(value) if isinstance(value, bytes) else str(value).encode() for row in rows for value in row]

    body = fields(scheme="vat", identifier="DE 136 695 976", country="DE", legal_name="Stadt Ambrün")
    sent = await http.post("/v1/applications", json=body, headers={"Idempotency-Key": "again"})
    assert sent.status_code == 201, sent.text
    code = sent.json()["code"]
    at_rest = b"\0".join(kept())
    assert at_rest
    secrets = (code, code.replace("-", ""), body["contact_address"], body["contact_name"], body["message"])
    assert [secret for secret in secrets if secret.encode() in at_rest] == []
    again = await http.post("/v1/applications", json=body, headers={"Idempotency-Key": "again"})
    assert (again.json(), again.headers["idempotency-replayed"]) == (sent.json(), "true")
    erased = await http.delete("/v1/applications/mine", headers={"Application-Code": code})
    assert erased.status_code in (200, 204), erased.text
    assert kept() == []


async def test_a_document_leaves_as_a_download_that_nothing_opens(
    http: httpx.AsyncClient, instance: Application, applied: dict[str, Any]
) -> None:
    code = {"Application-Code": applied["code"]}
    path = "/v1/applications/mine/documents?name=r%C3%A9sum%C3%A9%20%221%22.pdf"
    kept = await http.post(path, content=PLAIN_PDF, headers=code | {"Content-Type": "application/pdf"})
    assert kept.status_code == 201, kept.text
    office = key(instance, None, "admin")
    found = await http.get(f"/v1/applications/{applied['id']}/documents/{kept.json()['id']}", headers=office)
    assert found.content == PLAIN_PDF
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["content-disposition"].startswith('attachment; filename="r_sum___1_.pdf"; filename*=UTF-8')
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in found.headers["content-security-policy"]
    own = {"code": applied["code"], "document": kept.json()["id"]}
    mine = await http.post("/fr/application/document", data=own, headers=OURS)
    assert mine.headers["content-disposition"].startswith("attachment;")


async def test_a_file_comes_through_the_page_and_not_from_another_site(
    http: httpx.AsyncClient, applied: dict[str, Any]
) -> None:
    path, code = "/en/application/documents", {"code": applied["code"]}
    taken = await http.post(path, data=code, files={"document": ("a.pdf", PLAIN_PDF, "application/pdf")}, headers=OURS)
    assert taken.status_code == 200
    assert "The document has arrived." in taken.text
    page = {"document": ("a.pdf", b"<script>alert(1)</script>", "application/pdf")}
    refused = await http.post(path, data=code, files=page, headers=OURS)
    assert refused.status_code == 422
    assert "<script>alert" not in refused.text
    large = {"document": ("a.pdf", bytes(6 * 1024 * 1024), "application/pdf")}
    assert (await http.post(path, data=code, files=large, headers=OURS)).status_code == 413
    elsewhere = {"Origin": "http://evil.test"}
    assert (await http.post(path, data=code, files=page, headers=elsewhere)).status_code == 403
    assert (await http.post(path, data=code, headers=OURS)).status_code == 422


async def test_the_code_is_never_in_an_address_and_no_cache_keeps_its_page(
    http: httpx.AsyncClient, applied: dict[str, Any]
) -> None:
    page = await http.post("/fr/application", data={"code": applied["code"], "act": "show"}, headers=OURS)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert f"?code={applied['code']}" not in page.text
    nothing = await http.post("/fr/application", data={"code": "0" * 40, "act": "show"}, headers=OURS)
    assert nothing.status_code == 404
    assert (await http.get("/v1/applications/mine", headers={"Application-Code": "x"})).status_code == 404


async def test_the_directory_is_read_by_anybody_and_known_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/v1/members")
    assert first.json()["members"][0]["legal_name"] == "Sandbox"
    again = await http.get("/v1/members", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert (await http.get("/v1/members?kind=empire")).status_code == 422
    assert (await http.get("/v1/members?status=king")).status_code == 422
    assert (await http.get("/v1/members/999")).status_code == 404
    assert (await http.get("/v1/members?after=999")).status_code == 404
    script = await http.get("/fr/members", params={"q": "<script>alert(1)</script>"}, headers={"Accept": "text/html"})
    assert "<script>alert" not in script.text
    feed = await http.get("/feeds/fr/members.atom")
    assert feed.headers["content-type"].startswith("application/atom+xml")
    assert "Sandbox est membre fondateur" in feed.text
    again = await http.get("/feeds/fr/members.atom", headers={"If-None-Match": feed.headers["etag"]})
    assert again.status_code == 304
    # Its name is the same whatever a reader calls the server.
    assert (await http.get("/feeds/fr/members.atom", headers={"Host": "elsewhere.example"})).text == feed.text


async def test_an_account_is_asked_for_whom_it_acted(http: httpx.AsyncClient) -> None:
    member = (await http.get("/v1/members/1")).json()
    address = member["accounts"][0]["address"]
    assert (await http.get(f"/v1/accounts/{address}/member")).json()["member"] == 1
    assert (await http.get(f"/v1/accounts/{ACCOUNT}/member?block=0")).json()["member"] is None
    assert (await http.get("/v1/accounts/0x12/member")).status_code in (404, 422)
