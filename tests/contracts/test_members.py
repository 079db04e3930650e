# SPDX-License-Identifier: Apache-2.0
"""Members: LAW 2. Who belongs, by exactly the edges of the law; who acts, and who acted then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from contract_evm import NOBODY, OWNER, PUBLISHER, STEWARD, STRANGER, Evm, account, consent, crowd, member, refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maillon.ledger.abi import Call, artifact
from maillon.ledger.contracts import members as declared
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.members import (
    AccountAdded,
    AccountRemoved,
    AdminAccepted,
    AdminOffered,
    Classified,
    CreditAccountChanged,
    DidChanged,
    LegalNameChanged,
    Members,
    OrganisationApplied,
    RolesChanged,
    ScopesChanged,
    Standing,
    StatusChanged,
    decode_event,
)
from maillon.ledger.genesis import ADMISSIONS, DIRECTORY, MEMBERS, SYSTEM, name_word
from maillon.ledger.port import Address
from maillon.ledger.signing import Account

members = Members(MEMBERS)
LABEL = b"\x0a" * 32
KEY, OTHER = Account(b"\x11" * 32), Account(b"\x12" * 32)
APPLIED, ACTIVE, SUSPENDED, DEPARTED, REFUSED, EXCLUDED = range(1, 7)
ADMIN, VOTE, OPERATE, PUBLISH, OFFICER = 1, 2, 4, 8, 16


@pytest.fixture
def evm() -> Evm:
    return Evm()


def application(identifier: str = "130025265", kind: int = 3, **changes: Any) -> tuple[Any, ...]:
    fields = {
        "scheme": b"siren".ljust(32, b"\0"),
        "identifier": identifier,
        "legal_name": "Commune de Trélazé",
        "kind": kind,
        "country": b"FR",
        "did": "",
    } | changes
    return tuple(fields.values())


def applied(evm: Evm, identifier: str = "130025265", key: Account = KEY, caller: Address = OWNER) -> int:
    signature = consent(evm, key, identifier=identifier)
    call = members.apply(application(identifier), key.address, LABEL, signature)
    return int(evm.send(call, caller).answer)


def admitted(evm: Evm, identifier: str = "130025265", key: Account = KEY) -> int:
    organisation = applied(evm, identifier, key)
    evm.send(members.admit(organisation, 0, 0), STEWARD)
    return organisation


def events(evm: Evm, call: Call[Any], sender: Address) -> list[Any]:
    return [decode_event(event) for event in evm.send(call, sender).events]


def status(evm: Evm, organisation: int) -> int:
    return int(evm.ask(members.standing(organisation)).status)


# 2, organisation: identifier, name, kind, country.


def test_founders_are_members_from_block_zero(evm: Evm) -> None:
    assert evm.ask(members.organisation_count()) == 6
    assert evm.ask(members.standing(1)) == Standing(ACTIVE, 0, 0, 0, b"FR", 0)
    assert evm.ask(members.identifier_of(1)).value == "552032531"
    assert evm.ask(members.legal_name_of(1)) == "Fondatrice n° 1"
    assert {entry.account for entry in evm.ask(members.delegates_of(1))} == {OWNER, PUBLISHER}
    assert evm.ask(members.credit_account_of(1)) == OWNER
    assert evm.ask(members.interface_id()) == name_word("Members")
    assert evm.ask(members.directory()) == DIRECTORY


def test_founding_ends_with_block_zero(evm: Evm) -> None:
    for caller in (STEWARD, OWNER):
        with refused("members: founding is over"):
            evm.send(members.found(application(), 0, 0), caller)
        with refused("members: founding is over"):
            evm.send(members.found_account(1, STRANGER, 15, LABEL), caller)


def test_an_applicant_is_presented(evm: Evm) -> None:
    signature = consent(evm, KEY, identifier="130025265")
    seen = events(evm, members.apply(application(did="did:web:a.example"), KEY.address, LABEL, signature), OWNER)
    key = evm.ask(members.identifier_hash(b"siren".ljust(32, b"\0"), "130025265"))
    assert seen == [
        LegalNameChanged(7, 1, "Commune de Trélazé"),
        DidChanged(7, "did:web:a.example"),
        OrganisationApplied(7, key, OWNER),
        AccountAdded(7, KEY.address, ADMIN, LABEL),
        CreditAccountChanged(7, KEY.address),
    ]
    assert status(evm, 7) == APPLIED
    assert evm.ask(members.credit_account_of(7)) == KEY.address, "who has no credits can choose no account for them"
    assert evm.ask(members.organisation_by_identifier(key)) == 7
    assert evm.ask(members.organisation_of(KEY.address)) == 7
    assert evm.ask(members.acting(KEY.address, 0)) == 0, "an applicant is no member"
    assert evm.ask(members.did_of(7)) == "did:web:a.example"
    assert evm.ask(members.label_of(KEY.address)) == LABEL


def test_an_identifier_is_taken_for_ever(evm: Evm) -> None:
    organisation = applied(evm)
    evm.send(members.refuse(organisation), STEWARD)
    signature = consent(evm, OTHER, identifier="130025265")
    with refused("members: identifier is taken"):
        evm.send(members.apply(application(), OTHER.address, LABEL, signature), OWNER)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"identifier": ""}, "members: identifier is empty"),
        ({"identifier": "13002526a"}, "members: identifier is not in normal form"),
        ({"identifier": "130 025 265"}, "members: identifier is not in normal form"),
        ({"identifier": "-130025265"}, "members: identifier is not in normal form"),
        ({"identifier": "ΑΒΓ"}, "members: identifier is not in normal form"),
        ({"identifier": "13\u202e02"}, "members: identifier is not in normal form"),
        ({"scheme": bytes(32)}, "members: scheme is empty"),
        ({"scheme": b"SIREN".ljust(32, b"\0")}, "members: scheme is not in normal form"),
        ({"scheme": b"si\0ren".ljust(32, b"\0")}, "members: scheme is not in normal form"),
        ({"scheme": b"siren ".ljust(32, b"\0")}, "members: scheme is not in normal form"),
        ({"legal_name": ""}, "members: legal name is empty"),
        ({"kind": 6}, "members: unknown kind"),
        ({"country": b"fr"}, "members: country is not two capital letters"),
        ({"country": b"F\0"}, "members: country is not two capital letters"),
    ],
)
def test_what_is_no_application_is_refused(evm: Evm, changes: dict[str, Any], reason: str) -> None:
    with refused(reason):
        evm.send(members.apply(application(**changes), KEY.address, LABEL, bytes(65)), OWNER)


def test_identifiers_are_told_apart_by_their_scheme(evm: Evm) -> None:
    first = evm.ask(members.identifier_hash(b"siren".ljust(32, b"\0"), "A1"))
    assert first != evm.ask(members.identifier_hash(b"lei".ljust(32, b"\0"), "A1"))
    assert first != evm.ask(members.identifier_hash(b"siren".ljust(32, b"\0"), "A2"))


def test_only_those_who_may_present_an_applicant(evm: Evm) -> None:
    for caller in (STRANGER, PUBLISHER, KEY.address, NOBODY):
        with refused("members: caller may not present"):
            evm.send(
                members.apply(application(), KEY.address, LABEL, consent(evm, KEY, identifier="130025265")), caller
            )
    assert applied(evm, "A1", KEY, STEWARD) == 7
    assert applied(evm, "A2", OTHER, member(5)) == 8


def test_the_legal_name_has_a_history(evm: Evm) -> None:
    evm.next_block()
    assert events(evm, members.rename(1, "Nouvelle raison"), member(5)) == [LegalNameChanged(1, 2, "Nouvelle raison")]
    evm.send(members.rename(1, "Encore"), STEWARD)
    assert evm.ask(members.legal_name_of(1)) == "Encore"
    assert evm.ask(members.legal_name_count(1)) == 3
    first, second = evm.ask(members.legal_name_at(1, 1)), evm.ask(members.legal_name_at(1, 2))
    assert (first.name, first.since, second.name, second.since) == ("Fondatrice n° 1", 0, "Nouvelle raison", evm.block)
    for version in (0, 4):
        with refused("members: unknown version"):
            evm.ask(members.legal_name_at(1, version))


def test_nobody_names_themselves(evm: Evm) -> None:
    for caller, organisation in ((OWNER, 1), (member(5), 5), (STRANGER, 1)):
        with refused("members: caller is not governance"):
            evm.send(members.rename(organisation, "Banque de France"), caller)
    with refused("members: unknown organisation"):
        evm.send(members.rename(7, "Personne"), STEWARD)
    with refused("members: legal name is empty"):
        evm.send(members.rename(1, ""), STEWARD)


def test_classes_roles_and_did(evm: Evm) -> None:
    assert events(evm, members.classify(1, 2, 3, 4, b"BE"), STEWARD) == [Classified(1, 2, 3, 4, b"BE")]
    assert evm.ask(members.standing(1)) == Standing(ACTIVE, 2, 3, 4, b"BE", 0)
    census = evm.ask(members.census())
    assert (census[0][0], census[4][3], sum(map(sum, census))) == (5, 1, 6)
    assert events(evm, members.set_roles(1, 5), STEWARD) == [RolesChanged(1, 5)]
    assert evm.ask(members.roles_of(1)) == 5
    assert events(evm, members.set_did("did:web:b.example"), OWNER) == [DidChanged(1, "did:web:b.example")]
    for call in (members.classify(1, 0, 0, 0, b"FR"), members.set_roles(1, 0), members.appoint(OWNER, 16)):
        with refused("members: caller is not governance"):
            evm.send(call, OWNER)
    with refused("members: unknown organisation"):
        evm.send(members.classify(7, 0, 0, 0, b"FR"), STEWARD)
    with refused("members: unknown organisation"):
        evm.send(members.set_roles(7, 0), STEWARD)
    with refused("members: unknown tier"):
        evm.send(members.classify(1, 0, 8, 0, b"FR"), STEWARD)
    with refused("members: unknown college"):
        evm.send(members.classify(1, 0, 0, 8, b"FR"), STEWARD)
    with refused("members: caller is not an admin of an active member"):
        evm.send(members.set_did(""), STRANGER)


# 2, status: exactly these edges.

EDGES = {
    (APPLIED, "admit"): ACTIVE,
    (APPLIED, "refuse"): REFUSED,
    (ACTIVE, "suspend"): SUSPENDED,
    (ACTIVE, "leave"): DEPARTED,
    (ACTIVE, "exclude"): EXCLUDED,
    (SUSPENDED, "reinstate"): ACTIVE,
    (SUSPENDED, "exclude"): EXCLUDED,
    (DEPARTED, "apply_again"): APPLIED,
    (EXCLUDED, "apply_again"): APPLIED,
}
PATHS = {
    APPLIED: (),
    ACTIVE: ("admit",),
    SUSPENDED: ("admit", "suspend"),
    DEPARTED: ("admit", "leave"),
    REFUSED: ("refuse",),
    EXCLUDED: ("admit", "exclude"),
}


def step(organisation: int, verb: str) -> tuple[Call[Any], Address]:
    calls: dict[str, tuple[Call[Any], Address]] = {
        "admit": (members.admit(organisation, 1, 2), STEWARD),
        "refuse": (members.refuse(organisation), STEWARD),
        "suspend": (members.suspend(organisation), STEWARD),
        "reinstate": (members.reinstate(organisation), STEWARD),
        "exclude": (members.exclude(organisation), STEWARD),
        "leave": (members.leave(), KEY.address),
        "apply_again": (members.apply_again(organisation), KEY.address),
    }
    return calls[verb]


@pytest.mark.parametrize("verb", ["admit", "refuse", "suspend", "reinstate", "exclude", "leave", "apply_again"])
@pytest.mark.parametrize("before", PATHS)
def test_exactly_the_edges_of_the_law(evm: Evm, before: int, verb: str) -> None:
    organisation = applied(evm)
    for each in PATHS[before]:
        evm.send(*step(organisation, each))
    assert status(evm, organisation) == before
    call, caller = step(organisation, verb)
    after = EDGES.get((before, verb))
    if after is None:
        with pytest.raises(Exception, match=r"^members: "):
            evm.send(call, caller)
        assert status(evm, organisation) == before
    else:
        assert StatusChanged(organisation, before, after) in events(evm, call, caller)
        assert status(evm, organisation) == after
    assert evm.ask(members.is_active(organisation)) == ((after or before) == ACTIVE)


def test_only_the_seat_decides(evm: Evm) -> None:
    organisation = applied(evm)
    for verb in ("admit", "refuse", "suspend", "reinstate", "exclude"):
        for caller in (STRANGER, OWNER, member(5)):
            with refused("members: caller is not governance"):
                evm.send(step(organisation, verb)[0], caller)
    with refused("members: caller is not admissions"):
        evm.send(members.suspend_until(1, evm.time + 5), STEWARD)


def test_who_comes_back_keeps_the_history(evm: Evm) -> None:
    organisation = admitted(evm)
    evm.next_block()
    left = evm.block
    evm.send(members.leave(), KEY.address)
    evm.next_block()
    evm.send(members.apply_again(organisation), KEY.address)
    evm.send(members.admit(organisation, 3, 1), STEWARD)
    assert evm.ask(members.organisation_count()) == 7
    assert evm.ask(members.standing_at_block(organisation, left)).status == DEPARTED
    assert evm.ask(members.standing_at_block(organisation, left - 1)).status == ACTIVE
    assert evm.ask(members.standing(organisation)) == Standing(ACTIVE, 3, 3, 1, b"FR", 0)
    assert evm.ask(members.acting(KEY.address, ADMIN)) == organisation


def test_the_last_member_stays(evm: Evm) -> None:
    for number in range(2, 7):
        evm.send(members.leave(), member(number))
    assert evm.ask(members.active_count()) == 1
    with refused("members: nobody would remain"):
        evm.send(members.leave(), OWNER)
    for call in (members.suspend(1), members.exclude(1)):
        with refused("members: nobody would remain"):
            evm.send(call, STEWARD)


def test_an_edge_there_is_not_is_refused_for_its_reason(evm: Evm) -> None:
    with refused("members: neither departed nor excluded"):
        evm.send(members.apply_again(1), OWNER)
    evm.send(members.suspend(2), STEWARD)
    with refused("members: not active"):
        evm.send(members.suspend(2), STEWARD)
    with refused("members: not active"):
        evm.send(members.suspend_until(2, evm.time + 5), ADMISSIONS)
    evm.send(members.exclude(2), STEWARD)
    with refused("members: neither active nor suspended"):
        evm.send(members.exclude(2), STEWARD)


def test_officers_suspend_eight_at_once_at_most(evm: Evm) -> None:
    crowd(evm, 20)
    for number in range(7, 15):
        evm.send(members.suspend_until(number, evm.time + 100), ADMISSIONS)
    with refused("members: too many suspended by officers"):
        evm.send(members.suspend_until(15, evm.time + 100), ADMISSIONS)
    evm.next_block(100)
    evm.send(members.suspend_until(15, evm.time + 100), ADMISSIONS)
    assert evm.ask(members.active_count()) == 19


# 2.1: an account belongs to at most one organisation at a time.


def test_an_account_belongs_to_one_organisation(evm: Evm) -> None:
    added = events(evm, members.add_account(KEY.address, VOTE, LABEL, consent(evm, KEY, 1)), OWNER)
    assert added == [AccountAdded(1, KEY.address, VOTE, LABEL)]
    with refused("members: account belongs to an organisation"):
        evm.send(members.add_account(KEY.address, VOTE, LABEL, consent(evm, KEY, 2)), member(2))
    with refused("members: account belongs to an organisation"):
        evm.send(members.add_account(KEY.address, VOTE, LABEL, consent(evm, KEY, 1)), OWNER)
    assert events(evm, members.resign(), KEY.address) == [AccountRemoved(1, KEY.address)]
    evm.send(members.add_account(KEY.address, VOTE, LABEL, consent(evm, KEY, 2)), member(2))
    assert evm.ask(members.organisation_of(KEY.address)) == 2


def test_nobody_is_made_to_belong(evm: Evm) -> None:
    signature = consent(evm, KEY, 1)
    other = consent(evm, KEY, 2)
    forged = consent(evm, OTHER, 1)
    for wrong in (other, forged, b"", bytes(65), signature[:64], signature + b"\0", bytes(256)):
        with refused("members: account does not consent"):
            evm.send(members.add_account(KEY.address, VOTE, LABEL, wrong), OWNER)
    with refused("members: account does not consent"):
        evm.send(members.add_account(NOBODY, VOTE, LABEL, bytes(65)), OWNER)


def test_a_consent_is_used_once(evm: Evm) -> None:
    signature = consent(evm, KEY, 1)
    evm.send(members.add_account(KEY.address, VOTE, LABEL, signature), OWNER)
    assert evm.ask(members.consents_of(KEY.address)) == 1
    evm.send(members.remove_account(KEY.address), OWNER)
    with refused("members: account does not consent"):
        evm.send(members.add_account(KEY.address, VOTE, LABEL, signature), OWNER)


def test_a_consent_is_what_wallets_sign(evm: Evm) -> None:
    """EIP-712, by another implementation."""
    from eth_account.messages import _hash_eip191_message, encode_typed_data

    held = evm.ask(members.identifier_of(1))
    key = evm.ask(members.identifier_hash(held.scheme, held.value))
    domain = {"name": "Maillon Members", "version": "1", "chainId": evm.context.chain_id, "verifyingContract": MEMBERS}
    names = ("organisation:bytes32", "account:address", "nonce:uint256")
    types = {"Consent": [dict(zip(("name", "type"), name.split(":"), strict=True)) for name in names]}
    signable = encode_typed_data(domain, types, {"organisation": key, "account": KEY.address, "nonce": 0})
    assert evm.ask(members.consent_digest(key, KEY.address)) == bytes(_hash_eip191_message(signable))


def test_accounts_are_bounded(evm: Evm) -> None:
    for number in range(1, 63):
        key = Account(bytes([77]) * 31 + bytes([number]))
        evm.send(members.add_account(key.address, 0, LABEL, consent(evm, key, 1)), OWNER)
    assert evm.ask(members.account_count(1)) == 64
    with refused("members: too many accounts"):
        evm.send(members.add_account(KEY.address, 0, LABEL, consent(evm, KEY, 1)), OWNER)
    assert len(evm.ask(members.delegates_of(1))) == 64


# 2.2: the right scope; the last admin.


def test_a_scope_is_what_it_says(evm: Evm) -> None:
    evm.send(members.add_account(KEY.address, VOTE | PUBLISH, LABEL, consent(evm, KEY, 1)), OWNER)
    for scope, expected in ((0, 1), (VOTE, 1), (PUBLISH, 1), (VOTE | PUBLISH, 1), (ADMIN, 0), (OPERATE, 0), (7, 0)):
        assert evm.ask(members.acting(KEY.address, scope)) == expected
    changed = events(evm, members.set_scopes(KEY.address, OPERATE, LABEL), OWNER)
    assert changed == [ScopesChanged(1, KEY.address, OPERATE, LABEL)]
    assert evm.ask(members.scopes_of(KEY.address)) == OPERATE
    assert evm.ask(members.acting(STRANGER, 0)) == 0


def test_only_an_admin_acts_on_accounts(evm: Evm) -> None:
    calls = (
        members.add_account(KEY.address, VOTE, LABEL, b""),
        members.set_scopes(PUBLISHER, 15, LABEL),
        members.remove_account(PUBLISHER),
        members.set_credit_account(PUBLISHER),
        members.offer_admin(STRANGER),
        members.leave(),
    )
    for call in calls:
        for caller in (PUBLISHER, STRANGER, STEWARD):
            with refused("members: caller is not an admin of an active member"):
                evm.send(call, caller)
    for call in calls[1:4]:
        with refused("members: account is not yours"):
            evm.send(call, member(2))


def test_offices_are_not_scopes(evm: Evm) -> None:
    for scopes in (OFFICER, 2**64, 2**255):
        with refused("members: unknown scope"):
            evm.send(members.add_account(KEY.address, scopes, LABEL, b""), OWNER)
        with refused("members: unknown scope"):
            evm.send(members.set_scopes(PUBLISHER, scopes, LABEL), OWNER)
    evm.send(members.appoint(PUBLISHER, OFFICER), STEWARD)
    evm.send(members.set_scopes(PUBLISHER, VOTE, LABEL), OWNER)
    assert evm.ask(members.scopes_of(PUBLISHER)) == VOTE | OFFICER, "its organisation cannot take the office"
    evm.send(members.appoint(PUBLISHER, 0), STEWARD)
    assert evm.ask(members.scopes_of(PUBLISHER)) == VOTE
    with refused("members: unknown office"):
        evm.send(members.appoint(PUBLISHER, ADMIN), STEWARD)
    with refused("members: account belongs to nobody"):
        evm.send(members.appoint(STRANGER, OFFICER), STEWARD)


def test_the_last_admin_is_not_removed(evm: Evm) -> None:
    for call in (members.remove_account(OWNER), members.resign(), members.set_scopes(OWNER, VOTE, LABEL)):
        with refused("members: last admin must hand over"):
            evm.send(call, OWNER)
    evm.send(members.set_scopes(PUBLISHER, ADMIN, LABEL), OWNER)
    evm.send(members.remove_account(OWNER), PUBLISHER)
    assert evm.ask(members.admin_count(1)) == 1
    with refused("members: last admin must hand over"):
        evm.send(members.resign(), PUBLISHER)


@pytest.mark.parametrize("successor", [PUBLISHER, STRANGER])
def test_the_last_admin_hands_over_in_two_steps(evm: Evm, successor: Address) -> None:
    assert events(evm, members.offer_admin(successor), OWNER) == [AdminOffered(1, OWNER, successor)]
    assert evm.ask(members.acting(successor, ADMIN)) == 0
    assert evm.ask(members.admin_offered_to(1)) == successor
    assert evm.ask(members.admin_offered_by(1)) == OWNER
    assert AdminAccepted(1, OWNER, successor) in events(evm, members.accept_admin(1, LABEL), successor)
    assert evm.ask(members.acting(successor, ADMIN)) == 1
    assert evm.ask(members.acting(OWNER, ADMIN)) == 0
    assert evm.ask(members.acting(OWNER, VOTE)) == 1, "its other scopes stay"
    assert evm.ask(members.admin_count(1)) == 1
    with refused("members: admin was not offered to you"):
        evm.send(members.accept_admin(1, LABEL), successor)


def test_an_offer_of_admin_is_withdrawn_refused_and_void(evm: Evm) -> None:
    with refused("members: successor is nobody"):
        evm.send(members.offer_admin(NOBODY), OWNER)
    evm.send(members.offer_admin(STRANGER), OWNER)
    evm.send(members.offer_admin(OWNER), OWNER)
    with refused("members: admin was not offered to you"):
        evm.send(members.accept_admin(1, LABEL), STRANGER)
    evm.send(members.accept_admin(1, LABEL), OWNER)
    assert evm.ask(members.acting(OWNER, ADMIN)) == 1
    evm.send(members.offer_admin(member(2)), OWNER)
    with refused("members: account belongs to an organisation"):
        evm.send(members.accept_admin(1, LABEL), member(2))
    evm.send(members.set_scopes(PUBLISHER, ADMIN, LABEL), OWNER)
    evm.send(members.offer_admin(STRANGER), OWNER)
    evm.send(members.remove_account(OWNER), PUBLISHER)
    with refused("members: offer no longer stands"):
        evm.send(members.accept_admin(1, LABEL), STRANGER)


def test_a_vote_installs_an_admin(evm: Evm) -> None:
    evm.send(members.install_admin(1, KEY.address, LABEL, consent(evm, KEY, 1)), STEWARD)
    assert evm.ask(members.acting(KEY.address, ADMIN)) == 1
    assert evm.ask(members.acting(OWNER, ADMIN)) == 0
    assert evm.ask(members.admin_count(1)) == 1
    with refused("members: caller is not governance"):
        evm.send(members.install_admin(2, KEY.address, LABEL, b""), OWNER)
    with refused("members: account does not consent"):
        evm.send(members.install_admin(2, OTHER.address, LABEL, bytes(65)), STEWARD)
    with refused("members: unknown organisation"):
        evm.send(members.install_admin(9, OTHER.address, LABEL, bytes(65)), STEWARD)


# 2.4: suspension takes effect at once, and leaves reads.


def test_a_suspended_member_does_not_act(evm: Evm) -> None:
    evm.send(members.suspend(1), STEWARD)
    assert [evm.ask(members.acting(OWNER, scope)) for scope in (0, ADMIN, VOTE, OPERATE, PUBLISH)] == [0] * 5
    with refused("members: caller is not an admin of an active member"):
        evm.send(members.leave(), OWNER)
    assert evm.ask(members.legal_name_of(1)) == "Fondatrice n° 1"
    assert 1 not in {entry.organisation for entry in evm.ask(members.roll())}
    assert evm.ask(members.active_count()) == 5
    evm.send(members.reinstate(1), STEWARD)
    assert evm.ask(members.acting(OWNER, 15)) == 1


def test_credit_accounts(evm: Evm) -> None:
    assert events(evm, members.set_credit_account(PUBLISHER), OWNER) == [CreditAccountChanged(1, PUBLISHER)]
    roll = {entry.organisation: entry.credit_account for entry in evm.ask(members.roll())}
    assert roll == {1: PUBLISHER} | {number: member(number) for number in range(2, 7)}
    seen = events(evm, members.remove_account(PUBLISHER), OWNER)
    assert seen == [AccountRemoved(1, PUBLISHER), CreditAccountChanged(1, NOBODY)]
    assert evm.ask(members.credit_account_of(1)) == NOBODY


def test_a_listener_that_fails_holds_nothing_up(evm: Evm) -> None:
    """A Governance or Network that always reverts, however it came to be listed."""
    for number, name in enumerate(("Governance", "Network")):
        word = name_word(name)
        # Answers interface_id, which has no argument; reverts for whatever has one.
        code = bytes.fromhex("60043611602e577f") + word + bytes.fromhex("5f5260205ff35b5f5ffd")
        evm.state.set_code(account(70 + number), code)
        evm.send(Directory(DIRECTORY).point(word, account(70 + number)), STEWARD)
    seen = events(evm, members.suspend(1), STEWARD)
    assert [type(event).__name__ for event in seen] == ["StatusChanged", "NoticeFailed", "NoticeFailed"]
    assert status(evm, 1) == SUSPENDED


def test_too_little_gas_silences_nobody(evm: Evm) -> None:
    with refused("members: too little gas to tell the others"):
        evm.send(members.suspend(1), STEWARD, gas=3_000_000)


# 2.5: natural persons stay off chain; a delegate is an account with scopes and an opaque label.


@pytest.mark.parametrize("label", [bytes(32), b"\xff" * 32, bytes(31) + b"\x01", b"secretariat-1".ljust(32, b"\0")])
def test_a_label_is_a_word_that_means_nothing_here(evm: Evm, label: bytes) -> None:
    added = events(evm, members.add_account(KEY.address, VOTE, label, consent(evm, KEY, 1)), OWNER)
    assert added == [AccountAdded(1, KEY.address, VOTE, label)]
    evm.send(members.add_account(OTHER.address, VOTE, label, consent(evm, OTHER, 1)), OWNER)
    for one in (KEY, OTHER):
        assert evm.ask(members.label_of(one.address)) == label, "as it was given, and the same twice if somebody wants"
        assert evm.ask(members.acting(one.address, VOTE)) == 1
        assert evm.ask(members.acting(one.address, ADMIN)) == 0
    evm.send(members.set_scopes(KEY.address, VOTE, LABEL), OWNER)
    assert evm.ask(members.label_of(KEY.address)) == LABEL
    evm.send(members.remove_account(KEY.address), OWNER)
    assert evm.ask(members.label_of(KEY.address)) == bytes(32), "whoever goes leaves no label in the state"


BYTES = {
    *("execution_key", "signature", "execution_signature", "consensus_signature", "consent"),
    *("data", "reason"),
}
"""Keys, signatures, calls of a vote, and what a call that failed answered."""


def parts(entries: Any) -> Iterator[tuple[str, str]]:
    """Name and type of everything a call or an event takes, also within structs."""
    for entry in entries:
        yield entry["name"], entry["type"]
        yield from parts(entry.get("components", ()))


def test_no_call_has_room_for_words_about_a_person() -> None:
    """Text is an organisation's identifier, name and DID; other bytes are keys, signatures, calls."""
    taken: set[tuple[str, str]] = set()
    for name in SYSTEM:
        for entry in artifact(name.lower()).abi:
            if entry["type"] == "event" or entry.get("stateMutability") == "nonpayable":
                taken.update(parts(entry["inputs"]))
    assert {name for name, kind in taken if kind.startswith("string")} == {"identifier", "legal_name", "did"}
    assert {name for name, kind in taken if re.fullmatch(r"bytes(\[.*)?", kind)} == BYTES
    assert {kind for name, kind in taken if name == "label"} == {"bytes32"}


