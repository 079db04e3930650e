# SPDX-License-Identifier: Apache-2.0
"""A stopped node's chain as one file, and a new node's chain from it, so that a join does not replay years.

A snapshot holds blocks and state, execution's and consensus' at one height, and no key. Who takes one need not trust
who made it: the newest block is followed to the validators of the network file, block zero is compared, and the whole
newest state is read through with its hashes. What is older than the newest block is not read through; `docs/trust.md`
says what that means. docs/formats/node-snapshot.md describes the file.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import secrets
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import httpx
import orjson

from maillon.evidence.consensus import SignedHeader, Validator, ValidatorSet
from maillon.evidence.document import Fields
from maillon.evidence.errors import EvidenceError, Invalid
from maillon.evidence.hashing import sha256
from maillon.evidence.light import Ascent, LightBlock, Trusted
from maillon.kit.keys import write_private
from maillon.network.configuration import STATE_SCHEME, Plan
from maillon.network.consortium import free_ports
from maillon.network.engines import COMETBFT, GETH
from maillon.network.errors import InvalidBackup, NodeUnusable, PayloadUnreadable
from maillon.network.payload import Payload
from maillon.network.signatures import LastSignature

TYPE: Final = "maillon.node-snapshot.v1"
MANIFEST: Final = "manifest.json"
MAXIMUM_MANIFEST: Final = 64 * 1024 * 1024
MAXIMUM_FILES: Final = 1_000_000
_PATH: Final = re.compile(
    r"execution/geth/chaindata/(?:ancient/[a-z]+/)?(?!F?LOCK\Z)[A-Za-z0-9][A-Za-z0-9._-]*"
    r"|consensus/data/(?:blockstore|state|evidence)\.db/(?!LOCK\Z)[A-Za-z0-9][A-Za-z0-9._-]*"
)
"""Every file a snapshot may hold. Keys, what was signed last, logs and pools are elsewhere."""
_ROOTS: Final = (
    "execution/geth/chaindata",
    "consensus/data/blockstore.db",
    "consensus/data/state.db",
    "consensus/data/evidence.db",
)
_CHUNK: Final = 1024 * 1024
_ANSWER_WITHIN: Final = 120.0
"""Seconds CometBFT gets to open its stores for reading."""
_POLL: Final = 0.1

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Summit:
    """The newest block of a stopped node."""

    height: int
    block_hash: bytes
    state_root: bytes
    consensus_height: int
    """The newest block consensus keeps: `height`, or one more that was not executed yet."""


# Export


def export(plan: Plan, file: Path, progress: Progress) -> dict[str, Any]:
    """Write the snapshot of a stopped node, whole or not at all; its manifest. The caller holds the node.

    Raises `NodeUnusable` when there is no chain or the file cannot be written, `InvalidBackup` when the node's own
    data contradict each other.
    """
    if file.exists():
        raise NodeUnusable(f"{file} exists: a snapshot never replaces another")
    progress("following the newest block to the network's first validators …")
    summit = examine(plan, plan.home.path)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as target:
            with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
                listed = []
                for name, path in _data_files(plan.home.path):
                    progress(f"  {name}")
                    listed.append(_add(archive, name, path))
                manifest = _manifest(plan, summit, listed)
                content = orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
                info = _member(MANIFEST, len(content))
                archive.addfile(info, io.BytesIO(content))
            target.flush()
            os.fsync(target.fileno())
        # A crash before this line leaves a hidden file nobody takes for a snapshot.
        temporary.replace(file)
    except OSError as error:
        raise NodeUnusable(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return manifest


def _manifest(plan: Plan, summit: Summit, listed: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": TYPE,
        "chain_id": plan.network.genesis.chain_id,
        "network": hashlib.sha256(plan.network.to_json()).hexdigest(),
        "height": summit.height,
        "block_hash": "0x" + summit.block_hash.hex(),
        "state_root": "0x" + summit.state_root.hex(),
        "engines": {engine.name: engine.version for engine in (GETH, COMETBFT)},
        "files": listed,
    }


def _data_files(node: Path) -> Iterator[tuple[str, Path]]:
    """The files of the chain by name; nothing else of the node's directory is even looked at."""
    for root in _ROOTS:
        for path in sorted((node / root).rglob("*")):
            name = path.relative_to(node).as_posix()
            if path.is_file() and not path.is_symlink() and _PATH.fullmatch(name):
                yield name, path


