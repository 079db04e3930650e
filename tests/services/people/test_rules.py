# SPDX-License-Identifier: Apache-2.0
"""Who may do what: every rule of the decision, and properties that hold whatever is asked."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillon.kit.access import SCOPES
from maillon.services.people import rules
from maillon.services.people.errors import InvalidAddress, InvalidOrganisation, UnknownAction
from maillon.services.people.model import NOBODY, OFFICE, Action, Actor, Role, Target

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
VELLE = Target("organisation", "velle")


def person(*roles: Role, organisation: str = "velle", minutes: float = 1) -> Actor:
    shown = NOW - datetime.timedelta(minutes=minutes)
    return Actor(person="a" * 20, roles={organisation: frozenset(roles)} if roles else {}, authenticated=shown)


def key(*scopes: str, organisation: str | None = "velle") -> Actor:
    return Actor(key="k" * 16, organisation=organisation, scopes=frozenset(scopes))


@pytest.mark.parametrize(
    ("actor", "action", "target", "reason"),
    [
        (NOBODY, rules.PEOPLE_READ, VELLE, "nobody"),
        (person(Role.ADMINISTRATOR), rules.PEOPLE_READ, Target("instance"), "wrong-object"),
        (person(Role.ADMINISTRATOR), rules.PEOPLE_READ, Target("organisation", "ambrun"), "no-role"),
        (person(Role.MEMBER), rules.PEOPLE_READ, VELLE, "other-role"),
        (person(), rules.PEOPLE_READ, VELLE, "no-role"),
        (person(Role.ADMINISTRATOR, minutes=15), rules.KEY_CHANGE, VELLE, "stale"),
        (person(Role.ADMINISTRATOR, minutes=-1), rules.KEY_CHANGE, VELLE, "stale"),
        (person(Role.ADMINISTRATOR, organisation=OFFICE), rules.KEY_CHANGE, VELLE, "no-role"),
        (person(Role.ADMINISTRATOR), rules.INSTANCE_OPERATE, Target("instance"), "no-role"),
        (person(), rules.ACCOUNT_READ, Target("person", "b" * 20), "other-person"),
        (key("admin", organisation=None), rules.ACCOUNT_READ, Target("person", "b" * 20), "not-a-person"),
        (key("people:manage"), rules.PEOPLE_READ, Target("organisation", "ambrun"), "other-organisation"),
        (key("notary:write"), rules.PEOPLE_READ, VELLE, "no-scope"),
        (key("people:manage"), rules.KEY_CHANGE, VELLE, "no-scope"),
        (key("people:manage", organisation=None), rules.PEOPLE_READ, VELLE, "other-organisation"),
    ],
)
def test_what_is_refused_says_why(actor: Actor, action: Action, target: Target, reason: str) -> None:
    decision = rules.decide(actor, action, target, NOW)
    assert not decision.allowed
    assert decision.reasons[-1].name == reason
    assert all(link.holds for link in decision.reasons[:-1])


@pytest.mark.parametrize(
    ("actor", "action", "target", "reason"),
    [
        (person(Role.ADMINISTRATOR), rules.PEOPLE_READ, VELLE, "role"),
        (person(Role.ADMINISTRATOR), rules.KEY_CHANGE, VELLE, "fresh"),
        (person(Role.MEMBER), rules.ENTRY_APPEND, VELLE, "role"),
        (person(Role.ADMINISTRATOR, organisation=OFFICE), rules.PEOPLE_INVITE, VELLE, "office"),
        (person(Role.ADMINISTRATOR, organisation=OFFICE), rules.INSTANCE_OPERATE, Target("instance"), "role"),
        (person(), rules.ACCOUNT_ERASE, Target("person", "a" * 20), "fresh"),
        (key("people:manage"), rules.PEOPLE_CHANGE, VELLE, "scope"),
        (key("admin", organisation=None), rules.KEY_CHANGE, VELLE, "instance-key"),
    ],
)
def test_what_is_allowed_says_why_too(actor: Actor, action: Action, target: Target, reason: str) -> None:
    decision = rules.decide(actor, action, target, NOW)
    assert decision.allowed
    assert decision.reasons[-1].name == reason


IDS = st.sampled_from(["velle", "ambrun", OFFICE])
ACTORS = st.one_of(
    st.just(NOBODY),
    st.builds(
        lambda roles, minutes: Actor(
            person="a" * 20, roles=roles, authenticated=NOW - datetime.timedelta(minutes=minutes)
        ),
        st.dictionaries(IDS, st.frozensets(st.sampled_from(Role), min_size=1)),
        st.integers(-100, 100),
    ),
    st.builds(
        lambda organisation, scopes: Actor(key="k", organisation=organisation, scopes=scopes),
        st.none() | IDS,
        st.frozensets(st.sampled_from(sorted(SCOPES))),
    ),
)
TARGETS = st.one_of(
    st.builds(lambda name: Target("organisation", name), IDS),
    st.sampled_from([Target("person", "a" * 20), Target("person", "b" * 20), Target("instance")]),
)
ACTIONS = st.sampled_from(sorted(rules.ACTIONS.values(), key=lambda action: action.name))


@given(ACTORS, ACTIONS, TARGETS)
def test_nothing_is_allowed_without_a_right_to_it(actor: Actor, action: Action, target: Target) -> None:
    decision = rules.decide(actor, action, target, NOW)
    assert decision.reasons
    assert decision.allowed == all(link.holds for link in decision.reasons)
    if not decision.allowed:
        return
    assert not actor.is_nobody
    assert action.on == target.kind
    if target.kind == "person":
        assert actor.person == target.id
    elif actor.key is not None:
        assert actor.organisation == target.id or "admin" in actor.scopes
    else:
        own = actor.roles.get(OFFICE if target.kind == "instance" else target.id, frozenset())
        office = action.office and Role.ADMINISTRATOR in actor.roles.get(OFFICE, frozenset())
        assert own & action.roles or office
    if action.fresh and actor.person is not None:
        assert actor.authenticated is not None
        assert actor.authenticated <= NOW < actor.authenticated + rules.FRESH


@given(ACTORS, ACTIONS, TARGETS, st.sampled_from(Role), IDS)
def test_one_more_role_takes_nothing_away(
    actor: Actor, action: Action, target: Target, role: Role, organisation: str
) -> None:
    if actor.person is None:
        return
    more = dict(actor.roles) | {organisation: actor.roles.get(organisation, frozenset()) | {role}}
    richer = Actor(person=actor.person, roles=more, authenticated=actor.authenticated)
    assert rules.decide(actor, action, target, NOW).allowed <= rules.decide(richer, action, target, NOW).allowed


def test_two_actions_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two actions"):
        rules.register(Action("people:read", "something else", "instance"))


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a@", "@b.example", "a@b", "a b@c.example", "a@b..example", "a@b.example\nBcc:x", "é@b.example",
        "a" * 250 + "@b.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddress):
        rules.parse_address(text)


@pytest.mark.parametrize("text", ["", "../office", "a/b", " velle", "velle\n", "x" * 81, "é"])
def test_what_is_no_organisation_is_refused(text: str) -> None:
    with pytest.raises(InvalidOrganisation):
        rules.parse_organisation(text)


@pytest.mark.parametrize("text", ["", "velle", "person:velle", "organisation:", "instance:1", "person:" + "g" * 20])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(UnknownAction):
        rules.parse_target(text)


@given(st.integers(0, 10**6))
def test_waiting_grows_and_ends(failures: int) -> None:
    assert 0 <= rules.waiting_seconds(failures) <= rules.waiting_seconds(failures + 1) <= rules.LONGEST_WAIT


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans())), st.none() | st.integers(0, 100))
def test_no_period_is_used_twice(codes: list[tuple[int, bool]], last: int | None) -> None:
    step = rules.matching_step(codes, last)
    assert step is None or ((step, True) in codes and (last is None or step > last))
