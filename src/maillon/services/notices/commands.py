# SPDX-License-Identifier: Apache-2.0
"""Notices and webhooks in the terminal, as the person of `maillon login`.

`maillon notices list|read|choices`, and of an organisation `maillon webhooks list|add|test|rotate|resume|remove`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from maillon.kit.credentials import authorization
from maillon.kit.errors import KitError
from maillon.kit.settings import load
from maillon.kit.terminal import REFUSED, UNDECIDED, fail, print_json, print_table

notices = typer.Typer(
    no_args_is_help=True, help="What concerns you and your organisations, and what is written to you."
)
webhooks = typer.Typer(
    no_args_is_help=True, help="The webhooks of an organisation: its own programs are told what happens."
)

_Json = Annotated[bool, typer.Option("--json", help="One line of JSON instead of text.")]
_Url = Annotated[str | None, typer.Option("--url", help="The server; by default that of the settings.")]
_Home = Annotated[
    Path | None, typer.Option("--home", help="The data directory; by default MAILLON_HOME, else ~/.maillon.")
]


def _ask(home: Path | None, url: str | None, as_json: bool, method: str, path: str, **options: Any) -> Any:
    """What the server answers, read; ends the program when it refuses or cannot be asked."""
    try:
        settings = load(home=home, url=url)
        headers = authorization(settings)
    except KitError as error:
        fail(str(error), as_json=as_json)
    if not headers:
        fail(f"not logged in at {settings.server_url}: maillon login", REFUSED, as_json=as_json)
    try:
        answer = httpx.request(method, f"{settings.server_url}{path}", headers=headers, timeout=30, **options)
        document = answer.json() if answer.content else {}
    except (httpx.HTTPError, ValueError) as error:
        fail(f"{settings.server_url} does not answer as it should: {error}", UNDECIDED, as_json=as_json)
    if answer.status_code >= 400:
        status = UNDECIDED if answer.status_code >= 500 else REFUSED
        fail(f"{document.get('title')}: {document.get('detail')}", status, as_json=as_json)
    return document


@notices.command("list")
def list_notices(  # noqa: PLR0917 - Typer reads the command's options from its arguments
    unread: Annotated[bool, typer.Option("--unread", help="Only what you have not read.")] = False,
    before: Annotated[int | None, typer.Option(min=1, help="Continue below this number.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 20,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """List your notices, newest first."""
    query: dict[str, Any] = {"limit": limit, "unread": unread}
    if before is not None:
        query["before"] = before
    document = _ask(home, url, as_json, "GET", "/v1/notices", params=query)
    if as_json:
        print_json(document)
        return
    rows = [
        (one["number"], "" if one["read"] else "new", one["time"][:16].replace("T", " "), one["title"], one["text"])
        for one in document["notices"]
    ]
    print_table(("No.", "", "When (UTC)", "What", ""), rows)
    if document["next"] is not None:
        print(f"more: maillon notices list --before {document['next']}")


@notices.command("read")
def read(
    numbers: Annotated[list[int] | None, typer.Argument(min=1, help="The numbers of notices.")] = None,
    until: Annotated[int | None, typer.Option(min=1, help="Every notice up to this number.")] = None,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Mark notices as read."""
    if bool(numbers) is (until is not None):
        fail("give numbers of notices, or --until", UNDECIDED, as_json=as_json)
    body: dict[str, Any] = {"until": until} if until is not None else {"numbers": numbers}
    document = _ask(home, url, as_json, "POST", "/v1/notices/read", json=body)
    if as_json:
        print_json(document)
    else:
        print(f"marked as read: {document['marked']}")


