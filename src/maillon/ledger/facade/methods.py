# SPDX-License-Identifier: Apache-2.0
"""The methods served, each a plain function of the chain and its arguments; docs/formats/json-rpc.md is their page.

What is not in the table does not exist: nothing here signs, mines, administers or holds an account.
A method that waits for the disk returns a `Future`; the dispatcher awaits it.
"""

# ruff: noqa: ARG001, ARG005 - every method of the table has the same two parameters

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import maillon
from maillon.evidence.hashing import keccak256
from maillon.ledger.embedded.model import AccessList, Block, CallResult, Transaction
from maillon.ledger.errors import InsufficientFunds, NotFound
from maillon.ledger.facade import documents, reading
from maillon.ledger.facade.chain import ServedChain
from maillon.ledger.facade.faults import (
    EXECUTION_REVERTED,
    INVALID_PARAMS,
    LIMIT_EXCEEDED,
    SERVER_ERROR,
    Fault,
    bad_argument,
)
from maillon.ledger.facade.fees import MAXIMUM_PERCENTILES, Fees
from maillon.ledger.facade.filters import Filters, search
from maillon.ledger.facade.limits import Limits
from maillon.ledger.facade.reading import Arguments, BlockChoice
from maillon.ledger.reverts import reverted

PRECOMPILES: Final = frozenset(number.to_bytes(20, "big") for number in range(1, 0x12))


class Served:
    """What the methods work with."""

    def __init__(self, chain: ServedChain, limits: Limits) -> None:
        self.chain = chain
        self.limits = limits
        self.fees = Fees(chain)
        self.filters = Filters(chain, limits)

    def block(self, choice: BlockChoice) -> Block | None:
        """The block chosen. Every block is final, and what waits is no block: `pending` is the newest one."""
        if choice.which in ("latest", "pending", "finalized", "safe"):
            return self.chain.head()
        if choice.which == "earliest":
            return self.chain.block(0)
        return self.chain.block(choice.which)

    def state(self, index: int, value: object) -> int | None:
        """The height whose state was asked for, None for the newest; raises `Fault` when there is no such block."""
        choice = reading.block_choice(index, value)
        if choice.which in ("latest", "pending", "finalized", "safe"):
            return None
        block = self.block(choice)
        if block is None:
            raise Fault(SERVER_ERROR, "header not found")
        return block.number


@dataclass(frozen=True, slots=True)
class Method:
    """One method: how many arguments, what it does, and where: on the loop when `cheap`, else in one of three pools."""

    run: Callable[[Served, Arguments], Any]
    required: int = 0
    maximum: int = 0
    cheap: bool = False
    is_send: bool = False
    executes: bool = False


def _block_by(served: Served, choice: BlockChoice, full: bool) -> dict[str, Any] | None:
    block = served.block(choice)
    if block is None:
        return None
    return documents.block(block, served.chain.transactions(block.number) if full else None)


def _block_by_number(served: Served, a: Arguments) -> Any:
    return _block_by(served, reading.block_choice(0, a[0]), reading.flag(1, a[1]))


def _block_by_hash(served: Served, a: Arguments) -> Any:
    return _block_by(served, BlockChoice(reading.hash_(0, a[0])), reading.flag(1, a[1]))


def _count_by_number(served: Served, a: Arguments) -> Any:
    block = served.block(reading.block_choice(0, a[0]))
    return None if block is None else hex(len(block.transactions))


def _count_by_hash(served: Served, a: Arguments) -> Any:
    block = served.block(BlockChoice(reading.hash_(0, a[0])))
    return None if block is None else hex(len(block.transactions))


def _no_uncles(served: Served, a: Arguments) -> Any:
    return None if served.block(reading.block_choice(0, a[0])) is None else "0x0"


def _receipts(served: Served, a: Arguments) -> Any:
    block = served.block(reading.block_choice(0, a[0]))
    return None if block is None else [documents.receipt(each) for each in served.chain.receipts(block.number)]


def _transaction(served: Served, a: Arguments) -> Any:
    found = served.chain.transaction(reading.hash_(0, a[0]))
    return None if found is None else documents.transaction(found.transaction, found.block, found.position)


