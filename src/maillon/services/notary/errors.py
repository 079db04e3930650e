# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in the notary: one class for each situation.

*Refused* is the request's own fault: sent again, it is refused again. *Unavailable* is ours: the same request may pass
later. *Fatal* stops the log rather than let it contradict itself. The doors turn the first two into problem details.
"""

from __future__ import annotations

from typing import ClassVar


class NotaryError(Exception):
    """Base of everything the notary raises on purpose."""


class Refused(NotaryError):
    """The request cannot be served as it is. `slug` names the problem page, `advice` says what to do."""

    slug = "notary-refused"
    status = 422
    title = "The notary refuses this request"
    advice = "Correct the request; docs/formats/notary-api.md describes it."


class MalformedRequest(Refused):
    """The body is not the JSON the route asks for."""

    slug = "malformed-request"
    status = 400
    title = "The request could not be read"


class InvalidDigest(Refused):
    """A digest or commitment is of the wrong length, or not lower-case hexadecimal."""

    slug = "invalid-digest"
    title = "A digest is not what its algorithm says"
    advice = "Send lower-case hexadecimal: 64 digits for sha2-256 and commitments, 96 for sha2-384, 128 for sha2-512."


class UnknownDigestAlgorithm(Refused):
    """A digest algorithm the log has no kind for."""

    slug = "unknown-algorithm"
    title = "The digest algorithm is unknown here"
    advice = "Use sha2-256, sha2-384 or sha2-512."


class BatchTooLarge(Refused):
    """More digests than one batch may carry."""

    slug = "batch-too-large"
    status = 413
    title = "The batch is too large"
    advice = "Send at most 100,000 digests in one batch; send the rest in further batches."


class BodyTooLarge(Refused):
    """More bytes than the route reads."""

    slug = "body-too-large"
    status = 413
    title = "The request is too large"
    advice = "Send less in one request."


class UnsupportedContent(Refused):
    """The body is of another media type than the route reads."""

    slug = "unsupported-media-type"
    status = 415
    title = "The route does not read this media type"
    advice = "Send application/json, or application/timestamp-query to /tsa."


class InvalidIdempotencyKey(Refused):
    """The Idempotency-Key header is empty, too long or not printable."""

    slug = "invalid-idempotency-key"
    status = 400
    title = "The Idempotency-Key cannot be used"
    advice = "Send 1 to 200 printable ASCII characters, for example a random UUID."


class IdempotencyConflict(Refused):
    """The same key came before with another body."""

    slug = "idempotency-conflict"
    title = "This Idempotency-Key was used for another request"
    advice = "Use a new key for a new request; send the same body again to get the first answer again."


class UnknownEntry(Refused):
    """The log has no entry of that index, or none for that digest."""

    slug = "unknown-entry"
    status = 404
    title = "There is no such entry"
    advice = "Look in its receipt for its number. A salted commitment cannot be found by the digest of its file."


class Unavailable(NotaryError):
    """The notary could not do it now; nothing was acknowledged, and the same request may pass later."""

    slug = "unavailable"
    status = 503
    title = "This cannot be done at the moment"
    advice = "Nothing was changed. Try again in a few seconds."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class StoreUnavailable(Unavailable):
    """The database did not take the transaction: locked, full, unreachable. Nothing was acknowledged."""


class AnchorUnavailable(Unavailable):
    """The ledger could not be asked; checkpoints go on, and anchoring catches up."""


class TimeUnavailable(Unavailable):
    """The clock stands before a time already stamped: no stamp until it has caught up."""


class Halted(Unavailable):
    """The log stopped rather than contradict itself, and takes no more entries until a human has looked."""

    slug = "notary-halted"
    title = "The log has halted"
    advice = "Nothing was acknowledged. The operator finds the reason in `maillon status` and docs/operating/notary.md."


class DamagedLog(Unavailable):
    """A file of the log is gone or is not what was published: what it should prove is not handed out."""

    slug = "damaged-log"
    status = 500
    title = "A file of the log is damaged"
    advice = "Tell the operator: HOME/log is restored from a backup. The entries keep their places."
    headers: ClassVar[dict[str, str]] = {}


class Stopping(Unavailable):
    """The service is being stopped and takes no more entries."""


class Fatal(NotaryError):
    """Going on would make the log contradict itself. The sequencer stops, health says so, and a human decides."""


class LogInconsistent(Fatal):
    """Tiles, checkpoint and database disagree in a way no crash explains."""


class LostRace(Fatal):
    """Another process committed a checkpoint of this log at the same time: two servers on one log."""


class LogForked(Fatal):
    """The ledger holds another root for this log than ours: restore the log, do not go on."""
