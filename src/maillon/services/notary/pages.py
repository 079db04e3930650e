# SPDX-License-Identifier: Apache-2.0
"""The notary's pages: notarise, receipts, verify, the entries of the log. Each is whole without script.

No file is ever received: the browser sends a commitment, or a receipt with a digest. Forms are taken from our own
pages only (Origin and Sec-Fetch-Site), because writing needs no login in a sandbox; an address may write so often.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from maillon.evidence.errors import EvidenceError
from maillon.evidence.hashing import Algorithm, Digest
from maillon.evidence.receipt import Receipt, explain
from maillon.evidence.trust import TrustAnchors
from maillon.kit import problems
from maillon.kit.clock import Clock
from maillon.kit.page import Language, Renderer
from maillon.kit.problems import Problem
from maillon.kit.settings import Settings
from maillon.services.notary.errors import BodyTooLarge, MalformedRequest, Refused, UnknownEntry
from maillon.services.notary.model import EntryReport
from maillon.services.notary.rules import parse_digest_query, parse_entry, parse_idempotency_key, parse_index
from maillon.services.notary.service import NotaryService, public_digest

PAGE: Final = 25
SUBJECT: Final = "portal"
MAXIMUM_FORM: Final = 4 * 1024
MAXIMUM_RECEIPT_FORM: Final = 4 * 1024 * 1024
"""A receipt of a mebibyte, each of its characters written as up to three, and room to spare."""
_MINUTE: Final = 60.0
_MAXIMUM_ADDRESSES: Final = 10_000
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}", re.ASCII)

FOREIGN = problems.register(
    "foreign-origin",
    403,
    "This form was not sent by our page",
    "Open the page again and send the form from there; programs use /v1/notary with a key.",
)
CLOSED = problems.register(
    "portal-closed",
    403,
    "This instance does not notarise from the portal",
    "Use the command line or the programming interface, with a key your administrator gives you.",
)


class RateLimit:
    """So many writes a minute from one address; remembers a bounded number of addresses."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, address: str) -> None:
        """Count one write; raises a `Problem` that says how long to wait when there were too many."""
        now = self._clock.now().timestamp()
        began, count = self._windows.pop(address, (now, 0))
        if not 0 <= now - began < _MINUTE:
            began, count = now, 0
        self._windows[address] = (began, count + 1)
        if len(self._windows) > _MAXIMUM_ADDRESSES:
            self._windows.popitem(last=False)
        if count >= self._limit:
            wait = max(1, int(_MINUTE - (now - began)) + 1)
            raise Problem(
                problems.TOO_MANY,
                f"at most {self._limit} entries a minute from one address; wait {wait} s",
                headers={"Retry-After": str(wait)},
            )


