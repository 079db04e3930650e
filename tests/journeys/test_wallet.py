# SPDX-License-Identifier: Apache-2.0
"""A delegate acts with a wallet of its own: announced as wallets are (EIP-6963), over a real key in this process.

The wallet signs what the page asks as any wallet would (EIP-1193, EIP-712, EIP-1559); its key is never given to the
page or the platform, and the chain decides.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from eth_account import Account as Key
from playwright.sync_api import Browser, Page, expect

from maillon.ledger.contracts.brake import Brake
from maillon.ledger.genesis import BRAKE, name_word
from running_platform import Start
from town import APPLICATION, NAME, PATIENCE, Town, eventually, join, person, platform_with_clock, run

HOUR = 3_600
ANNOUNCE = """(() => {
  const provider = { request: async ({ method, params }) => {
    const { result, error } = JSON.parse(await window.wallet(method, JSON.stringify(params ?? [])));
    if (error) throw new Error(error);
    return result;
  } };
  const uuid = "350670db-19fa-4704-a166-e52e178b59d2";
  const info = { uuid, name: "Porte-clés", icon: "data:,", rdns: "example.keys" };
  const detail = Object.freeze({ info, provider });
  const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  addEventListener("eip6963:requestProvider", announce);
  announce();
})()"""


class Wallet:
    """A wallet: one key, one network, and an owner who may say no."""

    def __init__(self, url: str) -> None:
        self._key = Key.create()
        self._url = url
        self.refuses = False
        self.elsewhere = False
        self.asked: list[str] = []
        self.sent: list[dict[str, str]] = []

    @property
    def address(self) -> str:
        return str(self._key.address)

    @property
    def secret(self) -> bytes:
        return bytes(self._key.key)

    def rpc(self, method: str, *parameters: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = httpx.post(f"{self._url}/rpc", json=body, timeout=60).json()
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer["result"]

    def answer(self, method: str, parameters: str) -> str:
        """What the page is told."""
        self.asked.append(method)
        try:
            return json.dumps({"result": self._answer(method, json.loads(parameters))})
        except RuntimeError as error:
            return json.dumps({"error": str(error)})

    def _answer(self, method: str, parameters: list[Any]) -> Any:
        if method == "eth_requestAccounts":
            return [self.address]
        if method == "eth_chainId":
            return "0x1" if self.elsewhere else self.rpc("eth_chainId")
        if self.refuses or method == "wallet_switchEthereumChain":
            raise RuntimeError("The owner said no.")
        if method == "eth_signTypedData_v4":
            assert parameters[0].lower() == self.address.lower()
            return "0x" + self._key.sign_typed_data(full_message=json.loads(parameters[1])).signature.hex()
        assert method == "eth_sendTransaction", method
        asked = parameters[0]
        self.sent.append(asked)
        tip = int(self.rpc("eth_maxPriorityFeePerGas"), 16)
        transaction = {
            "type": 2,
            "chainId": int(self.rpc("eth_chainId"), 16),
            "nonce": int(self.rpc("eth_getTransactionCount", self.address, "pending"), 16),
            "maxPriorityFeePerGas": tip,
            "maxFeePerGas": 2 * int(self.rpc("eth_gasPrice"), 16) + tip,
            "gas": 2 * int(self.rpc("eth_estimateGas", asked), 16),
            "to": asked["to"],
            "value": int(asked["value"], 16),
            "data": asked["data"],
        }
        return self.rpc("eth_sendRawTransaction", "0x" + self._key.sign_transaction(transaction).raw_transaction.hex())


@pytest.fixture
def town(starting: Start, tmp_path: Path) -> Town:
    clock = tmp_path / "clock"
    return Town(platform_with_clock(starting, tmp_path / "home", clock), clock, "en")


@pytest.fixture
def mayor(browser: Browser, town: Town) -> Iterator[Page]:
    yield from person(browser, town)


def put_to_the_vote(town: Town, folder: Path) -> None:
    """The sandbox's own organisation proposes a resolution, with the key file of its home; it is open on return."""
    (folder / "text").write_text("Adopter la charte\n\nPersonne dans la chaîne.\n")
    opens = town.now() + 60
    moments = ("--opens", str(opens), "--closes", str(opens + 600))
    key = town.platform.home / "keys/account-steward.hex"
    run(town, "votes", "propose", str(folder / "text"), "--key", str(key), "--yes", *moments)
    town.pass_time(opens - town.now() + 1)


def shown_again(page: Page, address: str, text: str) -> None:
    """The page of a vote, once it has read the block that a wallet's transaction is in."""
    end = time.monotonic() + PATIENCE / 1000
    while text not in page.request.get(address).text():
        assert time.monotonic() < end, f"{address} never says {text!r}"
        time.sleep(0.3)
    page.goto(address)


