# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with people: one class for each situation. `title` and `advice` are shown, in both languages.

*Refused* is the request's own fault. Nothing here says whether an address has an account: whoever may not know is
answered the same either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class PeopleError(Exception):
    """Base of everything this service raises on purpose."""


class Refused(PeopleError):
    """The request cannot be served as it is."""

    slug = "people-refused"
    status = 422
    title = "This cannot be done as asked"
    advice = "Correct what is named and send it again."
    headers: ClassVar[dict[str, str]] = {}


class LogInNeeded(Refused):
    """Nobody is logged in, and no key was sent."""

    slug = "log-in-needed"
    status = 401
    title = "You are not logged in"
    advice = "Log in here; a program sends Authorization: Bearer and an API key."
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="maillon"'}


class NotAllowed(Refused):
    """Somebody may not do this; `members` holds every reason, the last one decided, and who could grant it."""

    slug = "not-allowed"
    status = 403
    title = "You may not do this"
    advice = "An administrator of the organisation can give you the role. The page “Why” explains every decision."

    def __init__(self, text: str, members: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.members = members


class InvalidAddress(Refused):
    """An e-mail address is not one."""

    slug = "invalid-address"
    title = "The e-mail address is not complete"
    advice = "Example: first.last@ambrun.example"


class InvalidName(Refused):
    """A name is empty, too long, or holds characters that do not show."""

    slug = "invalid-name"
    title = "The name cannot be used"
    advice = "Give 1 to 100 visible characters."


class WeakPassword(Refused):
    """A password is too short, too long, or would be guessed."""

    slug = "weak-password"
    title = "This password would be guessed"
    advice = "Take at least 12 characters, for example four words that have nothing to do with you or each other."


class WrongCredentials(Refused):
    """Address and password do not belong together, or there is no such account: nobody is told which."""

    slug = "wrong-credentials"
    status = 401
    title = "The address or the password is not right"
    advice = "Check both, or have a new password set below."


class WrongCode(Refused):
    """The code of the second factor is wrong, of another time, or was used before."""

    slug = "wrong-code"
    status = 401
    title = "The code is not right"
    advice = "Wait for the next code of your application; each is good once. If it stays, set the clock of your device."


class StaleStep(Refused):
    """A step of a longer process came too late, twice, or from another browser."""

    slug = "stale-step"
    status = 409
    title = "This step is no longer open"
    advice = "Begin again: it has expired, or was done already."


class MadeAlready(Refused):
    """The same form came again: what it makes is shown once, and made once."""

    slug = "made-already"
    status = 409
    title = "This was made already, and shown that once"
    advice = "Nothing was made now. If you did not keep what was shown, make another; revoke a key you cannot use."


class InvalidInvitation(Refused):
    """An invitation or confirmation code is unknown, used, expired, withdrawn, or another person's."""

    slug = "invalid-invitation"
    status = 403
    title = "This code is not valid, or no longer"
    advice = "It may have been used, withdrawn or have expired. Ask whoever invited you for a new one."


class AddressTaken(Refused):
    """The address has an account; told only to who has shown that the address is theirs."""

    slug = "address-taken"
    status = 409
    title = "This address has an account already"
    advice = "Log in with it, then give the code of the invitation again."


class PasskeyRefused(Refused):
    """A passkey's answer does not verify: wrong site, wrong challenge, wrong signature, a copied key."""

    slug = "passkey-refused"
    status = 401
    title = "The passkey could not be checked"
    advice = "Try again with a passkey of this site."


class ProviderRefused(Refused):
    """What an identity provider answered does not verify, or it says no."""

    slug = "provider-refused"
    status = 401
    title = "The identity provider’s answer was not accepted"
    advice = "Log in again. If it stays, tell the administrator of this instance."


class UnknownIdentity(Refused):
    """A person the provider vouches for, whom nobody invited."""

    slug = "unknown-identity"
    status = 403
    title = "Nobody has invited you here yet"
    advice = "Join with the code of an invitation first, or link this provider on the page of your account."


class UnknownPerson(Refused):
    """No such person, or none the asker may know of."""

    slug = "unknown-person"
    status = 404
    title = "There is no such person here"
    advice = "The page of the organisation lists its people."


class StaleList(Refused):
    """A place in a list of people that no page of it has given, or none that can still be read."""

    slug = "stale-list"
    status = 404
    title = "This place in the list is not known any more"
    advice = "Begin again with the first page of the list."


class UnknownKey(Refused):
    """No such key of this organisation, or it is no longer in force."""

    slug = "unknown-key"
    status = 404
    title = "There is no such key here"
    advice = "The page of the organisation lists its keys."


class InvalidRoles(Refused):
    """Roles nobody knows."""

    slug = "invalid-roles"
    title = "There is no such role"
    advice = "Choose among administrator, delegate and member."


class InvalidOrganisation(Refused):
    """What cannot be the identifier of an organisation, or is that of none."""

    slug = "invalid-organisation"
    status = 404
    title = "There is no such organisation"
    advice = "Check the address."


class InvalidKeyName(Refused):
    """A key without a name, or with a long one."""

    slug = "invalid-key-name"
    title = "The name of the key cannot be used"
    advice = "Give 1 to 200 characters: which program will use it."


class InvalidKeyScopes(Refused):
    """A key that may do nothing, or what no key of an organisation may."""

    slug = "invalid-key-scopes"
    title = "The key must be able to do something"
    advice = "Choose at least one thing it may do, of those an organisation’s key may."


class InvalidKeyLife(Refused):
    """A key that lives no whole number of days, or too many."""

    slug = "invalid-key-life"
    title = "The days are not a number that can be taken"
    advice = "Give whole days, at most ten years: 3650; nothing for a key that never expires."


class LastAdministrator(Refused):
    """The last administrator of an organisation would no longer be one."""

    slug = "last-administrator"
    status = 409
    title = "An organisation keeps an administrator"
    advice = "Make somebody else an administrator first."


class LastWayIn(Refused):
    """Removing this would leave its owner without any way to log in."""

    slug = "last-way-in"
    status = 409
    title = "This is your last way in"
    advice = "Add another passkey, or a password with a second factor, first."


class TooManyAttempts(Refused):
    """Too many wrong tries for this account or from this address."""

    slug = "too-many-attempts"
    status = 429
    title = "Too many wrong tries"
    advice = "Wait a quarter of an hour, or log in with a passkey."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "900"}


