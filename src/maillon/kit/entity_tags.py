# SPDX-License-Identifier: Apache-2.0
"""Conditional reading: an answer is known by a digest of its bytes, and not sent to whoever has it (RFC 9110)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import Response

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
"""Section 8.8.3, in a list that may hold empty elements (section 5.6.1.2)."""


def known_again(
    request: Request, body: bytes, headers: Mapping[str, str], media_type: str, status: int = 200
) -> Response:
    """The answer under its entity tag, or 304 to a reader who has it already; a refusal goes as it is."""
    if status != 200 or request.method not in ("GET", "HEAD"):
        return Response(body, status, dict(headers), media_type)
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    tagged = dict(headers) | {"ETag": tag}
    if is_named(tag, ", ".join(request.headers.getlist("if-none-match"))):
        return Response(status_code=304, headers=tagged)
    return Response(body, 200, tagged, media_type)


def is_named(tag: str, if_none_match: str) -> bool:
    """Whether the field names this tag, compared weakly, or any with `*`; one that cannot be read names none."""
    field = if_none_match.strip(" \t")
    if field == "*":
        return True
    if _LIST.fullmatch(field) is None:
        return False
    return tag.removeprefix("W/") in {one.removeprefix("W/") for one in re.findall(_TAG, field)}