def signs_in_the_register(town: Town, page: Page, wallet: Wallet, number: int) -> None:
    """It names a DID; nothing is signed for an organisation the account does not act for."""
    label = ("--label", "portefeuille-1", "--scope", "admin", "--scope", "vote")
    run(town, "members", "delegate", str(number), "--account", wallet.address, *label)
    page.goto(town.url(f"organisations/{number}/register"))
    page.locator("#did").fill("did:web:ambrun.example")
    page.locator("button[value=did]").click()
    expect(page.locator(".lead")).to_contain_text(f"identifier of {NAME} is did:web:ambrun.example")
    page.evaluate("document.getElementById('wallet').dataset.member = '1'")
    page.get_by_role("button", name="Porte-clés").click()
    expect(page.locator("#wallet [data-outcome]")).to_contain_text("does not act for the organisation")
    assert "eth_sendTransaction" not in wallet.asked
    page.evaluate(f"document.getElementById('wallet').dataset.member = '{number}'")
    page.get_by_role("button", name="Porte-clés").click()
    # The address is the same as before: the register itself has a form to add a wallet.
    expect(page.locator("#wallet-label")).to_be_visible()
    eventually(lambda: run(town, "members", "show", str(number))["did"] == "did:web:ambrun.example")
    adds_and_invites(town, page, wallet, number)
    wallet.asked.clear()


def adds_and_invites(town: Town, page: Page, wallet: Wallet, number: int) -> None:
    """An account whose key is made here, by a transaction; an invitation, by a signature an applicant then shows."""
    page.goto(town.url(f"organisations/{number}/register"))
    page.locator("#label").fill("secretariat-2")
    page.locator("form:has(button[value=add]) input[value=publish]").check()
    page.locator("button[value=add]").click()
    expect(page.locator(".lead")).to_contain_text(
        f"called secretariat-2, acts for {NAME} from now on, and may: publish."
    )
    page.get_by_role("button", name="Porte-clés").click()
    expect(page.locator("#wallet-label")).to_be_visible()

    def scopes() -> list[list[str]]:
        return [
            one["scopes"]
            for one in run(town, "members", "show", str(number))["accounts"]
            if one["label"] == "secretariat-2"
        ]

    eventually(lambda: scopes() == [["publish"]])
    sent = len(wallet.sent)
    page.goto(town.url(f"organisations/{number}/register"))
    page.locator("#scheme").select_option("siren")
    page.locator("#identifier").fill("000 004 101")
    page.locator("#legal_name").fill("Régie des eaux du Rhune")
    page.locator("button[value=invite]").click()
    expect(page.locator(".lead")).to_contain_text(f"{NAME} invites Régie des eaux du Rhune (SIREN 000 004 101)")
    page.get_by_role("button", name="Porte-clés").click()
    word = page.locator(".notice--ok [data-copy]").get_attribute("data-copy")
    (town.clock.parent / "invitation").write_text(str(word))
    whom = ("--scheme", "siren", "--identifier", "000 004 101", "--name", "Régie des eaux du Rhune")
    contact = ("--contact", "Lucien Moreau", "--address", "lucien.moreau@memoire-vive.example")
    shown = ("--invitation", str(town.clock.parent / "invitation"))
    applied = run(town, "members", "apply", *whom, "--kind", "association", *contact, *shown)
    assert applied["invited_by"] == number
    assert len(wallet.sent) == sent, "a signature alone"


