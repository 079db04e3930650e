# SPDX-License-Identifier: Apache-2.0
"""A log, a ledger of four validators and a time-stamp authority, made of fixed seeds: receipts to accept and refuse.

`python tests/evidence/workshop.py` writes vectors/ anew; `test_vectors.py` compares. The tries are those of the `trie`
package and the tree is hashed plainly below, so that the verifier is not tested against its own makers.
"""

from __future__ import annotations

import base64
import copy
import datetime
import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asn1crypto import cms, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from trie import HexaryTrie

from maillon.evidence import rlp
from maillon.evidence.checkpoint import Checkpoint, log_id
from maillon.evidence.consensus import (
    BlockId,
    Commit,
    CommitSignature,
    ConsensusHeader,
    Instant,
    SignedHeader,
    Validator,
    ValidatorSet,
    vote_sign_bytes,
)
from maillon.evidence.entry import commitment, public
from maillon.evidence.hashing import Algorithm, Digest, digest_of, keccak256, sha256
from maillon.evidence.note import NoteSigner
from maillon.evidence.receipt import complete, root_slot
from maillon.evidence.trust import LedgerAnchor, LogAnchor, TrustAnchors

ORIGIN = "maillon.example/vectors"
CHAIN = "maillon-7700000001"
ANCHORS = bytes.fromhex("00000000000000000000000000000000004d0002")
FILE = b"The minutes of the first meeting.\n"
SALT = sha256(b"maillon vectors: salt")
BLOCK, TIME = 41, 1_780_000_000
VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def seed(what: str) -> bytes:
    return sha256(b"maillon vectors: " + what.encode())


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + plain_root(leaves[:split]) + plain_root(leaves[split:])).digest()


