# SPDX-License-Identifier: Apache-2.0
"""Many files, read by processes: in order, each once, whatever becomes of a process, and none outlives who asked."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maillon.services.notary import reading as module
from maillon.services.notary.files import walk
from maillon.services.notary.reading import Hashed, Reader

FEW, MANY = 40, 1_200
"""Fewer than processes are started for, and so many that they read the larger part."""
ENDS_WITHIN = 60


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:04}").write_bytes(b"file %d" % number)
    return folder


def processes(reader: Reader) -> list[subprocess.Popen[bytes]]:
    """Those that wait for work."""
    return [process._process for process in list(reader._idle)]


def check(hashed: list[Hashed], count: int = MANY) -> None:
    assert [Path(file.path).name for file in hashed] == [f"{number:04}" for number in range(count)]
    assert [file.digest for file in hashed] == [hashlib.sha256(b"file %d" % number).digest() for number in range(count)]


def test_processes_read_many_files_in_their_order_and_then_end(files: Path) -> None:
    reader = Reader(None, again=True)
    started: set[subprocess.Popen[bytes]] = set()
    hashed = []
    for file in reader.read(walk([str(files)])):
        hashed.append(file)
        started.update(processes(reader))
    check(hashed)
    assert started
    assert {process.returncode for process in started} == {0}


def test_what_a_process_cannot_read_is_refused_as_here_whatever_its_name(files: Path) -> None:
    strange = os.fsdecode("0700 é\n".encode() + b"\xff")
    (files / "0700").rename(files / strange)
    (files / "0701").unlink()
    (files / "0701").symlink_to(files / "absent")
    (files / ("0702" + "x" * 251)).write_bytes(b"")
    hashed = {Path(file.path).name: file for file in Reader(None, again=True).read(walk([str(files)]))}
    assert hashed[strange].digest == hashlib.sha256(b"file 700").digest()
    assert hashed["0701"].refused == "No such file or directory"
    assert "too long" in str(hashed["0702" + "x" * 251].refused)
    assert len(hashed) == MANY + 1


def test_a_receipt_is_looked_for_where_it_belongs(files: Path, tmp_path: Path) -> None:
    """A process is told where receipts go, and whether to look for one."""
    out = tmp_path / "receipts"
    hashed = list(Reader(str(out), again=False).read(walk([str(files)])))
    assert {file.receipt for file in hashed} == {f"{out}/{number:04}.receipt.json" for number in range(MANY)}
    assert not any(file.has_receipt for file in hashed)


def test_few_are_read_without_a_process(files: Path) -> None:
    reader = Reader(None, again=True)
    hashed = []
    for file in reader.read(walk([str(files / f"{number:04}") for number in range(FEW)])):
        assert not processes(reader)
        hashed.append(file)
    check(hashed, FEW)


def test_a_process_that_is_killed_loses_no_file(files: Path) -> None:
    reader = Reader(None, again=True)
    hashed = []
    killed: list[int] = []
    for file in reader.read(walk([str(files)])):
        hashed.append(file)
        for process in processes(reader):
            if len(killed) < 3 and process.pid not in killed:
                process.send_signal(signal.SIGKILL)
                killed.append(process.pid)
    assert killed
    check(hashed)


def test_threads_read_on_where_no_process_can_be_started(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "executable", "/nonexistent")  # type: ignore[attr-defined]
    check(list(Reader(None, again=True).read(walk([str(files)]))))


def test_who_stops_in_the_middle_leaves_no_process(files: Path) -> None:
    reader = Reader(None, again=True)
    reading = reader.read(walk([str(files)]))
    started: list[subprocess.Popen[bytes]] = []
    while not started:
        next(reading)
        started = processes(reader)
    reading.close()  # type: ignore[attr-defined]
    assert not reader._idle
    assert {process.returncode for process in started} == {0}


def test_processes_end_with_a_reader_that_is_killed(files: Path) -> None:
    """It says who reads for it and waits; then nobody is left to tell them anything."""
    program = (
        "import sys, time\n"
        "from maillon.services.notary.files import walk\n"
        "from maillon.services.notary.reading import Reader\n"
        "reader = Reader(None, again=True)\n"
        "reading = reader.read(walk(sys.argv[1:]))\n"
        "while not reader._idle: next(reading)\n"
        "print(*(process._process.pid for process in reader._idle), flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, files], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        children = [Path("/proc") / number for number in process.stdout.readline().split()]
        assert children
        process.kill()
    until = time.monotonic() + ENDS_WITHIN
    while any(child.exists() for child in children):
        assert time.monotonic() < until, "a process outlives the one it reads for"
        time.sleep(0.01)
