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

    `message` is a sentence with {0}, {1} … where the values stand; `field` is the member of the request it is about.
    """

    slug = "members-refused"
    status = 422
    title = "This cannot be done as asked"
    advice = "Correct what is named and send it again."
    message: ClassVar[str] = ""
    field: ClassVar[str | None] = None

    def __init__(self, *values: Any) -> None:
        super().__init__((self.message or self.title).format(*values))


# Legal identifiers.


class InvalidIdentifier(Refused):
    """A legal identifier is not one."""

    slug = "invalid-identifier"
    title = "This is not a legal identifier"
    advice = "Copy it from the register that gave it; docs/formats/members.md says how each kind is written."
    field = "identifier"


class UnknownScheme(InvalidIdentifier):
    """A kind of identifier nobody here can check."""

    message = "There is no kind of identifier called {0}: use siren, siret, euid, lei or vat."
    field = "scheme"


class SchemeMissing(UnknownScheme):
    """None was chosen."""

    message = "Choose the kind of identifier."


class IdentifierCharacters(InvalidIdentifier):
    """Letters of other alphabets, digits of other scripts, signs: what only looks like the identifier is not it."""

    message = "{0}: the character {1} does not belong in it; type it with the letters A to Z and digits."


class IdentifierLength(InvalidIdentifier):
    """Too many characters, or too few."""

    message = "{0}: it has {1} characters, you gave {2}."


class IdentifierShape(InvalidIdentifier):
    """The right characters in an order no register gives."""

    message = "{0}: it is not written like this. Example: {1}"


class IdentifierCheckDigit(InvalidIdentifier):
    """The check digit does not belong to the others."""

    message = "{0}: the check digit is wrong. One digit was mistyped, or two were swapped."


class IdentifierOfPerson(InvalidIdentifier):
    """A number that is a natural person's own: it must never reach the chain, where nothing is erased."""

    message = "{0}: this number is that of a natural person. Only legal persons can be entered."


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

    message = "The legal name takes {0} bytes; there is room for {1}. Use the short form of the register."


class NameHidden(InvalidName):
    """A control character, a direction override, a sign that does not show: a name must look like what it is."""

    message = "The legal name holds a sign that does not show or turns the direction of reading: {0}."


class NameMarks(InvalidName):
    """Accents piled upon each other, which paint over what stands beside them."""

    message = "The legal name piles accents upon one letter: {0}."


# Applications.


class InvalidApplication(Refused):
    """Several members of an application are wrong; each has its own reason."""

    slug = "invalid-application"
    title = "The application is not complete"
    advice = "Correct what is named and send it again; nothing was kept."

    def __init__(self, faults: tuple[Refused, ...]) -> None:
        super().__init__()
        self.faults = faults
        self.members = {"errors": [{"at": fault.field, "message": str(fault)} for fault in faults]}

    def __str__(self) -> str:
        return " ".join(str(fault) for fault in self.faults) or self.title


class UnknownKind(Refused):
    """A kind of organisation the law does not know."""

    slug = "unknown-kind"
    title = "There is no such kind of organisation"
    message = "Choose what the organisation is."
    advice = "Choose one of the list; programs: company, small-company, education, administration, association, other."
    field = "kind"


class UnknownCountry(Refused):
    """Two letters that are no country's (ISO 3166-1)."""

    slug = "unknown-country"
    title = "There is no such country"
    message = "Choose the country of the register."
    advice = "Choose one of the list. Programs give its two letters of ISO 3166-1, as in FR."
    field = "country"


class CountryMismatch(Refused):
    """The identifier is of another country than the one given."""

    slug = "country-mismatch"
    title = "The identifier is of another country"
    message = "The identifier is of {0}, the country given is {1}."
    advice = "Give the country whose register holds the organisation."
    field = "country"


class InvalidContact(Refused):
    """Whom to write to is missing or cannot be written to."""

    slug = "invalid-contact"
    title = "We cannot write to this contact"
    advice = "Give a name and a complete e-mail address. Example: first.last@ambrun.example"


class InvalidContactName(InvalidContact):
    """No name, or one that does not show."""

    message = "The name of the person we write to is missing, or holds signs that do not show."
    field = "contact_name"


