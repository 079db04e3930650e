# SPDX-License-Identifier: Apache-2.0
"""What the gateway hands on of its engines' metrics: what is of use, in time, and never a broken page."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from local_network import PARTS, LocalNetwork, LocalNode, until
from maillon.network import metrics
from maillon.network.configuration import NodeSettings
from maillon.network.consortium import free_ports
from metrics_page import PAGE, described, exposed

GOOD = b"""\
# TYPE chain_reorg_executes gauge
chain_reorg_executes 2

# TYPE chain_reorg_executes_more gauge
chain_reorg_executes_more 3

# TYPE chain_execution_count counter
chain_execution_count 9

# TYPE chain_execution summary
chain_execution {quantile="0.5"} 4
"""
NO_PORT = NodeSettings("City", consensus_metrics_port=0)


@contextlib.asynccontextmanager
async def engine(answer: bytes, status: str = "200 OK", *, complete: bool = True) -> AsyncIterator[NodeSettings]:
    """A geth that tells this, and the settings of its node; CometBFT tells nothing."""
    length = len(answer) if complete else len(answer) + 1

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n".encode() + answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            await reader.read()  # until the other side has enough
        writer.close()

    server = await asyncio.start_server(tell, "127.0.0.1", 0)
    try:
        yield dataclasses.replace(NO_PORT, execution_metrics_port=server.sockets[0].getsockname()[1])
    finally:
        server.close()


@pytest.mark.asyncio
async def test_of_an_engine_what_is_of_use_is_handed_on() -> None:
    async with engine(GOOD) as settings:
        told = await metrics.of_engines(settings)
    assert told.keys() == {"execution"}
    (family,) = told["execution"] or []
    assert (family.name, family.type, [sample.value for sample in family.samples]) == (
        "chain_reorg_executes",
        "gauge",
        [2],
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer",
    [b"chain_reorg_executes many\n", b'chain_reorg_executes{a="b\n', b"\xff\xfe", GOOD * 40_000],
    ids=["no-number", "no-end", "no-text", "too-much"],
)
async def test_what_is_not_in_the_format_or_too_much_costs_its_part_alone(answer: bytes) -> None:
    async with engine(answer) as settings:
        assert await metrics.of_engines(settings) == {"execution": None}


@pytest.mark.asyncio
async def test_an_engine_that_fails_is_away_or_slow_costs_its_part_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with engine(GOOD, "500 Internal Server Error") as settings:
        assert await metrics.of_engines(settings) == {"execution": None}
    assert await metrics.of_engines(settings) == {"execution": None}, "nobody listens there any more"
    monkeypatch.setattr(metrics, "WITHIN", 0.2)
    async with engine(GOOD, complete=False) as settings:
        assert await metrics.of_engines(settings) == {"execution": None}
    assert await metrics.of_engines(NO_PORT) == {}


def test_no_two_parts_tell_the_same() -> None:
    assert not metrics.OF_COMETBFT & metrics.OF_GETH
    assert not [name for name in metrics.OF_COMETBFT | metrics.OF_GETH if name.startswith("maillon_")]


@pytest.fixture(scope="module")
def node(engine_programs: Path) -> Iterator[LocalNode]:
    """A network of one, whose geth tells its metrics."""
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engine_programs, 1) as made,
    ):
        home, settings = made.nodes[0].home, made.nodes[0].settings
        (port,) = free_ports(1)
        home.lay_out(dataclasses.replace(settings, execution_metrics_port=port))
        made.start()
        made.grow(2)
        yield made.nodes[0]


def test_what_stands_in_the_page_of_metrics_geth_tells(node: LocalNode) -> None:
    wanted, page = described(PAGE.read_text()), exposed(httpx.get(f"{node.url}/metrics").text)
    assert {name: page.get(name) for name in metrics.OF_GETH} == {name: wanted[name] for name in metrics.OF_GETH}


def told(node: LocalNode) -> dict[tuple[str, str], float]:
    """(metric, part) → value, of those that name a part; Prometheus has ten seconds for the page."""
    page = httpx.get(f"{node.url}/metrics", timeout=10).raise_for_status().text
    samples = [sample for family in families(page) for sample in family.samples if "part" in sample.labels]
    return {(sample.name.removeprefix("maillon_node_part_"), sample.labels["part"]): sample.value for sample in samples}


def test_an_engine_that_stands_still_and_one_that_is_killed_are_told_apart(node: LocalNode) -> None:
    sound = told(node)
    assert {sound["up", part] for part in ("execution", "bridge", "consensus", "supervisor")} == {1}
    assert {sound["metrics_up", part] for part in ("execution", "consensus")} == {1}
    assert {sound["restarts_total", part] for part in PARTS} == {0}
    # Stopped, it is away, and its page of metrics too; nobody started it again, and the others answer.
    os.kill(node.pids()["execution"], signal.SIGSTOP)
    try:
        still = told(node)
        assert (still["up", "execution"], still["metrics_up", "execution"]) == (0, 0)
        assert (still["up", "supervisor"], still["metrics_up", "consensus"]) == (1, 1)
        assert {still["restarts_total", part] for part in PARTS} == {0}
    finally:
        node.kill("execution")
    # Killed, it is started again, and that is counted, of it alone: the two above it were only stopped for it.
    again = until(lambda: (now := told(node))["up", "execution"] == 1 == now["up", "consensus"] and now, 120)
    assert {part: again["restarts_total", part] for part in PARTS} == dict.fromkeys(PARTS, 0) | {"execution": 1}
    assert again["metrics_up", "execution"] == 1
    node.kill("consensus")
    counted = until(lambda: (now := told(node))["restarts_total", "consensus"] == 1 and now, 60)
    assert counted["restarts_total", "execution"] == 1
