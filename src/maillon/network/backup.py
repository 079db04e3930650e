# SPDX-License-Identifier: Apache-2.0
"""A node's keys in one file sealed with a passphrase, and a new node's directory from it.

What the validator key signed last is *not* in it: a copy would be older than the truth, and a node that believes it
signs a height twice. A restored node knows nothing of its key's past, and CometBFT finds out from the chain.
The chain itself is not in it either: it is public, and comes by `snapshot.py` or from the other nodes.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson

from maillon.kit.keys import write_private
from maillon.kit.passphrase import MAXIMUM_FILE, seal, unseal
from maillon.network.configuration import NodeHome
from maillon.network.errors import InvalidBackup, NodeUnusable

CONTENT: Final = "maillon.node-keys.v1"
KEY_FILES: Final = (
    "validator.json",
    "consensus-peer.json",
    "account-execution-peer.hex",
    "account-operator.hex",
)
"""In `keys/`. `execution-peer.key` is made anew from the account of that name."""
_SETTLED: Final = ("node.toml", "network.json")
"""Beside `keys/`, where the node was laid out already."""


def write(home: NodeHome, passphrase: str, now: datetime.datetime) -> bytes:
    """The sealed file. Raises `NodeUnusable` when a key is not there, `PassphraseRefused` for a short passphrase."""
    missing = [name for name in KEY_FILES if not (home.keys / name).is_file()]
    if missing:
        raise NodeUnusable(f"{home.keys} lacks {', '.join(missing)}: there is no node to back up")
    # Read as keys, so that a damaged one is found today and not on the day it is needed.
    identity = home.identity()
    files = {f"keys/{name}": home.keys / name for name in KEY_FILES}
    files |= {name: home.path / name for name in _SETTLED if (home.path / name).is_file()}
    content = {
        "type": CONTENT,
        "files": {name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()},
    }
    about = {"content": CONTENT, "made": now.isoformat(timespec="seconds")}
    about |= {"validator_key": identity.validator_key.hex(), "account": "0x" + identity.account.address.hex()}
    if home.settings_file.is_file():
        about["organisation"] = home.settings().organisation
    return seal(orjson.dumps(content), passphrase, about)


def restore(file: Path, passphrase: str, home: NodeHome) -> dict[str, str]:
    """Lay out the keys in a directory that has none; what the file says of itself.

    Raises `NodeUnusable` where keys or consensus data are, `InvalidBackup` when the file holds something else, and
    what `unseal` raises.
    """
    if home.keys.exists() and any(home.keys.iterdir()):
        raise NodeUnusable(f"{home.keys} holds keys already: restore into a new home with --home")
    if home.last_signature_file.exists():
        # Another key's memory would be taken for this one's.
        raise NodeUnusable(f"{home.consensus} holds a validator's data already: restore into a new home with --home")
    try:
        size = file.stat().st_size
        if size > MAXIMUM_FILE:
            raise InvalidBackup(f"{file} is larger than {MAXIMUM_FILE} bytes")
        content, about = unseal(file.read_bytes(), passphrase)
    except OSError as error:
        raise InvalidBackup(f"{file} cannot be read: {error.strerror}") from error
    files = _files(file, content)
    home.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The validator's key last: without it the directory is no node, and a crash here is repaired by doing it again
    # in another home.
    for name in sorted(files, key=lambda each: each == "keys/validator.json"):
        write_private(home.path / name, files[name])
    if home.settings_file.exists():
        home.lay_out(home.settings())
    home.identity()
    return about


def _files(file: Path, content: bytes) -> Mapping[str, bytes]:
    """The files by name, all keys among them and nothing that is not ours. Raises `InvalidBackup`."""
    try:
        document = orjson.loads(content)
        found = {str(name): base64.b64decode(value, validate=True) for name, value in dict(document["files"]).items()}
        kind = document["type"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidBackup(f"{file} holds no node's keys: {error!r}") from error
    keys = {f"keys/{name}" for name in KEY_FILES}
    if kind != CONTENT or not keys <= set(found) <= keys | set(_SETTLED):
        raise InvalidBackup(f"{file} holds no node's keys, but {kind!r}")
    return found
