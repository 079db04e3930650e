# SPDX-License-Identifier: Apache-2.0
"""One verb for each thing a reader can ask, and the sandbox's gift."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

from maillon.kit.clock import Clock
from maillon.ledger.errors import LedgerError
from maillon.ledger.fees import CREDIT
from maillon.ledger.port import Height
from maillon.services.credits import rules
from maillon.services.credits.contract import CreditsContract, Terms, translated
from maillon.services.credits.errors import FaucetEmpty, NoFaucet, UnknownMember
from maillon.services.credits.model import (
    DelegateCredits,
    LowCredits,
    MemberCredits,
    MemberView,
    Overview,
    Price,
    Refill,
    Spending,
)

GIFT = 10 * CREDIT
"""To how much the faucet fills an account up."""
_AT_ONCE = 500
"""Members read in one question to the database."""
_PACE = 100
"""Blocks over which the pace is measured."""


class Ask(Protocol):
    """Ethereum JSON-RPC, wherever it is answered."""

    def __call__(self, method: str, *parameters: Any) -> Awaitable[Any]:
        """The result; raises a `LedgerError` when there was no answer."""


class Entry(Protocol):
    """A member as the register knows it."""

    @property
    def organisation(self) -> int:
        """Its number."""

    @property
    def legal_name(self) -> str:
        """Empty where none is known."""

    @property
    def tier(self) -> int:
        """Which says what it is granted."""

    @property
    def credit_account(self) -> bytes | None:
        """Where its grants go; None while it has chosen none."""

    @property
    def first_account(self) -> bytes | None:
        """Of those that act for it, the one that has the longest."""

    @property
    def suspended_until(self) -> int:
        """Unix time in seconds; 0 for never."""


class Register(Protocol):
    """The register of members, as this service asks it."""

    def roll(self, after: int, limit: int) -> Awaitable[Sequence[Entry]]:
        """Members whose status is active, by number, after one."""

    def accounts_of(self, organisation: int) -> Awaitable[Sequence[bytes]]:
        """The accounts that act for one."""


class Announcer(Protocol):
    """Who tells members that their credits run low."""

    def readers(self) -> Collection[int]:
        """The organisations of which somebody here is told. Raises `StoreUnavailable`."""

    def tell(self, found: Sequence[LowCredits]) -> None:
        """Keep it, each once in a turn, however often it is said. Raises `StoreUnavailable`."""


class Faucet(Protocol):
    """What sends credits from the sandbox's account."""

    def __call__(self, account: str, wei: int) -> Awaitable[int]:
        """The block it is in. Raises a `LedgerError`."""


