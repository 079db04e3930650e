# SPDX-License-Identifier: Apache-2.0
"""Every page of the portal in every state a reader may meet: what accessibility, language and looks are checked on.

A page that is added is added here (`tests/habits/test_pages.py` finds one that is not, or that is only ever refused),
and is then looked at in both languages, light and dark, on a phone, a tablet and a wide screen, by every test that
walks the atlas. What stands on the platform came through its doors: applications, proposals, positions, departures.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import threading
import time
import tomllib
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pyotp
from playwright.sync_api import Page, Response

from maillon.kit.keys import Keys
from maillon.ledger.abi import Call
from maillon.ledger.contracts.admissions import Admissions
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.governance import Governance
from maillon.ledger.contracts.members import Members
from maillon.ledger.founding import SANDBOX_STATUTES
from maillon.ledger.genesis import ADMISSIONS, DIRECTORY, GOVERNANCE, MEMBERS, name_word
from maillon.ledger.port import Address
from maillon.ledger.signing import Account, DynamicFeeTransaction
from maillon.services.votes.model import Position, ProposalKind, numbered, own_number
from other_contracts import governance, members, of_another_law
from running_platform import ROOT, Running, maillon, start

LANGUAGES = ("fr", "en")
THEMES = ("light", "dark")
WIDTHS = {"phone": 360, "tablet": 768, "wide": 1280}
PASSWORD = "teapot gravel ninety harvest"
MINUTES = b"Minutes of the council of 3 November.\n"
PATIENCE = 180
"""Seconds until something must have come to be: many times what it takes on a busy machine."""
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
    invitation: str = ""
    """The code of an invitation nobody has used."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """A proposal or a member in each state: open, executed, refused, failed, unreadable …; suspended, departed."""

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
    """After the language; {entry}, {block}, {transaction} and the rest are those of the example."""
    status: int = 200
    act: Callable[[Page, Example], None] | None = None
    """What a reader does there before looking."""
    known: bool = False
    """Whether the reader is logged in, as the first administrator."""

    def address(self, language: str, example: Example) -> str:
        """Raises `KeyError` where nothing on the platform is in the state it shows."""
        return f"/{language}/{self.path}".format_map(
            {
                "entry": example.entry,
                "block": example.block,
                "transaction": example.transaction,
                "application": example.application,
                **example.numbers,
            }
        )

    def cookies(self, example: Example) -> dict[str, str]:
        """What the reader's browser keeps."""
        return {"maillon": example.session} if self.known else {}

    def visit(self, page: Page, origin: str, language: str, example: Example) -> Response:
        """Go there as its reader, and do what they do before looking; the answer to the first."""
        cookies = self.cookies(example).items()
        page.context.add_cookies([{"name": name, "value": value, "url": origin} for name, value in cookies])
        answer = page.goto(origin + self.address(language, example))
        assert answer is not None
        # Shown once their script listens, which can be after the page has loaded.
        for part in page.locator("[data-needs-script]").all():
            part.wait_for()
        if self.act is not None:
            self.act(page, example)
        return answer


