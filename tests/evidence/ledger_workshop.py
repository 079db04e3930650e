# SPDX-License-Identifier: Apache-2.0
"""Consensus and time stamps to accept and refuse, link by link: what `workshop` makes whole, with every part to choose.

All of it comes from fixed seeds, so that vectors are the same each time they are made.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asn1crypto import algos, cms, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from workshop import CHAIN, TIME, seed, validator_key

from maillon.evidence.consensus import (
    BLOCK_ID_FLAG_ABSENT,
    BLOCK_ID_FLAG_COMMIT,
    BLOCK_ID_FLAG_NIL,
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
from maillon.evidence.hashing import sha256
from maillon.evidence.light import LightBlock

POWER = 10


def members(names: str, powers: Mapping[str, int] | None = None) -> ValidatorSet:
    """One validator for each letter, of power 10 unless `powers` says otherwise."""
    return ValidatorSet.of(
        [
            Validator(validator_key(name).public_key().public_bytes_raw(), (powers or {}).get(name, POWER))
            for name in names
        ]
    )


@dataclass(frozen=True)
class Voting:
    """How one height came about. Whoever is among the voters and neither signs nor says nil was absent."""

    height: int = 5
    voters: str = "bcde"
    powers: Mapping[str, int] = field(default_factory=dict)
    signers: str | None = None
    """All voters unless said."""
    nil: str = ""
    following: str | None = None
    """The next voters; the same unless said."""
    round: int = 0
    chain: str = CHAIN

    def header(self) -> ConsensusHeader:
        voters = members(self.voters, self.powers)
        return ConsensusHeader(
            block_version=11,
            app_version=1,
            chain_id=self.chain,
            height=self.height,
            time=Instant(TIME + self.height, 120_000_000),
            last_block_id=BlockId(seed("last block"), 1, seed("last parts")),
            last_commit_hash=seed("last commit"),
            data_hash=sha256(b""),
            validators_hash=voters.hash(),
            next_validators_hash=members(self.following or self.voters, self.powers).hash(),
            consensus_hash=seed("consensus"),
            app_hash=seed(f"application {self.height}"),
            last_results_hash=seed("results"),
            evidence_hash=sha256(b""),
            proposer_address=voters.validators[0].address,
        )

    def signed(self) -> SignedHeader:
        header = self.header()
        block_id = BlockId(header.hash(), 1, seed("parts"))
        names = {validator_key(name).public_key().public_bytes_raw(): name for name in self.voters}
        votes = []
        for position, member in enumerate(members(self.voters, self.powers).validators):
            name = names[member.key]
            moment = Instant(TIME + self.height + 1, 1000 * position)
            if name in self.nil:
                flag, voted = BLOCK_ID_FLAG_NIL, BlockId()
            elif self.signers is None or name in self.signers:
                flag, voted = BLOCK_ID_FLAG_COMMIT, block_id
            else:
                votes.append(CommitSignature(BLOCK_ID_FLAG_ABSENT, b"", None, b""))
                continue
            message = vote_sign_bytes(self.chain, self.height, self.round, voted, moment)
            votes.append(CommitSignature(flag, member.address, moment, validator_key(name).sign(message)))
        return SignedHeader(header, Commit(self.height, self.round, block_id, tuple(votes)))

    def block(self) -> LightBlock:
        return LightBlock(self.signed(), members(self.voters, self.powers))


# Time stamps.

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
USAGE = x509.oid.ExtendedKeyUsageOID
DAY = datetime.timedelta(days=1)
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - to be refused
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


CURVES: dict[str, ec.EllipticCurve] = {
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}


@functools.cache
def key_of(kind: str) -> Key:
    """A key from its seed; RSA has none, so it is new in each process and in no vector made here."""
    secret = seed(f"authority {kind}")
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(secret)
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.derive_private_key(int.from_bytes(secret, "big") >> 8, CURVES[kind])


@dataclass(frozen=True)
class Stamping:
    """How one token is made: the defaults give a valid one, each change is somebody's mistake or attack."""

    message: bytes = b"message"
    kind: str = "p256"
    digest: str = "sha256"
    signing: str | None = None
    """The signature algorithm as asn1crypto names it; that of key and digest unless said."""
    sign_with: str | None = None
    """The digest really signed with; `digest` unless said."""
    time: bytes = b"20260528202640Z"
    imprint: str = "sha256"
    usages: tuple[x509.ObjectIdentifier, ...] = (USAGE.TIME_STAMPING,)
    critical: bool = True
    valid_from: datetime.datetime = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    valid_until: datetime.datetime = datetime.datetime(2036, 1, 1, tzinfo=datetime.UTC)
    named: bytes | None = None
    """The certificate the attributes name; the one that signs unless said."""
    named_by: str = "sha256"
    content_type: str = "tst_info"
    stated: bytes | None = None
    """The digest of the content the attributes state."""
    without: str = ""
    """An attribute left out."""
    twice: str = ""
    """An attribute that stands twice."""
    extension: bool = False
    """A critical extension nobody knows."""
    signers: int = 1
    with_certificate: bool = False
    larger: bool | None = None
    """Which of the two numbers s that hold is signed with (ECDSA); as it comes unless said."""

    def certificate(self) -> bytes:
        key = key_of(self.kind)
        name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, f"Vectors {self.kind}")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(9)
            .not_valid_before(self.valid_from)
            .not_valid_after(self.valid_until)
        )
        if self.usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.usages), critical=self.critical)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            certificate = builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
        else:
            certificate = builder.sign(key, None if self.kind == "ed25519" else hashes.SHA256())
        return certificate.public_bytes(Encoding.DER)

    def info(self) -> bytes:
        digest = hashes.Hash(HASHES[self.imprint])
        digest.update(self.message)
        fields: dict[str, Any] = {
            "version": "v1",
            "policy": "1.3.6.1.4.1.99999.1",
            "message_imprint": {"hash_algorithm": {"algorithm": self.imprint}, "hashed_message": digest.finalize()},
            "serial_number": 77,
            "gen_time": tsp.TSTInfo._fields[4][1].load(b"\x18" + bytes([len(self.time)]) + self.time),
        }
        if self.extension:
            fields["extensions"] = [{"extn_id": "1.2.3.4", "critical": True, "extn_value": b"\x05\x00"}]
        return bytes(tsp.TSTInfo(fields).dump())

    def _attributes(self, info: bytes) -> cms.CMSAttributes:
        digest = hashes.Hash(HASHES[self.digest])
        digest.update(info)
        named = hashes.Hash(HASHES[self.named_by])
        named.update(self.named or self.certificate())
        identifier = tsp.ESSCertIDv2({"hash_algorithm": {"algorithm": self.named_by}, "cert_hash": named.finalize()})
        values: dict[str, Any] = {
            "content_type": self.content_type,
            "message_digest": self.stated or digest.finalize(),
            "signing_certificate_v2": tsp.SigningCertificateV2({"certs": [identifier]}),
        }
        attributes = [
            cms.CMSAttribute({"type": name, "values": [value]})
            for name, value in values.items()
            if name != self.without
        ]
        return cms.CMSAttributes([*attributes, *(item for item in attributes if item["type"].native == self.twice)])

    def _sign(self, message: bytes) -> bytes:
        key, algorithm = key_of(self.kind), HASHES[self.sign_with or self.digest]
        if isinstance(key, ec.EllipticCurvePrivateKey):
            signature = key.sign(message, ec.ECDSA(algorithm, deterministic_signing=True))
            if self.larger is None:
                return signature
            r, s = decode_dss_signature(signature)
            order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
            return encode_dss_signature(r, (max if self.larger else min)(s, order - s))
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(message, padding.PKCS1v15(), algorithm)
        return key.sign(message)

    def token(self) -> bytes:
        info, parsed = self.info(), asn1_x509.Certificate.load(self.certificate())
        attributes = self._attributes(info)
        family = {"rsa": "rsa", "ed25519": "ed25519"}.get(self.kind, "ecdsa")
        signing = self.signing or (family if family == "ed25519" else f"{self.digest}_{family}")
        signer = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {"issuer_and_serial_number": {"issuer": parsed.issuer, "serial_number": parsed.serial_number}}
            ),
            "digest_algorithm": {"algorithm": self.digest},
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": signing}),
            "signature": self._sign(attributes.dump()),
        }
        content: dict[str, Any] = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": self.digest}],
            "encap_content_info": {"content_type": "tst_info", "content": cms.ParsableOctetString(info)},
            "signer_infos": [signer] * self.signers,
        }
        if self.with_certificate:
            content["certificates"] = [parsed]
        return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(content)}).dump())


def validators_json(voters: ValidatorSet) -> Sequence[dict[str, Any]]:
    """As `/validators` lists them."""
    return [validator.to_json() for validator in voters.validators]
