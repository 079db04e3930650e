# SPDX-License-Identifier: Apache-2.0
"""People in a box: real databases, a real mail server, a clock that is told; passwords hashed cheaply."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Literal

import argon2
import httpx
import pyotp
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from maillon.kit import problems
from maillon.kit.access import Access
from maillon.kit.clock import FixedClock
from maillon.kit.encryption import Encryption
from maillon.kit.idempotency import Once, SealedAnswers
from maillon.kit.mail import Outbox
from maillon.kit.mailers import SmtpMailer
from maillon.kit.notices import Notices
from maillon.kit.page import JsonAddress, Renderer
from maillon.kit.store import Store
from maillon.services.people import PeopleError, PeopleService, Recognition
from maillon.services.people.api import router
from maillon.services.people.foundation import Opened
from maillon.services.people.model import Actor, SessionKind
from maillon.services.people.pages import pages
from maillon.services.people.passwords import Passwords
from maillon.services.people.provider import Provider
from maillon.services.people.store import PeopleStore
from post_office import PostOffice

URL = "http://localhost:8400"
PASSWORD = "teapot gravel ninety harvest"
OTHER_PASSWORD = "velvet anchor sixteen pumice"
CODE = re.compile(r"#(\S+)")


def routes_of(app: FastAPI | APIRouter) -> Iterator[APIRoute]:
    """Every route of an application, those of the routers it includes too."""
    for route in app.routes:
        included = getattr(route, "original_router", None)
        if isinstance(included, APIRouter):
            yield from routes_of(included)
        elif isinstance(route, APIRoute):
            yield route


class CountingHasher(argon2.PasswordHasher):
    """Cheap parameters, and how often a password was checked."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.checked = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's name
        self.checked += 1
        return super().verify(hash, password)


class Box:
    """The service, and what stands around it."""

    def __init__(self, store: Store, clock: FixedClock, office: PostOffice, smtp: str) -> None:
        self.store = store
        self.clock = clock
        self.office = office
        self.encryption = Encryption([("00000001", bytes(range(32)))], bytes(32))
        self.access = Access(store, clock)
        self.outbox = Outbox(store, clock, self.encryption, SmtpMailer(smtp), "Maillon <maillon@alliance.example>")
        self.notices = Notices(clock, self.encryption)
        self.rows = PeopleStore(self.encryption)
        self.providers: dict[str, Provider] = {}
        self.hasher = CountingHasher()
        self.once = Once(store, clock, SealedAnswers(self.encryption))
        self.people = self.make()

    def make(self) -> PeopleService:
        return PeopleService(
            self.store,
            self.rows,
            self.clock,
            self.outbox,
            self.notices,
            self.access,
            passwords=Passwords(self.hasher),
            public_url=URL,
            network="Alliance",
            providers=self.providers,
            session_idle=datetime.timedelta(minutes=30),
            session_life=datetime.timedelta(hours=12),
        )

    def letters(self, address: str) -> list[str]:
        """What somebody has been written, after everything due was delivered."""
        self.outbox.deliver()
        return [letter.get_content() for letter in self.office.to(address)]

    def code(self, address: str) -> str:
        """The code of the newest letter that has one."""
        found = [match[1] for text in self.letters(address) if (match := CODE.search(text))]
        return found[-1]

    def first(self) -> str:
        """The code for the first administrator."""
        code = self.people.invite_first_administrator()
        assert code is not None
        return code

    def otp(self, secret: str) -> str:
        """What the application shows now, in the next period so that no code comes twice."""
        self.clock.advance(30)
        return pyotp.TOTP(secret).at(self.clock.now())

    def join(self, code: str, address: str, name: str = "Ada Martin", password: str = PASSWORD) -> tuple[Opened, str]:
        """Join with a password: the session, and the secret of the application."""
        enrolment = self.people.join_with_password(code, address, name, password, "fr")
        return self.people.finish_join(enrolment.step, self.otp(enrolment.secret), "Firefox, Linux", None), (
            enrolment.secret
        )

    def actor(self, opened: Opened) -> Actor:
        found = self.people.actor_of_token(opened.token, SessionKind.BROWSER)
        assert not found.is_nobody
        return found

    def administrator(self) -> tuple[Actor, Opened, str]:
        """The first administrator of the office: actor, session, secret."""
        opened, secret = self.join(self.first(), "ada@office.example")
        return self.actor(opened), opened, secret

    def member(self, office: Actor, organisation: str, address: str, *roles: str) -> tuple[Actor, Opened, str]:
        """Somebody invited into an organisation, who has joined."""
        self.people.invite(office, organisation, address, roles or ("administrator",), "fr")
        opened, secret = self.join(self.code(address), address, address.partition("@")[0].title())
        return self.actor(opened), opened, secret

    def fresh_app(self, a_minute: int = 1000) -> FastAPI:
        renderer = Renderer()
        app = FastAPI()
        problems.install(app, PeopleError, present=renderer.problem)
        recognition = Recognition(self.people, URL)
        app.include_router(router(self.people, recognition, self.clock, self.once, URL, a_minute))
        app.include_router(pages(self.people, recognition, renderer, self.clock, a_minute))
        app.add_middleware(JsonAddress)
        return app

    def browser(
        self, opened: Opened | None = None, a_minute: int = 1000, app: FastAPI | None = None
    ) -> httpx.AsyncClient:
        """A browser that sends what browsers send, logged in or not."""
        headers = {
            "Origin": URL,
            "Sec-Fetch-Site": "same-origin",
            "Accept": "text/html",
            "User-Agent": "Firefox/1 Linux",
        }
        cookies = {} if opened is None else {"maillon": opened.token}
        transport = httpx.ASGITransport(app or self.fresh_app(a_minute), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers, cookies=cookies)
