# SPDX-License-Identifier: Apache-2.0
"""The explorer at /v1: the state of the network. Blocks and transactions are served by /rpc, as clients know them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from maillon.kit import problems
from maillon.ledger.errors import Unavailable
from maillon.services.explorer.errors import Unknown
from maillon.services.explorer.service import ExplorerService

UNKNOWN = problems.register(Unknown.slug, Unknown.status, Unknown.title, Unknown.advice)
AWAY = problems.register(Unavailable.slug, Unavailable.status, Unavailable.title, Unavailable.advice)


def router(service: ExplorerService) -> APIRouter:
    """The routes."""
    made = APIRouter(tags=["explorer"])

    @made.get("/v1/state", summary="The newest blocks, the log and its anchor, with the time they were read")
    async def state() -> dict[str, Any]:
        return asdict(await service.state())

    return made
