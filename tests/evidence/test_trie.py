# SPDX-License-Identifier: Apache-2.0
"""State proofs against the `trie` package: what is there, what is not, and nothing that was changed on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from maillon.evidence import rlp
from maillon.evidence.errors import EvidenceError, StateProofMismatch, Unreadable
from maillon.evidence.hashing import keccak256
from maillon.evidence.trie import (
    EMPTY_CODE_HASH,
    EMPTY_TRIE_ROOT,
    MAXIMUM_NODE,
    MAXIMUM_NODES,
    Account,
    prove,
    prove_account,
    prove_slot,
)

KEYS = st.binary(max_size=8)
PAIRS = st.dictionaries(KEYS, st.binary(min_size=1, max_size=60), min_size=1, max_size=60)


def trie_of(pairs: dict[bytes, bytes]) -> HexaryTrie:
    tree = HexaryTrie({})
    for key, value in pairs.items():
        tree[keccak256(key)] = value
    return tree


def proof_of(tree: HexaryTrie, key: bytes) -> list[bytes]:
    """As eth_getProof gives it: a node shorter than 32 bytes is in its parent already."""
    nodes = [rlp.encode(node) for node in tree.get_proof(keccak256(key))]
    return [node for place, node in enumerate(nodes) if place == 0 or len(node) >= 32]


@given(PAIRS, KEYS)
def test_present_and_absent(pairs: dict[bytes, bytes], other: bytes) -> None:
    tree = trie_of(pairs)
    for key in [*pairs, other]:
        assert prove(tree.root_hash, key, proof_of(tree, key)) == pairs.get(key)


@given(PAIRS, KEYS, st.data())
def test_each_flipped_bit_is_refused(pairs: dict[bytes, bytes], other: bytes, data: st.DataObject) -> None:
    tree = trie_of(pairs)
    key = data.draw(st.sampled_from([*pairs, other]))
    proof = [bytearray(node) for node in proof_of(tree, key)]
    node = data.draw(st.sampled_from(proof))
    node[data.draw(st.integers(0, len(node) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(EvidenceError):
        prove(tree.root_hash, key, [bytes(item) for item in proof])


@given(PAIRS, KEYS, st.data())
def test_a_node_missing_added_or_moved_is_refused(pairs: dict[bytes, bytes], other: bytes, data: st.DataObject) -> None:
    tree = trie_of(pairs)
    key = data.draw(st.sampled_from([*pairs, other]))
    proof = proof_of(tree, key)
    for changed in (proof[:-1], proof[1:], [*proof, proof[-1]], [*proof, b"\xc0"], [b"\xc0", *proof]):
        with pytest.raises(StateProofMismatch):
            prove(tree.root_hash, key, changed)
    if len(proof) > 1:
        with pytest.raises(StateProofMismatch):
            prove(tree.root_hash, key, proof[::-1])


@given(PAIRS, KEYS)
def test_the_proof_of_one_key_never_gives_another_its_value(pairs: dict[bytes, bytes], other: bytes) -> None:
    tree = trie_of(pairs)
    proof = proof_of(tree, next(iter(pairs)))
    try:
        value = prove(tree.root_hash, other, proof)
    except StateProofMismatch:
        return
    assert value == pairs.get(other)


def test_short_nodes_stand_in_their_parent() -> None:
    # Two slots whose keys differ in the last nibbles only would need 2^240 tries, so the trie is built by hand: after
    # 62 shared nibbles, a branch of two leaves, each shorter than 32 bytes; the branch is too.
    path = [nibble for byte in keccak256(b"key") for nibble in (byte >> 4, byte & 15)]
    other = (path[62] + 1) % 16
    leaf = [bytes([0x30 | path[63]]), b"\1"]
    branch: list[object] = [b""] * 17
    branch[path[62]] = leaf
    branch[other] = [b"\x35", b"\2"]
    shared = bytes(high << 4 | low for high, low in zip(path[:62:2], path[1:62:2], strict=True))
    root = rlp.encode([b"\0" + shared, branch])
    assert prove(keccak256(root), b"key", [root]) == b"\1"
    branch[path[62]] = b""
    root = rlp.encode([b"\0" + shared, branch])
    assert prove(keccak256(root), b"key", [root]) is None
    # Beside its parent such a leaf is refused, as one of 32 bytes is inside it.
    for reference, proof, why in (
        (keccak256(rlp.encode(leaf)), [rlp.encode(leaf)], "shorter than 32"),
        ([leaf[0], b"\1" * 30], [], "32 bytes or more"),
    ):
        branch[path[62]] = reference
        inner = rlp.encode(branch)
        root = rlp.encode([b"\0" + shared, keccak256(inner)])
        with pytest.raises(Unreadable, match=why):
            prove(keccak256(root), b"key", [root, inner, *proof])


def test_the_empty_trie() -> None:
    assert keccak256(b"\x80") == EMPTY_TRIE_ROOT == HexaryTrie({}).root_hash
    assert keccak256(b"") == EMPTY_CODE_HASH
    assert prove(EMPTY_TRIE_ROOT, b"key", []) is None
    assert prove(EMPTY_TRIE_ROOT, b"key", [b"\x80"]) is None
    for proof in ([b"\xc0"], [b"\x80", b"\x80"]):
        with pytest.raises(StateProofMismatch):
            prove(EMPTY_TRIE_ROOT, b"key", proof)


def test_no_proof_proves_nothing() -> None:
    tree = trie_of({b"key": b"value"})
    with pytest.raises(StateProofMismatch, match="ends before"):
        prove(tree.root_hash, b"key", [])
    with pytest.raises(StateProofMismatch, match="ends before"):
        prove(tree.root_hash, b"another", [])


@pytest.mark.parametrize(
    "node",
    [
        [],
        [b"\x20"],
        [b"", b"value"],
        [b"\x40", b"value"],
        [b"\x01", b"value"],
        [[b"\x20"], b"value"],
        [b"\0", b"\1" * 32],
        [b"\x0f" * 40] * 16,
        [b"\x0f" * 40] * 18,
        [b"\1" * 31] * 17,
    ],
    ids=str,
)
def test_what_is_no_node_is_unreadable(node: list[bytes]) -> None:
    data = rlp.encode(node)
    with pytest.raises((Unreadable, StateProofMismatch)):
        prove(keccak256(data), b"key", [data])


def test_limits() -> None:
    for proof in ([bytes(MAXIMUM_NODE + 1)], [b""] * (MAXIMUM_NODES + 1)):
        with pytest.raises(Unreadable, match="at most"):
            prove(bytes(32), b"key", proof)


def test_accounts() -> None:
    address, account = bytes(19) + b"\1", Account(3, 10**30, EMPTY_TRIE_ROOT, EMPTY_CODE_HASH)
    fields = [account.nonce, account.balance, account.storage_root, account.code_hash]
    tree = trie_of({address: rlp.encode(fields), b"another": b"value"})
    assert prove_account(tree.root_hash, address, proof_of(tree, address)) == account
    assert prove_account(tree.root_hash, bytes(20), proof_of(tree, bytes(20))) is None
    for wrong in (
        fields[:3],
        [*fields, 0],
        [b"\0\1", *fields[1:]],
        [2**64, *fields[1:]],
        [*fields[:3], b"\1"],
        [*fields[:2], [b"\1"], fields[3]],
        b"account",
    ):
        tree = trie_of({address: rlp.encode(wrong)})
        with pytest.raises(Unreadable):
            prove_account(tree.root_hash, address, proof_of(tree, address))


@given(st.integers(0, 2**256 - 1), st.integers(1, 2**256 - 1))
def test_slots(slot: int, value: int) -> None:
    tree = trie_of({slot.to_bytes(32, "big"): rlp.encode(value)})
    proof = proof_of(tree, slot.to_bytes(32, "big"))
    assert prove_slot(tree.root_hash, slot, proof) == value
    assert prove_slot(tree.root_hash, slot ^ 1, proof) == 0


@pytest.mark.parametrize("value", ["80", "00", "8200ff", "c101", "a1" + "01" * 33])
def test_a_slot_holds_one_number(value: str) -> None:
    tree = trie_of({bytes(32): bytes.fromhex(value)})
    with pytest.raises(Unreadable):
        prove_slot(tree.root_hash, 0, proof_of(tree, bytes(32)))
