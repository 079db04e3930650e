# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a node, in plain words, and what to do: `maillon node doctor`.

`examine` gathers facts, `diagnose` judges them and asks nothing. docs/operating/alarms.md explains each.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import orjson

from maillon.evidence.consensus import Instant
from maillon.evidence.errors import Unreadable
from maillon.ledger.fees import CREDIT, credits_text
from maillon.network.configuration import NodeHome, NodeSettings, watches
from maillon.network.definition import NetworkDefinition
from maillon.network.engines import COMETBFT, GETH, installed, is_slow
from maillon.network.errors import EngineUnusable, ExecutionUnavailable, NetworkError, NodeUnusable
from maillon.network.execution import CallRefused, Execution, Socket
from maillon.network.health import LATE, NodeHealth, gather
from maillon.network.identity import Identity, NodeCard
from maillon.network.registry import ListedNode, Registry
from maillon.network.signatures import LastSignature

SKEW: Final = 2.0
"""Seconds a clock may differ from the other validators' before it is worth a word."""
LOW_DISK: Final = 10 * 1024**3
NO_DISK: Final = 1024**3
LOW_CREDITS: Final = CREDIT
ONE_ACT: Final = 200_000 * 10**9
"""Wei of an act of the operator's, such as registering a node: its gas at the least tip there is by default."""
GOOD, WORTH_A_LOOK, WRONG = "good", "worth a look", "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    state: str
    """`good`, `worth a look` or `wrong`."""
    words: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A node this one dials."""

    organisation: str
    connected: bool
    """Whether consensus is connected to it."""
    closed: tuple[str, ...]
    """Which of its ports for nodes could not be opened: `consensus`, `execution`."""
    listed: bool | None
    """Whether the chain lists it; None where that is not known."""

    def why(self) -> str:
        """Why it may be missing, as far as can be seen from here."""
        if self.listed is False:
            return "the chain does not list it"
        if self.closed:
            return f"cannot reach its port for {' and '.join(self.closed)}"
        return "it can be reached, so it refuses us, or its consensus is not up yet"


@dataclass(frozen=True)
class Facts:
    """What was seen; None where it could not be."""

    health: NodeHealth
    settings: NodeSettings
    engines: tuple[str, ...]
    """What is wrong with the engines' programs."""
    slow_execution: bool
    """Whether geth was built without a C compiler."""
    listed: tuple[ListedNode, ...] | None
    """The chain's list of nodes."""
    own_id: bytes
    neighbours: tuple[Neighbour, ...]
    """The nodes it dials."""
    skew: float | None
    """Seconds by which our clock is ahead of the other validators', from the votes of the last commit."""
    signed_height: int
    """What our validator's file says it signed last."""
    signature_height: int | None
    """The newest height that carries a signature of our validator."""
    watches: bool
    """Whether it knows nothing of what its validator key signed, and only watches."""
    credits: int | None
    """Wei of the operator's account."""


def diagnose(facts: Facts) -> list[Finding]:
    """Every finding, the good ones too, in the order in which they are worth reading."""
    return [check(facts) for check in _CHECKS]


def _engines(facts: Facts) -> Finding:
    if facts.engines:
        return Finding("engines", WRONG, "; ".join(facts.engines), "maillon engine install")
    if facts.slow_execution:
        return Finding(
            "engines",
            WORTH_A_LOOK,
            "geth was built without a C compiler: a transfer takes it 1.9 times the processor",
            "install gcc, then maillon engine install builds geth again; then restart the node",
        )
    return Finding("engines", GOOD, f"geth {GETH.version} and cometbft {COMETBFT.version} are the pinned ones")


def _processes(facts: Facts) -> Finding:
    away = [name for name in ("execution", "bridge", "consensus") if getattr(facts.health, name) is None]
    if away:
        return Finding(
            "processes",
            WRONG,
            f"no answer from: {', '.join(away)}",
            "is `maillon node run` running? Its logs are in the folder logs of the node",
        )
    return Finding("processes", GOOD, "execution, bridge and consensus answer")


def _disk(facts: Facts) -> Finding:
    free = facts.health.disk_free
    words = f"{free / 1024**3:.1f} GiB free"
    if free < NO_DISK:
        return Finding("disk", WRONG, words, "make room now: an engine that cannot write stops, and the node with it")
    return Finding("disk", WORTH_A_LOOK if free < LOW_DISK else GOOD, words, "make room" if free < LOW_DISK else "")


def _clock(facts: Facts) -> Finding:
    skew, age = facts.skew, facts.health.age
    if age is not None and age < -SKEW:
        # A clock that is behind does not show in its votes: CometBFT dates a vote after its block, whatever it says.
        skew = age if skew is None else min(skew, age)
    if skew is None:
        return Finding("clock", WORTH_A_LOOK, "no votes to compare the clock with")
    words = f"{abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} the other validators"
    if abs(skew) > SKEW:
        return Finding("clock", WRONG, words, "set the clock, by NTP: `timedatectl set-ntp true`")
    return Finding("clock", GOOD, words)


