# SPDX-License-Identifier: Apache-2.0
"""A bridge with a rule geth does not know: no payload with a transaction to 0x6666…. Run by test_faults.py."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from maillon.kit import logs
from maillon.network import rules
from maillon.network.__main__ import run_bridge
from maillon.network.bridge import Bridge
from maillon.network.configuration import NodeHome
from maillon.network.errors import ProposalRefused
from maillon.network.payload import Payload

FORBIDDEN = b"\x66" * 20


def check(payload: Payload, parent: rules.Parent, seconds: int, terms: rules.Terms) -> None:
    rules.check_payload(payload, parent, seconds, terms)
    if any(FORBIDDEN in transaction for transaction in payload.transactions):
        raise ProposalRefused("a rule of tests", "no transaction to 0x6666", "one")


if __name__ == "__main__":
    logs.configure("info")
    asyncio.run(run_bridge(NodeHome(Path(sys.argv[1])), Bridge, check))
