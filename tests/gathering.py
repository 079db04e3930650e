# SPDX-License-Identifier: Apache-2.0
"""Notices over a box of people; which organisations are members is told, like the time."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

import httpx
from fastapi import FastAPI
from sqlalchemy.engine import Connection

from maillon.kit import problems
from maillon.kit.errors import KitError
from maillon.kit.page import JsonAddress, Renderer
from maillon.kit.throttle import Throttle
from maillon.kit.webhooks import Webhooks
from maillon.services.notices import NoticesError, NoticesService, OrganisationWebhooks, UnreadCount
from maillon.services.notices.api import router, webhooks_router
from maillon.services.notices.pages import pages, webhooks_pages
from maillon.services.people import PeopleError, Recognition
from maillon.services.people.foundation import Opened
from maillon.services.people.pages import pages as people_pages
from people_box import URL, Box


class Gathering:
    """Notices, the people they are for, and the members of the day."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.members = {"1", "2"}
        self.service = NoticesService(
            box.store, box.notices, box.people, box.outbox, box.clock, self.present, public_url=URL, network="Alliance"
        )

        # Their receivers may stand on this machine, where those of the tests do.
        networks = (ipaddress.ip_network("127.0.0.0/8"),)
        self.told = Webhooks(box.store, box.clock, box.encryption, networks=networks)
        self.webhooks = OrganisationWebhooks(box.store, self.told, box.notices, box.people, box.clock, URL)

    def present(self, _connection: Connection, organisations: Collection[str]) -> set[str]:
        return self.members & set(organisations)

    def app(self) -> FastAPI:
        renderer, app = Renderer(), FastAPI()
        problems.install(app, PeopleError, NoticesError, KitError, present=renderer.problem)
        recognition = Recognition(self.box.people, URL)
        app.include_router(router(self.service, recognition))
        app.include_router(pages(self.service, recognition, renderer))
        tests = Throttle(self.box.clock, 3)
        app.include_router(webhooks_router(self.webhooks, recognition, self.box.once, tests))
        app.include_router(webhooks_pages(self.webhooks, recognition, renderer, tests))
        app.include_router(people_pages(self.box.people, recognition, renderer, self.box.clock, 1000))
        app.add_middleware(UnreadCount, service=self.service, people=self.box.people, recognition=recognition)
        app.add_middleware(JsonAddress)
        return app

    def browser(self, opened: Opened | None = None) -> httpx.AsyncClient:
        headers = {"Origin": URL, "Sec-Fetch-Site": "same-origin", "Accept": "text/html", "User-Agent": "Firefox/1"}
        cookies = {} if opened is None else {"maillon": opened.token}
        transport = httpx.ASGITransport(self.app(), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers, cookies=cookies)
