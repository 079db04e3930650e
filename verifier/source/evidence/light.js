// SPDX-License-Identifier: Apache-2.0
/** From trusted validators to later ones (docs/formats/consensus.md): what is trusted is `{height, validators, nextHash}`. */
import { hex, same } from "./bytes.js";
import { verifyHeader, verifyNamed, verifyPower } from "./consensus.js";
import { HeaderMismatch, ValidatorSetMismatch } from "./errors.js";

/**
 * A light block follows from what is trusted; answers what is trusted then, and the power that was counted.
 *
 * @param {{height: bigint, validators: object, nextHash: Uint8Array | null}} trusted  `nextHash`: the set the header of that
 *   height announced, null when the header is not at hand
 * @param {{header: object, commit: object, validators: object}} block
 */
export function follow(chainId, trusted, block) {
  const { header, commit, validators } = block;
  if (header.height < trusted.height) {
    throw new HeaderMismatch("height-below-trusted", { expected: `≥ ${trusted.height}`, found: header.height });
  }
  verifyNamed(header, validators);
  const known = same(validators.hash, trusted.validators.hash);
  if (header.height === trusted.height) {
    if (!known) {
      throw new ValidatorSetMismatch("validators-trusted", { expected: hex(trusted.validators.hash), found: hex(validators.hash) });
    }
  } else if (header.height === trusted.height + 1n && trusted.nextHash !== null) {
    if (!same(validators.hash, trusted.nextHash)) {
      throw new ValidatorSetMismatch("validators-announced", { expected: hex(trusted.nextHash), found: hex(validators.hash) });
    }
  }
  verifyHeader(chainId, block);
  const foretold = header.height === trusted.height || (header.height === trusted.height + 1n && trusted.nextHash !== null);
  if (!foretold && !known) verifyPower(chainId, commit, trusted.validators, 1n, 3n);
  const power = verifyPower(chainId, commit, validators, 2n, 3n);
  return { height: header.height, validators, nextHash: header.hashes.next_validators_hash, power };
}
