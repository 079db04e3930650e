# SPDX-License-Identifier: Apache-2.0
"""Forms: from our own pages alone, within a limit; and next places that stay on this site."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st

from maillon.kit import problems
from maillon.kit.forms import local_target, read_form, read_upload
from maillon.kit.page import Renderer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OURS = FORM | {"Origin": "http://portal.test"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app, present=Renderer().problem)

    @app.post("/form")
    async def form(request: Request) -> dict[str, list[str]]:
        return await read_form(request, 100)

    @app.post("/upload")
    async def upload(request: Request) -> dict[str, object]:
        found = await read_upload(request, 1_000)
        return {"fields": found.fields, "name": found.name, "size": len(found.content), "is_whole": found.is_whole}

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as client:
        yield client


async def test_a_form_of_our_own_page_is_read(http: httpx.AsyncClient) -> None:
    answer = await http.post("/form", content="a=1&a=2&b=%C3%A9&c=", headers=OURS)
    assert answer.json() == {"a": ["1", "2"], "b": ["é"], "c": [""]}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.test"},
        {"Origin": "http://portal.test.evil.test"},
        {"Origin": "http://portal.test:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.test"},
    ],
)
async def test_a_form_of_another_site_is_refused(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await http.post("/form", content="a=1", headers=FORM | headers)).status_code == 403


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        ("a=" + "x" * 100, OURS, 413),
        ("a=1", OURS | {"Content-Type": "text/plain"}, 422),
        ("a=%ff", OURS, 422),
        ("&".join(f"a{n}=" for n in range(50))[:99], OURS, 200),
        ("&" * 90, OURS, 422),
    ],
)
async def test_a_form_has_limits(http: httpx.AsyncClient, content: str, headers: dict[str, str], status: int) -> None:
    assert (await http.post("/form", content=content, headers=headers)).status_code == status


@pytest.mark.parametrize(("size", "is_whole"), [(100, True), (1_000, False), (1_000_000, False)])
async def test_a_file_that_is_too_large_leaves_what_was_typed_beside_it(
    http: httpx.AsyncClient, size: int, is_whole: bool
) -> None:
    file = {"document": ("a.pdf", b"x" * size, "application/pdf")}
    answer = await http.post("/upload", data={"code": "AB"}, files=file, headers={"Origin": "http://portal.test"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["fields"], found["name"], found["is_whole"]) == ({"code": "AB"}, "a.pdf", is_whole)
    assert found["size"] == size if is_whole else 0 < found["size"] < 1_000


async def test_fields_that_are_too_large_by_themselves_are_refused(http: httpx.AsyncClient) -> None:
    ours, file = {"Origin": "http://portal.test"}, {"document": ("a.pdf", b"x", "application/pdf")}
    assert (await http.post("/upload", data={"code": "A" * 2_000}, files=file, headers=ours)).status_code == 413
    assert (await http.post("/upload", data={"code": "A"}, headers=OURS)).status_code == 422
    assert (await http.post("/upload", files=file)).status_code == 403


@pytest.mark.parametrize(
    "text",
    [
        None, "", "account", "https://evil.test", "//evil.test", "/\\evil.test", "/\t/evil.test", "/a\nb", "\t/a",
        "javascript:alert(1)", "/ /evil.test", "/a\\b", "/" + "a" * 3000, "\\/evil.test", "http:/a",
    ],
)  # fmt: skip
def test_a_place_of_another_site_is_not_gone_to(text: str | None) -> None:
    assert local_target(text, "/fr/") == "/fr/"


@pytest.mark.parametrize("text", ["/", "/fr/account", "/en/people?page=2#last", "/fr/caf%C3%A9"])
def test_a_place_of_this_site_is(text: str) -> None:
    assert local_target(text, "/fr/") == text


@given(st.text(max_size=30))
def test_wherever_it_leads_it_is_here(text: str) -> None:
    target = httpx.URL("http://portal.test/").join(local_target(text, "/"))
    assert target.host == "portal.test"
