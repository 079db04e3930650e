# SPDX-License-Identifier: Apache-2.0
"""An organisation joins a network that votes govern, brings a node and a validator, has its credits, and leaves."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self

import pytest

from local_network import LocalNetwork, LocalNode, governed, until
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network, NodeAdded, ValidatorChanged
from maillon.ledger.founding import GWEI, SCOPES
from maillon.ledger.genesis import CREDITS as CREDITS_CONTRACT
from maillon.ledger.genesis import MEMBERS, NETWORK
from maillon.ledger.port import Address
from maillon.ledger.signing import checksum
from maillon.network import abci, application
from maillon.network.bridge import PEER_PATH
from maillon.network.execution import Socket
from maillon.network.registration import Registered
from running_platform import maillon

NEWCOMER: Final = 5
"""Its number: the founders are 1 to 4."""
PERIOD: Final = 5
members, contract = Members(MEMBERS), Network(NETWORK)


@pytest.fixture(scope="module")
def network(engine_programs: Path) -> Iterator[LocalNetwork]:
    """Four validators, and a fifth node that is not started yet."""
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engine_programs, others=1, founding=governed) as made,
    ):
        made.start()
        yield made


def connected(node: LocalNode, other: LocalNode) -> bool:
    """Whether it is, or cannot be told while the node's own CometBFT starts again."""
    consensus = node.health()["consensus"]
    return consensus is None or other.identity.consensus_id.hex() in consensus["peers"]


class Following:
    """Notes the block at which each founder was first seen to have followed the list: its CometBFT's filter and geth.

    A context: it looks while the body runs, and goes on until all have followed.
    """

    def __init__(self, founders: Sequence[LocalNode], of: LocalNode, *, permitted: bool) -> None:
        self.seen: dict[tuple[str, str], int] = {}
        self._founders = founders
        self._of = of
        self._permitted = permitted
        self._executor = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._looking = self._executor.submit(until, self._all, 600)
        return self

    def __exit__(self, *_error: object) -> None:
        self._looking.result()
        self._executor.shutdown()

    def within_two_blocks_of(self, executed: int) -> None:
        assert len(self.seen) == 2 * len(self._founders), f"not everyone followed: {self.seen}"
        late = {each: height - executed for each, height in self.seen.items() if not 0 <= height - executed <= 2}
        assert not late, f"blocks after block {executed}: {late}"

    def _all(self) -> bool:
        for node in self._founders:
            for name, followed in (("filter", self._filter_followed), ("geth", self._geth_followed)):
                # The height is asked for afterwards: what is noted is never too early.
                if (node.settings.organisation, name) not in self.seen and followed(node):
                    self.seen[node.settings.organisation, name] = node.height()
        return len(self.seen) == 2 * len(self._founders)

    def _filter_followed(self, node: LocalNode) -> bool:
        query = abci.QueryRequest(path=PEER_PATH + self._of.identity.consensus_id.hex())
        answer = asyncio.run(application.ask(node.home.bridge_socket, abci.Request(query=query)))
        return (answer.query.code == 0) is self._permitted

    def _geth_followed(self, node: LocalNode) -> bool:
        """A peer that is permitted connects when its own geth tries again; one that is removed is dropped at once."""
        key = self._of.identity.execution_key.hex()
        if self._permitted:
            entries = [json.loads(line) for line in node.log.read_text().splitlines() if key in line]
            return any(entry["event"] == "peer permitted" for entry in entries)

        async def peers() -> Any:
            socket = Socket(node.home.execution_socket)
            try:
                return await socket.call("admin_peers")
            finally:
                await socket.close()

        return not any(key in peer["enode"] for peer in asyncio.run(peers()))


def newest(network: LocalNetwork, *topics: bytes | None) -> int:
    """The block of the newest such event of the contract Network."""
    asked = {
        "fromBlock": "0x1",
        "address": checksum(NETWORK),
        "topics": [None if topic is None else "0x" + topic.hex() for topic in topics],
    }
    return int(network.nodes[0].rpc("eth_getLogs", asked)[-1]["blockNumber"], 16)


