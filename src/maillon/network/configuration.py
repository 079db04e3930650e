# SPDX-License-Identifier: Apache-2.0
"""A node's directory and settings, and what the two engines are started with.

The engines' configuration is written anew at each start from the network's definition and `node.toml`: what stands
there by hand is not kept, so that a node is what its two files say.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import orjson

from maillon.kit.callers import Network, read_network
from maillon.kit.errors import HomeUnusable
from maillon.kit.keys import write_private
from maillon.ledger.fees import DEFAULT_FLOOR_TIP
from maillon.network.definition import NetworkDefinition
from maillon.network.errors import NodeUnusable
from maillon.network.identity import Identity, NodeCard
from maillon.network.rules import EXTRA_DATA
from maillon.network.signatures import LastSignature, begin, make_empty

BUILD_TIME: Final = "600ms"
"""geth's `--miner.recommit`: the longest one block is built for. A block that takes longer carries what fitted."""
COMMIT_TIME: Final = "500ms"
"""What CometBFT waits after a commit for more votes; with building and voting, blocks come about once a second."""
PROPOSE_TIME: Final = "1500ms"
"""After this a silent proposer loses its turn."""
MAXIMUM_TRANSACTION: Final = 11 * 1024 * 1024
"""CometBFT's own limit of one transaction: over the largest payload, so that it never is what refuses one."""
PREFETCH_CORES: Final = 4
"""From so many cores on, geth executes a block's transactions ahead on the others, to have their state in memory. With
fewer it takes the processor from the execution itself: on two it cost a third of all throughput."""
STATE_SCHEME: Final = ("--state.scheme", "hash")
"""How geth keeps states, told to it wherever block zero is written or read: every block's stays."""
MAXIMUM_SOCKET_PATH: Final = 100
"""The operating system's limit is 107 bytes."""
_WATCHER_STATE: Final = "watcher_state.json"
ROLES: Final = ("validator", "full")
_KINDS: Final = {"int": int, "str": str, "tuple[str, ...]": list}
_KIND_WORDS: Final = {int: "a number", str: "text", list: "a list"}


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What an operator chooses, in `node.toml`. Ports are of this machine; 0 is none."""

    organisation: str
    host: str = "127.0.0.1"
    """The name or address other nodes reach this one by."""
    listen: str = "127.0.0.1"
    """The address of this machine that listens for other nodes; 0.0.0.0 for every one."""
    role: str = "validator"
    consensus_port: int = 26656
    execution_port: int = 30303
    consensus_rpc_port: int = 26657
    """Loopback only."""
    execution_rpc_port: int = 8546
    """Loopback only: what the gateway stands before."""
    engine_port: int = 8551
    """Loopback only: geth always opens it; the bridge uses the socket."""
    consensus_metrics_port: int = 26660
    """Loopback only: where CometBFT tells the gateway its metrics."""
    execution_metrics_port: int = 0
    """Loopback only: where geth does; none by default, for counting costs it (docs/decisions/0048)."""
    gateway_port: int = 8545
    """Where clients reach the network: JSON-RPC, health and metrics."""
    gateway_host: str = "127.0.0.1"
    requests_a_second: int = 2000
    """Calls one address may make without a key; 0 asks everybody for a key."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of the proxies before the gateway, whose word on who calls is believed."""
    cache: int = 256
    """MiB of memory geth keeps state in."""
    geth: str = ""
    """Path of an operator's own geth; empty for the installed one."""
    cometbft: str = ""
    remote_signer: str = ""
    """Address CometBFT listens on for a remote signer (`tcp://…`, `unix://…`); empty signs with the key on disk."""

    def __post_init__(self) -> None:
        if self.remote_signer and not self.remote_signer.startswith(("tcp://", "unix://")):
            raise NodeUnusable("node.toml: remote_signer: tcp://ADDRESS:PORT or unix://PATH")
        if self.role not in ROLES:
            raise NodeUnusable(f"node.toml: role: one of {', '.join(ROLES)}")
        try:
            self.proxies()
        except ValueError as error:
            raise NodeUnusable(f"node.toml: trusted_proxies: {error}") from None
        ports = [value for name, value in self.ports().items() if value]
        if self.requests_a_second < 0:
            raise NodeUnusable("node.toml: requests_a_second: 0 or more")
        if any(not 0 <= port < 65536 for port in ports) or len(set(ports)) != len(ports):
            raise NodeUnusable("node.toml: every port is another one, from 0 to 65535")

    def proxies(self) -> tuple[Network, ...]:
        """The networks of `trusted_proxies`; of settings that were read there is no error."""
        return tuple(read_network(each) for each in self.trusted_proxies)

    def ports(self) -> dict[str, int]:
        """Name → port."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name.endswith("_port")}

    @classmethod
    def parse(cls, text: str) -> NodeSettings:
        """Read `node.toml`. Raises `NodeUnusable` naming the setting."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise NodeUnusable(f"node.toml: {error}") from error
        kinds = {each.name: _KINDS[str(each.type)] for each in fields(cls)}
        for name, value in document.items():
            if name not in kinds:
                raise NodeUnusable(f"node.toml: unknown here: {name}; see docs/operating/node.md")
            if type(value) is not kinds[name]:
                raise NodeUnusable(f"node.toml: {name}: not {_KIND_WORDS[kinds[name]]}")
        if "organisation" not in document:
            raise NodeUnusable("node.toml: organisation is missing")
        return cls(**document | {name: tuple(value) for name, value in document.items() if isinstance(value, list)})

    def to_toml(self) -> str:
        """The file, every setting written out."""
        lines = [f"{each.name} = {orjson.dumps(getattr(self, each.name)).decode()}" for each in fields(self)]
        return "# A node's settings; docs/operating/node.md explains each.\n" + "\n".join(lines) + "\n"


