# SPDX-License-Identifier: Apache-2.0
"""The HTTP server: uvicorn in this process, on a socket taken beforehand, stopped by our own signals."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from maillon.kit.errors import HomeUnusable

GRACE = 10
"""Seconds requests under way have to finish when the server is stopped."""


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on, taken before anything slow begins; raises `HomeUnusable` when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio only then turns Nagle's delay off: 40 ms an answer otherwise.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        # Taken for good: binding alone would let a second server wait behind us.
        listening.listen(2048)
    except OSError as error:
        listening.close()
        other = "another address with --host"
        if not isinstance(error, socket.gaierror) and error.errno != errno.EADDRNOTAVAIL:
            other = "another port with --port"
        raise HomeUnusable(f"cannot listen on {host}:{port}: {error.strerror}; choose {other}") from error
    except UnicodeError as error:
        # A name no name service can be asked for: a label that is empty, or too long.
        listening.close()
        raise HomeUnusable(f"cannot listen on {host}:{port}: it is no address; choose another with --host") from error
    return listening


class _Server(uvicorn.Server):
    """Uvicorn's server, which leaves signals to us and says when it has started."""

    def __init__(
        self, config: uvicorn.Config, when_started: Callable[[], None], when_stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._when_started = when_started
        self._when_stopping = when_stopping

    def stop(self) -> None:
        """End: requests under way have `GRACE` seconds. A second signal changes nothing: the end is on its way."""
        if not self.should_exit:
            self.should_exit = True
            self._when_stopping()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ours are installed on the loop, so that the process ends with status 0 after a clean stop."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        # What is there by now stays to the end: the collector has not to look through it again and again. It is not
        # made to look now, for a tenth of a second before the ready line: it would find two hundred objects.
        gc.freeze()
        if self.started and not self.should_exit:
            self._when_started()


async def serve(
    app: ASGIApp,
    listening: socket.socket,
    when_started: Callable[[], None],
    when_stopping: Callable[[], None] = lambda: None,
    unfit: asyncio.Event | None = None,
) -> bool:
    """Serve until SIGINT or SIGTERM, or until `unfit` is set; False when the application could not start.

    `when_stopping` is told of the signal, before requests under way are waited for: it ends those that only wait.
    """
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="websockets-sansio",
        lifespan="on",
        log_config=None,
        # It would believe every process of this machine: `kit.callers` reads what a proxy says.
        proxy_headers=False,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=65,
    )
    server = _Server(config, when_started, when_stopping)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)

    async def watch(unfit: asyncio.Event) -> None:
        await unfit.wait()
        server.stop()

    watching = None if unfit is None else asyncio.create_task(watch(unfit))
    await server.serve(sockets=[listening])
    if watching is not None:
        watching.cancel()
    return server.started
