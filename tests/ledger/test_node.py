# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: N802 - the methods of a fake node are named as JSON-RPC names them
"""The engine over an endpoint that misbehaves: answers lost, busy, refused; what is repeated and what is not.

That it keeps the port's promises on a real chain is shown by tests/conformance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from maillon.evidence.hashing import keccak256
from maillon.evidence.rlp import encode
from maillon.ledger import endpoint as endpoint_module
from maillon.ledger import nonces as nonces_module
from maillon.ledger.endpoint import Endpoint, EndpointError
from maillon.ledger.errors import (
    AlreadyKnown,
    InsufficientFunds,
    NonceTooLow,
    NotFound,
    PoolFull,
    Rejected,
    Reverted,
    Unavailable,
    Underpriced,
)
from maillon.ledger.header import FIELDS, header_from_json, header_to_json
from maillon.ledger.node import NodeLedger, _refused
from maillon.ledger.port import Address, TransactionHash
from maillon.ledger.reverts import reason_of
from maillon.ledger.signing import Account, sender_and_nonce

ME = Account((1).to_bytes(32, "big"))
TO = Address(b"\x02" * 20)
GWEI = 10**9


class FakeNode:
    """An endpoint over a pool of its own, which can lose answers and refuse."""

    def __init__(self) -> None:
        self.pool: dict[int, bytes] = {}
        self.mined = 0
        self.posts: list[list[dict[str, Any]]] = []
        self.before: Callable[[str], httpx.Response | None] = lambda _method: None
        self.after: Callable[[str], None] = lambda _method: None

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.handle))

    def handle(self, request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        items = body if isinstance(body, list) else [body]
        self.posts.append(items)
        for item in items:
            refused = self.before(item["method"])
            if refused is not None:
                return refused
        answers = [self.answer(item) for item in items]
        for item in items:
            self.after(item["method"])
        return httpx.Response(200, content=orjson.dumps(answers if isinstance(body, list) else answers[0]))

    def answer(self, item: dict[str, Any]) -> dict[str, Any]:
        try:
            result = getattr(self, item["method"])(*item["params"])
        except EndpointError as error:
            return {"jsonrpc": "2.0", "id": item["id"], "error": {"code": error.code, "message": error.message}}
        return {"jsonrpc": "2.0", "id": item["id"], "result": result}

    def next(self) -> int:
        nonce = self.mined
        while nonce in self.pool:
            nonce += 1
        return nonce

    def eth_chainId(self) -> str:
        return hex(7_700_000_001)

    def eth_estimateGas(self, *_: Any) -> str:
        return hex(50_000)

    def eth_maxPriorityFeePerGas(self) -> str:
        return hex(GWEI)

    def eth_getBlockByNumber(self, *_: Any) -> dict[str, str]:
        return {"baseFeePerGas": "0x7"}

    def eth_getTransactionCount(self, _address: str, tag: str) -> str:
        return hex(self.next() if tag == "pending" else self.mined)

    def eth_getTransactionByHash(self, wanted: str) -> Any:
        return next(({} for raw in self.pool.values() if "0x" + keccak256(raw).hex() == wanted), None)

    def eth_getTransactionReceipt(self, _hash: str) -> None:
        return None

    def eth_sendRawTransaction(self, text: str) -> str:
        raw = bytes.fromhex(text[2:])
        _, nonce = sender_and_nonce(raw)
        if self.pool.get(nonce) == raw:
            raise EndpointError(-32000, "already known")
        if nonce < self.mined:
            raise EndpointError(-32000, f"nonce too low: next nonce {self.mined}, tx nonce {nonce}")
        if nonce in self.pool:
            raise EndpointError(-32000, "replacement transaction underpriced")
        self.pool[nonce] = raw
        return "0x" + keccak256(raw).hex()


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    monkeypatch.setattr(endpoint_module, "FIRST_PAUSE", 0.001)
    return FakeNode()


async def connected(node: FakeNode) -> NodeLedger:
    return await NodeLedger.connect("http://node/", client=node.client())


async def test_parallel_sends_travel_in_batches_with_one_nonce_each(node: FakeNode) -> None:
    ledger = await connected(node)
    sent = await asyncio.gather(*(ledger.send(TO, bytes([n]), ME) for n in range(200)))
    await ledger.close()
    assert len(set(sent)) == 200
    assert sorted(node.pool) == list(range(200))
    assert max(map(len, node.posts)) == 100
    assert len(node.posts) < 20


async def test_a_lost_answer_is_asked_again_with_the_same_bytes(node: FakeNode) -> None:
    ledger = await connected(node)
    lost = []

    def lose(method: str) -> None:
        if method == "eth_sendRawTransaction" and not lost:
            lost.append(method)
            raise httpx.ReadError("cut")

    node.after = lose
    sent = await ledger.send(TO, b"", ME)
    await ledger.close()
    assert lost
    assert {keccak256(raw) for raw in node.pool.values()} == {sent}


async def test_what_may_have_arrived_keeps_its_nonce_and_is_offered_again(node: FakeNode) -> None:
    ledger = await connected(node)

    def busy(method: str) -> httpx.Response | None:
        return httpx.Response(503) if method == "eth_sendRawTransaction" else None

    node.before = busy
    with pytest.raises(Unavailable):
        await ledger.send(TO, b"first", ME)
    assert node.pool == {}
    node.before = lambda _method: None
    await ledger.send(TO, b"second", ME)
    await ledger.close()
    assert sorted(node.pool) == [0, 1]
    assert b"first" in node.pool[0]
    assert b"second" in node.pool[1]


async def test_a_node_that_lost_its_pool_gets_it_back(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonces_module, "RECHECK", 0)
    ledger = await connected(node)
    for n in range(3):
        await ledger.send(TO, bytes([n]), ME)
    kept = dict(node.pool)
    node.pool.clear()
    await ledger.send(TO, b"after", ME)
    await ledger.close()
    assert {nonce: node.pool[nonce] for nonce in kept} == kept
    assert sorted(node.pool) == [0, 1, 2, 3]


async def test_what_a_risen_floor_keeps_out_gives_its_nonce_to_the_next(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vote raised the floor tip: every node dropped what was signed for less, and takes it never again."""
    monkeypatch.setattr(nonces_module, "RECHECK", 0)
    ledger = await connected(node)
    lost = [await ledger.send(TO, bytes([n]), ME) for n in range(3)]
    dropped, answer = set(node.pool.values()), node.eth_sendRawTransaction
    node.pool.clear()

    def refusing(text: str) -> str:
        if bytes.fromhex(text[2:]) in dropped:
            raise EndpointError(-32000, "transaction underpriced: gas tip cap 1000000000, minimum needed 3000000000")
        return answer(text)

    node.eth_sendRawTransaction = refusing  # type: ignore[method-assign]
    node.eth_maxPriorityFeePerGas = lambda: hex(3 * GWEI)  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await ledger.wait(lost[0], timeout=0)
    for n in range(3):
        await ledger.send(TO, b"after" + bytes([n]), ME)
    assert sorted(node.pool) == [0, 1, 2], "no nonce is left out, and none waits behind a gap"
    assert all(b"after" + bytes([n]) in node.pool[n] for n in range(3))
    node.mined, node.pool = 3, {}
    with pytest.raises(NonceTooLow):
        await ledger.wait(lost[0], timeout=0)
    await ledger.close()


