# SPDX-License-Identifier: Apache-2.0
"""The doors of a running instance, as its people and programs use them: HTTP, the mail folder, an authenticator.

Requests are made one by one, without a client that would keep one person's cookies for another. What is asked too often
waits as it is told to; what is not there yet is asked again for a minute.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import orjson
import pyotp

from maillon.demo.errors import DemoStopped
from maillon.evidence.hashing import Digest
from maillon.evidence.receipt import complete

PATIENCE: Final = 120.0
"""Seconds something may not answer, or not be there yet, before the demonstration stops."""
_PAUSE: Final = 0.5
_TIMEOUT: Final = {"connect": 10.0, "read": 90.0, "write": 30.0, "pool": 30.0}


class Door:
    """An instance at an address."""

    def __init__(self, url: str, operator_key: str, mail: Path) -> None:
        self.url = url.rstrip("/")
        self._operator = {"Authorization": f"Bearer {operator_key}"}
        self._mail = mail
        self._transport = httpx.AsyncHTTPTransport(verify=False, limits=httpx.Limits(max_connections=8))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._transport.aclose()

    async def _send(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> httpx.Response:
        """One answer that is one: asked again while the instance is away or says to wait. Raises `DemoStopped`."""
        until = time.monotonic() + PATIENCE
        while True:
            request = httpx.Request(
                method,
                self.url + path,
                headers={"Accept": "application/json", **headers},
                content=content,
                extensions={"timeout": _TIMEOUT},
            )
            pause, said = _PAUSE, ""
            try:
                answer = await self._transport.handle_async_request(request)
                await answer.aread()
            except httpx.HTTPError as error:
                said = str(error) or type(error).__name__
            else:
                if answer.status_code == 429:
                    pause, said = float(answer.headers.get("retry-after", "1")), "too many requests"
                elif answer.status_code >= 500:
                    said = _said(answer)
                else:
                    return answer
            if time.monotonic() > until:
                raise DemoStopped(f"{method} {path}: {said}")
            await asyncio.sleep(pause)

    async def ask(self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """A document of the API; by the operator unless headers say who. Raises `DemoStopped` for a refusal."""
        sent = dict(self._operator if headers is None else headers)
        content = b""
        if isinstance(body, bytes):
            content = body
        elif body is not None:
            content = orjson.dumps(body)
            sent["Content-Type"] = "application/json"
        answer = await self._send(method, path, sent, content)
        if answer.status_code >= 400:
            raise DemoStopped(f"{method} {path}: {_said(answer)}")
        return orjson.loads(answer.content) if answer.content else None

    async def form(self, path: str, fields: Mapping[str, str]) -> httpx.Response:
        """A form of a page, sent from that page. Raises `DemoStopped` when the instance does not answer."""
        headers = {
            "Origin": self.url,
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "maillon demo",
        }
        return await self._send("POST", path, headers, urlencode(fields).encode())

    async def now(self) -> int:
        """The instance's time, Unix seconds: what its votes are judged by."""
        from datetime import datetime

        health = await self.ask("GET", "/health")
        return int(datetime.fromisoformat(health["time"]).timestamp())

    async def invitation(self, address: str) -> str:
        """The code of the newest invitation in somebody's letters. Raises `DemoStopped` when none comes."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = await asyncio.to_thread(self._newest_code, address)
            if found:
                return found
            await asyncio.sleep(_PAUSE)
        raise DemoStopped(f"no invitation reached {address}")

    def _newest_code(self, address: str) -> str:
        letters = sorted(self._mail.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in letters:
            letter = message_from_bytes(path.read_bytes(), policy=default)
            if address in str(letter["To"]):
                body = letter.get_body(("plain",))
                text = "" if body is None else body.get_content()
                _, mark, after = text.partition("/join#")
                if mark:
                    return str(after.split()[0])
        return ""

    async def receipt(self, index: int, digest: Digest) -> bytes:
        """The whole receipt of a public entry. Raises `DemoStopped` when it does not come."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            path = f"/v1/notary/entries/{index}/receipt?wait=20"
            answer = await self._send("GET", path, self._operator, b"")
            if answer.status_code == 200:
                return complete(orjson.loads(answer.content), digest, None)
            await asyncio.sleep(_PAUSE)
        raise DemoStopped(f"no receipt for entry {index}")


def _said(answer: httpx.Response) -> str:
    try:
        document = orjson.loads(answer.content)
        return str(document.get("detail") or document.get("refused") or answer.status_code)
    except (orjson.JSONDecodeError, AttributeError):
        return f"status {answer.status_code}"


class Session:
    """Somebody at the portal: joins with a password and an authenticator, and logs in again when need be."""

    def __init__(self, door: Door, secrets: dict[str, str]) -> None:
        self._door = door
        self._secrets = secrets
        """name, address, language, password and otp; what joining adds is written here before it is relied on."""
        self._token = ""

    @property
    def headers(self) -> dict[str, str]:
        """What the browser sends with each request. A write comes from a page of the instance itself."""
        return {"Cookie": self._token, "Origin": self._door.url}

    def _keep(self, answer: httpx.Response) -> None:
        self._token = answer.headers["set-cookie"].partition(";")[0]

    async def code(self) -> str:
        """What the authenticator shows now, by the instance's clock."""
        return pyotp.TOTP(self._secrets["otp"]).at(await self._door.now())

    async def join(self, keep: Any) -> None:
        """Follow the invitation. `keep` writes the secrets down: before the instance relies on them."""
        code, language = await self._door.invitation(self._secrets["address"]), self._secrets["language"]
        fields = {name: self._secrets[name] for name in ("address", "name", "password")}
        begun = await self._door.form(f"/{language}/join", fields | {"way": "password", "code": code})
        if begun.status_code != 200:
            raise DemoStopped(f"{self._secrets['address']} cannot join: {_said(begun)}")
        step = orjson.loads(begun.content)
        self._secrets["otp"] = step["secret"].replace(" ", "")
        await keep()
        ended = await self._door.form(f"/{language}/join/code", {"step": step["step"], "code": await self.code()})
        if "set-cookie" not in ended.headers:
            raise DemoStopped(f"{self._secrets['address']} cannot join: {_said(ended)}")
        self._keep(ended)

    async def log_in(self) -> bool:
        """Begin a session; whether there is such an account. A code is good once: the next one is waited for."""
        if "otp" not in self._secrets:
            return False
        language = self._secrets["language"]
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            fields = {name: self._secrets[name] for name in ("address", "password")}
            begun = await self._door.form(f"/{language}/log-in", fields)
            if begun.status_code != 200:
                return False
            step = orjson.loads(begun.content)["step"]
            ended = await self._door.form(f"/{language}/log-in/code", {"step": step, "code": await self.code()})
            if "set-cookie" in ended.headers:
                self._keep(ended)
                return True
            await asyncio.sleep(10)
        raise DemoStopped(f"{self._secrets['address']} cannot log in")

    async def enter(self, keep: Any) -> None:
        """Be logged in, joining if need be."""
        if not self._token and not await self.log_in():
            await self.join(keep)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A document of the API, as this person. Raises `DemoStopped` for a refusal."""
        return await self._door.ask(method, path, body, headers=self.headers)
