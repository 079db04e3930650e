# SPDX-License-Identifier: Apache-2.0
"""Who calls: a stranger's header is a stranger's word, and a proxy of the operator's says whom it heard."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.requests import HTTPConnection

from maillon.kit import problems
from maillon.kit.callers import BehindProxies, caller, read_network
from maillon.kit.clock import FixedClock
from maillon.kit.throttle import Throttle

PROXIES = [read_network(text) for text in ("10.0.0.7", "10.1.0.0/16", "2001:db8:ffff::/48")]


def connection(host: str | None) -> HTTPConnection:
    return HTTPConnection({"type": "http", "headers": [], "client": None if host is None else (host, 1)})


async def heard(peer: str, *headers: str, trusted: list[str] | None = None) -> str:
    """What a limit counts of a request from this peer, with these X-Forwarded-For."""
    app = FastAPI()

    @app.get("/")
    async def who(request: Request) -> str:
        return caller(request)

    app.add_middleware(BehindProxies, trusted=PROXIES if trusted is None else [read_network(one) for one in trusted])
    transport = httpx.ASGITransport(app, client=(peer, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as http:
        answer = await http.get("/", headers=[("X-Forwarded-For", one) for one in headers])
    return str(answer.json())


@pytest.mark.parametrize("said", ["203.0.113.9", "10.0.0.7", "203.0.113.9, 10.0.0.7", "unknown"])
async def test_the_header_of_a_stranger_is_not_read(said: str) -> None:
    assert await heard("198.51.100.1", said) == "198.51.100.1"
    assert await heard("10.0.0.8", said) == "10.0.0.8"
    assert await heard("127.0.0.1", said) == "127.0.0.1"


async def test_nobody_is_trusted_who_was_not_named() -> None:
    assert await heard("127.0.0.1", "203.0.113.9", trusted=[]) == "127.0.0.1"


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        ((), "10.0.0.7"),
        (("203.0.113.9",), "203.0.113.9"),
        (("203.0.113.9:4711",), "203.0.113.9"),
        # What stands left of it, the caller itself wrote.
        (("192.0.2.66, 203.0.113.9",), "203.0.113.9"),
        (("192.0.2.66, 10.0.0.7, 203.0.113.9",), "203.0.113.9"),
        (("192.0.2.66", "203.0.113.9"), "203.0.113.9"),
        # Several of ours: each added whom it heard.
        (("192.0.2.66, 203.0.113.9, 10.1.2.3",), "203.0.113.9"),
        (("203.0.113.9", "10.1.2.3", "10.1.2.4, 10.0.0.7"), "203.0.113.9"),
        (("203.0.113.9,2001:db8:ffff::1",), "203.0.113.9"),
        # A proxy that asks for itself.
        (("10.1.2.3",), "10.1.2.3"),
        (("10.1.2.4, 10.1.2.3",), "10.1.2.4"),
    ],
)
async def test_a_trusted_proxy_says_whom_it_heard(headers: tuple[str, ...], who: str) -> None:
    assert await heard("10.0.0.7", *headers) == who
    assert await heard("::ffff:10.0.0.7", *headers) == who


@pytest.mark.parametrize(
    "garbage",
    ["", ",", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "203.0.113.9:", "[", "[]", "999.1.1.1", "a:b", "\t"],
)
async def test_garbage_is_the_proxy_that_passed_it_on(garbage: str) -> None:
    """An address for each lie would be a limit for each try."""
    passed_on = "203.0.113.9" if garbage == "203.0.113.9:" else "10.0.0.7"
    assert await heard("10.0.0.7", garbage) == passed_on
    assert await heard("10.0.0.7", f"192.0.2.66, {garbage}") == passed_on
    assert await heard("10.0.0.7", f"{garbage}, 203.0.113.9") == "203.0.113.9"


@pytest.mark.parametrize(
    "text",
    ["2001:db8:1:2:a:b:c:d", "2001:DB8:1:2::", "[2001:db8:1:2::9]:443", "[2001:db8:1:2::9]", "2001:db8:1:2::f%1"],
)
async def test_whoever_has_a_network_of_ipv6_is_one_caller(text: str) -> None:
    assert await heard("10.0.0.7", text) == "2001:db8:1:2::/64"
    assert await heard("10.0.0.7", "2001:db8:1:3::9") == "2001:db8:1:3::/64"


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::1", "::/64"),
        ("2001:db8::1", "2001:db8::/64"),
        ("a-socket", "a-socket"),
        (None, ""),
    ],
)
def test_a_limit_counts_callers(host: str | None, counted: str) -> None:
    assert caller(connection(host)) == counted


def test_one_caller_takes_nothing_from_another(clock: FixedClock) -> None:
    throttle = Throttle(clock, 2)
    throttle.take(connection("2001:db8::1"))
    throttle.take(connection("2001:db8::2"))
    with pytest.raises(problems.Problem) as refused:
        throttle.take(connection("2001:db8::3"))
    assert refused.value.headers["Retry-After"] == "31"
    throttle.take(connection("2001:db8:0:1::1"))
    clock.advance(31)
    throttle.take(connection("2001:db8::4"))