# 2.6: the past.


def test_who_an_account_was_acting_for(evm: Evm) -> None:
    begun = evm.block
    evm.send(members.add_account(KEY.address, VOTE, LABEL, consent(evm, KEY, 1)), OWNER)
    evm.next_block()
    evm.send(members.remove_account(KEY.address), OWNER)
    evm.send(members.add_account(KEY.address, VOTE, LABEL, consent(evm, KEY, 2)), member(2))
    evm.next_block()
    evm.send(members.resign(), KEY.address)
    evm.next_block()
    answers = [evm.ask(members.member_of(KEY.address, number)) for number in range(begun - 1, evm.block + 1)]
    assert answers == [0, 1, 2, 0, 0]
    assert evm.ask(members.member_of(OWNER, 0)) == 1
    assert evm.ask(members.member_of(STRANGER, evm.block)) == 0
    with refused("members: block is in the future"):
        evm.ask(members.member_of(OWNER, evm.block + 1))


moves = st.lists(
    st.tuples(st.sampled_from(["suspend", "reinstate", "classify", "block"]), st.integers(1, 3)), max_size=12
)


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(moves)
def test_every_moment_is_remembered(steps: list[tuple[str, int]]) -> None:
    evm = Evm()
    by_change: dict[int, dict[int, Standing]] = {}
    by_block: dict[int, dict[int, Standing]] = {}

    def note() -> None:
        now = {number: evm.ask(members.standing(number)) for number in range(1, 5)}
        by_change[evm.ask(members.change_count())] = now
        by_block[evm.block] = now

    note()
    for verb, number in steps:
        active = evm.ask(members.is_active(number))
        if verb == "block":
            evm.next_block()
        elif verb == "classify":
            evm.send(members.classify(number, 1, number, evm.block % 8, b"DE"), STEWARD)
        elif (verb == "suspend") == active:
            evm.send(members.suspend(number) if active else members.reinstate(number), STEWARD)
        note()
    for change, then in by_change.items():
        assert {number: evm.ask(members.standing_at(number, change)) for number in then} == then
    for block, then in by_block.items():
        assert {number: evm.ask(members.standing_at_block(number, block)) for number in then} == then
    counted = sum(map(sum, evm.ask(members.census())))
    assert counted == evm.ask(members.active_count()) == len(evm.ask(members.roll()))


def test_the_standing_stands_in_slot_zero() -> None:
    """docs/formats/contracts.md, "Where a standing is stored"."""
    assert declared.SLOTS["_standing"] == 0
    assert ADMISSIONS != MEMBERS
