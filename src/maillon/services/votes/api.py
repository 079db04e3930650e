# SPDX-License-Identifier: Apache-2.0
"""Votes over HTTP: reading, the export for a recount, texts, and acts prepared for whoever holds the key.

Preparing signs nothing and needs no key: it makes the bytes a wallet or a command line signs, with the sentence that
says what they mean. The chain decides whether who signed them may.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from maillon.kit import problems
from maillon.kit.entity_tags import known_again, tagged
from maillon.kit.idempotency import Key, Once
from maillon.kit.language import program_language
from maillon.kit.problems import BODY_TOO_LARGE, Problem
from maillon.ledger.acts import prepared_document
from maillon.services.votes import errors
from maillon.services.votes.acting import MAXIMUM, Acting, AnyAct, Delegates, Number
from maillon.services.votes.documents import (
    involved,
    listed_document,
    named,
    proposal_document,
    proxy_document,
    register_of,
    said_document,
    statutes_document,
    unread_of,
    words_for,
)
from maillon.services.votes.errors import InvalidText, Refused, Unavailable
from maillon.services.votes.service import PAGE, VotesService
from maillon.services.votes.texts import MAXIMUM_TEXT
from maillon.services.votes.words import Words

PROBLEMS: Final = tuple(
    problems.register(kind.slug, kind.status, kind.title, kind.advice)
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, (Refused, Unavailable)) and "slug" in vars(kind)
)
"""Every problem type these routes may answer."""

_ASKED_EACH_TIME: Final = {"Cache-Control": "no-cache"}
_READING: Final[dict[int | str, dict[str, Any]]] = {503: {"description": "The chain or the database is away"}}
_REFUSING: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "There is no such proposal"},
    422: {"description": "The request is not what the route takes"},
    503: {"description": "The chain or the database is away"},
}


def router(  # noqa: C901 - one function for each route
    service: VotesService, delegates: Delegates | None = None, once: Once | None = None
) -> APIRouter:
    """The routes; those that act with a key kept here where somebody says who may, and who is answered once."""
    made = APIRouter(prefix="/v1/votes", tags=["votes"])
    acting = Acting(service)

    @made.get("", summary="Proposals, newest first", responses=_READING)
    async def proposals(
        request: Request,
        show: Annotated[Literal["open", "closed", "executed", "all"], Query(description="Which")] = "all",
        before: Annotated[int | None, Query(ge=1, le=MAXIMUM, description="Continue below this number")] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = PAGE,
    ) -> Response:
        found = await service.proposals(show, before, limit + 1)
        organisations = [each.row.proposal.proposer for each in found]
        language = program_language(request)
        words = await words_for(service, language, organisations)
        document = {
            "proposals": [listed_document(each, words) for each in found[:limit]],
            "next": found[limit - 1].row.proposal.number if len(found) > limit else None,
            "unread": await unread_of(service),
            "register_moved_to": register_of(service),
        }
        return tagged(request, document, language=language)

    @made.get("/statutes", summary="The rules of voting in force", responses=_READING)
    async def statutes(request: Request) -> Response:
        version, found = await service.statutes()
        language = program_language(request)
        return tagged(request, statutes_document(version, found, Words(language)), language=language)

    @made.get(
        "/export",
        summary="Every event a recount needs, asked of the chain",
        responses={**_READING, 200: {"content": {"application/json": {}}, "description": "docs/formats/votes.md"}},
    )
    async def export(request: Request) -> Response:
        return known_again(request, (await service.export()).to_json(), _ASKED_EACH_TIME, "application/json")

    @made.get("/proxies/{organisation}", summary="Proxies an organisation gave and holds", responses=_REFUSING)
    async def proxies(request: Request, organisation: Number) -> Response:
        found = await service.proxies(organisation)
        about = [organisation, *(each.giver for each in found), *(each.holder for each in found)]
        language = program_language(request)
        words = await words_for(service, language, about)
        succession = await service.succession()
        document = {"proxies": [proxy_document(each, words) for each in found], "succession": succession}
        return tagged(request, document, language=language)

    @made.post(
        "/texts",
        summary="Give the text whose digest a proposal or an objection names",
        responses={
            **_REFUSING,
            413: {"description": "The text is too long"},
        },
        openapi_extra={"requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def texts(request: Request) -> dict[str, str]:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > 4 * MAXIMUM_TEXT:
                raise Problem(BODY_TOO_LARGE, f"a text has at most {MAXIMUM_TEXT} characters")
        try:
            text = bytes(body).decode()
        except UnicodeDecodeError:
            raise InvalidText("the text is not UTF-8") from None
        return {"digest": (await service.add_text(text)).hex()}

    @made.post("/acts", summary="Prepare an act to be signed elsewhere, and say what it means", responses=_REFUSING)
    async def acts(act: AnyAct) -> dict[str, Any]:
        prepared, says, more = await acting.prepare(act)
        return {**prepared_document(prepared, service.chain_id, says), **more}

    if delegates is not None and once is not None:

        @made.post(
            "/organisations/{organisation}/acts",
            summary="Act with the organisation's key that this instance keeps",
            responses={
                **_REFUSING,
                401: {"description": "Nobody is logged in, and no key was sent"},
                403: {"description": "They may not act for this organisation"},
                409: {"description": "The law of the chain refuses the act"},
            },
        )
        async def performed(request: Request, organisation: Number, act: AnyAct, key: Key = None) -> Response:
            actor = await delegates.require(request, organisation)

            async def work() -> tuple[int, Any]:
                return 200, await acting.perform(organisation, act, actor)

            return await once.answer(request, key, actor, work)

    @made.get("/{number}", summary="One proposal: words, tables, count, what is missing", responses=_REFUSING)
    async def proposal(request: Request, number: Number) -> Response:
        shown = await service.proposal(number)
        language = program_language(request)
        document = proposal_document(shown, await words_for(service, language, involved(shown)))
        return tagged(request, document, language=language)

    @made.get("/{number}/positions", summary="Who said what, newest first", responses=_REFUSING)
    async def positions(
        request: Request,
        number: Number,
        offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
    ) -> Response:
        await service.proposal(number)
        found, total = await service.said(number, offset, limit)
        language = program_language(request)
        words = await words_for(service, language, named(found))
        document = {
            "positions": [said_document(each, words) for each in found],
            "total": total,
            "next": offset + limit if offset + limit < total else None,
        }
        return tagged(request, document, language=language)

    @made.get("/{number}/record", summary="The record of a closed vote, as it was notarised", responses=_REFUSING)
    async def record(request: Request, number: Number) -> Response:
        document, _entry = await service.record(number)
        return known_again(request, document, _file(f"vote-{number}.record.json"), "application/json")

    @made.get("/{number}/record/receipt", summary="The receipt of the record, for maillon verify", responses=_REFUSING)
    async def receipt(request: Request, number: Number) -> Response:
        name = f"vote-{number}.record.json.receipt.json"
        return known_again(request, await service.receipt(number), _file(name), "application/json")

    return made


def _file(name: str) -> dict[str, str]:
    return _ASKED_EACH_TIME | {"Content-Disposition": f'attachment; filename="{name}"'}
