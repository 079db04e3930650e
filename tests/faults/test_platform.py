# SPDX-License-Identifier: Apache-2.0
"""A whole platform, its own ledger included, killed between any two moves from append to recorded anchor.

The victim is the real `maillon up` with one boundary that sends SIGKILL to its own process. A client appends until the
connection breaks; the platform is started again without the fault, and every entry that was acknowledged, before and
after, gets its receipt, which verifies with the server gone. A request whose answer was lost is sent again.

The whole matrix runs over SQLite; over PostgreSQL, what stands between the database and something else.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from maillon.evidence.hashing import Algorithm, Digest, sha256
from maillon.evidence.receipt import Receipt, complete, verify
from maillon.evidence.trust import TrustAnchors
from running_platform import READY_WITHIN, Running, environment, start

VICTIM = r"""
import os, signal, sys
from maillon.ledger.embedded.chain import Chain
from maillon.services.notary.service import NotaryService

wanted, occurrence = sys.argv[1], int(sys.argv[2])
met = 0

def fault(boundary):
    global met
    if boundary == wanted:
        met += 1
        if met == occurrence:
            os.kill(os.getpid(), signal.SIGKILL)

NotaryService.__init__.__kwdefaults__["faults"] = fault
Chain.open.__func__.__kwdefaults__["boundary"] = fault
sys.argv = ["maillon", *sys.argv[3:]]
from maillon.commands import run
run()
"""

BATCH = 3
"""Entries of one request."""


@dataclass
class Client:
    """Appends commitments one by one, and remembers what it was told."""

    salts: dict[int, tuple[bytes, Digest]] = field(default_factory=dict)

    def append(self, platform: Running, count: int | None = None) -> None:
        """So many, or until the connection breaks."""
        headers = {"Authorization": f"Bearer {platform.key}"}
        with httpx.Client(base_url=platform.url, headers=headers, timeout=60) as http:
            while count is None or count > 0:
                salt, digest = secrets.token_bytes(32), Digest(Algorithm.SHA2_256, secrets.token_bytes(32))
                try:
                    answer = http.post("/v1/notary/entries", json={"commitment": sha256(salt + digest.value).hex()})
                except httpx.TransportError:
                    assert count is None
                    return
                index = answer.raise_for_status().json()["index"]
                assert index not in self.salts, "an index was given twice"
                self.salts[index] = salt, digest
                count = None if count is None else count - 1

    def receipts(self, platform: Running) -> list[tuple[bytes, Digest]]:
        """The whole receipt of every entry that was acknowledged."""
        made = []
        with httpx.Client(base_url=platform.url, timeout=60) as http:
            for index, (salt, digest) in self.salts.items():
                answer = http.get(f"/v1/notary/entries/{index}/receipt", params={"wait": 30})
                assert answer.status_code == 200, answer.text
                made.append((complete(answer.json(), digest, salt), digest))
        return made


def victim(home: Path, database: str, boundary: str, occurrence: int) -> Running | None:
    """Started over this database and ready, or None when it met the boundary before."""
    (home / "settings.toml").write_text(f'database = "{database}"\n')
    arguments = ["up", "--no-demo", "--home", str(home), "--port", "0", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, boundary, str(occurrence), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    watchdog = threading.Timer(READY_WITHIN, process.terminate)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    process.stdout.close()
    if not line:
        assert process.wait(30) == -signal.SIGKILL
        return None
    return Running(home, json.loads(line)["ready"], process)


@pytest.mark.parametrize(
    ("database_url", "boundary"),
    [
        ("sqlite", "appended"),
        ("sqlite", "staged"),
        ("sqlite", "committed"),
        ("sqlite", "published"),
        ("sqlite", "cleaned"),
        ("sqlite", "admission: before commit"),
        ("sqlite", "admission: after commit"),
        ("sqlite", "block: executed"),
        ("sqlite", "block: before commit"),
        ("sqlite", "block: after commit"),
        ("sqlite", "anchored"),
        ("sqlite", "stamped"),
        ("postgresql", "committed"),
        ("postgresql", "anchored"),
    ],
    indirect=["database_url"],
)
def test_every_acknowledged_entry_has_its_receipt(home: Path, database_url: str, boundary: str) -> None:
    client = Client()
    running = victim(home, database_url, boundary, 2)
    assert running is not None, "the boundary was met before anything could be appended"
    client.append(running)
    assert running.process.wait(60) == -signal.SIGKILL
    assert client.salts

    again = start(home)
    with contextlib.ExitStack() as stack:
        stack.callback(again.close)
        client.append(again, 3)
        receipts = client.receipts(again)
        assert again.stop() == 0, "".join(again.errors)
    trust = TrustAnchors.parse((home / "trust.json").read_bytes())
    for receipt, digest in receipts:
        verify(Receipt.parse(receipt), digest, trust)


@pytest.mark.parametrize("boundary", ["appended", "committed"])
def test_a_request_sent_again_gets_the_first_answer(home: Path, database_url: str, boundary: str) -> None:
    """Its entries were durable when the answer was lost, and they are not appended a second time."""
    sent: dict[str, list[str]] = {}
    answers: dict[str, object] = {}

    def send(http: httpx.Client, key: str) -> object:
        answer = http.post(
            "/v1/notary/batches", json={"commitments": sent[key]}, headers={"Idempotency-Key": key}
        ).raise_for_status()
        return answer.json()

    running = victim(home, database_url, boundary, 2)
    assert running is not None, "the boundary was met before anything could be appended"
    headers = {"Authorization": f"Bearer {running.key}"}
    with (
        httpx.Client(base_url=running.url, headers=headers, timeout=60) as http,
        contextlib.suppress(httpx.TransportError),
    ):
        while True:
            key = secrets.token_hex(8)
            sent[key] = [secrets.token_hex(32) for _ in range(BATCH)]
            answers[key] = send(http, key)
    assert running.process.wait(60) == -signal.SIGKILL
    assert 0 < len(answers) == len(sent) - 1

    again = start(home)
    with contextlib.ExitStack() as stack:
        stack.callback(again.close)
        http = stack.enter_context(httpx.Client(base_url=again.url, headers=headers, timeout=60))
        if boundary == "appended":
            # Killed after they were kept and before it was said: at the other boundary they may have come too late.
            last = http.get(f"/v1/notary/entries/{BATCH * len(sent) - 1}").raise_for_status().json()
            assert last["commitment"] == sent[key][-1]
        repeated = {key: send(http, key) for key in sent}
        assert answers.items() <= repeated.items()
        assert list(repeated.values()) == [{"first": BATCH * at, "count": BATCH} for at in range(len(sent))]
        assert {key: send(http, key) for key in sent} == repeated
        # Whatever comes next follows right after: nothing was appended twice.
        fresh = http.post("/v1/notary/entries", json={"commitment": secrets.token_hex(32)}).raise_for_status()
        assert fresh.json()["index"] == BATCH * len(sent)
        assert again.stop() == 0, "".join(again.errors)
