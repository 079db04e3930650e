# SPDX-License-Identifier: Apache-2.0
"""Members: which organisations belong to the alliance, and how one comes to belong, changes and leaves.

Facts and law are on the chain; this service reads them, proposes, and keeps what must never be there: who applied, with
which documents. An organisation is known by a legal identifier whose check digits hold, and by a name that looks like
nobody else's.

Read `model`, then `identifiers` and `names`: so far, what is pure. Applications, the contract, the read model and the
doors come with the contract they stand upon.
"""

from __future__ import annotations

from maillon.services.members.errors import InvalidIdentifier, InvalidName, MembersError, Refused
from maillon.services.members.model import Identifier, Kind, Likeness, PublicSource, Scheme, SimilarName

__all__ = [
    "Identifier",
    "InvalidIdentifier",
    "InvalidName",
    "Kind",
    "Likeness",
    "MembersError",
    "PublicSource",
    "Refused",
    "Scheme",
    "SimilarName",
]
