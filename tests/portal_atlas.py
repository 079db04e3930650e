# SPDX-License-Identifier: Apache-2.0
"""Every page of the portal in every state a reader may meet: what accessibility, language and looks are checked on.

A page that is added is added here (`tests/habits/test_pages.py` finds one that is not), and is then looked at in both
languages, light and dark, on a phone, a tablet and a wide screen, by every test that walks the atlas.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from running_platform import ROOT, Running, maillon

LANGUAGES = ("fr", "en")
THEMES = ("light", "dark")
WIDTHS = {"phone": 360, "tablet": 768, "wide": 1280}
MINUTES = b"Minutes of the council of 3 November.\n"
LONG_NAME = "Compte-rendu_de_la_seance_publique_du_conseil_municipal_du_3_novembre_2026_version_definitive_signee.txt"


@dataclass(frozen=True)
class Example:
    """What stands on the platform the atlas is drawn from."""

    folder: Path
    entry: int
    block: int
    transaction: str

    @property
    def file(self) -> Path:
        return self.folder / LONG_NAME

    @property
    def receipt(self) -> Path:
        return self.folder / f"{LONG_NAME}.receipt.json"


@dataclass(frozen=True)
class Sight:
    """One page in one state."""

    name: str
    path: str
    """After the language; {entry}, {block} and {transaction} are those of the example."""
    status: int = 200
    act: Callable[[Page, Example], None] | None = None
    """What a reader does there before looking."""

    def address(self, language: str, example: Example) -> str:
        return f"/{language}/{self.path}".format(
            entry=example.entry, block=example.block, transaction=example.transaction
        )


def make_example(platform: Running, folder: Path) -> Example:
    """Notarise one file by the command line, and one digest for all to see."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LONG_NAME).write_bytes(MINUTES)
    done = maillon("notarise", str(folder / LONG_NAME), "--home", str(platform.home), "--url", platform.url, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    receipt = json.loads((folder / f"{LONG_NAME}.receipt.json").read_bytes())
    public = json.dumps({"digest": {"algorithm": "sha2-256", "value": "5a" * 32}}).encode()
    headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{platform.url}/v1/notary/entries", public, headers)  # noqa: S310 - our own
    index = json.loads(urllib.request.urlopen(request).read())["index"]  # noqa: S310 - our own
    waiting = urllib.request.urlopen(f"{platform.url}/v1/notary/entries/{index}/receipt?wait=20")  # noqa: S310
    waiting.read()
    block = int(receipt["anchor"]["consensus"]["header"]["height"]) - 1
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": [hex(block), False]}
    question = urllib.request.Request(  # noqa: S310 - our own
        f"{platform.url}/rpc", json.dumps(asked).encode(), {"Content-Type": "application/json"}
    )
    answer = json.loads(urllib.request.urlopen(question).read())  # noqa: S310 - our own
    return Example(folder, receipt["entry"]["index"], block, answer["result"]["transactions"][0])


def _drop(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").set_input_files(list(files))


def notarise(page: Page, example: Example) -> None:
    """Drop a file and wait for its receipt."""
    _drop(page, example.file)
    page.locator("[data-finished] a[download]").first.wait_for()


def _too_many(page: Page, example: Example) -> None:
    files = []
    for number in range(101):
        path = example.folder / f"many-{number}.txt"
        path.write_bytes(b"")
        files.append(path)
    _drop(page, *files)
    page.locator("[data-refusal]").wait_for()


def _keep_one(page: Page, example: Example) -> None:
    origin, language = page.url.split("/", 3)[2], page.url.split("/", 4)[3]
    page.goto(f"http://{origin}/{language}/notarise")
    notarise(page, example)
    page.goto(f"http://{origin}/{language}/receipts")
    page.locator("[data-receipts] tr").first.wait_for()


def _verify(page: Page, example: Example, file: Path, receipt: bytes) -> None:
    given = example.folder / "given.receipt.json"
    given.write_bytes(receipt)
    _drop(page, file, given)
    page.locator("[data-result] h2").first.wait_for()


def _verify_valid(page: Page, example: Example) -> None:
    _verify(page, example, example.file, example.receipt.read_bytes())


def _verify_other_file(page: Page, example: Example) -> None:
    other = example.folder / "other.txt"
    other.write_bytes(MINUTES + b"x")
    _verify(page, example, other, example.receipt.read_bytes())


def _verify_altered(page: Page, example: Example) -> None:
    document = json.loads(example.receipt.read_bytes())
    document["inclusion"]["proof"] = ["00" * 32]
    _verify(page, example, example.file, json.dumps(document).encode())


def _verify_foreign(page: Page, example: Example) -> None:
    vectors = ROOT / "vectors/example"
    _verify(page, example, vectors / "minutes.txt", (vectors / "minutes.txt.receipt.json").read_bytes())


def _verify_garbage(page: Page, example: Example) -> None:
    _verify(page, example, example.file, b'{"type": "maillon.receipt.v1", "digest": 7}')


def _open_menu(page: Page, _example: Example) -> None:
    button = page.locator(".menu-button")
    if button.is_visible():
        button.click()


def _open_details(page: Page, example: Example) -> None:
    _verify_valid(page, example)
    for summary in page.locator("summary").all():
        summary.click()


ATLAS: tuple[Sight, ...] = (
    Sight("home", ""),
    Sight("home-menu", "", act=_open_menu),
    Sight("notarise", "notarise"),
    Sight("notarise-done", "notarise", act=notarise),
    Sight("notarise-too-many", "notarise", act=_too_many),
    Sight("receipts-empty", "receipts"),
    Sight("receipts", "receipts", act=_keep_one),
    Sight("verify", "verify"),
    Sight("verify-valid", "verify", act=_verify_valid),
    Sight("verify-valid-details", "verify", act=_open_details),
    Sight("verify-other-file", "verify", act=_verify_other_file),
    Sight("verify-altered", "verify", act=_verify_altered),
    Sight("verify-foreign", "verify", act=_verify_foreign),
    Sight("verify-garbage", "verify", act=_verify_garbage),
    Sight("entries", "entries"),
    Sight("entries-not-found", "entries?digest=zz"),
    Sight("entry", "entries/{entry}"),
    Sight("entry-public", "entries/1"),
    Sight("blocks", "blocks"),
    Sight("blocks-none", "blocks?before=0"),
    Sight("block", "blocks/{block}"),
    Sight("block-empty", "blocks/0"),
    Sight("transaction", "transactions/{transaction}"),
    Sight("problem-types", "problems"),
    Sight("problem-type", "problems/too-many-requests"),
    Sight("design", "design"),
    Sight("unauthenticated", "design/refusals/unauthenticated"),
    Sight("forbidden", "design/refusals/forbidden"),
    Sight("too-many-requests", "design/refusals/too-many-requests"),
    Sight("internal-error", "design/refusals/internal-error"),
    Sight("ledger-unavailable", "design/refusals/ledger-unavailable"),
    Sight("not-found", "nowhere", 404),
    Sight("unknown-entry", "entries/999999", 404),
    Sight("unknown-block", "blocks/999999", 404),
)
