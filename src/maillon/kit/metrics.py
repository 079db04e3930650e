# SPDX-License-Identifier: Apache-2.0
"""Counters and gauges for Prometheus, in one registry that is served at /metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REGISTRY = CollectorRegistry()
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

requests = Counter("maillon_http_requests", "Requests answered, by class of status.", ["status"], registry=REGISTRY)
appended = Counter("maillon_notary_appended", "Entries acknowledged.", registry=REGISTRY)
stamps = Counter("maillon_notary_stamps", "Time stamps made.", registry=REGISTRY)
log_size = Gauge("maillon_notary_log_size", "Entries under the newest checkpoint.", registry=REGISTRY)
anchored_size = Gauge(
    "maillon_notary_anchored_size", "Entries under the newest anchored checkpoint.", registry=REGISTRY
)
checkpoint_seconds = Histogram("maillon_notary_checkpoint_seconds", "Making one checkpoint.", registry=REGISTRY)
height = Gauge("maillon_ledger_height", "The newest block.", registry=REGISTRY)


_BY_CLASS = {number: requests.labels(f"{number}xx") for number in range(1, 6)}


class Counted:
    """Middleware: counts every request once it is answered. What nobody answers, because it broke, is a 5xx."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered = False

        async def counting(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                _BY_CLASS[message["status"] // 100].inc()
            await send(message)

        try:
            await self._app(scope, receive, counting)
        except Exception:
            if not answered:
                _BY_CLASS[5].inc()
            raise


def exposition() -> bytes:
    """The page Prometheus reads."""
    return generate_latest(REGISTRY)
