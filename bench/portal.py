# SPDX-License-Identifier: Apache-2.0
"""Every page of the portal with 2,000 members, 5,000 people and 1,000 votes: how fast it is made, and what it weighs.

    .venv/bin/python bench/portal.py [sqlite|URL] [--pages]

A home of its own is begun through the doors (`tests/portal_atlas.py` shows what stands on it), then filled through the
services' tables. The pages are the atlas's, and those that only a full consortium has: everybody is somebody in the
office, which is the longest list there can be. The whole application is asked, every middleware and template with it,
without a socket: once by the processor's clock, where other work on the machine does not count, and once by the wall's.
A page weighs what a browser without a cache is sent for it: itself, its styles, scripts and pictures as the server
packs them, and the fonts its characters need. With `--pages` the figures of each page are printed too.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import httpx
from sqlalchemy import func, select

from full_consortium import (
    CLOSED,
    LAST_CLOSED,
    MEMBERS,
    ONE_MEMBER,
    PEOPLE,
    VOTES,
    insert_members,
    insert_people,
    insert_votes,
)
from maillon.kit.settings import Settings
from maillon.kit.store import Store
from maillon.main import Application, exclusive_home
from maillon.services.members.store import ORGANISATION
from maillon.services.votes.errors import NoRecord
from maillon.services.votes.store import PROPOSAL
from moved_clock import MovedClock
from portal_atlas import ATLAS, Example, clock_of, make_example, platform_of_the_atlas

REQUESTS = int(os.environ.get("MAILLON_BENCH_REQUESTS", "40"))
FULL = (
    ("directory-search", "members?q=banque+velle"),
    ("directory-late", "members?after=1000"),
    ("directory-filtered", "members?kind=company&country=DE&status=active"),
    ("member-late", f"members/{ONE_MEMBER}"),
    ("people-of-a-member", f"organisations/{ONE_MEMBER}/people"),
    ("keys-of-a-member", f"organisations/{ONE_MEMBER}/keys"),
    ("trail-of-a-member", f"organisations/{ONE_MEMBER}/trail"),
    ("register-of-a-member", f"organisations/{ONE_MEMBER}/register"),
    ("applications-all", "office/applications?state=admitted&state=submitted&state=refused"),
    ("votes-closed-middle", "votes?show=closed&before=500"),
    ("vote-of-everybody", f"votes/{VOTES}"),
    ("vote-of-everybody-end", f"votes/{VOTES}?offset={MEMBERS - 25}"),
    ("vote-closed", f"votes/{CLOSED}"),
    ("vote-closed-end", f"votes/{CLOSED}?offset={MEMBERS - 25}"),
    ("record-of-everybody", f"votes/{CLOSED}/record"),
    ("record-of-everybody-end", f"votes/{CLOSED}/record?offset={MEMBERS - 25}"),
)
"""What is only there when there is much of it."""
WORST = 5
"""How many of the worst pages are named with their figures."""
ALWAYS_SAID = ("members", "votes-all", "vote-of-everybody")
"""The lists of everybody and everything, whose figures are said even where other pages are slower."""

_OTHERWISE = {"member-unknown": 200, "credits-unknown": 200}
"""How pages answer that this consortium has."""


class Weigher:
    """What a browser without a cache is sent for a page, bytes."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._known: dict[str, tuple[int, str]] = {}

    async def _file(self, address: str) -> tuple[int, str]:
        if address not in self._known:
            async with self._http.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as answer:
                sent = 0
                async for part in answer.aiter_raw():
                    sent += len(part)
            plain = await self._http.get(address, headers={"Accept-Encoding": "identity"})
            self._known[address] = (sent, plain.text if address.endswith(".css") else "")
        return self._known[address]

    async def weigh(self, text: str, sent: int) -> int:
        """A page, sent in so many bytes, and all it needs."""
        linked = re.findall(r'<(?:link|script|img)\b[^>]*?(?:href|src)="(/static/[^"]+)"', text)
        needed = set(linked)
        shown = set(re.sub(r"<[^>]+>", "", text))
        for sheet in [one for one in needed if one.endswith(".css")]:
            for face in re.findall(r"@font-face\s*{([^}]*)}", (await self._file(sheet))[1]):
                found = re.search(r'url\("?(/static/[^")]+)', face)
                ranges = re.findall(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?", face, re.IGNORECASE)
                spans = [(int(low, 16), int(high or low, 16)) for low, high in ranges] or [(0, 0x10FFFF)]
                if found and any(low <= ord(one) <= high for one in shown for low, high in spans):
                    needed.add(found[1])
        return sent + sum([(await self._file(one))[0] for one in sorted(needed)])


async def measure(home: Path, database: str | None, example: Example, member: str, *, each: bool) -> dict[str, Any]:
    """The figures of every page, and the worst of them."""
    # Far from the limit of tries, which would be measured in place of the page that is tried.
    settings = Settings(home=home, database=database, demo=False, log_in_rate=10_000, rate_limit=10_000)
    application = await Application.open(settings, clock=MovedClock())
    # Neither followers nor housekeeping: nothing happens beside the requests that are measured.
    await application.notary.start()
    await keep_records(application)
    app = application.create_app()
    found: dict[str, dict[str, float]] = {}
    sights = {sight.name: sight.address("fr", example) for sight in ATLAS}
    sights |= {name: f"/fr/{path}" for name, path in FULL}
    statuses = {sight.name: sight.status for sight in ATLAS}
    transport = httpx.ASGITransport(app)
    headers = {"Accept": "text/html", "Accept-Encoding": "gzip"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as http:
        weigher, measured, wrong = Weigher(http), {}, []
        for name, address in sights.items():
            if address in measured:
                found[name] = measured[address]
                continue
            kept = member if f"/organisations/{ONE_MEMBER}/" in address else example.session
            http.headers["Cookie"] = f"maillon={kept}"
            wall, processor = [], []
            for round_ in range(REQUESTS + 2):
                began, began_processor = time.perf_counter(), time.process_time()
                async with http.stream("GET", address) as answer:
                    sent = b"".join([part async for part in answer.aiter_raw()])
                if round_ >= 2:  # what is compiled and connected once is no page's
                    wall.append(1000 * (time.perf_counter() - began))
                    processor.append(1000 * (time.process_time() - began_processor))
            expected = _OTHERWISE.get(name, statuses.get(name, 200))
            if answer.status_code != expected and "/refusals/" not in address:
                wrong.append(f"{address} answers {answer.status_code} and not {expected}")
            text = (await http.get(address)).text
            measured[address] = found[name] = {
                "processor_p50_ms": round(statistics.median(processor), 1),
                "processor_p95_ms": round(statistics.quantiles(processor, n=20)[-1], 1),
                "wall_p50_ms": round(statistics.median(wall), 1),
                "wall_p95_ms": round(statistics.quantiles(wall, n=20)[-1], 1),
                "weight_kb": round(await weigher.weigh(text, len(sent)) / 1000, 1),
                "html_kb": round(len(sent) / 1000, 1),
                "status": answer.status_code,
            }
    if wrong:
        raise RuntimeError("; ".join(wrong))
    if each:
        for name, figures in sorted(found.items(), key=lambda one: -one[1]["processor_p95_ms"]):
            print(f"{name:28}", *(f"{key} {value:>7}" for key, value in figures.items()), file=sys.stderr)
    await application.notary.stop()
    application.store.close()
    if application.chain is not None:
        application.chain.close()
    return found


async def keep_records(application: Application) -> None:
    """Every closed vote has its record, entered in the log and anchored, as the follower of votes would have it."""
    assert application.sealer is not None
    application.sealer.start()
    while await application.votes.keep_records():
        pass
    async with asyncio.timeout(300):
        while True:
            try:
                await application.votes.receipt(LAST_CLOSED)
            except NoRecord:
                await asyncio.sleep(0.2)
            else:
                break
    await asyncio.to_thread(application.sealer.stop)


def fill(home: Path, database: str | None) -> str:
    """What a consortium in its fifth year has, beside what the doors made; the session of a member's administrator."""
    settings = Settings(home=home, database=database)
    store = Store.open(settings.database_url)
    with store.transaction() as session:
        insert_members(session, 1 + (session.execute(select(func.max(ORGANISATION.c.number))).scalar() or 0))
        first = 1 + (session.execute(select(func.max(PROPOSAL.c.number))).scalar() or 0)
        insert_votes(session, int(MovedClock().now().timestamp()), first)
        token = insert_people(session, home)
    store.close()
    return token


def figures_of(found: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The worst of all pages, where, and the pages that are always said."""
    figures: dict[str, Any] = {"members": MEMBERS, "people": PEOPLE, "votes": VOTES, "pages": len(found)}
    for key in ("processor_p95_ms", "wall_p95_ms", "weight_kb"):
        worst = sorted(found.items(), key=lambda one: -one[1][key])
        figures |= {f"worst_{key}": worst[0][1][key], f"median_{key}": round(statistics.median(
            one[1][key] for one in worst), 1)}  # fmt: skip
        for place, (name, one) in enumerate(worst):
            if place < WORST or name in ALWAYS_SAID:
                figures[f"{key} of {name}"] = one[key]
    return figures


def main() -> None:
    """Begin, fill, measure, print."""
    chosen = [argument for argument in sys.argv[1:] if argument not in ("sqlite", "--pages")]
    database = chosen[0] if chosen else None
    with tempfile.TemporaryDirectory() as folder:
        settings = f'database = "{database}"' if database else ""
        with platform_of_the_atlas(Path(folder), settings) as platform:
            example = make_example(platform, Path(folder) / "example")
        home = platform.home
        # The chain goes on by the clock it was made with.
        MovedClock.file = clock_of(home)
        with exclusive_home(home):
            token = fill(home, database)
            found = asyncio.run(measure(home, database, example, token, each="--pages" in sys.argv))
    print(json.dumps(figures_of(found)))


if __name__ == "__main__":
    main()