def _admission(facts: Facts) -> Finding:
    if facts.listed is None:
        return Finding("admission", GOOD, "the chain has no list of nodes; those of the network file are let in")
    if facts.own_id in {node.consensus_id for node in facts.listed}:
        return Finding("admission", GOOD, "this node is on the chain's list")
    return Finding(
        "admission",
        WRONG,
        "this node is not on the chain's list: every other node refuses it",
        "have it admitted: its keys are in `maillon node card`",
    )


def _peers(facts: Facts) -> Finding:
    health = facts.health
    execution = health.execution["peers"] if health.execution else 0
    consensus = len(health.consensus["peers"]) if health.consensus else 0
    words = f"{consensus} in consensus, {execution} in execution"
    missing = [each for each in facts.neighbours if not each.connected]
    if consensus and execution and not missing:
        return Finding("peers", GOOD, words)
    if missing:
        words += f"; not connected: {', '.join(f'{each.organisation} ({each.why()})' for each in missing)}"
    closed = any(each.closed for each in missing)
    return Finding(
        "peers",
        WRONG if not consensus else WORTH_A_LOOK,
        words,
        "are they up, and do firewalls between you let the ports for nodes through, both ways?"
        if closed
        else "compare the keys of `maillon node card` with the chain's list, at both ends",
    )


def _level(facts: Facts) -> Finding:
    health = facts.health
    if health.consensus is None or health.age is None:
        return Finding("level", WRONG, "the height is not known: consensus does not answer")
    height, age = health.consensus["height"], health.age
    if health.consensus["catching_up"]:
        return Finding("level", WORTH_A_LOOK, f"fetching older blocks; at {height}, {age:.0f} s behind", "wait")
    if age > LATE:
        return Finding(
            "level",
            WRONG,
            f"no block for {age:.0f} s; the newest is {height}",
            "with a third of the validators away the chain waits for them: see who is silent, and the peers above",
        )
    return Finding("level", GOOD, f"block {height}, {max(0.0, age):.1f} s ago")


def _validator(facts: Facts) -> Finding:
    if facts.settings.role != "validator":
        return Finding("validator", GOOD, "this node is not meant to be one")
    if facts.watches:
        return Finding("validator", WORTH_A_LOOK, "it watches before it votes: see the key below")
    if facts.health.is_validator:
        return Finding("validator", GOOD, "its key is in the validator set")
    return Finding(
        "validator",
        WRONG,
        "its key is not in the validator set: it follows, and does not vote",
        "it enters two or three blocks after the contract Network lists its key",
    )


def _key_used_twice(facts: Facts) -> Finding:
    if facts.settings.remote_signer:
        return Finding("key", GOOD, "a remote signer has it, and remembers what it signed")
    stop = "stop one of the two at once: docs/operating/double-signing.md"
    twin = (facts.health.bridge or {}).get("alarms", {}).get("key-used-twice")
    if twin is not None:
        return Finding("key", WRONG, f"a validator key used twice: {twin}", stop)
    if facts.signature_height is not None and (facts.watches or facts.signature_height > facts.signed_height + 1):
        return Finding(
            "key",
            WRONG,
            f"a validator key used twice: block {facts.signature_height} carries our validator's signature, and this "
            f"machine signed {facts.signed_height} last",
            stop,
        )
    if facts.watches:
        return Finding(
            "key",
            WORTH_A_LOOK,
            "what the key signed is not known here: it watches, and votes after twenty blocks without its vote",
            "wait; where the chain stands still without this validator: docs/operating/double-signing.md",
        )
    return Finding("key", GOOD, "nobody else signs with our validator's key")


def _credits(facts: Facts) -> Finding:
    if facts.credits is None:
        return Finding("credits", WORTH_A_LOOK, "the operator's balance is not known")
    words = f"{credits_text(facts.credits)} in the operator's account"
    if facts.credits < ONE_ACT:
        return Finding("credits", WRONG, words, "too little for one act: wait for the next grant, or have some sent")
    if facts.credits < LOW_CREDITS:
        return Finding("credits", WORTH_A_LOOK, words, "`maillon credits` says when the next ones come")
    return Finding("credits", GOOD, words)


def _proposals(facts: Facts) -> Finding:
    if facts.health.round:
        return Finding(
            "proposals",
            WORTH_A_LOOK,
            f"consensus is in round {facts.health.round}: proposals are late or refused",
            "see the refused ones in `maillon node status --json`, and who is silent",
        )
    return Finding("proposals", GOOD, "blocks are made in the first round")


def _alarms(facts: Facts) -> Finding:
    alarms = (facts.health.bridge or {}).get("alarms", {})
    if alarms:
        words = "; ".join(f"{name}: {reason}" for name, reason in alarms.items())
        return Finding("alarms", WORTH_A_LOOK, words, "docs/operating/alarms has a page for each")
    return Finding("alarms", GOOD, "none")


