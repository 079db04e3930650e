# SPDX-License-Identifier: Apache-2.0
"""Writes vectors/ledger/: `python tests/evidence/make_ledger_vector.py`. A receipt through the real embedded ledger.

Everything but the ledger is the workshop's; the ledger is a chain that executed the real `Anchors`. Its bytes may
change with the contract or the engine; the committed files stay good for ever, and `test_ledger_vector.py` makes new
ones.
"""

from __future__ import annotations

import base64
import datetime
import json
import tempfile
from pathlib import Path

import workshop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from workshop import FILE, ORIGIN, SALT, TIME, seed

from maillon.evidence.checkpoint import Checkpoint, log_id
from maillon.evidence.consensus import Validator, ValidatorSet
from maillon.evidence.entry import commitment
from maillon.evidence.hashing import digest_of
from maillon.evidence.merkle import leaf_hash, root_of
from maillon.evidence.note import NoteSigner
from maillon.evidence.receipt import complete, root_slot
from maillon.evidence.trust import LedgerAnchor, LogAnchor, TrustAnchors
from maillon.kit.clock import FixedClock
from maillon.ledger.contracts.anchors import SLOTS, Anchors
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.genesis import ANCHORS, make_genesis
from maillon.ledger.signing import Account, DynamicFeeTransaction

INDEX, SIZE = 5, 11


def files(home: Path) -> dict[str, bytes]:
    """The three files, by their name: the chain is made in `home`."""
    account = Account(seed("account"))
    validator = Ed25519PrivateKey.from_private_bytes(seed("sealer"))
    public = validator.public_key().public_bytes_raw()
    genesis = make_genesis("Vectors", 7_700_000_002, TIME - 100, [public], {account.address: 10**18}, account.address)
    clock = FixedClock(datetime.datetime.fromtimestamp(TIME, datetime.UTC))
    chain = Chain.open(home, genesis, validator, clock)
    try:
        digest = digest_of([FILE])
        entries = [commitment(seed(f"salt {number}"), digest).encode() for number in range(SIZE)]
        entries[INDEX] = commitment(SALT, digest).encode()
        leaves = [leaf_hash(entry) for entry in entries]
        signer = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(seed("log")))
        note = signer.sign(Checkpoint(ORIGIN, SIZE, root_of(leaves)).text())
        anchors = Anchors(ANCHORS)
        for call in (anchors.register(log_id(ORIGIN)), anchors.anchor(log_id(ORIGIN), SIZE, root_of(leaves))):
            transaction = DynamicFeeTransaction(
                chain_id=genesis.chain_id,
                nonce=chain.pending_nonce(account.address),
                tip=10**9,
                fee=100 * 10**9,
                gas=500_000,
                to=call.to,
                value=0,
                data=call.data,
            )
            sent = chain.admit(transaction.sign(account).raw)
            chain.seal()
            receipt = chain.receipt(sent)
            assert receipt is not None
            assert receipt.succeeded
            clock.advance(3)
        block = chain.head()
        slot = root_slot(SLOTS["_anchors"], log_id(ORIGIN))
        record = chain.consensus(block.number + 1)
        validators = chain.validators(1)
        half = {
            "entry": {"index": INDEX},
            "inclusion": {"proof": [item.hex() for item in workshop.plain_path(INDEX, leaves)]},
            "checkpoint": note,
            "anchor": {
                "proof": chain.proof(ANCHORS, (slot, slot + 1), block.number),
                "header": "0x" + block.header.hex(),
                "consensus": {"header": record.header, "commit": record.commit},
                "validators": record.validators,
                "updates": [],
            },
            "timestamp": base64.b64encode(workshop.stamp(note.encode(), TIME + 4)).decode(),
        }
        trust = TrustAnchors(
            network="Vectors",
            ledger=LedgerAnchor(
                genesis.consensus_chain_id,
                genesis.chain_id,
                1,
                ValidatorSet.of([Validator(public, int(validators[0]["voting_power"]))]),
                ANCHORS,
                SLOTS["_anchors"],
            ),
            logs=(LogAnchor(ORIGIN, signer.verifier_key),),
            authorities=(workshop.authority()[1],),
        )
    finally:
        chain.close()
    return {
        "minutes.txt": FILE,
        "minutes.txt.receipt.json": json.dumps(json.loads(complete(half, digest, SALT)), indent=1).encode() + b"\n",
        "trust.json": trust.to_json(),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        for name, data in files(Path(directory)).items():
            path = workshop.VECTORS / "ledger" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
