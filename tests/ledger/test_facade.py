# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC as geth words it: requests well and badly formed, limits, filters, subscriptions, slow readers."""

from __future__ import annotations

import asyncio
import datetime
import json
import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maillon import __version__
from maillon.kit.clock import SystemClock
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.embedded.model import CallResult
from maillon.ledger.facade import Facade, Limits
from maillon.ledger.genesis import ANCHORS, make_genesis, random_chain_id
from maillon.ledger.signing import Account, DynamicFeeTransaction

ERRORS = Path(__file__).resolve().parents[2] / "docs/operating/errors.md"
ME = Account((1).to_bytes(32, "big"))
GWEI = 10**9
LIMITS = Limits(
    body=200_000, batch=150, logs=3, log_blocks=4, filters=3, subscriptions=2, connections=2, outbox=3, filter_life=3600
)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    validator = Ed25519PrivateKey.generate()
    now = int(datetime.datetime.now(datetime.UTC).timestamp()) - 100
    keys = [validator.public_key().public_bytes_raw()]
    genesis = make_genesis("facade", random_chain_id(), now, keys, {ME.address: 10**24}, ME.address)
    opened = Chain.open(tmp_path_factory.mktemp("facade"), genesis, validator, SystemClock())
    yield opened
    opened.close()


@pytest.fixture
async def facade(chain: Chain) -> AsyncIterator[Facade]:
    made = Facade(chain, LIMITS)
    yield made
    await made.close()


@pytest.fixture
async def client(facade: Facade) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(facade), base_url="http://ledger") as made:
        yield made


async def post(client: httpx.AsyncClient, body: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = await client.post("/rpc", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 200
    return response.json() if response.content else None


async def ask(client: httpx.AsyncClient, method: str, *params: Any) -> Any:
    answer = await post(client, {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)})
    assert answer["id"] == 7
    return answer.get("error", answer.get("result"))


def transfer(chain: Chain, ahead: int = 0, to: bytes = ME.address, data: bytes = b"", gas: int = 100_000) -> str:
    nonce = chain.pending_nonce(ME.address) + ahead
    made = DynamicFeeTransaction(chain.chain_id, nonce, GWEI, 3 * GWEI, gas, to, 0, data)  # type: ignore[arg-type]
    return "0x" + made.sign(ME).raw.hex()


def logging_code() -> bytes:
    """Init code of a contract that emits one LOG1 whenever it is called: PUSH1 7, PUSH1 0, PUSH1 0, LOG1, STOP."""
    runtime = bytes.fromhex("600760006000a100")
    return bytes.fromhex("67") + runtime + bytes.fromhex("60005260086018f3")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"", -32700, "parse error"),
        (b"{", -32700, "parse error"),
        (b"\xff\xfe", -32700, "parse error"),
        (b"[" * 5000 + b"]" * 5000, -32700, "parse error"),
        (b"[]", -32600, "empty batch"),
        (b"3", -32600, "invalid request"),
        (b'{"id":1}', -32600, "invalid request"),
        (b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600, "invalid request"),
        *(
            (b'{"jsonrpc":"2.0","id":%b,"method":"eth_chainId"}' % identifier, -32600, "invalid request")
            for identifier in (b"{}", b"[1]", b"true", b"18446744073709551617", b"-1e300")
        ),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{"a":1}}', -32602, "non-array args"),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[1]}', -32602, "too many arguments, want at most 0"),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_getCode"}', -32602, "missing value for required argument 0"),
        (b'{"jsonrpc":"2.0","id":1,"method":"x"}', -32601, "the method x does not exist/is not available"),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}',
            -32601,
            "notifications not supported",
        ),
    ],
)
async def test_what_is_malformed_is_named(client: httpx.AsyncClient, body: bytes, code: int, message: str) -> None:
    error = (await post(client, body))["error"]
    assert (error["code"], error["message"]) == (code, message)


async def test_it_says_which_program_and_version_answers(client: httpx.AsyncClient) -> None:
    assert await ask(client, "web3_clientVersion") == f"Maillon/v{__version__}/embedded"


@pytest.mark.parametrize(
    "method",
    [
        "eth_sendTransaction", "eth_sign", "eth_signTransaction", "personal_unlockAccount", "admin_addPeer",
        "miner_start", "engine_newPayloadV4", "eth_fillTransaction", "debug_setHead",
    ],
)  # fmt: skip
async def test_what_no_outsider_may_ask_does_not_exist(client: httpx.AsyncClient, method: str) -> None:
    error = await ask(client, method)
    assert error == {"code": -32601, "message": f"the method {method} does not exist/is not available"}


