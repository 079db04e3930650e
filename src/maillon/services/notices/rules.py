# SPDX-License-Identifier: Apache-2.0
"""The law of notices as pure functions: who sees which, and to whom one is written as well."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from maillon.kit.notices import KINDS, Kind, Mail
from maillon.services.notices.errors import InvalidChoice
from maillon.services.notices.model import Choice
from maillon.services.people import OFFICE, Action, Role, register

PAGE: Final = 20
MAXIMUM_PAGE: Final = 100
COUNTED: Final = 100
"""Unread notices beyond this are not counted: the page says so many and more."""
MARKED_AT_ONCE: Final = 200
NOTICES_READ: Final = register(Action("notices:read", "see one’s notices, and mark them as read", "person"))
NOTICES_CHOOSE: Final = register(Action("notices:choose", "choose which notices are written by mail", "person"))


def kinds_for(roles: Collection[Role]) -> frozenset[str]:
    """The kinds of an organisation's notices that somebody with these roles there sees."""
    return frozenset(kind.name for kind in KINDS.values() if kind.roles & set(roles))


def is_written(kind: Kind, chosen: bool | None) -> bool:
    """Whether a notice goes out as a letter too; `chosen` is None while nobody chose.

    Letters that always go out are written by who tells of them, never from the notice.
    """
    if kind.mail is Mail.ALWAYS:
        return False
    return kind.mail is Mail.UNLESS_DECLINED if chosen is None else chosen


def choices(roles: Mapping[str, Collection[Role]], chosen: Mapping[str, bool]) -> tuple[Choice, ...]:
    """Every kind that can concern somebody with these roles by organisation, and whether it is written to them."""

    def concerns(kind: Kind) -> bool:
        held = (held for one, held in roles.items() if kind.office in (None, one == OFFICE))
        return not kind.roles or any(kind.roles & set(some) for some in held)

    return tuple(
        Choice(kind, kind.mail is Mail.ALWAYS or is_written(kind, chosen.get(name)), kind.mail is Mail.ALWAYS)
        for name, kind in KINDS.items()
        if concerns(kind)
    )


def check_choices(wanted: Mapping[str, bool]) -> None:
    """Raise `InvalidChoice` for a kind that is none, or that cannot be declined."""
    for name, mail in wanted.items():
        kind = KINDS.get(name)
        if kind is None:
            raise InvalidChoice(f"there is no kind of notice {name[:60]!r}")
        if kind.mail is Mail.ALWAYS and not mail:
            raise InvalidChoice(f"letters about {name} always come")
