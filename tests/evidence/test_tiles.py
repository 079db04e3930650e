# SPDX-License-Identifier: Apache-2.0
"""Tiles against the plain tree: whatever the size, every proof read from them is the one defined."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import workshop
from hypothesis import given, settings
from hypothesis import strategies as st

from maillon.evidence import merkle, tiles
from maillon.evidence.errors import Unreadable


@functools.cache
def leaves() -> list[bytes]:
    return [workshop.hash_leaf(number.to_bytes(4, "big")) for number in range(1000)]


def written(size: int) -> dict[str, bytes]:
    """Every tile of a tree of that size, hashed plainly."""
    files = {}
    level, hashes = 0, leaves()[:size]
    while hashes:
        for index in range(0, len(hashes), 256):
            part = hashes[index : index + 256]
            files[tiles.tile_path(level, index // 256, len(part))] = b"".join(part)
        hashes = [workshop.plain_root(hashes[i : i + 256]) for i in range(0, len(hashes) - 255, 256)]
        level += 1
    return files


@settings(max_examples=60)
@given(st.integers(1, 1000), st.data())
def test_proofs_from_tiles_are_those_of_the_tree(size: int, data: st.DataObject) -> None:
    asked: list[str] = []
    files = written(size)

    def read(path: str) -> bytes:
        asked.append(path)
        return files[path]

    reader = tiles.TileReader(size, read)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, reader.node)
    assert list(proof) == workshop.plain_path(index, leaves()[:size])
    old = data.draw(st.integers(1, size))
    path = merkle.consistency_proof(old, size, reader.node)
    assert list(path) == workshop.plain_consistency(old, leaves()[:size])
    assert len(asked) == len(set(asked)), "a tile was read twice"
    assert len(asked) <= 8


@given(st.integers(0, 10**12))
def test_every_path_names_its_index(index: int) -> None:
    path = tiles.tile_path(0, index)
    assert int(path.removeprefix("tile/0/").replace("/", "").replace("x", "")) == index
    assert all(len(group.removeprefix("x")) == 3 for group in path.split("/")[2:])


def giving(data: bytes) -> Callable[[str], bytes]:
    """A reader of files that finds the same bytes everywhere."""
    return lambda _: data


def test_a_tile_of_another_length_is_refused() -> None:
    for data in (b"", bytes(32 * 4), bytes(32 * 5 - 1)):
        with pytest.raises(Unreadable):
            tiles.TileReader(5, giving(data)).tile(0, 0)
    with pytest.raises(Unreadable):
        tiles.TileReader(5, giving(bytes(32))).tile(0, 1)
    with pytest.raises(Unreadable):
        tiles.TileReader(5, giving(bytes(32 * 5))).node(3, 0)


def test_what_the_reader_of_files_raises_comes_through() -> None:
    def absent(path: str) -> bytes:
        raise FileNotFoundError(path)

    with pytest.raises(FileNotFoundError):
        tiles.TileReader(5, absent).node(0, 0)


@given(st.lists(st.binary(max_size=70), max_size=256))
def test_bundles_come_back(entries: list[bytes]) -> None:
    assert tiles.decode_bundle(tiles.encode_bundle(entries)) == entries


@given(st.lists(st.binary(min_size=1, max_size=70), min_size=1, max_size=20), st.data())
def test_a_bundle_cut_short_is_refused_or_shorter(entries: list[bytes], data: st.DataObject) -> None:
    whole = tiles.encode_bundle(entries)
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        assert tiles.decode_bundle(whole[:cut]) == entries[: len(tiles.decode_bundle(whole[:cut]))]
        assert tiles.encode_bundle(tiles.decode_bundle(whole[:cut])) == whole[:cut]
    except Unreadable:
        pass
