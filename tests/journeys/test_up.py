# SPDX-License-Identifier: Apache-2.0
"""From nothing to a receipt and back: start, stop, kill, refuse, move to another machine."""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from maillon import backups
from maillon.kit.settings import Settings
from maillon.kit.store import schema_versions
from running_platform import STOPPED_WITHIN, Running, Start, environment, maillon, stopped_while


def notarise(platform: Running, *arguments: str) -> dict[str, object]:
    done = maillon("notarise", *arguments, "--json", "--home", str(platform.home), "--url", platform.url)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def verify(receipt: Path, file: Path, trust: Path) -> subprocess.CompletedProcess[str]:
    return maillon("verify", str(receipt), str(file), "--trust", str(trust), "--json")


def test_a_file_is_notarised_and_verified_after_the_server_is_gone(starting: Start, home: Path, tmp_path: Path) -> None:
    platform = starting(home)
    file = tmp_path / "délibération n° 41.txt"
    file.write_text("Le conseil approuve.")
    notarise(platform, str(file))
    receipt = file.with_name(file.name + ".receipt.json")
    trust = tmp_path / "trust.json"
    shutil.copy(home / "trust.json", trust)
    assert platform.stop() == 0, "".join(platform.errors)
    shutil.rmtree(home)

    held = verify(receipt, file, trust)
    assert held.returncode == 0, held.stdout + held.stderr
    report = json.loads(held.stdout)
    assert report["verdict"] == "valid"
    assert [step["state"] for step in report["steps"]] == ["ok"] * 9

    file.write_text("Le conseil refuse.")
    broken = verify(receipt, file, trust)
    assert broken.returncode == 1
    assert json.loads(broken.stdout)["steps"][0]["state"] == "bad"

    untold = verify(receipt, file, tmp_path / "nowhere.json")
    assert untold.returncode == 2


def test_a_receipt_of_another_network_is_not_told(starting: Start, tmp_path: Path) -> None:
    here, there = starting(tmp_path / "here"), starting(tmp_path / "there")
    file = tmp_path / "file.txt"
    file.write_text("something")
    notarise(here, str(file))
    asked = verify(file.with_name("file.txt.receipt.json"), file, there.home / "trust.json")
    assert asked.returncode == 2
    assert "another network" in asked.stdout


def test_what_was_acknowledged_survives_a_kill(starting: Start, home: Path) -> None:
    platform = starting(home)
    client = httpx.Client(base_url=platform.url, headers={"Authorization": f"Bearer {platform.key}"})
    indexes = []
    for number in range(50):
        answer = client.post("/v1/notary/entries", json={"commitment": f"{number:064x}"})
        assert answer.status_code == 201
        indexes.append(answer.json()["index"])
    platform.stop(signal.SIGKILL)
    client.close()

    again = starting(home)
    for number, index in enumerate(indexes):
        answer = httpx.get(f"{again.url}/v1/notary/entries/{index}/receipt", params={"wait": 30}, timeout=60)
        assert answer.status_code == 200
        found = httpx.get(f"{again.url}/v1/notary/entries/{index}").json()
        assert f"{number:064x}" in json.dumps(found)
    assert again.stop() == 0, "".join(again.errors)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_and_a_second_start_knows_everything(
    starting: Start, home: Path, number: int
) -> None:
    first = starting(home)
    network = httpx.get(f"{first.url}/health").json()["ledger"]["chain_id"]
    assert first.stop(number) == 0, "".join(first.errors)
    # It said what it was doing.
    said = [line for line in first.errors if line.endswith(" …\n")]
    assert said == ["opening the database …\n", "opening the ledger …\n", "making the first block …\n", "starting …\n"]
    second = starting(home)
    assert httpx.get(f"{second.url}/health").json()["ledger"]["chain_id"] == network


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", ["opening the database", "opening the ledger", "making the first block", "starting"])
def test_a_signal_before_the_ready_line_stops_it_cleanly(starting: Start, home: Path, moment: str, number: int) -> None:
    stopped_while(moment, number, "up", "--no-demo", "--home", str(home), "--port", "0")
    again = starting(home)
    assert httpx.get(f"{again.url}/health").json()["status"] == "ready"


