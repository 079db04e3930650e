# SPDX-License-Identifier: Apache-2.0
"""Fixtures every part of the suite shares: a home, a clock, and both databases.

PostgreSQL is a private cluster in a temporary folder, started once for the whole run and stopped at its end. Where the
machine has no PostgreSQL, what asks for it fails with a plain word, unless MAILLON_TEST_WITHOUT=postgresql says so, as
`./test` does where it may not install it: then it is skipped, and says why.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, expect, sync_playwright
from xdist.remote import Producer

from local_network import LocalNetwork, engines_folder
from maillon.kit.clock import FixedClock
from maillon.kit.store import Store
from scheduling import BesideEachOther, about_faults, longest_first

# A busy machine is no fault of what is tested.
settings.register_profile("maillon", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("maillon")
WITHOUT = set(os.environ.get("MAILLON_TEST_WITHOUT", "").split())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults", action="store_true", help="run the tests of faults and networks alone, the long ones too"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BesideEachOther:
    return BesideEachOther(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    longest_first(items)
    if not config.getoption("--faults"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="long; ./test --faults runs it"))
    elif config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        others = [item for item in items if not about_faults(item)]
        items[:] = [item for item in items if about_faults(item)]
        config.hook.pytest_deselected(items=others)
    if shutil.which("openssl") is None:
        for item in items:
            if item.get_closest_marker("openssl"):
                item.add_marker(pytest.mark.skip(reason="openssl is not installed: apt install openssl"))
    if shutil.which("chromium") is None:
        for item in items:
            if "browser" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason="chromium is not installed: apt install chromium"))


def free_port() -> int:
    """A port of loopback nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data directory."""
    directory = tmp_path / "home"
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still until the test moves it."""
    return FixedClock(datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC))


def _postgresql_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.fail("PostgreSQL is not on this machine: apt-get install postgresql, or MAILLON_TEST_WITHOUT=postgresql")
    return found[-1].parent


def _as_its_user(directory: Path) -> list[str]:
    """PostgreSQL refuses root: run it as its own user then, who must own the folder."""
    if os.geteuid() != 0:
        return []
    account = pwd.getpwnam("postgres")
    os.chown(directory, account.pw_uid, account.pw_gid)
    return ["runuser", "-u", "postgres", "--"]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a private cluster, without a database name."""
    if "postgresql" in WITHOUT:
        pytest.skip("MAILLON_TEST_WITHOUT=postgresql: nothing was tried on PostgreSQL")
    programs = _postgresql_programs()
    directory = Path(tempfile.mkdtemp(prefix="maillon-postgresql-"))
    port = free_port()
    prefix = _as_its_user(directory)
    data = directory / "data"
    run = [
        *prefix,
        str(programs / "initdb"),
        "-D",
        str(data),
        "-U",
        "maillon",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run(run, check=True, capture_output=True, cwd=directory)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {directory} -c fsync=off"
    control = [*prefix, str(programs / "pg_ctl"), "-D", str(data), "-w", "-t", "60"]
    log = ["-l", str(directory / "log")]
    subprocess.run([*control, "-o", options, *log, "start"], check=True, capture_output=True, cwd=directory)
    try:
        yield f"postgresql://maillon@127.0.0.1:{port}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=directory)
        shutil.rmtree(directory)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'maillon.sqlite3'}"
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"test_{uuid.uuid4().hex}"
    with contextlib.closing(psycopg.connect(f"{server}/postgres", autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{server}/{name}"
    with contextlib.closing(psycopg.connect(f"{server}/postgres", autocommit=True)) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store on an empty database, once of each kind."""
    opened = Store.open(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser, for one module: while one is open, its event loop is this thread's, and no other may run."""
    expect.set_options(timeout=60_000)  # far more than a page needs on a busy machine
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def engine_programs() -> Path:
    """The folder with geth and CometBFT; built here, once for this user, where they are not."""
    return engines_folder()


@pytest.fixture(scope="module")
def consortium(engine_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Four organisations' nodes, running, for tests of one module that break nothing. Sockets need short paths.

    No longer than the module: sixteen processes that make a block a second are a fifth of two cores.
    """
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engine_programs) as network,
    ):
        network.start()
        yield network