def _raw_transaction(served: Served, a: Arguments) -> Any:
    found = served.chain.transaction(reading.hash_(0, a[0]))
    return None if found is None else documents.to_hex(found.transaction.raw)


def _transaction_at(served: Served, block: Block | None, position: int) -> Any:
    if block is None or position >= len(block.transactions):
        return None
    return documents.transaction(served.chain.transactions(block.number)[position], block, position)


def _transaction_by_number(served: Served, a: Arguments) -> Any:
    return _transaction_at(served, served.block(reading.block_choice(0, a[0])), reading.quantity(1, a[1]))


def _transaction_by_hash(served: Served, a: Arguments) -> Any:
    return _transaction_at(served, served.block(BlockChoice(reading.hash_(0, a[0]))), reading.quantity(1, a[1]))


def _receipt(served: Served, a: Arguments) -> Any:
    found = served.chain.receipt(reading.hash_(0, a[0]))
    return None if found is None else documents.receipt(found)


def _send_raw(served: Served, a: Arguments) -> Any:
    pending = served.chain.offer(reading.data(0, a[0]))
    answer: Future[str] = Future()

    def settle(done: Future[Any]) -> None:
        error = done.exception()
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(documents.to_hex(done.result()))

    pending.add_done_callback(settle)
    return answer


def _balance(served: Served, a: Arguments) -> Any:
    return hex(served.chain.balance(reading.address(0, a[0]), served.state(1, a[1])))


def _nonce(served: Served, a: Arguments) -> Any:
    address = reading.address(0, a[0])
    if a[1] == "pending":
        return hex(served.chain.pending_nonce(address))
    return hex(served.chain.nonce(address, served.state(1, a[1])))


def _code(served: Served, a: Arguments) -> Any:
    return documents.to_hex(served.chain.code(reading.address(0, a[0]), served.state(1, a[1])))


def _storage(served: Served, a: Arguments) -> Any:
    value = served.chain.storage(reading.address(0, a[0]), reading.slot(a[1]), served.state(2, a[2]))
    return f"0x{value:064x}"


def _no_overrides(a: Arguments, first: int) -> None:
    """State and block overrides are an extension of geth's we do not have: silence would give a wrong answer."""
    if any(a[index] for index in range(first, len(a.values))):
        raise Fault(INVALID_PARAMS, "state and block overrides are not available")


def _execute(served: Served, a: Arguments) -> CallResult:
    _no_overrides(a, 2)
    height = served.state(1, a[1])
    request = reading.call_request(0, a[0], served.limits.call_gas)
    if request.value and request.value > served.chain.balance(request.sender, height):
        raise InsufficientFunds(
            f"insufficient funds for gas * price + value: address {documents.to_hex(request.sender)} "
            f"have {served.chain.balance(request.sender, height)} want {request.value}"
        )
    return served.chain.call(request, height, served.limits.call_time)


def _call(served: Served, a: Arguments) -> Any:
    result = _execute(served, a)
    if result.reverted:
        raise Fault(EXECUTION_REVERTED, str(reverted(result.output)), documents.to_hex(result.output))
    if result.error is not None:
        raise Fault(SERVER_ERROR, result.error)
    return documents.to_hex(result.output)


def _estimate(served: Served, a: Arguments) -> Any:
    _no_overrides(a, 2)
    height = served.state(1, a[1])
    cap = served.limits.estimate_gas or served.chain.head().gas_limit
    return hex(served.chain.estimate_gas(reading.call_request(0, a[0], cap), height, served.limits.call_time))


def _access_list(served: Served, a: Arguments) -> Any:
    height = served.state(1, a[1])
    request = reading.call_request(0, a[0], served.limits.call_gas)
    result = served.chain.call(request, height, served.limits.call_time)
    # An address that is warm anyway, and without slots, would only cost gas (EIP-2930, EIP-3651).
    warm = {bytes(request.sender), bytes(request.to or b"")} | PRECOMPILES
    entries: AccessList = tuple(
        (address, tuple(sorted(slots))) for address, slots in result.accessed if slots or bytes(address) not in warm
    )
    answer: dict[str, Any] = {"accessList": documents.access_list(entries)}
    if result.error is not None:
        answer["error"] = str(reverted(result.output)) if result.reverted else result.error
    answer["gasUsed"] = hex(result.gas_used)
    return answer


