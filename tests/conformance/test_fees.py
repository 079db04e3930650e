# SPDX-License-Identifier: Apache-2.0
"""Real clients price by themselves, on an idle chain and after full blocks: all are sealed, all pay one tip."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3

from local_network import LocalNetwork, LocalNode
from maillon.ledger.signing import Account, DynamicFeeTransaction

GWEI = 10**9
FULL_BLOCKS = 30
HUNGRY = bytes.fromhex("621700005100")
"""Init code that reads at 0x170000: 1.5 MB of memory, nearly all the gas of a small block, and little time."""
INVALID = b"\xfe"
"""Init code that uses up all its gas at once."""
SIXTH = 16_600_000
"""Gas of which six fill a block of the network, and one transaction may have (EIP-7825)."""
FILLER = Account((1).to_bytes(32, "big"))


@pytest.fixture(scope="module")
def validator(engine_programs: Path) -> Iterator[LocalNode]:
    """A real network of one validator."""
    with (
        # Sockets need short paths.
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engine_programs, count=1) as network,
    ):
        network.start()
        yield network.nodes[0]


def embedded(conformance: Any, folder: Path, *, full: bool) -> Iterator[str]:
    """The door of an embedded chain of its own."""
    chain = conformance.open_chain(folder, gas_limit=5_000_000, base_fee=GWEI // 10 if full else 7)
    if full:
        for nonce in range(FULL_BLOCKS):
            filling = DynamicFeeTransaction(chain.chain_id, nonce, GWEI, 9 * GWEI, 4_900_000, None, 0, HUNGRY)
            chain.admit(filling.sign(FILLER).raw)
            block = chain.seal()
            assert block is not None
            assert block.gas_used > block.gas_limit * 4 // 5
        assert chain.next_base_fee() > GWEI
    for served in conformance.serve(chain):
        yield served.http


def fill(web3: Web3) -> None:
    """Six full blocks of a network, and another's worth of transactions that wait behind them."""
    first = web3.eth.get_transaction_count(FILLER.address, "pending")
    sent = []
    for nonce in range(first, first + 6 * 7):
        made = DynamicFeeTransaction(web3.eth.chain_id, nonce, GWEI, 9 * GWEI, SIXTH, None, 0, INVALID)
        sent.append(web3.eth.send_raw_transaction(made.sign(FILLER).raw))
    web3.eth.wait_for_transaction_receipt(sent[6 * 6 - 1], timeout=120, poll_latency=0.05)


@pytest.fixture(params=["embedded-idle", "embedded-full", "network-idle", "network-full"])
def door(request: pytest.FixtureRequest, conformance: Any, tmp_path: Path) -> Iterator[str]:
    """Where clients knock, of either engine, while blocks were empty or full."""
    engine, _, state = request.param.partition("-")
    if engine == "embedded":
        yield from embedded(conformance, tmp_path, full=state == "full")
    else:
        http = f"{request.getfixturevalue('validator').url}/rpc"
        if state == "full":
            fill(Web3(Web3.HTTPProvider(http)))
        yield http


def effective_tip(web3: Web3, transaction: str) -> int:
    """What a transaction in a block left above the base fee, wei per gas."""
    receipt = web3.eth.get_transaction_receipt(transaction)
    return int(receipt["effectiveGasPrice"] - web3.eth.get_block(receipt["blockNumber"])["baseFeePerGas"])


def test_four_clients_pay_the_same_tip(door: str, node: Path, clients: Path, cast: Path, tmp_path: Path) -> None:
    web3 = Web3(Web3.HTTPProvider(door))
    keys = {name: f"0x{number:064x}" for number, name in enumerate(("viem", "ethers", "web3", "cast", "wallet"), 2)}
    setting = {"http": door, "chainId": web3.eth.chain_id} | keys
    command = [node, "fees.mjs", json.dumps(setting)]
    done = subprocess.run(command, cwd=clients, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sent: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])

    account = web3.eth.account.from_key(keys["web3"])
    fields = {"from": account.address, "to": account.address, "value": 1, "chainId": web3.eth.chain_id}
    priced = web3.eth.get_block("latest")["baseFeePerGas"] * 2 + web3.eth.max_priority_fee
    fields |= {"maxFeePerGas": priced, "maxPriorityFeePerGas": web3.eth.max_priority_fee, "gas": 21_000}
    fields["nonce"] = web3.eth.get_transaction_count(account.address)
    raw = account.sign_transaction(fields).raw_transaction
    sent["web3"] = web3.eth.send_raw_transaction(raw).to_0x_hex()
    web3.eth.wait_for_transaction_receipt(sent["web3"], poll_latency=0.05)

    arguments = ("--rpc-url", door, "--private-key", keys["cast"], "--json", account.address, "--value", "1")
    done = subprocess.run(
        [cast, "send", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": ""},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sent["cast"] = json.loads(done.stdout)["transactionHash"]

    tips = {name: effective_tip(web3, transaction) for name, transaction in sent.items()}
    assert max(tips.values()) <= min(tips.values()) * 101 // 100, tips
    assert min(tips.values()) >= GWEI

    # A wallet that knows only eth_gasPrice spends all of it, and is sealed two full blocks later all the same.
    price = web3.eth.gas_price
    wallet = web3.eth.account.from_key(keys["wallet"])
    legacy = {
        "to": wallet.address,
        "value": 1,
        "gas": 21_000,
        "gasPrice": price,
        "nonce": web3.eth.get_transaction_count(wallet.address),
        "chainId": web3.eth.chain_id,
    }
    hashed = web3.eth.send_raw_transaction(wallet.sign_transaction(legacy).raw_transaction)
    assert web3.eth.wait_for_transaction_receipt(hashed, poll_latency=0.05)["status"] == 1


def test_the_answers_agree(door: str) -> None:
    web3 = Web3(Web3.HTTPProvider(door))
    while True:
        height = web3.eth.block_number
        base = web3.eth.fee_history(1, "latest", [])["baseFeePerGas"][-1]
        tip, price = web3.eth.max_priority_fee, web3.eth.gas_price
        history = web3.eth.fee_history(10, "latest", [5.0, 50.0, 95.0])
        if web3.eth.block_number == height:
            break  # all of it was said of one block
    assert tip == GWEI
    assert price == -(-base * 127 // 100) + GWEI
    # Two full blocks raise the base fee by at most 26.6 %: the price still covers base fee and floor.
    assert price - GWEI >= base * 9 // 8 * 9 // 8
    assert history["baseFeePerGas"][-1] == base
    assert len(history["baseFeePerGas"]) == len(history["reward"]) + 1 == len(history["gasUsedRatio"]) + 1
    assert all(reward >= GWEI for rewards in history["reward"] for reward in rewards)
