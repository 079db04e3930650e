# SPDX-License-Identifier: Apache-2.0
"""Notices: what concerns a person and their organisations, shown in the portal, and written to them if they want it.

What happens is staged by the services it happens in, through `maillon.kit.notices`, whose one list says for each event
who is told, in which words, and whether a letter goes out too. Here it is read: each person sees what is theirs and
what their roles in their organisations let them see, marks it as read, and chooses for each event whether it is written
to them as well. Letters about the security of an account cannot be declined. There is no contract: the ledger knows no
persons.

Programs are told by webhooks, which `maillon.kit.webhooks` carries: the operator's of the settings, and those each
organisation makes itself (`webhooks`).

Read `model`, `rules` (who sees what, whether a letter is written), `store`, `words`, then `service`; `webhooks` stands
for itself. Doors: `api`, `pages`, `commands`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maillon.services.notices.errors import NoticesError
    from maillon.services.notices.pages import UnreadCount
    from maillon.services.notices.service import NoticesService
    from maillon.services.notices.webhooks import OrganisationWebhooks

_HOMES = {
    "NoticesError": "errors",
    "NoticesService": "service",
    "OrganisationWebhooks": "webhooks",
    "UnreadCount": "pages",
}

__all__ = ["NoticesError", "NoticesService", "OrganisationWebhooks", "UnreadCount"]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: every command passes through this door, and few need the server behind it.
    if name not in _HOMES:
        raise AttributeError(f"notices have no {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
