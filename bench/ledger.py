# SPDX-License-Identifier: Apache-2.0
"""ERC-20 transfers through the embedded engine: admitted durably, sealed in blocks as full as they get, on disk.

What is measured is the engine, so signing is done beforehand: signature recovery, the pool and its journal,
the EVM, state, receipts, indexes and the commit, until the last block is on disk. Blocks follow each other without
waiting for their second. The token is contracts/mocks/token.vy; every transfer goes to an account of its own or to one
that has tokens already, and the balances are counted afterwards.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maillon.evidence.hashing import keccak256
from maillon.kit.clock import SystemClock
from maillon.ledger.abi import encode
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.embedded.model import Block, CallRequest
from maillon.ledger.genesis import make_genesis, random_chain_id
from maillon.ledger.port import Address
from maillon.ledger.signing import Account, DynamicFeeTransaction

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "contracts"))

import build

TRANSFERS = 6_000
SENDERS = 40
SUPPLY = 10**24
SELECTOR = keccak256(b"transfer(address,uint256)")[:4]
BALANCE = keccak256(b"balanceOf(address)")[:4]


class Sender:
    """An account that signs its own sequence of transactions."""

    def __init__(self, chain_id: int) -> None:
        self.account = Account.random()
        self._chain_id = chain_id
        self._nonce = 0

    def sign(self, to: Address | None, data: bytes, gas: int) -> bytes:
        """The next transaction of this account, ready to be sent."""
        transaction = DynamicFeeTransaction(
            self._chain_id, self._nonce, tip=10**9, fee=10**12, gas=gas, to=to, value=0, data=data
        )
        self._nonce += 1
        return transaction.sign(self.account).raw


def transfer(receiver: bytes, amount: int) -> bytes:
    """Call data of ERC-20 `transfer`."""
    return SELECTOR + encode(("address", "uint256"), (receiver, amount))


def seal_all(chain: Chain) -> list[Block]:
    """Seal until nothing waits."""
    return list(iter(chain.seal, None))


def prepare(chain: Chain, senders: Sequence[Sender]) -> Address:
    """Deploy the token and give every sender some."""
    code = bytes.fromhex(build.artifact_of(build.HERE / "mocks" / "token.vy")["bytecode"][2:])
    sent = chain.admit(senders[0].sign(None, code + encode(("uint256",), (SUPPLY,)), 2_000_000))
    chain.seal()
    receipt = chain.receipt(sent)
    if receipt is None or receipt.contract is None:
        raise RuntimeError("the token was not deployed")
    for sender in senders[1:]:
        chain.admit(senders[0].sign(receipt.contract, transfer(sender.account.address, 10**20), 100_000))
    seal_all(chain)
    return receipt.contract


def measure(chain: Chain, senders: Sequence[Sender], token: Address, receivers: Sequence[bytes]) -> dict[str, float]:
    """Send one transfer to each receiver, all at once, and see when the last one is final."""
    signing = time.perf_counter()
    raws = [
        senders[number % len(senders)].sign(token, transfer(receiver, 1), 100_000)
        for number, receiver in enumerate(receivers)
    ]
    begun = time.perf_counter()
    waiting = [chain.offer(raw) for raw in raws]
    for future in waiting:
        future.result()
    admitted = time.perf_counter()
    blocks = seal_all(chain)
    finished = time.perf_counter()
    counts = [len(chain.transactions(block.number)) for block in blocks]
    if sum(counts) != len(raws):
        raise RuntimeError(f"{len(raws)} sent, {counts} sealed")
    return {
        "transfers_per_second": round(len(raws) / (finished - begun)),
        "admitted_per_second": round(len(raws) / (admitted - begun)),
        "sealed_per_second": round(len(raws) / (finished - admitted)),
        "signed_per_second": round(len(raws) / (begun - signing)),
        "transfers_in_fullest_block": max(counts),
        "gas_of_a_transfer": round(sum(block.gas_used for block in blocks) / len(raws)),
        "blocks": len(blocks),
    }


def held(chain: Chain, token: Address, account: bytes) -> int:
    """Tokens of an account."""
    answer = chain.call(CallRequest(to=token, data=BALANCE + encode(("address",), (account,))))
    return int.from_bytes(answer.output)


def main() -> None:
    """To new accounts (a slot is made) and then to the same again (a slot is changed)."""
    validator = Ed25519PrivateKey.generate()
    chain_id = random_chain_id()
    senders = [Sender(chain_id) for _ in range(SENDERS)]
    funded = {sender.account.address: 10**27 for sender in senders}
    keys = [validator.public_key().public_bytes_raw()]
    genesis = make_genesis("measured", chain_id, int(time.time()), keys, funded, senders[0].account.address)
    receivers = [os.urandom(20) for _ in range(TRANSFERS)]
    with tempfile.TemporaryDirectory() as home:
        chain = Chain.open(Path(home), genesis, validator, SystemClock())
        try:
            token = prepare(chain, senders)
            to_new = measure(chain, senders, token, receivers)
            again = measure(chain, senders, token, receivers)
            if any(held(chain, token, receiver) != 2 for receiver in receivers[:: TRANSFERS // 100]):
                raise RuntimeError("a receiver has not what it was sent")
            size = sum(path.stat().st_blocks * 512 for path in Path(home).rglob("*") if path.is_file())
        finally:
            chain.close()
    figures = {**again, **{f"to_new_accounts_{name}": figure for name, figure in to_new.items()}}
    print(json.dumps({**figures, "bytes_on_disk_per_transfer": round(size / (2 * TRANSFERS))}))


if __name__ == "__main__":
    main()
