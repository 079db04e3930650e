# SPDX-License-Identifier: Apache-2.0
"""Refusals on the wire: problem details (RFC 9457), each of a stable type with a page that says what to do.

`Problem` is raised by doors; errors of services that carry `slug`, `status`, `title` and `advice` become one by
themselves. `register` is called once for each type, so that /problems/ lists them all and a test finds them documented.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from maillon.kit.errors import AccessDenied, IdempotencyConflict, KitError, StoreUnavailable
from maillon.kit.language import Language, program_language, say

MEDIA_TYPE = "application/problem+json"
logger = structlog.get_logger("maillon.problems")


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of refusal: its stable name, what it is, and what to do."""

    slug: str
    status: int
    title: str
    advice: str


REGISTRY: dict[str, ProblemType] = {}


def register(slug: str, status: int, title: str, advice: str) -> ProblemType:
    """Make a type known; the same slug again must say the same. Raises `ValueError` when it does not."""
    made = ProblemType(slug, status, title, advice)
    if REGISTRY.setdefault(slug, made) != made:
        raise ValueError(f"two problem types are called {slug}")
    return made


UNAUTHENTICATED = register(
    "unauthenticated",
    401,
    "This needs an API key",
    "Send Authorization: Bearer and a key. maillon up writes the first one to HOME/api-key.",
)
FORBIDDEN = register(
    "forbidden", 403, "This key may not do that", "Ask an administrator of your organisation for a key with the scope."
)
OTHER_SITE = register(
    "other-site",
    403,
    "This write came from another site",
    "Open the page here and send its form again. Programs write through /v1 with an API key.",
)
NOT_FOUND = register("not-found", 404, "There is nothing here", "Check the address.")
METHOD = register("method-not-allowed", 405, "The route knows other methods", "Use a method of the Allow header.")
CONFLICT = register(
    "idempotency-conflict",
    422,
    "This Idempotency-Key was used for another request",
    "Use a new key for a new request; send the same body again to get the first answer again.",
)
INVALID = register(
    "invalid-request",
    422,
    "The request cannot be read as it is",
    "Check the address, or what was typed. Programs find under errors what to correct.",
)
BODY_TOO_LARGE = register(
    "body-too-large",
    413,
    "The request is too large",
    "Send less in one request.",
)
TOO_MANY = register("too-many-requests", 429, "Too many requests", "Wait a minute, then go on more slowly.")
UNAVAILABLE = register(
    "unavailable", 503, "This cannot be done at the moment", "Nothing was changed. Try again in a few seconds."
)
INTERNAL = register(
    "internal-error",
    500,
    "The platform failed",
    "Nothing was acknowledged. Try again; if it stays, give the administrator the reference.",
)


_OURS: tuple[tuple[type[Exception], ProblemType, dict[str, str]], ...] = (
    (IdempotencyConflict, CONFLICT, {}),
    (StoreUnavailable, UNAVAILABLE, {"Retry-After": "5"}),
)


