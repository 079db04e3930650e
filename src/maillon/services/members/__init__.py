# SPDX-License-Identifier: Apache-2.0
"""Members: which organisations belong to the alliance, and how one comes to belong, changes and leaves.

Facts and law are on the chain; this service reads them, proposes, and keeps what must never be there: who applied, with
which documents. An organisation is known by a legal identifier whose check digits hold, and by a name that looks like
nobody else's. An applicant is admitted by the rule in force, which is data on the chain, or by a vote, which belongs to
another service (docs/decisions says where the line is).

Read `model`, `identifiers`, `names` and `documents` (pure), `rules`, then `contract` and `register`: the chain, and the
read model made from its events alone. `store` keeps both kinds of tables apart; `service` has one verb for each thing
somebody can do, `carry` the way of an application from here to the chain. Doors: `api`, `pages`, `commands`.
"""

from __future__ import annotations

from maillon.services.members.consent import Consent
from maillon.services.members.contract import MembersContract
from maillon.services.members.errors import InvalidIdentifier, InvalidName, MembersError, Refused, Unavailable
from maillon.services.members.model import (
    AccountRecord,
    Application,
    ApplicationState,
    Evidence,
    Identifier,
    Kind,
    Organisation,
    Scheme,
    Scope,
    Status,
)
from maillon.services.members.service import MembersService
from maillon.services.members.store import Filter, PrivateStore

__all__ = [
    "AccountRecord",
    "Application",
    "ApplicationState",
    "Consent",
    "Evidence",
    "Filter",
    "Identifier",
    "InvalidIdentifier",
    "InvalidName",
    "Kind",
    "MembersContract",
    "MembersError",
    "MembersService",
    "Organisation",
    "PrivateStore",
    "Refused",
    "Scheme",
    "Scope",
    "Status",
    "Unavailable",
]