@pytest.mark.parametrize(
    ("method", "params", "part"),
    [
        ("eth_getBalance", ["abc"], "hex string without 0x prefix"),
        ("eth_getBalance", ["0x12"], "hex string has length 2, want 40"),
        ("eth_getBalance", [5], "non-string"),
        ("eth_getBlockByNumber", ["0x01", False], "leading zero digits"),
        ("eth_getBlockByNumber", ["0x", False], 'hex string "0x"'),
        ("eth_getBlockByNumber", ["0x1", 1], "non-boolean"),
        ("eth_getBlockByNumber", ["0x" + "1" * 17, False], "> 64 bits"),
        ("eth_sendRawTransaction", ["0x123"], "odd length"),
        ("eth_sendRawTransaction", ["0xzz"], "invalid hex string"),
        ("eth_call", ["x"], "non-object"),
        ("eth_call", [{}, "latest", {"0x0": {}}], "overrides"),
        ("eth_getLogs", [{"topics": [None] * 5}], "exceed max topics"),
        ("eth_getLogs", [{"address": ["0x" + "00" * 20] * 1001}], "exceed max addresses"),
        ("eth_getLogs", [{"fromBlock": "0x2", "toBlock": "0x1"}], "invalid block range params"),
        ("eth_getLogs", [{"fromBlock": "0x1", "blockHash": "0x" + "00" * 32}], "cannot specify both"),
        ("eth_getProof", ["0x" + "00" * 20, ["0x0"] * 1025], "too many storage keys"),
    ],
)
async def test_arguments_that_cannot_be_read(
    client: httpx.AsyncClient, method: str, params: list[Any], part: str
) -> None:
    error = await ask(client, method, *params)
    assert error["code"] == -32602
    assert part in error["message"]


METHODS_WITH_SHAPES = ["eth_call", "eth_getLogs", "eth_feeHistory", "eth_getProof", "eth_sendRawTransaction"]
NAMES = st.sampled_from(["to", "data", "topics", "address", "fromBlock", "blockHash", "accessList"])
PLAIN = (
    st.none() | st.booleans() | st.integers(-5, 2**64 - 1) | st.text(max_size=8) | st.sampled_from(["0x1", "latest"])
)
ANYTHING = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner), max_leaves=8)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(METHODS_WITH_SHAPES), st.lists(ANYTHING, max_size=4))
async def test_nothing_an_outsider_writes_is_an_internal_error(chain: Chain, method: str, params: list[Any]) -> None:
    facade = Facade(chain, LIMITS)
    try:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        answer = json.loads(await facade._dispatcher.handle(body))
    finally:
        await facade.close()
    assert answer.get("error", {}).get("code") != -32603


async def test_a_batch_is_answered_in_order_and_within_bounds(client: httpx.AsyncClient, chain: Chain) -> None:
    batch: list[Any] = [{"jsonrpc": "2.0", "id": n, "method": "eth_chainId"} for n in range(100)]
    batch.insert(3, {"jsonrpc": "2.0", "method": "eth_chainId"})
    batch.insert(5, 3)
    batch.insert(9, {"jsonrpc": "2.0", "id": "a", "method": "eth_getBalance", "params": ["0x" + ME.address.hex()]})
    answers = await post(client, batch)
    assert len(answers) == 102
    assert [each["id"] for each in answers if isinstance(each["id"], int)] == list(range(100))
    assert answers[4] == {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "invalid request"}}
    assert int(answers[8]["result"], 16) == chain.balance(ME.address)
    (refused,) = await post(client, [{"jsonrpc": "2.0", "id": 4, "method": "eth_chainId"}] * 151)
    assert refused == {"jsonrpc": "2.0", "id": 4, "error": {"code": -32600, "message": "batch too large"}}
    assert await post(client, {"jsonrpc": "2.0", "method": "eth_chainId"}) is None


