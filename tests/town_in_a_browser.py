# SPDX-License-Identifier: Apache-2.0
"""The town's journey in browsers of the office and of two of the town's people, on whatever ledger its platform has."""

from __future__ import annotations

import datetime
import re
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from playwright.sync_api import Page, expect

from running_platform import maillon
from town import NAME, PATIENCE, PDF, Town, eventually, join
from town_by_commands import LOCK, Founders

ASSOCIATION = "4"
REGISTER_AND_MANDATE = ("1", "2")


def in_a_browser(  # noqa: PLR0917 - the town, its people, and where it comes to
    town: Town, office: Page, mayor: Page, secretary: Page, folder: Path, founders: Founders
) -> None:
    """The whole journey; it asserts each step."""
    # 1. Whoever runs the platform follows the link of the home, and is its first administrator.
    link = (town.platform.home / "first-administrator").read_text().strip()
    join(town, office, link.partition("#")[2], "maud.ferrand@valdorme.example", "Maud Ferrand")
    # 2. The town applies, corrects a digit, adds a document.
    applies(town, mayor, folder)
    # 3. The office reads it, and answers for having seen the register: the rule admits.
    office.locator("a[href$='/office/applications']").first.click()
    town.look(office, "town-applications", "th a.org")
    office.locator("th a.org").click()
    town.look(office, "town-review", "button[value=accept]")
    office.locator("input[name=evidence][value=register]").check()
    office.locator("button[value=accept]").click()
    town.look(office, "town-review-sign", "input[name=confirmed] ~ button")
    expect(office.locator(".lead")).to_contain_text(NAME)
    office.locator("form:has(input[name=confirmed]) button").click()
    expect(office.locator(".notice--ok")).to_be_visible()
    # 4. Its first person comes by the letter, which calls the town by its name, and gets a second one in.
    join(town, mayor, town.letter("camille.aubin@ambrun.example"), "camille.aubin@ambrun.example", "Camille Aubin")
    assert NAME in town.seen[-1]
    expect(mayor.locator("main")).to_contain_text(NAME)
    town.look(mayor, "town-account", "a[href$='/people']")
    mayor.locator("a[href$='/people']").click()
    expect(mayor.locator("h1")).to_contain_text(NAME)
    mayor.locator("#address").fill("lea.roussel@ambrun.example")
    mayor.locator("form[action$='/invitations'] input[value=delegate]").check()
    mayor.locator("form[action$='/invitations'] button").click()
    expect(mayor.locator(".notice--ok")).to_be_visible()
    town.look(mayor, "town-people", ".notice--ok")
    join(town, secretary, town.letter("lea.roussel@ambrun.example"), "lea.roussel@ambrun.example", "Léa Roussel")
    # 5. The town lets its account vote.
    mayor.locator("a[href$='/register']").click()
    town.look(mayor, "town-register", ".notice--wait button[value=change]")
    number = mayor.url.split("/organisations/")[1].split("/")[0]
    founders.granted(paying_account(town, number))
    mayor.locator(".notice--wait button[value=change]").click()
    town.look(mayor, "town-register-sign", "input[name=confirmed] ~ button")
    confirms(mayor)
    # 6. It proposes another rule, sees what it changes before it signs, votes, and sees it done.
    votes(town, mayor, secretary, founders)
    # 7. It leaves. Its past stays where everybody reads it.
    mayor.goto(town.url(f"organisations/{number}/register"))
    mayor.locator("button[value=leave]").click()
    town.look(mayor, "town-leave-sign", "input[name=confirmed] ~ button")
    confirms(mayor)
    mayor.goto(town.url(f"members/{number}"))
    town.look(mayor, "town-departed", ".page-head")
    expect(mayor.locator(".page-head")).to_contain_text({"fr": "Partie", "en": "Left"}[town.language])


def paying_account(town: Town, number: str) -> str:
    """The account kept for the town, to which its credits come."""
    (kept,) = httpx.get(f"{town.platform.url}/v1/members/{number}", timeout=60).json()["accounts"]
    return str(kept["address"])


def confirms(page: Page) -> None:
    """An act of the register, with the key kept for the town, once its page has said it."""
    expect(page.locator(".lead")).to_contain_text(NAME)
    page.locator("form:has(input[name=confirmed]) button").click()
    expect(page.locator(".notice--ok")).to_be_visible()


def applies(town: Town, page: Page, folder: Path) -> None:
    page.goto(town.url("apply"))
    page.locator("#scheme").select_option("siren")
    page.locator("#identifier").fill("000 001 231")
    page.locator("#legal_name").fill(NAME)
    page.locator("#kind").select_option("administration")
    page.locator("#country").select_option("FR")
    page.locator("#contact_name").fill("Camille Aubin")
    page.locator("#contact_address").fill("camille.aubin@ambrun.example")
    page.locator("#message").fill("912")
    page.locator("form[action$='/apply'] button").click()
    expect(page.locator(".notice--bad")).to_be_visible()
    town.look(page, "town-wrong-digit", ".notice--bad")
    expect(page.locator("#legal_name")).to_have_value(NAME)
    page.locator("#identifier").fill("000 001 230")
    page.locator("form[action$='/apply'] button").click()
    expect(page.locator(".notice--ok")).to_be_visible()
    town.look(page, "town-applied", ".notice--ok")
    (folder / "extrait.pdf").write_bytes(PDF)
    page.locator("#document").set_input_files(folder / "extrait.pdf")
    page.locator("form[action$='/application/documents'] button").click()
    expect(page.locator("main")).to_contain_text("extrait.pdf")


