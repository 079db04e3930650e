# SPDX-License-Identifier: Apache-2.0
"""Writes that are sent again: done once, answered the same, and what is kept of them is sealed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI, Request
from starlette.responses import Response

from maillon.kit import idempotency, problems
from maillon.kit.clock import FixedClock
from maillon.kit.encryption import Encryption
from maillon.kit.idempotency import KEPT, Answer, Key, Once, SealedAnswers
from maillon.kit.page import Renderer
from maillon.kit.store import Store

OLD, NEW = ("00000001", bytes(range(32))), ("00000002", bytes(32))
Post = Callable[..., Any]


@pytest.fixture
def answers() -> SealedAnswers:
    return SealedAnswers(Encryption([OLD], bytes(32)))


@pytest.fixture
async def http(store: Store, clock: FixedClock, answers: SealedAnswers) -> AsyncIterator[httpx.AsyncClient]:
    """A route that makes a secret of each call, and counts them."""
    app, once, made = FastAPI(), Once(store, clock, answers), [0]
    problems.install(app, present=Renderer().problem)

    @app.post("/secrets/{name}")
    async def make(request: Request, name: str, key: Key = None) -> Response:
        async def work() -> tuple[int, Any]:
            made[0] += 1
            await asyncio.sleep(0)
            return 201, {"id": name, "secret": f"teapot-{made[0]}"}

        return await once.answer(request, key, request.headers["x-subject"], work)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as client:
        client.headers["x-subject"] = "key:1"
        yield client


async def test_the_same_again_is_done_once(http: httpx.AsyncClient) -> None:
    first, again = [await http.post("/secrets/a", content=b"x", headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json() == {"id": "a", "secret": "teapot-1"}
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"


async def test_two_at_once_take_turns(http: httpx.AsyncClient) -> None:
    sent = (http.post("/secrets/a", headers={"Idempotency-Key": "k"}) for _ in range(8))
    assert {answer.json()["secret"] for answer in await asyncio.gather(*sent)} == {"teapot-1"}


async def test_without_a_key_each_is_another_and_nothing_is_kept(http: httpx.AsyncClient, store: Store) -> None:
    assert [(await http.post("/secrets/a")).json()["secret"] for _ in range(2)] == ["teapot-1", "teapot-2"]
    with store.read() as connection:
        assert connection.execute(sa.select(idempotency.table)).all() == []


@pytest.mark.parametrize(("path", "content"), [("/secrets/a", b"y"), ("/secrets/b", b"x"), ("/secrets/a?more=1", b"x")])
async def test_a_key_is_for_one_request(http: httpx.AsyncClient, path: str, content: bytes) -> None:
    headers = {"Idempotency-Key": "k"}
    await http.post("/secrets/a", content=b"x", headers=headers)
    refused = await http.post(path, content=content, headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/idempotency-conflict")
    # Another subject has keys of its own, and is told nothing.
    other = await http.post("/secrets/a", content=b"x", headers=headers | {"x-subject": "key:2"})
    assert other.json()["secret"] == "teapot-2"


@pytest.mark.parametrize("key", ["", " ", "é", "a" * 201])
async def test_what_is_no_key_is_refused(http: httpx.AsyncClient, key: str) -> None:
    assert (await http.post("/secrets/a", headers={"Idempotency-Key": key.encode()})).status_code == 422


async def test_what_is_kept_is_sealed_sealed_again_and_forgotten(
    http: httpx.AsyncClient, store: Store, clock: FixedClock, answers: SealedAnswers
) -> None:
    for name in ("a", "b"):
        await http.post(f"/secrets/{name}", headers={"Idempotency-Key": name})
    with store.transaction() as connection:
        rows = connection.execute(sa.select(idempotency.table)).all()
        assert len(rows) == 2
        assert not any(b"teapot" in bytes(row.answer) for row in rows)
        newer = SealedAnswers(Encryption([NEW, OLD], bytes(32)))
        assert (newer.encrypt_again(connection), newer.encrypt_again(connection)) == (2, 0)
        newest = SealedAnswers(Encryption([NEW], bytes(32)))
        asked = idempotency.fingerprint("POST", "/secrets/b", b"")
        assert newest.find(connection, "key:1", "b", asked) == Answer(201, b'{"id":"b","secret":"teapot-2"}')
        newest.forget_of(connection, "a")
        assert len(connection.execute(sa.select(idempotency.table)).all()) == 1
        now = int(clock.now().timestamp())
        assert idempotency.forget(connection, now + KEPT) == 0
        assert idempotency.forget(connection, now + KEPT + 1) == 1
