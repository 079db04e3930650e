# SPDX-License-Identifier: Apache-2.0
"""The operator's commands: up, demo, status, reindex, backup, restore, credit, accounts, keys, people, explain."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from maillon import __version__, backups
from maillon.evidence.errors import EvidenceError
from maillon.kit import settings as kit_settings
from maillon.kit import terminal
from maillon.kit.access import NOTARY_WRITE, SCOPES
from maillon.kit.audit import Deed, record
from maillon.kit.errors import KitError
from maillon.kit.settings import Settings
from maillon.ledger.errors import LedgerError, Rejected
from maillon.ledger.fees import credits_text
from maillon.ledger.port import Address
from maillon.ledger.signing import checksum
from maillon.network import commands as network_commands
from maillon.services.members.errors import MembersError
from maillon.services.notary.errors import NotaryError
from maillon.services.people.errors import PeopleError
from maillon.services.votes.errors import VotesError

Home = Annotated[Path | None, typer.Option("--home", help="The data directory (MAILLON_HOME, else ~/.maillon).")]
Url = Annotated[str | None, typer.Option("--url", help="The server (MAILLON_URL, else http://127.0.0.1:8400).")]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]

_OURS = (KitError, LedgerError, NotaryError, PeopleError, MembersError, VotesError, EvidenceError)


def _settings(as_json: bool, **chosen: Any) -> Settings:
    try:
        return kit_settings.load(**chosen)
    except KitError as error:
        terminal.fail(str(error), as_json=as_json)


def up(  # noqa: PLR0917 - options of a command
    home: Home = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    ledger: Annotated[
        str | None, typer.Option(help="URL of an Ethereum node, in place of the embedded ledger.")
    ] = None,
    database: Annotated[str | None, typer.Option(help="URL of the database, in place of SQLite in the home.")] = None,
    network: Annotated[str | None, typer.Option(help="The name of a new network.")] = None,
    demo: Annotated[
        bool | None, typer.Option("--demo/--no-demo", help="Whether a new home is filled with an invented alliance.")
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Start the ledger, the notary, the API and the portal; ends its start with one line `ready URL`."""
    import uvloop

    from maillon import main
    from maillon.kit import logs

    chosen = _settings(
        as_json, home=home, port=port, host=host, ledger=ledger, database=database, network=network, demo=demo, url=url
    )
    logs.configure(chosen.log_level)

    def ready(address: str) -> None:
        if as_json:
            terminal.print_json({"ready": address, "home": str(chosen.home)})
        else:
            typer.echo(f"ready {address}")

    try:
        with main.exclusive_home(chosen.home):
            uvloop.run(main.serve(chosen, terminal.progress_line, ready))
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)


