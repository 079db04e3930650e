# SPDX-License-Identifier: Apache-2.0
"""Letters: staged in the database with what they tell of, delivered after the commit, kept until a server took them.

stage: the letter is written, encrypted, in the transaction of the deed; a crash before the commit leaves neither.
commit: deed and letter exist together, or not at all.
publish: the courier claims a letter for two minutes, then hands it to the mailer; a crash here means it is handed over
again when the claim ends, under the same Message-ID, so a reader may see it twice and never not at all.
clean: the letter is forgotten; a crash before that is the case above.
"""

from __future__ import annotations

import contextlib
import datetime
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol

import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from maillon.kit.clock import Clock
from maillon.kit.encryption import Encryption
from maillon.kit.errors import KitError, MailRefused, MailUnavailable
from maillon.kit.store import Store, metadata

CLAIM = 120
"""Seconds one process has to hand a letter over before another may."""
GIVE_UP = 3 * 24 * 3600
"""Seconds after which a letter no server takes is given up."""
KEPT = 7 * 24 * 3600
"""Seconds a letter that failed stays for the operator to count, without its words."""
_LONGEST_PAUSE = 3600
_ROUND = 10.0
logger = structlog.get_logger("maillon.mail")

table = sa.Table(
    "mail_outbox",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("letter", sa.LargeBinary),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger),
)


@dataclass(frozen=True, slots=True)
class Letter:
    """What one person is to read. `text` may hold a code: it is encrypted at rest and never logged."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Hands letters to the world."""

    def send(self, message: EmailMessage) -> None:
        """Return once a server has taken the letter. Raises `MailUnavailable` or `MailRefused`."""


class Outbox:
    """Letters waiting for the mailer, and the courier who carries them. Safe to share between threads."""

    def __init__(self, store: Store, clock: Clock, encryption: Encryption, mailer: Mailer, sender: str) -> None:
        self._store = store
        self._clock = clock
        self._encryption = encryption
        self._mailer = mailer
        self._sender = sender
        self._wake = threading.Event()
        self._stopping = False
        self._courier: threading.Thread | None = None

    def stage(self, connection: Connection, identifier: str, letter: Letter) -> None:
        """Keep a letter in the caller's transaction; `identifier` is 32 hexadecimal digits nobody used before."""
        if "\n" in letter.to + letter.subject or "\r" in letter.to + letter.subject:
            raise ValueError("a header of a letter is one line")
        now = int(self._clock.now().timestamp())
        body = orjson.dumps({"to": letter.to, "subject": letter.subject, "text": letter.text})
        sealed = self._encryption.encrypt(body, f"mail_outbox:{identifier}")
        connection.execute(
            table.insert().values(id=identifier, letter=sealed, created=now, attempts=0, due=now, failed=None)
        )

    def deliver(self) -> int:
        """Hand over every letter that is due; how many a server took."""
        taken = 0
        while (claimed := self._claim()) is not None:
            taken += self._carry(*claimed)
        return taken

    def _claim(self) -> tuple[str, bytes, int, int] | None:
        now = int(self._clock.now().timestamp())
        with self._store.transaction() as connection:
            waiting = sa.select(table).where(table.c.failed.is_(None), table.c.due <= now)
            row = connection.execute(waiting.order_by(table.c.due, table.c.id).limit(1).with_for_update()).first()
            if row is None:
                return None
            claim = {"due": now + CLAIM, "attempts": row.attempts + 1}
            connection.execute(table.update().where(table.c.id == row.id).values(claim))
        return row.id, bytes(row.letter), row.created, row.attempts

    def _carry(self, identifier: str, sealed: bytes, created: int, attempts: int) -> bool:
        document = orjson.loads(self._encryption.decrypt(sealed, f"mail_outbox:{identifier}"))
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = document["to"]
        message["Subject"] = document["subject"]
        message["Date"] = format_datetime(datetime.datetime.fromtimestamp(created, datetime.UTC))
        message["Message-ID"] = f"<{identifier}@{self._sender.rpartition('@')[2].rstrip('>')}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(document["text"])
        now = int(self._clock.now().timestamp())
        try:
            self._mailer.send(message)
        except MailUnavailable as error:
            logger.warning("letter not taken", letter=identifier, attempt=attempts + 1, reason=str(error))
            gone = now - created > GIVE_UP
            change = {"failed": now, "letter": None} if gone else {"due": now + min(_LONGEST_PAUSE, 30 << attempts)}
            with self._store.transaction() as connection:
                connection.execute(table.update().where(table.c.id == identifier).values(change))
            return False
        except MailRefused as error:
            logger.warning("letter refused", letter=identifier, reason=str(error))
            with self._store.transaction() as connection:
                change = {"failed": now, "letter": None}
                connection.execute(table.update().where(table.c.id == identifier).values(change))
            return False
        with self._store.transaction() as connection:
            connection.execute(table.delete().where(table.c.id == identifier))
        return True

    def counts(self) -> tuple[int, int]:
        """How many letters wait, and how many failed."""
        with self._store.read() as connection:
            failed = connection.scalar(sa.select(sa.func.count()).where(table.c.failed.is_not(None))) or 0
            total = connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        return total - failed, failed

    def forget(self, connection: Connection) -> int:
        """Forget letters that failed long ago; how many."""
        before = int(self._clock.now().timestamp()) - KEPT
        return connection.execute(table.delete().where(table.c.failed < before)).rowcount

    def encrypt_again(self, connection: Connection) -> int:
        """Encrypt with the newest key the letters an older one encrypted; how many."""
        changed = 0
        for row in connection.execute(sa.select(table.c.id, table.c.letter).where(table.c.letter.is_not(None))).all():
            if not self._encryption.is_current(bytes(row.letter)):
                context = f"mail_outbox:{row.id}"
                plain = self._encryption.decrypt(bytes(row.letter), context)
                again = self._encryption.encrypt(plain, context)
                connection.execute(table.update().where(table.c.id == row.id).values(letter=again))
                changed += 1
        return changed

    def wake(self) -> None:
        """There may be a letter: called after the commit that staged one."""
        self._wake.set()

    def start(self) -> None:
        """Let the courier walk: when woken, and every ten seconds."""
        self._courier = threading.Thread(target=self._walk, name="courier", daemon=True)
        self._courier.start()

    def _walk(self) -> None:
        while not self._stopping:
            self._wake.wait(_ROUND)
            self._wake.clear()
            if not self._stopping:
                with contextlib.suppress(KitError):  # the database is away: the next round tries again
                    self.deliver()

    def stop(self) -> None:
        """Let the courier finish the letter in hand."""
        self._stopping = True
        self._wake.set()
        if self._courier is not None:
            self._courier.join()
