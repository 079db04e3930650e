# SPDX-License-Identifier: Apache-2.0
"""A day at the portal, in a real browser: drop a file, take the receipt, check it without the server, and online."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request

CONTENT = b"Minutes of the council, with a phrase nobody else has: heron-4711.\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    environment = os.environ | {"PYTHONPATH": "src"}
    process = subprocess.Popen(
        [sys.executable, "-m", "maillon", "up", "--no-demo", "--home", str(home), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"ready (http://\S+)", line):
            break
    else:
        pytest.fail(f"maillon up did not start: {said}")
    yield found[1]
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def notarised(page: Page, server: str, language: str, folder: Path) -> tuple[Path, Path]:
    file = folder / "minutes.txt"
    file.write_bytes(CONTENT)
    page.goto(f"{server}/{language}/notarise")
    page.locator("[data-needs-script]").first.wait_for()  # shown once the script listens
    page.locator("[data-notarise] input[type=file]").set_input_files(file)
    with page.expect_download(timeout=150_000) as waiting:
        page.locator("[data-finished] a[download]").click(timeout=120_000)
    receipt = folder / waiting.value.suggested_filename
    waiting.value.save_as(receipt)
    return file, receipt


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_dropped_file_gets_a_receipt_that_holds_offline(
    page: Page, server: str, language: str, tmp_path: Path
) -> None:
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - playwright marks what it is given
    file, receipt = notarised(page, server, language, tmp_path)
    assert receipt.name == "minutes.txt.receipt.json"

    bodies = [request.post_data_buffer or b"" for request in sent]
    assert any(b"commitments" in body for body in bodies)
    assert not any(b"heron-4711" in body for body in bodies), "the file itself was sent"

    trust = tmp_path / "trust.json"
    trust.write_bytes(urllib.request.urlopen(f"{server}/v1/trust").read())  # noqa: S310 - our own server
    command = [sys.executable, "-m", "maillon.evidence", "verify", "--trust", str(trust), str(receipt)]
    environment = os.environ | {"PYTHONPATH": "src"}
    right = subprocess.run([*command, str(file)], check=False, capture_output=True, text=True, env=environment)
    assert right.returncode == 0, right.stdout + right.stderr
    file.write_bytes(CONTENT + b"x")
    wrong = subprocess.run([*command, str(file)], check=False, capture_output=True, text=True, env=environment)
    assert wrong.returncode == 1


def test_the_page_tells_the_right_document_from_another_and_sends_neither(
    page: Page, server: str, tmp_path: Path
) -> None:
    file, receipt = notarised(page, server, "en", tmp_path)
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - playwright marks what it is given
    page.goto(f"{server}/en/verify")
    page.locator("[data-needs-script]").first.wait_for()  # shown once the script listens
    page.locator("[data-verify] input[type=file]").set_input_files([file, receipt])
    assert "valid" in page.locator(".verdict h2").inner_text()
    assert page.locator(".chain > li[data-state=ok]").count() == 9

    other = tmp_path / "other.txt"
    other.write_bytes(CONTENT + b"x")
    page.goto(f"{server}/fr/verify")
    page.locator("[data-needs-script]").first.wait_for()
    page.locator("[data-verify] input[type=file]").set_input_files([other, receipt])
    assert "pas celui de ce fichier" in page.locator(".verdict--bad h2").inner_text()
    assert page.locator(".chain > li").first.get_attribute("data-state") == "bad"
    assert not any(b"heron-4711" in (request.post_data_buffer or b"") for request in sent)


def test_receipts_stay_on_the_device_until_they_are_forgotten(page: Page, server: str, tmp_path: Path) -> None:
    notarised(page, server, "en", tmp_path)
    for language, told in (
        ("fr", r"\d\d?(er)? \w+ \d{4}, \d\d:\d\d:\d\d \(heure\sde\sParis\)"),
        ("en", r"\d\d? \w+ \d{4}, \d\d:\d\d:\d\d \(Paris\stime\)"),
    ):
        page.goto(f"{server}/{language}/receipts")
        page.locator("[data-receipts] tr").wait_for()
        made = page.locator("[data-receipts] td").nth(1).inner_text()
        assert re.fullmatch(told, made), f"{made}: not as other pages say it"
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget minutes.txt").click()
    page.locator("[data-empty]").wait_for()
    page.reload()
    page.locator("[data-empty]").wait_for()
    assert page.locator("[data-receipts] tr").count() == 0


def test_without_script_a_commitment_is_typed_and_a_receipt_pasted(browser: Browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}/en/notarise")
    page.locator("#commitment").fill("ab" * 32)
    page.get_by_role("button", name="Enter the commitment").click()
    assert "/en/entries/" in page.url
    example = Path("vectors/example/minutes.txt.receipt.json").read_text()
    page.goto(f"{server}/en/verify")
    page.locator("#receipt").fill(example)
    page.locator("#digest").fill("00" * 32)
    page.get_by_role("button", name="Check the receipt").click()
    assert "step 1" in page.locator(".verdict--bad").inner_text()
    context.close()


@pytest.mark.parametrize("path", ["", "notarise", "receipts", "verify", "entries", "blocks", "blocks/0"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_page_fits_a_narrow_screen_and_breaks_no_content_policy(
    browser: Browser, server: str, language: str, path: str
) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 700})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    answer = page.goto(f"{server}/{language}/{path}")
    assert answer is not None
    assert answer.status == 200
    assert page.locator("html").get_attribute("lang") == language
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert complaints == []
    context.close()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_offline_verifier_is_beside_the_receipt_and_needs_no_server_any_more(
    browser: Browser, server: str, language: str, tmp_path: Path
) -> None:
    context = browser.new_context(locale=language)
    page = context.new_page()
    file, receipt = notarised(page, server, language, tmp_path)
    page.goto(f"{server}/{language}/receipts")
    with page.expect_download(timeout=150_000) as waiting:
        page.locator("main a[href^='/verifier.html']").click()
    kept = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(kept)
    assert kept.name == "maillon-verifier.html"
    host = server.removeprefix("http://")
    for address in (f"{server}/verifier.html", kept.as_uri()):
        page.goto(address)
        context.set_offline(True)
        sent: list[Request] = []
        page.on("request", lambda request: sent.append(request))  # noqa: B023, PLW0108 - playwright marks what it is given
        page.locator("#files").set_input_files([file, receipt])
        page.locator('.verdict[data-verdict="valid"]').wait_for()
        assert page.locator(".chain > li[data-state=ok]").count() == 9
        assert host in page.locator("#whose").inner_text()
        assert sent == []
        context.set_offline(False)
    context.close()


def test_every_page_that_speaks_of_receipts_offers_the_offline_verifier(
    page: Page, server: str, tmp_path: Path
) -> None:
    notarised(page, server, "en", tmp_path)
    for path in ("receipts", "verify", "entries/0"):
        page.goto(f"{server}/en/{path}")
        assert page.locator("main a[href^='/verifier.html']").count() == 1, path