def status(home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Say how the server is: ledger, log, database."""
    chosen = _settings(as_json, home=home, url=url)
    try:
        answer = httpx.get(f"{chosen.server_url}/health", timeout=10)
        document = answer.json()
    except httpx.HTTPError as error:
        terminal.fail(f"{chosen.server_url} does not answer: {error}. Is `maillon up` running?", as_json=as_json)
    except ValueError:
        document = None
    if not isinstance(document, dict) or ("log" if answer.status_code == 200 else "detail") not in document:
        terminal.fail(f"{chosen.server_url} answers, and is no Maillon: choose another with --url", as_json=as_json)
    if answer.status_code != 200:
        terminal.fail(str(document["detail"]), terminal.REFUSED, as_json=as_json)
    if as_json:
        terminal.print_json(document)
    else:
        log, chain = document["log"], document["ledger"]
        standing = "not answering" if chain["height"] is None else f"block {chain['height']}"
        rows = [
            ("status", document["status"]),
            ("network", f"{document['network']}, version {document['version']}"),
            ("ledger", f"{chain['engine']}, chain {chain['chain_id']}, {standing}"),
            ("log", f"{log['entries']} entries, {log['size']} under the newest checkpoint"),
            ("anchored", _anchored(log)),
            ("database", document["database"]),
        ]
        if document["demo"]:
            rows.append(("demonstration", _demonstrated(document["demo"])))
        if log["failure"]:
            rows.append(("failure", log["failure"]))
        if document["votes"]["failure"]:
            rows.append(("votes", document["votes"]["failure"]))
        if document["members"]["failure"]:
            rows.append(("members", document["members"]["failure"]))
        terminal.print_table(("", ""), rows)
    if document["status"] != "ready":
        raise typer.Exit(terminal.REFUSED)


def _anchored(log: dict[str, Any]) -> str:
    if log["anchored_height"] is None:
        return "nothing yet"
    return f"{log['anchored_size']} entries, in block {log['anchored_height']}"


def _demonstrated(document: dict[str, Any]) -> str:
    """How far the demonstration is, in words."""
    said = f"{document['state']}, {document['done']} of {document['of']} steps"
    return said if document["state"] == "complete" or not document["about"] else f"{said}: {document['about']}"


def demo(
    people: Annotated[bool, typer.Option("--people", help="Only list who can log in, and with what.")] = False,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Fill this home with an invented alliance, through a running server's doors; then list who can log in."""
    from maillon.demo import Demo, NotWanted

    chosen = _settings(as_json, home=home, url=url)
    try:
        if chosen.smtp is not None or chosen.ledger is not None:
            raise NotWanted("a demonstration is for a sandbox: with the embedded ledger, and without a mail server")
        backups.require_instance(chosen.home)
        found = Demo(chosen.home)
        if not people:
            _require_server(chosen, as_json=as_json)
            asyncio.run(found.fill(chosen.server_url, lambda at: terminal.progress_line(_demonstrated(at.document()))))
    except _OURS as error:
        terminal.fail(str(error), terminal.REFUSED, as_json=as_json)
    _show_people(found, as_json=as_json)


def _require_server(chosen: Settings, *, as_json: bool) -> None:
    try:
        httpx.get(f"{chosen.server_url}/health/live", timeout=10).raise_for_status()
    except httpx.HTTPError as error:
        terminal.fail(f"{chosen.server_url} does not answer: {error}. Is `maillon up` running?", as_json=as_json)


def _show_people(found: Any, *, as_json: bool) -> None:
    import pyotp

    shown = [one | {"code": pyotp.TOTP(one["otp"]).now()} for one in found.people()]
    if as_json:
        terminal.print_json({"progress": found.progress.document(), "people": shown})
        return
    for one in shown:
        typer.echo(f"{one['name']}, {one['organisation']}")
        typer.echo(f"    {one['address']}  {one['password']}  {one['code']}")
    typer.echo("Address, password, and the code of this half minute, which is good once.")


def reindex(home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Make the read models anew from the chain and the log; the server of this home must be stopped."""
    from maillon import main

    chosen = _settings(as_json, home=home, url=url)

    async def work() -> tuple[int, int]:
        application = await main.Application.open(chosen, terminal.progress_line)
        try:
            await application.votes.reindex()
            return await application.notary.reindex(), await application.members.reindex()
        finally:
            await application.stop()

    try:
        backups.require_instance(chosen.home)
        with main.exclusive_home(chosen.home):
            entries, members = asyncio.run(work())
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"entries": entries, "members": members})
    else:
        typer.echo(f"{entries} entries indexed, {members} members read from the chain")


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write; it holds keys: keep it as you keep them.")],
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Write keys, chain, log and database to one archive; the server may go on working."""
    from maillon import main

    chosen = _settings(as_json, home=home, url=url)
    try:
        written = backups.write(chosen, file, terminal.progress_line, lambda: main.frozen_ledger(chosen))
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"file": str(file), "bytes": written})
    else:
        typer.echo(f"{file}: {written} bytes")


