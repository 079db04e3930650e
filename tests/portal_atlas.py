# SPDX-License-Identifier: Apache-2.0
"""Every page of the portal in every state a reader may meet: what accessibility, language and looks are checked on.

A page that is added is added here (`tests/habits/test_pages.py` finds one that is not), and is then looked at in both
languages, light and dark, on a phone, a tablet and a wide screen, by every test that walks the atlas.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pyotp
from playwright.sync_api import Page

from maillon.kit.keys import Keys
from maillon.ledger.abi import Call
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.genesis import ADMISSIONS, GOVERNANCE, MEMBERS
from maillon.ledger.signing import Account, DynamicFeeTransaction
from running_platform import ROOT, Running, maillon

LANGUAGES = ("fr", "en")
THEMES = ("light", "dark")
WIDTHS = {"phone": 360, "tablet": 768, "wide": 1280}
PASSWORD = "teapot gravel ninety harvest"
MINUTES = b"Minutes of the council of 3 November.\n"
LONG_NAME = "Compte-rendu_de_la_seance_publique_du_conseil_municipal_du_3_novembre_2026_version_definitive_signee.txt"


@dataclass(frozen=True)
class Example:
    """What stands on the platform the atlas is drawn from."""

    folder: Path
    entry: int
    block: int
    transaction: str
    session: str = ""
    """What the browser of the first administrator keeps."""
    application: str = ""
    """The id of an application that waits."""
    code: str = ""
    """What its applicant follows it with."""

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
            entry=example.entry,
            block=example.block,
            transaction=example.transaction,
            application=example.application,
        )


def make_example(platform: Running, folder: Path, *, demonstrated: bool = False) -> Example:
    """Notarise one file by the command line, and one digest for all to see; an alliance at work has votes already."""
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
    transaction = _rpc(platform, "eth_getBlockByNumber", hex(block), False)["transactions"][0]
    if not demonstrated:
        _propose(platform)
    session = make_administrator(platform)
    application, applicant = make_application(platform)
    return Example(folder, receipt["entry"]["index"], block, transaction, session, application, applicant)


def make_application(platform: Running) -> tuple[str, str]:
    """A small town applies, with a document and a name that mixes alphabets: id and code."""
    form = {
        "scheme": "siren",
        "identifier": "552 032 534",
        "legal_name": "S\u0430ndbox",
        "kind": "administration",
        "country": "FR",
        "contact_name": "Ada Martin",
        "contact_address": "ada.martin@ambrun.example",
        "message": "912",
    }
    with httpx.Client(base_url=platform.url, timeout=60) as http:
        made = http.post("/v1/applications", json=form).json()
        headers = {"Application-Code": made["code"], "Content-Type": "application/pdf"}
        content = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
        sent = http.post("/v1/applications/mine/documents?name=extrait.pdf", content=content, headers=headers)
        assert sent.status_code == 201, sent.text
    return made["id"], made["code"]


def make_administrator(platform: Running) -> str:
    """Join as the first administrator, invite somebody and make a key; what the browser keeps."""
    code = (platform.home / "first-administrator").read_text().strip().partition("#")[2]
    headers = {"Origin": platform.url, "User-Agent": "Firefox/1 Linux"}
    with httpx.Client(base_url=platform.url, headers=headers, timeout=60) as http:
        form = {"code": code, "address": "ada.martin@ambrun.example", "name": "Ada Martin", "password": PASSWORD}
        page = http.post("/en/join", data=form | {"way": "password"}).text
        step, secret = re.search(r'name="step" value="([^"]+)"', page), re.search(r"<code>([A-Z2-7 ]+)</code>", page)
        assert step is not None, page
        assert secret is not None, page
        shown = pyotp.TOTP(secret[1].replace(" ", "")).now()
        assert http.post("/en/join/code", data={"step": step[1], "code": shown}).status_code == 200
        invitation = {"address": "zoe.bernard@ambrun.example", "role": ["member", "delegate"]}
        assert http.post("/en/organisations/office/invitations", data=invitation).status_code == 303
        key = {"name": "logiciel-actes", "scope": ["notary:write", "people:manage"], "days": "365"}
        assert http.post("/en/organisations/office/keys", data=key).status_code == 200
        assert http.post("/en/account/recovery-codes", data={"nothing": ""}).status_code == 200
        return http.cookies["maillon"]


def proposals(now: int) -> tuple[tuple[str, Call[int]], ...]:
    """Two proposals of the sandbox's one member, each with its text: one in words, and one that nobody can read."""
    rule = Admissions(ADMISSIONS).set_rule(4, b"\0\0", (True, 96, 3, 1, 0))
    unreadable = (MEMBERS, b"\1\2\3\4")
    texts = (
        "Accueillir les associations\n\nElles ont demandé à nous rejoindre.",
        "Appeler ce que personne n’a lu\n\nPour voir.",
    )
    calls: tuple[tuple[Any, ...], ...] = (((rule.to, rule.data),), (unreadable,))
    return tuple(
        (
            text,
            Governance(GOVERNANCE).propose(1, hashlib.sha256(text.encode()).digest(), call, now + 60, now + 7200),
        )
        for text, call in zip(texts, calls, strict=True)
    )


