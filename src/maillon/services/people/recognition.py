# SPDX-License-Identifier: Apache-2.0
"""Who is acting in a request: a browser by its cookie, a program by its key, a command line by its token.

Doors of every service ask here, and here alone. A write that comes with a cookie must come from a page of ours
(`kit.forms`), wherever it goes; a key or token is sent by programs, which no other site can make send one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute

from maillon.kit.errors import AccessDenied
from maillon.kit.forms import local_target, require_same_origin
from maillon.kit.language import reader_language
from maillon.kit.page import wants_json
from maillon.services.people.errors import LogInNeeded
from maillon.services.people.model import NOBODY, OFFICE, Action, Actor, SessionKind, Target
from maillon.services.people.rules import ACTIONS, SECTIONS
from maillon.services.people.service import PeopleService

_READING = ("GET", "HEAD", "OPTIONS")
_LONGEST_QUERY = 500
"""Of the page one comes back to; a longer one comes back to the page without it."""


class LogInFirst(Exception):
    """A reader must log in, or show again who they are, before this page; they come back to it."""

    def __init__(self, location: str) -> None:
        super().__init__("log in first")
        self.location = location


class EnteringRoute(APIRoute):
    """A page that sends whoever must log in to do so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with `LogInFirst` as a redirection."""
        handle = super().get_route_handler()

        async def entering(request: Request) -> Response:
            try:
                return await handle(request)
            except LogInFirst as first:
                return RedirectResponse(first.location, 303, {"Cache-Control": "no-store"})

        return entering


class Recognition:
    """Recognises actors, and holds what the browser keeps."""

    def __init__(self, people: PeopleService, public_url: str) -> None:
        self._people = people
        self._secure = urlsplit(public_url).scheme == "https"
        # RFC 6265bis section 4.1.3.2: a browser takes a __Host- cookie from this host over TLS alone.
        self.cookie = "__Host-maillon" if self._secure else "maillon"

    async def actor(self, request: Request) -> Actor:
        """Who is acting; `NOBODY` when nothing was shown. Raises `AccessDenied` for a key that is none, a `Problem`."""
        authorization = request.headers.get("authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() == "bearer" and token.startswith("ml_"):
                actor = await asyncio.to_thread(self._people.actor_of_token, token.strip(), SessionKind.COMMAND)
                if actor.is_nobody:
                    raise AccessDenied("this log-in has ended: maillon login", authenticated=False)
                return actor
            return await asyncio.to_thread(self._people.actor_of_key, authorization.encode("latin-1", "replace"))
        token = self.token(request)
        if not token:
            return NOBODY
        if request.method not in _READING:
            require_same_origin(request)
        return await asyncio.to_thread(self._people.actor_of_token, token, SessionKind.BROWSER)

    async def require(self, request: Request, action: Action, target: Target) -> Actor:
        """Who is acting, if they may. Raises `NotAllowed` with every reason, `LogInNeeded` for nobody."""
        actor = await self.actor(request)
        self._people.require(actor, action, target)
        return actor

    async def enter(self, request: Request) -> Actor:
        """The person who reads a page. Raises `LogInFirst` when nobody is logged in, `LogInNeeded` for programs."""
        actor = await self.actor(request)
        if actor.person is None:
            if wants_json(request) or actor.key is not None:
                raise LogInNeeded("this page is for people who are logged in")
            raise LogInFirst(self.log_in_address(request))
        return actor

    async def enter_for(self, request: Request, action: Action, target: Target) -> Actor:
        """The person who reads a page, if they may; who must show again who they are is sent to do so."""
        actor = await self.enter(request)
        decision = self._people.decide(actor, action, target)
        if not decision.allowed:
            if decision.reasons[-1].name == "stale" and not wants_json(request):
                raise LogInFirst(self.log_in_address(request, again=True))
            self._people.require(actor, action, target)
        return actor

    def may(self, actor: Actor, action: Action, target: Target) -> bool:
        """Whether they may, once they have shown again who they are where that is asked: for showing them the way."""
        decision = self._people.decide(actor, action, target)
        return decision.allowed or decision.reasons[-1].name == "stale"

    def sections(self, actor: Actor, organisation: str) -> list[str]:
        """The pages of an organisation they may open, once they have shown again who they are where that is asked."""
        target = Target("organisation", organisation)
        needed = {name: ACTIONS[action] for name, action in SECTIONS.items() if action in ACTIONS}
        if organisation == OFFICE:  # it is no organisation of the chain
            needed = {name: action for name, action in needed.items() if SECTIONS[name] != "member:read"}
        return [name for name, action in needed.items() if self.may(actor, action, target)]

    @staticmethod
    def log_in_address(request: Request, *, again: bool = False) -> str:
        """Where to log in, and come back from to the page: a write comes back to the page its form stood on.

        It was not done, and the page where one logs in says so.
        """
        language = reader_language(request)
        stood = request.url if request.method in _READING else urlsplit(request.headers.get("referer", ""))
        page = f"{stood.path}?{stood.query}" if 0 < len(stood.query) <= _LONGEST_QUERY else stood.path
        back = quote(local_target(page, f"/{language}/account"))
        unsent = "" if request.method in _READING else "&unsent=1"
        return f"/{language}/log-in?next={back}{'&again=1' if again else ''}{unsent}"

    def token(self, request: Request) -> str:
        """What the browser keeps; empty for nothing."""
        return request.cookies.get(self.cookie, "")

    def remember(self, response: Response, token: str, name: str = "", seconds: int | None = None) -> None:
        """Have the browser keep a token: no script reads it, and no other site's form carries it."""
        response.set_cookie(
            f"{self.cookie}{name}", token, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def forget(self, response: Response, name: str = "") -> None:
        """Have the browser forget it."""
        response.delete_cookie(f"{self.cookie}{name}", path="/", secure=self._secure, httponly=True, samesite="lax")
