# SPDX-License-Identifier: Apache-2.0
"""Conditional reading: an answer is known by a digest of its bytes, and not sent to whoever has it (RFC 9110)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import Response

from maillon.kit.language import Language

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
"""Section 8.8.3, in a list that may hold empty elements (section 5.6.1.2)."""


def known_again(
    request: Request,
    body: bytes,
    headers: Mapping[str, str],
    media_type: str,
    status: int = 200,
    *,
    like: bytes | None = None,
) -> Response:
    """The answer under its entity tag, or 304 to a reader who has it already; a refusal goes as it is.

    The tag is of the bytes, or a weak one of `like`: what must be the same for an older answer to do as well.
    """
    if status != 200 or request.method not in ("GET", "HEAD"):
        return Response(body, status, dict(headers), media_type)
    tag = f'"{hashlib.sha256(body if like is None else like).hexdigest()[:20]}"'
    known = dict(headers) | {"ETag": tag if like is None else f"W/{tag}"}
    if is_named(tag, ", ".join(request.headers.getlist("if-none-match"))):
        return Response(status_code=304, headers=known)
    return Response(body, 200, known, media_type)


def tagged(
    request: Request, document: Any, *, private: bool = False, language: Language | None = None, like: Any = None
) -> Response:
    """A document as JSON, known again as `known_again` says; `language` is the one of its words, if it has any."""
    headers = {"Cache-Control": "private, no-cache" if private else "no-cache"}
    if language is not None:
        headers |= {"Content-Language": language, "Vary": "Accept-Language"}
    same = None if like is None else _json(like)
    return known_again(request, _json(document), headers, "application/json", like=same)


def _json(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


def is_named(tag: str, if_none_match: str) -> bool:
    """Whether the field names this tag, compared weakly, or any with `*`; one that cannot be read names none."""
    field = if_none_match.strip(" \t")
    if field == "*":
        return True
    if _LIST.fullmatch(field) is None:
        return False
    return tag.removeprefix("W/") in {one.removeprefix("W/") for one in re.findall(_TAG, field)}