def plain_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 9162 section 2.1.3.1, word for word."""
    if len(leaves) < 2:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*plain_path(index, leaves[:split]), plain_root(leaves[split:])]
    return [*plain_path(index - split, leaves[split:]), plain_root(leaves[:split])]


def plain_consistency(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """RFC 9162 section 2.1.4.1, word for word."""
    if old == len(leaves):
        return [] if whole else [plain_root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*plain_consistency(old, leaves[:split], whole), plain_root(leaves[split:])]
    return [*plain_consistency(old - split, leaves[split:], False), plain_root(leaves[:split])]


def hexadecimal(data: bytes) -> str:
    return "0x" + data.hex()


def hash_leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


# The ledger's state.


def storage_proof(size: int, root: bytes, block: int, time: int, slot: int) -> tuple[bytes, dict[str, Any]]:
    """The state root, and the answer of eth_getProof for the two slots."""
    first = root_slot(slot, log_id(ORIGIN))
    values = {first: int.from_bytes(root, "big"), first + 1: size << 128 | block << 64 | time}
    storage = HexaryTrie({})
    for place, value in (values | {number: number + 1 for number in range(40)}).items():
        storage[keccak256(place.to_bytes(32, "big"))] = rlp.encode(value)
    code = keccak256(b"code")
    state = HexaryTrie({})
    for number in range(60):
        plain = rlp.encode([number, 10**18, HexaryTrie({}).root_hash, keccak256(b"")])
        state[keccak256(number.to_bytes(20, "big"))] = plain
    state[keccak256(ANCHORS)] = rlp.encode([1, 0, storage.root_hash, code])

    def proof(trie: HexaryTrie, key: bytes) -> list[str]:
        return [hexadecimal(rlp.encode(node)) for node in trie.get_proof(keccak256(key))]

    answer = {
        "address": hexadecimal(ANCHORS),
        "accountProof": proof(state, ANCHORS),
        "balance": "0x0",
        "codeHash": hexadecimal(code),
        "nonce": "0x1",
        "storageHash": hexadecimal(storage.root_hash),
        "storageProof": [
            {
                "key": f"0x{place:064x}",
                "value": hex(value),
                "proof": proof(storage, place.to_bytes(32, "big")),
            }
            for place, value in values.items()
        ],
    }
    return state.root_hash, answer


def execution_header(state_root: bytes, number: int, time: int) -> bytes:
    empty = HexaryTrie({}).root_hash
    uncles = keccak256(b"\xc0")
    return rlp.encode(
        [
            seed("parent"), uncles, bytes(20), state_root, empty, empty, bytes(256), 0, number, 30_000_000, 21_000,
            time, b"maillon", bytes(32), bytes(8), 7, empty, 0, 0, bytes(32), sha256(b""),
        ]
    )  # fmt: skip


# The consensus.


def validator_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed("validator " + name))


def validators(names: str) -> ValidatorSet:
    return ValidatorSet.of(
        [Validator(validator_key(name).public_key().public_bytes_raw(), 12 if name == "a" else 10) for name in names]
    )


def signed_header(
    height: int, app_hash: bytes, voters: str, signers: str, following: str, *, time: int, chain: str = CHAIN
) -> SignedHeader:
    members = validators(voters)
    header = ConsensusHeader(
        block_version=11,
        app_version=0,
        chain_id=chain,
        height=height,
        time=Instant(time, 250_000_000),
        last_block_id=BlockId(seed("last block"), 1, seed("last parts")),
        last_commit_hash=seed("last commit"),
        data_hash=sha256(b""),
        validators_hash=members.hash(),
        next_validators_hash=validators(following).hash(),
        consensus_hash=seed("consensus"),
        app_hash=app_hash,
        last_results_hash=seed("results"),
        evidence_hash=sha256(b""),
        proposer_address=members.validators[0].address,
    )
    block_id = BlockId(header.hash(), 1, seed("parts"))
    keys = {validator_key(name).public_key().public_bytes_raw(): validator_key(name) for name in signers}
    votes = []
    for position, member in enumerate(members.validators):
        if member.key not in keys:
            votes.append(CommitSignature(1, b"", None, b""))
            continue
        moment = Instant(time + 1, 1000 * position)
        message = vote_sign_bytes(chain, height, 0, block_id, moment)
        votes.append(CommitSignature(2, member.address, moment, keys[member.key].sign(message)))
    return SignedHeader(header, Commit(height, 0, block_id, tuple(votes)))


# The authority.


@functools.cache
def authority(name: str = "authority") -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """A key and its certificate, DER."""
    key = ec.derive_private_key(int.from_bytes(seed(name), "big") >> 8, ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, f"Vectors {name}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2036, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return key, certificate.public_bytes(Encoding.DER)


def stamp(message: bytes, time: int, name: str = "authority") -> bytes:
    """A time-stamp token over SHA-256 of the message."""
    key, certificate = authority(name)
    info = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": "1.3.6.1.4.1.99999.1",
            "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": sha256(message)},
            "serial_number": 1,
            "gen_time": datetime.datetime.fromtimestamp(time, datetime.UTC),
        }
    ).dump()
    identifier = tsp.ESSCertIDv2({"hash_algorithm": {"algorithm": "sha256"}, "cert_hash": sha256(certificate)})
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
            cms.CMSAttribute({"type": "message_digest", "values": [sha256(info)]}),
            cms.CMSAttribute(
                {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [identifier]})]}
            ),
        ]
    )
    signature = key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    parsed = asn1_x509.Certificate.load(certificate)
    signer = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            {"issuer_and_serial_number": {"issuer": parsed.issuer, "serial_number": parsed.serial_number}}
        ),
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
        "signature": signature,
    }
    content = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "tst_info", "content": cms.ParsableOctetString(info)},
            "signer_infos": [signer],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": content}).dump())


# The whole.


@dataclass(frozen=True)
class Making:
    """How one receipt is made: every default gives a valid one, every change is somebody's attack or mistake."""

    size: int = 300
    index: int = 137
    algorithm: Algorithm = Algorithm.SHA2_256
    salt: bytes | None = SALT
    origin: str = ORIGIN
    log_seed: str = "log"
    anchored_size: int | None = None
    anchored_root: bytes | None = None
    anchor_block: int = BLOCK
    anchor_time: int = TIME
    anchor_slot: int = 0
    number: int = BLOCK
    time: int = TIME
    header_state: bytes | None = None
    height: int | None = None
    app_hash: bytes | None = None
    chain: str = CHAIN
    voters: str = "abcd"
    signers: str = "abc"
    updates: tuple[tuple[int, str, str, str], ...] = field(default=())
    """Height, voters, signers and following voters of each light block on the way."""
    stamp_time: int = TIME + 2
    stamp_by: str = "authority"
    stamp_of: bytes | None = None

    @property
    def digest(self) -> Digest:
        return digest_of([FILE], self.algorithm)

    def receipt(self) -> dict[str, Any]:
        entry = public(self.digest) if self.salt is None else commitment(self.salt, self.digest)
        entries = [commitment(seed(f"salt {number}"), self.digest).encode() for number in range(self.size)]
        entries[self.index] = entry.encode()
        leaves = [hash_leaf(encoded) for encoded in entries]
        root = plain_root(leaves)
        signer = NoteSigner(self.origin, Ed25519PrivateKey.from_private_bytes(seed(self.log_seed)))
        note = signer.sign(Checkpoint(self.origin, self.size, root).text())
        state_root, proof = storage_proof(
            self.anchored_size or self.size,
            self.anchored_root or root,
            self.anchor_block,
            self.anchor_time,
            self.anchor_slot,
        )
        header = execution_header(self.header_state or state_root, self.number, self.time)
        height = self.height or self.number + 1
        final = signed_header(
            height,
            self.app_hash or keccak256(header),
            self.voters,
            self.signers,
            self.voters,
            time=min(self.time, TIME),
            chain=self.chain,
        )
        updates = [
            signed_header(at, seed("application"), voters, signers, following, time=self.time - 100).to_json()
            | {"validators": [validator.to_json() for validator in validators(voters).validators]}
            for at, voters, signers, following in self.updates
        ]
        half = {
            "entry": {"index": self.index},
            "inclusion": {"proof": [item.hex() for item in plain_path(self.index, leaves)]},
            "checkpoint": note,
            "anchor": {
                "proof": proof,
                "header": hexadecimal(header),
                "consensus": final.to_json(),
                "validators": [validator.to_json() for validator in validators(self.voters).validators],
                "updates": updates,
            },
            "timestamp": base64.b64encode(
                stamp(note.encode() if self.stamp_of is None else self.stamp_of, self.stamp_time, self.stamp_by)
            ).decode(),
        }
        receipt: dict[str, Any] = json.loads(complete(half, self.digest, self.salt))
        return receipt


def trust_anchors(height: int = 1, names: str = "abcd", log_seed: str = "log", by: str = "authority") -> TrustAnchors:
    key = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(seed(log_seed))).verifier_key
    return TrustAnchors(
        network="Vectors",
        ledger=LedgerAnchor(CHAIN, 7_700_000_001, height, validators(names), ANCHORS, 0),
        logs=(LogAnchor(ORIGIN, key),),
        authorities=(authority(by)[1],) if by else (),
    )


def encode(receipt: Any) -> bytes:
    return json.dumps(receipt).encode()


def patched(document: Any, patch: Sequence[dict[str, Any]]) -> Any:
    """RFC 6902, as much of it as the vectors use: add, replace and remove."""
    document = copy.deepcopy(document)
    for step in patch:
        *way, last = step["path"].split("/")[1:]
        place = document
        for name in way:
            place = place[int(name)] if isinstance(place, list) else place[name]
        key: Any = int(last) if isinstance(place, list) and last != "-" else last
        if step["op"] == "remove":
            del place[key]
        elif key == "-":
            place.append(step["value"])
        elif step["op"] == "add" and isinstance(place, list):
            place.insert(key, step["value"])
        else:
            place[key] = step["value"]
    return document
