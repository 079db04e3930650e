# SPDX-License-Identifier: Apache-2.0
"""Votes in the terminal: list, show, rules, cast, propose, execute, proxies; record, export, recount with no server."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import typer

from maillon.kit.settings import load
from maillon.kit.terminal import OK, REFUSED, UNDECIDED, fail, print_json, print_table

if TYPE_CHECKING:
    from maillon.services.votes.export import Difference

votes = typer.Typer(no_args_is_help=True, help="Proposals and votes; every act is signed on this machine.")

_Json = Annotated[bool, typer.Option("--json", help="One line of JSON instead of text.")]
_Url = Annotated[str | None, typer.Option(help="The server; by default that of the settings.")]
_Home = Annotated[Path | None, typer.Option(help="The data directory; by default MAILLON_HOME, else ~/.maillon.")]
_Key = Annotated[
    Path, typer.Option("--key", envvar="MAILLON_KEY_FILE", help="Key file: 64 hexadecimal digits, or a keystore.")
]
_Yes = Annotated[bool, typer.Option("--yes", help="Sign without asking.")]
_LISTED_AT_ONCE: Final = 100
_POSITIONS_AT_ONCE: Final = 200
_TICKED: Final = ("evidence", "appointed")
"""Fields that are set once for each thing that is ticked."""
_FORMER: Final = "of a former Governance"
_TAKES: Final = {
    "organisation": "a number",
    "tier": "0 to 7",
    "college": "0 to 7",
    "organisation_kind": "0 company, 1 small company, 2 education, 3 administration, 4 association, 5 other",
    "country": "two letters, or nothing for every country without a rule of its own",
    "offices": "32 an admission officer's signature, 64 a verifier's, 96 either's, 0 nobody's",
    "evidence": "1 register, 2 mandate, 4 invitation, 8 credential; repeat for more, 0 for none",
    "directory_name": "letters and digits",
    "address": "0x and 40 hexadecimal digits",
    "gwei": "Gwei, up to 1000",
    "validator_key": "0x and 64 hexadecimal digits, as `maillon members nodes` shows it",
    "power": "0 to 1000; 0 sets it aside",
    "home_country": "two letters",
    "account": "0x and 40 hexadecimal digits",
    "appointed": "16 officer, 32 admission officer, 64 verifier; repeat for more, 0 for none",
    "quorum": "percent, with at most two decimals",
    "majority": "a fraction, as 2/3; 1/2 is more than half",
    "window": "as 14 d, 12 h, 30 min",
    "lock": "as 14 d, 12 h, 30 min; 0 s for none",
    "notice": "as 14 d, 12 h, 30 min; 0 s for none",
    "expiry": "as 30 d",
    "proxies": "0 to 16",
    "yes_no": "yes or no",
    "weight": "1 to 1000",
}
"""How each kind of field of `forms` is written in a terminal."""


class _Session:
    """A server, and how its errors end a command."""

    def __init__(self, home: Path | None, url: str | None, *, as_json: bool) -> None:
        # Imported here: `--help` and `recount` need no client.
        from maillon.ledger import client as signing
        from maillon.services.votes import client

        self.client, self.signing = client, signing
        self.server = client.Server(load(home=home, url=url).server_url)
        self.as_json = as_json

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        self.server.close()
        if isinstance(error, self.signing.ServerUnreachable):
            fail(str(error), UNDECIDED, as_json=self.as_json)
        if isinstance(error, self.signing.ClientError):
            fail(str(error), REFUSED, as_json=self.as_json)

    def act(self, asked: dict[str, Any], encode: Any, key: Path, *, yes: bool) -> None:
        """Prepare, say what is signed, sign after a yes, and say what became of it."""
        account = self.signing.read_key(key, lambda: typer.prompt("Passphrase", hide_input=True, err=True))
        prepared = self.server.prepare(asked)
        call = self.signing.checked(prepared, encode(prepared))
        if not (yes or self.as_json):
            for each in prepared.get("calls", ()):
                _print_call(each)
        signed = self.signing.sign_after_yes(self.server, prepared, call, account, yes=yes)
        if prepared.get("text"):
            self.server.send_text(prepared["text"])
        if self.as_json:
            print_json({"transaction": signed.transaction, "block": signed.block, "says": prepared["says"]["en"]})
        else:
            print(f"in block {signed.block}: {signed.transaction}")


@votes.command("list")
def list_votes(
    show: Annotated[str, typer.Option(help="open, closed, executed or all.")] = "open",
    before: Annotated[int | None, typer.Option(min=1, help="Continue below this number.")] = None,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """List proposals, newest first, a hundred at a time."""
    with _Session(home, url, as_json=as_json) as session:
        further = {} if before is None else {"before": before}
        document = session.server.get("/v1/votes", show=show, limit=_LISTED_AT_ONCE, **further)
        if as_json:
            print_json(document)
            return
        rows = [
            (
                f"{each['number']} ({_FORMER})" if each["governance"]["former"] else each["number"],
                each["title"] or "(text not known here)",
                each["state_in_words"],
                f"{each['tally']['in_favour']}/{each['tally']['against'] + each['tally']['objecting']}",
                each["closes_in_words"],
            )
            for each in document["proposals"]
        ]
        print_table(("No.", "Title", "State", "For/against", "Closes"), rows)
        if document["unread"] is not None:
            print(f"Not listed: votes taken now by {document['unread']}, whose code this server does not know.")
        if document["register_moved_to"] is not None:
            print(f"Who votes is what {document['register_moved_to']} says now, a register this server does not read.")
        if document["next"] is not None:
            print(f"There are more: maillon votes list --show {show} --before {document['next']}")


@votes.command("show")
def show_vote(number: int, as_json: _Json = False, url: _Url = None, home: _Home = None) -> None:
    """Show a proposal: what it would change, and what it still needs to pass."""
    with _Session(home, url, as_json=as_json) as session:
        document = session.server.get(f"/v1/votes/{number}")
        if as_json:
            print_json(document)
            return
        print(f"{document['number']}. {document['title'] or '(text not known here)'}")
        print(f"{document['kind_in_words']}, made by {document['proposer']['legal_name']}")
        taken = document["governance"]
        if taken["former"]:
            print(f"Taken by {taken['address']}, where votes were taken before: they are taken elsewhere now.")
        elif taken["succession"]:
            print(f"Proposal {taken['number']} of {taken['address']}, to which a vote led Governance.")
        print(document["sentence"] + "\n")
        for need in document["needs"]:
            lacks = f"lacks {need['missing']}" if need["missing"] else "reached"
            print(f"{need['condition']}: {lacks}. {need['measure']}")
        print()
        for call in document["calls"]:
            _print_call(call)
        if not document["calls"]:
            print("It calls no contract: it is a resolution.")
        if document["rehearsal"] is not None:
            print(document["rehearsal"]["in_words"])
        if document["cost"] is not None:
            print("\n".join(document["cost"]["in_words"]))
        if document["text"]:
            print("\n" + document["text"])
        _print_positions(_positions(session, number))


def _positions(session: _Session, number: int) -> Iterator[dict[str, Any]]:
    """Who said what, newest first, all of it."""
    offset: int | None = 0
    while offset is not None:
        document = session.server.get(f"/v1/votes/{number}/positions", offset=offset, limit=_POSITIONS_AT_ONCE)
        yield from document["positions"]
        offset = document["next"]


def _print_positions(positions: Iterable[dict[str, Any]]) -> None:
    rows = [
        (
            each["organisation"]["legal_name"],
            "left the vote: no longer an active member" if each["struck"] else each["in_words"],
            each["holder"]["legal_name"] if each["holder"] else "",
            each["weight"],
            each["reason"],
            each["time_in_words"],
        )
        for each in positions
    ]
    print()
    if rows:
        print_table(("Organisation", "Position", "Taken by", "Weight", "Reason", "When"), rows)
    else:
        print("Nobody has taken a position.")


@votes.command("rules")
def rules(as_json: _Json = False, url: _Url = None, home: _Home = None) -> None:
    """Show the statutes in force: quorum, majority and delays of each kind of proposal, proxies and weights."""
    with _Session(home, url, as_json=as_json) as session:
        document = session.server.get("/v1/votes/statutes")
        if as_json:
            print_json(document)
            return
        print(f"Version {document['version']} of the statutes. A proposal keeps that in force when it was made.\n")
        rows = [
            (
                each["kind"],
                f"{each['quorum'] / 100:g}%",
                "more than half"
                if 2 * each["numerator"] == each["denominator"]
                else f"{each['numerator']}/{each['denominator']}",
                each["window_in_words"],
                each["lock_in_words"],
            )
            for each in document["terms"]
        ]
        print_table(("Kind", "Quorum", "Majority", "Open at least", "Delay before execution"), rows)
        print(f"\nAnnounced before it opens for at least: {document['notice_in_words']}; emergencies need no notice.")
        print(f"Executed after its delay, within: {document['expiry_in_words']}.")
        print(f"Proxies a member uses in one vote, at most: {document['proxies']}; none in an emergency.")
        by_college = document["by_college"]
        print(
            "Quorum and majority must be reached in each college too." if by_college else "All members count together."
        )
        weights = (f"tier {tier}: {weight}" for tier, weight in enumerate(document["weights"]))
        print(f"What a vote weighs, by tier: {', '.join(weights)}.")


@votes.command("proxies")
def proxies(
    organisation: Annotated[int, typer.Argument(min=1, help="Whose, by its number in the register.")],
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Show the proxies that an organisation gave and holds now."""
    with _Session(home, url, as_json=as_json) as session:
        document = session.server.get(f"/v1/votes/proxies/{organisation}")
        if as_json:
            print_json(document)
            return
        found = document["proxies"]
        for side, other, title in (("giver", "holder", "Given to"), ("holder", "giver", "Held for")):
            rows = [
                (
                    each[other]["legal_name"],
                    _span(each, document["succession"]),
                    each["until_in_words"],
                )
                for each in found
                if each[side]["number"] == organisation
            ]
            if rows:
                print_table((title, "For", "Until"), rows)
        if not found:
            print(f"Organisation {organisation} gave no proxy, and holds none.")


