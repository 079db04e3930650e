# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with members: one class for each situation, with its words, shown in both languages.

*Refused* is the request's own fault: sent again, it is refused again. *Unavailable* is ours, or the ledger's: the same
request may pass later.
"""

from __future__ import annotations

from typing import Any, ClassVar


class MembersError(Exception):
    """Base of everything this service raises on purpose."""


class Refused(MembersError):
    """The request cannot be served as it is.

    `message` is a sentence with %(places)s that `values` fill; `field` is the member of the request it is about.
    """

    slug = "members-refused"
    status = 422
    title = "This cannot be done as asked"
    advice = "Correct what is named and send it again."
    message: ClassVar[str] = ""
    field: ClassVar[str | None] = None

    def __init__(self, **values: Any) -> None:
        self.values = values
        super().__init__((self.message or self.title) % values)


# Legal identifiers.


class InvalidIdentifier(Refused):
    """A legal identifier is not one."""

    slug = "invalid-identifier"
    title = "This is not a legal identifier"
    advice = "Copy it from the register that gave it; docs/formats/members-api.md says how each kind is written."
    field = "identifier"


class UnknownScheme(InvalidIdentifier):
    """A kind of identifier nobody here can check."""

    message = "There is no kind of identifier called %(scheme)s: use siren, siret, euid, lei or vat."
    field = "scheme"


class IdentifierCharacters(InvalidIdentifier):
    """Letters of other alphabets, digits of other scripts, signs: what only looks like the identifier is not it."""

    message = (
        "%(scheme)s: the character %(character)s does not belong in it; type it with the letters A to Z and digits."
    )


class IdentifierLength(InvalidIdentifier):
    """Too many characters, or too few."""

    message = "%(scheme)s: it has %(expected)s characters, you gave %(given)s."


class IdentifierShape(InvalidIdentifier):
    """The right characters in an order no register gives."""

    message = "%(scheme)s: it is not written like this. Example: %(example)s"


class IdentifierCheckDigit(InvalidIdentifier):
    """The check digit does not belong to the others."""

    message = "%(scheme)s: the check digit is wrong. One digit was mistyped, or two were swapped."


class IdentifierOfPerson(InvalidIdentifier):
    """A number that is a natural person's own: it must never reach the chain, where nothing is erased."""

    message = "%(scheme)s: this number is that of a natural person. Only legal persons can be entered."


# Legal names.


class InvalidName(Refused):
    """A legal name cannot be entered."""

    slug = "invalid-legal-name"
    title = "This name cannot be entered"
    advice = "Copy the name from the register that holds it, without signs that do not show."
    field = "legal_name"


class NameEmpty(InvalidName):
    """Nothing that can be read."""

    message = "The legal name is missing."


class NameTooLong(InvalidName):
    """More bytes than the chain keeps."""

    message = "The legal name takes %(given)s bytes; there is room for %(room)s. Use the short form of the register."


class NameHidden(InvalidName):
    """A control character, a direction override, a sign that does not show: a name must look like what it is."""

    message = "The legal name holds a sign that does not show or turns the direction of reading: %(character)s."


class NameMarks(InvalidName):
    """Accents piled upon each other, which paint over what stands beside them."""

    message = "The legal name piles accents upon one letter: %(character)s."
