# SPDX-License-Identifier: Apache-2.0
"""People in the terminal: `maillon join`, `login`, `logout`, `whoami`, `audit`; the token is a file of mode 0600.

And what administrators of an organisation do at its server: `maillon people invite`, `invitations`, `of`, `roles`, and
its API keys, which `maillon keys … --organisation` hands to `KeysOf`.
"""

from __future__ import annotations

import getpass
import json
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from maillon.kit.credentials import LOGIN_FILE, authorization, is_sealed, login_token
from maillon.kit.errors import KitError
from maillon.kit.keys import write_private
from maillon.kit.problems import MEDIA_TYPE
from maillon.kit.settings import Settings, load
from maillon.kit.terminal import REFUSED, UNDECIDED, fail, print_json, print_table, progress_line

commands = typer.Typer()
people = typer.Typer()
"""Joined by the command line to the operator's own commands about people."""

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
def login(
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Ask for password and code in this terminal instead.")
    ] = False,
    address: Annotated[str | None, typer.Option(help="With --no-browser: your e-mail address; else asked for.")] = None,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Log this command line in: confirm in the browser, where you are logged in, that it may act as you.

    With --no-browser it asks for your address, password and code here instead. A passkey needs the browser, which shows
    it to no other site: a password can be typed at a false server, so look at the address it is asked for.
    """
    settings = _settings(as_json, home=home, url=url)
    if no_browser:
        _log_in_here(settings, address, as_json)
        return
    begun = _ask(settings, "POST", "/v1/login/device", as_json, json={"label": _label()})
    if begun.status_code != 200:
        fail(_said(begun), REFUSED, as_json=as_json)
    device = begun.json()
    progress_line(f"open {device['verification_uri']} and give the code {device['user_code']}")
    until = time.monotonic() + device["expires_in"]
    while time.monotonic() < until:
        answer = _ask(settings, "POST", "/v1/login/token", as_json, json={"device_code": device["device_code"]})
        if answer.status_code == 200:
            _keep(settings, answer.json(), as_json)
            return
        if answer.status_code not in (428, 429, 503):
            fail(_said(answer), REFUSED, as_json=as_json)
        time.sleep(device["interval"])
    fail("nobody has confirmed in time: maillon login begins again", REFUSED, as_json=as_json)


def _label() -> str:
    """How this command line is called among the sessions of its owner."""
    return f"{getpass.getuser()}@{platform.node()}"


def _keep(settings: Settings, opened: dict[str, Any], as_json: bool) -> None:
    """Keep the token of a session that has begun, and say so; recovery codes are shown this once, before anything."""
    codes = opened.get("recovery_codes", [])
    if codes and not as_json:
        typer.echo("\n".join(["keep these codes: each logs you in once, in place of the application", *codes]))
    document = {"token": opened["token"], "expires": opened["expires"], "server": settings.server_url}
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(settings.home / LOGIN_FILE, json.dumps(document).encode())
    if as_json:
        shown = {"server": settings.server_url, "expires": opened["expires"]}
        print_json(shown | {"recovery_codes": codes} if codes else shown)
    else:
        typer.echo(f"logged in at {settings.server_url}; the token is in {settings.home / LOGIN_FILE}")


_TRIES = 3
"""Codes of an application that are asked for before the command ends."""


def _asked_here(settings: Settings, as_json: bool) -> None:
    """Say who is about to be told a secret; ends the program where others could read it on its way."""
    if not is_sealed(settings.server_url):
        fail(f"{settings.server_url} has no TLS: no password is sent there from here", REFUSED, as_json=as_json)
    progress_line(f"what you type goes to {settings.server_url}")


def _hidden(what: str, *, twice: bool = False) -> str:
    """Something that is not shown while it is typed."""
    said: str = typer.prompt(what, hide_input=True, confirmation_prompt=twice and f"{what} again", err=True)
    return said


def _typed(what: str) -> str:
    said: str = typer.prompt(what, err=True)
    return said


def _first_half(settings: Settings, path: str, as_json: bool, body: dict[str, str]) -> dict[str, Any]:
    answer = _ask(settings, "POST", path, as_json, json=body)
    if answer.status_code != 200:
        fail(_said(answer), UNDECIDED if answer.status_code >= 500 else REFUSED, as_json=as_json)
    document: dict[str, Any] = answer.json()
    return document


def _second_half(settings: Settings, path: str, as_json: bool, step: str) -> None:
    """Ask for codes until one is right; then a session has begun."""
    for left in reversed(range(_TRIES)):
        body = {"step": step, "code": _hidden("code"), "label": _label()}
        answer = _ask(settings, "POST", path, as_json, json=body)
        if answer.status_code in (200, 201):
            _keep(settings, answer.json(), as_json)
            return
        wrong = answer.headers.get("content-type") == MEDIA_TYPE and answer.json().get("type") == "/problems/wrong-code"
        if not (wrong and left):
            fail(_said(answer), UNDECIDED if answer.status_code >= 500 else REFUSED, as_json=as_json)
        progress_line(_said(answer))


def _log_in_here(settings: Settings, address: str | None, as_json: bool) -> None:
    _asked_here(settings, as_json)
    body = {"address": address or _typed("e-mail address"), "password": _hidden("password")}
    step = _first_half(settings, "/v1/login", as_json, body)["step"]
    progress_line("the code of your authenticator application, or a recovery code")
    _second_half(settings, "/v1/login/code", as_json, step)


@commands.command()
def join(  # noqa: PLR0917 - options of a command
    address: Annotated[str | None, typer.Option(help="The e-mail address you were invited at; else asked for.")] = None,
    name: Annotated[str | None, typer.Option(help="How you want to be called; else asked for.")] = None,
    language: Annotated[str, typer.Option(help="The language of letters to you: fr or en.")] = "fr",
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Follow an invitation in this terminal: its code, a password, and an authenticator application.

    The code stands in the letter, at the end of its link, which will do too. It and the password are asked for, and
    never an argument. Whoever is logged in here takes the invitation with the account they have.
    """
    settings = _settings(as_json, home=home, url=url)
    _asked_here(settings, as_json)
    try:
        token = login_token(settings)
    except KitError as error:
        fail(str(error), as_json=as_json)
    # The link of the letter will do too: its code stands behind #.
    code = _hidden("code of the invitation").rpartition("#")[2].strip()
    if token:
        _take_with_account(settings, token, code, as_json)
        return
    body = {
        "code": code,
        "address": address or _typed("e-mail address"),
        "name": name or _typed("your name"),
        "password": _hidden("new password", twice=True),
        "language": language,
    }
    enrolment = _first_half(settings, "/v1/join", as_json, body)
    secret = enrolment["secret"]
    progress_line("add this to your authenticator application; type the code it shows then")
    if sys.stderr.isatty():
        import segno

        segno.make(enrolment["otpauth"], error="l").terminal(out=sys.stderr, compact=True)
    progress_line("secret " + " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)))
    _second_half(settings, "/v1/join/code", as_json, enrolment["step"])


def _take_with_account(settings: Settings, token: str, code: str, as_json: bool) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = _ask(settings, "POST", "/v1/invitations/acceptance", as_json, json={"code": code}, headers=headers)
    if answer.status_code != 200:
        fail(_said(answer), UNDECIDED if answer.status_code >= 500 else REFUSED, as_json=as_json)
    organisation = answer.json()["organisation"]
    if as_json:
        print_json({"server": settings.server_url, "organisation": organisation})
    else:
        typer.echo(f"you are of {organisation} now: maillon whoami")


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


def _done(settings: Settings, method: str, path: str, as_json: bool, **options: Any) -> Any:
    """What the server answers to whoever this command line acts as; ends the program when it refuses."""
    answer = _ask(settings, method, path, as_json, headers=_who(settings, as_json), **options)
    if answer.status_code >= 400:
        fail(_said(answer), UNDECIDED if answer.status_code >= 500 else REFUSED, as_json=as_json)
    try:
        return answer.json() if answer.content else {}
    except ValueError:
        fail(f"{settings.server_url} answered no JSON: is it a Maillon server?", as_json=as_json)


def _place(organisation: str, *parts: str) -> str:
    return "/v1/organisations/" + "/".join(quote(part, safe="") for part in (organisation, *parts))


_Organisation = Annotated[str, typer.Argument(help="The organisation: its number, or office.")]
_Role = Annotated[list[str] | None, typer.Option("--role", help="administrator, delegate or member; repeatable.")]


@people.command("invite")
def invite(  # noqa: PLR0917 - options of a command
    organisation: _Organisation,
    address: Annotated[str, typer.Argument(help="Their e-mail address; it gets a letter with a code.")],
    role: _Role = None,
    language: Annotated[str, typer.Option(help="The language of the letter: fr or en.")] = "fr",
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Invite somebody into an organisation, as member unless --role says otherwise."""
    settings = _settings(as_json, home=home, url=url)
    body = {"address": address, "roles": role or ["member"], "language": language}
    document = _done(settings, "POST", _place(organisation, "invitations"), as_json, json=body)
    if as_json:
        print_json(document)
    else:
        typer.echo(f"{document['address']} is invited as {', '.join(document['roles'])}, until {document['expires']}")


@people.command("invitations")
def invitations(
    organisation: _Organisation,
    withdraw: Annotated[str | None, typer.Option("--withdraw", help="Make the code of this one worthless.")] = None,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """List the invitations of an organisation; withdraw one."""
    settings = _settings(as_json, home=home, url=url)
    if withdraw is not None:
        _done(settings, "DELETE", _place(organisation, "invitations", withdraw), as_json)
    document = _done(settings, "GET", _place(organisation, "invitations"), as_json)
    if as_json:
        print_json(document)
        return
    rows = [
        (one["id"], one["address"], " ".join(one["roles"]), _invitation_state(one), one["expires"][:10])
        for one in document["invitations"]
    ]
    print_table(("id", "address", "roles", "state", "until"), rows)


def _invitation_state(one: dict[str, Any]) -> str:
    if one["used"]:
        return "used"
    return "withdrawn" if one["revoked"] else "open"


@people.command("of")
def people_of(  # noqa: PLR0917 - options of a command
    organisation: _Organisation,
    words: Annotated[str, typer.Argument(help="Words of names or addresses.")] = "",
    after: Annotated[str | None, typer.Option(help="Continue where another list ended.")] = None,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """List the people of an organisation and their roles."""
    settings = _settings(as_json, home=home, url=url)
    query = {"q": words, "limit": 200} | ({} if after is None else {"after": after})
    document = _done(settings, "GET", _place(organisation, "people"), as_json, params=query)
    if as_json:
        print_json(document)
        return
    rows = [(one["id"], one["name"], one["address"], " ".join(one["roles"])) for one in document["people"]]
    print_table(("id", "name", "address", "roles"), rows)
    more = f"; the next ones: --after {document['next']}" if document["next"] else ""
    typer.echo(f"{document['total']} in all{more}")


@people.command("roles")
def roles(  # noqa: PLR0917 - options of a command
    organisation: _Organisation,
    person: Annotated[str, typer.Argument(help="The id `people of` shows.")],
    role: _Role = None,
    none: Annotated[bool, typer.Option("--none", help="Let them go: they have no role any more.")] = False,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Give a person of an organisation these roles and no others."""
    settings = _settings(as_json, home=home, url=url)
    if none == bool(role):
        fail("say which roles: --role once for each, or --none", as_json=as_json)
    _done(settings, "PUT", _place(organisation, "people", person, "roles"), as_json, json={"roles": role or []})
    if as_json:
        print_json({"id": person, "roles": sorted(role or [])})
    else:
        typer.echo(f"{person} is {', '.join(sorted(role or [])) or 'nobody any more'} in {organisation}")


class KeysOf:
    """The API keys of one organisation, asked for at its server; each refusal ends the program."""

    def __init__(self, settings: Settings, organisation: str, *, as_json: bool) -> None:
        self._settings = settings
        self._organisation = organisation
        self._as_json = as_json

    def _done(self, method: str, *parts: str, **options: Any) -> Any:
        return _done(self._settings, method, _place(self._organisation, "keys", *parts), self._as_json, **options)

    def list(self) -> Any:
        """Every key: id, name, scopes, created, expires, last_used, revoked."""
        return self._done("GET")["keys"]

    def create(self, name: str, scopes: Sequence[str], days: int | None) -> tuple[str, str]:
        """A new key: its id, and itself, this once."""
        made = self._done("POST", json={"name": name, "scopes": [*scopes], "days": days})
        return made["id"], made["key"]

    def rotate(self, identifier: str, days: int) -> tuple[str, str]:
        """The successor of a key: its id, and itself, this once."""
        made = self._done("POST", identifier, "rotation", json={"days": days})
        return made["id"], made["key"]

    def revoke(self, identifier: str) -> None:
        """Make a key worthless."""
        self._done("DELETE", identifier)


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
