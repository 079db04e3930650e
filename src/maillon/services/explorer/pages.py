# SPDX-License-Identifier: Apache-2.0
"""The explorer's pages: home, blocks, a block, a transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from maillon.kit.language import Language
from maillon.kit.page import Renderer
from maillon.services.explorer.rules import PAGE
from maillon.services.explorer.service import ExplorerService


def pages(
    service: ExplorerService,
    renderer: Renderer,
    demonstrated: Callable[[], dict[str, Any] | None],
    alliance: Callable[[], Awaitable[Mapping[str, int]]],
) -> APIRouter:
    """The routes. `demonstrated` says how far a demonstration is; None where nobody here is invented.

    `alliance` counts active members (`members`) and votes (`open`, `closed`, `executed`).
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/{language}/")
    async def home(request: Request, language: Language) -> Response:
        document = {"state": await service.state(), "alliance": await alliance(), "demo": demonstrated()}
        return renderer.answer(request, language, "home.html", document)

    @router.get("/{language}/blocks")
    async def blocks(
        request: Request, language: Language, before: Annotated[int | None, Query(ge=0)] = None
    ) -> Response:
        found = await service.blocks(before)
        last = found[-1].number if len(found) == PAGE and found[-1].number > 0 else None
        return renderer.answer(request, language, "blocks.html", {"blocks": found, "next": last, "before": before})

    @router.get("/{language}/blocks/{name}")
    async def block(request: Request, language: Language, name: str) -> Response:
        return renderer.answer(request, language, "block.html", {"block": await service.block(name)})

    @router.get("/{language}/transactions/{name}")
    async def transaction(request: Request, language: Language, name: str) -> Response:
        document = {"transaction": await service.transaction(name)}
        return renderer.answer(request, language, "transaction.html", document)

    return router
