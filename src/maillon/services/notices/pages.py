# SPDX-License-Identifier: Apache-2.0
"""The pages of notices and webhooks, and the number of unread notices that every page shows to whoever is logged in.

All of it works without a script: each write is a form, and ends in a redirection; a secret, which is shown this once,
on the page that its form answers with.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from maillon.kit.errors import KitError
from maillon.kit.forms import read_form
from maillon.kit.language import LANGUAGES, Language
from maillon.kit.page import UNREAD, Renderer
from maillon.kit.problems import INVALID, Problem
from maillon.kit.settings import MAXIMUM_TARGET
from maillon.kit.throttle import Throttle
from maillon.services.notices import rules
from maillon.services.notices.api import (
    MAXIMUM_NUMBER,
    Before,
    choices_document,
    page_document,
    webhook_document,
)
from maillon.services.notices.errors import Refused
from maillon.services.notices.service import NoticesService
from maillon.services.notices.webhooks import OrganisationWebhooks
from maillon.services.people import Action, Actor, EnteringRoute, PeopleService, Recognition, SessionKind, Target
from maillon.services.people import Refused as PeopleRefused

_DONE: Final = frozenset({"tested", "resumed", "removed"})


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


class _WebhookPages:
    """The page of the webhooks of an organisation, and the forms on it."""

    def __init__(
        self, webhooks: OrganisationWebhooks, recognition: Recognition, renderer: Renderer, tests: Throttle
    ) -> None:
        self._webhooks = webhooks
        self._who = recognition
        self._renderer = renderer
        self._tests = tests

    async def listed(
        self,
        request: Request,
        language: Language,
        organisation: str,
        done: Annotated[str | None, Query(max_length=20)] = None,
    ) -> Response:
        """Its webhooks."""
        actor = await self._who.enter_for(request, rules.WEBHOOKS_READ, Target("organisation", organisation))
        return await self._page(request, language, organisation, actor, done=done if done in _DONE else None)

    async def _page(  # noqa: PLR0917 - the members of an answer
        self,
        request: Request,
        language: Language,
        organisation: str,
        actor: Actor,
        made: str | None = None,
        refused: Refused | PeopleRefused | None = None,
        *,
        done: str | None = None,
        typed: Mapping[str, list[str]] | None = None,
    ) -> Response:
        found = await asyncio.to_thread(self._webhooks.of, actor, organisation)
        typed = typed or {}
        said = None if refused is None else {"slug": refused.slug, "title": refused.title, "advice": refused.advice}
        document = {
            "organisation": organisation,
            "called": await asyncio.to_thread(self._webhooks.called, organisation),
            "webhooks": [webhook_document(one, language) for one in found],
            "most": rules.MAXIMUM_WEBHOOKS,
            "events": [{"name": name, "meaning": said[language]} for name, said in rules.EVENTS.items()],
            "sections": self._who.sections(actor, organisation),
            "made": made,
            "done": done,
            "form": secrets.token_hex(16),
            "typed": {"url": typed.get("url", [""])[0][:MAXIMUM_TARGET], "kinds": typed.get("kind", [])},
            "refused": said,
        }
        status = 200 if refused is None else refused.status
        return self._renderer.answer(request, language, "notices_webhooks.html", document, status, private=True)

    async def _change(
        self, request: Request, language: Language, organisation: str, deed: str, webhook: str = ""
    ) -> Response:
        actor = await self._who.enter_for(request, rules.WEBHOOKS_MANAGE, Target("organisation", organisation))
        form = await read_form(request)
        number = form.get("form", [""])[0][:100]
        if deed in ("added", "rotated") and not number:
            raise Problem(INVALID, "the form has no number")
        made = None
        try:
            if deed == "added":
                url, kinds = form.get("url", [""])[0], form.get("kind", [])
                _, made = await asyncio.to_thread(self._webhooks.add, actor, organisation, url, kinds, number)
            elif deed == "rotated":
                made = await asyncio.to_thread(self._webhooks.rotate, actor, organisation, webhook, number)
            elif deed == "tested":
                self._tests.take(request)
                await asyncio.to_thread(self._webhooks.test, actor, organisation, webhook)
            elif deed == "resumed":
                await asyncio.to_thread(self._webhooks.resume, actor, organisation, webhook)
            else:
                await asyncio.to_thread(self._webhooks.remove, actor, organisation, webhook)
        except (Refused, PeopleRefused) as refused:
            typed = form if deed == "added" else None
            return await self._page(request, language, organisation, actor, None, refused, typed=typed)
        if made is None:
            where = f"/{language}/organisations/{quote(organisation)}/webhooks?done={deed}"
            return RedirectResponse(where, 303, {"Cache-Control": "no-store"})
        return await self._page(request, language, organisation, actor, made)

    async def add(self, request: Request, language: Language, organisation: str) -> Response:
        """Add one. Its secret is shown this once, hence no redirection, and it is made once."""
        return await self._change(request, language, organisation, "added")

    async def rotate(self, request: Request, language: Language, organisation: str, webhook: str) -> Response:
        """Give it another secret, shown this once."""
        return await self._change(request, language, organisation, "rotated", webhook)

    async def test(self, request: Request, language: Language, organisation: str, webhook: str) -> Response:
        """Send it a test."""
        return await self._change(request, language, organisation, "tested", webhook)

    async def resume(self, request: Request, language: Language, organisation: str, webhook: str) -> Response:
        """Tell it again of what happens."""
        return await self._change(request, language, organisation, "resumed", webhook)

    async def remove(self, request: Request, language: Language, organisation: str, webhook: str) -> Response:
        """Forget it."""
        return await self._change(request, language, organisation, "removed", webhook)


def webhooks_pages(
    webhooks: OrganisationWebhooks, recognition: Recognition, renderer: Renderer, tests: Throttle
) -> APIRouter:
    """The routes of the webhooks of an organisation."""
    router = APIRouter(include_in_schema=False, route_class=EnteringRoute)
    page = _WebhookPages(webhooks, recognition, renderer, tests)
    here = "/{language}/organisations/{organisation}/webhooks"
    for path, method, endpoint in (
        ("", "GET", page.listed), ("", "POST", page.add), ("/{webhook}/rotation", "POST", page.rotate),
        ("/{webhook}/test", "POST", page.test), ("/{webhook}/resumption", "POST", page.resume),
        ("/{webhook}/removal", "POST", page.remove),
    ):  # fmt: skip
        router.add_api_route(f"{here}{path}", endpoint, methods=[method])
    return router
