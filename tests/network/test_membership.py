# SPDX-License-Identifier: Apache-2.0
"""The contracts decide on a real network: validators, nodes, credits and the floor tip; and no contract stops it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_network import LocalNetwork, LocalNode, Registry, until
from maillon.evidence.consensus import SignedHeader, Validator, ValidatorSet
from maillon.evidence.document import Fields
from maillon.evidence.light import LightBlock, Trusted, verify_chain
from maillon.ledger.genesis import ANCHORS
from maillon.ledger.node import NodeLedger
from maillon.ledger.port import Address, Height, StateProof
from maillon.ledger.signing import Account, DynamicFeeTransaction, checksum
from maillon.network.rules import GWEI, address_of_key

THERE = Address(b"\x79" * 20)


# With --faults: not yet watched over the contracts of the founding file, which these tests replace.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def network(engine_programs: Path) -> Iterator[LocalNetwork]:
    """Four validators, and a fifth node that is not started yet."""
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engine_programs, others=1) as made,
    ):
        made.start()
        yield made


@pytest.fixture(scope="module")
def registry(network: LocalNetwork) -> Registry:
    """The contract Network, in force: the four validators, and their nodes."""
    made = network.deploy_registry("Network")
    made.set_validators(entries(network.nodes[:4]))
    made.set_nodes(network.nodes[:4])
    network.point("Network", made.address)
    assert until(lambda: "registry-unusable" not in alarms(network.nodes[0]), 30)
    return made


def entries(nodes: list[LocalNode], power: int = 1) -> list[tuple[bytes, int, int]]:
    return [(node.identity.validator_key, power, number) for number, node in enumerate(nodes, 1)]


def alarms(node: LocalNode) -> dict[str, str]:
    found: dict[str, str] = node.health()["bridge"]["alarms"]
    return found


def voters(node: LocalNode) -> dict[str, int]:
    """Address → power of those who are to sign the newest height."""
    found = node.ask_consensus("validators?per_page=100")["validators"]
    return {entry["address"].lower(): int(entry["voting_power"]) for entry in found}


def address(node: LocalNode) -> str:
    return address_of_key(node.identity.validator_key).hex()


def connected(node: LocalNode, other: LocalNode) -> bool:
    """Whether it is, or cannot be told while the node's own CometBFT starts again."""
    consensus = node.health()["consensus"]
    return consensus is None or other.identity.consensus_id.hex() in consensus["peers"]


def signs(network: LocalNetwork, node: LocalNode) -> bool:
    """Whether the newest commit carries a signature of this node's validator."""
    signatures = network.nodes[0].ask_consensus("commit")["signed_header"]["commit"]["signatures"]
    return any(vote["validator_address"].lower() == address(node) and vote["signature"] for vote in signatures)


def test_a_node_that_is_not_listed_gets_nothing_and_a_listed_one_everything(
    network: LocalNetwork, registry: Registry
) -> None:
    newcomer, founders = network.nodes[4], network.nodes[:4]
    pids = [node.pids() for node in founders]
    newcomer.start()
    try:
        newcomer.wait_ready()
        network.grow(5, founders)
        # By the founders' account: who is refused may believe in its connection for a moment.
        assert not any(connected(node, newcomer) for node in founders)
        assert newcomer.health()["execution"]["peers"] == 0
        assert newcomer.height() == 0
        registry.set_nodes(network.nodes)
        network.wait_height(founders[0].height(), [newcomer])
        assert until(lambda: newcomer.health()["execution"]["peers"] == 4, 60)
    except BaseException:
        newcomer.stop()
        raise
    assert [node.pids() for node in founders] == pids, "somebody had to restart"
    network.check_same(network.nodes)


def test_a_validator_joins_signs_and_leaves(network: LocalNetwork, registry: Registry) -> None:
    newcomer = network.nodes[4]
    registry.set_validators(entries(network.nodes))
    assert until(lambda: signs(network, newcomer), 60)
    registry.set_validators(entries(network.nodes[:4]))
    assert until(lambda: address(newcomer) not in voters(network.nodes[0]), 60)
    network.grow(3, network.nodes)
    network.check_same(network.nodes)


def test_a_removed_node_is_dropped_everywhere(network: LocalNetwork, registry: Registry) -> None:
    newcomer, founders = network.nodes[4], network.nodes[:4]
    registry.set_nodes(founders)
    assert until(lambda: not any(connected(node, newcomer) for node in founders), 120)
    assert until(lambda: newcomer.health()["execution"]["peers"] == 0, 60)
    standing = newcomer.height()
    network.grow(5, founders)
    assert newcomer.height() == standing
    newcomer.stop()
    network.check_same(founders)


