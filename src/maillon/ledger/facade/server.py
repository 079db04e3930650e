# SPDX-License-Identifier: Apache-2.0
"""The door: Ethereum JSON-RPC over HTTP POST and WebSocket, as one small ASGI application.

Statuses and texts are geth's. CORS is open, because wallets in browsers call from any page and there is nothing here
that a cookie or an unlocked account could give away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import orjson
from starlette.routing import BaseRoute, Route, WebSocketRoute

from maillon.ledger.errors import Unavailable
from maillon.ledger.facade.chain import ServedChain
from maillon.ledger.facade.dispatch import Dispatcher, Overloaded, overloaded
from maillon.ledger.facade.feed import Feed, Subscriber
from maillon.ledger.facade.limits import Limits
from maillon.ledger.facade.methods import Served

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON_TYPES: Final = frozenset({b"application/json", b"application/json-rpc", b"application/jsonrequest"})
CORS: Final = [(b"access-control-allow-origin", b"*")]
PREFLIGHT: Final = [
    *CORS,
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type, authorization"),
    (b"access-control-max-age", b"86400"),
]
POLICY_VIOLATION: Final = 1008
MESSAGE_TOO_BIG: Final = 1009
TRY_AGAIN_LATER: Final = 1013


class Facade:
    """A chain served as Ethereum JSON-RPC. Mount it with `routes`; close it before the chain."""

    def __init__(self, chain: ServedChain, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._served = Served(chain, self._limits)
        self._dispatcher = Dispatcher(self._served)
        self._feed = Feed(chain, self._limits)

    async def close(self) -> None:
        """Cut the connections and end the threads."""
        await self._feed.close()
        self._served.filters.close()
        self._dispatcher.close()

    async def ask(self, method: str, *parameters: Any) -> Any:
        """One call without a socket: the result, as a client would get it. Raises `Unavailable` for a refusal."""
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        answer = orjson.loads(await self._dispatcher.handle(body))
        if "error" in answer:
            raise Unavailable(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def routes(self, path: str = "/rpc") -> list[BaseRoute]:
        """The routes of both transports; exact, because clients follow no redirect of a POST."""
        return [Route(path, self), WebSocketRoute(path, self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "websocket":
            await self._websocket(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    # HTTP

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "OPTIONS":
            await _respond(send, 204, b"", PREFLIGHT)
            return
        if method == "GET":
            # geth answers an empty GET with 200, and load balancers rely on it.
            await _respond(send, 200, b"", CORS)
            return
        if method != "POST":
            await _respond(send, 405, b"method not allowed\n", [(b"allow", b"POST, OPTIONS"), *_TEXT])
            return
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if kind not in JSON_TYPES:
            await _respond(send, 415, b"invalid content type, only application/json is supported\n", _TEXT)
            return
        body = await self._body(headers, receive)
        if body is None:
            text = f"content length too large (>{self._limits.body})\n"
            await _respond(send, 413, text.encode(), [*_TEXT, (b"connection", b"close")])
            return
        try:
            answer = await self._dispatcher.handle(body)
        except Overloaded:
            await _respond(send, 429, overloaded(body), [*_JSON, (b"retry-after", b"1")])
            return
        await _respond(send, 200, answer, _JSON)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes | None:
        """The whole body, or None when it is too large: no byte more than that is kept."""
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > self._limits.body:
            return None
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return b""
            part = message.get("body", b"")
            size += len(part)
            if size > self._limits.body:
                return None
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    # WebSocket

    async def _websocket(self, receive: Receive, send: Send) -> None:
        message = await receive()
        if message["type"] != "websocket.connect":
            return
        if len(self._feed) >= self._limits.connections:
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER, "reason": "too many connections"})
            return
        await send({"type": "websocket.accept"})
        subscriber = self._feed.join()
        reader = asyncio.create_task(self._read(receive, subscriber))
        writer = asyncio.create_task(_write(send, subscriber))
        cut = asyncio.create_task(subscriber.cut.wait())
        tasks = {reader, writer, cut}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._feed.leave(subscriber)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(reader, writer, cut, return_exceptions=True)
        code = results[0] if reader.done() and isinstance(results[0], int) else POLICY_VIOLATION
        if code:
            # The peer may be gone, or not read at all: closing is a courtesy and nothing waits for it.
            with contextlib.suppress(OSError, RuntimeError):
                reason = "message too big" if code == MESSAGE_TOO_BIG else "too much unread"
                close = {"type": "websocket.close", "code": code, "reason": reason}
                async with asyncio.timeout(1):
                    await send(close)

    async def _read(self, receive: Receive, subscriber: Subscriber) -> int:
        """Answer what arrives, in text or binary frames; returns the code to close with, 0 when the peer closed."""
        slots = asyncio.Semaphore(self._limits.in_flight)
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return 0
                text = message.get("text")
                body: bytes = message.get("bytes") or b"" if text is None else text.encode()
                if len(body) > self._limits.body:
                    return MESSAGE_TOO_BIG
                await slots.acquire()
                task = asyncio.create_task(self._answer(body, subscriber, slots))
                running.add(task)
                task.add_done_callback(running.discard)
        finally:
            for task in running:
                task.cancel()

    async def _answer(self, body: bytes, subscriber: Subscriber, slots: asyncio.Semaphore) -> None:
        try:
            answer = await self._dispatcher.handle(body, subscriber.subscribe_method)
        except Overloaded:
            answer = overloaded(body)
        finally:
            slots.release()
        if answer:
            subscriber.post(answer)
        subscriber.begin()


async def _write(send: Send, subscriber: Subscriber) -> None:
    while True:
        message = await subscriber.outbox.get()
        await send({"type": "websocket.send", "text": message.decode()})
        subscriber.unread -= len(message)


_JSON: Final = [*CORS, (b"content-type", b"application/json")]
_TEXT: Final = [*CORS, (b"content-type", b"text/plain; charset=utf-8")]


async def _respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
