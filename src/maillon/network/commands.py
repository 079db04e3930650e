# SPDX-License-Identifier: Apache-2.0
"""The operator's commands of a node: `engine install`, `node …`, `network create`."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import fcntl
import os
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from maillon.kit import terminal
from maillon.kit.errors import KitError
from maillon.kit.home import default_home
from maillon.network.errors import NetworkError, NodeUnusable

if TYPE_CHECKING:
    from maillon.network.configuration import NodeHome

# What a command needs beyond this is imported where it is used: `maillon --help` loads no ledger.

Home = Annotated[Path | None, typer.Option("--home", help="The data directory (MAILLON_HOME, else ~/.maillon).")]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Answer = TypeVar("Answer")

engine = typer.Typer(help="The engines a node runs: geth and CometBFT.", no_args_is_help=True)
node = typer.Typer(help="A node of a network.", no_args_is_help=True)
node_snapshot = typer.Typer(help="A node's chain as one file.", no_args_is_help=True)
node.add_typer(node_snapshot, name="snapshot")
client = typer.Typer(help="Whom this node's gateway knows by key.", no_args_is_help=True)
node.add_typer(client, name="client")
network = typer.Typer(help="Networks of several organisations.", no_args_is_help=True)


def node_home(home: Path | None) -> NodeHome:
    """Where the node of a home lies."""
    from maillon.network.configuration import NodeHome

    return NodeHome((home or default_home()) / "node")


def _run(work: Coroutine[Any, Any, Answer], as_json: bool) -> Answer:
    try:
        return asyncio.run(work)
    except (NetworkError, KitError) as error:
        terminal.fail(str(error), as_json=as_json)


@engine.command("install")
def engine_install(
    geth: Annotated[Path | None, typer.Option(help="An operator's own geth, taken over instead of built.")] = None,
    cometbft: Annotated[Path | None, typer.Option(help="An operator's own cometbft.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where to (MAILLON_ENGINES, else the user's cache).")] = None,
    as_json: Json = False,
) -> None:
    """Build the pinned geth and CometBFT from their source, once for all nodes of this user; some minutes."""
    from maillon.network import engines

    own = {name: str(path) for name, path in (("geth", geth), ("cometbft", cometbft)) if path is not None}
    try:
        found = engines.install(folder or engines.default_folder(), terminal.progress_line, own)
    except NetworkError as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({name: str(path) for name, path in found.items()})
    else:
        for path in found.values():
            typer.echo(str(path))


@node.command("card")
def node_card(  # noqa: PLR0917 - options of a command
    organisation: Annotated[str, typer.Option(help="Who runs this node.")],
    host: Annotated[str, typer.Option(help="The name or address other nodes reach it by.")],
    consensus_port: Annotated[int, typer.Option(help="Its port for consensus.")] = 26656,
    execution_port: Annotated[int, typer.Option(help="Its port for execution.")] = 30303,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make this node's keys where there are none, and print its card: public keys and addresses, signed."""
    place = node_home(home)
    try:
        place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        card = place.identity().card(organisation, host, consensus_port, execution_port)
    except (NetworkError, OSError) as error:
        terminal.fail(str(error), as_json=as_json)
    del as_json  # a card is JSON either way
    terminal.print_json(card.to_json())


@network.command("founding")
def network_founding(
    cards: Annotated[list[Path], typer.Argument(help="The founders' cards, as `node card` prints them.")],
    out: Annotated[Path, typer.Option(help="The file to write, for people to complete.")],
    as_json: Json = False,
) -> None:
    """Draft the founding file of these founders: members, offices, statutes, credits."""
    from maillon.ledger.founding import InvalidFounding
    from maillon.network import definition
    from maillon.network.identity import NodeCard

    try:
        if out.exists():
            terminal.fail(f"{out} exists: it may have been completed already", terminal.REFUSED, as_json=as_json)
        out.write_bytes(definition.draft([NodeCard.read(card) for card in cards]).to_json())
    except (NetworkError, InvalidFounding, OSError) as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"file": str(out), "organisations": len(cards)})
    else:
        typer.echo(f"{out}: complete it ({definition.PLACEHOLDER}), then `maillon network create --founding {out}`")


