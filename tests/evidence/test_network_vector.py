# SPDX-License-Identifier: Apache-2.0
"""What geth and CometBFT really wrote: our reading of their formats against theirs, link by link."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import workshop

from maillon.evidence import rlp
from maillon.evidence.consensus import SignedHeader, Validator, ValidatorSet, verify_commit, verify_validators
from maillon.evidence.document import Fields
from maillon.evidence.errors import (
    CommitSignatureMismatch,
    EvidenceError,
    InsufficientPower,
    StateProofMismatch,
    ValidatorSetMismatch,
)
from maillon.evidence.execution import ExecutionHeader
from maillon.evidence.trie import prove_account, prove_slot

VECTOR = json.loads((workshop.VECTORS / "network.json").read_bytes())
QUANTITIES = {
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "baseFeePerGas",
    "blobGasUsed",
    "excessBlobGas",
}
HEADER = rlp.encode(
    [int(v, 16) if name in QUANTITIES else bytes.fromhex(v[2:]) for name, v in VECTOR["evm_header"].items()]
)
CHAIN = VECTOR["trust"]["chain_id"]


def signed(**changes: Any) -> SignedHeader:
    return SignedHeader.from_json(Fields({"header": VECTOR["header"], "commit": VECTOR["commit"]} | changes, "it"))


def voters() -> ValidatorSet:
    return ValidatorSet(tuple(Validator.from_json(Fields(item, "a validator")) for item in VECTOR["validators"]))


def nodes(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value[2:]) for value in values]


def test_every_link_holds() -> None:
    header = ExecutionHeader.decode(HEADER)
    proof, slot = VECTOR["proof"], VECTOR["proof"]["storageProof"][0]
    account = prove_account(header.state_root, bytes.fromhex(proof["address"][2:]), nodes(proof["accountProof"]))
    assert account is not None
    assert "0x" + account.storage_root.hex() == proof["storageHash"]
    assert prove_slot(account.storage_root, int(slot["key"], 16), nodes(slot["proof"])) == VECTOR["value"]
    block = signed()
    assert block.header.height == header.number + 1
    assert block.header.app_hash == header.hash
    assert block.header.validators_hash.hex() == VECTOR["trust"]["validators_hash"] == voters().hash().hex()
    verify_validators(block.header, voters())
    verify_commit(block, CHAIN, voters())


def test_their_json_comes_back_as_it_was() -> None:
    assert signed().to_json() == {"header": VECTOR["header"], "commit": VECTOR["commit"]}
    assert [item.to_json() for item in voters().validators] == VECTOR["validators"]


def test_each_changed_field_of_the_header_is_another_header() -> None:
    for name, value in VECTOR["header"].items():
        if not isinstance(value, str):
            continue
        last = "1" if value[-1] != "1" else "2"
        other = value[:-2] + last + "Z" if value.endswith("Z") else value[:-1] + last
        with pytest.raises(EvidenceError):
            verify_commit(signed(header=VECTOR["header"] | {name: other}), CHAIN, voters())


def test_three_of_four_suffice_and_two_do_not() -> None:
    for absent, enough in ((1, True), (2, False)):
        commit = copy.deepcopy(VECTOR["commit"])
        for position in range(absent):
            commit["signatures"][position] = {
                "block_id_flag": 1,
                "validator_address": "",
                "timestamp": "0001-01-01T00:00:00Z",
                "signature": None,
            }
        if enough:
            verify_commit(signed(commit=commit), CHAIN, voters())
        else:
            with pytest.raises(InsufficientPower):
                verify_commit(signed(commit=commit), CHAIN, voters())


def test_a_vote_lent_to_another_validator_is_false() -> None:
    commit = copy.deepcopy(VECTOR["commit"])
    first, second = commit["signatures"][:2]
    first["signature"], second["signature"] = second["signature"], first["signature"]
    with pytest.raises(CommitSignatureMismatch):
        verify_commit(signed(commit=commit), CHAIN, voters())


def test_fewer_validators_are_another_set() -> None:
    with pytest.raises(ValidatorSetMismatch):
        verify_validators(signed().header, ValidatorSet(voters().validators[:3]))


def test_another_slot_is_not_proved_by_this_proof() -> None:
    proof, slot = VECTOR["proof"], VECTOR["proof"]["storageProof"][0]
    root = bytes.fromhex(proof["storageHash"][2:])
    for other in range(20):
        try:
            assert prove_slot(root, other, nodes(slot["proof"])) == 0
        except StateProofMismatch:
            continue
