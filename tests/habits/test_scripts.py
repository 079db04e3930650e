# SPDX-License-Identifier: Apache-2.0
"""What people write is only ever text: every text a member, an applicant or a person can leave, on every page there is.

One whole instance holds a script in each of them. Every page of every route is read by everybody who may, in both
languages, with a script in every parameter of its address too; and each text has to be seen somewhere, so that none is
safe merely because no page shows it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from alliance import fields
from maillon.kit.page import CONTENT_POLICY
from maillon.kit.settings import Settings
from maillon.main import Application, exclusive_home
from maillon.services.members.model import Evidence, Scope
from maillon.services.people import OFFICE, Role
from maillon.services.people.model import Profile, SessionKind
from maillon.services.votes.model import Position, ProposalKind, ProposedCall
from people_box import routes_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
URL = "http://localhost:8400"
HOUR = 3600
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"


def evil(name: str) -> str:
    """A script that says where it came from: in an element, out of an attribute, out of a script, in an address."""
    return f"{name}\"'><script>evil('{name}')</script><img src=x onerror=evil()>"


STORED = {
    "legal-name": "of an applicant, then of a member",
    "waiting-name": "of an applicant whose admission is put to the vote",
    "contact": "whom to write to",
    "message": "of an application",
    "file": "the name of a document",
    "request": "what the office asks for",
    "answer": "what the applicant says to it",
    "refusal": "why an application is refused",
    "appeal": "against a refusal",
    "suspension": "why a member is to be suspended",
    "objection": "against a suspension",
    "person": "the name of somebody",
    "browser": "what a browser calls itself",
    "key": "the name of a key",
    "proposal": "the title of a text put to the vote",
    "motives": "the rest of it",
    "reason": "why a position was taken",
    "did": "the DID of a member",
}
"""Every text that is kept, by the mark in it. Labels of accounts and roles are words of a-z, 0-9 and hyphens."""


class Ahead:
    """The machine's clock, as far ahead as a test needs."""

    def __init__(self) -> None:
        self.seconds = 0

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self.seconds)


GOING = ("src", "href", "action", "formaction")


