# SPDX-License-Identifier: Apache-2.0
"""Every limit of the facade, in one place. docs/formats/json-rpc.md lists them with their reasons."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what an outsider may ask for. Times in seconds, sizes in bytes."""

    body: int = 25 * 1024 * 1024
    """A request's body, or one WebSocket message (geth's batch limit)."""
    batch: int = 1_000
    """Requests in one batch (geth's limit)."""
    response: int = 25 * 1024 * 1024
    """All answers of one batch together."""
    batch_time: float = 30.0
    """Items of a batch that begin later than this are answered with an error (geth's write timeout)."""
    call_time: float = 5.0
    call_gas: int = 50_000_000
    estimate_gas: int = 0
    """Cap of `eth_estimateGas`; 0 means the block's gas limit."""
    log_blocks: int = 100_000
    logs: int = 10_000
    """Logs in one answer; a single block is always answered whole."""
    proof_slots: int = 1_024
    filters: int = 1_000
    filter_life: float = 300.0
    """A filter nobody asked about for so long is forgotten (geth's deadline)."""
    subscriptions: int = 100
    """Of one connection."""
    connections: int = 500
    """WebSocket connections at once."""
    in_flight: int = 16
    """Messages of one connection worked on at once."""
    outbox: int = 4_096
    """Messages a slow reader may leave unread before it is cut."""
    outbox_bytes: int = 16 * 1024 * 1024
    threads: int = 4
    executing: int = 2
    """Threads for what executes contracts (`eth_call` and its like), so that it holds up nothing else."""
    waiting_executions: int = 32
    """Such requests waiting; more are refused with -32005, HTTP 429."""
    waiting: int = 256
    """Requests waiting for a thread; more are refused with -32005, HTTP 429."""
