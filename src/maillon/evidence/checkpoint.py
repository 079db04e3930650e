# SPDX-License-Identifier: Apache-2.0
"""Checkpoints (C2SP tlog-checkpoint): the origin, size and root of a log, as the text of a signed note."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from maillon.evidence.errors import Unreadable
from maillon.evidence.hashing import sha256
from maillon.evidence.merkle import MAXIMUM_SIZE

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one moment."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

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
        if not _DECIMAL.fullmatch(size) or int(size) > MAXIMUM_SIZE:
            raise Unreadable("the size of a checkpoint is a decimal number without leading zeros")
        try:
            decoded = base64.b64decode(root, validate=True)
        except (binascii.Error, ValueError):
            raise Unreadable("the root of a checkpoint is not base64") from None
        if len(decoded) != 32:
            raise Unreadable(f"the root of a checkpoint has 32 bytes, this one {len(decoded)}")
        return cls(origin, int(size), decoded, tuple(extensions))


def log_id(origin: str) -> bytes:
    """The 32 bytes that name a log on the ledger: SHA-256 of its origin."""
    return sha256(origin.encode())
