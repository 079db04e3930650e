# SPDX-License-Identifier: Apache-2.0
"""Accounts, from the invitation to the erasure, and every way in which a code, a password or a session is no good."""

from __future__ import annotations

import datetime

import orjson
import pyotp
import pytest
import sqlalchemy as sa

from maillon.kit import audit
from maillon.kit.encryption import Encryption
from maillon.kit.errors import AccessDenied
from maillon.services.people import OFFICE, rules
from maillon.services.people.errors import (
    AddressTaken,
    InvalidInvitation,
    InvalidKeyScopes,
    InvalidName,
    InvalidRoles,
    LastAdministrator,
    LoginPending,
    NotAllowed,
    StaleList,
    StaleStep,
    TooManyAttempts,
    UnknownKey,
    UnknownPerson,
    WeakPassword,
    WrongCode,
    WrongCredentials,
)
from maillon.services.people.foundation import Opened
from maillon.services.people.model import SessionKind
from maillon.services.people.store import INVITATION, PERSON, SESSION, TICKET, PeopleStore
from people_box import OTHER_PASSWORD, PASSWORD, Box


def log_in(box: Box, secret: str, address: str = "ada@office.example", password: str = PASSWORD) -> Opened:
    step = box.people.begin_log_in(address, password)
    return box.people.finish_log_in(step, box.otp(secret), "Firefox, Linux", None)


def test_the_first_administrator_joins_once(box: Box) -> None:
    code = box.first()
    opened, _ = box.join(code, "ada@office.example")
    actor = box.actor(opened)
    assert actor.roles == {OFFICE: frozenset({"administrator"})}
    assert len(opened.recovery_codes) == 10
    assert box.people.invite_first_administrator() is None
    with pytest.raises(InvalidInvitation):
        box.people.join_with_password(code, "eve@evil.example", "Eve", PASSWORD, "en")


def test_a_second_first_link_makes_the_first_worthless(box: Box) -> None:
    earlier, later = box.first(), box.first()
    with pytest.raises(InvalidInvitation):
        box.people.invitation(earlier)
    assert box.people.invitation(later).organisation == OFFICE


def test_an_invitation_is_for_one_address_once_and_for_a_week(box: Box) -> None:
    office, _, _ = box.administrator()
    box.people.invite(office, "velle", "Clerk@Velle.example", ["member"], "en")
    code = box.code("clerk@velle.example")
    with pytest.raises(InvalidInvitation, match="another address"):
        box.people.join_with_password(code, "eve@evil.example", "Eve", PASSWORD, "en")
    box.join(code, "clerk@velle.example")
    with pytest.raises(InvalidInvitation):
        box.people.invitation(code)
    box.people.invite(office, "velle", "late@velle.example", ["member"], "en")
    late = box.code("late@velle.example")
    box.clock.advance(rules.INVITATION_LIFE.total_seconds())
    with pytest.raises(InvalidInvitation, match="expired"):
        box.people.invitation(late)


def test_a_letter_tells_a_moment_in_the_words_of_its_reader(box: Box) -> None:
    ada, _, _ = box.administrator()
    for language, until in (("fr", "8 mars 2026, 13:"), ("en", "8 March 2026, 13:")):
        address = f"{language}@office.example"
        box.people.invite(ada, "office", address, ["member"], "fr" if language == "fr" else "en")
        (letter,) = box.letters(address)
        assert until in letter
        assert "UTC" not in letter


def test_a_withdrawn_invitation_is_worthless(box: Box) -> None:
    office, _, _ = box.administrator()
    sent = box.people.invite(office, "velle", "clerk@velle.example", ["member"], "fr")
    with pytest.raises(InvalidInvitation):
        box.people.revoke_invitation(office, "ambrun", sent.id)
    box.people.revoke_invitation(office, "velle", sent.id)
    with pytest.raises(InvalidInvitation):
        box.people.invitation(box.code("clerk@velle.example"))


def test_two_who_join_with_one_code_are_one(box: Box) -> None:
    code = box.first()
    steps = [box.people.join_with_password(code, "ada@office.example", "Ada", PASSWORD, "fr") for _ in range(2)]
    box.people.finish_join(steps[0].step, box.otp(steps[0].secret), "", None)
    with pytest.raises(InvalidInvitation):
        box.people.finish_join(steps[1].step, box.otp(steps[1].secret), "", None)


