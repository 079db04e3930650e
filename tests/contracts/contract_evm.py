# SPDX-License-Identifier: Apache-2.0
"""A py-evm state that starts from a genesis: calls of typed handles, events, refusals, gas, one block after another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague.state import PragueState
from eth.vm.message import Message
from eth.vm.transaction_context import BaseTransactionContext

from maillon.evidence.hashing import keccak256
from maillon.ledger.abi import Call, decode_revert
from maillon.ledger.contracts.members import SLOTS as MEMBER_SLOTS
from maillon.ledger.contracts.members import Members
from maillon.ledger.founding import (
    SANDBOX_STATUTES,
    SCOPES,
    AdmissionRule,
    Founding,
    FoundingAccount,
    FoundingNode,
    FoundingOrganisation,
)
from maillon.ledger.genesis import EMPTY_TRIE, MEMBERS, Genesis, make_genesis
from maillon.ledger.port import Address, Event, Height, TransactionHash
from maillon.ledger.signing import Account

CHAIN_ID = 7_700_000_123
TIME = 1_764_000_000
ORIGIN = "maillon.example/log"


def account(number: int) -> Address:
    return Address(bytes(18) + b"\xac" + bytes([number]))


STEWARD, OWNER, PUBLISHER, VERIFIER, STRANGER = (account(number) for number in range(1, 6))
NOBODY = Address(bytes(20))
"""The steward holds the seat and belongs to nobody; owner and publisher belong to organisation 1, others to none."""

FOUNDERS = range(1, 7)
OFFICES = {2: "officer", 3: "officer", 4: "officer", 5: "admission officer", 6: "verifier"}
VALIDATORS = {number: bytes([number]) * 32 for number in range(1, 6)}
NODE = FoundingNode(b"\xe1" * 64, b"\xc1" * 20)


def member(number: int) -> Address:
    """The account that may do everything for a founding organisation, and has its office."""
    return OWNER if number == 1 else account(20 + number)


def founder(number: int) -> FoundingOrganisation:
    scopes = 15 | (SCOPES[OFFICES[number]] if number in OFFICES else 0)
    others = (FoundingAccount(PUBLISHER, SCOPES["publish"]),) if number == 1 else ()
    return FoundingOrganisation(
        scheme="siren",
        identifier=f"55203253{number}",
        legal_name=f"Fondatrice n° {number}",
        kind=0,
        country="FR",
        accounts=(FoundingAccount(member(number), scopes), *others),
        validators=(VALIDATORS[number],) if number in VALIDATORS else (),
        nodes=(NODE,) if number == 1 else (),
    )


FOUNDING = Founding(
    tuple(founder(number) for number in FOUNDERS),
    statutes=SANDBOX_STATUTES,
    rules=(AdmissionRule(0, "", 96, 0b11, 1, 0), AdmissionRule(0, "CH", 32, 0b111, 2, 1)),
)


@cache
def genesis() -> Genesis:
    keys = list(VALIDATORS.values())
    return make_genesis("tests", CHAIN_ID, TIME, keys, {STEWARD: 10**18}, STEWARD, {ORIGIN: OWNER}, founding=FOUNDING)


class Refused(Exception):
    """The contract said no; the message is its reason."""

    def __init__(self, reason: str, gas: int, data: bytes = b"") -> None:
        super().__init__(reason)
        self.gas = gas
        self.data = data
        """What came back, as it came."""


@dataclass(frozen=True)
class Outcome:
    answer: Any
    events: tuple[Event, ...]
    gas: int
    """What a transaction with this call would be charged."""


@cache
def laid_out() -> tuple[dict[bytes, bytes], bytes]:
    """The state of block zero as trie nodes, with its root: each test starts from a copy."""
    nodes: dict[bytes, bytes] = {}
    context = ExecutionContext(bytes(20), TIME, 0, 0, bytes(32), 100_000_000, (), CHAIN_ID, base_fee_per_gas=7)
    state = PragueState(AtomicDB(MemoryDB(nodes)), context, EMPTY_TRIE)
    for address, held in genesis().alloc.items():
        state.set_balance(address, held.balance)
        state.set_nonce(address, held.nonce)
        state.set_code(address, held.code)
        for slot, word in held.storage.items():
            state.set_storage(address, slot, word)
    state.persist()
    return nodes, state.state_root


class Evm:
    def __init__(self) -> None:
        self.context = ExecutionContext(
            bytes(20), TIME, 0, 0, bytes(32), 100_000_000, (), CHAIN_ID, base_fee_per_gas=7, excess_blob_gas=0
        )
        nodes, root = laid_out()
        self.state = PragueState(AtomicDB(MemoryDB(dict(nodes))), self.context, root)
        self.next_block()

    @property
    def block(self) -> int:
        return int(self.context.block_number)

    @property
    def time(self) -> int:
        return int(self.context.timestamp)

    def next_block(self, seconds: int = 1) -> None:
        self.context._block_number += 1
        self.context._timestamp += seconds
        self._settle()

    def send(self, call: Call[Any], sender: Address, gas: int = 90_000_000) -> Outcome:
        """Run a call for good. Raises `Refused` with the contract's words."""
        message = Message(gas, call.to, sender, 0, call.data, self.state.get_code(call.to))
        return self._run(self.state.computation_class.apply_message, message, call)

    def ask(self, call: Call[Any], sender: Address = STRANGER) -> Any:
        """Run a call that may change nothing."""
        message = Message(50_000_000, call.to, sender, 0, call.data, self.state.get_code(call.to), is_static=True)
        return self._run(self.state.computation_class.apply_message, message, call).answer

    def attempt(self, call: Call[Any], sender: Address = STRANGER) -> Any:
        """Run a call that may change anything, and undo it: what `eth_call` does."""
        before = self.state.snapshot()
        message = Message(16_777_216, call.to, sender, 0, call.data, self.state.get_code(call.to))
        return self._run(self.state.computation_class.apply_message, message, call, undo=before).answer

    def deploy(self, code: bytes, sender: Address, at: Address) -> Address:
        """Make a contract. Raises `Refused` with its words."""
        self.deployment(code, sender, at)
        return at

    def deployment(self, code: bytes, sender: Address, at: Address) -> Outcome:
        """The same, and what it left."""
        message = Message(50_000_000, b"", sender, 0, b"", code, create_address=at)
        return self._run(self.state.computation_class.apply_create_message, message, Call(at, code, bytes))

    def _run(self, apply: Any, message: Message, call: Call[Any], undo: Any = None) -> Outcome:
        for warm in (message.sender, call.to, self.context.coinbase):
            self.state.mark_address_warm(warm)
        context = BaseTransactionContext(gas_price=0, origin=message.sender)
        computation = apply(self.state, message, context)
        # Entries carry the counter of the computation; here their order is enough.
        events = tuple(
            Event(
                Address(address),
                tuple(topic.to_bytes(32, "big") for topic in topics),
                data,
                Height(self.block),
                position,
                TransactionHash(bytes(32)),
            )
            for position, (address, topics, data) in enumerate(computation.get_log_entries())
        )
        if undo is not None:
            self.state.revert(undo)
        self._settle()
        charged = _charged(computation, call.data)
        if computation.is_error:
            raise Refused(str(decode_revert(computation.output)), charged, computation.output)
        return Outcome(call.decode(computation.output), events, charged)

    def _settle(self) -> None:
        """What the end of a transaction does: nothing is warm any more."""
        self.state.lock_changes()
        self.state.clear_transient_storage()


