# SPDX-License-Identifier: Apache-2.0
"""The dashboard and the alert rules name metrics a node has, and alarms the pages explain."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from test_doctor import HEALTH, bridge

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


def test_every_alarm_of_the_code_has_its_section() -> None:
    page = (ROOT / "docs/operating/alarms.md").read_text()
    code = (ROOT / "src/maillon/network/bridge.py").read_text()
    named = set(re.findall(r'(?:raise_alarm|set_alarm)\(\s*"([a-z-]+)"', code))
    assert named == {"registry-unusable", "empty-proposal", "execution-refuses", "bridge-stuck"}
    assert [name for name in named if f"## {name}\n" not in page] == []


def test_every_setting_of_a_node_is_explained() -> None:
    from dataclasses import fields

    from maillon.network.configuration import NodeSettings

    page = (ROOT / "docs/operating/node.md").read_text()
    assert [each.name for each in fields(NodeSettings) if f"`{each.name}`" not in page] == []
