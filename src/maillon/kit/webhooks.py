# SPDX-License-Identifier: Apache-2.0
"""Webhooks: what happened is told to addresses of the operator's and of organisations, signed, until somebody took it.

Signed as Standard Webhooks 1.0 says (symmetric, `v1`), so that receivers check with any of its libraries. The order of
writes is that of letters:
stage: the message is written in the transaction of what it tells of; a crash before the commit leaves neither.
commit: both exist, or none does. A message has one identifier for ever: staged again (a read model made anew), it is
the message that is there already.
publish: the courier claims a message for two minutes and posts it; a crash here means it is posted again when the claim
ends, under the same identifier, by which a receiver knows it.
clean: the message is marked as taken, and forgotten a week later.

Nobody waits for a receiver but its own messages: several walkers carry, one message at a time to each receiver, and
while its oldest is put off the younger ones are too, so that one who is away costs one attempt for each pause, however
much there is to tell. A message that was refused for hours holds up the younger ones no more: it may be the message.

An organisation's receiver is a row, its url and secret encrypted. Where nobody took anything from the first attempt of
a message to its last, or the receiver says it is gone, it is set aside: nothing is told to it until somebody of the
organisation resumes it.

Where a message may go: to public addresses over https, unless the operator says otherwise, of their own receivers and
of organisations' apart. A name is resolved once, each of its addresses is looked at, and the connection goes to the
very address that was looked at, so that no second answer of the name service leads elsewhere. Redirects are not
followed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import datetime
import hashlib
import hmac
import ipaddress
import secrets
import socket
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from maillon.kit.callers import Address, Network
from maillon.kit.clock import Clock
from maillon.kit.courier import Courier
from maillon.kit.encryption import Encryption
from maillon.kit.errors import AddressForbidden, CiphertextUnreadable, InvalidSettings
from maillon.kit.settings import MAXIMUM_TARGET, check_target
from maillon.kit.store import Store, metadata

PAUSES: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each further attempt; after the last a message is given up."""
HOLDS: Final = 5
"""Attempts after which a message holds up the younger ones of its receiver no more: two and a half hours."""
WALKERS: Final = 8
"""Receivers that can be slow at once before another waits."""
KEPT: Final = 7 * 24 * 3600
"""Seconds a message stays once it was taken or given up, so that the same one is not staged again."""
FRESH: Final = 24 * 3600
"""Seconds after which what happened is news no more: a read model made anew tells nobody of last year."""
TEST: Final = "webhook.test"
DEPARTED: Final = "departed"
"""Why a receiver was set aside whose organisation left."""
_TIMEOUT: Final = 15.0
"""Seconds until an answer has begun, all in all: who sends a byte now and then is as slow as who sends none."""
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
    sa.Column("test", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""`receiver` is the name of one of the operator's, or the id of an organisation's. A test is tried once."""
_UNENDED = table.c.taken.is_(None) & table.c.failed.is_(None)
sa.Index("ix_webhook_outbox_due", table.c.due, table.c.id, sqlite_where=_UNENDED, postgresql_where=_UNENDED)
sa.Index(
    "ix_webhook_outbox_receiver",
    table.c.receiver, table.c.created, table.c.id,
    sqlite_where=_UNENDED, postgresql_where=_UNENDED,
)  # fmt: skip

receivers = sa.Table(
    "webhook_receiver",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("organisation", sa.String(80), nullable=False, index=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("kinds", sa.String(1000), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("taken", sa.BigInteger),
    sa.Column("refused", sa.BigInteger),
    sa.Column("reason", sa.String(40)),
    sa.Column("off", sa.BigInteger),
)
"""`sealed` is url and secret, encrypted: a url may hold a secret of the receiver's own. `kinds` is empty for all,
`since` when it was made or last resumed, `reason` why it refused last, `off` when it was set aside."""


def read_secret(text: str) -> bytes:
    """The key of a secret (Standard Webhooks, "Signature scheme"). Raises `InvalidSettings`."""
    try:
        key = base64.b64decode(text.removeprefix(_SECRET), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_SECRET) or not 24 <= len(key) <= 64:
        raise InvalidSettings("setting webhooks: a secret is whsec_ and the base64 of 24 to 64 random bytes")
    return key


def new_secret() -> str:
    """One nobody has."""
    return _SECRET + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(key: bytes, identifier: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature` of a message: HMAC-SHA256 over identifier, time and body."""
    made = hmac.new(key, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody who is told. Of the operator's the url is the name: another url is another receiver."""

    url: str
    key: bytes
    organisation: str | None = None
    """Whose it is; None for the operator's."""
    id: str = ""
    """Of an organisation's."""

    @property
    def name(self) -> str:
        """What rows call it: its id, or a digest, since a url may hold a secret of the receiver's own."""
        return self.id or hashlib.sha256(self.url.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver of an organisation, as its people see it: everything but the secret, and what a url may hide."""

    id: str
    organisation: str
    address: str
    """Host and path."""
    kinds: tuple[str, ...]
    """Of what it is told; none for everything."""
    created: datetime.datetime
    taken: datetime.datetime | None
    """When it last took a message."""
    refused: datetime.datetime | None
    """When it last took none, and `reason` why: `status 503`, address, certificate, time, connection, departed."""
    reason: str | None
    off: datetime.datetime | None
    """Since when it is set aside."""


Resolve = Callable[[str, int], Sequence[str]]
SetAside = Callable[[Connection, Webhook], None]
"""What is done in the transaction that sets a receiver aside."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def _is_public(address: Address) -> bool:
    """Whether it leads to the internet at large, also where it is an IPv4 address written within an IPv6 one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return address.is_global and _is_public(inner)
        if address.is_reserved or address.is_site_local or any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


def _may_lead_to(address: Address, networks: Collection[Network]) -> bool:
    return _is_public(address) or any(address in network for network in networks)


def check_url(url: str, networks: Collection[Network]) -> None:
    """Raise `ValueError` for what no webhook of an organisation can be; `networks` may be led to beside public ones."""
    if len(url) > MAXIMUM_TARGET:
        raise ValueError(f"an address has at most {MAXIMUM_TARGET} characters")
    parts = urlsplit(check_target(url))
    if parts.scheme != "https" and not networks:
        raise ValueError("https:// is needed")
    try:
        httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"nobody can be asked for that: {error}") from None
    if not url.isprintable():
        raise ValueError("an address shows what it is")
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return  # a name: where it leads is looked at each time
    if not _may_lead_to(address, networks):
        raise ValueError("the address is not a public one")


def allowed_address(
    url: str, *, private: bool, networks: Collection[Network] = (), resolving: Resolve = resolve
) -> str:
    """The address to connect to. Raises `AddressForbidden` if any of the name's is not public, `OSError`.

    What is not public is let through by `private` whatever it is, by `networks` where one of them holds it.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None  # it was checked when it was given
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = resolving(parts.hostname, port)
    if not addresses:
        raise OSError("the name has no address")
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not private and not _may_lead_to(address, networks):
            raise AddressForbidden(f"{parts.hostname} leads to {text}, which is no public address")
    return addresses[0]


def _reason(error: Exception) -> str:
    """Why nothing was posted, for people of an organisation: never where a name leads within this network."""
    if isinstance(error, AddressForbidden | socket.gaierror | UnicodeError):
        return "address"
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "certificate"
        cause = cause.__cause__ or cause.__context__
    return "connection"


class Webhooks:
    """Messages waiting, those they are for, and the courier who posts them. Safe to share between threads."""

    set_aside: SetAside | None = None
    """Called in the transaction that sets a receiver of an organisation aside."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        encryption: Encryption,
        own: Sequence[Receiver] = (),
        *,
        private: bool = False,
        networks: Collection[Network] = (),
        resolving: Resolve = resolve,
    ) -> None:
        """Over the operator's own receivers, who may stand inside (`private`), and those of organisations.

        These may be public, or in one of the `networks`.
        """
        self._store = store
        self._clock = clock
        self._encryption = encryption
        self._own = {receiver.name: receiver for receiver in own}
        self._private = private
        self.networks = tuple(networks)
        self._resolving = resolving
        older = table.alias("older")
        held = sa.exists().where(
            older.c.receiver == table.c.receiver,
            older.c.taken.is_(None),
            older.c.failed.is_(None),
            older.c.attempts < HOLDS,
            ~older.c.test,
            sa.or_(
                older.c.created < table.c.created,
                sa.and_(older.c.created == table.c.created, older.c.id < table.c.id),
            ),
        )
        waiting = _UNENDED & sa.or_(table.c.test, ~held)
        self._courier = Courier(
            "webhooks", store, clock, table, waiting, self._carry, to=table.c.receiver.name, walkers=WALKERS
        )

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    # What is told.

    def stage(
        self,
        connection: Connection,
        kind: str,
        key: str,
        happened: int,
        data: Mapping[str, Any],
        *,
        organisation: str | None = None,
    ) -> None:
        """Keep a message for each receiver in the caller's transaction; `key` names what happened, once for ever.

        What concerns one organisation alone is told to its own receivers and the operator's. What happened more than a
        day ago (`happened`, Unix time in seconds) is told to nobody.
        """
        if happened < self._now() - FRESH:
            return
        query = sa.select(receivers.c.id, receivers.c.kinds).where(receivers.c.off.is_(None))
        if organisation is not None:
            query = query.where(receivers.c.organisation == organisation)
        told = [row.id for row in connection.execute(query) if not row.kinds or kind in row.kinds.split()]
        self._stage(connection, [*self._own, *told], kind, key, happened, data)

    def _stage(  # noqa: PLR0917 - what happened, and who is told
        self,
        connection: Connection,
        names: Collection[str],
        kind: str,
        key: str,
        happened: int,
        data: Mapping[str, Any],
    ) -> Collection[str]:
        """The ids of the messages."""
        ids = {"msg_" + hashlib.sha256(f"{name}:{kind}:{key}".encode()).hexdigest()[:32]: name for name in names}
        there = set(connection.scalars(sa.select(table.c.id).where(table.c.id.in_(ids)))) if ids else set()
        moment = datetime.datetime.fromtimestamp(happened, datetime.UTC).isoformat().replace("+00:00", "Z")
        body = orjson.dumps({"type": kind, "timestamp": moment, "data": data})
        now, test = self._now(), kind == TEST
        rows = [
            {"id": one, "receiver": name, "body": body, "created": now, "attempts": 0, "due": now, "test": test}
            for one, name in ids.items()
            if one not in there
        ]
        if rows:
            connection.execute(table.insert(), rows)
        return ids

    # The receivers of organisations, in the caller's transaction.

    def of(self, connection: Connection, organisation: str) -> list[Webhook]:
        """Those of an organisation, in the order they were made."""
        query = sa.select(receivers).where(receivers.c.organisation == organisation)
        return [self._webhook(row) for row in connection.execute(query.order_by(receivers.c.created, receivers.c.id))]

    def add(self, connection: Connection, organisation: str, url: str, kinds: Collection[str]) -> tuple[str, str]:
        """Another of an organisation: (id, secret), which is shown this once. Raises `ValueError`."""
        check_url(url, self.networks)
        identifier, secret, now = secrets.token_hex(8), new_secret(), self._now()
        connection.execute(
            receivers.insert().values(
                id=identifier,
                organisation=organisation,
                sealed=self._seal(identifier, url, secret),
                kinds=" ".join(sorted(kinds)),
                created=now,
                since=now,
            )
        )
        return identifier, secret

    def rotate(self, connection: Connection, organisation: str, identifier: str) -> str | None:
        """Another secret, shown this once, with which everything is signed from now on; None where there is none."""
        row = self._row(connection, identifier, organisation)
        if row is None:
            return None
        secret = new_secret()
        sealed = self._seal(identifier, self._opened(row)["url"], secret)
        connection.execute(receivers.update().where(receivers.c.id == identifier).values(sealed=sealed))
        return secret

    def resume(self, connection: Connection, organisation: str, identifier: str) -> bool:
        """Tell it again of what happens from now on; False where there is none."""
        same = (receivers.c.id == identifier) & (receivers.c.organisation == organisation)
        again = {"off": None, "refused": None, "reason": None, "since": self._now()}
        changed = connection.execute(receivers.update().where(same).values(again))
        return bool(changed.rowcount)

    def remove(self, connection: Connection, organisation: str, identifier: str) -> bool:
        """Forget it, and every message for it; False where there is none."""
        same = (receivers.c.id == identifier) & (receivers.c.organisation == organisation)
        if not connection.execute(receivers.delete().where(same)).rowcount:
            return False
        connection.execute(table.delete().where(table.c.receiver == identifier))
        return True

    def test(self, connection: Connection, organisation: str, identifier: str, data: Mapping[str, Any]) -> str | None:
        """Keep a message for it alone, of no event, which is tried once: its id; None where there is none."""
        if self._row(connection, identifier, organisation) is None:
            return None
        (message,) = self._stage(connection, [identifier], TEST, secrets.token_hex(8), self._now(), data)
        return message

    def depart(self, connection: Connection, organisation: str, happened: int) -> None:
        """Set aside those of an organisation that left, of before it did; what was staged goes on its way."""
        now = self._now()
        if happened < now - FRESH:
            return
        there = (receivers.c.organisation == organisation) & receivers.c.off.is_(None) & (receivers.c.since <= happened)
        for identifier in connection.scalars(sa.select(receivers.c.id).where(there).with_for_update()).all():
            aside = receivers.update().where(receivers.c.id == identifier)
            connection.execute(aside.values(off=now, refused=now, reason=DEPARTED))
            try:
                self._tell_set_aside(connection, identifier)
            except CiphertextUnreadable as error:  # what the chain says goes on, a lost key or not
                logger.error("webhook unreadable", webhook=identifier, reason=str(error))  # noqa: TRY400 - nothing to trace

    @staticmethod
    def organisations(connection: Connection) -> list[str]:
        """Those that have one."""
        query = sa.select(receivers.c.organisation).distinct().order_by(receivers.c.organisation)
        return list(connection.scalars(query))

    def encrypt_again(self, connection: Connection) -> int:
        """Encrypt with the newest key what an older one encrypted; how many."""
        changed = 0
        for row in connection.execute(sa.select(receivers)).all():
            if not self._encryption.is_current(bytes(row.sealed)):
                kept = self._opened(row)
                sealed = self._seal(row.id, kept["url"], kept["secret"])
                connection.execute(receivers.update().where(receivers.c.id == row.id).values(sealed=sealed))
                changed += 1
        return changed

    def _seal(self, identifier: str, url: str, secret: str) -> bytes:
        return self._encryption.encrypt(orjson.dumps({"url": url, "secret": secret}), _context(identifier))

    def _opened(self, row: Any) -> dict[str, str]:
        found: dict[str, str] = orjson.loads(self._encryption.decrypt(bytes(row.sealed), _context(row.id)))
        return found

    @staticmethod
    def _row(connection: Connection, identifier: str, organisation: str | None = None) -> Any:
        query = sa.select(receivers).where(receivers.c.id == identifier)
        if organisation is not None:
            query = query.where(receivers.c.organisation == organisation)
        return connection.execute(query.with_for_update()).one_or_none()

    def _webhook(self, row: Any) -> Webhook:
        parts = urlsplit(self._opened(row)["url"])
        return Webhook(
            row.id,
            row.organisation,
            parts.netloc + parts.path,
            tuple(row.kinds.split()),
            datetime.datetime.fromtimestamp(row.created, datetime.UTC),
            _moment(row.taken),
            _moment(row.refused),
            row.reason,
            _moment(row.off),
        )

    # On the way.

    def deliver(self) -> int:
        """Post every message that is due; how many were taken."""
        return self._courier.deliver()

    def _receiver(self, name: str) -> Receiver | None:
        """Raises `CiphertextUnreadable`."""
        if name in self._own:
            return self._own[name]
        with self._store.read() as connection:
            row = connection.execute(sa.select(receivers).where(receivers.c.id == name)).one_or_none()
        if row is None:
            return None
        kept = self._opened(row)
        return Receiver(kept["url"], read_secret(kept["secret"]), row.organisation, row.id)

    def _carry(self, row: sa.Row[Any]) -> bool:
        now = self._now()
        try:
            receiver = self._receiver(row.receiver)
        except CiphertextUnreadable as error:  # due again when the claim ends: a key may be restored
            logger.error("webhook unreadable", message=row.id, reason=str(error))  # noqa: TRY400 - nothing to trace
            return False
        if receiver is None:  # the operator took it out of the settings, or somebody removed it
            self._courier.change(row.id, failed=now)
            return False
        status = 0
        try:
            status = self._post(receiver, row.id, bytes(row.body), now)
            reason = said = None if 200 <= status < 300 else f"status {status}"
        except AddressForbidden as error:
            reason, said = _reason(error), str(error)
        except Exception as error:  # noqa: BLE001 - not now, whatever it is: one receiver must not hold up the others
            reason, said = _reason(error), type(error).__name__
        if reason is None:
            with self._store.transaction() as connection:
                connection.execute(table.update().where(table.c.id == row.id).values(taken=now))
                connection.execute(receivers.update().where(receivers.c.id == row.receiver).values(taken=now))
            return True
        host = urlsplit(receiver.url).hostname
        logger.warning("webhook not taken", message=row.id, host=host, attempt=row.attempts + 1, reason=said)
        self._put_off(row, receiver, reason, gone=status == _GONE)
        return False

    def _put_off(self, row: sa.Row[Any], receiver: Receiver, reason: str, *, gone: bool) -> None:
        """Try again later, or never; a receiver of an organisation is set aside that is gone, or took nothing since."""
        now = self._now()
        given_up = gone or row.attempts >= len(PAUSES)
        ended = given_up or row.test
        with self._store.transaction() as connection:
            next_ = {"failed": now} if ended else {"due": now + PAUSES[row.attempts]}
            connection.execute(table.update().where(table.c.id == row.id).values(next_))
            if receiver.organisation is None:
                return
            same = receivers.c.id == receiver.id
            connection.execute(receivers.update().where(same).values(refused=now, reason=reason))
            if not gone:  # who took another meanwhile is not away: it was the message
                same &= receivers.c.taken.is_(None) | (receivers.c.taken <= row.created)
            if given_up:
                self._set_aside(connection, receiver.id, same, now)

    def _set_aside(self, connection: Connection, identifier: str, where: sa.ColumnElement[bool], now: int) -> None:
        in_service = where & receivers.c.off.is_(None)
        if not connection.execute(receivers.update().where(in_service).values(off=now)).rowcount:
            return  # removed just now, set aside before, or taking others
        waiting = _UNENDED & (table.c.receiver == identifier)
        connection.execute(table.update().where(waiting).values(failed=now))
        self._tell_set_aside(connection, identifier)

    def _tell_set_aside(self, connection: Connection, identifier: str) -> None:
        if self.set_aside is not None:
            self.set_aside(connection, self._webhook(self._row(connection, identifier)))

    def _post(self, receiver: Receiver, identifier: str, body: bytes, now: int) -> int:
        """Post once; the status of the answer. Raises `AddressForbidden`, `OSError`, `httpx.HTTPError`."""
        url = httpx.URL(receiver.url)
        own = receiver.organisation is None
        address = allowed_address(
            receiver.url,
            private=own and self._private,
            networks=() if own else self.networks,
            resolving=self._resolving,
        )
        headers = {
            "Host": url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "User-Agent": "Maillon",
            "webhook-id": identifier,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(receiver.key, identifier, now, body),
        }
        return asyncio.run(_answered(url, address, headers, body))

    def counts(self) -> tuple[int, int]:
        """How many messages wait, and how many were given up."""
        with self._store.read() as connection:
            failed = connection.scalar(sa.select(sa.func.count()).where(table.c.failed.is_not(None))) or 0
            waiting = sa.select(sa.func.count()).where(_UNENDED)
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
        """Let the courier walk."""
        self._courier.start()

    def stop(self) -> None:
        """Let the courier finish the messages in hand."""
        self._courier.stop()


async def _answered(url: httpx.URL, address: str, headers: Mapping[str, str], body: bytes) -> int:
    """The status of the answer. Raises `TimeoutError`, `httpx.HTTPError`."""
    # The certificate is checked for the name, the connection goes to the address that was looked at, and no proxy of
    # the environment stands between. Its own limits count each byte anew, ours the whole.
    async with (
        asyncio.timeout(_TIMEOUT),
        httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client,
        client.stream(
            "POST",
            url.copy_with(host=address),
            content=body,
            headers=headers,
            extensions={"sni_hostname": url.host},
        ) as answer,
    ):
        return answer.status_code  # its body is nobody's business


def _context(identifier: str) -> str:
    return f"webhook_receiver.sealed:{identifier}"


def _moment(seconds: int | None) -> datetime.datetime | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)