def registered(network: LocalNetwork, node: LocalNode, *arguments: str) -> Registered:
    """What the operator's command says, through a founder's gateway."""
    done = maillon(
        "node",
        "register",
        "--through",
        network.nodes[1].url,
        "--home",
        str(node.home.path.parent),
        "--json",
        *arguments,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Registered(**json.loads(done.stdout))


def apply(network: LocalNetwork, newcomer: LocalNode) -> None:
    """A founder presents the newcomer, whose account has signed that it will belong to it."""
    operator = newcomer.identity.account
    scheme, identifier = b"card".ljust(32, b"\0"), str(NEWCOMER)
    key = network.ask(members.identifier_hash(scheme, identifier))
    parity, r, s = operator.sign_hash(network.ask(members.consent_digest(key, operator.address)))
    consent = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity])
    application = (scheme, identifier, newcomer.settings.organisation, 5, b"FR", "")
    network.do(members.apply(application, operator.address, bytes(32), consent), network.nodes[0].identity.account)
    assert network.ask(members.organisation_by_identifier(key)) == NEWCOMER


def test_a_node_gets_nothing_until_its_organisation_is_admitted_and_then_everything(network: LocalNetwork) -> None:
    newcomer, founders = network.nodes[4], network.nodes[:4]
    operator = newcomer.identity.account
    pids = [node.pids() for node in founders]
    newcomer.start()
    try:
        newcomer.wait_ready()
        apply(network, newcomer)
        early = maillon("node", "register", "--through", network.nodes[1].url, "--home", str(newcomer.home.path.parent))
        assert (early.returncode, "operates for no active member" in early.stderr) == (1, True), early.stderr
        network.decide(members.admit(NEWCOMER, 1, 0))
        # By the founders' account: who is refused may believe in its connection for a moment.
        assert not any(connected(node, newcomer) for node in founders)
        assert newcomer.health()["execution"]["peers"] == 0
        assert newcomer.height() == 0

        # Its first credits come with the next period, to the account it applied with.
        def credits_of() -> int:
            return int(network.nodes[0].rpc("eth_getBalance", checksum(operator.address), "latest"), 16)

        assert until(credits_of, 120), "a new member cannot pay for its first step"
        network.do(members.set_scopes(operator.address, SCOPES["admin"] | SCOPES["operate"], bytes(32)), operator)
        with Following(founders, newcomer, permitted=True) as following:
            assert registered(network, newcomer) == Registered(NEWCOMER, 0, 0)
        following.within_two_blocks_of(newest(network, NodeAdded.TOPIC))
        network.wait_height(founders[0].height(), [newcomer])
        assert until(lambda: newcomer.health()["execution"]["peers"] == 4, 120)
    except BaseException:
        newcomer.stop()
        raise
    for node, before in zip(founders, pids, strict=True):
        assert node.pids() == before, f"it had to start again:\n{node.ends()}"
    network.check_same(network.nodes)
    # Validators look through the headers, a full node has an index: the answers are the same.
    asked = {"fromBlock": "0x1", "toBlock": hex(newcomer.height() - 1), "address": checksum(MEMBERS)}
    found = [node.rpc("eth_getLogs", asked) for node in (*founders, newcomer)]
    assert len(found[0]) >= 3, "its application, its admission, its account"
    assert all(each == found[0] for each in found)


