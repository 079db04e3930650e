# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a request to the bytes of its answer: JSON-RPC 2.0, single and in batches, as geth answers.

Cheap methods run on the event loop. Everything else runs in a small pool of threads, a batch as one job, so that a
batch of a hundred transactions costs one hop. Sending and executing have threads of their own: slow reads never hold up
a send, and contracts that run to the end of their time hold up neither.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import orjson

from maillon.ledger.errors import LedgerError
from maillon.ledger.facade.faults import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LIMIT_EXCEEDED,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RESPONSE_TOO_LARGE,
    TIMED_OUT,
    Fault,
    of_ledger,
    unknown_method,
)
from maillon.ledger.facade.methods import METHODS, Method, Served
from maillon.ledger.facade.reading import Arguments

logger = logging.getLogger(__name__)

SUBSCRIBING: Final = frozenset({"eth_subscribe", "eth_unsubscribe"})
PREFIX: Final = b'{"jsonrpc":"2.0","id":'
_LARGEST: Final = 2.0**63


@dataclass(frozen=True, slots=True)
class Request:
    """One request, well formed. `extra` runs it instead of a method of the table (subscriptions of a connection)."""

    identifier: bytes | None
    """As JSON; None for a notification, which gets no answer."""
    name: str
    params: Any


Extra = Callable[[str, Any], Any]
"""Subscription methods of one WebSocket connection: (method, params) → result; raises `Fault`."""


class Overloaded(Exception):
    """Too many requests wait for a thread."""


def answer(identifier: bytes, result: Any) -> bytes:
    """A response object."""
    return PREFIX + identifier + b',"result":' + orjson.dumps(result) + b"}"


def failure(identifier: bytes, fault: Fault) -> bytes:
    """An error response object."""
    return PREFIX + identifier + b',"error":' + orjson.dumps(fault.to_json()) + b"}"


class Dispatcher:
    """Answers requests over one chain. Safe to share between tasks of one event loop."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._limits = served.limits
        self._readers = ThreadPoolExecutor(self._limits.threads, thread_name_prefix="rpc-read")
        self._senders = ThreadPoolExecutor(1, thread_name_prefix="rpc-send")
        self._callers = ThreadPoolExecutor(self._limits.executing, thread_name_prefix="rpc-call")
        self._waiting = dict.fromkeys((self._readers, self._senders, self._callers), 0)

    def close(self) -> None:
        """Let the threads end."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._senders.shutdown(wait=False, cancel_futures=True)
        self._callers.shutdown(wait=False, cancel_futures=True)

    async def handle(self, body: bytes, extra: Extra | None = None) -> bytes:
        """The answer to a body; empty when it held notifications only. Raises `Overloaded`."""
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return failure(b"null", Fault(PARSE_ERROR, "parse error"))
        if isinstance(document, list):
            return await self._batch(document, extra)
        request = _read(document)
        if isinstance(request, bytes):
            return request
        answers = await self._run([request], extra)
        return answers[0] or b""

    async def _batch(self, items: list[Any], extra: Extra | None) -> bytes:
        if not items:
            return failure(b"null", Fault(INVALID_REQUEST, "empty batch"))
        if len(items) > self._limits.batch:
            readable = (_read(item) for item in items)
            identifier = next((r.identifier for r in readable if isinstance(r, Request) and r.identifier), b"null")
            return b"[" + failure(identifier, Fault(INVALID_REQUEST, "batch too large")) + b"]"
        requests = [_read(item) for item in items]
        good = [request for request in requests if isinstance(request, Request)]
        answers = iter(await self._run(good, extra))
        parts: list[bytes] = []
        size = 0
        for request in requests:
            part = request if isinstance(request, bytes) else next(answers)
            if part is None:
                continue
            if size > self._limits.response and isinstance(request, Request) and request.identifier is not None:
                part = failure(request.identifier, Fault(RESPONSE_TOO_LARGE, "response too large"))
            size += len(part)
            parts.append(part)
        return b"[" + b",".join(parts) + b"]" if parts else b""

    async def _run(self, requests: list[Request], extra: Extra | None) -> list[bytes | None]:
        """The answers in order, None for notifications."""
        known = [METHODS.get(request.name) for request in requests]
        if all(method is None or method.cheap for method in known):
            outcomes = [self._one(request, method, extra) for request, method in zip(requests, known, strict=True)]
        else:
            outcomes = await self._off_loop(requests, known, self._pool(known))
            if extra is not None:  # a subscription belongs to the loop, also among other requests of a batch
                outcomes = [
                    self._one(request, None, extra) if method is None else outcome
                    for request, method, outcome in zip(requests, known, outcomes, strict=True)
                ]
        encoded: list[bytes | None] = []
        for request, outcome in zip(requests, outcomes, strict=True):
            settled = await _settle(outcome) if isinstance(outcome, Future) else outcome
            if request.identifier is None:
                encoded.append(None)
            elif isinstance(settled, Fault):
                encoded.append(failure(request.identifier, settled))
            else:
                encoded.append(answer(request.identifier, settled))
        return encoded

    def _pool(self, known: list[Method | None]) -> ThreadPoolExecutor:
        """Where a body is worked on: one that executes anything goes where execution is, whole."""
        if any(method is not None and method.executes for method in known):
            return self._callers
        sends = all(method is None or method.is_send or method.cheap for method in known)
        return self._senders if sends else self._readers

    async def _off_loop(
        self, requests: list[Request], known: list[Method | None], pool: ThreadPoolExecutor
    ) -> list[Any]:
        most = self._limits.waiting_executions if pool is self._callers else self._limits.waiting
        if self._waiting[pool] >= most:
            raise Overloaded
        deadline = time.monotonic() + self._limits.batch_time

        def run_all() -> list[Any]:
            outcomes: list[Any] = []
            for request, method in zip(requests, known, strict=True):
                if time.monotonic() > deadline:
                    outcomes.append(Fault(TIMED_OUT, "request timed out"))
                else:
                    outcomes.append(self._one(request, method, None))
            return outcomes

        self._waiting[pool] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, run_all)
        finally:
            self._waiting[pool] -= 1

    def _one(self, request: Request, method: Method | None, extra: Extra | None) -> Any:
        """The result, a future of it, or a `Fault`: nothing else leaves."""
        try:
            if method is None:
                return _subscription(request, extra)
            arguments = Arguments.read(request.params, method.required, method.maximum)
            return method.run(self._served, arguments)
        except Fault as fault:
            return fault
        except LedgerError as error:
            return _logged(error)
        except Exception:
            # Whatever this is, it is our mistake and not the client's; the connection and the batch go on.
            logger.exception("%s failed", request.name)
            return Fault(INTERNAL_ERROR, "internal error")