@dataclass(frozen=True)
class NodeHome:
    """Where everything of one node lies."""

    path: Path

    @property
    def settings_file(self) -> Path:
        """What the operator chose."""
        return self.path / "node.toml"

    @property
    def network_file(self) -> Path:
        """The network this node belongs to."""
        return self.path / "network.json"

    @property
    def keys(self) -> Path:
        """The node's keys."""
        return self.path / "keys"

    @property
    def execution(self) -> Path:
        """Geth's data."""
        return self.path / "execution"

    @property
    def consensus(self) -> Path:
        """CometBFT's home."""
        return self.path / "consensus"

    @property
    def last_signature_file(self) -> Path:
        """What the validator key signed last, as CometBFT keeps it. Never removed, never copied."""
        return self.consensus / "data" / "priv_validator_state.json"

    @property
    def execution_socket(self) -> Path:
        """Where geth answers the bridge."""
        return self.execution / "geth.ipc"

    @property
    def bridge_socket(self) -> Path:
        """Where the bridge answers CometBFT."""
        return self.path / "bridge.sock"

    @property
    def processes_file(self) -> Path:
        """Locked as long as any process of the node runs; empty."""
        return self.path / "processes"

    @property
    def supervisor_socket(self) -> Path:
        """Where the supervisor says what only it knows."""
        return self.path / "supervisor.sock"

    @property
    def sentries_folder(self) -> Path:
        """Cards of the sentries this node hides behind; without any it connects to the founders."""
        return self.path / "sentries"

    @property
    def clients_file(self) -> Path:
        """Whom the gateway knows by key."""
        return self.path / "clients.json"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.path / "logs"

    def settings(self) -> NodeSettings:
        """Raises `NodeUnusable`."""
        return NodeSettings.parse(self._read(self.settings_file).decode())

    def network(self) -> NetworkDefinition:
        """Raises `NodeUnusable`, `InvalidNetwork`."""
        self._read(self.network_file)
        return NetworkDefinition.read(self.network_file)

    def sentries(self) -> tuple[NodeCard, ...]:
        """The cards of its sentries. Raises `InvalidNetwork`."""
        return tuple(NodeCard.read(card) for card in sorted(self.sentries_folder.glob("*.json")))

    def identity(self) -> Identity:
        """The keys; made when there are none. Raises `NodeUnusable`."""
        new = not (self.keys / "validator.json").exists()
        if new and not self.last_signature_file.exists():
            try:
                self.last_signature_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                # Before the key: a crash between leaves a position no key uses, and the next start makes the key. The
                # other order would leave a new key that has to watch.
                begin(self.last_signature_file)
            except (OSError, HomeUnusable) as error:
                raise NodeUnusable(f"{self.path} cannot be used: {error}") from error
        return Identity(self.keys)

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise NodeUnusable(
                f"{path} cannot be read ({error.strerror}): maillon node init --network FILE lays a node out"
            ) from error

    def lay_out(self, settings: NodeSettings) -> None:
        """Make the directory and write the settings; keys and data that exist stay. Raises `NodeUnusable`."""
        try:
            for directory in (self.path, self.consensus / "config", self.consensus / "data", self.execution, self.logs):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise NodeUnusable(f"{self.path} cannot be used: {error.strerror}") from error
        write_private(self.settings_file, settings.to_toml().encode())


