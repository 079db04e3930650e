# SPDX-License-Identifier: Apache-2.0
"""The gateway's door: clients by key, each with limits of its own; over a real network, every gateway says the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog.testing
import uvicorn
import websockets
from typer.testing import CliRunner
from web3 import Web3

from local_network import ACCOUNTS, LocalNetwork, until
from maillon.commands import application
from maillon.kit import server
from maillon.ledger.founding import GWEI
from maillon.ledger.genesis import ANCHORS, DIRECTORY
from maillon.ledger.port import Address
from maillon.ledger.signing import DynamicFeeTransaction, checksum
from maillon.network import clients
from maillon.network.configuration import NodeHome, NodeSettings
from maillon.network.errors import NodeUnusable
from maillon.network.gateway import Budget, Caller, Gateway, Limits, priced

ASKED = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
THERE = Address(b"\x7a" * 20)
FORBIDDEN = ("admin_peers", "debug_traceCall", "engine_newPayloadV4", "personal_listAccounts", "miner_setGasPrice")


def answered(request: httpx.Request) -> httpx.Response:
    """An engine made for tests: seven to everything, the chain id as the newest block, the name of a filter."""
    asked = json.loads(request.content)
    answers = [
        {"jsonrpc": "2.0", "id": item["id"], "result": "0x7"}
        for item in (asked if isinstance(asked, list) else [asked])
    ]
    return httpx.Response(200, json=answers if isinstance(asked, list) else answers[0])


def home_of(folder: Path, *trusted: str) -> NodeHome:
    home = NodeHome(folder / "node")
    home.lay_out(NodeSettings(organisation="City", trusted_proxies=trusted))
    return home


@contextlib.asynccontextmanager
async def door(home: NodeHome, limits: Limits) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway that stands before that engine."""
    gateway = Gateway(home, limits)
    gateway._client = httpx.AsyncClient(transport=httpx.MockTransport(answered))
    transport = httpx.ASGITransport(gateway.application(), client=("127.0.0.1", 1))
    async with gateway._client, httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def until_status(client: httpx.AsyncClient, key: str, status: int) -> None:
    """Until the gateway has seen that its file changed."""
    async with asyncio.timeout(30):
        while (await client.post("/rpc", json=ASKED, headers=bearer(key))).status_code != status:
            pass  # the file is looked at once a second


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    return home_of(tmp_path)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_a_budget_runs_out_and_fills_again() -> None:
    budget = Budget(1.0)
    first, second = Caller("a", 10, 1), Caller("b", 20, 1)
    assert budget.take(first, 10, 0.0)
    assert not budget.take(first, 1, 0.0)
    assert budget.take(second, 20, 0.0), "each has its own"
    assert budget.take(first, 5, 0.5)
    assert not budget.take(first, 1, 0.5)
    assert not budget.take(first, 11, 100.0), "no more than the window holds"
    assert budget.take(first, 10, 100.0)


@pytest.mark.parametrize(
    ("method", "said", "told"),
    [
        ("eth_maxPriorityFeePerGas", "0x1", "0x64"),
        ("eth_maxPriorityFeePerGas", "0xff", "0x64"),
        ("eth_gasPrice", {"baseFeePerGas": ["0x7", "0x8"]}, "0x6f"),
        ("eth_gasPrice", {"baseFeePerGas": []}, {"baseFeePerGas": []}),
        ("eth_feeHistory", {"reward": [["0x0", "0x65"]]}, {"reward": [["0x64", "0x65"]]}),
        ("eth_feeHistory", {"oldestBlock": "0x1"}, {"oldestBlock": "0x1"}),
        (
            "eth_feeHistory",
            {"baseFeePerBlobGas": ["0x" + "1" * 37], "blobGasUsedRatio": [0], "reward": []},
            {"reward": []},
        ),
        ("eth_feeHistory", None, None),
        ("eth_chainId", "0x1", "0x1"),
    ],
)
def test_what_is_told_to_pay_is_the_floor_and_never_under_it(method: str, said: Any, told: Any) -> None:
    assert priced(100, method, said) == told