def _subscription(request: Request, extra: Extra | None) -> Any:
    """What is not in the table: a subscription where the transport has them, or nothing there is."""
    if request.name not in SUBSCRIBING:
        raise unknown_method(request.name)
    if extra is None:
        raise Fault(METHOD_NOT_FOUND, "notifications not supported")
    return extra(request.name, request.params)


async def _settle(pending: Future[Any]) -> Any:
    try:
        return await asyncio.wrap_future(pending)
    except LedgerError as error:
        return _logged(error)


def _logged(error: LedgerError) -> Fault:
    fault = of_ledger(error)
    if fault.code == INTERNAL_ERROR:
        logger.error("the ledger failed: %s", error)
    return fault


def overloaded(body: bytes) -> bytes:
    """The refusal of a whole body: one error per item, so that batching clients see each of theirs refused."""
    fault = Fault(LIMIT_EXCEEDED, "too many requests, try again in a second")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return failure(b"null", fault)
    if not isinstance(document, list):
        request = _read(document)
        return request if isinstance(request, bytes) else failure(request.identifier or b"null", fault)
    readable = [request for item in document if isinstance(request := _read(item), Request)]
    return b"[" + b",".join(failure(request.identifier or b"null", fault) for request in readable) + b"]"


def _read(item: Any) -> Request | bytes:
    """A request, or the answer to what is none (JSON-RPC 2.0, section 4)."""
    if not isinstance(item, dict):
        return failure(b"null", Fault(INVALID_REQUEST, "invalid request"))
    identifier = item.get("id")
    # A number of more than 64 bits was read as the nearest double, and would be another one in the answer.
    if isinstance(identifier, dict | list | bool) or (isinstance(identifier, float) and abs(identifier) >= _LARGEST):
        return failure(b"null", Fault(INVALID_REQUEST, "invalid request"))
    written = orjson.dumps(identifier)
    name = item.get("method")
    if item.get("jsonrpc") != "2.0" or not isinstance(name, str):
        return failure(written, Fault(INVALID_REQUEST, "invalid request"))
    params = item.get("params")
    if params is not None and not isinstance(params, list):
        if "id" not in item:
            return failure(b"null", Fault(INVALID_REQUEST, "invalid request"))
        if name in METHODS:
            return failure(written, Fault(INVALID_PARAMS, "non-array args"))
    return Request(written if "id" in item else None, name, params)
