# SPDX-License-Identifier: Apache-2.0
"""py-evm behind our nouns: blocks executed transaction by transaction, and calls that leave no trace.

The only file that imports `eth` as it loads (`ledger/genesis.py` does so when a genesis is made). We use its Prague
state, executor and precompiles, and none of its chain, header or receipt classes: assembling the block ourselves avoids
validating twice and recovering signers again, and is what makes the speed in bench/ possible. Fees: the base fee is
burnt (EIP-1559), the tip goes to address zero, which nobody holds.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from eth.constants import SYSTEM_ADDRESS, SYSTEM_MESSAGE_GAS
from eth.db.backends.base import BaseAtomicDB
from eth.exceptions import OutOfGas, Revert, VMError
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.constants import (
    BEACON_ROOTS_ADDRESS,
    HISTORY_BUFFER_LENGTH,
)
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.constants import (
    CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
    CONSOLIDATION_REQUEST_TYPE,
    HISTORY_SERVE_WINDOW,
    HISTORY_STORAGE_ADDRESS,
    WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    WITHDRAWAL_REQUEST_TYPE,
)
from eth.vm.forks.prague.state import PragueState, PragueTransactionExecutor
from eth.vm.gas_meter import GasMeter, allow_negative_refund_strategy
from eth.vm.interrupt import EVMMissingData
from eth.vm.message import Message
from eth_hash.auto import keccak
from eth_hash.backends import pysha3 as hashing
from eth_keys import keys
from eth_keys.backends.coincurve import CoinCurveECCBackend
from trie import hexary

from maillon.evidence import rlp
from maillon.evidence.trie import EMPTY_TRIE_ROOT
from maillon.ledger.embedded.model import CallRequest, CallResult, Transaction
from maillon.ledger.embedded.records import COINBASE, RawLog
from maillon.ledger.embedded.transaction import intrinsic_gas
from maillon.ledger.embedded.tries import Node
from maillon.ledger.errors import CorruptStore, LedgerError
from maillon.ledger.genesis import GenesisAccount
from maillon.ledger.port import Address, TransactionHash

_logger = logging.getLogger(__name__)

keccak(b"")  # the first digest chooses what makes all others
if keccak.hasher != hashing.keccak256 or not isinstance(keys.backend, CoinCurveECCBackend):
    raise ImportError("Ethereum's Python libraries were loaded before maillon, and use their slow backends")


def decode_node(encoded: bytes | list[rlp.Item]) -> rlp.Item:
    """A node of a trie; one that stands inside its parent is already decoded."""
    return rlp.decode(encoded) if encoded and isinstance(encoded, bytes) else encoded


# The tries of py-evm write and read nodes by the general codec of pyrlp, which a block would spend a sixth of its time
# in. Ours takes and makes the same bytes (tests/ledger/embedded/test_tries.py).
hexary.encode_raw, hexary.decode_node = rlp.encode, decode_node

# py_ecc allows 100,000 frames to everything in the process. A thousand nested calls of the EVM need some ten thousand;
# readers in C of what strangers nest (JSON) would overrun a thread's stack long before a hundred thousand, and end us.
sys.setrecursionlimit(20_000)

_STACK: Final = 256 * 1024 * 1024
"""Address space of a thread that runs the EVM: 1,024 nested calls are some ten thousand Python frames."""
_STEPS_BETWEEN_LOOKS: Final = 256
"""Gas charges between two looks at the clock."""
TRANSACTION_SECONDS: Final = 10.0
"""Processor's time one transaction may have. Sixteen million gas of the slowest instructions need about half."""
VIEW_GAS: Final = 500_000
"""Gas of a contract's answer the chain itself follows. What our contracts are asked for takes a twentieth."""
VIEW_SECONDS: Final = 1.0
"""Processor's time of such an answer."""
_PACE: Final[Mapping[bytes, int]] = {
    number.to_bytes(20, "big"): gas
    for number, gas in {
        0x06: 500_000,
        0x07: 300_000,
        0x08: 100_000,
        0x09: 80_000,
        0x0B: 600_000,
        0x0C: 300_000,
        0x0D: 400_000,
        0x0E: 150_000,
        0x0F: 65_000,
        0x10: 1_000_000,
        0x11: 150_000,
    }.items()
}
"""Gas a second of the precompiles that are slow Python (curves and BLAKE2), measured low. Their prices were made for
machine code: without this a single call of one lasts for minutes."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a block tells its transactions."""

    chain_id: int
    number: int
    timestamp: int
    gas_limit: int
    base_fee: int
    parent_hash: bytes
    ancestors: Callable[[], Iterator[bytes]]
    """Hashes of the blocks before, newest first: BLOCKHASH."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one transaction did."""

    succeeded: bool
    gas_used: int
    contract: Address | None
    logs: tuple[RawLog, ...]


