# SPDX-License-Identifier: Apache-2.0
"""The log as files under HOME/log: tiles, bundles of entries, checkpoint, stamps, and the one staging file of a step.

Every file appears whole, by a rename, and only the checkpoint is ever replaced by another content. Readers need no
lock. `staging/` is not served: `log.py` says what it is for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from maillon.evidence.checkpoint import Checkpoint
from maillon.evidence.errors import Unreadable
from maillon.evidence.note import Note
from maillon.evidence.tiles import (
    HASH_LENGTH,
    HEIGHT,
    WIDTH,
    TileReader,
    decode_bundle,
    encode_bundle,
    entries_path,
    tile_path,
)
from maillon.services.notary.errors import LogInconsistent

_PARTIAL = re.compile(r"^(?P<full>.+)\.p/(?P<width>[0-9]{1,3})$", re.ASCII)
SERVED = re.compile(r"tile/(?:entries|[0-9]|[1-5][0-9])(?:/x[0-9]{3})*/[0-9]{3}(?:\.p/[0-9]{1,3})?", re.ASCII)
"""The paths a log serves besides `checkpoint` (C2SP tlog-tiles)."""


def write_whole(path: Path, data: bytes, *, durable: bool) -> None:
    """Write a file so that a reader finds all of it or the former one; `durable` once it has reached the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with temporary.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    temporary.replace(path)
    if durable:
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make names written into a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Staged:
    """One step, complete and durable, not necessarily committed: all that publishing it needs."""

    old_size: int
    size: int
    note: str
    files: Mapping[str, bytes]

    def encode(self) -> bytes:
        """A line of JSON that says what follows, the files one after the other, SHA-256 of all that."""
        index = [[path, len(data)] for path, data in self.files.items()]
        header = {"old_size": self.old_size, "size": self.size, "note": self.note, "files": index}
        body = b"".join((json.dumps(header).encode(), b"\n", *self.files.values()))
        return body + hashlib.sha256(body).digest()

    @classmethod
    def decode(cls, data: bytes) -> Staged:
        """The inverse of `encode`; raises `Unreadable`."""
        if len(data) < 32 or hashlib.sha256(data[:-32]).digest() != data[-32:]:
            raise Unreadable("the staged step is damaged")
        line, _, rest = data[:-32].partition(b"\n")
        header = json.loads(line)
        files: dict[str, bytes] = {}
        at = 0
        for path, length in header["files"]:
            files[path] = rest[at : at + length]
            at += length
        return cls(header["old_size"], header["size"], header["note"], files)