def signed(call: Call[Any], home: Path, chain_id: int, nonce: int) -> str:
    """A transaction of the sandbox's steward, as `eth_sendRawTransaction` takes it."""
    steward = Account(Keys(home / "keys").account("steward"))
    transaction = DynamicFeeTransaction(chain_id, nonce, 10**9, 10**10, 2_000_000, call.to, 0, call.data)
    return "0x" + transaction.sign(steward).raw.hex()


def _rpc(platform: Running, method: str, *parameters: Any) -> Any:
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    question = urllib.request.Request(  # noqa: S310 - our own
        f"{platform.url}/rpc", json.dumps(asked).encode(), {"Content-Type": "application/json"}
    )
    answer = json.loads(urllib.request.urlopen(question).read())  # noqa: S310 - our own
    return answer["result"]


def _propose(platform: Running) -> None:
    """Put both proposals to the vote, and give their texts once the instance has read them from the chain."""
    chain_id = int(_rpc(platform, "eth_chainId"), 16)
    for nonce, (_text, call) in enumerate(proposals(int(time.time()))):
        _rpc(platform, "eth_sendRawTransaction", signed(call, platform.home, chain_id, nonce))
    for number, (text, _call) in enumerate(proposals(0), 1):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"{platform.url}/v1/votes/{number}").read()  # noqa: S310 - our own
            except urllib.error.HTTPError:
                time.sleep(0.2)
            else:
                break
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        request = urllib.request.Request(f"{platform.url}/v1/votes/texts", text.encode(), headers)  # noqa: S310
        urllib.request.urlopen(request).read()  # noqa: S310 - our own


def drop(page: Page, *files: Path) -> None:
    """Drop files on a page once it shows where: what its script has not come to yet, nobody sees."""
    where = page.locator("input[type=file]")
    where.wait_for()
    where.set_input_files(list(files))


def notarise(page: Page, example: Example) -> None:
    """Drop a file and wait for its receipt."""
    drop(page, example.file)
    page.locator("[data-finished] a[download]").first.wait_for()


def _too_many(page: Page, example: Example) -> None:
    files = []
    for number in range(101):
        path = example.folder / f"many-{number}.txt"
        path.write_bytes(b"")
        files.append(path)
    drop(page, *files)
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
    drop(page, file, given)
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


def _log_in(page: Page, example: Example) -> None:
    """Come back to the page, logged in."""
    parts = urlsplit(page.url)
    asked = dict(parse_qsl(parts.query)).get("next", parts.path)
    origin = f"{parts.scheme}://{parts.netloc}"
    page.context.add_cookies([{"name": "maillon", "value": example.session, "url": origin}])
    page.goto(f"{origin}{asked}")


def _read_everything(page: Page, example: Example) -> None:
    """Notices, with nothing left to read."""
    _log_in(page, example)
    page.goto(f"{page.url.partition('?')[0]}?show=unread")
    button = page.locator("input[name=until] ~ button")
    if button.is_visible():
        button.click()
    page.locator(".state").wait_for()


def _refused_log_in(page: Page, _example: Example) -> None:
    page.locator("#address").fill("ada.martin@ambrun.example")
    page.locator("#password").fill("not the password")
    page.locator("form button").first.click()
    page.locator(".notice--bad[role=alert]:not([hidden])").wait_for()


def _forget(page: Page, _example: Example) -> None:
    page.locator("#address").fill("nobody@ambrun.example")
    page.locator("form button").first.click()
    page.locator(".notice--ok").wait_for()


def _explain(page: Page, example: Example) -> None:
    _log_in(page, example)
    page.locator("#target").fill("organisation:velle")
    page.locator("form button").first.click()
    page.locator(".verdict").wait_for()


def _open_rows(page: Page, example: Example) -> None:
    _log_in(page, example)
    for summary in page.locator("summary").all():
        summary.click()


def _second_factor(page: Page, example: Example) -> None:
    _log_in(page, example)
    page.locator("form[action$='/account/authenticator'] button").click()
    page.locator(".code-picture").wait_for()


def _recovery_codes(page: Page, example: Example) -> None:
    _log_in(page, example)
    page.locator("form[action$='/account/recovery-codes'] button").click()
    page.locator(".recovery-codes").wait_for()


def _apply_wrongly(page: Page, _example: Example) -> None:
    page.locator("#scheme").select_option("siren")
    page.locator("#identifier").fill("552 032 543")
    page.locator("#legal_name").fill("Commune de Saint-Ambrun-sur-Velle")
    page.locator("#kind").select_option("administration")
    page.locator("#country").select_option("FR")
    page.locator("#contact_name").fill("Ada Martin")
    page.locator("#contact_address").fill("ada.martin@ambrun.example")
    page.locator("form[action$='/apply'] button").click()
    page.locator(".notice--bad[role=alert]").wait_for()


