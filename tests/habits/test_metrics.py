# SPDX-License-Identifier: Apache-2.0
"""Every metric that is exposed stands in the page of metrics with type, labels, unit and meaning; nothing else does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Response
from prometheus_client.parser import text_string_to_metric_families as families

from maillon.kit import metrics
from maillon.network.health import NodeHealth, exposition

PAGE = Path(__file__).resolve().parents[2] / "docs/operating/metrics.md"
NODE = NodeHealth(
    organisation="City",
    network="Try",
    now=1_000.0,
    validator_address="aa" * 20,
    execution={"height": 9, "peers": 3, "pending": 0, "queued": 0, "version": "Geth"},
    consensus={"height": 9, "time": 999.0, "catching_up": False, "power": 1, "peers": ["b"], "version": "0"},
    bridge={"alarms": {"no-block": 1}, "counts": {"blocks": 4}, "silent": [], "refused": [], "validators": {}},
    disk_free=10**12,
)
"""A node of which everything answers."""


def described(page: str) -> dict[str, tuple[str, str]]:
    """Type and labels of each row, by name; every cell but the labels says something."""
    found: dict[str, tuple[str, str]] = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = re.fullmatch(r"`(maillon_\w+)`", cells[0])
        if line.startswith("|") and name:
            assert len(cells) == 5
            assert cells[3], f"{name[1]} has no unit"
            assert len(cells[4]) > 5, f"{name[1]} has no meaning"
            assert name[1] not in found, f"{name[1]} has two rows"
            found[name[1]] = (cells[1], cells[2].strip("`"))
    return found


def exposed(text: str) -> dict[str, tuple[str, str]]:
    """The same of an exposition, but for when each counter began."""
    found: dict[str, tuple[str, str]] = {}
    for family in families(text):
        if family.name.endswith("_created"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        found[name] = (family.type, " ".join(sorted(labels)))
    return found


def test_every_metric_stands_in_the_page_as_it_is() -> None:
    both = exposed(metrics.exposition().decode()) | exposed(exposition(NODE).decode())
    assert len(both) > 20
    assert described(PAGE.read_text()) == both


def test_a_part_that_is_away_gives_none_of_its_metrics_and_no_others() -> None:
    every = exposed(exposition(NODE).decode())
    for part in ("execution", "consensus", "bridge"):
        away = exposed(exposition(replace(NODE, **{part: None})).decode())
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
