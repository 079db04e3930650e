# SPDX-License-Identifier: Apache-2.0
"""Who a node is: its keys, in the files the engines read, and its card, which founders hand to one another.

Three keys, each for one purpose: the validator's signs blocks, the consensus peer's and the execution peer's open
connections. The operator's account pays for what the node does on the chain. Files only their owner can read.
"""

from __future__ import annotations

import base64
import contextlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson
from coincurve import PrivateKey
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from maillon.evidence.hashing import sha256
from maillon.kit.errors import KitError
from maillon.kit.keys import Keys, write_private
from maillon.ledger.port import Address
from maillon.ledger.signing import Account
from maillon.network.errors import InvalidNetwork, NodeUnusable

CARD_TYPE: Final = "maillon.node-card.v1"
MAXIMUM_CARD: Final = 16 * 1024
_PRIVATE: Final = "tendermint/PrivKeyEd25519"
_PUBLIC: Final = "tendermint/PubKeyEd25519"
_HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_FIELDS: Final = (
    "type",
    "organisation",
    "host",
    "consensus_port",
    "execution_port",
    "validator_key",
    "consensus_id",
    "execution_key",
    "account",
    "signature",
)


@dataclass(frozen=True, slots=True)
class NodeCard:
    """One organisation's node as others need to know it: public keys and addresses, signed by the validator key.

    The signature proves that whoever made the card holds the key: nobody can name another's key as its own.
    """

    organisation: str
    host: str
    """A name or IPv4 address the other nodes reach it by."""
    consensus_port: int
    execution_port: int
    validator_key: bytes
    """Ed25519, 32 bytes."""
    consensus_id: bytes
    """The first 20 bytes of SHA-256 of the consensus peer's Ed25519 key."""
    execution_key: bytes
    """The execution peer's secp256k1 key, 64 bytes: what an enode address begins with."""
    account: Address
    """The operator's account."""
    signature: bytes = b""

    def __post_init__(self) -> None:
        _check(
            "organisation", 0 < len(self.organisation) <= 80 and self.organisation.isprintable(), "1 to 80 printable"
        )
        _check("host", _HOST.fullmatch(self.host) is not None, "not a host name or IPv4 address")
        for name in ("consensus_port", "execution_port"):
            _check(name, 0 < getattr(self, name) < 65536, "not a port")
        for name, length in (("validator_key", 32), ("consensus_id", 20), ("execution_key", 64), ("account", 20)):
            _check(name, len(getattr(self, name)) == length, f"not {length} bytes")

    @property
    def enode(self) -> str:
        """Its address for geth."""
        return f"enode://{self.execution_key.hex()}@{self.host}:{self.execution_port}"

    @property
    def consensus_address(self) -> str:
        """Its address for CometBFT."""
        return f"{self.consensus_id.hex()}@{self.host}:{self.consensus_port}"

    def to_json(self) -> dict[str, Any]:
        """The card as a document."""
        return {
            "type": CARD_TYPE,
            "organisation": self.organisation,
            "host": self.host,
            "consensus_port": self.consensus_port,
            "execution_port": self.execution_port,
            "validator_key": self.validator_key.hex(),
            "consensus_id": self.consensus_id.hex(),
            "execution_key": self.execution_key.hex(),
            "account": "0x" + self.account.hex(),
            "signature": self.signature.hex(),
        }

    def signed_bytes(self) -> bytes:
        """What the validator key signs: the document without its signature, keys sorted, no spaces."""
        document = self.to_json()
        del document["signature"]
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)

    @classmethod
    def parse(cls, document: object) -> NodeCard:
        """Read a card and check its signature. Raises `InvalidNetwork` naming the field."""
        if not isinstance(document, dict) or set(document) != set(_FIELDS):
            unknown = sorted(set(_FIELDS) ^ set(document)) if isinstance(document, dict) else "everything"
            raise InvalidNetwork(f"card: unknown or missing: {unknown}")
        _check("type", document["type"] == CARD_TYPE, f"expected {CARD_TYPE!r}")
        for name in ("organisation", "host"):
            _check(name, isinstance(document[name], str), "not text")
        for name in ("consensus_port", "execution_port"):
            _check(name, type(document[name]) is int, "not a number")
        card = cls(
            organisation=document["organisation"],
            host=document["host"],
            consensus_port=document["consensus_port"],
            execution_port=document["execution_port"],
            validator_key=_hex(document, "validator_key"),
            consensus_id=_hex(document, "consensus_id"),
            execution_key=_hex(document, "execution_key"),
            account=Address(_hex(document, "account")),
            signature=_hex(document, "signature"),
        )
        try:
            Ed25519PublicKey.from_public_bytes(card.validator_key).verify(card.signature, card.signed_bytes())
        except InvalidSignature:
            raise InvalidNetwork(f"card of {card.organisation}: its signature is not by its validator key") from None
        return card

    @classmethod
    def read(cls, path: Path) -> NodeCard:
        """Read a card's file. Raises `InvalidNetwork`."""
        return cls.parse(read_document(path, MAXIMUM_CARD))


