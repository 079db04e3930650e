# SPDX-License-Identifier: Apache-2.0
"""The bridge of a dishonest validator: proposes what the file `forge` in its home names. Run by test_faults.py."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import sys
from pathlib import Path
from typing import Any

from maillon.kit import logs
from maillon.network import abci
from maillon.network.__main__ import run_bridge
from maillon.network.bridge import Bridge
from maillon.network.configuration import NodeHome
from maillon.network.payload import MAXIMUM_PAYLOAD, Payload, Withdrawal

CHANGES: dict[str, dict[str, Any]] = {
    "withdrawals": {"withdrawals": (Withdrawal(0, b"\xee" * 20, 10**9),)},
    "fee recipient": {"fee_recipient": b"\xee" * 20},
    "extra data": {"extra_data": b"A" * 32},
    "parent": {"parent_hash": b"\xab" * 32},
    "execution": {"state_root": b"\xcd" * 32},
}
FORGERIES = (*CHANGES, "number", "timestamp", "gas limit", "garbage", "two payloads", "nothing", "oversize")


class Forging(Bridge):
    """Proposes forgeries while the file says so; votes honestly."""

    home: Path

    async def _prepare_proposal(self, request: abci.PrepareProposalRequest) -> abci.PrepareProposalResponse:
        honest = await super()._prepare_proposal(request)
        try:
            kind = (self.home / "forge").read_text()
        except FileNotFoundError:
            return honest
        return abci.PrepareProposalResponse(txs=forge(kind, honest.txs[0]))


def forge(kind: str, data: bytes) -> list[bytes]:
    payload = Payload.decode(data)
    if kind in CHANGES:
        return [dataclasses.replace(payload, **CHANGES[kind]).encode()]
    return {
        "number": [dataclasses.replace(payload, number=payload.number + 1).encode()],
        "timestamp": [dataclasses.replace(payload, timestamp=payload.timestamp + 86_400).encode()],
        "gas limit": [dataclasses.replace(payload, gas_limit=payload.gas_limit + 1_000).encode()],
        "garbage": [secrets.token_bytes(500)],
        "two payloads": [data, data],
        "nothing": [],
        "oversize": [dataclasses.replace(payload, transactions=(bytes(MAXIMUM_PAYLOAD),)).encode()],
    }[kind]


if __name__ == "__main__":
    logs.configure("info")
    Forging.home = Path(sys.argv[1])
    asyncio.run(run_bridge(NodeHome(Forging.home), Forging))