class Published:
    """The directory of one log. Safe to read from any thread; written by the sequencer alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._staging = root / "staging"

    # Reading.

    def read(self, path: str) -> bytes:
        """The bytes of a tile or bundle.

        A partial one that is not there any more is cut from the full one, as C2SP tlog-tiles lets clients do, or from a
        wider partial one: a restored log has those of its newest size alone. Raises `FileNotFoundError`.
        """
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            partial = _PARTIAL.match(path)
            if partial is None:
                raise
            width = int(partial["width"])
            whole = self._wider(partial["full"], width).read_bytes()
        if path.startswith("tile/entries/"):
            return encode_bundle(decode_bundle(whole)[:width])
        return whole[: width * HASH_LENGTH]

    def _wider(self, full: str, width: int) -> Path:
        """The full file, or the narrowest partial one that has so many: raises `FileNotFoundError`."""
        if not (self.root / full).exists():
            # Both may change under us: the full file comes, then the partial ones go.
            with contextlib.suppress(FileNotFoundError):
                names = [path.name for path in (self.root / f"{full}.p").iterdir()]
                wider = [int(name) for name in names if name.isdigit() and int(name) > width]
                if wider:
                    return self.root / f"{full}.p" / str(min(wider))
        return self.root / full

    def reader(self, size: int) -> TileReader:
        """The hashes of the tree of that size."""
        return TileReader(size, self.read)

    def leaves(self, number: int, size: int) -> list[bytes]:
        """The leaf hashes of a bundle's entries in a log of that size. Raises `Unreadable`, `FileNotFoundError`."""
        data = self.reader(size).tile(0, number)
        return [data[at : at + HASH_LENGTH] for at in range(0, len(data), HASH_LENGTH)]

    def bundle(self, number: int, size: int) -> list[bytes]:
        """The entries of a bundle in a log of that size."""
        return decode_bundle(self.read(entries_path(number, min(WIDTH, size - number * WIDTH))))

    def entry(self, index: int, size: int) -> bytes:
        """One encoded entry of a log of that size."""
        return self.bundle(index // WIDTH, size)[index % WIDTH]

    def checkpoint(self) -> str | None:
        """The published note, None before the first."""
        try:
            return (self.root / "checkpoint").read_text()
        except FileNotFoundError:
            return None

    def stamp(self, size: int) -> bytes | None:
        """The time stamp over the checkpoint of that size, None where there is none."""
        try:
            return (self.root / "stamp" / str(size)).read_bytes()
        except FileNotFoundError:
            return None

    def as_of(self, size: int) -> Callable[[str], bytes] | None:
        """How to read every tile and bundle of the log of `size`, while it may go on growing.

        None when a log of that size was committed and is not published yet: ask again in a moment. A step that a crash
        left committed and unpublished is read from where it is staged.
        """
        note = self.checkpoint()
        if size == 0 or (note is not None and Checkpoint.parse(Note.parse(note).text).size >= size):
            return self.read
        try:
            step = Staged.decode((self._staging / str(size)).read_bytes())
        except FileNotFoundError:
            return None
        return lambda path: step.files[path] if path in step.files else self.read(path)

    # Staging.

    def stage(self, step: Staged) -> None:
        """Write the step's one file, durably."""
        write_whole(self._staging / str(step.size), step.encode(), durable=True)

    def staged(self) -> list[Staged]:
        """Steps staged and not yet cleaned, oldest first. Half-written files never became one, and are removed."""
        steps: list[Staged] = []
        if not self._staging.is_dir():
            return steps
        for path in self._staging.iterdir():
            if not path.name.isdigit():
                path.unlink()
                continue
            try:
                steps.append(Staged.decode(path.read_bytes()))
            except Unreadable as error:
                raise LogInconsistent(f"{path} is damaged: restore the log from a backup") from error
        return sorted(steps, key=lambda step: step.size)

    def unstage(self, size: int) -> None:
        """Forget a step: it is published durably, or it never happened."""
        (self._staging / str(size)).unlink(missing_ok=True)

    # Publishing.

    def publish(self, step: Staged, *, newest: bool = True) -> None:
        """Make a step's files visible, the checkpoint last: it never names a tile that is not there."""
        for path, data in step.files.items():
            write_whole(self.root / path, data, durable=False)
        if newest:
            write_whole(self.root / "checkpoint", step.note.encode(), durable=False)

    def settle(self, step: Staged) -> None:
        """Bring a published step to the disk, and drop the partial files that full ones replace."""
        paths = [self.root / path for path in step.files]
        for path in [*paths, self.root / "checkpoint"]:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        for directory in _directories(self.root, paths):
            sync_directory(directory)
        for path in paths:
            if ".p" not in path.parent.name:
                shutil.rmtree(path.with_name(path.name + ".p"), ignore_errors=True)

    def write_stamp(self, size: int, token: bytes) -> None:
        """Keep the stamp over a checkpoint beside the log, durably: the one part no chain gives back."""
        write_whole(self.root / "stamp" / str(size), token, durable=True)


def paths_of(size: int) -> Iterator[str]:
    """The path of every tile and bundle of a log of `size`."""
    level = 0
    while size >> (HEIGHT * level):
        full, width = divmod(size >> (HEIGHT * level), WIDTH)
        yield from (tile_path(level, index) for index in range(full))
        if width:
            yield tile_path(level, full, width)
        level += 1
    full, width = divmod(size, WIDTH)
    yield from (entries_path(index) for index in range(full))
    if width:
        yield entries_path(full, width)


def _directories(root: Path, paths: Iterable[Path]) -> list[Path]:
    """Every directory that may have a new name in it, the deepest first."""
    found = {root}
    for path in paths:
        parent = path.parent
        while parent != root:
            found.add(parent)
            parent = parent.parent
    return sorted(found, key=lambda directory: len(directory.parts), reverse=True)
