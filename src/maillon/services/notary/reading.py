# SPDX-License-Identifier: Apache-2.0
"""Many files read at once and given in order: the first by threads, the others by processes.

The threads of one Python wait for each other more than for the disk (docs/decisions/0039). A process is asked over its
standard input for a group of files, a line of JSON, and answers with another; it ends when nobody can ask it any more,
after the group it is at. Run as a module, this is such a process.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from maillon.evidence.errors import FileChanged
from maillon.services.notary.files import SUFFIX, Found, has_receipt, hash_file, reason

_READERS: Final = 4
"""Threads, each with its process: a disk answers several questions at once faster than one after the other."""
_TOGETHER: Final = 32
"""Files one of them takes at a time."""
_AHEAD: Final = 8
"""How many such groups are read ahead of whoever takes them."""
_WITHOUT_PROCESS: Final = 16
"""Groups read before processes are started: so few are read sooner than a process is there."""
_LONGEST_NAME: Final = 255
"""Bytes of a name: what every file system in use takes at most (NAME_MAX)."""


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


@dataclass(frozen=True, slots=True)
class Wish:
    """How files are to be read. `out` None puts each receipt beside its file."""

    out: str | None
    again: bool
    """Nobody looks whether there is a receipt already."""

    def hash(self, file: Found) -> Hashed:
        """Read one file."""
        place = os.path.abspath(file.path) if self.out is None else f"{self.out}/{file.relative}"  # noqa: PTH100 - ten times as fast, a hundred thousand times
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
        return Hashed(file.path, receipt, digest, not self.again and has_receipt(receipt, digest))


class Reader:
    """Hashes what a walk finds, several files at once, and gives them in the order of the walk."""

    def __init__(self, out: str | None, *, again: bool) -> None:
        self._wish = Wish(None if out is None else str(Path(out).absolute()), again)
        self._idle: list[_Process] = []
        """Processes nobody asks at the moment."""
        self._failed = False
        """Whether a process could not be started, or ended early: no more are started."""

    def read(self, found: Iterator[Found]) -> Iterator[Hashed]:
        """Each file once read. A bounded number is read ahead."""
        begun = 0
        try:
            with ThreadPoolExecutor(_READERS, "notarise-read") as threads:
                ahead: deque[Future[list[Hashed]]] = deque()
                try:
                    while group := list(islice(found, _TOGETHER)):
                        read = self._here if begun < _WITHOUT_PROCESS else self._elsewhere
                        begun += 1
                        ahead.append(threads.submit(read, group))
                        if len(ahead) > _AHEAD:
                            yield from ahead.popleft().result()
                    while ahead:
                        yield from ahead.popleft().result()
                finally:
                    for future in ahead:
                        future.cancel()
        finally:
            while self._idle:
                self._idle.pop().close()

    def _here(self, group: list[Found]) -> list[Hashed]:
        return [self._wish.hash(file) for file in group]

    def _elsewhere(self, group: list[Found]) -> list[Hashed]:
        process = self._process()
        if process is None:
            return self._here(group)
        try:
            hashed = process.hash(group)
        except (OSError, ValueError):
            # Somebody ended it, the system for want of memory maybe, or it says what it should not. Read here, and no
            # other is started: it might fare as this one did, once for each group.
            self._failed = True
            process.close()
            return self._here(group)
        self._idle.append(process)
        return hashed

    def _process(self) -> _Process | None:
        """One that is idle, or a new one; None where the thread is to read itself, as well and only slower."""
        try:
            return self._idle.pop()
        except IndexError:
            pass
        if self._failed:
            return None
        try:
            return _Process(self._wish)
        except OSError:
            # No more processes for this user, or no memory.
            self._failed = True
            return None


class _Process:
    """One that reads what it is asked to. Raises `OSError` when it is gone or could not be started."""

    def __init__(self, wish: Wish) -> None:
        # -P: what lies in the directory we are in is read, and never run. Ctrl-C, which a terminal sends to a whole
        # group of processes, is for the one that asks.
        command = [sys.executable, "-P", "-m", __spec__.name, json.dumps([wish.out, wish.again])]
        self._process = subprocess.Popen(  # noqa: S603 - this very module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )

    def hash(self, group: Sequence[Found]) -> list[Hashed]:
        """Have it read these. Raises `ValueError` when it answers something else."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        rows = [[file.path, file.relative, file.refused] for file in group]
        self._process.stdin.write(json.dumps(rows).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise BrokenPipeError("the process that reads is gone")
        return [
            Hashed(path, receipt, bytes.fromhex(digest), had, refused)
            for path, receipt, digest, had, refused in json.loads(line)
        ]

    def close(self) -> None:
        """Let it end, and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def main() -> None:
    """Answer each line with one, until there is no more."""
    out, again = json.loads(sys.argv[1])
    wish = Wish(out, again)
    for line in sys.stdin.buffer:
        hashed = [wish.hash(Found(*row)) for row in json.loads(line)]
        rows = [[file.path, file.receipt, file.digest.hex(), file.has_receipt, file.refused] for file in hashed]
        try:
            sys.stdout.buffer.write(json.dumps(rows).encode() + b"\n")
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # Who asked is gone. Python would say so at its end, to nobody.
            os._exit(0)


if __name__ == "__main__":
    main()
