# SPDX-License-Identifier: Apache-2.0
"""`python -m maillon`: the command line."""

from __future__ import annotations

from maillon.commands import run

if __name__ == "__main__":
    run()