class _Ancestors:
    """Read only when a contract asks for a block hash."""

    def __init__(self, hashes: Callable[[], Iterator[bytes]]) -> None:
        self._hashes = hashes

    def __iter__(self) -> Iterator[bytes]:
        return self._hashes()


class _Nodes(BaseAtomicDB):  # type: ignore[misc] # py-evm publishes no types
    """Stored nodes with the new ones in front. Nothing is written: the chain does, in the block's transaction."""

    def __init__(self, node: Node) -> None:
        self._stored = node
        self.new: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        value = self.new.get(key)
        if value is None:
            value = self._stored(key)
            if value is None:
                raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.new[key] = value

    def __delitem__(self, key: bytes) -> None:
        # Old nodes stay: they are the past states this chain answers for.
        self.new.pop(key, None)

    def _exists(self, key: bytes) -> bool:
        return key in self.new or self._stored(key) is not None

    @contextmanager
    def atomic_batch(self) -> Iterator[_Nodes]:
        yield self


class _Executor(PragueTransactionExecutor):  # type: ignore[misc] # py-evm publishes no types
    def validate_transaction(self, transaction: Transaction) -> None:
        """Nothing: the pool and `BlockExecution.apply` have checked all of it."""


class _LimitedMeter(GasMeter):  # type: ignore[misc] # py-evm publishes no types
    """Looks at the clock now and then, and before a precompile that may outlast what is left of the time."""

    def __init__(self, start_gas: int, limit: TimeLimit, pace: int | None) -> None:
        super().__init__(start_gas, allow_negative_refund_strategy)
        self.gas_remaining: int
        self._limit = limit
        self._pace = pace
        self._until_look = 0 if pace else _STEPS_BETWEEN_LOOKS

    def consume_gas(self, amount: int, reason: str) -> None:
        """Charge. Raises `OutOfGas` as py-evm's own does, which it replaces whole: it runs for every instruction."""
        remaining = self.gas_remaining - amount
        if remaining < 0:
            raise OutOfGas(f"Out of gas: Needed {amount} - Remaining {self.gas_remaining} - Reason: {reason}")
        self.gas_remaining = remaining
        self._until_look -= 1
        if self._until_look < 0:
            self._until_look = _STEPS_BETWEEN_LOOKS
            # A precompile charges once, before a work of Python's that nothing interrupts.
            self._limit.check(amount / self._pace if self._pace else 0.0)


class TimeLimit:
    """When an execution must be over: `seconds` from now by `clock`. Raises `too_late` when it will not be."""

    def __init__(self, seconds: float, clock: Callable[[], float], too_late: type[Exception]) -> None:
        self._clock = clock
        self._until = clock() + seconds
        self._too_late = too_late

    def check(self, needed: float = 0.0) -> None:
        """Raise unless so many seconds are left."""
        if self._clock() + needed > self._until:
            raise self._too_late("execution aborted (timeout)")


class TooSlow(Exception):
    """A transaction needs more of the processor's time than one may have."""


_FOREVER: Final = TimeLimit(math.inf, lambda: 0.0, TooSlow)


class _LimitedComputation(PragueComputation):  # type: ignore[misc] # py-evm publishes no types
    def _configure_gas_meter(self) -> GasMeter:
        return _LimitedMeter(self.msg.gas, self.state.limit, _PACE.get(bytes(self.msg.code_address or b"")))


class _State(PragueState):  # type: ignore[misc] # py-evm publishes no types
    transaction_executor_class = _Executor
    computation_class = _LimitedComputation
    limit = _FOREVER


def _context(environment: Environment) -> ExecutionContext:
    return ExecutionContext(
        coinbase=COINBASE,
        timestamp=environment.timestamp,
        block_number=environment.number,
        difficulty=0,
        mix_hash=bytes(32),
        gas_limit=environment.gas_limit,
        prev_hashes=_Ancestors(environment.ancestors),
        chain_id=environment.chain_id,
        base_fee_per_gas=environment.base_fee,
        excess_blob_gas=0,
    )


def genesis_state(alloc: Mapping[Address, GenesisAccount]) -> tuple[bytes, dict[bytes, bytes]]:
    """State root of block zero, and its nodes and codes by hash."""
    nodes = _Nodes(lambda _key: None)
    environment = Environment(0, 0, 0, 0, 0, bytes(32), lambda: iter(()))
    state = _State(nodes, _context(environment), EMPTY_TRIE_ROOT)
    for address, account in alloc.items():
        state.set_balance(address, account.balance)
        state.set_nonce(address, account.nonce)
        if account.code:
            state.set_code(address, account.code)
        for slot, value in account.storage.items():
            state.set_storage(address, slot, value)
    state.persist()
    return state.state_root, nodes.new


