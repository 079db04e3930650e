# SPDX-License-Identifier: Apache-2.0
"""Somebody at a terminal: what a command asks there, what they type, and all that the screen showed of it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from running_platform import environment

PATIENCE = 120
"""Seconds until a command must have asked what it is expected to: many times what it takes on a busy machine."""
Answer = str | Callable[[str], str]
"""What is typed; or what is, having read the screen."""


@dataclass(frozen=True)
class Conversation:
    """A command that was talked with."""

    status: int
    screen: str
    """What it wrote on the terminal, and what the terminal showed of what was typed."""
    output: str
    """What it wrote to standard output, which was no terminal."""


def converse(
    arguments: Sequence[str], answers: Sequence[tuple[str, Answer]], adding: Mapping[str, str] | None = None
) -> Conversation:
    """Run `maillon` at a terminal of its own; type each answer once its question stands on the screen.

    A question of something hidden is waited for with the space behind it, which is written once typing is hidden.
    """
    hand, terminal = os.openpty()
    try:
        program = subprocess.Popen(
            [sys.executable, "-m", "maillon", *arguments],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=terminal,
            env=environment() | dict(adding or {}),
            start_new_session=True,
        )
    finally:
        os.close(terminal)
    screen, end = b"", time.monotonic() + PATIENCE
    try:
        at = 0
        for question, answer in answers:
            while (found := screen.find(question.encode(), at)) < 0:
                more = _read(hand, end)
                assert more, f"{question!r} was not asked: {screen.decode()}"
                screen += more
            at = found + len(question.encode())
            typed = answer if isinstance(answer, str) else answer(screen.decode())
            os.write(hand, f"{typed}\n".encode())
        while more := _read(hand, end):
            screen += more
        output, _ = program.communicate(timeout=PATIENCE)
    finally:
        if program.poll() is None:
            program.kill()
            program.communicate()
        os.close(hand)
    return Conversation(program.returncode, screen.decode(), output.decode())


def _read(hand: int, end: float) -> bytes:
    """What the terminal shows next; nothing once the command has let go of it."""
    ready, _, _ = select.select([hand], [], [], max(0.0, end - time.monotonic()))
    assert ready, "the command neither asked nor ended"
    try:
        return os.read(hand, 65536)
    except OSError:
        return b""
