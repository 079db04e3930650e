# SPDX-License-Identifier: Apache-2.0
"""A validator behind a sentry, as docs/operating/sentries.md lays it out, with real nodes."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from local_network import LocalNetwork, LocalNode, until
from maillon.ledger.contracts.network import Network
from maillon.ledger.genesis import NETWORK
from maillon.network.consortium import free_ports
from maillon.network.registration import NODE_KEY, digest_to_sign

pytestmark = pytest.mark.long
OWNER = 1
"""The organisation of the validator and of its sentry."""


@pytest.fixture(scope="module")
def network(engine_programs: Path) -> Iterator[LocalNetwork]:
    """Four validators, and a fifth node that is to be the sentry of the first."""
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engine_programs, others=1) as made,
    ):
        made.start()
        made.grow(2)
        yield made


def peers(node: LocalNode) -> set[str]:
    """The consensus identities a node is connected to."""
    return {peer["node_info"]["id"] for peer in node.ask_consensus("net_info")["peers"]}


def proposers(node: LocalNode, first: int) -> set[str]:
    """Who proposed the blocks from this height on."""
    top = int(node.ask_consensus("status")["sync_info"]["latest_block_height"])
    headers = [node.ask_consensus(f"header?height={height}")["header"] for height in range(first, top + 1)]
    return {header["proposer_address"].lower() for header in headers}


def test_a_validator_behind_a_sentry_is_reached_by_it_alone(network: LocalNetwork) -> None:
    validator, sentry, others = network.nodes[0], network.nodes[4], network.nodes[1:4]
    digest = digest_to_sign(NODE_KEY, network.chain_id, NETWORK, OWNER)
    listing = Network(NETWORK).add_node(sentry.identity.execution_key, *sentry.identity.prove_node(digest))
    network.do(listing, validator.identity.account)
    network.start([sentry])
    validator.stop()
    # A private address: the ports of its card are nobody's.
    consensus, execution = free_ports(2)
    hidden = dataclasses.replace(validator.settings, consensus_port=consensus, execution_port=execution)
    validator.home.lay_out(hidden)
    validator.home.sentries_folder.mkdir()
    public = sentry.settings
    card = sentry.identity.card(public.organisation, public.host, public.consensus_port, public.execution_port)
    (validator.home.sentries_folder / "sentry.json").write_bytes(orjson.dumps(card.to_json()))
    network.start([validator])
    assert until(lambda: validator.address in others[0].signers(), 240), "its votes reach nobody"
    first = others[0].height()
    # A transaction given to it travels by the sentry, and its own proposals do.
    sent = network.send(validator, 1)
    assert network.mined(others[0], sent)
    assert until(lambda: validator.address in proposers(others[0], first), 240), "its proposals reach nobody"
    assert peers(validator) == {sentry.identity.consensus_id.hex()}
    assert int(validator.rpc("net_peerCount"), 16) == 1
    assert all(validator.identity.consensus_id.hex() not in peers(each) for each in others)
    # Without its only sentry it is silent, and the network goes on; with it, it votes again.
    sentry.kill_all()
    network.grow(4, others)
    assert until(lambda: validator.address not in others[0].signers(), 240), "by whom are its votes passed on?"
    network.start([sentry])
    assert until(lambda: validator.address in others[0].signers(), 240), "it is not heard again"
    network.grow(2, network.nodes)
    network.check_same(network.nodes)
