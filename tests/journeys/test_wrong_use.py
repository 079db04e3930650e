# SPDX-License-Identifier: Apache-2.0
"""The commands as people get them wrong: each says what stands against it and what to do, and makes nothing."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner, Result

from maillon import __version__, backups
from maillon.commands import application
from maillon.kit.errors import HomeUnusable, KitError, NewerData
from maillon.kit.settings import Settings
from maillon.kit.store import Store, schema_versions
from running_platform import ROOT, Start, environment, maillon

EXAMPLE: Final = ROOT / "vectors" / "example"
NOWHERE: Final = "http://127.0.0.1:1"


def test_nothing_in_the_directory_we_are_in_is_run(tmp_path: Path) -> None:
    """Whoever verifies what a stranger sent does it where the stranger's files are."""
    mark = tmp_path / "ran"
    for name in ("json", "typing", "typer", "maillon", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(mark)!r}, 'w')\nraise SystemExit(99)\n")
    receipt, subject, trust = (EXAMPLE / name for name in ("minutes.txt.receipt.json", "minutes.txt", "trust.json"))
    done = subprocess.run(
        [ROOT / "maillon", "verify", receipt, subject, "--trust", trust],
        capture_output=True, text=True, cwd=tmp_path, check=False, env=os.environ | {"PYTHONPATH": ":/nowhere"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert not mark.exists()


def said(*arguments: str) -> Result:
    """What a command says that ends before it begins: in this process, where starting one takes longer than it."""
    return CliRunner().invoke(application(), arguments)


def test_the_version_is_said() -> None:
    assert said("--version").output == f"maillon {__version__}\n"
    assert said("--version", "status").output == f"maillon {__version__}\n"
    assert said("status", "--version").exit_code == 2


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("up", "--port", "99999"), "setting port: "),
        (("up", "--port", "0", "--host", "192.0.2.1"), "choose another address with --host"),
        (("up", "--port", "0", "--host", "a..b"), "choose another address with --host"),
        (("up", "--port", "0", "--host", "a" * 300), "choose another address with --host"),
        (("up", "--port", "0", "--database", "mysql://here"), "setting database: sqlite:///FILE or postgresql://"),
        (("up", "--port", "0", "--ledger", "here"), "setting ledger: http:// or https://"),
        (("up", "--port", "0", "--ledger", NOWHERE), "does not answer"),
        (("status", "--url", "here"), "setting url: http:// or https://"),
        (("status", "--url", NOWHERE), "Is `maillon up` running?"),
        (("notarise", __file__, "--url", NOWHERE), "Is `maillon up` running?"),
        (("trust", "export"), "`maillon up` writes them at its first start"),
        (("backup", "archive.tar.gz"), "maillon up --home"),
        (("restore", "absent.tar.gz"), "No such file"),
        (("reindex",), "maillon up --home"),
        (("keys", "list"), "maillon up --home"),
        (("keys", "create", "somebody"), "maillon up --home"),
        (("people", "list"), "maillon up --home"),
        (("explain", "person:1", "people:invite", "instance"), "maillon up --home"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)
def test_a_command_that_cannot_be_done(tmp_path: Path, command: tuple[str, ...], words: str) -> None:
    home = tmp_path / "home"
    done = said(*command, "--json", "--home", str(home))
    assert done.exit_code == 2, done.output
    answer = json.loads(done.stdout)
    assert words in answer["error"]
    assert answer["status"] == 2
    assert not (home / "trust.json").exists()
    if command[0] in {"keys", "people", "explain", "reindex", "backup"}:
        assert not home.exists(), "a home was laid out by asking about one"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("status", "--bogus"), "No such option: --bogus"),
        (("publish",), "No such command"),
        (("notarise",), "Missing argument"),
        (("votes", "show", "first"), "Invalid value"),
        (("verify",), "receipt"),
    ],
)
def test_wrong_usage_is_said_as_json_too(command: tuple[str, ...], words: str) -> None:
    def done(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "maillon", *command, *more], capture_output=True, text=True, check=False
        )

    spoken, written = done("--json"), done()
    assert spoken.returncode == written.returncode == 2, spoken.stdout + spoken.stderr
    assert words in str(json.loads(spoken.stdout)["error"])
    assert words in written.stderr
    assert not written.stdout


