# SPDX-License-Identifier: Apache-2.0
"""Why a piece of evidence does not convince: one class for each reason.

Two families that never mix. *Invalid*: a check was made and it failed; the evidence proves nothing. *Undecided*: the
check could not be made (unreadable, unknown, no anchor); nothing is said about the evidence. Neither is ever a boolean.
"""

from __future__ import annotations


class EvidenceError(Exception):
    """Base of everything this package raises on purpose."""


class Invalid(EvidenceError):
    """A check failed. `expected` and `found` say what was compared, `step` which step of a receipt it was."""

    def __init__(self, message: str, *, expected: str = "", found: str = "") -> None:
        super().__init__(message)
        self.expected = expected
        self.found = found
        self.step: int | None = None


class Undecided(EvidenceError):
    """The check could not be made: could not tell, which is neither yes nor no."""

    step: int | None = None


# Could not tell.


class Unreadable(Undecided):
    """The bytes are not what the format says: truncated, of a wrong type, too deep, too large."""


class WrongLength(Unreadable):
    """A digest, hash, salt or key does not have the length its algorithm says."""


class UnknownAlgorithm(Undecided):
    """A digest or signature algorithm this verifier does not know."""


class UnknownVersion(Undecided):
    """A format, or a version of it, that this verifier does not know."""


class MissingAnchor(Undecided):
    """No trust anchor for this log, network or authority: there is nothing to check against."""


class FileChanged(Undecided):
    """The file changed while it was read, so no single content was hashed."""


# Transparency log.


class DigestMismatch(Invalid):
    """The file is not the one the receipt speaks of."""


class InclusionMismatch(Invalid):
    """The inclusion proof does not lead to the root."""


class ConsistencyMismatch(Invalid):
    """The newer tree does not extend the older one."""


class NoteUnsigned(Invalid):
    """No signature of the trusted key on the note."""


class NoteSignatureMismatch(Invalid):
    """A signature under the trusted key's name does not verify."""


class CheckpointMismatch(Invalid):
    """The checkpoint is of another log, or too small for the entry."""


# State of the ledger.


class StateProofMismatch(Invalid):
    """A node of the Merkle-Patricia proof is not the one its parent names."""


class StorageMismatch(Invalid):
    """The slot proved holds another value."""


class StateRootMismatch(Invalid):
    """The state root proved is not the one in the header."""


# Consensus.


class AppHashMismatch(Invalid):
    """The consensus header commits to another execution block."""


class HeaderMismatch(Invalid):
    """The header is not the one the commit signs, or is of another chain or height."""


class ValidatorSetMismatch(Invalid):
    """The validators given are not those the header names."""


class CommitSignatureMismatch(Invalid):
    """A signature of the commit does not verify."""


class InsufficientPower(Invalid):
    """Not more than the required share of the voting power signed."""


# Time stamps.


class StampImprintMismatch(Invalid):
    """The time stamp is of other bytes."""


class StampSignatureMismatch(Invalid):
    """The time stamp's signature or signed attributes do not verify."""


class StampCertificateRefused(Invalid):
    """The signing certificate is not fit for time stamping, or not valid at that time."""


class StampTimeContradicted(Invalid):
    """The time stamped and the time of the block contradict each other."""
