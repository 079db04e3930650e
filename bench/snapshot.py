# SPDX-License-Identifier: Apache-2.0
"""What an idle chain grows by, how fast a newcomer replays it, and how long a join by snapshot takes.

One validator makes empty blocks as fast as this machine lets it. After some thousands it goes on at its ordinary pace
while a second node of its organisation comes and replays them all, then in haste to the end. There the validator moves,
as an operator would move it: its chain is exported, taken by a node that never ran, which is started and goes on. The
join is from the taking to the first new block. With several validators each block keeps a signature more for each of
them: some hundred bytes.

    bench/snapshot.py [BLOCKS [REPLAYED]]
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from local_network import LocalNetwork, LocalNode, engines_folder, until
from maillon.ledger.contracts.network import Network
from maillon.ledger.genesis import NETWORK
from maillon.network import snapshot
from maillon.network.configuration import NodeHome
from maillon.network.gateway import Limits
from maillon.network.registration import NODE_KEY, digest_to_sign
from maillon.network.supervisor import plan_of
from network import size_of

BLOCKS_A_YEAR = 365 * 86_400
"""One a second, which is as fast as a chain goes that nobody hurries."""
SLOWEST = 2.0
"""Blocks a second below which something is wrong and nothing is waited for."""
GOES_ON_WITHIN = 600
MOST_BLOCKS = Limits().log_blocks


def grow(node: LocalNode, blocks: int) -> float:
    """Until there are so many blocks; how many a second."""
    began, first = time.monotonic(), node.height()
    reached = until(lambda: node.height() >= blocks, 60 + blocks / SLOWEST, pause=0.5)
    assert reached, f"{node.height()} blocks of {blocks}"
    return (node.height() - first) / (time.monotonic() - began)


def list_node(network: LocalNetwork, node: LocalNode) -> None:
    """Have the validator's organisation list another node of its own."""
    digest = digest_to_sign(NODE_KEY, network.chain_id, NETWORK, 1)
    call = Network(NETWORK).add_node(node.identity.execution_key, *node.identity.prove_node(digest))
    network.do(call, network.nodes[0].identity.account)


def replay(network: LocalNetwork) -> dict[str, float]:
    """A node without data gets every block from the validator and executes it."""
    source, newcomer = network.nodes
    began = time.monotonic()
    network.start([newcomer])
    reached = until(lambda: newcomer.height() >= source.height(), 60 + source.height() / SLOWEST, pause=0.05)
    seconds, blocks = time.monotonic() - began, newcomer.height()
    assert reached, f"{blocks} blocks of {source.height()}"
    newcomer.stop()
    return {
        "replay_blocks": blocks,
        "replay_seconds": round(seconds, 1),
        "replay_blocks_per_second": round(blocks / seconds, 1),
    }


def look_for_logs(node: LocalNode) -> dict[str, float]:
    """How long a validator, which keeps no index of logs, looks for one contract's in as many blocks as one may ask."""
    last = node.height()
    asked = {"address": "0x" + NETWORK.hex(), "fromBlock": hex(max(0, last - MOST_BLOCKS + 1)), "toBlock": hex(last)}
    began = time.monotonic()
    node.rpc("eth_getLogs", asked)
    return {"logs_blocks": min(last + 1, MOST_BLOCKS), "logs_seconds": round(time.monotonic() - began, 2)}


def move(network: LocalNetwork, source: LocalNode, folder: Path) -> dict[str, Any]:
    """Export the chain of a stopped node, and have another node take it and go on."""
    old = plan_of(source.home, network.engines)
    file = folder / "snapshot.tar"
    began = time.monotonic()
    manifest = snapshot.export(old, file, lambda _: None)
    exported = time.monotonic() - began
    home = NodeHome(folder / "moved" / "node")
    home.path.parent.mkdir()
    home.lay_out(source.settings)
    shutil.copytree(source.home.keys, home.keys, dirs_exist_ok=True)
    shutil.copy(source.home.network_file, home.network_file)
    began = time.monotonic()
    snapshot.take(plan_of(home, network.engines), file, lambda _: None)
    taken = time.monotonic() - began
    # What was signed last comes along: a validator alone has nobody who could tell it.
    shutil.copy(source.home.last_signature_file, home.last_signature_file)
    shutil.copytree(source.home.consensus / "data" / "cs.wal", home.consensus / "data" / "cs.wal")
    node = LocalNode(home, network.engines)
    try:
        node.start()
        node.wait_ready()
        assert until(lambda: node.height() > manifest["height"], GOES_ON_WITHIN, pause=0.05), "it does not go on"
        joined = time.monotonic() - began
    finally:
        node.stop()
        node.client.close()
    return {
        "snapshot_blocks": manifest["height"],
        "snapshot_mebibytes": round(file.stat().st_size / 2**20, 1),
        "export_seconds": round(exported, 1),
        "take_seconds": round(taken, 1),
        "join_by_snapshot_seconds": round(joined, 1),
    }


@contextlib.contextmanager
def hurried(network: LocalNetwork, node: LocalNode) -> Iterator[None]:
    """A validator that makes empty blocks as fast as it can, until it is stopped at the end."""
    # CometBFT reads its settings from the environment too: no pause after a block, no wait for others' votes.
    hurry = {"CMT_CONSENSUS_TIMEOUT_COMMIT": "0s", "CMT_CONSENSUS_SKIP_TIMEOUT_COMMIT": "true"}
    os.environ |= hurry
    node.bridge = Path(__file__).with_name("hurried_bridge.py")
    try:
        network.start([node])
        yield
    finally:
        node.stop()
        for variable in hurry:
            del os.environ[variable]
        node.bridge = None


def main(blocks: int = 100_000, replayed: int = 10_000) -> None:
    """Print the figures as one line of JSON."""
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as name,
        LocalNetwork(Path(name) / "network", engines_folder(), 1, others=1) as network,
    ):
        node, newcomer = network.nodes
        with hurried(network, node):
            list_node(network, newcomer)
            first, before = node.height(), size_of(node)
            rate = grow(node, min(replayed, blocks))
        network.start([node])
        figures = {"blocks_made_per_second": round(rate, 1), **replay(network)}
        node.stop()
        with hurried(network, node):
            grow(node, blocks)
            last = node.height()
            figures |= look_for_logs(node)
        growth = (size_of(node) - before) / (last - first)
        figures |= {
            "bytes_of_an_empty_block": round(growth),
            "idle_gigabytes_per_year": round(growth * BLOCKS_A_YEAR / 1e9, 1),
            **move(network, node, Path(name)),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