async def test_http_is_strict_and_open_to_browsers(client: httpx.AsyncClient) -> None:
    preflight = await client.options("/rpc", headers={"origin": "https://wallet.example"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "content-type" in preflight.headers["access-control-allow-headers"]
    assert (await client.get("/rpc")).status_code == 200
    json_type = {"content-type": "application/json"}
    answer = await client.post("/rpc", content=b"{}", headers=json_type)
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_refusals_of_http_are_lines_of_text_as_their_page_says(client: httpx.AsyncClient) -> None:
    json_type = {"content-type": "application/json"}
    refusals = [
        await client.put("/rpc"),
        await client.post("/rpc", content=b" " * 200_001, headers=json_type),
        await client.post("/rpc", content=b"{}", headers={"content-type": "text/plain"}),
    ]
    assert [answer.text for answer in refusals] == [
        "method not allowed\n",
        "content length too large (>200000)\n",
        "invalid content type, only application/json is supported\n",
    ]
    assert {answer.headers["content-type"] for answer in refusals} == {"text/plain; charset=utf-8"}
    said = re.search(r"^`/rpc` refuses as geth does.*?\n\n", ERRORS.read_text(), re.MULTILINE | re.DOTALL)
    assert said is not None
    assert re.findall(r"\b[45]\d\d\b", said[0]) == [str(answer.status_code) for answer in refusals]


async def test_too_many_at_once_are_told_when_to_return(chain: Chain) -> None:
    facade = Facade(chain, Limits(waiting=0))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(facade), base_url="http://ledger") as client:
        request = {"jsonrpc": "2.0", "id": 9, "method": "eth_getBalance", "params": ["0x" + "00" * 20]}
        response = await client.post("/rpc", json=[request, request])
    await facade.close()
    assert response.status_code == 429
    assert response.headers["retry-after"] == "1"
    assert [(each["id"], each["error"]["code"]) for each in response.json()] == [(9, -32005)] * 2


async def test_contracts_that_run_for_long_hold_up_nothing_else(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, begun, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def call(*_arguments: Any) -> CallResult:
        loop.call_soon_threadsafe(begun.set)
        release.wait(60)
        return CallResult(b"", 0, None)

    monkeypatch.setattr(chain, "call", call)
    facade = Facade(chain, Limits(executing=1, waiting_executions=1))
    me = "0x" + ME.address.hex()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(facade), base_url="http://ledger") as client:
        long = asyncio.create_task(ask(client, "eth_call", {"to": me}))
        await begun.wait()
        assert int(await ask(client, "eth_getBalance", me), 16) > 0
        assert (await ask(client, "eth_sendRawTransaction", transfer(chain))).startswith("0x")
        request = {"jsonrpc": "2.0", "id": 9, "method": "eth_call", "params": [{"to": me}]}
        refused = await client.post("/rpc", json=request)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, -32005)
        assert not long.done()
        release.set()
        assert await long == "0x"
    await facade.close()
    chain.seal()


