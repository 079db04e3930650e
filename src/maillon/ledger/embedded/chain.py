# SPDX-License-Identifier: Apache-2.0
"""The chain: what is admitted, sealed, kept and read. Synchronous and safe to share between threads.

A block is one LMDB transaction: state nodes, header, transactions, receipts, indices, CometBFT's height n + 1 and the
removal from the pool's journal. Memory follows the disk, never the other way round: after any crash, opening the store
is the recovery. Executing the EVM happens in threads of our own with deep stacks; see `execution.deep_threads`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maillon.evidence.consensus import Commit, SignedHeader
from maillon.evidence.document import Fields
from maillon.evidence.errors import Unreadable
from maillon.evidence.hashing import sha256
from maillon.evidence.trie import EMPTY_CODE_HASH
from maillon.kit.clock import Clock
from maillon.ledger.abi import Call, one_address, one_number
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.embedded import tries
from maillon.ledger.embedded.consensus import Committer
from maillon.ledger.embedded.execution import (
    BlockExecution,
    Environment,
    Outcome,
    TimeLimit,
    TooSlow,
    ancestors_of,
    deep_threads,
    execute_call,
    genesis_state,
    view,
)
from maillon.ledger.embedded.journal import Journal
from maillon.ledger.embedded.model import (
    Block,
    CallRequest,
    CallResult,
    ConsensusRecord,
    Included,
    Log,
    LogFilter,
    PoolContent,
    Receipt,
    Tag,
    Transaction,
)
from maillon.ledger.embedded.pool import LIGHT_GAS, Pool, Replaced, Selection
from maillon.ledger.embedded.records import (
    NO_REQUESTS,
    ReceiptRecord,
    block_of,
    block_size,
    bloom_bytes,
    bloom_number,
    decode_block,
    encode_block,
    encode_header,
)
from maillon.ledger.embedded.store import (
    BLOCKS,
    CONSENSUS,
    HASHES,
    INITIAL_MAP,
    META,
    PLACES,
    POOL,
    RECEIPTS,
    STATE,
    TRACES,
    TRANSACTIONS,
    Boundary,
    Reading,
    Store,
    Writing,
    no_boundary,
    number_key,
    place_key,
)
from maillon.ledger.embedded.transaction import (
    TRANSACTION_GAS,
    check_tip,
    check_transaction,
    decode_transaction,
    intrinsic_gas,
)
from maillon.ledger.errors import (
    CorruptStore,
    GasLimitExceeded,
    InsufficientFunds,
    InvalidTransaction,
    LedgerError,
    NotFound,
    Rejected,
    Unavailable,
)
from maillon.ledger.fees import floor_tip
from maillon.ledger.genesis import DIRECTORY, Genesis, name_word
from maillon.ledger.port import Address, Height, TransactionHash
from maillon.ledger.reverts import reverted

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")

BASE_FEE_FLOOR: Final = 7
"""Wei: EIP-1559 in integers falls no lower."""
CALL_GAS: Final = 50_000_000
"""Gas of a call at most, as geth has it."""
BLOCK_SECONDS: Final = 1.0
"""How long a block is filled: what does not fit waits for the next, so that a backlog does not delay everybody."""
SLOW_SENDER_SECONDS: Final = 600.0
"""How long nothing is tried of an account whose transaction took too long. It may replace it meanwhile."""
_CALL_THREADS: Final = 3
"""One more than outsiders may occupy (`facade.limits`): the platform's own calls never wait for theirs."""
_KEPT_BLOCKS: Final = 512
_TRACE_TAIL: Final = 16
"""Bytes of an address or topic in the index of logs: a match is checked against the log itself."""
_ELASTICITY, _CHANGE_DENOMINATOR = 2, 8


def _trace_keys(record: ReceiptRecord) -> Iterator[bytes]:
    """Where the index of logs finds this receipt's block."""
    for address, topics, _data in record.logs:
        yield b"a" + address[-_TRACE_TAIL:]
        for topic in topics:
            yield b"t" + topic[-_TRACE_TAIL:]


