# SPDX-License-Identifier: Apache-2.0
"""Founding: the file is read back, what cannot found is refused, and block zero is what was founded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillon.ledger.contracts.directory import SLOTS as DIRECTORY_SLOTS
from maillon.ledger.founding import (
    KINDS,
    MAX_FILE,
    SCOPES,
    AdmissionRule,
    Founding,
    FoundingAccount,
    FoundingNode,
    FoundingOrganisation,
    InvalidFounding,
    Statutes,
    Terms,
    sandbox,
)
from maillon.ledger.genesis import (
    CHAIN_ID_FLOOR,
    CREDITS,
    DIRECTORY,
    GOVERNANCE,
    NETWORK,
    Genesis,
    InvalidGenesis,
    make_genesis,
)
from maillon.ledger.port import Address

STEWARD = Address(b"\x01" * 20)


def founder(number: int, **changes: Any) -> FoundingOrganisation:
    fields: dict[str, Any] = {
        "scheme": "siren",
        "identifier": f"55203253{number}",
        "legal_name": f"Fondatrice n° {number}",
        "kind": number % len(KINDS),
        "country": "FR",
        "accounts": (
            FoundingAccount(Address(bytes([16 + number]) * 20), 15),
            FoundingAccount(Address(bytes([32 + number]) * 20), 8),
        ),
        "validators": (bytes([number]) * 32,),
        "nodes": (FoundingNode(bytes([number]) * 64, bytes([number]) * 20),),
    }
    return FoundingOrganisation(**fields | changes)


FOUNDING = Founding(
    tuple(founder(number) for number in range(1, 5)),
    rules=(AdmissionRule(3, "", SCOPES["admission officer"], 3),),
    governed=True,
)


def made(founding: Founding, **changes: Any) -> Genesis:
    arguments: dict[str, Any] = {
        "network": "alliance",
        "chain_id": CHAIN_ID_FLOOR + 5,
        "time": 1_764_000_000,
        "validator_keys": founding.validators,
        "funded": {},
        "steward": STEWARD,
    }
    return make_genesis(**arguments | changes, founding=founding)


def test_four_organisations_found_a_network() -> None:
    genesis = made(FOUNDING, logs={"a.example/log": Address(bytes([33]) * 20)})
    assert [validator.key for validator in genesis.validators] == list(FOUNDING.validators)
    seat = genesis.alloc[DIRECTORY].storage[DIRECTORY_SLOTS["governance"]]
    assert seat == int.from_bytes(GOVERNANCE), "votes decide from block zero on"
    assert genesis.alloc[NETWORK].storage[0] == 4, "seats"
    assert genesis.alloc[CREDITS].storage[0] == FOUNDING.floor_tip
    assert genesis == made(FOUNDING, logs={"a.example/log": Address(bytes([33]) * 20)})
    assert made(replace(FOUNDING, governed=False)).alloc[DIRECTORY] != genesis.alloc[DIRECTORY]


def test_the_file_is_read_back() -> None:
    assert Founding.parse(FOUNDING.to_json()) == FOUNDING


numbers = st.integers(0, 2**64 - 1)
terms = st.builds(Terms, numbers, numbers, numbers, numbers, numbers)
eight = st.lists(numbers, min_size=8, max_size=8).map(tuple)
statutes = st.builds(Statutes, terms, terms, terms, numbers, numbers, numbers, st.booleans(), eight)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
organisations = st.builds(
    founder,
    st.integers(1, 9),
    legal_name=names,
    did=names,
    tier=st.integers(0, 7),
    college=st.integers(0, 7),
    validators=st.lists(st.binary(min_size=32, max_size=32), max_size=3).map(tuple),
)


@settings(max_examples=40)
@given(st.lists(organisations, min_size=1, max_size=3).map(tuple), statutes, eight, numbers, st.booleans())
def test_every_file_is_read_back(
    founders: tuple[FoundingOrganisation, ...], law: Statutes, allowances: tuple[int, ...], number: int, governed: bool
) -> None:
    founding = Founding(founders, law, (), allowances, number, number, governed)
    assert Founding.parse(founding.to_json()) == founding


def altered(*path: Any, to: Any) -> bytes:
    document = orjson.loads(FOUNDING.to_json())
    place = document
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return orjson.dumps(document)


FIRST = ("organisations", 0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "not an object"),
        (b" " * (MAX_FILE + 1), "larger than"),
        (altered("type", to="maillon.founding.v2"), "type"),
        (altered("statutes", to=...), "unknown or missing: statutes"),
        (altered("more", to=1), "unknown or missing: more"),
        (altered("governed", to=1), "governed"),
        (altered("organisations", to=[]), "organisations"),
        (altered("organisations", to={}), "organisations"),
        (altered("allowances", to=[1] * 7), "allowances"),
        (altered("allowances", to=[-1] * 8), "allowances"),
        (altered("floor_tip", to="1"), "floor_tip"),
        (altered("period_length", to=True), "period_length"),
        (altered("statutes", "weights", to=[1]), "weights"),
        (altered("statutes", "ordinary", "quorum", to=1.5), "quorum"),
        (altered("statutes", "ordinary", to={}), "ordinary"),
        (altered("rules", 0, "offices", to=["admin officer"]), "scopes"),
        (altered("rules", 0, "country", to="France"), "country"),
        (altered(*FIRST, "kind", to="bank"), "kind"),
        (altered(*FIRST, "country", to="fr"), "country"),
        (altered(*FIRST, "scheme", to=""), "scheme"),
        (altered(*FIRST, "identifier", to="é"), "identifier"),
        (altered(*FIRST, "legal_name", to=""), "legal_name"),
        (altered(*FIRST, "legal_name", to="é" * 81), "legal_name"),
        (altered(*FIRST, "did", to=5), "did"),
        (altered(*FIRST, "accounts", to=[]), "accounts"),
        (altered(*FIRST, "accounts", 0, "scopes", to=["vote"]), "accounts"),
        (altered(*FIRST, "accounts", 0, "scopes", to=["king"]), "scopes"),
        (altered(*FIRST, "accounts", 0, "address", to="0x" + "00" * 20), "address"),
        (altered(*FIRST, "accounts", 0, "address", to="0x11"), "address"),
        (altered(*FIRST, "accounts", 0, "label", to="zz"), "label"),
        (altered(*FIRST, "accounts", 0, "label", to="00"), "label"),
        (altered(*FIRST, "validators", 0, to="00"), "validators"),
        (altered(*FIRST, "nodes", 0, "execution_key", to="00"), "execution_key"),
        (altered(*FIRST, "nodes", 0, "consensus_id", to="00"), "consensus_id"),
    ],
)
def test_what_cannot_be_a_founding_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidFounding, match=reason):
        Founding.parse(data)


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(InvalidFounding):
        Founding.parse(data)


@pytest.mark.parametrize(
    ("founding", "reason"),
    [
        (Founding((founder(1), founder(2, identifier="552032531"))), "members: identifier is taken"),
        (Founding((founder(1), founder(2, validators=(b"\x01" * 32,)))), "network: key was used"),
        (Founding((founder(1), founder(2, nodes=founder(1).nodes))), "network: key was used"),
        (Founding((founder(1), founder(2, accounts=founder(1).accounts))), "members: account belongs"),
        (Founding((founder(1, identifier="a"),)), "members: identifier is not in normal form"),
        (Founding((founder(1, tier=8),)), "members: unknown tier"),
        (Founding((founder(1),), floor_tip=0), "credits: floor tip out of bounds"),
        (Founding((founder(1),), statutes=Statutes(weights=(0,) * 8)), "governance: weight out of bounds"),
    ],
)
def test_the_contracts_refuse_what_their_law_refuses(founding: Founding, reason: str) -> None:
    with pytest.raises(InvalidGenesis, match=reason):
        made(founding)


def test_validators_are_those_of_the_founders() -> None:
    with pytest.raises(InvalidGenesis, match="validators"):
        made(FOUNDING, validator_keys=[b"\x09" * 32])


def test_a_log_is_owned_by_a_member() -> None:
    with pytest.raises(InvalidGenesis, match="anchors: caller is not a publish delegate"):
        made(FOUNDING, logs={"a.example/log": STEWARD})


def test_the_sandbox_is_one_organisation() -> None:
    one = sandbox(STEWARD, [STEWARD, Address(b"\x02" * 20)], [b"\x05" * 32])
    (organisation,) = one.organisations
    assert [account.address[0] for account in organisation.accounts] == [1, 2]
    assert one.validators == (b"\x05" * 32,)
    assert not one.governed
