# SPDX-License-Identifier: Apache-2.0
"""A whole instance over PostgreSQL: the same commands and answers; moved to SQLite and back; the database away."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from running_platform import Running, Start, environment, maillon


@pytest.fixture
def new_database(postgresql_server: str) -> Iterator[Callable[[], str]]:
    """Makes empty databases, each by its URL; gone at the end."""
    names: list[str] = []
    with contextlib.closing(psycopg.connect(f"{postgresql_server}/postgres", autocommit=True)) as connection:

        def make() -> str:
            names.append(f"whole_{uuid.uuid4().hex}")
            connection.execute(f"CREATE DATABASE {names[-1]}")
            return f"{postgresql_server}/{names[-1]}"

        yield make
        for name in names:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def at(home: Path, database: str) -> Path:
    """A home whose settings name that database."""
    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text(f'database = "{database}"\n')
    return home


def answers(platform: Running, digest: str) -> tuple[object, ...]:
    """What an instance says of one public digest, and of the receipt of its entry."""
    with httpx.Client(base_url=platform.url, timeout=60) as client:
        found = client.get("/v1/notary/entries", params={"digest": f"sha2-256:{digest}"}).json()
        receipt = client.get("/v1/notary/entries/0/receipt", params={"wait": 30})
        assert receipt.status_code == 200, receipt.text
        return found, receipt.json(), client.get("/v1/notary/entries/0").json()


def test_a_whole_instance_lives_on_postgresql_and_moves(
    starting: Start, new_database: Callable[[], str], tmp_path: Path
) -> None:
    home = at(tmp_path / "home", new_database())
    platform = starting(home)
    assert httpx.get(f"{platform.url}/health").json()["database"] == "postgresql"
    file = tmp_path / "file.txt"
    file.write_text("kept in rows")
    where = ("--home", str(home), "--url", platform.url)
    assert maillon("notarise", str(file), "--public", *where).returncode == 0
    receipt = file.with_name("file.txt.receipt.json")
    assert maillon("verify", str(receipt), str(file), "--home", str(home)).returncode == 0
    digest = json.loads(receipt.read_text())["digest"]["value"]
    before = answers(platform, digest)
    platform.stop(signal.SIGKILL)

    assert maillon("reindex", "--home", str(home)).returncode == 0
    again = starting(home)
    assert answers(again, digest) == before
    archive = tmp_path / "postgresql.tar.gz"
    assert maillon("backup", str(archive), "--home", str(home)).returncode == 0
    assert again.stop() == 0, "".join(again.errors)
    assert not (home / "maillon.sqlite3").exists()

    # From PostgreSQL to SQLite, and from there to another PostgreSQL; the settings that came along name the former.
    moved, back = tmp_path / "sqlite", tmp_path / "back"
    for target, database in ((moved, f"sqlite:///{moved / 'maillon.sqlite3'}"), (back, new_database())):
        restored = maillon("restore", str(archive), "--home", str(target), "--database", database)
        assert restored.returncode == 0, restored.stdout + restored.stderr
        assert "name another database" in restored.stderr
        (target / "settings.toml").write_text(f'database = "{database}"\n')
        there = starting(target)
        assert answers(there, digest) == before
        # Counters go on behind the rows that came.
        assert maillon("keys", "create", "somebody", "--home", str(target)).returncode == 0
        file.write_text(f"kept in {target}")
        where = ("--home", str(target), "--url", there.url)
        assert maillon("notarise", str(file), "--again", *where).returncode == 0
        assert maillon("verify", str(receipt), str(file), "--home", str(target)).returncode == 0
        archive = tmp_path / f"{target.name}.tar.gz"
        assert maillon("backup", str(archive), "--home", str(target)).returncode == 0
        assert there.stop() == 0, "".join(there.errors)


def test_a_database_that_goes_away_is_waited_for(
    starting: Start, new_database: Callable[[], str], postgresql_server: str, tmp_path: Path
) -> None:
    database = new_database()
    name = database.rpartition("/")[2]
    platform = starting(at(tmp_path / "home", database))
    headers = {"Authorization": f"Bearer {platform.key}"}
    acknowledged: dict[int, str] = {}

    def append(client: httpx.Client) -> httpx.Response:
        commitment = os.urandom(32).hex()
        answer = client.post("/v1/notary/entries", json={"commitment": commitment})
        if answer.status_code == 201:
            acknowledged[answer.json()["index"]] = commitment
        return answer

    with (
        httpx.Client(base_url=platform.url, headers=headers, timeout=120) as client,
        contextlib.closing(psycopg.connect(f"{postgresql_server}/postgres", autocommit=True)) as connection,
    ):
        assert append(client).status_code == 201
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        refused = append(client)
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/unavailable"), refused.text
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        for _ in range(20):
            if append(client).status_code == 201:
                break
        else:
            pytest.fail("it does not go on although the database is back")
        for index, commitment in acknowledged.items():
            answer = client.get(f"/v1/notary/entries/{index}/receipt", params={"wait": 30})
            assert answer.status_code == 200, answer.text
            assert client.get(f"/v1/notary/entries/{index}").json()["commitment"] == commitment
    assert platform.stop() == 0, "".join(platform.errors)
    assert "Traceback" not in "".join(platform.errors)


def test_a_database_that_is_not_there_is_said_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://maillon:very-secret@127.0.0.1:1/maillon"
    done = subprocess.run(
        [sys.executable, "-m", "maillon", "up", "--port", "0", "--home", str(tmp_path / "home")],
        capture_output=True,
        text=True,
        check=False,
        env=environment() | {"MAILLON_DATABASE": url},
    )
    assert done.returncode == 2
    assert "the database is not available" in done.stderr
    assert "very-secret" not in done.stdout + done.stderr
