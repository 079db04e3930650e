# SPDX-License-Identifier: Apache-2.0
"""People in the terminal: `maillon login`, `logout`, `whoami`, `audit`; the token is a file of mode 0600."""

from __future__ import annotations

import getpass
import json
import platform
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from maillon.kit.credentials import LOGIN_FILE, authorization, login_token
from maillon.kit.errors import KitError
from maillon.kit.keys import write_private
from maillon.kit.settings import Settings, load
from maillon.kit.terminal import REFUSED, UNDECIDED, fail, print_json, print_table, progress_line

commands = typer.Typer()

_Json = Annotated[bool, typer.Option("--json", help="One line of JSON instead of text.")]
_Url = Annotated[str | None, typer.Option("--url", help="The server; by default that of the settings.")]
_Home = Annotated[
    Path | None, typer.Option("--home", help="The data directory; by default MAILLON_HOME, else ~/.maillon.")
]


def _settings(as_json: bool, **chosen: Any) -> Settings:
    try:
        return load(**chosen)
    except KitError as error:
        fail(str(error), as_json=as_json)


def _ask(settings: Settings, method: str, path: str, as_json: bool, **options: Any) -> httpx.Response:
    try:
        return httpx.request(method, f"{settings.server_url}{path}", timeout=30, **options)
    except httpx.HTTPError as error:
        fail(f"{settings.server_url} does not answer: {error}", UNDECIDED, as_json=as_json)


def _said(answer: httpx.Response) -> str:
    try:
        document = answer.json()
        return f"{document['title']}: {document['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"the server answered {answer.status_code}"


def _who(settings: Settings, as_json: bool) -> dict[str, str]:
    """The header that says who asks; ends the program when there is nothing to show."""
    try:
        found = authorization(settings)
    except KitError as error:
        fail(str(error), as_json=as_json)
    if not found:
        fail(f"not logged in at {settings.server_url}: maillon login", REFUSED, as_json=as_json)
    return found


@commands.command()
def login(home: _Home = None, url: _Url = None, as_json: _Json = False) -> None:
    """Log this command line in: confirm in the browser, where you are logged in, that it may act as you."""
    settings = _settings(as_json, home=home, url=url)
    label = f"{getpass.getuser()}@{platform.node()}"
    begun = _ask(settings, "POST", "/v1/login/device", as_json, json={"label": label})
    if begun.status_code != 200:
        fail(_said(begun), REFUSED, as_json=as_json)
    device = begun.json()
    progress_line(f"open {device['verification_uri']} and give the code {device['user_code']}")
    until = time.monotonic() + device["expires_in"]
    while time.monotonic() < until:
        answer = _ask(settings, "POST", "/v1/login/token", as_json, json={"device_code": device["device_code"]})
        if answer.status_code == 200:
            document = answer.json() | {"server": settings.server_url}
            settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(settings.home / LOGIN_FILE, json.dumps(document).encode())
            break
        if answer.status_code not in (428, 429, 503):
            fail(_said(answer), REFUSED, as_json=as_json)
        time.sleep(device["interval"])
    else:
        fail("nobody has confirmed in time: maillon login begins again", REFUSED, as_json=as_json)
    if as_json:
        print_json({"server": settings.server_url, "expires": document["expires"]})
    else:
        typer.echo(f"logged in at {settings.server_url}; the token is in {settings.home / LOGIN_FILE}")


@commands.command()
def logout(home: _Home = None, url: _Url = None, as_json: _Json = False) -> None:
    """End the session of this command line, here and at the server."""
    settings = _settings(as_json, home=home, url=url)
    try:
        # Whatever the environment holds: it is the log-in that ends.
        token = login_token(settings)
    except KitError as error:
        fail(str(error), as_json=as_json)
    if not token:
        fail(f"not logged in at {settings.server_url}", REFUSED, as_json=as_json)
    answer = _ask(settings, "DELETE", "/v1/login", as_json, headers={"Authorization": f"Bearer {token}"})
    # A session the server no longer knows is as ended as one it has just ended.
    if answer.status_code not in (204, 401):
        fail(_said(answer), REFUSED, as_json=as_json)
    (settings.home / LOGIN_FILE).unlink(missing_ok=True)
    if as_json:
        print_json({"server": settings.server_url, "ended": True})
    else:
        typer.echo(f"logged out at {settings.server_url}")


@commands.command()
def whoami(home: _Home = None, url: _Url = None, as_json: _Json = False) -> None:
    """Say as whom this command line acts, and with which roles."""
    settings = _settings(as_json, home=home, url=url)
    answer = _ask(settings, "GET", "/v1/me", as_json, headers=_who(settings, as_json))
    if answer.status_code != 200:
        fail(_said(answer), REFUSED, as_json=as_json)
    document = answer.json()
    if as_json:
        print_json(document)
        return
    rows = [("name", document["name"]), ("subject", document["subject"])]
    rows += [(organisation, ", ".join(roles)) for organisation, roles in document["roles"].items()]
    print_table(("", ""), rows)


_SaveTo = Annotated[Path, typer.Option("--to", help="The folder a document and its receipt are written to.")]


@commands.command()
def audit(  # noqa: PLR0917 - the options
    organisation: Annotated[str | None, typer.Argument(help="Whose trail; the instance’s without one.")] = None,
    before: Annotated[int | None, typer.Option("--before", min=1, help="Continue below this number.")] = None,
    documents: Annotated[bool, typer.Option("--documents", help="List what was notarised, a day each.")] = False,
    save: Annotated[int | None, typer.Option("--save", min=1, help="Fetch the document that begins here.")] = None,
    to: _SaveTo = Path(),
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Read the trail: who did what, newest first; its notarised documents, and one of them with its receipt."""
    settings = _settings(as_json, home=home, url=url)
    place = "/v1/audit" if organisation is None else f"/v1/organisations/{quote(organisation, safe='')}/audit"
    headers = _who(settings, as_json)

    def get(path: str, **options: Any) -> httpx.Response:
        answer = _ask(settings, "GET", path, as_json, headers=headers, **options)
        if answer.status_code != 200:
            fail(_said(answer), REFUSED, as_json=as_json)
        return answer

    if save is not None:
        base = f"{place}/documents/{save}"
        name = f"trail-{organisation or 'instance'}-{save}.json"
        # The receipt first: where the trail was altered the document is refused, and the receipt is what shows it.
        written = {f"{name}.receipt.json": f"{base}/receipt", name: base}
        for file, address in written.items():
            content = get(address).content
            try:
                (to / file).write_bytes(content)
            except OSError as error:
                fail(f"{to} cannot be written to: {error.strerror}", UNDECIDED, as_json=as_json)
        if as_json:
            print_json({"files": sorted(str(to / file) for file in written)})
        else:
            typer.echo(f"wrote {to / name} and its receipt; maillon verify checks them")
        return
    answered = get(f"{place}/documents" if documents else place, params={} if before is None else {"before": before})
    document = answered.json()
    if as_json:
        print_json(document)
    elif documents:
        listed = [(one["first"], one["day"], one["deeds"], one["entry"]) for one in document["documents"]]
        print_table(("begins with", "until the end of", "deeds", "entry"), listed)
    else:
        rows = [
            (one["number"], one["time"][:16].replace("T", " "), one["tag"], one["actor"], one["detail"])
            for one in document["deeds"]
        ]
        print_table(("number", "when (UTC)", "what", "who", "detail"), rows)
