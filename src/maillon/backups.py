# SPDX-License-Identifier: Apache-2.0
"""A whole home in one archive, and a new home from it: keys, genesis, chain, log and database.

Written while a server may go on working: first the ledger is frozen, then the database, then the log of the size the
database says, of which nothing ever goes away. In this order nothing the archive holds depends on something it lacks.
Tables are written as rows, so that an archive made over SQLite restores into PostgreSQL and the other way round. The
archive holds private keys: it is written readable by its owner alone.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import os
import secrets
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import orjson
import sqlalchemy as sa

from maillon.kit.errors import HomeUnusable, KitError, NewerData
from maillon.kit.settings import Settings
from maillon.kit.store import Store, metadata, schema_versions
from maillon.services.notary import store as tables
from maillon.services.notary.published import Published, paths_of

FORMAT = "maillon.backup.v1"
PARTS = ("settings.toml", "genesis.json", "trust.json", "api-key", "authority.time", "keys", "log", "ledger")
"""What of a home goes into an archive; the lock and a SQLite file do not."""
_FILES = tuple(part for part in PARTS if part not in ("log", "ledger"))
_ATTEMPTS = 100
"""How often ledger and database are frozen anew when an anchor was recorded between the two."""
_PUBLISHED_WITHIN = 30.0
"""Seconds a step of the log may take to be published."""
_ROWS = 5_000
_PIECE = 1 << 20
_AGAIN = "take another backup, and a new home: what this one has laid out is not complete"
_PRIVATE = 0o600


class UnreadableBackup(KitError):
    """The archive is not one of ours, or is damaged."""


def _encode(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes | memoryview) else value


def _decode(value: Any) -> Any:
    return base64.b64decode(value["base64"], validate=True) if isinstance(value, dict) else value


class FrozenLedger(Protocol):
    """A ledger as of one moment."""

    newest: int
    """The number of its newest block."""

    def copy(self, target: Path) -> None:
        """Write it into a directory."""


Freeze = Callable[[], contextlib.AbstractContextManager[FrozenLedger | None]]


def _rows(connection: sa.engine.Connection) -> Iterator[tuple[str, bytes]]:
    """Every table in pieces: names of archive members, and rows as JSON."""
    for table in metadata.sorted_tables:
        result = connection.execute(sa.select(table).execution_options(yield_per=_ROWS))
        for number, rows in enumerate(result.partitions(_ROWS)):
            encoded = [[_encode(value) for value in row] for row in rows]
            yield f"database/{table.name}/{number:06}.json", orjson.dumps(encoded)


def _log(home: Path, connection: sa.engine.Connection) -> Iterator[tuple[str, bytes]]:
    """The log of the size the database says, whatever has been added since: archive members."""
    published = Published(home / "log")
    size = tables.read_head(connection).size
    record = tables.checkpoint_of(connection, size)
    if record is None:
        return
    until = time.monotonic() + _PUBLISHED_WITHIN
    while (read := published.as_of(size)) is None:
        if time.monotonic() > until:
            raise HomeUnusable(f"the log's step to {size} entries is committed and not being published: start it once")
        # Another process publishes it, and tells nobody but the disk: it is looked at again, within the bound above.
        time.sleep(0.05)
    for path in paths_of(size):
        yield f"home/log/{path}", read(path)
    for stamp in sorted(home.glob("log/stamp/*"), key=lambda path: path.name):
        if stamp.name.isdigit() and int(stamp.name) <= size:
            yield f"home/log/stamp/{stamp.name}", stamp.read_bytes()
    yield "home/log/checkpoint", record.note.encode()


@contextlib.contextmanager
def _frozen(store: Store, freeze: Freeze) -> Iterator[tuple[FrozenLedger | None, sa.engine.Connection]]:
    """Ledger and database of almost the same moment: the ledger has every block the database speaks of."""
    for _ in range(_ATTEMPTS):
        with freeze() as ledger, store.read() as connection:
            anchored = tables.newest_anchored(connection)
            if ledger is None or anchored is None or (anchored.height or 0) <= ledger.newest:
                yield ledger, connection
                return
    raise HomeUnusable("the ledger is always older than the database: they are not of one instance")


def _member(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = _PRIVATE
    archive.addfile(info, io.BytesIO(data))


def require_instance(home: Path) -> None:
    """Raise `HomeUnusable` unless an instance was laid out in the home."""
    if not (home / "keys").is_dir():
        raise HomeUnusable(f"there is no instance in {home}: maillon up --home {home} makes one")


def write(settings: Settings, file: Path, progress: Callable[[str], None], freeze: Freeze) -> int:
    """Write the archive, whole or not at all; its size in bytes. `freeze` gives the ledger as of a moment.

    Raises `HomeUnusable` when there is no instance in the home or the archive cannot be written, and what opening the
    database and freezing the ledger raise.
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
                with _frozen(store, freeze) as (ledger, connection):
                    if ledger is not None:
                        progress("ledger …")
                        _add_ledger(archive, ledger, file.parent)
                    progress("log …")
                    for name, data in _log(home, connection):
                        _member(archive, name, data)
                    progress("database …")
                    for name, data in _rows(connection):
                        _member(archive, name, data)
                # Last, so that the newest time ever stamped is not older than the stamps.
                for part in _FILES:
                    if (home / part).exists():
                        archive.add(home / part, f"home/{part}", filter=_regular)
            target.flush()
            os.fsync(target.fileno())
        temporary.replace(file)
    except OSError as error:
        raise HomeUnusable(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        store.close()
        temporary.unlink(missing_ok=True)
    return file.stat().st_size


def _add_ledger(archive: tarfile.TarFile, ledger: FrozenLedger, beside: Path) -> None:
    """By way of a copy beside the archive: LMDB writes files, and there must be room for the archive there anyway."""
    with tempfile.TemporaryDirectory(prefix=".ledger-", dir=beside) as copy:
        ledger.copy(Path(copy))
        for path in sorted(Path(copy).iterdir()):
            archive.add(path, f"home/ledger/{path.name}", filter=_regular)


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
            _check_head(file, orjson.loads(_content(archive, first)))
            progress("files and database …")
            with store.transaction() as connection:
                for table in reversed(metadata.sorted_tables):
                    if table.name in _PREFILLED:
                        connection.execute(table.delete())
                    elif connection.execute(sa.select(sa.func.count()).select_from(table)).scalar():
                        raise HomeUnusable(f"the database is not empty: table {table.name}")
                while (member := archive.next()) is not None:
                    _place(archive, member, home, connection)
                # Behind the last member stands the check sum of all: nothing is kept before it was compared.
                while archive.fileobj is not None and archive.fileobj.read(_PIECE):
                    pass
                for table in metadata.sorted_tables:
                    _advance(connection, table)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, sa.exc.StatementError) as error:
        raise UnreadableBackup(f"{file} is damaged: {_first_line(error)}; {_AGAIN}") from error
    except (KeyError, ValueError, TypeError) as error:
        raise UnreadableBackup(f"{file} is damaged: a table or row of it is none; {_AGAIN}") from error
    except OSError as error:
        raise HomeUnusable(f"{file}: {error.strerror or error}") from error
    finally:
        store.close()


def _check_head(file: Path, head: Any) -> None:
    """Raise `UnreadableBackup` or `NewerData` unless an archive that begins so is one for this program."""
    found = head if isinstance(head, dict) else {}
    if found.get("format") != FORMAT:
        raise UnreadableBackup(f"{file} is a backup of a format unknown here: {found.get('format')!r}")
    schema = found.get("schema")
    if not isinstance(schema, str):
        raise UnreadableBackup(f"{file} does not say which schema its rows have")
    if schema > schema_versions()[-1]:
        raise NewerData(f"{file} was made by a newer version of this program (schema {schema}): restore it with that")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


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
    # Files and directories below the home and nothing else: no link is made that a later file could be written through.
    place = PurePosixPath(rest)
    if ".." in place.parts or not (member.isfile() or member.isdir()):
        raise UnreadableBackup(f"a backup holds no {member.name!r} of that kind")
    target = home / place
    folder = target if member.isdir() else target.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    source = archive.extractfile(member)
    if source is not None:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        with source, os.fdopen(descriptor, "wb") as written:
            shutil.copyfileobj(source, written)
