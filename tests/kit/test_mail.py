# SPDX-License-Identifier: Apache-2.0
"""Letters: none before the commit, none lost after it, through a real mail server on loopback."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa

from maillon.kit import courier, mail
from maillon.kit.clock import FixedClock
from maillon.kit.encryption import Encryption
from maillon.kit.errors import MailUnavailable
from maillon.kit.mail import Letter, Mailer, Outbox
from maillon.kit.mailers import FolderMailer, SmtpMailer
from maillon.kit.store import Store
from post_office import PostOffice

LETTER = Letter("clerk@velle.example", "Bienvenue à l’Alliance", "Voici votre code : heron-4711\n")
ENCRYPTION = Encryption([("00000001", bytes(32))], bytes(32))


@pytest.fixture
def office() -> Iterator[PostOffice]:
    opened = PostOffice()
    yield opened
    opened.stop()


def outbox(store: Store, clock: FixedClock, mailer: Mailer) -> Outbox:
    return Outbox(store, clock, ENCRYPTION, mailer, "Maillon <maillon@alliance.example>")


def stage(store: Store, box: Outbox, letter: Letter = LETTER) -> str:
    identifier = secrets.token_hex(16)
    with store.transaction() as connection:
        box.stage(connection, identifier, letter)
    return identifier


def test_a_letter_arrives_whole_and_once(store: Store, clock: FixedClock, office: PostOffice) -> None:
    box = outbox(store, clock, SmtpMailer(office.start()))
    identifier = stage(store, box)
    assert box.counts() == (1, 0)
    assert box.deliver() == 1
    assert box.deliver() == 0
    (letter,) = office.to(LETTER.to)
    assert letter["Subject"] == LETTER.subject
    assert letter.get_content().strip() == LETTER.text.strip()
    assert letter["Message-ID"] == f"<{identifier}@alliance.example>"
    assert box.counts() == (0, 0)


def test_a_letter_says_where_its_like_are_declined(store: Store, clock: FixedClock, office: PostOffice) -> None:
    box = outbox(store, clock, SmtpMailer(office.start()))
    stage(store, box, replace(LETTER, choices="https://portal.example/fr/account/notices"))
    stage(store, box)
    box.deliver()
    headers = [letter["List-Unsubscribe"] for letter in office.to(LETTER.to)]
    assert sorted(headers, key=str) == ["<https://portal.example/fr/account/notices>", None]
    for place in ("to", "subject", "choices"):
        with pytest.raises(ValueError, match="one line"):
            stage(store, box, replace(LETTER, **{place: "a\r\nBcc: everybody@velle.example"}))


def test_what_is_rolled_back_is_never_sent(store: Store, clock: FixedClock, office: PostOffice) -> None:
    box = outbox(store, clock, SmtpMailer(office.start()))

    def fails() -> None:
        with store.transaction() as connection:
            box.stage(connection, "0" * 32, LETTER)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert box.deliver() == 0
    assert office.letters == []


def test_the_database_does_not_show_the_letter(store: Store, clock: FixedClock, tmp_path: Path) -> None:
    stage(store, outbox(store, clock, FolderMailer(tmp_path / "mail")))
    with store.read() as connection:
        row = repr(connection.execute(sa.select(mail.table)).one())
    assert "heron-4711" not in row
    assert "velle" not in row


@pytest.mark.parametrize("answer", ["451 come back later", "421 closing"])
def test_a_server_that_is_busy_is_asked_again(store: Store, clock: FixedClock, office: PostOffice, answer: str) -> None:
    box = outbox(store, clock, SmtpMailer(office.start()))
    stage(store, box)
    office.answer = answer
    assert box.deliver() == 0
    office.answer = "250 taken"
    assert box.deliver() == 0, "it waits before it asks again"
    clock.advance(30)
    assert box.deliver() == 1


def test_a_letter_nobody_takes_is_given_up_without_its_words(
    store: Store, clock: FixedClock, office: PostOffice
) -> None:
    box = outbox(store, clock, SmtpMailer(office.start()))
    stage(store, box)
    office.answer = "451 never"
    for _ in range(100):
        box.deliver()
        clock.advance(3600)
    assert box.counts() == (0, 1)
    with store.read() as connection:
        assert connection.execute(sa.select(mail.table.c.letter)).scalar_one() is None
    clock.advance(mail.KEPT + 1)
    with store.transaction() as connection:
        assert box.forget(connection) == 1


def test_a_refused_letter_is_not_sent_again(store: Store, clock: FixedClock, office: PostOffice) -> None:
    box = outbox(store, clock, SmtpMailer(office.start()))
    stage(store, box)
    office.answer = "550 no such mailbox"
    assert box.deliver() == 0
    office.answer = "250 taken"
    clock.advance(7200)
    assert box.deliver() == 0
    assert box.counts() == (0, 1)


class Breaks:
    """A mailer that breaks on one letter in a way nobody foresaw, and hands on the others."""

    def __init__(self, mailer: Mailer, victim: str) -> None:
        self._mailer = mailer
        self._victim = victim

    def send(self, message: EmailMessage) -> None:
        if self._victim in message["Message-ID"]:
            raise ZeroDivisionError("heron-4711")
        self._mailer.send(message)


def test_a_letter_that_breaks_the_mailer_holds_up_no_other(
    store: Store, clock: FixedClock, office: PostOffice, capsys: pytest.CaptureFixture[str]
) -> None:
    mailer = SmtpMailer(office.start())
    victim = stage(store, outbox(store, clock, mailer))
    stage(store, outbox(store, clock, mailer))
    box = outbox(store, clock, Breaks(mailer, victim))
    assert box.deliver() == 1
    assert box.counts() == (1, 0)
    said = "".join(capsys.readouterr())
    assert "ZeroDivisionError" in said
    assert "heron" not in said, "an error nobody foresaw may quote the letter"
    for _ in range(100):
        clock.advance(3600)
        box.deliver()
    assert box.counts() == (0, 1)


def test_a_letter_whose_key_is_lost_holds_up_no_other(store: Store, clock: FixedClock, office: PostOffice) -> None:
    mailer = SmtpMailer(office.start())
    other = Encryption([("00000002", bytes([2]) * 32)], bytes(32))
    stage(store, Outbox(store, clock, other, mailer, "Maillon <maillon@alliance.example>"))
    stage(store, box := outbox(store, clock, mailer))
    assert box.deliver() == 1
    assert box.counts() == (1, 0)


class Dies:
    """A mailer whose process is killed with the letter in hand."""

    def send(self, message: EmailMessage) -> None:
        del message
        raise KeyboardInterrupt


def test_a_crash_with_the_letter_in_hand_sends_it_later(store: Store, clock: FixedClock, office: PostOffice) -> None:
    identifier = stage(store, outbox(store, clock, Dies()))
    with pytest.raises(KeyboardInterrupt):
        outbox(store, clock, Dies()).deliver()
    after = outbox(store, clock, SmtpMailer(office.start()))
    assert after.deliver() == 0, "the claim of the dead still holds"
    clock.advance(courier.CLAIM)
    assert after.deliver() == 1
    assert identifier in office.letters[0]["Message-ID"]


def test_a_server_that_is_away_loses_nothing(store: Store, clock: FixedClock, office: PostOffice) -> None:
    url = office.start()
    office.stop()
    box = outbox(store, clock, SmtpMailer(url))
    stage(store, box)
    assert box.deliver() == 0
    assert box.counts() == (1, 0)


def test_a_password_is_never_said_in_clear(office: PostOffice) -> None:
    url = office.start().replace("smtp://", "smtp://user:secret@")
    with pytest.raises(MailUnavailable, match="STARTTLS") as refused:
        SmtpMailer(url).send(EmailMessage())
    assert "secret" not in str(refused.value)


def test_the_courier_walks_when_woken(store: Store, clock: FixedClock, office: PostOffice) -> None:
    box = outbox(store, clock, SmtpMailer(office.start()))
    box.start()
    stage(store, box)
    box.wake()
    assert office.arrived.acquire(timeout=60)
    box.stop()
    assert box.deliver() == 0


def test_without_a_server_letters_are_files_of_their_owner(store: Store, clock: FixedClock, tmp_path: Path) -> None:
    identifier = stage(store, box := outbox(store, clock, FolderMailer(tmp_path / "mail")))
    assert box.deliver() == 1
    file = tmp_path / "mail" / f"{identifier}.eml"
    assert file.stat().st_mode & 0o077 == 0


def test_a_header_is_one_line(store: Store, clock: FixedClock, tmp_path: Path) -> None:
    box = outbox(store, clock, FolderMailer(tmp_path / "mail"))
    with pytest.raises(ValueError, match="one line"):
        stage(store, box, Letter("a@b.example\nBcc: all@b.example", "x", "x"))
