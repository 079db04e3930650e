# SPDX-License-Identifier: Apache-2.0
"""Searching a directory of 2,000 members and comparing names with all of theirs, in a process of its own.

    .venv/bin/python bench/members.py [sqlite|URL]

Milliseconds of the processor's clock: other work on the machine does not count. Pages: bench/portal.py.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from full_consortium import MEMBERS, insert_members
from maillon.kit.clock import SystemClock
from maillon.kit.store import Store
from maillon.services.members import names
from maillon.services.members import store as tables
from maillon.services.members.service import words_of

ROUNDS = 200


def measured(work: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds of the processor for one call: median and 95th percentile."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append((time.process_time() - began) * 1000)
    taken.sort()
    return {"median": round(statistics.median(taken), 2), "p95": round(taken[int(0.95 * ROUNDS)], 2)}


def main(url: str) -> None:
    """Fill, ask, write."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/bench.sqlite3" if url == "sqlite" else url)
        with store.transaction() as session:
            insert_members(session)
            tables.advance(session, -1, 1)

        def search(text: str) -> int:
            wanted = tables.Filter(words=words_of(text))
            with store.read() as session:
                tables.facets(session, wanted, clock.now())
                return len(tables.directory(session, wanted, clock.now(), 21))

        with store.read() as session:
            others = [names.compared(number, name) for number, name in tables.legal_names(session)]
        if not (search("cormoran") and search("banque sur velle")) or search("nobody"):
            raise RuntimeError("the directory does not find what stands in it, or finds what does not")
        figures: dict[str, Any] = {"members": MEMBERS}
        for name, work in (
            ("search_one_word", lambda: search("cormoran")),
            ("search_three_words", lambda: search("banque sur velle")),
            ("search_nothing_found", lambda: search("nobody")),
            ("names_compared_with_all", lambda: names.similar("Banque Cormoran-sur-Velle", others)),
        ):
            figures |= {f"{name}_{which}_ms": value for which, value in measured(work).items()}
        store.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sqlite")
