# SPDX-License-Identifier: Apache-2.0
"""The door of a node for clients: ordinary Ethereum JSON-RPC, with a list of what may be asked and how much of it.

A method is served when it is on the list; everything else is as unknown as on a node that has it not. Two methods are
ours, as on the embedded ledger: `maillon_commit` and `maillon_validators`, which make an answer of this node provable.
It holds no key, and no state but how wide the filters of its node are; several may stand before several nodes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson
import structlog
import uvloop
import websockets
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from maillon.kit import server
from maillon.kit.callers import BehindProxies, caller
from maillon.kit.errors import KitError
from maillon.kit.metrics import MEDIA_TYPE
from maillon.ledger.fees import DEFAULT_FLOOR_TIP, gas_price
from maillon.network import abci
from maillon.network.application import ask
from maillon.network.bridge import STATUS_PATH
from maillon.network.clients import Clients
from maillon.network.configuration import NodeHome
from maillon.network.errors import NodeDown, NodeUnusable
from maillon.network.health import gather
from maillon.network.metrics import exposition, of_engines

METHODS: Final = frozenset(
    {
        "eth_accounts",
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_createAccessList",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber",
        "eth_getCode",
        "eth_getFilterChanges",
        "eth_getFilterLogs",
        "eth_getLogs",
        "eth_getProof",
        "eth_getStorageAt",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_getUncleCountByBlockHash",
        "eth_getUncleCountByBlockNumber",
        "eth_maxPriorityFeePerGas",
        "eth_newBlockFilter",
        "eth_newFilter",
        "eth_newPendingTransactionFilter",
        "eth_sendRawTransaction",
        "eth_syncing",
        "eth_uninstallFilter",
        "net_listening",
        "net_peerCount",
        "net_version",
        "web3_clientVersion",
        "web3_sha3",
    }
)
FEES: Final = frozenset({"eth_maxPriorityFeePerGas", "eth_gasPrice", "eth_feeHistory"})
_RANGES: Final = frozenset({"eth_getLogs", "eth_newFilter"})
_FILTERS: Final = 10_000
"""Filters whose criteria are remembered: geth forgets those nobody asks for five minutes."""
SUBSCRIPTIONS: Final = frozenset({"eth_subscribe", "eth_unsubscribe"})
"""Over a WebSocket only."""
_BASE_FEES: Final = {"jsonrpc": "2.0", "method": "eth_feeHistory", "params": ["0x1", "latest", []]}
"""What geth is asked instead of a gas price: it ends with the base fee of the next block."""
_LARGEST: Final = 2.0**63
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
LIMIT_EXCEEDED: Final = -32005
SERVER_ERROR: Final = -32000
UNAUTHORIZED: Final = -32001
_NEEDS_KEY: Final = "a key the operator of this node knows, as Authorization: Bearer KEY"
_JSON_TYPES: Final = frozenset({"application/json", "application/json-rpc", "application/jsonrequest"})
_CORS: Final = {"access-control-allow-origin": "*"}
_PREFLIGHT: Final = {
    **_CORS,
    "access-control-allow-methods": "POST, OPTIONS",
    "access-control-allow-headers": "content-type, authorization",
    "access-control-max-age": "86400",
}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, and one caller, may ask. Sizes in bytes."""

    body: int = 8 * 1024 * 1024
    batch: int = 200
    log_blocks: int = 10_000
    """Blocks of one `eth_getLogs`, of a filter, and of its `eth_getFilterLogs`."""
    answer: int = 64 * 1024 * 1024
    requests_a_second: int = 2_000
    """Calls one address may make without a key, averaged over `window`; the items of a batch count each."""
    window: float = 5.0
    websockets: int = 200
    """Connections of everybody at once."""
    websockets_each: int = 50
    """Connections of one address without a key."""
    message: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a client by its key, or else an address."""

    name: str
    requests_a_second: int
    websockets: int


class Budget:
    """Calls each caller has left: a bucket that fills again with time."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, who: Caller, count: int, now: float) -> bool:
        """Whether `who` may make so many calls now; they are counted when it may."""
        most = who.requests_a_second * self._window
        left, then = self._left.pop(who.name, (most, now))
        left = min(most, left + (now - then) * who.requests_a_second)
        allowed = left >= count
        self._left[who.name] = (left - count if allowed else left, now)
        while len(self._left) > 10_000:
            del self._left[next(iter(self._left))]
        return allowed


