# SPDX-License-Identifier: Apache-2.0
"""How a node comes on the chain's list: the contract `Network` is handed its keys, each proven by a signature.

Nobody lets the node in before, so that its own copy of the chain is empty: another node's gateway is asked. The
operator's account sends, for the organisation it operates for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx
import orjson

from maillon.evidence.hashing import sha256
from maillon.ledger.abi import Call, NotDecodable, encode
from maillon.ledger.contracts.directory import Directory
from maillon.ledger.contracts.members import Members
from maillon.ledger.contracts.network import Network
from maillon.ledger.founding import SCOPES
from maillon.ledger.genesis import DIRECTORY, name_word
from maillon.ledger.port import Address
from maillon.ledger.signing import DynamicFeeTransaction
from maillon.network.configuration import NodeHome
from maillon.network.errors import NodeDown, RegistrationRefused
from maillon.network.identity import Identity

PATIENCE: Final = 120.0
"""Seconds a transaction is waited for."""
POLL: Final = 0.5
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


async def register(home: NodeHome, gateway: str, *, validator: bool) -> Registered:
    """Have the chain list this node, and with `validator` its validator key; what is there already stays.

    Raises `NodeUnusable` or `InvalidNetwork` when there is no node here, `NodeDown` when the gateway does not answer,
    and `RegistrationRefused` with the chain's own reason.
    """
    network, identity = home.network(), home.identity()
    async with httpx.AsyncClient(timeout=30) as client:
        chain = _Chain(client, gateway, network.genesis.chain_id, identity)
        if await chain.quantity("eth_chainId") != network.genesis.chain_id:
            raise RegistrationRefused(f"{gateway} is a node of another chain than {home.network_file} describes")
        directory = Directory(DIRECTORY)
        members = Members(await chain.view(directory.lookup(name_word("Members"))))
        contract = Network(await chain.view(directory.lookup(name_word("Network"))))
        organisation = await chain.view(members.acting(identity.account.address, SCOPES["operate"]))
        if not organisation:
            raise RegistrationRefused(
                f"0x{identity.account.address.hex()}, this node's account, operates for no active member: an admin of "
                "your organisation gives it the scope operate"
            )
        if identity.consensus_id not in {node.consensus_id for node in await chain.view(contract.nodes())}:
            digest = digest_to_sign(NODE_KEY, network.genesis.chain_id, contract.address, organisation)
            proof = identity.prove_node(digest)
            await chain.do(contract.add_node(identity.execution_key, *proof))
        if validator and not (await chain.view(contract.seat_of(identity.validator_key))).organisation:
            digest = digest_to_sign(VALIDATOR_KEY, network.genesis.chain_id, contract.address, organisation)
            proven = identity.prove_validator(digest)
            await chain.do(contract.join(identity.validator_key, proven))
        seat = await chain.view(contract.seat_of(identity.validator_key))
        return Registered(organisation, seat.power, seat.target)


def digest_to_sign(purpose: bytes, chain_id: int, contract: Address, organisation: int) -> bytes:
    """What a key signs to be listed: the same as `node_digest` and `validator_digest` of `Network`.

    Made here, because the gateway is somebody else's: it must not choose what a node's keys sign.
    """
    return sha256(encode(("bytes32", "uint256", "address", "uint256"), (purpose, chain_id, contract, organisation)))


class _Chain:
    """The chain as a gateway tells it. Raises `NodeDown`, and `RegistrationRefused` for what the chain refuses."""

    def __init__(self, client: httpx.AsyncClient, gateway: str, chain_id: int, identity: Identity) -> None:
        self._client = client
        self._gateway = gateway
        self._chain_id = chain_id
        self._account = identity.account
        self._own = "0x" + identity.account.address.hex()

    async def ask(self, method: str, *parameters: Any) -> Any:
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        try:
            answer = await self._client.post(self._gateway, content=body, headers={"content-type": "application/json"})
            document = orjson.loads(answer.content)
            if "error" in document:
                raise RegistrationRefused(str(document["error"]["message"]))
            return document["result"]
        except (httpx.HTTPError, orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise NodeDown(f"{self._gateway} does not answer as a gateway does: {error!r}") from error

    async def quantity(self, method: str, *parameters: Any) -> int:
        """An answer that is a number."""
        answer = await self.ask(method, *parameters)
        try:
            return int(answer, 16)
        except (ValueError, TypeError) as error:
            raise NodeDown(f"{self._gateway} answers {method} with something that is no number") from error

    async def view(self, call: Call[Answer]) -> Answer:
        answer = await self.ask("eth_call", {"to": "0x" + call.to.hex(), "input": "0x" + call.data.hex()}, "latest")
        try:
            return call.decode(bytes.fromhex(answer[2:]))
        except (NotDecodable, ValueError, TypeError) as error:
            raise NodeDown(f"{self._gateway} answers what the contract does not: {error}") from error

    async def do(self, call: Call[Any]) -> None:
        """Send it, and wait until it is final. What would be refused is refused before it costs anything."""
        request = {"from": self._own, "to": "0x" + call.to.hex(), "input": "0x" + call.data.hex()}
        gas = await self.quantity("eth_estimateGas", request)
        tip = await self.quantity("eth_maxPriorityFeePerGas")
        # The tip and the newest base fee.
        price = await self.quantity("eth_gasPrice")
        transaction = DynamicFeeTransaction(
            chain_id=self._chain_id,
            nonce=await self.quantity("eth_getTransactionCount", self._own, "pending"),
            tip=tip,
            fee=2 * price + tip,
            gas=gas * 6 // 5,
            to=call.to,
            value=0,
            data=call.data,
        ).sign(self._account)
        sent = await self.ask("eth_sendRawTransaction", "0x" + transaction.raw.hex())
        for _ in range(int(PATIENCE / POLL)):
            receipt = await self.ask("eth_getTransactionReceipt", sent)
            if receipt is not None:
                break
            await asyncio.sleep(POLL)
        else:
            raise NodeDown(f"{sent} was taken and is not final after {PATIENCE:g} s: look for it before another")
        if not isinstance(receipt, dict) or receipt.get("status") != "0x1":
            raise RegistrationRefused(f"{sent} was refused when its turn came")
