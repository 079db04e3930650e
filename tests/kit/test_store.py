# SPDX-License-Identifier: Apache-2.0
"""The database: whole transactions or none, schema and models alike, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import maillon.main  # every service's tables are on the metadata once the root is loaded
from maillon.kit import audit
from maillon.kit.clock import FixedClock
from maillon.kit.errors import CorruptStore, NewerData, StoreUnavailable
from maillon.kit.store import Store, metadata, schema_versions

assert maillon.main


def deed(clock: FixedClock) -> audit.Deed:
    return audit.Deed(clock.now(), "api", "entry", "appended", "town hall", "42")


def test_a_transaction_is_whole(store: Store, clock: FixedClock) -> None:
    with store.transaction() as connection:
        audit.record(connection, [deed(clock)])
    with store.read() as connection:
        assert [found for _, found in audit.newest(connection)] == [deed(clock)]


def test_or_nothing(store: Store, clock: FixedClock) -> None:
    def deed_then_failure() -> None:
        with store.transaction() as connection:
            audit.record(connection, [deed(clock)])
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        deed_then_failure()
    with store.read() as connection:
        assert audit.newest(connection) == []


def test_a_reader_sees_one_moment(store: Store, clock: FixedClock) -> None:
    with store.read() as connection:
        assert audit.newest(connection) == []
        with store.transaction() as other:
            audit.record(other, [deed(clock)])
        assert audit.newest(connection) == []
    with store.read() as connection:
        assert len(audit.newest(connection)) == 1


def test_the_models_are_what_the_migrations_make(store: Store) -> None:
    with store.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


def test_data_of_a_newer_version_are_refused(store: Store, database_url: str) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerData, match="9999"):
        Store.open(database_url)


def test_opening_again_changes_nothing(store: Store, database_url: str) -> None:
    again = Store.open(database_url)
    with again.read() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == schema_versions()[-1]
    again.close()


def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "maillon.sqlite3"
    path.write_bytes(b"this is not a database" * 1000)
    with pytest.raises(CorruptStore, match="restore"):
        Store.open(f"sqlite:///{path}")


def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        Store.open(f"sqlite:///{tmp_path / 'nowhere' / 'maillon.sqlite3'}")
    with pytest.raises(StoreUnavailable):
        Store.open("postgresql://maillon@127.0.0.1:1/nothing")


def test_a_full_disk_writes_nothing_and_goes_on_afterwards(tmp_path: Path, clock: FixedClock) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'maillon.sqlite3'}")
    with store.transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable), store.transaction() as connection:
        audit.record(connection, [deed(clock)] * 5000)
    with store.transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        audit.record(connection, [deed(clock)])
    with store.read() as connection:
        assert len(audit.newest(connection)) == 1
    store.close()
