# SPDX-License-Identifier: Apache-2.0
"""What `./maillon` and `./test` set up: once, whole or not at all, and with a plain word where they cannot.

The lock files of these trees ask for nothing, or for a wheel that lies beside them: no registry is asked.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRESENT = ("sh", "dirname", "cksum", "cat", "rm", "mv", "flock", "id", "ls")
"""What the smallest Debian has, of all that the scripts call."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone with a program that says where its modules came from."""
    made = tmp_path / "a clone"
    (made / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "maillon", made)
    shutil.copy(ROOT / "requirements" / "install.sh", made / "requirements")
    (made / "requirements" / "run.lock").write_text("")
    (made / "requirements" / "development.lock").write_text("")
    (made / "src" / "maillon").mkdir(parents=True)
    (made / "src" / "maillon" / "__main__.py").write_text("import sys\nprint(*sys.argv[1:], sys.prefix, sep='|')\n")
    return made


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The only directory of the path: without Python, uv or apt-get until a test adds them."""
    made = tmp_path / "programs"
    made.mkdir()
    for name in PRESENT:
        found = shutil.which(name)
        assert found, f"this machine has no {name}"
        (made / name).symlink_to(found)
    return made


def with_python(programs: Path, *, venv: bool = True) -> None:
    """A `python3`, or one that makes no environment, as Debian's does not without python3-venv."""
    python = programs / "python3"
    refuses = "" if venv else 'case " $* " in *" -m venv "*) exit 1;; esac\n'
    python.write_text(f'#!/bin/sh\n{refuses}exec {Path(sys.executable).resolve()} "$@"\n')
    python.chmod(0o755)


def with_uv(programs: Path) -> None:
    """The real uv, which notes that it was called."""
    places = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]])
    found = shutil.which("uv", path=places)
    assert found, "what set this environment up is gone"
    uv = programs / "uv"
    uv.write_text(f'#!/bin/sh\necho "$*" >> {programs.parent}/calls\nexec {found} "$@"\n')
    uv.chmod(0o755)


def calls(programs: Path) -> int:
    """How often uv installed something."""
    noted = programs.parent / "calls"
    return sum(line.startswith("pip install") for line in noted.read_text().splitlines()) if noted.exists() else 0


def environment(programs: Path) -> dict[str, str]:
    home = programs.parent / "home"
    home.mkdir(exist_ok=True)
    return {
        "PATH": str(programs),
        "HOME": str(home),
        "PYTHONPATH": str(programs.parent / "elsewhere"),
        "UV_OFFLINE": "1",
    }


def run(tree: Path, programs: Path, *arguments: str, **someone: int) -> subprocess.CompletedProcess[str]:
    """As a newcomer does, from somewhere else; `user` and `group` for somebody else."""
    return subprocess.run(
        [tree / "maillon", *arguments],
        env=environment(programs),
        cwd=programs.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **someone,  # type: ignore[call-overload]
    )


def wheel(tree: Path, name: str) -> str:
    """A wheel beside the lock files, and the line of one that asks for it."""
    path = tree / "requirements" / f"{name}-1-py3-none-any.whl"
    files = {
        f"{name}.py": "",
        f"{name}-1.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{name}-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{name}-1.dist-info/RECORD"
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in files.items():
            archive.writestr(each, text)
        digests = {
            each: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            for each, text in files.items()
        }
        lines = [f"{each},sha256={digests[each]},{len(text.encode())}" for each, text in files.items()]
        archive.writestr(record, "\n".join([*lines, f"{record},,", ""]))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name} @ {path.as_uri()} --hash=sha256:{digest}\n"


def test_the_first_run_sets_up_and_the_second_does_nothing(tree: Path, programs: Path) -> None:
    with_python(programs)
    with_uv(programs)
    (tree / "requirements" / "run.lock").write_text(wheel(tree, "needed"))
    first = run(tree, programs, "up", "--port", "0")
    assert (first.returncode, first.stdout) == (0, f"up|--port|0|{tree / '.venv'}\n"), first.stderr
    assert first.stderr.splitlines()[0] == "setting up (run), once …"
    assert list((tree / ".venv").rglob("site-packages/needed.py"))
    (programs / "python3").unlink()
    (programs / "uv").unlink()
    second = run(tree, programs, "status")
    assert (second.returncode, second.stderr) == (0, "")
    assert calls(programs) == 1