def test_a_delegate_votes_with_a_wallet_of_its_own(town: Town, mayor: Page, tmp_path: Path) -> None:
    applied = run(town, "members", "apply", *APPLICATION)
    number = run(town, "members", "admit", applied["id"], "--evidence", "register")["organisation"]
    wallet = Wallet(town.platform.url)
    mayor.expose_function("wallet", wallet.answer)
    mayor.add_init_script(ANNOUNCE)
    join(town, mayor, town.letter("camille.aubin@ambrun.example"), "camille.aubin@ambrun.example", "Camille Aubin")
    # 1. An owner who says no enters nothing.
    mayor.goto(town.url(f"organisations/{number}/register"))
    mayor.locator("#wallet-label").fill("portefeuille-1")
    wallet.refuses = True
    mayor.get_by_role("button", name="Porte-clés").click()
    expect(mayor.locator("#wallet [data-outcome]")).to_contain_text("The owner said no.")
    assert len(run(town, "members", "show", str(number))["accounts"]) == 1
    # 2. The wallet consents, and acts for the town from the next block on; its key was asked for a signature alone.
    wallet.refuses = False
    mayor.get_by_role("button", name="Porte-clés").click()
    expect(mayor.locator(".lead")).to_contain_text("called portefeuille-1, acts for")
    mayor.locator("form:has(input[name=confirmed]) button").click()
    expect(mayor.locator(".notice--ok")).to_be_visible()
    accounts = {one["label"]: one for one in run(town, "members", "show", str(number))["accounts"]}
    assert accounts["portefeuille-1"]["address"].lower() == wallet.address.lower()
    assert accounts["portefeuille-1"]["scopes"] == ["vote"]
    assert "eth_sendTransaction" not in wallet.asked
    # 3. Once it may administer, it signs acts of the register, which the page says in words first.
    signs_in_the_register(town, mayor, wallet, number)
    # 4. It votes: on another network first, which the page says; then on this one.
    put_to_the_vote(town, tmp_path)
    mayor.goto(town.url("votes/1"))
    mayor.locator("input[name=position][value=for]").check()
    mayor.locator("#reason").fill("Avec notre propre clé.")
    mayor.locator("form[action$='/cast'] button").click()
    wallet.elsewhere = True
    mayor.get_by_role("button", name="Porte-clés").click()
    expect(mayor.locator("#wallet [data-outcome]")).to_contain_text("another network")
    assert "eth_sendTransaction" not in wallet.asked
    wallet.elsewhere = False
    mayor.get_by_role("button", name="Porte-clés").click()
    mayor.wait_for_url(town.url("votes/1"))
    shown_again(mayor, town.url("votes/1"), "Avec notre propre clé.")
    positions = httpx.get(f"{town.platform.url}/v1/votes/1/positions").json()["positions"]
    assert [(one["organisation"]["number"], one["position"]) for one in positions] == [(number, "for")]
    # 5. The key is nowhere in the home, nor did a page ever hold it.
    files = [path.read_bytes() for path in town.platform.home.rglob("*") if path.is_file()]
    assert not [one for one in files if wallet.secret in one or wallet.secret.hex().encode() in one]
    assert wallet.secret.hex() not in mayor.content()


def test_a_wallet_proposes_lends_its_voice_executes_and_pulls_the_brake(town: Town, mayor: Page) -> None:
    applied = run(town, "members", "apply", *APPLICATION)
    number = run(town, "members", "admit", applied["id"], "--evidence", "register")["organisation"]
    wallet = Wallet(town.platform.url)
    register(town, number, wallet)
    mayor.expose_function("wallet", wallet.answer)
    mayor.add_init_script(ANNOUNCE)
    opens = proposes(town, mayor, wallet, number)
    town.pass_time(opens - town.now() + 1)
    lends_its_voice(town, mayor, wallet, number)
    # It votes itself, and does what was decided.
    mayor.goto(town.url("votes/1/cast?position=for"))
    sign(mayor, wallet)
    eventually(lambda: (number, "for", None) in positions(town))
    town.pass_time(opens + HOUR + 15 - town.now())
    eventually(lambda: told(town, "1")["state"] == "executable")
    mayor.goto(town.url("votes/1"))
    mayor.locator("a[href$='/execute']").click()
    sign(mayor, wallet)
    eventually(lambda: told(town, "1")["state"] == "executed")
    pulls_the_brake(town, mayor, wallet)


