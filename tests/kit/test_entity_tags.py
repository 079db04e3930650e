# SPDX-License-Identifier: Apache-2.0
"""What a reader says it has already: lists, weak tags, any at all, and what cannot be read."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response

from maillon.kit.entity_tags import is_named, known_again, tagged


@pytest.mark.parametrize(
    "field",
    ['"a"', 'W/"a"', '"b", "a"', '"b","a"', 'W/"b" ,W/"a"', ', "a",, ', "*", " * ", '"x,y", "a"', '"\xe9", "a"'],
)
def test_a_tag_is_named_in_any_form_of_the_field(field: str) -> None:
    assert is_named('"a"', field)
    assert is_named('W/"a"', field)


@pytest.mark.parametrize(
    "field",
    ["", '"b"', "a", '"aa"', '"A"', '"b,a"', 'w/"a"', '"a', 'a"', '"b" "a"', '"a";', '*, "a"', '"b", *', '"x"a"', "W/"],
)
def test_another_or_what_is_no_tag_names_nothing(field: str) -> None:
    assert not is_named('"a"', field)


def test_a_long_field_is_read_in_no_time() -> None:
    begun = time.process_time()
    assert not is_named('"a"', '"b",' + " ,\t" * 30_000 + "x")
    assert time.process_time() - begun < 2


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()

    @app.api_route("/read", methods=["GET", "HEAD", "POST"])
    async def read(request: Request, text: str = "what it is", status: int = 200) -> Response:
        return known_again(request, text.encode(), {"Cache-Control": "no-cache"}, "text/plain", status)

    @app.get("/document")
    async def document(request: Request, text: str, read: int) -> Response:
        return tagged(request, {"text": text, "read": read}, language="fr", like={"text": text})

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as client:
        yield client


async def test_what_a_reader_has_is_not_sent_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/read")
    tag = first.headers["etag"]
    for method in ("GET", "HEAD"):
        for named in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await http.request(method, "/read", headers={"If-None-Match": named})
            assert (again.status_code, again.content) == (304, b"")
            assert (again.headers["etag"], again.headers["cache-control"]) == (tag, "no-cache")
    two_lines = [("If-None-Match", '"other"'), ("If-None-Match", tag)]
    assert (await http.get("/read", headers=two_lines)).status_code == 304
    assert (await http.get("/read", headers={"If-None-Match": tag, "X": "1"}, params={"text": "new"})).text == "new"
    # A part of a tag is another tag.
    assert (await http.get("/read", headers={"If-None-Match": tag[:-2] + '"'})).status_code == 200
    assert (await http.get("/read", headers={"If-None-Match": f'"x{tag[1:]}'})).status_code == 200


async def test_a_refusal_and_the_answer_to_a_write_are_always_sent(http: httpx.AsyncClient) -> None:
    refused = await http.get("/read", params={"status": 404}, headers={"If-None-Match": "*"})
    assert (refused.status_code, refused.text, "etag" in refused.headers) == (404, "what it is", False)
    written = await http.post("/read", headers={"If-None-Match": "*"})
    assert (written.status_code, written.text, "etag" in written.headers) == (200, "what it is", False)


async def test_a_document_may_be_known_by_a_part_of_it(http: httpx.AsyncClient) -> None:
    first = await http.get("/document", params={"text": "même", "read": 1})
    assert first.json() == {"text": "même", "read": 1}
    headers = ("cache-control", "content-language", "vary")
    assert [first.headers[name] for name in headers] == ["no-cache", "fr", "Accept-Language"]
    # What is not compared may differ: the tag is a weak one.
    has = {"If-None-Match": first.headers["etag"]}
    assert has["If-None-Match"].startswith('W/"')
    again = await http.get("/document", params={"text": "même", "read": 2}, headers=has)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = await http.get("/document", params={"text": "autre", "read": 1}, headers=has)
    assert (other.status_code, other.json()["text"]) == (200, "autre")