class CreditsService:
    """Reads the ledger. `faucet` is None where nothing is given away."""

    def __init__(
        self,
        contract: CreditsContract,
        ask: Ask,
        register: Register,
        clock: Clock,
        faucet: Faucet | None,
        *,
        grants: bool,
        announcer: Announcer | None = None,
    ) -> None:
        self._contract = contract
        self._ask = ask
        self._register = register
        self._clock = clock
        self._faucet = faucet
        self._grants = grants
        self._announcer = announcer
        self._told: frozenset[tuple[int, int]] = frozenset()
        self._giving = asyncio.Lock()

    @property
    def gives(self) -> bool:
        """Whether this is a sandbox that gives credits to whoever asks."""
        return self._faucet is not None

    async def price(self) -> Price:
        """What gas costs. Raises `CreditsUnavailable`."""
        head = await self._block("latest")
        return self._price(head, await self._contract.terms(_number(head)))

    async def overview(self, after: int = 0, size: int = rules.PAGE) -> Overview:
        """A page of members, at most `size`, by number, after one. Raises `CreditsUnavailable`."""
        head = await self._block("latest")
        number = _number(head)
        terms, page = await asyncio.gather(self._contract.terms(number), self._register.roll(after, size + 1))
        shown = page[:size]
        spent_from = [each.credit_account or each.first_account for each in shown]
        accounts = [None if each is None else "0x" + each.hex() for each in spent_from]
        balances = await asyncio.gather(*(self._balance(account, number) for account in accounts))
        return Overview(
            read=self._clock.now(),
            head=number,
            price=self._price(head, terms),
            refill=await self._refill(head, terms),
            members=tuple(
                MemberCredits(
                    entry.organisation,
                    entry.legal_name,
                    entry.tier,
                    account,
                    entry.credit_account is not None,
                    balance,
                    terms.allowances[entry.tier],
                    entry.suspended_until > _time(head),
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
        accounts = ["0x" + each.hex() for each in await self._register.accounts_of(organisation)]
        balances = await asyncio.gather(*(self._balance(account, Height(found.head)) for account in accounts))
        return MemberView(
            member,
            tuple(DelegateCredits(*each) for each in zip(accounts, balances, strict=True)),
            await self._spending(member, found),
            found.price,
            found.refill,
            found.read,
        )

    async def tell_low(self) -> int:
        """Tell the members of people here whose credits run low, once in a turn; how many that was.

        Nothing is told where no period grants, nor to the suspended, who are granted none meanwhile. Raises
        `CreditsUnavailable`, `StoreUnavailable`; then the next time tells.
        """
        if self._announcer is None or not self._grants:
            return 0
        readers = set(await asyncio.to_thread(self._announcer.readers))
        if not readers:
            return 0
        head = await self._block("latest")
        number = _number(head)
        terms = await self._contract.terms(number)
        refill, turn = await self._refill(head, terms), rules.turn(number, terms.period)
        assert refill is not None  # periods grant here
        low = []
        async for entry in self._granted(_time(head)):
            if entry.organisation not in readers or (entry.organisation, turn) in self._told:
                continue
            account, allowance = entry.credit_account, terms.allowances[entry.tier]
            assert account is not None  # of those who are granted
            balance = await self._balance("0x" + account.hex(), number)
            if rules.runs_low(balance, allowance):
                low.append(LowCredits(entry.organisation, balance, allowance, refill, turn, _time(head)))
        if low:
            await asyncio.to_thread(self._announcer.tell, low)
        # What is kept says the same for ever; this spares asking it of everybody again each minute.
        self._told = frozenset({*(one for one in self._told if one[1] == turn), *((e.organisation, turn) for e in low)})
        return len(low)

    async def _granted(self, time: int) -> AsyncIterator[Entry]:
        """Members the next period pays, by number."""
        after: int | None = 0
        while after is not None:
            page = await self._register.roll(after, _AT_ONCE)
            for entry in page:
                if entry.credit_account is not None and entry.suspended_until <= time:
                    yield entry
            after = page[-1].organisation if len(page) == _AT_ONCE else None

    async def give(self, text: str) -> tuple[str, int, int]:
        """Fill an account up from the sandbox: (account, wei given, block).

        Raises `NoFaucet`, `NotAnAccount`, `FaucetEmpty`, `CreditsUnavailable`.
        """
        if self._faucet is None:
            raise NoFaucet("credits are given away in a sandbox only")
        account = rules.parse_account(text)
        # One at a time: two of one account would both find it empty, and fill it twice.
        async with self._giving:
            missing = GIFT - await self._balance(account, "latest")
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
        number = _number(head)
        older = await self._block(max(0, number - _PACE))
        seconds = _time(head) - _time(older)
        blocks = number - _number(older)
        return rules.refill(number, terms.period, seconds / blocks if blocks else 1.0, self._clock.now())

    async def _spending(self, member: MemberCredits, found: Overview) -> Spending | None:
        """The spending of a day, or of the chain's life; None where older states are not kept."""
        if member.account is None:
            return None
        head = await self._block(found.head)
        until = _time(head)
        then = await self._block_at(until - rules.DAY, head)
        first = _number(then)
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
        return rules.spending(before, granted, member.balance, until - _time(then))

    async def _block_at(self, moment: int, head: Mapping[str, Any]) -> Mapping[str, Any]:
        """The newest block made at or before a moment; the first where the chain is younger.

        Looked for where it stands if blocks are made evenly, and every second time in the middle, so that it is found
        in a few questions on an even chain and in twice the logarithm on any.
        """
        low, high, even = await self._block(0), head, True
        if _time(low) > moment:
            return low
        while (between := _number(high) - _number(low)) > 1:
            part = (moment - _time(low)) * between // max(_time(high) - _time(low), 1) if even else between // 2
            middle = await self._block(_number(low) + min(max(part, 1), between - 1))
            low, high = (middle, high) if _time(middle) <= moment else (low, middle)
            even = not even
        return low

    async def _block(self, name: int | str) -> Mapping[str, Any]:
        with translated():
            found = await self._ask("eth_getBlockByNumber", name if isinstance(name, str) else hex(name), False)
        assert found is not None  # blocks are final: a number below the head is there
        return dict(found)

    async def _balance(self, account: str | None, at: Height | Literal["latest"]) -> int:
        """In wei; nothing where there is no account."""
        if account is None:
            return 0
        with translated():
            return int(await self._ask("eth_getBalance", account, at if at == "latest" else hex(at)), 16)


def _time(block: Mapping[str, Any]) -> int:
    """Unix time in seconds."""
    return int(block["timestamp"], 16)


def _number(block: Mapping[str, Any]) -> Height:
    return Height(int(block["number"], 16))
