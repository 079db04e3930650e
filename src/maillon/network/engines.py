# SPDX-License-Identifier: Apache-2.0
"""The two engines a node runs: which versions, how they are built here, and how a node knows they are the right ones.

They are built from their published source by Go's own tool, which checks every module against the hashes in its
`go.sum`; the hash of the engine's own module is pinned below. What was built is remembered by its SHA-256, and a node
starts nothing else.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from maillon.network.errors import EngineUnusable
from maillon.network.toolchain import (
    Progress,
    environment_of,
    find_c_compiler,
    find_go,
    forget_c_compiler,
    own_c_compiler,
)

_RECORD: Final = "engines.json"
_OWN: Final = "the operator's own"
"""Where a program came from that was not built here."""
_WITHOUT_C: Final = b"build\tCGO_ENABLED=0"
_PARALLEL: Final = "2"
"""Packages compiled at once: a build takes minutes, and the machine may have other work."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine program, and the exact version this release was tested with."""

    name: str
    module: str
    package: str
    version: str
    sum: str
    """Go's hash of the module (`h1`, the dirhash of golang.org/x/mod/sumdb/dirhash)."""
    faster_in_c: bool = False
    """Whether part of it is written in C, in place of which Go takes something slower where nothing compiles C."""


GETH: Final = Engine(
    "geth",
    "github.com/ethereum/go-ethereum",
    "github.com/ethereum/go-ethereum/cmd/geth",
    "1.17.3",
    "h1:Ev/sQHH+UdKZHWjuVzhu2pxhi/sXaPZl23Q+Q5LDd4Q=",
    faster_in_c=True,
)
COMETBFT: Final = Engine(
    "cometbft",
    "github.com/cometbft/cometbft",
    "github.com/cometbft/cometbft/cmd/cometbft",
    "0.38.25",
    "h1:jtGSyssudmkjED2fk9wFGfd/fNyPKvLIinW62ELxZH4=",
)
ENGINES: Final = (COMETBFT, GETH)


def default_folder() -> Path:
    """Where engines are installed for every node of this user: MAILLON_ENGINES, else the user's cache."""
    chosen = os.environ.get("MAILLON_ENGINES")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "maillon" / "engines"


def installed(engine: Engine, folder: Path, own: str = "") -> Path:
    """The engine's program, checked. Raises `EngineUnusable`, saying what to do.

    An operator's own program (`own`) must be of the pinned version; one built here must be the very file built.
    """
    path = Path(own).expanduser() if own else folder / engine.name
    if not path.is_file():
        advice = "its path is a setting of node.toml" if own else "maillon engine install"
        raise EngineUnusable(f"{engine.name} is not at {path}: {advice}")
    if own:
        check_version(engine, path)
        return path
    expected = _record(folder).get(engine.name, {}).get("sha256")
    if expected != _sha256(path):
        raise EngineUnusable(f"{path} is not the file that was installed: maillon engine install")
    return path


def check_version(engine: Engine, path: Path) -> None:
    """Ask a program its version. Raises `EngineUnusable` when it is another one."""
    try:
        answer = subprocess.run([path, "version"], capture_output=True, text=True, timeout=30, check=True).stdout  # noqa: S603 - the operator's own choice
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineUnusable(f"{path} does not run: {error}") from error
    found = re.search(r"^(?:Version: )?v?(\d+\.\d+\.\d+)", answer, re.MULTILINE)
    if found is None or found[1] != engine.version:
        version = found[1] if found else "of an unknown version"
        raise EngineUnusable(f"{path} is {engine.name} {version}; this release needs {engine.version}")