@network.command("create")
def network_create(  # noqa: PLR0917 - options of a command
    cards: Annotated[list[Path], typer.Argument(help="The founders' cards, as `node card` prints them.")],
    out: Annotated[Path, typer.Option(help="The file to write: the same for every node.")],
    name: Annotated[str, typer.Option(help="The network's name.")] = "Maillon",
    founding: Annotated[
        Path | None, typer.Option(help="Who founds and under which statutes; by default the cards, for trying.")
    ] = None,
    credits_each: Annotated[
        int, typer.Option("--credits", min=1, help="Credits of each founder's account.")
    ] = 1_000_000,
    as_json: Json = False,
) -> None:
    """Make block zero of a network from the founders' cards, and the law it begins under from a founding file."""
    from maillon.ledger.founding import Founding, InvalidFounding
    from maillon.ledger.genesis import random_chain_id
    from maillon.network import definition
    from maillon.network.identity import NodeCard

    now = int(datetime.datetime.now(datetime.UTC).timestamp())
    try:
        founders = [NodeCard.read(card) for card in cards]
        law = None if founding is None else Founding.parse(founding.read_bytes())
        made = definition.found(name, random_chain_id(), now, founders, credits_each, founding=law)
        if out.exists():
            terminal.fail(f"{out} exists: a network is made once", terminal.REFUSED, as_json=as_json)
        out.write_bytes(made.to_json())
    except (NetworkError, InvalidFounding, OSError) as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"file": str(out), "chain_id": made.genesis.chain_id, "founders": len(founders)})
    else:
        typer.echo(f"{out}: chain {made.genesis.chain_id}, {len(founders)} founders; each runs `maillon node init`")


@node.command("init")
def node_init(  # noqa: PLR0917 - options of a command
    network_file: Annotated[Path, typer.Option("--network", help="The network's file.")],
    organisation: Annotated[str | None, typer.Option(help="Who runs this node; by default as on its card.")] = None,
    host: Annotated[str | None, typer.Option(help="The name or address other nodes reach it by.")] = None,
    listen: Annotated[str, typer.Option(help="The address of this machine that listens for nodes.")] = "0.0.0.0",  # noqa: S104 - nodes of others come from outside
    role: Annotated[str, typer.Option(help="One of validator, full.")] = "validator",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Lay this node out for a network; its keys are those of its card."""
    from maillon.kit.keys import write_private
    from maillon.network.configuration import NodeSettings
    from maillon.network.definition import NetworkDefinition

    place = node_home(home)
    try:
        made = NetworkDefinition.read(network_file)
        place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        identity = place.identity()
        own = next((card for card in made.nodes if card.validator_key == identity.validator_key), None)
        if place.network_file.exists() and place.network_file.read_bytes() != made.to_json():
            raise NodeUnusable(f"{place.path} belongs to another network: choose another home")
        given: dict[str, Any] = (
            {}
            if own is None
            else {
                "organisation": own.organisation,
                "host": own.host,
                "consensus_port": own.consensus_port,
                "execution_port": own.execution_port,
            }
        )
        given |= {name: value for name, value in (("organisation", organisation), ("host", host)) if value is not None}
        if not {"organisation", "host"} <= set(given):
            raise NodeUnusable("this node is not among the network's founders: say --organisation and --host")
        if not place.settings_file.exists():
            place.lay_out(NodeSettings(role=role, listen=listen, **given))
        write_private(place.network_file, made.to_json())
    except (NetworkError, KitError, OSError) as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"home": str(place.path), "founder": own is not None})
    else:
        typer.echo(f"{place.path} is laid out; maillon node run starts it, {place.settings_file} has its settings")


@node.command("run")
def node_run(home: Home = None, as_json: Json = False) -> None:
    """Run this node until it is stopped; one line `ready URL` once every part answers."""
    import uvloop

    from maillon.kit import logs
    from maillon.network import engines
    from maillon.network.supervisor import Supervisor, plan_of, run_until_signal

    logs.configure("info")
    place = node_home(home)
    try:
        plan = plan_of(place, engines.default_folder())

        async def ready() -> None:
            address = f"http://{plan.settings.gateway_host}:{plan.settings.gateway_port}"
            terminal.print_json({"ready": address}) if as_json else typer.echo(f"ready {address}")

        with _supervised(place):
            uvloop.run(run_until_signal([Supervisor(plan)], ready))
    except (NetworkError, KitError) as error:
        terminal.fail(str(error), as_json=as_json)


PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file whose first line is the passphrase; asked for else.")
]


def _passphrase(file: Path | None, *, twice: bool) -> str:
    """From a file or the terminal, never from an argument. Raises `PassphraseRefused`."""
    from maillon.kit.passphrase import read_passphrase

    if file is not None:
        return read_passphrase(file)
    answer: str = typer.prompt("passphrase", hide_input=True, confirmation_prompt=twice, err=True)
    return answer


@contextlib.contextmanager
def _locked(file: Path, otherwise: str) -> Iterator[None]:
    """Hold this file as long as the body runs. Raises `NodeUnusable`, saying this where somebody else holds it."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise NodeUnusable(f"{file.parent} cannot be used: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NodeUnusable(otherwise) from None
        yield
    finally:
        os.close(descriptor)


def _supervised(place: NodeHome) -> contextlib.AbstractContextManager[None]:
    """Hold a node's directory as its only supervisor, which waits itself for what a killed one left."""
    return _locked(place.path / "lock", f"a node runs in {place.path}: stop it first")


@contextlib.contextmanager
def _stopped(place: NodeHome) -> Iterator[None]:
    """Hold a node's directory while nothing of the node runs. Raises `NodeUnusable`."""
    left = f"what a killed supervisor left still ends in {place.path}: try again in a minute"
    with _supervised(place), _locked(place.processes_file, left):
        yield


@node.command("backup")
def node_backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it is of no use without the passphrase.")],
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write this node's keys and settings to one file sealed with a passphrase; the node may run."""
    from maillon.kit.keys import write_private
    from maillon.network import backup

    try:
        if file.exists():
            raise NodeUnusable(f"{file} exists: a backup never replaces another")
        passphrase = _passphrase(passphrase_file, twice=True)
        write_private(file, backup.write(node_home(home), passphrase, datetime.datetime.now(datetime.UTC)))
    except (NetworkError, KitError, OSError) as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"file": str(file), "bytes": file.stat().st_size})
    else:
        typer.echo(
            f"{file}: {file.stat().st_size} bytes; try `maillon node restore` with it today, not when it is needed"
        )