def test_nothing_is_kept_of_who_gives_up_half_way(box: Box) -> None:
    box.people.join_with_password(box.first(), "ada@office.example", "Ada", PASSWORD, "fr")
    box.clock.advance(rules.STEP_LIFE.total_seconds())
    box.people.keep_house()
    with box.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(TICKET)) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(PERSON)) == 0


def test_who_has_an_account_takes_a_second_invitation(box: Box) -> None:
    office, _, _ = box.administrator()
    clerk, _, _ = box.member(office, "velle", "clerk@velle.example", "member")
    box.people.invite(office, "ambrun", "clerk@velle.example", ["delegate"], "fr")
    code = box.code("clerk@velle.example")
    with pytest.raises(AddressTaken):
        box.join(code, "clerk@velle.example")
    with pytest.raises(InvalidInvitation):
        box.people.accept(office, code)
    assert box.people.accept(clerk, code) == "ambrun"
    with pytest.raises(InvalidInvitation):
        box.people.accept(clerk, code)


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 201, "password1234", "123456789012", "adamartin2026", "Alliance2026!", "aaaaaaaaaaaaaaa"],
)
def test_a_password_that_would_be_guessed_is_refused(box: Box, password: str) -> None:
    with pytest.raises(WeakPassword):
        box.people.join_with_password(box.first(), "ada@office.example", "Ada Martin", password, "fr")


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "Ada\u202e", "Ada\u200b", "A\x00da", "\ue000"])
def test_a_name_that_does_not_show_is_refused(box: Box, name: str) -> None:
    with pytest.raises(InvalidName):
        box.people.join_with_password(box.first(), "ada@office.example", name, PASSWORD, "fr")


def test_password_and_code_open_a_session(box: Box) -> None:
    _, _, secret = box.administrator()
    opened = log_in(box, secret)
    assert box.actor(opened).name == "Ada Martin"
    assert opened.session.methods == {"password", "otp"}


def test_nobody_learns_whether_there_is_an_account(box: Box) -> None:
    box.administrator()
    said = []
    for address in ("ada@office.example", "nobody@office.example", "no address"):
        with pytest.raises(WrongCredentials) as refused:
            box.people.begin_log_in(address, "wrong password here")
        said.append(str(refused.value))
    assert len(set(said)) == 1
    before = len(box.office.letters)
    box.people.ask_new_password("nobody@office.example")
    box.people.ask_new_password("no address")
    box.outbox.deliver()
    assert len(box.office.letters) == before


def test_the_same_work_is_done_without_an_account(box: Box) -> None:
    box.administrator()
    for tries, address in enumerate(("ada@office.example", "nobody@office.example"), 1):
        with pytest.raises(WrongCredentials):
            box.people.begin_log_in(address, "wrong password here")
        assert box.hasher.checked == tries


def test_guessing_a_password_is_slowed_down_and_forgiven(box: Box) -> None:
    _, _, secret = box.administrator()
    for address in ("ada@office.example", "nobody@office.example"):
        for _ in range(rules.FREE_ATTEMPTS):
            with pytest.raises(WrongCredentials):
                box.people.begin_log_in(address, "wrong password here")
        with pytest.raises(TooManyAttempts):
            box.people.begin_log_in(address, PASSWORD)
    box.clock.advance(rules.LONGEST_WAIT)
    log_in(box, secret)
    with pytest.raises(WrongCredentials):
        box.people.begin_log_in("ada@office.example", "wrong password here")


def test_guessing_a_code_is_slowed_down_whatever_the_step(box: Box) -> None:
    _, _, secret = box.administrator()
    for _ in range(rules.FREE_ATTEMPTS):
        step = box.people.begin_log_in("ada@office.example", PASSWORD)
        with pytest.raises(WrongCode):
            box.people.finish_log_in(step, "000000", "", None)
    step = box.people.begin_log_in("ada@office.example", PASSWORD)
    with pytest.raises(TooManyAttempts):
        box.people.finish_log_in(step, pyotp.TOTP(secret).at(box.clock.now()), "", None)


def test_a_code_is_good_once_and_no_earlier_one_after_it(box: Box) -> None:
    _, _, secret = box.administrator()
    code = box.otp(secret)
    first, second, third = (box.people.begin_log_in("ada@office.example", PASSWORD) for _ in range(3))
    box.people.finish_log_in(first, code, "", None)
    with pytest.raises(WrongCode):
        box.people.finish_log_in(second, code, "", None)
    with pytest.raises(WrongCode):
        box.people.finish_log_in(
            third, pyotp.TOTP(secret).at(box.clock.now() - datetime.timedelta(seconds=30)), "", None
        )


