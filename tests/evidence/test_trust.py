# SPDX-License-Identifier: Apache-2.0
"""Trust anchors: what is written is read back, and a log nobody vouched for is no log. Bad files are in vectors/."""

from __future__ import annotations

import pytest
import workshop
from hypothesis import given, settings
from hypothesis import strategies as st

from maillon.evidence.errors import MissingAnchor, UnknownVersion, Unreadable
from maillon.evidence.trust import TrustAnchors

TEXT = workshop.trust_anchors().to_json()


def test_anchors_come_back() -> None:
    assert TrustAnchors.parse(TEXT) == workshop.trust_anchors()
    assert TrustAnchors.parse(TEXT).to_json() == TEXT


def test_a_log_is_found_by_its_origin_and_no_other() -> None:
    anchors = workshop.trust_anchors()
    assert anchors.log(workshop.ORIGIN).verifier.name == workshop.ORIGIN
    for origin in ("", workshop.ORIGIN + "/", workshop.ORIGIN.upper()):
        with pytest.raises(MissingAnchor, match="know no log"):
            anchors.log(origin)


@settings(max_examples=200)
@given(st.integers(0, len(TEXT) - 1), st.integers(0, 255))
def test_an_altered_file_is_refused_or_another(place: int, byte: int) -> None:
    altered = TEXT[:place] + bytes([byte]) + TEXT[place + 1 :]
    try:
        anchors = TrustAnchors.parse(altered)
    except (Unreadable, UnknownVersion):
        return
    assert TrustAnchors.parse(anchors.to_json()) == anchors


@given(st.binary(max_size=100))
def test_noise_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        TrustAnchors.parse(data)
