# SPDX-License-Identifier: Apache-2.0
"""An Ethereum JSON-RPC endpoint over HTTP: requests made in the same moment travel as one batch.

A request is repeated only when repeating changes nothing: reads, and the very same signed bytes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson

from maillon.ledger.errors import Unavailable

BATCH: Final = 100
"""Requests of one batch; every public endpoint takes that many."""
MAXIMUM_ANSWER: Final = 64 * 1024 * 1024
ATTEMPTS: Final = 4
FIRST_PAUSE: Final = 0.1
"""Seconds before the first repetition; doubled each time, unless the endpoint says how long to wait."""
LONGEST_PAUSE: Final = 5.0
RETRIED_STATUSES: Final = frozenset({429, 502, 503, 504})
LIMIT_EXCEEDED: Final = -32005


class EndpointError(Exception):
    """The endpoint understood and refused: JSON-RPC 2.0, section 5.1."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


@dataclass(frozen=True, slots=True)
class _Waiting:
    method: str
    params: list[Any]
    answer: asyncio.Future[Any]


class Endpoint:
    """One endpoint, shared by the tasks of one event loop."""

    def __init__(self, url: str, client: httpx.AsyncClient | None = None, request_time: float = 30.0) -> None:
        self.url = url
        self._client = client or httpx.AsyncClient(timeout=request_time)
        self._waiting: list[_Waiting] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Let go of the connections."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._client.aclose()

    async def request(self, method: str, *params: Any) -> Any:
        """The result. Raises `EndpointError` for a refusal and `Unavailable` when there was no answer."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(method, list(params), loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        elif len(self._waiting) >= BATCH:
            self._flush()
        return await waiting.answer

    def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        if batch:
            task = asyncio.get_running_loop().create_task(self._send(batch))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, batch: list[_Waiting]) -> None:
        try:
            answers = await self._answers(batch)
        except Unavailable as error:
            for each in batch:
                if not each.answer.done():
                    each.answer.set_exception(Unavailable(str(error)))
            return
        finally:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                for each in batch:
                    each.answer.cancel()
        for number, each in enumerate(batch):
            if not each.answer.done():
                _settle(each.answer, answers.get(number))

    async def _answers(self, batch: list[_Waiting]) -> dict[int, dict[str, Any]]:
        """Post, and post again while that may help; by the numbers we gave."""
        requests = [
            {"jsonrpc": "2.0", "id": number, "method": each.method, "params": each.params}
            for number, each in enumerate(batch)
        ]
        body = orjson.dumps(requests if len(requests) > 1 else requests[0])
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            problem, wait = "", pause
            try:
                response = await self._client.post(
                    self.url, content=body, headers={"content-type": "application/json", "accept": "application/json"}
                )
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                if response.status_code not in RETRIED_STATUSES:
                    return _read(response)
                problem = f"HTTP {response.status_code}"
                after = response.headers.get("retry-after", "")
                wait = min(float(after), LONGEST_PAUSE) if after.isdigit() else pause
            if attempt < ATTEMPTS:
                await asyncio.sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE)
        raise Unavailable(f"{self.url} does not answer after {ATTEMPTS} attempts: {problem}")


def _read(response: httpx.Response) -> dict[int, dict[str, Any]]:
    if len(response.content) > MAXIMUM_ANSWER:
        raise Unavailable(f"the endpoint answered more than {MAXIMUM_ANSWER} bytes")
    try:
        document = orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise Unavailable(f"the endpoint answered HTTP {response.status_code} and no JSON") from error
    answers = document if isinstance(document, list) else [document]
    return {each["id"]: each for each in answers if isinstance(each, dict) and isinstance(each.get("id"), int)}


def _settle(future: asyncio.Future[Any], answer: dict[str, Any] | None) -> None:
    if answer is None:
        future.set_exception(Unavailable("the endpoint left this request of a batch without an answer"))
        return
    error = answer.get("error")
    if isinstance(error, dict):
        code = error.get("code")
        refusal = EndpointError(code if isinstance(code, int) else 0, str(error.get("message")), error.get("data"))
        future.set_exception(refusal)
    else:
        future.set_result(answer.get("result"))
