# SPDX-License-Identifier: Apache-2.0
"""A node's keys sealed and restored; and what CometBFT remembers of its signatures, which no backup holds."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import datetime
import fcntl
import json
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from maillon.commands import application
from maillon.kit.errors import PassphraseRefused
from maillon.kit.keys import write_private
from maillon.kit.passphrase import seal, unseal
from maillon.network import backup
from maillon.network.configuration import NodeHome, NodeSettings, Plan
from maillon.network.definition import NetworkDefinition, found
from maillon.network.errors import InvalidBackup, NodeUnusable
from maillon.network.rules import address_of_key
from maillon.network.signatures import LOOK_BACK, LastSignature, sign_from
from maillon.network.watch import Watcher

WORDS = "correct horse battery staple"
NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
CHAIN_ID = 7_700_000_124


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's, whose names are long: sockets need short paths."""
    with tempfile.TemporaryDirectory(prefix="maillon-") as folder:
        yield Path(folder)


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    home = NodeHome(tmp_path / "city" / "node")
    home.lay_out(NodeSettings(organisation="City of Light", host="node.city.example"))
    card = home.identity().card("City of Light", "node.city.example", 26656, 30303)
    write_private(home.network_file, found("Try", CHAIN_ID, 1_700_000_000, [card], 10).to_json())
    return home


@pytest.fixture
def others(node: NodeHome, tmp_path: Path) -> NetworkDefinition:
    """A network with somebody else in it."""
    theirs = NodeHome(tmp_path / "port" / "node").identity().card("Port", "node.port.example", 26656, 30303)
    ours = node.identity().card("City of Light", "node.city.example", 26656, 30303)
    return found("Try", CHAIN_ID, 1_700_000_000, [ours, theirs], 10)


def plan(home: NodeHome) -> Plan:
    return Plan(home, home.settings(), home.network(), home.identity(), Path("geth"), Path("cometbft"))


def restored(node: NodeHome, tmp_path: Path) -> NodeHome:
    file = tmp_path / "city.sealed"
    file.write_bytes(backup.write(node, WORDS, NOW))
    home = NodeHome(tmp_path / "again" / "node")
    backup.restore(file, WORDS, home)
    return home


def test_a_restored_node_is_the_same_one(node: NodeHome, tmp_path: Path) -> None:
    home = restored(node, tmp_path)
    card = home.identity().card("City of Light", "node.city.example", 26656, 30303)
    assert card == node.identity().card("City of Light", "node.city.example", 26656, 30303)
    assert home.identity().account.address == node.identity().account.address
    assert home.settings() == node.settings()
    assert home.network() == node.network()
    assert home.identity().execution_file.read_bytes() == node.identity().execution_file.read_bytes()
    assert all(path.stat().st_mode & 0o077 == 0 for path in home.keys.iterdir())


def test_the_file_says_whose_it_is_and_nothing_secret(node: NodeHome) -> None:
    file = backup.write(node, WORDS, NOW)
    about = json.loads(file)["about"]
    assert about["organisation"] == "City of Light"
    assert about["validator_key"] == node.identity().validator_key.hex()
    sealed = base64.b64decode(json.loads(file)["sealed"])
    for path in node.keys.iterdir():
        for written in (path.read_bytes().strip(), base64.b64encode(path.read_bytes())):
            assert written not in file
            assert written not in sealed
    with pytest.raises(PassphraseRefused):
        unseal(file, "another passphrase")


def test_nothing_is_overwritten_and_nothing_foreign_is_restored(node: NodeHome, tmp_path: Path) -> None:
    file = tmp_path / "city.sealed"
    file.write_bytes(backup.write(node, WORDS, NOW))
    with pytest.raises(NodeUnusable, match="holds keys already"):
        backup.restore(file, WORDS, node)
    used = NodeHome(tmp_path / "used")
    used.lay_out(NodeSettings(organisation="Port"))
    write_private(used.last_signature_file, b'{"height": "9", "round": 0, "step": 3}')
    with pytest.raises(NodeUnusable, match="validator's data"):
        backup.restore(file, WORDS, used)
    with pytest.raises(InvalidBackup, match="cannot be read"):
        backup.restore(tmp_path / "absent", WORDS, NodeHome(tmp_path / "new"))


