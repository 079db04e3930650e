# SPDX-License-Identifier: Apache-2.0
"""Signing one transaction for whatever answers Ethereum JSON-RPC, as any wallet does: for senders outside the port.

The port's `send` keeps nonces for many parallel senders and offers again what may be lost. Here nothing is kept: one
account sends one thing at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from maillon.ledger.port import Address, Signer
from maillon.ledger.signing import DynamicFeeTransaction, SignedTransaction

Ask = Callable[..., Awaitable[Any]]
"""A method and its parameters; the result. Raises whatever its owner raises for a refusal and for silence."""


def hexadecimal(data: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + data.hex()


async def send(ask: Ask, signer: Signer, to: Address, data: bytes = b"", value: int = 0) -> SignedTransaction:
    """Sign a call or a transfer with what the endpoint says of gas, fees and nonce, and send it. Raises as `ask` does.

    What would fail now is refused by the estimate, with its reason, and costs nothing. A wrong answer of the endpoint
    can make the transaction fail; receiver, data and value are the caller's.
    """
    sender = hexadecimal(signer.address)
    wanted = {"from": sender, "to": hexadecimal(to), "value": hex(value), "data": hexadecimal(data)}
    gas, tip, price, chain_id, nonce = (
        int(answer, 16)
        for answer in await asyncio.gather(
            ask("eth_estimateGas", wanted),
            ask("eth_maxPriorityFeePerGas"),
            ask("eth_gasPrice"),
            ask("eth_chainId"),
            ask("eth_getTransactionCount", sender, "pending"),
        )
    )
    signed = DynamicFeeTransaction(
        chain_id=chain_id,
        nonce=nonce,
        tip=tip,
        # Twice the price outlasts five full blocks; what is not needed is not taken.
        fee=2 * price + tip,
        # A fifth more than now: the state moves between this answer and the block.
        gas=gas + gas // 5,
        to=to,
        value=value,
        data=data,
    ).sign(signer)
    await ask("eth_sendRawTransaction", hexadecimal(signed.raw))
    return signed
