# SPDX-License-Identifier: Apache-2.0
"""Files as a client meets them: found, read and hashed whole, or refused with the reason.

Names may be of any bytes (surrogateescape). Nothing is followed in circles, nothing that is not a file is waited for,
and a file that changes while it is read has no digest.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from maillon.evidence.errors import EvidenceError, FileChanged
from maillon.evidence.receipt import Receipt

SUFFIX: Final = ".receipt.json"
_CHUNK = 1024 * 1024
_MAXIMUM_RECEIPT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file, or why there is none to read."""

    path: str
    relative: str
    """Its path within the argument it was found under."""
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
