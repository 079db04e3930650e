# SPDX-License-Identifier: Apache-2.0
"""What is committed of the contracts is what their sources compile to: artifacts, handles, gas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import build
import cbor2
import orjson
import pytest
from contract_evm import ORIGIN, OWNER, PUBLISHER, STEWARD, STRANGER, VERIFIER, Evm, account, consent, genesis, member
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maillon.evidence.checkpoint import log_id
from maillon.ledger.abi import Call, artifact, constructor
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.anchors import Anchors
from maillon.ledger.contracts.credits import Credits
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network
from maillon.ledger.genesis import (
    ADMISSIONS,
    ANCHORS,
    CREDITS,
    DIRECTORY,
    GOVERNANCE,
    MEMBERS,
    NETWORK,
    SYSTEM,
    name_word,
)
from maillon.ledger.port import Address
from maillon.ledger.signing import Account

CONTRACTS = build.HERE
SOURCES = sorted(CONTRACTS.glob("*.vy"))
EVERY_SOURCE = sorted([*CONTRACTS.rglob("*.vy"), *CONTRACTS.rglob("*.vyi")])
LOG = log_id(ORIGIN)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_refusal_has_a_reason_that_begins_with_its_module(path: Path) -> None:
    # A statement and the lines that stand further in than it.
    refusals = re.findall(r"^( +)((?:assert|raise)\b.*(?:\n(?:\1 +.*|\1\).*))*)", path.read_text(), re.MULTILINE)
    assert not [text for _, text in refusals if f'"{path.stem}: ' not in text]


@pytest.mark.parametrize("name", build.CONTRACTS)
def test_artifacts_and_handles_are_what_the_sources_compile_to(name: str) -> None:
    compiled = build.artifact_of(CONTRACTS / f"{name}.vy")
    assert (build.ARTIFACTS / f"{name}.json").read_bytes() == build.written(compiled), "run contracts/build.py"
    assert (build.HANDLES / f"{name}.py").read_text() == build.Handle(compiled).source(), "run contracts/build.py"


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    changed = CONTRACTS / "mocks" / "token.vy"
    compiled = build.artifact_of(changed)
    assert compiled["source_sha256"] != artifact("anchors").source_sha256
    assert compiled["method_identifiers"]["approve(address,uint256)"] == "0x095ea7b3", "leading zeros are kept"


@pytest.mark.parametrize("name", SYSTEM)
def test_genesis_runs_the_committed_code(name: str) -> None:
    code, runtime = genesis().alloc[SYSTEM[name]].code, artifact(name.lower()).runtime
    assert code.startswith(runtime)
    assert len(code) - len(runtime) in (0, 32, 96), "the immutables follow"
    assert len(code) <= 24_576, "EIP-170"


def test_what_is_committed_is_of_a_contract_there_is() -> None:
    for folder, suffix in ((build.ARTIFACTS, "json"), (build.HANDLES, "py")):
        found = {path.stem for path in folder.glob(f"*.{suffix}")} - {"__init__"}
        assert found == set(build.CONTRACTS), "run contracts/build.py; delete what no source makes"


def test_every_address_of_block_zero_is_the_documented_one() -> None:
    """Addresses follow from places in a list: one that moved would be another network's."""
    page = (CONTRACTS.parent / "docs/formats/contracts.md").read_text()
    documented = re.findall(r"^\| `(\w+)` \| `0x([0-9a-f]{40})` \|", page, re.MULTILINE)
    assert documented == [(name, address.hex()) for name, address in SYSTEM.items()]


def test_there_is_no_delegate_call() -> None:
    """LAW 3.5. Neither in the sources, nor as an instruction (0xf4; 0xf2 is its ancestor) in what is run."""
    for path in SOURCES:
        assert "is_delegate_call" not in path.read_text()
        assert not {0xF2, 0xF4} & set(instructions(executable(path.stem)))


def executable(name: str) -> bytes:
    """What can be run of a contract: without the tables behind it, whose lengths the compiler writes at the end."""
    made = artifact(name)
    length = int.from_bytes(made.deploy[-2:], "big")
    _digest, runtime_length, tables, _immutables, _compiler = cbor2.loads(made.deploy[-length:-2])
    assert runtime_length == len(made.runtime)
    return made.runtime[: runtime_length - sum(tables)]


def instructions(code: bytes) -> Iterator[int]:
    """The instructions of a contract, without what they push."""
    place = 0
    while place < len(code):
        yield code[place]
        place += 1 + (code[place] - 0x5F if 0x60 <= code[place] <= 0x7F else 0)


def test_gas_is_what_was_reviewed() -> None:
    """A change of cost is visible in review: `PYTHONPATH=contracts python tests/contracts/test_build.py`."""
    assert orjson.loads((CONTRACTS / "gas.json").read_bytes()) == measured()


