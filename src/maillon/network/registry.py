# SPDX-License-Identifier: Apache-2.0
"""What the contracts say about the network, read in the state of one block: validators, nodes, credits, floor tip.

Contracts are found through the Directory, so a vote can replace one. Each answer may be None: the contract is not
there, reverts, or answers something else. `rules` says what then holds; whatever is unusable is an alarm.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from maillon.evidence.hashing import keccak256
from maillon.ledger.abi import NotDecodable, decode, one_address, one_number
from maillon.ledger.fees import floor_tip
from maillon.ledger.genesis import DIRECTORY, name_word
from maillon.network import rules
from maillon.network.execution import Execution, View

MAXIMUM_NODES: Final = 256
MAXIMUM_VIEW: Final = 256 * 1024
"""Bytes of an answer we decode."""
_CACHE: Final = 16
"""Blocks whose answers are remembered: a height reads those of its three ancestors."""
_NEAREST: Final = 32
"""Older states that are read one by one."""
_PLACES: Final = 4096
"""Validators whose nodes are remembered."""


def selector(signature: str) -> bytes:
    """The first four bytes of a call."""
    return keccak256(signature.encode())[:4]


_LOOKUP = selector("lookup(bytes32)")
_VALIDATORS = selector("validators()")
_NODES = selector("nodes()")
_GRANTS = selector("grants(uint256)")
_PERIOD = selector("period_length()")
_FLOOR = selector("floor_tip()")
_LEGAL_NAME = selector("legal_name_of(uint256)")


@dataclass(frozen=True, slots=True)
class ListedValidator:
    """An entry of the contract's validators."""

    key: bytes
    power: int
    organisation: int


@dataclass(frozen=True, slots=True)
class ListedNode:
    """An entry of the contract's nodes."""

    execution_key: bytes
    """The 64 bytes of its geth identity (secp256k1, uncompressed without prefix)."""
    consensus_id: bytes
    """The 20 bytes of its CometBFT identity."""
    organisation: int


@dataclass(frozen=True, slots=True)
class Constitution:
    """Everything read in the state of one block; None where a contract gave nothing usable."""

    validators: tuple[ListedValidator, ...] | None
    nodes: tuple[ListedNode, ...] | None
    period_length: int | None
    floor_tip: int | None
    credits_contract: bytes | None
    network_contract: bytes | None
    """Where the contract Network is, whether or not it answers."""

    def validator_view(self) -> dict[bytes, int] | None:
        """The validators as `rules` take them."""
        entries = None if self.validators is None else [(each.key, each.power) for each in self.validators]
        return rules.usable_validators(entries)


