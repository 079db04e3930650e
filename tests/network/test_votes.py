# SPDX-License-Identifier: Apache-2.0
"""What votes change on a real network: the least fee, and Network itself, whose absurdities stop nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from comet_light import header_by_light_client

from local_network import ACCOUNTS, CONSTITUTIONAL, LocalNetwork, LocalNode, Registry, governed, until
from maillon.evidence.consensus import SignedHeader, Validator, ValidatorSet
from maillon.evidence.document import Fields
from maillon.evidence.light import LightBlock, Trusted, verify_chain
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.founding import GWEI
from maillon.ledger.genesis import ANCHORS, CREDITS, DIRECTORY, name_word
from maillon.ledger.node import NodeLedger
from maillon.ledger.port import Height, StateProof
from running_platform import delegated, notarised, start, verified


@pytest.fixture(scope="module")
def network(engine_programs: Path) -> Iterator[LocalNetwork]:
    """Four validators of a network that votes govern."""
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engine_programs, founding=governed) as made,
    ):
        made.start()
        yield made


@pytest.fixture(scope="module")
def early(network: LocalNetwork) -> StateProof:
    """A proof from before the vote."""
    network.grow(2)
    return prove(network)


@dataclass(frozen=True)
class Receipted:
    """What somebody keeps: a file, its receipt, and the trust anchors of that day."""

    file: Path
    receipt: Path
    trust: Path


@pytest.fixture(scope="module")
def kept(network: LocalNetwork) -> Receipted:
    """Notarised on this network before any validator changed, by a platform on its first node."""
    return receipted(network, "before", delegate=True)


def receipted(network: LocalNetwork, name: str, *, delegate: bool = False) -> Receipted:
    """A file notarised by the one platform of this network, which runs for that long."""
    node, made = network.nodes[0], network.folder / name
    made.mkdir()
    file, trust = made / "minutes.txt", made / "trust.json"
    file.write_text(f"Le conseil approuve ({name}).")
    platform = start(network.folder / "platform", command=("up", "--port", "0", "--ledger", node.url))
    try:
        if delegate:
            delegated(platform, 1, node.url, node.home.path.parent)
        receipt = notarised(platform, file)
        shutil.copy(platform.home / "trust.json", trust)
        assert platform.stop() == 0, "".join(platform.errors)
    finally:
        platform.close()
    return Receipted(file, receipt, trust)


@pytest.fixture(scope="module")
def overtaken(network: LocalNetwork) -> str:
    """A transfer at the floor of the founding, which waits in one pool for the one before it."""
    node = network.nodes[2]
    sent = str(node.rpc("eth_sendRawTransaction", network.transfer(node, ACCOUNTS[2], ahead=1)))
    assert node.rpc("eth_getTransactionByHash", sent)["blockHash"] is None
    return sent


@pytest.fixture(scope="module")
def registry(network: LocalNetwork, early: StateProof, kept: Receipted, overtaken: str) -> Registry:
    """By one vote: a contract that says whatever it is told to, in the place of Network, and another floor tip."""
    del early, kept, overtaken
    made = network.deploy_registry("Network")
    made.set_validators(entries(network.nodes))
    made.set_nodes(network.nodes)
    network.decide(
        Directory(DIRECTORY).point(name_word("Network"), made.address),
        Credits(CREDITS).set_floor_tip(3 * GWEI),
        kind=CONSTITUTIONAL,
    )
    return made


def entries(nodes: Sequence[LocalNode], power: int = 1) -> list[tuple[bytes, int, int]]:
    return [(node.identity.validator_key, power, number) for number, node in enumerate(nodes, 1)]


def test_the_floor_tip_is_law(network: LocalNetwork, registry: Registry, overtaken: str) -> None:
    """The vote raised it: less is refused by every pool, what waited with less is dropped, and no proposal is empty."""
    del registry
    node, payer = network.nodes[2], ACCOUNTS[1]

    def offer(tip: int) -> str:
        return str(node.rpc("eth_sendRawTransaction", network.transfer(node, payer, tip=tip)))

    def refused() -> bool:
        try:
            offer(GWEI)
        except RuntimeError as error:
            return "tip" in str(error) or "underpriced" in str(error)
        return False

    assert until(refused, 60)
    assert node.rpc("eth_getTransactionByHash", overtaken) is None
    dear = offer(3 * GWEI)
    assert network.mined(node, dear)
    assert "empty-proposal" not in node.alarms()
    network.check_same()


@pytest.mark.parametrize("mode", [1, 2, 3], ids=["reverts", "ends-otherwise", "empty"])
def test_no_contract_stops_the_chain(network: LocalNetwork, registry: Registry, mode: int) -> None:
    before = network.nodes[0].voters()
    registry.call("set_mode(uint256)", mode)
    assert until(lambda: "registry-unusable" in network.nodes[1].alarms(), 60)
    network.grow(3)
    network.nodes[3].kill_all()
    network.start([network.nodes[3]])
    network.grow(2)
    assert network.nodes[3].voters() == before
    registry.call("set_mode(uint256)", 0)
    assert until(lambda: "registry-unusable" not in network.nodes[1].alarms(), 60)
    network.check_same()


def test_proofs_hold_across_ten_changes(
    network: LocalNetwork, early: StateProof, kept: Receipted, registry: Registry
) -> None:
    """From the validators of height 1, which a verifier pins, through every change, to the newest signatures.

    What was proved before the changes is proved after them; and CometBFT's own light client comes to the same headers.
    So are receipts: that of before, and, by the anchors kept with it, one made after the changes.
    """
    for power in range(2, 12):
        registry.set_validators(entries(network.nodes, power))
    assert until(lambda: set(network.nodes[0].voters().values()) == {11}, 120)
    network.grow(2)
    late = prove(network)
    powers = [{entry["voting_power"] for entry in proof.validators} for proof in (early, late)]
    assert powers == [{"1"}, {"11"}]
    for proof in (early, late):
        check(network, proof)
        theirs = header_by_light_client(network, int(proof.height) + 1)
        assert theirs == proof.consensus["header"]
    later = receipted(network, "after")
    signed = [json.loads(each.receipt.read_text())["anchor"]["validators"] for each in (kept, later)]
    assert [{entry["voting_power"] for entry in validators} for validators in signed] == [{"1"}, {"11"}]
    pinned = json.loads(kept.trust.read_text())["ledger"]
    assert (pinned["height"], {entry["voting_power"] for entry in pinned["validators"]}) == (1, {"1"})
    for each in (kept, later):
        verified(each.receipt, each.file, kept.trust)
    network.check_same()


def prove(network: LocalNetwork) -> StateProof:
    async def work() -> StateProof:
        ledger = await NodeLedger.connect(network.nodes[0].url)
        try:
            return await ledger.prove(ANCHORS, [0], Height(await ledger.head()))
        finally:
            await ledger.close()

    return asyncio.run(work())


def check(network: LocalNetwork, proof: StateProof) -> None:
    pinned = network.nodes[0].home.network().genesis.validators
    first = ValidatorSet.of([Validator(each.key, each.power) for each in pinned])
    final = LightBlock(
        SignedHeader.from_json(Fields(proof.consensus, "consensus")),
        ValidatorSet(tuple(Validator.from_json(Fields(each, "a validator")) for each in proof.validators)),
    )
    updates = [LightBlock.from_json(Fields(each, "an update")) for each in proof.updates]
    verify_chain(Trusted(1, first), updates, final, network.consensus_chain_id)
    assert final.signed.header.app_hash.hex() == network.nodes[1].hash_at(int(proof.height))[2:]
