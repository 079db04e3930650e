# SPDX-License-Identifier: Apache-2.0
"""Signed invitations: for one organisation, for a time, by who signed them and nobody else."""

from __future__ import annotations

import base64
import datetime
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alliance import BANK, TOWN, a_form
from maillon.services.members.errors import InvalidVoucher
from maillon.services.members.vouchers import Voucher, check_voucher, parse_voucher

DIGEST = bytes(range(32))
EXPIRES = 1_800_000_000
NOW = datetime.datetime.fromtimestamp(EXPIRES - 1, datetime.UTC)
FORM = a_form()
VOUCHER = Voucher.sign(FORM.identifier, FORM.legal_name, 7, EXPIRES, DIGEST, BANK)


def test_an_invitation_says_who_signed_it() -> None:
    read = parse_voucher(f"  {VOUCHER.text[:20]}\n{VOUCHER.text[20:]} ")
    assert read == VOUCHER
    assert check_voucher(read, DIGEST, FORM, NOW) == BANK.address


@pytest.mark.parametrize(
    ("voucher", "fault"),
    [
        (replace(VOUCHER, expires=EXPIRES - 1), "expired"),
        (replace(VOUCHER, legal_name="Another"), "otherwise"),
        (replace(VOUCHER, identifier=a_form(value="130025265").identifier), "another organisation"),
        (replace(VOUCHER, signature=VOUCHER.signature[:64] + b"\x05"), "form"),
        (replace(VOUCHER, signature=VOUCHER.signature[:32] + b"\xff" * 32 + VOUCHER.signature[64:]), "form"),
        (replace(VOUCHER, signature=bytes(64) + b"\x1b"), "valid signature"),
    ],
)
def test_an_invitation_that_does_not_fit_is_refused(voucher: Voucher, fault: str) -> None:
    with pytest.raises(InvalidVoucher, match=fault):
        check_voucher(voucher, DIGEST, FORM, NOW)


def test_another_digest_is_another_signer() -> None:
    signer = check_voucher(VOUCHER, bytes(32), FORM, NOW)
    assert signer not in (BANK.address, TOWN.address)


def test_it_is_used_up_by_its_nonce_whatever_else_is_changed() -> None:
    assert replace(VOUCHER, expires=1, legal_name="x").digest == VOUCHER.digest
    assert replace(VOUCHER, nonce=8).digest != VOUCHER.digest


def encoded(document: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(document)).rstrip(b"=").decode()


GOOD = orjson.loads(base64.urlsafe_b64decode(VOUCHER.text + "=="))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "!!!!",
        "x" * 5_000,
        encoded([]),
        encoded({}),
        encoded(GOOD | {"more": 1}),
        encoded(GOOD | {"nonce": "-1"}),
        encoded(GOOD | {"nonce": str(2**256)}),
        encoded(GOOD | {"expires": "soon"}),
        encoded(GOOD | {"signature": "00"}),
        encoded(GOOD | {"signature": "zz" * 65}),
        encoded(GOOD | {"organisation": "siren:1"}),
        encoded(GOOD | {"organisation": 5}),
        encoded(GOOD | {"legal_name": "\u202e"}),
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidVoucher):
        parse_voucher(text)


@given(st.text(max_size=300))
def test_any_text_is_refused_or_read(text: str) -> None:
    try:
        parse_voucher(text)
    except InvalidVoucher:
        return
    raise AssertionError
