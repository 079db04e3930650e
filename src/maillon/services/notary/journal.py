# SPDX-License-Identifier: Apache-2.0
"""What a client must not forget between drawing salts and holding receipts: one durable file for each batch.

Written before anything is sent. A batch whose file is still there is resumed: the server is asked to append what it has
not got, so that nothing is logged twice however often we are killed. The file goes once its receipts are on the disk.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from maillon.evidence.entry import Entry, commitment, public
from maillon.evidence.hashing import Algorithm, Digest

_SUFFIX = ".batch"


@dataclass(frozen=True, slots=True)
class Item:
    """One file to be notarised. `salt` is None for a public entry."""

    path: str
    receipt: str
    digest: bytes
    salt: bytes | None

    def entry(self) -> Entry:
        """What is logged for it."""
        digest = Digest(Algorithm.SHA2_256, self.digest)
        return public(digest) if self.salt is None else commitment(self.salt, digest)


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
    """The batches under way, in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def begin(self, server: str, items: list[Item]) -> Batch:
        """A new batch, on the disk when this returns. Names of any bytes survive: JSON escapes lone surrogates."""
        batch = Batch(secrets.token_hex(16), server, tuple(items))
        rows = [[i.path, i.receipt, i.digest.hex(), None if i.salt is None else i.salt.hex()] for i in items]
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._directory / (batch.name + _SUFFIX)
        temporary = path.with_suffix(".new")
        # The salts are secret: whoever has one can link an entry to its file.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"server": server, "items": rows}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return batch

    def unfinished(self, server: str) -> Iterator[Batch]:
        """Batches for this server that an earlier run did not finish."""
        if not self._directory.is_dir():
            return
        for path in sorted(self._directory.glob("*.new")):
            # Never became a batch, so it was never sent.
            path.unlink()
        for path in sorted(self._directory.glob("*" + _SUFFIX)):
            document = json.loads(path.read_text())
            if document["server"] != server:
                continue
            items = tuple(
                Item(name, receipt, bytes.fromhex(digest), None if salt is None else bytes.fromhex(salt))
                for name, receipt, digest, salt in document["items"]
            )
            yield Batch(path.stem, server, items, resumed=True)

    def finish(self, batch: Batch) -> None:
        """The receipts are written: bring them to the disk, then forget the salts here."""
        os.sync()
        (self._directory / (batch.name + _SUFFIX)).unlink(missing_ok=True)