def _follow(page: Page, example: Example) -> None:
    page.locator("#code").fill(example.code)
    page.locator("form[action$='/application'] button").click()
    page.locator(".times").wait_for()


def _follow_nothing(page: Page, _example: Example) -> None:
    page.locator("#code").fill("no such code")
    page.locator("form[action$='/application'] button").click()
    page.locator(".notice--bad[role=alert]").wait_for()


def _open_menu(page: Page, _example: Example) -> None:
    button = page.locator(".menu-button")
    if button.is_visible():
        button.click()


def _ask_for_credits(page: Page, _example: Example) -> None:
    page.fill("#account", "0x" + secrets.token_hex(20))
    page.click("form .btn--main")
    page.wait_for_selector(".notice--ok")


def _ask_for_nobody(page: Page, _example: Example) -> None:
    page.fill("#account", "somebody")
    page.click("form .btn--main")
    page.wait_for_selector(".error")


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
    Sight("log-in", "log-in"),
    Sight("log-in-again", "log-in?again=true"),
    Sight("log-in-refused", "log-in", act=_refused_log_in),
    Sight("join", "join"),
    Sight("forgot", "forgot"),
    Sight("forgot-sent", "forgot", act=_forget),
    Sight("reset", "reset"),
    Sight("confirm", "confirm"),
    Sight("account", "account", act=_log_in),
    Sight("notices", "notices", act=_log_in),
    Sight("notices-none", "notices?show=unread", act=_read_everything),
    Sight("notices-choices", "account/notices", act=_log_in),
    Sight("second-factor", "account", act=_second_factor),
    Sight("recovery-codes", "account", act=_recovery_codes),
    Sight("device", "device", act=_log_in),
    Sight("explain", "explain", act=_log_in),
    Sight("explain-no", "explain", act=_explain),
    Sight("people", "organisations/office/people", act=_open_rows),
    Sight("people-none", "organisations/velle/people", act=_log_in),
    Sight("keys", "organisations/office/keys", act=_open_rows),
    Sight("keys-refused", "organisations/velle/keys", act=_log_in),
    Sight("trail", "organisations/office/trail", act=_log_in),
    Sight("members", "members"),
    Sight("members-none", "members?q=nobody"),
    Sight("member", "members/1"),
    Sight("member-unknown", "members/999", 404),
    Sight("apply", "apply"),
    Sight("apply-wrong", "apply", act=_apply_wrongly),
    Sight("application-code", "application"),
    Sight("application", "application", act=_follow),
    Sight("application-none", "application", act=_follow_nothing),
    Sight("applications", "office/applications", act=_log_in),
    Sight("review", "office/applications/{application}", act=_log_in),
    Sight("register", "organisations/1/register", act=_open_rows),
    Sight("nodes", "organisations/1/nodes", act=_log_in),
    Sight("provider-unknown", "log-in/with/nobody", 401),
    Sight("provider-link", "account/providers/nobody", act=_log_in),
    Sight("votes", "votes"),
    Sight("votes-all", "votes?show=all"),
    Sight("votes-none", "votes?show=executed"),
    Sight("vote", "votes/1"),
    Sight("vote-warning", "votes/2"),
    Sight("vote-sign", "votes/1/cast?position=object&reason=Trop"),
    Sight("votes-rules", "votes/rules"),
    Sight("votes-recount", "votes/recount"),
    Sight("votes-propose", "votes/propose"),
    Sight("votes-propose-rule", "votes/propose?act=Admissions.set_rule"),
    Sight("votes-proxies", "votes/proxies/1"),
    Sight("votes-give-proxy", "votes/proxies/give/sign?holder=1&proposal=1"),
    Sight("votes-revoke-proxy", "votes/proxies/revoke/sign"),
    Sight("votes-brake", "votes/brake/sign"),
    Sight("vote-refused-position", "votes/1/cast?position=perhaps", 422),
    Sight("unknown-vote", "votes/999999", 404),
    Sight("vote-record-none", "votes/1/record", 404),
    Sight("vote-record-printed-none", "votes/1/record.pdf", 404),
    Sight("vote-execute-unknown", "votes/999999/execute", 404),
    Sight("guides", "guides"),
    Sight("guide-member", "guides/member"),
    Sight("guide-delegate", "guides/delegate"),
    Sight("guide-office", "guides/office"),
    Sight("guide-unknown", "guides/nobody", 404),
    Sight("credits", "credits"),
    Sight("credits-none", "credits?after=99"),
    Sight("credits-given", "credits", act=_ask_for_credits),
    Sight("credits-refused", "credits", act=_ask_for_nobody),
    Sight("credits-member", "credits/1"),
    Sight("credits-unknown", "credits/999", 404),
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