def install(folder: Path, progress: Progress, own: Mapping[str, str]) -> dict[str, Path]:
    """Install both engines, or take over an operator's own; what is there already is kept. Raises `EngineUnusable`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        # One build at a time: a second one waits for the first, and finds its work done.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return _install(folder, progress, own)
        finally:
            forget_c_compiler(folder, progress)


def is_slow(engine: Engine, program: Path) -> bool:
    """Whether it was built without what of it is written in C: Go notes in each program how it was built."""
    if not engine.faster_in_c:
        return False
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_WITHOUT_C) >= 0


def _install(folder: Path, progress: Progress, own: Mapping[str, str]) -> dict[str, Path]:
    found = {}
    for engine in ENGINES:
        if own.get(engine.name):
            _adopt(engine, Path(own[engine.name]).expanduser(), folder, progress)
        else:
            try:
                installed(engine, folder)
            except EngineUnusable:
                _build(engine, folder, progress)
            else:
                _improve(engine, folder, progress)
        found[engine.name] = folder / engine.name
    return found


def _improve(engine: Engine, folder: Path, progress: Progress) -> None:
    """Build what is there once more, if it was built without a C compiler and there is one now."""
    progress(f"{engine.name} {engine.version} is there")
    ours = _record(folder)[engine.name]["source"] != _OWN
    if ours and is_slow(engine, folder / engine.name) and own_c_compiler(folder, progress):
        progress(f"{engine.name} {engine.version} was built without a C compiler: building it again")
        try:
            _build(engine, folder, progress)
        except EngineUnusable as error:
            progress(f"{engine.name} {engine.version} stays as it is: {error}")


def _adopt(engine: Engine, program: Path, folder: Path, progress: Progress) -> None:
    check_version(engine, program)
    shutil.copy2(program, folder / f".{engine.name}.new")
    _keep(engine, folder, _OWN)
    progress(f"{engine.name} {engine.version} taken from {program}")


def _build(engine: Engine, folder: Path, progress: Progress) -> None:
    go = find_go(folder, progress)
    progress(f"{engine.name} {engine.version}: fetching the source …")
    listed = _go(go, folder, ["mod", "download", "-json", f"{engine.module}@v{engine.version}"], progress)
    try:
        found = orjson.loads(listed)["Sum"]
    except (orjson.JSONDecodeError, KeyError) as error:
        raise EngineUnusable(f"go could not fetch {engine.module}: {listed[:300]}") from error
    if found != engine.sum:
        raise EngineUnusable(f"{engine.module} v{engine.version} has the hash {found}, not {engine.sum}: do not use it")
    c_compiler = find_c_compiler(folder, progress) if engine.faster_in_c else ""
    if engine.faster_in_c and not c_compiler:
        progress(f"{engine.name} is built without it and checks signatures slowly: install gcc, then do this again")
    progress(f"{engine.name} {engine.version}: building, which takes minutes …")
    command = ["install", "-trimpath", "-v", "-p", _PARALLEL, f"{engine.package}@v{engine.version}"]
    try:
        _go(go, folder, command, progress, c_compiler)
    except EngineUnusable as error:
        if not c_compiler:
            raise
        progress(f"{c_compiler} does not build {engine.name}, which is built slower without: {error}")
        _go(go, folder, command, progress)
    (folder / "bin" / engine.name).replace(folder / f".{engine.name}.new")
    check_version(engine, folder / f".{engine.name}.new")
    _keep(engine, folder, found)
    progress(f"{engine.name} {engine.version} is built")


def _keep(engine: Engine, folder: Path, source: str) -> None:
    """Record first, then publish: a crash between leaves a program that does not match, which is built again."""
    staged = folder / f".{engine.name}.new"
    record = _record(folder) | {
        engine.name: {"version": engine.version, "source": source, "sha256": _sha256(staged)},
    }
    temporary = folder / f".{_RECORD}"
    temporary.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))
    temporary.replace(folder / _RECORD)
    staged.replace(folder / engine.name)


def _record(folder: Path) -> dict[str, dict[str, str]]:
    try:
        document = orjson.loads((folder / _RECORD).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return document if isinstance(document, dict) else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _go(go: Path, folder: Path, arguments: list[str], progress: Progress, c_compiler: str = "") -> str:
    """Run Go, saying every so often what it is at; its standard output. Raises `EngineUnusable`."""
    ours = {"GOBIN": str(folder / "bin"), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
    environment = os.environ | ours | environment_of(c_compiler, folder)
    lines: list[str] = []
    with subprocess.Popen(  # noqa: S603 - a Go we found
        [go, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if len(lines) % 100 == 0:
                progress(f"  {len(lines)} steps, now {line.strip()[:70]}")
        output = process.stdout.read()
    if process.returncode:
        raise EngineUnusable(f"go {' '.join(arguments[:2])} failed: {''.join(lines[-5:]).strip() or output[-500:]}")
    return output
