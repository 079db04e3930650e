# SPDX-License-Identifier: Apache-2.0
"""`maillon network demo`: a whole consortium on one machine, with the platform on top of it.

Four organisations' nodes, each with keys, processes and folders of its own, as on four machines; only the addresses
are loopback's. What is tried here behaves as the network does, because it is the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import signal
from collections.abc import Callable, Sequence

from maillon import main
from maillon.kit import terminal
from maillon.kit.keys import Keys
from maillon.kit.settings import Settings
from maillon.ledger.genesis import random_chain_id
from maillon.ledger.signing import Account
from maillon.network import consortium, engines
from maillon.network.definition import NetworkDefinition, found, founding_of
from maillon.network.errors import NodeUnusable
from maillon.network.identity import NodeCard
from maillon.network.supervisor import Supervisor, plan_of

_CREDITS = 10**6 * 10**18


async def run(chosen: Settings, validators: int, ready: Callable[[str], None]) -> None:
    """Until SIGINT or SIGTERM; the caller holds the home. Raises what `main.serve` and a supervisor raise."""
    folder = engines.default_folder()
    engines.install(folder, terminal.progress_line, {})
    if (chosen.home / "genesis.json").exists():
        raise NodeUnusable(f"{chosen.home} holds an embedded ledger: choose another home with --home")
    keys = Keys(chosen.home / "keys")
    notary, sandbox = (Account(keys.account(name)).address for name in ("notary", "sandbox"))
    funded = [(notary, _CREDITS), (sandbox, _CREDITS)]
    now = int(datetime.datetime.now(datetime.UTC).timestamp())

    def define(cards: Sequence[NodeCard]) -> NetworkDefinition:
        # The platform's notary writes its log in the name of the first founder.
        founding = founding_of(cards, [notary])
        return found(chosen.network, random_chain_id(), now, cards, consortium.CREDITS, funded, founding)

    homes = consortium.lay_out(chosen.home / "consortium", validators, chosen.network, now, define=define)
    supervisors = [Supervisor(plan_of(home, folder)) for home in homes]
    terminal.progress_line(f"starting {validators} nodes …")
    running = [asyncio.create_task(supervisor.run()) for supervisor in supervisors]

    def stop() -> None:
        for supervisor in supervisors:
            supervisor.stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        if not await _all_ready(supervisors, running):
            return
        gateway = f"http://127.0.0.1:{supervisors[0].plan.settings.gateway_port}"
        terminal.progress_line(f"a node answers wallets at {gateway}")
        # From here on the server's own handling of signals ends everything.
        await main.serve(chosen.model_copy(update={"ledger": gateway}), terminal.progress_line, ready)
    finally:
        stop()
        await asyncio.gather(*running, return_exceptions=True)


async def _all_ready(supervisors: list[Supervisor], running: list[asyncio.Task[None]]) -> bool:
    """Whether every node came up before one of them ended. Raises what ended it."""

    async def wait() -> None:
        for supervisor in supervisors:
            await supervisor.ready.wait()

    waiting = asyncio.create_task(wait())
    await asyncio.wait([*running, waiting], return_when=asyncio.FIRST_COMPLETED)
    if waiting.done():
        return True
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    for task in running:
        if task.done():
            task.result()
    return False
