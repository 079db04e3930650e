# SPDX-License-Identifier: Apache-2.0
"""The tree in files grows as the tree of RFC 9162 does, however its entries arrive."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillon.evidence.merkle import inclusion_proof, leaf_hash, root_of, verify_inclusion
from maillon.evidence.tiles import TileReader, decode_bundle
from maillon.services.notary.growth import Edge, grow
from maillon.services.notary.model import Submission


def submissions(counts: list[tuple[int, int]], first: int = 0) -> list[Submission]:
    made = []
    for kind, count in counts:
        length = {0: 32, 1: 32, 2: 48, 3: 64}[kind]
        payloads = b"".join(hashlib.sha512(str(first + i).encode()).digest()[:length] for i in range(count))
        made.append(Submission(first, count, kind, payloads))
        first += count
    return made


def encoded(parts: list[Submission]) -> list[bytes]:
    return [
        bytes((part.kind,)) + part.payloads[i * (n := len(part.payloads) // part.count) : (i + 1) * n]
        for part in parts
        for i in range(part.count)
    ]


@settings(max_examples=25)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400)), min_size=1, max_size=3), min_size=1, max_size=4
    )
)
def test_any_steps_make_the_same_tree(steps: list[list[tuple[int, int]]]) -> None:
    edge = Edge()
    files: dict[str, bytes] = {}
    entries: list[bytes] = []
    for counts in steps:
        parts = submissions(counts, edge.size)
        growth = grow(edge, parts)
        entries += encoded(parts)
        files |= growth.files
        edge = growth.edge
        leaves = [leaf_hash(entry) for entry in entries]
        assert edge.root() == root_of(leaves)
        assert Edge.load(edge.size, files.__getitem__, decode_bundle) == edge
        reader = TileReader(edge.size, files.__getitem__)
        for index in {0, edge.size // 2, edge.size - 1}:
            proof = inclusion_proof(index, edge.size, reader.node)
            verify_inclusion(leaves[index], index, edge.size, proof, edge.root())


def test_two_levels_are_filled() -> None:
    parts = submissions([(0, 65536), (0, 300)])
    growth = grow(Edge(), parts)
    assert {"tile/0/255", "tile/0/256", "tile/0/257.p/44", "tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"} <= set(
        growth.files
    )
    assert growth.edge.root() == root_of(growth.leaves)


def test_what_does_not_follow_is_refused() -> None:
    with pytest.raises(ValueError, match="do not follow"):
        grow(Edge(), submissions([(0, 1)], first=1))
    with pytest.raises(ValueError, match="are not 2 of 32 bytes"):
        grow(Edge(), [Submission(0, 2, 0, bytes(32))])
