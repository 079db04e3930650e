# SPDX-License-Identifier: Apache-2.0
"""How a node comes on the chain's list: the contract `Network` is handed its keys, each proven by a signature.

Nobody lets the node in before, so that its own copy of the chain is empty: another node's gateway is asked. The
operator's account sends, for the organisation it operates for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeVar

from maillon.evidence.hashing import sha256
from maillon.ledger.abi import Call, NotDecodable, ask, encode, instruct
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network
from maillon.ledger.errors import Unavailable
from maillon.ledger.founding import SCOPES
from maillon.ledger.genesis import DIRECTORY, name_word
from maillon.ledger.port import Address, Ledger
from maillon.network.configuration import NodeHome
from maillon.network.errors import RegistrationRefused

PATIENCE: Final = 120.0
"""Seconds a transaction is waited for."""
VALIDATOR_KEY: Final = sha256(b"maillon validator key")
"""The purpose of a signature that lists a validator's key."""
NODE_KEY: Final = sha256(b"maillon node key")
"""The purpose of a signature that lists a node's keys."""
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Registered:
    """What the chain knows of a node afterwards."""

    organisation: int
    """The number of the member it belongs to."""
    power: int
    """Of its validator key, in force from three blocks later on."""
    target: int
    """The power the key moves to: another than `power` while it waits in the queue."""


async def register(home: NodeHome, ledger: Ledger, chain_id: int, *, validator: bool) -> Registered:
    """Have the chain list this node, and with `validator` its validator key; what is there already stays.

    `ledger` is that of another node, which says that its chain is `chain_id`. Raises `NodeUnusable` or `InvalidNetwork`
    when there is no node here, `RegistrationRefused`, and `LedgerError`: `Rejected` with the chain's own reason,
    `Unavailable` when nothing is known.
    """
    network, identity = home.network(), home.identity()
    if chain_id != network.genesis.chain_id:
        raise RegistrationRefused(f"the gateway is of another chain, {chain_id}, than {home.network_file} describes")
    directory = Directory(DIRECTORY)
    members = Members(await _view(ledger, directory.lookup(name_word("Members"))))
    contract = Network(await _view(ledger, directory.lookup(name_word("Network"))))
    organisation = await _view(ledger, members.acting(identity.account.address, SCOPES["operate"]))
    if not organisation:
        raise RegistrationRefused(
            f"0x{identity.account.address.hex()}, this node's account, operates for no active member: an admin of "
            "your organisation gives it the scope operate"
        )

    async def do(call: Call[Any]) -> None:
        await ledger.wait(await instruct(ledger, call, identity.account), PATIENCE)

    if identity.consensus_id not in {node.consensus_id for node in await _view(ledger, contract.nodes())}:
        digest = digest_to_sign(NODE_KEY, chain_id, contract.address, organisation)
        await do(contract.add_node(identity.execution_key, *identity.prove_node(digest)))
    if validator and not (await _view(ledger, contract.seat_of(identity.validator_key))).organisation:
        digest = digest_to_sign(VALIDATOR_KEY, chain_id, contract.address, organisation)
        await do(contract.join(identity.validator_key, identity.prove_validator(digest)))
    seat = await _view(ledger, contract.seat_of(identity.validator_key))
    return Registered(organisation, seat.power, seat.target)


async def _view(ledger: Ledger, call: Call[Answer]) -> Answer:
    """Ask a contract. Raises `LedgerError`."""
    try:
        return await ask(ledger, call)
    except NotDecodable as error:
        raise Unavailable(f"the gateway answers what the contract does not: {error}") from error


def digest_to_sign(purpose: bytes, chain_id: int, contract: Address, organisation: int) -> bytes:
    """What a key signs to be listed: the same as `node_digest` and `validator_digest` of `Network`.

    Made here, because the gateway is somebody else's: it must not choose what a node's keys sign.
    """
    return sha256(encode(("bytes32", "uint256", "address", "uint256"), (purpose, chain_id, contract, organisation)))
