# SPDX-License-Identifier: Apache-2.0
"""A receipt against whoever alters it: any bit, any member, any depth. The named cases are in vectors/."""

from __future__ import annotations

import datetime
import json
import sys
from typing import Any

import pytest
import workshop
from hypothesis import given, settings
from hypothesis import strategies as st

from maillon.evidence.document import MAXIMUM_DEPTH, MAXIMUM_DOCUMENT
from maillon.evidence.errors import DigestMismatch, EvidenceError, Invalid, MissingAnchor, Unreadable
from maillon.evidence.receipt import STEPS, Receipt, complete, explain, verify
from maillon.evidence.trust import TrustAnchors

MAKING = workshop.Making()
DIGEST = MAKING.digest
VALID = MAKING.receipt()
TRUST = workshop.trust_anchors()
TEXT = json.dumps(VALID, separators=(",", ":")).encode()


def places(value: Any, path: str = "") -> list[str]:
    """The RFC 6901 path of every member of a document."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [inner for key, child in children for inner in (f"{path}/{key}", *places(child, f"{path}/{key}"))]


PLACES = places(VALID)
STAMP = slice(TEXT.index(b'"timestamp":"MI') + 13, TEXT.rindex(b'"'))
UNCHECKED = ("proposer_priority",)
"""Members no hash and no signature covers, and no step reads."""


def judged(data: bytes) -> None:
    verify(Receipt.parse(data), DIGEST, TRUST)


def test_a_valid_receipt_convinces_and_tells_when() -> None:
    judged(TEXT)
    report = explain(Receipt.parse(TEXT), DIGEST, TRUST)
    assert report.valid
    assert report.time == datetime.datetime.fromtimestamp(workshop.TIME, datetime.UTC)
    assert [(step.number, step.name, step.state) for step in report.steps] == [
        (number, name, "ok") for number, name in enumerate(STEPS, start=1)
    ]
    assert json.loads(json.dumps(report.to_json()))["verdict"] == "valid"


def test_without_a_file_the_receipt_alone_is_judged_and_says_so() -> None:
    report = explain(Receipt.parse(TEXT), None, TRUST)
    assert report.valid
    assert not report.file_compared
    assert report.steps[0].state == "skip"
    assert report.to_json()["file_compared"] is False
    verify(Receipt.parse(TEXT), None, TRUST)


def test_a_report_stops_at_the_first_step_that_fails() -> None:
    other = workshop.digest_of([b"another file"])
    report = explain(Receipt.parse(TEXT), other, TRUST)
    assert [step.state for step in report.steps] == ["bad"] + ["skip"] * 8
    assert isinstance(report.error, DigestMismatch)
    assert report.error.step == 1
    assert report.time is None
    assert report.steps[0].expected == str(DIGEST)
    assert report.steps[0].found == str(other)


def test_what_cannot_be_told_is_not_called_bad() -> None:
    anchors = TrustAnchors(TRUST.network, TRUST.ledger, (), TRUST.authorities)
    report = explain(Receipt.parse(TEXT), DIGEST, anchors)
    assert [step.state for step in report.steps] == ["ok"] * 3 + ["unknown"] + ["skip"] * 5
    assert isinstance(report.error, MissingAnchor)
    assert report.to_json()["verdict"] == "undecided"


@settings(max_examples=400)
@given(st.integers(0, len(TEXT) * 8 - 1))
def test_no_flipped_bit_convinces(bit: int) -> None:
    altered = bytearray(TEXT)
    altered[bit // 8] ^= 1 << bit % 8
    try:
        before, after = json.loads(TEXT), json.loads(bytes(altered))
    except ValueError:
        before, after = None, None
    if before is not None and _without(before) == _without(after):
        return
    if altered[STAMP] != TEXT[STAMP]:
        # The token's envelope has bytes nobody signs; test_timestamp.py turns its bits.
        return
    with pytest.raises(EvidenceError):
        judged(bytes(altered))


def _without(document: Any) -> Any:
    """A document without the members that are not checked."""
    if isinstance(document, dict):
        return {name: _without(value) for name, value in document.items() if name not in UNCHECKED}
    return [_without(value) for value in document] if isinstance(document, list) else document


@settings(max_examples=300)
@given(
    st.sampled_from(PLACES),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=80),
        st.lists(st.integers(), max_size=3),
        st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
        st.sampled_from(["0x", "0x0", "", "00", "-1", "9" * 400, "\x00", "\N{ARABIC-INDIC DIGIT ONE}"]),
    ),
)
def test_no_member_can_be_replaced(path: str, value: Any) -> None:
    altered = workshop.patched(VALID, [{"op": "replace", "path": path, "value": value}])
    if path.endswith(UNCHECKED) or altered == VALID or (path == f"{ABSENT}/signature" and value == ""):
        return
    with pytest.raises(EvidenceError):
        judged(json.dumps(altered).encode())


ABSENT = "/anchor/consensus/commit/signatures/3"
"""Fewer votes than voters: who was absent may be left out, and CometBFT writes no signature as null or not at all."""


@pytest.mark.parametrize(
    "path", [path for path in PLACES if not path.endswith(UNCHECKED) and path not in {ABSENT, f"{ABSENT}/signature"}]
)
def test_no_member_can_be_left_out(path: str) -> None:
    with pytest.raises(EvidenceError):
        judged(json.dumps(workshop.patched(VALID, [{"op": "remove", "path": path}])).encode())


@pytest.mark.parametrize("token", [b"[", b'{"a":', b'{"\\"":[', b'[ "]]]]",'])
def test_deep_nesting_is_refused_before_the_parser_meets_it(token: bytes) -> None:
    # As in a process that loaded py-evm: the parser's own guard, the recursion limit, is out of reach.
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(Unreadable, match="deeper"):
            Receipt.parse(token * 100_000)
    finally:
        sys.setrecursionlimit(limit)


def test_nesting_up_to_the_limit_is_read() -> None:
    for depth, words in ((MAXIMUM_DEPTH, "members unknown"), (MAXIMUM_DEPTH + 1, "deeper")):
        extra = b"[" * (depth - 2) + b"]" * (depth - 2)
        with pytest.raises(Unreadable, match=words):
            Receipt.parse(TEXT.replace(b'"inclusion":{', b'"inclusion":{"a":' + extra + b","))


@pytest.mark.parametrize("piece", [b'\\"', b'"', b"\\", b'"[', b"[]", b"{}"])
def test_no_text_takes_long_to_refuse(piece: bytes) -> None:
    with pytest.raises(Unreadable):
        Receipt.parse(b'"' + piece * (MAXIMUM_DOCUMENT // len(piece) - 1))


def test_a_receipt_is_at_most_a_mebibyte() -> None:
    Receipt.parse(TEXT + b" " * (MAXIMUM_DOCUMENT - len(TEXT)))
    with pytest.raises(Unreadable, match="larger"):
        Receipt.parse(TEXT + b" " * (MAXIMUM_DOCUMENT - len(TEXT) + 1))


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_noise_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        Receipt.parse(data)


def test_the_two_halves_make_the_receipt() -> None:
    half = {name: VALID[name] for name in ("inclusion", "checkpoint", "anchor", "timestamp")} | {
        "entry": {"index": 137}
    }
    assert json.loads(complete(half, DIGEST, workshop.SALT)) == VALID
    with pytest.raises(Invalid):
        judged(complete(half, DIGEST, bytes(32)))
    for name in half:
        with pytest.raises(Unreadable):
            complete({key: value for key, value in half.items() if key != name}, DIGEST, workshop.SALT)
    with pytest.raises(Unreadable):
        complete(half | {"entry": None}, DIGEST, workshop.SALT)


def test_checks_keep_no_memory_of_each_other() -> None:
    receipt = Receipt.parse(TEXT)
    with pytest.raises(Invalid):
        verify(receipt, workshop.digest_of([b"another"]), TRUST)
    verify(receipt, DIGEST, TRUST)
    with pytest.raises(MissingAnchor):
        verify(receipt, DIGEST, TrustAnchors(TRUST.network, TRUST.ledger, (), TRUST.authorities))
    verify(receipt, DIGEST, TRUST)
