# SPDX-License-Identifier: Apache-2.0
"""What happens on the chain, handed to WebSocket subscriptions in order; a reader too slow to keep up is cut.

Cut, not skipped: a client that reconnects knows that it missed something and can ask; one that is skipped does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from maillon.ledger.embedded.model import Block, Transaction
from maillon.ledger.errors import LedgerError
from maillon.ledger.facade import documents
from maillon.ledger.facade.chain import ServedChain
from maillon.ledger.facade.faults import INVALID_PARAMS, LIMIT_EXCEEDED, METHOD_NOT_FOUND, Fault
from maillon.ledger.facade.limits import Limits
from maillon.ledger.facade.reading import LogCriteria, log_criteria

logger = logging.getLogger(__name__)

EVERYTHING: Final = LogCriteria()


@dataclass(frozen=True, slots=True)
class Subscription:
    """One `eth_subscribe`."""

    identifier: str
    kind: str
    criteria: LogCriteria = EVERYTHING
    full: bool = False

    def message(self, result: bytes) -> bytes:
        """The notification as geth writes it."""
        return (
            b'{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"'
            + self.identifier.encode()
            + b'","result":'
            + result
            + b"}}"
        )


class Subscriber:
    """One connection: its subscriptions, and what it has yet to read."""

    def __init__(self, feed: Feed, limits: Limits) -> None:
        self._feed = feed
        self._limits = limits
        self._starting: dict[str, Subscription] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.unread = 0
        """Bytes in the outbox."""
        self.cut = asyncio.Event()

    def subscribe_method(self, name: str, params: Any) -> Any:
        """`eth_subscribe` and `eth_unsubscribe`; raises `Fault`."""
        given = params if isinstance(params, list) else []
        if not given or not isinstance(given[0], str):
            raise Fault(INVALID_PARAMS, "missing value for required argument 0")
        if name == "eth_unsubscribe":
            known = self._starting.pop(given[0], None) or self.subscriptions.pop(given[0], None)
            if known is None:
                raise Fault(-32000, "subscription not found")
            return True
        if len(self.subscriptions) + len(self._starting) >= self._limits.subscriptions:
            raise Fault(LIMIT_EXCEEDED, f"too many subscriptions: at most {self._limits.subscriptions} of a connection")
        identifier = "0x" + secrets.token_hex(16)
        kind = given[0]
        option = given[1] if len(given) > 1 else None
        if kind == "logs":
            criteria = log_criteria(1, option if option is not None else {})
            self._starting[identifier] = Subscription(identifier, kind, criteria)
        elif kind == "newHeads":
            self._starting[identifier] = Subscription(identifier, kind)
        elif kind == "newPendingTransactions":
            self._starting[identifier] = Subscription(identifier, kind, full=option is True)
        else:
            raise Fault(METHOD_NOT_FOUND, f'no "{kind[:100]}" subscription in eth namespace')
        return identifier

    def begin(self) -> None:
        """Start what was subscribed: called once the answer that names it is on its way."""
        if self._starting:
            self.subscriptions.update(self._starting)
            self._starting.clear()
            self._feed.update()

    def post(self, message: bytes) -> None:
        """Put a message into the outbox; cut the reader when it left too much unread."""
        if self.cut.is_set():
            return
        if self.outbox.qsize() >= self._limits.outbox or self.unread + len(message) > self._limits.outbox_bytes:
            self.cut.set()
            return
        self.unread += len(message)
        self.outbox.put_nowait(message)


class Feed:
    """Everything that happens, for the subscribers of one event loop. It listens only while somebody does."""

    def __init__(self, chain: ServedChain, limits: Limits) -> None:
        self._chain = chain
        self._limits = limits
        self._subscribers: set[Subscriber] = set()
        self._blocks: asyncio.Queue[Block] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._stop_blocks: Callable[[], None] | None = None
        self._stop_pending: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._subscribers)

    def join(self) -> Subscriber:
        """A new connection."""
        subscriber = Subscriber(self, self._limits)
        self._subscribers.add(subscriber)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """A connection is gone."""
        self._subscribers.discard(subscriber)
        self.update()

    def update(self) -> None:
        """Listen to what somebody subscribed to, and to nothing else."""
        kinds = {each.kind for subscriber in self._subscribers for each in subscriber.subscriptions.values()}
        loop = asyncio.get_running_loop()
        if kinds & {"newHeads", "logs"} and self._stop_blocks is None:
            self._blocks = asyncio.Queue()
            blocks = self._blocks
            self._stop_blocks = self._chain.subscribe(lambda block: _hand_over(loop, blocks.put_nowait, block))
            self._task = loop.create_task(self._publish(blocks))
        elif not kinds & {"newHeads", "logs"} and self._stop_blocks is not None:
            self._stop_blocks()
            self._stop_blocks = None
            if self._task is not None:
                self._task.cancel()
                self._task = None
        if "newPendingTransactions" in kinds and self._stop_pending is None:
            self._stop_pending = self._chain.subscribe_pending(lambda each: _hand_over(loop, self._pending, each))
        elif "newPendingTransactions" not in kinds and self._stop_pending is not None:
            self._stop_pending()
            self._stop_pending = None

    async def close(self) -> None:
        """Cut everybody."""
        for subscriber in list(self._subscribers):
            subscriber.cut.set()
            subscriber.subscriptions.clear()
        task = self._task
        self.update()
        if task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _wanted(self, kind: str) -> list[tuple[Subscriber, Subscription]]:
        return [(s, each) for s in self._subscribers for each in s.subscriptions.values() if each.kind == kind]

    def _pending(self, transaction: Transaction) -> None:
        for subscriber, each in self._wanted("newPendingTransactions"):
            document = (
                documents.transaction(transaction, None, None) if each.full else documents.to_hex(transaction.hash)
            )
            subscriber.post(each.message(orjson.dumps(document)))

    async def _publish(self, blocks: asyncio.Queue[Block]) -> None:
        """Block by block, so that everybody sees the chain's own order."""
        while True:
            block = await blocks.get()
            heads = self._wanted("newHeads")
            if heads:
                document = orjson.dumps(documents.header(block))
                for subscriber, each in heads:
                    subscriber.post(each.message(document))
            if self._wanted("logs") and block.logs_bloom.strip(b"\x00"):
                try:
                    receipts = await asyncio.to_thread(self._chain.receipts, block.number)
                except LedgerError:
                    # The block was read a moment ago: the store fails. Nobody may believe that there was nothing.
                    logger.exception("logs of block %d cannot be read; their subscribers are cut", block.number)
                    for subscriber, _ in self._wanted("logs"):
                        subscriber.cut.set()
                    continue
                logs = [(entry, orjson.dumps(documents.log(entry))) for receipt in receipts for entry in receipt.logs]
                for subscriber, each in self._wanted("logs"):
                    for entry, encoded in logs:
                        if each.criteria.matches(entry.address, entry.topics):
                            subscriber.post(each.message(encoded))


def _hand_over(loop: asyncio.AbstractEventLoop, to: Callable[[Any], None], what: Any) -> None:
    """From the chain's thread to the loop; a loop that has closed listens no more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(to, what)
