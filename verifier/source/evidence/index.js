// SPDX-License-Identifier: Apache-2.0
/**
 * The receipt's verifier, alone: pure functions, no page and no network.
 *
 * `parseReceipt` and `parseAnchors` read two documents, `verifyReceipt` makes the nine steps and says what each compared. The
 * rest is here so that every vector of `vectors/` can be asked of the very program a reader runs.
 */
export { bytesOfBase64, bytesOfHex, hex, utf8 } from "./bytes.js";
export { parseCheckpoint } from "./checkpoint.js";
export {
  headerHash, parseCommit, parseHeader as parseConsensusHeader, parseSignedHeader, parseValidators, signBytes, verifyHeader, verifyNamed,
  verifyPower,
} from "./consensus.js";
export { requireDer } from "./der.js";
export { commitment, publicEntry } from "./entry.js";
export { Invalid, Undecided } from "./errors.js";
export { accountAt, parseHeader as parseExecutionHeader, slotAt } from "./execution.js";
export { DIGESTS, parseDigest } from "./hashing.js";
export { parseTime } from "./instant.js";
export { parseJson } from "./json.js";
export { follow } from "./light.js";
export { leafHash, verifyInclusion } from "./merkle.js";
export { parseNote, parseVerifierKey, verifyNote } from "./note.js";
export { STEPS, anchorSlots, parseReceipt, verifyReceipt } from "./receipt.js";
export { decodeRlp } from "./rlp.js";
export { holdsEd25519 } from "./signature.js";
export { parseToken, verifyToken } from "./timestamp.js";
export { parseAnchors } from "./trust.js";
