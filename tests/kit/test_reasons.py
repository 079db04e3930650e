# SPDX-License-Identifier: Apache-2.0
"""A report of the verifier as a page says it: findings, moments and reasons in the words of its reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from maillon.evidence.hashing import Algorithm, digest_of
from maillon.evidence.receipt import Receipt, explain
from maillon.evidence.trust import TrustAnchors
from maillon.kit.language import Language
from maillon.kit.page import moment
from maillon.kit.reasons import reported

EXAMPLE = Path(__file__).resolve().parents[2] / "vectors/example"
RECEIPT = Receipt.parse((EXAMPLE / "minutes.txt.receipt.json").read_bytes())
TRUST = (EXAMPLE / "trust.json").read_bytes()
with (EXAMPLE / "minutes.txt").open("rb") as file:
    DIGEST = digest_of(file, Algorithm.SHA2_256)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_finding_says_its_moment_as_pages_do(language: Language) -> None:
    report = explain(RECEIPT, DIGEST, TrustAnchors.parse(TRUST))
    assert report.time is not None
    assert " UTC" in str(report.to_json()["steps"][5]["compared"]), "programs read it in UTC"
    compared = [step["compared"] for step in reported(report, language)["steps"]]
    assert moment(report.time, language) in compared[5]
    assert not [one for one in compared if "UTC" in one]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_page_names_no_option_of_the_command_line(language: Language) -> None:
    foreign = TRUST.replace(b'"origin": "', b'"origin": "other.')
    report = explain(RECEIPT, DIGEST, TrustAnchors.parse(foreign))
    document = reported(report, language)
    assert document["verdict"] == "undecided"
    assert "--" not in f"{document['error']['reason']} {document['error']['advice']} {document['steps'][3]['compared']}"
