# SPDX-License-Identifier: Apache-2.0
"""An alliance on the embedded ledger with the real contracts: what tests of members enter, sign and read."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maillon.kit.clock import FixedClock
from maillon.ledger.abi import Call, instruct
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.members import Members
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.embedded.engine import EmbeddedLedger
from maillon.ledger.embedded.sealer import Sealer
from maillon.ledger.genesis import ADMISSIONS, DIRECTORY, MEMBERS, Genesis, make_genesis
from maillon.ledger.port import TransactionReceipt
from maillon.ledger.signing import Account
from maillon.services.members.contract import MembersContract
from maillon.services.members.identifiers import parse
from maillon.services.members.model import ApplicationForm, Contact, Evidence, Identifier, Kind, Scheme, Scope

STEWARD, OFFICE, BANK, TOWN, OTHER_OFFICE = (Account(bytes([number]) * 32) for number in range(1, 6))
SECOND = Account(bytes([9]) * 32)
"""Of the town too, for a while."""
OFFICE_SIREN, BANK_LEI, TOWN_SIREN, OTHER_SIREN = "130025265", "506700GE1G29325QX363", "552032534", "356000000"
VALIDATOR = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def a_form(scheme: Scheme = Scheme.SIREN, value: str = TOWN_SIREN, name: str = "Commune de Saint-Ambrun-sur-Velle",
           kind: Kind = Kind.ADMINISTRATION, country: str = "FR") -> ApplicationForm:  # fmt: skip
    return ApplicationForm(parse(scheme, value), name, kind, country, Contact("A. B.", "a@ambrun.example", "fr"), "")


def fields(**changes: str) -> dict[str, str]:
    """What the form of a small town says."""
    return {
        "scheme": "siren",
        "identifier": "552 032 534",
        "legal_name": "Commune de Saint-Ambrun-sur-Velle",
        "kind": "administration",
        "country": "FR",
        "contact_name": "Camille Aubin",
        "contact_address": "camille.aubin@ambrun.example",
        "language": "fr",
        "message": "Nous sommes 912.",
    } | changes


@dataclass
class Invitations:
    """The front door of people, as far as members knock on it."""

    sent: list[tuple[str, str, frozenset[str], str]] = field(default_factory=list)

    def invite_for(self, by: str, organisation: str, address: str, roles: Collection[Any], language: str) -> None:
        del by
        self.sent.append((organisation, address, frozenset(str(role) for role in roles), language))


@dataclass
class Letters:
    """A mailer that keeps what it is handed."""

    sent: list[EmailMessage] = field(default_factory=list)

    def send(self, message: EmailMessage) -> None:
        self.sent.append(message)


@dataclass
class Alliance:
    """The chain and what speaks to it."""

    chain: Chain
    ledger: EmbeddedLedger
    clock: FixedClock
    contract: MembersContract
    members: Members
    admissions: Admissions

    async def do(self, call: Call[Any], signer: Account) -> TransactionReceipt:
        """A transaction, until it is final."""
        return await self.ledger.wait(await instruct(self.ledger, call, signer))

    async def consent(self, identifier: Identifier, account: Account) -> bytes:
        return await self.contract.consent(identifier, account)

    async def enter(self, form: ApplicationForm, admin: Account, *, tier: int = 1, scopes: Scope | None = None) -> int:
        """A member, by the steward who holds the seat before the first vote."""
        number = await self.contract.present(form, admin, "administration-1", STEWARD)
        await self.do(self.members.admit(number, tier, 0), STEWARD)
        if scopes is not None:
            await self.do(self.members.appoint(admin.address, int(scopes)), STEWARD)
        return number

    async def rule(self, kind: Kind, evidence: Evidence, *, country: bytes = b"\0\0", tier: int = 1) -> None:
        """Whoever shows this is admitted by an admission officer."""
        rule = (True, int(Scope.ADMISSION_OFFICER), int(evidence), tier, 2)
        await self.do(self.admissions.set_rule(kind, country, rule), STEWARD)


def _genesis() -> Genesis:
    funded = {account.address: 1000 * 10**18 for account in (STEWARD, OFFICE, BANK, TOWN, OTHER_OFFICE)}
    made = make_genesis(
        "Test", 7_700_000_042, 1_750_000_000, [VALIDATOR.public_key().public_bytes_raw()], funded, STEWARD.address
    )
    # Nobody is a member yet, and nobody is admitted by rule.
    empty = {address: replace(made.alloc[address], storage={}) for address in (MEMBERS, ADMISSIONS)}
    return replace(made, alloc={**made.alloc, **empty})


@contextlib.asynccontextmanager
async def open_alliance(home: Path) -> AsyncIterator[Alliance]:
    """The chain of a folder, made when it is not there, with a sealer at work."""
    clock = FixedClock(datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC))
    genesis = _genesis()
    chain = Chain.open(home, genesis, VALIDATOR, clock)
    ledger = EmbeddedLedger(chain)
    sealer = Sealer(chain, interval=0.001, confirmations=0)
    sealer.start()

    async def times(height: int) -> int:
        block = await asyncio.to_thread(chain.block, height)
        assert block is not None
        return int(block.timestamp)

    try:
        contract = MembersContract(ledger, DIRECTORY, times, genesis.chain_id)
        yield Alliance(chain, ledger, clock, contract, Members(MEMBERS), Admissions(ADMISSIONS))
    finally:
        await asyncio.to_thread(sealer.stop)
        await ledger.close()
        chain.close()


async def enter_office(alliance: Alliance) -> int:
    """The office is a member, and its account an officer and an admission officer."""
    form = a_form(Scheme.SIREN, OFFICE_SIREN, "Bureau de l'alliance", Kind.ASSOCIATION)
    return await alliance.enter(form, OFFICE, scopes=Scope.OFFICER | Scope.ADMISSION_OFFICER)


async def enter_bank(alliance: Alliance) -> int:
    """A bank is a member."""
    return await alliance.enter(a_form(Scheme.LEI, BANK_LEI, "Banque Cormoran", Kind.COMPANY), BANK)


async def live(alliance: Alliance) -> int:
    """A town joins, changes in every way the law knows, leaves and comes back."""
    await alliance.rule(Kind.ADMINISTRATION, Evidence.REGISTER)
    await alliance.rule(Kind.COMPANY, Evidence.REGISTER | Evidence.MANDATE, country=b"FR")
    town = await alliance.enter(a_form(), TOWN)
    members, contract = alliance.members, alliance.contract
    identifier = a_form().identifier
    await contract.add_account(identifier, SECOND, Scope.PUBLISH, "logiciel-actes", TOWN)
    await contract.set_scopes(SECOND.address, Scope.VOTE | Scope.ADMIN, "secretariat", TOWN)
    await contract.set_did("did:ebsi:zAmbrun", TOWN)
    await contract.set_credit_account(SECOND.address, TOWN)
    await contract.rename(town, "Commune nouvelle de Saint-Ambrun", OFFICE)
    await alliance.do(members.set_roles(town, 2**200 + 1), STEWARD)
    await alliance.do(members.classify(town, Kind.OTHER, 3, 4, b"BE"), STEWARD)
    await contract.remove_account(SECOND.address, TOWN)
    await alliance.do(members.suspend(town), STEWARD)
    await alliance.do(members.reinstate(town), STEWARD)
    await contract.leave(TOWN)
    await alliance.do(members.apply_again(town), TOWN)
    return town