@node.command("restore")
def node_restore(
    file: Annotated[Path, typer.Argument(help="What `node backup` wrote.")],
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Lay out a new home with the keys of a backup. The machine they were on must be off, for good."""
    from maillon.network import backup

    place = node_home(home)
    try:
        place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _stopped(place):
            about = backup.restore(file, _passphrase(passphrase_file, twice=False), place)
    except (NetworkError, KitError, OSError) as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"home": str(place.path)} | about)
    else:
        typer.echo(
            f"{place.path} has the keys of {about.get('organisation', 'the node')}, of {about['made']}. "
            "Never start the old machine again; `maillon node run` signs here after twenty blocks without its signature"
        )


@client.command("add")
def client_add(
    name: Annotated[str, typer.Argument(help="Who will use the key.")],
    requests_a_second: Annotated[int, typer.Option(min=1, help="Calls a second, each item of a batch one.")] = 10_000,
    websockets: Annotated[int, typer.Option(min=0, help="WebSocket connections at once.")] = 100,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once; the gateway knows it within seconds."""
    from maillon.network import clients

    try:
        key = clients.add(node_home(home).clients_file, name, requests_a_second, websockets)
    except (NetworkError, KitError) as error:
        terminal.fail(str(error), as_json=as_json)
    terminal.print_json({"name": name, "key": key}) if as_json else typer.echo(key)


@client.command("list")
def client_list(home: Home = None, as_json: Json = False) -> None:
    """List clients and what they may ask; their keys are not kept."""
    from maillon.network import clients

    try:
        found = clients.read(node_home(home).clients_file)
    except NetworkError as error:
        terminal.fail(str(error), as_json=as_json)
    columns = ("id", "name", "requests a second", "websockets")
    rows = [(each.id, each.name, each.requests_a_second, each.websockets) for each in found]
    if as_json:
        terminal.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        terminal.print_table(columns, rows)


@client.command("remove")
def client_remove(
    name: Annotated[str, typer.Argument(help="The name or id `list` shows.")], home: Home = None, as_json: Json = False
) -> None:
    """Make a client's key worthless, within seconds."""
    from maillon.network import clients

    try:
        removed = clients.remove(node_home(home).clients_file, name)
    except (NetworkError, KitError) as error:
        terminal.fail(str(error), as_json=as_json)
    if not removed:
        terminal.fail(f"there is no client {name!r}", terminal.REFUSED, as_json=as_json)
    terminal.print_json({"removed": name}) if as_json else typer.echo(f"{name} is removed")


@node_snapshot.command("export")
def snapshot_export(
    file: Annotated[Path, typer.Argument(help="The file to write; as large as the chain, and without any key.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write the chain of this node, which must be stopped, to one file."""
    from maillon.network import engines, snapshot
    from maillon.network.supervisor import plan_of

    place = node_home(home)
    try:
        with _stopped(place):
            made = snapshot.export(plan_of(place, engines.default_folder()), file, terminal.progress_line)
    except (NetworkError, KitError) as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"file": str(file), "height": made["height"], "block_hash": made["block_hash"]})
    else:
        typer.echo(f"{file}: block {made['height']}, {made['block_hash']}, {file.stat().st_size} bytes")


@node_snapshot.command("import")
def snapshot_import(
    file: Annotated[Path, typer.Argument(help="What `node snapshot export` wrote.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Lay out the chain of a snapshot in a node that never ran, once it follows from the network's validators."""
    from maillon.network import engines, snapshot
    from maillon.network.supervisor import plan_of

    place = node_home(home)
    try:
        with _stopped(place):
            taken = snapshot.take(plan_of(place, engines.default_folder()), file, terminal.progress_line)
    except (NetworkError, KitError) as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"home": str(place.path), "height": taken["height"], "block_hash": taken["block_hash"]})
    else:
        typer.echo(f"{place.path} has the chain up to block {taken['height']}; `maillon node run` goes on from there")


@node.command("sign-from")
def node_sign_from(
    height: Annotated[int, typer.Option(min=1, help="The height the standing chain waits at.")],
    round_number: Annotated[int, typer.Option("--round", min=0, help="A round later than the others' newest.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let a restored validator sign from this position on, where the chain stands still without it; node stopped.

    docs/operating/double-signing.md says when, and how to find the two numbers.
    """
    from maillon.network import signatures

    place = node_home(home)
    try:
        with _stopped(place):
            signatures.sign_from(place.last_signature_file, height, round_number)
    except (NetworkError, KitError) as error:
        terminal.fail(str(error), terminal.REFUSED, as_json=as_json)
    if as_json:
        terminal.print_json({"height": height, "round": round_number})
    else:
        typer.echo(f"the key signs from height {height}, round {round_number} on, and nothing before")


@node.command("status")
def node_status(home: Home = None, as_json: Json = False) -> None:
    """Say how this node is; exit status 1 unless it is level with the network and blocks come."""
    from maillon.network.health import gather

    health = _run(gather(node_home(home)), as_json)
    if as_json:
        terminal.print_json(health.to_json())
    else:
        rows = [("status", "ready" if health.ready else "not ready"), ("network", health.network)]
        rows.append(("organisation", health.organisation))
        rows.append(("validator", "yes" if health.is_validator else "no"))
        for name in ("execution", "consensus"):
            found = getattr(health, name)
            rows.append((name, "does not answer" if found is None else f"block {found['height']}"))
        if health.age is not None:
            rows.append(("newest block", f"{health.age:.1f} s ago"))
        again = [f"{part} {times}" for part, times in (health.supervisor or {}).get("restarts", {}).items() if times]
        if again:
            rows.append(("started again", ", ".join(again)))
        if health.silent():
            rows.append(("silent", ", ".join(health.silent())))
        rows += [(f"alarm {name}", reason) for name, reason in (health.bridge or {}).get("alarms", {}).items()]
        terminal.print_table(("", ""), rows)
    if not health.ready:
        raise typer.Exit(terminal.REFUSED)


@node.command("doctor")
def node_doctor(home: Home = None, as_json: Json = False) -> None:
    """Look for what is wrong, and say in plain words what it is and what to do; exit status 1 when something is."""
    from maillon.network import engines
    from maillon.network.doctor import GOOD, WRONG, diagnose, examine

    findings = diagnose(_run(examine(node_home(home), engines.default_folder()), as_json))
    if as_json:
        terminal.print_json(
            [{"name": f.name, "state": f.state, "words": f.words, "advice": f.advice} for f in findings]
        )
    else:
        for finding in findings:
            mark = "ok" if finding.state == GOOD else finding.state.upper()
            typer.echo(f"{finding.name:<12} {mark}: {finding.words}")
            if finding.advice and finding.state != GOOD:
                typer.echo(f"{'':<12} → {finding.advice}")
    if any(finding.state == WRONG for finding in findings):
        raise typer.Exit(terminal.REFUSED)
