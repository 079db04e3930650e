# SPDX-License-Identifier: Apache-2.0
"""Every file of a home cut short, with one bit turned over, or gone: a defined outcome, never a silently wrong answer.

A real platform notarises, is stopped, and one file of a copy of its home is damaged. The next `maillon up` either says
what is wrong and ends with status 2, or starts; then every receipt it hands out verifies with the anchors of before,
or is refused with problem details, and the pinned anchors are what they were.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest

from maillon.evidence.hashing import Algorithm, Digest, sha256
from maillon.evidence.receipt import Receipt, complete, verify
from maillon.evidence.trust import TrustAnchors
from maillon.ledger.embedded.store import META, STATE, Store
from running_platform import Running, maillon, start

ENTRIES: Final = 3
SALT: Final = bytes(32)
DIGESTS: Final = [Digest(Algorithm.SHA2_256, sha256(bytes([number]))) for number in range(ENTRIES)]


def append(running: Running, digest: Digest, salt: bytes) -> int:
    answer = httpx.post(
        f"{running.url}/v1/notary/entries",
        json={"commitment": sha256(salt + digest.value).hex()},
        headers={"Authorization": f"Bearer {running.key}"},
        timeout=60,
    )
    index: int = answer.raise_for_status().json()["index"]
    return index


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a platform that was stopped, with three anchored entries."""
    home = tmp_path_factory.mktemp("template") / "home"
    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text('network = "Faults"\nlog_level = "warning"\n')
    running = start(home)
    try:
        for number, digest in enumerate(DIGESTS):
            assert append(running, digest, SALT) == number
            url = f"{running.url}/v1/notary/entries/{number}/receipt"
            assert httpx.get(url, params={"wait": 30}, timeout=60).status_code == 200
        assert running.stop() == 0, "".join(running.errors)
    finally:
        running.close()
    return home


AT: Final = {"data.mdb": 16, "maillon.sqlite3": 3}
"""Where a bit is turned over when it is not in the middle."""


def truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    # The lowest bit of a letter makes it another one: an API key stays one that can be sent.
    data[AT.get(path.name, len(data) // 2)] ^= 0x01 if path.name == "api-key" else 0x40
    path.write_bytes(data)


def removed(path: Path) -> None:
    path.unlink()


DAMAGES: Final[dict[str, Callable[[Path], None]]] = {"truncated": truncated, "flipped": flipped, "removed": removed}


@dataclass(frozen=True)
class Refused:
    """The start ends with status 2 and these words."""

    words: str


@dataclass(frozen=True)
class GoesOn:
    """It starts, says so where words are given, and every receipt it hands out holds."""

    problem: str = ""
    """The type of the problem that answers who asks for the receipt of the first entry, where it is not to be had."""
    appends: int = 201


FINE: Final = GoesOn()
OUTCOMES: Final[dict[str, dict[str, Refused | GoesOn]]] = {
    "settings.toml": {
        "truncated": Refused("settings.toml cannot be read"),
        "flipped": Refused("settings.toml cannot be read"),
        "removed": FINE,
    },
    "genesis.json": dict.fromkeys(("truncated", "flipped"), Refused("genesis.json is damaged"))
    | {"removed": Refused("genesis.json is gone")},
    "trust.json": dict.fromkeys(("truncated", "flipped"), Refused("trust.json")) | {"removed": FINE},
    "api-key": dict.fromkeys(("truncated", "flipped"), GoesOn(appends=401)) | {"removed": FINE},
    "authority.time": {"truncated": FINE, "flipped": Refused("does not hold a time"), "removed": FINE},
    "keys/log.pem": {
        "truncated": Refused("log.pem is not a private key"),
        "flipped": Refused("trust.json pins other logs|log.pem is not"),
        "removed": Refused("log.pem is gone"),
    },
    "keys/validator.pem": {
        "truncated": Refused("validator.pem is not a private key"),
        "flipped": Refused("validator key is not the one|validator.pem is not"),
        "removed": Refused("validator.pem is gone"),
    },
    "keys/authority.pem": dict.fromkeys(("truncated", "flipped"), Refused("authority.pem|other authorities"))
    | {"removed": Refused("authority.pem is gone")},
    **{
        f"keys/account-{name}.hex": {
            "truncated": Refused(f"account-{name}.hex is not a secp256k1 secret"),
            "flipped": Refused(f"account-{name}.hex is not a secp256k1 secret|not one"),
            "removed": Refused(f"account-{name}.hex is gone"),
        }
        for name in ("notary", "sandbox", "steward")
    },
    **{
        f"keys/{name}.ring": {
            "truncated": Refused(f"{name}.ring holds a line"),
            "flipped": Refused(f"{name}.ring holds a line"),
            "removed": Refused(f"{name}.ring is gone"),
        }
        for name in ("encryption", "lookup")
    },
    "first-administrator": dict.fromkeys(("truncated", "flipped", "removed"), FINE),
    "ledger/data.mdb": {
        "truncated": Refused("ledger is damaged"),
        "flipped": Refused("is not a store of ours, or is damaged"),
        "removed": Refused("data.mdb is gone"),
    },
    "ledger/lock.mdb": dict.fromkeys(("truncated", "flipped", "removed"), FINE),
    "ledger/lock": {"removed": FINE},
    "lock": dict.fromkeys(("truncated", "flipped", "removed"), FINE),
    "log/checkpoint": dict.fromkeys(
        ("truncated", "flipped"), Refused("published checkpoint does not verify|the log is")
    )
    | {"removed": Refused("has no checkpoint")},
    "log/stamp/N": dict.fromkeys(("truncated", "flipped", "removed"), FINE),
    "log/tile/0/000.p/N": {
        "truncated": Refused("tile at the edge of the log cannot be read|do not lead to the root"),
        "flipped": Refused("do not lead to the root"),
        "removed": Refused("tile at the edge of the log cannot be read"),
    },
    "log/tile/entries/000.p/N": dict.fromkeys(
        ("truncated", "flipped", "removed"), Refused("at the edge of the log cannot be read|do not lead to the root")
    ),
    "maillon.sqlite3": {
        "truncated": Refused("the database is damaged"),
        "flipped": Refused("the database is damaged"),
        "removed": Refused("maillon reindex"),
    },
}


def name_of(path: Path, home: Path) -> str:
    """A file's name in the table; `N` is the size of the log."""
    return re.sub(r"/[0-9]+$", "/N", path.relative_to(home).as_posix())


def test_the_table_names_every_file_of_a_home(template: Path) -> None:
    found = {name_of(path, template) for path in template.rglob("*") if path.is_file()}
    assert found == set(OUTCOMES)


@pytest.fixture
def damaged(template: Path, tmp_path: Path) -> Path:
    """A copy of the home, to be damaged."""
    return Path(shutil.copytree(template, tmp_path / "home"))


def newest(home: Path, name: str) -> Path:
    """The file of that name; where it stands for several, that of the largest log."""
    path = home / name
    return path if path.name != "N" else max(path.parent.iterdir(), key=lambda each: int(each.name))


def refused(home: Path) -> str:
    """What a start that must not succeed says."""
    done = maillon("up", "--home", str(home), "--port", "0")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def check(running: Running, trust: TrustAnchors, expected: GoesOn) -> None:
    """Each receipt holds or is refused as expected; what is appended gets one that holds."""
    with httpx.Client(base_url=running.url, timeout=120, trust_env=False) as client:
        for index, digest in enumerate(DIGESTS):
            answer = client.get(f"/v1/notary/entries/{index}/receipt", params={"wait": 30})
            if answer.status_code == 200:
                verify(Receipt.parse(complete(answer.json(), digest, SALT)), digest, trust)
            else:
                assert answer.json()["type"] == f"/problems/{expected.problem}"
        digest = Digest(Algorithm.SHA2_256, sha256(b"new"))
        commitment = sha256(SALT + digest.value).hex()
        key = {"Authorization": f"Bearer {running.key}"}
        answer = client.post("/v1/notary/entries", json={"commitment": commitment}, headers=key)
        assert answer.status_code == expected.appends, answer.text
        if answer.status_code == 201:
            answer = client.get(f"/v1/notary/entries/{ENTRIES}/receipt", params={"wait": 30})
            assert answer.status_code == 200, answer.text
            verify(Receipt.parse(complete(answer.json(), digest, SALT)), digest, trust)


@pytest.mark.parametrize(("name", "damage"), [(name, damage) for name, row in OUTCOMES.items() for damage in row])
def test_a_damaged_file(template: Path, damaged: Path, name: str, damage: str) -> None:
    expected = OUTCOMES[name][damage]
    DAMAGES[damage](newest(damaged, name))
    if isinstance(expected, Refused):
        assert re.search(expected.words, refused(damaged))
        return
    pinned = (template / "trust.json").read_bytes()
    running = start(damaged)
    try:
        check(running, TrustAnchors.parse(pinned), expected)
        assert running.stop() == 0, "".join(running.errors)
    finally:
        running.close()
    assert "Traceback" not in "".join(running.errors)
    assert (damaged / "trust.json").read_bytes() == pinned


def test_damage_deep_in_the_database_ends_the_instance(damaged: Path) -> None:
    """A page nobody asks for at the start: found by reading through, beside the work."""
    path = damaged / "maillon.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
        (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'members_document'").fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * size : page * size] = bytes(range(256)) * (size // 256)
    path.write_bytes(data)
    assert "the database is damaged" in refused(damaged)


def test_damage_deep_in_the_ledger_ends_the_instance(damaged: Path) -> None:
    """One bit of one node of the state."""
    store = Store(damaged / "ledger")
    with store.read() as reading:
        node = max((value for _, value in reading.items(STATE)), key=len)
    store.close()
    path = damaged / "ledger" / "data.mdb"
    before = path.read_bytes()
    path.write_bytes(before.replace(node, node[:-1] + bytes([node[-1] ^ 1])))
    assert path.read_bytes() != before
    assert "is not what its hash" in refused(damaged)


def test_data_of_a_newer_version(damaged: Path) -> None:
    with contextlib.closing(sqlite3.connect(damaged / "maillon.sqlite3")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    assert "start the newer program" in refused(damaged)


def test_a_ledger_of_a_newer_version(damaged: Path) -> None:
    store = Store(damaged / "ledger")
    store.write("newer", lambda writing: writing.put(META, b"format", b"999"))
    store.close()
    assert "use a newer one" in refused(damaged)


def test_anchors_of_a_newer_version(damaged: Path) -> None:
    path = damaged / "trust.json"
    path.write_bytes(path.read_bytes().replace(b"maillon.trust.v1", b"maillon.trust.v9"))
    assert "maillon.trust.v9" in refused(damaged)


YESTERDAY = """
import datetime, sys
from maillon.kit.clock import SystemClock
real = SystemClock.now
SystemClock.now = lambda self: real(self) - datetime.timedelta(days=1)
sys.argv = ["maillon", *sys.argv[1:]]
from maillon.commands import run
run()
"""


def test_a_clock_that_went_back_between_two_starts(template: Path, damaged: Path) -> None:
    """Entries are taken, and nothing is stamped with a time before one already given; the right clock ends the wait."""
    trust = TrustAnchors.parse((template / "trust.json").read_bytes())
    digest = Digest(Algorithm.SHA2_256, sha256(b"in between"))
    running = start(damaged, program=("-c", YESTERDAY))
    try:
        assert append(running, digest, SALT) == ENTRIES
        with httpx.Client(base_url=running.url, timeout=120, trust_env=False) as client:
            while (failure := client.get("/health").json()["log"]["failure"]) is None:
                assert client.get(f"/v1/notary/entries/{ENTRIES}/receipt", params={"wait": 1}).status_code == 202
            assert "the clock stands before" in failure
            assert client.get("/v1/notary/entries/0/receipt").status_code == 200
        assert running.stop() == 0, "".join(running.errors)
    finally:
        running.close()
    again = start(damaged)
    try:
        with httpx.Client(base_url=again.url, timeout=120, trust_env=False) as client:
            answer = client.get(f"/v1/notary/entries/{ENTRIES}/receipt", params={"wait": 30})
            assert answer.status_code == 200, answer.text
            verify(Receipt.parse(complete(answer.json(), digest, SALT)), digest, trust)
        assert again.stop() == 0, "".join(again.errors)
    finally:
        again.close()


def test_a_chain_that_was_lost_is_not_begun_anew(damaged: Path) -> None:
    (damaged / "ledger" / "data.mdb").write_bytes(b"")
    assert "is gone or empty" in refused(damaged)
    shutil.rmtree(damaged / "ledger")
    assert "is gone or empty" in refused(damaged)
