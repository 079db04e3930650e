# SPDX-License-Identifier: Apache-2.0
"""A small town joins: from its application to the chain, by the rule or by a vote, and what it then does for itself."""

from __future__ import annotations

import pytest

from alliance import (
    BANK,
    OFFICE,
    OFFICE_SIREN,
    OTHER_OFFICE,
    OTHER_SIREN,
    STEWARD,
    Alliance,
    Invitations,
    a_form,
    fields,
)
from maillon.kit.clock import FixedClock
from maillon.ledger.abi import ask
from maillon.ledger.signing import Account
from maillon.services.members import errors
from maillon.services.members.model import ApplicationState, Evidence, Kind, Scheme, Scope, Status
from maillon.services.members.service import MembersService
from maillon.services.members.vouchers import Voucher

BANK_NUMBER = 2
TIP = 10**18


async def fund(alliance: Alliance, service: MembersService, number: int) -> bytes:
    """Credits for the account made for a member, as a period's grant would bring; its address."""
    from maillon.ledger.signing import DynamicFeeTransaction

    address = next(iter(await service.kept_accounts(number)))
    chain = alliance.chain
    nonce = chain.pending_nonce(STEWARD.address)
    transfer = DynamicFeeTransaction(7_700_000_042, nonce, 10**9, 10**11, 50_000, address, TIP, b"").sign(STEWARD)
    await alliance.ledger.wait(chain.admit(transfer.raw))
    return address


async def test_a_town_is_admitted_by_the_rule_acts_and_leaves(
    alliance: Alliance, service: MembersService, invitations: Invitations
) -> None:
    await alliance.rule(Kind.ADMINISTRATION, Evidence.REGISTER | Evidence.MANDATE)
    file, code = await service.apply(fields(legal_name="Banque Cormorán"))
    await service.catch_up()
    # The office sees whom it resembles, and what the rule asks for.
    review = await service.review(file.application.id)
    assert [one.organisation for one in review.similar] == [BANK_NUMBER]
    assert review.missing == ("register", "mandate")
    # With half the evidence it stands on the chain, and nobody is admitted.
    file = await service.accept(file.application.id, Evidence.REGISTER, "person:1")
    assert file.application.state is ApplicationState.PRESENTED
    number = file.application.organisation
    assert number is not None
    assert (await service.organisation(number)).organisation.status is Status.APPLIED
    with pytest.raises(errors.WrongState):
        await service.refuse(file.application.id, "the chain decides now", "person:1")
    with pytest.raises(errors.WrongState):
        await service.erase(code)
    # With the rest, the rule admits.
    file = await service.accept(file.application.id, Evidence.MANDATE, "person:1")
    assert file.application.state is ApplicationState.ADMITTED
    page = await service.organisation(number)
    assert page.organisation.status is Status.ACTIVE
    assert (page.organisation.tier, page.organisation.college) == (1, 2)
    assert invitations.sent == [
        (str(number), "camille.aubin@ambrun.example", frozenset({"administrator", "delegate"}), "fr")
    ]
    assert (await service.carry(file.application.id)).application.state is ApplicationState.ADMITTED
    assert len(invitations.sent) == 1
    # It acts with the key that is kept for it.
    first = await fund(alliance, service, number)
    with pytest.raises(errors.InvalidLabel):
        await service.add_account(number, Scope.VOTE, "Camille Aubin", "person:2")
    page = await service.add_account(number, Scope.VOTE, "secretariat-1", "person:2")
    second = next(one for one in page.accounts if one.label == "secretariat-1")
    assert await ask(alliance.ledger, alliance.members.scopes_of(second.address)) == Scope.VOTE
    page = await service.set_scopes(number, second.address, Scope.PUBLISH, "logiciel", "person:2")
    assert next(one for one in page.accounts if one.address == second.address).scopes == Scope.PUBLISH
    page = await service.set_did(number, "did:ebsi:zAmbrun", "person:2")
    assert page.organisation.did == "did:ebsi:zAmbrun"
    assert (await service.roll(number - 1, 1))[0].credit_account == first
    await service.set_credit_account(number, second.address, "person:2")
    assert (await service.roll(number - 1, 1))[0].credit_account == second.address
    with pytest.raises(errors.RefusedByLedger, match="members: "):
        await service.set_credit_account(number, bytes(19) + b"\1", "person:2")
    await service.remove_account(number, second.address, "person:2")
    assert await service.kept_accounts(number) == {first}
    with pytest.raises(errors.RefusedByLedger, match="last admin"):
        await service.remove_account(number, first, "person:2")
    page = await service.leave(number, "person:2")
    assert page.organisation.status is Status.DEPARTED


