# SPDX-License-Identifier: Apache-2.0
"""Two verifiers, one answer: whatever is done to a receipt, both end at the same step, for the same reason.

The same reason is asked where one thing was altered. Where several were, documents have several faults, and the formats
do not say which is named; then verdict and step must be the same.
"""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
import workshop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from javascript_verifier import Answer, Judge
from maillon.evidence.errors import Invalid, Undecided
from maillon.evidence.hashing import Digest
from maillon.evidence.receipt import Receipt, explain
from maillon.evidence.trust import TrustAnchors

RECEIPTS = json.loads((workshop.VECTORS / "receipt.json").read_bytes())["bases"]
ANCHORS = json.loads((workshop.VECTORS / "trust.json").read_bytes())["anchors"]["main"]
BASES = ["commitment", "public", "first of one", "followed to new validators", "skipped to new validators"]
EXAMPLES = settings(max_examples=300, suppress_health_check=list(HealthCheck))
ODD = [
    "", "0", "-0", "00", "-1", "0x", "0x0", "0x00", " ", "1" * 19, "9" * 20, str(2**63), str(2**63 - 1), "٣", "é",
    "\x7f", "\x85", "\ufeff", "\U0001f600",
]  # fmt: skip
NUMBERS = [0, 1, -1, 3, 4, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 10**18, 10**19]


def ours(receipt: bytes, anchors: bytes, digest: Digest | None) -> Answer:
    """The answer of the Python verifier."""
    try:
        trust, parsed = TrustAnchors.parse(anchors), Receipt.parse(receipt)
    except Undecided as error:
        return "undecided", None, type(error).__name__
    report = explain(parsed, digest, trust)
    if report.error is None:
        return "valid", None, None
    assert isinstance(report.error, Invalid | Undecided)
    verdict = "invalid" if isinstance(report.error, Invalid) else "undecided"
    return verdict, report.error.step, type(report.error).__name__


def digest_in(base: str) -> Digest:
    stated = RECEIPTS[base]["digest"]
    return Digest.parse(stated["algorithm"], stated["value"])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a document."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(*path, name) for name, _ in members] + [
        deeper for name, each in members for deeper in places(each, (*path, name))
    ]


def altered_text(data: st.DataObject, text: str) -> str:
    """A text with something done to it: by character, by byte where it is base64, or another one altogether."""
    how = data.draw(st.sampled_from(["replace", "insert", "cut", "case", "odd", "twice", "byte"]))
    place = data.draw(st.integers(0, len(text)))
    character = data.draw(st.sampled_from("0123456789abcdefABCDEF+/=.:-TZ \n\tÀ٣😀\x7f"))
    if how == "byte":
        try:
            decoded = bytearray(base64.b64decode(text, validate=True))
        except ValueError:
            return text + "="
        if decoded:
            decoded[data.draw(st.integers(0, len(decoded) - 1))] = data.draw(st.integers(0, 255))
        return base64.b64encode(bytes(decoded)).decode()
    return {
        "replace": text[:place] + character + text[place + 1 :],
        "insert": text[:place] + character + text[place:],
        "cut": text[:place],
        "case": text.swapcase(),
        "odd": data.draw(st.sampled_from(ODD)),
        "twice": text + text,
    }[how]


def alter(data: st.DataObject, document: dict[str, Any]) -> None:
    """Do one thing to one value of a document."""
    top = data.draw(st.sampled_from(sorted(document)))
    within = [path for path in places(document) if path[0] == top]
    *names, last = data.draw(st.sampled_from(within))
    parent: Any = document
    for name in names:
        parent = parent[name]
    value = parent[last]
    other_type = st.sampled_from([None, True, 0, "", [], {}])
    if data.draw(st.integers(0, 9)) == 0:
        parent[last] = data.draw(other_type)
    elif isinstance(value, str):
        parent[last] = altered_text(data, value)
    elif isinstance(value, int):
        parent[last] = data.draw(st.sampled_from([*NUMBERS, value + 1, str(value), True]))
    elif isinstance(value, list):
        how = data.draw(st.sampled_from(["less", "more", "turned"]))
        if how == "more" and value:
            value.append(copy.deepcopy(data.draw(st.sampled_from(value))))
        elif value:
            value.pop() if how == "less" else value.reverse()
    elif isinstance(value, dict) and value:
        name = data.draw(st.sampled_from(sorted(value)))
        member = value.pop(name)
        if data.draw(st.booleans()):
            value[data.draw(st.sampled_from(["remark", name + "x", "é", ""]))] = member
    else:
        parent[last] = data.draw(other_type)


