# SPDX-License-Identifier: Apache-2.0
"""What an account signs to be added: our digest is the contract's, and what a wallet makes of the typed data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account as Wallet

from alliance import BANK, OFFICE, TOWN, a_form, enter_office, open_alliance
from maillon.ledger.abi import ask
from maillon.ledger.port import Address
from maillon.services.members.consent import Consent
from maillon.services.members.errors import InvalidConsent, RefusedByLedger
from maillon.services.members.identifiers import identifier_hash
from maillon.services.members.model import Scheme, Scope
from maillon.services.members.rules import parse_consent
from maillon.services.members.vouchers import Voucher, signer_of


async def test_the_digest_is_the_contracts_and_the_wallets(home: Path) -> None:
    async with open_alliance(home) as alliance:
        identifier = a_form().identifier
        consent = await alliance.contract.consent_to_sign(identifier, TOWN.address)
        digest = await ask(alliance.ledger, alliance.members.consent_digest(identifier_hash(identifier), TOWN.address))
        assert consent.digest == digest
        signed = Wallet.from_key(bytes([4]) * 32).sign_typed_data(full_message=consent.typed_data())
        assert bytes(signed.signature) == consent.sign(TOWN)


async def test_a_consent_is_good_once_for_one_organisation_and_by_its_account(home: Path) -> None:
    async with open_alliance(home) as alliance:
        await enter_office(alliance)
        office, contract = a_form(Scheme.SIREN, "130025265").identifier, alliance.contract
        asked = await contract.consent_to_sign(office, TOWN.address)
        elsewhere = await contract.consent_to_sign(a_form().identifier, TOWN.address)
        for wrong in (asked.sign(BANK), elsewhere.sign(TOWN), bytes(65)):
            with pytest.raises(RefusedByLedger, match="does not consent"):
                await contract.add_consenting(TOWN.address, Scope.VOTE, "secretariat-1", wrong, OFFICE)
        await contract.add_consenting(TOWN.address, Scope.VOTE, "secretariat-1", asked.sign(TOWN), OFFICE)
        again = await contract.consent_to_sign(office, TOWN.address)
        assert again.nonce == asked.nonce + 1
        assert again.digest != asked.digest


async def test_an_invitation_is_what_a_wallet_makes_of_its_typed_data(home: Path) -> None:
    async with open_alliance(home) as alliance:
        asked = await alliance.contract.invitation(a_form().identifier, "Régie du Rhune", 2**127 + 5, 2_000_000_000)
        signed = Wallet.from_key(bytes([4]) * 32).sign_typed_data(full_message=asked.typed_data())
        voucher = Voucher(a_form().identifier, asked.legal_name, asked.nonce, asked.expires, bytes(signed.signature))
        assert signer_of(voucher, asked.digest) == TOWN.address
        assert signer_of(voucher, replace(asked, nonce=5).digest) != TOWN.address


@pytest.mark.parametrize("text", ["", "0x", "0x" + "0" * 128, "0x" + "0" * 132, "00" * 65, "0x" + "g" * 130])
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(InvalidConsent):
        parse_consent(text)


def test_every_part_is_signed() -> None:
    said = (7_700_000_042, Address(bytes([1]) * 20), bytes(32), Address(bytes([2]) * 20), 0)
    changed = [
        Consent(7_700_000_043, *said[1:]),
        Consent(said[0], Address(bytes([3]) * 20), *said[2:]),
        Consent(*said[:2], bytes([1]) * 32, *said[3:]),
        Consent(*said[:3], Address(bytes([3]) * 20), 0),
        Consent(*said[:4], 1),
    ]
    digests = {Consent(*said).digest, *(one.digest for one in changed)}
    assert len(digests) == len(changed) + 1
