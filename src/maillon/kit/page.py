# SPDX-License-Identifier: Apache-2.0
"""Pages: rendered on the server in French and English, each with an address of its own, each also JSON.

A page's handler builds one document; `Renderer.answer` shows it as HTML, or gives it as it is where JSON is asked for
(by Accept, or by .json at the end of the address). No inline script or style, so the content policy can forbid both.
"""

from __future__ import annotations

import datetime
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import orjson
from babel.dates import format_date, format_datetime, get_timezone
from babel.numbers import format_decimal
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from jinja2 import nodes
from jinja2.ext import InternationalizationExtension
from jinja2.parser import Parser
from starlette.types import ASGIApp, Receive, Scope, Send

from maillon.kit.entity_tags import known_again
from maillon.kit.guides import GUIDES, read_guide
from maillon.kit.language import LANGUAGES, Language, reader_language, say, say_number, translations
from maillon.kit.problems import NOT_FOUND, REGISTRY, Problem, ProblemType

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    # With no-referrer browsers send forms with the origin null, and our own could not be told from another site's.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
UNREAD = "maillon.unread"
"""Where a request says how many notices its reader has not read; nowhere for whoever is not logged in."""
_FOREVER = "public, max-age=31536000, immutable"
_PARIS = "Europe/Paris"
_ALGORITHM = re.compile(r"(\bsha2-\d+:)")
_PACKAGE = Path(str(resources.files("maillon.kit")))
STATIC = _PACKAGE / "static"


