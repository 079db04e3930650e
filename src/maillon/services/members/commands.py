# SPDX-License-Identifier: Apache-2.0
"""Members in the terminal: `maillon members …`, against a server, with an API key or the token of `maillon login`.

The code of an application is a secret: it comes from MAILLON_APPLICATION or from a question, never from an argument.
"""

from __future__ import annotations

import datetime
import getpass
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import httpx
import typer

from maillon.kit.credentials import authorization
from maillon.kit.errors import KitError
from maillon.kit.settings import Settings, load
from maillon.kit.terminal import REFUSED, UNDECIDED, fail, print_json, print_table

if TYPE_CHECKING:
    from maillon.ledger.client import Server
    from maillon.ledger.signing import Account
    from maillon.services.members.words import Words

commands = typer.Typer(no_args_is_help=True, help="Who belongs to the alliance, and how one comes to belong.")

_Json = Annotated[bool, typer.Option("--json", help="One line of JSON instead of text.")]
_Url = Annotated[str | None, typer.Option("--url", help="The server; by default that of the settings.")]
_Home = Annotated[
    Path | None, typer.Option("--home", help="The data directory; by default MAILLON_HOME, else ~/.maillon.")
]
_Number = Annotated[int, typer.Argument(min=1, help="The organisation's number in the directory.")]
_Application = Annotated[str, typer.Argument(help="The id of the application, as `members queue` shows it.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask again.")]
_Signing = Annotated[
    Path | None,
    typer.Option("--key", help="Sign with the key of this file, which stays in it, not the server's."),
]
_NAMES = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}
"""How a document of an applicant is called here: never by the name its applicant gave it."""


def _settings(as_json: bool, **chosen: Any) -> Settings:
    try:
        return load(**chosen)
    except KitError as error:
        fail(str(error), as_json=as_json)


def _credentials(settings: Settings, *, as_json: bool) -> dict[str, str]:
    """The header that says who asks; ends the program when it cannot be read."""
    try:
        return authorization(settings)
    except KitError as error:
        fail(str(error), as_json=as_json)


def _code() -> dict[str, str]:
    """The code of an application."""
    return {"Application-Code": os.environ.get("MAILLON_APPLICATION") or getpass.getpass("code of the application: ")}


def _ask(
    settings: Settings, method: str, path: str, headers: dict[str, str], *, as_json: bool, **options: Any
) -> Any:  # fmt: skip
    """What the server answers, read; ends the program when it refuses or cannot be asked."""
    return _answered(settings, method, path, headers, as_json=as_json, **options)[1]


def _answered(
    settings: Settings, method: str, path: str, headers: dict[str, str], *, as_json: bool, **options: Any
) -> tuple[bytes, Any]:  # fmt: skip
    """The same, with the bytes it came in: those of a document are no JSON."""
    try:
        answer = httpx.request(method, f"{settings.server_url}/v1{path}", headers=headers, timeout=60, **options)
    except httpx.HTTPError as error:
        fail(f"{settings.server_url} does not answer: {error}", UNDECIDED, as_json=as_json)
    try:
        document = answer.json() if answer.content else {}
    except ValueError:
        document = {}
    if answer.status_code >= 400:
        said = document.get("detail") or f"the server answered {answer.status_code}"
        advice = document.get("advice", "")
        for one in document.get("errors", []):
            said += f"\n  {one.get('at')}: {one.get('message')}"
        status = UNDECIDED if answer.status_code >= 500 else REFUSED
        fail(f"{said}\n{advice}".rstrip(), status, as_json=as_json)
    return answer.content, document


def _identifier(document: dict[str, Any]) -> str:
    found = document["identifier"]
    return f"{found['label']} {found['shown']}"


def _day(moment: str | None) -> str:
    return "" if moment is None else moment[:10]


