# SPDX-License-Identifier: Apache-2.0
"""What a client must not forget between drawing salts and holding receipts: one durable file for each batch.

Written before anything is sent. A batch whose file is still there is resumed: the server is asked to append what it has
not got, so that nothing is logged twice however often we are killed. The file goes once its receipts are on the disk.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from maillon.evidence.document import check_depth
from maillon.evidence.entry import COMMITMENT, SALT_LENGTH, public
from maillon.evidence.errors import Unreadable
from maillon.evidence.hashing import Algorithm, Digest
from maillon.evidence.tiles import HASH_LENGTH
from maillon.services.notary.errors import NotaryError

_SUFFIX = ".batch"
_COMMITMENT = bytes([COMMITMENT])
_PUBLIC = bytes([public(Digest(Algorithm.SHA2_256, bytes(32))).kind])


class JournalDamaged(NotaryError):
    """A batch an earlier run left cannot be read: the salts in it are lost."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file to be notarised. `salt` is None for a public entry."""

    path: str
    receipt: str
    digest: bytes
    salt: bytes | None

    def payload(self) -> bytes:
        """What is sent for it: commitment or plain digest (`evidence.entry`, which makes and checks the same)."""
        return self.digest if self.salt is None else hashlib.sha256(self.salt + self.digest).digest()

    def encoded(self) -> bytes:
        """The entry the log holds for it."""
        return (_COMMITMENT if self.salt is not None else _PUBLIC) + self.payload()


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that are sent together. Its name is its Idempotency-Key."""

    name: str
    server: str
    items: tuple[Item, ...]
    resumed: bool = False

    @property
    def is_public(self) -> bool:
        """Whether plain digests are logged."""
        return self.items[0].salt is None


class Journal:
    """The batches under way, in one directory that several runs may share: each holds the files of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[str, int] = {}
        """Descriptors of the files of this run's batches, locked for as long as it lives."""

    def close(self) -> None:
        """Leave what is unfinished to the next run."""
        while self._held:
            os.close(self._held.popitem()[1])

    def begin(self, server: str, items: list[Item]) -> Batch:
        """A new batch, on the disk when this returns. Names of any bytes survive: JSON escapes lone surrogates."""
        batch = Batch(secrets.token_hex(16), server, tuple(items))
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write(batch)
        return batch

    def _write(self, batch: Batch) -> None:
        """Its file, whole and on the disk, or not at all."""
        rows = [[i.path, i.receipt, i.digest.hex(), None if i.salt is None else i.salt.hex()] for i in batch.items]
        path = self._directory / (batch.name + _SUFFIX)
        temporary = path.with_suffix(".new")
        # The salts are secret: whoever has one can link an entry to its file.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._held[batch.name] = descriptor
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open(descriptor, "w", closefd=False) as file:
            file.write(json.dumps({"server": batch.server, "items": rows}))
        os.fsync(descriptor)
        temporary.replace(path)
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def unfinished(self, server: str) -> Iterator[Batch]:
        """Batches for this server that an earlier run did not finish, and no living run is at.

        Raises `JournalDamaged`.
        """
        if not self._directory.is_dir():
            return
        for path in sorted(self._directory.glob("*.new")):
            # Never became a batch, so it was never sent.
            if self._hold(path) is not None:
                path.unlink()
                os.close(self._held.pop(path.stem))
        for path in sorted(self._directory.glob("*" + _SUFFIX)):
            descriptor = self._hold(path)
            if descriptor is None:
                continue
            batch = _read(path)
            if batch.server == server:
                yield batch
            else:
                os.close(self._held.pop(path.stem))

    def _hold(self, path: Path) -> int | None:
        """Lock a batch's file for this run; None when another run has it, or had it and has just finished it."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if not path.exists():
            os.close(descriptor)
            return None
        self._held[path.stem] = descriptor
        return descriptor

    def finish(self, batch: Batch, unwritten: Sequence[Item] = ()) -> None:
        """The receipts are written: bring them to the disk, then forget the salts here. Raises `OSError`.

        Those that could not be written are kept, for the next run.
        """
        directories = {os.path.dirname(item.receipt) for item in batch.items}  # noqa: PTH120 - in bulk
        for directory in {os.stat(directory).st_dev: directory for directory in directories}.values():  # noqa: PTH116 - the same
            _sync_file_system(directory)
        # A crash here: the receipts are there and the next run writes the same ones again.
        held = self._held.pop(batch.name)
        try:
            if unwritten:
                self._write(replace(batch, items=tuple(unwritten)))
            else:
                (self._directory / (batch.name + _SUFFIX)).unlink(missing_ok=True)
        finally:
            os.close(held)


def _item(row: Any) -> Item:
    """One row of a batch's file; raises `ValueError` or `TypeError`."""
    name, receipt, digest, salt = row
    item = Item(str(name), str(receipt), bytes.fromhex(digest), None if salt is None else bytes.fromhex(salt))
    if len(item.digest) != HASH_LENGTH or len(item.salt or item.digest) != SALT_LENGTH:
        raise ValueError("a digest or salt of another length")
    return item


def _read(path: Path) -> Batch:
    """A batch from its file; raises `JournalDamaged`."""
    try:
        text = path.read_text("utf-8")
        check_depth(text, "a batch")
        # Not orjson, which refuses what JSON writes for the bytes of a name that are no text.
        document = json.loads(text)
        server, items = str(document["server"]), tuple(_item(row) for row in document["items"])
    except (Unreadable, ValueError, KeyError, TypeError) as error:
        items, why = (), str(error)
    else:
        why = "it is empty"
    if not items:
        raise JournalDamaged(
            f"{path} is damaged ({why}). It held the salts of files whose receipts were not written yet: remove it, "
            "and they are notarised again"
        )
    return Batch(path.stem, server, items, resumed=True)


@functools.cache
def _syncfs() -> Callable[[int], int] | None:
    function = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if function is None:
        return None
    function.argtypes, function.restype = [ctypes.c_int], ctypes.c_int
    return function  # type: ignore[no-any-return]


def _sync_file_system(directory: str) -> None:
    """Everything written to the file system of `directory` is on the disk on return. Raises `OSError`."""
    syncfs = _syncfs()
    if syncfs is None:
        os.sync()
        return
    # Unlike sync(2) it waits for no other disk, and since Linux 5.8 it says when something could not be written.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), directory)
    finally:
        os.close(descriptor)
