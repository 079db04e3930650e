# SPDX-License-Identifier: Apache-2.0
"""The dashboard and the alert rules name metrics a node has, and alarms the pages explain."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from maillon.commands import application
from maillon.network.configuration import NodeSettings
from metrics_page import PAGE, described

ROOT = Path(__file__).resolve().parents[2]
METRIC = re.compile(r"\b(?:maillon_node|cometbft|chain|eth_db|p2p|rpc|system|txpool)_[a-z0-9_]+")


@pytest.mark.parametrize("file", ["deployment/prometheus/alerts.yml", "deployment/grafana/nodes.json"])
def test_every_metric_named_stands_in_the_page_of_metrics(file: str) -> None:
    """And what stands there a running node has: tests/network/test_consortium.py."""
    named = set(METRIC.findall((ROOT / file).read_text()))
    assert len(named) > 5
    page = described(PAGE.read_text())
    assert {re.sub("_(bucket|sum|count)$", "", name) if name not in page else name for name in named} <= page.keys()


def test_the_dashboard_is_one() -> None:
    document = json.loads((ROOT / "deployment/grafana/nodes.json").read_text())
    identifiers = [panel["id"] for panel in document["panels"]]
    assert len(identifiers) == len(set(identifiers)) > 10


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
    for port in (
        settings.consensus_rpc_port,
        settings.execution_rpc_port,
        settings.engine_port,
        settings.gateway_port,
        settings.consensus_metrics_port,
    ):
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


# systemd

UNITS = ROOT / "deployment/systemd"
PAGE_OF_SERVICES = (ROOT / "docs/operating/services.md").read_text()


def directives(unit: Path) -> list[tuple[str, str]]:
    """Name and value of each line, comments and sections left out."""
    split = (line.partition("=") for line in unit.read_text().splitlines() if not line.startswith("#"))
    return [(name, value) for name, equals, value in split if equals]


@pytest.mark.parametrize("unit", sorted(UNITS.iterdir()), ids=lambda unit: unit.name)
def test_a_unit_starts_what_there_is_and_has_its_row(unit: Path) -> None:
    assert f"| `{unit.name}` |" in PAGE_OF_SERVICES
    found = directives(unit)
    assert unit.suffix == ".timer" or [value for name, value in found if name == "ExecStart"]
    for name, value in found:
        for command in re.findall(r"/opt/maillon/maillon ([a-z- ]+)", value) if name == "ExecStart" else []:
            words = command.split()
            told = CliRunner().invoke(application(), [*(word for word in words if word[0] != "-"), "--help"])
            assert told.exit_code == 0, told.output
            assert [word for word in words if word[0] == "-" and word not in told.output] == []
            assert ("Environment", "MAILLON_HOME=/var/lib/maillon") in found


def test_units_are_as_systemd_reads_them_and_allow_what_a_server_needs(tmp_path: Path) -> None:
    """By systemd's own checks; the programs a unit names have to be there, so they are, in a root of their own."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("this machine has no systemd")
    for program in ("opt/maillon/maillon", "bin/sh", "usr/bin/find"):
        (tmp_path / program).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    for target in ("network-online", "time-sync", "multi-user", "timers", "sysinit", "basic", "shutdown"):
        (tmp_path / "lib/systemd/system").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"lib/systemd/system/{target}.target").write_text("[Unit]\nDescription=there\n")
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    for unit in UNITS.iterdir():
        shutil.copy(unit, units)
    names = sorted(unit.name for unit in UNITS.iterdir())
    services = [name for name in names if name.endswith(".service")]
    verify, security = [analyze, "verify", f"--root={tmp_path}"], [analyze, "security", f"--root={tmp_path}"]
    sound = subprocess.run([*verify, *names], capture_output=True, text=True, check=False)
    assert (sound.returncode, sound.stderr) == (0, "")
    # 20 of 100: what is left to a server that reaches the network and writes its own files.
    rated = subprocess.run([*security, "--offline=true", "--threshold=20", *services], capture_output=True, check=False)
    assert rated.returncode == 0, rated.stdout.decode()
    # Both find what they are there for.
    (units / "maillon.service").write_text("[Service]\nExecStart=/opt/maillon/absent\nProtectSytem=strict\n")
    broken = subprocess.run([*verify, "maillon.service"], capture_output=True, text=True, check=False)
    assert "ProtectSytem" in broken.stderr
    assert "not executable" in broken.stderr
    bare = [*security, "--offline=true", "--threshold=20", "maillon.service"]
    assert subprocess.run(bare, capture_output=True, check=False).returncode != 0
