# SPDX-License-Identifier: Apache-2.0
"""Who calls: the address that limits count, also behind proxies the operator trusts.

A header is a caller's word, so `X-Forwarded-For` is read only where the connection comes from a proxy of the operator,
and only from its right end, where each proxy adds whom it heard: the first address that is no such proxy is the caller.
What cannot be read there is no address; the proxy that passed it on is then the caller. Nothing else a proxy says is
believed: what an address of ours is, the settings say.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
"""One address, or many."""

_OF_ONE_CALLER: Final = 64
"""Bits of an IPv6 address that tell callers apart: the rest is each one's own to choose (RFC 4291, 2.5.1)."""


def read_network(text: object) -> Network:
    """An address or a network, as an operator writes it; raises `ValueError`."""
    try:
        # A number would be read as an address.
        network = ipaddress.ip_network(text) if isinstance(text, str) else None
    except ValueError:
        network = None
    if network is None or not network.prefixlen:
        raise ValueError("addresses and networks, as 10.0.0.7 or 10.0.0.0/24; never those of everybody")
    return network


def caller(connection: HTTPConnection) -> str:
    """What a limit counts: the IPv4 address, or the /64 of the IPv6 one; empty where there is no address."""
    host = connection.client.host if connection.client else ""
    address = _read_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address) >> _OF_ONE_CALLER << _OF_ONE_CALLER, _OF_ONE_CALLER)))
    return host if address is None else str(address)


class BehindProxies:
    """Middleware: the client of a request that came through trusted proxies is whom the first of them heard."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "lifespan" and scope.get("client"):
            scope["client"] = (self._caller(HTTPConnection(scope), scope["client"][0]), 0)
        await self._app(scope, receive, send)

    def _caller(self, connection: HTTPConnection, host: str) -> str:
        found = _read_address(host)
        said = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")
        while found is not None and said and any(found in network for network in self._trusted):
            host, found = str(found), _read_address(_without_port(said.pop().strip()))
        return host if found is None else str(found)


def _read_address(text: str) -> Address | None:
    """An address; an IPv4 one in the clothes of IPv6 is the IPv4 one. None of anything else."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(text: str) -> str:
    """The address of `1.2.3.4:5`, `[2001:db8::1]:5` and `[2001:db8::1]`; anything else as it is."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
