# SPDX-License-Identifier: Apache-2.0
"""A page on paper: what only a screen can do is left out, what is folded is open, and dark is light."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from portal_atlas import Example
from running_platform import Running

PAGES = (
    *("", "members", "members/1", "votes/rules", "entries/{entry}", "guides/member", "credits"),
    *("votes/{open}", "votes/{executed}", "votes/{executed}/record", "votes/{refused}/record"),
)
ON_A_SCREEN = ".top__tools, .nav, .menu-button, .skip, .foot, .drop, .btn, .copy, .filters, form[action$='/cast']"
COLOURS = """() => {
  const style = getComputedStyle(document.body);
  const parts = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  return [parts(style.color), parts(style.backgroundColor)];
}"""


@pytest.mark.parametrize("path", PAGES)
def test_on_paper_a_page_is_its_content_alone(browser: Browser, portal: Running, example: Example, path: str) -> None:
    look(browser, f"{portal.url}/fr/{path.format(entry=example.entry, **example.numbers)}")


def test_on_paper_a_vote_says_that_votes_are_taken_elsewhere(
    browser: Browser, another_law: tuple[Running, Example]
) -> None:
    look(browser, f"{another_law[0].url}/fr/votes/1000002")


def look(browser: Browser, address: str) -> None:
    """At a page on a dark screen, and then on paper."""
    context = browser.new_context(viewport={"width": 700, "height": 900}, color_scheme="dark")
    page = context.new_page()
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 200
    dark_ink, _ = page.evaluate(COLOURS)
    assert min(dark_ink) > 128, "on a dark screen the ink is light"
    page.emulate_media(media="print", color_scheme="dark")
    ink, paper = page.evaluate(COLOURS)
    assert max(ink) < 64, "black ink"
    assert min(paper) > 250 or paper == [0, 0, 0], "on paper, or none"
    assert page.locator(ON_A_SCREEN).count() > 3
    assert page.locator(ON_A_SCREEN).evaluate_all("all => all.filter((one) => one.checkVisibility()).length") == 0
    expect(page.locator("h1")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 700, f"{width} is wider than the paper"
    assert page.pdf().startswith(b"%PDF-")
    context.close()
