# SPDX-License-Identifier: Apache-2.0
"""The time, as a collaborator: production reads the system's clock, tests say what time it is."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Gives the time. May go backwards: who needs order keeps what it saw last."""

    def now(self) -> datetime.datetime:
        """Now, in UTC, with its zone."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime.datetime:
        """Now, in UTC."""
        return datetime.datetime.now(datetime.UTC)


@dataclass
class FixedClock:
    """A clock that stands where it is put."""

    time: datetime.datetime

    def now(self) -> datetime.datetime:
        """The time it was put to."""
        return self.time

    def advance(self, seconds: float) -> None:
        """Move it; negative seconds move it back."""
        self.time += datetime.timedelta(seconds=seconds)
