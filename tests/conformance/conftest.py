# SPDX-License-Identifier: Apache-2.0
"""A chain of the embedded engine behind its own JSON-RPC, over real HTTP, and the engines that speak to it."""

from __future__ import annotations

import asyncio
import datetime
import json
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import vyper
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette

import npm_packages
from local_network import LocalNetwork
from maillon.kit.clock import SystemClock
from maillon.ledger.embedded.chain import Chain
from maillon.ledger.embedded.sealer import Sealer
from maillon.ledger.facade import Facade, Limits
from maillon.ledger.genesis import make_genesis, random_chain_id
from maillon.ledger.signing import Account

HERE = Path(__file__).parent
CREDITS = 10**24
RunClient = Callable[[str, int], dict[str, Any]]
ACCOUNTS = tuple(Account(number.to_bytes(32, "big")) for number in range(1, 9))
"""Keys anyone can guess: only this chain, made for one test run, credits them."""
TOO_BIG = {
    "type": "error",
    "name": "TooBig",
    "inputs": [{"name": "value", "type": "uint256"}, {"name": "most", "type": "uint256"}],
}


@dataclass(frozen=True)
class Served:
    """A chain with its door open."""

    chain: Chain
    facade: Facade
    http: str
    websocket: str


def open_chain(home: Path, **options: Any) -> Chain:
    """A chain that credits ACCOUNTS; `options` go to its genesis."""
    validator = Ed25519PrivateKey.generate()
    genesis = make_genesis(
        "conformance",
        random_chain_id(),
        int(datetime.datetime.now(datetime.UTC).timestamp()) - 10,
        [validator.public_key().public_bytes_raw()],
        {account.address: CREDITS for account in ACCOUNTS},
        ACCOUNTS[0].address,
        **options,
    )
    return Chain.open(home, genesis, validator, SystemClock())


def serve(chain: Chain, limits: Limits | None = None) -> Iterator[Served]:
    facade = Facade(chain, limits)
    # The protocol is named because asyncio only then turns Nagle's delay off: 40 ms an answer otherwise.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    # Whoever knocks before the server is there waits, and is not turned away.
    listening.listen()
    port = listening.getsockname()[1]
    config = uvicorn.Config(
        Starlette(routes=facade.routes()), log_level="error", ws="websockets-sansio", lifespan="off", loop="asyncio"
    )
    server = uvicorn.Server(config)
    # Faster than in service, where waiting is all it would add.
    sealer = Sealer(chain, interval=0.2)
    sealer.start()
    ready = threading.Event()

    async def serving() -> None:
        ready.set()
        await server.serve([listening])
        await facade.close()

    door = threading.Thread(target=asyncio.run, args=(serving(),), daemon=True)
    door.start()
    ready.wait(10)
    yield Served(chain, facade, f"http://127.0.0.1:{port}/rpc", f"ws://127.0.0.1:{port}/rpc")
    sealer.stop()
    server.should_exit = True
    door.join(20)
    assert not door.is_alive(), "the door did not end"
    listening.close()
    chain.close()


@dataclass(frozen=True)
class Conformance:
    """What tests make chains of their own with."""

    open_chain: Callable[..., Chain]
    serve: Callable[..., Iterator[Served]]


@pytest.fixture(scope="session")
def conformance() -> Conformance:
    return Conformance(open_chain, serve)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve(open_chain(tmp_path_factory.mktemp("chain")))


@dataclass(frozen=True)
class Door:
    """Where clients knock, and what program answers."""

    http: str
    websocket: str
    chain_id: int
    program: str


@pytest.fixture(scope="module", params=["facade", "gateway"])
def client_door(request: pytest.FixtureRequest) -> Iterator[Door]:
    """The embedded chain's own door, and the gateway of a real network of one validator: clients see no difference."""
    if request.param == "facade":
        served = request.getfixturevalue("served")
        yield Door(served.http, served.websocket, served.chain.chain_id, "Maillon")
        return
    engines = request.getfixturevalue("engine_programs")
    with (
        # Sockets need short paths.
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engines, count=1) as network,
    ):
        network.start()
        (node,) = network.nodes
        yield Door(f"{node.url}/rpc", f"{node.url.replace('http:', 'ws:')}/rpc", network.chain_id, "Geth")


@pytest.fixture(scope="session")
def probe() -> dict[str, Any]:
    """The contract the clients deploy: `abi` and `bytecode`, compiled here."""
    source = (HERE / "probe.vy").read_text()
    output = vyper.compile_code(source, output_formats=["abi", "bytecode"])
    return {"abi": [*output["abi"], TOO_BIG], "bytecode": output["bytecode"]}


@pytest.fixture(scope="session")
def node() -> Path:
    """The Node.js of the development environment."""
    return npm_packages.NODE


@pytest.fixture(scope="session")
def clients(node: Path) -> Path:
    """The folder where the real clients are installed, from the committed lock file, once.

    Never skipped in silence: without them these tests fail, unless MAILLON_TESTS_OFFLINE=1 says that there is no
    registry; then they are skipped and say so.
    """
    source = HERE / "clients"
    folder = npm_packages.install(source, "conformance-clients")
    for script in source.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


@pytest.fixture(scope="module")
def run_client(
    node: Path, clients: Path, client_door: Door, probe: dict[str, Any]
) -> Callable[[str, int], dict[str, Any]]:
    """Runs a script of tests/conformance/clients with an account; it prints what it saw as one JSON object."""

    def run(script: str, key: int) -> dict[str, Any]:
        setting = {
            "http": client_door.http,
            "ws": client_door.websocket,
            "chainId": client_door.chain_id,
            "key": f"0x{key:064x}",
            **probe,
        }
        command = [node, script, json.dumps(setting)]
        done = subprocess.run(command, cwd=clients, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        seen: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return seen

    return run


@pytest.fixture(scope="session")
def cast(clients: Path) -> Path:
    """Foundry's own binary, from the platform package npm installed."""
    (found,) = (clients / "node_modules" / "@foundry-rs").glob("cast-*/bin/cast*")
    return found
