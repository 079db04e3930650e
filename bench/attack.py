# SPDX-License-Identifier: Apache-2.0
"""How notary and JSON-RPC answer while strangers keep the embedded ledger busy with loops.

Three funded accounts have transactions of the largest gas waiting that only loop, more than are sealed meanwhile, and
four connections ask `eth_call` for the same loop. Each figure is taken idle and under this, one request after another.
"""

from __future__ import annotations

import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from maillon.ledger.embedded.transaction import TRANSACTION_GAS
from maillon.ledger.port import Address
from maillon.ledger.signing import Account, DynamicFeeTransaction
from platform_process import Platform, running

REQUESTS = 40
RECEIPTS = 3
ATTACKERS = 3
WAITING = 12
"""Transactions each attacker sends: more than fit into the time of the measurement."""
LOOP = bytes.fromhex("6003600b3d3960036000f35b5f56")
"""Init code of a contract that only jumps to its beginning."""
GWEI = 10**9


class Door:
    """One client's connection."""

    def __init__(self, platform: Platform) -> None:
        self.http = httpx.Client(
            base_url=platform.url, headers={"Authorization": f"Bearer {platform.key}"}, timeout=120
        )

    def rpc(self, method: str, *params: Any) -> Any:
        """The result, or the error, of one call."""
        answer = self.http.post("/rpc", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).json()
        return answer.get("result", answer.get("error"))

    def append(self) -> int:
        """Append an entry of its own; its index."""
        answer = self.http.post("/v1/notary/entries", json={"commitment": secrets.token_hex(32)})
        index: int = answer.raise_for_status().json()["index"]
        return index

    def receipt(self) -> None:
        """Append an entry and wait for its receipt."""
        index = self.append()
        while self.http.get(f"/v1/notary/entries/{index}/receipt", params={"wait": 30}).status_code != 200:
            pass


def _times(work: Callable[[], Any], count: int) -> list[float]:
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return sorted(times)


def _figures(door: Door, account: str, state: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, work in (("append", door.append), ("balance", lambda: door.rpc("eth_getBalance", account, "latest"))):
        times = _times(work, REQUESTS)
        figures[f"{name}_p50_ms_{state}"] = round(statistics.median(times) * 1000, 1)
        figures[f"{name}_p99_ms_{state}"] = round(times[int(len(times) * 0.99)] * 1000, 1)
    figures[f"receipt_ready_worst_seconds_{state}"] = round(_times(door.receipt, RECEIPTS)[-1], 1)
    return figures


def _attackers(platform: Platform, door: Door) -> tuple[list[Account], str]:
    """Funded accounts, and the address of the loop the first of them deployed."""
    accounts = [Account(secrets.token_bytes(32)) for _ in range(ATTACKERS)]
    for account in accounts:
        command = [sys.executable, "-m", "maillon", "credit", "0x" + account.address.hex(), "--amount", "100"]
        places = ["--home", str(platform.home), "--url", platform.url]
        subprocess.run([*command, *places], check=True, stdout=subprocess.DEVNULL)
    sent = _send(door, accounts[0], 0, None)
    while (receipt := door.rpc("eth_getTransactionReceipt", sent)) is None:
        time.sleep(0.1)
    return accounts, receipt["contractAddress"]


def _send(door: Door, account: Account, nonce: int, to: Address | None) -> str:
    """Deploy the loop, or enter it with all the gas there is; the transaction's hash."""
    chain_id = int(door.rpc("eth_chainId"), 16)
    gas, data = (200_000, LOOP) if to is None else (TRANSACTION_GAS, b"")
    made = DynamicFeeTransaction(chain_id, nonce, GWEI, 3 * GWEI, gas, to, 0, data)
    sent: str = door.rpc("eth_sendRawTransaction", "0x" + made.sign(account).raw.hex())
    return sent


def main() -> None:
    """Measure idle, attack, measure again."""
    with tempfile.TemporaryDirectory() as directory, running(Path(directory) / "home") as platform:
        door = Door(platform)
        accounts, loop = _attackers(platform, door)
        me = "0x" + accounts[0].address.hex()
        figures: dict[str, Any] = _figures(door, me, "idle")
        to = Address(bytes.fromhex(loop[2:]))
        for account in accounts:
            first = int(door.rpc("eth_getTransactionCount", "0x" + account.address.hex(), "latest"), 16)
            for nonce in range(first, first + WAITING):
                _send(door, account, nonce, to)
        over = threading.Event()

        def call_again_and_again() -> None:
            caller = Door(platform)
            while not over.is_set():
                caller.rpc("eth_call", {"to": loop}, "latest")

        callers = [threading.Thread(target=call_again_and_again) for _ in range(4)]
        for caller in callers:
            caller.start()
        began, height = time.perf_counter(), int(door.rpc("eth_blockNumber"), 16)
        figures |= _figures(door, me, "attacked")
        waiting = int(door.rpc("txpool_status")["pending"], 16)
        blocks = int(door.rpc("eth_blockNumber"), 16) - height
        figures["seconds_of_a_block_attacked"] = round((time.perf_counter() - began) / max(blocks, 1), 1)
        figures["still_waiting_at_the_end"] = waiting
        over.set()
        for caller in callers:
            caller.join()
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
