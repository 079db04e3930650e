// SPDX-License-Identifier: Apache-2.0
/** The hash functions receipts name, all of @noble/hashes: SHA-2 (FIPS 180-4) and Ethereum's Keccak-256. */
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { keccak_256 as keccak256 } from "@noble/hashes/sha3.js";
import { ours } from "./document.js";
import { UnknownAlgorithm } from "./errors.js";

export { keccak256, sha256, sha384, sha512 };

/** What a file may be digested by: its name, the kind byte of its public entry, and the function. */
export const DIGESTS = {
  "sha2-256": { kind: 1, length: 32, hash: sha256 },
  "sha2-384": { kind: 2, length: 48, hash: sha384 },
  "sha2-512": { kind: 3, length: 64, hash: sha512 },
};

/** A digest with its algorithm, as `{algorithm, value}`; throws `UnknownAlgorithm`, `Unreadable`, `WrongLength`. */
export function parseDigest(algorithm, text, where = "digest") {
  if (!Object.hasOwn(DIGESTS, algorithm)) throw new UnknownAlgorithm("digest-algorithm", { where, found: algorithm });
  return { algorithm, value: ours(text, where, DIGESTS[algorithm].length) };
}
