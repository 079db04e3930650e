# SPDX-License-Identifier: Apache-2.0
"""People: who natural persons are, how they log in, and what they may do for which organisation.

Persons live in this instance's database alone, encrypted at rest, and nowhere else: nothing about them is written to
the ledger or the log. Organisations are ids here; what they are is another service's. People log in by passkey, by
password with a second factor, or through an OpenID Connect provider; programs come with a key of an organisation.

Other services ask who is acting, and whether they may, through `Recognition`:
`actor = await recognition.require(request, ACTION, Target("organisation", id))` in an API route,
`await recognition.enter_for(...)` on a page (which sends the reader to log in first, with `EnteringRoute`), and
`register(Action(...))` once for each action of theirs. There is no contract: the ledger knows no persons.

Read `model`, then `rules` (`decide` is the one place where it is decided who may what), `store`, `passwords`,
`passkeys`, `provider`; the verbs in `joining`, `entrance`, `account`, `organisations`, joined by `service`; then
`recognition`. Doors: `api`, `pages`, `commands`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maillon.services.people.errors import PeopleError, Refused, Unavailable
    from maillon.services.people.foundation import door_of
    from maillon.services.people.model import NOBODY, OFFICE, Action, Actor, Decision, Role, SessionKind, Target
    from maillon.services.people.recognition import EnteringRoute, LogInFirst, Recognition
    from maillon.services.people.rules import ENTRY_APPEND, INSTANCE_OPERATE, register
    from maillon.services.people.service import PeopleService

_HOMES = {
    "PeopleError": "errors",
    "Refused": "errors",
    "Unavailable": "errors",
    "door_of": "foundation",
    "NOBODY": "model",
    "OFFICE": "model",
    "Action": "model",
    "Actor": "model",
    "Decision": "model",
    "Role": "model",
    "SessionKind": "model",
    "Target": "model",
    "EnteringRoute": "recognition",
    "LogInFirst": "recognition",
    "Recognition": "recognition",
    "ENTRY_APPEND": "rules",
    "INSTANCE_OPERATE": "rules",
    "register": "rules",
    "PeopleService": "service",
}

__all__ = [
    "ENTRY_APPEND",
    "INSTANCE_OPERATE",
    "NOBODY",
    "OFFICE",
    "Action",
    "Actor",
    "Decision",
    "EnteringRoute",
    "LogInFirst",
    "PeopleError",
    "PeopleService",
    "Recognition",
    "Refused",
    "Role",
    "SessionKind",
    "Target",
    "Unavailable",
    "door_of",
    "register",
]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: every command passes through this door, and few need the server behind it.
    if name not in _HOMES:
        raise AttributeError(f"people have no {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
