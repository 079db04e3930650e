# SPDX-License-Identifier: Apache-2.0
"""A town at a platform whose clock a test moves: its people's browsers, their letters, and its command line."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from conversation import Answer, converse
from post_office import PostOffice
from running_platform import ROOT, Running, maillon

PASSWORD = "teapot gravel ninety harvest"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
NAME = "Commune de Saint-Ambrun-sur-Velle"
WIDTHS = {"phone": 360, "tablet": 768, "wide": 1280}
PATIENCE = 120_000
"""Milliseconds until a page must show something: many times what it takes on a busy machine."""
APPLICATION = (
    *("--scheme", "siren", "--identifier", "000 001 230", "--name", NAME, "--kind", "administration"),
    *("--contact", "Camille Aubin", "--address", "camille.aubin@ambrun.example"),
)


@dataclass
class Town:
    """One platform, and the people at it."""

    platform: Running
    clock: Path
    language: str
    scripts: bool = True
    """Whether the browsers of its people run any."""
    ahead: int = 0
    seen: list[str] = field(default_factory=list)

    def pass_time(self, seconds: int) -> None:
        """The platform's clock moves on."""
        self.ahead += seconds
        self.clock.write_text(str(self.ahead))

    def now(self) -> int:
        return int(time.time()) + self.ahead

    def url(self, path: str) -> str:
        return f"{self.platform.url}/{self.language}/{path}"

    def letter(self, address: str) -> str:
        """The code of the newest letter with one to somebody."""
        end = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < end:
            letters = sorted((self.platform.home / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
            for path in reversed(letters):
                letter = message_from_bytes(path.read_bytes(), policy=default)
                body = letter.get_body(("plain",))
                found = None if body is None else re.search(r"/join#(\S+)", body.get_content())
                if address in letter["To"] and found:
                    self.seen.append(body.get_content())  # type: ignore[union-attr] - it was found in it
                    return found[1]
            time.sleep(0.2)
        pytest.fail(f"no letter reached {address}")

    def look(self, page: Page, name: str, shows: str) -> None:
        """Leave a picture of the page that shows something, where somebody wants to look.

        No page is ever wider than its screen. A click does not wait for the page it leads to, and for an instant
        between two pages there is none to measure.
        """
        expect(page.locator(shows).first).to_be_visible()
        page.wait_for_load_state()
        folder = os.environ.get("MAILLON_SCREENS")
        for width in WIDTHS.values() if folder else (WIDTHS["phone"], WIDTHS["wide"]):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width}"
            if folder:
                page.screenshot(path=Path(folder) / f"{name}-{self.language}-{width}.png", full_page=True)


def platform_with_clock(begin: Callable[..., Running], home: Path, clock: Path, **settings: str) -> Running:
    home.mkdir(mode=0o700)
    lines = ["log_in_rate = 1000", *(f'{name} = "{value}"' for name, value in settings.items())]
    (home / "settings.toml").write_text("\n".join(lines) + "\n")
    return begin(home, program=(str(ROOT / "tests/moved_clock.py"), str(clock)))


def person(browser: Browser, town: Town) -> Iterator[Page]:
    context = browser.new_context(locale=town.language, reduced_motion="reduce", java_script_enabled=town.scripts)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert [one for one in complaints if "422" not in one] == []


def join(town: Town, page: Page, code: str, address: str, name: str) -> None:
    """Follow an invitation: a password, and the application's code."""
    page.goto(town.url(f"join#{code}"))
    if town.scripts:
        expect(page.locator("#code")).to_have_value(code)
    else:
        page.locator("#code").fill(code)
    page.locator("#address").fill(address)
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("button[value=password]").click()
    secret = page.locator("ol.steps code").inner_text().replace(" ", "")
    town.look(page, "town-second-factor", "ol.steps code")
    page.locator("#code").fill(pyotp.TOTP(secret).at(town.now()))
    page.locator("form[action$='/join/code'] button").click()
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    town.look(page, "town-recovery-codes", ".recovery-codes li")
    page.locator("a.btn--main").click()
    expect(page.locator("h1")).to_have_text(name)


def run(town: Town, *arguments: str, status: int = 0) -> Any:
    home, url = ("--home", str(town.platform.home)), ("--url", town.platform.url)
    done = maillon(*arguments, *home, *url, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


@dataclass(frozen=True)
class Terminal:
    """Somebody's own machine: a home with nothing of the platform's in it, and the way to the platform."""

    town: Town
    home: Path

    def run(self, *arguments: str, status: int = 0, adding: Mapping[str, str] | None = None) -> Any:
        place = ("--home", str(self.home), "--url", self.town.platform.url)
        done = maillon(*arguments, *place, "--json", adding=adding)
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)

    def talk(self, *arguments: str, answers: Sequence[tuple[str, Answer]]) -> Any:
        """Run a command that asks, with somebody there who answers; no secret that is typed is seen."""
        place = ("--home", str(self.home), "--url", self.town.platform.url)
        done = converse([*arguments, *place, "--json"], answers)
        assert done.status == 0, done.screen + done.output
        assert PASSWORD not in done.screen + done.output
        return json.loads(done.output)

    def join(self, code: str, address: str, name: str) -> str:
        """`maillon join`: follow the letter with a password and an application; the secret of that."""
        secret = ""

        def shown(screen: str) -> str:
            nonlocal secret
            found = re.search(r"secret ((?:[A-Z2-7]{1,4} ?)+)", screen)
            assert found is not None, screen
            secret = found[1].replace(" ", "")
            return pyotp.TOTP(secret).at(self.town.now())

        passwords = [("new password: ", PASSWORD), ("new password again: ", PASSWORD)]
        asked = [("code of the invitation: ", code), ("e-mail address:", address), ("your name:", name), *passwords]
        joined = self.talk("join", answers=[*asked, ("code: ", shown)])
        assert len(joined["recovery_codes"]) == 10
        return secret

    def log_in(self, address: str, secret: str) -> None:
        """`maillon login --no-browser`, with the password and a code of the application that was used by nobody yet."""
        self.town.pass_time(30)
        code = pyotp.TOTP(secret).at(self.town.now())
        self.talk(
            *("login", "--no-browser", "--address", address), answers=[("password: ", PASSWORD), ("code: ", code)]
        )


def invited(office: PostOffice, address: str) -> str:
    """The code in the letter of invitation that a mail server was handed for somebody."""
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        for letter in office.to(address):
            body = letter.get_body(("plain",))
            found = None if body is None else re.search(r"/join#(\S+)", body.get_content())
            if found:
                return found[1]
        office.arrived.acquire(timeout=1)
    pytest.fail(f"no invitation was handed to the mail server for {address}")


def eventually(condition: Callable[[], bool]) -> None:
    """Something holds once the instance has read the block it is in, which takes a moment."""
    end = time.monotonic() + PATIENCE / 1000
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.3)
