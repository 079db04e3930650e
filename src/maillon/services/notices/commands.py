# SPDX-License-Identifier: Apache-2.0
"""Notices in the terminal: `maillon notices list|read|choices`, as the person of `maillon login`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from maillon.kit.credentials import authorization
from maillon.kit.errors import KitError
from maillon.kit.settings import load
from maillon.kit.terminal import REFUSED, UNDECIDED, fail, print_json, print_table

notices = typer.Typer(
    no_args_is_help=True, help="What concerns you and your organisations, and what is written to you."
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
        document = answer.json()
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
