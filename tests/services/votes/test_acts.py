# SPDX-License-Identifier: Apache-2.0
"""What calls mean: read only when certain, shown raw otherwise, and every row true of the contracts themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_file
from hypothesis import given
from hypothesis import strategies as st

from maillon.kit.language import LANGUAGES, Messages
from maillon.ledger.abi import artifact
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network
from maillon.ledger.genesis import ADMISSIONS, DIRECTORY, GOVERNANCE, MEMBERS, NETWORK, SYSTEM
from maillon.ledger.port import Address
from maillon.services.votes import words
from maillon.services.votes.acts import (
    CONTRACTS,
    EFFECTS,
    NONE,
    Act,
    RawAct,
    RuleFact,
    StandingFact,
    Unit,
    Unread,
    Value,
    effects,
    questions,
    read,
    write,
)
from maillon.services.votes.documents import effect_document
from maillon.services.votes.model import ProposedCall, Statutes, Terms
from maillon.services.votes.words import _ACTS, _WHAT, Words

BOOK = {address: name for name, address in SYSTEM.items()}
ELSEWHERE = Address(b"\x66" * 20)
NAMES = {5: "Commune d’Ambrun"}.__getitem__


def call(made: Any) -> ProposedCall:
    return ProposedCall(made.to, made.data)


def test_a_call_is_read_with_its_arguments() -> None:
    act = read(call(Members(MEMBERS).suspend(5)), BOOK)
    assert isinstance(act, Act)
    assert (act.key, dict(act.arguments)) == ("Members.suspend", {"organisation": 5})


def test_an_unknown_target_stays_raw_and_warns() -> None:
    act = read(ProposedCall(ELSEWHERE, b"\1\2\3\4"), BOOK)
    assert act == RawAct(ProposedCall(ELSEWHERE, b"\1\2\3\4"), Unread.UNKNOWN_TARGET)
    assert "0x6666666666666666666666666666666666666666" in Words("en").act(act)
    assert "Warning" in Words("en").act(act)
    assert "Attention" in Words("fr").act(act)


def test_a_contract_that_moved_is_no_longer_read_by_its_old_address() -> None:
    book = {**BOOK, ELSEWHERE: "Members"}
    del book[MEMBERS]
    act = read(call(Members(MEMBERS).suspend(5)), book)
    assert isinstance(act, RawAct)
    assert act.reason is Unread.UNKNOWN_TARGET
    moved = read(call(Members(ELSEWHERE).suspend(5)), book)
    assert isinstance(moved, Act)


@pytest.mark.parametrize("data", [b"", b"\0", b"\1\2\3\4", bytes(40)])
def test_an_unknown_function_stays_raw(data: bytes) -> None:
    act = read(ProposedCall(MEMBERS, data), BOOK)
    assert isinstance(act, RawAct)
    assert act.reason is Unread.UNKNOWN_FUNCTION
    assert "would fail" in Words("en").act(act)


@given(st.binary(max_size=80), st.integers(0, 100))
def test_whatever_is_not_written_the_one_way_stays_raw(tail: bytes, cut: int) -> None:
    """Padding, trailing bytes and dirty words could make a page say one thing and a contract read another."""
    good = call(Members(MEMBERS).rename(5, "Ambrun"))
    for data in (good.data + tail, good.data[: max(4, len(good.data) - cut)]):
        act = read(ProposedCall(MEMBERS, data), BOOK)
        assert isinstance(act, Act) == (data == good.data)
        if isinstance(act, RawAct):
            assert act.reason is Unread.UNUSUAL_ENCODING


def test_an_offset_that_overlaps_stays_raw() -> None:
    good = call(Members(MEMBERS).rename(32, "Ambrun")).data
    # The string's offset points into the head: decoders accept it, and would show another name.
    dirty = good[:36] + (0).to_bytes(32, "big") + good[68:]
    act = read(ProposedCall(MEMBERS, dirty), BOOK)
    assert isinstance(act, RawAct)


def test_every_contract_that_votes_reach_has_its_artifact_and_every_act_its_function_and_words() -> None:
    for key in EFFECTS:
        contract, function = key.split(".")
        assert function in {entry.get("name") for entry in artifact(CONTRACTS[contract]).abi}
        if key != "Members.apply_again":
            assert key in _ACTS
    assert set(_ACTS) == set(EFFECTS)


STATUTES = Statutes(
    (Terms(2_500, 1, 2, 60, 10), Terms(5_000, 2, 3, 60, 20), Terms(3_334, 2, 3, 30, 0)), 0, 60, 3, False, (1,) * 8
)
STATUTES_ARGUMENT = (
    ((5_000, 1, 2, 60, 10), (5_000, 2, 3, 60, 20), (3_334, 2, 3, 30, 0)), 0, 60, 3, True, (1, 2, 1, 1, 1, 1, 1, 1)
)  # fmt: skip


def rows(calls: list[ProposedCall], facts: dict[tuple[Any, ...], Any]) -> list[tuple[str, Value | None, Value]]:
    found = effects([read(each, BOOK) for each in calls], facts)
    return [(change.what, change.before, change.after) for each in found for change in each.changes]


def test_a_suspension_is_set_against_what_the_register_says() -> None:
    facts = {("standing", 5): StandingFact(2, 4, 0, 0, "FR", 0)}
    assert rows([call(Members(MEMBERS).suspend(5))], facts) == [
        ("status", Value(Unit.STATUS, (2, 0)), Value(Unit.STATUS, (3, 0)))
    ]


def test_calls_happen_one_after_the_other() -> None:
    facts = {("standing", 5): StandingFact(2, 4, 0, 0, "FR", 0)}
    found = rows([call(Members(MEMBERS).suspend(5)), call(Members(MEMBERS).exclude(5))], facts)
    assert [before for _, before, _ in found] == [Value(Unit.STATUS, (2, 0)), Value(Unit.STATUS, (3, 0))]


def test_what_could_not_be_asked_is_said_so() -> None:
    acts = [read(call(Members(MEMBERS).suspend(5)), BOOK)]
    (effect,) = effects(acts, {})
    assert effect.changes[0].before is None
    assert Words("en").value(effect.changes[0].before) == "could not be read"
    assert questions(acts) == (("legal_name", 5), ("standing", 5))


def test_an_organisation_is_called_what_it_was_called_before_the_call() -> None:
    calls = [call(Members(MEMBERS).rename(5, "Ambrun-la-Neuve")), call(Members(MEMBERS).suspend(5))]
    acts = [read(each, BOOK) for each in calls]
    said = Words("en", lambda _: "Ambrun-la-Neuve")
    renamed, suspended = effects(acts, {("legal_name", 5): "Ambrun"})
    assert said.calling(renamed.names).act(renamed.act) == "The register would call Ambrun “Ambrun-la-Neuve”."
    # The second call meets what the first leaves.
    assert said.calling(suspended.names).act(suspended.act).startswith("Ambrun-la-Neuve would")
    # What the chain cannot tell is said by the register.
    (unknown, _) = effects(acts, {})
    assert unknown.names == {}
    assert said.calling(unknown.names).organisation(5) == "Ambrun-la-Neuve"


def test_no_act_that_was_done_is_said_as_if_it_were_not() -> None:
    """Each says what it would do and what it did, in both languages."""
    path = Path(words.__file__)
    pairs = [message for _, message, _, _ in extract_from_file("python", path, keywords={"turned": (1, 2)})]
    conditional = re.compile(r"would|[a-zé]rai(?:t|ent)\b")
    assert len(pairs) > 30
    for would, done in pairs:
        for language in LANGUAGES:
            said = Messages(language)
            assert conditional.search(said.say(would)), would
            assert not conditional.search(said.say(done)), done


def test_a_rule_in_words_and_rows() -> None:
    made = call(Admissions(ADMISSIONS).set_rule(4, b"\0\0", (True, 96, 0b11, 1, 0)))
    act = read(made, BOOK)
    assert Words("en").act(act) == (
        "The rule of admission would accept associations from every country without a rule of its own."
    )
    assert Words("fr").act(act) == "La règle d’admission accepterait les associations de tout pays sans règle propre."
    found = rows([made], {("rule", 4, ""): RuleFact(defined=False)})
    assert found[0] == ("rule_admits", Value(Unit.YES_NO, raw=False), Value(Unit.YES_NO, raw=True))
    assert found[1] == ("rule_offices", NONE, Value(Unit.OFFICES, 96))


def test_a_country_left_to_the_general_rule_has_the_general_rule() -> None:
    made = call(Admissions(ADMISSIONS).set_rule(4, b"CH", (False, 0, 0, 0, 0)))
    general = RuleFact(True, 32, 0b1, 2, 1)
    found = rows([made], {("rule", 4, "CH"): RuleFact(True, 64, 0, 0, 0), ("rule", 4, ""): general})
    assert found[1] == ("rule_offices", Value(Unit.OFFICES, 64), Value(Unit.OFFICES, 32))


def test_after_the_general_rule_changed_a_country_is_unsure() -> None:
    calls = [
        call(Admissions(ADMISSIONS).set_rule(4, b"\0\0", (True, 96, 0, 0, 0))),
        call(Admissions(ADMISSIONS).set_rule(4, b"CH", (True, 32, 0, 0, 0))),
    ]
    known = RuleFact(defined=False)
    found = rows(calls, {("rule", 4, "CH"): known, ("rule", 4, ""): known})
    assert found[5][1] is None


def test_statutes_row_by_row() -> None:
    made = call(Governance(GOVERNANCE).set_statutes(STATUTES_ARGUMENT))
    found = effects([read(made, BOOK)], {("statutes",): STATUTES})[0].changes
    changed = {(change.what, change.about): (change.before, change.after) for change in found if not change.is_none}
    assert changed == {
        ("quorum", ("ordinary",)): (Value(Unit.PARTS, 2_500), Value(Unit.PARTS, 5_000)),
        ("by_college", ()): (Value(Unit.YES_NO, raw=False), Value(Unit.YES_NO, raw=True)),
        ("weight", (1,)): (Value(Unit.NUMBER, 1), Value(Unit.NUMBER, 2)),
    }
    assert Words("fr").value(Value(Unit.PARTS, 2_500)) == "25\u00a0%"
    assert Words("en").value(Value(Unit.PARTS, 3_334)) == "33.34%"


def test_the_directory_by_its_names() -> None:
    made = call(Directory(DIRECTORY).point(b"Anchors".ljust(32, b"\0"), ELSEWHERE))
    assert Words("en").act(read(made, BOOK)) == (
        "The name Anchors would lead to 0x6666666666666666666666666666666666666666."
    )
    found = rows([made], {("name", b"Anchors".ljust(32, b"\0")): SYSTEM["Anchors"]})
    assert found == [("name", Value(Unit.ADDRESS, SYSTEM["Anchors"]), Value(Unit.ADDRESS, ELSEWHERE))]


def test_leading_the_register_elsewhere_is_warned_of() -> None:
    made = call(Directory(DIRECTORY).point(b"Members".ljust(32, b"\0"), ELSEWHERE))
    for language, passage in (("en", "has no vote"), ("fr", "n’a pas de voix")):
        document = effect_document(effects([read(made, BOOK)], {})[0], Words(language))
        assert document["warning"] == "another-register"
        assert passage in document["in_words"]
    other = effects([read(call(Directory(DIRECTORY).point(b"Anchors".ljust(32, b"\0"), ELSEWHERE)), BOOK)], {})[0]
    assert effect_document(other, Words("en"))["warning"] is None


def test_what_is_so_already_is_said_to_change_nothing() -> None:
    acts = [read(call(Network(NETWORK).set_minimum(4)), BOOK)]
    (effect,) = effects(acts, {("minimum",): 4})
    assert "nothing would change" in Words("en").act(effect.act, effect.changes)


def test_a_function_without_words_of_its_own_is_named_with_its_arguments() -> None:
    act = read(call(Network(NETWORK).clear_node(b"\xaa" * 64)), BOOK)
    said = Words("en").act(act)
    assert "clear_node(execution_key=0xaaaa" in said
    assert "Network" in said


def test_write_is_the_other_way_of_read() -> None:
    made = write("Members", "suspend", (5,), BOOK)
    assert made == call(Members(MEMBERS).suspend(5))
    with pytest.raises(KeyError):
        write("Members", "abolish", (), BOOK)


EVERY_ACT: dict[str, tuple[Any, ...]] = {
    "Directory.point": (b"Anchors".ljust(32, b"\0"), ELSEWHERE),
    "Directory.offer_governance": (ELSEWHERE,),
    "Governance.set_statutes": (STATUTES_ARGUMENT,),
    "Admissions.set_rule": (4, b"FR", (True, 32, 1, 0, 0)),
    "Members.admit": (5, 1, 0),
    "Members.refuse": (5,),
    "Members.suspend": (5,),
    "Members.reinstate": (5,),
    "Members.exclude": (5,),
    "Members.apply_again": (5,),
    "Members.classify": (5, 4, 1, 0, b"FR"),
    "Members.set_roles": (5, 3),
    "Members.appoint": (ELSEWHERE, 48),
    "Members.install_admin": (5, ELSEWHERE, bytes(32), b""),
    "Members.rename": (5, "Ambrun"),
    "Network.set_power": (b"\1" * 32, 2),
    "Network.retire": (b"\1" * 32,),
    "Network.set_limit": (5, 2),
    "Network.set_minimum": (5,),
    "Network.set_node_limits": ((1,) * 8,),
    "Credits.set_allowances": ((1_000,) * 8,),
    "Credits.set_floor_tip": (2 * 10**9,),
    "Anchors.set_verifier": (ELSEWHERE, True),
}


@pytest.mark.parametrize("key", sorted(EFFECTS))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_act_has_its_words_and_rows_in_both_languages(key: str, language: Any) -> None:
    contract, function = key.split(".")
    act = read(write(contract, function, EVERY_ACT[key], BOOK), BOOK)
    assert isinstance(act, Act)
    (effect,) = effects([act], {})
    words = Words(language, NAMES)
    assert words.act(act, effect.changes).endswith(".")
    assert effect.changes
    for change in effect.changes:
        assert change.what in _WHAT
        assert words.what(change)
        assert words.value(change.after)
