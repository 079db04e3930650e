# SPDX-License-Identifier: Apache-2.0
"""The port over any Ethereum JSON-RPC endpoint: a geth of the network, or the facade of another process.

Transactions are signed here with libsecp256k1 and our own RLP, sent in batches, and repeated only as the same bytes.
Proofs come from `eth_getProof` and from a consensus source: CometBFT's RPC beside a real node, or the facade's own
`maillon_commit` and `maillon_validators`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Protocol

import httpx

from maillon.evidence.consensus import ConsensusHeader, ValidatorSet
from maillon.evidence.document import Fields
from maillon.evidence.errors import EvidenceError, Invalid
from maillon.evidence.hashing import keccak256
from maillon.evidence.light import Ascent, LightBlock, Trusted
from maillon.ledger import errors
from maillon.ledger.endpoint import LIMIT_EXCEEDED, Endpoint, EndpointError
from maillon.ledger.errors import NotFound, Rejected, Unavailable
from maillon.ledger.header import header_from_json
from maillon.ledger.nonces import Nonces
from maillon.ledger.port import Address, Event, Height, Signer, StateProof, TransactionHash, TransactionReceipt
from maillon.ledger.reverts import reverted
from maillon.ledger.signing import DynamicFeeTransaction, SignedTransaction

POLL: Final = 0.2
"""Seconds between questions about a receipt or the head; blocks come about once a second."""
FEES_LIFE: Final = 1.0
"""Seconds a fee answer is used for."""
LOG_SPAN: Final = 5_000
"""Blocks asked for at once; halved while the endpoint says it is too many."""
COMMIT_WAIT: Final = 10.0
"""Seconds a proof waits for the commit of the height after its block."""
NONCE_ATTEMPTS: Final = 8
REVERT_CODE: Final = 3

# geth's texts, in the order they are looked for; its codes are all -32000.
_REFUSALS: Final[tuple[tuple[str, type[Rejected]], ...]] = (
    ("already known", errors.AlreadyKnown),
    ("nonce too low", errors.NonceTooLow),
    ("nonce too high", errors.NonceTooHigh),
    ("underpriced", errors.Underpriced),
    ("gas tip cap", errors.Underpriced),
    ("max fee per gas less than block base fee", errors.Underpriced),
    ("insufficient funds", errors.InsufficientFunds),
    ("intrinsic gas too low", errors.IntrinsicGasTooLow),
    ("exceeds block gas limit", errors.GasLimitExceeded),
    ("gas limit too high", errors.GasLimitExceeded),
    ("txpool is full", errors.PoolFull),
    ("pool is full", errors.PoolFull),
    ("account limit exceeded", errors.PoolFull),
    ("invalid chain id", errors.WrongChain),
    ("invalid sender", errors.InvalidTransaction),
    ("out of gas", errors.Reverted),
    ("invalid opcode", errors.Reverted),
    ("invalid jump destination", errors.Reverted),
)
_NOT_NOW: Final = ("header not found", "unknown block", "missing trie node", "block not found")


class ConsensusSource(Protocol):
    """Where commits come from. Raises `Unavailable` while the height is not there."""

    async def commit(self, height: int) -> dict[str, Any]:
        """`{"header", "commit"}` as CometBFT's `/commit` writes them."""

    async def validators(self, height: int) -> list[dict[str, Any]]:
        """The set of that height as CometBFT's `/validators` writes it."""


