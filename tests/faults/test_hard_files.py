# SPDX-License-Identifier: Apache-2.0
"""`maillon notarise` and `verify`, as processes of their own, over whatever a file system may hold."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from maillon.evidence.hashing import Algorithm, Digest
from maillon.evidence.receipt import Receipt, verify
from maillon.evidence.trust import TrustAnchors
from running_platform import Running, environment, maillon, start

GIGABYTE: Final = 1024 * 1024 * 1024
FILES: Final = 10_000
MEMORY: Final = 300 * 1024
"""Kilobytes a command may have resident at its highest: its own code and a few buffers, whatever the files' size."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("platform") / "home")
    yield running
    assert running.stop() == 0, "".join(running.errors)
    running.close()


@pytest.fixture(scope="module")
def trust(platform: Running) -> TrustAnchors:
    return TrustAnchors.parse((platform.home / "trust.json").read_bytes())


def arguments(platform: Running, *more: str) -> list[str]:
    return ["notarise", *more, "--json", "--home", str(platform.home), "--url", platform.url]


def report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout, done.stderr
    assert "Traceback" not in done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


ASIDE: Final = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
output = process.stdout.read()
_, status, usage = os.wait4(process.pid, 0)
sys.stdout.buffer.write(str(usage.ru_maxrss).encode() + b"\\n" + output)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Linux counts for a process what its parent had resident when it was made, and the parent of tests is large: the
command is the child of a small one."""


def measured(*command: str) -> tuple[int, str, int]:
    """Exit status, standard output and the most kilobytes it had resident."""
    done = subprocess.run(
        [sys.executable, "-c", ASIDE, sys.executable, "-m", "maillon", *command],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        check=False,
    )
    resident, _, output = done.stdout.partition("\n")
    return done.returncode, output, int(resident)


def test_five_gigabytes_in_constant_memory(platform: Running, trust: TrustAnchors, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(5 * GIGABYTE)
    status, output, resident = measured(*arguments(platform, str(large)))
    assert (status, json.loads(output)["notarised"]) == (0, 1)
    assert resident < MEMORY
    receipt = tmp_path / "large.receipt.json"
    status, output, resident = measured(
        "verify", str(receipt), str(large), "--trust", str(platform.home / "trust.json"), "--json"
    )
    assert (status, json.loads(output)["verdict"]) == (0, "valid")
    assert resident < MEMORY


def test_a_file_that_changes_while_it_is_read(platform: Running, tmp_path: Path) -> None:
    changing = tmp_path / "files" / "changing"
    changing.parent.mkdir()
    with changing.open("wb") as file:
        file.truncate(GIGABYTE)
    (changing.parent / "quiet").write_bytes(b"nobody writes here")
    over = threading.Event()

    def write() -> None:
        # Its size stays: only what is in it changes, from before it is opened until after it is closed.
        with changing.open("r+b", buffering=0) as file:
            for number in range(2**32):
                if over.wait(0.001):
                    return
                os.pwrite(file.fileno(), number.to_bytes(4, "big"), number * 4096 % GIGABYTE)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = maillon(*arguments(platform, str(changing.parent)))
    finally:
        over.set()
        writer.join()
    assert done.returncode == 1
    found = report(done)
    assert found["notarised"] == 1
    assert [(item["path"], "changed while it was read" in item["reason"]) for item in found["refused"]] == [
        (str(changing), True)
    ]
    assert not (changing.parent / "changing.receipt.json").exists()
    again = maillon(*arguments(platform, str(changing.parent)))
    assert (again.returncode, report(again)["notarised"]) == (0, 1)


def test_what_is_no_file_is_named_and_the_rest_goes_on(platform: Running, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    (root / "below").mkdir(parents=True)
    (root / "below" / "file").write_bytes(b"a file")
    (root / "below" / "back").symlink_to(root)
    (root / "itself").symlink_to("itself")
    (root / "one").symlink_to("other")
    (root / "other").symlink_to("one")
    (root / "nowhere").symlink_to("absent")
    (root / "link").symlink_to("below/file")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        short = Path(tempfile.mkdtemp(prefix="maillon-"))
        listening.bind(str(short / "socket"))
        (short / "socket").rename(root / "socket")
        short.rmdir()
        done = maillon(*arguments(platform, str(root), "/dev/zero", str(tmp_path / "absent")))
    assert done.returncode == 1
    found = report(done)
    assert found["notarised"] == 2, "the file, and the link that leads to it"
    reasons = {Path(item["path"]).name: item["reason"] for item in found["refused"]}
    assert set(reasons) == {"back", "itself", "one", "other", "nowhere", "pipe", "socket", "zero", "absent"}
    assert "not followed" in reasons["back"]
    assert "symbolic links" in reasons["itself"]
    for name in ("pipe", "socket", "zero"):
        assert reasons[name] == "neither a file nor a directory"
    assert "No such file" in reasons["nowhere"]


def test_names_of_any_bytes(platform: Running, trust: TrustAnchors, tmp_path: Path) -> None:
    root = tmp_path / "names"
    root.mkdir()
    raw = [b"\xff\xfe latin \xe9", b"two\nlines", b"\x1b[31mred", b"-rf", b" ", b'"quoted"', "é".encode() * 60]
    names = [os.fsdecode(name) for name in raw]
    for name in names:
        (root / name).write_bytes(os.fsencode(name))
    done = maillon(*arguments(platform, str(root)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert report(done)["notarised"] == len(names)
    for name in names:
        digest = Digest(Algorithm.SHA2_256, hashlib.sha256(os.fsencode(name)).digest())
        verify(Receipt.parse((root / f"{name}.receipt.json").read_bytes()), digest, trust)
    command = ["verify", str(root / f"{names[0]}.receipt.json"), str(root / names[0])]
    held = maillon(*command, "--trust", str(platform.home / "trust.json"))
    assert held.returncode == 0, held.stdout + held.stderr


def test_a_name_too_long_for_its_receipt_stops_no_other(platform: Running, tmp_path: Path) -> None:
    (tmp_path / ("n" * 250)).write_bytes(b"long")
    (tmp_path / "other").write_bytes(b"other")
    done = maillon(*arguments(platform, str(tmp_path)))
    assert done.returncode == 1, done.stdout + done.stderr
    found = report(done)
    assert (found["notarised"], len(found["refused"])) == (1, 1)
    assert "too long" in found["refused"][0]["reason"]


def test_what_a_terminal_shows_of_a_name_commands_nothing(platform: Running, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / os.fsdecode(b"\x1b[31m\xff\n"))
    done = maillon("notarise", str(tmp_path), "--home", str(platform.home), "--url", platform.url)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "\\x1b[31m\\xff\\n: neither a file nor a directory\n" in done.stderr


def test_a_terminal_is_shown_how_far_it_is_and_a_file_is_not(platform: Running, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    command = [sys.executable, "-m", "maillon", "notarise", str(tmp_path), "--again"]
    command += ["--home", str(platform.home), "--url", platform.url]
    ours, theirs = pty.openpty()
    try:
        shown = environment() | {"TERM": "xterm", "TTY_COMPATIBLE": "1"}
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, env=shown, text=True, check=False)
        bar = os.read(ours, 1 << 16).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stdout) == (0, "1 notarised, 0 refused\n")
    assert "receipts written" in bar
    assert "1/1" in bar
    done = subprocess.run(command, capture_output=True, env=environment(), text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 notarised, 0 refused\n", "")


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root reads everything")
def test_a_file_that_may_not_be_read(platform: Running) -> None:
    # Not below pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="maillon-unreadable-") as parent:
        folder = Path(parent)
        folder.chmod(0o777)
        for name, mode in (("open", 0o644), ("closed", 0o000)):
            (folder / name).write_bytes(name.encode())
            (folder / name).chmod(mode)
        (folder / "locked").mkdir(mode=0o000)
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        command = ["notarise", parent, "--json", "--home", str(folder / "home"), "--url", platform.url]
        done = subprocess.run(
            [*prefix, sys.executable, "-m", "maillon", *command],
            capture_output=True,
            text=True,
            check=False,
            env=environment() | {"MAILLON_API_KEY": platform.key},
        )
        (folder / "locked").chmod(0o700)
        assert done.returncode == 1, done.stdout + done.stderr
        found = report(done)
        assert {Path(item["path"]).name: item["reason"] for item in found["refused"]} == {
            "closed": "Permission denied",
            "locked": "Permission denied",
        }
        assert found["notarised"] == 1


def test_a_python_installation(platform: Running, trust: TrustAnchors, tmp_path: Path) -> None:
    """Ten thousand real files: the standard library, and where that has fewer, what is installed beside it."""
    root = tmp_path / "python"
    copied = []
    for path in python_files():
        copy = root / path.relative_to("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copied.append(copy)
        if len(copied) == FILES:
            break
    assert len(copied) == FILES
    done = maillon(*arguments(platform, str(root)), timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report(done)["notarised"] == FILES
    for copy in copied[::100]:
        receipt = Receipt.parse(copy.with_name(f"{copy.name}.receipt.json").read_bytes())
        verify(receipt, Digest(Algorithm.SHA2_256, hashlib.sha256(copy.read_bytes()).digest()), trust)
    again = report(maillon(*arguments(platform, str(root)), timeout=600))
    assert (again["notarised"], again["skipped"]) == (0, FILES)


def python_files() -> Iterator[Path]:
    """The files of this Python, as its installation has them."""
    for name in ("stdlib", "purelib"):
        for path in sorted(Path(sysconfig.get_paths()[name]).rglob("*")):
            if path.is_file() and not path.name.endswith(".receipt.json"):
                yield path