class InvalidContactAddress(InvalidContact):
    """Not an e-mail address."""

    message = "The e-mail address is not complete. Example: first.last@ambrun.example"
    field = "contact_address"


class TextTooLong(Refused):
    """More than a person reads."""

    slug = "text-too-long"
    title = "The text is too long"
    message = "The text has {0} characters; there is room for {1}."
    advice = "Shorten it, or send it as a document."
    field = "text"


class TextMissing(Refused):
    """A decision without its reason."""

    slug = "reason-missing"
    title = "A reason is needed"
    message = "Say why: the organisation reads it."
    advice = "Write a sentence the organisation can act upon."
    field = "reason"


class IdentifierTaken(Refused):
    """The legal person applies already, or is known on the chain."""

    slug = "identifier-taken"
    status = 409
    title = "This organisation applies already, or is a member"
    message = "{0} belongs to an organisation that applies or is known already."
    advice = "Look in the directory. If it is yours, ask its administrators to invite you, or write to the office."
    field = "identifier"


class UnknownApplication(Refused):
    """No such application, or a code that opens none: nobody is told which."""

    slug = "unknown-application"
    status = 404
    title = "There is no such application"
    advice = (
        "Check its code, which stands in the letter to the applicant; the office finds every application in its list."
    )


class WrongState(Refused):
    """The application has gone on meanwhile, or has ended."""

    slug = "application-state"
    status = 409
    title = "The application is not in that state any more"
    message = "The application is {0}: this cannot be done with it."
    advice = "Load it again and see what has happened."


class NoOffice(Refused):
    """This instance's account may not do that on the ledger: only a vote appoints."""

    slug = "no-office"
    status = 409
    title = "The account of this instance does not hold that office"
    message = "{0} holds no office that may do this."
    advice = "A vote appoints admission officers; `maillon members show` names the account of this instance."


class UnknownStatus(Refused):
    """A status the law does not know."""

    slug = "unknown-status"
    title = "There is no such status"
    advice = "Use applied, active, suspended, departed, refused or excluded."
    field = "status"


class UnknownEvidence(Refused):
    """A class of evidence the law does not know."""

    slug = "unknown-evidence"
    title = "There is no such class of evidence"
    advice = "Use register, mandate, invitation or credential."
    field = "evidence"


# Documents.


class InvalidDocument(Refused):
    """A document that is not taken."""

    slug = "invalid-document"
    title = "The document cannot be taken"
    advice = "Send a PDF, PNG or JPEG of at most 5 MB, without scripts, forms or attachments inside."
    field = "document"


class DocumentEmpty(InvalidDocument):
    """No bytes."""

    message = "{0} is empty."


class DocumentTooLarge(InvalidDocument):
    """More bytes than one document, or all documents of one application, may have."""

    status = 413
    slug = "document-too-large"
    title = "The document is too large"
    message = "{0}: at most {1} MB."


class TooManyDocuments(InvalidDocument):
    """More documents than anybody reviews."""

    message = "An application takes {0} documents at most."


class UnknownDocumentType(InvalidDocument):
    """The bytes are of no type we take."""

    message = "{0} is neither PDF, PNG nor JPEG by what it holds."


class DocumentDisguised(InvalidDocument):
    """The name or the declared type says one thing, the bytes another."""

    message = "{0} says it is {1} and holds {2}."


class DocumentActive(InvalidDocument):
    """Scripts, launch actions, attachments, forms that calculate, or what cannot be looked into."""

    message = "{0} holds {1}: save it anew as a plain PDF."


class DocumentName(InvalidDocument):
    """A file name that hides what it is."""

    message = "The name of the file holds signs that do not show, or is too long."


class UnknownDocument(Refused):
    """No such document, or it was destroyed."""

    slug = "unknown-document"
    status = 404
    title = "There is no such document"
    advice = "Documents are destroyed some time after the decision; docs/operating/members.md says when."


# Organisations and accounts.


class UnknownOrganisation(Refused):
    """The chain has no organisation of that number."""

    slug = "unknown-organisation"
    status = 404
    title = "There is no such organisation"
    advice = "The directory lists every organisation; each is named by its number."


