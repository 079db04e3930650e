# SPDX-License-Identifier: Apache-2.0
"""How a node is: asked of its parts, in one value, for `node status`, `node doctor`, `/health` and `/metrics`.

Nothing is remembered between two questions: what does not answer is named as such.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson

from maillon.network import abci
from maillon.network.application import ask
from maillon.network.bridge import STATUS_PATH
from maillon.network.configuration import NodeHome, NodeSettings
from maillon.network.errors import ExecutionUnavailable, NodeDown
from maillon.network.execution import CallRefused, Execution, Socket, parent_of
from maillon.network.registry import Registry
from maillon.network.rules import address_of_key

LATE: Final = 15.0
"""Seconds without a block after which the chain, or this node's view of it, stands still."""


@dataclass(frozen=True)
class NodeHealth:
    """What was found. A part that did not answer is None."""

    organisation: str
    network: str
    now: float
    validator_address: str
    execution: dict[str, Any] | None = None
    """`height`, `peers`, `pending`, `queued`, `version`."""
    consensus: dict[str, Any] | None = None
    """`height`, `time`, `catching_up`, `peers` (ids), `power`."""
    bridge: dict[str, Any] | None = None
    """See `Bridge.status`."""
    supervisor: dict[str, Any] | None = None
    """`since`, in Unix time, and `restarts` of each part."""
    round: int | None = None
    """The round consensus is in at this height; None where CometBFT does not say, as while it waits for a block."""
    disk_free: int = 0
    names: dict[str, str] = field(default_factory=dict)
    """Validator address → organisation: what the chain calls it, or else its card."""

    @property
    def age(self) -> float | None:
        """Seconds since the newest block, by this machine's clock; negative when the clock is behind."""
        return None if self.consensus is None else self.now - self.consensus["time"]

    @property
    def ready(self) -> bool:
        """Whether every part answers, the node is level with the others, and blocks come."""
        parts = self.execution is not None and self.consensus is not None and self.bridge is not None
        return parts and not self.consensus_lags and self.age is not None and self.age < LATE

    @property
    def consensus_lags(self) -> bool:
        """Whether CometBFT is still replaying or fetching older blocks."""
        return self.consensus is None or bool(self.consensus["catching_up"])

    @property
    def is_validator(self) -> bool:
        """Whether its key has power now."""
        return self.consensus is not None and self.consensus["power"] > 0

    def silent(self) -> list[str]:
        """Who did not sign the last commit: organisations where known, else addresses."""
        return [self.names.get(address, address) for address in (self.bridge or {}).get("silent", [])]

    def refused(self) -> list[dict[str, Any]]:
        """The proposals refused last, each with its proposer's organisation where it is known."""
        found = (self.bridge or {}).get("refused", [])
        return [each | {"organisation": self.names.get(each["proposer"])} for each in found]

    def validators(self) -> list[dict[str, Any]]:
        """Who signs, with how much power."""
        found = (self.bridge or {}).get("validators", {})
        addresses = {key: address_of_key(bytes.fromhex(key)).hex() for key in found}
        return [
            {"address": addresses[key], "organisation": self.names.get(addresses[key]), "power": power}
            for key, power in found.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "status": "ready" if self.ready else "not ready",
            "organisation": self.organisation,
            "network": self.network,
            "validator": self.is_validator,
            "block_age": None if self.age is None else round(self.age, 2),
            "execution": self.execution,
            "consensus": self.consensus,
            "bridge": self.bridge,
            "supervisor": self.supervisor,
            "round": self.round,
            "silent": self.silent(),
            "refused": self.refused(),
            "validators": self.validators(),
            "disk_free": self.disk_free,
        }


