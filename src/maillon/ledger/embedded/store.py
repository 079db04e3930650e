# SPDX-License-Identifier: Apache-2.0
"""LMDB under the chain: one transaction for each block, one for each group of admissions, each forced to disk.

LMDB is copy-on-write: a crash at any instruction leaves the last committed transaction, whole. The only file that
imports lmdb. The map grows by itself; a disk that is full or read-only is `Unavailable`, nothing half written.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Event, Lock, local
from typing import Any, Final

import lmdb

from maillon.evidence.hashing import keccak256
from maillon.ledger.errors import CorruptStore, NewerStore, StoreInUse, Unavailable

FORMAT: Final = 1
"""Raised when what is written could no longer be read by the version before."""
INITIAL_MAP: Final = 256 * 1024 * 1024
"""Bytes of address space at first; disk is used only as data comes."""
_LITTLE_SPACE: Final = 4 * 1024 * 1024
_LOOK: Final = 0.2
"""Seconds between two looks whether a store has been read through."""

STATE, BLOCKS, HASHES, TRANSACTIONS, RECEIPTS, PLACES, TRACES, CONSENSUS, POOL, META = (
    b"state",  # node or code hash -> trie node or code
    b"blocks",  # number -> header and transaction hashes
    b"hashes",  # block hash -> number
    b"transactions",  # number, position -> sender and signed bytes
    b"receipts",  # number, position -> receipt
    b"places",  # transaction hash -> number, position
    b"traces",  # kind, end of an address or topic, number -> nothing: the index of logs
    b"consensus",  # CometBFT height -> signed header as JSON
    b"pool",  # order of arrival -> sender and signed bytes
    b"meta",  # format, genesis
)
TABLES: Final = (STATE, BLOCKS, HASHES, TRANSACTIONS, RECEIPTS, PLACES, TRACES, CONSENSUS, POOL, META)

Boundary = Callable[[str], None]
"""Told the name of each place where a crash leaves something different; tests stop or kill the process there."""


def no_boundary(_name: str) -> None:
    """What production passes."""


def number_key(number: int) -> bytes:
    """Eight bytes, big-endian: keys in the order of numbers."""
    return number.to_bytes(8, "big")


def place_key(number: int, position: int) -> bytes:
    """Twelve bytes: block number and place within it."""
    return number.to_bytes(8, "big") + position.to_bytes(4, "big")


class Reading:
    """A consistent view of the store, at one commit."""

    def __init__(self, transaction: Any, tables: dict[bytes, Any]) -> None:
        self._transaction = transaction
        self._tables = tables

    def get(self, table: bytes, key: bytes) -> bytes | None:
        """The value, or None."""
        value: bytes | None = self._transaction.get(key, db=self._tables[table])
        return value

    def node(self, key: bytes) -> bytes | None:
        """A trie node or code by its hash."""
        value: bytes | None = self._transaction.get(key, db=self._tables[STATE])
        return value

    def items(self, table: bytes, since: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Pairs in the order of keys, from `since` on."""
        with self._transaction.cursor(db=self._tables[table]) as cursor:
            if cursor.set_range(since):
                yield from cursor

    def last(self, table: bytes) -> tuple[bytes, bytes] | None:
        """The pair with the highest key."""
        with self._transaction.cursor(db=self._tables[table]) as cursor:
            return cursor.item() if cursor.last() else None


class Writing(Reading):
    """A transaction under way: all of it is committed, or none."""

    def put(self, table: bytes, key: bytes, value: bytes) -> None:
        """Set a value."""
        self._transaction.put(key, value, db=self._tables[table])

    def put_all(self, table: bytes, pairs: list[tuple[bytes, bytes]]) -> None:
        """Set many values, quickly."""
        with self._transaction.cursor(db=self._tables[table]) as cursor:
            cursor.putmulti(pairs)

    def delete(self, table: bytes, key: bytes) -> None:
        """Remove a value; nothing when there is none."""
        self._transaction.delete(key, db=self._tables[table])


