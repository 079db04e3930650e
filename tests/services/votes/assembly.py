# SPDX-License-Identifier: Apache-2.0
"""An assembly: the real contracts in an EVM, members of several tiers and colleges, and every event they leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import cache
from typing import Any

from contract_evm import CHAIN_ID, STEWARD, TIME, Evm, Outcome, Refused, account
from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague.state import PragueState

from maillon.ledger.abi import Call
from maillon.ledger.contracts import governance as governance_events
from maillon.ledger.contracts import members as members_events
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.contracts.members import Members
from maillon.ledger.errors import Reverted, Unavailable
from maillon.ledger.founding import Founding, FoundingAccount, FoundingOrganisation, Statutes, Terms
from maillon.ledger.genesis import EMPTY_TRIE, GOVERNANCE, MEMBERS, Genesis, make_genesis
from maillon.ledger.port import Address, Event, Height, Signer, TransactionHash, TransactionReceipt
from maillon.services.votes import recount
from maillon.services.votes.recount import Dated, Recount, Standing, read_statutes

CLASSES = ((0, 0), (0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (0, 2))
"""Tier and college of each founder, in their order."""
FOUNDERS = tuple(range(1, len(CLASSES) + 1))
GOVERN = Governance(GOVERNANCE)
REGISTER = Members(MEMBERS)
STATUTES = {
    "plain": Statutes(
        ordinary=Terms(2_500, 1, 2, 60, 10),
        constitutional=Terms(5_000, 2, 3, 60, 20),
        emergency=Terms(3_334, 2, 3, 30, 0),
        notice=0,
        expiry=60,
        proxies=2,
    ),
    "weighted": Statutes(
        ordinary=Terms(4_000, 1, 2, 60, 10),
        constitutional=Terms(6_667, 3, 4, 60, 20),
        emergency=Terms(10_000, 2, 3, 30, 5),
        notice=5,
        expiry=60,
        proxies=1,
        by_college=True,
        weights=(1, 2, 5, 1, 1, 1, 1, 1),
    ),
}


def member(number: int) -> Address:
    """The account that acts for a founder."""
    return account(20 + number)


@cache
def genesis(name: str) -> Genesis:
    founders = tuple(
        FoundingOrganisation(
            scheme="siren",
            identifier=f"55203253{number}",
            legal_name=f"Fondatrice n° {number}",
            kind=0,
            country="FR",
            accounts=(FoundingAccount(member(number), 15),),
            tier=tier,
            college=college,
            validators=(bytes([number]) * 32,) if number == 1 else (),
        )
        for number, (tier, college) in zip(FOUNDERS, CLASSES, strict=True)
    )
    founding = Founding(founders, statutes=STATUTES[name])
    return make_genesis("tests", CHAIN_ID, TIME, [b"\1" * 32], {STEWARD: 10**18}, STEWARD, {}, founding=founding)


def founding(name: str) -> recount.Founding:
    """What block zero says and no event tells."""
    standings = {number: Standing(2, tier, college) for number, (tier, college) in zip(FOUNDERS, CLASSES, strict=True)}
    return recount.Founding(read_statutes(STATUTES[name].as_argument()), standings)


class Assembly(Evm):
    """The steward holds the seat, so that a test can suspend whom it wants without a vote."""

    def __init__(self, name: str = "plain") -> None:
        self.context = ExecutionContext(
            bytes(20), TIME, 0, 0, bytes(32), 100_000_000, (), CHAIN_ID, base_fee_per_gas=7, excess_blob_gas=0
        )
        self.state = PragueState(AtomicDB(), self.context, EMPTY_TRIE)
        for address, held in genesis(name).alloc.items():
            self.state.set_balance(address, held.balance)
            self.state.set_nonce(address, held.nonce)
            self.state.set_code(address, held.code)
            for slot, word in held.storage.items():
                self.state.set_storage(address, slot, word)
        self.name = name
        self.events: list[Dated] = []
        self.recount = Recount(founding(name))
        self.next_block()

    def send(self, call: Call[Any], sender: Address) -> Outcome:
        """Run a call for good, and let the recount hear of it."""
        outcome = super().send(call, sender)
        for event in outcome.events:
            self._hear(event)
        return outcome

    def _hear(self, event: Event) -> None:
        readers: dict[Address, Any] = {
            GOVERNANCE: governance_events.decode_event,
            MEMBERS: members_events.decode_event,
        }
        if event.contract in readers:
            dated = Dated(readers[event.contract](event), self.time)
            self.events.append(dated)
            self.recount.take(dated)


class AssemblyLedger:
    """The ledger port over an assembly: one block for each transaction. It can be told to be away."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.away = False
        self._receipts: dict[TransactionHash, TransactionReceipt | Reverted] = {}
        self._events: list[Event] = []
        self._times = {0: TIME, assembly.block: assembly.time}

    def _ask(self) -> None:
        if self.away:
            raise Unavailable("the ledger is away")

    async def call(self, to: Address, data: bytes, at: Height | None = None) -> bytes:  # noqa: ARG002 - as the port has it
        # An EVM without an archive: the state of an old block is that of now, which is what the tests ask.
        self._ask()
        try:
            answer: bytes = self.assembly.attempt(Call(to, data, bytes))
        except Refused as error:
            raise Reverted(f"execution reverted: {error}", error.data, str(error)) from None
        return answer

    async def send(self, to: Address | None, data: bytes, signer: Signer) -> TransactionHash:
        assert to is not None
        self._ask()
        return self.include(Call(to, data, bytes), signer.address)

    def include(self, call: Call[Any], sender: Address) -> TransactionHash:
        """Run a transaction and make a block of it."""
        height = self.assembly.block
        transaction = TransactionHash(len(self._receipts).to_bytes(32, "big"))
        try:
            outcome = self.assembly.send(call, sender)
        except Refused as error:
            self._receipts[transaction] = Reverted(f"execution reverted: {error}", b"", str(error))
        else:
            events = tuple(replace(event, transaction=transaction) for event in outcome.events)
            self._events += events
            self._receipts[transaction] = TransactionReceipt(
                transaction, Height(height), True, outcome.gas, None, events
            )
        self.pass_time(1)
        return transaction

    def deploy(self, code: bytes, at: Address) -> Address:
        """Make a contract at an address, in a block of its own."""
        self._events += self.assembly.deployment(code, STEWARD, at).events
        self.pass_time(1)
        return at

    async def code_of(self, address: Address) -> bytes:
        self._ask()
        return bytes(self.assembly.state.get_code(address))

    def pass_time(self, seconds: int) -> None:
        """A block without a transaction ends the present one."""
        self.assembly.next_block(seconds)
        self._times[self.assembly.block] = self.assembly.time

    async def wait(self, sent: TransactionHash, timeout: float = 30.0) -> TransactionReceipt:  # noqa: ASYNC109, ARG002 - as the port has it
        self._ask()
        found = self._receipts[sent]
        if isinstance(found, Reverted):
            raise found
        return found

    async def events(self, of: Address, since: Height, until: Height | None = None) -> AsyncIterator[Event]:
        self._ask()
        for event in self._events:
            if event.contract == of and since <= event.height and (until is None or event.height <= until):
                yield event

    async def head(self) -> Height:
        self._ask()
        return Height(self.assembly.block - 1)

    async def time_of(self, height: int) -> int:
        self._ask()
        return self._times[height]
