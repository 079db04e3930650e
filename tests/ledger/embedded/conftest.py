# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the embedded chain; what they are made of stands in embedded_network.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from maillon.kit.clock import FixedClock
from maillon.ledger.embedded.chain import Chain

HERE = str(Path(__file__).resolve().parent)
if HERE not in sys.path:
    sys.path.insert(0, HERE)

from embedded_network import (  # noqa: E402 - test folders are not packages: the path comes first
    Network,
    accounts_of_tests,
    genesis_of_tests,
    key_of_tests,
)


@pytest.fixture
def open_network(tmp_path: Path, clock: FixedClock) -> Iterator[Callable[..., Network]]:
    opened: list[Network] = []

    def network(**options: Any) -> Network:
        genesis, key = genesis_of_tests(), key_of_tests()
        chain = Chain.open(tmp_path, genesis, key, clock, **options)
        opened.append(Network(tmp_path, genesis, key, clock, accounts_of_tests(), chain))
        return opened[-1]

    yield network
    for one in opened:
        one.chain.close()


@pytest.fixture
def network(open_network: Callable[..., Network]) -> Network:
    return open_network()
