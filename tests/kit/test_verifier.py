# SPDX-License-Identifier: Apache-2.0
"""The offline verifier as it is served: the committed file and the anchors, and nothing a reader sends."""

from __future__ import annotations

import base64
import re

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response

from javascript_verifier import FILE
from maillon.kit.verifier import Verifier

ANCHORS = b'{"network": "</script><script>alert(1)</script>"}\n'
COMMITTED = FILE.read_text()


def emptied(page: str) -> str:
    """The file as docs/trust.md says to compare it: without anchors."""
    return re.sub(r'(id="anchors")[^>]*>.*</script>', r"\1></script>", page)


async def get(address: str, headers: dict[str, str] | None = None) -> httpx.Response:
    app, verifier = FastAPI(), Verifier(ANCHORS)

    @app.get("/verifier.html")
    def page(request: Request) -> Response:
        return verifier.answer(request)

    door = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=door, base_url="http://maillon.example:8400") as client:
        return await client.get(address, headers=headers)


async def test_it_is_the_committed_file_but_for_the_anchors() -> None:
    page = (await get("/verifier.html")).text
    assert emptied(page) == COMMITTED
    assert f'id="anchors" data-from="maillon.example:8400">{base64.b64encode(ANCHORS).decode()}</script>' in page


async def test_its_policy_is_that_inside_it_and_forbids_frames() -> None:
    answer = await get("/verifier.html")
    policy = answer.headers["content-security-policy"]
    assert policy.endswith("; frame-ancestors 'none'")
    assert policy.removesuffix("; frame-ancestors 'none'") in answer.text
    assert "connect-src 'none'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("host", ['"><script>', "a b", "é.example", "x" * 256, ""])
def test_a_host_that_is_none_enters_nothing(host: str) -> None:
    page = Verifier(ANCHORS).html(host)
    assert "data-from=" not in page.split("<script>")[0]
    assert emptied(page) == COMMITTED


async def test_it_can_be_kept_and_is_not_sent_twice() -> None:
    kept = await get("/verifier.html?download")
    assert kept.headers["content-disposition"] == 'attachment; filename="maillon-verifier.html"'
    again = await get("/verifier.html", headers={"If-None-Match": kept.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
