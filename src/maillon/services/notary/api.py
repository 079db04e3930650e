# SPDX-License-Identifier: Apache-2.0
"""The notary over HTTP: appending, asking, receipts, the log's files, and RFC 3161 at /tsa.

Routes are plain endpoints that read the body once and check it by hand (docs/decisions/0005): appending and stamping
are asked thousands of times a second. Each is described in the OpenAPI page all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, Protocol

import orjson
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from maillon.kit import problems
from maillon.kit.access import NOTARY_WRITE, Subject
from maillon.kit.entity_tags import known_again, tagged
from maillon.services.notary import errors
from maillon.services.notary.errors import (
    BodyTooLarge,
    MalformedRequest,
    Refused,
    Unavailable,
    UnknownEntry,
    UnsupportedContent,
)
from maillon.services.notary.model import Append, Appended, EntryState
from maillon.services.notary.published import SERVED
from maillon.services.notary.rules import (
    MAXIMUM_BATCH_BODY,
    MAXIMUM_ENTRY_BODY,
    MAXIMUM_STAMP_BODY,
    MAXIMUM_WAIT,
    parse_batch,
    parse_digest_query,
    parse_entry,
    parse_idempotency_key,
    parse_index,
)
from maillon.services.notary.service import NotaryService, public_digest

JSON: Final = "application/json"
QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"
_FOR_EVER = "public, max-age=31536000, immutable"
_ENTRIES, _BATCHES = "/v1/notary/entries", "/v1/notary/batches"

PROBLEMS: Final = tuple(
    problems.register(kind.slug, kind.status, kind.title, kind.advice)
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, (Refused, Unavailable)) and "slug" in vars(kind)
)
"""Every problem type these routes may answer."""

Endpoint = Callable[[Request], Awaitable[Response]]
Answers = dict[int | str, dict[str, Any]]


def _plain(endpoint: Endpoint) -> ASGIApp:
    """The endpoint as an ASGI application, without dependency injection; its refusals become problem details."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except Exception as error:  # noqa: BLE001 - the door's last line: what nobody meant is logged by `answer`
            response = problems.answer(error, request)
        await response(scope, receive, send)

    return application


class PlainRoute(APIRoute):
    """Described like any route of FastAPI, served without it."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = _plain(endpoint)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve by `app`. A route of FastAPI in a router that was included is served by another than its own."""
        await Route.handle(self, scope, receive, send)


async def _body(request: Request, limit: int, media_type: str) -> bytes:
    """The body, read once; raises `BodyTooLarge` before more than `limit` bytes are held, `UnsupportedContent`."""
    given = _header(request, b"content-type")
    if given is None or given.partition(b";")[0].strip().lower() != media_type.encode():
        raise UnsupportedContent(f"the body must be {media_type}")
    announced = _header(request, b"content-length")
    if announced is not None and (not announced.isdigit() or int(announced) > limit):
        raise BodyTooLarge(f"the body may have {limit} bytes")
    message = await request.receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise MalformedRequest("the request ended before its body")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise BodyTooLarge(f"the body may have {limit} bytes")
        body = b"".join(parts)
    if len(body) > limit:
        raise BodyTooLarge(f"the body may have {limit} bytes")
    return body


def _header(request: Request, name: bytes) -> bytes | None:
    for key, value in request.scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"the body is not JSON: line {error.lineno}, column {error.colno}") from None


def _answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status, headers, JSON)


def _index(request: Request) -> int:
    text = request.path_params["id"]
    index = parse_index(text)
    if index is None:
        raise UnknownEntry(f"{text[:40]!r} is not the id of an entry: ids are decimal numbers")
    return index


def _seconds(query: QueryParams) -> float:
    text = query.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAXIMUM_WAIT:
        raise MalformedRequest(f"wait is a number of seconds from 0 to {MAXIMUM_WAIT:g}")
    return seconds


