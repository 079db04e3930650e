# SPDX-License-Identifier: Apache-2.0
"""People in a real browser, with a passkey of a virtual authenticator, and the command line beside it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from post_office import PostOffice
from running_platform import Running, environment, maillon, start

PASSWORD = "teapot gravel ninety harvest"


@pytest.fixture(scope="module")
def office() -> Iterator[tuple[PostOffice, str]]:
    opened = PostOffice()
    yield opened, opened.start()
    opened.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, office: tuple[PostOffice, str]) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("people") / "home"
    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text(f'smtp = "{office[1]}"\nlog_in_rate = 1000\n')
    platform = start(home)
    yield platform
    assert platform.stop() == 0, "".join(platform.errors)
    for stream in (platform.process.stdout, platform.process.stderr):
        assert stream is not None
        stream.close()


@pytest.fixture(scope="module")
def site(running: Running) -> str:
    """Where passkeys work: by name."""
    return running.url.replace("127.0.0.1", "localhost")


def with_authenticator(context: BrowserContext) -> Page:
    """A page whose device recognises its user."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


@pytest.fixture(scope="module")
def ada(browser: Browser, running: Running) -> Iterator[Page]:
    """The first administrator, who joined with a passkey by the link of the home."""
    context = browser.new_context(locale="en")
    page = with_authenticator(context)
    link = (running.home / "first-administrator").read_text().strip().replace("/fr/", "/en/")
    page.goto(link)
    assert "#" not in page.url, "the code stays in no history"
    assert len(page.locator("#code").input_value()) == 32
    page.locator("#address").fill("ada@office.example")
    page.locator("#name").fill("Ada Martin")
    page.get_by_role("button", name="Join with a passkey").click()
    page.get_by_role("heading", name="Keep these ten codes").wait_for()
    page.get_by_role("link", name="I have kept them").click()
    assert page.locator("h1").inner_text() == "Ada Martin"
    yield page
    context.close()


def arrived(office: PostOffice, address: str) -> str:
    """The link of the letter somebody receives next."""
    while not office.to(address):
        assert office.arrived.acquire(timeout=60), "no letter came"
    found = re.search(r"http://\S+#\S+", office.to(address)[-1].get_content())
    assert found
    return found[0]


def test_a_passkey_logs_in_without_a_name(ada: Page, site: str) -> None:
    ada.goto(f"{site}/en/account")
    ada.get_by_role("button", name="Log out", exact=True).click()
    ada.goto(f"{site}/en/log-in?next=/en/explain")
    ada.get_by_role("button", name="Log in with a passkey").click()
    ada.wait_for_url(f"{site}/en/explain")


def test_a_second_passkey_has_a_name_and_the_same_device_is_refused(ada: Page, site: str) -> None:
    ada.goto(f"{site}/en/account")
    ada.get_by_role("button", name="Add a passkey").click()
    ada.locator("[data-passkey-refused]:not([hidden])").wait_for()
    assert ada.locator("form[action$='/removal']").count() == 1
    ada.get_by_role("button", name=re.compile("^Remove ")).click()
    assert "This is your last way in" in ada.locator(".notice--bad[role=alert]:not([hidden])").inner_text()


def test_a_guest_joins_without_a_script_by_letter_password_and_code(
    ada: Page, browser: Browser, site: str, office: tuple[PostOffice, str]
) -> None:
    ada.goto(f"{site}/en/organisations/office/people")
    ada.locator("#address").fill("zoe@office.example")
    ada.get_by_role("button", name="Send the invitation").click()
    ada.locator(".notice--ok").wait_for()
    link = arrived(office[0], "zoe@office.example")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/fr/join")
    page.locator("#code").fill(link.partition("#")[2])
    page.locator("#address").fill("zoe@office.example")
    page.locator("#name").fill("Zoé Bernard")
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Continuer avec un mot de passe").click()
    secret = page.locator("ol.steps code").inner_text().replace(" ", "")
    assert page.locator("img.code-picture").evaluate("image => image.naturalWidth") > 100
    page.locator("#code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Confirmer").click()
    assert page.locator(".recovery-codes li").count() == 10
    page.get_by_role("link", name="Je les ai gardés").click()
    assert page.locator("h1").inner_text() == "Zoé Bernard"
    page.goto(f"{site}/fr/organisations/office/people")
    assert "Error 403" in page.content() or "Erreur 403" in page.content()
    context.close()


def test_a_command_line_logs_in_and_out(ada: Page, site: str, running: Running) -> None:
    url = running.url
    command = [sys.executable, "-m", "maillon", "login", "--home", str(running.home / "client"), "--url", url, "--json"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    try:
        assert program.stderr is not None
        found = re.search(r"code ([A-Z]{4}-[A-Z]{4})", program.stderr.readline())
        assert found
        ada.goto(f"{site}/en/device")
        ada.locator("#code").fill(found[1])
        ada.get_by_role("button", name="Continue").click()
        ada.get_by_role("button", name="Log it in").click()
        ada.locator(".notice--ok").wait_for()
        said, _ = program.communicate(timeout=60)
    finally:
        if program.poll() is None:
            program.send_signal(signal.SIGKILL)
            program.communicate()
    assert program.returncode == 0
    assert json.loads(said)["server"] == url
    options = ("--home", str(running.home / "client"), "--url", url, "--json")
    token = running.home / "client" / "login.json"
    assert token.stat().st_mode & 0o077 == 0
    who = json.loads(maillon("whoami", *options).stdout)
    assert who["name"] == "Ada Martin"
    explained = maillon("explain", who["subject"], "key:change", "organisation:office", "--home", str(running.home))
    assert explained.returncode == 0
    assert "yes, they may" in explained.stdout
    refused = maillon("explain", who["subject"], "key:change", "organisation:velle", "--home", str(running.home))
    assert refused.returncode == 1
    assert maillon("logout", *options).returncode == 0
    assert not token.exists()
    assert maillon("whoami", *options).returncode == 1


def test_the_link_of_the_first_administrator_is_worthless_now(browser: Browser, running: Running, ada: Page) -> None:
    link = (running.home / "first-administrator").read_text().strip()
    context = browser.new_context()
    page = with_authenticator(context)
    page.goto(link)
    page.locator("#address").fill("eve@evil.example")
    page.locator("#name").fill("Eve")
    page.locator("[data-passkey-join]").click()
    page.locator("[data-passkey-refused]:not([hidden])").wait_for()
    context.close()


PAGES = [
    "log-in", "join", "forgot", "reset", "confirm", "account", "device", "explain", "organisations/office/people",
    "organisations/office/keys", "organisations/office/webhooks", "organisations/office/trail",
]  # fmt: skip


@pytest.mark.parametrize("width", [320, 768, 1280])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_page_fits_and_breaks_no_content_policy(ada: Page, site: str, language: str, width: int) -> None:
    """With MAILLON_SCREENS set to a folder, each page is left there as a picture to look at."""
    folder = os.environ.get("MAILLON_SCREENS")
    complaints: list[str] = []
    ada.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    ada.set_viewport_size({"width": width, "height": 800})
    for path in PAGES:
        answer = ada.goto(f"{site}/{language}/{path}")
        assert answer is not None
        assert answer.status == 200, path
        assert ada.evaluate("document.documentElement.scrollWidth") <= width, path
        if folder:
            name = f"{path.replace('/', '-')}-{language}-{width}.png"
            ada.screenshot(path=str(Path(folder) / name), full_page=True)
    assert complaints == []