def test_the_ready_line_is_the_last_thing_it_says(home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "maillon", "up", "--no-demo", "--home", str(home), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == f"ready http://127.0.0.1:{port}\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOPPED_WITHIN) == 0
    assert process.stdout.read() == ""
    process.stdout.close()


@pytest.mark.parametrize("trusted", ["", 'trusted_proxies = ["127.0.0.1"]\n'])
def test_what_a_proxy_says_is_believed_where_it_is_trusted(starting: Start, home: Path, trusted: str) -> None:
    (home / "settings.toml").write_text(f"log_in_rate = 2\n{trusted}")
    url = starting(home).url

    def tried(heard: str) -> int:
        sent = httpx.post(f"{url}/v1/login/device", json={"label": "a"}, headers={"X-Forwarded-For": heard}, timeout=60)
        return sent.status_code

    assert [tried(f"192.0.2.{number}, 203.0.113.9") for number in range(3)] == [200, 200, 429]
    assert tried("198.51.100.1") == (200 if trusted else 429)


def test_two_servers_on_one_home_are_refused(starting: Start, home: Path) -> None:
    starting(home)
    second = maillon("up", "--home", str(home), "--port", "0")
    assert second.returncode == 2
    assert "is in use" in second.stderr


def test_a_port_in_use_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = maillon("up", "--home", str(tmp_path / "home"), "--port", str(taken.getsockname()[1]))
    assert refused.returncode == 2
    assert "choose another port" in refused.stderr
    assert not (tmp_path / "home" / "genesis.json").exists()


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    refused = maillon("up", "--home", str(tmp_path / "home"), "--port", "0")
    assert refused.returncode == 2
    assert "data directory" in refused.stderr


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root writes everywhere")
def test_a_read_only_home_is_refused() -> None:
    # Not below pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="maillon-read-only-") as parent:
        Path(parent).chmod(0o755)
        directory = Path(parent) / "home"
        directory.mkdir(mode=0o555)
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        refused = subprocess.run(
            [*prefix, sys.executable, "-m", "maillon", "up", "--home", str(directory), "--port", "0"],
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )
    assert refused.returncode == 2
    assert "cannot be used as data directory" in refused.stderr


def test_a_backup_moves_the_whole_home(starting: Start, home: Path, tmp_path: Path) -> None:
    platform = starting(home)
    file = tmp_path / "file.txt"
    file.write_text("kept")
    notarise(platform, str(file))
    archive = tmp_path / "backup.tar.gz"
    made = maillon("backup", str(archive), "--home", str(home))
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    platform.stop()
    assert maillon("backup", str(archive), "--home", str(home)).returncode == 0

    moved = tmp_path / "moved"
    restored = maillon("restore", str(archive), "--home", str(moved), "--json")
    assert restored.returncode == 0, restored.stderr
    found = json.loads(restored.stdout)
    assert (found["entries"], found["anchored"]) == (1, 1)
    over = maillon("restore", str(archive), "--home", str(moved))
    assert over.returncode == 2
    assert "already" in over.stderr

    again = starting(moved)
    receipt = file.with_name("file.txt.receipt.json")
    assert verify(receipt, file, moved / "trust.json").returncode == 0
    other = tmp_path / "other.txt"
    other.write_text("goes on")
    notarise(again, str(other))
    assert verify(other.with_name("other.txt.receipt.json"), other, moved / "trust.json").returncode == 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("home/keys/../../outside", tarfile.REGTYPE),
        ("home/keys/../..", tarfile.DIRTYPE),
        ("home/../outside", tarfile.REGTYPE),
        ("home//outside", tarfile.REGTYPE),
        ("/home/outside", tarfile.REGTYPE),
        ("outside", tarfile.REGTYPE),
        ("home/keys", tarfile.SYMTYPE),
        ("home/keys/hard", tarfile.LNKTYPE),
        ("home/log/pipe", tarfile.FIFOTYPE),
        ("home/log/device", tarfile.CHRTYPE),
    ],
)
def test_an_archive_writes_nothing_but_files_below_the_home(home: Path, tmp_path: Path, name: str, kind: bytes) -> None:
    hostile, outside = tmp_path / "hostile.tar.gz", tmp_path / "outside"
    head = json.dumps({"format": backups.FORMAT, "schema": schema_versions()[0]}).encode()
    with tarfile.open(hostile, "w:gz") as archive:
        first = tarfile.TarInfo("backup.json")
        first.size = len(head)
        archive.addfile(first, io.BytesIO(head))
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, str(outside)
        archive.addfile(member)
    with pytest.raises(backups.UnreadableBackup, match="holds no"):
        backups.read(Settings(home=home), hostile, lambda _line: None)
    assert not outside.exists()
    assert [path.name for path in home.rglob("*") if not path.name.startswith("maillon.sqlite3")] == []