class Registry:
    """Reads constitutions, and remembers the newest: a block's state never changes."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._read: dict[bytes, Constitution] = {}
        self._terms: dict[bytes, rules.Terms] = {}
        self._listed: tuple[ListedNode, ...] | None = None
        """The newest usable list of nodes; None while no state gave one."""
        self._places: dict[bytes, tuple[ListedNode, ...]] = {}
        """The nodes of each validator's organisation, as listed last."""
        self._sought: set[bytes] | None = None
        """Validators looked for in older states already; None while nothing was."""

    async def at(self, block_hash: bytes) -> Constitution:
        """The constitution in the state of this block, which must have its state: a final one, never a proposal."""
        found = self._read.get(block_hash)
        if found is None:
            found = self._read[block_hash] = await self._ask(block_hash)
            while len(self._read) > _CACHE:
                del self._read[next(iter(self._read))]
        return found

    async def permitted(self, head: rules.Parent, signing: Collection[bytes]) -> frozenset[ListedNode] | None:
        """The nodes that may connect: the list in the state of the head, and those of who signs always.

        Where the contract names no usable list, the newest usable one holds, and a list that leaves out a validator
        does not shut it out: others would lose its signature. What no state read so far says is looked for in older
        ones, once: after a start nothing is remembered. None where no state has a list, as on a chain without the
        contract.
        """
        self._notice(await self.at(head.hash))
        lacking = set(signing) - self._places.keys() - (self._sought or set())
        if lacking or (self._listed is None and self._sought is None):
            async for older in self._older(head):
                self._notice(older, newest=False)
                if self._listed is not None and lacking <= self._places.keys():
                    break
            self._sought = (self._sought or set()) | lacking
        if self._listed is None:
            return None
        return frozenset(self._listed).union(*(self._places.get(key, ()) for key in signing))

    def _notice(self, read: Constitution, *, newest: bool = True) -> None:
        if read.nodes is None:
            return
        if newest or self._listed is None:
            self._listed = read.nodes
        for validator in read.validators or ():
            nodes = tuple(node for node in read.nodes if node.organisation == validator.organisation)
            if nodes and (newest or validator.key not in self._places):
                self._places[validator.key] = nodes
        while len(self._places) > _PLACES:
            del self._places[next(iter(self._places))]

    async def _older(self, head: rules.Parent) -> AsyncIterator[Constitution]:
        """What older states say: the nearest each, then a quarter further back each time, to that of block zero."""
        back = 1
        while back < head.number:
            yield await self.at(await self._execution.hash_at(head.number - back))
            back += max(1, back // 4) if back >= _NEAREST else 1
        yield await self.at(await self._execution.genesis_hash())

    async def organisations(self, block_hash: bytes) -> dict[bytes, str]:
        """The legal name behind each validator's key, in the state of this block; without those nobody can say."""
        validators = (await self.at(block_hash)).validators or ()
        (answer,) = await self._execution.views(block_hash, [View(DIRECTORY, _LOOKUP + name_word("Members"))])
        members = one_address(answer)
        if members is None:
            return {}
        asked = [View(members, _LEGAL_NAME + each.organisation.to_bytes(32, "big")) for each in validators]
        names = await self._execution.views(block_hash, asked) if asked else []
        read = ((each.key, _decoded("string", name)) for each, name in zip(validators, names, strict=True))
        return {key: str(name) for key, name in read if name}

    async def terms(self, parent: rules.Parent) -> rules.Terms:
        """What block `parent.number + 1` must hold to."""
        found = self._terms.get(parent.hash)
        if found is None:
            constitution = await self.at(parent.hash)
            number = parent.number + 1
            grants: tuple[tuple[bytes, int], ...] | None = None
            if constitution.credits_contract is not None and rules.is_grant_height(number, constitution.period_length):
                grants = await self._grants(constitution, parent.hash, number)
            found = rules.Terms(rules.withdrawals(number, grants), floor_tip(constitution.floor_tip))
            self._terms = {parent.hash: found}
        return found

    async def _grants(
        self, constitution: Constitution, block_hash: bytes, number: int
    ) -> tuple[tuple[bytes, int], ...] | None:
        assert constitution.credits_contract is not None
        assert constitution.period_length is not None
        call = _GRANTS + (number // constitution.period_length).to_bytes(32, "big")
        (answer,) = await self._execution.views(block_hash, [View(constitution.credits_contract, call)])
        entries = _decoded("(address,uint256)[]", answer)
        return None if entries is None else tuple((account, amount) for account, amount in entries)

    async def _ask(self, block_hash: bytes) -> Constitution:
        names = [View(DIRECTORY, _LOOKUP + name_word(name)) for name in ("Network", "Credits")]
        found = [one_address(answer) for answer in await self._execution.views(block_hash, names)]
        network, credit = found
        views = [View(network, data) for data in (_VALIDATORS, _NODES)] if network is not None else []
        views += [View(credit, data) for data in (_PERIOD, _FLOOR)] if credit is not None else []
        answers: list[bytes | None] = await self._execution.views(block_hash, views) if views else []
        validators, nodes = (answers[0], answers[1]) if network is not None else (None, None)
        period, floor = (answers[-2], answers[-1]) if credit is not None else (None, None)
        return Constitution(
            _validators(validators), _nodes(nodes), one_number(period), one_number(floor), credit, network
        )


def _decoded(kind: str, answer: bytes | None) -> Sequence[Any] | None:
    """The one value of that type, or None when there is none."""
    if not answer or len(answer) > MAXIMUM_VIEW:
        return None
    try:
        value: Sequence[Any] = decode((kind,), answer)[0]
    except NotDecodable:
        return None
    return value


def _validators(answer: bytes | None) -> tuple[ListedValidator, ...] | None:
    entries = _decoded("(bytes32,uint256,uint256)[]", answer)
    return None if entries is None else tuple(ListedValidator(*entry) for entry in entries)


def _nodes(answer: bytes | None) -> tuple[ListedNode, ...] | None:
    entries = _decoded("(bytes,bytes20,uint256)[]", answer)
    if entries is None or len(entries) > MAXIMUM_NODES:
        return None
    return tuple(ListedNode(key, identity, organisation) for key, identity, organisation in entries if len(key) == 64)