def _member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info


class _Digesting:
    """A file that is digested while it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        return data


def _add(archive: tarfile.TarFile, name: str, path: Path) -> dict[str, Any]:
    with path.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        digesting = _Digesting(source)
        archive.addfile(_member(name, size), digesting)
    return {"path": name, "bytes": size, "sha256": digesting.digest.hexdigest()}


# Import


def take(plan: Plan, file: Path, progress: Progress) -> dict[str, Any]:
    """Lay a snapshot out in a node that never ran; its manifest. The caller holds the node.

    1. Every file is one a snapshot may hold, and has the digest the manifest gives it.
    2. It is of this network: the network file's digest and chain id.
    3. Its newest block follows from the network's first validators; see `examine`.
    4. geth's block zero is the network's, and its settings are written anew.
    5. The whole newest state has the hashes its root commits to.

    Raises `InvalidBackup` naming the step's reason, `NodeUnusable` when the node ran already. Nothing is laid out
    before the last step.
    """
    home = plan.home
    if LastSignature.read(home.last_signature_file).signature or any((home.path / root).exists() for root in _ROOTS):
        raise NodeUnusable(f"{home.path} has a chain or has signed already: a snapshot is for a node that never ran")
    staging = home.path / f".snapshot-{secrets.token_hex(4)}"
    try:
        staging.mkdir(mode=0o700)
        # Step 1.
        manifest = _unpack(file, staging, progress)
        # Step 2.
        ours = (plan.network.genesis.chain_id, hashlib.sha256(plan.network.to_json()).hexdigest())
        if (manifest["chain_id"], manifest["network"]) != ours:
            raise InvalidBackup(f"{file} is of another network: chain {manifest['chain_id']}, ours is {ours[0]}")
        # Step 3.
        progress("following the newest block to the network's first validators …")
        summit = examine(plan, staging)
        if manifest["block_hash"] != "0x" + summit.block_hash.hex():
            raise InvalidBackup(f"{file}: the manifest names another block than the data have")
        # Step 4.
        _geth(plan, staging, ["init", *STATE_SCHEME], [str(_genesis(plan))], "block zero is another one")
        # Step 5.
        progress("reading the newest state through with its hashes …")
        root = ["0x" + summit.state_root.hex()]
        _geth(plan, staging, ["snapshot", "traverse-rawstate"], root, "the newest state is damaged")
        _publish(plan, staging)
    except OSError as error:
        raise NodeUnusable(f"{home.path} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return manifest


def _publish(plan: Plan, staging: Path) -> None:
    """Move the data to their places.

    Consensus first: after a crash between the two geth has block zero, and CometBFT, which has every block, gives it
    all of them. The other order would leave an engine ahead of a consensus that knows of nothing.
    """
    home = plan.home
    known = home.last_signature_file.read_bytes() if home.last_signature_file.exists() else None
    shutil.rmtree(home.consensus / "data", ignore_errors=True)
    (staging / "consensus" / "data").replace(home.consensus / "data")
    if known is not None:
        # A crash before this line forgets that a new key has signed nothing: the node then watches before it votes.
        write_private(home.last_signature_file, known)
    (home.execution / "geth").mkdir(mode=0o700, parents=True, exist_ok=True)
    (staging / "execution" / "geth" / "chaindata").replace(home.execution / "geth" / "chaindata")


def _unpack(file: Path, staging: Path, progress: Progress) -> dict[str, Any]:
    """Every file into the staging directory, compared with the manifest, which comes last."""
    found: dict[str, tuple[int, str]] = {}
    try:
        with tarfile.open(file, "r|") as archive:
            for member in archive:
                source = archive.extractfile(member) if member.isreg() else None
                if source is None or len(found) >= MAXIMUM_FILES:
                    raise InvalidBackup(f"{file}: {member.name!r} is no file of a snapshot")
                if member.name == MANIFEST:
                    return _compared(file, source.read(MAXIMUM_MANIFEST), found)
                if not _PATH.fullmatch(member.name) or member.name in found:
                    raise InvalidBackup(f"{file}: {member.name!r} is no file of a snapshot")
                progress(f"  {member.name}")
                found[member.name] = _place(source, staging / member.name)
    except (tarfile.TarError, EOFError) as error:
        raise InvalidBackup(f"{file} is damaged: {error}") from error
    except FileNotFoundError as error:
        raise InvalidBackup(f"{file} cannot be read: {error.strerror}") from error
    raise InvalidBackup(f"{file} is cut short: it has no manifest")


def _place(source: IO[bytes], target: Path) -> tuple[int, str]:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def _compared(file: Path, content: bytes, found: dict[str, tuple[int, str]]) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = orjson.loads(content)
        if manifest["type"] != TYPE:
            raise InvalidBackup(f"{file} is a {manifest['type']!r}, and not a {TYPE}")
        listed = {entry["path"]: (entry["bytes"], entry["sha256"]) for entry in manifest["files"]}
        block_hash, network = manifest["block_hash"], manifest["network"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidBackup(f"{file}: the manifest cannot be read: {error!r}") from error
    if type(manifest.get("chain_id")) is not int or not isinstance(block_hash, str) or not isinstance(network, str):
        raise InvalidBackup(f"{file}: the manifest names no chain and no block")
    different = sorted(name for name in {*listed, *found} if listed.get(name) != found.get(name))
    if different:
        raise InvalidBackup(f"{file} is damaged: {different[0]} is not as the manifest says")
    return manifest


# What the data say


def examine(plan: Plan, node: Path) -> Summit:
    """The newest block of a stopped node's data, followed to the network's first validators. Raises `InvalidBackup`.

    1. geth's newest block is among the blocks consensus keeps: the payload there has its hash.
    2. The consensus block commits to that payload (`data_hash`), and two thirds of its validators signed it.
    3. Those validators follow, change by change, from the ones of the network file.
    """
    number, block_hash, root = _newest_execution(plan, node)
    with _inspecting(plan, node) as stores:
        try:
            # Step 1.
            newest = int(stores.ask("/blockchain")["last_height"])
            if not 1 <= number <= newest:
                raise InvalidBackup(f"execution is at block {number} and consensus at {newest}: not of one node")
            block = stores.ask(f"/block?height={number}")["block"]
            (transaction,) = (stores.decoded(each) for each in block["data"]["txs"])
            payload = Payload.decode(transaction)
            if payload.hash != block_hash:
                raise InvalidBackup(f"block {number} of execution is not the one consensus decided")
            # Steps 2 and 3.
            header = _follow(stores, plan, number).signed.header
            if header.data_hash != _data_hash(transaction):
                raise InvalidBackup(f"the validators signed other contents of block {number}")
        except (KeyError, TypeError, ValueError, EvidenceError, PayloadUnreadable) as error:
            raise InvalidBackup(f"what consensus keeps of block {number} cannot be read: {error!r}") from error
    return Summit(number, block_hash, root, newest)


def _data_hash(transaction: bytes) -> bytes:
    """The root of a tree of one leaf, the hash of the transaction (CometBFT, `types/tx.go`; RFC 6962)."""
    return sha256(b"\x00" + sha256(transaction))


def _follow(stores: _Stores, plan: Plan, height: int) -> LightBlock:
    """The signed header of a height, reached from the first validators in as few steps as the changes allow."""
    chain_id = plan.network.genesis.consensus_chain_id
    first = ValidatorSet.of([Validator(each.key, each.power) for each in plan.network.genesis.validators])
    ascent = Ascent(Trusted(1, first), height, chain_id)
    while (wanted := ascent.wanted) is not None:
        block = stores.light_block(wanted)
        try:
            ascent.take(block)
        except Invalid as error:
            raise InvalidBackup(f"the validators of block {wanted} do not follow: {error}") from error
    return ascent.steps[-1]


class _Stores:
    """CometBFT's stores, read by its own program."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client = client
        self._url = url

    def ask(self, path: str) -> Any:
        """One answer. Raises `InvalidBackup` when there is none."""
        try:
            document = orjson.loads(self._client.get(self._url + path).content)
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            raise InvalidBackup(f"CometBFT cannot read its stores: {error!r}") from error
        if document.get("error"):
            raise InvalidBackup(f"CometBFT cannot read its stores: {document['error'].get('data')}")
        return document["result"]

    def light_block(self, height: int) -> LightBlock:
        """Header, commit and validators. Raises an `EvidenceError` when they cannot be read."""
        signed = self.ask(f"/commit?height={height}")["signed_header"]
        voters = self.ask(f"/validators?height={height}&per_page=100")["validators"]
        return LightBlock(
            SignedHeader.from_json(Fields(signed, "a signed header")),
            ValidatorSet(tuple(Validator.from_json(Fields(each, "a validator")) for each in voters)),
        )

    @staticmethod
    def decoded(text: str) -> bytes:
        """A transaction. Raises `ValueError`."""
        return base64.b64decode(text, validate=True)