async def test_fee_answers_agree_and_are_complete(client: httpx.AsyncClient, chain: Chain) -> None:
    await ask(client, "eth_sendRawTransaction", transfer(chain))
    chain.seal()
    tip, price = int(await ask(client, "eth_maxPriorityFeePerGas"), 16), int(await ask(client, "eth_gasPrice"), 16)
    assert tip == chain.tip_floor
    assert price == -(-chain.next_base_fee() * 127 // 100) + tip
    for count in ("0x1", 2, "0x400"):
        history = await ask(client, "eth_feeHistory", count, "pending", [0, 5.5, 100])
        blocks = len(history["gasUsedRatio"])
        assert blocks == min(int(str(count), 0), chain.head().number + 1)
        assert len(history["baseFeePerGas"]) == len(history["baseFeePerBlobGas"]) == blocks + 1
        assert [len(rewards) for rewards in history["reward"]] == [3] * blocks
        assert all(int(reward, 16) >= tip for rewards in history["reward"] for reward in rewards)
    assert (await ask(client, "eth_feeHistory", "0x1", "latest"))["reward"] == [[]]
    assert (await ask(client, "eth_feeHistory", "0x1", "latest", [50, 10]))["message"].startswith("invalid reward")
    assert (await ask(client, "eth_feeHistory", "0x1", "latest", [101]))["code"] == -32000


async def test_the_pool_refuses_in_geths_words(client: httpx.AsyncClient, chain: Chain) -> None:
    raw = transfer(chain)
    sent = await ask(client, "eth_sendRawTransaction", raw)
    assert (await ask(client, "eth_getTransactionByHash", sent))["blockHash"] is None
    assert await ask(client, "eth_getTransactionReceipt", sent) is None
    assert (await ask(client, "eth_sendRawTransaction", raw)) == {"code": -32000, "message": "already known"}
    address = "0x" + ME.address.hex()
    assert int(await ask(client, "eth_getTransactionCount", address, "pending"), 16) == chain.nonce(ME.address) + 1
    assert int(await ask(client, "eth_getTransactionCount", address, "latest"), 16) == chain.nonce(ME.address)
    assert (await ask(client, "txpool_status"))["pending"] == "0x1"
    chain.seal()
    assert "nonce too low" in (await ask(client, "eth_sendRawTransaction", raw))["message"]
    receipt = await ask(client, "eth_getTransactionReceipt", sent)
    assert receipt["status"] == "0x1"
    by_hash = {"blockHash": receipt["blockHash"]}
    assert await ask(client, "eth_getBlockReceipts", by_hash) == [receipt]
    assert await ask(client, "eth_getBalance", address, by_hash) == await ask(client, "eth_getBalance", address)
    assert (await ask(client, "eth_getBalance", address, hex(10**6)))["message"] == "header not found"
    for tag in ("latest", "pending", "safe", "finalized"):
        assert (await ask(client, "eth_getBlockByNumber", tag, False))["hash"] == receipt["blockHash"]
    assert (await ask(client, "eth_getBlockByNumber", "earliest", True))["number"] == "0x0"
    assert await ask(client, "eth_getBlockByNumber", hex(10**6), False) is None


async def emit(client: httpx.AsyncClient, chain: Chain) -> str:
    """Deploy what emits, then five blocks of two events each; the address."""
    nonce = chain.pending_nonce(ME.address)
    made = DynamicFeeTransaction(chain.chain_id, nonce, GWEI, 3 * GWEI, 200_000, None, 0, logging_code()).sign(ME)
    sent = await ask(client, "eth_sendRawTransaction", "0x" + made.raw.hex())
    chain.seal()
    address: str = (await ask(client, "eth_getTransactionReceipt", sent))["contractAddress"]
    for _ in range(5):
        for _ in range(2):
            await ask(client, "eth_sendRawTransaction", transfer(chain, to=bytes.fromhex(address[2:])))
        chain.seal()
    return address


async def test_logs_are_whole_or_refused_with_a_range_that_fits(client: httpx.AsyncClient, chain: Chain) -> None:
    before = await ask(client, "eth_newFilter", {})
    blocks = await ask(client, "eth_newBlockFilter")
    address = await emit(client, chain)
    head = chain.head().number
    since = head - 4
    error = await ask(client, "eth_getLogs", {"address": address, "fromBlock": "0x0"})
    assert error["code"] == -32005
    assert error["message"].startswith("exceed maximum block range: 4. Try with this block range [0x0, 0x3]")
    found: list[Any] = []
    while since <= head:
        criteria = {"address": address, "fromBlock": hex(since), "toBlock": hex(min(head, since + 3))}
        answer = await ask(client, "eth_getLogs", criteria)
        if isinstance(answer, dict):
            assert answer["code"] == -32005
            criteria |= {"fromBlock": answer["data"]["from"], "toBlock": answer["data"]["to"]}
            answer = await ask(client, "eth_getLogs", criteria)
        found += answer
        since = int(criteria["toBlock"], 16) + 1
    assert len(found) == 10
    assert [(each["blockNumber"], each["logIndex"]) for each in found[:2]] == [
        (hex(head - 4), "0x0"),
        (hex(head - 4), "0x1"),
    ]
    topic = "0x" + (7).to_bytes(32, "big").hex()
    recent = {"address": address, "fromBlock": "latest"}
    assert len(await ask(client, "eth_getLogs", recent | {"topics": [[topic, "0x" + "00" * 32]]})) == 2
    assert await ask(client, "eth_getLogs", recent | {"topics": ["0x" + "00" * 32]}) == []
    assert len(await ask(client, "eth_getLogs", {"blockHash": "0x" + chain.head().hash.hex()})) == 2
    assert await ask(client, "eth_getLogs", {"fromBlock": hex(head + 1), "toBlock": hex(head + 2)}) == []
    # A polled filter gives whole blocks and forgets nothing.
    polled: list[Any] = []
    for _ in range(12):
        polled += await ask(client, "eth_getFilterChanges", before)
    assert polled == found
    assert len(await ask(client, "eth_getFilterChanges", blocks)) == 3
    assert await ask(client, "eth_uninstallFilter", before) is True
    assert await ask(client, "eth_uninstallFilter", before) is False
    assert (await ask(client, "eth_getFilterChanges", before))["message"] == "filter not found"


async def test_filters_are_limited_and_forgotten(client: httpx.AsyncClient, facade: Facade) -> None:
    filters = facade._served.filters
    first = await ask(client, "eth_newBlockFilter")
    for _ in range(2):
        await ask(client, "eth_newPendingTransactionFilter")
    assert (await ask(client, "eth_newBlockFilter"))["code"] == -32005
    start = filters._now()
    filters._now = lambda: start + 3601
    assert (await ask(client, "eth_getFilterChanges", first))["message"] == "filter not found"
    assert isinstance(await ask(client, "eth_newBlockFilter"), str)


async def test_a_pending_filter_sees_what_was_admitted(client: httpx.AsyncClient, chain: Chain) -> None:
    identifier = await ask(client, "eth_newPendingTransactionFilter")
    sent = await ask(client, "eth_sendRawTransaction", transfer(chain))
    for _ in range(200):
        found = await ask(client, "eth_getFilterChanges", identifier)
        if found:
            break
    assert found == [sent]
    chain.seal()


class Socket:
    """A WebSocket connection over ASGI, without a network."""

    def __init__(self, facade: Facade) -> None:
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.outgoing: asyncio.Queue[Any] = asyncio.Queue()
        self.reading = asyncio.Event()
        self.reading.set()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(facade({"type": "websocket"}, self.incoming.get, self._send))

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            await self.reading.wait()
        self.outgoing.put_nowait(message)

    async def next(self) -> Any:
        message = await asyncio.wait_for(self.outgoing.get(), 10)
        return json.loads(message["text"]) if message["type"] == "websocket.send" else message

    async def ask(self, method: str, *params: Any, binary: bool = False) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        frame = {"bytes": body.encode()} if binary else {"text": body}
        self.incoming.put_nowait({"type": "websocket.receive", **frame})
        answer = await self.next()
        return answer.get("error", answer.get("result"))

    async def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 10)


