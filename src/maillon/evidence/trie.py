# SPDX-License-Identifier: Apache-2.0
"""Merkle-Patricia proofs (EIP-1186): an account in a state root, a slot in its storage root, present or absent.

The proof is the list of nodes on the path, root first. Each node must have the hash its parent names; a node shorter
than 32 bytes stands inside its parent. Nothing is taken from the proof that was not reached from the root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maillon.evidence.errors import StateProofMismatch, Unreadable
from maillon.evidence.hashing import keccak256
from maillon.evidence.rlp import Item, decode, encode, to_integer

EMPTY_TRIE_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
EMPTY_CODE_HASH = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
MAXIMUM_NODES = 66
MAXIMUM_NODE = 1024


def _path(encoded: bytes) -> tuple[str, bool]:
    """The nibbles of a hexadecimal-prefix path, and whether a value follows (yellow paper, appendix C)."""
    nibbles = encoded.hex()
    if not nibbles.startswith(("00", "1", "20", "3")):
        raise Unreadable("trie: a path with a prefix that does not exist")
    return nibbles[1 if nibbles[0] in "13" else 2 :], nibbles[0] in "23"


class _Walk:
    """Where a proof stands: which node comes next, and that each is the one expected."""

    def __init__(self, root: bytes, proof: Sequence[bytes]) -> None:
        if len(proof) > MAXIMUM_NODES or any(len(node) > MAXIMUM_NODE for node in proof):
            raise Unreadable(f"trie: at most {MAXIMUM_NODES} nodes of at most {MAXIMUM_NODE} bytes")
        self.proof = list(proof)
        self.used = 0
        self.root = root

    def node(self, reference: Item) -> list[Item]:
        """The node a parent refers to: by hash, or standing inside the parent."""
        if isinstance(reference, list):
            if len(encode(reference)) >= 32:
                raise Unreadable("trie: a node of 32 bytes or more stands inside its parent")
            return reference
        if len(reference) != 32:
            raise Unreadable("trie: a reference is a hash or a short node")
        if self.used == len(self.proof):
            raise StateProofMismatch(
                "the proof ends before its answer", expected=f"node {reference.hex()}", found="nothing"
            )
        data = self.proof[self.used]
        if self.used and len(data) < 32:
            raise Unreadable("trie: a node shorter than 32 bytes stands inside its parent, not beside it")
        self.used += 1
        found = keccak256(data)
        if found != reference:
            raise StateProofMismatch("a node of the proof is another one", expected=reference.hex(), found=found.hex())
        node = decode(data)
        if not isinstance(node, list) or len(node) not in (2, 17):
            raise Unreadable("trie: a node has 2 or 17 items")
        return node

    def end(self) -> None:
        """Refuse nodes that lead nowhere: a proof has one reading."""
        if self.used != len(self.proof):
            raise StateProofMismatch(
                "the proof has nodes after its answer", expected=f"{self.used} nodes", found=f"{len(self.proof)} nodes"
            )


def _value(item: Item) -> bytes:
    if isinstance(item, list):
        raise Unreadable("trie: a value is a byte string")
    return item


def prove(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The value at keccak256(`key`) under `root`, or None when the proof shows that there is none.

    Raises `StateProofMismatch` when the nodes do not lead there, `Unreadable` when they are not nodes.
    """
    walk = _Walk(root, proof)
    if root == EMPTY_TRIE_ROOT:
        # geth sends no node for an empty trie, others its one empty node; both say the same.
        if list(proof) not in ([], [b"\x80"]):
            raise StateProofMismatch("the trie is empty", expected="no node", found=f"{len(proof)} nodes")
        return None
    rest = keccak256(key).hex()
    reference: Item = root
    while True:
        node = walk.node(reference)
        if len(node) == 17:
            if not rest:
                value = _value(node[16])
                break
            reference, rest = node[int(rest[0], 16)], rest[1:]
            if reference == b"":
                value = b""
                break
            continue
        if len(node) != 2:
            raise Unreadable("trie: a node has 2 or 17 items")
        path, is_leaf = _path(_value(node[0]))
        if is_leaf:
            value = _value(node[1]) if path == rest else b""
            break
        if not path:
            raise Unreadable("trie: an extension has a path")
        if not rest.startswith(path):
            value = b""
            break
        reference, rest = node[1], rest[len(path) :]
    walk.end()
    return value or None


@dataclass(frozen=True, slots=True)
class Account:
    """What the state holds for one address."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


def prove_account(state_root: bytes, address: bytes, proof: Sequence[bytes]) -> Account | None:
    """The account at `address` in the state, or None when the proof shows that there is none."""
    value = prove(state_root, address, proof)
    if value is None:
        return None
    fields = decode(value)
    if not isinstance(fields, list) or len(fields) != 4:
        raise Unreadable("an account has four fields")
    nonce, balance, storage_root, code_hash = fields
    if isinstance(storage_root, list) or isinstance(code_hash, list) or len(storage_root) != 32 or len(code_hash) != 32:
        raise Unreadable("an account's storage root and code hash have 32 bytes")
    return Account(
        to_integer(nonce, "an account's nonce", 8), to_integer(balance, "an account's balance"), storage_root, code_hash
    )


def prove_slot(storage_root: bytes, slot: int, proof: Sequence[bytes]) -> int:
    """The value of a storage slot; 0 when the proof shows that there is none."""
    value = prove(storage_root, slot.to_bytes(32, "big"), proof)
    if value is None:
        return 0
    number = to_integer(decode(value), "a storage value")
    if number == 0:
        raise Unreadable("a trie holds no zero")
    return number
