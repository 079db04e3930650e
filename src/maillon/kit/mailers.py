# SPDX-License-Identifier: Apache-2.0
"""The two mailers: an SMTP server, and a folder for those who have none yet."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import unquote, urlsplit

from maillon.kit.errors import MailRefused, MailUnavailable
from maillon.kit.keys import write_private

_TIMEOUT = 30


class SmtpMailer:
    """Hands letters to one server (RFC 5321): smtps://, or smtp:// with STARTTLS wherever the server offers it.

    `smtp+tls://` refuses to speak without STARTTLS. A password is sent over an encrypted connection alone.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname, "checked with the settings"
        self._scheme = parts.scheme
        self._host = parts.hostname
        self._port = parts.port or (465 if parts.scheme == "smtps" else 587)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")

    def send(self, message: EmailMessage) -> None:
        """Hand over one letter."""
        try:
            with self._connect() as server:
                self._secure(server)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            (code, _), *_ = error.recipients.values()
            raise _refusal(code) from error
        except smtplib.SMTPResponseException as error:
            # A wrong password of ours is the operator's to mend: the letter waits.
            if isinstance(error, smtplib.SMTPAuthenticationError):
                raise MailUnavailable(f"the mail server refuses our password ({error.smtp_code})") from error
            raise _refusal(error.smtp_code) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailUnavailable(f"the mail server does not answer as it should: {type(error).__name__}") from error

    def _connect(self) -> smtplib.SMTP:
        if self._scheme == "smtps":
            return smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT, context=ssl.create_default_context())
        return smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT)

    def _secure(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        encrypted = self._scheme == "smtps"
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            encrypted = True
        if not encrypted and (self._scheme == "smtp+tls" or self._user):
            raise MailUnavailable("the mail server offers no STARTTLS, and nothing is sent in clear")
        if self._user:
            server.login(self._user, self._password)


def _refusal(code: int) -> MailRefused | MailUnavailable:
    """RFC 5321 section 4.2.1: 5yz will never pass, 4yz may."""
    return MailRefused(f"status {code}") if code >= 500 else MailUnavailable(f"status {code}")


class FolderMailer:
    """Writes each letter into a folder, as a file a mail program opens: for an instance without a mail server."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def send(self, message: EmailMessage) -> None:
        """Write one letter; its name is its Message-ID, so that writing it twice is writing it once."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise MailUnavailable(f"{self._directory} cannot be made: {error.strerror}") from error
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        write_private(self._directory / f"{name}.eml", message.as_bytes(policy=SMTP))
