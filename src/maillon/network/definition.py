# SPDX-License-Identifier: Apache-2.0
"""A network as a file: block zero and the cards of its founders. Public; every node of the network has the same one.

docs/formats/network.md describes it.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from maillon.ledger.fees import CREDIT
from maillon.ledger.founding import (
    KINDS,
    SANDBOX_STATUTES,
    SCOPES,
    Founding,
    FoundingAccount,
    FoundingNode,
    FoundingOrganisation,
    InvalidFounding,
)
from maillon.ledger.genesis import GAS_LIMIT, Genesis, InvalidGenesis, make_genesis
from maillon.ledger.port import Address
from maillon.network.errors import InvalidNetwork
from maillon.network.identity import NodeCard, read_document
from maillon.network.payload import MAXIMUM_PAYLOAD, PACKED
from maillon.network.rules import EXCESS_BLOB_GAS

TYPE: Final = "maillon.network.v1"
MAXIMUM_FILE: Final = 32 * 1024 * 1024
MAXIMUM_NODES: Final = 256
PLACEHOLDER: Final = "FILL-IN"
"""Stands in a draft for what people have to write."""
BESIDE_PAYLOAD: Final = 512 * 1024
"""Bytes of a consensus block beside the payload: a commit of 64 validators, and evidence."""
_NO_BLOBS: Final = {"target": 0, "max": 0, "baseFeeUpdateFraction": 1}
"""One blob transaction, which the engine's builder packs and our rules refuse, stopped a chain.

