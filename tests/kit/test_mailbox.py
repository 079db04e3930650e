# SPDX-License-Identifier: Apache-2.0
"""One mailbox is one text, whatever letters its domain is typed in."""

from __future__ import annotations

import pytest

from maillon.kit.mailbox import parse_mailbox


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Ada@Office.Example", "ada@office.example"),
        (" ada+vote@office.example ", "ada+vote@office.example"),
        ("maire@mairie-Évry.fr", "maire@xn--mairie-vry-h7a.fr"),
        ("maire@xn--mairie-vry-h7a.fr", "maire@xn--mairie-vry-h7a.fr"),
        # Another domain than strasse.de, and its letters are for others to read.
        ("post@straße.de", "post@xn--strae-oqa.de"),
    ],
)
def test_a_mailbox_is_read(typed: str, read: str) -> None:
    assert parse_mailbox(typed) == read
    assert parse_mailbox(read) == read


@pytest.mark.parametrize(
    "typed",
    [
        "", "ada", "ada@", "@office.example", "ada@office", "a b@office.example", "ada@office..example",
        "é@office.example", "ada@é", f"ada@{'é' * 80}.fr", "ada@office.example\r\nBcc: all@office.example",
        "a" * 65 + "@office.example", "a@" + "b." * 130 + "example", "ada@xn--zz.fr", "ada@a\u202eb.fr",
    ],
)  # fmt: skip
def test_what_is_no_mailbox_is_not_read(typed: str) -> None:
    assert parse_mailbox(typed) is None
