# SPDX-License-Identifier: Apache-2.0
"""A platform's `/rpc` where its chain is a node's: everything passes, to its end, and nothing but what is meant to.

That clients sign through it is shown by tests/journeys/test_town_on_a_network.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.applications import Starlette

from maillon.ledger import passage
from maillon.ledger.passage import Passage

GATEWAY = "http://127.0.0.1:8545"
ASKED = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
JSON = {"content-type": "application/json"}


class Gateway:
    """What a gateway is asked, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, content=b"{}", headers=JSON)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer()


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    way = Passage(GATEWAY, httpx.AsyncClient(transport=httpx.MockTransport(gateway.handle)))
    transport = httpx.ASGITransport(Starlette(routes=way.routes()), client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://platform") as made:
        yield made
    await way.close()


async def test_a_call_passes_with_its_key_and_whom_it_is_for(client: httpx.AsyncClient, gateway: Gateway) -> None:
    gateway.answer = lambda: httpx.Response(200, content=b'{"result":"0x1"}', headers=JSON | {"set-cookie": "a=b"})
    sent = JSON | {"authorization": "Bearer key", "cookie": "maillon=session", "x-forwarded-for": "203.0.113.9"}
    answer = await client.post("/rpc", content=ASKED, headers=sent)
    assert (answer.status_code, answer.content) == (200, b'{"result":"0x1"}')
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "set-cookie" not in answer.headers
    (request,) = gateway.asked
    assert (request.url, request.content) == (httpx.URL(GATEWAY), ASKED)
    assert request.headers["authorization"] == "Bearer key"
    assert request.headers["x-forwarded-for"] == "192.0.2.7", "whom it came from, and not whom it says"
    assert "cookie" not in request.headers, "a session is the portal's alone"


async def test_what_the_gateway_refuses_is_refused(client: httpx.AsyncClient, gateway: Gateway) -> None:
    gateway.answer = lambda: httpx.Response(429, content=b'{"error":{}}', headers=JSON | {"retry-after": "1"})
    answer = await client.post("/rpc", content=ASKED, headers=JSON)
    assert (answer.status_code, answer.headers["retry-after"], answer.content) == (429, "1", b'{"error":{}}')


async def test_what_is_too_large_is_not_passed_on(
    client: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "MAXIMUM_BODY", len(ASKED))
    assert (await client.post("/rpc", content=ASKED, headers=JSON)).status_code == 200
    refused = await client.post("/rpc", content=ASKED + b" ", headers=JSON)
    assert (refused.status_code, len(gateway.asked)) == (413, 1)
    assert refused.text == f"content length too large (>{len(ASKED)})\n"
    monkeypatch.setattr(passage, "MAXIMUM_ANSWER", 1)
    answer = await client.post("/rpc", content=ASKED, headers=JSON)
    assert (answer.status_code, answer.text) == (502, "the node answered too much at once: ask for less\n")


async def test_a_node_that_is_away_is_said(client: httpx.AsyncClient, gateway: Gateway) -> None:
    def away() -> httpx.Response:
        raise httpx.ConnectError("refused")

    gateway.answer = away
    answer = await client.post("/rpc", content=ASKED, headers=JSON)
    assert (answer.status_code, "the node does not answer" in answer.text) == (503, True)


async def test_browsers_may_ask_from_any_page_and_nothing_else_is_served(
    client: httpx.AsyncClient, gateway: Gateway
) -> None:
    preflight = await client.options("/rpc")
    assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (204, "POST, OPTIONS")
    assert ((await client.get("/rpc")).status_code, (await client.put("/rpc")).status_code) == (200, 405)
    assert gateway.asked == []
