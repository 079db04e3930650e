# SPDX-License-Identifier: Apache-2.0
"""The command line on real input: a hundred thousand small files notarised, and receipts verified one by one.

Beside each figure stands what the machine itself takes for the same files, from a cold disk and from the page cache:
`reading` is a bare loop that reads and hashes them, `reading_by_four` the same by as many processes as `notarise` reads
with, `bare_loop` one that also writes a file of a receipt's size for each. Cold means: pages, names and inodes dropped
where this process may (root), pages alone elsewhere; cached, that everything has been read once since.

Nothing is removed before the end: for some minutes after a file is removed ext4 gives its inode to no other
(`recently_deleted` in fs/ext4/ialloc.c), and looks each of them up again for every file that is made.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from platform_process import Platform, running

FILES = int(os.environ.get("BENCH_FILES", "100000"))
VERIFICATIONS = 9
RECEIPT_BYTES = 8_100


def _make_files(target: Path) -> None:
    """Copies of the standard library's files, made distinct by a line, until there are enough of them."""
    library = sorted(Path(os.__file__).parent.rglob("*.py"))
    made = 0
    while made < FILES:
        for source in library:
            if made == FILES:
                break
            directory = target / f"{made // 500:04}"
            directory.mkdir(exist_ok=True, parents=True)
            (directory / f"{made:06}.py").write_bytes(b"# %d\n" % made + source.read_bytes()[:8192])
            made += 1


def _forget(files: list[Path]) -> None:
    """Have the disk asked again for these files, and for the inodes that former runs removed."""
    os.sync()
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
    with contextlib.suppress(OSError):
        Path("/proc/sys/vm/drop_caches").write_text("3")


def _wait_for_disk(directory: Path) -> None:
    """Wait until the disk has forgotten what was removed: a file system mounted with `discard` tells it after the sync.

    The disk's counters of discards say so (the kernel's block/stat); where there are none nothing is waited for.
    """
    os.sync()
    device = directory.stat().st_dev
    counters = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
    if not counters.is_file():
        return
    before, deadline = [], time.monotonic() + 300
    # Empty on a kernel that does not count them.
    while (now := counters.read_text().split()[11:15]) != before:
        if time.monotonic() > deadline:
            raise RuntimeError("something else has the disk discard all the time: nothing can be measured beside it")
        before = now
        time.sleep(2)


def _bare_loop(root: Path, out: Path | None) -> float:
    """Seconds to walk, read and hash, and to write a file of a receipt's size for each when `out` is given."""
    content = os.urandom(RECEIPT_BYTES)
    began = time.perf_counter()
    for path in root.rglob("*.py"):
        hashlib.sha256(path.read_bytes()).digest()
        if out is not None:
            target = out / path.parent.name / f"{path.name}.receipt.json"
            try:
                target.write_bytes(content)
            except FileNotFoundError:
                target.parent.mkdir(parents=True)
                target.write_bytes(content)
    if out is not None:
        os.sync()
    return time.perf_counter() - began


def _digest(path: str) -> bytes:
    return hashlib.sha256(Path(path).read_bytes()).digest()


def _reading_by_four(paths: list[str]) -> float:
    """Seconds to read and hash by four processes."""
    began = time.perf_counter()
    with multiprocessing.Pool(4) as pool:
        read = sum(1 for _ in pool.imap_unordered(_digest, paths, 100))
    assert read == len(paths)
    return time.perf_counter() - began


def _notarise(platform: Platform, files: Path, out: Path) -> float:
    command = [sys.executable, "-m", "maillon", "notarise", str(files), "--out", str(out), "--json"]
    places = ["--home", str(platform.home), "--url", platform.url]
    began = time.perf_counter()
    subprocess.run([*command, *places], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    written = sum(1 for _ in out.rglob("*.receipt.json"))
    if written != FILES:
        raise RuntimeError(f"{written} receipts for {FILES} files")
    return seconds


def main() -> None:
    """Make the files, measure the machine alone and then us, verify some receipts."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIRECTORY")) as directory:
        # What a former run removed is not to be forgotten by the disk while this one is timed.
        _wait_for_disk(Path(directory))
        files = Path(directory) / "files"
        _make_files(files)
        every = sorted(files.rglob("*.py"))
        figures: dict[str, float] = {"files": FILES}
        for state in ("cached", "cold"):
            # Each on a log of its own.
            with running(Path(directory) / f"home-{state}") as platform:
                for name, measure in (
                    ("reading", lambda _out: _bare_loop(files, None)),
                    ("reading_by_four", lambda _out: _reading_by_four([str(path) for path in every])),
                    ("bare_loop", lambda out: _bare_loop(files, out)),
                    ("notarise", lambda out, platform=platform: _notarise(platform, files, out)),
                ):
                    out = Path(directory) / f"{name}-{state}"
                    _forget(every)
                    if state == "cached":
                        _bare_loop(files, None)
                    figures[f"{name}_{state}_seconds"] = round(measure(out), 1)
                trust = Path(directory) / "trust.json"
                shutil.copy(platform.home / "trust.json", trust)
        figures["notarise_files_per_second"] = round(FILES / figures["notarise_cold_seconds"])
        figures["notarise_share_of_bare_loop_cold"] = round(
            figures["notarise_cold_seconds"] / figures["bare_loop_cold_seconds"], 2
        )
        receipts = [out / path.relative_to(files).parent / f"{path.name}.receipt.json" for path in every]
        times = []
        for receipt, subject in list(zip(receipts, every, strict=True))[:: FILES // VERIFICATIONS][:VERIFICATIONS]:
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "maillon", "verify", str(receipt), str(subject), "--trust", str(trust)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            times.append(time.perf_counter() - began)
        figures["receipt_bytes"] = round(statistics.mean(path.stat().st_size for path in receipts[:100]))
        figures["verify_seconds_with_start"] = round(statistics.median(times), 3)
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
