# SPDX-License-Identifier: Apache-2.0
"""The execution engine: the Engine API and what the bridge reads, over geth's own socket.

The socket is a file only the node's user can open, so nothing here needs a port or a token. A call waits for an engine
that is away instead of failing: an error that left the bridge would stop CometBFT for good. What the engine says is
one of three: an answer, a refusal by its rules, or not being able to tell, which is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from maillon.network.errors import ExecutionUnavailable
from maillon.network.payload import Payload, Withdrawal
from maillon.network.rules import EXTRA_DATA, FEE_RECIPIENT, PARENT_BEACON_ROOT, PREV_RANDAO, Parent

VIEW_GAS: Final = 30_000_000
"""Gas a view of a contract may use, named so that every node answers alike (geth's own cap is 50 million)."""
MAXIMUM_ANSWER: Final = 64 * 1024 * 1024
RETRY: Final = 0.25
"""Seconds between attempts while the engine is away."""
ANSWER_WITHIN: Final = 30.0
"""Seconds after which an engine that took a call and says nothing counts as away."""
_FORGOTTEN_WITHIN: Final = 600.0
"""Seconds in which an engine has forgotten blocks: thousands, where an archive of states lost its end."""
_CACHE: Final = 64
"""Blocks whose parents are remembered: a height asks for those of its three ancestors."""
_REVERTED: Final = 3
_ENDS: Final = (
    "execution reverted",
    "out of gas",
    "invalid opcode",
    "invalid jump destination",
    "stack underflow",
    "stack limit reached",
    "stack overflow",
    "write protection",
    "return data out of bounds",
    "gas uint64 overflow",
    "max call depth exceeded",
    "insufficient balance for transfer",
    "invalid code: must not begin with 0xef",
    "contract address collision",
    "code size exceeded",
    "initcode size exceeded",
    "nonce uint64 overflow",
)
"""geth's `core/vm/errors.go`: how a call ends on every node alike. They come as -32000, as do errors that pass (a state
not available, a timeout); a contract must not be able to make the bridge ask for ever."""
_log = structlog.get_logger(__name__)


class CallRefused(Exception):
    """The engine understood a call and answered with an error. Code 3 is a contract's revert; others may pass."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.code = code


class Socket:
    """JSON-RPC 2.0 over geth's socket; one connection, made anew when it is lost. Shared by tasks of one loop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[list[dict[str, Any]]]] = {}
        """The number of a batch's first request → its answers."""
        self._reading: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._number = 0
        self.openings = 0
        """How often it was opened: another number may be another engine, which remembers nothing we told the first."""

    async def close(self) -> None:
        """Let go of the connection."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading

    async def call(self, method: str, *parameters: Any, within: float = ANSWER_WITHIN) -> Any:
        """One call. Raises `CallRefused`, and `ExecutionUnavailable` when there was no answer."""
        (answer,) = await self._exchange([(method, parameters)], within)
        return _result(method, answer)

    async def calls(self, requests: Sequence[tuple[str, Sequence[Any]]], within: float = ANSWER_WITHIN) -> list[Any]:
        """Several calls in one batch; a refused one is its `CallRefused` in the list. Raises as `call`."""
        answers = await self._exchange(requests, within)
        found: list[Any] = []
        for (method, _), answer in zip(requests, answers, strict=True):
            try:
                found.append(_result(method, answer))
            except CallRefused as refusal:
                found.append(refusal)
        return found

    async def _exchange(self, requests: Sequence[tuple[str, Sequence[Any]]], within: float) -> list[dict[str, Any]]:
        """The answers to these requests, in their order."""
        method = requests[0][0]
        writer = await self._connected()
        number, self._number = self._number, self._number + len(requests)
        documents = [
            {"jsonrpc": "2.0", "id": number + position, "method": each, "params": list(parameters)}
            for position, (each, parameters) in enumerate(requests)
        ]
        waiting: asyncio.Future[list[dict[str, Any]]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            writer.write(orjson.dumps(documents if len(documents) > 1 else documents[0]) + b"\n")
            await writer.drain()
            async with asyncio.timeout(within):
                return await waiting
        except TimeoutError as error:
            raise ExecutionUnavailable(f"{method}: no answer within {within:g} s") from error
        except OSError as error:
            raise ExecutionUnavailable(f"{method}: {error}") from error
        finally:
            self._waiting.pop(number, None)

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._opening:
            if self._writer is None:
                try:
                    reader, writer = await asyncio.open_unix_connection(str(self.path), limit=MAXIMUM_ANSWER)
                except OSError as error:
                    raise ExecutionUnavailable(f"{self.path}: {error.strerror or error}") from error
                self._writer = writer
                self.openings += 1
                self._reading = asyncio.create_task(self._read(reader, writer))
            return self._writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reason = "the engine closed its socket"
        try:
            while line := await reader.readline():
                document = orjson.loads(line)
                answers = sorted(document, key=_number) if isinstance(document, list) else [document]
                waiting = self._waiting.get(_number(answers[0])) if answers else None
                if waiting is not None and not waiting.done():
                    waiting.set_result(answers)
        except (OSError, ValueError) as error:
            reason = f"the engine's socket failed: {error}"
        finally:
            self._writer = None
            writer.close()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ExecutionUnavailable(reason))


def _number(answer: Any) -> int:
    """What an answer answers to; -1 for what answers to nothing."""
    number = answer.get("id")
    return number if isinstance(number, int) else -1


def _result(method: str, document: dict[str, Any]) -> Any:
    error = document.get("error")
    if error is not None:
        raise CallRefused(method, int(error.get("code", 0)), str(error.get("message")))
    return document.get("result")


@dataclass(frozen=True, slots=True)
class View:
    """One reading of a contract in the state of a block."""

    contract: bytes
    data: bytes


class Execution:
    """What consensus needs of an execution engine. Every method waits while the engine is away."""

    def __init__(self, socket: Socket, waiting: Callable[[str], None] = lambda _reason: None) -> None:
        self._socket = socket
        self._say_waiting = waiting
        self._parents: dict[bytes, bytes] = {}
        """Block → its parent, of the newest ones: a hash names its ancestors for ever."""

    async def head(self) -> Parent:
        """The newest block that has its state."""
        return parent_of(await self._patiently("eth_getBlockByNumber", "latest", False))

    async def genesis_hash(self) -> bytes:
        """The hash of block zero."""
        return parent_of(await self._patiently("eth_getBlockByNumber", "0x0", False)).hash

    async def hash_at(self, number: int) -> bytes:
        """The hash of a final block by its number."""
        return parent_of(await self._patiently("eth_getBlockByNumber", hex(number), False)).hash

    async def ancestor(self, block_hash: bytes, generations: int) -> bytes:
        """The hash of the block so many generations before the one with this hash."""
        for _ in range(generations):
            parent = self._parents.get(block_hash)
            if parent is None:
                block = await self._patiently("eth_getBlockByHash", _hex(block_hash), False)
                parent = bytes.fromhex(block["parentHash"][2:])
                self._remember(block_hash, parent)
            block_hash = parent
        return block_hash

    def _remember(self, block_hash: bytes, parent: bytes) -> None:
        self._parents[block_hash] = parent
        while len(self._parents) > _CACHE:
            del self._parents[next(iter(self._parents))]

    async def knows(self, block_hash: bytes) -> bool:
        """Whether the engine has this block; its state it may have or not."""
        return await self._patiently("eth_getBlockTransactionCountByHash", _hex(block_hash)) is not None

    async def views(self, block_hash: bytes, views: Sequence[View]) -> list[bytes | None]:
        """What contracts answer in the state of a block, by its hash; None for each that reverts.

        Every node must come to the same answer, so only a revert is one; anything else is asked again.
        """
        requests = [
            (
                "eth_call",
                [
                    {"to": _hex(view.contract), "input": _hex(view.data), "gas": hex(VIEW_GAS)},
                    {"blockHash": _hex(block_hash)},
                ],
            )
            for view in views
        ]
        while True:
            try:
                answers = await self._socket.calls(requests)
            except ExecutionUnavailable as error:
                await self._wait(str(error))
                continue
            troubles = [each for each in answers if isinstance(each, CallRefused) and not _is_deterministic(each)]
            if not troubles:
                return [None if isinstance(each, CallRefused) else bytes.fromhex(each[2:]) for each in answers]
            await self._wait(str(troubles[0]))

    async def build(
        self, parent: Parent, timestamp: int, withdrawals: Sequence[Withdrawal], transactions: Sequence[bytes] | None
    ) -> Payload:
        """A payload on top of the head: of the pool when `transactions` is None, else of exactly these.

        One call that answers when the block is built, within `--miner.recommit`: the two calls of the Engine API for it
        leave no way to know when the builder is done. Raises `CallRefused` when the block cannot be built.
        """
        attributes = {
            "timestamp": hex(timestamp),
            "prevRandao": _hex(PREV_RANDAO),
            "suggestedFeeRecipient": _hex(FEE_RECIPIENT),
            "withdrawals": [each.to_engine() for each in withdrawals],
            "parentBeaconBlockRoot": _hex(PARENT_BEACON_ROOT),
        }
        chosen = None if transactions is None else [_hex(each) for each in transactions]
        answer = await self._patiently("testing_buildBlockV1", _hex(parent.hash), attributes, chosen, _hex(EXTRA_DATA))
        return Payload.from_engine(answer["executionPayload"], answer.get("executionRequests") or [])

    async def has_transactions(self) -> bool:
        """Whether the pool holds any that could be packed. Waits, as building does, while the pool is being tidied."""
        return int((await self._patiently("txpool_status"))["pending"], 16) > 0

    async def new_payload(self, payload: Payload) -> tuple[str, str]:
        """`engine_newPayloadV4`: (status, why). VALID and INVALID are answers; SYNCING and ACCEPTED are not."""
        document, requests = payload.to_engine()
        try:
            answer = await self._patiently("engine_newPayloadV4", document, [], _hex(PARENT_BEACON_ROOT), requests)
        except CallRefused as refusal:
            # The engine could not even read it as a payload: invalid parameters (-32602), or another fork's fields.
            return "INVALID", str(refusal)
        if answer["status"] == "VALID":
            self._remember(payload.hash, payload.parent_hash)
        return str(answer["status"]), str(answer.get("validationError") or "")

    async def set_floor_tip(self, tip: int) -> None:
        """What the pool takes and the builder packs from now on, in wei per gas."""
        await self._patiently("miner_setGasPrice", hex(tip))

    async def choose_head(self, block_hash: bytes) -> str:
        """`engine_forkchoiceUpdatedV3`: head, safe and finalized are one here; the status."""
        state = dict.fromkeys(("headBlockHash", "safeBlockHash", "finalizedBlockHash"), _hex(block_hash))
        answer = await self._patiently("engine_forkchoiceUpdatedV3", state, None)
        return str(answer["payloadStatus"]["status"])

    async def _patiently(self, method: str, *parameters: Any) -> Any:
        while True:
            try:
                return await self._socket.call(method, *parameters)
            except ExecutionUnavailable as error:
                await self._wait(str(error))

    async def _wait(self, reason: str) -> None:
        _log.warning("waiting for the execution engine", reason=reason)
        self._say_waiting(reason)
        await asyncio.sleep(RETRY)


async def forget_stateless(socket: Socket) -> bool:
    """Have an engine just started forget the blocks above its newest with a state; whether it has to start once more.

    After a crash geth goes back to a block whose state it has, and may keep the later ones in its canonical chain: none
    of them could be made the head again, `engine_forkchoiceUpdated` takes them for what was decided long before
    (-38006, too deep reorg). Consensus has them all, and gives them again. An engine that went back to block zero takes
    itself for one that never finished a snap sync, and executes nothing until it starts again. Call it while nobody
    moves the head. Raises `ExecutionUnavailable` or `CallRefused`.
    """
    head = parent_of(await socket.call("eth_getBlockByNumber", "latest", False))
    if await socket.call("eth_getBlockByNumber", hex(head.number + 1), False) is None:
        return False
    _log.warning("the engine lost states: what came after is executed again", height=head.number)
    await socket.call("debug_setHead", hex(head.number), within=_FORGOTTEN_WITHIN)
    return head.number == 0


def _is_deterministic(refusal: CallRefused) -> bool:
    """Whether every node sees this call fail alike: a revert, or another end the virtual machine gives a call."""
    return refusal.code == _REVERTED or any(reason in str(refusal) for reason in _ENDS)


def parent_of(block: Any) -> Parent:
    """A block of `eth_getBlockByNumber` as rules take it. Raises `ExecutionUnavailable` where there is none."""
    if not isinstance(block, dict):
        raise ExecutionUnavailable("the engine does not know its own head")
    return Parent(
        hash=bytes.fromhex(block["hash"][2:]),
        number=int(block["number"], 16),
        timestamp=int(block["timestamp"], 16),
        gas_limit=int(block["gasLimit"], 16),
    )


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