def test_credits_come_with_the_period(network: LocalNetwork) -> None:
    """To the member that came by a vote as to the founders, in the blocks that begin a period and in no others."""
    node, account = network.nodes[2], network.nodes[4].identity.account.address
    granted = network.ask(Credits(CREDITS_CONTRACT).scaled_allowances())[1]
    first = node.height()
    network.wait_height(first + PERIOD)
    blocks = [node.rpc("eth_getBlockByNumber", hex(height), False) for height in range(1, node.height() + 1)]
    assert {int(block["number"], 16) for block in blocks if block["withdrawals"]} == set(
        range(PERIOD, len(blocks) + 1, PERIOD)
    )
    newest = [block for block in blocks if block["withdrawals"]][-1]
    paid = {grant["address"]: int(grant["amount"], 16) for grant in newest["withdrawals"]}
    assert len(paid) == 5
    assert paid["0x" + account.hex()] == granted
    height = int(newest["number"], 16)
    before, after = (balance(node, account, at) for at in (height - 1, height))
    assert after - before == granted * GWEI


def test_a_validator_joins_and_signs(network: LocalNetwork) -> None:
    newcomer, founders = network.nodes[4], network.nodes[:4]
    assert registered(network, newcomer, "--validator") == Registered(NEWCOMER, 1, 1)
    assert registered(network, newcomer, "--validator") == Registered(NEWCOMER, 1, 1), "what is there stays"
    assert until(lambda: newcomer.address in founders[0].signers(), 240)
    network.check_same(network.nodes)
    named = {each["organisation"]: (each["address"], each["power"]) for each in founders[0].health()["validators"]}
    assert named[newcomer.settings.organisation] == (newcomer.address, 1)
    assert len(named) == 5


def test_a_silent_validator_is_named_set_aside_by_a_vote_and_comes_back(network: LocalNetwork) -> None:
    """Four remain, and none of them waits for it any more."""
    newcomer, founders = network.nodes[4], network.nodes[:4]
    key = newcomer.identity.validator_key
    newcomer.stop()
    assert until(lambda: founders[0].health()["silent"] == [newcomer.settings.organisation], 240)
    network.decide(contract.set_power(key, 0))
    assert until(lambda: newcomer.address not in founders[0].voters(), 600), "it was not set aside"
    network.grow(2, founders)
    assert until(lambda: founders[0].health()["silent"] == [], 120)
    newcomer.start()
    newcomer.wait_ready()
    network.decide(contract.set_power(key, 1))
    assert until(lambda: newcomer.address in founders[0].signers(), 600)
    network.check_same(network.nodes)


def test_an_organisation_departs_and_is_dropped_everywhere(network: LocalNetwork) -> None:
    """Its node at once; its validator too, or in the next epoch when its joining used what may move in this one.

    Nobody here calls `advance` then: a founder's node does. Every founder's CometBFT starts again once, in turn, to be
    rid of the connection, and the chain goes on.
    """
    newcomer, founders = network.nodes[4], network.nodes[:4]
    key = newcomer.identity.validator_key
    assert until(lambda: newcomer.health()["execution"]["peers"] == 4, 120)
    with Following(founders, newcomer, permitted=False) as following:
        departed = network.do(members.leave(), newcomer.identity.account).height
    assert newcomer.identity.execution_key not in {node.execution_key for node in network.ask(contract.nodes())}
    seat = network.ask(contract.seat_of(key), departed)
    assert (seat.target, seat.retired) == (0, True)
    assert network.ask(contract.queue(), departed) == ((key,) if seat.power else ())
    # A validator is let in as long as it has power, whatever the list says.
    following.within_two_blocks_of(newest(network, ValidatorChanged.TOPIC, key) if seat.power else departed)
    assert until(lambda: not any(connected(node, newcomer) for node in founders), 480)
    assert until(lambda: newcomer.health()["execution"]["peers"] == 0, 240)
    assert until(lambda: newcomer.address not in founders[0].voters(), 600), "the queue was not moved"
    assert network.ask(contract.queue()) == ()
    standing = newcomer.height()
    network.grow(3, founders)
    assert newcomer.height() == standing
    newcomer.stop()
    network.check_same(founders)


def balance(node: LocalNode, of: Address, at: int) -> int:
    return int(node.rpc("eth_getBalance", checksum(of), hex(at)), 16)