class BlockExecution:
    """One block under way. Used by one thread, then dropped; an exception leaves nothing to undo."""

    def __init__(self, node: Node, state_root: bytes, environment: Environment) -> None:
        self._nodes = _Nodes(node)
        self._environment = environment
        self._state = _State(self._nodes, _context(environment), state_root)
        self._before()

    def _before(self) -> None:
        """Keep the parent's hash where EIP-4788 and EIP-2935 say, if genesis has those contracts."""
        state, environment = self._state, self._environment
        if state.get_code(BEACON_ROOTS_ADDRESS):
            slot = environment.timestamp % HISTORY_BUFFER_LENGTH
            state.set_storage(BEACON_ROOTS_ADDRESS, slot, environment.timestamp)
            state.set_storage(BEACON_ROOTS_ADDRESS, slot + HISTORY_BUFFER_LENGTH, 0)
        if state.get_code(HISTORY_STORAGE_ADDRESS):
            slot = (environment.number - 1) % HISTORY_SERVE_WINDOW
            state.set_storage(HISTORY_STORAGE_ADDRESS, slot, int.from_bytes(environment.parent_hash, "big"))

    def affords(self, transaction: Transaction) -> bool:
        """Whether nonce and balance let it in here, after the transactions before it."""
        cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
        state = self._state
        balance: int = state.get_balance(transaction.sender)
        nonce: int = state.get_nonce(transaction.sender)
        return nonce == transaction.nonce and balance >= cost

    def apply(self, transaction: Transaction) -> Outcome:
        """Execute a transaction that `affords` let in. Raises `TooSlow`, `CorruptStore` when state is missing."""
        state = self._state
        # Of this thread alone: a machine that does other things does not make a transaction slow.
        state.limit = TimeLimit(TRANSACTION_SECONDS, time.thread_time, TooSlow)
        state.lock_changes()
        try:
            computation = state.apply_transaction(transaction)
        except EVMMissingData as error:
            raise CorruptStore(f"state is missing: {error!r}") from error
        return Outcome(
            computation.is_success,
            _gas_used(computation, transaction.gas) + computation.data_floor_gas,
            Address(computation.msg.storage_address) if computation.msg.is_create else None,
            _logs(computation),
        )

    def finish(self) -> tuple[bytes, dict[bytes, bytes], bytes]:
        """(state root, new nodes and codes by hash, requests hash of EIP-7685)."""
        requests = self._requests()
        self._state.lock_changes()
        self._state.persist()
        return self._state.state_root, self._nodes.new, requests

    def _requests(self) -> bytes:
        digest = sha256()
        for kind, address in (
            (WITHDRAWAL_REQUEST_TYPE, WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS),
            (CONSOLIDATION_REQUEST_TYPE, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS),
        ):
            code = self._state.get_code(address)
            if code:
                message = Message(
                    gas=SYSTEM_MESSAGE_GAS,
                    to=address,
                    sender=SYSTEM_ADDRESS,
                    value=0,
                    data=b"",
                    code=code,
                    code_address=address,
                )
                context = self._state.get_transaction_context_class()(gas_price=0, origin=SYSTEM_ADDRESS)
                output = PragueComputation.apply_computation(self._state, message, context).output
                if output:
                    digest.update(sha256(kind + output).digest())
        return digest.digest()


def _gas_used(computation: Any, limit: int) -> int:
    used: int = limit - computation.get_gas_remaining()
    refund: int = _Executor.calculate_gas_refund(computation, used)
    return used - refund


def _logs(computation: Any) -> tuple[RawLog, ...]:
    return tuple(
        (Address(address), tuple(topic.to_bytes(32, "big") for topic in topics), data)
        for address, topics, data in computation.get_log_entries()
    )