class Writers(Protocol):
    """Who may write: `maillon.kit.access.Access`, or whatever knows people too."""

    def check(self, authorization: bytes | None, scope: str) -> Subject:
        """The subject of an Authorization header, if it may. Raises `AccessDenied`. May ask the database."""


class Routes:
    """The endpoints over one service."""

    def __init__(self, service: NotaryService, access: Writers) -> None:
        self._service = service
        self._access = access

    async def append(self, request: Request) -> Response:
        """Append one entry: a salted commitment, or a plain digest."""
        subject = self._access.check(_header(request, b"authorization"), NOTARY_WRITE)
        body = await _body(request, MAXIMUM_ENTRY_BODY, JSON)
        key = parse_idempotency_key(_header(request, b"idempotency-key"), _ENTRIES, body)
        asked = replace(parse_entry(_json(body), subject.tag, key), organisation=subject.organisation)
        appended = await self._service.append(asked)
        index = appended.index
        state = EntryState.PENDING if appended.count else (await self._service.entry(index)).state
        return _answer(
            {"id": str(index), "index": index, "state": state, "receipt": f"{_ENTRIES}/{index}/receipt"},
            201 if appended.count else 200,
            {"Location": f"{_ENTRIES}/{index}"},
        )

    async def append_batch(self, request: Request) -> Response:
        """Append up to 100,000 entries, in their order, in one transaction."""
        subject = self._access.check(_header(request, b"authorization"), NOTARY_WRITE)
        body = await _body(request, MAXIMUM_BATCH_BODY, JSON)
        # Large bodies are hashed and parsed beside the event loop, so that single appends do not wait for them.
        append = await asyncio.to_thread(self._parse_batch, _header(request, b"idempotency-key"), body, subject)
        return self._batch_answer(await self._service.append(append))

    @staticmethod
    def _parse_batch(key: bytes | None, body: bytes, subject: Subject) -> Append:
        asked = parse_batch(_json(body), subject.tag, parse_idempotency_key(key, _BATCHES, body))
        return replace(asked, organisation=subject.organisation)

    @staticmethod
    def _batch_answer(appended: Appended) -> Response:
        document: dict[str, Any] = {"first": appended.first, "count": appended.count}
        if appended.indexes is not None:
            document["indexes"] = appended.indexes
        return _answer(document, 201 if appended.count else 200)

    async def find(self, request: Request) -> Response:
        """Find the entries of a digest that was notarised publicly."""
        digest = request.query_params.get("digest")
        if digest is None:
            raise MalformedRequest("say which digest: ?digest=sha2-256:HEX")
        indexes = await self._service.find(parse_digest_query(digest))
        return tagged(request, {"entries": [{"id": str(index), "index": index} for index in indexes]})

    async def entry(self, request: Request) -> Response:
        """What is known of one entry."""
        report = await self._service.entry(_index(request))
        document: dict[str, Any] = {"id": str(report.index), "index": report.index, "state": report.state}
        digest = public_digest(report)
        if digest is None:
            document["commitment"] = report.payload.hex()
        else:
            document["digest"] = {"algorithm": digest.algorithm.value, "value": digest.value.hex()}
        return tagged(request, document)

    async def receipt(self, request: Request) -> Response:
        """The receipt of one entry, without what only its owner knows: digest and salt."""
        index = _index(request)
        half = await self._service.receipt(index)
        seconds = _seconds(request.query_params)
        if half is None and seconds and await self._service.wait_anchored(index, seconds):
            half = await self._service.receipt(index)
        if half is None:
            return _answer({"id": str(index), "index": index, "state": "pending"}, 202, {"Retry-After": "1"})
        return known_again(request, orjson.dumps(half), {"Cache-Control": _FOR_EVER}, JSON)

    async def evidence(self, request: Request) -> Response:
        """What all receipts under one anchored checkpoint share; the inclusion proof is made from the tiles."""
        index = parse_index(request.query_params.get("index", ""))
        if index is None:
            raise MalformedRequest("say for which entry: ?index=NUMBER")
        body = await self._service.evidence(index)
        seconds = _seconds(request.query_params)
        if body is None and seconds and await self._service.wait_anchored(index, seconds):
            body = await self._service.evidence(index)
        if body is None:
            return _answer({"index": index, "state": "pending"}, 202, {"Retry-After": "1"})
        return known_again(request, body, {"Cache-Control": _FOR_EVER}, JSON)

    async def checkpoint(self, request: Request) -> Response:
        """The newest checkpoint, a C2SP signed note."""
        note = await asyncio.to_thread(self._service.published.checkpoint)
        if note is None:
            raise UnknownEntry("the log has no checkpoint yet: it makes its first with its first entry")
        return known_again(request, note.encode(), {"Cache-Control": "no-cache"}, "text/plain; charset=utf-8")

    async def tile(self, request: Request) -> Response:
        """A hash tile or a bundle of entries (C2SP tlog-tiles)."""
        path = "tile/" + request.path_params["path"]
        if SERVED.fullmatch(path) is None:
            raise UnknownEntry("the log has no file of that name: see C2SP tlog-tiles")
        try:
            data = await asyncio.to_thread((self._service.published.root / path).read_bytes)
        except (FileNotFoundError, NotADirectoryError):
            raise UnknownEntry("the log has no such tile: ask for the full one, or read the checkpoint") from None
        return Response(data, 200, {"Cache-Control": _FOR_EVER}, "application/octet-stream")

    async def stamp(self, request: Request) -> Response:
        """A time stamp (RFC 3161 section 3.4). Refusals of the request itself are in the reply's PKIStatusInfo."""
        body = await _body(request, MAXIMUM_STAMP_BODY, QUERY)
        return Response(self._service.stamp(body), 200, None, REPLY)

    async def certificate(self, request: Request) -> Response:
        """The certificate of the time-stamp authority, DER."""
        del request
        return Response(self._service.authority.certificate, 200, None, "application/pkix-cert")


