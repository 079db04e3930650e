# SPDX-License-Identifier: Apache-2.0
"""Webhooks: what happened is told to addresses of the operator's choice, signed, and again until somebody took it.

Signed as Standard Webhooks 1.0 says (symmetric, `v1`), so that receivers check with any of its libraries. The order of
writes is that of letters:
stage: the message is written in the transaction of what it tells of; a crash before the commit leaves neither.
commit: both exist, or none does. A message has one identifier for ever: staged again (a read model made anew), it is
the message that is there already.
publish: the courier claims a message for two minutes and posts it; a crash here means it is posted again when the claim
ends, under the same identifier, by which a receiver knows it.
clean: the message is marked as taken, and forgotten a week later.

Where a message may go: to public addresses over https, unless the operator says otherwise. A name is resolved once,
each of its addresses is looked at, and the connection goes to the very address that was looked at, so that no second
answer of the name service leads elsewhere. Redirects are not followed.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from maillon.kit.clock import Clock
from maillon.kit.courier import Courier
from maillon.kit.errors import AddressForbidden, InvalidSettings
from maillon.kit.store import Store, metadata

PAUSES: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each further attempt; after the last a message is given up."""
KEPT: Final = 7 * 24 * 3600
"""Seconds a message stays once it was taken or given up, so that the same one is not staged again."""
FRESH: Final = 24 * 3600
"""Seconds after which what happened is news no more: a read model made anew tells nobody of last year."""
_TIMEOUT: Final = 15.0
_GONE: Final = 410
_TRANSLATED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""What a translator turns into IPv4 addresses, of the inside too (RFC 6052 and RFC 8215)."""
_SECRET: Final = "whsec_"  # noqa: S105 - the prefix of one
logger = structlog.get_logger("maillon.webhooks")

table = sa.Table(
    "webhook_outbox",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("receiver", sa.String(64), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("taken", sa.BigInteger),
    sa.Column("failed", sa.BigInteger),
)


def read_secret(text: str) -> bytes:
    """The key of a secret (Standard Webhooks, "Signature scheme"). Raises `InvalidSettings`."""
    try:
        key = base64.b64decode(text.removeprefix(_SECRET), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_SECRET) or not 24 <= len(key) <= 64:
        raise InvalidSettings("setting webhooks: a secret is whsec_ and the base64 of 24 to 64 random bytes")
    return key


def sign(key: bytes, identifier: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature` of a message: HMAC-SHA256 over identifier, time and body."""
    made = hmac.new(key, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody who is told. Its url is its name: another url is another receiver."""

    url: str
    key: bytes

    @property
    def name(self) -> str:
        """What rows call it: a digest, since a url may hold a secret of the receiver's own."""
        return hashlib.sha256(self.url.encode()).hexdigest()


Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it leads to the internet at large, also where it is an IPv4 address written within an IPv6 one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return address.is_global and _is_public(inner)
        if address.is_reserved or address.is_site_local or any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


def allowed_address(url: str, *, private: bool, resolving: Resolve = resolve) -> str:
    """The address to connect to. Raises `AddressForbidden` if any of the name's is not public, `OSError`."""
    parts = urlsplit(url)
    assert parts.hostname is not None  # the settings were checked
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = resolving(parts.hostname, port)
    if not addresses:
        raise OSError("the name has no address")
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not private and not _is_public(address):
            raise AddressForbidden(f"{parts.hostname} leads to {text}, which is no public address")
    return addresses[0]


class Webhooks:
    """Messages waiting, and the courier who posts them. Safe to share between threads."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        receivers: Sequence[Receiver],
        *,
        private: bool = False,
        resolving: Resolve = resolve,
    ) -> None:
        self._store = store
        self._clock = clock
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._private = private
        self._resolving = resolving
        waiting = table.c.taken.is_(None) & table.c.failed.is_(None)
        self._courier = Courier("webhooks", store, clock, table, waiting, self._carry)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def stage(self, connection: Connection, kind: str, key: str, happened: int, data: Mapping[str, Any]) -> None:
        """Keep a message for each receiver in the caller's transaction; `key` names what happened, once for ever.

        What happened more than a day ago (`happened`, Unix time in seconds) is told to nobody.
        """
        now = self._now()
        if happened < now - FRESH:
            return
        moment = datetime.datetime.fromtimestamp(happened, datetime.UTC).isoformat().replace("+00:00", "Z")
        body = orjson.dumps({"type": kind, "timestamp": moment, "data": data})
        for name in self._receivers:
            identifier = "msg_" + hashlib.sha256(f"{name}:{kind}:{key}".encode()).hexdigest()[:32]
            if connection.execute(sa.select(table.c.id).where(table.c.id == identifier)).first() is None:
                message = {"id": identifier, "receiver": name, "body": body, "created": now, "attempts": 0, "due": now}
                connection.execute(table.insert().values(message))

    def deliver(self) -> int:
        """Post every message that is due; how many were taken."""
        return self._courier.deliver()

    def _carry(self, row: sa.Row[Any]) -> bool:
        receiver = self._receivers.get(row.receiver)
        now = self._now()
        if receiver is None:  # the operator took it out of the settings
            self._courier.change(row.id, failed=now)
            return False
        status = 0
        try:
            status = self._post(receiver, row.id, bytes(row.body), now)
            refused = None if 200 <= status < 300 else f"status {status}"
        except AddressForbidden as error:
            refused = str(error)
        except Exception as error:  # noqa: BLE001 - not now, whatever it is: one receiver must not hold up the others
            refused = type(error).__name__
        if refused is None:
            self._courier.change(row.id, taken=now)
            return True
        host = urlsplit(receiver.url).hostname
        logger.warning("webhook not taken", message=row.id, host=host, attempt=row.attempts + 1, reason=refused)
        if row.attempts >= len(PAUSES) or status == _GONE:
            self._courier.change(row.id, failed=now)
        else:
            self._courier.change(row.id, due=now + PAUSES[row.attempts])
        return False

    def _post(self, receiver: Receiver, identifier: str, body: bytes, now: int) -> int:
        """Post once; the status of the answer. Raises `AddressForbidden`, `OSError`, `httpx.HTTPError`."""
        url = httpx.URL(receiver.url)
        address = allowed_address(receiver.url, private=self._private, resolving=self._resolving)
        headers = {
            "Host": url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "User-Agent": "Maillon",
            "webhook-id": identifier,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(receiver.key, identifier, now, body),
        }
        # The certificate is checked for the name, the connection goes to the address that was looked at, and no proxy
        # of the environment stands between.
        with (
            httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client,
            client.stream(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers=headers,
                extensions={"sni_hostname": url.host},
            ) as answer,
        ):
            return answer.status_code  # its body is nobody's business

    def counts(self) -> tuple[int, int]:
        """How many messages wait, and how many were given up."""
        with self._store.read() as connection:
            failed = connection.scalar(sa.select(sa.func.count()).where(table.c.failed.is_not(None))) or 0
            waiting = sa.select(sa.func.count()).where(table.c.failed.is_(None), table.c.taken.is_(None))
            return int(connection.scalar(waiting) or 0), int(failed)

    def forget(self, connection: Connection) -> int:
        """Forget messages that were taken or given up long ago; how many."""
        before = self._now() - KEPT
        ended = (table.c.taken < before) | (table.c.failed < before)
        return connection.execute(table.delete().where(ended)).rowcount

    def wake(self) -> None:
        """There may be a message: called after the commit that staged one."""
        self._courier.wake()

    def start(self) -> None:
        """Let the courier walk, if there is anybody to tell."""
        if self._receivers:
            self._courier.start()

    def stop(self) -> None:
        """Let the courier finish the message in hand."""
        self._courier.stop()
