# SPDX-License-Identifier: Apache-2.0
"""When the sealer seals, by a clock that only its own waiting moves."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from embedded_network import Network

from maillon.ledger.embedded import sealer as sealer_module
from maillon.ledger.embedded.model import Block
from maillon.ledger.embedded.sealer import Sealer
from maillon.ledger.port import Address

THERE = Address(b"\x77" * 20)


class Hours:
    """Seconds that pass while the sealer waits, and never otherwise."""

    def __init__(self) -> None:
        self.now = 0.0

    def event(self) -> threading.Event:
        hours = self

        class Waited(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                if timeout is None:
                    return super().wait()
                if not self.is_set():
                    hours.now += timeout
                return self.is_set()

        return Waited()


def test_blocks_are_a_second_apart_however_much_waits(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    hours, began, enough = Hours(), list[float](), threading.Event()
    monkeypatch.setattr(sealer_module, "time", SimpleNamespace(monotonic=lambda: hours.now))
    monkeypatch.setattr(sealer_module, "Event", hours.event)
    seal = network.chain.seal

    def sealing(**options: Any) -> Block | None:
        began.append(hours.now)
        block = seal(**options)
        if len(began) < 6:
            network.send(1, THERE)
        else:
            enough.set()
        return block

    monkeypatch.setattr(network.chain, "seal", sealing)
    network.send(1, THERE)
    sealer = Sealer(network.chain)
    sealer.start()
    assert enough.wait(60)
    sealer.stop()
    assert began[:6] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "the first at once, the others a second after the one before"
