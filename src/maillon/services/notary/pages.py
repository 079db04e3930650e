# SPDX-License-Identifier: Apache-2.0
"""The notary's pages: notarise, receipts, verify, entries.

Files are hashed in the browser and never sent: notarising sends commitments, verifying sends the receipt and the digest
the page computed. Without a script, both can be typed.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from maillon.evidence.document import MAXIMUM_DOCUMENT
from maillon.evidence.errors import Undecided
from maillon.evidence.hashing import Digest
from maillon.evidence.receipt import STEPS, Receipt, Report, StepResult, explain
from maillon.evidence.trust import TrustAnchors
from maillon.kit.clock import Clock
from maillon.kit.forms import bounded_body, require_same_origin
from maillon.kit.language import Language, say
from maillon.kit.page import Renderer
from maillon.kit.problems import Problem, register
from maillon.kit.reasons import reported
from maillon.kit.settings import Settings
from maillon.kit.throttle import Throttle
from maillon.kit.verifier import Verifier
from maillon.services.notary.errors import MalformedRequest, Refused, UnknownEntry
from maillon.services.notary.model import EntryReport
from maillon.services.notary.rules import parse_batch, parse_digest_query, parse_entry, parse_index
from maillon.services.notary.service import NotaryService

PAGE = 25
"""Entries on one page of the list."""
PORTAL_BATCH = 100
"""Files notarised at once from a browser; more is the command line's work."""
_MAXIMUM_FORM = MAXIMUM_DOCUMENT + 65_536
_MAXIMUM_FIELDS = 10
_SUBJECT = "portal"
KEY_ONLY = register(
    "key-only",
    403,
    "This instance notarises with an API key only",
    "Ask its administrator for a key, then use the command line: maillon notarise FILE.",
)


