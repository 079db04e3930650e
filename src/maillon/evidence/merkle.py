# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree of RFC 6962 and RFC 9162 section 2.1: roots, inclusion and consistency, made and verified.

A leaf is hashed after a zero byte, a node after a one byte, so that neither passes for the other. Proofs are made from
a function that gives the hash of any complete subtree, so this file need not know where hashes are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from maillon.evidence.errors import ConsistencyMismatch, InclusionMismatch, Unreadable

Node = Callable[[int, int], bytes]
"""(level, index) → hash of the complete subtree of 2**level leaves that begins at leaf index · 2**level."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_LENGTH = 32
MAXIMUM_SIZE = 2**62
MAXIMUM_PROOF = 64


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over these leaves; the root of none is SHA-256 of nothing."""
    return Frontier().extend(leaf_hashes).root()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: its size, and the hash of each complete subtree, largest first.

    All that is needed to go on appending: one hash for each one bit of the size.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size < MAXIMUM_SIZE or len(self.nodes) != self.size.bit_count():
            raise Unreadable(f"a tree of {self.size} leaves has not {len(self.nodes)} complete subtrees")

    def extend(self, leaf_hashes: Sequence[bytes]) -> Frontier:
        """The frontier after these leaves."""
        nodes = list(self.nodes)
        size = self.size
        for leaf in leaf_hashes:
            size += 1
            merged, carry = leaf, size
            while not carry & 1:
                merged = node_hash(nodes.pop(), merged)
                carry >>= 1
            nodes.append(merged)
        return Frontier(size, tuple(nodes))

    def root(self) -> bytes:
        """The root of the tree of this size."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root


def _split(size: int) -> int:
    """The largest power of two below `size` (RFC 9162 section 2.1.1)."""
    return int(1 << (size - 1).bit_length() - 1)


def _subtree(first: int, size: int, node: Node) -> bytes:
    """The hash of `size` leaves from `first`, where `first` is a multiple of the next power of two."""
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, first >> level)
    left = _split(size)
    return node_hash(_subtree(first, left, node), _subtree(first + left, size - left, node))


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size` leaves (RFC 9162 section 2.1.3.1), deepest hash first."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    first = 0
    while size > 1:
        left = _split(size)
        if index < left:
            path.append(_subtree(first + left, size - left, node))
            size = left
        else:
            path.append(_subtree(first, left, node))
            first, index, size = first + left, index - left, size - left
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """The proof that the tree of `new` leaves extends that of `old` (RFC 9162 section 2.1.4.1); empty for equals."""
    if not 0 < old <= new:
        raise ValueError(f"no proof from {old} to {new} leaves")
    path: list[bytes] = []
    first, size, whole = 0, new, True
    while old != size:
        left = _split(size)
        if old <= left:
            path.append(_subtree(first + left, size - left, node))
            size = left
        else:
            path.append(_subtree(first, left, node))
            first, old, size, whole = first + left, old - left, size - left, False
    if not whole:
        path.append(_subtree(first, size, node))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise `InclusionMismatch` unless `proof` leads from the leaf hash to `root` (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size <= MAXIMUM_SIZE:
        raise InclusionMismatch("no such leaf in the tree", expected=f"an index below {size}", found=str(index))
    if any(len(item) != HASH_LENGTH for item in (leaf, root, *proof)):
        raise InclusionMismatch(
            "a hash of another length", expected=f"{HASH_LENGTH} bytes each", found="another length"
        )
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(proof) != inner + border:
        raise InclusionMismatch(
            "the inclusion proof has the wrong length",
            expected=f"a path of length {inner + border}",
            found=f"a path of length {len(proof)}",
        )
    found = leaf
    for level, sibling in enumerate(proof[:inner]):
        found = node_hash(sibling, found) if index >> level & 1 else node_hash(found, sibling)
    for sibling in proof[inner:]:
        found = node_hash(sibling, found)
    if found != root:
        raise InclusionMismatch("the inclusion proof leads to another root", expected=root.hex(), found=found.hex())


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Raise `ConsistencyMismatch` unless the tree of `new` leaves extends the one of `old` (RFC 9162 section 2.1.4.2).

    The empty tree is extended by every tree, and its proof is empty: `old` = 0 is decided here, not left to the loop.
    """
    if not 0 <= old <= new <= MAXIMUM_SIZE:
        raise ConsistencyMismatch("the newer tree is smaller", expected=f"at least {old}", found=str(new))
    # A shorter left and a longer right would hash alike: only whole hashes are hashed.
    if any(len(item) != HASH_LENGTH for item in (old_root, new_root, *proof)):
        raise ConsistencyMismatch(
            "a hash of another length", expected=f"{HASH_LENGTH} bytes each", found="another length"
        )
    if old in (0, new):
        expected = EMPTY_ROOT if old == 0 else new_root
        if proof or old_root != expected:
            raise ConsistencyMismatch("two roots for one size", expected=expected.hex(), found=old_root.hex())
        return
    # The last leaf of the old tree lies on the seam: below it both trees agree, beside it only the new one grows.
    zeros = (old & -old).bit_length() - 1
    inner = ((old - 1) ^ (new - 1)).bit_length() - zeros
    border = ((old - 1) >> (inner + zeros)).bit_count()
    whole = old == 1 << zeros
    needed = inner + border + (0 if whole else 1)
    if len(proof) != needed:
        raise ConsistencyMismatch(
            "the consistency proof has the wrong length",
            expected=f"a path of length {needed}",
            found=f"a path of length {len(proof)}",
        )
    seed, path = (old_root, proof) if whole else (proof[0], proof[1:])
    place = (old - 1) >> zeros
    from_old = from_new = seed
    for level, sibling in enumerate(path[:inner]):
        if place >> level & 1:
            from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
        else:
            from_new = node_hash(from_new, sibling)
    for sibling in path[inner:]:
        from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
    if from_old != old_root:
        raise ConsistencyMismatch("the proof is not of the older root", expected=old_root.hex(), found=from_old.hex())
    if from_new != new_root:
        raise ConsistencyMismatch("the proof is not of the newer root", expected=new_root.hex(), found=from_new.hex())
