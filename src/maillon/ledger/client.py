# SPDX-License-Identifier: Apache-2.0
"""A running instance from outside: acts it prepares, signed on this machine with a key that never leaves it.

What is signed is encoded here and not taken from the server: the server says where the contract is, how much gas an act
takes and what its nonce is, and a wrong answer to these can make an act fail, never mean something else.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import typer

from maillon.ledger import key_file
from maillon.ledger.abi import Call
from maillon.ledger.sending import hexadecimal, send
from maillon.ledger.signing import Account

_PATIENCE: Final = 60.0
"""Seconds we wait for a transaction to be final."""
_PAUSE: Final = 0.25


class ClientError(Exception):
    """Base of what a client raises."""


class ServerRefused(ClientError):
    """The server, or the law of the chain, says no."""


class ServerUnreachable(ClientError):
    """The server could not be asked, or did not answer in time: nothing is known."""


class KeyUnusable(ClientError):
    """The file holds no key we can read, or others may read it."""


class NotConfirmed(ClientError):
    """Whoever was asked did not say yes."""


@dataclass(frozen=True, slots=True)
class Signed:
    """An act that is final."""

    transaction: str
    block: int


def read_key(path: Path, passphrase: Callable[[], str]) -> Account:
    """The account of a key file, as `maillon.ledger.key_file` reads it. Raises `KeyUnusable`."""
    try:
        return key_file.read_key(path, passphrase)
    except key_file.KeyFileUnusable as error:
        raise KeyUnusable(str(error)) from None


class Server:
    """A running instance, asked over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(timeout=30, headers={"Accept": "application/json"})

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """A document. Raises `ServerRefused` or `ServerUnreachable`."""
        return self._document(lambda: self._http.get(f"{self._url}{path}", params=query))

    def get_bytes(self, path: str) -> bytes:
        """A document as it is. Raises as `get`."""
        return bytes(self._answer(lambda: self._http.get(f"{self._url}{path}", timeout=300)).content)

    def post(self, path: str, body: Any) -> Any:
        """What a write answers. Raises as `get`."""
        return self._document(lambda: self._http.post(f"{self._url}{path}", json=body))

    def post_text(self, path: str, text: str) -> None:
        """Give a text. Raises as `get`."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        self._answer(lambda: self._http.post(f"{self._url}{path}", content=text.encode(), headers=headers))

    def _answer(self, ask: Any) -> httpx.Response:
        try:
            answer: httpx.Response = ask()
        except httpx.HTTPError as error:
            raise ServerUnreachable(f"no answer from {self._url}: {error}") from None
        if answer.status_code >= 500:
            raise ServerUnreachable(f"the server answered {answer.status_code}: {_detail(answer)}")
        if answer.status_code >= 400:
            raise ServerRefused(_detail(answer))
        return answer

    def _document(self, ask: Any) -> Any:
        answer = self._answer(ask)
        try:
            return answer.json()
        except ValueError:
            raise ServerUnreachable(f"{self._url} answered no JSON: is it a Maillon server?") from None

    def rpc(self, method: str, *parameters: Any) -> Any:
        """The Ethereum JSON-RPC beside the API. Raises as `get`."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        document = self._document(lambda: self._http.post(f"{self._url}/rpc", json=body))
        if "error" in document:
            raise ServerRefused(str(document["error"].get("message", document["error"])))
        return document["result"]

    # Acts.

    def sign(self, call: Call[Any], account: Account) -> Signed:
        """Sign a call, send it, and wait until it is final. Raises as `get`."""

        async def ask(method: str, *parameters: Any) -> Any:
            return self.rpc(method, *parameters)

        # What the law refuses is refused by the estimate already, with its reason, and costs nothing.
        name = hexadecimal(asyncio.run(send(ask, account, call.to, call.data)).hash)
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            receipt = self.rpc("eth_getTransactionReceipt", name)
            if receipt is not None:
                if int(receipt["status"], 16) != 1:
                    raise ServerRefused(f"transaction {name} was included and failed{self._why(call, account)}")
                return Signed(name, int(receipt["blockNumber"], 16))
            time.sleep(_PAUSE)
        raise ServerUnreachable(f"transaction {name} was sent, and is not final after {_PATIENCE:.0f} seconds")

    def _why(self, call: Call[Any], account: Account) -> str:
        """Why a call fails now, where it still does: most often a moment that has passed meanwhile."""
        wanted = {"from": hexadecimal(account.address), "to": hexadecimal(call.to), "data": hexadecimal(call.data)}
        try:
            self.rpc("eth_call", wanted, "latest")
        except ServerRefused as error:
            return f": {error}"
        return ""


def _detail(answer: httpx.Response) -> str:
    """What a refusal says."""
    try:
        document = answer.json()
        return f"{document['detail']}\n{document.get('advice', '')}".strip()
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"


def checked(prepared: dict[str, Any], call: Call[Any]) -> Call[Any]:
    """Our own call, if the server prepared the same. Raises `ServerRefused` when it prepared another."""
    if str(prepared["data"]).lower() != "0x" + call.data.hex():
        raise ServerRefused("the server prepared another act than the one asked for: nothing was signed")
    return call


def sign_after_yes(server: Server, prepared: dict[str, Any], call: Call[Any], account: Account, *, yes: bool) -> Signed:
    """Say what an act means and who signs it, and sign after a yes. Raises `NotConfirmed`, and as `Server.sign`."""
    if not yes:
        confirm(f"{prepared['says']['en']}\nContract {prepared['to']}, signed by {account!r}.")
    return server.sign(call, account)


def confirm(says: str) -> None:
    """Ask whether this shall be signed, on standard error. Raises `NotConfirmed` for anything but a yes."""
    sys.stderr.write(f"{says}\n")
    if not typer.confirm("Sign?", err=True):
        raise NotConfirmed("nothing was signed")