class Static:
    """The files pages need, each under an address that changes with its content and may be kept for ever."""

    def __init__(self) -> None:
        self._directory = STATIC
        self._by_name: dict[str, str] = {}
        self._by_address: dict[str, tuple[bytes, str]] = {}
        self._packed: dict[str, bytes] = {}
        fonts = [path for path in self._directory.rglob("*") if path.suffix == ".woff2"]
        others = [path for path in self._directory.rglob("*") if path.is_file() and path.suffix in (".js", ".svg")]
        for path in (*fonts, *others):
            self._add(path.relative_to(self._directory).as_posix(), path.read_bytes())
        # Last, because they name the others.
        for path in sorted(self._directory.glob("*.css")):
            text = path.read_text()
            for name, address in self._by_name.items():
                text = text.replace(f'url("{name}")', f'url("/static/{address}")')
            self._add(path.name, text.encode())

    def _add(self, name: str, data: bytes) -> None:
        stem, _, suffix = name.rpartition(".")
        address = f"{stem}.{hashlib.sha256(data).hexdigest()[:12]}.{suffix}"
        media_type = {"woff2": "font/woff2", "js": "text/javascript"}.get(suffix) or mimetypes.guess_type(name)[0]
        self._by_name[name] = address
        self._by_address[address] = (data, media_type or "application/octet-stream")
        if suffix != "woff2":  # fonts are packed already
            self._packed[address] = gzip.compress(data, mtime=0)

    def address(self, name: str) -> str:
        """Where a page finds the file of that name; raises `KeyError` for one that does not exist."""
        return f"/static/{self._by_name[name]}"

    def serve(self, address: str, accepted: str = "") -> Response:
        """The file at an address, packed where the Accept-Encoding allows it. Pages are not: they may carry secrets."""
        found = self._by_address.get(address)
        if found is None:
            raise Problem(NOT_FOUND, f"there is no file {address[:100]!r}")
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        packed = self._packed.get(address)
        if packed is not None and re.search(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", accepted):
            return Response(packed, media_type=found[1], headers=headers | {"Content-Encoding": "gzip"})
        return Response(found[0], media_type=found[1], headers=headers)


class _Sentences(InternationalizationExtension):
    """A sentence without values is translated once, when its template is compiled: an environment has one language."""

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """As the extension whose it is, but for such sentences, which become plain text."""
        parsed = super().parse(parser)
        match parsed:
            case nodes.Output(
                nodes=[nodes.Call(node=nodes.Name(name="gettext"), args=[nodes.Const(value=str(said))], kwargs=[])]
            ):
                # By the rules of the call it stands for: %% is a per cent sign, and nothing is escaped.
                text = self.environment.catalogue.gettext(said) % {}  # type: ignore[attr-defined] # see `_environment`
                return nodes.Output([nodes.TemplateData(text)], lineno=parsed.lineno)
        return parsed


class Renderer:
    """Makes answers of documents. One for the whole application."""

    def __init__(self) -> None:
        self.static = Static()

    @cached_property
    def _environments(self) -> dict[str, jinja2.Environment]:
        return {language: self._environment(language) for language in LANGUAGES}

    def _environment(self, language: Language) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_PACKAGE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            extensions=[_Sentences],
            # They are part of the program, and change with it: nobody looks at each request whether a file did.
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.extend(catalogue=translations(language))
        environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
        filters: dict[str, Callable[[Any], Any]] = {
            "number": lambda value: say_number(value, language),
            # In a column, one below the other: all with as many decimals.
            "amount": lambda value: format_decimal(value, "#,##0.000", locale=language),
            "moment": lambda value: moment(value, language),
            "day": lambda value: _first(format_date(value, "long", locale=language), language),
            "hour": lambda value: format_datetime(value, "HH:mm:ss", tzinfo=get_timezone(_PARIS), locale=language),
            "groups": groups,
            "around_algorithms": around_algorithms,
            "said": lambda value: say(language, value) or value,
        }
        environment.filters.update(filters)
        environment.globals |= {"language": language, "static": self.static.address, "languages": LANGUAGES}
        return environment

    def html(self, request: Request, language: Language, template: str, document: Mapping[str, Any]) -> str:
        """The page as text.

        It leads to itself, in the other language and as data, unless it answers a write: that page has no address, and
        asking for it again would do again what was done, or lose what was shown once.
        """
        page = self._environments[language].get_template(template)
        query = f"?{request.url.query}" if request.url.query else ""
        return page.render(
            **document,
            document=document,
            path=request.url.path,
            page_query=query if request.method in ("GET", "HEAD") else None,
            unread_notices=request.scope.get(UNREAD),
        )

    def answer(
        self,
        request: Request,
        language: Language,
        template: str,
        document: Mapping[str, Any],
        status: int = 200,
        *,
        private: bool = False,
    ) -> Response:
        """The document as the page, or as JSON where that is asked for. What is private is kept by no cache."""
        headers = {"Content-Language": language, "Vary": "Accept"}
        if private:
            headers |= {"Cache-Control": "no-store", "Vary": "Accept, Cookie"}
        elif request.scope.get(UNREAD) is None:
            headers |= {"Cache-Control": "no-cache"}
        else:  # the page is public, the number beside its link to notices is not
            headers |= {"Cache-Control": "private, no-cache", "Vary": "Accept, Cookie"}
        if wants_json(request):
            body, media_type = orjson.dumps(document, default=str), "application/json"
        else:
            body, media_type = self.html(request, language, template, document).encode(), "text/html; charset=utf-8"
            headers |= SECURITY_HEADERS
        if private:
            return Response(body, status, headers, media_type)
        return known_again(request, body, headers, media_type, status)

    def problem(self, request: Request, kind: ProblemType, detail: str, members: Mapping[str, Any]) -> Response:
        """A refusal as a page, for a reader who asked for one; of its members, who could grant it is shown."""
        language = reader_language(request)
        document = {"kind": kind, "detail": say(language, detail), "remedy": members.get("remedy")}
        return self.answer(request, language, "problem.html", document, kind.status, private=bool(members))


@lru_cache(maxsize=10_000)
def moment(value: datetime.datetime, language: Language) -> str:
    """A date and hour in words, with its zone: readers are in several."""
    local = _first(format_datetime(value, "d MMMM y, HH:mm:ss", tzinfo=get_timezone(_PARIS), locale=language), language)
    # Where a line ends, the zone goes whole to the next.
    zone = "heure\u00a0de\u00a0Paris" if language == "fr" else "Paris\u00a0time"
    return f"{local} ({zone})"


def _first(date: str, language: Language) -> str:
    """A date in words, whose first of the month French says as an ordinal."""
    return f"1er{date[1:]}" if language == "fr" and date.startswith("1 ") else date


def groups(value: bytes | str) -> list[str]:
    """A hash in groups of four digits, as people compare them."""
    text = value.hex() if isinstance(value, bytes) else value.removeprefix("0x")
    return [text[place : place + 4] for place in range(0, len(text), 4)]


def around_algorithms(text: str) -> list[str]:
    """A text cut before and after each `sha2-256:`, every second part being one: a line could end at its hyphen."""
    return _ALGORITHM.split(text)


def wants_json(request: Request) -> bool:
    """Whether the address ends in .json, or Accept prefers JSON to HTML."""
    if request.scope.get("maillon.json"):
        return True
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


class JsonAddress:
    """Middleware: /fr/blocks.json is /fr/blocks, as JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Strip the ending and remember it."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.endswith(".json") and path[1:3] in LANGUAGES and path[3:4] in ("/", "."):
            scope = dict(scope) | {"path": path.removesuffix(".json"), "maillon.json": True}
        await self._app(scope, receive, send)


COLOURS = (
    "paper",
    "paper-2",
    "paper-3",
    "line",
    "line-strong",
    "ink-3",
    "ink-2",
    "ink",
    "petrol-tint",
    "petrol",
    "brass-tint",
    "brass",
    "brass-ink",
    "valid-tint",
    "valid",
    "broken-tint",
    "broken",
    "field",
    "field-brass",
)
"""The colours of tokens.css, as the style guide shows them."""


def specimens() -> dict[str, Any]:
    """What the style guide shows its components with."""
    compared = {"compared": "sha2-256:5dd4ab8b", "expected": "sha2-256:5dd4ab8b", "found": "sha2-256:0000ab8b"}
    return {
        "colours": COLOURS,
        "digest": hashlib.sha256(b"Maillon").hexdigest(),
        "moment": datetime.datetime(2026, 11, 3, 9, 30, tzinfo=datetime.UTC),
        "steps": [
            {"name": "file", "state": "ok", "compared": compared["compared"]},
            {"name": "entry", "state": "unknown", "compared": compared["compared"]},
            {"name": "inclusion", "state": "bad", **compared},
            {"name": "checkpoint", "state": "skip"},
        ],
        "blocks": [{"number": 995 + place, "length": 3 * place, "anchors": place == 1} for place in range(5)],
        "kinds": sorted(REGISTRY.values(), key=lambda kind: (kind.status, kind.slug)),
    }


def pages(renderer: Renderer) -> APIRouter:  # noqa: C901 - one function for each page
    """Routes every portal has: the entrance, static files and the pages of the problem types."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def entrance(request: Request) -> Response:
        return RedirectResponse(f"/{reader_language(request)}/", 302, {"Vary": "Accept-Language"})

    @router.get("/static/{address:path}")
    async def static(request: Request, address: str) -> Response:
        return renderer.static.serve(address, request.headers.get("accept-encoding", ""))

    @router.get("/{language}/problems")
    async def problem_types(request: Request, language: Language) -> Response:
        kinds = sorted(REGISTRY.values(), key=lambda kind: (kind.status, kind.slug))
        return renderer.answer(request, language, "problem_types.html", {"kinds": kinds})

    @router.get("/{language}/guides")
    async def guides(request: Request, language: Language) -> Response:
        found = [read_guide(language, name) for name in GUIDES]
        document = {"guides": [{"name": each.name, "title": each.title, "lead": each.lead} for each in found]}
        return renderer.answer(request, language, "guides.html", document)

    @router.get("/{language}/guides/{name}")
    async def guide(request: Request, language: Language, name: str) -> Response:
        if name not in GUIDES:
            raise Problem(NOT_FOUND, f"there is no guide {name[:80]!r}")
        return renderer.answer(request, language, "guide.html", {"guide": asdict(read_guide(language, name))})

    @router.get("/design")
    async def design_without_language(request: Request) -> Response:
        return RedirectResponse(f"/{reader_language(request)}/design", 302, {"Vary": "Accept-Language"})

    @router.get("/{language}/design")
    async def design(request: Request, language: Language) -> Response:
        return renderer.answer(request, language, "design.html", specimens())

    @router.get("/{language}/design/refusals/{slug}")
    async def refusal(request: Request, language: Language, slug: str) -> Response:
        kind = REGISTRY.get(slug)
        if kind is None:
            raise Problem(NOT_FOUND, f"there is no problem type {slug[:80]!r}")
        return renderer.answer(request, language, "problem.html", {"kind": kind, "detail": None, "remedy": None})

    @router.get("/problems/{slug}")
    async def problem_without_language(request: Request, slug: str) -> Response:
        if wants_json(request):
            return await problem_type(request, reader_language(request), slug)
        return RedirectResponse(f"/{reader_language(request)}/problems/{slug}", 302, {"Vary": "Accept-Language"})

    @router.get("/{language}/problems/{slug}")
    async def problem_type(request: Request, language: Language, slug: str) -> Response:
        kind = REGISTRY.get(slug)
        if kind is None:
            raise Problem(NOT_FOUND, f"there is no problem type {slug[:80]!r}")
        return renderer.answer(request, language, "problem_type.html", {"kind": kind})

    return router
