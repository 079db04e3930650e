# SPDX-License-Identifier: Apache-2.0
"""One verb for each thing a reader can ask, and the sandbox's gift."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from maillon.kit.clock import Clock
from maillon.ledger.errors import LedgerError
from maillon.services.credits import rules
from maillon.services.credits.contract import CreditsContract, Terms, translated
from maillon.services.credits.errors import FaucetEmpty, NoFaucet, UnknownMember
from maillon.services.credits.model import (
    CREDIT,
    DelegateCredits,
    MemberCredits,
    MemberView,
    Overview,
    Price,
    Refill,
    Spending,
)

GIFT = 10 * CREDIT
"""To how much the faucet fills an account up."""
_PACE = 100
"""Blocks over which the pace is measured."""


class Ask(Protocol):
    """Ethereum JSON-RPC, wherever it is answered."""

    def __call__(self, method: str, *parameters: Any) -> Awaitable[Any]:
        """The result; raises a `LedgerError` when there was no answer."""


class Names(Protocol):
    """The register of members, as this service asks it."""

    def __call__(self, numbers: Sequence[int]) -> Awaitable[Mapping[int, str]]:
        """Legal names by number; unknown ones are left out."""


class Faucet(Protocol):
    """What sends credits from the sandbox's account."""

    def __call__(self, account: str, wei: int) -> Awaitable[int]:
        """The block it is in. Raises a `LedgerError`."""


class CreditsService:
    """Reads the ledger. `faucet` is None where nothing is given away."""

    def __init__(
        self, contract: CreditsContract, ask: Ask, names: Names, clock: Clock, faucet: Faucet | None, *, grants: bool
    ) -> None:
        self._contract = contract
        self._ask = ask
        self._names = names
        self._clock = clock
        self._faucet = faucet
        self._grants = grants
        self._giving = asyncio.Lock()

    @property
    def gives(self) -> bool:
        """Whether this is a sandbox that gives credits to whoever asks."""
        return self._faucet is not None

    async def price(self) -> Price:
        """What gas costs. Raises `CreditsUnavailable`."""
        return self._price(await self._block("latest"), await self._contract.terms())

    async def overview(self, after: int = 0, size: int = rules.PAGE) -> Overview:
        """A page of members, at most `size`, by number, after one. Raises `CreditsUnavailable`."""
        head, terms, roll = await asyncio.gather(self._block("latest"), self._contract.terms(), self._contract.roll())
        page = [entry for entry in roll if entry.organisation > after][: size + 1]
        shown = page[:size]
        names = await self._names([entry.organisation for entry in shown])
        accounts = ["0x" + entry.credit_account.hex() for entry in shown]
        balances = await asyncio.gather(*(self._balance(account) for account in accounts))
        return Overview(
            read=self._clock.now(),
            head=int(head["number"], 16),
            price=self._price(head, terms),
            refill=await self._refill(head, terms),
            members=tuple(
                MemberCredits(
                    entry.organisation,
                    names.get(entry.organisation, ""),
                    entry.tier,
                    account,
                    balance,
                    terms.allowances[entry.tier],
                    entry.suspended_until > int(head["timestamp"], 16),
                )
                for entry, account, balance in zip(shown, accounts, balances, strict=True)
            ),
            next=shown[-1].organisation if len(page) > len(shown) else None,
            faucet=self.gives,
        )

    async def member(self, organisation: int) -> MemberView:
        """One member. Raises `UnknownMember`, `CreditsUnavailable`."""
        found = await self.overview(organisation - 1, size=1)
        if not found.members or found.members[0].organisation != organisation:
            raise UnknownMember(f"no active member has the number {organisation}")
        member = found.members[0]
        accounts = ["0x" + each.account.hex() for each in await self._contract.delegates(organisation)]
        balances = await asyncio.gather(*(self._balance(account) for account in accounts))
        return MemberView(
            member,
            tuple(DelegateCredits(*each) for each in zip(accounts, balances, strict=True)),
            await self._spending(member, found),
            found.price,
            found.refill,
            found.read,
        )

    async def give(self, text: str) -> tuple[str, int, int]:
        """Fill an account up from the sandbox: (account, wei given, block).

        Raises `NoFaucet`, `NotAnAccount`, `FaucetEmpty`, `CreditsUnavailable`.
        """
        if self._faucet is None:
            raise NoFaucet("credits are given away in a sandbox only")
        account = rules.parse_account(text)
        # One at a time: two of one account would both find it empty, and fill it twice.
        async with self._giving:
            missing = GIFT - await self._balance(account)
            if missing <= 0:
                raise FaucetEmpty("the account has ten credits or more already")
            with translated():
                return account, missing, await self._faucet(account, missing)

    # Reading

    def _price(self, head: Mapping[str, Any], terms: Terms) -> Price:
        base_fee, used, limit = (int(head[name], 16) for name in ("baseFeePerGas", "gasUsed", "gasLimit"))
        return rules.price(base_fee, used, limit, terms.floor_tip)

    async def _refill(self, head: Mapping[str, Any], terms: Terms) -> Refill | None:
        if not self._grants:
            return None
        number = int(head["number"], 16)
        older = await self._block(max(0, number - _PACE))
        seconds = int(head["timestamp"], 16) - int(older["timestamp"], 16)
        blocks = number - int(older["number"], 16)
        return rules.refill(number, terms.period, seconds / blocks if blocks else 1.0, self._clock.now())

    async def _spending(self, member: MemberCredits, found: Overview) -> Spending | None:
        """The spending of a day, or of the chain's life; None where older states are not kept."""
        head = await self._block(found.head)
        until = int(head["timestamp"], 16)
        then = await self._block_at(until - rules.DAY, found.head)
        first = int(then["number"], 16)
        heights: Sequence[int] = ()
        if found.refill is not None:
            period = found.refill.period
            heights = range((first // period + 1) * period, found.head + 1, period)
        if len(heights) > rules.MOST_GRANTS:
            return None
        try:
            before = int(await self._ask("eth_getBalance", member.account, hex(first)), 16)
        except LedgerError:
            return None  # a node that keeps no older states
        blocks = await asyncio.gather(*(self._block(height) for height in heights))
        granted = rules.granted_to(member.account, blocks)
        return rules.spending(before, granted, member.balance, until - int(then["timestamp"], 16))

    async def _block_at(self, moment: int, head: int) -> Mapping[str, Any]:
        """The newest block made at or before a moment, by halving; the first where the chain is younger."""
        low, high = 0, head
        while low < high:
            middle = (low + high + 1) // 2
            if int((await self._block(middle))["timestamp"], 16) <= moment:
                low = middle
            else:
                high = middle - 1
        return await self._block(low)

    async def _block(self, name: int | str) -> Mapping[str, Any]:
        with translated():
            found = await self._ask("eth_getBlockByNumber", name if isinstance(name, str) else hex(name), False)
        assert found is not None  # blocks are final: a number below the head is there
        return dict(found)

    async def _balance(self, account: str) -> int:
        with translated():
            return int(await self._ask("eth_getBalance", account, "latest"), 16)
