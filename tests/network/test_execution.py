# SPDX-License-Identifier: Apache-2.0
"""The connection to an engine: answers, silence, and being told to stop while an answer arrives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from maillon.network.errors import ExecutionUnavailable
from maillon.network.execution import Socket


@asynccontextmanager
async def engine(path: Path, *, answers: bool = True) -> AsyncIterator[Socket]:
    """A connection to something on a Unix socket that says how it was called, or nothing at all."""
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked = json.loads(line)
            if answers:
                answer = {"jsonrpc": "2.0", "id": asked["id"], "result": asked["method"]}
                writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()
        await writer.wait_closed()
        served.set()

    server = await asyncio.start_unix_server(serve, path)
    socket = Socket(path)
    try:
        yield socket
    finally:
        await socket.close()
        await served.wait()
        server.close()


def test_an_engine_that_answers_is_heard_and_one_that_does_not_is_unavailable(tmp_path: Path) -> None:
    async def ask(name: str, *, answers: bool) -> object:
        async with engine(tmp_path / name, answers=answers) as socket:
            return await socket.call("eth_blockNumber", within=60 if answers else 0.05)

    assert asyncio.run(ask("speaks", answers=True)) == "eth_blockNumber"
    with pytest.raises(ExecutionUnavailable, match=r"no answer within 0\.05 s"):
        asyncio.run(ask("silent", answers=False))


def test_who_is_stopped_while_the_answer_arrives_stops(tmp_path: Path) -> None:
    async def stop_as_it_answers() -> None:
        async with engine(tmp_path / "engine", answers=False) as socket:
            asking = asyncio.create_task(socket.call("eth_blockNumber"))
            while not socket._waiting:  # noqa: ASYNC110 - what it waits for says so to nobody
                await asyncio.sleep(0)
            (waiting,) = socket._waiting.values()
            waiting.set_result([{"jsonrpc": "2.0", "id": 0, "result": "0x1"}])
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(stop_as_it_answers())
