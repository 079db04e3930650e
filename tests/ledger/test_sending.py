# SPDX-License-Identifier: Apache-2.0
"""One transaction signed for whatever answers JSON-RPC: what it says is the caller's, what it costs the endpoint's."""

from __future__ import annotations

from typing import Any

import pytest

from maillon.evidence.rlp import decode_list, to_integer
from maillon.ledger.port import Address
from maillon.ledger.sending import send
from maillon.ledger.signing import Account, sender_and_nonce

SENDER = Account(b"\x07" * 32)
THERE = Address(b"\x2a" * 20)


class Endpoint:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.answers: dict[str, Any] = {
            "eth_estimateGas": "0xc350",  # 50,000
            "eth_maxPriorityFeePerGas": "0x3b9aca00",
            "eth_gasPrice": "0x77359400",
            "eth_chainId": "0x7",
            "eth_getTransactionCount": "0x5",
            "eth_sendRawTransaction": "0x",
        } | answers

    async def __call__(self, method: str, *parameters: Any) -> Any:
        self.asked.append((method, parameters))
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_what_is_signed_is_the_callers_and_what_it_costs_the_endpoints() -> None:
    endpoint = Endpoint()
    signed = await send(endpoint, SENDER, THERE, b"\x01\x02", value=9)
    assert sender_and_nonce(signed.raw) == (SENDER.address, 5)
    chain_id, nonce, tip, fee, gas, to, value, data, access, *_ = decode_list(signed.raw[1:], "a transaction")
    numbers = [to_integer(field, "a field") for field in (chain_id, nonce, tip, fee, gas, value)]
    assert numbers == [7, 5, 10**9, 5 * 10**9, 60_000, 9]
    assert (to, data, access) == (THERE, b"\x01\x02", [])
    sender = "0x" + SENDER.address.hex()
    wanted = {"from": sender, "to": "0x" + THERE.hex(), "value": "0x9", "data": "0x0102"}
    assert ("eth_estimateGas", (wanted,)) in endpoint.asked
    assert ("eth_getTransactionCount", (sender, "pending")) in endpoint.asked
    assert endpoint.asked[-1] == ("eth_sendRawTransaction", ("0x" + signed.raw.hex(),))


@pytest.mark.parametrize("method", ["eth_estimateGas", "eth_chainId", "eth_getTransactionCount"])
async def test_what_the_endpoint_refuses_is_not_sent(method: str) -> None:
    endpoint = Endpoint(**{method: LookupError("governance: the vote is not open")})
    with pytest.raises(LookupError, match="not open"):
        await send(endpoint, SENDER, THERE)
    assert not [asked for asked, _ in endpoint.asked if asked == "eth_sendRawTransaction"]