async def test_each_key_has_limits_of_its_own(home: NodeHome) -> None:
    large = clients.add(home.clients_file, "archive", 100, 2)
    small = clients.add(home.clients_file, "school", 1, 0)
    async with door(home, Limits(requests_a_second=2, window=1.0)) as client:
        batch = [ASKED] * 50
        assert (await client.post("/rpc", json=batch, headers=bearer(large))).status_code == 200
        assert (await client.post("/rpc", json=ASKED, headers=bearer(small))).json()["result"] == "0x7"
        refused = await client.post("/rpc", json=batch, headers=bearer(small))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert {each["error"]["code"] for each in refused.json()} == {-32005}
        # Without a key the address has its own, and what others used up is not its concern.
        assert (await client.post("/rpc", json=[ASKED, ASKED])).status_code == 200
        assert (await client.post("/rpc", json=batch)).status_code == 429


@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",)])
async def test_behind_a_trusted_proxy_each_caller_has_a_budget(tmp_path: Path, trusted: tuple[str, ...]) -> None:
    async with door(home_of(tmp_path, *trusted), Limits(requests_a_second=1, window=1.0)) as client:

        async def asked(heard: str) -> int:
            return (await client.post("/rpc", json=ASKED, headers={"X-Forwarded-For": heard})).status_code

        assert await asked("203.0.113.9") == 200
        assert await asked("192.0.2.66, 203.0.113.9") == 429
        assert await asked("198.51.100.1") == (200 if trusted else 429)


async def test_a_wrong_key_is_refused_and_not_taken_for_none(home: NodeHome) -> None:
    async with door(home, Limits()) as client:
        for header in ("Bearer mk_wrong", "Bearer ", "bearer x y"):
            refused = await client.post("/rpc", json=ASKED, headers={"authorization": header})
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, -32001)
            assert refused.headers["www-authenticate"] == "Bearer"
        assert (await client.post("/rpc", json=ASKED)).status_code == 200


async def test_an_operator_may_ask_everybody_for_a_key(home: NodeHome) -> None:
    async with door(home, Limits(requests_a_second=0)) as client:
        assert (await client.post("/rpc", json=ASKED)).status_code == 401
        key = clients.add(home.clients_file, "archive", 10, 1)
        await until_status(client, key, 200)
        assert clients.remove(home.clients_file, "archive")
        await until_status(client, key, 401)
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    ("criteria", "served"),
    [
        ({}, True),
        ({"fromBlock": "latest"}, True),
        ({"fromBlock": "0x2"}, True),
        ({"fromBlock": "0x2", "toBlock": "latest"}, True),
        ({"fromBlock": "0x1", "toBlock": "latest"}, False),
        ({"fromBlock": "0x0"}, False),
        ({"fromBlock": "earliest", "toBlock": "finalized"}, False),
        ({"fromBlock": "earliest", "toBlock": "0x5"}, True),
        ({"fromBlock": "0x10", "toBlock": "0x15"}, True),
        ({"fromBlock": "0x10", "toBlock": "0x16"}, False),
        ({"blockHash": "0x" + "00" * 32}, True),
        ({"fromBlock": "what"}, True),
        ({"fromBlock": ["0x0"]}, True),
    ],
    ids=str,
)
async def test_a_query_of_logs_spans_so_many_blocks_by_name_or_number(
    home: NodeHome, criteria: dict[str, Any], served: bool
) -> None:
    """The newest block is the seventh; what nobody understands is the engine's to refuse."""
    async with door(home, Limits(log_blocks=5)) as client:
        for method in ("eth_getLogs", "eth_newFilter"):
            answer = (await client.post("/rpc", json={**ASKED, "method": method, "params": [criteria]})).json()
            assert answer.get("error", {}).get("code") == (None if served else -32005)


