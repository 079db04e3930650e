# SPDX-License-Identifier: Apache-2.0
"""The law about people as pure functions: what is an address, a good password, an open session, and who may do what."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

from maillon.kit.access import ADMINISTER, NOTARY_WRITE, PEOPLE_MANAGE
from maillon.kit.mailbox import parse_mailbox
from maillon.services.people.errors import (
    InvalidAddress,
    InvalidName,
    InvalidOrganisation,
    InvalidRoles,
    NotAllowed,
    UnknownAction,
    WeakPassword,
)
from maillon.services.people.model import OFFICE, Action, Actor, Decision, Reason, Remedy, Role, SessionKind, Target

FRESH: Final = datetime.timedelta(minutes=15)
"""How long ago somebody may have shown who they are, for what asks for it."""
INVITATION_LIFE: Final = datetime.timedelta(days=7)
CONFIRMATION_LIFE: Final = datetime.timedelta(hours=1)
STEP_LIFE: Final = datetime.timedelta(minutes=10)
COMMAND_IDLE: Final = datetime.timedelta(days=30)
COMMAND_LIFE: Final = datetime.timedelta(days=90)
INVITATIONS_KEPT: Final = datetime.timedelta(days=30)
"""After it ended, until its address is forgotten."""
KEY_WARNING: Final = datetime.timedelta(days=7)
"""Before a key ends, when its administrators are told."""
IDLE_PERSONS_KEPT: Final = datetime.timedelta(days=365)
"""Since they were last seen, for persons without any role."""
OTP_PERIOD: Final = 30
OTP_SKEW: Final = 1
"""Periods a device's clock may be wrong, either way (RFC 6238 section 5.2)."""
FREE_ATTEMPTS: Final = 5
LONGEST_WAIT: Final = 900
"""Seconds."""
MINIMUM_PASSWORD, MAXIMUM_PASSWORD = 12, 200
_LEAST_GUESSES: Final = 10**9
_ORGANISATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
_IDENTIFIER = re.compile(r"[0-9a-f]{16,24}")


def parse_address(text: str) -> str:
    """An e-mail address. Raises `InvalidAddress`."""
    address = parse_mailbox(text)
    if address is None:
        raise InvalidAddress("an e-mail address has a name, an @ and a domain")
    return address


