# SPDX-License-Identifier: Apache-2.0
"""The law of admission: forms with every fault at once, where an application may go, and how long it is kept."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alliance import fields
from maillon.kit.countries import COUNTRIES
from maillon.services.members import errors, rules
from maillon.services.members.model import (
    AdmissionRule,
    Application,
    ApplicationState,
    Contact,
    Evidence,
    Identifier,
    Kind,
    Scope,
)

NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
APPLICATION = Application(
    id="0" * 24,
    state=ApplicationState.SUBMITTED,
    identifier=Identifier("siren", "552032534"),
    legal_name="Commune",
    kind=Kind.ADMINISTRATION,
    country="FR",
    contact=Contact("A", "a@b.cc", "fr"),
    message="",
    evidence=Evidence(0),
    invited_by=None,
    organisation=None,
    submitted=NOW,
    changed=NOW,
)


def test_a_form_is_read() -> None:
    form = rules.parse_application(fields())
    assert form.identifier == Identifier("siren", "552032534")
    assert form.kind is Kind.ADMINISTRATION
    assert form.contact == Contact("Camille Aubin", "camille.aubin@ambrun.example", "fr")


@pytest.mark.parametrize(
    ("changes", "faulty"),
    [
        ({"identifier": "552032543"}, {"identifier"}),
        ({"scheme": "duns"}, {"scheme"}),
        ({"legal_name": "Ban\u202eque"}, {"legal_name"}),
        ({"kind": "empire"}, {"kind"}),
        ({"country": "XX"}, {"country"}),
        ({"country": "DE"}, {"country"}),
        ({"contact_name": " "}, {"contact_name"}),
        ({"contact_address": "camille@ambrun"}, {"contact_address"}),
        ({"contact_address": "camille@é"}, {"contact_address"}),
        ({"contact_address": f"camille@{'é' * 80}.fr"}, {"contact_address"}),
        ({"contact_address": "a@b.cc\r\nBcc: all@b.cc"}, {"contact_address"}),
        ({"message": "x" * 3_000}, {"text"}),
        (dict.fromkeys(fields(), ""), {"scheme", "legal_name", "kind", "country", "contact_name", "contact_address"}),
    ],
)
def test_every_fault_of_a_form_is_told_at_once(changes: dict[str, str], faulty: set[str]) -> None:
    with pytest.raises(errors.InvalidApplication) as refused:
        rules.parse_application(fields(**changes))
    assert {fault.field for fault in refused.value.faults} == faulty
    assert len(refused.value.members["errors"]) == len(faulty)


def test_overseas_countries_are_in_the_register_of_france() -> None:
    assert rules.parse_application(fields(country="RE")).country == "RE"


@given(
    st.sampled_from(ApplicationState),
    st.sampled_from(ApplicationState),
    st.sampled_from(["applicant", "office:1", "ledger", "system"]),
)
def test_the_chain_alone_decides_on_who_stands_there(state: ApplicationState, to: ApplicationState, actor: str) -> None:
    try:
        rules.check_edge(replace(APPLICATION, state=state), to, actor)
    except errors.WrongState:
        return
    assert to in rules.EDGES[state]
    if ApplicationState.PRESENTED in (state, to):
        assert actor == "ledger"
    if state is ApplicationState.REFUSED:
        assert actor == "applicant"
    assert state not in (ApplicationState.ADMITTED, ApplicationState.WITHDRAWN)


@given(st.integers(0, 15), st.integers(0, 15), st.sampled_from([0, 16, 32, 64, 96, 48]))
def test_what_is_missing_is_what_the_contract_would_refuse(asked: int, seen: int, offices: int) -> None:
    rule = AdmissionRule(Kind.COMPANY, None, Scope.ADMISSION_OFFICER | Scope.VERIFIER, Evidence(asked), 1, 0)
    missing = rules.missing_evidence(rule, Evidence(seen), Scope(offices))
    assert (not missing) == (seen & asked == asked and offices & 96 != 0)


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        (ApplicationState.REFUSED, rules.CONTACT_KEPT),
        (ApplicationState.WITHDRAWN, rules.CONTACT_KEPT),
        (ApplicationState.ADMITTED, rules.DOCUMENTS_KEPT),
    ],
)
def test_what_is_private_is_kept_as_long_as_it_has_a_reason(state: ApplicationState, kept: datetime.timedelta) -> None:
    ended = replace(APPLICATION, state=state)
    assert not rules.is_expired(ended, NOW + kept - datetime.timedelta(seconds=1))
    assert rules.is_expired(ended, NOW + kept)
    assert not rules.is_expired(APPLICATION, NOW + 10 * kept)


@pytest.mark.parametrize("label", ["", "-a", "a-", "Camille", "a" * 33, "a b", "é", "a_b"])
def test_a_label_that_could_name_somebody_or_does_not_fit_is_refused(label: str) -> None:
    if label == "Camille":
        assert rules.parse_label(label) == "camille"
        return
    with pytest.raises(errors.InvalidLabel):
        rules.parse_label(label)


@pytest.mark.parametrize("word", ["officer", "admission-officer", "verifier", "root", ""])
def test_offices_are_given_by_votes_alone(word: str) -> None:
    with pytest.raises(errors.UnknownScope):
        rules.parse_scopes(["vote", word])
    assert rules.parse_scopes(["vote", "publish"]) == Scope.VOTE | Scope.PUBLISH


def test_kosovo_and_unions_are_no_codes_of_iso_and_countries_are() -> None:
    assert {"FR", "DE", "GR", "GB", "NO", "US"} <= COUNTRIES
    assert not COUNTRIES & {"EU", "UN", "ZZ", "XK", "EZ"}
    assert 240 < len(COUNTRIES) < 252
