# SPDX-License-Identifier: Apache-2.0
"""Pages: language, content negotiation, entity tags, static files that may be kept for ever, the content policy."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from itertools import pairwise

import httpx
import pytest
from fastapi import FastAPI

from maillon.kit import problems
from maillon.kit.page import STATIC, JsonAddress, Renderer, around_algorithms, groups, pages


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app, present=Renderer().problem)
    app.include_router(pages(Renderer()))
    app.add_middleware(JsonAddress)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as client:
        yield client


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [("en-GB,fr;q=0.5", "/en/"), ("fr-CA", "/fr/"), ("de", "/fr/"), ("", "/fr/"), ("de, en;q=0.3", "/en/")],
)
async def test_the_entrance_speaks_the_first_language_we_share(
    http: httpx.AsyncClient, accepted: str, expected: str
) -> None:
    answer = await http.get("/", headers={"Accept-Language": accepted})
    assert answer.status_code == 302
    assert answer.headers["location"] == expected


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_each_language_has_its_address_and_names_the_other(http: httpx.AsyncClient, language: str) -> None:
    answer = await http.get(f"/{language}/problems/not-found", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}">' in answer.text
    for other in ("fr", "en"):
        assert f'hreflang="{other}" href="/{other}/problems/not-found"' in answer.text


async def test_a_page_is_json_by_accept_and_by_address(http: httpx.AsyncClient) -> None:
    by_accept = await http.get("/en/problems/not-found", headers={"Accept": "application/json"})
    by_address = await http.get("/en/problems/not-found.json")
    assert by_accept.json() == by_address.json()
    assert by_accept.json()["kind"]["slug"] == "not-found"


async def test_a_page_seen_before_is_not_sent_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/en/problems/not-found", headers={"Accept": "text/html"})
    again = await http.get("/en/problems/not-found", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    other = await http.get("/fr/problems/not-found", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200
    # The same as JSON is another answer, and known again by itself.
    for_programs = {"Accept": "application/json", "If-None-Match": first.headers["etag"]}
    known = await http.get("/en/problems/not-found", headers=for_programs)
    assert (known.status_code, known.headers["cache-control"]) == (200, "no-cache")
    for_programs["If-None-Match"] = f"W/{known.headers['etag']}"
    assert (await http.get("/en/problems/not-found", headers=for_programs)).status_code == 304


async def test_the_content_policy_allows_no_inline_script_or_style(http: httpx.AsyncClient) -> None:
    answer = await http.get("/fr/problems/not-found", headers={"Accept": "text/html"})
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "<style" not in answer.text
    assert " style=" not in answer.text


async def test_static_files_change_address_with_their_content(http: httpx.AsyncClient) -> None:
    address = Renderer().static.address("maillon.css")
    answer = await http.get(address)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")
    missing = await http.get("/static/maillon.000000000000.css")
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip, br", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("identity", False), ("", False)],
)
async def test_static_text_is_packed_for_whoever_reads_it(http: httpx.AsyncClient, accepted: str, packed: bool) -> None:
    address = Renderer().static.address("maillon.css")
    answer = await http.get(address, headers={"Accept-Encoding": accepted})
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert answer.headers["vary"] == "Accept-Encoding"
    assert ".badge" in answer.text
    font = await http.get(Renderer().static.address("fonts/commissioner-latin.woff2"))
    assert "content-encoding" not in font.headers


def test_a_page_with_all_it_needs_weighs_less_than_150_kilobytes() -> None:
    static = Renderer().static
    fonts = ("commissioner-latin", "atkinson-hyperlegible-mono-latin-wght-normal")
    first = [
        "tokens.css",
        "maillon.css",
        "portal.css",
        "maillon.js",
        "icon.svg",
        *(f"fonts/{name}.woff2" for name in fonts),
    ]
    needed = (static.serve(static.address(name).removeprefix("/static/"), "gzip").body for name in first)
    assert sum(map(len, needed)) < 90_000, "the longest pages are about 60 kB"


def test_hashes_are_read_in_groups_of_four() -> None:
    assert groups("0x" + "ab" * 4) == ["abab", "abab"]
    assert groups(b"\x01\x02\x03") == ["0102", "03"]


async def test_no_line_ends_in_the_name_of_an_algorithm(http: httpx.AsyncClient) -> None:
    page = (await http.get("/en/design")).text
    assert page.count('<span class="nowrap">sha2-256:</span>5dd4ab8b') == 4
    assert '<code><span class="nowrap">sha2-256:</span>0000ab8b</code>' in page
    told = "no file was given; the receipt speaks of sha2-512:00ff"
    assert around_algorithms(told) == [told[:41], "sha2-512:", "00ff"]


def test_every_character_comes_from_one_font_of_its_family() -> None:
    faces: dict[str, list[tuple[int, int]]] = {}
    for face in re.findall(r"@font-face\s*{([^}]*)}", (STATIC / "tokens.css").read_text()):
        family = re.search(r'font-family: "([^"]+)"', face)
        assert family is not None
        spans = [
            (int(low, 16), int(high or low, 16)) for low, high in re.findall(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?", face)
        ]
        assert spans
        faces.setdefault(family[1], []).extend(spans)
    assert len(faces) == 2
    for spans in faces.values():
        spans.sort()
        assert all(earlier[1] < later[0] for earlier, later in pairwise(spans)), "two files would be fetched for one"
