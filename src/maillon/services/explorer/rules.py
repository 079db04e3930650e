# SPDX-License-Identifier: Apache-2.0
"""How the chain's answers become what is shown: pure."""

from __future__ import annotations

import datetime
import re
from typing import Any

from maillon.ledger.genesis import ANCHORS, DIRECTORY
from maillon.services.explorer.errors import Unknown
from maillon.services.explorer.model import BlockSummary, BlockView, Pulse, TransactionSummary, TransactionView
from maillon.services.notary import LogStatus

CONTRACTS = {"0x" + ANCHORS.hex(): "Anchors", "0x" + DIRECTORY.hex(): "Directory"}
PAGE = 25
"""Blocks on one page of the list."""
PATIENCE = 15.0
"""Seconds entries may wait to be anchored before readers are told: ten times what it takes."""
_HASH = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)


def pulse(head: BlockSummary | None, log: LogStatus, halted: bool, waited: float) -> Pulse:
    """How it goes: `head` is None when the ledger did not answer, `waited` the seconds the oldest entry has waited."""
    if halted:
        return Pulse.HALTED
    if head is None:
        return Pulse.AWAY
    if log.failure or log.anchoring_failure or waited > PATIENCE:
        return Pulse.BEHIND
    if log.next_index > log.anchored_size:
        return Pulse.SEALING
    return Pulse.STARTING if head.number == 0 else Pulse.IDLE


def parse_block_name(text: str) -> int | str:
    """A number or a hash; raises `Unknown` for anything else."""
    if _NUMBER.fullmatch(text):
        return int(text)
    return parse_hash(text)


def parse_hash(text: str) -> str:
    """A 32-byte hash after 0x; raises `Unknown`."""
    if not _HASH.fullmatch(text):
        raise Unknown(f"{text[:80]!r} is neither a number nor a hash")
    return text


def _integer(document: dict[str, Any], name: str) -> int:
    return int(document[name], 16)


def summary(block: dict[str, Any]) -> BlockSummary:
    """From `eth_getBlockByNumber` with whole transactions."""
    return BlockSummary(
        number=_integer(block, "number"),
        hash=block["hash"],
        time=datetime.datetime.fromtimestamp(_integer(block, "timestamp"), datetime.UTC),
        transactions=len(block["transactions"]),
        gas_used=_integer(block, "gasUsed"),
        gas_limit=_integer(block, "gasLimit"),
        anchors=any(CONTRACTS.get(item["to"] or "") == "Anchors" for item in block["transactions"]),
    )


def transaction(item: dict[str, Any]) -> TransactionSummary:
    """From a transaction of a block."""
    return TransactionSummary(
        hash=item["hash"],
        block=_integer(item, "blockNumber"),
        sender=item["from"],
        recipient=item["to"],
        contract=CONTRACTS.get(item["to"] or ""),
        value=_integer(item, "value"),
    )


def block_view(block: dict[str, Any]) -> BlockView:
    """From `eth_getBlockBy…` with whole transactions."""
    return BlockView(
        summary=summary(block),
        parent=block["parentHash"],
        state_root=block["stateRoot"],
        base_fee=_integer(block, "baseFeePerGas"),
        transactions=tuple(transaction(item) for item in block["transactions"]),
    )


def transaction_view(item: dict[str, Any], receipt: dict[str, Any], block: dict[str, Any]) -> TransactionView:
    """From a transaction, its receipt and its block."""
    return TransactionView(
        summary=transaction(item),
        time=datetime.datetime.fromtimestamp(_integer(block, "timestamp"), datetime.UTC),
        succeeded=_integer(receipt, "status") == 1,
        gas_used=_integer(receipt, "gasUsed"),
        price=_integer(receipt, "effectiveGasPrice"),
        nonce=_integer(item, "nonce"),
        data=item["input"],
        created=receipt["contractAddress"],
        events=len(receipt["logs"]),
    )
