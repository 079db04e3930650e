# SPDX-License-Identifier: Apache-2.0
"""Files as a client meets them: found, read and hashed whole, or refused with the reason.

Names may be of any bytes (surrogateescape). Nothing is followed in circles, nothing that is not a file is waited for,
and a file that changes while it is read has no digest. `Reader` reads several files at a time and gives them in order.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from maillon.evidence.errors import EvidenceError, FileChanged
from maillon.evidence.receipt import Receipt

SUFFIX: Final = ".receipt.json"
_CHUNK = 1024 * 1024
_LONGEST_NAME: Final = 255
"""Bytes of a name: what every file system in use takes at most (NAME_MAX)."""
_MAXIMUM_RECEIPT = 4 * 1024 * 1024
_READERS: Final = 4
"""Threads that read: a disk answers several questions at once faster than one after the other."""
_TOGETHER: Final = 32
"""Files one of them takes at a time."""
_AHEAD: Final = 8
"""How many such groups are read ahead of whoever takes them."""


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file, or why there is none to read."""

    path: str
    relative: str
    """Its path within the argument it was found under."""
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file that was found, with its digest, or why it has none."""

    path: str
    receipt: str
    """Where its receipt belongs, absolute."""
    digest: bytes = b""
    has_receipt: bool = False
    """A readable receipt of this digest is there already."""
    refused: str | None = None


def reason(error: OSError) -> str:
    """What the system says, in a few words."""
    return error.strerror or str(error)


def _walk_directory(root: str, within: str) -> Iterator[Found]:
    try:
        with os.scandir(root) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Found(root, within, reason(error))
        return
    for entry in listed:
        relative = f"{within}/{entry.name}" if within else entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk_directory(entry.path, relative)
            elif entry.is_symlink() and Path(entry.path).is_dir():
                # Following it could walk in circles; what it shows is notarised where it is.
                yield Found(entry.path, relative, "a symbolic link to a directory is not followed")
            elif entry.name.endswith(SUFFIX):
                continue
            elif entry.is_file() or stat.S_ISREG(entry.stat().st_mode):
                yield Found(entry.path, relative)
            else:
                yield Found(entry.path, relative, "neither a file nor a directory")
        except OSError as error:
            yield Found(entry.path, relative, reason(error))


def walk(arguments: Sequence[str]) -> Iterator[Found]:
    """Every regular file under the arguments, in order."""
    for argument in arguments:
        try:
            mode = Path(argument).stat().st_mode
        except OSError as error:
            yield Found(argument, Path(argument).name, reason(error))
            continue
        if stat.S_ISDIR(mode):
            yield from _walk_directory(argument, "")
        elif stat.S_ISREG(mode):
            yield Found(argument, Path(argument).name)
        else:
            yield Found(argument, Path(argument).name, "neither a file nor a directory")


def hash_file(path: str) -> bytes:
    """SHA-256 of a file of any size in constant memory. Raises `FileChanged` when it changed meanwhile, `OSError`."""
    # Without O_NONBLOCK a pipe put in the file's place would hang us.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise FileChanged("something else is in the file's place now: notarise it again")
        state = hashlib.sha256()
        length = 0
        # One byte more than it has: a file that has grown says so, and a small one is read in one go.
        size = min(_CHUNK, before.st_size + 1)
        while chunk := os.read(descriptor, size):
            state.update(chunk)
            length += len(chunk)
        after = os.fstat(descriptor)
        if (
            length != before.st_size
            or after.st_size != before.st_size
            or after.st_mtime_ns != before.st_mtime_ns
            or after.st_ctime_ns != before.st_ctime_ns
        ):
            raise FileChanged("the file changed while it was read: notarise it again when nobody writes to it")
        return state.digest()
    finally:
        os.close(descriptor)


def has_receipt(path: str, digest: bytes) -> bool:
    """Whether there is a readable receipt of that digest at `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        with os.fdopen(descriptor, "rb") as file:
            receipt = Receipt.parse(file.read(_MAXIMUM_RECEIPT))
    except (OSError, EvidenceError):
        return False
    return receipt.digest.value == digest


class Reader:
    """Hashes what a walk finds, several files at once, and gives them in the order of the walk.

    `out` None puts each receipt beside its file. With `again`, nobody looks whether there is a receipt already.
    """

    def __init__(self, out: str | None, *, again: bool) -> None:
        self._out = None if out is None else str(Path(out).absolute())
        self._again = again

    def read(self, found: Iterator[Found]) -> Iterator[Hashed]:
        """Each file once read. A bounded number is read ahead."""
        with ThreadPoolExecutor(_READERS, "notarise-read") as threads:
            ahead: deque[Future[list[Hashed]]] = deque()
            try:
                while group := list(islice(found, _TOGETHER)):
                    ahead.append(threads.submit(self._group, group))
                    if len(ahead) > _AHEAD:
                        yield from ahead.popleft().result()
                while ahead:
                    yield from ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def _group(self, group: list[Found]) -> list[Hashed]:
        return [self._one(file) for file in group]

    def _one(self, file: Found) -> Hashed:
        place = os.path.abspath(file.path) if self._out is None else f"{self._out}/{file.relative}"  # noqa: PTH100 - ten times as fast, a hundred thousand times
        receipt = place + SUFFIX
        if file.refused is not None:
            return Hashed(file.path, receipt, refused=file.refused)
        if len(os.fsencode(receipt.rpartition("/")[2])) > _LONGEST_NAME:
            return Hashed(
                file.path, receipt, refused="the name of its receipt would be too long: give it a shorter one"
            )
        try:
            digest = hash_file(file.path)
        except FileChanged as error:
            return Hashed(file.path, receipt, refused=str(error))
        except OSError as error:
            return Hashed(file.path, receipt, refused=reason(error))
        return Hashed(file.path, receipt, digest, not self._again and has_receipt(receipt, digest))
