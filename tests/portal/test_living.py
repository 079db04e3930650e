# SPDX-License-Identifier: Apache-2.0
"""The home page as it lives: figures that move without a reload, a server that goes, a ledger that does not answer."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from running_platform import Running, start


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def enter(platform: Running, number: int) -> None:
    """Append one commitment and wait for its receipt."""
    headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": "application/json"}
    body = json.dumps({"commitment": f"{number:064x}"}).encode()
    request = urllib.request.Request(f"{platform.url}/v1/notary/entries", body, headers)  # noqa: S310 - our own
    answer = json.loads(urllib.request.urlopen(request).read())  # noqa: S310 - our own
    waiting = f"{platform.url}/v1/notary/entries/{answer['index']}/receipt?wait=20"
    urllib.request.urlopen(waiting).read()  # noqa: S310 - our own


def close(platform: Running) -> None:
    if platform.process.poll() is None:
        platform.process.send_signal(signal.SIGKILL)
    platform.process.wait(30)
    for stream in (platform.process.stdout, platform.process.stderr):
        assert stream is not None
        stream.close()


def test_figures_move_without_a_reload_and_a_lost_server_is_told(page: Page, tmp_path: Path) -> None:
    platform = start(tmp_path / "home")
    try:
        page.goto(f"{platform.url}/en/")
        loads: list[str] = []
        page.on("framenavigated", lambda frame: loads.append(frame.url))
        figure = page.locator("#figures dd").nth(1)
        expect(figure).to_have_text("0")
        enter(platform, 1)
        enter(platform, 2)
        expect(figure).to_have_text("2", timeout=30_000)
        expect(page.locator("#pulse .badge")).to_have_text("In service", timeout=30_000)
        assert loads == []
        platform.process.send_signal(signal.SIGKILL)
        expect(page.locator("[data-live-lost]")).to_be_visible(timeout=30_000)
        expect(figure).to_have_text("2")
    finally:
        close(platform)


def test_a_ledger_that_goes_away_is_a_state_of_the_page(page: Page, tmp_path: Path) -> None:
    ledger = start(tmp_path / "ledger")
    platform = start(tmp_path / "home", "--ledger", f"{ledger.url}/rpc")
    try:
        page.goto(f"{platform.url}/fr/")
        expect(page.locator("#figures dd").first).not_to_have_text("inconnu")
        close(ledger)
        expect(page.locator("#pulse .badge")).to_have_text("Chaîne injoignable", timeout=60_000)
        expect(page.locator("#figures dd").first).to_have_text("inconnu")
        answer = page.goto(f"{platform.url}/fr/blocks")
        assert answer is not None
        assert answer.status == 503
        expect(page.locator("h1")).to_have_text("La chaîne ne répond pas")
    finally:
        close(platform)
        if ledger.process.poll() is None:
            close(ledger)


def test_without_a_script_the_page_says_the_same_and_offers_no_dead_button(browser: Browser, portal: Running) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for path in ("", "notarise", "verify", "receipts", "entries", "blocks", "problems", "design"):
        answer = page.goto(f"{portal.url}/fr/{path}")
        assert answer is not None
        assert answer.status == 200
        expect(page.locator("h1")).to_be_visible()
        expect(
            page.locator("[data-live-pause], [data-needs-script], [data-every]").locator("visible=true")
        ).to_have_count(0)
    page.goto(f"{portal.url}/fr/")
    expect(page.locator("#figures dd").first).to_be_visible()
    context.close()
