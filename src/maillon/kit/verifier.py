# SPDX-License-Identifier: Apache-2.0
"""The offline verifier as this instance serves it: the committed file, with the instance's trust anchors put into it.

The file is made by `verifier/build.js` and is the same everywhere but for one element, which holds the anchors and says
where they came from. Its content policy stands inside it too, so that it opens no connection wherever it lies.
"""

from __future__ import annotations

import base64
import re

from fastapi import Request
from fastapi.responses import Response

from maillon.kit.entity_tags import known_again
from maillon.kit.page import SECURITY_HEADERS, STATIC

FILE_NAME = "maillon-verifier.html"
_EMPTY = '<script type="text/plain" id="anchors"></script>'
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")


class Verifier:
    """The file, ready to be answered with."""

    def __init__(self, anchors: bytes) -> None:
        self._page: str = (STATIC / "verifier.html").read_text()
        policy = _POLICY.search(self._page)
        if policy is None or self._page.count(_EMPTY) != 1:
            raise ValueError("verifier.html has no policy or no place for anchors: run just verifier")
        # What a page cannot ask for itself: that no other site shows it in a frame.
        self._policy = f"{policy[1]}; frame-ancestors 'none'"
        self._anchors = base64.b64encode(anchors).decode()

    def html(self, host: str) -> str:
        """The file with the anchors; `host` is what the reader called this instance."""
        place = f' data-from="{host}"' if _HOST.fullmatch(host) else ""
        filled = _EMPTY.replace('id="anchors">', f'id="anchors"{place}>{self._anchors}')
        return self._page.replace(_EMPTY, filled)

    def answer(self, request: Request) -> Response:
        """The page; with `?download` a file to keep."""
        text = self.html(request.headers.get("host", "")).encode()
        headers = SECURITY_HEADERS | {
            "Content-Security-Policy": self._policy,
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
            "Vary": "Host",
        }
        if "download" in request.query_params:
            headers |= {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
        return known_again(request, text, headers, "text/html; charset=utf-8")
