# SPDX-License-Identifier: Apache-2.0
"""What is printed is what was said."""

from __future__ import annotations

import pytest

from maillon.kit.terminal import print_table


def test_a_table_shows_texts_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("number", "what"), [(1, "portal:key:created"), (2, "[red]name[/red]"), (None, "é")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["number", "what"],
        ["1", "portal:key:created"],
        ["2", "[red]name[/red]"],
        ["é"],
    ]
