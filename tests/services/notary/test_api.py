# SPDX-License-Identifier: Apache-2.0
"""The notary's routes: what is answered, and what is refused and how."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from maillon.evidence.checkpoint import Checkpoint
from maillon.evidence.entry import Entry
from maillon.evidence.merkle import inclusion_proof, leaf_hash, verify_inclusion
from maillon.evidence.note import Note, NoteSigner, NoteVerifier
from maillon.evidence.tiles import WIDTH, TileReader, tile_path
from maillon.services.notary import NotaryService


def commitment() -> str:
    return os.urandom(32).hex()


async def test_the_routes_are_served_without_dependency_injection(http: httpx.AsyncClient) -> None:
    transport: Any = http._transport
    scopes: list[Scope] = []
    app: FastAPI = transport.app

    @app.get("/injected")
    async def injected() -> dict[str, str]:
        return {}

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await app(scope, receive, send)

    transport.app = watched
    assert (await http.post("/v1/notary/entries", json={"commitment": commitment()})).status_code == 201
    assert (await http.get("/injected")).status_code == 200
    # What FastAPI leaves in a scope where it has injected what an endpoint asks for.
    assert ["fastapi_inner_astack" in scope for scope in scopes] == [False, True]


async def test_an_entry_becomes_a_receipt(http: httpx.AsyncClient, signer: NoteSigner) -> None:
    value = commitment()
    answer = await http.post("/v1/notary/entries", json={"commitment": value})
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"id": "0", "index": 0, "state": "pending", "receipt": "/v1/notary/entries/0/receipt"}
    assert answer.headers["location"] == "/v1/notary/entries/0"
    ready = await http.get("/v1/notary/entries/0/receipt?wait=10")
    assert ready.status_code == 200, ready.text
    half = ready.json()
    assert half["entry"] == {"kind": "commitment", "index": 0}
    note = Note.parse(half["checkpoint"])
    note.verify(NoteVerifier.parse(signer.verifier_key))
    checkpoint = Checkpoint.parse(note.text)
    leaf = leaf_hash(b"\x00" + bytes.fromhex(value))
    verify_inclusion(leaf, 0, checkpoint.size, [bytes.fromhex(h) for h in half["inclusion"]["proof"]], checkpoint.root)
    entry = (await http.get("/v1/notary/entries/0")).json()
    assert entry == {"id": "0", "index": 0, "state": "anchored", "commitment": value}


async def test_a_batch_is_in_order_and_its_proofs_come_from_the_tiles(http: httpx.AsyncClient) -> None:
    values = [commitment() for _ in range(700)]
    answer = await http.post("/v1/notary/batches", json={"commitments": values})
    assert (answer.status_code, answer.json()) == (201, {"first": 0, "count": 700})
    evidence = (await http.get("/v1/notary/evidence?index=699&wait=10")).json()
    assert evidence["size"] == 700
    checkpoint = Checkpoint.parse(Note.parse(evidence["checkpoint"]).text)
    tiles: dict[str, bytes] = {}
    for path in ("tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"):
        got = await http.get(f"/log/{path}")
        assert got.status_code == 200
        assert got.headers["cache-control"].endswith("immutable")
        tiles[path] = got.content
    reader = TileReader(700, tiles.__getitem__)
    for index in (0, 255, 256, 511, 512, 699):
        leaf = leaf_hash(b"\x00" + bytes.fromhex(values[index]))
        verify_inclusion(leaf, index, 700, inclusion_proof(index, 700, reader.node), checkpoint.root)
    bundle = await http.get("/log/tile/entries/002.p/188")
    assert bundle.content[:35] == (33).to_bytes(2, "big") + b"\x00" + bytes.fromhex(values[512])
    assert (await http.get("/log/checkpoint")).text == evidence["checkpoint"]


async def test_a_public_digest_is_found_by_anyone_and_a_commitment_is_not(http: httpx.AsyncClient) -> None:
    digest = hashlib.sha384(b"public").hexdigest()
    body = {"digest": {"algorithm": "sha2-384", "value": digest}}
    for _ in range(2):
        assert (await http.post("/v1/notary/entries", json=body)).status_code == 201
    expected = {"entries": [{"id": "0", "index": 0}, {"id": "1", "index": 1}]}
    query = {"digest": f"sha2-384:{digest}"}
    assert (await http.get("/v1/notary/entries", params=query)).json() == expected
    await http.get("/v1/notary/entries/1/receipt?wait=10")
    assert (await http.get("/v1/notary/entries", params=query)).json() == expected
    assert (await http.get("/v1/notary/entries/1")).json()["digest"] == body["digest"]
    unknown = await http.get("/v1/notary/entries", params={"digest": hashlib.sha256(b"other").hexdigest()})
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/unknown-entry")


async def test_what_is_read_is_known_again_until_it_changes(http: httpx.AsyncClient) -> None:
    digest = hashlib.sha256(b"public").hexdigest()
    asked = {"digest": {"algorithm": "sha2-256", "value": digest}}

    async def tag_of(path: str) -> str:
        first = await http.get(path)
        assert first.status_code == 200
        has = {"If-None-Match": first.headers["etag"]}
        again = await http.get(path, headers=has)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == first.headers["cache-control"]
        return str(has["If-None-Match"])

    changing = (f"/v1/notary/entries?digest={digest}", "/log/checkpoint")
    for first in (True, False):
        index = (await http.post("/v1/notary/entries", json=asked)).json()["index"]
        await http.get(f"/v1/notary/entries/{index}/receipt?wait=10")
        for path in (f"/v1/notary/entries/{index}", f"/v1/notary/entries/{index}/receipt"):
            await tag_of(path)
        await tag_of(f"/v1/notary/evidence?index={index}")
        if first:
            tags = [await tag_of(path) for path in changing]
    for path, tag in zip(changing, tags, strict=True):
        changed = await http.get(path, headers={"If-None-Match": tag})
        assert (changed.status_code, changed.headers["etag"] == tag) == (200, False)


@pytest.mark.parametrize("published", [False, True])
async def test_deduplicate_gives_the_place_it_has(http: httpx.AsyncClient, *, published: bool) -> None:
    value, other = commitment(), commitment()
    assert (await http.post("/v1/notary/entries", json={"commitment": value})).json()["index"] == 0
    if published:
        await http.get("/v1/notary/entries/0/receipt?wait=10")
    again = await http.post("/v1/notary/entries", json={"commitment": value, "deduplicate": True})
    assert (again.status_code, again.json()["index"]) == (200, 0)
    batch = await http.post("/v1/notary/batches", json={"commitments": [other, value, other], "deduplicate": True})
    assert (batch.status_code, batch.json()) == (201, {"first": 1, "count": 1, "indexes": [1, 0, 1]})
    twice = await http.post("/v1/notary/entries", json={"commitment": value})
    assert (twice.status_code, twice.json()["index"]) == (201, 2)


async def test_a_known_batch_costs_one_reading_of_each_tile(
    http: httpx.AsyncClient, service: NotaryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [commitment() for _ in range(3 * WIDTH + 7)]
    assert (await http.post("/v1/notary/batches", json={"commitments": values})).json()["first"] == 0
    await http.get(f"/v1/notary/entries/{len(values) - 1}/receipt?wait=10")
    read, paths = service.published.read, list[str]()

    def counted(path: str) -> bytes:
        paths.append(path)
        return read(path)

    monkeypatch.setattr(service.published, "read", counted)
    fresh = commitment()
    # Neither the order of the log nor its reverse: whatever the order, a tile is read once.
    order = [number for start in range(5) for number in range(start, len(values), 5)]
    asked = [*(values[number] for number in order), fresh]
    batch = await http.post("/v1/notary/batches", json={"commitments": asked, "deduplicate": True})
    expected = [*order, len(values)]
    assert (batch.status_code, batch.json()) == (201, {"first": len(values), "count": 1, "indexes": expected})
    searched = [path for path in paths if path.startswith("tile/0/")]
    assert sorted(searched) == sorted({tile_path(0, n, min(WIDTH, len(values) - n * WIDTH)) for n in range(4)})


@pytest.mark.parametrize("loss", ["gone", "cut"])
async def test_a_known_entry_is_found_without_its_tile(
    http: httpx.AsyncClient, service: NotaryService, loss: str
) -> None:
    value = commitment()
    await http.post("/v1/notary/entries", json={"commitment": value})
    await http.get("/v1/notary/entries/0/receipt?wait=10")
    tile = service.published.root / tile_path(0, 0, 1)
    if loss == "gone":
        tile.unlink()
    else:
        tile.write_bytes(tile.read_bytes()[:-1])
    again = await http.post("/v1/notary/entries", json={"commitment": value, "deduplicate": True})
    assert (again.status_code, again.json()["index"]) == (200, 0)


async def test_an_idempotency_key_gives_the_first_answer_again(http: httpx.AsyncClient) -> None:
    body = {"commitments": [commitment() for _ in range(3)]}
    headers = {"Idempotency-Key": "one-batch"}
    answers = await asyncio.gather(*(http.post("/v1/notary/batches", json=body, headers=headers) for _ in range(4)))
    assert [answer.json() for answer in answers] == [{"first": 0, "count": 3}] * 4
    assert (await http.post("/v1/notary/batches", json=body, headers=headers)).json() == {"first": 0, "count": 3}
    other = await http.post("/v1/notary/batches", json={"commitments": [commitment()]}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-conflict")
    assert (await http.post("/v1/notary/entries", json={"commitment": commitment()})).json()["index"] == 3


async def test_an_idempotency_key_of_one_entry_gives_the_first_answer_again(http: httpx.AsyncClient) -> None:
    body, headers = {"commitment": commitment()}, {"Idempotency-Key": "one-entry"}
    answers = await asyncio.gather(*(http.post("/v1/notary/entries", json=body, headers=headers) for _ in range(4)))
    assert {(answer.status_code, answer.json()["index"]) for answer in answers} == {(201, 0)}
    other = await http.post("/v1/notary/entries", json={"commitment": commitment()}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-conflict")
    assert (await http.post("/v1/notary/entries", json=body)).json()["index"] == 1


def _refusals() -> list[tuple[str, object, int, str]]:
    entries, batches = "/v1/notary/entries", "/v1/notary/batches"
    good = "00" * 32
    return [
        (entries, [], 400, "malformed-request"),
        (entries, {}, 400, "malformed-request"),
        (entries, {"commitment": good, "digest": {}}, 400, "malformed-request"),
        (entries, {"commitment": good, "extra": 1}, 400, "malformed-request"),
        (entries, {"commitment": good, "deduplicate": "yes"}, 400, "malformed-request"),
        (entries, {"commitment": 7}, 400, "malformed-request"),
        (entries, {"commitment": good[2:]}, 422, "invalid-digest"),
        (entries, {"commitment": "AB" * 32}, 422, "invalid-digest"),
        (entries, {"commitment": " " * 64}, 422, "invalid-digest"),
        (entries, {"commitment": "é" * 64}, 422, "invalid-digest"),
        (entries, {"digest": good}, 400, "malformed-request"),
        (entries, {"digest": {"algorithm": "md5", "value": good}}, 422, "unknown-algorithm"),
        (entries, {"digest": {"algorithm": "sha2-512", "value": good}}, 422, "invalid-digest"),
        (entries, {"digest": {"algorithm": ["sha2-256"], "value": good}}, 400, "malformed-request"),
        (batches, {"commitments": []}, 400, "malformed-request"),
        (batches, {"commitments": good}, 400, "malformed-request"),
        (batches, {"commitments": [good, None]}, 400, "malformed-request"),
        (batches, {"commitments": [good, good[1:]]}, 422, "invalid-digest"),
        (batches, {"commitments": [good] * 100_001}, 413, "batch-too-large"),
        (batches, {"digests": {"algorithm": "sha2-256", "values": [good[:-1] + "g"]}}, 422, "invalid-digest"),
    ]


@pytest.mark.parametrize(("path", "body", "status", "slug"), _refusals(), ids=lambda value: str(value)[:40])
async def test_what_is_refused_says_why_and_leaves_nothing(
    http: httpx.AsyncClient, path: str, body: object, status: int, slug: str
) -> None:
    answer = await http.post(path, json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["advice"]
    assert (await http.get("/v1/notary/entries/0")).status_code == 404


async def test_a_body_that_is_not_read(http: httpx.AsyncClient) -> None:
    json_type = {"content-type": "application/json"}
    for content, headers, status, slug in (
        (b"{", json_type, 400, "malformed-request"),
        (b"[" * 4000, json_type, 400, "malformed-request"),
        (b" " * 5000, json_type, 413, "body-too-large"),
        (b"{}", {"content-type": "text/plain"}, 415, "unsupported-media-type"),
        (b"{}", json_type | {"idempotency-key": "x" * 201}, 400, "invalid-idempotency-key"),
        (b"{}", json_type | {"idempotency-key": "a b"}, 400, "invalid-idempotency-key"),
    ):
        answer = await http.post("/v1/notary/entries", content=content, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")

    async def endless() -> object:
        for _ in range(100):
            yield b" " * 1000

    answer = await http.post("/v1/notary/entries", content=endless(), headers=json_type)
    assert answer.status_code == 413


async def test_who_has_no_key_may_read_and_not_write(http: httpx.AsyncClient) -> None:
    for key in ("", "Bearer mk_wrong", "Basic abc"):
        answer = await http.post(
            "/v1/notary/entries", json={"commitment": commitment()}, headers={"authorization": key}
        )
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")
    del http.headers["authorization"]
    assert (await http.get("/v1/notary/evidence?index=0")).status_code == 202


@pytest.mark.parametrize("name", ["x", "-1", "01", "99999999999999999999", "1e3", "%F0%9F%98%80"])
async def test_an_id_that_is_none(http: httpx.AsyncClient, name: str) -> None:
    for path in (f"/v1/notary/entries/{name}", f"/v1/notary/entries/{name}/receipt"):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown-entry")


@pytest.mark.parametrize("query", ["wait=31", "wait=-1", "wait=x", "wait=nan", "wait=inf"])
async def test_a_wait_that_is_none(http: httpx.AsyncClient, query: str) -> None:
    await http.post("/v1/notary/entries", json={"commitment": commitment()})
    answer = await http.get(f"/v1/notary/entries/0/receipt?{query}")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/x",
        "tile/99/000",
        "tile/0/%2e%2e%2f%2e%2e%2fcheckpoint",
        "tile/staging/1",
        "tile/0/000.p/0000",
        "tile/entries/0",
    ],
)
async def test_nothing_but_tiles_is_served(http: httpx.AsyncClient, path: str) -> None:
    await http.post("/v1/notary/entries", json={"commitment": commitment()})
    await http.get("/v1/notary/entries/0/receipt?wait=10")
    assert (await http.get(f"/log/{path}")).status_code == 404


async def test_stamps_over_http(http: httpx.AsyncClient, service: NotaryService) -> None:
    answer = await http.post("/tsa", content=b"no", headers={"content-type": "application/timestamp-query"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/timestamp-reply")
    assert (
        await http.post("/tsa", content=b"x" * 9000, headers={"content-type": "application/timestamp-query"})
    ).status_code == 413
    assert (await http.post("/tsa", content=b"no")).json()["type"] == "/problems/unsupported-media-type"
    assert (await http.get("/tsa/certificate")).content == service.authority.certificate


async def test_every_entry_is_in_the_audit_trail(http: httpx.AsyncClient, service: NotaryService) -> None:
    from maillon.kit import audit

    await asyncio.gather(*(http.post("/v1/notary/entries", json={"commitment": commitment()}) for _ in range(20)))
    with service.store.read() as connection:
        deeds = [deed for _, deed in audit.newest(connection)]
    assert {deed.tag for deed in deeds} == {"api:entry:appended"}
    (actor,) = {deed.actor for deed in deeds}
    assert actor.startswith("key:")
    assert "Ville" not in actor
    assert sum(int(deed.detail.rpartition(" ")[2]) for deed in deeds) == 20


async def test_the_routes_describe_themselves(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    assert "/v1/notary/batches" in document["paths"]
    assert "requestBody" in document["paths"]["/v1/notary/entries"]["post"]
    assert json.dumps(document)
    assert Entry.decode(b"\x00" + bytes(32)).payload == bytes(32)
