# SPDX-License-Identifier: Apache-2.0
"""How an instance's accounts come to act for a member: an account consents, the member's admin makes it a delegate.

An embedded ledger founds its own consortium with the accounts in it. On a network the two keys lie with two people, or
at least in two homes: the instance signs that it will, the node's operator enters it on the chain.
"""

from __future__ import annotations

from maillon.evidence.hashing import keccak256
from maillon.ledger.abi import ask, instruct
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.members import Members
from maillon.ledger.errors import Rejected
from maillon.ledger.genesis import DIRECTORY, name_word
from maillon.ledger.port import Address, Ledger, Signer
from maillon.services.members import Consent, Scope

_PAGE = 'docs/operating/node.md, "The platform on a node", has the commands'


async def _members(ledger: Ledger) -> Members:
    return Members(await ask(ledger, Directory(DIRECTORY).lookup(name_word("Members"))))


async def lacks(ledger: Ledger, notary: Address, balance: int) -> list[str]:
    """What keeps the notary's log from being anchored, a sentence each. Raises `LedgerError`."""
    shown, found = "0x" + notary.hex(), []
    if not await ask(ledger, (await _members(ledger)).acting(notary, Scope.PUBLISH.value)):
        found.append(
            f"the notary's account {shown} is no publish delegate of a member: entries are taken, and wait to be "
            f"anchored. {_PAGE}"
        )
    if not balance:
        found.append(f"the notary's account {shown} has no credits: nothing can be anchored. {_PAGE}")
    return found


async def consent(ledger: Ledger, chain_id: int, organisation: int, account: Signer) -> bytes:
    """The account's signature that it will belong to an organisation: r, s, v in 65 bytes (EIP-712).

    It holds for that organisation, and once. The digest is made here: an endpoint that lies gets a consent that is
    worth nothing, and never a signature of something else. Raises `LedgerError`; `Rejected` for an organisation nobody
    entered.
    """
    members = await _members(ledger)
    identifier = await ask(ledger, members.identifier_of(organisation))
    if not identifier.value:
        raise Rejected(f"there is no organisation {organisation} on this network: `maillon members list` names them")
    place = keccak256(identifier.scheme + identifier.value.encode())
    nonce = await ask(ledger, members.consents_of(account.address))
    return Consent(chain_id, members.address, place, account.address, nonce).sign(account)


async def delegate(  # noqa: PLR0917 - who makes whom what
    ledger: Ledger, admin: Signer, account: Address, given: bytes, scope: Scope, label: str
) -> int:
    """Make an account a delegate of the organisation whose admin signs; the number of that organisation.

    One that belongs to it already, with that scope, is left as it is. Raises `LedgerError`: `Rejected` when the
    signer is no admin, the consent is not the account's or was used, or the account belongs to another organisation.
    """
    members = await _members(ledger)
    organisation = await ask(ledger, members.acting(admin.address, Scope.ADMIN.value))
    if not organisation:
        raise Rejected(f"0x{admin.address.hex()} is no admin of an active member: only one may add accounts")
    belongs = await ask(ledger, members.organisation_of(account))
    if belongs not in {0, organisation}:
        raise Rejected(f"0x{account.hex()} belongs to organisation {belongs}: it leaves that one first")
    if belongs and (not scope or await ask(ledger, members.acting(account, scope.value)) == organisation):
        return organisation
    word = label.encode().ljust(32, b"\0")
    if belongs:
        call = members.set_scopes(account, scope.value, word)
    else:
        call = members.add_account(account, scope.value, word, given)
    await ledger.wait(await instruct(ledger, call, admin))
    return organisation
