# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in the parts every service shares. *Refused* and *could not* never share a class."""

from __future__ import annotations


class KitError(Exception):
    """Base of everything this package raises on purpose."""


class InvalidSettings(KitError):
    """A setting is unknown or has a value it cannot have; the message names it."""


class HomeUnusable(KitError):
    """The data directory cannot be used: read-only, not a directory, or of another owner."""


class HomeInUse(KitError):
    """Another server runs on this home."""


class StoreUnavailable(KitError):
    """The database did not answer, or has no room: nothing was written, and the same may pass later."""


class CorruptStore(KitError):
    """The database contradicts itself: restore it from a backup, or rebuild what can be rebuilt."""


class NewerData(KitError):
    """The data were written by a newer version of this program; an older one would damage them."""


class KeyUnreadable(KitError):
    """A key file is missing a part, or is readable by others."""


class AccessDenied(KitError):
    """No key, a wrong, expired or revoked key, or a key without the scope. `reason` explains the decision."""

    def __init__(self, reason: str, *, authenticated: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.authenticated = authenticated


class CredentialUnreadable(KitError):
    """What the command line would show of itself is there and cannot be read."""


class IdempotencyConflict(KitError):
    """The idempotency key was used for another request."""


class CiphertextUnreadable(KitError):
    """Something encrypted at rest was altered, moved to another place, or its key is no longer in `keys/`."""


class AddressForbidden(KitError):
    """A webhook's name leads to an address of this machine or of a private network."""


class MailRefused(KitError):
    """The mail server will never take this letter: no such mailbox, or not ours to send."""


class MailUnavailable(KitError):
    """The mail server did not take the letter now; the outbox tries again."""


class PassphraseRefused(KitError):
    """A passphrase is too short, cannot be read, or does not open the file."""


class SealedFileUnreadable(KitError):
    """A file that should be sealed with a passphrase is damaged, or of another kind."""
