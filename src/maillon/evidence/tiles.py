# SPDX-License-Identifier: Apache-2.0
"""A log in files (C2SP tlog-tiles): hash tiles of 256, bundles of 256 entries, partial ones beside them.

Pure: paths, bytes, and a reader that finds the hash of any complete subtree through a function given by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from maillon.evidence.errors import Unreadable
from maillon.evidence.merkle import Frontier

WIDTH = 256
HEIGHT = 8
HASH_LENGTH = 32


def _number(index: int) -> str:
    """An index in groups of three digits, every group but the last after an x (C2SP tlog-tiles, "Merkle tree")."""
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    return "/".join(reversed(groups))


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """The path of a hash tile, relative to the log: full at 256 hashes, else partial."""
    return f"tile/{level}/{_number(index)}" + ("" if width == WIDTH else f".p/{width}")


def entries_path(index: int, width: int = WIDTH) -> str:
    """The path of a bundle of entries, relative to the log."""
    return f"tile/entries/{_number(index)}" + ("" if width == WIDTH else f".p/{width}")


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries one after the other, each after its length in two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes) -> list[bytes]:
    """The inverse of `encode_bundle`; raises `Unreadable`."""
    entries: list[bytes] = []
    position = 0
    while position < len(data):
        length = int.from_bytes(data[position : position + 2], "big")
        entry = data[position + 2 : position + 2 + length]
        if len(entry) != length or position + 2 > len(data):
            raise Unreadable("the bundle of entries is cut short")
        entries.append(entry)
        position += 2 + length
        if len(entries) > WIDTH:
            raise Unreadable(f"a bundle holds at most {WIDTH} entries")
    return entries


class TileReader:
    """The hashes of a tree of `size` leaves, from its tiles.

    `read` gives the bytes of a path and raises what it likes; a tile of another length raises `Unreadable`. Tiles are
    kept for the life of the reader: make one for each piece of work.
    """

    def __init__(self, size: int, read: Callable[[str], bytes]) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, index: int) -> bytes:
        """The tile's hashes, as wide as a tree of this size has it."""
        known = self._tiles.get((level, index))
        if known is not None:
            return known
        width = min(WIDTH, (self.size >> (HEIGHT * level)) - index * WIDTH)
        if width <= 0:
            raise Unreadable(f"a tree of {self.size} leaves has no tile {index} at level {level}")
        data = self._read(tile_path(level, index, width))
        if len(data) != width * HASH_LENGTH:
            raise Unreadable(f"tile {index} of level {level} has {len(data)} bytes, not {width * HASH_LENGTH}")
        self._tiles[level, index] = data
        return data

    def node(self, level: int, index: int) -> bytes:
        """The hash of the complete subtree of 2**level leaves that begins at leaf index · 2**level."""
        tile_level, within = divmod(level, HEIGHT)
        first = index << within
        data = self.tile(tile_level, first // WIDTH)
        start = first % WIDTH
        hashes = [data[HASH_LENGTH * i : HASH_LENGTH * (i + 1)] for i in range(start, start + (1 << within))]
        if len(hashes[-1]) != HASH_LENGTH:
            raise Unreadable(f"a tree of {self.size} leaves has no complete subtree {index} of level {level}")
        return hashes[0] if within == 0 else Frontier().extend(hashes).root()
