# SPDX-License-Identifier: Apache-2.0
"""Letters: staged in the database with what they tell of, delivered after the commit, kept until a server took them.

stage: the letter is written, encrypted, in the transaction of the deed; a crash before the commit leaves neither.
commit: deed and letter exist together, or not at all.
publish: the courier claims a letter for two minutes, then hands it to the mailer; a crash here means it is handed over
again when the claim ends, under the same Message-ID, so a reader may see it twice and never not at all.
clean: the letter is forgotten; a crash before that is the case above.
"""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Protocol

import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from maillon.kit.clock import Clock
from maillon.kit.courier import Courier
from maillon.kit.encryption import Encryption
from maillon.kit.errors import KitError, MailRefused
from maillon.kit.store import Store, metadata

GIVE_UP = 3 * 24 * 3600
"""Seconds after which a letter no server takes is given up."""
KEPT = 7 * 24 * 3600
"""Seconds a letter that failed stays for the operator to count, without its words."""
_LONGEST_PAUSE = 3600
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
    choices: str = ""
    """Where its reader says that such letters shall not come (RFC 2369 section 3.2); empty where that cannot be."""


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
        self._courier = Courier("mail", store, clock, table, table.c.failed.is_(None), self._carry)

    def stage(self, connection: Connection, identifier: str, letter: Letter) -> None:
        """Keep a letter in the caller's transaction; `identifier` is 32 hexadecimal digits nobody used before."""
        if any(line in letter.to + letter.subject + letter.choices for line in "\r\n"):
            raise ValueError("a header of a letter is one line")
        now = int(self._clock.now().timestamp())
        body = orjson.dumps(asdict(letter))
        sealed = self._encryption.encrypt(body, f"mail_outbox:{identifier}")
        connection.execute(
            table.insert().values(id=identifier, letter=sealed, created=now, attempts=0, due=now, failed=None)
        )

    def deliver(self) -> int:
        """Hand over every letter that is due; how many a server took."""
        return self._courier.deliver()

    def _carry(self, row: sa.Row[Any]) -> bool:
        now = int(self._clock.now().timestamp())
        try:
            self._mailer.send(self._message(row))
        except MailRefused as error:
            logger.warning("letter refused", letter=row.id, reason=str(error))
            self._courier.change(row.id, failed=now, letter=None)
            return False
        except Exception as error:  # noqa: BLE001 - not now, whatever it is: one letter must not hold up the others
            # Of what was not foreseen the class alone: what it says may quote the letter.
            reason = str(error) if isinstance(error, KitError) else type(error).__name__
            logger.warning("letter not taken", letter=row.id, attempt=row.attempts + 1, reason=reason)
            if now - row.created > GIVE_UP:
                self._courier.change(row.id, failed=now, letter=None)
            else:
                self._courier.change(row.id, due=now + min(_LONGEST_PAUSE, 30 << row.attempts))
            return False
        with self._store.transaction() as connection:
            connection.execute(table.delete().where(table.c.id == row.id))
        return True

    def _message(self, row: sa.Row[Any]) -> EmailMessage:
        """The letter as it travels. Raises `CiphertextUnreadable`."""
        document = orjson.loads(self._encryption.decrypt(bytes(row.letter), f"mail_outbox:{row.id}"))
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = document["to"]
        message["Subject"] = document["subject"]
        message["Date"] = format_datetime(datetime.datetime.fromtimestamp(row.created, datetime.UTC))
        message["Message-ID"] = f"<{row.id}@{self._sender.rpartition('@')[2].rstrip('>')}>"
        message["Auto-Submitted"] = "auto-generated"
        if document.get("choices"):  # a letter staged before there were any has none
            # A page and no one-click address (RFC 8058): that would put a secret into an address, and need no log-in.
            message["List-Unsubscribe"] = f"<{document['choices']}>"
        message.set_content(document["text"])
        return message

    def due(self, most: int) -> int:
        """How many letters could be handed over now, counting no further than `most`."""
        columns = table.c
        now = int(self._clock.now().timestamp())
        found = sa.select(columns.id).where(columns.failed.is_(None), columns.due <= now).limit(most).subquery()
        with self._store.read() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(found)) or 0

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
        self._courier.wake()

    def start(self) -> None:
        """Let the courier walk."""
        self._courier.start()

    def stop(self) -> None:
        """Let the courier finish the letter in hand."""
        self._courier.stop()
