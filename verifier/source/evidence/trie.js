// SPDX-License-Identifier: Apache-2.0
/** Proofs of Merkle-Patricia tries (yellow paper, appendices C and D), as `eth_getProof` lists them (EIP-1186). */
import { hex, same } from "./bytes.js";
import { StateProofMismatch, Unreadable } from "./errors.js";
import { keccak256 } from "./hashing.js";
import { decodeRlp, rlpBytes } from "./rlp.js";

/** Nodes of one proof: a key has 64 nibbles, and the root and the value's own node stand beside them. */
export const MAXIMUM_NODES = 66;
/** Bytes of one node. */
export const MAXIMUM_NODE = 1024;

/** The root of a trie without any value: Keccak-256 of the RLP of nothing. */
const EMPTY_ROOT = keccak256(new Uint8Array([0x80]));

const nibblesOf = (bytes) => Array.from(bytes).flatMap((byte) => [byte >> 4, byte & 15]);

/**
 * The value at a key (32 bytes, already hashed) of the trie with that root, or null where the proof shows there is none.
 * Throws `StateProofMismatch` for a node that is not the one named, missing or too many, `Unreadable` for what is no node.
 */
export function valueAt(root, key, proof) {
  if (proof.length > MAXIMUM_NODES) throw new Unreadable("proof-too-long", { expected: MAXIMUM_NODES, found: proof.length });
  for (const node of proof) {
    if (node.length > MAXIMUM_NODE) throw new Unreadable("node-too-large", { expected: MAXIMUM_NODE, found: node.length });
  }
  if (same(root, EMPTY_ROOT)) {
    if (proof.length === 0 || (proof.length === 1 && same(proof[0], [0x80]))) return null;
    throw new StateProofMismatch("node-unexpected", { found: proof.length });
  }
  let used = 0;
  const follow = (hash) => {
    if (used === proof.length) throw new StateProofMismatch("node-missing", { expected: hex(hash) });
    const encoded = proof[used];
    // Only the root may be shorter than a hash: a short node stands inside its parent.
    if (used > 0 && encoded.length < 32) throw new Unreadable("node-beside");
    const found = keccak256(encoded);
    if (!same(found, hash)) throw new StateProofMismatch("node-hash", { expected: hex(hash), found: hex(found) });
    used += 1;
    return decodeRlp(encoded);
  };
  const value = walk(follow(root), nibblesOf(key), follow);
  if (used !== proof.length) throw new StateProofMismatch("node-unexpected", { expected: used, found: proof.length });
  return value;
}

function walk(root, nibbles, follow) {
  let node = root;
  let left = nibbles;
  for (;;) {
    if (!Array.isArray(node)) throw new Unreadable("node-form");
    let place;
    if (node.length === 17) {
      if (left.length === 0) return valueOf(node[16]);
      [place] = left;
      left = left.slice(1);
    } else if (node.length === 2) {
      const { path, leaf } = readPath(rlpBytes(node[0]));
      const fits = path.every((nibble, at) => nibble === left[at]);
      if (leaf) return fits && path.length === left.length ? valueOf(node[1]) : null;
      if (path.length === 0) throw new Unreadable("node-path");
      if (!fits) return null;
      left = left.slice(path.length);
      place = 1;
    } else throw new Unreadable("node-form");
    if (node.length === 17 && node[place].length === 0 && !Array.isArray(node[place])) return null;
    node = child(node, place, follow);
  }
}

/** A value is bytes, and nothing where there are none. */
function valueOf(item) {
  const value = rlpBytes(item);
  return value.length ? value : null;
}

/** The node an item of another leads to: by its hash, or standing there. */
function child(node, place, follow) {
  const item = node[place];
  if (Array.isArray(item)) {
    if (node.encodings[place].length >= 32) throw new Unreadable("node-inside");
    return item;
  }
  return follow(rlpBytes(item, 32));
}

/** The hex-prefix encoding: `{path, leaf}`. */
function readPath(bytes) {
  if (bytes.length === 0) throw new Unreadable("node-path");
  const [flag, first, ...rest] = nibblesOf(bytes);
  if (flag > 3 || (flag % 2 === 0 && first !== 0)) throw new Unreadable("node-path");
  return { path: flag % 2 ? [first, ...rest] : rest, leaf: flag >= 2 };
}
