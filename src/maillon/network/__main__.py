# SPDX-License-Identifier: Apache-2.0
"""The processes a supervisor starts: `python -m maillon.network bridge HOME` and `… gateway HOME`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Final

from maillon.kit import logs
from maillon.kit.clock import SystemClock
from maillon.network import rules
from maillon.network.application import AbciServer
from maillon.network.bridge import Bridge, Check, Founder, Observed, OwnKey
from maillon.network.configuration import NodeHome
from maillon.network.execution import Execution, Socket
from maillon.network.registry import Registry
from maillon.network.signatures import LastSignature

SETTLE_WITHIN: Final = 2.0
"""Seconds a bridge that stops takes to have the engine's head where its own is."""


def own_key(home: NodeHome) -> OwnKey | None:
    """The validator key this machine signs with; None where a remote signer does."""
    if home.settings().remote_signer:
        return None
    return OwnKey(home.identity().validator_key, lambda: LastSignature.read(home.last_signature_file))


async def run_bridge(home: NodeHome, make: type[Bridge] = Bridge, check: Check = rules.check_payload) -> None:
    """Answer CometBFT until SIGTERM."""
    network = home.network()
    socket = Socket(home.execution_socket)
    observed = Observed()

    def waiting(reason: str) -> None:
        observed.waiting = reason

    execution = Execution(socket, waiting)
    bridge = make(
        execution,
        Registry(execution),
        {validator.key: validator.power for validator in network.genesis.validators},
        [Founder(node.consensus_id, node.validator_key) for node in network.nodes],
        SystemClock(),
        observed,
        check,
        own_key(home),
    )
    server = AbciServer(bridge, home.bridge_socket)
    await server.start()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.close()
    with contextlib.suppress(TimeoutError):
        # An engine that is away already is told by CometBFT's replay at the next start.
        async with asyncio.timeout(SETTLE_WITHIN):
            await bridge.settle()
    await socket.close()


def main(arguments: list[str]) -> None:
    """Run the process that is named."""
    logs.configure("info")
    name, path = arguments
    home = NodeHome(Path(path))
    if name == "bridge":
        import uvloop

        uvloop.run(run_bridge(home))
    elif name == "gateway":
        from maillon.network.gateway import serve_gateway

        serve_gateway(home)
    else:
        sys.exit(f"no such process: {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