def _proof(served: Served, a: Arguments) -> Any:
    slots = a[1]
    if not isinstance(slots, list):
        raise bad_argument(1, "non-array", "[]string")
    if len(slots) > served.limits.proof_slots:
        raise Fault(INVALID_PARAMS, f"too many storage keys: at most {served.limits.proof_slots}")
    return served.chain.proof(reading.address(0, a[0]), [reading.slot(each) for each in slots], served.state(2, a[2]))


def _logs(served: Served, a: Arguments) -> Any:
    return [documents.log(entry) for entry in search(served.chain, reading.log_criteria(0, a[0]), served.limits)]


def _history(served: Served, a: Arguments) -> Any:
    count = a[0] if isinstance(a[0], int) and not isinstance(a[0], bool) else reading.quantity(0, a[0])
    if count < 0:
        raise bad_argument(0, "a negative number", "math.HexOrDecimal64")
    newest = served.block(reading.block_choice(1, a[1]))
    if newest is None:
        raise Fault(SERVER_ERROR, f"request beyond head block: requested {a[1]}, head {served.chain.head().number}")
    given = a[2] or []
    if not isinstance(given, list) or len(given) > MAXIMUM_PERCENTILES:
        raise Fault(SERVER_ERROR, f"invalid reward percentile: over the query limit {MAXIMUM_PERCENTILES}")
    percentiles: list[float] = []
    for place, each in enumerate(given):
        if isinstance(each, bool) or not isinstance(each, int | float) or not 0 <= each <= 100:
            raise Fault(SERVER_ERROR, f"invalid reward percentile: {each}")
        if place and each < percentiles[-1]:
            raise Fault(SERVER_ERROR, f"invalid reward percentile: #{place - 1}:{percentiles[-1]} >= #{place}:{each}")
        percentiles.append(float(each))
    return served.fees.history(count, newest, percentiles)


def _identifier(a: Arguments) -> str:
    if not isinstance(a[0], str) or len(a[0]) > 66:
        raise bad_argument(0, "non-string", "rpc.ID")
    return a[0]


def _hashed(served: Served, a: Arguments) -> Any:
    return documents.to_hex(keccak256(reading.data(0, a[0])))


def _pool_transactions(group: dict[Any, tuple[Transaction, ...]]) -> dict[str, Any]:
    return {
        documents.to_hex(sender): {str(each.nonce): documents.transaction(each, None, None) for each in waiting}
        for sender, waiting in group.items()
    }


def _pool_content(served: Served, a: Arguments) -> Any:
    content = served.chain.pool_content()
    if sum(map(len, content.pending.values())) + sum(map(len, content.queued.values())) > served.limits.logs:
        raise Fault(LIMIT_EXCEEDED, f"more than {served.limits.logs} transactions wait: ask txpool_status")
    return {"pending": _pool_transactions(content.pending), "queued": _pool_transactions(content.queued)}


def _pool_status(served: Served, a: Arguments) -> Any:
    content = served.chain.pool_content()
    return {
        "pending": hex(sum(map(len, content.pending.values()))),
        "queued": hex(sum(map(len, content.queued.values()))),
    }


def _height(a: Arguments) -> int:
    return a[0] if isinstance(a[0], int) and not isinstance(a[0], bool) else reading.quantity(0, a[0])


def _commit(served: Served, a: Arguments) -> Any:
    try:
        record = served.chain.consensus(_height(a))
    except NotFound as error:
        raise Fault(SERVER_ERROR, "height must be less than or equal to the current blockchain height") from error
    return {"signed_header": {"header": record.header, "commit": record.commit}, "canonical": True}


def _validators(served: Served, a: Arguments) -> Any:
    try:
        record = served.chain.consensus(_height(a))
    except NotFound as error:
        raise Fault(SERVER_ERROR, "height must be less than or equal to the current blockchain height") from error
    count = str(len(record.validators))
    return {
        "block_height": record.header["height"],
        "validators": record.validators,
        "count": count,
        "total": count,
    }


