# SPDX-License-Identifier: Apache-2.0
"""One member floods the network: it spends its own credits, the others go on, and the price returns as predicted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from local_network import ACCOUNTS, LocalNetwork, LocalNode, next_base_fee
from maillon.ledger.founding import GWEI
from maillon.ledger.genesis import BASE_FEE
from maillon.ledger.port import Address
from maillon.ledger.signing import DynamicFeeTransaction, checksum

CREDIT: Final = 10**18
SAVINGS: Final = 2 * CREDIT
"""What the member that floods has left: some twenty full blocks."""
GAS: Final = 16_600_000
"""Of one transaction of the flood; six of them fill a block. All of it is used up at once by an invalid instruction."""
PRICE: Final = GWEI + 10_000
"""Most wei per gas it offers."""
INVALID: Final = b"\xfe"


@pytest.fixture(scope="module")
def network(engine_programs: Path) -> Iterator[LocalNetwork]:
    """Four validators; credits come every 3,600 blocks, which is after this test."""
    with tempfile.TemporaryDirectory(prefix="maillon-") as folder, LocalNetwork(Path(folder), engine_programs) as made:
        made.start()
        yield made


def balance(node: LocalNode, of: Address) -> int:
    return int(node.rpc("eth_getBalance", checksum(of), "latest"), 16)


def blocks(node: LocalNode, first: int, last: int) -> list[dict[str, Any]]:
    return [node.rpc("eth_getBlockByNumber", hex(height), False) for height in range(first, last + 1)]


def test_a_flood_costs_who_floods(network: LocalNetwork) -> None:
    node, member = network.nodes[0], network.nodes[3].identity.account
    kept = node.rpc(
        "eth_sendRawTransaction",
        network.transfer(node, member, wei=balance(node, member.address) - SAVINGS - 21_000 * 100 * GWEI),
    )
    assert network.mined(node, kept)
    savings = balance(node, member.address)
    first = node.height()
    count = int(node.rpc("eth_getTransactionCount", checksum(member.address), "latest"), 16)

    def signed(nonce: int) -> str:
        """A deployment that ends at its first instruction."""
        made = DynamicFeeTransaction(network.chain_id, nonce, GWEI, PRICE, GAS, None, 0, INVALID).sign(member)
        return "0x" + made.raw.hex()

    # All at once: given one by one to a slow machine, they might never fill a block.
    flood = node.ask_all(
        "eth_sendRawTransaction", [[signed(count + position)] for position in range(savings // (GAS * PRICE))]
    )
    with pytest.raises(RuntimeError, match=r"insufficient funds|overdraft"):
        node.rpc("eth_sendRawTransaction", signed(count + len(flood)))

    # Somebody else is not kept waiting by it: twice the least tip, for one transfer, and it goes before.
    hurried = node.rpc("eth_sendRawTransaction", network.transfer(node, ACCOUNTS[1], tip=2 * GWEI))
    assert network.mined(node, hurried)
    assert network.mined(node, flood[-1], within=600)
    last = int(node.rpc("eth_getTransactionReceipt", flood[-1])["blockNumber"], 16)
    assert int(node.rpc("eth_getTransactionReceipt", hurried)["blockNumber"], 16) < last
    assert balance(node, member.address) < GAS * PRICE, "it has credits for more"

    # The price rose with the blocks it filled, and falls with the empty ones after, each time as the rule says.
    during = blocks(node, first, last)
    assert [int(block["baseFeePerGas"], 16) for block in during[1:]] == [next_base_fee(block) for block in during[:-1]]
    empty = {"gasUsed": "0x0", "gasLimit": during[-1]["gasLimit"]}
    fees = [next_base_fee(during[-1])]
    assert fees[0] > BASE_FEE
    # From 17 wei on, geth's rule for blobs counts: what once stopped the chain (docs/decisions).
    assert max(int(block["baseFeePerGas"], 16) for block in during) >= 17
    while fees[-1] > BASE_FEE:
        fees.append(next_base_fee(empty | {"baseFeePerGas": hex(fees[-1])}))
    network.wait_height(last + len(fees))
    after = blocks(node, last + 1, last + len(fees))
    assert [int(block["gasUsed"], 16) for block in after] == [0] * len(fees)
    assert [int(block["baseFeePerGas"], 16) for block in after] == fees
    network.check_same()
