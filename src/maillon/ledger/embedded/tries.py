# SPDX-License-Identifier: Apache-2.0
"""Merkle-Patricia tries read and built directly: accounts, slots and proofs from stored nodes; roots of ordered lists.

py-evm changes the state; everything that only reads goes here, because walking a few stored nodes costs a tenth of
building py-evm's state object, and because a proof is exactly the nodes walked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from maillon.evidence.hashing import keccak256
from maillon.evidence.rlp import Item, decode, encode
from maillon.evidence.trie import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT
from maillon.ledger.errors import CorruptStore

Node = Callable[[bytes], bytes | None]
"""The stored node, or code, of a hash."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the state holds for one address; a missing account reads as this, empty."""

    nonce: int = 0
    balance: int = 0
    storage_root: bytes = EMPTY_TRIE_ROOT
    code_hash: bytes = EMPTY_CODE_HASH


def walk(node: Node, root: bytes, key: bytes) -> tuple[list[bytes], bytes]:
    """The stored nodes on the path to keccak256(`key`), and the value there (empty when there is none).

    Raises `CorruptStore` when a node of the path is missing.
    """
    nodes: list[bytes] = []
    if root == EMPTY_TRIE_ROOT:
        return nodes, b""
    path = keccak256(key).hex()
    reference: Item = root
    while True:
        if isinstance(reference, list):
            item: Item = reference
        else:
            data = node(reference)
            if data is None:
                raise CorruptStore(f"the state node {reference.hex()} is missing")
            nodes.append(data)
            item = decode(data)
        assert isinstance(item, list)
        if len(item) == 17:
            reference, path = item[int(path[0], 16)], path[1:]
        else:
            prefix, value = item
            assert isinstance(prefix, bytes)
            digits = prefix.hex()
            digits_path = digits[1:] if digits[0] in "13" else digits[2:]
            if not path.startswith(digits_path):
                return nodes, b""
            if digits[0] in "23":
                assert isinstance(value, bytes)
                return nodes, value if digits_path == path else b""
            reference, path = value, path[len(digits_path) :]
        if reference == b"":
            return nodes, b""


def read_account(value: bytes) -> Account:
    """The account of a state trie's value."""
    if not value:
        return Account()
    fields = decode(value)
    assert isinstance(fields, list)
    nonce, balance, storage_root, code_hash = fields
    assert isinstance(nonce, bytes) and isinstance(balance, bytes)  # noqa: PT018 - the shape of one list
    assert isinstance(storage_root, bytes) and isinstance(code_hash, bytes)  # noqa: PT018 - the same
    return Account(int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), storage_root, code_hash)


def account_at(node: Node, state_root: bytes, address: bytes) -> Account:
    """The account of an address in a state."""
    return read_account(walk(node, state_root, address)[1])


def slot_at(node: Node, storage_root: bytes, slot: int) -> int:
    """The value of a storage slot."""
    return _slot(walk(node, storage_root, slot.to_bytes(32, "big"))[1])


def _slot(value: bytes) -> int:
    item = decode(value) if value else b""
    assert isinstance(item, bytes)
    return int.from_bytes(item, "big")


def prove_account(node: Node, state_root: bytes, address: bytes) -> tuple[Account, list[bytes]]:
    """An account with its proof."""
    nodes, value = walk(node, state_root, address)
    return read_account(value), nodes


def prove_slot(node: Node, storage_root: bytes, slot: int) -> tuple[int, list[bytes]]:
    """A storage slot's value with its proof."""
    nodes, value = walk(node, storage_root, slot.to_bytes(32, "big"))
    return _slot(value), nodes


def ordered_root(items: Sequence[bytes]) -> bytes:
    """The root of the trie of RLP(index) → item: transactions, receipts, withdrawals (yellow paper, appendix D)."""
    if not items:
        return EMPTY_TRIE_ROOT
    pairs = sorted((encode(index).hex(), item) for index, item in enumerate(items))
    return keccak256(encode(_subtree(pairs, 0)))


def _subtree(pairs: Sequence[tuple[str, bytes]], depth: int) -> list[object]:
    """The node over sorted (nibbles, value) pairs that agree on their first `depth` nibbles."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_prefix(first[depth:], leaf=True), pairs[0][1]]
    common = depth
    while common < len(first) and first[common] == last[common]:
        common += 1
    if common > depth:
        return [_prefix(first[depth:common], leaf=False), _reference(_subtree(pairs, common))]
    branch: list[object] = [b""] * 17
    start = 0
    while start < len(pairs):
        digit = pairs[start][0][depth]
        end = start
        while end < len(pairs) and pairs[end][0][depth] == digit:
            end += 1
        branch[int(digit, 16)] = _reference(_subtree(pairs[start:end], depth + 1))
        start = end
    return branch


def _prefix(nibbles: str, *, leaf: bool) -> bytes:
    flag = 2 if leaf else 0
    return bytes.fromhex(f"{flag + 1}{nibbles}" if len(nibbles) % 2 else f"{flag}0{nibbles}")


def _reference(node: list[object]) -> object:
    encoded = encode(node)
    return node if len(encoded) < 32 else keccak256(encoded)
