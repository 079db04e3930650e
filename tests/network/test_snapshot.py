# SPDX-License-Identifier: Apache-2.0
"""A snapshot of a real node: complete, without keys, believed for what its validators signed and for nothing else.

The network is one validator that moves to another machine: its keys by a backup, its chain by a snapshot.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_network import LocalNetwork, LocalNode, until
from maillon.network import snapshot
from maillon.network.configuration import NodeHome, Plan
from maillon.network.errors import InvalidBackup, NodeUnusable
from maillon.network.supervisor import plan_of


@pytest.fixture(scope="module")
def network(engine_programs: Path) -> Iterator[LocalNetwork]:
    """One validator that made some blocks, and is stopped."""
    with (
        tempfile.TemporaryDirectory(prefix="maillon-") as folder,
        LocalNetwork(Path(folder), engine_programs, count=1) as made,
    ):
        made.start()
        made.grow(6)
        made.nodes[0].stop()
        yield made


@pytest.fixture(scope="module")
def source(network: LocalNetwork) -> Plan:
    return plan_of(network.nodes[0].home, network.engines)


@pytest.fixture(scope="module")
def file(network: LocalNetwork, source: Plan) -> Path:
    made = network.folder / "snapshot.tar"
    snapshot.export(source, made, lambda _: None)
    return made


@pytest.fixture
def newcomer(network: LocalNetwork, source: Plan) -> Plan:
    """The same node on a new machine: its keys, and nothing else."""
    home = NodeHome(Path(tempfile.mkdtemp(prefix="maillon-", dir=network.folder)))
    home.lay_out(source.settings)
    shutil.copytree(source.home.keys, home.keys)
    shutil.copy(source.home.network_file, home.network_file)
    return plan_of(home, network.engines)


def members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def write(path: Path, content: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def with_manifest(content: dict[str, bytes], **changed: Any) -> dict[str, bytes]:
    """The same files, described as they are."""
    manifest = json.loads(content["manifest.json"]) | {
        "files": [
            {"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in content.items()
            if name != "manifest.json"
        ]
    }
    rest = {name: data for name, data in content.items() if name != "manifest.json"}
    return rest | {"manifest.json": json.dumps(manifest | changed).encode()}


def test_the_file_holds_the_chain_and_no_key(source: Plan, file: Path) -> None:
    content = members(file)
    manifest = json.loads(content["manifest.json"])
    assert manifest["height"] >= 6
    assert {name.split("/")[0] for name in content} == {"execution", "consensus", "manifest.json"}
    secrets = [part for path in source.home.keys.iterdir() for part in path.read_bytes().split(b'"') if len(part) > 40]
    assert len(secrets) > 3
    for name, data in content.items():
        assert not any(word in name for word in ("key", "priv_validator", "jwt", "wal")), name
        private = [each for each in secrets if each in data and name != "manifest.json"]
        # Public keys stand in the chain; they are on the node's card.
        assert all(len(each) == 44 for each in private), name
    with pytest.raises(NodeUnusable, match="exists"):
        snapshot.export(source, file, lambda _: None)


def test_a_chain_goes_on_from_it(network: LocalNetwork, source: Plan, file: Path, newcomer: Plan) -> None:
    """What was signed last comes along with its own record: here nobody else makes blocks, or could tell of votes."""
    manifest = snapshot.take(newcomer, file, lambda _: None)
    assert not list(newcomer.home.path.glob(".snapshot-*"))
    with pytest.raises(NodeUnusable, match="never ran"):
        snapshot.take(newcomer, file, lambda _: None)
    shutil.copy(source.home.last_signature_file, newcomer.home.last_signature_file)
    shutil.copytree(source.home.consensus / "data" / "cs.wal", newcomer.home.consensus / "data" / "cs.wal")
    node = LocalNode(newcomer.home, network.engines)
    node.start()
    try:
        node.wait_ready()
        assert until(lambda: node.height() > manifest["height"] + 2, 120)
        assert node.hash_at(manifest["height"]) == manifest["block_hash"]
        assert node.hash_at(0) == network_zero(node)
        # What was before it is there and was not executed again.
        assert node.health()["bridge"]["counts"]["blocks"] <= node.height() - manifest["height"]
    finally:
        node.stop()
        node.client.close()


def network_zero(node: LocalNode) -> str:
    return str(node.rpc("eth_getBlockByNumber", "earliest", False)["hash"])


def a_file_more(content: dict[str, bytes]) -> dict[str, bytes]:
    return {"execution/geth/nodekey": b"00"} | content


def a_way_out(content: dict[str, bytes]) -> dict[str, bytes]:
    return {"execution/geth/chaindata/../../../../outside": b"00"} | content


def a_byte_changed(content: dict[str, bytes]) -> dict[str, bytes]:
    name = next(name for name in content if "blockstore" in name)
    return content | {name: content[name][:-1] + bytes([content[name][-1] ^ 1])}


def a_file_less(content: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in content.items() if not name.endswith("CURRENT")}


def no_manifest(content: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in content.items() if name != "manifest.json"}


def another_network(content: dict[str, bytes]) -> dict[str, bytes]:
    return with_manifest(content, chain_id=5)


def another_block(content: dict[str, bytes]) -> dict[str, bytes]:
    return with_manifest(content, block_hash="0x" + "00" * 32)


def no_blocks(content: dict[str, bytes]) -> dict[str, bytes]:
    return with_manifest({name: data for name, data in content.items() if "consensus/data/blockstore" not in name})


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (a_file_more, "no file of a snapshot"),
        (a_way_out, "no file of a snapshot"),
        (a_byte_changed, "not as the manifest says"),
        (a_file_less, "not as the manifest says"),
        (no_manifest, "no manifest"),
        (another_network, "another network"),
        (another_block, "another block"),
        (no_blocks, "cannot read its stores"),
    ],
)
def test_what_was_altered_is_refused_and_nothing_is_left(
    file: Path, newcomer: Plan, tmp_path: Path, forge: Callable[[dict[str, bytes]], dict[str, bytes]], reason: str
) -> None:
    forged = write(tmp_path / "forged.tar", forge(members(file)))
    with pytest.raises(InvalidBackup, match=reason):
        snapshot.take(newcomer, forged, lambda _: None)
    assert not (newcomer.home.execution / "geth" / "chaindata").exists()
    assert not list(newcomer.home.path.glob(".snapshot-*"))
    assert not (tmp_path / "outside").exists()


def test_what_is_no_archive_is_refused(newcomer: Plan, tmp_path: Path) -> None:
    other = tmp_path / "other.tar"
    other.write_bytes(b"not a tar at all" * 100)
    with pytest.raises(InvalidBackup, match="damaged"):
        snapshot.take(newcomer, other, lambda _: None)
    with pytest.raises(InvalidBackup, match="cannot be read"):
        snapshot.take(newcomer, tmp_path / "absent", lambda _: None)


def test_the_chain_of_other_validators_is_refused(
    network: LocalNetwork, file: Path, newcomer: Plan, tmp_path: Path
) -> None:
    """Everything in it agrees with itself; only nobody of this network's validators signed it."""
    genesis = newcomer.network.genesis
    stranger = dataclasses.replace(genesis.validators[0], key=bytes([7]) * 32)
    theirs = dataclasses.replace(newcomer.network, genesis=dataclasses.replace(genesis, validators=(stranger,)))
    other = dataclasses.replace(newcomer, network=theirs)
    digest = hashlib.sha256(other.network.to_json()).hexdigest()
    forged = write(tmp_path / "forged.tar", with_manifest(members(file), network=digest))
    with pytest.raises(InvalidBackup, match="do not follow"):
        snapshot.take(other, forged, lambda _: None)


def test_a_state_with_a_hole_is_refused(network: LocalNetwork, source: Plan, newcomer: Plan, tmp_path: Path) -> None:
    """One node of the newest state's tree is taken out of a copy: its root is there, its hashes are not."""
    copy = tmp_path / "copy"
    shutil.copytree(source.home.path, copy, symlinks=True, ignore=shutil.ignore_patterns("*.sock", "*.ipc"))
    victim = Plan(NodeHome(copy), source.settings, source.network, source.identity, source.geth, source.cometbft)
    root = snapshot.examine(victim, copy).state_root
    command = [str(victim.geth), "db", "delete", "--datadir", str(copy / "execution"), "0x" + root.hex()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    made = tmp_path / "hole.tar"
    snapshot.export(victim, made, lambda _: None)
    with pytest.raises(InvalidBackup, match="state is damaged"):
        snapshot.take(newcomer, made, lambda _: None)