class Store:
    """The LMDB environment of one home, locked to this process."""

    def __init__(self, folder: Path, *, map_size: int = INITIAL_MAP, boundary: Boundary = no_boundary) -> None:
        self._folder = folder
        self._boundary = boundary
        self._readers = 0
        self._growing = False
        self._closed = False
        self._gate = Condition()
        self._writer = Lock()
        """One writer at a time: LMDB has it so, and the map may not grow under another's transaction."""
        self._mine = local()
        """How many views this thread has open: one that reads within a view must not wait for the map to grow."""
        self._lock = _lock(folder)
        try:
            existing = folder.joinpath("data.mdb")
            _require_whole(folder)
            # A map smaller than the file would hide its end.
            size = max(map_size, existing.stat().st_size * 2 if existing.exists() else 0)
            # As bytes: a name need not be text.
            self._environment = lmdb.open(
                os.fsencode(folder), map_size=size, max_dbs=len(TABLES), max_readers=256, sync=True, metasync=True
            )
            _allocate(folder / "lock.mdb")
            self._tables = {name: self._environment.open_db(name) for name in TABLES}
        except CorruptStore:
            os.close(self._lock)
            raise
        except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError, lmdb.PageNotFoundError) as error:
            os.close(self._lock)
            raise CorruptStore(f"{folder} is not a store of ours, or is damaged: {error}") from error
        except (lmdb.Error, OSError) as error:
            os.close(self._lock)
            raise Unavailable(f"the store in {folder} cannot be opened: {error}") from error
        try:
            self._check_format(folder)
        except BaseException:
            self.close()
            raise

    def _check_format(self, folder: Path) -> None:
        with self.read() as reading:
            found = reading.get(META, b"format")
        if found is None:
            self.write("format", lambda writing: writing.put(META, b"format", str(FORMAT).encode()))
        elif not found.isdigit():
            raise CorruptStore(f"{folder} has no readable format number")
        elif int(found) > FORMAT:
            raise NewerStore(f"{folder} has format {int(found)}; this program reads up to {FORMAT}: use a newer one")

    def close(self) -> None:
        """Release environment and lock."""
        with self._gate:
            self._closed = True
            self._gate.wait_for(lambda: not self._readers, timeout=10)
            self._environment.close()
        os.close(self._lock)

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """A view that nothing changes under us, for one thread."""
        depth: int = getattr(self._mine, "depth", 0)
        with self._gate:
            self._gate.wait_for(lambda: depth or not self._growing)
            if self._closed:
                raise Unavailable("the ledger is closed")
            self._readers += 1
        self._mine.depth = depth + 1
        try:
            with self._environment.begin() as transaction:
                yield Reading(transaction, self._tables)
        except (lmdb.CorruptedError, lmdb.PageNotFoundError) as error:
            raise CorruptStore(f"the store is damaged: {error}") from error
        finally:
            self._mine.depth = depth
            with self._gate:
                self._readers -= 1
                self._gate.notify_all()

    def write(self, what: str, change: Callable[[Writing], None]) -> None:
        """Apply `change` in one transaction and force it to disk; on return it survives anything.

        `change` may run again when the map had to grow. Raises `Unavailable` when the disk is full or refuses: nothing
        of it was written, and a later write may succeed.
        """
        with self._writer:
            while not self._attempt(what, change):
                self._grow()
        # A crash here leaves the state after: what was promised next is already true.
        self._boundary(f"{what}: after commit")

    def _attempt(self, what: str, change: Callable[[Writing], None]) -> bool:
        """Whether it was committed; False when the map is too small."""
        try:
            with self._environment.begin(write=True) as transaction:
                change(Writing(transaction, self._tables))
                # A crash here leaves the state before: nothing was promised yet.
                self._boundary(f"{what}: before commit")
        except lmdb.MapFullError:
            return False
        except (lmdb.CorruptedError, lmdb.PageNotFoundError) as error:
            raise CorruptStore(f"the store is damaged: {error}") from error
        except (lmdb.Error, OSError) as error:
            raise Unavailable(f"the store cannot be written: {self._reason(error)}") from error
        return True

    def _reason(self, error: Exception) -> str:
        """The error in words that help: LMDB says "Input/output error" when a write was cut short by a full disk."""
        disk = os.statvfs(self._folder)
        free = disk.f_bavail * disk.f_frsize
        return f"No space left on device ({error}; {free} bytes are free)" if free < _LITTLE_SPACE else str(error)

    def _grow(self) -> None:
        """Double the map. LMDB allows it only while this process has no transaction open, so readers wait outside."""
        with self._gate:
            self._gate.wait_for(lambda: not self._growing)
            self._growing = True
            self._gate.wait_for(lambda: not self._readers)
            try:
                self._environment.set_mapsize(self._environment.info()["map_size"] * 2)
            except (lmdb.Error, OSError) as error:
                raise Unavailable(f"the store cannot grow: {error}") from error
            finally:
                self._growing = False
                self._gate.notify_all()