@commands.command("list")
def members_list(  # noqa: PLR0917 - options of a command
    words: Annotated[str, typer.Argument(help="Words of a name, a number, a country.")] = "",
    kind: Annotated[list[str] | None, typer.Option(help="company, small-company, education, …; repeatable.")] = None,
    country: Annotated[list[str] | None, typer.Option(help="Two letters, as in FR; repeatable.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="active, applied, suspended, …; repeatable.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
    after: Annotated[int | None, typer.Option(min=1, help="Continue after this organisation.")] = None,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """List organisations by name."""
    settings = _settings(as_json, home=home, url=url)
    query: dict[str, Any] = {"q": words, "limit": limit, "kind": kind or [], "country": country or []}
    query |= {"status": status or []} | ({} if after is None else {"after": after})
    document = _ask(settings, "GET", "/members", {}, as_json=as_json, params=query)
    if as_json:
        print_json(document)
        return
    columns = ("number", "name", "kind", "country", "status")
    print_table(
        columns, [(one["number"], one["legal_name"], *(one[c] for c in columns[2:])) for one in document["members"]]
    )
    more = f"; the next ones: --after {document['next']}" if document["next"] else ""
    typer.echo(f"{document['total']} in all, read at block {document['block']}{more}")
    if document["moved_to"]:
        typer.echo(f"This is the former register: it is now {document['moved_to']}, which this server does not read.")


@commands.command("show")
def members_show(number: _Number, home: _Home = None, url: _Url = None, as_json: _Json = False) -> None:
    """Show one organisation: identity, accounts, history."""
    settings = _settings(as_json, home=home, url=url)
    document = _ask(settings, "GET", f"/members/{number}", {}, as_json=as_json)
    _show(document, as_json=as_json)


def _show(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    rows = [
        ("name", document["legal_name"]),
        ("identifier", _identifier(document)),
        ("kind", f"{document['kind']}, {document['country']}"),
        ("status", document["status"]),
        ("member since", _day(document["joined"])),
        ("did", document["did"]),
    ]
    print_table(("", ""), rows)
    accounts = [
        (one["label"], one["address"], " ".join(one["scopes"])) for one in document["accounts"] if one["until"] is None
    ]
    print_table(("label", "account", "may"), accounts)
    history = [(_day(one["time"]), one["event"], one["block"]) for one in document["history"][:10]]
    print_table(("day", "event", "block"), history)


@commands.command("rules")
def members_rules(home: _Home = None, url: _Url = None, as_json: _Json = False) -> None:
    """List how each kind of organisation is admitted without a vote."""
    settings = _settings(as_json, home=home, url=url)
    document = _ask(settings, "GET", "/members/rules", {}, as_json=as_json)
    if as_json:
        print_json(document)
        return
    rows = [
        (one["kind"], one["country"] or "any", " ".join(one["offices"]), " ".join(one["evidence"]))
        for one in document["rules"]
    ]
    print_table(("kind", "country", "admitted by", "evidence"), rows)


@commands.command("nodes")
def members_nodes(number: _Number, home: _Home = None, url: _Url = None, as_json: _Json = False) -> None:
    """Show the nodes and validators of an organisation, by their keys."""
    settings = _settings(as_json, home=home, url=url)
    document = _ask(settings, "GET", f"/members/{number}/nodes", {}, as_json=as_json)
    if as_json:
        print_json(document)
        return
    print_table(("geth", "CometBFT"), [(one["execution_key"], one["consensus_id"]) for one in document["nodes"]])
    seats = [(one["public_key"], one["state"], one["power"]) for one in document["validators"]]
    print_table(("validator", "state", "power"), seats)


@commands.command("account")
def members_account(
    address: Annotated[str, typer.Argument(help="The account: 0x and 40 hexadecimal digits.")],
    block: Annotated[int | None, typer.Option(min=0, help="At this block; by default the newest.")] = None,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Say for which organisation an account acted; exit status 1 when for none."""
    settings = _settings(as_json, home=home, url=url)
    query = {} if block is None else {"block": block}
    path = f"/accounts/{quote(address, safe='')}/member"
    document = _ask(settings, "GET", path, {}, as_json=as_json, params=query)
    member = document["member"]
    if as_json:
        print_json(document)
    else:
        typer.echo(f"{address} acted for {f'member {member}' if member else 'nobody'} at block {document['block']}")
    if not member:
        raise typer.Exit(REFUSED)


@commands.command("apply")
def members_apply(  # noqa: PLR0917 - options of a command
    scheme: Annotated[str, typer.Option(help="siren, siret, euid, lei or vat.")],
    identifier: Annotated[str, typer.Option(help="The legal identifier.")],
    name: Annotated[str, typer.Option(help="The legal name, as the register writes it.")],
    kind: Annotated[str, typer.Option(help="company, small-company, education, administration, association, other.")],
    contact: Annotated[str, typer.Option(help="The name of the person we write to.")],
    address: Annotated[str, typer.Option(help="Their e-mail address.")],
    country: Annotated[str, typer.Option(help="The country of the register.")] = "FR",
    language: Annotated[str, typer.Option(help="The language of the letters: fr or en.")] = "fr",
    message: Annotated[str, typer.Option(help="What you want to say.")] = "",
    invitation: Annotated[Path | None, typer.Option(help="A file with a member's signed invitation.")] = None,
    document: Annotated[list[Path] | None, typer.Option(help="A document to send; repeatable.")] = None,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Apply for an organisation; prints the code that follows the application, this once."""
    settings = _settings(as_json, home=home, url=url)
    try:
        word = "" if invitation is None else invitation.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"cannot be read: {error}", as_json=as_json)
    sent = _documents_in(document or [], as_json=as_json)
    body = {
        "scheme": scheme,
        "identifier": identifier,
        "legal_name": name,
        "kind": kind,
        "country": country,
        "contact_name": contact,
        "contact_address": address,
        "language": language,
        "message": message,
        "invitation": word,
    }
    made = _ask(settings, "POST", "/applications", {}, as_json=as_json, json=body)
    made["documents"] += _send(settings, {"Application-Code": made["code"]}, sent, as_json=as_json)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"application {made['id']} is {made['state']}, with {len(made['documents'])} documents")
        typer.echo(f"its code, kept by you alone: {made['code']}")


@commands.command("follow")
def members_follow(home: _Home = None, url: _Url = None, as_json: _Json = False) -> None:
    """Say where one's application stands."""
    settings = _settings(as_json, home=home, url=url)
    document = _ask(settings, "GET", "/applications/mine", _code(), as_json=as_json)
    _application(document, as_json=as_json)


def _application(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    rows = [
        ("application", document["id"]),
        ("name", document["legal_name"]),
        ("identifier", _identifier(document)),
        ("state", document["state"]),
        ("seen", " ".join(document["evidence"])),
        ("member", document["organisation"]),
    ]
    print_table(("", ""), rows)
    print_table(("day", "state", "by", "note"), [
        (_day(one["time"]), one["state"], one["actor"], one["note"]) for one in document["steps"]
    ])  # fmt: skip


def _documents_in(files: Sequence[Path], *, as_json: bool) -> list[tuple[str, bytes]]:
    """Names and contents, all read before anything is sent."""
    try:
        return [(path.name, path.read_bytes()) for path in files]
    except OSError as error:
        fail(f"cannot be read: {error}", as_json=as_json)


def _send(
    settings: Settings, headers: dict[str, str], documents: Sequence[tuple[str, bytes]], *, as_json: bool
) -> list[dict[str, Any]]:
    """Documents to the application of a code, one after the other; what the server keeps of each."""
    kept = []
    for name, content in documents:
        path = f"/applications/mine/documents?name={quote(name)}"
        kept.append(_ask(settings, "POST", path, headers, as_json=as_json, content=content))
    return kept


@commands.command("document")
def members_document(
    files: Annotated[list[Path], typer.Argument(help="PDF, PNG or JPEG, of 5 MB each.")],
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Add documents to one's application; those before one that is refused are kept."""
    settings = _settings(as_json, home=home, url=url)
    sent = _documents_in(files, as_json=as_json)
    kept = _send(settings, _code(), sent, as_json=as_json)
    if as_json:
        print_json({"documents": kept})
    else:
        print_table(("document", "bytes", "SHA-256"), [(one["name"], one["size"], one["sha256"]) for one in kept])


@commands.command("answer")
def members_answer(
    text: Annotated[str, typer.Option(help="What the office reads.")],
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Answer what the office asked about one's application."""
    settings = _settings(as_json, home=home, url=url)
    answered = _ask(settings, "POST", "/applications/mine/answer", _code(), as_json=as_json, json={"text": text})
    _application(answered, as_json=as_json)


@commands.command("withdraw")
def members_withdraw(yes: _Yes = False, home: _Home = None, url: _Url = None, as_json: _Json = False) -> None:
    """Withdraw one's application."""
    settings = _settings(as_json, home=home, url=url)
    headers = _code()
    if not yes and not typer.confirm("Withdraw the application?", err=True):
        raise typer.Exit(REFUSED)
    _application(_ask(settings, "POST", "/applications/mine/withdrawal", headers, as_json=as_json), as_json=as_json)


@commands.command("appeal")
def members_appeal(  # noqa: PLR0917 - options of a command
    reason: Annotated[str, typer.Option(help="Why it was wrong.")],
    number: Annotated[int | None, typer.Argument(min=1, help="Of a suspension: the organisation.")] = None,
    case: Annotated[str, typer.Option(help="Of a suspension: its case, as `members suspensions` shows it.")] = "",
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Have the refusal of one's application looked at again; or answer a suspension of one's organisation."""
    settings = _settings(as_json, home=home, url=url)
    if (number is None) != (not case):
        fail("of a suspension say both: the organisation and --case DIGEST", as_json=as_json)
    body = {"reason": reason}
    if number is None:
        document = _ask(settings, "POST", "/applications/mine/appeal", _code(), as_json=as_json, json=body)
        _application(document, as_json=as_json)
        return
    path = f"/members/{number}/suspensions/{quote(case, safe='')}/appeal"
    headers = _credentials(settings, as_json=as_json)
    _suspensions(_ask(settings, "PUT", path, headers, as_json=as_json, json=body), as_json=as_json)


@commands.command("suspensions")
def members_suspensions(number: _Number, home: _Home = None, url: _Url = None, as_json: _Json = False) -> None:
    """List the suspensions of one's organisation asked for here, why, and what was answered."""
    settings = _settings(as_json, home=home, url=url)
    headers = _credentials(settings, as_json=as_json)
    document = _ask(settings, "GET", f"/members/{number}/suspensions", headers, as_json=as_json)
    _suspensions(document, as_json=as_json)


def _suspensions(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    for one in document["suspensions"]:
        typer.echo(f"{_day(one['time'])} case {one['case']}")
        typer.echo(f"  why: {one['reason']}\n  answer: {one['appeal'] or 'none yet'}")
    if not document["suspensions"]:
        typer.echo("none was asked for here")


@commands.command("erase")
def members_erase(yes: _Yes = False, home: _Home = None, url: _Url = None, as_json: _Json = False) -> None:
    """Destroy contact, message, notes and documents of one's application, at once; what is open is withdrawn."""
    settings = _settings(as_json, home=home, url=url)
    headers = _code()
    if not yes and not typer.confirm("Erase them for good?", err=True):
        raise typer.Exit(REFUSED)
    _ask(settings, "DELETE", "/applications/mine", headers, as_json=as_json)
    if as_json:
        print_json({"erased": True})
    else:
        typer.echo("erased: what stays names a legal person only")


@commands.command("queue")
def members_queue(
    state: Annotated[list[str] | None, typer.Option(help="submitted, incomplete, …; repeatable.")] = None,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """List applications, oldest first; for the office."""
    settings = _settings(as_json, home=home, url=url)
    document = _ask(settings, "GET", "/applications", _credentials(settings, as_json=as_json), as_json=as_json,
                    params={"state": state or [], "limit": 200})  # fmt: skip
    if as_json:
        print_json(document)
        return
    rows = [
        (one["id"], one["legal_name"], _identifier(one), one["state"], _day(one["submitted"]))
        for one in document["applications"]
    ]
    print_table(("application", "name", "identifier", "state", "since"), rows)


@commands.command("review")
def members_review(
    application: _Application,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write its documents into this folder, each named by its id.")
    ] = None,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Show an application with what may be wrong with it; for the office."""
    settings = _settings(as_json, home=home, url=url)
    headers = _credentials(settings, as_json=as_json)
    place = f"/applications/{quote(application, safe='')}"
    document = _ask(settings, "GET", place, headers, as_json=as_json)
    if save is not None:
        for one in document["documents"]:
            content, _ = _answered(settings, "GET", f"{place}/documents/{one['id']}", headers, as_json=as_json)
            file = save / f"{one['id']}.{_NAMES.get(one['media_type'], 'bin')}"
            try:
                file.write_bytes(content)
            except OSError as error:
                fail(f"{file} cannot be written: {error.strerror}", as_json=as_json)
            one["file"] = str(file)
    _application(document, as_json=as_json)
    if not as_json:
        similar = [(one["organisation"], one["legal_name"], one["likeness"]) for one in document["similar"]]
        print_table(("member", "resembles", "how"), similar)
        papers = [(one["id"], one["name"], one["size"], one.get("file")) for one in document["documents"]]
        print_table(("document", "called", "bytes", "saved as"), papers)
        typer.echo(f"scripts mixed: {', '.join(document['mixed_scripts']) or 'no'}")
        typer.echo(f"the rule still asks for: {', '.join(document['missing']) or 'nothing, it admits'}")


@commands.command("admit")
def members_admit(
    application: _Application,
    evidence: Annotated[list[str] | None, typer.Option(help="register, mandate, credential: what was seen.")] = None,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Answer for having seen the evidence: the applicant is entered on the chain, and admitted when the rule does."""
    settings = _settings(as_json, home=home, url=url)
    path = f"/applications/{quote(application)}/acceptance"
    body = {"evidence": evidence or []}
    document = _ask(settings, "POST", path, _credentials(settings, as_json=as_json), as_json=as_json, json=body)
    _application(document, as_json=as_json)
    if document["state"] != "admitted":
        if not as_json:
            typer.echo("no rule admits it with this: it stands on the chain, and a vote decides")
        raise typer.Exit(REFUSED)


@commands.command("refuse")
def members_refuse(  # noqa: PLR0917 - options of a command
    application: _Application,
    reason: Annotated[str, typer.Option(help="What the applicant reads.")],
    more: Annotated[bool, typer.Option("--ask", help="Ask for it instead, and wait.")] = False,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Refuse an application, or ask its applicant for more; for the office."""
    settings = _settings(as_json, home=home, url=url)
    path = f"/applications/{quote(application)}/{'request' if more else 'refusal'}"
    document = _ask(
        settings, "POST", path, _credentials(settings, as_json=as_json), as_json=as_json, json={"reason": reason}
    )
    _application(document, as_json=as_json)


@commands.command("proposal")
def members_proposal(  # noqa: PLR0917 - options of a command
    application: _Application,
    tier: Annotated[int, typer.Option(min=0, max=7, help="The tier it is admitted to.")],
    college: Annotated[int, typer.Option(min=0, max=7, help="The college it votes in.")],
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Print the call of a vote that admits an applicant, for `maillon votes propose --call`; for the office."""
    settings = _settings(as_json, home=home, url=url)
    path = f"/applications/{quote(application, safe='')}/proposal"
    query = {"tier": tier, "college": college}
    document = _ask(settings, "GET", path, _credentials(settings, as_json=as_json), as_json=as_json, params=query)
    if as_json:
        print_json(document)
    else:
        typer.echo(f"{document['target']} {document['data']}")


@commands.command("suspend")
def members_suspend(  # noqa: PLR0917 - options of a command
    number: _Number,
    reason: Annotated[str, typer.Option(help="Why; it stays here, the chain has its salted hash.")] = "",
    case: Annotated[str, typer.Option(help="As the second officer, of another member: the case of the first.")] = "",
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Ask, as an officer, that a member be suspended for seven days; it begins when one of another member asks too."""
    settings = _settings(as_json, home=home, url=url)
    body = {"reason": reason, "case": case}
    path = f"/members/{number}/suspension"
    document = _ask(settings, "POST", path, _credentials(settings, as_json=as_json), as_json=as_json, json=body)
    if as_json:
        print_json(document)
    elif document["suspended"]:
        typer.echo(f"member {number} is suspended for seven days")
    else:
        typer.echo(f"asked; an officer of another member asks the same with --case {document['case']}")


@commands.command("rename")
def members_rename(  # noqa: PLR0917 - options of a command
    number: _Number,
    name: Annotated[str, typer.Argument(help="The legal name, as the register of its country writes it.")],
    yes: _Yes = False,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Enter the new legal name of another organisation, as an admission officer; for the office."""
    settings = _settings(as_json, home=home, url=url)
    headers = _credentials(settings, as_json=as_json)
    if not yes:
        known = _ask(settings, "GET", f"/members/{number}", {}, as_json=as_json)["legal_name"]
        typer.echo(
            f"Member {number}, {known}, shall be called {name}, for everybody to read; both names stay.", err=True
        )
        if not typer.confirm("Enter it?", err=True):
            raise typer.Exit(REFUSED)
    body = {"legal_name": name}
    _show(_ask(settings, "PUT", f"/members/{number}/name", headers, as_json=as_json, json=body), as_json=as_json)


@commands.command("invite")
def members_invite(  # noqa: PLR0917 - options of a command
    number: _Number,
    scheme: Annotated[str, typer.Option(help="siren, siret, euid, lei or vat.")],
    identifier: Annotated[str, typer.Option(help="Whom you invite.")],
    name: Annotated[str, typer.Option(help="Its legal name.")],
    key: _Signing = None,
    yes: _Yes = False,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Sign an invitation for another organisation to join; good once, for thirty days."""
    settings = _settings(as_json, home=home, url=url)
    body = {"scheme": scheme, "identifier": identifier, "legal_name": name}
    if key is not None:
        document = {"invitation": _vouch(settings, number, body, key, yes=yes, as_json=as_json)}
    else:
        path = f"/members/{number}/invitations"
        _say(settings, number, lambda words, one: _invites(words, body, one), yes=yes, as_json=as_json)
        document = _ask(settings, "POST", path, _credentials(settings, as_json=as_json), as_json=as_json, json=body)
    if as_json:
        print_json(document)
    else:
        typer.echo(document["invitation"])


@commands.command("delegate")
def members_delegate(  # noqa: PLR0917 - options of a command
    number: _Number,
    label: Annotated[str, typer.Option(help="Its label: public for ever, never a person's name.")] = "",
    scope: Annotated[list[str] | None, typer.Option(help="admin, vote, operate, publish; repeatable.")] = None,
    account: Annotated[str | None, typer.Option(help="An account there is; without it a new one is made.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="Add the account of this key file instead: the key stays in the file.")
    ] = None,
    consent: Annotated[
        str | None, typer.Option(help="What the account has signed, as the portal shows it: adds the account.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Let the account act no more.")] = False,
    credited: Annotated[bool, typer.Option("--credits", help="Have the credits paid to the account.")] = False,
    signer: Annotated[
        Path | None,
        typer.Option("--sign-with", help="Sign with the key of this file, which stays in it, not the server's."),
    ] = None,
    yes: _Yes = False,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Add an account that acts for one's organisation, change or remove one, or have the credits paid to it."""
    settings = _settings(as_json, home=home, url=url)
    act = _delegation(account, key, consent, remove=remove, credited=credited, as_json=as_json)
    path = f"/members/{number}/accounts"
    body: dict[str, Any] = {"scopes": scope or [], "label": label}
    if key is not None:
        body |= _consenting(settings, number, key, as_json=as_json)
    elif consent is not None:
        body |= {"account": account, "consent": consent}
    asked: dict[str, Any] = {"act": act, "account": account}
    asked |= body if act in ("add", "change") else {}
    if signer is not None:
        if act == "make":
            fail("whose key is made by the server is added by the server's: --key FILE adds yours", as_json=as_json)
        _sign(settings, number, asked, signer, yes=yes, as_json=as_json)
        return
    headers = _credentials(settings, as_json=as_json)
    if act == "make":
        _say(settings, number, lambda words, name: words.makes(label, scope or [], name), yes=yes, as_json=as_json)
    else:
        _say_act(settings, number, asked, yes=yes, as_json=as_json)
    if act in ("make", "add"):
        document = _ask(settings, "POST", path, headers, as_json=as_json, json=body)
    elif act == "remove":
        document = _ask(settings, "DELETE", f"{path}/{quote(account or '')}", headers, as_json=as_json)
    elif act == "credits":
        path = f"/members/{number}/credit-account"
        document = _ask(settings, "PUT", path, headers, as_json=as_json, json={"account": account})
    else:
        document = _ask(settings, "PUT", f"{path}/{quote(account or '')}", headers, as_json=as_json, json=body)
    _show(document, as_json=as_json)


def _delegation(
    account: str | None, key: Path | None, consent: str | None, *, remove: bool, credited: bool, as_json: bool
) -> str:
    """The act its options ask for, `make` being to add an account of the server's; ends the program for none."""
    if remove and credited:
        fail("--remove and --credits are two things to ask for", as_json=as_json)
    if account is None and (remove or credited):
        fail("say which account: --account 0x…", as_json=as_json)
    if key is not None and account is not None:
        fail("--key adds the account of that key; --account changes one there is", as_json=as_json)
    if consent is not None and (account is None or remove or credited):
        fail("--consent adds the account that gave it: --account 0x…", as_json=as_json)
    if remove or credited:
        return "remove" if remove else "credits"
    if key is not None or consent is not None:
        return "add"
    return "make" if account is None else "change"


def _consenting(settings: Settings, number: int, path: Path, *, as_json: bool) -> dict[str, str]:
    """The account of a key file and its consent, made here from what is asked and never signed as it is given.

    A server that lied about the organisation, the contract or the network would be found out by none of this; but what
    is signed can only ever be a consent of `Members`, for the organisation whose identifier is printed.
    """
    # Imported here: only this signs.
    from maillon.ledger.key_file import KeyFileUnusable, read_key
    from maillon.ledger.port import Address
    from maillon.services.members.consent import Consent
    from maillon.services.members.identifiers import identifier_hash, shown
    from maillon.services.members.model import Identifier

    try:
        signer = read_key(path, lambda: typer.prompt("Passphrase", hide_input=True, err=True))
    except KeyFileUnusable as error:
        fail(str(error), REFUSED, as_json=as_json)
    account = "0x" + signer.address.hex()
    known = _ask(settings, "GET", f"/members/{number}", {}, as_json=as_json)["identifier"]
    asked = _ask(settings, "GET", f"/members/{number}/consents/{account}", {}, as_json=as_json)["typed_data"]
    domain, message = asked["domain"], asked["message"]
    identifier = Identifier(known["scheme"], known["value"])
    consent = Consent(
        int(domain["chainId"]),
        Address(bytes.fromhex(domain["verifyingContract"][2:])),
        identifier_hash(identifier),
        signer.address,
        int(message["nonce"]),
    )
    typer.echo(f"{signer!r} consents to act for {identifier.scheme} {shown(identifier)}", err=True)
    return {"account": account, "consent": "0x" + consent.sign(signer).hex()}


def _say(
    settings: Settings, number: int, speak: Callable[[Words, str], str], *, yes: bool, as_json: bool,
    always: bool = False,
) -> None:  # fmt: skip
    """Say on standard error what the server is to sign; ask who sits at a terminal, or whoever it is with `always`."""
    # Imported here: only this signs.
    from maillon.ledger import client
    from maillon.services.members.errors import Refused
    from maillon.services.members.words import Words

    name = _ask(settings, "GET", f"/members/{number}", {}, as_json=as_json)["legal_name"]
    try:
        says = speak(Words("en"), name)
        if yes or not (always or sys.stdin.isatty()):
            typer.echo(says, err=True)
        else:
            client.confirm(says)
    except (client.ClientError, Refused) as error:
        fail(str(error), REFUSED, as_json=as_json)


def _say_act(
    settings: Settings, number: int, asked: dict[str, Any], *, yes: bool, as_json: bool, always: bool = False
) -> None:  # fmt: skip
    """The same of an act."""
    from maillon.services.members.acts import parse_act

    _say(
        settings, number, lambda words, name: words.signs(parse_act(asked), name), yes=yes, as_json=as_json,
        always=always,
    )  # fmt: skip


def _invites(words: Words, asked: dict[str, str], name: str) -> str:
    """What whoever invites signs. Raises a `Refused`."""
    from maillon.services.members.rules import parse_invited

    return words.invites(*parse_invited(asked), name)


def _sign(settings: Settings, number: int, asked: dict[str, Any], key: Path, *, yes: bool, as_json: bool) -> None:
    """Do what is asked with a key of this machine: said first, encoded here, and compared with what the server made."""
    # Imported here: only this signs.
    from maillon.ledger import client
    from maillon.ledger.contracts.members import Members
    from maillon.ledger.port import Address
    from maillon.services.members.acts import encode, parse_act
    from maillon.services.members.errors import Refused

    server = client.Server(settings.server_url)
    try:
        account = client.read_key(key, lambda: typer.prompt("Passphrase", hide_input=True, err=True))
        _check_acting(server, number, account)
        prepared = server.post(f"/v1/members/{number}/acts", asked)
        members = Members(Address(bytes.fromhex(prepared["to"][2:])))
        call = client.checked(prepared, encode(members, parse_act(asked)))
        signed = client.sign_after_yes(server, prepared, call, account, yes=yes)
    except client.ServerUnreachable as error:
        fail(str(error), UNDECIDED, as_json=as_json)
    except (client.ClientError, Refused) as error:
        fail(str(error), REFUSED, as_json=as_json)
    finally:
        server.close()
    if as_json:
        print_json({"transaction": signed.transaction, "block": signed.block, "says": prepared["says"]["en"]})
    else:
        typer.echo(f"in block {signed.block}: {signed.transaction}")


def _check_acting(server: Server, number: int, account: Account) -> None:
    """An account acts for one organisation: whatever it signs is done in that one's name. Raises `ServerRefused`."""
    from maillon.ledger.client import ServerRefused

    found = server.get(f"/v1/accounts/0x{account.address.hex()}/member")["member"]
    if found != number:
        acts = f"acts for member {found}" if found else "acts for nobody"
        raise ServerRefused(f"{account!r} {acts}, not for member {number}: nothing was signed")


def _vouch(settings: Settings, number: int, asked: dict[str, str], key: Path, *, yes: bool, as_json: bool) -> str:
    """An invitation signed with a key of this machine; the server is asked for network and contract alone."""
    # Imported here: only this signs.
    from maillon.ledger import client
    from maillon.ledger.port import Address
    from maillon.services.members import rules
    from maillon.services.members.consent import Invitation
    from maillon.services.members.errors import Refused
    from maillon.services.members.identifiers import identifier_hash
    from maillon.services.members.vouchers import Voucher
    from maillon.services.members.words import Words

    server = client.Server(settings.server_url)
    try:
        identifier, name = rules.parse_invited(asked)
        account = client.read_key(key, lambda: typer.prompt("Passphrase", hide_input=True, err=True))
        _check_acting(server, number, account)
        domain = server.get(f"/v1/members/{number}/consents/0x{account.address.hex()}")["typed_data"]["domain"]
        if not yes:
            client.confirm(_invites(Words("en"), asked, server.get(f"/v1/members/{number}")["legal_name"]))
        members = Address(bytes.fromhex(domain["verifyingContract"][2:]))
        nonce = secrets.randbits(128)
        expires = int((datetime.datetime.now(datetime.UTC) + rules.INVITATION_LIFE).timestamp())
        said = Invitation(int(domain["chainId"]), members, identifier_hash(identifier), name, nonce, expires)
        return Voucher.sign(identifier, name, nonce, expires, said.digest, account).text
    except client.ServerUnreachable as error:
        fail(str(error), UNDECIDED, as_json=as_json)
    except (client.ClientError, Refused) as error:
        fail(str(error), REFUSED, as_json=as_json)
    finally:
        server.close()


@commands.command("did")
def members_did(  # noqa: PLR0917 - options of a command
    number: _Number,
    did: Annotated[str, typer.Argument(help="did:METHOD:…; empty ('') for none.")],
    key: _Signing = None,
    yes: _Yes = False,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Say which decentralised identifier is one's organisation's."""
    settings = _settings(as_json, home=home, url=url)
    if key is not None:
        _sign(settings, number, {"act": "did", "did": did}, key, yes=yes, as_json=as_json)
        return
    path, headers = f"/members/{number}/did", _credentials(settings, as_json=as_json)
    _say_act(settings, number, {"act": "did", "did": did}, yes=yes, as_json=as_json)
    _show(_ask(settings, "PUT", path, headers, as_json=as_json, json={"did": did}), as_json=as_json)


@commands.command("leave")
def members_leave(  # noqa: PLR0917 - options of a command
    number: _Number,
    key: _Signing = None,
    yes: _Yes = False,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Leave the alliance, in the next block."""
    settings = _settings(as_json, home=home, url=url)
    if key is not None:
        _sign(settings, number, {"act": "leave"}, key, yes=yes, as_json=as_json)
        return
    path, headers = f"/members/{number}/departure", _credentials(settings, as_json=as_json)
    _say_act(settings, number, {"act": "leave"}, yes=yes, as_json=as_json, always=True)
    _show(_ask(settings, "POST", path, headers, as_json=as_json), as_json=as_json)
