# SPDX-License-Identifier: Apache-2.0
"""Receipts through the real embedded ledger: the one committed holds for ever, and one made today holds too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import workshop

from maillon.evidence.errors import Invalid
from maillon.evidence.hashing import digest_of
from maillon.evidence.receipt import Receipt, verify
from maillon.evidence.trust import TrustAnchors


def judged(files: dict[str, bytes]) -> None:
    verify(
        Receipt.parse(files["minutes.txt.receipt.json"]),
        digest_of([files["minutes.txt"]]),
        TrustAnchors.parse(files["trust.json"]),
    )


def test_the_committed_receipt_holds() -> None:
    folder = workshop.VECTORS / "ledger"
    judged({path.name: path.read_bytes() for path in folder.iterdir()})


def test_a_receipt_made_today_holds_and_an_altered_one_does_not(tmp_path: Path) -> None:
    from make_ledger_vector import files

    made = files(tmp_path)
    judged(made)
    receipt = json.loads(made["minutes.txt.receipt.json"])
    for path in ("/anchor/proof/storageProof/0/proof/0", "/anchor/header"):
        whole = receipt
        for name in path.split("/")[1:]:
            whole = whole[int(name)] if isinstance(whole, list) else whole[name]
        other = whole[:-1] + ("0" if whole[-1] != "0" else "1")
        altered = workshop.patched(receipt, [{"op": "replace", "path": path, "value": other}])
        with pytest.raises(Invalid):
            judged(made | {"minutes.txt.receipt.json": workshop.encode(altered)})