@pytest.mark.parametrize("base", sorted(RECEIPTS))
def test_both_say_the_same_of_every_base(judge: Judge, base: str) -> None:
    receipt, anchors = workshop.encode(RECEIPTS[base]), workshop.encode(ANCHORS)
    for digest in (digest_in(base), None, Digest.parse("sha2-256", "00" * 32)):
        assert judge(receipt, anchors, digest) == ours(receipt, anchors, digest)


@EXAMPLES
@given(data=st.data(), base=st.sampled_from(BASES))
def test_both_say_the_same_of_an_altered_receipt(judge: Judge, data: st.DataObject, base: str) -> None:
    document = copy.deepcopy(RECEIPTS[base])
    alter(data, document)
    receipt, anchors = workshop.encode(document), workshop.encode(ANCHORS)
    assert judge(receipt, anchors, digest_in(base)) == ours(receipt, anchors, digest_in(base))


@EXAMPLES
@given(data=st.data(), base=st.sampled_from(BASES))
def test_both_end_at_the_same_step_when_much_was_altered(judge: Judge, data: st.DataObject, base: str) -> None:
    document, trust = copy.deepcopy(RECEIPTS[base]), copy.deepcopy(ANCHORS)
    for _ in range(data.draw(st.integers(1, 3))):
        alter(data, data.draw(st.sampled_from([document, document, trust])))
    receipt, anchors = workshop.encode(document), workshop.encode(trust)
    assert judge(receipt, anchors, digest_in(base))[:2] == ours(receipt, anchors, digest_in(base))[:2]


@EXAMPLES
@given(data=st.data())
def test_both_say_the_same_of_altered_text(judge: Judge, data: st.DataObject) -> None:
    receipt = bytearray(workshop.encode(RECEIPTS["commitment"]))
    place, length = data.draw(st.integers(0, len(receipt))), data.draw(st.integers(0, 3))
    pieces = [
        b"",
        b" ",
        b"0",
        b"-",
        b"e",
        b".",
        b"[",
        b"{",
        b'"',
        b"\\",
        b"\\u0041",
        b"\\ud800",
        b"\xff",
        b"\xed\xa0\x80",
    ]
    receipt[place : place + length] = data.draw(st.one_of(st.sampled_from(pieces), st.binary(max_size=3)))
    anchors = workshop.encode(ANCHORS)
    answers = [each(bytes(receipt), anchors, digest_in("commitment")) for each in (judge, ours)]
    # A cut may hide one fault behind another: the reason is asked where it is not about reading.
    assert answers[0][:2] == answers[1][:2]
    if answers[0][1] is not None:
        assert answers[0] == answers[1]


@EXAMPLES
@given(data=st.data())
def test_both_say_the_same_of_an_altered_token(judge: Judge, data: st.DataObject) -> None:
    document = copy.deepcopy(RECEIPTS["commitment"])
    token = bytearray(base64.b64decode(document["timestamp"]))
    place, length = data.draw(st.integers(0, len(token) - 1)), data.draw(st.integers(0, 2))
    tags = [b"\x00", b"\x01", b"\x02", b"\x05", b"\x30", b"\x31", b"\x80", b"\x81", b"\xa0", b"\xa1", b"\xff"]
    token[place : place + length] = data.draw(st.one_of(st.sampled_from(tags), st.binary(max_size=2)))
    document["timestamp"] = base64.b64encode(bytes(token)).decode()
    receipt, anchors = workshop.encode(document), workshop.encode(ANCHORS)
    assert judge(receipt, anchors, digest_in("commitment")) == ours(receipt, anchors, digest_in("commitment"))
