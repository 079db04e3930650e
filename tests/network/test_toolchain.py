# SPDX-License-Identifier: Apache-2.0
"""What engines are built with: a C compiler that compiles, the machine's before one fetched, or plainly none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maillon.network import engines, toolchain
from maillon.network.engines import COMETBFT, ENGINES, GETH, is_slow
from maillon.network.toolchain import find_c_compiler, forget_c_compiler

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
    mkdir -p "$GOBIN"
    printf '#!/bin/sh\\necho %s # %s %s\\n' "$version" "$CGO_ENABLED" "$CC" > "$GOBIN/$name"
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
    assert find_c_compiler(tmp_path, said.append) == "clang"
    put(programs, "gcc", COMPILES)
    assert find_c_compiler(tmp_path, said.append) == "gcc"
    chosen = put(tmp_path / "a folder", "compiler", f'[ "$1" = -m64 ] || exit 1; {COMPILES}')
    monkeypatch.setenv("CC", f"'{chosen}' -m64")
    assert find_c_compiler(tmp_path, said.append) == f"'{chosen}' -m64"
    monkeypatch.setenv("CC", "'never closed")
    assert find_c_compiler(tmp_path, said.append) == "gcc"
    assert not said


def test_one_is_fetched_where_there_is_none_and_removed_afterwards(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(lock: str, target: Path) -> str:
        assert lock == "zig.lock"
        put(target / "ziglang", "zig", f'[ "$1" = cc ] || exit 1; {COMPILES}')
        return ""

    monkeypatch.setattr(toolchain, "_fetch", fetch)
    said: list[str] = []
    found = find_c_compiler(tmp_path, said.append)
    assert found.endswith("zig cc")
    assert len(said) == 1
    assert find_c_compiler(tmp_path, said.append) == found
    assert len(said) == 1, "what was fetched is not fetched again"
    forget_c_compiler(tmp_path)
    assert not (tmp_path / "zig").exists()


def test_where_none_is_to_be_had_it_is_said_why(programs: Path, tmp_path: Path) -> None:
    said: list[str] = []
    assert find_c_compiler(tmp_path, said.append) == ""
    assert "no registry answers" in said[-1]


def test_geth_is_built_again_once_there_is_a_compiler(programs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "engines"
    said: list[str] = []
    engines.install(folder, said.append, {})
    assert any("install gcc" in line for line in said)
    assert is_slow(GETH, folder)
    assert not is_slow(COMETBFT, folder)
    assert "# 0 " in (folder / "geth").read_text()
    engines.install(folder, said.append, {})
    assert is_slow(GETH, folder)
    put(programs, "gcc", COMPILES)
    said.clear()
    engines.install(folder, said.append, {})
    assert [line for line in said if "again" in line] == [
        f"geth {GETH.version} was built without a C compiler: building it again"
    ]
    assert not is_slow(GETH, folder)
    assert "# 1 gcc" in (folder / "geth").read_text()
    assert "# 0 " in (folder / "cometbft").read_text()
    said.clear()
    engines.install(folder, said.append, {})
    assert said == [f"{engine.name} {engine.version} is there" for engine in ENGINES]
    assert json.loads((folder / "engines.json").read_text())["geth"]["c_compiler"] == "gcc"


def test_an_operators_own_program_is_not_judged(programs: Path, tmp_path: Path) -> None:
    own = {engine.name: str(put(tmp_path, engine.name, f"echo Version: {engine.version}")) for engine in ENGINES}
    engines.install(tmp_path / "engines", lambda _: None, own)
    assert not is_slow(GETH, tmp_path / "engines")