class LoginPending(Refused):
    """The log-in of a command line is not confirmed yet (RFC 8628, authorization_pending)."""

    slug = "login-pending"
    status = 428
    title = "Nobody has confirmed yet"
    advice = "Confirm in the browser; the command asks again by itself."


class UnknownAction(Refused):
    """An action or object that cannot be explained because it is none."""

    slug = "unknown-action"
    title = "There is no such action or object"
    advice = "Actions are listed on the page; an object is organisation:ID, person:ID or instance."


class UnknownTrailDocument(Refused):
    """No document of the trail begins with this deed."""

    slug = "unknown-trail-document"
    status = 404
    title = "There is no such document of the trail"
    advice = "The page of the trail lists those there are; one is made when a day is over."


class TrailAltered(Refused):
    """The trail in the database is not what was notarised of it."""

    slug = "trail-altered"
    status = 409
    title = "The trail was altered after it was notarised"
    advice = "Somebody changed the database. Compare it with a backup, and with documents that were taken before."


class TrailNotNotarised(Refused):
    """The log could not take a document of the trail, or has no receipt of it yet."""

    slug = "trail-not-notarised"
    status = 503
    title = "The receipt of this document is not ready yet"
    advice = "Wait a moment and ask again."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class Unavailable(PeopleError):
    """Somebody else's server did not answer; the same may pass later."""

    slug = "provider-unavailable"
    status = 503
    title = "The identity provider does not answer"
    advice = "Nothing was changed. Try again, or log in another way."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "10"}
