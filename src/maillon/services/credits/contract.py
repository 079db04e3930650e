# SPDX-License-Identifier: Apache-2.0
"""`Credits` and the roll of `Members`, found through the Directory, through the port."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from maillon.ledger.abi import NotDecodable, ask
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.members import Delegate, Entry, Members
from maillon.ledger.errors import LedgerError
from maillon.ledger.genesis import name_word
from maillon.ledger.port import Address, Ledger
from maillon.services.credits.errors import CreditsUnavailable


@dataclass(frozen=True, slots=True)
class Terms:
    """What the contract says now."""

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

    async def terms(self) -> Terms:
        """Raises `CreditsUnavailable`."""
        with translated():
            found = Credits(await ask(self._ledger, self._directory.lookup(name_word("Credits"))))
            return Terms(
                await ask(self._ledger, found.floor_tip()),
                await ask(self._ledger, found.period_length()),
                [amount * 10**9 for amount in await ask(self._ledger, found.scaled_allowances())],
            )

    async def roll(self) -> tuple[Entry, ...]:
        """Every active member, by number. Raises `CreditsUnavailable`."""
        with translated():
            entries = await ask(self._ledger, (await self._members()).roll())
            return tuple(sorted(entries, key=lambda entry: entry.organisation))

    async def delegates(self, organisation: int) -> tuple[Delegate, ...]:
        """The accounts that act for a member. Raises `CreditsUnavailable`."""
        with translated():
            return await ask(self._ledger, (await self._members()).delegates_of(organisation))

    async def _members(self) -> Members:
        return Members(await ask(self._ledger, self._directory.lookup(name_word("Members"))))