class _Draft:
    """A block being made: transactions with their outcomes, and what follows from them."""

    def __init__(self, base_fee: int) -> None:
        self._base_fee = base_fee
        self.transactions: list[Transaction] = []
        self.records: list[ReceiptRecord] = []
        self.blooms: list[int] = []
        self.gas_used = 0
        self._logs = 0

    def add(self, transaction: Transaction, outcome: Outcome) -> None:
        self.gas_used += outcome.gas_used
        self.transactions.append(transaction)
        self.records.append(
            ReceiptRecord(
                transaction.type_id,
                transaction.sender,
                transaction.to,
                outcome.contract,
                outcome.succeeded,
                outcome.gas_used,
                self.gas_used,
                transaction.effective_gas_price(self._base_fee),
                self._logs,
                outcome.logs,
            )
        )
        self._logs += len(outcome.logs)
        self.blooms.append(bloom_number(outcome.logs))

    def block(self, parent: Block, timestamp: int, gas_limit: int, state_root: bytes, requests_hash: bytes) -> Block:
        bloom = 0
        for one in self.blooms:
            bloom |= one
        encoded = [
            record.consensus_bytes(bloom_bytes(one)) for record, one in zip(self.records, self.blooms, strict=True)
        ]
        header = encode_header(
            parent_hash=parent.hash,
            state_root=state_root,
            transactions_root=tries.ordered_root([transaction.raw for transaction in self.transactions]),
            receipts_root=tries.ordered_root(encoded),
            bloom=bloom_bytes(bloom),
            number=parent.number + 1,
            gas_limit=gas_limit,
            gas_used=self.gas_used,
            timestamp=timestamp,
            base_fee=self._base_fee,
            requests_hash=requests_hash,
        )
        hashes = tuple(transaction.hash for transaction in self.transactions)
        return block_of(header, block_size(header, self.transactions), hashes)