See `EXCESS_BLOB_GAS` for the rest.
"""
_FORK_BLOCKS: Final = (
    "homestead",
    "eip150",
    "eip155",
    "eip158",
    "byzantium",
    "constantinople",
    "petersburg",
    "istanbul",
    "muirGlacier",
    "berlin",
    "london",
    "arrowGlacier",
    "grayGlacier",
)
_FORK_TIMES: Final = ("shanghai", "cancun", "prague", "osaka")


@dataclass(frozen=True, slots=True)
class NetworkDefinition:
    """What makes a network this one and no other."""

    genesis: Genesis
    nodes: tuple[NodeCard, ...]

    def __post_init__(self) -> None:
        if len(self.nodes) > MAXIMUM_NODES:
            raise InvalidNetwork(f"network: more than {MAXIMUM_NODES} nodes")
        _check_distinct(self.nodes)

    def to_json(self) -> bytes:
        """The file."""
        document = {
            "type": TYPE,
            "genesis": orjson.loads(self.genesis.to_json()),
            "nodes": [node.to_json() for node in self.nodes],
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def read(cls, path: Path) -> NetworkDefinition:
        """Read a file. Raises `InvalidNetwork`."""
        document = read_document(path, MAXIMUM_FILE)
        if not isinstance(document, dict) or set(document) != {"type", "genesis", "nodes"}:
            raise InvalidNetwork(f"{path} is not a network: it has type, genesis and nodes, and nothing else")
        if document["type"] != TYPE or not isinstance(document["nodes"], list):
            raise InvalidNetwork(f"{path}: expected the type {TYPE!r} and a list of nodes")
        try:
            genesis = Genesis.parse(orjson.dumps(document["genesis"]))
        except InvalidGenesis as error:
            raise InvalidNetwork(f"{path}: {error}") from error
        return cls(genesis, tuple(NodeCard.parse(card) for card in document["nodes"]))

    def execution_genesis(self) -> dict[str, Any]:
        """Block zero as geth reads it: every fork from the start up to Osaka, no blobs."""
        genesis = self.genesis
        config: dict[str, Any] = {"chainId": genesis.chain_id, "terminalTotalDifficulty": 0}
        config |= {f"{fork}Block": 0 for fork in _FORK_BLOCKS} | {f"{fork}Time": 0 for fork in _FORK_TIMES}
        config["depositContractAddress"] = "0x" + "00" * 20
        config["blobSchedule"] = {fork: _NO_BLOBS for fork in _FORK_TIMES if fork != "shanghai"}
        return {
            "config": config,
            "nonce": "0x0",
            "timestamp": hex(genesis.time),
            "extraData": "0x",
            "gasLimit": hex(genesis.gas_limit),
            "baseFeePerGas": hex(genesis.base_fee),
            "difficulty": "0x0",
            "mixHash": "0x" + "00" * 32,
            "coinbase": "0x" + "00" * 20,
            "blobGasUsed": "0x0",
            "excessBlobGas": hex(EXCESS_BLOB_GAS),
            "alloc": {
                "0x" + address.hex(): {
                    "balance": hex(account.balance),
                    "nonce": hex(account.nonce),
                    "code": "0x" + account.code.hex(),
                    "storage": {f"0x{slot:064x}": f"0x{value:064x}" for slot, value in account.storage.items()},
                }
                for address, account in genesis.alloc.items()
            },
        }

    def consensus_block(self) -> int:
        """The most bytes of a consensus block: what the gas of a payload can pay for, and what stands beside it."""
        return min(PACKED * self.genesis.gas_limit // GAS_LIMIT, MAXIMUM_PAYLOAD) + BESIDE_PAYLOAD

    def consensus_genesis(self) -> dict[str, Any]:
        """Block zero as CometBFT reads it. Its validators are named by InitChain: one source, the contract."""
        seconds = self.genesis.time
        return {
            "genesis_time": _rfc3339(seconds),
            "chain_id": self.genesis.consensus_chain_id,
            "initial_height": "1",
            "consensus_params": {
                "block": {"max_bytes": str(self.consensus_block()), "max_gas": "-1"},
                "evidence": {
                    "max_age_num_blocks": "100000",
                    "max_age_duration": "172800000000000",
                    "max_bytes": "65536",
                },
                "validator": {"pub_key_types": ["ed25519"]},
                "version": {"app": "1"},
                "abci": {"vote_extensions_enable_height": "0"},
            },
            "validators": [],
            "app_hash": "",
        }


def found(  # noqa: PLR0917 - each is named where it is called
    name: str,
    chain_id: int,
    time: int,
    cards: Sequence[NodeCard],
    credits_each: int,
    others: Sequence[tuple[bytes, int]] = (),
    founding: Founding | None = None,
) -> NetworkDefinition:
    """A new network of these founders: each a validator of power 1, each account with so many credits.

    `others` are further accounts and their wei. Without a `founding`, each card founds one organisation, and the seat
    of governance is the first founder's until the first vote. Raises `InvalidNetwork`.
    """
    if not cards:
        raise InvalidNetwork("network: no cards")
    if len({card.organisation for card in cards}) != len(cards):
        raise InvalidNetwork("network: an organisation founds with one node")
    _check_distinct(cards)
    if founding is not None:
        check_founding(founding, cards)
    funded = {card.account: credits_each * CREDIT for card in cards}
    funded |= {Address(account): wei for account, wei in others}
    try:
        genesis = make_genesis(
            name,
            chain_id,
            time,
            [card.validator_key for card in cards],
            funded,
            cards[0].account,
            founding=founding or founding_of(cards),
        )
    except (InvalidFounding, InvalidGenesis) as error:
        raise InvalidNetwork(str(error)) from error
    return NetworkDefinition(genesis, tuple(cards))


def check_founding(founding: Founding, cards: Sequence[NodeCard]) -> None:
    """Raise `InvalidNetwork` unless the founding file and the cards speak of the same founders.

    1. Nothing was left to be filled in.
    2. Every card's validator, node and account belong to one organisation of the file.
    3. Every validator of the file has a card: without one nobody knows where its node is.
    """
    # Step 1.
    for organisation in founding.organisations:
        if PLACEHOLDER in {organisation.scheme, organisation.identifier}:
            raise InvalidNetwork(
                f"founding: {organisation.legal_name}: its legal identifier is still {PLACEHOLDER}: write scheme and "
                "identifier as the public register has them"
            )
    # Step 2.
    for card in cards:
        owner = next((each for each in founding.organisations if card.validator_key in each.validators), None)
        if owner is None:
            raise InvalidNetwork(f"founding: no organisation has the validator of {card.organisation}'s card")
        if FoundingNode(card.execution_key, card.consensus_id) not in owner.nodes:
            raise InvalidNetwork(f"founding: {owner.legal_name} lacks the node of {card.organisation}'s card")
        if card.account not in {account.address for account in owner.accounts}:
            raise InvalidNetwork(f"founding: {owner.legal_name} lacks the account of {card.organisation}'s card")
    # Step 3.
    known = {card.validator_key for card in cards}
    for organisation in founding.organisations:
        if not set(organisation.validators) <= known:
            raise InvalidNetwork(f"founding: no card has a validator of {organisation.legal_name}")


def draft(cards: Sequence[NodeCard]) -> Founding:
    """A founding file to begin from: everything the cards say, statutes of a real alliance, votes from the start.

    The first founder's account holds the offices, so that somebody can admit; a vote changes that. What no card says
    stands as a placeholder, which `check_founding` refuses. Raises `InvalidFounding`.
    """
    made = founding_of(cards)
    offices = SCOPES["officer"] | SCOPES["admission officer"]
    organisations = []
    for position, organisation in enumerate(made.organisations):
        (account,) = organisation.accounts
        scopes = account.scopes | (0 if position else offices)
        organisations.append(
            replace(
                organisation,
                scheme=PLACEHOLDER,
                identifier=PLACEHOLDER,
                accounts=(replace(account, scopes=scopes),),
            )
        )
    return Founding(tuple(organisations), governed=True)


def _check_distinct(cards: Sequence[NodeCard]) -> None:
    """A key stands on one card."""
    for name in ("validator_key", "consensus_id", "execution_key"):
        values = [getattr(card, name) for card in cards]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            owners = ", ".join(card.organisation for card in cards if getattr(card, name) == twice)
            raise InvalidNetwork(f"network: the same {name} on several cards: {owners}")


def founding_of(cards: Sequence[NodeCard], publishers: Sequence[Address] = ()) -> Founding:
    """The founders as their cards name them: an account that does everything, a validator and a node each.

    `publishers` are further accounts of the first founder, which publish logs. A card has no legal identifier; who
    founds for good writes a founding file. Raises `InvalidFounding`.
    """
    everything = SCOPES["admin"] | SCOPES["vote"] | SCOPES["operate"] | SCOPES["publish"]
    further = tuple(FoundingAccount(account, SCOPES["publish"]) for account in publishers)
    return Founding(
        tuple(
            FoundingOrganisation(
                scheme="card",
                identifier=str(number),
                legal_name=card.organisation,
                kind=KINDS.index("other"),
                country="FR",
                accounts=(FoundingAccount(card.account, everything), *(further if number == 1 else ())),
                validators=(card.validator_key,),
                nodes=(FoundingNode(card.execution_key, card.consensus_id),),
            )
            for number, card in enumerate(cards, start=1)
        ),
        statutes=SANDBOX_STATUTES,
    )


def _rfc3339(seconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
