# SPDX-License-Identifier: Apache-2.0
"""Several organisations' nodes on one machine: what `maillon network demo` starts, and what the tests break."""

from __future__ import annotations

import contextlib
import errno
import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from maillon.kit.keys import write_private
from maillon.ledger.genesis import random_chain_id
from maillon.ledger.port import Address
from maillon.network.configuration import NodeHome, NodeSettings
from maillon.network.definition import NetworkDefinition, found
from maillon.network.identity import NodeCard

PORTS: Final = range(10_000, 32_768)
"""Below those Linux gives to the connections a program makes (`net.ipv4.ip_local_port_range`)."""
ORGANISATIONS = (
    "Ville de Lumière",
    "Université du Port",
    "Banque des Deux Rives",
    "Port de l'Ouest",
    "Hôpital des Tilleuls",
    "Coopérative du Val",
    "Archives de la Plaine",
    "Réseau des Bibliothèques",
    "Chambre des Métiers",
    "Institut des Mesures",
    "Syndicat des Eaux",
    "Musée du Fleuve",
    "Observatoire du Littoral",
)
"""Made-up members."""
CREDITS = 1_000_000
CACHE: Final = 64
"""MiB of state each node has at hand: many of them share a machine, and have little to remember."""

Definition = Callable[[Sequence[NodeCard]], NetworkDefinition]


def homes(folder: Path, count: int) -> list[NodeHome]:
    """The directories of the nodes."""
    return [NodeHome(folder / f"organisation-{number:02}" / "node") for number in range(1, count + 1)]


def lay_out(  # noqa: PLR0917 - each is named where it is called
    folder: Path,
    count: int,
    name: str,
    time: int,
    funded: Sequence[tuple[Address, int]] = (),
    define: Definition | None = None,
    others: int = 0,
    hosts: Sequence[str] = (),
    cache: int = CACHE,
) -> list[NodeHome]:
    """Make a network of so many founders, and `others` further nodes that are no validators, on free ports of loopback.

    Nothing that exists is made anew. `funded` are further accounts and their wei; `define` makes another definition of
    the founders' cards; `hosts` are addresses to listen at in place of loopback's, one for each node. `cache` is in
    MiB, of each. Raises `NodeUnusable`, `InvalidNetwork`.
    """
    made = homes(folder, count + others)
    if all(home.network_file.exists() for home in made):
        return made
    ports = iter(free_ports(7 * len(made)))
    cards = []
    for position, home in enumerate(made):
        host = hosts[position] if hosts else "127.0.0.1"
        settings = NodeSettings(
            organisation=ORGANISATIONS[position % len(ORGANISATIONS)],
            host=host,
            listen=host,
            role="validator" if position < count else "full",
            consensus_port=next(ports),
            execution_port=next(ports),
            consensus_rpc_port=next(ports),
            execution_rpc_port=next(ports),
            engine_port=next(ports),
            consensus_metrics_port=next(ports),
            gateway_port=next(ports),
            cache=cache,
        )
        home.lay_out(settings)
        identity = home.identity()
        card = identity.card(settings.organisation, host, settings.consensus_port, settings.execution_port)
        if position < count:
            cards.append(card)
    definition = found(name, random_chain_id(), time, cards, CREDITS, funded) if define is None else define(cards)
    for home in made:
        write_private(home.network_file, definition.to_json())
    return made


def free_ports(count: int) -> list[int]:
    """Ports of loopback nobody listens on now, all different. Raises `OSError` when there are not so many.

    Of a run that begins anywhere in `PORTS`: where the system itself would find some, any connection somebody makes
    may take one of them before its node starts.
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        start = secrets.randbelow(len(PORTS))
        for step in range(len(PORTS)):
            if len(ports) == count:
                return ports
            port = PORTS[(start + step) % len(PORTS)]
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
        raise OSError(errno.EADDRINUSE, f"of the ports {PORTS[0]} to {PORTS[-1]} not {count} are free")
