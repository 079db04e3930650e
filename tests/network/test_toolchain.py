# SPDX-License-Identifier: Apache-2.0
"""What engines are built with: a C compiler that compiles, the machine's before one fetched, or plainly none."""

from __future__ import annotations

from pathlib import Path

import pytest

from maillon.network import engines, toolchain
from maillon.network.engines import COMETBFT, ENGINES, GETH, is_slow
from maillon.network.toolchain import find_c_compiler, forget_c_compiler, own_c_compiler

COMPILES = 'while [ "$1" != -o ]; do shift; done; : > "$2"'
"""Of a compiler: makes the program it is asked for."""
GO = f"""#!/bin/sh
case "$1" in
env) echo go1.99.0 ;;
mod) case "$4" in {GETH.module}*) echo '{{"Sum": "{GETH.sum}"}}' ;; *) echo '{{"Sum": "{COMETBFT.sum}"}}' ;; esac ;;
install)
    for last; do :; done
    case "$last" in
    {GETH.module}*) name=geth version={GETH.version} ;;
    *) name=cometbft version={COMETBFT.version} ;;
    esac
    [ "$CC" != "${{BROKEN:-none}}" ] || {{ echo "cgo: exit status 1" >&2; exit 1; }}
    mkdir -p "$GOBIN"
    printf '#!/bin/sh\\necho %s\\n#build\\tCGO_ENABLED=%s %s\\n' "$version" "$CGO_ENABLED" "$CC" > "$GOBIN/$name"
    chmod +x "$GOBIN/$name" ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no program but those put here, and with no way to any registry."""
    made = tmp_path / "programs"
    made.mkdir()
    for name in ("mkdir", "chmod"):
        found = next(path for path in (Path("/bin") / name, Path("/usr/bin") / name) if path.exists())
        (made / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(made))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(toolchain, "_fetch", lambda _lock, _target: "no registry answers")
    put(made, "go", GO.removeprefix("#!/bin/sh\n"))
    return made


def put(folder: Path, name: str, script: str) -> Path:
    """A program of that name."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_first_that_compiles_is_taken_and_an_operators_choice_before_it(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    # A gcc without the headers of a C library.
    put(programs, "gcc", "exit 1")
    put(programs, "clang", COMPILES)
    assert own_c_compiler(tmp_path, said.append) == "clang"
    put(programs, "gcc", COMPILES)
    assert own_c_compiler(tmp_path, said.append) == "gcc"
    chosen = put(tmp_path / "a folder", "compiler", f'[ "$1" = -m64 ] || exit 1; {COMPILES}')
    monkeypatch.setenv("CC", f"'{chosen}' -m64")
    assert own_c_compiler(tmp_path, said.append) == f"'{chosen}' -m64"
    assert not said
    monkeypatch.setenv("CGO_ENABLED", "0")
    assert find_c_compiler(tmp_path, said.append) == ""
    assert not said


@pytest.mark.parametrize(
    ("command", "why"),
    [("'never closed", "quotes"), ("nowhere-to-be-found", "No such file"), ("complains", "no stdlib.h")],
)
def test_a_choice_that_compiles_nothing_is_passed_over_and_it_is_said_why(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, why: str
) -> None:
    put(programs, "gcc", COMPILES)
    put(programs, "complains", "echo no stdlib.h >&2; exit 1")
    monkeypatch.setenv("CC", command)
    said: list[str] = []
    assert own_c_compiler(tmp_path, said.append) == "gcc"
    (line,) = said
    assert command in line
    assert why in line


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("gcc", ["gcc"]),
        ("  gcc\t-m64 ", ["gcc", "-m64"]),
        ("'/a b/o\\c' cc", ["/a b/o\\c", "cc"]),
        ('"/o\'brien/zig" cc', ["/o'brien/zig", "cc"]),
        ("gcc -DX='y'", ["gcc", "-DX='y'"]),
        ("'a'b", []),
        ("'a", []),
        ("", []),
    ],
)
def test_a_command_is_read_as_go_reads_it(command: str, words: list[str]) -> None:
    assert toolchain._words(command) == words


@pytest.mark.parametrize("name", ["engines", "two words", "o'brien", 'the "best"'])
def test_one_is_fetched_where_there_is_none_and_removed_afterwards(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fetch(lock: str, target: Path) -> str:
        assert lock == "zig.lock"
        put(target / "ziglang", "zig", f'[ "$1" = cc ] || exit 1; {COMPILES}')
        return ""

    monkeypatch.setattr(toolchain, "_fetch", fetch)
    folder = tmp_path / name
    own = put(folder / "zig", "zig", "exit 1")
    said: list[str] = []
    found = find_c_compiler(folder, said.append)
    assert toolchain._words(found)[1:] == ["cc"]
    assert len(said) == 1
    forget_c_compiler(folder, said.append)
    assert [path.name for path in folder.iterdir()] == ["zig"]
    assert own.exists(), "what an operator calls zig is none of ours"
    assert len(said) == 1


def test_where_none_is_to_be_had_it_is_said_why(programs: Path, tmp_path: Path) -> None:
    said: list[str] = []
    assert find_c_compiler(tmp_path, said.append) == ""
    assert "no registry answers" in said[-1]


def test_geth_is_built_again_once_there_is_a_compiler(programs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "engines"
    said: list[str] = []
    engines.install(folder, said.append, {})
    assert any("install gcc" in line for line in said)
    assert is_slow(GETH, folder / "geth")
    assert not is_slow(COMETBFT, folder / "cometbft")
    there = [f"{engine.name} {engine.version} is there" for engine in ENGINES]
    said.clear()
    engines.install(folder, said.append, {})
    assert said == there
    # A build that fails takes nothing away.
    go = (programs / "go").read_text()
    put(programs, "gcc", COMPILES)
    put(programs, "go", '[ "$1" = env ] && echo go1.99.0')
    said.clear()
    engines.install(folder, said.append, {})
    assert "stays as it is" in said[-1]
    assert engines.installed(GETH, folder)
    put(programs, "go", go.removeprefix("#!/bin/sh\n"))
    engines.install(folder, said.append, {})
    assert not is_slow(GETH, folder / "geth")
    assert "CGO_ENABLED=1 gcc" in (folder / "geth").read_text()
    assert "CGO_ENABLED=0 " in (folder / "cometbft").read_text()
    said.clear()
    engines.install(folder, said.append, {})
    assert said == there


def test_a_compiler_that_does_not_build_geth_leaves_a_slow_one(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(programs, "gcc", COMPILES)
    monkeypatch.setenv("BROKEN", "gcc")
    said: list[str] = []
    engines.install(tmp_path / "engines", said.append, {})
    assert any("gcc does not build geth" in line for line in said)
    assert is_slow(GETH, engines.installed(GETH, tmp_path / "engines"))


def test_an_operators_own_program_is_left_as_it_is(programs: Path, tmp_path: Path) -> None:
    slow = "build\tCGO_ENABLED=0"
    own = {engine.name: str(put(tmp_path, engine.name, f"echo {engine.version} #{slow}")) for engine in ENGINES}
    put(programs, "gcc", COMPILES)
    engines.install(tmp_path / "engines", lambda _: None, own)
    said: list[str] = []
    engines.install(tmp_path / "engines", said.append, {})
    assert said == [f"{engine.name} {engine.version} is there" for engine in ENGINES]