async def test_another_process_with_the_same_account_is_passed_over(node: FakeNode) -> None:
    ours, theirs = await connected(node), await connected(node)
    for n in range(5):
        await ours.send(TO, b"ours" + bytes([n]), ME)
        await theirs.send(TO, b"theirs" + bytes([n]), ME)
    node.mined, node.pool = 10, {}
    await ours.send(TO, b"ours again", ME)
    assert sorted(node.pool) == [10]
    await ours.close()
    await theirs.close()


async def test_a_refusal_in_the_middle_leaves_no_gap(node: FakeNode) -> None:
    ledger = await connected(node)
    answer = node.eth_sendRawTransaction

    def refusing(text: str) -> str:
        if b"refused".hex() in text:
            raise EndpointError(-32000, "insufficient funds for gas * price + value: balance 0")
        return answer(text)

    node.eth_sendRawTransaction = refusing  # type: ignore[method-assign]
    sends = [ledger.send(TO, data, ME) for data in (b"a", b"refused", b"c", b"d")]
    outcomes = await asyncio.gather(*sends, return_exceptions=True)
    await ledger.close()
    assert [type(outcome) for outcome in outcomes] == [bytes, InsufficientFunds, bytes, bytes]
    assert sorted(node.pool) == [0, 1, 2, 3]


async def test_reads_are_repeated_and_then_given_up(node: FakeNode) -> None:
    ledger = await connected(node)
    answers = [httpx.Response(429, headers={"retry-after": "0"}), httpx.Response(502)]
    node.before = lambda _method: answers.pop() if answers else None
    assert await ledger.ask("eth_chainId") == hex(ledger.chain_id)
    node.before = lambda _method: httpx.Response(503)
    with pytest.raises(Unavailable, match="503"):
        await ledger.head()
    await ledger.close()


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"3", b'{"id":0}', b'{"id":0,"result":"x"}', b'[{"id":5,"result":"0x1"}]']
)
async def test_an_endpoint_that_answers_something_else_told_us_nothing(content: bytes) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=content))
    with pytest.raises(Unavailable):
        await NodeLedger.connect("http://node/", client=httpx.AsyncClient(transport=transport))


async def test_a_replaced_transaction_is_said_to_be_lost(node: FakeNode) -> None:
    ledger = await connected(node)
    sent = await ledger.send(TO, b"", ME)
    with pytest.raises(Unavailable):
        await ledger.wait(sent, timeout=0)
    node.mined, node.pool = 1, {}
    with pytest.raises(NonceTooLow):
        await ledger.wait(sent, timeout=0)
    with pytest.raises(Unavailable):
        await ledger.wait(TransactionHash(bytes(32)), timeout=0)
    await ledger.close()


async def test_a_cancelled_request_harms_no_other(node: FakeNode) -> None:
    endpoint = Endpoint("http://node/", node.client())
    first = asyncio.create_task(endpoint.request("eth_chainId"))
    second = asyncio.create_task(endpoint.request("eth_maxPriorityFeePerGas"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == hex(GWEI)
    await endpoint.close()


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (-32000, "nonce too low: next nonce 5, tx nonce 4", NonceTooLow),
        (-32000, "already known", AlreadyKnown),
        (-32000, "replacement transaction underpriced", Underpriced),
        (-32000, "gas tip cap 1, minimum needed 1000000000", Underpriced),
        (-32000, "insufficient funds for gas * price + value", InsufficientFunds),
        (-32000, "txpool is full", PoolFull),
        (-32000, "header not found", NotFound),
        (3, "execution reverted", Reverted),
        (-32602, "invalid argument 0", Rejected),
        (-32005, "too many", Unavailable),
        (-32601, "the method x does not exist/is not available", Unavailable),
        (-32603, "internal error", Unavailable),
    ],
)
def test_refusals_are_told_apart(code: int, text: str, kind: type[Exception]) -> None:
    assert type(_refused(EndpointError(code, text))) is kind


def test_revert_reasons() -> None:
    text = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"no".ljust(32, b"\0")
    assert reason_of(text) == "no"
    assert reason_of(text[:-31]) is None
    assert reason_of(bytes.fromhex("4e487b71") + (0x12).to_bytes(32, "big")) == "division or modulo by zero"
    assert reason_of(bytes.fromhex("4e487b71") + (0x99).to_bytes(32, "big")) == "unknown panic code: 0x99"
    assert reason_of(b"") is None
    assert reason_of(b"\x01\x02\x03\x04") is None


def test_a_header_goes_both_ways() -> None:
    values = [bytes([place + 1]) * 32 if is_data else place for place, (_, is_data) in enumerate(FIELDS)]
    header = encode(values)
    assert header_from_json(header_to_json(header)) == header