def casts_by_keys(town: Town, secretary: Page, address: str) -> None:
    """A vote, from the list to the confirmation, without a mouse."""
    secretary.goto(town.url("votes"))
    press(secretary, f"main a[href$='/votes/{address.rpartition('/')[2]}']", "Enter")
    secretary.wait_for_url(address)
    town.look(secretary, "town-open", "input[name=position][value=for]")
    press(secretary, "input[name=position][value=for]", "Space")
    press(secretary, "#reason")
    secretary.keyboard.type("Pour la salle des fêtes.")
    press(secretary, "form[action$='/cast'] button", "Enter")
    secretary.wait_for_url(re.compile(r"/cast\?"))
    town.look(secretary, "town-cast-sign", "form[action$='/votes/acts'] button")
    press(secretary, "form[action$='/votes/acts'] button", "Enter")
    secretary.wait_for_url(f"{address}?done=cast")
    expect(secretary.locator(".page-head dl")).to_contain_text({"fr": "pour", "en": "for"}[town.language])
    expect(secretary.locator("input[name=position][value=for]")).to_be_checked()
    expect(secretary.locator("main")).to_contain_text("Pour la salle des fêtes.")
    expect(secretary.locator(".tally__key li").first).to_contain_text("1")
    town.look(secretary, "town-cast", ".tally__key li")


def press(page: Page, selector: str, key: str = "") -> None:
    """Tab on to something, as far as it takes, and press a key there."""
    wanted = page.locator(selector).first
    expect(wanted).to_be_visible()
    for _ in range(100):
        page.keyboard.press("Tab")
        if wanted.evaluate("(element) => element === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    if key:
        page.keyboard.press(key)


def votes(town: Town, mayor: Page, secretary: Page, founders: Founders) -> None:
    # The mayor proposes.
    mayor.goto(town.url("votes"))
    mayor.locator("a[href$='/votes/propose']").first.click()
    mayor.locator("a[href$='act=Admissions.set_rule']").click()
    mayor.locator("#organisation_kind").select_option(ASSOCIATION)
    mayor.locator("#offices").select_option("32")
    for number in REGISTER_AND_MANDATE:
        mayor.locator(f"input[name=evidence][value='{number}']").check()
    mayor.locator("#tier").select_option("1")
    mayor.locator("#college").select_option("0")
    mayor.locator("#text").fill("Accueillir les associations sur mandat\n\nPour savoir qui parle en leur nom.")
    opens = (town.now() // 60 + 2) * 60
    for name, moment in (("opens", opens), ("closes", opens + 120)):
        shown = datetime.datetime.fromtimestamp(moment, ZoneInfo("Europe/Paris"))
        mayor.locator(f"#{name}").fill(shown.strftime("%Y-%m-%dT%H:%M"))
    town.look(mayor, "town-propose", "#text")
    mayor.locator("form[action$='/votes/propose'] button").click()
    expect(mayor.locator("main")).to_contain_text("Accueillir les associations sur mandat")
    town.look(mayor, "town-propose-sign", "form[action$='/votes/acts'] button")
    mayor.locator("form[action$='/votes/acts'] button").click()
    mayor.wait_for_url(re.compile(r"/votes/\d+\?done=proposed$"))
    address = mayor.url.partition("?")[0]
    town.look(mayor, "town-announced", ".page-head")
    # Its second person, a delegate, votes once it is open.
    town.pass_time(opens - town.now() + 1)
    casts_by_keys(town, secretary, address)
    for key in founders.keys:
        proposal = address.rpartition("/")[2]
        cast = maillon("votes", "cast", proposal, "for", "--key", str(key), "--yes", "--url", town.platform.url)
        assert cast.returncode == 0, cast.stdout + cast.stderr
    # Closed, and then executable: anybody does what was decided.
    town.pass_time(opens + 120 + LOCK - town.now())
    secretary.goto(address)
    secretary.locator("a[href$='/execute']").click()
    secretary.locator("form[action$='/votes/acts'] button").click()
    secretary.wait_for_url(f"{address}?done=executed")
    expect(secretary.locator(".page-head .badge")).to_have_attribute("data-s", "ok")
    town.look(secretary, "town-executed", ".page-head .badge")
    # The rule that whoever applies reads is the new one.
    said = {"fr": "peut parler", "en": "speak for"}[town.language]
    eventually(lambda: said in secretary.request.get(town.url("apply")).text())
    secretary.goto(town.url("apply"))
    rule = secretary.locator("tbody tr", has=secretary.locator("th", has_text=re.compile("^Association$")))
    expect(rule).to_contain_text(said)
    town.pass_time(60)
    until_record(secretary, f"{address}/record")
    expect(secretary.locator("main")).to_contain_text(NAME)
    town.look(secretary, "town-record", "main")


def until_record(page: Page, address: str) -> None:
    """The record is made a moment after a minute has passed since the close."""
    end = time.monotonic() + PATIENCE / 1000
    while True:
        answer = page.request.get(address)
        if answer.status == 200:
            break
        assert time.monotonic() < end, answer.text()
        time.sleep(0.5)
    page.goto(address)