def _span(proxy: dict[str, Any], succession: int) -> str:
    """For which votes a proxy is."""
    if proxy["proposal"] is not None:
        return f"proposal {proxy['proposal']}"
    return "every vote" if proxy["succession"] == succession else f"every vote ({_FORMER})"


def _print_call(call: dict[str, Any]) -> None:
    """A call in words, with what it would change; as it is where nobody can read it."""
    print(call["in_words"])
    if call["warning"]:
        print(f"  {call['target']} {call['data']}")
    if call["changes"]:
        print_table(
            ("What", "Before", "After"), [(row["what"], row["before"], row["after"]) for row in call["changes"]]
        )


@votes.command("cast")
def cast(  # noqa: PLR0917 - Typer reads the command's options from its arguments
    number: int,
    position: Annotated[str, typer.Argument(help="for, against, abstain or object.")],
    key: _Key,
    reason: Annotated[str, typer.Option(help="Public; an objection needs one.")] = "",
    giver: Annotated[int | None, typer.Option("--for", help="The organisation whose proxy you hold.")] = None,
    yes: _Yes = False,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Take a position, for your organisation or for one that gave it a proxy."""
    from maillon.services.votes.forms import parse_position

    chosen = parse_position(position)
    if chosen is None:
        fail("positions are for, against, abstain and object", UNDECIDED, as_json=as_json)
    with _Session(home, url, as_json=as_json) as session:
        asked = {"act": "cast", "proposal": number, "position": position, "reason": reason, "giver": giver}
        session.act(
            asked,
            lambda prepared: session.client.cast_call(prepared, number, chosen, reason, giver),
            key,
            yes=yes,
        )


@votes.command("propose")
def propose(  # noqa: PLR0917 - Typer reads the command's options from its arguments
    text: Annotated[Path, typer.Argument(help="A file of UTF-8 text; its first line is the title.")],
    key: _Key,
    kind: Annotated[str, typer.Option(help="ordinary, constitutional or emergency.")] = "ordinary",
    act: Annotated[
        str, typer.Option("--act", help="What it would do, for example Members.suspend; another word lists them all.")
    ] = "",
    fields: Annotated[
        list[str] | None, typer.Option("--set", help="A field of the act: field=value; repeat for each.")
    ] = None,
    call: Annotated[
        list[str] | None, typer.Option("--call", help="A raw call: 0xADDRESS 0xDATA, in one argument; repeat for more.")
    ] = None,
    opens: Annotated[int | None, typer.Option(help="Unix time; by default as soon as the notice allows.")] = None,
    closes: Annotated[int | None, typer.Option(help="Unix time; by default as soon as the rules allow.")] = None,
    yes: _Yes = False,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Put something to the vote."""
    from maillon.services.votes.errors import InvalidProposal, Refused
    from maillon.services.votes.forms import begin, parse_calls, parse_kind, parse_raw

    try:
        content = text.read_text(encoding="utf-8")
        chosen = parse_kind(kind, act)
        calls = parse_raw("\n".join(call or []))
        typed = _read_act(act, fields or [], raw=bool(calls))
    except (OSError, UnicodeDecodeError, Refused) as error:
        fail(str(error), UNDECIDED, as_json=as_json)
    with _Session(home, url, as_json=as_json) as session:
        if act:
            book, in_force = session.server.law()
            typed = begin(act, in_force, "en") | typed
            try:
                calls = parse_calls(act, typed, book)
            except InvalidProposal as error:
                fail(f"--set {error.field}: {error}" if error.field else str(error), UNDECIDED, as_json=as_json)
            if not (yes or as_json):
                # What is encoded here; the table that follows is what the server makes of it.
                print_table((act, "As it is signed"), typed.items())
        statutes = session.server.get("/v1/votes/statutes")
        terms = next(each for each in statutes["terms"] if each["kind"] == kind)
        # A minute for signing, since the chain compares with the time of the block.
        start = opens or int(time.time()) + 60 + (0 if kind == "emergency" else statutes["notice"])
        end = closes or start + terms["window"]
        asked = {
            "act": "propose",
            "kind": kind,
            "text": content,
            "calls": [{"target": "0x" + each.target.hex(), "data": "0x" + each.data.hex()} for each in calls],
            "opens": start,
            "closes": end,
        }
        session.act(
            asked,
            lambda prepared: session.client.propose_call(prepared, chosen, content, calls, start, end),
            key,
            yes=yes,
        )


def _read_act(act: str, given: list[str], *, raw: bool) -> dict[str, str]:
    """What was typed of an act that has a form. Raises `InvalidProposal`, which names what the act takes."""
    from maillon.services.votes.errors import InvalidProposal
    from maillon.services.votes.forms import COMMON, read_fields

    if not act:
        if given:
            raise InvalidProposal("--set is for an act: say which with --act")
        return {}
    known = {name: fields for name, fields in COMMON.items() if "." in name}
    if act not in known:
        raise InvalidProposal(f"{act[:80]} is no act with fields; those are {', '.join(known)}")
    if raw:
        raise InvalidProposal("an act is given by --act or by --call, not by both")
    takes = {field.name: _TAKES[field.kind] for field in known[act]}
    needs = f"{act} takes " + "; ".join(f"{name} ({what})" for name, what in takes.items())
    sent: dict[str, list[str]] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or name not in takes:
            raise InvalidProposal(f"--set {each[:80]}: a field is written field=value. {needs}")
        if name in sent and name not in _TICKED:
            raise InvalidProposal(f"{name} is set twice")
        sent.setdefault(name, []).append(value)
    lacking = [name for name in takes if name not in sent]
    # Statutes begin from those in force, so that one value alone is changed.
    if lacking and (act != "Governance.set_statutes" or not sent):
        raise InvalidProposal(f"--set is missing for {', '.join(lacking)}. {needs}")
    typed = read_fields(sent)
    return {name: typed[name] for name in takes if name in typed}


@votes.command("execute")
def execute(  # noqa: PLR0917 - Typer reads the command's options from its arguments
    number: int, key: _Key, yes: _Yes = False, as_json: _Json = False, url: _Url = None, home: _Home = None
) -> None:
    """Do what was decided; anybody may."""
    with _Session(home, url, as_json=as_json) as session:
        shown = session.server.get(f"/v1/votes/{number}")
        session.act(
            {"act": "execute", "proposal": number},
            lambda prepared: session.client.execute_call(prepared, number, shown["calls"]),
            key,
            yes=yes,
        )


@votes.command("give-proxy")
def give_proxy(  # noqa: PLR0917 - Typer reads the command's options from its arguments
    holder: Annotated[int, typer.Argument(help="The organisation that may take your position.")],
    key: _Key,
    proposal: Annotated[int | None, typer.Option(help="For this vote alone.")] = None,
    until: Annotated[int, typer.Option(help="Unix time, when it is for every vote.")] = 0,
    yes: _Yes = False,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Let another member take your position: in one vote, or in every vote until a time."""
    with _Session(home, url, as_json=as_json) as session:
        session.act(
            {"act": "give-proxy", "holder": holder, "proposal": proposal, "until": until},
            lambda prepared: session.client.give_proxy_call(prepared, proposal, holder, until),
            key,
            yes=yes,
        )


@votes.command("revoke-proxy")
def revoke_proxy(  # noqa: PLR0917 - Typer reads the command's options from its arguments
    key: _Key,
    proposal: Annotated[int | None, typer.Option(help="That of this vote; by default the standing one.")] = None,
    yes: _Yes = False,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Take a proxy back, and what was cast with it in open votes."""
    with _Session(home, url, as_json=as_json) as session:
        session.act(
            {"act": "revoke-proxy", "proposal": proposal},
            lambda prepared: session.client.revoke_proxy_call(prepared, proposal),
            key,
            yes=yes,
        )


@votes.command("brake")
def brake(key: _Key, yes: _Yes = False, as_json: _Json = False, url: _Url = None, home: _Home = None) -> None:
    """Pull the emergency brake: with enough others, publication contracts that ask it stop for 72 hours."""
    with _Session(home, url, as_json=as_json) as session:
        session.act({"act": "brake"}, lambda prepared: session.client.brake_of(prepared).pull(), key, yes=yes)


@votes.command("export")
def export(  # noqa: PLR0917 - Typer reads the command's options from its arguments
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    rpc: Annotated[
        str | None, typer.Option("--rpc", help="Read the events from this node's JSON-RPC, and ask no server.")
    ] = None,
    network: Annotated[str, typer.Option(help="What a node does not know: the name to write into the file.")] = "",
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Export every event that a recount needs, for `maillon votes recount`: from the server, or from any node."""
    with _Session(home, url, as_json=as_json) as session:
        if rpc is None:
            data = session.server.get_bytes("/v1/votes/export")
        else:
            data = session.client.export_from(rpc, network).to_json()
    _write(out, data, as_json=as_json)
    if as_json:
        print_json({"file": str(out), "bytes": len(data)})
    else:
        print(f"{len(data)} bytes written to {out}")


@votes.command("record")
def record(  # noqa: PLR0917 - Typer reads the command's options from its arguments
    number: int,
    out: Annotated[
        Path | None, typer.Option(help="The file to write: .json or .pdf; by default vote-NUMBER.record.json here.")
    ] = None,
    language: Annotated[str, typer.Option(help="Of a PDF: fr or en.")] = "fr",
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Take the record of a closed vote: the file with its receipt beside it, or a PDF that holds both."""
    file = out or Path(f"vote-{number}.record.json")
    if file.suffix not in (".json", ".pdf"):
        fail(f"{file.name}: a record is a .json or a .pdf", UNDECIDED, as_json=as_json)
    if language not in ("fr", "en"):
        fail("languages are fr and en", UNDECIDED, as_json=as_json)
    with _Session(home, url, as_json=as_json) as session:
        # Both are asked for before either is written: a record without its receipt would look like one that has none.
        if file.suffix == ".pdf":
            taken = {file: session.server.get_bytes(f"/{language}/votes/{number}/record.pdf")}
        else:
            receipt = file.with_name(f"{file.name}.receipt.json")
            taken = {
                file: session.server.get_bytes(f"/v1/votes/{number}/record"),
                receipt: session.server.get_bytes(f"/v1/votes/{number}/record/receipt"),
            }
    for path, data in taken.items():
        _write(path, data, as_json=as_json)
    if as_json:
        print_json({"files": [{"file": str(path), "bytes": len(data)} for path, data in taken.items()]})
    else:
        for path, data in taken.items():
            print(f"{len(data)} bytes written to {path}")


def _write(path: Path, data: bytes, *, as_json: bool) -> None:
    """Write a file, or end the program saying why not."""
    try:
        path.write_bytes(data)
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", UNDECIDED, as_json=as_json)


@votes.command("recount")
def recount(
    file: Annotated[Path, typer.Argument(help="An export of votes.")],
    number: Annotated[int | None, typer.Option(help="This proposal alone.")] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", help="Another export of the same chain: say what one of them lacks.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Count every vote again from an export, offline.

    Exits 1 when its events contradict the law or each other, and when the export it is compared with says otherwise.
    """
    from maillon.services.votes.errors import Contradiction, InvalidExport
    from maillon.services.votes.export import Export, differences
    from maillon.services.votes.recount import recount as count_again
    from maillon.services.votes.rules import add_up

    try:
        read = Export.parse(file.read_bytes())
        found = count_again(read.founding, read.dated())
        other = None if compare is None else Export.parse(compare.read_bytes())
        differing = [] if other is None else differences(read, other)
    except OSError as error:
        fail(f"{error.filename} cannot be read: {error.strerror}", UNDECIDED, as_json=as_json)
    except InvalidExport as error:
        fail(str(error), UNDECIDED, as_json=as_json)
    except Contradiction as error:
        fail(f"the export contradicts itself: {error}", REFUSED, as_json=as_json)
    ends = read.other_register
    # The export ends before another register says who votes: what was open then is not known to have closed so.
    now = int(time.time()) if ends is None else ends.time - 1
    unread = ["0x" + address.hex() for address in read.unread]
    rows = []
    for each in found.values():
        if number is None or each.proposal.number == number:
            tally = add_up(each.count.tallies.values())
            rows.append(
                {
                    "number": each.proposal.number,
                    "kind": each.proposal.kind.word,
                    "state": each.state(now).word,
                    "total": tally.total,
                    "in_favour": tally.in_favour,
                    "against": tally.against,
                    "objecting": tally.objecting,
                    "abstaining": tally.abstaining,
                    "undecided": tally.undecided,
                }
            )
    if number is not None and not rows:
        fail(f"the export has no proposal {number}", REFUSED, as_json=as_json)
    if as_json:
        document: dict[str, Any] = {"network": read.network, "height": read.height, "votes": rows, "unread": unread}
        document["other_register"] = (
            None if ends is None else {"address": "0x" + ends.address.hex(), "block": ends.block}
        )
        if other is not None:
            document["compared"] = {
                "height": min(read.height, other.height),
                "differences": [{"lacking": each.lacking, "what": each.what} for each in differing],
            }
        print_json(document)
    else:
        print_table(
            ("No.", "State", "For", "Against", "Objecting", "Abstaining", "Not taken", "Of"),
            [
                (
                    row["number"],
                    row["state"],
                    row["in_favour"],
                    row["against"],
                    row["objecting"],
                    row["abstaining"],
                    row["undecided"],
                    row["total"],
                )
                for row in rows
            ],
        )
        for address in unread:
            print(f"Not counted: votes taken by {address}, whose code is another law than the one known here.")
        if ends is not None:
            print(
                f"Not counted: anything from block {ends.block} on, when votes led the name Members to "
                f"0x{ends.address.hex()}, a register that is not read here."
            )
        if other is not None:
            _print_differences((str(file), str(compare)), min(read.height, other.height), differing)
    raise typer.Exit(REFUSED if differing else OK)


def _print_differences(files: tuple[str, str], height: int, found: Sequence[Difference]) -> None:
    """What one of two exports has and the other has not."""
    print()
    if not found:
        print(f"Up to block {height} both say the same.")
        return
    print(f"Up to block {height} they differ:")
    for each in found:
        print(f"  {each.what}: " + ("not the same" if each.lacking is None else f"not in {files[each.lacking - 1]}"))
