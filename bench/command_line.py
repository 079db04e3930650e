# SPDX-License-Identifier: Apache-2.0
"""The command line on real input: a hundred thousand small files notarised, and receipts verified one by one.

`reading_seconds` is what reading and hashing the same files costs alone, in one process, from the same page cache: the
measure of what "limited by reading" would be.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from platform_process import running

FILES = int(os.environ.get("BENCH_FILES", "100000"))
VERIFICATIONS = 9


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


def main() -> None:
    """Make the files, notarise them all, verify some."""
    with tempfile.TemporaryDirectory() as directory:
        files = Path(directory) / "files"
        out = Path(directory) / "receipts"
        _make_files(files)
        began = time.perf_counter()
        for path in files.rglob("*.py"):
            hashlib.sha256(path.read_bytes()).digest()
        reading = time.perf_counter() - began
        with running(Path(directory) / "home") as platform:
            command = [sys.executable, "-m", "maillon", "notarise", str(files), "--out", str(out)]
            places = ["--home", str(platform.home), "--url", platform.url]
            began = time.perf_counter()
            subprocess.run([*command, *places, "--json"], check=True, stdout=subprocess.DEVNULL)
            notarising = time.perf_counter() - began
            receipts = sorted(out.rglob("*.receipt.json"))
            if len(receipts) != FILES:
                raise RuntimeError(f"{len(receipts)} receipts for {FILES} files")
            trust = Path(directory) / "trust.json"
            shutil.copy(platform.home / "trust.json", trust)
        times = []
        for receipt in receipts[:: FILES // VERIFICATIONS][:VERIFICATIONS]:
            subject = files / receipt.relative_to(out).parent / receipt.name.removesuffix(".receipt.json")
            if not subject.exists():
                subject = next(files.rglob(receipt.name.removesuffix(".receipt.json")))
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "maillon", "verify", str(receipt), str(subject), "--trust", str(trust)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            times.append(time.perf_counter() - began)
        figures = {
            "files": FILES,
            "notarise_seconds": round(notarising, 1),
            "notarise_files_per_second": round(FILES / notarising),
            "reading_seconds": round(reading, 1),
            "receipt_bytes": round(statistics.mean(path.stat().st_size for path in receipts[:100])),
            "verify_seconds_with_start": round(statistics.median(times), 3),
        }
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
