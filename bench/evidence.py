# SPDX-License-Identifier: Apache-2.0
"""The verifier in one process: whole receipts, and the parts they are made of, per second.

Nothing is remembered between two verifications, so the same receipt again costs what another would.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from maillon.evidence.consensus import verify_commit
from maillon.evidence.hashing import keccak256, sha256
from maillon.evidence.merkle import leaf_hash, root_of
from maillon.evidence.note import Note
from maillon.evidence.receipt import Receipt, StorageEvidence, verify
from maillon.evidence.timestamp import Stamp, verify_stamp
from maillon.evidence.trie import prove_account, prove_slot
from maillon.evidence.trust import TrustAnchors

VECTOR = Path(__file__).resolve().parents[1] / "vectors/ledger"
SECONDS = 3.0


def per_second(work: Callable[[], object]) -> int:
    """How often a second, over about three seconds after a warm-up."""
    work()
    done = 0
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < SECONDS:
        for _ in range(10):
            work()
        done += 10
    return round(done / elapsed)


def prove_storage(storage: StorageEvidence) -> None:
    """The account, and its two slots: what `eth_getProof` answered, checked."""
    account = prove_account(keccak256(storage.account_proof[0]), storage.address, storage.account_proof)
    if account is None:
        raise RuntimeError("the vector proves no account")
    for slot in storage.slots:
        prove_slot(account.storage_root, slot.slot, slot.proof)


def main() -> None:
    """A real receipt of the embedded ledger, from the vectors."""
    data = next(VECTOR.glob("*.receipt.json")).read_bytes()
    trust = TrustAnchors.parse((VECTOR / "trust.json").read_bytes())
    receipt = Receipt.parse(data)
    signed = receipt.anchoring.consensus
    leaves = [leaf_hash(number.to_bytes(32, "big")) for number in range(1000)]
    stamped = sha256(receipt.checkpoint.encode())
    figures = {
        "receipts_per_second": per_second(lambda: verify(Receipt.parse(data), receipt.digest, trust)),
        "receipt_bytes": len(data),
        "commits_per_second": per_second(
            lambda: verify_commit(signed, trust.ledger.chain_id, receipt.anchoring.validators)
        ),
        "tokens_per_second": per_second(lambda: verify_stamp(Stamp.parse(receipt.token), stamped, trust.authorities)),
        "state_proofs_of_two_slots_per_second": per_second(lambda: prove_storage(receipt.anchoring.storage)),
        "notes_per_second": per_second(lambda: Note.parse(receipt.checkpoint).verify(trust.logs[0].verifier)),
        "leaves_into_a_root_per_second": 1000 * per_second(lambda: root_of(leaves)),
        "keccak_per_second": per_second(lambda: keccak256(data[:136])),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