class FacadeConsensus:
    """The consensus of an embedded chain, through its own endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def commit(self, height: int) -> dict[str, Any]:
        """See `ConsensusSource`."""
        answer = await _ask(self._endpoint, "maillon_commit", hex(height))
        return _mapping(_mapping(answer, "a commit").get("signed_header"), "a signed header")

    async def validators(self, height: int) -> list[dict[str, Any]]:
        """See `ConsensusSource`."""
        answer = await _ask(self._endpoint, "maillon_validators", hex(height))
        return _list(_mapping(answer, "validators").get("validators"), "validators")


class NodeLedger:
    """`Ledger` and `Prover` over an endpoint. Made by `connect`; one per event loop."""

    def __init__(self, endpoint: Endpoint, chain_id: int, consensus: ConsensusSource | None = None) -> None:
        self._endpoint = endpoint
        self.chain_id = chain_id
        self._consensus = consensus or FacadeConsensus(endpoint)
        self._nonces = Nonces(self._pending_count, self._final_count)
        self._fees: tuple[float, int, int] | None = None
        self._asking_fees: asyncio.Future[tuple[int, int]] | None = None
        self._senders: dict[TransactionHash, tuple[Address, int]] = {}

    @classmethod
    async def connect(
        cls,
        url: str,
        consensus: ConsensusSource | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> NodeLedger:
        """Ask the endpoint which chain it is; raises `Unavailable`."""
        endpoint = Endpoint(url, client)
        try:
            chain_id = _integer(await _ask(endpoint, "eth_chainId"), "a chain id")
        except errors.LedgerError:
            await endpoint.close()
            raise
        return cls(endpoint, chain_id, consensus)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._endpoint.close()

    # Reading

    async def ask(self, method: str, *parameters: Any) -> Any:
        """Any call of the node's JSON-RPC, for readers. Raises `Rejected` or `Unavailable`."""
        return await _ask(self._endpoint, method, *parameters)

    async def first_validators(self) -> tuple[ConsensusHeader, ValidatorSet]:
        """The consensus header of height 1 and who signed it: what a verifier of this network begins with."""
        first = await self._light_block(1)
        return first.signed.header, first.validators

    async def head(self) -> Height:
        """See the port."""
        return Height(_integer(await _ask(self._endpoint, "eth_blockNumber"), "a block number"))

    async def call(self, to: Address, data: bytes, at: Height | None = None) -> bytes:
        """See the port."""
        request = {"to": _hex(to), "input": _hex(data)}
        answer = await _ask(self._endpoint, "eth_call", request, "latest" if at is None else hex(at))
        return _bytes(answer, "the answer of a call")

    async def events(self, of: Address, since: Height, until: Height | None = None) -> AsyncIterator[Event]:
        """See the port."""
        following = int(since)
        span = LOG_SPAN
        while until is None or following <= until:
            head = await self.head()
            last = head if until is None else min(head, until)
            while following <= last:
                to = min(last, following + span - 1)
                criteria = {"address": _hex(of), "fromBlock": hex(following), "toBlock": hex(to)}
                try:
                    answer = await self._endpoint.request("eth_getLogs", criteria)
                except EndpointError as refusal:
                    if refusal.code != LIMIT_EXCEEDED or span == 1:
                        raise _refused(refusal) from refusal
                    span = max(1, span // 2)
                    continue
                for entry in _list(answer, "logs"):
                    yield _event(entry)
                following = to + 1
            if until is None or following <= until:
                await asyncio.sleep(POLL)

    # Sending

    async def send(self, to: Address | None, data: bytes, signer: Signer) -> TransactionHash:
        """See the port. The gas is estimated first: what would revert now takes no nonce."""
        request = {"from": _hex(signer.address), "input": _hex(data)}
        if to is not None:
            request["to"] = _hex(to)
        estimate, (tip, fee) = await asyncio.gather(
            _ask(self._endpoint, "eth_estimateGas", request), self._current_fees()
        )
        # A fifth more than now: the state moves between this answer and the block.
        gas = _integer(estimate, "a gas estimate") * 6 // 5
        await self._offer_unsettled(signer.address)
        for _ in range(NONCE_ATTEMPTS):
            nonce = await self._nonces.reserve(signer.address)
            signed = DynamicFeeTransaction(self.chain_id, nonce, tip, fee, gas, to, 0, data).sign(signer)
            if await self._submit(signed, signer, nonce):
                self._senders[signed.hash] = (signer.address, nonce)
                return signed.hash
        raise Unavailable(f"{NONCE_ATTEMPTS} nonces in a row were used by another sender of the same account")

    async def _submit(self, signed: SignedTransaction, signer: Signer, nonce: int) -> bool:
        """Whether it was accepted; False when the nonce is another's. Raises when refused, or when nothing is known."""
        try:
            await _ask(self._endpoint, "eth_sendRawTransaction", _hex(signed.raw))
        except errors.AlreadyKnown:
            pass  # an earlier attempt of ours arrived and its answer was lost
        except (errors.NonceTooLow, errors.Underpriced) as refusal:
            replacing = isinstance(refusal, errors.NonceTooLow) or "replacement" in str(refusal)
            if replacing and await self._knows(signed.hash):
                self._nonces.sent(signer.address, nonce, signed.raw)
                return True
            if not replacing:
                self._fees = None
                await self._give_back(signer, nonce)
                raise
            await self._nonces.taken(signer.address, nonce)
            return False
        except Rejected:
            await self._give_back(signer, nonce)
            raise
        except (Unavailable, asyncio.CancelledError):
            # It may have arrived. The nonce means these bytes from now on; the next send offers them again.
            self._nonces.sent(signer.address, nonce, signed.raw, certain=False)
            raise
        self._nonces.sent(signer.address, nonce, signed.raw)
        return True

    async def _knows(self, sent: TransactionHash) -> bool:
        return await _ask(self._endpoint, "eth_getTransactionByHash", _hex(sent)) is not None

    async def _give_back(self, signer: Signer, nonce: int) -> None:
        """The nonce was not used. When later ones are out, a transfer of nothing to ourselves closes the gap."""
        if not self._nonces.released(signer.address, nonce):
            return
        nonce = await self._nonces.reserve(signer.address)
        tip, fee = await self._current_fees()
        filler = DynamicFeeTransaction(self.chain_id, nonce, tip, fee, 21_000, signer.address, 0, b"").sign(signer)
        try:
            await _ask(self._endpoint, "eth_sendRawTransaction", _hex(filler.raw))
        except Rejected:
            # Nothing can be sent from this account now; whoever sends next takes this nonce first.
            self._nonces.released(signer.address, nonce)
        else:
            self._nonces.sent(signer.address, nonce, filler.raw)

    async def _offer_unsettled(self, address: Address) -> None:
        """Offer again what was signed and is not counted: a node that lost its pool gets it back, the same bytes.

        What a floor that rose keeps out of every block is given up: whoever sends next takes its nonce, and pays more.
        """
        unsettled = await self._nonces.unsettled(address)
        answers = await asyncio.gather(
            *(_ask(self._endpoint, "eth_sendRawTransaction", _hex(raw)) for raw in unsettled.values()),
            return_exceptions=True,
        )
        for nonce, answer in zip(unsettled, answers, strict=True):
            if isinstance(answer, errors.Underpriced) and "replacement" not in str(answer):
                self._fees = None
                self._nonces.released(address, nonce)
            elif isinstance(answer, BaseException) and not isinstance(answer, Rejected):
                raise answer

    async def _pending_count(self, address: Address) -> int:
        answer = await _ask(self._endpoint, "eth_getTransactionCount", _hex(address), "pending")
        return _integer(answer, "a nonce")

    async def _final_count(self, address: Address) -> int:
        return _integer(await _ask(self._endpoint, "eth_getTransactionCount", _hex(address), "latest"), "a nonce")

    async def _current_fees(self) -> tuple[int, int]:
        """(tip, most per gas) in wei: what the endpoint says of tips, and room for six full blocks."""
        if self._fees is not None and time.monotonic() - self._fees[0] < FEES_LIFE:
            return self._fees[1], self._fees[2]
        if self._asking_fees is None or self._asking_fees.done():
            self._asking_fees = asyncio.ensure_future(self._ask_fees())
        return await asyncio.shield(self._asking_fees)

    async def _ask_fees(self) -> tuple[int, int]:
        tip, block = await asyncio.gather(
            _ask(self._endpoint, "eth_maxPriorityFeePerGas"),
            _ask(self._endpoint, "eth_getBlockByNumber", "latest", False),
        )
        base = _integer(_mapping(block, "a block").get("baseFeePerGas"), "a base fee")
        wei = _integer(tip, "a tip")
        self._fees = (time.monotonic(), wei, 2 * base + wei)
        return wei, 2 * base + wei

    # Waiting

    async def wait(self, sent: TransactionHash, timeout: float = 30.0) -> TransactionReceipt:  # noqa: ASYNC109 - the port's
        """See the port."""
        deadline = time.monotonic() + timeout
        while True:
            answer = await _ask(self._endpoint, "eth_getTransactionReceipt", _hex(sent))
            if answer is not None:
                self._senders.pop(sent, None)
                return await self._outcome(_mapping(answer, "a receipt"), sent)
            if time.monotonic() >= deadline:
                break
            if sent in self._senders:
                await self._offer_unsettled(self._senders[sent][0])
            await asyncio.sleep(min(POLL, max(0.0, deadline - time.monotonic())))
        known = self._senders.get(sent)
        if known is not None:
            await self._check_not_replaced(sent, *known)
        raise Unavailable(f"transaction {_hex(sent)} is not final after {timeout:g} s")

    async def _check_not_replaced(self, sent: TransactionHash, address: Address, nonce: int) -> None:
        """Raise `NonceTooLow` when another transaction took its nonce: then it never becomes final."""
        if await self._final_count(address) > nonce and not await self._knows(sent):
            raise errors.NonceTooLow(f"another transaction of {_hex(address)} used nonce {nonce}")

    async def _outcome(self, answer: dict[str, Any], sent: TransactionHash) -> TransactionReceipt:
        made = answer.get("contractAddress")
        receipt = TransactionReceipt(
            transaction=sent,
            height=Height(_integer(answer.get("blockNumber"), "a block number")),
            succeeded=answer.get("status") == "0x1",
            gas_used=_integer(answer.get("gasUsed"), "gas used"),
            contract=None if made is None else Address(_bytes(made, "an address")),
            events=tuple(_event(entry) for entry in _list(answer.get("logs"), "logs")),
        )
        if not receipt.succeeded:
            raise await self._why(receipt)
        return receipt

    async def _why(self, receipt: TransactionReceipt) -> errors.Reverted:
        """A receipt does not say why: run it again on the state before its block, which nearly always tells."""
        transaction = await _ask(self._endpoint, "eth_getTransactionByHash", _hex(receipt.transaction))
        fields = _mapping(transaction, "a transaction")
        request = {name: fields[name] for name in ("from", "to", "gas", "value", "input") if fields.get(name)}
        try:
            await _ask(self._endpoint, "eth_call", request, hex(receipt.height - 1))
        except errors.Reverted as reason:
            return reason
        except errors.LedgerError as other:
            return errors.Reverted(f"transaction failed: {other}")
        return errors.Reverted("transaction failed")

    # Proving

    async def prove(self, contract: Address, slots: Sequence[int], at: Height) -> StateProof:
        """See the port. The header is rebuilt and compared with the block's hash before it is given to anyone."""
        keys = [f"0x{slot:064x}" for slot in slots]
        proof, block, signed = await asyncio.gather(
            _ask(self._endpoint, "eth_getProof", _hex(contract), keys, hex(at)),
            _ask(self._endpoint, "eth_getBlockByNumber", hex(at), False),
            self._coming_commit(at + 1),
        )
        # Asked for last: it is there once the commit is.
        voters = await self._consensus.validators(at + 1)
        if block is None:
            raise Unavailable(f"block {at} is not there")
        fields = _mapping(block, "a block")
        try:
            header = header_from_json(fields)
        except EvidenceError as error:
            raise Unavailable(f"block {at} cannot be read: {error}") from error
        if keccak256(header) != _bytes(fields.get("hash"), "a block hash"):
            raise Unavailable(f"the fields of block {at} do not hash to its hash: another fork's header?")
        updates = await self._updates(at + 1, voters)
        return StateProof(at, _mapping(proof, "a proof"), header, signed, voters, updates)

    async def _coming_commit(self, height: int) -> dict[str, Any]:
        """The commit of a height that is being made now: consensus seals it about a second after the block below."""
        deadline = time.monotonic() + COMMIT_WAIT
        while True:
            try:
                return await self._consensus.commit(height)
            except Unavailable:
                if time.monotonic() >= deadline or await self.head() < height - 1:
                    raise
            await asyncio.sleep(POLL)

    async def _updates(self, height: int, voters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Light blocks from the first validators to those of `height`: none while they are the same."""
        first = await self._consensus.validators(1)
        if _keys(first) == _keys(voters):
            return []
        initial = await self._light_block(1)
        trusted = Trusted(1, initial.validators, initial.signed.header.next_validators_hash)
        ascent = Ascent(trusted, height, initial.signed.header.chain_id)
        while (wanted := ascent.wanted) is not None:
            block = await self._light_block(wanted)
            try:
                ascent.take(block)
            except Invalid as error:
                raise Unavailable(f"the validators of height {wanted} do not follow: {error}") from error
        return [block.to_json() for block in ascent.steps[:-1]]

    async def _light_block(self, height: int) -> LightBlock:
        signed, voters = await asyncio.gather(self._consensus.commit(height), self._consensus.validators(height))
        try:
            return LightBlock.from_json(Fields({**signed, "validators": voters}, f"height {height}"))
        except EvidenceError as error:
            raise Unavailable(f"the commit of height {height} cannot be read: {error}") from error


def _keys(voters: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Who votes and with what power; the proposer's priority changes every block and means nothing here."""
    return sorted((str(each.get("address")), str(each.get("voting_power"))) for each in voters)


async def _ask(endpoint: Endpoint, method: str, *params: Any) -> Any:
    try:
        return await endpoint.request(method, *params)
    except EndpointError as refusal:
        raise _refused(refusal) from refusal


def _refused(refusal: EndpointError) -> errors.LedgerError:
    """Ours for an error of the endpoint: by code for reverts and limits, by geth's text for the rest."""
    text = refusal.message
    if refusal.code == REVERT_CODE or text.startswith("execution reverted"):
        data = refusal.data if isinstance(refusal.data, str) else "0x"
        try:
            return reverted(bytes.fromhex(data.removeprefix("0x")))
        except ValueError:
            return errors.Reverted(text)
    for phrase, kind in _REFUSALS:
        if phrase in text:
            return kind(text)
    if any(phrase in text for phrase in _NOT_NOW):
        return NotFound(text)
    # Timed out, over a limit, failed inside, or a method it does not offer: nothing is known of the answer.
    unanswered = refusal.code in (-32002, -32005, -32601, -32603) or "height must be less" in text
    return Unavailable(text) if unanswered else Rejected(text)


def _event(entry: Any) -> Event:
    fields = _mapping(entry, "a log")
    return Event(
        contract=Address(_bytes(fields.get("address"), "an address")),
        topics=tuple(_bytes(topic, "a topic") for topic in _list(fields.get("topics"), "topics")),
        data=_bytes(fields.get("data"), "data"),
        height=Height(_integer(fields.get("blockNumber"), "a block number")),
        position=_integer(fields.get("logIndex"), "a log index"),
        transaction=TransactionHash(_bytes(fields.get("transactionHash"), "a hash")),
    )


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _integer(value: Any, what: str) -> int:
    try:
        return int(value, 16)
    except (TypeError, ValueError) as error:
        raise Unavailable(f"the endpoint answered something that is not {what}") from error


def _bytes(value: Any, what: str) -> bytes:
    try:
        return bytes.fromhex(value.removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise Unavailable(f"the endpoint answered something that is not {what}") from error


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unavailable(f"the endpoint answered something that is not {what}")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Unavailable(f"the endpoint answered something that is not {what}")
    return value