async def test_a_filter_that_has_grown_too_wide_is_not_read_whole(home: NodeHome) -> None:
    def ask(method: str, *params: Any) -> dict[str, Any]:
        return {**ASKED, "method": method, "params": list(params)}

    height = 7

    def engine(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        made = {"eth_blockNumber": hex(height), "eth_newFilter": "0xf1", "eth_newBlockFilter": "0xb1"}
        answers = [
            {**item, "result": made.get(item["method"], [])} for item in (asked if isinstance(asked, list) else [asked])
        ]
        return httpx.Response(200, json=answers if isinstance(asked, list) else answers[0])

    gateway = Gateway(home, Limits(log_blocks=5))
    gateway._client = httpx.AsyncClient(transport=httpx.MockTransport(engine))
    transport = httpx.ASGITransport(gateway.application(), client=("127.0.0.1", 1))
    async with gateway._client, httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:

        async def answer(method: str, *params: Any) -> dict[str, Any]:
            document: dict[str, Any] = (await client.post("/rpc", json=ask(method, *params))).json()
            return document

        assert (await answer("eth_getFilterLogs", "0xf1"))["error"]["message"] == "filter not found"
        assert (await answer("eth_newFilter", {"fromBlock": "0x3"}))["result"] == "0xf1"
        assert (await answer("eth_newBlockFilter"))["result"] == "0xb1"
        height = 8
        assert (await answer("eth_getFilterLogs", "0xf1"))["result"] == []
        height = 9
        assert (await answer("eth_getFilterLogs", "0xf1"))["error"]["code"] == -32005
        # What is new is asked for at any width: geth answers since the last time.
        assert (await answer("eth_getFilterChanges", "0xf1"))["result"] == []
        for strange in ([], ["0xb1"], [7], [["0xf1"]], [None]):
            assert (await answer("eth_getFilterLogs", *strange))["error"]["code"] == -32000


async def test_filters_nobody_asks_for_are_not_remembered_for_ever(
    home: NodeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maillon.network.gateway._FILTERS", 2)
    gateway = Gateway(home, Limits())
    for number in range(5):
        item = {**ASKED, "method": "eth_newFilter", "params": [{}]}
        gateway._remember_filters({0: item}, {0: {"result": hex(number)}})
    assert list(gateway._filters) == ["0x3", "0x4"]
    gateway._remember_filters({0: {**ASKED, "method": "eth_newFilter"}}, {0: {"error": {}}})
    assert len(gateway._filters) == 2


async def test_a_method_that_is_no_name_is_refused_and_holds_up_no_other(home: NodeHome) -> None:
    async with door(home, Limits()) as client:
        batch = [{**ASKED, "id": place, "method": method} for place, method in enumerate(([], {}, 7, None))]
        answers = (await client.post("/rpc", json=[*batch, {**ASKED, "id": 9}])).json()
    assert [answer["id"] for answer in answers] == [0, 1, 2, 3, 9]
    assert [answer.get("error", {}).get("code") for answer in answers] == [-32600] * 4 + [None]


@pytest.mark.parametrize("written", [b"{}", b"[1]", b"true", b"18446744073709551617", b"-1e300"])
async def test_an_identifier_that_would_come_back_another_is_refused(home: NodeHome, written: bytes) -> None:
    body = b'[{"jsonrpc":"2.0","id":%b,"method":"eth_chainId"}]' % written
    async with door(home, Limits()) as client:
        (answer,) = (await client.post("/rpc", content=body, headers={"content-type": "application/json"})).json()
    assert answer == {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "invalid request"}}


@pytest.mark.parametrize("written", [b"0", b"18446744073709551615", b"-9223372036854775808", b'"a"', b"1.5"])
async def test_an_identifier_comes_back_as_it_was_written(home: NodeHome, written: bytes) -> None:
    body = b'{"jsonrpc":"2.0","id":%b,"method":"eth_chainId"}' % written
    async with door(home, Limits()) as client:
        answer = await client.post("/rpc", content=body, headers={"content-type": "application/json"})
    assert answer.json()["result"] == "0x7"
    assert b'"id":%b' % written in answer.content


@contextlib.asynccontextmanager
async def served_door(home: NodeHome, limits: Limits) -> AsyncIterator[str]:
    """The address of a gateway's WebSocket, before an engine that says back what it hears."""

    async def echo(connection: websockets.ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    gateway = Gateway(home, limits)
    listening = server.listen("127.0.0.1", 0)
    config = uvicorn.Config(gateway.application(), ws="websockets-sansio", log_config=None, lifespan="on")
    serving = uvicorn.Server(config)
    async with websockets.serve(echo, "127.0.0.1", 0) as engine:
        gateway._subscriptions = f"ws://127.0.0.1:{engine.sockets[0].getsockname()[1]}"
        task = asyncio.create_task(serving.serve([listening]))
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}/rpc"
        finally:
            serving.should_exit = True
            await asyncio.wait_for(task, 60)
            listening.close()


async def opened(address: str, key: str = "") -> websockets.ClientConnection:
    """A connection through which a subscription travels; raises `InvalidStatus` when it is refused."""
    made = await websockets.connect(address, additional_headers=bearer(key) if key else {}, open_timeout=60)
    asked = json.dumps({**ASKED, "method": "eth_subscribe", "params": ["newHeads"]})
    await made.send(asked)
    assert json.loads(await asyncio.wait_for(made.recv(), 60)) == json.loads(asked)
    return made


async def refused(address: str, key: str = "") -> bool:
    """Whether it is told so before a connection is made: a status, and no handshake."""
    with pytest.raises(websockets.InvalidStatus) as status:
        await opened(address, key)
    return bool(status.value.response.status_code == 403)


async def test_connections_are_counted_for_each_and_for_all(home: NodeHome) -> None:
    archive = clients.add(home.clients_file, "archive", 100, 1)
    school = clients.add(home.clients_file, "school", 100, 5)
    nothing = clients.add(home.clients_file, "kiosk", 100, 0)
    async with served_door(home, Limits(websockets=4, websockets_each=2)) as address:
        mine = [await opened(address) for _ in range(2)]
        assert await refused(address), "an address without a key has two"
        theirs = await opened(address, archive)
        assert await refused(address, archive), "this key has one"
        assert await refused(address, nothing), "this key has none"
        last = await opened(address, school)
        assert await refused(address, school), "all together have four"
        for connection in (mine.pop(), last):
            await connection.close()
        # The place is free once the gateway has noticed.
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(websockets.InvalidStatus):
                    mine.append(await opened(address))
                    break
        for connection in (*mine, theirs):
            await connection.close()


def test_a_file_being_written_by_hand_locks_nobody_out(home: NodeHome) -> None:
    key = clients.add(home.clients_file, "archive", 10, 1)
    known = clients.Clients(home.clients_file)
    with structlog.testing.capture_logs() as said:
        for writing in ("{", "{]"):
            home.clients_file.write_text(writing)
            os.utime(home.clients_file, ns=(0, len(writing)))
            for later in range(3):
                assert known.of(key, 10.0 * len(writing) + later) is not None
    warned = [each for each in said if each["log_level"] == "warning"]
    assert len(warned) == 2, "once for each writing, however often it is looked at"
    assert "clients.json" in warned[0]["reason"]
    assert key not in str(warned)
    with pytest.raises(NodeUnusable):
        clients.read(home.clients_file)


@pytest.mark.parametrize(
    ("name", "rate", "connections"),
    [("", 1, 1), ("a\n", 1, 1), ("x" * 81, 1, 1), ("a", 0, 1), ("a", 10**7, 1), ("a", 1, -1)],
)
def test_an_impossible_client_is_refused(home: NodeHome, name: str, rate: int, connections: int) -> None:
    with pytest.raises(NodeUnusable):
        clients.add(home.clients_file, name, rate, connections)
    assert clients.read(home.clients_file) == ()


def test_the_commands_add_list_and_remove(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    run, place = CliRunner().invoke, ["--home", str(tmp_path), "--json"]
    made = json.loads(run(application(), ["node", "client", "add", "archive", *place]).stdout)
    assert made["key"] not in home.clients_file.read_text()
    assert home.clients_file.stat().st_mode & 0o077 == 0
    assert run(application(), ["node", "client", "add", "archive", *place]).exit_code == 2
    (listed,) = json.loads(run(application(), ["node", "client", "list", *place]).stdout)
    assert (listed["name"], listed["requests a second"]) == ("archive", 10_000)
    assert run(application(), ["node", "client", "remove", listed["id"], *place]).exit_code == 0
    assert run(application(), ["node", "client", "remove", "archive", *place]).exit_code == 1


# Over a real network


def test_every_gateway_gives_the_same_answers(consortium: LocalNetwork) -> None:
    """About any final block, whatever is asked, refusals included."""
    node = consortium.nodes[0]
    nonce = int(node.rpc("eth_getTransactionCount", checksum(ACCOUNTS[3].address), "pending"), 16)
    transfer = DynamicFeeTransaction(consortium.chain_id, nonce, GWEI, 100 * GWEI, 21_000, THERE, 5, b"")
    sent = node.rpc("eth_sendRawTransaction", "0x" + transfer.sign(ACCOUNTS[3]).raw.hex())
    receipt = until(lambda: node.rpc("eth_getTransactionReceipt", sent), 60)
    number = receipt["blockNumber"]
    consortium.wait_height(int(number, 16))
    lookup = {"to": checksum(DIRECTORY), "data": "0x" + "00" * 36}
    questions: list[tuple[str, list[Any]]] = [
        ("eth_chainId", []),
        ("net_version", []),
        ("eth_getBlockByNumber", [number, True]),
        ("eth_getBlockByHash", [receipt["blockHash"], False]),
        ("eth_getBlockReceipts", [number]),
        ("eth_getTransactionByHash", [sent]),
        ("eth_getTransactionReceipt", [sent]),
        ("eth_getBalance", [checksum(THERE), number]),
        ("eth_getTransactionCount", [checksum(ACCOUNTS[3].address), number]),
        ("eth_getCode", [checksum(DIRECTORY), number]),
        ("eth_getStorageAt", [checksum(ANCHORS), "0x0", number]),
        ("eth_getProof", [checksum(ANCHORS), ["0x0"], number]),
        ("eth_getLogs", [{"fromBlock": "0x0", "toBlock": number}]),
        ("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "0xfffff"}]),
        ("eth_feeHistory", ["0x2", number, [10, 50]]),
        ("eth_call", [lookup, number]),
        ("eth_estimateGas", [lookup, number]),
        ("eth_getBlockByNumber", ["0xffffffff", False]),
        ("maillon_validators", [number]),
        *((method, []) for method in FORBIDDEN),
    ]
    batch = [
        {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
        for place, (method, params) in enumerate(questions)
    ]
    answers = [httpx.post(node.url, json=batch, timeout=60).json() for node in consortium.nodes]
    for place, (method, _) in enumerate(questions):
        found = [each[place] for each in answers]
        assert all(each == found[0] for each in found), (method, found)
        may_fail = {"eth_getLogs", "eth_call", "eth_estimateGas", *FORBIDDEN}
        assert "error" not in found[0] or method in may_fail, (method, found[0])
        assert "error" in found[0] or method not in FORBIDDEN


def test_a_web3_client_is_served_by_whichever_node_answers(consortium: LocalNetwork) -> None:
    """Sent through one gateway, waited for at a second, read at a third."""
    doors = [Web3(Web3.HTTPProvider(f"{node.url}/rpc")) for node in consortium.nodes]
    account = doors[0].eth.account.from_key((5).to_bytes(32, "big"))
    built = {
        "to": checksum(THERE),
        "value": 3,
        "gas": 21_000,
        "chainId": doors[0].eth.chain_id,
        "nonce": doors[0].eth.get_transaction_count(account.address, "pending"),
        "maxPriorityFeePerGas": doors[1].eth.max_priority_fee,
        "maxFeePerGas": 2 * doors[1].eth.gas_price,
        "type": 2,
    }
    sent = doors[0].eth.send_raw_transaction(account.sign_transaction(built).raw_transaction)
    receipt = doors[1].eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.2)
    assert receipt["status"] == 1
    consortium.wait_height(receipt["blockNumber"])
    assert doors[2].eth.get_transaction(sent)["blockHash"] == receipt["blockHash"]


async def test_subscriptions_come_over_the_websocket_and_nothing_forbidden_does(consortium: LocalNetwork) -> None:
    address = consortium.nodes[1].url.replace("http://", "ws://") + "/rpc"

    async def ask(connection: websockets.ClientConnection, identifier: int, method: str, *params: Any) -> Any:
        await connection.send(
            json.dumps({"jsonrpc": "2.0", "id": identifier, "method": method, "params": list(params)})
        )
        while True:
            message = json.loads(await asyncio.wait_for(connection.recv(), 60))
            if message.get("id") == identifier:
                return message

    with pytest.raises(websockets.InvalidStatus, match="403"):
        await websockets.connect(address, additional_headers=bearer("mk_wrong"))
    async with websockets.connect(address) as connection:
        for number, method in enumerate((*FORBIDDEN, "eth_sendTransaction")):
            assert (await ask(connection, number, method))["error"]["code"] == -32601
        heads = (await ask(connection, 50, "eth_subscribe", "newHeads"))["result"]
        numbers = []
        while len(numbers) < 3:
            message = json.loads(await asyncio.wait_for(connection.recv(), 60))
            if message.get("params", {}).get("subscription") == heads:
                numbers.append(int(message["params"]["result"]["number"], 16))
        assert numbers == list(range(numbers[0], numbers[0] + 3))
        assert (await ask(connection, 51, "eth_unsubscribe", heads))["result"] is True
        wide = {"fromBlock": "0x0", "toBlock": "0xffffff"}
        assert (await ask(connection, 52, "eth_getLogs", wide))["error"]["code"] == -32005
        # A batch is held against the same list.
        await connection.send(json.dumps([ASKED, {**ASKED, "id": 2, "method": "debug_setHead"}]))
        first, second = json.loads(await asyncio.wait_for(connection.recv(), 60))
        assert first["result"] == hex(consortium.chain_id)
        assert second["error"]["code"] == -32601
