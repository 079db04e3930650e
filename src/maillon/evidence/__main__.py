# SPDX-License-Identifier: Apache-2.0
"""`python -P -m maillon.evidence verify RECEIPT [FILE] --trust ANCHORS`: the verifier alone, offline.

Exit status: 0 every step holds, 1 a step fails, 2 could not tell (unreadable, missing anchor, usage). The only module
of this package that opens files.
"""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
import traceback
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import IO, NoReturn

from maillon.evidence.document import MAXIMUM_DOCUMENT
from maillon.evidence.errors import FileChanged, Invalid, MissingAnchor, Undecided, Unreadable
from maillon.evidence.hashing import Algorithm, Digest, digest_of
from maillon.evidence.receipt import Receipt, Report, explain
from maillon.evidence.trust import TrustAnchors

VALID, INVALID, UNDECIDED = 0, 1, 2
_CHUNK = 1024 * 1024

_TITLES = {
    "file": "the file has the digest of the receipt",
    "entry": "salt and digest make the entry of the log",
    "inclusion": "the entry is in the tree of the checkpoint",
    "checkpoint": "the log signed the checkpoint",
    "anchor": "the ledger holds the checkpoint",
    "block": "the block has that state",
    "consensus": "the consensus header commits to the block",
    "validators": "the validators signed",
    "timestamp": "the authority stamped the checkpoint",
}
_MARKS = {"ok": "holds", "bad": "FAILS", "unknown": "cannot tell", "skip": "not made"}


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk


def hash_file(path: Path, algorithm: Algorithm) -> Digest:
    """The digest of a file, in constant memory; raises `FileChanged` or `Unreadable`."""
    try:
        with path.open("rb") as source:
            before = os.fstat(source.fileno())
            if stat.S_ISCHR(before.st_mode):
                # Not every device has an end.
                raise Unreadable(f"{path} is a device: give a file, or what a pipe ends")
            digest = digest_of(_chunks(source), algorithm)
            after = os.fstat(source.fileno())
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise FileChanged(f"{path} changed while it was read; try again when nobody writes to it")
    return digest


def read_bounded(path: Path) -> bytes:
    """A small file's bytes; raises `Unreadable` when it is larger than any document of ours."""
    try:
        with path.open("rb") as source:
            data = source.read(MAXIMUM_DOCUMENT + 1)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from None
    if len(data) > MAXIMUM_DOCUMENT:
        raise Unreadable(f"{path} is larger than {MAXIMUM_DOCUMENT} bytes")
    return data


def check(receipt_path: Path, file_path: Path | None, trust: TrustAnchors) -> Report:
    """Verify one receipt, with its file unless that is None; raises `Undecided` when either cannot be read."""
    receipt = Receipt.parse(read_bounded(receipt_path))
    digest = None if file_path is None else hash_file(file_path, receipt.digest.algorithm)
    return explain(receipt, digest, trust)


def _harmless(text: str) -> str:
    """Text from outside as a terminal may show it: what would move the cursor or turn the writing is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def write_report(report: Report, out: IO[str]) -> None:
    """The nine steps in words."""
    for step in report.steps:
        out.write(f"{step.number}  {_MARKS[step.state]:<11}  {_TITLES[step.name]}\n")
        for label, text in (("", step.compared), ("expected ", step.expected), ("found    ", step.found)):
            if text:
                out.write(f"                {label}{_harmless(text)}\n")
    if report.error is None and not report.file_compared:
        out.write(
            f"valid receipt, and NO FILE COMPARED: a file of that digest existed no later than "
            f"{report.time:%Y-%m-%d %H:%M:%S} UTC\n"
        )
    elif report.error is None:
        out.write(f"valid: this file existed no later than {report.time:%Y-%m-%d %H:%M:%S} UTC\n")
    elif isinstance(report.error, Invalid):
        out.write(f"invalid: the chain breaks at step {report.error.step}: {_harmless(str(report.error))}\n")
    else:
        out.write(f"could not tell: {_harmless(str(report.error))}\n")
        if isinstance(report.error, MissingAnchor):
            out.write("give other trust anchors with --trust FILE\n")


def _read_anchors(path: Path | None) -> TrustAnchors:
    """The trust anchors at `path`; raises `MissingAnchor` when there are none."""
    try:
        missing = path is None or not path.exists()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from None
    if path is None or missing:
        place = f" at {path}" if path else ""
        raise MissingAnchor(
            f"no trust anchors{place}: give the file with --trust FILE, or verify where maillon up has run"
        )
    return TrustAnchors.parse(read_bounded(path))


def _undecided(kind: str, message: str) -> str:
    """What could not be told, as a line of JSON."""
    return json.dumps({"verdict": "undecided", "error": {"type": kind, "message": message}}) + "\n"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments as JSON, where the answer was to be JSON."""

    as_json = False

    def error(self, message: str) -> NoReturn:
        if self.as_json:
            sys.stdout.write(_undecided("Usage", message))
            sys.exit(UNDECIDED)
        super().error(message)


def verify_command(arguments: Sequence[str], pinned: Path | None = None, program: str = "maillon verify") -> int:
    """The command: parse, verify, say it, and the exit status. `pinned` are the anchors used without --trust."""
    parser = _Parser(prog=program, description="Check a receipt with its file, offline.")
    parser.as_json = "--json" in arguments
    parser.add_argument("receipt", type=Path, help="FILE.receipt.json")
    parser.add_argument("file", type=Path, nargs="?", help="the file it is of; without, the receipt alone is judged")
    parser.add_argument("--trust", type=Path, metavar="FILE", help="trust anchors (maillon trust export)")
    parser.add_argument("--home", type=Path, help="the data directory whose pinned anchors are used without --trust")
    parser.add_argument("--url", help="accepted for uniformity; verification asks no server")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show a character is shown its number: the verdict never depends on an encoding.
            stream.reconfigure(errors="backslashreplace")
    if options.home is not None:
        pinned = options.home / "trust.json"
    anchors = options.trust or pinned
    try:
        trust = _read_anchors(anchors)
        report = check(options.receipt, options.file, trust)
    except Exception as error:  # noqa: BLE001 - the last that could catch it
        if not isinstance(error, Undecided):
            # A mistake of ours, or no memory: whatever stopped us, nothing was found out about the receipt.
            traceback.print_exc()
        if options.json:
            sys.stdout.write(_undecided(type(error).__name__, str(error)))
        else:
            sys.stderr.write(f"could not tell: {_harmless(str(error))}\n")
        return UNDECIDED
    if options.json:
        sys.stdout.write(json.dumps(report.to_json() | {"trust": str(anchors), "network": trust.network}) + "\n")
    else:
        source = "given" if options.trust else "pinned for this home"
        sys.stdout.write(_harmless(f"trust anchors of {trust.network}, {source}: {anchors}") + "\n")
        write_report(report, sys.stdout)
    if report.error is None:
        return VALID
    return INVALID if isinstance(report.error, Invalid) else UNDECIDED


def main(arguments: Sequence[str]) -> int:
    """`verify` is the only verb."""
    if not arguments or arguments[0] != "verify":
        sys.stderr.write("usage: python -P -m maillon.evidence verify RECEIPT [FILE] --trust ANCHORS [--json]\n")
        return UNDECIDED
    return verify_command(arguments[1:], program="python -P -m maillon.evidence verify")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