class Chain:
    """One chain in one home. Made by `open`; every read answers for any past height."""

    def __init__(
        self,
        store: Store,
        genesis: Genesis,
        *,
        committer: Committer,
        clock: Clock,
        boundary: Boundary,
        block_seconds: float,
    ) -> None:
        self.genesis = genesis
        self.chain_id = genesis.chain_id
        self._store = store
        self._committer = committer
        self._clock = clock
        self._boundary = boundary
        self._block_seconds = block_seconds
        self._lock = Lock()
        """Guards pool, accounts and the change of head."""
        self._sealing = Lock()
        self._closed = False
        self._pool = Pool()
        self._accounts: dict[Address, tries.Account] = {}
        """Accounts in the newest state, as read for admission."""
        self._kept: dict[int, Block] = {}
        self._slow: dict[Address, float] = {}
        """Senders of what was too slow → when they may try again (monotonic seconds)."""
        self._sealed_callbacks: list[Callable[[Block], None]] = []
        self._pending_callbacks: list[Callable[[Transaction], None]] = []
        with ExitStack() as undo:
            undo.callback(store.close)
            self._seal_thread = deep_threads("maillon-seal", 1)
            undo.callback(self._seal_thread.shutdown)
            self._head, self._commit = self._load()
            self.tip_floor = self._in(self._seal_thread, lambda: self._floor_after(self._head))
            """Wei per gas every transaction must offer as tip, as the contracts say it in the state of the head: law in
            the pool and in the next block."""
            self._restore_pool()
            undo.pop_all()
        self._call_threads = deep_threads("maillon-call", _CALL_THREADS)
        self._journal = Journal(store, self._accepted, self._not_journalled)

    @classmethod
    def open(
        cls,
        home: Path,
        genesis: Genesis,
        validator_key: Ed25519PrivateKey,
        clock: Clock,
        *,
        boundary: Boundary = no_boundary,
        map_size: int = INITIAL_MAP,
        block_seconds: float = BLOCK_SECONDS,
    ) -> Chain:
        """Open or create `home`/ledger. Raises `StoreInUse`, `CorruptStore`, `NewerStore`, `Unavailable`.

        `boundary` is told each place where a crash leaves something different; `map_size` is where growth begins.
        """
        public = validator_key.public_key().public_bytes_raw()
        if [validator.key for validator in genesis.validators] != [public]:
            raise CorruptStore("this home's validator key is not the one validator of its genesis: restore both")
        store = Store(home / "ledger", map_size=map_size, boundary=boundary)
        committer = Committer(genesis.consensus_chain_id, validator_key)
        return cls(
            store,
            genesis,
            committer=committer,
            clock=clock,
            boundary=boundary,
            block_seconds=block_seconds,
        )

    def close(self) -> None:
        """Release the store; everything acknowledged is on disk already. Closing twice is closing once."""
        if self._closed:
            return
        self._closed = True
        self._journal.close()
        self._seal_thread.shutdown()
        self._call_threads.shutdown()
        self._store.close()

    # Opening

    def _load(self) -> tuple[Block, Commit]:
        """The newest block and its commit, checked against each other; block zero is made when there is none."""
        fingerprint = sha256(self.genesis.to_json())
        with self._store.read() as reading:
            newest = reading.last(BLOCKS)
        if newest is None:
            self._write_genesis(fingerprint)
        with self._store.read() as reading:
            newest = reading.last(BLOCKS)
            if newest is None or reading.get(META, b"genesis") != fingerprint:
                raise CorruptStore("the store was made from another genesis file: restore both together")
            head = decode_block(newest[1])
            if number_key(head.number) != newest[0] or reading.get(HASHES, head.hash) != newest[0]:
                raise CorruptStore(f"block {head.number} of the store contradicts its index")
            if reading.node(head.state_root) is None:
                raise CorruptStore(f"the state of block {head.number} is missing")
            signed = self._signed_header(reading, head.number + 1)
            if signed is None or signed.header.app_hash != head.hash:
                raise CorruptStore(f"the commit of height {head.number + 1} is missing, or of another block")
            return head, signed.commit

    def _write_genesis(self, fingerprint: bytes) -> None:
        state_root, nodes = genesis_state(self.genesis.alloc)
        header = encode_header(
            parent_hash=bytes(32),
            state_root=state_root,
            transactions_root=tries.ordered_root([]),
            receipts_root=tries.ordered_root([]),
            bloom=bloom_bytes(0),
            number=0,
            gas_limit=self.genesis.gas_limit,
            gas_used=0,
            timestamp=self.genesis.time,
            base_fee=self.genesis.base_fee,
            requests_hash=NO_REQUESTS,
        )
        block = block_of(header, block_size(header, ()), ())
        signed = self._committer.commit(block.hash, 1, self.genesis.time, None)

        def change(writing: Writing) -> None:
            writing.put_all(STATE, sorted(nodes.items()))
            self._put_block(writing, block, signed)
            writing.put(META, b"genesis", fingerprint)

        self._store.write("genesis", change)

    def _restore_pool(self) -> None:
        """What was admitted and not yet sealed; anything else in the journal is swept out."""
        stale: list[bytes] = []
        with self._store.read() as reading:
            for key, record in reading.items(POOL):
                sender = Address(record[:20])
                transaction = decode_transaction(record[20:], sender)
                nonce = self._account(reading, sender).nonce
                if transaction.nonce < nonce or transaction.max_priority_fee_per_gas < self.tip_floor:
                    stale.append(key)
                else:
                    self._pool.restore(transaction, nonce, int.from_bytes(key, "big"))
        if stale:

            def change(writing: Writing) -> None:
                for key in stale:
                    writing.delete(POOL, key)

            self._store.write("sweep", change)

    def _signed_header(self, reading: Reading, height: int) -> SignedHeader | None:
        record = reading.get(CONSENSUS, number_key(height))
        if record is None:
            return None
        try:
            return SignedHeader.from_json(Fields(orjson.loads(record), f"height {height}"))
        except (orjson.JSONDecodeError, Unreadable) as error:
            raise CorruptStore(f"the commit of height {height} cannot be read: {error}") from error

    # Writing

    def admit(self, raw: bytes) -> TransactionHash:
        """Accept a signed transaction; on disk when this returns. Raises subclasses of `Rejected`, or `Unavailable`."""
        return self.offer(raw).result()

    def offer(self, raw: bytes, *, replace: bool = True) -> Future[TransactionHash]:
        """The same without waiting for the disk: raises `Rejected` at once, the future resolves when it is durable.

        Without `replace`, a nonce that waits already is `AlreadyKnown`, however much more is offered.

        For event loops: `await asyncio.wrap_future(chain.offer(raw))`.
        """
        transaction = decode_transaction(raw)
        check_transaction(transaction, self.chain_id, self.genesis.gas_limit)
        with self._lock:
            # Here, so that nothing under a floor that rises comes in after what is dropped for it.
            check_tip(transaction, self.tip_floor)
            account = self._accounts.get(transaction.sender)
            if account is None:
                with self._store.read() as reading:
                    account = self._account(reading, transaction.sender)
                self._accounts[transaction.sender] = account
            if account.code_hash != EMPTY_CODE_HASH:
                raise InvalidTransaction(f"sender not an eoa: address 0x{transaction.sender.hex()} (EIP-3607)")
            order, replaced = self._pool.add(transaction, account.nonce, account.balance, replace=replace)
            # Queued under the lock, so that the journal sees a replacement after what it replaces.
            return self._journal.append(transaction, order, replaced)

    def seal(self, *, also_empty: bool = False) -> Block | None:
        """Make one block of what the pool holds, or None when nothing can go in and an empty one is not asked for.

        A block may be empty in any case when what waits only waits for the base fee to fall, which needs blocks.

        Raises `Unavailable` when the disk refuses (nothing changed, try again), `CorruptStore`.
        """
        return self._in(self._seal_thread, lambda: self._seal(also_empty=also_empty))

    def _in(self, threads: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
        """Have it done where the EVM has room for its deepest calls."""
        if self._closed:
            raise Unavailable("the ledger is closed")
        return threads.submit(work).result()

    def _seal(self, *, also_empty: bool) -> Block | None:
        with self._sealing:
            parent = self._head
            timestamp = max(parent.timestamp + 1, int(self._clock.now().timestamp()))
            base_fee = self.next_base_fee(parent.number)
            gas_limit = parent.gas_limit
            refused: set[bytes] = set()
            while True:
                draft = _Draft(base_fee)
                # Before the store is read: whoever holds the lock may wait for readers to leave while the map grows.
                with self._lock:
                    selection = self._pool.select(base_fee, self.tip_floor)
                with self._store.read() as reading:
                    environment = Environment(
                        self.chain_id,
                        parent.number + 1,
                        timestamp,
                        gas_limit,
                        base_fee,
                        parent.hash,
                        ancestors_of(self._hash_of, parent.number + 1),
                    )
                    execution = BlockExecution(reading.node, parent.state_root, environment)
                    culprit = self._fill(execution, selection, draft, gas_limit, refused)
                    if culprit is not None:
                        refused.add(culprit.hash)
                        continue
                    falls = selection.priced_out and base_fee > BASE_FEE_FLOOR
                    if not draft.transactions and not falls and not also_empty:
                        return None
                    state_root, nodes, requests_hash = execution.finish()
                break
            block = draft.block(parent, timestamp, gas_limit, state_root, requests_hash)
            signed = self._committer.commit(block.hash, block.number + 1, timestamp, self._commit)
            self._boundary("block: executed")
            self._write_block(block, draft, nodes, signed)
            # A crash here loses only memory: the block is on disk, and opening reads it, the floor included.
            floor = self._floor_after(block)
            with self._lock:
                self._head = block
                self._commit = signed.commit
                self._accounts.clear()
                self._pool.sealed(draft.transactions, block.number)
                if floor > self.tip_floor:
                    self._journal.drop(self._pool.drop_under(floor))
                self.tip_floor = floor
            self._boundary("block: pool cleaned")
            _tell(self._sealed_callbacks, block)
            return block

    def _fill(
        self, execution: BlockExecution, selection: Selection, draft: _Draft, gas_limit: int, refused: set[bytes]
    ) -> Transaction | None:
        """Execute candidates until the block is full, its time is over or none is left.

        Returns a transaction that broke py-evm itself, for the block to be begun again without it.
        """
        until = time.monotonic() + self._block_seconds
        heavy_had_its_turn = False
        while True:
            late = bool(draft.transactions) and time.monotonic() >= until
            if late and heavy_had_its_turn:
                break
            # When the time is over, one heavy transaction still goes in: light ones cannot keep them all out for ever.
            transaction = selection.next(gas_limit - draft.gas_used, only_heavy=late)
            if transaction is None:
                break
            if (
                transaction.hash in refused
                or self._slow.get(transaction.sender, 0.0) > time.monotonic()
                or not execution.affords(transaction)
            ):
                # Its account is held back; the transaction stays in the pool, acknowledged as it is.
                continue
            try:
                outcome = execution.apply(transaction)
            except LedgerError:
                raise
            except TooSlow:
                # Its account waits, so that the sealer's time is not taken again and again for nothing.
                now = time.monotonic()
                self._slow = {sender: until for sender, until in self._slow.items() if until > now}
                self._slow[transaction.sender] = now + SLOW_SENDER_SECONDS
                _logger.warning("transaction %s takes too long and is held back", transaction.hash.hex())
                return transaction
            except Exception:
                # A fault of py-evm must not stop the chain: this one waits, the others go on.
                _logger.exception("transaction %s cannot be executed and is held back", transaction.hash.hex())
                return transaction
            heavy_had_its_turn = heavy_had_its_turn or transaction.gas > LIGHT_GAS
            draft.add(transaction, outcome)
            selection.included(transaction)
        return None

    def _floor_after(self, block: Block) -> int:
        """The floor in force for the block after this one, by the contract the Directory leads to in its state."""
        environment = self._environment_of(block)

        def answer(call: Call[Any]) -> bytes | None:
            return view(reading.node, block.state_root, environment, call.to, call.data)

        with self._store.read() as reading:
            contract = one_address(answer(Directory(DIRECTORY).lookup(name_word("Credits"))))
            return floor_tip(None if contract is None else one_number(answer(Credits(contract).floor_tip())))

    def _write_block(self, block: Block, draft: _Draft, nodes: dict[bytes, bytes], signed: SignedHeader) -> None:
        number = block.number
        state = sorted(nodes.items())
        sent, receipts, places = [], [], []
        traces: set[bytes] = set()
        for position, (transaction, record) in enumerate(zip(draft.transactions, draft.records, strict=True)):
            place = place_key(number, position)
            sent.append((place, transaction.sender + transaction.raw))
            receipts.append((place, record.encode()))
            places.append((bytes(transaction.hash), place))
            traces.update(_trace_keys(record))
        suffix = number_key(number)
        found = sorted((trace + suffix, b"") for trace in traces)
        places.sort()

        def change(writing: Writing) -> None:
            writing.put_all(STATE, state)
            self._put_block(writing, block, signed)
            writing.put_all(TRANSACTIONS, sent)
            writing.put_all(RECEIPTS, receipts)
            writing.put_all(PLACES, places)
            writing.put_all(TRACES, found)
            with self._lock:
                orders = [self._pool.order_of(transaction.hash) for transaction in draft.transactions]
            for order in orders:
                if order is not None:
                    writing.delete(POOL, number_key(order))

        self._store.write("block", change)

    def _put_block(self, writing: Writing, block: Block, signed: SignedHeader) -> None:
        key = number_key(block.number)
        writing.put(BLOCKS, key, encode_block(block))
        writing.put(HASHES, block.hash, key)
        writing.put(CONSENSUS, number_key(block.number + 1), orjson.dumps(signed.to_json()))

    def _accepted(self, transaction: Transaction) -> None:
        _tell(self._pending_callbacks, transaction)

    def _not_journalled(self, transaction: Transaction, replaced: Replaced | None) -> None:
        with self._lock:
            self._pool.withdraw(transaction)
            if replaced is not None:
                # What it was to replace was acknowledged, and is still on disk.
                with self._store.read() as reading:
                    nonce = self._account(reading, transaction.sender).nonce
                if replaced.transaction.nonce >= nonce:
                    self._pool.restore(replaced.transaction, nonce, replaced.order)

    def subscribe(self, callback: Callable[[Block], None]) -> Callable[[], None]:
        """Call back with each sealed block, from the sealing thread, in order; returns how to stop.

        In asyncio: `chain.subscribe(lambda block: loop.call_soon_threadsafe(queue.put_nowait, block))`.
        """
        with self._lock:
            self._sealed_callbacks.append(callback)
        return lambda: self._sealed_callbacks.remove(callback)

    def subscribe_pending(self, callback: Callable[[Transaction], None]) -> Callable[[], None]:
        """Call back with each admitted transaction once durable, from the journal's thread; returns how to stop."""
        with self._lock:
            self._pending_callbacks.append(callback)
        return lambda: self._pending_callbacks.remove(callback)

    # The pool

    def pending_count(self) -> int:
        """Transactions waiting, those behind a gap included."""
        return len(self._pool)

    def pending_nonce(self, address: Address) -> int:
        """The next nonce of the account after what waits without a gap."""
        with self._lock:
            waiting = self._pool.pending_nonce(address)
            if waiting is not None:
                return waiting
            with self._store.read() as reading:
                return self._account(reading, address).nonce

    def pool_content(self) -> PoolContent:
        """Everything that waits."""
        with self._lock:
            return self._pool.content()

    # Blocks

    def head(self) -> Block:
        """The newest block, which is final."""
        return self._head

    def block(self, which: Height | int | bytes | Tag) -> Block | None:
        """By number, hash or tag; None when there is none."""
        if isinstance(which, bytes):
            with self._store.read() as reading:
                key = reading.get(HASHES, which) if len(which) == 32 else None
            return None if key is None else self._numbered(int.from_bytes(key, "big"))
        if isinstance(which, str):
            return self._numbered(0) if which == "earliest" else self._head
        return self._numbered(which)

    def _numbered(self, number: int) -> Block | None:
        head = self._head
        if number == head.number:
            return head
        if not 0 <= number < head.number:
            return None
        block = self._kept.get(number)
        if block is None:
            with self._store.read() as reading:
                record = reading.get(BLOCKS, number_key(number))
            if record is None:
                raise CorruptStore(f"block {number} is missing from the store")
            block = decode_block(record)
            if len(self._kept) >= _KEPT_BLOCKS:
                self._kept.clear()
            self._kept[number] = block
        return block

    def _hash_of(self, number: int) -> bytes:
        return self._at(number).hash

    def height(self, which: Height | int | Tag | None = None) -> Height:
        """The number a tag means; raises `NotFound` for a number past the head."""
        return self._at(which).number

    def _at(self, which: Height | int | Tag | None) -> Block:
        block = self._head if which is None else self.block(which)
        if block is None:
            raise NotFound(f"block {which} not found: the newest is {self._head.number}")
        return block

    def transactions(self, number: Height | int) -> tuple[Transaction, ...]:
        """The transactions of a block in order, senders known."""
        count = len(self._at(number).transactions)
        with self._store.read() as reading:
            records = islice(reading.items(TRANSACTIONS, place_key(number, 0)), count)
            return tuple(decode_transaction(record[20:], Address(record[:20])) for _key, record in records)

    def transaction(self, transaction_hash: bytes) -> Included | None:
        """By hash, sealed or waiting."""
        # The pool first: it lets go of a transaction in the moment its block becomes the head.
        with self._lock:
            waiting = self._pool.find(transaction_hash)
        if waiting:
            return Included(waiting, None, None)
        with self._store.read() as reading:
            place = reading.get(PLACES, transaction_hash) if len(transaction_hash) == 32 else None
            record = reading.get(TRANSACTIONS, place) if place else None
        block = self._sealed_at(place)
        if place is None or record is None or block is None:
            return None
        return Included(decode_transaction(record[20:], Address(record[:20])), block, int.from_bytes(place[8:], "big"))

    def _sealed_at(self, place: bytes | None) -> Block | None:
        """The block of a place in the store; None while that block is on disk and not yet the head."""
        return None if place is None else self._numbered(int.from_bytes(place[:8], "big"))

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """By transaction hash; None unless sealed."""
        with self._store.read() as reading:
            place = reading.get(PLACES, transaction_hash) if len(transaction_hash) == 32 else None
            record = reading.get(RECEIPTS, place) if place else None
        block = self._sealed_at(place)
        if place is None or record is None or block is None:
            return None
        return ReceiptRecord.decode(record).receipt(block, int.from_bytes(place[8:], "big"))

    def receipts(self, number: Height | int) -> tuple[Receipt, ...]:
        """All receipts of a block in order."""
        block = self._at(number)
        with self._store.read() as reading:
            records = [
                record
                for _key, record in islice(reading.items(RECEIPTS, place_key(number, 0)), len(block.transactions))
            ]
        return tuple(ReceiptRecord.decode(record).receipt(block, at) for at, record in enumerate(records))

    def logs(self, wanted: LogFilter) -> Iterator[Log]:
        """Matching logs in order, through the index of addresses and topics."""
        for number in self._candidates(wanted, min(wanted.until, self._head.number)):
            for receipt in self.receipts(number):
                for log in receipt.logs:
                    if _matches(log, wanted):
                        yield log

    def _candidates(self, wanted: LogFilter, until: int) -> Sequence[int]:
        """Blocks that may hold a match, ascending."""
        criteria = [[b"a" + address[-_TRACE_TAIL:] for address in wanted.addresses]] if wanted.addresses else []
        criteria += [[b"t" + topic[-_TRACE_TAIL:] for topic in topics] for topics in wanted.topics if topics]
        if not criteria:
            return range(wanted.since, until + 1)
        found: set[int] | None = None
        with self._store.read() as reading:
            for prefixes in criteria:
                numbers: set[int] = set()
                for prefix in prefixes:
                    for key, _value in reading.items(TRACES, prefix + number_key(wanted.since)):
                        number = int.from_bytes(key[-8:], "big")
                        if not key.startswith(prefix) or number > until:
                            break
                        numbers.add(number)
                found = numbers if found is None else found & numbers
        return sorted(found or ())

    def next_base_fee(self, number: Height | int | None = None) -> int:
        """The base fee, wei per gas, of the block after `number` (EIP-1559, floor 7)."""
        parent = self._at(number)
        target = parent.gas_limit // _ELASTICITY
        fee = parent.base_fee
        if parent.gas_used > target:
            fee += max(fee * (parent.gas_used - target) // target // _CHANGE_DENOMINATOR, 1)
        elif parent.gas_used < target:
            fee -= fee * (target - parent.gas_used) // target // _CHANGE_DENOMINATOR
        return max(fee, BASE_FEE_FLOOR)

    # State, as of after block `height` (None: the newest)

    def _account(self, reading: Reading, address: Address, state_root: bytes | None = None) -> tries.Account:
        return tries.account_at(reading.node, state_root or self._head.state_root, address)

    def _account_at(self, address: Address, height: Height | int | None) -> tries.Account:
        state_root = self._at(height).state_root
        with self._store.read() as reading:
            return self._account(reading, address, state_root)

    def balance(self, address: Address, height: Height | int | None = None) -> int:
        """Wei."""
        return self._account_at(address, height).balance

    def nonce(self, address: Address, height: Height | int | None = None) -> int:
        """Transactions sent, or contracts made."""
        return self._account_at(address, height).nonce

    def code(self, address: Address, height: Height | int | None = None) -> bytes:
        """The contract's code; empty when it is none."""
        code_hash = self._account_at(address, height).code_hash
        if code_hash == EMPTY_CODE_HASH:
            return b""
        with self._store.read() as reading:
            code = reading.node(code_hash)
        if code is None:
            raise CorruptStore(f"the code {code_hash.hex()} is missing")
        return code

    def storage(self, address: Address, slot: int, height: Height | int | None = None) -> int:
        """The value of a storage slot; 0 when never set."""
        storage_root = self._account_at(address, height).storage_root
        with self._store.read() as reading:
            return tries.slot_at(reading.node, storage_root, slot)

    def call(self, request: CallRequest, height: Height | int | None = None, time_limit: float = 5.0) -> CallResult:
        """Execute without consequence. Raises `Unavailable` after `time_limit` seconds; a failing call is a result."""
        block = self._at(height)
        gas = min(request.gas or CALL_GAS, CALL_GAS)
        limit = _call_limit(time_limit)
        return self._in(self._call_threads, lambda: self._call(block, request, gas, limit))

    def _call(self, block: Block, request: CallRequest, gas: int, limit: TimeLimit) -> CallResult:
        environment = self._environment_of(block)
        with self._store.read() as reading:
            return execute_call(reading.node, block.state_root, environment, request, gas=gas, limit=limit)

    def _environment_of(self, block: Block) -> Environment:
        """What a call in the state of this block sees."""
        return Environment(
            self.chain_id,
            block.number,
            block.timestamp,
            block.gas_limit,
            block.base_fee,
            block.parent_hash,
            ancestors_of(self._hash_of, block.number),
        )

    def estimate_gas(self, request: CallRequest, height: Height | int | None = None, time_limit: float = 5.0) -> int:
        """A gas limit with which it succeeds, at most a sixty-fourth above the least, as geth's is.

        A transfer without data needs exactly what it used. Raises `Reverted`, `InsufficientFunds`, ...

        Of the newest state it answers for the block that would be sealed now: its time is now, not when there last was
        something to seal.
        """
        block = self._at(height)
        if block.number == self._head.number:
            block = replace(block, timestamp=max(block.timestamp, int(self._clock.now().timestamp())))
        limit = _call_limit(time_limit)
        return self._in(self._call_threads, lambda: self._estimate(block, request, limit))

    def _estimate(self, block: Block, request: CallRequest, time_limit: TimeLimit) -> int:
        most = min(block.gas_limit, TRANSACTION_GAS)
        limit = min(request.gas or most, most)
        limit = self._affordable(block, request, limit)
        first = self._call(block, request, limit, time_limit)
        if first.error is not None:
            raise _refusal(first, limit)
        # Refunds and the 63/64 held back in nested calls are why what was used may not be enough.
        lowest, highest = first.gas_used - 1, limit
        guess = min(limit, (first.gas_used + 2300) * 64 // 63 if request.data else first.gas_used)
        if self._call(block, request, guess, time_limit).error is None:
            highest = guess
        else:
            lowest = guess
        # When the time is over the best so far is an answer, too. Each step executes it once more, and who sends adds
        # a margin anyway.
        with suppress(Unavailable):
            while highest - lowest > highest // 64:
                middle = (lowest + highest) // 2
                if self._call(block, request, middle, time_limit).error is None:
                    highest = middle
                else:
                    lowest = middle
        return highest

    def _affordable(self, block: Block, request: CallRequest, limit: int) -> int:
        """The gas the sender can pay for, as geth bounds an estimate."""
        balance = self.balance(request.sender, block.number)
        if request.value > balance:
            raise InsufficientFunds(
                f"insufficient funds for transfer: address 0x{request.sender.hex()} have {balance} want {request.value}"
            )
        if request.gas_price:
            limit = min(limit, (balance - request.value) // request.gas_price)
            needed = intrinsic_gas(request.to or b"", request.data, request.access_list)
            if limit < needed:
                raise InsufficientFunds(f"gas required exceeds allowance ({limit})")
        return limit

    # Evidence

    def proof(self, address: Address, slots: Sequence[int], height: Height | int | None = None) -> dict[str, Any]:
        """The answer of `eth_getProof` (EIP-1186), keys as 32-byte hex."""
        block = self._at(height)
        with self._store.read() as reading:
            account, nodes = tries.prove_account(reading.node, block.state_root, address)
            storage = []
            for slot in slots:
                value, slot_nodes = tries.prove_slot(reading.node, account.storage_root, slot)
                storage.append({"key": f"0x{slot:064x}", "value": hex(value), "proof": _hexadecimal(slot_nodes)})
        return {
            "address": "0x" + address.hex(),
            "accountProof": _hexadecimal(nodes),
            "balance": hex(account.balance),
            "codeHash": "0x" + account.code_hash.hex(),
            "nonce": hex(account.nonce),
            "storageHash": "0x" + account.storage_root.hex(),
            "storageProof": storage,
        }

    def consensus(self, height: int) -> ConsensusRecord:
        """CometBFT height `height`, which commits to block `height` - 1; raises `NotFound`."""
        with self._store.read() as reading:
            record = reading.get(CONSENSUS, number_key(height)) if 0 < height < 2**63 else None
        if record is None:
            raise NotFound(f"height {height} not found: the newest is {self._head.number + 1}")
        signed = orjson.loads(record)
        return ConsensusRecord(signed["header"], signed["commit"], self.validators(height))

    def validators(self, height: int) -> list[dict[str, Any]]:
        """The set that signs `height`, as CometBFT's `/validators` writes it: here always the same one."""
        if not 0 < height <= self._head.number + 1:
            raise NotFound(f"height {height} not found: the newest is {self._head.number + 1}")
        return [validator.to_json() for validator in self._committer.validators.validators]


def _call_limit(seconds: float) -> TimeLimit:
    """From when it was asked, so that the time until its turn counts."""
    return TimeLimit(seconds, time.monotonic, Unavailable)


def _tell(callbacks: Sequence[Callable[[_T], None]], news: _T) -> None:
    """Call back; one that fails must not undo what is already on disk, nor keep the others from hearing."""
    for callback in tuple(callbacks):
        try:
            callback(news)
        except Exception:
            _logger.exception("a subscriber failed")


def _hexadecimal(nodes: Sequence[bytes]) -> list[str]:
    return ["0x" + node.hex() for node in nodes]


def _matches(log: Log, wanted: LogFilter) -> bool:
    if wanted.addresses and log.address not in wanted.addresses:
        return False
    if len(wanted.topics) > len(log.topics):
        return False
    return all(not topics or log.topics[at] in topics for at, topics in enumerate(wanted.topics))


def _refusal(result: CallResult, limit: int) -> Rejected:
    """Why an estimate has no answer."""
    if result.reverted:
        return reverted(result.output)
    if result.error == "out of gas" or (result.error or "").startswith("intrinsic gas too low"):
        return GasLimitExceeded(f"gas required exceeds allowance ({limit})")
    return InvalidTransaction(result.error or "execution failed")
