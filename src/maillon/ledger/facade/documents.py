# SPDX-License-Identifier: Apache-2.0
"""The chain's nouns as Ethereum JSON-RPC writes them (execution-apis schemas; fields and order as geth has them)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from maillon.ledger.embedded.model import ACCESS_LIST, DYNAMIC_FEE, AccessList, Block, Log, Receipt, Transaction
from maillon.ledger.header import header_to_json


def to_hex(value: bytes) -> str:
    """Bytes with 0x."""
    return "0x" + value.hex()


def header(block: Block) -> dict[str, Any]:
    """The header alone: what newHeads sends."""
    return {"hash": to_hex(block.hash), **header_to_json(block.header)}


def block(sealed: Block, full: Sequence[Transaction] | None) -> dict[str, Any]:
    """A block, its transactions as hashes or, when given, in full."""
    document = header(sealed)
    document["size"] = hex(sealed.size)
    document["uncles"] = []
    document["withdrawals"] = []
    document["transactions"] = (
        [to_hex(transaction) for transaction in sealed.transactions]
        if full is None
        else [transaction(each, sealed, position) for position, each in enumerate(full)]
    )
    return document


def access_list(entries: AccessList) -> list[dict[str, Any]]:
    """EIP-2930 entries."""
    return [
        {"address": to_hex(address), "storageKeys": [f"0x{slot:064x}" for slot in slots]} for address, slots in entries
    ]


def transaction(signed: Transaction, sealed: Block | None, position: int | None) -> dict[str, Any]:
    """A transaction, with its place when it has one."""
    price = signed.max_fee_per_gas if sealed is None else signed.effective_gas_price(sealed.base_fee)
    document: dict[str, Any] = {
        "blockHash": None if sealed is None else to_hex(sealed.hash),
        "blockNumber": None if sealed is None else hex(sealed.number),
        "blockTimestamp": None if sealed is None else hex(sealed.timestamp),
        "from": to_hex(signed.sender),
        "gas": hex(signed.gas),
        "gasPrice": hex(price),
        "hash": to_hex(signed.hash),
        "input": to_hex(signed.data),
        "nonce": hex(signed.nonce),
        "to": to_hex(signed.to) if signed.to else None,
        "transactionIndex": None if position is None else hex(position),
        "value": hex(signed.value),
        "type": hex(signed.type_id),
        "chainId": hex(signed.chain_id),
        "v": hex(signed.v),
        "r": hex(signed.r),
        "s": hex(signed.s),
    }
    if signed.type_id >= ACCESS_LIST:
        document["accessList"] = access_list(signed.access_list)
        document["yParity"] = hex(signed.y_parity)
    if signed.type_id >= DYNAMIC_FEE:
        document["maxFeePerGas"] = hex(signed.max_fee_per_gas)
        document["maxPriorityFeePerGas"] = hex(signed.max_priority_fee_per_gas)
    return document


def log(entry: Log) -> dict[str, Any]:
    """A log with its place; never removed, because no block ever is."""
    return {
        "address": to_hex(entry.address),
        "topics": [to_hex(topic) for topic in entry.topics],
        "data": to_hex(entry.data),
        "blockNumber": hex(entry.number),
        "transactionHash": to_hex(entry.transaction),
        "transactionIndex": hex(entry.transaction_position),
        "blockHash": to_hex(entry.block_hash),
        "blockTimestamp": hex(entry.timestamp),
        "logIndex": hex(entry.position),
        "removed": False,
    }


def receipt(outcome: Receipt) -> dict[str, Any]:
    """What became of a transaction."""
    return {
        "blockHash": to_hex(outcome.block_hash),
        "blockNumber": hex(outcome.number),
        "contractAddress": None if outcome.contract is None else to_hex(outcome.contract),
        "cumulativeGasUsed": hex(outcome.cumulative_gas_used),
        "effectiveGasPrice": hex(outcome.effective_gas_price),
        "from": to_hex(outcome.sender),
        "gasUsed": hex(outcome.gas_used),
        "logs": [log(entry) for entry in outcome.logs],
        "logsBloom": to_hex(outcome.logs_bloom),
        "status": "0x1" if outcome.succeeded else "0x0",
        "to": to_hex(outcome.to) if outcome.to else None,
        "transactionHash": to_hex(outcome.transaction),
        "transactionIndex": hex(outcome.position),
        "type": hex(outcome.type_id),
    }
