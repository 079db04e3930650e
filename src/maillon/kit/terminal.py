# SPDX-License-Identifier: Apache-2.0
"""What the terminal doors share: exit codes, answers as tables or JSON, and one way to end with an error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

OK = 0
REFUSED = 1
"""The answer is no: invalid, refused, not found."""
UNDECIDED = 2
"""Could not tell or could not ask: unreadable, unreachable, wrong usage."""


def print_json(document: Any) -> None:
    """One line of JSON on standard output; in ASCII, so that names of any bytes can be written to any terminal."""
    sys.stdout.write(json.dumps(document, default=str) + "\n")
    sys.stdout.flush()


def fail(message: str, status: int = UNDECIDED, *, as_json: bool = False) -> NoReturn:
    """Say what is wrong on standard error (as JSON on standard output when asked), and end with that status."""
    if as_json:
        print_json({"error": message, "status": status})
    else:
        sys.stderr.write(message.rstrip() + "\n")
    sys.exit(status)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table that fits the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    # What is shown is what was said: neither :key: nor [red] means anything here.
    Console(emoji=False, markup=False).print(table)


def progress_line(message: str) -> None:
    """Say on standard error what is being done."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()
