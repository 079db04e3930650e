# SPDX-License-Identifier: Apache-2.0
"""CometBFT's own light client over a network of tests: the second verifier ours is held against."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import httpx

from local_network import LocalNetwork, until
from maillon.network.consortium import free_ports


def header_by_light_client(network: LocalNetwork, height: int) -> Any:
    """The header of a height as `cometbft light` verified it, started from nothing but the hash of block 1."""
    node, witness = network.nodes[0], network.nodes[1]
    first = node.ask_consensus("commit?height=1")["signed_header"]["commit"]["block_id"]["hash"]
    (port,) = free_ports(1)
    command = [
        str(network.engines / "cometbft"), "light", network.consensus_chain_id, "--primary", node.consensus,
        "--witnesses", witness.consensus, "--height", "1", "--hash", first,
        "--home-dir", str(network.folder / f"light-{height}"), "--laddr", f"tcp://127.0.0.1:{port}",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as light:
        try:

            def answer() -> Any:
                try:
                    return httpx.get(f"http://127.0.0.1:{port}/commit?height={height}", timeout=30).json().get("result")
                except (httpx.HTTPError, json.JSONDecodeError):
                    return None

            found = until(answer, 180)
        finally:
            light.terminate()
    assert found, "the light client verified nothing"
    return found["signed_header"]["header"]
