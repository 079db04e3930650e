# SPDX-License-Identifier: Apache-2.0
"""How fast the pages of votes are made: 1,000 votes, 2,000 members, two of the votes with a position of each member.

The read model is filled directly, and the doors are asked as an ASGI application: what is measured is this service, its
database and its templates, on one core and in one process, without a network and without the chain.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import statistics
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy.engine import Connection

from maillon.kit.clock import FixedClock
from maillon.kit.page import Renderer
from maillon.kit.store import Store
from maillon.ledger.port import Signer
from maillon.services.votes import store as tables
from maillon.services.votes.api import router
from maillon.services.votes.errors import Refused
from maillon.services.votes.model import Ballot, Position, Proposal, ProposalKind, Statutes, Tally, Terms
from maillon.services.votes.pages import pages
from maillon.services.votes.service import VotesService
from maillon.services.votes.texts import digest

VOTES, MEMBERS = 1_000, 2_000
LAST_CLOSED = VOTES - 20
CLOSED = 500
"""A closed vote in which everybody took a position, as in the newest, which is open."""
REQUESTS = 200
NOW = 1_800_000_000


class Names:
    """A register that answers from memory."""

    async def legal_names(self, organisations: Collection[int]) -> Mapping[int, str]:
        """Legal names by number."""
        return {number: f"Organisation n° {number}" for number in organisations}

    async def organisations(self, statuses: Collection[int]) -> Mapping[int, str]:  # noqa: ARG002 - as the port has it
        """Nobody is to be chosen."""
        return {}

    async def signer(self, organisation: int) -> Signer:
        """No key is kept."""
        raise Refused(f"no key of organisation {organisation}")


class Chain:
    """A proposal without calls asks the chain what gas costs, and nothing else."""

    async def gas_price(self) -> int:
        """Wei for a unit of gas."""
        return 1_000_000_007


def insert_votes(session: Connection, now: int, first: int = 1) -> None:
    """Votes of a consortium in its fifth year; `first` where some stand there already. Two are everybody's."""
    for number in range(first, VOTES + 1):
        text = f"Proposition {number}\n\n" + "Parce que. " * 100
        tables.insert_text(session, digest(text), text)
        closes = now + 3_600 if number > LAST_CLOSED else now - number
        proposal = Proposal(
            number, ProposalKind.ORDINARY, 1, number % MEMBERS + 1, digest(text), (), closes - 86_400, closes,
            closes + 3_600, closes + 90_000, number
        )  # fmt: skip
        tables.insert_proposal(session, proposal, closes - 90_000, number.to_bytes(32, "big"))
        tables.write_tally(session, number, 0, Tally(MEMBERS, 900, 300, 100, 10))
    reason = "Parce que nos communes en ont besoin, et que personne d’autre ne le fera. " * 3
    tables.insert_text(session, digest(reason), reason)
    for number, last in ((VOTES, now - 60), (CLOSED, now - CLOSED - 60)):
        for member in range(1, MEMBERS + 1):
            said = (Position.OBJECT, digest(reason)) if member % 4 == 0 else (Position.FOR, bytes(32))
            row = tables.BallotRow(
                member, Ballot(said[0], 0, 1, 0), said[1], member, last, member.to_bytes(32, "big")
            )  # fmt: skip
            tables.write_ballot(session, number, row, 0)


def fill(store: Store) -> None:
    """The read model."""
    terms = Terms(2_500, 1, 2, 86_400, 3_600)
    with store.transaction() as session:
        tables.insert_statutes(session, 1, Statutes((terms, terms, terms), 0, 86_400, 3, False, (1,) * 8))
        tables.advance(session, -1, 10_000)
        insert_votes(session, NOW)


async def measure(store: Store) -> dict[str, Any]:
    """Milliseconds of the processor for each page, one request after another: other work on the machine counts not."""
    clock = FixedClock(datetime.datetime.fromtimestamp(NOW, datetime.UTC))
    contract: Any = Chain()
    service = VotesService(store, contract, Names(), clock, network="bench", chain_id=1)
    app = FastAPI()
    app.include_router(router(service))
    app.include_router(pages(service, Renderer(), "http://bench.test", "bench"))
    figures: dict[str, Any] = {}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bench.test") as http:
        for name, path in (
            ("list", "/fr/votes?show=all"),
            ("list_middle", "/fr/votes?show=closed&before=500"),
            ("proposal", f"/fr/votes/{VOTES}"),
            ("proposal_last_positions", f"/fr/votes/{VOTES}?offset={MEMBERS - 25}"),
            ("proposal_closed", f"/fr/votes/{CLOSED}"),
            ("api_proposal", f"/v1/votes/{VOTES}"),
            ("api_positions", f"/v1/votes/{VOTES}/positions?limit=200"),
        ):
            taken = []
            for _ in range(REQUESTS):
                began = time.process_time()
                answer = await http.get(path, headers={"Accept": "text/html"})
                taken.append(1000 * (time.process_time() - began))
                assert answer.status_code == 200, answer.text
            figures[f"{name}_p50_milliseconds"] = round(statistics.median(taken), 1)
            figures[f"{name}_p95_milliseconds"] = round(statistics.quantiles(taken, n=20)[-1], 1)
    return figures


def main() -> None:
    """Fill, measure, print."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{Path(folder) / 'database'}")
        fill(store)
        print(json.dumps(asyncio.run(measure(store))))
        store.close()


if __name__ == "__main__":
    main()