def watches(home: NodeHome, settings: NodeSettings, network: NetworkDefinition, key: bytes) -> bool:
    """Whether a node knows nothing of what its validator key signed, and only watches. Raises `NodeUnusable`.

    A remote signer remembers for itself; and where the network is this node alone there is nobody to watch.
    """
    if settings.remote_signer or {node.validator_key for node in network.nodes} == {key}:
        return False
    return not LastSignature.read(home.last_signature_file).vouches_for(key)


@dataclass(frozen=True)
class Plan:
    """How a node's processes are started."""

    home: NodeHome
    settings: NodeSettings
    network: NetworkDefinition
    identity: Identity
    geth: Path
    cometbft: Path
    sentries: tuple[NodeCard, ...] = ()

    @property
    def watches(self) -> bool:
        """See `watches`."""
        return watches(self.home, self.settings, self.network, self.identity.validator_key)

    @property
    def dialled(self) -> tuple[NodeCard, ...]:
        """Whom this node connects to by itself: its sentries alone where it has some, else the founders."""
        known = self.sentries or self.network.nodes
        return tuple(node for node in known if node.consensus_id != self.identity.consensus_id)

    def write(self) -> None:
        """Write what the engines read at their start. Raises `NodeUnusable`."""
        if len(str(self.home.execution_socket)) > MAXIMUM_SOCKET_PATH:
            raise NodeUnusable(f"{self.home.path} is too long a path for sockets: choose a shorter home")
        write_private(self.home.path / "execution-genesis.json", orjson.dumps(self.network.execution_genesis()))
        address = f"{self.settings.listen}:{self.settings.execution_port}"
        peers = f'[Node.P2P]\nListenAddr = "{address}"\nMaxPeers = 100\nDialRatio = 1\n'
        write_private(self.home.path / "execution.toml", peers.encode())
        config = self.home.consensus / "config"
        write_private(config / "genesis.json", orjson.dumps(self.network.consensus_genesis()))
        self.write_consensus()

    def write_consensus(self) -> None:
        """Write CometBFT's settings, before each of its starts: what it signed decides one. Raises `NodeUnusable`."""
        if self.settings.remote_signer.startswith("unix://"):
            # CometBFT leaves its socket behind when it is killed, and does not listen where one is.
            Path(self.settings.remote_signer.removeprefix("unix://")).unlink(missing_ok=True)
        make_empty(self.home.last_signature_file)
        make_empty(self.home.consensus / "data" / _WATCHER_STATE)
        write_private(self.home.consensus / "config" / "config.toml", self.consensus_configuration().encode())

    def initialise_execution(self) -> list[str]:
        """The command that writes block zero; harmless when it is there already."""
        genesis = str(self.home.path / "execution-genesis.json")
        return [str(self.geth), "init", *STATE_SCHEME, "--datadir", str(self.home.execution), genesis]

    def execution_command(self) -> list[str]:
        """Geth.

        Peers: with `DialRatio = 1` no inbound place is free, so only peers trusted by name get in. State: every block's
        is kept (archive), which makes a restart after a crash begin at the last block and not at the first. History: a
        transaction is found by its hash for ever; geth's default, 2,350,000 blocks, is a month here. Logs: whoever
        votes keeps no index of them, which took a tenth of its processor (docs/decisions/0036-logs-without-index.md).
        """
        settings = self.settings
        floor = str(DEFAULT_FLOOR_TIP)
        return [
            *(
                str(self.geth),
                "--datadir",
                str(self.home.execution),
                "--config",
                str(self.home.path / "execution.toml"),
            ),
            *("--networkid", str(self.network.genesis.chain_id), "--nodekey", str(self.identity.execution_file)),
            *(*STATE_SCHEME, "--gcmode", "archive", "--syncmode", "full", "--cache", str(settings.cache)),
            *("--history.transactions", "0"),
            *(("--history.logs.disable",) if settings.role == "validator" else ("--history.logs", "0")),
            *("--nodiscover", "--nat", "none"),
            *("--ipcpath", str(self.home.execution_socket)),
            *("--authrpc.addr", "127.0.0.1", "--authrpc.port", str(settings.engine_port)),
            *("--authrpc.jwtsecret", str(self.home.execution / "jwtsecret")),
            *("--http", "--http.addr", "127.0.0.1", "--http.port", str(settings.execution_rpc_port)),
            *("--http.api", "eth,net,web3,txpool", "--http.vhosts", "localhost"),
            *(
                "--ws",
                "--ws.addr",
                "127.0.0.1",
                "--ws.port",
                str(settings.execution_rpc_port),
                "--ws.api",
                "eth,net,web3",
            ),
            *("--miner.gaslimit", str(self.network.genesis.gas_limit), "--miner.recommit", BUILD_TIME),
            *("--miner.extradata", EXTRA_DATA.decode(), "--miner.gasprice", floor, "--txpool.pricelimit", floor),
            *("--txpool.nolocals", "--txpool.accountslots", "4096", "--txpool.accountqueue", "4096"),
            *("--txpool.globalslots", "50000", "--txpool.globalqueue", "50000", "--rpc.evmtimeout", "30s"),
            # A fee is bounded by the credits of whoever pays it: geth's own limit is of a coin that has a price.
            *("--rpc.txfeecap", "0"),
            *("--rpc.batch-response-max-size", str(64 * 1024 * 1024)),
            *self._execution_metrics(),
            *(("--cache.noprefetch",) if len(os.sched_getaffinity(0)) < PREFETCH_CORES else ()),
        ]

    def _execution_metrics(self) -> tuple[str, ...]:
        port = self.settings.execution_metrics_port
        return ("--metrics", "--metrics.addr", "127.0.0.1", "--metrics.port", str(port)) if port else ()

    def consensus_command(self) -> list[str]:
        """CometBFT."""
        return [str(self.cometbft), "node", "--home", str(self.home.consensus)]

    def consensus_configuration(self) -> str:
        """CometBFT's `config.toml`: what differs from its defaults.

        `unsafe` offers `dial_peers` on loopback to the supervisor; the gateway passes nothing of the kind on.
        """
        settings = self.settings
        # CometBFT reads a whole key from its file even where a remote signer votes: this one is of no validator.
        if self.watches or settings.remote_signer:
            key, state = self.identity.watcher_file, _WATCHER_STATE
        else:
            key, state = self.identity.validator_file, self.home.last_signature_file.name
        return f"""\
proxy_app = "unix://{self.home.bridge_socket}"
abci = "socket"
moniker = "{self.identity.consensus_id.hex()}"
log_level = "info"
log_format = "json"
filter_peers = true
priv_validator_key_file = {orjson.dumps(str(key)).decode()}
priv_validator_state_file = "data/{state}"
priv_validator_laddr = {orjson.dumps(settings.remote_signer).decode()}
node_key_file = {orjson.dumps(str(self.identity.peer_file)).decode()}

[rpc]
laddr = "tcp://127.0.0.1:{settings.consensus_rpc_port}"
pprof_laddr = ""
unsafe = true

[p2p]
laddr = "tcp://{settings.listen}:{settings.consensus_port}"
external_address = "{settings.host}:{settings.consensus_port}"
persistent_peers = "{",".join(node.consensus_address for node in self.dialled)}"
persistent_peers_max_dial_period = "10s"
addr_book_strict = false
allow_duplicate_ip = true
pex = false
max_num_inbound_peers = 100
send_rate = 20480000
recv_rate = 20480000
flush_throttle_timeout = "10ms"

[mempool]
type = "nop"
max_tx_bytes = {MAXIMUM_TRANSACTION}

[consensus]
timeout_propose = "{PROPOSE_TIME}"
timeout_commit = "{COMMIT_TIME}"
peer_gossip_sleep_duration = "20ms"
double_sign_check_height = 0

[storage]
discard_abci_responses = false

[tx_index]
indexer = "null"

[instrumentation]
prometheus = {"true" if settings.consensus_metrics_port else "false"}
prometheus_listen_addr = "127.0.0.1:{settings.consensus_metrics_port}"
"""
