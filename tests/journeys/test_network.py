# SPDX-License-Identifier: Apache-2.0
"""A consortium in one command, and a network founded step by step: what is notarised on it verifies without it."""

from __future__ import annotations

import json
import re
import signal
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_network import until
from maillon.network.consortium import free_ports
from running_platform import Running, Start, delegated, maillon, notarised, stopped_while, verified


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path leaves room for sockets."""
    with tempfile.TemporaryDirectory(prefix="maillon-") as made:
        yield Path(made)


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
    consensus, execution, *others = free_ports(7)
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
    choose_ports(home, others)
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


def choose_ports(home: Path, ports: Sequence[int]) -> None:
    """As an operator writes them into the node's settings: those of this machine alone, which no card has."""
    settings = home / "node" / "node.toml"
    text = settings.read_text()
    names = ("consensus_rpc_port", "execution_rpc_port", "engine_port", "gateway_port", "consensus_metrics_port")
    for name, port in zip(names, ports, strict=True):
        text = re.sub(rf"^{name} = \d+$", f"{name} = {port}", text, flags=re.MULTILINE)
    settings.write_text(text)


def test_four_founders_by_hand(engine_programs: Path, starting: Start, folder: Path) -> None:
    """Four cards of four homes make one file; each home takes it as its own, and together they make blocks."""
    names = ("City", "Port", "Museum", "School")
    network, homes, cards = folder / "network.json", [folder / name for name in names], []
    free = free_ports(7 * 4)
    for name, home in zip(names, homes, strict=True):
        consensus, execution = free.pop(), free.pop()
        ports = ("--consensus-port", str(consensus), "--execution-port", str(execution))
        made = maillon("node", "card", "--organisation", name, "--host", "127.0.0.1", *ports, "--home", str(home))
        assert made.returncode == 0, made.stderr
        cards.append(folder / f"{name}.card.json")
        cards[-1].write_text(made.stdout)
    twice = maillon("network", "create", *map(str, [*cards, cards[1]]), "--out", str(network))
    assert (twice.returncode, network.exists()) == (2, False)
    assert "an organisation founds with one node" in twice.stderr
    forged = folder / "forged.card.json"
    forged.write_text(cards[3].read_text().replace('"School"', '"Academy"'))
    refused = maillon("network", "create", *map(str, [*cards[:3], forged]), "--out", str(network))
    assert (refused.returncode, network.exists()) == (2, False)
    assert "signature" in refused.stderr, refused.stderr
    created = maillon("network", "create", *map(str, cards), "--out", str(network), "--json")
    assert json.loads(created.stdout)["founders"] == 4, created.stderr
    keys = [json.loads(card.read_text())["validator_key"] for card in cards]
    assert [each["validator_key"] for each in json.loads(network.read_text())["nodes"]] == keys

    for name, home, card in zip(names, homes, cards, strict=True):
        laid = maillon(
            "node", "init", "--network", str(network), "--listen", "127.0.0.1", "--home", str(home), "--json"
        )
        assert json.loads(laid.stdout) == {"home": str(home / "node"), "founder": True}, laid.stderr
        assert (home / "node" / "network.json").read_bytes() == network.read_bytes()
        settings, said = tomllib.loads((home / "node" / "node.toml").read_text()), json.loads(card.read_text())
        assert settings["organisation"] == name
        ports = ("consensus_port", "execution_port")
        assert [settings[port] for port in ports] == [said[port] for port in ports]
        choose_ports(home, [free.pop() for _ in range(5)])
    # Whoever has no card in it is no founder, and is not laid out as one; nor is a home of another network taken over.
    stranger = folder / "stranger"
    told = maillon("node", "init", "--network", str(network), "--home", str(stranger))
    assert told.returncode == 2
    assert "not among the network's founders" in told.stderr
    assert not (stranger / "node" / "node.toml").exists()
    other = folder / "other.json"
    assert maillon("network", "create", *map(str, cards), "--out", str(other)).returncode == 0
    foreign = maillon("node", "init", "--network", str(other), "--home", str(homes[0]))
    assert foreign.returncode == 2
    assert f"{homes[0] / 'node'} belongs to another network" in foreign.stderr

    nodes = [starting(home, command=("node", "run"), within=300) for home in homes]

    def block(node: Running, number: int) -> Any:
        asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": [hex(number), False]}
        return httpx.post(node.url, json=asked, timeout=30).json()["result"]

    for number in (0, 3):
        blocks = [until(lambda node=node, number=number: block(node, number), 120) for node in nodes]  # type: ignore[misc]
        assert all(blocks), "a node without blocks"
        assert len({each["hash"] for each in blocks}) == 1
    for node in nodes:
        assert node.stop() == 0, "".join(node.errors)


def a_platform_on_a_node(starting: Start, node: Running, folder: Path) -> None:
    """`up --ledger` in a home of its own, as the guide says it: the two commands that make its notary a delegate."""
    platform = starting(folder / "p", command=("up", "--port", "0", "--ledger", node.url), within=300)
    places = ("--home", str(platform.home), "--url", platform.url, "--json")
    listed = maillon("members", "list", *places)
    assert [each["legal_name"] for each in json.loads(listed.stdout)["members"]] == ["City"], listed.stdout
    waited = "".join(platform.errors)
    assert "no publish delegate" in waited, waited
    delegated(platform, 1, node.url, node.home)
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
