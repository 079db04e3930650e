# SPDX-License-Identifier: Apache-2.0
"""Who may connect: the chain's list of nodes, followed both ways, about once a second.

geth is told whom to trust, and nobody else finds a place. CometBFT asks the bridge about each connection; it has no
call to cut one, so after a removal each node restarts its own CometBFT, one after the other, in an order all compute
alike: the chain goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

import httpx
import orjson
import structlog

from maillon.network.configuration import Plan
from maillon.network.errors import ExecutionUnavailable
from maillon.network.execution import CallRefused, Socket, parent_of
from maillon.network.registry import ListedNode, Registry

INTERVAL: Final = 1.0
DIAL_INTERVAL: Final = 5.0
RESTART_SPACING: Final = 8.0
"""Seconds between the restarts of two nodes' CometBFT after a removal: one takes two or three."""
_log = structlog.get_logger(__name__)


class PeerKeeper:
    """Keeps one node's peers those the chain lists."""

    def __init__(
        self,
        plan: Plan,
        socket: Socket,
        registry: Registry,
        http: httpx.AsyncClient,
        restart_consensus: Callable[[], Awaitable[None]],
    ) -> None:
        self._plan = plan
        self._socket = socket
        self._http = http
        self._restart = restart_consensus
        self._registry = registry
        self._trusted: set[bytes] = set()
        self._listed: dict[bytes, bytes] = {}
        """Consensus id → execution key, of the newest usable list."""
        self._told = 0
        """The opening of the socket on which geth was told."""
        self._restart_at: float | None = None
        self._dial_at = 0.0
        self._consensus = f"http://127.0.0.1:{plan.settings.consensus_rpc_port}"

    async def run(self) -> None:
        """Until cancelled. An engine that was away has forgotten whom it trusted, so all are named again."""
        while True:
            try:
                await self._round()
            except (ExecutionUnavailable, CallRefused) as error:
                self._trusted.clear()
                _log.info("peers wait for the execution engine", reason=str(error))
            await asyncio.sleep(INTERVAL)

    async def _round(self) -> None:
        head = await self._socket.call("eth_getBlockByNumber", "latest", False, within=5)
        async with asyncio.timeout(10):
            try:
                parent = parent_of(head)
                validators = (await self._registry.at(parent.hash)).validator_view() or {}
                self._adopt(await self._registry.permitted(parent, validators), validators)
            except TimeoutError as error:
                raise ExecutionUnavailable("no state at the head") from error
        await self._tell_execution()
        connected = await self._connected()
        if connected is not None:
            await self._cut_removed(connected)
            await self._dial(connected)

    def _adopt(self, nodes: Collection[ListedNode] | None, validators: Mapping[bytes, int]) -> None:
        """Who may connect, as the chain says, or else the network file; current validators among them always."""
        founders = self._plan.network.nodes
        if nodes is not None:
            self._listed = {node.consensus_id: node.execution_key for node in nodes}
        elif not self._listed:
            self._listed = {node.consensus_id: node.execution_key for node in founders}
        self._listed |= {node.consensus_id: node.execution_key for node in founders if node.validator_key in validators}

    async def _tell_execution(self) -> None:
        if self._told != self._socket.openings:
            # A geth that was restarted trusts nobody yet.
            self._told = self._socket.openings
            self._trusted.clear()
        known = {node.execution_key: node.enode for node in self._plan.dialled}
        wanted = set(self._listed.values()) - {self._plan.identity.execution_key}
        for key in sorted(wanted - self._trusted):
            address = known.get(key, f"enode://{key.hex()}")
            await self._socket.call("admin_addTrustedPeer", address, within=5)
            if key in known:
                await self._socket.call("admin_addPeer", address, within=5)
            self._trusted.add(key)
            _log.info("peer permitted", execution_key=key.hex())
        for key in sorted(self._trusted - wanted):
            address = known.get(key, f"enode://{key.hex()}")
            await self._socket.call("admin_removeTrustedPeer", address, within=5)
            # The first call alone leaves the connection as it is.
            await self._socket.call("admin_removePeer", address, within=5)
            self._trusted.discard(key)
            _log.info("peer removed", execution_key=key.hex())

    async def _dial(self, connected: set[bytes]) -> None:
        """Have CometBFT dial who is missing: refused once, it does not always try again by itself."""
        now = asyncio.get_running_loop().time()
        if now < self._dial_at:
            return
        self._dial_at = now + DIAL_INTERVAL
        missing = [
            node.consensus_address
            for node in self._plan.dialled
            if node.consensus_id in self._listed and node.consensus_id not in connected
        ]
        if missing:
            parameters = {"persistent": "true", "peers": orjson.dumps(missing).decode()}
            with contextlib.suppress(httpx.HTTPError):
                await self._http.get(f"{self._consensus}/dial_peers", params=parameters)

    async def _cut_removed(self, connected: set[bytes]) -> None:
        """Restart our CometBFT, in our turn, while it is connected to a node that is no longer listed."""
        if not connected - set(self._listed):
            self._restart_at = None
            return
        now = asyncio.get_running_loop().time()
        if self._restart_at is None:
            order = sorted(self._listed)
            own = self._plan.identity.consensus_id
            turn = order.index(own) if own in order else len(order)
            self._restart_at = now + turn * RESTART_SPACING
            _log.info("a removed node is connected: CometBFT restarts", seconds=turn * RESTART_SPACING)
        elif now >= self._restart_at:
            self._restart_at = None
            await self._restart()

    async def _connected(self) -> set[bytes] | None:
        """Whom CometBFT is connected to; None while it does not answer."""
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError, TypeError):
            answer = (await self._http.get(f"{self._consensus}/net_info")).json()
            return {bytes.fromhex(peer["node_info"]["id"]) for peer in answer["result"]["peers"]}
        return None
