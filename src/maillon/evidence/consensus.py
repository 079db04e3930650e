# SPDX-License-Identifier: Apache-2.0
"""CometBFT's headers, votes, commits and validator sets: their hashes, their JSON, and what a commit proves.

Encodings are those of CometBFT 0.38 (spec/core/data_structures and encoding): protobuf with zero fields left out,
hashed in an RFC 6962 tree. JSON is that of its RPC, `/commit` and `/validators`, unchanged. docs/formats/consensus.md
spells it out.
"""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from maillon.evidence.document import Fields
from maillon.evidence.errors import (
    CommitSignatureMismatch,
    HeaderMismatch,
    InsufficientPower,
    Unreadable,
    ValidatorSetMismatch,
)
from maillon.evidence.hashing import sha256
from maillon.evidence.merkle import leaf_hash, root_of

MAXIMUM_VALIDATORS = 1000
MAXIMUM_TOTAL_POWER = (2**63 - 1) // 8
BLOCK_ID_FLAG_ABSENT, BLOCK_ID_FLAG_COMMIT, BLOCK_ID_FLAG_NIL = 1, 2, 3
_PRECOMMIT = 2
_GO_ZERO_TIME = "0001-01-01T00:00:00Z"
_KEY_TYPE = "tendermint/PubKeyEd25519"
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


# Protobuf, as much of it as is signed and hashed.


def _varint(number: int) -> bytes:
    """A non-negative number, seven bits a byte."""
    if number < 0x80:
        return bytes((number,))
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _number(field: int, value: int) -> bytes:
    """A varint field, left out when zero; negative numbers as 64-bit two's complement."""
    return _varint(field << 3) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF) if value else b""


def _fixed(field: int, value: int) -> bytes:
    """An sfixed64 field, left out when zero."""
    return _varint(field << 3 | 1) + value.to_bytes(8, "little", signed=True) if value else b""


def _bytes(field: int, value: bytes) -> bytes:
    """A length-delimited field, left out when empty."""
    return _message(field, value) if value else b""


def _message(field: int, value: bytes) -> bytes:
    """A length-delimited field, written even when empty."""
    return _varint(field << 3 | 2) + _varint(len(value)) + value


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A time to the nanosecond, as consensus signs it: seconds since 1970 and nanoseconds."""

    seconds: int
    nanoseconds: int = 0

    def encode(self) -> bytes:
        """The Timestamp of protobuf."""
        return _number(1, self.seconds) + _number(2, self.nanoseconds)

    @classmethod
    def parse(cls, text: str) -> Instant:
        """From RFC 3339 in UTC, as CometBFT writes it; raises `Unreadable`."""
        match = _TIME.fullmatch(text)
        if match is None:
            raise Unreadable(f"not a time in UTC: {text[:40]!r}")
        *calendar, fraction = match.groups()
        try:
            moment = datetime.datetime(*(int(part) for part in calendar), tzinfo=datetime.UTC)  # type: ignore[misc,arg-type]
        except ValueError:
            raise Unreadable(f"no such time: {text[:40]!r}") from None
        return cls(int((moment - _EPOCH).total_seconds()), int((fraction or "0").ljust(9, "0")))

    def __str__(self) -> str:
        moment = _EPOCH + datetime.timedelta(seconds=self.seconds)
        fraction = f".{self.nanoseconds:09}".rstrip("0") if self.nanoseconds else ""
        # Not %Y, which does not pad the years before 1000.
        return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}{fraction}Z"


@dataclass(frozen=True, slots=True)
class BlockId:
    """What a vote is for: the header's hash, and how the block was cut into parts. Empty before the first block."""

    hash: bytes = b""
    total: int = 0
    parts_hash: bytes = b""

    def encode(self) -> bytes:
        """BlockID, with the part set header written even when empty."""
        return _bytes(1, self.hash) + _message(2, _number(1, self.total) + _bytes(2, self.parts_hash))

    @classmethod
    def from_json(cls, fields: Fields) -> BlockId:
        """From CometBFT's JSON."""
        parts = fields.fields("parts")
        block_id = cls(
            fields.cometbft("hash", (0, 32)), parts.integer("total", 0, 2**32 - 1), parts.cometbft("hash", (0, 32))
        )
        parts.end()
        fields.end()
        return block_id

    def to_json(self) -> dict[str, Any]:
        """CometBFT's JSON."""
        return {
            "hash": self.hash.hex().upper(),
            "parts": {"total": self.total, "hash": self.parts_hash.hex().upper()},
        }


_HASHES = (
    "last_commit_hash",
    "data_hash",
    "validators_hash",
    "next_validators_hash",
    "consensus_hash",
    "app_hash",
    "last_results_hash",
    "evidence_hash",
)


@dataclass(frozen=True, slots=True)
class ConsensusHeader:
    """A CometBFT block header."""

    block_version: int
    app_version: int
    chain_id: str
    height: int
    time: Instant
    last_block_id: BlockId
    last_commit_hash: bytes
    data_hash: bytes
    validators_hash: bytes
    next_validators_hash: bytes
    consensus_hash: bytes
    app_hash: bytes
    last_results_hash: bytes
    evidence_hash: bytes
    proposer_address: bytes

    def hash(self) -> bytes:
        """The root over the fourteen fields, in their order."""
        leaves = [
            _number(1, self.block_version) + _number(2, self.app_version),
            _bytes(1, self.chain_id.encode()),
            _number(1, self.height),
            self.time.encode(),
            self.last_block_id.encode(),
            *(_bytes(1, getattr(self, name)) for name in _HASHES),
            _bytes(1, self.proposer_address),
        ]
        return root_of([leaf_hash(leaf) for leaf in leaves])

    @classmethod
    def from_json(cls, fields: Fields) -> ConsensusHeader:
        """From CometBFT's JSON; raises `Unreadable`."""
        version = fields.fields("version")
        block_version = version.decimal("block")
        app_version = version.decimal("app") if version.has("app") else 0
        version.end()
        hashes = {name: fields.cometbft(name, (0, 32)) for name in _HASHES}
        header = cls(
            block_version=block_version,
            app_version=app_version,
            chain_id=fields.text("chain_id", 50),
            height=fields.decimal("height", 1),
            time=Instant.parse(fields.text("time", 40)),
            last_block_id=BlockId.from_json(fields.fields("last_block_id")),
            proposer_address=fields.cometbft("proposer_address", (20,)),
            **hashes,
        )
        fields.end()
        return header

    def to_json(self) -> dict[str, Any]:
        """CometBFT's JSON."""
        version = {"block": str(self.block_version)} | ({"app": str(self.app_version)} if self.app_version else {})
        return {
            "version": version,
            "chain_id": self.chain_id,
            "height": str(self.height),
            "time": str(self.time),
            "last_block_id": self.last_block_id.to_json(),
            **{name: getattr(self, name).hex().upper() for name in _HASHES},
            "proposer_address": self.proposer_address.hex().upper(),
        }


def vote_sign_bytes(chain_id: str, height: int, round_number: int, block_id: BlockId, time: Instant) -> bytes:
    """What a validator signs to commit a block: CanonicalVote of a precommit, after its length."""
    identifier = b""
    if block_id.hash:
        parts = _number(1, block_id.total) + _bytes(2, block_id.parts_hash)
        identifier = _message(4, _bytes(1, block_id.hash) + _message(2, parts))
    vote = (
        _number(1, _PRECOMMIT)
        + _fixed(2, height)
        + _fixed(3, round_number)
        + identifier
        + _message(5, time.encode())
        + _bytes(6, chain_id.encode())
    )
    return _varint(len(vote)) + vote


@dataclass(frozen=True, slots=True)
class CommitSignature:
    """One validator's place in a commit: for the block, for nil, or absent."""

    flag: int
    validator_address: bytes
    time: Instant | None
    signature: bytes

    def encode(self) -> bytes:
        """CommitSig, as `last_commit_hash` is made of."""
        # Go writes its zero time for a validator that was absent: the year 1.
        time = self.time or Instant(-62135596800)
        return (
            _number(1, self.flag)
            + _bytes(2, self.validator_address)
            + _message(3, time.encode())
            + _bytes(4, self.signature)
        )

    @classmethod
    def from_json(cls, fields: Fields) -> CommitSignature:
        """From CometBFT's JSON; raises `Unreadable`."""
        flag = fields.integer("block_id_flag", 1, 3)
        address = fields.cometbft("validator_address", (0, 20))
        time = fields.text("timestamp", 40)
        if flag == BLOCK_ID_FLAG_ABSENT:
            fields.absent("signature")
            fields.end()
            if address or time != _GO_ZERO_TIME:
                raise Unreadable("a validator that was absent has neither address nor time in a commit")
            return cls(flag, address, None, b"")
        signature = cls(flag, address, Instant.parse(time), fields.encoded("signature", 100))
        fields.end()
        if len(signature.signature) != 64 or len(address) != 20:
            raise Unreadable("a commit's signature has 64 bytes, its validator's address 20")
        return signature

    def to_json(self) -> dict[str, Any]:
        """CometBFT's JSON."""
        return {
            "block_id_flag": self.flag,
            "validator_address": self.validator_address.hex().upper(),
            "timestamp": str(self.time) if self.time else _GO_ZERO_TIME,
            "signature": base64.b64encode(self.signature).decode() if self.signature else None,
        }


@dataclass(frozen=True, slots=True)
class Commit:
    """The precommits that made a block final."""

    height: int
    round: int
    block_id: BlockId
    signatures: tuple[CommitSignature, ...]

    def hash(self) -> bytes:
        """What the next header names as `last_commit_hash`."""
        return root_of([leaf_hash(signature.encode()) for signature in self.signatures])

    @classmethod
    def from_json(cls, fields: Fields) -> Commit:
        """From CometBFT's JSON; raises `Unreadable`."""
        commit = cls(
            fields.decimal("height", 1),
            fields.integer("round", 0, 2**31 - 1),
            BlockId.from_json(fields.fields("block_id")),
            fields.each("signatures", MAXIMUM_VALIDATORS, CommitSignature.from_json),
        )
        fields.end()
        return commit

    def to_json(self) -> dict[str, Any]:
        """CometBFT's JSON."""
        return {
            "height": str(self.height),
            "round": self.round,
            "block_id": self.block_id.to_json(),
            "signatures": [signature.to_json() for signature in self.signatures],
        }


@dataclass(frozen=True, slots=True)
class Validator:
    """A voter of the consensus: an Ed25519 key and its power."""

    key: bytes
    power: int
    priority: int = 0

    @property
    def address(self) -> bytes:
        """The first twenty bytes of SHA-256 of the key."""
        return sha256(self.key)[:20]

    @classmethod
    def from_json(cls, fields: Fields) -> Validator:
        """From CometBFT's JSON; raises `Unreadable`."""
        address = fields.cometbft("address", (20,))
        key = fields.fields("pub_key")
        kind = key.text("type", 40)
        validator = cls(
            key.encoded("value", 60),
            fields.decimal("voting_power", 1, MAXIMUM_TOTAL_POWER),
            fields.decimal("proposer_priority", -(2**63)) if fields.has("proposer_priority") else 0,
        )
        key.end()
        fields.end()
        if kind != _KEY_TYPE or len(validator.key) != 32:
            raise Unreadable(f"only validator keys of type {_KEY_TYPE} are known here")
        if validator.address != address:
            raise Unreadable("a validator's address is not that of its key")
        return validator

    def to_json(self) -> dict[str, Any]:
        """CometBFT's JSON."""
        return {
            "address": self.address.hex().upper(),
            "pub_key": {"type": _KEY_TYPE, "value": base64.b64encode(self.key).decode()},
            "voting_power": str(self.power),
            "proposer_priority": str(self.priority),
        }


@dataclass(frozen=True, slots=True)
class ValidatorSet:
    """Who votes at one height, in CometBFT's order: power descending, then address. Never empty, no key twice."""

    validators: tuple[Validator, ...]

    def __post_init__(self) -> None:
        # An empty set would make two thirds of nothing enough.
        if not self.validators or len(self.validators) > MAXIMUM_VALIDATORS:
            raise Unreadable(f"a validator set has 1 to {MAXIMUM_VALIDATORS} members")
        if len({validator.key for validator in self.validators}) != len(self.validators):
            raise Unreadable("a validator set names a key twice")
        if self.total_power > MAXIMUM_TOTAL_POWER:
            raise Unreadable("a validator set has more power than CometBFT allows")

    @classmethod
    def of(cls, validators: Sequence[Validator]) -> ValidatorSet:
        """The set in its canonical order."""
        return cls(tuple(sorted(validators, key=lambda validator: (-validator.power, validator.address))))

    @property
    def total_power(self) -> int:
        """The sum of all powers."""
        return sum(validator.power for validator in self.validators)

    def hash(self) -> bytes:
        """What headers name as `validators_hash`."""
        return root_of(
            [
                leaf_hash(_message(1, _bytes(1, validator.key)) + _number(2, validator.power))
                for validator in self.validators
            ]
        )

    def by_address(self) -> dict[bytes, Validator]:
        """The validators by their address: one hash each, however often they are looked up."""
        return {validator.address: validator for validator in self.validators}


@dataclass(frozen=True, slots=True)
class SignedHeader:
    """A header with the commit that made it final."""

    header: ConsensusHeader
    commit: Commit

    @classmethod
    def from_json(cls, fields: Fields) -> SignedHeader:
        """From the `signed_header` of CometBFT's `/commit`; raises `Unreadable`."""
        signed = cls(ConsensusHeader.from_json(fields.fields("header")), Commit.from_json(fields.fields("commit")))
        fields.end()
        return signed

    def to_json(self) -> dict[str, Any]:
        """CometBFT's JSON."""
        return {"header": self.header.to_json(), "commit": self.commit.to_json()}

    def check(self, chain_id: str) -> None:
        """Raise `HeaderMismatch` unless commit and header are of this chain and of each other."""
        if self.header.chain_id != chain_id:
            raise HeaderMismatch("the header is of another chain", expected=chain_id, found=self.header.chain_id)
        if self.commit.height != self.header.height:
            raise HeaderMismatch(
                "the commit is of another height", expected=str(self.header.height), found=str(self.commit.height)
            )
        found = self.header.hash()
        if self.commit.block_id.hash != found:
            raise HeaderMismatch(
                "the commit signs another header", expected=self.commit.block_id.hash.hex(), found=found.hex()
            )


def verify_commit(signed: SignedHeader, chain_id: str, voters: ValidatorSet, share: tuple[int, int] = (2, 3)) -> None:
    """Raise unless more than `share` of the power of `voters` signed this very header for this chain.

    1. The commit is of this header, height and chain (`HeaderMismatch`).
    2. Each precommit for the block by one of the voters is verified over its own sign bytes
       (`CommitSignatureMismatch`); precommits for nil or by strangers count nothing, nobody counts twice.
    3. The power of those exceeds the share, strictly (`InsufficientPower`).
    """
    # Step 1.
    signed.check(chain_id)
    commit = signed.commit
    # Step 2.
    needed = voters.total_power * share[0]
    waiting = voters.by_address()
    power = 0
    for position, signature in enumerate(commit.signatures):
        if signature.flag != BLOCK_ID_FLAG_COMMIT or signature.time is None:
            continue
        # Taken out, so that nobody counts twice.
        voter = waiting.pop(signature.validator_address, None)
        if voter is None:
            continue
        message = vote_sign_bytes(chain_id, commit.height, commit.round, commit.block_id, signature.time)
        try:
            Ed25519PublicKey.from_public_bytes(voter.key).verify(signature.signature, message)
        except InvalidSignature:
            raise CommitSignatureMismatch(
                f"signature {position + 1} of the commit is false",
                expected=f"a signature of validator {voter.address.hex()}",
                found="another signature",
            ) from None
        power += voter.power
        if power * share[1] > needed:
            # Step 3: Enough: what follows could only add to it.
            return
    raise InsufficientPower(
        "not enough of the voting power signed",
        expected=f"more than {share[0]}/{share[1]} of {voters.total_power}",
        found=str(power),
    )


def verify_validators(header: ConsensusHeader, voters: ValidatorSet) -> None:
    """Raise `ValidatorSetMismatch` unless the header names exactly these validators."""
    found = voters.hash()
    if header.validators_hash != found:
        raise ValidatorSetMismatch(
            "the validators are not those of the header", expected=header.validators_hash.hex(), found=found.hex()
        )
