# SPDX-License-Identifier: Apache-2.0
"""The file opened from the disk in a real browser: what it says, in both languages, and that it asks nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import workshop
from playwright.sync_api import Browser, BrowserContext, Page

import npm_packages
from javascript_verifier import FILE, ROOT
from maillon.kit.verifier import Verifier

EXAMPLE = ROOT / "vectors/example"
DOCUMENT, RECEIPT, TRUST = (EXAMPLE / name for name in ("minutes.txt", "minutes.txt.receipt.json", "trust.json"))
SAID = {
    "fr": {
        "valid": "Ce reçu est valide.",
        "invalid": "Ce reçu ne prouve rien.",
        "undecided": "On ne peut pas conclure.",
    },
    "en": {
        "valid": "This receipt is valid.",
        "invalid": "This receipt proves nothing.",
        "undecided": "It cannot be told.",
    },
}


def payload(name: str, content: bytes) -> dict[str, Any]:
    """A file that need not lie on the disk."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


class Watched:
    """A page opened from the disk, and everything it asked for or complained of."""

    def __init__(self, context: BrowserContext, file: Path) -> None:
        self.page: Page = context.new_page()
        # A bound, not a measure: two busy cores hash a few megabytes a second.
        self.page.set_default_timeout(180_000)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(file.as_uri())
        self.opened = file.as_uri()

    def give(self, *files: Path | dict[str, Any]) -> None:
        given: Any = files
        if any(isinstance(file, dict) for file in files):
            # Playwright takes paths or contents, not both.
            given = [payload(file.name, file.read_bytes()) if isinstance(file, Path) else file for file in files]
        self.page.locator("#files").set_input_files(given)

    def verdict(self, kind: str) -> str:
        self.page.locator(f'.verdict[data-verdict="{kind}"]').wait_for()
        assert self.page.evaluate("document.activeElement.id") == "verdict"
        return self.page.locator("#verdict").inner_text()

    def states(self) -> list[str | None]:
        steps = self.page.locator(".chain > li").all()
        return [step.get_attribute("data-state") for step in steps]