_DIGEST_SCHEMA = {
    "type": "object",
    "required": ["algorithm", "value"],
    "additionalProperties": False,
    "properties": {
        "algorithm": {"enum": ["sha2-256", "sha2-384", "sha2-512"]},
        "value": {"type": "string", "pattern": "^(?:[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$"},
    },
}
_COMMITMENT_SCHEMA = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_BATCH_DIGESTS_SCHEMA = {
    "type": "object",
    "required": ["algorithm", "values"],
    "additionalProperties": False,
    "properties": {
        "algorithm": _DIGEST_SCHEMA["properties"]["algorithm"],  # type: ignore[index]
        "values": {
            "type": "array",
            "minItems": 1,
            "maxItems": 100_000,
            "items": _DIGEST_SCHEMA["properties"]["value"],  # type: ignore[index]
        },
    },
}


def _one_of(**members: Any) -> dict[str, Any]:
    return {
        "oneOf": [
            {
                "type": "object",
                "required": [name],
                "additionalProperties": False,
                "properties": {name: schema, "deduplicate": {"type": "boolean"}},
            }
            for name, schema in members.items()
        ]
    }


_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}
_ID_PARAMETER = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}
_WAIT_PARAMETER = {
    "name": "wait",
    "in": "query",
    "required": False,
    "schema": {"type": "number", "minimum": 0, "maximum": MAXIMUM_WAIT},
    "description": "Seconds to wait for it.",
}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": True, "schema": schema, "description": description}


def _json_body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


def _responses(description: str, *statuses: int, success: int = 200, content: Any = None) -> Answers:
    """The answers of a route; refusals are problem details."""
    shape: dict[str, Any] = content or {JSON: {"schema": {"type": "object"}}}
    problem = {problems.MEDIA_TYPE: {"schema": {"type": "object"}}}
    answers: Answers = {success: {"description": description, "content": shape}}
    for status in statuses:
        answers[status] = {"description": "Refused", "content": problem}
    return answers