@pytest.mark.parametrize(("skew", "accepted"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_device_may_be_half_a_minute_wrong(box: Box, skew: int, accepted: bool) -> None:
    _, _, secret = box.administrator()
    box.clock.advance(300)
    step = box.people.begin_log_in("ada@office.example", PASSWORD)
    code = pyotp.TOTP(secret).at(box.clock.now() + datetime.timedelta(seconds=skew))
    if accepted:
        box.people.finish_log_in(step, code, "", None)
    else:
        with pytest.raises(WrongCode):
            box.people.finish_log_in(step, code, "", None)


@pytest.mark.parametrize("code", ["", "12345", "1234567890123", "½½½½½½", "abcdef", "\x00"])
def test_what_is_no_code_is_wrong(box: Box, code: str) -> None:
    box.administrator()
    step = box.people.begin_log_in("ada@office.example", PASSWORD)
    with pytest.raises(WrongCode):
        box.people.finish_log_in(step, code, "", None)


def test_a_step_is_done_once_and_ends(box: Box) -> None:
    _, _, secret = box.administrator()
    step = box.people.begin_log_in("ada@office.example", PASSWORD)
    box.people.finish_log_in(step, box.otp(secret), "", None)
    with pytest.raises(StaleStep):
        box.people.finish_log_in(step, box.otp(secret), "", None)
    late = box.people.begin_log_in("ada@office.example", PASSWORD)
    box.clock.advance(rules.STEP_LIFE.total_seconds())
    with pytest.raises(StaleStep):
        box.people.finish_log_in(late, box.otp(secret), "", None)


def test_a_recovery_code_is_good_once_however_it_is_typed(box: Box) -> None:
    _, opened, _ = box.administrator()
    code = opened.recovery_codes[3]
    step = box.people.begin_log_in("ada@office.example", PASSWORD)
    box.people.finish_log_in(step, code.upper().replace("-", " "), "", None)
    assert any("code de secours" in text for text in box.letters("ada@office.example"))
    step = box.people.begin_log_in("ada@office.example", PASSWORD)
    with pytest.raises(WrongCode):
        box.people.finish_log_in(step, code, "", None)


def test_logging_in_gives_a_new_token_and_ends_the_old_session(box: Box) -> None:
    _, before, secret = box.administrator()
    step = box.people.begin_log_in("ada@office.example", PASSWORD)
    after = box.people.finish_log_in(step, box.otp(secret), "", before.token)
    assert after.token != before.token
    assert box.people.actor_of_token(before.token, SessionKind.BROWSER).is_nobody


def test_a_session_ends_when_idle_and_at_its_end(box: Box) -> None:
    _, opened, secret = box.administrator()
    box.clock.advance(29 * 60)
    box.actor(opened)
    box.clock.advance(30 * 60)
    assert box.people.actor_of_token(opened.token, SessionKind.BROWSER).is_nobody
    opened = log_in(box, secret)
    for _ in range(12 * 3):
        box.clock.advance(20 * 60 - 1)
        box.actor(opened)
    box.clock.advance(60)
    assert box.people.actor_of_token(opened.token, SessionKind.BROWSER).is_nobody
    box.people.keep_house()
    with box.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(SESSION)) == 0


def test_a_look_that_is_no_use_leaves_a_session_as_idle_as_it_was(box: Box) -> None:
    _, opened, _ = box.administrator()
    token = opened.token
    box.clock.advance(20 * 60)
    assert not box.people.actor_of_token(token, SessionKind.BROWSER, used=False).is_nobody
    box.clock.advance(11 * 60)
    assert box.people.actor_of_token(token, SessionKind.BROWSER).is_nobody


def test_a_clock_set_back_opens_no_session(box: Box) -> None:
    _, opened, _ = box.administrator()
    box.clock.advance(-3600)
    assert box.people.actor_of_token(opened.token, SessionKind.BROWSER).is_nobody


def test_sessions_are_listed_and_ended_by_their_owner_alone(box: Box) -> None:
    ada, here, secret = box.administrator()
    there = log_in(box, secret)
    clerk, clerks, _ = box.member(ada, "velle", "clerk@velle.example")
    assert {found.id for found in box.people.account(ada).sessions} == {here.session.id, there.session.id}
    box.people.end_session(clerk, there.session.id)
    box.actor(there)
    box.people.end_session(ada, there.session.id)
    assert box.people.actor_of_token(there.token, SessionKind.BROWSER).is_nobody
    assert box.people.end_sessions(ada) == 1
    assert box.people.actor_of_token(here.token, SessionKind.BROWSER).is_nobody
    box.actor(clerks)


def test_the_operator_ends_the_sessions_of_somebody(box: Box) -> None:
    ada, opened, _ = box.administrator()
    assert box.people.log_out_person(ada.person or "", "operator") == 1
    assert box.people.actor_of_token(opened.token, SessionKind.BROWSER).is_nobody
    with pytest.raises(UnknownPerson):
        box.people.log_out_person("0" * 20, "operator")


def test_changing_the_password_needs_the_old_one_and_ends_other_sessions(box: Box) -> None:
    ada, here, secret = box.administrator()
    there = log_in(box, secret)
    with pytest.raises(WrongCredentials):
        box.people.change_password(ada, "wrong password here", OTHER_PASSWORD)
    with pytest.raises(WeakPassword):
        box.people.change_password(ada, PASSWORD, "password1234")
    box.people.change_password(ada, PASSWORD, OTHER_PASSWORD)
    box.actor(here)
    assert box.people.actor_of_token(there.token, SessionKind.BROWSER).is_nobody
    with pytest.raises(WrongCredentials):
        box.people.begin_log_in("ada@office.example", PASSWORD)
    log_in(box, secret, password=OTHER_PASSWORD)
    assert any("mot de passe a été changé" in text for text in box.letters("ada@office.example"))


def test_what_matters_asks_again_after_a_while(box: Box) -> None:
    ada, _, _ = box.administrator()
    box.clock.advance(rules.FRESH.total_seconds())
    for verb in (
        lambda: box.people.change_password(ada, PASSWORD, OTHER_PASSWORD),
        lambda: box.people.begin_authenticator(ada),
        lambda: box.people.renew_recovery_codes(ada),
        lambda: box.people.ask_new_address(ada, "eve@evil.example"),
        lambda: box.people.export(ada),
        lambda: box.people.erase(ada),
        lambda: box.people.end_sessions(ada),
        lambda: box.people.make_key(ada, OFFICE, "x", ["notary:write"], None),
    ):
        with pytest.raises(NotAllowed, match="show again"):
            verb()


def test_a_forgotten_password_is_set_by_letter_once_and_the_second_factor_stays(box: Box) -> None:
    _, opened, secret = box.administrator()
    box.people.ask_new_password("Ada@Office.example")
    code = box.code("ada@office.example")
    with pytest.raises(WeakPassword):
        box.people.set_new_password(code, "password1234")
    box.people.set_new_password(code, OTHER_PASSWORD)
    with pytest.raises(InvalidInvitation):
        box.people.set_new_password(code, PASSWORD)
    assert box.people.actor_of_token(opened.token, SessionKind.BROWSER).is_nobody
    step = box.people.begin_log_in("ada@office.example", OTHER_PASSWORD)
    with pytest.raises(WrongCode):
        box.people.finish_log_in(step, "", "", None)
    box.people.finish_log_in(step, box.otp(secret), "", None)


def test_a_letter_for_a_password_is_good_for_an_hour(box: Box) -> None:
    box.administrator()
    box.people.ask_new_password("ada@office.example")
    code = box.code("ada@office.example")
    box.clock.advance(3600)
    with pytest.raises(InvalidInvitation):
        box.people.set_new_password(code, OTHER_PASSWORD)


def test_a_new_application_holds_once_it_gave_a_code(box: Box) -> None:
    ada, _, old = box.administrator()
    enrolment = box.people.begin_authenticator(ada)
    with pytest.raises(WrongCode):
        box.people.finish_authenticator(ada, enrolment.step, "000000")
    log_in(box, old)
    box.people.finish_authenticator(ada, enrolment.step, box.otp(enrolment.secret))
    step = box.people.begin_log_in("ada@office.example", PASSWORD)
    with pytest.raises(WrongCode):
        box.people.finish_log_in(step, box.otp(old), "", None)
    log_in(box, enrolment.secret)


def test_an_address_changes_when_the_new_one_confirms(box: Box) -> None:
    ada, _, secret = box.administrator()
    box.people.ask_new_address(ada, "new@office.example")
    assert box.people.confirm_address(box.code("new@office.example"))
    log_in(box, secret, "new@office.example")
    with pytest.raises(WrongCredentials):
        box.people.begin_log_in("ada@office.example", PASSWORD)


@pytest.mark.parametrize("confirmed", [False, True])
def test_the_old_address_stops_or_undoes_the_change_and_ends_every_session(box: Box, confirmed: bool) -> None:
    ada, opened, secret = box.administrator()
    box.people.ask_new_address(ada, "eve@evil.example")
    if confirmed:
        assert box.people.confirm_address(box.code("eve@evil.example"))
    assert not box.people.confirm_address(box.code("ada@office.example"))
    with pytest.raises(InvalidInvitation):
        box.people.confirm_address(box.code("eve@evil.example"))
    assert box.people.actor_of_token(opened.token, SessionKind.BROWSER).is_nobody
    log_in(box, secret)


def test_an_address_of_somebody_else_is_not_taken(box: Box) -> None:
    ada, _, _ = box.administrator()
    clerk, _, _ = box.member(ada, "velle", "clerk@velle.example")
    box.people.ask_new_address(clerk, "ada@office.example")
    with pytest.raises(AddressTaken):
        box.people.confirm_address(box.code("ada@office.example"))


def test_roles_are_given_and_taken_and_the_last_administrator_stays(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    clerk, _, _ = box.member(mayor, "velle", "clerk@velle.example", "member")
    assert clerk.person is not None
    assert mayor.person is not None
    with pytest.raises(LastAdministrator):
        box.people.change_roles(mayor, "velle", mayor.person, ["member"])
    with pytest.raises(InvalidRoles):
        box.people.change_roles(mayor, "velle", clerk.person, ["king"])
    box.people.change_roles(mayor, "velle", clerk.person, ["administrator", "delegate"])
    box.people.change_roles(mayor, "velle", mayor.person, [])
    page = box.people.people_of(ada, "velle")
    assert [(person.id, [grant.role for grant in grants]) for person, grants in page.people] == [
        (clerk.person, ["administrator", "delegate"])
    ]


def test_people_are_listed_by_name_page_after_page_and_found_by_part_of_it(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    clerks = [box.member(mayor, "velle", f"clerk{number}@velle.example", "member")[0] for number in range(4)]
    box.member(ada, "ambrun", "clerk@ambrun.example")
    whole = box.people.people_of(mayor, "velle")
    assert (whole.total, whole.next) == (5, None)
    names = [person.profile.name.casefold() for person, _ in whole.people]
    assert names == sorted(names)
    walked, after = [], None
    while True:
        page = box.people.people_of(mayor, "velle", "", after, 2)
        walked += [person.id for person, _ in page.people]
        assert (page.total, len(page.people) <= 2) == (5, True)
        after = page.next
        if after is None:
            break
    assert walked == [person.id for person, _ in whole.people]
    # By words of a name or an address, in any order and case; what is not there is no error.
    found = box.people.people_of(mayor, "velle", "VELLE clerk2")
    assert [person.id for person, _ in found.people] == [clerks[2].person]
    assert box.people.people_of(mayor, "velle", "ambrun").total == 0


def test_a_page_of_people_goes_on_where_the_last_one_ended_whoever_left_meanwhile(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    for number in range(4):
        box.member(mayor, "velle", f"clerk{number}@velle.example", "member")
    other, _, _ = box.member(ada, "ambrun", "other@ambrun.example")
    order = [person.id for person, _ in box.people.people_of(mayor, "velle").people]
    first = box.people.people_of(mayor, "velle", "", None, 2)
    box.people.erase_person(order[1], "operator")
    # It is no place of another list, nor is a text of somebody's own, or one that was altered.
    assert first.next is not None
    altered = ("A" if first.next[30] != "A" else "B").join((first.next[:30], first.next[31:]))
    for wrong in ("nobody", "", mayor.person or "", "é", first.next[:-4], altered):
        with pytest.raises(StaleList):
            box.people.people_of(mayor, "velle", "", wrong, 2)
    with pytest.raises(StaleList):
        box.people.people_of(other, "ambrun", "", first.next, 2)
    second = box.people.people_of(mayor, "velle", "", first.next, 2)
    assert [person.id for person, _ in second.people] == order[2:4]


def test_a_list_that_is_kept_in_order_is_the_one_of_the_database(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    assert mayor.person is not None
    elsewhere = PeopleStore(box.encryption)  # another process, with what it has read kept of its own

    def listed(store: PeopleStore) -> list[tuple[str, str]]:
        with box.store.read() as connection:
            page = store.people_of(connection, "velle", (), None, 100)
        return [(person.profile.name, person.profile.address) for person, _ in page.people]

    def fresh() -> list[tuple[str, str]]:
        return listed(PeopleStore(box.encryption))

    def same() -> list[tuple[str, str]]:
        found = fresh()
        assert listed(elsewhere) == found
        page = box.people.people_of(mayor, "velle").people
        assert [(person.profile.name, person.profile.address) for person, _ in page] == found
        return found

    assert len(same()) == 1
    clerk, _, _ = box.member(mayor, "velle", "clerk@velle.example", "member")
    assert clerk.person is not None
    assert len(same()) == 2
    box.people.change_name(clerk, "Aaron Clerk", "fr")
    assert ("Aaron Clerk", "clerk@velle.example") in same()
    box.people.change_roles(mayor, "velle", clerk.person, [])
    assert len(same()) == 1
    box.people.change_roles(ada, "office", ada.person or "", ["administrator", "member"])
    again, _, _ = box.member(mayor, "velle", "second@velle.example", "member")
    assert len(same()) == 2
    box.people.erase_person(again.person or "", "operator")
    assert len(same()) == 1


def test_people_of_another_organisation_are_out_of_reach(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    other, _, _ = box.member(ada, "ambrun", "other@ambrun.example")
    assert other.person is not None
    key, _ = box.people.make_key(other, "ambrun", "billing", ["notary:write"], None)
    with pytest.raises(UnknownPerson):
        box.people.change_roles(mayor, "velle", other.person, ["member"])
    with pytest.raises(UnknownKey):
        box.people.revoke_key(mayor, "velle", key)
    with pytest.raises(UnknownKey):
        box.people.rotate_key(mayor, "velle", key)
    for verb in (
        lambda: box.people.people_of(mayor, "ambrun"),
        lambda: box.people.people_of(mayor, "ambrun", "other"),
        lambda: box.people.invitations_of(mayor, "ambrun"),
        lambda: box.people.keys_of(mayor, "ambrun"),
        lambda: box.people.trail_of(mayor, "ambrun"),
        lambda: box.people.invite(mayor, "ambrun", "eve@evil.example", ["member"], "fr"),
        lambda: box.people.change_roles(mayor, "ambrun", other.person or "", []),
        lambda: box.people.make_key(mayor, "ambrun", "x", ["notary:write"], None),
    ):
        with pytest.raises(NotAllowed):
            verb()


def test_keys_are_listed_page_after_page(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    other, _, _ = box.member(ada, "ambrun", "other@ambrun.example")
    foreign, _ = box.people.make_key(other, "ambrun", "billing", ["notary:write"], None)
    for number in range(5):
        box.people.make_key(mayor, "velle", f"program {number}", ["notary:write"], None)
        box.clock.advance(number % 2)  # some of one second: their ids order them
    whole = [key.id for key in box.people.keys_of(mayor, "velle")]
    assert len(whole) == 5
    walked: list[str] = []
    while page := box.people.keys_of(mayor, "velle", walked[-1] if walked else None, 2):
        walked += [key.id for key in page]
    assert walked == whole
    assert foreign not in {key.id for key in box.people.keys_of(mayor, "velle", foreign, 9)}


def test_a_key_of_an_organisation_rotates_with_an_overlap(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    with pytest.raises(InvalidKeyScopes):
        box.people.make_key(mayor, "velle", "root", ["admin"], None)
    old_id, old = box.people.make_key(mayor, "velle", "billing", ["people:manage"], 365)
    new_id, new = box.people.rotate_key(mayor, "velle", old_id, datetime.timedelta(days=1))
    for key in (old, new):
        actor = box.people.actor_of_key(b"Bearer " + key.encode())
        assert actor.organisation == "velle"
        box.people.people_of(actor, "velle")
        with pytest.raises(NotAllowed, match="belongs to velle"):
            box.people.people_of(actor, "ambrun")
    box.clock.advance(24 * 3600)
    with pytest.raises(AccessDenied, match="expired"):
        box.people.actor_of_key(b"Bearer " + old.encode())
    assert box.people.actor_of_key(b"Bearer " + new.encode()).key == new_id


def test_the_trail_names_people_by_number_and_is_one_organisations(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    box.member(ada, "ambrun", "other@ambrun.example")
    numbered, names = box.people.trail_of(mayor, "velle")
    deeds = [deed for _, deed in numbered]
    assert {"portal:invitation:sent", "portal:person:joined"} <= {deed.tag for deed in deeds}
    assert {deed.organisation for deed in deeds} == {"velle"}
    assert "mayor" not in repr(deeds).lower()
    # Whoever reads it sees what their own people are called, and of the office's, who invited, the number alone.
    assert set(names) == {mayor.tag}


def test_delegates_read_the_trail_of_their_organisation_and_members_do_not(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    delegate, _, _ = box.member(mayor, "velle", "delegate@velle.example", "delegate")
    clerk, _, _ = box.member(mayor, "velle", "clerk@velle.example", "member")
    assert box.people.trail_of(delegate, "velle") == box.people.trail_of(mayor, "velle")
    for actor, organisation in ((clerk, "velle"), (delegate, "ambrun"), (delegate, "office")):
        with pytest.raises(NotAllowed):
            box.people.trail_of(actor, organisation)


def test_a_command_line_logs_in_when_its_owner_confirms(box: Box) -> None:
    ada, _, _ = box.administrator()
    device, user = box.people.begin_device("ada@laptop")
    with pytest.raises(LoginPending):
        box.people.finish_device(device)
    assert box.people.device_label(user.lower().replace("-", " ")) == "ada@laptop"
    box.people.allow_device(ada, user)
    opened = box.people.finish_device(device)
    actor = box.people.actor_of_token(opened.token, SessionKind.COMMAND)
    assert actor.person == ada.person
    assert box.people.actor_of_token(opened.token, SessionKind.BROWSER).is_nobody
    for verb in (lambda: box.people.finish_device(device), lambda: box.people.allow_device(ada, user)):
        with pytest.raises(StaleStep):
            verb()
    box.people.end_sessions(ada)
    assert box.people.actor_of_token(opened.token, SessionKind.COMMAND).is_nobody


def test_a_code_of_a_command_line_ends(box: Box) -> None:
    ada, _, _ = box.administrator()
    device, user = box.people.begin_device("x")
    box.clock.advance(rules.STEP_LIFE.total_seconds())
    with pytest.raises(StaleStep):
        box.people.allow_device(ada, user)
    with pytest.raises(StaleStep):
        box.people.finish_device(device)


def test_an_export_holds_everything_and_no_secret(box: Box) -> None:
    ada, opened, secret = box.administrator()
    document = orjson.loads(orjson.dumps(box.people.export(ada)))
    assert document["profile"] == {"address": "ada@office.example", "name": "Ada Martin", "language": "fr"}
    assert document["roles"][0]["organisation"] == OFFICE
    assert document["sessions"][0]["label"] == "Firefox, Linux"
    text = orjson.dumps(document).decode()
    for hidden in (secret, opened.token, opened.recovery_codes[0], "argon2"):
        assert hidden not in text


def test_an_erased_person_is_nowhere(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, opened, _ = box.member(ada, "velle", "mayor@velle.example")
    box.people.erase(mayor)
    assert box.people.actor_of_token(opened.token, SessionKind.BROWSER).is_nobody
    with box.store.read() as connection:
        for table in ("people_person", "people_session", "people_role", "people_recovery_code", "people_ticket"):
            column = "id" if table == "people_person" else "person"
            query = sa.text(f"SELECT count(*) FROM {table} WHERE {column} = :person")  # noqa: S608 - names of ours
            assert connection.scalar(query, {"person": mayor.person}) == 0
        addresses = connection.scalars(sa.select(INVITATION.c.address).where(INVITATION.c.organisation == "velle"))
        assert list(addresses) == [None]
    box.people.invite(ada, "velle", "mayor@velle.example", ["administrator"], "fr")
    again, _ = box.join(box.code("mayor@velle.example"), "mayor@velle.example")
    assert box.actor(again).person != mayor.person


def test_an_erased_person_is_in_no_invitation_of_whichever_organisation(box: Box) -> None:
    ada, _, _ = box.administrator()
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    box.people.invite(ada, "ambrun", "mayor@velle.example", ["administrator"], "fr")
    unused = box.code("mayor@velle.example")
    withdrawn = box.people.invite(ada, "bank", "mayor@velle.example", ["member"], "fr")
    box.people.revoke_invitation(ada, "bank", withdrawn.id)
    other = box.people.invite(ada, "ambrun", "clerk@ambrun.example", ["member"], "fr")
    box.people.erase(mayor)
    with box.store.read() as connection:
        query = sa.select(INVITATION.c.id).where(INVITATION.c.address.is_not(None))
        # The office's own link has no address; what others were sent keeps theirs.
        assert list(connection.scalars(query.where(INVITATION.c.organisation != OFFICE))) == [other.id]
    # An invitation that forgot whom it is for would be good for whoever finds its code.
    with pytest.raises(InvalidInvitation):
        box.people.invitation(unused)
    assert box.people.invitation(box.code("clerk@ambrun.example")).organisation == "ambrun"


def test_what_has_ended_is_forgotten(box: Box) -> None:
    ada, _, _ = box.administrator()
    clerk, _, _ = box.member(ada, "velle", "clerk@velle.example", "member")
    assert clerk.person is not None
    box.people.invite(ada, "velle", "never@velle.example", ["member"], "fr")
    mayor, _, _ = box.member(ada, "velle", "mayor@velle.example")
    box.people.change_roles(mayor, "velle", clerk.person, [])
    box.clock.advance((rules.INVITATION_LIFE + rules.INVITATIONS_KEPT).total_seconds() + 1)
    box.people.keep_house()
    with box.store.read() as connection:
        assert set(connection.scalars(sa.select(INVITATION.c.address))) == {None}
        assert connection.scalar(sa.select(sa.func.count()).select_from(PERSON)) == 3
    box.clock.advance(rules.IDLE_PERSONS_KEPT.total_seconds())
    box.people.keep_house()
    with box.store.read() as connection:
        assert set(connection.scalars(sa.select(PERSON.c.id))) == {ada.person, mayor.person}


def test_the_database_alone_tells_nothing_about_anybody(box: Box) -> None:
    ada, opened, secret = box.administrator()
    box.people.begin_device("ada-laptop")
    box.people.ask_new_address(ada, "new@office.example")
    box.people.invite(ada, "velle", "clerk@velle.example", ["member"], "fr")
    with box.store.read() as connection:
        names = sa.inspect(connection).get_table_names()
        rows = b"".join(
            repr(row).encode()
            for name in names
            for row in connection.exec_driver_sql(f"SELECT * FROM {name}")  # noqa: S608 - a table of our own
        )
    for hidden in (
        "office.example",
        "velle.example",
        "Ada",
        "Martin",
        "argon2",
        secret,
        opened.token,
        "Firefox",
        "laptop",
    ):
        assert hidden.encode() not in rows


def test_everything_is_encrypted_again_and_reads_as_before(box: Box) -> None:
    ada, _, secret = box.administrator()
    box.people.invite(ada, "velle", "clerk@velle.example", ["member"], "fr")
    old, new = ("00000001", bytes(range(32))), ("00000002", bytes(32))
    box.rows._encryption = box.outbox._encryption = Encryption([new, old], bytes(32))
    assert box.people.encrypt_again() >= 5
    assert box.people.encrypt_again() == 0
    box.rows._encryption = box.outbox._encryption = Encryption([new], bytes(32))
    assert box.letters("clerk@velle.example")
    assert box.people.account(ada).person.profile.address == "ada@office.example"
    log_in(box, secret)
    assert isinstance(box.rows, PeopleStore)


def test_every_write_leaves_its_entry(box: Box) -> None:
    ada, _, _ = box.administrator()
    with box.store.read() as connection:
        before = len(audit.newest(connection, 1000))
    box.people.change_name(ada, "Ada M.", "en")
    box.people.renew_recovery_codes(ada)
    box.people.invite(ada, "velle", "clerk@velle.example", ["member"], "fr")
    with box.store.read() as connection:
        deeds = audit.newest(connection, 1000)
    assert [deed.tag for _, deed in deeds[: len(deeds) - before]] == [
        "portal:invitation:sent",
        "portal:recovery-code:renewed",
        "portal:person:renamed",
    ]
