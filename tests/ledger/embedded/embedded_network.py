# SPDX-License-Identifier: Apache-2.0
"""A small network for the embedded chain: funded accounts, one validator, contracts written in a few bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maillon.kit.clock import FixedClock
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.genesis import Genesis, make_genesis
from maillon.ledger.port import Address, TransactionHash
from maillon.ledger.signing import Account, DynamicFeeTransaction

GWEI = 10**9
STORE = bytes.fromhex("5f355f55")
"""Stores the first word of its data in slot 0."""
EMIT = bytes.fromhex("335f3560205f5f3760205fa200")
"""Emits one event: topics are the first word and the caller, the data is the first word."""
REVERT_DATA = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (4).to_bytes(32, "big") + b"nope".ljust(32, b"\0")
REFUSE = bytes([0x60, len(REVERT_DATA), 0x60, 12, 0x5F, 0x39, 0x60, len(REVERT_DATA), 0x5F, 0xFD, 0, 0]) + REVERT_DATA
"""Reverts with Error("nope")."""
LOOP = bytes.fromhex("5b5f56")
"""Never ends."""
DESCEND = bytes.fromhex("5f5f5f5f5f305af100")
"""Calls itself with all the gas it may pass on."""


def deploying(code: bytes) -> bytes:
    """Init code that makes a contract of `code`."""
    return bytes([0x61, *len(code).to_bytes(2, "big"), 0x80, 0x60, 11, 0x5F, 0x39, 0x5F, 0xF3, 0]) + code


@dataclass
class Network:
    """A chain with what it takes to use it."""

    home: Path
    genesis: Genesis
    key: Ed25519PrivateKey
    clock: FixedClock
    accounts: list[Account]
    chain: Chain

    def signed(self, sender: int = 0, to: Address | None = None, data: bytes = b"", **changes: Any) -> bytes:
        """A transaction of an account, with its next nonce unless said otherwise."""
        account = self.accounts[sender]
        fields = {
            "chain_id": self.genesis.chain_id,
            "nonce": self.chain.pending_nonce(account.address) if "nonce" not in changes else 0,
            "tip": GWEI,
            "fee": 100 * GWEI,
            "gas": 200_000,
            "to": to,
            "value": 0,
            "data": data,
        } | changes
        return DynamicFeeTransaction(**fields).sign(account).raw

    def send(self, sender: int = 0, to: Address | None = None, data: bytes = b"", **changes: Any) -> TransactionHash:
        """Signed and admitted."""
        return self.chain.admit(self.signed(sender, to, data, **changes))

    def deploy(self, code: bytes) -> Address:
        """A contract of that code, in a block of its own."""
        sent = self.send(data=deploying(code), gas=1_000_000)
        self.chain.seal()
        receipt = self.chain.receipt(sent)
        assert receipt is not None
        assert receipt.succeeded
        assert receipt.contract is not None
        return receipt.contract

    def reopen(self, **options: Any) -> Chain:
        """Close and open again, as a restart does."""
        self.chain.close()
        self.chain = Chain.open(self.home, self.genesis, self.key, self.clock, **options)
        return self.chain


def accounts_of_tests() -> list[Account]:
    """Five accounts, of which the genesis funds four."""
    return [Account(bytes([number]) * 32) for number in range(1, 6)]


def key_of_tests() -> Ed25519PrivateKey:
    """The one validator's."""
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def genesis_of_tests() -> Genesis:
    """Block zero."""
    accounts = accounts_of_tests()
    funded = {account.address: 1000 * 10**18 for account in accounts[:4]}
    public = key_of_tests().public_key().public_bytes_raw()
    return make_genesis("Test", 7_700_000_042, 1_750_000_000, [public], funded, accounts[0].address)
