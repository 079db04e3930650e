# SPDX-License-Identifier: Apache-2.0
"""The user guides: Markdown files of this package, read by people in the repository and rendered on the portal.

Their HTML is made from our own files alone: raw HTML in them is text. Headings have ids, so that one guide can lead
into another; tables and blocks of code scroll by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from maillon.kit.language import Language

GUIDES: Final = ("member", "delegate", "office")
"""In the order they are offered."""


@dataclass(frozen=True, slots=True)
class Guide:
    """One guide, rendered."""

    name: str
    title: str
    lead: str
    """Its first paragraph, as text."""
    html: str
    """Everything behind that."""


def heading_id(text: str) -> str:
    """How a heading is named in a link to it: as code hosts name it."""
    return re.sub(r"[^\w-]", "", text.lower().replace(" ", "-"))


@cache
def read_guide(language: Language, name: str) -> Guide:
    """A guide of `GUIDES`. Kept once rendered: it changes with the program alone."""
    # Imported here: only a reader of a guide needs it.
    from markdown_it import MarkdownIt  # noqa: PLC0415
    from markdown_it.token import Token  # noqa: PLC0415

    text = files("maillon.kit").joinpath("guides").joinpath(language).joinpath(f"{name}.md").read_text("utf-8")
    head, _, rest = text.partition("\n\n")
    lead, _, body = rest.partition("\n\n")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def heading(self: object, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
        del self, options, env
        return f'<{tokens[index].tag} id="{heading_id(tokens[index + 1].content)}">'

    def code(self: object, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
        del self, options, env
        escaped = tokens[index].content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return f'<pre tabindex="0"><code>{escaped}</code></pre>\n'

    markdown.add_render_rule("heading_open", heading)
    markdown.add_render_rule("code_block", code)
    rendered = markdown.render(body).replace("<table>", '<div class="rows" tabindex="0"><table>')
    return Guide(name, head.removeprefix("# "), " ".join(lead.split()), rendered.replace("</table>", "</table></div>"))
