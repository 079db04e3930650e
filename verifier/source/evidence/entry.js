// SPDX-License-Identifier: Apache-2.0
/** What the log holds of a file: a salted commitment, or its public digest (docs/formats/log.md, Entries). */
import { concat } from "./bytes.js";
import { DIGESTS, sha256 } from "./hashing.js";

/** The entry that commits to a digest under a salt of 32 bytes. */
export const commitment = (digest, salt) => concat([0], sha256(concat(salt, digest.value)));

/** The entry that shows a digest. */
export const publicEntry = (digest) => concat([DIGESTS[digest.algorithm].kind], digest.value);
