# SPDX-License-Identifier: Apache-2.0
"""The database: one connection pool, one transaction for each piece of work, committed at the edge.

SQLite by default, PostgreSQL by a URL. Acknowledged means on disk: SQLite runs with synchronous=FULL. Opening brings
the schema up to date, and refuses data of a newer version. Services contribute their tables to `metadata`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from maillon.kit.errors import CorruptStore, NewerData, StoreUnavailable

metadata = sqlalchemy.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_STEPS = 100_000
"""Instructions of SQLite's machine between two looks whether to stop: some milliseconds."""
MIGRATIONS = Path(__file__).parent / "migrations"


def schema_versions() -> list[str]:
    """Every version of the schema this program knows, oldest first. Files are named VERSION_what.py."""
    return sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "busy_timeout=15000",
        "foreign_keys=ON",
        "cache_size=-16000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # The driver begins late by itself, so that two readers can deadlock on becoming writers. We say when.
    mode = connection.get_execution_options().get("maillon_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Database errors in our words: corrupt, or not available."""
    try:
        yield
    except OperationalError as error:
        message = str(error.orig)
        if "malformed" in message or "not a database" in message:
            raise CorruptStore(f"the database is damaged: {message}; restore it with maillon restore") from error
        raise StoreUnavailable(f"the database is not available: {message.strip()}") from error
    except DatabaseError as error:
        message = str(error.orig)
        if "malformed" in message or "not a database" in message:
            raise CorruptStore(f"the database is damaged: {message}; restore it with maillon restore") from error
        raise


class Store:
    """The database of one instance. Safe to share between threads; a transaction belongs to one of them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> Store:
        """Connect and bring the schema up to date. Raises `StoreUnavailable`, `CorruptStore` or `NewerData`."""
        made = sqlalchemy.make_url(url)
        if made.drivername == "postgresql":
            made = made.set(drivername="postgresql+psycopg")
        sqlite = made.get_backend_name() == "sqlite"
        options: dict[str, Any] = {} if sqlite else {"pool_pre_ping": True}
        if sqlite:
            # isolation_level None: the driver leaves transactions to us.
            options["connect_args"] = {"check_same_thread": False, "timeout": 15, "isolation_level": None}
        engine = sqlalchemy.create_engine(made, **options)
        if sqlite:
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        store = cls(engine)
        try:
            with _translated():
                store._migrate()
        except BaseException:
            engine.dispose()
            raise
        return store

    @property
    def is_sqlite(self) -> bool:
        """Which of the two databases this is, for the few statements that differ."""
        return self.engine.dialect.name == "sqlite"

    def _migrate(self) -> None:
        known = schema_versions()
        with self.engine.connect() as connection:
            current = None
            if sqlalchemy.inspect(connection).has_table("alembic_version"):
                current = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        if current == known[-1]:
            return
        if current is not None and current not in known:
            raise NewerData(
                f"the database has schema {current}, this program knows {known[-1]} at most: start the newer program, "
                "or restore a backup made with this one"
            )
        # Imported here: an ordinary start finds the schema current and need not load the tool that changes it.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.transaction() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One piece of work: everything in it is on disk when the block ends, or nothing is.

        Raises `StoreUnavailable` when the database is away or full, `CorruptStore` when it is damaged.
        """
        with _translated(), self.engine.connect() as plain:
            connection = plain.execution_options(maillon_begin="IMMEDIATE")
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A view that changes nothing, in which every statement sees the same moment, whatever others write."""
        with _translated(), self.engine.connect() as plain:
            # SQLite's reader has that anyway; PostgreSQL would take a new moment for each statement.
            connection = plain if self.is_sqlite else plain.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin() as transaction:
                yield connection
                transaction.rollback()

    def check(self) -> None:
        """Ask the database whether it is there; raises `StoreUnavailable`."""
        with self.read() as connection:
            connection.exec_driver_sql("SELECT 1")

    def examine(self, stopped: Event) -> None:
        """Read the whole of SQLite's file and see that its pages agree; setting `stopped` ends that early.

        PostgreSQL looks after its own pages. Raises `CorruptStore` or `StoreUnavailable`.
        """
        if not self.is_sqlite:
            return
        with _translated(), self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.set_progress_handler(stopped.is_set, _STEPS)
            try:
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            except OperationalError:
                if stopped.is_set():
                    return
                raise
            finally:
                driver.set_progress_handler(None, 0)
        if found != "ok":
            raise CorruptStore(f"the database is damaged: {found}; restore it with maillon restore")

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
