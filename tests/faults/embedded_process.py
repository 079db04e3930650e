# SPDX-License-Identifier: Apache-2.0
"""A real process with an embedded chain that kills itself at a named boundary. Run by test_embedded.py.

    embedded_process.py HOME BOUNDARY OCCURRENCE

Says on standard output what it acknowledged, line by line, as a client would have heard it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from embedded_network import GWEI, accounts_of_tests, genesis_of_tests, key_of_tests

from maillon.kit.clock import SystemClock
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.port import Address
from maillon.ledger.signing import DynamicFeeTransaction

THERE = Address(b"\x77" * 20)


def main(home: str, boundary: str, occurrence: int) -> None:
    met = 0

    def at(name: str) -> None:
        nonlocal met
        if name == boundary:
            met += 1
            if met == occurrence:
                os.kill(os.getpid(), signal.SIGKILL)

    def say(line: str) -> None:
        os.write(1, f"{line}\n".encode())

    account, genesis = accounts_of_tests()[0], genesis_of_tests()
    chain = Chain.open(Path(home), genesis, key_of_tests(), SystemClock(), boundary=at)
    while True:
        for _ in range(3):
            transaction = DynamicFeeTransaction(
                chain_id=genesis.chain_id,
                nonce=chain.pending_nonce(account.address),
                tip=GWEI,
                fee=100 * GWEI,
                gas=21_000,
                to=THERE,
                value=1,
                data=b"",
            ).sign(account)
            chain.admit(transaction.raw)
            say(f"admitted {transaction.hash.hex()}")
        block = chain.seal()
        assert block is not None
        say(f"sealed {block.number} {block.hash.hex()}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
