# SPDX-License-Identifier: Apache-2.0
"""By keyboard alone: every stop is seen, in order, on the screen; files are chosen; what happens is announced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from portal_atlas import LANGUAGES, Example, drop, notarise
from running_platform import Running

STOP = """() => {
  const at = document.activeElement;
  const box = at.getBoundingClientRect();
  const shown = at.closest(".drop") ?? at;
  const style = getComputedStyle(shown);
  return {
    what: at.tagName === "BODY" ? null : (at.getAttribute("aria-label") ?? at.textContent.trim() ?? at.name),
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
    index: [...document.querySelectorAll("*")].indexOf(at),
  };
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", ["", "notarise", "verify", "receipts", "entries", "blocks", "design"])
def test_every_stop_is_visible_on_the_screen_and_in_reading_order(
    page: Page, portal: Running, example: Example, path: str
) -> None:
    page.goto(f"{portal.url}/en/{path}")
    last = -1
    stops = 0
    while stops < 200:
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop["what"] is None or stop["index"] < last:
            break
        assert stop["outlined"], f"focus is not seen on {stop['what']!r}"
        assert stop["inside"], f"focus is off the screen on {stop['what']!r}"
        last = stop["index"]
        stops += 1
    assert stops > 10


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