def _charged(computation: Any, data: bytes) -> int:
    """Intrinsic gas, execution, refunds of at most a fifth (EIP-3529), and the floor for data (EIP-7623)."""
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    used = 21_000 + 4 * tokens + computation.get_gas_used()
    used -= min(computation.get_gas_refund(), used // 5)
    return int(max(used, 21_000 + 10 * tokens))


def slot_of(base: int, *keys: int) -> int:
    """Where Vyper keeps an entry of a mapping: the slot first, then the key."""
    for key in keys:
        base = int.from_bytes(keccak256(base.to_bytes(32, "big") + key.to_bytes(32, "big")), "big")
    return base


def crowd_account(number: int) -> Address:
    return Address(b"\xcc" * 16 + number.to_bytes(4, "big"))


def storage_of_member(number: int, account: Address, tier: int, change: int) -> dict[int, int]:
    """What `Members` holds of a founding member that was never changed, apart from its names."""
    standing = change << 88 | int.from_bytes(b"FR", "big") << 32 | tier << 16 | 2
    place = number - 1
    whose = int.from_bytes(account, "big")
    return {
        slot_of(MEMBER_SLOTS["_standing"], number): standing,
        slot_of(MEMBER_SLOTS["_history"], number, 1): standing,
        slot_of(MEMBER_SLOTS["history_length"], number): 2,
        slot_of(MEMBER_SLOTS["_roll"], place): whose << 96 | tier << 48 | number,
        slot_of(MEMBER_SLOTS["_place_on_roll"], number): place + 1,
        slot_of(MEMBER_SLOTS["_accounts"], whose): number << 64 | 15,
    }


def crowd(evm: Evm, count: int, tier: int = 0) -> None:
    """Fill the register up to so many active members, as if they had founded it; written, since running takes minutes.

    `test_limits` compares what is written with what a founder's calls leave.
    """
    founders = len(FOUNDERS)
    for number in range(founders + 1, count + 1):
        for slot, word in storage_of_member(number, crowd_account(number), tier, 2 * number).items():
            evm.state.set_storage(MEMBERS, slot, word)
    for name in ("organisation_count", "_roll_length"):
        evm.state.set_storage(MEMBERS, MEMBER_SLOTS[name], count)
    evm.state.set_storage(MEMBERS, MEMBER_SLOTS["change_count"], 2 * count)
    census = slot_of(MEMBER_SLOTS["_census"], 0)
    evm.state.set_storage(MEMBERS, census, evm.state.get_storage(MEMBERS, census) + ((count - founders) << (32 * tier)))


def consent(evm: Evm, signer: Account, organisation: int | None = None, identifier: str = "") -> bytes:
    """The signature with which an account agrees to belong to an organisation, known or about to apply."""
    members = Members(MEMBERS)
    if organisation is not None:
        held = evm.ask(members.identifier_of(organisation))
        scheme, identifier = held.scheme, held.value
    else:
        scheme = b"siren".ljust(32, b"\0")
    key = evm.ask(members.identifier_hash(scheme, identifier))
    parity, r, s = signer.sign_hash(evm.ask(members.consent_digest(key, signer.address)))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity])


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """The block must end in exactly this refusal."""
    with pytest.raises(Refused) as caught:
        yield
    assert str(caught.value) == reason
