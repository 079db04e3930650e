# SPDX-License-Identifier: Apache-2.0
"""The tree against a definition written as plainly as RFC 9162 states it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.evidence import merkle
from maillon.evidence.errors import ConsistencyMismatch, InclusionMismatch, Unreadable

sizes = st.integers(min_value=1, max_value=300)


def leaves(size: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


def plain_root(hashes: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + plain_root(hashes[:split]) + plain_root(hashes[split:])).digest()


def node_of(size: int) -> merkle.Node:
    hashes = leaves(size)
    return lambda level, index: plain_root(hashes[index << level : (index + 1) << level])


@given(sizes)
def test_the_root_is_the_one_defined(size: int) -> None:
    assert merkle.root_of(leaves(size)) == plain_root(leaves(size))


def test_the_root_of_nothing() -> None:
    assert merkle.root_of([]) == hashlib.sha256(b"").digest()


@given(sizes, st.data())
def test_a_frontier_grows_in_any_steps(size: int, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, size))
    hashes = leaves(size)
    assert merkle.Frontier().extend(hashes[:cut]).extend(hashes[cut:]).root() == plain_root(hashes)


def test_a_frontier_that_contradicts_its_size_is_refused() -> None:
    with pytest.raises(Unreadable):
        merkle.Frontier(3, (bytes(32),))


@given(sizes, st.data())
def test_inclusion_holds_and_every_change_breaks_it(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    root = plain_root(hashes)
    proof = merkle.inclusion_proof(index, size, node_of(size))
    merkle.verify_inclusion(hashes[index], index, size, proof, root)
    with pytest.raises(InclusionMismatch):
        merkle.verify_inclusion(merkle.leaf_hash(b"another"), index, size, proof, root)
    with pytest.raises(InclusionMismatch):
        merkle.verify_inclusion(hashes[index], index, size, (*proof, bytes(32)), root)
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        altered = (int.from_bytes(proof[place], "big") ^ 1 << bit).to_bytes(32, "big")
        with pytest.raises(InclusionMismatch):
            merkle.verify_inclusion(hashes[index], index, size, (*proof[:place], altered, *proof[place + 1 :]), root)
        with pytest.raises(InclusionMismatch):
            merkle.verify_inclusion(hashes[index], index, size, proof[:-1], root)
        with pytest.raises(InclusionMismatch):
            merkle.verify_inclusion(hashes[index], index ^ 1, size, proof, root)


@pytest.mark.parametrize(("index", "size"), [(1, 1), (-1, 1), (0, 0)])
def test_no_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(InclusionMismatch):
        merkle.verify_inclusion(bytes(32), index, size, (), bytes(32))
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(index, size, node_of(1))


@given(sizes, st.data())
def test_consistency_holds_and_every_change_breaks_it(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    hashes = leaves(new)
    old_root, new_root = plain_root(hashes[:old]), plain_root(hashes)
    proof = merkle.consistency_proof(old, new, node_of(new))
    merkle.verify_consistency(old, new, proof, old_root, new_root)
    with pytest.raises(ConsistencyMismatch):
        merkle.verify_consistency(old, new, proof, bytes(32), new_root)
    with pytest.raises(ConsistencyMismatch):
        merkle.verify_consistency(old, new, proof, old_root, bytes(32))
    with pytest.raises(ConsistencyMismatch):
        merkle.verify_consistency(old, new, (*proof, bytes(32)), old_root, new_root)
    if proof:
        with pytest.raises(ConsistencyMismatch):
            merkle.verify_consistency(old, new, proof[:-1], old_root, new_root)


def test_every_tree_extends_the_empty_one_and_no_other_root_does() -> None:
    merkle.verify_consistency(0, 5, (), merkle.EMPTY_ROOT, plain_root(leaves(5)))
    with pytest.raises(ConsistencyMismatch):
        merkle.verify_consistency(0, 5, (), bytes(32), plain_root(leaves(5)))


def test_a_tree_does_not_shrink() -> None:
    with pytest.raises(ConsistencyMismatch):
        merkle.verify_consistency(5, 4, (), bytes(32), bytes(32))
