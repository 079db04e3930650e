# SPDX-License-Identifier: Apache-2.0
"""A network of tests whose nodes stand in network namespaces of their own, where cables can be bad, or cut."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from local_network import LocalNetwork

PROGRAM = Path(__file__).with_name("exchange.py")


def address(position: int) -> str:
    """Of the node at this place of the list, or of the lane after the last."""
    return f"10.77.0.{position + 1}"


@dataclass
class Lanes(LocalNetwork):
    """As `LocalNetwork`; and one lane more than there are nodes, for a stranger."""

    exchange: subprocess.Popen[str] | None = None
    entrances: list[list[str]] = field(default_factory=list)
    """Before a command: what makes it run in each lane."""

    def __enter__(self) -> Self:
        self.hosts = [address(position) for position in range(self.count + self.others)]
        super().__enter__()
        doors = [f"{node.settings.gateway_port},{node.settings.consensus_rpc_port}" for node in self.nodes]
        missing = [name for name in ("ip", "nsenter") if shutil.which(name) is None]
        if missing:
            pytest.skip(f"network namespaces need {', '.join(missing)}")
        self.exchange = subprocess.Popen(
            [sys.executable, str(PROGRAM), *doors, ""],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.exchange.stdout is not None
        line = self.exchange.stdout.readline()
        if not line:
            assert self.exchange.stderr is not None
            why = self.exchange.stderr.read().strip().splitlines()
            self._close_exchange()
            pytest.skip(f"this machine allows no network namespaces: {why[-1:]}")
        process, descriptors = json.loads(line)
        user = [f"--user=/proc/{process}/ns/user", "--preserve-credentials"] if _is_mapped(process) else []
        self.entrances = [["nsenter", *user, f"--net=/proc/{process}/fd/{each}", "--"] for each in descriptors]
        for node, entrance in zip(self.nodes, self.entrances, strict=False):
            node.entrance = entrance
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._close_exchange()

    def _close_exchange(self) -> None:
        assert self.exchange is not None
        self.exchange.kill()
        self.exchange.wait(20)
        for stream in (self.exchange.stdin, self.exchange.stdout, self.exchange.stderr):
            assert stream is not None
            stream.close()

    def connect(self, *groups: Sequence[int]) -> None:
        """Let packets pass within these groups of places only; everywhere when there are none."""
        self._order({"groups": [[position + 1 for position in group] for group in groups]})

    def slow(self, positions: Sequence[int], seconds: float, loss: float) -> None:
        """Delay what these places send by so much, and lose this part of it, as `tc netem` at theirs would."""
        self._order({"slow": [position + 1 for position in positions], "seconds": seconds, "loss": loss})

    def narrow(self, rate: float) -> None:
        """Let each place send so many bytes a second; as many as it can when 0."""
        self._order({"rate": rate})

    def _order(self, order: dict[str, Any]) -> None:
        assert self.exchange is not None
        assert self.exchange.stdin is not None
        assert self.exchange.stdout is not None
        self.exchange.stdin.write(json.dumps(order) + "\n")
        self.exchange.stdin.flush()
        assert self.exchange.stdout.readline() == "\n"


def _is_mapped(process: int) -> bool:
    own = Path("/proc/self/ns/user").readlink()
    return Path(f"/proc/{process}/ns/user").readlink() != own
