# SPDX-License-Identifier: Apache-2.0
"""Notices over HTTP, for one's own programs: what concerns one, what was read, and what shall come by mail.

They are a person's: the token of `maillon login` or the cookie of the portal opens them, no API key does. The webhooks
of an organisation are its administrators', as its keys are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from maillon.kit import problems
from maillon.kit.idempotency import Key, Once
from maillon.kit.language import Language, program_language
from maillon.kit.notices import EVERY_MEMBER
from maillon.kit.settings import MAXIMUM_TARGET
from maillon.kit.throttle import Throttle
from maillon.kit.webhooks import Webhook
from maillon.services.notices import errors, rules, words
from maillon.services.notices.errors import Refused
from maillon.services.notices.letters import reason_in_words
from maillon.services.notices.model import Choice, NoticePage, Seen
from maillon.services.notices.service import NoticesService
from maillon.services.notices.webhooks import OrganisationWebhooks
from maillon.services.people import Recognition, Target

PROBLEMS: Final = tuple(
    problems.register(kind.slug, kind.status, kind.title, kind.advice)
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, Refused) and "slug" in vars(kind)
)
"""Every problem type these routes and pages may answer."""
MAXIMUM_NUMBER: Final = 2**62
Before = Annotated[int | None, Query(ge=1, le=MAXIMUM_NUMBER, description="Continue below this number")]
OrganisationId = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
Id = Annotated[str, Path(min_length=1, max_length=40)]
_REFUSING: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": "Refused", "content": {problems.MEDIA_TYPE: {"schema": {"type": "object"}}}}
    for status in (401, 403, 404, 422)
}
_REFUSING_MORE: Final[dict[int | str, dict[str, Any]]] = _REFUSING | {409: _REFUSING[404]}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ReadBody(_Body):
    """Which notices were read: those of these numbers, or every one up to a number."""

    numbers: list[Annotated[int, Field(ge=1, le=MAXIMUM_NUMBER)]] | None = Field(
        None, min_length=1, max_length=rules.MARKED_AT_ONCE
    )
    until: int | None = Field(None, ge=1, le=MAXIMUM_NUMBER)

    @model_validator(mode="after")
    def _one_of_both(self) -> ReadBody:
        if (self.numbers is None) is (self.until is None):
            raise ValueError("either numbers or until")
        return self


class ChoicesBody(_Body):
    """By kind, whether its notices are written by mail; kinds that are not named stay as they are."""

    mail: dict[Annotated[str, Field(max_length=40)], bool] = Field(min_length=1, max_length=100)


class WebhookBody(_Body):
    """Where it goes, and of what it is told: of everything where nothing is chosen."""

    url: str = Field(min_length=1, max_length=MAXIMUM_TARGET)
    kinds: list[Annotated[str, Field(max_length=40)]] = Field(default=[], max_length=len(rules.EVENTS))


def notice_document(seen: Seen, language: Language, called: Mapping[str, str]) -> dict[str, Any]:
    """A notice as data, said in a language."""
    notice = seen.notice
    return {
        "number": notice.number,
        "kind": notice.kind.name,
        "organisation": None if notice.organisation == EVERY_MEMBER else notice.organisation,
        "title": words.title(notice, language, called),
        "text": words.text(notice, language, called),
        "page": words.page(notice, language),
        "time": notice.created,
        "read": seen.read,
    }


def page_document(found: NoticePage, language: Language, called: Mapping[str, str]) -> dict[str, Any]:
    """A page of notices as data."""
    return {
        "notices": [notice_document(seen, language, called) for seen in found.notices],
        "unread": found.unread,
        "next": found.next,
    }


def choices_document(choices: Collection[Choice], language: Language) -> list[dict[str, Any]]:
    """Choices as data."""
    return [
        {
            "kind": choice.kind.name,
            "group": choice.kind.name.partition(".")[0],
            "meaning": choice.kind.sayings[language].meaning,
            "mail": choice.mail,
            "fixed": choice.fixed,
        }
        for choice in choices
    ]


def webhook_document(webhook: Webhook, language: Language) -> dict[str, Any]:
    """A webhook as data; never its secret, nor what its address may hide."""
    return {
        "id": webhook.id,
        "address": webhook.address,
        "kinds": list(webhook.kinds),
        "created": webhook.created,
        "taken": webhook.taken,
        "refused": webhook.refused,
        "reason": webhook.reason,
        "said": None if webhook.reason is None else reason_in_words(webhook.reason)[language],
        "state": rules.state_of(webhook),
        "off": webhook.off,
    }


def router(service: NoticesService, recognition: Recognition) -> APIRouter:
    """The routes."""
    made = APIRouter(prefix="/v1/notices", tags=["notices"])

    @made.get("", summary="What concerns oneself and one's organisations, newest first", responses=_REFUSING)
    async def listed(
        request: Request,
        before: Before = None,
        limit: Annotated[int, Query(ge=1, le=rules.MAXIMUM_PAGE)] = rules.PAGE,
        unread: Annotated[bool, Query(description="Only what was not read")] = False,
    ) -> dict[str, Any]:
        actor = await recognition.actor(request)
        found = await asyncio.to_thread(service.notices, actor, limit, before, unread_only=unread)
        called = await asyncio.to_thread(service.called, found.notices)
        return page_document(found, program_language(request), called)

    @made.post("/read", summary="Mark notices as read", responses=_REFUSING)
    async def read(request: Request, body: ReadBody) -> dict[str, int]:
        actor = await recognition.actor(request)
        if body.numbers is not None:
            return {"marked": await asyncio.to_thread(service.mark_read, actor, body.numbers)}
        assert body.until is not None  # the body has one or the other
        return {"marked": await asyncio.to_thread(service.mark_all_read, actor, body.until)}

    @made.get("/choices", summary="Which notices come by mail too", responses=_REFUSING)
    async def choices(request: Request) -> dict[str, Any]:
        found = await asyncio.to_thread(service.choices, await recognition.actor(request))
        return {"choices": choices_document(found, program_language(request))}

    @made.put("/choices", summary="Choose which notices come by mail too", responses=_REFUSING)
    async def choose(request: Request, body: ChoicesBody) -> dict[str, Any]:
        found = await asyncio.to_thread(service.choose, await recognition.actor(request), body.mail)
        return {"choices": choices_document(found, program_language(request))}

    return made


def webhooks_router(webhooks: OrganisationWebhooks, recognition: Recognition, once: Once, tests: Throttle) -> APIRouter:
    """The routes of the webhooks of an organisation."""
    made = APIRouter(prefix="/v1/organisations/{organisation}/webhooks", tags=["notices"])

    @made.get("", summary="Its webhooks", responses=_REFUSING)
    async def listed(request: Request, organisation: OrganisationId) -> dict[str, Any]:
        actor = await recognition.require(request, rules.WEBHOOKS_READ, Target("organisation", organisation))
        found = await asyncio.to_thread(webhooks.of, actor, organisation)
        language = program_language(request)
        return {"webhooks": [webhook_document(one, language) for one in found], "most": rules.MAXIMUM_WEBHOOKS}

    @made.post("", summary="Add a webhook", status_code=201, responses=_REFUSING_MORE)
    async def add(request: Request, organisation: OrganisationId, body: WebhookBody, key: Key = None) -> Response:
        actor = await recognition.require(request, rules.WEBHOOKS_MANAGE, Target("organisation", organisation))

        async def work() -> tuple[int, Any]:
            identifier, secret = await asyncio.to_thread(webhooks.add, actor, organisation, body.url, body.kinds)
            return 201, {"id": identifier, "secret": secret}

        return await once.answer(request, key, actor.tag, work)

    @made.post("/{webhook}/rotation", summary="Give it another secret", status_code=201, responses=_REFUSING)
    async def rotate(request: Request, organisation: OrganisationId, webhook: Id, key: Key = None) -> Response:
        actor = await recognition.require(request, rules.WEBHOOKS_MANAGE, Target("organisation", organisation))

        async def work() -> tuple[int, Any]:
            secret = await asyncio.to_thread(webhooks.rotate, actor, organisation, webhook)
            return 201, {"id": webhook, "secret": secret}

        return await once.answer(request, key, actor.tag, work)

    @made.post("/{webhook}/test", summary="Send it a test, once", status_code=202, responses=_REFUSING)
    async def test(request: Request, organisation: OrganisationId, webhook: Id, key: Key = None) -> Response:
        actor = await recognition.require(request, rules.WEBHOOKS_MANAGE, Target("organisation", organisation))
        tests.take(request)

        async def work() -> tuple[int, Any]:
            return 202, {"message": await asyncio.to_thread(webhooks.test, actor, organisation, webhook)}

        return await once.answer(request, key, actor.tag, work)

    @made.post(
        "/{webhook}/resumption",
        summary="Tell it again of what happens from now on",
        status_code=204,
        responses=_REFUSING,
    )
    async def resume(request: Request, organisation: OrganisationId, webhook: Id) -> Response:
        actor = await recognition.require(request, rules.WEBHOOKS_MANAGE, Target("organisation", organisation))
        await asyncio.to_thread(webhooks.resume, actor, organisation, webhook)
        return Response(status_code=204)

    @made.delete("/{webhook}", summary="Remove it", status_code=204, responses=_REFUSING)
    async def remove(request: Request, organisation: OrganisationId, webhook: Id) -> Response:
        actor = await recognition.require(request, rules.WEBHOOKS_MANAGE, Target("organisation", organisation))
        await asyncio.to_thread(webhooks.remove, actor, organisation, webhook)
        return Response(status_code=204)

    return made
