# SPDX-License-Identifier: Apache-2.0
"""Checkpoints (C2SP tlog-checkpoint): the origin, size and root of a log, as the text of a signed note."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from maillon.evidence.errors import Unreadable, WrongLength
from maillon.evidence.hashing import parse_base64, sha256
from maillon.evidence.merkle import MAXIMUM_SIZE

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one moment. Raises `Unreadable` for what could not be read back."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAXIMUM_SIZE:
            raise Unreadable(f"the size of a checkpoint is from 0 to {MAXIMUM_SIZE}")
        if len(self.root) != 32:
            raise WrongLength(f"the root of a checkpoint has 32 bytes, this one {len(self.root)}")
        if any(not line or "\n" in line for line in (self.origin, *self.extensions)):
            raise Unreadable("origin and extensions of a checkpoint are lines, and not empty")

    def text(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The inverse of `text`; raises `Unreadable`."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise Unreadable("a checkpoint has an origin, a size and a root, one on each line, and no empty line")
        origin, size, root, *extensions = lines
        if not _DECIMAL.fullmatch(size):
            raise Unreadable("the size of a checkpoint is a decimal number without leading zeros")
        return cls(origin, int(size), parse_base64(root, "the root of a checkpoint"), tuple(extensions))


def log_id(origin: str) -> bytes:
    """The 32 bytes that name a log on the ledger: SHA-256 of its origin."""
    return sha256(origin.encode())