def proposes(town: Town, page: Page, wallet: Wallet, number: int) -> int:
    """A resolution, whose text comes with it; when it opens."""
    page.goto(town.url("votes/propose"))
    page.locator("#text").fill("Adopter la charte\n\nPersonne dans la chaîne.")
    opens = (town.now() // 60 + 10) * 60
    for name, moment in (("opens", opens), ("closes", opens + HOUR)):
        local = datetime.datetime.fromtimestamp(moment, ZoneInfo("Europe/Paris"))
        page.locator(f"#{name}").fill(local.strftime("%Y-%m-%dT%H:%M"))
    page.locator("form[action$='/votes/propose'] button").click()
    expect(page.locator("main")).to_contain_text("Personne dans la chaîne.")
    sign(page, wallet)
    assert told(town, "1")["proposer"]["number"] == number
    assert told(town, "1")["title"] == "Adopter la charte"
    return opens


def lends_its_voice(town: Town, page: Page, wallet: Wallet, number: int) -> None:
    """To the sandbox's own organisation, which uses it; then it takes it back, and what was said for it is undone."""
    page.goto(town.url(f"votes/proxies/{number}"))
    page.locator("#holder").select_option("1")
    page.locator("#proposal").select_option("1")
    page.locator("form[action$='/give/sign'] button").click()
    sign(page, wallet)
    eventually(lambda: [one["holder"]["number"] for one in told(town, f"proxies/{number}")["proxies"]] == [1])
    key = town.platform.home / "keys/account-steward.hex"
    run(town, "votes", "cast", "1", "against", "--for", str(number), "--key", str(key), "--yes")
    eventually(lambda: positions(town) == [(number, "against", 1)])
    page.goto(town.url(f"votes/proxies/{number}"))
    page.locator("a[href*='/revoke/sign']").click()
    sign(page, wallet)
    eventually(lambda: told(town, f"proxies/{number}")["proxies"] == [])
    assert not [said for said in positions(town) if said[1] == "against"]


def pulls_the_brake(town: Town, page: Page, wallet: Wallet) -> None:
    """Unless its owner says no. One of two members is more than a third: publication stops."""

    def stopped() -> bool:
        asked = Brake(BRAKE).is_paused(name_word("Projects"))
        call = {"to": "0x" + asked.to.hex(), "data": "0x" + asked.data.hex()}
        return int(wallet.rpc("eth_call", call, "latest"), 16) == 1

    page.goto(town.url("votes/brake/sign"))
    wallet.refuses = True
    page.get_by_role("button", name="Porte-clés").click()
    expect(page.locator("#wallet [data-outcome]")).to_contain_text("The owner said no.")
    assert not stopped()
    wallet.refuses = False
    sign(page, wallet)
    eventually(stopped)


def told(town: Town, path: str) -> Any:
    """What the platform says of votes."""
    return httpx.get(f"{town.platform.url}/v1/votes/{path}", timeout=60).json()


def positions(town: Town) -> list[tuple[int, str | None, int | None]]:
    """Who said what in the first vote, and by whom."""
    said = told(town, "1/positions")["positions"]
    return [(one["organisation"]["number"], one["position"], (one["holder"] or {}).get("number")) for one in said]


def register(town: Town, number: int, wallet: Wallet) -> None:
    """The wallet consents, and votes for the organisation from then on."""
    members = f"{town.platform.url}/v1/members/{number}"
    asked = json.dumps(httpx.get(f"{members}/consents/{wallet.address}").json()["typed_data"])
    consent = json.loads(wallet.answer("eth_signTypedData_v4", json.dumps([wallet.address, asked])))["result"]
    body = {"scopes": ["vote"], "label": "portefeuille-1", "account": wallet.address.lower(), "consent": consent}
    headers = {"Authorization": f"Bearer {town.platform.key}"}
    added = httpx.post(f"{members}/accounts", json=body, headers=headers, timeout=120)
    assert added.status_code in (200, 201), added.text


def sign(page: Page, wallet: Wallet) -> None:
    """Have the wallet sign: the very transaction the page shows, once, and nothing else."""
    shown = page.locator("#wallet")
    expected = {name: shown.get_attribute(f"data-{name}") for name in ("to", "data")}
    then = shown.get_attribute("data-next")
    before = len(wallet.sent)
    page.get_by_role("button", name="Porte-clés").click()
    page.wait_for_url(f"**{then}")
    assert wallet.sent[before:] == [{"from": wallet.address, "value": "0x0"} | expected]


def test_a_consent_of_somebody_else_is_refused_by_the_chain(town: Town, tmp_path: Path) -> None:
    applied = run(town, "members", "apply", *APPLICATION)
    number = run(town, "members", "admit", applied["id"], "--evidence", "register")["organisation"]
    victim, thief = Wallet(town.platform.url), Wallet(town.platform.url)
    asked = httpx.get(f"{town.platform.url}/v1/members/{number}/consents/{victim.address}").json()["typed_data"]
    consent = json.loads(thief.answer("eth_signTypedData_v4", json.dumps([thief.address, json.dumps(asked)])))["result"]
    headers = {"Authorization": f"Bearer {town.platform.key}"}
    body = {"scopes": ["vote"], "label": "portefeuille-1", "account": victim.address.lower(), "consent": consent}
    address = f"{town.platform.url}/v1/members/{number}/accounts"
    refused = httpx.post(address, json=body, headers=headers, timeout=60)
    assert refused.status_code == 409, refused.text
    assert "does not consent" in refused.json()["detail"]
    malformed = httpx.post(address, json=body | {"consent": "0x12"}, headers=headers, timeout=60)
    assert malformed.json()["type"].endswith("invalid-consent")
    # Without an account and a consent, one is made here: what is half of either is refused.
    half = httpx.post(address, json=body | {"account": ""}, headers=headers, timeout=60)
    assert half.status_code == 404
