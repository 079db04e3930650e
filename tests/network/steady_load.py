# SPDX-License-Identifier: Apache-2.0
"""A client that loses nothing: transfers at a steady rate, through whichever node answers, while nodes are killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from local_network import THERE, LocalNetwork
from maillon.ledger.founding import GWEI
from maillon.ledger.signing import Account, DynamicFeeTransaction, checksum

RATE: Final = 25
"""Transfers a second."""
TICK: Final = 0.2
"""Seconds between two batches of transfers."""
ASK_EVERY: Final = 1.0
"""Seconds between two questions about receipts."""
PATIENCE: Final = 4.0
"""Seconds after which a transfer without a receipt is offered again, as the same bytes, through the next node."""
MOST: Final = 1_000
"""Transfers without a receipt from which on no more are made: far more than any one kill keeps waiting."""
SETTLED_WITHIN: Final = 120.0
KNOWN: Final = ("already known", "nonce too low")
"""How geth refuses what it has already."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A transfer of which a node has shown the receipt."""

    hash: str
    block_hash: str
    height: int


@dataclass(slots=True)
class _Given:
    hash: str
    raw: str
    offered: float


class Load:
    """Sends in a thread of its own as long as its context lasts; at its end every transfer it made is acknowledged."""

    def __init__(self, network: LocalNetwork, account: Account) -> None:
        self.acknowledged: list[Acknowledged] = []
        """In the order in which the receipts were seen; it only grows."""
        self.moves = 0
        """How often the sender turned to another gateway."""
        self._network = network
        self._account = account
        self._nonce = int(network.nodes[0].rpc("eth_getTransactionCount", checksum(account.address), "latest"), 16)
        self._unsettled: list[_Given] = []
        self._gateway = 0
        self._stop = threading.Event()
        self._client = httpx.Client(timeout=5)
        self._executor = ThreadPoolExecutor(1, "load")

    def __enter__(self) -> Self:
        self._sending = self._executor.submit(self._send)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        try:
            self._sending.result()
        finally:
            self._executor.shutdown()
            self._client.close()

    def check(self) -> None:
        """Raise what ended the sender, if something did."""
        if self._sending.done():
            self._sending.result()
            raise AssertionError("the sender ended")

    def _send(self) -> None:
        began = asked = time.monotonic()
        made = 0
        while not self._stop.wait(TICK):
            now = time.monotonic()
            # What a full window kept back is not made up for: the rate stays modest.
            due = int((now - began) * RATE) - made
            made += due
            self._offer([self._sign(now) for _ in range(due)] if len(self._unsettled) < MOST else [])
            if now - asked >= ASK_EVERY:
                asked = now
                self._settle(now)
        deadline = time.monotonic() + SETTLED_WITHIN
        while self._unsettled:
            assert time.monotonic() < deadline, f"{len(self._unsettled)} transfers are never final"
            self._settle(time.monotonic())
            threading.Event().wait(TICK)

    def _sign(self, now: float) -> _Given:
        made = DynamicFeeTransaction(self._network.chain_id, self._nonce, GWEI, 100 * GWEI, 21_000, THERE, 1, b"")
        signed = made.sign(self._account)
        self._nonce += 1
        given = _Given("0x" + signed.hash.hex(), "0x" + signed.raw.hex(), now)
        self._unsettled.append(given)
        return given

    def _offer(self, transfers: Sequence[_Given]) -> None:
        """Through the gateway in use; through the next from now on, when it does not take them."""
        answers = self._ask("eth_sendRawTransaction", [each.raw for each in transfers])
        refusals = [answer["error"]["message"] for answer in answers or [] if "error" in answer]
        if answers is None or any(refusal not in KNOWN and not refusal.startswith(KNOWN) for refusal in refusals):
            self._move()

    def _settle(self, now: float) -> None:
        """Note what has a receipt; offer what has waited long through another node."""
        asked = self._unsettled[:100]
        answers = self._ask("eth_getTransactionReceipt", [each.hash for each in asked])
        if answers is None:
            self._move()
        settled = set()
        for each, answer in zip(asked, answers or [], strict=False):
            receipt = answer.get("result")
            if receipt is not None:
                settled.add(each.hash)
                self.acknowledged.append(Acknowledged(each.hash, receipt["blockHash"], int(receipt["blockNumber"], 16)))
        self._unsettled = [each for each in self._unsettled if each.hash not in settled]
        overdue = [each for each in self._unsettled if now - each.offered > PATIENCE][:100]
        if overdue:
            self._move()
            for each in overdue:
                each.offered = now
            self._offer(overdue)

    def _move(self) -> None:
        self._gateway = (self._gateway + 1) % len(self._network.nodes)
        self.moves += 1

    def _ask(self, method: str, values: Sequence[str]) -> list[dict[str, Any]] | None:
        """The answers of the gateway in use, in order; None when it gives none."""
        if not values:
            return []
        requests = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": [value]} for number, value in enumerate(values)
        ]
        try:
            answers = self._client.post(self._network.nodes[self._gateway].url, json=requests).json()
        except (httpx.HTTPError, ValueError):
            return None
        return answers if isinstance(answers, list) and len(answers) == len(values) else None
