# SPDX-License-Identifier: Apache-2.0
"""A limit on how often one caller may do something, for doors that ask for no key."""

from __future__ import annotations

from collections import OrderedDict

from starlette.requests import HTTPConnection

from maillon.kit.callers import caller
from maillon.kit.clock import Clock
from maillon.kit.problems import TOO_MANY, Problem

_MAXIMUM_CALLERS = 10_000


class Throttle:
    """So many a minute for each caller, refilled steadily. Belongs to one event loop."""

    def __init__(self, clock: Clock, a_minute: int) -> None:
        self._clock = clock
        self._a_minute = a_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, connection: HTTPConnection, count: int = 1) -> None:
        """Use up so many; raises a `Problem` with Retry-After when there are not as many left."""
        address, now = caller(connection), self._clock.now().timestamp()
        left, last = self._left.pop(address, (float(self._a_minute), now))
        # A clock that went backwards refills nothing.
        left = min(self._a_minute, left + max(0.0, now - last) * self._a_minute / 60)
        if left < count:
            self._left[address] = (left, now)
            wait = int((count - left) * 60 / self._a_minute) + 1
            raise Problem(
                TOO_MANY,
                f"at most {self._a_minute} a minute; {wait} seconds to wait",
                headers={"Retry-After": str(wait)},
            )
        self._left[address] = (left - count, now)
        while len(self._left) > _MAXIMUM_CALLERS:
            self._left.popitem(last=False)