def read_document(path: Path, most: int) -> object:
    """The JSON of a file of at most so many bytes. Raises `InvalidNetwork`."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InvalidNetwork(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise InvalidNetwork(f"{path} is larger than {most} bytes")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidNetwork(f"{path} is not JSON: {error}") from error


class Identity:
    """A node's keys in one directory; made when missing, unless `existing` says that they must be there."""

    def __init__(self, directory: Path) -> None:
        try:
            self._keys = Keys(directory)
            self._directory = directory
            self._validator, self._validator_key = self._signer("validator.json")
            self._peer = self._ed25519("consensus-peer.json", _peer_document)
            self._execution = PrivateKey(self._keys.account("execution-peer"))
            self.account = Account(self._keys.account("operator"))
            # geth wants the bare hexadecimal, without even the end of a line.
            path = directory / "execution-peer.key"
            if not path.exists():
                write_private(path, self._execution.secret.hex().encode())
        except KitError as error:
            raise NodeUnusable(str(error)) from error

    @property
    def validator_file(self) -> Path:
        """CometBFT's `priv_validator_key_file`."""
        return self._directory / "validator.json"

    @property
    def watcher_file(self) -> Path:
        """A key of no validator, with which CometBFT follows the chain while ours may not vote; made when missing."""
        self._ed25519("watcher.json", _validator_document)
        return self._directory / "watcher.json"

    @property
    def peer_file(self) -> Path:
        """CometBFT's `node_key_file`."""
        return self._directory / "consensus-peer.json"

    @property
    def execution_file(self) -> Path:
        """Geth's `--nodekey`."""
        return self._directory / "execution-peer.key"

    @property
    def validator_key(self) -> bytes:
        """The validator's public key."""
        return self._validator_key

    @property
    def consensus_id(self) -> bytes:
        """See `NodeCard`."""
        return sha256(self._peer.public_key().public_bytes_raw())[:20]

    @property
    def execution_key(self) -> bytes:
        """See `NodeCard`."""
        return self._execution.public_key.format(compressed=False)[1:]

    def prove_validator(self, digest: bytes) -> bytes:
        """The validator key's signature over `Network.validator_digest`, as `join` takes it: 64 bytes.

        Raises `NodeUnusable` where a remote signer has the key.
        """
        return self._signing().sign(digest)

    def prove_node(self, digest: bytes) -> tuple[bytes, bytes, bytes]:
        """What `Network.add_node` takes beside the execution key, for `Network.node_digest`.

        The execution peer's signature (r, s, v: 65 bytes), the consensus peer's public key, and its signature.
        """
        parity, r, s = Account(self._execution.secret).sign_hash(digest)
        execution = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity])
        return execution, self._peer.public_key().public_bytes_raw(), self._peer.sign(digest)

    def card(self, organisation: str, host: str, consensus_port: int, execution_port: int) -> NodeCard:
        """The card, signed. Raises `InvalidNetwork`, and `NodeUnusable` where a remote signer has the key."""
        card = NodeCard(
            organisation=organisation,
            host=host,
            consensus_port=consensus_port,
            execution_port=execution_port,
            validator_key=self.validator_key,
            consensus_id=self.consensus_id,
            execution_key=self.execution_key,
            account=self.account.address,
        )
        return replace(card, signature=self._signing().sign(card.signed_bytes()))

    def _signing(self) -> Ed25519PrivateKey:
        """The validator's private key. Raises `NodeUnusable` where a remote signer has it."""
        if self._validator is None:
            raise NodeUnusable(f"{self.validator_file} has no private key: this is done before the signer takes it")
        return self._validator

    def _signer(self, name: str) -> tuple[Ed25519PrivateKey | None, bytes]:
        """The validator's key; its public half alone where `priv_key` was taken out, for a remote signer to have it."""
        path = self._directory / name
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            document = orjson.loads(path.read_bytes())
            if "priv_key" not in document:
                public = base64.b64decode(document["pub_key"]["value"], validate=True)
                return None, Ed25519PublicKey.from_public_bytes(public).public_bytes_raw()
        key = self._ed25519(name, _validator_document)
        return key, key.public_key().public_bytes_raw()

    def _ed25519(self, name: str, document: Any) -> Ed25519PrivateKey:
        path = self._directory / name
        if not path.exists():
            key = Ed25519PrivateKey.generate()
            write_private(path, orjson.dumps(document(key), option=orjson.OPT_INDENT_2))
            return key
        if path.stat().st_mode & 0o077:
            raise NodeUnusable(f"{path} can be read by others: chmod 600 {path}, and ask who did")
        try:
            secret = base64.b64decode(orjson.loads(path.read_bytes())["priv_key"]["value"], validate=True)
            # Go keeps seed and public key; the library refuses a seed of another length.
            return Ed25519PrivateKey.from_private_bytes(secret[:-32])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NodeUnusable(f"{path} is not a key as CometBFT writes them: {error}") from None


def _private(key: Ed25519PrivateKey) -> dict[str, str]:
    """Go keeps an Ed25519 private key as seed and public key."""
    secret = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    return {"type": _PRIVATE, "value": base64.b64encode(secret).decode()}


def _validator_document(key: Ed25519PrivateKey) -> dict[str, Any]:
    public = key.public_key().public_bytes_raw()
    return {
        "address": sha256(public)[:20].hex().upper(),
        "pub_key": {"type": _PUBLIC, "value": base64.b64encode(public).decode()},
        "priv_key": _private(key),
    }


def _peer_document(key: Ed25519PrivateKey) -> dict[str, Any]:
    return {"priv_key": _private(key)}


def _check(name: str, condition: bool, reason: str) -> None:
    if not condition:
        raise InvalidNetwork(f"card: {name}: {reason}")


def _hex(document: dict[str, Any], name: str) -> bytes:
    value = document[name]
    try:
        return bytes.fromhex(value.removeprefix("0x"))
    except (ValueError, AttributeError):
        raise InvalidNetwork(f"card: {name}: not hexadecimal") from None
