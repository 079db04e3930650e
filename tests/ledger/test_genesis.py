# SPDX-License-Identifier: Apache-2.0
"""Block zero: the same inputs give the same state, the file is read back, and what cannot be block zero is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillon.ledger import genesis as declared
from maillon.ledger.genesis import (
    ANCHORS,
    CHAIN_ID_FLOOR,
    FOREIGN_CHAIN_IDS,
    SYSTEM,
    Genesis,
    GenesisAccount,
    GenesisValidator,
    InvalidGenesis,
    make_genesis,
    name_word,
    prague_contracts,
    random_chain_id,
)
from maillon.ledger.port import Address

STEWARD, OWNER, RICH = (Address(bytes([number]) * 20) for number in (1, 2, 3))
KEY = b"\x0a" * 32
STATE_ROOT = "abafad8cbf75c18c24e3bd8b03cbe0d22ca11607f2698ccf0f371552abb1f086"
"""Of `made()`. A change of a contract, of its compiler or of its deployment changes it, and this line in review."""


@cache
def made() -> Genesis:
    return make_genesis(
        "bac à sable", CHAIN_ID_FLOOR + 1, 1_764_000_000, [KEY], {RICH: 10**24}, STEWARD, {"maillon.example/log": OWNER}
    )


def state_root(genesis: Genesis) -> str:
    from eth.db.account import AccountDB
    from eth.db.atomic import AtomicDB

    accounts = AccountDB(AtomicDB())
    for address, held in genesis.alloc.items():
        accounts.set_balance(address, held.balance)
        accounts.set_nonce(address, held.nonce)
        accounts.set_code(address, held.code)
        for slot, word in held.storage.items():
            accounts.set_storage(address, slot, word)
    return str(accounts.make_state_root().hex())


def test_the_same_inputs_give_the_same_state() -> None:
    assert state_root(made()) == STATE_ROOT
    program = "import sys; sys.path.insert(0, sys.argv[1]); import test_genesis as t; print(t.state_root(t.made()))"
    other = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert other.stdout.strip() == STATE_ROOT, "another process, another order of hashes"


def test_other_inputs_give_another_state() -> None:
    other = make_genesis("bac à sable", CHAIN_ID_FLOOR + 1, 1_764_000_000, [KEY], {RICH: 10**24}, OWNER)
    assert state_root(other) != STATE_ROOT
    assert ANCHORS in other.alloc


def test_the_order_of_the_inputs_does_not_matter() -> None:
    logs = {"a": OWNER, "b": STEWARD}
    one = make_genesis("n", CHAIN_ID_FLOOR, 1, [KEY], {RICH: 1, OWNER: 2}, STEWARD, logs)
    two = make_genesis("n", CHAIN_ID_FLOOR, 1, [KEY], {OWNER: 2, RICH: 1}, STEWARD, dict(reversed(logs.items())))
    assert one == two
    assert one.to_json() == two.to_json()


def test_who_stands_in_block_zero() -> None:
    assert set(made().alloc) == set(SYSTEM.values()) | {RICH} | set(prague_contracts())
    assert made().alloc[RICH] == GenesisAccount(balance=10**24)
    for address in SYSTEM.values():
        assert made().alloc[address].nonce == 1
        assert made().alloc[address].balance == 0
    assert [address[-3:].hex() for address in SYSTEM.values()] == [
        f"4d{number:04x}" for number in range(1, len(SYSTEM) + 1)
    ]


def test_the_contracts_of_the_protocol_are_those_of_the_eips() -> None:
    from eth.vm.forks.cancun.constants import BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CONTRACT_CODE
    from eth.vm.forks.prague.constants import HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CONTRACT_CODE

    contracts = prague_contracts()
    assert len(contracts) == 4
    assert contracts[BEACON_ROOTS_ADDRESS].code == BEACON_ROOTS_CONTRACT_CODE
    assert contracts[HISTORY_STORAGE_ADDRESS].code == HISTORY_STORAGE_CONTRACT_CODE
    assert all(held.nonce == 1 for held in contracts.values())


def test_the_file_is_read_back() -> None:
    assert Genesis.parse(made().to_json()) == made()
    assert made().consensus_chain_id == f"maillon-{CHAIN_ID_FLOOR + 1}"


words = st.integers(0, 2**256 - 1)
accounts = st.builds(
    GenesisAccount,
    balance=words,
    nonce=st.integers(0, 2**64 - 1),
    code=st.binary(max_size=40),
    storage=st.dictionaries(words, st.integers(1, 2**256 - 1), max_size=3),
)


@settings(max_examples=50)
@given(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40),
    st.dictionaries(st.binary(min_size=20, max_size=20).map(Address), accounts, max_size=4),
    st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=4, unique=True),
)
def test_every_file_is_read_back(network: str, alloc: dict[Address, GenesisAccount], keys: list[bytes]) -> None:
    genesis = Genesis(network, random_chain_id(), 5, alloc, tuple(GenesisValidator(key, 3) for key in keys))
    assert Genesis.parse(genesis.to_json()) == genesis


def altered(**changes: Any) -> bytes:
    document = orjson.loads(made().to_json())
    for name, value in changes.items():
        if value is None:
            del document[name]
        else:
            document[name] = value
    return orjson.dumps(document)


ACCOUNT = {"balance": "0x1", "nonce": "0x0", "code": "0x", "storage": {}}
THERE = "0x" + "11" * 20


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "not an object"),
        (b"{" * 100_000, "not JSON"),
        (b" " * (declared.MAX_FILE + 1), "larger than"),
        (altered(type="maillon.genesis.v2"), "type"),
        (altered(time=None), "unknown or missing: time"),
        (altered(surprise=1), "unknown or missing: surprise"),
        (altered(network=""), "network"),
        (altered(network="x" * 41), "network"),
        (altered(network="a\nb"), "network"),
        (altered(network=5), "network"),
        (altered(chain_id=1), "chain_id"),
        (altered(chain_id=1337), "chain_id"),
        (altered(chain_id=31337), "chain_id"),
        (altered(chain_id=0), "chain_id"),
        (altered(chain_id=2**53), "chain_id"),
        (altered(chain_id="7700000001"), "chain_id"),
        (altered(time=True), "time"),
        (altered(time=-1), "time"),
        (altered(gas_limit=1), "gas_limit"),
        (altered(gas_limit=2**40), "gas_limit"),
        (altered(base_fee=0), "base_fee"),
        (altered(validators=[]), "validators"),
        (altered(validators={}), "validators"),
        (altered(validators=[{"key": "00" * 31, "power": 1}]), "validators"),
        (altered(validators=[{"key": "00" * 32, "power": 0}]), "validators"),
        (altered(validators=[{"key": "00" * 32, "power": 2**41}]), "validators"),
        (altered(validators=[{"key": "00" * 32}]), "validators"),
        (altered(validators=[{"key": "00" * 32, "power": 1}] * 2), "validators"),
        (altered(validators=[{"key": f"{n:064x}", "power": 1} for n in range(65)]), "validators"),
        (altered(alloc=[]), "alloc"),
        (altered(alloc={"0x11": ACCOUNT}), "alloc"),
        (altered(alloc={"0x" + "1 " * 20: ACCOUNT}), "alloc"),
        (altered(alloc={THERE: ACCOUNT, THERE[2:]: ACCOUNT}), "stands twice"),
        (altered(alloc={THERE: {**ACCOUNT, "balance": 1}}), "balance"),
        (altered(alloc={THERE: {**ACCOUNT, "balance": "0x" + "f" * 65}}), "balance"),
        (altered(alloc={THERE: {**ACCOUNT, "balance": "0x1_0"}}), "balance"),
        (altered(alloc={THERE: {**ACCOUNT, "nonce": "0x10000000000000000"}}), "nonce"),
        (altered(alloc={THERE: {**ACCOUNT, "code": "0x0"}}), "code"),
        (altered(alloc={THERE: {**ACCOUNT, "code": "0x" + "00" * 24_577}}), "code"),
        (altered(alloc={THERE: {**ACCOUNT, "storage": {"0x1": "0x0"}}}), "storage"),
        (altered(alloc={THERE: {**ACCOUNT, "storage": {"0x1": "0x2", "0x01": "0x2"}}}), "storage"),
        (altered(alloc={THERE: {**ACCOUNT, "storage": []}}), "storage"),
        (altered(alloc={THERE: {**ACCOUNT, "more": 1}}), "more"),
        (altered(alloc={f"0x{n:040x}": ACCOUNT for n in range(10_001)}), "alloc"),
    ],
)
def test_what_cannot_be_block_zero_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidGenesis, match=reason):
        Genesis.parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(InvalidGenesis):
        Genesis.parse(data)


def test_a_genesis_cannot_be_changed() -> None:
    alloc: Any = made().alloc
    with pytest.raises(TypeError):
        alloc[STEWARD] = GenesisAccount()
    with pytest.raises(InvalidGenesis):
        replace(made(), chain_id=1)


def test_chain_ids_are_ours() -> None:
    drawn = {random_chain_id() for _ in range(50)}
    assert len(drawn) > 45
    assert all(CHAIN_ID_FLOOR <= chain_id < CHAIN_ID_FLOOR + 2**32 for chain_id in drawn)
    assert max(FOREIGN_CHAIN_IDS) < CHAIN_ID_FLOOR
    for chain_id in FOREIGN_CHAIN_IDS:
        with pytest.raises(InvalidGenesis):
            make_genesis("n", chain_id, 1, [KEY], {}, STEWARD)


def test_a_contract_is_not_funded_nor_a_seat_given_to_nobody() -> None:
    with pytest.raises(InvalidGenesis, match="alloc"):
        make_genesis("n", CHAIN_ID_FLOOR, 1, [KEY], {ANCHORS: 1}, STEWARD)
    with pytest.raises(InvalidGenesis, match="governance is nobody"):
        make_genesis("n", CHAIN_ID_FLOOR, 1, [KEY], {}, Address(bytes(20)))


def test_names() -> None:
    assert name_word("Anchors") == b"Anchors" + bytes(25)
    for name in ("", "é", "x" * 33, "a\0"):
        with pytest.raises(InvalidGenesis):
            name_word(name)
