# SPDX-License-Identifier: Apache-2.0
"""Reading and building tries agrees with py-evm's, whatever is in them."""

from __future__ import annotations

import pytest
import rlp as reference
from eth.db.trie import _make_trie_root_and_nodes
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie, hexary
from trie.utils import nodes as theirs

from maillon.evidence import rlp
from maillon.evidence.hashing import keccak256
from maillon.evidence.trie import prove
from maillon.ledger.embedded.execution import decode_node
from maillon.ledger.embedded.tries import ordered_root, walk
from maillon.ledger.errors import CorruptStore


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=300))
def test_the_root_of_a_list_is_py_evms(items: list[bytes]) -> None:
    assert ordered_root(items) == _make_trie_root_and_nodes(tuple(items))[0]


@given(st.dictionaries(st.binary(max_size=8), st.binary(min_size=1, max_size=60), max_size=60), st.binary(max_size=8))
def test_what_was_put_in_is_found_with_a_proof_and_nothing_else(pairs: dict[bytes, bytes], other: bytes) -> None:
    nodes: dict[bytes, bytes] = {}
    tree = HexaryTrie(nodes)
    for key, value in pairs.items():
        tree[keccak256(key)] = value
    for key in [*pairs, other]:
        proof, value = walk(nodes.get, tree.root_hash, key)
        assert value == pairs.get(key, b"")
        assert prove(tree.root_hash, key, proof) == pairs.get(key)


@given(st.dictionaries(st.binary(max_size=8), st.binary(min_size=1, max_size=60), min_size=1, max_size=60), st.data())
def test_the_codec_py_evm_is_given_is_the_one_it_has(pairs: dict[bytes, bytes], data: st.DataObject) -> None:
    assert (hexary.encode_raw, hexary.decode_node) == (rlp.encode, decode_node)
    gone = data.draw(st.sets(st.sampled_from(sorted(pairs))))
    grown: list[tuple[bytes, dict[bytes, bytes]]] = []
    for encode, decode in ((rlp.encode, decode_node), (reference.codec.encode_raw, theirs.decode_node)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hexary, "encode_raw", encode)
            patch.setattr(hexary, "decode_node", decode)
            nodes: dict[bytes, bytes] = {}
            tree = HexaryTrie(nodes)
            for key, value in pairs.items():
                # The keys as they are, so that short values stand inside their parents.
                tree[key] = value
            for key in gone:
                del tree[key]
            grown.append((tree.root_hash, nodes))
    assert grown[0] == grown[1]


def test_a_missing_node_is_a_damaged_store() -> None:
    with pytest.raises(CorruptStore, match="missing"):
        walk({}.get, b"\1" * 32, b"key")