@contextmanager
def _inspecting(plan: Plan, node: Path) -> Iterator[_Stores]:
    """`cometbft inspect` over a directory: its RPC over stores nobody writes. Raises `InvalidBackup`."""
    config = node / "consensus" / "config"
    if not (config / "config.toml").exists():
        config.mkdir(mode=0o700, parents=True, exist_ok=True)
        (config / "genesis.json").write_bytes(orjson.dumps(plan.network.consensus_genesis()))
        (config / "config.toml").write_text("")
    (port,) = free_ports(1)
    home = str(node / "consensus")
    command = [str(plan.cometbft), "inspect", "--home", home, "--rpc.laddr", f"tcp://127.0.0.1:{port}"]
    url = f"http://127.0.0.1:{port}"
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process,  # noqa: S603 - our own engine
        httpx.Client(timeout=30) as client,
    ):
        try:
            deadline = time.monotonic() + _ANSWER_WITHIN
            while True:
                if process.poll() is not None or time.monotonic() > deadline:
                    assert process.stderr is not None
                    said = process.stderr.read().decode(errors="replace")[-300:] if process.poll() is not None else ""
                    raise InvalidBackup(f"CometBFT cannot read its stores: {said.strip() or 'no answer'}")
                try:
                    client.get(f"{url}/health")
                    break
                except httpx.HTTPError:
                    time.sleep(_POLL)
            yield _Stores(client, url)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _genesis(plan: Plan) -> Path:
    plan.write()
    return plan.home.path / "execution-genesis.json"


def _geth(plan: Plan, node: Path, before: list[str], after: list[str], meaning: str) -> str:
    """One of geth's own commands over a stopped directory; what it said. Raises `InvalidBackup`."""
    command = [str(plan.geth), *before, "--datadir", str(node / "execution"), *after]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - our own engine
    if done.returncode:
        raise InvalidBackup(f"{meaning}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout + done.stderr


def _newest_execution(plan: Plan, node: Path) -> tuple[int, bytes, bytes]:
    """(number, hash, state root) of geth's newest block. Raises `InvalidBackup`."""
    if not (node / "execution" / "geth" / "chaindata").is_dir():
        raise InvalidBackup(f"{node} has no chain yet")
    said = _geth(plan, node, ["db", "metadata"], [], "geth cannot read its data")
    found = {
        name: re.search(rf"headBlock\.{name}\W+(?:\d+ \()?(0x[0-9a-f]+|\d+)", said)
        for name in ("Number", "Hash", "Root")
    }
    if None in found.values():
        raise InvalidBackup(f"geth names no newest block: {said.strip()[-300:]}")
    number, block_hash, root = (match[1] for match in found.values() if match is not None)
    return int(number, 0), bytes.fromhex(block_hash[2:]), bytes.fromhex(root[2:])
