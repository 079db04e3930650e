# SPDX-License-Identifier: Apache-2.0
"""Structured logs: one JSON object a line on standard error. No secret, key or salt is ever passed to a logger."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from typing import TextIO, cast

import structlog


class Enduring:
    """Standard error, whatever becomes of it: a line that finds no room on a full disk is lost, and its writer goes on.

    What must survive a full disk would otherwise end for want of a line that says so. Not a stream of `io`: those are
    flushed once more when the interpreter ends, with half of it gone.
    """

    def write(self, text: str) -> int:
        """Write to the standard error of now."""
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand over what is held."""
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def _hold_nothing_back() -> None:
    """Write standard error as it comes, as `python -u` does.

    What a full disk had no room for would be held, tried again when the process ends, and make that end a failure.
    """
    held = sys.stderr
    if isinstance(held, io.TextIOWrapper) and isinstance(held.buffer, io.BufferedWriter):
        raw = os.fdopen(held.fileno(), "wb", buffering=0, closefd=False)
        sys.stderr = io.TextIOWrapper(raw, held.encoding, held.errors, write_through=True)


def configure(level: str) -> None:
    """Log from this level on, ours and the libraries' alike."""
    _hold_nothing_back()
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", Enduring())),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, format="%(message)s", force=True)
