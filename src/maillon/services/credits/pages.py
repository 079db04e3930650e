# SPDX-License-Identifier: Apache-2.0
"""The pages of credits: everybody and the price, one member, and the faucet of a sandbox. All work without a script."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from maillon.kit.forms import read_form
from maillon.kit.language import Language
from maillon.kit.page import Renderer
from maillon.kit.throttle import Throttle
from maillon.ledger.fees import credits_text
from maillon.services.credits.api import (
    MAXIMUM_NUMBER,
    member_document,
    overview_document,
)
from maillon.services.credits.errors import FaucetEmpty, NotAnAccount
from maillon.services.credits.service import CreditsService


def pages(service: CreditsService, renderer: Renderer, throttle: Throttle) -> APIRouter:
    """The routes. `throttle` counts gifts by address, at this door and the API's together."""
    router = APIRouter(include_in_schema=False)

    async def shown(after: int = 0, **more: Any) -> dict[str, Any]:
        document = overview_document(await service.overview(after))
        return document | {"after": after, "given": None, "account": "", "fault": None} | more

    @router.get("/{language}/credits")
    async def everybody(
        request: Request, language: Language, after: Annotated[int, Query(ge=0, le=MAXIMUM_NUMBER)] = 0
    ) -> Response:
        return renderer.answer(request, language, "credits.html", await shown(after))

    @router.post("/{language}/credits")
    async def give(request: Request, language: Language) -> Response:
        """A refusal is the page again with what was typed; a second sending finds the account full."""
        account = (await read_form(request)).get("account", [""])[0]
        throttle.take(request)
        try:
            _, wei, block = await service.give(account)
        except (NotAnAccount, FaucetEmpty) as refused:
            fault = {"title": refused.title, "advice": refused.advice}
            document = await shown(account=account, fault=fault)
            return renderer.answer(request, language, "credits.html", document, refused.status, private=True)
        document = await shown(account=account, given={"amount": credits_text(wei), "block": block})
        return renderer.answer(request, language, "credits.html", document, private=True)

    @router.get("/{language}/credits/{number}")
    async def member(
        request: Request, language: Language, number: Annotated[int, Path(ge=1, le=MAXIMUM_NUMBER)]
    ) -> Response:
        document = member_document(await service.member(number))
        return renderer.answer(request, language, "credits_member.html", document)

    return router
