# SPDX-License-Identifier: Apache-2.0
"""Forms: read whole within a limit, and taken from this site's own pages only.

The defence against cross-site request forgery is the browser's word: Fetch metadata (`Sec-Fetch-Site`), else `Origin`,
must be our own, and a request that carries neither is not a page's. docs/decisions says why not a token in each form.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.formparsers import MultiPartException, MultiPartParser

from maillon.kit.problems import BODY_TOO_LARGE, INVALID, OTHER_SITE, Problem

MAXIMUM_FORM = 65_536
"""Bytes of an ordinary form."""
_MAXIMUM_FIELDS = 40
_DRAINED = 64 * 1024 * 1024
"""Bytes that are let pass unread of what is too large: a browser cut off while it sends shows no answer."""


def require_same_origin(request: Request) -> None:
    """Refuse writes another site's page makes a browser send; raises a `Problem`."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    if site not in (None, "same-origin") or (origin is not None and origin.partition("://")[2] != host):
        raise Problem(OTHER_SITE, "this page takes writes from its own site only")
    if site is None and origin is None:
        raise Problem(OTHER_SITE, "programs write through /v1 with an API key, not through the pages")


async def bounded_body(request: Request, maximum: int) -> bytes:
    """The body, never holding more than `maximum` bytes; raises a `Problem`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > maximum:
            raise Problem(BODY_TOO_LARGE, f"this page reads at most {maximum // 1024} kB")
    return bytes(body)


async def read_form(request: Request, maximum: int = MAXIMUM_FORM) -> dict[str, list[str]]:
    """The fields of a form one of our own pages sent, each with its values in order; raises a `Problem`."""
    require_same_origin(request)
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Problem(INVALID, "a form is sent as application/x-www-form-urlencoded")
    body = await bounded_body(request, maximum)
    fields: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAXIMUM_FIELDS)
    except ValueError as error:
        raise Problem(INVALID, f"the form cannot be read: {error}") from None
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


@dataclass(frozen=True, slots=True)
class Upload:
    """One file with the fields sent beside it, all of it in memory: nothing of it touches the disk in clear."""

    fields: Mapping[str, str]
    name: str
    media_type: str
    content: bytes
    is_whole: bool
    """Whether all of the form came; otherwise it was too large, and `content` is the beginning of the file."""


async def read_upload(request: Request, maximum: int) -> Upload:
    """A form of one of our own pages with exactly one file (RFC 7578), behind its fields; raises a `Problem`.

    Never more than `maximum` bytes of it are held. A form that is larger is cut there, so that the page which sent it
    can be shown again with what was typed.
    """
    require_same_origin(request)
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if media_type != b"multipart/form-data" or not boundary:
        raise Problem(INVALID, "a file is sent as multipart/form-data")
    body, size = bytearray(), 0
    async for chunk in request.stream():
        body += chunk[: max(0, maximum - size)]
        size += len(chunk)
        if size > maximum + _DRAINED:
            break
    is_whole = size <= maximum

    async def stream() -> AsyncGenerator[bytes, None]:
        yield bytes(body)
        if not is_whole:
            yield b"\r\n--" + boundary + b"--\r\n"

    parser = MultiPartParser(request.headers, stream(), max_files=1, max_fields=8, max_part_size=MAXIMUM_FORM)
    parser.spool_max_size = maximum + 1
    try:
        form = await parser.parse()
    except (MultiPartException, MultipartParseError, ValueError, KeyError) as error:
        raise Problem(INVALID, f"the form cannot be read: {error}") from None
    try:
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        files = [value for value in form.values() if not isinstance(value, str)]
        if len(files) != 1:
            if not is_whole:
                raise Problem(BODY_TOO_LARGE, f"this page reads at most {maximum // 1024} kB")
            raise Problem(INVALID, "a file is missing")
        name, declared = files[0].filename or "", files[0].content_type or ""
        return Upload(fields, name, declared, await files[0].read(), is_whole)
    finally:
        await form.close()


def local_target(text: str | None, default: str) -> str:
    """Where to go next, when it is a place of this site; `default` otherwise.

    A place is a path: one slash, no second slash or backslash after it (browsers read both as another host), nothing
    below U+0021, which browsers drop before they look.
    """
    if text is None or len(text) > 2000 or not text.startswith("/") or text[1:2] in ("/", "\\"):
        return default
    if any(character <= " " or character in "\\\x7f" for character in text):
        return default
    return text
