# SPDX-License-Identifier: Apache-2.0
"""WCAG 2.2 AA as far as a program can tell: axe-core over every sight of the atlas, and it finds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import npm_packages
from maillon.kit.guides import GUIDES
from portal_atlas import ATLAS, LANGUAGES, OF_ANOTHER_LAW, THEMES, WIDTHS, Example, Sight
from running_platform import Running

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""What can differ between light and dark."""
ASK = """async ([type, values]) => {
  const {violations} = await axe.run(document, {runOnly: {type, values}, resultTypes: ["violations"]});
  return violations.flatMap(({id, nodes}) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary}`));
}"""


@pytest.fixture(scope="session")
def axe() -> str:
    folder = npm_packages.install(Path(__file__).parent / "axe", "accessibility")
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


def complaints(page: Page, axe: str, theme: str = "light") -> list[str]:
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(axe)
    found: list[str] = page.evaluate(ASK, ["tag", RULES] if theme == "light" else ["rule", COLOURS])
    return found


def look(browser: Browser, axe: str, seen: tuple[Running, Example], sight: Sight, language: str) -> None:
    """At a sight of a platform, on every width and in both themes."""
    platform, example = seen
    context = browser.new_context(reduced_motion="reduce", viewport={"width": WIDTHS["phone"], "height": 800})
    page = context.new_page()
    assert sight.visit(page, platform.url, language, example).status == sight.status
    found = {}
    for width in WIDTHS.values():
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{sight.name} is wider than {width}"
        # Colours do not depend on the language: the dark ones are looked at once.
        for theme in THEMES if language == LANGUAGES[0] else THEMES[:1]:
            page.emulate_media(color_scheme=theme)
            found[f"{width} {theme}"] = complaints(page, axe, theme)
    context.close()
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sight", ATLAS, ids=lambda sight: sight.name)
def test_axe_finds_nothing(  # noqa: PLR0917 - fixtures
    browser: Browser, portal: Running, example: Example, axe: str, sight: Sight, language: str
) -> None:
    look(browser, axe, (portal, example), sight, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sight", OF_ANOTHER_LAW, ids=lambda sight: sight.name)
def test_axe_finds_nothing_under_another_law(
    browser: Browser, another_law: tuple[Running, Example], axe: str, sight: Sight, language: str
) -> None:
    look(browser, axe, another_law, sight, language)


BROKEN = """() => [...document.querySelectorAll("code")].flatMap((code) => {
  const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  const broken = [];
  while (walker.nextNode()) {
    const {currentNode: text} = walker;
    for (const found of text.data.matchAll(/--[a-z][a-z-]*/g)) {
      const range = new Range();
      range.setStart(text, found.index);
      range.setEnd(text, found.index + found[0].length);
      const tops = new Set([...range.getClientRects()].map(({top}) => Math.round(top)));
      if (tops.size > 1) broken.push(found[0]);
      else if (tops.size) window.options = (window.options ?? 0) + 1;
    }
  }
  return broken;
})"""
"""The options of commands that are broken over two lines, on a page."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [*(f"guide-{name}" for name in GUIDES), "nodes", "register", "vote-sign"])
def test_an_option_stays_in_one_line_on_a_phone(
    browser: Browser, portal: Running, example: Example, name: str, language: str
) -> None:
    (sight,) = (sight for sight in ATLAS if sight.name == name)
    context = browser.new_context(viewport={"width": WIDTHS["phone"], "height": 800})
    page = context.new_page()
    sight.visit(page, portal.url, language, example)
    # On every width of a phone: what is whole on one may break on the next.
    for width in range(WIDTHS["phone"], WIDTHS["phone"] + 60, 4):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(BROKEN) == [], f"at {width}"
    assert page.evaluate("window.options") > 0
    context.close()


def test_an_option_in_two_lines_is_found(browser: Browser, portal: Running) -> None:
    context = browser.new_context(viewport={"width": WIDTHS["phone"], "height": 800})
    page = context.new_page()
    page.goto(f"{portal.url}/en/")
    page.evaluate("document.querySelector('h1').innerHTML = '<code>' + 'maillon --no-demo '.repeat(40) + '</code>'")
    assert "--no-demo" in page.evaluate(BROKEN)
    context.close()


@pytest.mark.parametrize("where", ["h1", "h2", ".crumbs [aria-current]"])
def test_a_name_longer_than_the_screen_breaks(browser: Browser, portal: Running, where: str) -> None:
    context = browser.new_context(viewport={"width": WIDTHS["phone"], "height": 800})
    page = context.new_page()
    page.goto(f"{portal.url}/en/members/1")
    page.locator(where).first.evaluate("(element) => { element.textContent = 'Donaudampfschifffahrt'.repeat(8); }")
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS["phone"]
    page.locator(where).first.evaluate("(element) => { element.style.overflowWrap = 'normal'; }")
    assert page.evaluate("document.documentElement.scrollWidth") > WIDTHS["phone"]
    context.close()


def test_axe_can_find_something(browser: Browser, portal: Running, axe: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{portal.url}/en/")
    page.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<img src=\"data:,\"><input>')")
    assert {complaint.partition(":")[0] for complaint in complaints(page, axe)} >= {"image-alt", "label"}
    context.close()