def require_same_origin(request: Request) -> None:
    """Raise a `Problem` unless one of our own pages sent this: what a browser says of itself decides, not a token.

    Sec-Fetch-Site (W3C Fetch Metadata) where it is sent, else Origin (RFC 6454) against Host; neither is a refusal.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise Problem(FOREIGN, f"the browser says this comes from another site: {site[:40]}")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Problem(FOREIGN, f"the browser says this comes from {origin[:200]!r}")
    if site is None and origin is None:
        raise Problem(FOREIGN, "the request names no origin")


async def _body(request: Request, limit: int) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise BodyTooLarge(f"the body may have {limit} bytes")
    return body


def _form(body: bytes) -> dict[str, str]:
    """The fields of an ordinary form, each once; raises `MalformedRequest`."""
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=10, errors="strict")
    except ValueError as error:
        raise MalformedRequest(f"the body is not a form: {error}") from None
    return {name: values[0] for name, values in fields.items()}


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _row(report: EntryReport) -> dict[str, Any]:
    digest = public_digest(report)
    return {
        "index": report.index,
        "state": report.state.value,
        "algorithm": None if digest is None else digest.algorithm.value,
        "payload": report.payload.hex(),
    }


def judge(receipt: str, digest: str, trust: TrustAnchors) -> tuple[dict[str, Any], Any]:
    """The report of the nine steps as JSON, and the time proved; what cannot be read is undecided, without steps."""
    try:
        parsed = Receipt.parse(receipt.encode())
        given = Digest.parse(parsed.digest.algorithm.value, digest.strip().lower()) if digest.strip() else None
        report = explain(parsed, given, trust)
    except EvidenceError as error:
        failure = {"type": type(error).__name__, "message": str(error)}
        return {"verdict": "undecided", "time": None, "file_compared": False, "steps": [], "error": failure}, None
    return report.to_json(), report.time


class Portal:
    """What the routes do, over one service."""

    def __init__(
        self, service: NotaryService, renderer: Renderer, trust: TrustAnchors, settings: Settings, clock: Clock
    ) -> None:
        self._service = service
        self._renderer = renderer
        self._trust = trust
        self._open = settings.portal_writes
        self._limit = RateLimit(settings.rate_limit, clock)

    def notarise(
        self, request: Request, language: Language, error: str = "", given: dict[str, str] | None = None
    ) -> Response:
        """The page; with an error, what was typed stays."""
        given = given or {}
        document = {
            "open": self._open,
            "error": error,
            "value": given.get("value", "")[:200],
            "kind": given.get("kind", "commitment")[:20],
        }
        return self._renderer.answer(request, language, "notarise.html", document, 422 if error else 200)

    async def append(self, request: Request, language: Language) -> Response:
        """One entry: as JSON from our script, or from the form."""
        if not self._open:
            raise Problem(CLOSED, "the setting portal_writes is off")
        require_same_origin(request)
        self._limit.take(request.client.host if request.client else "")
        body = await _body(request, MAXIMUM_FORM)
        if _is_json(request):
            key = request.headers.get("idempotency-key")
            idempotency = parse_idempotency_key(None if key is None else key.encode(), "portal", body)
            try:
                document = orjson.loads(body)
            except orjson.JSONDecodeError as error:
                raise MalformedRequest(f"the body is not JSON: {error}") from None
            appended = await self._service.append(parse_entry(document, SUBJECT, idempotency))
            return Response(orjson.dumps({"index": appended.index}), 201, media_type="application/json")
        given = _form(body)
        value = "".join(given.get("value", "").split()).lower()
        if not _HEXADECIMAL.fullmatch(value):
            words = "A value has 64 characters, from 0 to 9 and a to f; you gave %(count)s characters."
            error = self._renderer.gettext(language, words) % {"count": len(value)}
            return self.notarise(request, language, error, given)
        if given.get("kind") == "digest":
            wanted: dict[str, Any] = {"digest": {"algorithm": Algorithm.SHA2_256.value, "value": value}}
        else:
            wanted = {"commitment": value}
        appended = await self._service.append(parse_entry(wanted, SUBJECT))
        return RedirectResponse(f"/{language}/entries/{appended.index}", 303)

    def verification(self, request: Request, language: Language, **members: Any) -> Response:
        """The page, with or without a report."""
        document = {"report": None, "time": None, "broken": None, "receipt": "", "digest": ""}
        document |= {"network": self._trust.network} | members
        return self._renderer.answer(request, language, "verify.html", document)

    async def verify(self, request: Request, language: Language) -> Response:
        """The numbered steps of a receipt that was sent, and of the digest if one was."""
        body = await _body(request, MAXIMUM_RECEIPT_FORM)
        if _is_json(request):
            try:
                given = orjson.loads(body)
            except orjson.JSONDecodeError as error:
                raise MalformedRequest(f"the body is not JSON: {error}") from None
        else:
            given = _form(body)
        if not isinstance(given, dict):
            raise MalformedRequest("the request is an object with receipt and digest")
        receipt, digest = given.get("receipt"), given.get("digest") or ""
        if isinstance(receipt, dict):
            receipt = orjson.dumps(receipt).decode()
        if not isinstance(receipt, str) or not isinstance(digest, str):
            raise MalformedRequest("send receipt, and digest if there is one")
        report, time = await asyncio.to_thread(judge, receipt, digest, self._trust)
        if _is_json(request):
            return Response(orjson.dumps(report), media_type="application/json")
        broken = next((step["number"] for step in report["steps"] if step["state"] in ("bad", "unknown")), None)
        return self.verification(
            request, language, report=report, time=time, broken=broken, receipt=receipt, digest=digest[:200]
        )

    async def entries(self, request: Request, language: Language, before: int | None, digest: str) -> Response:
        """A page of entries, newest first; or straight to the entry of a public digest."""
        missing = ""
        if digest.strip():
            try:
                found = await self._service.find(parse_digest_query(digest.strip().lower()))
            except UnknownEntry:
                missing = self._renderer.gettext(language, "Nobody has notarised this digest publicly here.")
            except Refused:
                missing = self._renderer.gettext(language, "This is not a digest: SHA-256 has 64 characters.")
            else:
                return RedirectResponse(f"/{language}/entries/{found[0]}", 303)
        status = await self._service.status()
        newest = min(status.next_index, status.next_index if before is None else before)
        indexes = range(newest - 1, max(-1, newest - 1 - PAGE), -1)
        reports = await asyncio.gather(*(self._service.entry(index) for index in indexes))
        document = {
            "entries": [_row(report) for report in reports],
            "total": status.next_index,
            "before": before,
            "next": indexes[-1] if indexes and indexes[-1] > 0 else None,
            "asked": digest[:140],
            "missing": missing,
        }
        return self._renderer.answer(request, language, "entries.html", document)

    async def entry(self, request: Request, language: Language, name: str) -> Response:
        """One entry."""
        index = parse_index(name)
        if index is None:
            raise UnknownEntry(f"{name[:40]!r} is not the id of an entry: ids are decimal numbers")
        return self._renderer.answer(
            request, language, "entry.html", {"entry": _row(await self._service.entry(index))}
        )


def pages(
    service: NotaryService, renderer: Renderer, trust: TrustAnchors, settings: Settings, clock: Clock
) -> APIRouter:
    """The routes: /{language}/notarise, receipts, verify, entries, entries/{index}."""
    router = APIRouter(include_in_schema=False)
    portal = Portal(service, renderer, trust, settings, clock)

    @router.get("/{language}/notarise")
    async def notarise(request: Request, language: Language) -> Response:
        return portal.notarise(request, language)

    @router.post("/{language}/notarise")
    async def append(request: Request, language: Language) -> Response:
        return await portal.append(request, language)

    @router.get("/{language}/receipts")
    async def receipts(request: Request, language: Language) -> Response:
        return renderer.answer(request, language, "receipts.html", {})

    @router.get("/{language}/verify")
    async def verification(request: Request, language: Language) -> Response:
        return portal.verification(request, language)

    @router.post("/{language}/verify")
    async def verify(request: Request, language: Language) -> Response:
        return await portal.verify(request, language)

    @router.get("/{language}/entries")
    async def entries(
        request: Request,
        language: Language,
        before: int | None = Query(None, ge=0),
        digest: str = Query("", max_length=140),
    ) -> Response:
        return await portal.entries(request, language, before, digest)

    @router.get("/{language}/entries/{name}")
    async def entry(request: Request, language: Language, name: str) -> Response:
        return await portal.entry(request, language, name)

    return router
