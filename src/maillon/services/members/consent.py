# SPDX-License-Identifier: Apache-2.0
"""What an account signs to act for an organisation (EIP-712): with a key made here, a wallet, or a key file. Pure.

The same digest as `consent_digest` of the contract, made from what the signer can know, so that whoever signs need not
believe a server about what it signs. docs/formats/members.md describes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from maillon.evidence.hashing import keccak256
from maillon.ledger.abi import encode
from maillon.ledger.port import Address, Signer

DOMAIN_NAME: Final = "Maillon Members"
DOMAIN_VERSION: Final = "1"
DOMAIN_TYPE: Final = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_INVITATION_TYPE: Final = keccak256(b"Invitation(bytes32 organisation,string legalName,uint256 nonce,uint256 expires)")
_CONSENT_TYPE: Final = keccak256(b"Consent(bytes32 organisation,address account,uint256 nonce)")


def domain_separator(chain_id: int, members: Address) -> bytes:
    """Of every signature `Members` takes: this network, this contract."""
    named = (DOMAIN_TYPE, keccak256(DOMAIN_NAME.encode()), keccak256(DOMAIN_VERSION.encode()), chain_id, members)
    return keccak256(encode(("bytes32", "bytes32", "bytes32", "uint256", "address"), named))


def invitation_digest(  # noqa: PLR0917 - the members of the struct
    chain_id: int, members: Address, organisation: bytes, legal_name: str, nonce: int, expires: int
) -> bytes:
    """What a member's admin signs to invite an organisation, by the hash of its identifier and its name."""
    said = (_INVITATION_TYPE, organisation, keccak256(legal_name.encode()), nonce, expires)
    struct = keccak256(encode(("bytes32", "bytes32", "bytes32", "uint256", "uint256"), said))
    return keccak256(b"\x19\x01" + domain_separator(chain_id, members) + struct)


@dataclass(frozen=True, slots=True)
class Consent:
    """An account's word that it will act for an organisation."""

    chain_id: int
    members: Address
    """The contract."""
    organisation: bytes
    """The hash of the organisation's identifier, `identifiers.identifier_hash`."""
    account: Address
    nonce: int
    """How many consents the account has given before."""

    @property
    def digest(self) -> bytes:
        """What is signed."""
        said = (_CONSENT_TYPE, self.organisation, self.account, self.nonce)
        struct = keccak256(encode(("bytes32", "bytes32", "address", "uint256"), said))
        return keccak256(b"\x19\x01" + domain_separator(self.chain_id, self.members) + struct)

    def sign(self, signer: Signer) -> bytes:
        """r, s, v in 65 bytes."""
        parity, r, s = signer.sign_hash(self.digest)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((27 + parity,))

    def typed_data(self) -> dict[str, Any]:
        """As `eth_signTypedData_v4` takes it, so that a wallet shows its owner every member."""
        return {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "Consent": [
                    {"name": "organisation", "type": "bytes32"},
                    {"name": "account", "type": "address"},
                    {"name": "nonce", "type": "uint256"},
                ],
            },
            "primaryType": "Consent",
            "domain": {
                "name": DOMAIN_NAME,
                "version": DOMAIN_VERSION,
                "chainId": self.chain_id,
                "verifyingContract": "0x" + self.members.hex(),
            },
            "message": {
                "organisation": "0x" + self.organisation.hex(),
                "account": "0x" + self.account.hex(),
                "nonce": self.nonce,
            },
        }
