# SPDX-License-Identifier: Apache-2.0
"""What an administrator of an organisation does in the register: asked for, and encoded.

One encoding serves whoever prepares an act and whoever signs it: the machine with the key makes the bytes itself, of
what was asked alone, and compares them with what a server prepared.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from maillon.ledger.abi import Call
from maillon.ledger.contracts.members import Members
from maillon.ledger.port import Address
from maillon.services.members import rules
from maillon.services.members.contract import label_word
from maillon.services.members.errors import UnknownAct


class _Act(BaseModel):
    """A body whose every member is known: one more might be one that matters."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AddAct(_Act):
    """Letting an account act that has signed its consent."""

    act: Literal["add"]
    account: str = Field(max_length=42)
    scopes: list[str] = Field(max_length=4)
    label: str = Field(max_length=40)
    consent: str = Field(max_length=132)


class ChangeAct(_Act):
    """Changing what an account may do, and its label."""

    act: Literal["change"]
    account: str = Field(max_length=42)
    scopes: list[str] = Field(max_length=4)
    label: str = Field(max_length=40)


class RemoveAct(_Act):
    """Letting an account act no more."""

    act: Literal["remove"]
    account: str = Field(max_length=42)


class CreditsAct(_Act):
    """Choosing the account credits are paid to."""

    act: Literal["credits"]
    account: str = Field(max_length=42)


class DidAct(_Act):
    """Naming a decentralised identifier, or none."""

    act: Literal["did"]
    did: str = Field(max_length=200)


class LeaveAct(_Act):
    """Leaving the alliance."""

    act: Literal["leave"]


AnyAct = Annotated[AddAct | ChangeAct | RemoveAct | CreditsAct | DidAct | LeaveAct, Field(discriminator="act")]

_ANY: Final[TypeAdapter[AnyAct]] = TypeAdapter(AnyAct)


def parse_act(document: Any) -> AnyAct:
    """An act from what was asked. Raises `UnknownAct`."""
    try:
        return _ANY.validate_python(document)
    except ValidationError:
        raise UnknownAct from None


def encode(members: Members, act: AnyAct) -> Call[Any]:
    """What an act calls; whoever signs it must act for the organisation. Raises a `Refused` for what cannot be."""
    if isinstance(act, LeaveAct):
        return members.leave()
    if isinstance(act, DidAct):
        return members.set_did(rules.parse_did(act.did))
    account = Address(rules.parse_address(act.account))
    if isinstance(act, RemoveAct):
        return members.remove_account(account)
    if isinstance(act, CreditsAct):
        return members.set_credit_account(account)
    scopes, label = rules.parse_scopes(act.scopes), label_word(rules.parse_label(act.label))
    if isinstance(act, ChangeAct):
        return members.set_scopes(account, scopes.value, label)
    return members.add_account(account, scopes.value, label, rules.parse_consent(act.consent))
