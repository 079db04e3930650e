# SPDX-License-Identifier: Apache-2.0
"""Every vector of the log and of the receipt, read from its file as a stranger would; and the files are current."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import make_vectors
import pytest
import workshop

from maillon.evidence import errors, merkle, receipt, tiles
from maillon.evidence.checkpoint import Checkpoint
from maillon.evidence.entry import Entry, commitment, public
from maillon.evidence.errors import EvidenceError, Invalid, Undecided
from maillon.evidence.hashing import Digest
from maillon.evidence.note import Note, NoteVerifier
from maillon.evidence.trust import TrustAnchors


def load(name: str) -> Any:
    return json.loads((workshop.VECTORS / f"{name}.json").read_bytes())


MERKLE, TILES, NOTE, ENTRY, RECEIPT, TRUST = (
    load(name) for name in ("merkle", "tiles", "note", "entry", "receipt", "trust")
)
FILE = bytes.fromhex(RECEIPT["file"])


def named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.get("name", ""))


class Expecting:
    """The class of error a case names, exactly; or none."""

    def __init__(self, error: str | None) -> None:
        self.error = error
        self.raised: EvidenceError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if raised is not None and not isinstance(raised, EvidenceError):
            return False
        assert (type(raised).__name__ if raised else None) == self.error, raised
        self.raised = raised
        return True


def test_the_files_are_what_the_generator_makes() -> None:
    for name, data in make_vectors.files().items():
        assert (workshop.VECTORS / name).read_bytes() == data, f"{name}: run tests/evidence/make_vectors.py"


@named(MERKLE["inclusion"])
def test_inclusion(case: dict[str, Any]) -> None:
    proof = [bytes.fromhex(item) for item in case["proof"]]
    with Expecting(case["error"]):
        merkle.verify_inclusion(
            bytes.fromhex(case["leaf"]), case["index"], case["size"], proof, bytes.fromhex(case["root"])
        )


@named(MERKLE["consistency"])
def test_consistency(case: dict[str, Any]) -> None:
    proof = [bytes.fromhex(item) for item in case["proof"]]
    roots = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
    with Expecting(case["error"]):
        merkle.verify_consistency(case["old_size"], case["new_size"], proof, *roots)


def test_tiles() -> None:
    for case in TILES["paths"]:
        assert tiles.tile_path(case["level"], case["index"], case["width"]) == case["path"]
    for case in TILES["entries_paths"]:
        assert tiles.entries_path(case["index"], case["width"]) == case["path"]
    reader = tiles.TileReader(TILES["size"], lambda path: bytes.fromhex(TILES["tiles"][path]))
    for index in (0, 255, 256, 299):
        proof = merkle.inclusion_proof(index, TILES["size"], reader.node)
        merkle.verify_inclusion(reader.node(0, index), index, TILES["size"], proof, bytes.fromhex(TILES["root"]))


@named(TILES["bundles"])
def test_bundles(case: dict[str, Any]) -> None:
    with Expecting(case["error"]):
        assert [item.hex() for item in tiles.decode_bundle(bytes.fromhex(case["bundle"]))] == case["entries"]


@named(NOTE["notes"])
def test_notes(case: dict[str, Any]) -> None:
    with Expecting(case["error"]):
        Note.parse(case["note"]).verify(NoteVerifier.parse(NOTE["key"]))


@pytest.mark.parametrize("key", NOTE["keys_refused"])
def test_keys_refused(key: str) -> None:
    with Expecting("Unreadable"):
        NoteVerifier.parse(key)


@named(NOTE["checkpoints"])
def test_checkpoints(case: dict[str, Any]) -> None:
    with Expecting(case["error"]):
        assert Checkpoint.parse(case["text"]).text() == case["text"]


@named(ENTRY["entries"])
def test_entries(case: dict[str, Any]) -> None:
    digest = Digest.parse(case["algorithm"], case["digest"])
    entry = public(digest) if case["salt"] is None else commitment(bytes.fromhex(case["salt"]), digest)
    assert entry.encode().hex() == case["entry"]
    assert Entry.decode(entry.encode()) == entry
    assert merkle.leaf_hash(entry.encode()).hex() == case["leaf"]
    assert entry.digest() == (digest if case["salt"] is None else None)


@named(ENTRY["refused"])
def test_entries_refused(case: dict[str, Any]) -> None:
    with Expecting(case["error"]):
        Entry.decode(bytes.fromhex(case["entry"]))


@named(ENTRY["digests_refused"])
def test_digests_refused(case: dict[str, Any]) -> None:
    with Expecting(case["error"]):
        Digest.parse(case["algorithm"], case["value"])


@named(TRUST["cases"])
def test_trust_anchors(case: dict[str, Any]) -> None:
    data = workshop.encode(workshop.patched(TRUST["anchors"]["main"], case["patch"]))
    with Expecting(case["error"]):
        anchors = TrustAnchors.parse(data)
        assert TrustAnchors.parse(anchors.to_json()) == anchors


@named(RECEIPT["cases"])
def test_receipts(case: dict[str, Any]) -> None:
    document = workshop.patched(RECEIPT["bases"][case["base"]], case.get("patch", []))
    trust = TrustAnchors.parse(workshop.encode(TRUST["anchors"][case.get("trust", "main")]))
    algorithm = RECEIPT["bases"][case["base"]]["digest"]["algorithm"]
    digest: Digest | None = workshop.digest_of([FILE], workshop.Algorithm(algorithm))
    if "digest" in case:
        digest = case["digest"] and Digest.parse(**case["digest"])
    with Expecting(case["error"]) as expecting:
        parsed = receipt.Receipt.parse(workshop.encode(document))
        report = receipt.explain(parsed, digest, trust)
        assert report.to_json()["verdict"] == case["result"]
        assert [step.number for step in report.steps] == list(range(1, 10))
        assert (report.error.step if report.error else None) == case["step"]
        receipt.verify(parsed, digest, trust)
    family = {"valid": type(None), "invalid": Invalid, "undecided": Undecided}[case["result"]]
    assert isinstance(expecting.raised, family)
    assert getattr(expecting.raised, "step", None) == case["step"]


@named(RECEIPT["texts"])
def test_documents_that_are_no_receipt(case: dict[str, Any]) -> None:
    with Expecting(case["error"]):
        receipt.Receipt.parse(case["text"].encode())


def test_every_reason_a_receipt_can_fail_for_has_a_vector() -> None:
    # Those of single links have theirs beside the link: consensus, time stamps, consistency, reading files.
    elsewhere = {"ConsistencyMismatch", "StampSignatureMismatch", "FileChanged"}
    reasons = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, EvidenceError) and not value.__subclasses__()
    }
    assert reasons - elsewhere <= {case["error"] for case in RECEIPT["cases"]}
