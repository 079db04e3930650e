# SPDX-License-Identifier: Apache-2.0
"""The API as its own description says it is: valid, complete, and holding against requests made from it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from running_platform import Running


@pytest.fixture(scope="session")
def description(platform: Running) -> dict[str, Any]:
    answer = httpx.get(f"{platform.url}/v1/openapi.json")
    document: dict[str, Any] = answer.json()
    return document


def test_the_description_is_valid_openapi(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(description).validate()


def test_nothing_made_from_the_description_breaks_it(platform: Running, description: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(description)
    # Time-stamp queries are DER, which no schema describes: the bytes test below is theirs.
    operations = [operation for result in schema.get_all_operations() if (operation := result.ok()).path != "/tsa"]
    assert len(operations) >= 10
    with httpx.Client(base_url=platform.url, headers={"Authorization": f"Bearer {platform.key}"}, timeout=30) as client:
        for operation in operations:

            @settings(max_examples=25, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
            @given(case=operation.as_strategy())
            def holds(case: Any) -> None:
                # A wait would make the test slow and find nothing.
                query = {name: value for name, value in (case.query or {}).items() if name != "wait"}
                asked = case.as_transport_kwargs(base_url=platform.url)
                answer = client.request(
                    asked["method"],
                    asked["url"],
                    params=query,
                    json=asked.get("json"),
                    content=asked.get("data") if asked.get("json") is None else None,
                    headers={
                        name: value
                        for name, value in (asked.get("headers") or {}).items()
                        if name.lower() in ("content-type", "idempotency-key")
                    },
                )
                assert answer.status_code < 500, f"{case.method} {asked['url']}: {answer.text}"
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] == "application/problem+json"
                    problem = answer.json()
                    assert problem["type"].startswith("/problems/")
                    assert problem["advice"]

            holds()


@given(body=st.binary(max_size=2000))
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("path", ["/v1/notary/entries", "/v1/notary/batches", "/tsa", "/rpc"])
def test_no_bytes_break_a_door(platform: Running, path: str, body: bytes) -> None:
    kind = "application/timestamp-query" if path == "/tsa" else "application/json"
    headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": kind}
    assert httpx.post(f"{platform.url}{path}", content=body, headers=headers).status_code < 500


@pytest.mark.parametrize("path", ["/v1/applications", "/v1/notary/batches", "/rpc", "/en/log-in"])
@pytest.mark.parametrize("nested", ["[", '{"a":'], ids=["lists", "objects"])
def test_what_is_nested_without_end_ends_nothing(platform: Running, path: str, nested: str) -> None:
    body = (nested * 120_000).encode()
    answer = httpx.post(platform.url + path, content=body, headers={"Content-Type": "application/json"}, timeout=60)
    assert answer.status_code in ({200} if path == "/rpc" else {400, 401, 403, 413, 415, 422})
    assert httpx.get(f"{platform.url}/health/live").status_code == 200


def test_refusals_are_pages_for_readers_and_details_for_programs(platform: Running) -> None:
    details = httpx.get(f"{platform.url}/v1/notary/entries/999999")
    assert details.status_code == 404
    assert details.headers["content-type"] == "application/problem+json"
    page = httpx.get(f"{platform.url}{details.json()['type']}", headers={"Accept": "text/html"}, follow_redirects=True)
    assert page.status_code == 200
    lost = httpx.get(f"{platform.url}/fr/nowhere", headers={"Accept": "text/html"})
    assert lost.status_code == 404
    assert lost.headers["content-type"].startswith("text/html")


def test_the_audit_trail_tells_who_did_what_to_administrators_alone(platform: Running) -> None:
    headers = {"Authorization": f"Bearer {platform.key}"}
    index = httpx.post(f"{platform.url}/v1/notary/entries", json={"commitment": "cd" * 32}, headers=headers).json()
    deeds = httpx.get(f"{platform.url}/v1/audit", headers=headers).json()["deeds"]
    appended = [deed for deed in deeds if deed["tag"] == "api:entry:appended" or "appended" in deed["tag"]]
    assert appended
    assert appended[0]["actor"].startswith("key:")
    assert str(index["index"]) in json.dumps(deeds)
    assert httpx.get(f"{platform.url}/v1/audit").status_code == 401


def test_metrics_are_for_prometheus(platform: Running) -> None:
    answer = httpx.get(f"{platform.url}/metrics")
    assert "maillon_ledger_height" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