@pytest.mark.parametrize(
    "content",
    [
        b"garbage",
        b"[]",
        b'{"type": "maillon.node-keys.v1", "files": {}}',
        b'{"type": "maillon.node-keys.v1", "files": {"keys/validator.json": 3}}',
    ],
)
def test_a_sealed_file_of_another_kind_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "other.sealed"
    file.write_bytes(seal(content, WORDS, {}))
    home = NodeHome(tmp_path / "new")
    with pytest.raises(InvalidBackup):
        backup.restore(file, WORDS, home)
    assert not home.keys.exists()


@pytest.mark.parametrize("name", ["../outside", "keys/../../outside", "keys/more.json", "/etc/passwd"])
def test_a_name_that_is_not_ours_is_refused(node: NodeHome, tmp_path: Path, name: str) -> None:
    content = orjson.loads(unseal(backup.write(node, WORDS, NOW), WORDS)[0])
    content["files"][name] = ""
    file = tmp_path / "forged.sealed"
    file.write_bytes(seal(orjson.dumps(content), WORDS, {}))
    with pytest.raises(InvalidBackup):
        backup.restore(file, WORDS, NodeHome(tmp_path / "new"))
    assert not (tmp_path / "outside").exists()


def test_a_node_without_keys_has_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(NodeUnusable, match="lacks"):
        backup.write(NodeHome(tmp_path), WORDS, NOW)
    assert list(tmp_path.iterdir()) == [], "a backup makes no keys"


def test_the_commands_take_the_passphrase_from_a_file_or_ask(node: NodeHome, tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    write_private(secret, WORDS.encode())
    home, again, file = str(node.path.parent), str(tmp_path / "again"), str(tmp_path / "city.sealed")
    run = CliRunner().invoke
    made = run(application(), ["node", "backup", file, "--home", home, "--passphrase-file", str(secret), "--json"])
    assert made.exit_code == 0, made.output
    assert run(application(), ["node", "backup", file, "--home", home], input=f"{WORDS}\n{WORDS}\n").exit_code == 2
    wrong = run(application(), ["node", "restore", file, "--home", again], input="another passphrase\n")
    assert wrong.exit_code == 2
    right = run(application(), ["node", "restore", file, "--home", again], input=f"{WORDS}\n")
    assert right.exit_code == 0, right.output
    assert "Never start the old" in right.output
    assert WORDS not in made.output + wrong.output + right.output


# What was signed


def signed(key: Ed25519PrivateKey, height: int) -> bytes:
    """As CometBFT writes it."""
    message = b"a vote"
    return orjson.dumps(
        {
            "height": str(height),
            "round": 0,
            "step": 3,
            "signature": base64.b64encode(key.sign(message)).decode(),
            "signbytes": message.hex().upper(),
        }
    )


def test_what_was_signed_is_believed_of_the_key_that_signed_it(tmp_path: Path) -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    path = tmp_path / "state.json"
    assert not LastSignature.read(path).vouches_for(public)
    path.write_bytes(signed(key, 7))
    assert LastSignature.read(path).height == 7
    assert LastSignature.read(path).vouches_for(public)
    path.write_bytes(signed(other, 7))
    assert not LastSignature.read(path).vouches_for(public)
    for damaged in (b"{", b"[]", b'{"height": "x", "round": 0, "step": 0}', b'{"height": "1"}'):
        path.write_bytes(damaged)
        with pytest.raises(NodeUnusable, match="damaged"):
            LastSignature.read(path)


def test_a_node_that_knows_nothing_of_its_past_watches_with_a_key_of_nobody(
    node: NodeHome, others: NetworkDefinition, tmp_path: Path
) -> None:
    """Our own file, read as CometBFT's, is what decides; a restored node never has it."""
    write_private(node.network_file, others.to_json())
    validator = json.loads(node.identity().validator_file.read_bytes())
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(validator["priv_key"]["value"])[:32])
    plan(node).write()
    assert not plan(node).watches, "a key that was made here"
    assert str(node.identity().validator_file) in plan(node).consensus_configuration()
    node.last_signature_file.write_bytes(signed(key, 5))
    assert not plan(node).watches, "an ordinary restart"
    node.last_signature_file.write_bytes(signed(Ed25519PrivateKey.generate(), 5))
    assert plan(node).watches, "the memory of another key"
    home = restored(node, tmp_path)
    assert not home.last_signature_file.exists(), "what was signed does not travel"
    plan(home).write()
    written = tomllib.loads((home.consensus / "config" / "config.toml").read_text())
    watcher = json.loads(Path(written["priv_validator_key_file"]).read_bytes())
    assert watcher["pub_key"] != validator["pub_key"]
    assert written["priv_validator_state_file"] == "data/watcher_state.json"
    assert (home.consensus / "data" / "watcher_state.json").exists()
    sign_from(home.last_signature_file, 31, 0)
    assert not plan(home).watches
    # Alone there is nobody to watch, and a remote signer remembers for itself.
    home.last_signature_file.unlink()
    assert plan(home).watches
    signer = dataclasses.replace(home.settings(), remote_signer="unix:///run/signer.sock")
    assert not dataclasses.replace(plan(home), settings=signer).watches
    alone = dataclasses.replace(others, nodes=(others.nodes[0],))
    assert not dataclasses.replace(plan(home), network=alone).watches


