# SPDX-License-Identifier: Apache-2.0
"""The other side of `api`: acts of votes, encoded on the machine that signs them, and the texts that go with them.

`maillon.ledger.client` signs.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from maillon.ledger import client
from maillon.ledger.abi import Call
from maillon.ledger.contracts.brake import Brake
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.errors import LedgerError
from maillon.ledger.port import Address
from maillon.services.votes import texts
from maillon.services.votes.errors import VotesError
from maillon.services.votes.model import Position, ProposalKind, ProposedCall, Statutes, own_number

if TYPE_CHECKING:
    from maillon.services.votes.acts import Book
    from maillon.services.votes.contract import VotesContract
    from maillon.services.votes.export import Export

_PATIENCE: Final = 60.0
"""Seconds we try to give a text."""
_PAUSE: Final = 0.25


class Server(client.Server):
    """A running instance, asked about votes."""

    def send_text(self, text: str) -> None:
        """Give a text whose digest the chain names; tried until the server has read the chain. Raises as `get`."""
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                self.post_text("/v1/votes/texts", text)
            except client.ServerRefused:
                if time.monotonic() > end:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def prepare(self, act: dict[str, Any]) -> dict[str, Any]:
        """What an act means in words, and where it goes. Raises as `get`."""
        document = self.post("/v1/votes/acts", act)
        assert isinstance(document, dict)
        return document

    def law(self) -> tuple[Book, Statutes]:
        """Where the Directory leads, and the statutes in force: asked of the JSON-RPC beside the API.

        Raises as `get`.
        """
        return asyncio.run(_law(f"{self._url}/rpc"))


@contextlib.asynccontextmanager
async def _read(node: str) -> AsyncIterator[tuple[VotesContract, int]]:
    """The contracts of votes behind a node, and the number of its chain. Raises `ServerUnreachable`."""
    # Loaded here: most commands ask the API alone, and start in half the time.
    from maillon.ledger.genesis import DIRECTORY
    from maillon.ledger.reading import reading
    from maillon.ledger.times import BlockTimes, Codes
    from maillon.services.votes.contract import VotesContract

    try:
        async with reading(node) as ledger:
            yield VotesContract(ledger, DIRECTORY, BlockTimes(ledger.ask), Codes(ledger.ask)), ledger.chain_id
    except (LedgerError, VotesError) as error:
        raise client.ServerUnreachable(f"no answer from {node}: {error}") from None


async def _law(node: str) -> tuple[Book, Statutes]:
    async with _read(node) as (contract, _):
        return await contract.book(), await contract.statutes(await contract.statutes_version())


def export_from(node: str, network: str) -> Export:
    """The export, read from any node and believing no instance. Raises `ServerUnreachable`."""

    async def read() -> Export:
        async with _read(node) as (contract, chain_id):
            return await contract.export(network, chain_id)

    return asyncio.run(read())


def governance_of(prepared: dict[str, Any]) -> Governance:
    """The contract the server named."""
    return Governance(Address(bytes.fromhex(str(prepared["to"])[2:])))


def brake_of(prepared: dict[str, Any]) -> Brake:
    """The contract the server named."""
    return Brake(Address(bytes.fromhex(str(prepared["to"])[2:])))


def cast_call(prepared: dict[str, Any], proposal: int, position: Position, reason: str, giver: int | None) -> Call[Any]:
    """Taking a position, encoded here."""
    made = texts.parse_reason(reason)
    digest = texts.digest(made) if made else bytes(32)
    governance = governance_of(prepared)
    if giver is None:
        return governance.cast(own_number(proposal), int(position), digest)
    return governance.cast_for(own_number(proposal), giver, int(position), digest)


def execute_call(prepared: dict[str, Any], proposal: int, calls: Sequence[dict[str, Any]]) -> Call[Any]:
    """Doing what was decided, encoded here."""
    pairs = tuple((Address(bytes.fromhex(each["target"][2:])), bytes.fromhex(each["data"][2:])) for each in calls)
    return governance_of(prepared).execute(own_number(proposal), pairs)


def give_proxy_call(prepared: dict[str, Any], proposal: int | None, holder: int, until: int) -> Call[Any]:
    """Giving a proxy, for one vote or until a time, encoded here."""
    governance = governance_of(prepared)
    if proposal:
        return governance.give_proxy(own_number(proposal), holder)
    return governance.give_standing_proxy(holder, until)


def revoke_proxy_call(prepared: dict[str, Any], proposal: int | None) -> Call[Any]:
    """Taking a proxy back, that of one vote or the standing one, encoded here."""
    governance = governance_of(prepared)
    return governance.revoke_proxy(own_number(proposal)) if proposal else governance.revoke_standing_proxy()


def propose_call(  # noqa: PLR0917 - the arguments of the contract's function
    prepared: dict[str, Any], kind: ProposalKind, text: str, calls: Sequence[ProposedCall], opens: int, closes: int
) -> Call[Any]:
    """Putting something to the vote, encoded here."""
    pairs = tuple((call.target, call.data) for call in calls)
    digest = texts.digest(texts.parse_proposal_text(text))
    return governance_of(prepared).propose(int(kind), digest, pairs, opens, closes)