def execute_call(
    node: Node, state_root: bytes, environment: Environment, request: CallRequest, *, gas: int, limit: TimeLimit
) -> CallResult:
    """Execute without consequence and without fees, with the gas limit `gas`.

    A failing call is a result. Raises `CorruptStore`, and what `limit` raises.
    """
    to = request.to or b""
    intrinsic = intrinsic_gas(to, request.data, request.access_list)
    if gas < intrinsic:
        return CallResult(b"", 0, f"intrinsic gas too low: gas {gas}, minimum needed {intrinsic}")
    nodes = _Nodes(node)
    state = _State(nodes, _context(environment), state_root)
    state.limit = limit
    state.lock_changes()
    if request.value > state.get_balance(request.sender):
        return CallResult(b"", 0, "insufficient funds for transfer")
    transaction = Transaction(
        TransactionHash(bytes(32)),
        b"",
        0,
        environment.chain_id,
        state.get_nonce(request.sender),
        gas,
        0,
        0,
        to,
        request.value,
        request.data,
        request.access_list,
        0,
        1,
        1,
        request.sender,
        intrinsic,
    )
    executor = _Executor(state)
    try:
        message = executor.build_evm_message(transaction)
        _warm(state, message, request)
        context = state.get_transaction_context_class()(gas_price=request.gas_price, origin=request.sender)
        kind = _LimitedComputation
        run = kind.apply_create_message if message.is_create else kind.apply_message
        computation = run(state, message, context)
    except EVMMissingData as error:
        raise CorruptStore(f"state is missing: {error!r}") from error
    except VMError as error:
        return CallResult(b"", gas, _words(error))
    used = _gas_used(computation, gas)
    floor = executor.calc_data_floor_gas(transaction, used, 0)
    failure = None if computation.is_success else _words(computation.error)
    return CallResult(
        bytes(computation.output), used + floor, failure, _logs(computation), _accessed(state, request.sender, to)
    )


def view(node: Node, state_root: bytes, environment: Environment, contract: Address, data: bytes) -> bytes | None:
    """What a contract answers to the chain itself; None when it reverts, or does anything else.

    No contract can stop the chain. Raises `CorruptStore`.
    """
    limit = TimeLimit(VIEW_SECONDS, time.thread_time, TooSlow)
    try:
        result = execute_call(node, state_root, environment, CallRequest(contract, data), gas=VIEW_GAS, limit=limit)
    except LedgerError:
        raise
    except Exception:
        # It takes too long, or py-evm is at fault.
        _logger.exception("contract %s is not followed", contract.hex())
        return None
    return None if result.error else result.output


def _warm(state: Any, message: Any, request: CallRequest) -> None:
    """EIP-2929 and EIP-2930, as the executor does for a transaction."""
    state.mark_address_warm(request.sender)
    state.mark_address_warm(message.storage_address)
    for address, slots in request.access_list:
        state.mark_address_warm(address)
        for slot in slots:
            state.mark_storage_warm(address, slot)


def _accessed(state: Any, *without: bytes) -> tuple[tuple[Address, tuple[int, ...]], ...]:
    """What a call touched, as an access list: accounts by their storage, without sender, recipient and precompiles."""
    found: dict[bytes, list[int]] = {}
    precompiles = PragueComputation.get_precompiles()
    for address, store in state._account_db._account_stores.items():  # noqa: SLF001 - py-evm has no public way
        found[address] = sorted(store.get_accessed_slots())
    return tuple(
        (Address(address), tuple(slots))
        for address, slots in sorted(found.items())
        if slots or (address not in without and address not in precompiles and address != COINBASE)
    )


def _words(error: VMError) -> str:
    """Geth's words for how execution ended, as far as clients look at them."""
    if isinstance(error, Revert):
        return "execution reverted"
    if isinstance(error, OutOfGas):
        return "out of gas"
    name = type(error).__name__
    known = {
        "InvalidInstruction": "invalid opcode",
        "InvalidJumpDestination": "invalid jump destination",
        "WriteProtection": "write protection",
        "ContractCreationCollision": "contract address collision",
        "StackDepthLimit": "max call depth exceeded",
        "InsufficientFunds": "insufficient balance for transfer",
        "InsufficientStack": "stack underflow",
        "FullStack": "stack limit reached 1024",
        "OutOfBoundsRead": "return data out of bounds",
        "ReservedBytesInCode": "invalid code: must not begin with 0xef",
    }
    return known.get(name, name)


def deep_threads(name: str, count: int) -> ThreadPoolExecutor:
    """Threads with room for the deepest call the EVM allows; the stack is address space until it is used."""
    before = threading.stack_size(_STACK)
    try:
        executor = ThreadPoolExecutor(count, thread_name_prefix=name)
        started = threading.Barrier(count + 1)
        # The executor starts a thread for each task no idle thread can take: so all of them start here.
        for _ in range(count):
            executor.submit(started.wait)
        started.wait()
    finally:
        threading.stack_size(before)
    return executor


def ancestors_of(hash_of: Callable[[int], bytes], number: int) -> Callable[[], Iterator[bytes]]:
    """The 256 hashes before block `number`, newest first, read one by one as they are asked for."""

    def hashes() -> Iterable[bytes]:
        for earlier in range(number - 1, max(-1, number - 257), -1):
            yield hash_of(earlier)

    return lambda: iter(hashes())