def parse_name(text: str) -> str:
    """How a person wants to be called. Raises `InvalidName` for what is empty, long, or does not show.

    Controls, direction overrides and private characters (Unicode categories C) could make one name look like another.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 0 < len(name) <= 100 or any(unicodedata.category(character).startswith("C") for character in name):
        raise InvalidName("a name is 1 to 100 visible characters")
    return name


def one_line(label: str) -> str:
    """How a command line calls itself, on one line."""
    return " ".join(label.split()) or "?"


def parse_organisation(text: str) -> str:
    """The identifier of an organisation, opaque here. Raises `InvalidOrganisation`."""
    if _ORGANISATION.fullmatch(text) is None:
        raise InvalidOrganisation("an organisation's identifier is 1 to 80 of A-Z a-z 0-9 . _ : -")
    return text


def parse_roles(names: Iterable[str]) -> frozenset[Role]:
    """Roles by their names. Raises `InvalidRoles`."""
    try:
        return frozenset(Role(name) for name in names)
    except ValueError:
        raise InvalidRoles(f"roles are {', '.join(Role)}") from None


def check_password(password: str, personal: Iterable[str]) -> None:
    """Raise `WeakPassword` for what is short, or would be guessed knowing who its owner is."""
    # Imported here: the lists of common passwords are read when it is, and most processes never need them.
    from zxcvbn import zxcvbn

    if not MINIMUM_PASSWORD <= len(password) <= MAXIMUM_PASSWORD:
        raise WeakPassword(f"a password has {MINIMUM_PASSWORD} to {MAXIMUM_PASSWORD} characters")
    # The estimate takes longer the longer the text, and what stands beyond 72 characters only adds to it.
    known = [word for text in personal for word in re.split(r"[\s@._-]+", text) if len(word) > 2]
    if zxcvbn(password[:72], user_inputs=known)["guesses"] < _LEAST_GUESSES:
        raise WeakPassword("this password is common, or made of what is known of you")


def normal_password(password: str) -> str:
    """The same characters, however the keyboard made them (NFC), so that a password works on every device."""
    return unicodedata.normalize("NFC", password)


def waiting_seconds(failures: int) -> int:
    """How long to wait after so many wrong tries in a row: nothing for a few, then twice as long each time."""
    if failures < FREE_ATTEMPTS:
        return 0
    return int(min(LONGEST_WAIT, 15 * 2 ** min(failures - FREE_ATTEMPTS, 10)))


def matching_step(codes: Iterable[tuple[int, bool]], last: int | None) -> int | None:
    """The period whose code was given, if it is later than every one used before (RFC 6238 section 5.2)."""
    for step, matches in codes:
        if matches and (last is None or step > last):
            return step
    return None


def parse_target(text: str) -> Target:
    """organisation:ID, person:ID or instance. Raises `UnknownAction`."""
    kind, _, identifier = text.partition(":")
    if kind == "organisation" and _ORGANISATION.fullmatch(identifier):
        return Target("organisation", identifier)
    if kind == "person" and _IDENTIFIER.fullmatch(identifier):
        return Target("person", identifier)
    if text == "instance":
        return Target("instance")
    raise UnknownAction(f"{text[:100]!r} is no object: organisation:ID, person:ID or instance")


OBJECTS: Final = {"organisation": "an organisation", "person": "an account", "instance": "the instance"}
"""Kinds of things that something is done to, in words."""
ACTIONS: dict[str, Action] = {}


def register(action: Action) -> Action:
    """Make an action known, once; services above do the same for theirs. Raises `ValueError` on another of its name."""
    if ACTIONS.setdefault(action.name, action) != action:
        raise ValueError(f"two actions are called {action.name}")
    return action


SECTIONS: Final = {
    "people": "people:read",
    "keys": "key:read",
    "webhooks": "webhooks:read",
    "trail": "trail:read",
    "register": "member:read",
    "nodes": "member:read",
}
"""The pages of an organisation, in the order of their tabs, and the action each needs."""

_ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
_ANYONE = frozenset(Role)
ACCOUNT_READ = register(Action("account:read", "see one’s own account", "person"))
ACCOUNT_CHANGE = register(Action("account:change", "change how one logs in", "person", fresh=True))
ACCOUNT_EXPORT = register(Action("account:export", "take everything kept about oneself", "person", fresh=True))
ACCOUNT_ERASE = register(Action("account:erase", "have oneself erased", "person", fresh=True))
SESSION_END = register(Action("session:end", "log oneself out elsewhere", "person", fresh=True))
SESSION_ALLOW = register(Action("session:allow", "log one’s command line in", "person", fresh=True))
PEOPLE_READ = register(
    Action(
        "people:read", "see the people of an organisation", "organisation", _ADMINISTRATOR, PEOPLE_MANAGE, office=True
    )
)
PEOPLE_INVITE = register(
    Action("people:invite", "invite people", "organisation", _ADMINISTRATOR, PEOPLE_MANAGE, office=True)
)
PEOPLE_CHANGE = register(
    Action("people:change", "give and take roles", "organisation", _ADMINISTRATOR, PEOPLE_MANAGE, fresh=True)
)
KEY_READ = register(Action("key:read", "see the keys of an organisation", "organisation", _ADMINISTRATOR))
KEY_CHANGE = register(Action("key:change", "make, rotate and revoke keys", "organisation", _ADMINISTRATOR, fresh=True))
TRAIL_READ = register(
    Action(
        "trail:read",
        "read what was done in an organisation",
        "organisation",
        frozenset({Role.ADMINISTRATOR, Role.DELEGATE}),
    )
)
DECISION_EXPLAIN = register(
    Action("decision:explain", "have decisions about others explained", "organisation", _ADMINISTRATOR)
)
ENTRY_APPEND = register(Action("entry:append", "notarise in its name", "organisation", _ANYONE, NOTARY_WRITE))
INSTANCE_OPERATE = register(Action("instance:operate", "run this instance", "instance", _ADMINISTRATOR, ADMINISTER))


def decide(
    actor: Actor, action: Action, target: Target, now: datetime.datetime, called: Callable[[str], str] = str
) -> Decision:
    """Whether they may, and why: the one place where it is decided. What is not allowed by a rule is refused.

    The reasons call organisations by their ids, or as `called` says.
    """
    chain = list(_reasons(actor, action, target, now, called))
    remedy = None if chain[-1].holds else _remedy(chain[-1].name, action, target, called)
    return Decision(chain[-1].holds, actor.tag, action.name, str(target), tuple(chain), remedy)


def one_of(roles: Iterable[Role]) -> str:
    """Roles of which one will do, in words."""
    return " or ".join(sorted(roles))


def refusal(decision: Decision) -> NotAllowed:
    """The error that says why not: the reason that decided, and every reason beside it."""
    return NotAllowed(decision.reasons[-1].text, decision.document())


def _remedy(refused: str, action: Action, target: Target, called: Callable[[str], str]) -> Remedy | None:
    """Who could grant what this reason refused; None where nobody could, as with the account of another person."""
    if refused == "stale":
        return Remedy("They can do it themselves, once they have logged in again.")
    organisation = OFFICE if target.kind == "instance" else target.id
    theirs, needed = called(organisation), one_of(action.roles)
    if refused in ("no-role", "other-role"):
        return Remedy(f"An administrator of {theirs} can give the role: {needed}.", organisation)
    if refused not in ("no-scope", "other-organisation"):
        return None
    if action.scope is None:
        return Remedy(f"No key may do this. A person may, as {needed} of {theirs}.", organisation)
    if target.kind == "instance":
        return Remedy(f"Whoever runs this instance can make a key with the scope {action.scope}.")
    return Remedy(f"An administrator of {theirs} can make a key with the scope {action.scope}.", organisation)


def _reasons(
    actor: Actor, action: Action, target: Target, now: datetime.datetime, called: Callable[[str], str]
) -> Iterable[Reason]:
    # 1. Somebody is acting.
    if actor.is_nobody:
        yield Reason("nobody", False, "nobody is logged in, and no key was sent")
        return
    yield Reason("identified", True, f"this is {actor.name or actor.tag}")
    # 2. The action is one that can be done to this kind of thing.
    if target.kind != action.on:
        done_to, asked = OBJECTS[action.on], OBJECTS[target.kind]
        yield Reason("wrong-object", False, f"“{action.meaning}” is done to {done_to}, not to {asked}")
        return
    # 3. Something gives the right.
    of_right = _person_right if actor.key is None else _key_right
    right = of_right(actor, action, target, called)
    yield right
    if not right.holds or actor.key is not None or not action.fresh:
        return
    # 4. What matters most asks a person to have shown who they are a short while ago.
    shown = actor.authenticated
    if shown is not None and shown <= now < shown + FRESH:
        yield Reason("fresh", True, "they showed who they are a short while ago")
    else:
        minutes = int(FRESH.total_seconds() // 60)
        yield Reason("stale", False, f"they must show again who they are: it was more than {minutes} minutes ago")


def _key_right(actor: Actor, action: Action, target: Target, called: Callable[[str], str]) -> Reason:
    if target.kind == "person":
        return Reason("not-a-person", False, "an account belongs to its person alone, and a key is none")
    if actor.organisation is None and ADMINISTER in actor.scopes:
        return Reason("instance-key", True, "the key is the instance’s own, with the scope admin")
    if actor.organisation is not None and actor.organisation != target.id:
        return Reason("other-organisation", False, f"the key belongs to {called(actor.organisation)}")
    if action.scope is None or action.scope not in actor.scopes:
        held = ", ".join(sorted(actor.scopes)) or "none"
        return Reason("no-scope", False, f"it needs the scope {action.scope or 'no key can have'}; the key has {held}")
    if actor.organisation is None:
        return Reason("other-organisation", False, "the key belongs to no organisation")
    return Reason("scope", True, f"the key of {called(target.id)} has the scope {action.scope}")


def _person_right(actor: Actor, action: Action, target: Target, called: Callable[[str], str]) -> Reason:
    if target.kind == "person":
        if actor.person == target.id:
            return Reason("self", True, "it is their own account")
        return Reason("other-person", False, "an account belongs to its person alone")
    organisation = OFFICE if target.kind == "instance" else target.id
    held = actor.roles.get(organisation, frozenset())
    fitting = sorted(held & action.roles)
    if fitting:
        return Reason("role", True, f"they are {fitting[0]} of {called(organisation)}")
    if action.office and Role.ADMINISTRATOR in actor.roles.get(OFFICE, frozenset()):
        return Reason("office", True, "they are administrator of the office, which may for any organisation")
    if not held:
        return Reason("no-role", False, f"they have no role in {called(organisation)}")
    needed = one_of(action.roles)
    return Reason(
        "other-role", False, f"it takes {needed} of {called(organisation)}; they are {', '.join(sorted(held))}"
    )


def session_end(
    kind: SessionKind, seen: datetime.datetime, expires: datetime.datetime, idle: datetime.timedelta
) -> datetime.datetime:
    """When a session ends unless it is used: after its idle time, and at its end in any case."""
    return min(expires, seen + (COMMAND_IDLE if kind is SessionKind.COMMAND else idle))
