# SPDX-License-Identifier: Apache-2.0
"""The user guides: Markdown files of this package, read by people in the repository and rendered on the portal.

Their HTML is made from our own files alone: raw HTML in them is text. Headings have ids, so that one guide can lead
into another; tables become lists on a narrow screen, and blocks of code wrap.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from maillon.kit.language import Language

if TYPE_CHECKING:
    from markdown_it.token import Token

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
    from markdown_it import MarkdownIt

    text = files("maillon.kit").joinpath("guides").joinpath(language).joinpath(f"{name}.md").read_text("utf-8")
    head, _, rest = text.partition("\n\n")
    lead, _, body = rest.partition("\n\n")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def heading(self: object, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
        del self, options, env
        return f'<{tokens[index].tag} id="{heading_id(tokens[index + 1].content)}">'

    markdown.add_render_rule("heading_open", heading)
    tokens = markdown.parse(body)
    _label_cells(tokens)
    rendered = str(markdown.renderer.render(tokens, markdown.options, {}))
    # On a narrow screen a cell is a grid: what stands in it is one item beside its column's name.
    for before, after in (
        ("<table", '<div class="rows"><table'),
        ("</table>", "</table></div>"),
        ("</td>", "</div></td>"),
    ):
        rendered = rendered.replace(before, after)
    rendered = re.sub(r"<td [^>]*>", r"\g<0><div>", rendered)
    # A browser breaks behind a hyphen, and an option would end in the next line.
    rendered = re.sub(r"(<code[^>]*>)(.*?)(?=</code>)", _keep_words, rendered, flags=re.DOTALL)
    return Guide(name, head.removeprefix("# "), " ".join(lead.split()), rendered)


def _keep_words(code: re.Match[str]) -> str:
    """Code whose words with hyphens each stay in one line."""
    return code[1] + re.sub(r"\S*-\S*", r"<span>\g<0></span>", code[2])


def _label_cells(tokens: Sequence[Token]) -> None:
    """Mark tables up as those of pages: a row has a head, and each of its other cells says which column it is of."""
    columns: list[str] = []
    column = 0
    for place, token in enumerate(tokens):
        if token.type == "table_open":
            token.attrSet("class", "to-list")
            columns = []
        elif token.type == "tr_open":
            column = 0
        elif token.type == "th_open":
            token.attrSet("scope", "col")
            columns.append(tokens[place + 1].content)
        elif token.type == "td_open" and column == 0:
            token.tag = tokens[place + 2].tag = "th"
            token.attrSet("scope", "row")
            column = 1
        elif token.type == "td_open":
            token.attrSet("data-l", columns[column])
            column += 1