async def test_without_a_rule_a_vote_admits_and_the_applicant_is_told(
    alliance: Alliance, service: MembersService, invitations: Invitations
) -> None:
    file, _ = await service.apply(fields())
    file = await service.accept(file.application.id, Evidence.REGISTER, "person:1")
    assert file.application.state is ApplicationState.PRESENTED
    assert (await service.review(file.application.id)).missing == ("vote",)
    target, data = await service.admission_proposal(file.application.id, 1, 0)
    # What Governance would execute once the vote has passed; before the first vote the steward holds the seat.
    await alliance.ledger.wait(await alliance.ledger.send(target, data, STEWARD))
    file = await service.carry(file.application.id)
    assert file.application.state is ApplicationState.ADMITTED
    assert len(invitations.sent) == 1


async def test_a_crash_between_chain_and_database_is_finished_by_the_next_attempt(
    alliance: Alliance, service: MembersService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await alliance.rule(Kind.ADMINISTRATION, Evidence.REGISTER)
    file, _ = await service.apply(fields())

    class Crash(Exception):
        pass

    kept = service._write
    calls = 0

    async def crash(deed: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:  # the application is accepted, the chain has the applicant, and we do not know it yet
            raise Crash
        return await kept(deed)  # type: ignore[arg-type]

    monkeypatch.setattr(service, "_write", crash)
    with pytest.raises(Crash):
        await service.accept(file.application.id, Evidence.REGISTER, "person:1")
    monkeypatch.undo()
    assert (await service.review(file.application.id)).file.application.state is ApplicationState.ACCEPTED
    assert await alliance.contract.organisation_by_identifier(a_form().identifier) is not None
    assert (await service.carry(file.application.id)).application.state is ApplicationState.ADMITTED


async def test_a_signed_invitation_admits_once_and_is_a_members(
    alliance: Alliance, service: MembersService, clock: FixedClock
) -> None:
    """Used, expired, of a stranger and of who is suspended: each is refused, and leaves no application."""
    form = a_form()
    expires = int(clock.now().timestamp()) + 3_600

    async def word(signer: Account, nonce: int) -> str:
        asked = await alliance.contract.invitation(form.identifier, form.legal_name, nonce, expires)
        return Voucher.sign(form.identifier, form.legal_name, nonce, expires, asked.digest, signer).text

    async def refused(text: str, reason: str) -> None:
        with pytest.raises(errors.InvalidVoucher, match=reason):
            await service.apply(fields(), text)
        assert await service.queue([ApplicationState.SUBMITTED]) == []

    by_bank = await word(BANK, 7)
    await refused(await word(OTHER_OFFICE, 8), "administrator of an active member")
    file, code = await service.apply(fields(), by_bank)
    assert file.application.invited_by == BANK_NUMBER
    assert file.application.evidence & Evidence.INVITATION
    await service.withdraw(code)
    await refused(by_bank, "used before")
    await refused("".join(by_bank.split())[:-8], "read|long|form")
    second = await word(BANK, 9)
    await alliance.do(alliance.members.suspend(BANK_NUMBER), STEWARD)
    await refused(second, "administrator of an active member")
    await alliance.do(alliance.members.reinstate(BANK_NUMBER), STEWARD)
    clock.advance(3_601)
    await refused(second, "expired")


async def test_an_instance_without_office_admits_nobody(alliance: Alliance, service: MembersService) -> None:
    file, _ = await service.apply(fields())
    service._office = Account(bytes([77]) * 32)
    with pytest.raises(errors.NoOffice):
        await service.accept(file.application.id, Evidence.REGISTER, "person:1")
    with pytest.raises(errors.NoOffice):
        await service.suspend(BANK_NUMBER, "reason", "person:1")
    with pytest.raises(errors.NoOffice):
        await service.rename(BANK_NUMBER, "Autre nom", "person:1")


async def test_an_organisation_s_key_that_is_elsewhere_does_nothing_here(service: MembersService) -> None:
    await service.catch_up()
    with pytest.raises(errors.KeyNotKept):
        await service.leave(BANK_NUMBER, "person:1")


async def test_a_suspension_has_a_reason_and_an_answer(alliance: Alliance, service: MembersService) -> None:
    form = a_form(Scheme.SIREN, OTHER_SIREN, "Autre bureau", Kind.ASSOCIATION)
    await alliance.enter(form, OTHER_OFFICE, scopes=Scope.OFFICER)
    with pytest.raises(errors.TextMissing):
        await service.suspend(BANK_NUMBER, " ", "person:1")
    page, case = await service.suspend(BANK_NUMBER, "Clé compromise", "person:1")
    assert page.organisation.suspended_until is None
    service._office = OTHER_OFFICE
    page = await service.second_suspension(BANK_NUMBER, case, "person:2")
    assert page.organisation.suspended_until is not None
    assert [entry.event for entry in page.history[:2]] == ["SuspendedUntil", "SuspendedByOfficers"]
    with pytest.raises(errors.UnknownCase):
        await service.appeal_suspension(1, case, "Pas nous", "person:3")
    await service.appeal_suspension(BANK_NUMBER, case, "Elle est remplacée", "person:3")
    kept = (await service.cases(BANK_NUMBER))[0]
    assert (kept.reason, kept.appeal) == ("Clé compromise", "Elle est remplacée")
    import hashlib

    assert hashlib.sha256(kept.salt + kept.reason.encode()).digest() == case


async def test_a_colleague_is_no_second_officer(alliance: Alliance, service: MembersService) -> None:
    office = a_form(Scheme.SIREN, OFFICE_SIREN, "Bureau de l'alliance", Kind.ASSOCIATION).identifier
    await alliance.contract.add_account(office, OTHER_OFFICE, Scope.VOTE, "suppleance", OFFICE)
    await alliance.do(alliance.members.appoint(OTHER_OFFICE.address, int(Scope.OFFICER)), STEWARD)
    _, case = await service.suspend(BANK_NUMBER, "Clé compromise", "person:1")
    assert not await service.is_asked_by_colleague(case), "oneself is no colleague"
    assert not await service.is_asked_by_colleague(bytes(32)), "nobody asked"
    service._office = OTHER_OFFICE
    assert await service.is_asked_by_colleague(case)
    with pytest.raises(errors.SameMember):
        await service.second_suspension(BANK_NUMBER, case, "person:2")
    page = await service.organisation(BANK_NUMBER)
    assert page.organisation.suspended_until is None
    await alliance.do(alliance.members.appoint(OFFICE.address, int(Scope.ADMISSION_OFFICER)), STEWARD)
    assert not await service.is_asked_by_colleague(case), "whoever asked holds no office any more"


async def test_text_that_is_none_on_the_chain_stops_nobody(alliance: Alliance, service: MembersService) -> None:
    from alliance import BANK
    from maillon.ledger.abi import Call, nothing

    good = alliance.members.set_did("did:ebsi:zz")
    broken = Call(good.to, good.data.replace(b"did:ebsi:zz", b"\xff\xfed:ebsi:zz"), nothing)
    await alliance.do(broken, BANK)
    hidden = alliance.members.set_did("did:x:\u202etxt")
    await alliance.do(hidden, BANK)
    await service.catch_up()
    page = await service.organisation(BANK_NUMBER)
    assert page.organisation.did == "did:x:\ufffdtxt"
    assert [entry.event for entry in page.history[:2]] == ["DidChanged", "UnreadableEvent"]
