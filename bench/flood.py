# SPDX-License-Identifier: Apache-2.0
"""One member floods a network of four validators: what it costs it, what the others notice, when the price is back.

The member gives, at once, as many transactions as its credits pay for, each of the most gas and ended by its first
instruction: full blocks for nothing. Others send single transfers meanwhile, at the least tip as the flood, and at
twice it. *Predicted* is EIP-1559 applied to the flood's last block and to empty ones after it, until the base fee is
the one an idle chain has.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from local_network import ACCOUNTS, LocalNetwork, LocalNode, engines_folder, next_base_fee, until
from maillon.ledger.fees import GWEI
from maillon.ledger.genesis import BASE_FEE
from maillon.ledger.signing import DynamicFeeTransaction, checksum
from maillon.network.configuration import NodeSettings

CREDIT = 10**18
SAVINGS = 3 * CREDIT
"""What the member that floods has."""
GAS = 16_600_000
"""Of one transaction; six fill a block."""
PRICE = GWEI + 10_000
"""Most wei per gas it offers."""
INVALID = b"\xfe"
SAMPLES = 8
WITHIN = 600
"""Seconds in which whatever waits is in a block."""


def balance(node: LocalNode, of: bytes) -> int:
    """Wei."""
    return int(node.rpc("eth_getBalance", "0x" + of.hex(), "latest"), 16)


def block(node: LocalNode, height: int) -> dict[str, Any]:
    """A block as the node tells it."""
    found: dict[str, Any] = node.rpc("eth_getBlockByNumber", hex(height), False)
    return found


def base_fee(found: dict[str, Any]) -> int:
    """Wei."""
    return int(found["baseFeePerGas"], 16)


def seconds_to_final(network: LocalNetwork, node: LocalNode, account: int, tip: int) -> float:
    """From giving one transfer until its receipt."""
    raw = network.transfer(node, ACCOUNTS[account], tip=tip)
    began = time.monotonic()
    given = node.rpc("eth_sendRawTransaction", raw)
    assert until(lambda: node.rpc("eth_getTransactionReceipt", given), WITHIN), "it is in no block"
    return time.monotonic() - began


def flood(network: LocalNetwork) -> dict[str, Any]:
    """The figures of one flood."""
    node, member = network.nodes[0], network.nodes[3].identity.account
    idle = [seconds_to_final(network, node, 1, GWEI) for _ in range(SAMPLES)]
    kept = network.transfer(node, member, wei=balance(node, member.address) - SAVINGS - 21_000 * 100 * GWEI)
    assert network.mined(node, node.rpc("eth_sendRawTransaction", kept))
    savings, first = balance(node, member.address), node.height()
    nonce = int(node.rpc("eth_getTransactionCount", checksum(member.address), "latest"), 16)
    signed = [
        DynamicFeeTransaction(network.chain_id, nonce + place, GWEI, PRICE, GAS, None, 0, INVALID).sign(member).raw
        for place in range(savings // (GAS * PRICE))
    ]
    given = node.ask_all("eth_sendRawTransaction", [["0x" + each.hex()] for each in signed])
    hurried, patient = [], []
    while node.rpc("eth_getTransactionReceipt", given[-1]) is None:
        hurried.append(seconds_to_final(network, node, 1, 2 * GWEI))
        patient.append(seconds_to_final(network, node, 2, GWEI))
    last = int(node.rpc("eth_getTransactionReceipt", given[-1])["blockNumber"], 16)
    spent = savings - balance(node, member.address)
    final = block(node, last)
    predicted, fee = 0, next_base_fee(final)
    while fee > BASE_FEE:
        fee, predicted = next_base_fee(final | {"gasUsed": "0x0", "baseFeePerGas": hex(fee)}), predicted + 1
    network.wait_height(last + 1)
    height = last + 1
    while base_fee(block(node, height)) > BASE_FEE:
        height += 1
        network.wait_height(height)
    during = [block(node, each) for each in range(first + 1, last + 1)]
    return {
        "flood_transactions": len(given),
        "flood_credits": round(spent / CREDIT, 2),
        "flood_full_blocks": sum(int(each["gasUsed"], 16) > int(each["gasLimit"], 16) * 9 // 10 for each in during),
        "highest_base_fee_wei": max(map(base_fee, during)),
        "price_back_after_blocks": height - last - 1,
        "price_back_predicted_blocks": predicted,
        "others_idle_p50_seconds": round(statistics.median(idle), 2),
        "others_meanwhile_p50_seconds": round(statistics.median(patient), 2),
        "others_at_twice_the_tip_p50_seconds": round(statistics.median(hurried), 2),
        "others_samples_meanwhile": len(patient),
    }


def main() -> None:
    """Print the figures as one line of JSON."""
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engines_folder(), cache=NodeSettings("").cache) as network,
    ):
        network.start()
        figures = flood(network)
        network.check_same()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
