# SPDX-License-Identifier: Apache-2.0
"""What people really drop: nothing, the same twice, a folder, strange names, something large they then call back."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from portal_atlas import Example, drop
from running_platform import Running, maillon

STRANGE = ["naïve œuvre.txt", "שלום.txt", "a\u202egnp.exe", "100 % + &?#.txt", "..hidden", "x" * 200 + ".txt"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce")
    yield context.new_page()
    context.close()


def rows(page: Page) -> list[str]:
    return page.locator("[data-finished] tbody th").all_inner_texts()


def test_an_empty_file_has_a_receipt_that_holds(page: Page, portal: Running, tmp_path: Path) -> None:
    file = tmp_path / "empty.txt"
    file.write_bytes(b"")
    page.goto(f"{portal.url}/en/notarise")
    drop(page, file)
    with page.expect_download() as waiting:
        page.locator("[data-finished] a[download]").click()
    receipt = tmp_path / "empty.txt.receipt.json"
    waiting.value.save_as(receipt)
    done = maillon("verify", str(receipt), str(file), "--home", str(portal.home), "--json")
    assert done.returncode == 0, done.stdout


def test_the_same_content_again_is_not_entered_again(page: Page, portal: Running, tmp_path: Path) -> None:
    file, copy = tmp_path / "a.txt", tmp_path / "b.txt"
    file.write_bytes(b"the same")
    copy.write_bytes(b"the same")
    page.goto(f"{portal.url}/en/notarise")
    drop(page, file, copy)
    expect(page.locator("[data-finished] tbody tr")).to_have_count(2, timeout=30_000)
    indexes = page.locator("[data-finished] tbody td:nth-child(2)").all_inner_texts()
    assert indexes[0] == indexes[1]
    expect(page.locator("[data-finished] tbody tr").nth(1)).to_contain_text("Already notarised here")


def test_names_are_shown_as_they_are_and_downloaded_together(page: Page, portal: Running, tmp_path: Path) -> None:
    files = []
    for number, name in enumerate(STRANGE):
        path = tmp_path / name
        path.write_text(f"{number}")
        files.append(path)
    page.goto(f"{portal.url}/en/notarise")
    drop(page, *files)
    expect(page.locator("[data-finished] tbody tr")).to_have_count(len(STRANGE), timeout=60_000)
    assert sorted(rows(page)) == sorted(STRANGE)
    page.goto(f"{portal.url}/en/receipts")
    page.locator("[data-every]").wait_for()
    with page.expect_download() as waiting:
        page.locator("[data-every]").click()
    archive = tmp_path / "receipts.zip"
    waiting.value.save_as(archive)
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert len(opened.namelist()) == len(STRANGE)
        assert f"{STRANGE[1]}.receipt.json" in opened.namelist()
        for name in opened.namelist():
            assert json.loads(opened.read(name))["type"] == "maillon.receipt.v1"


def test_a_folder_is_walked_and_a_large_one_is_refused_in_words(page: Page, portal: Running, tmp_path: Path) -> None:
    page.goto(f"{portal.url}/en/notarise")
    walk = """(count) => {
      const file = (number) => ({
        isFile: true, isDirectory: false, file: (take) => take(new File([`${number}`], `${number}.txt`)),
      });
      const folder = (children) => ({ isFile: false, isDirectory: true, createReader: () => {
        const batches = [children, []];
        return { readEntries: (take) => take(batches.shift()) };
      } });
      const event = new Event("drop", { bubbles: true, cancelable: true });
      const tree = folder([folder(Array.from({ length: count }, (_, number) => file(number))), folder([])]);
      event.dataTransfer = { items: [{ webkitGetAsEntry: () => tree }], files: [] };
      document.querySelector(".drop").dispatchEvent(event);
    }"""
    page.locator(".drop").wait_for()  # shown once the script listens
    page.evaluate(walk, 3)
    expect(page.locator("[data-finished] tbody tr")).to_have_count(3, timeout=30_000)
    page.evaluate(walk, 101)
    expect(page.locator("[data-refusal]")).to_be_visible()
    expect(page.locator("[data-refusal]")).to_be_focused()
    expect(page.locator("[data-finished] tbody tr")).to_have_count(3)


def test_a_large_file_shows_how_far_it_is_and_can_be_cancelled(page: Page, portal: Running, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as sparse:
        sparse.truncate(2**30)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto(f"{portal.url}/en/notarise")
    drop(page, large)
    expect(page.locator(".progress__top span")).to_contain_text("%", timeout=30_000)
    page.get_by_role("button", name="Cancel large.bin").click()
    expect(page.locator("[data-progress]")).to_be_hidden()
    expect(page.locator("[data-say]")).to_contain_text("nothing was entered")
    assert "POST" not in sent


def test_a_file_of_more_than_half_a_gibibyte_has_a_receipt_that_holds(
    page: Page, portal: Running, tmp_path: Path
) -> None:
    """Its length in bits needs more than 32 of them."""
    file = tmp_path / "film.bin"
    with file.open("wb") as written:
        written.truncate(520 * 1024 * 1024)
        written.seek(0, 2)
        written.write(b"the end")
    page.goto(f"{portal.url}/en/notarise")
    drop(page, file)
    link = page.locator("[data-finished] a[download]")
    link.wait_for(timeout=240_000)
    with page.expect_download() as waiting:
        link.click()
    receipt = tmp_path / "film.bin.receipt.json"
    waiting.value.save_as(receipt)
    done = maillon("verify", str(receipt), str(file), "--home", str(portal.home), "--json")
    assert done.returncode == 0, done.stdout


def test_a_file_that_changes_before_it_is_read_is_not_entered(page: Page, portal: Running, tmp_path: Path) -> None:
    """What waits its turn behind a large file, and is written to meanwhile, is another than was chosen."""
    large, changing = tmp_path / "large.bin", tmp_path / "changing.txt"
    with large.open("wb") as written:
        written.truncate(2 * 1024 * 1024 * 1024)
    changing.write_bytes(b"as it was chosen")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto(f"{portal.url}/en/notarise")
    drop(page, large, changing)
    page.locator("[data-jobs] .progress").nth(1).wait_for()
    changing.write_bytes(b"and as it was changed, which is longer")
    page.get_by_role("button", name=f"Cancel {large.name}").click()
    told = page.locator("[data-jobs] [role=alert]")
    told.wait_for()
    assert told.inner_text() == ("The file could not be read to the end. Close what writes to it, then drop it again.")
    assert rows(page) == []
    assert "POST" not in sent


def test_a_browser_that_keeps_nothing_still_notarises_and_says_so(
    page: Page, portal: Running, example: Example
) -> None:
    page.add_init_script("indexedDB.open = () => { throw new DOMException('denied', 'SecurityError'); }")
    page.goto(f"{portal.url}/en/notarise")
    drop(page, example.file)
    page.locator("[data-finished] a[download]").wait_for(timeout=30_000)
    expect(page.locator("[data-unkept]")).to_be_visible()
    page.goto(f"{portal.url}/en/receipts")
    expect(page.locator("[data-closed]")).to_be_visible()


def test_a_server_that_does_not_answer_loses_nothing(page: Page, portal: Running, example: Example) -> None:
    def refuse(route: Route) -> None:
        if route.request.method == "POST":
            route.abort()
        else:
            route.fallback()

    page.goto(f"{portal.url}/en/notarise")
    page.route("**/en/notarise", refuse)
    drop(page, example.file)
    expect(page.locator("[data-jobs] .error")).to_contain_text("does not answer")
    page.unroute("**/en/notarise")
    page.reload()
    page.locator("[data-finished] a[download]").wait_for(timeout=30_000)


def test_back_and_a_second_tab_find_the_same_receipts(page: Page, portal: Running, example: Example) -> None:
    page.goto(f"{portal.url}/en/notarise")
    drop(page, example.file)
    page.locator("[data-finished] a[download]").wait_for(timeout=30_000)
    other = page.context.new_page()
    other.goto(f"{portal.url}/fr/receipts")
    expect(other.locator("[data-receipts] tr")).to_have_count(1)
    page.goto(f"{portal.url}/en/verify")
    page.go_back()
    expect(page.locator(".drop")).to_be_visible()
    page.goto(f"{portal.url}/en/receipts")
    expect(page.locator("[data-receipts] tr")).to_have_count(1)


def test_verifying_says_what_is_missing_and_what_is_no_receipt(
    page: Page, portal: Running, example: Example, tmp_path: Path
) -> None:
    noise = tmp_path / "noise.bin"
    noise.write_bytes(bytes(range(256)))
    page.goto(f"{portal.url}/en/verify")
    drop(page, example.receipt)
    expect(page.locator("[data-status]")).to_contain_text("Give both the document and its receipt.")
    drop(page, example.file)
    page.locator(".verdict").wait_for()
    page.goto(f"{portal.url}/en/verify")
    drop(page, example.file, noise)
    expect(page.locator("[data-status]")).to_contain_text("None of these files is a receipt.")