_WRITE_REFUSALS = (400, 401, 403, 413, 415, 422, 503)
_KEYED: list[dict[str, list[str]]] = [{"apiKey": []}]


def router(service: NotaryService, access: Writers) -> APIRouter:
    """Every route of the notary, over one service. Writing needs a key with the scope `notary:write`; reading none."""
    routes = Routes(service, access)
    made = APIRouter(route_class=PlainRoute, tags=["notary"])

    def add(
        path: str, endpoint: Endpoint, responses: dict[int | str, Any], *, method: str = "GET", **extra: Any
    ) -> None:
        success = min(status for status in responses if isinstance(status, int))
        made.add_api_route(
            path,
            endpoint,
            methods=[method],
            status_code=success,
            responses=responses,
            response_class=Response,
            summary=(endpoint.__doc__ or "").split("\n")[0],
            operation_id=f"notary_{endpoint.__name__}",
            openapi_extra=extra or None,
        )

    same = {"description": "Deduplicated: it was there already", "content": {JSON: {"schema": {"type": "object"}}}}
    later = {"description": "Not ready yet: ask again", "content": {JSON: {"schema": {"type": "object"}}}}
    add(_ENTRIES, routes.append, _responses("Durable, in its place", *_WRITE_REFUSALS, success=201) | {200: same},
        method="POST", parameters=[_KEY_PARAMETER], security=_KEYED,
        **_json_body(_one_of(commitment=_COMMITMENT_SCHEMA, digest=_DIGEST_SCHEMA)))  # fmt: skip
    add(_BATCHES, routes.append_batch, _responses("Durable, in their places", *_WRITE_REFUSALS, success=201)
        | {200: same}, method="POST", parameters=[_KEY_PARAMETER], security=_KEYED,
        **_json_body(_one_of(
            commitments={"type": "array", "minItems": 1, "maxItems": 100_000, "items": _COMMITMENT_SCHEMA},
            digests=_BATCH_DIGESTS_SCHEMA)))  # fmt: skip
    digest = {"type": "string", "pattern": "^(?:sha2-(?:256|384|512):)?[0-9a-f]+$"}
    add(_ENTRIES, routes.find, _responses("Its entries", 400, 404, 422, 503),
        parameters=[_query("digest", digest, "ALGORITHM:HEX")])  # fmt: skip
    add(_ENTRIES + "/{id}", routes.entry, _responses("The entry", 404, 503), parameters=[_ID_PARAMETER])
    add(_ENTRIES + "/{id}/receipt", routes.receipt, _responses("The receipt", 400, 404, 503) | {202: later},
        parameters=[_ID_PARAMETER, _WAIT_PARAMETER])  # fmt: skip
    add("/v1/notary/evidence", routes.evidence, _responses("The evidence", 400, 503) | {202: later},
        parameters=[_query("index", {"type": "integer", "minimum": 0}, "Of the entry"), _WAIT_PARAMETER])  # fmt: skip
    add("/log/checkpoint", routes.checkpoint, _responses("The note", 404, content={"text/plain": {"schema": {
        "type": "string"}}}))  # fmt: skip
    add("/log/tile/{path:path}", routes.tile, _responses("The file", 404, content={"application/octet-stream": _BYTES}),
        parameters=[{"name": "path", "in": "path", "required": True, "schema": {"type": "string"}}])  # fmt: skip
    add("/tsa", routes.stamp, _responses("The reply", 413, 415, content={REPLY: _BYTES}), method="POST",
        requestBody={"required": True, "content": {QUERY: _BYTES}})  # fmt: skip
    add("/tsa/certificate", routes.certificate, _responses("DER", content={"application/pkix-cert": _BYTES}))
    return made
