# SPDX-License-Identifier: Apache-2.0
"""An operator's days with real nodes: keys restored elsewhere, keys copied, a snapshot given, engines changed."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import next_release
import orjson
import pytest

from local_network import LocalNetwork, LocalNode, signer_program, until
from maillon.kit.keys import write_private
from maillon.network import backup, snapshot
from maillon.network.configuration import NodeHome
from maillon.network.consortium import free_ports
from maillon.network.doctor import WRONG, diagnose, examine
from maillon.network.engines import COMETBFT, GETH
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


def test_a_remote_signer_votes_and_the_node_has_no_key(network: LocalNetwork) -> None:
    """docs/operating/remote-signer.md, step by step, with the signer that comes with CometBFT."""
    node, others = network.nodes[3], network.nodes[:3]
    program, folder = signer_program(network.engines), network.folder / "signer"
    folder.mkdir()
    node.stop()
    whole, signed_here = node.identity.validator_file.read_bytes(), last_signature(node)
    state = folder / "state.json"
    write_private(folder / "key.json", whole)
    shutil.copy(node.home.last_signature_file, state)
    public = orjson.loads(whole)
    del public["priv_key"]
    write_private(node.identity.validator_file, orjson.dumps(public))
    ordinary, socket = node.settings, folder / "signer.sock"
    node.home.lay_out(dataclasses.replace(ordinary, remote_signer=f"unix://{socket}"))
    options = {"addr": f"unix://{socket}", "chain-id": network.consensus_chain_id, "priv-key": folder / "key.json"}
    command = [str(program), *(f"-{name}={value}" for name, value in options.items()), f"-priv-state={state}"]
    with signing(command, folder / "signer.log"):
        network.start([node])
        assert until(lambda: node.address in others[0].signers(), 240), "it does not vote"
        assert node.health()["bridge"]["alarms"] == {}
    # The signer is gone: the validator is silent, and waits with every vote for it. The network goes on.
    network.grow(4, others)
    assert until(lambda: node.address not in others[0].signers(), 240), "who signs?"
    silent_at = LastSignature.read(state).height
    with signing(command, folder / "signer.log"):
        assert until(lambda: node.address in others[0].signers(), 240), "it does not vote again"
        assert LastSignature.read(state).height > silent_at > signed_here.height
        assert last_signature(node) == signed_here, "the node signed by itself"
        node.stop()
    # The key comes home, and what was signed last with it.
    write_private(node.identity.validator_file, whole)
    shutil.copy(state, node.home.last_signature_file)
    node.home.lay_out(ordinary)
    network.start([node])
    network.grow(2)
    network.check_same()


@contextlib.contextmanager
def signing(command: Sequence[str], log: Path) -> Iterator[None]:
    """A signer that runs meanwhile; it gives up a second after it lost its node, and is started again then."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.is_set():
            with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
                until(lambda: ended.is_set() or "Max retries exceeded" in log.read_text(), float("inf"))
                process.kill()

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def test_a_clone_started_beside_a_validator_stands_still(network: LocalNetwork) -> None:
    """Nobody lets it in while the original is there; let in, it notices within a block and votes nowhere further on.

    Alone it may vote again at the height it was cloned at: nobody hears it, and the network is far above that.
    """
    original, others = network.nodes[3], network.nodes[:3]
    first = original.height()
    original.stop()
    home = NodeHome(network.folder / "clone" / "node")
    shutil.copytree(original.home.path, home.path, ignore=shutil.ignore_patterns("*.sock", "*.ipc"))
    ports = original.settings.ports()
    moved = dict(zip(ports, free_ports(len(ports)), strict=True))
    home.lay_out(dataclasses.replace(original.settings, **moved))
    network.start([original])
    network.grow(3)
    clone = LocalNode(home, network.engines)
    forgotten = LastSignature.read(home.last_signature_file)
    clone.start()
    try:
        clone.wait_ready()
        network.grow(5)
        # As long as the original is there its peers refuse another with its name.
        assert last_signature(original).height > forgotten.height
        original.stop()
        assert until(lambda: "key-used-twice" in clone.alarms(), 300), "nobody notices"
        network.grow(3, others)
        since = range(forgotten.height + 1, others[0].height())
        voted = next(height for height in since if original.address in signers(others[0], height))
        assert LastSignature.read(home.last_signature_file).height <= voted + 2, "it voted its way up"
    finally:
        clone.stop()
        clone.client.close()
    network.start([original])
    network.grow(2)
    for height in range(first, network.nodes[0].height()):
        block = others[0].ask_consensus(f"block?height={height}")["block"]
        assert not block["evidence"]["evidence"], f"two votes for one height, known at {height}"
    network.check_same()


def test_a_rolling_upgrade_mixes_two_versions_of_the_engines(network: LocalNetwork) -> None:
    """docs/operating/upgrading.md, step by step: one node after the other gets the engines of a release to come.

    Under load, with one to three of four nodes upgraded; the last goes back to the old version and up again. An older
    geth does not read what a newer one froze: to go back a node executes its own blocks again.
    """
    folder = next_release.install(network.engines / "tests" / "next")
    before, already = network.nodes[0].height(), len(network.acknowledged)
    steps = [(node, True) for node in network.nodes] + [(network.nodes[3], False), (network.nodes[3], True)]
    for node, upgraded in steps:
        others = [each for each in network.nodes if each is not node]
        assert until(lambda others=others: not others[0].health()["silent"], 240), "somebody is silent: stop here"  # type: ignore[misc]
        node.stop()
        for key in (1, 2, 3):
            network.send(others[key % 3], key)
        network.grow(2, others)
        if not upgraded:
            shutil.rmtree(node.home.execution / "geth")
        node.program = Path(next_release.__file__) if upgraded else LocalNode.program
        node.engines = folder if upgraded else network.engines
        network.start([node])
        network.send(node, 4)
        network.grow(2, network.nodes)
        geth, cometbft = (next_release.NEXT_GETH, next_release.NEXT_COMETBFT) if upgraded else (GETH, COMETBFT)
        assert f"/v{geth.version}-" in node.rpc("web3_clientVersion")
        assert node.ask_consensus("status")["node_info"]["version"] == cometbft.version
        assert until(lambda node=node: node.address in node.signers(), 240), "it does not vote"  # type: ignore[misc]
    assert len(network.acknowledged) - already == 4 * len(steps)
    assert network.nodes[0].height() > before
    network.check_same()
