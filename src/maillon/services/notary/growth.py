# SPDX-License-Identifier: Apache-2.0
"""How the log grows, as a pure function: from the right edge of the tree and new entries to new files and a new edge.

The files are those of C2SP tlog-tiles: hash tiles of 256, bundles of 256 entries, and the partial ones at the edge.
`log.py` decides when, and writes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from maillon.evidence.entry import payload_length
from maillon.evidence.merkle import EMPTY_ROOT, Frontier, node_hash
from maillon.evidence.tiles import HASH_LENGTH, HEIGHT, WIDTH, entries_path, tile_path
from maillon.services.notary.model import Submission
from maillon.services.notary.rules import leaf_hashes, split

TILE_BYTES = WIDTH * HASH_LENGTH


def tile_root(tile: bytes) -> bytes:
    """The root over a full tile's 256 hashes."""
    sha256 = hashlib.sha256
    while len(tile) > HASH_LENGTH:
        tile = b"".join([sha256(b"\x01" + tile[at : at + 64]).digest() for at in range(0, len(tile), 64)])
    return tile


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge: at each level the hashes of the tile that is not full, and the bundle that is not."""

    size: int = 0
    tiles: tuple[bytes, ...] = ()
    bundle: tuple[bytes, ...] = ()
    """Encoded entries, each with its length before it."""

    def root(self) -> bytes:
        """The root of the tree of this size."""
        root: bytes | None = None
        for tile in self.tiles:
            hashes = [tile[at : at + HASH_LENGTH] for at in range(0, len(tile), HASH_LENGTH)]
            for node in reversed(Frontier().extend(hashes).nodes):
                root = node if root is None else node_hash(node, root)
        return EMPTY_ROOT if root is None else root

    @classmethod
    def load(cls, size: int, read: Callable[[str], bytes], decode: Callable[[bytes], list[bytes]]) -> Edge:
        """The edge of a published log of `size`, from its partial tiles."""
        tiles: list[bytes] = []
        level = 0
        while size >> (HEIGHT * level):
            index, width = divmod(size >> (HEIGHT * level), WIDTH)
            tiles.append(read(tile_path(level, index, width)) if width else b"")
            level += 1
        index, width = divmod(size, WIDTH)
        entries = decode(read(entries_path(index, width))) if width else []
        return cls(size, tuple(tiles), tuple(len(entry).to_bytes(2, "big") + entry for entry in entries))


@dataclass(frozen=True, slots=True)
class Growth:
    """What one step adds."""

    edge: Edge
    files: dict[str, bytes]
    """Path relative to the log → content."""
    leaves: list[bytes]
    """The new leaf hashes, in order."""


def _grow_tiles(edge: Edge, leaves: list[bytes], files: dict[str, bytes]) -> tuple[bytes, ...]:
    tiles: list[bytes] = []
    added: list[bytes] = leaves
    level = 0
    while added or level < len(edge.tiles):
        known = edge.tiles[level] if level < len(edge.tiles) else b""
        index = (edge.size >> (HEIGHT * level)) // WIDTH
        hashes = known + b"".join(added)
        roots: list[bytes] = []
        full = len(hashes) // TILE_BYTES
        for number in range(full):
            tile = hashes[number * TILE_BYTES : (number + 1) * TILE_BYTES]
            files[tile_path(level, index + number)] = tile
            roots.append(tile_root(tile))
        partial = hashes[full * TILE_BYTES :]
        if partial and added:
            files[tile_path(level, index + full, len(partial) // HASH_LENGTH)] = partial
        tiles.append(partial)
        added = roots
        level += 1
    return tuple(tiles)


def _grow_bundles(edge: Edge, entries: list[bytes], files: dict[str, bytes]) -> tuple[bytes, ...]:
    index = edge.size // WIDTH
    every = [*edge.bundle, *entries]
    full = len(every) // WIDTH
    for number in range(full):
        files[entries_path(index + number)] = b"".join(every[number * WIDTH : (number + 1) * WIDTH])
    partial = every[full * WIDTH :]
    if partial and entries:
        files[entries_path(index + full, len(partial))] = b"".join(partial)
    return tuple(partial)


def grow(edge: Edge, submissions: Sequence[Submission]) -> Growth:
    """The step that adds these submissions, which must follow the edge without a gap (`ValueError` otherwise)."""
    leaves: list[bytes] = []
    entries: list[bytes] = []
    at = edge.size
    for submission in submissions:
        if submission.first != at:
            raise ValueError(f"entries from {submission.first} do not follow a log of {at}")
        at += submission.count
        length = payload_length(submission.kind)
        if len(submission.payloads) != submission.count * length:
            raise ValueError(f"the entries from {submission.first} are not {submission.count} of {length} bytes")
        leaves += leaf_hashes(submission.kind, submission.payloads)
        prefix = (1 + length).to_bytes(2, "big") + bytes((submission.kind,))
        entries += [prefix + payload for payload in split(submission.kind, submission.payloads)]
    files: dict[str, bytes] = {}
    bundle = _grow_bundles(edge, entries, files)
    tiles = _grow_tiles(edge, leaves, files)
    return Growth(Edge(at, tiles, bundle), files, leaves)
