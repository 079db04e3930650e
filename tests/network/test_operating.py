# SPDX-License-Identifier: Apache-2.0
"""An operator's days with real nodes: keys restored elsewhere, keys copied, a snapshot given, engines changed."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_network import LocalNetwork, LocalNode, until
from maillon.kit.keys import write_private
from maillon.network import backup, snapshot
from maillon.network.configuration import NodeHome
from maillon.network.doctor import WRONG, diagnose, examine
from maillon.network.rules import address_of_key
from maillon.network.signatures import LOOK_BACK, LastSignature
from maillon.network.supervisor import plan_of

pytestmark = pytest.mark.long
WORDS = "correct horse battery staple"


@pytest.fixture(scope="module")
def network(engine_programs: Path) -> Iterator[LocalNetwork]:
    """Four nodes for this module; each test leaves them sound."""
    with tempfile.TemporaryDirectory(prefix="maillon-") as folder, LocalNetwork(Path(folder), engine_programs) as made:
        made.start()
        made.grow(2)
        yield made


def last_signature(node: LocalNode) -> LastSignature:
    return LastSignature.read(node.home.last_signature_file)


def signers(node: LocalNode, height: int) -> set[str]:
    """Addresses whose votes the block of a height has."""
    signatures = node.ask_consensus(f"commit?height={height}")["signed_header"]["commit"]["signatures"]
    return {vote["validator_address"].lower() for vote in signatures if vote["block_id_flag"] == 2}


async def key_finding(node: LocalNode) -> tuple[str, str]:
    """What the doctor says of the validator key."""
    found = {finding.name: finding for finding in diagnose(await examine(node.home, node.engines))}
    return found["key"].state, found["key"].words


def test_a_restored_node_signs_again_and_never_what_it_signed(network: LocalNetwork) -> None:
    """The keys alone travel; the new directory finds out from the chain where it may begin."""
    lost, others = network.nodes[3], network.nodes[:3]
    file = network.folder / "keys.sealed"
    file.write_bytes(backup.write(lost.home, WORDS, datetime.datetime.now(datetime.UTC)))
    lost.stop()
    signed_last = last_signature(lost).height
    address = address_of_key(lost.identity.validator_key).hex()
    home = NodeHome(network.folder / "new" / "node")
    backup.restore(file, WORDS, home)
    assert not home.last_signature_file.exists()
    restored = LocalNode(home, network.engines)
    restored.start()
    try:
        restored.wait_ready()
        assert until(lambda: last_signature(restored).signature, 300), "it never signs again"
        # Where the key may begin was written once; nothing below was signed since.
        assert last_signature(restored).height > signed_last + LOOK_BACK
        assert until(lambda: address in signers(others[0], others[0].height() - 1), 120), "nobody hears it"
        silent = range(signed_last + 1, signed_last + LOOK_BACK)
        voted = [address in signers(others[0], height) for height in silent]
        assert not any(voted)
        network.check_same([*others, restored])
    finally:
        restored.stop()
        restored.client.close()
    shutil.rmtree(lost.home.path)
    shutil.move(home.path, lost.home.path)
    network.start([lost])
    network.grow(2)
    network.check_same()


async def test_a_validator_key_copied_to_a_second_node_is_not_used_there(network: LocalNetwork) -> None:
    """Two machines with one key: the second says so and signs nothing, and the first goes on."""
    first, second = network.nodes[2], network.nodes[3]
    second.stop()
    own = second.identity.validator_file.read_bytes()
    signed_last = last_signature(second)
    write_private(second.identity.validator_file, first.identity.validator_file.read_bytes())
    second.start()
    try:
        deadline = time.monotonic() + 180
        while (found := await key_finding(second))[0] != WRONG and time.monotonic() < deadline:
            pass
        assert found[0] == WRONG
        assert "used twice" in found[1]
        network.grow(5, network.nodes[:3])
        assert last_signature(second) == signed_last
        assert (await key_finding(first))[0] != WRONG
    finally:
        second.stop()
        write_private(second.identity.validator_file, own)
    network.start([second])
    network.grow(2)
    network.check_same()


def test_a_new_machine_joins_from_a_snapshot(network: LocalNetwork) -> None:
    """It follows and votes without executing what was before, and without stopping anyone but the giver."""
    giver, lost, others = network.nodes[1], network.nodes[3], [network.nodes[0], network.nodes[2]]
    lost.stop()
    giver.stop()
    file = network.folder / "chain.tar"
    made = snapshot.export(plan_of(giver.home, network.engines), file, lambda _: None)
    network.start([giver])
    network.grow(LOOK_BACK + 3, [giver, *others], within=240)
    sealed = network.folder / "lost.sealed"
    sealed.write_bytes(backup.write(lost.home, WORDS, datetime.datetime.now(datetime.UTC)))
    home = NodeHome(network.folder / "joining" / "node")
    backup.restore(sealed, WORDS, home)
    taken = snapshot.take(plan_of(home, network.engines), file, lambda _: None)
    assert taken["height"] == made["height"] > LOOK_BACK
    newcomer = LocalNode(home, network.engines)
    newcomer.start()
    try:
        newcomer.wait_ready()
        address = address_of_key(newcomer.identity.validator_key).hex()
        network.wait_height(giver.height(), [newcomer], within=240)
        assert until(lambda: address in signers(giver, giver.height() - 1), 240), "it does not vote"
        executed = newcomer.health()["bridge"]["counts"]["blocks"]
        assert executed <= newcomer.height() - made["height"] + 1
        network.check_same([giver, *others, newcomer])
    finally:
        newcomer.stop()
        newcomer.client.close()
    shutil.rmtree(lost.home.path)
    shutil.move(home.path, lost.home.path)
    network.start([lost])
    network.grow(2)
    network.check_same()


def test_a_rolling_change_of_engines_under_load_loses_nothing(network: LocalNetwork) -> None:
    """docs/operating/upgrading.md, step by step: one node after the other gets other program files, and nobody notices.

    The files are an operator's own, at another place; of the same versions, because a release pins one of each.
    """
    own = network.folder / "own-engines"
    own.mkdir()
    for name in ("geth", "cometbft"):
        shutil.copy(network.engines / name, own / name)
    before = network.nodes[0].height()
    already = len(network.acknowledged)
    for position, node in enumerate(network.nodes):
        others = [each for each in network.nodes if each is not node]
        assert until(lambda others=others: not others[0].health()["silent"], 120), "somebody is silent: stop here"  # type: ignore[misc]
        node.stop()
        settings = dataclasses.replace(node.settings, geth=str(own / "geth"), cometbft=str(own / "cometbft"))
        node.home.lay_out(settings)
        for key in (1, 2, 3):
            network.send(others[key % 3], key)
        network.grow(2, others)
        network.start([node])
        network.send(node, 4)
        network.grow(2, network.nodes)
        assert str(own / "geth") in Path(f"/proc/{node.pids()['execution']}/cmdline").read_text(), position
    assert len(network.acknowledged) - already == 4 * len(network.nodes)
    assert network.nodes[0].height() > before
    network.check_same()