def restore(
    file: Annotated[Path, typer.Argument(help="The archive to read.")],
    home: Home = None,
    database: Annotated[str | None, typer.Option(help="URL of the database, which must be empty.")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Lay out a new home from an archive, and compare its parts; nothing that exists is overwritten."""
    from maillon import main

    chosen = _settings(as_json, home=home, database=database, url=url)
    try:
        with main.exclusive_home(chosen.home):
            backups.read(chosen, file, terminal.progress_line)
            found = asyncio.run(main.examine(chosen, terminal.progress_line))
        # What came along may name the database of the instance that was backed up.
        if kit_settings.load(home=home, url=url).database_url != chosen.database_url:
            terminal.progress_line(
                f"the settings that came along name another database: correct `database` in {chosen.home}/settings.toml"
                " before you start it, or two instances write into one"
            )
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"home": str(chosen.home)} | found)
    else:
        typer.echo(
            f"{chosen.home} is laid out and agrees with itself: {found['entries']} entries, of them "
            f"{found['anchored']} anchored, block {found['block']}. maillon up --home {chosen.home} starts it"
        )


def credit(
    address: Annotated[str, typer.Argument(help="The account, 0x and 40 hexadecimal digits.")],
    amount: Annotated[float, typer.Option(min=0, max=10_000, help="Credits.")] = 100,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Give an account credits from this home's sandbox account (embedded ledger only)."""
    from maillon import main

    chosen = _settings(as_json, home=home, url=url)
    try:
        receiver = Address(bytes.fromhex(address.removeprefix("0x")))
    except ValueError:
        receiver = Address(b"")
    if len(receiver) != 20 or not address.startswith("0x"):
        terminal.fail("an account is 0x and 40 hexadecimal digits", as_json=as_json)
    try:
        wei = int(amount * 10**9) * 10**9
        height = asyncio.run(main.give_credits(chosen, receiver, wei))
    except _OURS as error:
        terminal.fail(str(error), terminal.REFUSED, as_json=as_json)
    if as_json:
        terminal.print_json({"account": address, "credits": amount, "block": height})
    else:
        typer.echo(f"{credits_text(wei)} credits to {address}, in block {height}")


def accounts(home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Say by which accounts this instance signs on a network's chain, for a founding file or a vote to name them."""
    from maillon import main

    try:
        found = {
            name: checksum(address) for name, address in main.accounts(_settings(as_json, home=home, url=url)).items()
        }
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json(found)
    else:
        terminal.print_table(("Account", "Address"), list(found.items()))


def consent(  # noqa: PLR0917 - options of a command
    organisation: Annotated[int, typer.Argument(min=1, help="The member's number, as `members list` shows it.")],
    of_office: Annotated[
        bool, typer.Option("--office", help="The office's account, in place of the notary's.")
    ] = False,
    home: Home = None,
    ledger: Annotated[str | None, typer.Option(help="URL of the network's node, as for `up`.")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Sign that an account of this instance will act for a member; `node delegate` enters it on the chain."""
    from maillon import main

    chosen = _settings(as_json, home=home, ledger=ledger, url=url)
    of = "office" if of_office else "notary"
    try:
        backups.require_instance(chosen.home)
        account, signature = asyncio.run(main.consent(chosen, organisation, of=of))
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"account": "0x" + account.hex(), "consent": "0x" + signature.hex()})
    else:
        option = " --office" if of_office else ""
        typer.echo(f"maillon node delegate 0x{account.hex()} --consent 0x{signature.hex()}{option} --credits 100")


def node_delegate(  # noqa: PLR0917 - options of a command
    account: Annotated[str, typer.Argument(help="The account, as `maillon consent` prints it.")],
    given: Annotated[str, typer.Option("--consent", help="The account's signature, as `maillon consent` prints it.")],
    of_office: Annotated[
        bool, typer.Option("--office", help="It publishes nothing: a vote gives it its office (Members.appoint).")
    ] = False,
    credits_sent: Annotated[
        float, typer.Option("--credits", min=0, max=1_000_000, help="Credits to send it along.")
    ] = 0,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let an instance's account act for this node's organisation, by the operator's account; the node must run."""
    from maillon import main
    from maillon.network.errors import NetworkError

    try:
        receiver, signature = (bytes.fromhex(text.removeprefix("0x")) for text in (account, given))
    except ValueError:
        receiver, signature = b"", b""
    if len(receiver) != 20 or len(signature) != 65:
        terminal.fail(
            "copy both from `maillon consent ORGANISATION`: an account of 20 bytes, a consent of 65", as_json=as_json
        )
    try:
        place = network_commands.node_home(home)
        settings, operator = place.settings(), place.identity().account
        gateway = f"http://127.0.0.1:{settings.gateway_port}"
        wei = int(credits_sent * 10**9) * 10**9
        of = "office" if of_office else "notary"
        organisation = asyncio.run(main.delegate(gateway, operator, Address(receiver), signature, wei, of=of))
    except LedgerError as error:
        terminal.fail(str(error), terminal.REFUSED, as_json=as_json)
    except (*_OURS, NetworkError) as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"organisation": organisation, "account": account, "credits": credits_sent})
    else:
        does = "waits for its office in" if of_office else "publishes for"
        typer.echo(f"{account} {does} organisation {organisation}; {credits_text(wei)} credits sent")


def node_register(
    through: Annotated[str, typer.Option(help="The gateway of a node that is let in, as http://node.example:8545.")],
    validator: Annotated[bool, typer.Option("--validator", help="Its validator key, too: it will vote.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Have the chain list this node, for the member its account operates for; every other node lets it in then."""
    from maillon import main
    from maillon.network.errors import NetworkError, RegistrationRefused

    try:
        found = asyncio.run(main.register_node(network_commands.node_home(home), through, validator=validator))
    except (Rejected, RegistrationRefused) as error:
        terminal.fail(str(error), terminal.REFUSED, as_json=as_json)
    except (*_OURS, NetworkError) as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"organisation": found.organisation, "power": found.power, "target": found.target})
        return
    typer.echo(f"listed, of member {found.organisation}")
    if found.target:
        waiting = "" if found.power else ": it waits in the queue, which moves with the next epoch"
        typer.echo(f"validator of power {found.power}{waiting}")


def network_demo(
    validators: Annotated[int, typer.Option(min=1, max=13, help="How many organisations.")] = 4,
    port: Annotated[int | None, typer.Option(help="The platform's port; 0 takes a free one.")] = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Start a consortium on this machine, and the platform on its first node; one line `ready URL`."""
    import uvloop

    from maillon import demonstration, main
    from maillon.kit import logs
    from maillon.network.errors import NetworkError

    chosen = _settings(as_json, home=home, port=port, url=url)
    logs.configure(chosen.log_level)

    def ready(address: str) -> None:
        if as_json:
            terminal.print_json({"ready": address, "home": str(chosen.home)})
        else:
            typer.echo(f"ready {address}")

    try:
        with main.exclusive_home(chosen.home):
            uvloop.run(demonstration.run(chosen, validators, ready))
    except (*_OURS, NetworkError) as error:
        terminal.fail(str(error), as_json=as_json)


keys = typer.Typer(help="API keys: of this home, or of an organisation at its server.", no_args_is_help=True)
_Organisation = Annotated[
    str | None,
    typer.Option("--organisation", help="Of this organisation, asked for at its server as `whoami`; else of the home."),
]


def _access(chosen: Settings) -> Any:
    from maillon.kit.access import Access
    from maillon.kit.clock import SystemClock
    from maillon.kit.store import Store

    backups.require_instance(chosen.home)
    return Access(Store.open(chosen.database_url), SystemClock())


def _keys_of(chosen: Settings, organisation: str, as_json: bool) -> Any:
    from maillon.services.people.commands import KeysOf

    return KeysOf(chosen, organisation, as_json=as_json)


@keys.command("list")
def keys_list(
    organisation: _Organisation = None, home: Home = None, url: Url = None, as_json: Json = False
) -> None:  # fmt: skip
    """List keys: who, which scopes, last use. The keys themselves are not kept."""
    chosen = _settings(as_json, home=home, url=url)
    if organisation is not None:
        rows = [
            (one["id"], one["name"], " ".join(one["scopes"]), one["expires"], one["last_used"], one["revoked"])
            for one in _keys_of(chosen, organisation, as_json).list()
        ]
    else:
        try:
            access = _access(chosen)
            with access.store.read() as connection:
                found = access.list(connection)
        except _OURS as error:
            terminal.fail(str(error), as_json=as_json)
        rows = [(k.id, k.subject, " ".join(sorted(k.scopes)), k.expires, k.last_used, k.revoked) for k in found]
    columns = ("id", "subject", "scopes", "expires", "last used", "revoked")
    if as_json:
        terminal.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        terminal.print_table(columns, rows)


@keys.command("create")
def keys_create(  # noqa: PLR0917 - options of a command
    subject: Annotated[str, typer.Argument(help="Who will use it.")],
    scope: Annotated[list[str] | None, typer.Option(help=f"Among {', '.join(SCOPES)}; repeat for several.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days until it expires; never by default.")] = None,
    organisation: _Organisation = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once."""
    chosen = _settings(as_json, home=home, url=url)
    scopes = scope or [NOTARY_WRITE]
    if organisation is not None:
        identifier, key = _keys_of(chosen, organisation, as_json).create(subject, scopes, days)
    else:
        now = datetime.datetime.now(datetime.UTC)
        expires = None if days is None else now + datetime.timedelta(days=days)
        try:
            access = _access(chosen)
            with access.store.transaction() as connection:
                identifier, key = access.create(connection, subject, scopes, expires)
                record(connection, [Deed(now, "command", "key", "created", "operator", identifier)])
        except ValueError as error:
            terminal.fail(str(error), as_json=as_json)
        except _OURS as error:
            terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"id": identifier, "key": key})
    else:
        typer.echo(key)


@keys.command("revoke")
def keys_revoke(
    identifier: Annotated[str, typer.Argument(help="The id `keys list` shows.")],
    organisation: _Organisation = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make a key worthless; a running server learns of it within seconds."""
    chosen = _settings(as_json, home=home, url=url)
    if organisation is not None:
        _keys_of(chosen, organisation, as_json).revoke(identifier)
    else:
        try:
            access = _access(chosen)
            with access.store.transaction() as connection:
                revoked = access.revoke(connection, identifier)
                if revoked:
                    now = datetime.datetime.now(datetime.UTC)
                    record(connection, [Deed(now, "command", "key", "revoked", "operator", identifier)])
        except _OURS as error:
            terminal.fail(str(error), as_json=as_json)
        if not revoked:
            terminal.fail(f"no key {identifier} that is in force", terminal.REFUSED, as_json=as_json)
    if as_json:
        terminal.print_json({"id": identifier, "revoked": True})
    else:
        typer.echo(f"{identifier} is revoked")


@keys.command("rotate")
def keys_rotate(  # noqa: PLR0917 - options of a command
    identifier: Annotated[str, typer.Argument(help="The id `keys list` shows.")],
    days: Annotated[int, typer.Option(min=0, max=90, help="Days the old key goes on.")] = 7,
    organisation: _Organisation = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make the successor of a key and show it, this once; the old one goes on for some days."""
    chosen = _settings(as_json, home=home, url=url)
    if organisation is not None:
        made = _keys_of(chosen, organisation, as_json).rotate(identifier, days)
    else:
        now = datetime.datetime.now(datetime.UTC)
        try:
            access = _access(chosen)
            with access.store.transaction() as connection:
                made = access.rotate(connection, identifier, datetime.timedelta(days=days))
                if made is not None:
                    record(connection, [Deed(now, "command", "key", "rotated", "operator", f"{identifier} {made[0]}")])
        except _OURS as error:
            terminal.fail(str(error), as_json=as_json)
    if made is None:
        terminal.fail(f"no key {identifier} of the instance in force", terminal.REFUSED, as_json=as_json)
    if as_json:
        terminal.print_json({"id": made[0], "key": made[1]})
    else:
        typer.echo(made[1])


@keys.command("rotate-encryption")
def keys_rotate_encryption(home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Encrypt what is known of people with a new key, and destroy the old one; the server must be stopped."""
    from maillon import main

    chosen = _settings(as_json, home=home, url=url)
    try:
        backups.require_instance(chosen.home)
        with main.exclusive_home(chosen.home):
            changed = main.rotate_encryption(chosen)
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"values": changed})
    else:
        typer.echo(f"{changed} values are encrypted with a new key; the old one is destroyed")


people = typer.Typer(help="People: of this home, and of an organisation at its server.", no_args_is_help=True)


@people.command("list")
def people_list(home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """List people: id, name, address, roles. The door of the operator, who owns database and keys."""
    from maillon import main

    chosen = _settings(as_json, home=home, url=url)
    try:
        with main.people_of_home(chosen) as service:
            found = service.everybody()
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)
    columns = ("id", "name", "address", "roles", "last seen")
    rows = [
        (
            person.id,
            person.profile.name,
            person.profile.address,
            ", ".join(f"{grant.role} of {grant.organisation}" for grant in grants),
            person.seen,
        )
        for person, grants in found
    ]
    if as_json:
        terminal.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        terminal.print_table(columns, rows)


@people.command("log-out")
def people_log_out(
    identifier: Annotated[str, typer.Argument(help="The id `people list` shows.")],
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """End every session of somebody, browsers and command lines, at once."""
    from maillon import main

    chosen = _settings(as_json, home=home, url=url)
    try:
        with main.people_of_home(chosen) as service:
            ended = service.log_out_person(identifier, "operator")
    except PeopleError as error:
        terminal.fail(str(error), terminal.REFUSED, as_json=as_json)
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"id": identifier, "ended": ended})
    else:
        typer.echo(f"{ended} sessions have ended")


@people.command("erase")
def people_erase(
    identifier: Annotated[str, typer.Argument(help="The id `people list` shows.")],
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Forget a person who asked for it: account, sessions, roles, at once."""
    from maillon import main

    chosen = _settings(as_json, home=home, url=url)
    try:
        with main.people_of_home(chosen) as service:
            service.erase_person(identifier, "operator", "command")
    except PeopleError as error:
        terminal.fail(str(error), terminal.REFUSED, as_json=as_json)
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"id": identifier, "erased": True})
    else:
        typer.echo(f"{identifier} is erased")


def explain(  # noqa: PLR0917 - options of a command
    subject: Annotated[str, typer.Argument(help="person:ID or key:ID.")],
    action: Annotated[str, typer.Argument(help="For example people:invite; docs/operating/people.md lists them.")],
    target: Annotated[str, typer.Argument(help="organisation:ID, person:ID or instance.")],
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Say whether somebody may, and every reason why; exit status 1 when they may not."""
    from maillon import main

    chosen = _settings(as_json, home=home, url=url)
    try:
        with main.people_of_home(chosen) as service:
            decision = service.explain(subject, action, target)
    except _OURS as error:
        terminal.fail(str(error), as_json=as_json)
    if as_json:
        terminal.print_json({"allowed": decision.allowed} | decision.document())
    else:
        for number, link in enumerate(decision.reasons, 1):
            typer.echo(f"{number}. {'holds' if link.holds else 'does not hold'}: {link.text}")
        typer.echo("yes, they may" if decision.allowed else "no, they may not")
        if decision.remedy is not None:
            typer.echo(decision.remedy.text)
            for name in decision.remedy.people:
                typer.echo(f"- {name}")
    if not decision.allowed:
        raise typer.Exit(terminal.REFUSED)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"maillon {__version__}")
        raise typer.Exit


def _program(
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Say which version this is."),
    ] = False,
) -> None:
    """What may stand before a command."""


def add(application: typer.Typer) -> None:
    """Join these commands to the program."""
    application.callback()(_program)
    network_commands.network.command("demo")(network_demo)
    network_commands.node.command("delegate")(node_delegate)
    network_commands.node.command("register")(node_register)
    for command in (up, demo, status, reindex, backup, restore, credit, accounts, consent, explain):
        application.command()(command)
    application.add_typer(keys, name="keys")
    application.add_typer(people, name="people")
    for name in ("engine", "node", "network"):
        application.add_typer(getattr(network_commands, name), name=name)
