# SPDX-License-Identifier: Apache-2.0
"""The dashboard and the alert rules name metrics a node has, and alarms the pages explain."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from test_doctor import HEALTH, bridge

from maillon.network.configuration import NodeSettings
from maillon.network.health import exposition

ROOT = Path(__file__).resolve().parents[2]
METRIC = re.compile(r"maillon_node_[a-z_]+")


def metrics() -> set[str]:
    """Every metric of a node that has something to say of everything."""
    full = bridge(alarms={"empty-proposal": "why"}, counts={"blocks": 1})
    return {
        name for name in METRIC.findall(exposition(full).decode()) if not name.endswith("_created")
    }  # fmt: skip


@pytest.mark.parametrize("file", ["deployment/prometheus/alerts.yml", "deployment/grafana/nodes.json"])
def test_every_metric_named_exists(file: str) -> None:
    named = set(METRIC.findall((ROOT / file).read_text()))
    assert len(named) > 5
    assert named <= metrics()


def test_the_dashboard_is_one() -> None:
    document = json.loads((ROOT / "deployment/grafana/nodes.json").read_text())
    identifiers = [panel["id"] for panel in document["panels"]]
    assert len(identifiers) == len(set(identifiers)) > 10
    assert HEALTH.ready


ALARMS = ROOT / "docs/operating/alarms"


def test_every_alarm_has_its_page() -> None:
    code = (ROOT / "src/maillon/network/bridge.py").read_text()
    named = set(re.findall(r'(?:raise_alarm|set_alarm)\(\s*"([a-z-]+)"', code))
    assert named == {"registry-unusable", "empty-proposal", "execution-refuses", "bridge-stuck", "key-used-twice"}
    rules = (ROOT / "deployment/prometheus/alerts.yml").read_text()
    alerts = {re.sub("(?<!^)([A-Z])", r"-\1", name).lower() for name in re.findall(r"- alert: (\w+)", rules)}
    # NodeAlarm is whichever alarm its label names.
    assert {page.stem for page in ALARMS.glob("*.md")} == named | alerts - {"node-alarm"}
    index = (ROOT / "docs/operating/alarms.md").read_text()
    for page in ALARMS.glob("*.md"):
        assert f"(alarms/{page.name})" in index
        assert [word for word in ("**What it means.**", "**Look.**", "**Do.**") if word not in page.read_text()] == []


def test_the_image_is_made_of_what_is_there() -> None:
    """No daemon builds it here; what it copies exists, and nothing else reaches the build."""
    folder = ROOT / "deployment/container"
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (folder / "Containerfile").read_text(), re.MULTILINE)
    sources = {name for line in copied for name in line.split()}
    assert sources >= {"maillon", "requirements", "src"}
    assert [name for name in sources if not (ROOT / name).exists()] == []
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_in == sources
    compose = (folder / "compose.yaml").read_text()
    settings = NodeSettings(organisation="City")
    for port in (settings.consensus_port, settings.execution_port):
        assert f'"{port}:{port}"' in compose
    assert f"http://127.0.0.1:{settings.gateway_port}" in compose
    for port in (settings.consensus_rpc_port, settings.execution_rpc_port, settings.engine_port, settings.gateway_port):
        assert f"{port}:{port}" not in compose, "a port that is never opened"


def test_the_compose_file_trusts_its_own_network_and_no_other() -> None:
    compose = (ROOT / "deployment/container/compose.yaml").read_text()
    (subnet,) = re.findall(r"subnet: (\S+)", compose)
    assert f"MAILLON_TRUSTED_PROXIES: '[\"{subnet}\"]'" in compose
    assert subnet in (ROOT / "docs/operating/containers.md").read_text()
    assert '"127.0.0.1:8400:8400"' in compose, "whoever reaches the port is believed"


def test_every_setting_of_a_node_is_explained() -> None:
    page = (ROOT / "docs/operating/node.md").read_text()
    assert [each.name for each in fields(NodeSettings) if f"`{each.name}`" not in page] == []