async def gather(home: NodeHome) -> NodeHealth:
    """Ask every part, at once. Raises `NodeUnusable` or `InvalidNetwork` when there is no node here."""
    settings, network, identity = home.settings(), home.network(), home.identity()
    own = address_of_key(identity.validator_key).hex()
    execution, consensus, turn, bridge, supervisor, named = await asyncio.gather(
        _ask_execution(home),
        _ask_consensus(settings),
        _ask_round(settings),
        _ask_bridge(home),
        _ask_supervisor(home),
        _ask_names(home),
    )
    return NodeHealth(
        organisation=settings.organisation,
        network=network.genesis.network,
        now=time.time(),
        validator_address=own,
        execution=execution,
        consensus=consensus,
        bridge=bridge,
        supervisor=supervisor,
        round=turn,
        disk_free=shutil.disk_usage(home.path).free,
        names={address_of_key(node.validator_key).hex(): node.organisation for node in network.nodes} | named,
    )


async def _ask_execution(home: NodeHome) -> dict[str, Any] | None:
    socket = Socket(home.execution_socket)
    try:
        height, peers, pool, version = await socket.calls(
            [("eth_blockNumber", []), ("net_peerCount", []), ("txpool_status", []), ("web3_clientVersion", [])],
            within=5,
        )
        return {
            "height": int(height, 16),
            "peers": int(peers, 16),
            "pending": int(pool["pending"], 16),
            "queued": int(pool["queued"], 16),
            "version": version,
        }
    except (ExecutionUnavailable, CallRefused, TypeError, ValueError):
        return None
    finally:
        await socket.close()


async def _ask_names(home: NodeHome) -> dict[str, str]:
    """The organisations behind validators' addresses, as the chain names them; none while it cannot be asked."""
    socket = Socket(home.execution_socket)
    try:
        async with asyncio.timeout(5):
            head = parent_of(await socket.call("eth_getBlockByNumber", "latest", False, within=5))
            named = await Registry(Execution(socket)).organisations(head.hash)
    except (ExecutionUnavailable, CallRefused, TimeoutError):
        return {}
    finally:
        await socket.close()
    return {address_of_key(key).hex(): name for key, name in named.items()}


async def _ask_consensus(settings: NodeSettings) -> dict[str, Any] | None:
    url = f"http://127.0.0.1:{settings.consensus_rpc_port}"
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            status = orjson.loads((await client.get(f"{url}/status")).content)["result"]
            peers = orjson.loads((await client.get(f"{url}/net_info")).content)["result"]["peers"]
        synced = status["sync_info"]
        moment, _, fraction = synced["latest_block_time"].rstrip("Z").partition(".")
        seconds = time.mktime(time.strptime(moment, "%Y-%m-%dT%H:%M:%S")) - time.timezone
        return {
            "height": int(synced["latest_block_height"]),
            "time": seconds + float(f"0.{fraction or 0}"),
            "catching_up": synced["catching_up"],
            "power": int(status["validator_info"]["voting_power"]),
            "peers": sorted(peer["node_info"]["id"] for peer in peers),
            "version": status["node_info"]["version"],
        }
    except (httpx.HTTPError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


async def _ask_round(settings: NodeSettings) -> int | None:
    """Apart from the rest: while CometBFT waits for a block to be executed it answers everything but this."""
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(f"http://127.0.0.1:{settings.consensus_rpc_port}/consensus_state")
        state = orjson.loads(answer.content)["result"]["round_state"]
        return int(state["height/round/step"].split("/")[1])
    except (httpx.HTTPError, orjson.JSONDecodeError, KeyError, TypeError, ValueError, IndexError):
        return None


async def _ask_supervisor(home: NodeHome) -> dict[str, Any] | None:
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_unix_connection(str(home.supervisor_socket))
            try:
                found: dict[str, Any] = orjson.loads(await reader.read())
            finally:
                writer.close()
    except (OSError, TimeoutError, orjson.JSONDecodeError):
        return None
    return found


async def _ask_bridge(home: NodeHome) -> dict[str, Any] | None:
    try:
        answer = await ask(home.bridge_socket, abci.Request(query=abci.QueryRequest(path=STATUS_PATH)))
        found: dict[str, Any] = orjson.loads(answer.query.log)
    except (NodeDown, orjson.JSONDecodeError):
        return None
    return found
