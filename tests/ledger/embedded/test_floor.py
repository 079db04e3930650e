# SPDX-License-Identifier: Apache-2.0
"""The floor tip follows the contract, as on a real network: in the pool, in blocks and in what is told to pay."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from embedded_network import GWEI, LOOP, REFUSE, Network, accounts_of_tests, deploying, genesis_of_tests, key_of_tests

from maillon.kit.clock import FixedClock
from maillon.ledger.abi import Call
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.embedded import chain as chain_module
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.embedded.engine import EmbeddedLedger
from maillon.ledger.embedded.execution import TooSlow
from maillon.ledger.embedded.model import Block
from maillon.ledger.errors import Unavailable, Underpriced
from maillon.ledger.facade import Facade
from maillon.ledger.fees import DEFAULT_FLOOR_TIP, MAXIMUM_FLOOR_TIP
from maillon.ledger.founding import sandbox
from maillon.ledger.genesis import CREDITS, DIRECTORY, Genesis, GenesisAccount, make_genesis, name_word
from maillon.ledger.port import Address, TransactionHash

THERE = Address(b"\x77" * 20)


def answering(data: bytes) -> bytes:
    """Code that answers every call with this, up to 64 bytes."""
    words = data.ljust(64, b"\0")
    return (
        b"\x7f"
        + words[:32]
        + b"\x5f\x52\x7f"
        + words[32:]
        + bytes.fromhex("60205260")
        + bytes([len(data)])
        + b"\x5f\xf3"
    )


NAMED_AND_REFUSING = (
    bytes.fromhex("5f3560e01c63eb5a705614601257")
    + bytes.fromhex("5f5ffd00")
    + b"\x5b"
    + answering(name_word("Credits"))
)
"""Says the name the Directory asks for, and reverts at everything else."""


def instruct(network: Network, call: Call[Any], tip: int) -> Block:
    """A block in which the seat, an account here, does what a vote does there."""
    sent = network.send(0, call.to, call.data, tip=tip)
    block = network.chain.seal()
    assert block is not None
    receipt = network.chain.receipt(sent)
    assert receipt is not None
    assert receipt.succeeded
    return block


def set_floor(network: Network, floor: int, tip: int = 50 * GWEI) -> Block:
    return instruct(network, Credits(CREDITS).set_floor_tip(floor), tip)


def test_the_pool_and_blocks_follow_the_contract(network: Network) -> None:
    cheap = network.send(1, THERE)
    block = set_floor(network, 3 * GWEI)
    assert cheap in block.transactions, "the floor of a block is that of its parent's state"
    with pytest.raises(Underpriced, match=f"gas tip cap {3 * GWEI - 1}, minimum needed {3 * GWEI}"):
        network.send(1, THERE, tip=3 * GWEI - 1)
    # A fee that leaves less than the floor once the base fee is paid waits, as it does under any floor.
    kept_out = network.send(2, THERE, tip=3 * GWEI, fee=3 * GWEI)
    paying = network.send(1, THERE, tip=3 * GWEI)
    sealed = network.chain.seal()
    assert sealed is not None
    assert sealed.transactions == (paying,)
    assert network.chain.transaction(kept_out) is not None

    network.reopen()
    with pytest.raises(Underpriced):
        network.send(1, THERE, tip=3 * GWEI - 1)

    set_floor(network, 1)
    least = network.send(1, THERE, tip=1)
    sealed = network.chain.seal()
    assert sealed is not None
    assert set(sealed.transactions) == {kept_out, least}


async def test_what_is_told_to_pay_follows_the_contract(network: Network) -> None:
    facade = Facade(network.chain)
    for floor in (3 * GWEI, 2 * GWEI):
        set_floor(network, floor)
        assert int(await facade.ask("eth_maxPriorityFeePerGas"), 16) == floor
        base_fee = network.chain.next_base_fee()
        assert int(await facade.ask("eth_gasPrice"), 16) == -(-base_fee * 127 // 100) + floor
        history = await facade.ask("eth_feeHistory", "0x400", "latest", [0, 100])
        # Of block zero too, where nobody paid anything.
        assert min(int(tip, 16) for tips in history["reward"] for tip in tips) == floor
    await facade.close()


async def test_the_port_pays_the_floor(network: Network) -> None:
    set_floor(network, 3 * GWEI)
    ledger = EmbeddedLedger(network.chain)
    sent = await ledger.send(THERE, b"", network.accounts[1])
    block = network.chain.seal()
    receipt = network.chain.receipt(sent)
    assert block is not None
    assert receipt is not None
    assert receipt.effective_gas_price == block.base_fee + 3 * GWEI
    await ledger.close()


def test_a_risen_floor_drops_what_offers_less(network: Network) -> None:
    sender = network.accounts[1].address
    low, high = (network.send(1, THERE, nonce=nonce, tip=tip) for nonce, tip in ((1, 3 * GWEI - 1), (2, 3 * GWEI)))
    set_floor(network, 3 * GWEI)
    assert network.chain.transaction(low) is None
    assert network.chain.pending_count() == 1
    first = network.send(1, THERE, nonce=0, tip=3 * GWEI)
    assert network.chain.pending_nonce(sender) == 1, "what came after the dropped one waits for its nonce"
    sealed = network.chain.seal()
    assert sealed is not None
    assert sealed.transactions == (first,)
    second = network.send(1, THERE, nonce=1, tip=4 * GWEI)
    sealed = network.chain.seal()
    assert sealed is not None
    assert sealed.transactions == (second, high)


def test_what_was_dropped_is_not_there_after_a_restart(network: Network) -> None:
    low = network.send(1, THERE, nonce=1)
    set_floor(network, 3 * GWEI)
    network.reopen()
    assert network.chain.transaction(low) is None
    set_floor(network, 1)
    network.reopen()
    assert network.chain.transaction(low) is None


def test_what_was_dropped_does_not_come_back_when_the_floor_falls(open_network: Callable[..., Network]) -> None:
    refusing = False

    def disk(name: str) -> None:
        if refusing and name == "admission: before commit":
            raise OSError(28, "No space left on device")

    network = open_network(boundary=disk)
    low = network.send(1, THERE, nonce=1)
    set_floor(network, 3 * GWEI)
    refusing = True
    with pytest.raises(Unavailable):
        network.send(1, THERE, tip=3 * GWEI)
    refusing = False
    set_floor(network, 1)
    network.reopen()
    assert network.chain.transaction(low) is None
    assert network.chain.pending_count() == 0


def test_what_comes_while_the_floor_rises_is_dropped_too(open_network: Callable[..., Network]) -> None:
    offered: list[Future[TransactionHash]] = []

    def boundary(name: str) -> None:
        if name == "block: after commit" and network.chain.head().number == 0 and not offered:
            offered.append(network.chain.offer(raw))

    network = open_network(boundary=boundary)
    raw = network.signed(1, THERE)
    set_floor(network, 3 * GWEI)
    late = offered[0].result()
    assert network.chain.transaction(late) is None
    set_floor(network, 1)
    network.reopen()
    assert network.chain.transaction(late) is None


def founded(floor: int, **changes: GenesisAccount) -> Genesis:
    """A network that began with this floor; `credits` stands where the contract would."""
    plain, accounts = genesis_of_tests(), accounts_of_tests()
    validators = [validator.key for validator in plain.validators]
    founding = replace(sandbox(accounts[0].address, (), validators), floor_tip=floor)
    funded = {account.address: 10**21 for account in accounts}
    made = make_genesis("Test", plain.chain_id, plain.time, validators, funded, accounts[0].address, founding=founding)
    return replace(made, alloc={**made.alloc, **({CREDITS: changes["credits"]} if changes else {})})


def opened(tmp_path: Path, clock: FixedClock, genesis: Genesis) -> Network:
    key = key_of_tests()
    return Network(tmp_path, genesis, key, clock, accounts_of_tests(), Chain.open(tmp_path, genesis, key, clock))


def test_the_floor_of_the_founding_holds_from_the_first_block_on(tmp_path: Path, clock: FixedClock) -> None:
    network = opened(tmp_path, clock, founded(5 * GWEI))
    with pytest.raises(Underpriced):
        network.send(1, THERE, tip=5 * GWEI - 1)
    network.send(1, THERE, tip=5 * GWEI)
    assert network.chain.seal() is not None
    network.chain.close()


@pytest.mark.parametrize(
    "code",
    [
        b"",
        REFUSE,
        LOOP,
        answering((3 * GWEI).to_bytes(31, "big")),
        answering((3 * GWEI).to_bytes(32, "big") + b"\0"),
        answering((MAXIMUM_FLOOR_TIP + 1).to_bytes(32, "big")),
    ],
    ids=["absent", "reverts", "never-ends", "short", "long", "out-of-bounds"],
)
def test_an_unusable_answer_leaves_the_floor_of_the_law(tmp_path: Path, clock: FixedClock, code: bytes) -> None:
    network = opened(tmp_path, clock, founded(5 * GWEI, credits=GenesisAccount(code=code)))
    with pytest.raises(Underpriced, match=f"minimum needed {DEFAULT_FLOOR_TIP}"):
        network.send(1, THERE, tip=DEFAULT_FLOOR_TIP - 1)
    network.send(1, THERE, tip=DEFAULT_FLOOR_TIP)
    assert network.chain.seal() is not None
    network.chain.close()


def test_the_greatest_answer_in_bounds_holds(tmp_path: Path, clock: FixedClock) -> None:
    greatest = GenesisAccount(code=answering(MAXIMUM_FLOOR_TIP.to_bytes(32, "big")))
    network = opened(tmp_path, clock, founded(GWEI, credits=greatest))
    assert network.chain.tip_floor == MAXIMUM_FLOOR_TIP
    network.chain.close()


def test_a_contract_that_comes_to_revert_stops_nothing(network: Network) -> None:
    set_floor(network, 3 * GWEI)
    sent = network.send(0, None, deploying(NAMED_AND_REFUSING), gas=1_000_000, tip=3 * GWEI)
    network.chain.seal()
    receipt = network.chain.receipt(sent)
    assert receipt is not None
    assert receipt.contract is not None
    instruct(network, Directory(DIRECTORY).point(name_word("Credits"), receipt.contract), 3 * GWEI)
    assert network.chain.tip_floor == DEFAULT_FLOOR_TIP
    assert network.reopen().tip_floor == DEFAULT_FLOOR_TIP
    instruct(network, Directory(DIRECTORY).point(name_word("Credits"), CREDITS), GWEI)
    assert network.chain.tip_floor == 3 * GWEI


@pytest.mark.parametrize("failure", [TooSlow("execution aborted"), ValueError("a fault of py-evm")])
def test_an_answer_that_breaks_the_evm_stops_nothing(
    network: Network, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def failing(*_arguments: Any, **_named: Any) -> None:
        raise failure

    monkeypatch.setattr("maillon.ledger.embedded.execution.execute_call", failing)
    network.send(1, THERE)
    assert network.chain.seal() is not None
    assert network.chain.tip_floor == DEFAULT_FLOOR_TIP


def test_the_contract_is_asked_once_for_a_block(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Address] = []
    real = chain_module.view

    def counting(*arguments: Any) -> bytes | None:
        asked.append(arguments[3])
        return real(*arguments)

    monkeypatch.setattr(chain_module, "view", counting)
    for _ in range(20):
        network.send(1, THERE)
    block = network.chain.seal()
    assert block is not None
    assert len(block.transactions) == 20
    assert asked == [DIRECTORY, CREDITS]
