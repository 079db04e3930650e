# SPDX-License-Identifier: Apache-2.0
"""The ABCI socket: CometBFT's messages in, the bridge's answers out.

CometBFT opens four connections to a file only the node's user can open, and expects answers in order on each. Messages
are protobuf after their length as a varint (CometBFT 0.38, `abci/types/messages.go`). The socket protocol and not gRPC:
CometBFT's gRPC client takes answers of at most 4 MiB, and a full block may be 8.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from maillon.network import abci
from maillon.network.errors import NodeDown

MAXIMUM_MESSAGE: Final = 64 * 1024 * 1024
"""More than any message CometBFT's consensus parameters allow, so a broken length is noticed and not obeyed."""
_log = structlog.get_logger(__name__)


class Application(Protocol):
    """What answers. One method would do for the protocol; one for each kind of need keeps the reader sane."""

    async def answer(self, request: abci.Request) -> abci.Response:
        """The answer to one request. Must not raise: an error here stops CometBFT for good."""


class AbciServer:
    """Serves one application on one socket until closed."""

    def __init__(self, application: Application, path: Path) -> None:
        self._application = application
        self._path = path
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. A socket left by a process that was killed is replaced."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=MAXIMUM_MESSAGE)
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = abci.Request.FromString(await read_message(reader))
                answer = await self._application.answer(request)
                write_message(writer, answer)
                # CometBFT ends each group of requests with a flush, and waits for its answer.
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # CometBFT went away; it comes back with new connections
        except ValueError as error:
            _log.error("not an ABCI message", reason=str(error))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """The bytes of the next message. Raises `ValueError` for an impossible length, `IncompleteReadError` at the end."""
    length = shift = 0
    while True:
        (byte,) = await reader.readexactly(1)
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 28:
            raise ValueError("a length over four bytes")
    if length > MAXIMUM_MESSAGE:
        raise ValueError(f"a message of {length} bytes, of at most {MAXIMUM_MESSAGE}")
    return await reader.readexactly(length)


def write_message(writer: asyncio.StreamWriter, message: Any) -> None:
    """Queue a message."""
    body = message.SerializeToString()
    length, prefix = len(body), bytearray()
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    writer.write(bytes(prefix) + body)


async def ask(path: Path, request: abci.Request, within: float = 5.0) -> abci.Response:
    """One question to a bridge, on a connection of its own. Raises `NodeDown`."""
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                write_message(writer, request)
                return abci.Response.FromString(await read_message(reader))
            finally:
                writer.close()
    except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise NodeDown(f"the bridge at {path} does not answer: {error or type(error).__name__}") from error
