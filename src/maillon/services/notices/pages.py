# SPDX-License-Identifier: Apache-2.0
"""The pages of notices, and the number of unread ones that every page shows to whoever is logged in.

All of it works without a script: marking and choosing are forms, and each ends in a redirection.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from maillon.kit.errors import KitError
from maillon.kit.forms import read_form
from maillon.kit.language import LANGUAGES, Language
from maillon.kit.page import UNREAD, Renderer
from maillon.kit.problems import INVALID, Problem
from maillon.services.notices import rules
from maillon.services.notices.api import MAXIMUM_NUMBER, Before, choices_document, page_document
from maillon.services.notices.service import NoticesService
from maillon.services.people import Action, Actor, EnteringRoute, PeopleService, Recognition, SessionKind, Target


class UnreadCount:
    """Middleware: says to pages how many notices whoever is logged in has not read, before they are made."""

    def __init__(self, app: ASGIApp, service: NoticesService, people: PeopleService, recognition: Recognition) -> None:
        self._app = app
        self._service = service
        self._people = people
        self._recognition = recognition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, for pages alone: programs ask for the number themselves."""
        if scope["type"] == "http" and scope["path"][1:3] in LANGUAGES and scope["path"][3:4] in ("", "/"):
            token = self._recognition.token(Request(scope))
            if token:
                with contextlib.suppress(KitError):  # the database is away: pages that need none are shown without
                    scope[UNREAD] = await asyncio.to_thread(self._count, token)
        await self._app(scope, receive, send)

    def _count(self, token: str) -> int | None:
        # A page that refreshes itself is no use of the session: whoever walked away is logged out all the same.
        actor = self._people.actor_of_token(token, SessionKind.BROWSER, used=False)
        return None if actor.is_nobody else self._service.unread(actor)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19 and 1 <= int(text) <= MAXIMUM_NUMBER):
        raise Problem(INVALID, "a notice has a number")
    return int(text)


def pages(service: NoticesService, recognition: Recognition, renderer: Renderer) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False, route_class=EnteringRoute)

    async def entered(request: Request, action: Action) -> Actor:
        actor = await recognition.enter(request)
        return await recognition.enter_for(request, action, Target("person", actor.person or ""))

    @router.get("/{language}/notices")
    async def listed(
        request: Request,
        language: Language,
        before: Before = None,
        show: Annotated[str, Query(max_length=10)] = "all",
    ) -> Response:
        actor = await entered(request, rules.NOTICES_READ)
        only = show == "unread"
        found = await asyncio.to_thread(service.notices, actor, rules.PAGE, before, unread_only=only)
        called = await asyncio.to_thread(service.called, found.notices)
        document: dict[str, Any] = page_document(found, language, called)
        document |= {"show": "unread" if only else "all", "before": before, "counted": rules.COUNTED}
        return renderer.answer(request, language, "notices.html", document, private=True)

    @router.post("/{language}/notices/read")
    async def mark(request: Request, language: Language) -> Response:
        actor = await entered(request, rules.NOTICES_READ)
        form = await read_form(request)
        only = form.get("show", [""])[0] == "unread"
        if "until" in form:
            await asyncio.to_thread(service.mark_all_read, actor, _number(form["until"][0]))
        else:
            await asyncio.to_thread(service.mark_read, actor, {_number(text) for text in form.get("number", [])})
        where = f"/{language}/notices{'?show=unread' if only else ''}"
        return RedirectResponse(where, 303, {"Cache-Control": "no-store"})

    @router.get("/{language}/account/notices")
    async def choices(
        request: Request, language: Language, done: Annotated[str | None, Query(max_length=10)] = None
    ) -> Response:
        actor = await entered(request, rules.NOTICES_CHOOSE)
        found = await asyncio.to_thread(service.choices, actor)
        document = {"choices": choices_document(found, language), "done": done == "chosen"}
        return renderer.answer(request, language, "notices_choices.html", document, private=True)

    @router.post("/{language}/account/notices")
    async def choose(request: Request, language: Language) -> Response:
        actor = await entered(request, rules.NOTICES_CHOOSE)
        form = await read_form(request)
        # A box that is not ticked is not sent: whatever the page showed and does not come back is declined.
        shown, ticked = form.get("shown", [""])[0].split(), set(form.get("mail", []))
        await asyncio.to_thread(service.choose, actor, {kind: kind in ticked for kind in shown})
        return RedirectResponse(f"/{language}/account/notices?done=chosen", 303, {"Cache-Control": "no-store"})

    return router
