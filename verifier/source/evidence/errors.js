// SPDX-License-Identifier: Apache-2.0
/**
 * Why a receipt does not hold, or cannot be judged: one class for each reason, named as docs/formats/receipt.md names it.
 *
 * `Invalid`: a step was made and fails. `Undecided`: it cannot be made. Anything else that is thrown is a defect of this
 * program, and whoever catches it must say so instead of answering.
 */

/** What every refusal carries: `detail`, a word of `words.js` that says what is wrong, and what was compared. */
class Refusal extends Error {
  /**
   * @param {string} detail  which sentence of `words.js` tells it, to people
   * @param {{expected?: unknown, found?: unknown, where?: string}} [facts]  what it must be, what it is, and which member
   */
  constructor(detail, facts = {}) {
    super(facts.where ? `${facts.where}: ${detail}` : detail);
    this.detail = detail;
    this.expected = facts.expected;
    this.found = facts.found;
    this.where = facts.where;
  }

  /** The name the formats give this reason; written out, because a packed program loses the names of its classes. */
  get reason() {
    return this.constructor.reason;
  }
}

/** A step fails: the receipt proves nothing. */
export class Invalid extends Refusal {}
/** A step cannot be made: nothing is said for or against the receipt. */
export class Undecided extends Refusal {}

export class DigestMismatch extends Invalid { static reason = "DigestMismatch"; }
export class CheckpointMismatch extends Invalid { static reason = "CheckpointMismatch"; }
export class InclusionMismatch extends Invalid { static reason = "InclusionMismatch"; }
export class NoteUnsigned extends Invalid { static reason = "NoteUnsigned"; }
export class NoteSignatureMismatch extends Invalid { static reason = "NoteSignatureMismatch"; }
export class StateProofMismatch extends Invalid { static reason = "StateProofMismatch"; }
export class StorageMismatch extends Invalid { static reason = "StorageMismatch"; }
export class StateRootMismatch extends Invalid { static reason = "StateRootMismatch"; }
export class HeaderMismatch extends Invalid { static reason = "HeaderMismatch"; }
export class AppHashMismatch extends Invalid { static reason = "AppHashMismatch"; }
export class ValidatorSetMismatch extends Invalid { static reason = "ValidatorSetMismatch"; }
export class InsufficientPower extends Invalid { static reason = "InsufficientPower"; }
export class CommitSignatureMismatch extends Invalid { static reason = "CommitSignatureMismatch"; }
export class StampImprintMismatch extends Invalid { static reason = "StampImprintMismatch"; }
export class StampCertificateRefused extends Invalid { static reason = "StampCertificateRefused"; }
export class StampSignatureMismatch extends Invalid { static reason = "StampSignatureMismatch"; }
export class StampTimeContradicted extends Invalid { static reason = "StampTimeContradicted"; }

export class Unreadable extends Undecided { static reason = "Unreadable"; }
export class WrongLength extends Undecided { static reason = "WrongLength"; }
export class UnknownVersion extends Undecided { static reason = "UnknownVersion"; }
export class UnknownAlgorithm extends Undecided { static reason = "UnknownAlgorithm"; }
export class MissingAnchor extends Undecided { static reason = "MissingAnchor"; }
