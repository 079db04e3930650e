# SPDX-License-Identifier: Apache-2.0
"""A small town joins, gets a second account, and leaves: by the command line alone, on a platform of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from running_platform import Running, maillon

PLAIN_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"


def members(platform: Running, *arguments: str, status: int = 0) -> Any:
    done = maillon("members", *arguments, "--home", str(platform.home), "--url", platform.url, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_small_town_joins_acts_and_leaves(platform: Running, tmp_path: Path) -> None:
    document = tmp_path / "extrait.pdf"
    document.write_bytes(PLAIN_PDF)
    who = ["--scheme", "siren", "--name", "Commune de Saint-Ambrun-sur-Velle", "--kind", "administration"]
    who += ["--contact", "Camille Aubin", "--address", "camille.aubin@ambrun.example", "--document", str(document)]
    # 1. A wrong digit is found before anything is kept; then it applies.
    refused = members(platform, "apply", "--identifier", "552 032 543", *who, status=1)
    assert "check digit" in refused["error"]
    applied = members(platform, "apply", "--identifier", "552 032 534", *who)
    assert len(applied["documents"]) == 1
    again = members(platform, "apply", "--identifier", "552032534", *who, status=1)
    assert "applies or is known already" in again["error"]
    # 2. It follows its application with its code, which stands in no argument.
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "maillon",
            "members",
            "follow",
            "--json",
            "--home",
            str(platform.home),
            "--url",
            platform.url,
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": "src", "MAILLON_APPLICATION": applied["code"]},
    )
    assert json.loads(done.stdout)["state"] == "submitted"
    # 3. The office sees it, answers for the evidence, and the rule of the chain admits it.
    queue = members(platform, "queue")["applications"]
    assert applied["id"] in [one["id"] for one in queue]
    assert members(platform, "review", applied["id"])["missing"] == ["register"]
    admitted = members(platform, "admit", applied["id"], "--evidence", "register")
    assert admitted["state"] == "admitted"
    number = str(admitted["organisation"])
    found = members(platform, "list", "saint ambrun")["members"]
    assert [(str(one["number"]), one["status"]) for one in found] == [(number, "active")]
    # 4. It has credits, lets a second account act for it, changes what it may, and lets it go.
    first = members(platform, "show", number)["accounts"][0]["address"]
    paid = maillon("credit", first, "--amount", "5", "--home", str(platform.home), "--url", platform.url)
    assert paid.returncode == 0, paid.stderr
    page = members(platform, "delegate", number, "--label", "secretariat-1", "--scope", "vote")
    second = next(one for one in page["accounts"] if one["label"] == "secretariat-1")
    assert second["scopes"] == ["vote"]
    account = ["--account", second["address"]]
    page = members(platform, "delegate", number, *account, "--label", "secretariat-1", "--scope", "publish")
    assert next(one for one in page["accounts"] if one["label"] == "secretariat-1")["scopes"] == ["publish"]
    named = members(platform, "delegate", number, "--label", "Camille Aubin", status=1)
    assert "never a person's name" in named["error"]
    members(platform, "delegate", number, *account, "--remove")
    # 5. It vouches for a neighbour, whose invitation is good once.
    neighbour = ["--scheme", "lei", "--identifier", "506700GE1G29325QX363", "--name", "Gemeente Oosterwede"]
    word = members(platform, "invite", number, *neighbour)["invitation"]
    (tmp_path / "invitation").write_text(word)
    other = ["--kind", "administration", "--country", "NL", "--contact", "J. V.", "--address", "j.v@wede.example"]
    invited = members(platform, "apply", *neighbour, *other, "--invitation", str(tmp_path / "invitation"))
    assert invited["evidence"] == ["invitation"]
    assert str(invited["invited_by"]) == number
    # 6. It leaves, and its history stays.
    assert members(platform, "leave", number, "--yes")["status"] == "departed"
    history = [one["event"] for one in members(platform, "show", number)["history"]]
    assert history.count("StatusChanged") == 2
    assert "AdmittedByRule" in history
