# SPDX-License-Identifier: Apache-2.0
"""Real clients price by themselves, on an idle chain and after full blocks: all are sealed, all pay one tip."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3

from maillon.ledger.facade.fees import Fees
from maillon.ledger.signing import Account, DynamicFeeTransaction

GWEI = 10**9
FULL_BLOCKS = 30
HUNGRY = bytes.fromhex("621700005100")
"""Init code that reads at 0x170000: 1.5 MB of memory, nearly all the gas of a small block, and little time."""
FILLER = Account((1).to_bytes(32, "big"))


@pytest.fixture(params=["idle", "full"])
def chain_in(request: pytest.FixtureRequest, conformance: Any, tmp_path: Path) -> Iterator[Any]:
    """A chain of its own, whose last blocks were empty or full."""
    chain = conformance.open_chain(tmp_path, gas_limit=5_000_000, base_fee=7 if request.param == "idle" else GWEI // 10)
    if request.param == "full":
        for nonce in range(FULL_BLOCKS):
            filling = DynamicFeeTransaction(chain.chain_id, nonce, GWEI, 9 * GWEI, 4_900_000, None, 0, HUNGRY)
            chain.admit(filling.sign(FILLER).raw)
            block = chain.seal()
            assert block is not None
            assert block.gas_used > block.gas_limit * 4 // 5
        assert chain.next_base_fee() > GWEI
    yield from conformance.serve(chain)


def effective_tip(chain: Any, transaction: str) -> int:
    """What a sealed transaction left above the base fee, wei per gas."""
    receipt = chain.receipt(bytes.fromhex(transaction.removeprefix("0x")))
    assert receipt is not None, "it was acknowledged and is not sealed"
    block = chain.block(receipt.number)
    assert block is not None
    return int(receipt.effective_gas_price - block.base_fee)


def test_four_clients_pay_the_same_tip(chain_in: Any, node: Path, clients: Path, cast: Path, tmp_path: Path) -> None:
    keys = {name: f"0x{number:064x}" for number, name in enumerate(("viem", "ethers", "web3", "cast", "wallet"), 2)}
    setting = {"http": chain_in.http, "chainId": chain_in.chain.chain_id} | keys
    command = [node, "fees.mjs", json.dumps(setting)]
    done = subprocess.run(command, cwd=clients, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sent: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])

    web3 = Web3(Web3.HTTPProvider(chain_in.http))
    account = web3.eth.account.from_key(keys["web3"])
    fields = {"from": account.address, "to": account.address, "value": 1, "chainId": web3.eth.chain_id}
    priced = web3.eth.get_block("latest")["baseFeePerGas"] * 2 + web3.eth.max_priority_fee
    fields |= {"maxFeePerGas": priced, "maxPriorityFeePerGas": web3.eth.max_priority_fee, "nonce": 0, "gas": 21_000}
    raw = account.sign_transaction(fields).raw_transaction
    sent["web3"] = web3.eth.send_raw_transaction(raw).to_0x_hex()
    web3.eth.wait_for_transaction_receipt(sent["web3"], poll_latency=0.05)

    arguments = ("--rpc-url", chain_in.http, "--private-key", keys["cast"], "--json", account.address, "--value", "1")
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

    tips = {name: effective_tip(chain_in.chain, transaction) for name, transaction in sent.items()}
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
        "nonce": 0,
        "chainId": web3.eth.chain_id,
    }
    hashed = web3.eth.send_raw_transaction(wallet.sign_transaction(legacy).raw_transaction)
    assert web3.eth.wait_for_transaction_receipt(hashed, poll_latency=0.05)["status"] == 1


def test_the_answers_agree(chain_in: Any) -> None:
    web3 = Web3(Web3.HTTPProvider(chain_in.http))
    base, floor = chain_in.chain.next_base_fee(), chain_in.chain.tip_floor
    assert web3.eth.max_priority_fee == floor
    assert web3.eth.gas_price == -(-base * 127 // 100) + floor == Fees(chain_in.chain).gas_price()
    # Two full blocks raise the base fee by at most 26.6 %: the price still covers base fee and floor.
    assert web3.eth.gas_price - floor >= base * 9 // 8 * 9 // 8
    history = web3.eth.fee_history(10, "latest", [5.0, 50.0, 95.0])
    assert history["baseFeePerGas"][-1] == base
    assert len(history["baseFeePerGas"]) == len(history["reward"]) + 1 == len(history["gasUsedRatio"]) + 1
    assert all(reward >= floor for rewards in history["reward"] for reward in rewards)
