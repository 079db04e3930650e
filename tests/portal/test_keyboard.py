# SPDX-License-Identifier: Apache-2.0
"""By keyboard alone: every stop is seen, in order, on the screen; files are chosen; what happens is announced."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from portal_atlas import ATLAS, LANGUAGES, Example, Sight, drop, notarise
from running_platform import Running

WATCH = """() => {
  // A group of radio buttons is one stop: the chosen one, or the first.
  const group = (at) => [...document.querySelectorAll("input[type=radio]")]
    .filter((one) => one.form === at.form && one.name === at.name && !one.disabled);
  const isStop = (at) => at.tabIndex >= 0 && !at.disabled && at.checkVisibility({checkVisibilityCSS: true})
    && (at.type !== "radio" || at === (group(at).find((one) => one.checked) ?? group(at)[0]));
  const all = [...document.querySelectorAll("*")];
  window.expectedStops = all.filter(isStop).map((at) => all.indexOf(at));
  window.stops = [];
  const described = () => {
    const at = document.activeElement;
    const box = at.getBoundingClientRect();
    const style = getComputedStyle(at.closest(".drop") ?? at);
    return {
      what: at === document.body ? null : at.outerHTML.slice(0, 120),
      outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      inside: box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
      scrolls: at.scrollWidth > at.clientWidth || at.scrollHeight > at.clientHeight,
      index: all.indexOf(at),
    };
  };
  // Before a key moves on, the page has settled on where the last one led, and scrolled there.
  addEventListener("keydown", () => window.stops.push(described()), true);
  // What was clicked before is forgotten: the first stop is the first of the page.
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
  scrollTo(0, 0);
}"""
MORE_STOPS = 40
"""Stops within fields of dates, and boxes that scroll: the browser adds them."""
WALKED = (
    *("home", "notarise", "receipts", "verify", "entries", "blocks", "design", "credits"),
    *("log-in", "join", "account", "notices-choices", "explain", "people", "keys", "webhooks", "trail"),
    *("members", "member", "apply", "application", "applications", "review", "office-member", "register"),
    *("votes", "vote", "vote-sign", "votes-propose-rule", "votes-proxies"),
)
"""Of each part what has most to stop at."""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def walk(page: Page) -> tuple[list[dict[str, Any]], list[int]]:
    """Every stop from the top to the end of the page, and where stops are expected."""
    page.evaluate(WATCH)
    expected: list[int] = page.evaluate("expectedStops")
    pressed = 0
    stops: list[dict[str, Any]] = []
    # The first key finds nothing focused, the last leaves the page.
    while not stops or stops[-1]["what"] is not None:
        assert pressed <= len(expected) + MORE_STOPS, f"the keyboard never leaves {stops[-1]['what']}"
        for _ in range(1 if pressed else len(expected) + 2):
            page.keyboard.press("Tab")
            pressed += 1
        found = page.evaluate("stops")[1:]
        ends = [place for place, one in enumerate(found) if one["what"] is None]
        stops = found[: ends[0] + 1] if ends else found
    return stops[:-1], expected


def reached(stops: list[dict[str, Any]], expected: list[int]) -> list[int]:
    """Where one stopped. A field of a date stops at each of its parts, and what scrolls where nothing in it does."""
    places = [one["index"] for one in stops if one["index"] in expected or not one["scrolls"]]
    return [place for place, _ in itertools.groupby(places)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sight", [one for one in ATLAS if one.name in WALKED], ids=lambda sight: sight.name)
def test_every_stop_is_reached_in_order_and_seen(
    page: Page, portal: Running, example: Example, sight: Sight, language: str
) -> None:
    assert sight.visit(page, portal.url, language, example).status == sight.status
    stops, expected = walk(page)
    assert [one["what"] for one in stops if not one["outlined"]] == [], "focus is not seen"
    assert [one["what"] for one in stops if not one["inside"]] == [], "focus is off the screen"
    assert reached(stops, expected) == expected
    assert len(expected) > 10


def test_a_trap_an_order_and_a_hidden_stop_are_found(page: Page, portal: Running) -> None:
    page.goto(f"{portal.url}/en/log-in")
    page.evaluate("document.querySelector('main form button').tabIndex = 5")
    stops, expected = walk(page)
    assert reached(stops, expected) != expected
    page.goto(f"{portal.url}/en/log-in")
    page.evaluate("document.querySelector('main form button').style.outline = 'none'")
    assert [one for one in walk(page)[0] if not one["outlined"]]
    page.goto(f"{portal.url}/en/log-in")
    page.evaluate("() => { document.querySelector('#address').onkeydown = (pressed) => pressed.preventDefault(); }")
    with pytest.raises(AssertionError, match="never leaves <input"):
        walk(page)


def test_what_is_walked_is_in_the_atlas() -> None:
    assert set(WALKED) <= {sight.name for sight in ATLAS}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_stop_skips_to_the_content(page: Page, portal: Running, language: str) -> None:
    page.goto(f"{portal.url}/{language}/entries")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_files_are_chosen_by_keyboard(page: Page, portal: Running, example: Example) -> None:
    page.goto(f"{portal.url}/en/notarise")
    chosen = page.locator("input[type=file]")
    chosen.wait_for()  # shown once the script listens
    with page.expect_file_chooser() as choosing:
        # The page answers this after it was told that its file choosers are watched; a key, which goes through the
        # browser and not through the page, can come before that, and its chooser closes unseen.
        chosen.focus()
        expect(chosen).to_be_focused()
        page.keyboard.press("Space")
    choosing.value.set_files(example.file)
    page.locator("[data-finished] a[download]").wait_for()
    expect(page.locator("[data-say]")).to_contain_text("Complete receipt")


def test_the_menu_of_a_phone_opens_and_closes_by_keyboard(page: Page, portal: Running) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto(f"{portal.url}/fr/verify")
    page.locator(".menu-button").focus()
    page.keyboard.press("Enter")
    menu = page.locator("#menu")
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    assert page.evaluate("document.activeElement.className").endswith("menu-button")


def test_forgetting_a_receipt_moves_on_and_is_announced(page: Page, portal: Running, example: Example) -> None:
    page.goto(f"{portal.url}/en/notarise")
    notarise(page, example)
    page.goto(f"{portal.url}/en/receipts")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("[data-receipts] button").first.focus()
    page.keyboard.press("Enter")
    page.locator("[data-empty]").wait_for()
    expect(page.locator("[data-say]")).to_contain_text("forgotten")
    assert page.evaluate("document.activeElement.closest('[data-empty]') !== null")


def test_a_verdict_is_the_title_of_its_page(page: Page, portal: Running, example: Example, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_bytes(b"another")
    page.goto(f"{portal.url}/fr/verify")
    drop(page, example.file, example.receipt)
    page.locator(".verdict").wait_for()
    assert page.title().startswith("Ce reçu est valide.")
    drop(page, other, example.receipt)
    page.locator(".verdict--bad").wait_for()
    assert page.title().startswith("Ce reçu n’est pas celui de ce fichier.")


def test_living_parts_can_be_stopped_and_start_stopped_where_motion_is_unwelcome(
    page: Page, portal: Running, example: Example
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{portal.url}/en/")
    button = page.locator("[data-live-pause]")
    expect(button).to_have_text("Resume updates")
    first = len(asked)
    with page.expect_request(f"{portal.url}/en/"):
        button.press("Enter")
    assert len(asked) == first + 1
    expect(button).to_have_text("Pause updates")
