# SPDX-License-Identifier: Apache-2.0
"""Receipts as bytes, and bytes as files: many at a time under one anchored checkpoint.

What the receipts of a checkpoint share is encoded once, and what those of a tile share is proved once. Every leaf is
compared with the entry it is the receipt of, and every tile is led to the root the checkpoint states: a server that
gives another tree gets no receipt written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from maillon.evidence.checkpoint import Checkpoint
from maillon.evidence.document import Fields
from maillon.evidence.errors import InclusionMismatch
from maillon.evidence.merkle import inclusion_proof, leaf_hash, verify_inclusion
from maillon.evidence.note import Note
from maillon.evidence.receipt import TYPE
from maillon.evidence.tiles import HASH_LENGTH, HEIGHT, WIDTH, TileReader
from maillon.services.notary.journal import Item

_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class _Tile:
    """A full tile whose place in the tree was proved: the paths of its 256 leaves, as text."""

    def __init__(self, hashes: bytes, above: Sequence[bytes]) -> None:
        self.leaves = [hashes[at : at + HASH_LENGTH] for at in range(0, len(hashes), HASH_LENGTH)]
        level = self.leaves
        self._levels: list[list[str]] = []
        sha256 = hashlib.sha256
        for _ in range(HEIGHT):
            self._levels.append([f'"{node.hex()}"' for node in level])
            level = [sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level), 2)]
        self._above = [f'"{node.hex()}"' for node in above]

    def path(self, within: int) -> str:
        """The audit path of one leaf, its hashes between commas."""
        own = [nodes[(within >> level) ^ 1] for level, nodes in enumerate(self._levels)]
        return ",".join(own + self._above)


class Scribe:
    """Makes receipts under one anchored checkpoint; raises `EvidenceError` where the evidence does not hold."""

    def __init__(self, evidence: dict[str, Any], read: Callable[[str], bytes]) -> None:
        fields = Fields(evidence, "the evidence")
        self._checkpoint = Checkpoint.parse(Note.parse(fields.text("checkpoint")).text)
        self._reader = TileReader(self._checkpoint.size, read)
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._tiles: dict[int, _Tile] = {}
        shared = {name: evidence.get(name) for name in ("checkpoint", "anchor", "timestamp")}
        self._shared = json.dumps(shared, separators=(",", ":"), ensure_ascii=False).encode()[1:] + b"\n"

    @property
    def size(self) -> int:
        """How many entries its checkpoint covers."""
        return self._checkpoint.size

    def receipts(self, items: Sequence[Item], indexes: Sequence[int]) -> Iterator[bytes]:
        """The whole receipt of each item. Raises `EvidenceError` when the log does not hold it at its index."""
        for item, index in zip(items, indexes, strict=True):
            yield self._receipt(item, index)

    def _receipt(self, item: Item, index: int) -> bytes:
        leaf = leaf_hash(item.encoded())
        number, within = divmod(index, WIDTH)
        if 0 <= index < self.size // WIDTH * WIDTH:
            tile = self._tiles.get(number) or self._prove(number)
            if tile.leaves[within] != leaf:
                raise InclusionMismatch(
                    f"the log holds another entry at {index}", expected=leaf.hex(), found=tile.leaves[within].hex()
                )
            hashes = tile.path(within)
        else:
            # At the right edge, where the tree is not regular: fewer than 256 leaves.
            if not 0 <= index < self.size:
                raise InclusionMismatch("no such leaf in the tree", expected=f"below {self.size}", found=str(index))
            proof = inclusion_proof(index, self.size, self._node)
            verify_inclusion(leaf, index, self.size, proof, self._checkpoint.root)
            hashes = ",".join([f'"{node.hex()}"' for node in proof])
        entry = '"public",' if item.salt is None else f'"commitment","salt":"{item.salt.hex()}",'
        own = (
            f'{{"type":"{TYPE}","digest":{{"algorithm":"sha2-256","value":"{item.digest.hex()}"}},'
            f'"entry":{{"kind":{entry}"index":{index}}},"inclusion":{{"proof":[{hashes}]}},'
        )
        return own.encode() + self._shared

    def _node(self, level: int, index: int) -> bytes:
        known = self._nodes.get((level, index))
        if known is None:
            known = self._nodes[level, index] = self._reader.node(level, index)
        return known

    def _prove(self, number: int) -> _Tile:
        """One path from the tile's first leaf to the root is the proof of all: the lower part is made of its leaves."""
        first = number * WIDTH
        proof = inclusion_proof(first, self.size, self._node)
        hashes = self._reader.tile(0, number)
        verify_inclusion(hashes[:HASH_LENGTH], first, self.size, proof, self._checkpoint.root)
        tile = self._tiles[number] = _Tile(hashes, proof[HEIGHT:])
        return tile


def write_receipt(path: str, data: bytes) -> None:
    """A new file is written where it belongs; one that is there is replaced, whole or not at all. Raises `OSError`.

    A crash in the middle leaves part of a receipt, which reads as none: the journal still holds the salt, and the next
    run writes the whole. Nothing is on the disk for sure until the journal has brought the batch there.
    """
    try:
        descriptor = os.open(path, _NEW_FILE, 0o666)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, _NEW_FILE, 0o666)
    except FileExistsError:
        _replace(path, data)
        return
    try:
        _fill(descriptor, data)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - what we have just made
        raise


def _fill(descriptor: int, data: bytes) -> None:
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
    finally:
        os.close(descriptor)


def _replace(path: str, data: bytes) -> None:
    """The former receipt may be the only one with its salt: it stays until the new one is whole and on the disk."""
    temporary = Path(f"{path}.new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