class Problem(Exception):
    """A refusal a door gives."""

    def __init__(
        self, kind: ProblemType, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


def document(kind: ProblemType, detail: str, language: Language = "en", **members: Any) -> bytes:
    """The body of a problem, RFC 9457 section 3, with the advice beside it. Its type is the same in every language."""
    return orjson.dumps(
        {
            "type": f"/problems/{kind.slug}",
            "title": say(language, kind.title) or kind.title,
            "status": kind.status,
            "detail": say(language, detail) or detail,
            "advice": say(language, kind.advice) or kind.advice,
            **members,
        }
    )


def response(
    kind: ProblemType, detail: str, headers: Mapping[str, str] | None = None, language: Language = "en", **members: Any
) -> Response:
    """The answer that says so."""
    said = {"Content-Language": language, "Vary": "Accept, Accept-Language", **(headers or {})}
    return Response(document(kind, detail, language, **members), kind.status, said, MEDIA_TYPE)


def describe_refusals(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document in which every refusal is a problem detail, as here they are, whatever the framework says."""
    texts = ("type", "title", "detail", "advice")
    properties: dict[str, Any] = {name: {"type": "string"} for name in texts} | {"status": {"type": "integer"}}
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for framework in ("HTTPValidationError", "ValidationError"):
        schemas.pop(framework, None)
    schemas["Problem"] = {
        "type": "object",
        "description": "RFC 9457; docs/operating/errors.md lists the types",
        "properties": properties,
        "required": [*texts[:3], "status"],
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status[0] in "45":
                    response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return document


def describe(error: Exception) -> tuple[ProblemType, str, dict[str, str]] | None:
    """How an error of ours looks on the wire: type, detail, headers; None for one nobody meant."""
    if isinstance(error, Problem):
        return error.kind, error.detail, error.headers
    if isinstance(error, AccessDenied):
        if error.authenticated:
            return FORBIDDEN, error.reason, {}
        return UNAUTHENTICATED, error.reason, {"WWW-Authenticate": 'Bearer realm="maillon"'}
    for situation, kind, headers in _OURS:
        if isinstance(error, situation):
            return kind, str(error), headers
    slug = getattr(error, "slug", None)
    if isinstance(slug, str):
        kind = ProblemType(slug, error.status, error.title, error.advice)  # type: ignore[attr-defined]
        return kind, str(error), dict(getattr(error, "headers", {}))
    return None


def answer(error: Exception, request: Request) -> Response:
    """The answer to an error of ours; an error nobody meant is logged with a reference and answered without detail."""
    language = program_language(request)
    described = describe(error)
    if described is not None:
        kind, detail, headers = described
        return response(kind, detail, headers, language, **getattr(error, "members", {}))
    detail = f"reference {_noted(error)}"
    return response(INTERNAL, detail, None, language)


def _noted(error: Exception) -> str:
    """Log an error nobody meant, and name it: the reader is told the name, the operator finds the rest under it."""
    name = secrets.token_hex(6)
    logger.error("unexpected", reference=name, exc_info=error)
    return name


def _of_http(error: HTTPException, request: Request) -> tuple[ProblemType, str, dict[str, str]]:
    """What the framework refuses before any route of ours is reached."""
    kind = {404: NOT_FOUND, 405: METHOD, 413: BODY_TOO_LARGE}.get(error.status_code)
    if kind is NOT_FOUND:
        detail = f"there is no page at {request.url.path[:200]}"
    elif kind is METHOD:
        detail = f"the route takes no {request.method}"
    else:
        detail = f"the request was refused with status {error.status_code}"
    kind = kind or ProblemType(INVALID.slug, error.status_code, INVALID.title, INVALID.advice)
    return kind, detail, dict(error.headers or {})


Present = Callable[[Request, ProblemType, str, Mapping[str, Any]], Response]
"""Shows a problem to a reader who asked for a page."""


def install(app: FastAPI, *bases: type[Exception], present: Present) -> None:
    """Make every refusal a problem: details for programs, a page for readers.

    `bases` are the base classes of the services' errors.
    """

    def shown(
        request: Request,
        kind: ProblemType,
        detail: str,
        headers: Mapping[str, str],
        members: Mapping[str, Any] = MappingProxyType({}),
    ) -> Response | None:
        if request.scope.get("maillon.json") or "text/html" not in request.headers.get("accept", ""):
            return None
        page = present(request, kind, detail, members)
        page.headers.update(headers)
        return page

    async def answer_ours(request: Request, error: Exception) -> Response:
        described = describe(error)
        if described is not None:
            page = shown(request, *described, getattr(error, "members", {}))
            if page is not None:
                return page
        return answer(error, request)

    async def answer_unexpected(request: Request, error: Exception) -> Response:
        detail = f"reference {_noted(error)}"
        return shown(request, INTERNAL, detail, {}) or response(INTERNAL, detail, None, program_language(request))

    async def answer_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = [{"at": "/".join(str(part) for part in item["loc"]), "message": item["msg"]} for item in error.errors()]
        # A page whose address holds what no page knows does not exist, for a reader.
        kind = NOT_FOUND if all(item["loc"][0] == "path" for item in error.errors()) else INVALID
        detail = "something in it is not as expected"
        return shown(request, kind, detail, {}) or response(kind, detail, None, program_language(request), errors=found)

    async def answer_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind, detail, headers = _of_http(error, request)
        return shown(request, kind, detail, headers) or response(kind, detail, headers, program_language(request))

    for base in (Problem, KitError, *bases):
        app.add_exception_handler(base, answer_ours)
    app.add_exception_handler(Exception, answer_unexpected)
    app.add_exception_handler(RequestValidationError, answer_validation)
    app.add_exception_handler(HTTPException, answer_http)