class Stranger(http.server.BaseHTTPRequestHandler):
    """Something else that listens: whatever is asked for, it answers with the status and bytes of its path."""

    def answer(self) -> None:
        status, content = self.path.split("/")[1:3]
        body = bytes.fromhex(content)
        self.send_response(int(status))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - what the base class calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        pass


@pytest.fixture(scope="module")
def stranger() -> Iterator[Callable[[int, bytes], str]]:
    """Gives the URL at which everything is answered so."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield lambda status, body: f"http://127.0.0.1:{server.server_port}/{status}/{body.hex() or '20'}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, b"[]"), (200, b'{"status":"ready"}'), (404, b"{}"), (500, b"\xff")]
)
def test_what_is_no_maillon_is_told_from_one_that_is_away(
    stranger: Callable[[int, bytes], str], tmp_path: Path, status: int, body: bytes
) -> None:
    (tmp_path / "file").write_text("something")
    options = ["--url", stranger(status, body), "--home", str(tmp_path / "home"), "--json"]
    for command, words in ((["status"], "is no Maillon"), (["notarise", str(tmp_path / "file")], "not as a notary")):
        done = said(*command, *options)
        assert (done.exit_code, done.stderr) == (2, "")
        assert words in json.loads(done.stdout)["error"]
    assert not (tmp_path / "file.receipt.json").exists()


@pytest.mark.parametrize(
    ("name", "damaged", "words"),
    [
        ("api-key", b"mk_\xff", "api-key is damaged"),
        ("api-key", b"mk_a\x1b[31m", "the key is no key"),
        ("trust.json", b"{}", "trust.json cannot be read"),
        ("client/0.batch", b"{", "0.batch is damaged"),
        ("client", b"in the way", "choose another home with --home"),
    ],
)
def test_a_damaged_file_of_the_command_lines_own_home(tmp_path: Path, name: str, damaged: bytes, words: str) -> None:
    home = tmp_path / "home"
    (home / name).parent.mkdir(parents=True)
    (home / name).write_bytes(damaged)
    out = str(tmp_path / "out")
    done = said("notarise", __file__, "--out", out, "--url", NOWHERE, "--json", "--home", str(home))
    assert (done.exit_code, done.stderr) == (2, "")
    assert words in json.loads(done.stdout)["error"]
    assert (home / name).read_bytes() == damaged


def test_a_place_that_cannot_be_written(starting: Start, home: Path, tmp_path: Path) -> None:
    platform = starting(home)
    nowhere = tmp_path / "absent" / "file"
    for command in (("trust", "export", "--out", str(nowhere)), ("backup", str(nowhere))):
        done = maillon(*command, "--json", "--home", str(home))
        assert done.returncode == 2, done.stderr
        assert "cannot be written: No such file or directory" in json.loads(done.stdout)["error"]
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no directory")
    options = ["--home", str(home), "--url", platform.url]
    done = maillon("notarise", __file__, "--out", str(in_the_way), *options)
    assert done.returncode == 1
    assert "Not a directory" in done.stderr
    assert "the next run writes it once it can" in done.stderr
    in_the_way.unlink()
    done = maillon("notarise", __file__, "--out", str(in_the_way), "--json", *options)
    assert json.loads(done.stdout) == {"notarised": 1, "resumed": 1, "skipped": 0, "refused": []}


def test_a_home_of_any_name_on_any_terminal(starting: Start, tmp_path: Path) -> None:
    """Also one that no terminal shows and no URL holds: everything of it lies in it."""
    home = tmp_path / os.fsdecode(b"100% caf\xc3\xa9 & co?mode=memory#\xff")
    running = starting(home)
    file = tmp_path / os.fsdecode(b"file \xff\xc3\xa9")
    file.write_text("something")
    archive = tmp_path / os.fsdecode(b"backup \xff.tar.gz")
    moved = tmp_path / os.fsdecode(b"moved ?\xff")
    for command in (
        ("status", "--url", running.url),
        ("notarise", str(file), "--url", running.url, "--home", str(home)),
        ("verify", f"{file}.receipt.json", str(file), "--home", str(home)),
        ("trust", "export", "--home", str(home)),
        ("keys", "list", "--home", str(home)),
        ("backup", str(archive), "--home", str(home)),
        ("restore", str(archive), "--home", str(moved)),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "maillon", *command],
            capture_output=True,
            check=False,
            env=environment() | {"PYTHONIOENCODING": "ascii"},
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert running.stop() == 0, "".join(running.errors)
    assert {path.name for path in tmp_path.iterdir()} == {
        home.name, file.name, f"{file.name}.receipt.json", archive.name, moved.name
    }  # fmt: skip
    for place in (home, moved):
        assert (place / "maillon.sqlite3").exists()
        assert (place / "ledger" / "data.mdb").exists()


def archive_of(path: Path, *members: tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, BytesIO(content))
    return path


def head(**changed: object) -> bytes:
    return json.dumps({"format": backups.FORMAT, "schema": schema_versions()[0]} | changed).encode()


@pytest.mark.parametrize(
    ("members", "error", "words"),
    [
        ((), backups.UnreadableBackup, "is not a backup"),
        ((("other", b""),), backups.UnreadableBackup, "is not a backup"),
        ((("backup.json", b"["),), backups.UnreadableBackup, "is damaged"),
        ((("backup.json", b"[]"),), backups.UnreadableBackup, "a format unknown here"),
        ((("backup.json", head(format=["maillon.backup.v2"])),), backups.UnreadableBackup, "a format unknown here"),
        ((("backup.json", head(schema=7)),), backups.UnreadableBackup, "which schema"),
        ((("backup.json", head(schema="9999")),), NewerData, "a newer version"),
        *(
            ((("backup.json", head()), (name, content)), backups.UnreadableBackup, "is damaged")
            for name, content in (
                ("database/nothing/0.json", b"[]"),
                ("database/notary_head/0.json", b"{"),
                ("database/notary_head/0.json", b"7"),
                ("database/notary_head/0.json", b"[[1]]"),
                ("database/notary_head/0.json", b'[["x","y","z"]]'),
                ("database/notary_head/0.json", b"[[1,1,1],[1,1,1]]"),
                ("database/notary_head/0.json", b'[[1,1,{"base64":7}]]'),
                ("database/notary_head/0.json", b'[[1,1,{"base32":""}]]'),
            )
        ),
    ],
)
def test_an_archive_that_is_none_fills_no_database(
    home: Path, tmp_path: Path, members: tuple[tuple[str, bytes], ...], error: type[KitError], words: str
) -> None:
    archive = archive_of(tmp_path / "archive.tar.gz", *members)
    with pytest.raises(error, match=words):
        backups.read(Settings(home=home), archive, lambda _line: None)
    assert rows(home) == [(1, 0, 0)]


def rows(home: Path) -> list[tuple[int, ...]]:
    store = Store.open(Settings(home=home).database_url)
    try:
        with store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM notary_head")]
    finally:
        store.close()


def test_no_bit_of_an_archive_turned_over_fills_a_database(tmp_path: Path) -> None:
    """Rows have no proofs as chain and log have: the archive's own check sum is compared before they are kept."""
    whole = archive_of(
        tmp_path / "archive.tar.gz",
        ("backup.json", head()),
        ("database/notary_head/0.json", b"[[1, 123456789, 987654321]]"),
    )
    data = whole.read_bytes()
    template = tmp_path / "template"
    template.mkdir()
    assert rows(template) == [(1, 0, 0)]
    right = [(1, 123456789, 987654321)]
    refused = 0
    for at in range(len(data)):
        home = Path(shutil.copytree(template, tmp_path / str(at)))
        whole.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        try:
            backups.read(Settings(home=home), whole, lambda _line: None)
        except (backups.UnreadableBackup, HomeUnusable):
            refused += 1
            assert rows(home) == [(1, 0, 0)]
        else:
            # A name or a date nobody reads, or a bit that fills the last byte.
            assert rows(home) == right
    assert refused > len(data) * 0.8