class Provider:
    """What an identity provider says of itself, which is all that is asked before a reader goes there."""

    def __init__(self) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
                document = {"issuer": provider.issuer} | {name: f"{provider.issuer}/{name}" for name in names}
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                """A receiver of webhooks, which is gone, or does not work."""
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(410 if self.path.endswith("/gone") else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def home_of_the_atlas(folder: Path, settings: str = "") -> Iterator[Path]:
    """A home in a folder whose people may log in by an identity provider; it answers as long as this is open."""
    provider, home = Provider(), folder / "home"
    home.mkdir(mode=0o700, parents=True)
    table = {"id": "proconnect", "name": "ProConnect", "issuer": provider.issuer, "client_id": "maillon"}
    table |= {"client_secret": secrets.token_hex(16)}
    lines = [*settings.splitlines(), "log_in_rate = 1000", 'webhooks_networks = ["127.0.0.1"]', "[[providers]]"]
    lines += [f'{name} = "{value}"' for name, value in table.items()]
    (home / "settings.toml").write_text("\n".join(lines) + "\n")
    try:
        yield home
    finally:
        provider.close()


@contextlib.contextmanager
def platform_of_the_atlas(folder: Path, settings: str = "") -> Iterator[Running]:
    """A sandbox in a folder, with a clock that `make_example` moves: votes take time."""
    with home_of_the_atlas(folder, settings) as home:
        platform = start(home, program=(str(ROOT / "tests/moved_clock.py"), str(clock_of(home))))
        try:
            yield platform
            assert platform.stop() == 0, "".join(platform.errors)
        finally:
            platform.close()


def clock_of(home: Path) -> Path:
    """The file that says how far the clock of a platform is ahead, seconds; there is none where it is the machine's."""
    return home.parent / "clock"


def _now(platform: Running) -> int:
    ahead = clock_of(platform.home)
    return int(time.time()) + (int(ahead.read_text()) if ahead.exists() else 0)


def _pass_time(platform: Running, seconds: int) -> None:
    clock_of(platform.home).write_text(str(_now(platform) - int(time.time()) + seconds))


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
    waiting = urllib.request.urlopen(f"{platform.url}/v1/notary/entries/{index}/receipt?wait=20")  # noqa: S310 - our own
    waiting.read()
    block = int(receipt["anchor"]["consensus"]["header"]["height"]) - 1
    transaction = _rpc(platform, "eth_getBlockByNumber", hex(block), False)["transactions"][0]
    if not demonstrated:
        _live(platform)
    session, invitation = make_administrator(platform)
    application, applicant = make_application(platform)
    return Example(
        *(folder, receipt["entry"]["index"], block, transaction, session, application, applicant, invitation),
        numbers=_numbers(platform),
    )


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


def make_administrator(platform: Running) -> tuple[str, str]:
    """Join as the first administrator, invite somebody and make a key; what the browser keeps, and the invitation."""
    code = (platform.home / "first-administrator").read_text().strip().partition("#")[2]
    headers = {"Origin": platform.url, "User-Agent": "Firefox/1 Linux"}
    with httpx.Client(base_url=platform.url, headers=headers, timeout=60) as http:
        form = {"code": code, "address": "ada.martin@ambrun.example", "name": "Ada Martin", "password": PASSWORD}
        page = http.post("/en/join", data=form | {"way": "password"}).text
        step, secret = re.search(r'name="step" value="([^"]+)"', page), re.search(r"<code>([A-Z2-7 ]+)</code>", page)
        assert step is not None, page
        assert secret is not None, page
        shown = pyotp.TOTP(secret[1].replace(" ", "")).at(_now(platform))
        assert http.post("/en/join/code", data={"step": step[1], "code": shown}).status_code == 200
        invitation = {"address": "zoe.bernard@ambrun.example", "role": ["member", "delegate"]}
        assert http.post("/en/organisations/office/invitations", data=invitation).status_code == 303
        key = {"name": "logiciel-actes", "scope": ["notary:write", "people:manage"], "days": "365", "form": "1"}
        assert http.post("/en/organisations/office/keys", data=key).status_code == 200
        assert http.post("/en/account/recovery-codes", data={"form": "2"}).status_code == 200
        _make_webhooks(platform, http)
        used = [code]
        for organisation in ("1", "2"):
            # The key of the first is nowhere in the instance, that of the second is kept by it.
            asked = {"address": form["address"], "roles": ["administrator"], "language": "en"}
            operator = {"Authorization": f"Bearer {platform.key}"}
            sent = http.post(f"/v1/organisations/{organisation}/invitations", json=asked, headers=operator)
            assert sent.status_code == 201, sent.text
            used.append(_invitation(platform, form["address"], used))
            assert http.post("/en/join", data={"way": "accept", "code": used[-1]}).status_code == 303
        return http.cookies["maillon"], _invitation(platform, invitation["address"])


def _make_webhooks(platform: Running, http: httpx.Client) -> None:
    """Two of the office: one that is set aside, and one that does not take what it is sent."""
    place = "/v1/organisations/office/webhooks"
    receiver = tomllib.loads((platform.home / "settings.toml").read_text())["providers"][0]["issuer"]
    for path, kinds in (("/maillon/organisations-et-votes", ["vote.proposed", "vote.closing"]), ("/gone", [])):
        made = http.post(place, json={"url": receiver + path, "kinds": kinds})
        assert made.status_code == 201, made.text
        assert http.post(f"{place}/{made.json()['id']}/test").status_code == 202
    end = time.monotonic() + PATIENCE
    while {one["state"] for one in http.get(place).json()["webhooks"]} != {"off", "refusing"}:
        assert time.monotonic() < end, "the tests were not sent"
        time.sleep(0.2)


def _invitation(platform: Running, address: Any, used: Collection[str] = ()) -> str:
    """The code of a letter with one to somebody, that was not used."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for path in (platform.home / "mail").glob("*.eml"):
            letter = message_from_bytes(path.read_bytes(), policy=default)
            body = letter.get_body(("plain",))
            found = None if body is None else re.search(r"/join#(\S+)", body.get_content())
            if address in letter["To"] and found and found[1] not in used:
                return found[1]
        time.sleep(0.2)
    raise RuntimeError(f"no letter reached {address}")


@dataclass(frozen=True)
class Motion:
    """A proposal of the sandbox's own organisation, and what becomes of it."""

    text: str
    calls: tuple[tuple[Any, ...], ...] = ()
    position: Position | None = None
    """What the organisation says to it; None where it stays open."""
    reason: str = ""
    executed: bool = False
    """Whether somebody tries to do it, once it has passed."""
    kind: ProposalKind = ProposalKind.ORDINARY
    leaver: int | None = None
    """Who leaves the alliance while it is open."""


SUSPENDED, DEPARTED = 2, 3
"""The two towns that join, in the order of the chain: what becomes of them."""
TOWNS = (("000 001 230", "Commune de Saint-Ambrun-sur-Velle"), ("000 001 784", "Commune de Bellefontaine-en-Valdorme"))


def _motions() -> tuple[tuple[Motion, Motion], ...]:
    """In pairs: one organisation has two proposals before the members at a time."""
    rule = Admissions(ADMISSIONS).set_rule(4, b"\0\0", (True, 96, 3, 1, 0))
    first, second = (Members(MEMBERS).suspend(number) for number in (SUSPENDED, DEPARTED))
    return (
        (
            Motion(
                "Suspendre une commune qui ne répond plus\n\nTrois lettres sont restées sans réponse.",
                ((first.to, first.data),),
                Position.FOR,
                executed=True,
            ),
            Motion(
                "Changer le nom de l’alliance\n\nPour un nom plus court.",
                position=Position.OBJECT,
                reason="Nos affiches sont imprimées, et les habitants connaissent le nom d’aujourd’hui.",
            ),
        ),
        (
            # What was decided cannot be done any more.
            Motion(
                "Suspendre une seconde commune\n\nElle n’a pas répondu non plus.",
                ((second.to, second.data),),
                Position.FOR,
                executed=True,
                leaver=DEPARTED,
            ),
            Motion("Adopter la charte\n\nPersonne dans la chaîne, aucun document dehors.", position=Position.FOR),
        ),
        (
            Motion("Accueillir les associations\n\nElles ont demandé à nous rejoindre.", ((rule.to, rule.data),)),
            Motion("Appeler ce que personne n’a lu\n\nPour voir.", ((MEMBERS, b"\1\2\3\4"),)),
        ),
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest() if text else bytes(32)


def _rpc(platform: Running, method: str, *parameters: Any) -> Any:
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    answer = httpx.post(f"{platform.url}/rpc", json=asked, timeout=60).json()
    if "error" in answer:
        raise RuntimeError(f"{method}: {answer['error']}")
    return answer["result"]


def _eventually(what: str, found: Callable[[], Any]) -> Any:
    """What something gives, once it gives anything."""
    end = time.monotonic() + PATIENCE
    while not (given := found()):
        if time.monotonic() > end:
            raise RuntimeError(f"it never came to be: {what}")
        time.sleep(0.2)
    return given


def _transact(platform: Running, calls: Sequence[Call[Any]]) -> None:
    """Transactions of the sandbox's steward, one after the other, until the last is final."""
    _send(platform, [(call.to, call.data) for call in calls])


def _deploy(platform: Running, code: bytes) -> Address:
    """Where a contract of the steward's is."""
    return Address(bytes.fromhex(_send(platform, [(None, code)])[-1]["contractAddress"][2:]))


def _send(platform: Running, transactions: Sequence[tuple[Address | None, bytes]]) -> list[dict[str, Any]]:
    """The receipts of transactions of the steward's; every one of them has done what it should."""
    steward = Account(Keys(platform.home / "keys").account("steward"))
    chain_id = int(_rpc(platform, "eth_chainId"), 16)
    nonce = int(_rpc(platform, "eth_getTransactionCount", "0x" + steward.address.hex(), "latest"), 16)
    sent = []
    for place, (to, data) in enumerate(transactions):
        unsigned = DynamicFeeTransaction(chain_id, nonce + place, 10**9, 10**10, 10_000_000, to, 0, data)
        raw = "0x" + unsigned.sign(steward).raw.hex()
        sent.append(_rpc(platform, "eth_sendRawTransaction", raw))
    receipts = []
    for transaction in sent:
        receipt = _eventually(transaction, lambda t=transaction: _rpc(platform, "eth_getTransactionReceipt", t))
        assert receipt["status"] == "0x1", receipt
        receipts.append(receipt)
    return receipts


def _live(platform: Running) -> None:
    """Two towns join; six proposals are made, and end in every way there is; one town leaves, one is suspended."""
    with httpx.Client(base_url=f"{platform.url}/v1", timeout=120) as http:
        http.headers["Authorization"] = f"Bearer {platform.key}"
        for (identifier, name), number in zip(TOWNS, (SUSPENDED, DEPARTED), strict=True):
            form = {"scheme": "siren", "identifier": identifier, "legal_name": name, "kind": "administration"}
            form |= {"country": "FR", "contact_name": "Zoé Bernard", "contact_address": "zoe@town.example"}
            applied = http.post("/applications", json=form).json()
            seen = {"evidence": ["register"]}
            admitted = http.post(f"/applications/{applied['id']}/acceptance", json=seen).json()
            assert admitted["organisation"] == number, admitted
        for place, pair in enumerate(_motions()):
            _put_to_the_vote(platform, http, pair, 1 + 2 * place)
            for number, one in enumerate(pair, 1 + 2 * place):
                if one.position is not None:
                    _await_record(http, number)


def _put_to_the_vote(
    platform: Running,
    http: httpx.Client,
    pair: Sequence[Motion],
    first: int,
    address: Address = GOVERNANCE,
) -> None:
    """Proposals, from their announcement to their execution; `first` is the number of the first one."""
    law, motions = Governance(address), list(enumerate(pair, first))
    opens = _now(platform) + 60
    proposed = []
    for _, one in motions:
        closes = opens + (60 if one.position else 30 * 86_400)
        proposed.append(law.propose(int(one.kind), _digest(one.text), one.calls, opens, closes))
    _transact(platform, proposed)
    _pass_time(platform, opens - _now(platform) + 1)
    said = [(number, one, one.position) for number, one in motions if one.position is not None]
    _transact(platform, [law.cast(own_number(number), position, _digest(one.reason)) for number, one, position in said])
    for leaver in filter(None, [one.leaver for one in pair]):
        left = http.post(f"/members/{leaver}/departure")
        assert left.status_code == 200, left.text
    for _, one in motions:
        for text in filter(None, (one.text, one.reason)):
            # A text is taken once the block that names its digest has been read.
            _eventually(text, lambda t=text: http.post("/votes/texts", content=t.encode()).status_code == 200)
    if said:
        _pass_time(platform, 60 + 25)
        _transact(platform, [law.execute(own_number(number), one.calls) for number, one, _ in said if one.executed])
        _pass_time(platform, 60)


def _await_record(http: httpx.Client, number: int) -> None:
    _eventually(f"the record of {number}", lambda: http.get(f"/votes/{number}/record/receipt").status_code == 200)


@contextlib.contextmanager
def platform_of_another_law(folder: Path) -> Iterator[tuple[Running, Example]]:
    """A sandbox whose votes led Governance to the same law anew, then to another law, and Members elsewhere."""
    with platform_of_the_atlas(folder) as platform:
        directory, name = Directory(DIRECTORY), name_word("Governance")
        with httpx.Client(base_url=f"{platform.url}/v1", timeout=120) as http:
            http.headers["Authorization"] = f"Bearer {platform.key}"
            successor = _deploy(platform, governance(SANDBOX_STATUTES))
            calls = (directory.point(name, successor), directory.offer_governance(successor))
            _put_to_the_vote(platform, http, [_leading("Tenir les votes sur un contrat neuf", *calls)], 1)
            # Once the register is another one, nobody in it may publish the log, and no receipt comes.
            _await_record(http, 1)
            _transact(platform, [Governance(successor).take_seat()])
            stranger = _deploy(platform, of_another_law("Governance"))
            left_open = Motion("Adopter la charte\n\nPersonne dans la chaîne, aucun document dehors.")
            register = _deploy(platform, members())
            calls = (directory.point(name, stranger), directory.point(name_word("Members"), register))
            leading = _leading("Changer de loi des votes et de registre", *calls)
            _put_to_the_vote(platform, http, [leading, left_open], numbered(1, 1), successor)
            _eventually("a law that is not known", lambda: http.get("/votes").json()["unread"])
            _eventually("another register", lambda: http.get("/members").json()["moved_to"])
            _eventually("who votes", lambda: http.get("/votes").json()["register_moved_to"])
        yield platform, Example(folder, 0, 0, "")


def _leading(text: str, *calls: Call[Any]) -> Motion:
    pairs = tuple((call.to, call.data) for call in calls)
    return Motion(text, pairs, Position.FOR, executed=True, kind=ProposalKind.CONSTITUTIONAL)


def _numbers(platform: Running) -> dict[str, int]:
    """A proposal or a member in each state, the oldest; none of a state that nothing is in."""
    found: dict[str, int] = {}
    with httpx.Client(base_url=f"{platform.url}/v1", timeout=60) as http:
        for one in http.get("/votes", params={"show": "all", "limit": 100}).json()["proposals"]:
            proposal = http.get(f"/votes/{one['number']}").json()
            unreadable = any(call["warning"] for call in proposal["calls"])
            found["unreadable" if unreadable else "failed" if proposal["failure"] else one["state"]] = one["number"]
        for status in ("suspended", "departed"):
            for one in http.get("/members", params={"status": status}).json()["members"][:1]:
                found[status] = one["number"]
    return found


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


def _read_everything(page: Page, _example: Example) -> None:
    """Notices, with nothing left to read."""
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


def _explain(page: Page, _example: Example) -> None:
    page.locator("#target").select_option("instance")
    page.locator("form button").first.click()
    page.locator(".verdict").wait_for()


def _open_rows(page: Page, _example: Example) -> None:
    for summary in page.locator("summary").all():
        summary.click()


def _second_factor(page: Page, _example: Example) -> None:
    page.locator("form[action$='/account/authenticator'] button").click()
    page.locator(".code-picture").wait_for()


def _recovery_codes(page: Page, _example: Example) -> None:
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


def _apply(page: Page, _example: Example) -> None:
    """An application of somebody new, whose code is shown this once."""
    digits = [secrets.randbelow(10) for _ in range(8)]
    # The check digit of a SIREN: Luhn's, every second digit from the right doubled.
    total = sum(digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits))
    page.locator("#scheme").select_option("siren")
    page.locator("#identifier").fill("".join(map(str, digits)) + str(-total % 10))
    page.locator("#legal_name").fill("Syndicat intercommunal des eaux de la haute vallée de l’Ambre et du Valdorme")
    page.locator("#kind").select_option("administration")
    page.locator("#country").select_option("FR")
    page.locator("#contact_name").fill("Ada Martin")
    page.locator("#contact_address").fill("ada.martin@ambrun.example")
    page.locator("form[action$='/apply'] button").click()
    page.locator(".notice--ok code").wait_for()


def _make_key(page: Page, _example: Example) -> None:
    page.locator("#name").fill("logiciel-des-actes")
    page.locator("form[action$='/keys'] button").click()
    page.locator("code.secret").wait_for()


def _make_another_secret(page: Page, _example: Example) -> None:
    _open_rows(page, _example)
    page.locator("form[action$='/rotation'] button").first.click()
    page.locator("code.secret").wait_for()


def _add_a_webhook_wrongly(page: Page, _example: Example) -> None:
    page.locator("#url").fill("http://receiver.ambrun.example/maillon")
    page.locator("form[action$='/webhooks'] button").click()
    page.locator("#url[aria-invalid=true]").wait_for()


def _go_to_the_provider(page: Page, example: Example) -> None:
    page.locator("#code").fill(example.invitation)
    page.locator("button[value='provider:proconnect']").click()
    page.locator("a[rel=noreferrer].btn--main").wait_for()


def _read_an_account(page: Page, _example: Example) -> None:
    """What an organisation would sign to add an account; nothing is signed."""
    page.locator("#label").fill("secretariat-de-mairie-1")
    page.locator("form:has(button[value=add]) input[value=vote]").check()
    page.locator("button[value=add]").click()
    page.locator(".lead").wait_for()


def _read_an_invitation(page: Page, _example: Example) -> None:
    """The same of an invitation."""
    page.locator("#scheme").select_option("siren")
    page.locator("#identifier").fill("552 032 534")
    page.locator("#legal_name").fill("Syndicat intercommunal des eaux de la haute vallée de l’Ambre et du Valdorme")
    page.locator("button[value=invite]").click()
    page.locator(".lead").wait_for()


def _read_an_acceptance(page: Page, _example: Example) -> None:
    """What the office would sign of an applicant; nothing is signed."""
    page.locator("input[name=evidence][value=register]").check()
    page.locator("button[value=accept]").click()
    page.locator("input[name=confirmed]").wait_for(state="attached")


def _read_a_suspension(page: Page, _example: Example) -> None:
    """What an officer would sign; nothing is signed."""
    page.locator("#reason").fill("Les clés de ses nœuds sont publiées depuis lundi.")
    page.locator("button[value=suspend]").click()
    page.locator("input[name=confirmed]").wait_for(state="attached")


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
    Sight("join-away", "join", act=_go_to_the_provider),
    Sight("forgot", "forgot"),
    Sight("forgot-sent", "forgot", act=_forget),
    Sight("reset", "reset"),
    Sight("confirm", "confirm"),
    Sight("account", "account", known=True),
    Sight("notices", "notices", known=True),
    Sight("notices-none", "notices?show=unread", act=_read_everything, known=True),
    Sight("notices-choices", "account/notices", known=True),
    Sight("second-factor", "account", act=_second_factor, known=True),
    Sight("recovery-codes", "account", act=_recovery_codes, known=True),
    Sight("device", "device", known=True),
    Sight("explain", "explain", known=True),
    Sight("explain-no", "explain", act=_explain, known=True),
    Sight("people", "organisations/office/people", act=_open_rows, known=True),
    Sight("people-none", "organisations/{departed}/people", known=True),
    Sight("people-unknown", "organisations/99999/people", 404, known=True),
    Sight("keys", "organisations/office/keys", act=_open_rows, known=True),
    Sight("key-made", "organisations/office/keys", act=_make_key, known=True),
    Sight("keys-refused", "organisations/{departed}/keys", 403, known=True),
    Sight("webhooks", "organisations/office/webhooks", act=_open_rows, known=True),
    Sight("webhooks-none", "organisations/1/webhooks?done=removed", known=True),
    Sight("webhook-secret", "organisations/office/webhooks", act=_make_another_secret, known=True),
    Sight("webhook-wrong", "organisations/1/webhooks", act=_add_a_webhook_wrongly, known=True),
    Sight("trail", "organisations/office/trail", known=True),
    Sight("members", "members"),
    Sight("members-none", "members?q=nobody"),
    Sight("member", "members/1"),
    Sight("member-suspended", "members/{suspended}"),
    Sight("member-departed", "members/{departed}"),
    Sight("member-unknown", "members/999", 404),
    Sight("apply", "apply"),
    Sight("apply-wrong", "apply", act=_apply_wrongly),
    Sight("application-received", "apply", act=_apply),
    Sight("application-code", "application"),
    Sight("application", "application", act=_follow),
    Sight("application-none", "application", act=_follow_nothing),
    Sight("applications", "office/applications", known=True),
    Sight("review", "office/applications/{application}", known=True),
    Sight("review-sign", "office/applications/{application}", act=_read_an_acceptance, known=True),
    Sight("office-member", "office/members/1", known=True),
    Sight("office-member-sign", "office/members/1", act=_read_a_suspension, known=True),
    Sight("register", "organisations/1/register", act=_open_rows, known=True),
    Sight("register-sign", "organisations/2/register", act=_read_an_account, known=True),
    Sight("register-sign-elsewhere", "organisations/1/register", act=_read_an_invitation, known=True),
    Sight("nodes", "organisations/1/nodes", known=True),
    Sight("provider-unknown", "log-in/with/nobody", 401),
    Sight("provider-link", "account/providers/nobody", 422, known=True),
    Sight("votes", "votes"),
    Sight("votes-all", "votes?show=all"),
    Sight("votes-executed", "votes?show=executed"),
    Sight("votes-none", "votes?show=executed&before=1"),
    Sight("vote", "votes/{open}"),
    Sight("vote-warning", "votes/{unreadable}"),
    Sight("vote-executed", "votes/{executed}"),
    Sight("vote-refused", "votes/{refused}"),
    Sight("vote-failed", "votes/{failed}"),
    Sight("vote-executable", "votes/{executable}"),
    Sight("vote-record", "votes/{executed}/record"),
    Sight("vote-record-refused", "votes/{refused}/record"),
    Sight("vote-execute", "votes/{executable}/execute"),
    Sight("vote-execute-failed", "votes/{failed}/execute"),
    Sight("vote-sign", "votes/{open}/cast?position=object&reason=Trop"),
    Sight("votes-rules", "votes/rules"),
    Sight("votes-recount", "votes/recount"),
    Sight("votes-propose", "votes/propose"),
    Sight("votes-propose-rule", "votes/propose?act=Admissions.set_rule"),
    Sight("votes-propose-statutes", "votes/propose?act=Governance.set_statutes"),
    Sight("votes-propose-offices", "votes/propose?act=Members.appoint"),
    Sight("votes-propose-class", "votes/propose?act=Members.classify"),
    Sight("votes-propose-validator", "votes/propose?act=Network.set_power"),
    Sight("votes-proxies", "votes/proxies/1"),
    Sight("votes-give-proxy", "votes/proxies/give/sign?holder=1&proposal={open}"),
    Sight("votes-revoke-proxy", "votes/proxies/revoke/sign"),
    Sight("votes-brake", "votes/brake/sign"),
    Sight("vote-refused-reason", "votes/{open}/cast?position=object", 422),
    Sight("votes-refused-proxy", "votes/proxies/give/sign?giver=1&holder=1", 422),
    Sight("votes-proxies-unknown", "votes/proxies/999999", 404),
    Sight("vote-not-open", "votes/{refused}?done=not-open"),
    Sight("vote-refused-position", "votes/{open}/cast?position=perhaps", 422),
    Sight("unknown-vote", "votes/999999", 404),
    Sight("vote-record-none", "votes/{open}/record", 404),
    Sight("vote-record-printed-none", "votes/{open}/record.pdf", 404),
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

OF_ANOTHER_LAW: tuple[Sight, ...] = (
    Sight("votes-unread", "votes?show=all"),
    Sight("vote-former", "votes/1"),
    Sight("vote-former-successor", "votes/1000001"),
    Sight("vote-former-open", "votes/1000002"),
    Sight("vote-former-record", "votes/1/record"),
    Sight("votes-propose-unread", "votes/propose"),
    Sight("members-moved", "members"),
    Sight("member-moved", "members/1"),
)
"""On `platform_of_another_law`."""
