# SPDX-License-Identifier: Apache-2.0
"""The notary over HTTP: single appends with the time to a ready receipt, batches, and time stamps.

The load generator runs in a process of its own, on the same two cores as the server: what it takes, the server lacks.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import uvloop

from load import offer, request
from platform_process import Platform, running

APPENDS = 30_000
CONNECTIONS = 64
BATCHES = 10
BATCH = 100_000
STAMPS = 15_000
GRANTED = bytes.fromhex("3003020100")
"""PKIStatusInfo of a stamp that was granted (RFC 3161 section 2.4.2), after the four bytes that begin a reply."""
SAMPLED = 150
"""Appends whose receipt is waited for; the others are load."""


def _headers(platform: Platform, media_type: str = "application/json") -> dict[str, str]:
    return {"Authorization": f"Bearer {platform.key}", "Content-Type": media_type}


async def _receipt_times(platform: Platform, sampled: asyncio.Queue[tuple[int, float]]) -> list[float]:
    """For each sampled entry: seconds from the request that appended it until its receipt could be fetched."""
    times: list[float] = []

    async def follow(client: httpx.AsyncClient, index: int, began: float) -> None:
        answer = await client.get(f"/v1/notary/entries/{index}/receipt", params={"wait": 30})
        answer.raise_for_status()
        if answer.status_code != 200:
            raise RuntimeError(f"no receipt for {index} after 30 s: {answer.status_code}")
        times.append(time.perf_counter() - began)

    async with (
        httpx.AsyncClient(base_url=platform.url, headers=_headers(platform), timeout=40) as client,
        asyncio.TaskGroup() as group,
    ):
        while True:
            index, began = await sampled.get()
            if index < 0:
                break
            group.create_task(follow(client, index, began))
    return times


async def appends(platform: Platform) -> dict[str, float]:
    """Single appends as fast as they are answered, and how long until receipts are ready."""
    bodies = [json.dumps({"commitment": os.urandom(32).hex()}).encode() for _ in range(APPENDS)]
    requests = (
        request("/v1/notary/entries", body, _headers(platform), f"127.0.0.1:{platform.port}") for body in bodies
    )
    sampled: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
    pick = random.Random(3161)

    def answered(body: bytes, began: float) -> None:
        if pick.random() < SAMPLED / APPENDS:
            sampled.put_nowait((int(json.loads(body)["index"]), began))

    receipts = asyncio.create_task(_receipt_times(platform, sampled))
    outcome = await offer("127.0.0.1", platform.port, requests, CONNECTIONS, answered)
    sampled.put_nowait((-1, 0.0))
    times = sorted(await receipts)
    if set(outcome.statuses) != {201}:
        raise RuntimeError(f"not every append was accepted: {outcome.statuses}")
    return {
        "single_appends_per_second": round(APPENDS / outcome.seconds),
        "single_append_p99_ms": round(1000 * outcome.percentile(0.99), 1),
        "receipt_ready_p50_seconds": round(times[len(times) // 2], 2),
        "receipt_ready_p99_seconds": round(times[int(0.99 * len(times))], 2),
    }


async def batches(platform: Platform) -> dict[str, float]:
    """Batches of 100,000 digests, two at a time, until all are acknowledged, and until all have receipts."""
    bodies = [
        json.dumps({"commitments": [os.urandom(32).hex() for _ in range(BATCH)]}).encode() for _ in range(BATCHES)
    ]
    requests = (
        request("/v1/notary/batches", body, _headers(platform), f"127.0.0.1:{platform.port}") for body in bodies
    )
    last = 0

    def answered(body: bytes, _began: float) -> None:
        nonlocal last
        answer = json.loads(body)
        last = max(last, answer["first"] + answer["count"] - 1)

    began = time.perf_counter()
    outcome = await offer("127.0.0.1", platform.port, requests, 2, answered)
    if set(outcome.statuses) != {201}:
        raise RuntimeError(f"not every batch was accepted: {outcome.statuses}")
    async with httpx.AsyncClient(base_url=platform.url, headers=_headers(platform), timeout=40) as client:
        answer = await client.get(f"/v1/notary/entries/{last}/receipt", params={"wait": 30})
        if answer.status_code != 200:
            raise RuntimeError(f"no receipt for the last digest: {answer.status_code}")
    ready = time.perf_counter() - began
    return {
        "batch_digests_per_second_acknowledged": round(BATCHES * BATCH / outcome.seconds),
        "batch_digests_per_second_receipt_ready": round(BATCHES * BATCH / ready),
    }


def _query_template() -> bytes:
    """A query made by openssl, its digest 32 zero bytes to be overwritten."""
    with tempfile.TemporaryDirectory() as directory:
        query = Path(directory) / "query.tsq"
        subprocess.run(
            ["openssl", "ts", "-query", "-digest", "00" * 32, "-sha256", "-cert", "-out", str(query)],
            check=True,
            capture_output=True,
        )
        return query.read_bytes()


async def stamps(platform: Platform) -> dict[str, float]:
    """RFC 3161 requests over HTTP, each with its own digest, certificate asked for."""
    template = await asyncio.to_thread(_query_template)
    place = template.index(bytes(32))
    queries = [template[:place] + os.urandom(32) + template[place + 32 :] for _ in range(STAMPS)]
    requests = (
        request("/tsa", body, _headers(platform, "application/timestamp-query"), f"127.0.0.1:{platform.port}")
        for body in queries
    )
    granted = 0

    def answered(body: bytes, _began: float) -> None:
        nonlocal granted
        granted += body[4 : 4 + len(GRANTED)] == GRANTED

    outcome = await offer("127.0.0.1", platform.port, requests, CONNECTIONS, answered)
    if set(outcome.statuses) != {200} or granted != STAMPS:
        raise RuntimeError(f"not every query was granted a stamp: {granted} of {STAMPS}, {outcome.statuses}")
    return {
        "stamps_per_second": round(STAMPS / outcome.seconds),
        "stamp_p99_ms": round(1000 * outcome.percentile(0.99), 1),
    }


def main() -> None:
    """All three, or the one named on the command line."""
    chosen = sys.argv[1:] or ["appends", "batches", "stamps"]
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as directory, running(Path(directory) / "home") as platform:
        for name in chosen:
            measure = {"appends": appends, "batches": batches, "stamps": stamps}[name]
            figures |= uvloop.run(measure(platform))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