def test_another_lock_is_installed_anew_and_what_tests_need_serves_running(tree: Path, programs: Path) -> None:
    with_python(programs)
    with_uv(programs)
    assert run(tree, programs).returncode == 0
    (tree / "requirements" / "run.lock").write_text(wheel(tree, "newer"))
    assert "setting up" in run(tree, programs).stderr
    assert calls(programs) == 2
    install(tree, programs, "development")
    assert calls(programs) == 3
    assert run(tree, programs).stderr == ""
    assert calls(programs) == 3


def test_what_could_not_be_installed_whole_is_installed_again(tree: Path, programs: Path) -> None:
    with_python(programs)
    with_uv(programs)
    line = wheel(tree, "needed")
    good, forged = line[-65:-1], "0" * 64
    (tree / "requirements" / "run.lock").write_text(line.replace(good, forged))
    refused = run(tree, programs)
    assert refused.returncode != 0
    assert refused.stdout == "", "the program ran without what it needs"
    assert forged in refused.stderr, "a wheel that is not the one of the lock"
    (tree / "requirements" / "run.lock").write_text(line)
    assert run(tree, programs).returncode == 0


def test_two_at_once_install_once(tree: Path, programs: Path) -> None:
    with_python(programs)
    with_uv(programs)
    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda _: run(tree, programs), range(2)))
    assert [(each.returncode, each.stdout) for each in done] == 2 * [(0, f"{tree / '.venv'}\n")]
    assert calls(programs) == 1


def test_whoever_may_not_write_is_told_who_sets_it_up(tree: Path, programs: Path, tmp_path: Path) -> None:
    """As a service, whose user owns none of the code: nothing is begun."""
    with_python(programs)
    with_uv(programs)
    if os.getuid() == 0:
        for folder in (tmp_path, *tmp_path.parents[:-2]):
            folder.chmod(0o755)
        someone: dict[str, int] = {"user": 65534, "group": 65534}
    else:
        tree.chmod(0o555)
        someone = {}
    refused = run(tree, programs, **someone)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"is not set up in {tree}" in refused.stderr
    assert sorted(path.name for path in tree.iterdir()) == ["maillon", "requirements", "src"]
    tree.chmod(0o755)
    assert run(tree, programs).returncode == 0


def test_without_python_it_says_which(tree: Path, programs: Path) -> None:
    told = run(tree, programs)
    assert (told.returncode, told.stdout) == (1, "")
    assert "needs Python 3.11 or newer: apt-get install python3" in told.stderr
    old = programs / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    assert "needs Python 3.11 or newer" in run(tree, programs).stderr


def test_a_python_without_venv_is_helped_by_uv_or_by_root_and_told_about_else(tree: Path, programs: Path) -> None:
    with_python(programs, venv=False)
    someone = programs / "id"
    someone.unlink()
    someone.write_text("#!/bin/sh\necho 1000\n")
    someone.chmod(0o755)
    told = run(tree, programs)
    assert (told.returncode, told.stdout) == (1, "")
    assert "apt-get install python3-venv, then run this again" in told.stderr
    assert not (tree / ".venv").exists()
    with_uv(programs)
    assert run(tree, programs).returncode == 0


def install(tree: Path, programs: Path, name: str) -> subprocess.CompletedProcess[str]:
    """As `./test` calls it."""
    script = f'set -eu; here="{tree}"; . "$here/requirements/install.sh"; install_locked {name}; install_for_tests'
    return subprocess.run(
        ["sh", "-c", f'{script}; printf %s "${{MAILLON_TEST_WITHOUT:-}}"'],
        env=environment(programs),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )


def test_what_tests_want_and_is_missing_is_said(tree: Path, programs: Path) -> None:
    with_python(programs)
    with_uv(programs)
    done = install(tree, programs, "development")
    assert "NOT TESTED on this machine, for want of: chromium openssl iproute2" in done.stderr
    assert done.stdout.startswith(" chromium openssl iproute2")
    for name in ("chromium", "openssl", "ip"):
        (programs / name).symlink_to("/bin/true")
    assert "chromium" not in install(tree, programs, "development").stderr