async def test_subscriptions_tell_what_happens_in_order(facade: Facade, chain: Chain) -> None:
    socket = Socket(facade)
    assert (await socket.next())["type"] == "websocket.accept"
    assert int(await socket.ask("eth_chainId", binary=True), 16) == chain.chain_id
    heads = await socket.ask("eth_subscribe", "newHeads", binary=True)
    pending = await socket.ask("eth_subscribe", "newPendingTransactions")
    assert (await socket.ask("eth_subscribe", "logs"))["code"] == -32005
    sent = await socket.ask("eth_sendRawTransaction", transfer(chain))
    if not isinstance(sent, str):  # the notification overtook the answer
        sent = (await socket.next())["result"]
        notified = sent
    else:
        notified = (await socket.next())["params"]["result"]
    assert notified == sent
    block = await asyncio.to_thread(chain.seal)
    assert block is not None
    told = (await socket.next())["params"]
    assert (told["subscription"], told["result"]["hash"]) == (heads, "0x" + block.hash.hex())
    assert await socket.ask("eth_unsubscribe", pending) is True
    assert (await socket.ask("eth_unsubscribe", pending))["message"] == "subscription not found"
    assert (await socket.ask("eth_subscribe", "syncing"))["message"] == 'no "syncing" subscription in eth namespace'
    await socket.leave()


async def test_a_slow_reader_is_cut_and_the_others_are_not(facade: Facade, chain: Chain) -> None:
    slow, quick = Socket(facade), Socket(facade)
    for socket in (slow, quick):
        await socket.next()
        await socket.ask("eth_subscribe", "newHeads")
    third = Socket(facade)
    assert (await third.next())["code"] == 1013
    slow.reading.clear()
    for _ in range(6):
        chain.admit(bytes.fromhex(transfer(chain)[2:]))
        await asyncio.to_thread(chain.seal)
        assert (await quick.next())["method"] == "eth_subscription"
    await asyncio.wait_for(slow.task, 10)
    assert (await slow.next())["code"] == 1008
    await quick.leave()


async def test_a_message_too_big_closes_the_connection(facade: Facade) -> None:
    socket = Socket(facade)
    await socket.next()
    socket.incoming.put_nowait({"type": "websocket.receive", "bytes": b" " * 200_001})
    assert (await socket.next())["code"] == 1009
    await asyncio.wait_for(socket.task, 10)


async def test_consensus_is_cometbfts(client: httpx.AsyncClient, chain: Chain) -> None:
    head = chain.head()
    commit = await ask(client, "maillon_commit", hex(head.number + 1))
    assert commit["signed_header"]["header"]["height"] == str(head.number + 1)
    assert commit["signed_header"]["header"]["app_hash"].lower() == head.hash.hex()
    validators = await ask(client, "maillon_validators", head.number + 1)
    assert (validators["count"], len(validators["validators"])) == ("1", 1)
    assert (await ask(client, "maillon_commit", hex(head.number + 2)))["code"] == -32000
    assert (await ask(client, "eth_getCode", "0x" + ANCHORS.hex())) != "0x"


def test_the_page_lists_every_method() -> None:
    from maillon.ledger.facade.methods import METHODS

    page = (Path(__file__).parents[2] / "docs" / "formats" / "json-rpc.md").read_text()
    assert [name for name in METHODS if f"`{name}" not in page] == []
