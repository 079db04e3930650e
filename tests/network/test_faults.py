# SPDX-License-Identifier: Apache-2.0
"""Faults of real processes: the chain goes on or waits, nobody forks, and nothing that was final is gone."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from forging_bridge import FORGERIES
from steady_load import Acknowledged, Load
from strict_bridge import FORBIDDEN

from local_network import ACCOUNTS, PARTS, LocalNetwork, LocalNode, running, until
from maillon.ledger.port import Address
from maillon.ledger.signing import checksum

HERE = Path(__file__).parent
ROOM: Final = 512 * 1024 * 1024
"""Bytes of the small disk: several times what a node needs in these tests."""

KILLS: Final = 200
LEAST_RATE: Final = 10
"""Transfers a second that are acknowledged on average while nodes are killed, on a slow machine too."""


@pytest.fixture(scope="module")
def network(engine_programs: Path) -> Iterator[LocalNetwork]:
    """Four nodes for this module, which breaks them and leaves each test with a sound network.

    The last one lies on a file system of its own, a small one, where mounting one is permitted.
    """
    with tempfile.TemporaryDirectory(prefix="maillon-") as folder:
        disk = Path(folder) / "organisation-04"
        disk.mkdir(mode=0o700)
        command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=700", "tmpfs", str(disk)]
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        try:
            with LocalNetwork(Path(folder), engine_programs) as made:
                made.start()
                yield made
        finally:
            if mounted:
                subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("part", PARTS)
def test_one_process_killed(network: LocalNetwork, part: str) -> None:
    victim, others = network.nodes[3], network.nodes[:3]
    before = victim.pids()[part]
    victim.kill(part)
    network.grow(3, others)
    assert until(lambda: victim.pids()[part] != before, 120), f"{part} was not started again"
    network.grow(2, network.nodes)
    network.check_same()


def test_a_supervisor_killed_alone(network: LocalNetwork) -> None:
    """Its parts end without it; one started at once waits for their end, so that no key has two signers."""
    victim, others = network.nodes[1], [network.nodes[0], *network.nodes[2:]]
    before = victim.pids()
    victim.kill_supervisor()
    assert until(lambda: not any(running(pid) for pid in before.values()), 120), "something runs on without it"
    network.grow(2, others)
    network.start([victim])
    # An engine that needs long to end, as one that writes what it holds in memory.
    before = victim.pids()
    os.kill(before["execution"], signal.SIGSTOP)
    try:
        victim.kill_supervisor()
        victim.start()
        assert until(lambda: "of a former supervisor end first" in victim.log.read_text(), 60), "it waits for nobody"
        network.grow(2, others)
        assert victim.pids() == before, "two of one node run beside each other"
    finally:
        os.kill(before["execution"], signal.SIGCONT)
    victim.wait_ready()
    network.grow(2, network.nodes)
    network.check_same()


def test_one_node_killed_whole(network: LocalNetwork) -> None:
    victim, others = network.nodes[2], [network.nodes[0], network.nodes[1], network.nodes[3]]
    sent = network.send(others[0], 1)
    victim.kill_all()
    network.grow(5, others)
    assert network.mined(others[0], sent)
    assert until(lambda: others[0].health()["silent"] == [victim.settings.organisation], 120), "it is not named"
    network.start([victim])
    network.grow(2, network.nodes)
    assert network.mined(victim, sent)
    network.check_same()


def test_two_and_two_wait_for_each_other(network: LocalNetwork) -> None:
    """Half of the validators cannot make a block; when the other half comes back, the chain goes on by itself."""
    away = network.nodes[:2]
    pids = [node.pids()["consensus"] for node in away]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert until(lambda: stands_still(network.nodes[3]), 60), "blocks were made without two thirds"
        sent = network.send(network.nodes[3], 2)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    network.grow(3, network.nodes)
    assert network.mined(network.nodes[0], sent)
    network.check_same()


def stands_still(node: LocalNode) -> bool:
    """Whether no block comes for eight seconds: several times what one takes."""
    before = node.height()
    return not until(lambda: node.height() > before, 8)


def test_all_four_killed_at_once(network: LocalNetwork) -> None:
    sent = [network.send(node, 3 + position) for position, node in enumerate(network.nodes)]
    assert all(network.mined(network.nodes[0], each) for each in sent)
    top = network.nodes[0].height()
    final = network.nodes[0].hash_at(top)
    for node in network.nodes:
        node.kill_all()
    network.start()
    network.wait_height(top + 2)
    assert {node.hash_at(top) for node in network.nodes} == {final}
    network.check_same()


@pytest.mark.long
def test_a_block_that_lost_its_state_is_executed_again(network: LocalNetwork) -> None:
    """Geth may know a block after a crash and have lost its state. The state of its newest block is taken out here."""
    victim, others = network.nodes[3], network.nodes[:3]
    network.send(others[0], 1)
    network.grow(2)
    victim.stop()
    for blocks in range(3):
        root = newest_state_root(network, victim)
        command = [network.engines / "geth", "db", "delete", "--datadir", str(victim.home.execution), root]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        network.start([victim])
        network.grow(2, network.nodes)
        log = (victim.home.logs / "execution.log").read_text()
        assert log.count("Head state missing, repairing") > blocks, "the state was there: nothing was tried"
        victim.stop()
    network.start([victim])
    network.grow(2, network.nodes)
    network.check_same()


def newest_state_root(network: LocalNetwork, node: LocalNode) -> str:
    """The state root of a stopped node's newest block, as the others know it."""
    command = [network.engines / "geth", "db", "metadata", "--datadir", str(node.home.execution)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    line = next(line for line in (shown.stdout + shown.stderr).splitlines() if "headBlock.Root" in line)
    return "0x" + line.split("0x")[1][:64]


def test_a_consensus_that_halted_is_started_again(network: LocalNetwork) -> None:
    """CometBFT that cannot write down what it does stops doing anything, while its process stays and answers.

    A full disk does that, where geth did not notice before there was room again. Here its file is no file for a while.
    """
    victim, others = network.nodes[3], network.nodes[:3]
    before, halted = victim.pids(), victim.log.read_text().count('"halted"')
    # CometBFT opens it anew each second.
    writing = victim.home.consensus / "data" / "cs.wal" / "wal"
    aside = writing.with_name("aside")
    writing.rename(aside)
    writing.mkdir()
    try:
        network.grow(5, others)
        assert until(lambda: victim.log.read_text().count('"halted"') > halted, 120), "nobody noticed that it halted"
    finally:
        writing.rmdir()
        aside.rename(writing)
    network.grow(2, network.nodes)
    after = victim.pids()
    assert {part for part in PARTS if after[part] != before[part]} == {"consensus"}
    network.check_same()


def test_a_full_disk(network: LocalNetwork) -> None:
    """The node whose disk it is stops; once there is room it comes back by itself, with the chain of the others."""
    victim, others = network.nodes[3], network.nodes[:3]
    disk = victim.home.path.parent
    if not disk.is_mount():
        pytest.skip("mounting a file system is not permitted here")
    filler = disk / "filler"
    fill(filler)
    try:
        network.send(others[0], 2)
        network.grow(5, others)
        assert until(lambda: stands_still(victim), 240), "its disk is full, and it goes on"
        assert until(lambda: others[0].health()["silent"] == [victim.settings.organisation], 120)
        network.grow(5, others)
    finally:
        filler.unlink()
    network.grow(2, network.nodes)
    network.check_same()


def fill(filler: Path) -> None:
    """Write until there is no room, not even for a page."""
    with filler.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass


@pytest.mark.long
def test_a_dishonest_proposer_is_refused_and_named(network: LocalNetwork) -> None:
    """Every forgery is refused by the others, by name; the next proposer makes the block."""
    villain, honest = network.nodes[3], network.nodes[:3]
    villain.stop()
    villain.bridge = HERE / "forging_bridge.py"
    network.start([villain])
    file = villain.home.path / "forge"
    try:
        for forgery in FORGERIES:
            file.write_text(forgery)
            before = refusals(honest[0], villain)
            assert until(lambda before=before: refusals(honest[0], villain) > before, 240), forgery  # type: ignore[misc]
            network.grow(1, honest)
        refused = honest[0].health()["refused"]
        assert {entry["organisation"] for entry in refused} == {villain.settings.organisation}
        reasons = [entry["reason"] for entry in refused]
    finally:
        file.unlink(missing_ok=True)
        villain.stop()
        villain.bridge = None
        network.start([villain])
    for name in (
        "withdrawals",
        "fee recipient",
        "extra data",
        "parent",
        "execution",
        "number",
        "timestamp",
        "gas limit",
    ):
        assert any(reason.startswith(f"{name}:") for reason in reasons), (name, reasons)
    network.grow(2, network.nodes)
    network.check_same()


def refusals(node: LocalNode, villain: LocalNode) -> int:
    """How many of its proposals this node refused, of those it remembers with the proposer's address."""
    from maillon.network.rules import address_of_key

    address = address_of_key(villain.identity.validator_key).hex()
    health = node.health()["bridge"]
    if health["refused"] and health["refused"][-1]["proposer"] != address:
        return 0
    return int(health["counts"].get("proposals refused", 0))


@pytest.mark.long
def test_a_rule_the_builder_does_not_know_stops_nobody(network: LocalNetwork) -> None:
    """All four bridges refuse what their engines pack: empty blocks and an alarm, and never a halt."""
    for node in network.nodes:
        node.stop()
        node.bridge = HERE / "strict_bridge.py"
    network.start()
    try:
        # Nobody will find it in a block: it is not one of those that are looked for.
        forbidden = network.transfer(network.nodes[0], ACCOUNTS[5], Address(FORBIDDEN))
        network.nodes[0].rpc("eth_sendRawTransaction", forbidden)
        alarmed = until(lambda: any("empty-proposal" in n.health()["bridge"]["alarms"] for n in network.nodes), 60)
        assert alarmed
        network.grow(6)
        assert int(network.nodes[0].rpc("eth_getBalance", checksum(Address(FORBIDDEN)), "latest"), 16) == 0
    finally:
        for node in network.nodes:
            node.stop()
            node.bridge = None
    network.start()
    network.grow(2)
    network.check_same()


def test_a_node_that_lost_its_execution_data_executes_the_chain_again(network: LocalNetwork) -> None:
    """CometBFT still has every block: geth begins at block zero and is given all of them."""
    victim = network.nodes[1]
    sent = network.send(network.nodes[0], 6)
    assert network.mined(network.nodes[0], sent)
    victim.stop()
    shutil.rmtree(victim.home.execution / "geth")
    network.start([victim])
    network.grow(2, network.nodes)
    assert network.mined(victim, sent)
    network.check_same()


@pytest.mark.long
def test_a_node_killed_while_it_catches_up_goes_on_from_there(network: LocalNetwork) -> None:
    """Its engine's head is some blocks below what was executed then: these are known, and given again."""
    chance = random.Random(7)
    victim, others = network.nodes[1], [network.nodes[0], *network.nodes[2:]]
    sent = network.send(network.nodes[0], 5)
    network.grow(60, within=600)
    victim.stop()
    shutil.rmtree(victim.home.execution / "geth")
    for _ in range(6):
        victim.start()
        assert until(lambda: victim.height() > 0, 120), "it executes nothing"
        until(lambda: False, 1.5 * chance.random())
        victim.kill_all()
    network.grow(2, others)
    network.start([victim])
    network.grow(2, network.nodes)
    assert network.mined(victim, sent)
    network.check_same()


@pytest.mark.long
def test_a_node_whose_execution_data_are_damaged_does_not_fork(network: LocalNetwork) -> None:
    """Other bytes in geth's files: it either repairs itself or stays away, and what it says is never another chain."""
    victim, others = network.nodes[1], [network.nodes[0], *network.nodes[2:]]
    victim.stop()
    data = victim.home.execution / "geth" / "chaindata"
    damaged = [max(data.glob("*.log")), *sorted(data.glob("*.sst"), key=lambda file: file.stat().st_size)[-1:]]
    for path in damaged:
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(size // 2)
            file.write(secrets.token_bytes(min(4096, size // 2)))
    victim.start()
    for _ in range(5):
        network.grow(2, others)
        with contextlib.suppress(httpx.HTTPError, RuntimeError, KeyError, TypeError):  # it does not answer, or not this
            top = victim.height()
            said = victim.hash_at(top)
            network.wait_height(top, others)
            assert said == others[0].hash_at(top), "another chain"
    victim.stop()
    shutil.rmtree(victim.home.execution / "geth")
    network.start([victim])
    network.grow(2, network.nodes)
    network.check_same()


@pytest.mark.long
def test_two_hundred_kills_under_load(network: LocalNetwork) -> None:
    """Any one process, the supervisor too, or any whole node, at any moment, while somebody sends all the time.

    After each the four have the same blocks and the receipt of everything that was acknowledged: what is new is
    compared then, and all of it at the end.
    """
    chance = random.Random(5)
    began = time.monotonic()
    with Load(network, ACCOUNTS[0]) as load:
        compared = Compared(network, load, network.nodes[0].height())
        for number in range(KILLS):
            victim = chance.choice(network.nodes)
            others = [node for node in network.nodes if node is not victim]
            until(lambda: False, chance.random())
            before = len(load.acknowledged)
            killed = chance.choice((*PARTS, "supervisor", "node"))
            if killed in PARTS:
                victim.kill(killed)
                network.grow(1, others)
            else:
                victim.kill_all() if killed == "node" else victim.kill_supervisor()
                victim.start()
                network.grow(1, others)
                victim.wait_ready()
            network.grow(1, network.nodes)
            load.check()
            assert until(lambda before=before: len(load.acknowledged) > before, 60), "it was not under load"  # type: ignore[misc]
            compared.go_on(f"kill {number}: {killed} of {victim.settings.organisation}")
    seconds = time.monotonic() - began
    assert load.moves, "no kill was one of the gateway in use"
    assert len(load.acknowledged) > LEAST_RATE * seconds
    network.acknowledged += [each.hash for each in load.acknowledged]
    network.check_same()


class Compared:
    """The four nodes, as far as all of them have come; each time what is new since the last."""

    def __init__(self, network: LocalNetwork, load: Load, height: int) -> None:
        self._network = network
        self._load = load
        self._height = height
        self._seen = 0
        self._waiting: list[Acknowledged] = []
        """Acknowledged in a block not all have yet."""

    def go_on(self, after: str) -> None:
        """The same hash at every height, and every acknowledged receipt in the block it was acknowledged for."""
        nodes = self._network.nodes
        top = min(node.height() for node in nodes)
        chains = [node.hashes(self._height, top) for node in nodes]
        for height, hashes in enumerate(zip(*chains, strict=True), self._height):
            assert len(set(hashes)) == 1, f"{after}: a fork at {height}: {hashes}"
        new = self._load.acknowledged[self._seen :]
        self._seen += len(new)
        everything = [*self._waiting, *new]
        final = [each for each in everything if each.height <= top]
        self._waiting = [each for each in everything if each.height > top]
        for node in nodes:
            receipts = node.receipts([each.hash for each in final])
            for each, receipt in zip(final, receipts, strict=True):
                assert receipt is not None, f"{after}: {node.settings.organisation} lost {each}"
                assert (receipt["blockHash"], receipt["status"]) == (each.block_hash, "0x1"), after
        self._height = top
