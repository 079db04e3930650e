# SPDX-License-Identifier: Apache-2.0
"""`python -m maillon.evidence verify`, as a program: exit status, words, and what it costs to start."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import workshop

from maillon.evidence import __main__ as command
from maillon.evidence.errors import FileChanged, Unreadable
from maillon.evidence.hashing import Algorithm

EXAMPLE = workshop.VECTORS / "example"
RECEIPT, FILE, TRUST = (EXAMPLE / name for name in ("minutes.txt.receipt.json", "minutes.txt", "trust.json"))


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "maillon.evidence", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_valid_is_zero() -> None:
    done = run("verify", RECEIPT, FILE, "--trust", TRUST)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("  holds  ") == 9
    assert "valid: this file existed no later than 2026-05-28 20:26:40 UTC" in done.stdout


def test_without_a_file_it_says_that_none_was_compared() -> None:
    done = run("verify", RECEIPT, "--trust", TRUST)
    assert done.returncode == 0
    assert "NO FILE COMPARED" in done.stdout
    assert "valid: this file" not in done.stdout


def test_invalid_is_one(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(workshop.FILE + b".")
    done = run("verify", RECEIPT, other, "--trust", TRUST)
    assert done.returncode == 1
    assert "the chain breaks at step 1" in done.stdout
    done = run("verify", RECEIPT, other, "--trust", TRUST, "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["verdict"], report["error"]["type"]) == ("invalid", "DigestMismatch")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("verify", RECEIPT, FILE), "no trust anchors"),
        (("verify", RECEIPT, FILE, "--trust", "absent.json"), "no trust anchors"),
        (("verify", RECEIPT, FILE, "--trust", RECEIPT), "unknown here"),
        (("verify", FILE, FILE, "--trust", TRUST), "not JSON"),
        (("verify", "absent", FILE, "--trust", TRUST), "No such file"),
        (("verify", RECEIPT, "absent", "--trust", TRUST), "No such file"),
        (("verify", RECEIPT, EXAMPLE, "--trust", TRUST), "directory"),
        (("verify",), "usage"),
        ((), "usage"),
        (("sign",), "usage"),
    ],
)
def test_could_not_tell_is_two(arguments: tuple[str | Path, ...], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_whoever_has_anchors_of_another_log_is_told_how_to_give_others(tmp_path: Path) -> None:
    foreign = tmp_path / "trust.json"
    foreign.write_bytes(TRUST.read_bytes().replace(b'"origin": "', b'"origin": "other.'))
    done = run("verify", RECEIPT, FILE, "--trust", foreign)
    assert done.returncode == 2
    assert "give other trust anchors with --trust FILE" in done.stdout
    assert "--trust" not in run("verify", RECEIPT, FILE, "--trust", TRUST).stdout


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root reads everything")
def test_anchors_that_may_not_be_read_are_no_verdict() -> None:
    # Not below pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="maillon-closed-") as parent:
        Path(parent).chmod(0o755)
        closed = Path(parent) / "home"
        closed.mkdir(mode=0o700)
        shutil.copy(TRUST, closed)
        closed.chmod(0o000 if os.geteuid() else 0o700)
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        command = [sys.executable, "-m", "maillon.evidence", "verify", str(RECEIPT), str(FILE), "--home", str(closed)]
        done = subprocess.run([*prefix, *command], capture_output=True, text=True, check=False)
        closed.chmod(0o700)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_says_whose_anchors_were_used(tmp_path: Path) -> None:
    shutil.copy(TRUST, tmp_path)
    pinned = run("verify", RECEIPT, FILE, "--home", tmp_path)
    assert pinned.returncode == 0
    assert f"pinned for this home: {tmp_path / 'trust.json'}\n" in pinned.stdout
    given = run("verify", RECEIPT, FILE, "--home", tmp_path / "absent", "--trust", TRUST)
    assert given.returncode == 0
    assert f"given: {TRUST}\n" in given.stdout


def test_no_name_and_no_terminal_makes_a_verdict_fail(tmp_path: Path) -> None:
    strange = tmp_path / os.fsdecode(b"\xff\x1b[31m\xc3\xa9")
    shutil.copy(TRUST, strange)
    command = [sys.executable, "-m", "maillon.evidence", "verify", RECEIPT, FILE, "--trust", strange]
    for more in ([], ["--json"]):
        done = subprocess.run(
            [*command, *more], capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": "ascii"}
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"\x1b" not in done.stdout


def test_a_mistake_of_ours_is_no_verdict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def mistaken(*_arguments: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(command, "explain", mistaken)
    arguments = [str(RECEIPT), str(FILE), "--trust", str(TRUST)]
    assert command.verify_command(arguments) == command.UNDECIDED
    assert "Traceback" in capsys.readouterr().err
    assert command.verify_command([*arguments, "--json"]) == command.UNDECIDED
    assert json.loads(capsys.readouterr().out)["error"]["type"] == "ZeroDivisionError"


def test_json_is_json_also_when_nothing_can_be_told() -> None:
    done = run("verify", "absent", FILE, "--trust", TRUST, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["verdict"] == "undecided"


def test_a_receipt_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    document = json.loads(RECEIPT.read_bytes())
    document["\x1b[2J valid"] = document["digest"]["algorithm"] = "\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}"
    hostile = tmp_path / "hostile.json"
    hostile.write_text(json.dumps(document))
    done = run("verify", hostile, FILE, "--trust", TRUST)
    assert done.returncode == 2
    assert "\x1b" not in done.stdout + done.stderr
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in done.stdout + done.stderr
    document = json.loads(RECEIPT.read_bytes())
    document["anchor"]["consensus"]["header"]["chain_id"] = "\x1b[2J"
    hostile.write_text(json.dumps(document))
    done = run("verify", hostile, FILE, "--trust", TRUST)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr


def test_hashing_takes_constant_memory(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as target:
        target.truncate(64 * 1024 * 1024)
    tracemalloc.start()
    digest = command.hash_file(large, Algorithm.SHA2_256)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert digest.value.hex() == "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351"
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize("change", ["grow", "touch"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"first")
    chunks = command._chunks

    def disturbed(source: Any) -> Iterator[bytes]:
        yield from chunks(source)
        if change == "grow":
            with path.open("ab") as target:
                target.write(b"more")
        os.utime(path, ns=(1, 1))

    assert command.hash_file(path, Algorithm.SHA2_256).value == workshop.sha256(b"first")
    monkeypatch.setattr(command, "_chunks", disturbed)
    with pytest.raises(FileChanged):
        command.hash_file(path, Algorithm.SHA2_256)


def test_a_device_is_not_read_for_ever() -> None:
    with pytest.raises(Unreadable, match="is a device"):
        command.hash_file(Path("/dev/zero"), Algorithm.SHA2_256)


def test_documents_are_read_up_to_their_limit(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(bytes(command.MAXIMUM_DOCUMENT))
    assert len(command.read_bounded(path)) == command.MAXIMUM_DOCUMENT
    path.write_bytes(bytes(command.MAXIMUM_DOCUMENT + 1))
    with pytest.raises(Unreadable):
        command.read_bounded(path)


def test_starting_loads_little() -> None:
    """What is heavy is loaded where it is needed: an invalid receipt never pays for reading CMS."""
    listing = "import sys, maillon.evidence.__main__; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"asn1crypto", "cryptography.x509", "pydantic", "fastapi", "typer", "rich", "eth", "sqlalchemy", "httpx"}
    assert not heavy & set(loaded)
    assert {name for name in loaded if name.startswith("maillon.")} <= {
        name for name in loaded if name.startswith("maillon.evidence")
    }
    # Itself, the standard library, and what does its cryptography; what an environment loads at its start is not ours.
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print('\\n'.join(sys.modules))"], capture_output=True, text=True, check=True
    ).stdout.split()
    roots = {name.partition(".")[0] for name in set(loaded) - set(bare)}
    assert roots - sys.stdlib_module_names <= {
        "maillon",
        "cryptography",
        "_cffi_backend",
        "_openssl",
        "sha3",
        "_pysha3",
    }


def test_the_whole_package_imports_nothing_of_ours_above_it() -> None:
    listing = (
        "import sys, pkgutil, importlib, maillon.evidence as e\n"
        "[importlib.import_module('maillon.evidence.' + m.name) for m in pkgutil.iter_modules(e.__path__)]\n"
        "print('\\n'.join(n for n in sys.modules if n.startswith('maillon.') and not n.startswith('maillon.evidence')))"
    )
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert not done.stdout.strip()
