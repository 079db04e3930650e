# SPDX-License-Identifier: Apache-2.0
"""A chain of one sealer, inside our own process: py-evm with Prague rules over LMDB.

For trying, teaching, developing and tests; never a consortium, whose ledger has several validators.
Everything acknowledged survives SIGKILL: an admitted transaction is on disk before `admit` returns, and a block is one
LMDB transaction. Read chain.py first; docs/formats/embedded-ledger.md describes what is stored.

    model.py        the nouns: block, transaction, receipt, log, call
    transaction.py  signed bytes → a transaction with its sender, and the rules that need no state
    store.py        LMDB: what is written together, and what a crash leaves
    pool.py         transactions waiting, by account and nonce
    execution.py    py-evm: the only file that imports it
    chain.py        all of it behind one thread-safe object
    sealer.py       when to seal
    engine.py       the port (`Ledger`, `Prover`) over a chain
"""

from maillon.ledger import precompiles

precompiles.put_off()