@pytest.mark.parametrize("mode", [1, 2, 3], ids=["reverts", "ends-otherwise", "empty"])
def test_no_contract_stops_the_chain(network: LocalNetwork, registry: Registry, mode: int) -> None:
    before = voters(network.nodes[0])
    registry.call("set_mode(uint256)", mode)
    assert until(lambda: "registry-unusable" in alarms(network.nodes[1]), 30)
    network.grow(3)
    network.nodes[3].kill_all()
    network.start([network.nodes[3]])
    network.grow(2)
    assert voters(network.nodes[3]) == before
    registry.call("set_mode(uint256)", 0)
    assert until(lambda: "registry-unusable" not in alarms(network.nodes[1]), 30)
    network.check_same()


def test_a_receipts_proof_holds_across_ten_changes(network: LocalNetwork, registry: Registry) -> None:
    """From the validators of height 1, which a verifier pins, through every change, to the newest signatures."""
    early = prove(network)
    for power in range(2, 12):
        registry.set_validators(entries(network.nodes[:4], power))
    assert until(lambda: set(voters(network.nodes[0]).values()) == {11}, 60)
    network.grow(2)
    late = prove(network)
    powers = [{entry["voting_power"] for entry in proof.validators} for proof in (early, late)]
    assert powers == [{"1"}, {"11"}]
    for proof in (early, late):
        check(network, proof)


def prove(network: LocalNetwork) -> StateProof:
    async def work() -> StateProof:
        ledger = await NodeLedger.connect(network.nodes[0].url)
        try:
            return await ledger.prove(ANCHORS, [0], Height(await ledger.head()))
        finally:
            await ledger.close()

    return asyncio.run(work())


def check(network: LocalNetwork, proof: StateProof) -> None:
    first = ValidatorSet.of([Validator(each.key, each.power) for each in genesis_validators(network)])
    final = LightBlock(
        SignedHeader.from_json(Fields(proof.consensus, "consensus")),
        ValidatorSet(tuple(Validator.from_json(Fields(each, "a validator")) for each in proof.validators)),
    )
    updates = [LightBlock.from_json(Fields(each, "an update")) for each in proof.updates]
    verify_chain(Trusted(1, first), updates, final, network.consensus_chain_id)
    assert final.signed.header.app_hash.hex() == network.nodes[1].hash_at(int(proof.height))[2:]


def genesis_validators(network: LocalNetwork) -> Any:
    return network.nodes[0].home.network().genesis.validators


def test_credits_come_with_the_period_and_the_floor_tip_is_law(network: LocalNetwork) -> None:
    treasury = network.deploy_registry("Credits")
    poor = Account.random()
    treasury.call("set_grants((address,uint256)[])", [(checksum(poor.address), 10**9)])
    network.point("Credits", treasury.address)
    node = network.nodes[2]
    assert until(lambda: balance(node, poor.address) >= 10**18, 60)
    blocks = [node.rpc("eth_getBlockByNumber", hex(height), False) for height in range(1, node.height() + 1)]
    paid = [int(block["number"], 16) for block in blocks if block["withdrawals"]]
    assert paid
    assert all(number % 5 == 0 for number in paid)
    # What came by itself is spent by an ordinary transaction.
    transfer = DynamicFeeTransaction(network.chain_id, 0, GWEI, 100 * GWEI, 21_000, THERE, 1, b"").sign(poor)
    sent = node.rpc("eth_sendRawTransaction", "0x" + transfer.raw.hex())
    assert until(lambda: node.rpc("eth_getTransactionReceipt", sent), 60)
    # The floor rises: the same tip is refused by every pool, and empty proposals are not the price.
    treasury.call("set_floor_tip(uint256)", 3 * GWEI)
    cheap = DynamicFeeTransaction(network.chain_id, 1, GWEI, 100 * GWEI, 21_000, THERE, 1, b"").sign(poor)

    def refused() -> bool:
        try:
            node.rpc("eth_sendRawTransaction", "0x" + cheap.raw.hex())
        except RuntimeError as error:
            return "tip" in str(error) or "underpriced" in str(error)
        return False

    assert until(refused, 30)
    dear = DynamicFeeTransaction(network.chain_id, 1, 3 * GWEI, 100 * GWEI, 21_000, THERE, 1, b"").sign(poor)
    sent = node.rpc("eth_sendRawTransaction", "0x" + dear.raw.hex())
    assert until(lambda: node.rpc("eth_getTransactionReceipt", sent), 60)
    assert "empty-proposal" not in alarms(node)
    network.check_same()


def balance(node: LocalNode, of: Address) -> int:
    return int(node.rpc("eth_getBalance", checksum(of), "latest"), 16)