def _form(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of an ordinary form; raises `MalformedRequest`."""
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise MalformedRequest("a form is sent as application/x-www-form-urlencoded")
    try:
        return dict(parse_qsl(body.decode(), strict_parsing=False, max_num_fields=_MAXIMUM_FIELDS))
    except ValueError:
        raise MalformedRequest(f"the form is not UTF-8 text of at most {_MAXIMUM_FIELDS} fields") from None


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"not JSON: line {error.lineno}, column {error.colno}") from None


def _check(receipt: bytes, digest_text: str, trust: TrustAnchors) -> Report:
    """The nine steps over what was sent; what cannot be read is a report too, with nothing reached."""
    try:
        parsed = Receipt.parse(receipt)
        digest = Digest.parse(parsed.digest.algorithm.value, digest_text.strip().lower())
    except Undecided as error:
        steps = (StepResult(1, STEPS[0], "unknown", str(error)),)
        rest = tuple(StepResult(number, STEPS[number - 1], "skip") for number in range(2, len(STEPS) + 1))
        return Report(steps + rest, error, None)
    return explain(parsed, digest, trust)


def _entry_document(report: EntryReport) -> dict[str, Any]:
    return {
        "index": report.index,
        "state": report.state.value,
        "public": report.kind != 0,
        "payload": report.payload.hex(),
    }


def pages(  # noqa: C901, PLR0915 - one function for each page
    service: NotaryService, renderer: Renderer, trust: TrustAnchors, settings: Settings, clock: Clock
) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False)
    throttle = Throttle(clock, settings.rate_limit)
    verifier = Verifier(trust.to_json())

    def _require_own_page(request: Request) -> None:
        """Before anything is read: what another site sends is not even looked at."""
        require_same_origin(request)
        if not settings.portal_writes:
            raise Problem(KEY_ONLY, "this instance takes no write from its pages")

    def _count(request: Request, entries: int) -> None:
        throttle.take(request, entries)

    @router.get("/{language}/notarise")
    async def notarise(request: Request, language: Language) -> Response:
        document = {"open": settings.portal_writes, "refused": None, "batch": PORTAL_BATCH}
        return renderer.answer(request, language, "notarise.html", document)

    @router.post("/{language}/notarise")
    async def append(request: Request, language: Language) -> Response:
        _require_own_page(request)
        body = await bounded_body(request, 65_536)
        if request.headers.get("content-type", "").startswith("application/json"):
            asked = parse_batch(_json(body), _SUBJECT)
            if asked.count > PORTAL_BATCH:
                raise MalformedRequest(f"at most {PORTAL_BATCH} files at once from a page; more by the command line")
            _count(request, asked.count)
            appended = await service.append(asked)
            # A browser that heard no answer asks again with the same commitment: `deduplicate` answers the same index.
            indexes = list(appended.indexes or range(appended.first, appended.first + appended.count))
            return JSONResponse({"indexes": indexes, "count": appended.count}, 201)
        typed = _form(body, request.headers.get("content-type", "")).get("commitment", "").strip().lower()
        try:
            asked = parse_entry({"commitment": typed}, _SUBJECT)
        except Refused as error:
            document = {"open": settings.portal_writes, "refused": say(language, str(error)), "batch": PORTAL_BATCH}
            return renderer.answer(request, language, "notarise.html", document, 422)
        _count(request, 1)
        appended = await service.append(asked)
        return RedirectResponse(f"/{language}/entries/{appended.index}", 303)

    @router.get("/{language}/receipts")
    async def receipts(request: Request, language: Language) -> Response:
        return renderer.answer(request, language, "receipts.html", {})

    @router.get("/{language}/verify")
    async def verify(request: Request, language: Language) -> Response:
        return renderer.answer(request, language, "verify.html", {"report": None, "network": trust.network})

    @router.post("/{language}/verify")
    async def verified(request: Request, language: Language) -> Response:
        body = await bounded_body(request, _MAXIMUM_FORM)
        if request.headers.get("content-type", "").startswith("application/json"):
            sent = _json(body)
            if not isinstance(sent, dict) or set(sent) != {"receipt", "digest"}:
                raise MalformedRequest("the check takes a receipt and a digest, both as text")
        else:
            sent = _form(body, request.headers.get("content-type", ""))
        receipt, digest = sent.get("receipt", ""), sent.get("digest", "")
        if not isinstance(receipt, str) or not isinstance(digest, str):
            raise MalformedRequest("the check takes a receipt and a digest, both as text")
        report = await asyncio.to_thread(_check, receipt.encode(), digest, trust)
        document = {"report": reported(report, language), "network": trust.network, "time": report.time}
        return renderer.answer(request, language, "verify.html", document)

    @router.get("/verifier.html")
    async def offline_verifier(request: Request) -> Response:
        return verifier.answer(request)

    @router.get("/{language}/entries")
    async def entries(
        request: Request,
        language: Language,
        before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
        digest: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Response:
        refused = None
        if digest:
            try:
                found = await service.find(parse_digest_query(digest.strip().lower()))
                return RedirectResponse(f"/{language}/entries/{found[0]}", 303)
            except UnknownEntry:
                refused = "unknown"
            except Refused:
                refused = "malformed"
        status = await service.status()
        top = status.next_index if before is None else min(before, status.next_index)
        reports = [await service.entry(index) for index in range(top - 1, max(-1, top - 1 - PAGE), -1)]
        document = {
            "entries": [_entry_document(report) for report in reports],
            "next": reports[-1].index if reports and reports[-1].index > 0 else None,
            "before": before,
            "total": status.next_index,
            "digest": digest,
            "refused": refused,
        }
        return renderer.answer(request, language, "entries.html", document)

    @router.get("/{language}/entries/{name}")
    async def entry(request: Request, language: Language, name: str) -> Response:
        index = parse_index(name)
        if index is None:
            raise UnknownEntry(f"the log has no entry {name[:40]!r}")
        report = await service.entry(index)
        evidence = await service.evidence(index)
        checkpoint = None if evidence is None else orjson.loads(evidence)
        height = None
        if checkpoint is not None:
            height = int(checkpoint["anchor"]["consensus"]["header"]["height"]) - 1
        document = {
            "entry": _entry_document(report),
            "size": None if checkpoint is None else checkpoint["size"],
            "height": height,
            "checkpoint": None if checkpoint is None else checkpoint["checkpoint"],
        }
        return renderer.answer(request, language, "entry.html", document)

    return router
