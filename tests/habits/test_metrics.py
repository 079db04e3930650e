# SPDX-License-Identifier: Apache-2.0
"""Every metric that is exposed stands in the page of metrics with type, labels, unit and meaning; nothing else does."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI, Response

from maillon.kit import metrics
from maillon.network.health import NodeHealth
from maillon.network.metrics import OF_COMETBFT, OF_GETH, exposition
from metrics_page import PAGE, described, exposed

NODE = NodeHealth(
    organisation="City",
    network="Try",
    now=1_000.0,
    validator_address="aa" * 20,
    execution={"height": 9, "peers": 3, "pending": 0, "queued": 0, "version": "Geth"},
    consensus={"height": 9, "time": 999.0, "catching_up": False, "power": 1, "peers": ["b"], "version": "0"},
    bridge={"alarms": {"no-block": 1}, "counts": {"blocks": 4}, "silent": [], "refused": [], "validators": {}},
    supervisor={"since": 900.0, "restarts": {"bridge": 1}},
    round=0,
    disk_free=10**12,
)
"""A node of which everything answers."""


def test_every_metric_stands_in_the_page_as_it_is() -> None:
    both = exposed(metrics.exposition().decode()) | exposed(exposition(NODE, {"execution": None}).decode())
    assert len(both) > 20
    page = described(PAGE.read_text())
    assert {name: page[name] for name in page if name.startswith("maillon_")} == both
    # What the engines tell is held against the page where engines run, in tests/network/test_consortium.py.
    assert page.keys() - both.keys() == OF_COMETBFT | OF_GETH


def test_a_part_that_is_away_gives_none_of_its_metrics_and_no_others() -> None:
    every = exposed(exposition(NODE, {}).decode())
    for part in ("execution", "consensus", "bridge", "supervisor", "round"):
        away = exposed(exposition(replace(NODE, **{part: None}), {}).decode())
        assert away.items() <= every.items(), "nothing but what the page has"
        assert len(away) < len(every)


@pytest.mark.asyncio
async def test_every_request_is_counted_by_what_became_of_it() -> None:
    app = FastAPI()

    @app.get("/fine")
    async def fine() -> Response:
        return Response(status_code=204)

    @app.get("/broken")
    async def broken() -> Response:
        raise RuntimeError("nobody meant this")

    app.add_middleware(metrics.Counted)

    def counted(status: str) -> float:
        return metrics.REGISTRY.get_sample_value("maillon_http_requests_total", {"status": status}) or 0.0

    before = {status: counted(status) for status in ("2xx", "4xx", "5xx")}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://maillon.test") as http:
        for path in ("/fine", "/fine", "/nowhere", "/broken"):
            await http.get(path)
    assert {status: counted(status) - before[status] for status in before} == {"2xx": 2.0, "4xx": 1.0, "5xx": 1.0}
