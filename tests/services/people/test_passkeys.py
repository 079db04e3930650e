# SPDX-License-Identifier: Apache-2.0
"""Passkeys: joining and logging in, and every lie an authenticator or a page could tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from maillon.kit import audit
from maillon.services.people import rules
from maillon.services.people.errors import InvalidInvitation, LastWayIn, PasskeyRefused, StaleStep, UnknownKey
from maillon.services.people.foundation import Opened
from people_box import URL, Box
from software_authenticator import USER_PRESENT, SoftwareAuthenticator


def device() -> SoftwareAuthenticator:
    return SoftwareAuthenticator(URL, "localhost")


def join(box: Box, authenticator: SoftwareAuthenticator, code: str | None = None) -> Opened:
    options, step = box.people.join_passkey_options(code or box.first(), "ada@office.example", "Ada Martin", "fr")
    return box.people.join_with_passkey(step, authenticator.create(json.loads(options)), "Firefox, Linux", None)


def log_in(box: Box, authenticator: SoftwareAuthenticator) -> Opened:
    options, step = box.people.passkey_options()
    return box.people.log_in_with_passkey(step, authenticator.get(json.loads(options)), "", None)


def test_a_passkey_joins_and_logs_in(box: Box) -> None:
    authenticator = device()
    ada = box.actor(join(box, authenticator))
    opened = log_in(box, authenticator)
    assert box.actor(opened).person == ada.person
    assert opened.session.methods == {"passkey"}
    (record,) = box.people.account(ada).passkeys
    assert record.used == box.clock.now()


def test_options_ask_for_verification_and_name_nobody_but_the_newcomer(box: Box) -> None:
    options = json.loads(box.people.passkey_options()[0])
    assert options["userVerification"] == "required"
    assert options["rpId"] == "localhost"
    assert not options.get("allowCredentials")
    first, second = json.loads(box.people.passkey_options()[0]), json.loads(box.people.passkey_options()[0])
    assert first["challenge"] != second["challenge"]


@pytest.mark.parametrize("lie", ["origin", "party", "unverified", "type", "challenge", "nonsense"])
def test_a_lie_makes_no_account_and_uses_no_invitation_up(box: Box, lie: str) -> None:
    authenticator, code = device(), box.first()
    options, step = box.people.join_passkey_options(code, "ada@office.example", "Ada", "fr")
    answer = _lying(authenticator, json.loads(options), lie, registration=True)
    with pytest.raises(PasskeyRefused):
        box.people.join_with_passkey(step, answer, "", None)
    join(box, device(), code)


@pytest.mark.parametrize("lie", ["origin", "party", "unverified", "type", "challenge", "nonsense", "signature"])
def test_a_lie_opens_no_session(box: Box, lie: str) -> None:
    authenticator = device()
    join(box, authenticator)
    options, step = box.people.passkey_options()
    answer = _lying(authenticator, json.loads(options), lie, registration=False)
    with pytest.raises(PasskeyRefused):
        box.people.log_in_with_passkey(step, answer, "", None)


def _lying(authenticator: SoftwareAuthenticator, options: dict[str, Any], lie: str, *, registration: bool) -> str:
    if lie == "origin":
        authenticator.origin = "https://evil.example"
    elif lie == "party":
        authenticator.party = "evil.example"
    elif lie == "unverified":
        authenticator.flags = USER_PRESENT
    elif lie == "challenge":
        options["challenge"] = "A" * 43
    elif lie == "nonsense":
        return json.dumps({"id": "AAAA", "rawId": "AAAA", "response": 7})
    elif lie == "signature":
        authenticator.key = device().key
    if registration:
        return authenticator.get(options) if lie == "type" else authenticator.create(options)
    return authenticator.get(options, "webauthn.create" if lie == "type" else "webauthn.get")


@pytest.mark.parametrize("answer", ["", "[]", "null", "{", "{}", '{"id": 7}', "[" * 5000, "x" * 20_000])
def test_what_is_no_answer_is_refused(box: Box, answer: str) -> None:
    _, step = box.people.passkey_options()
    with pytest.raises(PasskeyRefused):
        box.people.log_in_with_passkey(step, answer, "", None)


@pytest.mark.parametrize("step_back", [0, 1, 5])
def test_a_count_that_does_not_grow_is_a_copy(box: Box, step_back: int) -> None:
    authenticator = device()
    join(box, authenticator)
    for _ in range(6):
        log_in(box, authenticator)
    authenticator.count -= step_back + 1
    with pytest.raises(PasskeyRefused):
        log_in(box, authenticator)
    with box.store.read() as connection:
        assert audit.newest(connection, 1)[0][1].tag == "portal:passkey:refused"


def test_an_authenticator_that_does_not_count_is_taken(box: Box) -> None:
    authenticator = device()
    join(box, authenticator)
    for _ in range(3):
        authenticator.count = -1
        log_in(box, authenticator)


def test_an_answer_is_good_once_and_for_its_step(box: Box) -> None:
    authenticator = device()
    join(box, authenticator)
    options, step = box.people.passkey_options()
    answer = authenticator.get(json.loads(options))
    box.people.log_in_with_passkey(step, answer, "", None)
    with pytest.raises(StaleStep):
        box.people.log_in_with_passkey(step, answer, "", None)
    _, other = box.people.passkey_options()
    with pytest.raises(PasskeyRefused):
        box.people.log_in_with_passkey(other, answer, "", None)
    options, late = box.people.passkey_options()
    box.clock.advance(rules.STEP_LIFE.total_seconds())
    with pytest.raises(StaleStep):
        box.people.log_in_with_passkey(late, authenticator.get(json.loads(options)), "", None)


def test_an_unknown_passkey_opens_nothing(box: Box) -> None:
    with pytest.raises(PasskeyRefused, match="not known"):
        log_in(box, device())


def test_another_passkey_is_added_and_the_last_way_in_stays(box: Box) -> None:
    first, second = device(), device()
    ada = box.actor(join(box, first))
    options, step = box.people.add_passkey_options(ada)
    assert len(json.loads(options)["excludeCredentials"]) == 1
    box.people.add_passkey(ada, step, second.create(json.loads(options)), "phone")
    log_in(box, second)
    assert any("clé d’accès a été ajoutée" in text for text in box.letters("ada@office.example"))
    one, two = box.people.account(ada).passkeys
    with pytest.raises(UnknownKey):
        box.people.remove_passkey(ada, "0" * 16)
    box.people.remove_passkey(ada, one.id)
    with pytest.raises(PasskeyRefused):
        log_in(box, first)
    with pytest.raises(LastWayIn):
        box.people.remove_passkey(ada, two.id)


def test_a_step_to_add_a_passkey_is_its_owners(box: Box) -> None:
    ada = box.actor(join(box, device()))
    eve, _, _ = box.member(ada, "velle", "eve@velle.example")
    options, step = box.people.add_passkey_options(ada)
    with pytest.raises(StaleStep):
        box.people.add_passkey(eve, step, device().create(json.loads(options)), "mine")


def test_one_passkey_is_nobody_elses(box: Box) -> None:
    authenticator = device()
    ada = box.actor(join(box, authenticator))
    eve, _, _ = box.member(ada, "velle", "eve@velle.example")
    options, step = box.people.add_passkey_options(eve)
    with pytest.raises(PasskeyRefused, match="already"):
        box.people.add_passkey(eve, step, authenticator.create(json.loads(options)), "copied")


def test_an_invitation_used_meanwhile_makes_no_second_account(box: Box) -> None:
    code = box.first()
    options, step = box.people.join_passkey_options(code, "ada@office.example", "Ada", "fr")
    join(box, device(), code)
    with pytest.raises(InvalidInvitation):
        box.people.join_with_passkey(step, device().create(json.loads(options)), "", None)
    with box.store.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM people_person")) == 1


def test_a_passkey_account_recovers_by_letter_and_code(box: Box) -> None:
    opened = join(box, device())
    box.people.ask_new_password("ada@office.example")
    box.people.set_new_password(box.code("ada@office.example"), "velvet anchor sixteen pumice")
    step = box.people.begin_log_in("ada@office.example", "velvet anchor sixteen pumice")
    ada = box.actor(box.people.finish_log_in(step, opened.recovery_codes[0], "", None))
    assert not box.people.account(ada).person.has_authenticator