def _silence(facts: Facts) -> Finding:
    silent = facts.health.silent()
    if silent:
        return Finding("silence", WORTH_A_LOOK, f"did not sign the last block: {', '.join(silent)}", "ask them")
    return Finding("silence", GOOD, "every validator signed the last block")


_CHECKS: Final[tuple[Callable[[Facts], Finding], ...]] = (
    _engines,
    _processes,
    _disk,
    _clock,
    _admission,
    _peers,
    _level,
    _validator,
    _key_used_twice,
    _proposals,
    _silence,
    _credits,
    _alarms,
)


async def examine(home: NodeHome, engines: Path) -> Facts:
    """Gather the facts. Raises `NodeUnusable` or `InvalidNetwork` when there is no node here."""
    settings, network, identity = home.settings(), home.network(), home.identity()
    dialled = home.sentries() or network.nodes
    others = [node for node in dialled if node.consensus_id != identity.consensus_id]
    health, closed = await asyncio.gather(gather(home), asyncio.gather(*map(_closed, others)))
    rpc = f"http://127.0.0.1:{settings.consensus_rpc_port}"
    votes = await _get(f"{rpc}/commit")
    skew, signature_height = _own_vote(votes, health.validator_address)
    listed, balance = await _on_chain(home, identity.account.address)
    return Facts(
        health=health,
        settings=settings,
        engines=_engine_troubles(settings, engines),
        slow_execution=_is_execution_slow(settings, engines),
        listed=listed,
        own_id=identity.consensus_id,
        neighbours=tuple(
            Neighbour(
                node.organisation,
                node.consensus_id.hex() in (health.consensus or {}).get("peers", ()),
                shut,
                None if listed is None else node.consensus_id in {each.consensus_id for each in listed},
            )
            for node, shut in zip(others, closed, strict=True)
        ),
        skew=skew,
        signed_height=_signed_height(home),
        signature_height=signature_height,
        watches=_watches(home, settings, network, identity),
        credits=balance,
    )


def _engine_troubles(settings: NodeSettings, folder: Path) -> tuple[str, ...]:
    troubles = []
    for engine, own in ((GETH, settings.geth), (COMETBFT, settings.cometbft)):
        try:
            installed(engine, folder, own)
        except EngineUnusable as error:
            troubles.append(str(error))
    return tuple(troubles)


def _is_execution_slow(settings: NodeSettings, folder: Path) -> bool:
    try:
        return is_slow(GETH, installed(GETH, folder, settings.geth))
    except EngineUnusable:
        # Said already, among the engines' troubles.
        return False


async def _closed(node: NodeCard) -> tuple[str, ...]:
    """Which of a node's ports for other nodes cannot be opened from here."""

    async def reach(port: int) -> bool:
        try:
            async with asyncio.timeout(3):
                _, writer = await asyncio.open_connection(node.host, port)
        except (OSError, TimeoutError, socket.gaierror):
            return False
        writer.close()
        return True

    ports = {"consensus": node.consensus_port, "execution": node.execution_port}
    opened = await asyncio.gather(*map(reach, ports.values()))
    return tuple(name for name, reached in zip(ports, opened, strict=True) if not reached)


async def _get(url: str) -> Any:
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            return orjson.loads((await client.get(url)).content)["result"]
    except (httpx.HTTPError, orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _own_vote(commit: Any, address: str) -> tuple[float | None, int | None]:
    """(our clock less the others' median, the height) from the votes of a commit."""
    if commit is None:
        return None, None
    own: float | None = None
    others = []
    try:
        document = commit["signed_header"]["commit"]
        for vote in document["signatures"]:
            if vote["block_id_flag"] == 1:
                continue
            moment = Instant.parse(vote["timestamp"])
            seconds = moment.seconds + moment.nanoseconds / 1e9
            if vote["validator_address"].lower() == address:
                own = seconds
            else:
                others.append(seconds)
        height = int(document["height"])
    except (KeyError, TypeError, ValueError, Unreadable):
        return None, None
    if own is None:
        return None, None
    return (own - statistics.median(others) if others else None), height


def _signed_height(home: NodeHome) -> int:
    try:
        return LastSignature.read(home.last_signature_file).height
    except NodeUnusable:
        return 0


def _watches(home: NodeHome, settings: NodeSettings, network: NetworkDefinition, identity: Identity) -> bool:
    try:
        return watches(home, settings, network, identity.validator_key)
    except NodeUnusable:
        return False  # CometBFT does not start over a damaged file: the processes say so


async def _on_chain(home: NodeHome, account: bytes) -> tuple[tuple[ListedNode, ...] | None, int | None]:
    connection = Socket(home.execution_socket)
    try:
        async with asyncio.timeout(10):
            head = await connection.call("eth_getBlockByNumber", "latest", False)
            constitution = await Registry(Execution(connection)).at(bytes.fromhex(head["hash"][2:]))
            balance = await connection.call("eth_getBalance", "0x" + account.hex(), "latest")
        return constitution.nodes, int(balance, 16)
    except (ExecutionUnavailable, CallRefused, NetworkError, TimeoutError):
        return None, None
    finally:
        await connection.close()
