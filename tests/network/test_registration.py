# SPDX-License-Identifier: Apache-2.0
"""Registering a node through a gateway that is away, of another chain, or tells nonsense; the chain's own reasons.

A node that is registered, on a real network: test_membership.py.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from maillon.evidence.hashing import keccak256
from maillon.kit.keys import write_private
from maillon.ledger.abi import encode
from maillon.ledger.errors import Rejected, Unavailable
from maillon.main import register_node
from maillon.network.configuration import NodeHome, NodeSettings
from maillon.network.definition import found
from maillon.network.errors import RegistrationRefused

CHAIN_ID = 7_700_000_123
Answers = dict[str, Any]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> NodeHome:
    """Laid out, and never started."""
    home = NodeHome(tmp_path_factory.mktemp("home") / "node")
    home.lay_out(NodeSettings("City"))
    card = home.identity().card("City", "node.example", 26656, 30303)
    write_private(home.network_file, found("Test", CHAIN_ID, int(time.time()), [card], 5).to_json())
    return home


@pytest.fixture
def gateway() -> Iterator[Callable[[Answers], str]]:
    """Starts something that gives these answers, each method its own; its address."""
    servers = []

    def start(answers: Answers) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                answer = answers[asked["method"]]
                body = json.dumps(answer | {"id": asked["id"]} if isinstance(answer, dict) else answer).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def result(value: object) -> Answers:
    return {"jsonrpc": "2.0", "result": value}


async def test_a_gateway_that_is_away(node: NodeHome) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await register_node(node, "http://127.0.0.1:1", validator=False)


async def test_a_gateway_of_another_chain(node: NodeHome, gateway: Callable[[Answers], str]) -> None:
    with pytest.raises(RegistrationRefused, match="another chain"):
        await register_node(node, gateway({"eth_chainId": result(hex(CHAIN_ID + 1))}), validator=False)


@pytest.mark.parametrize("nonsense", [[], 3, {}, {"error": "no"}, {"result": {"deep": 1}}], ids=str)
async def test_a_gateway_that_tells_nonsense(
    node: NodeHome, gateway: Callable[[Answers], str], nonsense: object
) -> None:
    with pytest.raises(Unavailable):
        await register_node(node, gateway({"eth_chainId": nonsense}), validator=False)
    url = gateway({"eth_chainId": result(hex(CHAIN_ID)), "eth_call": nonsense})
    with pytest.raises(Unavailable):
        await register_node(node, url, validator=False)


async def test_the_reason_is_the_chains_own(node: NodeHome, gateway: Callable[[Answers], str]) -> None:
    reason = keccak256(b"Error(string)")[:4] + encode(("string",), ("directory: unknown name",))
    error = {"code": 3, "message": "execution reverted: directory: unknown name", "data": "0x" + reason.hex()}
    refusal = {"jsonrpc": "2.0", "error": error}
    url = gateway({"eth_chainId": result(hex(CHAIN_ID)), "eth_call": refusal})
    with pytest.raises(Rejected, match="directory: unknown name"):
        await register_node(node, url, validator=False)


async def test_an_account_that_operates_for_nobody(node: NodeHome, gateway: Callable[[Answers], str]) -> None:
    """Every view answers with nothing, in the one form that is a word: no contract, and no organisation."""
    url = gateway({"eth_chainId": result(hex(CHAIN_ID)), "eth_call": result("0x" + encode(("uint256",), (0,)).hex())})
    with pytest.raises(RegistrationRefused, match="operates for no active member"):
        await register_node(node, url, validator=False)