VERSION: Final = f"Maillon/v{maillon.__version__}/embedded"
"""What `web3_clientVersion` says: name, version, and what makes the blocks."""

METHODS: Final[dict[str, Method]] = {
    "web3_clientVersion": Method(lambda s, a: VERSION, cheap=True),
    "web3_sha3": Method(_hashed, 1, 1),
    "net_version": Method(lambda s, a: str(s.chain.chain_id), cheap=True),
    "net_listening": Method(lambda s, a: True, cheap=True),
    "net_peerCount": Method(lambda s, a: "0x0", cheap=True),
    "eth_chainId": Method(lambda s, a: hex(s.chain.chain_id), cheap=True),
    "eth_syncing": Method(lambda s, a: False, cheap=True),
    "eth_accounts": Method(lambda s, a: [], cheap=True),
    "eth_blockNumber": Method(lambda s, a: hex(s.chain.head().number), cheap=True),
    "eth_gasPrice": Method(lambda s, a: hex(s.fees.gas_price()), cheap=True),
    "eth_maxPriorityFeePerGas": Method(lambda s, a: hex(s.fees.tip()), cheap=True),
    "eth_blobBaseFee": Method(lambda s, a: "0x1", cheap=True),
    "eth_feeHistory": Method(_history, 2, 3),
    "eth_getBlockByNumber": Method(_block_by_number, 2, 2),
    "eth_getBlockByHash": Method(_block_by_hash, 2, 2),
    "eth_getBlockTransactionCountByNumber": Method(_count_by_number, 1, 1),
    "eth_getBlockTransactionCountByHash": Method(_count_by_hash, 1, 1),
    "eth_getUncleCountByBlockNumber": Method(_no_uncles, 1, 1),
    "eth_getUncleCountByBlockHash": Method(_no_uncles, 1, 1),
    "eth_getBlockReceipts": Method(_receipts, 1, 1),
    "eth_getTransactionByHash": Method(_transaction, 1, 1),
    "eth_getRawTransactionByHash": Method(_raw_transaction, 1, 1),
    "eth_getTransactionByBlockNumberAndIndex": Method(_transaction_by_number, 2, 2),
    "eth_getTransactionByBlockHashAndIndex": Method(_transaction_by_hash, 2, 2),
    "eth_getTransactionReceipt": Method(_receipt, 1, 1),
    "eth_sendRawTransaction": Method(_send_raw, 1, 1, is_send=True),
    "eth_getBalance": Method(_balance, 1, 2),
    "eth_getTransactionCount": Method(_nonce, 1, 2),
    "eth_getCode": Method(_code, 1, 2),
    "eth_getStorageAt": Method(_storage, 2, 3),
    "eth_call": Method(_call, 1, 4, executes=True),
    "eth_estimateGas": Method(_estimate, 1, 4, executes=True),
    "eth_createAccessList": Method(_access_list, 1, 2, executes=True),
    "eth_getProof": Method(_proof, 2, 3),
    "eth_getLogs": Method(_logs, 1, 1),
    "eth_newFilter": Method(lambda s, a: s.filters.add_logs(reading.log_criteria(0, a[0])), 1, 1),
    "eth_newBlockFilter": Method(lambda s, a: s.filters.add_blocks()),
    "eth_newPendingTransactionFilter": Method(lambda s, a: s.filters.add_pending(), 0, 1),
    "eth_getFilterChanges": Method(lambda s, a: s.filters.changes(_identifier(a)), 1, 1),
    "eth_getFilterLogs": Method(lambda s, a: s.filters.logs(_identifier(a)), 1, 1),
    "eth_uninstallFilter": Method(lambda s, a: s.filters.remove(_identifier(a)), 1, 1),
    "txpool_content": Method(_pool_content),
    "txpool_status": Method(_pool_status),
    "maillon_commit": Method(_commit, 1, 1),
    "maillon_validators": Method(_validators, 1, 1),
}
