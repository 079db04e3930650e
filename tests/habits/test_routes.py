# SPDX-License-Identifier: Apache-2.0
"""Every route for programs is in a page, and in the OpenAPI document with a summary and its refusals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from maillon.kit.problems import MEDIA_TYPE
from maillon.kit.settings import Settings
from maillon.main import Application, exclusive_home
from people_box import routes_of

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = re.compile(r"/(?:v1|log|tsa|rpc|health|metrics)(?:/|$)")
NOT_IN_OPENAPI = {
    "/rpc": "JSON-RPC has one address for all it is asked: docs/formats/json-rpc.md",
    "/v1/openapi.json": "the document itself",
}
REFUSES_NOTHING = {
    ("get", "/health"),
    ("get", "/health/live"),
    ("get", "/tsa/certificate"),
    ("get", "/v1/state"),
    ("get", "/v1/trust"),
}
"""What is asked for nothing, and stands in memory or says itself what is away."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], dict[str, Any]]:
    """Addresses for programs, and the OpenAPI document, of a whole application."""
    home = tmp_path_factory.mktemp("routes") / "home"
    with exclusive_home(home):
        made = await Application.open(Settings(home=home, demo=False))
        await made.start()
        try:
            app = made.create_app()
            every = {getattr(route, "path", "") for route in app.routes} | {one.path for one in routes_of(app)}
            return {path for path in every if PROGRAMS.match(path)}, app.openapi()
        finally:
            await made.stop()


REPEATED: dict[str, str] = {
    "/tsa": "a stamp is of its moment: another is another, and nothing is kept",
    "/v1/applications/mine/answer": "a step of one application, refused a second time",
    "/v1/applications/mine/appeal": "a step of one application, refused a second time",
    "/v1/applications/mine/withdrawal": "a step of one application, refused a second time",
    "/v1/applications/{identifier}/refusal": "a step of one application, refused a second time",
    "/v1/applications/{identifier}/request": "a step of one application, refused a second time",
    "/v1/credits/faucet": "fills up to ten credits: asked again it finds them there",
    "/v1/join": "opens a step, and nothing else",
    "/v1/join/code": "the step is good once",
    "/v1/login": "opens a step, and nothing else",
    "/v1/login/code": "the step is good once",
    "/v1/login/device": "nobody is known yet by whom a key could be told apart",
    "/v1/login/token": "the code is good once",
    "/v1/members/{number}/acts": "prepares, and does nothing",
    "/v1/notices/read": "what is read is read",
    "/v1/organisations/{organisation}/webhooks/{webhook}/resumption": "what is resumed is resumed",
    "/v1/votes/acts": "prepares, and does nothing",
    "/v1/votes/texts": "a text is known by its digest",
}
"""What is sent by POST without an Idempotency-Key, and why that does no harm."""


def undescribed(paths: set[str], pages: str) -> list[str]:
    """What the pages say nothing of; what stands in braces may be called otherwise there."""
    said = re.sub(r"\{[^}]*\}", "{}", pages)
    return sorted(
        path for path in paths if not re.search(re.escape(re.sub(r"\{[^}]*\}", "{}", path)) + r"(?![\w/{-])", said)
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_every_route_for_programs_is_in_a_page(built: tuple[set[str], dict[str, Any]]) -> None:
    paths, _ = built
    assert len(paths) > 60
    pages = "".join(
        page.read_text() for folder in ("formats", "operating") for page in (ROOT / "docs" / folder).glob("*.md")
    )
    assert undescribed(paths, pages) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_every_route_for_programs_is_in_the_document(built: tuple[set[str], dict[str, Any]]) -> None:
    paths, document = built
    described = {re.sub(r"\{[^}]*\}", "{}", path) for path in document["paths"]}
    missing = {path for path in paths if re.sub(r"\{[^}]*\}", "{}", path) not in described}
    assert missing == set(NOT_IN_OPENAPI)


@pytest.mark.asyncio(loop_scope="module")
async def test_every_operation_has_a_summary_and_its_refusals(built: tuple[set[str], dict[str, Any]]) -> None:
    _, document = built
    silent = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), (method, path)
            refusals = {code: one for code, one in operation["responses"].items() if code[0] in "45"}
            if not refusals:
                silent.add((method, path))
            for code, one in refusals.items():
                assert list(one["content"]) == [MEDIA_TYPE], (method, path, code)
                assert one["description"], (method, path, code)
    assert silent == REFUSES_NOTHING
    assert document["components"]["schemas"]["Problem"]["required"] == ["type", "title", "detail", "status"]
    assert "HTTPValidationError" not in str(document), "the framework's own word for a refusal"


@pytest.mark.asyncio(loop_scope="module")
async def test_what_creates_something_is_asked_once(built: tuple[set[str], dict[str, Any]]) -> None:
    _, document = built
    once, more = set(), set()
    for path, operations in document["paths"].items():
        taken = {one["name"].lower() for one in operations.get("post", {}).get("parameters", [])}
        if "post" in operations:
            (once if "idempotency-key" in taken else more).add(path)
    assert more == set(REPEATED)
    assert len(once) >= 10
    pages = "".join(page.read_text() for page in (ROOT / "docs/formats").glob("*.md"))
    marked = re.sub(r"\{[^}]*\}", "{}", pages)
    assert [path for path in once if re.sub(r"\{[^}]*\}", "{}", path) + "` *once*" not in marked] == []


def test_a_route_without_a_word_is_found() -> None:
    pages = "`GET /v1/members/{number}/nodes` and `/v1/members/{number}`"
    assert undescribed({"/v1/members/{id}", "/v1/members", "/v1/members/{number}/name"}, pages) == [
        "/v1/members",
        "/v1/members/{number}/name",
    ]