@pytest.fixture(params=["fr", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def watched(browser: Browser, language: str) -> Iterator[Watched]:
    context = browser.new_context(locale=language)
    made = Watched(context, FILE)
    yield made
    # Its own address, and nothing else: not in any of the tests below.
    assert made.requests == [made.opened]
    assert made.complaints == []
    context.close()


def altered(patch: list[dict[str, Any]]) -> dict[str, Any]:
    """A receipt of the example with something changed, as a file of that name."""
    receipt = workshop.patched(json.loads(RECEIPT.read_bytes()), patch)
    return payload(RECEIPT.name, workshop.encode(receipt))


def test_a_valid_receipt(watched: Watched, language: str) -> None:
    watched.give(DOCUMENT, RECEIPT, TRUST)
    assert watched.verdict("valid") == SAID[language]["valid"]
    assert watched.states() == ["ok"] * 9
    assert "minutes.txt" in watched.page.locator(".verdict").inner_text()
    assert "2026" in watched.page.locator(".verdict").inner_text()
    assert "Vectors" in watched.page.locator("#whose").inner_text()
    assert watched.page.locator("html").get_attribute("lang") == language


def test_files_may_come_one_after_the_other(watched: Watched) -> None:
    for file in (TRUST, RECEIPT, DOCUMENT):
        watched.give(file)
    watched.verdict("valid")


def test_another_document_breaks_the_first_link(watched: Watched, language: str) -> None:
    watched.give(TRUST, RECEIPT, ROOT / "LICENSE")
    assert watched.verdict("invalid") == SAID[language]["invalid"]
    assert watched.states() == ["bad"] + ["skip"] * 8
    shown = watched.page.locator(".chain > li").first.inner_text()
    assert "DigestMismatch" in shown
    assert json.loads(RECEIPT.read_bytes())["digest"]["value"][:4] in shown


def test_an_altered_receipt_breaks_where_it_was_altered(watched: Watched, language: str) -> None:
    watched.give(TRUST, DOCUMENT, altered([{"op": "replace", "path": "/entry/index", "value": 136}]))
    assert watched.verdict("invalid") == SAID[language]["invalid"]
    assert watched.states() == ["ok", "ok", "bad"] + ["skip"] * 6


def test_what_cannot_be_told_is_neither(watched: Watched, language: str) -> None:
    watched.give(DOCUMENT, RECEIPT)
    assert watched.verdict("undecided") == SAID[language]["undecided"]  # no trust anchors at hand
    watched.give(TRUST, DOCUMENT, altered([{"op": "replace", "path": "/type", "value": "maillon.receipt.v2"}]))
    watched.page.get_by_text("UnknownVersion").wait_for()
    watched.give(TRUST, DOCUMENT, altered([{"op": "replace", "path": "/timestamp", "value": ""}]))
    watched.page.locator('.chain > li[data-state="unknown"]').wait_for()
    assert watched.states() == ["ok"] * 8 + ["unknown"]


def test_a_receipt_alone_is_judged_when_asked(watched: Watched) -> None:
    watched.give(TRUST, RECEIPT)
    watched.page.locator("#alone").click()
    watched.verdict("valid")
    assert watched.states() == ["skip"] + ["ok"] * 8


def test_what_stands_in_files_is_never_markup(watched: Watched) -> None:
    name = "<img src=x onerror=alert(1)>.txt"
    hostile = altered([{"op": "replace", "path": "/checkpoint", "value": "<b>origin</b>\n1\nAAAA\n\n"}])
    watched.give(TRUST, hostile, payload(name, DOCUMENT.read_bytes()))
    watched.verdict("undecided")
    assert name in watched.page.locator("#given").inner_text()
    assert watched.page.locator("main img, main b").count() == 0


def test_a_large_document_is_hashed_in_pieces(watched: Watched, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(64 * 2**20)
    watched.give(TRUST, RECEIPT, large)
    watched.verdict("invalid")
    assert watched.states()[0] == "bad"
    # SHA-256 of sixty-four mebibytes of zeros, as sha256sum writes it; on the page in groups of four.
    zeros = "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351"
    assert zeros in watched.page.locator(".chain > li").first.inner_text().replace(" ", "").replace("\n", "")


def test_a_document_that_changes_while_it_is_read_is_not_judged(watched: Watched, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(200 * 2**20)
    watched.give(TRUST, RECEIPT, large)
    watched.page.locator("#progress").wait_for()
    large.write_bytes(b"something else")
    watched.page.get_by_text("FileChanged").wait_for()
    watched.verdict("undecided")


def test_the_other_language_is_a_button_and_keeps_the_answer(watched: Watched, language: str) -> None:
    watched.give(DOCUMENT, RECEIPT, TRUST)
    watched.verdict("valid")
    other = {"fr": "en", "en": "fr"}[language]
    watched.page.locator(f"[data-language={other}]").click()
    assert watched.page.locator("#verdict").inner_text() == SAID[other]["valid"]
    assert watched.states() == ["ok"] * 9


def test_by_keyboard_alone(watched: Watched) -> None:
    page = watched.page
    order = []
    for _ in range(5):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate(
                "document.activeElement.id || document.activeElement.className || document.activeElement.lang"
            )
        )
    assert order[:4] == ["skip", "fr", "en", "files"]


def test_anchors_put_into_the_file_are_used_and_named(browser: Browser, tmp_path: Path, language: str) -> None:
    kept = tmp_path / "maillon-verifier.html"
    kept.write_text(Verifier(TRUST.read_bytes()).html("maillon.example"))
    context = browser.new_context(locale=language)
    watched = Watched(context, kept)
    watched.give(DOCUMENT, RECEIPT)
    watched.verdict("valid")
    assert "maillon.example" in watched.page.locator("#whose").inner_text()
    assert watched.requests == [kept.as_uri()]
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(browser: Browser, language: str, theme: Any) -> None:
    folder = npm_packages.install(ROOT / "tests/portal/axe", "accessibility")
    axe = (folder / "node_modules/axe-core/axe.min.js").read_text()
    context = browser.new_context(locale=language, color_scheme=theme, reduced_motion="reduce")
    watched = Watched(context, FILE)
    ask = """async () => (await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
      "best-practice"]})).violations.flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.html}`))"""
    watched.page.evaluate(axe)
    views = {
        "start": (),
        "valid": (DOCUMENT, RECEIPT, TRUST),
        "invalid": (TRUST, RECEIPT, ROOT / "LICENSE"),
        "undecided": (TRUST, DOCUMENT, altered([{"op": "replace", "path": "/timestamp", "value": ""}])),
    }
    for view, files in views.items():
        if files:
            watched.give(*files)
            watched.verdict(view)
        for width in (320, 834, 1440):
            watched.page.set_viewport_size({"width": width, "height": 800})
            assert watched.page.evaluate("document.documentElement.scrollWidth") <= width, (view, width)
            assert watched.page.evaluate(ask) == [], (view, width)
    context.close()