def _require_whole(folder: Path) -> None:
    """LMDB maps its file: reading a page that was cut off would end the process (SIGBUS) and say nothing.

    Pages at the end that a commit gave back may honestly be missing, so a short file is read through by `examine`.
    """
    path = folder / "data.mdb"
    if not path.exists() or not path.stat().st_size:
        return
    environment = lmdb.open(os.fsencode(folder), readonly=True, lock=False, create=False)
    try:
        page = environment.stat()["psize"]
        needed = (environment.info()["last_pgno"] + 1) * page
    finally:
        environment.close()
    size = path.stat().st_size
    if size < needed and size % page:
        raise CorruptStore(f"the store in {folder} is damaged: it ends within a page; restore it from a backup")
    if size < needed:
        examine(folder)


def examine(folder: Path, stopped: Event | None = None) -> None:
    """Read every page of a store and compare each node of the state with its hash.

    In a process of its own, which a page that is gone or scrambled may end. Without `stopped` nobody else may have the
    store open; with it a server may be writing, and setting it ends the reading early. Raises `CorruptStore`.
    """
    command = f"import sys; from {__name__} import scan; scan(sys.argv[1], shared={stopped is not None})"
    with subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, "-P", "-c", command, str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as reading:
        while stopped is not None and reading.poll() is None:
            if stopped.wait(_LOOK):
                reading.kill()
                return
        # What it says is a few lines at most: no pipe fills while we wait above.
        said = reading.communicate()[1].strip().splitlines()
    if reading.returncode:
        found = said[-1] if said else "a page of it cannot be read"
        raise CorruptStore(f"the store in {folder} is damaged: {found}; restore it from a backup")


def scan(folder: str, *, shared: bool) -> None:
    """What `examine` runs: ends with status 1 and the reason, or without a word."""
    try:
        environment = lmdb.open(os.fsencode(folder), readonly=True, lock=shared, create=False, max_dbs=len(TABLES))
        for name in TABLES:
            table = environment.open_db(name, create=False)
            # A view for each table: pages given back meanwhile wait no longer than that.
            with environment.begin() as transaction, transaction.cursor(db=table) as cursor:
                for key, value in cursor:
                    if name == STATE and keccak256(value) != key:
                        sys.exit(f"a node of the state is not what its hash {key.hex()} says")
    except lmdb.Error as error:
        sys.exit(str(error))


class Frozen:
    """A store as of one moment."""

    def __init__(self, environment: Any, transaction: Any, newest: int) -> None:
        self._environment = environment
        self._transaction = transaction
        self.newest = newest
        """The number of its newest block."""

    def copy(self, target: Path) -> None:
        """Write it into the directory `target`, without its empty pages. Raises `Unavailable`."""
        try:
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._environment.copy(os.fsencode(target), compact=True, txn=self._transaction)
        except (lmdb.Error, OSError) as error:
            raise Unavailable(f"the ledger cannot be copied to {target}: {error}") from error


@contextmanager
def frozen(folder: Path) -> Iterator[Frozen]:
    """The store of another process, which may go on writing: LMDB's readers see one commit for as long as they look.

    Never in the process that has it open. Raises `CorruptStore` or `Unavailable`.
    """
    try:
        environment = lmdb.open(os.fsencode(folder), readonly=True, create=False, max_dbs=len(TABLES), max_readers=256)
    except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError) as error:
        raise CorruptStore(f"{folder} is not a store of ours, or is damaged: {error}") from error
    except (lmdb.Error, OSError) as error:
        raise Unavailable(f"the store in {folder} cannot be opened: {error}") from error
    try:
        blocks = environment.open_db(BLOCKS, create=False)
        with environment.begin() as transaction, transaction.cursor(db=blocks) as cursor:
            if not cursor.last():
                raise CorruptStore(f"the store in {folder} has no block")
            yield Frozen(environment, transaction, int.from_bytes(cursor.key(), "big"))
    except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.NotFoundError) as error:
        raise CorruptStore(f"the store is damaged: {error}") from error
    finally:
        environment.close()


def _allocate(path: Path) -> None:
    """Give a mapped file its blocks now: with a full disk, touching a page of it would end the process (SIGBUS)."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.posix_fallocate(descriptor, 0, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def _lock(folder: Path) -> int:
    """Hold the folder for this process; the system lets go when the process ends, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(f"the store in {folder} cannot be opened: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreInUse(f"another process holds {folder}: stop it first, or use another home") from error
    return descriptor
