# SPDX-License-Identifier: Apache-2.0
"""Every page of the portal: it stands in the atlas, is JSON too, and speaks French where it says it does."""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match

from maillon.evidence.receipt import STEPS
from maillon.kit.problems import REGISTRY
from maillon.kit.settings import Settings
from maillon.main import Application, exclusive_home
from portal_atlas import (
    ATLAS,
    LANGUAGES,
    MINUTES,
    OF_ANOTHER_LAW,
    Example,
    Sight,
    make_example,
    platform_of_another_law,
    platform_of_the_atlas,
)
from running_platform import Running

ENGLISH = re.compile(
    r"(?<![\w+/])(?:the|of|and|is|are|not|with|this|that|from|which|by|has|have|was|were|been|for|at|it|its|your|you|"
    r"there|cannot|could|must|more|than|only|every|here|does|what|nothing|too|many|try|again)(?![\w+/])",
    re.IGNORECASE,
)
"""Words no French sentence of ours contains; within the base64 of a key, which may have any, they are none."""
READ_AS_IT_IS = {"code", "pre", "script", "style"}
"""Elements whose content is a name or a value, in no language."""
SPOKEN_ATTRIBUTES = {"aria-label", "title", "alt", "placeholder", "content"}


class Spoken(HTMLParser):
    """What a page says: its text, and the attributes that are read out or shown by a script."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in READ_AS_IT_IS or given.get("lang") == "en":
            self._silent.append(tag)
        self.said += [
            value
            for name, value in given.items()
            if value and " " in value and (name in SPOKEN_ATTRIBUTES or name.startswith("data-"))
        ]

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.said.append(data.strip())


def english_in(page: str) -> list[str]:
    """What a French page says in English."""
    spoken = Spoken()
    spoken.feed(page)
    return [text for text in spoken.said if ENGLISH.search(text)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with platform_of_the_atlas(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.fixture(scope="module")
def example(platform: Running, tmp_path_factory: pytest.TempPathFactory) -> Example:
    return make_example(platform, tmp_path_factory.mktemp("example"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def portal(platform: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=platform.url, headers={"Accept": "text/html"}, timeout=120) as http:
        yield http


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def application(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    """The same program, for the list of its routes."""
    folder = tmp_path_factory.mktemp("routes") / "home"
    with exclusive_home(folder):
        made = await Application.open(Settings(home=folder))
        yield made.create_app()
        await made.stop()


def page_routes(routes: Iterable[BaseRoute]) -> list[APIRoute]:
    """The routes of all pages, in the order in which they are asked."""
    return [
        route
        for route in routes
        if isinstance(route, APIRoute) and route.path.startswith("/{language}/") and "GET" in route.methods
    ]


def route_of(address: str, routes: Iterable[APIRoute]) -> str:
    """The route that answers an address: the first that takes it."""
    asked = {"type": "http", "method": "GET", "path": address}
    return next(route.path for route in routes if route.matches(asked)[0] is Match.FULL)


NO_SIGHT = {
    "/{language}/log-in/with/{provider}": "leads to the site of a provider: test_provider.py goes there and back",
    "/{language}/account/providers/{provider}": "leads there too",
    "/{language}/votes/{name}/record.pdf": "is a document and no page: test_printed.py reads it",
}
"""Addresses beside the pages that answer with none, and why."""


@pytest.mark.asyncio(loop_scope="module")
async def test_every_page_is_seen_in_the_atlas_as_it_answers(
    application: FastAPI, portal: httpx.AsyncClient, example: Example
) -> None:
    """A route that is only ever refused, or that leads elsewhere, has not been seen."""
    answered = []
    for sight in ATLAS:
        address = sight.address("fr", example)
        answer = await portal.get(address, headers=headers_of(sight, example))
        if answer.status_code == 200 and "html" in answer.headers["content-type"]:
            answered.append(address.partition("?")[0])
    routes = page_routes(application.routes)
    assert len(routes) > 40
    seen = {route_of(address, routes) for address in answered}
    assert sorted({route.path for route in routes} - seen - NO_SIGHT.keys()) == [], "no sight of the atlas is this page"
    assert sorted(NO_SIGHT.keys() & seen) == [], "is seen"
    assert sorted(NO_SIGHT.keys() - {route.path for route in routes}) == [], "is no route any more"


def headers_of(sight: Sight, example: Example) -> dict[str, str]:
    """Of a request of whoever looks at a sight."""
    cookies = "; ".join(f"{name}={value}" for name, value in sight.cookies(example).items())
    return {"Cookie": cookies} if cookies else {}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sight", [sight for sight in ATLAS if sight.act is None], ids=lambda sight: sight.name)
async def test_a_page_speaks_its_language_and_is_json_too(
    portal: httpx.AsyncClient, example: Example, sight: Sight
) -> None:
    await read(portal, example, sight)


@pytest.mark.asyncio(loop_scope="module")
async def test_so_do_the_pages_of_votes_where_another_law_governs(tmp_path: Path) -> None:
    with platform_of_another_law(tmp_path) as (platform, example):
        async with httpx.AsyncClient(base_url=platform.url, headers={"Accept": "text/html"}, timeout=120) as http:
            for sight in OF_ANOTHER_LAW:
                await read(http, example, sight)


async def read(portal: httpx.AsyncClient, example: Example, sight: Sight) -> None:
    """A page in both languages, and as JSON."""
    headers = headers_of(sight, example)
    for language in LANGUAGES:
        address = sight.address(language, example)
        answer = await portal.get(address, headers=headers)
        assert answer.status_code == sight.status
        assert answer.headers["content-language"] == language
        assert f'<html lang="{language}"' in answer.text
        if language == "fr":
            assert english_in(answer.text) == []
        others = {other: sight.address(other, example) for other in LANGUAGES}
        assert {other: unquote(link) for other, link in switch_of(answer.text).items()} == others, "the very page"
        path, _, query = address.partition("?")
        as_json = await portal.get(f"{path}.json?{query}", headers=headers)
        assert as_json.status_code == sight.status
        assert as_json.headers["content-type"].endswith("json")
        assert isinstance(as_json.json(), dict)


def switch_of(page: str) -> dict[str, str]:
    """Where a page leads in each language."""
    links = re.findall(r'href="([^"]+)" lang="(\w\w)" hreflang', page)
    alternates = re.findall(r'rel="alternate" hreflang="(\w\w)" href="([^"]+)"', page)
    found = {language: html.unescape(address) for address, language in links}
    assert found == {language: html.unescape(address) for language, address in alternates}
    return found


@pytest.mark.asyncio(loop_scope="module")
async def test_the_answer_to_a_write_leads_nowhere_it_cannot_be_read(
    application: FastAPI, portal: httpx.AsyncClient, example: Example
) -> None:
    """It has no address: a switch of language there would lead to a refusal, and lose what is shown once."""
    values = {"language": "en", "organisation": "office"}
    headers = {"Origin": str(portal.base_url), "Cookie": f"maillon={example.session}"}
    statuses: list[int] = []
    for route in application.routes:
        if not isinstance(route, APIRoute) or "POST" not in route.methods or not route.path.startswith("/{language}/"):
            continue
        if route.path.endswith(("/log-out", "/sessions/end", "/erasure")):  # the session ends with them
            continue
        path = re.sub(r"\{(\w+)\}", lambda name: values.get(name[1], "1"), route.path)
        answer = await portal.post(path, data={"form": "3", "scope": "notary:write", "name": "x"}, headers=headers)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        assert switch_of(answer.text) == {}, path
        assert "This page as data" not in answer.text, path
        statuses.append(answer.status_code)
    assert statuses.count(200) >= 4
    assert len(statuses) > 20


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("slug", sorted(REGISTRY))
async def test_every_problem_type_is_explained_in_french(portal: httpx.AsyncClient, slug: str) -> None:
    answer = await portal.get(f"/fr/problems/{slug}")
    assert answer.status_code == 200
    assert english_in(answer.text) == []
    kind = REGISTRY[slug]
    assert kind.title not in answer.text


@pytest.mark.asyncio(loop_scope="module")
async def test_a_refused_write_is_a_page_of_its_language(portal: httpx.AsyncClient, example: Example) -> None:
    other_site = await portal.post(
        "/fr/notarise", data={"commitment": "ab" * 32}, headers={"Origin": "http://evil.test"}
    )
    assert other_site.status_code == 403
    assert english_in(other_site.text) == []
    for body in (b"{", b"[]", b"{}", b'{"commitments": ["x"]}', b'{"commitments": 1}', b'{"commitments": [], "x": 1}'):
        headers = {"Origin": str(portal.base_url), "Content-Type": "application/json"}
        page = await portal.post("/fr/notarise", content=body, headers=headers)
        assert 400 <= page.status_code < 500
        assert english_in(page.text) == [], body
    typed = await portal.post("/fr/notarise", data={"commitment": "zz"}, headers={"Origin": str(portal.base_url)})
    assert typed.status_code == 422
    assert english_in(typed.text) == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("verdict", "altered"), [("valid", None), ("invalid", "digest"), ("undecided", "type")])
async def test_a_verdict_is_said_in_french_and_its_names_stay(
    portal: httpx.AsyncClient, example: Example, verdict: str, altered: str | None
) -> None:
    receipt = json.loads(example.receipt.read_bytes())
    digest = hashlib.sha256(MINUTES).hexdigest() if altered != "digest" else "00" * 32
    if altered == "type":
        receipt["type"] = "maillon.receipt.v9"
    form = {"receipt": json.dumps(receipt), "digest": digest}
    page = await portal.post("/fr/verify", data=form)
    assert page.status_code == 200
    assert english_in(page.text) == []
    report = (await portal.post("/fr/verify.json", data=form)).json()["report"]
    assert report["verdict"] == verdict
    assert [step["name"] for step in report["steps"]] == list(STEPS)


@pytest.mark.asyncio(loop_scope="module")
async def test_too_many_writes_are_a_page_that_says_how_long(portal: httpx.AsyncClient, example: Example) -> None:
    headers = {"Origin": str(portal.base_url), "Content-Type": "application/json"}
    batch = b'{"commitments": [' + b",".join(b'"%064x"' % number for number in range(100)) + b"]}"
    answers = await asyncio.gather(*(portal.post("/fr/notarise", content=batch, headers=headers) for _ in range(3)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all("retry-after" in answer.headers for answer in refused)
    assert english_in(refused[0].text.replace("Retry-After", "")) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_program_is_answered_in_the_language_it_asks_for(portal: httpx.AsyncClient) -> None:
    asked = {"Accept": "application/json"}
    english = await portal.get("/v1/notary/entries/999999", headers=asked)
    french = await portal.get("/v1/notary/entries/999999", headers=asked | {"Accept-Language": "fr-CH, en;q=0.8"})
    assert english.json()["type"] == french.json()["type"] == "/problems/unknown-entry"
    assert english.json()["title"] == "There is no such entry"
    assert french.json()["title"] == "Cette inscription n’existe pas"
    assert french.json()["detail"].startswith("le registre n’a pas d’inscription 999999")
    assert french.headers["content-language"] == "fr"


def test_english_on_a_french_page_is_found() -> None:
    assert english_in('<p>Le registre</p><p aria-label="the log is here">x</p><p>Nothing entered</p>') == [
        "the log is here",
        "Nothing entered",
    ]
    assert english_in("<code>the log</code><p>Le registre porte la preuve.</p>") == []
