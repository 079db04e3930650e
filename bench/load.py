# SPDX-License-Identifier: Apache-2.0
"""A lean HTTP/1.1 load generator: a few keep-alive connections, requests made beforehand, bounded in number.

It speaks only to loopback, sends exactly the requests it is given and stops. An ordinary client library would spend
more of the second core than the server spends of the first, and measure itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import httptools


@dataclass
class Outcome:
    """What came back: seconds for each answer, and how many had which status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def percentile(self, share: float) -> float:
        """The latency, in seconds, that `share` of the answers did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def request(path: str, body: bytes, headers: dict[str, str], host: str, method: str = "POST") -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


Answered = Callable[[bytes, float], None]
"""Called with the body of an answer and when its request was sent (`time.perf_counter`)."""


class _Connection(asyncio.Protocol):
    """One connection: sends the next request as soon as the answer to the last one is complete."""

    def __init__(self, requests: Iterator[bytes], outcome: Outcome, answered: Answered | None) -> None:
        self.requests = requests
        self.outcome = outcome
        self.answered = answered
        self.done = asyncio.get_running_loop().create_future()
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by shape, not by inheritance.
        self.transport = cast("asyncio.Transport", transport)
        self.parser = httptools.HttpResponseParser(self)
        self._next()

    def _next(self) -> None:
        following = next(self.requests, None)
        if following is None:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self.began = time.perf_counter()
        self.body = b""
        self.transport.write(following)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.outcome.latencies.append(time.perf_counter() - self.began)
        status = self.parser.get_status_code()
        self.outcome.statuses[status] = self.outcome.statuses.get(status, 0) + 1
        if self.answered is not None:
            self.answered(self.body, self.began)
        self.parser = httptools.HttpResponseParser(self)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))


async def offer(
    host: str,
    port: int,
    requests: Iterator[bytes],
    connections: int,
    answered: Answered | None = None,
) -> Outcome:
    """Send every request over `connections` connections as fast as answers come; the outcome when all are answered."""
    if host not in {"127.0.0.1", "::1"}:
        raise ValueError("the load generator speaks to loopback only")
    outcome = Outcome()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: _Connection(requests, outcome, answered), host, port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for _, connection in opened))
    outcome.seconds = time.perf_counter() - began
    return outcome
