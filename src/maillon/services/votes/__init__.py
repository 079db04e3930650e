# SPDX-License-Identifier: Apache-2.0
"""Votes: members decide, in the open, by the law of the chain.

A proposal is a text and the calls it would make; organisations take positions, named and public; what passed waits, and
then anybody executes it. This service shows every proposal in words and as a table of what would change, says in one
sentence what is still missing for it to pass, prepares what a delegate signs, and keeps the record of what was decided.
It decides nothing: the contract does, and anyone counts again offline with `recount`.

Read `model`, then `rules` (the law, pure), `recount` (every vote again from events alone), `acts` (what calls mean),
`words` (what is said, in both languages), `contract`, `following` (the read model), `service`, `acting` (each act as it
is asked for). Doors: `api`, `pages`, `commands`; `client` is the other side of `api`, and signs on its own machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maillon.services.votes.acting import VOTE, Delegates
    from maillon.services.votes.contract import VotesContract
    from maillon.services.votes.errors import NotNotarised, Refused, Unavailable, VotesError
    from maillon.services.votes.service import Register, VotesService

__all__ = [
    "VOTE",
    "Delegates",
    "NotNotarised",
    "Refused",
    "Register",
    "Unavailable",
    "VotesContract",
    "VotesError",
    "VotesService",
]

_HOMES = {
    "VOTE": "acting",
    "Delegates": "acting",
    "VotesContract": "contract",
    "NotNotarised": "errors",
    "Refused": "errors",
    "Unavailable": "errors",
    "VotesError": "errors",
    "Register": "service",
    "VotesService": "service",
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `maillon votes recount` passes through this door and must not pay for the server behind it.
    if name not in _HOMES:
        raise AttributeError(f"votes have no {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
