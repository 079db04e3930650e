# SPDX-License-Identifier: Apache-2.0
"""A platform on a node of the network: what it lacks is said plainly, and two commands give it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from local_network import ACCOUNTS, LocalNetwork
from maillon import delegation, main
from maillon.commands import application
from maillon.kit.keys import Keys
from maillon.ledger.abi import artifact, ask
from maillon.ledger.contracts.members import Members
from maillon.ledger.errors import Rejected
from maillon.ledger.genesis import MEMBERS
from maillon.ledger.node import NodeLedger
from maillon.ledger.port import Address
from maillon.ledger.signing import Account, checksum
from maillon.services.members import Scope

SENT = 5 * 10**18


@pytest.fixture
async def ledger(consortium: LocalNetwork) -> AsyncIterator[NodeLedger]:
    opened = await NodeLedger.connect(consortium.nodes[1].url)
    yield opened
    await opened.close()


async def balance(ledger: NodeLedger, account: Account) -> int:
    return int(await ledger.ask("eth_getBalance", "0x" + account.address.hex(), "latest"), 16)


async def test_a_notary_becomes_a_delegate_and_lacks_nothing(consortium: LocalNetwork, ledger: NodeLedger) -> None:
    notary, operator = Account.random(), consortium.nodes[1].identity.account
    said = await delegation.lacks(ledger, notary.address, 0)
    assert len(said) == 2
    assert "no publish delegate" in said[0]
    assert "no credits" in said[1]
    assert all("docs/operating/node.md" in each for each in said)
    given = await delegation.consent(ledger, ledger.chain_id, 2, notary)
    gateway = consortium.nodes[1].url
    assert await main.delegate(gateway, operator, notary.address, given, SENT) == 2
    assert await balance(ledger, notary) == SENT
    assert await delegation.lacks(ledger, notary.address, SENT) == []
    # A second time nothing is entered: the consent is used, and not needed.
    assert await delegation.delegate(ledger, operator, notary.address, given, Scope.PUBLISH, "notary") == 2
    # What belongs to one member is not taken by another.
    other = consortium.nodes[2].identity.account
    with pytest.raises(Rejected, match="belongs to organisation 2"):
        await delegation.delegate(ledger, other, notary.address, given, Scope.PUBLISH, "notary")


async def test_an_offices_account_belongs_to_a_member_and_may_nothing_yet(
    consortium: LocalNetwork, ledger: NodeLedger
) -> None:
    office, operator = Account.random(), consortium.nodes[1].identity.account
    given = await delegation.consent(ledger, ledger.chain_id, 2, office)
    gateway = consortium.nodes[1].url
    for sent in (SENT, 0):  # a second time nothing is entered, since it belongs there
        assert await main.delegate(gateway, operator, office.address, given, sent, of="office") == 2
    members = Members(MEMBERS)
    assert await ask(ledger, members.organisation_of(office.address)) == 2
    assert [await ask(ledger, members.acting(office.address, scope.value)) for scope in Scope] == [0] * len(Scope)
    assert await balance(ledger, office) == SENT


def test_the_accounts_of_a_home_are_said_before_there_is_a_chain_and_are_those_it_signs_with(tmp_path: Path) -> None:
    said = CliRunner().invoke(application(), ["accounts", "--home", str(tmp_path), "--json"])
    assert said.exit_code == 0, said.output
    keys = Keys(tmp_path / "keys")
    signing = {"notary": Account(keys.account("notary")), "office": Account(keys.account("steward"))}
    assert json.loads(said.output) == {name: checksum(account.address) for name, account in signing.items()}
    # Of an instance that is laid out none is made anew.
    (tmp_path / "trust.json").touch()
    (tmp_path / "keys" / "account-steward.hex").unlink()
    gone = CliRunner().invoke(application(), ["accounts", "--home", str(tmp_path), "--json"])
    assert gone.exit_code == 2
    assert "restore it from a backup" in json.loads(gone.output)["error"]


async def test_who_may_not_or_was_not_asked_is_refused(consortium: LocalNetwork, ledger: NodeLedger) -> None:
    notary, stranger = Account.random(), Account.random()
    given = await delegation.consent(ledger, ledger.chain_id, 2, notary)
    with pytest.raises(Rejected, match="no admin"):
        await delegation.delegate(ledger, ACCOUNTS[5], notary.address, given, Scope.PUBLISH, "notary")
    other = consortium.nodes[2].identity.account
    with pytest.raises(Rejected, match="does not consent"):
        await delegation.delegate(ledger, other, notary.address, given, Scope.PUBLISH, "notary")
    operator = consortium.nodes[1].identity.account
    with pytest.raises(Rejected, match="does not consent"):
        await delegation.delegate(ledger, operator, stranger.address, given, Scope.PUBLISH, "notary")
    with pytest.raises(Rejected, match="no organisation 99"):
        await delegation.consent(ledger, ledger.chain_id, 99, notary)


async def test_an_endpoint_that_lies_gets_no_signature_of_its_choice(
    consortium: LocalNetwork, ledger: NodeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    notary, asked = Account.random(), ledger.call
    digest = artifact("members").selectors["consent_digest(bytes32,address)"]

    async def lying(to: Address, data: bytes, at: Any = None) -> bytes:
        return bytes(32) if data.startswith(digest) else await asked(to, data, at)

    monkeypatch.setattr(ledger, "call", lying)
    given = await delegation.consent(ledger, ledger.chain_id, 2, notary)
    operator = consortium.nodes[1].identity.account
    assert await main.delegate(consortium.nodes[1].url, operator, notary.address, given, 0) == 2
