# SPDX-License-Identifier: Apache-2.0
"""What an account signs to act for an organisation, and what invites one (EIP-712): with any key. Pure.

The same digest as `consent_digest` of the contract, made from what the signer can know, so that whoever signs need not
believe a server about what it signs. docs/formats/members.md describes both.
"""

from __future__ import annotations

from collections.abc import Sequence
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


_DOMAIN: Final = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))
_INVITATION: Final = (
    ("organisation", "bytes32"),
    ("legalName", "string"),
    ("nonce", "uint256"),
    ("expires", "uint256"),
)
_CONSENT: Final = (("organisation", "bytes32"), ("account", "address"), ("nonce", "uint256"))


def domain_separator(chain_id: int, members: Address) -> bytes:
    """Of every signature `Members` takes: this network, this contract."""
    named = (DOMAIN_TYPE, keccak256(DOMAIN_NAME.encode()), keccak256(DOMAIN_VERSION.encode()), chain_id, members)
    return keccak256(encode(("bytes32", "bytes32", "bytes32", "uint256", "address"), named))


def _typed_data(
    kind: str, members: Sequence[tuple[str, str]], chain_id: int, contract: Address, message: dict[str, Any]
) -> dict[str, Any]:
    """As `eth_signTypedData_v4` takes it, so that a wallet shows its owner every member."""
    typed = {"EIP712Domain": _DOMAIN, kind: members}
    return {
        "types": {name: [{"name": one, "type": of} for one, of in fields] for name, fields in typed.items()},
        "primaryType": kind,
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": chain_id,
            "verifyingContract": "0x" + contract.hex(),
        },
        "message": message,
    }


@dataclass(frozen=True, slots=True)
class Invitation:
    """A member's word that an organisation is invited, by the hash of its identifier and its name."""

    chain_id: int
    members: Address
    """The contract."""
    organisation: bytes
    """The hash of the invited organisation's identifier, `identifiers.identifier_hash`."""
    legal_name: str
    nonce: int
    expires: int
    """Unix time in seconds."""

    @property
    def digest(self) -> bytes:
        """What an administrator of the member signs."""
        said = (_INVITATION_TYPE, self.organisation, keccak256(self.legal_name.encode()), self.nonce, self.expires)
        struct = keccak256(encode(("bytes32", "bytes32", "bytes32", "uint256", "uint256"), said))
        return keccak256(b"\x19\x01" + domain_separator(self.chain_id, self.members) + struct)

    def typed_data(self) -> dict[str, Any]:
        """As `eth_signTypedData_v4` takes it. The nonce is text: a browser's numbers are too small for it."""
        message = {
            "organisation": "0x" + self.organisation.hex(),
            "legalName": self.legal_name,
            "nonce": str(self.nonce),
            "expires": self.expires,
        }
        return _typed_data("Invitation", _INVITATION, self.chain_id, self.members, message)


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
        """As `eth_signTypedData_v4` takes it."""
        message = {
            "organisation": "0x" + self.organisation.hex(),
            "account": "0x" + self.account.hex(),
            "nonce": self.nonce,
        }
        return _typed_data("Consent", _CONSENT, self.chain_id, self.members, message)
