# SPDX-License-Identifier: Apache-2.0
"""Credits in the terminal: everybody and the price, or one member."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from maillon.kit import terminal
from maillon.kit.errors import KitError

commands = typer.Typer()

_Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
_Url = Annotated[str | None, typer.Option(help="The server (MAILLON_URL, else http://127.0.0.1:8400).")]
_Home = Annotated[Path | None, typer.Option(help="The data directory (MAILLON_HOME, else ~/.maillon).")]


@commands.command("credits")
def show_credits(
    member: Annotated[int | None, typer.Argument(min=1, help="A member's number; everybody without one.")] = None,
    home: _Home = None,
    url: _Url = None,
    as_json: _Json = False,
) -> None:
    """Say what is left of credits, what they pay now and at least soon, what a day uses, and when they refill."""
    document = _ask(home, url, "" if member is None else f"/members/{member}", as_json=as_json)
    if as_json:
        terminal.print_json(document)
        return
    if member is None:
        terminal.print_table(
            ("No.", "Member", "Left", "Granted in a period"),
            [
                (each["organisation"], each["legal_name"], _rounded(each["left"]), _rounded(each["allowance"]))
                for each in document["members"]
            ],
        )
        if document["next"] is not None:
            typer.echo("more members follow: maillon credits NUMBER shows one, /v1/credits?after= the next")
    else:
        _member(document)
    terminal.print_table(("", ""), [*_price(document["price"]), *_refill(document["refill"])])


def _member(document: dict[str, Any]) -> None:
    one, spending = document["member"], document["spending"]
    rows = [
        (f"{one['organisation']}. {one['legal_name']}", one["account"] or "no account acts for it"),
        ("left", f"{_rounded(one['left'])} credits"),
        ("granted in a period", f"{_rounded(one['allowance'])} credits{', suspended now' if one['suspended'] else ''}"),
    ]
    if not one["chosen"]:
        rows.append(("", "of the first account that acts for it: it has chosen none for its credits yet"))
    if spending is None:
        rows.append(("a day uses", "not known: the ledger is too young, or keeps no older states"))
    else:
        lasts = "" if spending["days_left"] is None else f"; what is left lasts {spending['days_left']} days"
        rows.append(("a day uses", f"{_rounded(spending['a_day'])} credits, over {spending['hours']} hours{lasts}"))
    rows += [(f"delegate {each['account']}", f"{_rounded(each['left'])} credits") for each in document["delegates"]]
    terminal.print_table(("", ""), rows)


def _rounded(amount: str) -> str:
    """As the pages say an amount: to a thousandth. `--json` has it to the last wei."""
    from maillon.kit.language import say_number

    return say_number(Decimal(amount), "en")


def _price(price: dict[str, Any]) -> list[tuple[str, str]]:
    now = f"{price['gwei_per_gas']} gwei for each gas: a credit pays {price['transfers_a_credit']} transfers"
    return [
        ("now", now),
        *(
            (f"in {each['blocks']} blocks", f"at most {each['gwei_per_gas']}: {each['transfers_a_credit']} transfers")
            for each in price["at_most"]
        ),
    ]


def _refill(refill: dict[str, Any] | None) -> list[tuple[str, str]]:
    if refill is None:
        return [("refills", "never by itself: this is a sandbox, whose page gives credits to whoever asks")]
    return [("refills", f"in block {refill['block']}, {refill['blocks']} from now, about {refill['moment'][:16]}")]


def _ask(home: Path | None, url: str | None, path: str, *, as_json: bool) -> Any:
    """One answer, or the command ends with why there is none."""
    from maillon.kit.settings import load

    try:
        server = load(home=home, url=url).server_url
        answer = httpx.get(f"{server}/v1/credits{path}", timeout=60)
        document = answer.json()
    except KitError as error:
        terminal.fail(str(error), as_json=as_json)
    except (httpx.HTTPError, ValueError) as error:
        terminal.fail(f"the server does not answer: {error}. Is `maillon up` running?", as_json=as_json)
    if answer.status_code != 200:
        status = terminal.REFUSED if answer.status_code < 500 else terminal.UNDECIDED
        terminal.fail(f"{document.get('title')}: {document.get('detail')}", status, as_json=as_json)
    return document
