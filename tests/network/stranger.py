# SPDX-License-Identifier: Apache-2.0
"""What somebody outside can do to a machine: run by test_partitions.py, in a namespace of its own.

`stranger.py ADDRESS FIRST LAST` tries every port, and prints those that answered as a JSON list;
`stranger.py ADDRESS PORT PORT SEED` sends a thousand kinds of garbage to two ports, and prints [].
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

AT_ONCE = 200
PATIENCE = 20.0
GARBAGE = 1000


async def is_open(address: str, port: int, turn: asyncio.Semaphore) -> int | None:
    async with turn:
        try:
            async with asyncio.timeout(PATIENCE):
                _, writer = await asyncio.open_connection(address, port)
        except ConnectionRefusedError:
            return None
        writer.close()
        return port


async def throw(address: str, port: int, data: bytes, turn: asyncio.Semaphore) -> None:
    """Say something, and hang up when the other side does, or after a moment without a word."""
    async with turn:
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(address, port)
                writer.write(data)
                await reader.read(4096)
        except (OSError, TimeoutError):
            return
        writer.close()


async def main(address: str, *arguments: str) -> None:
    turn = asyncio.Semaphore(AT_ONCE)
    if len(arguments) == 2:
        first, last = map(int, arguments)
        found = await asyncio.gather(*(is_open(address, port, turn) for port in range(first, last + 1)))
        sys.stdout.write(json.dumps([port for port in found if port is not None]))
        return
    *ports, seed = arguments
    chance = random.Random(seed)
    openings = (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", b"\x00" * 32, b"\x20" + bytes(32))
    thrown = [chance.choice(openings) + chance.randbytes(chance.randrange(2000)) for _ in range(GARBAGE)]
    await asyncio.gather(*(throw(address, int(ports[number % 2]), data, turn) for number, data in enumerate(thrown)))
    sys.stdout.write("[]")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
