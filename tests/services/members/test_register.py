# SPDX-License-Identifier: Apache-2.0
"""The read model against the chain: what it says, that following and rebuilding agree, and the past."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from alliance import BANK, BANK_LEI, OFFICE, OTHER_OFFICE, OTHER_SIREN, SECOND, STEWARD, TOWN, Alliance, a_form
from maillon.kit.clock import FixedClock
from maillon.kit.notices import Notices
from maillon.kit.store import Store
from maillon.kit.webhooks import Webhooks
from maillon.ledger.abi import ask
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.genesis import DIRECTORY
from maillon.ledger.port import Address
from maillon.services.members import register
from maillon.services.members import store as tables
from maillon.services.members.contract import MEMBERS, MembersContract, label_word
from maillon.services.members.errors import NoRegister, RefusedByLedger, RegisterMoved
from maillon.services.members.identifiers import identifier_hash, parse, scheme_word
from maillon.services.members.model import Kind, Scheme, Scope, Status
from maillon.services.members.register import Register
from maillon.services.members.service import MembersService, words_of
from other_contracts import members


def dump(store: Store) -> list[tuple[Any, ...]]:
    with store.read() as session:
        return list(tables.dump_read_model(session))


VECTORS = json.loads(Path("vectors/members/identifiers.json").read_text())["valid"]
OFFICE_NUMBER, BANK_NUMBER, TOWN_NUMBER = 1, 2, 3


@pytest.mark.lived
async def test_following_in_steps_and_rebuilding_at_once_give_the_same(
    alliance: Alliance, store: Store, service: MembersService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "BLOCKS_AT_ONCE", 3)
    await service.catch_up()
    await alliance.contract.suspend(BANK_NUMBER, bytes([7]) * 32, OFFICE)
    await service.catch_up()
    followed = dump(store)
    assert {row[0] for row in followed} == {table.name for table in tables.READ_MODEL}
    monkeypatch.undo()
    assert await service.reindex() == TOWN_NUMBER
    assert dump(store) == followed


@pytest.mark.lived
async def test_the_read_model_says_what_the_contract_says(
    alliance: Alliance, store: Store, service: MembersService
) -> None:
    height = await service.catch_up()
    members, ledger = alliance.members, alliance.ledger
    for number in (OFFICE_NUMBER, BANK_NUMBER, TOWN_NUMBER):
        page = await service.organisation(number)
        found = page.organisation
        standing = await ask(ledger, members.standing(number))
        said = (standing.status, standing.kind, standing.tier, standing.college, standing.country)
        assert (found.status, found.kind, found.tier, found.college, found.country.encode()) == said
        assert found.legal_name == await ask(ledger, members.legal_name_of(number))
        assert found.did == await ask(ledger, members.did_of(number))
        assert found.roles == await ask(ledger, members.roles_of(number))
        delegates = await ask(ledger, members.delegates_of(number))
        now = [account for account in page.accounts if account.until is None]
        assert [(a.address, a.scopes, label_word(a.label)) for a in now] == [
            (d.account, d.scopes, d.label) for d in delegates
        ]
    roll = sorted(await ask(ledger, members.roll()), key=lambda entry: entry.organisation)
    assert [(each.organisation, each.tier, each.suspended_until) for each in await service.roll(0, 10)] == [
        (entry.organisation, entry.tier, entry.suspended_until) for entry in roll
    ]
    assert [each.credit_account or bytes(20) for each in await service.roll(0, 10)] == [
        entry.credit_account for entry in roll
    ]
    for entry in await service.roll(0, 10):
        assert entry.first_account == (await ask(ledger, members.delegates_of(entry.organisation)))[0].account
    assert [each.organisation for each in await service.roll(roll[0].organisation, 1)] == [roll[1].organisation]
    # Who an account was acting for, at every block there is.
    for account in (TOWN.address, SECOND.address, BANK.address, STEWARD.address):
        for block in range(height + 1):
            assert await service.member_of(account, block) == await alliance.contract.member_of(account, block)
    with store.read() as session:
        assert tables.read_height(session) == height
    assert [(rule.kind, rule.country) for rule in await service.rules_in_force()] == [
        (Kind.COMPANY, "FR"),
        (Kind.ADMINISTRATION, None),
    ]


@pytest.mark.lived
async def test_a_former_name_a_number_and_a_country_find_an_organisation(service: MembersService) -> None:
    await service.catch_up()
    for typed in ("saint-ambrun sur velle", "NOUVELLE ambrun", "552032534", "Belgique", "belgium", "be ambrun"):
        page = await service.directory(tables.Filter(words=words_of(typed)))
        assert [one.number for one in page.organisations] == [TOWN_NUMBER], typed
    assert (await service.directory(tables.Filter(words=words_of("100%_")))).total == 0


@pytest.mark.lived
async def test_pages_follow_each_other_and_figures_agree(service: MembersService) -> None:
    await service.catch_up()
    first = await service.directory(tables.Filter(), limit=2)
    assert first.next is not None
    second = await service.directory(tables.Filter(), limit=2, after=first.next)
    assert [one.number for one in (*first.organisations, *second.organisations)] == [
        BANK_NUMBER,
        OFFICE_NUMBER,
        TOWN_NUMBER,
    ]
    assert second.next is None
    assert first.total == 3
    assert first.facets["kind"] == {Kind.COMPANY: 1, Kind.ASSOCIATION: 1, Kind.OTHER: 1}
    assert first.facets["status"] == {Status.ACTIVE: 2, Status.APPLIED: 1}
    only = await service.directory(tables.Filter(statuses=frozenset({Status.APPLIED}), kinds=frozenset({Kind.OTHER})))
    assert [one.number for one in only.organisations] == [TOWN_NUMBER]
    # A facet counts what its own choices would show, the other filters kept.
    assert only.facets["kind"] == {Kind.OTHER: 1}
    assert only.facets["status"] == {Status.APPLIED: 1}


async def test_officers_suspension_shows_and_ends_by_itself(
    alliance: Alliance, service: MembersService, clock: FixedClock
) -> None:
    form = a_form(Scheme.SIREN, OTHER_SIREN, "Autre bureau", Kind.ASSOCIATION)
    await alliance.enter(form, OTHER_OFFICE, scopes=Scope.OFFICER)
    case = bytes([1]) * 32
    await alliance.contract.suspend(BANK_NUMBER, case, OFFICE)
    await alliance.contract.suspend(BANK_NUMBER, case, OTHER_OFFICE)
    await service.catch_up()
    found = (await service.organisation(BANK_NUMBER)).organisation
    assert found.status is Status.ACTIVE
    assert found.suspended_until is not None
    clock.time = found.suspended_until
    clock.advance(-1)
    assert not found.is_active(clock.now())
    suspended = tables.Filter(statuses=frozenset({Status.SUSPENDED}))
    assert [one.number for one in (await service.directory(suspended)).organisations] == [BANK_NUMBER]
    clock.advance(1)
    assert found.is_active(clock.now())
    assert (await service.directory(suspended)).total == 0


async def test_two_followers_of_one_database_apply_each_block_once(
    alliance: Alliance, store: Store, service: MembersService, notices: Notices, webhooks: Webhooks
) -> None:
    registers = [Register(store, alliance.contract, notices, webhooks, "https://maillon.example") for _ in range(3)]
    await asyncio.gather(*(register.catch_up() for register in registers))
    followed = dump(store)
    await service.reindex()
    assert dump(store) == followed


async def test_the_law_says_no_with_its_own_words(alliance: Alliance) -> None:
    with pytest.raises(RefusedByLedger, match="caller may not present"):
        await alliance.contract.present(a_form(), TOWN, "administration-1", TOWN)
    with pytest.raises(RefusedByLedger, match="not an admin"):
        await alliance.contract.leave(STEWARD)


async def test_a_network_without_a_register_says_so(alliance: Alliance) -> None:
    async def never(_height: int) -> int:
        raise AssertionError

    class Directoryless(MembersContract):
        async def _find(self, name: bytes) -> Address | None:
            del name
            return None

    contract = Directoryless(alliance.ledger, alliance.members.address, never, 1)
    assert await contract.events(0, 1) == []
    assert await contract.founders() == []
    with pytest.raises(NoRegister):
        await contract.identifier_of(1)
    with pytest.raises(NoRegister):
        await contract.operation(1, 0)


@pytest.mark.lived
async def test_when_the_register_moves_the_former_one_is_read_and_nothing_is_signed(
    alliance: Alliance, store: Store, service: MembersService
) -> None:
    await service.catch_up()
    await service.notice_move()
    assert (service.moved_to, service.unfollowed) == (None, None)
    followed = dump(store)
    # Its code is the same, and it knows nobody: founders cannot be entered after block zero.
    sent = await alliance.ledger.send(None, members(), STEWARD)
    successor = (await alliance.ledger.wait(sent)).contract
    assert successor is not None
    await alliance.do(Directory(DIRECTORY).point(MEMBERS, successor), STEWARD)
    await service.catch_up()
    await service.notice_move()
    assert service.moved_to == successor
    assert successor.hex() in str(service.unfollowed)
    assert await service.reindex() == TOWN_NUMBER
    cursor = tables.READ_MODEL[0].name
    assert [row for row in dump(store) if row[0] != cursor] == [row for row in followed if row[0] != cursor]
    for asked in (
        alliance.contract.acting(BANK.address, Scope.ADMIN),
        alliance.contract.scopes_in_force(OFFICE.address),
        alliance.contract.present(a_form(value=OTHER_SIREN), TOWN, "administration-1", STEWARD),
        alliance.contract.suspend(BANK_NUMBER, bytes([7]) * 32, OFFICE),
        alliance.contract.leave(BANK),
    ):
        with pytest.raises(RegisterMoved, match=successor.hex()):
            await asked
    # Led back, it is the register as before.
    await alliance.do(Directory(DIRECTORY).point(MEMBERS, alliance.members.address), STEWARD)
    await service.notice_move()
    assert service.moved_to is None
    assert await alliance.contract.acting(BANK.address, Scope.ADMIN) == BANK_NUMBER


async def test_the_contract_hashes_identifiers_as_we_do(alliance: Alliance) -> None:
    for vector in VECTORS:
        read = parse(Scheme(vector["scheme"]), vector["typed"])
        call = alliance.members.identifier_hash(scheme_word(read.scheme), read.value)
        assert (await ask(alliance.ledger, call)).hex() == vector["hash"] == identifier_hash(read).hex()


async def test_presenting_twice_finds_what_is_there(alliance: Alliance) -> None:
    form = a_form(Scheme.LEI, BANK_LEI, "Banque Cormoran", Kind.COMPANY)
    assert await alliance.contract.present(form, BANK, "administration-1", STEWARD) == BANK_NUMBER
