# SPDX-License-Identifier: Apache-2.0
"""The page Prometheus reads: how a node is, and some of what its engines count of themselves.

The engines tell theirs on loopback, geth hundreds of series; what is of use to whoever runs a node is handed on under
its own name, and nothing else (docs/decisions/0048-metrics-on-one-port.md). An engine that does not tell, or too late,
or too much, or what is not in the format, costs the page its part and no more.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import httpx
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from maillon.network.configuration import NodeSettings
from maillon.network.health import NodeHealth

OF_COMETBFT: Final = frozenset(
    {
        "cometbft_consensus_block_interval_seconds",
        "cometbft_consensus_block_size_bytes",
        "cometbft_consensus_byzantine_validators",
        "cometbft_consensus_validator_last_signed_height",
        "cometbft_p2p_message_receive_bytes_total",
        "cometbft_p2p_message_send_bytes_total",
        "cometbft_state_block_processing_time",
    }
)
OF_GETH: Final = frozenset(
    {
        "chain_reorg_executes",
        "eth_db_chaindata_disk_size",
        "p2p_egress",
        "p2p_ingress",
        "rpc_requests",
        "system_cpu_procload_total",
        "system_disk_writebytes",
        "system_memory_held",
        "txpool_invalid",
        "txpool_overflowed",
        "txpool_pending_nofunds",
        "txpool_underpriced",
    }
)
WITHIN: Final = 2.0
"""Seconds in which an engine has told its metrics; Prometheus waits ten for the page."""
LARGEST: Final = 4 * 1024 * 1024
"""Bytes of an engine's page: more than ten times what either tells."""
_NAME: Final = re.compile(r"(?:# (?:HELP|TYPE) )?(\w+)")
_SUFFIX: Final = re.compile(r"_(?:bucket|sum|count)$")
_log = structlog.get_logger(__name__)

EngineMetrics = Mapping[str, list[Metric] | None]
"""Part → its metrics, None where they could not be had. A part that is to tell none is not there."""


async def of_engines(settings: NodeSettings) -> EngineMetrics:
    """What the engines tell of themselves now."""
    told = {
        "execution": (settings.execution_metrics_port, "/debug/metrics/prometheus", OF_GETH),
        "consensus": (settings.consensus_metrics_port, "/metrics", OF_COMETBFT),
    }
    asked = {
        part: _ask(part, f"http://127.0.0.1:{port}{path}", names) for part, (port, path, names) in told.items() if port
    }
    return dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))


async def _ask(part: str, url: str, names: frozenset[str]) -> list[Metric] | None:
    try:
        page = await _page(url)
        return list(text_string_to_metric_families("\n".join(_lines_of(names, page.decode().splitlines())) + "\n"))
    except (httpx.HTTPError, TimeoutError, ValueError) as error:
        _log.warning("an engine's metrics cannot be had", part=part, reason=repr(error))
        return None


async def _page(url: str) -> bytes:
    """Raises `httpx.HTTPError`, `TimeoutError`, and `ValueError` for one that is too large."""
    page = bytearray()
    async with (
        asyncio.timeout(WITHIN),
        httpx.AsyncClient(timeout=WITHIN) as client,
        client.stream("GET", url) as response,
    ):
        response.raise_for_status()
        async for piece in response.aiter_bytes():
            page += piece
            if len(page) > LARGEST:
                raise ValueError(f"more than {LARGEST} bytes")
    return bytes(page)


def _lines_of(names: frozenset[str], lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        found = _NAME.match(line)
        if found and (found[1] in names or _SUFFIX.sub("", found[1]) in names):
            yield line


def exposition(health: NodeHealth, engines: EngineMetrics) -> bytes:
    """The page Prometheus reads. docs/operating/alarms.md says which of these wake somebody up."""
    registry = CollectorRegistry()
    registry.register(_Collector(health, engines))
    return generate_latest(registry)


class _Collector:
    """Gives one health as metrics, and after it what the engines told."""

    def __init__(self, health: NodeHealth, engines: EngineMetrics) -> None:
        self._health = health
        self._engines = engines

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        health = self._health
        parts = {part: getattr(health, part) is not None for part in ("execution", "consensus", "bridge", "supervisor")}
        yield _by("part", "part_up", "Whether a process of the node answers.", parts)
        told = {part: metrics is not None for part, metrics in self._engines.items()}
        yield _by("part", "part_metrics_up", "Whether an engine's own metrics could be had.", told)
        yield _gauge("ready", "Whether the node is level with the network and blocks come.", health.ready)
        if health.age is not None:
            yield _gauge("block_age_seconds", "Seconds since the newest block.", health.age)
        yield _gauge("disk_free_bytes", "Room on the node's disk.", health.disk_free)
        yield _gauge("is_validator", "Whether its key has power now.", health.is_validator)
        if health.round is not None:
            yield _gauge("consensus_round", "The round consensus is in at this height.", health.round)
        for found, metrics_of in (
            (health.supervisor, _of_supervisor),
            (health.execution, _of_execution),
            (health.consensus, _of_consensus),
            (health.bridge, _of_bridge),
        ):
            if found is not None:
                yield from metrics_of(found)
        for metrics in self._engines.values():
            yield from metrics or ()


def _of_supervisor(found: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("start_time_seconds", "Since when the supervisor runs.", found["since"])
    yield _count("part", "part_restarts", "How often a process had to be started again.", found["restarts"])


def _of_execution(found: Mapping[str, Any]) -> Iterator[Metric]:
    for name in ("height", "peers", "pending", "queued"):
        yield _gauge(f"execution_{name}", f"geth: {name}.", found[name])


def _of_consensus(found: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("consensus_height", "The newest final height.", found["height"])
    yield _gauge("consensus_peers", "CometBFT's connections.", len(found["peers"]))
    yield _gauge("catching_up", "Whether it is fetching older blocks.", found["catching_up"])
    yield _gauge("voting_power", "The power of its validator key.", found["power"])


def _of_bridge(found: Mapping[str, Any]) -> Iterator[Metric]:
    yield _by("alarm", "alarm", "Alarms raised now.", dict.fromkeys(found["alarms"], 1))
    yield _count("kind", "events", "What the bridge counted since its start.", found["counts"])
    yield _gauge("silent_validators", "Validators that did not sign the last commit.", len(found["silent"]))
    yield _gauge("validators", "Members of the validator set.", len(found["validators"]))


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"maillon_node_{name}", words, value=float(value))


def _by(label: str, name: str, words: str, values: Mapping[str, float]) -> Metric:
    """A gauge for each value of a label."""
    family = GaugeMetricFamily(f"maillon_node_{name}", words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family


def _count(label: str, name: str, words: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"maillon_node_{name}", words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
