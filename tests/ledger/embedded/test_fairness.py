# SPDX-License-Identifier: Apache-2.0
"""Nobody keeps the one sealer to himself: heavy, slow and busy accounts wait for the others, and are not starved."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from embedded_network import GWEI, LOOP, Network, accounts_of_tests, genesis_of_tests, key_of_tests

from maillon.kit.clock import FixedClock
from maillon.ledger.embedded import chain as chain_module
from maillon.ledger.embedded import execution
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.embedded.model import CallRequest
from maillon.ledger.embedded.pool import LIGHT_GAS
from maillon.ledger.embedded.transaction import TRANSACTION_GAS
from maillon.ledger.errors import GasLimitExceeded, Unavailable
from maillon.ledger.facade import Limits
from maillon.ledger.port import Address, TransactionHash

THERE = Address(b"\x77" * 20)
HEAVY = LIGHT_GAS + 1
PAIRING = Address((8).to_bytes(20, "big"))
BLAKE = Address((9).to_bytes(20, "big"))
FORTY_MILLION_ROUNDS = (4 * 10**7).to_bytes(4, "big") + bytes(64 + 128 + 16) + b"\1"


@pytest.fixture
def hurried(tmp_path: Path, clock: FixedClock) -> Network:
    """A network whose blocks are full with their first transaction, as under a flood."""
    genesis, key = genesis_of_tests(), key_of_tests()
    chain = Chain.open(tmp_path, genesis, key, clock, block_seconds=0)
    return Network(tmp_path, genesis, key, clock, accounts_of_tests(), chain)


def sealed(network: Network) -> tuple[TransactionHash, ...]:
    block = network.chain.seal()
    assert block is not None
    return block.transactions


def test_light_ones_go_first_and_one_heavy_one_with_them(hurried: Network) -> None:
    heavy = [hurried.send(0, THERE, gas=HEAVY) for _ in range(2)]
    light = [hurried.send(1, THERE) for _ in range(2)]
    assert sealed(hurried) == (light[0], heavy[0])
    assert sealed(hurried) == (light[1], heavy[1])
    hurried.chain.close()


def test_a_busy_account_waits_for_whoever_had_no_turn(hurried: Network) -> None:
    busy = [hurried.send(0, THERE) for _ in range(3)]
    others = [hurried.send(1, THERE), hurried.send(2, THERE)]
    assert [sealed(hurried) for _ in range(5)] == [(busy[0],), (others[0],), (others[1],), (busy[1],), (busy[2],)]
    hurried.chain.close()


def test_a_dearer_one_still_goes_before_its_equals(hurried: Network) -> None:
    first = hurried.send(0, THERE)
    dearer = hurried.send(1, THERE, tip=2 * GWEI)
    assert sealed(hurried) == (dearer,)
    assert sealed(hurried) == (first,)
    hurried.chain.close()


def test_no_transaction_has_more_gas_than_its_cap(network: Network) -> None:
    with pytest.raises(GasLimitExceeded, match="transaction gas limit too high"):
        network.send(to=THERE, gas=TRANSACTION_GAS + 1)
    network.send(to=THERE, gas=TRANSACTION_GAS)
    loop = network.deploy(LOOP)
    with pytest.raises(GasLimitExceeded, match=rf"gas required exceeds allowance \({TRANSACTION_GAS}\)"):
        network.chain.estimate_gas(CallRequest(loop), time_limit=600)


def test_what_takes_too_long_is_held_back_and_the_others_go_on(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = network.deploy(LOOP)
    monkeypatch.setattr(execution, "TRANSACTION_SECONDS", 0.0)
    slow = network.send(1, loop, gas=LIGHT_GAS)
    behind = network.send(1, THERE)
    good = network.send(2, THERE)
    assert sealed(network) == (good,)
    # Acknowledged as they are, they wait; the account is not tried again with each block.
    assert network.chain.transaction(slow) is not None
    assert network.chain.pending_count() == 2
    assert network.chain.seal() is None
    monkeypatch.setattr(execution, "TRANSACTION_SECONDS", 60.0)
    assert network.chain.seal() is None
    # The chain's clock alone: that of the process also drives the loops of other threads, which would wait for ever.
    monkeypatch.setattr(chain_module, "time", SimpleNamespace(monotonic=lambda: 10.0**9))
    assert sealed(network) == (slow, behind)


def test_its_sender_may_replace_it(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = network.deploy(LOOP)
    monkeypatch.setattr(execution, "TRANSACTION_SECONDS", 0.0)
    monkeypatch.setattr(chain_module, "SLOW_SENDER_SECONDS", 0.0)
    slow = network.send(1, loop, gas=LIGHT_GAS)
    assert network.chain.seal() is None
    waiting = network.chain.transaction(slow)
    assert waiting is not None
    nonce = waiting.transaction.nonce
    assert nonce == 0
    instead = network.send(1, THERE, nonce=nonce, tip=2 * GWEI, fee=200 * GWEI, gas=21_000)
    assert sealed(network) == (instead,)
    assert network.chain.transaction(slow) is None


@pytest.mark.parametrize(
    ("precompile", "long", "short"),
    [(PAIRING, bytes(192 * 500), bytes(192)), (BLAKE, FORTY_MILLION_ROUNDS, bytes(212) + b"\1")],
)
def test_a_precompile_that_would_outlast_the_time_is_not_begun(
    network: Network, precompile: Address, long: bytes, short: bytes
) -> None:
    """Its price was made for machine code; here it is Python that nothing could interrupt for minutes."""
    with pytest.raises(Unavailable, match="timeout"):
        network.chain.call(CallRequest(precompile, long))
    assert network.chain.call(CallRequest(precompile, short), time_limit=60).error is None


def test_the_platforms_own_calls_do_not_wait_for_outsiders(network: Network) -> None:
    """As many calls as the door lets in run to the end of their time; one more is answered all the same."""
    loop = network.deploy(LOOP)
    order: list[str] = []

    def outsider() -> None:
        with pytest.raises(Unavailable):
            network.chain.call(CallRequest(loop), time_limit=3)
        order.append("outsider")

    with ThreadPoolExecutor(Limits().executing) as outsiders:
        running = [outsiders.submit(outsider) for _ in range(Limits().executing)]
        assert network.chain.call(CallRequest(THERE)).error is None
        order.append("own")
        for each in running:
            each.result()
    assert order[0] == "own"
