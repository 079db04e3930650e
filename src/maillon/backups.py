# SPDX-License-Identifier: Apache-2.0
"""A whole home in one archive, and a new home from it: keys, genesis, chain, log and database.

Tables are written as rows, so that an archive made over SQLite restores into PostgreSQL and the other way round. The
archive holds private keys: it is written readable by its owner alone.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import secrets
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from maillon.kit.errors import HomeUnusable, KitError, NewerData
from maillon.kit.settings import Settings
from maillon.kit.store import Store, metadata, schema_versions

FORMAT = "maillon.backup.v1"
PARTS = ("settings.toml", "genesis.json", "trust.json", "api-key", "authority.time", "keys", "log", "ledger")
"""What of a home goes into an archive; the lock and a SQLite file do not."""
_ROWS = 5_000
_PRIVATE = 0o600


class UnreadableBackup(KitError):
    """The archive is not one of ours, or is damaged."""


def _encode(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes | memoryview) else value


def _decode(value: Any) -> Any:
    return base64.b64decode(value["base64"], validate=True) if isinstance(value, dict) else value


def _rows(store: Store) -> Iterator[tuple[str, bytes]]:
    """Every table in pieces: names of archive members, and rows as JSON."""
    with store.read() as connection:
        for table in metadata.sorted_tables:
            result = connection.execution_options(yield_per=_ROWS).execute(sa.select(table))
            for number, rows in enumerate(result.partitions(_ROWS)):
                encoded = [[_encode(value) for value in row] for row in rows]
                yield f"database/{table.name}/{number:06}.json", orjson.dumps(encoded)


def _member(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = _PRIVATE
    archive.addfile(info, io.BytesIO(data))


def require_instance(home: Path) -> None:
    """Raise `HomeUnusable` unless an instance was laid out in the home."""
    if not (home / "keys").is_dir():
        raise HomeUnusable(f"there is no instance in {home}: maillon up --home {home} makes one")


def write(settings: Settings, file: Path, progress: Callable[[str], None]) -> int:
    """Write the archive, whole or not at all; its size in bytes. The caller holds the home.

    Raises `HomeUnusable` when there is no instance in the home or the archive cannot be written, and what opening the
    database raises.
    """
    home = settings.home
    require_instance(home)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    store = Store.open(settings.database_url)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        with os.fdopen(descriptor, "wb") as target:
            with tarfile.open(fileobj=target, mode="w:gz", compresslevel=3) as archive:
                head = {"format": FORMAT, "schema": schema_versions()[-1]}
                _member(archive, "backup.json", orjson.dumps(head))
                for part in PARTS:
                    if (home / part).exists():
                        progress(f"{part} …")
                        archive.add(home / part, f"home/{part}", filter=_regular)
                progress("database …")
                for name, data in _rows(store):
                    _member(archive, name, data)
            target.flush()
            os.fsync(target.fileno())
        temporary.replace(file)
    except OSError as error:
        raise HomeUnusable(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        store.close()
        temporary.unlink(missing_ok=True)
    return file.stat().st_size


def _regular(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Files and directories only, without names of this machine."""
    if not (info.isfile() or info.isdir()):
        return None
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def read(settings: Settings, file: Path, progress: Callable[[str], None]) -> None:
    """Lay out the home, which must hold no instance, and fill the database, which must be empty.

    Raises `HomeUnusable`, `UnreadableBackup` or `NewerData`; what was laid out before an error is left, and refused by
    the next attempt, so that nothing is ever mixed.
    """
    home = settings.home
    if any((home / part).exists() for part in PARTS):
        raise HomeUnusable(f"{home} holds an instance already; restore into a new one with --home")
    store = Store.open(settings.database_url)
    try:
        with tarfile.open(file, "r:gz") as archive:
            first = archive.next()
            if first is None or first.name != "backup.json":
                raise UnreadableBackup(f"{file} is not a backup of Maillon")
            head = orjson.loads(_content(archive, first))
            if head.get("format") != FORMAT:
                raise UnreadableBackup(f"{file} is a backup of a format unknown here: {head.get('format')!r}")
            if head["schema"] > schema_versions()[-1]:
                raise NewerData(f"{file} was made by a newer version of this program (schema {head['schema']})")
            progress("files and database …")
            with store.transaction() as connection:
                for table in reversed(metadata.sorted_tables):
                    if table.name in _PREFILLED:
                        connection.execute(table.delete())
                    elif connection.execute(sa.select(sa.func.count()).select_from(table)).scalar():
                        raise HomeUnusable(f"the database is not empty: table {table.name}")
                while (member := archive.next()) is not None:
                    _place(archive, member, home, connection)
                for table in metadata.sorted_tables:
                    _advance(connection, table)
    except (tarfile.TarError, EOFError, orjson.JSONDecodeError, KeyError, ValueError) as error:
        raise UnreadableBackup(f"{file} is damaged: {error}") from error
    except OSError as error:
        raise HomeUnusable(f"{file}: {error.strerror or error}") from error
    finally:
        store.close()


_PREFILLED = frozenset({"notary_head"})
"""Tables a migration puts a first row into."""


def _advance(connection: sa.engine.Connection, table: sa.Table) -> None:
    """PostgreSQL keeps its counters apart from the rows: set them behind the newest."""
    if connection.dialect.name != "postgresql":
        return
    for column in table.primary_key:
        sequence = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
        if sequence is not None:
            newest = connection.scalar(sa.select(sa.func.max(column)))
            if newest is not None:
                connection.execute(sa.select(sa.func.setval(sequence, newest)))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    source = archive.extractfile(member)
    if source is None:
        raise UnreadableBackup(f"{member.name} is not a file")
    return source.read()


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, home: Path, connection: sa.engine.Connection) -> None:
    top, _, rest = member.name.partition("/")
    if top == "database":
        table = metadata.tables[rest.partition("/")[0]]
        names = [column.name for column in table.columns]
        rows = [
            dict(zip(names, (_decode(value) for value in row), strict=True))
            for row in orjson.loads(_content(archive, member))
        ]
        if rows:
            connection.execute(table.insert(), rows)
        return
    if top != "home" or rest.split("/")[0] not in PARTS:
        raise UnreadableBackup(f"a backup holds no {member.name!r}")
    # The data filter refuses absolute paths, links out of the home, devices and dangerous modes (PEP 706).
    member.name = rest
    archive.extract(member, home, filter="data")
    if member.isfile():
        with contextlib.suppress(OSError):
            (home / rest).chmod(_PRIVATE)