@pytest.mark.parametrize(
    ("status", "voted", "level"),
    [
        ({"latest_block_height": "60", "catching_up": False}, set(), True),
        ({"latest_block_height": "60", "catching_up": False}, {40}, True),
        ({"latest_block_height": "60", "catching_up": False}, {41}, False),
        ({"latest_block_height": "60", "catching_up": False}, {60}, False),
        ({"latest_block_height": "60", "catching_up": True}, set(), False),
        ({"latest_block_height": "20", "catching_up": False}, set(), False),
    ],
)
async def test_who_watches_is_certain_after_twenty_blocks_without_our_vote(
    node: NodeHome, status: dict[str, Any], voted: set[int], *, level: bool
) -> None:
    address = address_of_key(node.identity().validator_key).hex().upper()
    asked = []

    def answered(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/status":
            return httpx.Response(200, json={"result": {"sync_info": status}})
        height = int(request.url.params["height"])
        asked.append(height)
        votes = [
            {"block_id_flag": 2 if height in voted else 1, "validator_address": address if height in voted else ""},
            {"block_id_flag": 2, "validator_address": "AA" * 20},
        ]
        return httpx.Response(200, json={"result": {"signed_header": {"commit": {"signatures": votes}}}})

    path = node.last_signature_file
    path.unlink()
    async with httpx.AsyncClient(transport=httpx.MockTransport(answered)) as client:
        watching = asyncio.create_task(Watcher(plan(node), client).run())
        done, _ = await asyncio.wait([watching], timeout=30 if level else 0.5)
        assert bool(done) is level
        watching.cancel()
    if level:
        assert LastSignature.read(path) == LastSignature(62, 0, 0), "of which nobody was asked yet"
        assert min(asked) == 60 - LOOK_BACK + 1
    else:
        assert not path.exists()


def test_a_position_is_set_forward_only(node: NodeHome) -> None:
    path = node.last_signature_file
    assert LastSignature.read(path) == LastSignature(height=1), "a new key begins with the first block"
    sign_from(path, 100, 4)
    last = LastSignature.read(path)
    assert (last.height, last.round, last.step, last.vouches_for(node.identity().validator_key)) == (100, 4, 0, True)
    for height, number in ((100, 4), (100, 3), (99, 9)):
        with pytest.raises(NodeUnusable, match="never set back"):
            sign_from(path, height, number)
    sign_from(path, 100, 5)
    for height, number in ((0, 0), (2**63, 0), (101, -1)):
        with pytest.raises(NodeUnusable):
            sign_from(path, height, number)


@pytest.mark.parametrize(("held", "told"), [("lock", "a node runs"), ("processes", "what a killed supervisor left")])
def test_no_position_is_set_while_anything_of_the_node_runs(node: NodeHome, held: str, told: str) -> None:
    """It could sign meanwhile: not under its supervisor, and not under what a killed one left."""
    command = ["node", "sign-from", "--height", "100", "--round", "0", "--home", str(node.path.parent)]
    before = LastSignature.read(node.last_signature_file)
    with (node.path / held).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = CliRunner().invoke(application(), command)
        assert refused.exit_code == 1, refused.output
        assert told in " ".join(refused.output.split())
        assert LastSignature.read(node.last_signature_file) == before
    assert CliRunner().invoke(application(), command).exit_code == 0
    assert LastSignature.read(node.last_signature_file).height == 100
