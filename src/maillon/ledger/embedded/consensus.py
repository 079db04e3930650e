# SPDX-License-Identifier: Apache-2.0
"""CometBFT's view of the embedded chain: one validator commits to every block, as four would.

EVM block n is committed to by CometBFT height n + 1, whose app hash is the block's hash, so a verifier follows the same
steps here as on the consortium's ledger. There is no CometBFT block underneath: `data_hash` is that of the empty
list, and the part set has the one leaf that is the header's hash. docs/formats/embedded-ledger.md lists every field.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maillon.evidence.consensus import (
    BLOCK_ID_FLAG_COMMIT,
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
from maillon.evidence.merkle import leaf_hash

_BLOCK_PROTOCOL: Final = 11
_NOTHING: Final = sha256(b"")
"""The RFC 6962 root of no leaves: no data, no results, no evidence, and before height 1 no commit."""
_PARAMETERS: Final = sha256(bytes.fromhex("088080c00a10ffffffffffffffffff01"))
"""HashedParams of CometBFT's defaults: blocks of at most 22,020,096 bytes, no gas limit."""


class Committer:
    """Makes and signs each height after the last. Not thread-safe: the sealing thread alone uses it."""

    def __init__(self, chain_id: str, key: Ed25519PrivateKey) -> None:
        self._chain_id = chain_id
        self._key = key
        validator = Validator(key.public_key().public_bytes_raw(), 1)
        self._validator = validator
        self.validators = ValidatorSet.of([validator])

    def commit(self, app_hash: bytes, height: int, seconds: int, previous: Commit | None) -> SignedHeader:
        """The signed header of `height`, after `previous` (None at height 1), at whole `seconds` since 1970."""
        time = Instant(seconds)
        validators_hash = self.validators.hash()
        header = ConsensusHeader(
            block_version=_BLOCK_PROTOCOL,
            app_version=0,
            chain_id=self._chain_id,
            height=height,
            time=time,
            last_block_id=previous.block_id if previous else BlockId(),
            last_commit_hash=previous.hash() if previous else _NOTHING,
            data_hash=_NOTHING,
            validators_hash=validators_hash,
            next_validators_hash=validators_hash,
            consensus_hash=_PARAMETERS,
            app_hash=app_hash,
            last_results_hash=_NOTHING,
            evidence_hash=_NOTHING,
            proposer_address=self._validator.address,
        )
        block_id = BlockId(header.hash(), 1, leaf_hash(header.hash()))
        signature = self._key.sign(vote_sign_bytes(self._chain_id, height, 0, block_id, time))
        vote = CommitSignature(BLOCK_ID_FLAG_COMMIT, self._validator.address, time, signature)
        return SignedHeader(header, Commit(height, 0, block_id, (vote,)))
