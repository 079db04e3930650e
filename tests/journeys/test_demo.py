# SPDX-License-Identifier: Apache-2.0
"""The demonstration, from an empty folder to its last vote: killed in the middle, gone on with, and nothing twice."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from running_platform import ROOT, Running, Start, maillon

WITHIN = 900
"""Seconds until something must have come: many times what it takes on a busy machine."""


def health(platform: Running) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{platform.url}/health", timeout=60).json()
    return found


def until(condition: Callable[[], bool], platform: Running) -> None:
    end = time.monotonic() + WITHIN
    while not condition():
        demo = health(platform)["demo"]
        assert demo["state"] != "stopped", demo
        assert time.monotonic() < end, demo
        time.sleep(0.5)


def steps(home: Path) -> set[str]:
    return set(json.loads((home / "demo/state.json").read_bytes())["done"])


def begin(starting: Start, home: Path, clock: Path) -> Running:
    """As whoever says nothing of a demonstration."""
    return starting(home, command=("up", "--port", "0"), program=(str(ROOT / "tests/moved_clock.py"), str(clock)))


def test_a_new_home_is_filled_in_by_its_own_doors(starting: Start, tmp_path: Path) -> None:
    home, clock = tmp_path / "home", tmp_path / "clock"
    platform = begin(starting, home, clock)
    # 1. It is ready before anybody is invented, and says how far it is.
    shown = health(platform)["demo"]
    assert shown["done"] < shown["of"]
    until(lambda: health(platform)["demo"]["done"] >= 12, platform)
    page = httpx.get(f"{platform.url}/en/").text
    assert "An invented alliance is settling in." in page
    told = maillon("status", "--home", str(home), "--url", platform.url)
    assert "demonstration" in told.stdout
    busy = maillon("demo", "--home", str(home), "--url", platform.url)
    assert busy.returncode == 1
    assert "already" in busy.stderr
    # 2. Killed in the middle, it goes on where it was.
    before = steps(home)
    assert platform.stop(signal.SIGKILL) == -signal.SIGKILL
    platform = begin(starting, home, clock)
    cast = {f"vote:{name}:cast" for name in ("nom", "associations", "pourboire")}
    until(lambda: cast <= steps(home), platform)
    assert before <= steps(home)
    # 3. The votes that close are closed by time, which nobody forges: it passes.
    clock.write_text("120")
    until(lambda: health(platform)["demo"]["state"] == "complete", platform)
    everybody_is_there_once(platform)
    what_it_left_is_checked_as_anything_is(platform, tmp_path)
    # 4. Whoever runs it can log in as its people, and its office still waits for its first administrator.
    listed = maillon("demo", "--people", "--home", str(home), "--url", platform.url, "--json")
    assert len(json.loads(listed.stdout)["people"]) == 15
    assert (home / "first-administrator").exists()
    # 5. Another start, and `maillon demo` itself, add nothing.
    height = health(platform)["ledger"]["height"]
    again = maillon("demo", "--home", str(home), "--url", platform.url)
    assert again.returncode == 0, again.stderr
    assert platform.stop() == 0, "".join(platform.errors)
    platform = begin(starting, home, clock)
    assert health(platform)["demo"]["state"] == "complete"
    assert health(platform)["ledger"]["height"] - height <= 2  # the log's own anchor
    assert platform.stop() == 0, "".join(platform.errors)


def everybody_is_there_once(platform: Running) -> None:
    directory = httpx.get(f"{platform.url}/v1/members?limit=200").json()
    status = {one["legal_name"]: one["status"] for one in directory["members"]}
    assert len(status) == directory["total"] == 15
    assert status["Commune de Saint-Ambrun-sur-Velle"] == "active"
    assert status["Logiciels Brume SARL"] == "departed"
    assert status["Fundación Puerto Claro"] == "applied"
    assert status["Alliance de Valdorme, secrétariat"] == "active"
    # The founder too says since when.
    assert all(one["joined"] for one in directory["members"] if one["status"] == "active")
    votes = httpx.get(f"{platform.url}/v1/votes?show=all&limit=100").json()["proposals"]
    # A busy machine may have needed a second reading of one: the newest is what came of it.
    states = {one["title"]: one["state"] for one in reversed(votes)}
    assert len(states) == 6
    assert states["Accueillir les associations sur mandat"] == "executed"
    assert states["Doubler le plancher des frais"] == "refused"
    assert states["Adopter la charte des usages"] == "open"
    # The home page counts the same.
    told = httpx.get(f"{platform.url}/fr/", headers={"Accept": "application/json"}).json()["alliance"]
    assert told["members"] == sum(one == "active" for one in status.values())
    assert told["open"] == sum(one["state"] in ("open", "announced") for one in votes)
    assert told["closed"] == len(votes) - told["open"]


def what_it_left_is_checked_as_anything_is(platform: Running, tmp_path: Path) -> None:
    """The count from the chain, the documents from their receipts."""
    export = tmp_path / "votes.json"
    done = maillon("votes", "export", str(export), "--url", platform.url)
    assert done.returncode == 0, done.stderr
    recounted = maillon("votes", "recount", str(export), "--json")
    assert recounted.returncode == 0, recounted.stderr
    documents = sorted((platform.home / "demo/documents").glob("*.txt"))
    assert len(documents) == 6
    for document in documents:
        receipt = document.with_name(f"{document.name}.receipt.json")
        checked = maillon("verify", str(receipt), str(document), "--trust", str(platform.home / "trust.json"))
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_without_it_a_home_is_empty_and_its_first_administrator_has_a_link(platform: Running) -> None:
    assert health(platform)["demo"] is None
    assert not (platform.home / "demo").exists()
    assert "Demonstration" not in httpx.get(f"{platform.url}/en/").text


def test_nobody_is_invented_where_letters_would_leave_the_machine(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "keys").mkdir(parents=True)
    (home / "settings.toml").write_text('smtp = "smtp://localhost:1"\n')
    refused = maillon("demo", "--home", str(home))
    assert refused.returncode == 1
    assert "without a mail server" in refused.stderr


def test_a_server_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "home/keys").mkdir(parents=True)
    refused = maillon("demo", "--home", str(tmp_path / "home"), "--url", "http://127.0.0.1:1")
    assert refused.returncode == 2
    assert "maillon up" in refused.stderr
