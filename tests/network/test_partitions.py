# SPDX-License-Identifier: Apache-2.0
"""Bad and cut cables between four nodes in network namespaces of their own, and a stranger among them."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from lanes import Lanes, address

from local_network import ACCOUNTS, LocalNode, until
from maillon.ledger.fees import GWEI
from maillon.ledger.signing import DynamicFeeTransaction, checksum
from maillon.network.payload import PACKED, Payload

HERE = Path(__file__).parent
LINE: Final = 20_000_000 / 8
"""Bytes a second: 20 Mbit/s."""
STRANGER: Final = 4
"""The place of the node nobody admitted."""


@pytest.fixture(scope="module")
def network(engine_programs: Path) -> Iterator[Lanes]:
    """Four nodes, each in a namespace, and a fifth that is not permitted and not started."""
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        Lanes(Path(folder), engine_programs, others=1) as made,
    ):
        made.start()
        yield made


def stands_still(node: LocalNode) -> bool:
    """Whether no block comes for eight seconds: several times what one takes."""
    before = node.height()
    return not until(lambda: node.height() > before, 8)


def test_one_is_cut_off(network: Lanes) -> None:
    away, others = network.nodes[3], network.nodes[:3]
    network.connect([0, 1, 2], [3])
    try:
        network.grow(5, others)
        # One block may have been on its way.
        assert until(lambda: stands_still(away), 60)
        sent = network.send(others[1], 0)
        assert network.mined(others[0], sent)
        assert until(lambda: others[0].health()["silent"] == [away.settings.organisation], 120)
    finally:
        network.connect()
    network.grow(2, network.nodes[:4])
    assert network.mined(away, sent)
    assert until(lambda: away.address in others[0].signers(), 120)
    network.check_same()


def test_one_is_slow(network: Lanes) -> None:
    """What it says comes 200 ms late, two packets in a hundred not at all: it is heard all the same, and keeps up."""
    slow, others = network.nodes[3], network.nodes[:3]
    network.slow([3], 0.2, 0.02)
    try:
        sent = network.send(slow, 1)
        assert all(network.mined(node, sent) for node in network.nodes[:4])
        network.grow(10, network.nodes[:4])
        assert until(lambda: slow.address in others[0].signers(), 120)
    finally:
        network.slow([], 0, 0)
    network.grow(2, network.nodes[:4])
    network.check_same()


def proposal(node: LocalNode, height: int) -> bytes:
    """What the validators voted on."""
    (only,) = node.ask_consensus(f"block?height={height}")["block"]["data"]["txs"]
    return base64.b64decode(only)


def test_full_blocks_travel_over_narrow_lines(network: Lanes) -> None:
    """At 20 Mbit/s: as many bytes as the gas of a block pays for, and as many zeros as a block may have."""
    founders, account = network.nodes[:4], ACCOUNTS[5]
    sender = founders[1]

    def given(contents: list[bytes]) -> list[str]:
        nonce = int(sender.rpc("eth_getTransactionCount", checksum(account.address), "pending"), 16)
        raw = [
            DynamicFeeTransaction(
                network.chain_id, nonce + place, GWEI, 9 * GWEI, 5_200_000, account.address, 0, content
            ).sign(account).raw
            for place, content in enumerate(contents)
        ]  # fmt: skip
        return [str(sender.rpc("eth_sendRawTransaction", "0x" + each.hex())) for each in raw]

    network.narrow(LINE)
    try:
        first = sender.height()
        zeros = given([bytes(125_000)] * 60)
        noise = given([secrets.token_bytes(125_000) for _ in range(20)])
        assert all(network.mined(node, each, within=300) for node in founders for each in (zeros[-1], noise[-1]))
        last = sender.height()
    finally:
        network.narrow(0)
    heights = range(first + 1, last + 1)
    carried = [proposal(sender, height) for height in heights]
    payloads = [Payload.decode(each) for each in carried]
    assert max(map(len, carried)) <= PACKED
    assert max(map(len, carried)) > 1_000_000, "no block was full of noise"
    assert max(sum(map(len, each.transactions)) for each in payloads) > 2_000_000, "no block was full of zeros"
    network.grow(2, founders)
    network.check_same()


def test_two_and_two_are_separated(network: Lanes) -> None:
    """Neither half makes a block; joined again, the chain goes on by itself, with what both halves were given."""
    network.connect([0, 1], [2, 3])
    try:
        assert until(lambda: all(stands_still(network.nodes[place]) for place in (0, 3)), 120)
        sent = [network.send(network.nodes[0], 2), network.send(network.nodes[3], 3)]
        tops = [node.height() for node in network.nodes[:4]]
        assert max(tops) - min(tops) <= 1
    finally:
        network.connect()
    network.grow(3, network.nodes[:4])
    assert all(network.mined(node, each) for node in network.nodes[:4] for each in sent)
    network.check_same()


@pytest.mark.long
def test_a_stranger_knocks_on_every_port(network: Lanes) -> None:
    """Two ports answer it, both for nodes; a real node it runs gets nothing there, and garbage stops nobody."""
    founders, stranger = network.nodes[:4], network.nodes[STRANGER]
    pids = [node.pids() for node in founders]
    entrance = network.entrances[STRANGER]
    target = founders[0]

    def knock(*arguments: str) -> list[int]:
        command = [*entrance, sys.executable, str(HERE / "stranger.py"), address(0), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)
        assert done.returncode == 0, done.stderr
        found: list[int] = json.loads(done.stdout)
        return found

    nodes_only = sorted((target.settings.consensus_port, target.settings.execution_port))
    assert knock("1", "65535") == nodes_only
    stranger.start()
    try:
        stranger.wait_ready()
        knock(*(str(port) for port in nodes_only), secrets.token_hex(16))
        network.grow(5, founders)
        assert stranger.height() == 0
        assert stranger.health()["execution"]["peers"] == 0
        assert not any(stranger.identity.consensus_id.hex() in node.health()["consensus"]["peers"] for node in founders)
    finally:
        stranger.stop()
    assert [node.pids() for node in founders] == pids, "a stranger made somebody restart"
    network.check_same()
