# SPDX-License-Identifier: Apache-2.0
"""`maillon notarise` killed between any two of its moves: the next run finishes, and no file is logged twice.

The victim is the real command line with one function replaced by one that sends SIGKILL to its own process; it runs
against a real platform, and the real command line finishes what it left.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from maillon.evidence.hashing import Algorithm, Digest, sha256
from maillon.evidence.receipt import Receipt, verify
from maillon.evidence.trust import TrustAnchors
from running_platform import Running, environment, maillon, start

FILES = 60
VICTIM = r"""
import os, signal, sys
from maillon.services.notary import client, journal, scribe
from maillon.commands import run

where, occurrence = sys.argv[1].split(":")
client.FIRST_BATCH = 8
client.Notariser.__init__.__kwdefaults__["batch"] = 20
met = 0

def die(*_arguments, **_options):
    global met
    met += 1
    if met == int(occurrence):
        os.kill(os.getpid(), signal.SIGKILL)

def before(owner, name):
    real = getattr(owner, name)
    def replaced(*arguments, **options):
        die()
        return real(*arguments, **options)
    setattr(owner, name, replaced)

def after(owner, name):
    real = getattr(owner, name)
    def replaced(*arguments, **options):
        answer = real(*arguments, **options)
        die()
        return answer
    setattr(owner, name, replaced)

def half(descriptor, data):
    os.write(descriptor, data[: len(data) // 2])
    die()
    os.write(descriptor, data[len(data) // 2 :])
    os.close(descriptor)

match where:
    case "journal-written": before(journal.Path, "replace")
    case "journalled": after(journal.Journal, "begin")
    case "sent": after(client.Server, "append")
    case "proved": after(client.Server, "evidence")
    case "receipt-created": scribe._fill = half
    case "receipt-written": after(client, "write_receipt")
    case "written": before(journal.Journal, "finish")
    case "settled": after(journal, "_sync_file_system")
    case "finished": after(journal.Journal, "finish")

sys.argv = ["maillon", *sys.argv[2:]]
run()
"""
PLACES = [
    "journal-written:1",
    "journalled:1",
    "journalled:3",
    "sent:1",
    "sent:2",
    "proved:1",
    "receipt-created:1",
    "receipt-created:31",
    "receipt-written:13",
    "written:2",
    "settled:1",
    "settled:3",
    "finished:1",
    "finished:2",
]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("platform") / "home")
    yield running
    assert running.stop() == 0, "".join(running.errors)
    running.close()


def entries(platform: Running) -> int:
    count: int = httpx.get(f"{platform.url}/health").json()["log"]["entries"]
    return count


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_run_is_finished_by_the_next(platform: Running, tmp_path: Path, place: str) -> None:
    files = [tmp_path / "files" / f"{number:03}" for number in range(FILES)]
    files[0].parent.mkdir()
    for file in files:
        file.write_bytes(file.name.encode() + place.encode())
    already = entries(platform)
    arguments = [str(files[0].parent), "--home", str(platform.home), "--url", platform.url, "--json"]
    victim = subprocess.run(
        [sys.executable, "-c", VICTIM, place, "notarise", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment(),
    )
    assert victim.returncode == -signal.SIGKILL, f"the place was never met: {victim.stdout}{victim.stderr}"

    done = maillon("notarise", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["notarised"] + report["skipped"] == FILES
    assert entries(platform) - already == FILES, "a file was logged twice, or not at all"
    trust = TrustAnchors.parse((platform.home / "trust.json").read_bytes())
    indexes = set()
    for file in files:
        receipt = Receipt.parse(file.with_name(f"{file.name}.receipt.json").read_bytes())
        verify(receipt, Digest(Algorithm.SHA2_256, sha256(file.read_bytes())), trust)
        indexes.add(receipt.index)
    assert indexes == set(range(already, already + FILES))
    assert not list((platform.home / "client").iterdir())
    assert len(list(files[0].parent.iterdir())) == 2 * FILES, "something was left beside the receipts"
