# SPDX-License-Identifier: Apache-2.0
"""The directory with 2,000 members: search, page and comparison of names, in a process of its own.

    .venv/bin/python bench/members.py [sqlite|URL]

Milliseconds of the processor's clock: other work on the machine does not count.
"""

from __future__ import annotations

import datetime
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from sqlalchemy.engine import Connection
from starlette.requests import Request

from maillon.kit.clock import SystemClock
from maillon.kit.countries import country_names
from maillon.kit.page import Renderer
from maillon.kit.store import Store
from maillon.services.members import names, rules, views
from maillon.services.members import store as tables
from maillon.services.members.model import Identifier, Kind, Organisation, Status
from maillon.services.members.service import words_of

MEMBERS = 2_000
ROUNDS = 200
PARTS = ("Commune de", "Banque", "Université", "Port de", "Laiterie", "Hôpital", "Ateliers", "Département de la")
PLACES = ("Velle", "Lorne", "Ambrun", "Kermadec", "Vézanne", "Brévanne", "Cormoran", "Ysoline", "Oosterwede", "Lornau")


def insert_members(session: Connection, first: int = 1) -> None:
    """The read model, as a chain with so many members would have made it; `first` where some stand there already."""
    chance = random.Random(1)
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    countries = ["FR"] * 20 + ["DE", "NL", "BE", "IT", "ES", "PT", "GR", "DK", "CH"]
    for number in range(first, MEMBERS + 1):
        name = f"{chance.choice(PARTS)} {chance.choice(PLACES)}-sur-{chance.choice(PLACES)} {number}"
        organisation = Organisation(
            number, Identifier("siren", f"{number:09}"), name, Kind(number % 6), chance.choice(countries), 1, 0,
            Status.ACTIVE if number % 20 else Status.SUSPENDED, None, "", 0, now, now,
        )  # fmt: skip
        search = f"{names.plain(name)} {number:09} {organisation.country.lower()} france"
        tables.insert_organisation(session, organisation, search, number.to_bytes(20, "big"))


def measured(work: Any) -> dict[str, float]:
    """Milliseconds of the processor for one call: median and 95th of a hundred."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append((time.process_time() - began) * 1000)
    taken.sort()
    return {"median": round(statistics.median(taken), 2), "p95": round(taken[int(0.95 * ROUNDS)], 2)}


def main(url: str) -> None:
    """Fill, ask, write."""
    clock, renderer = SystemClock(), Renderer()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/bench.sqlite3" if url == "sqlite" else url)
        with store.transaction() as session:
            insert_members(session)
            tables.advance(session, -1, 1)

        def search(text: str) -> tuple[list[Organisation], dict[str, Any]]:
            wanted = tables.Filter(words=words_of(text))
            with store.read() as session:
                return (
                    tables.directory(session, wanted, clock.now(), 21),
                    tables.facets(session, wanted, clock.now()),
                )

        scope = {"type": "http", "method": "GET", "path": "/fr/members", "headers": [], "query_string": b""}

        def page() -> bytes:
            found, counted = search("")
            now = clock.now()
            countries = dict(sorted(counted["country"].items(), key=lambda item: -item[1]))
            document = {
                "members": [views.organisation_document(one, now) for one in found[:20]], "total": MEMBERS, "next": 20,
                "more": "after=20", "first": None, "most": max(countries.values()),
                "map": views.map_document(countries),
                "facets": {"kind": dict.fromkeys(rules.KINDS, 1), "country": countries, "status": {"active": 1}},
                "names": {code: country_names("fr")[code] for code in countries}, "query": "", "block": 1,
                "chosen": {"kind": [], "status": [], "country": []}, "filtered": False,
            }  # fmt: skip
            return renderer.answer(Request(scope), "fr", "members_directory.html", document).body

        others = [names.compared(number, name) for number, name in _names(store)]
        figures: dict[str, Any] = {"members": MEMBERS, "page_bytes": len(page())}
        for name, work in (
            ("search_one_word", lambda: search("cormoran")),
            ("search_three_words", lambda: search("banque sur velle")),
            ("search_nothing_found", lambda: search("nobody")),
            ("page_of_the_directory", page),
            ("names_compared_with_all", lambda: names.similar("Banque Cormoran-sur-Velle", others)),
        ):
            figures |= {f"{name}_{which}_ms": value for which, value in measured(work).items()}
        store.close()
    print(json.dumps(figures))


def _names(store: Store) -> list[tuple[int, str]]:
    with store.read() as session:
        return tables.legal_names(session)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sqlite")