class Gateway:
    """Forwards what is allowed to the node's geth and CometBFT."""

    def __init__(self, home: NodeHome, limits: Limits | None = None) -> None:
        settings = home.settings()
        self._home = home
        self._limits = limits or Limits(requests_a_second=settings.requests_a_second)
        self._proxies = settings.proxies()
        self._budget = Budget(self._limits.window)
        self._clients = Clients(home.clients_file)
        self._execution = f"http://127.0.0.1:{settings.execution_rpc_port}"
        self._subscriptions = f"ws://127.0.0.1:{settings.execution_rpc_port}"
        self._consensus = f"http://127.0.0.1:{settings.consensus_rpc_port}"
        self._client = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=64))
        self._open: Counter[str] = Counter()
        """Caller → its WebSocket connections."""
        self._filters: dict[str, list[Any] | None] = {}
        """Identifier of a filter for logs → the parameters it was made with, the oldest first."""
        self._floor = DEFAULT_FLOOR_TIP
        self._floor_asked = float("-inf")

    def application(self) -> Starlette:
        """The routes."""
        routes = [
            *(Route(path, self._rpc, methods=["POST", "GET", "OPTIONS"]) for path in ("/", "/rpc")),
            *(WebSocketRoute(path, self._websocket) for path in ("/", "/rpc")),
            Route("/health/live", self._live),
            Route("/health", self._health),
            Route("/metrics", self._metrics),
        ]
        behind = [Middleware(BehindProxies, trusted=self._proxies)] if self._proxies else []
        return Starlette(routes=routes, middleware=behind, lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _application: Starlette) -> AsyncIterator[None]:
        yield
        await self._client.aclose()

    # JSON-RPC over HTTP

    async def _rpc(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        if request.method == "GET":
            # geth answers an empty GET with 200, and load balancers rely on it.
            return Response(headers=_CORS)
        if request.headers.get("content-type", "").split(";")[0].strip().lower() not in _JSON_TYPES:
            return Response("invalid content type, only application/json is supported\n", 415, headers=_CORS)
        who = self._caller(request)
        if who is None:
            refusal = orjson.dumps(_failure(None, UNAUTHORIZED, _NEEDS_KEY))
            headers = _CORS | {"www-authenticate": "Bearer"}
            return Response(refusal, 401, headers=headers, media_type="application/json")
        body = await self._body(request)
        if body is None:
            return Response(f"content length too large (>{self._limits.body})\n", 413, headers=_CORS)
        answer, status = await self.handle(body, who)
        headers = _CORS | ({"retry-after": "1"} if status == 429 else {})
        return Response(answer, status, headers=headers, media_type="application/json")

    def _caller(self, connection: HTTPConnection) -> Caller | None:
        """Who asks; None for an unknown key, and for none where everybody needs one."""
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            client = self._clients.of(key.strip(), time.monotonic())
            if client is None:
                return None
            return Caller(f"key {client.id}", client.requests_a_second, client.websockets)
        if not self._limits.requests_a_second:
            return None
        return Caller(caller(connection), self._limits.requests_a_second, self._limits.websockets_each)

    async def _body(self, request: Request) -> bytes | None:
        parts, size = [], 0
        with contextlib.suppress(ClientDisconnect):
            async for part in request.stream():
                size += len(part)
                if size > self._limits.body:
                    return None
                parts.append(part)
        return b"".join(parts)

    async def handle(self, body: bytes, who: Caller) -> tuple[bytes, int]:
        """(answer, HTTP status) of a body."""
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return orjson.dumps(_failure(None, PARSE_ERROR, "parse error")), 200
        items = document if isinstance(document, list) else [document]
        if not items:
            return orjson.dumps(_failure(None, INVALID_REQUEST, "empty batch")), 200
        if len(items) > self._limits.batch:
            return orjson.dumps([_failure(_identifier(items[0]), INVALID_REQUEST, "batch too large")]), 200
        if not self._budget.take(who, len(items), time.monotonic()):
            refusals = [_failure(_identifier(item), LIMIT_EXCEEDED, "too many requests") for item in items]
            return orjson.dumps(refusals if isinstance(document, list) else refusals[0]), 429
        answers = await self._answers(items)
        if isinstance(document, list):
            return orjson.dumps(answers) if answers else b"", 200
        return orjson.dumps(answers[0]) if answers else b"", 200

    async def _answers(self, items: list[Any]) -> list[dict[str, Any]]:
        """The answers in order; what geth serves travels to it as one batch."""
        answers: dict[int, dict[str, Any]] = {}
        forwarded: dict[int, dict[str, Any]] = {}
        head = await self._head() if any(_asks_of_range(item) for item in items) else None
        for position, item in enumerate(items):
            refusal = self._refusal(item, head)
            if refusal is not None:
                answers[position] = refusal
            elif item["method"] in _PROVING:
                answers[position] = await self._prove(item)
            else:
                asked = _BASE_FEES if item["method"] == "eth_gasPrice" and not item.get("params") else item
                forwarded[position] = {**asked, "id": position}
        if forwarded:
            answers |= await self._forward(forwarded, items)
            self._remember_filters(forwarded, answers)
        if any(_method(item) in FEES for item in items):
            floor = await self._floor_tip()
            for position, item in enumerate(items):
                if position in answers and "result" in answers[position]:
                    answers[position]["result"] = priced(floor, _method(item), answers[position]["result"])
        # A request without identifier is a notification: it gets no answer.
        return [
            answers[position]
            for position, item in enumerate(items)
            if position in answers and (not isinstance(item, dict) or "id" in item)
        ]

    def _refusal(self, item: Any, head: int | None) -> dict[str, Any] | None:
        """The answer to what is not forwarded."""
        if not _is_request(item):
            return _failure(_identifier(item), INVALID_REQUEST, "invalid request")
        method = item["method"]
        if method in SUBSCRIPTIONS:
            return _failure(_identifier(item), METHOD_NOT_FOUND, "notifications not supported")
        if method not in METHODS and method not in _PROVING:
            return _failure(
                _identifier(item), METHOD_NOT_FOUND, f"the method {method[:80]} does not exist/is not available"
            )
        params = item.get("params")
        if params is not None and not isinstance(params, list):
            return _failure(_identifier(item), INVALID_PARAMS, "non-array args")
        if method == "eth_getFilterLogs":
            return self._filter_refused(item, params, head)
        return self._range_refused(item, params, head) if method in _RANGES else None

    def _filter_refused(self, item: Any, params: list[Any] | None, head: int | None) -> dict[str, Any] | None:
        """The answer to all of a filter: its range may end at the newest block, and has grown since it was made."""
        name = params[0] if params else None
        if not isinstance(name, str) or name not in self._filters:
            return _failure(_identifier(item), SERVER_ERROR, "filter not found")
        return self._range_refused(item, self._filters[name], head)

    def _remember_filters(self, sent: Mapping[int, dict[str, Any]], answers: Mapping[int, dict[str, Any]]) -> None:
        """What each new filter for logs is of: geth does not say it again when the filter is asked."""
        for position, item in sent.items():
            name = answers[position].get("result")
            if item["method"] == "eth_newFilter" and isinstance(name, str):
                self._filters[name] = item.get("params")
        while len(self._filters) > _FILTERS:
            del self._filters[next(iter(self._filters))]

    def _range_refused(self, item: Any, params: list[Any] | None, head: int | None) -> dict[str, Any] | None:
        """The answer to a log query that is too wide, or whose width is not known: geth itself sets no limit."""
        if head is None:
            return _failure(_identifier(item), INTERNAL_ERROR, "the node is not ready")
        if self._too_wide(params, head):
            text = f"block range greater than {self._limits.log_blocks}"
            return _failure(_identifier(item), LIMIT_EXCEEDED, text)
        return None

    def _too_wide(self, params: list[Any] | None, head: int) -> bool:
        """Whether a log query spans more blocks than allowed, by the names of blocks too.

        geth's own limit would refuse whatever ends at `latest`, however near that is to where it begins.
        """
        criteria = params[0] if params and isinstance(params[0], dict) else {}
        try:
            first, last = (_height(criteria.get(end), head) for end in ("fromBlock", "toBlock"))
        except (ValueError, TypeError):
            return False  # geth says what is wrong with it
        return last - first > self._limits.log_blocks

    async def _head(self) -> int | None:
        """The newest block; None when geth does not say."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        try:
            response = await self._client.post(self._execution, content=orjson.dumps(asked), headers=_JSON_HEADERS)
            return int(orjson.loads(response.content)["result"], 16)
        except (httpx.HTTPError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return None

    async def _forward(self, requests: Mapping[int, dict[str, Any]], items: list[Any]) -> dict[int, dict[str, Any]]:
        try:
            response = await self._client.post(
                self._execution, content=orjson.dumps(list(requests.values())), headers=_JSON_HEADERS
            )
            found = {answer["id"]: answer for answer in orjson.loads(response.content)}
        except (httpx.HTTPError, orjson.JSONDecodeError, KeyError, TypeError) as error:
            _log.error("the execution engine does not answer", reason=repr(error))
            found = {}
        missing = {"jsonrpc": "2.0", "error": {"code": INTERNAL_ERROR, "message": "the node is not ready"}}
        return {position: {**found.get(position, missing), "id": _identifier(items[position])} for position in requests}

    async def _floor_tip(self) -> int:
        """The floor tip in force, asked of the bridge at most once a second."""
        now = time.monotonic()
        if now - self._floor_asked >= 1.0:
            self._floor_asked = now
            with contextlib.suppress(NodeDown, orjson.JSONDecodeError):
                request = abci.Request(query=abci.QueryRequest(path=STATUS_PATH))
                answer = await ask(self._home.bridge_socket, request, within=2)
                self._floor = orjson.loads(answer.query.log).get("floor_tip") or self._floor
        return self._floor

    # Proofs

    async def _prove(self, item: dict[str, Any]) -> dict[str, Any]:
        try:
            height = int(item["params"][0], 16)
        except (KeyError, IndexError, TypeError, ValueError):
            return _failure(_identifier(item), INVALID_PARAMS, "a height, as 0x and hexadecimal digits")
        try:
            result = await _PROVING[item["method"]](self, height)
        except (httpx.HTTPError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            return _failure(_identifier(item), INTERNAL_ERROR, f"consensus has no height {height} now: {error}")
        return {"jsonrpc": "2.0", "id": _identifier(item), "result": result}

    async def _commit(self, height: int) -> dict[str, Any]:
        """A commit CometBFT calls not canonical may still gain signatures; it has those of two thirds already."""
        return await self._ask_consensus(f"/commit?height={height}")

    async def _validators(self, height: int) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            result = await self._ask_consensus(f"/validators?height={height}&per_page=100&page={page}")
            found += result["validators"]
            if len(found) >= int(result["total"]):
                return {**result, "validators": found, "count": str(len(found))}
            page += 1

    async def _ask_consensus(self, path: str) -> dict[str, Any]:
        document = orjson.loads((await self._client.get(self._consensus + path)).content)
        if document.get("error"):
            raise ValueError(str(document["error"].get("data") or document["error"].get("message")))
        result: dict[str, Any] = document["result"]
        return result

    # JSON-RPC over WebSocket

    async def _websocket(self, client: WebSocket) -> None:
        """Subscriptions are geth's; every message from the client passes the same list."""
        who = self._caller(client)
        if who is None:
            await client.close(1008, _NEEDS_KEY)
            return
        if self._open.total() >= self._limits.websockets or self._open[who.name] >= who.websockets:
            await client.close(1013, "too many connections")
            return
        self._open[who.name] += 1
        try:
            await client.accept()
            async with websockets.connect(self._subscriptions, max_size=self._limits.answer, open_timeout=5) as engine:
                tasks = {
                    asyncio.create_task(self._from_client(client, engine, who)),
                    asyncio.create_task(self._from_engine(client, engine)),
                }
                _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in pending:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            _log.error("the execution engine takes no subscription", reason=repr(error))
        finally:
            self._open[who.name] -= 1
            self._open += Counter()  # whoever has none left is forgotten
            with contextlib.suppress(RuntimeError, OSError):
                await client.close(1011)

    async def _from_client(self, client: WebSocket, engine: websockets.ClientConnection, who: Caller) -> None:
        while True:
            try:
                message = await client.receive()
            except (WebSocketDisconnect, RuntimeError):
                return
            if message["type"] != "websocket.receive":
                return
            body = message.get("bytes") or (message.get("text") or "").encode()
            if len(body) > self._limits.message:
                return
            try:
                document = orjson.loads(body)
            except orjson.JSONDecodeError:
                await client.send_text(orjson.dumps(_failure(None, PARSE_ERROR, "parse error")).decode())
                continue
            subscribing = _method(document) in SUBSCRIPTIONS
            if subscribing and self._budget.take(who, 1, time.monotonic()):
                await engine.send(body.decode())
                continue
            answer, _ = await self.handle(body, who)
            if answer:
                await client.send_text(answer.decode())

    async def _from_engine(self, client: WebSocket, engine: websockets.ClientConnection) -> None:
        async for message in engine:
            await client.send_text(message if isinstance(message, str) else message.decode())

    # Operations

    async def _live(self, _request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def _health(self, _request: Request) -> Response:
        found = await gather(self._home)
        return JSONResponse(found.to_json(), 200 if found.ready else 503)

    async def _metrics(self, _request: Request) -> Response:
        health, engines = await asyncio.gather(gather(self._home), of_engines(self._home.settings()))
        return Response(exposition(health, engines), media_type=MEDIA_TYPE)


_PROVING: Final = {"maillon_commit": Gateway._commit, "maillon_validators": Gateway._validators}  # noqa: SLF001 - this file's own
_OF_BLOBS: Final = frozenset({"baseFeePerBlobGas", "blobGasUsedRatio"})
_JSON_HEADERS: Final = {"content-type": "application/json"}


def _asks_of_range(item: Any) -> bool:
    return _method(item) in _RANGES or _method(item) == "eth_getFilterLogs"


def _method(item: Any) -> str:
    """The method a request names; empty where it names none, whatever stands in its place."""
    method = item.get("method") if isinstance(item, dict) else None
    return method if isinstance(method, str) else ""


def _height(name: Any, head: int) -> int:
    """The number of a block by its name, as geth reads it; the newest when there is none. Raises `ValueError`."""
    if name in {None, "", "latest", "safe", "finalized", "pending"}:
        return head
    return 0 if name == "earliest" else int(name, 16)


def priced(floor: int, method: str, result: Any) -> Any:
    """An answer about fees, so that every client pays the same tip: the floor, since the base fee orders a full chain.

    geth answers of the past: of blocks without transactions, or from before a vote, it would say too little; and what
    wallets that know only the gas price paid, it would tell all others to pay too. The gas price is made of the base
    fees it was asked for in its place. Of blobs, which no block here can carry, nothing is said: their price, of 44
    digits, is more than clients can read.
    """
    try:
        if method == "eth_maxPriorityFeePerGas":
            return hex(floor)
        if method == "eth_gasPrice":
            return hex(gas_price(int(result["baseFeePerGas"][-1], 16), floor))
        if method == "eth_feeHistory":
            said = {name: value for name, value in result.items() if name not in _OF_BLOBS}
            if result.get("reward"):
                said["reward"] = [[hex(max(int(tip, 16), floor)) for tip in block] for block in result["reward"]]
            return said
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        pass  # an answer that is not of geth's shape is passed on as it is
    return result


def _is_request(item: Any) -> bool:
    """Whether this is a request object (JSON-RPC 2.0, section 4), with an identifier an answer can repeat, or none."""
    return (
        isinstance(item, dict)
        and item.get("jsonrpc") == "2.0"
        and isinstance(item.get("method"), str)
        and (item.get("id") is None or _identifier(item) is not None)
    )


def _identifier(item: Any) -> Any:
    """What an answer repeats (JSON-RPC 2.0, section 4); None for what has none, or one that would come back another."""
    identifier = item.get("id") if isinstance(item, dict) else None
    # A number of more than 64 bits was read as the nearest double.
    inexact = isinstance(identifier, float) and abs(identifier) >= _LARGEST
    return None if isinstance(identifier, dict | list | bool) or inexact else identifier


def _failure(identifier: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": message}}


def serve_gateway(home: NodeHome) -> None:
    """Serve until SIGTERM. Raises `NodeUnusable` when the port is in use."""
    settings = home.settings()
    try:
        listening = server.listen(settings.gateway_host, settings.gateway_port)
    except KitError as error:
        raise NodeUnusable(f"the gateway {error}; gateway_port of node.toml names it") from error
    try:
        uvloop.run(server.serve(Gateway(home).application(), listening, lambda: _log.info("gateway serves")))
    finally:
        listening.close()
