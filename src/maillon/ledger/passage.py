# SPDX-License-Identifier: Apache-2.0
"""`/rpc` of a platform on a node: what a client asks is passed on to that node's gateway, and its answer back.

Whoever signs at a terminal or in a wallet so needs one address, the platform's, whichever engine is behind it. Nothing
is looked at or kept: which methods there are, and how much anybody may ask, is the gateway's to say, which is told
for whom it is asked. Subscriptions are the gateway's own, and not passed on.
"""

from __future__ import annotations

from typing import Final

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

MAXIMUM_BODY: Final = 8 * 1024 * 1024
"""Bytes of a request, as many as a gateway takes (docs/operating/gateway.md)."""
MAXIMUM_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of an answer: geth makes none that is larger (`--rpc.batch-response-max-size`)."""
WITHIN: Final = 60.0
"""Seconds a gateway may take."""
_OPEN: Final = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT: Final = _OPEN | {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "content-type, authorization",
    "Access-Control-Max-Age": "86400",
}
_ASKED: Final = ("content-type", "authorization")
_ANSWERED: Final = ("content-type", "retry-after")


class Passage:
    """The way to one gateway. Close it at the end."""

    def __init__(self, gateway: str, client: httpx.AsyncClient | None = None) -> None:
        self._gateway = gateway
        self._client = client or httpx.AsyncClient(timeout=WITHIN, follow_redirects=False, trust_env=False)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    def routes(self, path: str = "/rpc") -> list[BaseRoute]:
        """Exact, because clients follow no redirect of a POST."""
        return [
            Route(path, self._pass, methods=["POST"]),
            Route(path, self._preflight, methods=["OPTIONS"]),
            Route(path, self._empty, methods=["GET"]),
        ]

    async def _preflight(self, _request: Request) -> Response:
        return Response(status_code=204, headers=_PREFLIGHT)

    async def _empty(self, _request: Request) -> Response:
        # geth answers an empty GET with 200, and load balancers rely on it.
        return Response(headers=_OPEN)

    async def _pass(self, request: Request) -> Response:
        body = bytearray()
        try:
            async for part in request.stream():
                body += part
                if len(body) > MAXIMUM_BODY:
                    return _said(f"content length too large (>{MAXIMUM_BODY})", 413)
        except ClientDisconnect:
            return Response()
        headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
        if request.client is not None:
            headers["x-forwarded-for"] = request.client.host
        try:
            async with self._client.stream("POST", self._gateway, content=bytes(body), headers=headers) as answer:
                content = bytearray()
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > MAXIMUM_ANSWER:
                        return _said("the node answered too much at once: ask for less", 502)
        except httpx.HTTPError as error:
            return _said(f"the node does not answer ({type(error).__name__}): try again in a minute", 503)
        kept = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
        return Response(bytes(content), answer.status_code, _OPEN | kept)


def _said(text: str, status: int) -> Response:
    """As geth refuses at its door: a line of text, which its clients show."""
    return Response(f"{text}\n", status, _OPEN, "text/plain; charset=utf-8")
