# SPDX-License-Identifier: Apache-2.0
"""Whom a gateway knows by key, and how much each may ask: `HOME/node/clients.json`, of which only digests are kept.

A key is `mk_` and 32 random bytes, shown once. The gateway looks whether the file changed at most once a second, so
that a client added or removed needs no restart.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from maillon.kit.keys import write_private
from maillon.network.errors import NodeUnusable

TYPE: Final = "maillon.gateway-clients.v1"
MAXIMUM_CLIENTS: Final = 10_000
MAXIMUM_RATE: Final = 1_000_000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,79}")
_LOOK_EVERY: Final = 1.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Client:
    """A program, or an organisation's programs together, that comes with a key."""

    name: str
    digest: bytes
    """SHA-256 of the key."""
    requests_a_second: int
    websockets: int
    """Connections at once."""

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise NodeUnusable("a client's name: 1 to 80 letters, digits, spaces and . _ @ -")
        if not (0 < self.requests_a_second <= MAXIMUM_RATE and 0 <= self.websockets <= MAXIMUM_RATE):
            raise NodeUnusable(f"client {self.name}: from 1 request a second, at most {MAXIMUM_RATE}")
        if len(self.digest) != 32:
            raise NodeUnusable(f"client {self.name}: not a SHA-256")

    @property
    def id(self) -> str:
        """What names it in commands: the first digits of the digest."""
        return self.digest.hex()[:8]


def digest_of(key: str) -> bytes:
    """What is kept of a key: 256 random bits need no salt."""
    return hashlib.sha256(key.encode()).digest()


def read(path: Path) -> tuple[Client, ...]:
    """Every client; none where there is no file. Raises `NodeUnusable`."""
    try:
        document: Any = orjson.loads(path.read_bytes())
        if document["type"] != TYPE or len(document["clients"]) > MAXIMUM_CLIENTS:
            raise NodeUnusable(f"{path} is not a {TYPE}, or names more than {MAXIMUM_CLIENTS} clients")
        return tuple(
            Client(
                str(each["name"]),
                bytes.fromhex(each["sha256"]),
                int(each["requests_a_second"]),
                int(each["websockets"]),
            )
            for each in document["clients"]
        )
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NodeUnusable(f"{path} cannot be read: {error!r}") from error


def add(path: Path, name: str, requests_a_second: int, websockets: int) -> str:
    """Write a client more; its key, which is kept nowhere. Raises `NodeUnusable`."""
    key = f"mk_{secrets.token_urlsafe(32)}"
    client = Client(name, digest_of(key), requests_a_second, websockets)
    present = read(path)
    if any(each.name == name for each in present):
        raise NodeUnusable(f"there is a client {name!r} already: remove it, or take another name")
    _write(path, (*present, client))
    return key


def remove(path: Path, name: str) -> bool:
    """Take a client out, by name or id; whether it was there. Raises `NodeUnusable`."""
    present = read(path)
    kept = tuple(each for each in present if name not in {each.name, each.id})
    if len(kept) != len(present):
        _write(path, kept)
    return len(kept) != len(present)


def _write(path: Path, clients: tuple[Client, ...]) -> None:
    document = {
        "type": TYPE,
        "clients": [
            {
                "name": each.name,
                "sha256": each.digest.hex(),
                "requests_a_second": each.requests_a_second,
                "websockets": each.websockets,
            }
            for each in clients
        ],
    }
    write_private(path, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


class Clients:
    """The file as the gateway sees it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Before it is read: what changes meanwhile is seen at the next look.
        self._state = self._look()
        self._known = {each.digest: each for each in read(path)}
        self._looked = float("-inf")
        self._unreadable: tuple[int, int] | None = None
        """The state in which it could not be read."""

    def of(self, key: str, now: float) -> Client | None:
        """The client with this key. A file that became unreadable leaves those who were known."""
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            state = self._look()
            if state != self._state:
                self._read_again(state)
        return self._known.get(digest_of(key))

    def _read_again(self, state: tuple[int, int] | None) -> None:
        try:
            self._known = {each.digest: each for each in read(self._path)}
            self._state = state
        except NodeUnusable as error:
            # Written by hand and not finished, perhaps: it is read again in a second, and said once for each writing.
            if state != self._unreadable:
                _log.warning("clients cannot be read, those known before stay", reason=str(error))
            self._unreadable = state

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino
