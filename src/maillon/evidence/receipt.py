# SPDX-License-Identifier: Apache-2.0
"""The receipt: one JSON file from which anyone checks, offline, that a file was notarised and when.

Nine numbered steps, each resting on the one before (docs/formats/receipt.md):

1. The file has the digest the receipt states.
2. Salt and digest make the entry of the log.
3. The inclusion proof leads from the entry to the root of the checkpoint.
4. The trusted key of the log signed the checkpoint.
5. The contract `Anchors` holds size and root of that checkpoint: storage proof, account proof, state root.
6. That state root stands in the header of an EVM block, no earlier than the one that made the anchor.
7. The header's hash is the application hash of the consensus header one height on, which the commit signs.
8. More than two thirds of the voting power signed, by validators that follow from the trusted ones.
9. A trusted authority stamped the checkpoint, at a time the anchor does not contradict.

`verify` raises at the first that fails and otherwise returns `None`. `explain` runs the same steps for a reader.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from maillon.evidence.checkpoint import Checkpoint, log_id
from maillon.evidence.consensus import MAXIMUM_VALIDATORS, SignedHeader, Validator, ValidatorSet
from maillon.evidence.document import Fields, ethereum_bytes, read
from maillon.evidence.entry import SALT_LENGTH, Entry, commitment, public
from maillon.evidence.errors import (
    AppHashMismatch,
    CheckpointMismatch,
    DigestMismatch,
    EvidenceError,
    HeaderMismatch,
    Invalid,
    MissingAnchor,
    StampTimeContradicted,
    StateRootMismatch,
    StorageMismatch,
    Undecided,
    UnknownVersion,
    Unreadable,
)
from maillon.evidence.execution import ExecutionHeader
from maillon.evidence.hashing import Digest, keccak256, parse_hexadecimal, sha256
from maillon.evidence.light import MAXIMUM_UPDATES, LightBlock, Trusted, verify_chain
from maillon.evidence.merkle import MAXIMUM_PROOF, leaf_hash, verify_inclusion
from maillon.evidence.note import MAXIMUM_NOTE, Note
from maillon.evidence.trie import MAXIMUM_NODES, Account, prove_account, prove_slot
from maillon.evidence.trust import TrustAnchors

TYPE = "maillon.receipt.v1"

STEPS = (
    "file",
    "entry",
    "inclusion",
    "checkpoint",
    "anchor",
    "block",
    "consensus",
    "validators",
    "timestamp",
)
"""Names of the steps 1 to 9, stable: programs and translations rely on them."""

TOLERANCE = datetime.timedelta(minutes=10)
"""How much earlier than the anchor a stamp may be: both are made within seconds, and clocks differ by less."""


_LOW = 2**64 - 1
"""The lowest 64 bits of the word that holds size, block and time of an anchor."""


def root_slot(anchors_slot: int, log: bytes) -> int:
    """The slot of a log's newest root: keccak256(slot of the map ‖ log id), Vyper's order. Its position is one on."""
    return int.from_bytes(keccak256(anchors_slot.to_bytes(32, "big") + log), "big")


@dataclass(frozen=True, slots=True)
class SlotEvidence:
    """The proof of one slot, with the value the answer states: not relied on either, and compared."""

    slot: int
    stated: int
    proof: tuple[bytes, ...]

    @classmethod
    def from_json(cls, fields: Fields) -> SlotEvidence:
        """From Ethereum's JSON, its key as 32 bytes; raises `Unreadable`."""
        evidence = cls(
            int.from_bytes(fields.ethereum("key", 32), "big"),
            fields.quantity("value"),
            _nodes(fields.list("proof", MAXIMUM_NODES)),
        )
        fields.end()
        return evidence


@dataclass(frozen=True, slots=True)
class StorageEvidence:
    """The answer of `eth_getProof` (EIP-1186) for the two slots of an anchor."""

    address: bytes
    account_proof: tuple[bytes, ...]
    stated: Account
    """The account as the answer states it. Never relied on, but it must be the one proved."""
    slots: tuple[SlotEvidence, ...]

    @classmethod
    def from_json(cls, fields: Fields) -> StorageEvidence:
        """From Ethereum's JSON; raises `Unreadable`."""
        evidence = cls(
            fields.ethereum("address", 20),
            _nodes(fields.list("accountProof", MAXIMUM_NODES)),
            Account(
                fields.quantity("nonce"),
                fields.quantity("balance"),
                fields.ethereum("storageHash", 32),
                fields.ethereum("codeHash", 32),
            ),
            fields.each("storageProof", 2, SlotEvidence.from_json),
        )
        fields.end()
        return evidence


def _nodes(values: list[Any]) -> tuple[bytes, ...]:
    return tuple(ethereum_bytes(value, "a node of the proof") for value in values)


@dataclass(frozen=True, slots=True)
class Anchoring:
    """The part of a receipt that leads from the checkpoint to the validators."""

    storage: StorageEvidence
    header: bytes
    consensus: SignedHeader
    validators: ValidatorSet
    updates: tuple[LightBlock, ...]

    @classmethod
    def from_json(cls, fields: Fields) -> Anchoring:
        """From the receipt's `anchor`."""
        anchoring = cls(
            StorageEvidence.from_json(fields.fields("proof")),
            fields.ethereum("header"),
            SignedHeader.from_json(fields.fields("consensus")),
            ValidatorSet(fields.each("validators", MAXIMUM_VALIDATORS, Validator.from_json)),
            fields.each("updates", MAXIMUM_UPDATES, LightBlock.from_json),
        )
        fields.end()
        return anchoring


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt, parsed and **not yet verified**."""

    digest: Digest
    salt: bytes | None
    """None for a public entry."""
    index: int
    inclusion: tuple[bytes, ...]
    checkpoint: str
    anchoring: Anchoring
    token: bytes

    @classmethod
    def parse(cls, data: bytes) -> Receipt:
        """From the file's bytes; raises `Undecided` of some kind when they are not a receipt this verifier knows."""
        fields = read(data, "the receipt")
        kind = fields.text("type")
        if kind != TYPE:
            raise UnknownVersion(f"receipts of type {kind[:80]!r} are unknown here; known: {TYPE}")
        digest = fields.fields("digest")
        entry = fields.fields("entry")
        inclusion = fields.fields("inclusion")
        form = entry.text("kind", 20)
        if form not in ("commitment", "public"):
            raise Unreadable("the entry is neither a commitment nor public")
        receipt = cls(
            Digest.parse(digest.text("algorithm"), digest.text("value")),
            entry.hexadecimal("salt", SALT_LENGTH) if form == "commitment" else None,
            entry.integer("index"),
            tuple(_hash(value) for value in inclusion.list("proof", MAXIMUM_PROOF)),
            fields.text("checkpoint", MAXIMUM_NOTE),
            Anchoring.from_json(fields.fields("anchor")),
            fields.encoded("timestamp"),
        )
        for part in (digest, entry, inclusion, fields):
            part.end()
        return receipt

    def entry(self) -> Entry:
        """The entry of the log, from salt and digest."""
        return public(self.digest) if self.salt is None else commitment(self.salt, self.digest)


def _hash(value: Any) -> bytes:
    if not isinstance(value, str):
        raise Unreadable("a hash of the inclusion proof is not a string")
    return parse_hexadecimal(value, "a hash of the inclusion proof", 32)


def complete(half: dict[str, Any], digest: Digest, salt: bytes | None) -> bytes:
    """The whole receipt, from the half a server can give and what only the client knows.

    Raises `Unreadable` when the half lacks a part. Nothing in it is verified here: read it back and `verify`.
    """
    entry: dict[str, Any] = {"kind": "public" if salt is None else "commitment"}
    if salt is not None:
        entry["salt"] = salt.hex()
    try:
        document = {
            "type": TYPE,
            "digest": {"algorithm": digest.algorithm.value, "value": digest.value.hex()},
            "entry": entry | {"index": half["entry"]["index"]},
            "inclusion": half["inclusion"],
            "checkpoint": half["checkpoint"],
            "anchor": half["anchor"],
            "timestamp": half["timestamp"],
        }
    except (KeyError, TypeError):
        raise Unreadable("the server's half of a receipt lacks a part") from None
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@dataclass(slots=True)
class _Progress:
    """What earlier steps established and later ones rest on. Filled in order, by the steps alone."""

    receipt: Receipt
    trust: TrustAnchors
    digest: Digest | None
    leaf: bytes = b""
    note: Note | None = None
    checkpoint: Checkpoint | None = None
    state_root: bytes = b""
    anchor_block: int = 0
    anchor_time: int = 0
    header: ExecutionHeader | None = None
    time: datetime.datetime | None = None
    stamped: datetime.datetime | None = None

    def block(self) -> ExecutionHeader:
        """The header, once its step ran."""
        assert self.header is not None
        return self.header


def _file(state: _Progress) -> str:
    if state.digest is None:
        return f"no file was given; the receipt speaks of {state.receipt.digest}"
    if state.digest != state.receipt.digest:
        raise DigestMismatch(
            "the receipt is of another file", expected=str(state.receipt.digest), found=str(state.digest)
        )
    return str(state.digest)


def _entry(state: _Progress) -> str:
    state.leaf = leaf_hash(state.receipt.entry().encode())
    return f"entry {state.receipt.index}, leaf {state.leaf.hex()}"


def _inclusion(state: _Progress) -> str:
    state.note = Note.parse(state.receipt.checkpoint)
    state.checkpoint = Checkpoint.parse(state.note.text)
    if state.receipt.index >= state.checkpoint.size:
        raise CheckpointMismatch(
            "the checkpoint is older than the entry",
            expected=f"a size above {state.receipt.index}",
            found=str(state.checkpoint.size),
        )
    verify_inclusion(
        state.leaf, state.receipt.index, state.checkpoint.size, state.receipt.inclusion, state.checkpoint.root
    )
    size, root = state.checkpoint.size, state.checkpoint.root.hex()
    return f"a path of length {len(state.receipt.inclusion)} to root {root}, size {size}"


def _checkpoint(state: _Progress) -> str:
    assert state.note is not None
    assert state.checkpoint is not None
    log = state.trust.log(state.checkpoint.origin)
    state.note.verify(log.verifier)
    return f"signed by {log.key.rpartition('+')[0]}"


def _anchor(state: _Progress) -> str:
    assert state.checkpoint is not None
    ledger, storage = state.trust.ledger, state.receipt.anchoring.storage
    if storage.address != ledger.anchors_address:
        raise StorageMismatch(
            "the proof is of another contract",
            expected="0x" + ledger.anchors_address.hex(),
            found="0x" + storage.address.hex(),
        )
    # The state proved is that of the proof's own first node; the next step asks whether it is the block's.
    if not storage.account_proof:
        raise Unreadable("the account proof is empty")
    state.state_root = keccak256(storage.account_proof[0])
    account = prove_account(state.state_root, storage.address, storage.account_proof)
    if account is None:
        raise StorageMismatch("the contract does not exist in that state", expected="an account", found="none")
    first = root_slot(ledger.anchors_slot, log_id(state.checkpoint.origin))
    slots = (first, (first + 1) % 2**256)
    if tuple(evidence.slot for evidence in storage.slots) != slots:
        raise StorageMismatch(
            "the proof is of other slots",
            expected=f"0x{first:064x} and the next",
            found=", ".join(f"0x{evidence.slot:064x}" for evidence in storage.slots) or "none",
        )
    values = tuple(prove_slot(account.storage_root, evidence.slot, evidence.proof) for evidence in storage.slots)
    if account != storage.stated or values != tuple(evidence.stated for evidence in storage.slots):
        raise StorageMismatch(
            "the proof states values beside it that it does not prove",
            expected=f"{account}, {values}",
            found=f"{storage.stated}, {tuple(evidence.stated for evidence in storage.slots)}",
        )
    root, position = values[0].to_bytes(32, "big"), values[1]
    if root != state.checkpoint.root or position >> 128 != state.checkpoint.size:
        raise StorageMismatch(
            "another checkpoint is anchored",
            expected=f"size {state.checkpoint.size}, root {state.checkpoint.root.hex()}",
            found=f"size {position >> 128}, root {root.hex()}",
        )
    state.anchor_block, state.anchor_time = position >> 64 & _LOW, position & _LOW
    return (
        f"0x{storage.address.hex()} holds size {state.checkpoint.size} and this root since block {state.anchor_block}"
    )


def _block(state: _Progress) -> str:
    state.header = header = ExecutionHeader.decode(state.receipt.anchoring.header)
    if header.state_root != state.state_root:
        raise StateRootMismatch(
            "the header has another state", expected=state.state_root.hex(), found=header.state_root.hex()
        )
    # A state holds no anchor of the future; and in the block that made the anchor, both tell one time.
    if state.anchor_block > header.number or state.anchor_time > header.timestamp:
        raise StorageMismatch(
            "the anchor is of a later block than the state that holds it",
            expected=f"at most block {header.number}, time {header.timestamp}",
            found=f"block {state.anchor_block}, time {state.anchor_time}",
        )
    state.time = datetime.datetime.fromtimestamp(state.anchor_time, datetime.UTC)
    return (
        f"anchored in block {state.anchor_block} at {state.time:%Y-%m-%d %H:%M:%S} UTC; "
        f"block {header.number} has state {header.state_root.hex()}"
    )


def _consensus(state: _Progress) -> str:
    header = state.block()
    signed = state.receipt.anchoring.consensus
    if signed.header.height != header.number + 1:
        raise HeaderMismatch(
            "the consensus header is of another height",
            expected=str(header.number + 1),
            found=str(signed.header.height),
        )
    if signed.header.app_hash != header.hash:
        raise AppHashMismatch(
            "the consensus header commits to another block",
            expected=header.hash.hex(),
            found=signed.header.app_hash.hex(),
        )
    signed.check(state.trust.ledger.chain_id)
    return f"height {signed.header.height} of {signed.header.chain_id} commits to 0x{header.hash.hex()}"


def _validators(state: _Progress) -> str:
    ledger, anchoring = state.trust.ledger, state.receipt.anchoring
    height = anchoring.consensus.header.height
    if height < ledger.height:
        # Neither good nor bad: validators of a later height say nothing about an earlier one.
        raise MissingAnchor(
            f"the trust anchors begin at height {ledger.height}, this receipt is of height {height}: "
            "it takes anchors that are as old"
        )
    final = LightBlock(anchoring.consensus, anchoring.validators)
    verify_chain(Trusted(ledger.height, ledger.validators), anchoring.updates, final, ledger.chain_id)
    members = len(anchoring.validators.validators)
    return (
        f"more than two thirds of the power signed; validators: {members}, changes followed: {len(anchoring.updates)}"
    )


def _timestamp(state: _Progress) -> str:
    # Imported here: reading CMS costs more start-up than the other eight steps together need.
    from maillon.evidence.timestamp import Stamp, verify_stamp

    assert state.time is not None
    if not state.trust.authorities:
        raise MissingAnchor(f"the trust anchors of {state.trust.network} name no time-stamp authority")
    stamp = Stamp.parse(state.receipt.token)
    verify_stamp(stamp, sha256(state.receipt.checkpoint.encode()), state.trust.authorities)
    # Earlier than the anchor, the authority may have dated back. Later, it only says less than the ledger does: a
    # notary that stood still between anchor and stamp did no wrong.
    if state.time - stamp.time > TOLERANCE:
        raise StampTimeContradicted(
            "the anchor contradicts the time stamp",
            expected=f"no earlier than {state.time - TOLERANCE}",
            found=str(stamp.time),
        )
    state.stamped = stamp.time
    return f"stamped {stamp.time:%Y-%m-%d %H:%M:%S} UTC"


_CHECKS: tuple[Callable[[_Progress], str], ...] = (
    _file,
    _entry,
    _inclusion,
    _checkpoint,
    _anchor,
    _block,
    _consensus,
    _validators,
    _timestamp,
)

State = Literal["ok", "bad", "unknown", "skip"]


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step, for a reader: what was compared, or why it failed, could not be told, or was not reached."""

    number: int
    name: str
    state: State
    compared: str = ""
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All nine steps, and the error that ended them if one did."""

    steps: tuple[StepResult, ...]
    error: EvidenceError | None
    time: datetime.datetime | None
    """When the anchor was made, by the ledger's clock, if every step held."""
    stamped: datetime.datetime | None = None
    """When the authority stamped the checkpoint, by its own clock, if every step held."""
    file_compared: bool = True
    """False when no file was given: then the receipt is judged, and no file."""

    @property
    def valid(self) -> bool:
        """For display only: to rely on a receipt, call `verify`."""
        return self.error is None

    def to_json(self) -> dict[str, Any]:
        """For programs: `--json` and the API answer this."""
        verdict = "valid" if self.error is None else "invalid" if isinstance(self.error, Invalid) else "undecided"
        document: dict[str, Any] = {
            "verdict": verdict,
            "time": self.time.isoformat() if self.time else None,
            "stamped": self.stamped.isoformat() if self.stamped else None,
            "file_compared": self.file_compared,
            "steps": [
                {
                    name: value
                    for name, value in (
                        ("number", step.number),
                        ("name", step.name),
                        ("state", step.state),
                        ("compared", step.compared),
                        ("expected", step.expected),
                        ("found", step.found),
                    )
                    if value != ""
                }
                for step in self.steps
            ],
        }
        if self.error is not None:
            document["error"] = {"type": type(self.error).__name__, "message": str(self.error)}
        return document


def _run(state: _Progress) -> Iterator[tuple[int, str]]:
    """The steps in order, each with what it compared; raises with the number of the step noted on the error."""
    for number, check in enumerate(_CHECKS, start=1):
        try:
            yield number, check(state)
        except (Invalid, Undecided) as error:
            error.step = number
            raise


def verify(receipt: Receipt, digest: Digest | None, trust: TrustAnchors) -> None:
    """Raise unless every step holds: `Invalid` when one fails, `Undecided` when one could not be made.

    `digest` is that of the file at hand. With None the receipt alone is judged: it holds for *some* file of the digest
    it states, and the caller has to compare that.
    """
    for _ in _run(_Progress(receipt, trust, digest)):
        pass


def explain(receipt: Receipt, digest: Digest | None, trust: TrustAnchors) -> Report:
    """The same steps as a report: a reader sees what held, what broke, and what was not reached."""
    state = _Progress(receipt, trust, digest)
    steps: list[StepResult] = []
    failure: EvidenceError | None = None
    try:
        for number, compared in _run(state):
            done: State = "skip" if number == 1 and digest is None else "ok"
            steps.append(StepResult(number, STEPS[number - 1], done, compared))
    except Invalid as error:
        failure = error
        broken = StepResult(len(steps) + 1, STEPS[len(steps)], "bad", str(error), error.expected, error.found)
        steps.append(broken)
    except Undecided as error:
        failure = error
        steps.append(StepResult(len(steps) + 1, STEPS[len(steps)], "unknown", str(error)))
    steps.extend(StepResult(number, STEPS[number - 1], "skip") for number in range(len(steps) + 1, len(STEPS) + 1))
    times = (state.time, state.stamped) if failure is None else (None, None)
    return Report(tuple(steps), failure, *times, file_compared=digest is not None)