def test_backups_under_load_hold_what_was_acknowledged_before(starting: Start, home: Path, tmp_path: Path) -> None:
    platform = starting(home)
    acknowledged: dict[int, str] = {}
    over = threading.Event()

    def append() -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {platform.key}"}, timeout=60) as client:
            while not over.is_set():
                payloads = [secrets.token_hex(32) for _ in range(50)]
                answer = client.post(f"{platform.url}/v1/notary/batches", json={"commitments": payloads})
                first = answer.raise_for_status().json()["first"]
                acknowledged.update(enumerate(payloads, first))
                # On a slow machine backups take long: the log stays one that a test can compare whole.
                over.wait(0.1)

    with ThreadPoolExecutor(2) as senders:
        sending = [senders.submit(append) for _ in range(2)]
        archives = []
        before = []
        for number in range(3):
            # The first while the log makes its first steps, the others at any moment of later ones.
            before.append(dict(acknowledged))
            archives.append(tmp_path / f"backup-{number}.tar.gz")
            made = maillon("backup", str(archives[-1]), "--home", str(home))
            assert made.returncode == 0, made.stderr
        over.set()
        for each in sending:
            each.result()
    platform.stop(signal.SIGKILL)
    assert before[1]
    for archive, entries in zip(archives, before, strict=True):
        moved = tmp_path / archive.name.removesuffix(".tar.gz")
        restored = maillon("restore", str(archive), "--home", str(moved), "--json")
        assert restored.returncode == 0, restored.stdout + restored.stderr
        again = starting(moved)
        for index in sorted(entries)[:: max(1, len(entries) // 20)]:
            answer = httpx.get(f"{again.url}/v1/notary/entries/{index}/receipt", params={"wait": 30}, timeout=60)
            assert answer.status_code == 200
            found = httpx.get(f"{again.url}/v1/notary/entries/{index}").json()
            assert found["commitment"] == entries[index]
        assert httpx.get(f"{again.url}/health").json()["log"]["failure"] is None
        assert again.stop() == 0, "".join(again.errors)


def test_a_restored_home_that_contradicts_itself_is_told(starting: Start, home: Path, tmp_path: Path) -> None:
    platform = starting(home)
    file = tmp_path / "file.txt"
    file.write_text("kept")
    notarise(platform, str(file))
    platform.stop()
    (bundle,) = home.glob("log/tile/entries/000.p/1")
    bundle.write_bytes(bundle.read_bytes()[:-1] + bytes([bundle.read_bytes()[-1] ^ 1]))
    archive = tmp_path / "backup.tar.gz"
    assert maillon("backup", str(archive), "--home", str(home)).returncode == 0
    restored = maillon("restore", str(archive), "--home", str(tmp_path / "moved"))
    assert restored.returncode == 2
    assert "the edge of the log do not lead to the root of its checkpoint" in restored.stderr


def test_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar.gz"
    archive.write_bytes(b"not an archive")
    refused = maillon("restore", str(archive), "--home", str(tmp_path / "home"))
    assert refused.returncode == 2
    assert "damaged" in refused.stderr


def test_reindex_gives_the_same_answers(starting: Start, home: Path, tmp_path: Path) -> None:
    platform = starting(home)
    file = tmp_path / "public.txt"
    file.write_text("found by its digest")
    notarise(platform, str(file), "--public")
    digest = json.loads(file.with_name("public.txt.receipt.json").read_text())["digest"]["value"]
    question = {"digest": f"sha2-256:{digest}"}
    before = httpx.get(f"{platform.url}/v1/notary/entries", params=question).json()
    receipt = httpx.get(f"{platform.url}/v1/notary/entries/0/receipt").json()
    platform.stop()
    done = maillon("reindex", "--home", str(home), "--json")
    assert done.returncode == 0, done.stderr
    again = starting(home)
    assert httpx.get(f"{again.url}/v1/notary/entries", params=question).json() == before
    assert httpx.get(f"{again.url}/v1/notary/entries/0/receipt").json() == receipt


def test_status_tells_of_a_server_and_of_none(platform: Running) -> None:
    there = maillon("status", "--url", platform.url, "--json")
    assert there.returncode == 0
    assert json.loads(there.stdout)["status"] == "ready"
    nobody = maillon("status", "--url", "http://127.0.0.1:1")
    assert nobody.returncode == 2
    assert "does not answer" in nobody.stderr


def test_keys_are_made_used_and_revoked(platform: Running) -> None:
    home = ("--home", str(platform.home))
    made = json.loads(maillon("keys", "create", "archive service", "--json", *home).stdout)
    header = {"Authorization": f"Bearer {made['key']}"}
    body = {"commitment": "ab" * 32}
    assert httpx.post(f"{platform.url}/v1/notary/entries", json=body, headers=header).status_code == 201
    listed = maillon("keys", "list", "--json", *home).stdout
    assert made["id"] in listed
    assert made["key"] not in listed
    assert maillon("keys", "revoke", made["id"], *home).returncode == 0
    assert maillon("keys", "revoke", made["id"], *home).returncode == 1


def test_credits_arrive(platform: Running) -> None:
    account = "0x00000000000000000000000000000000000000bb"
    given = maillon("credit", account, "--amount", "2.5", "--home", str(platform.home), "--url", platform.url)
    assert given.returncode == 0, given.stderr
    question = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBalance", "params": [account, "latest"]}
    balance = httpx.post(f"{platform.url}/rpc", json=question).json()["result"]
    assert int(balance, 16) == 25 * 10**17
    refused = maillon("credit", "0x12", "--home", str(platform.home), "--url", platform.url)
    assert refused.returncode == 2