def measured() -> dict[str, int]:
    """What a transaction with each call is charged, from the same state each time it is run."""
    evm, anchors, directory = Evm(), Anchors(ANCHORS), Directory(DIRECTORY)
    evm.deploy(constructor("anchors", ("address",), (DIRECTORY,)), STEWARD, account(90))
    other, first, second = b"\x0f" * 32, b"\xf1" * 32, b"\xf2" * 32
    steps = [
        ("anchors.register", anchors.register(other), OWNER),
        ("anchors.anchor, first of a log", anchors.anchor(LOG, 1_000, first), OWNER),
        ("anchors.anchor, the next", anchors.anchor(LOG, 2_000, second), OWNER),
        ("anchors.anchor, by another delegate", anchors.anchor(LOG, 3_000, first), PUBLISHER),
        ("anchors.anchor, repeated", anchors.anchor(LOG, 3_000, first), OWNER),
        ("anchors.set_verifier", anchors.set_verifier(VERIFIER, True), STEWARD),
        ("anchors.anchor_foreign, first of a log", anchors.anchor_foreign(other, 5, first), VERIFIER),
        ("anchors.anchor_foreign", anchors.anchor_foreign(other, 6, second), VERIFIER),
        ("anchors.offer_ownership", anchors.offer_ownership(LOG, 2), OWNER),
        ("anchors.accept_ownership", anchors.accept_ownership(LOG), member(2)),
        ("anchors.newest", anchors.newest(LOG), STRANGER),
        ("directory.point, next version", directory.point(name_word("Anchors"), account(90)), STEWARD),
        ("directory.lookup", directory.lookup(name_word("Anchors")), STRANGER),
        ("directory.lookup_at", directory.lookup_at(name_word("Anchors"), 1), STRANGER),
        ("directory.offer_governance", directory.offer_governance(OWNER), STEWARD),
        ("directory.accept_governance", directory.accept_governance(), OWNER),
    ]
    return {name: evm.send(call, sender).gas for name, call, sender in steps} | consortium()


def consortium() -> dict[str, int]:
    """What an ordinary day of the consortium costs."""
    evm, members, governance = Evm(), Members(MEMBERS), Governance(GOVERNANCE)
    network, quota = Network(NETWORK), Credits(CREDITS)
    applicant, machine = Account(b"\x11" * 32), Ed25519PrivateKey.from_private_bytes(b"\x13" * 32)
    application = (b"siren".ljust(32, b"\0"), "130025265", "Candidate", 0, b"FR", "")
    signature = consent(evm, applicant, identifier="130025265")
    key = machine.public_key().public_bytes_raw()
    proof = machine.sign(evm.ask(network.validator_digest(6)))
    word, calls = b"\x0f" * 32, ((NETWORK, network.advance().data),)
    opens, closes = evm.time + 1, evm.time + 61
    steps: list[tuple[str, Call[Any], Address]] = [
        ("members.apply", members.apply(application, applicant.address, word, signature), OWNER),
        ("admissions.admit_by_rule", Admissions(ADMISSIONS).admit_by_rule(7, 3, word), member(6)),
        ("members.set_scopes", members.set_scopes(PUBLISHER, 2, word), OWNER),
        ("members.acting", members.acting(OWNER, 2), STRANGER),
        ("members.member_of", members.member_of(OWNER, 1), STRANGER),
        ("governance.propose, one call", governance.propose(1, word, calls, opens, closes), OWNER),
        ("governance.give_proxy", governance.give_proxy(1, 2), member(3)),
        ("governance.cast, first", governance.cast(1, 1, word), OWNER),
        ("governance.cast, changed", governance.cast(1, 2, word), OWNER),
        ("governance.cast_for", governance.cast_for(1, 3, 1, word), member(2)),
        ("governance.missing", governance.missing(1), STRANGER),
        ("network.join", network.join(key, proof), member(6)),
        ("network.validators, six", network.validators(), STRANGER),
        ("network.nodes, one", network.nodes(), STRANGER),
        ("credits.grants, seven", quota.grants(0), STRANGER),
        ("members.suspend, one open vote", members.suspend(3), STEWARD),
        ("admissions.suspend, first officer", Admissions(ADMISSIONS).suspend(5, word), member(2)),
        ("admissions.suspend, second officer", Admissions(ADMISSIONS).suspend(5, word), member(4)),
    ]
    costs = {}
    for name, call, sender in steps:
        if name == "governance.give_proxy":
            evm.next_block()
        costs[name] = evm.send(call, sender).gas
    return costs


ORDER = [
    "Constants",
    "Immutables",
    "Structs",
    "Events",
    "Storage",
    "Constructor",
    "External functions that change",
    "External functions that only read",
    "Internal functions that change",
    "Internal functions that only read",
]


@pytest.mark.parametrize("path", EVERY_SOURCE, ids=lambda path: path.relative_to(CONTRACTS).as_posix())
def test_a_file_keeps_the_order(path: Path) -> None:
    """contracts/GUIDELINES.md, "The order of a file"."""
    text = path.read_text()
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n# pragma version 0.4.3\n")
    sections = re.findall(r"^# ([A-Z][a-z ]+)$", text, re.MULTILINE)
    assert sections == [section for section in ORDER if section in sections]
    for tag in ("@title", "@license Apache-2.0", "@notice"):
        assert tag in text.split('"""')[1]
    if path.suffix == ".vy":
        name = path.stem
        reasons = re.findall(r"assert [^\n]*, \"([^\"]*)\"", text)
        assert all(reason.startswith(f"{name}: ") for reason in reasons), reasons
        assert len(reasons) == len(re.findall(r"^\s+assert ", text, re.MULTILINE)), "a refusal without words"


@pytest.mark.parametrize("path", EVERY_SOURCE, ids=lambda path: path.relative_to(CONTRACTS).as_posix())
def test_every_function_has_its_words(path: Path) -> None:
    """NatSpec on everything: what it does, each argument, what it answers."""
    function = re.compile(r'^def (\w+)\((.*?)\)(?: -> ([^:]+))?:\n    """(.*?)"""', re.MULTILINE | re.DOTALL)
    functions = function.findall(path.read_text())
    assert len(functions) == len(re.findall(r"^def ", path.read_text(), re.MULTILINE))
    for name, arguments, answer, words in functions:
        assert "@notice" in words or "@dev" in words, name
        for argument in re.findall(r"(\w+):", arguments):
            assert f"@param {argument} " in words, f"{name}: {argument}"
        assert bool(answer) == ("@return" in words), name


if __name__ == "__main__":
    (CONTRACTS / "gas.json").write_bytes(
        orjson.dumps(measured(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
