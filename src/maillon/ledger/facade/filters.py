# SPDX-License-Identifier: Apache-2.0
"""Filters that are polled: each is a cursor on the chain, so that nothing is missed and nothing is kept twice.

No block is ever taken back, so a cursor is a height. Kept in memory: after a restart clients get "filter not found"
and make a new one, as with geth.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from maillon.ledger.embedded.model import Log, LogFilter, Transaction
from maillon.ledger.facade import documents
from maillon.ledger.facade.chain import ServedChain
from maillon.ledger.facade.faults import INVALID_PARAMS, LIMIT_EXCEEDED, SERVER_ERROR, Fault
from maillon.ledger.facade.limits import Limits
from maillon.ledger.facade.reading import BlockChoice, LogCriteria
from maillon.ledger.port import Height

MAXIMUM_PENDING: Final = 10_000
"""Hashes of waiting transactions one filter keeps; older ones are dropped, because they are only ever a hint."""


@dataclass(slots=True)
class _Filter:
    kind: str
    next_height: int
    used: float
    criteria: LogCriteria = field(default_factory=LogCriteria)
    hashes: deque[str] = field(default_factory=lambda: deque(maxlen=MAXIMUM_PENDING))
    lock: Lock = field(default_factory=Lock)


def resolve(chain: ServedChain, choice: BlockChoice | None, otherwise: int) -> int:
    """The height of a bound; one past the head stays as it is."""
    if choice is None:
        return otherwise
    if isinstance(choice.which, int):
        return choice.which
    block = chain.block(choice.which)
    if block is None:
        raise Fault(SERVER_ERROR, "unknown block")
    return block.number


def search(chain: ServedChain, criteria: LogCriteria, limits: Limits) -> list[Log]:
    """All logs asked for, or `Fault` naming a range that fits; never a part of them."""
    head = chain.head().number
    if criteria.block_hash is not None:
        since = until = resolve(chain, BlockChoice(criteria.block_hash), head)
    else:
        since = resolve(chain, criteria.since, head)
        until = resolve(chain, criteria.until, head)
    if since > until:
        raise Fault(INVALID_PARAMS, "invalid block range params")
    until = min(until, head)
    if since > until:
        return []
    if until - since >= limits.log_blocks:
        raise _too_wide(f"exceed maximum block range: {limits.log_blocks}", since, since + limits.log_blocks - 1)
    found, complete = bounded(chain, criteria, since, until, limits.logs)
    if complete < until:
        raise _too_wide(f"query returned more than {limits.logs} results", since, complete)
    return found


def bounded(chain: ServedChain, criteria: LogCriteria, since: int, until: int, maximum: int) -> tuple[list[Log], int]:
    """Logs of whole blocks, at most about `maximum`, and the last block they are complete for (at least `since`)."""
    found: list[Log] = []
    for entry in chain.logs(LogFilter(Height(since), Height(until), criteria.addresses, criteria.topics)):
        if len(found) >= maximum and entry.number != found[0].number:
            # Only whole blocks: what there is of this entry's block is left for the next question.
            return [each for each in found if each.number < entry.number], entry.number - 1
        found.append(entry)
    return found, until


def _too_wide(reason: str, since: int, until: int) -> Fault:
    data = {"from": hex(since), "to": hex(until)}
    return Fault(LIMIT_EXCEEDED, f"{reason}. Try with this block range [{hex(since)}, {hex(until)}].", data)


class Filters:
    """The filters of all clients. Safe to share between threads."""

    def __init__(self, chain: ServedChain, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._chain = chain
        self._limits = limits
        self._now = now
        self._lock = Lock()
        self._filters: dict[str, _Filter] = {}
        self._stop_pending: Callable[[], None] | None = None

    def add_logs(self, criteria: LogCriteria) -> str:
        """`eth_newFilter`; logs from the next block on, or from `fromBlock` where that is later."""
        head = self._chain.head().number
        since = resolve(self._chain, criteria.since, head + 1)
        return self._add(_Filter("logs", max(since, head + 1), self._now(), criteria))

    def add_blocks(self) -> str:
        """`eth_newBlockFilter`."""
        return self._add(_Filter("blocks", self._chain.head().number + 1, self._now()))

    def add_pending(self) -> str:
        """`eth_newPendingTransactionFilter`."""
        identifier = self._add(_Filter("pending", 0, self._now()))
        with self._lock:
            if self._stop_pending is None:
                self._stop_pending = self._chain.subscribe_pending(self._note_pending)
        return identifier

    def remove(self, identifier: str) -> bool:
        """`eth_uninstallFilter`: whether there was one."""
        with self._lock:
            return self._filters.pop(identifier, None) is not None

    def changes(self, identifier: str) -> list[Any]:
        """`eth_getFilterChanges`: what came since the last time. More than one answer holds waits for the next."""
        wanted = self._get(identifier)
        with wanted.lock:
            if wanted.kind == "pending":
                hashes = list(wanted.hashes)
                wanted.hashes.clear()
                return hashes
            head = int(self._chain.head().number)
            since = wanted.next_height
            until = head
            if wanted.criteria.until is not None:
                until = min(head, resolve(self._chain, wanted.criteria.until, head))
            if since > until:
                return []
            if wanted.kind == "blocks":
                until = min(until, since + self._limits.logs - 1)
                blocks = [self._chain.block(number) for number in range(since, until + 1)]
                wanted.next_height = until + 1
                return [documents.to_hex(block.hash) for block in blocks if block is not None]
            until = min(until, since + self._limits.log_blocks - 1)
            found, complete = bounded(self._chain, wanted.criteria, since, until, self._limits.logs)
            wanted.next_height = complete + 1
            return [documents.log(entry) for entry in found]

    def logs(self, identifier: str) -> list[Any]:
        """`eth_getFilterLogs`: all logs of the filter's range."""
        wanted = self._get(identifier)
        if wanted.kind != "logs":
            raise _not_found()
        return [documents.log(entry) for entry in search(self._chain, wanted.criteria, self._limits)]

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            if self._stop_pending is not None:
                self._stop_pending()
                self._stop_pending = None
            self._filters.clear()

    def _add(self, new: _Filter) -> str:
        identifier = "0x" + secrets.token_hex(16)
        with self._lock:
            self._expire()
            if len(self._filters) >= self._limits.filters:
                raise Fault(LIMIT_EXCEEDED, f"too many filters: at most {self._limits.filters}, try again later")
            self._filters[identifier] = new
        return identifier

    def _get(self, identifier: str) -> _Filter:
        with self._lock:
            self._expire()
            wanted = self._filters.get(identifier)
            if wanted is None:
                raise _not_found()
            wanted.used = self._now()
            return wanted

    def _expire(self) -> None:
        deadline = self._now() - self._limits.filter_life
        for identifier in [key for key, each in self._filters.items() if each.used < deadline]:
            del self._filters[identifier]
        if self._stop_pending is not None and all(each.kind != "pending" for each in self._filters.values()):
            self._stop_pending()
            self._stop_pending = None

    def _note_pending(self, transaction: Transaction) -> None:
        text = documents.to_hex(transaction.hash)
        with self._lock:
            for each in self._filters.values():
                if each.kind == "pending":
                    each.hashes.append(text)


def _not_found() -> Fault:
    return Fault(SERVER_ERROR, "filter not found")
