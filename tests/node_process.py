# SPDX-License-Identifier: Apache-2.0
"""One node as a process of its own, as `maillon node run` runs it. Run by local_network.py.

    node_process.py HOME ENGINES [BRIDGE]

BRIDGE is a program that takes HOME and is run in place of the ordinary bridge.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvloop

from maillon.kit import logs
from maillon.network.configuration import NodeHome
from maillon.network.supervisor import Supervisor, plan_of, run_until_signal


async def ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def main(home: str, engines: str, *bridge: str) -> None:
    logs.configure("info")
    command = [sys.executable, *bridge, home] if bridge else ()
    uvloop.run(run_until_signal([Supervisor(plan_of(NodeHome(Path(home)), Path(engines)), command)], ready))


if __name__ == "__main__":
    main(*sys.argv[1:])