@notices.command("choices")
def choices(
    mail: Annotated[list[str] | None, typer.Option(help="A kind that shall come by mail.")] = None,
    no_mail: Annotated[list[str] | None, typer.Option(help="A kind that shall not.")] = None,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Show which notices are written to you by mail too, and change it."""
    wanted = dict.fromkeys(mail or (), True) | dict.fromkeys(no_mail or (), False)
    if set(mail or ()) & set(no_mail or ()):
        fail("a kind cannot both come and not come", UNDECIDED, as_json=as_json)
    if wanted:
        document = _ask(home, url, as_json, "PUT", "/v1/notices/choices", json={"mail": wanted})
    else:
        document = _ask(home, url, as_json, "GET", "/v1/notices/choices")
    if as_json:
        print_json(document)
        return
    rows = [
        (one["kind"], "always" if one["fixed"] else "yes" if one["mail"] else "no", one["meaning"])
        for one in document["choices"]
    ]
    print_table(("Kind", "By mail", ""), rows)


_Organisation = Annotated[str, typer.Argument(help="The organisation: its number, or office.")]
_Webhook = Annotated[str, typer.Argument(help="The id `webhooks list` shows.")]


def _place(organisation: str, *parts: str) -> str:
    found = (organisation, "webhooks", *parts)
    return "/v1/organisations/" + "/".join(quote(part, safe="") for part in found)


@webhooks.command("list")
def list_webhooks(organisation: _Organisation, as_json: _Json = False, url: _Url = None, home: _Home = None) -> None:
    """List the webhooks of an organisation, and what became of the last message of each. Secrets are never shown."""
    document = _ask(home, url, as_json, "GET", _place(organisation))
    if as_json:
        print_json(document)
        return
    rows = [
        (one["id"], one["address"], " ".join(one["kinds"]) or "everything", one["state"], one["taken"], one["said"])
        for one in document["webhooks"]
    ]
    print_table(("id", "address", "told of", "state", "last taken", "last refused because"), rows)


@webhooks.command("add")
def add_webhook(  # noqa: PLR0917 - Typer reads the command's options from its arguments
    organisation: _Organisation,
    address: Annotated[str, typer.Argument(help="Where it goes: https:// and a public host.")],
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="An event it is told of; repeat for several, all by default.")
    ] = None,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Add a webhook, and show the secret its messages are signed with, this once."""
    body = {"url": address, "kinds": kind or []}
    _show_secret(_ask(home, url, as_json, "POST", _place(organisation), json=body), as_json)


@webhooks.command("rotate")
def rotate_webhook(
    organisation: _Organisation, webhook: _Webhook, as_json: _Json = False, url: _Url = None, home: _Home = None
) -> None:
    """Give a webhook another secret, and show it, this once; what waits is signed with it."""
    _show_secret(_ask(home, url, as_json, "POST", _place(organisation, webhook, "rotation")), as_json)


def _show_secret(document: dict[str, str], as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        print(document["id"], document["secret"])


@webhooks.command("test")
def send_test(
    organisation: _Organisation, webhook: _Webhook, as_json: _Json = False, url: _Url = None, home: _Home = None
) -> None:
    """Send a webhook a test, once; `webhooks list` shows whether it was taken."""
    document = _ask(home, url, as_json, "POST", _place(organisation, webhook, "test"))
    if as_json:
        print_json(document)
    else:
        print(f"on its way: {document['message']}")


@webhooks.command("resume")
def resume_webhook(
    organisation: _Organisation, webhook: _Webhook, as_json: _Json = False, url: _Url = None, home: _Home = None
) -> None:
    """Tell a webhook that was set aside of what happens from now on."""
    _ask(home, url, as_json, "POST", _place(organisation, webhook, "resumption"))
    if as_json:
        print_json({"id": webhook, "resumed": True})
    else:
        print(f"{webhook} is told again")


@webhooks.command("remove")
def remove_webhook(
    organisation: _Organisation, webhook: _Webhook, as_json: _Json = False, url: _Url = None, home: _Home = None
) -> None:
    """Remove a webhook: what waits for it is forgotten."""
    _ask(home, url, as_json, "DELETE", _place(organisation, webhook))
    if as_json:
        print_json({"id": webhook, "removed": True})
    else:
        print(f"{webhook} is removed")
