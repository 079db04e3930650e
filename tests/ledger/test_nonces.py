# SPDX-License-Identifier: Apache-2.0
"""Nonces: one each for parallel senders, none lost, and the chain as the only memory."""

from __future__ import annotations

import asyncio

import pytest

from maillon.ledger import nonces as module
from maillon.ledger.errors import PoolFull, Unavailable
from maillon.ledger.nonces import Nonces
from maillon.ledger.port import Address

ME = Address(b"\x01" * 20)


class Chain:
    """Counts, and says how often it was asked."""

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self.asked = 0

    async def __call__(self, _address: Address) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        return self.count


async def test_parallel_senders_get_one_each_and_the_chain_is_asked_once() -> None:
    chain = Chain(5)
    nonces = Nonces(chain, chain)
    assert sorted(await asyncio.gather(*(nonces.reserve(ME) for _ in range(50)))) == list(range(5, 55))
    assert chain.asked == 1


async def test_the_last_nonce_given_back_leaves_no_gap() -> None:
    nonces = Nonces(Chain(5), Chain(5))
    assert [await nonces.reserve(ME), await nonces.reserve(ME)] == [5, 6]
    assert nonces.released(ME, 6) is False
    assert nonces.released(ME, 5) is False
    assert await nonces.reserve(ME) == 5


async def test_a_nonce_in_the_middle_is_a_gap_and_the_next_one_taken() -> None:
    nonces = Nonces(Chain(0), Chain(0))
    for nonce in range(4):
        assert await nonces.reserve(ME) == nonce
    assert nonces.released(ME, 1) is True
    assert nonces.released(ME, 2) is True
    assert nonces.released(ME, 3) is False
    assert [await nonces.reserve(ME) for _ in range(3)] == [1, 2, 3]


async def test_another_senders_nonce_is_passed_over() -> None:
    chain = Chain(0)
    nonces = Nonces(chain, chain)
    first = await nonces.reserve(ME)
    chain.count = 3
    await nonces.taken(ME, first)
    assert await nonces.reserve(ME) == 3
    # Also when the chain counts a moment behind what it just refused.
    await nonces.taken(ME, 3)
    assert await nonces.reserve(ME) == 4


async def test_after_a_restart_the_chain_says_where_to_go_on() -> None:
    chain = Chain(0)
    former = Nonces(chain, chain)
    nonce = await former.reserve(ME)
    former.sent(ME, nonce, b"signed")
    await former.reserve(ME)  # reserved and never sent: without a trace
    chain.count = 1
    assert await Nonces(chain, chain).reserve(ME) == 1


async def test_what_was_signed_is_kept_until_it_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    pending, final = Chain(0), Chain(0)
    nonces = Nonces(pending, final)
    assert await nonces.unsettled(ME) == {}
    for raw in (b"a", b"b", b"c"):
        nonces.sent(ME, await nonces.reserve(ME), raw)
    assert await nonces.unsettled(ME) == {}  # nothing is in doubt: nobody is asked
    assert final.asked == 0
    monkeypatch.setattr(module, "RECHECK", 0)
    pending.count = 3
    assert await nonces.unsettled(ME) == {}  # the node holds all of them
    pending.count = final.count = 1
    assert await nonces.unsettled(ME) == {1: b"b", 2: b"c"}  # it lost its pool


async def test_what_may_not_have_arrived_is_asked_about_at_once() -> None:
    nonces = Nonces(Chain(0), Chain(0))
    nonces.sent(ME, await nonces.reserve(ME), b"a", certain=False)
    assert await nonces.unsettled(ME) == {0: b"a"}


async def test_too_many_unsettled_are_refused_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_UNSETTLED", 2)
    chain = Chain(0)
    nonces = Nonces(chain, chain)
    for raw in (b"a", b"b"):
        nonces.sent(ME, await nonces.reserve(ME), raw)
    with pytest.raises(PoolFull):
        await nonces.reserve(ME)
    chain.count = 2
    assert await nonces.reserve(ME) == 2


async def test_a_chain_that_cannot_be_asked_reserves_nothing() -> None:
    async def silent(address: Address) -> int:
        raise Unavailable("no")

    with pytest.raises(Unavailable):
        await Nonces(silent, silent).reserve(ME)
