# SPDX-License-Identifier: Apache-2.0
"""The register of members on the chain: `Members` and `Admissions`, found through the Directory, through the port.

Events come in order with the time of their block. Whatever the chain refuses is `RefusedByLedger` with its own words;
whatever could not be asked is `LedgerUnavailable`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from maillon.ledger.abi import Call, NotDecodable, ask, instruct
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.admissions import decode_event as decode_admissions
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.members import Members, Standing
from maillon.ledger.contracts.members import decode_event as decode_members
from maillon.ledger.contracts.network import Network
from maillon.ledger.contracts.network import Node as AcceptedNode
from maillon.ledger.errors import LedgerError, Rejected, Reverted
from maillon.ledger.port import Address, Event, Height, Ledger, Signer, TransactionReceipt
from maillon.services.members.consent import Consent, Invitation
from maillon.services.members.errors import LedgerUnavailable, NoRegister, RefusedByLedger, RegisterMoved
from maillon.services.members.identifiers import identifier_hash, scheme_word
from maillon.services.members.model import (
    AdmissionRule,
    ApplicationForm,
    Evidence,
    Identifier,
    Kind,
    Node,
    Operation,
    Scope,
    ValidatorSeat,
)

MEMBERS: Final = b"Members".ljust(32, b"\0")
ADMISSIONS: Final = b"Admissions".ljust(32, b"\0")
NETWORK: Final = b"Network".ljust(32, b"\0")
NOBODY: Final = Address(bytes(20))
_Answer = TypeVar("_Answer")


class BlockTimes(Protocol):
    """When blocks were made. Beside the port, which knows heights only."""

    def __call__(self, height: int) -> Awaitable[int]:
        """Unix time in seconds of a block; raises a `LedgerError`."""


@dataclass(frozen=True, slots=True)
class UnreadableEvent:
    """Something about an organisation in bytes that are no text."""

    organisation: int


@dataclass(frozen=True, slots=True)
class Founder:
    """An organisation that stands in block zero, where nothing happened and no event was."""

    number: int
    scheme: bytes
    identifier: str
    standing: Standing
    legal_name: str
    did: str
    accounts: tuple[tuple[Address, int, bytes], ...]
    """Account, scopes and offices, label."""
    credit_account: Address | None


@dataclass(frozen=True, slots=True)
class RegisterEvent:
    """One event of either contract, decoded, where it stands."""

    height: int
    position: int
    time: int
    """Unix time in seconds of its block."""
    transaction: bytes
    event: Any
    """A class of `maillon.ledger.contracts.members` or `.admissions`."""


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except Reverted as error:
        raise RefusedByLedger(error.reason or str(error)) from error
    except Rejected as error:
        raise RefusedByLedger(str(error)) from error
    except LedgerError as error:
        raise LedgerUnavailable(f"the ledger could not be asked: {error}") from error


class MembersContract:
    """Asks and instructs the two contracts. `chain_id` is the EVM's, for signed invitations."""

    def __init__(self, ledger: Ledger, directory: Address, times: BlockTimes, chain_id: int) -> None:
        self._ledger = ledger
        self._directory = Directory(directory)
        self._times = times
        self._chain_id = chain_id
        self._listed: set[bytes] = set()
        self._first: Address | None = None
        self._nodes_of: tuple[int, tuple[AcceptedNode, ...]] = (-1, ())
        self._reading_nodes = asyncio.Lock()

    async def _find(self, name: bytes) -> Address | None:
        """Where a contract is now; None while the Directory does not know it."""
        with _translated():
            # A name that was listed once is listed for ever: only where it leads can change.
            if name not in self._listed:
                if await ask(self._ledger, self._directory.version_of(name)) == 0:
                    return None
                self._listed.add(name)
            return await ask(self._ledger, self._directory.lookup(name))

    async def _register(self) -> Address | None:
        """The register that is read, where the name led first: no other one has its history."""
        if self._first is None and await self._find(MEMBERS) is not None:
            # The Directory keeps its history, so that no old state is needed; what it says of the past never changes.
            self._first = (await self._ask(self._directory.period(MEMBERS, 1))).target
        return self._first

    async def _read(self) -> Members:
        found = await self._register()
        if found is None:
            raise NoRegister
        return Members(found)

    async def moved_to(self) -> Address | None:
        """The contract that is the register now, where that is not the one that is read; None where it is."""
        now = await self._find(MEMBERS)
        return None if now == await self._register() else now

    async def _members(self) -> Members:
        """The register as it is now. Raises `RegisterMoved` where that is not the one that is read."""
        successor = await self.moved_to()
        if successor is not None:
            raise RegisterMoved("0x" + successor.hex())
        return await self._read()

    async def _admissions(self) -> Admissions:
        found = await self._find(ADMISSIONS)
        if found is None:
            raise NoRegister
        return Admissions(found)

    @property
    def chain_id(self) -> int:
        """Of the network it is on."""
        return self._chain_id

    async def _ask(self, call: Call[_Answer]) -> _Answer:
        with _translated():
            return await ask(self._ledger, call)

    async def _instruct(self, call: Call[Any], signer: Signer) -> TransactionReceipt:
        await self._members()
        with _translated():
            return await self._ledger.wait(await instruct(self._ledger, call, signer))

    # Following.

    async def head(self) -> int:
        """The newest block."""
        with _translated():
            return int(await self._ledger.head())

    async def time_of(self, height: int) -> int:
        """When a block was made, Unix time in seconds."""
        with _translated():
            return await self._times(height)

    async def events(self, since: int, until: int) -> list[RegisterEvent]:
        """Every event from one block to another, in order; nothing while there is no register."""
        found: list[Event] = []
        with _translated():
            for address in (await self._register(), await self._find(ADMISSIONS)):
                if address is not None:
                    found += [event async for event in self._ledger.events(address, Height(since), Height(until))]
            found.sort(key=lambda event: (event.height, event.position))
            times: dict[int, int] = {}
            decoded = []
            for event in found:
                known = _decoded(event)
                if known is None:
                    continue
                if event.height not in times:
                    times[event.height] = await self._times(event.height)
                decoded.append(
                    RegisterEvent(event.height, event.position, times[event.height], event.transaction, known)
                )
        return decoded

    async def founders(self) -> list[Founder]:
        """The organisations of block zero.

        Where the node no longer has that state, their accounts are those that have belonged to them ever since; later
        events tell what changed.
        """
        address = await self._register()
        if address is None:
            return []
        members = Members(address)
        found: list[Founder] = []
        while True:
            number = len(found) + 1
            standing = await self._ask(members.standing_at_block(number, 0))
            if standing.status == 0:
                return found
            identifier = await self._ask(members.identifier_of(number))
            name = await self._ask(members.legal_name_at(number, 1))
            accounts = await self._at_founding(members.delegates_of(number))
            kept = [
                (account.account, account.scopes, account.label)
                for account in accounts
                if await self._ask(members.member_of(account.account, 0)) == number
            ]
            did = await self._at_founding(members.did_of(number))
            credit = await self._at_founding(members.credit_account_of(number))
            found.append(
                Founder(
                    number,
                    identifier.scheme,
                    identifier.value,
                    standing,
                    name.name,
                    did,
                    tuple(sorted(kept)),
                    credit if any(credit) else None,
                )
            )

    async def _at_founding(self, call: Call[_Answer]) -> _Answer:
        try:
            return await ask(self._ledger, call, Height(0))
        except LedgerError:
            # Pruned, or not there: only an archive keeps the state of every block.
            return await self._ask(call)

    async def rules_at_founding(self, kinds: Sequence[Kind], countries: Sequence[str]) -> list[AdmissionRule]:
        """The rules of block zero: for every country, and those countries that have their own."""
        if await self._find(ADMISSIONS) is None:
            return []
        admissions = await self._admissions()
        found: list[AdmissionRule] = []
        for kind in kinds:
            general = await self._at_founding(admissions.rule_of(kind.value, b"\0\0"))
            if general.defined:
                found.append(_rule(kind, None, general))
            for country in countries:
                own = await self._at_founding(admissions.rule_of(kind.value, country.encode("ascii")))
                if own.defined and own != general:
                    found.append(_rule(kind, country, own))
        return found

    # Asking.

    async def rule_of(self, kind: Kind, country: str) -> AdmissionRule | None:
        """The rule in force for an applicant; None when only a vote admits."""
        address = await self._find(ADMISSIONS)
        if address is None:
            return None
        rule = await self._ask(Admissions(address).rule_of(kind.value, country.encode("ascii")))
        return _rule(kind, country, rule) if rule.defined else None

    async def identifier_of(self, organisation: int) -> tuple[bytes, str]:
        """The scheme's word and the value of an organisation's identifier, which never change."""
        members = await self._read()
        found = await self._ask(members.identifier_of(organisation))
        return found.scheme, found.value

    async def standing_at_block(self, organisation: int, height: int) -> Standing:
        """What an organisation was at the end of a block."""
        members = await self._read()
        return await self._ask(members.standing_at_block(organisation, height))

    async def organisation_by_identifier(self, identifier: Identifier) -> int | None:
        """The organisation that has this very identifier."""
        members = await self._members()
        return await self._ask(members.organisation_by_identifier(identifier_hash(identifier))) or None

    async def acting(self, account: Address, scope: Scope) -> int | None:
        """For which organisation an account may act now."""
        members = await self._members()
        return await self._ask(members.acting(account, scope.value)) or None

    async def scopes_in_force(self, account: Address) -> Scope:
        """What an account may do now, offices too; nothing while its organisation is not active."""
        members = await self._members()
        if not await self._ask(members.acting(account, 0)):
            return Scope(0)
        return Scope(await self._ask(members.scopes_of(account)))

    async def member_of(self, account: Address, height: int) -> int | None:
        """For whom an account was acting at the end of a block."""
        members = await self._read()
        return await self._ask(members.member_of(account, height)) or None

    async def operation(self, organisation: int, tier: int) -> Operation:
        """What an organisation of that tier operates of the network, now. Raises `NoRegister` where none is kept."""
        found = await self._find(NETWORK)
        if found is None:
            raise NoRegister
        network, height = Network(found), Height(await self.head())
        with _translated():
            # At most 256 nodes and eight keys of one member (LAW 5.5), all in the state after one block.
            accepted, count, limits, keys, most = await asyncio.gather(
                self._accepted(network, height),
                ask(self._ledger, network.node_count_of(organisation), height),
                ask(self._ledger, network.node_limits(tier), height),
                ask(self._ledger, network.keys_of(organisation), height),
                ask(self._ledger, network.limit_of(organisation), height),
            )
            seats = await asyncio.gather(*(ask(self._ledger, network.seat_of(key), height) for key in keys))
        nodes = tuple(Node(one.execution_key, one.consensus_id) for one in accepted if one.organisation == organisation)
        validators = tuple(ValidatorSeat(key, seat.power, seat.target) for key, seat in zip(keys, seats, strict=True))
        return Operation(nodes, count, limits, validators, most, height)

    async def _accepted(self, network: Network, height: Height) -> tuple[AcceptedNode, ...]:
        """The nodes of everybody after a block: the long answer, asked once for whoever reads that block's."""
        async with self._reading_nodes:
            if self._nodes_of[0] != height:
                self._nodes_of = (height, await ask(self._ledger, network.nodes(), height))
            return self._nodes_of[1]

    # Presenting and admitting.

    async def consent(self, identifier: Identifier, account: Signer) -> bytes:
        """The account's signature that it will belong to an organisation: r, s, v in 65 bytes (EIP-712)."""
        return (await self.consent_to_sign(identifier, account.address)).sign(account)

    async def consent_to_sign(self, identifier: Identifier, account: Address) -> Consent:
        """What an account signs to belong to an organisation, now."""
        members = await self._members()
        nonce = await self._ask(members.consents_of(account))
        return Consent(self._chain_id, members.address, identifier_hash(identifier), account, nonce)

    async def present(self, form: ApplicationForm, admin: Signer, label: str, signer: Signer) -> int:
        """Enter an applicant with its first account; its number. Safe to repeat: what is there already is found."""
        known = await self.organisation_by_identifier(form.identifier)
        if known is not None:
            return known
        members = await self._members()
        application = (
            scheme_word(form.identifier.scheme),
            form.identifier.value,
            form.legal_name,
            form.kind.value,
            form.country.encode("ascii"),
            "",
        )
        consent = await self.consent(form.identifier, admin)
        call = members.apply(application, admin.address, label_word(label), consent)
        await self._instruct(call, signer)
        entered = await self.organisation_by_identifier(form.identifier)
        assert entered is not None  # the transaction succeeded
        return entered

    async def present_again(self, organisation: int, signer: Signer) -> None:
        """Have an organisation that departed or was excluded apply once more."""
        members = await self._members()
        await self._instruct(members.apply_again(organisation), signer)

    async def admit_by_rule(self, organisation: int, evidence: int, evidence_hash: bytes, signer: Signer) -> None:
        """Admit an applicant by the rule in force."""
        admissions = await self._admissions()
        await self._instruct(admissions.admit_by_rule(organisation, evidence, evidence_hash), signer)

    def admission_call(self, address: Address, organisation: int, tier: int, college: int) -> Call[None]:
        """What a proposal to admit an applicant calls once it has passed."""
        return Members(address).admit(organisation, tier, college)

    async def members_address(self) -> Address:
        """Where the register is."""
        return (await self._members()).address

    async def suspend(self, organisation: int, case: bytes, signer: Signer) -> None:
        """Ask, as an officer, for a suspension of seven days; it begins when one of another member asks too."""
        admissions = await self._admissions()
        await self._instruct(admissions.suspend(organisation, case), signer)

    async def officer_of(self, case: bytes) -> Address | None:
        """Who opened the case of a suspension, or asked in it last; None for an unknown one."""
        admissions = await self._admissions()
        officer = (await self._ask(admissions.request_of(case))).officer
        return officer if any(officer) else None

    async def rename(self, organisation: int, legal_name: str, signer: Signer) -> None:
        """Enter a new legal name, as an admission officer of another organisation."""
        members = await self._members()
        await self._instruct(members.rename(organisation, legal_name), signer)

    # What an organisation does for itself.

    async def leave(self, signer: Signer) -> None:
        """Leave the consortium."""
        await self._instruct((await self._members()).leave(), signer)

    async def add_account(
        self, identifier: Identifier, account: Signer, scopes: Scope, label: str, signer: Signer
    ) -> None:
        """Let an account whose key is here act for the signer's organisation."""
        consent = await self.consent(identifier, account)
        await self.add_consenting(account.address, scopes, label, consent, signer)

    async def add_consenting(
        self, account: Address, scopes: Scope, label: str, consent: bytes, signer: Signer
    ) -> None:  # fmt: skip
        """Let an account that has signed its consent act for the signer's organisation."""
        call = (await self._members()).add_account(account, scopes.value, label_word(label), consent)
        await self._instruct(call, signer)

    async def set_scopes(self, account: Address, scopes: Scope, label: str, signer: Signer) -> None:
        """Change what an account may do."""
        await self._instruct((await self._members()).set_scopes(account, scopes.value, label_word(label)), signer)

    async def remove_account(self, account: Address, signer: Signer) -> None:
        """Let an account act no more."""
        await self._instruct((await self._members()).remove_account(account), signer)

    async def set_did(self, did: str, signer: Signer) -> None:
        """Say which decentralised identifier is the organisation's."""
        await self._instruct((await self._members()).set_did(did), signer)

    async def set_credit_account(self, account: Address, signer: Signer) -> None:
        """Choose the account credits are paid to."""
        await self._instruct((await self._members()).set_credit_account(account), signer)

    # Signed invitations.

    async def invitation(self, identifier: Identifier, legal_name: str, nonce: int, expires: int) -> Invitation:
        """What a member's admin signs to invite an organisation, here and now."""
        address = await self.members_address()
        return Invitation(self._chain_id, address, identifier_hash(identifier), legal_name, nonce, expires)


def _decoded(event: Event) -> Any:
    """The event as its class; `UnreadableEvent` when it holds text that is none, which any member can write."""
    try:
        return decode_members(event) or decode_admissions(event)
    except NotDecodable:
        organisation = int.from_bytes(event.topics[1], "big") if len(event.topics) > 1 else 0
        return UnreadableEvent(organisation)


def _rule(kind: Kind, country: str | None, rule: Any) -> AdmissionRule:
    return AdmissionRule(kind, country, Scope(rule.offices), Evidence(rule.evidence), rule.tier, rule.college)


def label_word(label: str) -> bytes:
    """A label as the chain keeps it: ASCII, then zeros."""
    return label.encode("ascii").ljust(32, b"\0")


def label_text(word: bytes) -> str:
    """A label as people read it: text when it is some, else its bytes in hexadecimal."""
    text = word.rstrip(b"\0")
    if text.isascii() and text.decode("ascii").isprintable():
        return text.decode("ascii")
    return "0x" + word.hex()
