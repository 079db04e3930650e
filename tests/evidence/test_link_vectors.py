# SPDX-License-Identifier: Apache-2.0
"""The vectors of the single links, read from their files as a stranger would; and the files are current."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import make_link_vectors
import pytest
import workshop
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from maillon.evidence import rlp
from maillon.evidence.consensus import (
    BlockId,
    ConsensusHeader,
    Instant,
    SignedHeader,
    Validator,
    ValidatorSet,
    verify_commit,
    verify_validators,
    vote_sign_bytes,
)
from maillon.evidence.document import Fields
from maillon.evidence.errors import EvidenceError
from maillon.evidence.execution import ExecutionHeader
from maillon.evidence.light import LightBlock, Trusted, verify_chain
from maillon.evidence.timestamp import Stamp, verify_stamp
from maillon.evidence.trie import prove_account, prove_slot


def load(name: str) -> Any:
    return json.loads((workshop.VECTORS / f"{name}.json").read_bytes())


STATE, CONSENSUS, LIGHT = load("state-proof"), load("consensus"), load("light")
TOKENS = load("timestamp")["tokens"] + load("timestamp-openssl")["tokens"]


def named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["name"])


@contextmanager
def expecting(error: str | None) -> Iterator[None]:
    """The class of error a case names, exactly; or none."""
    raised: EvidenceError | None = None
    try:
        yield
    except EvidenceError as caught:
        raised = caught
    assert (type(raised).__name__ if raised else None) == error, raised


def binary(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def voters(values: list[dict[str, Any]]) -> ValidatorSet:
    return ValidatorSet(tuple(Validator.from_json(Fields(value, "a validator")) for value in values))


def test_the_files_are_what_the_generator_makes() -> None:
    for name, data in make_link_vectors.files().items():
        assert (workshop.VECTORS / name).read_bytes() == data, f"{name}: run tests/evidence/make_link_vectors.py"


def written(item: Any) -> Any:
    return "0x" + item.hex() if isinstance(item, bytes) else [written(part) for part in item]


@named(STATE["rlp"])
def test_encodings(case: dict[str, Any]) -> None:
    with expecting(case["error"]):
        item = rlp.decode(binary(case["rlp"]))
        assert written(item) == case["item"]
        assert rlp.encode(item) == binary(case["rlp"])


@named(STATE["slots"])
def test_slots(case: dict[str, Any]) -> None:
    with expecting(case["error"]):
        nodes = [binary(node) for node in case["proof"]]
        assert hex(prove_slot(binary(case["root"]), int(case["slot"], 16), nodes)) == case["value"]


@named(STATE["accounts"])
def test_accounts(case: dict[str, Any]) -> None:
    with expecting(case["error"]):
        nodes = [binary(node) for node in case["proof"]]
        account = prove_account(binary(case["root"]), binary(case["address"]), nodes)
        found = account and {
            "nonce": hex(account.nonce),
            "balance": hex(account.balance),
            "storageHash": "0x" + account.storage_root.hex(),
            "codeHash": "0x" + account.code_hash.hex(),
        }
        assert found == case["account"]


@named(STATE["headers"])
def test_execution_headers(case: dict[str, Any]) -> None:
    with expecting(case["error"]):
        header = ExecutionHeader.decode(binary(case["rlp"]))
        assert case["header"] == {
            "hash": "0x" + header.hash.hex(),
            "stateRoot": "0x" + header.state_root.hex(),
            "number": hex(header.number),
            "timestamp": hex(header.timestamp),
        }


@named(CONSENSUS["headers"])
def test_consensus_headers(case: dict[str, Any]) -> None:
    header = ConsensusHeader.from_json(Fields(dict(case["header"]), "a header"))
    assert header.hash().hex() == case["hash"]
    assert header.to_json() == case["header"]


def test_cometbfts_own_vectors_are_as_it_publishes_them() -> None:
    # Copied from its repository, not made here: types/block_test.go and types/vote_test.go.
    own = {case["name"]: case for case in CONSENSUS["headers"] + CONSENSUS["sign_bytes"]}
    header, vote = own["of CometBFT (types/block_test.go)"], own["of CometBFT (types/vote_test.go)"]
    assert header["hash"] == "f740121f553b5418c3efbd343c2dbfe9e007bb67b0d020a0741374bab65242a4"
    assert vote["sign_bytes"] == "2108021101000000000000001901000000000000002a0b088092b8c398feffffff01"


@named(CONSENSUS["sign_bytes"])
def test_sign_bytes(case: dict[str, Any]) -> None:
    block_id = BlockId.from_json(Fields(case["block_id"], "a block id"))
    time = Instant.parse(case["time"])
    made = vote_sign_bytes(case["chain_id"], case["height"], case["round"], block_id, time)
    assert made.hex() == case["sign_bytes"]


@named(CONSENSUS["validator_sets"])
def test_validator_sets(case: dict[str, Any]) -> None:
    with expecting(case["error"]):
        found = voters(case["validators"])
        assert found.hash().hex() == case["hash"]
        assert [member.to_json() for member in found.validators] == case["validators"]


@named(CONSENSUS["commits"])
def test_commits(case: dict[str, Any]) -> None:
    with expecting(case["error"]):
        signed = SignedHeader.from_json(Fields(dict(case["signed_header"]), "it"))
        assert signed.to_json() == case["signed_header"]
        # Judged as a reader would: the set the header names is asked for where nothing else is wrong.
        if case["error"] != "HeaderMismatch":
            verify_validators(signed.header, voters(case["validators"]))
        verify_commit(signed, case["chain_id"], voters(case["validators"]))


@named(LIGHT["cases"])
def test_light_steps(case: dict[str, Any]) -> None:
    given = case["trusted"]
    following = given["next_validators_hash"]
    trusted = Trusted(given["height"], voters(given["validators"]), bytes.fromhex(following) if following else None)
    with expecting(case["error"]):
        *updates, final = (LightBlock.from_json(Fields(dict(block), "a block")) for block in case["blocks"])
        verify_chain(trusted, updates, final, case["chain_id"])


@named(load("ed25519")["cases"])
def test_ed25519(case: dict[str, Any]) -> None:
    key = Ed25519PublicKey.from_public_bytes(binary(case["key"]))
    with nullcontext() if case["holds"] else pytest.raises(InvalidSignature):
        key.verify(binary(case["signature"]), binary(case["message"]))


@named(TOKENS)
def test_tokens(case: dict[str, Any]) -> None:
    authorities = [base64.b64decode(authority) for authority in case["authorities"]]
    with expecting(case["error"]):
        stamp = Stamp.parse(base64.b64decode(case["token"]))
        verify_stamp(stamp, bytes.fromhex(case["digest"]), authorities)
        assert stamp.time == datetime.datetime.fromisoformat(case["time"])