class Page(HTMLParser):
    """What of a page a browser would run or fetch, and what it would show."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[str] = []
        self.shown: list[str] = []
        self.fields: set[str] = set()
        self._script = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self._script = tag == "script"
        if tag in ("input", "textarea", "select") and given.get("name"):
            self.fields.add(given["name"] or "")
        if tag == "script" and not (given.get("src") or "").startswith("/static/"):
            self.alive.append(f"<script {given}>")
        for name, value in given.items():
            said = (value or "").strip().lower()
            runs = name.startswith("on") or name in ("style", "srcdoc") or said.startswith("javascript:")
            # In an image, as that of the second factor's code, data show and do nothing else.
            runs = runs or (said.startswith("data:") and (tag, name) != ("img", "src"))
            if runs or (name in GOING and re.match(r"(?:[a-z]+:)?//evil", said)):
                self.alive.append(f"<{tag} {name}={value}>")
            self.shown.append(value or "")
        if tag == "img" and given.get("src") == "x":
            self.alive.append("<img src=x>")

    def handle_endtag(self, tag: str) -> None:
        self._script = self._script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.alive.append(f"a script with a text: {data[:80]}")
        self.shown.append(data)


@dataclass
class Instance:
    """With a script in each text, and who reads it."""

    application: Application
    readers: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    code: str = ""
    """Of the applicant."""
    names: dict[str, list[str]] = field(default_factory=dict)
    """What stands in addresses."""

    def browser(self, own: dict[str, str]) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.application.create_app(), raise_app_exceptions=False)
        headers = {"Origin": URL, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"} | own
        return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers, timeout=60)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def instance(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Instance]:
    home = tmp_path_factory.mktemp("scripts") / "home"
    clock = Ahead()
    with exclusive_home(home):
        settings = Settings(home=home, rate_limit=1_000_000, log_in_rate=1_000_000, demo=False)
        made = await Application.open(settings, clock=clock)
        await made.start()
        whole = Instance(made)
        whole.readers["nobody"] = whole.browser({})
        await write(whole, clock)
        yield whole
        for one in whole.readers.values():
            await one.aclose()
        await made.stop()


async def write(whole: Instance, clock: Ahead) -> None:
    """Leave each text where it is left."""
    members, votes, people = whole.application.members, whole.application.votes, whole.application.people
    await members.catch_up()
    # One application goes all the way: asked about, answered, refused, appealed, admitted.
    form = fields(contact_name=evil("contact"), message=evil("message"), legal_name=evil("legal-name"))
    file, code = await members.apply(form)
    theirs, whole.code = file.application.id, code
    await members.add_document(code, f"file{evil('')[:40].replace('/', '')}.pdf", "application/pdf", PDF)
    await members.ask_for_more(theirs, evil("request"), "person:ada")
    await members.answer(code, evil("answer"))
    await members.refuse(theirs, evil("refusal"), "person:ada")
    await members.appeal(code, evil("appeal"))
    accepted = await members.accept(theirs, Evidence.REGISTER, "person:ada")
    number = accepted.application.organisation
    assert number is not None
    await members.catch_up()
    (account,) = (await members.organisation(number)).accounts
    await members.set_scopes(number, account.address, account.scopes | Scope.VOTE, account.label, "person:mayor")
    await members.set_did(number, f"did:web:{evil('did')}"[:160], "person:mayor")
    _, case = await members.suspend(number, evil("suspension"), "person:ada")
    await members.appeal_suspension(number, case, evil("objection"), "person:mayor")
    # The other one waits, and its admission is put to the vote.
    form = fields(legal_name=evil("waiting-name"), identifier="000 001 784", kind="association")
    waiting, _ = await members.apply(form)
    await members.accept(waiting.application.id, Evidence(0), "person:ada")
    target, data = await members.admission_proposal(waiting.application.id, 1, 0)
    text, opens = f"{evil('proposal')}\n\n{evil('motives')}", int(clock.now().timestamp()) + HOUR
    calls = [ProposedCall(target, data)]
    proposed = await votes.propose(
        number, ProposalKind.ORDINARY, text, calls, "person:mayor", opens=opens, closes=opens + HOUR
    )
    clock.seconds += HOUR + 60
    await votes.cast(number, proposed, Position.OBJECT, "person:mayor", reason=evil("reason"))
    opened = {}
    with whole.application.store.transaction() as connection:
        for name, organisation in (("mayor", str(number)), ("ada", OFFICE)):
            person, now = name.encode().hex().ljust(20, "0"), clock.now()
            profile = Profile(f"{name}@ours.example", evil("person"), "fr")
            people._people.insert_person(connection, person, profile, now)
            people._people.replace_roles(connection, person, organisation, list(Role), "system", now)
            opened[name] = people._begin(connection, person, {"passkey"}, evil("browser"), None)
    mayor = people.actor_of_token(opened["mayor"].token, SessionKind.BROWSER)
    people.make_key(mayor, str(number), evil("key"), ["notary:write"], None)
    for name, one in opened.items():
        whole.readers[name] = whole.browser({"Cookie": f"maillon={one.token}"})
    whole.names = {
        "number": [str(number), "1"],
        "organisation": [str(number), OFFICE],
        "identifier": [theirs, waiting.application.id],
        "name": [str(proposed), "1"],
        "slug": ["other-site"],
        "provider": ["none"],
    }


def addresses(whole: Instance) -> list[str]:
    """Every page, of each thing it can be of, in both languages."""
    found: list[str] = []
    for route in pages_of(whole):
        some = [route.path]
        for name in re.findall(r"\{(\w+)", route.path):
            values = ["fr", "en"] if name == "language" else whole.names[name]
            some = [re.sub(rf"\{{{name}[^}}]*\}}", value, path) for path in some for value in values]
        found += some
    return found


def pages_of(whole: Instance) -> list[APIRoute]:
    return [
        route
        for route in routes_of(whole.application.create_app())
        if "GET" in (route.methods or ()) and route.path.startswith("/{language}/")
    ]


def look(answer: httpx.Response, shown: set[str]) -> list[str]:
    """What of an answer is alive; what it shows is added to what was seen."""
    kind = answer.headers.get("content-type", "")
    faults = []
    if answer.status_code >= 500 and answer.status_code != 503:
        faults.append(f"status {answer.status_code}")
    if answer.content:
        if answer.headers.get("x-content-type-options") != "nosniff" and "json" not in kind:
            faults.append("its type may be guessed")
        if kind.startswith("text/html"):
            if answer.headers.get("content-security-policy") != CONTENT_POLICY:
                faults.append("another content policy")
            page = Page()
            page.feed(answer.text)
            faults += page.alive
            said = " ".join(page.shown)
            shown |= {mark for mark in STORED if re.search(rf"(?<![\w-]){mark}\"'>", said)}
        elif not re.match(r"application/(?:json|problem\+json|atom\+xml|pdf)|text/(?:plain|calendar)", kind):
            faults.append(f"of type {kind}")
    return [f"{answer.request.method} {answer.request.url}: {fault}" for fault in faults]


async def test_every_text_is_shown_as_text_by_every_page(instance: Instance) -> None:
    seen: set[str] = set()
    alive: list[str] = []
    every = addresses(instance)
    assert len(every) > 100
    for name, reader in instance.readers.items():
        # A stranger reads in one language what the others read in both.
        for address in every if name != "nobody" else [one for one in every if one.startswith("/fr/")]:
            alive += look(await reader.get(address, headers={"Accept": "text/html"}), seen)
    form = {"code": instance.code}
    for language in ("fr", "en"):
        followed = await instance.readers["nobody"].post(f"/{language}/application", data=form)
        assert followed.status_code == 200
        alive += look(followed, seen)
    assert alive == []
    assert set(STORED) - seen == set(), "no page shows these, and nothing was tested"


async def test_every_text_stays_text_for_programs_and_readers_of_feeds(instance: Instance) -> None:
    seen: set[str] = set()
    alive: list[str] = []
    for reader in instance.readers.values():
        for address in addresses(instance):
            answer = await reader.get(f"{address}.json" if not address.endswith(".pdf") else address)
            alive += look(answer, seen)
        for address in ("members.atom", "votes.atom", "votes.ics"):
            answer = await reader.get(f"/feeds/fr/{address}")
            assert answer.status_code == 200
            assert address.endswith(".ics") or b"<script" not in answer.content
            alive += look(answer, seen)
    assert alive == []


async def test_what_stands_in_an_address_is_text_too(instance: Instance) -> None:
    alive: list[str] = []
    asked = 0
    for route in pages_of(instance):
        path = re.sub(r"\{(\w+)[^}]*\}", lambda found: {"language": "fr", **firsts(instance)}[found[1]], route.path)
        for parameter in route.dependant.query_params:
            asked += 1
            for reader in instance.readers.values():
                answer = await reader.get(
                    path, params={parameter.alias: evil("asked")}, headers={"Accept": "text/html"}
                )
                alive += look(answer, set())
        # In the place of a name, and as a page there is none of.
        for name in re.findall(r"\{(\w+)[^}]*\}", route.path):
            if name != "language":
                odd = {"language": "fr", **firsts(instance)} | {name: quote(evil("asked"), safe="")}
                address = re.sub(r"\{(\w+)[^}]*\}", lambda found, odd=odd: odd[found[1]], route.path)
                alive += look(await instance.readers["ada"].get(address, headers={"Accept": "text/html"}), set())
    assert asked > 20
    assert alive == []


def firsts(whole: Instance) -> dict[str, str]:
    return {name: values[0] for name, values in whole.names.items()}


async def test_what_is_typed_into_a_form_comes_back_as_text(instance: Instance) -> None:
    ends_it = ("/log-out", "/sessions/end", "/erasure")
    typed = {name: evil("typed") for name in await names_of_fields(instance)}
    assert len(typed) > 30
    alive: list[str] = []
    returned = 0
    for route in routes_of(instance.application.create_app()):
        if (
            "POST" in (route.methods or ())
            and route.path.startswith("/{language}/")
            and not route.path.endswith(ends_it)
        ):
            known = {
                "language": "fr",
                "invitation": "0" * 20,
                "passkey": "0" * 20,
                "session": "0" * 20,
                "key": "0" * 20,
                "webhook": "0" * 16,
            }
            known |= {"person": b"mayor".hex().ljust(20, "0")} | firsts(instance)
            address = re.sub(r"\{(\w+)[^}]*\}", lambda found, known=known: known[found[1]], route.path)
            for reader in (instance.readers["mayor"], instance.readers["ada"]):
                for some in chunks(list(typed.items()), 40):
                    answer = await reader.post(address, data=dict(some), headers={"Accept": "text/html"})
                    alive += look(answer, set())
                    returned += "typed" in answer.text
    assert alive == []
    assert returned > 10, "no form was shown again"


async def names_of_fields(whole: Instance) -> set[str]:
    """Every field of every form that somebody is shown."""
    found: set[str] = set()
    for reader in whole.readers.values():
        for address in addresses(whole):
            if address.startswith("/en/") and not address.endswith(".pdf"):
                page = Page()
                page.feed((await reader.get(address)).text)
                found |= page.fields
    return found


def chunks(items: list[tuple[str, str]], size: int) -> list[list[tuple[str, str]]]:
    return [items[first : first + size] for first in range(0, len(items), size)]


@pytest.mark.parametrize(
    "page",
    [
        "<p><script>evil()</script></p>",
        "<script src=//evil.example/x.js></script>",
        "<a href='java\tscript:evil()'>x</a>".replace("\t", ""),
        "<p onclick=evil()>x</p>",
        "<img src=x>",
        "<form action='https://evil.example/'>",
        "<p style='background:url(x)'>",
    ],
)
async def test_a_script_that_lives_is_found(page: str) -> None:
    read = Page()
    read.feed(page)
    assert read.alive
