# SPDX-License-Identifier: Apache-2.0
"""`Credits`, found through the Directory, through the port."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from maillon.ledger.abi import NotDecodable, ask
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.errors import LedgerError
from maillon.ledger.genesis import name_word
from maillon.ledger.port import Address, Height, Ledger
from maillon.services.credits.errors import CreditsUnavailable


@dataclass(frozen=True, slots=True)
class Terms:
    """What the contract says."""

    floor_tip: int
    period: int
    allowances: Sequence[int]
    """Wei in a period, by tier, as things stand."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Errors of the ledger in our words."""
    try:
        yield
    except (LedgerError, NotDecodable) as error:
        raise CreditsUnavailable(f"the ledger could not be asked: {error}") from error


class CreditsContract:
    """Reads; nothing here writes."""

    def __init__(self, ledger: Ledger, directory: Address) -> None:
        self._ledger = ledger
        self._directory = Directory(directory)
        self._newest: tuple[Height, Terms] | None = None

    async def terms(self, at: Height) -> Terms:
        """As they stand in the state after a block. Raises `CreditsUnavailable`.

        Those of the newest block are kept: blocks are final, so that what one says is asked once.
        """
        if self._newest is None or self._newest[0] != at:
            self._newest = (at, await self._read(at))
        return self._newest[1]

    async def _read(self, at: Height) -> Terms:
        with translated():
            found = Credits(await ask(self._ledger, self._directory.lookup(name_word("Credits")), at))
            return Terms(
                await ask(self._ledger, found.floor_tip(), at),
                await ask(self._ledger, found.period_length(), at),
                [amount * 10**9 for amount in await ask(self._ledger, found.scaled_allowances(), at)],
            )