class InvalidLabel(Refused):
    """A label that could not be written on the chain, or might say who somebody is."""

    slug = "invalid-label"
    title = "The label cannot be used"
    message = "A label has 1 to 32 small letters, digits and hyphens, and never a person's name: it stays for ever."
    advice = "Example: secretariat-1"
    field = "label"


class UnknownScope(Refused):
    """Something no account may do, or that only votes give."""

    slug = "unknown-scope"
    title = "There is no such scope"
    message = "{0} is not a scope an organisation can give."
    advice = "Use admin, vote, operate or publish."
    field = "scopes"


class UnknownAct(Refused):
    """A form that does not say what is to be done, or something this page does not do."""

    slug = "unknown-act"
    title = "This page does not do that"
    advice = "Use the buttons of the page: each says what it does. Nothing was changed."
    field = "act"


class InvalidDid(Refused):
    """Not a decentralised identifier, or longer than the chain keeps."""

    slug = "invalid-did"
    title = "This is not a decentralised identifier"
    advice = "A DID begins with did: and has 160 characters at most. Leave it empty to name none."
    field = "did"


class UnknownCase(Refused):
    """No such suspension of this organisation is known here."""

    slug = "unknown-case"
    status = 404
    title = "There is no such suspension"
    advice = "The page of the organisation lists the suspensions asked for through this instance."


class UnknownAccount(Refused):
    """No such account of this organisation."""

    slug = "unknown-account"
    status = 404
    title = "There is no such account of this organisation"
    advice = "The page of the organisation lists its accounts."


class InvalidConsent(Refused):
    """A signature of an account that does not have the form of one."""

    slug = "invalid-consent"
    title = "The consent of the account is not a signature"
    advice = "Have the wallet sign again: 65 bytes, as 0x and 130 hexadecimal digits."
    field = "consent"


class NotAdministrator(Refused):
    """An invitation was signed by an account that does not administer the organisation it is of."""

    slug = "not-an-administrator"
    status = 409
    title = "The account that signed does not administer the organisation"
    advice = "Nothing was kept. Choose in the wallet an account that may administer, and sign again."


class RefusedByLedger(Refused):
    """The law on the chain says no; the reason is the contract's own words."""

    slug = "refused-by-ledger"
    status = 409
    title = "The law on the chain does not allow this"
    message = "The contract refuses: {0}"
    advice = "docs/formats/contracts.md says what each refusal means. Nothing was changed."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SameMember(Refused):
    """Both officers of a suspension are of one organisation, and the law wants two of two."""

    slug = "same-member"
    status = 409
    title = "The second officer must be of another member"
    message = "An officer of your own organisation asked for this suspension: the second must be of another member."
    advice = "Nothing was changed. An officer of another member joins it within a day of the request."


class NoRegister(Refused):
    """This network was made before it had a register of members."""

    slug = "no-register"
    status = 409
    title = "This network has no register of members yet"
    advice = "A vote adds the contract to the Directory, or a new network begins with it."


class RegisterMoved(Refused):
    """A vote led the name Members to another contract, which has a history of its own."""

    slug = "register-moved"
    status = 409
    title = "The register of members is another contract now"
    message = "The register is now {0}, which this program does not read."
    advice = "The former register is still read here. What changes the new one is sent to that contract by other means."


class KeyNotKept(Refused):
    """The organisation's key is with its owner, not with this instance."""

    slug = "key-not-kept"
    status = 409
    title = "This instance does not keep a key that may do this"
    message = "No key kept here has the scope {0} for this organisation."
    advice = "Send it to Members with the wallet that holds the key, or have an administrator add an account kept here."


class InvalidVoucher(Refused):
    """A signed invitation that does not verify, was used, has expired, or is for another organisation."""

    slug = "invalid-signed-invitation"
    title = "The signed invitation is not valid"
    message = "The signed invitation {0}."
    advice = "Ask the member who invited you for a new one; you may also apply without."
    field = "invitation"


class Unavailable(MembersError):
    """It could not be done now; nothing was changed that is not finished later, and the same may pass then."""

    slug = "unavailable"
    status = 503
    title = "This cannot be done at the moment"
    advice = "Nothing was changed. Try again in a few seconds."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class LedgerUnavailable(Unavailable):
    """The chain could not be asked. What was begun is looked up and finished by the next attempt."""
