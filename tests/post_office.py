# SPDX-License-Identifier: Apache-2.0
"""A real mail server on loopback that keeps what it is given, and can be told to refuse."""

from __future__ import annotations

import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class _Controller(Controller):
    """The library's, taking whichever port is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class PostOffice:
    """The handler of the server, and what arrived."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.answer = "250 taken"
        self.arrived = threading.Semaphore(0)
        self.is_open = False
        self.controller = _Controller(self, hostname="127.0.0.1", port=0)

    def start(self) -> str:
        """Open; the URL for the setting `smtp`."""
        self.controller.start()
        self.is_open = True
        return f"smtp://127.0.0.1:{self.controller.port}"

    def stop(self) -> None:
        if self.is_open:
            self.is_open = False
            self.controller.stop()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        if self.answer.startswith("250"):
            letter = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(letter, EmailMessage)
            self.letters.append(letter)
            self.arrived.release()
        return self.answer

    def to(self, address: str) -> list[EmailMessage]:
        """What this person has received."""
        return [letter for letter in self.letters if letter["To"] == address]
