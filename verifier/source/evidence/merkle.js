// SPDX-License-Identifier: Apache-2.0
/** The tree of RFC 6962 and RFC 9162 over SHA-256: roots, and proofs of inclusion. */
import { concat, hex, same } from "./bytes.js";
import { InclusionMismatch } from "./errors.js";
import { sha256 } from "./hashing.js";

/** Leaves of the largest tree. */
export const MAXIMUM_SIZE = 2n ** 62n;

/** The hash of a leaf. */
export const leafHash = (entry) => sha256(concat([0], entry));
/** The hash of two hashes. */
export const nodeHash = (left, right) => sha256(concat([1], left, right));

/** The root over leaves, in their order. */
export function rootOf(leaves) {
  if (leaves.length === 0) return sha256(new Uint8Array());
  if (leaves.length === 1) return leafHash(leaves[0]);
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return nodeHash(rootOf(leaves.slice(0, half)), rootOf(leaves.slice(half)));
}

/**
 * A leaf hash stands at an index of the tree of that size and root, says a path, deepest hash first.
 * Throws `InclusionMismatch`.
 */
export function verifyInclusion(index, size, leaf, path, root) {
  if (index < 0n || index >= size) throw new InclusionMismatch("index-outside", { expected: `< ${size}`, found: index });
  const differing = index ^ (size - 1n);
  const inner = differing ? differing.toString(2).length : 0;
  const border = (index >> BigInt(inner)).toString(2).replaceAll("0", "").length;
  if (path.length !== inner + border) {
    throw new InclusionMismatch("path-length", { expected: inner + border, found: path.length });
  }
  let hash = leaf;
  path.forEach((sibling, level) => {
    if (sibling.length !== 32) throw new InclusionMismatch("path-hash-length", { expected: 32, found: sibling.length });
    const onTheRight = level >= inner || (index >> BigInt(level)) & 1n;
    hash = onTheRight ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
  });
  if (!same(hash, root)) throw new InclusionMismatch("root", { expected: hex(root), found: hex(hash) });
}
