# SPDX-License-Identifier: Apache-2.0
"""`maillon` with a clock that is ahead by as many seconds as a file says: a week passes while a test looks on.

python tests/moved_clock.py FILE up …: everything of the process reads this clock, block times and one-time codes too.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path


class MovedClock:
    """The machine's clock, and what the file adds."""

    file = Path()

    def now(self) -> datetime.datetime:
        ahead = float(self.file.read_text() or "0") if self.file.exists() else 0.0
        return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead)


def main() -> None:
    from maillon import commands
    from maillon import main as composition

    MovedClock.file = Path(sys.argv.pop(1))
    composition.SystemClock = MovedClock  # type: ignore[misc,assignment]
    commands.run()


if __name__ == "__main__":
    main()
