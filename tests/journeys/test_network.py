# SPDX-License-Identifier: Apache-2.0
"""A consortium in one command, and a network founded step by step: what is notarised on it verifies without it."""

from __future__ import annotations

import json
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from maillon.network.consortium import free_ports
from running_platform import Running, Start, maillon, stopped_while


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path leaves room for sockets."""
    with tempfile.TemporaryDirectory(prefix="maillon-") as made:
        yield Path(made)


def notarised(platform: Running, file: Path) -> Path:
    done = maillon("notarise", str(file), "--json", "--home", str(platform.home), "--url", platform.url, timeout=300)
    assert done.returncode == 0, done.stderr
    return file.with_name(file.name + ".receipt.json")


def verified(receipt: Path, file: Path, trust: Path) -> None:
    held = maillon("verify", str(receipt), str(file), "--trust", str(trust), "--json")
    assert held.returncode == 0, held.stdout + held.stderr
    report = json.loads(held.stdout)
    assert [step["state"] for step in report["steps"]] == ["ok"] * 9


def test_a_consortium_in_one_command(engine_programs: Path, starting: Start, folder: Path) -> None:
    platform = starting(folder / "h", command=("network", "demo", "--port", "0"), within=300)
    file = folder / "report.txt"
    file.write_text("Le conseil approuve.")
    receipt = notarised(platform, file)
    signatures = json.loads(receipt.read_text())["anchor"]["consensus"]["commit"]["signatures"]
    assert sum(1 for signature in signatures if signature["signature"]) >= 3, "fewer than three of four signed"
    assert platform.stop() == 0, "".join(platform.errors)
    verified(receipt, file, platform.home / "trust.json")
    # It goes on where it stopped: the same chain, and the receipt of before.
    again = starting(folder / "h", command=("network", "demo", "--port", "0"), within=300)
    verified(receipt, file, again.home / "trust.json")
    verified(notarised(again, file), file, again.home / "trust.json")
    assert again.stop() == 0
    # A signal while the platform opens, with the nodes up already, ends all of it as well.
    home = str(folder / "h")
    for number in (signal.SIGTERM, signal.SIGINT):
        stopped_while("opening the database", number, "network", "demo", "--port", "0", "--home", home)


def test_a_network_founded_by_hand(engine_programs: Path, starting: Start, folder: Path) -> None:
    home, network = folder / "h", folder / "network.json"
    consensus, execution, *others = free_ports(6)
    ports = ("--consensus-port", str(consensus), "--execution-port", str(execution))
    card = maillon("node", "card", "--organisation", "City", "--host", "127.0.0.1", *ports, "--home", str(home))
    assert card.returncode == 0, card.stderr
    (folder / "card.json").write_text(card.stdout)
    made = maillon("network", "create", str(folder / "card.json"), "--out", str(network), "--json")
    assert made.returncode == 0, made.stderr
    again = maillon("network", "create", str(folder / "card.json"), "--out", str(network))
    assert again.returncode == 1, "a network is made once"
    laid = maillon("node", "init", "--network", str(network), "--listen", "127.0.0.1", "--home", str(home), "--json")
    assert json.loads(laid.stdout)["founder"] is True
    settings = home / "node" / "node.toml"
    text = settings.read_text()
    names = ("consensus_rpc_port", "execution_rpc_port", "engine_port", "gateway_port")
    for name, port in zip(names, others, strict=True):
        text = re.sub(rf"^{name} = \d+$", f"{name} = {port}", text, flags=re.MULTILINE)
    settings.write_text(text)
    assert maillon("node", "status", "--home", str(home)).returncode == 1, "nothing runs yet"

    node = starting(home, command=("node", "run"), within=300)
    assert node.url == f"http://127.0.0.1:{others[3]}"
    refused = maillon("node", "run", "--home", str(home))
    assert refused.returncode == 2
    assert "runs in" in refused.stderr
    status = maillon("node", "status", "--home", str(home), "--json")
    assert json.loads(status.stdout)["validator"] is True
    findings = {f["name"]: f for f in json.loads(maillon("node", "doctor", "--home", str(home), "--json").stdout)}
    assert {findings[name]["state"] for name in ("engines", "processes", "key", "validator", "disk")} == {"good"}
    a_platform_on_a_node(starting, node, folder)
    assert node.stop() == 0, "".join(node.errors)


def a_platform_on_a_node(starting: Start, node: Running, folder: Path) -> None:
    """`up --ledger` in a home of its own, as the guide says it: the two commands that make its notary a delegate."""
    platform = starting(folder / "p", command=("up", "--port", "0", "--ledger", node.url), within=300)
    places = ("--home", str(platform.home), "--url", platform.url, "--json")
    listed = maillon("members", "list", *places)
    assert [each["legal_name"] for each in json.loads(listed.stdout)["members"]] == ["City"], listed.stdout
    waited = "".join(platform.errors)
    assert "no publish delegate" in waited, waited
    consent = maillon("consent", "1", "--ledger", node.url, "--home", str(platform.home))
    (command,) = re.findall(r"node delegate (0x[0-9a-fA-F]{40}) --consent (0x[0-9a-f]+)", consent.stdout)
    home = ("--home", str(node.home))
    given = maillon("node", "delegate", command[0], "--consent", command[1], "--credits", "10", *home)
    assert given.returncode == 0, given.stdout + given.stderr
    file = folder / "minutes.txt"
    file.write_text("Le conseil approuve.")
    receipt = notarised(platform, file)
    rules = maillon("members", "rules", *places)
    assert rules.returncode == 0, rules.stderr
    votes = maillon("votes", "list", *places)
    assert json.loads(votes.stdout)["proposals"] == [], votes.stdout
    assert platform.stop() == 0, "".join(platform.errors)
    verified(receipt, file, platform.home / "trust.json")


def test_a_home_without_a_node_says_what_to_do(tmp_path: Path) -> None:
    for command in ("run", "status", "doctor"):
        told = maillon("node", command, "--home", str(tmp_path))
        assert told.returncode == 2
        assert "node init" in told.stderr
